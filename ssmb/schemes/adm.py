"""Angular-dispersion modulation: a bend in front of the modulator, a dogleg behind it; and its undoing.

A dipole of angle b gives the beam the angular dispersion ``y' = b delta``. The laser changes delta but not y', and a
dogleg ``z += eta y' + xi delta`` with ``eta b = -xi`` then turns the modulation into density while the incoming
momentum drops out: what is left is ``eta sigma_y'``, small in a beam of small vertical emittance. The reversible form
sends the beam through the mirrored dogleg and a second laser in antiphase, so that a ring can do it every turn.

References
----------
C. Feng, Z. Zhao, Sci. Rep. 7, 4724 (2017), doi:10.1038/s41598-017-04962-5.
B. Jiang et al., Sci. Rep. 12, 3325 (2022), doi:10.1038/s41598-022-07323-z (in a storage ring).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import scipy

from ssmb.arguments import checked
from ssmb.beam import Reference
from ssmb.elements import Bend, Drift, Element
from ssmb.elements.thin_laser import ThinLaser
from ssmb.lattice import Lattice
from ssmb.ranges import finite, not_negative, not_zero, positive
from ssmb.schemes.base import Scheme, scheme
from ssmb.schemes.beamlines import BEND_LENGTH, DRIFT_LENGTH, Parts, half_of, matched_dogleg, section_matrix
from ssmb.schemes.given import Given
from ssmb.schemes.kicked import CoupledStage, best_compression, length_for_bunching
from ssmb.schemes.modulator import Modulator
from ssmb.schemes.theorems import energy_coupling_product
from ssmb.schemes.thin import coupling, line


@checked
@scheme("adm")
@dataclass(frozen=True)
class AngularDispersion(Scheme):
    """Bend, modulator, dogleg:
    ``|b_n| = |J_n(n k xi A)| exp(-(n k)^2 [eps eta^2/beta + (eta b + xi)^2 sigma_delta^2]/2)``.

    Parameters
    ----------
    reference : reference particle.
    wavelength : laser wavelength [m].
    amplitude : A, peak relative momentum modulation [1].
    bend : b, angle of the dipole in front of the modulator, dispersion of y' there [rad].
    eta : path of the dogleg per angle, its dispersion [m].
    r56 : xi, path of the dogleg per relative momentum [m].
    emittance : rms emittance of the bending plane [m rad].
    beta_mod : beta function of that plane at the modulator, with alpha = 0 [m].
    sigma_delta : rms momentum spread [1].
    smear : further independent rms path smear [m].
    eta_mod : dispersion of the place in the modulator, from the drift behind the bend [m].
    second : q of the modulation ``A [sin(k z) + q sin(2 k z)]``, from the slip inside a long modulator [1].
    waist : w0 of the laser [m]; None for a laser that is wide against the beam.
    sigma_x : rms size of the beam in the other plane [m]; it counts with a waist.

    Notes
    -----
    Validity: thin modulator, linear dogleg. Here H_mod = beta b^2 and H_rad = eta^2/beta, so that theorem 1 holds with
    equality: a bend and a dogleg are at the bound for any beta.

    Examples
    --------
    >>> scheme = AngularDispersion.examples()[0]
    >>> round(scheme.bunching(20), 3)
    0.072
    """

    reference: Reference
    wavelength: float
    amplitude: float
    bend: float
    eta: float
    r56: float
    emittance: float
    beta_mod: float
    sigma_delta: float = 0.0
    smear: float = 0.0
    waist: float | None = None
    sigma_x: float = 0.0
    eta_mod: float = 0.0
    second: float = 0.0

    title: ClassVar[str] = "angular-dispersion modulation (ADM)"
    references: ClassVar[tuple[str, ...]] = (
        "C. Feng, Z. Zhao, Sci. Rep. 7, 4724 (2017), doi:10.1038/s41598-017-04962-5",
        "B. Jiang et al., Sci. Rep. 12, 3325 (2022), doi:10.1038/s41598-022-07323-z",
    )

    def __post_init__(self) -> None:
        not_zero("bend", self.bend, "rad")
        not_zero("eta", self.eta, "m")
        not_zero("r56", self.r56, "m")
        self.stage()

    def stage(self) -> CoupledStage:
        """Return beam, kick and section of the thin model."""
        return CoupledStage(
            self.wavelength,
            amplitude=self.amplitude,
            r56=self.r56,
            a2=self.eta,
            emittance=self.emittance,
            beta=self.beta_mod,
            eta=self.eta_mod,
            eta_prime=self.bend,
            sigma_delta=self.sigma_delta,
            smear=self.smear,
            waist=self.waist,
            sigma_x=self.sigma_x,
            second=self.second,
        )

    @property
    def sigma_z(self) -> float:
        """Linear rms length at the radiator without the modulation's own share [m]."""
        return self.stage().linear_length

    @property
    def h_mod(self) -> float:
        """H of the dispersion at the modulator, beta b^2 + eta_mod^2/beta [m]."""
        return self.beta_mod * self.bend**2 + self.eta_mod**2 / self.beta_mod

    @property
    def h_rad(self) -> float:
        """H of the dogleg, eta^2/beta [m]."""
        return self.stage().h_rad

    def bound_product(self) -> float:
        """Return h^2 H_mod H_rad, which theorem 1 keeps above 1 for a section of full compression [1].

        >>> round(AngularDispersion.examples()[0].bound_product(), 6)
        1.0
        """
        return energy_coupling_product(2.0 * math.pi / self.wavelength * self.amplitude, self.h_mod, self.h_rad)

    def bunching(self, harmonic: int) -> float:
        """Return |b_n| at the harmonic n of the laser [1]."""
        return self.stage().bunching(harmonic)

    def thin_line(self) -> Lattice:
        """Return a laser kick and the dogleg; the beam comes with the dispersion of the bend."""
        return line(self.stage().elements(), self.reference, self.name)

    def sigma(self) -> np.ndarray:
        """Return the covariance behind the bend; `smear` sits in the horizontal angle."""
        return self.stage().sigma()

    def parts(self, modulator: Modulator | None = None, *, thick: bool = False) -> Parts:
        """Return a vertical bend, an undulator that wiggles in y, and a dogleg of two bends; see :meth:`Scheme.parts`.

        A dogleg has r56 > 0: for r56 < 0 the mirror image is made, with dogleg and laser of the opposite sign. The bend
        is set so that ``a.D + r56`` of the magnets is the leak of the scheme.
        """
        und = self._modulator(modulator, vertical=True)
        sign = math.copysign(1.0, self.r56)
        lit = und.wiggler(
            "MOD", amplitude=self.amplitude, thick=thick,
            phase=0.0 if sign > 0.0 else 0.5,
        )  # fmt: skip
        half, drift = half_of(lit), Drift(name="D1", length=DRIFT_LENGTH)
        magnets = matched_dogleg("L", sign * self.eta, abs(self.r56), (half, drift), (), self.reference)
        row = section_matrix((half, drift, *magnets), self.reference)[4]

        def before(angle: float) -> tuple[Element, ...]:
            bend = Bend(
                name="B0", length=BEND_LENGTH, angle=angle, e1=0.5 * angle, e2=0.5 * angle, tilt_ref=0.5 * math.pi
            )
            return bend, Drift(name="D0", length=DRIFT_LENGTH)

        def dispersion(angle: float) -> np.ndarray:
            return section_matrix((*before(angle), half), self.reference)[:4, 5]

        wanted = sign * self.stage().r56_leak
        found = scipy.optimize.root_scalar(
            lambda angle: float(row[:4] @ dispersion(angle) + row[5]) - wanted,
            x0=self.bend, x1=1.01 * self.bend, method="secant", xtol=1e-16, rtol=1e-14,
        )  # fmt: skip
        d, spread = np.concatenate((dispersion(found.root), [0.0, 1.0])), self.sigma_delta**2
        y = self.emittance * np.array([self.beta_mod, 1.0 / self.beta_mod])
        x2 = self.sigma_x**2
        sigma = np.diag([x2, x2 / self.beta_mod**2, *y, 0.0, 0.0]) + spread * np.outer(d, d)
        return Parts(self.reference, before(found.root), (lit,), ((drift, *magnets),), sigma, self.wavelength)

    def realised(self, modulator: Modulator | None = None, *, thick: bool = False) -> AngularDispersion:
        """Return the scheme without a smear of other cause, with waist and dispersion in the undulator of the
        magnets.
        """
        und = self._modulator(modulator, vertical=True)
        sigma, sign = self.parts(und).sigma, math.copysign(1.0, self.r56)
        eta = sign * float(sigma[2, 5] / sigma[5, 5]) if self.sigma_delta else 0.0
        second = und.second_harmonic(self.amplitude, self.r56) if thick else 0.0
        spot = und.waist_seen() if thick else und.waist()
        return replace(self, smear=0.0, waist=spot, eta_mod=eta, second=second)

    @classmethod
    def design(cls, harmonic: int, bunching: float, given: Given) -> AngularDispersion:
        """Return bend and dogleg for the bend and beta given, over-compressed for this harmonic."""
        length = length_for_bunching(harmonic, given.wavelength, bunching)
        eta = length * math.sqrt(given.beta_mod / given.emittance)
        r56 = -eta * given.bend
        amplitude = best_compression(harmonic) / (given.wavenumber * abs(r56))
        return cls(
            given.reference, given.wavelength, amplitude, given.bend, eta, r56, given.emittance, given.beta_mod,
            given.sigma_delta,
        )  # fmt: skip

    @classmethod
    def examples(cls) -> list[AngularDispersion]:
        """Return cases for the contract tests: the 20th harmonic in an 800 MeV ring, a leak, and a small laser spot."""
        ring, k = Reference(energy=800e6), 2.0 * math.pi / 1030e-9
        # full compression with k xi A = 1, and sqrt(eps H_rad) = 10.55 nm as 7.2 % at the 20th harmonic imply
        xi, bend, beta = -5e-5, 5e-3, 8.0
        eta, amplitude = -xi / bend, 1.0 / (5e-5 * k)
        emittance = beta * (10.55e-9 / eta) ** 2
        return [
            cls(ring, 1030e-9, amplitude, bend, eta, xi, emittance, beta, sigma_delta=5e-4),
            cls(ring, 1030e-9, 1.08 * amplitude, bend, 1.02 * eta, xi, 0.3 * emittance, beta, 5e-4, smear=3e-9),
            cls(ring, 1030e-9, 1.2 * amplitude, bend, eta, xi, 0.3 * emittance, beta, 5e-4, waist=1.2e-4, sigma_x=2e-5),
        ]


