"""Checkpoints of a tracking run: what is kept, and when a run may go on from it."""

from __future__ import annotations

import json
import os
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ssmb.beam import Beam
from ssmb.errors import ConfigError, ResultFileError
from ssmb.store.atomic import checked_path
from ssmb.store.tree import Dataset
from ssmb.tracking.fingerprint import differences, fingerprint, named

if TYPE_CHECKING:
    from ssmb.tracking.track import Job

_ROWS = (("x", "m"), ("px", "1"), ("y", "m"), ("py", "1"), ("z", "m"), ("delta", "1"))
_STATES = ("state", "lost_turn", "lost_element")


class Saver:
    """Writes and reads the checkpoint of a job that has not begun yet; without a path it does nothing."""

    def __init__(self, path: str | os.PathLike[str] | None, every: float, job: Job) -> None:
        self.path = None if path is None else checked_path(path)
        self.every, self.job = every, job
        self.last = time.monotonic()
        self._saved: int | None = None  # turns done in the newest checkpoint
        if self.path is not None:
            if not self.path.absolute().parent.is_dir():
                raise ResultFileError(
                    f"checkpoint '{self.path}': there is no folder '{self.path.parent}'; make it first"
                )
            self._fingerprint = fingerprint(job)

    def save_when_due(self) -> None:
        """Save if the last time is long ago; not at the end, when :meth:`save` follows."""
        if time.monotonic() - self.last >= self.every and self.job.done < self.job.turns:
            self.save()

    def save(self) -> None:
        """Write the checkpoint, unless it holds this state already."""
        if self.path is None or self._saved == self.job.done:
            return
        from ssmb.store.checkpoint import write_checkpoint

        job = self.job
        tree: dict[str, Any] = {
            "fingerprint": json.dumps(self._fingerprint),
            "done": job.done,
            "beam": _state_tree(job.beam),
            "rows": {
                name: Dataset(np.concatenate(rows), "1", "monitor rows, SI")
                for name, rows in job.probes.rows.items()
                if rows
            },
            "effects": {
                name: {key: Dataset(array, "1", key) for key, array in state.items()}
                for name, state in job.effects.state.items()
            },
            "snapshots": {
                name: {str(turn): _state_tree(kept) for turn, kept in beams} for name, beams in job.probes.beams.items()
            },
        }
        write_checkpoint(self.path, tree)
        self.last, self._saved = time.monotonic(), job.done

    def load(self) -> None:
        """Set the job to the state of the checkpoint, if there is one."""
        if self.path is None:
            raise ConfigError("resume=True needs checkpoint=FILE")
        from ssmb.store.checkpoint import previous_path, read_checkpoint

        job = self.job
        if not self.path.exists() and not previous_path(self.path).exists():
            return
        tree: Any = read_checkpoint(self.path)
        self._check(json.loads(tree["fingerprint"]))
        done = int(tree["done"])
        if done > job.turns:
            raise ConfigError(f"{self.path}: {done} turns are done already, more than turns={job.turns}")
        _restore(job.beam, tree["beam"])
        job.done = self._saved = done
        for name, rows in tree.get("rows", {}).items():
            job.probes.rows[name].append(np.asarray(rows.values))
        state = tree.get("effects", {})
        job.effects.restore({name: {key: v.values for key, v in arrays.items()} for name, arrays in state.items()})
        for name, beams in tree.get("snapshots", {}).items():
            for turn in sorted(beams, key=int):
                kept = job.beam.copy()
                _restore(kept, beams[turn])
                job.probes.beams[name].append((int(turn), kept))

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
                    f"{self.path}: it was made with {', '.join(reasons)}: the run goes on, but its last bits may differ "
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
