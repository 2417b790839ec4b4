"""Results, beams and lattices as files: ``save`` and ``load`` choose by type and by content."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ssmb.beam import Beam
from ssmb.errors import ConfigError, ResultFileError
from ssmb.lattice import Lattice, load_lattice, save_lattice
from ssmb.optics import Optics
from ssmb.store.run_file import RUN_FILE, RunContents, read_run, write_run
from ssmb.studies.beam_files import load_beam, save_beam
from ssmb.studies.insertion_config import InsertionRunConfig
from ssmb.studies.insertion_files import load_insertion_result, save_insertion_result
from ssmb.studies.insertion_result import InsertionResult
from ssmb.studies.read_config import config_from_text
from ssmb.studies.records import record_of, tree_of
from ssmb.studies.result import Light, StudyResult
from ssmb.studies.rings import ring_program
from ssmb.studies.source_result import RingSource
from ssmb.tracking import BucketRecord, BunchingRecord, MomentRecord, RunStatus, SnapshotRecord, losses_of

#: kind of a monitor -> its record
RECORDS: dict[str, type[Any]] = {
    "moments": MomentRecord,
    "bunching": BunchingRecord,
    "bucket": BucketRecord,
    "snapshots": SnapshotRecord,
}
_KINDS = {record: kind for kind, record in RECORDS.items()}


def save(thing: Beam | Lattice | StudyResult | InsertionResult, path: str | os.PathLike[str]) -> None:
    """Write a beam (openPMD particles), a lattice (``*.pals.yaml``) or a result (a folder); all atomically."""
    if isinstance(thing, Beam):
        save_beam(thing, path)
    elif isinstance(thing, Lattice):
        save_lattice(thing, path)
    elif isinstance(thing, StudyResult):
        save_result(thing, Path(path))
    elif isinstance(thing, InsertionResult):
        save_insertion_result(thing, Path(path))
    else:
        raise ConfigError(
            f"cannot save a {type(thing).__name__}; what can be saved: Beam, Lattice, StudyResult, InsertionResult"
        )


def load(path: str | os.PathLike[str]) -> Beam | Lattice | StudyResult | InsertionResult:
    """Read what :func:`save` wrote, or any openPMD-beamphysics file or lattice file."""
    place = Path(path)
    if place.is_dir():
        return load_result(place)
    if place.name.endswith((".yaml", ".yml")):
        return load_lattice(place)
    return load_beam(place)


def save_result(result: StudyResult, folder: Path) -> None:
    """Write ``run.h5`` and ``particles/*.h5`` of a finished run."""
    if result.config.output.particles:
        (folder / "particles").mkdir(parents=True, exist_ok=True)
        save_beam(result.beam, folder / "particles" / "final.h5")
        if result.beam_at_light is not None:
            save_beam(result.beam_at_light, folder / "particles" / "light.h5")
        if result.beam_at_source is not None:
            save_beam(result.beam_at_source, folder / "particles" / "source.h5")
    contents = RunContents(
        config=result.config.model_dump_json(indent=2),
        lattice=result.lattice_text,
        provenance={k: v for k, v in result.provenance.items() if v is not None},
        optics=tree_of(result.optics),
        monitors={name: {"kind": _KINDS[type(r)], **tree_of(r)} for name, r in result.records.items()},
        results={
            "status": result.status.name,
            "turns": result.turns,
            "light": {str(light.harmonic): tree_of(light) for light in result.light},
            **({} if result.source is None else {"source": tree_of(result.source)}),
        },
    )
    write_run(folder, contents, software_version=str(result.provenance.get("ssmb", "")))


def load_result(folder: str | os.PathLike[str]) -> StudyResult | InsertionResult:
    """Read the folder of a finished run."""
    place = Path(folder)
    if not (place / RUN_FILE).is_file():
        hint = "it was interrupted: go on with 'ssmb resume'" if (place / "run.json").is_file() else "it holds no run"
        raise ResultFileError(f"'{place}' has no {RUN_FILE}: {hint}")
    stored = read_run(place)
    results: Any = stored.results
    monitors: Any = stored.monitors
    config = config_from_text(stored.config, str(place / RUN_FILE))
    if isinstance(config, InsertionRunConfig):
        return load_insertion_result(place)
    lattice = load_lattice(stored.lattice)
    particles = {p: place / "particles" / f"{p}.h5" for p in ("final", "light", "source")}
    if not particles["final"].is_file():
        raise ResultFileError(f"'{place}': the particles are missing (particles/final.h5); output.particles was false")
    beam = load_beam(particles["final"])
    return StudyResult(
        config=config,
        lattice_text=stored.lattice,
        optics=record_of(Optics, stored.optics),
        records={name: _record(tree) for name, tree in monitors.items()},
        light=tuple(record_of(Light, tree) for _, tree in sorted(results["light"].items(), key=lambda i: int(i[0]))),
        beam=beam,
        beam_at_light=load_beam(particles["light"]) if particles["light"].is_file() else None,
        status=RunStatus[results["status"]],
        turns=int(results["turns"]),
        losses=losses_of(beam, ring_program(lattice, config.laser, False)),
        provenance=stored.provenance,
        folder=str(place),
        beam_at_source=load_beam(particles["source"]) if particles["source"].is_file() else None,
        source=record_of(RingSource, results["source"]) if "source" in results else None,
    )


def _record(tree: Any) -> Any:
    """Return the record of a monitor."""
    fields = dict(tree)
    return record_of(RECORDS[fields.pop("kind")], fields)
