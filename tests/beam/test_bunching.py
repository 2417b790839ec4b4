"""Bunching factors: exact phases, weights, losses, and the same bits whatever the number of threads."""

from __future__ import annotations

import os
import subprocess
import sys

import mpmath
import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.beam.bunching import bunching_factor, shot_noise_level
from ssmb.errors import ConfigError, PhysicsError
from ssmb.kernels import sums
from ssmb.kernels.threads import most_threads, thread_count
from tests.support import assert_close, assert_reference

REF = Reference(250e6)


def fifty_digits(z, wavelengths, weight=None) -> np.ndarray:
    w = np.ones(len(z)) if weight is None else weight
    out = []
    with mpmath.workdps(50):
        total = mpmath.fsum(float(v) for v in w)
        for wavelength in wavelengths:
            # cos and sin of pi times the reduced double phase, reduced with 50 digits
            turns = [2 * mpmath.mpf(float(v)) / mpmath.mpf(float(wavelength)) for v in z]
            c = mpmath.fsum(float(a) * mpmath.cospi(t) for a, t in zip(w, turns, strict=True))
            s = mpmath.fsum(float(a) * mpmath.sinpi(t) for a, t in zip(w, turns, strict=True))
            out.append(complex(c / total, -s / total))
    return np.array(out)


@pytest.mark.parametrize("size", [1e-9, 1e-6, 1e-3, 0.5])
def test_against_fifty_digits(size):
    """|z| up to 3.7e7 periods of 13.5 nm: the phase keeps its last digit, 1e-10 turns is what was asked."""
    rng = np.random.default_rng(2)
    z, w = size * rng.uniform(-1, 1, 400), rng.uniform(0.1, 3.0, 400)
    wavelengths = np.array([1064e-9, 532e-9, 13.5e-9, 1064e-9 / 79])
    assert_close(bunching_factor(z, wavelengths, w), fifty_digits(z, wavelengths, w), rtol=0.0, atol=4e-16)


@pytest.mark.parametrize("size", [1e-3, 0.5])
def test_single_phase_is_exact(size):
    for z in size * np.random.default_rng(3).uniform(-1, 1, 20):
        turns = np.angle(bunching_factor([z], 13.5e-9) / fifty_digits([z], [13.5e-9])[0]) / (2 * np.pi)
        assert abs(turns) < 1e-16 * 2.0


def test_far_beyond_exact_range_phase_degrades_gracefully():
    z = np.array([100.0 + 1e-9, 99.0])  # 7e9 periods
    got, want = bunching_factor(z, 13.5e-9), fifty_digits(z, [13.5e-9])[0]
    assert_close(got, want, rtol=0.0, atol=7.4e9 * 2 * np.pi * 3e-16)


def test_sign_and_head():
    assert_close(bunching_factor([0.25e-6], 1e-6), -1j, rtol=0.0, atol=1e-15)
    assert_close(bunching_factor([-0.25e-6], 1e-6), 1j, rtol=0.0, atol=1e-15)


@pytest.mark.parametrize("n", [1, 7, 255, 256, 257, 4095, 4096, 4097, 20_000])
def test_every_particle_is_counted_once(n):
    """Tile and chunk borders: the sum at a wavelength where every phase is a whole turn is the sum of weights."""
    w = np.arange(1.0, n + 1.0)
    assert_close(bunching_factor(np.zeros(n), 1e-6, w), 1.0, rtol=0.0, atol=1e-15)
    z = np.random.default_rng(n).uniform(-1e-6, 1e-6, n)
    want = (w * np.exp(-2j * np.pi * z / 7e-7)).sum() / w.sum()
    assert_close(bunching_factor(z, 7e-7, w), want, rtol=0.0, atol=1e-14)


def test_shapes():
    z = np.linspace(0.0, 1e-6, 11)
    assert isinstance(bunching_factor(z, 1e-6), complex)
    assert bunching_factor(z, [1e-6]).shape == (1,)
    table = bunching_factor(z, [[1e-6, 2e-6, 3e-6], [4e-6, 5e-6, 6e-6]])
    assert table.shape == (2, 3) and table[1, 0] == bunching_factor(z, 4e-6)
    assert isinstance(bunching_factor(0.5e-6, 1e-6), complex)


def test_lost_particles_do_not_count():
    rng = np.random.default_rng(1)
    rows = np.zeros((6, 1000))
    rows[4] = rng.uniform(-1e-6, 1e-6, 1000)
    state = (np.arange(1000) % 3 == 0).astype(int)
    beam = Beam(REF, rows, weight=rng.uniform(0.5, 2.0, 1000), state=state)
    living = beam.select(beam.alive)
    want = bunching_factor(living.z, 1e-6, living.weight)
    assert_close(bunching_factor(beam, 1e-6), want, rtol=0.0, atol=1e-15)
    assert_close(shot_noise_level(beam), shot_noise_level(living.weight), rtol=1e-15, atol=0.0)


