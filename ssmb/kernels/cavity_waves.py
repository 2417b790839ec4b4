"""The wave of a cavity, exp(i k z - r^2/w^2): what the parts of a train give it, and what it does to them.

A particle belongs to the part ``id mod parts`` of the train, whatever rank or group it is in. Sums are formed over
groups of 256 particles, as in :mod:`ssmb.kernels.charges`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmb.kernels.charges import gained_energy
from ssmb.kernels.loops import BLOCK, DELTA, PX, PY, X, Y, Z
from ssmb.kernels.primitives import exp, sincos_turns
from ssmb.kernels.threads import threaded


def _part_sums(begin, end, coordinates, weight, state, ids, per_metre, inverse_waist2, parts, out):
    """Fill ``out[block]`` with, for each part, the weight of all its particles and the sums of w p cos and -w p sin of
    those alive, p = exp(-r^2/w^2).
    """
    sine, cosine, size = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    for block in range(begin, end):
        row = out[block]
        row[:] = 0.0
        lo, hi = block * BLOCK, min((block + 1) * BLOCK, state.size)
        for k in range(hi - lo):  # a loop of its own, so that it becomes vectors
            i = lo + k
            size[k] = exp(-inverse_waist2 * (coordinates[X, i] ** 2 + coordinates[Y, i] ** 2))
            sine[k], cosine[k] = sincos_turns(coordinates[Z, i] * per_metre)
        for k in range(hi - lo):
            at = 3 * (ids[lo + k] % parts)
            row[at] += weight[lo + k]
            if state[lo + k] == 0:
                w = weight[lo + k] * size[k]
                row[at + 1] += w * cosine[k]
                row[at + 2] -= w * sine[k]


part_sums: Any = threaded(_part_sums, lambda coordinates, weight, state, *_: (-(-state.size // BLOCK), 10.0 * BLOCK))


def _kick_by_parts(begin, end, coordinates, state, ids, per_metre, per_slope, inverse_waist2, real, imag, mass2):
    """Give each particle the energy [p0 c] Im[f exp(i k z) p], f = real + i imag of its part, and the transverse
    momentum -per_slope Re[f exp(i k z)] grad p, which is of the same potential.
    """
    parts = real.size
    sine, cosine, size = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    for block in range(begin, end):
        lo, hi = block * BLOCK, min((block + 1) * BLOCK, state.size)
        for k in range(hi - lo):
            i = lo + k
            size[k] = exp(-inverse_waist2 * (coordinates[X, i] ** 2 + coordinates[Y, i] ** 2))
            sine[k], cosine[k] = sincos_turns(coordinates[Z, i] * per_metre)
        for k in range(hi - lo):
            i, part = lo + k, ids[lo + k] % parts
            a, b = real[part], imag[part]
            if state[i] == 0 and (a != 0.0 or b != 0.0):  # without charge not a bit changes
                along = size[k] * (a * cosine[k] - b * sine[k])
                across = 2.0 * inverse_waist2 * per_slope * along
                coordinates[PX, i] += across * coordinates[X, i]
                coordinates[PY, i] += across * coordinates[Y, i]
                gain = size[k] * (a * sine[k] + b * cosine[k])
                coordinates[Z, i], coordinates[DELTA, i] = gained_energy(
                    coordinates[Z, i], coordinates[DELTA, i], gain, mass2
                )


kick_by_parts: Any = threaded(_kick_by_parts, lambda coordinates, state, *_: (-(-state.size // BLOCK), 15.0 * BLOCK))
