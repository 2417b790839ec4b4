"""Transverse-longitudinal coupling: microbunches as short as a small transverse emittance allows (GLSF, ADM, PEHG).

At the modulator an electron has the betatron coordinates Y = (y, y') and sits on the dispersion D = (eta, eta'). The
section to the radiator adds ``a.Y + r56 delta`` to z. If ``a.D = -r56`` the incoming momentum drops out, and the
modulation ``A sin(k z)`` compresses the beam to ``sqrt(eps_y H_rad)`` for ``r56 h = -1``, h = k A.

Theorem 1 (energy modulation): ``h^2 H_mod H_rad >= 1``, by Cauchy-Schwarz on a.D = 1/h.
Theorem 2 (angular modulation y' += t z): ``t^2 beta_mod H_rad >= 1``, the smallest H with a_2 = -1/t.

References
----------
X. J. Deng et al., Phys. Rev. Accel. Beams 24, 094001 (2021), doi:10.1103/PhysRevAccelBeams.24.094001.
Z. Li, X. Deng, Z. Pan, C. Tang, A. Chao, Phys. Rev. Accel. Beams 26, 110701 (2023),
doi:10.1103/PhysRevAccelBeams.26.110701.
C. Feng, Z. Zhao, Sci. Rep. 7, 4724 (2017), doi:10.1038/s41598-017-04962-5 (angular dispersion).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from ssmb.beam.reference import Reference
from ssmb.bunching.closed_form import gaussian_bunching
from ssmb.errors import PhysicsError
from ssmb.ranges import count, finite, not_negative, not_zero, positive


def minimum_energy_chirp(h_mod: float, h_rad: float) -> float:
    """Return the least chirp h of theorem 1, ``1/sqrt(H_mod H_rad)`` [1/m].

    Parameters
    ----------
    h_mod : chromatic invariant of the dispersion at the modulator [m].
    h_rad : H_rad = sigma_z^2/eps_y at the radiator [m].

    Examples
    --------
    >>> round(minimum_energy_chirp(0.05, 0.2e-6))
    10000
    """
    return 1.0 / math.sqrt(positive("h_mod", h_mod, "m") * positive("h_rad", h_rad, "m"))


def minimum_angular_chirp(beta_mod: float, h_rad: float) -> float:
    """Return the least angular chirp t of theorem 2, ``1/sqrt(beta_mod H_rad)`` [1/m].

    Parameters
    ----------
    beta_mod : beta function at the modulator [m].
    h_rad : H_rad = sigma_z^2/eps_y at the radiator [m].

    Examples
    --------
    >>> round(minimum_angular_chirp(10.0, 0.2e-6), 1)
    707.1
    """
    return 1.0 / math.sqrt(positive("beta_mod", beta_mod, "m") * positive("h_rad", h_rad, "m"))


def h_rad_for_length(sigma_z: float, emittance: float) -> float:
    """Return H_rad = sigma_z^2/eps [m] that compresses the emittance [m rad] to the rms length [m].

    >>> round(h_rad_for_length(2e-9, 20e-12) * 1e6, 3)
    0.2
    """
    return positive("sigma_z", sigma_z, "m") ** 2 / positive("emittance", emittance, "m rad")


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
    n, k = count("harmonic", harmonic), 2.0 * math.pi / positive("wavelength", wavelength, "m")
    argument = -n * k * finite("path_amplitude", path_amplitude, "m")
    factor = gaussian_bunching(smear, wavelength / n)
    if sigma_z_mod is None:
        return abs(float(special.jv(n, argument))) * factor
    width = k * not_negative("sigma_z_mod", sigma_z_mod, "m")
    if width == 0.0:
        return factor
    # J_m(x) is below 1e-16 for |m| beyond this reach, the Gaussian beyond 9/width
    reach = abs(argument) + 12.0 * abs(argument) ** (1.0 / 3.0) + 30.0
    low, high = max(-reach, n - 9.0 / width), min(reach, n + 9.0 / width)
    m = np.arange(math.floor(low), math.ceil(high) + 1)
    total = float(np.sum(special.jv(m, argument) * np.exp(-0.5 * ((m - n) * width) ** 2))) if m.size else 0.0
    return abs(total) * factor


def best_compression(harmonic: int) -> float:
    """Return the over-compression -k s that maximises b_n of a coasting beam, j'_(n,1)/n [1].

    About ``1 + 0.8086 n^(-2/3)``: a little beyond full compression, worth a factor 2.3 in power at n = 79.

    Examples
    --------
    >>> round(best_compression(79), 4)
    1.0441
    """
    n = count("harmonic", harmonic)
    return float(special.jnp_zeros(n, 1)[0]) / n


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
    n, b = count("harmonic", harmonic), positive("bunching", bunching)
    ceiling = float(special.jv(n, float(n)))
    if b > ceiling:
        raise PhysicsError(f"a coasting beam at full compression has at most J_n(n) = {ceiling:.5g}, not {b:.5g}")
    return math.sqrt(2.0 * math.log(ceiling / b)) * positive("wavelength", wavelength, "m") / (2.0 * math.pi * n)


@dataclass(frozen=True)
class EnergyModulationCoupling:
    """Energy modulation at a dispersive place, compression by the vertical emittance (GLSF; ADM with D = (0, angle)).

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

    Notes
    -----
    Validity: linear section, laser spot large against the beam, thin modulator. Second-order path terms of the
    betatron motion and the variation of A over the beam are not included.

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

    def __post_init__(self) -> None:
        positive("wavelength", self.wavelength, "m")
        positive("amplitude", self.amplitude)
        not_zero("r56", self.r56, "m")
        not_negative("emittance", self.emittance, "m rad")
        not_negative("h_rad", self.h_rad, "m")
        not_negative("sigma_delta", self.sigma_delta)
        finite("r56_leak", self.r56_leak, "m")
        not_negative("smear", self.smear, "m")
        if self.sigma_z_mod is not None:
            positive("sigma_z_mod", self.sigma_z_mod, "m")

    @property
    def chirp(self) -> float:
        """Slope of the modulation, h = k A [1/m]."""
        return 2.0 * math.pi / self.wavelength * self.amplitude

    @property
    def sigma_z(self) -> float:
        """Linear rms length at the radiator without the modulation's own share, sqrt(eps H_rad + ...) [m]."""
        leak = self.r56_leak * self.sigma_delta
        return math.sqrt(self.emittance * self.h_rad + leak * leak + self.smear * self.smear)

    def bunching(self, harmonic: int) -> float:
        """Return |b_n| at the harmonic n of the laser [1]."""
        path = self.r56 * self.amplitude
        return compressed_bunching(harmonic, self.wavelength, path, self.sigma_z, self.sigma_z_mod)

    def minimum_h_mod(self) -> float:
        """Return the least H of the dispersion at the modulator by theorem 1, 1/(h^2 H_rad) [m]."""
        return 1.0 / (self.chirp**2 * positive("h_rad", self.h_rad, "m"))

    @classmethod
    def examples(cls) -> list[EnergyModulationCoupling]:
        """Return cases for the contract tests: coasting, over-compressed, and microbunched at the modulator."""
        ring, k = Reference(energy=600e6), 2.0 * math.pi / 1064e-9
        return [
            cls(ring, 1064e-9, 1e4 / k, -1e-4, 20e-12, 0.2e-6, sigma_delta=4e-4),
            cls(ring, 1064e-9, 1e4 / k, -1e-4 * best_compression(20), 20e-12, 2e-6, 4e-4, r56_leak=1e-6),
            cls(ring, 1064e-9, 1e4 / k, -1e-4, 20e-12, 0.2e-6, 4e-4, sigma_z_mod=0.3 / k),
        ]


