"""Lasers that change from turn to turn: against rings whose laser is packed so, closed forms, and the standard map."""

from __future__ import annotations

import importlib
import math
import re
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

from ssmb.beam import Beam
from ssmb.elements.rf_cavity import RFCavity
from ssmb.errors import ConfigError, ResultFileError, ValidityWarning
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from ssmb.maps.laser_kick import laser_kick
from ssmb.tracking import LaserProgram, MomentMonitor, RunStatus, track
from ssmb.tracking.driving import drives_of
from ssmb.tracking.laser_program import GROUP, Duty, Noise, Ramp
from tests.studies.small_ring import bits
from tests.support import assert_close
from tests.tracking.micro_ring import CIRCUMFERENCE, LIGHT, REFERENCE, SLIP, bucket, ring, wiggler

#: the module, which the function of the same name hides
JOB = importlib.import_module("ssmb.tracking.job")
BETA = REFERENCE.beta


def particles(n: int = 300, sigma_delta: float = 1e-4, seed: int = 1) -> Beam:
    """Particles on a wavelength, with transverse sizes too."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(6, n)) * np.array([1e-4, 1e-5, 1e-4, 1e-5, 0.0, sigma_delta])[:, None]
    rows[4] = rng.uniform(-0.5, 0.5, n) * LIGHT
    return Beam(REFERENCE, rows)


# ---- the course itself


def test_windows_duty_and_ramps_are_what_they_say() -> None:
    turn = np.arange(3000)
    light = LaserProgram(
        windows=[(10, 1500), (2000, 2001)], duty=Duty(7, 3), ramp=Ramp((100, 1124), (0.25, 1.25)), amplitude=2.0
    )
    on = ((turn >= 10) & (turn < 1500) | (turn == 2000)) & (turn % 7 < 3)
    want = np.where(on, 2.0 * np.clip(0.25 + (turn - 100) / 1024, 0.25, 1.25), 0.0)
    assert_close(light.evaluate(0, 3000, 1.0).amplitude, want, rtol=1e-15, atol=0.0)
    assert not light.evaluate(0, 3000, 1.0).phase.any()
    smooth = LaserProgram(ramp=Ramp((0, 10, 20), (0.0, 1.0, 0.5), "smooth")).evaluate(0, 25, 1.0).amplitude
    assert_close(smooth[[0, 5, 10, 15, 20, 24]], [0.0, 0.5, 1.0, 0.75, 0.5, 0.5], rtol=1e-15, atol=0.0)
    assert_close(smooth[1] - smooth[0], 3 * 0.01 - 2 * 0.001, rtol=1e-12, atol=0.0, what="starts flat")


@pytest.mark.parametrize(
    "light",
    [
        LaserProgram(noise=Noise(phase=0.1, amplitude=0.2, seed=5)),
        LaserProgram(detuning=lambda t: 1e-8 * np.sin(0.01 * t), phase=lambda t: 1e-3 * t),
        LaserProgram(detuning=np.linspace(0.0, 1e-8, 5000), amplitude=np.linspace(0.0, 1.0, 5000)),
        LaserProgram(detuning=1e-9, ramp=Ramp((0, 3000), (0.1, 1.0), "smooth")),
    ],
    ids=["noise", "functions", "arrays", "smooth"],
)
def test_a_part_of_the_course_has_the_bits_of_the_whole(light: LaserProgram) -> None:
    whole = light.evaluate(0, 5000, CIRCUMFERENCE)
    for first, turns in ((0, 1), (1, 7), (1023, 2), (1024, 1024), (2047, 2953), (4999, 1)):
        part = light.evaluate(first, turns, CIRCUMFERENCE)
        assert bits(part) == bits(whole.between(first, first + turns)), (first, turns)


def test_noise_is_white_normal_and_its_own() -> None:
    n = 200_000
    drive = LaserProgram(noise=Noise(phase=0.02, amplitude=0.3, seed=3)).evaluate(0, n, 1.0)
    other = LaserProgram(noise=Noise(phase=0.02, seed=4)).evaluate(0, n, 1.0)
    a, p = (drive.amplitude - 1.0) / 0.3, drive.phase / 0.02
    for v in (a, p, other.phase / 0.02):
        assert_close(v.mean(), 0.0, rtol=0.0, atol=4.0 / math.sqrt(n))
        assert_close(v.var(), 1.0, rtol=0.0, atol=4.0 * math.sqrt(2.0 / n))
        assert_close((v**4).mean(), 3.0, rtol=0.0, atol=4.0 * math.sqrt(96.0 / n))
        assert_close((v[1:] * v[:-1]).mean(), 0.0, rtol=0.0, atol=4.0 / math.sqrt(n))
    for v in (a, other.phase / 0.02):
        assert_close((v * p).mean(), 0.0, rtol=0.0, atol=4.0 / math.sqrt(n))
    assert (other.amplitude == 1.0).all()


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ({"amplitude": "1"}, "amplitude [1] must be a finite real number"),
        ({"amplitude": [1.0, np.nan]}, "amplitude must be a number, a row of finite numbers, or a function"),
        ({"phase": [[1.0]]}, "phase must be a number, a row"),
        ({"phase": lambda t: t[:3]}, "phase as a function gets an array of turn numbers"),
        ({"phase": lambda t: 1.0 / 0}, "it gave ZeroDivisionError"),
        ({"phase": lambda t: np.where(t == 3, np.inf, 0.0)}, "phase is not finite on turn 3"),
        ({"detuning": 0.5}, "detuning must lie between -0.5 and 0.5"),
        ({"detuning": lambda t: 1.0 + t}, "detuning must lie between"),
        ({"windows": [(3, 3)]}, "window [3, 3] holds no turn"),
        ({"windows": [3]}, "LaserProgram.windows[0] must be a list, got 3"),
        ({"windows": 3}, "LaserProgram.windows must be a list, got 3"),
        ({"windows": [(-1, 3)]}, "LaserProgram.windows[0][0] must be a whole number from 0 to 1000000000000, got -1"),
        ({"duty": (2, 3)}, "LaserProgram.duty must be a Duty, got (2, 3)"),
        ({"noise": 0.1}, "LaserProgram.noise must be a Noise, got 0.1"),
        ({"amplitude": [1.0, 1.0]}, "amplitude has 2 numbers, but turns are counted to 5"),
    ],
)
def test_what_is_wrong_is_told(given: dict[str, Any], want: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(want)):
        track(ring(4e-4), particles(8), 5, drives={"U": LaserProgram(**given)})


@pytest.mark.parametrize(
    ("make", "want"),
    [
        (lambda: Duty(2, 3), "on = 3 turns do not fit into a period of 2"),
        (lambda: Duty(0, 0), "Duty.period must be a whole number from 1"),
        (lambda: Ramp((3, 3), (1.0, 2.0)), "turns must rise, not 3, 3"),
        (lambda: Ramp((3, 4), (1.0,)), "2 turns, but 1 amplitudes"),
        (lambda: Ramp((3,), (np.nan,)), "Ramp.amplitude[0] must be a number from -1000 to 1000"),
        (lambda: Ramp((3,), (1.0,), "smoth"), "Did you mean 'smooth'?"),  # pyright: ignore[reportArgumentType]
        (lambda: Noise(phase=-1.0), "Noise.phase must be a number from 0 to 10"),
        (lambda: Noise(seed=-1), "Noise.seed must be a whole number from 0"),
        (lambda: Noise(seed=2**63), "Noise.seed must be a whole number from 0"),
    ],
)
def test_what_a_part_of_it_refuses(make: Any, want: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(want)):
        make()


@pytest.mark.parametrize(
    ("drives", "want"),
    [
        ({"V": LaserProgram()}, "no element 'V' in the lattice to drive"),
        ({"m": LaserProgram()}, "'m' has nothing to drive: a Wiggler with its laser on, or an RFCavity"),
        ({"U": 3}, "drives['U'] must be a LaserProgram, not int"),
        ([("U", LaserProgram())], "drives must be a mapping"),
    ],
)
def test_what_cannot_be_driven(drives: Any, want: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(want)):
        track(ring(4e-4), particles(8), 5, drives=drives)


def test_an_element_is_driven_once() -> None:
    two = Lattice.from_elements([wiggler(1e6), wiggler(1e6)], REFERENCE)
    names = [e.name for e in two]
    with pytest.raises(ConfigError, match="is driven twice"):
        track(two, particles(8), 1, drives={"U": LaserProgram(), names[0]: LaserProgram()})
    # and both copies, which share their packed numbers, are driven apart
    dark = track(two, particles(8), 1, drives={names[0]: LaserProgram(amplitude=0.0)})
    half = Lattice.from_elements([wiggler(0.0), wiggler(1e6)], REFERENCE)
    assert_close(dark.beam.delta, track(half, particles(8), 1).beam.delta, rtol=0.0, atol=1e-13)


def test_a_large_detuning_warns() -> None:
    with pytest.warns(ValidityWarning, match="leaves the resonance of the modulator as it is"):
        LaserProgram(detuning=1e-3)


# ---- against a ring whose laser is packed so


@pytest.mark.parametrize("model", ["THIN", "THICK"])
@pytest.mark.parametrize(
    ("light", "packed"),
    [
        (LaserProgram(), {}),
        (LaserProgram(amplitude=0.5), {"laser_power": 2.5e5}),
        (LaserProgram(phase=0.3), {"laser_phase": 0.3}),
        (LaserProgram(amplitude=0.0), {"laser_on": False}),
        (LaserProgram(detuning=1e-5), {"laser_wavelength": LIGHT * (1.0 + 1e-5)}),
    ],
    ids=["as it is", "amplitude", "phase", "off", "detuned, first turn"],
)
def test_one_turn_is_that_of_the_element_with_these_values(
    model: str, light: LaserProgram, packed: dict[str, Any]
) -> None:
    """A driven turn against an element that is made so; detuned light keeps profile and coupling, (N detuning) =
    4e-5.
    """
    beam = particles()
    driven = Lattice.from_elements([wiggler(1e6, laser_model=model)], REFERENCE)
    made = Lattice.from_elements([wiggler(1e6, laser_model=model, **packed)], REFERENCE)
    got, want = track(driven, beam, 1, drives={"U": light}).beam, track(made, beam, 1).beam
    kick = np.abs(want.delta - beam.delta).max() or 1e-3
    loose = 2e-4 if light.detuned else 1e-15
    assert_close(got.delta, want.delta, rtol=0.0, atol=loose * kick + 1e-18, what="delta")
    # without light the motion is integrated in other steps: 1e-12 allowed for px of 1e-5
    off = 1e-12 if "laser_on" in packed else 0.0
    assert_close(got.coordinates[:5], want.coordinates[:5], rtol=0.0, atol=1e-3 * loose * kick + 1e-19 + off)
    if not packed:
        assert bits(got) == bits(want)  # a driven block holds the same numbers


def test_a_detuned_laser_turn_by_turn_in_closed_form() -> None:
    """Energy of turn n: A sin(2 pi (z/(beta lambda') + n (C/beta)(1/lambda - 1/lambda'))), k' too."""
    eps, amplitude = 3e-7, 2e-4
    lattice = ring(amplitude, slip=1e-12)  # nothing moves in z but by the little slip
    power = next(e for e in lattice if e.name == "U").laser_power  # type: ignore[union-attr]
    assert power > 0.0
    c = np.zeros((6, 5))
    c[4] = np.array([0.0, 0.1, 0.2, 0.3, 1e5]) * LIGHT
    turns = [0, 1, 2, 17, 1030]
    for n in turns:
        run = track(lattice, Beam(REFERENCE, c), 1, first_turn=n, drives={"U": LaserProgram(detuning=eps)})
        longer = LIGHT * (1.0 + eps)
        phase = c[4] / (BETA * longer) + n * CIRCUMFERENCE / BETA * (eps / longer)
        want = amplitude * np.sin(2.0 * np.pi * phase)
        # 1e5 wavelengths from the centre the velocity of a kicked particle is not lost on the phase: 1e-10 turns
        assert_close(run.beam.delta, want, rtol=0.0, atol=2e-7 * amplitude, what=f"turn {n}")
    course = np.full(1100, eps)
    assert_close(
        LaserProgram(detuning=course).evaluate(0, 1100, CIRCUMFERENCE).path,
        LaserProgram(detuning=eps).evaluate(0, 1100, CIRCUMFERENCE).path,
        rtol=1e-12, atol=0.0,
    )  # fmt: skip


