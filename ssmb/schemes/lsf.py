"""Longitudinal strong focusing: an energy chirp compresses the microbunch, as a quadrupole focuses a beam.

The linear beam has sigma_z = sigma_delta/h at the end of a full compression, so the price of short bunches is laser
power. In a ring with one modulator the waist lies half a turn from it; two modulators make a symmetric low-beta
section, the radiator in its middle. The kick is a sine: linear optics holds for microbunches short against the
wavelength.

References
----------
A. W. Chao et al., Proc. IPAC 2016, TUXB01, doi:10.18429/JACoW-IPAC2016-TUXB01.
X. J. Deng et al., Phys. Rev. Accel. Beams 24, 094001 (2021), doi:10.1103/PhysRevAccelBeams.24.094001.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np
import scipy

from ssmb.arguments import checked
from ssmb.beam import Reference
from ssmb.beam.closed_form import gaussian_bunching
from ssmb.elements import Drift
from ssmb.elements.thin_chicane import ThinChicane
from ssmb.errors import PhysicsError
from ssmb.lattice import Lattice
from ssmb.ranges import finite, harmonic_number, not_negative, not_zero, positive
from ssmb.schemes.base import Scheme, scheme
from ssmb.schemes.beamlines import DRIFT_LENGTH, Parts, half_of, matched_chicane
from ssmb.schemes.given import Given
from ssmb.schemes.kicked import kicked_bunching
from ssmb.schemes.modulator import Modulator
from ssmb.schemes.thin import line, modulation


@checked
@scheme("lsf")
@dataclass(frozen=True)
class StrongFocusing(Scheme):
    """Chirped Gaussian microbunch, modulator, slip to the radiator.

    In front of the modulator ``delta = chirp_in z + delta'``. Behind the slip r56 the particle is at
    ``(1 + r56 chirp_in) z + r56 A sin(k z) + r56 delta'``; b_n is the sum over Bessel functions of
    :mod:`ssmb.schemes.kicked`, exact for the sine. The linear form, with A sin(k z) -> h z, is :meth:`linear_bunching`.

    Parameters
    ----------
    reference : reference particle.
    wavelength : laser wavelength [m].
    amplitude : A of each modulator, peak relative momentum modulation; > 0: the head gains [1].
    r56 : slip from the last modulator to the radiator per relative momentum [m].
    sigma_z : rms length in front of the modulator [m].
    sigma_delta : rms momentum spread at one place in the bunch, in front of the modulator [1].
    chirp_in : slope of delta over z that the bunch comes with [1/m].
    smear : further independent rms path smear [m].
    second : q of the modulation ``A [sin(k z) + q sin(2 k z)]``, from the slip inside a long modulator [1].

    Examples
    --------
    >>> scheme = StrongFocusing.examples()[0]
    >>> round(scheme.linear_length() * 1e9, 2)
    5.0
    """

    reference: Reference
    wavelength: float
    amplitude: float
    r56: float
    sigma_z: float
    sigma_delta: float
    chirp_in: float = 0.0
    smear: float = 0.0
    second: float = 0.0

    title: ClassVar[str] = "longitudinal strong focusing, one modulator"
    references: ClassVar[tuple[str, ...]] = (
        "A. W. Chao et al., Proc. IPAC 2016, TUXB01, doi:10.18429/JACoW-IPAC2016-TUXB01",
        "X. J. Deng et al., Phys. Rev. Accel. Beams 24, 094001 (2021), doi:10.1103/PhysRevAccelBeams.24.094001",
    )

    def __post_init__(self) -> None:
        positive("wavelength", self.wavelength, "m")
        finite("amplitude", self.amplitude)
        not_zero("r56", self.r56, "m")
        positive("sigma_z", self.sigma_z, "m")
        not_negative("sigma_delta", self.sigma_delta)
        finite("chirp_in", self.chirp_in, "1/m")
        not_negative("smear", self.smear, "m")
        finite("second", self.second)

    @classmethod
    def of_ring(
        cls, reference: Reference, wavelength: float, amplitude: float, slip_length: float, emittance_z: float
    ) -> StrongFocusing:
        """Return the matched beam of a ring with one modulator, radiator half a turn behind it.

        Parameters
        ----------
        slip_length : eta C of one turn [m], either sign; the turn has r56 = -eta C.
        emittance_z : longitudinal emittance sigma_z sigma_delta at a waist [m].
        reference, wavelength, amplitude : as for the class.

        Raises
        ------
        PhysicsError
            If the linear motion is unstable: 0 < h eta C < 4 is needed.
        """
        half = -0.5 * not_zero("slip_length", slip_length, "m")
        h = 2.0 * math.pi / positive("wavelength", wavelength, "m") * finite("amplitude", amplitude)
        return cls._matched(reference, wavelength, amplitude, half, emittance_z, _turn((half, h, half)))

    @classmethod
    def _matched(
        cls,
        reference: Reference,
        wavelength: float,
        amplitude: float,
        r56: float,
        emittance_z: float,
        from_radiator: np.ndarray,
    ) -> StrongFocusing:
        """Gaussian in front of the last modulator whose ellipse at the radiator is that of the turn from there."""
        beta, alpha = _ellipse(from_radiator)
        h = 2.0 * math.pi / wavelength * amplitude
        back = np.linalg.inv(np.array([[1.0, r56], [0.0, 1.0]]) @ np.array([[1.0, 0.0], [h, 1.0]]))
        rad = np.array([[beta, -alpha], [-alpha, (1.0 + alpha * alpha) / beta]])
        s = positive("emittance_z", emittance_z, "m") * (back @ rad @ back.T)
        chirp = s[0, 1] / s[0, 0]
        own = math.sqrt(max(0.0, float(s[1, 1] - chirp * s[0, 1])))
        return cls(reference, wavelength, amplitude, r56, math.sqrt(float(s[0, 0])), own, float(chirp))

    @property
    def chirp(self) -> float:
        """Slope of the modulation at its zero crossing, h = k A [1/m]."""
        return 2.0 * math.pi / self.wavelength * self.amplitude

    def linear_length(self) -> float:
        """Return the rms length at the radiator in linear optics [m]."""
        stretched = (1.0 + self.r56 * (self.chirp_in + self.chirp)) * self.sigma_z
        return math.sqrt(stretched**2 + (self.r56 * self.sigma_delta) ** 2 + self.smear**2)

    def linear_bunching(self, harmonic: int) -> float:
        """Return |b_n| of linear optics, a Gaussian [1]; :meth:`nonlinear_departure` says what the sine changes."""
        return gaussian_bunching(self.linear_length(), self.wavelength / harmonic_number(harmonic))

    def nonlinear_departure(self, harmonic: int) -> float:
        """Return |b_n| of the sine minus that of linear optics [1]."""
        return self.bunching(harmonic) - self.linear_bunching(harmonic)

    def bunching(self, harmonic: int) -> float:
        """Return |b_n| at the harmonic n of the laser, with the sine of the kick [1]."""
        smear = math.hypot(self.r56 * self.sigma_delta, self.smear)
        stretch = 1.0 + self.r56 * self.chirp_in
        path = self.r56 * self.amplitude
        return kicked_bunching(harmonic, self.wavelength, path, smear, self.sigma_z, stretch, self.second)

    def thin_line(self) -> Lattice:
        """Return a slip that makes the incoming chirp, the modulator, and the slip to the radiator."""
        lasers = modulation(self.wavelength, self.amplitude, self.second)
        return line((*lasers, ThinChicane(name="SLIP", r56=self.r56)), self.reference, self.name)

    def sigma(self) -> np.ndarray:
        """Return the covariance in front of the modulator."""
        out = np.zeros((6, 6))
        out[4, 4] = self.sigma_z**2
        out[4, 5] = out[5, 4] = self.chirp_in * self.sigma_z**2
        out[5, 5] = self.sigma_delta**2 + (self.chirp_in * self.sigma_z) ** 2
        return out

    def parts(self, modulator: Modulator | None = None, *, thick: bool = False) -> Parts:
        """Return undulator and a chicane of four bends; see :meth:`Scheme.parts`.

        A chicane has r56 > 0: for r56 < 0 the mirror image is made, with laser and incoming chirp of the opposite sign.
        The transverse beam is a pencil.
        """
        und = self._modulator(modulator)
        sign = math.copysign(1.0, self.r56)
        lit = und.wiggler(
            "MOD", amplitude=abs(self.amplitude), thick=thick,
            phase=0.0 if sign * self.amplitude > 0.0 else 0.5,
        )  # fmt: skip
        drift = Drift(name="D1", length=DRIFT_LENGTH)
        magnets = matched_chicane("C", abs(self.r56), (half_of(lit), drift), (), self.reference)
        sigma = self.sigma()
        sigma[4, 5] *= sign
        sigma[5, 4] *= sign
        return Parts(self.reference, (), (lit,), ((drift, *magnets),), sigma, self.wavelength)

    def realised(self, modulator: Modulator | None = None, *, thick: bool = False) -> Self:
        """Return the scheme without a smear of other cause."""
        und = self._modulator(modulator)
        second = und.second_harmonic(self.amplitude, self.r56) if thick else 0.0
        return replace(self, smear=0.0, second=second)

    @classmethod
    def design(cls, harmonic: int, bunching: float, given: Given) -> Self:
        """Return the full compression of an upright microbunch of the length given, with the sine of the kick.

        The spread of the microbunch is `sigma_delta` of what is given; its longitudinal emittance is the product.
        """
        n, b = harmonic_number(harmonic), positive("bunching", bunching)

        def made(log_length: float) -> Self:
            h = given.sigma_delta / math.exp(log_length)
            return cls(
                given.reference, given.wavelength, h / given.wavenumber, -1.0 / h, given.sigma_z, given.sigma_delta
            )

        least = math.log(1e-4 * given.wavelength / n)
        best = made(least).bunching(n)
        if b >= best:
            raise PhysicsError(
                f"a microbunch of {given.sigma_z:.4g} m in front of the modulator has at most |b_{n}| = {best:.5g} "
                f"after full "
                f"compression, by the sine of the kick, not {b:.5g}; ask for a shorter one"
            )
        found = scipy.optimize.root_scalar(
            lambda v: made(v).bunching(n) - b, bracket=(least, math.log(given.wavelength)), method="brentq", xtol=1e-13
        )
        return made(float(found.root))

    @classmethod
    def examples(cls) -> list[StrongFocusing]:
        """Return cases for the contract tests: one compression to 5 nm, and the matched beam of a ring."""
        ring, k = Reference(energy=400e6), 2.0 * math.pi / 1064e-9
        return [
            cls(ring, 1064e-9, 1e4 / k, -1e-4, 30e-9, 5e-5),
            cls.of_ring(ring, 1064e-9, 2e-3, 2.5e-4, 3e-12),
        ]


@checked
@scheme("lsf_two")
@dataclass(frozen=True)
class TwoModulators(StrongFocusing):
    """Two equal modulators with the radiator in the middle between them: a low-beta section for z.

    The bunching is made by the first modulator; the second gives back the chirp, so that the rest of the ring sees an
    upright, long bunch. Parameters are those of :class:`StrongFocusing`; r56 is half of the slip between the
    modulators.

    Examples
    --------
    >>> scheme = TwoModulators.examples()[0]
    >>> round(scheme.linear_length() * 1e9, 1)
    9.0
    """

    title: ClassVar[str] = "longitudinal strong focusing, two modulators"

    @classmethod
    def of_two(
        cls,
        reference: Reference,
        wavelength: float,
        amplitude: float,
        slip_between: float,
        slip_outside: float,
        emittance_z: float,
    ) -> TwoModulators:
        """Return the matched beam of a ring with two modulators.

        Parameters
        ----------
        slip_between : eta C-like slip length between the modulators, r56 = -slip [m].
        slip_outside : the same of the rest of the ring [m].
        reference, wavelength, amplitude, emittance_z : as for :meth:`StrongFocusing.of_ring`.

        Raises
        ------
        PhysicsError
            If the linear motion is unstable.
        """
        half = -0.5 * not_zero("slip_between", slip_between, "m")
        h = 2.0 * math.pi / positive("wavelength", wavelength, "m") * finite("amplitude", amplitude)
        turn = _turn((half, h, -finite("slip_outside", slip_outside, "m"), h, half))
        return cls._matched(reference, wavelength, amplitude, half, emittance_z, turn)  # type: ignore[return-value]

    def whole_line(self) -> Lattice:
        """Return the thin model from the first modulator through the second one."""
        return line((*self.thin_line(), *reversed(self.thin_line().elements)), self.reference, self.name)

    @classmethod
    def examples(cls) -> list[TwoModulators]:
        """Return cases for the contract tests: the matched beam of a ring."""
        return [cls.of_two(Reference(energy=400e6), 1064e-9, 2e-3, 1.2e-4, 1e-5, 2e-12)]


def _turn(parts: tuple[float, ...]) -> np.ndarray:
    """Longitudinal matrix of slips and chirps in turn, beginning and ending with a slip."""
    m = np.eye(2)
    for i, value in enumerate(parts):
        m = (np.array([[1.0, value], [0.0, 1.0]]) if i % 2 == 0 else np.array([[1.0, 0.0], [value, 1.0]])) @ m
    return m


def _ellipse(m: np.ndarray) -> tuple[float, float]:
    """Return beta_z [m] and alpha_z of the periodic ellipse, beta > 0."""
    half_trace = 0.5 * float(np.trace(m))
    if abs(half_trace) >= 1.0:
        raise PhysicsError(
            f"the longitudinal motion is unstable: half of the trace of a turn is {half_trace:.6g}, not inside (-1, "
            f"1); "
            "with one modulator 0 < h eta C < 4 is needed. Change the amplitude or the slip"
        )
    sine = math.copysign(math.sqrt(1.0 - half_trace * half_trace), float(m[0, 1]))
    return float(m[0, 1]) / sine, float(m[0, 0] - m[1, 1]) / (2.0 * sine)
