"""Total energy of the photons of one slice in one draw: the quantile function of a compound Poisson process.

A particle in a slice that emits mu photons on average loses S = y_1 + ... + y_N, N a Poisson number, y_i independent
with the synchrotron spectrum. Tracking needs S only, so S is drawn from its own distribution. With the depth d of a
uniform number u below the probability of any photon, d = -ln u + ln(1 - exp(-mu)),

    S(u) = (d P(d)/Q(d))^3  for d > 0,  else 0: no photon,

P and Q of fourth order with positive coefficients (no poles), fitted for each mu when a magnet is packed. The
probability of no photon, the mean and the variance of S are exact; up to mu = 4 the third cumulant is right to 4e-4,
the cumulative probability to 4e-4, the tail to 0.3 % of itself down to 1e-7.

References
----------
W. Feller, An Introduction to Probability Theory and Its Applications, volume 2, chapter 6 (compound Poisson process).
"""

from __future__ import annotations

import math
from functools import cache, lru_cache

import numpy as np

from ssmb.errors import ConfigError
from ssmb.kernels.jit import scalar
from ssmb.kernels.objects import pure_python
from ssmb.kernels.primitives import where
from ssmb.maps.photon_spectrum import MEAN_ENERGY, MEAN_SQUARE_ENERGY, photon_energy, quick_log

#: Largest mean number of photons of one draw.
MOST_PHOTONS = 4.0
#: Numbers of a fit: ln(1 - exp(-mu)), five of P, four of Q.
TOTAL_TERMS = 10
_ORDER = 4
_STEP = 1.0 / 512.0  # grid of energies [critical energies]
_GRID = 2**14
_DEEPEST = 1e-10  # smallest tail probability that is fitted, relative to that of any photon


@scalar
def total_at_depth(d, q):
    """Energy of the photons of a slice at the depth d >= 0; q as from :func:`total_fit`."""
    d2 = d * d
    d4 = d2 * d2
    top = ((q[1] + q[2] * d) + d2 * (q[3] + q[4] * d)) + d4 * q[5]
    low = ((1.0 + q[6] * d) + d2 * (q[7] + q[8] * d)) + d4 * q[9]
    s = d * top / low
    return s * s * s


@scalar
def total_energy(u, q):
    """Energy of the photons of a slice [critical energies] for a uniform number 0 < u < 1; q as from
    :func:`total_fit`.
    """
    depth = q[0] - quick_log(u)
    return total_at_depth(where(depth > 0.0, depth, 0.0), q)


@lru_cache(maxsize=4096)
def total_fit(photons: float) -> tuple[float, ...]:
    """Fit the quantile function for a mean number of photons.

    Parameters
    ----------
    photons : mean number of photons [1], > 0 and at most :data:`MOST_PHOTONS`.

    Returns
    -------
    tuple
        The numbers that :func:`total_energy` takes.

    Raises
    ------
    ConfigError
        If the number of photons is outside.

    Examples
    --------
    >>> fit = total_fit(2.0)
    >>> round(math.exp(fit[0]), 6)  # probability of any photon, 1 - exp(-2)
    0.864665
    >>> round(pure_python(total_at_depth)(fit[0] - math.log(0.5), fit), 3)  # the median
    0.246
    """
    if not 0.0 < photons <= MOST_PHOTONS:
        raise ConfigError(f"a draw holds at most {MOST_PHOTONS:g} photons on average and more than 0, not {photons!r}")
    any_photon = -math.expm1(-photons)
    depth, root = _quantiles(photons, any_photon)
    top, low = _rational(depth, root)
    top, low = _with_moments(top, low, any_photon, photons * MEAN_ENERGY, photons * MEAN_SQUARE_ENERGY)
    return (math.log(any_photon), *top.tolist(), *low.tolist())


