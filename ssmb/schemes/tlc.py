"""Transverse-longitudinal coupling: microbunches as short as a small transverse emittance allows (GLSF).

At the modulator an electron has the betatron coordinates Y = (y, y') and sits on the dispersion D = (eta, eta'). The
section to the radiator adds ``a.Y + r56 delta`` to z. If ``a.D = -r56`` the incoming momentum drops out, and the
modulation ``A sin(k z)`` compresses the beam to ``sqrt(eps_y H_rad)`` for ``r56 h = -1``, h = k A.

Theorem 1, ``h^2 H_mod H_rad >= 1``, is in :mod:`ssmb.schemes.theorems`.

References
----------
X. J. Deng et al., Phys. Rev. Accel. Beams 24, 094001 (2021), doi:10.1103/PhysRevAccelBeams.24.094001.
Z. Li, X. Deng, Z. Pan, C. Tang, A. Chao, Phys. Rev. Accel. Beams 26, 110701 (2023),
doi:10.1103/PhysRevAccelBeams.26.110701.
C. Feng, Z. Zhao, Sci. Rep. 7, 4724 (2017), doi:10.1038/s41598-017-04962-5 (angular dispersion).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import scipy

from ssmb.arguments import checked
from ssmb.beam import Reference
from ssmb.errors import PhysicsError
from ssmb.lattice import Lattice
from ssmb.ranges import finite, harmonic_number, not_negative, not_zero, positive
from ssmb.schemes.base import Scheme, scheme
from ssmb.schemes.beamlines import Parts, beamline_sigma, half_of, matched_coupling, matched_dispersion
from ssmb.schemes.given import Given
from ssmb.schemes.kicked import CoupledStage, best_compression, kicked_bunching, length_for_bunching
from ssmb.schemes.modulator import Modulator
from ssmb.schemes.theorems import energy_coupling_product
from ssmb.schemes.thin import line


def compressed_bunching(
    harmonic: int, wavelength: float, path_amplitude: float, smear: float, sigma_z_mod: float | None = None
) -> float:
    """Return |b_n| of ``z + s sin(k z)`` plus an independent Gaussian smear [1].

    Parameters
    ----------
    harmonic : n [1].
    wavelength : laser wavelength [m].
    path_amplitude : s, path of the peak modulation [m]; ``r56 A`` for an energy modulation. Full compression is
        ``k s = -1``.
    smear : rms of everything that does not depend on the phase [m].
    sigma_z_mod : rms length of the microbunch at the modulator [m]; None stands for a coasting beam.

    Notes
    -----
    Coasting: ``|J_n(n k s)|``; bunched: ``|sum_m J_m(-n k s) exp(-((m - n) k sigma)^2/2)|``; both times
    ``exp(-(n k smear)^2/2)``.

    Examples
    --------
    >>> round(compressed_bunching(79, 1064e-9, -1064e-9 / (2 * math.pi), 2e-9), 5)
    0.06745
    """
    return kicked_bunching(harmonic, wavelength, path_amplitude, smear, sigma_z_mod)


def implied_length(bunching: float, harmonic: int, wavelength: float) -> float:
    """Return the rms length that leaves `bunching` of the coasting limit at full compression [m].

    ``sqrt(2 ln(J_n(n)/b))/(n k)``.

    Parameters
    ----------
    bunching : |b_n| [1].
    harmonic : n [1].
    wavelength : laser wavelength [m].

    Raises
    ------
    PhysicsError
        If `bunching` is above the ceiling J_n(n).

    Examples
    --------
    Angular-dispersion modulation, 7.2 % at the 20th harmonic of 1030 nm:

    >>> round(implied_length(0.072, 20, 1030e-9) * 1e9, 2)
    10.55
    """
    n, b = harmonic_number(harmonic), positive("bunching", bunching)
    ceiling = float(scipy.special.jv(n, float(n)))
    if b > ceiling:
        raise PhysicsError(f"a coasting beam at full compression has at most J_n(n) = {ceiling:.5g}, not {b:.5g}")
    return math.sqrt(2.0 * math.log(ceiling / b)) * positive("wavelength", wavelength, "m") / (2.0 * math.pi * n)


#: waist of the laser over the size of a beam beside the axis
_WIDE_LASER = 8.0


@checked
@scheme("tlc_energy")
@dataclass(frozen=True)
class EnergyModulationCoupling(Scheme):
    """Energy modulation at a dispersive place, compression by the vertical emittance (generalised strong focusing).

    ``|b_n| = |<J_n(n k r56 A)>| exp(-(n k)^2 [eps H_rad + (leak sigma_delta)^2 + smear^2]/2)`` for a coasting beam.

    Parameters
    ----------
    reference : reference particle.
    wavelength : laser wavelength [m].
    amplitude : A, peak relative momentum modulation [1].
    r56 : path of the section per relative momentum [m]; -1/(k A) is full compression.
    emittance : rms emittance of the coupled plane [m rad].
    h_rad : beta a1^2 - 2 alpha a1 a2 + gamma_t a2^2 of the section [m].
    sigma_delta : rms momentum spread [1].
    r56_leak : a.D + r56 [m], zero for an ideal section.
    sigma_z_mod : rms microbunch length at the modulator [m]; None for a coasting beam.
    smear : further independent rms path smear, such as 2 sqrt(eps_x H_x)|sin(pi nu)| of the other plane [m].
    h_mod : H of the dispersion at the modulator [m]; None takes twice the least that theorem 1 allows.
    beta_mod : beta function of the coupled plane at the modulator, with alpha = 0 [m].
    waist : w0 of the laser [m]; None for a laser that is wide against the beam.
    sigma_x : rms size of the beam in the other plane at the modulator [m]; it counts with a waist.
    second : q of the modulation ``A [sin(k z) + q sin(2 k z)]``, from the slip inside a long modulator [1].
    parallel : the dispersion at the modulator is (D, 0), electrons of other momenta run beside the axis; False: (0,
        D').

    Notes
    -----
    Validity: linear section, thin modulator; z in front of the modulator does not depend on the betatron coordinates.
    Second-order path terms of the betatron motion are not included, see :mod:`ssmb.schemes.terms`. With a waist the
    share of the amplitude is that at the electron's place, the path ``a1 y`` of that place goes with it, and the
    transverse kick of the laser acts through a2. The closed form of a wide laser is the same for both kinds of
    dispersion: (0, D') needs no wide laser, and its angle D' delta is a longer way; (D, 0) is the other way round.

    Examples
    --------
    >>> scheme = EnergyModulationCoupling.examples()[0]
    >>> round(scheme.sigma_z * 1e9, 3), round(scheme.bunching(79), 5)
    (2.0, 0.06745)
    """

    reference: Reference
    wavelength: float
    amplitude: float
    r56: float
    emittance: float
    h_rad: float
    sigma_delta: float = 0.0
    r56_leak: float = 0.0
    sigma_z_mod: float | None = None
    smear: float = 0.0
    h_mod: float | None = None
    beta_mod: float = 5.0
    waist: float | None = None
    sigma_x: float = 0.0
    second: float = 0.0
    parallel: bool = False

    title: ClassVar[str] = "transverse-longitudinal coupling, energy modulation (GLSF)"
    references: ClassVar[tuple[str, ...]] = (
        "X. J. Deng et al., Phys. Rev. Accel. Beams 24, 094001 (2021), doi:10.1103/PhysRevAccelBeams.24.094001",
        "Z. Li et al., Phys. Rev. Accel. Beams 26, 110701 (2023), doi:10.1103/PhysRevAccelBeams.26.110701",
    )

    def __post_init__(self) -> None:
        positive("wavelength", self.wavelength, "m")
        positive("amplitude", self.amplitude)
        not_zero("r56", self.r56, "m")
        not_negative("emittance", self.emittance, "m rad")
        not_negative("h_rad", self.h_rad, "m")
        not_negative("sigma_delta", self.sigma_delta)
        finite("r56_leak", self.r56_leak, "m")
        not_negative("smear", self.smear, "m")
        positive("beta_mod", self.beta_mod, "m")
        if self.h_mod is not None:
            positive("h_mod", self.h_mod, "m")
        if self.sigma_z_mod is not None:
            positive("sigma_z_mod", self.sigma_z_mod, "m")
        if self.waist is not None:
            positive("waist", self.waist, "m")
        not_negative("sigma_x", self.sigma_x, "m")

    @property
    def chirp(self) -> float:
        """Slope of the modulation, h = k A [1/m]."""
        return 2.0 * math.pi / self.wavelength * self.amplitude

    @property
    def sigma_z(self) -> float:
        """Linear rms length at the radiator without the modulation's own share, sqrt(eps H_rad + ...) [m]."""
        return self.stage().linear_length

    def bunching(self, harmonic: int) -> float:
        """Return |b_n| at the harmonic n of the laser [1]."""
        return self.stage().bunching(harmonic)

    def stage(self) -> CoupledStage:
        """Return beam, kick and section of the thin model."""
        a1, a2 = self.section()
        return CoupledStage(
            self.wavelength,
            amplitude=self.amplitude,
            r56=self.r56,
            a1=a1,
            a2=a2,
            emittance=self.emittance,
            beta=self.beta_mod,
            eta=self.dispersion[0],
            eta_prime=self.dispersion[1],
            sigma_delta=self.sigma_delta,
            smear=self.smear,
            sigma_z=self.sigma_z_mod,
            waist=self.waist,
            sigma_x=self.sigma_x,
            second=self.second,
        )

    def minimum_h_mod(self) -> float:
        """Return the least H of the dispersion at the modulator by theorem 1, 1/(h^2 H_rad) [m]."""
        return 1.0 / (self.chirp**2 * positive("h_rad", self.h_rad, "m"))

    def bound_product(self) -> float:
        """Return h^2 H_mod H_rad, which theorem 1 keeps above 1 for a section of full compression [1]."""
        return energy_coupling_product(self.chirp, self._h_mod, self.h_rad)

    @property
    def dispersion(self) -> tuple[float, float]:
        """Dispersion at the modulator and its slope, sqrt(H_mod beta_mod) or sqrt(H_mod/beta_mod) [m, 1]."""
        if self.parallel:
            return math.sqrt(self._h_mod * self.beta_mod), 0.0
        return 0.0, math.sqrt(self._h_mod / self.beta_mod)

    def section(self) -> tuple[float, float]:
        """Return (a1 [1], a2 [m]) of the section, which fulfil a.D = leak - r56 and H_rad.

        Raises
        ------
        PhysicsError
            If no section has so small an H_rad (theorem 1).
        """
        # the part of a along the dispersion, and what is left for the part across it; both in sqrt(m)
        along = (self.r56_leak - self.r56) / math.sqrt(self._h_mod)
        square = self.h_rad - along**2
        if square < -1e-12 * along**2:
            raise PhysicsError(
                f"no section has H_rad = {self.h_rad:.4g} m with r56 = {self.r56:.4g} m and H_mod = {self._h_mod:.4g} "
                f"m: "
                f"H_rad H_mod must be at least (a.D)^2 = {(self.r56_leak - self.r56) ** 2:.4g} m^2 (theorem 1)"
            )
        across, root = math.sqrt(max(0.0, square)), math.sqrt(self.beta_mod)
        return (along / root, across * root) if self.parallel else (across / root, along * root)

    def thin_line(self) -> Lattice:
        """Return a laser kick and the coupled section."""
        return line(self.stage().elements(), self.reference, self.name)

    def sigma(self) -> np.ndarray:
        """Return the covariance on the dispersion in front of the modulator; `smear` sits in the horizontal angle."""
        return self.stage().sigma()

    def parts(self, modulator: Modulator | None = None, *, thick: bool = False) -> Parts:
        """Return two vertical bends for the dispersion, undulator, two weak vertical bends and a chicane; see
        :meth:`Scheme.parts`.

        A microbunch comes on its dispersion instead, as from a ring. The weak bends make a1 and a2, the chicane fills
        up r56, in which the undulator has its slip. The undulator wiggles in y: natural focusing would turn y into
        path. For r56 < 0 the mirror image is made, with a2 and laser (and D) of the opposite sign.
        """
        und = self._modulator(modulator)
        sign = math.copysign(1.0, self.r56)
        lit = und.wiggler(
            "MOD", amplitude=self.amplitude, thick=thick,
            phase=0.0 if sign > 0.0 else 0.5,
        )  # fmt: skip
        half = half_of(lit)
        a1, a2 = self.section()
        section = matched_coupling((a1, sign * a2), abs(self.r56), half, self.reference)
        coasting = self.sigma_z_mod is None
        eta, slope = self.dispersion
        before = matched_dispersion((sign * eta, slope), half, self.reference) if coasting else ()
        sigma = beamline_sigma(self.stage(), sign)
        return Parts(self.reference, before, (lit,), (section,), sigma, self.wavelength)

    def realised(self, modulator: Modulator | None = None, *, thick: bool = False) -> EnergyModulationCoupling:
        """Return the scheme without a smear of other cause, with the waist of the laser of the undulator."""
        und = self._modulator(modulator)
        second = und.second_harmonic(self.amplitude, self.r56) if thick else 0.0
        spot = und.waist_seen() if thick else und.waist()
        return replace(self, smear=0.0, waist=spot, second=second)

    def _modulator(self, modulator: Modulator | None, *, vertical: bool = True) -> Modulator:
        """The suited one has a laser that is, beside the axis, as wide as it has to be."""
        und = super()._modulator(modulator, vertical=vertical)
        if modulator is not None or not self.parallel:
            return und
        wide = _WIDE_LASER * self.stage().sigma_y
        return replace(und, rayleigh_length=max(und.rayleigh(), math.pi * wide**2 / self.wavelength))

    @property
    def _h_mod(self) -> float:
        if self.h_mod is not None:
            return self.h_mod
        return 2.0 * (self.r56_leak - self.r56) ** 2 / positive("h_rad", self.h_rad, "m")

    @classmethod
    def design(cls, harmonic: int, bunching: float, given: Given) -> EnergyModulationCoupling:
        """Return the section at the bound of theorem 1 with the H_mod given, over-compressed for this harmonic."""
        xi = best_compression(harmonic)
        h_rad = length_for_bunching(harmonic, given.wavelength, bunching) ** 2 / given.emittance
        r56 = -math.sqrt(h_rad * given.h_mod)
        amplitude = xi / (given.wavenumber * abs(r56))
        return cls(
            given.reference, given.wavelength, amplitude, r56, given.emittance, h_rad, given.sigma_delta,
            h_mod=given.h_mod, beta_mod=given.beta_mod,
        )  # fmt: skip

    @classmethod
    def examples(cls) -> list[EnergyModulationCoupling]:
        """Return cases for the contract tests: coasting, over-compressed, microbunched, a small spot, 13.5 nm beside
        the axis.
        """
        ring, k = Reference(energy=600e6), 2.0 * math.pi / 1064e-9
        source = Reference(energy=650e6)  # as lattices/ssmb_euv_v2.pals.yaml
        return [
            cls(ring, 1064e-9, 1e4 / k, -1e-4, 20e-12, 0.2e-6, sigma_delta=4e-4),
            cls(ring, 1064e-9, 1e4 / k, -1e-4 * best_compression(20), 20e-12, 2e-6, 4e-4, r56_leak=1e-6, smear=3e-9),
            cls(ring, 1064e-9, 1e4 / k, -1e-4, 20e-12, 0.2e-6, 4e-4, sigma_z_mod=0.3 / k),
            cls(ring, 1064e-9, 1.1e4 / k, -1e-4, 200e-12, 0.2e-6, 4e-4, waist=1e-4, sigma_x=1e-5, beta_mod=0.5),
            cls(source, 1064e-9, 2.5e4 / k, -42.4e-6, 40e-12, 7.2e-8, 5.5e-4, h_mod=0.03, beta_mod=9.0, parallel=True),
        ]
