"""The folder of a run and what every run writes into it, and errors that belong to a place of the run file."""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ssmb.errors import ConfigError, LatticeError, ResultFileError, SeveralErrors, SsmbError
from ssmb.lattice import Lattice, load_lattice
from ssmb.store.atomic import atomic_path, checked_path, os_failure
from ssmb.store.run_file import RUN_FILE
from ssmb.studies.read_config import Places
from ssmb.tracking import most_threads

CONFIG_FILE = "run.json"
LATTICE_FILE = "lattice.pals.yaml"
#: The lattice with its magnets, where a run tracks the ring model of it.
RING_FILE = "ring.pals.yaml"


def lattice_of(path: str | os.PathLike[str], name: str, places: Places) -> Lattice:
    """The lattice of a run file; a path of any kind is the user's choice, but what is wrong with it is told here."""
    try:
        return load_lattice(Path(path).parent / name)
    except LatticeError as error:
        if error.where is not None and error.where.line:
            raise
        raise ConfigError(f"lattice: {error}", places.of("lattice")) from None


def new_folder(wanted: str | os.PathLike[str], stem: str) -> Path:
    """Make the folder of a run; by default one that nobody else has."""
    number = 1
    while True:
        place = checked_path(wanted) if wanted else Path("runs") / (stem if number == 1 else f"{stem}-{number}")
        try:
            place.mkdir(parents=True, exist_ok=bool(wanted))
        except FileExistsError as error:
            if wanted:
                raise ResultFileError(f"'{place}' is a file, not a folder: choose another with --folder") from error
            number += 1
            continue
        except OSError as error:
            raise os_failure(error, place, "make the folder") from error
        if (place / RUN_FILE).exists() or (place / CONFIG_FILE).exists():
            raise ConfigError(f"folder '{place}' holds a run already: choose another with --folder, or resume that one")
        return place


def write_text(path: Path, text: str) -> None:
    """Write a file as a whole or not at all."""
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")


@contextmanager
def at_place(places: Places | None, *path: str | int) -> Iterator[None]:
    """Errors in this block that have no place of their own belong to this value of the run file."""
    try:
        yield
    except SsmbError as error:
        if places is None or error.where is not None or isinstance(error, SeveralErrors):
            raise
        raise type(error)(f"{'.'.join(str(step) for step in path)}: {error.message}", places.of(*path)) from None


def provenance(threads: int | None) -> dict[str, Any]:
    """Versions, threads and time of a run."""
    import numba
    import scipy

    from ssmb.kernels.jit import source_hash
    from ssmb.version import __version__

    return {
        "ssmb": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "numba": numba.__version__,
        "kernels": source_hash(),
        "threads": threads or most_threads(),
        "finished": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
