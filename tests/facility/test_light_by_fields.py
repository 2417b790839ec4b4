"""The numbers of a source that are not the coherent light, each by a second way: fields, plane waves, Larmor's
power.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from ssmb.beam import Beam, Reference
from ssmb.constants import ELECTRON_MASS_EV, ELEMENTARY_CHARGE, VACUUM_IMPEDANCE
from ssmb.facility import SourceLight
from ssmb.light import Undulator
from tests.facility.lights import deflection, energy_by_fields, light_of, loss_by_larmor
from tests.support import assert_close

REF = Reference(600e6)
LASER, HARMONIC, PERIOD, PERIODS = 1064e-9, 8, 0.04, 300
AVERAGE, TRAIN, BAND = 0.3, 6.0, 1e-3
SIZES = (60e-6, 30e-6)


@pytest.fixture(scope="module")
def light() -> SourceLight:
    sigma = np.diag(np.array([SIZES[0], 5e-6, SIZES[1], 5e-6, 10e-9, 1e-4]) ** 2)
    beam = Beam.gaussian(REF, sigma, n=2**10, charge=1e-12, seed=2, start="quiet")
    with pytest.warns():  # such a long radiator would change the beam
        return light_of(
            beam, PERIOD, PERIODS, laser_wavelength=LASER, harmonic=HARMONIC, average_current=AVERAGE,
            train_current=TRAIN, band=BAND,
        )  # fmt: skip


def test_incoherent_power_is_that_of_the_fields_of_its_electrons(light):
    und = Undulator(REF, PERIOD, PERIODS, deflection(LASER / HARMONIC, PERIOD, REF.gamma))
    # angles to where the second harmonic has a tenth of its way to this wavelength behind it: all of the lobe
    cone = math.sqrt(0.2 * (1.0 + 0.5 * und.k**2)) / REF.gamma
    power = AVERAGE / ELEMENTARY_CHARGE * energy_by_fields(und, BAND, cone)
    # the closed form is that of many periods; at 300 the lobe still has a hundredth of its light too far out
    assert_close(light.incoherent_power, power, rtol=0.02, atol=0.0, what="incoherent power in the band [W]")


def test_gain_is_that_of_plane_waves_of_the_train(light):
    """rho by its meaning: a frozen beam gives rho (|b| 4 pi rho N)^2 of its power to the light.

    The light is that of plane waves of a beam with constant density I/A, A = 2 pi sigma_x sigma_y: the current density
    I b K [JJ]/(gamma A) of the light's frequency makes the field Z0/2 L of it.
    """
    k = deflection(LASER / HARMONIC, PERIOD, REF.gamma)
    chi = k * k / (4.0 + 2.0 * k * k)
    area = 2.0 * math.pi * math.prod(SIZES)
    field = 0.5 * VACUUM_IMPEDANCE * PERIODS * PERIOD * TRAIN / area * k / REF.gamma
    field *= special.jv(0, chi) - special.jv(1, chi)  # [V/m] of full bunching
    share = field**2 / (2.0 * VACUUM_IMPEDANCE) * area / (TRAIN * REF.gamma * ELECTRON_MASS_EV)
    gain = (share * 4.0 * math.pi * PERIODS) ** (1.0 / 3.0)
    # a quiet beam of 1024 has its sizes to a part in a thousand
    assert_close(light.gain, gain, rtol=3e-3, atol=0.0, what="4 pi rho N")


def test_incoherent_loss_is_larmors_power(light):
    k = deflection(LASER / HARMONIC, PERIOD, REF.gamma)
    want = loss_by_larmor(k, PERIOD, PERIODS, REF.gamma)
    assert_close(light.incoherent_loss, want, rtol=1e-5, atol=0.0, what="loss of an electron in a pass [eV]")


def test_loss_to_the_light_is_its_power_over_the_current_of_the_train(light):
    assert_close(light.energy_loss * TRAIN, light.light.power, rtol=1e-12, atol=0.0, what="peak power [W]")
    assert_close(light.exit.average_power, light.light.power * AVERAGE / TRAIN, rtol=1e-12, atol=0.0)
