"""Optical constants in the extreme ultraviolet and soft X-rays: index of refraction, one surface, one layer, a gas.

The tables are those of Henke, Gullikson and Davis (atomic scattering factors) as they come with `periodictable`: atoms
add up, bonds are left out, which holds away from absorption edges.

References
----------
B. L. Henke, E. M. Gullikson and J. C. Davis, At. Data Nucl. Data Tables 54, 181 (1993), doi:10.1006/adnd.1993.1013.
L. Nevot and P. Croce, Rev. Phys. Appl. 15, 761 (1980), doi:10.1051/rphysap:01980001503076100.
"""

from __future__ import annotations

import math
from functools import lru_cache
from types import ModuleType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.errors import ConfigError
from ssmb.ranges import choice, not_negative, positive

POLARISATIONS = ("s", "p", "mean")
WAVELENGTH_RANGE = (1e-9, 41e-9)  #: within the tables of optical constants [m]
GAS_CONSTANT = 8.31446261815324  #: [J/(mol K)], exact
_GRAM_PER_CM3 = 1e3  # [kg/m^3]


def table_wavelengths(wavelength: ArrayLike) -> NDArray[np.float64]:
    """Return wavelengths [m] as an array, or raise :class:`ConfigError` if one lies outside the tables."""
    lam = np.asarray(wavelength)
    if lam.dtype.kind not in "fiu":
        raise ConfigError("wavelength must be numbers in metres, such as 13.5e-9.")
    lam = lam.astype(float)
    low, high = WAVELENGTH_RANGE
    if lam.size == 0 or not np.all((lam >= low) & (lam <= high)):
        raise ConfigError(f"wavelength must lie between {low:g} m and {high:g} m, the range of the optical constants.")
    return lam


