"""Checkpoints of a tracking run: what is kept, and when a run may go on from it."""

from __future__ import annotations

import json
import os
import secrets
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from ssmb.beam import Beam
from ssmb.errors import ConfigError, ResultFileError, warn
from ssmb.store.atomic import checked_path
from ssmb.store.lock import locked
from ssmb.store.row_log import RowLog, log_path, remove_logs
from ssmb.store.tree import Dataset
from ssmb.tracking.fingerprint import differences, fingerprint, named
from ssmb.tracking.job import Job

_STATES = ("state", "lost_turn", "lost_element")


class Saver:
    """Writes and reads the checkpoint of a job that has not begun yet; without a path it does nothing."""

    def __init__(self, path: str | os.PathLike[str] | None, every: float, job: Job) -> None:
        self.path = None if path is None else checked_path(path)
        self.every, self.job = every, job
        self.last = time.monotonic()
        self._saved: int | None = None  # turns done in the newest checkpoint
        self._logs: dict[str, RowLog] = {}  # of each record
        self._saves = 0  # checkpoints that were written with these logs
        if self.path is not None:
            if not self.path.absolute().parent.is_dir():
                raise ResultFileError(
                    f"checkpoint '{self.path}': there is no folder '{self.path.parent}'; make it first"
                )
            place, run = self.path.resolve(), secrets.token_hex(4)  # no other run takes these names
            names = [*job.probes.rows, *job.probes.beams]
            self._use({n: RowLog(place.with_name(f"{place.stem}.{run}.{i}.rows")) for i, n in enumerate(names)})
            self._fingerprint = fingerprint(job)

    def alone(self) -> AbstractContextManager[None]:
        """Keep other processes from writing the checkpoint."""
        if self.path is None:
            return nullcontext()
        return locked(self.path.with_name(f"{self.path.name}.lock"), f"checkpoint '{self.path}'")

    def save_when_due(self) -> None:
        """Save if the last time is long ago; not at the end, when :meth:`save` follows."""
        if time.monotonic() - self.last >= self.every and self.job.done < self.job.turns:
            self.save()

    def save(self) -> None:
        """Write the checkpoint, unless it holds this state already."""
        if self.path is None or self._saved == self.job.done:
            return
        from ssmb.store import checkpoint

        job = self.job
        job.gather()
        self._write_records()
        tree: dict[str, Any] = {
            "fingerprint": json.dumps(self._fingerprint),
            "done": job.done,
            "beam": _state_tree(job.beam),
            "effects": {
                name: {key: Dataset(values, "1", key) for key, values in state.items()}
                for name, state in job.effects.state.items()
            },
            "kicks": {name: Dataset(rows, "1", name) for name, rows in job.effects.measured.items()},
        }
        checkpoint.write_checkpoint(self.path, tree, self._logs)
        self._saves += 1
        if self._saves > 1:  # now the checkpoint before this one has the same logs
            remove_logs(self.path.resolve(), but=[log.path for log in self._logs.values() if log.path])
        self.last, self._saved = time.monotonic(), job.done

    def _use(self, logs: dict[str, RowLog]) -> None:
        """Let each record grow in its log."""
        self._logs = logs
        for name, rows in self.job.probes.rows.items():
            rows.log = logs[name]

    def _write_records(self) -> None:
        """Bring what was recorded since the last checkpoint to the disk."""
        for rows in self.job.probes.rows.values():
            rows.to_file()
        size = 8 + sum(part.nbytes for part in _parts(self.job.beam))
        for name, beams in self.job.probes.beams.items():
            log = self._logs[name]
            log.cut(len(beams) * size)
            for turn, beam in beams[log.length // size :]:
                log.append([np.array([turn]), *_parts(beam)])
        for log in self._logs.values():
            log.sync()

    def load(self) -> None:
        """Set the job to the state of the checkpoint, if there is one."""
        if self.path is None:
            raise ConfigError("resume=True needs checkpoint=FILE")
        from ssmb.store import checkpoint

        job, place = self.job, self.path.resolve()
        if not self.path.exists() and not checkpoint.previous_path(self.path).exists():
            return
        tree: Any = checkpoint.read_checkpoint(self.path)
        try:
            self._check(json.loads(tree["fingerprint"]))
            done = int(tree["done"])
            if done > job.turns:
                raise ConfigError(f"{self.path}: {done} turns are done already, more than turns={job.turns}")
            states = tree.get("logs", {})
            self._use({name: RowLog.go_on(log_path(place, states[name]), states[name]) for name in self._logs})
            self._take(tree)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError) as error:
            raise ResultFileError(
                f"{self.path} is sealed, but does not hold what a checkpoint holds ({type(error).__name__}: {error}); "
                f"start anew"
            ) from error
        job.done = self._saved = done

    def _take(self, tree: dict[str, Any]) -> None:
        """Set beam, effects and records to what a checkpoint holds."""
        job = self.job
        _restore(job.beam, tree["beam"])
        state = tree.get("effects", {})
        kicks = {name: rows.values for name, rows in tree.get("kicks", {}).items()}
        job.effects.restore(
            {name: {key: v.values for key, v in arrays.items()} for name, arrays in state.items()}, kicks
        )
        for name, beams in job.probes.beams.items():
            stored = self._logs[name].table(np.dtype(np.uint8), 0)
            while len(stored):
                turn, stored = int(stored[:8].view(np.int64)[0]), stored[8:]
                kept = job.beam.copy()
                for part in _parts(kept):
                    part[...] = stored[: part.nbytes].view(part.dtype).reshape(part.shape)
                    stored = stored[part.nbytes :]
                beams.append((turn, kept))

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
            warn(
                f"{self.path}: it was made with {', '.join(reasons)}: the run goes on, but its last bits may "
                "differ from those of a run without interruption",
                CheckpointWarning,
            )


def _state_tree(beam: Beam) -> dict[str, Dataset]:
    coordinates = Dataset(beam.coordinates, "1", "x [m], px, y [m], py, z [m], delta")
    return {"coordinates": coordinates} | {name: Dataset(getattr(beam, name), "1", name) for name in _STATES}


def _parts(beam: Beam) -> list[np.ndarray]:
    """The arrays of a beam that tracking changes."""
    return [beam.coordinates, *(getattr(beam, name) for name in _STATES)]


def _restore(beam: Beam, tree: dict[str, Any]) -> None:
    for name in ("coordinates", *_STATES):
        getattr(beam, name)[...] = tree[name].values
