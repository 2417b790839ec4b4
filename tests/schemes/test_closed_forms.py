"""Schemes: what the contract test does not reach. Quadrature, rings that leak dispersion, optima, the two theorems."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm, qmc

from ssmb.beam import bunching_factor
from ssmb.beam import closed_form as cf
from ssmb.beam.reference import Reference
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning
from ssmb.schemes import (
    SCHEMES,
    AngularDispersion,
    AngularModulationCoupling,
    EchoEnabled,
    EnergyModulationCoupling,
    SingleStage,
    StrongFocusing,
    TwoModulators,
    theorems,
    tlc,
)
from ssmb.schemes.modulator import Modulator
from tests.support import assert_close

MLS = Reference(energy=250e6)
WAVELENGTH = 1064e-9
K_LASER = 2 * math.pi / WAVELENGTH


def _quiet_normal(n_log2: int, dimensions: int, seed: int = 1) -> np.ndarray:
    """Scrambled Sobol points as normal deviates, one column per dimension; column 0 stays uniform in (0, 1)."""
    u = qmc.Sobol(dimensions, rng=seed).random_base2(n_log2)
    return np.column_stack([u[:, 0], norm.ppf(u[:, 1:])])


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


@pytest.mark.parametrize(
    ("name", "i"), [("adm", 0), ("adm", 2), ("pehg", 1), ("tlc_energy", 2), ("single_stage", 2), ("lsf", 1)]
)
def test_second_harmonic_of_the_modulation_is_in_the_closed_form(name: str, i: int) -> None:
    """Two laser kicks in the thin model, for coasting and bunched beams, wide and small spots of the laser."""
    scheme = replace(SCHEMES[name].examples()[i], second=0.04)
    nodes = {"z": 96, "delta": 12, "x": 5, "px": 5, "y": 7, "py": 7}
    if name == "single_stage":
        nodes |= {"x": 12, "py": 1}
    tracked = scheme.tracked_bunching((1, 5), scheme.quadrature(7, nodes))
    assert_close(tracked, [scheme.bunching(n) for n in (1, 5)], rtol=0.0, atol=1e-4, what="|b_1|, |b_5|")
    without = replace(scheme, second=0.0)
    assert abs(without.bunching(5) - scheme.bunching(5)) > 5e-4


def test_slip_of_even_light_is_the_pendulum_to_second_order() -> None:
    """c = 1/12 and u = 1/4 of light that is even along the undulator; the Gouy phase of a focused one adds to it."""
    focused = Modulator.resonant(Reference(600e6), WAVELENGTH, 0.1, 10)
    even = replace(focused, rayleigh_length=1e4)
    slip, h = 20 * WAVELENGTH, K_LASER * 1e-3
    want = h * slip / 12 * (1 - slip / (4 * 1e-4))
    assert_close(even.second_harmonic(1e-3, 1e-4), want, rtol=1e-6, atol=0.0, what="q")
    assert_close(even.second_harmonic(1e-3, -1e-4), -want, rtol=1e-6, atol=0.0, what="q of the mirror image")
    assert focused.second_harmonic(1e-3, 1e-4) > 1.05 * want


def test_best_amplitude_and_best_r56_are_maxima() -> None:
    for n in (1, 2, 5):
        start = SingleStage.examples()[1]
        best = start.with_best_amplitude(n)
        scan = max(replace(start, amplitude=float(a)).bunching(n) for a in np.linspace(1e-5, 4e-3, 4000))
        assert_close(best.bunching(n), scan, rtol=1e-5, atol=0.0, what=f"best amplitude, n={n}")
        best = start.with_best_r56(n)
        scan = max(replace(start, r56=float(r)).bunching(n) for r in np.linspace(1e-6, 3e-4, 6000))
        assert_close(best.bunching(n), scan, rtol=1e-5, atol=0.0, what=f"best r56, n={n}")


@pytest.mark.parametrize("phase", [0.17])
@pytest.mark.parametrize("scheme", EchoEnabled.examples()[:2], ids=["24th", "doubled"])
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


@pytest.mark.parametrize(("n", "m", "side"), [(-1, 2, 7.0e-5), (-1, 3, 1.6e-5)])
def test_side_terms_are_what_a_single_echo_leaves_out(n: int, m: int, side: float) -> None:
    """The literature's one echo (n, m) against the tracked thin model: off by the side terms, and by nothing else."""
    scheme = EchoEnabled.examples()[1]
    harmonic = n + scheme.wavelength_ratio * m
    beam = scheme.quadrature(5, {"z": 160, "delta": 220})
    missed = abs(scheme.tracked_bunching((harmonic,), beam)[0] - abs(scheme.term(n, m)))
    assert_close(missed, scheme.side_terms(n, m), rtol=0.01, atol=1e-8, what="tracked minus single echo")
    assert_close(missed, side, rtol=0.02, atol=0.0, what="size of the side terms")
    # where no echo is made for, others are all there is
    sharp = EchoEnabled.examples()[0]
    assert sharp.side_terms(-1, 3) > 0.999 * sharp.bunching(2) > 0.02


