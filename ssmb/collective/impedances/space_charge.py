"""Longitudinal space charge of a round or elliptic Gaussian beam, and of a uniform disc, in free space."""

from __future__ import annotations

import functools
import math
from typing import Any, Literal

import numpy as np
import scipy

from ssmb.arguments import checked
from ssmb.collective.impedances.base import Impedance, impedance
from ssmb.constants import ELECTRON_MASS_EV, VACUUM_IMPEDANCE
from ssmb.quantity import quantity

#: Panels and nodes of the integral of an elliptic beam, and the exponent at which it ends.
_PANELS, _NODES, _END = 8, 16, 45.0


@checked
@impedance("space_charge")
class SpaceCharge(Impedance):
    """Space charge of a Gaussian beam in free space, i Z0 k L/(4 pi g^2) times ``Int_0^inf exp(-k^2 t/g^2)/sqrt((a_x +
    t)(a_y + t)) dt``, a = sigma^2 for the field that is averaged over the beam, sigma^2/2 on its axis; of a round beam
    e^x E1(x), x = k^2 a/g^2.

    Valid for a beam with the same transverse shape all along, in the middle of a pipe of radius b with k b/g >> 1 (at
    all optical wavelengths; for bunches of millimetres the pipe shortens the field and the impedance is too high). For
    k sigma/g > 1 the field follows the local density: the average is right for the mean kick alone, and on axis it is
    larger. A flat beam is not the round one of sqrt(sigma_x sigma_y).

    References
    ----------
    M. Venturini, PRST-AB 11, 034401 (2008), doi:10.1103/PhysRevSTAB.11.034401 (round beams; the same integral over the
        transverse Fourier space gives the elliptic one).
    """

    physics = "space charge"
    length: float = quantity("m", "way of the beam", minimum=0.0)
    energy: float = quantity("eV", "total energy of the electrons", minimum=ELECTRON_MASS_EV)
    sigma_x: float = quantity("m", "rms width of the beam", minimum=0.0, open_minimum=True)
    sigma_y: float = quantity("m", "rms height of the beam", minimum=0.0, open_minimum=True)
    where: Literal["average", "axis"] = quantity("", "field averaged over the beam, or on its axis", default="average")

    acts = "both"

    def at(self, k: np.ndarray) -> np.ndarray:
        gamma = self.energy / ELECTRON_MASS_EV
        of = 1.0 if self.where == "average" else 0.5
        k = np.asarray(k, dtype=float)
        integral = gaussian_integral(k / gamma, of * self.sigma_x**2, of * self.sigma_y**2)
        return 1j * VACUUM_IMPEDANCE * self.length / (4.0 * math.pi * gamma**2) * k * integral

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        return [
            (cls(1.0, 650e6, 193e-6, 193e-6), 5.9e6),
            (cls(1.0, 650e6, 193e-6, 193e-6, "axis"), 5.9e6),
            (cls(1.0, 650e6, 579e-6, 64.3e-6), 5.9e6),
        ]


@checked
@impedance("space_charge_disc")
class SpaceChargeDisc(Impedance):
    """Space charge of a beam of uniform density within a circle, i Z0 L/(pi k a^2) times 1 - x K1(x) on its axis and
    1 - 2 I1(x) K1(x) averaged over it, x = k a/g.

    Valid as for a Gaussian beam (``space_charge``), of which a disc of twice the rms size has the rms size.

    References
    ----------
    J. Rosenzweig, C. Pellegrini, L. Serafini, C. Ternieden, G. Travish, TESLA-FEL 96-15 (1996), DESY.
    """

    physics = "space charge"
    length: float = quantity("m", "way of the beam", minimum=0.0)
    energy: float = quantity("eV", "total energy of the electrons", minimum=ELECTRON_MASS_EV)
    radius: float = quantity("m", "radius a of the beam", minimum=0.0, open_minimum=True)
    where: Literal["average", "axis"] = quantity("", "field averaged over the beam, or on its axis", default="average")

    acts = "both"

    def at(self, k: np.ndarray) -> np.ndarray:
        k = np.asarray(k, dtype=float)
        x = np.where(k > 0.0, k, 1.0) * self.radius * ELECTRON_MASS_EV / self.energy
        if self.where == "axis":
            form = 1.0 - x * scipy.special.k1(x)
        else:
            form = 1.0 - 2.0 * scipy.special.i1e(x) * scipy.special.k1e(x)
        size = VACUUM_IMPEDANCE * self.length / (math.pi * self.radius**2)
        return 1j * np.where(k > 0.0, size * form / np.where(k > 0.0, k, 1.0), 0.0)

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        return [(cls(1.0, 650e6, 328e-6), 5.9e6), (cls(1.0, 650e6, 328e-6, "axis"), 5.9e6)]


def gaussian_integral(q: np.ndarray, a_x: float, a_y: float) -> np.ndarray:
    """``Int_0^inf exp(-q^2 t)/sqrt((a_x + t)(a_y + t)) dt`` of q = k/g > 0 [1/m]; 0 stands for that of q = 0.

    By (a_x + a_y)/2 + t = m cosh v + p sinh v with m the mean and p the geometric mean: a smooth integrand for any
    aspect ratio, exp(-q^2 (m cosh v - m + p sinh v)).
    """
    safe = np.where(q > 0.0, q, 1.0)
    if a_x == a_y:
        x = safe**2 * a_x
        integral = np.where(x < 50.0, np.exp(np.minimum(x, 50.0)) * scipy.special.exp1(np.minimum(x, 50.0)), _far(x))
    else:
        mean, product = 0.5 * (a_x + a_y), math.sqrt(a_x * a_y)
        end = np.minimum(  # where either term alone is _END
            2.0 * np.arcsinh(np.sqrt(0.5 * _END / (safe**2 * mean))), np.arcsinh(_END / (safe**2 * product))
        )[..., None]
        nodes, weights = _panels()
        v = end * nodes
        half = np.sinh(0.5 * v)
        integral = (end * np.exp(-((safe**2)[..., None]) * (2.0 * mean * half * half + product * np.sinh(v)))) @ weights
    return np.where(q > 0.0, integral, 0.0)


def _far(x: np.ndarray) -> np.ndarray:
    """e^x E1(x) for x >= 50, by its asymptotic series to 1e-15."""
    x = np.maximum(x, 50.0)
    total, term = np.ones_like(x), np.ones_like(x)
    for n in range(1, 16):
        term = term * (-n / x)
        total = total + term
    return total / x


@functools.cache
def _panels() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights from 0 to 1."""
    x, w = np.polynomial.legendre.leggauss(_NODES)
    edges = np.arange(_PANELS)[:, None]
    return ((edges + 0.5 * (x + 1.0)) / _PANELS).ravel(), np.tile(0.5 * w / _PANELS, _PANELS)
