"""Contract of every monitor; and one that is added in one place is summed, recorded and resumed like the others."""

from __future__ import annotations

import dataclasses
import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import ssmb
from ssmb.beam import Beam
from ssmb.errors import ConfigError
from ssmb.kernels.block_sums import SUMS, block_sum
from ssmb.kernels.jit import FLAGS, numba
from ssmb.kernels.loops import DELTA, ROWS, STRIDE, WEIGHT, Z
from ssmb.lattice import Lattice, load_lattice
from ssmb.quantity import quantities_of, quantity
from ssmb.studies.config_types import section_of
from ssmb.tracking import (
    LaserProgram,
    SnapshotMonitor,
    track,
)
from ssmb.tracking.laser_program import Duty, Noise
from ssmb.tracking.monitors import MONITORS, SumMonitor, SumRow
from ssmb.tracking.monitors.base import sum_blocks
from tests.studies.small_ring import STEADY_RING, bits
from tests.support import assert_close

LIGHT = LaserProgram(detuning=1e-8, duty=Duty(5, 4), noise=Noise(phase=2e-3, seed=0))
TURNS = 12


@block_sum("test: chirp", 1)
def chirp_sums(buf, lo, hi, p, out):
    """Weight and weighted sum of z delta/p[0]."""
    out[0] = 0.0
    out[1] = 0.0
    for i in range(lo, hi):
        out[0] += buf[WEIGHT, i]
        out[1] += buf[WEIGHT, i] * buf[Z, i] * buf[DELTA, i] / p[0]


@dataclasses.dataclass(frozen=True)
class ChirpRecord:
    turn: np.ndarray = quantity("turn", "turn number, from 0", dims=("turn",))
    chirp: np.ndarray = quantity("1", "mean of z delta over a length", dims=("turn",))


@dataclasses.dataclass(frozen=True)
class ChirpMonitor(SumMonitor):
    """What somebody may add in a file of his own."""

    length: float
    at: str | None = None
    every: int = 1
    name: str = "chirp"

    @property
    def row(self) -> np.dtype:
        return np.dtype([("chirp", "f8")])

    def sums(self) -> list[SumRow]:
        return [SumRow(chirp_sums, (self.length,), 2)]

    def combined(self, parts: np.ndarray) -> np.ndarray:
        total = sum_blocks(parts)
        return np.ascontiguousarray(total[:, 1] / total[:, 0]).view(self.row)

    def record(self, turn: np.ndarray, rows: np.ndarray) -> ChirpRecord:
        return ChirpRecord(turn, rows["chirp"])


EXAMPLES: dict[str, Any] = {
    **{f"{kind}-{i}": made for kind, cls in MONITORS.items() for i, made in enumerate(cls.examples("stop", "U"))},
    "chirp": ChirpMonitor(1e-6, "stop", every=2),
}
each = pytest.mark.parametrize("kind", EXAMPLES)


@pytest.fixture(scope="module")
def ring() -> Lattice:
    return load_lattice(STEADY_RING)


@pytest.fixture(scope="module")
def beam(ring: Lattice) -> Beam:
    rows = np.random.default_rng(1).normal(size=(6, 901)) * np.array([3e-4, 1e-4, 1e-4, 1e-4, 1e-6, 1e-4])[:, None]
    return Beam(ring.reference, rows, weight=np.random.default_rng(2).uniform(1.0, 2.0, 901))


def go(ring: Lattice, beam: Beam, monitors: list[Any], turns: int = TURNS, **options: Any) -> Any:
    return track(ring, beam, turns, monitors=monitors, radiation="quantum", drives={"U": LIGHT}, seed=3, **options)


@pytest.mark.parametrize("kind", sorted(MONITORS))
def test_each_kind_is_documented_and_frozen(kind: str) -> None:
    made = MONITORS[kind].examples("stop", "U")
    assert made and all(type(m) is MONITORS[kind] and m.kind == kind and m.at == "stop" for m in made)
    assert len((MONITORS[kind].__doc__ or "").split()) > 10
    with pytest.raises(dataclasses.FrozenInstanceError):
        made[0].every = 5


@each
def test_the_record_is_of_quantities(ring: Lattice, beam: Beam, kind: str) -> None:
    """Every field that depends on the turn has as many rows as turns, and says its axes."""
    made = EXAMPLES[kind]
    record = go(ring, beam, [made]).monitors[made.name]
    told = quantities_of(record)
    assert set(told) == {f.name for f in dataclasses.fields(record)}
    assert len(record.turn) == TURNS // 2
    for name, declared in told.items():
        value = getattr(record, name)
        if isinstance(value, np.ndarray):
            assert len(declared.dims) == value.ndim, name
            assert "turn" not in declared.dims or len(value) == len(record.turn)


