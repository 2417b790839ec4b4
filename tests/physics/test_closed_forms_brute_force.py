"""Bunching, micro-buckets and schemes: each closed form against quadrature or tracking."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate
from scipy.stats import norm, qmc

from ssmb.beam.reference import Reference
from ssmb.bunching import closed_form as cf
from ssmb.bunching.buckets import MicroBucket, pendulum_lifetime, standard_map_island
from ssmb.errors import ConfigError, PhysicsError
from ssmb.schemes import tlc
from ssmb.schemes.eehg import EchoEnabled
from ssmb.schemes.single_stage import SingleStage
from tests.support import assert_close

MLS = Reference(energy=250e6)
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


def _one_turn_matrix(beta: float, tune: float, dispersion: tuple[float, float], slip_length: float) -> np.ndarray:
    """Symplectic (x, x', z, delta) matrix of a coasting ring with alpha = 0 and the given closed dispersion."""
    mu, j = 2 * math.pi * tune, np.array([[0.0, 1.0], [-1.0, 0.0]])
    m2 = np.array([[math.cos(mu), beta * math.sin(mu)], [-math.sin(mu) / beta, math.cos(mu)]])
    d = np.array(dispersion)
    m = np.eye(4)
    m[:2, :2], m[:2, 3] = m2, d - m2 @ d
    m[2, :2] = -m2.T @ j @ m[:2, 3]
    m[2, 3] = -slip_length - m[2, :2] @ d
    s = np.kron(np.eye(2), j)
    assert np.abs(m.T @ s @ m - s).max() < 1e-12
    return m


@pytest.mark.parametrize("turns", [1, 2])
def test_one_turn_bunching_by_tracking_through_a_ring_that_leaks_dispersion(turns: int) -> None:
    # H is large enough for the betatron wave of the kick to matter: 20 % of the path
    beta, tune, slip, d0, eps, sigma = 4.0, 0.178, 8e-4, 0.025, 4e-12, 0.7e-4
    h = cf.h_function(beta, 0.0, d0, 0.0)
    amplitude = 3e-4
    q = _quiet_normal(17, 4)
    z, delta = q[:, 0] * WAVELENGTH, q[:, 1] * sigma
    x, px = q[:, 2] * math.sqrt(eps * beta) + d0 * delta, q[:, 3] * math.sqrt(eps / beta)
    m = np.linalg.matrix_power(_one_turn_matrix(beta, tune, (d0, 0.0), slip), turns)
    out = m @ np.array([x, px, z, delta + amplitude * np.sin(K_LASER * z)])
    scheme = SingleStage.one_turn(
        MLS, WAVELENGTH, slip / 48.0, 48.0, amplitude, sigma, emittance=eps, h=h, tune=tune, turns=turns
    )
    assert abs(scheme.r56 / (-turns * slip) - 1) > 0.03  # the leak term is part of what is tested
    for n in (1, 2, 3):
        want = abs(np.exp(-1j * n * K_LASER * out[2]).mean())
        assert_close(scheme.bunching(n), want, rtol=0.0, atol=3e-4, what=f"b_{n} after {turns} turns")


@pytest.mark.parametrize("scheme", SingleStage.examples(), ids=["ring", "chicane"])
def test_single_stage_bunching_by_tracking(scheme: SingleStage) -> None:
    q, k = _quiet_normal(17, 3), 2 * math.pi / scheme.wavelength
    z, delta = q[:, 0] * scheme.wavelength, q[:, 1] * scheme.sigma_delta
    incoming = scheme.r56 if scheme.r56_incoming is None else scheme.r56_incoming
    out = z + scheme.r56 * scheme.amplitude * np.sin(k * z) + incoming * delta + q[:, 2] * scheme.smear
    for n in range(1, 6):
        want = abs(np.exp(-1j * n * k * out).mean())
        assert_close(scheme.bunching(n), want, rtol=0.0, atol=3e-4, what=f"b_{n}")


def test_best_amplitude_and_best_r56_are_maxima() -> None:
    for n in (1, 2, 5):
        start = SingleStage.examples()[1]
        best = start.with_best_amplitude(n)
        scan = max(replace(start, amplitude=float(a)).bunching(n) for a in np.linspace(1e-5, 4e-3, 4000))
        assert_close(best.bunching(n), scan, rtol=1e-5, atol=0.0, what=f"best amplitude, n={n}")
        best = start.with_best_r56(n)
        scan = max(replace(start, r56=float(r)).bunching(n) for r in np.linspace(1e-6, 3e-4, 6000))
        assert_close(best.bunching(n), scan, rtol=1e-5, atol=0.0, what=f"best r56, n={n}")


@pytest.mark.parametrize("phase", [0.0, 0.17])
@pytest.mark.parametrize("scheme", EchoEnabled.examples(), ids=["24th", "doubled"])
def test_echo_bunching_by_quadrature(scheme: EchoEnabled, phase: float) -> None:
    scheme = replace(scheme, phase=phase)
    zeta = np.arange(2048)[:, None] * (2 * math.pi / 2048)
    p = np.linspace(-7, 7, 3001)[None, :]
    weight = norm.pdf(p) * (p[0, 1] - p[0, 0]) / 2048
    a1, a2 = scheme.amplitude_1 / scheme.sigma_delta, scheme.amplitude_2 / scheme.sigma_delta
    p1 = p + a1 * np.sin(zeta)
    z1 = zeta + scheme.b1 * p1
    p2 = p1 + a2 * np.sin(scheme.wavelength_ratio * z1 + 2 * math.pi * phase)
    z2 = z1 + scheme.b2 * p2
    for harmonic in (3, 7, 24):
        want = abs((weight * np.exp(-1j * harmonic * z2)).sum())
        assert_close(scheme.bunching(harmonic), want, rtol=1e-6, atol=1e-9, what=f"harmonic {harmonic}")


def test_echo_optimum_is_a_maximum_over_both_sections() -> None:
    best = EchoEnabled.examples()[0].with_best_dispersions(-1, 25)
    peak = abs(best.term(-1, 25))
    for scale_1 in (0.98, 0.995, 1.005, 1.02):
        for scale_2 in (0.98, 0.995, 1.005, 1.02):
            nearby = replace(best, r56_1=best.r56_1 * scale_1, r56_2=best.r56_2 * scale_2)
            assert abs(nearby.term(-1, 25)) <= peak


@pytest.mark.parametrize("scheme", tlc.EnergyModulationCoupling.examples(), ids=["coasting", "over", "bunched"])
def test_coupled_bunching_by_tracking_through_a_section(scheme: tlc.EnergyModulationCoupling) -> None:
    # a modulator with D = (0, D') and a section a = (a1, a2) that fulfil a.D = leak - r56 and H_rad
    beta, d_prime = 5.0, 0.2
    a2 = (scheme.r56_leak - scheme.r56) / d_prime
    a1 = math.sqrt(scheme.h_rad / beta - (a2 / beta) ** 2)
    q, k = _quiet_normal(18, 4), 2 * math.pi / scheme.wavelength
    z = q[:, 0] * scheme.wavelength
    if scheme.sigma_z_mod is not None:
        z = norm.ppf(q[:, 0]) * scheme.sigma_z_mod
    delta = q[:, 1] * scheme.sigma_delta
    y, py = q[:, 2] * math.sqrt(scheme.emittance * beta), q[:, 3] * math.sqrt(scheme.emittance / beta) + d_prime * delta
    out = z + a1 * y + a2 * py + scheme.r56 * (delta + scheme.amplitude * np.sin(k * z))
    for n in (1, 7, 20):
        want = abs(np.exp(-1j * n * k * out).mean())
        assert_close(scheme.bunching(n), want, rtol=0.0, atol=2e-3, what=f"b_{n}")


def test_angular_modulation_bunching_by_tracking() -> None:
    scheme = tlc.AngularModulationCoupling.examples()[0]
    beta, k = 10.0, 2 * math.pi / scheme.wavelength
    q = _quiet_normal(18, 2)
    z, py = q[:, 0] * scheme.wavelength, q[:, 1] * math.sqrt(2e-11 / beta)
    py = py + scheme.angular_chirp / k * np.sin(k * z)
    # alpha = 0 at the modulator: theorem 2 with equality has a1 = 0
    out = z + scheme.a2 * py
    assert_close(scheme.a2**2 / beta, scheme.h_rad, rtol=1e-12, atol=0.0, what="H_rad")
    assert_close(scheme.minimum_beta_mod(), beta, rtol=1e-12, atol=0.0, what="beta_mod")
    for n in (1, 5, 20):
        want = abs(np.exp(-1j * n * k * out).mean())
        assert_close(scheme.bunching(n), want, rtol=0.0, atol=2e-3, what=f"b_{n}")


def test_both_theorems_by_random_search() -> None:
    rng = np.random.default_rng(7)
    n = 50_000
    beta, alpha, t = np.exp(rng.standard_normal(n)), rng.standard_normal(n), np.exp(rng.standard_normal(n))
    gamma = (1 + alpha**2) / beta
    a1, a2, d, d_prime = 2 * rng.standard_normal((4, n))
    h_rad = beta * a1**2 - 2 * alpha * a1 * a2 + gamma * a2**2
    h_mod = np.array(
        [cf.h_function(*row) for row in zip(beta[:2000], alpha[:2000], d[:2000], d_prime[:2000], strict=True)]
    )
    assert_close(h_mod, (gamma * d**2 + 2 * alpha * d * d_prime + beta * d_prime**2)[:2000], rtol=1e-9, atol=0.0)
    chirp = 1 / np.abs(a1 * d + a2 * d_prime)[:2000]
    ratio = np.array([c / tlc.minimum_energy_chirp(m, r) for c, m, r in zip(chirp, h_mod, h_rad, strict=False)])
    assert 1.0 - 1e-9 < ratio.min() < 1.01
    h_angle = beta * a1**2 + 2 * alpha * a1 / t + gamma / t**2
    ratio = t[:2000] / np.array([tlc.minimum_angular_chirp(b, h) for b, h in zip(beta[:2000], h_angle, strict=False)])
    assert 1.0 - 1e-9 < ratio.min() < 1.01


def test_best_compression_is_the_maximum_and_follows_its_asymptote() -> None:
    for n in (5, 20, 79):
        x = np.linspace(0.9, 1.5, 4001)
        scan = [tlc.compressed_bunching(n, WAVELENGTH, -float(v) / K_LASER, 0.0) for v in x]
        assert_close(tlc.best_compression(n), x[int(np.argmax(scan))], rtol=0.0, atol=3e-4, what=f"n={n}")
        assert_close(
            tlc.best_compression(n), 1 + 0.8086 * n ** (-2 / 3), rtol=0.0, atol=0.1 * n ** (-4 / 3), what=f"n={n}"
        )


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
        (lambda: EchoEnabled.examples()[0].with_best_dispersions(0, 5), ConfigError),
        (lambda: tlc.implied_length(0.9, 20, WAVELENGTH), PhysicsError),
    ],
)
def test_bad_arguments_are_refused(call, error) -> None:
    with pytest.raises(error):
        call()
