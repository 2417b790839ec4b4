"""Wiggler and laser modulator against brute-force orbits, closed forms and the reference values."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from scipy import optimize, special

from ssmb.beam.reference import Reference
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import LatticeError
from ssmb.maps.laser_field import best_focusing, energy_modulation
from ssmb.maps.laser_kick import laser_kick
from ssmb.maps.laser_modulator import LaserBeam
from ssmb.maps.undulator_relations import resonant_deflection, undulator_r56
from ssmb.schemes.pehg import gradient_slip
from tests.contract.cases import REFERENCE, compiled
from tests.physics.wiggler_orbits import Orbits
from tests.support import assert_close, assert_reference, reference_values

LIGHT = 1064e-9
PLANAR = "HORIZONTAL"


def resonant(polarization=PLANAR, **values):
    """U125 of the MLS with the K at which its mean path makes 1064 nm exactly resonant."""
    base = {"name": "u125", "length": 4.0, "periods": 32.0, "polarization": polarization}

    def miss(k):
        return Wiggler(**base, K=k).slip(REFERENCE) * 0.125 - LIGHT

    return Wiggler(**base | {"K": optimize.brentq(miss, 1.0, 3.0, xtol=1e-14)} | values)


def laser(polarization=PLANAR, power=5.0, **values):
    """The same with a weak laser of laser I's shape (energy gain linear in the field)."""
    light = {"laser_wavelength": LIGHT, "laser_power": power, "laser_rayleigh_length": 1.5}
    return resonant(polarization, **light | values)


def orbits(wiggler):
    """Brute force with the mean path of one period, from quadrature or the helix, not from the element."""
    angle = wiggler.wiggling_angle(REFERENCE)
    if wiggler.polarization == "HELICAL":
        return Orbits(wiggler, REFERENCE, math.sqrt(1.0 + angle * angle) - 1.0)
    tau = 2.0 * np.pi * np.arange(64) / 64
    slope2 = (angle * np.cos(tau)) ** 2
    root = np.sqrt(1.0 - slope2)
    return Orbits(wiggler, REFERENCE, float(np.mean(slope2 / (root * (1.0 + root)))))


def amplitudes(wiggler, point):
    """Complex energy modulation G of tracking and brute force: the gain over P0 c is Im[G exp(i k tau)]."""
    start = np.repeat(np.array(point, dtype=float)[:, None], 2, axis=1)
    start[4, 1] -= 0.25 * wiggler.laser_wavelength * REFERENCE.beta
    end = compiled(wiggler.ops(REFERENCE), start)
    tracked = (end[5] - start[5]) * REFERENCE.beta
    gains = orbits(wiggler)(start)[1]
    return complex(-tracked[1], tracked[0]), complex(-gains[1], gains[0])


# --- motion -----------------------------------------------------------------------------------------------------


def test_mean_path_is_the_elliptic_integral():
    for k in (0.1, 2.48, 20.0):
        w = Wiggler(name="w", length=1.0, periods=10.0, K=k)
        m = (k / (REFERENCE.gamma * REFERENCE.beta)) ** 2
        # (2/pi) K_ell(m) - 1 loses digits; the allowance is what the library value can resolve
        assert_close(w.path_excess(REFERENCE), 2 / np.pi * special.ellipk(m) - 1, rtol=1e-12, atol=4e-16, what=f"K={k}")


def test_k_and_field_agree():
    by_field = Wiggler(name="b", length=4.0, periods=32.0, B_peak=0.2)
    k = 0.934 * 0.2 * 12.5  # the textbook number: 0.934 B[T] period[cm]
    assert_close(
        by_field.wiggling_angle(REFERENCE) * REFERENCE.gamma * REFERENCE.beta, k, rtol=4e-4, atol=0.0, what="K"
    )


@pytest.mark.parametrize("polarization", [PLANAR, "VERTICAL", "HELICAL"])
def test_r56_is_twice_the_slippage(polarization):
    delta = 1e-6
    points = np.zeros((6, 2))
    points[5] = delta, -delta
    z = compiled(resonant(polarization).ops(REFERENCE), points)[4]
    assert_close((z[0] - z[1]) / (2 * delta), undulator_r56(32, LIGHT), rtol=3e-5, atol=0.0, what="R56")