def test_a_cavity_is_driven_by_the_same_rules() -> None:
    """Amplitude, phase and frequency of turn n against V cos(2 pi phase + omega' (n T0 - z/beta c)) with the packed
    omega T0.
    """
    cavity = RFCavity(name="c", length=48.0, voltage=5e5, frequency=500e6, phase=0.1)
    lattice = Lattice.from_elements([cavity], REFERENCE)
    z = np.linspace(-0.2, 0.2, 7)
    c = np.zeros((6, 7))
    c[4] = z
    eps, speed = 2e-6, 299792458.0
    for n in (0, 1, 50):
        run = track(
            lattice, Beam(REFERENCE, c), 1, first_turn=n,
            drives={"c": LaserProgram(amplitude=0.5, phase=0.05, detuning=eps)},
        )  # fmt: skip
        frequency = 500e6 / (1.0 + eps)
        phase = 0.15 + (frequency - 500e6) * n * 48.0 / (BETA * speed) - frequency * z / (BETA * speed)
        gain = 0.5 * 5e5 * np.cos(2.0 * np.pi * phase)
        energy = np.sqrt((REFERENCE.p0c * (1.0 + run.beam.delta)) ** 2 + REFERENCE.mass**2)
        assert_close(energy - REFERENCE.energy, gain, rtol=0.0, atol=1e-6 * 5e5)


