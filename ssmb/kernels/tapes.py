"""Scalar maps as straight-line code: traced once through the source that tracks, for arithmetic of other kinds.

A tape has two kinds of registers. Scalars are made of the parameters of an element and of constants, and are the same
for all expansions that run side by side; jets are truncated power series (:mod:`ssmb.kernels.jets`). Comparisons look
at the value in the point of expansion, so a choice between two formulas is a scalar, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ssmb.kernels.objects import rebind

# operations, of scalars (a, b, c are scalar registers) ...
ADD, SUB, MUL, DIV, LESS, LESS_EQUAL, EQUAL, BOTH, EITHER, CHOOSE, FLOOR, NEAREST, CALL = range(13)
# ... and of jets; capital letters of their arguments: J a jet, S a scalar
HEAD_J, FROM_S, ADD_JJ, ADD_JS, SUB_JJ, SUB_SJ, MUL_JJ, MUL_JS, DIV_JS, CHOOSE_SJJ, CALL_J = range(20, 31)
#: operations whose result is a scalar
_TO_SCALAR = frozenset((*range(13), HEAD_J))
_CALLS = (CALL, CALL_J)
#: functions of one variable; their number is the second argument of CALL
RECIPROCAL, SQRT, SIN, COS, ATAN, ATAN_OVER, EXP, LOG = range(8)
#: jets that every tape begins with: six coordinates, 1/(1 + delta), beta/beta0 - 1
INPUTS = 8


@dataclass(frozen=True, eq=False)
class Tape:
    """Straight-line code of a scalar map.

    Attributes
    ----------
    code : (n, 5) operation, result, three arguments.
    constants : the first scalars; the parameters follow them.
    n_params : number of parameters.
    scalars, jets : number of registers.
    results : jets that hold the results at the end.
    adds_z : whether the fifth coordinate is only added to (its results depend on it nowhere else).
    """

    code: np.ndarray
    constants: np.ndarray
    n_params: int
    scalars: int
    jets: int
    results: tuple[int, ...]
    adds_z: bool


class _Recorder:
    """Collects operations; the same operation on the same numbers is one."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, ...]] = []  # operation and arguments; the position is the number of the value
        self.known: dict[tuple[int, ...], Number] = {}
        self.constants: dict[float, Number] = {}

    def make(self, operation: int, *arguments: int) -> Number:
        row = (operation, *arguments)
        if row not in self.known:
            self.rows.append(row)
            self.known[row] = Number(self, len(self.rows) - 1, operation not in _TO_SCALAR)
        return self.known[row]

    def given(self, is_jet: bool) -> Number:
        self.rows.append((-1,))
        return Number(self, len(self.rows) - 1, is_jet)

    def number(self, value: Any) -> Number:
        if isinstance(value, Number):
            return value
        value = float(value)
        if value not in self.constants:
            self.constants[value] = self.given(False)
        return self.constants[value]


class Number:
    """A value on the tape."""

    __slots__ = ("at", "is_jet", "of")

    def __init__(self, of: _Recorder, at: int, is_jet: bool) -> None:
        self.of, self.at, self.is_jet = of, at, is_jet

    def head(self) -> Number:
        """The value in the point of expansion."""
        return self.of.make(HEAD_J, self.at) if self.is_jet else self

    def call(self, function: int) -> Number:
        """A function of one variable."""
        return self.of.make(CALL_J if self.is_jet else CALL, self.at, function)

    def _with(self, other: Any, scalar: int, both: int, with_scalar: int) -> Number:
        b = self.of.number(other)
        if self.is_jet and b.is_jet:
            return self.of.make(both, self.at, b.at)
        if self.is_jet or b.is_jet:
            jet, number = (self, b) if self.is_jet else (b, self)
            return self.of.make(with_scalar, jet.at, number.at)
        return self.of.make(scalar, self.at, b.at)

    def __add__(self, other: Any) -> Number:
        return self._with(other, ADD, ADD_JJ, ADD_JS)

    def __mul__(self, other: Any) -> Number:
        return self._with(other, MUL, MUL_JJ, MUL_JS)

    __radd__, __rmul__ = __add__, __mul__

    def __sub__(self, other: Any) -> Number:
        b = self.of.number(other)
        if self.is_jet and b.is_jet:
            return self.of.make(SUB_JJ, self.at, b.at)
        if self.is_jet:
            return self + (0.0 - b)
        return self.of.make(SUB_SJ if b.is_jet else SUB, self.at, b.at)

    def __rsub__(self, other: Any) -> Number:
        return self.of.number(other) - self

    def __neg__(self) -> Number:
        return self * -1.0

    def __truediv__(self, other: Any) -> Number:
        b = self.of.number(other)
        if b.is_jet:
            return self * b.call(RECIPROCAL)
        return self.of.make(DIV_JS if self.is_jet else DIV, self.at, b.at)

    def __rtruediv__(self, other: Any) -> Number:
        return self.of.number(other) / self

    def __pow__(self, power: int) -> Number:
        if power != int(power) or power < 1:
            raise TypeError(f"power {power} of a number on a tape")
        return self if power == 1 else self ** (power - 1) * self

    def __abs__(self) -> Number:
        return choose(self < 0.0, -self, self)

    def _compare(self, other: Any, operation: int) -> Number:
        return self.of.make(operation, self.head().at, self.of.number(other).head().at)

    def __lt__(self, other: Any) -> Number:
        return self._compare(other, LESS)

    def __le__(self, other: Any) -> Number:
        return self._compare(other, LESS_EQUAL)

    def __gt__(self, other: Any) -> Number:
        return self.of.number(other) < self

    def __ge__(self, other: Any) -> Number:
        return self.of.number(other) <= self

    def __eq__(self, other: Any) -> Number:  # pyright: ignore[reportIncompatibleMethodOverride]
        return self._compare(other, EQUAL)

    def __ne__(self, other: Any) -> Number:  # pyright: ignore[reportIncompatibleMethodOverride]
        return 1.0 - (self == other)

    def __or__(self, other: Any) -> Number:
        return self.of.make(EITHER, self.at, self.of.number(other).at)

    def __and__(self, other: Any) -> Number:
        return self.of.make(BOTH, self.at, self.of.number(other).at)

    __ror__, __rand__ = __or__, __and__

    def __bool__(self) -> bool:
        raise TypeError("which way an `if` goes is not known when it is traced")

    def __hash__(self) -> int:
        return id(self)


