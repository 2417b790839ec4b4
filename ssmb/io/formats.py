"""What a lattice format is, the registry, and what a reading reports.

To add one, write one file in this folder: a subclass of :class:`LatticeFormat` with its name and the ends of its file
names. ``ssmb.load_lattice``, ``ssmb check``, ``optics``, ``plot`` and run files find it by the name of the file.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ssmb.arguments import checked
from ssmb.errors import LatticeError, Where, nearest
from ssmb.lattice import Lattice
from ssmb.text import table

#: Bytes of a file in which its format is looked for.
_HEAD = 65536
#: Formats by name.
FORMATS: dict[str, LatticeFormat] = {}


@dataclass(frozen=True)
class Change:
    """What became of one attribute of a foreign file.

    Parameters
    ----------
    element : name of the element in the lattice; empty for what belongs to the whole file.
    attribute : as the file calls it.
    outcome : ``kept``, ``changed`` (there, but not with the meaning that the file gives it) or ``dropped``.
    words : what it is now, or why not.
    """

    element: str
    attribute: str
    outcome: str
    words: str = ""


@checked
@dataclass(frozen=True)
class ImportReport:
    """What was kept, changed and dropped when a lattice of another code was read: every attribute of the file."""

    format: str
    changes: tuple[Change, ...] = ()

    def of(self, outcome: str) -> tuple[Change, ...]:
        """Return the attributes of one outcome."""
        return tuple(c for c in self.changes if c.outcome == outcome)

    @property
    def told(self) -> tuple[Change, ...]:
        """What was dropped and changed, and what was kept with a word."""
        return (*self.of("dropped"), *self.of("changed"), *(c for c in self.of("kept") if c.words))

    def text(self) -> str:
        """Return a table of all that is to be told, equal things in one row, after one line of counts."""
        counts = ", ".join(f"{len(self.of(outcome))} {outcome}" for outcome in ("kept", "changed", "dropped"))
        rows: dict[tuple[str, str, str], list[str]] = {}
        for c in self.told:
            rows.setdefault((c.outcome, c.attribute, c.words), []).append(c.element or "the file")
        shown = [
            (outcome, attribute, names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more", words)
            for (outcome, attribute, words), names in rows.items()
        ]
        head = f"{self.format}: attributes {counts}"
        return "\n\n".join([head, table(("", "attribute", "element", "what"), shown)]) if shown else head

    def as_dict(self) -> dict[str, Any]:
        """Return counts, and what is to be told, for ``--json``."""
        return {
            "format": self.format,
            "kept": len(self.of("kept")),
            "changes": [
                {"element": c.element, "attribute": c.attribute, "outcome": c.outcome, "words": c.words}
                for c in self.told
            ],
        }


@dataclass(frozen=True)
class ReadLattice:
    """A lattice and the report of its reading."""

    lattice: Lattice
    report: ImportReport


class LatticeFormat(ABC):
    """Lattices in the files of one code; `name` and `suffixes` stand in the class line."""

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls, *, name: str, suffixes: tuple[str, ...]) -> None:
        if name in FORMATS:
            raise ValueError(f"lattice format '{name}' is registered twice")
        cls.name, cls.suffixes = name, suffixes
        FORMATS[name] = cls()

    @abstractmethod
    def read(self, path: str | os.PathLike[str]) -> ReadLattice:
        """Read a file; LatticeError with a place where it makes no sense."""

    @classmethod
    @abstractmethod
    def examples(cls) -> list[tuple[str, Lattice]]:
        """Texts of files and the lattices that they hold, written by hand: the contract compares them."""


@checked
def is_lattice_name(path: str | os.PathLike[str]) -> bool:
    """Whether a format has files of this name."""
    return any(os.fspath(path).lower().endswith(one.suffixes) for one in FORMATS.values())


@checked
def format_of(path: str | os.PathLike[str]) -> LatticeFormat:
    """Return the format of a file, by the end of its name; PALS may have any.

    Raises
    ------
    LatticeError
        If no format has files of this name.
    """
    name = os.fspath(path)
    for one in FORMATS.values():
        if str(name).lower().endswith(one.suffixes):
            return one
    if not Path(name).is_file():
        return FORMATS["PALS"]  # whose reader says what is there instead
    with suppress(OSError), open(name, "rb") as file:
        if b"PALS:" in file.read(_HEAD):
            return FORMATS["PALS"]
    known = "; ".join(f"{one.name} ({', '.join(one.suffixes)})" for one in FORMATS.values())
    suffix = os.path.splitext(str(name))[1]
    hint = nearest(suffix, [s for one in FORMATS.values() for s in one.suffixes])
    raise LatticeError(f"no lattice format has files that end in '{suffix}'; known: {known}.{hint}", Where(str(name)))


@dataclass
class Entry:
    """The attributes of one element of a foreign file; each must be taken, and what is not is dropped.

    Parameters
    ----------
    element : name for the report.
    values : attributes.
    where : place, for errors.
    """

    element: str
    values: Mapping[str, Any]
    where: Where
    changes: list[Change] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)

    def take(self, attribute: str, default: Any = None) -> Any:
        """Return an attribute, which is kept."""
        if attribute in self.values and attribute not in self._taken:
            self._note(attribute, "kept")
        return self.values.get(attribute, default)

    def number(self, attribute: str, default: float = 0.0) -> float:
        """Return a number, which is kept."""
        return self._number(attribute, self.take(attribute, default))

    def numbers(self, attribute: str) -> list[float]:
        """Return a row of numbers, which is kept; empty if there is none."""
        value = self.take(attribute, ())
        if not isinstance(value, Iterable) or isinstance(value, (str, Mapping)):
            value = (value,)
        return [self._number(attribute, item) for item in value]

    def keep(self, attribute: str, words: str) -> None:
        """Say how an attribute, if it is there, is kept."""
        self._say(attribute, "kept", words)

    def change(self, attribute: str, words: str) -> None:
        """Say that an attribute, if it is there, is not what the file means by it."""
        self._say(attribute, "changed", words)

    def drop(self, attribute: str, words: str) -> None:
        """Say that an attribute, if it is there, has no effect."""
        self._say(attribute, "dropped", words)

    def finish(self, words: str = "no counterpart") -> list[Change]:
        """Drop what was not taken and says something, for a reason; return all changes."""
        for attribute, value in self.values.items():
            if attribute not in self._taken:
                self._note(attribute, "dropped" if _says(value) else "kept", words if _says(value) else "")
        return self.changes

    def error(self, words: str) -> LatticeError:
        """Return an error that names the element."""
        return LatticeError(f"element '{self.element}': {words}", self.where)

    def _say(self, attribute: str, outcome: str, words: str) -> None:
        if attribute in self.values:
            self.changes[:] = [c for c in self.changes if c.attribute != attribute]
            self._note(attribute, outcome, words)

    def _note(self, attribute: str, outcome: str, words: str = "") -> None:
        self._taken.add(attribute)
        self.changes.append(Change(self.element, attribute, outcome, words))

    def _number(self, attribute: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e40:
            raise self.error(f"{attribute} must be a finite number, got {str(value)[:40]!r}")
        return float(value)


def _says(value: Any) -> bool:
    """Whether a value is more than zero, empty or an identity matrix."""
    if isinstance(value, (list, tuple)):
        rows = [row for row in value if isinstance(row, (list, tuple))]
        if rows and len(rows) == len(value) and all(len(row) == len(rows) for row in rows):
            return any(x != (i == j) for i, row in enumerate(rows) for j, x in enumerate(row))
        return any(_says(item) for item in value)
    return value not in (0, 0.0, "", None, False)
