"""Stations: the places where a turn stops, because something there needs the whole beam at once.

Between two stations the tile loop runs as it always does; the losses of a section are those that the whole turn would
have had. Turns on which nothing is due are tracked many at a time, so that what happens on one turn costs nothing on
the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ssmb.beam import Beam
from ssmb.beam.kick_statistics import KickStatistics, kick_statistics
from ssmb.errors import ConfigError
from ssmb.lattice.bends import BendPiece, bends_of
from ssmb.lattice.program import Program
from ssmb.quantity import quantity
from ssmb.ranges import several

#: Most places of a spacing in one turn.
_MOST_PLACES = 1_000_000


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


@dataclass(frozen=True)
class Place:
    """Where an effect acts.

    Attributes
    ----------
    element : index of the element at whose entrance it acts.
    name, s : its name, and its place along the turn [m].
    share : part of the effect of one turn that acts here [1]; 1 at elements that are named.
    length : length of the turn [m].
    bend : the bend that the element is, or of which it is a piece, if it was named and bends.
    """

    element: int
    name: str
    s: float
    share: float = 1.0
    length: float = 0.0
    bend: BendPiece | None = None


def places(program: Program, at: Sequence[str] | float) -> list[Place]:
    """Where a beam stops: at the elements named, each once, or at the entrances next to an even spacing.

    Parameters
    ----------
    at : names of elements, patterns of them (see :meth:`ssmb.lattice.Lattice.find`; "Bend::*" are all bends), or a
        spacing [m] > 0. Of a spacing, the entrance next to each of spacing, 2 spacing ... is
        taken, each one once (in the middle of long elements there is none); its share of the turn is the way from the
        place before to it, and the last one has the rest, too.
    """
    if isinstance(at, (int, float)):
        if isinstance(at, bool) or not program.length / _MOST_PLACES <= at <= program.length:
            raise ConfigError(
                f"a spacing of places must lie between 0 and the length of the turn, {program.length:g} m, and make at "
                f"most {_MOST_PLACES} of them, got {at!r} m"
            )
        entrances = program.s[:-1]
        wanted = np.arange(1, int(program.length / at) + 1) * at
        elements = sorted({int(abs(entrances - s).argmin()) for s in wanted})
        edges = [0.0, *(float(entrances[i]) for i in elements[:-1]), program.length]
        shares = [(b - a) / program.length for a, b in zip(edges[:-1], edges[1:], strict=True)]
        bends: dict[int, BendPiece] = {}
    else:
        elements = list(dict.fromkeys(i for pattern in at for i in program.indices(pattern)))
        shares, bends = [1.0] * len(elements), bends_of(program.elements)
    return [
        Place(i, program.names[i], float(program.s[i]), share, program.length, bends.get(i))
        for i, share in zip(elements, shares, strict=True)
    ]


@runtime_checkable
class Effect(Protocol):
    """What tracking knows of a collective effect (see :class:`ssmb.collective.Effect`)."""

    @property
    def name(self) -> str: ...

    @property
    def at(self) -> Sequence[str] | float: ...

    def in_lattice(self, program: Program) -> Effect: ...

    def state(self, program: Program) -> dict[str, np.ndarray]: ...

    def as_asked(self) -> dict[str, Any]: ...

    def sums(self, beam: Beam, state: dict[str, np.ndarray]) -> np.ndarray: ...

    def total(self, parts: np.ndarray) -> np.ndarray: ...

    def kick(self, beam: Beam, total: np.ndarray, state: dict[str, np.ndarray], turn: int, here: Place) -> None: ...


@dataclass(frozen=True)
class Kick(KickStatistics):
    """What an effect did to the momenta at one place, of the living particles."""

    effect: str = quantity("", "name of the effect", default="")
    element: str = quantity("", "element at whose entrance it acted", default="")
    turn: int = quantity("turn", "turn on which it did", default=0)
    deflection: float = quantity("1", "rms changes of px and py about their means, in square together", default=0.0)


class Gathering(Protocol):
    """What effects need of the ranks of a run (see :class:`ssmb.tracking.ranks.Ranks`)."""

    def together(self, part: np.ndarray, axis: int = 0) -> np.ndarray: ...

    def to_first(self, part: np.ndarray) -> np.ndarray | None: ...


@dataclass(frozen=True, eq=False)
class _Acting:
    """An effect at one of its places; it acts on every turn, and its kick is measured on the last one."""

    run: Effects
    effect: Effect
    here: Place
    row: int

    def next_turn(self, turn: int) -> int:
        return turn

    def act(self, beam: Beam, turn: int) -> None:
        state = self.run.state[self.effect.name]
        total = self.effect.total(self.run.together(self.effect.sums(beam, state)))
        before = beam.coordinates.copy() if turn == self.run.last_turn else None
        self.effect.kick(beam, total, state, turn, self.here)
        if before is not None:
            alive = beam.alive
            changes = beam.coordinates[1::2, alive] - before[1::2, alive]
            seen = [self.run.to_first(part) for part in (before[:, alive], changes, beam.weight[alive])]
            self._measure(turn, *seen)

    def _measure(self, turn: int, before: Any, changes: Any, weight: Any) -> None:
        """Keep what the kick did to the living particles of all ranks; nothing where these are not."""
        if before is not None:
            found, deflection = kick_statistics(before, changes[2], weight), _deflection(changes[:2], weight)
            self.run.measured[self.effect.name][self.row] = (
                turn, found.mean, found.rms, found.random, found.scatter, deflection
            )  # fmt: skip


def _deflection(changes: np.ndarray, weight: np.ndarray) -> float:
    """Rms of changes (2, n) about their means, both in square together."""
    if not weight.sum() > 0.0:
        return 0.0
    share = weight / weight.sum()
    return float(np.sqrt(((changes - (changes @ share)[:, None]) ** 2 @ share).sum()))


class Effects:
    """The collective effects of one run and what they remember."""

    def __init__(self, effects: Sequence[Effect], program: Program, last_turn: int = -1) -> None:
        self.effects = several("effects", effects, "collective effects")
        self.program, self.last_turn = program, last_turn
        for made in self.effects:
            if not isinstance(made, Effect):
                raise ConfigError(
                    f"effects must be objects of ssmb.collective.Effect, such as BunchImpedance, got "
                    f"{type(made).__name__}"
                )
        self.ranks: Gathering | None = None
        names = [made.name for made in self.effects]
        if len(set(names)) < len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise ConfigError(f"two effects are named '{twice}'; give one of them name=...")
        self.effects = [made.in_lattice(program) for made in self.effects]
        self.places = {made.name: places(program, made.at) for made in self.effects}
        self.state = {made.name: made.state(program) for made in self.effects}
        #: turn, mean, rms, random parts and deflection of the last kick that was measured, by place
        self.measured = {name: np.zeros((len(here), 6)) for name, here in self.places.items()}

    def stops(self) -> list[tuple[Place, Stop]]:
        """The effects at their places, in the order in which they were given."""
        return [
            (here, _Acting(self, made, here, row))
            for made in self.effects
            for row, here in enumerate(self.places[made.name])
        ]

    def together(self, part: np.ndarray) -> np.ndarray:
        """Rows of all ranks one behind the other."""
        return part if self.ranks is None else self.ranks.together(part)

    def to_first(self, part: np.ndarray) -> np.ndarray | None:
        """Columns of all ranks one behind the other, on the first one; laid out in memory as if it were alone."""
        part = np.ascontiguousarray(part)
        return part if self.ranks is None else self.ranks.to_first(part)

    def kicks(self) -> tuple[Kick, ...]:
        """What each of them did at each of its places on the last turn."""
        return tuple(
            Kick(float(mean), float(rms), float(random), float(scatter), made.name, here.name, int(turn), float(across))
            for made in self.effects
            for here, (turn, mean, rms, random, scatter, across) in zip(
                self.places[made.name], self.measured[made.name], strict=True
            )
        )

    def as_asked(self) -> dict[str, Any]:
        """By what a checkpoint knows them: the parameters, and the state at the start."""
        return {made.name: {"parameters": made, "state": self.state[made.name]} for made in self.effects}

    def restore(self, state: dict[str, Any], measured: dict[str, Any]) -> None:
        """Set what the effects remember, by effect and array, and their kicks to what a checkpoint holds."""
        for name, values in measured.items():
            self.measured[name][...] = values
        for name, arrays in state.items():
            for key, values in arrays.items():
                self.state[name][key][...] = values
