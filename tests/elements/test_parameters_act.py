"""What a user writes has an effect, or is refused: each parameter of each element, alone and beside each other one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ssmb.beam.reference import Reference
from ssmb.elements import ELEMENTS, Element
from ssmb.elements.base import ParameterInfo
from ssmb.errors import SsmbError
from ssmb.lattice.program import compile_elements

REFERENCE = Reference(1e9)
_SIZES = np.array([[8e-3], [1e-3], [8e-3], [1e-3], [1e-3], [5e-3]])
PARTICLES = np.random.default_rng(1).normal(size=(6, 8)) * _SIZES
#: Members of which each parameter is changed, with a field or a length of their own.
BASES: dict[str, dict[str, Any]] = {
    "Bend": {"length": 0.8, "angle": 0.3},
    "Quadrupole": {"length": 0.3, "Kn1": 1.0},
    "Sextupole": {"length": 0.2, "Kn2": 20.0},
    "Octupole": {"length": 0.2, "Kn3": 2000.0},
    "Multipole": {"length": 0.2, "Kn2": 20.0},
    "Solenoid": {"length": 0.4, "Ksol": 0.5},
    "Kicker": {"length": 0.1, "hkick": 1e-3},
    "RFCavity": {"voltage": 1e6, "frequency": 5e8},
}
SIZES = {"m": 1e-3, "rad": 0.05, "1/m": 0.05, "1/m^2": 1.0, "1/m^3": 30.0, "1/m^4": 1e3, "1/m^5": 1e6, "1/m^6": 1e8,
         "V": 1e6, "Hz": 1e8, "1": 1e-3, "2pi": 0.1}  # fmt: skip


def moved(element: Element) -> np.ndarray:
    """Coordinates and loss states behind an element, with radiation."""
    placed = element.in_lattice(30.0, REFERENCE)
    out, state = compile_elements([placed], REFERENCE, radiation="mean").propagate(PARTICLES)
    return np.concatenate([out.ravel(), state])


def others(info: ParameterInfo, value: Any) -> list[Any]:
    """Other values of a parameter, of its usual size."""
    if info.choices:
        return [choice for choice in info.choices if choice != value]
    if info.type == "int":
        return [(value or 0) + 11]
    if info.type == "vector":
        return [(-3e-3, 4e-3)]
    more = (value or 0.0) + SIZES.get(info.unit, 0.3)
    return [more if more <= info.maximum else (value or 0.0) - SIZES.get(info.unit, 0.3)]


def may_be_silent(name: str, value: Any, element: Element) -> bool:
    """Whether nothing may change: what acts on something that is zero here, or is exact for any value."""
    made: Any = element
    if name == "slices":  # closed forms are exact with any number of steps
        closed = made.integrator == "matrix" or (made.integrator == "exact" and not any(made.coefficients()))
        return made.kind == "Bend" and closed
    if name == "fringe":
        return made.gradient == 0.0
    if name == "edge":  # a sector magnet has no pole-face angle
        return value == "none" and made.edge == "linear" and not (made.e1 or made.e2)
    if name in ("e1", "e2", "edge1_int", "edge2_int"):
        return made.edge == "none"
    if name == "drift":
        return made.kind == "Bend"
    if name in ("aperture_at", "aperture_shape"):  # whether the few particles here are lost at the other place, too
        return True
    return name == "x_offset" and bool(made.x_limits or made.z_offset or made.x_rot)  # where it moves nobody else


@pytest.mark.parametrize("kind", BASES)
def test_parameter_acts_beside_each_other(kind: str) -> None:
    cls: Any = ELEMENTS[kind]
    names = [name for name in cls.parameters if name != "name"]
    silent, tried = [], 0
    for beside in [None, *names]:
        default = None if beside is None else BASES[kind].get(beside, cls.__dataclass_fields__[beside].default)
        for value in [None] if beside is None else others(cls.parameters[beside], default):
            try:
                first = cls(name="e", **(BASES[kind] | ({} if beside is None else {beside: value})))
                before = moved(first)
            except SsmbError:
                continue  # refused
            for name in names:
                for new in others(cls.parameters[name], getattr(first, name)) if name != beside else ():
                    try:
                        after = moved(replace(first, **{name: new}))
                    except SsmbError:
                        continue
                    tried += 1
                    if np.array_equal(before, after) and not may_be_silent(name, new, first):
                        silent.append((name, new, beside, value))
    assert silent == [] and tried > 40


@pytest.mark.parametrize("kind", sorted(ELEMENTS))
def test_aperture_without_limits_is_refused(kind: str) -> None:
    member = ELEMENTS[kind].examples()[0]
    for change in ({"aperture_shape": "ELLIPTICAL"}, {"aperture_at": "BOTH_ENDS"}):
        with pytest.raises(SsmbError, match="without limits"):
            replace(member, x_limits=(), y_limits=(), **change)


@pytest.mark.parametrize(
    ("kind", "values", "name", "steps"),
    [
        ("Bend", {"length": 0.8, "Kn0": 0.3, "e1": 0.1, "edge2_int": 0.02, "edge": edge}, "angle", (0.0, 1e-9))
        for edge in ("linear", "full")
    ]
    + [
        ("Bend", {"length": 0.8, "angle": 0.3, "e1": 0.1, "edge": "full"}, "Kn1", (0.0, 1e-9)),
        ("Bend", {"length": 0.8, "angle": 0.3}, "Kn0", (0.3 / 0.8, 0.3 / 0.8 + 1e-9)),
        ("Bend", {"length": 2.0}, "angle", (np.pi - 1e-9, np.pi + 1e-9)),
        ("Quadrupole", {"length": 0.3, "Ks1": 4.0, "Kn2": 20.0, "fringe": "both"}, "Kn1", (0.0, 1e-9)),
        ("Quadrupole", {"length": 0.3, "Ks1": 4.0, "Kn2": 20.0, "fringe": "both"}, "Kn1", (0.0, -1e-9)),
        ("Quadrupole", {"length": 0.3, "Kn1": -4.0, "fringe": "both"}, "Ks1", (0.0, 1e-9)),
        ("Quadrupole", {"length": 0.3, "Kn1": 4.0, "Ks1": 3.0}, "Kn2", (0.0, 1e-9)),
        ("Sextupole", {"length": 0.3, "Kn2": 4.0}, "Kn1", (0.0, 1e-9)),
        ("Solenoid", {"length": 0.3}, "Ksol", (0.0, 1e-9)),
        ("Kicker", {"length": 0.3}, "hkick", (0.0, 1e-9)),
    ],
)  # fmt: skip
def test_map_is_continuous_at_a_case_split(
    kind: str, values: dict[str, Any], name: str, steps: tuple[float, float]
) -> None:
    cls = ELEMENTS[kind]
    first, second = (moved(cls(name="e", **values, **{name: value})) for value in steps)
    assert np.abs(first - second).max() < 1e-8
