"""Run the scalar maps on other kinds of numbers: plain floats without the compiler, mpmath, differential algebra.

The same source function serves all of them; only the names of the primitives are bound anew. That is what makes a
Taylor map or a 50-digit truth a statement about the code that tracks, and not about a copy of it.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from ssmb.kernels import primitives
from ssmb.kernels.jit import JIT_OFF


def _python(function: Any) -> Callable:
    return getattr(function, "py_func", function)


def _is_scalar(value: Any) -> bool:
    """True for a compiled scalar, and for one that the package has left as Python because the compiler is off."""
    plain = JIT_OFF and isinstance(value, types.FunctionType) and value.__module__.startswith("ssmb.")
    return plain or hasattr(value, "py_func")


def rebind(function: Any, namespace: Mapping[str, Callable]) -> Callable:
    """Clone a scalar with every scalar that it calls cloned too, and primitives taken from ``namespace`` by name."""
    return _rebind(_python(function), dict(namespace), {})


def _rebind(function: Callable, namespace: dict[str, Callable], seen: dict[int, Callable]) -> Callable:
    if function.__name__ in namespace and function.__module__ == primitives.__name__:
        return namespace[function.__name__]
    if id(function) in seen:
        return seen[id(function)]
    scope = dict(function.__globals__)
    closure = None
    clone = types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__, function.__closure__)
    seen[id(function)] = clone

    def swap(value: Any) -> Any:
        return _rebind(_python(value), namespace, seen) if _is_scalar(value) else value

    for name in _names(function.__code__):
        if name in scope:
            scope[name] = swap(scope[name])
            if name in namespace and getattr(scope[name], "__module__", "") == "numpy":
                scope[name] = namespace[name]
    if function.__closure__:
        closure = tuple(types.CellType(swap(cell.cell_contents)) for cell in function.__closure__)
        clone = types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__, closure)
        seen[id(function)] = clone
    return clone


def _names(code: types.CodeType) -> set[str]:
    found = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
    return found


@cache
def pure_python(function: Any) -> Callable:
    """The scalar as plain Python on floats: the same polynomials, no compiler."""
    return rebind(function, primitives.INTERPRETED)
