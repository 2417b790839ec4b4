"""The linear quadrupole map at the particle's own momentum, and matrix-kick-matrix steps around it.

H = -sqrt((1+delta)^2 - p^2) + Kn1 (x^2 - y^2)/2 is split into its second-order part, which is solved exactly with
Stumpff series (entire functions of K L^2: no branch between focusing, drift and defocusing), and the rest of the root,
which is a shift of x, y, z at constant momentum. Tunes are therefore exact with one step.
"""

from __future__ import annotations

import math

from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.kernels.primitives import sqrt, stumpff
from ssmb.maps.kicks import MULTIPOLE_TERMS, multipole_kick
from ssmb.maps.op import Op
from ssmb.maps.splitting import WEIGHTS

#: |K| h^2 of one step stays below this, so that the series hold to rounding down to delta = -0.5.
SERIES_LIMIT = 0.3


@scalar
def quadrupole_flight(x, px, y, py, z, rpp, l, k):
    """Linear quadrupole of strength k over l with its path length, without the velocity term of z."""
    kk = k * rpp
    cx, sx, cy, sy = stumpff(kk * l * l)
    sx, sy = l * sx, l * sy
    u, v = px * rpp, py * rpp
    x1 = cx * x + sx * u
    y1 = cy * y + sy * v
    px1 = cx * px - (k * sx) * x
    py1 = cy * py + (k * sy) * y
    u1, v1 = px1 * rpp, py1 * rpp
    path = l * (kk * (x * x - y * y) + (u * u + v * v)) + ((x1 * u1 - x * u) + (y1 * v1 - y * v))
    return x1, px1, y1, py1, z - 0.25 * path


@scalar
def kinematic_shift(x, px, y, py, z, rpp, l):
    """Exact flight minus paraxial flight over l: what the square root adds at constant momentum."""
    u = px * rpp
    v = py * rpp
    w = u * u + v * v
    s = sqrt(1.0 - w)
    r = 1.0 / (s * (1.0 + s) * (1.0 + s))
    e = l * (w * (1.0 + s) * r)
    return x + u * e, y + v * e, z - l * (0.5 * w * w * (2.0 + s) * r)


def _negated_length(p: tuple[float, ...]) -> tuple[float, ...]:
    return (-p[0], *p[1:])


@kernel("quadrupole_linear", 2, invert=_negated_length)
@scalar
def quadrupole_linear(x, px, y, py, z, delta, rpp, dbeta, p):
    """Quadrupole of length p[0] and strength p[1] in the paraxial Hamiltonian: exact."""
    x, px, y, py, z = quadrupole_flight(x, px, y, py, z, rpp, p[0], p[1])
    return x, px, y, py, z + p[0] * dbeta, delta


_W1, _W2 = WEIGHTS[4][0], WEIGHTS[4][1]


@kernel("quadrupole_matrix_4", 2, invert=_negated_length)
@scalar
def quadrupole_matrix_4(x, px, y, py, z, delta, rpp, dbeta, p):
    """Fourth-order matrix-kick-matrix step of length p[0] with strength p[1]; the kick is the kinematic shift."""
    h, k = p[0], p[1]
    end, mid = 0.5 * _W1 * h, 0.5 * (_W1 + _W2) * h
    x, px, y, py, z = quadrupole_flight(x, px, y, py, z, rpp, end, k)
    x, y, z = kinematic_shift(x, px, y, py, z, rpp, _W1 * h)
    x, px, y, py, z = quadrupole_flight(x, px, y, py, z, rpp, mid, k)
    x, y, z = kinematic_shift(x, px, y, py, z, rpp, _W2 * h)
    x, px, y, py, z = quadrupole_flight(x, px, y, py, z, rpp, mid, k)
    x, y, z = kinematic_shift(x, px, y, py, z, rpp, _W1 * h)
    x, px, y, py, z = quadrupole_flight(x, px, y, py, z, rpp, end, k)
    return x, px, y, py, z + h * dbeta, delta


@scalar
def _multipole_leap(x, px, y, py, z, delta, rpp, h, k, q, exact):
    """Half matrix, half shift, kick, half shift, half matrix; ``exact`` is 1.0 or 0.0 (paraxial)."""
    x, px, y, py, z = quadrupole_flight(x, px, y, py, z, rpp, 0.5 * h, k)
    x, y, z = kinematic_shift(x, px, y, py, z, rpp, 0.5 * h * exact)
    a, b, _ = multipole_kick(x, y, delta, h, q)
    px, py = px + a, py + b
    x, y, z = kinematic_shift(x, px, y, py, z, rpp, 0.5 * h * exact)
    return quadrupole_flight(x, px, y, py, z, rpp, 0.5 * h, k)


@kernel("multipole_matrix_4", 3 + MULTIPOLE_TERMS, invert=_negated_length)
@scalar
def multipole_matrix_4(x, px, y, py, z, delta, rpp, dbeta, p):
    """Fourth-order step of length p[0]: quadrupole p[1] in the matrix, p[2] exact or paraxial, other multipoles
    p[3:].
    """
    h, k, exact, q = p[0], p[1], p[2], p[3:]
    x, px, y, py, z = _multipole_leap(x, px, y, py, z, delta, rpp, _W1 * h, k, q, exact)
    x, px, y, py, z = _multipole_leap(x, px, y, py, z, delta, rpp, _W2 * h, k, q, exact)
    x, px, y, py, z = _multipole_leap(x, px, y, py, z, delta, rpp, _W1 * h, k, q, exact)
    return x, px, y, py, z + h * dbeta, delta


def quadrupole_matrix_ops(k: float, rest: tuple[float, ...], length: float, slices: int, drift: str) -> tuple[Op, ...]:
    """Pack a quadrupole of strength k [1/m^2] with other multipoles ``rest`` (Kn/n!, then Ks/n!)."""
    n = max(slices, math.ceil(length * math.sqrt(abs(k) / SERIES_LIMIT)))
    h = length / n
    if any(rest):
        return (Op(multipole_matrix_4, (h, k, 1.0 if drift == "exact" else 0.0, *rest), n),)
    return (Op(quadrupole_matrix_4 if drift == "exact" else quadrupole_linear, (h, k), n),)
