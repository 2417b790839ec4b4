"""HDF5 files with a seal: a checksum over every byte, checked before the HDF5 library sees the file.

The HDF5 library may crash, hang or ask for any amount of memory when it reads damaged bytes. So each file of ours
begins with an HDF5 user block of 512 bytes that holds the length and the SHA-256 of all that follows, and nothing is
opened whose bytes do not agree. Other programs skip the user block and read the file as usual.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ssmb.errors import ResultFileError, SsmbError
from ssmb.store.atomic import atomic_path, checked_path, os_failure
from ssmb.store.patient_file import patient_file

if TYPE_CHECKING:
    import h5py
    from h5py import h5s, h5t

SEAL_SIZE = 512
_MAGIC = b"ssmb sealed HDF5 1\n"


class DamagedFileError(ResultFileError):
    """The bytes of a file are not those that were written: truncated, flipped, or edited by another program."""


@dataclass(frozen=True)
class Header:
    """What a file says about itself.

    Parameters
    ----------
    kind : what it holds: ``"run"``, ``"checkpoint"``, ``"particles"`` ...
    schema_version : version of the layout of that kind, counted from 1.
    software_version : version of the package that wrote it.
    created : when the caller says that it was made (the store reads no clock, so equal content gives equal bytes).
    """

    kind: str
    schema_version: int
    software_version: str = ""
    created: str = ""


def _seal_of(file: Any) -> bytes:
    """Return the user block that belongs to the bytes of an open file."""
    file.seek(SEAL_SIZE)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    text = f"bytes {file.tell():020d}\nsha256 of the bytes from {SEAL_SIZE} on: {digest}\n".encode()
    return (_MAGIC + text).ljust(SEAL_SIZE - 1) + b"\n"


def looks_sealed(path: Path) -> bool:
    """Say whether a file begins with a seal and has the length that the seal tells, without reading all of it."""
    try:
        with open(path, "rb") as file:
            words = file.read(SEAL_SIZE).removeprefix(_MAGIC).split(maxsplit=2)
            return len(words) == 3 and words[0] == b"bytes" and int(words[1]) == os.fstat(file.fileno()).st_size
    except (OSError, ValueError):
        return False


def has_seal(path: str | os.PathLike[str]) -> bool:
    """Say whether a file begins with the seal of this package.

    Raises
    ------
    ResultFileError
        If the file cannot be read.
    """
    try:
        with open(checked_path(path), "rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise os_failure(error, path, "read") from error


def check_seal(path: str | os.PathLike[str]) -> None:
    """Raise :class:`DamagedFileError` unless the bytes of a file are those that were written."""
    try:
        with open(checked_path(path), "rb") as file:
            found = file.read(SEAL_SIZE)
            if found[: len(_MAGIC)] == _MAGIC and found == _seal_of(file):
                return
    except OSError as error:
        raise os_failure(error, path, "read") from error
    if found[: len(_MAGIC)] != _MAGIC:
        what = "is not a file written by ssmb, or its beginning is damaged"
    elif not looks_sealed(Path(path)):
        what = "is truncated or damaged: its length differs from what was written"
    else:
        what = "is damaged or was edited by another program: its checksum differs from what was written"
    raise DamagedFileError(f"'{os.fspath(path)}' {what}. Take a copy of it, or run again what made it.")


@contextmanager
def new_hdf5(path: str | os.PathLike[str], header: Header, *, previous: Path | None = None) -> Iterator[h5py.File]:
    """Create a sealed HDF5 file atomically; the block fills it.

    Raises
    ------
    ResultFileError
        If it cannot be written; the file that was there before, if any, is untouched.
    """
    import h5py  # slow to import

    with atomic_path(path, previous=previous) as part:
        with patient_file(part) as disk:
            try:
                with h5py.File(disk, "w", userblock_size=SEAL_SIZE, libver=("v110", "v110"), track_order=True) as file:
                    file.attrs["schema_version"] = header.schema_version
                    set_text(file, "format", "ssmb")
                    for name in ("kind", "software_version", "created"):
                        set_text(file, name, getattr(header, name))
                    yield file
            except SsmbError:
                raise
            except Exception as error:  # what HDF5 cannot hold
                raise os_failure(OSError(str(error)), path, "write") from error
        with open(part, "r+b") as file:
            seal = _seal_of(file)
            file.seek(0)
            file.write(seal)


@contextmanager
def opened_hdf5(path: str | os.PathLike[str]) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading; whatever goes wrong inside becomes a :class:`ResultFileError`.

    Raises
    ------
    ResultFileError
        If the file is not HDF5, or damaged in a way that reading meets.
    """
    import h5py  # slow to import

    checked_path(path)
    try:
        # our files are replaced, never changed in place: no lock is needed, and network file systems may have none
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except ResultFileError:
        raise
    except (
        Exception
    ) as error:  # on damaged bytes h5py raises OSError, KeyError, RuntimeError, ValueError, TypeError ...
        if isinstance(error, OSError) and (error.errno or "errno = " in str(error)):
            raise os_failure(error, path, "read") from error
        reason = str(error).split("\n")[0][:160] or type(error).__name__
        raise ResultFileError(
            f"'{os.fspath(path)}' is not HDF5, or is damaged ({reason}). Take a copy of it, or run again what made it."
        ) from error