def refractive_index(formula: str, density: float, wavelength: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Return n + i beta, a new array each time.

    Parameters
    ----------
    formula : chemical formula such as Mo, B4C or H2.
    density : [kg/m^3].
    wavelength : from :func:`table_wavelengths` [m].
    """
    if not isinstance(formula, str):  # the cache takes nothing that cannot be a key
        raise _no_formula(formula)
    return _index(formula, density, np.ascontiguousarray(wavelength).tobytes()).reshape(wavelength.shape).copy()


def tabulated_density(formula: str) -> float:
    """Return the density of an element in its usual form, from the tables of `periodictable` [kg/m^3].

    >>> tabulated_density("Ru")
    12410.0
    """
    density = _material(formula).density
    if density is None:
        raise ConfigError(f"no density of {formula!r} is tabulated; give density in kg/m^3.")
    return float(density) * _GRAM_PER_CM3


def gas_density(formula: str, pressure: float, temperature: float = 293.15) -> float:
    """Return the density of an ideal gas [kg/m^3].

    Parameters
    ----------
    formula : of one molecule, such as H2.
    pressure : [Pa].
    temperature : [K].

    Examples
    --------
    >>> round(gas_density("H2", 101325.0, 273.15), 4)
    0.0899
    """
    molar = float(_material(formula).mass) * 1e-3
    moles = not_negative("pressure", pressure, "Pa") / (GAS_CONSTANT * positive("temperature", temperature, "K"))
    return molar * moles


def layer_transmission(formula: str, thickness: float, density: float, wavelength: ArrayLike) -> NDArray[np.float64]:
    """Return the share of the light that a foil or a column of gas lets through, ``exp(-4 pi beta t/lambda)`` [1].

    Parameters
    ----------
    formula : of the material.
    thickness : [m].
    density : [kg/m^3]; of a gas :func:`gas_density`.
    wavelength : [m].

    Notes
    -----
    Reflection at the surfaces (below 1e-3 at normal incidence in the EUV) is left out.

    Examples
    --------
    One metre of hydrogen at 5 Pa, at 13.5 nm:

    >>> round(float(layer_transmission("H2", 1.0, gas_density("H2", 5.0), 13.5e-9)), 4)
    0.9938
    """
    lam = table_wavelengths(wavelength)
    path = not_negative("thickness", thickness, "m")
    if not_negative("density", density, "kg/m^3") == 0.0:
        return np.ones_like(lam)
    beta = refractive_index(formula, density, lam).imag
    return np.exp(-4.0 * math.pi * beta * path / lam)


def surface_reflectivity(
    formula: str,
    wavelength: ArrayLike,
    grazing_angle: float,
    *,
    density: float | None = None,
    polarisation: str = "s",
    roughness: float = 0.0,
) -> NDArray[np.float64]:
    """Return the reflected share of the power of a coating so thick that only its surface counts [1].

    Parameters
    ----------
    formula : of the coating.
    wavelength : [m].
    grazing_angle : between light and surface [rad], 0 < angle <= pi/2.
    density : [kg/m^3]; that of :func:`tabulated_density` if left out.
    polarisation : "s" (electric field along the surface), "p" or "mean".
    roughness : rms [m]; the factor of Nevot and Croce.

    Examples
    --------
    >>> round(float(surface_reflectivity("Ru", 13.5e-9, 0.1)), 3)
    0.94
    """
    lam = table_wavelengths(wavelength)
    choice("polarisation", polarisation, POLARISATIONS)
    if positive("grazing_angle", grazing_angle, "rad") > math.pi / 2.0:
        raise ConfigError(f"grazing_angle must be pi/2 at most, measured from the surface, got {grazing_angle:g} rad.")
    rough = not_negative("roughness", roughness, "m")
    solid = tabulated_density(formula) if density is None else positive("density", density, "kg/m^3")
    n = refractive_index(formula, solid, lam)
    k = 2.0 * math.pi / lam
    sine = math.sin(grazing_angle)
    outside = np.asarray(k * sine, dtype=np.complex128)
    # (n - 1)(n + 1) + sin^2 instead of n^2 - cos^2, which cancels at grazing angles
    inside = np.asarray(k * np.sqrt((n - 1.0) * (n + 1.0) + sine * sine), dtype=np.complex128)
    kinds = ("s", "p") if polarisation == "mean" else (polarisation,)
    vacuum = np.ones_like(n)
    parts = [np.abs(interface(vacuum, n, outside, inside, kind, rough)) ** 2 for kind in kinds]
    return np.mean(parts, axis=0)


def interface(
    n1: np.ndarray, n2: np.ndarray, k1: np.ndarray, k2: np.ndarray, polarisation: str, roughness: float
) -> np.ndarray:
    """Return Fresnel's amplitude of reflection from medium 1 to 2, with the roughness factor exp(-2 k1 k2 sigma^2).

    Parameters
    ----------
    n1, n2 : complex indices.
    k1, k2 : components of the wave vectors along the normal [1/m].
    polarisation : "s" or "p".
    roughness : rms [m].
    """
    p1, p2 = (k1 / n1**2, k2 / n2**2) if polarisation == "p" else (k1, k2)
    return (p1 - p2) / (p1 + p2) * np.exp(-2.0 * k1 * k2 * roughness**2)


@lru_cache(maxsize=64)
def _index(formula: str, density: float, wavelengths: bytes) -> NDArray[np.complex128]:
    xsf, material = _xsf(), _material(formula)
    lam = np.frombuffer(wavelengths, dtype=float)
    # periodictable: density in g/cm^3, wavelength in angstrom, n = 1 - delta - i beta; ours is + i beta
    try:
        n = np.conj(xsf.index_of_refraction(material, density=density / _GRAM_PER_CM3, wavelength=lam * 1e10))
    except (ValueError, KeyError, TypeError) as error:
        raise _no_formula(formula) from error
    if not np.all(np.isfinite(n)):
        raise ConfigError(f"No optical constants of {formula} at the wavelengths asked for.")
    return n


def _material(formula: str):
    _xsf()
    from periodictable.formulas import formula as parse
    from pyparsing import ParseException  # what the parser of periodictable raises

    if not isinstance(formula, str) or not formula:
        raise _no_formula(formula)
    try:
        return parse(formula)
    except (ValueError, KeyError, TypeError, ParseException) as error:
        raise _no_formula(formula) from error


def _no_formula(formula: object) -> ConfigError:
    return ConfigError(f"{formula!r} is no chemical formula with known optical constants, such as Mo, Si or B4C.")


def _xsf() -> ModuleType:
    try:
        from periodictable import xsf
    except ImportError as error:
        raise ConfigError(
            "Reflectivities and absorption need the package periodictable (optical constants). "
            "Install it with: pip install 'ssmb[litho]'"
        ) from error
    return xsf
