"""Sums over particles of phase factors: the bunching of a beam, the same to the bit for any number of threads.

Particles are taken in chunks of fixed size. In a chunk tile after tile is added to a row of sums, one for each place in
the tile; the row is then added up pairwise and the chunks in order, so that neither the number of threads nor their
timing changes the order of a single addition.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from ssmb.kernels.jit import scalar
from ssmb.kernels.primitives import nearest_whole, sincos_quarters
from ssmb.kernels.threads import threaded

#: particles of a tile (side by side, in vector registers), and of the chunk that one thread takes
TILE = 256
CHUNK = 4096
#: largest |z|/wavelength for which whole periods are taken off exactly
MOST_PERIODS = 2.0**26

_SPLITTER = 268435457.0  # 2^28 + 1


def split(value: Any) -> tuple[Any, Any]:
    """Return two parts with the sum `value` (Veltkamp), the first of 25 bits: exact times whole numbers below 2^28.

    >>> high, low = split(13.5e-9)
    >>> high + low == 13.5e-9
    True
    """
    scaled = _SPLITTER * value
    high = scaled - (scaled - value)
    return high, value - high


@scalar
def sincos_of_place(z, upper, lower, inverse):
    """Sine and cosine of 2 pi z/wavelength, wavelength = upper + lower, its split, and its inverse."""
    quarters = nearest_whole(z * (4.0 * inverse))
    # the first product is exact and so is the difference: z/wavelength keeps its fraction
    rest = (z - quarters * (0.25 * upper)) - quarters * (0.25 * lower)
    return sincos_quarters(quarters, rest * (2.0 * math.pi * inverse))


@scalar
def add_tile(z, weight, upper, lower, inverse, cosine, sine):
    """Add w cos, w sin of 2 pi z/wavelength of up to TILE particles, each to its own place."""
    for i in range(z.size):
        s, c = sincos_of_place(z[i], upper, lower, inverse)
        cosine[i] += weight[i] * c
        sine[i] += weight[i] * s


@scalar
def pairwise(row):
    """Sum of TILE numbers; changes them."""
    for half in (128, 64, 32, 16):  # constants, so that each becomes vectors
        for i in range(half):
            row[i] += row[i + half]
    for i in range(8):
        row[i] += row[i + 8]
    return sum_of_eight(row)


@scalar
def sum_of_eight(row):
    """Sum of the first eight numbers of a row, pairwise."""
    return ((row[0] + row[4]) + (row[2] + row[6])) + ((row[1] + row[5]) + (row[3] + row[7]))


def products_of(pairs: Sequence[tuple[int, int]]) -> Any:
    """Make a kernel that adds products of rows, eight particles side by side.

    ``add(totals, rows, i)`` adds ``rows[p, i + j] * rows[q, i + j]`` to ``totals[k, j]`` for each pair k = (p, q) and j
    from 0 to 7; both arrays are contiguous. The eight are one vector, which the compiler does not make of loops over
    rows that it cannot know to be free of overlap.
    """

    @intrinsic
    def add(typingctx, totals, rows, i):
        def codegen(context, builder, signature, args):
            eight, whole = ir.VectorType(ir.DoubleType(), 8), args[2].type
            from_rows, to_totals = (
                context.make_array(t)(context, builder, v) for t, v in ((rows, args[1]), (totals, args[0]))
            )
            length = builder.extract_value(from_rows.shape, 1)

            def place(array, row, at):
                first = builder.add(builder.mul(whole(row), length), args[2]) if at else whole(8 * row)
                return builder.bitcast(builder.gep(array.data, [first]), eight.as_pointer())

            used = {
                r: builder.load(place(from_rows, r, True), align=8) for r in sorted({r for pq in pairs for r in pq})
            }
            for k, (p, q) in enumerate(pairs):
                to = place(to_totals, k, False)
                product = builder.fmul(used[p], used[q], flags=("contract",))
                builder.store(builder.fadd(builder.load(to, align=8), product, flags=("contract",)), to, align=8)
            return context.get_dummy_value()

        return types.void(totals, rows, types.int64), codegen

    return add


def _phase_sums(begin, end, z, weight, high, low, out):
    """Fill ``out[chunk, wavelength]`` with the sums of w cos, w sin of 2 pi z/wavelength, wavelength = high + low."""
    for chunk in range(begin, end):
        cosine = np.empty(TILE)
        sine = np.empty(TILE)
        first = chunk * CHUNK
        last = min(first + CHUNK, z.size)
        for j in range(high.size):
            inverse = 1.0 / (high[j] + low[j])
            cosine[:] = 0.0
            sine[:] = 0.0
            for start in range(first, last, TILE):
                stop = min(start + TILE, last)
                add_tile(z[start:stop], weight[start:stop], high[j], low[j], inverse, cosine, sine)
            out[chunk, j, 0] = pairwise(cosine)
            out[chunk, j, 1] = pairwise(sine)


phase_sums = threaded(_phase_sums, lambda z, weight, high, low, out: (len(out), 2.5 * CHUNK * high.size))


def bunching_sums(z: np.ndarray, weight: np.ndarray, wavelengths: np.ndarray) -> np.ndarray:
    """Return sum of ``w exp(-i 2 pi z/wavelength)`` for each wavelength, complex of shape (wavelengths,).

    Parameters
    ----------
    z : places [m], float64, contiguous.
    weight : weights, float64, of the same shape.
    wavelengths : wavelengths [m], float64, > 0; the phase is exact to 3e-16 turns for |z| < 2**26 wavelengths and to
        1e-16 |z|/wavelength beyond.
    """
    high, low = split(wavelengths)
    parts = np.zeros((-(-z.size // CHUNK), wavelengths.size, 2))
    phase_sums(z, weight, high, low, parts)
    # cumulative sums add the chunks strictly in order; numpy's sum would choose an order by the memory layout
    total = np.cumsum(parts, axis=0)[-1] if len(parts) else np.zeros((wavelengths.size, 2))
    return total[:, 0] - 1j * total[:, 1]
