"""Trees of named arrays, numbers and texts, with units, as HDF5 files that read back bit for bit.

A tree is a dict whose values are :class:`Dataset` (an array with unit, long name and names of its axes), text, plain
numbers, or such dicts again. What comes back has the same types and the same bits. Axes with names are HDF5 dimension
scales, as in netCDF-4 files: ``xarray.open_dataset(file, group=..., engine="h5netcdf")`` finds each array by name.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ssmb.errors import ConfigError, ResultFileError
from ssmb.quantity import POSITIONS, units_of
from ssmb.store.sealed import (
    Header,
    check_seal,
    header_of,
    new_hdf5,
    opened_hdf5,
    sealed_hdf5,
    set_numbers,
    set_text,
    text_of,
)
from ssmb.units import Unit, unit

if TYPE_CHECKING:
    import h5py

#: Deepest nesting of a tree.
MAX_DEPTH = 32

_NUMBERS = (bool, int, float, complex)  # bool first: it is an int as well
_NUMBERS_BY_NAME: dict[Any, Any] = {number.__name__: number for number in _NUMBERS}
#: what marks a scale that was made for an axis without coordinates of its own
_AXIS = "axis"
#: Arrays of at least so many bytes are compressed where that is asked for, in chunks of at most the second number.
_LARGE, _CHUNK = 2**16, 2**20
#: Largest ratio that deflate reaches, and the largest chunk that is read.
_MOST_DEFLATED, _MOST_CHUNK = 1032, 2**24
_FILTERS = {1, 2}  # deflate and shuffle, by their numbers in the HDF5 registry


@dataclass(frozen=True, eq=False)
class Dataset:
    """An array that knows its unit and what it is.

    Parameters
    ----------
    values : numbers (bool, integer, real, complex; up to 64 bits each part) or texts, of any shape, also empty.
    unit : unit of the values, or of the entries along the last axes, see :class:`ssmb.quantity.Quantity`.
    long_name : what it is, in words, e.g. ``"bunching factor of the alive particles"``.
    dims : name of each axis, or nothing. A one-dimensional dataset of that name beside it holds the coordinates; so
        does a row of :data:`ssmb.quantity.POSITIONS`; without either they are 0, 1, 2 ...

    Raises
    ------
    ConfigError
        If the unit is unknown, the values are of a type that a file cannot hold, or the names do not fit the axes.

    Examples
    --------
    >>> Dataset([1e-3, 2e-3], "m", "horizontal position").values
    array([0.001, 0.002])
    """

    values: Any
    unit: str
    long_name: str
    dims: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        values = np.asarray(self.values)
        units_of(self.unit)
        object.__setattr__(self, "dims", tuple(self.dims))
        if self.dims and (len(set(self.dims)) != values.ndim or len(self.dims) != values.ndim):
            raise ConfigError(f"'{self.long_name}': {values.ndim} axes cannot be named {', '.join(self.dims)}")
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
    compress: bool = False,
) -> None:
    """Write a tree to a file, atomically and sealed.

    Parameters
    ----------
    path : file to create or replace; its folder must exist.
    tree : named :class:`Dataset`, text, numbers and such dicts.
    kind, schema_version, software_version, created : see :class:`~ssmb.store.sealed.Header`. The time is given by the
        caller; equal arguments give equal bytes.
    compress : whether large arrays are deflated, without loss.

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
        write_group(file, tree, compress=compress)


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
    set_numbers(item, "unitSI", of.si)
    set_numbers(item, "unitDimension", of.dimension)
    set_text(item, "unitSymbol", of.symbol)  # name of the openPMD standard
    set_text(item, "units", of.symbol)  # name of the conventions of netCDF, which xarray knows
    set_text(item, "long_name", long_name)


