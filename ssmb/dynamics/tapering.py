"""Tapering: magnets follow the energy of the beam along a ring that loses much of it between its cavities."""

from __future__ import annotations

import dataclasses

from ssmb.arguments import checked
from ssmb.dynamics.closed_orbit import closed_orbit
from ssmb.dynamics.propagation import recorded
from ssmb.errors import ConfigError
from ssmb.lattice.program import compile_elements
from ssmb.lattice.tree import Lattice

#: Rounds in which the taper and the energy that it follows settle: each leaves about delta of what the last one missed.
_ROUNDS = 3


@checked
def tapered(lattice: Lattice) -> Lattice:
    """Return the ring with its magnets scaled to the momentum that the closed orbit with radiation has in them.

    Bends, quadrupoles, multipoles, kickers and solenoids get 1 + delta times their field, delta the mean momentum
    deviation between entrance and exit. The reference orbit stays: the field of a bend is in ``Kn0``. Cavities,
    wigglers and lasers stay as they are.

    Parameters
    ----------
    lattice : ring with cavities, or with an SSMB_EnergyRestorer and what focuses z.

    Raises
    ------
    ConfigError
        If it is not a lattice.
    LatticeError
        If a bend has the integrator "matrix", which takes no Kn0.
    PhysicsError
        No closed orbit with radiation; a loss larger than the voltage.

    Examples
    --------
    >>> import math
    >>> from ssmb.beam.reference import Reference
    >>> from ssmb.elements import Bend, RFCavity
    >>> bend = Bend(name="b", length=2.0, angle=math.pi / 2, Kn1=-0.3)
    >>> cavity = RFCavity(name="rf", voltage=4e6, harmon=4, zero_phase="ABOVE_TRANSITION")
    >>> ring = tapered(Lattice.from_elements([bend] * 4 + [cavity], Reference(2e9), periodic=True))
    >>> [round(1e3 * (b.Kn0 - b.curvature), 2) for b in ring.find("Bend::*")]  # [1/km]
    [0.16, 0.05, -0.05, -0.16]
    """
    if not isinstance(lattice, Lattice):
        raise ConfigError(f"tapered needs a Lattice, not {type(lattice).__name__}")
    for element in lattice:
        element.scaled(1.0)  # an element that cannot be scaled says so before the orbit is looked for
    out = lattice
    for _ in range(_ROUNDS):
        program = compile_elements(out.elements, out.reference, radiation="mean")
        orbit = closed_orbit(program, dim=6)
        delta = recorded((program, orbit[:, None]))[0][:, 5, 0]
        middle = 0.5 * (delta[:-1] + delta[1:])
        scaled = [e.scaled(1.0 + d) for e, d in zip(lattice, middle.tolist(), strict=True)]
        out = dataclasses.replace(lattice, elements=tuple(scaled))
    return out
