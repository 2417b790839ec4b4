"""Contract of every machine part: its state is frozen quantities, its steps add up, a share of 0 is refused and of 1 is
nothing.
"""

from __future__ import annotations

import dataclasses
import json
import math
import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest

from ssmb.errors import ConfigError
from ssmb.facility import PARTS, EnergyStep, Limit, Part, PowerStep, RadiatingBeam
from ssmb.facility.steps import ORIGINS
from ssmb.quantity import quantities_of
from ssmb.studies.records import numbers_of
from tests.support import assert_close

EXAMPLES = {name: cls.examples() for name, cls in sorted(PARTS.items())}
CASES = [(name, i) for name, made in EXAMPLES.items() for i in range(len(made))]


@cache
def case(name: str, i: int) -> tuple[Any, Any, Any]:
    """A part, what comes to it, and its state."""
    made, upstream = EXAMPLES[name][i]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return made, upstream, made.state(upstream)


@cache
def records(name: str, i: int) -> tuple[Any, ...]:
    """The state and all dataclasses in it."""
    found: list[Any] = []

    def visit(value: Any) -> None:
        if isinstance(value, tuple):
            for item in value:
                visit(item)
        elif dataclasses.is_dataclass(value) and type(value).__module__.startswith("ssmb.facility"):
            found.append(value)
            for f in dataclasses.fields(value):
                visit(getattr(value, f.name))

    visit(case(name, i)[2])
    return tuple(found)


each = pytest.mark.parametrize(("name", "i"), CASES, ids=[f"{name}-{i}" for name, i in CASES])


@pytest.mark.parametrize("name", sorted(PARTS))
def test_parts_are_frozen_have_examples_and_a_name(name: str) -> None:
    cls = PARTS[name]
    assert cls.name == name
    assert cls.__dataclass_params__.frozen and cls.__doc__  # type: ignore[attr-defined]
    assert cls.examples()
    assert set(quantities_of(cls)) == {f.name for f in dataclasses.fields(cls)}
    with pytest.raises(ValueError, match=f"part '{name}' is registered twice"):
        type("Again", (Part,), {}, name=name)
    assert PARTS[name] is cls


@each
def test_state_is_frozen_quantities(name: str, i: int) -> None:
    _, _, state = case(name, i)
    for record in (state, *records(name, i)):
        assert type(record).__dataclass_params__.frozen
        known = quantities_of(record)
        for f in dataclasses.fields(record):
            assert f.name in known and known[f.name].doc, f"{type(record).__name__}.{f.name} is no quantity"
            value = getattr(record, f.name)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                assert known[f.name].unit, f"{type(record).__name__}.{f.name} has no unit"
                assert not math.isnan(value)


@each
def test_the_same_part_gives_the_same_numbers(name: str, i: int) -> None:
    made, upstream, state = case(name, i)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = made.state(upstream)
    assert numbers_of(state) == numbers_of(again)
    assert json.loads(json.dumps(numbers_of(state)))


@each
def test_steps_multiply_or_add_up(name: str, i: int) -> None:
    ways = [
        value
        for record in records(name, i)
        for value in (getattr(record, "steps", ()),)
        if value and isinstance(value, tuple)
    ]
    for steps in ways:
        assert {s.origin for s in steps} <= set(ORIGINS)
        assert len({s.name for s in steps}) == len(steps)
        if isinstance(steps[0], PowerStep):
            assert steps[0].factor == 1.0
            powers = steps[0].power * np.cumprod([s.factor for s in steps])
            assert_close([s.power for s in steps], powers, rtol=1e-12, atol=0.0, what="power after each step [W]")
        else:
            assert isinstance(steps[0], EnergyStep)
            gained = sum(s.energy for s in steps)
            assert_close(
                gained, 0.0, rtol=0.0, atol=1e-9 * max(abs(s.energy) for s in steps), what="energy a turn [eV]"
            )


@pytest.mark.parametrize("i", [0, 1])
def test_limits_of_shares(i: int) -> None:
    """A share of one changes nothing, one of zero is refused, and half of the turns give half of the power."""
    radiator, upstream, state = case("radiator", i)
    assert isinstance(upstream, RadiatingBeam)

    def focus(**changes: Any) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return radiator.state(dataclasses.replace(upstream, **changes)).power_at_focus

    assert focus(limits=(Limit("nothing", 1.0, "given"),)) == state.power_at_focus
    assert_close(focus(limits=(Limit("half", 0.5, "given"),)), 0.5 * state.power_at_focus, rtol=1e-12, atol=0.0)
    assert_close(focus(duty=1.0) * upstream.duty, state.power_at_focus, rtol=1e-12, atol=0.0)
    with pytest.raises(ConfigError):
        focus(duty=0.0)
    with pytest.raises(ConfigError):
        Limit("nothing is left", 0.0, "given")
