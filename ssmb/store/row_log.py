"""What only grows during a run: bytes appended to a file, so that a checkpoint costs what is new and not what is old.

Each record of a run has a file. Of a run with checkpoints it lies beside the checkpoint and is nothing by itself: the
checkpoint says which one is its own, how many bytes of it count, and their SHA-256. Bytes behind these were written for
a checkpoint that never came to be, and are written over. Without checkpoints the file has no name, and goes with those
who read it.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from ssmb.errors import ResultFileError
from ssmb.store.atomic import os_failure
from ssmb.store.sealed import DamagedFileError

_CHUNK = 1 << 20


class RowLog:
    """A file that is appended to.

    Parameters
    ----------
    path : the file, which is made when something is appended; None: a file without a name.

    Attributes
    ----------
    length : bytes that count.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path, self.length = path, 0
        self._digest = hashlib.sha256()
        self._nameless: IO[bytes] | None = None

    @classmethod
    def go_on(cls, path: Path, state: dict[str, Any]) -> RowLog:
        """The log that a checkpoint tells, which was found sound, to be read and appended to."""
        made = cls(path)
        made.length = int(state["bytes"])
        made._digest = _digest_of(path, made.length)
        return made

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of its log."""
        assert self.path is not None
        return {"name": self.path.name, "bytes": self.length, "sha256": self._digest.hexdigest()}

    def append(self, arrays: Iterable[np.ndarray]) -> None:
        """Write arrays behind what counts.

        Raises
        ------
        ResultFileError
            If they cannot be written; what counted before is untouched.
        """
        digest, length = self._digest.copy(), self.length
        with self._opened("r+b" if length else "wb") as file:
            file.seek(length)
            for array in arrays:
                part = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
                file.write(part)
                if self.path is not None:
                    digest.update(part)
                length += len(part)
            file.flush()
        self._digest, self.length = digest, length

    def sync(self) -> None:
        """Wait until all is on the disk."""
        if self.length:
            with self._opened("r+b") as file:
                os.fsync(file.fileno())

    def cut(self, length: int) -> None:
        """Let only the first bytes count, at the end of a run: the others are left for an older checkpoint."""
        if length < self.length:
            self.length = length
            if self.path is not None:
                self._digest = _digest_of(self.path, length)

    def table(self, dtype: np.dtype, in_memory: int) -> np.ndarray:
        """All that counts, of one type: an array up to so many bytes, beyond them a view of the file.

        What is written to the view stays in memory.
        """
        count = self.length // dtype.itemsize
        if not count:
            return np.empty(0, dtype)
        with self._opened("rb") as file:
            if self.length > in_memory and os.name != "nt":  # there no file can be removed that is seen
                mapped = mmap.mmap(file.fileno(), count * dtype.itemsize, access=mmap.ACCESS_COPY)
                return np.frombuffer(mapped, dtype, count=count)
            file.seek(0)
            values = np.empty(count, dtype)
            file.readinto(values.view(np.uint8).data)  # type: ignore[attr-defined]
            return values

    @contextmanager
    def _opened(self, mode: str) -> Iterator[IO[bytes]]:
        """The file."""
        try:
            if self.path is not None:
                with open(self.path, mode) as file:
                    yield file
                return
            if self._nameless is None:
                self._nameless = tempfile.TemporaryFile()  # noqa: SIM115
                weakref.finalize(self, self._nameless.close)
            yield self._nameless
        except OSError as error:
            raise os_failure(error, self.path or tempfile.gettempdir(), "keep the records of monitors in") from error


def check_log(checkpoint: Path, state: dict[str, Any]) -> None:
    """Raise :class:`DamagedFileError` unless the bytes that a checkpoint counts are those that were written."""
    path = log_path(checkpoint, state)
    try:
        found = _digest_of(path, int(state["bytes"])).hexdigest()
    except ResultFileError as error:
        raise DamagedFileError(error.message) from error
    if found != state["sha256"]:
        raise DamagedFileError(f"'{path}' is truncated or damaged: its checksum differs from what was written")


def log_path(checkpoint: Path, state: dict[str, Any]) -> Path:
    """Where a log lies of which a checkpoint keeps this."""
    return checkpoint.with_name(Path(state["name"]).name)


def remove_logs(checkpoint: Path, but: Iterable[Path] = ()) -> None:
    """Remove the logs of a checkpoint, except some."""
    kept = {path.name for path in but}
    for path in checkpoint.parent.glob(f"{checkpoint.stem}.*.rows"):
        if path.name not in kept:
            with suppress(OSError):
                path.unlink()


def _digest_of(path: Path, length: int) -> Any:
    digest = hashlib.sha256()
    if not length:
        return digest
    try:
        with open(path, "rb") as file:
            while length > 0 and (part := file.read(min(_CHUNK, length))):
                digest.update(part)
                length -= len(part)
    except OSError as error:
        raise os_failure(error, path, "read") from error
    if length:
        raise DamagedFileError(f"'{path}' is truncated: it has {length} bytes less than were written")
    return digest
