"""The fast ring model: its maps and its equilibrium are those of the ring."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Reference
from ssmb.elements import Element, Marker, Quadrupole, RFCavity
from ssmb.elements.polynomial_kicks import PolynomialKicks
from ssmb.elements.wiggler import Wiggler
from ssmb.equilibrium import equilibrium
from ssmb.errors import ConfigError, LatticeError
from ssmb.lattice import Lattice, load_lattice
from ssmb.lattice.program import compile_elements
from ssmb.optics import optics, taylor_map, transfer_matrix
from ssmb.optics.factorisation import kicks_of
from ssmb.tracking import ring_model
from tests.optics.rings import LATTICES, double_bend_ring
from tests.support import assert_close

SIZES = np.array([5.5e-4, 6e-5, 3e-5, 1.1e-5, 3e-7, 1.84e-4])


@cache
def mls() -> Lattice:
    """MLS with two halves of the modulator, a cavity, sextupoles and octupoles."""
    return load_lattice(LATTICES / "mls_pop2.pals.yaml")


@cache
def mls_model(order: int, radiation: bool = True, modulators: str = "thin") -> Lattice:
    return ring_model(mls(), order=order, radiation=radiation, modulators=modulators)


@cache
def small_ring(skew: float = 0.0) -> Lattice:
    """A 1 GeV ring of eight cells with strong sextupoles, a modulator and no cavity; skew couples x and y."""
    row = [e for e in double_bend_ring() if not isinstance(e, RFCavity)]
    extra: list[Element] = [Quadrupole(name="skew", length=0.2, Ks1=skew)] if skew else []
    elements = [modulator(), *extra, *row[:92], Marker(name="half"), *row[92:]]
    return Lattice.from_elements(elements, double_bend_ring().reference, name="small", periodic=True)


def modulator(**changes: Any) -> Wiggler:
    values: dict[str, Any] = {
        "name": "U", "periods": 30.0, "period_length": 0.05, "K": 3.0,
        "laser_wavelength": 1064e-9, "laser_power": 1e3, "laser_rayleigh_length": 0.54,
    }  # fmt: skip
    return Wiggler(**(values | changes))


def dark(lattice: Lattice) -> Lattice:
    """Lasers off."""
    return lattice.with_changes({e.name: {"laser_on": False} for e in lattice if isinstance(e, Wiggler)})


def passed(lattice: Lattice, points: np.ndarray, turns: int = 1, radiation: str = "off") -> np.ndarray:
    out, state = compile_elements(lattice.elements, lattice.reference, radiation).propagate(points, turns=turns)
    assert not state.any()
    return out


def to_middle(lattice: Lattice) -> Lattice:
    """From a ring's first element, its modulator, to the middle of it, lights off."""
    first = lattice.elements[0]
    assert isinstance(first, Wiggler)
    half = replace(first, length=0.5 * first.length, periods=0.0, period_length=first.period, laser_on=False)
    return Lattice.from_elements([half], lattice.reference)


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("skew", [0.0, 0.05])
def test_sections_make_the_one_turn_map(order: int, skew: float) -> None:
    ring = small_ring(skew)
    model = ring_model(ring, order=order, keep=["half"], radiation=False)
    assert [e.name for e in model if isinstance(e, (Marker, Wiggler))] == ["U", "half"]
    assert_close(model.length, ring.length, rtol=1e-14, atol=0.0)
    half = transfer_matrix(to_middle(ring))
    want = half @ transfer_matrix(dark(ring)) @ np.linalg.inv(half)
    got = transfer_matrix(dark(model))
    assert_close(got, want, rtol=1e-9, atol=1e-9, what="one-turn matrix")
    middle = transfer_matrix(dark(model), "half", None) @ transfer_matrix(dark(model), None, "half")
    assert_close(middle, got, rtol=1e-10, atol=1e-10, what="product of sections")


