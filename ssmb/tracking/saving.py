"""Checkpoints of a tracking run: what is kept, and when a run may go on from it."""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Iterable, Iterator, Sized
from typing import Any

import numpy as np

from ssmb.beam import Beam
from ssmb.errors import ConfigError, ResultFileError
from ssmb.store.atomic import checked_path
from ssmb.store.row_log import Block, RowLog
from ssmb.store.tree import Dataset
from ssmb.tracking.fingerprint import differences, fingerprint, named
from ssmb.tracking.job import Job

_ROWS = (("x", "m"), ("px", "1"), ("y", "m"), ("py", "1"), ("z", "m"), ("delta", "1"))
_STATES = ("state", "lost_turn", "lost_element")


class Saver:
    """Writes and reads the checkpoint of a job that has not begun yet; without a path it does nothing."""

    def __init__(self, path: str | os.PathLike[str] | None, every: float, job: Job) -> None:
        self.path = None if path is None else checked_path(path)
        self.every, self.job = every, job
        self.last = time.monotonic()
        self._saved: int | None = None  # turns done in the newest checkpoint
        self._log: RowLog | None = None
        self._logged: dict[str, int] = {}  # how many entries of each record it holds
        self._saves = 0  # checkpoints that were written with this log
        if self.path is not None:
            if not self.path.absolute().parent.is_dir():
                raise ResultFileError(
                    f"checkpoint '{self.path}': there is no folder '{self.path.parent}'; make it first"
                )
            for rows in job.probes.rows.values():
                rows.folder = self.path.absolute().parent
            self._fingerprint = fingerprint(job)

    def save_when_due(self) -> None:
        """Save if the last time is long ago; not at the end, when :meth:`save` follows."""
        if time.monotonic() - self.last >= self.every and self.job.done < self.job.turns:
            self.save()

    def save(self) -> None:
        """Write the checkpoint, unless it holds this state already."""
        if self.path is None or self._saved == self.job.done:
            return
        from ssmb.store import checkpoint, row_log

        job, place = self.job, self.path.resolve()
        if self._log is None or any(len(kept) < self._logged[name] for name, kept in self._growing().items()):
            self._log, self._logged, self._saves = row_log.RowLog(place), dict.fromkeys(self._growing(), 0), 0
        self._log.append(self._new_blocks())
        tree: dict[str, Any] = {
            "fingerprint": json.dumps(self._fingerprint),
            "done": job.done,
            "beam": _state_tree(job.beam),
            "effects": {
                name: {key: Dataset(values, "1", key) for key, values in state.items()}
                for name, state in job.effects.state.items()
            },
        }
        checkpoint.write_checkpoint(self.path, tree, self._log)
        self._logged = {name: len(kept) for name, kept in self._growing().items()}
        self._saves += 1
        if self._saves > 1:  # now the checkpoint before this one has the same log
            row_log.remove_logs(place, but=self._log.path.name)
        self.last, self._saved = time.monotonic(), job.done

    def _growing(self) -> dict[str, Sized]:
        """What only grows: rows of monitors and beams of snapshots, by the name of the record."""
        return {**self.job.probes.rows, **self.job.probes.beams}

    def _new_blocks(self) -> Iterator[Block]:
        """What was recorded since the last checkpoint."""
        from ssmb.store.row_log import Block

        for name, rows in self.job.probes.rows.items():
            for values in rows.since(self._logged[name]):
                yield Block(("rows", name), values.view(np.uint8))
        for name, beams in self.job.probes.beams.items():
            for turn, beam in beams[self._logged[name] :]:
                yield Block(("beam", name, str(turn)), beam.coordinates)
                for state in _STATES:
                    yield Block(("state", name, state), getattr(beam, state))

    def load(self) -> None:
        """Set the job to the state of the checkpoint, if there is one."""
        if self.path is None:
            raise ConfigError("resume=True needs checkpoint=FILE")
        from ssmb.store import checkpoint, row_log

        job, place = self.job, self.path.resolve()
        if not self.path.exists() and not checkpoint.previous_path(self.path).exists():
            return
        tree: Any = checkpoint.read_checkpoint(self.path)
        try:
            self._check(json.loads(tree["fingerprint"]))
            done = int(tree["done"])
            if done > job.turns:
                raise ConfigError(f"{self.path}: {done} turns are done already, more than turns={job.turns}")
            self._take(tree, row_log.read_log(place, tree["log"]))
            self._log, self._saves = row_log.RowLog.go_on(place, tree["log"]), 0
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError) as error:
            raise ResultFileError(
                f"{self.path} is sealed, but does not hold what a checkpoint holds ({type(error).__name__}: {error}); "
                f"start anew"
            ) from error
        job.done = self._saved = done
        self._logged = {name: len(kept) for name, kept in self._growing().items()}

    def _take(self, tree: dict[str, Any], blocks: Iterable[Block]) -> None:
        """Set beam, effects and records to what a checkpoint holds."""
        job = self.job
        _restore(job.beam, tree["beam"])
        state = tree.get("effects", {})
        job.effects.restore({name: {key: v.values for key, v in arrays.items()} for name, arrays in state.items()})
        for (kind, name, *rest), values in blocks:
            if kind == "rows":
                rows = job.probes.rows[name]
                rows.append(values.view(rows.dtype))
            elif kind == "beam":
                kept = job.beam.copy()
                kept.coordinates[...] = values
                job.probes.beams[name].append((int(rest[0]), kept))
            else:
                getattr(job.probes.beams[name][-1][1], rest[0])[...] = values

    def _check(self, then: dict[str, Any]) -> None:
        """Refuse the checkpoint of another run; warn where the last bits may become others."""
        from ssmb.store.checkpoint import CheckpointWarning

        now = self._fingerprint
        found = list(differences(then["asked"], now["asked"]))
        if other := [d for d in found if not d.close]:
            raise ResultFileError(
                f"{self.path}: this checkpoint belongs to another run, whose {named(other)}; start anew, or go back to "
                "what it was made with"
            )
        made = [f"{name} ({then['made'].get(name)}, now {value})" for name, value in now["made"].items()
                if then["made"].get(name) != value]  # fmt: skip
        reasons = [f"another {text}" for text in made] + ([f"last digits of {named(found)}"] if found else [])
        if reasons:
            warnings.warn(
                CheckpointWarning(
                    f"{self.path}: it was made with {', '.join(reasons)}: the run goes on, but its last bits may "
                    f"differ "
                    "from those of a run without interruption"
                ),
                stacklevel=4,
            )


def _state_tree(beam: Beam) -> dict[str, Dataset]:
    rows = {name: Dataset(beam.coordinates[i], unit, name) for i, (name, unit) in enumerate(_ROWS)}
    return rows | {name: Dataset(getattr(beam, name), "1", name) for name in _STATES}


def _restore(beam: Beam, tree: dict[str, Any]) -> None:
    for i, (name, _) in enumerate(_ROWS):
        beam.coordinates[i] = tree[name].values
    for name in _STATES:
        getattr(beam, name)[...] = tree[name].values
