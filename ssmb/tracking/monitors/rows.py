"""Rows that a monitor keeps: in memory while they are few, in a file from there on.

The record of a long run is a view of that file: it takes no memory until it is read.
"""

from __future__ import annotations

import numpy as np

from ssmb.store.row_log import RowLog

#: The rows of a monitor stay in memory up to so many bytes.
IN_MEMORY = 2**24


class Rows:
    """Rows of one type that are appended, and dropped at the end only.

    Parameters
    ----------
    dtype : type of a row (structured).

    Attributes
    ----------
    log : the file (by default one without a name).
    """

    def __init__(self, dtype: np.dtype) -> None:
        self.dtype, self.log = dtype, RowLog()
        self._recent = np.empty(0, dtype)  # room in memory, which the system gives as it is filled
        self._held = 0  # rows in it, behind those of the file

    def __len__(self) -> int:
        return self.log.length // self.dtype.itemsize + self._held

    def append(self, rows: np.ndarray) -> None:
        """Keep rows (n,).

        Raises
        ------
        ResultFileError
            If they became too many for the memory and cannot be written.
        """
        while len(rows):
            if not len(self._recent):
                self._recent = np.empty(max(1, IN_MEMORY // self.dtype.itemsize), self.dtype)
            part = rows[: len(self._recent) - self._held]
            self._recent[self._held : self._held + len(part)] = part
            self._held += len(part)
            rows = rows[len(part) :]
            if self._held == len(self._recent):
                self.to_file()

    def to_file(self) -> None:
        """Write what is in memory to the file."""
        if self._held:
            self.log.append([self._recent[: self._held]])
        self._recent, self._held = np.empty(0, self.dtype), 0

    def keep(self, n: int) -> None:
        """Keep the first n rows, drop those behind them."""
        self._held = min(self._held, max(0, n - self.log.length // self.dtype.itemsize))
        self.log.cut(n * self.dtype.itemsize)

    def table(self) -> np.ndarray:
        """All rows (n,): an array, or a view of the file; what is written to it stays in memory."""
        if not self.log.length:
            return self._recent[: self._held]
        if self._held:
            self.to_file()
        return self.log.table(self.dtype, IN_MEMORY)
