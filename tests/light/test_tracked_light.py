"""Coherent light of particles: against closed forms, the exact orbit of each electron, and conservation of energy."""

from __future__ import annotations

import math
import warnings

import mpmath
import numpy as np
import pytest

from ssmb.beam import Beam, Reference, bunching_factor
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT, VACUUM_IMPEDANCE
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning
from ssmb.kernels.lobes import lobe_exchange, lobe_sums, sinc
from ssmb.kernels.threads import most_threads, thread_count
from ssmb.light import coherent_power, tracked
from ssmb.light.coherent import power_per_square_ampere
from ssmb.light.debunching import Plane, debunched_power
from ssmb.light.exit_light import ExitLight
from ssmb.light.growth import field_growth, gain_parameter, pierce_parameter
from ssmb.light.incoherent import spectral_energy
from ssmb.light.single_electron import undulator_field
from ssmb.light.statistics import photon_energy, relative_variance
from ssmb.light.tracked import energy_exchange, tracked_power
from ssmb.maps.undulator import Undulator
from tests.support import assert_close

REF = Reference(energy=400e6)
WAVELENGTH = 13.5e-9
EUV = Undulator.resonant(REF, WAVELENGTH, period=0.01, n_periods=300)


def _beam(n: int, sigma_x=0.0, slope_x=0.0, sigma_y=0.0, slope_y=0.0, sigma_delta=0.0, b=0.3, seed=1) -> Beam:
    """Gaussian in all coordinates, microbunches of the bunching b; a quiet start: equal weights of a Sobol net."""
    size = WAVELENGTH / (2.0 * math.pi) * math.sqrt(-2.0 * math.log(b))
    sigma = np.diag(np.array([sigma_x, slope_x, sigma_y, slope_y, size, sigma_delta]) ** 2)
    return Beam.gaussian(REF, sigma, n=n, charge=1e-12, seed=seed, start="quiet")


# ------------------------------------------------------------------ closed forms


def test_average_over_a_tilted_ellipse_is_that_of_its_electrons():
    """Phase of the light that electrons at x, x' send into theta, a way behind: Gauss-Hermite over both."""
    plane = Plane.of(2e-9, 4.0, 1.7)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weight = np.multiply.outer(weights, weights) / (2.0 * math.pi)
    x = plane.size * nodes[:, None]
    tilt = plane.correlation / plane.size**2
    slope = tilt * x + math.sqrt(plane.slope**2 - (tilt * plane.size) ** 2) * nodes[None, :]
    k, theta, length = 2.0 * math.pi / 200e-9, np.array([0.0, 3e-5, -8e-5]), np.array([0.0, 0.5, 1.5])
    want = [[np.sum(weight * np.exp(1j * k * (0.5 * s * (t - slope) ** 2 - t * x))) for s in length] for t in theta]
    assert_close(plane.average(k, length, theta), np.array(want), rtol=0.0, atol=1e-9, what="mean phase factor")


def test_angles_in_either_plane_cost_the_same():
    """On axis nothing tells the planes apart: a flat beam, and the same turned by a right angle."""
    flat = _beam(2**11, 30e-6, 2e-5, 10e-6, 5e-5)
    turned = Beam(REF, flat.coordinates[[2, 3, 0, 1, 4, 5]], flat.weight)
    powers = [tracked_power(EUV, beam, WAVELENGTH, current=1.0).power for beam in (flat, turned)]
    thin = _beam(2**11, 30e-6, 2e-5, 10e-6, 2e-5)
    assert_close(powers[0], powers[1], rtol=1e-4, atol=0.0, what="power [W]")
    assert powers[0] < 0.9 * tracked_power(EUV, thin, WAVELENGTH, current=1.0).power


