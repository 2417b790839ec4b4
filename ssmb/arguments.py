"""Arguments of public functions: what is given must be what the function says that it takes."""

from __future__ import annotations

import collections.abc
import functools
import inspect
import numbers
import sys
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from ssmb.errors import ConfigError, SsmbError

F = TypeVar("F", bound=Callable[..., Any])
#: What may stand where a number is meant; its value is checked where it is used.
_NUMBERS = (numbers.Number, np.generic, np.ndarray, str)


def checked(function: F) -> F:
    """Make a public function say which argument is of another kind than its annotation, where it fails by that.

    A call that succeeds costs nothing. A call that ends in an error which is not one of the package is looked at: if an
    argument is not what its annotation says, the error becomes a ConfigError that names it.

    Examples
    --------
    >>> @checked
    ... def length(word: str) -> int:
    ...     return len(word)
    >>> length("ring"), length(3)
    Traceback (most recent call last):
    ssmb.errors.ConfigError: length: word must be str, not int
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except SsmbError:
            raise
        except (AttributeError, TypeError, ValueError, IndexError, KeyError, ArithmeticError):
            wrong = _wrong(function, args, kwargs)
            if wrong is None:
                raise
            raise ConfigError(wrong) from None

    return cast(F, call)


def unmasked(name: str, values: Any) -> np.ndarray:
    """Return what was given as an array; entries that are masked, which numpy would take as numbers, are refused.

    Raises
    ------
    ConfigError
        Entries are masked.
    """
    given = np.asarray(values)
    if np.ma.is_masked(values):
        hidden = int(np.ma.getmaskarray(values).sum())
        raise ConfigError(f"{name}: {hidden} of {given.size} entries are masked; leave them out, or fill them")
    return given


def _wrong(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """Say which argument does not fit its annotation; None if all do, or if there are too few or too many."""
    try:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
        room = sys.modules.get(function.__module__.rpartition(".")[0])  # knows names that are imported for types alone
        hints = typing.get_type_hints(function, localns=dict(vars(room)) if room else None)
    except (TypeError, NameError):
        return None
    for name, value in given.items():
        if name in hints and not _fits(value, hints[name]):
            return f"{function.__name__}: {name} must be {_words(hints[name])}, not {type(value).__name__}"
    return None


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value may be what an annotation says; true where that cannot be told."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is typing.Annotated:
        return _fits(value, inner[0])
    if origin is typing.Literal:
        return isinstance(value, tuple({type(one) for one in inner}))
    kind = origin or hint
    if kind is None or kind is types.NoneType:
        return value is None
    if not isinstance(kind, type):
        return True
    if kind in (float, int, complex):
        return isinstance(value, _NUMBERS)
    if kind is collections.abc.Callable:
        return callable(value)
    if kind in (collections.abc.Sequence, collections.abc.Iterable) and isinstance(value, (str, bytes)):
        return False
    try:
        fits = isinstance(value, kind)
        if fits and kind in (tuple, list, collections.abc.Sequence) and inner and inner[-1] is not Ellipsis:
            fits = len(inner) in (1, len(value)) and all(_fits(v, inner[0]) for v in value)
    except TypeError:  # a protocol that cannot be asked
        return True
    return fits


def _words(hint: Any) -> str:
    """Return an annotation as words: ``a Beam or a Lattice``."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_words(one) for one in inner))
    if hint is types.NoneType:
        return "None"
    kind = origin or hint
    return {float: "a number", int: "a whole number", complex: "a number"}.get(kind) or getattr(
        kind, "__name__", str(kind)
    )