def test_resonance_is_that_of_the_textbook():
    assert_close(resonant().K, resonant_deflection(LIGHT, 0.125, REFERENCE.gamma), rtol=2e-5, atol=0.0, what="K")
    assert_reference("mls_U125_K", resonant_deflection(LIGHT, 0.125, REFERENCE.gamma))


@pytest.mark.parametrize("polarization", [PLANAR, "VERTICAL", "HELICAL"])
def test_motion_equals_brute_force(polarization):
    """Time of flight, natural focusing and drift. What is left over comes from where the ideal poles begin: the mean
    over four positions of the poles is compared."""
    points = np.zeros((6, 6))
    points[1, 1], points[3, 2], points[5, 3] = 1e-4, 1e-4, 3e-3
    points[2, 4], points[0, 5] = 5e-4, 5e-4
    wiggler = resonant(polarization)
    got = compiled(wiggler.ops(REFERENCE), points)
    shifted = [dataclasses.replace(wiggler, pole_phase=0.25 * n) for n in range(4)]
    want = np.mean([orbits(w)(points, rtol=1e-11)[0] for w in shifted], axis=0)
    assert_close(got[4, 0], want[4, 0], rtol=0.0, atol=1e-14, what="z of the reference particle")
    assert_close(got[4], want[4], rtol=0.0, atol=2e-11, what="z")
    # helical: the transverse plane also turns by (K/gamma)^2 k_u L/2 = 1.3 mrad, which the model says it leaves out
    left_out = (
        0.5 * wiggler.wiggling_angle(REFERENCE) ** 2 * wiggler.k_u * 4.0 * 5e-4 if polarization == "HELICAL" else 0.0
    )
    assert_close(got[:4], want[:4], rtol=0.0, atol=3e-8 + left_out, what="transverse")
    # and the focusing is really there: an offset of 0.5 mm moves by more than a hundred allowances
    assert np.abs(got[:4, 4:] - points[:4, 4:]).max() > 3e-6


@pytest.mark.parametrize("polarization", [PLANAR, "VERTICAL"])
def test_motion_in_a_gradient_equals_brute_force(polarization):
    """Canted poles with their correction field: slip by position, dispersion, focusing in both planes."""
    points = np.zeros((6, 7))
    points[1, 1], points[3, 2], points[5, 3] = 1e-4, 1e-4, 3e-3
    points[2, 4], points[0, 5] = 5e-4, 5e-4
    points[:4, 6] = 3e-4, 5e-5, -4e-4, 6e-5
    wiggler = resonant(polarization, gradient=20.0)
    got = compiled(wiggler.ops(REFERENCE), points)
    shifted = [dataclasses.replace(wiggler, pole_phase=0.25 * n) for n in range(4)]
    want = np.mean([orbits(w)(points, rtol=1e-11)[0] for w in shifted], axis=0)
    assert_close(got[4], want[4], rtol=0.0, atol=3e-11, what="z")
    assert_close(got[:4], want[:4], rtol=0.0, atol=3e-8, what="transverse")
    # the slip of the scheme that uses it: 2.55e-4 m per m over 4 m; the momentum shifts by its symplectic partner
    along, i = (5, 0) if polarization == PLANAR else (4, 2)
    z, kick = got[4, along] - want[4, 0], got[i + 1, 3] - want[i + 1, 0]
    slip = gradient_slip(32, LIGHT, wiggler.K, 20.0)
    assert_close(z, slip * 5e-4, rtol=0.02, atol=0.0, what="slip by position")
    assert_close(kick, -slip * 3e-3, rtol=0.02, atol=0.0, what="dispersion")


def test_radiation_in_a_gradient():
    """Mean loss by the local field: (1 + g x)^2."""
    w = resonant(gradient=20.0, slices=1)
    field = w.local_field(REFERENCE)
    assert field is not None
    ratio = (field.strength(x=1e-3) / field.strength()) ** 2
    assert_close(ratio, 1.02**2, rtol=1e-12, atol=0.0, what="square of the field")
    upright = resonant("VERTICAL", gradient=20.0).local_field(REFERENCE)
    assert upright is not None
    assert_close((upright.strength(y=1e-3) / upright.strength()) ** 2, 1.02**2, rtol=1e-12, atol=0.0, what="vertical")


