"""A run gives the same bits however it is done: threads, tiles, pieces, monitors, progress, checkpoints."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam
from ssmb.buckets import MicroBucket
from ssmb.lattice import Lattice, load_lattice
from ssmb.studies import load_config, run
from ssmb.tracking import BucketMonitor, BunchingMonitor, LaserProgram, MomentMonitor, RunStatus, SnapshotMonitor, track
from ssmb.tracking.laser_program import Duty, Noise, Ramp
from tests.studies.small_ring import RING, STEADY_RING, bits, write_files, write_steady

ROOT = Path(__file__).parents[2]
#: the module, which the function of the same name hides
JOB = importlib.import_module("ssmb.tracking.job")
TURNS = 24


@pytest.fixture(scope="module")
def ring() -> Lattice:
    return load_lattice(RING)


@pytest.fixture(scope="module")
def beam(ring: Lattice) -> Beam:
    """1301 particles, no multiple of a tile; some are lost on the way."""
    rows = np.random.default_rng(1).normal(size=(6, 1301)) * np.array([3e-4, 1e-4, 1e-4, 1e-4, 1e-6, 1e-4])[:, None]
    return Beam(ring.reference, rows, weight=np.random.default_rng(2).uniform(1.0, 2.0, 1301))


MONITORS = [
    MomentMonitor(),
    MomentMonitor("stop", every=2),
    BunchingMonitor("qf", [1064e-9, 532e-9]),
    BunchingMonitor(None, [800e-9], every=5),
    SnapshotMonitor(every=9),
]


@pytest.fixture(scope="module")
def want(ring: Lattice, beam: Beam) -> Any:
    done = track(ring, beam, TURNS, monitors=MONITORS, seed=3)
    assert 10 < (~done.beam.alive).sum() < 1000
    assert len(set(done.beam.lost_turn)) > 5
    return done


VARIANTS: dict[str, dict[str, Any]] = {
    "large tiles": {"tile": 512},
    "progress bar": {"progress": True},
    "progress function": {"progress": lambda done, turns: None},
    "checkpoints": {"checkpoint": "c.h5", "checkpoint_every": 1e-9},
    "one thread": {"threads": 1},
}


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("piece", [0.0, 0.25])
def test_ways_to_run(
    ring: Lattice, beam: Beam, want: Any, name: str, piece: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(JOB, "_PIECE_SECONDS", piece)
    got = track(ring, beam, TURNS, monitors=MONITORS, seed=3, **VARIANTS[name])
    assert bits((got.beam, got.monitors)) == bits((want.beam, want.monitors))


@pytest.mark.parametrize("doubles", [1, 1000, 4000, 10**9])
def test_pieces_of_any_length(
    ring: Lattice, beam: Beam, want: Any, doubles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 ... 9 turns at once: snapshots cut at nine."""
    monkeypatch.setattr(JOB, "_PIECE_SECONDS", 1e9)
    monkeypatch.setattr(JOB, "_PIECE_DOUBLES", doubles)
    got = track(ring, beam, TURNS, monitors=MONITORS, seed=3)
    assert bits((got.beam, got.monitors)) == bits((want.beam, want.monitors))


@pytest.mark.parametrize("monitors", [[], MONITORS[:1], MONITORS[2:3], MONITORS[4:], MONITORS[::-1]])
def test_monitors_do_not_disturb(ring: Lattice, beam: Beam, want: Any, monitors: list[Any]) -> None:
    got = track(ring, beam, TURNS, monitors=monitors, seed=3)
    assert bits(got.beam) == bits(want.beam)
    for m in monitors:
        assert bits(got.monitors[m.name]) == bits(want.monitors[m.name]), m.name


@pytest.mark.parametrize("cut", [1, 7, 23])
def test_a_run_in_two_parts(ring: Lattice, beam: Beam, want: Any, cut: int) -> None:
    first = track(ring, beam, cut, monitors=MONITORS, seed=3)
    second = track(ring, first.beam, TURNS - cut, first_turn=cut, monitors=MONITORS, seed=3)
    assert bits(second.beam) == bits(want.beam)
    for name in ("moments", "moments@stop", "bunching"):
        a, b, whole = (r.monitors[name] for r in (first, second, want))
        assert np.array_equal(np.concatenate([a.turn, b.turn]), whole.turn)
        values = "sigma" if name.startswith("moments") else "bunching"
        joined = np.concatenate([getattr(a, values), getattr(b, values)])
        assert joined.tobytes() == getattr(whole, values).tobytes()


def test_another_seed_is_another_run(ring: Lattice, beam: Beam, want: Any) -> None:
    got = track(ring, beam, TURNS, seed=4)
    assert (got.beam.x[got.beam.alive & want.beam.alive] != want.beam.x[got.beam.alive & want.beam.alive]).all()


