"""Results, beams and lattices as files: ``save`` and ``load`` choose by type and by content."""

from __future__ import annotations

import json
import math
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ssmb.beam import Beam, Reference
from ssmb.bunching import MicroBucket
from ssmb.errors import ConfigError, ResultFileError
from ssmb.lattice import Lattice, load_lattice, save_lattice
from ssmb.radiation.signal import ChargeSignal
from ssmb.store.run_file import RUN_FILE, RunContents, read_run, write_run
from ssmb.store.tree import Dataset, Tree
from ssmb.studies.beam_files import AXES, STATES, load_beam, save_beam
from ssmb.studies.insertion_config import InsertionRunConfig
from ssmb.studies.insertion_files import load_insertion_result, save_insertion_result
from ssmb.studies.insertion_result import InsertionResult
from ssmb.studies.read_config import config_from_text
from ssmb.studies.records import record_of, tree_of
from ssmb.studies.result import Light, StudyResult
from ssmb.studies.rings import ring_optics, ring_program
from ssmb.studies.source_result import RingSource
from ssmb.tracking import BucketRecord, BunchingRecord, MomentRecord, RunStatus, SnapshotRecord, losses_of

_SCAN = {
    "charge": ("C", "bunch charge"),
    "coherent_energy": ("J", "coherent energy of one passage"),
    "incoherent_energy": ("J", "incoherent energy of one passage"),
}


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
    table = {k: v for k, v in result.optics.table().items() if k != "NAME"}
    tree: Tree = {
        "names": Dataset(result.optics.table()["NAME"], "1", "element whose exit the row belongs to"),
        **{k: Dataset(v, _unit_of_column(k), f"MAD-X column {k}") for k, v in table.items()},
        "qx": result.optics.qx,
        "qy": result.optics.qy,
        "qs": result.optics.qs,
        "alpha_c": result.optics.alpha_c,
        "slip_factor": result.optics.slip_factor,
        "slip_factor2": result.optics.slip_factor2,
    }
    contents = RunContents(
        config=result.config.model_dump_json(indent=2),
        lattice=result.lattice_text,
        provenance={k: v for k, v in result.provenance.items() if v is not None},
        optics=tree,
        monitors={name: _record_tree(record) for name, record in result.records.items()},
        results={
            "status": result.status.name,
            "turns": result.turns,
            "light": {str(light.harmonic): _light_tree(light) for light in result.light},
            **({} if result.source is None else {"source": tree_of(result.source)}),
        },
    )
    write_run(folder, contents, software_version=str(result.provenance.get("ssmb", "")))


def load_result(folder: str | os.PathLike[str]) -> StudyResult | InsertionResult:
    """Read the folder of a finished run; the optics of a ring are computed again from the stored lattice."""
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
        optics=ring_optics(lattice, config.laser),
        records={name: _record(tree) for name, tree in monitors.items()},
        light=tuple(_light(int(n), tree) for n, tree in sorted(results["light"].items(), key=lambda i: int(i[0]))),
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


def _unit_of_column(name: str) -> str:
    metres = ("S", "BETX", "BETY", "DX", "DY", "DDX", "DDY", "X", "Y", "T")
    return "m" if name in metres else "2pi" if name.startswith("MU") else "1"


def _record_tree(record: Any) -> Tree:
    tree: Tree = {"turn": Dataset(record.turn, "turn", "turn number")}
    if isinstance(record, SnapshotRecord):
        beams: Any = {
            str(int(t)): {
                a: Dataset(c, "m" if a in "xyz" else "1", a) for a, c in zip(AXES, b.coordinates, strict=True)
            }
            | {name: Dataset(getattr(b, name), "1", name) for name in (*STATES, "weight", "ids")}
            for t, b in zip(record.turn, record.beams, strict=True)
        }
        energy = Dataset(record.beams[0].reference.energy if record.beams else 0.0, "eV", "reference energy")
        species = record.beams[0].reference.species if record.beams else "electron"
        return {"kind": "snapshots", **tree, "beams": beams, "energy": energy, "species": species}
    tree["at"] = record.at or ""
    if isinstance(record, BunchingRecord):
        tree["wavelengths"] = Dataset(record.wavelengths, "m", "wavelengths")
        tree["bunching"] = Dataset(record.bunching, "1", "complex bunching factor <exp(-2 pi i z/lambda)>")
        return {"kind": "bunching", **tree}
    if isinstance(record, BucketRecord):
        return _bucket_tree(record, tree)
    tree["particles"] = Dataset(record.particles, "1", "macroparticles alive")
    tree["charge"] = Dataset(record.charge, "C", "charge alive")
    tree["mean"] = Dataset(record.mean, "1", "means of x [m], px, y [m], py, z [m], delta")
    tree["sigma"] = Dataset(record.sigma, "1", "covariance of x [m], px, y [m], py, z [m], delta")
    return {"kind": "moments", **tree}


