"""track(): the one way to send a beam through a lattice."""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

import numpy as np

from ssmb.beam import Beam, LossReason
from ssmb.elements.radiation import Radiation
from ssmb.errors import ConfigError, ValidityWarning
from ssmb.kernels.engine import advance
from ssmb.kernels.loops import BLOCK, MAX_TILE
from ssmb.lattice.program import Program, compile_elements
from ssmb.lattice.tree import Lattice
from ssmb.optics.energy_balance import energy_balance
from ssmb.tracking.driving import drives_of
from ssmb.tracking.laser_program import LaserProgram
from ssmb.tracking.monitors import Monitor, Probes
from ssmb.tracking.monitors.base import OpRow, PlaceOf
from ssmb.tracking.saving import Saver
from ssmb.tracking.stations import Effect, Effects, Stations, Stop, track_sections
from ssmb.tracking.watching import asked_to_stop, reporter, thread_count

#: A piece of a run takes about this long [s]; between pieces come progress, interrupts and checkpoints.
_PIECE_SECONDS = 0.25
#: The partial sums of a piece stay below this many doubles.
_PIECE_DOUBLES = 4_000_000
#: Random numbers are keyed by 40 bits of the turn.
_LAST_TURN = 2**40


class RunStatus(Enum):
    """How a run ended; the value says what that means and what to do."""

    COMPLETED = "all turns were tracked"
    INTERRUPTED = "stopped by the user; go on with resume=True if a checkpoint was asked for"
    ALL_LOST = "no particle is left; look at run.losses() for where and why"


@dataclass(frozen=True)
class Loss:
    """Particles lost at one element for one reason."""

    element: str
    s: float
    reason: LossReason
    particles: int
    first_turn: int


@dataclass(frozen=True, eq=False)
class Run:
    """What came out of a tracking run.

    Attributes
    ----------
    beam : the beam at the end; lost particles keep turn, element, reason and last coordinates.
    monitors : records by monitor name.
    turns : number of turns done.
    status : :class:`RunStatus`.
    provenance : seed, threads, time, versions.
    """

    beam: Beam
    monitors: dict[str, Any]
    turns: int
    status: RunStatus
    program: Program = field(repr=False)
    provenance: dict[str, Any] = field(default_factory=dict, repr=False)

    def losses(self) -> tuple[Loss, ...]:
        """Losses by element and reason, in the order of the lattice."""
        return losses_of(self.beam, self.program)


def losses_of(beam: Beam, program: Program) -> tuple[Loss, ...]:
    """Losses of a beam by element of the program and reason, in the order of the lattice."""
    lost = ~beam.alive
    places = {(int(e), int(r)) for e, r in zip(beam.lost_element[lost], beam.state[lost], strict=True)}
    out = []
    for element, reason in sorted(places):
        here = lost & (beam.lost_element == element) & (beam.state == reason)
        first = int(beam.lost_turn[here].min())
        out.append(Loss(program.names[element], float(program.s[element]), LossReason(reason), int(here.sum()), first))
    return tuple(out)


