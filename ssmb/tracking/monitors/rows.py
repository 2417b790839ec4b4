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
        self._recent: list[np.ndarray] = []
        self._held = 0  # rows in memory, behind those of the file

    def __len__(self) -> int:
        return self.log.length // self.dtype.itemsize + self._held

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
            self.to_file()

    def to_file(self) -> None:
        """Write what is in memory to the file."""
        if self._held:
            self.log.append(self._recent)
        self._recent, self._held = [], 0

    def keep(self, n: int) -> None:
        """Keep the first n rows, drop those behind them."""
        left = max(0, n - self.log.length // self.dtype.itemsize)
        self.log.cut(n * self.dtype.itemsize)
        kept = []
        for rows in self._recent:
            kept.append(rows[:left])
            left -= len(kept[-1])
        self._recent, self._held = kept, sum(len(rows) for rows in kept)

    def table(self) -> np.ndarray:
        """All rows (n,): an array, or a view of the file; what is written to it stays in memory."""
        if not self.log.length:
            self._recent = [np.concatenate(self._recent)] if self._recent else [np.empty(0, self.dtype)]
            return self._recent[0]
        if self._held:
            self.to_file()
        return self.log.table(self.dtype, IN_MEMORY)
