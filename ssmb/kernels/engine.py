"""The turn loop: tiles of particles go through all ops of a turn, for many turns, before the next tile is touched.

Losses are found without slowing the fast path: a turn is tracked unchecked, and where a tile ends it with an impossible
coordinate the turn is repeated from its start with a check after every op. Apertures are ops of their own and act at once.
A lost particle is moved to the reference orbit with weight 0; its last good coordinates are kept apart, so no arithmetic
ever meets a NaN that matters.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from ssmb.kernels.jit import cached, numba, scalar
from ssmb.kernels.loops import BLOCK, DBETA, DELTA, FLAG, LANES, ROWS, RPP, STRIDE, WEIGHT, Z, call_kernel
from ssmb.kernels.primitives import sincos_turns, velocity_excess

#: Columns of the op table.
OP_KERNEL, OP_OFFSET, OP_REPEAT, OP_ELEMENT, OP_KIND = range(5)
OP_COLUMNS = 5
#: Kinds of ops: a map, an aperture, a probe of moments, of bunching, of a micro-bucket. Probes have their slot where maps
#: have the kernel or (moments, bunching) the offset, and act on every n-th turn, n where maps have the repeat.
MAP, LIMIT, MOMENTS, BUNCHING, BUCKET = range(5)

#: Loss reasons (the same numbers as ``ssmb.beam.LossReason``).
APERTURE, NO_FORWARD_MOMENTUM, OUT_OF_RANGE = 1, 2, 3

#: Numbers of a moment record: particles, weight, 6 means, 21 central second moments (upper triangle by rows).
MOMENT_NUMBERS = 29
#: Numbers of a bunching record: weight, sum w cos, sum w sin.
BUNCHING_NUMBERS = 3
#: Numbers of a bucket record: (weight, means, central second moments of (z in buckets, delta)) of all and of those inside,
#: and (sum w cos, -sum w sin) for each harmonic.
BUCKET_NUMBERS = 12
#: Packed numbers of a bucket: 1/length [1/m]; middle between its barriers [lengths]; delta of the fixed point; coefficients
#: of d^2, d^3, d^4, 1 - cos q and sin q - q in the Hamiltonian; its value on the separatrix; lowest and highest d; fixed
#: point from the middle [lengths]; number of harmonics. d is delta and q/2 pi the place [lengths], from the fixed point.
BUCKET_PARAMS = 13


@scalar
def _good(x, px, y, py, z, delta):
    """True for coordinates of a particle that can still be tracked (false for NaN)."""
    return (
        (abs(x) < 10.0)
        and (abs(y) < 10.0)
        and (abs(px) < 10.0)
        and (abs(py) < 10.0)
        and (abs(z) < 1e12)
        and (-0.999 < delta < 10.0)
    )


@numba.njit
def _lose(buf, lane_state, lane_element, kept, before, i, reason, element):
    """Take lane ``i`` out: keep the coordinates ``before``, park the lane on the reference orbit."""
    lane_state[i] = reason
    lane_element[i] = element
    for r in range(6):
        kept[r, i] = before[r, i]
        buf[r, i] = 0.0
    buf[RPP, i] = 1.0
    buf[DBETA, i] = 0.0
    buf[WEIGHT, i] = 0.0


@numba.njit
def _block_moments(buf, lo, hi, out):
    """Particles, weight, means and central second moments of lanes lo..hi, formed about the block's own mean."""
    count = 0.0
    total = 0.0
    for i in range(lo, hi):
        total += buf[WEIGHT, i]
        count += 1.0 if buf[WEIGHT, i] > 0.0 else 0.0
    out[0] = count
    out[1] = total
    for k in range(2, MOMENT_NUMBERS):
        out[k] = 0.0
    if total <= 0.0:
        return
    for r in range(6):
        s = 0.0
        for i in range(lo, hi):
            s += buf[WEIGHT, i] * buf[r, i]
        out[2 + r] = s / total
    k = 8
    for r in range(6):
        for q in range(r, 6):
            s = 0.0
            a, b = out[2 + r], out[2 + q]
            for i in range(lo, hi):
                s += buf[WEIGHT, i] * ((buf[r, i] - a) * (buf[q, i] - b))
            out[k] = s
            k += 1


@numba.njit
def _block_bunching(buf, lo, hi, inverse_wavelength, out):
    """Weight and weighted sums of cos(2 pi z/lambda), -sin(2 pi z/lambda) of lanes lo..hi."""
    total = 0.0
    c = 0.0
    s = 0.0
    for i in range(lo, hi):
        w = buf[WEIGHT, i]
        sine, cosine = sincos_turns(buf[Z, i] * inverse_wavelength)
        total += w
        c += w * cosine
        s -= w * sine
    out[0] = total
    out[1] = c
    out[2] = s


