"""Calls of public functions as docstrings show them, and what becomes of them with one argument that nobody means."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import doctest
import functools
import importlib
import inspect
import io
import math
import pkgutil
import random
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import ssmb
from ssmb.errors import SsmbError

#: What nobody means.
HOSTILE: tuple[Any, ...] = (
    None, "x", "", float("nan"), float("inf"), -float("inf"), -1, -1.0, 0, 0.0, 1e300, -1e300, 1e-300, 10**30, 1e15,
    1e-15, 10**9, [], {}, (), (1, 2), [1.0], True, b"z", 1j, np.nan, np.zeros(0), np.zeros((2, 2)),
    np.array([1.0, np.nan]), np.array(["a"]), object(), lambda *a: a, int,
)  # fmt: skip
#: Longest time of a call [s], of the processor.
PATIENCE = 5.0


@dataclasses.dataclass(frozen=True)
class Call:
    """A sound call of a public function or method, as an example shows it."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    keywords: dict[str, Any]

    def with_one(self, chance: random.Random) -> tuple[str, Callable[[], Any]]:
        """Words for, and the call with one argument replaced: by what nobody means, or with it inside."""
        places: list[Any] = [*range(len(self.args)), *self.keywords, *self._others()]
        if not places:
            return f"{self.name}()", lambda: self.function()
        at = chance.choice(places)
        bad = chance.choice(HOSTILE)
        args, keywords = list(self.args), dict(self.keywords)
        held = args[at] if isinstance(at, int) else keywords.get(at)
        if isinstance(held, (tuple, list)) and held and chance.random() < 0.5:
            inside = list(held)
            inside[chance.randrange(len(inside))] = bad
            bad = type(held)(inside) if type(held) in (tuple, list) else bad
        elif isinstance(held, np.ndarray) and held.size and held.dtype.kind == "f" and chance.random() < 0.5:
            bad = held.copy()
            bad.flat[chance.randrange(bad.size)] = chance.choice((math.nan, math.inf, -1e300, 1e300, 0.0))
        if isinstance(at, int):
            args[at] = bad
        else:
            keywords[at] = bad
        return f"{self.name}({at} = {str(bad)[:60]!r})", lambda: self.function(*args, **keywords)

    def _others(self) -> list[str]:
        """Parameters with a default that the example leaves out."""
        try:
            parameters = list(inspect.signature(self.function).parameters.values())
        except (TypeError, ValueError):
            return []
        named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        return [p.name for p in parameters[len(self.args) :] if p.kind in named and p.name not in self.keywords]


def modules() -> list[str]:
    """Names of the modules of the package."""
    found = sorted(m.name for m in pkgutil.walk_packages(ssmb.__path__, "ssmb."))
    return [name for name in found if not name.endswith("__main__")]


def sound_calls(module: str) -> Iterator[Call]:
    """The calls of public functions, classes and methods of the package in the docstrings of a module."""
    made = importlib.import_module(module)
    for test in doctest.DocTestFinder(exclude_empty=True).find(made):
        names = dict(test.globs)
        for example in test.examples:
            with contextlib.suppress(Exception), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                tree = ast.parse(example.source)
                yield from _calls_in(tree, names)
                exec(compile(tree, test.name, "exec"), names)


def _calls_in(tree: ast.AST, names: dict[str, Any]) -> Iterator[Call]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or any(isinstance(a, ast.Starred) for a in node.args):
            continue
        if any(k.arg is None for k in node.keywords):
            continue
        with contextlib.suppress(Exception):
            function = _value(node.func, names)
            if _ours(function):
                args = tuple(_value(a, names) for a in node.args)
                keywords = {str(k.arg): _value(k.value, names) for k in node.keywords}
                yield Call(ast.unparse(node.func), function, args, keywords)


def _value(node: ast.expr, names: dict[str, Any]) -> Any:
    return eval(compile(ast.Expression(node), "example", "eval"), names)


@functools.cache
def public() -> tuple[list[Any], list[type]]:
    """What the package and its rooms name in ``__all__``, and the classes among it."""
    found = [getattr(ssmb, name) for name in ssmb.__all__]
    for room in pkgutil.iter_modules(ssmb.__path__):
        made = importlib.import_module(f"ssmb.{room.name}") if room.ispkg else None
        found += [getattr(made, name) for name in getattr(made, "__all__", ())]
    return found, [thing for thing in found if inspect.isclass(thing)]


def _ours(function: Any) -> bool:
    if not callable(function) or getattr(function, "__name__", "_").startswith("_"):
        return False
    things, classes = public()
    owner = getattr(function, "__self__", None)
    of = owner if inspect.isclass(owner) else type(owner)
    return any(function is thing for thing in things) or (owner is not None and of in classes)


def not_a_number(found: Any, depth: int = 0) -> bool:
    """Whether a result holds a NaN."""
    if isinstance(found, (float, complex, np.floating, np.complexfloating)):
        return bool(np.isnan(found))
    if isinstance(found, np.ndarray):
        return bool(found.dtype.kind in "fc" and np.isnan(found).any())
    if depth > 3:
        return False
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        return any(not_a_number(getattr(found, f.name, None), depth + 1) for f in dataclasses.fields(found))
    if isinstance(found, dict):
        return any(not_a_number(v, depth + 1) for v in found.values())
    if isinstance(found, (tuple, list)):
        return any(not_a_number(v, depth + 1) for v in found[:1000])
    return False


def outcome(call: Callable[[], Any]) -> tuple[str, str]:
    """What becomes of a call: "refused", "result", or what must not be: "foreign", "nan", "hang"; and words."""
    begin = time.process_time()
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            found = call()
        except SsmbError as error:
            kind, words = "refused", str(error)[:200]
        except Exception as error:
            kind, words = "foreign", f"{type(error).__name__}: {str(error)[:200]}"
        else:
            kind, words = ("nan", str(found)[:200]) if not_a_number(found) else ("result", "")
    took = time.process_time() - begin
    return ("hang", f"{took:.1f} s, {kind} {words}") if took > PATIENCE else (kind, words)
