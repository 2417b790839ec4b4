"""The undulator and the laser behind an amplitude: power, waist, and the element that does it.

A TEM01 mode, odd in y, has the field ``E0 (2 y/w) ...`` near its axis. With the waist in the middle a resonant electron
sees ``(2 y/w0)/(1 + i s/Z_R)^2``, whose integral is ``(2 y/w0) L/(1 + (L/2 Z_R)^2)``: for a given power the slope
``dA/dy`` is largest at ``Z_R = L/2``.

References
----------
A. Zholents, M. Zolotorev, Phys. Rev. Lett. 76, 912 (1996), doi:10.1103/PhysRevLett.76.912.
A. A. Zholents, M. S. Zolotorev, New J. Phys. 10, 025005 (2008), doi:10.1088/1367-2630/10/2/025005 (TEM01 modes).
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import scipy

from ssmb.beam.reference import Reference
from ssmb.dynamics.modulation import measured_modulation
from ssmb.elements.wiggler import Wiggler
from ssmb.lattice.program import compile_elements
from ssmb.maps.laser_field import best_focusing, field_overlap, peak_field, power_for_modulation, waist
from ssmb.maps.undulator import Undulator
from ssmb.maps.undulator_relations import field_from_deflection
from ssmb.ranges import finite, not_negative, not_zero, positive

#: Place of electrons in an odd mode [m], and a weak modulation [1].
_PROBE = 1e-6
_WEAK = 1e-9


@dataclass(frozen=True)
class Modulator:
    """Planar undulator that is resonant with a Gaussian laser beam, whose waist stands in the middle.

    Parameters
    ----------
    undulator : what it is without the laser.
    wavelength : of the laser [m].
    rayleigh_length : of the laser [m]; None takes the best one for the mode.
    vertical : the electrons wiggle in y instead of x.
    field_gradient : relative change of the field per distance along the wiggling [1/m].

    Examples
    --------
    The 600 MeV example of transverse-longitudinal coupling, h = 1e4 1/m:

    >>> made = Modulator.resonant(Reference(600e6), 1064e-9, 0.08, 20)
    >>> round(made.power(1e4 * 1064e-9 / 6.283185307) / 1e6, 1)
    54.8
    """

    undulator: Undulator
    wavelength: float
    rayleigh_length: float | None = None
    vertical: bool = False
    field_gradient: float = 0.0

    def __post_init__(self) -> None:
        positive("wavelength", self.wavelength, "m")
        if self.rayleigh_length is not None:
            positive("rayleigh_length", self.rayleigh_length, "m")
        finite("field_gradient", self.field_gradient, "1/m")

    @classmethod
    def resonant(
        cls, reference: Reference, wavelength: float, period: float, n_periods: int, *, vertical: bool = False
    ) -> Modulator:
        """Return the modulator with the K that is resonant with the laser; see :meth:`Undulator.resonant`."""
        undulator = Undulator.resonant(reference, wavelength, period, n_periods)
        return cls(undulator, wavelength, vertical=vertical)

    @classmethod
    def suited(
        cls, reference: Reference, wavelength: float, *, periods: int = 10, field: float = 0.8, vertical: bool = False
    ) -> Modulator:
        """Return the modulator of this peak field [T] that is resonant with the laser in its first harmonic.

        Examples
        --------
        >>> round(Modulator.suited(Reference(600e6), 1064e-9).undulator.period, 4)
        0.1005
        """
        largest = 2.0 * reference.gamma**2 * positive("wavelength", wavelength, "m")
        per_length = positive("field", field, "T") / field_from_deflection(1.0, 1.0)
        found = scipy.optimize.root_scalar(
            lambda v: v * (1.0 + 0.5 * (per_length * v) ** 2) - largest, bracket=(0.0, largest), method="brentq"
        )
        return cls.resonant(reference, wavelength, float(found.root), periods, vertical=vertical)

    def tuned(self, wavelength: float, reference: Reference) -> Modulator:
        """Return the same magnet and focus for another laser [m] and particle, see :meth:`Undulator.tuned`."""
        return replace(self, undulator=self.undulator.tuned(wavelength, reference), wavelength=wavelength)

    def rayleigh(self, odd: bool = False) -> float:
        """Return the Rayleigh length [m]: 0.359 L for TEM00, L/2 for the slope of TEM01, if none was given."""
        if self.rayleigh_length is not None:
            return self.rayleigh_length
        return (0.5 if odd else best_focusing().rayleigh_ratio) * self.undulator.length

    def waist(self, odd: bool = False) -> float:
        """Return w0 of the laser [m]."""
        return waist(self.wavelength, self.rayleigh(odd))

    def waist_seen(self) -> float:
        """Return the w0 whose profile is the mean over the whole undulator of that of TEM00 light, weighted with its
        field [m].
        """
        ratio = self.rayleigh() / self.undulator.length
        mean = 1.0 / (1.0 + 0.25 / ratio**2) / field_overlap(ratio).real
        return self.waist() / math.sqrt(mean)

    def power(self, amplitude: float) -> float:
        """Return the laser power that makes the peak relative momentum modulation `amplitude` [W]."""
        und, reference = self.undulator, self.undulator.reference
        energy = abs(finite("amplitude", amplitude)) * reference.p0c * reference.beta
        return power_for_modulation(energy, self.wavelength, self.rayleigh(), und.k, und.length, reference.gamma)

    def gradient(self, power: float) -> float:
        """Return t = dA/dy of a TEM01 mode of this power, the slope of its angular modulation over z [1/m]."""
        k, z_r, length = self.undulator.k, self.rayleigh(odd=True), self.undulator.length
        field = peak_field(not_negative("power", power, "W"), self.wavelength, z_r)
        effective = length / (1.0 + (0.5 * length / z_r) ** 2)
        reference = self.undulator.reference
        gain = 0.5 * k * self.undulator.bessel() / reference.gamma * field * effective
        return gain * 2.0 / waist(self.wavelength, z_r) / (reference.p0c * reference.beta)

    def power_for_gradient(self, gradient: float) -> float:
        """Return the power of a TEM01 mode that makes the slope dA/dy = t of an angular modulation [W]."""
        return (finite("gradient", gradient, "1/m") / self.gradient(1.0)) ** 2

    @property
    def slip(self) -> float:
        """R56 of half of the undulator, from the effective kick to its end, N lambda [m]."""
        return self.undulator.n_periods * self.wavelength

    def second_harmonic(self, amplitude: float, r56: float) -> float:
        """Return q: behind a long modulator and `r56` the path is ``r56 A [sin(k z) + q sin(2 k z)]`` [1].

        While an electron is modulated it slips by what it has gained so far. To first order in ``h N lambda``, h = k A,
        with R = 2 N lambda the r56 of the whole undulator,

            q = c h R (1 - u R/r56),    c = 1/12, u = 1/4 for light that is even along the undulator,

        and c, u from the Gouy phase of this laser else. For r56 < 0, realised as its mirror image, q has the opposite
        sign. At the zero crossing the chirp becomes ``h (1 + 2 q)``.

        Parameters
        ----------
        amplitude : A, peak relative momentum modulation of a weak laser scaled up [1].
        r56 : path per relative momentum from the middle of the modulator to the radiator [m].

        Examples
        --------
        >>> made = Modulator.resonant(Reference(600e6), 1064e-9, 0.1, 10)
        >>> round(made.second_harmonic(1e-3, 1e-4), 4)
        0.0106
        """
        slip, size = 2.0 * self.slip, abs(not_zero("r56", r56, "m"))
        share, place = _slip_moments(self.rayleigh() / self.undulator.length)
        strength = share * 2.0 * math.pi / self.wavelength * finite("amplitude", amplitude) * slip
        return math.copysign(strength * (1.0 - place * slip / size), r56 * amplitude)

    def wiggler(
        self,
        name: str,
        *,
        amplitude: float = 0.0,
        gradient: float = 0.0,
        phase: float = 0.0,
        thick: bool = True,
    ) -> Wiggler:
        """Return the undulator with the laser that makes the amplitude, or with a TEM01 laser that makes the gradient.

        Power and phase are those at which tracked electrons on axis (at 1 um of an odd mode) have the modulation to
        1e-6 where it is weak.

        Parameters
        ----------
        amplitude : A > 0, peak relative momentum modulation [1].
        gradient : t > 0, slope dA/dy of a TEM01 mode [1/m].
        phase : laser phase [2 pi]; 0: the head gains (for a gradient: where y > 0).
        thick : light in slices along the undulator; False: one kick in its middle.
        """
        odd, reference = gradient != 0.0, self.undulator.reference
        power = self.power_for_gradient(gradient) if odd else self.power(amplitude)
        made = Wiggler(
            name=name,
            periods=float(self.undulator.n_periods),
            period_length=self.undulator.period,
            K=self.undulator.k,
            polarization="VERTICAL" if self.vertical else "HORIZONTAL",
            gradient=self.field_gradient,
            laser_wavelength=self.wavelength,
            laser_power=power,
            laser_rayleigh_length=self.rayleigh(odd),
            laser_mode="TEM01" if odd else "TEM00",
            laser_orientation="Y",
            laser_model="THICK" if thick else "THIN",
        )
        if power == 0.0:
            return replace(made, laser_phase=phase)
        # the closed form leaves out the size of the wiggling and the ends of the undulator: some per cent
        wanted = gradient * _PROBE if odd else amplitude
        share = _WEAK / wanted
        weak = replace(made, laser_power=power * share**2)
        got = measured_gradient(weak, reference) * _PROBE if odd else modulation_at(weak, reference)
        turn = (got / (wanted * share)).conjugate()
        return replace(
            made, laser_power=power * abs(turn) ** -2, laser_phase=phase + cmath.phase(turn) / (2.0 * math.pi)
        )


@cache
def _slip_moments(rayleigh_ratio: float) -> tuple[float, float]:
    """c and u of :meth:`Modulator.second_harmonic` for light with the field ``1/(1 + i s/Z_R)``.

    With v = s/L and w the field over its mean, an electron that got ``w(v')`` at v' has slipped by ``v - v'`` of R at
    v: ``c = <w(v) int^v (v - v') w(v') dv'>/2``; u is the mean place of what this adds.
    """
    edges = np.linspace(-0.5, 0.5, 2001)
    v = 0.5 * (edges[1:] + edges[:-1])
    w = 1.0 / (1.0 + 1j * v / rayleigh_ratio)
    w /= w.sum()
    before, moment = np.cumsum(w) - 0.5 * w, np.cumsum(w * v) - 0.5 * w * v
    gained = (w * (v * before - moment)).real
    return 0.5 * float(gained.sum()), float(gained @ v / gained.sum())


def modulation_at(wiggler: Wiggler, reference: Reference, y: float = 0.0) -> complex:
    """Return the modulation of delta by a lit undulator, see :func:`ssmb.dynamics.modulation.measured_modulation` [1].

    Parameters
    ----------
    wiggler : undulator with a laser, weak enough that the slip by what it gains does not matter.
    reference : reference particle.
    y : vertical place of the electrons in the middle of the undulator, where they go straight [m].

    Examples
    --------
    >>> ring = Reference(600e6)
    >>> made = Modulator.resonant(ring, 1064e-9, 0.08, 20)
    >>> round(abs(modulation_at(made.wiggler("MOD", amplitude=1e-6), ring)) * 1e6, 5)
    1.0
    """
    start = np.zeros(6)
    if y:
        half = replace(wiggler, length=0.0, periods=0.5 * wiggler.periods, laser_on=False)
        turned = compile_elements((half,), reference).propagate(np.diag([0.0, 0.0, y, y, 0.0, 0.0])[:, 2:4])[0] / y
        start[2:4] = np.linalg.inv(turned[2:4]) @ (y, 0.0)
    return measured_modulation(compile_elements((wiggler,), reference), wiggler.laser_wavelength, start)


def measured_gradient(wiggler: Wiggler, reference: Reference) -> complex:
    """Return dA/dy of an undulator lit by a mode odd in y, see :func:`modulation_at` [1/m].

    The longitudinal field of such a mode modulates a little on axis too; the difference of both sides leaves it out.
    """
    sides = (modulation_at(wiggler, reference, y) for y in (_PROBE, -_PROBE))
    return (next(sides) - next(sides)) / (2.0 * _PROBE)
