"""Whole beams at chosen places and turns."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmb.beam import Beam
from ssmb.errors import ConfigError
from ssmb.quantity import quantity
from ssmb.ranges import count
from ssmb.tracking.monitors.base import KeepingMonitor, checked_every, monitor


@dataclass(frozen=True)
class SnapshotRecord:
    """The beam on some turns at one place; ``beams[i]`` belongs to ``turn[i]``."""

    turn: np.ndarray = quantity("turn", "turn on which it is taken, from 0", dims=("turn",))
    beams: tuple[Beam, ...] = quantity("", "beams of these turns")


@monitor("snapshots")
class SnapshotMonitor(KeepingMonitor):
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
        object.__setattr__(self, "every", checked_every(self.every, "SnapshotMonitor"))
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

    @classmethod
    def examples(cls, at: str, light: str) -> list[Any]:
        return [cls(at, every=2)]

    def next_turn(self, turn: int) -> int | None:
        """First turn >= ``turn`` of which the beam is kept; None if there is none."""
        if self.turns is None:
            return turn + self.every - 1 - turn % self.every
        place = bisect_left(self.turns, turn)
        return self.turns[place] if place < len(self.turns) else None

    def record_of(self, turn: np.ndarray, beams: tuple[Beam, ...]) -> SnapshotRecord:
        return SnapshotRecord(turn, beams)
