"""What can be recorded while a beam is tracked, and what comes out.

Sums over particles are formed in groups of 256 inside the turn loop and combined in the order of the particles, so that
a record does not depend on the number of threads, nor on how the run was cut into pieces.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmb.beam import Beam
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.errors import ConfigError
from ssmb.kernels.engine import BUCKET, BUCKET_NUMBERS, BUNCHING, BUNCHING_NUMBERS, MOMENT_NUMBERS, MOMENTS
from ssmb.quantity import COVARIANCE, PHASE_SPACE, Shown, quantity
from ssmb.ranges import count
from ssmb.tracking.bucket_monitor import BucketMonitor
from ssmb.tracking.driving import Drives
from ssmb.tracking.laser_program import LaserProgram
from ssmb.tracking.stations import Stop

_UPPER = np.triu_indices(6)


def _checked_every(every: int, what: str) -> int:
    if isinstance(every, bool) or not isinstance(every, (int, np.integer)) or every < 1:
        raise ConfigError(f"{what}: every must be a whole number of turns >= 1, got {every!r}")
    return int(every)


@dataclass(frozen=True)
class MomentMonitor:
    """Record particles, charge, means and the covariance matrix at the entrance of an element, on every n-th turn.

    Parameters
    ----------
    at : name of the element; None: the end of each turn.
    every : record turns 0, every, 2 every ... .
    name : key of the record in :attr:`Run.monitors`; by default ``moments`` or ``moments@<at>``.
    """

    at: str | None = None
    every: int = 1
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "every", _checked_every(self.every, "MomentMonitor"))
        object.__setattr__(self, "name", self.name or ("moments" if self.at is None else f"moments@{self.at}"))


@dataclass(frozen=True)
class BunchingMonitor:
    """Record the complex bunching factor b = <exp(-2 pi i z/lambda)> at the entrance of an element on every n-th turn.

    Parameters
    ----------
    at : name of the element; None: the end of each turn.
    wavelengths : wavelengths [m], > 0.
    every, name : as in :class:`MomentMonitor`.
    """

    at: str | None
    wavelengths: Sequence[float]
    every: int = 1
    name: str = ""

    def __post_init__(self) -> None:
        try:
            values = tuple(float(w) for w in np.ravel(np.asarray(self.wavelengths, dtype=float)))
        except (TypeError, ValueError):
            values = ()
        if not values or not all(0.0 < w < np.inf and 1.0 / w < np.inf for w in values):
            raise ConfigError(f"BunchingMonitor: wavelengths must be numbers > 0 [m], got {self.wavelengths!r}")
        object.__setattr__(self, "wavelengths", values)
        object.__setattr__(self, "every", _checked_every(self.every, "BunchingMonitor"))
        object.__setattr__(self, "name", self.name or ("bunching" if self.at is None else f"bunching@{self.at}"))


@dataclass(frozen=True)
class SnapshotMonitor:
    """Keep the whole beam, at the entrance of an element or at the end of a turn, on some turns.

    Parameters
    ----------
    at : name of the element; None: the end of the turn.
    turns : numbers of the turns, counted from 0; None: by ``every``.
    every : keep turns every - 1, 2 every - 1 ..., so that ``every=turns`` keeps the last one; only without ``turns``.
    name : key of the record; by default ``snapshots`` or ``snapshots@<at>``.
    """

    at: str | None = None
    turns: Sequence[int] | None = None
    every: int = 1
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "every", _checked_every(self.every, "SnapshotMonitor"))
        if self.at is not None and not isinstance(self.at, str):
            raise ConfigError(f"SnapshotMonitor: at must be the name of an element, or None, got {self.at!r}")
        if self.turns is not None:
            if self.every != 1:
                raise ConfigError("SnapshotMonitor: give either turns or every, not both")
            if isinstance(self.turns, (str, bytes)) or not hasattr(self.turns, "__iter__"):
                raise ConfigError(f"SnapshotMonitor: turns must be whole numbers >= 0, got {self.turns!r}")
            given = {count("SnapshotMonitor: a turn", turn, at_least=0) for turn in self.turns}
            object.__setattr__(self, "turns", tuple(sorted(given)))
        object.__setattr__(self, "name", self.name or ("snapshots" if self.at is None else f"snapshots@{self.at}"))

    def next_turn(self, turn: int) -> int | None:
        """First turn >= ``turn`` of which the beam is kept; None if there is none."""
        if self.turns is None:
            return turn + self.every - 1 - turn % self.every
        place = bisect_left(self.turns, turn)
        return self.turns[place] if place < len(self.turns) else None


Monitor = MomentMonitor | BunchingMonitor | BucketMonitor | SnapshotMonitor


@dataclass(frozen=True)
class MomentRecord(Shown):
    """Moments against turn."""

    at: str | None = quantity("", "element at whose entrance it is taken; None: the end of each turn")
    turn: np.ndarray = quantity("turn", "turn number, from 0", dims=("turn",))
    particles: np.ndarray = quantity("1", "macroparticles alive", dims=("turn",))
    charge: np.ndarray = quantity("C", "charge of those alive", dims=("turn",))
    mean: np.ndarray = quantity(PHASE_SPACE, "means of x, px, y, py, z, delta", dims=("turn", "coordinate"))
    sigma: np.ndarray = quantity(
        COVARIANCE, "covariance of x, px, y, py, z, delta", dims=("turn", "coordinate", "other_coordinate")
    )

    @property
    def rms(self) -> np.ndarray:
        """(n, 6) standard deviations."""
        return np.sqrt(np.einsum("nii->ni", self.sigma))

    @property
    def projected_emittance(self) -> np.ndarray:
        """(n, 3) projected rms emittances of (x, px), (y, py), (z, delta) [m]."""
        blocks = [self.sigma[:, i : i + 2, i : i + 2] for i in (0, 2, 4)]
        return np.stack([np.sqrt(np.clip(np.linalg.det(b), 0.0, None)) for b in blocks], axis=1)


@dataclass(frozen=True)
class BunchingRecord(Shown):
    """Bunching factors against turn."""

    at: str | None = quantity("", "element at whose entrance it is taken; None: the end of each turn")
    wavelengths: np.ndarray = quantity("m", "wavelengths", dims=("wavelengths",))
    turn: np.ndarray = quantity("turn", "turn number, from 0", dims=("turn",))
    bunching: np.ndarray = quantity(
        "1", "bunching factor <exp(-2 pi i z/lambda)> of the particles alive, complex", dims=("turn", "wavelengths")
    )

    @property
    def magnitude(self) -> np.ndarray:
        """(n, k) |b|."""
        return np.abs(self.bunching)


@dataclass(frozen=True)
class SnapshotRecord:
    """The beam on some turns at one place; ``beams[i]`` belongs to ``turn[i]``."""

    turn: np.ndarray = quantity("turn", "turn on which it is taken, from 0", dims=("turn",))
    beams: tuple[Beam, ...] = quantity("", "beams of these turns")


#: Index of the op before which a row goes, and the row.
OpRow = tuple[int, tuple[int, int, int, int, int]]
#: Index of the op and of the element at whose entrance a name lies; None: the end of the turn.
PlaceOf = Callable[[str | None], tuple[int, int]]


@dataclass(frozen=True)
class _Keeper:
    """Keeps copies of the beam for one monitor."""

    monitor: SnapshotMonitor
    kept: list[tuple[int, Beam]]

    def next_turn(self, turn: int) -> int | None:
        return self.monitor.next_turn(turn)

    def act(self, beam: Beam, turn: int) -> None:
        self.kept.append((turn, beam.copy()))


class Probes:
    """The op rows and buffers of the monitors of one run, and the records as they grow (internal to tracking)."""

    def __init__(self, monitors: Sequence[Monitor]) -> None:
        for m in monitors:
            if not isinstance(m, Monitor):
                raise ConfigError(
                    f"monitors must be Moment-, Bunching-, Bucket- or SnapshotMonitors, got {type(m).__name__}"
                )
        names = [m.name for m in monitors]
        if len(set(names)) != len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise ConfigError(f"two monitors are named '{twice}'; give one of them name=...")
        self.monitors = tuple(monitors)
        self.moments = [m for m in monitors if isinstance(m, MomentMonitor)]
        self.bunching = [m for m in monitors if isinstance(m, BunchingMonitor)]
        self.buckets = [m for m in monitors if isinstance(m, BucketMonitor)]
        self.snapshots = [m for m in monitors if isinstance(m, SnapshotMonitor)]
        self.inverse_wavelengths = np.array([1.0 / w for m in self.bunching for w in m.wavelengths] or [0.0])
        self.rows: dict[str, list[np.ndarray]] = {m.name: [] for m in (*self.moments, *self.bunching, *self.buckets)}
        self.beams: dict[str, list[tuple[int, Beam]]] = {m.name: [] for m in self.snapshots}

    def op_rows(self, place: PlaceOf, drives: Drives, programs: Mapping[str, LaserProgram]) -> list[OpRow]:
        """Rows to insert in the op table, each before the op of the given index.

        Parameters
        ----------
        place : gives the op index and element index of the entrance of an element.
        drives : where the numbers of buckets go.
        programs : what lasers do, for buckets that follow one.
        """
        rows = []
        for slot, m in enumerate(self.moments):
            at, element = place(m.at)
            rows.append((at, (0, slot, m.every, element, MOMENTS)))
        slot = 0
        for m in self.bunching:
            at, element = place(m.at)
            for _ in m.wavelengths:
                rows.append((at, (0, slot, m.every, element, BUNCHING)))
                slot += 1
        for slot, m in enumerate(self.buckets):
            at, element = place(m.at)
            if m.light is not None and m.light not in programs:
                raise ConfigError(
                    f"monitor '{m.name}' follows the light of '{m.light}', which has no LaserProgram in drives; "
                    "light=None is a bucket at rest"
                )
            if m.light is None:
                begin = drives.own_block(m.numbers)
            else:
                begin = drives.add(programs[m.light], m.law, m.numbers, noise=False)
            rows.append((at, (slot, begin, m.every, element, BUCKET)))
        return rows

    def buffers(self, turns: int, blocks: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Zeroed buffers for the partial sums of a piece of a run."""
        k = len(self.inverse_wavelengths) if self.bunching else 0
        return (
            np.zeros((max(1, len(self.moments)), turns, blocks, MOMENT_NUMBERS)),
            np.zeros((max(1, k), turns, blocks, BUNCHING_NUMBERS)),
            np.zeros((max(1, len(self.buckets)), turns, blocks, self._bucket_sums)),
        )

    @property
    def _bucket_sums(self) -> int:
        return max((m.sums for m in self.buckets), default=BUCKET_NUMBERS)

    def doubles_per_turn(self, blocks: int) -> int:
        """Size of the buffers of one turn."""
        buckets = self._bucket_sums * max(1, len(self.buckets))
        return blocks * (
            MOMENT_NUMBERS * len(self.moments) + BUNCHING_NUMBERS * len(self.inverse_wavelengths) + buckets
        )

    def collect(self, first_turn: int, moments: np.ndarray, bunching: np.ndarray, buckets: np.ndarray) -> None:
        """Combine the partial sums of a piece of a run, block by block, and keep the turns that are asked for."""
        turns = np.arange(first_turn, first_turn + moments.shape[1])

        def keep(
            m: MomentMonitor | BunchingMonitor | BucketMonitor, values: Callable[[np.ndarray], np.ndarray]
        ) -> None:
            due = turns % m.every == 0
            if due.any():
                self.rows[m.name].append(np.column_stack((turns[due], values(due))))

        for slot, m in enumerate(self.moments):
            keep(m, lambda due, slot=slot: _combined_moments(moments[slot][due]))
        slot = 0
        for m in self.bunching:
            slots = range(slot, slot + len(m.wavelengths))
            keep(m, lambda due, slots=slots: np.column_stack([_combined_bunching(bunching[i][due]) for i in slots]))
            slot += len(m.wavelengths)
        for slot, m in enumerate(self.buckets):
            keep(m, lambda due, slot=slot, m=m: m.combined(buckets[slot][due][:, :, : m.sums]))

    def stops(self, place: PlaceOf) -> list[tuple[int, Stop]]:
        """The snapshots: index of the op before which each is taken, and what takes it."""
        return [(place(m.at)[0], _Keeper(m, self.beams[m.name])) for m in self.snapshots]

    def forget_after(self, turn: int) -> None:
        """Drop all records of later turns."""
        for kept in self.rows.values():
            kept[:] = [rows[rows[:, 0] <= turn] for rows in kept]
        for beams in self.beams.values():
            beams[:] = [(t, beam) for t, beam in beams if t <= turn]

    def records(self) -> dict[str, Any]:
        """Return the finished records by name."""
        out: dict[str, Any] = {}
        for m in self.monitors:
            if isinstance(m, SnapshotMonitor):
                kept = self.beams[m.name]
                out[m.name] = SnapshotRecord(np.array([t for t, _ in kept], dtype=np.int64), tuple(b for _, b in kept))
                continue
            table = np.concatenate(self.rows[m.name]) if self.rows[m.name] else np.zeros((0, 1 + _columns(m)))
            turn = table[:, 0].astype(np.int64)
            if isinstance(m, BucketMonitor):
                out[m.name] = m.record(turn, table[:, 1:])
            elif isinstance(m, MomentMonitor):
                sigma = np.zeros((len(turn), 6, 6))
                sigma[:, _UPPER[0], _UPPER[1]] = table[:, 9:]
                sigma[:, _UPPER[1], _UPPER[0]] = table[:, 9:]
                charge = table[:, 2] * ELEMENTARY_CHARGE
                out[m.name] = MomentRecord(m.at, turn, table[:, 1].astype(np.int64), charge, table[:, 3:9], sigma)
            else:
                values = table[:, 1::2] + 1j * table[:, 2::2]
                out[m.name] = BunchingRecord(m.at, np.array(m.wavelengths), turn, values)
        return out


