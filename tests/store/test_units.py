"""Units: the table against SI, and against the table of the openPMD-beamphysics package."""

import math

import pytest

from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.errors import ConfigError
from ssmb.units import UNITS, unit
from tests.store.trees import foreign_module
from tests.support import assert_close


def test_derived_units_follow_from_their_definitions():
    products = {
        "J": "kg*m^2/s^2",
        "W": "J/s",
        "V": "W/A",
        "T": "V*s/m^2",
        "C": "A*s",
        "ohm": "V/A",
        "F": "C/V",
        "H": "V*s/A",
        "N": "J/m",
        "Hz": "1/s",
        "1/m^3": "1/m/m/m",
        "eV/c": "eV/c^1",
    }
    for name, product in products.items():
        assert unit(name).dimension == unit(product).dimension, name
        assert_close(unit(name).si, unit(product).si, rtol=4e-16, atol=0.0, what=name)
    assert_close(unit("eV").si, ELEMENTARY_CHARGE, rtol=0.0, atol=0.0)
    assert_close(unit("c").si, SPEED_OF_LIGHT, rtol=0.0, atol=0.0)
    assert_close(unit("2pi").si, 2 * math.pi, rtol=0.0, atol=0.0)


def test_fractional_powers_and_order():
    assert unit("m^0.5").dimension == (0.5, 0, 0, 0, 0, 0, 0)
    assert unit("V/m*s").dimension == unit("V*s/m").dimension
    assert unit("m^-2").dimension == unit("1/m^2").dimension


def test_against_the_openpmd_package():
    units = foreign_module("beamphysics.units")
    names = dict.fromkeys(["c", "2pi", "turn", "N", "F", "H", "Pa", "sr", "h", "year"]) | {
        "ohm": "Ω"
    }  # not in that package, or spelled otherwise
    for name, ours in UNITS.items():
        theirs = names.get(name, name)
        if theirs is not None:
            other = units.pmd_unit(theirs)
            assert ours.dimension == tuple(other.unitDimension), name
            assert_close(ours.si, other.unitSI, rtol=1e-15, atol=0.0, what=name)


@pytest.mark.parametrize("wrong", ["", "meter", "m//s", "m*", "mm", "m^", "m^x", "m^2^3", "(m)", "m s", "µm", 3, None])
def test_unknown_units_are_refused(wrong):
    with pytest.raises(ConfigError, match="unit"):
        unit(wrong)


def test_message_names_the_nearest_unit():
    with pytest.raises(ConfigError, match=r"Did you mean 'ohm'\?"):
        unit("Ohm")
