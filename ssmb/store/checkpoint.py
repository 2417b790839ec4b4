"""Checkpoints: the state from which a run goes on after it was stopped, killed, or lost its machine.

A checkpoint is a small sealed file, which is replaced as a whole, and a log of each thing that only grows (see
:mod:`ssmb.store.row_log`), of which it says how much counts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssmb.errors import ResultFileError, SsmbWarning, warn
from ssmb.store.atomic import checked_path, remove_parts
from ssmb.store.row_log import RowLog, check_log, remove_logs
from ssmb.store.sealed import DamagedFileError, Header, looks_sealed, new_hdf5
from ssmb.store.tree import Tree, read_tree, write_group

CHECKPOINT_FILE = "checkpoint.h5"
CHECKPOINT_SCHEMA = 1


class CheckpointWarning(SsmbWarning):
    """A run goes on from an older checkpoint than the newest, or to other last bits than without interruption."""


def previous_path(path: str | os.PathLike[str]) -> Path:
    """Return where the checkpoint before the newest is kept.

    >>> previous_path("run/checkpoint.h5").name
    'checkpoint.previous.h5'
    """
    newest = checked_path(path)
    return newest.with_name(f"{newest.stem}.previous{newest.suffix}")


def write_checkpoint(
    path: str | os.PathLike[str],
    tree: Mapping[str, Any],
    logs: Mapping[str, RowLog] | None = None,
    *,
    software_version: str = "",
    created: str = "",
) -> None:
    """Write a checkpoint; the one that it replaces is kept as ``<name>.previous<suffix>``.

    At every moment, also if the process is killed, a complete checkpoint is on the disk once the first is written.

    Parameters
    ----------
    path : file to write, usually ``checkpoint.h5`` in the folder of the run, which must exist.
    tree : what to keep; see :mod:`ssmb.store.tree`.
    logs : what was appended before, and belongs to it, by name; it must be on the disk.
    software_version, created : see :class:`~ssmb.store.sealed.Header`.

    Raises
    ------
    ResultFileError
        If it cannot be written; the checkpoints that are there stay.
    ConfigError
        If the tree holds something that cannot be stored.
    """
    newest = Path(os.path.realpath(checked_path(path)))
    # a truncated file must not push out the good one before it
    previous = previous_path(newest) if looks_sealed(newest) else None
    with new_hdf5(
        newest, Header("checkpoint", CHECKPOINT_SCHEMA, software_version, created), previous=previous
    ) as file:
        write_group(file, {**tree, "logs": {name: log.state() for name, log in logs.items()}} if logs else tree)


def read_checkpoint(path: str | os.PathLike[str]) -> Tree:
    """Read the newest checkpoint that is undamaged.

    Parameters
    ----------
    path : the newest checkpoint; the one before it is looked for beside it.

    Warns
    -----
    CheckpointWarning
        If the newest is missing or damaged and the one before it was read.

    Raises
    ------
    ResultFileError
        If neither can be read, or the file is not a checkpoint or of a newer layout.
    """
    newest = Path(os.path.realpath(checked_path(path)))
    try:
        return _read(newest)
    except ResultFileError as error:
        # of another kind or a newer layout: the older file would hide a mistake of the user
        if newest.is_file() and not isinstance(error, DamagedFileError):
            raise
        first = error
    previous = previous_path(newest)
    if not previous.is_file():
        raise first
    try:
        tree = _read(previous)
    except ResultFileError as second:
        raise ResultFileError(
            f"no checkpoint can be read: {first.message} And the one before it: {second.message} Remove both to begin "
            "again."
        ) from first
    warn(f"going on from '{previous}': {first.message}", CheckpointWarning)
    return tree


def remove_checkpoint(path: str | os.PathLike[str]) -> None:
    """Remove a checkpoint that nobody needs any more, the one before it, its logs, and what killed writers left."""
    newest = Path(os.path.realpath(checked_path(path)))
    for file in (newest, previous_path(newest)):
        file.unlink(missing_ok=True)
    remove_logs(newest)
    remove_parts(newest)


def _read(path: Path) -> Tree:
    tree: Any = read_tree(path, expected_kind="checkpoint", newest_schema=CHECKPOINT_SCHEMA)
    try:
        for state in tree.get("logs", {}).values():
            check_log(path, state)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ResultFileError(
            f"{path} is sealed, but does not say which records are its own ({error}); start anew"
        ) from error
    return tree
