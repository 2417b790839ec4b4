"""The bunching of a tracked coupling insertion, explained by named terms: one closed form each, their product is |b_n|.

===================== ============================================ ====================================================
name factor what it is ===================== ============================================
==================================================== modulation J_n(n xi), xi = r56 h what a sinusoidal modulation can
give vertical emittance exp(-(n k)^2 eps_y H_rad/2) the length sqrt(eps_y H_rad) of the microbunch incoming momentum
exp(-(n k)^2 (a.D + r56)^2 sigma_delta^2/2) what a.D = -r56 leaves of the energy spread horizontal dispersion exp(-(n
k)^2 eps_x H_x/2) dispersion in x at the radiator horizontal path abs det(1 + 2 i n k Sigma Q)^(-1/2) path by x and px:
T_511, T_512, T_522 T_533 the same form for y, py and delta path of the off-energy orbit y = D delta laser spot <J_n(n
xi s) e^(i n k path)>/<all the above> s = exp(-(x^2 + y^2)/w0^2) over the beam =====================
============================================ ====================================================

The horizontal path of a drift of the length L is ``(1 + (n k eps_x L/beta*)^2)^(-1/4)``, beta* at the waist. Magnets
between modulator and radiator are in the T_5ij; a radiator that focuses in x makes the factor smaller than that of the
drift. The laser spot cannot be had alone: electrons at large x are kicked less and have the longer path, so that its
factor is a mean with the path of each place (x, y), over that with an even field.

References
----------
X. J. Deng et al., Phys. Rev. Accel. Beams 24, 094001 (2021), doi:10.1103/PhysRevAccelBeams.24.094001 (linear part).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.polynomial import chebyshev

from ssmb.beam.closed_form import drift_angle_bunching, gaussian_bunching, quadratic_path_bunching
from ssmb.dynamics.taylor import TaylorMap
from ssmb.quantity import derived, quantity
from ssmb.ranges import harmonic_number, positive
from ssmb.schemes.quadrature import normal_rule

_VERTICAL = [2, 3, 5]  # y, py, delta
_LONGEST = 400  # terms of a series that is quicker than the Bessel functions
_NODES = 401  # places over the beam for the mean with a laser spot


@dataclass(frozen=True)
class BunchingTerm:
    """One named factor of |b_n|."""

    name: str = quantity("", "name of the term")
    factor: float = quantity("1", "what it multiplies |b_n| by")
    formula: str = quantity("", "its closed form")


@dataclass(frozen=True)
class ExplainedBunching:
    """|b_n| as tracked, and as a product of named terms.

    Examples
    --------
    >>> terms = BunchingTerm("modulation", 0.145, ""), BunchingTerm("T_533", 0.5, "")
    >>> found = ExplainedBunching(79, terms, 0.0740, 1e-3, 1.0)
    >>> found.product, round(found.departure, 3)
    (0.0725, 0.021)
    """

    harmonic: int = quantity("1", "harmonic of the laser")
    terms: tuple[BunchingTerm, ...] = quantity("", "named factors, the modulation first")
    tracked: float = quantity("1", "|b_n| of the particles")
    noise: float = quantity("1", "1/sqrt(number of particles), what `tracked` is uncertain by")
    drift: float = quantity("1", "horizontal path factor as of a drift with the length of the section, for comparison")

    @derived
    def product(self) -> float:
        """Product of the terms, the explained |b_n| [1]."""
        return math.prod(t.factor for t in self.terms)

    @derived
    def departure(self) -> float:
        """Tracked over explained, minus 1."""
        return self.tracked / self.product - 1.0

    def factor(self, name: str) -> float:
        """Return the factor of a term by its name [1].

        Raises
        ------
        KeyError
            If no term has this name.
        """
        return {t.name: t.factor for t in self.terms}[name]

    def table(self) -> str:
        """Return the terms as lines of text."""
        lines = [f"{t.name:22s} {t.factor:9.5f}   {t.formula}" for t in self.terms]
        ends = (
            f"{'product':22s} {self.product:9.5f}",
            f"{f'|b_{self.harmonic}| tracked':22s} {self.tracked:9.5f}   noise {self.noise:.5f}, "
            f"{100.0 * self.departure:+.1f} % of the product",
        )
        return "\n".join((*lines, *ends))


def explained_bunching(
    section: TaylorMap,
    sigma: np.ndarray,
    *,
    wavelength: float,
    chirp: float,
    harmonic: int,
    spot: float = math.inf,
    length: float = 0.0,
    tracked: float,
    noise: float,
) -> ExplainedBunching:
    """Return the named terms of |b_n| behind a section, and what was tracked.

    Parameters
    ----------
    section : Taylor map from the middle of the modulator to the radiator, second order or higher.
    sigma : covariance (6, 6) of the coasting beam in front of the kick.
    wavelength : laser wavelength [m].
    chirp : h = k A on the axis [1/m].
    harmonic : n [1].
    spot : w0 of the laser, inf for an even field [m].
    length : of the section, for the horizontal path of a drift [m].
    tracked, noise : |b_n| of particles and its uncertainty [1].

    Notes
    -----
    Validity: terms of second order in a thin modulator. Terms in which the modulation itself meets x, y or momentum
    (T_526, T_536, T_566) are left out: below 1 % of |b_n| in a section without quadrupoles, 2 % behind four of them.
    """
    light = positive("wavelength", wavelength, "m") / harmonic_number(harmonic)
    r, t = section.R[4], section.T[4]
    dispersion = sigma[:4, 5] / sigma[5, 5] if sigma[5, 5] > 0.0 else np.zeros(4)
    betatron = sigma[:4, :4] - sigma[5, 5] * np.outer(dispersion, dispersion)
    leak = float(r[:4] @ dispersion + r[5])
    xi = section.r56 * positive("chirp", chirp, "1/m")
    peak = float(scipy.special.jv(harmonic, harmonic * xi))
    vertical = np.ix_(_VERTICAL, _VERTICAL)
    x = sigma[:2, :2]
    gamma_x = x[1, 1] / math.sqrt(max(np.linalg.det(x), 1e-300))

    def smear(variance: float) -> float:
        return gaussian_bunching(math.sqrt(max(0.0, variance)), light)

    named = (
        ("modulation", abs(peak), f"J_n(n xi), xi = {xi:.4f}"),
        ("vertical emittance", smear(r[2:4] @ betatron[2:, 2:] @ r[2:4]), "exp(-(n k)^2 eps_y H_rad/2)"),
        ("incoming momentum", smear(leak**2 * sigma[5, 5]), "exp(-(n k)^2 (a.D + r56)^2 sigma_delta^2/2)"),
        ("horizontal dispersion", smear(r[:2] @ betatron[:2, :2] @ r[:2]), "exp(-(n k)^2 eps_x H_x/2)"),
        ("horizontal path", quadratic_path_bunching(t[:2, :2], x, light), "T_511, T_512, T_522"),
        ("T_533", quadratic_path_bunching(t[vertical], sigma[vertical], light), "path by y, py, delta"),
        ("laser spot", _spot(section, sigma, harmonic, wavelength, xi, spot), "mean over x and y, with their path"),
    )
    return ExplainedBunching(
        harmonic=harmonic,
        terms=tuple(BunchingTerm(name, float(factor), formula) for name, factor, formula in named),
        tracked=tracked,
        noise=noise,
        drift=drift_angle_bunching(math.sqrt(max(np.linalg.det(x), 0.0)), 1.0 / gamma_x, length, light),
    )


def _spot(section: TaylorMap, sigma: np.ndarray, harmonic: int, wavelength: float, xi: float, spot: float) -> float:
    """Mean of J_n(n xi s) with the path of each place in the beam, over that of an even field."""
    if spot == math.inf:
        return 1.0
    k = 2.0 * math.pi * harmonic / wavelength
    (x, along_x), (y, along_y) = (_folded(*_path_at(section, sigma, k, plane)) for plane in ([0, 1], _VERTICAL))
    share = np.exp(-np.add.outer(x * x, y * y) / (spot * spot))
    seen = along_x @ _bessel(harmonic, harmonic * xi * share) @ along_y
    return float(abs(seen / (along_x.sum() * along_y.sum() * scipy.special.jv(harmonic, harmonic * xi))))


def _bessel(n: int, z: np.ndarray) -> np.ndarray:
    """J_n(z) of many z by the Chebyshev series between the least and the largest of them."""
    low, high = float(z.min()), float(z.max())
    # terms of an entire function of type 1 are like J_m((high - low)/2), those of z^n like exp(-m^2/n)
    degree = 40 + math.ceil(0.75 * (high - low) + 6.0 * math.sqrt(n))
    if not high > low or degree > _LONGEST:
        return scipy.special.jv(n, z)
    series = chebyshev.chebinterpolate(
        lambda t: scipy.special.jv(n, 0.5 * (high + low) + 0.5 * (high - low) * t), degree
    )
    return chebyshev.chebval((2.0 * z - (high + low)) / (high - low), series)


def _folded(place: np.ndarray, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places and their mirror images, which see the same field, as one."""
    half, first = place.size // 2, place.size - place.size // 2
    both = along[:first].copy()
    both[:half] += along[::-1][:half]
    return place[:first], both


def _path_at(section: TaylorMap, sigma: np.ndarray, k: float, plane: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Places in one plane [m], and weight times mean of e^(i k path) of the electrons there (Gaussian in the
    others).
    """
    at = np.ix_(plane, plane)
    r, t, s = section.R[4][plane], section.T[4][at], sigma[at]
    normal, weight = normal_rule(_NODES)
    place = math.sqrt(s[0, 0]) * normal
    slope = s[1:, 0] / s[0, 0] if s[0, 0] > 0.0 else np.zeros(len(plane) - 1)
    rest = s[1:, 1:] - np.outer(slope, s[0, 1:])
    mean = np.concatenate([[1.0], slope])  # the others at a place are mean * place + Gaussian of covariance rest
    turned = np.eye(len(rest)) - 2j * k * rest @ t[1:, 1:]
    tilt = r[1:] + 2.0 * np.multiply.outer(place, t[1:] @ mean)
    spread = np.einsum("ni,ij,nj->n", tilt, np.linalg.solve(turned, rest), tilt)
    path = (r @ mean) * place + (mean @ t @ mean) * place * place
    at_place = np.exp(1j * k * path - 0.5 * k * k * spread) / np.sqrt(np.linalg.det(turned))
    return place, weight * at_place
