"""The bucket monitor against numpy on the beam itself, and against the class of the bucket."""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam, bunching_factor
from ssmb.beam.folding import fold
from ssmb.buckets import MicroBucket
from ssmb.elements import Marker
from ssmb.errors import ConfigError
from ssmb.lattice import Lattice
from ssmb.tracking import BucketMonitor, BucketRecord, LaserProgram, SnapshotMonitor, track
from ssmb.tracking.laser_program import Noise
from ssmb.tracking.monitors.bucket import lifetime
from tests.studies.small_ring import bits
from tests.support import assert_close
from tests.tracking.micro_ring import CIRCUMFERENCE, LIGHT, REFERENCE, SLIP, bucket, ring

#: the module, which the function of the same name hides
JOB = importlib.import_module("ssmb.tracking.job")
AMPLITUDE = 4.2e-4
SHAPES = {
    "plain": bucket(AMPLITUDE),
    "nonlinear slip": replace(bucket(AMPLITUDE), slip_factor2=3e-4, slip_factor3=-0.1),
    "loss": replace(bucket(AMPLITUDE), energy_loss=1.3e-4),
    "phase": replace(bucket(AMPLITUDE), phase=0.37),
    "negative slip": replace(bucket(AMPLITUDE), slip_factor=-SLIP),
    "loss and negative slip": replace(bucket(AMPLITUDE), slip_factor=-SLIP, energy_loss=2e-4, phase=-0.2),
}


def coasting(n: int = 3001, reach: float = 40.0) -> Beam:
    """Particles of different weights over many wavelengths, up to twice the height of the bucket."""
    rng = np.random.default_rng(7)
    c = np.zeros((6, n))
    c[4] = rng.uniform(-reach, reach, n) * LIGHT
    c[5] = rng.uniform(-2.0, 2.0, n) * bucket(AMPLITUDE).half_height
    return Beam(REFERENCE, c, weight=rng.uniform(1.0, 3.0, n))


def by_hand(beam: Beam, shape: MicroBucket, harmonics: tuple[int, ...]) -> dict[str, Any]:
    """The same numbers from the beam with numpy."""
    b = shape.main
    alive = beam.alive
    z, delta, w = beam.z[alive], beam.delta[alive], beam.weight[alive]
    middle = b.z + 0.5 * sum(b.barriers_z)
    points = np.stack([fold(z, shape.wavelength, middle)[0] - b.z, delta - b.delta])
    inside = shape.inside(z, delta)
    moments = []
    for which in (np.ones_like(inside), inside):
        p, v = points[:, which], w[which]
        mean = (p * v).sum(axis=1) / v.sum()
        d = p - mean[:, None]
        moments += [mean, (v * d) @ d.T / v.sum()]
    found = [bunching_factor(beam, shape.wavelength / n) for n in harmonics]
    return {"captured": w[inside].sum() / w.sum(), "moments": moments, "bunching": np.array(found)}


@pytest.mark.parametrize("name", SHAPES)
def test_all_numbers_against_the_beam(name: str) -> None:
    shape, harmonics = SHAPES[name], (1, 3, 7)
    run = track(
        ring(AMPLITUDE), coasting(), 12, monitors=[BucketMonitor(None, shape, harmonics), SnapshotMonitor(every=4)]
    )  # fmt: skip
    record = run.monitors["bucket"]
    snapshots = run.monitors["snapshots"]
    size = np.array([shape.wavelength, shape.half_height])
    for turn, beam in zip(snapshots.turn, snapshots.beams, strict=True):
        want = by_hand(beam, shape, harmonics)
        assert 0.02 < want["captured"] < 0.9
        mean, sigma, mean_in, sigma_in = want["moments"]
        assert_close(record.captured[turn], want["captured"], rtol=1e-12, atol=0.0, what="captured")
        assert_close(record.electrons[turn], beam.weight[beam.alive].sum(), rtol=1e-12, atol=0.0, what="electrons")
        for got, value in ((record.mean, mean), (record.captured_mean, mean_in)):
            assert_close(got[turn] / size, value / size, rtol=0.0, atol=1e-9, what="mean")
        for got, value in ((record.sigma, sigma), (record.captured_sigma, sigma_in)):
            scale = np.outer(size, size)
            assert_close(got[turn] / scale, value / scale, rtol=0.0, atol=1e-9, what="covariance")
        assert_close(record.bunching[turn], want["bunching"], rtol=0.0, atol=1e-10, what="b_n")
        assert_close(record.sigma_z[turn] ** 2, sigma_in[0, 0], rtol=1e-8, atol=0.0)
        assert_close(record.sigma_delta[turn] ** 2, sigma_in[1, 1], rtol=1e-8, atol=0.0)


