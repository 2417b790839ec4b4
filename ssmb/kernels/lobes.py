"""Sums over particles of the far field of each in an undulator: bunching in three dimensions, with lobe and detuning.

Every angle (or, backwards, every particle) is one sum in a fixed order, so that the result is the same to the bit for
any number of threads. Rows of ``beam``: x [m], x' [rad], y [m], y' [rad], z in wavelengths, delta; a particle has the
lobe ``sinc(spread |theta - x'|^2 - slope delta - offset)`` and the phase ``-2 pi (z/lambda + theta.x/lambda)``.
"""

from __future__ import annotations

import math

import numpy as np

from ssmb.kernels.jit import numba, scalar
from ssmb.kernels.primitives import sincos_turns, where
from ssmb.kernels.threads import threaded

#: particles (or angles) whose terms are formed side by side and added pairwise
TILE = 256


@scalar
def sinc(u):
    """sin(u)/u."""
    s, _ = sincos_turns(u * (0.5 / math.pi))
    near = abs(u) < 1e-4
    return where(near, 1.0 - u * u / 6.0, s / where(near, 1.0, u))


@numba.njit
def _pairwise(terms, filled):
    """Sum of the first ``filled`` of TILE terms; changes them."""
    for i in range(filled, TILE):
        terms[i] = 0.0
    half = TILE // 2
    while half > 0:
        for i in range(half):
            terms[i] += terms[i + half]
        half //= 2
    return terms[0]


def _lobe_sums(beam, weight, theta_x, theta_y, waves, spread, slope, offset, out):
    """Fill ``out[angle]`` with the sums of w l cos, w l sin and (w l)^2; ``waves`` = 1/wavelength."""
    n = weight.size
    for a in numba.prange(theta_x.size):
        tx, ty = theta_x[a], theta_y[a]
        cosine, sine, square = np.empty(TILE), np.empty(TILE), np.empty(TILE)
        total_c = 0.0
        total_s = 0.0
        total_q = 0.0
        for first in range(0, n, TILE):
            filled = min(TILE, n - first)
            for j in range(filled):
                i = first + j
                dx, dy = tx - beam[1, i], ty - beam[3, i]
                lobe = weight[i] * sinc(spread * (dx * dx + dy * dy) - slope * beam[5, i] - offset)
                s, c = sincos_turns(beam[4, i] + waves * (tx * beam[0, i] + ty * beam[2, i]))
                cosine[j] = lobe * c
                sine[j] = -lobe * s
                square[j] = lobe * lobe
            total_c += _pairwise(cosine, filled)
            total_s += _pairwise(sine, filled)
            total_q += _pairwise(square, filled)
        out[a, 0] = total_c
        out[a, 1] = total_s
        out[a, 2] = total_q


lobe_sums = threaded(_lobe_sums)


def _lobe_exchange(beam, theta_x, theta_y, solid, field, waves, spread, slope, offset, out):
    """Fill ``out[particle]`` with the sum over angles of ``solid l Re(conj(phase factor) field)``."""
    n = theta_x.size
    for i in numba.prange(out.size):
        terms = np.empty(TILE)
        total = 0.0
        for first in range(0, n, TILE):
            filled = min(TILE, n - first)
            for j in range(filled):
                a = first + j
                dx, dy = theta_x[a] - beam[1, i], theta_y[a] - beam[3, i]
                lobe = sinc(spread * (dx * dx + dy * dy) - slope * beam[5, i] - offset)
                s, c = sincos_turns(beam[4, i] + waves * (theta_x[a] * beam[0, i] + theta_y[a] * beam[2, i]))
                terms[j] = solid[a] * lobe * (c * field[a, 0] - s * field[a, 1])
            total += _pairwise(terms, filled)
        out[i] = total


lobe_exchange = threaded(_lobe_exchange)
