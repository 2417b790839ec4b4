"""Files of ours with other contents and a right seal, and what becomes of them when they are read."""

from __future__ import annotations

import dataclasses
import json
import math
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np

from ssmb.beam import Beam
from ssmb.dynamics import Optics
from ssmb.store import sealed
from ssmb.studies import load, run_file
from ssmb.studies.runner import _Here, load_result
from ssmb.tracking import MomentMonitor, SnapshotMonitor, track
from tests.robustness.calls import outcome
from tests.studies.small_ring import RUN, write_files
from tests.tracking.micro_ring import REFERENCE, ring

SMALL = RUN.replace("turns: 600", "turns: 6").replace("every: 150", "every: 3").replace(": 700", ": 70")
#: What may stand in the place of one number, of all, or of an attribute.
NUMBERS = (math.nan, math.inf, -math.inf, -1.0, 0.0, 0.5, 1e300, -1e300, 1e-300, 2.0**62, 1e6)
ATTRIBUTES: tuple[Any, ...] = (
    math.nan, -1, 2**62, "", "no such thing", "text", "array", "int", b"\xff\xfe", np.zeros(0), np.zeros((3, 3)), "m",
    "/", "<U999999999", "|S0", "O",
)  # fmt: skip


class Sealed:
    """A file of ours, and what reads it."""

    def __init__(self, name: str, path: Path, read: Callable[[], Any]) -> None:
        self.name, self.path, self.read, self.sound = name, path, read, path.read_bytes()
        assert not nans(read())

    def changed(self, chance: random.Random) -> tuple[str, str, str]:
        """Change the file at one to three places, seal it, read it; return what was done, what came of it, and words.

        What comes of it is as of calls, and "odd" for an error that says too little or too much.
        """
        self.path.write_bytes(self.sound)
        done: list[str] = []

        def change(file: h5py.File) -> None:
            for _ in range(chance.choice((1, 1, 1, 2, 3))):
                names: list[str] = []
                file.visit(names.append)
                if names:
                    done.append(_change(file, chance.choice(names), chance))

        edited(self.path, change)
        found: list[Any] = []
        kind, words = outcome(lambda: found.append(self.read()))
        self.path.write_bytes(self.sound)
        if kind == "result" and nans(found):
            kind = "nan"
        if kind == "refused" and not 15 < len(words) < 1500:
            kind = "odd"
        return f"{self.name}: {'; '.join(done)}", kind, words


def edited(path: Path, change: Callable[[h5py.File], None]) -> None:
    """Change an HDF5 file and seal it again."""
    with h5py.File(path, "r+", locking=False) as file:
        change(file)
    with open(path, "r+b") as file:
        seal = sealed._seal_of(file)
        file.seek(0)
        file.write(seal)


def sealed_files(place: Path) -> list[Sealed]:
    """One file of each kind that is ours, in a folder: a run, its particles, a stage of a run, a checkpoint."""
    folder = place / "out"
    result = run_file(write_files(place, run=SMALL), folder=folder, threads=1)
    particles, stage, checkpoint = folder / "particles" / "final.h5", folder / "stages" / "optics.h5", place / "c.h5"

    def run() -> Any:
        found = load_result(folder)
        return found, found.text(), found.summary(), found.table(), found.contents()

    def turned() -> Any:
        log.write_bytes(rows)
        run = track(lattice, beam, 4, monitors=monitors, checkpoint=checkpoint, checkpoint_every=1e9, resume=True)
        return run.beam.coordinates[:, run.beam.alive], run.monitors

    def stopped(done: int, turns: int) -> None:
        if done >= 2:
            raise KeyboardInterrupt

    study: Any = SimpleNamespace(config=result.config, lattice=ring(4.2e-4))
    stages = _Here(study, folder, 1)
    stages.stage("optics", Optics, lambda: result.optics)
    lattice, monitors = ring(4.2e-4), [SnapshotMonitor(turns=[1]), MomentMonitor()]
    beam = Beam.gaussian(REFERENCE, np.diag([1e-10, 1e-12] * 2 + [1e-14, 1e-8]), n=20, charge=1e-12, seed=1)
    track(lattice, beam, 4, monitors=monitors, checkpoint=checkpoint, checkpoint_every=1e9, progress=stopped)
    log = next(place.glob("*.rows"))
    rows = log.read_bytes()
    return [
        Sealed("run", folder / "run.h5", run),
        Sealed("particles", particles, lambda: load(particles)),
        Sealed("stage", stage, lambda: stages.stage("optics", Optics, lambda: result.optics)),
        Sealed("checkpoint", checkpoint, turned),
    ]


