"""The particle loops: every element runs through these, none has a loop of its own.

Particles travel in *tiles*: a small struct of arrays that stays in the first-level cache while it goes through all
elements of a turn. The element loop is outside, the particle loop innermost, so that LLVM vectorises the scalar map.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray
from numba.core import types
from numba.extending import intrinsic
from numba.np.unsafe.ndarray import to_fixed_tuple

from ssmb.kernels import jit
from ssmb.kernels.drives import Drive
from ssmb.kernels.philox import REPEAT_BITS
from ssmb.kernels.primitives import velocity_excess
from ssmb.kernels.roles import Role

#: Rows of a tile. RPP = 1/(1+delta) and DBETA = beta/beta0 - 1 are kept, because only few elements change delta.
X, PX, Y, PY, Z, DELTA, RPP, DBETA, WEIGHT, FLAG = range(10)
ROWS = 10
#: Distance between rows in doubles: 65 cache lines, so that rows do not fall on the same cache sets.
STRIDE = 520
#: Largest tile [particles], and the group of particles over which sums are formed first.
MAX_TILE = 512
BLOCK = 256
#: Tiles are filled up to a multiple of this with particles at rest on the reference orbit.
LANES = 8

_SIGNATURE = types.void(
    jit.FLOAT_POINTER,
    types.int64,
    jit.FLOAT_POINTER,
    types.int64,
    jit.INT_POINTER,
    types.int64,
    types.int64,
    types.int64,
)


@dataclass(eq=False)
class Kernel:
    """A scalar map and the loop that carries it over a tile.

    Parameters
    ----------
    name : unique name.
    scalar : ``f(x, px, y, py, z, delta, rpp, dbeta, p)`` returning the six coordinates; with ``stochastic`` it takes
        ``(seed, particle, turn, element)`` as one more argument; with ``limit`` it returns 1.0 inside and 0.0 outside.
    n_params : length of the tuple ``p``.
    changes_delta : the loop then renews RPP and DBETA; ``p`` ends with two more numbers, 1/gamma0^2 and beta0^2, which
        packing adds (for ``stochastic`` too).
    twice : the loop does two steps of a repeated map per pass, which halves the memory traffic of cheap steps.
    invert : parameters of the inverse map through the same scalar (or that of ``partner``), or None if it has none.
    partner : kernel of the inverse map where it is another one.
    row : ``f(x, px, y, py, z, delta, c)``, one coordinate of the scalar, whose ``p`` are the ``c`` of all six one
        behind the other: the loop takes row by row, which is compiled once and not six times.
    driven : ``driven(p, drive)`` gives the packed numbers that change under a :class:`~ssmb.kernels.drives.Drive`:
        their values by turn, by position in ``p``; None for a map that is the same on every turn.
    role : what its ops are there for, where the element that packs one does not say otherwise.
    """

    name: str
    scalar: Any
    n_params: int
    changes_delta: bool = False
    stochastic: bool = False
    limit: bool = False
    twice: bool = False
    invert: Callable[[tuple[float, ...]], tuple[float, ...]] | None = None
    partner: Kernel | None = None
    row: Any = None
    driven: Callable[[tuple[float, ...], Drive], dict[int, np.ndarray]] | None = None
    role: Role = Role.MAP
    index: int = -1
    _native: Any = field(default=None, repr=False)

    @property
    def width(self) -> int:
        """Packed numbers of one call, the reference included."""
        return self.n_params + (2 if self.changes_delta or self.stochastic else 0)

    def loop(self) -> Callable:
        """Return the tile loop as a Python function (compiled by :meth:`address`, or run as it is with JIT off)."""
        if self.limit:
            made = _limit_loop(self.scalar, self.n_params)
        elif self.row is not None:
            made = _row_loop(self.row, self.n_params // 6)
        elif self.stochastic:
            made = _stochastic_loop(self.scalar, self.n_params)
        elif self.changes_delta:
            made = _energy_loop(self.scalar, self.n_params)
        else:
            made = _map_loop(self.scalar, self.n_params, self.twice)
        made.__name__ = self.name
        made.__qualname__ = f"tile.{self.name}"
        return made

    def address(self) -> int:
        """Address of the native loop; compiled or loaded on first use."""
        if self._native is None:
            ours = self.scalar.__module__.startswith("ssmb.")  # a kernel of the user may change from run to run
            self._native = jit.native_address(self.loop(), _SIGNATURE, keep=ours)
        return self._native[1]


#: Every kernel of the package in order of registration; the position is the op code.
KERNELS: list[Kernel] = []
_BY_NAME: dict[str, Kernel] = {}


def kernel(name: str, n_params: int, **options: Any) -> Callable[[Any], Kernel]:
    """Register the decorated scalar map as a kernel (see :class:`Kernel`)."""

    def register(scalar: Any) -> Kernel:
        if name in _BY_NAME:
            raise ValueError(f"kernel '{name}' is registered twice")
        made = Kernel(name=name, scalar=scalar, n_params=n_params, index=len(KERNELS), **options)
        KERNELS.append(made)
        _BY_NAME[name] = made
        return made

    return register


if jit.JIT_OFF:

    def _tile(buf):
        return buf

    def _params(p, n):  # pyright: ignore[reportRedeclaration]
        return tuple(float(v) for v in p[:n])

    def _ids(ids):
        return ids

    def _part(p, first, n):  # pyright: ignore[reportRedeclaration]
        return tuple(float(v) for v in p[first : first + n])
else:

    @jit.numba.njit(inline="always")
    def _tile(buf):
        return carray(buf, (ROWS, STRIDE))

    @jit.numba.njit(inline="always")
    def _params(p, n):
        return to_fixed_tuple(carray(p, n), n)

    @jit.numba.njit(inline="always")
    def _ids(ids):
        return carray(ids, STRIDE)

    @jit.numba.njit(inline="always")
    def _part(p, first, n):
        return to_fixed_tuple(carray(p, first + n)[first : first + n], n)


def _map_loop(f, n_params, twice):
    if not twice:

        def loop(buf, n, p, repeat, ids, seed, turn, element):
            a = _tile(buf)
            q = _params(p, n_params)
            x, px, y, py, z, delta, rpp, dbeta = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
            for _ in range(repeat):
                for i in range(n):
                    x[i], px[i], y[i], py[i], z[i], delta[i] = f(
                        x[i], px[i], y[i], py[i], z[i], delta[i], rpp[i], dbeta[i], q
                    )

        return loop

    def loop_by_two(buf, n, p, repeat, ids, seed, turn, element):
        a = _tile(buf)
        q = _params(p, n_params)
        x, px, y, py, z, delta, rpp, dbeta = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
        for _ in range(repeat // 2):  # two steps per pass: half the loads and stores
            for i in range(n):
                r, d = rpp[i], dbeta[i]
                u = f(x[i], px[i], y[i], py[i], z[i], delta[i], r, d, q)
                x[i], px[i], y[i], py[i], z[i], delta[i] = f(u[0], u[1], u[2], u[3], u[4], u[5], r, d, q)
        if repeat % 2 == 1:
            for i in range(n):
                x[i], px[i], y[i], py[i], z[i], delta[i] = f(
                    x[i], px[i], y[i], py[i], z[i], delta[i], rpp[i], dbeta[i], q
                )

    return loop_by_two


def _energy_loop(f, n_params):
    width = n_params + 2

    def loop(buf, n, p, repeat, ids, seed, turn, element):
        a = _tile(buf)
        q = _params(p, width)
        ig2, beta2 = q[n_params], q[n_params + 1]
        x, px, y, py, z, delta, rpp, dbeta = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
        for _ in range(repeat):
            for i in range(n):
                x[i], px[i], y[i], py[i], z[i], d = f(x[i], px[i], y[i], py[i], z[i], delta[i], rpp[i], dbeta[i], q)
                delta[i] = d
                rpp[i] = 1.0 / (1.0 + d)
                dbeta[i] = velocity_excess(d, ig2, beta2)

    return loop


def _row_loop(f, width):
    def loop(buf, n, p, repeat, ids, seed, turn, element):
        a = _tile(buf)
        ig2, beta2 = _part(p, 6 * width, 2)
        x, px, y, py, z, delta, rpp, dbeta = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
        made = np.empty((6, STRIDE))
        for _ in range(repeat):
            for r in range(6):
                c, row = _part(p, r * width, width), made[r]
                for i in range(n):
                    row[i] = f(x[i], px[i], y[i], py[i], z[i], delta[i], c)
            for r in range(5):
                for i in range(n):
                    a[r, i] = made[r, i]
            for i in range(n):
                d = made[5, i]
                delta[i] = d
                rpp[i] = 1.0 / (1.0 + d)
                dbeta[i] = velocity_excess(d, ig2, beta2)

    return loop


def _stochastic_loop(f, n_params):
    width, passes = n_params + 2, 1 << REPEAT_BITS

    def loop(buf, n, p, repeat, ids, seed, turn, element):
        a = _tile(buf)
        q = _params(p, width)
        who = _ids(ids)
        ig2, beta2 = q[n_params], q[n_params + 1]
        x, px, y, py, z, delta, rpp, dbeta = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]
        for r in range(repeat):
            for i in range(n):
                key = (seed, who[i], turn, element * passes + r)
                x[i], px[i], y[i], py[i], z[i], d = f(
                    x[i], px[i], y[i], py[i], z[i], delta[i], rpp[i], dbeta[i], q, key
                )
                delta[i] = d
                rpp[i] = 1.0 / (1.0 + d)
                dbeta[i] = velocity_excess(d, ig2, beta2)

    return loop


def _limit_loop(f, n_params):
    def loop(buf, n, p, repeat, ids, seed, turn, element):
        a = _tile(buf)
        q = _params(p, n_params)
        x, px, y, py, z, delta, rpp, dbeta, flag = a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[9]
        for i in range(n):
            flag[i] = f(x[i], px[i], y[i], py[i], z[i], delta[i], rpp[i], dbeta[i], q)

    return loop


@intrinsic
def _call_native(typingctx, address, buf, n, params, offset, repeat, ids, seed, turn, element):
    """Call the tile loop at ``address``; the arrays give their data pointers."""

    def codegen(context, builder, signature, args):
        addr, buf_v, n_v, par_v, off_v, rep_v, ids_v, seed_v, turn_v, elem_v = args
        data = [
            context.make_array(t)(context, builder, v).data for t, v in ((buf, buf_v), (params, par_v), (ids, ids_v))
        ]
        par = builder.gep(data[1], [off_v])
        i64 = n_v.type
        fnty = ir.FunctionType(ir.VoidType(), [data[0].type, i64, par.type, i64, data[2].type, i64, i64, i64])
        target = builder.inttoptr(addr, fnty.as_pointer())
        builder.call(target, [data[0], n_v, par, rep_v, data[2], seed_v, turn_v, elem_v])
        return context.get_dummy_value()

    sig = types.void(address, buf, n, params, offset, repeat, ids, seed, turn, element)
    return sig, codegen


if jit.JIT_OFF:

    def call_kernel(table, code, buf, n, params, offset, repeat, ids, seed, turn, element):
        """Run op ``code`` on the tile through the plain Python loop."""
        KERNELS[code].loop()(buf, n, params[offset:], repeat, ids, seed, turn, element)
else:

    @jit.numba.njit(inline="always")
    def call_kernel(table, code, buf, n, params, offset, repeat, ids, seed, turn, element):
        """Run op ``code`` on the tile through the native loop at ``table[code]``."""
        # numba gives the typing context itself
        _call_native(table[code], buf, n, params, offset, repeat, ids, seed, turn, element)  # pyright: ignore[reportCallIssue]