@pytest.mark.parametrize("sizes", [(20e-6, 20e-6), (60e-6, 10e-6), (3e-6, 3e-6)])
def test_wide_beams_radiate_the_closed_form(sizes):
    light = tracked_power(EUV, _beam(2**13, sizes[0], 0.0, sizes[1]), WAVELENGTH, current=1.0)
    want = coherent_power(EUV, current=1.0, bunching=light.bunching, sigma_perp=sizes)
    # the point-like beam loses 0.3 % beyond the angles that are summed
    assert_close(light.power, want, rtol=5e-3, atol=0.0, what="power [W]")


@pytest.mark.parametrize(
    ("slope", "sigma_delta", "detuning"),
    [(0.0, 4e-4, 0.0), (20e-6, 0.0, 0.0), (50e-6, 0.0, 0.0), (20e-6, 4e-4, 0.0), (20e-6, 4e-4, 2.0), (0.0, 0.0, 3.0)],
)
def test_debunching_inside_the_radiator_is_the_sum_over_particles(slope, sigma_delta, detuning):
    size = 20e-6
    beam = _beam(2**14, size, slope, size, slope, sigma_delta)
    radiator = EUV
    if detuning:  # light of lower frequency than the resonance on the axis
        lower = WAVELENGTH * (1.0 - detuning / (2.0 * math.pi * EUV.n_periods))
        radiator = Undulator.resonant(REF, lower, period=0.01, n_periods=300)
    light = tracked_power(radiator, beam, WAVELENGTH, current=1.0)
    plane = Plane(size, slope)
    want = debunched_power(
        EUV, current=1.0, bunching=light.bunching, plane_x=plane, sigma_delta=sigma_delta, detuning=detuning
    )
    # of 16 384 quiet particles the bunching at an angle is good to about 1 %; K differs in the 4th digit when detuned
    assert_close(light.power, want, rtol=0.015, atol=0.0, what="power [W]")


def test_debunched_power_is_the_form_factor_without_spread():
    for sizes in ((20e-6, 20e-6), (60e-6, 5e-6)):
        got = debunched_power(EUV, current=2.0, bunching=0.1, plane_x=Plane(sizes[0]), plane_y=Plane(sizes[1]))
        want = coherent_power(EUV, current=2.0, bunching=0.1, sigma_perp=sizes)
        assert_close(got, want, rtol=1e-4, atol=0.0, what="power [W]")


def test_energy_spread_debunches_by_the_r56_of_the_undulator():
    # a wide beam radiates on the axis only: sinc -> int dt exp(-(4 pi N sigma t)^2/2)
    spread, wide = 6e-4, 2e-3
    t = (np.arange(2000) + 0.5) / 2000 - 0.5
    axis = np.mean(np.exp(-0.5 * (4.0 * math.pi * EUV.n_periods * spread * t) ** 2)) ** 2
    got = debunched_power(EUV, current=1.0, bunching=0.1, plane_x=Plane(wide), sigma_delta=spread)
    want = debunched_power(EUV, current=1.0, bunching=0.1, plane_x=Plane(wide)) * axis
    assert_close(got, want, rtol=2e-4, atol=0.0, what="power [W]")


def test_best_detuning_of_a_point_like_beam_doubles_the_power():
    powers = [
        debunched_power(EUV, current=1.0, bunching=0.1, plane_x=Plane(0.5e-6), detuning=d)
        for d in (0.0, 20.0, 30.0, 40.0)
    ]
    assert_close(max(powers) / powers[0], 2.0, rtol=0.01, atol=0.0, what="gain of the detuning")


# ------------------------------------------------------------------ brute force


