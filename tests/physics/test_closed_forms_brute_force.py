"""Bunching and micro-buckets: each closed form against quadrature or tracking."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate
from scipy.stats import norm, qmc

from ssmb.beam import closed_form as cf
from ssmb.buckets.micro_bucket import MicroBucket, pendulum_lifetime, standard_map_island
from ssmb.errors import ConfigError, PhysicsError
from tests.support import assert_close

WAVELENGTH = 1064e-9
K_LASER = 2 * math.pi / WAVELENGTH


def _quiet_normal(n_log2: int, dimensions: int, seed: int = 1) -> np.ndarray:
    """Scrambled Sobol points as normal deviates, one column per dimension; column 0 stays uniform in (0, 1)."""
    u = qmc.Sobol(dimensions, rng=seed).random_base2(n_log2)
    return np.column_stack([u[:, 0], norm.ppf(u[:, 1:])])


# ------------------------------------------------------------------ bunching


def test_simple_bunching_factors_by_quadrature() -> None:
    k = K_LASER
    sigma = 1.3 / k
    gauss = integrate.quad(
        lambda z: math.cos(k * z) * norm.pdf(z, scale=sigma) * sigma, -9 * sigma, 9 * sigma, limit=200
    )
    assert_close(cf.gaussian_bunching(sigma, WAVELENGTH), gauss[0] / sigma, rtol=1e-9, atol=0.0, what="Gaussian")
    phi = np.arange(400) * (2 * math.pi / 400)
    for kappa in (0.3, 9.0, 800.0):
        density = np.exp(kappa * (np.cos(phi) - 1))
        want = (density * np.cos(3 * phi)).sum() / density.sum()
        assert_close(cf.boltzmann_bunching(kappa, 3), want, rtol=1e-11, atol=0.0, what=f"Boltzmann {kappa}")
    eps, xi = 33e-9, -2.1
    j = np.linspace(0, 40 * eps, 400_001)
    path = np.exp(-1j * k * np.vectorize(lambda a: cf.second_order_path(xi, a))(j[:2])[1] / j[1] * j)
    want = abs(integrate.simpson(path * np.exp(-j / eps) / eps, x=j))
    assert_close(cf.chromatic_smear_bunching(xi, eps, WAVELENGTH), want, rtol=1e-8, atol=0.0, what="chromatic")
    angle = np.linspace(-9, 9, 20_001)
    phase = np.exp(-0.5j * 2 * math.pi / 13.5e-9 * 7.0 * angle**2 * 1e-9 / 4.0)
    want = abs(integrate.simpson(phase * norm.pdf(angle), x=angle))
    assert_close(cf.drift_angle_bunching(1e-9, 4.0, 7.0, 13.5e-9), want, rtol=1e-9, atol=0.0, what="drift")


def test_second_order_path_sign_and_size_in_a_thin_fodo_ring() -> None:
    length, focal = 2.0, 1.9

    def cell(delta: float) -> np.ndarray:
        drift = np.array([[1, length / (1 + delta)], [0, 1]])
        quad = np.array([[1, 0], [-1 / focal, 1]])
        return np.array([[1, 0], [1 / focal, 1]]) @ drift @ quad @ drift

    def tune(delta: float) -> float:
        return math.acos(0.5 * np.trace(cell(delta))) / (2 * math.pi)

    chromaticity = (tune(1e-4) - tune(-1e-4)) / 2e-4
    m = cell(0.0)
    beta, alpha = m[0, 1] / math.sin(2 * math.pi * tune(0)), (m[0, 0] - m[1, 1]) / 2 / math.sin(2 * math.pi * tune(0))
    action, turns = 1e-8, 4000
    v, path = np.array([math.sqrt(2 * action * beta), -alpha * math.sqrt(2 * action / beta)]), 0.0
    for _ in range(turns):
        path -= length * v[1] ** 2 / 2
        v = np.array([[1, length], [0, 1]]) @ v
        v[1] -= v[0] / focal
        path -= length * v[1] ** 2 / 2
        v = np.array([[1, length], [0, 1]]) @ v
        v[1] += v[0] / focal
    want = path / turns
    assert_close(cf.second_order_path(chromaticity, action), want, rtol=2e-3, atol=0.0, what="z per cell")


# ------------------------------------------------------------------ micro-bucket


def _tracked_tune(bucket: MicroBucket, z_max: float, turns: int) -> float:
    """Tune from the time between upward zero crossings of the tracked motion."""
    z, delta, slip = bucket.centre + z_max, 0.0, bucket.slip_factor * bucket.circumference
    first = last = 0.0
    crossings = 0
    before = z_max
    for turn in range(turns):
        delta += bucket.amplitude * math.sin(bucket.wavenumber * z)
        z -= slip * delta
        now = z - bucket.centre
        if before < 0.0 <= now:
            last = turn + before / (before - now)
            crossings += 1
            first = last if crossings == 1 else first
        before = now
    return (crossings - 1) / (last - first)


@pytest.mark.parametrize("slip_factor", [1e-6, -1e-6])
@pytest.mark.parametrize("amplitude", [4.2e-4, 1e-6])
def test_small_amplitude_tune_by_tracking(slip_factor: float, amplitude: float) -> None:
    bucket = MicroBucket(WAVELENGTH, slip_factor, 100.0, amplitude)
    assert_close(_tracked_tune(bucket, 1e-11, 40_000), bucket.tune, rtol=1e-4, atol=0.0, what="thin tune")


def test_tune_with_amplitude_and_invariant_by_tracking() -> None:
    bucket = MicroBucket(WAVELENGTH, 1e-7, 100.0, 4e-6)
    for share in (0.25, 0.5, 0.9):
        z_max = share * 0.5 * WAVELENGTH
        assert_close(_tracked_tune(bucket, z_max, 40_000), bucket.tune_at(z_max), rtol=2e-4, atol=0.0, what=f"{share}")
    z, delta = bucket.separatrix(101)
    assert_close(bucket.hamiltonian(z, delta), bucket.separatrix_level, rtol=1e-12, atol=0.0, what="separatrix")
    assert_close(2 * integrate.trapezoid(delta, z), bucket.area, rtol=1e-3, atol=0.0, what="area")


def test_beta_functions_from_the_linear_one_turn_matrix() -> None:
    bucket = MicroBucket(WAVELENGTH, 1e-6, 100.0, 4.2e-4)
    slip, h = bucket.slip_length, bucket.wavenumber * bucket.amplitude

    def drift(part: float) -> np.ndarray:
        return np.array([[1.0, -part * slip], [0.0, 1.0]])

    def kick(part: float) -> np.ndarray:
        return np.array([[1.0, 0.0], [part * h, 1.0]])

    for m, got in (
        (kick(0.5) @ drift(1.0) @ kick(0.5), bucket.beta_z_kick),
        (drift(0.5) @ kick(1.0) @ drift(0.5), bucket.beta_z_opposite),
    ):
        assert_close(got, abs(m[0, 1]) / math.sqrt(1 - (0.5 * np.trace(m)) ** 2), rtol=1e-10, atol=0.0, what="beta_z")


def test_linear_stability_ends_at_four() -> None:
    amplitude = 4.0 / (K_LASER * 1e-4)
    assert MicroBucket(WAVELENGTH, 1e-6, 100.0, amplitude * 0.999).tune < 0.5
    with pytest.raises(PhysicsError, match="unstable"):
        _ = MicroBucket(WAVELENGTH, 1e-6, 100.0, amplitude * 1.001).tune


def test_stable_area_tends_to_the_smooth_one() -> None:
    bucket = MicroBucket(WAVELENGTH, 1e-6, 100.0, 1.7e-5)
    assert_close(bucket.stable_area(turns=600), bucket.area, rtol=0.02, atol=0.0, what="area at K_s = 0.01")
    assert_close(
        standard_map_island(1.0, 1500, 121), standard_map_island(1.0, 1500, 173), rtol=0.03, atol=0.0, what="two grids"
    )


def test_captured_fraction_by_sampling() -> None:
    bucket, sigma = MicroBucket(WAVELENGTH, 1e-6, 100.0, 4.2e-4), 9e-4
    q = _quiet_normal(17, 2)
    inside = bucket.hamiltonian(q[:, 0] * WAVELENGTH, q[:, 1] * sigma) < bucket.separatrix_level
    assert_close(bucket.captured_fraction(sigma), inside.mean(), rtol=0.0, atol=1e-3, what="captured")


def test_pendulum_lifetime_by_langevin_tracking() -> None:
    # the closed form is the limit of weak damping: 2e-3, 1e-3, 2.5e-4 per turn give 1.067, 1.030, 1.036 +- 0.024 of it
    rng = np.random.default_rng(3)
    k_std, damping, depth, turns = 0.08, 5e-4, 3.0, 16_000
    sigma = 2 * math.sqrt(k_std) / math.sqrt(2 * depth)
    kick = sigma * math.sqrt(1 - (1 - 2 * damping) ** 2)
    phi, p = np.zeros(4000), np.zeros(4000)
    lived = escaped = 0
    for turn in range(turns):
        p = (1 - 2 * damping) * (p - k_std * np.sin(phi)) + kick * rng.standard_normal(p.size)
        phi = phi + p
        energy = 0.5 * (p - 0.5 * k_std * np.sin(phi)) ** 2 + 2 * k_std * np.sin(0.5 * phi) ** 2
        inside = energy < 2 * k_std
        lived += turn * int((~inside).sum())
        escaped += int((~inside).sum())
        phi, p = phi[inside], p[inside]
    # the few that are still inside decay with the same mean life
    life = (lived + turns * phi.size) / escaped
    assert_close(life * damping, pendulum_lifetime(depth), rtol=0.06, atol=0.0, what="lifetime over damping time")


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: cf.gaussian_bunching(-1e-9, WAVELENGTH), ConfigError),
        (lambda: cf.gaussian_bunching(float("nan"), WAVELENGTH), ConfigError),
        (lambda: cf.gaussian_bunching("1 nm", WAVELENGTH), ConfigError),  # type: ignore[arg-type]
        (lambda: cf.boltzmann_bunching(1.0, 0), ConfigError),
        (lambda: cf.boltzmann_bunching(1.0, 1.5), ConfigError),  # type: ignore[arg-type]
        (lambda: MicroBucket(WAVELENGTH, 0.0, 48.0, 1e-4), ConfigError),
        (lambda: MicroBucket(WAVELENGTH, 1e-5, 48.0, 1e-4).tune_at(600e-9), PhysicsError),
        (lambda: MicroBucket(WAVELENGTH, 1e-5, 48.0, 1e-4).synchronous_phase(2e-4), PhysicsError),
    ],
)
def test_bad_arguments_are_refused(call, error) -> None:
    with pytest.raises(error):
        call()
