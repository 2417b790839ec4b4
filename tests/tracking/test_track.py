"""track(): its arguments, sections, losses and monitors, against numpy on the particles themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam, LossReason, Reference, bunching_factor
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.errors import ConfigError, ResultFileError, SsmbError
from ssmb.lattice import Lattice, load_lattice
from ssmb.lattice.program import compile_elements
from ssmb.tracking import BunchingMonitor, MomentMonitor, RunStatus, SnapshotMonitor, track
from tests.studies.small_ring import RING, bits
from tests.support import assert_close

SIZES = np.array([1e-4, 1e-4, 1e-4, 1e-4, 1e-6, 1e-4])[:, None]


@pytest.fixture(scope="module")
def ring() -> Lattice:
    return load_lattice(RING)


@pytest.fixture(scope="module")
def beam(ring: Lattice) -> Beam:
    """Particles of different weights."""
    rng = np.random.default_rng(1)
    return Beam(ring.reference, rng.normal(size=(6, 700)) * SIZES, weight=rng.uniform(1e3, 2e3, 700))


@pytest.mark.parametrize(
    ("options", "want"),
    [
        ({"turns": -1}, "turns must be a whole number >= 0, got -1"),
        ({"turns": 1.5}, "turns must be a whole number"),
        ({"turns": True}, "turns must be a whole number"),
        ({"turns": 2**41}, "turns are counted to 2"),
        ({"first_turn": -1}, "first_turn must be"),
        ({"first_turn": 2**40}, "turns are counted to 2"),
        ({"seed": -1}, "seed must be"),
        ({"seed": 2**63}, "seed must be"),
        ({"seed": "1"}, "seed must be"),
        ({"threads": 0}, "threads must be"),
        ({"threads": 10**6}, "threads=1000000, but only"),
        ({"tile": 300}, "tile must be 256 or 512"),
        ({"checkpoint_every": 0.0}, "checkpoint_every must be"),
        ({"checkpoint_every": float("nan")}, "checkpoint_every must be"),
        ({"start": "stopp"}, "no element 'stopp' in the lattice. Did you mean 'stop'?"),
        ({"end": 5}, "no element '5'"),
        ({"start": "qd", "end": "qd"}, "start 'qd' must come before end 'qd'"),
        ({"start": "noise", "end": "U"}, "must come before"),
        ({"monitors": [MomentMonitor("V")]}, "no element 'V'"),
        ({"monitors": [MomentMonitor("U")], "start": "qd"}, "lies outside the tracked section"),
        ({"monitors": [MomentMonitor(), MomentMonitor()]}, "two monitors are named 'moments'"),
        ({"monitors": ["moments"]}, "monitors must be of BucketMonitor, BunchingMonitor, MomentMonitor, "
                                    "SnapshotMonitor, got str"),
        ({"resume": True}, "resume=True needs checkpoint=FILE"),
        ({"checkpoint": "no folder/c.h5"}, "there is no folder 'no folder'"),
        ({"checkpoint": ""}, "is not a path"),
    ],
)  # fmt: skip
def test_arguments(ring: Lattice, beam: Beam, options: dict[str, Any], want: str) -> None:
    with pytest.raises(SsmbError, match=re.escape(want)):
        track(ring, beam, **options)


def test_what_is_no_lattice_or_beam(ring: Lattice, beam: Beam) -> None:
    with pytest.raises(ConfigError, match="needs a Lattice or a compiled Program, not str"):
        track("ring.pals.yaml", beam)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="needs a Beam, not ndarray"):
        track(ring, beam.coordinates)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="the beam has no particles"):
        track(ring, beam.select([]))
    for reference in (Reference(251e6), Reference(250e6, "positron")):
        with pytest.raises(ConfigError, match="the beam is normalised to"):
            track(ring, Beam(reference, np.zeros((6, 2))))


@pytest.mark.parametrize("bad", ["x", 1e-6, np.array(1e-6), [], [0.0], [-1e-6], [np.nan], [1e-320], None, [None]])
def test_wavelengths_that_are_none(bad: Any) -> None:
    with pytest.raises(ConfigError, match=r"BunchingMonitor.wavelengths(\[0\])? must be a (list|number)"):
        BunchingMonitor("U", bad)


@pytest.mark.parametrize("bad", [0, -1, 1.5, True, "2", None])
def test_every_must_be_a_number_of_turns(bad: Any) -> None:
    for kind in (MomentMonitor, SnapshotMonitor):
        with pytest.raises(ConfigError, match="every must be a whole number"):
            kind(every=bad)


def test_nothing_to_do(ring: Lattice, beam: Beam) -> None:
    run = track(ring, beam, 0, monitors=[MomentMonitor(), SnapshotMonitor(), BunchingMonitor(None, [1e-6])])
    assert (run.status, run.turns) == (RunStatus.COMPLETED, 0)
    assert bits(run.beam) == bits(beam)
    assert [len(r.turn) for r in run.monitors.values()] == [0, 0, 0]


def test_the_beam_that_is_given_stays(ring: Lattice, beam: Beam) -> None:
    before = bits(beam)
    run = track(ring, beam, 3)
    assert bits(beam) == before != bits(run.beam)


def test_a_program_is_as_good_as_a_lattice(ring: Lattice, beam: Beam) -> None:
    program = compile_elements(ring.elements, ring.reference)
    assert bits(track(program, beam, 3).beam) == bits(track(ring, beam, 3).beam)


def test_sections_add_up_to_a_turn(ring: Lattice, beam: Beam) -> None:
    """Random numbers and losses are keyed by the element in the whole lattice."""
    whole = track(ring, beam, 1, seed=2)
    for middle in ("qd", "noise"):
        half = track(ring, beam, 1, end=middle, seed=2)
        rest = track(ring, half.beam, 1, start=middle, seed=2)
        assert bits(rest.beam) == bits(whole.beam)


def test_monitors_of_a_section(ring: Lattice, beam: Beam) -> None:
    run = track(
        ring, beam, 2, start="qf", end="d#2", monitors=[MomentMonitor("qd"), MomentMonitor("qf"), MomentMonitor()]
    )
    first = run.monitors["moments@qf"]
    assert_close(first.mean[0], np.average(beam.coordinates, axis=1, weights=beam.weight), rtol=1e-12, atol=1e-20)
    end = track(ring, beam, 1, start="qf", end="d#2").beam
    want = np.average(end.coordinates, axis=1, weights=end.weight)
    assert_close(run.monitors["moments"].mean[0], want, rtol=1e-12, atol=1e-20)


def test_moments_and_bunching_against_numpy(ring: Lattice, beam: Beam) -> None:
    """The records equal weighted sums over the snapshots of the same turns, lost particles left out."""
    wavelengths = [1064e-9, 532e-9, 3e-6]
    monitors = [SnapshotMonitor(), MomentMonitor(every=2), BunchingMonitor(None, wavelengths, every=3)]
    tight = ring.with_changes({"stop": {"x_limits": (-2.5e-4, 2.5e-4)}})
    run = track(tight, beam, 7, monitors=monitors, seed=4)
    snapshots = dict(zip(run.monitors["snapshots"].turn.tolist(), run.monitors["snapshots"].beams, strict=True))
    moments, bunching = run.monitors["moments"], run.monitors["bunching"]
    assert list(snapshots) == list(range(7))
    assert moments.turn.tolist() == [0, 2, 4, 6]
    assert bunching.turn.tolist() == [0, 3, 6]
    assert moments.particles[-1] < moments.particles[0] < 700
    for i, turn in enumerate(moments.turn):
        b = snapshots[turn]
        c, w = b.coordinates[:, b.alive], b.weight[b.alive]
        mean = np.average(c, axis=1, weights=w)
        sigma = ((c - mean[:, None]) * w) @ (c - mean[:, None]).T / w.sum()
        size = np.sqrt(np.diag(sigma))
        assert moments.particles[i] == b.alive.sum()
        assert_close(moments.charge[i], w.sum() * ELEMENTARY_CHARGE, rtol=1e-14, atol=0.0)
        assert_close(moments.mean[i] / size, mean / size, rtol=1e-12, atol=1e-14)
        assert_close(moments.sigma[i] / np.outer(size, size), sigma / np.outer(size, size), rtol=1e-12, atol=1e-14)
        assert_close(moments.rms[i], size, rtol=1e-12, atol=0.0)
        plane = np.sqrt(np.linalg.det(sigma[:2, :2]))
        assert_close(moments.projected_emittance[i, 0], plane, rtol=1e-10, atol=0.0)
    for i, turn in enumerate(bunching.turn):
        want = [bunching_factor(snapshots[turn], w) for w in wavelengths]
        assert_close(bunching.bunching[i], np.array(want), rtol=1e-11, atol=1e-13)
    assert_close(bunching.magnitude, np.abs(bunching.bunching), rtol=0.0, atol=0.0)


def test_moments_of_one_particle(ring: Lattice) -> None:
    one = Beam(ring.reference, np.full((6, 1), 1e-5), weight=3.0)
    record = track(ring, one, 2, monitors=[MomentMonitor("U"), BunchingMonitor("U", [1e-6])]).monitors
    assert_close(record["moments@U"].mean[0], np.full(6, 1e-5), rtol=1e-15, atol=0.0)
    assert np.abs(record["moments@U"].sigma).max() < 1e-38  # the square of a rounding
    assert_close(record["bunching@U"].magnitude, np.ones((2, 1)), rtol=1e-14, atol=0.0)


def test_losses(ring: Lattice) -> None:
    """By element and reason, in the order of the lattice; coordinates stay as they were at the loss."""
    rows = np.zeros((6, 6))
    rows[0, 1] = 1e-3  # at the aperture on the first turn
    rows[1, 2] = 2.0  # flies backwards in the first drift-like map
    rows[0, 3], rows[1, 4] = 9.9, 0.9
    run = track(ring, Beam(ring.reference, rows), 3)
    assert run.status is RunStatus.COMPLETED
    assert run.beam.alive.tolist()[0] is True
    losses = run.losses()
    assert sum(loss.particles for loss in losses) == (~run.beam.alive).sum() >= 4
    assert [loss.s for loss in losses] == sorted(loss.s for loss in losses)
    aperture = [loss for loss in losses if loss.reason is LossReason.APERTURE]
    assert aperture[0].element == "stop"
    assert aperture[0].first_turn == 0
    assert any(loss.reason is LossReason.NO_FORWARD_MOMENTUM for loss in losses)
    assert np.isfinite(run.beam.coordinates).all()
    assert run.beam.coordinates[0, 1] > 4e-4
    again = track(ring, run.beam, 2, first_turn=3)
    for name in ("lost_turn", "lost_element", "state"):
        assert np.array_equal(getattr(again.beam, name)[1:], getattr(run.beam, name)[1:])


def test_all_lost(ring: Lattice) -> None:
    rows = np.zeros((6, 3))
    rows[0] = 1e-3
    run = track(ring, Beam(ring.reference, rows), 10, monitors=[MomentMonitor(), BunchingMonitor(None, [1e-6])])
    assert (run.status, run.turns) == (RunStatus.ALL_LOST, 1)
    assert run.monitors["moments"].particles.tolist() == [0]
    assert np.isfinite(run.monitors["moments"].sigma).all()
    assert run.monitors["bunching"].bunching.tolist() == [[0.0]]
    again = track(ring, run.beam, 5, first_turn=1)
    assert (again.status, again.turns) == (RunStatus.ALL_LOST, 0)


def test_first_turn_counts_for_records_and_losses(ring: Lattice) -> None:
    rows = np.zeros((6, 2))
    rows[0, 0] = 1e-3
    run = track(
        ring, Beam(ring.reference, rows), 4, first_turn=10, monitors=[MomentMonitor(every=3), SnapshotMonitor(every=4)]
    )
    assert run.turns == 4
    assert run.beam.lost_turn.tolist() == [10, -1]
    assert run.monitors["moments"].turn.tolist() == [12]
    assert run.monitors["snapshots"].turn.tolist() == [11]


def test_progress(ring: Lattice, beam: Beam, capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[tuple[int, int]] = []
    track(ring, beam, 5, progress=lambda done, turns: seen.append((done, turns)))
    assert seen[-1] == (5, 5)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    track(ring, beam, 5, progress=True)
    assert "5/5" in capsys.readouterr().err


def test_a_checkpoint_extends_a_run_but_does_not_shorten_it(ring: Lattice, beam: Beam, tmp_path: Path) -> None:
    path = tmp_path / "c.h5"
    track(ring, beam, 4, checkpoint=path)
    longer = track(ring, beam, 6, checkpoint=path, resume=True)
    assert bits(longer.beam) == bits(track(ring, beam, 6).beam)
    with pytest.raises(ConfigError, match="6 turns are done already, more than turns=5"):
        track(ring, beam, 5, checkpoint=path, resume=True)
    path.write_bytes(b"nothing")
    path.with_name("c.previous.h5").unlink(missing_ok=True)
    with pytest.raises(ResultFileError):
        track(ring, beam, 6, checkpoint=path, resume=True)
