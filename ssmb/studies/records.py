"""Frozen dataclasses of quantities, texts, particles and each other as trees for files, and back, bit for bit; as JSON.

What is stored is told by the types of the fields; unit, words and axes by their :func:`ssmb.quantity.quantity`.
"""

from __future__ import annotations

import enum
import os
import types
import typing
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from ssmb.beam import Beam, Reference
from ssmb.errors import ConfigError, ResultFileError
from ssmb.quantity import POSITIONS, Quantity, derived, quantities_of
from ssmb.store.tree import Dataset, Tree

AXES = POSITIONS["coordinate"]
#: what is known of each particle besides its coordinates
PER_PARTICLE = {
    "weight": "real particles per macroparticle",
    "ids": "particle numbers",
    "state": "code of the reason of the loss, 0 if alive",
    "lost_turn": "turn of the loss, -1 if alive",
    "lost_element": "index of the element of the loss in the program, -1 if alive",
}


#: kinds of NumPy that a field of this type may have in a file; texts are no datasets
_KINDS = {float: "fiu", int: "fiu", complex: "fciu", str: ""}


def tree_of(thing: Any, names: Collection[str] = ()) -> Tree:
    """Return a dataclass, or a beam, as a tree; fields that are None are left out.

    Parameters
    ----------
    names : only these fields; all if there is none.

    Raises
    ------
    ConfigError
        A field with numbers declares no quantity.
    """
    if isinstance(thing, Beam):
        return {"reference": tree_of(thing.reference), **rows_of(thing, ("ids",))}
    known = quantities_of(thing)
    values = {name: getattr(thing, name) for name in names or [f.name for f in fields(thing)]}
    return {
        name: _stored(f"{type(thing).__name__}.{name}", value, known.get(name))
        for name, value in values.items()
        if value is not None
    }


def rows_of(beam: Beam, dims: tuple[str, ...] = ()) -> dict[str, Dataset]:
    """Return what is known of each particle; `dims` is the name of the axis along the particles."""
    rows = zip(AXES, beam.coordinates, strict=True)
    found = {axis: Dataset(row, "m" if axis in "xyz" else "1", axis, dims) for axis, row in rows}
    return found | {name: Dataset(getattr(beam, name), "1", words, dims) for name, words in PER_PARTICLE.items()}


def numbers_of(thing: Any) -> dict[str, Any]:
    """Return numbers and words of a dataclass under the names that they have in it, derived ones too, for ``--json``.

    Arrays and particles are left out: files have them. Derived words come first: they say what the numbers are worth.
    """
    cls = type(thing)
    more = {n: getattr(thing, n) for n in dir(cls) if isinstance(getattr(cls, n), derived)}
    words = {n: value for n, value in more.items() if isinstance(value, str)}
    values = words | {f.name: getattr(thing, f.name) for f in fields(thing)} | more
    return {name: _plain(v) for name, v in values.items() if not isinstance(v, (np.ndarray, Beam))}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return numbers_of(value) if is_dataclass(value) else value


def record_of(kind: type[Any], tree: Any) -> Any:
    """Return the dataclass, or the beam, that :func:`tree_of` stored.

    Raises
    ------
    ResultFileError
        The tree has not the fields of the class, or what it holds is no such thing.
    """
    try:
        return _record_of(kind, tree)
    except ResultFileError:
        raise
    except Exception as error:  # whatever the classes make of numbers that are not theirs
        raise ResultFileError(f"the file does not hold a {kind.__name__}: {str(error)[:160]}") from error


def _record_of(kind: type[Any], tree: Any) -> Any:
    if kind is Beam:
        coordinates = np.stack([tree[a].values for a in AXES])
        reference, known = record_of(Reference, tree["reference"]), {name: tree[name].values for name in PER_PARTICLE}
        return Beam(reference, coordinates, **known)
    return kind(**values_of(kind, tree, [f.name for f in fields(kind)]))


