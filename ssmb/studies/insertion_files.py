"""The folder of the run of an insertion: saving and loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ssmb.errors import ResultFileError
from ssmb.store.run_file import RUN_FILE, RunContents, read_run, write_run
from ssmb.studies.beam_files import load_beam, save_beam
from ssmb.studies.insertion_config import InsertionRunConfig
from ssmb.studies.insertion_result import InsertionFindings, InsertionResult
from ssmb.studies.read_config import config_from_text
from ssmb.studies.records import record_of, tree_of
from ssmb.tracking import RunStatus

KIND = "insertion"


def save_insertion_result(result: InsertionResult, folder: Path) -> None:
    """Write ``run.h5`` and ``particles/radiator.h5``."""
    if result.config.output.particles:
        (folder / "particles").mkdir(parents=True, exist_ok=True)
        save_beam(result.beam, folder / "particles" / "radiator.h5")
    contents = RunContents(
        config=result.config.model_dump_json(indent=2),
        lattice=result.lattice_text,
        provenance={k: v for k, v in result.provenance.items() if v is not None},
        results={"status": result.status.name, "kind": KIND, KIND: tree_of(result.findings)},
    )
    write_run(folder, contents, software_version=str(result.provenance.get("ssmb", "")))


def load_insertion_result(place: Path) -> InsertionResult:
    """Read the folder of a finished run of an insertion."""
    stored = read_run(place)
    results: Any = stored.results
    config = config_from_text(stored.config, str(place / RUN_FILE))
    particles = place / "particles" / "radiator.h5"
    if not isinstance(config, InsertionRunConfig) or KIND not in results:
        raise ResultFileError(f"'{place}' does not hold the run of an insertion")
    if not particles.is_file():
        raise ResultFileError(f"'{place}': particles/radiator.h5 is missing; output.particles was false")
    return InsertionResult(
        config=config,
        lattice_text=stored.lattice,
        findings=record_of(InsertionFindings, results[KIND]),
        beam=load_beam(particles),
        status=RunStatus[results["status"]],
        provenance=stored.provenance,
        folder=str(place),
    )
