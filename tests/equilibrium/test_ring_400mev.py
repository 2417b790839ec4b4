"""The magnet-level 400 MeV ring of the package: what it was designed for, and what it settles to."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ssmb.equilibrium import RadiationIntegrals, radiation_integrals
from ssmb.lattice import Lattice, load_lattice
from tests.support import assert_close

LATTICES = Path(__file__).parents[2] / "lattices"


@cache
def ring() -> Lattice:
    return load_lattice(LATTICES / "ssmb_400mev_ring.pals.yaml")


@cache
def integrals() -> RadiationIntegrals:
    return radiation_integrals(ring())


def test_a_laser_does_not_disturb_the_radiation_integrals() -> None:
    dark = radiation_integrals(ring().with_changes({"UND_*": {"laser_on": False}}))
    lit = integrals()
    for name in ("i1", "i2", "i3", "i4", "i5", "slip_rms"):
        assert_close(getattr(lit, name), getattr(dark, name), rtol=1e-9, atol=1e-15, what=name)


def test_the_induction_cell_gives_back_what_a_turn_loses() -> None:
    assert_close(ring()["CELL"].energy_gain, integrals().energy_loss, rtol=1e-9, atol=0.0, what="energy gain")  # type: ignore[attr-defined]
