"""Every element does what its field or its definition says, written without the kernels; no sign can be turned unseen.

Fields are flown through by the Lorentz force (adaptive Runge-Kutta of eighth order); maps are compared point by point,
expansions by their order: the difference must shrink with the power of the deviations that it leaves out.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from ssmb.elements import ELEMENTS, Element
from ssmb.elements.base import ByField, ByMap
from ssmb.errors import LatticeError
from tests.contract.cases import REFERENCE, compiled, points_for
from tests.support import assert_close

CASES = [(kind, i) for kind, cls in ELEMENTS.items() for i in range(len(cls.by_hand(REFERENCE)))]
each = pytest.mark.parametrize(("kind", "i"), CASES, ids=[f"{kind}-{i}" for kind, i in CASES])

#: parameters with a sign that no field or definition written by hand holds, and where their sign is tested instead
ELSEWHERE = {
    "Wiggler": "tests/physics/test_modulator.py, tests/contract/test_modulator_and_maps.py",
    "Bend": "tests/physics/test_elements.py",
}
#: what a magnet's integration and the flight leave, relative to what the magnet does
FLOWN = 1e-7
#: deviations at which expansions are held against elements, in units of those of the cases: z goes with a small
#: 1/gamma^2
SMALL = 1.0 / 4096.0


def known(kind: str, i: int) -> ByField | ByMap:
    return ELEMENTS[kind].by_hand(REFERENCE)[i]


def does(member: Element, points: np.ndarray, radiation: str = "off") -> np.ndarray:
    """Coordinates (6, n) after the element, by its kernels."""
    placed = member.in_lattice(240.0, REFERENCE)
    ops = placed.ops(REFERENCE) if radiation == "off" else placed.ops_with_radiation(REFERENCE, radiation)
    return compiled(ops, points)


def flown(case: ByField, points: np.ndarray) -> np.ndarray:
    """Coordinates (6, n) after a flight through the field by the Lorentz force."""
    h, q = case.curvature, 1.0 + points[5]
    start = points[:5]

    def rate(s: float, flat: np.ndarray) -> np.ndarray:
        x, px, y, py, _ = flat.reshape(5, -1)
        ps = np.sqrt(q * q - px * px - py * py)
        bx, by, bs = case.field(x, y)
        way = (1.0 + h * x) / ps
        d_px = h * ps + way * (py * bs - ps * by)
        d_py = way * (ps * bx - px * bs)
        return np.array([way * px, d_px, way * py, d_py, -(way * q - 1.0)]).ravel()

    out = solve_ivp(rate, (0.0, case.element.length), start.ravel(), method="DOP853", rtol=1e-12, atol=1e-16)
    velocity = q / np.sqrt(q * q + (REFERENCE.mass / REFERENCE.p0c) ** 2) / REFERENCE.beta
    rows = out.y[:, -1].reshape(5, -1)
    rows[4] += case.element.length * (velocity - 1.0)
    return np.array([*rows, points[5]])


def wanted(case: ByField | ByMap, points: np.ndarray) -> np.ndarray:
    return flown(case, points) if isinstance(case, ByField) else np.array(np.broadcast_arrays(*case.map(*points)))


def points_of(case: ByField | ByMap, size: float = 1.0) -> np.ndarray:
    member = case.element
    return size * points_for(f"{member.kind}-{member.name}", getattr(member, "laser_wavelength", 0.0), 20)


def left(case: ByField | ByMap, member: Element, points: np.ndarray) -> np.ndarray:
    """Difference (6,) of an element and what is known, of each coordinate relative to what is done to it."""
    radiation = case.radiation if isinstance(case, ByMap) else "off"
    want = wanted(case, points)
    work = np.abs(want - points).max(axis=1)
    error = np.abs(does(member, points, radiation) - want).max(axis=1)
    rounding = 8.0 * np.finfo(float).eps * np.abs(want).max(axis=1) + 1e-17
    over = np.maximum(0.0, error - rounding)
    # a coordinate that stays may change by what the definition leaves out
    size = np.where(work > 0.0, work, np.abs(points).max(axis=1) if getattr(case, "rtol", 0.0) else 0.0)
    return np.divide(over, size, out=np.where(over > 0.0, np.inf, 0.0), where=size > 0.0)


def tolerance(case: ByField | ByMap) -> float:
    return max(FLOWN, case.rtol) if isinstance(case, ByMap) else FLOWN


@pytest.mark.parametrize("kind", ELEMENTS)
def test_every_element_is_known_by_hand(kind: str) -> None:
    cls = ELEMENTS[kind]
    cases = cls.by_hand(REFERENCE)
    assert cases and all(type(c.element) is cls for c in cases)


@each
def test_element_does_what_is_known(kind: str, i: int) -> None:
    case = known(kind, i)
    if not case.order:
        assert_close(left(case, case.element, points_of(case)), 0.0, rtol=0.0, atol=tolerance(case), what="map")
        return
    # an expansion to order n: what is left goes with the power n + 1 of the deviations
    sizes = np.array([1.0, 1.0 / 64.0, SMALL])
    errors = np.array([left(case, case.element, points_of(case, s)).max() for s in sizes])
    bound = 2.0 * errors[0] * sizes**case.order + tolerance(case)
    assert errors[-1] < 0.01 and (errors <= bound).all(), errors


def signed(member: Element) -> Iterator[str]:
    """Names of the parameters of a class's own that have a sign."""
    shared = {f.name for f in dataclasses.fields(Element)}
    for name, info in type(member).parameters.items():
        if name not in shared and info.type in ("float", "vector", "matrix") and info.minimum < 0.0:
            yield name


