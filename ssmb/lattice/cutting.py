"""Cut an element in two, where that changes nothing for the beam."""

from __future__ import annotations

from dataclasses import replace

from ssmb.elements import Drift, Element
from ssmb.errors import LatticeError

_SHIFTS = ("x_offset", "y_offset", "z_offset", "x_rot", "y_rot", "z_rot")


def cut(element: Element, at: float) -> tuple[Element, Element]:
    """Return the parts of an element before and behind a point inside it.

    A class may bring its own ``cut(at)``; here are drifts. Their aperture stays at the ends where it was.

    Parameters
    ----------
    element : what to cut.
    at : distance of the point from the entrance [m], between 0 and the length.

    Raises
    ------
    LatticeError
        If this kind of element cannot be cut, or is shifted or rotated (about its own centre).
    """
    own = getattr(element, "cut", None)
    if own is not None:
        return own(at)
    if not isinstance(element, Drift) or any(getattr(element, shift) for shift in _SHIFTS):
        raise LatticeError(
            f"{element.label()} cannot be cut {at:g} m behind its entrance; only drifts without shifts and rotations can: "
            "put the marker at an end, or write two shorter elements in the file"
        )
    first, last = replace(element, length=at), replace(element, length=element.length - at)
    if element.aperture_at == "BOTH_ENDS":
        return replace(first, aperture_at="ENTRANCE_END"), replace(last, aperture_at="EXIT_END")
    if element.aperture_at == "ENTRANCE_END":
        return first, replace(last, x_limits=(), y_limits=())
    return replace(first, x_limits=(), y_limits=()), last
