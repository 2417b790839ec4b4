"""Waves across a beam, by modes as in :mod:`ssmb.kernels.light_modes`, that change along a bunch, which is cut into
slices.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ssmb.kernels.charges import gained_energy
from ssmb.kernels.jit import scalar
from ssmb.kernels.light_modes import DECAY, MOMENTS, living, living_weight, polynomials, sampled_moments
from ssmb.kernels.loops import BLOCK, DELTA, PX, PY, Z
from ssmb.kernels.primitives import exp, sincos_turns
from ssmb.kernels.threads import threaded


@scalar
def _slice(z, first, inverse_width, slices):
    """Slice of a place; -1 outside of all."""
    u = (z - first) * inverse_width
    return int(np.floor(u)) if 0.0 <= u < slices else -1


def _slice_sums(
    begin, end, coordinates, weight, state, per_metre, scale_x, scale_y, order, first, inverse_width, slices, out
):
    """Fill ``out[block]`` with moments, the weight outside of the slices, and slice by slice the sums of w psi cos and
    -w psi sin of 2 pi z per_metre for each mode.
    """
    number = order + 1
    modes = number * (number + 1) // 2
    across, along = np.empty((number, BLOCK)), np.empty((number, BLOCK))
    cosine, sine = np.empty(BLOCK), np.empty(BLOCK)
    alive, x, y, z = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    for block in range(begin, end):
        row = out[block]
        row[:] = 0.0
        lo = block * BLOCK
        count = min(BLOCK, state.size - lo)
        row[0] = living_weight(weight, state, lo, count, alive)
        living(coordinates, state, lo, count, x, y, z)
        sampled_moments(coordinates, lo, count, alive, row)
        polynomials(x, scale_x, across)
        polynomials(y, scale_y, along)
        for k in range(BLOCK):
            u, v = scale_x * x[k], scale_y * y[k]
            size = alive[k] * exp(-DECAY * (u * u + v * v))
            s, c = sincos_turns(z[k] * per_metre)
            sine[k], cosine[k] = -size * s, size * c
        for k in range(count):
            if alive[k] > 0.0:
                at = _slice(z[k], first, inverse_width, slices)
                if at < 0:
                    row[MOMENTS] += alive[k]
                else:
                    place = MOMENTS + 1 + 2 * modes * at
                    for m in range(number):
                        for n in range(number - m):
                            w = across[m, k] * along[n, k]
                            row[place] += w * cosine[k]
                            row[place + 1] += w * sine[k]
                            place += 2


def _pieces(coordinates, weight, state, per_metre, scale_x, scale_y, order, *_):
    return -(-state.size // BLOCK), (20.0 + 2.0 * (order + 1) * (order + 2)) * BLOCK


slice_sums: Any = threaded(_slice_sums, _pieces)


def _kick_by_slices(
    begin,
    end,
    coordinates,
    state,
    per_metre,
    per_slope,
    scale_x,
    scale_y,
    order,
    first,
    inverse_width,
    real,
    imag,
    mass2,
):
    """As :func:`ssmb.kernels.light_modes.kick_by_modes`, with factors (slices, modes)."""
    number, slices = order + 1, real.shape[0]
    across, along = np.empty((number, BLOCK)), np.empty((number, BLOCK))
    x, y, z = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    cosine, sine = np.empty(BLOCK), np.empty(BLOCK)
    for block in range(begin, end):
        lo = block * BLOCK
        count = min(BLOCK, state.size - lo)
        living(coordinates, state, lo, count, x, y, z)
        polynomials(x, scale_x, across)
        polynomials(y, scale_y, along)
        for k in range(BLOCK):
            u, v = scale_x * x[k], scale_y * y[k]
            size = exp(-DECAY * (u * u + v * v))
            s, c = sincos_turns(z[k] * per_metre)
            sine[k], cosine[k] = size * s, size * c
        for k in range(count):
            i, at = lo + k, _slice(z[k], first, inverse_width, slices)
            if state[i] != 0 or at < 0:
                continue
            fr = fi = xr = xi = yr = yi = 0.0
            mode = 0
            for m in range(number):
                for n in range(number - m):
                    a, b = real[at, mode], imag[at, mode]
                    w = across[m, k] * along[n, k]
                    fr, fi = fr + a * w, fi + b * w
                    if m > 0:  # He_m' = m He_(m-1)
                        w = scale_x * math.sqrt(m) * across[m - 1, k] * along[n, k]
                        xr, xi = xr + a * w, xi + b * w
                    if n > 0:
                        w = scale_y * math.sqrt(n) * across[m, k] * along[n - 1, k]
                        yr, yi = yr + a * w, yi + b * w
                    mode += 1
            gain = fr * cosine[k] - fi * sine[k]
            if gain != 0.0:  # without charge not a bit changes
                work = fr * sine[k] + fi * cosine[k]
                p, q = 2.0 * DECAY * scale_x * scale_x * x[k], 2.0 * DECAY * scale_y * scale_y * y[k]
                coordinates[PX, i] += per_slope * (xr * sine[k] + xi * cosine[k] - p * work)
                coordinates[PY, i] += per_slope * (yr * sine[k] + yi * cosine[k] - q * work)
                coordinates[Z, i], coordinates[DELTA, i] = gained_energy(
                    coordinates[Z, i], coordinates[DELTA, i], gain, mass2
                )


kick_by_slices: Any = threaded(
    _kick_by_slices,
    lambda coordinates, state, per_metre, per_slope, scale_x, scale_y, order, *_: _pieces(
        coordinates, None, state, per_metre, scale_x, scale_y, order
    ),
)
