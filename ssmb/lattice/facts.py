"""What a lattice says of its machine: the undulator at a place, the light in its modulators, its radio frequency."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ssmb.beam.reference import Reference
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.elements.base import Element
from ssmb.errors import LatticeError
from ssmb.lattice.tree import Lattice
from ssmb.maps.undulator import Undulator

#: A frequency is a harmonic within this share of it: what a rounded number of nine digits can be off.
_SAME_FREQUENCY = 1e-9


def undulator_at(lattice: Lattice, place: str) -> tuple[Undulator | None, tuple[str, ...]]:
    """Return the undulator at the entrance of an element, or that the element is, and the names of its parts.

    Parts belong together if they touch and have the same period; elements without length may stand between them. In a
    ring the last element touches the first. None, and no names, if there is none.

    Raises
    ------
    LatticeError
        There is no such element.
    """
    return undulator_in(lattice.elements, lattice.reference, lattice.index(place), lattice.periodic is not False)


def undulator_in(
    row: Sequence[Element], reference: Reference, at: int, closed: bool = False
) -> tuple[Undulator | None, tuple[str, ...]]:
    """The same of elements in a row, at the one of index ``at``; ``closed``: the last touches the first."""
    n = len(row)
    ahead = [row[(at + i) % n] for i in range(n if closed else n - at)]
    behind = [row[(at - 1 - i) % n] for i in range(n if closed else at)]
    parts: list[Element] = []
    first: Undulator | None = None
    for way in (ahead, behind):
        for e in way:
            found = e.undulator(reference)
            if found and (first is None or abs(found.period / first.period - 1.0) < 1e-9):
                first = first or found
                if e not in parts:
                    parts.append(e)
            elif e.length != 0.0:
                break
    if first is None:
        return None, ()
    whole = round(sum(e.length for e in parts) / first.period)
    return replace(first, n_periods=whole), tuple(e.name for e in parts)


def laser_wavelengths(lattice: Lattice, names: Iterable[str]) -> dict[str, float]:
    """Return the wavelength of the laser of each of these elements that has one [m]; lit or not."""
    found = {e.name: (light.wavelength if (light := e.light()) else 0.0) for name in names for e in lattice.find(name)}
    return {name: wavelength for name, wavelength in found.items() if wavelength > 0.0}


def with_laser(lattice: Lattice) -> list[str]:
    """Return the names of all elements that have a laser."""
    return list(laser_wavelengths(lattice, dict.fromkeys(e.name for e in lattice)))


def check_radio_frequency(ring: Lattice) -> None:
    """Raise an error if a cavity of a ring has a frequency that is not a harmonic of the revolution.

    The reference particle would see another phase on every turn. What a ring does is to move its beam to another orbit,
    ``delta = -(df/f)/slip_factor``, whose revolution fits; a lattice that is tracked about its reference cannot say
    that.

    Raises
    ------
    LatticeError
        Where the cavity stands, with its harmonic number.
    """
    length = ring.length
    revolution = ring.reference.beta * SPEED_OF_LIGHT / length if length else math.inf
    for e in ring.elements:
        cavity = e.cavity()
        if cavity is None or not cavity.frequency:
            continue
        number = cavity.frequency / revolution
        if round(number) < 1 or abs(number / round(number) - 1.0) > _SAME_FREQUENCY:
            whole = max(1, round(number))
            raise LatticeError(
                f"{e.label()}: {cavity.frequency:.10g} Hz is {number:.10g} times the revolution frequency "
                f"{revolution:.10g} Hz, not a whole number of times: give RFP.harmon: {whole}, or the length that the "
                f"ring has at this frequency; closed_orbit(..., dim=5, dz={length * (1.0 - whole / number):.6g}) is "
                "the orbit to which this frequency moves the beam",
                ring.where(e.name),
            )