# ---- physics


def test_the_bucket_follows_a_detuned_laser() -> None:
    """What is in the bucket takes the momentum detuning/slip_factor, and moves by -C detuning a turn."""
    amplitude, damping, turns = 4.2e-4, 3e-3, 4000
    eps = 1e-10
    ramp = 1000  # adiabatic: 80 oscillations
    light = LaserProgram(detuning=lambda t: eps * np.clip(t / ramp, 0.0, 1.0))
    start = Beam(REFERENCE, np.zeros((6, 2)))
    run = track(ring(amplitude, damping), start, turns, drives={"U": light}, monitors=[MomentMonitor("m")])
    seen = run.monitors["moments@m"].mean
    # damping pulls towards delta = 0 and z = 0 of the matrix: only momentum is compared, before z grows against it
    free = track(ring(amplitude), start, turns, drives={"U": light}, monitors=[MomentMonitor("m")])
    seen = free.monitors["moments@m"].mean
    last = slice(2000, turns)
    assert_close(seen[last, 5].mean(), eps / SLIP, rtol=2e-3, atol=0.0, what="momentum of the bucket")
    moved = np.polyfit(np.arange(turns)[last], seen[last, 4], 1)[0]
    assert_close(moved, -CIRCUMFERENCE * eps, rtol=2e-3, atol=0.0, what="metres per turn")
    assert np.abs(seen[-1, 4]) > 3e-5  # thirty wavelengths away, and still in its bucket
    assert run.status is RunStatus.COMPLETED