@numba.njit
def _in_bucket(z, delta, p, at):
    """Place [lengths] and delta from the fixed point of its bucket, and 1.0 inside the separatrix (0.0 outside)."""
    u = z * p[at] - p[at + 1]
    u -= np.floor(u + 0.5) + p[at + 11]
    d = delta - p[at + 2]
    s, c = sincos_turns(u)
    well = p[at + 6] * (1.0 - c) + p[at + 7] * (s - 2.0 * np.pi * u)
    level = well + d * d * (p[at + 3] + d * (p[at + 4] + d * p[at + 5]))
    return u, d, 1.0 if level < p[at + 8] and p[at + 9] < d < p[at + 10] else 0.0


@numba.njit
def _block_bucket(buf, lo, hi, p, at, out):
    """Moments of lanes lo..hi in one bucket, about the block's own means, of all and of those inside; harmonics of all."""
    for k in range(out.size):
        out[k] = 0.0
    for i in range(lo, hi):
        u, d, inside = _in_bucket(buf[Z, i], buf[DELTA, i], p, at)
        for k in range(0, 12, 6):
            w = buf[WEIGHT, i] * (1.0 if k == 0 else inside)
            out[k] += w
            out[k + 1] += w * u
            out[k + 2] += w * d
        s, c = sincos_turns(buf[Z, i] * p[at])
        wc, ws = buf[WEIGHT, i], 0.0
        for n in range(int(p[at + 12])):
            wc, ws = wc * c - ws * s, wc * s + ws * c
            out[BUCKET_NUMBERS + 2 * n] += wc
            out[BUCKET_NUMBERS + 2 * n + 1] -= ws
    for k in range(0, 12, 6):
        if out[k] > 0.0:
            out[k + 1] /= out[k]
            out[k + 2] /= out[k]
    for i in range(lo, hi):
        u, d, inside = _in_bucket(buf[Z, i], buf[DELTA, i], p, at)
        for k in range(0, 12, 6):
            w = buf[WEIGHT, i] * (1.0 if k == 0 else inside)
            a, b = u - out[k + 1], d - out[k + 2]
            out[k + 3] += w * (a * a)
            out[k + 4] += w * (a * b)
            out[k + 5] += w * (b * b)


@numba.njit
def _turn(
    buf, n, lanes, ids, lane_state, lane_element, kept, before, check,
    ops, op_from, op_to, params, table, seed, turn, turn_index, block0,
    inverse_wavelengths, moments, bunching, buckets,
):  # fmt: skip
    """Take one tile through the ops of one turn; with ``check``, find the op at which lanes go bad."""
    for o in range(op_from, op_to):
        kind = ops[o, OP_KIND]
        element = ops[o, OP_ELEMENT]
        if kind == MAP:
            if check:
                for r in range(6):
                    for i in range(n):
                        before[r, i] = buf[r, i]
            call_kernel(
                table,
                ops[o, OP_KERNEL],
                buf,
                lanes,
                params,
                ops[o, OP_OFFSET],
                ops[o, OP_REPEAT],
                ids,
                seed,
                turn,
                element,
            )
            if check:
                for i in range(n):
                    if lane_state[i] == 0 and not _good(
                        buf[0, i], buf[1, i], buf[2, i], buf[3, i], buf[4, i], buf[5, i]
                    ):
                        finite = True
                        for r in range(6):
                            finite = finite and np.isfinite(buf[r, i])
                        reason = OUT_OF_RANGE if finite else NO_FORWARD_MOMENTUM
                        _lose(buf, lane_state, lane_element, kept, before, i, reason, element)
        elif kind == LIMIT:
            call_kernel(table, ops[o, OP_KERNEL], buf, lanes, params, ops[o, OP_OFFSET], 1, ids, seed, turn, element)
            for i in range(n):
                if lane_state[i] == 0 and buf[FLAG, i] == 0.0 and np.isfinite(buf[0, i]) and np.isfinite(buf[2, i]):
                    _lose(buf, lane_state, lane_element, kept, buf, i, APERTURE, element)
        elif turn % ops[o, OP_REPEAT] == 0:
            slot = ops[o, OP_OFFSET]
            block = block0
            for lo in range(0, n, BLOCK):
                hi = min(lo + BLOCK, n)
                if kind == MOMENTS:
                    _block_moments(buf, lo, hi, moments[slot, turn_index, block])
                elif kind == BUCKET:
                    _block_bucket(buf, lo, hi, params, slot, buckets[ops[o, OP_KERNEL], turn_index, block])
                else:
                    _block_bunching(buf, lo, hi, inverse_wavelengths[slot], bunching[slot, turn_index, block])
                block += 1


