"""Relations of an ideal undulator that need no beam: deflection parameter, resonance, Bessel factor, slip.

Plain floats in and out. Planar undulators have the peak field ``B`` and ``K = e B lambda_u / (2 pi m c)``; helical
undulators have ``B`` as the size of the rotating field, so the mean of ``K^2/2`` becomes ``K^2``.
The resonance keeps the leading order in ``1/gamma^2`` and in the angle, as all textbooks do: relative error about
``1/gamma^2``, 4e-6 at 250 MeV.

References
----------
K.-J. Kim, AIP Conf. Proc. 184, 565 (1989), doi:10.1063/1.38046.
E. Hemsing, G. Stupakov, D. Xiang, A. Zholents, Rev. Mod. Phys. 86, 897 (2014), doi:10.1103/RevModPhys.86.897.
"""

from __future__ import annotations

import math

from ssmb.constants import ELECTRON_MASS_EV, SPEED_OF_LIGHT
from ssmb.errors import ConfigError, PhysicsError
from ssmb.ranges import count, finite, not_negative, positive

#: K of one tesla times one metre of period, e/(2 pi m c) [1/(T m)]
_K_PER_TESLA_METRE = SPEED_OF_LIGHT / (2.0 * math.pi * ELECTRON_MASS_EV)


def mean_square_deflection(k: float, helical: bool = False) -> float:
    """Return the mean square of gamma times the wiggling angle, K^2/2 planar or K^2 helical [1].

    >>> mean_square_deflection(2.0)
    2.0
    """
    k = not_negative("k", k)
    return k * k if helical else 0.5 * k * k


def resonant_wavelength(
    k: float, period: float, gamma: float, *, harmonic: int = 1, helical: bool = False, angle: float = 0.0
) -> float:
    """Return the wavelength that slips by `harmonic` wavelengths per period [m].

    Parameters
    ----------
    k : deflection parameter K [1].
    period : undulator period [m].
    gamma : Lorentz factor of the electron [1].
    harmonic : harmonic number, 1, 2, 3 ... [1].
    helical : True for a helical undulator.
    angle : angle between electron and observer [rad]; lengthens the wavelength.

    Raises
    ------
    ConfigError
        If an argument is outside its range.

    Examples
    --------
    >>> round(resonant_wavelength(2.47982, 0.125, 489.238) * 1e9, 2)
    1064.0
    """
    gamma, angle = positive("gamma", gamma), finite("angle", angle, "rad")
    path = 1.0 + mean_square_deflection(k, helical) + (gamma * angle) ** 2
    return positive("period", period, "m") * path / (2.0 * gamma * gamma * count("harmonic", harmonic))


def resonant_deflection(
    wavelength: float, period: float, gamma: float, *, harmonic: int = 1, helical: bool = False
) -> float:
    """Return the K that makes `wavelength` the on-axis resonance of harmonic `harmonic` [1].

    Parameters
    ----------
    wavelength : wavelength of the light [m].
    period : undulator period [m].
    gamma : Lorentz factor of the electron [1].
    harmonic : harmonic number [1].
    helical : True for a helical undulator.

    Raises
    ------
    PhysicsError
        If even K = 0 radiates at a longer wavelength.

    Examples
    --------
    >>> round(resonant_deflection(1064e-9, 0.125, 489.238), 4)
    2.4798
    """
    gamma, period = positive("gamma", gamma), positive("period", period, "m")
    wavelength, harmonic = positive("wavelength", wavelength, "m"), count("harmonic", harmonic)
    square = 2.0 * gamma * gamma * harmonic * wavelength / period - 1.0
    if square < 0.0:
        shortest = period / (2.0 * gamma * gamma * harmonic)
        raise PhysicsError(
            f"no K makes {wavelength:.6g} m resonant: at gamma {gamma:.6g} harmonic {harmonic} of a {period:.6g} m "
            f"period cannot be shorter than {shortest:.6g} m; take a period of at most "
            f"{2.0 * gamma * gamma * harmonic * wavelength:.6g} m, a higher harmonic or more energy"
        )
    return math.sqrt(square if helical else 2.0 * square)


def deflection_from_field(field: float, period: float) -> float:
    """Return K of the peak field `field` [T] and the period `period` [m].

    >>> round(deflection_from_field(1.0, 0.01), 4)
    0.9337
    """
    return abs(finite("field", field, "T")) * positive("period", period, "m") * _K_PER_TESLA_METRE


def field_from_deflection(k: float, period: float) -> float:
    """Return the peak field [T] of an undulator with deflection parameter `k` and period `period` [m].

    >>> round(field_from_deflection(7.0822, 0.05), 2)
    1.52
    """
    return not_negative("k", k) / (positive("period", period, "m") * _K_PER_TESLA_METRE)


def modulation_index(k: float) -> float:
    """Return chi = K^2/(4 + 2 K^2), the figure-eight motion of a planar undulator in units of phase [1].

    >>> modulation_index(2.0)
    0.3333333333333333
    """
    k = not_negative("k", k)
    return k * k / (4.0 + 2.0 * k * k)


def bessel_factor(k: float, harmonic: int = 1) -> float:
    """Return [JJ]_n of a planar undulator at the odd harmonic n, for light and electron on axis [1].

    ``[JJ]_n = J_((n-1)/2)(n chi) - J_((n+1)/2)(n chi)`` with ``chi = K^2/(4 + 2 K^2)``. The literature multiplies it
    by ``(-1)^((n-1)/2)``; all formulas here use its square or n = 1.

    Raises
    ------
    ConfigError
        If `harmonic` is even: on axis a planar undulator neither radiates nor modulates there.

    Examples
    --------
    >>> round(bessel_factor(2.4798209785), 4)
    0.7794
    """
    n = count("harmonic", harmonic)
    if n % 2 == 0:
        raise ConfigError(
            f"[JJ] is defined at odd harmonics, not {n}: on axis a planar undulator has no even harmonic "
            "(ssmb.light.coherent has the off-axis emission of the even ones)"
        )
    argument = n * modulation_index(k)
    from scipy import special  # slow to import, and only undulators need it

    return float(special.jv((n - 1) // 2, argument) - special.jv((n + 1) // 2, argument))


def undulator_r56(n_periods: float, wavelength: float) -> float:
    """Return R56 = 2 N lambda_1 of a whole undulator [m], > 0: higher energy arrives earlier.

    Parameters
    ----------
    n_periods : number of periods N [1].
    wavelength : on-axis resonant wavelength of the first harmonic [m].

    Examples
    --------
    >>> round(undulator_r56(32, 1064e-9) * 1e6, 3)
    68.096
    """
    return 2.0 * positive("n_periods", n_periods) * positive("wavelength", wavelength, "m")
