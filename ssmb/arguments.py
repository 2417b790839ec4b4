"""Arguments of public functions: what is given must be what the function says that it takes."""

from __future__ import annotations

import collections.abc
import dataclasses
import functools
import inspect
import numbers
import sys
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from ssmb.errors import ConfigError, SsmbError, nearest

F = TypeVar("F", bound=Callable[..., Any])
#: What may stand where a number is meant; its value is checked where it is used.
_NUMBERS = (numbers.Number, np.generic, np.ndarray, str)
#: The same for a call that failed although all of them fit.
_PLAIN = (numbers.Real, np.generic)
#: Results that are looked at.
_MAY_BE_NAN = (float, complex, np.inexact, np.ndarray, tuple, dict)
#: What NumPy says of arrays whose shapes do not fit together.
_SHAPES = ("broadcast", "mismatch", "dimension", "shape", "truth value of an")


def checked(function: F) -> F:
    """Make a public function say which argument is of another kind than its annotation, where it fails by that.

    A call that ends in an error which is not one of the package is looked at: if an argument is not what its annotation
    says, the error becomes a ConfigError that names it. So does a result that is, or holds, what is not a number: NaN
    goes no further. Of a class, its construction, its public methods and its class methods are made so.

    Examples
    --------
    >>> @checked
    ... def length(word: str) -> int:
    ...     return len(word)
    >>> length("ring"), length(3)
    Traceback (most recent call last):
    ssmb.errors.ConfigError: length: word must be str, not int
    """

    if isinstance(function, type):
        _check_members(function)
        return cast(F, function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            found = function(*args, **kwargs)
        except SsmbError:
            raise
        except (AttributeError, TypeError, ValueError, IndexError, KeyError, ArithmeticError) as error:
            wrong = _unknown(function, kwargs) or _wrong(function, args, kwargs)
            if wrong is not None:
                raise ConfigError(wrong) from None
            wrong = _shapes(function, error, (*args, *kwargs.values()))
            if (
                wrong is None
                and isinstance(error, KeyError)
                and error.args[0] in [*_texts(args), *_texts(kwargs.values())]
            ):
                wrong = f"{_name(function)}: nothing is known under {error.args[0]!r}"
            if wrong is None and (odd := _not_finite(function, args, kwargs)):
                wrong = f"{_name(function)}: {', '.join(odd)} must be finite"
            if wrong is None and isinstance(error, (OverflowError, np.linalg.LinAlgError)):
                wrong = f"{_name(function)}: the result leaves the range of floating point; check the units"
            if wrong is None:
                raise
            raise ConfigError(wrong) from error  # which may be in a function of the user
        except MemoryError as error:
            raise ConfigError(
                f"{_name(function)}: this needs more memory than there is ({error}); ask for less"
            ) from None
        if isinstance(found, _MAY_BE_NAN) and _not_a_number(found):
            odd = ", ".join(_not_finite(function, args, kwargs))
            inside = isinstance(found, dict) or (isinstance(found, tuple) and not any(map(_is_nan, found)))
            if odd or not inside:  # a table may say by NaN that something is not there
                why = f": {odd} must be finite" if odd else "; numbers are too large, too small, or of another unit"
                raise ConfigError(f"{_name(function)}: the result is not a number{why}")
        return found

    return cast(F, call)


def unmasked(name: str, values: Any) -> np.ndarray:
    """Return what was given as an array; entries that are masked, which numpy would take as numbers, are refused.

    Raises
    ------
    ConfigError
        Entries are masked.
    """
    given = np.asarray(values)
    masked = sys.modules.get("numpy.ma")  # slow to import, and before it nothing is masked
    if masked is not None and masked.is_masked(values):
        hidden = int(masked.getmaskarray(values).sum())
        raise ConfigError(f"{name}: {hidden} of {given.size} entries are masked; leave them out, or fill them")
    return given


def _check_members(cls: type) -> None:
    if dataclasses.is_dataclass(cls) and hasattr(cls, "__post_init__"):
        cls.__init__ = _with_its_objects(cls, cls.__init__)  # type: ignore[misc]
    for name, member in list(vars(cls).items()):
        if name.startswith("_") and name != "__init__":
            continue
        if isinstance(member, (classmethod, staticmethod)):
            setattr(cls, name, type(member)(checked(member.__func__)))
        elif inspect.isfunction(member):
            setattr(cls, name, checked(member))


def _with_its_objects(cls: type, construct: Callable[..., None]) -> Callable[..., None]:
    """The construction of a class that checks its numbers, with its fields of classes of ours checked, too."""

    @functools.wraps(construct)
    def made(self: Any, *args: Any, **kwargs: Any) -> None:
        construct(self, *args, **kwargs)
        for name, hint in _objects(cls):
            if not isinstance(value := getattr(self, name), hint):
                raise ConfigError(f"{cls.__name__}: {name} must be {_words(hint)}, not {type(value).__name__}")

    return made


@functools.cache
def _objects(cls: type) -> list[tuple[str, Any]]:
    """Fields that are objects of classes of the package, or None."""
    try:
        hints = typing.get_type_hints(cls)
    except NameError:  # of types that are imported for annotations alone
        return []
    found = []
    for field in dataclasses.fields(cls):
        hint = hints[field.name]
        either = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
        arms = [arm for arm in either if arm is not types.NoneType]
        ours = [isinstance(arm, type) and arm.__module__.startswith("ssmb.") and not _protocol(arm) for arm in arms]
        if arms and all(ours):
            found.append((field.name, hint))
    return found


def _protocol(cls: type) -> bool:
    return bool(getattr(cls, "_is_protocol", False))


def _name(function: Callable[..., Any]) -> str:
    """``track``, ``Lattice.find``, or the name of the class that is made."""
    return function.__qualname__.removesuffix(".__init__").rpartition("<locals>.")[2]


def _unknown(function: Callable[..., Any], given: dict[str, Any]) -> str | None:
    """Say which keyword is none of the function; None if all are, or if it takes any."""
    parameters = inspect.signature(function).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return None
    known = [name for name in parameters if name != "self"]
    for name in given:
        if name not in parameters:
            return f"{_name(function)} takes no '{name}'.{nearest(name, known)} Allowed: {', '.join(known)}"
    return None


def _shapes(function: Callable[..., Any], error: Exception, given: tuple[Any, ...]) -> str | None:
    """Say that arrays do not fit together, where that is what NumPy says."""
    arrays = any(isinstance(value, (np.ndarray, list, tuple)) for value in given)
    if not arrays or not isinstance(error, ValueError) or not any(word in str(error) for word in _SHAPES):
        return None
    return f"{_name(function)}: arrays do not have the shapes that belong together ({str(error)[:120]})"


def _not_a_number(value: Any) -> bool:
    """Whether a result is a NaN, or holds one."""
    if isinstance(value, (tuple, dict)):
        return any(map(_not_a_number, value.values() if isinstance(value, dict) else value))
    return _is_nan(value)


def _is_nan(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fc" and bool(np.isnan(value).any())
    return isinstance(value, (float, complex, np.inexact)) and value != value


def _texts(given: Iterable[Any]) -> list[str]:
    return [value for value in given if isinstance(value, str)]


def _not_finite(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[str]:
    """Names of the arguments that are, or hold, what is not finite; none if there are too few or too many."""
    try:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
    except TypeError:
        return []
    return [n for n, value in given.items() if _numeric(value, "fc") and not np.isfinite(np.asarray(value)).all()]


def _wrong(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    """Say which argument does not fit its annotation; None if all do, or if there are too few or too many."""
    try:
        given = inspect.signature(function).bind(*args, **kwargs).arguments
        room = sys.modules.get(function.__module__.rpartition(".")[0])  # knows names that are imported for types alone
        hints = typing.get_type_hints(function, localns=dict(vars(room)) if room else None)
    except (TypeError, NameError):
        return None
    for allowed in (_NUMBERS, _PLAIN):
        for name, value in given.items():
            if name in hints and not _fits(value, hints[name], allowed):
                real = "real " if hints[name] == ArrayLike and _numeric(value, "c") else ""
                return f"{_name(function)}: {name} must be {real}{_words(hints[name])}, not {type(value).__name__}"
    return None


def _fits(value: Any, hint: Any, allowed: tuple[type, ...]) -> bool:
    """Whether a value may be what an annotation says, a number being of the types that are allowed; true where that
    cannot be told.
    """
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint == ArrayLike:
        return _numeric(value, "fciub" if allowed is _NUMBERS else "fiub")
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, one, allowed) for one in inner)
    if origin is typing.Annotated:
        return _fits(value, inner[0], allowed)
    if origin is typing.Literal:
        return isinstance(value, tuple({type(one) for one in inner}))
    if origin is np.ndarray and issubclass((*typing.get_args(inner[-1]), object)[0], (np.number, np.bool_)):
        return isinstance(value, np.ndarray) and value.dtype.kind in "fciub"
    kind = origin or hint
    if kind is None or kind is types.NoneType:
        return value is None
    if not isinstance(kind, type):
        return True
    if kind in (float, int, complex):
        if allowed is _PLAIN:
            allowed = {int: (numbers.Integral,), complex: (numbers.Number, np.generic)}.get(kind, _PLAIN)
        return isinstance(value, allowed)
    if kind is collections.abc.Callable:
        return callable(value)
    if kind in (collections.abc.Sequence, collections.abc.Iterable) and isinstance(value, (str, bytes)):
        return False
    try:
        fits = isinstance(value, kind)
        if fits and kind in (tuple, list, collections.abc.Sequence) and inner and inner[-1] is not Ellipsis:
            each = inner if len(inner) > 1 else inner * len(value)
            fits = len(each) == len(value) and all(_fits(v, h, allowed) for v, h in zip(value, each, strict=True))
    except TypeError:  # a protocol that cannot be asked
        return callable(value) or "__call__" not in vars(kind)
    return fits


def _numeric(value: Any, kinds: str) -> bool:
    """Whether a value is a number or an array of them, of these kinds of NumPy."""
    try:
        return np.asarray(value).dtype.kind in kinds
    except (TypeError, ValueError):
        return False


def _words(hint: Any) -> str:
    """Return an annotation as words: ``a Beam or a Lattice``."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint == ArrayLike:
        return "numbers"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_words(one) for one in inner))
    if hint is types.NoneType:
        return "None"
    kind = origin or hint
    return {float: "a number", int: "a whole number", complex: "a number"}.get(kind) or getattr(
        kind, "__name__", str(kind)
    )
