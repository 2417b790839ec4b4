"""The undulator that wigglers of a lattice are, against the maps of the same wigglers."""

from __future__ import annotations

import numpy as np
import pytest

from ssmb.beam import Reference
from ssmb.dynamics.matrices import jacobians
from ssmb.elements.drift import Drift
from ssmb.elements.marker import Marker
from ssmb.elements.wiggler import Wiggler
from ssmb.lattice import Lattice
from ssmb.lattice.facts import undulator_at
from ssmb.lattice.program import compile_elements
from tests.support import assert_close

REF = Reference(250e6)
HALF = {"length": 2.0, "periods": 16.0}


def row(*elements, periodic=False):
    return Lattice.from_elements(elements, REF, periodic=periodic)


def r56(*elements):
    return float(jacobians(compile_elements(elements, REF), np.zeros((6, 1)))[0][4, 5])


@pytest.mark.parametrize(
    "wiggler",
    [
        Wiggler(name="U", length=4.0, periods=32.0, K=2.47982),
        Wiggler(name="U", periods=7.0, period_length=0.2, B_peak=0.62, polarization="VERTICAL"),
        Wiggler(name="U", periods=30.0, period_length=0.05, K=5.0, polarization="HELICAL"),
    ],
    ids=["planar", "by field", "helical"],
)
def test_its_r56_is_that_of_the_map(wiggler):
    """2 N lambda of the value, the averaged path of the map: the same to 1/gamma^2."""
    made = wiggler.undulator(REF)
    assert made.helical == (wiggler.polarization == "HELICAL")
    assert_close(made.length, wiggler.length, rtol=1e-12, atol=0.0, what="length [m]")
    assert_close(made.r56, r56(wiggler), rtol=2e-3, atol=0.0, what="r56 [m]")


def test_halves_about_a_marker_are_one_undulator():
    halves = [Wiggler(name=name, **HALF, K=2.0) for name in ("IN", "OUT")]
    other = Wiggler(name="OTHER", periods=10.0, period_length=0.1, K=2.0)
    line = row(Drift(name="D", length=1.0), halves[0], Marker(name="M"), halves[1], other)
    for place in ("M", "IN", "OUT"):
        made, parts = undulator_at(line, place)
        assert made is not None and set(parts) == {"IN", "OUT"} and made.n_periods == 32
        assert_close(made.r56, r56(*halves), rtol=2e-3, atol=0.0, what="r56 [m]")
    ring = row(halves[1], Drift(name="D", length=1.0), halves[0], periodic=True)
    made, parts = undulator_at(ring, "OUT")
    assert made is not None and parts == ("OUT", "IN") and made.n_periods == 32


def test_what_is_no_undulator():
    line = row(
        Drift(name="D", length=1.0), Marker(name="M"), Wiggler(name="SHORT", length=0.01, period_length=0.1, K=1.0)
    )
    assert undulator_at(line, "M") == (None, ())
    assert undulator_at(line, "SHORT") == (None, ())
    assert Drift(name="D", length=1.0).undulator(REF) is None
