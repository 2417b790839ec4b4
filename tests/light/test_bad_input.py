"""Bad input to the functions of light: an error or a warning with the number that is off; never NaN, never another
error.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ssmb import light as light
from ssmb.beam import Beam, Reference
from ssmb.errors import ConfigError, PhysicsError, SsmbError, ValidityWarning
from ssmb.light import coherent, incoherent, statistics
from ssmb.light.generations import bend as bend_light

REF = Reference(400e6)
EUV = light.Undulator.resonant(REF, 13.5e-9, period=0.01, n_periods=60)
POINT = Beam(REF, np.zeros((6, 4)))
FIELD = light.undulator_field(EUV, [0.0, 1e-4], 0.0, [91.8, 92.0])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        # K at the wrong resonance
        (lambda: light.Undulator.resonant(REF, 1e-9, 0.01, 60), PhysicsError, "e-09"),
        (lambda: light.tracked_power(EUV, POINT, 30e-9, current=1.0), PhysicsError, r"-55.0% .* 3e-08 m"),
        # a wavelength that is not near the harmonic
        (lambda: light.tracked_power(EUV, POINT, 4.5e-9, current=1.0), PhysicsError, "nearest harmonic: 3"),
        (lambda: incoherent.spectral_energy(EUV, 1, 2.0), PhysicsError, r"\+200.0% .* nearest harmonic: 3"),
        (lambda: incoherent.spectral_energy(EUV, 1, -1.0), PhysicsError, "no wavelength"),
        (lambda: incoherent.energy_in_band(EUV, 1.2), PhysicsError, r"\+60.0%"),
        (lambda: light.coherent_power(EUV, current=1.0, bunching=0.1, detuning=400.0), PhysicsError, "harmonic 1"),
        (
            lambda: light.debunched_power(EUV, current=1.0, bunching=0.1, plane_x=light.Plane(1e-5), detuning=-400.0),
            PhysicsError,
            "nearest harmonic: 2",
        ),
        (lambda: light.undulator_field(EUV, 0.0, 0.0, 13.5e9), ConfigError, "harmonic 1.47e"),
        (lambda: light.harmonic_amplitude(EUV, 10**6, 0.0, 0.0), ConfigError, "1000000"),
        (lambda: light.bend_flux(REF, 1.0, 1e9, 1.0), PhysicsError, "times the critical energy"),
        # b > 1
        (lambda: light.coherent_power(EUV, current=1.0, bunching=1.2), ConfigError, "1.2"),
        (lambda: light.coherent_energy(EUV, charge=1e-12, sigma_z=1e-5, bunching=1.2), ConfigError, "1.2"),
        (lambda: light.debunched_power(EUV, current=1.0, bunching=1.2, plane_x=light.Plane(0.0)), ConfigError, "1.2"),
        (lambda: statistics.relative_variance(1.2, 0.1, 1e4), ConfigError, "1.2"),
        (lambda: statistics.coherent_to_incoherent(60, 1.2, 1.0, 1e-8), ConfigError, "1.2"),
        # an aperture of zero
        (lambda: light.coherent_power(EUV, current=1.0, bunching=0.1, acceptance=0.0), ConfigError, "acceptance.*0.0"),
        (lambda: light.tracked_power(EUV, POINT, 13.5e-9, current=1.0, acceptance=0.0), ConfigError, "acceptance.*0.0"),
        (lambda: light.aperture_spectrum(EUV, 92.0, 0.0, 1e-4), ConfigError, "half_x.*0.0"),
        (lambda: light.aperture_spectrum(EUV, 92.0, 1e-4, 0.5), ConfigError, "0.5 rad"),
        (lambda: light.harmonic_energy(EUV, 1, 0.0), ConfigError, "max_angle.*0.0"),
        (lambda: incoherent.spectral_energy(EUV, acceptance=0.0), ConfigError, "acceptance.*0.0"),
        (lambda: coherent.form_factor(0.1, reach=0.0), ConfigError, "reach.*0.0"),
        # what is not a pair, and more nodes than memory
        (lambda: light.tabulated_orbit(REF, np.arange(5.0), np.zeros(5), place=1.0), ConfigError, "place.*1.0"),
        (lambda: light.tabulated_orbit(REF, np.arange(5.0), np.zeros(5), slope=(0.0,)), ConfigError, "slope.*two"),
        (lambda: light.undulator_orbit(EUV, nodes=10**9), ConfigError, "1000000000"),
        (lambda: light.tabulated_orbit(REF, np.arange(5.0), np.zeros(5), nodes=10**9), ConfigError, "2 to 512"),
        (lambda: light.tracked_power(EUV, POINT, 13.5e-9, current=1.0, resolution=10**9), ConfigError, "1 to 64"),
        # a radiator without field
        (
            lambda: light.bunching_for_power(light.Undulator(REF, 0.01, 60, 0.0), 1.0, current=1.0),
            PhysicsError,
            "K = 0",
        ),
    ],
)
def test_the_number_that_is_off_is_named(call: Any, error: type[SsmbError], words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_power_out_of_reach() -> None:
    with pytest.warns(ValidityWarning, match=r"1000 W need a bunching factor of 4\.\d+, above 1"):
        needed = light.bunching_for_power(EUV, 1000.0, current=0.0711)
    assert needed > 4.0


CALLS: dict[str, tuple[Any, dict[str, Any]]] = {
    "coherent_power": (
        light.coherent_power,
        {"undulator": EUV, "current": 1.0, "bunching": 0.1, "harmonic": 1, "sigma_perp": 1e-5, "acceptance": 1e-3},
    ),
    "coherent_energy": (
        light.coherent_energy,
        {"undulator": EUV, "charge": 1e-12, "sigma_z": 1e-5, "bunching": 0.1, "sigma_perp": 1e-5, "bandwidth": 0.01},
    ),
    "form_factor": (coherent.form_factor, {"s_x": 0.1, "s_y": 0.1, "detuning": 0.1, "reach": 10.0}),
    "spectral_energy": (
        incoherent.spectral_energy,
        {"undulator": EUV, "harmonic": 1, "offset": 0.0, "acceptance": 1e-3},
    ),
    "energy_in_band": (incoherent.energy_in_band, {"undulator": EUV, "bandwidth": 0.02, "harmonic": 1}),
    "growth": (
        light.field_growth,
        {"phase": [0.0], "delta": [0.0], "pierce": 1e-4, "n_periods": 50, "steps": 60},
    ),
    "angular_energy": (light.angular_energy, {"undulator": EUV, "harmonic": 1, "theta_x": 0.0, "theta_y": 1e-4}),
    "angular_density": (light.angular_density, {"field": FIELD, "photon_energy": [91.8, 92.0]}),
    "stokes": (light.stokes, {"field": FIELD, "photon_energy": [91.8, 92.0]}),
    "photon_flux": (light.photon_flux, {"density": 1.0, "current": 1.0, "bandwidth": 1e-3}),
    "relative_variance": (
        statistics.relative_variance,
        {"bunching": 0.1, "bunching_double": 0.01, "n_electrons": 1e4, "n_photons": 1e3},
    ),
    "signal": (
        light.signal_against_charge,
        {"undulator": EUV, "charges": [1e-12], "sigma_z": 1e-5, "bunching": 0.1, "bandwidth": 0.01},
    ),
    "bend_divergence": (bend_light.bend_divergence, {"reference": REF, "field": 1.0, "photon_energy": 10.0}),
}


@pytest.mark.filterwarnings("ignore::ssmb.errors.ValidityWarning")
@pytest.mark.parametrize("name", CALLS)
def test_no_foreign_error_and_no_nan(name: str) -> None:
    call, good = CALLS[name]
    call(**good)
    refused = 0
    for key in good:
        if key in ("undulator", "reference"):
            continue
        for bad in (math.nan, -1.0, 0.0, 1e-30, "x", None, [1.0, 2.0]):
            try:
                found = call(**{**good, key: bad})
            except SsmbError:
                refused += 1
                continue
            if isinstance(found, (float, tuple, np.ndarray)):
                assert not np.isnan(np.abs(found)).any(), (name, key, bad)
    assert refused >= 2 * len(good) - 2


@pytest.mark.parametrize("harmonic", [1, 3])
def test_a_harmonic_is_near_up_to_half_of_the_way_to_the_next(harmonic: int) -> None:
    for offset in (-0.49 / harmonic, 0.49 / harmonic):
        assert EUV.near_harmonic(harmonic, offset) == offset
    for offset, nearest in ((-0.51 / harmonic, max(1, harmonic - 1)), (0.51 / harmonic, harmonic + 1)):
        with pytest.raises(PhysicsError, match=f"nearest harmonic: {nearest}"):
            EUV.near_harmonic(harmonic, offset)