def _bucket_tree(record: BucketRecord, tree: Tree) -> Tree:
    names = [f.name for f in fields(MicroBucket)]
    numbers = np.array([getattr(record.bucket, name) for name in names])
    tree["bucket"] = Dataset(numbers, "1", f"{names[0]} [m], {', '.join(names[1:])}")
    tree["harmonics"] = Dataset(record.harmonics, "1", "harmonics of the laser")
    tree["captured"] = Dataset(record.captured, "1", "share of the charge alive inside the separatrix")
    for name, whose in (("", "all particles alive"), ("captured_", "those inside the separatrix")):
        for kind in ("mean", "sigma"):
            key = name + kind
            tree[key] = Dataset(
                getattr(record, key), "1", f"{kind} of z [m] and delta from the bucket's centre, {whose}"
            )
    tree["bunching"] = Dataset(record.bunching, "1", "complex bunching factors <exp(-2 pi i n z/wavelength)>")
    return {"kind": "bucket", **tree}


def _record(tree: Any) -> Any:
    values = {k: v.values for k, v in tree.items() if isinstance(v, Dataset)}
    if tree["kind"] == "snapshots":
        ref = Reference(float(values["energy"]), str(tree["species"])) if tree["beams"] else None
        beams = []
        for _, b in sorted(tree["beams"].items(), key=lambda i: int(i[0])):
            v = {k: d.values for k, d in b.items()}
            rows = np.stack([v[a] for a in AXES])
            assert ref is not None
            beams.append(Beam(ref, rows, v["weight"], ids=v["ids"], **{name: v[name] for name in STATES}))
        return SnapshotRecord(values["turn"], tuple(beams))
    at = str(tree["at"]) or None
    if tree["kind"] == "bunching":
        return BunchingRecord(at, values["wavelengths"], values["turn"], values["bunching"])
    if tree["kind"] == "bucket":
        bucket = MicroBucket(*(float(v) for v in values["bucket"]))
        return BucketRecord(
            at, bucket, *(values[f.name] for f in fields(BucketRecord) if f.name not in ("at", "bucket"))
        )
    return MomentRecord(at, *(values[f.name] for f in fields(MomentRecord) if f.name != "at"))


def _light_tree(light: Light) -> Tree:
    return {
        "wavelength": Dataset(light.wavelength, "m", "wavelength"),
        "bunching": Dataset(light.bunching, "1", "complex bunching factor"),
        "closed_form": "" if math.isnan(light.closed_form) else json.dumps(light.closed_form),
        "coherent_power": Dataset(light.coherent_power, "W", "coherent power of one passage"),
        "incoherent_power": Dataset(light.incoherent_power, "W", "incoherent power of one passage"),
        **{name: Dataset(getattr(light.signal, name), unit, text) for name, (unit, text) in _SCAN.items()},
    }


def _light(harmonic: int, tree: Any) -> Light:
    v = {k: d.values for k, d in tree.items() if isinstance(d, Dataset)}
    bunching = complex(v["bunching"])
    closed = str(tree["closed_form"])
    signal = ChargeSignal(harmonic, float(v["wavelength"]), abs(bunching), *(v[name] for name in _SCAN))
    return Light(
        harmonic,
        float(v["wavelength"]),
        bunching,
        float(closed) if closed else math.nan,
        float(v["coherent_power"]),
        float(v["incoherent_power"]),
        signal,
    )