@checked
@scheme("adm_reversible")
@dataclass(frozen=True)
class ReversibleAngularDispersion(AngularDispersion):
    """Bend, modulator, dogleg, radiator, mirrored dogleg, demodulator: the bunching of ADM, and what is left behind.

    Parameters
    ----------
    path_error : rms error of the path from modulator to demodulator, independent for each electron and pass [m].
    amplitude_error : relative difference of the two lasers [1].
    phase_error : difference of their phases, the same for all electrons [2 pi].
    The others are those of :class:`AngularDispersion`.

    Examples
    --------
    An error of 1 nm of the path, at the chirp of this design, costs a share of the emittance every turn:

    >>> import dataclasses
    >>> ring = dataclasses.replace(ReversibleAngularDispersion.examples()[0], path_error=1e-9)
    >>> round(ring.emittance_growth() / ring.emittance, 4)
    0.0022
    """

    path_error: float = 0.0
    amplitude_error: float = 0.0
    phase_error: float = 0.0

    title: ClassVar[str] = "reversible angular-dispersion modulation (ADM with demodulation)"

    def __post_init__(self) -> None:
        super().__post_init__()
        not_negative("path_error", self.path_error, "m")
        finite("amplitude_error", self.amplitude_error)
        finite("phase_error", self.phase_error, "2 pi")

    def residual_modulation(self) -> float:
        """Return the rms of delta that one pass leaves in a coasting beam [1].

        ``A sqrt((1 - 2 q r + r^2)/2)``, r = 1 + amplitude error, ``q = exp(-(k dz)^2/2) cos(phase error)``; for small
        errors ``A sqrt([(k dz)^2 + phase^2 + amplitude^2]/2)``.
        """
        k, r = 2.0 * math.pi / self.wavelength, 1.0 + self.amplitude_error
        # 1 - q without cancellation: q = (1 - u)(1 - v)
        u = -math.expm1(-0.5 * (k * self.path_error) ** 2)
        v = 2.0 * math.sin(math.pi * self.phase_error) ** 2
        return self.amplitude * math.sqrt(0.5 * self.amplitude_error**2 + r * (u + v - u * v))

    def spread_growth(self) -> float:
        """Return the relative growth of the rms momentum spread per pass [1]."""
        spread = positive("sigma_delta", self.sigma_delta)
        return math.sqrt(1.0 + (self.residual_modulation() / spread) ** 2) - 1.0

    def emittance_growth(self) -> float:
        """Return what one pass adds to the emittance of the bending plane, H_mod delta_rms^2/2 [m rad].

        For a path error alone it is ``H_mod h^2 <dz^2>/4``, the closure law of strong focusing with demodulation. The
        residual stays in delta, and the betatron motion takes it up at the dispersion (0, b) of the modulator.
        """
        return 0.5 * self.h_mod * self.residual_modulation() ** 2

    def whole_line(self) -> Lattice:
        """Return the thin model with radiator, mirrored dogleg and demodulator; :meth:`thin_line` ends at the
        radiator.
        """
        *lasers, dogleg = self.stage().elements()
        back = coupling("MIRROR", x=(0.0, -dogleg.matrix[4][1]), y=(0.0, -self.eta), r56=-self.r56)  # type: ignore[attr-defined]
        demodulator = ThinLaser(
            name="DEMOD",
            laser_wavelength=self.wavelength,
            laser_phase=0.5 + self.phase_error,
            amplitude=self.amplitude * (1.0 + self.amplitude_error),
            waist=self.waist or 0.0,
        )
        return line((*lasers, dogleg, back, demodulator), self.reference, self.name)
