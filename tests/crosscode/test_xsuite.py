"""Against Xsuite: exact bend, quadrupole, drift, sextupole, solenoid, cavity, pole faces; one and a hundred turns.

Where the models differ: Xsuite's ``mat-kick-mat`` solves the paraxial quadrupole (ours with ``drift="expanded"``; our
default adds the kinematic kicks); its curved sextupole leaves out terms in h k2 that ours keeps; its full fringe with a
gap is another expansion of the field integral than ours. All three are tested as differences.
"""

from __future__ import annotations

import numpy as np
import pytest

from ssmb.beam.coordinates import from_xsuite, to_xsuite
from ssmb.elements import Bend, Drift, Quadrupole, RFCavity, Sextupole, Solenoid
from ssmb.lattice.program import compile_elements
from tests.crosscode import benchmark_ring
from tests.crosscode.benchmark_ring import ELEMENTS, REFERENCE, particles
from tests.support import assert_close

xt = pytest.importorskip("xtrack", reason="extra `interop`: xtrack is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning")

CLOSED = {"edge_entry_active": False, "edge_exit_active": False}
FINE = {"integrator": "yoshida-8", "num_multipole_kicks": 150}


def by_xsuite(elements: list, c: np.ndarray, turns: int = 1) -> np.ndarray:
    """Our coordinates after Xsuite has tracked them."""
    species = {"mass0": REFERENCE.mass, "p0c": REFERENCE.p0c, "q0": -1}
    line = xt.Line(elements)
    line.particle_ref = xt.Particles(**species)
    line.build_tracker()
    columns = to_xsuite(c, REFERENCE)
    columns.pop("ptau")
    beam = xt.Particles(**columns, **species)
    line.track(beam, num_turns=turns)
    order = np.argsort(beam.particle_id)
    assert (beam.state > 0).all(), "Xsuite lost a particle"
    return from_xsuite({name: getattr(beam, name)[order] for name in columns}, REFERENCE)


def difference(ours, theirs, c: np.ndarray) -> np.ndarray:
    """Largest difference of each coordinate after one element."""
    got, state = compile_elements([ours], REFERENCE).propagate(c)
    assert not state.any()
    return np.abs(got - by_xsuite([theirs], c)).max(axis=1)


ANGLE, K0 = 0.39, 0.39 / 0.8
FACES = {"edge_entry_angle": 0.1, "edge_exit_angle": 0.2}
GAPS = {"edge_entry_fint": 0.5, "edge_exit_fint": 0.5, "edge_entry_hgap": 0.02, "edge_exit_hgap": 0.02}
OUR_FACES, OUR_GAPS = {"e1": 0.1, "e2": 0.2}, {"edge1_int": 0.01, "edge2_int": 0.01}


def _their_bend(**more):
    return xt.Bend(length=0.8, angle=ANGLE, k0=K0, model="bend-kick-bend", **more)


def _edges(model: str) -> dict:
    return {"edge_entry_model": model, "edge_exit_model": model, **FACES}


