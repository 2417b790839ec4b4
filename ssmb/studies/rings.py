"""The ring of a run: as it is tracked, and as its optics are computed."""

from __future__ import annotations

from collections.abc import Iterable

from ssmb.dynamics import Optics, optics
from ssmb.lattice import Lattice
from ssmb.lattice.program import Program, compile_elements
from ssmb.maps.radiation import Radiation
from ssmb.ring_models import ring_model
from ssmb.studies.sections import LaserConfig, TrackConfig


def tracked_lattice(lattice: Lattice, track: TrackConfig, wanted: Iterable[str | None]) -> Lattice:
    """The lattice that a run tracks: that of the file, or its ring model with the places that monitors and light
    need.
    """
    if track.model == "lattice":
        return lattice
    known = [name for name in dict.fromkeys(wanted) if name is not None and name in lattice]  # others are told later
    return ring_model(lattice, order=track.order, keep=known, radiation=track.radiation)


def ring_program(lattice: Lattice, laser: LaserConfig | None, on: bool, radiation: Radiation | str = "off") -> Program:
    """Compile the lattice with the laser on or off, with the synchrotron radiation that is to be tracked."""
    if laser is not None:
        lattice = lattice.with_light(on, laser.elements)
    return compile_elements(lattice.elements, lattice.reference, radiation)


def quiet(lattice: Lattice) -> Lattice:
    """The lattice without random kicks."""
    return lattice.without_noise()


def ring_optics(lattice: Lattice, laser: LaserConfig | None) -> Optics:
    """Optics of the lattice without the laser and without random kicks, which optics knows nothing of."""
    return optics(ring_program(quiet(lattice), laser, False))
