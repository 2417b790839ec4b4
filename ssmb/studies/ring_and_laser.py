"""The ring of a run: as it is tracked, its optics, what its laser does by turn, and its micro-bucket."""

from __future__ import annotations

from collections.abc import Iterable

from ssmb.buckets import MicroBucket
from ssmb.dynamics import Optics, optics
from ssmb.lattice import Lattice
from ssmb.lattice.program import Program, compile_elements
from ssmb.maps.radiation import Radiation
from ssmb.ring_models import ring_model
from ssmb.studies.light import modulation
from ssmb.studies.sections import LaserConfig, TrackConfig
from ssmb.tracking import LaserProgram
from ssmb.tracking.driving import elements_named


def tracked_lattice(lattice: Lattice, track: TrackConfig, wanted: Iterable[str | None]) -> Lattice:
    """The lattice that a run tracks: that of the file, or its ring model with the places that monitors and light
    need.
    """
    if track.model == "lattice":
        return lattice
    known = {lattice[i].name: None for name in wanted if name is not None for i in lattice.indices(name)}
    return ring_model(lattice, order=track.order, keep=list(known), radiation=track.radiation)  # others are told later


def ring_program(lattice: Lattice, laser: LaserConfig | None, on: bool, radiation: Radiation | str = "off") -> Program:
    """Compile the lattice with the laser on or off, with the synchrotron radiation that is to be tracked."""
    if laser is not None:
        lattice = lattice.with_light(on, laser.elements)
    return compile_elements(lattice.elements, lattice.reference, radiation)


def ring_optics(lattice: Lattice, laser: LaserConfig | None) -> Optics:
    """Optics of the lattice without the laser and without random kicks, which optics knows nothing of."""
    return optics(ring_program(lattice.without_noise(), laser, False))


def laser_program(laser: LaserConfig | None, turns: int) -> LaserProgram | None:
    """What the laser does by turn; None if it is the same on all turns.

    Parameters
    ----------
    turns : turns of the run; the laser is on up to ``laser.turns`` of them.
    """
    if laser is None or laser.turns == 0 or not (laser.changes or laser.turns < turns):
        return None
    windows = laser.windows or (((0, laser.turns),) if laser.turns < turns else ())
    return laser.made(detuning=laser.detuning, windows=windows)


def laser_drives(laser: LaserConfig | None, turns: int, program: Program) -> dict[str, LaserProgram]:
    """What each laser element does by turn; nothing if it is the same on all turns."""
    light = laser_program(laser, turns)
    if laser is None or light is None:
        return {}
    lit = laser.elements
    if not laser.changes:  # power 0 may go off, too
        lit = tuple(name for name in lit if program.driven(elements_named(program, name)))
    return dict.fromkeys(lit, light)


def bucket_of(laser: LaserConfig, radiating: bool, lattice: Lattice, found: Optics) -> MicroBucket:
    """The micro-bucket of ring and laser at full amplitude; its length is beta times the wavelength.

    The laser has to replace the radiated energy if it is tracked and no cavity with voltage is there; what an energy
    restorer gives is counted.

    Raises
    ------
    ConfigError, PhysicsError
        No laser power, no slip, or a loss that the laser cannot replace.
    """
    lattice = lattice.without_noise()
    amplitude, phase = modulation(laser, found, ring_program(lattice, laser, True))
    loss = 0.0
    if radiating and not any(e.cavity() for e in lattice):
        orbit = found.closed_orbit[0][:, None]
        moved, _ = ring_program(lattice, laser, False, "mean").propagate(orbit)
        loss = float(orbit[5, 0] - moved[5, 0])
    return MicroBucket(
        wavelength=laser.known("wavelength") * lattice.reference.beta,
        slip_factor=float(found.slip_factor),
        circumference=float(found.s[-1]),
        amplitude=amplitude,
        slip_factor2=float(found.slip_factor2),
        slip_factor3=float(found.slip_factor3),
        energy_loss=loss,
        phase=phase,
    )
