"""Run the scalar maps on other kinds of numbers: plain floats without the compiler, mpmath, differential algebra.

The same source function serves all of them; only the names of the primitives are bound anew. That is what makes a
Taylor map or a 50-digit truth a statement about the code that tracks, and not about a copy of it.
"""

from __future__ import annotations

import dis
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


def rebind(
    function: Any,
    namespace: Mapping[str, Callable],
    wrap: Callable[[Callable], Any] | None = None,
    seen: dict[Callable, Any] | None = None,
) -> Any:
    """Clone a scalar with every scalar that it calls cloned too, and primitives taken from ``namespace`` by name.

    ``wrap`` makes of each clone what the others call; ``seen`` remembers clones from one call to the next.
    """
    return _rebind(_python(function), dict(namespace), wrap or (lambda clone: clone), {} if seen is None else seen)


def _rebind(function: Any, namespace: dict[str, Callable], wrap: Callable, seen: dict[Callable, Any]) -> Any:
    if function.__name__ in namespace and function.__module__ == primitives.__name__:
        return namespace[function.__name__]
    if function in seen:
        return seen[function]
    scope = dict(function.__globals__)

    def swap(value: Any) -> Any:
        return _rebind(_python(value), namespace, wrap, seen) if _is_scalar(value) else value

    for name in _names(function.__code__):
        if name in scope:
            scope[name] = swap(scope[name])
            if name in namespace and getattr(scope[name], "__module__", "") == "numpy":
                scope[name] = namespace[name]
    closure = function.__closure__ and tuple(types.CellType(swap(cell.cell_contents)) for cell in function.__closure__)
    clone = types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__, closure)
    seen[function] = wrap(clone)
    return seen[function]


def _names(code: types.CodeType) -> set[str]:
    """Names of the globals that a function looks at; not those of attributes, which may be the same."""
    found = {str(i.argval) for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            found |= _names(constant)
    return found


@cache
def pure_python(function: Any) -> Callable:
    """The scalar as plain Python on floats: the same polynomials, no compiler."""
    return rebind(function, primitives.INTERPRETED)
