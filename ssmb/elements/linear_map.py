"""A 6x6 matrix as an element, with optional damping and diffusion."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.beam.sigma import square_root
from ssmb.elements.base import ByField, ByMap, Element, element, param
from ssmb.errors import LatticeError
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.kernels.philox import normal_pair
from ssmb.kernels.roles import Role
from ssmb.maps.op import Noise, Op
from ssmb.ranges import finite, positive

_GROUP = "SSMB_LinearMapP"
_TOLERANCE = 1e-9
_S = np.kron(np.eye(3), np.array([[0.0, 1.0], [-1.0, 0.0]]))
_LOWER = np.tril_indices(6)
#: What a few ulp make of zero in a covariance with unit diagonal: its eigenvalues, and what is left of a row of its
#: root that others span.
_NO_NOISE, _SPANNED = 1e-14, 1e-10
#: Numbers of a linear map without noise: the point, the matrix, the point at the exit.
LINEAR_NUMBERS = 48


def symplectic_error(matrix: np.ndarray) -> float:
    """Largest entry of ``M^T S M - S`` over ``max(1, |M|^2)``, |M| the largest entry [1].

    >>> symplectic_error(np.eye(6))
    0.0
    """
    return float(np.max(np.abs(matrix.T @ _S @ matrix - _S)) / max(1.0, np.max(np.abs(matrix)) ** 2))


def _inverse(p: tuple[float, ...]) -> tuple[float, ...]:
    matrix = np.linalg.inv(np.array(p[6:42]).reshape(6, 6))
    return (*p[42:48], *matrix.ravel().tolist(), *p[:6])


@scalar
def _row(a, b, c, d, e, f, m):
    return m[0] * a + m[1] * b + m[2] * c + m[3] * d + m[4] * e + m[5] * f


@scalar
def _matrix_map(x, px, y, py, z, delta, p):
    a, b, c = x - p[0], px - p[1], y - p[2]
    d, e, f = py - p[3], z - p[4], delta - p[5]
    return (
        p[42] + _row(a, b, c, d, e, f, p[6:12]),
        p[43] + _row(a, b, c, d, e, f, p[12:18]),
        p[44] + _row(a, b, c, d, e, f, p[18:24]),
        p[45] + _row(a, b, c, d, e, f, p[24:30]),
        p[46] + _row(a, b, c, d, e, f, p[30:36]),
        p[47] + _row(a, b, c, d, e, f, p[36:42]),
    )


@kernel("linear_map", LINEAR_NUMBERS, changes_delta=True, invert=_inverse, role=Role.DAMPED)
@scalar
def linear_map(x, px, y, py, z, delta, rpp, dbeta, p):
    """``v -> v1 + M (v - v0)``; p = (v0, rows of M, v1)."""
    return _matrix_map(x, px, y, py, z, delta, p)


@kernel("linear_map_diffusing", LINEAR_NUMBERS + 21, stochastic=True, role=Role.DAMPED)
@scalar
def linear_map_diffusing(x, px, y, py, z, delta, rpp, dbeta, p, key):
    """The linear map, and then ``v += L n``: p = (v0, rows of M, v1, lower triangle of L by rows), n normal."""
    x, px, y, py, z, delta = _matrix_map(x, px, y, py, z, delta, p)
    a, b = normal_pair(key, 0)
    c, d = normal_pair(key, 1)
    e, f = normal_pair(key, 2)
    return (
        x + p[48] * a,
        px + (p[49] * a + p[50] * b),
        y + (p[51] * a + p[52] * b + p[53] * c),
        py + (p[54] * a + p[55] * b + p[56] * c + p[57] * d),
        z + (p[58] * a + p[59] * b + p[60] * c + p[61] * d + p[62] * e),
        delta + (p[63] * a + p[64] * b + p[65] * c + p[66] * d + p[67] * e + p[68] * f),
    )


@element("SSMB_LinearMap")
class LinearMap(Element):
    """Linear map about a fixed point: ``v -> v0 + D M (v - v0) + noise``, coordinates (x, px, y, py, z, delta).

    With ``exit_point`` v1, a particle at ``fixed_point`` leaves there: ``v -> v1 + D M (v - v0) + noise``.

    ``damping`` holds amplitude damping decrements of the three planes per pass: (x, px), (y, py), (z, delta) shrink by
    exp(-decrement). For coupled motion give ``damping_matrix`` instead. ``diffusion`` is the 6x6 covariance that each
    pass adds, with counter-based random numbers: the same for any number of threads and after a resume. An uncoupled
    plane of emittance eps is in equilibrium with it if the variances that a pass adds to x/sqrt(beta) and to
    sqrt(beta) px sum up to 4 * decrement * eps (small decrements).

    Raises
    ------
    LatticeError
        If ``matrix`` is not 6x6, not symplectic to 1e-9 of its size (unless ``allow_nonsymplectic``), or the diffusion
        is not a covariance.
    """

    matrix: tuple[tuple[float, ...], ...] = param(
        (), unit="", key=f"{_GROUP}.matrix", type="matrix", doc="6x6 matrix, rows in the order x px y py z delta"
    )
    fixed_point: tuple[float, ...] = param(
        (), unit="", key=f"{_GROUP}.fixed_point", type="vector", doc="six coordinates that the map leaves; default 0"
    )
    exit_point: tuple[float, ...] = param(
        (),
        unit="",
        key=f"{_GROUP}.exit_point",
        type="vector",
        doc="where the fixed point leaves; default: as it entered",
    )
    damping: tuple[float, ...] = param(
        (), unit="", key=f"{_GROUP}.damping", type="vector", doc="amplitude damping decrements per pass in x, y, z"
    )
    damping_matrix: tuple[tuple[float, ...], ...] = param(
        (), unit="", key=f"{_GROUP}.damping_matrix", type="matrix", doc="6x6 matrix applied after the map"
    )
    diffusion: tuple[tuple[float, ...], ...] = param(
        (), unit="", key=f"{_GROUP}.diffusion", type="matrix", doc="6x6 covariance that a pass adds"
    )
    allow_nonsymplectic: bool = param(
        False, unit="", key=f"{_GROUP}.allow_nonsymplectic", doc="accept a matrix that is not symplectic"
    )

    def check(self) -> None:
        matrix = self._square("matrix")
        error = symplectic_error(matrix)
        if error > _TOLERANCE and not self.allow_nonsymplectic:
            raise LatticeError(
                f"{self.label()}: {_GROUP}.matrix is not symplectic: M^T S M - S reaches {error:.2g} of |M|^2, allowed "
                f"{_TOLERANCE:g}. Give more digits; put damping into {_GROUP}.damping; or set "
                f"{_GROUP}.allow_nonsymplectic: true"
            )
        for field, size in (("fixed_point", 6), ("exit_point", 6), ("damping", 3)):
            values = getattr(self, field)
            if values and len(values) != size:
                raise LatticeError(f"{self.label()}: {_GROUP}.{field} must be {size} numbers, got {len(values)}")
        if self.damping and self.damping_matrix:
            raise LatticeError(f"{self.label()}: give either {_GROUP}.damping or {_GROUP}.damping_matrix, not both")
        if self.damping_matrix:
            self._square("damping_matrix")
        if self.diffusion:
            self._factor()

    @property
    def symplectic(self) -> bool:
        """False with damping, diffusion, or a matrix that is not symplectic."""
        return not (self.damping or self.damping_matrix or self.diffusion) and (
            symplectic_error(self._square("matrix")) <= _TOLERANCE
        )

    def _square(self, field: str) -> np.ndarray:
        rows = getattr(self, field)
        if len(rows) != 6 or any(len(row) != 6 for row in rows):
            raise LatticeError(f"{self.label()}: {_GROUP}.{field} must be six rows of six numbers")
        return np.array(rows)

    def damped_matrix(self) -> np.ndarray:
        """Matrix of one pass, damping included."""
        matrix = self._square("matrix")
        if self.damping:
            matrix = np.repeat([math.exp(-a) for a in self.damping], 2)[:, None] * matrix
        if self.damping_matrix:
            matrix = self._square("damping_matrix") @ matrix
        return matrix

    def _factor(self) -> np.ndarray:
        return root_of_covariance(self._square("diffusion"), f"{self.label()}: {_GROUP}.diffusion")

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        point = self.fixed_point or (0.0,) * 6
        p = (*point, *self.damped_matrix().ravel().tolist(), *(self.exit_point or point))
        quiet = Op(linear_map, p)
        if not self.diffusion:
            return (quiet,)
        root = np.tril(self._factor())
        return (Op(linear_map_diffusing, (*p, *root[_LOWER].tolist()), detail=Noise(quiet, root)),)

    def without_noise(self) -> LinearMap:
        return replace(self, diffusion=()) if self.diffusion else self

    def family(self) -> tuple[str, int]:
        return "map", 1

    def lumped_r56(self) -> float:
        return self.matrix[4][5]

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        rows = (
            (1.0, 0.0, 0.0, 0.0, 0.0, 0.0), (-0.5, 1.0, 0.2, 0.0, 0.0, 0.0), (0.0, 0.0, 1.0, 3.0, 0.0, 0.0),
            (0.2, 0.0, 0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0, 1.0, -2e-3), (0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        )  # fmt: skip
        matrix = tuple(
            tuple(v) for v in (rows[0], rows[1], (0.6, 0.0, *rows[2][2:]), rows[3], *rows[4:])
        )  # a lens with a coupling, then 3 m of drift in y
        start, end = (1e-4, 0.0, -2e-4, 0.0, 1e-3, 2e-3), (0.0, 1e-5, 0.0, 3e-5, -1e-3, 1e-3)

        def lens(x, px, y, py, z, delta):
            px, py = px - 0.5 * x + 0.2 * y, py + 0.2 * x
            return x, px, y + 3.0 * py, py, z - 2e-3 * delta, delta

        def about(*v):
            out = lens(*(a - b for a, b in zip(v, start, strict=True)))
            return tuple(a + b for a, b in zip(out, end, strict=True))

        def damped(*v):
            shrink = [math.exp(-d) for d in (1e-3, 1e-3, -2e-3, -2e-3, 4e-3, 4e-3)]
            return tuple(f * a for f, a in zip(shrink, lens(*v), strict=True))

        return [
            ByMap(cls(name="lens", matrix=matrix), lens, rtol=1e-12),
            ByMap(cls(name="point", matrix=matrix, fixed_point=start, exit_point=end), about, rtol=1e-12),
            ByMap(cls(name="damped", matrix=matrix, damping=(1e-3, -2e-3, 4e-3)), damped, rtol=1e-12),
        ]

    @classmethod
    def examples(cls) -> list[Any]:
        identity = np.eye(6)
        ring = one_turn_matrix((0.178, 0.22, 6.3e-4), (9.3, 2.5, 4.0))
        coupled = _shear(0, 2, 0.3) @ ring @ _shear(4, 0, 0.01)
        rows = _rows(ring)
        diffusion = np.diag([1e-14, 1e-16, 0.0, 0.0, 0.0, 1e-12])
        diffusion[0, 5] = diffusion[5, 0] = 5e-14
        return [
            cls(name="unit", matrix=_rows(identity)),
            cls(name="ring", matrix=rows, length=48.0),
            cls(name="coupled", matrix=_rows(coupled), fixed_point=(1e-4, 0.0, -2e-4, 1e-5, 1e-3, 1e-4)),
            cls(name="moved", matrix=rows, fixed_point=(0.0, 0.0, 0.0, 0.0, 1e-4, 0.0), exit_point=(1e-5,) * 6),
            cls(name="damped", matrix=rows, damping=(1e-3, 1e-3, 2e-3)),
            cls(name="matrix", matrix=rows, damping_matrix=_rows(0.99 * identity)),
            cls(name="hot", matrix=rows, damping=(1e-3, 1e-3, 2e-3), diffusion=_rows(diffusion)),
            cls(name="scaled", matrix=_rows(1.5 * identity), allow_nonsymplectic=True),
        ]


def root_of_covariance(covariance: np.ndarray, what: str) -> np.ndarray:
    """Lower triangular L >= 0 on its diagonal with L L^T = covariance; one without full rank is allowed.

    Cholesky's factor is the only one of this kind; here its rows are the coordinates of those of the symmetric root in
    the basis that these span one after the other, which keeps half of the digits that the factor itself would lose. A
    row that the ones before it span to 1e-10 has no column of its own. So the factor, and with it the noise of a run,
    follows the last digits of a covariance and does not turn with them. Directions with less than 1e-7 of the rms
    sizes are left out.

    Raises
    ------
    LatticeError
        If the matrix is not a covariance; ``what`` names it.
    """
    sizes = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    scale = np.where(sizes > 0.0, sizes, 1.0)
    unit = covariance / np.outer(scale, scale)
    values = np.linalg.eigvalsh(0.5 * (unit + unit.T))
    if np.max(np.abs(unit - unit.T)) > 1e-9 or values[0] < -1e-9 or np.any(unit[sizes == 0.0] != 0.0):
        raise LatticeError(
            f"{what} is not a covariance: it must be symmetric with no negative eigenvalue (smallest, with unit "
            f"diagonal: {values[0]:.3g})"
        )
    lower, basis = np.zeros_like(unit), np.zeros_like(unit)
    for i, row in enumerate(square_root(unit, _NO_NOISE)):
        rest = row
        for _ in range(2):  # the second time for the rounding of the first
            along = basis @ rest
            lower[i], rest = lower[i] + along, rest - along @ basis
        size = float(np.linalg.norm(rest))
        if size > _SPANNED:
            lower[i, i], basis[i] = size, rest / size
    return scale[:, None] * lower


def one_turn_matrix(tunes: tuple[float, float, float], betas: tuple[float, float, float]) -> np.ndarray:
    """Uncoupled one-turn matrix of an upright ellipse in each plane.

    Parameters
    ----------
    tunes : phase advances [2 pi].
    betas : beta functions; that of the third plane is sigma_z/sigma_delta [m].

    Examples
    --------
    >>> symplectic_error(one_turn_matrix((0.1, 0.2, 0.01), (5.0, 3.0, 1.0))) < 1e-15
    True
    """
    out = np.zeros((6, 6))
    if len(tunes) != 3 or len(betas) != 3:
        raise LatticeError(f"one_turn_matrix takes three tunes and three betas, got {len(tunes)} and {len(betas)}")
    for i, (tune, beta) in enumerate(zip(tunes, betas, strict=True)):
        tune, beta = finite("tune", tune, "2 pi"), positive("beta", beta, "m")
        c, s = math.cos(2.0 * math.pi * tune), math.sin(2.0 * math.pi * tune)
        out[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[c, beta * s], [-s / beta, c]]
    return out


def _shear(i: int, j: int, amount: float) -> np.ndarray:
    """Symplectic kick of the momenta of coordinates i and j by a potential -amount q_i q_j."""
    out = np.eye(6)
    out[i + 1, j] = out[j + 1, i] = amount
    return out


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
