"""track(): the one way to send a beam through a lattice."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam, LossReason
from ssmb.dynamics.energy_balance import energy_balance
from ssmb.errors import ConfigError, ValidityWarning, warn
from ssmb.kernels.device import check_machine
from ssmb.kernels.loops import BLOCK, MAX_TILE
from ssmb.kernels.philox import TURN_BITS
from ssmb.kernels.threads import thread_count
from ssmb.lattice.facts import check_radio_frequency
from ssmb.lattice.program import Program, compile_elements
from ssmb.lattice.tree import Lattice
from ssmb.maps.radiation import Radiation
from ssmb.quantity import quantity
from ssmb.tracking.job import Job, RunStatus
from ssmb.tracking.laser_program import LaserProgram
from ssmb.tracking.monitors import Monitor, Probes
from ssmb.tracking.ranks import Ranks
from ssmb.tracking.saving import Saver
from ssmb.tracking.stations import Effect, Effects, Kick
from ssmb.tracking.watching import asked_to_stop, reporter


@dataclass(frozen=True)
class Loss:
    """Particles lost at one element for one reason."""

    element: str = quantity("", "name of the element")
    s: float = quantity("m", "its entrance")
    reason: LossReason = quantity("", "why")
    particles: int = quantity("1", "number of macroparticles")
    first_turn: int = quantity("turn", "turn of the first of them")


@checked
@dataclass(frozen=True, eq=False)
class Run:
    """What came out of a tracking run.

    Attributes
    ----------
    beam : the beam at the end; lost particles keep turn, element, reason and last coordinates.
    monitors : records by monitor name.
    turns : number of turns done.
    status : :class:`RunStatus`.
    kicks : what each effect did at each of its places, on the last turn.
    provenance : seed, machine, threads, time, versions.
    """

    beam: Beam
    monitors: dict[str, Any]
    turns: int
    status: RunStatus
    program: Program = field(repr=False)
    kicks: tuple[Kick, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict, repr=False)

    def losses(self) -> tuple[Loss, ...]:
        """Losses by element and reason, in the order of the lattice."""
        return losses_of(self.beam, self.program)


@checked
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


@checked
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
    look: bool = False,
    tile: int = BLOCK,
    radiation: Radiation | str = "off",
    drives: Mapping[str, LaserProgram] | None = None,
    effects: Sequence[Effect] = (),
    on: str = "cpu",
    ranks: Ranks | None = None,
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
    checkpoint : file that is written every ``checkpoint_every`` seconds, when the run is interrupted (Ctrl-C), and at
        its end.
    resume : go on from ``checkpoint`` if it exists; the lattice, the beam at the start, seed and monitors must be the
        same.
    look : only read what the checkpoint holds, with status INTERRUPTED unless all turns are done; nothing is tracked or
        written.
    tile : particles that go through a turn together, 256 or 512; the result does not depend on it.
    radiation : synchrotron radiation: a :class:`~ssmb.maps.radiation.Radiation`, or its mode "off"; "mean": energy loss
        without noise; "quantum": photons with the synchrotron spectrum; "diffusion": loss with Gaussian noise. What is
        lost comes back from cavities or an SSMB_EnergyRestorer. A compiled program has its own.
    drives : what lasers and cavities do from turn to turn, by name of the element: on and off, ramps, detuning, noise.
    effects : what the particles do to each other (see :mod:`ssmb.collective`); a turn stops where one acts. Optics
        knows nothing of them.
    on : "cpu", or "cuda": on a CUDA device, by numba-cuda (extra ``cuda``); it pays from about 1e5 particles on. The
        result is the same but for rounding. Effects and snapshots bring the beam back to the processor each time.
    ranks : processes of MPI that share the particles, see :mod:`ssmb.tracking.ranks`; the result does not depend on
        them.

    Returns
    -------
    Run
        With status INTERRUPTED if Ctrl-C was pressed (or ``progress`` raised KeyboardInterrupt): what was done is in
        it.

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
    _check_arguments(program, beam, turns, first_turn, seed, threads, tile, checkpoint_every, progress, resume, look)
    check_machine(on)
    if isinstance(lattice, Lattice) and turns > 1 and start is None and end is None:
        check_radio_frequency(lattice)
    probes = Probes(monitors, int(first_turn))
    job = Job(
        program,
        beam.copy(),
        int(turns),
        int(seed),
        probes,
        (start, end),
        int(tile),
        int(first_turn),
        {} if drives is None else drives,
        Effects(effects, program, int(first_turn) + int(turns) - 1),
        on,
    )
    probes.check_memory(int(first_turn), int(turns), len(beam))
    saver = Saver(checkpoint, checkpoint_every, job)
    if look:
        saver.load()
        status = RunStatus.COMPLETED if job.done >= job.turns else RunStatus.INTERRUPTED
        return Run(job.beam, probes.records(), job.done, status, program, job.effects.kicks(), {"seed": job.seed})
    began = time.perf_counter()
    with saver.alone(), thread_count(threads) as used, asked_to_stop() as stop:
        if resume:
            saver.load()
        with reporter(progress, job) as report:
            if ranks is not None and job.done < job.turns:
                job.share(ranks, used)
            status = job.run(report, saver.save_when_due, stop)
            saver.save()
        if status is RunStatus.COMPLETED and stop():  # pressed at the very end: it may be meant for what comes next
            status = RunStatus.INTERRUPTED
    size = 1 if ranks is None else ranks.size
    provenance = {"seed": job.seed, "on": on, "threads": used, "ranks": size, "seconds": time.perf_counter() - began}
    if job.effects.effects:
        provenance["effects"] = [made.name for made in job.effects.effects]
    return Run(job.beam, probes.records(), job.done, status, program, job.effects.kicks(), provenance)


def _program(lattice: Lattice | Program, radiation: Radiation) -> Program:
    """The compiled lattice; a program that is given must have been compiled with the radiation that is asked for."""
    if isinstance(lattice, Lattice):
        if radiation.on and lattice.periodic and (missing := energy_balance(lattice).missing):
            warn(f"nothing holds the energy of the beam: {missing}", ValidityWarning)
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
    progress: Any,
    resume: Any,
    look: Any,
) -> None:
    def whole(value: Any) -> bool:
        return isinstance(value, (int, np.integer)) and not isinstance(value, bool)

    if not whole(turns) or turns < 0:
        raise ConfigError(f"turns must be a whole number >= 0, got {turns!r}")
    if not whole(first_turn) or first_turn < 0:
        raise ConfigError(f"first_turn must be a whole number >= 0, got {first_turn!r}")
    if first_turn + turns > 1 << TURN_BITS:
        raise ConfigError(f"turns are counted to 2^{TURN_BITS}, got first_turn + turns = {first_turn + turns}")
    if not whole(seed) or not 0 <= seed < 2**63:
        raise ConfigError(f"seed must be a whole number from 0 to 2^63 - 1, got {seed!r}")
    if threads is not None and (not whole(threads) or threads < 1):
        raise ConfigError(f"threads must be a whole number >= 1, got {threads!r}")
    for name, switch in (("resume", resume), ("look", look), ("progress", callable(progress) or progress)):
        if not isinstance(switch, bool):
            raise ConfigError(f"{name} must be True or False, got {switch!r}")
    if not whole(tile) or tile not in (BLOCK, MAX_TILE):
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
