"""Runs of all kinds: the folder, what is written into it, stages with names, interrupt and resume; results, beams and
lattices as files, where ``save`` and ``load`` choose by type and by content.
"""

from __future__ import annotations

import functools
import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ssmb.arguments import checked
from ssmb.beam import Beam, Reference
from ssmb.errors import ConfigError, ResultFileError, SsmbError, SsmbWarning, warn
from ssmb.io import is_lattice_name, load_lattice
from ssmb.kernels.threads import most_threads, thread_count, too_few_threads
from ssmb.lattice import Lattice, lattice_text, save_lattice
from ssmb.signals import stopped_by
from ssmb.store.atomic import checked_path
from ssmb.store.checkpoint import CHECKPOINT_FILE, CheckpointWarning
from ssmb.store.run_file import RUN_FILE, RunContents, read_run, write_run
from ssmb.store.sealed import DamagedFileError
from ssmb.store.tree import read_tree, write_tree
from ssmb.studies.beam_files import load_beam, save_beam
from ssmb.studies.folders import (
    CONFIG_FILE,
    PARTICLES,
    STAGES,
    claim_folder,
    clear_folder,
    in_use,
    keep_only_results,
    lattice_of,
    lattice_path,
    new_folder,
    provenance,
    stored_lattices,
    write_text,
)
from ssmb.studies.read_config import config_from_text, load_config, placed_config
from ssmb.studies.records import record_of, sealed, tree_of
from ssmb.studies.study import On, Result, Stopped, Study, at_place, study_of_config
from ssmb.tracking import RunStatus
from ssmb.tracking.ranks import ours

T = TypeVar("T")
_STAGE_SCHEMA = 1


@checked
def run_file(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str] | None = None,
    changes: Mapping[str, Any] | None = None,
    *,
    threads: int | None = None,
    progress: bool = False,
    force: bool = False,
    command: str = "",
) -> Result:
    """Do what a run file says and keep everything in a folder.

    Parameters
    ----------
    path : run file.
    folder : folder of the run; by default that of the file, else ``runs/<name>``, numbered if it holds a run already.
    changes : values that replace those of the file, by dotted key (see :func:`~ssmb.studies.read_config.load_config`).
    threads : number of threads; the result does not depend on it.
    progress : tell on stderr which stage begins, with a bar for the turns.
    force : replace the run that the folder holds; by default it is not touched.
    command : how the run was started, for its provenance.

    Raises
    ------
    SsmbError
        The files are wrong, the ring is unstable, all particles are lost, or the folder cannot be written.
    """
    config, places = placed_config(path, changes)
    kind = study_of_config(config)
    lattice = lattice_of(path, config.lattice, places)
    texts = {name: lattice_text(one) for name, one in kind.lattices(config, lattice, places).items()}
    study = kind(config, {name: load_lattice(text) for name, text in texts.items()}, places)
    study.check()
    threads = _threads(threads, study)
    stem = Path(path).name.removesuffix(".yaml").removesuffix(".run")
    place = new_folder(folder if folder is not None else config.output.folder, stem, force)
    with in_use(place):
        claim_folder(place, force)
        for name, text in texts.items():
            write_text(lattice_path(place, name), text)
        write_text(place / CONFIG_FILE, config.model_dump_json(indent=2))
        try:
            return _finished(study, place, threads, progress, command or f"run_file('{Path(path).name}')")
        except SsmbError as error:
            if not isinstance(error, ResultFileError):  # nothing was found to be held, and nothing can go on
                clear_folder(place)
            raise


@checked
def resume(
    folder: str | os.PathLike[str], *, threads: int | None = None, progress: bool = False, command: str = ""
) -> Result:
    """Go on with a run that was interrupted; the end state is the same to the bit as without the interruption.

    Stages that are done are read, turns go on from the checkpoint. A run that is finished is only read.
    """
    place = checked_path(folder)
    if not (place / CONFIG_FILE).is_file():
        raise ResultFileError(f"'{place}' is not the folder of a run: it has no {CONFIG_FILE}")
    if _is_finished(place):
        return load_result(place)
    with in_use(place):
        if _is_finished(place):  # in the meantime
            return load_result(place)
        study = _study_in(place)
        study.check()
        return _finished(study, place, _threads(threads, study), progress, command or "resume")


@checked
def run(config: Any, lattice: Lattice, *, threads: int | None = None, progress: bool = False) -> Result:
    """Do a run in memory, without a folder (see :func:`run_file`)."""
    kind = study_of_config(config)
    study = kind(config, kind.lattices(config, lattice))
    study.check()
    return _result(study, None, _threads(threads, study), progress, "run")


@checked
def load_result(folder: str | os.PathLike[str]) -> Result:
    """Read the folder of a run; of one that was interrupted, what its checkpoint and finished stages hold.

    Raises
    ------
    ResultFileError
        It holds no run, or one that was interrupted before anything was kept.
    """
    place = Path(folder)
    if not (place / RUN_FILE).is_file():
        if not (place / CONFIG_FILE).is_file():
            raise ResultFileError(f"'{place}' has no {RUN_FILE}: it holds no run")
        study = _study_in(place)
        study.check()
        return replace(study.run(_Here(study, place, 1, look=True)), folder=str(place))
    stored = read_run(place)
    config = config_from_text(stored.config, str(place / RUN_FILE))
    particles = {}
    for path in sorted((place / PARTICLES).glob("*.h5")):
        try:
            particles[path.stem] = load_beam(path)
        except ResultFileError as error:
            warn(f"left out: {error.message}", SsmbWarning)
    around: dict[str, Any] = {"lattice_text": stored.lattice, "provenance": stored.provenance, "folder": str(place)}
    with sealed(place / RUN_FILE, "such a run"):
        return study_of_config(config).Result.load(stored, particles, config=config, **around)


