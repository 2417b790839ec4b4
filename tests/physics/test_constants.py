"""The constants are those of CODATA 2022, as far as the installed scipy knows them."""

import pytest
from scipy import constants as codata

from ssmb import constants
from tests.support import assert_close

NAMES = {
    "SPEED_OF_LIGHT": "speed of light in vacuum",
    "ELEMENTARY_CHARGE": "elementary charge",
    "PLANCK": "Planck constant",
    "HBAR": "reduced Planck constant",
    "VACUUM_PERMITTIVITY": "vacuum electric permittivity",
    "VACUUM_IMPEDANCE": "characteristic impedance of vacuum",
    "FINE_STRUCTURE": "fine-structure constant",
    "CLASSICAL_ELECTRON_RADIUS": "classical electron radius",
    "ELECTRON_COMPTON_REDUCED": "reduced Compton wavelength",
}


@pytest.mark.parametrize("name", NAMES)
def test_is_the_codata_value(name):
    # scipy before 1.15 has CODATA 2018, which differs by up to 2e-9
    assert_close(getattr(constants, name), codata.physical_constants[NAMES[name]][0], rtol=3e-9, atol=0.0, what=name)


@pytest.mark.parametrize("kind", ["electron", "proton"])
def test_rest_energy(kind):
    want = codata.physical_constants[f"{kind} mass energy equivalent in MeV"][0] * 1e6
    assert_close(getattr(constants, f"{kind.upper()}_MASS_EV"), want, rtol=3e-9, atol=0.0, what=kind)
