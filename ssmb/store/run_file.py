"""The run file: all that one run used and found, in ``run.h5`` of its folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from ssmb.errors import ConfigError, ResultFileError
from ssmb.store.atomic import checked_path, os_failure
from ssmb.store.tree import Tree, read_tree, write_tree

RUN_FILE = "run.h5"
RUN_SCHEMA = 1
_TEXTS = ("config", "lattice")
_TREES = ("provenance", "optics", "monitors", "results")


@dataclass(frozen=True, eq=False)
class RunContents:
    """What a run file holds.

    Parameters
    ----------
    config : the resolved run file (YAML or JSON text).
    lattice : the lattice file (text).
    provenance : who, what, which versions, which seed.
    optics, monitors, results : trees of arrays with units; see :mod:`ssmb.store.tree`.
    """

    config: str
    lattice: str
    provenance: Tree = field(default_factory=dict)
    optics: Tree = field(default_factory=dict)
    monitors: Tree = field(default_factory=dict)
    results: Tree = field(default_factory=dict)


def write_run(
    folder: str | os.PathLike[str], contents: RunContents, *, software_version: str = "", created: str = ""
) -> Path:
    """Write ``run.h5`` into a folder, which is made if it is not there, and return the path of the file.

    Parameters
    ----------
    folder : folder of the run.
    contents : what to write.
    software_version, created : see :class:`~ssmb.store.sealed.Header`; the time is given by the caller.

    Raises
    ------
    ResultFileError
        If it cannot be written; an older ``run.h5`` is untouched then.
    ConfigError
        If the contents hold something that cannot be stored.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_run(folder, RunContents(config="turns: 1", lattice="", results={"b1": 0.3}))
    ...     path.name, read_run(folder).results
    ('run.h5', {'b1': 0.3})
    """
    for name in _TEXTS:
        if not isinstance(getattr(contents, name), str):
            raise ConfigError(f"{name} of a run must be text, not {type(getattr(contents, name)).__name__}")
    place = checked_path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise ResultFileError(f"'{place}' is a file, not a folder: give the folder of the run") from error
    except OSError as error:
        raise os_failure(error, place, "create the folder") from error
    tree: Tree = {name: getattr(contents, name) for name in _TEXTS + _TREES}
    path = place / RUN_FILE
    write_tree(
        path,
        tree,
        kind="run",
        schema_version=RUN_SCHEMA,
        software_version=software_version,
        created=created,
        compress=True,
    )
    return path


def read_run(folder: str | os.PathLike[str]) -> RunContents:
    """Read ``run.h5`` of a folder.

    Raises
    ------
    ResultFileError
        If it is missing, damaged, not a run file or of a newer layout.
    """
    path = checked_path(folder) / RUN_FILE
    tree = read_tree(path, expected_kind="run", newest_schema=RUN_SCHEMA)
    wanted = dict.fromkeys(_TEXTS, str) | dict.fromkeys(_TREES, dict)
    if set(tree) != set(wanted) or any(not isinstance(tree[name], kind) for name, kind in wanted.items()):
        raise ResultFileError(f"'{path}' must hold {', '.join(wanted)}, but holds {', '.join(tree)[:200]}")
    return RunContents(**tree)  # type: ignore[arg-type]
