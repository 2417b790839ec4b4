"""Transverse-longitudinal coupling by an angular modulation: generalised strong focusing with a TEM01 laser.

A laser mode that is odd in y (TEM01, or two tilted beams) gives ``y' += (t/k) sin(k z)`` and, as its Panofsky-Wenzel
partner, ``delta += t y cos(k z)``. A section ``z += a1 y + a2 y' + r56 delta`` with ``a2 t = -1`` and r56 = 0
compresses the beam to ``sqrt(eps_y H_rad)``, at the cost that theorem 2 of :mod:`ssmb.schemes.theorems` states.

References
----------
X. J. Deng et al., Phys. Rev. Accel. Beams 24, 094001 (2021), doi:10.1103/PhysRevAccelBeams.24.094001.
Z. Li, X. Deng, Z. Pan, C. Tang, A. Chao, Phys. Rev. Accel. Beams 26, 110701 (2023),
doi:10.1103/PhysRevAccelBeams.26.110701.
A. A. Zholents, M. S. Zolotorev, New J. Phys. 10, 025005 (2008), doi:10.1088/1367-2630/10/2/025005 (TEM01 modes).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Reference
from ssmb.errors import PhysicsError
from ssmb.lattice import Lattice
from ssmb.ranges import finite, not_negative, not_zero, positive
from ssmb.schemes.base import Scheme, scheme
from ssmb.schemes.beamlines import Parts, beamline_sigma, half_of, matched_coupling
from ssmb.schemes.given import Given
from ssmb.schemes.kicked import CoupledStage, best_compression, length_for_bunching
from ssmb.schemes.modulator import Modulator
from ssmb.schemes.theorems import angular_coupling_product
from ssmb.schemes.thin import line


@checked
@scheme("tlc_angular")
@dataclass(frozen=True)
class AngularModulationCoupling(Scheme):
    """Angular modulation ``y' += (t/k) sin(k z)`` (TEM01 mode or tilted beams), compression by the emittance.

    ``|b_n| = |J_n(n k a2 t/k)| exp(-(n k)^2 [eps H_rad + (r56 sigma_delta)^2]/2)`` for a coasting beam.

    Parameters
    ----------
    reference : reference particle.
    wavelength : laser wavelength [m].
    angular_chirp : t, slope of the angle over z at the zero crossing [1/m].
    a2 : path of the section per angle y' [m/rad]; -1/t is full compression.
    emittance : rms emittance of the modulated plane [m rad].
    h_rad : beta a1^2 - 2 alpha a1 a2 + gamma_t a2^2 of the section [m].
    sigma_delta : rms momentum spread [1].
    r56 : path of the section per relative momentum [m], zero for an ideal section.
    sigma_z_mod : rms microbunch length at the modulator [m]; None for a coasting beam.
    beta_mod : beta function of the modulated plane at the modulator, with alpha = 0 [m]; None takes the least that
        theorem 2 allows.
    waist : w0 of the laser [m], the share of the kick is ``(1 - 2 y^2/w0^2) exp(-(x^2 + y^2)/w0^2)``; None: wide.
    sigma_x : rms size of the beam in the other plane at the modulator [m]; it counts with a waist.

    Notes
    -----
    The Panofsky-Wenzel partner ``delta += t y cos(k z)`` moves z only through `r56`: the closed form leaves it out,
    :meth:`exact_bunching` has it, and :meth:`departure` is the difference.

    Examples
    --------
    >>> scheme = AngularModulationCoupling.examples()[0]
    >>> round(scheme.bunching(20), 4)
    0.1602
    """

    reference: Reference
    wavelength: float
    angular_chirp: float
    a2: float
    emittance: float
    h_rad: float
    sigma_delta: float = 0.0
    r56: float = 0.0
    sigma_z_mod: float | None = None
    beta_mod: float | None = None
    waist: float | None = None
    sigma_x: float = 0.0

    title: ClassVar[str] = "transverse-longitudinal coupling, angular modulation (GLSF)"
    magnet_nodes: ClassVar[Mapping[str, int]] = {"z": 64, "delta": 9, "x": 2, "px": 1, "y": 11, "py": 7}
    references: ClassVar[tuple[str, ...]] = (
        "X. J. Deng et al., Phys. Rev. Accel. Beams 24, 094001 (2021), doi:10.1103/PhysRevAccelBeams.24.094001",
        "Z. Li et al., Phys. Rev. Accel. Beams 26, 110701 (2023), doi:10.1103/PhysRevAccelBeams.26.110701",
    )

    def __post_init__(self) -> None:
        positive("wavelength", self.wavelength, "m")
        positive("angular_chirp", self.angular_chirp, "1/m")
        not_zero("a2", self.a2, "m/rad")
        not_negative("emittance", self.emittance, "m rad")
        positive("h_rad", self.h_rad, "m")
        not_negative("sigma_delta", self.sigma_delta)
        finite("r56", self.r56, "m")
        if self.sigma_z_mod is not None:
            positive("sigma_z_mod", self.sigma_z_mod, "m")
        if self.beta_mod is not None:
            positive("beta_mod", self.beta_mod, "m")
        if self.waist is not None:
            positive("waist", self.waist, "m")
        not_negative("sigma_x", self.sigma_x, "m")

    @property
    def sigma_z(self) -> float:
        """Linear rms length at the radiator without the modulation's own share [m]."""
        return self.stage().linear_length

    def bunching(self, harmonic: int) -> float:
        """Return |b_n| at the harmonic n of the laser, without the partner kick [1]."""
        return self.stage().bunching(harmonic, partner=False)

    def exact_bunching(self, harmonic: int) -> float:
        """Return |b_n| with the partner ``delta += t y cos(k z)``, by quadrature over the beam [1]."""
        return self.stage().bunching(harmonic)

    def stage(self) -> CoupledStage:
        """Return beam, kick and section of the thin model."""
        a1, a2 = self.section()
        return CoupledStage(
            self.wavelength,
            angular_chirp=self.angular_chirp,
            r56=self.r56,
            a1=a1,
            a2=a2,
            emittance=self.emittance,
            beta=self._beta_mod,
            sigma_delta=self.sigma_delta,
            sigma_z=self.sigma_z_mod,
            waist=self.waist,
            sigma_x=self.sigma_x,
        )

    def minimum_beta_mod(self) -> float:
        """Return the least beta function at the modulator by theorem 2, 1/(t^2 H_rad) [m]."""
        return 1.0 / (self.angular_chirp**2 * self.h_rad)

    def bound_product(self) -> float:
        """Return t^2 beta_mod H_rad, which theorem 2 keeps above 1 for a section of full compression [1]."""
        return angular_coupling_product(self.angular_chirp, self._beta_mod, self.h_rad)

    def section(self) -> tuple[float, float]:
        """Return (a1 [1], a2 [m]) of the section, which fulfil H_rad.

        Raises
        ------
        PhysicsError
            If no section has so small an H_rad (theorem 2).
        """
        square = self.h_rad / self._beta_mod - (self.a2 / self._beta_mod) ** 2
        if square < -1e-12 * self.h_rad / self._beta_mod:
            raise PhysicsError(
                f"no section has H_rad = {self.h_rad:.4g} m with a2 = {self.a2:.4g} m and beta_mod = "
                f"{self._beta_mod:.4g} "
                f"m: H_rad beta_mod must be at least a2^2 = {self.a2**2:.4g} m^2 (theorem 2)"
            )
        return math.sqrt(max(0.0, square)), self.a2

    def thin_line(self) -> Lattice:
        """Return a laser kick with a gradient, and the coupled section."""
        return line(self.stage().elements(), self.reference, self.name)

    def sigma(self) -> np.ndarray:
        """Return the covariance in front of the modulator, upright and without dispersion."""
        return self.stage().sigma()

    def parts(self, modulator: Modulator | None = None, *, thick: bool = False) -> Parts:
        """Return an undulator with TEM01 light, two weak vertical bends and what makes r56; see :meth:`Scheme.parts`.

        The weak bends make a1 and a2. Undulator and drifts have an r56 of their own, which an achromat of two bends and
        a quadrupole takes off; where more is wanted it is a chicane. The undulator wiggles in y and so does not focus
        in y.
        """
        und = self._modulator(modulator, vertical=True)
        lit = und.wiggler("MOD", gradient=self.angular_chirp, phase=0.25, thick=thick)
        section = matched_coupling(self.section(), self.r56, half_of(lit), self.reference)
        return Parts(self.reference, (), (lit,), (section,), beamline_sigma(self.stage()), self.wavelength)

    def realised(self, modulator: Modulator | None = None, *, thick: bool = False) -> AngularModulationCoupling:
        """Return the scheme with the waist of the laser of the undulator."""
        und = self._modulator(modulator, vertical=True)
        return replace(self, waist=und.waist(odd=True), beta_mod=self._beta_mod)

    @property
    def _beta_mod(self) -> float:
        return self.a2**2 / self.h_rad if self.beta_mod is None else self.beta_mod

    @classmethod
    def design(cls, harmonic: int, bunching: float, given: Given) -> AngularModulationCoupling:
        """Return the section at the bound of theorem 2 with the beta given, over-compressed for this harmonic."""
        xi = best_compression(harmonic)
        h_rad = length_for_bunching(harmonic, given.wavelength, bunching) ** 2 / given.emittance
        a2 = -math.sqrt(h_rad * given.beta_mod)
        return cls(
            given.reference, given.wavelength, xi / abs(a2), a2, given.emittance, h_rad, given.sigma_delta,
            beta_mod=given.beta_mod,
        )  # fmt: skip

    @classmethod
    def examples(cls) -> list[AngularModulationCoupling]:
        """Return cases for the contract tests: at the bound, microbunched, a leak of r56, a small spot, a weak
        modulation.
        """
        ring, t, k = Reference(energy=600e6), 1.0 / math.sqrt(10.0 * 0.2e-6), 2.0 * math.pi / 1064e-9
        return [
            cls(ring, 1064e-9, t, -1.0 / t, 20e-12, 0.2e-6),
            cls(ring, 1064e-9, t, -1.0 / t, 20e-12, 0.2e-6, 4e-4, sigma_z_mod=0.3 / k, beta_mod=15.0),
            cls(ring, 1064e-9, t, -1.0 / t, 20e-12, 0.2e-6, 4e-4, r56=5e-6, beta_mod=12.0),
            cls(ring, 1064e-9, t, -1.0 / t, 20e-12, 0.2e-6, 4e-4, beta_mod=12.0, waist=1.5e-4, sigma_x=2e-5),
            cls(ring, 1064e-9, 100.0, -0.01, 5e-12, 5e-6, 4e-4, sigma_x=2e-5),
        ]
