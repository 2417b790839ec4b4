"""A ring cut into what becomes a map and what stays an element of its fast model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from ssmb.elements import Drift, Element, Marker, RFCavity
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import LatticeError
from ssmb.lattice.tree import Lattice


class Role(Enum):
    """What becomes of a part in the model."""

    MAP = "goes into the map of a section"
    PLACE = "begins a section: a modulator or a kept place"
    CAVITY = "a cavity, which stays"


@dataclass(frozen=True)
class Part:
    """An element, or a piece of one, under a name that no other has; ``length`` is what the section's map gets [m]."""

    element: Element
    role: Role
    length: float = 0.0


def is_modulator(element: Element) -> bool:
    """Whether it is a Wiggler with a laser, on or off."""
    return isinstance(element, Wiggler) and element.laser_wavelength > 0.0


def parts_of(lattice: Lattice, thick: bool, keep: Sequence[str]) -> list[Part]:
    """Return the parts of a ring, from its first modulator or kept place on.

    Raises
    ------
    LatticeError
        If there is none, or a kept name is not in the lattice.
    """
    kept = {lattice[lattice.index(name)].name for name in keep}
    parts: list[Part] = []
    for element in lattice.elements:
        parts += _parts(element.in_lattice(lattice.length, lattice.reference), thick, element.name in kept)
    first = next((i for i, part in enumerate(parts) if part.role is Role.PLACE), None)
    if first is None:
        raise LatticeError(
            f"lattice '{lattice.name}' has no Wiggler with an SSMB_laser group: a ring model is cut at the laser modulators. "
            "Name a place to keep instead (keep=[...]), or use the lattice as it is"
        )
    return parts[first:] + parts[:first]


def _parts(element: Element, thick: bool, kept: bool) -> list[Part]:
    name = element.name
    if isinstance(element, Wiggler) and is_modulator(element):
        if thick:
            return [Part(element, Role.PLACE)]
        half = replace(
            element, length=0.5 * element.length, periods=0.0, period_length=element.period,
            laser_on=False, laser_model="THICK", x_limits=(), y_limits=(),
        )  # fmt: skip
        kick = replace(element, laser_model="KICK", x_limits=(), y_limits=())
        return [_piece(half, name, 1, 0.0), Part(kick, Role.PLACE), _piece(half, name, 2, 0.0)]
    if isinstance(element, RFCavity) and element.voltage:
        gap = Part(replace(element, length=0.0, x_limits=(), y_limits=()), Role.CAVITY)
        if not element.length:
            return [gap]
        half = Drift(length=0.5 * element.length)
        return [_piece(half, name, 1, half.length), gap, _piece(half, name, 2, half.length)]
    if not kept:
        return [Part(element, Role.MAP, element.length)]
    return [Part(Marker(name=name), Role.PLACE), _piece(element, name, 1, element.length)]


def _piece(element: Element, name: str, number: int, length: float) -> Part:
    """A piece of the element of this name; the name is only for messages, no lattice could have it."""
    return Part(replace(element, name=f"{name}:{number}"), Role.MAP, length)
