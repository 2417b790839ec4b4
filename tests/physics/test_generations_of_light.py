"""Brightness, bends, FEL gain and the table of light sources, against limits, sum rules and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, special

from ssmb.beam.reference import Reference
from ssmb.constants import C_GAMMA, ELEMENTARY_CHARGE, FINE_STRUCTURE, HBAR
from ssmb.errors import SsmbError, ValidityWarning
from ssmb.light.aperture import aperture_spectrum
from ssmb.light.coherent import coherent_power
from ssmb.light.generations.bend import bend_divergence, bend_flux, critical_energy
from ssmb.light.generations.brightness import ElectronBeam, energy_widening, undulator_brightness
from ssmb.light.generations.compare import (
    bend_source,
    compare_generations,
    fel_source,
    ssmb_source,
    undulator_source,
    wiggler_source,
)
from ssmb.light.generations.fel import free_electron_laser
from ssmb.light.generations.machines import Machines
from ssmb.light.growth import field_growth
from ssmb.light.incoherent import central_cone_power
from ssmb.light.single_electron import angular_density, photon_flux, undulator_field
from ssmb.light.statistics import photon_energy
from ssmb.maps.undulator import Undulator
from tests.support import assert_close

RING = Reference(energy=3e9)
HALO = Undulator(RING, period=0.02, n_periods=150, k=1.8)


def stored(**changes: float) -> ElectronBeam:
    values = {
        "current": 0.3, "emittance_x": 1e-10, "emittance_y": 1e-11, "beta_x": 5.0, "beta_y": 2.0, "energy_spread": 1e-3,
    }  # fmt: skip
    return ElectronBeam(RING, **(values | changes))


def test_bend_spectrum_sums_to_its_power() -> None:
    """All photons of one radian of a bend: C_gamma E^4 I/(2 pi rho)."""
    edge = critical_energy(RING, 1.0)

    def per_log(t: float) -> float:
        energy = edge * math.exp(t)
        return bend_flux(RING, 1.0, energy, 0.5, 1.0) * energy * ELEMENTARY_CHARGE

    x, w = np.polynomial.legendre.leggauss(60)
    got = 10.0 * float(w @ [per_log(10.0 * v - 7.0) for v in x])
    assert_close(got, C_GAMMA * 3e9**4 * 0.5 / (2.0 * math.pi * RING.brho), rtol=1e-5, atol=0.0)


@pytest.mark.parametrize("y", [0.01, 0.3, 1.0, 4.0])
def test_bend_divergence_against_schwinger(y: float) -> None:
    """Flux over peak of the vertical distribution, whose integral over the angle is the flux (a second formula)."""
    energy, gamma = y * critical_energy(RING, 1.0), RING.gamma

    def density(psi: float) -> float:
        square = 1.0 + (gamma * psi) ** 2
        xi = 0.5 * y * square**1.5
        shape = special.kv(2 / 3, xi) ** 2 + (1.0 - 1.0 / square) * special.kv(1 / 3, xi) ** 2
        return 3.0 * FINE_STRUCTURE / (4.0 * math.pi**2) * (gamma * y * square) ** 2 * float(shape)

    flux = 2.0 / gamma * integrate.quad(lambda u: density(u / gamma), 0.0, 12.0 + 3.0 / y ** (1 / 3), epsabs=0.0)[0]
    assert_close(bend_flux(RING, 1.0, energy, ELEMENTARY_CHARGE, 1.0), flux, rtol=1e-6, atol=0.0)
    assert_close(
        bend_divergence(RING, 1.0, energy), flux / density(0.0) / math.sqrt(2.0 * math.pi), rtol=1e-6, atol=0.0
    )


def test_brightness_between_its_limits() -> None:
    """Without emittance one mode, 4 F/lambda^2; with a large one F/(4 pi^2 eps_x eps_y)."""
    wavelength = HALO.wavelength()
    point = undulator_brightness(HALO, stored(emittance_x=0.0, emittance_y=0.0, energy_spread=0.0))
    assert_close(point.brightness, 4.0 * point.flux / wavelength**2, rtol=1e-12, atol=0.0)
    assert_close(point.coherent_flux, point.flux, rtol=1e-12, atol=0.0)
    wide = undulator_brightness(HALO, stored(emittance_x=1e-6, emittance_y=1e-6))
    assert_close(wide.brightness, wide.flux / (4.0 * math.pi**2 * 1e-12), rtol=1e-3, atol=0.0)
    real = undulator_brightness(HALO, stored())
    assert wide.coherent_fraction < real.coherent_fraction < 1.0
    assert_close(real.coherent_flux, real.brightness * (0.5 * wavelength) ** 2, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize("harmonic", [1, 3])
def test_energy_widening_is_the_loss_of_the_peak(harmonic: int) -> None:
    """On axis, the light of electrons of many energies from the field integral itself; flux stays, so width^2 ~
    1/peak.
    """
    spread, n = 1.2e-3, 150
    energy = photon_energy(HALO.wavelength(harmonic))
    x, w = np.polynomial.hermite_e.hermegauss(24)
    peaks = []
    for delta in spread * x:
        und = Undulator(Reference(energy=3e9 * (1.0 + delta)), period=0.02, n_periods=n, k=1.8)
        peaks.append(float(angular_density(undulator_field(und, 0.0, 0.0, energy, end_poles=False), energy)))
    centre = float(angular_density(undulator_field(HALO, 0.0, 0.0, energy, end_poles=False), energy))
    got = (w @ np.array(peaks)) / w.sum() / centre
    widening = energy_widening(2.0 * math.pi * harmonic * n * spread)
    assert widening > 1.1
    assert_close(got, 1.0 / widening**2, rtol=0.02, atol=0.0)


def test_flux_through_a_wide_aperture_is_that_of_the_central_cone() -> None:
    """Weak undulator, exact resonance: (pi/2) alpha N Q_1 up to the end poles; a pinhole sees the density on axis."""
    und = Undulator(Reference(energy=400e6), period=0.01, n_periods=60, k=0.2)
    energy = photon_energy(und.wavelength())
    got = float(aperture_spectrum(und, energy, 7e-4, 7e-4))
    want = 0.5 * math.pi * FINE_STRUCTURE * HBAR * 60 * und.kim_q()
    assert_close(got, want, rtol=0.06, atol=0.0)
    light = undulator_brightness(und, ElectronBeam(und.reference, 0.5, 1e-9, 1e-9, 1.0, 1.0))
    assert_close(float(photon_flux(got, 0.5)), light.flux, rtol=0.06, atol=0.0)
    hole = float(aperture_spectrum(und, energy, 1e-6, 2e-6)) / (2e-6 * 4e-6)
    assert_close(hole, float(angular_density(undulator_field(und, 0.0, 0.0, energy), energy)), rtol=1e-4, atol=0.0)
    # two halves make the whole, near the source too
    short = Undulator(Reference(energy=400e6), period=0.01, n_periods=8, k=0.2)
    parts = [float(aperture_spectrum(short, energy, 2e-4, 4e-4, centre=(c, 0.0), distance=5.0)) for c in (-2e-4, 2e-4)]
    assert_close(sum(parts), float(aperture_spectrum(short, energy, 4e-4, 4e-4, distance=5.0)), rtol=1e-6, atol=0.0)


def test_gain_length_of_one_dimension_is_that_of_the_fel_equations() -> None:
    """A wide, cold, parallel beam: the field of the one-dimensional simulation grows with this length."""
    ref = Reference(energy=1e9)
    beam = ElectronBeam(ref, 1e-6, 1e-12, 1e-12, 1e6, 1e6, 0.0, peak_current=1e6)
    und = Undulator.resonant(ref, 13.5e-9, 0.03, 500)
    laser = free_electron_laser(und, beam)
    assert_close(laser.gain_length, laser.gain_length_1d, rtol=0.02, atol=0.0)
    phase = 2.0 * math.pi * np.arange(64) / 64
    phase = phase + 2e-6 * np.sin(phase)
    periods = [int(round(t / (4.0 * math.pi * 1e-3))) for t in (9.0, 11.0)]
    powers = [field_growth(phase, 0.0 * phase, pierce=1e-3, n_periods=n).efficiency for n in periods]
    rate = math.log(powers[1] / powers[0]) / ((periods[1] - periods[0]) * 0.03)
    assert_close(rate, 4.0 * math.pi * math.sqrt(3.0) * 1e-3 / 0.03, rtol=5e-3, atol=0.0)


def test_the_equations_of_the_fel_are_integrated_to_fourth_order() -> None:
    """Half the step, a sixteenth of the error, of all that is told; electrons off resonance bunch and give energy."""
    phase = 2.0 * math.pi * np.arange(64) / 64
    delta = 1e-3 * (0.3 + 0.2 * np.cos(phase))

    def told(steps: int) -> np.ndarray:
        growth = field_growth(phase + 0.3 * np.sin(phase), delta, pierce=1e-3, n_periods=400, steps=steps)
        return np.array([growth.efficiency, growth.energy_loss, growth.bunching])

    exact = told(4000)
    ratio = (told(40) - exact) / (told(80) - exact)
    assert_close(np.log2(np.abs(ratio)), np.full(3, 4.0), rtol=0.0, atol=0.5, what="order")


def test_the_laser_does_not_know_which_plane_is_which() -> None:
    """Nothing in the fits asks for the direction in which the undulator bends."""
    ref = Reference(energy=1e9)
    und = Undulator.resonant(ref, 13.5e-9, 0.03, 500)
    one, other = (
        free_electron_laser(und, ElectronBeam(ref, 1e-6, *emit, *beta, 1e-4, peak_current=2e3))
        for emit, beta in (((5e-10, 2e-10), (8.0, 3.0)), ((2e-10, 5e-10), (3.0, 8.0)))
    )
    assert_close(one.gain_length, other.gain_length, rtol=1e-12, atol=0.0, what="gain length [m]")
    assert_close(one.saturation_power, other.saturation_power, rtol=1e-12, atol=0.0, what="power [W]")


def test_every_imperfection_lengthens_the_gain() -> None:
    ref = Reference(energy=1e9)
    und = Undulator.resonant(ref, 13.5e-9, 0.03, 500)

    def gain(**changes: float) -> float:
        values = {"emittance_x": 5e-10, "emittance_y": 5e-10, "beta_x": 8.0, "beta_y": 8.0, "energy_spread": 1e-4}
        return free_electron_laser(und, ElectronBeam(ref, 1e-6, **(values | changes), peak_current=2e3)).gain_length

    assert gain(energy_spread=1e-3) > gain() > gain(energy_spread=0.0)
    assert gain(emittance_x=5e-9, emittance_y=5e-9) > gain()
    with pytest.warns(ValidityWarning, match="gain length"):
        gain(energy_spread=2e-2)


def test_rows_are_made_of_the_known_powers() -> None:
    table = compare_generations()
    assert [s.name for s in table.sources] == ["bend", "wiggler", "undulator", "FEL 1D", "FEL", "SSMB"]
    assert table.missing == ()
    ring, small = Reference(energy=1.7e9), Reference(energy=400e6)
    cone = central_cone_power(Undulator.resonant(ring, 13.5e-9, 0.05, 80), 0.3)
    assert_close(table["undulator"].average_power, 0.5 * cone, rtol=1e-12, atol=0.0)
    radiator = Undulator.resonant(small, 13.5e-9, 0.01, 300)
    want = coherent_power(radiator, current=1.0, bunching=0.1, sigma_perp=20e-6)
    assert_close(table["SSMB"].average_power, want, rtol=1e-9, atol=0.0)
    assert_close(table["SSMB"].peak_power, want, rtol=1e-9, atol=0.0)
    bright = [s.average_brightness for s in table.sources]
    assert bright[2] > 1e3 * max(bright[:2])
    assert bright[5] > bright[4] > bright[2]
    assert all(s.peak_power >= s.average_power * (1.0 - 1e-12) for s in table.sources)
    assert all(s.total_power >= s.average_power * (1.0 - 1e-12) for s in table.sources)
    assert all(0.0 < s.coherent_fraction <= 1.0 for s in table.sources)
    text = str(table)
    assert "gain length" in text
    assert "SSMB" in text


def test_one_dimension_is_the_limit_of_the_fel():
    """1.6 rho P_beam, bandwidth rho; Xie's fit gives less, and the same for a wide, cold, parallel beam."""
    ref = Reference(energy=1e9)
    und = Undulator.resonant(ref, 13.5e-9, 0.03, 500)
    beam = ElectronBeam(ref, 1e-6, 5e-10, 5e-10, 8.0, 8.0, 1e-4, peak_current=2e3)
    rho = free_electron_laser(und, beam).pierce
    flat, real = fel_source(beam, und, one_dimension=True, band=1.0), fel_source(beam, und, band=1.0)
    assert_close(flat.peak_power, 1.6 * rho * 1e9 * 2e3, rtol=1e-9, atol=0.0)
    assert_close(flat.bandwidth, rho, rtol=1e-12, atol=0.0)
    assert real.peak_power < flat.peak_power
    assert flat.coherent_fraction == 1.0
    wide = ElectronBeam(ref, 1e-6, 1e-12, 1e-12, 1e6, 1e6, 0.0, peak_current=1e6)
    rows = [fel_source(wide, und, one_dimension=d) for d in (True, False)]
    assert_close(rows[1].peak_power, rows[0].peak_power, rtol=0.04, atol=0.0)


