"""Steady-state runs: the laser's course in run files, records and tables, and phase II of the MLS."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam
from ssmb.dynamics import Optics
from ssmb.errors import ConfigError
from ssmb.lattice import Lattice, load_lattice
from ssmb.plot.study import study_figures
from ssmb.studies import load_config, load_result, run, run_file
from ssmb.studies.facts import lit_by_lattice
from ssmb.studies.ring import RunConfig
from ssmb.studies.ring_and_laser import bucket_of, laser_program, ring_optics
from ssmb.tracking import BucketMonitor, BucketRecord, LaserProgram, track
from ssmb.tracking.laser_program import Duty, Noise, Ramp
from ssmb.tracking.monitors.bucket import lifetime
from tests.studies.small_ring import bits, write_steady
from tests.support import assert_close

LATTICES = Path(__file__).parents[2] / "lattices"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("steady")
    write_steady(made)
    return made


# ---- run files


def test_keys_of_the_laser_are_a_laser_program(folder: Path) -> None:
    config = load_config(folder / "steady.run.yaml")
    got = laser_program(config.laser, 400)
    want = LaserProgram(
        windows=[(0, 100), (110, 350)], duty=Duty(5, 4), ramp=Ramp((0, 60, 120), (0.0, 0.4, 1.0), "smooth"),
        detuning=1e-8, noise=Noise(phase=2e-3, amplitude=1e-2, seed=4),
    )  # fmt: skip
    assert got is not None
    np.testing.assert_equal(got.as_asked(), want.as_asked())
    dark = load_config(folder / "steady.run.yaml", {"laser.windows": "[]"}).laser
    assert laser_program(dark, 400).windows == ((0, 350),)  # type: ignore[union-attr]
    assert laser_program(dark, 350).windows == ()  # type: ignore[union-attr]
    plain = {f"laser.{key}": None for key in ("duty", "ramp", "noise")} | {"laser.windows": "[]", "laser.detuning": 0.0}
    only_off = laser_program(load_config(folder / "steady.run.yaml", plain).laser, 400)
    assert only_off is not None
    assert only_off.windows == ((0, 350),)
    assert laser_program(load_config(folder / "steady.run.yaml", plain).laser, 350) is None


def test_a_window_is_the_laser_that_goes_off(folder: Path) -> None:
    """On for 40 of 60 turns, as a window and as laser.turns: two ways to the same motion."""
    off: dict[str, Any] = {"laser.duty": None, "laser.ramp": None, "laser.noise": None, "laser.detuning": 0.0}
    off |= {"track.turns": 60, "track.radiation": "off", "monitors": []}
    lattice = load_lattice(folder / "steady.pals.yaml")
    ends = []
    for changes in ({"laser.turns": 40, "laser.windows": "[]"}, {"laser.turns": 60, "laser.windows": "[[0, 40]]"}):
        ends.append(run(load_config(folder / "steady.run.yaml", off | changes), lattice).beam)
    assert_close(ends[1].z, ends[0].z, rtol=0.0, atol=1e-15, what="z")
    assert_close(ends[1].delta, ends[0].delta, rtol=0.0, atol=1e-12, what="delta")
    dark = run(load_config(folder / "steady.run.yaml", off | {"laser.turns": 0, "laser.windows": "[]"}), lattice).beam
    assert np.abs(dark.delta - ends[0].delta).max() > 1e-5


def test_a_run_is_printed_drawn_saved_and_read(folder: Path) -> None:
    result = run_file(
        folder / "steady.run.yaml", folder=folder / "out", changes={"track.turns": 60, "laser.turns": 350}
    )
    again = load_result(folder / "out")
    assert bits(again) == bits(result)
    assert again.summary() == result.summary()
    records = {name: r for name, r in result.records.items() if isinstance(r, BucketRecord)}
    assert list(records) == ["bucket@U", "bucket"]
    assert again.records["bucket"].bucket == result.records["bucket"].bucket
    assert records["bucket"].turn.tolist() == list(range(0, 60, 3))
    assert records["bucket"].harmonics.tolist() == [2, 5]
    told = result.summary()["buckets"][0]
    assert told["turns"][-1]["turn"] == 59
    assert_close(told["turns"][-1]["captured"], records["bucket@U"].captured[-1], rtol=0.0, atol=0.0)
    text = result.text()
    share = records["bucket@U"].captured[-1]
    assert f"captured of those alive at the end: {share:.6g} (bucket@U)" in text
    assert result.table()["captured of those alive, bucket@U [1]"] == share
    assert result.table()["alive"] == result.alive / result.count
    assert "|b_5|" in text
    assert f"{records['bucket@U'].captured[-1]:.4g}" in text
    figures = study_figures(result)
    assert {"bucket_at_U", "bucket", "separatrix"} <= set(figures)
    for figure in figures.values():
        figure.canvas.draw()


def test_the_bucket_of_a_ring_without_cavity_replaces_the_loss(folder: Path) -> None:
    lattice = load_lattice(folder / "steady.pals.yaml")
    config = load_config(folder / "steady.run.yaml")
    optics = ring_optics(lattice, config.laser)
    with_loss, without = (
        bucket_of(config.laser, radiating, lattice, optics) for radiating in (True, False)
    )  # fmt: skip
    ref = lattice.reference
    radius, angle = 0.5 / 0.4, 0.8
    bends = 8.84627e-5 * (ref.energy / 1e9) ** 4 / radius * angle / (2.0 * math.pi) * 1e9  # C_gamma E^4/rho
    field = 2.0 * math.pi * 2.47982 * ref.mass / (0.125 * ref.p0c)  # curvature in the poles of U
    wiggler = 8.84627e-5 * (ref.energy / 1e9) ** 4 * 0.5 * field**2 / (4.0 * math.pi) * 1e9
    assert_close(with_loss.energy_loss * ref.energy, bends + wiggler, rtol=1e-4, atol=0.0)
    assert without.energy_loss == 0.0
    assert_close(with_loss.amplitude, without.amplitude, rtol=0.0, atol=0.0)


def test_lifetime_of_what_is_captured() -> None:
    rng = np.random.default_rng(1)
    turn = np.arange(0, 4000, 10)
    share = 0.6 * np.exp(-turn / 5000.0) * (1.0 + 0.003 * rng.normal(size=turn.size))
    got = lifetime(turn, share)
    assert got is not None
    assert_close(got, 5000.0, rtol=0.02, atol=0.0)
    assert lifetime(turn, 0.6 + 0.01 * rng.normal(size=turn.size)) is None
    assert lifetime(turn[:5], share[:5]) is None
    assert lifetime(turn, np.zeros(turn.size)) is None


# ---- phase II of the MLS


@pytest.fixture(scope="module")
def mls() -> tuple[Lattice, RunConfig, Optics]:
    lattice = load_lattice(LATTICES / "mls_pop2.pals.yaml")
    config = load_config(LATTICES / "mls_pop2.run.yaml")
    config = config.model_copy(update={"laser": lit_by_lattice(config.laser, lattice, None)})
    return lattice, config, ring_optics(lattice, config.laser)


def frequency(signal: np.ndarray, low: float, high: float) -> float:
    """Strongest frequency in a band, from a windowed transform with zeros behind [1/turn]."""
    n = len(signal)
    spectrum = np.abs(np.fft.rfft((signal - signal.mean()) * np.hanning(n), 128 * n))
    f = np.fft.rfftfreq(128 * n)
    inside = np.flatnonzero((f > low) & (f < high))
    return float(f[inside[np.argmax(spectrum[inside])]])


def test_the_mls_beats_with_the_bucket_tune(mls: tuple[Lattice, RunConfig, Optics]) -> None:
    """25 kW, all magnets: a bunch off the centre of its bucket comes back after 8.7 turns, its length after half of
    them.

    The phase of b_1 oscillates with the tune of the bucket, and |b_1|, which knows no sign, with twice of it.
    """
    lattice, config, optics = mls
    bucket = bucket_of(config.laser, config.track.radiation.on, lattice, optics)
    assert_close(bucket.tune, 0.1157337, rtol=0.015, atol=0.0)  # physics.md: amplitude in closed form, 1.8 % higher
    lit = lattice
    turns, n = 120, 200
    rng = np.random.default_rng(2)
    c = np.tile(optics.closed_orbit[0][:, None], (1, n))
    c[4] += 25e-9 * rng.normal(size=n)
    c[5] += 3e-6 * rng.normal(size=n)  # shorter in delta than matched: the bunch breathes
    light = LaserProgram(phase=0.01)
    elements = config.laser.elements  # type: ignore[union-attr]
    seen = track(
        lit, Beam(lattice.reference, c), turns, drives=dict.fromkeys(elements, light),
        monitors=[BucketMonitor("U125", bucket, (1,))],
    ).monitors["bucket@U125"]  # fmt: skip
    assert_close(frequency(np.angle(seen.bunching[:, 0]), 0.05, 0.17), bucket.tune, rtol=0.0, atol=8e-4, what="arg b_1")
    assert_close(frequency(seen.magnitude[:, 0], 0.17, 0.35), 2.0 * bucket.tune, rtol=0.0, atol=1.6e-3, what="|b_1|")
    centre = seen.captured_mean[:, 0]
    assert_close(centre.mean(), -0.01 * bucket.wavelength, rtol=0.03, atol=0.0, what="where the light has phase 0")
    assert_close(1.0 / frequency(centre, 0.05, 0.17), 8.73, rtol=0.01, atol=0.0, what="turns")


def test_the_coasting_mls_beam_bunches_after_a_quarter_of_the_period(mls: tuple[Lattice, RunConfig, Optics]) -> None:
    """Cold coasting beam: |b_1| is largest after a quarter of 8.7 turns or little more (larger amplitudes are
    slower).
    """
    lattice, _, _ = mls
    changes: dict[str, Any] = {"beam.particles": 2048, "track.turns": 24, "laser.turns": 24, "light": None,
                               "beam.emit_x": 0.0, "beam.emit_y": 0.0, "beam.sigma_delta": 2e-5,
                               "track.radiation": "off",
                               "monitors.0": {"kind": "bucket", "at": "U125"}, "monitors.1.every": 8}  # fmt: skip
    path = LATTICES / "mls_pop2.run.yaml"
    changes["monitors"] = [{"kind": "bucket", "at": "U125"}]
    del changes["monitors.0"], changes["monitors.1.every"]
    b = run(load_config(path, changes), lattice).records["bucket@U125"].magnitude[:, 0]
    assert b[0] < 0.01
    assert int(np.argmax(b)) in (2, 3)
    assert b.max() > 0.55  # single-stage limit 0.58
    assert b[5] < 0.5 * b.max()  # over-rotated
    assert b[12:].mean() > 0.25  # and what is captured stays bunched


# ---- the fast model of the ring, made for the run


def test_a_run_on_the_ring_model_ends_as_that_on_the_lattice(tmp_path: Path) -> None:
    """The 400 MeV ring with its laser: the same bunching and the same captured share, at a hundredth of the time."""
    text = """title: micro-bucket