def turned(member: Element, name: str) -> Element | None:
    """The member with the other sign of a parameter; None where that is no element."""

    def negative(value: Any) -> Any:
        return tuple(negative(v) for v in value) if isinstance(value, tuple) else -value

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return dataclasses.replace(member, **{name: negative(getattr(member, name))})
        except LatticeError:
            return None


def is_given(value: Any) -> bool:
    return any(map(is_given, value)) if isinstance(value, tuple) else bool(value)


@each
def test_no_sign_can_be_turned_unseen(kind: str, i: int) -> None:
    case = known(kind, i)
    points = points_of(case, SMALL if case.order else 1.0)
    radiation = case.radiation if isinstance(case, ByMap) else "off"
    plain = does(case.element, points, radiation)
    for name in signed(case.element):
        other = turned(case.element, name) if is_given(getattr(case.element, name)) else None
        if other is None or np.array_equal(does(other, points, radiation), plain):
            continue  # nothing to turn, or an even parameter
        seen = 0.1 if case.order else 100.0 * tolerance(case)
        assert left(case, other, points).max() > seen, name


@pytest.mark.parametrize("kind", [k for k in ELEMENTS if k not in ELSEWHERE])
def test_every_parameter_with_a_sign_is_known(kind: str) -> None:
    members = [c.element for c in ELEMENTS[kind].by_hand(REFERENCE)]
    unknown = [name for name in signed(members[0]) if not any(is_given(getattr(m, name)) for m in members)]
    covariances = {"diffusion", "damping_matrix"}  # squares, and a damping that is given as a matrix
    assert set(unknown) <= covariances, unknown


def test_the_flight_is_a_circle_in_a_uniform_field() -> None:
    """The oracle itself: a quarter of a circle of 2 m, whose frame is the orbit, gives back what entered after four."""
    angle = 0.5 * math.pi
    sector = ELEMENTS["Bend"](name="quarter", length=2.0 * angle, angle=angle)
    case = ByField(sector, lambda x, y: (0.0 * x, 0.5 + 0.0 * x, 0.0 * x), 0.5)
    points = np.array([[1e-3, 0.0], [0.0, 2e-3], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    once = flown(case, points)
    # displaced circles of equal radius: x = sqrt(rho^2 - d^2) seen from the first centre a quarter later
    assert_close(once[0, 0], math.sqrt(4.0 - 1e-6) - 2.0, rtol=0.0, atol=1e-13, what="x of a displaced circle")
    again = points
    for _ in range(4):
        again = flown(case, again)
    assert_close(again[:4], points[:4], rtol=0.0, atol=1e-12, what="four quarters")