@pytest.mark.parametrize("kind", sorted(MONITORS))
def test_what_a_record_tells(ring: Lattice, beam: Beam, kind: str) -> None:
    """Numbers that JSON takes, a table, the figure of its curves, and what its quantities promise to who reads them."""
    made = EXAMPLES[f"{kind}-0"]
    record: Any = go(ring, beam, [made]).monitors[made.name]
    assert record.__class__ is MONITORS[kind].record_class and record.kind == kind
    told = quantities_of(record)
    for along in {"wavelengths", "harmonics"} & set(told):
        assert told["bunching"].dims == ("turn", along)
        assert record.bunching.shape == (TURNS // 2, len(getattr(record, along)))
    if record.told_as:
        assert json.loads(json.dumps(record.summary(), allow_nan=False)) == record.summary()
        assert record.text(made.name).strip()
    frames = record.curves()
    for curves in frames:
        assert len(curves.values) == len(record.turn) and np.isfinite(curves.values).all()
    if frames:
        figure = ssmb.plot(record)
        drawn = [line.get_ydata() for axis in figure.axes for line in axis.lines]
        assert len(drawn) == sum(c.values.shape[1] + (c.right is not None) for c in frames)
        assert_close(drawn[0], frames[0].values[:, 0], rtol=1e-12, atol=0.0, what="first curve")
    elif "beams" not in told:
        with pytest.raises(ConfigError, match=f"a {type(record).__name__} has no figure"):
            ssmb.plot(record)


@pytest.mark.parametrize("kind", sorted(MONITORS))
def test_the_section_of_a_run_file_makes_the_monitor(kind: str) -> None:
    want = EXAMPLES[f"{kind}-0"]
    section: Any = section_of(MONITORS[kind])
    asked = {name: getattr(want, name) for name in quantities_of(want)}
    others = {f.name: getattr(want, f.name) for f in dataclasses.fields(want) if f.name not in asked}
    assert section.model_validate(asked).made(**others) == want
    with pytest.raises(ValidationError, match="must be a whole number from 1"):
        section.model_validate(asked | {"every": 0})


@each
def test_same_bits_however_it_is_run(
    ring: Lattice, beam: Beam, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = EXAMPLES[kind]
    want = bits(go(ring, beam, [made]).monitors[made.name])
    among = go(ring, beam, [m for m in EXAMPLES.values() if m.name != made.name][::-1] + [made], tile=512)
    assert bits(among.monitors[made.name]) == want
    assert bits(among.beam) == bits(go(ring, beam, []).beam)

    def stop(done: int, turns: int) -> None:
        if done >= 5:
            raise KeyboardInterrupt

    given: dict[str, Any] = {"checkpoint": tmp_path / "c.h5", "resume": True}
    monkeypatch.setattr(importlib.import_module("ssmb.tracking.job"), "_PIECE_SECONDS", 0.0)  # turn by turn
    assert go(ring, beam, [made], progress=stop, **given).turns < TURNS
    assert bits(go(ring, beam, [made], **given).monitors[made.name]) == want


def test_a_new_sum_against_numpy(ring: Lattice, beam: Beam) -> None:
    done = go(ring, beam, [ChirpMonitor(1e-6, "stop"), SnapshotMonitor("stop")])
    for i, there in enumerate(done.monitors["snapshots@stop"].beams):
        keep = there.alive
        want = np.average(there.z[keep] * there.delta[keep], weights=there.weight[keep]) / 1e-6
        assert_close(done.monitors["chirp"].chirp[i], want, rtol=1e-11, atol=0.0, what=f"turn {i}")


def test_what_is_no_monitor_or_twice(ring: Lattice, beam: Beam) -> None:
    with pytest.raises(
        ConfigError, match="must be of BucketMonitor, BunchingMonitor, MomentMonitor, SnapshotMonitor, got"
    ):
        go(ring, beam, ["moments"])
    with pytest.raises(ValueError, match="registered twice"):
        block_sum(SUMS[0].name, 0)(lambda buf, lo, hi, p, out: None)


@pytest.mark.parametrize("n", [1, 7, 8, 100, 256])
def test_sums_in_vectors_are_the_plain_ones(n: int) -> None:
    """Of each registered sum that has both forms, with lost particles, and behind the first lanes of a tile."""
    rng = np.random.default_rng(n)
    buf = np.zeros((ROWS, STRIDE))
    scale = np.array([3e-4, 1e-4, 1e-4, 1e-4, 1e-6, 1e-4])[:, None]
    buf[:6, 256 : 256 + n] = scale * (rng.normal(size=(6, n)) + 3.0)
    buf[WEIGHT, 256 : 256 + n] = rng.uniform(1.0, 2.0, n) * (rng.random(n) < 0.8)
    buf[:6, 256 : 256 + n] *= buf[WEIGHT, 256 : 256 + n] > 0.0
    both = 0
    for made in (made for cls in MONITORS.values() for made in cls.examples("stop", "U")):
        for row in made.sums() if isinstance(made, SumMonitor) else ():
            if row.sum.tiled is None:
                continue
            p, got, want = np.array([*row.p, 0.0]), np.full(row.numbers, np.nan), np.full(row.numbers, np.nan)
            numba.njit(**FLAGS)(row.sum.tiled)(buf, 256, 256 + n, p, got)
            numba.njit(**FLAGS)(row.sum.function)(buf, 256, 256 + n, p, want)
            assert np.isfinite(got).all()
            assert_close(got, want, rtol=1e-11, atol=1e-11 * float(np.abs(want[2:]).min(initial=1.0)))
            both += 1
    assert both >= 3