@dataclass(frozen=True)
class AngularModulationCoupling:
    """Angular modulation ``y' += (t/k) sin(k z)`` (TEM01 mode or tilted beams), compression by the emittance.

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

    Notes
    -----
    The Panofsky-Wenzel partner ``delta += t y cos(k z)`` of the modulation moves z only through `r56` and is left out.

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

    def __post_init__(self) -> None:
        positive("wavelength", self.wavelength, "m")
        positive("angular_chirp", self.angular_chirp, "1/m")
        not_zero("a2", self.a2, "m/rad")
        not_negative("emittance", self.emittance, "m rad")
        not_negative("h_rad", self.h_rad, "m")
        not_negative("sigma_delta", self.sigma_delta)
        finite("r56", self.r56, "m")
        if self.sigma_z_mod is not None:
            positive("sigma_z_mod", self.sigma_z_mod, "m")

    @property
    def sigma_z(self) -> float:
        """Linear rms length at the radiator without the modulation's own share [m]."""
        return math.sqrt(self.emittance * self.h_rad + (self.r56 * self.sigma_delta) ** 2)

    def bunching(self, harmonic: int) -> float:
        """Return |b_n| at the harmonic n of the laser [1]."""
        path = self.a2 * self.angular_chirp * self.wavelength / (2.0 * math.pi)
        return compressed_bunching(harmonic, self.wavelength, path, self.sigma_z, self.sigma_z_mod)

    def minimum_beta_mod(self) -> float:
        """Return the least beta function at the modulator by theorem 2, 1/(t^2 H_rad) [m]."""
        return 1.0 / (self.angular_chirp**2 * positive("h_rad", self.h_rad, "m"))

    @classmethod
    def examples(cls) -> list[AngularModulationCoupling]:
        """Return cases for the contract tests."""
        ring = Reference(energy=600e6)
        return [cls(ring, 1064e-9, 1.0 / math.sqrt(10.0 * 0.2e-6), -math.sqrt(10.0 * 0.2e-6), 20e-12, 0.2e-6)]
