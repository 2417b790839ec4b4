"""Turns that stop at stations give the same bits as whole turns, and the beam at a station is the beam of that
place.
"""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam, LossReason
from ssmb.buckets import MicroBucket
from ssmb.elements import ELEMENTS, Bend, Drift, Marker, Quadrupole, Sextupole
from ssmb.errors import ConfigError
from ssmb.lattice import Lattice, load_lattice
from ssmb.tracking import BucketMonitor, BunchingMonitor, LaserProgram, MomentMonitor, RunStatus, SnapshotMonitor, track
from ssmb.tracking.laser_program import Duty, Noise, Ramp
from tests.contract.cases import REFERENCE
from tests.studies.small_ring import STEADY_RING, bits

JOB = importlib.import_module("ssmb.tracking.job")
TURNS = 20
LIGHT = LaserProgram(
    detuning=1e-8, duty=Duty(5, 4), ramp=Ramp((0, 15), (0.0, 1.0)), noise=Noise(phase=2e-3, amplitude=0.01, seed=0)
)
MONITORS = [
    MomentMonitor(),
    MomentMonitor("stop", every=3),
    BunchingMonitor("qf", [1064e-9]),
    BucketMonitor("stop", MicroBucket(1064e-9, 1e-6, 100.0, 1e-4), light="U"),
]


@pytest.fixture(scope="module")
def ring() -> Lattice:
    return load_lattice(STEADY_RING)


@pytest.fixture(scope="module")
def beam(ring: Lattice) -> Beam:
    rows = np.random.default_rng(1).normal(size=(6, 901)) * np.array([3e-4, 1e-4, 1e-4, 1e-4, 1e-6, 1e-4])[:, None]
    return Beam(ring.reference, rows)


def go(ring: Lattice, beam: Beam, extra: list[Any], **options: Any) -> Any:
    """With photons, a laser that is different on each turn, and losses."""
    given: dict[str, Any] = {"radiation": "quantum", "drives": {"U": LIGHT}, "seed": 3} | options
    return track(ring, beam, TURNS, monitors=[*MONITORS, *extra], **given)


@pytest.fixture(scope="module")
def want(ring: Lattice, beam: Beam) -> Any:
    done = go(ring, beam, [])
    assert 5 < (~done.beam.alive).sum() < 600
    assert len(set(done.beam.lost_turn)) > 5
    return done


PLACES: dict[str, list[SnapshotMonitor]] = {
    "one": [SnapshotMonitor("stop")],
    "where a probe is": [SnapshotMonitor("qf", every=2), SnapshotMonitor("qf", turns=[3, 4], name="other")],
    "all": [SnapshotMonitor(name) for name in ("U", "qf", "bend#1", "qd", "stop", "bend#2", "chicane", "noise")],
    "first and end": [SnapshotMonitor("U", turns=[0, 7]), SnapshotMonitor(turns=[7, 19])],
}


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("options", [{}, {"threads": 1}, {"tile": 512}], ids=str)
def test_same_bits_as_whole_turns(ring: Lattice, beam: Beam, want: Any, where: str, options: dict[str, Any]) -> None:
    """Coordinates, losses by turn and element, and all records."""
    done = go(ring, beam, PLACES[where], **options)
    assert bits(done.beam) == bits(want.beam)
    for m in MONITORS:
        assert bits(done.monitors[m.name]) == bits(want.monitors[m.name]), m.name


@pytest.mark.parametrize("turn", [0, 6])
def test_the_beam_at_a_station_is_that_of_a_turn_that_ends_there(ring: Lattice, beam: Beam, turn: int) -> None:
    names = ("U", "qf", "bend#1", "qd", "stop", "bend#2", "chicane", "noise")
    done = go(ring, beam, [SnapshotMonitor(name, turns=[turn]) for name in names])
    given: dict[str, Any] = {"radiation": "quantum", "drives": {"U": LIGHT}, "seed": 3}
    before = track(ring, beam, turn, **given).beam
    assert bits(done.monitors["snapshots@U"].beams[0]) == bits(before)
    for name in names[1:]:
        record = done.monitors[f"snapshots@{name}"]
        assert record.turn.tolist() == [turn]
        there = track(ring, before, 1, end=name, first_turn=turn, **given).beam
        assert bits(record.beams[0]) == bits(there), name


def test_each_element_takes_up_the_beam_where_the_one_before_left_it() -> None:
    """What a tile keeps of the momentum between elements is formed anew at a station, to the same bits."""
    made = [dataclasses.replace(cls.examples()[0], name=f"e{i}") for i, cls in enumerate(ELEMENTS.values())]
    made = [dataclasses.replace(e, frequency=0.0, harmon=13.0) if e.kind == "RFCavity" else e for e in made]
    line = Lattice.from_elements([e for e in made if e.kind not in ("Patch", "Taylor")], REFERENCE)
    scale = np.array([4e-4, 1e-4, 4e-4, 1e-4, 1e-6, 1e-3])[:, None]
    beam = Beam(REFERENCE, np.random.default_rng(17).normal(size=(6, 300)) * scale)
    stops = [SnapshotMonitor(e.name) for e in line]
    for radiation in ("off", "quantum"):
        whole = track(line, beam, 2, radiation=radiation)
        assert whole.beam.alive.sum() > 100
        assert bits(track(line, beam, 2, monitors=stops, radiation=radiation).beam) == bits(whole.beam)


def lossy() -> Lattice:
    return Lattice.from_elements(
        [
            Quadrupole(name="q", length=0.3, Kn1=1.0),
            Marker(name="jaws", x_limits=(-1e-2, 1e-2)),
            Drift(name="d", length=1.0),
            Sextupole(name="s", length=0.2, Kn2=1e4),
            Bend(name="b", length=0.5, angle=0.1),
        ],
        REFERENCE,
    )


