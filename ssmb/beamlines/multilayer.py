"""Reflectivity of periodic multilayer mirrors at 13.5 nm (Mo/Si) and 6.x nm (La/B).

Parratt's recursion with the constants of :mod:`ssmb.beamlines.optical_constants`; interface roughness by the factor of
Nevot and Croce.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.beamlines.optical_constants import POLARISATIONS, interface, refractive_index, table_wavelengths
from ssmb.errors import ConfigError
from ssmb.quantity import check_quantities, quantity
from ssmb.ranges import choice, count, not_negative

_POSITIVE: dict[str, Any] = {"minimum": 0.0, "open_minimum": True}
#: index of refraction, and component of the wave vector across the layers [1/m], at each wavelength
Medium = tuple[NDArray[np.complex128], NDArray[np.complex128]]


@dataclass(frozen=True)
class Multilayer:
    """A periodic stack of two materials on a substrate.

    Notes
    -----
    Layers are taken as homogeneous with bulk constants: no interdiffusion zone, no cap.
    """

    name: str = quantity("", "name of the coating")
    heavy: str = quantity("", "chemical formula of the absorber")
    light: str = quantity("", "chemical formula of the spacer")
    substrate: str = quantity("", "chemical formula of the substrate")
    heavy_density: float = quantity("kg/m^3", "density of the absorber", **_POSITIVE)
    light_density: float = quantity("kg/m^3", "density of the spacer", **_POSITIVE)
    substrate_density: float = quantity("kg/m^3", "density of the substrate", **_POSITIVE)
    period: float = quantity("m", "period, of one bilayer", **_POSITIVE)
    heavy_share: float = quantity(
        "1", "thickness of the absorber over the period", maximum=1.0, open_maximum=True, **_POSITIVE
    )
    bilayers: int = quantity("1", "number of bilayers", minimum=1)
    roughness: float = quantity("m", "rms width of every interface", minimum=0.0, default=0.0)
    light_on_top: bool = quantity("", "whether the spacer faces the light", default=True)

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.roughness > self.period / 2.0:
            raise ConfigError(
                f"roughness {self.roughness:g} m exceeds half the period {self.period:g} m of {self.name}."
            )

    def reflectivity(
        self, wavelength: ArrayLike, *, angle: float = 0.0, polarisation: str = "mean"
    ) -> NDArray[np.float64]:
        """Reflected share of the power.

        Parameters
        ----------
        wavelength : [m], any shape.
        angle : of incidence from the normal [rad], 0 <= angle < pi/2.
        polarisation : "s", "p" or "mean" of both.

        Returns
        -------
        ndarray
            Reflectivity between 0 and 1 [1], the shape of `wavelength`.

        References
        ----------
        L. G. Parratt, Phys. Rev. 95, 359 (1954), doi:10.1103/PhysRev.95.359; L. Nevot and P. Croce, Rev. Phys. Appl.
        15, 761 (1980), doi:10.1051/rphysap:01980001503076100; B. L. Henke, E. M. Gullikson and J. C. Davis, At. Data
        Nucl. Data Tables 54, 181 (1993), doi:10.1006/adnd.1993.1013.
        """
        lam = table_wavelengths(wavelength)
        choice("polarisation", polarisation, POLARISATIONS)
        if not_negative("angle", angle, "rad") >= math.pi / 2.0:
            raise ConfigError(f"angle must be below pi/2 from the normal, got {angle:g} rad.")
        flat = lam.ravel()
        kinds = ("s", "p") if polarisation == "mean" else (polarisation,)
        total = np.mean([self._parratt(flat, angle, kind) for kind in kinds], axis=0)
        return total.reshape(lam.shape)

    def _parratt(self, lam: NDArray[np.float64], angle: float, polarisation: str) -> NDArray[np.float64]:
        k0 = 2.0 * np.pi / lam

        def medium(formula: str, density: float) -> Medium:
            n = refractive_index(formula, density, lam)
            return n, np.asarray(k0 * np.sqrt(n * n - math.sin(angle) ** 2), dtype=np.complex128)

        def fresnel(one: Medium, other: Medium) -> NDArray[np.complex128]:
            return interface(one[0], other[0], one[1], other[1], polarisation, self.roughness)

        vacuum = np.ones_like(lam, dtype=complex), np.asarray(k0 * math.cos(angle), dtype=np.complex128)
        heavy, light = medium(self.heavy, self.heavy_density), medium(self.light, self.light_density)
        d_heavy = self.heavy_share * self.period
        layers = (heavy, d_heavy), (light, self.period - d_heavy)
        (top, d_top), (low, d_low) = layers[::-1] if self.light_on_top else layers
        phase_top, phase_low = np.exp(2j * top[1] * d_top), np.exp(2j * low[1] * d_low)
        # The four Fresnel coefficients of the period repeat; only the first and the last interface are different.
        first, up, down = fresnel(vacuum, top), fresnel(top, low), fresnel(low, top)
        r = fresnel(low, medium(self.substrate, self.substrate_density))
        for j in range(self.bilayers):
            r = r * phase_low
            r = (up + r) / (1.0 + up * r)
            r = r * phase_top
            outer = down if j < self.bilayers - 1 else first
            r = (outer + r) / (1.0 + outer * r)
        return np.abs(r) ** 2


#: 40 bilayers of 6.95 nm, the usual mirror at 13.5 nm, sharp interfaces.
MO_SI = Multilayer("Mo/Si", "Mo", "Si", "Si", 10.28e3, 2.33e3, 2.33e3, 6.95e-9, 0.40, 40)
#: 200 bilayers for 6.65 nm, just above the boron K edge at 6.6 nm, sharp interfaces.
LA_B = Multilayer("La/B", "La", "B", "Si", 6.145e3, 2.37e3, 2.33e3, 3.33e-9, 0.40, 200)
COATINGS = {"mo_si": MO_SI, "la_b": LA_B}


@dataclass(frozen=True)
class Peak:
    """Result of :func:`peak`."""

    wavelength: float = quantity("m", "wavelength of the maximum")
    reflectivity: float = quantity("1", "reflectivity there")
    width: float = quantity("m", "full width at half maximum")
    relative_width: float = quantity("1", "width over wavelength")


def coating(name: str) -> Multilayer:
    """``mo_si`` or ``la_b``; another name raises :class:`ConfigError` with the nearest match."""
    return COATINGS[choice("coating", name, COATINGS)]


@lru_cache(maxsize=64)
def peak(mirror: Multilayer, *, mirrors: int = 1, angle: float = 0.0, polarisation: str = "mean") -> Peak:
    """Maximum and width of the transmission of `mirrors` equal mirrors in a row.

    Parameters
    ----------
    mirror : the coating.
    mirrors : reflections [1].
    angle, polarisation : as in :meth:`Multilayer.reflectivity`.

    Examples
    --------
    >>> round(1e9 * peak(MO_SI).wavelength, 2)  # doctest: +SKIP
    13.57
    """
    n = count("mirrors", mirrors)
    centre = 2.0 * mirror.period * math.cos(angle)
    lam = np.linspace(0.9 * centre, 1.05 * centre, 3001)
    r = mirror.reflectivity(lam, angle=angle, polarisation=polarisation) ** n
    top = int(np.argmax(r))
    half = r[top] / 2.0
    if half == 0.0:
        raise ConfigError(f"{mirror.name} reflects nothing near {centre:g} m; check period and angle.")
    left = top - int(np.argmax(r[: top + 1][::-1] < half))
    right = top + int(np.argmax(r[top:] < half))
    low = np.interp(half, [r[left], r[left + 1]], [lam[left], lam[left + 1]])
    high = np.interp(-half, [-r[right - 1], -r[right]], [lam[right - 1], lam[right]])
    width = float(high - low)
    return Peak(float(lam[top]), float(r[top]), width, width / float(lam[top]))