def _label_entries(item: Any, symbols: str, long_name: str) -> None:
    """As :func:`label`, where the entries along the last axis, or the last two, have units of their own."""
    rows, shape = units_of(symbols), item.shape
    width = 1 if len(rows) == 1 else shape[-2]
    if len(rows) < width or len(rows[0]) < shape[-1]:
        raise ConfigError(f"'{long_name}': units {symbols[:80]} do not cover an array of the shape {shape}")
    units = [row[: shape[-1]] for row in rows[:width]]
    si, dimension = (np.array([[getattr(u, a) for u in row] for row in units]) for a in ("si", "dimension"))
    for name, a in (("unitSI", si), ("unitDimension", dimension)):
        set_numbers(item, name, a[0] if len(rows) == 1 else a)
    for name in ("unitSymbol", "units"):
        set_text(item, name, symbols)
    set_text(item, "long_name", long_name)


def write_group(group: Any, tree: Mapping[str, Any], depth: int = 0, *, compress: bool = False) -> None:
    """Write a tree into an open HDF5 group; see :func:`write_tree`."""
    if depth > MAX_DEPTH:
        raise ConfigError(f"the tree is nested deeper than {MAX_DEPTH} levels: '{group.name[:80]} ...'")
    for name, value in tree.items():
        key = _escaped(name)
        if isinstance(value, Mapping):
            write_group(group.create_group(key, track_order=True), value, depth + 1, compress=compress)
        else:
            _write_item(group, key, value, compress)
    _attach_axes(group, {name: value for name, value in tree.items() if isinstance(value, Dataset) and value.dims})


def _attach_axes(group: Any, named: Mapping[str, Dataset]) -> None:
    """Attach each named axis to its scale, which is made where the tree has none."""
    lengths: dict[str, int] = {}
    for name, dataset in named.items():
        for dim, length in zip(dataset.dims, dataset.values.shape, strict=True):
            if lengths.setdefault(dim, length) != length:
                raise ConfigError(
                    f"{group.name}/{name}: axis '{dim}' has {length} entries, but elsewhere {lengths[dim]}"
                )
    for dim, length in lengths.items():
        own = named.get(dim)
        if own is None:
            if dim in group:
                raise ConfigError(f"{group.name}: '{dim}' is the name of an axis and of something else")
            places = np.array(POSITIONS[dim][:length]) if dim in POSITIONS else np.arange(length)
            if places.size != length:
                raise ConfigError(
                    f"{group.name}: axis '{dim}' has the positions {', '.join(POSITIONS[dim])}, not {length}"
                )
            _write_item(group, _escaped(dim), Dataset(places, "1", f"positions along the axis {dim}"), False)
            set_text(group[_escaped(dim)], "stored_as", _AXIS)
        elif own.dims != (dim,):
            raise ConfigError(f"{group.name}/{dim} names an axis; it must be one-dimensional along itself")
        group[_escaped(dim)].make_scale(_escaped(dim))
    for name, dataset in named.items():
        for axis, dim in enumerate(dataset.dims):
            if dim != name:
                group[_escaped(name)].dims[axis].attach_scale(group[_escaped(dim)])


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


def _write_item(group: Any, key: str, value: Any, compress: bool) -> None:
    """Write one array, text or number, with the attributes that tell how to give it back."""
    if isinstance(value, np.generic):
        value = value.item()
    attributes: dict[str, Any] = {}
    if isinstance(value, Dataset):
        stored, attributes["stored_as"] = value.values, "array"
        if value.dims:
            attributes["axes"] = "/".join(_escaped(dim) for dim in value.dims)
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
        import h5py  # slow to import

        stored = stored.astype(h5py.string_dtype("utf-8", max(stored.dtype.itemsize, 1)))  # there is no length 0
    dataset = _new_dataset(group, key, stored, deflation(stored, compress))
    symbols, long_name = (value.unit, value.long_name) if isinstance(value, Dataset) else ("1", key.replace("_", " "))
    if len(units_of(symbols)[0]) == 1:
        label(dataset, unit(symbols), long_name)
    else:
        _label_entries(dataset, symbols, long_name)
    if stored.dtype.kind in "SO":
        set_text(dataset, "_Encoding", "utf-8")  # xarray then gives texts, not bytes
    for name, attribute in attributes.items():
        if isinstance(attribute, str):
            set_text(dataset, name, attribute)
        else:
            set_numbers(dataset, name, attribute)


