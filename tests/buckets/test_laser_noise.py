"""Noise of a laser in closed form: reference values, and the same by electrons in a linear bucket, turn by turn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ssmb.buckets.laser_noise import (
    largest_amplitude_noise,
    largest_frequency_ramp,
    phase_noise_for_growth,
    phase_per_turn,
    spread_by_phase_noise,
)
from ssmb.errors import ConfigError
from tests.support import assert_close, assert_reference, reference_values


def test_reference_values() -> None:
    def given(name: str) -> dict[str, float]:
        return reference_values()[name]["inputs"]

    i = given("noise_phase_sigma_delta")
    assert_reference("noise_phase_sigma_delta", spread_by_phase_noise(i["A"], i["sigma_phi"], i["alpha_z"]))
    i = given("noise_phase_tol")
    assert_reference("noise_phase_tol", phase_noise_for_growth(i["A"], i["sigma_delta"], i["alpha_z"], i["growth"]))
    i = given("noise_amp_tol")
    assert_reference("noise_amp_tol", largest_amplitude_noise(i["nu_s"], i["alpha_z"]))
    i = given("noise_adiabatic_chirp")
    assert_reference("noise_adiabatic_chirp", largest_frequency_ramp(i["nu_s"], i["T0"], i["sin_phi_s"]))
    i = given("noise_circumference_phase")
    assert_reference("noise_circumference_phase", phase_per_turn(i["dC"], i["lambda"]))


#: A linear bucket in units in which z and delta of a matched beam are equal.
TUNE, ALPHA = 0.02, 2e-3


def turns(n: int, count: int, phase: float = 0.0, amplitude: float = 0.0, ramp: float = 0.0) -> np.ndarray:
    """Mean square of (z, delta) of ``count`` electrons after n turns of slip, kick and damping, from (1, 0).

    The kick is ``w^2 ((1 + a) z + phi)``, w = 2 pi nu: the laser is A w^2-fold in units in which A = 1.
    """
    random, w = np.random.default_rng(5), 2.0 * math.pi * TUNE
    z, d = np.full(count, 1.0 if amplitude else 0.0), np.zeros(count)
    for turn in range(n):
        a, phi = (s * random.normal(size=count) if s else 0.0 for s in (amplitude, phase))
        z = z - d + ramp * turn
        d = (d + w * w * ((1.0 + a) * z + phi)) * (1.0 - 2.0 * ALPHA)
    return np.stack([z, d])


def test_phase_noise_by_turns() -> None:
    w = 2.0 * math.pi * TUNE
    z, d = turns(2000, 4000, phase=0.1)
    # A of the closed form is the slope w^2 here; 4000 electrons know a variance to 1/sqrt(2000)
    want = spread_by_phase_noise(w * w, 0.1, ALPHA)
    assert_close(float(np.mean(d * d)), want**2, rtol=4.0 / math.sqrt(2000) + 0.01, atol=0.0)
    assert_close(phase_noise_for_growth(w * w, want, ALPHA, 1.0), 0.1, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_amplitude_noise_by_turns(factor: float) -> None:
    """Below the limit a beam shrinks, above it grows; at the rate of heating less damping."""
    limit = largest_amplitude_noise(TUNE, ALPHA)
    n = 300
    z, d = turns(n, 40_000, amplitude=factor * limit)
    grown = float(np.mean(z * z + d * d / (2.0 * math.pi * TUNE) ** 2))
    rate = 2.0 * ALPHA * (factor**2 - 1.0)
    assert_close(math.log(grown), rate * n, rtol=0.1, atol=0.05)


def test_a_ramp_moves_the_synchronous_phase() -> None:
    """The slip of each turn grows by the ramp: electrons settle where the kick of the bucket keeps up with it."""
    w = 2.0 * math.pi * TUNE
    ramp = 1e-3
    z, _ = turns(4000, 1, ramp=ramp)
    # sin(phi_s) = ramp T^2/(2 pi nu)^2, z in units of 1/k; damping of delta alone adds 2 alpha of what delta has become
    settled = largest_frequency_ramp(TUNE, 1.0, 1.0)
    assert_close(settled, w * w, rtol=1e-12, atol=0.0)
    drift = ramp * 4000 * 2.0 * ALPHA / (w * w)
    assert_close(float(z[0]), ramp / (w * w) + drift, rtol=0.02, atol=0.0)


def test_bad_numbers() -> None:
    for call in (
        lambda: spread_by_phase_noise(-1.0, 1e-3, 1e-5),
        lambda: largest_amplitude_noise(0.0, 1e-5),
        lambda: phase_noise_for_growth(1e-4, 1e-4, math.nan),
        lambda: phase_per_turn(1e-6, 0.0),
    ):
        with pytest.raises(ConfigError):
            call()