def test_quadrature_that_does_not_resolve_an_echo_says_so() -> None:
    scheme = EchoEnabled.examples()[1]
    with pytest.warns(ValidityWarning, match=r"delta turns the laser phase by 3 rad rms.*more=\{'delta': 61\}"):
        scheme.quadrature(1, {"z": 16})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheme.quadrature(1, {"z": 16, "delta": 61})


@pytest.mark.parametrize("scheme", [*StrongFocusing.examples(), *TwoModulators.examples()])
def test_sine_of_the_kick_departs_from_linear_optics_as_stated(scheme: StrongFocusing) -> None:
    beam = scheme.quadrature(9, {"z": 200, "delta": 40})
    z, delta = beam.z, beam.delta
    linear = z + scheme.r56 * (delta + scheme.chirp * z)
    for n in (1, 5, 20):
        light = scheme.wavelength / n
        straight = abs(bunching_factor(linear, light, beam.weight))
        assert_close(scheme.linear_bunching(n), straight, rtol=0.0, atol=1e-9, what=f"linear optics, n={n}")
        sine = scheme.tracked_bunching((n,), beam)[0]
        assert_close(sine - straight, scheme.nonlinear_departure(n), rtol=1e-3, atol=1e-6, what=f"the sine, n={n}")
    assert -0.011 < scheme.nonlinear_departure(20) < -0.0015


def test_kick_partner_of_a_small_laser_spot() -> None:
    """ADM with a spot of 0.12 mm: without the transverse kick of Panofsky and Wenzel the closed form is 0.013 off at n
    = 20.
    """
    scheme = AngularDispersion.examples()[2]
    beam = scheme.quadrature(9, {"z": 64, "delta": 14, "x": 9, "px": 1})
    for n, stated in ((5, 1.8e-3), (20, 1.33e-2)):
        tracked, alone = scheme.tracked_bunching((n,), beam)[0], scheme.stage().bunching(n, partner=False)
        assert_close(alone - tracked, stated, rtol=0.02, atol=2e-5, what=f"the kick partner, n={n}")
        assert_close(tracked, scheme.bunching(n), rtol=0.0, atol=1e-4, what="closed form with it")


def test_echo_optimum_is_a_maximum_over_both_sections() -> None:
    best = EchoEnabled.examples()[0].with_best_dispersions(-1, 25)
    peak = abs(best.term(-1, 25))
    for scale_1 in (0.98, 0.995, 1.005, 1.02):
        for scale_2 in (0.98, 0.995, 1.005, 1.02):
            nearby = replace(best, r56_1=best.r56_1 * scale_1, r56_2=best.r56_2 * scale_2)
            assert abs(nearby.term(-1, 25)) <= peak


