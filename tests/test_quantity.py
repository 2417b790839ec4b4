"""Quantities: what they take, what they refuse with which words, and units in text."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from ssmb import text
from ssmb.errors import ConfigError, LatticeError
from ssmb.quantity import (
    COVARIANCE,
    MATRIX,
    PER_EMITTANCE,
    PHASE_SPACE,
    Quantity,
    Shown,
    check_quantities,
    label_of,
    quantities_of,
    quantity,
    text_of,
    units_of,
)
from ssmb.units import number_in

WAVELENGTH = Quantity("m", "laser wavelength", minimum=1e-15, maximum=1e6, plausible=(1e-11, 1e-2))


@pytest.mark.parametrize(
    ("symbol", "text", "want"),
    [
        ("m", "1064 nm", 1064e-9),
        ("m", "13.5nm", 13.5e-9),
        ("m", "20 cm", 0.2),
        ("m", "3 µm", 3e-6),
        ("m", "-2 mm", -2e-3),
        ("m", "0.4 nm rad", 0.4e-9),
        ("m", "0.4 nm*rad", 0.4e-9),
        ("m", "0.4 mm mrad", 0.4e-6),
        ("m*rad", "4 pm rad", 4e-12),
        ("W", "5 MW", 5e6),
        ("eV", "250 MeV", 250e6),
        ("eV/c", "3 GeV/c", 3e9),
        ("J", "1 eV", 1.602176634e-19),
        ("1/m^2", "2 1/mm^2", 2e6),
        ("1/m", "7 m^-1", 7.0),
        ("s", "1.5 ms", 1.5e-3),
        ("Hz", "500 MHz", 5e8),
        ("Hz", "3 1/s", 3.0),
        ("T", "800 mT", 0.8),
        ("Pa", "3 Pa", 3.0),
        ("1", "5 %", 0.05),
        ("1", "3 ppm", 3e-6),
        ("2pi", "1 2pi", 1.0),
    ],
)
def test_a_text_with_unit_is_the_number_to_the_bit(symbol, text, want):
    assert number_in(symbol, text) == want


@pytest.mark.parametrize(
    ("symbol", "text", "words"),
    [
        ("m", "5 MW", "not a quantity in m"),
        ("m", "5", "without a unit"),
        ("m", "2*3", "no number with a unit"),
        ("Hz", "31/s", "no number with a unit"),
        ("m", "five nm", "no number with a unit"),
        ("m", "5 furlong", "unknown unit 'furlong'"),
        ("m", "5 nnm", "unknown unit"),
        ("m", "", "no number with a unit"),
        ("m", "1e9999 m", "beyond the numbers"),
        ("m", "nan m", "no number with a unit"),
        ("m^0.5", "1 mm^0.5", "broken power"),
        ("1", "5 rad", "pure numbers"),
        ("m", "1 m/", "unknown unit"),
        ("m", "1 m^^2", "unknown unit"),
        ("m", "1 nm^x", "unknown unit"),
    ],
)
def test_a_wrong_text_says_what_is_wrong(symbol, text, words):
    with pytest.raises(ConfigError) as caught:
        number_in(symbol, text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (True, "must be a number from 1e-15 to 1e+06 m, got True"),
        (None, "got None"),
        ([1.0], "got [1.0]"),
        (-1.0, "laser wavelength must be a number from 1e-15 to 1e+06 m, got -1.0"),
        (math.nan, "got nan"),
        (math.inf, "got inf"),
        (10**400, "got 1000"),
        (1064.0, "1064 m is no laser wavelength; did you mean 1064e-9 or '1064 nm'?"),
        (1e-14, "a usual size is 1e-11 to 0.01 m"),
        ("5 MW", "'5 MW' is not a quantity in m"),
        ("1e9 m", "from 1e-15 to 1e+06 m"),
    ],
)
def test_a_wrong_number_says_what_is_allowed_and_what_was_given(value, words):
    with pytest.raises(ConfigError) as caught:
        WAVELENGTH.number(value)
    assert words in str(caught.value)


def test_a_text_with_unit_is_not_asked_about():
    assert WAVELENGTH.number("1064 m") == 1064.0


def test_numbers_of_numpy_are_numbers():
    assert WAVELENGTH.number(np.float32(0.5**10)) == 0.5**10
    assert WAVELENGTH.number(np.array(1e-6)) == 1e-6
    assert Quantity("1", "turns", minimum=1).count(np.int64(3)) == 3


@pytest.mark.parametrize(
    ("limits", "allowed"),
    [
        ({}, "a finite number [m]"),
        ({"minimum": 0.0}, "a number of at least 0 m"),
        ({"minimum": 0.0, "open_minimum": True}, "a number above 0 m"),
        ({"maximum": 2.0, "open_maximum": True}, "a number below 2 m"),
        ({"minimum": 0.0, "open_minimum": True, "maximum": 1.0}, "a number above 0 and of at most 1 m"),
    ],
)
def test_limits_in_words(limits, allowed):
    assert Quantity("m", "length", **limits).allowed() == allowed


def test_open_limits_exclude_themselves_and_closed_ones_do_not():
    unit_interval = Quantity("1", "share", minimum=0.0, maximum=1.0, open_minimum=True)
    assert unit_interval.number(1.0) == 1.0
    with pytest.raises(ConfigError):
        unit_interval.number(0.0)
    assert Quantity("1", "share", minimum=0.0).number(0.0) == 0.0
    with pytest.raises(ConfigError):
        Quantity("1", "share", maximum=1.0, open_maximum=True).number(1.0)


def test_whole_numbers():
    turns = Quantity("1", "turns", minimum=1, maximum=10_000_000)
    assert turns.count(7) == 7 and type(turns.count(7.0)) is int
    for value in (0, 1.5, "7", True, math.nan, math.inf):
        with pytest.raises(ConfigError, match="turns must be a whole number from 1 to 10000000, got"):
            turns.count(value)


def test_choices():
    start = Quantity("", "start", choices=("quiet", "random"))
    assert start.choice("quiet") == "quiet"
    with pytest.raises(ConfigError, match="one of quiet, random, got 'quite'. Did you mean 'quiet'"):
        start.choice("quite")


def test_an_unknown_unit_is_an_error_where_it_is_declared():
    with pytest.raises(ConfigError, match="unknown unit 'furlong'"):
        quantity("furlong", "length")


class Section(BaseModel):
    """As the sections of a run file."""

    wavelength: Annotated[float, WAVELENGTH]
    turns: Annotated[int, Quantity("1", "number of turns", minimum=1)] = 3
    spot: Annotated[float, Quantity("m", "waist", minimum=0.0, open_minimum=True)] | None = None
    charges: tuple[Annotated[float, Quantity("C", "charges")], ...] = ()


def test_a_section_takes_texts_with_unit():
    made = Section(wavelength="1064 nm", charges=("1 pC", 2e-12), spot="3 mm")  # pyright: ignore
    assert (made.wavelength, made.charges, made.spot, made.turns) == (1064e-9, (1e-12, 2e-12), 3e-3, 3)
    assert Section.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize(
    ("given", "place", "words"),
    [
        ({"wavelength": -1}, ("wavelength",), "must be a number from 1e-15 to 1e+06 m, got -1"),
        ({"wavelength": 1064}, ("wavelength",), "did you mean 1064e-9 or '1064 nm'?"),
        ({"wavelength": "5 MW"}, ("wavelength",), "'5 MW' is not a quantity in m"),
        ({"wavelength": 1e-6, "charges": [1, "x"]}, ("charges", 1), "'x' is no number with a unit"),
        ({"wavelength": 1e-6, "spot": 0}, ("spot",), "must be a number above 0 m, got 0"),
        ({"wavelength": 1e-6, "turns": 0}, ("turns",), "must be a whole number of at least 1, got 0"),
    ],
)
def test_a_section_says_where_and_what(given, place, words):
    with pytest.raises(ValidationError) as caught:
        Section.model_validate(given)
    [error] = caught.value.errors()
    assert error["loc"] == place and words in error["msg"]


def test_the_schema_of_a_section_has_units_words_and_limits():
    found = Section.model_json_schema()["properties"]
    assert found["wavelength"]["description"] == "laser wavelength [m]"
    assert found["wavelength"]["minimum"] == 1e-15 and found["wavelength"]["type"] == "number"
    assert found["turns"]["type"] == "integer" and found["turns"]["minimum"] == 1


def test_the_quantities_of_a_section():
    assert {name: of.unit for name, of in quantities_of(Section).items()} == {
        "wavelength": "m",
        "turns": "1",
        "spot": "m",
        "charges": "C",
    }


@dataclass(frozen=True)
class Part:
    """As a part of a facility."""

    power: float = quantity("W", "power", minimum=0.0, plausible=(1e-6, 1e12))
    length: float | None = quantity("m", "length", default=None, minimum=0.0)
    number: int = quantity("1", "number of magnets", default=1, minimum=1)
    name: str = ""

    def __post_init__(self) -> None:
        check_quantities(self, LatticeError)


def test_a_dataclass_is_checked():
    assert Part("5 MW", "20 cm") == Part(5e6, 0.2)  # pyright: ignore
    assert Part(1.0).length is None
    with pytest.raises(LatticeError, match="Part.number must be a whole number of at least 1, got 0"):
        Part(1.0, number=0)
    with pytest.raises(LatticeError, match="Part.power must be a number of at least 0 W, got None"):
        Part(None)  # pyright: ignore


def test_labels():
    assert label_of(Part, "power") == "power [W]"
    assert label_of(Part(1.0), "number") == "number of magnets"
    assert label_of(Part, "length", "mm") == "length [mm]"
    with pytest.raises(ConfigError, match="Part declares no quantity 'powr'. Did you mean 'power'"):
        label_of(Part, "powr")


def test_mixed_units_are_listed():
    assert [[u.symbol for u in row] for row in units_of(PHASE_SPACE)] == [["m", "1", "m", "1", "m", "1"]]
    # a covariance in metres: x with x, x with px, px with delta
    covariance, matrix, beta = (
        [[u.dimension[0] for u in r] for r in units_of(t)] for t in (COVARIANCE, MATRIX, PER_EMITTANCE)
    )
    assert (covariance[0][0], covariance[0][1], covariance[1][5]) == (2.0, 1.0, 0.0)
    # of a matrix R11, R12 (m per 1), R21 (1 per m), R56
    assert (matrix[0][0], matrix[0][1], matrix[1][0], matrix[4][5]) == (0.0, 1.0, -1.0, 1.0)
    # beta, alpha, gamma
    assert (beta[0][0], beta[0][1], beta[1][1]) == (1.0, 0.0, -1.0)


@dataclass(frozen=True)
class Found(Shown):
    """As a result."""

    power: float = quantity("W", "power at <the> focus")
    b: np.ndarray = quantity("1", "bunching factors", dims=("harmonic",))
    names: tuple[str, ...] = quantity("", "names of the elements", dims=("element",))


def test_a_notebook_shows_name_value_unit_and_words():
    shown = Found(1234.5678, np.array([3j, 0.5]), ("a", "b"))._repr_html_()
    assert "<td>power</td><td>1234.57</td><td>W</td><td>power at &lt;the&gt; focus</td>" in shown
    assert "<td>b</td><td>array 2, 0.5 to 3</td><td>1</td>" in shown
    assert shown.count("<tr>") == 4
    empty = Found(math.nan, np.zeros((0, 2)), ("x",) * 9)._repr_html_()
    assert "<td>nan</td>" in empty and "<td>array 0 x 2</td>" in empty and "<td>9 entries</td>" in empty


def test_a_number_with_an_interval_is_told_in_the_digits_that_it_leaves():
    """The last digit told is no finer than a tenth of the width, for widths of any size, and the bounds stand there."""

    @dataclass(frozen=True)
    class Watts:
        power: float = quantity("W", "power")
        power_range: tuple[float, float] = quantity("W", "its interval", dims=("bound",))
        gain: float = quantity("1", "gain", default=0.123456)
        gain_range: tuple[float, float] | None = quantity("1", "its interval", default=None, dims=("bound",))

    assert text_of(Watts(12.345, (2.0, 72.0)), "power") == "10 W (2 W to 70 W)"
    assert text_of(Watts(12.345, (12.2, 12.5)), "power") == "12.3 W (12.2 W to 12.5 W)"
    assert text_of(Watts(1.0, (1.0, 1.0), 0.123456, (0.11, 0.14)), "gain") == "0.12 (0.11 to 0.14)"
    for exponent in range(-9, 9):
        value, width = 1.7 * 10.0**exponent, 10.0 ** (exponent - 1.4)
        digits = text.digits_within(value, (value - width / 2.0, value + width / 2.0))
        assert 0.1 * width <= 10.0 ** (exponent - digits + 1) < width
