"""The two models of pole faces: what each result says of them, how far they move chromaticities, and the warning."""

from __future__ import annotations

import math
import warnings

import pytest

from ssmb.beam.reference import Reference
from ssmb.dynamics import equilibrium, optics
from ssmb.errors import ValidityWarning
from ssmb.lattice import Lattice
from tests.dynamics.rings import mls
from tests.support import assert_close, fodo_cell


def _ring(**bend) -> Lattice:
    return Lattice.from_elements(fodo_cell(**bend) * 8, Reference(1e9), periodic=True)


def _quiet(ring: Lattice):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        return optics(ring)


def test_a_ring_of_small_radius_warns_and_says_both() -> None:
    ring = mls()
    full = ring.with_changes({"Bend::*": {"edge": "full"}})
    with pytest.warns(ValidityWarning, match=r"chromaticity dQy 2.4 \(0.609 with full ones\).*edge: full"):
        linear = optics(ring)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exact = optics(full)
        optics(ring, compare_edges=False)
    assert (linear.provenance["bend_edges"], linear.provenance["other_edges"]) == ("linear", "full")
    assert (exact.provenance["bend_edges"], exact.provenance["other_edges"]) == ("full", "linear")
    for one, two in ((linear, exact), (exact, linear)):
        got = [one.provenance[f"other_edges_dq{p}"] for p in "xy"]
        assert_close(got, [two.dqx, two.dqy], rtol=1e-4, atol=1e-4, what="the other model, optics by itself")
    assert linear.edges_text() == "linear (chromaticities 0.6838, 0.6086 with full ones)"
    assert "other_edges" not in optics(ring, compare_edges=False).provenance
    assert equilibrium(full).provenance["bend_edges"] == "full"


@pytest.mark.parametrize("fint_hgap", [0.0, 0.003])
def test_full_edges_change_the_vertical_chromaticity_by_first_order_perturbation(fint_hgap: float) -> None:
    """dQy += (1/4 pi) sum of beta_y h (lag +- D')/cos^2 lag over the sector edges, entrances +, exits -."""
    ring = _ring(edge1_int=fint_hgap, edge2_int=fint_hgap)
    found = _quiet(ring)
    h = math.pi / 8 / 0.5
    lag = 2.0 * h * fint_hgap
    total = 0.0
    for i, element in enumerate(ring):
        if element.kind == "Bend":
            for place, side in ((i, 1.0), (i + 1, -1.0)):
                # the slope outside of the linear edges, which is inside, too, as sector edges do not turn it
                slope = found.dispersion[place, 1]
                total += found.beta[place, 1] * h * (lag + side * slope) / math.cos(lag) ** 2
    change = found.provenance["other_edges_dqy"] - found.dqy
    assert abs(total) > 0.3
    assert_close(change, total / (4.0 * math.pi), rtol=2e-3, atol=0.0, what="change of dQy")


def test_bends_without_edges_have_no_other_ones() -> None:
    found = _quiet(_ring(edge="none"))
    assert found.provenance["bend_edges"] == "none"
    assert "other_edges" not in found.provenance