def set_text(item: Any, name: str, text: str) -> None:
    """Give an HDF5 object a text attribute of fixed length.

    The usual kind, of variable length, sits in a heap of the file, on whose damage the HDF5 library was seen to hang.
    """
    encoded = np.array(text.encode("utf-8", "surrogatepass"))
    _set(item, name, encoded, _text_type(max(encoded.dtype.itemsize, 1)))


def set_numbers(item: Any, name: str, value: Any) -> None:
    """Give an HDF5 object an attribute of numbers."""
    numbers = np.asarray(value)
    _set(item, name, numbers, _number_type(numbers.dtype))


def _set(item: Any, name: str, value: np.ndarray, kind: h5t.TypeID) -> None:
    """What ``item.attrs[name] = value`` does, in a fifth of the time: a file has thousands of them."""
    from h5py import h5a  # pyright: ignore[reportAttributeAccessIssue]

    encoded = name.encode()
    if h5a.exists(item.id, encoded):
        h5a.delete(item.id, encoded)
    h5a.create(item.id, encoded, kind, _space(value.shape)).write(value, mtype=kind)


@cache
def _text_type(length: int) -> h5t.TypeID:
    from h5py import h5t

    made = h5t.C_S1.copy()
    made.set_size(length)
    made.set_strpad(h5t.STR_NULLPAD)
    made.set_cset(h5t.CSET_UTF8)
    return made


@cache
def _number_type(dtype: np.dtype) -> h5t.TypeID:
    from h5py import h5t

    return h5t.py_create(dtype, logical=True)


@cache
def _space(shape: tuple[int, ...]) -> h5s.SpaceID:
    from h5py import h5s

    return h5s.create_simple(shape) if shape else h5s.create(h5s.SCALAR)


def text_of(attribute: Any) -> str:
    """Return a text attribute, whether it was written as bytes, as text, or as an array of one of these."""
    first = np.asarray(attribute).reshape(-1)
    one = first[0] if first.size else b""
    return one.decode("utf-8", "surrogatepass") if isinstance(one, bytes) else str(one)


def header_of(file: h5py.File, path: str | os.PathLike[str]) -> Header:
    """Return what an open file says about itself, or raise :class:`ResultFileError` if it does not say."""
    found: dict[str, Any] = dict(file.attrs)
    if text_of(found.get("format", "")) != "ssmb":
        raise ResultFileError(f"'{os.fspath(path)}' was not written by ssmb: its root has no attribute format = 'ssmb'")
    try:
        return Header(
            text_of(found["kind"]),
            int(found["schema_version"]),
            text_of(found["software_version"]),
            text_of(found["created"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ResultFileError(f"'{os.fspath(path)}' does not say what it holds (missing or odd: {error})") from error


@contextmanager
def sealed_hdf5(
    path: str | os.PathLike[str], *, kind: str, newest_schema: int, oldest_schema: int = 1
) -> Iterator[h5py.File]:
    """Open a file of ours for reading after its seal, kind and schema version were found right.

    Parameters
    ----------
    path : file to read.
    kind : what it must hold.
    newest_schema, oldest_schema : newest and oldest layout that the caller understands.

    Raises
    ------
    DamagedFileError
        If its bytes are not those that were written.
    ResultFileError
        If it is missing, of another kind, or of a layout that the caller does not understand.
    """
    check_seal(path)
    with opened_hdf5(path) as file:
        header = header_of(file, path)
        if header.kind != kind:
            raise ResultFileError(
                f"'{os.fspath(path)}' holds '{header.kind[:60]}', wanted is '{kind}': give the path of a {kind} file"
            )
        if not oldest_schema <= header.schema_version <= newest_schema:
            older = 1 <= header.schema_version < oldest_schema
            raise ResultFileError(
                f"'{os.fspath(path)}' has layout {header.schema_version} of '{kind}', written by ssmb "
                f"{header.software_version[:40] or '(unknown version)'}; this version reads {oldest_schema} to "
                f"{newest_schema}. {'Run again what made it.' if older else 'Upgrade ssmb to read it.'}"
            )
        yield file
