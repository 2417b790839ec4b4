"""What a monitor is, and the monitors of one run.

To add one, write one file in this folder: what it sums (:func:`~ssmb.kernels.block_sums.block_sum`), its record (a
frozen dataclass of quantities, a :class:`~ssmb.tracking.monitors.record.Record` that tells its numbers, table and
curves), and the monitor itself under :func:`monitor`. The quantities of the monitor are its keys in a run file. Sums
over particles are formed in groups of 256 inside the turn loop and combined in the order of the particles, so that a
record does not depend on the number of threads, nor on how the run was cut into pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar, dataclass_transform

import numpy as np

from ssmb.beam import Beam
from ssmb.buckets import MicroBucket
from ssmb.costs import check_cost
from ssmb.errors import ConfigError
from ssmb.kernels.block_sums import BlockSum, sum_table
from ssmb.kernels.drives import Drive
from ssmb.kernels.engine import SUM
from ssmb.quantity import check_quantities, quantity
from ssmb.ranges import several
from ssmb.tracking.driving import Drives
from ssmb.tracking.laser_program import LaserProgram
from ssmb.tracking.monitors.record import Record
from ssmb.tracking.monitors.rows import Rows
from ssmb.tracking.stations import Stop

#: Monitors by kind.
MONITORS: dict[str, type[Monitor]] = {}
_M = TypeVar("_M", bound="type[Monitor]")

#: Index of the op before which a row goes, and the row.
OpRow = tuple[int, tuple[int, int, int, int, int]]
#: Index of the op and of the element at whose entrance a name lies; None: the end of the turn.
PlaceOf = Callable[[str | None], tuple[int, int]]


def place_field(**options: Any) -> Any:
    """The field ``at`` of a monitor."""
    return quantity("", "element at whose entrance it is taken; without it the end of the turn", **options)


def every_field(doc: str = "turns 0, every, 2 every ... are recorded") -> Any:
    """The field ``every`` of a monitor."""
    return quantity("turn", doc, default=1, minimum=1, maximum=10_000_000)


@dataclass_transform(frozen_default=True, field_specifiers=(quantity, place_field))
def monitor(kind: str, record: type[Record]) -> Callable[[_M], _M]:
    """Register a class as the monitor of this kind, freeze it, and tell its record what kind it is of."""

    def register(cls: _M) -> _M:
        made = dataclass(frozen=True)(cls)
        made.kind = record.kind = kind
        made.record_class = record
        if kind in MONITORS:
            raise ValueError(f"monitor '{kind}' is registered twice")
        MONITORS[kind] = made
        return made

    return register


class RunAround(Protocol):
    """What a run has for its monitors."""

    def micro_bucket(self) -> MicroBucket:
        """The bucket that its laser and its ring make."""
        ...

    def moving_light(self) -> str | None:
        """Element whose LaserProgram moves the bucket; None if it rests."""
        ...


class Monitor:
    """Base of all monitors; fields ``at`` (element, or None: the end of the turn), ``every`` and ``name`` come with
    each. Fields that are quantities are keys of a run file, the others come :meth:`from_run`.
    """

    kind: ClassVar[str] = ""
    record_class: ClassVar[type[Record]]
    #: why a run file with it needs a laser; empty if it needs none
    needs_laser: ClassVar[str] = ""
    at: str | None
    every: int
    name: str

    def __post_init__(self) -> None:
        check_quantities(self)
        if not isinstance(self.name, str):
            raise ConfigError(f"{type(self).__name__}.name must be a text, got {self.name!r}")
        object.__setattr__(self, "name", self.name or (self.kind if self.at is None else f"{self.kind}@{self.at}"))

    @classmethod
    def examples(cls, at: str, light: str) -> list[Any]:
        """Members for the contract, every 2 turns at the entrance of an element; `light` names an element with a
        laser.
        """
        raise NotImplementedError

    @classmethod
    def from_run(cls, run: RunAround) -> dict[str, Any]:
        """Fields that no run file says because the run has them."""
        return {}


@dataclass(frozen=True)
class SumRow:
    """One sum of a monitor: which, its packed numbers, how many numbers it gives, and by which law the light moves
    them.
    """

    sum: BlockSum
    p: tuple[float, ...]
    numbers: int
    law: Callable[[tuple[float, ...], Drive], dict[int, np.ndarray]] | None = None
    light: str | None = None


class SumMonitor(Monitor):
    """Base of the monitors that sum over particles inside the turn loop, on turns 0, every, 2 every ..."""

    @property
    def row(self) -> np.dtype:
        """Structured type of what is kept of one turn, in the form and unit of the record."""
        raise NotImplementedError

    def sums(self) -> list[SumRow]:
        """The sums that it needs; their numbers stand side by side."""
        raise NotImplementedError

    def combined(self, parts: np.ndarray) -> np.ndarray:
        """Combine the sums of groups (turns, groups, numbers) to rows (turns,), in the order of the groups."""
        raise NotImplementedError

    def record(self, turn: np.ndarray, rows: np.ndarray) -> Any:
        """Make the record of turns (n,) and rows (n,) as views: of a long run, the rows lie in a file."""
        raise NotImplementedError


#: Memory that a kept particle takes [B].
_BYTES_OF_A_PARTICLE = 84.0


class KeepingMonitor(Monitor):
    """Base of the monitors that stop the turn and keep whole beams."""

    def next_turn(self, turn: int) -> int | None:
        """First turn >= ``turn`` of which the beam is kept; None if there is none."""
        raise NotImplementedError

    def kept(self, first_turn: int, turns: int) -> int:
        """Number of beams that are kept of a run."""
        raise NotImplementedError

    def record_of(self, turn: np.ndarray, beams: tuple[Beam, ...]) -> Any:
        """Make the record of turns (n,) and n beams."""
        raise NotImplementedError


@dataclass(frozen=True)
class _Keeper:
    """Keeps copies of the beam for one monitor."""

    monitor: KeepingMonitor
    kept: list[tuple[int, Beam]]

    def next_turn(self, turn: int) -> int | None:
        return self.monitor.next_turn(turn)

    def act(self, beam: Beam, turn: int) -> None:
        self.kept.append((turn, beam.copy()))


class Probes:
    """The op rows and the buffer of the monitors of one run, and the records as they grow (internal to tracking)."""

    def __init__(self, monitors: Sequence[Monitor], first_turn: int = 0) -> None:
        kinds = ", ".join(cls.__name__ for cls in MONITORS.values())
        monitors = several("monitors", monitors, f"monitors ({kinds})")
        for m in monitors:
            if not isinstance(m, Monitor):
                raise ConfigError(f"monitors must be of {kinds}, got {type(m).__name__} {m!r}")
        names = [m.name for m in monitors]
        if len(set(names)) != len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise ConfigError(f"two monitors are named '{twice}'; give one of them name=...")
        self.monitors = monitors
        self.summing = [m for m in monitors if isinstance(m, SumMonitor)]
        self.keeping = [m for m in monitors if isinstance(m, KeepingMonitor)]
        self.first_turn = first_turn
        self.rows = {m.name: Rows(m.row) for m in self.summing}
        self.beams: dict[str, list[tuple[int, Beam]]] = {m.name: [] for m in self.keeping}
        self.sums = {m.name: m.sums() for m in self.summing}
        widths = [sum(row.numbers for row in self.sums[m.name]) for m in self.summing]
        ends = np.cumsum([0, *widths]).tolist()
        self.columns = {m.name: slice(ends[i], ends[i + 1]) for i, m in enumerate(self.summing)}
        self.width: int = ends[-1]  # numbers of one group of particles on one turn

    def sum_table(self) -> np.ndarray:
        """Addresses of the sums for the turn loop."""
        return sum_table(row.sum.index for rows in self.sums.values() for row in rows)

    def op_rows(self, place: PlaceOf, drives: Drives, programs: Mapping[str, LaserProgram]) -> list[OpRow]:
        """Rows to insert in the op table, each before the op of the given index.

        Parameters
        ----------
        place : gives the op index and element index of the entrance of an element.
        drives : where the packed numbers go.
        programs : what lasers do, for sums that follow one.
        """
        rows = []
        for m in self.summing:
            at, element = place(m.at)
            first = self.columns[m.name].start
            for row in self.sums[m.name]:
                head = (float(first), float(row.numbers))
                begin = _packed(m, row, head, drives, programs)
                rows.append((at, (row.sum.index, begin, m.every, element, SUM)))
                first += row.numbers
        return rows

    def buffer(self, turns: int, blocks: int) -> np.ndarray:
        """Zeroed buffer for the sums of a piece of a run."""
        return np.zeros((turns, blocks, self.width)) if self.width else np.zeros((1, 1, 1))

    def check_memory(self, first_turn: int, turns: int, particles: int) -> None:
        """Refuse more kept beams than memory takes, unless that is meant; rows of numbers lie in files."""
        for m in self.keeping:
            beams = m.kept(first_turn, turns)
            words = f"{m.name}: {beams} beams of {particles} particles"
            check_cost(words, memory=_BYTES_OF_A_PARTICLE * beams * particles, instead="keep the beam on fewer turns")

    def doubles_per_turn(self, blocks: int) -> int:
        """Size of the buffer of one turn."""
        return max(1, blocks * self.width)

    def collect(self, first_turn: int, turns: int, sums: np.ndarray) -> None:
        """Combine the sums of a piece of a run, group by group, and keep the turns that are asked for."""
        turn = np.arange(first_turn, first_turn + turns)
        for m in self.summing:
            due = turn % m.every == 0
            if due.any():
                self.rows[m.name].append(m.combined(sums[due, :, self.columns[m.name]]))

    def stops(self, place: PlaceOf) -> list[tuple[int, Stop]]:
        """The beams that are kept: index of the op before which each is taken, and what takes it."""
        return [(place(m.at)[0], _Keeper(m, self.beams[m.name])) for m in self.keeping]

    def forget_after(self, turn: int) -> None:
        """Drop all records of later turns."""
        for m in self.summing:
            self.rows[m.name].keep(len(range(self._first_due(m), turn + 1, m.every)))
        for beams in self.beams.values():
            beams[:] = [(t, beam) for t, beam in beams if t <= turn]

    def records(self) -> dict[str, Any]:
        """Return the finished records by name."""
        out: dict[str, Any] = {}
        for m in self.monitors:
            if isinstance(m, KeepingMonitor):
                kept = self.beams[m.name]
                out[m.name] = m.record_of(np.array([t for t, _ in kept], dtype=np.int64), tuple(b for _, b in kept))
            elif isinstance(m, SumMonitor):
                rows = self.rows[m.name].table()
                turn = self._first_due(m) + m.every * np.arange(len(rows), dtype=np.int64)
                out[m.name] = m.record(turn, rows)
        return out

    def _first_due(self, m: SumMonitor) -> int:
        """First turn of which a monitor has a row."""
        return -(-self.first_turn // m.every) * m.every


def _packed(
    m: SumMonitor, row: SumRow, head: tuple[float, float], drives: Drives, programs: Mapping[str, LaserProgram]
) -> int:
    """Pack the numbers of a sum, behind the place of its results; return where they begin."""
    if row.light is None or row.law is None:
        return drives.own_block((*head, *row.p))
    if not isinstance(row.light, str) or row.light not in programs:
        raise ConfigError(
            f"monitor '{m.name}' follows the light of '{row.light}', which has no LaserProgram in drives; "
            "light=None is a bucket at rest"
        )
    law, skip = row.law, len(head)

    def moved(p: tuple[float, ...], drive: Drive) -> dict[int, np.ndarray]:
        return {skip + i: values for i, values in law(p[skip:], drive).items()}

    return drives.add(programs[row.light], moved, (*head, *row.p), noise=False)


def sum_blocks(parts: np.ndarray) -> np.ndarray:
    """Sum (turns, blocks, k) over blocks, in the order of the blocks, which the sums of numpy do not promise."""
    if not parts.shape[1]:
        return np.zeros((parts.shape[0], parts.shape[2]))
    return np.cumsum(parts, axis=1)[:, -1]
