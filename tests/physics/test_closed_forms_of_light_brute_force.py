"""Laser modulator and undulator light: each closed form against orbit integrals, quadrature and the far field."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate

from ssmb.beam.reference import Reference
from ssmb.constants import (
    CLASSICAL_ELECTRON_RADIUS,
    ELECTRON_MASS_EV,
    ELEMENTARY_CHARGE,
    FINE_STRUCTURE,
    HBAR,
    SPEED_OF_LIGHT,
)
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning
from ssmb.light import coherent, incoherent, statistics
from ssmb.light.angular import lobe_integral
from ssmb.light.signal import signal_against_charge
from ssmb.light.single_electron import angular_density, undulator_field
from ssmb.maps import laser_field, undulator_relations
from ssmb.maps.undulator import Undulator
from tests.support import assert_close

MLS = Reference(energy=250e6)
WAVELENGTH = 1064e-9
K_LASER = 2 * math.pi / WAVELENGTH


# ------------------------------------------------------------------ laser modulator


def _orbit_integral(
    power: float, wavelength: float, rayleigh: float, k: float, period: float, n: int, gamma: float, helical: bool
) -> float:
    """Peak of the integral of E.v over the orbit through a Gaussian beam with waist in the middle [eV]."""
    ku, kw, w0 = 2 * math.pi / period, 2 * math.pi / wavelength, math.sqrt(wavelength * rayleigh / math.pi)
    s = (np.arange(n * 96) + 0.5) * (period / 96) - 0.5 * n * period
    field = math.sqrt(4 * power * 376.730313668 / (math.pi * w0**2))
    x, vx = k / (gamma * ku) * np.sin(ku * s), k / gamma * np.cos(ku * s)
    q = 1 / (1 + 1j * s / rayleigh)
    if helical:
        y, vy = -k / (gamma * ku) * np.cos(ku * s), k / gamma * np.sin(ku * s)
        lag = s * (1 + k**2) / (2 * gamma**2)
        wave = field / math.sqrt(2) * q * np.exp(-(x**2 + y**2) / w0**2 * q - 1j * kw * lag)
        return abs(((vx + 1j * vy) * wave).sum()) * period / 96
    lag = s * (1 + k**2 / 2) / (2 * gamma**2) + k**2 / (8 * gamma**2 * ku) * np.sin(2 * ku * s)
    wave = field * q * np.exp(-(x**2) / w0**2 * q - 1j * kw * lag)
    return abs((vx * wave).sum()) * period / 96


@pytest.mark.parametrize("helical", [False, True])
@pytest.mark.parametrize("detuning", [0.0, 3.2551, -2.0])
def test_energy_modulation_equals_the_orbit_integral(helical: bool, detuning: float) -> None:
    # many short periods: the closed form has no end effects and no wiggle across the profile
    gamma, period, n, rayleigh = 3000.0, 0.02, 200, 1.5
    k = undulator_relations.resonant_deflection(WAVELENGTH, 0.02, gamma, helical=helical)
    length = n * period
    wavelength = WAVELENGTH / (1 - detuning / (2 * math.pi * n))  # detuning > 0: light of lower frequency
    got = laser_field.energy_modulation(1e6, wavelength, rayleigh, k, length, gamma, helical=helical, detuning=detuning)
    want = _orbit_integral(1e6, wavelength, rayleigh, k, period, n, gamma, helical)
    assert_close(got, want, rtol=3e-3, atol=0.0, what="dE [eV]")


@pytest.mark.parametrize(("power", "rayleigh"), [(5e6, 1.5), (25e3, 1.6)])
def test_energy_modulation_of_the_mls_lasers(power: float, rayleigh: float) -> None:
    k = undulator_relations.resonant_deflection(WAVELENGTH, 0.125, MLS.gamma)
    got = laser_field.energy_modulation(power, WAVELENGTH, rayleigh, k, 4.0, MLS.gamma)
    want = _orbit_integral(power, WAVELENGTH, rayleigh, k, 0.125, 32, MLS.gamma, False)
    assert_close(got, want, rtol=5e-3, atol=0.0, what="dE [eV]")


def test_power_and_quality_follow_the_amplitude() -> None:
    case = (WAVELENGTH, 1.5, 2.48, 4.0, MLS.gamma)
    one = laser_field.energy_modulation(1e6, *case)
    assert_close(laser_field.power_for_modulation(3 * one, *case), 9e6, rtol=1e-12, atol=0.0)
    assert_close(laser_field.energy_modulation(1e6, *case, m_squared=1.3), one / math.sqrt(1.3), rtol=1e-12, atol=0.0)
    assert_close(
        laser_field.rayleigh_length(WAVELENGTH, laser_field.waist(WAVELENGTH, 1.5, 1.3), 1.3), 1.5, rtol=1e-14, atol=0.0
    )


def test_best_focusing_is_the_maximum_of_a_scan_over_both_knobs() -> None:
    u = (np.arange(2000) + 0.5) / 2000 - 0.5
    ratio, q = np.linspace(0.1, 0.6, 101)[:, None, None], np.linspace(0, 6, 121)[None, :, None]
    strength = np.abs((np.exp(1j * q * u) / (1 + 1j * u / ratio)).mean(axis=2)) / (2 * np.sqrt(ratio[..., 0]))
    at = np.unravel_index(np.argmax(strength), strength.shape)
    best = laser_field.best_focusing(True)
    assert_close(best.strength, strength[at], rtol=1e-4, atol=0.0, what="strength")
    assert_close(best.rayleigh_ratio, ratio[at[0], 0, 0], rtol=0.0, atol=0.005, what="Z_R/L")
    assert_close(best.detuning, q[0, at[1], 0], rtol=0.0, atol=0.05, what="detuning")
    assert_close(laser_field.best_focusing().strength, strength[:, 0].max(), rtol=1e-4, atol=0.0, what="no detuning")


def test_panofsky_wenzel_relation_by_finite_differences() -> None:
    a, w0, x, y, z, step = 4e-4, 4e-4, 1.1e-4, -0.7e-4, 0.13e-6, 1e-4

    def kick(x: float, z: float) -> float:
        return laser_field.panofsky_wenzel_kick(a, x, y, w0, WAVELENGTH, z / WAVELENGTH)[0]

    def energy(x: float, z: float) -> float:
        return laser_field.transverse_amplitude(a, x, y, w0) * math.sin(K_LASER * z)

    dx, dz = step * w0, step * WAVELENGTH
    by_x = (energy(x + dx, z) - energy(x - dx, z)) / (2 * dx)
    by_z = (kick(x, z + dz) - kick(x, z - dz)) / (2 * dz)
    assert_close(by_z, by_x, rtol=1e-6, atol=0.0, what="d delta/dx = dx'/dz")


# ------------------------------------------------------------------ undulator relations


def test_resonance_slip_and_r56_from_the_exact_longitudinal_velocity() -> None:
    und = Undulator.resonant(MLS, WAVELENGTH, 0.125, 32)
    s = (np.arange(4096) + 0.5) / 4096 * und.period

    def slip(gamma: float) -> float:
        vx = und.k / gamma * np.cos(2 * math.pi / und.period * s)
        beta_s = np.sqrt((1 - 1 / gamma**2) - vx**2)
        return und.n_periods * und.period * float(np.mean((1 - beta_s) / beta_s))

    assert_close(slip(MLS.gamma), und.slippage, rtol=3 / MLS.gamma**2 * (1 + und.k**2), atol=0.0, what="slippage")
    step = 1e-4  # momentum and energy steps differ by 1/beta^2
    r56 = -(slip(MLS.gamma * (1 + step)) - slip(MLS.gamma * (1 - step))) / (2 * step)
    assert_close(und.r56, r56, rtol=1e-4, atol=0.0, what="R56")


def test_energy_per_electron_from_the_radiated_power_along_the_orbit() -> None:
    for helical in (False, True):
        und = Undulator(MLS, 0.05, 20, 1.7, helical)
        s = np.linspace(0, und.length, 4001)
        field = und.field * np.ones_like(s) if helical else und.field * np.cos(2 * math.pi * s / und.period)
        curvature = SPEED_OF_LIGHT * field / MLS.p0c
        loss = 2 / 3 * CLASSICAL_ELECTRON_RADIUS * ELECTRON_MASS_EV * MLS.gamma**4 * curvature**2
        want = integrate.trapezoid(loss, s)
        assert_close(und.energy_per_electron(), want, rtol=1e-5, atol=0.0, what=f"helical={helical}")


# ------------------------------------------------------------------ radiation


def _lobe_by_quadrature(s: float, d: float, power: int, reach: float) -> float:
    edges = np.arange(0.0, reach + math.pi, math.pi).clip(max=reach)
    x, w = np.polynomial.legendre.leggauss(24)
    nodes = (0.5 * (edges[1:] + edges[:-1])[:, None] + 0.5 * np.diff(edges)[:, None] * x).ravel()
    weights = (0.5 * np.diff(edges)[:, None] * w).ravel()
    return float((weights * nodes**power * np.sinc((nodes - d) / math.pi) ** 2 * np.exp(-4 * s * nodes)).sum())


@pytest.mark.parametrize("even", [False, True])
@pytest.mark.parametrize("d", [0.0, 1.7, -2.3, 40.0])
@pytest.mark.parametrize(("s", "reach"), [(0.02, math.inf), (0.5, math.inf), (3.0, math.inf), (0.0, 7.0), (0.4, 0.05)])
def test_lobe_integral_by_quadrature(even: bool, d: float, s: float, reach: float) -> None:
    got = lobe_integral(np.array([s]), d, reach, even=even)[0]
    want = _lobe_by_quadrature(s, d, int(even), min(reach, 10 / s if s else reach))
    assert_close(got, want, rtol=1e-8, atol=1e-12, what=f"S={s}, d={d}")


def test_elliptic_form_factors_by_quadrature_over_both_angles() -> None:
    s_x, s_y = 1.3, 0.06
    phi = (np.arange(400) + 0.5) * (math.pi / 800)
    size = s_x * np.cos(phi) ** 2 + s_y * np.sin(phi) ** 2
    odd = np.mean([_lobe_by_quadrature(float(s), 0.0, 0, 10 / s) for s in size])
    fine = np.mean([coherent.form_factor(float(s)) for s in size])
    assert_close(coherent.form_factor(s_x, s_y), fine, rtol=1e-6, atol=0.0, what="odd")
    assert_close(fine, 2 / math.pi * odd, rtol=1e-8, atol=0.0, what="odd, quadrature")
    lobe = np.array([4 * _lobe_by_quadrature(float(s), 0.0, 1, 10 / s) for s in size])
    want = (np.mean(2 * np.cos(phi) ** 2 * lobe), np.mean(2 * np.sin(phi) ** 2 * lobe))
    assert_close(coherent.even_form_factors(s_x, s_y), want, rtol=1e-5, atol=0.0, what="even")


def test_best_detuning_is_a_maximum_between_one_and_two_times_the_exact_one() -> None:
    last = 2.0
    for s in (0.0, 1e-3, 0.03, 0.3, 3.0, 100.0):
        exact, best = coherent.form_factor(s), coherent.form_factor(s, detuning="best")
        scan = max(coherent.form_factor(s, detuning=2 * float(d)) for d in np.linspace(0, 40, 161))
        assert scan <= best * (1 + 1e-6)
        assert 1.0 <= best / exact <= last + 1e-9
        last = best / exact
    assert_close(last, 1.0, rtol=1e-3, atol=0.0, what="wide beam: best = exact")


def _through(und: Undulator, wavelength: float, edge: float) -> float:
    """dW/domega of one electron inside a disc, from the field of its orbit [J s]; see also tests/light."""
    x, w = np.polynomial.legendre.leggauss(96)
    theta, phi = edge * np.sqrt(0.5 * (1 + x)), 2 * math.pi / 24 * (np.arange(24) + 0.5)
    energy = statistics.photon_energy(wavelength)
    tx, ty = np.outer(theta, np.cos(phi)), np.outer(theta, np.sin(phi))
    density = angular_density(undulator_field(und, tx, ty, energy, end_poles=False), energy)
    return float(0.25 * w * edge**2 @ density.mean(axis=1) * 2 * math.pi)


def test_helical_power_and_aperture_against_the_far_field() -> None:
    und = Undulator.resonant(MLS, WAVELENGTH, 0.125, 256, helical=True)
    edge = math.sqrt(3.0 * WAVELENGTH * 4 / (2 * math.pi * und.length))
    numeric = 2 * math.pi / ELEMENTARY_CHARGE**2 * _through(und, WAVELENGTH, edge)
    closed = coherent.coherent_power(und, current=1.0, bunching=1.0, acceptance=edge)
    assert_close(closed, numeric, rtol=0.01, atol=0.0, what="helical")


@pytest.mark.parametrize("harmonic", [1, 2, 3])
@pytest.mark.parametrize("offset", [0.0, 0.4, -0.7])
def test_incoherent_spectrum_against_the_far_field(harmonic: int, offset: float) -> None:
    und = Undulator.resonant(MLS, WAVELENGTH, 0.125, 1024)
    relative = offset / (harmonic * und.n_periods)
    wavelength = und.wavelength(harmonic)
    edge = math.sqrt(4.0 * wavelength * 4 / (2 * math.pi * und.length))
    numeric = _through(und, wavelength / (1 + relative), edge)
    closed = incoherent.spectral_energy(und, harmonic, relative, edge)
    assert_close(closed, numeric, rtol=0.01, atol=0.0, what=f"n={harmonic}")


def test_central_cone_is_the_spectrum_at_best_detuning_times_its_bandwidth() -> None:
    und = Undulator.resonant(Reference(energy=400e6), 13.5e-9, 0.01, 300)
    far_below = incoherent.spectral_energy(und, 1, -0.5)
    photons = far_below / HBAR / und.n_periods
    assert_close(photons, und.central_cone_photons(), rtol=1e-3, atol=0.0, what="photons in 1/N")
    assert_close(und.central_cone_photons(), math.pi * FINE_STRUCTURE * und.kim_q(), rtol=1e-14, atol=0.0)


@pytest.mark.parametrize("harmonic", [1, 2])
def test_energy_of_a_short_bunch_from_its_spectrum(harmonic: int) -> None:
    # sum over frequencies of N^2 |b(omega)|^2 times the angle-integrated lobe, by plain quadrature
    # so many periods that the closed form holds
    und = Undulator.resonant(Reference(energy=1e9), 0.1 * WAVELENGTH, 0.125, 400)
    sigma_z, charge, b, size = 15e-6, 3e-12, 0.2, 5.6e-4
    s = coherent.size_parameter(und, size, harmonic)
    u = np.linspace(-6, 6, 241)
    d = -und.slippage / (2 * sigma_z) * u
    lobe = np.array([_lobe_by_quadrature(s, float(v), 1 - harmonic % 2, 12 / s) for v in d])
    mean = integrate.simpson(np.exp(-(u**2)) * lobe, x=u) / math.sqrt(math.pi)
    exact = _lobe_by_quadrature(s, 0.0, 1 - harmonic % 2, 12 / s)
    long_bunch = coherent.power_per_square_ampere(und, harmonic, size) * (b * charge) ** 2
    long_bunch *= SPEED_OF_LIGHT / (2 * math.sqrt(math.pi) * sigma_z)
    case = {"charge": charge, "bunching": b, "harmonic": harmonic, "sigma_perp": size}
    got = coherent.coherent_energy(und, sigma_z=sigma_z, **case)
    assert_close(got, long_bunch * mean / exact, rtol=1e-6, atol=0.0, what="slippage")
    wide = coherent.coherent_energy(und, sigma_z=sigma_z, bandwidth=0.5, **case)
    assert_close(wide, got, rtol=1e-6, atol=0.0, what="wide filter")
    narrow = coherent.coherent_energy(und, sigma_z=sigma_z, bandwidth=1e-5, **case)
    slope = SPEED_OF_LIGHT * (b * charge) ** 2 / (2 * math.pi) * 1e-5 * 2 * math.pi / und.wavelength(harmonic)
    want = coherent.power_per_square_ampere(und, harmonic, size) * slope
    assert_close(narrow, want, rtol=1e-3, atol=0.0, what="narrow filter: line density")
    long = coherent.coherent_energy(und, sigma_z=3e-3, **case)
    assert_close(long, long_bunch * sigma_z / 3e-3, rtol=1e-4, atol=0.0, what="long bunch")


def test_signal_is_quadratic_and_linear_at_both_colours() -> None:
    und = Undulator.resonant(MLS, WAVELENGTH, 0.125, 32)
    charges = np.geomspace(1e-14, 1e-10, 9)
    for harmonic, b in ((1, 0.3), (2, 0.08)):
        seen = signal_against_charge(
            und, charges, sigma_z=40e-6, bunching=b, harmonic=harmonic, sigma_perp=(560e-6, 60e-6), acceptance=2e-3,
            bandwidth=3e-9 / und.wavelength(harmonic),
        )  # fmt: skip
        assert_close(np.diff(np.log(seen.coherent_energy)) / np.diff(np.log(charges)), 2.0, rtol=1e-9, atol=0.0)
        assert_close(np.diff(np.log(seen.incoherent_energy)) / np.diff(np.log(charges)), 1.0, rtol=1e-9, atol=0.0)
        q = seen.crossover_charge
        both = signal_against_charge(
            und, [q], sigma_z=40e-6, bunching=b, harmonic=harmonic, sigma_perp=(560e-6, 60e-6), acceptance=2e-3,
            bandwidth=3e-9 / und.wavelength(harmonic),
        )  # fmt: skip
        assert_close(both.coherent_energy, both.incoherent_energy, rtol=1e-9, atol=0.0, what="crossover")
        assert_close(both.energy, 2 * both.coherent_energy, rtol=1e-9, atol=0.0)
        assert_close(both.coherent_photons, both.incoherent_photons, rtol=1e-9, atol=0.0, what="photons")


def test_relative_variance_by_monte_carlo() -> None:
    rng = np.random.default_rng(11)
    n, trials, sigma = 1000, 6000, 0.8
    power = np.array([abs(np.exp(-1j * sigma * rng.standard_normal(n)).sum()) ** 2 for _ in range(trials)])
    got = statistics.relative_variance(math.exp(-(sigma**2) / 2), math.exp(-2 * sigma**2), n)
    assert_close(got, power.var() / power.mean() ** 2, rtol=0.08, atol=0.0, what="relative variance")


# ------------------------------------------------------------------ what is refused, and where a warning is given

U125 = Undulator.resonant(MLS, WAVELENGTH, 0.125, 32)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: undulator_relations.resonant_deflection(1e-9, 0.125, MLS.gamma), PhysicsError),
        (lambda: undulator_relations.bessel_factor(1.0, 2), ConfigError),
        (lambda: laser_field.waist(WAVELENGTH, 1.0, 0.9), ConfigError),
        (lambda: laser_field.power_for_modulation(1.0, WAVELENGTH, 1.0, 0.0, 4.0, MLS.gamma), ConfigError),
        (lambda: coherent.coherent_power(U125, current=1.0, bunching=1.2), ConfigError),
        (lambda: coherent.coherent_power(U125, current=1.0, bunching=0.1, detuning="bset"), ConfigError),
        (lambda: coherent.coherent_power(U125, current=1.0, bunching=0.1, harmonic=2), PhysicsError),
        (lambda: coherent.coherent_power(U125, current=1.0, bunching=0.1, sigma_perp=(1e-4,)), ConfigError),
        (lambda: coherent.power_per_square_ampere(replace(U125, helical=True), 2), ConfigError),
        (lambda: coherent.average_power(1.0, 1.5), ConfigError),
        (lambda: incoherent.spectral_energy(U125, 2), PhysicsError),
        (lambda: signal_against_charge(U125, [0.0], sigma_z=1e-4, bunching=0.1, bandwidth=1e-3), ConfigError),
        (lambda: signal_against_charge(U125, [1e-12], sigma_z=1e-4, bunching=0.1), ConfigError),
        (lambda: statistics.relative_variance(0.0, 0.0, 100), PhysicsError),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused(call, error) -> None:
    with pytest.raises(error):
        call()


def test_warnings_outside_the_validity() -> None:
    with pytest.warns(ValidityWarning, match="periods"):
        coherent.coherent_power(Undulator(MLS, 0.125, 3, 2.0), current=1.0, bunching=0.1)
    with pytest.warns(ValidityWarning, match="envelope"):
        coherent.coherent_energy(U125, charge=1e-12, sigma_z=1e-6, bunching=0.1, sigma_perp=1e-4)
