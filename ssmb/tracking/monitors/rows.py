"""Rows that a monitor keeps: in memory while they are few, in a file without a name from there on.

The record of a long run is a view of that file: it takes no memory until it is read, and the file goes when nobody uses
the record any more.
"""

from __future__ import annotations

import mmap
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from ssmb.store.atomic import os_failure

#: The rows of a monitor stay in memory up to so many bytes.
IN_MEMORY = 2**24
#: So many bytes of a file are read at once.
_CHUNK = 2**18


class Rows:
    """Rows of one type that are appended, and dropped at the end only.

    Parameters
    ----------
    dtype : type of a row (structured).

    Attributes
    ----------
    folder : where a file is made (default: the folder for temporary files).
    """

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype = dtype
        self.folder: Path | None = None
        self._file: IO[bytes] | None = None
        self._filed = 0  # rows in the file
        self._recent: list[np.ndarray] = []
        self._held = 0  # rows in memory, behind those of the file

    def __len__(self) -> int:
        return self._filed + self._held

    def append(self, rows: np.ndarray) -> None:
        """Keep rows (n,).

        Raises
        ------
        ResultFileError
            If they became too many for the memory and cannot be written.
        """
        self._recent.append(rows)
        self._held += len(rows)
        if self._held * self.dtype.itemsize > IN_MEMORY:
            self._to_file()

    def _to_file(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self.folder)  # noqa: SIM115
                weakref.finalize(self, self._file.close)
            self._file.seek(self._filed * self.dtype.itemsize)
            for rows in self._recent:
                self._file.write(np.ascontiguousarray(rows).view(np.uint8).data)
            self._file.flush()
        except OSError as error:
            raise os_failure(error, self.folder or tempfile.gettempdir(), "keep the records of monitors in") from error
        self._filed += self._held
        self._recent, self._held = [], 0

    def since(self, first: int) -> Iterator[np.ndarray]:
        """Rows from this number on, some at a time."""
        size = self.dtype.itemsize
        while self._file is not None and first < self._filed:
            n = min(max(1, _CHUNK // size), self._filed - first)
            rows = np.empty(n, self.dtype)
            self._file.seek(first * size)
            self._file.readinto(rows.view(np.uint8).data)  # type: ignore[attr-defined]
            yield rows
            first += n
        at = self._filed
        for rows in self._recent:
            if at + len(rows) > first:
                yield rows[max(0, first - at) :]
            at += len(rows)

    def keep(self, n: int) -> None:
        """Keep the first n rows, drop those behind them."""
        left = max(0, n - self._filed)
        self._filed = min(self._filed, n)
        kept = []
        for rows in self._recent:
            kept.append(rows[:left])
            left -= len(kept[-1])
        self._recent, self._held = kept, sum(len(rows) for rows in kept)

    def table(self) -> np.ndarray:
        """All rows (n,): an array, or a view of the file; what is written to it stays in memory."""
        if self._file is None or not self._filed:
            self._recent = [np.concatenate(self._recent)] if self._recent else [np.empty(0, self.dtype)]
            return self._recent[0]
        if self._held:
            self._to_file()
        mapped = mmap.mmap(self._file.fileno(), self._filed * self.dtype.itemsize, access=mmap.ACCESS_COPY)
        return np.frombuffer(mapped, self.dtype, count=self._filed)
