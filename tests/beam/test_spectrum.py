"""Bunching spectra by the transform: equal to the direct sums, or refused with a reason."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.beam.bunching import bunching_factor, shot_noise_level
from ssmb.beam.spectrum import bunching_spectrum
from ssmb.errors import ConfigError, PhysicsError
from tests.support import assert_close

finufft = pytest.importorskip("finufft", reason="extra 'nufft' not installed")


@pytest.mark.parametrize("centre", [0.0, 2e-3, -0.7])
def test_wavelengths_equal_direct_sums(centre):
    rng = np.random.default_rng(1)
    z, w = centre + rng.normal(0.0, 1e-3, 3000), rng.uniform(0.0, 2.0, 3000)
    wavelengths = np.concatenate([np.linspace(13e-9, 14e-9, 50), np.linspace(2e-7, 1.1e-6, 50)])
    found = bunching_spectrum(z, wavelengths, weight=w)
    assert_close(found.bunching, bunching_factor(z, wavelengths, w), rtol=0.0, atol=1e-9)
    assert_close(found.wavenumbers, 2 * np.pi / wavelengths, rtol=1e-15, atol=0.0)
    assert np.array_equal(found.wavelengths, wavelengths)
    assert_close(found.shot_noise, shot_noise_level(w), rtol=1e-14, atol=0.0)


def test_wavenumbers_equal_direct_sums():
    z = np.random.default_rng(2).normal(0.0, 1e-5, 2000)
    k = np.linspace(1e5, 4.7e8, 300)
    found = bunching_spectrum(z, wavenumbers=k)
    assert_close(found.bunching, np.exp(-1j * np.outer(k, z)).mean(axis=1), rtol=0.0, atol=1e-10)
    assert np.array_equal(found.wavenumbers, k)


def test_one_wavelength_and_one_particle():
    assert_close(bunching_spectrum([0.25e-6], 1e-6).bunching, np.array([-1j]), rtol=0.0, atol=1e-11)
    assert_close(
        bunching_spectrum([1e-7] * 5, [1e-6, 2e-6]).bunching,
        np.exp(-2j * np.pi * np.array([0.1, 0.05])),
        rtol=0.0,
        atol=1e-11,
    )


def test_lost_particles_do_not_count():
    rows = np.zeros((6, 500))
    rows[4] = np.random.default_rng(3).normal(0.0, 1e-6, 500)
    rows[4, 0] = 1e6  # lost, far away: must not stretch the grid
    state = np.zeros(500, dtype=int)
    state[0] = 1
    beam = Beam(Reference(250e6), rows, state=state)
    wavelengths = np.linspace(1e-7, 1e-6, 40)
    assert_close(
        bunching_spectrum(beam, wavelengths).bunching, bunching_factor(beam, wavelengths), rtol=0.0, atol=1e-11
    )


def test_the_same_bits_every_time():
    z = np.random.default_rng(4).normal(0.0, 1e-4, 20_000)
    k = np.linspace(5e6, 6e6, 500)
    assert len({bunching_spectrum(z, wavenumbers=k).bunching.tobytes() for _ in range(4)}) == 1


def test_tolerance_is_obeyed():
    z = np.random.default_rng(5).normal(0.0, 1e-5, 2000)
    wavelengths = np.linspace(1e-7, 1e-6, 100)
    want = bunching_factor(z, wavelengths)
    for tolerance in (1e-4, 1e-8):
        error = abs(bunching_spectrum(z, wavelengths, tolerance=tolerance).bunching - want).max()
        assert 0.0 < error < 10.0 * tolerance


def test_missing_finufft_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "finufft", None)
    with pytest.raises(ConfigError, match=r"pip install 'ssmb\[nufft\]'"):
        bunching_spectrum([0.0, 1e-6], [1e-6])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bunching_spectrum([0.0]), "one of the two"),
        (lambda: bunching_spectrum([0.0], [1e-6], wavenumbers=[1e6]), "one of the two"),
        (lambda: bunching_spectrum([0.0], [0.0]), "wavelengths"),
        (lambda: bunching_spectrum([0.0], []), "wavelengths"),
        (lambda: bunching_spectrum([0.0], [[1e-6]]), "one-dimensional"),
        (lambda: bunching_spectrum([0.0], wavenumbers=[np.inf]), "wavenumbers"),
        (lambda: bunching_spectrum([0.0], ["red"]), "real numbers"),
        (lambda: bunching_spectrum([0.0], [1e-6], tolerance=1e-20), "tolerance"),
        (lambda: bunching_spectrum([0.0], [1e-6], tolerance=0.5), "tolerance"),
        (lambda: bunching_spectrum([-1.0, 1.0], [13.5e-9, 1e-6]), "bunching_factor"),
    ],
)
def test_wrong_input_is_explained(call, words):
    with pytest.raises(ConfigError, match=words):
        call()


def test_nothing_alive_is_a_physics_error():
    with pytest.raises(PhysicsError, match="alive"):
        bunching_spectrum(Beam(Reference(1e9), np.zeros((6, 2)), state=1), [1e-6])
