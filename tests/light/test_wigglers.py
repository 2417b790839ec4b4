"""Wigglers of any deflection: against bends averaged over the period, Larmor, harmonics and the field of the orbit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, special

from ssmb.beam import Reference
from ssmb.errors import ConfigError
from ssmb.light import Undulator, angular_energy, aperture_spectrum, photon_energy, undulator_field, wiggler_spectrum
from ssmb.light.single_electron import angular_density, orbit_field
from ssmb.light.trajectory import undulator_orbit
from tests.support import assert_close

REF = Reference(energy=2.5e9)
ALPHA, HBAR, CHARGE, LIGHT = 7.2973525643e-3, 1.054571817e-34, 1.602176634e-19, 299792458.0
#: end poles of 1/4 and 3/4 on both sides of N - 1 periods: strengths and numbers of poles of a planar undulator
ENDS = ((0.25, 2), (0.75, 2))


def _critical(curvature: float) -> float:
    return 1.5 * HBAR * LIGHT * REF.gamma**3 * curvature / CHARGE


def _bend(y: float) -> float:
    """dW/domega per radian of a bend at y times its critical energy, sqrt(3)/(2 pi) alpha hbar gamma y int K_5/3."""
    if y > 600.0:
        return 0.0
    tail = integrate.quad(lambda t: special.kv(5 / 3, y * math.exp(t)) * y * math.exp(t), 0.0, math.log(1 + 700 / y))[0]
    return math.sqrt(3.0) / (2.0 * math.pi) * ALPHA * HBAR * REF.gamma * y * tail


def _averaged(und: Undulator, energy: float, poles) -> float:
    """The spectrum of bends of the local field, integrated over poles of (strength, number)."""
    x, w = np.polynomial.legendre.leggauss(48)
    total, peak = 0.0, 2.0 * math.pi / und.period * und.k / REF.gamma
    for strength, number in poles:
        bends = peak * strength * np.sin(0.25 * math.pi * (1.0 + x))
        each = [k * _bend(energy / _critical(k)) for k in bends]
        total += number * 0.25 * und.period * float(w @ each)
    return total


@pytest.mark.parametrize(("period", "k"), [(0.12, 20.2), (0.2, 33.6), (0.4, 100.0), (1.392, 234.0)])
@pytest.mark.parametrize("n_periods", [1, 12])
def test_all_light_of_a_wiggler_is_that_of_bends_averaged_over_the_period(
    period: float, k: float, n_periods: int
) -> None:
    und = Undulator(REF, period, n_periods, k)
    critical = _critical(2.0 * math.pi / period * k / REF.gamma)
    energies = critical * np.array([1.1e-2, 0.1, 1.0, 4.0])
    want = [_averaged(und, e, ((1.0, 2 * n_periods - 2), *ENDS)) for e in energies]
    assert_close(aperture_spectrum(und, energies, 0.09, 0.02), want, rtol=3e-3, atol=0.0, what=f"K = {k}")


@pytest.mark.parametrize(("period", "k", "helical"), [(0.12, 20.2, False), (1.392, 234.0, False), (0.2, 25.0, True)])
def test_all_light_and_all_energies_are_the_power_of_the_closed_form(period: float, k: float, helical: bool) -> None:
    und = Undulator(REF, period, 10, k, helical)
    t, w = np.polynomial.legendre.leggauss(40)
    energies = 1e-3 * np.exp(0.5 * (t + 1.0) * math.log(1e9))
    spectrum = wiggler_spectrum(und, energies, 0.09, 0.09) / HBAR  # energy per photon energy
    got = 0.5 * math.log(1e9) * float(w @ (spectrum * energies))
    # the end poles radiate as (1/16 + 9/16) of a period
    want = und.energy_per_electron() * (10 - 1 + 0.625) / 10 if not helical else None
    if want is None:
        want = undulator_orbit(und).radiated_energy() / CHARGE
        assert_close(want, und.energy_per_electron() * (10 - 1 + 0.625) / 10, rtol=5e-2, atol=0.0, what="Larmor [eV]")
    assert_close(got, want, rtol=2e-3, atol=0.0, what="energy of an electron [eV]")


def test_a_narrow_slit_sees_the_peak_field_of_each_pole() -> None:
    """Horizontal part of the fan, all vertical angles, far away: two peaks more for a period more."""
    slit, energies = 1e-4, np.array([100.0, 7480.0, 30e3])
    more, less = (aperture_spectrum(Undulator(REF, 1.392, n, 234.0), energies, slit, 0.02) for n in (9, 8))
    critical = _critical(2.0 * math.pi / 1.392 * 234.0 / REF.gamma)
    want = [2.0 * 2.0 * slit * _bend(e / critical) for e in energies]
    assert_close(more - less, want, rtol=1e-3, atol=0.0)


def test_vertical_angles_are_those_of_schwinger() -> None:
    und, energy = Undulator(REF, 0.2, 3, 33.6), 3e3
    whole = wiggler_spectrum(und, energy, 1e-3, 0.02)
    parts = [wiggler_spectrum(und, energy, 1e-3, h, centre=(0.0, c)) for h, c in ((1e-4, 0.0), (5e-3, 5.1e-3))]
    assert_close(parts[0] + 2.0 * parts[1], whole, rtol=1e-5, atol=0.0)
    # the same through a slit turned by 90 degrees has another spectrum: it cuts the fan, not the divergence
    assert abs(float(wiggler_spectrum(und, energy, 1e-4, 1e-3) / whole)) < 0.2


def test_the_sum_of_harmonics_tends_to_the_bends() -> None:
    """Bessel sums of all harmonics that reach a frequency, each at its angle, for one period; n^(-2/3)/2."""
    und = Undulator(REF, 0.05, 1, 4.0)
    first, core = photon_energy(und.wavelength()), 1.0 + 0.5 * und.k**2
    phi = 0.5 * math.pi * (np.arange(24) + 0.5) / 24
    for at in (20.3, 32.3):
        total = 0.0
        for n in range(math.ceil(at), math.ceil(3.0 * at)):
            theta = math.sqrt(core * (n / at - 1.0)) / REF.gamma
            energy = angular_energy(und, n, theta * np.cos(phi), theta * np.sin(phi)).mean()
            # dOmega/domega of the ring
            total += math.pi * core * n / (at * REF.gamma**2 * 2.0 * math.pi * LIGHT / und.wavelength() * at) * energy
        want = _averaged(und, at * first, ((1.0, 2),))
        assert_close(total, want, rtol=0.5 * at ** (-2 / 3), atol=0.0, what=f"harmonic {at}")


def test_the_mean_over_a_harmonic_of_the_exact_field_is_that_of_the_arcs() -> None:
    und = Undulator(REF, 0.1, 1, 6.0)
    energies = photon_energy(und.wavelength()) * (100.0 + np.linspace(0.0, 2.0, 9)[:-1])
    exact = aperture_spectrum(und, energies, 6e-5, 3e-5)
    arcs = wiggler_spectrum(und, energies, 6e-5, 3e-5)
    assert np.abs(exact / arcs - 1.0).max() > 0.02  # interference, which the arcs have not
    assert_close(arcs.mean(), exact.mean(), rtol=0.03, atol=0.0)


def test_a_pinhole_sees_lines_however_high_the_harmonic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arcs are the mean over harmonics that reach an aperture: where it takes part of one they are off by orders."""
    monkeypatch.setattr("ssmb.light.aperture._MOST_WORK", 1.0)
    und, half = Undulator(REF, 0.05, 60, 4.0), 3e-7
    energies = photon_energy(und.wavelength()) * np.array([61.0, 60.5, 60.03])
    density = angular_density(undulator_field(und, 0.0, 0.0, energies), energies)
    seen = aperture_spectrum(und, energies, half, half)
    assert_close(seen, 4.0 * half**2 * density, rtol=5e-3, atol=1e-3 * float(seen[0]))
    arcs = wiggler_spectrum(und, energies, half, half)
    assert seen[0] > 20.0 * arcs[0] and seen[1] < 0.05 * arcs[1]
    # off the axis by as much as ten harmonics it is none the wider
    aside = aperture_spectrum(und, energies, half, half, centre=(1e-4, 0.0))
    assert aside.max() > 20.0 * aside.min()
    # and one that many harmonics reach is that of the arcs
    wide = [f(und, energies[:2], 6e-4, 6e-4) for f in (aperture_spectrum, wiggler_spectrum)]
    assert wide[0].tolist() == wide[1].tolist()