def test_sum_of_exact_orbits():
    """10^4 electrons, each with the far field of its exact orbit: closed form to the finite number of periods."""
    ref = Reference(energy=400e6)
    few = Undulator.resonant(ref, WAVELENGTH, period=0.01, n_periods=60)
    n, sigma, b = 10_000, 30e-6, 0.3
    rng = np.random.default_rng(5)
    x, y = sigma * rng.standard_normal((2, n))
    z = WAVELENGTH / (2.0 * math.pi) * math.sqrt(-2.0 * math.log(b)) * rng.standard_normal(n)
    k = 2.0 * math.pi / WAVELENGTH
    edge = 5.5 / (math.sqrt(2.0) * k * sigma)
    node, weight = np.polynomial.legendre.leggauss(24)
    tx, ty = (a.ravel() for a in np.meshgrid(edge * node, edge * node, indexing="ij"))
    solid = np.outer(edge * weight, edge * weight).ravel()
    field = undulator_field(few, tx, ty, photon_energy(WAVELENGTH), end_poles=False)
    form = np.array([np.mean(np.exp(-1j * k * (z + a * x + c * y))) for a, c in zip(tx, ty, strict=True)])
    single = (np.abs(field) ** 2).sum(axis=-1)
    # noise of the 10^4 random electrons taken off: 1/n of the light of as many incoherent ones
    power = VACUUM_IMPEDANCE * k * k / (8.0 * math.pi**2) * float(solid @ (single * (np.abs(form) ** 2 - 1.0 / n)))
    coordinates = np.zeros((6, n))
    coordinates[0], coordinates[2], coordinates[4] = x, y, z
    beam = Beam(ref, coordinates)
    light = tracked_power(few, beam, WAVELENGTH, current=1.0, start="random")
    # terms of the field beyond the resonant one are of order 1/N of it
    assert_close(light.power, power, rtol=1.0 / few.n_periods, atol=0.0, what="power [W]")
    formula = coherent_power(few, current=1.0, bunching=light.bunching, sigma_perp=sigma)
    scatter = 2.0 / (math.sqrt(n) * light.bunching)
    assert_close(power, formula, rtol=1.0 / few.n_periods + scatter, atol=0.0, what="closed form [W]")


