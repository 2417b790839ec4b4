"""Field across of a Gaussian charge: its axes, its strength, and how far it follows the density along the beam."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from ssmb.beam.reference import Reference

Array = NDArray[np.float64]

#: Nodes of the integral of :func:`followed_density`.
_NODES = 32


def perveance(reference: Reference) -> float:
    """2 r/(beta^2 gamma^3) [m]: a line density [1/m] times it is the change of momentum over p0 and way [1/m] by a
    field over 1/(2 pi eps0) and the line charge [1/m].
    """
    return 2.0 * reference.classical_radius / (reference.beta**2 * reference.gamma**3)


def axes_of(covariance: Array) -> tuple[Array, Array, Array]:
    """Rms sizes (..., 2) [m] along the axes of covariances (..., 2, 2) of x and y, cosine and sine of their angle.

    The first axis is the one within 45 degrees of x. Sizes that are no numbers are 0.
    """
    xx, xy, yy = covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 1, 1]
    wide = np.where(xx >= yy, 1.0, -1.0)
    angle = 0.5 * np.arctan2(2.0 * xy * wide, np.abs(xx - yy))
    c, s = np.cos(angle), np.sin(angle)
    squares = [c * c * xx + 2.0 * c * s * xy + s * s * yy, s * s * xx - 2.0 * c * s * xy + c * c * yy]
    return np.sqrt(np.maximum(np.stack(squares, axis=-1), 0.0)), c, s


def slopes(sizes: Array) -> Array:
    """Slopes (..., 2) [1/m^2] of the field on the axis along either axis of the charge, 1/(s_1 (s_1 + s_2))."""
    return 1.0 / (sizes * sizes.sum(axis=-1, keepdims=True))


def followed_density(k: np.ndarray, gamma: float, sizes: tuple[float, float]) -> Array:
    """Slope (2, n) on the axis of the field of a charge that goes as cos(k z), over that of a long one [1].

    ``Int_0^1 exp(-(k s_1/gamma)^2 (1/v - 1)/2) du`` with ``v = u (2 s_1 + (s_2 - s_1) u)/(s_1 + s_2)`` along axis 1;
    of a round charge ``1 - x e^x E1(x)``, x = (k s/gamma)^2/2. From Poisson's equation in the rest frame, whose
    solution is an integral over Gaussians of growing size.
    """
    nodes, weights = _panel()
    out = np.empty((2, len(k)))
    for i, (own, other) in enumerate((sizes, sizes[::-1])):
        v = nodes * (2.0 * own + (other - own) * nodes) / (own + other)
        out[i] = np.exp(np.outer(-0.5 * (k * (own / gamma)) ** 2, 1.0 / v - 1.0)) @ weights
    return out


@functools.cache
def _panel() -> tuple[Array, Array]:
    """Nodes and weights from 0 to 1, closer at 0."""
    x, w = np.polynomial.legendre.leggauss(_NODES)
    t = 0.5 * (x + 1.0)
    return t * t, t * w