def nans(found: Any) -> int:
    """How many NaN there are in a result, at any depth, and in its words."""
    if isinstance(found, str):
        return found.split().count("nan")
    if isinstance(found, (float, complex, np.generic, np.ndarray)):
        values = np.asarray(found)
        return int(np.isnan(values).sum()) if values.dtype.kind in "fc" else 0
    if isinstance(found, Beam):
        return nans(found.coordinates[:, found.alive]) + nans(found.weight)
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        return sum(nans(getattr(found, f.name)) for f in dataclasses.fields(found))
    if isinstance(found, Mapping):
        return sum(nans(value) for value in found.values())
    return sum(nans(value) for value in found) if isinstance(found, (tuple, list)) else 0


def _change(file: h5py.File, name: str, chance: random.Random) -> str:
    """Do one thing to one group or dataset of a file, and say what."""
    item = file[name]
    ways: list[Callable[[h5py.File, str, random.Random], str]] = [_attribute, _attribute, _elsewhere]
    if isinstance(item, h5py.Dataset) and (item.size or 0) < 1e6:
        ways += [_number, _number, _number, _shape, _shape, _kind]
        ways += [_text] * (6 if item.dtype.kind in "SO" else 0)
    return f"{name} {chance.choice(ways)(file, name, chance)}"


def _put(file: h5py.File, name: str, values: Any, **options: Any) -> None:
    """Other values in the place of a dataset, with its attributes where they fit."""
    kept = {key: value for key, value in file[name].attrs.items() if not key.isupper()}
    del file[name]
    made = file.create_dataset(name, **({} if values is None else {"data": values}), **options)
    for key, value in kept.items():
        made.attrs[key] = value


def _attribute(file: h5py.File, name: str, chance: random.Random) -> str:
    of = file if chance.random() < 0.05 else file[name]
    keys = [key for key in of.attrs if not key.isupper()]
    if not keys:
        del file[name]
        return "missing"
    key, value = chance.choice(keys), chance.choice(ATTRIBUTES)
    del of.attrs[key]
    if chance.random() < 0.3:
        return f".{key} missing"
    of.attrs[key] = np.void(value) if isinstance(value, bytes) else value
    return f".{key} = {str(value)[:20]!r}"


def _elsewhere(file: h5py.File, name: str, chance: random.Random) -> str:
    """The thing is missing, another, a link, or has more in it."""
    names: list[str] = []
    file.visit(names.append)
    way = chance.choice(("missing", "another", "copy", "soft link", "external link", "group", "array", "more"))
    other = chance.choice(names)
    if way == "more" and isinstance(file[name], h5py.Group):
        file[name]["more"] = np.zeros(3)
        return "has more"
    if way == "copy" and not other.startswith(name):
        held = file[other]
        del file[name]
        file.copy(held, file, name)
        return f"is a copy of {other}"
    del file[name]
    if way == "another" and other in file:
        file[name] = file[other]
    elif way == "soft link":
        file[name] = h5py.SoftLink(f"/{other}")
    elif way == "external link":
        file[name] = h5py.ExternalLink("other.h5", "/")
    elif way == "group":
        file.create_group(name)
    elif way == "array":
        file[name] = np.zeros(3)
    return f"{way} {other}"


