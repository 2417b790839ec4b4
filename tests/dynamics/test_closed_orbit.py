"""Closed orbits against formulas, and what happens where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ssmb.beam.reference import Reference
from ssmb.dynamics import closed_orbit, optics
from ssmb.elements import Drift, Kicker, Quadrupole
from ssmb.errors import ConfigError, PhysicsError
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from tests.dynamics.rings import double_bend_ring, mls, mls_user
from tests.support import assert_close


def _kicked(ring: Lattice, kick: float) -> Lattice:
    return Lattice.from_elements([Kicker(name="kick", hkick=kick), *ring], ring.reference)


def _once_round(ring: Lattice, orbit: np.ndarray, **parts: bool) -> np.ndarray:
    return compile_elements(ring.elements, ring.reference).propagate(orbit[:, None])[0][:, 0]


def test_an_ideal_ring_has_the_reference_orbit() -> None:
    assert not closed_orbit(mls()).any()
    assert not closed_orbit(double_bend_ring(), dim=4).any()


def test_one_kick() -> None:
    found, kick = optics(double_bend_ring()), 1e-7
    orbit = closed_orbit(_kicked(double_bend_ring(), kick), dim=4)
    # just before the kick the slope is that of a mirror orbit, minus half the kick
    q, beta, alpha = found.qx, found.beta[0, 0], found.alpha[0, 0]
    x = 0.5 * kick * beta / math.tan(math.pi * q)
    assert_close(orbit[0], x, rtol=2e-4, atol=0.0, what="x")
    assert_close(orbit[1], -0.5 * kick - alpha * x / beta, rtol=2e-4, atol=0.0, what="px")


def test_it_returns_to_itself() -> None:
    ring = _kicked(mls(), 2e-5)
    for dim in (4, 5, 6):
        orbit = closed_orbit(ring, dim=dim)
        off = ring.with_changes({"CAV": {"voltage": 0.0}}) if dim < 6 else ring
        move = _once_round(off, orbit) - orbit
        assert_close(move[: 4 if dim == 4 else 6], 0.0, rtol=0.0, atol=1e-13, what=f"dim {dim}")


def test_at_another_momentum_it_follows_the_dispersion() -> None:
    found, delta = optics(mls_user()), 1e-5
    orbit = closed_orbit(mls_user(), dim=4, delta=delta)
    want = found.dispersion[0] * delta + 0.5 * found.dispersion2[0] * delta**2
    assert_close(orbit[:4], want, rtol=1e-7, atol=1e-15)
    assert orbit[4] == 0.0
    assert orbit[5] == delta


def test_synchronous_momentum_for_a_change_of_z_per_turn() -> None:
    ring = mls_user()
    dz = 1e-7
    orbit = closed_orbit(ring, dim=5, dz=dz)
    assert_close(orbit[5], -dz / (optics(ring).slip_factor * ring.length), rtol=1e-5, atol=0.0, what="delta")


def test_program_and_lattice_give_the_same() -> None:
    ring = _kicked(mls_user(), 1e-5)
    same = closed_orbit(compile_elements(ring.elements, ring.reference), dim=4)
    assert (closed_orbit(ring, dim=4) == same).all()


def test_none_at_an_integer_tune() -> None:
    drifts = Lattice.from_elements([Kicker(name="k", hkick=1e-4), Drift(name="d", length=1.0)], Reference(1e9))
    with pytest.raises(PhysicsError, match="no closed orbit in 4 dimensions"):
        closed_orbit(drifts, dim=4)


def test_none_far_outside_the_momentum_acceptance() -> None:
    with pytest.raises(PhysicsError, match="no closed orbit"):
        closed_orbit(double_bend_ring(), dim=4, delta=0.4)


def test_six_dimensions_need_a_cavity() -> None:
    line = Lattice.from_elements([Quadrupole(name="q", length=0.1, Kn1=1.0)], Reference(1e9))
    with pytest.raises(PhysicsError, match="nothing changes the energy"):
        closed_orbit(line, dim=6)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"dim": 3}, "dim must be 4, 5 or 6"),
        ({"delta": math.nan}, "delta"),
        ({"guess": [0.0] * 5}, "six finite numbers"),
        ({"dz": math.inf, "dim": 5}, "dz"),
    ],
)
def test_wrong_arguments(wrong: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        closed_orbit(mls(), **wrong)


def test_not_a_lattice() -> None:
    with pytest.raises(ConfigError, match="needs a Lattice"):
        closed_orbit([Drift(name="d", length=1.0)])  # type: ignore[arg-type]
