"""Moments of a beam, and what small and large collisions between its particles do to their momenta.

Sums are formed over groups of 256 particles about the mean of the group, so that a beam far from the axis loses no
digits; a group is also what keeps its momentum: random kicks have no mean in it, and large collisions are between two
of it. Lost particles have weight 0 and are not kicked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmb.kernels.jit import cached, scalar
from ssmb.kernels.loops import BLOCK, DELTA, Z
from ssmb.kernels.philox import random_words, uniform_pair
from ssmb.kernels.primitives import sincos_turns, sqrt, where
from ssmb.kernels.sums import products_of
from ssmb.kernels.threads import threaded

#: Pairs of coordinates whose products are summed, and of a weighted row (6 + i) with a plain one.
PAIRS = tuple((i, j) for i in range(6) for j in range(i, 6))
#: Numbers of a group: weight of the living and of all, means, sums of products about them, and 12 of a wave.
NUMBERS, WAVE_NUMBERS = 8 + len(PAIRS), 12
#: Rows of a group while it is summed: coordinates, the same times the weight, weight of the living, of all, and ones.
_ALIVE, _ALL, _ONES, _ROWS = 12, 13, 14, 15
_FIRST = ((_ALIVE, _ONES), (_ALL, _ONES), *((_ALIVE, i) for i in range(6)))
_add_first = products_of(_FIRST)
_add_products = products_of([(6 + i, j) for i, j in PAIRS])
#: Rows of a group while it is kicked: normal numbers, weight of the living, and ones.
_NORMALS = 8
_OF_NOISE = ((8, 9), (8, 8), *((8, i) for i in range(6)))
_add_noise = products_of(_OF_NOISE)
#: Equally probable normal numbers among which a draw chooses, by 12 bits.
QUANTILES = 4096
_LAST = np.uint64(QUANTILES - 1)


@scalar
def _row_sum(a):
    """Sum of eight numbers."""
    return ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))


def _blocks(particles, nanoseconds):
    """Number of groups, and about how long one takes [ns]."""
    return -(-particles // BLOCK), nanoseconds * BLOCK


def _moment_sums(begin, end, coordinates, weight, state, per_metre, out):
    """Fill ``out[block]`` with NUMBERS of the group; with ``per_metre`` > 0, an inverse wavelength [1/m], the sums of
    w cos, -w sin of the wave in z, and the same times each other coordinate about its mean, too.
    """
    rows = np.zeros((_ROWS, BLOCK))
    totals = np.empty((len(PAIRS), 8))
    rows[_ONES] = 1.0
    for block in range(begin, end):
        lo, hi = block * BLOCK, min((block + 1) * BLOCK, state.size)
        row = out[block]
        row[:] = 0.0
        rows[:_ONES] = 0.0
        # views of rows: an index that is no more than the loop's becomes vectors
        heavy, dead, every, alive = weight[lo:hi], state[lo:hi], rows[_ALL], rows[_ALIVE]
        for k in range(hi - lo):
            every[k] = heavy[k]
            alive[k] = where(dead[k] == 0, heavy[k], 0.0)
        for i in range(6):
            given, kept = coordinates[i, lo:hi], rows[i]
            for k in range(hi - lo):
                kept[k] = where(dead[k] == 0, given[k], 0.0)
        totals[:] = 0.0
        for k in range(0, BLOCK, 8):
            _add_first(totals, rows, k)
        for j in range(len(_FIRST)):
            row[j] = _row_sum(totals[j])
        if not row[0] > 0.0:
            row[2:8] = 0.0
            continue
        for i in range(6):
            row[2 + i] /= row[0]
            mean, kept, heavy = row[2 + i], rows[i], rows[6 + i]
            for k in range(hi - lo):
                kept[k] = where(dead[k] == 0, kept[k] - mean, 0.0)
            for k in range(hi - lo):
                heavy[k] = kept[k] * alive[k]
        if per_metre > 0.0:
            for k in range(hi - lo):
                sine, cosine = sincos_turns((rows[Z, k] + row[2 + Z]) * per_metre)
                row[NUMBERS] += rows[_ALIVE, k] * cosine
                row[NUMBERS + 1] -= rows[_ALIVE, k] * sine
                for i in range(5):
                    u = rows[6 + (i if i < Z else DELTA), k]
                    row[NUMBERS + 2 + 2 * i] += u * cosine
                    row[NUMBERS + 3 + 2 * i] -= u * sine
        totals[:] = 0.0
        for k in range(0, BLOCK, 8):
            _add_products(totals, rows, k)
        for j in range(len(PAIRS)):
            row[8 + j] = _row_sum(totals[j])


moment_sums: Any = threaded(_moment_sums, lambda coordinates, weight, state, *_: _blocks(state.size, 15.0))


def _combined(parts):
    """Numbers of a beam from those of its groups, in their order: the weights; means, covariance about them, and the
    sums of a wave over the weight of the living.
    """
    out = np.zeros(parts.shape[1])
    for b in range(parts.shape[0]):
        out[0] += parts[b, 0]
        out[1] += parts[b, 1]
        for i in range(6):
            out[2 + i] += parts[b, 0] * parts[b, 2 + i]
    if not out[0] > 0.0:
        return out
    for i in range(6):
        out[2 + i] /= out[0]
    off = np.empty(6)
    for b in range(parts.shape[0]):
        for i in range(6):
            off[i] = parts[b, 2 + i] - out[2 + i]
        at = 8
        for i in range(6):
            for j in range(i, 6):
                out[at] += parts[b, at] + parts[b, 0] * off[i] * off[j]
                at += 1
        if parts.shape[1] > NUMBERS:
            for c in range(2):
                out[at + c] += parts[b, at + c]
                for i in range(5):
                    moved = off[i if i < Z else DELTA] * parts[b, at + c]
                    out[at + 2 + 2 * i + c] += parts[b, at + 2 + 2 * i + c] + moved
    for at in range(8, parts.shape[1]):
        out[at] /= out[0]
    return out


combined: Any = cached(_combined)


def _kick_at_random(begin, end, coordinates, weight, state, ids, key, mean, drift, root, rows, quantiles, inv_gamma2):
    """Kick the coordinates ``rows`` (n,) by ``drift (n, 6) @ (c - mean) + root (n, n) @ (normal numbers)``.

    The normal numbers are drawn among QUANTILES equally probable ones: what adds up over turns is normal, and no
    logarithm is needed. Those of a group have no weighted mean, and the variance that this takes is given back. z
    changes with the velocity, at a fixed time. ``key`` = (seed, turn, element).
    """
    n = rows.size
    words, normal, by = np.empty((4, BLOCK), dtype=np.uint64), np.zeros((_NORMALS + 2, BLOCK)), np.empty((6, BLOCK))
    totals = np.empty((len(_OF_NOISE), 8))
    normal[9] = 1.0
    for block in range(begin, end):
        lo, hi = block * BLOCK, min((block + 1) * BLOCK, state.size)
        normal[8] = 0.0
        heavy, dead, who, alive = weight[lo:hi], state[lo:hi], ids[lo:hi], normal[8]
        for k in range(hi - lo):
            alive[k] = where(dead[k] == 0, heavy[k], 0.0)
        w0, w1, w2, w3 = words[0], words[1], words[2], words[3]
        for k in range(hi - lo):
            w0[k], w1[k], w2[k], w3[k] = random_words((key[0], who[k], key[1], key[2]), 0)
        for i in range(n):
            word, made, shift = words[i % 4], normal[i], np.uint64(16 * (i // 4))
            for k in range(hi - lo):
                made[k] = quantiles[(word[k] >> shift) & _LAST]
        totals[:] = 0.0
        for k in range(0, BLOCK, 8):
            _add_noise(totals, normal, k)
        whole, squares = _row_sum(totals[0]), _row_sum(totals[1])
        if not whole * whole > 1.0000001 * squares:
            continue  # one alone meets nobody
        scale = 1.0 / sqrt(1.0 - squares / (whole * whole))
        for r in range(n):
            steady = 0.0
            for j in range(6):
                steady -= drift[r, j] * mean[j]
            for i in range(r + 1):  # the root is lower triangular
                steady -= scale * root[r, i] * _row_sum(totals[2 + i]) / whole
            made = by[r]
            made[: hi - lo] = steady
            for i in range(r + 1):
                strength, noise = scale * root[r, i], normal[i]
                for k in range(hi - lo):
                    made[k] += strength * noise[k]
            for j in range(6):
                slope, place = drift[r, j], coordinates[j, lo:hi]
                if slope != 0.0:
                    for k in range(hi - lo):
                        made[k] += slope * place[k]
        for r in range(n):
            changed, made = coordinates[rows[r], lo:hi], by[r]
            for k in range(hi - lo):
                changed[k] = where(dead[k] == 0, changed[k] + made[k], changed[k])
        late, gained = coordinates[Z, lo:hi], by[n - 1]
        for k in range(hi - lo):
            late[k] = where(dead[k] == 0, late[k] * (1.0 + inv_gamma2 * gained[k]), late[k])


#: The last of ``rows`` is delta.
kick_at_random: Any = threaded(_kick_at_random, lambda coordinates, weight, state, *_: _blocks(state.size, 30.0))


def _collide(begin, end, coordinates, weight, state, ids, key, mean, relative, to_beta, half, cut, radius, bound,
             inv_gamma2):  # fmt: skip
    """Large single collisions of pairs of a group, at random, with Moeller's cross-section of slow particles.

    ``relative`` (3, 6) @ (c - mean) is the motion (px, py, delta/gamma) relative to the mean at a place, ``to_beta``
    makes it a velocity over c in the rest frame. A pair of relative velocity g collides closer than ``cut`` [m] with
    the probability ``half g (cut^2 - b90^2)``, b90 = 2 radius/g^2, of each of both; the one that ``bound`` g gives is
    tried first. ``key`` = (seed, turn, element).
    """
    alive_at, motion = np.empty(BLOCK, dtype=np.int64), np.empty((3, BLOCK))
    most = half * bound * cut * cut
    for block in range(begin, end):
        alive = 0
        for k in range(block * BLOCK, min((block + 1) * BLOCK, state.size)):
            if state[k] == 0 and weight[k] > 0.0:
                alive_at[alive] = k
                alive += 1
        if alive < 2:
            continue
        for a in range(alive):
            k = alive_at[a]
            who = (key[0], ids[k], key[1], key[2])
            u, v = uniform_pair(who, 8)
            if u < most:
                b = int(v * (alive - 1))
                b += 1 if b >= a else 0
                other = alive_at[b]
                square = 0.0
                for i in range(3):
                    one, two = 0.0, 0.0
                    for j in range(6):
                        one += relative[i, j] * (coordinates[j, k] - mean[j])
                        two += relative[i, j] * (coordinates[j, other] - mean[j])
                    motion[i, 0] = (one - two) * to_beta
                    square += motion[i, 0] * motion[i, 0]
                g = sqrt(square)
                b90 = 2.0 * radius / square if square > 0.0 else cut
                if u < half * g * (cut * cut - b90 * b90):
                    _turn_pair(coordinates, k, other, weight[k] / weight[other], motion[:, 0], g, b90 / cut, who,
                               to_beta, inv_gamma2)  # fmt: skip


@scalar
def _turn_pair(coordinates, k, other, ratio, g, size, closeness, who, to_beta, inv_gamma2):
    """Turn the relative motion g of two particles by an angle above that of the cut; t is sin^2 of its half."""
    inverse = 1.0 + 1.0 / (closeness * closeness)  # 1/t at the cut, tan(angle/2) = b90/cut
    t = 0.5
    for draw in range(9, 9 + 64):
        u, v = uniform_pair(who, draw)
        t = 1.0 / (inverse - u * (inverse - 2.0))
        y = t / (1.0 - t)
        if v < 1.0 - y + y * y:
            break
    _, v = uniform_pair(who, 80)
    sine, cosine = sincos_turns(v)
    across = 2.0 * sqrt(t * (1.0 - t))
    # two directions across g: the axis along which it has least makes the first
    least = 0
    for i in range(1, 3):
        if abs(g[i]) < abs(g[least]):
            least = i
    i1, i2 = (least + 1) % 3, (least + 2) % 3
    flat = sqrt(g[i1] * g[i1] + g[i2] * g[i2])
    first, second = np.zeros(3), np.zeros(3)
    first[i1], first[i2] = -g[i2] / flat, g[i1] / flat
    second[least] = flat / size
    second[i1], second[i2] = -g[least] * g[i1] / (flat * size), -g[least] * g[i2] / (flat * size)
    for i in range(3):
        kick = 0.5 * (-2.0 * t * g[i] + across * size * (cosine * first[i] + sine * second[i])) / to_beta
        row = 2 * i + 1
        if i == 2:
            kick *= 1.0 / sqrt(inv_gamma2)
            coordinates[Z, k] *= 1.0 + inv_gamma2 * kick
            coordinates[Z, other] *= 1.0 - inv_gamma2 * kick * ratio
        coordinates[row, k] += kick
        coordinates[row, other] -= kick * ratio


collide: Any = threaded(_collide, lambda coordinates, weight, state, *_: _blocks(state.size, 20.0))
