"""Files of ours with a right seal and wrong contents: what is read is sound, or an error of ours says what is wrong."""

from __future__ import annotations

import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from ssmb.beam import Beam
from ssmb.errors import SsmbError
from ssmb.store import sealed
from ssmb.studies import load, resume, run_file
from ssmb.studies.runner import load_result
from ssmb.tracking import SnapshotMonitor, track
from tests.studies.small_ring import RUN, write_files
from tests.tracking.micro_ring import REFERENCE, ring

#: Longest time for reading one file [s], of the processor.
PATIENCE = 5.0
#: All ways in which each group and array can be changed are tried with ``SSMB_FUZZ=1000``; the suite tries some.
ALL = int(os.environ.get("SSMB_FUZZ", "0")) >= 1000
SMALL = RUN.replace("turns: 600", "turns: 6").replace("every: 150", "every: 3").replace(": 700", ": 70")


def edited(path: Path, change: Callable[[h5py.File], None]) -> None:
    """Change an HDF5 file and seal it again."""
    with h5py.File(path, "r+", locking=False) as file:
        change(file)
    with open(path, "r+b") as file:
        seal = sealed._seal_of(file)
        file.seek(0)
        file.write(seal)


def _items(path: Path) -> list[str]:
    names: list[str] = []
    with h5py.File(path, "r", locking=False) as file:
        file.visit(names.append)
    return names


def _put(file: h5py.File, name: str, values: Any) -> None:
    """Other values in the place of a dataset, with its attributes where they fit."""
    kept = {key: value for key, value in file[name].attrs.items() if not key.isupper()}
    del file[name]
    file[name] = values
    for key, value in kept.items():
        file[name].attrs[key] = value


def _changes(name: str, item: Any) -> Iterator[tuple[str, Callable[[h5py.File], None]]]:
    yield f"{name} missing", lambda f: f.__delitem__(name)
    for key in item.attrs:
        if not key.isupper():
            yield f"{name}.{key} missing", lambda f, key=key: f[name].attrs.__delitem__(key)
            yield f"{name}.{key} = nan", lambda f, key=key: f[name].attrs.__setitem__(key, np.nan)
            yield f"{name}.{key} = text", lambda f, key=key: f[name].attrs.__setitem__(key, "no such thing")
    if isinstance(item, h5py.Group):
        yield f"{name} is an array", lambda f: (f.__delitem__(name), f.__setitem__(name, np.zeros(3)))
        yield f"{name} has more", lambda f: f[name].__setitem__("more", np.zeros(3))
        return
    values = item[()]
    flat = np.ravel(values)
    yield f"{name} is a group", lambda f: (f.__delitem__(name), f.create_group(name))
    yield f"{name} shorter", lambda f: _put(f, name, flat[:-1])
    yield f"{name} empty", lambda f: _put(f, name, np.zeros(0))
    yield f"{name} of more axes", lambda f: _put(f, name, np.zeros((2, 2, 2, 2)))
    yield f"{name} is text", lambda f: _put(f, name, "no such thing")
    if values.dtype.kind in "fciu":
        for bad in (np.nan, np.inf, -1.0, 1e300):
            yield f"{name} = {bad}", lambda f, bad=bad: _put(f, name, np.full(np.shape(values), bad))
        yield f"{name} far", lambda f: _put(f, name, np.full(np.shape(values), 2**62, dtype=np.int64))


def _not_sound(path: Path, read: Callable[[], Any], each: int) -> list[str]:
    """Make changes in a file, some of each thing in it, and read it; return those that end as they should not."""
    sound, wrong = path.read_bytes(), []
    with h5py.File(path, "r", locking=False) as file:
        possible = [list(_changes(name, file[name])) for name in _items(path)]
    if ALL:
        each = max(len(ways) for ways in possible)
    changes = [
        ways[k] for i, ways in enumerate(possible) for k in sorted({(7 * i + j) % len(ways) for j in range(each)})
    ]
    assert len(changes) > 20
    print(f"\nchanged files: {len(changes)}")
    for what, change in changes:
        path.write_bytes(sound)
        edited(path, change)
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                read()
            except SsmbError as error:
                if not 15 < len(str(error)) < 1500:
                    wrong.append(f"{what}: says {str(error)[:1600]!r}")
            except Exception as error:  # what this test is for
                wrong.append(f"{what}: {type(error).__name__}: {error}")
        if (took := time.process_time() - start) > PATIENCE:
            wrong.append(f"{what}: took {took:.1f} s")
    path.write_bytes(sound)
    return wrong


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("run")
    run_file(write_files(place, run=SMALL), folder=place / "out", threads=1)
    return place / "out"


def test_a_run(folder: Path) -> None:
    wrong = _not_sound(folder / "run.h5", lambda: load_result(folder), each=1)
    assert not wrong, "\n".join(wrong)


def test_its_particles(folder: Path) -> None:
    def read() -> None:
        beam = load(path)
        assert isinstance(beam, Beam) and np.isfinite(beam.coordinates[:, beam.alive]).all()

    path = folder / "particles" / "final.h5"
    wrong = _not_sound(path, read, each=4)
    assert not wrong, "\n".join(wrong)


def test_one_kind_in_the_place_of_another(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "out")
    shutil.copy(folder / "particles" / "final.h5", tmp_path / "out" / "run.h5")
    with pytest.raises(SsmbError, match="holds 'particles', wanted is 'run'"):
        load_result(tmp_path / "out")
    with pytest.raises(SsmbError, match="'particles'"):
        resume(tmp_path / "out")


def test_a_checkpoint(tmp_path: Path) -> None:
    beam = Beam.gaussian(REFERENCE, np.diag([1e-10, 1e-12] * 2 + [1e-14, 1e-8]), n=20, charge=1e-12, seed=1)
    lattice, path = ring(4.2e-4), tmp_path / "checkpoint.h5"

    def go(turns: int, **more: Any) -> Any:
        monitors = [SnapshotMonitor(turns=[1])]
        return track(lattice, beam, turns, monitors=monitors, checkpoint=path, checkpoint_every=1e9, **more)

    def stop_after(done: int, turns: int) -> None:
        if done >= 2:
            raise KeyboardInterrupt

    go(4, progress=stop_after)
    log = next(tmp_path.glob("*.rows"))
    rows = log.read_bytes()

    def read() -> None:
        log.write_bytes(rows)
        run = go(4, resume=True)
        assert run.turns == 4 or not run.beam.alive.any()
        assert np.isfinite(run.beam.coordinates[:, run.beam.alive]).all()

    wrong = _not_sound(path, read, each=4)
    assert not wrong, "\n".join(wrong)
