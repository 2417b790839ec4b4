"""A ring study: a matched beam, turns in a ring with its laser, the light of the bunched beam, and what it is as a
source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import numpy as np

from ssmb.beam import Beam
from ssmb.buckets import MicroBucket
from ssmb.dynamics import Optics
from ssmb.errors import ConfigError, PhysicsError
from ssmb.facility.kick_budget import KickBudget
from ssmb.facility.source import SourceLight
from ssmb.lattice import Lattice, lattice_text
from ssmb.lattice.facts import check_radio_frequency
from ssmb.quantity import quantity
from ssmb.store.run_file import RunContents
from ssmb.store.tree import Tree
from ssmb.studies.effects import effects_of, kicks_text
from ssmb.studies.facts import lit_by_lattice, with_undulator
from ssmb.studies.light import Light, light_of, light_summary, light_text
from ssmb.studies.monitors import bunching_of, monitors_of, records_of, told, trees_of, with_wavelengths
from ssmb.studies.records import numbers_of, record_of, tree_of
from ssmb.studies.ring_and_laser import bucket_of, laser_drives, ring_optics, ring_program, tracked_lattice
from ssmb.studies.ring_config import RunConfig
from ssmb.studies.sections import LaserConfig
from ssmb.studies.source import RingSource, check_source, ring_source
from ssmb.studies.source_text import ring_source_text
from ssmb.studies.starting_beam import StartingBeam, starting_beam
from ssmb.studies.study import STUDIES, On, Places, Result, Stopped, Study, at_place
from ssmb.text import named_values, number
from ssmb.tracking import Loss, Run, RunStatus, track
from ssmb.tracking.driving import drives_of
from ssmb.tracking.monitors import Record, beam_at
from ssmb.tracking.stations import Kick

#: Names of the records that keep the beam where the light, or the source, is.
_LIGHT, _SOURCE = "beam at the light", "beam at the source"


@dataclass(frozen=True, eq=False, kw_only=True)
class RingResult(Result):
    """All that a ring study found; ``records`` are those of :mod:`ssmb.tracking.monitors` by monitor name.

    Beams are None where none were kept; ``optics`` are those of the ring with its magnets, laser off.
    """

    config: RunConfig
    kept = {"final": "beam", "light": "beam_at_light", "source": "beam_at_source"}

    optics: Optics
    records: dict[str, Record]
    start: StartingBeam = quantity("", "beam at the start")
    turns: int = quantity("turn", "turns that are done")
    count: int = quantity("1", "particles at the start", minimum=1)
    alive: int = quantity("1", "particles at the end")
    losses: tuple[Loss, ...] = quantity("", "losses at each element", default=())
    kicks: tuple[Kick, ...] = quantity("", "what each effect did at each of its places, on the last turn", default=())
    light: tuple[Light, ...] = quantity("", "light at each harmonic", default=())
    source: RingSource | None = quantity("", "its light as a source", default=None)
    beam: Beam | None = None
    beam_at_light: Beam | None = None
    beam_at_source: Beam | None = None

    def summary(self) -> dict[str, Any]:
        """Headline numbers in SI units; None for what does not exist."""
        out: dict[str, Any] = {
            "title": self.config.title,
            "status": self.status.name.lower(),
            "turns": self.turns,
            "particles": self.count,
            "particles_alive": self.alive,
        }
        out |= {name: float(getattr(self.optics, name)) for name in ("slip_factor", "alpha_c", "qx", "qy")}
        out |= {"bend_edges": self.optics.provenance.get("bend_edges"), "beam": numbers_of(self.start)}
        out["light"] = [light_summary(light) for light in self.light]
        out["kicks"] = [numbers_of(kick) for kick in self.kicks]
        out["source"] = self.power()
        return out | told(self.records)

    def table(self) -> dict[str, Any]:
        """One row of numbers."""
        row: dict[str, Any] = {
            "turns": self.turns,
            "alive": self.alive / self.count,
            **{f"{share} of those alive, {name} [1]": value for name, share, value in self._shares()},
            "slip_factor [1]": self.optics.slip_factor,
        }
        row |= {f"|b_{light.harmonic}| [1]": abs(light.bunching) for light in self.light}
        row |= {f"coherent_power_{light.harmonic} [W]": light.coherent_power for light in self.light}
        return row | {f"power_at_focus_{light.harmonic} [W]": light.power_at_focus for light in self.lights()}

    def text(self) -> str:
        """Words and tables."""
        shares = [
            f"{share} of those alive at the end: {number(value)} ({name})" for name, share, value in self._shares()
        ]
        if self.config.laser is not None and not shares:
            shares = ["that they live does not say that they are in a micro-bucket: a monitor 'bucket' would"]
        lines = [
            ("run", self.config.title or "-"),
            ("status", self.status.value),
            ("optics", f"Qx {self.optics.qx:.5f}, Qy {self.optics.qy:.5f}, Qs {self.optics.qs:.4g}"),
            ("", f"alpha_c {self.optics.alpha_c:.5e}, slip factor {self.optics.slip_factor:.5e}"),
            ("bend edges", self.optics.edges_text()),
            *self.start.lines(),
            ("tracked", f"{self.count} particles, {self.turns} turns, {self.count - self.alive} lost"),
            *(("", line) for line in shares),
        ]
        lines += [
            ("lost", f"{lost.particles} at {lost.element} (s = {lost.s:.3f} m) from turn {lost.first_turn}: "
                     f"{lost.reason.text}")
            for lost in self.losses[:5]
        ]  # fmt: skip
        reference = self.optics.reference
        felt = kicks_text(self.kicks, reference.beta * reference.p0c)
        lines += [("effects" if i == 0 else "", line) for i, line in enumerate(felt)]
        parts = [named_values(lines), *([light_text(self.light)] if self.light else [])]
        parts += [r.text(name) for name, r in self.records.items() if r.told_as]
        return "\n\n".join([*parts, *([self.power_text()] if self.source else [])])

    def _shares(self) -> list[tuple[str, str, float]]:
        """What being alive does not say: name of a monitor, share, value."""
        return [(name, *pair) for name, record in self.records.items() for pair in record.shares().items()]

    def contents(self) -> dict[str, Tree]:
        """Optics, records of the monitors, and numbers."""
        lights: Tree = {
            str(light.harmonic): tree_of(light) for light in self.light
        }  # named by harmonic, not by position
        results: Tree = {**super().contents()["results"], "light": lights}
        return {"optics": tree_of(self.optics), "monitors": trees_of(self.records), "results": results}

    @classmethod
    def load(cls, stored: RunContents, particles: Mapping[str, Beam], **others: Any) -> Self:
        """Read a finished run."""
        found = {"optics": record_of(Optics, stored.optics), "records": records_of(cast(Any, stored.monitors))}
        return super().load(stored, particles, **found, **others)

    def beams(self) -> list[tuple[str, Beam]]:
        """Beams that have a living particle, with words for where they are."""
        want, source = self.config.light, self.config.source
        found = {f"end of turn {self.turns - 1}" if self.turns else "start": self.beam}
        if source is not None:
            found = {f"source at {source.radiator}, turn {self.config.source_turn}": self.beam_at_source} | found
        if want is not None:
            found = {f"{want.at}, turn {want.turn}": self.beam_at_light} | found
        return [(words, beam) for words, beam in found.items() if beam is not None and beam.alive.any()]

    def wavelengths(self) -> list[float]:
        """Those of the monitors, or of the source, or of the light."""
        seen = {float(w) for r in with_wavelengths(self.records).values() for w in r.wavelengths}
        if not seen and self.source is not None:
            seen = {light.light.wavelength for light in self.source.lights}
        return sorted(seen or {light.wavelength for light in self.light}, reverse=True)

    def bunching(self) -> dict[str, Any]:
        """Bunching factors by wavelength and turn, by name of the monitor."""
        return {"records": bunching_of(self.records)}

    def bunching_text(self) -> str:
        """One table for each of these monitors."""
        return "\n\n".join(r.text(name) for name, r in with_wavelengths(self.records).items())

    def lights(self) -> Sequence[SourceLight]:
        """Those of the source."""
        return self.source.lights if self.source is not None else ()

    def kicks_of_turn(self) -> KickBudget | None:
        """The budget of the source."""
        return None if self.source is None else self.source.kicks

    def power(self) -> dict[str, Any] | None:
        """The source."""
        return None if self.source is None else numbers_of(self.source)

    def power_text(self) -> str:
        """The source in words and tables."""
        return "" if self.source is None else ring_source_text(self.source)


class RingStudy(Study, key="track", config=RunConfig, result=RingResult):
    """A beam in a ring: tracked for turns, with the laser and the monitors of the run file."""

    config: RunConfig
    threads_key = ("track", "threads")

    def __init__(self, config: RunConfig, lattices: Mapping[str, Lattice], places: Places | None = None) -> None:
        super().__init__(config, lattices, places)
        self.ring = lattices.get("ring", self.lattice)  # with its magnets; what is tracked may be their ring model

    @classmethod
    def lattices(cls, config: RunConfig, lattice: Lattice, places: Places | None = None) -> dict[str, Lattice]:
        """What is tracked, and the ring with its magnets if that is a model of it."""
        if lattice.periodic is False:
            others = ", ".join(key for key in STUDIES if key != cls.key)
            with at_place(places, "lattice"):
                raise ConfigError(
                    f"lattice '{lattice.name}' is a single pass, not a ring: its run file needs another key ({others})"
                )
        check_radio_frequency(lattice)
        with at_place(places, "track", "model"):
            tracked = tracked_lattice(lattice, config.track, config.places_wanted())
        return {"lattice": lattice} if tracked is lattice else {"lattice": tracked, "ring": lattice}

    def check(self) -> None:
        """Compile, compute optics and beam, and try the light: whatever stops it should do so now."""
        config, places = self._with_facts(), self.places
        self.config = config
        with at_place(places, "lattice"):
            lit = config.laser is not None and config.laser.turns > 0
            self.program = ring_program(self.lattice, config.laser, lit, config.track.radiation)
            self.optics: Optics = ring_optics(self.lattice, config.laser)
            self.ring_optics = self.optics if self.ring is self.lattice else ring_optics(self.ring, config.laser)
        with at_place(places, "laser"):
            self.drives = laser_drives(config.laser, config.track.turns, self.program)
            drives_of(self.program, self.program.ops.copy(), self.drives, config.track.turns)
        self.monitors = monitors_of(config.monitors, self, self._check_place, places)
        known = config.train(self.lattice.reference) | {"ring": None if self.ring is self.lattice else self.ring}
        self.effects = effects_of(config.effects, known, self.program, places)
        if config.light is not None:
            with at_place(places, "light", "at"):
                self._check_place(config.light.at)
        with at_place(places, "beam"):
            self.beam = starting_beam(
                config.beam, config.laser, config.held, self.optics, self.ring, config.track.radiation, places
            )
            wavelength = config.laser and config.laser.wavelength
            self.start = self.beam.particles(config.beam, wavelength, self.lattice.reference)
        with at_place(places, "light"):
            self.light(self.start.select(np.arange(min(len(self.start), 16))))
        if config.source is not None and config.laser is not None:
            with at_place(places, "source", "radiator"):
                self._check_place(config.source.radiator)
            with at_place(places, "source"):
                check_source(config.source, config.laser, self.ring)

    def _with_facts(self) -> RunConfig:
        """The run file with what its elements say."""
        config, found = self.config, {}
        if config.laser is not None:
            found["laser"] = lit_by_lattice(config.laser, self.ring, self.places)
        if config.light is not None:
            found["light"] = with_undulator(config.light, config.light.at, self.ring, self.places, "light", "at")
        if config.source is not None:
            at = config.source.radiator
            found["source"] = with_undulator(config.source, at, self.ring, self.places, "source", "radiator")
            if config.source.intrabeam is None:
                scatters = "in_beam" if "intrabeam" in config.beam.effects else "add"
                found["source"] = found["source"].model_copy(update={"intrabeam": scatters})
        return config.model_copy(update=found)

    def micro_bucket(self) -> MicroBucket:
        """The bucket of ring and laser."""
        laser = cast(LaserConfig, self.config.laser)  # the config class demands it
        return bucket_of(laser, self.config.track.radiation.on, self.lattice, self.optics)

    def moving_light(self) -> str | None:
        """Element whose light the bucket moves with, if the light moves."""
        return next((name for name, p in self.drives.items() if p.detuned), None)

    def _check_place(self, name: str | None) -> None:
        if name is not None:
            self.program.index(name)

    def run(self, on: On) -> RingResult:
        """Track and evaluate; turns go on from a checkpoint."""
        done = self._track(on)
        if done.status is RunStatus.ALL_LOST:
            first = min(done.losses(), key=lambda loss: loss.first_turn)
            raise PhysicsError(
                f"all particles are lost by turn {done.turns}, first at '{first.element}' ({first.reason.text}); "
                "look at the apertures, the tunes and the amplitudes"
            )
        at_light, at_source = (_kept_beam(done.monitors.pop(name, None)) for name in (_LIGHT, _SOURCE))
        light: tuple[Light, ...] = ()
        source, status, stage = None, done.status, f"turn {done.turns}"
        if status is RunStatus.COMPLETED:
            try:
                light = self.light(at_light) if at_light is not None else ()
                source = self._source(on, at_source, done) if at_source is not None else None
            except Stopped as stopped:
                status, stage = RunStatus.INTERRUPTED, stopped.stage
        return RingResult(
            config=self.config,
            lattice_text=lattice_text(self.ring),
            status=status,
            stage="" if status is RunStatus.COMPLETED else stage,
            provenance={"seed": self.config.track.seed},
            optics=self.ring_optics,
            start=self.beam,
            turns=done.turns,
            count=len(done.beam),
            alive=int(np.count_nonzero(done.beam.alive)),
            records=done.monitors,
            losses=done.losses(),
            kicks=done.kicks,
            light=light,
            source=source,
            beam=done.beam,
            beam_at_light=at_light,
            beam_at_source=at_source,
        )

    def _track(self, on: On) -> Run:
        light, source = self.config.light, self.config.source
        kept = [] if light is None else [beam_at(light.at, light.turn, _LIGHT)]
        if source is not None:
            kept.append(beam_at(source.radiator, self.config.source_turn, _SOURCE))
        return track(
            self.program,
            self.start,
            self.config.track.turns,
            monitors=[*self.monitors, *kept],
            seed=self.config.track.seed,
            checkpoint_every=self.config.track.checkpoint_every,
            drives=self.drives,
            effects=self.effects,
            **on.tracking(),
        )

    def light(self, beam: Beam) -> tuple[Light, ...]:
        """Light of the beam at the undulator; nothing if the run file asks for none."""
        config = self.config
        if config.light is None or config.laser is None:
            return ()
        lit = ring_program(self.lattice, config.laser, True)
        return light_of(config.light, config.laser, self.beam, beam, self.optics, lit)

    def _source(self, on: On, beam: Beam, done: Run) -> RingSource:
        """The source with this beam in its radiator."""
        with at_place(self.places, "source"):
            return on.stage(
                "source",
                RingSource,
                lambda: ring_source(
                    self.config,
                    self.beam.emit_y,
                    self.ring,
                    self.ring_optics,
                    beam,
                    done.monitors,
                    self.effects,
                    done.kicks,
                ),
            )


def _kept_beam(record: Any) -> Beam | None:
    """The one beam of a record, if its turn was reached."""
    return record.beams[0] if record is not None and record.beams else None