def _is_finished(place: Path) -> bool:
    if not (place / RUN_FILE).is_file():
        return False
    return (place / PARTICLES).is_dir() or not _study_in(place).config.output.particles


@checked
def save_result(result: Result, folder: Path) -> None:
    """Write ``run.h5`` and ``particles/*.h5`` of a finished run."""
    if result.config.output.particles:
        (folder / PARTICLES).mkdir(parents=True, exist_ok=True)
        for name, beam in result.particles().items():
            save_beam(beam, folder / PARTICLES / f"{name}.h5")
    contents = RunContents(
        config=result.config.model_dump_json(indent=2),
        lattice=result.lattice_text,
        provenance={k: v for k, v in result.provenance.items() if v is not None},
        **result.contents(),
    )
    write_run(folder, contents, software_version=str(result.provenance.get("ssmb", "")))


@checked
def save(thing: Beam | Lattice | Result, path: str | os.PathLike[str]) -> None:
    """Write a beam (openPMD particles), a lattice (``*.pals.yaml``) or a result (a folder); all atomically."""
    if isinstance(thing, Beam):
        save_beam(thing, path)
    elif isinstance(thing, Lattice):
        save_lattice(thing, path)
    elif isinstance(thing, Result):
        save_result(thing, Path(path))
    else:
        raise ConfigError(
            f"cannot save a {type(thing).__name__}; what can be saved: Beam, Lattice, the result of a study"
        )


@checked
def load(
    path: str | os.PathLike[str],
    *,
    reference: Reference | None = None,
    iteration: str | int | None = None,
    species: str | None = None,
) -> Beam | Lattice | Result:
    """Read what :func:`save` wrote, or any openPMD-beamphysics file or lattice file.

    Parameters
    ----------
    path : folder of a run, lattice file, or file of particles.
    reference, iteration, species : of a file of particles, see :func:`~ssmb.studies.beam_files.load_beam`.
    """
    place = checked_path(path)
    chosen = [n for n, v in (("reference", reference), ("iteration", iteration), ("species", species)) if v is not None]
    if chosen and (place.is_dir() or is_lattice_name(place)):
        raise ConfigError(f"'{place}' is no file of particles: leave {', '.join(chosen)} out")
    if place.is_dir():
        return load_result(place)
    if is_lattice_name(place):
        return load_lattice(place)
    return load_beam(place, reference, iteration=iteration, species=species)


def _study_in(place: Path) -> Study:
    """The study of a folder that is not finished."""
    config = load_config(place / CONFIG_FILE)
    return study_of_config(config)(config, stored_lattices(place))


def _threads(asked: int | None, study: Study) -> int:
    most = most_threads()
    key = study.threads_key
    wanted = functools.reduce(getattr, key, study.config) if asked is None and key else asked
    if wanted is not None and not 1 <= wanted <= most:
        with at_place(study.places if key else None, *key):
            raise ConfigError(f"threads must lie between 1 and {most}, got {wanted}: {too_few_threads()}")
    return wanted or most


def _finished(study: Study, place: Path, threads: int, progress: bool, command: str) -> Result:
    result = _result(study, place, threads, progress, command)
    if result.status is RunStatus.COMPLETED:
        save_result(result, place)
        keep_only_results(place)
    return result


def _result(study: Study, place: Path | None, threads: int, progress: bool, command: str) -> Result:
    with thread_count(threads):
        result = study.run(_Here(study, place, threads, progress=progress))
    shared = ours()
    made = provenance(threads) | {"command": command, "ranks": shared.size if shared else 1} | result.provenance
    return replace(result, provenance=made, folder="" if place is None else str(place))


class _Here(On):
    """A run in this process, its stages kept in a folder if there is one."""

    def __init__(
        self, study: Study, place: Path | None, threads: int, *, progress: bool = False, look: bool = False
    ) -> None:
        self.threads, self.place, self.progress, self.look = threads, place, progress, look
        self._of = hashlib.sha256(
            "\0".join([study.config.model_dump_json(), lattice_text(study.lattice)]).encode()
        ).hexdigest()

    def stage(self, name: str, kind: type[T], compute: Callable[[], T]) -> T:
        path = None if self.place is None else self.place / STAGES / f"{name.replace(' ', '_').replace(':', '')}.h5"
        if path is not None and path.is_file():
            try:
                tree: Any = read_tree(path, expected_kind="stage", newest_schema=_STAGE_SCHEMA)
                if tree.get("of") == self._of:
                    return record_of(kind, tree.get("found"))
            except DamagedFileError as error:
                warn(f"{name} is done again: {error.message}", CheckpointWarning)
        if self.look:
            raise Stopped(name)
        if self.progress:
            print(f"ssmb: {name}", file=sys.stderr, flush=True)
        try:
            with stopped_by():  # a stage that was stopped is done again as a whole
                found = compute()
        except KeyboardInterrupt:
            raise Stopped(name) from None
        if path is not None:
            path.parent.mkdir(exist_ok=True)
            write_tree(path, {"of": self._of, "found": tree_of(found)}, kind="stage", schema_version=_STAGE_SCHEMA)
        return found

    def tracking(self) -> dict[str, Any]:
        checkpoint = None if self.place is None else self.place / CHECKPOINT_FILE
        options = {"threads": self.threads, "progress": self.progress, "checkpoint": checkpoint, "ranks": ours()}
        return options | {"resume": checkpoint is not None, "look": self.look}
