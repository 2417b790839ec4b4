"""Calls of public functions as docstrings or annotations show them, and what comes of an argument that nobody means."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import doctest
import enum
import functools
import importlib
import inspect
import io
import math
import pkgutil
import random
import resource
import signal
import sys
import time
import types
import typing
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import ssmb
from ssmb import costs
from ssmb.collective import Effect
from ssmb.errors import SsmbError
from ssmb.tracking import Monitor


class Anything:
    """A class that takes anything."""

    def __init__(self, *given: Any) -> None:
        self.given = given


#: What nobody means.
HOSTILE: tuple[Any, ...] = (
    None, "x", "", float("nan"), float("inf"), -float("inf"), -1, -1.0, 0, 0.0, 1e300, -1e300, 1e-300, 10**30, 1e15,
    1e-15, 10**9, [], {}, (), (1, 2), [1.0], True, b"z", 1j, np.nan, np.zeros(0), np.zeros((2, 2)),
    np.array([1.0, np.nan]), np.array(["a"]), object(), lambda *a: a, Anything,
)  # fmt: skip
#: What a program of the user is a part of: the package calls their methods, not the user.
WITH_HOOKS = (Monitor, Effect)
#: Longest time of a call [s], of the processor, and what the process may have taken after it [GB].
PATIENCE, MOST_MEMORY = 5.0, 1.0
#: What a parameter is given whose annotation says no more than that.
PLAIN: dict[Any, Any] = {float: 0.1, int: 3, str: "x", bool: True, complex: 0.1j}


class TooLong(BaseException):
    """A call takes more than twice the time that it may take."""


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
        words = f"{self.name}({at} = {str(bad)[:60]!r})"
        if inspect.isclass(self.function) and not hasattr(self.function, "__post_init__"):
            return words, lambda: (self.function(*args, **keywords), None)[1]  # a record only holds what it is given
        return words, lambda: self.function(*args, **keywords)

    def named(self) -> dict[str, Any]:
        """Its arguments by the names of their parameters."""
        with contextlib.suppress(TypeError, ValueError):
            return dict(inspect.signature(self.function).bind(*self.args, **self.keywords).arguments)
        return {}

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


class Known:
    """What examples have and give, by the names that it has there, to be given where an annotation asks for it."""

    def __init__(self) -> None:
        self.things: list[tuple[str, Any]] = []

    def add(self, name: str, thing: Any) -> None:
        """Keep a thing, and what it is made of."""
        self.things.append((name, thing))
        if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
            self.things += [(f.name, getattr(thing, f.name, None)) for f in dataclasses.fields(thing)]

    def one(self, kind: Any, name: str = "") -> Any:
        """Something of a class, of that name if there is one; None if nothing is."""
        found = [(of, thing) for of, thing in self.things if _is_one(thing, kind)]
        return next((thing for of, thing in found if of == name), found[0][1] if found and not name else None)


def _is_one(thing: Any, kind: Any) -> bool:
    try:
        return kind not in (object, Any) and isinstance(thing, kind)
    except TypeError:  # a protocol, or no class
        return False


def every_call() -> dict[str, list[Call]]:
    """Calls of all that is public, by name: those of docstrings, and of the rest what annotations ask for."""
    found: dict[str, list[Call]] = {}
    known = Known()
    for module in modules():
        for call in sound_calls(module, known):
            found.setdefault(call.name, []).append(call)
    for cls in public()[1]:
        with contextlib.suppress(Exception):
            for thing in cls.examples():
                known.add("", thing)
    for call in _typed_calls(known, {_bare(c.function) for of in found.values() for c in of}):
        found.setdefault(call.name, []).append(call)
    return found


def sound_calls(module: str, known: Known | None = None) -> Iterator[Call]:
    """The calls of public functions, classes and methods of the package in the docstrings of a module.

    What has a name there, is given by name or comes out is kept in `known`.
    """
    made = importlib.import_module(module)
    for test in doctest.DocTestFinder(exclude_empty=True).find(made):
        names = dict(test.globs)
        for example in test.examples:
            with contextlib.suppress(Exception), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                tree = ast.parse(example.source)
                for call in _calls_in(tree, names):
                    if known is not None:
                        _learn(known, call)
                    yield call
                exec(compile(tree, test.name, "exec"), names)


def _learn(known: Known, call: Call) -> None:
    for name, value in call.named().items():
        known.add(name, value)
    with contextlib.suppress(Exception):
        known.add("", call.function(*call.args, **call.keywords))


def _typed_calls(known: Known, done: set[Any]) -> Iterator[Call]:
    """Calls of what is public and not yet called, with what the annotations of the parameters ask for."""
    for thing in public()[0]:
        of = (
            []
            if inspect.ismodule(thing) or inspect.isabstract(thing) or getattr(thing, "_is_protocol", False)
            else [thing]
        )
        if inspect.isclass(thing) and not issubclass(thing, WITH_HOOKS) and (one := known.one(thing)) is not None:
            of += [getattr(one, name) for name, member in vars(thing).items() if name[0] != "_" and _method(member)]
        for function in of:
            if callable(function) and _bare(function) not in done and not _is_one(function, enum.EnumMeta):
                done.add(_bare(function))
                name = getattr(function, "__qualname__", getattr(function, "__name__", ""))
                yield Call(name, function, (), _asked_for(function, known))


def _method(member: Any) -> bool:
    return inspect.isfunction(member) or isinstance(member, (classmethod, staticmethod))


def _bare(function: Any) -> Any:
    return getattr(function, "__func__", function)


def _asked_for(function: Any, known: Known) -> dict[str, Any]:
    """A value for each parameter that must be given."""
    try:
        parameters = inspect.signature(function).parameters.values()
        of: Any = function.__init__ if inspect.isclass(function) and not issubclass(function, tuple) else function
        room = sys.modules.get(of.__module__.rpartition(".")[0])
        hints = typing.get_type_hints(of, localns=dict(vars(room)) if room else None)
    except (TypeError, ValueError, NameError, AttributeError):
        return {}
    keywords = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    needed = [p.name for p in parameters if p.kind in keywords and p.default is p.empty]
    return {name: _of_kind(hints.get(name, Any), name, known) for name in needed}


def _of_kind(hint: Any, name: str, known: Known) -> Any:
    """A value that an annotation allows: what has the name of the parameter in a docstring, or any of its class."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType, typing.Annotated):
        return _of_kind(inner[0], name, known)
    if origin is typing.Literal:
        return inner[0]
    kind = (np.ndarray, list) if hint == ArrayLike else origin or hint
    if (one := known.one((float, int) if kind is float else kind, name)) is not None:
        return one
    if kind in PLAIN:
        return PLAIN[kind]
    if kind in (tuple, list, Sequence, Iterable, Collection):
        return [_of_kind(each, name, known) for each in inner if each is not Ellipsis] if inner else [0.1, 0.2]
    if kind in (dict, Mapping):
        return {"x": 0.1}
    if kind is Callable:
        return lambda *given: 0.0
    one = known.one(kind)
    return np.array([0.1, 0.2, 0.3]) if one is None else one


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
    """What becomes of a call: "refused", "result", or what must not be: "foreign", "nan", "hang", "memory"; and words.

    A call that goes on for twice the time that it may take is ended, where Python comes to it. What would take longer,
    or more memory, must be refused by its estimate: the limits of :mod:`ssmb.costs` are those of this test.
    """
    begin, before = time.process_time(), _peak()
    signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, 2.0 * PATIENCE)
    limits = costs.MEMORY, costs.SECONDS
    costs.MEMORY, costs.SECONDS = 0.5e9 * MOST_MEMORY, PATIENCE / 3.0  # estimates are good to a factor 3
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            found = call()
        except SsmbError as error:
            kind, words = ("memory" if "more memory than there is" in str(error) else "refused"), str(error)[:200]
        except Exception as error:
            kind, words = "foreign", f"{type(error).__name__}: {str(error)[:200]}"
        except TooLong:
            kind, words = "hang", ""
        else:
            kind, words = ("nan", repr(found)[:200]) if not_a_number(found) else ("result", "")
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            costs.MEMORY, costs.SECONDS = limits
    if (took := time.process_time() - begin) > PATIENCE:
        return "hang", f"{took:.1f} s, {kind} {words}"
    return ("memory", f"{_peak():.2f} GB") if before < MOST_MEMORY < _peak() else (kind, words)


def _too_long(*_: Any) -> None:
    raise TooLong


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
