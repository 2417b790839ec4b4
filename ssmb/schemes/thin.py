"""Parts of thin models: a laser kick, a linear section, and a row of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ssmb.beam import Reference
from ssmb.elements import Element
from ssmb.elements.linear_map import LinearMap
from ssmb.elements.thin_laser import ThinLaser
from ssmb.lattice import Lattice

#: thin models carry smears that have no other cause by an angle: path per angle [m], so small that the transverse kick
#: of the laser itself moves nothing
SMEAR_LEVER = 1e-4


def coupling(
    name: str = "section", *, x: tuple[float, float] = (0.0, 0.0), y: tuple[float, float] = (0.0, 0.0), r56: float = 0.0
) -> LinearMap:
    """Return the symplectic section ``z += a . (x, px, y, py) + r56 delta``, identity in the transverse planes.

    Parameters
    ----------
    x, y : (a1 [1], a2 [m]), what the path takes from position and angle of a plane. By symplecticity the section has
        the dispersion (a2, -a1).
    r56 : path per relative momentum [m], > 0: higher energy arrives earlier.
    """
    m = np.eye(6)
    m[4, :4] = *x, *y
    m[:4, 5] = x[1], -x[0], y[1], -y[0]
    m[4, 5] = r56
    return LinearMap(name=name, matrix=tuple(tuple(row) for row in m.tolist()))


def modulation(
    wavelength: float, amplitude: float, second: float = 0.0, waist: float | None = None
) -> tuple[ThinLaser, ...]:
    """Return the kick ``delta += A [sin(k z) + q sin(2 k z)]``, MOD and with q MOD_2K, whose profile is that of A^2.

    Parameters
    ----------
    wavelength : laser wavelength [m].
    amplitude : A [1].
    second : q [1], see :meth:`Modulator.second_harmonic`.
    waist : w0 of the laser [m]; None for a wide one.
    """
    spot = waist or 0.0
    first = ThinLaser(name="MOD", laser_wavelength=wavelength, amplitude=amplitude, waist=spot)
    if not second:
        return (first,)
    other = ThinLaser(
        name="MOD_2K", laser_wavelength=0.5 * wavelength, amplitude=amplitude * second, waist=spot * math.sqrt(0.5)
    )
    return first, other


def line(elements: Sequence[Element], reference: Reference, name: str) -> Lattice:
    """Return a single-pass lattice of these elements."""
    return Lattice.from_elements(elements, reference, name=name, periodic=False)
