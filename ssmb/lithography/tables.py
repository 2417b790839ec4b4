"""The fact tables (CSV) of the room."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, TypeVar, cast

from ssmb import units
from ssmb.errors import ConfigError
from ssmb.quantity import hints_of
from ssmb.ranges import choice

T = TypeVar("T")

TABLES = (
    "euv_sources", "scanners", "nodes", "chips", "chip_extra_dies", "clusters", "demand", "features",
    "multilayer_references",
)  # fmt: skip
STATUS_MEANING = MappingProxyType(
    {
        "seen": "read in the named source",
        "memory": "from memory, not verified",
        "brief": "taken from one of five unrefereed web articles that describe the project (brief article 0-4)",
        "assumption": "a choice of this package",
        "derived": "computed from other rows",
    }
)
STATUSES = tuple(STATUS_MEANING)
#: unit at the end of the name of a column -> in SI, longer ones first
_UNITS = {
    "_mJ_cm2": units.MILLIJOULE_PER_CM2, "_per_cm2": units.PER_SQUARE_CENTIMETRE, "_percent": 0.01,
    "_TFLOPS": units.TERAFLOPS, "_GB_s": 1e9, "_GB": 1e9, "_G": 1e9, "_mm2": units.SQUARE_MILLIMETRE, "_mm": 1e-3,
    "_nm": units.NANOMETRE, "_kHz": 1e3, "_MW": units.MEGAWATT,
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One row of a fact table: text cells by column name, empty text for what is not known."""

    table: str
    key: str
    cells: Mapping[str, str] = field(repr=False)

    def text(self, column: str) -> str:
        """Cell as text."""
        return self.cells[column]

    def number(self, column: str) -> float | None:
        """Cell as a number [unit in the column name], ``None`` where it is not known."""
        cell = self.cells[column]
        return float(cell) if cell else None

    def si(self, column: str) -> float | None:
        """Cell as a number in SI, by the unit at the end of the name of its column."""
        return self.needed(column) * _unit(column) if self.cells[column] else None

    def needed(self, column: str) -> float:
        """Cell as a number; a :class:`ConfigError` if it is not known."""
        value = self.number(column)
        if value is None:
            raise ConfigError(
                f"{column} of '{self.key}' is not known (empty cell in {self.table}.csv). Give the value as an "
                f"argument."
            )
        return value

    def record(self, kind: type[T], columns: Mapping[str, str] | None = None, /, **own: Any) -> T:
        """Return the row as a dataclass, in SI.

        Parameters
        ----------
        kind : the class.
        columns : field -> column, where their names differ.
        own : fields that are no cell.
        """
        hints, at = hints_of(kind), {"unverified": "unverified_fields"} | dict(columns or {})
        read: dict[Any, Callable[[str], Any]] = {
            str: self.text,
            int: lambda column: int(self.needed(column)),
            float: lambda column: self.needed(column) * _unit(column),
            tuple[str, ...]: lambda column: tuple(self.text(column).split()),
        }
        names = [f.name for f in fields(cast(Any, kind)) if f.name not in own]
        return kind(**own, **{name: read.get(hints[name], self.si)(at.get(name, name)) for name in names})


@cache
def fact_rows(table: str) -> tuple[Row, ...]:
    """All rows of one fact table, in file order.

    >>> fact_rows("nodes")[0].text("node_id")
    '14nm'
    """
    choice("table", table, TABLES)
    records = list(_read(table))
    key = next(iter(records[0]))
    if table == "scanners":
        key = "point_id"
    return tuple(Row(table, r[key], MappingProxyType(r)) for r in records)


def fact_row(table: str, key: str) -> Row:
    """The row of `key` (first column); an unknown key raises :class:`ConfigError` with the nearest match."""
    singular = {"euv_sources": "source", "scanners": "scanner point", "nodes": "node", "chips": "chip"}
    rows = _by_key(table)
    return rows[in_any_case(singular.get(table, table), key, rows)]


def _unit(column: str) -> float:
    return next((unit for end, unit in _UNITS.items() if column.endswith(end)), 1.0)


def in_any_case(what: str, name: str, allowed: Iterable[str]) -> str:
    """Return the allowed name that differs from `name` by no more than its capitals, or raise :class:`ConfigError`."""
    spelled = {k.lower(): k for k in allowed}
    return choice(what, spelled.get(str(name).lower(), name), spelled.values())


@cache
def _by_key(table: str) -> Mapping[str, Row]:
    return MappingProxyType({r.key: r for r in fact_rows(table)})


def _read(table: str) -> Iterator[dict[str, str]]:
    text = files("ssmb.lithography").joinpath("data", f"{table}.csv").read_text(encoding="utf-8")
    for record in csv.DictReader(io.StringIO(text)):
        yield {k: (v or "").strip() for k, v in record.items()}