def test_band_counts_what_is_inside():
    """A Gaussian line of rms width s in a band B: erf(B/(2 sqrt2 s)), by numerical integration."""
    ref = Reference(energy=1e9)
    und = Undulator.resonant(ref, 13.5e-9, 0.03, 500)
    beam = ElectronBeam(ref, 1e-6, 5e-10, 5e-10, 8.0, 8.0, 1e-4, peak_current=2e3)
    whole, part = fel_source(beam, und, band=0.5), fel_source(beam, und, band=0.006)
    s = whole.bandwidth
    want = integrate.quad(lambda x: math.exp(-0.5 * (x / s) ** 2) / (math.sqrt(2.0 * math.pi) * s), -0.003, 0.003)[0]
    assert 0.7 < want < 0.99
    assert_close(part.average_power / whole.average_power, want, rtol=1e-9, atol=0.0)
    assert part.peak_brightness == whole.peak_brightness


def test_rows_say_where_their_inputs_come_from():
    table = compare_generations(machines=Machines().changed({"ring_current": 0.5}))
    origins = {i.name: i.origin for i in table["bend"].inputs}
    assert origins["ring_current"] == "given"
    assert origins["bend_field"].startswith("assumption")
    default = Machines()
    for name in ("ssmb_bunching", "ssmb_period"):  # given is given, also with the value of the default
        same = compare_generations(machines=default.changed({name: getattr(default, name)}))["SSMB"]
        assert {i.name: i.origin for i in same.inputs}[name] == "given"
        assert (same.hangs_on is None) == (name == "ssmb_bunching")
    assert not any(i.name.startswith(("ssmb", "fel", "linac", "wiggler")) for i in table["bend"].inputs)
    bend = compare_generations()["bend"]
    assert_close(table["bend"].average_power / bend.average_power, 5.0 / 3.0, rtol=1e-12, atol=0.0)
    assert "SSMB: no K" in str(compare_generations(6.7e-9))