def test_power_grows_with_the_square_of_the_charge_and_noise_linearly():
    """Beams of 10 to 10^4 electrons drawn from one density: the coherent part goes as N^2, the noise as N."""
    numbers, shots = np.array([1e1, 1e2, 1e3, 1e4]), (20_000, 20_000, 10_000, 2_000)
    rng = np.random.default_rng(11)
    b = 0.5
    size = math.sqrt(-2.0 * math.log(b))
    coherent, incoherent = [], []
    for n, repeats in zip(numbers.astype(int), shots, strict=True):
        power, noise = 0.0, 0.0
        for _ in range(10):
            bunched = size * rng.standard_normal((repeats // 10, n))
            flat = 2.0 * math.pi * rng.random((repeats // 10, n))
            power += (np.cos(bunched).sum(axis=1) ** 2 + np.sin(bunched).sum(axis=1) ** 2).mean() / 10
            noise += (np.cos(flat).sum(axis=1) ** 2 + np.sin(flat).sum(axis=1) ** 2).mean() / 10
        # <|sum|^2> = N (1 - b^2) + N^2 b^2
        coherent.append(power - n * (1.0 - b * b))
        incoherent.append(noise)
    slope = np.polyfit(np.log(numbers), np.log(coherent), 1)[0]
    assert_close(slope, 2.0, rtol=0.0, atol=0.01, what="slope, coherent")
    slope = np.polyfit(np.log(numbers), np.log(incoherent), 1)[0]
    assert_close(slope, 1.0, rtol=0.0, atol=0.01, what="slope, incoherent")


def test_slopes_of_the_power_formulas_over_three_decades_of_charge():
    currents = np.geomspace(1e-3, 1.0, 7)
    beam = _beam(2**12, 20e-6, 10e-6, 20e-6, 10e-6, 1e-4)
    power = [tracked_power(EUV, beam, WAVELENGTH, current=i).power for i in currents]
    single = spectral_energy(EUV)
    noise = [single * i / ELEMENTARY_CHARGE for i in currents]
    assert_close(np.polyfit(np.log(currents), np.log(power), 1)[0], 2.0, rtol=0.0, atol=1e-9, what="N^2")
    assert_close(np.polyfit(np.log(currents), np.log(noise), 1)[0], 1.0, rtol=0.0, atol=1e-9, what="N")


def test_fluctuation_of_a_thousand_seeded_beams():
    """Coherent power of beams of 2000 electrons drawn from one density, through the bunching factor of each."""
    n, shots, x = 2000, 1000, 1.0
    size = math.sqrt(x) * WAVELENGTH / (2.0 * math.pi)
    ohms = power_per_square_ampere(EUV)
    power = np.empty(shots)
    for seed in range(shots):
        z = size * np.random.default_rng(seed).standard_normal(n)
        power[seed] = ohms * abs(bunching_factor(z, WAVELENGTH)) ** 2
    got = power.var(ddof=1) / power.mean() ** 2
    want = relative_variance(math.exp(-0.5 * x), math.exp(-2.0 * x), n)
    assert_close(want, 4.0 / n * (math.cosh(x) - 1.0), rtol=1e-12, atol=0.0, what="two forms")
    # the relative error of a variance is sqrt(2/shots)
    assert abs(got / want - 1.0) < 3.0 * math.sqrt(2.0 / shots), (got, want)


# ------------------------------------------------------------------ sums


def test_sums_are_those_of_each_particle_and_angle():
    """The compiled sums against numpy's, with a number of particles and of angles that fills no tile."""
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((6, 300)) * np.array([3e-5, 2e-5, 1e-5, 3e-5, 0.7, 1e-3])[:, None]
    weight, (tx, ty) = rng.random(300), rng.standard_normal((2, 277)) * 5e-5
    waves, spread, slope, offset = 1.0 / WAVELENGTH, 3.0e8, 2000.0, 0.4
    u = spread * ((tx[:, None] - rows[1]) ** 2 + (ty[:, None] - rows[3]) ** 2) - slope * rows[5] - offset
    lobe = np.sinc(u / np.pi)
    phase = np.exp(-2j * np.pi * (rows[4] + waves * (tx[:, None] * rows[0] + ty[:, None] * rows[2])))
    got = np.zeros((277, 3))
    lobe_sums(rows, weight, tx, ty, waves, spread, slope, offset, got)
    field = (weight * lobe * phase).sum(axis=1)
    want = np.stack((field.real, field.imag, ((weight * lobe) ** 2).sum(axis=1)), axis=1)
    assert_close(got, want, rtol=1e-12, atol=1e-12, what="sums over particles")
    solid, work = rng.random(277), np.zeros(300)
    lobe_exchange(rows, tx, ty, solid, field.real.copy(), field.imag.copy(), waves, spread, slope, offset, work)
    want = (solid[:, None] * lobe * (phase.conj() * field[:, None]).real).sum(axis=0)
    assert_close(work, want, rtol=1e-12, atol=1e-11, what="sums over angles")


def test_sinc_of_the_sums_is_good_to_rounding():
    rng = np.random.default_rng(4)
    u = np.concatenate(
        (rng.uniform(-60.0, 60.0, 3000), 10.0 ** rng.uniform(-12.0, 6.0, 1000), [0.0, np.pi, 2.0 * np.pi])
    )
    with mpmath.workdps(40):
        want = np.array([float(mpmath.sin(v) / v) if v else 1.0 for v in map(mpmath.mpf, u)])
    assert_close([sinc(v) for v in u], want, rtol=0.0, atol=3e-16, what="sin(u)/u")


@pytest.mark.parametrize("sizes", [(150e-6, 5e-6, 60e-6, 5e-6, 2e-4), (20e-6, 5e-6, 20e-6, 5e-6, 2e-4), (0.0,) * 5])
def test_as_many_radii_as_the_particles_need(sizes, monkeypatch: pytest.MonkeyPatch):
    beam = _beam(2**12, *sizes)
    light = tracked_power(EUV, beam, WAVELENGTH, current=1.0)
    loss = energy_exchange(light, beam)
    monkeypatch.setattr(tracked, "_SAME_POWER", -1.0)  # nothing is good enough: as many as any beam needs
    full = tracked_power(EUV, beam, WAVELENGTH, current=1.0)
    assert light.theta_x.size < full.theta_x.size or sizes[0] < 100e-6
    assert_close(light.power, full.power, rtol=1e-12, atol=0.0, what="power [W]")
    want = energy_exchange(full, beam)
    assert_close(loss, want, rtol=0.0, atol=1e-10 * np.abs(want).max(), what="change of delta")


# ------------------------------------------------------------------ energy


def test_what_is_radiated_is_taken_from_the_beam():
    beam = _beam(2**10, 40e-6, 20e-6, 40e-6, 20e-6, 2e-4)
    light = tracked_power(EUV, beam, WAVELENGTH, current=0.7)
    loss = -energy_exchange(light, beam) * REF.beta * REF.p0c
    assert_close(0.7 * loss.mean(), light.power, rtol=1e-12, atol=0.0, what="power from the loss [W]")
    # electrons at the crest of the field lose most: the loss follows cos(k z)
    wave = np.cos(2.0 * math.pi * beam.z / WAVELENGTH)
    assert np.corrcoef(loss, wave)[0, 1] > 0.5


@pytest.mark.parametrize("threads", [1, 2])
def test_same_bits_for_any_number_of_threads(threads, eager_threads):
    beam = _beam(1000, 20e-6, 20e-6, 20e-6, 20e-6, 2e-4)
    with thread_count(min(threads, most_threads())):
        light = tracked_power(EUV, beam, WAVELENGTH, current=1.0)
        loss = energy_exchange(light, beam)
    whole = tracked_power(EUV, beam, WAVELENGTH, current=1.0)
    assert np.array_equal(light.intensity, whole.intensity)
    assert np.array_equal(loss, energy_exchange(whole, beam))


# ------------------------------------------------------------------ growth


def test_small_gain_is_the_coherent_power_of_a_wide_beam():
    sigma, b, current = 300e-6, 0.1, 1.0
    # the power of a Gaussian profile is that of the area 4 pi sigma^2
    rho = pierce_parameter(EUV, current, math.sqrt(2.0) * sigma, math.sqrt(2.0) * sigma)
    phase = _phases(2000, b)
    growth = field_growth(phase, np.zeros(phase.size), pierce=rho, n_periods=EUV.n_periods)
    b = abs(np.mean(np.exp(-1j * phase)))
    want = coherent_power(EUV, current=current, bunching=b, sigma_perp=sigma)
    assert_close(growth.efficiency * REF.energy * current, want, rtol=1e-3, atol=0.0, what="power [W]")
    assert_close(growth.power_ratio, 1.0, rtol=1e-5, atol=0.0, what="against the frozen beam")


def test_growth_conserves_energy_and_reaches_the_cold_beam_rate():
    phase = _phases(2000, 1e-6)
    rates = []
    for gain in (6.0, 8.0):
        growth = field_growth(phase, np.zeros(phase.size), pierce=1e-3, n_periods=round(gain / (4e-3 * math.pi)))
        assert_close(growth.energy_loss, growth.efficiency, rtol=1e-5, atol=0.0, what="energy")
        rates.append((growth.gain, math.log(growth.efficiency)))
    rate = (rates[1][1] - rates[0][1]) / (rates[1][0] - rates[0][0])
    assert_close(rate, math.sqrt(3.0), rtol=0.01, atol=0.0, what="growth of the power per tau")


def test_gain_departs_where_the_warning_says():
    phase = _phases(2000, 0.1)
    ratio = [
        field_growth(phase, np.zeros(phase.size), pierce=g / (4.0 * math.pi * 300), n_periods=300).power_ratio
        for g in (0.5, 1.0, 4.0)
    ]
    assert abs(ratio[0] - 1.0) < 1e-3
    assert abs(ratio[1] - 1.0) < 0.02
    assert abs(ratio[2] - 1.0) > 1.0
    with pytest.warns(ValidityWarning, match="gain parameter"):
        gain_parameter(EUV, 100.0, 20e-6, 20e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert gain_parameter(EUV, 0.1, 20e-6, 20e-6) < 1.0


def _phases(n: int, b: float) -> np.ndarray:
    phase = 2.0 * math.pi * (np.arange(n) + 0.5) / n
    return phase + 2.0 * b * np.sin(phase)


# ------------------------------------------------------------------ exit and errors


def test_exit_light_of_a_train():
    light = tracked_power(EUV, _beam(2**11, 20e-6, 5e-6, 20e-6, 5e-6), WAVELENGTH, current=10.0)
    exit_light = ExitLight.of_train(light, average_current=0.1, train_length=3.0, duty=0.5)
    assert_close(exit_light.average_power, light.power * 0.01 * 0.5, rtol=1e-12, atol=0.0, what="average [W]")
    assert exit_light.in_band_power == exit_light.average_power
    # a train of 3 m has 2.2e8 wavelengths
    assert_close(exit_light.relative_bandwidth, 0.886 * WAVELENGTH / 3.0, rtol=1e-12, atol=0.0, what="line width")
    assert_close(exit_light.coherence_time * SPEED_OF_LIGHT, 3.0 / 0.886, rtol=1e-12, atol=0.0, what="coherence [m]")
    assert exit_light.coherent_modes(*exit_light.sizes) == pytest.approx(1.0)
    broad = ExitLight(WAVELENGTH, 10.0, 1.0, 0.04, 1e-5, 1e-5)
    assert_close(broad.in_band_power, 0.5, rtol=1e-12, atol=0.0, what="in band [W]")


def test_exit_light_is_a_source_for_lithography():
    from ssmb.lithography import EuvSource

    light = tracked_power(EUV, _beam(2**11, 20e-6, 5e-6, 20e-6, 5e-6), WAVELENGTH, current=10.0)
    source = EuvSource.from_result(ExitLight.of_train(light, average_current=1.0, train_length=30.0))
    assert source.power == pytest.approx(0.1 * light.power)


def test_divergence_of_a_wide_beam():
    sigma = 300e-6
    light = tracked_power(EUV, _beam(2**12, sigma, 0.0, sigma), WAVELENGTH, current=1.0)
    # amplitude exp(-(k sigma theta)^2/2), so that its square has the rms angle 1/(sqrt 2 k sigma)
    want = WAVELENGTH / (2.0 * math.pi) / (math.sqrt(2.0) * sigma)
    assert_close(light.divergence[0], want, rtol=0.02, atol=0.0, what="rms angle [rad]")


def test_bad_input():
    beam = _beam(64)
    with pytest.raises(PhysicsError, match="not near harmonic 1"):
        tracked_power(EUV, beam, 1064e-9, current=1.0)
    with pytest.raises(PhysicsError, match="nearest harmonic: 3"):
        tracked_power(EUV, beam, WAVELENGTH / 3, current=1.0)
    with pytest.raises(ConfigError, match="odd harmonics"):
        tracked_power(EUV, beam, WAVELENGTH / 2, current=1.0, harmonic=2)
    with pytest.raises(ConfigError, match="above zero"):
        tracked_power(EUV, beam, WAVELENGTH, current=1.0, acceptance=0.0)
    with pytest.raises(ConfigError, match="start"):
        tracked_power(EUV, beam, WAVELENGTH, current=1.0, start="loud")
    with pytest.raises(ConfigError, match="bunching"):
        debunched_power(EUV, current=1.0, bunching=1.5, plane_x=Plane(1e-6))
    with pytest.raises(ConfigError, match="correlation"):
        Plane(1e-6, 1e-6, 1e-9)
    with pytest.warns(ValidityWarning, match="shot noise"):
        rng = np.random.default_rng(1)
        coordinates = np.zeros((6, 500))
        coordinates[4] = WAVELENGTH * rng.random(500)
        coordinates[0] = 20e-6 * rng.standard_normal(500)
        coordinates[2] = 20e-6 * rng.standard_normal(500)
        tracked_power(EUV, Beam(REF, coordinates), WAVELENGTH, current=1.0)
