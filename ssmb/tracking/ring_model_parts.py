"""A ring cut into what becomes a map and what stays an element of its fast model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.elements import Drift, Element, Marker, RFCavity
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import LatticeError
from ssmb.lattice.program import compile_elements
from ssmb.lattice.tree import Lattice
from ssmb.optics.propagation import carry

#: Phases at which modulators are compared.
_PHASES = 8


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
        parts += _parts(
            element.in_lattice(lattice.length, lattice.reference), thick, element.name in kept, lattice.reference
        )
    first = next((i for i, part in enumerate(parts) if part.role is Role.PLACE), None)
    if first is None:
        raise LatticeError(
            f"lattice '{lattice.name}' has no Wiggler with an SSMB_laser group: a ring model is cut at the laser modulators. "
            "Name a place to keep instead (keep=[...]), or use the lattice as it is"
        )
    return parts[first:] + parts[:first]


def _parts(element: Element, thick: bool, kept: bool, reference: Reference) -> list[Part]:
    name = element.name
    if isinstance(element, Wiggler) and is_modulator(element):
        if thick:
            return [Part(element, Role.PLACE)]
        half = replace(
            element, length=0.5 * element.length, periods=0.0, period_length=element.period,
            laser_on=False, laser_model="THICK", x_limits=(), y_limits=(),
        )  # fmt: skip
        kick = replace(element, laser_model="KICK", x_limits=(), y_limits=())
        kick = replace(kick, laser_power=kick.laser_power * _amplitude_ratio(element, half, kick, reference) ** 2)
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


def _amplitude_ratio(whole: Wiggler, half: Wiggler, kick: Wiggler, reference: Reference) -> float:
    """Energy modulation on the laser axis by the whole modulator over that by its one kick, about 0.99."""
    if not whole.laser_power or whole.wiggling_angle(reference) == 0.0:
        return 1.0
    # no modulation to begin with, and little of it, so that R56 plays no part
    faint = {"laser_on": True, "laser_power": whole.laser_power * 1e-6}
    row = [replace(half, name="in"), replace(kick, **faint), replace(half, name="out")]
    phase = np.arange(_PHASES) / _PHASES
    points = np.zeros((6, _PHASES))
    points[0], points[2] = whole.laser_x_offset, whole.laser_y_offset
    points[4] = phase * whole.laser_wavelength * reference.beta
    gain = [
        abs(carry(compile_elements(elements, reference), points)[5] @ np.exp(2j * math.pi * phase))
        for elements in ([replace(whole, x_limits=(), y_limits=(), **faint)], row)
    ]
    return float(gain[0] / gain[1]) if gain[1] > 0.0 else 1.0


def _piece(element: Element, name: str, number: int, length: float) -> Part:
    """A piece of the element of this name; the name is only for messages, no lattice could have it."""
    return Part(replace(element, name=f"{name}:{number}"), Role.MAP, length)
