"""Elements against brute force: flight through fields in Cartesian space, rigid bodies, and 50-digit geometry."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from ssmb.beam import Beam
from ssmb.beam.reference import Reference
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.elements import Bend, Drift, Element, Multipole, Octupole, Patch, Quadrupole, RFCavity, Sextupole, Solenoid
from ssmb.elements.linear_map import LinearMap
from ssmb.elements.lumped_radiation import LumpedRadiation
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements, element_ops
from ssmb.maps.bend import fringe_hard_edge, wedge
from ssmb.maps.op import Op
from ssmb.tracking import track
from tests.contract.cases import inverse_op, program_of, run_on
from tests.contract.number_systems import MPMATH
from tests.physics.laboratory import (
    Frame,
    Particle,
    body_rotation,
    in_frame,
    straight_field,
    turned_about_y,
)
from tests.support import assert_close

REF = Reference(250e6)
START = Frame.start()


def particles(scale: float = 1.0, n: int = 6, seed: int = 3) -> np.ndarray:
    """Random coordinates (6, n): 3 mm, 3 mrad, 1 mm, 3 % times ``scale``."""
    random = np.random.default_rng(seed)
    return scale * random.uniform(-1.0, 1.0, (6, n)) * np.array([3e-3, 3e-3, 3e-3, 3e-3, 1e-3, 3e-2])[:, None]


def tracked(element: Element, points: np.ndarray) -> np.ndarray:
    out, state = compile_elements([element], REF).propagate(points)
    assert not state.any()
    return out


def flown(points: np.ndarray, plan) -> np.ndarray:
    """Brute force for each particle: ``plan(particle)`` returns (particle, last frame, length of the reference
    path).
    """
    rows = []
    for c in points.T:
        particle, frame, length = plan(Particle.at(START, c))
        rows.append(particle.seen_from(frame, c, REF, length))
    return np.array(rows).T


def through(field, end: Frame, length: float):
    return lambda particle: (particle.fly_to(end, field), end, length)


# ---- straight elements


@pytest.mark.parametrize("angle", [0.0, 1e-3, 0.3])
@pytest.mark.parametrize("delta", [0.0, 0.05, -0.05])
def test_drift_is_exact_up_to_large_angles(angle, delta):
    c = np.array([1e-3, angle * (1 + delta), -2e-3, -0.5 * angle, 3e-6, delta])
    got = tracked(Drift(name="d", length=1.7), c[:, None])[:, 0]
    with mpmath.workdps(50):
        q, px, py, length = 1 + mpmath.mpf(delta), mpmath.mpf(c[1]), mpmath.mpf(c[3]), mpmath.mpf(1.7)
        pz = mpmath.sqrt(q**2 - px**2 - py**2)
        mass2 = 1 / (mpmath.mpf(REF.gamma) ** 2 - 1)
        ratio = q / mpmath.sqrt(q**2 + mass2) * mpmath.sqrt(1 + mass2)
        z = mpmath.mpf(c[4]) + length * (ratio - q / pz)
        want = [c[0] + length * px / pz, px, c[2] + length * py / pz, py, z, mpmath.mpf(delta)]
        want = np.array([float(v) for v in want])
    assert_close(got, want, rtol=1e-15, atol=1e-22, what="drift")


def test_quadrupole_against_flight_through_its_field():
    points, length = particles(), 0.4
    want = flown(points, through(straight_field((0.0, 2.7)), START.moved((0, 0, length)), length))
    fine = tracked(Quadrupole(name="q", length=length, Kn1=2.7, slices=32), points)
    assert_close(fine, want, rtol=0.0, atol=1e-13, what="matrix-kick-matrix, 32 steps")
    assert_close(
        tracked(Quadrupole(name="q", length=length, Kn1=2.7, integrator="yoshida6", slices=32), points),
        want, rtol=0.0, atol=1e-13, what="drift-kick-drift, order 6",
    )  # fmt: skip
    default = tracked(Quadrupole(name="q", length=length, Kn1=2.7), points)
    assert_close(default, want, rtol=0.0, atol=3e-11, what="default: one step (at 3 mm, 3 mrad, 3 %)")


def test_skew_quadrupole_against_flight():
    points = particles()
    for strength in (0.9, -0.9):
        want = flown(points, through(straight_field((), (0.0, strength)), START.moved((0, 0, 0.3)), 0.3))
        got = tracked(Quadrupole(name="q", length=0.3, Ks1=strength, slices=16), points)
        assert_close(got, want, rtol=0.0, atol=1e-13, what=f"Ks1 = {strength}")


@pytest.mark.parametrize(
    ("made", "normal", "skew"),
    [
        (Sextupole(name="s", length=0.2, Kn2=200.0, Ks2=-50.0, slices=40), (0, 0, 200.0), (0, 0, -50.0)),
        (Octupole(name="o", length=0.2, Kn3=3e4, slices=40), (0, 0, 0, 3e4), ()),
        (
            Quadrupole(name="q", length=0.3, Kn0=1e-3, Kn1=1.5, Ks1=0.1, Kn2=30.0, Kn5=1e6, slices=64),
            (1e-3, 1.5, 30.0, 0.0, 0.0, 1e6),
            (0.0, 0.1),
        ),
    ],
    ids=lambda v: getattr(v, "kind", ""),
)
def test_multipoles_against_flight(made, normal, skew):
    points = particles()
    want = flown(points, through(straight_field(normal, skew), START.moved((0, 0, made.length)), made.length))
    assert_close(tracked(made, points), want, rtol=0.0, atol=2e-13, what=made.kind)


@pytest.mark.parametrize("strength", [0.7, -5.0])
def test_solenoid_against_flight(strength):
    """A uniform field with hard ends: the ends turn canonical into kinetic momenta."""
    points, length = particles(), 0.6
    x, y = points[0].copy(), points[2].copy()
    kinetic = points.copy()
    kinetic[1] += 0.5 * strength * y
    kinetic[3] -= 0.5 * strength * x
    want = flown(kinetic, through(lambda r: np.array([0, 0, strength]), START.moved((0, 0, length)), length))
    want[1] -= 0.5 * strength * want[2]
    want[3] += 0.5 * strength * want[0]
    assert_close(tracked(Solenoid(name="s", length=length, Ksol=strength), points), want, rtol=0.0, atol=1e-13)


# ---- bends


def sector_in_digits(c: np.ndarray, h: float, length: float) -> list[float]:
    """Circle, line and helix in 50 digits: a uniform vertical field between the ends of a reference arc."""
    with mpmath.workdps(50):
        x, px, y, py, z, delta = (mpmath.mpf(float(v)) for v in c)
        h, length = mpmath.mpf(h), mpmath.mpf(length)
        q, theta = 1 + delta, h * length
        rho = 1 / h
        radius = mpmath.sqrt(q**2 - py**2) / h  # of the circle in the plane of the bend
        ps = mpmath.sqrt(q**2 - px**2 - py**2)
        # origin at the centre of the reference arc; entrance line along +X; the beam moves along +S
        centre = (rho + x - ps / h, px / h)
        # exit line: direction (cos, sin); distance t with |t e - centre| = radius
        e = (mpmath.cos(theta), mpmath.sin(theta))
        along = e[0] * centre[0] + e[1] * centre[1]
        across2 = centre[0] ** 2 + centre[1] ** 2 - along**2
        t = along + mpmath.sqrt(radius**2 - across2)
        end = (t * e[0] - centre[0], t * e[1] - centre[1])
        begin = (rho + x - centre[0], -centre[1])
        swept = mpmath.atan2(end[1], end[0]) - mpmath.atan2(begin[1], begin[0])
        # velocity is at right angles to the radius vector
        direction = (-end[1] * h, end[0] * h)
        px1 = direction[0] * e[0] + direction[1] * e[1]
        mass2 = 1 / (mpmath.mpf(REF.gamma) ** 2 - 1)
        ratio = q / mpmath.sqrt(q**2 + mass2) * mpmath.sqrt(1 + mass2)
        out = (t - rho, px1, y + py * swept / h, py, z + length * ratio - q * swept / h, delta)
        return [float(v) for v in out]


@pytest.mark.parametrize(("length", "angle"), [(1.2, math.pi / 4), (0.8, 0.0123), (0.5, 1e-7), (2.0, 2.5)])
def test_exact_bend_against_circle_geometry(length, angle):
    points = particles()
    h = angle / length
    want = np.array([sector_in_digits(c, h, length) for c in points.T]).T
    got = tracked(Bend(name="b", length=length, angle=angle), points)
    assert_close(got, want, rtol=4e-16, atol=3e-17, what="sector")


def test_exact_bend_against_flight_either_sign_and_tilt():
    points = particles()
    for angle, tilt in ((0.4, 0.0), (-0.3, 0.0), (0.4, 0.7)):
        h = angle / 0.9
        field = np.array([-h * math.sin(tilt), h * math.cos(tilt), 0.0])
        want = flown(points, through(lambda r, b=field: b, START.along_arc(0.9, angle, tilt), 0.9))
        got = tracked(Bend(name="b", length=0.9, angle=angle, tilt_ref=tilt), points)
        assert_close(got, want, rtol=0.0, atol=1e-13, what=f"angle {angle}, tilt {tilt}")


def test_pole_faces_of_the_full_edge_in_the_midplane():
    """Drift to the turned face, uniform field to the other face, drift back: exact where y = 0 (no fringe there)."""
    points = particles()
    points[2:4] = 0.0
    length, angle, e1, e2 = 1.1, 0.5, 0.3, -0.2
    field, end = np.array([0.0, angle / length, 0.0]), START.along_arc(length, angle)
    face1, face2 = START.moved((0, 0, 0), turned_about_y(-e1)), end.moved((0, 0, 0), turned_about_y(e2))

    def plan(particle):
        inside = particle.fly_to(face1).fly_to(face2, lambda r: field)
        return inside.fly_to(end), end, length

    got = tracked(Bend(name="b", length=length, angle=angle, e1=e1, e2=e2, edge="full"), points)
    assert_close(got, flown(points, plan), rtol=0.0, atol=1e-13, what="full edge")


def test_wedge_against_flight():
    points = particles()
    angle, h = 0.25, 0.6
    end = START.moved((0, 0, 0), turned_about_y(-angle))
    want = flown(points, through(lambda r: np.array([0, h, 0]), end, 0.0))
    op = Op(wedge, (math.cos(angle), math.sin(angle), h))
    got, _ = program_of([op]).propagate(points)
    assert_close(got, want, rtol=0.0, atol=1e-13, what="wedge")


def _soft_edge(h: float, width: float):
    """A dipole that rises as a logistic function of s: B_y and B_s to third order in y (div = curl = 0)."""

    def field(r: np.ndarray) -> np.ndarray:
        f = 1.0 / (1.0 + math.exp(-r[2] / width))
        f1 = f * (1.0 - f) / width
        f2 = f1 * (1.0 - 2.0 * f) / width
        f3 = (f2 * (1.0 - 2.0 * f) - 2.0 * width * f1 * f1 / width) / width
        y = r[1]
        return np.array([0.0, h * (f - 0.5 * y * y * f2), h * (y * f1 - y**3 / 6.0 * f3)])

    return field


def _through_soft_edge(c: np.ndarray, h: float, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Brute force and hard-edge model from 30 widths before the edge to 30 widths behind it."""
    reach = 30.0 * width
    before, edge, after = START.moved((0, 0, -reach)), START, START.moved((0, 0, reach))
    soft = Particle.at(before, c).fly_to(after, _soft_edge(h, width)).seen_from(after, c, REF, 0.0)
    ahead = Particle.at(before, c).fly_to(edge).seen_from(edge, c, REF, 0.0)
    # FINT HGAP = 1/2 integral F (1 - F) ds = width/2; the map takes twice the curvature times it
    kicked, _ = program_of([Op(fringe_hard_edge, (h, h * width))]).propagate(ahead[:, None])
    hard = Particle.at(edge, kicked[:, 0]).fly_to(after, lambda r: np.array([0.0, h, 0.0]))
    return soft, hard.seen_from(after, kicked[:, 0], REF, 0.0)


