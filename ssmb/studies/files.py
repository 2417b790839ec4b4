"""Results, beams and lattices as files: ``save`` and ``load`` choose by type and by content."""

from __future__ import annotations

import os
from pathlib import Path

from ssmb.beam import Beam
from ssmb.errors import ConfigError
from ssmb.io import is_lattice_name, load_lattice
from ssmb.lattice import Lattice, save_lattice
from ssmb.studies.beam_files import load_beam, save_beam
from ssmb.studies.runner import load_result, save_result
from ssmb.studies.study import Result


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


def load(path: str | os.PathLike[str]) -> Beam | Lattice | Result:
    """Read what :func:`save` wrote, or any openPMD-beamphysics file or lattice file."""
    place = Path(path)
    if place.is_dir():
        return load_result(place)
    if is_lattice_name(place):
        return load_lattice(place)
    return load_beam(place)