def _advance(
    coordinates, weight, ids, state, lost_turn, lost_element,
    ops, op_from, op_to, params, table, inv_gamma2, beta2, seed, first_turn, turns, tile,
    inverse_wavelengths, moments, bunching, buckets, drive_at, drive_values,
):  # fmt: skip
    """Track all particles through ops[op_from:op_to] for a number of turns; arrays of the beam change in place.

    ``moments[slot, turn, block]``, ``bunching[...]`` and ``buckets[...]`` are filled by the probes. Before each turn
    ``params[drive_at]`` becomes ``drive_values[turn]``, in a copy that belongs to the tile.
    """
    driven = drive_at.size
    count = coordinates.shape[1]
    tiles = (count + tile - 1) // tile
    for t in prange(tiles):
        start = t * tile
        n = min(tile, count - start)
        lanes = (n + LANES - 1) // LANES * LANES
        buf = np.zeros((ROWS, STRIDE))
        saved = np.empty((ROWS, STRIDE))
        before = np.empty((6, STRIDE))
        kept = np.zeros((6, STRIDE))
        who = np.zeros(STRIDE, dtype=np.int64)
        lane_state = np.zeros(STRIDE, dtype=np.int64)
        lane_element = np.zeros(STRIDE, dtype=np.int64)
        saved_state = np.zeros(STRIDE, dtype=np.int64)
        lane_turn = np.zeros(STRIDE, dtype=np.int64)
        for i in range(lanes):
            buf[RPP, i] = 1.0
        for i in range(n):
            who[i] = ids[start + i]
            if state[start + i] == 0:
                for r in range(6):
                    buf[r, i] = coordinates[r, start + i]
                buf[RPP, i] = 1.0 / (1.0 + buf[DELTA, i])
                buf[DBETA, i] = velocity_excess(buf[DELTA, i], inv_gamma2, beta2)
                buf[WEIGHT, i] = weight[start + i]
            else:
                lane_state[i] = -1
        block0 = start // BLOCK
        numbers = params.copy() if driven else params
        for turn_index in range(turns):
            turn = first_turn + turn_index
            for d in range(driven):
                numbers[drive_at[d]] = drive_values[turn_index, d]
            for r in range(ROWS):
                for i in range(lanes):
                    saved[r, i] = buf[r, i]
            for i in range(n):
                saved_state[i] = lane_state[i]
            _turn(
                buf, n, lanes, who, lane_state, lane_element, kept, before, False,
                ops, op_from, op_to, numbers, table, seed, turn, turn_index, block0,
                inverse_wavelengths, moments, bunching, buckets,
            )  # fmt: skip
            bad = False
            for i in range(n):
                bad = bad or not _good(buf[0, i], buf[1, i], buf[2, i], buf[3, i], buf[4, i], buf[5, i])
            if bad:
                for r in range(ROWS):
                    for i in range(lanes):
                        buf[r, i] = saved[r, i]
                for i in range(n):
                    lane_state[i] = saved_state[i]
                _turn(
                    buf, n, lanes, who, lane_state, lane_element, kept, before, True,
                    ops, op_from, op_to, numbers, table, seed, turn, turn_index, block0,
                    inverse_wavelengths, moments, bunching, buckets,
                )  # fmt: skip
            for i in range(n):
                if lane_state[i] > 0 and saved_state[i] == 0:
                    lane_turn[i] = turn
        for i in range(n):
            if lane_state[i] > 0:
                state[start + i] = lane_state[i]
                lost_turn[start + i] = lane_turn[i]
                lost_element[start + i] = lane_element[i]
                for r in range(6):
                    coordinates[r, start + i] = kept[r, i]
            elif lane_state[i] == 0:
                for r in range(6):
                    coordinates[r, start + i] = buf[r, i]


advance = cached(_advance, parallel=True)


def no_probes() -> tuple[np.ndarray, ...]:
    """The last arguments of :func:`advance`, from ``inverse_wavelengths`` on, for a run without probes and drives."""
    counts = (MOMENT_NUMBERS, BUNCHING_NUMBERS, BUCKET_NUMBERS)
    return (
        np.zeros(1), *(np.zeros((1, 1, 1, n)) for n in counts), np.zeros(0, dtype=np.int64), np.zeros((1, 0))
    )  # fmt: skip