@pytest.mark.parametrize("slope", [0.0, 0.35, -0.2])
def test_fringe_with_finite_extent_against_a_soft_edge(slope):
    """The vertical kick -h tan(e - lag) y through a field that rises over w: what is left falls faster than w."""
    h, y = 0.8, 1e-6
    c = np.array([0.0, math.sin(slope), y, 0.0, 0.0, 0.0])
    left, effect = [], []
    for width in (2e-4, 1e-4):
        soft, hard = _through_soft_edge(c, h, width)
        left.append(abs(soft[3] - hard[3]) / y)
        none, _ = program_of([Op(fringe_hard_edge, (h, 0.0))]).propagate(c[:, None])
        with_extent, _ = program_of([Op(fringe_hard_edge, (h, h * width))]).propagate(c[:, None])
        effect.append(abs(with_extent[3, 0] - none[3, 0]) / y)
    assert effect[1] > 5e-5  # the finite extent is there ...
    assert left[1] < 0.02 * effect[1]  # ... and is right to 2 %
    assert left[1] < 0.55 * left[0] + 1e-9


def test_linear_edge_is_the_limit_of_the_full_one():
    """Both edge models have the same linear vertical focusing, with FINT."""
    values = {"length": 1.0, "angle": 0.4, "e1": 0.25, "e2": 0.15, "edge1_int": 0.01, "edge2_int": 0.02}
    points = np.zeros((6, 2))
    points[2, 0] = points[3, 1] = 1e-7
    linear = tracked(Bend(name="b", **values), points)
    full = tracked(Bend(name="b", edge="full", **values), points)
    # the full edge drifts to the turned face; the linear one kicks at the sector face: second order in the face angle
    assert_close(full[2:4] / 1e-7, linear[2:4] / 1e-7, rtol=0.0, atol=3e-3, what="vertical matrix")


