"""Run files: from the lattice to the light, in one folder, interruptible and resumable."""

from __future__ import annotations

import datetime
import math
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ssmb.beam import Beam, sigma_from_twiss
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.errors import ConfigError, LatticeError, PhysicsError, ResultFileError
from ssmb.lattice import Lattice, lattice_text, load_lattice
from ssmb.lattice.program import Program, compile_elements
from ssmb.optics import Optics, optics
from ssmb.radiation import Undulator, signal_against_charge
from ssmb.schemes import SingleStage
from ssmb.store.run_file import RUN_FILE
from ssmb.studies.config import BunchingConfig, LightConfig, MomentsConfig, RunConfig
from ssmb.studies.read_config import config_from_text, load_config
from ssmb.studies.result import Light, StudyResult
from ssmb.tracking import (
    BunchingMonitor,
    BunchingRecord,
    MomentMonitor,
    MomentRecord,
    Run,
    RunStatus,
    SnapshotMonitor,
    SnapshotRecord,
    track,
)

CONFIG_FILE = "run.json"
LATTICE_FILE = "lattice.pals.yaml"


def run_file(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str] | None = None,
    changes: Mapping[str, Any] | None = None,
    *,
    threads: int | None = None,
    progress: bool = False,
) -> StudyResult:
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
    config = load_config(path, changes)
    lattice = load_lattice(Path(path).parent / config.lattice)
    stem = Path(path).name.removesuffix(".yaml").removesuffix(".run")
    place = _new_folder(folder if folder is not None else config.output.folder, stem)
    _write_text(place / CONFIG_FILE, config.model_dump_json(indent=2))
    _write_text(place / LATTICE_FILE, lattice_text(lattice))
    return _run(config, load_lattice(place / LATTICE_FILE), place, threads, progress)


def resume(folder: str | os.PathLike[str], *, threads: int | None = None, progress: bool = False) -> StudyResult:
    """Go on with a run that was interrupted; the end state is the same to the bit as without the interruption."""
    place = Path(folder)
    for name in (CONFIG_FILE, LATTICE_FILE):
        if not (place / name).is_file():
            raise ResultFileError(f"'{place}' is not the folder of a run: it has no {name}")
    config = config_from_text((place / CONFIG_FILE).read_text(encoding="utf-8"), str(place / CONFIG_FILE))
    return _run(config, load_lattice(place / LATTICE_FILE), place, threads, progress)


def run(config: RunConfig, lattice: Lattice, *, threads: int | None = None, progress: bool = False) -> StudyResult:
    """Do a run in memory, without a folder (see :func:`run_file`)."""
    return _Study(config, lattice, None, threads, progress).result()


def _run(config: RunConfig, lattice: Lattice, place: Path, threads: int | None, progress: bool) -> StudyResult:
    from ssmb.studies.files import save_result

    result = _Study(config, lattice, place, threads, progress).result()
    if result.status is RunStatus.COMPLETED:
        save_result(result, place)
    return result


def _new_folder(wanted: str | os.PathLike[str], stem: str) -> Path:
    if wanted:
        place = Path(wanted)
        if (place / RUN_FILE).exists() or (place / CONFIG_FILE).exists():
            raise ConfigError(f"folder '{place}' holds a run already: choose another with --folder, or resume that one")
    else:
        place, number = Path("runs") / stem, 2
        while (place / CONFIG_FILE).exists():
            place, number = Path("runs") / f"{stem}-{number}", number + 1
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultFileError(f"cannot make the folder '{place}': {error.strerror or error}") from error
    return place


def _write_text(path: Path, text: str) -> None:
    from ssmb.store.atomic import atomic_path

    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class _Part:
    """Turns that are tracked with the same program."""

    first: int
    turns: int
    laser: bool