def test_input_is_left_alone():
    z = np.linspace(0.0, 1e-6, 100)
    before = z.copy()
    bunching_factor(z, 1e-7)
    assert np.array_equal(z, before)


def test_same_bits_for_any_number_of_threads(eager_threads):
    z = np.random.default_rng(1).normal(0.0, 1e-3, 50_000)
    wavelengths = np.array([1064e-9, 13.5e-9])
    found = []
    for threads in range(1, most_threads() + 1):
        with thread_count(threads):
            found += [bunching_factor(z, wavelengths).tobytes() for _ in range(3)]
    assert len(found) >= 3 and len(set(found)) == 1


def test_pure_python_gives_the_same_numbers():
    """The loop without the compiler, on few particles: the same formula to rounding (contraction differs)."""
    z, w = np.random.default_rng(5).normal(0.0, 1e-4, 300), np.ones(300)
    high, low = sums.split(np.array([13.5e-9]))
    want, got = np.zeros((1, 1, 2)), np.zeros((1, 1, 2))
    sums.phase_sums(z, w, high, low, want)
    sums._phase_sums(0, 1, z, w, high, low, got)
    assert_close(got, want, rtol=0.0, atol=1e-12)


def test_without_the_compiler():
    code = (
        "from ssmb.beam.bunching import bunching_factor; from ssmb.kernels.jit import JIT_OFF; "
        "assert JIT_OFF; print(bunching_factor([0.0, 0.25e-6], 1e-6))"
    )
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "(0.5-0.5j)", done.stderr


@pytest.mark.parametrize(("identifier", "sigma"), [("bunch_gauss_3nm", 3e-9), ("bunch_gauss_4p22nm", 4.216412461e-9)])
def test_reference_value_by_particles(identifier, sigma):
    """The closed forms of the reference file, from evenly placed particles of Gaussian weight."""
    z = sigma * np.linspace(-12.0, 12.0, 4001)
    assert_reference(identifier, abs(bunching_factor(z, 13.5e-9, np.exp(-0.5 * (z / sigma) ** 2))))


def test_shot_noise_level():
    assert_close(shot_noise_level(400), 0.05, rtol=1e-15, atol=0.0)
    assert_close(shot_noise_level(np.full(400, 3e7)), 0.05, rtol=1e-14, atol=0.0)
    assert_close(shot_noise_level([3.0, 4.0]), 5.0 / 7.0, rtol=1e-15, atol=0.0)
    assert_close(shot_noise_level([1e-200, 1e-200]), 1.0 / np.sqrt(2.0), rtol=1e-15, atol=0.0)
    assert isinstance(shot_noise_level(2), float)


def test_shot_noise_level_is_what_random_particles_show():
    rng = np.random.default_rng(0)
    w = rng.uniform(0.0, 2.0, 500)
    found = [abs(bunching_factor(rng.uniform(0.0, 1e-6, 500), 1e-6, w)) ** 2 for _ in range(2000)]
    # |b|^2 is exponential: the mean of 2000 is good to 2 %
    assert_close(np.sqrt(np.mean(found)), shot_noise_level(w), rtol=0.05, atol=0.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bunching_factor([0.0], 0.0), "wavelength"),
        (lambda: bunching_factor([0.0], -1e-6), "wavelength"),
        (lambda: bunching_factor([0.0], np.nan), "wavelength"),
        (lambda: bunching_factor([0.0], []), "wavelength"),
        (lambda: bunching_factor([0.0], "green"), "wavelength"),
        (lambda: bunching_factor([np.nan], 1e-6), "finite"),
        (lambda: bunching_factor([], 1e-6), "non-empty"),
        (lambda: bunching_factor(np.zeros((6, 2)), 1e-6), "one-dimensional"),
        (lambda: bunching_factor([1j], 1e-6), "real"),
        (lambda: bunching_factor(None, 1e-6), "Beam"),
        (lambda: bunching_factor([0.0, 1.0], 1e-6, [1.0]), "weights"),
        (lambda: bunching_factor([0.0, 1.0], 1e-6, [1.0, -1.0]), "weights"),
        (lambda: bunching_factor([0.0, 1.0], 1e-6, [0.0, 0.0]), "weights"),
        (lambda: bunching_factor(Beam(REF, np.zeros((6, 1))), 1e-6, [1.0]), "weights of its own"),
        (lambda: shot_noise_level(0), "at least 1"),
        (lambda: shot_noise_level(True), "at least 1"),
        (lambda: shot_noise_level([]), "real numbers|shape"),
        (lambda: shot_noise_level("many"), "real numbers"),
    ],
)
def test_wrong_input_is_explained(call, words):
    with pytest.raises(ConfigError, match=words):
        call()


def test_nothing_alive_is_a_physics_error():
    for beam in (Beam(REF, np.zeros((6, 2)), state=2), Beam(REF, np.zeros((6, 2)), 0.0), Beam(REF, np.zeros((6, 0)))):
        with pytest.raises(PhysicsError, match="no bunching"):
            bunching_factor(beam, 1e-6)
