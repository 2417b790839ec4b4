"""Bends with pairs of gradient, pole faces, field errors, curvature of either sign, roll and shifts: against pyAT and
Xsuite.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from ssmb.beam.coordinates import to_at
from ssmb.beam.reference import Reference
from ssmb.elements import Bend
from ssmb.lattice.program import compile_elements
from tests.support import assert_close

REFERENCE = Reference(1e9)
LENGTH = 1.2
#: Values of each parameter beside its default.
VALUES: dict[str, Any] = {
    "Kn1": -1.1,
    "Kn2": 6.0,
    "e1": 0.2,
    "e2": -0.15,
    "excess": 0.01,  # of Kn0 over the curvature [1/m]
    "angle": -0.35,
}
PAIRS = [(), *((name,) for name in VALUES), *itertools.combinations(VALUES, 2)]


def particles(n: int = 12, size: float = 1e-3) -> np.ndarray:
    rng = np.random.default_rng(7)
    return rng.normal(size=(6, n)) * np.array([[1.0], [0.3], [1.0], [0.3], [0.0], [1.0]]) * size


def member(names: tuple[str, ...], **more: Any) -> Bend:
    """A bend with these parameters at their values."""
    values = {"angle": 0.5} | {name: VALUES[name] for name in names}
    excess = values.pop("excess", None)
    if excess is not None:
        values["Kn0"] = values["angle"] / LENGTH + excess
    return Bend(name="b", length=LENGTH, slices=60, **(values | more))


def own(bend: Bend, start: np.ndarray) -> np.ndarray:
    return compile_elements([bend], REFERENCE).propagate(start)[0]


@pytest.mark.parametrize("entrance", [0.0, 0.2, -0.3])
@pytest.mark.parametrize("gap", [0.0, 0.01])
@pytest.mark.parametrize("angle", [0.0, 1e-9, 0.1, -0.2])
def test_a_field_on_any_reference_orbit_bends_as_on_its_own_arc(angle: float, entrance: float, gap: float) -> None:
    """The same iron about another reference orbit: where the particle leaves it, in the frame of the laboratory.

    Its exit face is that of a bend with a straight reference orbit; the frames differ by a turn and a shift.
    """
    turn, length = 0.4, 1.2
    radius = length / math.sin(turn)
    faces = {"e1": entrance, "edge1_int": gap, "edge2_int": gap, "edge": "full"}

    def behind(angle: float, length: float, **more: float) -> np.ndarray:
        """x, px, y, py in the plane of the exit face: from the exit plane of the reference orbit, without field."""
        made = Bend(name="b", length=length, angle=angle, Kn0=1.0 / radius, e2=angle, **faces, **more)
        x, px, y, py, _, delta = own(made, particles())
        ps = np.sqrt((1.0 + delta) ** 2 - px**2 - py**2)
        c, s = math.cos(angle), math.sin(angle)
        end = (0.0, length) if angle == 0.0 else (-length * (1.0 - c) / angle, length * s / angle)
        forward, sideways = px * s + ps * c, px * c - ps * s
        flight = (1.2 - end[1] - x * s) / forward
        return np.array([end[0] + x * c + sideways * flight, sideways, y + py * flight, py])

    # an arc of this angle whose exit face, seen from its end, is the same plane
    arc = 1.2 if abs(angle) < 1e-6 else 1.2 * angle / math.sin(angle)
    got, want = behind(angle, arc), behind(turn, radius * turn)
    assert_close(got, want, rtol=0.0, atol=1.5e-8, what="where particles leave the magnet")


@pytest.mark.filterwarnings("ignore:.*yoshida4.*:FutureWarning")  # its name has changed; older ones know no other
@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_pairs_with_full_edges_as_in_xsuite(pair: tuple[str, ...]) -> None:
    """Body, pole faces and fringes, all of them exact; the multipoles with curvature to its first order in both codes.

    Where a gradient meets a pole-face angle the models differ: see test_gradient_at_a_turned_pole_face.
    """
    xt = pytest.importorskip("xtrack", reason="extra `interop`: xtrack is not installed")
    turned = {"e1", "e2"} & set(pair)
    if turned and "Kn1" in pair:
        pytest.skip("the models differ in second order; compared with SLAC-75 below")
    # Xsuite's full edge has a fringe of the sextupole, too: bodies alone are compared where there is one
    own_edge, edge = ("none", "suppressed") if "Kn2" in pair else ("full", "full")
    bend, start = member(pair, edge=own_edge), particles()
    other = xt.Bend(
        length=LENGTH, angle=bend.angle, k0_from_h=False, k0=bend.field, k1=bend.Kn1, k2=bend.Kn2,
        edge_entry_angle=bend.e1, edge_exit_angle=bend.e2, edge_entry_model=edge,
        edge_exit_model=edge, model="bend-kick-bend", num_multipole_kicks=60, integrator="yoshida4",
    )  # fmt: skip
    line = xt.Line([other])
    line.particle_ref = xt.Particles(mass0=REFERENCE.mass, energy0=REFERENCE.energy)
    line.build_tracker()
    p = line.build_particles(x=start[0], px=start[1], y=start[2], py=start[3], zeta=0.0 * start[4], delta=start[5])
    line.track(p)
    want = np.array([p.x, p.px, p.y, p.py])[:, np.argsort(p.particle_id)]
    got = own(bend, start)[:4]
    allowed = 1e-12 if set(pair) <= {"e1", "e2", "excess", "angle"} else 3e-9
    if "Kn2" in pair:  # Xsuite takes a sextupole as straight: its curvature term is h Kn2 (x^3/2 - x y^2) L in px
        largest = max(np.abs(start[[0, 2]]).max(), np.abs(got[[0, 2]]).max())
        allowed += abs(bend.curvature) * bend.Kn2 * LENGTH * largest**3
    assert_close(got, want, rtol=0.0, atol=allowed, what="coordinates behind the bend")


@pytest.mark.parametrize("how", ["dx", "dy", "dz", "tilt", "yaw", "pitch"])
@pytest.mark.parametrize("pair", [(), ("Kn1",), ("angle",), ("e1",), ("Kn1", "angle")], ids="+".join)
def test_misaligned_bend_turns_about_its_chord_as_in_pyat(how: str, pair: tuple[str, ...]) -> None:
    at = pytest.importorskip("at", reason="extra `interop`: accelerator-toolbox is not installed")
    size = 1e-4
    field = {"dx": "x_offset", "dy": "y_offset", "dz": "z_offset", "tilt": "z_rot", "yaw": "y_rot", "pitch": "x_rot"}[
        how
    ]
    bend, start = member(pair, **{field: size}), particles(6, 1e-5)
    other = at.Dipole("b", LENGTH, bend.angle, bend.Kn1, EntranceAngle=bend.e1, ExitAngle=bend.e2,
                      PassMethod="ExactSectorBendPass", NumIntSteps=60)  # fmt: skip
    at.transform_elem(other, reference=at.ReferencePoint.CENTRE, **{how: size})
    rows = np.asfortranarray(np.array(list(to_at(start, REFERENCE).values())))
    at.lattice_track(at.Lattice([other], energy=1e9), rows, 1, in_place=True)
    # AT turns by matrices to first order in the shifts, and its pole faces are exact: both of second order here
    got = own(bend, start)[:4] - own(member(pair), start)[:4]
    plain = np.asfortranarray(np.array(list(to_at(start, REFERENCE).values())))
    straight = at.Dipole("b", LENGTH, bend.angle, bend.Kn1, EntranceAngle=bend.e1, ExitAngle=bend.e2,
                         PassMethod="ExactSectorBendPass", NumIntSteps=60)  # fmt: skip
    at.lattice_track(at.Lattice([straight], energy=1e9), plain, 1, in_place=True)
    want = rows[:4] - plain[:4]
    assert_close(got, want, rtol=0.0, atol=2e-8, what=f"what a {how} of 1e-4 changes")
    assert how in ("dx", "dy", "dz") or np.abs(want).max() > 1e-6


@pytest.mark.parametrize("side", ["entrance", "exit"])
@pytest.mark.parametrize("angle", [0.3, -0.3])
def test_gradient_at_a_turned_pole_face(side: str, angle: float) -> None:
    """K. L. Brown, SLAC-75 (1982): the gradient adds K1 tan(e) (x^2 - y^2) to px and -2 K1 tan(e) x y to py.

    That is the field integral of a gradient that begins at x tan(e): on the midplane -K1 x^2 tan(e), and off it what
    Maxwell's equations make of it. Taken by differences between bends with and without gradient in the limit of a
    short magnet, so that the body does not hide it.
    """
    e, k1, length = 0.4, 2.0, 1e-4
    faces = {"e1": e} if side == "entrance" else {"e2": e}
    h = 1e-3

    def kicks(x: float, y: float, gradient: float) -> np.ndarray:
        start = np.zeros((6, 1))
        start[0], start[2] = x, y
        made = Bend(name="b", length=length, angle=angle * length, Kn1=gradient, edge="full", slices=4, **faces)
        return own(made, start)[[1, 3], 0]

    def second(x: float, y: float) -> np.ndarray:
        """Second-order part of what the gradient adds: even in the coordinates."""
        add = [kicks(s * x, s * y, k1) - kicks(s * x, s * y, 0.0) for s in (1.0, -1.0)]
        return 0.5 * (add[0] + add[1]) / h**2

    t = k1 * math.tan(e)
    assert_close(second(h, 0.0), [t, 0.0], rtol=2e-3, atol=1e-3, what="x^2")
    assert_close(second(0.0, h), [-t, 0.0], rtol=2e-3, atol=1e-3, what="y^2")
    assert_close(second(h, h), [0.0, -2.0 * t], rtol=2e-3, atol=2e-3, what="x y")
