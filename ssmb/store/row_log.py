"""What only grows during a run: arrays appended to one file, so that a checkpoint costs what is new and not what is
old.

The file is nothing by itself: a checkpoint says which one is its own, how many bytes of it count, and their SHA-256.
Bytes behind these were written for a checkpoint that never came to be, and are dropped.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ssmb.errors import ResultFileError
from ssmb.store.atomic import os_failure
from ssmb.store.sealed import DamagedFileError

_CHUNK = 1 << 20


class Block(NamedTuple):
    """An array of a log, and what it belongs to."""

    label: tuple[str, ...]
    values: np.ndarray


class RowLog:
    """A log that is written.

    Parameters
    ----------
    checkpoint : the checkpoint that it belongs to; the log lies beside it, under a name that no other run takes.
    """

    def __init__(self, checkpoint: Path) -> None:
        self.path = checkpoint.with_name(f"{checkpoint.stem}.{secrets.token_hex(4)}.rows")
        self.length, self._digest = 0, hashlib.sha256()

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of its log."""
        return {"name": self.path.name, "bytes": self.length, "sha256": self._digest.hexdigest()}

    @classmethod
    def go_on(cls, checkpoint: Path, state: dict[str, Any]) -> RowLog:
        """The log that a checkpoint tells, which was found sound, to be appended to."""
        made = cls.__new__(cls)
        made.path, made.length = checkpoint.with_name(state["name"]), int(state["bytes"])
        made._digest = _digest_of(made.path, made.length)
        return made

    def append(self, blocks: Iterable[Block]) -> None:
        """Write arrays behind those that count, and wait until they are on the disk.

        Raises
        ------
        ResultFileError
            If they cannot be written; what the last checkpoint counts is untouched.
        """
        digest, length = self._digest.copy(), self.length
        try:
            with open(self.path, "r+b" if length else "wb") as file:
                file.truncate(length)
                file.seek(length)
                for block in blocks:
                    values = np.ascontiguousarray(block.values)
                    head = {"label": block.label, "dtype": values.dtype.str, "shape": values.shape}
                    for part in (json.dumps(head).encode() + b"\n", values.reshape(-1).view(np.uint8).data):
                        file.write(part)
                        digest.update(part)
                        length += len(part)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise os_failure(error, self.path, "write") from error
        self._digest, self.length = digest, length


def check_log(checkpoint: Path, state: dict[str, Any]) -> None:
    """Raise :class:`DamagedFileError` unless the bytes that a checkpoint counts are those that were written."""
    path = checkpoint.with_name(Path(state["name"]).name)
    try:
        found = _digest_of(path, int(state["bytes"])).hexdigest()
    except ResultFileError as error:
        raise DamagedFileError(error.message) from error
    if found != state["sha256"]:
        raise DamagedFileError(f"'{path}' is truncated or damaged: its checksum differs from what was written")


def read_log(checkpoint: Path, state: dict[str, Any]) -> Iterator[Block]:
    """Arrays of a log that was found sound, in the order in which they were written."""
    if not state["bytes"]:
        return
    with open(checkpoint.with_name(state["name"]), "rb") as file:
        while file.tell() < state["bytes"]:
            head = json.loads(file.readline())
            values = np.empty(head["shape"], dtype=head["dtype"])
            file.readinto(values.reshape(-1).view(np.uint8).data)  # type: ignore[attr-defined]
            yield Block(tuple(head["label"]), values)


def remove_logs(checkpoint: Path, but: str = "") -> None:
    """Remove the logs of a checkpoint, except one."""
    for path in checkpoint.parent.glob(f"{checkpoint.stem}.*.rows"):
        if path.name != but:
            with suppress(OSError):
                path.unlink()


def _digest_of(path: Path, length: int) -> Any:
    digest = hashlib.sha256()
    if not length:
        return digest
    try:
        with open(path, "rb") as file:
            while length > 0 and (part := file.read(min(_CHUNK, length))):
                digest.update(part)
                length -= len(part)
    except OSError as error:
        raise os_failure(error, path, "read") from error
    return digest
