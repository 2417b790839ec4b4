"""Run files: from the lattice to the light, in one folder, interruptible and resumable."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ssmb.beam import Beam, sigma_from_twiss
from ssmb.errors import ConfigError, LatticeError, PhysicsError, ResultFileError
from ssmb.lattice import Lattice, lattice_text, load_lattice
from ssmb.optics import Optics
from ssmb.store.atomic import checked_path
from ssmb.store.checkpoint import CHECKPOINT_FILE, remove_checkpoint
from ssmb.store.run_file import RUN_FILE
from ssmb.studies.config import BucketConfig, BunchingConfig, MomentsConfig, RunConfig, SnapshotConfig
from ssmb.studies.files import load_result, save_result
from ssmb.studies.folders import (
    CONFIG_FILE,
    LATTICE_FILE,
    RING_FILE,
    at_place,
    lattice_of,
    new_folder,
    provenance,
    write_text,
)
from ssmb.studies.insertion_config import InsertionRunConfig
from ssmb.studies.insertion_result import InsertionResult
from ssmb.studies.insertion_run import insertion_file, resume_insertion
from ssmb.studies.light import light_of
from ssmb.studies.read_config import Places, load_config, placed_config
from ssmb.studies.result import Light, StudyResult
from ssmb.studies.rings import ring_optics, ring_program, tracked_lattice
from ssmb.studies.source import check_source, ring_source
from ssmb.studies.source_result import RingSource
from ssmb.studies.steady import bucket_of, laser_program
from ssmb.tracking import (
    BucketMonitor,
    BunchingMonitor,
    LaserProgram,
    MomentMonitor,
    Monitor,
    Run,
    RunStatus,
    SnapshotMonitor,
    SnapshotRecord,
    most_threads,
    track,
)
from ssmb.tracking.driving import drives_of, elements_named


def run_file(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str] | None = None,
    changes: Mapping[str, Any] | None = None,
    *,
    threads: int | None = None,
    progress: bool = False,
) -> StudyResult | InsertionResult:
    """Do what a run file says and keep everything in a folder.

    Parameters
    ----------
    path : run file.
    folder : folder of the run; by default that of the file, else ``runs/<name>``, numbered if it holds a run already.
    changes : values that replace those of the file, by dotted key (see :func:`~ssmb.studies.read_config.load_config`).
    threads : number of threads; the result does not depend on it.
    progress : show a progress bar on stderr.

    Raises
    ------
    SsmbError
        The files are wrong, the ring is unstable, all particles are lost, or the folder cannot be written.
    """
    config, places = placed_config(path, changes)
    if isinstance(config, InsertionRunConfig):
        return insertion_file(path, config, places, folder, threads)
    lattice = lattice_of(path, config.lattice, places)
    if lattice.periodic is False:
        raise ConfigError(
            f"lattice '{lattice.name}' is a single pass, not a ring: an insertion needs a run file with the key 'insertion'",
            places.of("lattice"),
        )
    with at_place(places, "track", "model"):
        text = lattice_text(tracked_lattice(lattice, config))
    ring = load_lattice(ring_text) if (ring_text := lattice_text(lattice)) != text else None
    study = _Study(config, load_lattice(text), threads, progress, places, ring)
    stem = Path(path).name.removesuffix(".yaml").removesuffix(".run")
    place = new_folder(folder if folder is not None else config.output.folder, stem)
    write_text(place / LATTICE_FILE, text)
    if ring is not None:
        write_text(place / RING_FILE, ring_text)
    write_text(place / CONFIG_FILE, config.model_dump_json(indent=2))
    return _finished(study, place)


def resume(
    folder: str | os.PathLike[str], *, threads: int | None = None, progress: bool = False
) -> StudyResult | InsertionResult:
    """Go on with a run that was interrupted; the end state is the same to the bit as without the interruption.

    A run that is finished is only read; that of an insertion, which is short, begins again if it is not.
    """
    place = checked_path(folder)
    for name in (CONFIG_FILE, LATTICE_FILE):
        if not (place / name).is_file():
            raise ResultFileError(f"'{place}' is not the folder of a run: it has no {name}")
    config = load_config(place / CONFIG_FILE)
    if isinstance(config, InsertionRunConfig):
        return resume_insertion(place, config, load_lattice(place / LATTICE_FILE), threads)
    if (place / RUN_FILE).is_file() and (place / "particles" / "final.h5").is_file():
        return load_result(place)
    ring = load_lattice(place / RING_FILE) if (place / RING_FILE).is_file() else None
    return _finished(_Study(config, load_lattice(place / LATTICE_FILE), threads, progress, ring=ring), place)


def run(config: RunConfig, lattice: Lattice, *, threads: int | None = None, progress: bool = False) -> StudyResult:
    """Do a run in memory, without a folder (see :func:`run_file`)."""
    return _Study(config, tracked_lattice(lattice, config), threads, progress, ring=lattice).result(None)


def _finished(study: _Study, place: Path) -> StudyResult:
    result = study.result(place)
    if result.status is RunStatus.COMPLETED:
        save_result(result, place)
        remove_checkpoint(place / CHECKPOINT_FILE)
    return result


#: Name of the record that keeps the beam where the light, or the source, is.
_LIGHT, _SOURCE = "beam at the light", "beam at the source"


class _Study:
    """One run: matched beam, turns, light. All that can be wrong is found when it is made."""

    def __init__(
        self,
        config: RunConfig,
        lattice: Lattice,
        threads: int | None,
        progress: bool,
        places: Places | None = None,
        ring: Lattice | None = None,
    ) -> None:
        self.config, self.lattice, self.places = config, lattice, places
        self.ring = lattice if ring is None else ring  # with its magnets; what is tracked may be their ring model
        self.threads, self.progress = threads if threads is not None else config.track.threads, progress
        self._check_threads()
        self._check_laser()
        with at_place(places, "lattice"):
            lit = config.laser is not None and config.laser.turns > 0
            self.program = ring_program(lattice, config.laser, lit, config.track.radiation)
            self.optics: Optics = ring_optics(lattice, config.laser)
        self.drives = self._drives()
        with at_place(places, "laser"):
            drives_of(self.program, self.program.ops.copy(), self.drives, config.track.turns)
        self.monitors = self._monitors()
        with at_place(places, "beam"):
            self.start = self.beam()
        with at_place(places, "light"):
            self.light(self.start.select(np.arange(min(len(self.start), 16))))  # whatever stops it should do so now
        if config.source is not None:
            with at_place(places, "source", "at"):
                self._check_place(config.source.at)
            with at_place(places, "source"):
                check_source(config, self.ring)

    def _check_threads(self) -> None:
        most = most_threads()
        if self.threads is not None and not 1 <= self.threads <= most:
            with at_place(self.places, "track", "threads"):
                raise ConfigError(
                    f"threads must lie between 1 and {most}, got {self.threads}; for more set NUMBA_NUM_THREADS before "
                    "Python starts"
                )

    def _check_laser(self) -> None:
        laser, lattice = self.config.laser, self.lattice
        known = {e.name.partition("#")[0] for e in lattice} | {e.name for e in lattice}
        for i, name in enumerate(laser.elements if laser is not None else ()):
            if name not in known or not all(e.light() for e in lattice.find(name)):
                lit = [e.name for e in lattice if e.light()]
                hint = f" Those with a laser: {', '.join(lit[:10])}." if lit else " No element has an SSMB_laser group."
                with at_place(self.places, "laser", "elements", i):
                    raise ConfigError(f"'{name}' is not a Wiggler with a laser in lattice '{lattice.name}'.{hint}")

    def _drives(self) -> dict[str, LaserProgram]:
        """What each laser element does by turn; nothing if it is the same on all turns."""
        laser = self.config.laser
        with at_place(self.places, "laser"):
            light = laser_program(laser, self.config.track.turns)
        if laser is None or light is None:
            return {}
        dark = [] if laser.changes else [n for n in laser.elements if not self._shines(n)]  # power 0 may go off, too
        return {name: light for name in laser.elements if name not in dark}

    def _shines(self, name: str) -> bool:
        return bool(self.program.driven(elements_named(self.program, name)))

    def _monitors(self) -> list[Monitor]:
        made: list[Monitor] = []
        for i, m in enumerate(self.config.monitors):
            with at_place(self.places, "monitors", i):
                if not isinstance(m, SnapshotConfig):
                    self._check_place(m.at)
                if isinstance(m, MomentsConfig):
                    made.append(MomentMonitor(m.at, m.every))
                elif isinstance(m, BunchingConfig):
                    made.append(BunchingMonitor(m.at, m.wavelengths, m.every))
                elif isinstance(m, BucketConfig):
                    made.append(self._bucket_monitor(m))
                else:
                    made.append(SnapshotMonitor(every=m.every))
                if any(made[-1].name == other.name for other in made[:-1]):
                    raise ConfigError(f"a second monitor of {m.kind} at the same place; put what they record into one")
        if self.config.light is not None:
            with at_place(self.places, "light", "at"):
                self._check_place(self.config.light.at)
        return made

    def _bucket_monitor(self, m: BucketConfig) -> BucketMonitor:
        """A bucket that moves with the light, if the light moves."""
        light = next((name for name, p in self.drives.items() if p.detuned), None)
        return BucketMonitor(m.at, bucket_of(self.config, self.lattice, self.optics), m.harmonics, light, m.every)

    def _check_place(self, name: str | None) -> None:
        if name is not None:
            try:
                self.program.index(name)
            except LatticeError as error:
                raise ConfigError(error.message) from None

    def beam(self) -> Beam:
        """The matched beam at the beginning of the lattice, on the closed orbit."""
        b, start = self.config.beam, self.optics.at(0)
        twiss: dict[str, Any] = {
            "emit_x": b.emit_x,
            "emit_y": b.emit_y,
            "beta_x": start["beta_x"],
            "beta_y": start["beta_y"],
            "alpha_x": start["alpha_x"],
            "alpha_y": start["alpha_y"],
            "dispersion": tuple(start[f"dispersion_{axis}"] for axis in ("x", "px", "y", "py")),
            "sigma_delta": b.sigma_delta,
            "sigma_z": b.sigma_z,
        }
        sigma = sigma_from_twiss(**twiss)
        orbit = self.optics.closed_orbit[0] * np.array([1, 1, 1, 1, 0, 0])
        common: dict[str, Any] = {
            "n": b.particles,
            "charge": b.charge,
            "seed": b.seed,
            "start": b.start,
            "centroid": orbit,
        }
        if b.z_distribution == "gaussian":
            return Beam.gaussian(self.lattice.reference, sigma, **common)
        assert self.config.laser is not None  # the config class demands it
        part = b.wavelengths * self.config.laser.wavelength / (math.sqrt(2.0 * math.pi) * b.sigma_z)
        common["charge"] = b.charge * part  # the slice at the peak of the bunch
        return Beam.coasting(
            self.lattice.reference,
            sigma,
            wavelength=self.config.laser.wavelength,
            n_wavelengths=b.wavelengths,
            **common,
        )

    @property
    def source_turn(self) -> int:
        """Turn whose beam is that of the source."""
        want = self.config.source
        last = self.config.track.turns - 1
        return last if want is None or want.turn is None else want.turn

    def result(self, place: Path | None) -> StudyResult:
        """Track and evaluate; with a folder, go on from the checkpoint in it."""
        done = self._track(None if place is None else place / CHECKPOINT_FILE)
        if done.status is RunStatus.ALL_LOST:
            first = min(done.losses(), key=lambda loss: loss.first_turn)
            raise PhysicsError(
                f"all particles are lost by turn {done.turns}, first at '{first.element}' ({first.reason.text}); "
                "look at the apertures, the tunes and the amplitudes"
            )
        finished = done.status is RunStatus.COMPLETED
        light_beam, source_beam = (_kept_beam(done.monitors.pop(name, None)) for name in (_LIGHT, _SOURCE))
        return StudyResult(
            config=self.config,
            lattice_text=lattice_text(self.lattice),
            optics=self.optics,
            records=done.monitors,
            light=self.light(light_beam) if finished and light_beam is not None else (),
            beam=done.beam,
            beam_at_light=light_beam,
            status=done.status,
            turns=done.turns,
            losses=done.losses(),
            beam_at_source=source_beam,
            source=self.source(source_beam, done.monitors) if finished and source_beam is not None else None,
            provenance=provenance(self.threads),
            folder="" if place is None else str(place),
        )

    def _track(self, checkpoint: Path | None) -> Run:
        light, source = self.config.light, self.config.source
        kept = [] if light is None else [SnapshotMonitor(light.at, turns=[light.turn], name=_LIGHT)]
        kept += [] if source is None else [SnapshotMonitor(source.at, turns=[self.source_turn], name=_SOURCE)]
        return track(
            self.program,
            self.start,
            self.config.track.turns,
            monitors=[*self.monitors, *kept],
            seed=self.config.track.seed,
            threads=self.threads,
            progress=self.progress,
            checkpoint=checkpoint,
            checkpoint_every=self.config.track.checkpoint_every,
            resume=checkpoint is not None,
            drives=self.drives,
        )

    def light(self, beam: Beam) -> tuple[Light, ...]:
        """Light of the beam at the undulator; nothing if the run file asks for none."""
        return (
            light_of(self.config, beam, self.optics, ring_program(self.lattice, self.config.laser, True))
            if self.config.light is not None
            else ()
        )

    def source(self, beam: Beam, records: dict[str, Any]) -> RingSource:
        """The source with this beam in its radiator."""
        with at_place(self.places, "source"):
            optics = ring_optics(self.ring, self.config.laser)
            return ring_source(self.config, self.ring, optics, beam, self.source_turn, records)


def _kept_beam(record: SnapshotRecord | None) -> Beam | None:
    """The one beam of a record, if its turn was reached."""
    return record.beams[0] if record is not None and record.beams else None
