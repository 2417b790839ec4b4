"""Particles as openPMD-beamphysics files: ours to the bit, and those of others."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ssmb.beam import Beam, Reference
from ssmb.beam.coordinates import from_openpmd, to_openpmd
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.errors import ResultFileError
from ssmb.store.openpmd import read_particles, write_particles
from ssmb.store.tree import Dataset

STATES = ("state", "lost_turn", "lost_element")
AXES = ("x", "px", "y", "py", "z", "delta")


def save_beam(beam: Beam, path: str | os.PathLike[str]) -> None:
    """Write particles in openPMD-beamphysics form; the exact coordinates and losses are kept with them."""
    alive = beam.alive
    columns = to_openpmd(beam.select(alive) if not alive.all() else beam)
    kept = beam.select(alive)
    write_particles(
        path,
        {**columns, "weight": kept.weight * ELEMENTARY_CHARGE, "id": kept.ids, "status": np.ones(len(kept), dtype=int)},
        species=beam.reference.species,
        reference_energy=beam.reference.energy,
        coordinates=dict(zip(AXES, kept.coordinates, strict=True)),
        extra={
            "weight": Dataset(beam.weight, "1", "real particles per macroparticle"),
            "ids": Dataset(beam.ids, "1", "particle numbers"),
            "all": {a: Dataset(c, "m" if a in "xyz" else "1", a) for a, c in zip(AXES, beam.coordinates, strict=True)},
            **{name: Dataset(getattr(beam, name), "1", name) for name in STATES},
        },
    )


def load_beam(path: str | os.PathLike[str], reference: Reference | None = None) -> Beam:
    """Read particles of ours (to the bit) or of any openPMD-beamphysics file.

    Parameters
    ----------
    reference : reference particle for a foreign file; by default one with the mean energy of the particles.
    """
    file = read_particles(path)
    extra: Any = file.extra
    if file.reference_energy is not None and "all" in extra:
        rows = np.stack([extra["all"][axis].values for axis in AXES])
        states = {name: extra[name].values for name in STATES}
        ref = Reference(file.reference_energy, file.species)
        return Beam(ref, rows, extra["weight"].values, ids=extra["ids"].values, **states)
    alive = np.asarray(file.arrays["status"]) == 1
    if not alive.any():
        raise ResultFileError(f"'{os.fspath(path)}' holds no particle with status 1 (alive)")
    a = {name: np.asarray(values)[alive] for name, values in file.arrays.items()}
    if reference is None:
        momentum = np.sqrt(a["px"] ** 2 + a["py"] ** 2 + a["pz"] ** 2)
        mass = Reference(1e12, file.species).mass
        reference = Reference(float(np.sqrt(np.mean(momentum) ** 2 + mass**2)), file.species)
    columns = {k: a[k] for k in ("x", "px", "y", "py", "z", "t", "pz")}
    columns["t"] = columns["t"] - np.mean(columns["t"])
    return Beam(reference, from_openpmd(columns, reference), a["weight"] / ELEMENTARY_CHARGE)