def values_of(kind: type[Any], tree: Any, names: Collection[str]) -> dict[str, Any]:
    """Return the values of these fields of a class that :func:`tree_of` stored; None for those that were None.

    Raises
    ------
    ResultFileError
        The tree has not just these.
    """
    hints = typing.get_type_hints(kind)
    needed = {name for name in names if type(None) not in typing.get_args(hints[name])}
    if not needed <= set(tree) <= set(names):
        raise ResultFileError(f"a {kind.__name__} has {', '.join(names)}; the file holds {', '.join(tree)[:200]}")
    _check_axes(kind, tree)
    found = {name: _loaded(hints[name], tree[name]) if name in tree else None for name in names}
    for name, of in quantities_of(kind).items():
        value = found.get(name)
        if isinstance(value, (int, float)) and not of.minimum <= value <= of.maximum:
            raise ResultFileError(f"{name} of a {kind.__name__} must be {of.allowed()}, not {value!r}")
    return found


def _check_axes(kind: type[Any], tree: Any) -> None:
    """Raise ResultFileError unless axes of one name have one length, as they have when they are written."""
    lengths: dict[str, int] = {}
    for name, of in quantities_of(kind).items():
        value = tree.get(name)
        if not of.dims or not isinstance(value, Dataset):
            continue
        shape = value.values.shape
        if len(shape) != len(of.dims) or any(
            lengths.setdefault(d, n) != n for d, n in zip(of.dims, shape, strict=True)
        ):
            raise ResultFileError(f"a {kind.__name__} has {name} against {', '.join(of.dims)}, not of shape {shape}")


@contextmanager
def sealed(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    """A file whose seal is whole is read, but may hold other things than ours: ResultFileError then."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ResultFileError(
            f"'{os.fspath(path)}' is sealed, but does not hold what {what} holds ({type(error).__name__}: {error}); "
            "run again what made it"
        ) from error


def _stored(place: str, value: Any, of: Quantity | None) -> Any:
    if is_dataclass(value) or isinstance(value, Beam):
        return tree_of(value)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, (str, bool)):
        return value
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items() if item is not None}  # texts and flags
    if isinstance(value, tuple) and (not value or is_dataclass(value[0]) or isinstance(value[0], Beam)):
        return {str(i): tree_of(item) for i, item in enumerate(value)}
    if of is None:
        raise ConfigError(f"{place} declares no quantity, so that a file could not say what it is")
    return Dataset(np.asarray(value), of.unit or "1", of.doc, of.dims)


def _loaded(hint: Any, value: Any) -> Any:
    origin, of = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        arms = [h for h in of if h is not type(None)]
        return _loaded(arms[0] if len(arms) == 1 else Any, value)
    if origin in (dict, Mapping):
        texts = isinstance(value, Mapping) and (of[1] is not str or all(isinstance(v, str) for v in value.values()))
        if not texts:
            raise ResultFileError("the file holds something else where there must be texts by name")
        return value
    wanted: Any = str if hint is str else (Dataset, bool)
    if hint in _KINDS and not isinstance(value, wanted):
        raise ResultFileError(f"the file holds a {type(value).__name__} where a {hint.__name__} must be")
    if hint is Beam or is_dataclass(hint):
        return record_of(typing.cast(Any, hint), value)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint[value]
    if origin is tuple and (of[0] is Beam or is_dataclass(of[0])):
        items = sorted(value.items(), key=lambda item: int(item[0]))
        return tuple(record_of(typing.cast(Any, of[0]), item) for _, item in items)
    if origin is tuple:
        return tuple(value.values.tolist()) if isinstance(value, Dataset) else ()
    if not isinstance(value, Dataset):
        return value
    if value.values.dtype.kind in "fc" and np.isnan(value.values).any():
        raise ResultFileError(f"the file holds no number where there must be one: {value.long_name[:80]}")
    whole = hint is not int or (value.values == np.round(value.values)).all()
    if hint in _KINDS and (value.values.ndim or value.values.dtype.kind not in _KINDS[hint] or not whole):
        raise ResultFileError(
            f"the file holds no single {hint.__name__} where there must be one: {value.long_name[:80]}"
        )
    return value.values if value.values.ndim else value.values.item()