def test_what_is_in_the_bucket_stays_in_it() -> None:
    """Smooth limit: the captured share is constant, that of a filled bucket is one."""
    amplitude = 4e-6
    shape = bucket(amplitude)
    rng = np.random.default_rng(3)
    c = np.zeros((6, 4000))
    c[4] = rng.uniform(-0.5, 0.5, 4000) * shape.wavelength
    c[5] = rng.uniform(-1.0, 1.0, 4000) * shape.half_height
    inside = shape.inside(c[4], c[5])
    monitors = [BucketMonitor("m", shape, every=50)]
    captured = track(ring(amplitude), Beam(REFERENCE, c), 1001, monitors=monitors).monitors["bucket@m"].captured
    assert_close(captured[0], inside.mean(), rtol=1e-12, atol=0.0)
    assert_close(inside.mean(), shape.area / (2.0 * shape.half_height * shape.wavelength), rtol=0.03, atol=0.0)
    assert_close(captured, captured[0], rtol=0.0, atol=0.01)  # only the stochastic layer leaks
    filled = track(ring(amplitude), Beam(REFERENCE, c[:, inside & (abs(c[5]) < 0.7 * shape.half_height)]), 1001,
                   monitors=monitors).monitors["bucket@m"].captured  # fmt: skip
    assert (filled > 0.97).all()


def test_alive_is_not_captured() -> None:
    """Four groups: in the bucket or not, taken by an aperture or not. Each number tells one thing, by hand."""
    amplitude, n = 4e-5, 1000
    shape = bucket(amplitude)
    rng = np.random.default_rng(11)
    c = np.zeros((6, 4 * n))
    c[4] = 0.1 * rng.uniform(-1.0, 1.0, 4 * n) * shape.wavelength
    c[5] = 0.3 * rng.uniform(-1.0, 1.0, 4 * n) * shape.half_height
    out, lost = slice(0, 2 * n), slice(n, 3 * n)  # a quarter is both
    c[5, out] += 4.0 * shape.half_height
    c[0, lost] = 1e-2
    narrow = Marker(name="scraper", x_limits=(-5e-3, 5e-3))
    lattice = ring(amplitude)
    tight = Lattice.from_elements([lattice.elements[0], narrow, *lattice.elements[1:]], lattice.reference)
    record = track(tight, Beam(REFERENCE, c), 30, monitors=[BucketMonitor(lattice.elements[0].name, shape)]).monitors
    found = next(iter(record.values()))
    assert_close(found.electrons[[0, -1]], [4 * n, 2 * n], rtol=1e-12, atol=0.0, what="alive, in the bucket or not")
    assert_close(found.alive[-1], 0.5, rtol=1e-12, atol=0.0, what="share alive")
    assert_close(found.captured[-1], 0.5, rtol=1e-12, atol=0.0, what="captured, of those alive")
    assert_close(found.held[-1], 0.25, rtol=1e-12, atol=0.0, what="alive and captured, of all")
    assert found.shares() == {"captured": found.captured[-1]}
    assert found.summary()["turns"][-1]["alive"] == found.alive[-1]
    shares = found.curves()[0]
    assert shares.names == ("alive", "alive and captured")
    assert_close(shares.values[-1], [0.5, 0.25], rtol=1e-12, atol=0.0, what="curves of the figure")


def test_the_lifetime_of_a_bucket_counts_the_lost() -> None:
    """Every electron alive is captured, and they are lost to an aperture one after the other: the bucket empties."""
    n, turn = 60, np.arange(60)
    ones, empty = np.ones(n), (np.zeros((n, 2)), np.ones((n, 2, 2)))
    record = BucketRecord(None, bucket(AMPLITUDE), np.array([1]), turn, np.exp(-turn / 200.0), ones, *empty, *empty,
                          np.ones((n, 1)))  # fmt: skip
    assert lifetime(turn, record.captured) is None
    assert_close(record.summary()["lifetime"], 200.0, rtol=1e-9, atol=0.0, what="turns")
    assert "turns in it" in record.text("bucket") and "of those alive" in record.text("bucket")


