"""Wiggler or undulator, and with an ``SSMB_laser`` group the laser modulator."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ssmb.beam.reference import Reference
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.elements.base import ByField, ByMap, Element, element, param
from ssmb.errors import LatticeError, PhysicsError
from ssmb.maps.flight import drift_exact
from ssmb.maps.laser_coupling import Coupling, coupling
from ssmb.maps.laser_modulator import LaserBeam, Modulator
from ssmb.maps.local_field import LocalField
from ssmb.maps.op import Op
from ssmb.maps.roles import Light, Wave
from ssmb.maps.synchrotron_radiation import SINE_SHARES, step_points
from ssmb.maps.undulator import Undulator
from ssmb.maps.wiggler import wiggler_gradient, wiggler_helical, wiggler_planar
from ssmb.quantity import LIGHT

_GROUP = "SSMB_WigglerP"
_LASER = "SSMB_laser"
#: Focusing phase advance per step [rad]; measured tune error of the fourth-order step: 1.1e-9 per rad of advance.
_ADVANCE_PER_STEP = 0.018
_THICK_SLICES = 8
#: Intervals between the points at which a wiggler radiates.
_RADIATION_STEPS = 4


def _laser_length(key: str, doc: str, **limits: Any) -> Any:
    return param(0.0, unit="m", key=f"{_LASER}.{key}", doc=doc, **limits)


@element("Wiggler")
class Wiggler(Element):
    """Wiggler: natural focusing, R56 and path length of the period-averaged motion; with a laser, a modulator.

    Two of ``length``, ``periods`` and ``period_length`` are given (three must agree), and either ``K`` or ``B_peak``;
    K = e B period/(2 pi m c). Motion is in x for polarization HORIZONTAL (vertical field), in y for VERTICAL, circular
    for HELICAL. The guiding centre is tracked. On axis its path is the exact mean path of the sinusoidal orbit, so that
    z of the reference particle does not change; R56 is ``L (1 + K^2/2)/gamma^2`` = 2 N lambda.

    A laser of ``laser_wavelength`` and ``laser_power`` travels with the electrons, polarised along the wiggling
    (circular for HELICAL). ``laser_phase`` = 0 means that at exact resonance, with the waist in the middle, the energy
    gain is ``delta += A sin(k z)`` with A > 0: the head gains. The phase is the same on every turn: the light is locked
    to the reference particle. Model THICK integrates the light through the wiggler (1e-3 of the brute-force orbit
    integral); THIN is one kick in the middle with the closed-form amplitude. KICK is a kick alone, without motion and
    without radiation, its profile averaged along the wiggler: for ring models, whose maps hold the motion in it.

    Validity: K/(gamma beta) small against 1; distance from the axis small against the period; the wiggling amplitude,
    1/(k_u Z_R), and changes of delta small enough that their squares can be left out of the coupling; slippage short
    against pulse and coherence length of the laser. Light near a harmonic other than the first drives that harmonic.
    A ``gradient`` comes with the steady correction field that keeps the orbit on the axis; THIN and KICK leave out what
    it does to the coupling. HELICAL leaves out the slow turn of the transverse plane by (K/(gamma beta))^2 k_u L/2 (1
    mrad for an undulator).
    """

    periods: float = param(0.0, unit="", key=f"{_GROUP}.periods", minimum=0.0, doc="number of periods N")
    period_length: float = param(0.0, unit="m", key=f"{_GROUP}.period_length", minimum=0.0, doc="length of one period")
    K: float = param(0.0, unit="", key=f"{_GROUP}.K", minimum=0.0, doc="deflection parameter of the peak field")
    B_peak: float = param(0.0, unit="T", key=f"{_GROUP}.B_peak", minimum=0.0, doc="peak field on axis, instead of K")
    polarization: str = param(
        "HORIZONTAL",
        unit="",
        key=f"{_GROUP}.polarization",
        choices=("HORIZONTAL", "VERTICAL", "HELICAL"),
        doc="plane of the wiggling motion",
    )
    gradient: float = param(
        0.0,
        unit="1/m",
        key=f"{_GROUP}.gradient",
        minimum=-1000.0,
        maximum=1000.0,
        doc="relative change of the field per distance along the wiggling (canted poles, planar only)",
    )
    pole_phase: float = param(
        0.0,
        unit="2pi",
        key=f"{_GROUP}.pole_phase",
        doc="phase of the field in the middle: 0 on a pole, 0.25 between poles",
    )
    slices: int = param(
        0, unit="", key="SSMB_TrackingP.slices", minimum=0, maximum=100000, doc="integration steps; 0: by the focusing"
    )
    laser_on: bool = param(True, unit="", key=f"{_LASER}.on", doc="false: the light is switched off")
    laser_wavelength: float = _laser_length(
        "wavelength", "wavelength of the light; 0: there is no laser", minimum=0.0, plausible=LIGHT
    )
    laser_power: float = param(
        0.0, unit="W", key=f"{_LASER}.power", minimum=0.0, doc="instantaneous power that travels with the electrons"
    )
    laser_rayleigh_length: float = _laser_length("rayleigh_length", "Rayleigh length of the light", minimum=0.0)
    laser_waist_position: float = _laser_length("waist_position", "waist, counted downstream from the middle")
    laser_phase: float = param(0.0, unit="2pi", key=f"{_LASER}.phase", doc="phase; 0: the kick is A sin(k z), A > 0")
    laser_m2: float = param(1.0, unit="", key=f"{_LASER}.M2", minimum=1.0, doc="beam quality M^2")
    laser_mode: str = param("TEM00", unit="", key=f"{_LASER}.mode", choices=("TEM00", "TEM01"), doc="transverse mode")
    laser_orientation: str = param(
        "Y", unit="", key=f"{_LASER}.orientation", choices=("X", "Y"), doc="coordinate in which a TEM01 field is odd"
    )
    laser_x_offset: float = _laser_length("x_offset", "x of the laser axis in the middle of the wiggler")
    laser_y_offset: float = _laser_length("y_offset", "y of the laser axis in the middle of the wiggler")
    laser_x_angle: float = param(
        0.0, unit="rad", key=f"{_LASER}.x_angle", minimum=-0.1, maximum=0.1, doc="slope dx/ds of the laser axis"
    )
    laser_y_angle: float = param(
        0.0, unit="rad", key=f"{_LASER}.y_angle", minimum=-0.1, maximum=0.1, doc="slope dy/ds of the laser axis"
    )
    laser_model: str = param(
        "THICK",
        unit="",
        key=f"{_LASER}.model",
        choices=("THICK", "THIN", "KICK"),
        doc="light in slices, one kick, or a kick alone",
    )
    laser_slices: int = param(
        0, unit="", key=f"{_LASER}.slices", minimum=0, maximum=10000, doc="slices of the thick model; 0: chosen"
    )

    def check(self) -> None:
        if self.length == 0.0:
            object.__setattr__(self, "length", self.periods * self.period_length)
        if self.length == 0.0 or not (self.periods or self.period_length):
            raise LatticeError(
                f"{self.label()}: give two of length, {_GROUP}.periods and {_GROUP}.period_length, each > 0"
            )
        if self.periods and self.period_length:
            product = self.periods * self.period_length
            if abs(product - self.length) > 1e-9 * self.length:
                raise LatticeError(
                    f"{self.label()}: length {self.length!r} m is not periods * period_length = {product!r} m; "
                    "give two of the three"
                )
        if self.K and self.B_peak:
            raise LatticeError(f"{self.label()}: give either {_GROUP}.K or {_GROUP}.B_peak, not both")
        if self.gradient and self.polarization == "HELICAL":
            raise LatticeError(f"{self.label()}: {_GROUP}.gradient is for planar wigglers, not for HELICAL ones")
        if self.has_laser and not self.laser_rayleigh_length > 0.0:
            raise LatticeError(f"{self.label()}: a laser needs {_LASER}.rayleigh_length > 0 [m]")
        if self.laser_power and not self.laser_wavelength:
            raise LatticeError(f"{self.label()}: {_LASER}.power without {_LASER}.wavelength [m]")

    @property
    def has_laser(self) -> bool:
        """Whether light acts on the electrons."""
        return self.laser_on and self.laser_wavelength > 0.0 and self.laser_power > 0.0

    @property
    def period(self) -> float:
        """Length of one period [m]."""
        return self.period_length or self.length / self.periods

    @property
    def k_u(self) -> float:
        """2 pi over the period [1/m]."""
        return 2.0 * math.pi / self.period

    def wiggling_angle(self, ref: Reference) -> float:
        """Amplitude of the wiggling angle of the reference particle, K/(gamma beta) [rad].

        Raises
        ------
        PhysicsError
            If the angle is too large for motion averaged over a period.
        """
        angle = self.B_peak / (self.k_u * ref.brho) if self.B_peak else self.K / (ref.gamma * ref.beta)
        if angle > 0.3:
            raise PhysicsError(
                f"{self.label()}: the wiggling angle K/(gamma beta) = {angle:.3g} rad is too large for the averaged "
                "motion (at most 0.3); check K or B_peak and the reference energy"
            )
        if self.polarization == "HELICAL":
            # the helix of radius rho/k_u in the field of a bifilar winding: the field grows a little off axis
            rho = angle
            for _ in range(40):
                q = rho * rho
                rho = angle * (1.0 + q / 8.0 + q * q / 192.0) * (1.0 + q) * math.sqrt(1.0 + q)
                if rho > 1.0:
                    raise PhysicsError(f"{self.label()}: no helical orbit at K/(gamma beta) = {angle:.3g}; lower K")
            return rho
        return angle

    def path_excess(self, ref: Reference) -> float:
        """Mean path of the reference particle per length of wiggler, minus 1 [1]; exact for the ideal field."""
        m = self.wiggling_angle(ref) ** 2
        if self.polarization == "HELICAL":
            return m / (1.0 + math.sqrt(1.0 + m))
        # (2/pi) K_ell(m) - 1 by its series: the library value minus 1 would lose eleven digits
        total, term, n = 0.0, 1.0, 0
        while n == 0 or term > 1e-18 * total:
            n += 1
            term *= m * ((2 * n - 1) / (2 * n)) ** 2
            total += term
        return total

    def slip(self, ref: Reference) -> float:
        """Length by which light gains on the reference particle per length of wiggler [1]; resonance: period * slip."""
        b = ref.beta
        return self.path_excess(ref) / b + ref.inv_gamma2 / (b * (1.0 + b))

    def light_coupling(self, ref: Reference) -> Coupling:
        """Period-averaged coupling of the reference particle to the laser."""
        k = 2.0 * math.pi / self.laser_wavelength
        return coupling(self.wiggling_angle(ref), self.k_u, k, self.slip(ref), self.polarization)

    def modulator(self, ref: Reference) -> Modulator:
        """The laser of this wiggler, ready to be packed."""
        light = LaserBeam(
            self.laser_wavelength,
            self.laser_power,
            self.laser_rayleigh_length,
            self.laser_waist_position,
            self.laser_phase,
            self.laser_m2,
            self.laser_orientation if self.laser_mode == "TEM01" else "",
            self.laser_x_offset,
            self.laser_y_offset,
            self.laser_x_angle,
            self.laser_y_angle,
        )
        tau0 = 2.0 * math.pi * (self.pole_phase - 0.25)
        helical = self.polarization == "HELICAL"
        return Modulator.of(light, self.light_coupling(ref), ref, helical, tau0, self.k_u, self.gradient)

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        return self.slice_ops(ref, 0.0, 1.0)

    def slice_ops(self, ref: Reference, fraction_from: float, fraction_to: float) -> tuple[Op, ...]:
        if fraction_to <= fraction_from:
            return ()
        if self.laser_model == "KICK":
            return self._kick(ref) if fraction_from < 0.5 <= fraction_to else ()
        if not self.has_laser or self.wiggling_angle(ref) == 0.0:
            return self._motion(ref, (fraction_to - fraction_from) * self.length)
        if self.laser_model == "THIN":
            return self._thin(ref, fraction_from, fraction_to)
        return tuple(self._thick(ref, fraction_from, fraction_to))

    def local_field(self, ref: Reference) -> LocalField | None:
        angle = self.wiggling_angle(ref)
        if angle == 0.0 or self.laser_model == "KICK":
            return None
        b2, path = (angle * self.k_u) ** 2, self.length * (1.0 + self.path_excess(ref))
        points = step_points(_RADIATION_STEPS)
        swing = (ref.gamma * angle) ** 2  # squared wiggling angle in units of 1/gamma^2
        if self.polarization == "HELICAL":
            recoil = (0.5, 0.5, 0.5 * swing, 0.5 * swing)
            return LocalField("wiggler", (b2, self.k_u, 0.0, 0.0, *recoil, 0.0), points, path)
        # <|cos|^3 sin^2>/<|cos|^3> = 1/5 of the wiggling angle counts in the plane of the orbit
        plane = (0.0, 1.0, 0.2 * swing, 0.0) if self.polarization == "HORIZONTAL" else (1.0, 0.0, 0.0, 0.2 * swing)
        across = plane[:2]  # the field grows along its own direction
        numbers = (b2, self.k_u, *across, *plane, self.gradient)
        return LocalField("wiggler", numbers, points, path, shares=SINE_SHARES)

    def _motion(self, ref: Reference, length: float) -> tuple[Op, ...]:
        """The wiggler without light over ``length``."""
        excess = self.path_excess(ref)
        if length == 0.0:
            return ()
        if excess == 0.0:
            return (Op(drift_exact, (length,)),)
        path = 1.0 + excess
        a2 = excess * (2.0 + excess) / (path * path)
        advance = math.sqrt(a2) * self.k_u * self.length
        whole = self.slices or max(4, math.ceil(advance / _ADVANCE_PER_STEP))
        steps = max(1, math.ceil(whole * length / self.length - 1e-9))
        shared = (length / steps, a2, 1.0 / path, path, self.k_u)
        if self.polarization == "HELICAL":
            return (Op(wiggler_helical, shared, steps),)
        across = (0.0, 1.0) if self.polarization == "HORIZONTAL" else (1.0, 0.0)
        if self.gradient:
            return (Op(wiggler_gradient, (*shared, *across, self.gradient), steps),)
        return (Op(wiggler_planar, (*shared, *across), steps),)

    def _thin(self, ref: Reference, a: float, b: float) -> tuple[Op, ...]:
        length = self.length
        if not (a < 0.5 <= b):
            return self._motion(ref, (b - a) * length)
        kick = self.modulator(ref).thin_op(-0.5 * length, 0.5 * length)
        return (*self._motion(ref, (0.5 - a) * length), kick, *self._motion(ref, (b - 0.5) * length))

    def _kick(self, ref: Reference) -> tuple[Op, ...]:
        """The light alone, as one kick."""
        if not self.has_laser or self.wiggling_angle(ref) == 0.0:
            return ()
        return (self.modulator(ref).mean_op(-0.5 * self.length, 0.5 * self.length),)

    def _thick(self, ref: Reference, a: float, b: float) -> Iterator[Op]:
        modulator, length = self.modulator(ref), self.length
        if a == 0.0:
            yield from modulator.end_ops(-0.5 * length, -1.0)
        slices = max(1, math.ceil(self._light_slices() * (b - a) - 1e-9))
        h = (b - a) * length / slices
        here = start = (a - 0.5) * length
        for j in range(slices):
            for s, kicks in modulator.slice_ops(start + j * h, start + (j + 1) * h):
                yield from self._motion(ref, s - here)
                yield from kicks
                here = s
        yield from self._motion(ref, (b - 0.5) * length - here)
        if b == 1.0:
            yield from modulator.end_ops(0.5 * length, 1.0)

    def _light_slices(self) -> int:
        """Slices short against the Rayleigh length, the crossing of the beams and its phase."""
        if self.laser_slices:
            return self.laser_slices
        angle2 = self.laser_x_angle**2 + self.laser_y_angle**2
        spot = math.sqrt(self.laser_m2 * self.laser_wavelength * self.laser_rayleigh_length / math.pi)
        need = (
            2.0 * self.length / self.laser_rayleigh_length,
            2.0 * math.sqrt(angle2) * self.length / spot,
            math.pi * angle2 * self.length / self.laser_wavelength,
        )
        return min(10000, max(_THICK_SLICES, *(math.ceil(n) for n in need)))

    def light(self) -> Light | None:
        if not self.laser_wavelength:
            return None
        return Light(self.laser_wavelength, self.laser_on, self.laser_power, self.laser_x_offset, self.laser_y_offset)

    def wave(self, ref: Reference) -> Wave | None:
        axis = (self.laser_x_offset, self.laser_y_offset, self.laser_x_angle, self.laser_y_angle)
        if not self.has_laser or self.laser_mode != "TEM00" or any(axis) or self.wiggling_angle(ref) == 0.0:
            return None
        size, curvature = self.modulator(ref).mean_wave(-0.5 * self.length, 0.5 * self.length)
        volts, phase = abs(size) * ref.p0c / abs(ref.charge_number), cmath.phase(size) / (2.0 * math.pi)
        return Wave(volts, self.laser_wavelength * ref.beta, phase, curvature.real, self.laser_power)

    def with_light(self, *, on: bool | None = None, power: float | None = None) -> Wiggler:
        changes: dict[str, Any] = {"laser_on": on, "laser_power": power}
        changes = {key: value for key, value in changes.items() if value is not None}
        return replace(self, **changes) if self.laser_wavelength and changes else self

    def apart(self) -> tuple[Element | None, Element, Element | None]:
        bare = self.without_aperture()
        half = replace(
            bare, length=0.5 * self.length, periods=0.0, period_length=self.period, laser_on=False, laser_model="THICK"
        )
        return half, replace(bare, laser_model="KICK"), half

    def family(self) -> tuple[str, int]:
        return ("modulator" if self.has_laser else "undulator"), 1

    def undulator(self, ref: Reference) -> Undulator | None:
        k = self.K or self.B_peak * self.period * SPEED_OF_LIGHT / (2.0 * math.pi * ref.mass)
        whole = round(self.periods or self.length / self.period)
        return Undulator(ref, self.period, whole, k, self.polarization == "HELICAL") if whole else None

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        def averaged(deflection: float, polarization: str) -> ByMap:
            # period-averaged focusing K^2 k_u^2/(2 (gamma beta)^2) across the wiggling, r56 with the mean path
            momentum2, length = (ref.gamma * ref.beta) ** 2, 4.0
            share = 1.0 if polarization == "HELICAL" else 0.5
            focus = (deflection * 2.0 * math.pi / 0.125) * math.sqrt(0.5 / momentum2)

            def plane(x, px, k):
                if k == 0.0:
                    return x + length * px, px
                c, s = math.cos(k * length), math.sin(k * length)
                return c * x + s / k * px, c * px - k * s * x

            def at(x, px, y, py, z, delta):
                r56 = length * (ref.inv_gamma2 + 2.0 * share * deflection**2 / (2.0 * momentum2))
                first = plane(x, px, 0.0 if polarization == "HORIZONTAL" else focus)
                second = plane(y, py, 0.0 if polarization == "VERTICAL" else focus)
                return *first, *second, z + r56 * delta, delta

            made = cls(
                name="u125", periods=32.0, period_length=0.125, K=deflection, polarization=polarization, slices=40
            )
            return ByMap(made, at, order=1, rtol=1e-4)

        return [averaged(2.47982, p) for p in ("HORIZONTAL", "VERTICAL", "HELICAL")]

    @classmethod
    def examples(cls) -> list[Any]:
        u125: dict[str, Any] = {"length": 4.0, "periods": 32.0}
        light: dict[str, Any] = {
            "K": 2.47982,
            "laser_wavelength": 1064e-9,
            "laser_power": 5e6,
            "laser_rayleigh_length": 1.5,
        }
        circular: dict[str, Any] = light | {"K": 1.7535}
        return [
            cls(name="u125", **u125, K=2.47982),
            cls(name="vertical", periods=7.0, period_length=0.2, B_peak=0.62, polarization="VERTICAL"),
            cls(name="helical", periods=30.0, period_length=0.05, K=5.0078, polarization="HELICAL", slices=3),
            cls(name="canted", periods=20.0, period_length=0.1, K=4.0, polarization="VERTICAL", gradient=-30.0),
            cls(name="canted thick", **u125, **light, gradient=20.0),
            cls(name="off", **u125),
            cls(name="feeble", length=1e-6, period_length=0.1, K=1e-6),
            cls(name="damping", periods=80.0, period_length=0.125, B_peak=1.9),
            cls(name="thin", **u125, **light, laser_model="THIN"),
            cls(name="kick", **u125, **light, laser_model="KICK"),
            cls(name="thick", **u125, **light),
            cls(name="dark", **u125, **light, laser_on=False),
            cls(
                name="skew",
                **u125,
                **light,
                laser_phase=0.3,
                laser_m2=1.3,
                laser_waist_position=0.4,
                laser_x_offset=2e-4,
                laser_y_offset=-1e-4,
                laser_x_angle=3e-4,
                laser_y_angle=-2e-4,
                pole_phase=0.1,
            ),
            cls(name="tem01", **u125, **light, laser_mode="TEM01", laser_slices=3),
            cls(name="tem10", **u125, **light, laser_mode="TEM01", laser_orientation="X", polarization="VERTICAL"),
            cls(name="circular", **u125, **circular, polarization="HELICAL", laser_slices=4),
        ]
