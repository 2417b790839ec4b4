"""Moments of a beam, and what small and large collisions between its particles do to their momenta.

Sums are formed over groups of 256 particles about the mean of the group, so that a beam far from the axis loses no
digits; a group is also what keeps its momentum: random kicks have no mean in it, and large collisions are between two
of it. Lost particles have weight 0 and are not kicked.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import BLOCK, DELTA, Z
from ssmb.kernels.philox import random_words, uniform_pair
from ssmb.kernels.primitives import log, sincos_turns, sqrt
from ssmb.kernels.sums import products_of
from ssmb.kernels.threads import threaded

#: Pairs of coordinates whose products are summed, and of a weighted row (6 + i) with a plain one.
PAIRS = tuple((i, j) for i in range(6) for j in range(i, 6))
#: Numbers of a group: weight of the living and of all, means, sums of products about them, and 12 of a wave.
NUMBERS, WAVE_NUMBERS = 8 + len(PAIRS), 12
_add_products = products_of([(6 + i, j) for i, j in PAIRS])
_UNIT = 2.0**-32


def _blocks(particles, nanoseconds):
    """Number of groups, and about how long one takes [ns]."""
    return -(-particles // BLOCK), nanoseconds * BLOCK


def _moment_sums(begin, end, coordinates, weight, state, per_metre, out):
    """Fill ``out[block]`` with NUMBERS of the group; with ``per_metre`` > 0, an inverse wavelength [1/m], the sums of
    w cos, -w sin of the wave in z, and the same times each other coordinate about its mean, too.
    """
    rows = np.zeros((12, BLOCK))
    totals = np.empty((len(PAIRS), 8))
    for block in range(begin, end):
        lo, hi = block * BLOCK, min((block + 1) * BLOCK, state.size)
        row = out[block]
        row[:] = 0.0
        rows[:] = 0.0
        for k in range(hi - lo):
            w = weight[lo + k] if state[lo + k] == 0 else 0.0
            rows[6, k] = w
            row[0] += w
            row[1] += weight[lo + k]
        if not row[0] > 0.0:
            continue
        for i in range(6):
            for k in range(hi - lo):
                rows[i, k] = coordinates[i, lo + k] if state[lo + k] == 0 else 0.0
            mean = 0.0
            for k in range(hi - lo):
                mean += rows[6, k] * rows[i, k]
            mean /= row[0]
            row[2 + i] = mean
            for k in range(hi - lo):
                rows[i, k] = rows[i, k] - mean if state[lo + k] == 0 else 0.0
        if per_metre > 0.0:
            for k in range(hi - lo):
                sine, cosine = sincos_turns((rows[Z, k] + row[2 + Z]) * per_metre)
                row[NUMBERS] += rows[6, k] * cosine
                row[NUMBERS + 1] -= rows[6, k] * sine
                for i in range(5):
                    u = rows[6, k] * rows[i if i < Z else DELTA, k]
                    row[NUMBERS + 2 + 2 * i] += u * cosine
                    row[NUMBERS + 3 + 2 * i] -= u * sine
        for i in range(5, -1, -1):  # row 6 holds the weights to the end
            for k in range(hi - lo):
                rows[6 + i, k] = rows[6, k] * rows[i, k]
        totals[:] = 0.0
        for k in range(0, BLOCK, 8):
            _add_products(totals, rows, k)
        for j in range(totals.shape[0]):
            a = totals[j]
            row[8 + j] = ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))


moment_sums: Any = threaded(_moment_sums, lambda coordinates, weight, state, *_: _blocks(state.size, 15.0))


@scalar
def _four_words(seed, particle, turn, element, draw):
    """Four uniform numbers in (0, 1) of 32 bits."""
    a, b, c, d = random_words((seed, particle, turn, element), draw)
    return (float(a) + 0.5) * _UNIT, (float(b) + 0.5) * _UNIT, (float(c) + 0.5) * _UNIT, (float(d) + 0.5) * _UNIT


def _kick_at_random(begin, end, coordinates, weight, state, ids, key, mean, drift, root, rows, inv_gamma2):
    """Kick the coordinates ``rows`` (n,) by ``drift (n, 6) @ (c - mean) + root (n, n) @ (normal numbers)``.

    The normal numbers of a group have no weighted mean, and the variance that this takes is given back. z changes with
    the velocity, at a fixed time. ``key`` = (seed, turn, element).
    """
    n = rows.size
    uniform, normal = np.empty((4, BLOCK)), np.zeros((8, BLOCK))
    alive, by = np.empty(BLOCK), np.empty((6, BLOCK))
    for block in range(begin, end):
        lo, hi = block * BLOCK, min((block + 1) * BLOCK, state.size)
        whole, squares = 0.0, 0.0
        for k in range(hi - lo):
            w = weight[lo + k] if state[lo + k] == 0 else 0.0
            alive[k] = w
            whole += w
            squares += w * w
        if not whole * whole > 1.0000001 * squares:
            continue  # one alone meets nobody
        for draw in range((n + 3) // 4):
            for k in range(hi - lo):
                uniform[0, k], uniform[1, k], uniform[2, k], uniform[3, k] = _four_words(
                    key[0], ids[lo + k], key[1], key[2], draw
                )
            for pair in range(2):
                for k in range(hi - lo):
                    r = sqrt(-2.0 * log(uniform[2 * pair, k]))
                    s, c = sincos_turns(uniform[2 * pair + 1, k])
                    normal[4 * draw + 2 * pair, k], normal[4 * draw + 2 * pair + 1, k] = r * c, r * s
        scale = 1.0 / sqrt(1.0 - squares / (whole * whole))
        for i in range(n):
            middle = 0.0
            for k in range(hi - lo):
                middle += alive[k] * normal[i, k]
            middle /= whole
            for k in range(hi - lo):
                normal[i, k] = (normal[i, k] - middle) * scale
        for r in range(n):
            for k in range(hi - lo):
                by[r, k] = 0.0
            for i in range(r + 1):  # the root is lower triangular
                strength = root[r, i]
                for k in range(hi - lo):
                    by[r, k] += strength * normal[i, k]
            for j in range(6):
                slope, centre = drift[r, j], mean[j]
                if slope != 0.0:
                    for k in range(hi - lo):
                        by[r, k] += slope * (coordinates[j, lo + k] - centre)
        for r in range(n):
            i = rows[r]
            for k in range(hi - lo):
                if state[lo + k] == 0:
                    coordinates[i, lo + k] += by[r, k]
        for k in range(hi - lo):
            if state[lo + k] == 0:
                coordinates[Z, lo + k] *= 1.0 + inv_gamma2 * by[n - 1, k]


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
    where, motion = np.empty(BLOCK, dtype=np.int64), np.empty((3, BLOCK))
    most = half * bound * cut * cut
    for block in range(begin, end):
        alive = 0
        for k in range(block * BLOCK, min((block + 1) * BLOCK, state.size)):
            if state[k] == 0 and weight[k] > 0.0:
                where[alive] = k
                alive += 1
        if alive < 2:
            continue
        for a in range(alive):
            k = where[a]
            who = (key[0], ids[k], key[1], key[2])
            u, v = uniform_pair(who, 8)
            if u < most:
                b = int(v * (alive - 1))
                b += 1 if b >= a else 0
                other = where[b]
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