def test_losses_of_all_reasons_within_sections() -> None:
    """An aperture, an impossible momentum, a coordinate out of range: same turn, element and last coordinates."""
    rows = np.random.default_rng(4).normal(size=(6, 700)) * np.array([4e-3, 1e-3, 4e-2, 1e-3, 1e-3, 1e-3])[:, None]
    rows[:, 5] = (0.0, 0.0, 0.0, 0.9, 9.0e11, 0.0)
    rows[:, 6] = (0.0, 0.0, 9.9, 0.5, 0.0, 0.0)
    beam = Beam(REFERENCE, rows)
    whole = track(lossy(), beam, 6)
    reasons = {LossReason(r) for r in whole.beam.state[~whole.beam.alive]}
    assert reasons == {LossReason.APERTURE, LossReason.NO_FORWARD_MOMENTUM, LossReason.OUT_OF_RANGE}
    stops = [SnapshotMonitor(name) for name in ("jaws", "d", "s", "b")]
    for chosen in (stops, stops[1:3], stops[3:]):
        assert bits(track(lossy(), beam, 6, monitors=chosen).beam) == bits(whole.beam)
    # who is lost in the sextupole is alive before it and not behind it
    done = track(lossy(), beam, 1, monitors=stops)
    lost_there = (done.beam.lost_element == 3) & (done.beam.lost_turn == 0)
    assert lost_there.any()
    assert done.monitors["snapshots@s"].beams[0].alive[lost_there].all()
    behind = done.monitors["snapshots@b"].beams[0]
    assert not behind.alive[lost_there].any()
    assert (behind.lost_turn[lost_there] == 0).all()


def test_all_lost_inside_a_turn() -> None:
    rows = np.zeros((6, 3))
    rows[0] = 0.02  # all of them on the jaws of the first turn
    stops = [SnapshotMonitor("q"), SnapshotMonitor("s"), SnapshotMonitor(), MomentMonitor()]
    done = track(lossy(), Beam(REFERENCE, rows), 5, monitors=stops)
    assert (done.status, done.turns) == (RunStatus.ALL_LOST, 1)
    assert [done.monitors[m.name].turn.tolist() for m in stops] == [[0]] * 4
    assert [int(done.monitors[m.name].beams[0].alive.sum()) for m in stops[:3]] == [3, 0, 0]


def test_only_the_turn_of_a_stop_is_cut(ring: Lattice, beam: Beam, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns on which nothing is due are tracked many at a time, as without stations."""
    calls: list[tuple[int, int]] = []
    real = JOB.advance

    def spy(*args: Any) -> None:
        calls.append((args[14], args[15]))  # first turn, turns
        real(*args)

    monkeypatch.setattr(JOB, "advance", spy)
    monkeypatch.setattr(JOB, "_PIECE_SECONDS", 1e9)
    track(ring, beam, 400, monitors=[SnapshotMonitor("stop", turns=[300]), SnapshotMonitor("qd", turns=[300])])
    cut = [turn for turn, turns in calls if turns == 1 and turn > 0]
    assert cut == [300, 300, 300]
    assert len(calls) < 15
    calls.clear()
    track(ring, beam, 400, monitors=[SnapshotMonitor(turns=[300])])
    assert len(calls) < 12
    assert not [turn for turn, turns in calls if turns == 1 and turn > 0]


def test_a_run_with_stations_is_resumed(ring: Lattice, beam: Beam, tmp_path: Path) -> None:
    """Interrupted on different turns, with snapshots before and after."""
    extra = [SnapshotMonitor("stop", turns=[2, 9, 17]), SnapshotMonitor("qd", every=4)]
    whole = go(ring, beam, extra)

    def stop_at(turn: int) -> Any:
        def progress(done: int, turns: int) -> None:
            if done >= turn:
                raise KeyboardInterrupt

        return progress

    for turn in (3, 10, 18):
        part = go(ring, beam, extra, checkpoint=tmp_path / "c.h5", resume=True, progress=stop_at(turn))
        assert part.status is RunStatus.INTERRUPTED
    last = go(ring, beam, extra, checkpoint=tmp_path / "c.h5", resume=True)
    assert last.status is RunStatus.COMPLETED
    assert bits((last.beam, last.monitors)) == bits((whole.beam, whole.monitors))


@pytest.mark.parametrize(
    ("made", "want"),
    [
        ({"at": 7}, "SnapshotMonitor.at must be a text, got 7"),
        ({"turns": 5}, "turns must be a list, got 5"),
        ({"turns": "12"}, "turns must be a list, got '12'"),
        ({"turns": [1.5]}, r"turns\[0\] must be a whole number"),
        ({"turns": [-1]}, r"turns\[0\] must be a whole number"),
        ({"turns": [1], "every": 2}, "give either turns or every"),
        ({"every": 0}, "every must be a whole number"),
    ],
)
def test_arguments_of_a_snapshot(made: dict[str, Any], want: str) -> None:
    with pytest.raises(ConfigError, match=want):
        SnapshotMonitor(**made)


def test_a_place_that_is_not_tracked(ring: Lattice, beam: Beam) -> None:
    with pytest.raises(ConfigError, match="lies outside the tracked section"):
        track(ring, beam, 1, start="qd", monitors=[SnapshotMonitor("U")])
    with pytest.raises(Exception, match="no element 'stopp' in the lattice. Did you mean 'stop'?"):
        track(ring, beam, 1, monitors=[SnapshotMonitor("stopp")])
