"""The lattice of a run, as it is tracked and as its optics are computed."""

from __future__ import annotations

from ssmb.elements.radiation import Radiation
from ssmb.lattice import Lattice
from ssmb.lattice.program import Program, compile_elements
from ssmb.optics import Optics, optics
from ssmb.studies.config import LaserConfig, RunConfig
from ssmb.tracking import ring_model


def tracked_lattice(lattice: Lattice, config: RunConfig) -> Lattice:
    """The lattice that a run tracks: that of the file, or its ring model with the places that monitors and light need."""
    if config.track.model == "lattice":
        return lattice
    wanted = [getattr(m, "at", None) for m in config.monitors] + [config.light.at if config.light else None]
    wanted += [config.source.at if config.source else None]
    kept = [
        name for name in dict.fromkeys(wanted) if name is not None and name in lattice
    ]  # what is wrong with others is told with them
    return ring_model(lattice, order=config.track.order, keep=kept, radiation=config.track.radiation)


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
