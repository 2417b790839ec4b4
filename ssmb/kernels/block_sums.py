"""Sums over groups of particles that the turn loop forms; registered as maps are, so that the loop knows none by
name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray
from numba.core import types
from numba.extending import intrinsic

from ssmb.kernels import jit
from ssmb.kernels.loops import ROWS, STRIDE

_SIGNATURE = types.void(jit.FLOAT_POINTER, types.int64, types.int64, jit.FLOAT_POINTER, jit.FLOAT_POINTER, types.int64)


@dataclass(eq=False)
class BlockSum:
    """A function that sums over lanes of a tile.

    Parameters
    ----------
    name : unique name.
    function : ``f(a, lo, hi, p, out)`` fills ``out`` from lanes lo..hi of the tile ``a`` (rows as in
        :mod:`ssmb.kernels.loops`; lanes of weight 0 are lost or empty) and its packed numbers ``p``.
    n_params : length of ``p``.
    tiled : the same for the processor, with the lanes side by side in vectors; None: ``function`` serves it, too.

    The packed numbers of an op are the first column of its numbers in the buffer, how many they are, and ``p``.
    """

    name: str
    function: Any
    n_params: int
    tiled: Any = None
    index: int = -1
    _native: Any = field(default=None, repr=False)

    def address(self) -> int:
        """Address of the native function; compiled or loaded on first use."""
        if self._native is None:
            ours = self.function.__module__.startswith("ssmb.")  # that of a user may change from run to run
            self._native = jit.native_address(self._wrapped(), _SIGNATURE, keep=ours)
        return self._native[1]

    def _wrapped(self) -> Callable:
        f, n_params = jit.scalar(self.tiled or self.function), max(self.n_params, 1)

        def sums(buf, lo, hi, p, out, numbers):
            f(carray(buf, (ROWS, STRIDE)), lo, hi, carray(p, n_params), carray(out, numbers))

        sums.__name__ = self.name
        sums.__qualname__ = f"sum.{self.name}"
        return sums


#: Every registered sum; the position is the code in the op table.
SUMS: list[BlockSum] = []


def block_sum(name: str, n_params: int, tiled: Any = None) -> Callable[[Any], BlockSum]:
    """Register the decorated function as a sum over groups (see :class:`BlockSum`)."""

    def register(function: Any) -> BlockSum:
        if any(known.name == name for known in SUMS):
            raise ValueError(f"sum '{name}' is registered twice")
        SUMS.append(BlockSum(name, function, n_params, tiled, len(SUMS)))
        return SUMS[-1]

    return register


def sum_table(codes: Iterable[int]) -> np.ndarray:
    """Addresses of the native functions of these sums, by code (0 where not needed)."""
    table = np.zeros(max(1, len(SUMS)), dtype=np.int64)
    for code in set(codes) if not jit.JIT_OFF else ():
        table[code] = SUMS[code].address()
    return table


@intrinsic
def _call_native(typingctx, address, buf, lo, hi, params, offset, out, first, numbers):
    """Call the sum at ``address``; the arrays give their data pointers."""

    def codegen(context, builder, signature, args):
        addr, buf_v, lo_v, hi_v, par_v, off_v, out_v, first_v, numbers_v = args
        data = [
            context.make_array(t)(context, builder, v).data for t, v in ((buf, buf_v), (params, par_v), (out, out_v))
        ]
        par, row = builder.gep(data[1], [off_v]), builder.gep(data[2], [first_v])
        i64 = lo_v.type
        fnty = ir.FunctionType(ir.VoidType(), [data[0].type, i64, i64, par.type, row.type, i64])
        target = builder.inttoptr(addr, fnty.as_pointer())
        builder.call(target, [data[0], lo_v, hi_v, par, row, numbers_v])
        return context.get_dummy_value()

    sig = types.void(address, buf, lo, hi, params, offset, out, first, numbers)
    return sig, codegen


if jit.JIT_OFF:

    def call_sum(table, code, buf, lo, hi, params, offset, out):
        """Form sum ``code`` of lanes lo..hi in plain Python."""
        first, numbers = int(params[offset]), int(params[offset + 1])
        SUMS[code].function(buf, lo, hi, params[offset + 2 :], out[first : first + numbers])
else:

    @jit.numba.njit(inline="always")
    def call_sum(table, code, buf, lo, hi, params, offset, out):
        """Form sum ``code`` of lanes lo..hi by the native function at ``table[code]``."""
        first, numbers = int(params[offset]), int(params[offset + 1])
        # numba gives the typing context itself
        _call_native(table[code], buf, lo, hi, params, offset + 2, out, first, numbers)  # pyright: ignore[reportCallIssue]
