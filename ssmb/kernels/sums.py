"""Sums over particles of phase factors: the bunching of a beam, the same to the bit for any number of threads.

Particles are taken in tiles of fixed size, whose sums are formed pairwise and combined in order, so that neither the
number of threads nor their timing changes the order of a single addition.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmb.kernels.jit import cached, numba
from ssmb.kernels.primitives import sincos_turns

#: particles of a tile (summed pairwise, in vector registers), and of the chunk that one thread takes
TILE = 256
CHUNK = 4096
#: largest |z|/wavelength for which whole periods are taken off exactly
MOST_PERIODS = 2.0**26

_SPLITTER = 134217729.0  # 2^27 + 1


def split(value: Any) -> tuple[Any, Any]:
    """Return two parts of 26 bits each with the sum `value` (Veltkamp): their products with whole numbers are exact.

    >>> high, low = split(13.5e-9)
    >>> high + low == 13.5e-9
    True
    """
    scaled = _SPLITTER * value
    high = scaled - (scaled - value)
    return high, value - high


def _phase_sums(z, weight, high, low, out):
    """Fill ``out[chunk, wavelength]`` with the sums of w cos, w sin of 2 pi z/wavelength, wavelength = high + low."""
    n = z.size
    for chunk in numba.prange(out.shape[0]):
        cosine = np.empty(TILE)
        sine = np.empty(TILE)
        first = chunk * CHUNK
        last = min(first + CHUNK, n)
        for j in range(high.size):
            upper, lower, inverse = high[j], low[j], 1.0 / (high[j] + low[j])
            total_c = 0.0
            total_s = 0.0
            for start in range(first, last, TILE):
                filled = min(TILE, last - start)
                for i in range(filled):
                    periods = np.floor(z[start + i] * inverse + 0.5)
                    # both products are exact and so is the first difference: z/wavelength keeps its fraction
                    s, c = sincos_turns(((z[start + i] - periods * upper) - periods * lower) * inverse)
                    cosine[i] = weight[start + i] * c
                    sine[i] = weight[start + i] * s
                for i in range(filled, TILE):
                    cosine[i] = 0.0
                    sine[i] = 0.0
                half = TILE // 2
                while half > 0:
                    for i in range(half):
                        cosine[i] += cosine[i + half]
                        sine[i] += sine[i + half]
                    half //= 2
                total_c += cosine[0]
                total_s += sine[0]
            out[chunk, j, 0] = total_c
            out[chunk, j, 1] = total_s


phase_sums = cached(_phase_sums, parallel=True)


def bunching_sums(z: np.ndarray, weight: np.ndarray, wavelengths: np.ndarray) -> np.ndarray:
    """Return sum of ``w exp(-i 2 pi z/wavelength)`` for each wavelength, complex of shape (wavelengths,).

    Parameters
    ----------
    z : places [m], float64, contiguous.
    weight : weights, float64, of the same shape.
    wavelengths : wavelengths [m], float64, > 0; the phase is exact to 1e-16 turns for |z| < 2**26 wavelengths and to
        1e-16 |z|/wavelength beyond.
    """
    high, low = split(wavelengths)
    parts = np.zeros((-(-z.size // CHUNK), wavelengths.size, 2))
    phase_sums(z, weight, high, low, parts)
    # cumulative sums add the chunks strictly in order; numpy's sum would choose an order by the memory layout
    total = np.cumsum(parts, axis=0)[-1] if len(parts) else np.zeros((wavelengths.size, 2))
    return total[:, 0] - 1j * total[:, 1]
