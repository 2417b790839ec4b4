"""A density on a grid of z (rows) and delta (columns): drift, kick, damping and diffusion.

Every column of a drift, and every row of a kick, moves by one distance. What is interpolated at a distance that is the
same along a line keeps the sum of the line to rounding, for the weights of Lagrange's polynomial add up to one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmb.kernels.jit import scalar
from ssmb.kernels.threads import threaded

#: Points of the interpolation.
STENCIL = 6
#: Columns that are turned into lines together.
_TOGETHER = 8


def shift_weights(distance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First point of the stencil relative to each cell, and the weights (n, 6), for shifts in cells."""
    below = np.floor(-distance)
    rest = -distance - below
    weights = np.ones((distance.size, STENCIL))
    for k in range(STENCIL):
        for other in range(STENCIL):
            if other != k:
                weights[:, k] *= (rest - (other - 2)) / (k - other)
    return below.astype(np.int64) - 2, weights


@scalar
def _moved(line, first, w, out):
    """Fill ``out[j]`` with the sum of ``w[k] line[j + first + k]``, zero outside of the line.

    ``line`` has a margin of six zeros at both ends; what lies outside by more is zero as a whole.
    """
    points = out.size
    lo, hi = max(0, -first - STENCIL), min(points, points - first + 1)
    out[:] = 0.0
    if hi > lo:
        source, target = line[lo + first + STENCIL :], out[lo:hi]
        for j in range(hi - lo):
            target[j] = (
                w[0] * source[j]
                + w[1] * source[j + 1]
                + w[2] * source[j + 2]
                + w[3] * source[j + 3]
                + w[4] * source[j + 4]
                + w[5] * source[j + 5]
            )


def _drift(begin, end, f, cells, weights, periodic, out):
    """Move columns along z by their own ``cells`` and ``weights`` (columns, 6).

    Outside of the grid there is nothing, or its other end if it is periodic.
    """
    rows, columns = f.shape
    line, moved = np.zeros((_TOGETHER, rows + 2 * STENCIL)), np.empty((_TOGETHER, rows))
    for block in range(begin, end):
        first, some = block * _TOGETHER, min(_TOGETHER, columns - block * _TOGETHER)
        for i in range(rows):
            for b in range(some):
                line[b, STENCIL + i] = f[i, first + b]
        for b in range(some):
            shift = cells[first + b]
            if periodic:
                whole = (shift + 2) // rows * rows
                shift -= whole
                # the line is turned by whole cells, so that the margins are enough
                turned = line[b, STENCIL : STENCIL + rows].copy()
                for i in range(rows):
                    line[b, STENCIL + i] = turned[(i + shift + 2) % rows]
                line[b, :STENCIL] = line[b, rows : rows + STENCIL]
                line[b, STENCIL + rows :] = line[b, STENCIL : 2 * STENCIL]
                shift = -2
            _moved(line[b], shift, weights[first + b], moved[b])
        for i in range(rows):
            for b in range(some):
                out[i, first + b] = moved[b, i]


drift: Any = threaded(_drift, lambda f, *_: (-(-f.shape[1] // _TOGETHER), 2.0 * _TOGETHER * f.shape[0]))


def _kick(begin, end, f, cells, weights, lower, middle, upper, times, out):
    """Move rows along delta by their own ``cells`` and ``weights`` (rows, 6), then let them spread ``times`` times by a
    matrix of three diagonals.
    """
    columns = f.shape[1]
    line = np.zeros(columns + 2 * STENCIL)
    moved, spread = np.zeros(columns + 2), np.zeros(columns + 2)
    for i in range(begin, end):
        line[STENCIL : STENCIL + columns] = f[i]
        _moved(line, cells[i], weights[i], moved[1 : columns + 1])
        for _ in range(times):
            for j in range(columns):
                spread[j + 1] = lower[j] * moved[j] + middle[j] * moved[j + 1] + upper[j] * moved[j + 2]
            moved, spread = spread, moved
        out[i] = moved[1 : columns + 1]


kick: Any = threaded(_kick, lambda f, *_: (f.shape[0], 1.5 * f.shape[1]))
