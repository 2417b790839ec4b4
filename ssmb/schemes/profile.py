"""The finite spot of a laser: what part of the peak amplitude the electrons of a beam see.

The amplitude of a TEM00 beam is ``A exp(-(x^2 + y^2)/w0^2)`` at its waist. Means over Gaussian beams are taken by
Gauss-Hermite quadrature.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ssmb.ranges import not_negative, positive

_NODES = 40


class ProfileNodes(NamedTuple):
    """Places in the beam, flat arrays of equal shape."""

    share: NDArray[np.float64]  #: part of the peak amplitude there [1]
    x: NDArray[np.float64]  #: [m]
    y: NDArray[np.float64]  #: [m]
    weight: NDArray[np.float64]  #: of a mean over the beam, sum 1


@cache
def _normal_nodes() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    t, w = np.polynomial.hermite_e.hermegauss(_NODES)
    keep = w > 1e-17 * w.max()
    return t[keep], w[keep] / w[keep].sum()


def profile_nodes(waist: float | None, sigma_x: float, sigma_y: float) -> ProfileNodes:
    """Return nodes and weights for the mean over a Gaussian beam of what depends on the laser profile.

    Parameters
    ----------
    waist : w0 of the laser in the modulator [m]; None for a wide laser: one node with the share 1.
    sigma_x, sigma_y : rms sizes of the beam in the modulator [m].

    Examples
    --------
    A round beam: the mean amplitude is 1/(1 + 2 sigma^2/w0^2).

    >>> nodes = profile_nodes(1e-3, 2e-4, 2e-4)
    >>> round(float(nodes.weight @ nodes.share), 6), round(1 / 1.08, 6)
    (0.925926, 0.925926)
    """
    one, zero = np.ones(1), np.zeros(1)
    sizes = not_negative("sigma_x", sigma_x, "m"), not_negative("sigma_y", sigma_y, "m")
    if waist is None:
        return ProfileNodes(one, zero, zero, one)
    w0 = positive("waist", waist, "m")
    t, w = _normal_nodes()
    (xs, wx), (ys, wy) = ((t * size, w) if size else (zero, one) for size in sizes)
    x, y = (v.ravel() for v in np.meshgrid(xs, ys, indexing="ij"))
    return ProfileNodes(np.exp(-(x * x + y * y) / (w0 * w0)), x, y, np.outer(wx, wy).ravel())