def test_too_much_detuning_leaves_the_beam_behind() -> None:
    """Switched on at once, with a momentum beyond the height of the bucket, nothing follows."""
    amplitude = 4.2e-4
    eps = 1.5 * bucket(amplitude).half_height * SLIP
    run = track(ring(amplitude), Beam(REFERENCE, np.zeros((6, 1))), 2000, drives={"U": LaserProgram(detuning=eps)})
    assert abs(run.beam.delta[0] - eps / SLIP) > 0.3 * eps / SLIP
    assert abs(run.beam.z[0]) < 0.2 * 2000 * CIRCUMFERENCE * eps


def test_an_adiabatic_ramp_keeps_the_action() -> None:
    """Amplitude raised slowly by 16: the tune grows by 4 and sigma_delta by 2 at constant action, sigma_z falls by
    2.
    """
    amplitude, turns = 1.6e-5, 6000
    light = LaserProgram(amplitude=1.0 / 16.0, ramp=Ramp((0, turns), (1.0, 16.0), "smooth"))
    rng = np.random.default_rng(5)
    low = bucket(amplitude / 16.0)
    c = np.zeros((6, 400))
    sigma_delta = 0.03 * low.half_height
    c[4], c[5] = rng.normal(size=(2, 400)) * np.array([[low.sigma_z(sigma_delta)], [sigma_delta]])
    run = track(
        ring(amplitude), Beam(REFERENCE, c), turns, drives={"U": light}, monitors=[MomentMonitor("m", every=10)]
    )
    record = run.monitors["moments@m"]
    begin, end = record.rms[0], record.rms[-1]
    assert_close(end[5] / begin[5], 2.0, rtol=0.04, atol=0.0, what="sigma_delta")
    assert_close(begin[4] / end[4], 2.0, rtol=0.04, atol=0.0, what="sigma_z")
    emittance = record.projected_emittance[:, 2]
    assert_close(emittance[-1], emittance[0], rtol=0.02, atol=0.0, what="longitudinal emittance")
    sudden = track(ring(amplitude), Beam(REFERENCE, c), 300, monitors=[MomentMonitor("m")])
    assert_close(sudden.monitors["moments@m"].rms[:, 5].max() / begin[5], 4.0, rtol=0.05, atol=0.0, what="switched on")