def test_filled_part_of_the_ring_raises_the_peak() -> None:
    ref = Reference(energy=400e6)
    und = Undulator.resonant(ref, 13.5e-9, 0.01, 300)
    rows = [
        ssmb_source(ElectronBeam(ref, 1.0, 4e-10, 4e-10, 1.0, 1.0, peak_current=peak), und, 0.1, line_width=1e-6)
        for peak in (1.0, 4.0)
    ]
    assert_close(rows[1].average_power, 4.0 * rows[0].average_power, rtol=1e-12, atol=0.0)
    assert_close(rows[1].peak_power, 16.0 * rows[0].peak_power, rtol=1e-12, atol=0.0)


def test_wiggler_is_a_row_of_bends() -> None:
    """Flux per radian in the band: 2 N times that of a bend with the peak field."""
    ref = Reference(energy=1.7e9)
    beam = ElectronBeam(ref, 0.3, 5e-9, 5e-11, 5.0, 3.0)
    wiggler = Undulator(ref, period=0.12, n_periods=15, k=15.0)
    angle = 2.0 * 15.0 / ref.gamma
    rows = wiggler_source(beam, wiggler, 1e-9), bend_source(beam, wiggler.field, 1e-9, horizontal_angle=angle)
    assert_close(rows[0].average_power, 30.0 * rows[1].average_power, rtol=1e-12, atol=0.0)
    assert rows[0].average_brightness < 30.0 * rows[1].average_brightness


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: ElectronBeam(RING, 0.0, 1e-9, 1e-9, 1.0, 1.0), "current"),
        (lambda: ElectronBeam(RING, 1.0, 1e-9, 1e-9, 1.0, 1.0, peak_current=0.5), "below"),
        (lambda: ElectronBeam(RING, 1.0, 1e-9, 1e-9, 0.0, 1.0), "beta_x"),
        (lambda: undulator_brightness(Undulator(Reference(1e9), 0.02, 10, 1.0), stored()), "energy"),
        (lambda: undulator_brightness(HALO, stored(), harmonic=2), "odd"),
        (lambda: undulator_brightness(HALO, stored(), bandwidth=0.0), "bandwidth"),
        (lambda: aperture_spectrum(HALO, 1e3, 0.0, 1e-4), "half_x"),
        (lambda: aperture_spectrum(HALO, math.nan, 1e-4, 1e-4), "photon_energy"),
        (lambda: free_electron_laser(HALO, stored(emittance_x=0.0)), "emittance"),
        (lambda: wiggler_source(stored(), HALO, 1e-9), "wiggler"),
        (lambda: ssmb_source(stored(), HALO, 1.5, line_width=1e-6), "bunching"),
        (lambda: ssmb_source(stored(), HALO, 0.1, line_width=0.0), "line_width"),
        (lambda: fel_source(stored(emittance_y=0.0), HALO), "emittance"),
        (lambda: undulator_source(stored(), HALO, harmonic=0), "harmonic"),
        (lambda: bend_source(stored(), 0.0, 1e-9), "field"),
        (lambda: compare_generations()["laser"], "bend, wiggler"),
        (lambda: compare_generations(-1e-9), "wavelength"),
        (lambda: compare_generations(band=1.5), "band"),
        (lambda: Machines().changed({"ssmb_energie": 1e9}), "ssmb_energy"),
        (lambda: Machines().changed({"ssmb_energy": math.nan}), "ssmb_energy"),
    ],
)
def test_bad_input_is_an_error_that_says_what(wrong, words: str) -> None:
    with pytest.raises(SsmbError, match=words):
        wrong()