@pytest.mark.parametrize("piece", [0.0, 1e9])
def test_a_run_that_loses_all_ends_at_the_same_turn(
    ring: Lattice, beam: Beam, piece: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The length of pieces is a matter of the clock, the records are not."""
    monkeypatch.setattr(JOB, "_PIECE_SECONDS", piece)
    few = beam.select(np.abs(beam.x) > 3e-4)
    monitors = [MomentMonitor(), SnapshotMonitor(every=25)]
    lost = ring.with_changes({"stop": {"x_limits": (-1.5e-4, 1.5e-4)}})
    done = track(lost, few, 400, monitors=monitors, seed=3)
    assert done.status is RunStatus.ALL_LOST
    assert done.turns == done.beam.lost_turn.max() + 1
    assert 2 < done.turns < 400
    assert np.array_equal(done.monitors["moments"].turn, np.arange(done.turns))
    assert done.monitors["moments"].particles[-1] == 0
    assert np.array_equal(done.monitors["snapshots"].turn, np.arange(24, done.turns, 25))


SCRIPT = """
import json, sys
from ssmb.lattice import load_lattice
from ssmb.studies import load_config, run
from tests.studies.small_ring import bits
config, ring = load_config("small.run.yaml", {"track.turns": 12, "laser.turns": 4}), load_lattice("ring.pals.yaml")
print(json.dumps({n: bits(run(config, ring, threads=int(n))) for n in sys.argv[1:]}))
"""


STEADY_SCRIPT = """
import json, sys
from ssmb.lattice import load_lattice
from ssmb.studies import load_config, run
from tests.studies.small_ring import bits
config, ring = load_config("steady.run.yaml", {"track.turns": 130}), load_lattice("steady.pals.yaml")
print(json.dumps({n: bits(run(config, ring, threads=int(n))) for n in sys.argv[1:]}))
"""


def test_photons_and_a_noisy_laser_for_any_threads(tmp_path: Path) -> None:
    """Quantum radiation, a laser with ramp, duty cycle, detuning and noise, bucket monitors: 1, 2 and 3 threads."""
    config = load_config(write_steady(tmp_path), {"track.turns": 130})
    want = bits(run(config, load_lattice(tmp_path / "steady.pals.yaml")))
    words = [sys.executable, "-c", STEADY_SCRIPT, "1", "2", "3"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "3"}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"1": want, "2": want, "3": want}


def test_photons_and_a_noisy_laser_for_any_tiles_pieces_and_monitors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring_ = load_lattice(STEADY_RING)
    rows = np.random.default_rng(1).normal(size=(6, 901)) * np.array([3e-4, 1e-4, 1e-4, 1e-4, 1e-6, 1e-4])[:, None]
    beam_ = Beam(ring_.reference, rows)
    light = LaserProgram(
        detuning=1e-8, duty=Duty(5, 4), ramp=Ramp((0, 30), (0.0, 1.0)), noise=Noise(phase=2e-3, amplitude=0.01, seed=0)
    )
    seen = [
        BucketMonitor("qf", MicroBucket(1064e-9, 1e-6, 100.0, 1e-4), light="U"),
        MomentMonitor("stop"),
        SnapshotMonitor(every=9),
    ]
    given: dict[str, Any] = {"radiation": "quantum", "drives": {"U": light}, "seed": 3}
    want = track(ring_, beam_, 40, monitors=seen, **given)
    assert 5 < (~want.beam.alive).sum() < 600
    assert bits(track(ring_, beam_, 40, **given).beam) == bits(want.beam)
    for options in ({"tile": 512}, {"checkpoint": tmp_path / "c.h5", "checkpoint_every": 1e-9}):
        for piece in (0.0, 1e9):
            monkeypatch.setattr(JOB, "_PIECE_SECONDS", piece)
            got = track(ring_, beam_, 40, monitors=seen, **given, **options)
            assert bits((got.beam, got.monitors)) == bits((want.beam, want.monitors)), options
    first = track(ring_, beam_, 17, monitors=seen, **given)
    second = track(ring_, first.beam, 23, first_turn=17, monitors=seen, **given)
    assert bits(second.beam) == bits(want.beam)


def test_threads(tmp_path: Path) -> None:
    """Beam, records, light: 1, 2 and 3 threads of ours, with 2 of the linear algebra library, against the defaults."""
    write_files(tmp_path)
    config = load_config(tmp_path / "small.run.yaml", {"track.turns": 12, "laser.turns": 4})
    want = bits(run(config, load_lattice(tmp_path / "ring.pals.yaml")))
    threads = {"NUMBA_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
    words = [sys.executable, "-c", SCRIPT, "1", "2", "3"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | threads
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"1": want, "2": want, "3": want}