def test_duty_cycle_is_the_mean_amplitude_in_a_slow_bucket() -> None:
    """On in one of four turns: the tune is that of a quarter of the amplitude, a half of the tune."""
    amplitude, turns = 2e-6, 4000
    c = np.zeros((6, 1))
    c[4] = 0.01 * LIGHT
    tunes = []
    for duty in (None, Duty(4, 1)):
        run = track(ring(amplitude), Beam(REFERENCE, c), turns, drives={"U": LaserProgram(duty=duty)},
                    monitors=[MomentMonitor("m")])  # fmt: skip
        z = run.monitors["moments@m"].mean[:, 4]
        crossings = np.flatnonzero(np.diff(np.sign(z)))
        exact = crossings - z[crossings] / (z[crossings + 1] - z[crossings])
        tunes.append(0.5 * (exact.size - 1) / (exact[-1] - exact[0]))
    assert_close(tunes[0], bucket(amplitude).tune, rtol=2e-3, atol=0.0)
    assert_close(tunes[1], bucket(amplitude / 4.0).smooth_tune, rtol=2e-3, atol=0.0)


def test_phase_noise_heats_as_the_law_says() -> None:
    """sigma_delta = A sigma_phi/sqrt(4 alpha_z) (physics of white phase noise), here the motion of one particle in
    time.
    """
    amplitude, alpha, noise, turns = 1.6e-5 * 1.6, 0.01, 1e-3, 200_000
    light = LaserProgram(noise=Noise(phase=noise, seed=8))
    lattice = ring(amplitude, alpha)
    run = track(
        lattice, Beam(REFERENCE, np.zeros((6, 1))), turns, drives={"U": light}, monitors=[MomentMonitor("m", 7)]
    )
    delta = run.monitors["moments@m"].mean[100:, 5]
    want = amplitude * 2.0 * np.pi * noise / math.sqrt(4.0 * alpha)
    # 2000 independent values of the square: 1.6 % rms; the law itself holds for small tune and damping
    assert_close(delta.std(), want, rtol=0.05, atol=0.0)
    quiet = track(lattice, Beam(REFERENCE, np.zeros((6, 1))), 50, monitors=[MomentMonitor("m")])
    assert np.abs(quiet.monitors["moments@m"].mean[:, 5]).max() < 1e-20


