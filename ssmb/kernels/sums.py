"""Sums over particles of phase factors: the bunching of a beam, the same to the bit for any number of threads.

Particles are taken in chunks of fixed size. In a chunk tile after tile is added to a row of sums, one for each place in
the tile; the row is then added up pairwise and the chunks in order, so that neither the number of threads nor their
timing changes the order of a single addition.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ssmb.kernels.jit import FLAGS, numba
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


@numba.njit(**FLAGS)
def _add_tile(z, weight, upper, lower, inverse, cosine, sine):
    """Add w cos, w sin of 2 pi z/wavelength of up to TILE particles, each to its own place."""
    for i in range(z.size):
        quarters = nearest_whole(z[i] * (4.0 * inverse))
        # the first product is exact and so is the difference: z/wavelength keeps its fraction
        rest = (z[i] - quarters * (0.25 * upper)) - quarters * (0.25 * lower)
        s, c = sincos_quarters(quarters, rest * (2.0 * math.pi * inverse))
        cosine[i] += weight[i] * c
        sine[i] += weight[i] * s


@numba.njit(**FLAGS)
def _pairwise(row):
    """Sum of TILE numbers; changes them."""
    half = TILE // 2
    while half > 0:
        for i in range(half):
            row[i] += row[i + half]
        half //= 2
    return row[0]


def _phase_sums(z, weight, high, low, out):
    """Fill ``out[chunk, wavelength]`` with the sums of w cos, w sin of 2 pi z/wavelength, wavelength = high + low."""
    for chunk in numba.prange(out.shape[0]):
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
                _add_tile(z[start:stop], weight[start:stop], high[j], low[j], inverse, cosine, sine)
            out[chunk, j, 0] = _pairwise(cosine)
            out[chunk, j, 1] = _pairwise(sine)


phase_sums = threaded(_phase_sums)


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
