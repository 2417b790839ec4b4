"""Capture of a coasting beam and quantum lifetime: limits, closed forms, and the map with damping and noise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from ssmb.beam import bunching_factor
from ssmb.buckets import MicroBucket, capture_coasting_beam
from ssmb.buckets.lifetime import bucket_lifetime, pendulum_lifetime, sands_lifetime
from ssmb.errors import ConfigError, PhysicsError
from tests.support import assert_close

WAVELENGTH = 1064e-9
#: K_s = 0.05, half height 3.7e-4
BUCKET = MicroBucket(WAVELENGTH, 1e-6, 100.0, 0.05 * WAVELENGTH / (2 * np.pi * 1e-4))
HALF = BUCKET.half_height


def test_start_is_the_coasting_beam_and_end_is_boltzmann() -> None:
    sigma = HALF / 3
    found = capture_coasting_beam(
        BUCKET, [0.0, 2e6], start_sigma_delta=HALF, sigma_delta=sigma, damping=1e-5, harmonics=(1, 2, 5)
    )
    # the grid of the model ends at six sigma, which leaves 2e-9 of the beam out
    assert_close(found.captured[0], BUCKET.captured_fraction(HALF), rtol=1e-8, atol=0.0, what="captured at once")
    want = [BUCKET.bunching(n, sigma) for n in (1, 2, 5)]
    assert_close(found.bunching[1], want, rtol=2e-4, atol=2e-5, what="I_n/I_0")
    assert_close(found.sigma_delta[1], sigma, rtol=2e-4, atol=0.0, what="momentum spread")
    # share of the Boltzmann distribution inside the separatrix, by direct integration
    k = BUCKET.wavenumber
    kappa = BUCKET.kappa(sigma)
    z, _ = np.linspace(-0.5, 0.5, 4001, retstep=True)
    density = np.exp(kappa * np.cos(2 * np.pi * z))
    inside = [math.erf(HALF * math.cos(math.pi * q) / (math.sqrt(2) * sigma)) for q in z]
    share = integrate.trapezoid(density * inside, z) / integrate.trapezoid(density, z)
    assert_close(found.captured[1], share, rtol=1e-4, atol=0.0, what="captured in equilibrium")
    assert k > 0.0


def test_without_a_change_of_spread_capture_still_grows() -> None:
    """Switching on heats: the beam keeps its spread at the centre, gains depth, and the bucket fills."""
    sigma = 0.5 * HALF
    found = capture_coasting_beam(
        BUCKET, np.linspace(0, 1e6, 11), start_sigma_delta=sigma, sigma_delta=sigma, damping=1e-5
    )
    assert (np.diff(found.captured) > -1e-9).all() and found.captured[-1] > found.captured[0] + 0.02
    assert found.bunching[0, 0] < found.bunching[-1, 0]


def test_capture_and_bunching_against_turn_by_tracking() -> None:
    rng = np.random.default_rng(11)
    n, damping, sigma = 6000, 1e-3, HALF / 3
    z, delta = WAVELENGTH * (rng.random(n) - 0.5), HALF * rng.standard_normal(n)
    noise = sigma * math.sqrt(1 - (1 - 2 * damping) ** 2)
    turns = np.array([300, 600, 1000, 1500, 2500])
    want = capture_coasting_beam(
        BUCKET, turns, start_sigma_delta=HALF, sigma_delta=sigma, damping=damping, harmonics=(1, 2)
    )
    slip = BUCKET.slip_factor * BUCKET.circumference
    z = z - 0.5 * slip * delta  # the state is kept in the middle of the slip
    done = 0
    for row, turn in enumerate(turns):
        for _ in range(turn - done):
            z = z - 0.5 * slip * delta
            delta = delta + BUCKET.amplitude * np.sin(BUCKET.wavenumber * z)
            delta = (1 - 2 * damping) * delta + noise * rng.standard_normal(n)
            z = z - 0.5 * slip * delta
        done = turn
        captured = BUCKET.inside(z, delta).mean()
        # the model leaves out the width of a step: 1.5 % beside 3 sigma of the particles
        allowed = 0.015 + 3 * math.sqrt(captured * (1 - captured) / n)
        assert_close(captured, want.captured[row], rtol=0.0, atol=allowed, what=f"captured after {turn} turns")
        got = np.real(bunching_factor(z, WAVELENGTH / np.array([1.0, 2.0])))
        assert_close(got, want.bunching[row], rtol=0.0, atol=0.015 + 3 / math.sqrt(2 * n), what=f"b after {turn} turns")


def test_lifetime_of_any_shape_has_the_closed_forms_as_limits() -> None:
    for xi in (3.0, 7.0, 20.0):
        sigma = HALF / math.sqrt(2 * xi)
        assert_close(BUCKET.depth(sigma), xi, rtol=1e-12, atol=0.0, what="depth")
        assert_close(BUCKET.lifetime(sigma), pendulum_lifetime(xi), rtol=1e-14, atol=0.0, what="method")
        assert_close(bucket_lifetime(BUCKET.main, sigma), pendulum_lifetime(xi), rtol=1e-8, atol=0.0, what=f"xi = {xi}")
    # a bucket so tilted that its well is a cubic: the escape rate of Kramers, 2 alpha J_s nu e^(-xi)/(sigma^2 |eta| C)
    steep = MicroBucket(WAVELENGTH, 1e-6, 100.0, 1e-6, energy_loss=0.97e-6)
    sigma = math.sqrt(steep.main.level / (steep.slip_length * 40.0))
    kramers = math.exp(40.0) * sigma**2 * steep.slip_length / (2 * steep.area * steep.smooth_tune)
    assert_close(steep.lifetime(sigma), kramers, rtol=0.12, atol=0.0, what="Kramers at xi = 40")
    sigma_deep = math.sqrt(steep.main.level / (steep.slip_length * 160.0))
    kramers = math.exp(160.0) * sigma_deep**2 * steep.slip_length / (2 * steep.area * steep.smooth_tune)
    assert_close(steep.lifetime(sigma_deep), kramers, rtol=0.03, atol=0.0, what="Kramers at xi = 160")
    assert sands_lifetime(40.0) > 0.0


def test_lifetime_with_loss_and_nonlinear_slip_by_brute_force() -> None:
    """Many electrons in a crooked bucket, absorbed when they pass its separatrix."""
    rng = np.random.default_rng(4)
    bucket = MicroBucket(
        WAVELENGTH, 1e-6, 100.0, BUCKET.amplitude, slip_factor2=7e-4, energy_loss=0.1 * BUCKET.amplitude
    )
    xi, damping, n = 4.0, 1e-3, 3000
    sigma = math.sqrt(bucket.main.level / (bucket.slip_length * xi))
    noise = sigma * math.sqrt(1 - (1 - 2 * damping) ** 2)
    z, delta = np.full(n, bucket.centre), np.zeros(n)
    k, c = bucket.wavenumber, bucket.circumference
    lived = escaped = 0.0
    turns = 14_000
    for turn in range(1, turns + 1):
        z = z - 0.5 * c * delta * (bucket.slip_factor + delta * bucket.slip_factor2)
        delta = delta + bucket.amplitude * np.sin(k * z) - bucket.energy_loss
        delta = (1 - 2 * damping) * delta + noise * rng.standard_normal(z.size)
        z = z - 0.5 * c * delta * (bucket.slip_factor + delta * bucket.slip_factor2)
        if turn % 2:
            continue
        keep = bucket.main.well_z(z - bucket.centre) + bucket.main.well_delta(delta) < bucket.separatrix_level
        lived += turn * int((~keep).sum())
        escaped += int((~keep).sum())
        z, delta = z[keep], delta[keep]
        if z.size < 100:
            break
    life = (lived + turn * z.size) / escaped * damping
    formula = bucket.lifetime(sigma)
    print(f"lifetime {life:.3f} of {escaped:.0f} escapes, formula {formula:.3f}, plain {pendulum_lifetime(xi):.3f}")
    # checked every second turn at a finite step: up to 15 % longer than the limit of continuous diffusion
    assert 0.95 - 3 / math.sqrt(escaped) < life / formula < 1.15 + 3 / math.sqrt(escaped)


def test_what_is_refused() -> None:
    crooked = MicroBucket(WAVELENGTH, 1e-6, 100.0, 1e-5, slip_factor2=1e-4)
    given = {"start_sigma_delta": 1e-4, "sigma_delta": 1e-4, "damping": 1e-5}
    with pytest.raises(ConfigError, match="slip_factor2"):
        capture_coasting_beam(crooked, [1.0], **given)
    with pytest.raises(ConfigError, match="rising"):
        capture_coasting_beam(BUCKET, [2.0, 1.0], **given)
    with pytest.raises(ConfigError, match="damping"):
        capture_coasting_beam(BUCKET, [1.0], **given | {"damping": 0.0})
    with pytest.raises(PhysicsError, match="beyond"):
        crooked.lifetime(1e-7)
    with pytest.raises(ConfigError, match="sigma_delta"):
        crooked.lifetime(-1.0)
