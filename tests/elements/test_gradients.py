"""Gradients of any direction beside any other strength: against the exponential of the linear field and by turned
frames.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm

import ssmb
from ssmb.beam.reference import Reference
from ssmb.elements import ELEMENTS, Bend, Drift, Quadrupole, Solenoid
from ssmb.errors import LatticeError
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from tests.support import assert_close

REFERENCE = Reference(1e9)


def exact(length: float, normal: float, skew: float, curvature: float = 0.0) -> np.ndarray:
    """exp of x'' = -(Kn1 + h^2) x + Ks1 y, y'' = Kn1 y + Ks1 x over a length."""
    a = np.zeros((4, 4))
    a[0, 1] = a[2, 3] = 1.0
    a[1, 0], a[3, 2] = -normal - curvature**2, normal
    a[1, 2] = a[3, 0] = skew
    return expm(a * length)


def matrix(element: Any) -> np.ndarray:
    """4x4 matrix of an element."""
    return ssmb.transfer_matrix(Lattice.from_elements([element], REFERENCE))[:4, :4]


@pytest.mark.parametrize("kind", ["Quadrupole", "Sextupole", "Octupole", "Multipole"])
@pytest.mark.parametrize("normal", [0.0, 1e-12, -1e-12, 4.0, -4.0])
@pytest.mark.parametrize("skew", [0.0, 8.0, -3.0])
def test_matrix_is_that_of_the_linear_field(kind: str, normal: float, skew: float) -> None:
    # drift-kick-drift of order 4 with the steps that the gradient asks for: 1e-9 of a tune, 1e-7 of an entry
    allowed = 1e-14 if kind == "Quadrupole" else 3e-7
    made = ELEMENTS[kind](name="q", length=0.3, Kn1=normal, Ks1=skew)  # type: ignore[call-arg]
    assert_close(matrix(made), exact(0.3, normal, skew), rtol=0.0, atol=allowed, what=f"matrix of a {kind}")


@pytest.mark.parametrize("angle", [0.0, 0.2])
def test_bend_with_a_skew_gradient(angle: float) -> None:
    made = Bend(name="b", length=0.8, angle=angle, Kn1=0.6, Ks1=4.0)
    assert_close(matrix(made), exact(0.8, 0.6, 4.0, angle / 0.8), rtol=0.0, atol=2e-6, what="matrix of a bend")


def test_other_multipoles_turn_with_the_frame() -> None:
    """A magnet whose strengths are turned by an angle is the magnet in a rolled frame."""
    roll = 0.37
    whole = [complex(0.0, 0.0), complex(3.0, 0.0), complex(40.0, -25.0), complex(0.0, 900.0), 2e4 + 1e4j, 3e6 - 2e6j]
    turned = [k * np.exp(-1j * (n + 1) * roll) for n, k in enumerate(whole)]

    def magnet(strengths: list[complex], **more: Any) -> Quadrupole:
        values = {f"K{side}{n}": part for n, k in enumerate(strengths) for side, part in (("n", k.real), ("s", k.imag))}
        return Quadrupole(name="q", length=0.3, slices=30, **values, **more)

    start = np.random.default_rng(2).normal(size=(6, 10)) * 5e-3
    got, want = (
        compile_elements([e], REFERENCE).propagate(start)[0] for e in (magnet(turned), magnet(whole, z_rot=roll))
    )
    # the fields are equal; the linear part is exact in both, and the other kicks take 30 steps
    assert_close(got, want, rtol=0.0, atol=1e-12, what="coordinates behind the turned magnet")


def test_turned_cell_keeps_its_tunes() -> None:
    k, r = 2.2, math.radians(30)
    c, s = math.cos(2 * r), -math.sin(2 * r)
    cell = [
        Quadrupole(name="a", length=0.3, Kn1=k * c, Ks1=k * s),
        Drift(name="d", length=0.8),
        Quadrupole(name="b", length=0.3, Kn1=-0.95 * k * c, Ks1=-0.95 * k * s),
        Drift(name="d", length=0.8),
    ]
    one_turn = np.eye(4)
    for e in (exact(0.3, k, 0.0), exact(0.8, 0.0, 0.0), exact(0.3, -0.95 * k, 0.0), exact(0.8, 0.0, 0.0)):
        one_turn = e @ one_turn
    want = [math.acos(0.5 * np.trace(one_turn[i : i + 2, i : i + 2])) / (2.0 * math.pi) for i in (0, 2)]
    found = ssmb.optics(Lattice.from_elements(cell, REFERENCE, periodic=True))
    assert_close([found.qx, found.qy], want, rtol=0.0, atol=1e-10, what="tunes of the turned cell")


def test_fringe_of_a_skew_quadrupole_is_that_of_a_rolled_one() -> None:
    start = np.array([1e-2, 5e-4, -7e-3, 3e-4, 0.0, 0.0]).reshape(6, 1)
    skew = Quadrupole(name="q", length=0.3, Ks1=4.0, fringe="both")
    rolled = Quadrupole(name="q", length=0.3, Kn1=4.0, z_rot=-math.pi / 4, fringe="both")
    got, want = (compile_elements([e], REFERENCE).propagate(start)[0] for e in (skew, rolled))
    without = compile_elements([Quadrupole(name="q", length=0.3, Ks1=4.0)], REFERENCE).propagate(start)[0]
    assert_close(got, want, rtol=1e-13, atol=1e-17, what="coordinates")
    assert np.abs(got - without).max() > 1e-7


@pytest.mark.parametrize("value", [1e12, -1e12, 1e30])
@pytest.mark.parametrize(
    ("kind", "name"),
    [("Quadrupole", "Kn1"), ("Quadrupole", "Ks1"), ("Sextupole", "Kn1"), ("Multipole", "Ks1"), ("Bend", "Kn1"),
     ("Solenoid", "Ksol")],
)  # fmt: skip
def test_strength_beyond_all_steps_is_refused(kind: str, name: str, value: float) -> None:
    with pytest.raises(LatticeError, match=r"integration steps, more than 100000; the largest is"):
        ELEMENTS[kind](name="q", length=0.3, **{name: value})  # type: ignore[arg-type]


def test_bend_by_matrix_is_refused_too() -> None:
    with pytest.raises(LatticeError, match="integration steps"):
        Bend(name="b", length=0.5, Kn1=1e14, integrator="matrix")


def test_solenoid_of_many_turns_is_still_exact() -> None:
    """Larmor: in the frame that turns by K/2 per length it focuses both planes with K^2/4."""
    length, strength = 3.0, 40.0
    k = 0.5 * strength
    c, s = math.cos(k * length), math.sin(k * length)
    focus = np.array([[c, s / k], [-k * s, c]])
    turn = np.array([[c, s], [-s, c]])
    want = np.kron(turn, np.eye(2)) @ np.kron(np.eye(2), focus)
    got = matrix(Solenoid(name="s", length=length, Ksol=strength))
    assert_close(got, want, rtol=0.0, atol=1e-10, what="matrix of the solenoid")