def _number(file: h5py.File, name: str, chance: random.Random) -> str:
    """One of its numbers, or all, are others; of a text, it is a number."""
    values, bad = np.array(file[name][()]), chance.choice(NUMBERS)
    if values.dtype.kind not in "fciu" or values.dtype.names:
        _put(file, name, bad)
        return f"= {bad}"
    fits = values.dtype.kind in "iu" and np.iinfo(values.dtype).min <= bad <= np.iinfo(values.dtype).max
    whole = fits and chance.random() < 0.8
    values = values.copy() if whole or values.dtype.kind == "c" else values.astype(float)
    if values.ndim == 0 or chance.random() < 0.5:
        values[...] = bad
        where = "all"
    else:
        where = str(chance.randrange(values.size)) if values.size else "none"
        if values.size:
            values.flat[int(where)] = bad
    _put(file, name, values)
    return f"[{where}] = {bad}"


def _shape(file: h5py.File, name: str, chance: random.Random) -> str:
    values = np.array(file[name][()])
    way = chance.choice(("short", "long", "empty", "scalar", "axes", "turned", "null", "declared"))
    if way == "declared":
        _put(file, name, None, shape=(10**12,), dtype="f8", chunks=(1000,))
    elif way == "null":
        _put(file, name, h5py.Empty("f8"))
    else:
        flat = values.ravel()
        made = {"short": flat[:-1], "long": np.tile(flat, 2), "empty": flat[:0], "scalar": flat[:1].reshape(-1),
                "axes": np.zeros((2, 2, 2, 2)), "turned": values.T}[way]  # fmt: skip
        _put(file, name, made if way != "scalar" or not flat.size else flat[0])
    return way


def _kind(file: h5py.File, name: str, chance: random.Random) -> str:
    """Numbers of another type."""
    size = file[name].size or 1
    way = chance.choice(("text", "texts", "bool", "f4", "i1", "c16", "pair", "opaque", "ragged", "reference"))
    made: Any = {
        "text": "no such thing", "texts": ["a"] * min(size, 10), "bool": np.ones(size, dtype=bool),
        "pair": np.zeros(size, dtype=[("a", "f8"), ("b", "i4")]), "opaque": np.void(b"abc"),
        "reference": None, "ragged": None,
    }.get(way)  # fmt: skip
    if way == "reference":
        made = file[name].ref
    elif way == "ragged":
        _put(file, name, None, shape=(3,), dtype=h5py.vlen_dtype(np.float64))
        return way
    elif made is None:
        made = np.ones(size, dtype=way)
    _put(file, name, made)
    return f"is {way}"


def _text(file: h5py.File, name: str, chance: random.Random) -> str:
    """Some characters of a text are others; of a JSON text, a value."""
    text = bytes(np.asarray(file[name][()]).ravel()[0]).decode("utf-8", "replace")
    if text.startswith("{") and chance.random() < 0.7:
        tree = json.loads(text)
        at, key = tree, chance.choice(list(tree))
        while isinstance(at[key], dict) and at[key] and chance.random() < 0.8:
            at, key = at[key], chance.choice(list(at[key]))
        at[key] = chance.choice((None, -1, 1e300, [], {}, "x", True, 10**30, math.nan))
        made, words = json.dumps(tree), f"{key} = {at[key]}"
    else:
        begin = chance.randrange(len(text) + 1)
        end = min(len(text), begin + chance.randrange(20))
        made, words = text[:begin] + chance.choice(("", "\0", "NaN", "[", "1e999", "é")) + text[end:], f"at {begin}"
    encoded = np.array(made.encode(), dtype=h5py.string_dtype("utf-8", max(len(made.encode()), 1)))
    _put(file, name, encoded)
    if "text_bytes" in file[name].attrs and chance.random() < 0.8:
        file[name].attrs["text_bytes"] = len(made.encode())
    return words