def track(
    lattice: Lattice | Program,
    beam: Beam,
    turns: int = 1,
    *,
    start: str | None = None,
    end: str | None = None,
    first_turn: int = 0,
    monitors: Sequence[Monitor] = (),
    seed: int = 0,
    threads: int | None = None,
    progress: bool | Callable[[int, int], None] = False,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 60.0,
    resume: bool = False,
    tile: int = BLOCK,
    radiation: Radiation | str = "off",
    drives: Mapping[str, LaserProgram] | None = None,
    effects: Sequence[Effect] = (),
) -> Run:
    """Track a beam through a lattice for a number of turns.

    Parameters
    ----------
    lattice : lattice, or an already compiled program.
    beam : beam at the entrance of ``start``; it is not changed.
    turns : number of passes, >= 0.
    start, end : names of elements: only the section from the entrance of ``start`` to the entrance of ``end`` is passed
        (default: all). To begin a ring elsewhere, use ``lattice.rotated(name)``.
    first_turn : number of the first turn, for records, losses and random numbers, where a run is one part of several.
    monitors : what to record, see :mod:`ssmb.tracking.monitors`.
    seed : key of all random numbers, 0 <= seed < 2^63.
    threads : number of threads (default: all); the result does not depend on it.
    progress : True for a progress bar on stderr, or a function of (turns done, turns).
    checkpoint : file that is written every ``checkpoint_every`` seconds, when the run is interrupted (Ctrl-C), and at its end.
    resume : go on from ``checkpoint`` if it exists; the lattice, the beam at the start, seed and monitors must be the same.
    tile : particles that go through a turn together, 256 or 512; the result does not depend on it.
    radiation : synchrotron radiation: a :class:`~ssmb.elements.radiation.Radiation`, or its mode "off"; "mean": energy loss
        without noise; "quantum": photons with the synchrotron spectrum; "diffusion": loss with Gaussian noise. What is
        lost comes back from cavities or an SSMB_EnergyRestorer. A compiled program has its own.
    drives : what lasers and cavities do from turn to turn, by name of the element: on and off, ramps, detuning, noise.
    effects : what the particles do to each other (see :mod:`ssmb.collective`); a turn stops where one acts. Optics knows
        nothing of them.

    Returns
    -------
    Run
        With status INTERRUPTED if Ctrl-C was pressed (or ``progress`` raised KeyboardInterrupt): what was done is in it.

    Raises
    ------
    ConfigError, LatticeError
        Wrong arguments, an element that does not exist, or a beam of another reference than the lattice.
    ResultFileError
        The checkpoint cannot be read or written, or belongs to another run.

    Examples
    --------
    >>> from ssmb.beam import Beam, Reference
    >>> from ssmb.elements import Drift
    >>> ref = Reference(250e6)
    >>> line = Lattice.from_elements([Drift(name="d", length=2.0)], ref)
    >>> coordinates = np.zeros((6, 3)); coordinates[1] = 1e-3
    >>> run = track(line, Beam(ref, coordinates))
    >>> [round(float(x), 9) for x in run.beam.x]
    [0.002000001, 0.002000001, 0.002000001]
    """
    _check_kinds(lattice, beam)
    program = _program(lattice, Radiation.of(radiation))
    _check_arguments(program, beam, turns, first_turn, seed, threads, tile, checkpoint_every)
    probes = Probes(monitors)
    job = Job(
        program,
        beam.copy(),
        int(turns),
        int(seed),
        probes,
        (start, end),
        int(tile),
        int(first_turn),
        drives or {},
        Effects(effects, program),
    )
    saver = Saver(checkpoint, checkpoint_every, job)
    if resume:
        saver.load()
    began = time.perf_counter()
    with thread_count(threads) as used, reporter(progress, job) as report, asked_to_stop() as stop:
        status = job.run(report, saver, stop)
        saver.save()
        if status is RunStatus.COMPLETED and stop():  # pressed at the very end: it may be meant for what comes next
            status = RunStatus.INTERRUPTED
    provenance = {"seed": job.seed, "threads": used, "seconds": time.perf_counter() - began}
    if job.effects.effects:
        provenance["effects"] = [made.name for made in job.effects.effects]
    return Run(job.beam, probes.records(), job.done, status, program, provenance)


def _program(lattice: Lattice | Program, radiation: Radiation) -> Program:
    """The compiled lattice; a program that is given must have been compiled with the radiation that is asked for."""
    if isinstance(lattice, Lattice):
        if radiation.on and lattice.periodic and (missing := energy_balance(lattice).missing):
            warnings.warn(ValidityWarning(f"the beam will be lost: {missing}"), stacklevel=3)
        return compile_elements(lattice.elements, lattice.reference, radiation)
    if radiation.on and radiation != lattice.radiation:
        raise ConfigError(
            f"the program was compiled with {lattice.radiation}, not {radiation}: give the Lattice, or "
            f"compile_elements(..., radiation={radiation})"
        )
    return lattice


def _check_kinds(lattice: Any, beam: Any) -> None:
    if not isinstance(lattice, (Lattice, Program)):
        raise ConfigError(f"track needs a Lattice or a compiled Program, not {type(lattice).__name__}")
    if not isinstance(beam, Beam):
        raise ConfigError(f"track needs a Beam, not {type(beam).__name__}; make one with Beam(reference, coordinates)")


