"""The turn loop: tiles of particles go through all ops of a turn, for many turns, before the next tile is touched.

Losses are found without slowing the fast path: a turn is tracked unchecked, and where a tile ends it with an impossible
coordinate the turn is repeated from its start with a check of the lanes concerned after every op. Apertures are ops of
their own and act at once. A lost particle is moved to the reference orbit with weight 0; its last good coordinates are
kept apart, so no arithmetic ever meets a NaN that matters.
"""

from __future__ import annotations

import numpy as np
from numba import prange

from ssmb.kernels.block_sums import call_sum
from ssmb.kernels.jit import numba, scalar
from ssmb.kernels.loops import BLOCK, DBETA, DELTA, FLAG, LANES, ROWS, RPP, STRIDE, WEIGHT, call_kernel
from ssmb.kernels.primitives import velocity_excess
from ssmb.kernels.threads import threaded

#: Columns of the op table.
OP_KERNEL, OP_OFFSET, OP_REPEAT, OP_ELEMENT, OP_KIND = range(5)
OP_COLUMNS = 5
#: Kinds of ops: a map, an aperture, a sum over groups of particles. A sum acts on every n-th turn, n where maps have
#: the repeat.
MAP, LIMIT, SUM = range(3)

#: Loss reasons (the same numbers as ``ssmb.beam.LossReason``).
APERTURE, NO_FORWARD_MOMENTUM, OUT_OF_RANGE = 1, 2, 3


@scalar
def _good(x, px, y, py, z, delta):
    """True for coordinates of a particle that can still be tracked (false for NaN); no branches, for vectors."""
    transverse = (abs(x) < 10.0) & (abs(y) < 10.0) & (abs(px) < 10.0) & (abs(py) < 10.0)
    return transverse & (abs(z) < 1e12) & (delta > -0.999) & (delta < 10.0)


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
def _turn(
    buf, n, lanes, ids, lane_state, lane_element, kept, before, check, suspect,
    ops, op_from, op_to, params, table, seed, turn, turn_index, block0, sum_table, sums,
):  # fmt: skip
    """Take one tile through the ops of one turn; with ``check``, find the op at which suspect lanes go bad."""
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
                    if (
                        suspect[i]
                        and lane_state[i] == 0
                        and not _good(buf[0, i], buf[1, i], buf[2, i], buf[3, i], buf[4, i], buf[5, i])
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
            for lo in range(0, n, BLOCK):
                hi = min(lo + BLOCK, n)
                out = sums[turn_index, block0 + lo // BLOCK]
                call_sum(sum_table, ops[o, OP_KERNEL], buf, lo, hi, params, ops[o, OP_OFFSET], out)


def _advance(
    coordinates, weight, ids, state, lost_turn, lost_element,
    ops, op_from, op_to, params, table, inv_gamma2, beta2, seed, first_turn, turns, tile,
    sum_table, sums, drive_at, drive_values,
):  # fmt: skip
    """Track all particles through ops[op_from:op_to] for a number of turns; arrays of the beam change in place.

    ``sums[turn, block]`` is filled by the sums, each in its own columns. Before each turn ``params[drive_at]`` becomes
    ``drive_values[turn]``, in a copy that belongs to the tile.
    """
    driven = drive_at.size
    count = coordinates.shape[1]
    tiles = (count + tile - 1) // tile
    for t in prange(tiles):
        start = t * tile
        n = min(tile, count - start)
        lanes = (n + LANES - 1) // LANES * LANES
        buf = np.empty((ROWS, STRIDE))
        saved = np.empty((ROWS, STRIDE))
        before = np.empty((6, STRIDE))
        kept = np.empty((6, STRIDE))
        who = np.empty(STRIDE, dtype=np.int64)
        lane_state = np.empty(STRIDE, dtype=np.int64)
        lane_element = np.empty(STRIDE, dtype=np.int64)
        saved_state = np.empty(STRIDE, dtype=np.int64)
        lane_turn = np.empty(STRIDE, dtype=np.int64)
        suspect = np.empty(STRIDE, dtype=np.bool_)
        out = 0  # lanes without a living particle
        for i in range(n):
            who[i] = ids[start + i]
            lane_state[i] = 0 if state[start + i] == 0 else -1
            out += lane_state[i] != 0
        for i in range(n, lanes):
            who[i] = 0
        for r in range(6):
            for i in range(n):
                buf[r, i] = coordinates[r, start + i]
            for i in range(n, lanes):
                buf[r, i] = 0.0
        for i in range(n):
            buf[WEIGHT, i] = weight[start + i]
        for i in range(n, lanes):
            buf[WEIGHT, i] = 0.0
        for i in range(lanes):
            buf[FLAG, i] = 0.0
        if out > 0:
            for i in range(n):
                if lane_state[i] != 0:  # parked on the reference orbit
                    for r in range(6):
                        buf[r, i] = 0.0
                    buf[WEIGHT, i] = 0.0
        for i in range(lanes):  # loops of their own, so that they become vectors
            buf[RPP, i] = 1.0 / (1.0 + buf[DELTA, i])
        for i in range(lanes):
            buf[DBETA, i] = velocity_excess(buf[DELTA, i], inv_gamma2, beta2)
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
                buf, n, lanes, who, lane_state, lane_element, kept, before, False, suspect,
                ops, op_from, op_to, numbers, table, seed, turn, turn_index, block0, sum_table, sums,
            )  # fmt: skip
            bad = 0
            for i in range(n):
                suspect[i] = not _good(buf[0, i], buf[1, i], buf[2, i], buf[3, i], buf[4, i], buf[5, i])
                bad += suspect[i]
            if bad > 0:
                for r in range(ROWS):
                    for i in range(lanes):
                        buf[r, i] = saved[r, i]
                for i in range(n):
                    lane_state[i] = saved_state[i]
                _turn(
                    buf, n, lanes, who, lane_state, lane_element, kept, before, True, suspect,
                    ops, op_from, op_to, numbers, table, seed, turn, turn_index, block0, sum_table, sums,
                )  # fmt: skip
            for i in range(n):
                if lane_state[i] > 0 and saved_state[i] == 0:
                    lane_turn[i] = turn
        out = 0
        for i in range(n):
            out += lane_state[i] != 0
        if out == 0:  # the usual case by itself, so that its loops become vectors
            for r in range(6):
                for i in range(n):
                    coordinates[r, start + i] = buf[r, i]
            continue
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


advance = threaded(_advance)


def no_sums() -> tuple[np.ndarray, ...]:
    """The last arguments of :func:`advance`, from ``sum_table`` on, for a run without sums and drives."""
    return np.zeros(1, dtype=np.int64), np.zeros((1, 1, 1)), np.zeros(0, dtype=np.int64), np.zeros((1, 0))
