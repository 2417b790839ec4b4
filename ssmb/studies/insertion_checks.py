"""What can be wrong with the run file of an insertion, found before anything is tracked."""

from __future__ import annotations

import math
import warnings

from ssmb.beam import Reference
from ssmb.elements.undulator_relations import resonant_wavelength
from ssmb.errors import ConfigError, LatticeError, ValidityWarning
from ssmb.facility import Filling, Ring
from ssmb.lattice import Lattice
from ssmb.studies.folders import at_place
from ssmb.studies.insertion_config import InsertionRunConfig
from ssmb.studies.read_config import Places

#: A radiator in the lattice this far off the wavelength of the light is a slip.
_OFF_RESONANCE = 0.1
#: Damping per turn above which what is given of the ring is a slip: growth and damping are counted per turn.
_FAST = 0.1


def ring_of(config: InsertionRunConfig, reference: Reference) -> Ring:
    """The ring that is given around an insertion."""
    ring = config.ring
    filling = Filling(ring.average_current, ring.train_current, config.source.train_length or math.inf)
    return Ring(reference, filling, ring.circumference, damping_time=ring.damping_time, energy_loss=ring.energy_loss)


def check_names(config: InsertionRunConfig, lattice: Lattice, places: Places | None) -> None:
    """Raise ConfigError unless mod1, rad and mod2 are elements of the lattice in this order."""
    before = -1
    for key in ("mod1", "rad", "mod2"):
        with at_place(places, "insertion", key):
            try:
                at = lattice.index(getattr(config.insertion, key))
            except LatticeError as error:
                raise ConfigError(error.message) from None
            if at <= before:
                raise ConfigError("mod1, rad and mod2 must follow each other in the lattice")
            before = at


def check_ring(config: InsertionRunConfig, lattice: Lattice, places: Places | None) -> None:
    """Raise ConfigError if what is given of the ring is not possible with this insertion."""
    ring, reference = config.ring, lattice.reference
    first, last = (lattice.index(name) for name in (config.insertion.mod1, config.insertion.mod2))
    length = sum(e.length for e in lattice.elements[first:last])
    if ring.circumference < length:
        with at_place(places, "ring", "circumference"):
            raise ConfigError(f"{ring.circumference:g} m is less than the {length:g} m from mod1 to mod2")
    if ring_of(config, reference).damping[1] > _FAST:
        key = "energy_loss" if ring.damping_time is None else "damping_time"
        with at_place(places, "ring", key):
            raise ConfigError(
                f"the vertical amplitude would be damped by more than {_FAST:g} of itself in a turn, which no ring of "
                f"{reference.energy:.4g} eV does"
            )


def check_resonance(config: InsertionRunConfig, lattice: Lattice) -> None:
    """Warn if the undulator at the radiator's place in the lattice is not tuned to the light."""
    light = config.insertion.wavelength / config.source.harmonic
    at = lattice.index(config.insertion.rad)
    row = lattice.elements[max(at - 1, 0) : at + 2]
    for found in row:
        field = found.undulator(lattice.reference)
        if field is None or not field.K:
            continue
        tuned = resonant_wavelength(field.K, field.period, lattice.reference.gamma, helical=field.helical)
        if abs(tuned / light - 1.0) > _OFF_RESONANCE:
            warnings.warn(
                f"'{found.name}' beside '{config.insertion.rad}' is resonant at {tuned * 1e9:.4g} nm, the light has "
                f"{light * 1e9:.4g} nm: the lattice was made for another harmonic",
                ValidityWarning,
                stacklevel=5,
            )