def _combined_field(h: float, k1: float, k2: float):
    """Maxwell's field of a curved magnet with B_y = h + k1 x + k2 x^2/2 in the midplane, to third order in y."""
    centre = np.array([-1.0 / h, 0.0, 0.0])

    def field(r: np.ndarray) -> np.ndarray:
        u = r - centre
        radius = math.hypot(u[0], u[2])
        x, y = radius - 1.0 / h, r[1]
        g = 1.0 / radius
        b0, b1, b2 = h + k1 * x + 0.5 * k2 * x * x, k1 + k2 * x, k2
        laplace = b2 + g * b1  # of the midplane field, in the plane
        slope = -g * g * b1 + g * b2
        by = b0 - 0.5 * y * y * laplace
        bx = y * b1 - y**3 / 6.0 * slope
        return np.array([bx * u[0] / radius, by, bx * u[2] / radius])

    return field


@pytest.mark.parametrize(("k1", "k2"), [(-1.1, 0.0), (0.6, 5.0)])
def test_combined_function_bend_against_flight(k1, k2):
    """The field expansion holds to second order in x, y: the difference falls as the cube of the amplitude."""
    length, angle = 0.8, 0.3
    end, field = START.along_arc(length, angle), _combined_field(angle / length, k1, k2)
    made = Bend(name="b", length=length, angle=angle, Kn1=k1, Kn2=k2, slices=200)
    left = []
    for scale in (1.0, 0.5):
        points = particles(scale, n=3)
        left.append(float(np.abs(tracked(made, points) - flown(points, through(field, end, length))).max()))
    assert left[0] < 1e-8
    assert left[1] < 0.16 * left[0]  # 1/8


