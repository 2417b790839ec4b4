"""Whole beams at chosen places and turns."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam
from ssmb.errors import ConfigError
from ssmb.quantity import quantity
from ssmb.tracking.monitors.base import KeepingMonitor, every_field, monitor, place_field
from ssmb.tracking.monitors.record import Record


@dataclass(frozen=True)
class SnapshotRecord(Record):
    """The beam on some turns at one place; ``beams[i]`` belongs to ``turn[i]``."""

    turn: np.ndarray = quantity("turn", "turn on which it is taken, from 0", dims=("turn",))
    beams: tuple[Beam, ...] = quantity("", "beams of these turns")


@checked
@monitor("snapshots", SnapshotRecord)
class SnapshotMonitor(KeepingMonitor):
    """Keep the whole beam, at the entrance of an element or at the end of a turn, on some turns.

    Parameters
    ----------
    at : name of the element; None: the end of the turn.
    turns : numbers of the turns, counted from 0; None: by ``every``.
    every : keep turns every - 1, 2 every - 1 ..., so that ``every=turns`` keeps the last one; only without ``turns``.
    name : key of the record; by default ``snapshots`` or ``snapshots@<at>``.
    """

    at: str | None = place_field(default=None)
    turns: Sequence[int] | None = quantity(
        "turn", "turns of which it is kept, instead of every", default=None, minimum=0, maximum=10**12
    )
    every: int = every_field("turns every - 1, 2 every - 1 ... are kept")
    name: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.turns is not None:
            if self.every != 1:
                raise ConfigError("SnapshotMonitor: give either turns or every, not both")
            object.__setattr__(self, "turns", tuple(sorted(set(self.turns))))

    @classmethod
    def examples(cls, at: str, light: str) -> list[Any]:
        return [cls(at, every=2)]

    def next_turn(self, turn: int) -> int | None:
        """First turn >= ``turn`` of which the beam is kept; None if there is none."""
        if self.turns is None:
            return turn + self.every - 1 - turn % self.every
        place = bisect_left(self.turns, turn)
        return self.turns[place] if place < len(self.turns) else None

    def kept(self, first_turn: int, turns: int) -> int:
        """Number of beams that are kept of a run."""
        last = first_turn + turns
        if self.turns is None:
            return last // self.every - first_turn // self.every
        return bisect_left(self.turns, last) - bisect_left(self.turns, first_turn)

    def record_of(self, turn: np.ndarray, beams: tuple[Beam, ...]) -> SnapshotRecord:
        return SnapshotRecord(turn, beams)


def beam_at(at: str, turn: int, name: str) -> SnapshotMonitor:
    """The monitor that keeps the beam of one turn at the entrance of an element."""
    return SnapshotMonitor(at, turns=[turn], name=name)
