"""Angular integrals of undulator light from a transversely Gaussian bunched beam.

With ``x = k L theta^2/4`` the central lobe of harmonic n is ``sinc^2(x - d)``, d = half the detuning phase over the
undulator (d > 0: light of lower frequency than the on-axis resonance), and a round Gaussian beam suppresses angles by
``exp(-4 S x)``, S = k sigma_perp^2/L. Odd harmonics need the integral F over x, even ones the integral E with one
more power of x, because their field on axis vanishes.

Both are turned into an integral over the distance t L between two points of emission,
``sinc^2(u) = int_-1^1 (1 - |t|) e^(2 i u t) dt``, which is smooth where the original oscillates without end. In that
form a Gaussian bunch of finite length only multiplies the integrand by ``exp(-s^2 t^2)``, s = N lambda_1/(2 sigma_z).
An elliptic beam is the mean over the azimuth of the round result at S(phi) = S_x cos^2 phi + S_y sin^2 phi.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_AZIMUTH_NODES, _AZIMUTH_WEIGHTS = (np.asarray(a, dtype=np.float64) for a in np.polynomial.legendre.leggauss(64))
#: a point-like beam is the limit S -> 0; below this the result no longer changes
_SMALLEST_SIZE = 1e-13


_gauss = cache(np.polynomial.legendre.leggauss)


def composite_nodes(edges: Array, order: int = 16) -> tuple[Array, Array]:
    """Return nodes and weights of Gauss-Legendre panels of `order` points between `edges`."""
    nodes, weights = _gauss(order)
    half = 0.5 * np.diff(edges)[:, None]
    middle = 0.5 * (edges[1:] + edges[:-1])[:, None]
    return (middle + half * nodes).ravel(), (half * weights).ravel()


def azimuths(number: int, *, flat: bool = False, half: bool = False) -> tuple[Array, Array]:
    """Return azimuths [rad] and weights (sum 1) of a mean over the circle.

    Parameters
    ----------
    number : of equal steps around the circle [1].
    flat : True for what is narrow about the axes, the light of a flat beam: Gauss nodes that gather there.
    half : True for what is the same above and below: only azimuths in 0 ... pi.
    """
    if not flat:
        steps = math.ceil(0.5 * number) if half else number
        turn = (math.pi if half else 2.0 * math.pi) / steps
        return np.asarray(turn * (np.arange(steps) + 0.5), dtype=np.float64), np.full(steps, 1.0 / steps)
    quarter, weight = _quarter()
    turns = np.arange(2 if half else 4)
    phi = np.where(turns % 2 == 0, quarter[:, None], 0.5 * math.pi - quarter[:, None]) + 0.5 * math.pi * turns
    return np.asarray(phi.T.ravel(), dtype=np.float64), np.tile(weight, turns.size) / turns.size


def _quarter() -> tuple[Array, Array]:
    """Azimuths of a quarter of the circle and their weights, sum 1."""
    u = 0.5 * (_AZIMUTH_NODES + 1.0)
    # phi = (pi/2)(3u^2 - 2u^3) gathers nodes at the axes, where S(phi) of a ribbon beam comes close to zero
    return 0.5 * math.pi * u * u * (3.0 - 2.0 * u), 0.5 * _AZIMUTH_WEIGHTS * 6.0 * u * (1.0 - u)


def azimuth_sizes(s_x: float, s_y: float) -> tuple[Array, Array, Array]:
    """Return S(phi), cos^2 phi and weights (sum 1) of the mean over the azimuth; one node if the beam is round."""
    if s_x == s_y:
        return np.array([s_x]), np.array([0.5]), np.array([1.0])
    phi, weight = _quarter()
    cos2 = np.cos(phi) ** 2
    return s_x * cos2 + s_y * (1.0 - cos2), cos2, weight


def emission_distances(smallest: float, d: float, reach: float = math.inf, slip: float = 0.0) -> tuple[Array, Array]:
    """Return nodes t in 0 ... 1 that resolve the peak of width S at t = 0, the detuning, the aperture and the bunch."""
    edge_matters = math.isfinite(reach) and 4.0 * smallest * reach < 40.0
    oscillation = 2.0 * abs(d) + (2.0 * reach if edge_matters else 0.0)
    panels = math.ceil(oscillation / math.pi + slip) + 4
    width = max(2.0 * smallest, 0.5 / reach if math.isfinite(reach) else 0.0, _SMALLEST_SIZE)
    halvings = max(0, math.ceil(math.log2(1.0 / (panels * 0.1 * width))))
    first = 1.0 / panels
    edges = np.concatenate(([0.0], first * 0.5 ** np.arange(halvings, 0, -1), np.arange(1, panels + 1) * first))
    return composite_nodes(edges)


def lobe_integral(
    sizes: Array, d: float = 0.0, reach: float = math.inf, slip: float = 0.0, *, even: bool = False
) -> Array:
    """Return F or E for each size: the integral over x from 0 to `reach` of ``[x] sinc^2(x - d) exp(-4 S x)`` [1].

    Parameters
    ----------
    sizes : S = k sigma_perp^2/L >= 0 [1].
    d : half the detuning phase [rad].
    reach : x of the largest accepted angle, k L theta_max^2/4 [1].
    slip : s = N lambda_1/(2 sigma_z) of a Gaussian bunch, 0 for a long one [1].
    even : True for E, with the factor x; needs S > 0 or a finite `reach`, else it diverges.

    Examples
    --------
    >>> bool(abs(lobe_integral(np.array([0.0]))[0] - math.pi/2) < 1e-10)
    True
    """
    s = np.maximum(np.asarray(sizes, dtype=float), 0.0 if math.isfinite(reach) else _SMALLEST_SIZE)
    t, weight = emission_distances(float(s.min()), d, reach, slip)
    q = 4.0 * s[:, None] - 2j * t
    kernel = _even_kernel(q, reach) if even else _odd_kernel(q, reach)
    factor = weight * (1.0 - t) * np.exp(-2j * d * t - (slip * t) ** 2)
    return 2.0 * np.real(kernel @ factor)


def _odd_kernel(q: NDArray[np.complex128], reach: float) -> NDArray[np.complex128]:
    """Integral of exp(-q x) from 0 to reach."""
    if math.isinf(reach):
        return 1.0 / q
    return -np.expm1(-q * reach) / q


def _even_kernel(q: NDArray[np.complex128], reach: float) -> NDArray[np.complex128]:
    """Integral of x exp(-q x) from 0 to reach."""
    if math.isinf(reach):
        return 1.0 / (q * q)
    y = q * reach
    small = np.abs(y) < 0.02
    # the closed form loses all digits at small y
    series = reach**2 * (0.5 - y * (1.0 / 3.0 - y * (0.125 - y * (1.0 / 30.0 - y / 144.0))))
    full = (1.0 - np.exp(-y) * (1.0 + y)) / np.where(small, 1.0, q * q)
    return np.where(small, series, full)