# ---- energy and time


@pytest.mark.parametrize("zero_phase", ["ACCELERATING", "ABOVE_TRANSITION", "BELOW_TRANSITION"])
def test_cavity_changes_energy_at_fixed_time(zero_phase):
    points = particles()
    made = RFCavity(name="c", voltage=2e6, frequency=499.7e6, phase=0.07, zero_phase=zero_phase)
    got = tracked(made, points)
    shift = {"ACCELERATING": 0.0, "ABOVE_TRANSITION": 0.25, "BELOW_TRANSITION": -0.25}[zero_phase]
    want = points.copy()
    with mpmath.workdps(50):
        p0, m = mpmath.mpf(REF.p0c), mpmath.mpf(REF.mass)
        for i in range(points.shape[1]):
            p = p0 * (1 + mpmath.mpf(points[5, i]))
            energy = mpmath.sqrt(p**2 + m**2)
            time = -mpmath.mpf(points[4, i]) / (p / energy * mpmath.mpf(SPEED_OF_LIGHT))
            phase = 2 * mpmath.pi * (mpmath.mpf(0.07) + shift) + 2 * mpmath.pi * mpmath.mpf(499.7e6) * time
            after = energy + mpmath.mpf(2e6) * mpmath.cos(phase)
            p1 = mpmath.sqrt(after**2 - m**2)
            want[4, i] = float(-time * p1 / after * mpmath.mpf(SPEED_OF_LIGHT))
            want[5, i] = float(p1 / p0 - 1)
    assert_close(got, want, rtol=4e-16, atol=2e-18, what="cavity")


