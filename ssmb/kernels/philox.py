"""Counter-based random numbers: Philox 4x32-10, keyed by what is random and for whom, with no state anywhere.

A draw is a pure function of (seed, particle id, turn, element, draw number), so it does not depend on the number of
threads, on tile size, on monitors, or on where a run was interrupted. What the counters have no room for is refused
where it arises (beams, programs, turns), so that no two draws share a number.

References
----------
J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11 (2011), doi:10.1145/2063384.2063405.
"""

from __future__ import annotations

import numpy as np

from ssmb.kernels.jit import cached, scalar
from ssmb.kernels.primitives import log, sincos_turns, sqrt

#: Bits of the counters for the particle, the turn, the element, the pass of a repeated op, and the draw.
PARTICLE_BITS, TURN_BITS, ELEMENT_BITS, REPEAT_BITS, DRAW_BITS = 40, 40, 20, 12, 16

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = np.uint64(0x9E3779B9)
_W1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_S32 = np.uint64(32)
_TO_UNIT = 2.0**-53


@scalar
def philox4x32(c0, c1, c2, c3, k0, k1):
    """Ten Philox rounds on four 32-bit counters and two 32-bit keys, all held in uint64; returns four 32-bit words."""
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0, c1, c2, c3 = ((p1 >> _S32) ^ c1 ^ k0), (p1 & _LOW), ((p0 >> _S32) ^ c3 ^ k1), (p0 & _LOW)
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@scalar
def random_words(key, draw):
    """Four 32-bit words, held in uint64, of ``key = (seed, particle, turn, element)`` and draw number."""
    seed, particle, turn, element = np.uint64(key[0]), np.uint64(key[1]), np.uint64(key[2]), np.uint64(key[3])
    return philox4x32(
        particle & _LOW,
        turn & _LOW,
        element & _LOW,
        (np.uint64(draw) & np.uint64(0xFFFF))
        | (((particle >> _S32) & np.uint64(0xFF)) << np.uint64(16))
        | (((turn >> _S32) & np.uint64(0xFF)) << np.uint64(24)),
        seed & _LOW,
        (seed >> _S32) & _LOW,
    )


@scalar
def uniform_pair(key, draw):
    """Two independent uniform numbers in (0, 1) for ``key = (seed, particle, turn, element)``."""
    a, b, c, d = random_words(key, draw)
    u = (float((a << np.uint64(21)) ^ (b >> np.uint64(11))) + 0.5) * _TO_UNIT
    v = (float((c << np.uint64(21)) ^ (d >> np.uint64(11))) + 0.5) * _TO_UNIT
    return u, v


@scalar
def normal_pair(key, draw):
    """Two independent standard normal numbers (Box-Muller) for ``key = (seed, particle, turn, element)``."""
    u, v = uniform_pair(key, draw)
    r = sqrt(-2.0 * log(u))
    s, c = sincos_turns(v)
    return r * c, r * s


#: In the place of the element: white noise of a machine, which no particle draws.
_MACHINE = 2 ** (ELEMENT_BITS + REPEAT_BITS) - 1


def _white_noise(seed, first_turn, out):
    """Fill ``out[:, i]`` with two standard normal numbers that belong to (seed, first_turn + i)."""
    for i in range(out.shape[1]):
        out[0, i], out[1, i] = normal_pair((seed, 0, first_turn + i, _MACHINE), 0)


white_noise = cached(_white_noise)
