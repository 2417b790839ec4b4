"""Trees of named arrays, numbers and texts, with units, as HDF5 files that read back bit for bit.

A tree is a dict whose values are :class:`Dataset` (an array with unit and long name), text, plain numbers, or such
dicts again. What comes back has the same types and the same bits.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import h5py
import numpy as np
from h5py import h5o  # pyright: ignore[reportAttributeAccessIssue]

from ssmb.errors import ConfigError, ResultFileError
from ssmb.store.sealed import Header, check_seal, header_of, new_hdf5, opened_hdf5, sealed_hdf5, set_text, text_of
from ssmb.units import Unit, unit

#: Deepest nesting of a tree.
MAX_DEPTH = 32

_NUMBERS = (bool, int, float, complex)  # bool first: it is an int as well
_NUMBERS_BY_NAME: dict[Any, Any] = {number.__name__: number for number in _NUMBERS}


@dataclass(frozen=True, eq=False)
class Dataset:
    """An array that knows its unit and what it is.

    Parameters
    ----------
    values : numbers (bool, integer, real, complex; up to 64 bits each part) or texts, of any shape, also empty.
    unit : unit of the values, see :func:`ssmb.units.unit`.
    long_name : what it is, in words, e.g. ``"bunching factor of the alive particles"``.

    Raises
    ------
    ConfigError
        If the unit is unknown, or the values are of a type that a file cannot hold.

    Examples
    --------
    >>> Dataset([1e-3, 2e-3], "m", "horizontal position").values
    array([0.001, 0.002])
    """

    values: Any
    unit: str
    long_name: str

    def __post_init__(self) -> None:
        values = np.asarray(self.values)
        unit(self.unit)
        if not isinstance(self.long_name, str) or "\0" in self.long_name:
            raise ConfigError(f"long_name must be text without NUL characters, not {self.long_name!r}")
        too_wide = values.dtype.itemsize > {"f": 8, "c": 16}.get(values.dtype.kind, math.inf)
        if values.dtype.kind not in "biufcUS" or too_wide:
            raise ConfigError(
                f"'{self.long_name}': values of type {values.dtype} cannot be stored; allowed are bool, integers, "
                "real and complex numbers of up to 64 bits a part, and texts"
            )
        object.__setattr__(self, "values", values)


Tree: TypeAlias = "dict[str, Dataset | str | bool | int | float | complex | Tree]"


def write_tree(
    path: str | os.PathLike[str],
    tree: Mapping[str, Any],
    *,
    kind: str,
    schema_version: int,
    software_version: str = "",
    created: str = "",
) -> None:
    """Write a tree to a file, atomically and sealed.

    Parameters
    ----------
    path : file to create or replace; its folder must exist.
    tree : named :class:`Dataset`, text, numbers and such dicts.
    kind, schema_version, software_version, created : see :class:`~ssmb.store.sealed.Header`. The time is given by the
        caller; equal arguments give equal bytes.

    Raises
    ------
    ResultFileError
        If the file cannot be written (disk full, no permission, no such folder); nothing is changed then.
    ConfigError
        If the tree holds something that cannot be stored.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = folder + "/a.h5"
    ...     write_tree(file, {"n": 3, "b": Dataset([0.5j], "1", "bunching")}, kind="demo", schema_version=1)
    ...     tree = read_tree(file, expected_kind="demo", newest_schema=1)
    >>> tree["n"], tree["b"].values, tree["b"].unit
    (3, array([0.+0.5j]), '1')
    """
    with new_hdf5(path, Header(kind, schema_version, software_version, created)) as file:
        write_group(file, tree)


def read_tree(path: str | os.PathLike[str], *, expected_kind: str, newest_schema: int) -> Tree:
    """Read a tree back, bit for bit.

    Parameters
    ----------
    path : file that :func:`write_tree` wrote.
    expected_kind : what the file must hold.
    newest_schema : newest layout that the caller understands.

    Raises
    ------
    ResultFileError
        If the file is missing, damaged, of another kind or of a newer layout.
    """
    with sealed_hdf5(path, kind=expected_kind, newest_schema=newest_schema) as file:
        return read_group(file, path)


def read_header(path: str | os.PathLike[str]) -> Header:
    """Return what a file of ours says about itself, after its seal was found right.

    Raises
    ------
    ResultFileError
        If the file is missing, damaged or not ours.
    """
    check_seal(path)
    with opened_hdf5(path) as file:
        return header_of(file, path)


def label(item: Any, of: Unit, long_name: str) -> None:
    """Attach unit and long name to an HDF5 dataset (or to the group of a constant record)."""
    item.attrs["unitSI"] = of.si
    item.attrs["unitDimension"] = np.array(of.dimension)
    set_text(item, "unitSymbol", of.symbol)
    set_text(item, "long_name", long_name)


def write_group(group: Any, tree: Mapping[str, Any], depth: int = 0) -> None:
    """Write a tree into an open HDF5 group; see :func:`write_tree`."""
    if depth > MAX_DEPTH:
        raise ConfigError(f"the tree is nested deeper than {MAX_DEPTH} levels: '{group.name[:80]} ...'")
    for name, value in tree.items():
        key = _escaped(name)
        if isinstance(value, Mapping):
            write_group(group.create_group(key, track_order=True), value, depth + 1)
        else:
            _write_item(group, key, value)


def read_group(group: Any, path: str | os.PathLike[str]) -> Tree:
    """Read the tree below an open HDF5 group; see :func:`read_tree`."""
    return _read_group(group, path, 0, set())


# Characters that HDF5 gives a meaning to in names, and the one that marks an escape.
_ESCAPES = {"%": "%25", "/": "%2F", "\0": "%00", ".": "%2E"}


def _escaped(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise ConfigError(f"a name in a tree must be text and not empty, not {name!r}")
    if name in (".", ".."):
        return name.replace(".", "%2E")
    return re.sub(r"[%/\0]", lambda match: _ESCAPES[match[0]], name)


def _unescaped(key: str) -> str:
    return re.sub("%25|%2F|%00|%2E", lambda match: chr(int(match[0][1:], 16)), key)


def _write_item(group: Any, key: str, value: Any) -> None:
    """Write one array, text or number, with the attributes that tell how to give it back."""
    if isinstance(value, np.generic):
        value = value.item()
    attributes: dict[str, Any] = {}
    if isinstance(value, Dataset):
        stored, attributes["stored_as"] = value.values, "array"
        if stored.dtype.kind == "U":
            attributes["text_type"] = stored.dtype.str
            stored = np.char.encode(stored, "utf-8", "surrogatepass")
    elif isinstance(value, str):
        encoded = value.encode("utf-8", "surrogatepass")
        stored, attributes["stored_as"] = np.asarray(encoded), "text"
        attributes["text_bytes"] = len(encoded)  # HDF5 drops NUL characters at the end
    elif isinstance(value, _NUMBERS):
        number = next(t for t in _NUMBERS if isinstance(value, t))  # the base of an IntEnum or the like
        stored, attributes["stored_as"] = np.asarray(number(value)), number.__name__  # type: ignore[arg-type]
        if stored.dtype == object:
            raise ConfigError(f"{group.name}/{key}: the integer needs more than 64 bits; store it as text")
    else:
        raise ConfigError(
            f"{group.name}/{key}: {type(value).__name__} cannot be stored; allowed are Dataset, text, numbers and "
            "dicts of these. Wrap arrays and lists as Dataset(values, unit, long_name)"
        )
    if stored.dtype.kind == "S":
        stored = stored.astype(h5py.string_dtype("utf-8", max(stored.dtype.itemsize, 1)))  # there is no length 0
    dataset = group.create_dataset(key, data=stored, track_times=False)
    label(dataset, unit(value.unit if isinstance(value, Dataset) else "1"), getattr(value, "long_name", ""))
    for name, attribute in attributes.items():
        if isinstance(attribute, str):
            set_text(dataset, name, attribute)
        else:
            dataset.attrs[name] = attribute


def _refuse(path: str | os.PathLike[str], place: str, what: str) -> ResultFileError:
    return ResultFileError(f"'{os.fspath(path)}': {place[:120]} {what}; ssmb does not write such files")


def _read_group(group: Any, path: str | os.PathLike[str], depth: int, seen: set[Any]) -> Tree:
    tree: Tree = {}
    for key in group:
        place = f"{group.name}/{key}"
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise _refuse(path, place, "is a link to another place or file")
        item = group[key]
        address = h5o.get_info(item.id).addr
        if address in seen or depth > MAX_DEPTH:  # groups that contain themselves would never end
            raise _refuse(path, place, "appears twice, or is nested too deeply")
        seen.add(address)
        if isinstance(item, h5py.Group):
            tree[_unescaped(key)] = _read_group(item, path, depth + 1, seen)
        elif isinstance(item, h5py.Dataset):
            tree[_unescaped(key)] = _read_item(item, path, place)
        else:
            raise _refuse(path, place, "is neither a group nor a dataset")
    return tree


def _read_item(item: h5py.Dataset, path: str | os.PathLike[str], place: str) -> Any:
    size = item.size or 0
    # without this a dataset of any declared size, or of bytes in another file, could be asked for
    if item.external or item.is_virtual or item.id.get_storage_size() != size * item.dtype.itemsize:
        raise _refuse(path, place, "does not hold its own numbers")
    attributes: dict[str, Any] = dict(item.attrs)
    kind, values = text_of(attributes.get("stored_as", "")), np.asarray(item[()])
    if kind == "array":
        if "text_type" in attributes:
            values = np.char.decode(values, "utf-8", "surrogatepass").astype(np.dtype(text_of(attributes["text_type"])))
        return Dataset(values, text_of(attributes["unitSymbol"]), text_of(attributes["long_name"]))
    if kind == "text":
        return bytes(values[()]).ljust(int(attributes["text_bytes"]), b"\0").decode("utf-8", "surrogatepass")
    if kind not in _NUMBERS_BY_NAME or values.shape != ():
        raise _refuse(path, place, "does not say how it was stored")
    return _NUMBERS_BY_NAME[kind](values[()])
