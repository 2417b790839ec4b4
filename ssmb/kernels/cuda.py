"""The turn loop on a CUDA device: one launch per op over all particles, the ops of a turn recorded as one graph.

The scalar maps and the sums are those of the processor: each is cloned with all that it calls for numba-cuda, so there
is no second source of physics. A sum over a group of 256 particles is formed by one thread in the order of the
processor; random numbers are the same. Last bits of maps differ, because the compilers fuse other multiplications and
additions. With ``NUMBA_ENABLE_CUDASIM=1`` all of it runs, slowly, in Python.

Losses are those of the processor, too: a turn is tracked unchecked, and where one ends with an impossible coordinate it
is repeated from its start with a check of the particles concerned after every op.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
from numba import cuda

from ssmb.errors import ConfigError, SsmbWarning, warn
from ssmb.kernels.block_sums import SUMS, BlockSum
from ssmb.kernels.device import check_device, compiled, on_device, simulated
from ssmb.kernels.engine import (
    APERTURE,
    LIMIT,
    MAP,
    NO_FORWARD_MOMENTUM,
    OP_ELEMENT,
    OP_KERNEL,
    OP_KIND,
    OP_OFFSET,
    OP_REPEAT,
    OUT_OF_RANGE,
    _good,
)
from ssmb.kernels.loops import BLOCK, DBETA, DELTA, KERNELS, PX, PY, ROWS, RPP, WEIGHT, Kernel, X, Y, Z
from ssmb.kernels.philox import REPEAT_BITS
from ssmb.kernels.primitives import velocity_excess

#: Threads of a block where each takes a particle, and where each takes a group of a sum.
_THREADS, _FEW_THREADS = 128, 32
#: Rows that maps read or change.
_MOVED = DBETA + 1
#: What the clock tells: turn, number of the turn in this call, particles that ended it with impossible coordinates.
TURN, INDEX, BAD = range(3)
#: From so many turns on a graph pays.
_TURNS_OF_A_GRAPH = 3


def _load(lanes, i):
    return (
        lanes[X, i], lanes[PX, i], lanes[Y, i], lanes[PY, i], lanes[Z, i], lanes[DELTA, i], lanes[RPP, i],
        lanes[DBETA, i],
    )  # fmt: skip


def _lose(lanes, coordinates, state, lost_turn, lost_element, i, reason, turn, element):
    """Take particle ``i`` out with the coordinates that it has; in its place nothing rests on the reference orbit."""
    state[i] = reason
    lost_turn[i] = turn
    lost_element[i] = element
    for r in range(6):
        coordinates[r, i] = lanes[r, i]
        lanes[r, i] = 0.0
    lanes[RPP, i] = 1.0
    lanes[DBETA, i] = 0.0
    lanes[WEIGHT, i] = 0.0


def _step(kernel: Kernel) -> Callable:
    """Repeat the map of a kernel on one particle."""
    f, n_params = on_device(kernel.scalar), kernel.n_params
    if kernel.stochastic:
        passes, excess = 1 << REPEAT_BITS, on_device(velocity_excess)

        def noisy(u, p, repeat, seed, particle, turn, element):
            x, px, y, py, z, delta, rpp, dbeta = u
            for r in range(repeat):
                key = (seed, particle, turn, element * passes + r)
                x, px, y, py, z, delta = f(x, px, y, py, z, delta, rpp, dbeta, p, key)
                rpp = 1.0 / (1.0 + delta)
                dbeta = excess(delta, p[n_params], p[n_params + 1])
            return x, px, y, py, z, delta, rpp, dbeta

        return noisy
    if kernel.row is not None:
        excess, row, width = on_device(velocity_excess), on_device(kernel.row), n_params // 6

        def by_rows(u, p, repeat, seed, particle, turn, element):
            made = cuda.local.array(_MOVED, np.float64)
            for k in range(_MOVED):
                made[k] = u[k]
            for _ in range(repeat):
                x, px, y, py, z, delta = made[0], made[1], made[2], made[3], made[4], made[5]
                # six rows; the compiler is not told how many, or it does all at once and runs out of registers
                for r in range(p.size // width):
                    made[r] = row(x, px, y, py, z, delta, p[r * width : (r + 1) * width])
                made[RPP] = 1.0 / (1.0 + made[DELTA])
                made[DBETA] = excess(made[DELTA], p[n_params], p[n_params + 1])
            return made[0], made[1], made[2], made[3], made[4], made[5], made[RPP], made[DBETA]

        return by_rows
    if kernel.changes_delta:
        excess = on_device(velocity_excess)

        def with_energy(u, p, repeat, seed, particle, turn, element):
            x, px, y, py, z, delta, rpp, dbeta = u
            for _ in range(repeat):
                x, px, y, py, z, delta = f(x, px, y, py, z, delta, rpp, dbeta, p)
                rpp = 1.0 / (1.0 + delta)
                dbeta = excess(delta, p[n_params], p[n_params + 1])
            return x, px, y, py, z, delta, rpp, dbeta

        return with_energy

    def plain(u, p, repeat, seed, particle, turn, element):
        x, px, y, py, z, delta, rpp, dbeta = u
        for _ in range(repeat):
            x, px, y, py, z, delta = f(x, px, y, py, z, delta, rpp, dbeta, p)
        return x, px, y, py, z, delta, rpp, dbeta

    return plain


#: lanes, coordinates, who, state, lost_turn, lost_element, suspect, params, clock, offset, repeat, element, seed, check
_OP_SIGNATURE = (
    "void(float64[:,::1], float64[:,::1], int64[::1], int32[::1], int64[::1], int64[::1], int32[::1], float64[::1], "
    "int64[::1], int64, int64, int64, int64, int64)"
)


def _map(kernel: Kernel) -> Callable:
    """What is launched for a map; with ``check``, suspects are lost where they go bad."""
    step, load, lose, good = (on_device(f) for f in (_step(kernel), _load, _lose, _good))
    width, changes = kernel.width, kernel.changes_delta or kernel.stochastic

    def run(
        lanes, coordinates, who, state, lost_turn, lost_element, suspect, params, clock, offset, repeat, element, seed,
        check,
    ):  # fmt: skip
        i = cuda.grid(1)
        if i >= state.size or state[i] != 0:
            return
        p = params[offset : offset + width]
        x, px, y, py, z, delta, rpp, dbeta = step(load(lanes, i), p, repeat, seed, who[i], clock[TURN], element)
        if check != 0 and suspect[i] != 0 and not good(x, px, y, py, z, delta):
            finite = abs(x) < math.inf and abs(px) < math.inf and abs(y) < math.inf
            finite = finite and abs(py) < math.inf and abs(z) < math.inf and abs(delta) < math.inf
            reason = OUT_OF_RANGE if finite else NO_FORWARD_MOMENTUM
            lose(lanes, coordinates, state, lost_turn, lost_element, i, reason, clock[TURN], element)
            return
        lanes[X, i], lanes[PX, i], lanes[Y, i], lanes[PY, i], lanes[Z, i], lanes[DELTA, i] = x, px, y, py, z, delta
        if changes:
            lanes[RPP, i], lanes[DBETA, i] = rpp, dbeta

    return run


def _limit(kernel: Kernel) -> Callable:
    """What is launched for an aperture."""
    f, load, lose, n_params = on_device(kernel.scalar), on_device(_load), on_device(_lose), kernel.n_params

    def run(
        lanes, coordinates, who, state, lost_turn, lost_element, suspect, params, clock, offset, repeat, element, seed,
        check,
    ):  # fmt: skip
        i = cuda.grid(1)
        if i >= state.size or state[i] != 0:
            return
        x, px, y, py, z, delta, rpp, dbeta = load(lanes, i)
        inside = f(x, px, y, py, z, delta, rpp, dbeta, params[offset : offset + n_params])
        if inside == 0.0 and abs(x) < math.inf and abs(y) < math.inf:
            lose(lanes, coordinates, state, lost_turn, lost_element, i, APERTURE, clock[TURN], element)

    return run


_SUM_SIGNATURE = "void(float64[:,::1], float64[:,:,::1], float64[::1], int64[::1], int64, int64)"


def sum_function(block_sum: BlockSum) -> tuple[Callable, str]:
    """What is launched for a sum, a thread for each group of 256, and with which arguments."""
    f, n_params = on_device(block_sum.function), max(block_sum.n_params, 1)

    def run(lanes, sums, params, clock, offset, every):
        group = cuda.grid(1)
        if group >= sums.shape[1] or clock[TURN] % every != 0:
            return
        first, numbers, low = int(params[offset]), int(params[offset + 1]), group * BLOCK
        high = min(low + BLOCK, lanes.shape[1])
        out = sums[clock[INDEX], group, first : first + numbers]
        f(lanes, low, high, params[offset + 2 : offset + 2 + n_params], out)

    return run, _SUM_SIGNATURE


def op_function(kernel: Kernel) -> tuple[Callable, str]:
    """What is launched for an op of this kernel, and with which arguments."""
    return (_limit(kernel) if kernel.limit else _map(kernel)), _OP_SIGNATURE


@cache
def _op(kernel: Kernel) -> Any:
    return compiled(kernel.name, *op_function(kernel))


@cache
def _sum(block_sum: BlockSum) -> Any:
    return compiled(block_sum.name, *sum_function(block_sum))


# ---- what a turn begins and ends with


def frame_functions() -> dict[str, tuple[Callable, str]]:
    """What is launched around the ops of a turn, and with which arguments."""
    good, excess = on_device(_good), on_device(velocity_excess)

    def enter(lanes, coordinates, weight, state, inv_gamma2, beta2):
        i = cuda.grid(1)
        if i < state.size:
            alive = state[i] == 0
            for r in range(6):
                lanes[r, i] = coordinates[r, i] if alive else 0.0
            lanes[RPP, i] = 1.0 / (1.0 + lanes[DELTA, i])
            lanes[DBETA, i] = excess(lanes[DELTA, i], inv_gamma2, beta2)
            lanes[WEIGHT, i] = weight[i] if alive else 0.0

    def tick(clock):
        if cuda.grid(1) == 0:
            clock[TURN] += 1
            clock[INDEX] += 1
            clock[BAD] = 0

    def begin(lanes, saved, state, saved_state, params, drive_at, drive_values, driven, clock):
        i = cuda.grid(1)
        if i < state.size:
            for r in range(_MOVED):
                saved[r, i] = lanes[r, i]
            saved_state[i] = state[i]
        for d in range(i, driven, cuda.gridsize(1)):
            params[drive_at[d]] = drive_values[clock[INDEX], d]

    def judge(lanes, state, suspect, clock):
        i = cuda.grid(1)
        if i < state.size:
            fine = good(lanes[X, i], lanes[PX, i], lanes[Y, i], lanes[PY, i], lanes[Z, i], lanes[DELTA, i])
            suspect[i] = 1 if state[i] == 0 and not fine else 0
            if suspect[i] != 0:
                cuda.atomic.add(clock, BAD, 1)

    def back(lanes, saved, state, saved_state, weight):
        i = cuda.grid(1)
        if i < state.size:
            for r in range(_MOVED):
                lanes[r, i] = saved[r, i]
            state[i] = saved_state[i]
            lanes[WEIGHT, i] = weight[i] if state[i] == 0 else 0.0

    def leave(lanes, coordinates, state):
        i = cuda.grid(1)
        if i < state.size and state[i] == 0:
            for r in range(6):
                coordinates[r, i] = lanes[r, i]

    table, row, flags, count = "float64[:,::1]", "float64[::1]", "int32[::1]", "int64[::1]"
    return {
        "enter": (enter, f"void({table}, {table}, {row}, {flags}, float64, float64)"),
        "tick": (tick, f"void({count})"),
        "begin": (begin, f"void({table}, {table}, {flags}, {flags}, {row}, {count}, {table}, int64, {count})"),
        "judge": (judge, f"void({table}, {flags}, {flags}, {count})"),
        "back": (back, f"void({table}, {table}, {flags}, {flags}, {row})"),
        "leave": (leave, f"void({table}, {table}, {flags})"),
    }


@cache
def _frame(name: str) -> Any:
    return compiled(name, *frame_functions()[name])


# ---- a call of the turn loop


class _Tracked:
    """The arrays of one call on the device, and the launches that act on them."""

    def __init__(self, beam, params, seed, sums, drive_at, drive_values) -> None:
        coordinates, weight, ids, state, lost_turn, lost_element = beam
        self.particles, self.seed, self.driven = int(state.size), int(seed), int(drive_at.size)
        self._check_memory(sums)
        self.coordinates, self.weight, self.who = self._put(coordinates), self._put(weight), self._put(ids)
        self.state, self.lost_turn, self.lost_element = (self._put(a) for a in (state, lost_turn, lost_element))
        self.params, self.sums = self._put(params), self._put(sums)
        self.drive_at = self._put(drive_at if self.driven else np.zeros(1, np.int64))
        self.drive_values = self._put(drive_values if self.driven else np.zeros((1, 1)))
        self.lanes = self._put(np.zeros((ROWS, self.particles)))
        self.saved = cuda.device_array((_MOVED, self.particles), np.float64)
        self.saved_state, self.suspect = self._put(state), self._put(np.zeros_like(state))

    def _check_memory(self, sums: np.ndarray) -> None:
        doubles = ROWS + _MOVED + 6 + 1 + 3 + 2  # lanes, saved, coordinates, weight, ids and losses, states
        needed = 8.0 * (doubles * self.particles + sums.size)
        free = float(cuda.current_context().get_memory_info()[0])
        if needed > free:
            raise ConfigError(
                f"{self.particles} particles take {needed / 2**30:.3g} GiB on the CUDA device, which has "
                f"{free / 2**30:.3g} GiB free: track fewer at once, or leave on='cuda' out"
            )

    def _put(self, values: np.ndarray) -> Any:
        return cuda.to_device(np.ascontiguousarray(values))

    def _launch(self, where: Any, function: Any, *arguments: Any, each: int = 0, threads: int = _THREADS) -> None:
        """Launch with a thread for each of so many things (0: particles)."""
        count = each or self.particles
        threads = min(threads, count)
        function[-(-count // threads), threads, where](*arguments)

    def start(self, first_turn: int, inv_gamma2: float, beta2: float) -> None:
        """Fill the lanes, and set the clock to before the first turn."""
        self.clock = self._put(np.array([first_turn - 1, -1, 0], dtype=np.int64))
        arguments = self.lanes, self.coordinates, self.weight, self.state, float(inv_gamma2), float(beta2)
        self._launch(0, _frame("enter"), *arguments)

    def _ops(self, rows: np.ndarray, where: Any, *, check: int) -> None:
        for row in rows.tolist():
            code, offset, repeat, element = row[OP_KERNEL], row[OP_OFFSET], row[OP_REPEAT], row[OP_ELEMENT]
            if row[OP_KIND] in (MAP, LIMIT):
                self._launch(
                    where, _op(KERNELS[code]), self.lanes, self.coordinates, self.who, self.state, self.lost_turn,
                    self.lost_element, self.suspect, self.params, self.clock, offset, repeat, element, self.seed, check,
                )  # fmt: skip
            else:
                arguments = self.lanes, self.sums, self.params, self.clock, offset, repeat
                groups = int(self.sums.shape[1])
                self._launch(where, _sum(SUMS[code]), *arguments, each=groups, threads=_FEW_THREADS)

    def turn(self, rows: np.ndarray, where: Any = 0) -> None:
        """Launch a turn without checks; the clock then tells how many particles it left with bad coordinates."""
        self._launch(where, _frame("tick"), self.clock, each=1)
        arguments = self.lanes, self.saved, self.state, self.saved_state, self.params, self.drive_at, self.drive_values
        self._launch(where, _frame("begin"), *arguments, self.driven, self.clock)
        self._ops(rows, where, check=0)
        self._launch(where, _frame("judge"), self.lanes, self.state, self.suspect, self.clock)

    def settle(self, rows: np.ndarray) -> None:
        """Repeat the turn with checks if it went bad for somebody."""
        if int(self.clock.copy_to_host()[BAD]) > 0:
            self._launch(0, _frame("back"), self.lanes, self.saved, self.state, self.saved_state, self.weight)
            self._ops(rows, 0, check=1)

    def finish(self, beam: Sequence[np.ndarray], sums: np.ndarray) -> None:
        """Bring back what changed."""
        self._launch(0, _frame("leave"), self.lanes, self.coordinates, self.state)
        there = self.coordinates, self.weight, self.who, self.state, self.lost_turn, self.lost_element
        for k in (0, 3, 4, 5):
            beam[k][...] = there[k].copy_to_host()
        sums[...] = self.sums.copy_to_host()


def _recorded(turn: Callable[..., None]) -> Callable[[], None]:
    """The launches of a turn as one graph; without graphs they stay single launches, and that is said."""
    if simulated():
        return turn
    try:
        from cuda.core import Device, Stream

        builder = Device().create_graph_builder()
        builder.begin_building()
        turn(builder)
        graph, stream = builder.end_building().complete(), Stream.from_handle(0)
    except Exception as error:  # a graph saves time, nothing else
        warn(
            f"the turn cannot be recorded as a CUDA graph ({type(error).__name__}: {error}): its ops are launched one "
            "by one, which is slower below about a million particles",
            SsmbWarning,
        )
        return turn
    return lambda: graph.launch(stream)


def advance(
    coordinates, weight, ids, state, lost_turn, lost_element,
    ops, op_from, op_to, params, table, inv_gamma2, beta2, seed, first_turn, turns, tile,
    sum_table, sums, drive_at, drive_values,
):  # fmt: skip
    """Track all particles as :func:`ssmb.kernels.engine.advance` does; it needs no addresses and no tiles."""
    check_device()
    rows, beam = ops[op_from:op_to], (coordinates, weight, ids, state, lost_turn, lost_element)
    there = _Tracked(beam, params, seed, sums, drive_at, drive_values)
    there.start(first_turn, inv_gamma2, beta2)
    there.turn(rows)  # compiles what it meets for the first time
    there.settle(rows)
    whole_turn: Callable[..., None] = partial(there.turn, rows)
    if turns >= _TURNS_OF_A_GRAPH:
        whole_turn = _recorded(whole_turn)
    for _ in range(turns - 1):
        whole_turn()
        there.settle(rows)
    there.finish(beam, sums)