def _columns(m: MomentMonitor | BunchingMonitor | BucketMonitor) -> int:
    """Numbers that a monitor keeps of one turn."""
    if isinstance(m, BucketMonitor):
        return m.columns
    return MOMENT_NUMBERS if isinstance(m, MomentMonitor) else 2 * len(m.wavelengths)


def _combined_bunching(parts: np.ndarray) -> np.ndarray:
    """Combine block sums (turns, blocks, 3) to the real and imaginary part of b (turns, 2)."""
    total = _sum_blocks(parts)
    return total[:, 1:] / np.where(total[:, :1] > 0.0, total[:, :1], 1.0)


def _sum_blocks(parts: np.ndarray) -> np.ndarray:
    """Sum (turns, blocks, k) over blocks, in the order of the blocks."""
    total = np.zeros((parts.shape[0], parts.shape[2]))
    for b in range(parts.shape[1]):
        total += parts[:, b]
    return total


def _combined_moments(parts: np.ndarray) -> np.ndarray:
    """Combine block moments (turns, blocks, 29) to particles, weight, means and covariances (turns, 29)."""
    out = np.zeros((parts.shape[0], parts.shape[2]))
    out[:, :2] = _sum_blocks(parts[:, :, :2])
    weight = np.where(out[:, 1] > 0.0, out[:, 1], 1.0)[:, None]
    for b in range(parts.shape[1]):
        out[:, 2:8] += parts[:, b, 1:2] * parts[:, b, 2:8]
    out[:, 2:8] /= weight
    i, j = _UPPER
    for b in range(parts.shape[1]):
        shift = parts[:, b, 2:8] - out[:, 2:8]
        out[:, 8:] += parts[:, b, 8:] + parts[:, b, 1:2] * (shift[:, i] * shift[:, j])
    out[:, 8:] /= weight
    return out