@pytest.mark.parametrize("order", [1, 3])
def test_optics_of_the_model_is_that_of_the_ring(order: int) -> None:
    ring, model = optics(dark(mls())), optics(dark(mls_model(order, False)))
    assert_close(model.qx, ring.qx % 1.0 + 1.0, rtol=0.0, atol=1e-9, what="tune, of which whole numbers are lost")
    assert_close(model.qs, ring.qs, rtol=1e-6, atol=0.0, what="synchrotron tune")
    assert_close(model.slip_factor, ring.slip_factor, rtol=1e-6, atol=0.0)
    assert_close(model.slip_factor2, ring.slip_factor2, rtol=0.0, atol=1e-7, what="second-order slip")
    assert_close(model.slip_factor3, ring.slip_factor3, rtol=0.0, atol=3e-3, what="third-order slip")
    if order == 3:
        got, want = ([o.dqx, o.dqy, o.dqx2, o.dqy2] for o in (model, ring))
        assert_close(got[:2], want[:2], rtol=0.0, atol=2e-5, what="chromaticity")
        assert_close(got[2:], want[2:], rtol=1e-5, atol=0.0, what="second-order chromaticity")


@pytest.mark.parametrize("skew", [0.0, 0.05])
def test_kicks_have_the_taylor_map_of_the_section(skew: float) -> None:
    section = taylor_map(dark(small_ring(skew)), order=3)
    for order in (2, 3):
        made = taylor_map(dark(small_ring(skew)), order=order)
        kicks = kicks_of(made, (5.0, 0.3, 4.0, -0.2))
        line = Lattice.from_elements([PolynomialKicks(name="k", kicks=kicks)], Reference(400e6))
        again = taylor_map(line, order=order)
        assert_close(
            made.R @ again.T.reshape(6, -1), section.T.reshape(6, -1), rtol=1e-8, atol=1e-8 * np.abs(section.T).max()
        )
        if order == 3:
            got, want = made.R @ again.U.reshape(6, -1), section.U.reshape(6, -1)
            assert_close(got, want, rtol=1e-8, atol=1e-8 * np.abs(want).max(), what="third order")


@pytest.mark.parametrize("order", [1, 3])
def test_equilibrium_of_the_model_is_that_of_the_ring(order: int) -> None:
    model = mls_model(order)
    ring, found = equilibrium(mls()), equilibrium(model)
    for name in ("damping_times", "partition_numbers", "tunes", "energy_loss"):
        assert_close(getattr(found, name), getattr(ring, name), rtol=1e-5, atol=0.0, what=name)
    assert_close(found.emittances[[0, 2]], ring.emittances[[0, 2]], rtol=1e-5, atol=0.0, what="emittances")
    assert_close(found.emittances_sands[[0, 2]], ring.emittances[[0, 2]], rtol=1e-3, atol=0.0, what="by eigenvectors")
    assert_close(found.sigma_delta[0], ring.sigma_delta[0], rtol=1e-5, atol=0.0, what="sigma_delta")


def test_wrong_arguments() -> None:
    ring = small_ring()
    no_light = Lattice.from_elements(ring.elements[1:], ring.reference, name="dark", periodic=True)
    single = Lattice.from_elements(ring.elements, ring.reference, name="line", periodic=False)
    for wrong, error, words in (
        (lambda: ring_model(no_light), LatticeError, "no Wiggler with an SSMB_laser group.*keep"),
        (lambda: ring_model(single), LatticeError, "single pass"),
        (lambda: ring_model(ring, keep=["hlaf"]), LatticeError, "no element is named 'hlaf'.*half"),
        (lambda: ring_model(ring, keep="half"), ConfigError, r"keep=\['half'\]"),
        (lambda: ring_model(ring, order=4), ConfigError, "order must be 1, 2 or 3"),
        (lambda: ring_model(ring, order=True), ConfigError, "order must be"),
        (lambda: ring_model(ring, modulators="thn"), ConfigError, "Did you mean 'thin'"),
        (lambda: ring_model(compile_elements(ring.elements, ring.reference)), ConfigError, "needs a Lattice"),  # type: ignore[arg-type]
    ):
        with pytest.raises(error, match=words):
            wrong()
