"""A run in progress: what is tracked through which ops, piece by piece."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np

from ssmb.beam import Beam
from ssmb.costs import check_cost
from ssmb.errors import ConfigError
from ssmb.kernels.engine import advance
from ssmb.kernels.loops import BLOCK, MAX_TILE
from ssmb.kernels.threads import thread_count
from ssmb.lattice.program import Program
from ssmb.tracking.driving import drives_of
from ssmb.tracking.laser_program import LaserProgram
from ssmb.tracking.monitors import Probes
from ssmb.tracking.monitors.base import OpRow, PlaceOf
from ssmb.tracking.ranks import Ranks
from ssmb.tracking.stations import Effects, Stations, Stop, track_sections

#: A piece of a run takes about this long [s]; between pieces come progress, interrupts and checkpoints.
_PIECE_SECONDS = 0.25


#: After so long [s] it is known how long a run will take; the first piece, which may compile, does not count.
_TRIAL_SECONDS = 1.0

#: The partial sums of a piece stay below this many doubles.
_PIECE_DOUBLES = 400_000


class RunStatus(Enum):
    """How a run ended; the value says what that means and what to do."""

    COMPLETED = "all turns were tracked"
    INTERRUPTED = "stopped by the user; go on with resume=True if a checkpoint was asked for"
    ALL_LOST = "no particle is left; look at run.losses() for where and why"


def _turn_loop(on: str) -> Callable[..., None]:
    """The turn loop of the processor or of a CUDA device."""
    if on == "cpu":
        return advance
    from ssmb.kernels import cuda

    return cuda.advance


class Job:
    """A run in progress: the only place where the arrays of a beam change."""

    def __init__(
        self,
        program: Program,
        beam: Beam,
        turns: int,
        seed: int,
        probes: Probes,
        section: tuple[str | None, str | None],
        tile: int,
        first_turn: int,
        drives: Mapping[str, LaserProgram],
        effects: Effects,
        on: str = "cpu",
    ) -> None:
        start, end = self.section = section
        self.program, self.programs = program, drives
        self.first_turn = first_turn
        self.beam, self.turns, self.seed, self.probes, self.tile = beam, turns, seed, probes, tile
        self.reference = program.reference
        first = int(program.first_op[program.index(start)]) if start is not None else 0
        last = int(program.first_op[program.index(end)]) if end is not None else len(program.ops)
        if first >= last and (start is not None or end is not None):
            raise ConfigError(f"start '{start}' must come before end '{end}' with a map between them")

        def place(name: str | None) -> tuple[int, int]:
            at = last if name is None else int(program.first_op[program.index(name)])
            if not first <= at <= last:
                raise ConfigError(
                    f"'{name}', where something is to be done, lies outside the tracked section '{start}' to '{end}'"
                )
            return at, (len(program.names) - 1 if name is None else program.index(name))

        ops = program.ops.copy()
        self.drives = drives_of(program, ops, drives, self.first_turn + self.turns)
        rows = probes.op_rows(place, self.drives, drives)
        self.ops = replace(program, ops=ops).with_rows(rows).ops
        before_first = sum(1 for at, _ in rows if at < first)
        self.op_from, self.op_to = first + before_first, last + len(rows)
        self.effects = effects
        self.stations = Stations(self._stops(last, rows, place), self.op_from, self.op_to)
        self.on, self.through = on, _turn_loop(on)
        native = on == "cpu"  # what runs there is called by its address
        self.table = program.kernel_table() if native else np.zeros(1, dtype=np.int64)
        self.sum_table = probes.sum_table() if native else np.zeros(1, dtype=np.int64)
        self.done = 0
        self.ranks: Ranks | None = None
        self.part = beam  # what this process tracks: all, or its share
        self.blocks = (len(beam) + BLOCK - 1) // BLOCK
        self.alive_at_start = beam.alive

    @classmethod
    def of_rank(cls, ranks: Ranks, task: dict[str, Any]) -> None:
        """Do the share of a rank that is not the first: what :meth:`share` tells."""
        beam = ranks.part(None)
        task["program"] = Program.sent(*task["program"])
        probes = Probes(task.pop("monitors"), task["first_turn"])
        effects, state, threads, done = (task.pop(name) for name in ("effects", "state", "threads", "done"))
        made = Effects(effects, task["program"], task["first_turn"] + task["turns"] - 1)
        job = cls(beam=beam, probes=probes, effects=made, **task)
        made.restore(state, {})
        made.ranks = job.ranks = ranks
        job.done = done
        with thread_count(threads):
            ranks.follow(job._advance, job.gather)

    def share(self, ranks: Ranks, threads: int | None) -> None:
        """Hand each rank its particles, and what it needs to track them."""
        if self.on != "cpu":
            raise ConfigError("ranks track on the processor: leave on= out, or start one process")
        group = max([MAX_TILE, *(effect.group for effect in self.effects.effects)])
        ranks.bounds(len(self.beam), group)  # too few particles are told before anybody waits
        start, end = self.section
        task = {
            "program": self.program.to_send(), "turns": self.turns, "seed": self.seed, "section": (start, end),
            "tile": self.tile, "first_turn": self.first_turn, "drives": self.programs, "done": self.done,
            "monitors": self.probes.monitors, "effects": self.effects.effects, "state": self.effects.state,
            "threads": threads,
        }  # fmt: skip
        ranks.tell(task)
        self.part = ranks.part(self.beam, group)
        self.blocks = (len(self.part) + BLOCK - 1) // BLOCK
        self.effects.ranks = self.ranks = ranks

    def gather(self) -> None:
        """Bring the particles of all ranks into the beam of the first."""
        if self.ranks is None:
            return
        if self.ranks.first:
            self.ranks.lead_gather()
        self.ranks.gather(self.part, self.beam if self.ranks.first else None)

    def _stops(self, last: int, rows: Sequence[OpRow], place: PlaceOf) -> list[tuple[int, Stop]]:
        """Effects and behind them snapshots, each before the probes at its place.

        A snapshot at the end of the section is taken behind its probes, where a turn that is tracked at one go ends.
        """

        def op(at: int) -> int:
            return at + sum(1 for row_at, _ in rows if row_at < at)

        made: list[tuple[int, Stop]] = []
        for here, stop in self.effects.stops():
            at, _ = place(here.name)
            made.append((op(at), stop))
        kept = [(self.op_to if at == last else op(at), _Keeping(self, stop)) for at, stop in self.probes.stops(place)]
        return made + kept

    def run(self, report: Callable[[int], None], save: Callable[[], None], stop: Callable[[], bool]) -> RunStatus:
        """Track until all turns are done, all particles are lost, or the user stops it; `save` is called between
        pieces.
        """
        try:
            return self._pieces(report, save, stop)
        finally:
            if self.ranks is not None and not self.ranks.busy:
                self.gather()
                self.ranks.lead_end()
                self.ranks = None

    def _pieces(self, report: Callable[[int], None], save: Callable[[], None], stop: Callable[[], bool]) -> RunStatus:
        """Track piece by piece."""
        piece, pieces, tracked, trial, alive = 1, 0, 0, 0.0, bool(self.beam.alive.any())
        while self.done < self.turns and alive:
            doubles = self.probes.doubles_per_turn(self.blocks) + self.drives.at.size
            most = max(1, min(piece, self.turns - self.done, _PIECE_DOUBLES // doubles))
            began = time.perf_counter()
            if self.ranks is not None:
                self.ranks.tell(most)
                self.ranks.busy = True
            n, alive = self._advance(most)
            if self.ranks is not None:
                self.ranks.busy = False
            spent = time.perf_counter() - began
            pieces += 1
            if pieces > 1 and trial <= _TRIAL_SECONDS:
                tracked, trial = tracked + n, trial + spent
                if trial > _TRIAL_SECONDS:
                    self._check_time(trial / tracked)
            piece = max(1, min(4 * most, int(n * _PIECE_SECONDS / max(spent, 1e-6))))
            try:
                report(self.done)
            except KeyboardInterrupt:
                return RunStatus.INTERRUPTED
            if stop():
                return RunStatus.INTERRUPTED
            save()
        if alive or self.turns == 0:
            return RunStatus.COMPLETED
        self.gather()
        self._end_at_last_loss()
        return RunStatus.ALL_LOST

    def _check_time(self, seconds_per_turn: float) -> None:
        """Refuse a run that would end in days, unless that is meant."""
        words = f"tracking {self.turns} turns of {len(self.beam)} particles"
        rest = (self.turns - self.done) * seconds_per_turn
        check_cost(words, seconds=rest, instead="take fewer turns or particles, or a ring model")

    def _end_at_last_loss(self) -> None:
        """Forget the turns without particles at the end of a piece: how long pieces are is a matter of the clock."""
        turns = self.beam.lost_turn[self.alive_at_start]
        last = int(turns.max()) if turns.size else self.first_turn - 1
        self.done = last + 1 - self.first_turn
        self.probes.forget_after(last)

    def _advance(self, most: int) -> tuple[int, bool]:
        """Track one piece of at most so many turns; return how many they were, and whether any particle is left."""
        beam, ref, drives = self.part, self.reference, self.drives
        first = self.first_turn + self.done
        turns, sections = self.stations.plan(first, most)
        sums = self.probes.buffer(turns, self.blocks)
        values = drives.values(first, turns)

        def through(op_from: int, op_to: int) -> None:
            self.through(
                beam.coordinates, beam.weight, beam.ids, beam.state, beam.lost_turn, beam.lost_element,
                self.ops, op_from, op_to, drives.params, self.table, ref.inv_gamma2, ref.beta**2,
                self.seed, first, turns, self.tile,
                self.sum_table, sums, drives.at, values,
            )  # fmt: skip

        track_sections(sections, self.op_from, beam, first + turns - 1, through)
        alive = bool(beam.alive.any())
        if self.ranks is not None:
            alive = self.ranks.any(alive)
            sums = self.ranks.together(sums, axis=1) if self.probes.width else sums
        if self.ranks is None or self.ranks.first:
            self.probes.collect(first, turns, sums)
        self.done += turns
        return turns, alive


@dataclass(frozen=True, eq=False)
class _Keeping:
    """A stop that keeps the whole beam, of all ranks."""

    job: Job
    stop: Stop

    def next_turn(self, turn: int) -> int | None:
        return self.stop.next_turn(turn)

    def act(self, beam: Beam, turn: int) -> None:
        ranks = self.job.ranks
        if ranks is None:
            self.stop.act(beam, turn)
            return
        ranks.gather(beam, self.job.beam if ranks.first else None)
        if ranks.first:
            self.stop.act(self.job.beam, turn)
