"""Coherent light of a tracked beam: the far fields of its particles, added with their phases.

A particle with (x, x', y, y', z, delta) in the middle of an undulator of N periods radiates at odd harmonic n towards
the angle theta the field ``sinc(u) exp(-i k (z + theta.x))``, ``u = (k L/4) |theta - x'|^2 - 2 pi n N delta - pi n N
(offset of the frequency)``. So emittance, energy spread, R56 of the undulator, tilted and curved microbunches and the
detuning are all in the sum over the particles, at each angle; what is left out is the focusing of the undulator over
its length, the change of the beam by its own light (see :mod:`ssmb.light.growth`) and terms of order 1/N, which
:func:`ssmb.light.exact.closed_form_error` bounds: they are part of the interval of the power.

References
----------
X. Deng et al., J. Synchrotron Rad. 30, 35 (2023), doi:10.1107/S1600577522009973 (form factors).
K.-J. Kim, Nucl. Instrum. Methods A 246, 71 (1986), doi:10.1016/0168-9002(86)90048-3 (light of displaced electrons).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from ssmb.arguments import checked
from ssmb.beam import Beam, bunching_factor, fold
from ssmb.beam.bunching import living
from ssmb.constants import VACUUM_IMPEDANCE
from ssmb.costs import check_cost
from ssmb.errors import ConfigError, ValidityWarning, warn
from ssmb.kernels import lobes
from ssmb.kernels.device import check_machine
from ssmb.kernels.threads import most_threads
from ssmb.light.angular import composite_nodes
from ssmb.light.exact import closed_form_error
from ssmb.light.statistics import bunching_within, noise_spread
from ssmb.maps.undulator import Undulator
from ssmb.quantity import Shown, derived, quantity
from ssmb.ranges import count, positive, positive_or_infinite

Array = NDArray[np.float64]

#: an opening of the lobe beyond which less than 0.3 % of the light of a point-like beam is left, in k L theta^2/4
_FAR_LOBE = 40.0 * math.pi
#: rms widths of the light of a wide beam that are integrated over: 4e-9 is left out
_FAR_BEAM = 6.0
#: Time of the field of a particle at an angle on one thread [s]; memory of an angle [B].
_SECONDS, _BYTES = 7e-9, 100.0
#: particles of a sample that says how many radii the light of the beam needs, and to what share of its power
_OF_SAMPLE, _SAME_POWER = 2048, 1e-13
#: panels of radii, and radii in each, that are tried: half as many again, then twice as many
_RADII: tuple[tuple[int, int], ...] = (
    (1, 16), (1, 32), *((n * 2**i, 32) for i in range(20) for n in (2, 3)),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class TrackedLight(Shown):
    """Coherent light of a beam at one wavelength."""

    undulator: Undulator = quantity("", "undulator in which the beam radiates")
    harmonic: int = quantity("1", "odd harmonic of the undulator")
    wavelength: float = quantity("m", "wavelength of the light")
    current: float = quantity("A", "local current of the particles")
    theta_x: Array = quantity(
        "rad", "horizontal angles of a quadrature over the solid angle", label="θx", dims=("direction",)
    )
    theta_y: Array = quantity("rad", "vertical angles of the same", label="θy", dims=("direction",))
    solid: Array = quantity("sr", "weights of the quadrature", dims=("direction",))
    intensity: Array = quantity(
        "W/sr", "dP/dOmega of the coherent light, all polarisations", label="dP/dΩ", dims=("direction",)
    )
    field: Array = quantity(
        "1",
        "far field over that of one particle on the axis, mean over the particles: in phase with the wave, and a "
        "quarter of a wavelength later",
        dims=("quadrature", "direction"),
    )
    bunching: float = quantity("1", "|b| of the beam on the axis, without undulator and angle", label="|b|")
    noise_power: float = quantity(
        "W", "what macroparticles at random would radiate: taken off if they are, an uncertainty if not"
    )

    @derived
    def power(self) -> float:
        """Coherent power inside the angles of the quadrature [W]."""
        return float(self.solid @ self.intensity)

    @property
    def noise_spread(self) -> float:
        """Relative rms spread of the power; see :func:`ssmb.light.statistics.noise_spread` [1]."""
        return noise_spread(self.noise_power / self.power if self.power > 0.0 else math.inf)

    @derived
    def power_range(self) -> tuple[float, float]:
        """16 to 84 % of the power [W]: noise of the macroparticles, and what the lobe of many periods is off."""
        if not self.power > 0.0:
            return 0.0, self.noise_power
        square = float(self.solid @ (self.intensity * (self.theta_x**2 + self.theta_y**2))) / self.power
        reach = 0.5 * math.pi * self.undulator.length / self.wavelength * max(square, 0.0)
        spread = math.hypot(self.noise_spread, closed_form_error(self.undulator, self.harmonic, reach))
        return self.power * max(0.0, 1.0 - spread), self.power * (1.0 + spread)

    @derived
    def bunching_range(self) -> tuple[float, float]:
        """16 to 84 % of |b| by the noise of the macroparticles [1]."""
        if not self.power > 0.0:
            return 0.0, self.bunching
        return bunching_within(self.bunching, self.noise_spread)

    @property
    def divergence(self) -> tuple[float, float]:
        """Rms angles (x, y) of the light about its mean direction [rad]."""
        share = self.solid * self.intensity / self.power
        rms = [math.sqrt(max(float(share @ (a - share @ a) ** 2), 0.0)) for a in (self.theta_x, self.theta_y)]
        return rms[0], rms[1]

    @property
    def efficiency(self) -> float:
        """Power over that of a point-like beam of the same bunching on the exact resonance [1]."""
        full = _ohms(self.undulator, self.harmonic) * (self.bunching * self.current) ** 2
        return self.power / full if full > 0.0 else 0.0


@checked
def tracked_power(
    undulator: Undulator,
    beam: Beam,
    wavelength: float,
    *,
    current: float,
    harmonic: int = 1,
    start: str = "quiet",
    acceptance: float = math.inf,
    resolution: int = 1,
    on: str = "cpu",
) -> TrackedLight:
    """Return the coherent light of the particles of a beam in an undulator.

    Parameters
    ----------
    undulator : the radiator; its on-axis resonance may differ from the wavelength, which is a detuning.
    beam : particles in the middle of the undulator: whole wavelengths of a periodic beam, or one microbunch. Particles
        that are lost count as absent.
    wavelength : wavelength of the light, a harmonic of the bunching [m].
    current : local current of the particles that are alive [A].
    harmonic : odd harmonic n of the undulator (helical: 1).
    start : "quiet" or "random": of random macroparticles the power of their own shot noise, 1/n of the total, is
        taken off; a quiet start has none, and the same amount is given as ``noise_power``.
    acceptance : half angle of a round aperture about the axis [rad].
    resolution : factor on the number of angles in each direction, to see that the result does not change.
    on : "cpu", or "cuda": on a CUDA device, by numba-cuda (extra ``cuda``); the same result but for rounding.

    Raises
    ------
    ConfigError, PhysicsError
        Arguments out of range; an even harmonic; a wavelength that belongs to another harmonic; no particle left.

    Warns
    -----
    ValidityWarning
        If the light cannot be told from the noise of the macroparticles, or goes beyond the angles looked at.

    Examples
    --------
    A point-like bunch (0.3 % of the light lies at angles that are left out):

    >>> from ssmb.beam import Reference
    >>> ref = Reference(400e6)
    >>> euv = Undulator.resonant(ref, 13.5e-9, period=0.01, n_periods=300)
    >>> light = tracked_power(euv, Beam(ref, np.zeros((6, 1))), 13.5e-9, current=0.1)
    >>> round(light.power, 1)
    557.1
    """
    n = _odd_harmonic(undulator, harmonic)
    detuning = _detuning(undulator, n, wavelength)
    if start not in ("quiet", "random"):
        raise ConfigError(f"start must be 'quiet' or 'random', got {start!r}")
    positive("current", current, "A")
    positive_or_infinite("acceptance", acceptance, "rad")
    rows, weight = _rows(beam, wavelength)
    check_machine(on)
    optics = _Lobe(undulator, n, wavelength, detuning, on)
    theta_x, theta_y, solid, edge = _quadrature(
        optics, rows, weight, acceptance, count("resolution", resolution, 1, 64)
    )
    whole = float(weight.sum())
    sums = optics.sums(rows, weight, theta_x, theta_y)
    unit = optics.watts_per_steradian * (current / whole) ** 2
    intensity, noise = unit * (sums[:, 0] ** 2 + sums[:, 1] ** 2), unit * sums[:, 2]
    noise_power = float(solid @ noise)
    if len(beam) > 1 and start == "random":
        intensity = intensity - noise
    light = TrackedLight(
        undulator, n, wavelength, current, theta_x, theta_y, solid, intensity,
        np.ascontiguousarray(sums[:, :2].T) / whole, float(abs(bunching_factor(beam, wavelength))), noise_power,
    )  # fmt: skip
    _warn(light, len(beam), edge)
    return light


def light_seconds(particles: int, angles: float) -> float:
    """Time that the light of so many particles at so many angles takes [s]."""
    return _SECONDS * particles * angles / most_threads()


@checked
def energy_exchange(light: TrackedLight, beam: Beam, *, on: str = "cpu") -> Array:
    """Return the change of delta of each particle by the coherent light that a beam radiates (n,) [1].

    The field of all particles does work on each of them; its part in phase with the particle's own far field is what
    is radiated. So the mean loss of the beam that radiates is exactly :attr:`TrackedLight.power` over the current, if
    it does not change while it radiates. Lost particles get 0.

    Parameters
    ----------
    light : result of :func:`tracked_power` with ``start="quiet"``.
    beam : the same beam, or other particles in its light.
    on : "cpu" or "cuda", as for :func:`tracked_power`.

    Examples
    --------
    >>> from ssmb.beam import Reference
    >>> ref = Reference(400e6)
    >>> euv = Undulator.resonant(ref, 13.5e-9, period=0.01, n_periods=300)
    >>> beam = Beam(ref, np.zeros((6, 64)))
    >>> light = tracked_power(euv, beam, 13.5e-9, current=1.0)
    >>> volts = -energy_exchange(light, beam) * ref.beta * ref.p0c
    >>> bool(abs(volts.mean() / light.power - 1.0) < 1e-12)  # volts times one ampere
    True
    """
    rows, weight = _rows(beam, light.wavelength)
    detuning = _detuning(light.undulator, light.harmonic, light.wavelength)
    check_machine(on)
    optics = _Lobe(light.undulator, light.harmonic, light.wavelength, detuning, on)
    work = optics.exchange(rows, light.theta_x, light.theta_y, light.solid, light.field)
    volts = optics.watts_per_steradian * light.current * work
    return np.where(weight > 0.0, -volts / (beam.reference.beta * beam.reference.p0c), 0.0)


@dataclass(frozen=True)
class _Lobe:
    """Far field of one particle near a harmonic; ``detuning`` = pi n N times the relative frequency offset [rad]."""

    undulator: Undulator
    harmonic: int
    wavelength: float
    detuning: float
    on: str = "cpu"

    @property
    def spread(self) -> float:
        """k L/4 [1]."""
        return 0.5 * math.pi * self.undulator.length / self.wavelength

    @property
    def watts_per_steradian(self) -> float:
        """dP/dOmega on the axis of one ampere with b = 1 [W/sr]."""
        return _ohms(self.undulator, self.harmonic) * self.undulator.length / (math.pi * self.wavelength)

    @property
    def _numbers(self) -> tuple[float, float, float, float]:
        slope = 2.0 * math.pi * self.harmonic * self.undulator.n_periods
        return 1.0 / self.wavelength, self.spread, slope, -self.detuning

    @property
    def _kernels(self) -> ModuleType:
        if self.on == "cpu":
            return lobes
        from ssmb.kernels import cuda_lobes

        return cuda_lobes

    def sums(self, rows: Array, weight: Array, theta_x: Array, theta_y: Array) -> Array:
        """Sums over the particles of their fields and of the squares (angles, 3)."""
        out = np.zeros((theta_x.size, 3))
        self._kernels.lobe_sums(rows, weight, theta_x, theta_y, *self._numbers, out)
        return out

    def exchange(self, rows: Array, theta_x: Array, theta_y: Array, solid: Array, field: Array) -> Array:
        """Integral over the angles of the field in phase with each particle (particles,)."""
        out = np.zeros(rows.shape[1])
        self._kernels.lobe_exchange(rows, theta_x, theta_y, solid, *field, *self._numbers, out)
        return out


def _ohms(undulator: Undulator, harmonic: int) -> float:
    """Power over (b I)^2 of a point-like beam on the exact resonance [ohm]."""
    return math.pi * VACUUM_IMPEDANCE * undulator.n_periods * undulator.coupling(harmonic)


def _odd_harmonic(undulator: Undulator, harmonic: int) -> int:
    n = count("harmonic", harmonic)
    if n % 2 == 0:
        raise ConfigError(
            f"harmonic {n}: the field of a particle is that of odd harmonics; ssmb.coherent_power has even ones"
        )
    if undulator.helical and n != 1:
        raise ConfigError(f"a helical undulator radiates only the first harmonic on axis, not {n}")
    return n


def _detuning(undulator: Undulator, harmonic: int, wavelength: float) -> float:
    """Pi n N times the relative offset of the frequency from the on-axis resonance [rad]."""
    offset = undulator.wavelength(harmonic) / positive("wavelength", wavelength, "m") - 1.0
    return math.pi * harmonic * undulator.n_periods * undulator.near_harmonic(harmonic, offset)


def _rows(beam: Beam, wavelength: float) -> tuple[Array, Array]:
    """Return rows x, x', y, y', z/lambda (whole turns taken off), delta, and the weights, 0 for the lost."""
    z, weight = living(beam)
    # the last momenta of a lost particle can be anything
    square = np.where(beam.alive, (1.0 + beam.delta) ** 2 - beam.px**2 - beam.py**2, 1.0)
    slowness = np.sqrt(square)
    turns = fold(z, wavelength)[0] / wavelength
    rows = np.stack([beam.x, beam.px / slowness, beam.y, beam.py / slowness, turns, beam.delta])
    rows[:, weight == 0.0] = 0.0
    return np.ascontiguousarray(rows), weight


def _quadrature(
    optics: _Lobe, rows: Array, weight: Array, acceptance: float, resolution: int
) -> tuple[Array, Array, Array, int]:
    """Angles and solid angles over an ellipse that holds the light (or over the aperture), and the angles of its edge.

    Elliptic polar coordinates: Gauss-Legendre in the square of the radius, as many panels as a sample of the particles
    needs, equal steps of the azimuth.
    """
    share = weight / weight.sum()
    centre, reach = [], []
    for position, slope in ((rows[0], rows[1]), (rows[2], rows[3])):
        mean, tilt, width = _plane(optics, position, slope, rows[4], share)
        centre.append(mean + tilt)
        reach.append(width)
    if math.isfinite(acceptance) and acceptance < max(math.hypot(*centre) + max(reach), acceptance * 1e-9):
        narrow = max(1.0, acceptance / min(reach))
        centre, reach = [0.0, 0.0], [acceptance, acceptance]
    else:
        narrow = 1.0
    spans = optics.spread * (max(reach) + math.hypot(*centre)) ** 2 / (2.0 * math.pi)
    azimuths = resolution * 32 * math.ceil(min(narrow, 8.0))
    phi = 2.0 * math.pi / azimuths * (np.arange(azimuths) + 0.5)

    def ellipse(panels: int, order: int, particles: int) -> tuple[Array, Array, Array]:
        angles = float(order * panels * azimuths)
        check_cost(
            f"the light of {particles} particles at {angles:.2g} angles", memory=_BYTES * angles,
            seconds=light_seconds(particles, angles), instead="take fewer particles, smaller angles or an acceptance",
        )  # fmt: skip
        square, weights = composite_nodes(np.linspace(0.0, 1.0, panels + 1), order)
        radius = np.sqrt(square)[:, None]
        theta_x = (centre[0] + reach[0] * radius * np.cos(phi)).ravel()
        theta_y = (centre[1] + reach[1] * radius * np.sin(phi)).ravel()
        return theta_x, theta_y, np.repeat(0.5 * weights * reach[0] * reach[1], azimuths) * (2.0 * math.pi / azimuths)

    alive = np.flatnonzero(weight)
    some = alive[:: -(-alive.size // _OF_SAMPLE)]
    sample = np.ascontiguousarray(rows[:, some]), weight[some]

    def power(panels: int, order: int) -> float:
        theta_x, theta_y, solid = ellipse(panels, order, some.size)
        sums = optics.sums(*sample, theta_x, theta_y)
        return float(solid @ (sums[:, 0] ** 2 + sums[:, 1] ** 2))

    # enough for any beam of this reach; a wide one needs fewer, and its particles say how many
    most = resolution * (1 + math.ceil(0.3 * spans + 0.5 * narrow))
    full = power(most, 32)
    tried = ((resolution * n, order) for n, order in _RADII if resolution * n * order < 32 * most)
    enough = next((n for n in tried if abs(power(*n) - full) <= _SAME_POWER * full), (most, 32))
    return *ellipse(*enough, weight.size), 0 if math.isfinite(acceptance) else azimuths


def _plane(optics: _Lobe, position: Array, slope: Array, turns: Array, share: Array) -> tuple[float, float, float]:
    """Mean slope, tilt of the wave fronts, and reach of the light in one plane [rad]."""
    mean, middle = float(share @ slope), float(share @ position)
    size2 = float(share @ (position - middle) ** 2)
    slope2 = float(share @ (slope - mean) ** 2)
    far = math.sqrt(_FAR_LOBE / optics.spread + 2.0 * abs(optics.detuning) / optics.spread) + 4.0 * math.sqrt(slope2)
    if size2 == 0.0:
        return mean, 0.0, far
    # light of a wide beam is as narrow as its size demands; where the direction depends on the position, as part of it
    lobe2 = 1.0 / optics.spread
    r2 = float(share @ ((position - middle) * (slope - mean))) ** 2 / (size2 * slope2) if slope2 > 0.0 else 0.0
    seen = math.sqrt(size2 * (1.0 - min(r2, 1.0) * slope2 / (slope2 + lobe2)))
    narrow = _FAR_BEAM * optics.wavelength / (2.0 * math.pi * math.sqrt(2.0) * seen) if seen > 0.0 else math.inf
    if narrow >= far:
        return mean, 0.0, far
    # wave fronts of a tilted microbunch; its light also leaves along the slope of the beam only as far as both agree
    tilt = -optics.wavelength * float(share @ ((position - middle) * turns)) / size2
    return 0.0, tilt, narrow


def _warn(light: TrackedLight, particles: int, edge: int) -> None:
    if particles > 1 and light.noise_power > 0.1 * abs(light.power):
        warn(
            f"{particles} macroparticles: their shot noise alone would radiate {light.noise_power:.3g} W, the result "
            f"is {light.power:.3g} W; track more particles",
            ValidityWarning,
        )
    if edge and light.intensity[-edge:].max() > 0.02 * light.intensity.max():
        warn(
            "the light goes on beyond the angles looked at (bunching tilted or curved across the beam): give "
            "acceptance",
            ValidityWarning,
        )
