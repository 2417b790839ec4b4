"""Sections of run files that follow from the quantities of a class: against the same section written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from ssmb.errors import ConfigError, PhysicsError
from ssmb.quantity import Quantity, check_quantities, quantity
from ssmb.studies.config_types import OneOf, Section, SectionOf, section_of


@dataclass(frozen=True)
class Spot:
    """Where a laser is."""

    waist: float = quantity("m", "waist", minimum=0.0, open_minimum=True)
    place: float = quantity("m", "place of the waist", default=0.0)


@dataclass(frozen=True)
class Laser:
    """A laser
    of a test.

    Not of the section.
    """

    wavelength: float = quantity("m", "laser wavelength", minimum=1e-15, maximum=1e6, plausible=(1e-12, 1e-2))
    harmonics: Sequence[int] = quantity("1", "harmonics", default=(1, 2), minimum=1, maximum=1000, entries=(1, 3))
    duty: tuple[int, int] = quantity("turn", "period, and turns that it is on", default=(1, 1), minimum=1)
    start: tuple[float, float] = quantity("m, 1", "dispersion D and D'", default=(0.0, 0.0))
    shape: str = quantity("", "shape", default="linear", choices=("linear", "smooth"))
    start_of: Literal["quiet", "random"] = quantity("", "start", default="quiet")
    power: float | None = quantity("W", "power", default=None, minimum=0.0)
    quick: bool = quantity("", "whether it is quick", default=False)
    spot: Spot | None = quantity("", "spot", default=None)
    ring: object = None

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.duty[1] > self.duty[0]:
            raise PhysicsError(f"on = {self.duty[1]} turns do not fit into a period of {self.duty[0]}")


class SpotByHand(Section):
    """Where a laser is."""

    waist: Annotated[float, Quantity("m", "waist", minimum=0.0, open_minimum=True)]
    place: Annotated[float, Quantity("m", "place of the waist")] = 0.0


class LaserByHand(Section):
    """A laser of a test."""

    wavelength: Annotated[float, Quantity("m", "laser wavelength", minimum=1e-15, maximum=1e6, plausible=(1e-12, 1e-2))]
    harmonics: tuple[Annotated[int, Quantity("1", "harmonics", minimum=1, maximum=1000)], ...] = Field(
        default=(1, 2), min_length=1, max_length=3
    )
    duty: tuple[Annotated[int, Quantity("turn", "d", minimum=1)], Annotated[int, Quantity("turn", "d", minimum=1)]] = (
        1,
        1,
    )
    start: tuple[Annotated[float, Quantity("m", "D")], Annotated[float, Quantity("1", "D'")]] = (0.0, 0.0)
    shape: Annotated[str, Quantity("", "shape", choices=("linear", "smooth"))] = "linear"
    start_of: Annotated[str, Quantity("", "start", choices=("quiet", "random"))] = "quiet"
    power: Annotated[float, Quantity("W", "power", minimum=0.0)] | None = None
    quick: bool = False
    spot: SpotByHand | None = None


LASER: Any = section_of(Laser)
GIVEN: list[dict[str, Any]] = [
    {},
    {"wavelength": 1064e-9},
    {"wavelength": "1064 nm"},
    {"wavelength": 1064},
    {"wavelength": "5 MW"},
    {"wavelength": -1e-6},
    {"wavelength": True},
    {"wavelength": [1e-6]},
    {"wavelength": float("nan")},
    {"wavelength": 1e-6, "wavelenght": 2e-6},
    {"wavelength": 1e-6, "harmonics": []},
    {"wavelength": 1e-6, "harmonics": [1, 2, 3, 4]},
    {"wavelength": 1e-6, "harmonics": [1, 0, 2.5]},
    {"wavelength": 1e-6, "harmonics": 5},
    {"wavelength": 1e-6, "duty": [5, 4]},
    {"wavelength": 1e-6, "duty": [5]},
    {"wavelength": 1e-6, "duty": [5, 4, 3]},
    {"wavelength": 1e-6, "start": ["5 mm", 1e-3]},
    {"wavelength": 1e-6, "start": [1e-3, "5 mm"]},
    {"wavelength": 1e-6, "shape": "smoth"},
    {"wavelength": 1e-6, "shape": 3},
    {"wavelength": 1e-6, "start_of": "quite"},
    {"wavelength": 1e-6, "power": "3 kW", "quick": True},
    {"wavelength": 1e-6, "power": -1.0},
    {"wavelength": 1e-6, "power": None, "spot": None},
    {"wavelength": 1e-6, "spot": {"waist": "1 mm"}},
    {"wavelength": 1e-6, "spot": {"waist": 0.0, "plac": 1}},
    {"wavelength": 1e-6, "spot": {}},
    {"wavelength": 1e-6, "ring": 1},
]


def found(section: Any, given: dict[str, Any]) -> Any:
    """What is read, or the place, the kind and the words of each error."""
    try:
        return section.model_validate(given).model_dump()
    except ValidationError as error:
        return [(e["loc"], e["type"], e["msg"]) for e in error.errors()]


@pytest.mark.parametrize("given", GIVEN, ids=str)
def test_a_section_reads_and_refuses_like_one_by_hand(given: dict[str, Any]) -> None:
    got, want = found(LASER, given), found(LaserByHand, given)
    if isinstance(want, list):  # the words of pydantic name the class
        want = [(loc, kind, words.replace("SpotByHand", "SpotSection")) for loc, kind, words in want]
    assert got == want


def test_the_object_of_a_section() -> None:
    section = LASER.model_validate(
        {"wavelength": "1064 nm", "start": ["5 mm", 1e-3], "spot": {"waist": "1 mm"}, "harmonics": [3], "duty": [5, 4]}
    )
    want = Laser(1064e-9, (3,), (5, 4), (5e-3, 1e-3), spot=Spot(1e-3), ring="ring")
    assert section.made(ring="ring") == want
    assert LASER.model_validate_json(section.model_dump_json()) == section
    assert section.made(wavelength=2e-6).wavelength == 2e-6


def test_the_class_checks_what_goes_together() -> None:
    with pytest.raises(ValidationError, match="on = 6 turns do not fit into a period of 5"):
        LASER.model_validate({"wavelength": 1e-6, "duty": [5, 6]})


def test_the_schema_has_units_words_and_limits() -> None:
    told, want = LASER.model_json_schema(), LaserByHand.model_json_schema()
    assert told["description"] == "A laser of a test." and told["required"] == ["wavelength"]
    assert told["properties"]["wavelength"] | {"title": ""} == want["properties"]["wavelength"] | {"title": ""}
    assert told["properties"]["duty"]["description"] == "period, and turns that it is on [turn]"
    assert [of["unit"] for of in told["properties"]["start"]["prefixItems"]] == ["m", "1"]
    for name, of in want["properties"].items():
        mine = told["properties"][name]
        assert {k: mine[k] for k in ("minItems", "maxItems", "default", "enum") if k in of} == {
            k: of[k] for k in ("minItems", "maxItems", "default", "enum") if k in of
        }, name


def test_what_something_else_says_may_be_left_out_and_more_may_be_said() -> None:
    class WithMore(section_of(Laser, leave_out=("duty", "spot"), optional=("wavelength",), note=(str, "none"))):
        """A sub-class may check and add."""

        extra: int = 3

    made: Any = WithMore.model_validate({"power": 1.0, "note": "mine"})
    assert (made.wavelength, made.note, made.extra) == (None, "mine", 3)
    assert made.made(wavelength=1e-6, duty=(2, 1)) == Laser(1e-6, duty=(2, 1), power=1.0)
    with pytest.raises(ValidationError, match=r"(?s)duty\n.*not permitted"):
        WithMore.model_validate({"duty": [2, 1]})


def test_one_of_several_classes_is_told_by_its_kind() -> None:
    either: Any = TypeAdapter(Annotated[SectionOf, OneOf({"laser": Laser, "spot": Spot})])
    assert either.validate_python({"kind": "spot", "waist": "2 mm"}).made() == Spot(2e-3)
    assert either.validate_python({"kind": "laser", "wavelength": 1e-6}).made() == Laser(1e-6)
    with pytest.raises(ValidationError, match="'laser', 'spot'"):
        either.validate_python({"kind": "lasr"})


def test_lists_of_a_class_are_checked_by_it() -> None:
    assert Laser(1e-6, harmonics=[1, 2]).harmonics == (1, 2)  # pyright: ignore[reportArgumentType]
    assert Laser("1 µm", start=["1 mm", 0]).start == (1e-3, 0.0)  # pyright: ignore[reportArgumentType]
    for bad, words in (
        ({"harmonics": []}, r"Laser.harmonics must be a list of 1 to 3 entries, got 0"),
        ({"harmonics": 5}, "Laser.harmonics must be a list, got 5"),
        ({"harmonics": "12"}, "Laser.harmonics must be a list, got '12'"),
        ({"harmonics": [1, 0]}, r"Laser.harmonics\[1\] must be a whole number from 1 to 1000, got 0"),
        ({"start": [0.0]}, "Laser.start must be a list of 2 entries, got 1"),
        ({"start": [0.0, "1 mm"]}, r"Laser.start\[1\] must be a finite number"),
    ):
        with pytest.raises(ConfigError, match=words):
            Laser(1e-6, **bad)  # pyright: ignore[reportArgumentType]
