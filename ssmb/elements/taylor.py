"""A Taylor map of second or third order as an element."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.elements.base import ByField, ByMap, Element, element, param
from ssmb.elements.linear_map import symplectic_error
from ssmb.errors import LatticeError, ValidityWarning, warn
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.maps.op import Op

_COORDINATES = ("x", "px", "y", "py", "z", "delta")
#: Where the symplectic error is measured: this in all coordinates, with all signs [m, 1].
PROBE = 1e-3
_TOLERANCE = 1e-6


def _nested(order: int) -> list[tuple[int, ...]]:
    """Monomials (rising indices of coordinates) in the order in which the nested scheme meets them."""
    found: list[tuple[int, ...]] = [()]
    for i in range(6):
        found.append((i,))
        for j in range(i, 6):
            found.append((i, j))
            if order == 3:
                found += [(i, j, k) for k in range(j, 6)]
    return found


MONOMIALS = {2: _nested(2), 3: _nested(3)}


# Written out, not looped: LLVM does not unroll a loop over a tuple of coefficients, and is then ten times slower.
@scalar
def _quadratic(x, a, y, b, z, d, c):
    u = c[0] + x * (c[1] + x * c[2] + a * c[3] + y * c[4] + b * c[5] + z * c[6] + d * c[7])
    u += a * (c[8] + a * c[9] + y * c[10] + b * c[11] + z * c[12] + d * c[13])
    u += y * (c[14] + y * c[15] + b * c[16] + z * c[17] + d * c[18])
    u += b * (c[19] + b * c[20] + z * c[21] + d * c[22])
    return u + (z * (c[23] + z * c[24] + d * c[25]) + d * (c[26] + d * c[27]))


@scalar
def _cubic(x, a, y, b, z, d, c):
    u = c[1] + x * (c[2] + x * c[3] + a * c[4] + y * c[5] + b * c[6] + z * c[7] + d * c[8])
    u += a * (c[9] + a * c[10] + y * c[11] + b * c[12] + z * c[13] + d * c[14])
    u += y * (c[15] + y * c[16] + b * c[17] + z * c[18] + d * c[19])
    u += b * (c[20] + b * c[21] + z * c[22] + d * c[23])
    u += z * (c[24] + z * c[25] + d * c[26]) + d * (c[27] + d * c[28])
    v = c[29] + a * (c[30] + a * c[31] + y * c[32] + b * c[33] + z * c[34] + d * c[35])
    v += y * (c[36] + y * c[37] + b * c[38] + z * c[39] + d * c[40])
    v += b * (c[41] + b * c[42] + z * c[43] + d * c[44])
    v += z * (c[45] + z * c[46] + d * c[47]) + d * (c[48] + d * c[49])
    w = c[50] + y * (c[51] + y * c[52] + b * c[53] + z * c[54] + d * c[55])
    w += b * (c[56] + b * c[57] + z * c[58] + d * c[59])
    w += z * (c[60] + z * c[61] + d * c[62]) + d * (c[63] + d * c[64])
    t = c[65] + b * (c[66] + b * c[67] + z * c[68] + d * c[69])
    t += z * (c[70] + z * c[71] + d * c[72]) + d * (c[73] + d * c[74])
    r = c[75] + z * (c[76] + z * c[77] + d * c[78]) + d * (c[79] + d * c[80])
    return c[0] + (x * u + a * v + y * w + b * t + z * r + d * (c[81] + d * (c[82] + d * c[83])))


@kernel("taylor2", 168, changes_delta=True, row=_quadratic)
@scalar
def taylor2(x, px, y, py, z, delta, rpp, dbeta, p):
    """Second-order polynomial map; p holds 28 coefficients of each coordinate, in the order of ``MONOMIALS[2]``."""
    return (
        _quadratic(x, px, y, py, z, delta, p[0:28]),
        _quadratic(x, px, y, py, z, delta, p[28:56]),
        _quadratic(x, px, y, py, z, delta, p[56:84]),
        _quadratic(x, px, y, py, z, delta, p[84:112]),
        _quadratic(x, px, y, py, z, delta, p[112:140]),
        _quadratic(x, px, y, py, z, delta, p[140:168]),
    )


@kernel("taylor3", 504, changes_delta=True, row=_cubic)
@scalar
def taylor3(x, px, y, py, z, delta, rpp, dbeta, p):
    """Third-order polynomial map; p holds 84 coefficients of each coordinate, in the order of ``MONOMIALS[3]``."""
    return (
        _cubic(x, px, y, py, z, delta, p[0:84]),
        _cubic(x, px, y, py, z, delta, p[84:168]),
        _cubic(x, px, y, py, z, delta, p[168:252]),
        _cubic(x, px, y, py, z, delta, p[252:336]),
        _cubic(x, px, y, py, z, delta, p[336:420]),
        _cubic(x, px, y, py, z, delta, p[420:504]),
    )


@element("Taylor")
class Taylor(Element):
    """Polynomial map of order up to three, about the reference orbit, in this package's coordinates.

    ``terms`` are rows ``[out, e1, e2, e3, e4, e5, e6, coefficient]``: coordinate ``out`` (1 to 6 for x, px, y, py, z,
    delta) gains coefficient * x^e1 px^e2 y^e3 py^e4 z^e5 delta^e6. A coordinate without any term stays as it is (it
    gets its identity term); rows with the same exponents add up.

    A truncated Taylor map is in general *not symplectic*: use it for one or a few passes, not for storage. A
    ValidityWarning says so with the measured error where it exceeds 1e-6 at 1e-3 in all coordinates.
    """

    terms: tuple[tuple[float, ...], ...] = param(
        (), unit="", key="SSMB_TaylorP.terms", type="matrix", doc="rows [out, six exponents, coefficient]"
    )

    def check(self) -> None:
        for n, row in enumerate(self.terms, start=1):
            whole = [int(v) for v in row[:7] if v == int(v) and v >= 0]
            if len(row) != 8 or len(whole) != 7 or not 1 <= whole[0] <= 6 or sum(whole[1:]) > 3:
                raise LatticeError(
                    f"{self.label()}: term {n} must be [out, e1, ..., e6, coefficient] with out from 1 to 6 and whole "
                    f"exponents >= 0 of sum at most 3, got {list(row)[:9]}"
                )
        error = self.symplectic_error()
        if error > _TOLERANCE:
            warn(
                f"{self.label()} is not symplectic: the error of its Jacobian is {error:.2g} at {PROBE:g} in all "
                "coordinates; do not use it for many turns",
                ValidityWarning,
            )

    @property
    def order(self) -> int:
        """Highest order of the terms, 2 or 3 (a linear map counts as 2)."""
        return max([2, *(int(sum(row[1:7])) for row in self.terms)])

    @property
    def symplectic(self) -> bool:
        """Whether the polynomial is symplectic to rounding where that is measured."""
        return self.symplectic_error() <= 1e-13

    def coefficients(self) -> dict[tuple[int, tuple[int, ...]], float]:
        """(output coordinate from 0, rising indices of the factors) -> coefficient, identity terms filled in."""
        found: dict[tuple[int, tuple[int, ...]], float] = {}
        for row in self.terms:
            factors = tuple(itertools.chain.from_iterable([i] * int(e) for i, e in enumerate(row[1:7])))
            key = (int(row[0]) - 1, factors)
            found[key] = found.get(key, 0.0) + row[7]
        for i in set(range(6)) - {out for out, _ in found}:
            found[i, (i,)] = 1.0
        return found

    def jacobian(self, point: np.ndarray) -> np.ndarray:
        """Matrix of first derivatives at ``point`` (six coordinates)."""
        out = np.zeros((6, 6))
        for (i, factors), value in self.coefficients().items():
            for n, j in enumerate(factors):
                out[i, j] += value * math.prod(float(point[k]) for m, k in enumerate(factors) if m != n)
        return out

    def symplectic_error(self) -> float:
        """Largest symplectic error of the Jacobian at the origin and at the corners of the probe box."""
        corners = [np.zeros(6), *(PROBE * np.array(signs) for signs in itertools.product((-1.0, 1.0), repeat=6))]
        return max(symplectic_error(self.jacobian(corner)) for corner in corners)

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        found = self.coefficients()
        p = tuple(found.get((i, factors), 0.0) for i in range(6) for factors in MONOMIALS[self.order])
        return (Op(taylor2 if self.order == 2 else taylor3, p),)

    def family(self) -> tuple[str, int]:
        return "map", 1

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        terms = (
            (2, 0, 1, 0, 0, 0, 0, 1.0), (2, 2, 0, 0, 0, 0, 0, -3.0), (2, 0, 0, 2, 0, 0, 0, 3.0),
            (4, 0, 0, 0, 1, 0, 0, 1.0), (4, 1, 0, 1, 0, 0, 0, 6.0),
        )  # fmt: skip
        slip = (
            (5, 0, 0, 0, 0, 1, 0, 1.0), (5, 0, 0, 0, 0, 0, 1, -1e-3), (5, 0, 0, 0, 0, 0, 2, 0.3), (5, 0, 0, 0, 0, 0,
            3, -7.0)
        )  # fmt: skip
        return [
            ByMap(
                cls(name="sextupole", terms=terms),
                lambda x, px, y, py, z, d: (x, px - 3.0 * x**2 + 3.0 * y**2, y, py + 6.0 * x * y, z, d),
            ),
            ByMap(
                cls(name="slip", terms=slip),
                lambda x, px, y, py, z, d: (x, px, y, py, z - 1e-3 * d + 0.3 * d**2 - 7.0 * d**3, d),
            ),
        ]

    @classmethod
    def examples(cls) -> list[Any]:
        def term(out: int, powers: dict[int, int], value: float) -> tuple[float, ...]:
            return (float(out), *(float(powers.get(i, 0)) for i in range(1, 7)), value)

        sextupole = (term(2, {2: 1}, 1.0), term(2, {1: 2}, -3.0), term(2, {3: 2}, 3.0))
        sextupole += (term(4, {4: 1}, 1.0), term(4, {1: 1, 3: 1}, 6.0))
        octupole = (term(2, {2: 1}, 1.0), term(2, {1: 3}, -50.0), term(2, {1: 1, 3: 2}, 150.0))
        octupole += (term(4, {4: 1}, 1.0), term(4, {3: 3}, -50.0), term(4, {1: 2, 3: 1}, 150.0))
        slip = (term(5, {5: 1}, 1.0), term(5, {6: 1}, -1e-3), term(5, {6: 2}, 0.3), term(5, {6: 3}, -7.0))
        bucket = (term(6, {6: 1}, 1.0), term(6, {5: 1}, -2.0), term(6, {5: 3}, 40.0), term(6, {}, 1e-5))
        return [
            cls(name="nothing"),
            cls(name="sextupole", terms=sextupole, length=0.1),
            cls(name="octupole", terms=octupole),
            cls(name="slip", terms=slip),
            cls(name="bucket", terms=bucket),
        ]