def _new_dataset(group: Any, key: str, stored: np.ndarray, options: Mapping[str, Any]) -> Any:
    """Make an HDF5 dataset and write it some rows at a time: of a view of a file, no copy of all is in memory."""
    if stored.nbytes <= _CHUNK or not stored.ndim:
        return group.create_dataset(key, data=stored, track_times=False, **options)
    dataset = group.create_dataset(key, shape=stored.shape, dtype=stored.dtype, track_times=False, **options)
    step = _chunks(stored)[0]
    for first in range(0, len(stored), step):
        dataset[first : first + step] = stored[first : first + step]
    return dataset


def deflation(stored: np.ndarray, compress: bool) -> dict[str, Any]:
    """Options of an HDF5 dataset: large arrays are deflated, at the level that costs least, if that is wanted."""
    if not compress or stored.ndim == 0 or stored.nbytes < _LARGE:
        return {}
    return {"chunks": _chunks(stored), "compression": "gzip", "compression_opts": 1, "shuffle": True}


def _chunks(stored: np.ndarray) -> tuple[int, ...]:
    """Shape of chunks of at most 1 MiB: whole rows where they fit, else one axis after the other cut to one."""
    shape = list(stored.shape)
    for axis in range(len(shape)):
        others = math.prod(shape[axis + 1 :]) * stored.itemsize
        shape[axis] = max(1, min(shape[axis], _CHUNK // others))
        if others <= _CHUNK:
            break
    return tuple(shape)


def _refuse(path: str | os.PathLike[str], place: str, what: str) -> ResultFileError:
    return ResultFileError(f"'{os.fspath(path)}': {place[:120]} {what}; ssmb does not write such files")


def _read_group(group: Any, path: str | os.PathLike[str], depth: int, seen: set[Any]) -> Tree:
    import h5py  # slow to import
    from h5py import h5o  # pyright: ignore[reportAttributeAccessIssue]

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
            if text_of(item.attrs.get("stored_as", "")) != _AXIS:
                tree[_unescaped(key)] = _read_item(item, path, place)
        else:
            raise _refuse(path, place, "is neither a group nor a dataset")
    return tree


_OURS = ("stored_as", "units", "long_name", "axes", "text_type", "text_bytes")


def _holds_its_numbers(item: h5py.Dataset) -> bool:
    """Whether the bytes of a dataset are in the file: else any size could be declared, or another file be asked for."""
    declared, stored = (item.size or 0) * item.dtype.itemsize, item.id.get_storage_size()
    if item.external or item.is_virtual:
        return False
    if item.chunks is None:
        return stored == declared
    plist = item.id.get_create_plist()
    filters = {plist.get_filter(i)[0] for i in range(plist.get_nfilters())}
    chunk = math.prod(item.chunks) * item.dtype.itemsize
    return filters <= _FILTERS and chunk <= _MOST_CHUNK and declared <= _MOST_DEFLATED * stored


def _read_item(item: h5py.Dataset, path: str | os.PathLike[str], place: str) -> Any:
    if not _holds_its_numbers(item):
        raise _refuse(path, place, "does not hold its own numbers")
    # those of the dimension scales sit in a heap of the file, on whose damage the HDF5 library was seen to hang
    attributes: dict[str, Any] = {name: item.attrs[name] for name in _OURS if name in item.attrs}
    kind, values = text_of(attributes.get("stored_as", "")), np.asarray(item[()])
    if kind == "array":
        if "text_type" in attributes:
            values = np.char.decode(values, "utf-8", "surrogatepass").astype(np.dtype(text_of(attributes["text_type"])))
        axes = text_of(attributes.get("axes", ""))
        dims = tuple(_unescaped(dim) for dim in axes.split("/")) if axes else ()
        return Dataset(values, text_of(attributes["units"]), text_of(attributes["long_name"]), dims)
    if kind == "text":
        return bytes(values[()]).ljust(int(attributes["text_bytes"]), b"\0").decode("utf-8", "surrogatepass")
    if kind not in _NUMBERS_BY_NAME or values.shape != ():
        raise _refuse(path, place, "does not say how it was stored")
    return _NUMBERS_BY_NAME[kind](values[()])
