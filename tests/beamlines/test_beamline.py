"""A beamline stage by stage: Fresnel, absorption, apertures, etendue, heat; and the waterfall that lists them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate

from ssmb.beam import Beam, Reference
from ssmb.beamlines import (
    Aperture,
    Beamline,
    ChainStage,
    Gas,
    Given,
    GrazingMirror,
    Homogeniser,
    MultilayerMirror,
    SpectralFilter,
    UndulatorChain,
)
from ssmb.beamlines.beamline import ILLUMINATOR_ETENDUE
from ssmb.beamlines.multilayer import LA_B, MO_SI, peak
from ssmb.beamlines.optical_constants import surface_reflectivity
from ssmb.beamlines.stages import sizes_at
from ssmb.constants import CLASSICAL_ELECTRON_RADIUS, ELEMENTARY_CHARGE
from ssmb.errors import ConfigError, SsmbError, ValidityWarning
from ssmb.light import ExitLight, Undulator, angular_energy, axis_power_density, tracked_power
from tests.facility.lights import light_of
from tests.support import assert_close

pytest.importorskip("periodictable", reason="optical constants come with the optional package periodictable")

LIGHT = ExitLight(13.5e-9, 200.0, 100.0, 1e-6, 40e-6, 60e-6)
BOLTZMANN = 1.380649e-23


def _of(stage, light=LIGHT) -> float:
    return stage.through(light).transmission


# ---- mirrors


@pytest.mark.parametrize("coating", ["Ru", "Mo", "C"])
@pytest.mark.parametrize("roughness", [0.0, 0.5e-9])
def test_fresnel_against_the_formula_of_the_x_ray_data_booklet(coating, roughness):
    """periodictable has the booklet's mirror (s, with roughness); ours differs by how it avoids cancellation."""
    from periodictable import xsf

    angles, lam = np.array([0.02, 0.1, 0.3, 1.2]), np.array([2e-9, 6.7e-9, 13.5e-9, 30e-9])
    want = xsf.mirror_reflectivity(coating, wavelength=lam * 1e10, angle=np.degrees(angles), roughness=roughness * 1e10)
    got = np.array([surface_reflectivity(coating, lam, float(a), roughness=roughness) for a in angles])
    assert_close(got, want, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("polarisation", ["s", "p"])
def test_fresnel_against_an_independent_transfer_matrix(polarisation):
    tmm = pytest.importorskip("tmm", reason="the transfer matrix of S. Byrnes is the independent reference")
    from periodictable import xsf

    for angle in (0.05, 0.4, 1.0):
        n = complex(np.conj(xsf.index_of_refraction("Ru", density=12.41, wavelength=135.0)))
        want = tmm.coh_tmm(polarisation, [1.0, n], [np.inf, np.inf], 0.5 * math.pi - angle, 13.5)["R"]
        got = float(surface_reflectivity("Ru", 13.5e-9, angle, polarisation=polarisation))
        assert_close(got, want, rtol=1e-11, atol=0.0)


def test_mirrors_in_a_row_and_their_limits():
    one = _of(GrazingMirror("Ru", 0.1))
    assert_close(_of(GrazingMirror("Ru", 0.1, number=4)), one**4, rtol=1e-13, atol=0.0)
    assert 0.93 < one < 0.95
    assert_close(_of(GrazingMirror("Mo", 1e-6)), 1.0, rtol=0.0, atol=1e-5)
    steeper = [_of(GrazingMirror("C", a)) for a in (0.05, 0.1, 0.2, 0.4, 0.8)]
    assert steeper == sorted(steeper, reverse=True)
    assert _of(GrazingMirror("Ru", 0.3, polarisation="p")) < _of(GrazingMirror("Ru", 0.3))
    assert _of(GrazingMirror("Ru", 0.1, roughness=1e-9)) < one
    assert _of(GrazingMirror("Ru", 0.1, density=6e3)) < one


def test_multilayer_at_its_peak_and_beside_it():
    top = peak(MO_SI)
    on, beside = replace(LIGHT, wavelength=top.wavelength), replace(LIGHT, wavelength=13.1e-9)
    assert_close(_of(MultilayerMirror(number=2), on), top.reflectivity**2, rtol=1e-4, atol=0.0)
    assert _of(MultilayerMirror(), beside) < 0.2
    blue = replace(LIGHT, wavelength=peak(LA_B).wavelength)
    assert_close(_of(MultilayerMirror(LA_B), blue), peak(LA_B).reflectivity, rtol=1e-3, atol=0.0)


def test_a_wide_line_is_averaged_over_the_band():
    wide = replace(LIGHT, wavelength=peak(MO_SI).wavelength, relative_bandwidth=0.5)
    lam = wide.wavelength * (1.0 + np.linspace(-0.01, 0.01, 4001))
    assert_close(_of(MultilayerMirror(), wide), np.mean(MO_SI.reflectivity(lam)), rtol=2e-3, atol=0.0)
    assert _of(MultilayerMirror(), wide) < _of(MultilayerMirror(), replace(wide, relative_bandwidth=1e-6))


# ---- gas and foils


@pytest.mark.parametrize(("formula", "atoms"), [("H2", {"H": 2}), ("Ar", {"Ar": 1}), ("CH4", {"C": 1, "H": 4})])
def test_gas_against_the_cross_section_of_its_atoms(formula, atoms):
    """exp(-n sigma L) with sigma = 2 r_e lambda f_2 of each atom."""
    import periodictable

    sigma = 0.0
    for name, number in atoms.items():
        f2 = float(getattr(periodictable, name).xray.scattering_factors(wavelength=135.0)[1])
        sigma += number * 2.0 * CLASSICAL_ELECTRON_RADIUS * 13.5e-9 * f2
    density = 20.0 / (BOLTZMANN * 300.0)
    got = _of(Gas(formula, 3.0, 20.0, 300.0))
    # 1e-4: constants of an older CODATA in periodictable
    assert_close(math.log(got), -density * sigma * 3.0, rtol=1e-4, atol=0.0)
    assert _of(Gas(formula, 0.0, 20.0)) == _of(Gas(formula, 3.0, 0.0)) == 1.0


def test_two_foils_are_one_of_twice_the_thickness():
    assert_close(_of(SpectralFilter("Zr", 100e-9)) ** 2, _of(SpectralFilter("Zr", 200e-9)), rtol=1e-13, atol=0.0)
    assert 0.45 < _of(SpectralFilter("Zr", 200e-9)) < 0.55
    assert _of(SpectralFilter("Si", 1e-7, density=2.33e3)) == _of(SpectralFilter("Si", 1e-7))


# ---- apertures


@pytest.mark.parametrize("centre", [(0.0, 0.0), (1e-3, -2.5e-3)])
def test_aperture_is_the_integral_of_the_gaussian(centre):
    sx, sy = sizes_at(LIGHT, 20.0)

    def density(y, x):
        return math.exp(-0.5 * ((x / sx) ** 2 + (y / sy) ** 2)) / (2.0 * math.pi * sx * sy)

    box = [(c - h, c + h) for c, h in zip(centre, (7e-4, 1.1e-3), strict=True)]
    want = integrate.dblquad(density, *box[0], *box[1], epsabs=1e-14)[0]
    assert_close(_of(Aperture(20.0, 7e-4, 1.1e-3, centre)), want, rtol=1e-9, atol=0.0)


def test_round_aperture():
    """Round light: 1 - exp(-a^2/2 sigma^2); elliptic light: the integral."""
    even = replace(LIGHT, divergence_y=LIGHT.divergence_x)
    size = sizes_at(even, 20.0)[0]
    assert_close(_of(Aperture(20.0, 1.3 * size), even), 1.0 - math.exp(-0.5 * 1.3**2), rtol=1e-12, atol=0.0)
    sx, sy = sizes_at(LIGHT, 20.0)

    def density(phi, r):
        x, y = r * math.cos(phi) / sx, r * math.sin(phi) / sy
        return math.exp(-0.5 * (x * x + y * y)) * r / (2.0 * math.pi * sx * sy)

    want = integrate.dblquad(density, 0.0, 1e-3, 0.0, 2.0 * math.pi)[0]
    assert_close(_of(Aperture(20.0, 1e-3)), want, rtol=1e-8, atol=0.0)


@pytest.mark.parametrize(("size", "within"), [(1e-9, 0.18), (20e-6, 0.05), (60e-6, 0.025)])
def test_how_far_tracked_light_is_from_a_gaussian(size, within):
    """Stated in Aperture: 0.17 for a thin beam at one rms angle, 0.05 for wider beams (k sigma^2/L of 0.06 and 0.6)."""
    und = Undulator.resonant(Reference(400e6), 13.5e-9, period=0.01, n_periods=300)
    sigma = np.diag(np.array([size, 1e-9, size, 1e-9, 1e-12, 1e-12]) ** 2)
    beam = Beam.gaussian(und.reference, sigma, n=1024, charge=1e-12, seed=2, start="quiet")
    whole = tracked_power(und, beam, 13.5e-9, current=1.0)
    light = ExitLight.of_train(whole, average_current=1.0, train_length=math.inf)
    off = []
    for rms in (0.5, 1.0, 2.0, 4.0):
        angle = rms * light.divergence
        true = tracked_power(und, beam, 13.5e-9, current=1.0, acceptance=angle).power / whole.power
        off.append(abs(true - _of(Aperture(1e3, 1e3 * angle), light)))
    assert 0.3 * within < max(off) < within


# ---- the whole


def _line(**more) -> Beamline:
    stages = (
        Aperture(8.0, 3e-3, 3e-3), GrazingMirror("Ru", 0.1, number=3, distance=40.0), Gas("H2", 10.0, 3.0),
        Homogeniser(3e-6, mirror=GrazingMirror("Ru", 0.05, number=3), efficiency=0.9), MultilayerMirror(),
        SpectralFilter("Zr", 1e-7), Given("window", 0.99),
    )  # fmt: skip
    return Beamline("test line", stages, **more)


def test_chain_is_the_product_of_the_stages():
    line = _line()
    chain = line.chain(LIGHT)
    want = math.prod(_of(s) for s in line.stages)
    assert_close(chain.transmission, want, rtol=1e-13, atol=0.0)
    assert_close(chain.power_at_focus, 100.0 * want, rtol=1e-13, atol=0.0)
    assert [s.origin for s in chain.stages] == ["calculated"] * 6 + ["given"]
    assert chain.table().rows[-1][2] == pytest.approx(chain.power_at_focus)
    assert Beamline("nothing", ()).chain(LIGHT).transmission == 1.0


def test_etendue_is_made_by_the_homogeniser_and_lost_beyond_the_acceptance():
    line = _line()
    assert Beamline("bare", (Given("m", 0.9),)).etendue(LIGHT) == LIGHT.wavelength**2
    assert line.etendue(LIGHT) == 3e-6
    assert_close(line.pupil_filling(LIGHT), 3e-6 / ILLUMINATOR_ETENDUE, rtol=1e-15, atol=0.0)
    narrow = _line(accepted_etendue=1e-6)
    assert_close(narrow.chain(LIGHT).transmission, line.chain(LIGHT).transmission / 3.0, rtol=1e-13, atol=0.0)
    assert narrow.chain(LIGHT).stages[-1].name == "etendue that is accepted"
    assert narrow.pupil_filling(LIGHT) == 1.0


def test_heat_on_the_first_mirror():
    """The absorbed density on the surface, integrated, is what the mirror takes; the plane of deflection is the long
    one.
    """
    line = _line()
    spot = line.footprint(LIGHT)
    assert spot is not None
    sx, sy = sizes_at(LIGHT, 40.0)
    assert_close((spot.across, spot.along), (sx, sy / math.sin(0.1)), rtol=1e-12, atol=0.0)
    absorbed = 100.0 * _of(line.stages[0]) * (1.0 - _of(GrazingMirror("Ru", 0.1)))
    total = integrate.dblquad(
        lambda v, u: spot.peak_density * math.exp(-0.5 * ((u / spot.along) ** 2 + (v / spot.across) ** 2)),
        -9 * spot.along, 9 * spot.along, -9 * spot.across, 9 * spot.across,
    )[0]  # fmt: skip
    assert_close(total, absorbed, rtol=1e-6, atol=0.0)
    with pytest.warns(ValidityWarning, match="W/mm"):
        _line(heat_limit=0.5 * spot.peak_density).chain(LIGHT)
    assert Beamline("no distance", (GrazingMirror("Ru", 0.1),)).footprint(LIGHT) is None


@pytest.mark.parametrize(("k", "helical", "harmonics"), [(0.3, False, 20), (1.14, False, 80), (1.2, True, 1)])
def test_incoherent_heat_is_the_sum_of_all_harmonics(k, helical, harmonics):
    """Kim's closed form on the axis against the harmonics one by one; on the mirror it is tilted away."""
    und = Undulator(Reference(400e6), 0.01, 300, k, helical)
    joule = sum(float(angular_energy(und, n, 0.0, 0.0)) for n in range(1, 2 * harmonics, 2))
    density = axis_power_density(und, 0.5)
    assert_close(density, 0.5 * joule / ELEMENTARY_CHARGE, rtol=1e-6, atol=0.0, what="power on the axis [W/sr]")
    cold, hot = _line().footprint(LIGHT), _line().footprint(LIGHT, incoherent=density)
    assert cold is not None
    assert hot is not None
    assert_close(hot.peak_density - cold.peak_density, density * math.sin(0.1) / 40.0**2, rtol=1e-9, atol=0.0)
    with pytest.warns(ValidityWarning, match="first mirror absorbs"):
        _line(heat_limit=1.0001 * cold.peak_density).chain(LIGHT, incoherent=density)


def test_source_counts_the_incoherent_heat():
    """Hardly any coherent light: what warms the mirror is the incoherent light of the average current."""
    stages = (GrazingMirror("Ru", 0.1, distance=5.0),)
    found = _source(Beamline("l", stages, heat_limit=1e9), limits=[("closure", 1e-9, "given")])
    und = Undulator.resonant(Reference(600e6), 1064e-9 / 79, 0.02, 60)
    heat = axis_power_density(und, 0.1) * math.sin(0.1) / 25.0
    spot = Beamline("l", stages).footprint(found.exit)
    assert spot is not None
    assert spot.peak_density < 1e-3 * heat
    with pytest.warns(ValidityWarning, match="first mirror absorbs"):
        _source(Beamline("l", stages, heat_limit=0.99 * heat), limits=[("closure", 1e-9, "given")])


def _source(chain, **more):
    sigma = np.diag(np.array([40e-6, 5e-6, 20e-6, 5e-6, 2e-9, 3e-4]) ** 2)
    beam = Beam.gaussian(Reference(600e6), sigma, n=2**10, charge=1e-12, seed=2, start="quiet")
    options = {"laser_wavelength": 1064e-9, "harmonic": 79, "average_current": 0.1} | more
    return light_of(beam, 0.02, 60, chain=chain, **options)


def test_waterfall_lists_every_stage():
    line = _line(heat_limit=1e9)
    found = _source(line)
    chain = line.chain(found.exit)
    last = found.steps[-len(chain.stages) :]
    assert [(s.name, s.factor, s.origin) for s in last] == [(s.name, s.transmission, s.origin) for s in chain.stages]
    assert_close(found.power_at_focus, found.exit.in_band_power * chain.transmission, rtol=1e-12, atol=0.0)
    assert_close(_source(chain).power_at_focus, found.power_at_focus, rtol=1e-12, atol=0.0)
    plain = _source(None)
    assert [s.name for s in plain.steps[-2:]] == ["4 grazing mirrors", "gas"]
    assert_close(plain.power_at_focus, plain.exit.in_band_power * UndulatorChain().transmission, rtol=1e-12, atol=0.0)


# ---- bad input


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: Aperture(10.0, 0.0), "half_x"),
        (lambda: Aperture(10.0, 1e-3, 0.0), "half_y"),
        (lambda: Aperture(0.0, 1e-3), "distance"),
        (lambda: Aperture(10.0, 1e-3, None, (1e-3, 0.0)), "round"),
        (lambda: Beamline("far", (Aperture(10.0, 1e-6, 1e-6, (1.0, 0.0)),)).chain(LIGHT), "'far', Aperture.*nothing"),
        (lambda: GrazingMirror("Ru", 0.0), "grazing_angle"),
        (lambda: GrazingMirror("Ru", 1.6), "below 1.5708 rad"),
        (lambda: GrazingMirror("Ru", 0.1, number=0), "number"),
        (lambda: GrazingMirror("Ru", 0.1, deflects="z"), "deflects"),
        (lambda: GrazingMirror("Ru", 0.1, polarisation="q"), "polarisation"),
        (lambda: GrazingMirror("Ru", 0.1, distance=-1.0), "distance"),
        (lambda: Beamline("b", (GrazingMirror("Xx", 0.1),)).chain(LIGHT), "'b', GrazingMirror.*formula"),
        (lambda: Beamline("b", (GrazingMirror("R?", 0.1),)).chain(LIGHT), "formula"),
        (lambda: Beamline("b", (Gas("", 1.0, 1.0),)).chain(LIGHT), "formula"),
        (lambda: Beamline("b", (GrazingMirror("Ru", 0.1),)).chain(replace(LIGHT, wavelength=1e-6)),
        "GrazingMirror.*4.1e-08"),
        (lambda: Beamline("b", (Gas("H2", 1.0, 1.0),)).chain(replace(LIGHT, wavelength=5e-10)), "Gas.*1e-09"),
        (lambda: Beamline("b", (SpectralFilter("Zr", 1.0),)).chain(LIGHT), "nothing"),
        (lambda: Beamline("b", (SpectralFilter("B4C", 1e-7),)).chain(LIGHT), "density"),
        (lambda: Beamline("b", ("mirror",)), "no stage"),  # type: ignore[arg-type]
        (lambda: Beamline("b", (), accepted_etendue=0.0), "accepted_etendue"),
        (lambda: Beamline("b", (Homogeniser(1e-20),)).chain(LIGHT), "cannot lower"),
        (lambda: Homogeniser(0.0), "etendue"),
        (lambda: Homogeniser(1e-6, efficiency=1.1), "efficiency"),
        (lambda: Given("window", 1.2), "transmission"),
        (lambda: Given("window", 0.0), "transmission"),
        (lambda: ChainStage("window", 1.2), "window"),
        (lambda: ChainStage("window", 0.5, "guessed"), "origin"),
        (lambda: Gas("H2", -1.0, 1.0), "length"),
        (lambda: Gas("H2", 1.0, math.nan), "pressure"),
        (lambda: SpectralFilter("Zr", 0.0), "thickness"),
        (lambda: MultilayerMirror(angle=1.6), "below 1.5708 rad"),
        (lambda: UndulatorChain(transport=0.5, stages=(ChainStage("a", 0.5),)), "not both"),
        (lambda: _source(UndulatorChain(band=0.5)), "band = 1"),
    ],
)  # fmt: skip
def test_bad_input_is_an_error_that_says_what(wrong, words):
    with pytest.raises(SsmbError, match=words) as caught:
        wrong()
    assert isinstance(caught.value, ConfigError)
