"""The folder of a run and what every run writes into it."""

from __future__ import annotations

import datetime
import os
import platform
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ssmb.errors import ConfigError, LatticeError, ResultFileError
from ssmb.io import load_lattice
from ssmb.lattice import Lattice
from ssmb.store.atomic import atomic_path, checked_path, os_failure
from ssmb.store.lock import locked
from ssmb.store.run_file import RUN_FILE
from ssmb.studies.study import Places, at_place

CONFIG_FILE = "run.json"
PARTICLES, STAGES, CHECKPOINT, FIGURES, LOCK = "particles", "stages", "checkpoint.h5", "figures", "run.lock"
_LATTICE = ".pals.yaml"


def lattice_of(path: str | os.PathLike[str], name: str, places: Places) -> Lattice:
    """The lattice of a run file, with what the user changes in it; a path of any kind is the user's choice, but what is
    wrong with it is told here.
    """
    try:
        lattice = load_lattice(Path(path).parent / name, constants=_constants(places))
    except LatticeError as error:
        if error.where is not None and error.where.line:
            raise
        raise ConfigError(f"lattice: {error}", places.of("lattice")) from None
    for key, value in places.of_lattice():
        pattern, _, parameter = key.rpartition(".")
        if pattern:
            with at_place(places, f"lattice.{key}"):
                lattice = lattice.with_changes({pattern: {parameter: value}})
    return lattice


def _constants(places: Places) -> dict[str, float]:
    """Changes of constants of the lattice file: keys without an element."""
    found = {key: value for key, value in places.of_lattice() if "." not in key}
    for key, value in found.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            where = places.of(f"lattice.{key}")
            raise ConfigError(f"lattice.{key}: a constant of a lattice is a number, got {value!r}", where)
    return found


def lattice_path(place: Path, name: str) -> Path:
    """File of one of the lattices of a run."""
    return place / f"{name}{_LATTICE}"


def stored_lattices(place: Path) -> dict[str, Lattice]:
    """The lattices of a folder, by name."""
    if not lattice_path(place, "lattice").is_file():
        raise ResultFileError(f"'{place}' is not the folder of a run: it has no lattice{_LATTICE}")
    return {path.name.removesuffix(_LATTICE): load_lattice(path) for path in sorted(place.glob(f"*{_LATTICE}"))}


def new_folder(wanted: str | os.PathLike[str], stem: str, force: bool = False) -> Path:
    """Make the folder of a run; by default one that nobody else has.

    Parameters
    ----------
    wanted : its path; empty for ``runs/<stem>``, numbered if it exists.
    force : whether it may exist.
    """
    number = 0
    while True:
        number += 1
        place = checked_path(wanted) if wanted else Path("runs") / (stem if number == 1 else f"{stem}-{number}")
        try:
            place.mkdir(parents=True, exist_ok=bool(wanted) or force)
            break
        except FileExistsError as error:
            if wanted or force:
                raise ResultFileError(f"'{place}' is a file, not a folder: choose another with --folder") from error
        except OSError as error:
            raise os_failure(error, place, "make the folder") from error
    return place


def in_use(place: Path) -> AbstractContextManager[None]:
    """Keep other processes from writing into the folder of a run."""
    return locked(place / LOCK, f"folder '{place}'")


def claim_folder(place: Path, force: bool = False) -> None:
    """Take the run away that the folder holds, or refuse to, unless that is wanted."""
    if force:
        clear_folder(place, itself=False)
    if (place / RUN_FILE).exists() or (place / CONFIG_FILE).exists():
        raise ConfigError(
            f"folder '{place}' holds a run already: choose another with --folder, resume that one, or replace it with "
            "--force"
        )


def clear_folder(place: Path, itself: bool = True) -> None:
    """Take what a run has written out of its folder, and the folder if nothing else is in it."""
    keep_only_results(place)
    with suppress(OSError):
        for path in [place / RUN_FILE, place / CONFIG_FILE, *place.glob(f"*{_LATTICE}")]:
            path.unlink(missing_ok=True)
        for path in [*(place / PARTICLES).glob("*.h5"), *(place / FIGURES).glob("*.png")]:
            path.unlink()
        if itself:
            (place / LOCK).unlink(missing_ok=True)
    for folder in [place / PARTICLES, place / FIGURES, *([place] if itself else [])]:
        with suppress(OSError):  # it holds other things
            folder.rmdir()


def keep_only_results(place: Path) -> None:
    """Take away what is needed only to go on: the checkpoint and the finished stages."""
    with suppress(OSError):
        for path in [*place.glob("checkpoint*"), *(place / STAGES).glob("*")]:
            path.unlink(missing_ok=True)
    with suppress(OSError):
        (place / STAGES).rmdir()


def write_text(path: Path, text: str) -> None:
    """Write a file as a whole or not at all."""
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")


def provenance(threads: int) -> dict[str, Any]:
    """Versions, threads and time of a run."""
    import numba
    import scipy

    from ssmb.kernels.jit import processor, source_hash
    from ssmb.version import __version__

    return {
        "ssmb": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "numba": numba.__version__,
        "kernels": source_hash(),
        "processor": processor(),
        "threads": threads,
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
