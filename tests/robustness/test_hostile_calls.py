"""Closed forms and small functions called with anything: a finite answer or an error of ours, for every argument."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam, Reference, bunching_factor, closed_form
from ssmb.buckets import MicroBucket, lifetime
from ssmb.buckets.standard_map import standard_map_island
from ssmb.cli.main import main
from ssmb.elements import Drift
from ssmb.elements.linear_map import one_turn_matrix
from ssmb.errors import ConfigError, SsmbError
from ssmb.light import Undulator, coherent, growth, harmonic_energy, incoherent, statistics, undulator_orbit
from ssmb.light.generations import bend as bend_light
from ssmb.light.generations import brightness
from ssmb.lithography.demand import growth_from_doubling
from ssmb.lithography.dies import gross_dies_grid
from ssmb.maps import laser_field
from ssmb.ranges import LARGEST, SMALLEST
from ssmb.schemes import EchoEnabled, MicroBucketHarmonics, kicked
from ssmb.schemes.eehg import least_echo, optimise_echo
from ssmb.tracking import LaserProgram
from tests.support import assert_close

REF = Reference(400e6)
UND = Undulator.resonant(REF, 13.5e-9, 0.01, 300)
HOSTILE = (
    None, "250e6", True, math.nan, math.inf, -math.inf, -1.0, 0.0, 1e300, -1e300, 1e-300, 1e15, 1e-15, 10**30,
    -(10**30),
    10**9, 0.5, [1.0], [], 1j, {}, np.array([1.0, np.nan]), LARGEST, SMALLEST, -LARGEST,
)  # fmt: skip


def _case(call: Callable[..., Any], name: str = "", **good: Any) -> Any:
    return pytest.param(call, good, id=name or call.__name__)


_LASER = {"wavelength": 1e-6, "rayleigh_length": 1.0, "k": 2.0, "length": 4.0, "gamma": 500.0}
CASES = [
    _case(Reference, energy=250e6),
    _case(lambda **k: Beam.gaussian(REF, np.eye(6) * 1e-12, charge=1e-12, start="random", n=10, **k), "Beam.gaussian",
    seed=3),
    _case(lambda **k: bunching_factor([k["z"], 0.0], k["wavelength"]), "bunching_factor", z=1e-7, wavelength=1e-6),
    _case(lifetime.sands_lifetime, depth=10.0),
    _case(lifetime.pendulum_lifetime, depth=10.0),
    _case(lifetime.turn_by_turn_factor, depth=5.0, damping=1e-3),
    _case(lambda **k: standard_map_island(turns=20, grid=20, **k), "standard_map_island", k_std=0.05),
    _case(lambda **k: MicroBucket(**k).half_height, "MicroBucket", wavelength=1e-6, slip_factor=1e-6,
    circumference=100.0, amplitude=4e-5),
    _case(closed_form.gaussian_bunching, sigma_z=3e-9, wavelength=13.5e-9),
    _case(closed_form.boltzmann_bunching, kappa=9.0, harmonic=5),
    _case(closed_form.h_function, beta=9.0, alpha=0.0, dispersion=1e-3, dispersion_prime=0.0),
    _case(closed_form.dispersion_smear, emittance=3e-8, h=1e-7, tune=0.17, turns=1),
    _case(closed_form.second_order_path, chromaticity=-1.0, action=3e-8),
    _case(closed_form.chromatic_smear_bunching, chromaticity=1.0, emittance=3e-8, wavelength=1e-6, turns=1),
    _case(closed_form.drift_angle_bunching, emittance=1e-9, beta_waist=10.0, length=10.0, wavelength=13.5e-9),
    _case(closed_form.chirp_compressed_length, sigma_delta=3e-4, chirp=2481.0),
    _case(kicked.kicked_bunching, "coasting", harmonic=79, wavelength=1064e-9, path_amplitude=-1.7e-7, smear=2e-9),
    _case(kicked.kicked_bunching, "microbunch", harmonic=5, wavelength=1064e-9, path_amplitude=-1.7e-7, smear=2e-9,
          sigma_z=5e-8, stretch=0.3, second=0.1),
    _case(kicked.bessel_peak, order=79),
    _case(kicked.best_compression, harmonic=79),
    _case(kicked.length_for_bunching, harmonic=79, wavelength=1064e-9, bunching=0.1),
    _case(lambda **k: optimise_echo(REF, 266e-9, 1.25e-4, 24, **k).r56_1, "optimise_echo", a1=3.0, a2=3.0),
    _case(lambda **k: least_echo(REF, 266e-9, 1.25e-4, **k).r56_1, "least_echo", harmonic=8, bunching=0.05),
    _case(lambda **k: MicroBucketHarmonics.examples()[0].bunching(**k), "MicroBucketHarmonics", harmonic=3),
    _case(coherent.size_parameter, undulator=UND, sigma=20e-6, harmonic=1),
    _case(coherent.form_factor, s_x=0.1, s_y=0.2, detuning=1.0, reach=3.0),
    _case(coherent.even_form_factors, s_x=0.1, s_y=0.2, reach=3.0),
    _case(coherent.even_amplitudes, k=2.4, harmonic=2),
    _case(coherent.coherent_power, undulator=UND, current=1.0, bunching=0.1, harmonic=1, sigma_perp=20e-6, detuning=0.5,
          acceptance=1e-4),
    _case(incoherent.central_cone_power, undulator=UND, current=1.0, harmonic=1),
    _case(incoherent.axis_power_density, undulator=UND, current=1.0),
    _case(incoherent.spectral_energy, undulator=UND, harmonic=1, offset=0.001, acceptance=1e-4),
    _case(incoherent.incoherent_energy, undulator=UND, charge=1e-12, bandwidth=1e-3, harmonic=1, acceptance=1e-4),
    _case(growth.pierce_parameter, undulator=UND, current=1.0, sigma_x=2e-5, sigma_y=2e-5),
    _case(brightness.energy_widening, spread=1.0),
    _case(statistics.electrons_per_wavelength, current=1.0, wavelength=1e-6),
    _case(bend_light.bend_flux, reference=REF, field=1.0, photon_energy=100.0, current=0.1, bandwidth=1e-3),
    _case(lambda **k: Undulator(REF, **k).energy_per_electron(), "energy_per_electron", period=0.01, n_periods=300,
    k=1.1),
    _case(lambda **k: Undulator(REF, **k).wavelength(), "wavelength", period=0.01, n_periods=300, k=1.1),
    _case(lambda **k: Undulator.resonant(REF, **k).k, "resonant", wavelength=13.5e-9, period=0.01, n_periods=300),
    _case(statistics.photon_energy, wavelength=1e-6),
    _case(statistics.photon_rate, power=1.0, wavelength=1e-6),
    _case(laser_field.energy_modulation, power=1e6, **_LASER),
    _case(laser_field.power_for_modulation, modulation=1e5, **_LASER),
    _case(laser_field.transverse_amplitude, amplitude=1e-4, x=1e-4, y=0.0, waist_radius=4e-4),
    _case(laser_field.panofsky_wenzel_kick, amplitude=1e-4, x=1e-4, y=0.0, waist_radius=4e-4, wavelength=1e-6,
    phase=0.1),
    _case(lambda **k: one_turn_matrix((k["tune"], 0.2, 0.01), (k["beta"], 3.0, 1.0)), "one_turn_matrix", tune=0.1,
    beta=5.0),
    _case(lambda **k: LaserProgram().evaluate(turns=4, **k).amplitude, "LaserProgram", first_turn=0,
    circumference=100.0),
]  # fmt: skip


def _finite(found: Any) -> bool:
    if isinstance(found, Beam):
        found = found.coordinates
    if isinstance(found, Reference):
        found = found.energy
    return bool(np.all(np.isfinite(np.asarray(found, dtype=complex))))


@pytest.mark.parametrize(("call", "good"), CASES)
def test_every_argument_takes_anything(call, good):
    assert _finite(call(**good))
    wrong = []
    for name in good:
        if name in ("undulator", "reference"):  # objects that check themselves
            continue
        for bad in HOSTILE:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    found = call(**(good | {name: bad}))
                except SsmbError:
                    continue
                except Exception as error:  # what this test is for
                    wrong.append(f"{name} = {bad!r}: {type(error).__name__}: {error}")
                    continue
            if not _finite(found):
                wrong.append(f"{name} = {bad!r} gives {found}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Beam.gaussian(REF, np.eye(6) * 1e-12, n=10**12, charge=1e-12), "n must be a whole number .* to "
                                                                                "1000000000"),
        (lambda: standard_map_island(0.1, turns=10**9, grid=1000), "needs about 174 days: take fewer turns"),
        (lambda: standard_map_island(0.1, grid=10**6), "grid must be a whole number from 10 to 10000"),
        (lambda: lifetime.sands_lifetime(1e15), "beyond e.600 damping times"),
        (lambda: kicked.best_compression(10**30), "harmonic must be a whole number from 1 to 4000"),
        (lambda: bunching_factor([1e200], 1e-6), "beyond 2.52 wavelengths"),
        (lambda: growth_from_doubling(1e-15), "growth_from_doubling: the result leaves the range of floating point"),
        (lambda: gross_dies_grid(0.01, 0.01, trial_offsets=10**9), "trial offsets must be a whole number from 1"),
        (lambda: undulator_orbit(UND, panels=10**9), "an orbit with 1e.09 panels in a pole needs about 48 TB"),
        (lambda: harmonic_energy(UND, 3000), "harmonic 3000 needs about .*: take a lower one"),
        (lambda: LaserProgram().evaluate(0, 10**9, 100.0), "the light of 1e.09 turns needs about 60 GB and 50 s: ask"),
        (lambda: EchoEnabled.examples()[0].quadrature(10**9), "nodes must be a whole number from 1 to 8388608"),
        (lambda: Drift(name=np.zeros(3)), "Drift: name must be a text, not array"),
        (lambda: EchoEnabled.examples()[0].term(math.nan, 1), "n .1. must be a finite real number"),
        (lambda: EchoEnabled.examples()[0].term(1, 1e300), "m .1. must be between"),
        (lambda: growth.field_growth([0.0], [0.0], pierce=1e-3, n_periods=9, steps=10**30), "steps must be a whole"),
        (lambda: Reference("250e6"), "reference energy .eV. must be a finite real number, not '250e6'"),
        (lambda: optimise_echo(REF, 266e-9, 1.25e-4, 24, a1=1e-30, a2=3.0), "each must be 0.001 to 100000"),
    ],
)  # fmt: skip
def test_messages_say_what_is_allowed(call, words):
    with pytest.raises(SsmbError, match=words):
        call()


@pytest.mark.parametrize("arguments", [("--bunching", "1e-300"), ("--bunching", "1e-50"), ("--harmonic", str(10**30))])
def test_compare_schemes_with_anything(arguments, capsys):
    given = {"--harmonic": "3", "--bunching": "0.1"} | dict([arguments])
    code = main(["compare", "schemes", *(word for pair in given.items() for word in pair)])
    told = capsys.readouterr()
    assert code in (0, 2, 3) and "nan" not in told.out


def test_the_limit_of_a_deep_bucket_joins_its_bessel_functions():
    for n in (1, 50, 4000):
        below, above = (closed_form.boltzmann_bunching(k, n) for k in (1e9 * (1.0 - 1e-12), 1e9 * (1.0 + 1e-12)))
        assert_close(above, below, rtol=1e-9, atol=0.0, what=f"|b_{n}|")


def test_small_shares_are_still_shares():
    from ssmb.ranges import positive, share

    assert share("kept", 1e-300) == 1e-300
    with pytest.raises(ConfigError, match="at least 1e-60"):
        positive("wavelength", 1e-300, "m")
