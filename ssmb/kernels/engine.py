"""The turn loop: tiles of particles go through all ops of a turn, for many turns, before the next tile is touched.

Losses are found without slowing the fast path: a turn is tracked unchecked, and where a tile ends it with an impossible
coordinate the turn is repeated from its start with a check of the lanes concerned after every op. Apertures are ops of
their own and act at once. A lost particle leaves its tile with its last good coordinates, and the others close up: what
is lost costs nothing any more. Sums meet every particle in its own place, whoever was lost before it.
"""

from __future__ import annotations

import numpy as np

from ssmb.kernels.block_sums import call_sum
from ssmb.kernels.jit import scalar
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


#: About how long a particle takes for an op [ns].
_NANOSECONDS = 5.0


@scalar
def _good(x, px, y, py, z, delta):
    """True for coordinates of a particle that can still be tracked (false for NaN); no branches, for vectors."""
    transverse = (abs(x) < 10.0) & (abs(y) < 10.0) & (abs(px) < 10.0) & (abs(py) < 10.0)
    return transverse & (abs(z) < 1e12) & (delta > -0.999) & (delta < 10.0)


@scalar
def _rest(buf, who, first, last):
    """Fill lanes with particles at rest on the reference orbit, without weight."""
    for r in range(ROWS):
        for i in range(first, last):
            buf[r, i] = 1.0 if r == RPP else 0.0
    for i in range(first, last):
        who[i] = 0


@scalar
def _gather(buf, who, home, start, n, beam, inv_gamma2, beta2):
    """Fill the tile with the living ones of particles start ... start + n, side by side; return how many they are."""
    coordinates, weight, ids, state = beam[:4]
    dead, heavy, names, mass = state[start : start + n], weight[start : start + n], ids[start : start + n], buf[WEIGHT]
    lost = 0
    for i in range(n):
        lost += dead[i] != 0
    live = n - lost
    if lost == 0:  # by views and without a list of places, so that all become copies
        for r in range(6):
            lane, given = buf[r], coordinates[r, start : start + n]
            for i in range(n):
                lane[i] = given[i]
        for i in range(n):
            mass[i] = heavy[i]
        for i in range(n):
            who[i] = names[i]
        for i in range(n):
            home[i] = i
    else:
        at = 0
        for i in range(n):
            home[at] = i
            at += dead[i] == 0
        for r in range(6):
            for i in range(live):
                buf[r, i] = coordinates[r, start + home[i]]
        for i in range(live):
            mass[i] = heavy[home[i]]
            who[i] = names[home[i]]
    lanes = _whole(live)
    _rest(buf, who, live, lanes)
    for i in range(lanes):  # loops of their own, so that they become vectors
        buf[RPP, i] = 1.0 / (1.0 + buf[DELTA, i])
    for i in range(lanes):
        buf[DBETA, i] = velocity_excess(buf[DELTA, i], inv_gamma2, beta2)
    return live


@scalar
def _scatter(buf, home, live, n, start, coordinates):
    """Write the coordinates of the living ones of a tile back."""
    for r in range(6):
        lane, kept = buf[r], coordinates[r, start : start + n]
        if live == n:
            for i in range(n):
                kept[i] = lane[i]
        else:
            for i in range(live):
                kept[home[i]] = lane[i]


@scalar
def _whole(live):
    """Lanes that are computed for so many living particles."""
    return (live + LANES - 1) // LANES * LANES


@scalar
def _lose(buf, who, home, live, gone, checked, before, start, turn, element, beam):
    """Take lanes out of the tile, the others close up; return how many stay.

    A lost particle keeps the coordinates ``before`` the op at which it went bad, or those in an aperture.
    """
    coordinates, _, _, state, lost_turn, lost_element = beam
    kept = 0
    for i in range(live):
        if gone[i]:
            who_is = start + home[i]
            reason = APERTURE
            if checked:
                reason = OUT_OF_RANGE
                for r in range(6):
                    if not np.isfinite(buf[r, i]):
                        reason = NO_FORWARD_MOMENTUM
            state[who_is] = reason
            lost_turn[who_is] = turn
            lost_element[who_is] = element
            for r in range(6):
                coordinates[r, who_is] = before[r, i]
        else:
            for r in range(ROWS):
                buf[r, kept] = buf[r, i]
            who[kept] = who[i]
            home[kept] = home[i]
            kept += 1
    _rest(buf, who, kept, _whole(live))
    return kept


