"""The two theorems of transverse-longitudinal coupling, and how far a design is from its bound.

Theorem 1 (energy modulation): ``h^2 H_mod H_rad >= 1``. Full compression needs a.D = -r56 = 1/h, and by Cauchy-Schwarz
in the metric of the Twiss ellipse ``(a.D)^2 <= H_rad H_mod``. Equality needs a and D to be conjugate to each other.

Theorem 2 (angular modulation y' += t z): ``t^2 beta_mod H_rad >= 1``. Compression needs a_2 = -1/t, and ``H_rad = beta
a1^2
- 2 alpha a1 a2 + gamma a2^2`` has its minimum over a1, ``a2^2/beta``, at ``a1 = alpha a2/beta``.

References
----------
X. J. Deng et al., Phys. Rev. Accel. Beams 24, 094001 (2021), doi:10.1103/PhysRevAccelBeams.24.094001.
Z. Li, X. Deng, Z. Pan, C. Tang, A. Chao, Phys. Rev. Accel. Beams 26, 110701 (2023),
doi:10.1103/PhysRevAccelBeams.26.110701.
"""

from __future__ import annotations

import math

from ssmb.errors import PhysicsError
from ssmb.ranges import finite, positive

#: a product this much below 1 is rounding, not a design that breaks a theorem
_ROUNDING = 1e-9


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


def energy_coupling_product(chirp: float, h_mod: float, h_rad: float) -> float:
    """Return ``h^2 H_mod H_rad`` of theorem 1: 1 at the bound, and the factor of laser power above it [1].

    Parameters
    ----------
    chirp : h = k A, slope of the energy modulation [1/m], either sign.
    h_mod : chromatic invariant of the dispersion at the modulator [m].
    h_rad : H_rad = sigma_z^2/eps_y at the radiator [m].

    Raises
    ------
    PhysicsError
        If the product is below 1: no section compresses so far.

    Examples
    --------
    >>> round(energy_coupling_product(1.2e4, 0.05, 0.2e-6), 2)
    1.44
    """
    return _product(1, ("h", chirp), ("H_mod", h_mod), h_rad)


def angular_coupling_product(angular_chirp: float, beta_mod: float, h_rad: float) -> float:
    """Return ``t^2 beta_mod H_rad`` of theorem 2: 1 at the bound, and the factor of laser power above it [1].

    Parameters
    ----------
    angular_chirp : t, slope of the angle over z [1/m], either sign.
    beta_mod : beta function at the modulator [m].
    h_rad : H_rad = sigma_z^2/eps_y at the radiator [m].

    Raises
    ------
    PhysicsError
        If the product is below 1: no section compresses so far.

    Examples
    --------
    >>> round(angular_coupling_product(1000.0, 10.0, 0.2e-6), 2)
    2.0
    """
    return _product(2, ("t", angular_chirp), ("beta_mod", beta_mod), h_rad)


def section_h(beta: float, alpha: float, a1: float, a2: float) -> float:
    """Return H_rad = beta a1^2 - 2 alpha a1 a2 + gamma_t a2^2 of a section ``z += a1 y + a2 y'`` [m].

    Parameters
    ----------
    beta, alpha : Twiss parameters at the modulator [m, 1].
    a1 : path per position [1].
    a2 : path per angle [m].

    Examples
    --------
    >>> section_h(10.0, 0.0, 0.0, 1e-3)
    1e-07
    """
    beta, alpha = positive("beta", beta, "m"), finite("alpha", alpha)
    a1, a2 = finite("a1", a1), finite("a2", a2, "m")
    # (a2^2 + (beta a1 - alpha a2)^2)/beta: a sum of squares, never negative by rounding
    return (a2 * a2 + (beta * a1 - alpha * a2) ** 2) / beta


def _product(theorem: int, chirp: tuple[str, float], place: tuple[str, float], h_rad: float) -> float:
    """Square of the chirp times what the modulator's place gives (H_mod, beta_mod) times H_rad, 1 or more."""
    (slope_name, slope), (name, size) = chirp, place
    slope = abs(finite(slope_name, slope, "1/m"))
    strength = slope * slope * positive(name, size, "m")
    product = strength * positive("h_rad", h_rad, "m")
    if product < 1.0 - _ROUNDING:
        raise PhysicsError(
            f"{slope_name}^2 {name} H_rad = {product:.6g} is below 1 (theorem {theorem}): with {slope_name} = "
            f"{slope:.4g} 1/m "
            f"and {name} = {size:.4g} m, H_rad cannot be below {1.0 / strength if strength else math.inf:.4g} m"
        )
    return product