def test_a_bucket_that_follows_its_light() -> None:
    """Detuned light carries the bucket away; seen from the moving bucket nothing has happened."""
    amplitude, eps, ramp = 4.2e-5, 5e-11, 2000
    light = LaserProgram(detuning=lambda t: eps * np.clip(t / ramp, 0.0, 1.0), phase=0.1)
    shape = bucket(amplitude)
    rng = np.random.default_rng(4)
    c = np.zeros((6, 1000))
    sigma = 0.1 * shape.half_height
    c[4] = shape.sigma_z(sigma) * rng.normal(size=1000) - 0.1 * shape.wavelength  # the place where phase = 0.1 is zero
    c[5] = sigma * rng.normal(size=1000)
    monitors = [
        BucketMonitor("m", shape, (1,), name="moving", light="U"),
        BucketMonitor("m", shape, (1,), name="resting"),
    ]
    run = track(ring(amplitude), Beam(REFERENCE, c), 5000, drives={"U": light}, monitors=monitors)
    moving, resting = run.monitors["moving"], run.monitors["resting"]
    assert (moving.captured == 1.0).all()
    assert resting.captured[3000:].min() < 0.5  # it passes by two hundred turns later
    late = slice(3000, 5000)
    # half a turn from the kick the bucket has moved on by C eps/2
    moved = np.array([-0.5 * CIRCUMFERENCE * eps / LIGHT, 0.0])
    assert_close(moving.captured_mean[late].mean(axis=0) / (LIGHT, shape.half_height), moved, rtol=0.0, atol=5e-4)
    assert_close(moving.sigma_delta[late].mean(), sigma, rtol=0.1, atol=0.0)
    assert abs(run.beam.z.mean()) > 2000 * CIRCUMFERENCE * eps  # ten wavelengths away
    assert_close(resting.mean[late, 1].mean(), eps / SLIP, rtol=2e-2, atol=0.0)


def test_light_off_leaves_the_nominal_bucket() -> None:
    """The depth is that of the bucket that is given, so that a duty cycle or a ramp can be compared with it."""
    beam = coasting()
    got = track(ring(AMPLITUDE), beam, 1, drives={"U": LaserProgram(amplitude=0.0)},
                monitors=[BucketMonitor("in", bucket(AMPLITUDE), light="U")])  # fmt: skip
    assert_close(
        got.monitors["bucket@in"].captured[0], by_hand(beam, bucket(AMPLITUDE), (1,))["captured"], rtol=1e-12, atol=0.0
    )


@pytest.mark.parametrize("options", [{"tile": 512}, {"threads": 1}])
@pytest.mark.parametrize("piece", [0.0, 1e9])
def test_same_bits(options: dict[str, Any], piece: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monitors = [BucketMonitor("m", SHAPES["plain"], light="U"), BucketMonitor("in", SHAPES["loss"], (5,), every=3)]
    light = LaserProgram(detuning=1e-10, noise=Noise(phase=0.01, seed=0))

    def go(**given: Any) -> Any:
        return track(ring(AMPLITUDE), coasting(1301), 40, monitors=monitors, drives={"U": light}, **given)

    want = go()
    monkeypatch.setattr(JOB, "_PIECE_SECONDS", piece)
    got = go(**options)
    assert bits((got.beam, got.monitors)) == bits((want.beam, want.monitors))
    assert got.monitors["bucket@in"].turn.tolist() == list(range(0, 40, 3))


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ({"bucket": 3}, "bucket must be a MicroBucket, got int"),
        ({"harmonics": ()}, "harmonics must be a list of 1 to 1000 entries, got 0"),
        ({"harmonics": (0,)}, "harmonics[0] must be a whole number from 1 to 1000, got 0"),
        ({"harmonics": "1"}, "harmonics must be a list, got '1'"),
        ({"harmonics": (2000,)}, "harmonics[0] must be a whole number from 1 to 1000, got 2000"),
        ({"every": 0}, "every must be a whole number from 1 to 10000000, got 0"),
        ({"light": "U"}, "follows the light of 'U', which has no LaserProgram in drives"),
        ({"at": "mm"}, "no element 'mm' in the lattice. Did you mean 'm'?"),
    ],
)
def test_what_is_wrong_is_told(given: dict[str, Any], want: str) -> None:
    with pytest.raises(Exception, match=re.escape(want)) as caught:
        track(
            ring(AMPLITUDE), coasting(10), monitors=[BucketMonitor(**({"at": "m", "bucket": SHAPES["plain"]} | given))]
        )
    assert caught.type is ConfigError or caught.type.__name__ == "LatticeError"
