"""A ring cut into what becomes a map and what stays an element of its fast model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.dynamics.modulation import measured_modulation
from ssmb.elements import Element, Marker
from ssmb.errors import LatticeError
from ssmb.lattice.program import compile_elements
from ssmb.lattice.tree import Lattice
from ssmb.maps.roles import Light


class PartRole(Enum):
    """What becomes of a part in the model."""

    MAP = "goes into the map of a section"
    PLACE = "begins a section: a modulator or a kept place"
    CAVITY = "a cavity, which stays"


@dataclass(frozen=True)
class Part:
    """An element, or a piece of one, under a name that no other has; ``length`` is what the section's map gets [m]."""

    element: Element
    role: PartRole
    length: float = 0.0


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
        parts += _parts(
            element.in_lattice(lattice.length, lattice.reference), thick, element.name in kept, lattice.reference
        )
    first = next((i for i, part in enumerate(parts) if part.role is PartRole.PLACE), None)
    if first is None:
        raise LatticeError(
            f"lattice '{lattice.name}' has no element with a laser (such as a Wiggler with an SSMB_laser group): a "
            f"ring model is cut at the laser modulators. "
            "Name a place to keep instead (keep=[...]), or use the lattice as it is"
        )
    return parts[first:] + parts[:first]


def _parts(element: Element, thick: bool, kept: bool, reference: Reference) -> list[Part]:
    name, light = element.name, element.light()
    if light is not None and thick:
        return [Part(element, PartRole.PLACE)]
    if light is not None or element.cavity() is not None:
        before, kick, behind = element.apart()
        if light is not None and light.power and before is not None:
            ratio = _amplitude_ratio(element, (before, kick, behind), light, reference)
            kick = kick.with_light(power=light.power * ratio**2)
        rest = 0.5 * (element.length - kick.length)  # what the kick has not taken of the length
        role = PartRole.CAVITY if light is None else PartRole.PLACE
        return [
            *([_piece(before, name, 1, rest)] if before is not None else []),
            Part(kick, role),
            *([_piece(behind, name, 2, rest)] if behind is not None else []),
        ]
    if not kept:
        return [Part(element, PartRole.MAP, element.length)]
    return [Part(Marker(name=name), PartRole.PLACE), _piece(element, name, 1, element.length)]


def _amplitude_ratio(
    whole: Element, parts: tuple[Element | None, Element, Element | None], light: Light, reference: Reference
) -> float:
    """Energy modulation on the laser axis by the whole modulator over that by its one kick, about 0.99."""
    # no modulation to begin with, and little of it, so that R56 plays no part
    faint = 1e-6 * light.power
    before, kick, behind = parts
    row = [
        replace(e, name=n)
        for e, n in ((before, "in"), (kick.with_light(on=True, power=faint), "kick"), (behind, "out"))
        if e
    ]
    start = np.zeros(6)
    start[0], start[2] = light.x, light.y
    alone = whole.with_light(on=True, power=faint).without_aperture()
    gain = [
        abs(measured_modulation(compile_elements(elements, reference), light.wavelength, start))
        for elements in ([alone], row)
    ]
    return gain[0] / gain[1] if gain[1] > 0.0 else 1.0


def _piece(element: Element, name: str, number: int, length: float) -> Part:
    """A piece of the element of this name; the name is only for messages, no lattice could have it."""
    return Part(replace(element, name=f"{name}:{number}"), PartRole.MAP, length)