def _check_arguments(
    program: Program,
    beam: Beam,
    turns: int,
    first_turn: int,
    seed: int,
    threads: int | None,
    tile: int,
    checkpoint_every: float,
) -> None:
    def whole(value: Any) -> bool:
        return isinstance(value, (int, np.integer)) and not isinstance(value, bool)

    if not whole(turns) or turns < 0:
        raise ConfigError(f"turns must be a whole number >= 0, got {turns!r}")
    if not whole(first_turn) or first_turn < 0:
        raise ConfigError(f"first_turn must be a whole number >= 0, got {first_turn!r}")
    if first_turn + turns > _LAST_TURN:
        raise ConfigError(f"turns are counted to 2^40, got first_turn + turns = {first_turn + turns}")
    if not whole(seed) or not 0 <= seed < 2**63:
        raise ConfigError(f"seed must be a whole number from 0 to 2^63 - 1, got {seed!r}")
    if threads is not None and (not whole(threads) or threads < 1):
        raise ConfigError(f"threads must be a whole number >= 1, got {threads!r}")
    if tile not in (BLOCK, MAX_TILE):
        raise ConfigError(f"tile must be {BLOCK} or {MAX_TILE}, got {tile!r}")
    if not (isinstance(checkpoint_every, (int, float)) and checkpoint_every > 0.0):
        raise ConfigError(f"checkpoint_every must be a time > 0 s, got {checkpoint_every!r}")
    if len(beam) == 0:
        raise ConfigError("the beam has no particles")
    ref = program.reference
    same_energy = math.isclose(beam.reference.energy, ref.energy, rel_tol=1e-12)
    if beam.reference.species != ref.species or not same_energy:
        raise ConfigError(
            f"the beam is normalised to {beam.reference.species}s of {beam.reference.energy:.9g} eV, the lattice to "
            f"{ref.species}s of {ref.energy:.9g} eV; make the beam with the lattice's reference"
        )


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
        self.table, self.sum_table = program.kernel_table(), probes.sum_table()
        self.done = 0
        self.blocks = (len(beam) + BLOCK - 1) // BLOCK
        self.alive_at_start = beam.alive

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
        return made + [(self.op_to if at == last else op(at), stop) for at, stop in self.probes.stops(place)]

    def run(self, report: Callable[[int], None], saver: Saver, stop: Callable[[], bool]) -> RunStatus:
        """Track until all turns are done, all particles are lost, or the user stops it."""
        piece = 1
        while self.done < self.turns and self.beam.alive.any():
            doubles = self.probes.doubles_per_turn(self.blocks) + self.drives.at.size
            most = max(1, min(piece, self.turns - self.done, _PIECE_DOUBLES // doubles))
            began = time.perf_counter()
            n = self._advance(most)
            spent = time.perf_counter() - began
            piece = max(1, min(4 * most, int(n * _PIECE_SECONDS / max(spent, 1e-6))))
            try:
                report(self.done)
            except KeyboardInterrupt:
                return RunStatus.INTERRUPTED
            if stop():
                return RunStatus.INTERRUPTED
            saver.save_when_due()
        if self.beam.alive.any() or self.turns == 0:
            return RunStatus.COMPLETED
        self._end_at_last_loss()
        return RunStatus.ALL_LOST

    def _end_at_last_loss(self) -> None:
        """Forget the turns without particles at the end of a piece: how long pieces are is a matter of the clock."""
        turns = self.beam.lost_turn[self.alive_at_start]
        last = int(turns.max()) if turns.size else self.first_turn - 1
        self.done = last + 1 - self.first_turn
        self.probes.forget_after(last)

    def _advance(self, most: int) -> int:
        """Track one piece of at most so many turns; return how many they were."""
        beam, ref, drives = self.beam, self.reference, self.drives
        first = self.first_turn + self.done
        turns, sections = self.stations.plan(first, most)
        sums = self.probes.buffer(turns, self.blocks)
        values = drives.values(first, turns)

        def through(op_from: int, op_to: int) -> None:
            advance(
                beam.coordinates, beam.weight, beam.ids, beam.state, beam.lost_turn, beam.lost_element,
                self.ops, op_from, op_to, drives.params, self.table, ref.inv_gamma2, ref.beta**2,
                self.seed, first, turns, self.tile,
                self.sum_table, sums, drives.at, values,
            )  # fmt: skip

        track_sections(sections, self.op_from, beam, first + turns - 1, through)
        self.probes.collect(first, turns, sums)
        self.done += turns
        return turns
