"""Cut an element in two, where that changes nothing for the beam."""

from __future__ import annotations

from dataclasses import replace

from ssmb.elements import Element
from ssmb.errors import LatticeError

_SHIFTS = ("x_offset", "y_offset", "z_offset", "x_rot", "y_rot", "z_rot")


def cut(element: Element, at: float) -> tuple[Element, Element]:
    """Return the parts of an element before and behind a point inside it.

    Apertures stay at the ends where they were; what acts at an end (pole face, fringe) stays there.

    Parameters
    ----------
    element : what to cut; a kind that can be cut says how with :meth:`~ssmb.elements.base.Element.part`.
    at : distance of the point from the entrance [m], between 0 and the length.

    Raises
    ------
    LatticeError
        If this kind of element cannot be cut, or is shifted or rotated (about its own centre).
    """
    fraction = at / element.length
    parts = [element.part(fraction, True), element.part(1.0 - fraction, False)]
    if None in parts or any(getattr(element, shift) for shift in _SHIFTS):
        raise LatticeError(
            f"{element.label()} cannot be cut {at:g} m behind its entrance (its kind stays whole, or it is shifted or "
            "rotated): put the marker at an end, or write two shorter elements in the file"
        )
    first, last = replace(element, **(parts[0] or {})), replace(element, **(parts[1] or {}))
    last = replace(last, length=element.length - first.length)
    if element.aperture_at == "BOTH_ENDS":
        return replace(first, aperture_at="ENTRANCE_END"), replace(last, aperture_at="EXIT_END")
    if element.aperture_at == "ENTRANCE_END":
        return first, last.without_aperture()
    return first.without_aperture(), last