def test_both_theorems_by_random_search() -> None:
    """1e5 couplings: never below 1, and 1.001 is reached."""
    rng, n = np.random.default_rng(7), 100_000
    beta, alpha, t = np.exp(rng.standard_normal(n)), rng.standard_normal(n), np.exp(rng.standard_normal(n))
    a1, a2, d, d_prime = 2 * rng.standard_normal((4, n))
    energy, angular = np.empty(n), np.empty(n)
    for i in range(n):
        h_mod = cf.h_function(beta[i], alpha[i], d[i], d_prime[i])
        h_rad = theorems.section_h(beta[i], alpha[i], a1[i], a2[i])
        energy[i] = theorems.energy_coupling_product(1 / (a1[i] * d[i] + a2[i] * d_prime[i]), h_mod, h_rad)
        h_rad = theorems.section_h(beta[i], alpha[i], a1[i], -1 / t[i])
        angular[i] = theorems.angular_coupling_product(t[i], beta[i], h_rad)
    for name, product in (("energy", energy), ("angular", angular)):
        assert 1.0 - 1e-9 <= product.min() <= 1.001, f"{name}: {product.min()!r}"


def test_invariants_of_the_theorems_by_their_definition() -> None:
    rng = np.random.default_rng(8)
    for beta, alpha, u, v in rng.standard_normal((50, 4)):
        beta = math.exp(beta)
        gamma = (1 + alpha**2) / beta
        want = gamma * u**2 + 2 * alpha * u * v + beta * v**2
        assert_close(cf.h_function(beta, alpha, u, v), want, rtol=1e-9, atol=0.0, what="H of a dispersion")
        want = beta * u**2 - 2 * alpha * u * v + gamma * v**2
        assert_close(theorems.section_h(beta, alpha, u, v), want, rtol=1e-9, atol=0.0, what="H of a section")


def test_a_design_beyond_a_theorem_is_refused() -> None:
    with pytest.raises(PhysicsError, match="theorem 1"):
        theorems.energy_coupling_product(9e3, 0.05, 0.2e-6)
    with pytest.raises(PhysicsError, match="theorem 2"):
        theorems.angular_coupling_product(700.0, 10.0, 0.2e-6)
    energy, angular = EnergyModulationCoupling.examples()[0], AngularModulationCoupling.examples()[0]
    assert_close(energy.bound_product(), 2.0, rtol=1e-9, atol=0.0, what="twice the least H_mod")
    assert_close(angular.bound_product(), 1.0, rtol=1e-9, atol=0.0, what="at the bound")
    assert_close(angular.minimum_beta_mod(), 10.0, rtol=1e-12, atol=0.0, what="beta_mod")
    with pytest.raises(PhysicsError, match="theorem 1"):
        replace(energy, h_mod=0.9 * energy.minimum_h_mod()).thin_line()
    with pytest.raises(PhysicsError, match="theorem 2"):
        replace(angular, beta_mod=9.0).thin_line()


def test_best_compression_is_the_maximum_and_follows_its_asymptote() -> None:
    for n in (5, 20, 79):
        x = np.linspace(0.9, 1.5, 4001)
        scan = [tlc.compressed_bunching(n, WAVELENGTH, -float(v) / K_LASER, 0.0) for v in x]
        assert_close(tlc.best_compression(n), x[int(np.argmax(scan))], rtol=0.0, atol=3e-4, what=f"n={n}")
        assert_close(
            tlc.best_compression(n), 1 + 0.8086 * n ** (-2 / 3), rtol=0.0, atol=0.1 * n ** (-4 / 3), what=f"n={n}"
        )


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: EchoEnabled.examples()[0].with_best_dispersions(0, 5), ConfigError),
        (lambda: tlc.implied_length(0.9, 20, WAVELENGTH), PhysicsError),
    ],
)
def test_bad_arguments_are_refused(call, error) -> None:
    with pytest.raises(error):
        call()
