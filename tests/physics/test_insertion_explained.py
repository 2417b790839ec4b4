"""|b_n| of the 13.5 nm insertions explained by named terms, and what more particles, slices and seeds change in it."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from ssmb import Reference, load_lattice
from ssmb.elements.drift import Drift
from ssmb.elements.marker import Marker
from ssmb.lattice import Lattice
from ssmb.schemes.insertion import CouplingInsertion
from ssmb.tracking import track
from tests.support import assert_close

LATTICES = Path(__file__).parents[2] / "lattices"
WAVELENGTH, HARMONIC, CHIRP = 1064e-9, 79, 2.5e4
#: lattice -> laser wavelength [m], harmonic, chirp [1/m], waist of beta_x and distance from MOD1 to it [m]
CASES = {
    "ssmb_euv": (WAVELENGTH, HARMONIC, CHIRP, 16.0, 4.87),
    "ssmb_euv_v2": (WAVELENGTH, HARMONIC, CHIRP, 5.0, 4.87),
    "ssmb_euv_515": (515e-9, 38, 4.0e4, 16.0, 4.54),
}
FLAT = 1e-15  # emittance that stands for none [m]


@cache
def lattice(name: str) -> Lattice:
    line = load_lattice(LATTICES / f"{name}.pals.yaml")
    return line.with_changes({"MOD1_*": {"SSMB_laser.on": False}}) if name == "ssmb_euv_v2" else line


def insertion(name: str, emit_x: float, emit_y: float = 40e-12, spot: float | None = None, line: Lattice | None = None):
    wavelength, _, chirp, waist, far = CASES[name]
    return CouplingInsertion(
        line or lattice(name), wavelength, chirp, emit_x, emit_y, 5.5e-4, beta=(waist + far**2 / waist, 9.0),
        alpha=(far / waist, 0.0), dispersion_y=(0.5196152422706632, 0.0), spot=spot,
    )  # fmt: skip


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.parametrize("emit_y", [20e-12, 40e-12, 150e-12])
def test_without_horizontal_emittance_it_is_the_formula(name, emit_y):
    found = insertion(name, FLAT, emit_y).explained(CASES[name][1], seeds=2)
    formula = found.factor("modulation") * found.factor("vertical emittance")
    assert_close(found.tracked, formula, rtol=0.01, atol=0.0, what="J_n(n xi) exp(-k^2 eps_y H/2)")
    others = [t.factor for t in found.terms if t.name not in ("modulation", "vertical emittance")]
    assert_close(others, np.ones(5), rtol=0.0, atol=2e-3, what="no other term")


@pytest.mark.parametrize("name", sorted(CASES))
@pytest.mark.parametrize(("emit_x", "spot", "seeds"), [(1e-9, None, 2), (1e-9, 1.2e-3, 2), (1e-8, 2.4e-3, 8)])
def test_named_terms_explain_the_loss(name, emit_x, spot, seeds):
    found = insertion(name, emit_x, spot=spot).explained(CASES[name][1], seeds=seeds)
    assert abs(found.departure) < 0.05, found.table()
    path = found.factor("horizontal path")
    assert path < found.drift < 1.0  # the radiator focuses in x
    assert abs(found.tracked * path / found.product - 1.0) > 0.05 or path > 0.95  # the term is needed
    assert f"{found.product:.5f}" in found.table() and "T_533" in found.table()


def test_horizontal_path_alone_at_10_nm():
    for name in ("ssmb_euv", "ssmb_euv_515"):
        found = insertion(name, 1e-8).explained(CASES[name][1], seeds=8)
        assert found.factor("laser spot") == 1.0
        assert abs(found.departure) < 0.05, found.table()
        assert found.factor("horizontal path") < 0.35


def test_t533_explains_variant_1():
    """Four vertical quadrupoles bend the off-energy orbit: |b| falls to a quarter. Only 2 % is left to other terms."""
    line = load_lattice(LATTICES / "ssmb_euv_v1.pals.yaml")
    given = {"beta": (7.0, 9.0), "alpha": (0.0, 0.0), "dispersion_y": (0.5196152422706632, 0.0)}
    found = CouplingInsertion(line, WAVELENGTH, CHIRP, 1e-9, 40e-12, 5.5e-4, **given).explained(HARMONIC, seeds=12)
    assert found.factor("T_533") < 0.25
    assert abs(found.departure) < 0.05, found.table()


def test_drift_and_spot_against_closed_forms():
    """A drift: the horizontal path is (1 + (n k eps L/beta*)^2)^(-1/4); a small beam under a spot: less modulation."""
    row = [Marker(name="MOD1"), Drift(name="L", length=9.0), Marker(name="RAD")]
    line = Lattice.from_elements(row, Reference(650e6))
    given = {"beta": (5.0, 9.0), "alpha": (0.0, 0.0), "dispersion_y": (0.0, 0.0)}
    found = CouplingInsertion(line, WAVELENGTH, 1e3, 3e-9, FLAT, 1e-12, spot=5e-4, **given).explained(2, n=2**14)
    k = 4.0 * math.pi / WAVELENGTH
    assert_close(found.factor("horizontal path"), found.drift, rtol=1e-9, atol=0.0, what="T_522 = -L/2")
    assert_close(found.drift, (1.0 + (k * 3e-9 * 9.0 / 5.0) ** 2) ** -0.25, rtol=1e-12, atol=0.0, what="drift")
    # r56 of a drift is L/gamma^2: the argument of J_2 is small, J_2 ~ s^2, and <s^2> of a Gaussian beam is known
    # x and its path are independent of px here
    mean = (1.0 + 4.0 * 3e-9 * 5.0 / 5e-4**2) ** -0.5
    assert_close(found.factor("laser spot"), mean, rtol=1e-3, atol=0.0, what="<s^2> over x")
    argument = 2 * line.reference.gamma**-2 * 9.0 * 1e3
    assert_close(found.factor("modulation"), special.jv(2, argument), rtol=1e-5, atol=0.0, what="J_2")


def test_more_particles_slices_and_seeds_change_little():
    finer = lattice("ssmb_euv").with_changes({"Quadrupole::*": {"slices": 8}, "Wiggler::*": {"slices": 100}})
    usual, fine = insertion("ssmb_euv", 1e-9), insertion("ssmb_euv", 1e-9, line=finer)

    def bunching(source: CouplingInsertion, n: int, seeds: int) -> float:
        return float(abs(source.bunching([HARMONIC], n, seeds)[0]))

    def path_error(source: CouplingInsertion, n: int, seed: int = 1) -> float:
        beam = source.beam(n, seed)
        return float((track(source.lattice, beam, start="MOD1", end="MOD2").beam.z - beam.z).std())

    b, dz = bunching(usual, 2**17, 1), path_error(usual, 2**14)
    for what, got in {
        "particles": bunching(usual, 2**18, 1),
        "seeds": bunching(usual, 2**17, 2),
        "slices": bunching(fine, 2**17, 1),
    }.items():
        assert_close(got, b, rtol=0.02, atol=0.0, what=f"|b_79| with doubled {what}")
    seeds = math.sqrt(0.5 * (path_error(usual, 2**14, 1) ** 2 + path_error(usual, 2**14, 2) ** 2))
    for what, got in {
        "particles": path_error(usual, 2**15),
        "seeds": seeds,
        "slices": path_error(fine, 2**14),
    }.items():
        assert_close(got, dz, rtol=0.02, atol=0.0, what=f"path error with doubled {what}")