def test_one_photon_energy_does_not_depend_on_its_company() -> None:
    und = Undulator(REF, 0.12, 2, 20.2)
    first = photon_energy(und.wavelength())
    energies = first * np.array([2.0, 29.0, 900.0, 1e4])
    together = aperture_spectrum(und, energies, 1e-4, 5e-5, distance=30.0)
    alone = [float(aperture_spectrum(und, e, 1e-4, 5e-5, distance=30.0)) for e in energies]
    assert_close(together, alone, rtol=1e-4, atol=0.0)
    assert np.all(together > 0.0)


def test_neighbouring_apertures_see_together_what_both_see_as_one() -> None:
    """Four quarters with centres beside the axis, of an orbit that is alike in none of them."""
    orbit = undulator_orbit(Undulator(REF, 0.2, 3, 12.0), nodes=200)
    energies, x, y = np.array([50.0, 2000.0]), 1e-3, 2e-4
    whole = wiggler_spectrum(orbit, energies, x, y, centre=(4e-4, 1e-4), distance=20.0)
    quarters = [
        wiggler_spectrum(orbit, energies, x / 2, y / 2, centre=(4e-4 + i * x / 2, 1e-4 + j * y / 2), distance=20.0)
        for i in (-1, 1)
        for j in (-1, 1)
    ]
    assert_close(sum(quarters), whole, rtol=1e-3, atol=0.0, what="dW/domega [J s]")


