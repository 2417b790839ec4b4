"""The plain table that comparisons return and the command line prints."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Rows with named, unit-bearing columns; what every comparison returns and the command line prints.

    Parameters
    ----------
    title : one line above the table.
    headers : column names, the unit in the name.
    rows : cells; ``None`` stands for not known.
    notes : lines below the table.
    """

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    notes: tuple[str, ...] = ()

    def records(self) -> list[dict[str, object]]:
        """One dictionary per row."""
        return [dict(zip(self.headers, row, strict=True)) for row in self.rows]

    def to_csv(self) -> str:
        """The rows as CSV text; unknown cells are empty."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.headers)
        writer.writerows([["" if c is None else c for c in row] for row in self.rows])
        return out.getvalue()

    def __str__(self) -> str:
        cells = [[_shown(c) for c in row] for row in self.rows]
        widths = [max(len(h), *(len(r[i]) for r in cells), 1) if cells else len(h) for i, h in enumerate(self.headers)]
        numeric = [
            any(isinstance(r[i], (int, float)) for r in self.rows)
            and all(r[i] is None or isinstance(r[i], (int, float)) for r in self.rows)
            for i in range(len(self.headers))
        ]

        def line(row: Sequence[str]) -> str:
            parts = [c.rjust(w) if n else c.ljust(w) for c, w, n in zip(row, widths, numeric, strict=True)]
            return "  ".join(parts).rstrip()

        body = [line(self.headers), "  ".join("-" * w for w in widths), *(line(r) for r in cells)]
        return "\n".join([self.title, *body, *self.notes])


def _shown(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        if cell == int(cell) and abs(cell) < 1e4:
            return str(int(cell))
        if 1e4 <= abs(cell) < 1e10:
            # Four significant digits, thousands set apart: 2 806 000 is read faster than 2.806e+06.
            return f"{float(f'{cell:.4g}'):,.0f}".replace(",", " ")
        return f"{cell:.3g}" if 1e-3 <= abs(cell) < 1e3 else f"{cell:.4g}"
    return str(cell)