@scalar
def _form_sum(buf, home, live, n, spread, code, offset, params, sum_table, out):
    """Form one sum over the groups of a tile, each particle in its own place whoever was lost before it."""
    lanes = buf
    if live < n:
        for r in range(ROWS):
            for i in range(n):
                spread[r, i] = 1.0 if r == RPP else 0.0
            for i in range(live):
                spread[r, home[i]] = buf[r, i]
        lanes = spread
    for block in range((n + BLOCK - 1) // BLOCK):
        lo = block * BLOCK
        call_sum(sum_table, code, lanes, lo, min(lo + BLOCK, n), params, offset, out[block])


@scalar
def _turn(
    buf, who, home, live, n, before, spread, gone, check, suspect, start, beam,
    ops, op_from, op_to, params, table, seed, turn, sum_table, out,
):  # fmt: skip
    """Take one tile through the ops of one turn; with ``check``, find the op at which suspects go bad.

    Returns how many particles are left in it.
    """
    lanes = _whole(live)
    for o in range(op_from, op_to):
        kind, element = ops[o, OP_KIND], ops[o, OP_ELEMENT]
        if kind == SUM:
            if turn % ops[o, OP_REPEAT] == 0:
                _form_sum(buf, home, live, n, spread, ops[o, OP_KERNEL], ops[o, OP_OFFSET], params, sum_table, out)
            continue
        if check:
            for r in range(6):
                for i in range(live):
                    before[r, i] = buf[r, i]
        call_kernel(
            table, ops[o, OP_KERNEL], buf, lanes, params, ops[o, OP_OFFSET], ops[o, OP_REPEAT], who, seed, turn, element
        )
        lost = 0
        if kind == LIMIT:
            for i in range(live):
                gone[i] = (buf[FLAG, i] == 0.0) & (abs(buf[0, i]) < np.inf) & (abs(buf[2, i]) < np.inf)
                lost += gone[i]
        elif check:
            for i in range(live):
                gone[i] = suspect[home[i]] and not _good(
                    buf[0, i], buf[1, i], buf[2, i], buf[3, i], buf[4, i], buf[5, i]
                )
                lost += gone[i]
        if lost > 0:
            checked = kind == MAP
            live = _lose(buf, who, home, live, gone, checked, before if checked else buf, start, turn, element, beam)
            lanes = _whole(live)
    return live


def _advance(
    begin, end, coordinates, weight, ids, state, lost_turn, lost_element,
    ops, op_from, op_to, params, table, inv_gamma2, beta2, seed, first_turn, turns, tile,
    sum_table, sums, drive_at, drive_values,
):  # fmt: skip
    """Track tiles ``begin`` to ``end`` through ops[op_from:op_to] for a number of turns; the beam changes in place.

    ``sums[turn, block]`` is filled by the sums, each in its own columns. Before each turn ``params[drive_at]`` becomes
    ``drive_values[turn]``, in a copy that belongs to the call.
    """
    beam = (coordinates, weight, ids, state, lost_turn, lost_element)
    count = coordinates.shape[1]
    summing = False
    for o in range(op_from, op_to):
        summing = summing or ops[o, OP_KIND] == SUM
    buf, saved = np.empty((ROWS, STRIDE)), np.empty((ROWS, STRIDE))
    before, spread = np.empty((ROWS, STRIDE)), np.empty((ROWS, STRIDE))
    who, home, saved_home = np.empty(STRIDE, np.int64), np.empty(STRIDE, np.int64), np.empty(STRIDE, np.int64)
    gone, suspect = np.empty(STRIDE, np.bool_), np.empty(STRIDE, np.bool_)
    driven = drive_at.size
    numbers = params.copy() if driven else params
    for t in range(begin, end):
        start = t * tile
        n = min(tile, count - start)
        live = _gather(buf, who, home, start, n, beam, inv_gamma2, beta2)
        saved_live = -1
        for turn_index in range(turns):
            if live == 0 and not summing:
                break
            turn = first_turn + turn_index
            for d in range(driven):
                numbers[drive_at[d]] = drive_values[turn_index, d]
            out = sums[turn_index, start // BLOCK :] if summing else sums[0]
            lanes = _whole(live)
            for r in range(DBETA + 1):
                for i in range(lanes):
                    saved[r, i] = buf[r, i]
            if live != saved_live:
                for i in range(live):
                    saved_home[i] = home[i]
            saved_live = live
            check = False
            while True:
                live = _turn(
                    buf, who, home, live, n, before, spread, gone, check, suspect, start, beam,
                    ops, op_from, op_to, numbers, table, seed, turn, sum_table, out,
                )  # fmt: skip
                bad = 0
                for i in range(live):
                    bad += not _good(buf[0, i], buf[1, i], buf[2, i], buf[3, i], buf[4, i], buf[5, i])
                if check or bad == 0:
                    break
                check = True
                for i in range(n):
                    suspect[i] = False
                for i in range(live):
                    suspect[home[i]] = not _good(buf[0, i], buf[1, i], buf[2, i], buf[3, i], buf[4, i], buf[5, i])
                live = saved_live
                _rest(buf, who, live, lanes)
                for r in range(DBETA + 1):
                    for i in range(live):
                        buf[r, i] = saved[r, i]
                for i in range(live):
                    home[i] = saved_home[i]
                    buf[WEIGHT, i] = weight[start + home[i]]
                    who[i] = ids[start + home[i]]
        _scatter(buf, home, live, n, start, coordinates)


def _tiles(*args):
    """Number of tiles, and about how long one takes [ns]."""
    coordinates, op_from, op_to, turns, tile = args[0], args[7], args[8], args[15], args[16]
    return -(-coordinates.shape[1] // tile), _NANOSECONDS * tile * turns * (op_to - op_from)


advance = threaded(_advance, _tiles)


def no_sums() -> tuple[np.ndarray, ...]:
    """The last arguments of :func:`advance`, from ``sum_table`` on, for a run without sums and drives."""
    return np.zeros(1, dtype=np.int64), np.zeros((1, 1, 1)), np.zeros(0, dtype=np.int64), np.zeros((1, 0))