SAME = {
    "exact drift": lambda: (Drift(name="e", length=1.3), xt.Drift(length=1.3, model="exact")),
    "expanded drift": lambda: (Drift(name="e", length=1.3, drift="expanded"), xt.Drift(length=1.3, model="expanded")),
    "exact bend": lambda: (Bend(name="e", length=0.8, angle=ANGLE), _their_bend(**CLOSED)),
    "gradient bend": lambda: (
        Bend(name="e", length=0.8, angle=ANGLE, Kn1=-0.7, slices=100),
        _their_bend(k1=-0.7, **CLOSED, **FINE),
    ),
    "exact quadrupole": lambda: (
        Quadrupole(name="e", length=0.3, Kn1=2.0, slices=20),
        xt.Quadrupole(length=0.3, k1=2.0, model="drift-kick-drift-exact", **FINE),
    ),
    "paraxial quadrupole": lambda: (
        Quadrupole(name="e", length=0.3, Kn1=2.0, drift="expanded"),
        xt.Quadrupole(length=0.3, k1=2.0, model="mat-kick-mat", integrator="uniform", num_multipole_kicks=1),
    ),
    "sextupole": lambda: (
        Sextupole(name="e", length=0.2, Kn2=80.0, slices=20),
        xt.Sextupole(length=0.2, k2=80.0, model="drift-kick-drift-exact", **FINE),
    ),
    "solenoid": lambda: (Solenoid(name="e", length=0.5, Ksol=0.7), xt.UniformSolenoid(length=0.5, ks=0.7)),
    "cavity": lambda: (
        RFCavity(name="e", voltage=5e5, frequency=5e8, zero_phase="ABOVE_TRANSITION"),
        xt.Cavity(voltage=5e5, frequency=5e8, lag=180.0),
    ),
    "linear edges": lambda: (
        Bend(name="e", length=0.8, angle=ANGLE, **OUR_FACES, **OUR_GAPS),
        _their_bend(**_edges("linear"), **GAPS),
    ),
    "full edges": lambda: (
        Bend(name="e", length=0.8, angle=ANGLE, edge="full", **OUR_FACES),
        _their_bend(**_edges("full")),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_same_model_same_numbers(name):
    ours, theirs = SAME[name]()
    left = difference(ours, theirs, 5.0 * particles(200, seed=5))
    assert_close(left, 0.0, rtol=0.0, atol=1e-12, what=name)


def test_matrix_kick_matrix_is_paraxial_there():
    """The kinematic terms: third order in the angles, so a fifth of the amplitude leaves 1/125."""
    ours = Quadrupole(name="e", length=0.3, Kn1=2.0, slices=20)
    theirs = xt.Quadrupole(length=0.3, k1=2.0, model="mat-kick-mat", **FINE)
    c = 5.0 * particles(100, seed=5)
    large, small = difference(ours, theirs, c)[0], difference(ours, theirs, 0.2 * c)[0]
    assert 1e-10 < large < 1e-8
    assert small < 0.012 * large


def test_curved_sextupole_keeps_its_curvature_terms_here():
    """h k2 x^3/2 and h k2 x^2 y: third order, in our map and in Maxwell's field (see the tests of elements)."""
    ours = Bend(name="e", length=0.8, angle=ANGLE, Kn2=5.0, slices=50)
    theirs = _their_bend(k2=5.0, **CLOSED, **FINE)
    c = 5.0 * particles(100, seed=5)
    large, small = difference(ours, theirs, c)[1], difference(ours, theirs, 0.2 * c)[1]
    assert 1e-9 < large < 1e-6
    assert small < 0.012 * large


def test_full_fringe_with_a_gap_differs_in_third_order():
    """The focusing -h tan(e - lag) y is the same; Xsuite adds y^3 terms of the field integral that ours leaves out."""
    ours = Bend(name="e", length=0.8, angle=ANGLE, edge="full", **OUR_FACES, **OUR_GAPS)
    theirs = _their_bend(**_edges("full"), **GAPS)
    c = 5.0 * particles(100, seed=5)
    large, small = difference(ours, theirs, c)[3], difference(ours, theirs, 0.1 * c)[3]
    assert 1e-9 < large < 1e-6
    assert small < 1.5e-3 * large


def _their_ring() -> list:
    made = []
    for _, kind, length, p in ELEMENTS:
        if kind == "drift":
            made.append(xt.Drift(length=length, model="exact"))
        elif kind == "bend":
            h = p["angle"] / length
            made.append(xt.Bend(length=length, angle=p["angle"], k0=h, model="bend-kick-bend", **CLOSED))
        elif kind == "quad":
            made.append(xt.Quadrupole(length=length, k1=p["k1"], model="drift-kick-drift-exact", **FINE))
        else:
            made.append(xt.Sextupole(length=length, k2=p["k2"], model="drift-kick-drift-exact", **FINE))
    return made


def test_exact_ring_one_turn():
    c = particles(1000)
    ours, state = benchmark_ring.ring(expanded=False, slices=40).propagate(c)
    assert not state.any()
    assert_close(ours, by_xsuite(_their_ring(), c), rtol=0.0, atol=1e-12, what="one turn, exact maps")


def test_exact_ring_hundred_turns():
    c = particles(20)
    ours, state = benchmark_ring.ring(expanded=False, slices=40).propagate(c, turns=100)
    assert not state.any()
    assert_close(ours, by_xsuite(_their_ring(), c, turns=100), rtol=0.0, atol=1e-11, what="100 turns, exact maps")