def test_head_gains_energy_above_transition():
    points = np.zeros((6, 2))
    points[4] = 1e-3, -1e-3
    made = RFCavity(name="c", voltage=1e5, frequency=500e6, zero_phase="ABOVE_TRANSITION")
    delta = tracked(made, points)[5]
    assert delta[0] > 0.0 > delta[1]


# ---- displaced elements, patches

SHIFT = {"x_offset": 1.1e-3, "y_offset": -0.7e-3, "z_offset": 2.3e-3, "x_rot": 4e-3, "y_rot": -6e-3, "z_rot": 0.03}


ROLL = dict.fromkeys(SHIFT, 0.0) | {"z_rot": 0.03}


def _displaced(middle: Frame, shift: dict[str, float]) -> Frame:
    turn = body_rotation(shift["x_rot"], shift["y_rot"], shift["z_rot"])
    return middle.moved((shift["x_offset"], shift["y_offset"], shift["z_offset"]), turn)


def _body_frame(ideal: Frame, middle: Frame, moved: Frame) -> Frame:
    """Where a frame that is fixed to the body goes when its middle goes from ``middle`` to ``moved``."""
    turn = moved.axes @ middle.axes.T
    return Frame(moved.origin + turn @ (ideal.origin - middle.origin), turn @ ideal.axes)


@pytest.mark.parametrize("shift", [SHIFT, ROLL], ids=["all", "roll"])
def test_displaced_quadrupole_against_rigid_body(shift):
    points, length = particles(), 0.4
    middle, end = START.moved((0, 0, 0.5 * length)), START.moved((0, 0, length))
    moved = _displaced(middle, shift)
    inside, outside = _body_frame(START, middle, moved), _body_frame(end, middle, moved)
    field = in_frame(inside, straight_field((0.0, 2.7)))

    def plan(particle):
        return particle.fly_to(inside).fly_to(outside, field).fly_to(end), end, length

    got = tracked(Quadrupole(name="q", length=length, Kn1=2.7, slices=32, **shift), points)
    assert_close(got, flown(points, plan), rtol=0.0, atol=1e-13, what="displaced quadrupole")


@pytest.mark.parametrize(("tilt", "shift"), [(0.0, SHIFT), (0.6, SHIFT), (0.6, ROLL)], ids=["all", "tilted", "roll"])
def test_displaced_bend_against_rigid_body(tilt, shift):
    points, length, angle = particles(), 0.9, 0.4
    end = START.along_arc(length, angle, tilt)
    # the middle of the chord; the tangent in the middle of the arc is along the chord
    middle = Frame(0.5 * (START.origin + end.origin), START.along_arc(0.5 * length, 0.5 * angle, tilt).axes)
    moved = _displaced(middle, shift)
    inside, outside = _body_frame(START, middle, moved), _body_frame(end, middle, moved)
    h = angle / length
    field = inside.axes @ np.array([-h * math.sin(tilt), h * math.cos(tilt), 0.0])

    def plan(particle):
        return particle.fly_to(inside).fly_to(outside, lambda r: field).fly_to(end), end, length

    got = tracked(Bend(name="b", length=length, angle=angle, tilt_ref=tilt, **shift), points)
    assert_close(got, flown(points, plan), rtol=0.0, atol=1e-13, what="displaced bend")