def test_the_phase_of_light_is_exact_metres_from_the_centre() -> None:
    """sin(k z) of the kick for z up to 3 m against 50 digits: off by no more than the rounding of z itself, k |z|
    2^-52.
    """
    program = compile_elements([wiggler(1e6)], REFERENCE)
    row = next(r for r in program.ops if r[0] == laser_kick.index)
    p = tuple(program.params[row[1] : row[1] + laser_kick.width].tolist())
    scalar = getattr(laser_kick.scalar, "py_func", laser_kick.scalar)
    rng = np.random.default_rng(2)
    with mpmath.workdps(50):
        for z in [*rng.uniform(-3.0, 3.0, 40), *rng.uniform(-1e-3, 1e-3, 20), *rng.uniform(-1e-6, 1e-6, 20)]:
            out = scalar(0.0, 0.0, 0.0, 0.0, float(z), 0.0, 1.0, 0.0, p)
            turns = mpmath.mpf(float(z)) * mpmath.mpf(p[6])
            angle = 2 * mpmath.pi * turns
            gain = mpmath.mpf(p[0]) * mpmath.sin(angle) + mpmath.mpf(p[1]) * mpmath.cos(angle)
            beta = mpmath.mpf(p[7])
            want = mpmath.sqrt(1 + 2 * gain / beta + gain**2) - 1
            allowed = 2.0 * math.pi * abs(float(turns)) * 2.0**-52 + 1e-15
            assert_close(out[5] / abs(p[0]), float(want / abs(p[0])), rtol=0.0, atol=allowed, what=f"z = {z} m")


# ---- the same bits, however the run is done


EVERYTHING = LaserProgram(
    amplitude=lambda t: 1.0 + 0.1 * np.sin(0.3 * t), detuning=lambda t: 1e-11 * t, windows=[(2, 40), (45, 10**6)],
    duty=Duty(5, 4), ramp=Ramp((0, 30), (0.5, 1.0), "smooth"), noise=Noise(phase=0.01, amplitude=0.01, seed=2),
)  # fmt: skip
TURNS = 60


@pytest.fixture(scope="module")
def lattice() -> Lattice:
    return ring(4.2e-4, 1e-3, 1e-5).with_changes({"m": {"x_limits": (-1.5e-4, 1.5e-4)}})


@pytest.fixture(scope="module")
def want(lattice: Lattice) -> Any:
    done = go(lattice)
    assert 10 < (~done.beam.alive).sum() < 1000
    return done


def go(lattice: Lattice, turns: int = TURNS, beam: Beam | None = None, **options: Any) -> Any:
    given: dict[str, Any] = {"drives": {"U": EVERYTHING}, "seed": 3, "monitors": [MomentMonitor("m")]} | options
    return track(lattice, beam or particles(1301), turns, **given)


@pytest.mark.parametrize("options", [{"tile": 512}, {"threads": 1}, {"checkpoint": "c.h5", "checkpoint_every": 1e-9}])
@pytest.mark.parametrize("piece", [0.0, 1e9])
def test_ways_to_run(
    lattice: Lattice, want: Any, options: dict[str, Any], piece: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(JOB, "_PIECE_SECONDS", piece)
    got = go(lattice, **options)
    assert bits((got.beam, got.monitors)) == bits((want.beam, want.monitors))


@pytest.mark.parametrize("cut", [1, 33])
def test_in_two_parts(lattice: Lattice, want: Any, cut: int) -> None:
    first = go(lattice, cut)
    second = go(lattice, TURNS - cut, first.beam, first_turn=cut)
    assert bits(second.beam) == bits(want.beam)


def test_interrupted_and_resumed_longer(lattice: Lattice, want: Any, tmp_path: Path) -> None:
    """A checkpoint of 33 turns goes on to 60; another programme is another run."""
    place = tmp_path / "c.h5"
    go(lattice, 33, checkpoint=place)
    for other in ({}, {"U": LaserProgram()}, {"U": LaserProgram(noise=Noise(phase=0.01, seed=3))}):
        with pytest.raises(ResultFileError, match="belongs to another run"):
            go(lattice, checkpoint=place, resume=True, drives=other)
    got = go(lattice, checkpoint=place, resume=True)
    assert bits((got.beam, got.monitors)) == bits((want.beam, want.monitors))


def test_values_come_by_groups_and_no_other_way(lattice: Lattice) -> None:
    program = compile_elements(lattice.elements, lattice.reference)
    drives = drives_of(program, program.ops.copy(), {"U": EVERYTHING}, 3 * GROUP)
    whole = drives.values(0, 3 * GROUP)
    assert whole.shape == (3 * GROUP, 4)
    for first, turns in ((0, 1), (5, 1500), (GROUP - 1, 2), (3 * GROUP - 1, 1)):
        assert drives.values(first, turns).tobytes() == whole[first : first + turns].tobytes()
