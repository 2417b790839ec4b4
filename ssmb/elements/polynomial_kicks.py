"""Kicks by polynomials of two phase-space directions: what is not linear in a section, exactly symplectic.

``l = a_x x + a_px px + a_delta delta`` and ``m = b_y y + b_py py`` commute (delta has z for its partner), so that both
stay as they are while a potential V(l, m) acts for the time 1, and the map is exact:

    px -= a_x V_l,   x += a_px V_l,   z += a_delta V_l,   py -= b_y V_m,   y += b_py V_m.

Any polynomial of x, px, y, py, delta of third to fifth degree is a sum of such potentials along enough directions, so
that a row of these kicks has any wanted Taylor map of second to fourth order that does not depend on z.

References
----------
J. Irwin, Nucl. Instrum. Methods A 298, 460 (1990), doi:10.1016/0168-9002(90)90648-P (kick factorisation).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.elements.base import ByField, ByMap, Element, element, param
from ssmb.errors import LatticeError
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.maps.op import Op

_GROUP = "SSMB_PolynomialKicksP"
#: Powers of l and m in the columns of ``kicks`` after the five that are directions.
POWERS = tuple((degree - m, m) for degree in (3, 4, 5) for m in range(degree + 1))
DIRECTIONS = 5
#: Numbers of a row by the highest degree of its potential.
_SIZES = tuple(DIRECTIONS + sum(1 for a, b in POWERS if a + b <= degree) for degree in (3, 4, 5))
_ODD = [DIRECTIONS + i for i, (_, power) in enumerate(POWERS) if power % 2]


def _opposite(p: tuple[float, ...]) -> tuple[float, ...]:
    return (*p[:7], *(-c for c in p[7:]))


@kernel("polynomial_kick", 22, invert=_opposite)
@scalar
def polynomial_kick(x, px, y, py, z, delta, rpp, dbeta, p):
    """p = (a_x, a_px, a_delta, b_y, b_py, l and m of the point, coefficients of ``POWERS``)."""
    l = p[0] * x + p[1] * px + p[2] * delta - p[5]
    m = p[3] * y + p[4] * py - p[6]
    # coefficients: l^3 7, l^2 m 8, l m^2 9, m^3 10; l^4 11, l^3 m 12, ... m^4 15; l^5 16, l^4 m 17, ... m^5 21
    l3 = 3.0 * p[7] + l * (4.0 * p[11] + 5.0 * p[16] * l)
    l2m = 2.0 * p[8] + l * (3.0 * p[12] + 4.0 * p[17] * l)
    lm2 = p[9] + l * (2.0 * p[13] + 3.0 * p[18] * l)
    m3 = p[14] + 2.0 * p[19] * l
    by_l = l * l * l3 + m * (l * l2m + m * (lm2 + m * (m3 + p[20] * m)))
    l2 = p[8] + l * (p[12] + p[17] * l)
    lm = 2.0 * p[9] + l * (2.0 * p[13] + 2.0 * p[18] * l)
    mm = 3.0 * p[10] + l * (3.0 * p[14] + 3.0 * p[19] * l)
    m4 = 4.0 * p[15] + 4.0 * p[20] * l
    by_m = l * l * l2 + m * (l * lm + m * (mm + m * (m4 + 5.0 * p[21] * m)))
    return x + p[1] * by_l, px - p[0] * by_l, y + p[4] * by_m, py - p[3] * by_m, z + p[2] * by_l, delta


@kernel("polynomial_kick_even", 15, invert=_opposite)
@scalar
def polynomial_kick_even(x, px, y, py, z, delta, rpp, dbeta, p):
    """The same where only even powers of m occur; p = (as before, coefficients of l^3, l m^2, l^4, l^2 m^2, m^4, l^5,
    l^3 m^2, l m^4).
    """
    l = p[0] * x + p[1] * px + p[2] * delta - p[5]
    m = p[3] * y + p[4] * py - p[6]
    q = m * m
    lowest = 3.0 * p[7] + l * (4.0 * p[9] + 5.0 * p[12] * l)
    by_l = l * l * lowest + q * (p[8] + l * (2.0 * p[10] + 3.0 * p[13] * l) + p[14] * q)
    by_m = 2.0 * m * (l * (p[8] + l * (p[10] + p[13] * l)) + 2.0 * q * (p[11] + p[14] * l))
    return x + p[1] * by_l, px - p[0] * by_l, y + p[4] * by_m, py - p[3] * by_m, z + p[2] * by_l, delta


@element("SSMB_PolynomialKicks")
class PolynomialKicks(Element):
    """Row of symplectic kicks of potentials V(l, m) about a point (see the module).

    Each row of ``kicks`` holds a_x, a_px, a_delta, b_y, b_py and the coefficients of l^3, l^2 m, l m^2, m^3, l^4, l^3
    m,
    ..., m^4, l^5, l^4 m, ..., m^5 (as many as are wanted; the others are 0), with l and m counted from their values at
    ``point``. The rows act one after the other. A length, if given, only moves s.

    Raises
    ------
    LatticeError
        If a row has not 9, 14 or 20 numbers (up to third, fourth, fifth degree), or ``point`` not 6.
    """

    kicks: tuple[tuple[float, ...], ...] = param(
        (), unit="", key=f"{_GROUP}.kicks", type="matrix", doc="rows of 5 numbers of directions and 9 coefficients"
    )
    point: tuple[float, ...] = param(
        (), unit="", key=f"{_GROUP}.point", type="vector", doc="six coordinates from which it is counted; default 0"
    )

    def check(self) -> None:
        wrong = [n for n, row in enumerate(self.kicks, start=1) if len(row) not in _SIZES]
        if wrong:
            raise LatticeError(
                f"{self.label()}: {_GROUP}.kicks needs rows of {', '.join(map(str, _SIZES))} numbers (up to third, "
                f"fourth, "
                f"fifth degree); row {wrong[0]} has {len(self.kicks[wrong[0] - 1])}"
            )
        if self.point and len(self.point) != 6:
            raise LatticeError(f"{self.label()}: {_GROUP}.point must be 6 numbers, got {len(self.point)}")

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        size = DIRECTIONS + len(POWERS)
        rows = np.array([(*row, *(0.0,) * (size - len(row))) for row in self.kicks]).reshape(-1, size)
        even = not rows[:, _ODD].any()
        used = [i for i in range(DIRECTIONS, rows.shape[1]) if not (even and i in _ODD)]
        point = np.array(self.point or (0.0,) * 6)
        along, across = rows[:, :3] @ point[[0, 1, 5]], rows[:, 3:5] @ point[[2, 3]]
        packed = np.column_stack((rows[:, :DIRECTIONS], along, across, rows[:, used]))
        return tuple(Op(polynomial_kick_even if even else polynomial_kick, tuple(p)) for p in packed.tolist())

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        # V = 2 l^3 + 3 l^2 m - l m^2 + 4 m^3 along l = x + 0.2 delta - l0 and m = y - m0
        made = cls(
            name="cubic",
            kicks=((1.0, 0.0, 0.2, 1.0, 0.0, 2.0, 3.0, -1.0, 4.0),),
            point=(1e-3, 0.0, -2e-3, 0.0, 0.0, 0.0),
        )
        even = cls(name="even", kicks=((0.0, 1.5, 0.0, 0.0, -1.0, 2.0, 0.0, -3.0, 0.0),))  # V = 2 l^3 - 3 l m^2

        def cubic(x, px, y, py, z, delta):
            l, m = x + 0.2 * delta - 1e-3, y + 2e-3
            by_l, by_m = 6.0 * l**2 + 6.0 * l * m - m**2, 3.0 * l**2 - 2.0 * l * m + 12.0 * m**2
            return x, px - by_l, y, py - by_m, z + 0.2 * by_l, delta

        def along_angles(x, px, y, py, z, delta):
            l, m = 1.5 * px, -py
            return x + 1.5 * (6.0 * l**2 - 3.0 * m**2), px, y + 6.0 * l * m, py, z, delta

        return [ByMap(made, cubic), ByMap(even, along_angles)]

    @classmethod
    def examples(cls) -> list[Any]:
        even = ((1.0, 0.5, 0.2, 0.7, -0.4, 2.0, 0.0, -3.0, 0.0, 40.0, 0.0, 90.0, 0.0, -30.0),)
        odd = ((0.8, -2.0, 0.1, 0.3, 1.5, 1.0, -2.0, 0.5, 3.0, 20.0, -60.0, 50.0, 10.0, 40.0),)
        return [
            cls(name="none"),
            cls(name="even", kicks=even, length=1.0),
            cls(name="skew", kicks=even + odd, point=(1e-4, -2e-5, 3e-4, 1e-5, 0.0, 1e-4)),
            cls(name="fifth", kicks=((*odd[0], 300.0, -200.0, 500.0, 100.0, -400.0, 250.0), *even)),
            cls(name="even_fifth", kicks=((*even[0], 300.0, 0.0, 500.0, 0.0, -400.0, 0.0),)),
        ]
