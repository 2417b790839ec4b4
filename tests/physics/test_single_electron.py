"""Light of one electron: orbits, field integrals near and far, closed forms at resonance, energy against Larmor."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ssmb.beam.reference import Reference
from ssmb.constants import ELEMENTARY_CHARGE, HBAR, SPEED_OF_LIGHT
from ssmb.errors import SsmbError
from ssmb.kernels.threads import most_threads, thread_count
from ssmb.light.harmonics import angular_energy, harmonic_amplitude, harmonic_energy, resonant_density
from ssmb.light.single_electron import angular_density, orbit_field, photon_flux, stokes, undulator_field
from ssmb.light.statistics import photon_energy
from ssmb.light.trajectory import orbit_in_field, tabulated_orbit, undulator_orbit
from ssmb.maps.undulator import Undulator
from tests.support import assert_close

LOW, HIGH = Reference(energy=400e6), Reference(energy=40e9)


def source(k: float = 1.144, n_periods: int = 20, *, helical: bool = False, reference: Reference = LOW) -> Undulator:
    return Undulator(reference, period=0.01, n_periods=n_periods, k=k, helical=helical)


def energy_of(und: Undulator, harmonic: float, theta: float = 0.0) -> float:
    """Photon energy of a harmonic in a direction; between the harmonics too."""
    return photon_energy(und.wavelength(1, theta)) * harmonic


@pytest.mark.parametrize("helical", [False, True])
@pytest.mark.parametrize("k", [0.5, 1.144, 2.5])
@pytest.mark.parametrize("harmonic", [1, 2, 3, 4, 5])
def test_closed_forms_against_the_brute_force_integral(helical: bool, k: float, harmonic: int) -> None:
    """The Bessel sums and the paraxial field of one period, by the trapezoidal rule, in 12 directions: 1e-8.

    On resonance the integrand has the period of the undulator, for which equal steps are exact.
    """
    und, gamma, ku = source(k, 200, helical=helical), LOW.gamma, 2.0 * math.pi / 0.01
    s, a = np.arange(512) * (0.01 / 512), k / LOW.gamma
    vx, x = a * np.cos(ku * s), a / ku * np.sin(ku * s)
    vy, y = (a * np.sin(ku * s), -a / ku * np.cos(ku * s)) if helical else (0.0 * s, 0.0 * s)
    lag = s * (1.0 + k * k) / (2.0 * gamma**2)
    if not helical:
        lag = s * (1.0 + 0.5 * k * k) / (2.0 * gamma**2) + a * a / (8.0 * ku) * np.sin(2.0 * ku * s)
    largest = np.abs(harmonic_amplitude(und, 1, 0.0, 0.0)).max()
    for theta in (0.0, 2e-4, 1e-3, 3e-3):
        for phi in (0.0, 0.7, 0.5 * math.pi):
            tx, ty = theta * math.cos(phi), theta * math.sin(phi)
            path = lag + 0.5 * s * theta**2 - tx * x - ty * y
            wave = np.exp(2j * math.pi / und.wavelength(harmonic, theta) * path)
            brute = np.array([((vx - tx) * wave).mean(), ((vy - ty) * wave).mean()])
            assert_close(harmonic_amplitude(und, harmonic, tx, ty), brute, rtol=0.0, atol=1e-8 * largest)


@pytest.mark.parametrize(("reference", "rtol"), [(LOW, 1e-3), (HIGH, 1e-6)])
@pytest.mark.parametrize("helical", [False, True])
@pytest.mark.parametrize("harmonic", [1, 2, 3, 4, 5])
def test_field_integral_against_closed_forms(helical: bool, harmonic: int, reference: Reference, rtol: float) -> None:
    """Density at resonance in each polarisation, harmonics 1-5, on axis and at gamma theta up to 2.3, 100 periods.

    To 1e-3 at 400 MeV (3e-4 measured) and to 1e-6 at 40 GeV: the closed forms keep the leading order in 1/gamma^2.
    """
    und = source(1.144, 100, helical=helical, reference=reference)
    peak = float(resonant_density(und, 1, 0.0, 0.0))
    seen = 0
    for theta in (0.0, 0.15 / reference.gamma, 0.8 / reference.gamma, 2.3 / reference.gamma):
        for phi in (0.0, 0.7, 0.5 * math.pi):
            tx, ty = theta * math.cos(phi), theta * math.sin(phi)
            energy = energy_of(und, harmonic, theta)
            field = undulator_field(und, tx, ty, energy, end_poles=False)
            closed = float(resonant_density(und, harmonic, tx, ty))
            seen += closed > 1e-3 * peak
            assert_close(float(angular_density(field, energy)), closed, rtol=rtol, atol=1e-6 * peak)
            share = np.abs(harmonic_amplitude(und, harmonic, tx, ty)) ** 2
            linear = closed * (share[0] - share[1]) / max(share.sum(), 1e-300)
            assert_close(float(stokes(field, energy).s1), linear, rtol=0.0, atol=rtol * closed + 1e-6 * peak)
    assert seen >= 3


@pytest.mark.parametrize("helical", [False, True])
def test_end_poles_matter_as_one_over_the_number_of_periods(helical: bool) -> None:
    """N - 1 full periods and the end poles: the field differs from N periods by a constant, which 2000 periods hide."""
    away = []
    for n in (20, 200, 2000):
        und = source(1.144, n, helical=helical, reference=HIGH)
        energy = energy_of(und, 1)
        density = float(angular_density(undulator_field(und, 0.0, 0.0, energy), energy))
        away.append(density / float(resonant_density(und, 1, 0.0, 0.0)) - 1.0)
    assert abs(away[2]) < 1e-3
    assert_close(np.array(away) * [20, 200, 2000] / (away[0] * 20), np.ones(3), rtol=0.05, atol=0.0)


def test_line_profile() -> None:
    """Off resonance the ideal line falls as the sum of N equal phasors; end poles and straight lines add 1/N."""
    und, detuning = source(1.0, 100, reference=HIGH), np.linspace(-0.02, 0.02, 81)
    energy = energy_of(und, 1) * (1.0 + detuning)
    got = angular_density(undulator_field(und, 0.0, 0.0, energy, end_poles=False), energy)
    f = np.where(detuning == 0.0, 1e-12, detuning)
    line = (np.sin(math.pi * 100 * f) / (100 * np.sin(math.pi * f))) ** 2
    assert_close(got / got.max(), line, rtol=0.0, atol=0.01)


@pytest.mark.parametrize(("k", "helical", "harmonics"), [(0.5, False, 10), (1.144, False, 16), (1.0, True, 30)])
def test_all_harmonics_and_angles_sum_to_larmor(k: float, helical: bool, harmonics: int) -> None:
    und = source(k, 50, helical=helical)
    total = sum(harmonic_energy(und, n) for n in range(1, harmonics + 1)) / ELEMENTARY_CHARGE
    assert_close(total, und.energy_per_electron(), rtol=1e-3, atol=0.0)
    larmor = undulator_orbit(und, end_poles=False).radiated_energy() / ELEMENTARY_CHARGE
    assert_close(larmor, und.energy_per_electron(), rtol=1e-5, atol=0.0)


def test_spectrum_over_all_angles_and_energies_is_larmor() -> None:
    """The field integral of a short undulator with end poles, integrated over its whole light: no closed form at
    all.
    """
    und, gamma = source(0.6, 3), LOW.gamma
    orbit = undulator_orbit(und, nodes=80)
    core = 1.0 + 0.5 * und.k**2
    x, w = np.polynomial.legendre.leggauss(16)
    total = 0.0
    # the end poles make left and right different, but not up and down
    phi = math.pi * (np.arange(14) + 0.5) / 14
    ratio = (np.arange(14)[:, None] + 0.5 + 0.5 * x).ravel()
    weight = np.tile(0.5 * w, 14)
    for u, wu in zip(0.5 * (1.0 + x), 0.5 * w, strict=True):
        theta = math.sqrt(core * u / (1.0 - u)) / gamma
        energy = ratio * energy_of(und, 1, theta)
        density = angular_density(orbit_field(orbit, theta * np.cos(phi), theta * np.sin(phi), energy), energy).mean(
            axis=0
        )
        spectrum = (weight @ density) * energy_of(und, 1, theta) * ELEMENTARY_CHARGE / HBAR
        total += 2.0 * math.pi * wu * 0.5 * core / gamma**2 / (1.0 - u) ** 2 * spectrum
    assert_close(total, orbit.radiated_energy(), rtol=1e-3, atol=0.0)


def test_near_field_tends_to_the_far_field() -> None:
    """The difference falls with 1/distance: the curvature of the wave front over the length of the source."""
    und = source(1.5, 20)
    energy, theta = energy_of(und, 3), 2e-4
    far = undulator_field(und, theta, theta, energy)
    scale = np.abs(far).max()
    away = [
        np.abs(undulator_field(und, theta, theta, energy, distance=d) - far).max() / scale for d in (1e2, 1e3, 1e4, 1e5)
    ]
    assert away[3] < 5e-5
    assert_close(np.array(away[1:3]) * [1e3, 1e4] / (away[3] * 1e5), np.ones(2), rtol=0.05, atol=0.0)


def test_near_field_is_a_solution_of_the_wave_equation() -> None:
    """From a plane at 0.6 m, three lengths of the source, by Fresnel's integral to one at 1.2 m."""
    und = Undulator(Reference(energy=400e6), period=0.04, n_periods=4, k=0.7)
    energy = energy_of(und, 1)
    k, first, second = 2.0 * math.pi / und.wavelength(1), 0.6, 1.2
    edge, n = 0.75e-3, 512
    x = (np.arange(n) - n // 2) * (2.0 * edge / n)
    tx, ty = np.meshgrid(x / first, x / first, indexing="ij")
    g = undulator_field(und, tx, ty, energy, distance=first)[..., 0]
    # the phase of G counts from a sphere around s = 0, and the wave itself falls with the distance
    wave = (
        g
        / first
        * np.exp(0.5j * k * first * (tx**2 + ty**2))
        * np.exp(-(((tx**2 + ty**2) * (first / 0.6e-3) ** 2) ** 6))
    )
    at = np.array([0.0, 1e-4, 3e-4])
    want = undulator_field(und, at / second, 0.0 * at, energy, distance=second)[..., 0]
    want = want / second * np.exp(0.5j * k * at**2 / second)
    gap, step = second - first, x[1] - x[0]
    along_y = np.exp(0.5j * k * x**2 / gap)
    got = [k / (2j * math.pi * gap) * step**2 * (np.exp(0.5j * k * (x - a) ** 2 / gap) @ wave @ along_y) for a in at]
    assert_close(np.array(got) / np.abs(want).max(), want / np.abs(want).max(), rtol=0.0, atol=2e-2)


def test_copies_of_a_period_equal_the_whole_orbit() -> None:
    for helical in (False, True):
        orbit = undulator_orbit(source(1.2, 12, helical=helical))
        energy = energy_of(source(1.2, 12, helical=helical), 1) * np.array([0.9, 1.0, 1.07])
        angles = np.array([0.0, 2e-4, -7e-4]), np.array([0.0, -3e-4, 1e-4])
        short, long = orbit_field(orbit, *angles, energy), orbit_field(orbit.expanded(), *angles, energy)
        assert_close(short, long, rtol=0.0, atol=1e-12 * np.abs(long).max())


@pytest.mark.parametrize("distance", [math.inf, 20.0])
@pytest.mark.parametrize(("low", "high"), [(0.97, 1.03), (0.5, 3.5)])
def test_samples_of_the_photon_energy_are_only_a_short_cut(distance: float, low: float, high: float) -> None:
    """What is carried from samples to 333 photon energies, in any order, equals the direct sums of five of them."""
    und = source(1.2, 100)
    energy = energy_of(und, 1) * np.random.default_rng(5).uniform(low, high, 333)
    orbit, angles = undulator_orbit(und, nodes=60), (np.array([0.0, 3e-4, -8e-4]), np.array([1e-4, -2e-4, 0.0]))
    many, some = orbit_field(orbit, *angles, energy, distance=distance), [0, 57, 222, 332]
    few = orbit_field(orbit, *angles, energy[some], distance=distance)
    assert_close(many[:, some], few, rtol=0.0, atol=1e-12 * np.abs(many).max())
    equal = orbit_field(orbit, *angles, np.full(20, energy[57]), distance=distance)
    assert_close(equal, many[:, 57:58].repeat(20, axis=1), rtol=0.0, atol=1e-12 * np.abs(many).max())


def test_orbits_of_table_and_field_agree_with_the_ideal_one() -> None:
    """The end poles as a measured field and as a field in space: orbit to 1 nm, light to 1e-6."""
    und = source(1.144, 6)
    ideal = undulator_orbit(und, nodes=40)

    def vertical(s: float) -> float:
        outside = max(-s, s - 0.05)
        strength = 1.0 if outside <= 0.0 else 0.75 if outside <= 0.005 else 0.25 if outside <= 0.01 else 0.0
        return -strength * und.field * math.sin(2.0 * math.pi * s / 0.01)

    s = np.linspace(-0.01, 0.06, 5601)
    table = tabulated_orbit(LOW, s, [vertical(v) for v in s], nodes=6)
    edges = -0.01 + 0.005 * np.arange(15)
    solved = orbit_in_field(LOW, lambda x, y, at: (0.0, vertical(at), 0.0), edges, nodes=40)
    for other in (table, solved):
        assert_close(other.ends, ideal.ends, rtol=1e-7, atol=1e-9)
        energy = energy_of(und, 1) * np.array([0.9, 1.0])
        a, b = (orbit_field(o, [0.0, 3e-4], [1e-4, 0.0], energy) for o in (other, ideal))
        assert_close(a, b, rtol=0.0, atol=1e-5 * np.abs(b).max())
    assert_close(table.radiated_energy(), ideal.radiated_energy(), rtol=1e-6, atol=0.0)


def test_table_of_fields_in_both_planes_is_the_orbit_in_them() -> None:
    """Momentum from the integral of a table, against the equation of motion in space."""
    s = np.linspace(0.0, 0.4, 401)
    place, slope = (1e-3, -2e-3), (2e-4, 3e-4)

    def fields(at: float | np.ndarray) -> tuple[float | np.ndarray, float | np.ndarray]:
        return 2e-2 * np.cos(5.0 * at), 3e-2 * (1.0 - at)

    across, up = fields(s)
    table = tabulated_orbit(LOW, s, up, across, place=place, slope=slope)
    solved = orbit_in_field(LOW, lambda x, y, at: (*fields(at), 0.0), s[::20], place=place, slope=slope)
    assert_close(table.ends[1], solved.ends[1], rtol=1e-8, atol=0.0, what="s, x, y, x', y', lag at the exit")


def test_a_displaced_electron_is_seen_the_same_from_a_displaced_place() -> None:
    """Near field of orbits beside the axis in both planes, a few metres on."""
    s, (a, b), distance = np.linspace(0.0, 0.1, 401), (3e-3, -2e-3), 5.0
    energy = energy_of(source(), 1) * np.array([0.5, 1.0])
    fields = [
        orbit_field(
            tabulated_orbit(LOW, s, 0.5 * np.sin(200.0 * np.pi * s), place=(x, y), nodes=8),
            np.array([0.0, 3e-4]) + x / distance, np.array([1e-4, -2e-4]) + y / distance, energy, distance=distance,
        )
        for x, y in ((0.0, 0.0), (a, b))
    ]  # fmt: skip
    assert_close(np.abs(fields[1]), np.abs(fields[0]), rtol=0.0, atol=1e-4 * np.abs(fields[0]).max(), what="|field|")


def test_orbit_in_a_quadrupole_is_that_of_its_closed_form() -> None:
    """An electron off the axis in both planes: cos and cosh, and the lag of its slopes, by Gauss's rule."""
    length, gradient, start, slope = 0.8, 5.0, (4e-4, -2e-4), (1e-4, 6e-5)
    orbit = orbit_in_field(
        LOW, lambda x, y, s: (gradient * y, gradient * x, 0.0), np.linspace(0.0, length, 9), place=start, slope=slope
    )

    def closed(s: np.ndarray) -> np.ndarray:
        rows = []
        for i, sign in enumerate((1.0, -1.0)):
            w = np.sqrt(complex(sign * LOW.charge_number * gradient * SPEED_OF_LIGHT / LOW.p0c))
            rows += [start[i] * np.cos(w * s) + slope[i] * np.sin(w * s) / w]
            rows += [-start[i] * w * np.sin(w * s) + slope[i] * np.cos(w * s)]
        return np.real(rows)

    x, vx, y, vy = closed(orbit.rows[0])
    for got, want, what in zip(orbit.rows[1:5], (x, y, vx, vy), ("x", "y", "x'", "y'"), strict=True):
        assert_close(got, want, rtol=0.0, atol=1e-5 * np.abs(want).max(), what=what)
    nodes, weights = np.polynomial.legendre.leggauss(30)
    _, vx, _, vy = closed(0.5 * length * (nodes + 1.0))
    lag = 0.5 * length * float(weights @ (0.5 * (LOW.inv_gamma2 + vx**2 + vy**2)))
    assert_close(orbit.ends[1, 5], lag, rtol=1e-5, atol=0.0, what="lag [m]")


def test_bend_gives_the_synchrotron_spectrum() -> None:
    """One electron on an arc, on and above the plane, against Schwinger's modified Bessel functions."""
    from scipy import special

    radius = LOW.brho / 1.2
    s = np.linspace(-0.03, 0.03, 3001)
    field = 0.6 * (np.tanh((s + 0.02) / 2e-3) - np.tanh((s - 0.02) / 2e-3))
    orbit = tabulated_orbit(LOW, s, field, slope=(-0.018, 0.0), nodes=12)
    middle = np.interp(0.0, orbit.rows[0], orbit.rows[3])
    critical = 1.5 * HBAR / ELEMENTARY_CHARGE * 299792458.0 * LOW.gamma**3 / radius
    for y in (0.5, 1.0, 2.0):
        for psi in (0.0, 0.6 / LOW.gamma):
            energy = y * critical
            got = float(angular_density(orbit_field(orbit, float(middle), psi, energy), energy))
            square = 1.0 + (LOW.gamma * psi) ** 2
            xi = 0.5 * y * square**1.5
            shape = special.kv(2 / 3, xi) ** 2 + (1.0 - 1.0 / square) * special.kv(1 / 3, xi) ** 2
            want = 3.0 * 7.2973525643e-3 * HBAR / (4.0 * math.pi**2) * LOW.gamma**2 * y * y * square**2 * shape
            assert_close(got, want, rtol=5e-3, atol=0.0)


def test_polarisation() -> None:
    und, twisted = source(1.0, 30), source(1.0, 30, helical=True)
    tx, ty = np.array([0.0, 4e-4, 4e-4]), np.array([0.0, 0.0, 3e-4])
    for und in (source(1.0, 30), source(1.0, 30, helical=True)):
        energy = np.array([energy_of(und, 1), energy_of(und, 2.3)])
        light = stokes(undulator_field(und, tx, ty, energy), energy)
        # the light of one electron is fully polarised
        assert_close(light.s1**2 + light.s2**2 + light.s3**2, light.s0**2, rtol=1e-12, atol=0.0)
    on_axis = stokes(undulator_field(twisted, 0.0, 0.0, energy_of(twisted, 1)), energy_of(twisted, 1))
    assert float(on_axis.s3 / on_axis.s0) > 0.99
    planar = source(1.0, 30)
    on_axis = stokes(undulator_field(planar, 0.0, 0.0, energy_of(planar, 1)), energy_of(planar, 1))
    assert_close(float(on_axis.s1 / on_axis.s0), 1.0, rtol=1e-12, atol=0.0)


def test_same_bits_for_any_number_of_threads(eager_threads: None) -> None:
    und = source(1.3, 40)
    angles = np.linspace(-1e-3, 1e-3, 37)
    results = []
    for threads in range(1, most_threads() + 1):
        with thread_count(threads):
            results.append(undulator_field(und, angles, 1e-4, energy_of(und, 1) * np.array([0.8, 1.0, 2.9])))
    assert all(r.tobytes() == results[0].tobytes() for r in results)
    # and an angle in company has the bits that it has alone
    assert undulator_field(und, angles[5], 1e-4, energy_of(und, 2.9)).shape == (2,)


def test_angular_energy_of_harmonics_sums_to_the_known_distribution() -> None:
    """dW/dOmega on axis of a weak undulator: all of it is the first harmonic, and the dipole's 1/(1 + g^2 t^2)^n."""
    und = source(0.05, 50)
    theta = np.array([0.0, 0.5, 1.0]) / LOW.gamma
    got = angular_energy(und, 1, 0.0 * theta, theta)
    assert_close(got / got[0], 1.0 / (1.0 + (LOW.gamma * theta) ** 2) ** 3, rtol=5e-3, atol=0.0)


def test_photon_flux_of_a_known_undulator() -> None:
    """Peak flux density of a planar undulator in practical units: 1.744e14 N^2 E^2 I F_n photons/(s mrad^2 0.1 %)."""
    und = source(1.144, 300, reference=Reference(energy=2e9))
    density = resonant_density(und, 1, 0.0, 0.0)
    got = float(photon_flux(density, 0.5)) * 1e-6
    f_1 = und.kim_q() / (1.0 + 0.5 * und.k**2)
    assert_close(got, 1.744e14 * 300**2 * 2.0**2 * 0.5 * f_1, rtol=1e-3, atol=0.0)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: undulator_field(source(), 0.0, 0.0, 0.0), "photon_energy"),
        (lambda: undulator_field(source(), 0.0, 0.0, -5.0), "photon_energy"),
        (lambda: undulator_field(source(), 0.0, 0.0, math.nan), "photon_energy"),
        (lambda: undulator_field(source(), 0.0, 0.0, 1e9), "harmonic"),
        (lambda: undulator_field(source(), math.nan, 0.0, 92.0), "angles"),
        (lambda: undulator_field(source(), 1.0, 0.0, 92.0), "angles"),
        (lambda: undulator_field(source(), "left", 0.0, 92.0), "theta_x"),
        (lambda: undulator_field(source(), 0.0, 0.0, 92.0, distance=0.1), "distance"),
        (lambda: undulator_field(source(), 0.0, 0.0, 92.0, distance=-1.0), "distance"),
        (lambda: orbit_field(undulator_orbit(source(), nodes=4), 0.0, 0.0, 900.0), "nodes"),
        (lambda: undulator_orbit(source(400.0)), "slope"),
        (lambda: tabulated_orbit(LOW, [0.0, 1.0], [1.0, 1.0]), "four"),
        (lambda: tabulated_orbit(LOW, [0.0, 1.0, 2.0, 3.0], [1.0, math.nan, 1.0, 1.0]), "b_y"),
        (lambda: orbit_in_field(LOW, lambda x, y, s: (0.0, 30.0, 0.0), [0.0, 1.0]), "slope"),
        (lambda: harmonic_amplitude(source(), 0, 0.0, 0.0), "harmonic"),
        (lambda: harmonic_energy(source(), 1, 0.0), "max_angle"),
        (lambda: angular_density(np.zeros((3, 2), complex), [1.0, 2.0]), "shape"),
        (lambda: photon_flux(1.0, 0.0), "current"),
    ],
)
def test_bad_input_is_an_error_that_says_what(wrong, words: str) -> None:
    with pytest.raises(SsmbError, match=words):
        wrong()