def test_the_field_of_high_harmonics_in_panels() -> None:
    und = Undulator(REF, 0.1, 2, 6.0)
    energy = photon_energy(und.wavelength()) * 150.0
    one, many = (undulator_orbit(und, nodes=n, panels=p) for n, p in ((480, 1), (130, 4)))
    angles = [0.0, 2e-5, 1e-4], [0.0, 1e-5, -3e-5]
    a, b = (orbit_field(o, *angles, energy) for o in (one, many))
    assert_close(a, b, rtol=0.0, atol=1e-9 * np.abs(a).max())
    # beyond one panel in a pole, and beyond what memory takes
    assert np.all(np.isfinite(undulator_field(und, 0.0, 0.0, 20.0 * energy)))
    with pytest.raises(ConfigError, match=r"harmonic 1.5e\+08 .* nodes in a pole.*wiggler_spectrum"):
        undulator_field(und, 0.0, 0.0, 1e6 * energy)
    assert float(aperture_spectrum(und, 1e6 * energy, 1e-4, 1e-4)) == 0.0
    with pytest.raises(ConfigError, match=r"directions, .* needs about .* years: .*wiggler_spectrum"):
        aperture_spectrum(Undulator(REF, 0.12, 20, 20.2), 20.0, 0.05, 0.05)


def test_bad_input_of_wigglers() -> None:
    und = Undulator(REF, 0.2, 10, 33.6)
    for call, words in (
        (lambda: wiggler_spectrum(und, -1.0, 1e-3, 1e-3), "photon_energy"),
        (lambda: wiggler_spectrum(und, 1e3, 0.0, 1e-3), "half_x"),
        (lambda: wiggler_spectrum(und, 1e3, 1e-3, 1e-3, distance=1.0), "distance = 1 m"),
    ):
        with pytest.raises(ConfigError, match=words):
            call()