def test_displaced_drift_is_a_drift():
    points = particles()
    plain, moved = Drift(name="d", length=0.9), Drift(name="d", length=0.9, **SHIFT)
    assert_close(tracked(moved, points), tracked(plain, points), rtol=0.0, atol=1e-15, what="displaced drift")


def test_patch_is_a_change_of_frame():
    points = particles()
    made = Patch(
        name="p", shift_x=2e-3, shift_y=-1e-3, shift_z=0.3, turn_x=0.02, turn_y=-0.05, turn_z=0.4, t_offset=1e-12
    )
    frame = START.moved((2e-3, -1e-3, 0.3), body_rotation(0.02, -0.05, 0.4))
    clock = 0.3 + REF.beta * SPEED_OF_LIGHT * 1e-12
    want = flown(points, lambda particle: (particle.fly_to(frame), frame, clock))
    assert_close(tracked(made, points), want, rtol=0.0, atol=2e-15, what="patch")


def test_patch_there_and_back_is_nothing():
    forth = Patch(name="a", shift_x=1e-3, shift_z=0.2)
    back = Patch(name="b", shift_x=-1e-3, shift_z=-0.2)
    points = particles()
    out, _ = compile_elements([forth, back], REF).propagate(points)
    assert_close(out, points, rtol=0.0, atol=1e-16, what="there and back")


# ---- nanometres over kilometres

CENTRED = [
    Drift(name="d", length=1.5),
    Bend(name="b", length=1.2, angle=math.pi / 4, e1=0.2, e2=0.3, edge1_int=0.01),
    Bend(name="g", length=0.8, angle=0.3, Kn1=-1.1, Kn2=4.0),
    Bend(name="p", length=0.8, angle=0.39, integrator="yoshida4", slices=10),
    Bend(name="m", length=0.8, angle=0.39, Kn1=-0.7, integrator="matrix"),
    Quadrupole(name="q", length=0.3, Kn1=3.0),
    Quadrupole(name="y", length=0.3, Kn1=3.0, integrator="yoshida6"),
    Sextupole(name="s", length=0.2, Kn2=80.0),
    Octupole(name="o", length=0.2, Kn3=8e3),
    Solenoid(name="sol", length=0.5, Ksol=0.7),
    RFCavity(name="c", length=0.4, voltage=5e5, frequency=5e8, zero_phase="ABOVE_TRANSITION"),
]


@pytest.mark.parametrize("made", CENTRED, ids=lambda e: e.name)
def test_reference_particle_stays_at_zero_exactly(made):
    out = tracked(made, np.zeros((6, 3)))
    if made.kind == "RFCavity":  # cos(pi/2) of the packed phase
        assert_close(out, 0.0, rtol=0.0, atol=1e-18, what="reference particle")
    else:
        assert not out.any()


@pytest.mark.parametrize("made", CENTRED[:-1], ids=lambda e: e.name)
def test_rounding_of_z_is_below_an_attometre(made):
    """Deviations of 1e-4 in x, px, y, py, delta: z is right to 1e-18 m, against 50 digits of the same numbers."""
    random = np.random.default_rng(11)
    points = 1e-4 * random.uniform(-1.0, 1.0, (6, 12))
    points[4] = 0.0
    got = tracked(made, points)[4]
    ops = element_ops(made, REF)
    with mpmath.workdps(50):
        want = [float(run_on(ops, MPMATH, [mpmath.mpf(float(v)) for v in c])[4]) for c in points.T]
    assert_close(got, np.array(want), rtol=0.0, atol=1e-18, what="z [m]")


