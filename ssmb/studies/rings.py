"""The lattice of a run, as it is tracked and as its optics are computed."""

from __future__ import annotations

from ssmb.lattice import Lattice
from ssmb.lattice.program import Program, compile_elements
from ssmb.optics import Optics, optics
from ssmb.studies.config import LaserConfig


def ring_program(lattice: Lattice, laser: LaserConfig | None, on: bool, radiation: str = "off") -> Program:
    """Compile the lattice with the laser on or off, with the synchrotron radiation that is to be tracked."""
    if laser is not None:
        lattice = lattice.with_changes({name: {"laser_on": on} for name in laser.elements})
    return compile_elements(lattice.elements, lattice.reference, radiation)


def quiet(lattice: Lattice) -> Lattice:
    """The lattice without random kicks."""
    noisy = {e.name: {"diffusion": ()} for e in lattice if getattr(e, "diffusion", ())}
    return lattice.with_changes(noisy) if noisy else lattice


def ring_optics(lattice: Lattice, laser: LaserConfig | None) -> Optics:
    """Optics of the lattice without the laser and without random kicks, which optics knows nothing of."""
    return optics(ring_program(quiet(lattice), laser, False))
