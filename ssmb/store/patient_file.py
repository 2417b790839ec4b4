"""A file that never fails the HDF5 library which writes to it.

Where a disk is full the library prints its stack and keeps what it could not write, and ends the process when it tries
again as Python ends. So it is told that all is well: the first error is kept until the library is done, and what comes
after is only remembered, as far as the library may read it again (pieces of large arrays it does not). Nor may a signal
break into the library, such as Ctrl-C: one that comes while it writes is held back until it is done.
"""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any


class PatientFile(io.RawIOBase):
    """See :func:`patient_file`."""

    _LARGE = 2**18

    def __init__(self, path: Path) -> None:
        self._file = open(path, "r+b", buffering=0)  # noqa: SIM115
        self._error: OSError | None = None
        self._unwritten: list[tuple[int, bytes]] = []
        self._place = self._end = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, which may lie behind the end."""
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._end}[whence]
        return self._place

    def tell(self) -> int:
        """The place."""
        return self._place

    def write(self, data: Any) -> int:
        """Write all of the bytes, or remember them once the disk takes no more."""
        part, at = memoryview(data).cast("B"), self._place
        if self._error is None:
            try:
                self._file.seek(at)
                rest = part
                while rest:
                    rest = rest[self._file.write(rest) :]
            except OSError as error:
                self._error = error
        if self._error is not None and len(part) < self._LARGE:
            self._unwritten.append((at, bytes(part)))
        self._place += len(part)
        self._end = max(self._end, self._place)
        return len(part)

    def readinto(self, buffer: Any) -> int:
        """Read what was written or remembered; zeros elsewhere."""
        out, at = memoryview(buffer).cast("B"), self._place
        out[:] = bytes(len(out))
        self._file.seek(at)
        self._file.readinto(out)
        for place, data in self._unwritten:
            first, last = max(place, at), min(place + len(data), at + len(out))
            if first < last:
                out[first - at : last - at] = data[first - place : last - place]
        self._place += len(out)
        return len(out)

    def truncate(self, size: int) -> int:
        """Make the file so long."""
        self._end = size
        try:
            return self._file.truncate(size)
        except OSError as error:
            self._error = self._error or error
            return size

    def finish(self) -> None:
        """Close the file, and raise what went wrong."""
        try:
            self._file.close()
        except OSError as error:
            self._error = self._error or error
        if self._error is not None:
            raise self._error


_CALLED_BY_HDF5 = {f.__code__ for f in vars(PatientFile).values() if hasattr(f, "__code__")}


@contextmanager
def patient_file(path: Path) -> Iterator[PatientFile]:
    """Open an existing file for HDF5 to write to; what went wrong is raised when the block ends.

    Raises
    ------
    OSError
        The disk did not take all bytes.
    """
    with _signals_wait():
        file = PatientFile(path)
        try:
            yield file
        finally:
            file.finish()


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Let no signal raise an exception in the midst of HDF5; others act as usual."""
    before: dict[int, Any] = {}
    waiting: list[int] = []

    def act(number: int, frame: FrameType | None) -> None:
        inner = frame
        while inner is not None:
            if inner.f_code in _CALLED_BY_HDF5:
                waiting.append(number)
                return
            inner = inner.f_back
        before[number](number, frame)

    if threading.current_thread() is threading.main_thread():
        for number in signal.valid_signals():
            if callable(handler := signal.getsignal(number)):
                before[number] = handler
                signal.signal(number, act)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in waiting:
            before[number](number, None)