@cache
def _spectrum() -> np.ndarray:
    """Fourier transform of the photon number spectrum on the grid of energies; each photon is shared to keep its
    energy.
    """
    edges = np.concatenate((np.linspace(0.0, 1.0, 4001)[:-1], np.linspace(1.0, 32.0, 12001)))
    weight = np.exp(-edges[:-1]) - np.exp(-edges[1:])
    place = pure_python(photon_energy)(0.5 * (edges[1:] + edges[:-1])) / _STEP
    cell = np.floor(place).astype(int)
    upper = place - cell
    on_grid = np.bincount(cell, weight * (1.0 - upper), _GRID) + np.bincount(cell + 1, weight * upper, _GRID)
    return np.fft.rfft(on_grid / on_grid.sum())


def _quantiles(photons: float, any_photon: float) -> tuple[np.ndarray, np.ndarray]:
    """Points (depth, cube root of the total energy) of the exact quantile function, spread over all depths."""
    # the sum over numbers of photons n >= 1, without the weight at no photon, so that few photons lose no digits
    density = np.fft.irfft(math.exp(-photons) * np.expm1(photons * _spectrum()), _GRID)
    tail = np.cumsum(density[::-1])[::-1]
    last = int(np.argmin(tail > _DEEPEST * any_photon))
    depth = math.log(any_photon) - np.log(tail[1:last] - 0.5 * density[1:last])
    at = np.concatenate((np.geomspace(1e-4, 1.0, 60)[:-1], np.linspace(1.0, depth[-1], 80)))
    at = at[at > depth[1]]
    return at, np.interp(at, depth, np.cbrt(_STEP * np.arange(1, last)))


def _rational(depth: np.ndarray, root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit root = d P(d)/Q(d) with positive coefficients: linear least squares, weighted anew by the last Q."""
    from scipy.optimize import nnls  # slow to import, and only photons need it

    powers = depth[:, None] ** np.arange(_ORDER + 1)
    low, denominator = np.zeros(_ORDER), np.ones_like(depth)
    top = np.zeros(_ORDER + 1)
    for _ in range(4):
        columns = np.concatenate((depth[:, None] * powers, -root[:, None] * powers[:, 1:]), axis=1)
        columns = columns / denominator[:, None]
        scale = np.sqrt(np.sum(columns**2, axis=0))
        found = nnls(columns / scale, root / denominator, maxiter=10_000)[0] / scale
        top, low = found[: _ORDER + 1], found[_ORDER + 1 :]
        denominator = 1.0 + powers[:, 1:] @ low
    return top, low


def _with_moments(
    top: np.ndarray, low: np.ndarray, any_photon: float, mean: float, variance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Stretch energies and depths a little (1e-4), so that mean and variance of the total are exact."""
    nodes, weights = np.polynomial.legendre.leggauss(16)
    edges = np.concatenate(([0.0], np.geomspace(1e-4, 36.0, 32)))
    half = 0.5 * np.diff(edges)[:, None]
    d = (0.5 * (edges[1:] + edges[:-1])[:, None] + half * nodes).ravel()
    weight = (half * weights).ravel() * np.exp(-d) * any_photon
    order = np.arange(_ORDER + 1)

    def stretched(by: float) -> tuple[np.ndarray, np.ndarray, float]:
        """Coefficients of S(by d) scaled to the mean, and by how much the variance is off."""
        a, b = top * by ** (order + 1), low * by ** order[1:]
        s = (d * np.polyval(a[::-1], d) / (1.0 + d * np.polyval(b[::-1], d))) ** 3
        scale = mean / float(weight @ s)
        return a * np.cbrt(scale), b, float(weight @ (scale * s) ** 2) - mean**2 - variance

    before, by = 0.999, 1.0
    missed = stretched(before)[2]
    for _ in range(12):  # secant steps of a smooth function that is nearly linear
        miss = stretched(by)[2]
        if abs(miss) < 1e-12 * variance or miss == missed:
            break
        before, by, missed = by, by - miss * (by - before) / (miss - missed), miss
    return stretched(by)[:2]