def test_thin_multipole_is_the_power_series_of_its_field():
    """Kick of each order alone and of all together: px - i py falls by (Kn + i Ks)(x + i y)^n/n!."""
    points = particles()
    place = points[0] + 1j * points[2]
    rng = np.random.default_rng(8)
    strengths = rng.uniform(-1.0, 1.0, (2, 6)) * 10.0 ** np.arange(0, 12, 2)
    alone = [(part, n) for part in range(2) for n in range(6)]
    for chosen in ([one] for one in alone):
        _thin_multipole_kicks(points, place, strengths, chosen)
    _thin_multipole_kicks(points, place, strengths, alone)


def _thin_multipole_kicks(points, place, strengths, chosen):
    made = Multipole(name="m", **{f"K{'ns'[part]}{n}": float(strengths[part, n]) for part, n in chosen})
    want = sum((1j if part else 1.0) * strengths[part, n] * place**n / math.factorial(n) for part, n in chosen)
    moved = tracked(made, points) - points
    assert_close(moved[1] - 1j * moved[3], -want, rtol=1e-12, atol=1e-15, what=f"kick of {chosen}")
    assert_close(moved[[0, 2, 4, 5]], np.zeros((4, points.shape[1])), rtol=0.0, atol=0.0, what="all else stays")


def test_lumped_damping_about_a_point_is_undone():
    """Damping about a point off the axis with a mean change there: its inverse brings every particle back."""
    damping = -np.diag([1e-2, 2e-2, 3e-2, 4e-2, 5e-2, 6e-2])
    damping[0, 5], damping[5, 4] = 1e-2, -2e-2
    lumped = LumpedRadiation(
        name="l", mean=(1e-4, -2e-5, 3e-5, 4e-6, -5e-5, 6e-4), point=(2e-3, 1e-4, -1e-3, 3e-4, 1e-3, 5e-3),
        damping=tuple(map(tuple, damping.tolist())),
    )  # fmt: skip
    (there,) = lumped.ops_with_radiation(REF, "mean")
    back = inverse_op(there)
    assert back is not None
    points = particles()
    moved = np.array(run_on([there], None, points))
    mean, point = np.array(lumped.mean)[:, None], np.array(lumped.point)[:, None]
    assert_close(moved, points + mean + damping @ (points - point), rtol=0.0, atol=1e-17, what="the lumped map")
    assert_close(np.array(run_on([back], None, moved)), points, rtol=0.0, atol=1e-16, what="there and back")


def test_noise_of_a_linear_map_has_the_covariance_it_is_given():
    """20 000 particles at one place: in units in which it is given, the unit matrix, to six deviations of its mean."""
    sizes = np.array([3e-5, 2e-6, 1e-5, 4e-6, 2e-7, 1e-4])
    root = np.tril(np.random.default_rng(8).uniform(0.5, 1.5, (6, 6))) * sizes[:, None]
    one, added = (tuple(map(tuple, rows.tolist())) for rows in (np.eye(6), root @ root.T))
    element = LinearMap(name="noise", matrix=one, diffusion=added)
    count = 20_000
    start = np.repeat(np.array([1e-3, 2e-5, -5e-4, 1e-5, 2e-6, 1e-4])[:, None], count, axis=1)
    out = track(Lattice.from_elements([element], REF), Beam(REF, start), 1).beam.coordinates
    seen = np.linalg.solve(root, out - start)
    assert_close(seen.mean(axis=1), np.zeros(6), rtol=0.0, atol=6.0 / math.sqrt(count), what="mean")
    assert_close(seen @ seen.T / count, np.eye(6), rtol=0.0, atol=6.0 * math.sqrt(2.0 / count), what="covariance")


def test_each_coordinate_alone_takes_a_particle_out():
    """Metres off the axis, a transverse momentum or an energy of many times the reference: nothing to track on."""
    most = np.array([10.0, 10.0, 10.0, 10.0, 1e12, 10.0])
    program = compile_elements([LinearMap(name="one", matrix=tuple(map(tuple, np.eye(6).tolist())))], REF)
    beyond, within = np.diag(1.1 * most), np.diag(0.9 * most)
    assert not program.propagate(within)[1].any()
    assert program.propagate(beyond)[1].all()
    assert program.propagate(-beyond)[1].all()