lattice: {lattice}
beam: {{particles: 256, emit_x: 0.05e-9, emit_y: 0.5e-12, sigma_delta: 3.4e-4, sigma_z: 1e-6}}
laser: {{elements: [UND_IN, UND_OUT], wavelength: 1064e-9, turns: 40}}
track: {{turns: 40, radiation: mean, model: {model}}}
monitors: [{{kind: bucket, at: UND_OUT}}]
output: {{figures: false}}
"""
    records = []
    for model in ("lattice", "ring_model"):
        path = tmp_path / f"{model}.run.yaml"
        path.write_text(text.format(lattice=LATTICES / "ssmb_400mev_ring.pals.yaml", model=model), encoding="utf-8")
        result = run_file(path, folder=tmp_path / model)
        records.append(next(iter(result.records.values())))
        assert load_result(tmp_path / model).turns == 40
    ring, fast = records
    # the model is seen in the middle of the first half of the modulator, the ring at its entrance
    assert_close(fast.captured[-1], ring.captured[-1], rtol=0.02, atol=0.0, what="captured")
    assert_close(fast.magnitude[-1, 0], ring.magnitude[-1, 0], rtol=0.0, atol=0.04, what="|b_1|")


def test_opening_angle_in_a_run_file_heats_the_vertical_plane(folder: Path) -> None:
    """Without vertical emittance and noise only photons that leave the plane make a vertical momentum."""
    lattice = load_lattice(folder / "steady.pals.yaml").with_changes({"noise": {"diffusion": ()}})
    spread = []
    for opening in (False, True):
        changes = {
            "beam.emit_y": 0.0, "track.turns": 5, "laser.turns": 5, "laser.windows": "[]", "monitors": [],
            "laser.ramp": None, "laser.duty": None, "laser.noise": None, "laser.detuning": 0.0,
            "track.radiation": {"mode": "quantum", "angles": opening},
        }  # fmt: skip
        spread.append(run(load_config(folder / "steady.run.yaml", changes), lattice).beam.py.std())
    assert spread[0] < 1e-20 < 1e-12 < spread[1]


def test_a_wavelength_that_nobody_has_said_is_refused(folder: Path) -> None:
    """Neither the file nor a lattice was asked: no bucket of length zero."""
    config = load_config(folder / "steady.run.yaml", {"laser.wavelength": None})
    lattice = load_lattice(folder / "steady.pals.yaml")
    with pytest.raises(ConfigError, match="wavelength is not known: give it in the run file"):
        bucket_of(config.laser, True, lattice, ring_optics(lattice, config.laser))