def test_a_helical_wiggler_has_no_gradient():
    with pytest.raises(LatticeError, match="planar"):
        resonant("HELICAL", gradient=1.0)


def test_tune_of_the_default_steps():
    """Phase advance of U125 in the gap plane with the default slices: 1e-9 of a turn."""

    def advance(w):
        points = np.zeros((6, 2))
        points[2, 0] = points[3, 1] = 1e-9
        m = compiled(w.ops(REFERENCE), points)[2:4] / 1e-9
        return math.acos(0.5 * (m[0, 0] + m[1, 1])) / (2 * math.pi)

    assert_close(advance(resonant()), advance(resonant(slices=400)), rtol=0.0, atol=1e-9, what="tune")


# --- thin modulator ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("polarization", [PLANAR, "VERTICAL", "HELICAL"])
def test_thin_kick_is_the_closed_form(polarization):
    w = laser(polarization, power=5e6, laser_model="THIN", laser_m2=1.3)
    kick = next(op for op in w.ops(REFERENCE) if op.kernel is laser_kick)
    want = energy_modulation(
        5e6, LIGHT, 1.5, w.K, 4.0, REFERENCE.gamma, helical=polarization == "HELICAL", m_squared=1.3
    )
    points = np.zeros((6, 4))
    points[4] = np.array([0.25, 0.0, -0.25, 0.125]) * LIGHT * REFERENCE.beta
    gain = compiled([kick], points)[5]
    sine = np.array([1.0, 0.0, -1.0, math.sqrt(0.5)])
    a = want / REFERENCE.p0c / REFERENCE.beta
    # second order of delta in dE, and 1e-5 of the helix in its own field
    assert_close(gain, a * sine, rtol=3e-5, atol=1e-11, what="delta += A sin(k z)")


def test_reference_values_of_the_modulators():
    thin = laser(power=5e6, laser_model="THIN")
    assert_close(_tracked_peak(thin, True), reference_values()["mls_pop1_dE"]["value"], rtol=2e-5, atol=0.0, what="I")
    second = dataclasses.replace(thin, laser_power=25e3, laser_rayleigh_length=1.6)
    assert_close(
        _tracked_peak(second, True), reference_values()["mls_pop2_dE"]["value"], rtol=2e-5, atol=0.0, what="II"
    )


def _tracked_peak(wiggler, only_kick=False):
    """Peak energy gain [eV] on axis from the kicks alone or the whole element, linear in the field."""
    weak = dataclasses.replace(wiggler, laser_power=wiggler.laser_power * 1e-6)
    ops = [op for op in weak.ops(REFERENCE) if op.kernel is laser_kick or not only_kick]
    points = np.zeros((6, 2))
    points[4, 1] = -0.25 * wiggler.laser_wavelength * REFERENCE.beta
    return 1e3 * float(np.hypot(*compiled(ops, points)[5])) * REFERENCE.beta * REFERENCE.p0c


def test_transverse_kick_of_the_reference():
    """`mod_PW_kick`: 50 um off axis at the zero crossing, 400 MeV modulator."""
    entry = reference_values()["mod_PW_kick"]["inputs"]
    ref = Reference(400e6)
    z_r = math.pi * entry["w0"] ** 2 / entry["lambda"]
    w = Wiggler(
        name="m",
        length=1.5,
        periods=30.0,
        K=7.082152,
        laser_model="THIN",
        laser_wavelength=entry["lambda"],
        laser_rayleigh_length=z_r,
        laser_power=1e6,
    )
    kick = next(op for op in w.ops(ref) if op.kernel is laser_kick)
    amplitude = math.hypot(kick.params[0], kick.params[1])
    points = np.zeros((6, 1))
    points[0] = entry["x0"]
    px = compiled([kick], points)[1, 0] / amplitude * entry["A0"]
    # the K of six digits is off resonance by a phase that has to be taken out of the kick
    assert_close(
        px / math.cos(math.atan2(kick.params[1], kick.params[0])),
        reference_values()["mod_PW_kick"]["value"],
        rtol=1e-6,
        atol=0.0,
        what="px [rad]",
    )


# --- thick modulator --------------------------------------------------------------------------------------------

