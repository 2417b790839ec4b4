"""Rings that the optics tests share."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

from ssmb.beam.reference import Reference
from ssmb.elements import Bend, Drift, Element, Quadrupole, RFCavity, Sextupole
from ssmb.lattice import Lattice, load_lattice

LATTICES = Path(__file__).resolve().parents[2] / "lattices"

#: The maps of AT: expanded Hamiltonian, ten slices of a fourth-order integrator.
_Y4 = {"integrator": "yoshida4", "slices": 10}
_AS_AT: dict[str, dict[str, Any]] = {
    "Bend": _Y4,
    "Quadrupole": _Y4 | {"drift": "expanded"},
    "Sextupole": _Y4 | {"drift": "expanded"},
    "Octupole": _Y4 | {"drift": "expanded"},
    "Drift": {"drift": "expanded"},
}


@cache
def mls() -> Lattice:
    """The MLS, 250 MeV SSMB optics."""
    return load_lattice(LATTICES / "mls.pals.yaml")


@cache
def mls_user() -> Lattice:
    """The MLS, 629 MeV user optics."""
    return load_lattice(LATTICES / "mls_user.pals.yaml")


def with_maps_of_at(ring: Lattice) -> Lattice:
    """The ring with the integrators of AT."""
    return ring.with_changes({f"{kind}::*": change for kind, change in _AS_AT.items() if ring.find(f"{kind}::*")})


@cache
def double_bend_ring() -> Lattice:
    """A 1 GeV ring of eight double-bend cells with strong sextupoles and a cavity: 185 elements."""
    half: list[Element] = [
        Drift(name="d1", length=2.0),
        Quadrupole(name="qf1", length=0.3, Kn1=2.204307),
        Drift(name="d2", length=0.35),
        Quadrupole(name="qd1", length=0.3, Kn1=-2.597825),
        Drift(name="d3", length=0.45),
        Bend(name="b", length=0.8, angle=math.pi / 8),
        Drift(name="d4", length=0.45),
        Sextupole(name="sd", length=0.2, Kn2=-177.5956),
        Drift(name="d5", length=0.45),
        Quadrupole(name="qf2", length=0.3, Kn1=2.074919),
        Drift(name="d6", length=0.25),
    ]
    cell = [*half, Sextupole(name="sf", length=0.2, Kn2=451.1583), *half[::-1]]
    cavity = RFCavity(name="rf", voltage=0.5e6, harmon=133, zero_phase="ABOVE_TRANSITION")
    return Lattice.from_elements([*(cell * 8), cavity], Reference(energy=1e9), name="double_bend", periodic=True)