def test_rows_that_hang_on_one_input_have_its_interval():
    """Average power of an FEL goes as its current, all of SSMB as |b|^2; who gives the input has no interval."""
    table, steps = compare_generations(), np.linspace(70.0, 90.0, 20_001)
    assert [s.name for s in table.sources if s.ends] == ["FEL 1D", "FEL", "SSMB"]
    for name, given, scale in (
        ("FEL 1D", "linac_current", 1),
        ("FEL", "linac_current", 1),
        ("SSMB", "ssmb_bunching", 2),
    ):
        row, used = table[name], getattr(Machines(), given)
        assert row.hangs_on is not None and row.hangs_on.name == given and row.hangs_on.ends is not None
        low, high, why = row.hangs_on.ends
        assert low < used < high and why.startswith("assumption: ") and why in str(table)
        for what in ("average_power", "average_brightness"):
            want = [getattr(row, what) * (end / used) ** scale for end in (low, high)]
            assert_close(row.interval(what), want, rtol=1e-9, atol=0.0, what=f"{name}, {what}")
        assert row.interval("bandwidth") == (row.bandwidth, row.bandwidth)
        alone = compare_generations(machines=Machines().changed({given: 0.5 * used}))[name]
        assert alone.hangs_on is None and alone.interval("average_power") == (alone.average_power,) * 2
    high = table["SSMB"].hangs_on.ends[1]
    assert_close(high, special.jv(79, steps).max(), rtol=1e-3, atol=0.0, what="largest J_79")
    told = next(line for line in str(table).splitlines() if line.startswith("FEL "))
    assert told.split()[3] == "4"  # six decades leave one digit of 4.1 W


def test_what_a_row_says_begins_with_its_interval():
    words = compare_generations()["SSMB"].words()
    assert words.startswith("400 W (40 W to 1 kW) on average for ssmb_bunching from 0.03 to 0.156 (assumption: ")