CASES = {
    "on axis": ({}, [0, 0, 0, 0, 0, 0]),
    "between poles": ({"pole_phase": 0.25}, [0, 0, 0, 0, 0, 0]),
    "off in x": ({}, [4e-4, 0, 0, 0, 0, 0]),
    "off in y": ({}, [0, 0, 4e-4, 0, 0, 0]),
    "angle in x": ({}, [0, 2e-4, 0, 0, 0, 0]),
    "angle in y": ({}, [0, 0, 0, 2e-4, 0, 0]),
    "all at once": ({"pole_phase": 0.25}, [3e-4, 1e-4, 2e-4, -1e-4, 0, 1e-3]),
    "energy": ({}, [0, 0, 0, 0, 0, 3e-3]),
    "energy below": ({}, [0, 0, 0, 0, 0, -5e-3]),
    "short focus": ({"laser_rayleigh_length": 0.7}, [0, 0, 0, 0, 0, 0]),
    "crossing": ({"laser_x_angle": 3e-4, "laser_y_angle": 2e-4, "laser_x_offset": 1e-4}, [0, 0, 0, 0, 0, 0]),
    "real laser": ({"laser_m2": 1.3, "laser_waist_position": 0.5, "laser_phase": 0.1}, [1e-4, 5e-5, 0, 0, 0, 0]),
    "TEM01 in y": ({"laser_mode": "TEM01"}, [1e-4, 0, 2e-4, 0, 0, 0]),
    "TEM01 in x": ({"laser_mode": "TEM01", "laser_orientation": "X"}, [2e-4, 3e-5, 1e-4, 0, 0, 0]),
    "vertical": ({"polarization": "VERTICAL"}, [3e-4, 1e-4, 2e-4, -1e-4, 0, 1e-3]),
    "gradient": ({"gradient": 20.0}, [2e-5, 0, 1e-4, 0, 0, 0]),
    "vertical gradient": ({"gradient": -20.0, "polarization": "VERTICAL"}, [1e-4, 0, -2e-5, 0, 0, 2e-4]),
    "helical": ({"polarization": "HELICAL"}, [0, 0, 0, 0, 0, 0]),
    "helical off axis": ({"polarization": "HELICAL"}, [1e-4, 1e-4, -1e-4, -1e-4, 0, 1e-3]),
}


@pytest.mark.parametrize("name", CASES)
def test_thick_modulator_equals_the_orbit_integral(name):
    """Amplitude and phase to 1e-3; what the averaging of the coupling leaves out is a few 1e-4."""
    values, point = CASES[name]
    got, want = amplitudes(laser(**values), point)
    assert_close(abs(got), abs(want), rtol=1e-3, atol=0.0, what=f"{name}: amplitude")
    assert_close(np.angle(got / want), 0.0, rtol=0.0, atol=1e-3, what=f"{name}: phase [rad]")


def test_detuned_by_the_gap():
    """Detuning by K, not by energy; the slip alone takes a fifth of the amplitude."""
    k = resonant().K
    got, want = amplitudes(laser(K=k * 1.003), [0, 0, 0, 0, 0, 0])
    assert_close(abs(got), abs(want), rtol=1e-3, atol=0.0, what="amplitude")
    at_resonance, _ = amplitudes(laser(), [0, 0, 0, 0, 0, 0])
    assert abs(got) < 0.9 * abs(at_resonance)


def test_strong_laser_equals_the_orbits():
    """Laser I at 5 MW, the kick and the motion in the wiggler together: delta and z after it, over all phases."""
    w = laser(power=5e6)
    points = np.zeros((6, 8))
    points[4] = np.arange(8) / 8 * LIGHT
    points[0], points[2] = 2e-4, -1e-4
    want, gain = orbits(w)(points)
    got = compiled(w.ops(REFERENCE), points)
    assert_close(got[5], want[5], rtol=0.0, atol=1e-3 * np.abs(gain).max(), what="delta")
    assert_close(got[4], want[4], rtol=0.0, atol=1e-3 * np.abs(want[4] - points[4]).max() + 1e-11, what="z")


def test_third_harmonic_is_driven():
    """Light at a third of the resonant wavelength."""
    got, want = amplitudes(laser(laser_wavelength=LIGHT / 3), [0, 0, 0, 0, 0, 0])
    assert_close(abs(got), abs(want), rtol=1e-3, atol=0.0, what="amplitude at the third harmonic")