class _Study:
    """One run: matched beam, parts with the laser on and off, light."""

    def __init__(
        self, config: RunConfig, lattice: Lattice, place: Path | None, threads: int | None, progress: bool
    ) -> None:
        self.config, self.lattice, self.place = config, lattice, place
        self.threads, self.progress = threads if threads is not None else config.track.threads, progress
        self.programs = {on: self._program(on) for on in ((True, False) if config.laser else (False,))}
        self._check_names()
        self.optics: Optics = optics(self.programs[False])

    def _program(self, laser_on: bool) -> Program:
        lattice, laser = self.lattice, self.config.laser
        if laser is not None:
            for name in laser.elements:
                missing = name not in {e.name.partition("#")[0] for e in lattice} and name not in lattice
                if missing or not all(hasattr(e, "laser_on") for e in lattice.find(name)):
                    raise ConfigError(
                        f"laser.elements: '{name}' is not a Wiggler with a laser in lattice '{lattice.name}'"
                    )
            lattice = lattice.with_changes({name: {"laser_on": laser_on} for name in laser.elements})
        return compile_elements(lattice.elements, lattice.reference)

    def _check_names(self) -> None:
        program = self.programs[False]
        places = [m.at for m in self.config.monitors if isinstance(m, (MomentsConfig, BunchingConfig)) and m.at]
        for at in [*places, *([self.config.light.at] if self.config.light else [])]:
            try:
                program.index(at)
            except LatticeError as error:
                raise ConfigError(f"monitors and light: {error.message}") from None

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

    def parts(self) -> list[_Part]:
        """Cut the turns where the laser goes off, and where the light is wanted."""
        turns = self.config.track.turns
        lit = min(self.config.laser.turns, turns) if self.config.laser else 0
        cuts = {0, lit, turns} | ({self.config.light.turn} if self.config.light else set())
        edges = sorted(cuts)
        return [_Part(a, b - a, a < lit) for a, b in zip(edges[:-1], edges[1:], strict=True)]

    def result(self) -> StudyResult:
        """Track and evaluate."""
        beam, light_beam, runs = self.beam(), None, []
        turns, status = 0, RunStatus.COMPLETED
        for number, part in enumerate(self.parts()):
            if self.config.light is not None and part.first == self.config.light.turn:
                light_beam = self._beam_at_light(beam, part)
            done = self._track(beam, part, number)
            runs.append(done)
            beam, turns, status = done.beam, part.first + done.turns, done.status
            if status is not RunStatus.COMPLETED:
                break
        if status is RunStatus.ALL_LOST:
            first = runs[-1].losses()[0]
            raise PhysicsError(
                f"all particles are lost by turn {turns}, first at '{first.element}' ({first.reason.text}); "
                "look at the apertures, the tunes and the amplitudes"
            )
        finished = status is RunStatus.COMPLETED
        return StudyResult(
            config=self.config,
            lattice_text=lattice_text(self.lattice),
            optics=self.optics,
            records=_joined([r.monitors for r in runs]),
            light=self.light(light_beam) if finished and light_beam is not None else (),
            beam=beam,
            beam_at_light=light_beam,
            status=status,
            turns=turns,
            losses=runs[-1].losses(),
            provenance=_provenance(self.threads),
            folder="" if self.place is None else str(self.place),
        )

    def _track(self, beam: Beam, part: _Part, number: int) -> Run:
        monitors = []
        for m in self.config.monitors:
            if isinstance(m, MomentsConfig):
                monitors.append(MomentMonitor(m.at, m.every))
            elif isinstance(m, BunchingConfig):
                monitors.append(BunchingMonitor(m.at, m.wavelengths, m.every))
            else:
                monitors.append(SnapshotMonitor(m.every))
        return track(
            self.programs[part.laser],
            beam,
            part.turns,
            first_turn=part.first,
            monitors=monitors,
            seed=self.config.track.seed,
            threads=self.threads,
            progress=self.progress,
            checkpoint=None if self.place is None else self.place / f"checkpoint_{number}.h5",
            checkpoint_every=self.config.track.checkpoint_every,
            resume=self.place is not None,
        )

    def _beam_at_light(self, beam: Beam, part: _Part) -> Beam:
        program, at = self.programs[part.laser], self.config.light.at  # type: ignore[union-attr]
        if program.first_op[program.index(at)] == 0:
            return beam.copy()
        return track(
            program, beam, 1, end=at, first_turn=part.first, seed=self.config.track.seed, threads=self.threads
        ).beam

    def light(self, beam: Beam) -> tuple[Light, ...]:
        """Light of the tracked bunching in the undulator, with the closed form beside it."""
        from ssmb.bunching import bunching_factor

        want = self.config.light
        assert want is not None and self.config.laser is not None
        undulator = Undulator.resonant(
            self.lattice.reference, self.config.laser.wavelength, period=want.period, n_periods=want.periods
        )
        here, b = self.optics.at(want.at), self.config.beam
        size = tuple(
            math.sqrt(e * here[f"beta_{p}"] + (here[f"dispersion_{p}"] * b.sigma_delta) ** 2)
            for p, e in (("x", b.emit_x), ("y", b.emit_y))
        )
        scheme = self.closed_form(want)
        duration = math.sqrt(2.0 * math.pi) * b.sigma_z / (self.lattice.reference.beta * SPEED_OF_LIGHT)
        out = []
        for n in want.harmonics:
            bunching = complex(bunching_factor(beam, self.config.laser.wavelength / n))
            options: dict[str, Any] = {
                "sigma_z": b.sigma_z,
                "bunching": abs(bunching),
                "harmonic": n,
                "sigma_perp": size,
                "acceptance": want.acceptance,
                "bandwidth": want.bandwidth,
            }
            here_now = signal_against_charge(undulator, [b.charge], **options)
            quadratic = float(here_now.coherent_energy[0])
            charges = np.array(want.charges)
            ratio = charges / b.charge
            scan = type(here_now)(
                here_now.harmonic,
                here_now.wavelength,
                here_now.bunching,
                charges,
                quadratic * ratio**2,
                float(here_now.incoherent_energy[0]) * ratio,
            )
            out.append(
                Light(
                    harmonic=n,
                    wavelength=undulator.wavelength(n),
                    bunching=bunching,
                    closed_form=float(abs(scheme.bunching(n))) if scheme is not None else math.nan,
                    coherent_power=quadratic / duration,
                    incoherent_power=float(here_now.incoherent_energy[0]) / duration,
                    signal=scan,
                )
            )
        return tuple(out)

    def modulation_amplitude(self, at: str) -> float:
        """Peak relative momentum modulation of one passage on axis, from particles spread over one wavelength."""
        assert self.config.laser is not None
        wavelength, n, program = self.config.laser.wavelength, 256, self.programs[True]
        c = np.tile(self.optics.closed_orbit[0][:, None], (1, n))
        phase = np.arange(n) / n
        c[4] = phase * wavelength
        names = set(self.config.laser.elements)
        last = max(i for i, name in enumerate(program.names) if name in names or name.partition("#")[0] in names)
        moved, _ = program.propagate(c, 0, int(program.first_op[last + 1]))
        return float(2.0 * abs(np.mean(moved[5] * np.exp(-2j * math.pi * phase))))

    def closed_form(self, want: LightConfig) -> SingleStage | None:
        """The linear single-stage scheme of this ring, if only the modulation of the first turn matters."""
        if self.config.laser is None or want.turn < 1 or (self.config.laser.turns > 1 and want.turn > 1):
            return None
        here, b = self.optics.at(want.at), self.config.beam
        return SingleStage.one_turn(
            self.lattice.reference,
            self.config.laser.wavelength,
            self.optics.slip_factor,
            float(self.optics.s[-1]),
            self.modulation_amplitude(want.at),
            b.sigma_delta,
            emittance=b.emit_x,
            h=here["H_x"],
            tune=self.optics.qx,
            turns=want.turn,
        )


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Join the records of the parts of a run."""
    out: dict[str, Any] = {}
    for name, first in parts[0].items():
        records = [p[name] for p in parts]
        turn = np.concatenate([r.turn for r in records])
        if isinstance(first, SnapshotRecord):
            out[name] = SnapshotRecord(turn, tuple(b for r in records for b in r.beams))
        elif isinstance(first, BunchingRecord):
            out[name] = BunchingRecord(first.at, first.wavelengths, turn, np.concatenate([r.bunching for r in records]))
        else:
            assert isinstance(first, MomentRecord)
            joined = (
                np.concatenate([getattr(r, k) for r in records]) for k in ("particles", "charge", "mean", "sigma")
            )
            out[name] = MomentRecord(first.at, turn, *joined)
    return out


def _provenance(threads: int | None) -> dict[str, Any]:
    import numba
    import scipy

    import ssmb
    from ssmb.kernels.jit import source_hash

    return {
        "ssmb": ssmb.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "numba": numba.__version__,
        "kernels": source_hash(),
        "threads": threads or numba.config.NUMBA_NUM_THREADS,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
