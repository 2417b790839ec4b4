"""Other kinds of numbers that the scalar maps run on in tests: dual numbers, 50 digits, differential algebra.

Each system gives the names of the primitives a meaning of its own (see :mod:`ssmb.kernels.objects`); the source of the
map is the one that tracks.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from ssmb.kernels.objects import rebind

#: digits of the truth
DIGITS = 50


class Dual:
    """Arrays of values with their six exact first derivatives: forward differentiation of many points at once."""

    __slots__ = ("gradient", "value")

    def __init__(self, value: Any, gradient: Any) -> None:
        self.value = value
        self.gradient = gradient

    def _chain(self, value: Any, slope: Any) -> Dual:
        return Dual(value, slope * self.gradient)

    def __add__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.gradient + other.gradient)
        return Dual(self.value + other, self.gradient)

    __radd__ = __add__

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.gradient)

    def __sub__(self, other: Any) -> Dual:
        return self + (-other)

    def __rsub__(self, other: Any) -> Dual:
        return (-self) + other

    def __mul__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value * other.value, self.value * other.gradient + other.value * self.gradient)
        return Dual(self.value * other, self.gradient * other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            quotient = self.value / other.value
            return Dual(quotient, (self.gradient - quotient * other.gradient) / other.value)
        return Dual(self.value / other, self.gradient / other)

    def __rtruediv__(self, other: Any) -> Dual:
        quotient = other / self.value
        return self._chain(quotient, -quotient / self.value)

    def __abs__(self) -> Dual:
        return self._chain(np.abs(self.value), np.sign(self.value))

    def sqrt(self) -> Dual:
        root = np.sqrt(self.value)
        return self._chain(root, 0.5 / root)

    def __lt__(self, other: Any) -> Any:
        return self.value < _value(other)

    def __le__(self, other: Any) -> Any:
        return self.value <= _value(other)

    def __gt__(self, other: Any) -> Any:
        return self.value > _value(other)

    def __ge__(self, other: Any) -> Any:
        return self.value >= _value(other)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **_: Any) -> Any:
        return _UFUNCS[ufunc.__name__](*inputs)


_UFUNCS: dict[str, Callable] = {
    "add": operator.add,
    "subtract": lambda a, b: -b + a,
    "multiply": operator.mul,
    "divide": lambda a, b: b.__rtruediv__(a) if not isinstance(a, Dual) else a / b,
    "negative": operator.neg,
    "absolute": abs,
    "sqrt": lambda a: a.sqrt(),
}


def _value(number: Any) -> Any:
    return number.value if isinstance(number, Dual) else number


def _through(f: Callable, slope: Callable) -> Callable:
    def function(u: Any) -> Any:
        return u._chain(f(u.value), slope(u.value)) if isinstance(u, Dual) else f(u)

    return function


def _dual_sincos(u: Any, factor: float = 1.0) -> tuple[Any, Any]:
    if not isinstance(u, Dual):
        return np.sin(factor * u), np.cos(factor * u)
    s, c = np.sin(factor * u.value), np.cos(factor * u.value)
    return u._chain(s, factor * c), u._chain(c, -factor * s)


def _dual_turns(t: Any) -> tuple[Any, Any]:
    return _dual_sincos(t - np.rint(_value(t)), 2.0 * np.pi)


def _dual_where(condition: Any, yes: Any, no: Any) -> Any:
    if not isinstance(yes, Dual) and not isinstance(no, Dual):
        return np.where(condition, yes, no)
    shape = np.shape(condition)
    a, b = _as_dual(yes, shape), _as_dual(no, shape)
    return Dual(np.where(condition, a.value, b.value), np.where(condition, a.gradient, b.gradient))


def _as_dual(number: Any, shape: tuple[int, ...]) -> Dual:
    if isinstance(number, Dual):
        return number
    return Dual(np.broadcast_to(number, shape), np.zeros((6, *shape)))


def _dual_atan_over(t: Dual) -> Dual:
    """atan(t)/t; its slope from a series below 0.05, where the closed form cancels."""
    u = t.value
    safe = np.where(u == 0.0, 1.0, u)
    value = np.where(u == 0.0, 1.0, np.arctan(safe) / safe)
    series = -u * sum((-1) ** k * 2 * (k + 1) / (2 * k + 3) * u ** (2 * k) for k in range(9))
    slope = np.where(np.abs(u) < 0.05, series, (1.0 / (1.0 + u * u) - value) / safe)
    return t._chain(value, slope)


#: Vectorised dual numbers: the exact Jacobian at many points at once.
DUALS: dict[str, Callable] = {
    "sqrt": _through(np.sqrt, lambda v: 0.5 / np.sqrt(v)),
    "sincos": _dual_sincos,
    "sincos_turns": _dual_turns,
    "atan": _through(np.arctan, lambda v: 1.0 / (1.0 + v * v)),
    "atan_over": _dual_atan_over,
    "exp": _through(np.exp, np.exp),
    "log": _through(np.log, lambda v: 1.0 / v),
    "where": _dual_where,
}


def duals(points: np.ndarray) -> tuple[Dual, ...]:
    """Six dual numbers at the (6, n) points, each with derivative 1 to itself."""
    n = points.shape[1]
    return tuple(Dual(points[i].copy(), np.repeat(np.eye(6)[i][:, None], n, axis=1)) for i in range(6))


def _mp_stumpff(u: Any) -> tuple[Any, ...]:
    def one(v: Any) -> tuple[Any, Any]:
        if v == 0:
            return mpmath.mpf(1), mpmath.mpf(1)
        root = mpmath.sqrt(v)
        return mpmath.re(mpmath.cos(root)), mpmath.re(mpmath.sin(root) / root)

    return (*one(u), *one(-u))


def _mp_stumpff_integrals(u: Any) -> tuple[Any, Any]:
    if abs(u) < mpmath.mpf(10) ** -8:  # the closed form would lose 16 digits or more
        terms = [((-u) ** k / mpmath.factorial(2 * k + 2), (-u) ** k / mpmath.factorial(2 * k + 3)) for k in range(8)]
        return mpmath.fsum(t[0] for t in terms), mpmath.fsum(t[1] for t in terms)
    with mpmath.workdps(DIGITS + 20):
        c, s = _mp_stumpff(u)[:2]
        return (1 - c) / u, (1 - s) / u


def _mp_sincos(u: Any) -> tuple[Any, Any]:
    c, s = mpmath.cos_sin(u)
    return s, c


def _mp_turns(t: Any) -> tuple[Any, Any]:
    return mpmath.sinpi(2 * t), mpmath.cospi(2 * t)


#: The functions themselves to 50 digits: the truth for the polynomials too.
MPMATH: dict[str, Callable] = {
    "sqrt": mpmath.sqrt,
    "sincos": _mp_sincos,
    "sincos_turns": _mp_turns,
    "atan": mpmath.atan,
    "atan_over": lambda t: mpmath.atan(t) / t if t else mpmath.mpf(1),
    "exp": mpmath.exp,
    "log": mpmath.log,
    "where": lambda condition, yes, no: yes if condition else no,
    "stumpff": _mp_stumpff,
    "stumpff_integrals": _mp_stumpff_integrals,
    "power_of_two": lambda n: mpmath.mpf(2) ** int(n),
}


def _plain_numpy() -> dict[str, Callable]:
    return {"where": np.where, "power_of_two": lambda n: np.ldexp(1.0, np.asarray(n, dtype=int))}


#: The same polynomials on whole arrays of doubles, operation by operation as plain Python does them.
ARRAYS: dict[str, Callable] = _plain_numpy()


def _da_atan_over(t: Any) -> Any:
    """atan(t)/t of a differential-algebra number by the series of its slope around the constant part."""
    constant = float(t.cons())
    if abs(constant) > 0.05:
        return t.atan() / t
    return sum(((-1) ** k / (2 * k + 1)) * (t * t) ** k for k in range(12))


def _da_where(condition: Any, yes: Any, no: Any) -> Any:
    return yes if condition else no


#: Differential algebra of daceypy (import and ``DA.init`` are the caller's).
DACEYPY: dict[str, Callable] = {
    "sqrt": lambda u: u.sqrt() if hasattr(u, "sqrt") else np.sqrt(u),
    "sincos": lambda u: (u.sin(), u.cos()) if hasattr(u, "cons") else (np.sin(u), np.cos(u)),
    "sincos_turns": lambda t: DACEYPY["sincos"](2.0 * np.pi * (t - np.rint(t.cons() if hasattr(t, "cons") else t))),
    "atan": lambda u: u.atan() if hasattr(u, "cons") else np.arctan(u),
    "atan_over": _da_atan_over,
    "exp": lambda u: u.exp() if hasattr(u, "cons") else np.exp(u),
    "log": lambda u: u.log() if hasattr(u, "cons") else np.log(u),
    "where": _da_where,
}


def bound(scalar: Any, system: dict[str, Callable]) -> Callable:
    """The scalar map on the numbers of ``system``."""
    return rebind(scalar, system)