def _strength(rayleigh_ratio, detuning=0.0, periods=2000.0):
    """Tracked amplitude over that of the best resonant focusing, for a long wiggler (end terms die as 1/N)."""
    base = resonant()
    length = 0.125 * periods

    def slip(k):
        return Wiggler(name="w", length=length, periods=periods, K=k).slip(REFERENCE)

    target = LIGHT / 0.125 - detuning / length * LIGHT / (2 * math.pi)
    k = optimize.brentq(lambda v: slip(v) - target, 0.9 * base.K, 1.1 * base.K, xtol=1e-15)
    w = Wiggler(
        name="w",
        length=length,
        periods=periods,
        K=k,
        laser_wavelength=LIGHT,
        laser_power=1e-6,
        laser_rayleigh_length=rayleigh_ratio * length,
        slices=1,
    )
    points = np.zeros((6, 2))
    points[4, 1] = -0.25 * LIGHT * REFERENCE.beta
    return float(np.hypot(*compiled(w.ops(REFERENCE), points)[5]))


def test_best_focusing_of_the_thick_element():
    found = optimize.minimize_scalar(lambda log: -_strength(math.exp(log)), (math.log(0.3), math.log(0.4)), tol=1e-5)
    assert_close(math.exp(found.x), reference_values()["mod_ZR_opt"]["value"], rtol=2e-3, atol=0.0, what="Z_R/L")
    best = optimize.minimize(
        lambda v: -_strength(math.exp(v[0]), v[1]) / -found.fun,
        (math.log(0.2), 3.0),
        method="Nelder-Mead",
        options={"xatol": 1e-4, "fatol": 1e-9},
    )
    assert_close(
        math.exp(best.x[0]), reference_values()["mod_ZR_opt_detuned"]["value"], rtol=5e-3, atol=0.0, what="Z_R/L"
    )
    assert_close(best.x[1], reference_values()["mod_detune_opt"]["value"], rtol=5e-3, atol=0.0, what="detuning [rad]")
    assert_close(-best.fun, reference_values()["mod_detune_gain"]["value"], rtol=1e-3, atol=0.0, what="gain")
    assert_close(best_focusing().rayleigh_ratio, math.exp(found.x), rtol=2e-3, atol=0.0, what="closed form")


def test_thick_and_thin_differ_by_a_few_percent_only():
    """End terms and the finite wiggling, 1/(2 pi N) and 1/(k_u Z_R): the closed form is 1.7 % above the orbits."""
    thick, thin = _tracked_peak(laser()), _tracked_peak(laser(laser_model="THIN"))
    assert_close(thick / thin, 1.0, rtol=0.0, atol=0.02, what="thick over thin")
    assert abs(thick / thin - 1.0) > 1e-3


def test_more_slices_change_nothing():
    point = np.array([[3e-4], [5e-5], [1e-4], [-5e-5], [1e-7], [1e-3]])
    few, many = (compiled(laser(power=5e6, laser_slices=n).ops(REFERENCE), point) for n in (0, 48))
    assert_close(few[5], many[5], rtol=0.0, atol=1e-4 * 1.5e-3, what="delta")
    kick = np.abs(many[1:4:2] - point[1:4:2]).max()
    assert_close(few[1:4:2], many[1:4:2], rtol=0.0, atol=3e-4 * kick, what="angles")


@pytest.mark.parametrize("detuning", [0.0, 1.3, -1.3])
def test_profile_of_a_stretch_is_that_of_the_field_which_a_particle_meets_there(detuning):
    """How the field of a Gaussian beam, summed along the way beside its waist, falls off with the distance squared."""
    beam = LaserBeam(LIGHT, 1.0, 1.5, 0.4, 0.0, 1.0, "", 0.0, 0.0, 0.0, 0.0)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    s, w0_square = 0.2 + 0.9 * nodes, LIGHT * 1.5 / math.pi
    q = 1.0 + 1j * (s - 0.4) / 1.5

    def met(square):
        return complex(weights @ (np.exp(-square / (w0_square * q) + 1j * detuning * s) / q))

    step = 1e-3 * w0_square
    want = -(met(step) - met(-step)) / (2.0 * step * met(0.0))
    assert_close(beam.mean_curvature(-0.7, 1.1, detuning), want, rtol=1e-5, atol=0.0, what="b [1/m^2]")