def choose(condition: Any, yes: Any, no: Any) -> Any:
    """Return `yes` where a condition holds, else `no`."""
    if not isinstance(condition, Number):
        return yes if condition else no
    made = condition.of
    one, other = made.number(yes), made.number(no)
    if not (one.is_jet or other.is_jet):
        return made.make(CHOOSE, condition.at, one.at, other.at)
    one, other = (n if n.is_jet else made.make(FROM_S, n.at) for n in (one, other))
    return made.make(CHOOSE_SJJ, condition.at, one.at, other.at)


def _sincos(u: Any) -> tuple[Any, Any]:
    return u.call(SIN), u.call(COS)


def _sincos_turns(t: Any) -> tuple[Any, Any]:
    return _sincos(2.0 * np.pi * (t - t.of.make(NEAREST, t.head().at)))


_PRIMITIVES: dict[str, Callable] = {
    "sqrt": lambda u: u.call(SQRT),
    "sincos": _sincos,
    "sincos_turns": _sincos_turns,
    "atan": lambda u: u.call(ATAN),
    "atan_over": lambda u: u.call(ATAN_OVER),
    "exp": lambda u: u.call(EXP),
    "log": lambda u: u.call(LOG),
    "nearest_whole": lambda u: u.of.make(NEAREST, u.head().at),
    "floor": lambda u: u.of.make(FLOOR, u.head().at),
    "where": choose,
}


@cache
def tape_of(scalar: Any, n_params: int) -> Tape:
    """Trace a scalar map ``f(x, px, y, py, z, delta, rpp, dbeta, p)``.

    Raises
    ------
    TypeError
        It has an ``if`` or a loop over what it is given, or calls what is no primitive.
    """
    made = _Recorder()
    inputs = [made.given(True) for _ in range(INPUTS)]
    params = [made.given(False) for _ in range(n_params)]
    try:
        results = rebind(scalar, _PRIMITIVES)(*inputs, tuple(params))
    except (TypeError, ValueError, AttributeError) as error:
        raise TypeError(
            f"the map '{getattr(scalar, '__name__', scalar)}' cannot be expanded: {error}; use arithmetic, `where` and "
            "the functions of ssmb.kernels.primitives"
        ) from None
    jets = [n if n.is_jet else made.make(FROM_S, n.at) for n in (made.number(r) for r in results)]
    return _written(made, params, jets)


def _arguments(row: tuple[int, ...]) -> tuple[int, ...]:
    """Values that an operation looks at; the second number of a call is a function."""
    return row[1:2] if row[0] in _CALLS else row[1:]


def _written(made: _Recorder, params: Sequence[Number], results: Sequence[Number]) -> Tape:
    """The operations that the results need, with registers that are used again."""
    rows = made.rows
    last: dict[int, int] = {n.at: len(rows) for n in results}  # where a value is looked at for the last time
    for at in range(len(rows) - 1, -1, -1):
        if at in last and rows[at][0] >= 0:
            for value in _arguments(rows[at]):
                last.setdefault(value, at)
    place = {at: at for at in range(INPUTS)}
    place |= {n.at: i for i, n in enumerate((*made.constants.values(), *params))}
    scalars = len(place) - INPUTS
    free: list[int] = []
    jets, code, n_scalars = INPUTS, [], scalars
    for at, row in enumerate(rows):
        if row[0] < 0 or at not in last:
            continue
        looked_at = [place[value] for value in _arguments(row)] + ([row[2]] if row[0] in _CALLS else [])
        if row[0] in _TO_SCALAR:
            place[at], n_scalars = n_scalars, n_scalars + 1
        else:
            if not free:
                free.append(jets)
                jets += 1
            place[at] = free.pop()
        code.append((row[0], place[at], *looked_at, *[0] * (3 - len(looked_at))))
        for value in set(_arguments(row)):
            if last[value] == at and value >= INPUTS and rows[value][0] not in _TO_SCALAR and rows[value][0] >= 0:
                free.append(place[value])
    return Tape(
        np.array(code, dtype=np.int64).reshape(-1, 5), np.array(list(made.constants), dtype=float), len(params),
        n_scalars, jets, tuple(place[n.at] for n in results), _adds_z(rows, results),
    )  # fmt: skip


def _adds_z(rows: Sequence[tuple[int, ...]], results: Sequence[Number]) -> bool:
    """Whether z goes, by sums alone, into the new z and into nothing else."""
    touched = {4}
    for at, row in enumerate(rows):
        seen = [value in touched for value in _arguments(row)] if row[0] >= 0 else []
        if not any(seen):
            continue
        if row[0] not in (ADD_JJ, ADD_JS) and not (row[0] == SUB_JJ and seen == [True, False]) or sum(seen) != 1:
            return False
        touched.add(at)
    return [n.at in touched for n in results] == [i == 4 for i in range(len(results))]
