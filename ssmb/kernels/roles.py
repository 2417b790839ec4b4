"""What an op of a turn is there for: the role that its kernel, or the element that packs it, gives to it."""

from __future__ import annotations

from enum import IntEnum


class Role(IntEnum):
    """Role of an op. Whoever needs to know what a turn is made of asks for roles, and not for kernels."""

    MAP = 0  #: moves particles, without loss or damping
    DAMPED = 1  #: a map that may damp by itself, such as a matrix that is given
    CAVITY = 2  #: an oscillating voltage; the element says which (``Element.cavity``)
    LIGHT = 3  #: light of a laser; the element says which (``Element.light``)
    EMISSION = 4  #: synchrotron radiation in the field of a body
    EDGE = 5  #: synchrotron radiation in the field that a thin pole face stands for
    LUMP = 6  #: radiation of a whole section in one place
    RESTORER = 7  #: gives back radiated energy (``Element.restores``)
    LINEAR_EDGE = 8  #: thin pole face of a bend, linear
    FULL_EDGE = 9  #: hard-edge fringe of a bend, all orders
    LIMIT = 10  #: an aperture
    SUM = 11  #: a sum over particles, which a monitor inserts
