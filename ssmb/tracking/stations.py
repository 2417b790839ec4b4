"""Stations: the places where a turn stops, because something there needs the whole beam at once.

Between two stations the tile loop runs as it always does; the losses of a section are those that the whole turn would have
had. Turns on which nothing is due are tracked many at a time, so that what happens on one turn costs nothing on the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ssmb.beam import Beam


class Stop(Protocol):
    """What a station does with the beam."""

    def next_turn(self, turn: int) -> int | None:
        """First turn >= ``turn`` on which it acts; None if there is none."""

    def act(self, beam: Beam, turn: int) -> None:
        """Do it, with the beam as it is when it arrives on this turn."""


@dataclass(frozen=True)
class Section:
    """Ops up to (not with) ``op_to``, and what is done behind them."""

    op_to: int
    stops: tuple[Stop, ...] = ()


class Stations:
    """The stops of one run, each before the op of a given index, in the order in which they are given at one place."""

    def __init__(self, stops: Sequence[tuple[int, Stop]], op_from: int, op_to: int) -> None:
        self.stops = sorted(stops, key=lambda placed: placed[0])
        self.op_from, self.op_to = op_from, op_to

    def next_turn(self, turn: int) -> int | None:
        """First turn >= ``turn`` on which anything is due."""
        due = (stop.next_turn(turn) for _, stop in self.stops)
        return min((t for t in due if t is not None), default=None)

    def plan(self, turn: int, most: int) -> tuple[int, list[Section]]:
        """How many turns to track from ``turn`` on, at most ``most`` (>= 1), and the sections of each of them.

        Several turns come together where they have one section; its stops, at the end of the turn, belong to the last.
        """
        due = self.next_turn(turn)
        if due is None or due - turn >= most:
            return most, [Section(self.op_to)]
        stops: dict[int, list[Stop]] = {}
        for op, stop in self.stops:
            if stop.next_turn(due) == due:
                stops.setdefault(op, []).append(stop)
        sections = [Section(op, tuple(here)) for op, here in stops.items()]
        if sections[0].op_to == self.op_to:
            return due - turn + 1, sections
        if due > turn:
            return due - turn, [Section(self.op_to)]
        return 1, sections if sections[-1].op_to == self.op_to else [*sections, Section(self.op_to)]


def track_sections(
    sections: Sequence[Section], op_from: int, beam: Beam, last_turn: int, advance: Callable[[int, int], None]
) -> None:
    """Take the beam through the sections of a plan.

    Parameters
    ----------
    advance : tracks the ops from one index to before another.
    last_turn : turn to which the stops belong.
    """
    for section in sections:
        if section.op_to > op_from:
            advance(op_from, section.op_to)
        for stop in section.stops:
            stop.act(beam, last_turn)
        op_from = section.op_to
