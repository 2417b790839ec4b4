"""Rows of monitors: the same in memory and in a file, and what they take of the memory."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.buckets import MicroBucket
from ssmb.elements.linear_map import LinearMap
from ssmb.errors import ResultFileError
from ssmb.lattice import Lattice, load_lattice
from ssmb.store.row_log import RowLog
from ssmb.tracking import BucketMonitor, BunchingMonitor, MomentMonitor, job, track
from ssmb.tracking.monitors import rows as module
from ssmb.tracking.monitors.rows import Rows
from tests.studies.small_ring import STEADY_RING, bits

ROW = np.dtype([("n", "i8"), ("pair", "f8", (2,))])
MONITORS = [
    MomentMonitor(),
    BunchingMonitor("stop", [1064e-9], every=3),
    BucketMonitor("stop", MicroBucket(1064e-9, 1e-6, 100.0, 1e-4)),
]


def some(first: int, n: int) -> np.ndarray:
    rows = np.empty(n, ROW)
    rows["n"] = np.arange(first, first + n)
    rows["pair"] = rows["n"][:, None] * [0.5, -0.25]
    return rows


@pytest.mark.parametrize("bound", [0, 24 * 7, 2**24])
def test_appended_and_dropped_like_an_array(bound: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", bound)
    want, rows, rng = some(0, 0), Rows(ROW), np.random.default_rng(5)
    for _ in range(60):
        if rng.random() < 0.3:
            want = want[: int(rng.integers(0, len(want) + 1))]
            rows.keep(len(want))
        else:
            new = some(int(rng.integers(0, 1000)), int(rng.integers(0, 6)))
            want = np.concatenate([want, new])
            rows.append(new)
        assert len(rows) == len(want)
        assert np.array_equal(rows.table(), want)


def test_a_table_of_a_file_outlives_it_and_can_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 0)
    rows = Rows(ROW)
    rows.append(some(0, 1000))
    table, other = rows.table(), rows.table()
    del rows
    gc.collect()
    table["n"][0] = 7
    assert table["n"][0] == 7
    assert np.array_equal(other, some(0, 1000))


def test_no_room_for_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "IN_MEMORY", 0)
    rows = Rows(ROW)
    rows.log = RowLog(tmp_path / "gone" / "rows")
    with pytest.raises(ResultFileError, match="cannot keep the records of monitors in '.*gone.rows'"):
        rows.append(some(0, 1))


@pytest.fixture(scope="module")
def ring() -> Lattice:
    return load_lattice(STEADY_RING)


def go(ring: Lattice, turns: int, **options: Any) -> Any:
    beam = Beam(ring.reference, 1e-9 * np.random.default_rng(1).normal(size=(6, 8)))
    return track(ring, beam, turns, monitors=MONITORS, threads=1, first_turn=4, **options)


def test_same_bits_from_a_file(ring: Lattice, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also where a run is stopped and goes on, with its rows in the file or in memory."""

    def stop(done: int, turns: int) -> None:
        if done >= 9:
            raise KeyboardInterrupt

    want = go(ring, 40)
    assert want.monitors["bunching@stop"].turn.tolist() == list(range(6, 44, 3))
    monkeypatch.setattr(module, "IN_MEMORY", 1000)
    assert bits(go(ring, 40).monitors) == bits(want.monitors)
    given: dict[str, Any] = {"checkpoint": tmp_path / "c.h5", "resume": True}
    assert go(ring, 40, progress=stop, **given).turns < 40
    assert bits(go(ring, 40, **given).monitors) == bits(want.monitors)


def test_memory_does_not_grow_with_the_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three monitors keep 528 bytes a turn; of these only the numbers of the turns, 8 bytes for each record, stay in
    memory.
    """
    monkeypatch.setattr(module, "IN_MEMORY", 2**16)
    monkeypatch.setattr(job, "_PIECE_DOUBLES", 20_000)
    turn = tuple(tuple(float(i == j) for j in range(6)) for i in range(6))
    still = Lattice.from_elements([LinearMap(name="stop", length=48.0, matrix=turn)], Reference(250e6))
    go(still, 10)
    peaks = []
    for turns in (2_000, 22_000):
        gc.collect()
        tracemalloc.start()
        run = go(still, turns)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(run.monitors["moments"].sigma) == turns
    assert peaks[1] - peaks[0] < 60 * 20_000
