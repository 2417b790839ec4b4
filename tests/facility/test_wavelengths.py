"""From THz to soft X-rays through the same calls: nothing in them knows that light is usually at 13.5 nm."""

from __future__ import annotations

import math

import numpy as np
import pytest

import ssmb
from ssmb.beam import Beam, Reference
from ssmb.beamlines import Beamline, Given
from ssmb.constants import VACUUM_IMPEDANCE
from ssmb.light import ExitLight, Undulator, counted_band, tracked_power
from ssmb.lithography import EuvSource, power_at_focus
from tests.facility.lights import light_of
from tests.support import assert_close

#: wavelength [m], energy [eV], period [m]
LIGHTS = [
    # gamma = 39: the resonance itself is a few percent off, which is warned of
    pytest.param(300e-6, 20e6, 0.1, id="1 THz", marks=pytest.mark.filterwarnings("ignore:50 periods")),
    pytest.param(10e-6, 100e6, 0.2, id="10 um"),
    pytest.param(266e-9, 250e6, 0.1, id="266 nm"),
    pytest.param(13.5e-9, 400e6, 0.01, id="13.5 nm"),
    pytest.param(6.7e-9, 600e6, 0.01, id="6.7 nm"),
    pytest.param(2e-9, 1200e6, 0.01, id="2 nm"),
]
PERIODS, SIZE, WIDTH = 50, 0.05, 0.1  # N, S = k sigma^2/L, sigma_z over the wavelength
#: (2/pi)[atan(1/2S) + S ln(4 S^2/(4 S^2 + 1))]
FORM_FACTOR = 2.0 / math.pi * (math.atan(0.5 / SIZE) + SIZE * math.log(4.0 * SIZE**2 / (4.0 * SIZE**2 + 1.0)))


def _beam(reference, wavelength, period) -> Beam:
    sigma = math.sqrt(SIZE * PERIODS * period * wavelength / (2.0 * math.pi))
    moments = np.diag(np.array([sigma, 1e-12, sigma, 1e-12, WIDTH * wavelength, 1e-12]) ** 2)
    return Beam.gaussian(reference, moments, n=2**12, charge=1e-12, seed=3, start="quiet")


@pytest.mark.parametrize(("wavelength", "energy", "period"), LIGHTS)
def test_the_same_calls_at_every_wavelength(wavelength, energy, period):
    """Closed form (finite size of the beam) against the source; what depends on k sigma^2/L only is the same
    everywhere.
    """
    reference = Reference(energy)
    beam = _beam(reference, wavelength, period)
    found = light_of(
        beam,
        period,
        PERIODS,
        laser_wavelength=5 * wavelength,
        harmonic=5,
        average_current=0.02,
        train_current=0.08,
    )
    # pi Z_0 N Q |b I|^2 F: the first term in 1/N, as the sum over the particles takes it
    bunched = 0.08 * found.light.bunching
    coupling = found.light.undulator.coupling()
    want = math.pi * VACUUM_IMPEDANCE * PERIODS * coupling * bunched**2 * FORM_FACTOR
    assert_close(found.light.power, want, rtol=0.01, atol=0.0, what="power [W]")
    assert_close(found.light.bunching, math.exp(-0.5 * (2.0 * math.pi * WIDTH) ** 2), rtol=5e-3, atol=0.0)
    assert_close(found.light.efficiency, FORM_FACTOR, rtol=2e-3, atol=0.0, what="form factor")
    assert_close(found.exit.average_power, 0.25 * found.light.power, rtol=1e-12, atol=0.0)
    # optics: one mode, its size and angle scale with the wavelength
    assert_close(found.exit.etendue, wavelength**2, rtol=1e-14, atol=0.0)
    assert_close(found.exit.sizes[0] * found.exit.divergence_x, wavelength / (4.0 * math.pi), rtol=1e-12, atol=0.0)
    scaled = found.exit.divergence * math.sqrt(PERIODS * period / wavelength)
    # <k L theta^2/4> = int x sinc^2 x exp(-4 S x) dx over the same without x
    mean = 0.25 * math.log(1.0 + 0.25 / SIZE**2) / (0.5 * math.pi * FORM_FACTOR)
    assert_close(scaled, math.sqrt(mean / math.pi), rtol=2e-3, atol=0.0, what="angle over sqrt(lambda/L)")
    assert found.incoherent_power > 0.0
    assert ssmb.plot(found).axes


@pytest.mark.parametrize(("wavelength", "energy", "period"), LIGHTS)
def test_band_and_optics_are_those_of_the_wavelength(wavelength, energy, period):
    beam = _beam(Reference(energy), wavelength, period)
    options = {"laser_wavelength": wavelength, "harmonic": 1, "average_current": 0.02}
    found = light_of(beam, period, PERIODS, **options)
    want = 0.006 if wavelength == 6.7e-9 else 0.02
    assert found.exit.band == counted_band(wavelength) == want
    assert light_of(beam, period, PERIODS, band=0.013, **options).exit.band == 0.013
    euv = wavelength in (13.5e-9, 6.7e-9)
    assert (found.steps[-1].name == "gas") == euv
    assert (found.steps[-1].name == "beamline: none given") == (not euv)
    if not euv:
        assert found.power_at_focus == pytest.approx(found.exit.in_band_power, rel=1e-12)
    line = Beamline("window", (Given("window", 0.7),))
    led = light_of(beam, period, PERIODS, chain=line, **options)
    assert_close(led.power_at_focus, 0.7 * led.exit.in_band_power, rtol=1e-12, atol=0.0)
    # only light in the band of a scanner has watts there
    assert (power_at_focus(EuvSource.from_result(found.exit)) is not None) == (wavelength == 13.5e-9)


def test_band_of_a_line_that_is_wider():
    """0.6 % at 6.7 nm: a line of 1.2 % counts half; the same line at 6.0 and 13.5 nm whole."""
    for wavelength, counted in ((6.7e-9, 0.5), (6.0e-9, 1.0), (13.5e-9, 1.0)):
        light = ExitLight(wavelength, 10.0, 10.0, 0.012, 1e-4, 1e-4, band=counted_band(wavelength))
        assert_close(light.in_band_power, 10.0 * counted, rtol=1e-12, atol=0.0)
    beam = _beam(Reference(600e6), 6.7e-9, 0.01)
    light = tracked_power(Undulator.resonant(beam.reference, 6.7e-9, 0.01, PERIODS), beam, 6.7e-9, current=1.0)
    train = ExitLight.of_train(light, average_current=1.0, train_length=70 * 6.7e-9)
    assert_close(train.in_band_power / train.average_power, 0.006 / (0.886 / 70.0), rtol=1e-9, atol=0.0)
