"""Hard-edge fringe field of a quadrupole, to first order in the gradient.

References
----------
E. Forest and J. Milutinovic, Nucl. Instrum. Methods A 269, 474 (1988), doi:10.1016/0168-9002(88)90123-4.
G. E. Lee-Whiting, Nucl. Instrum. Methods 83, 232 (1970), doi:10.1016/0029-554X(70)90466-6.
"""

from __future__ import annotations

from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel


@kernel("quadrupole_fringe", 1, invert=lambda p: p)
@scalar
def quadrupole_fringe(x, px, y, py, z, delta, rpp, dbeta, p):
    """Fringe of strength p[0] = +Kn1 at the entrance and -Kn1 at the exit.

    The generator f = k/(12 (1+delta)) [(x^3 + 3 x y^2) px - (y^3 + 3 x^2 y) py] is taken with the old positions and the
    new momenta; it is linear in the momenta, so that the implicit map is solved exactly and is symplectic to rounding.
    """
    s = p[0] * rpp / 12.0
    xx, yy, xy = x * x, y * y, x * y
    a = 3.0 * s * (xx + yy)
    b = 6.0 * s * xy
    det = 1.0 / (1.0 - a * a + b * b)
    px1 = ((1.0 - a) * px + b * py) * det
    py1 = ((1.0 + a) * py - b * px) * det
    u = x * (xx + 3.0 * yy)
    v = y * (yy + 3.0 * xx)
    return x + s * u, px1, y - s * v, py1, z - s * rpp * (u * px1 - v * py1), delta


@kernel("quadrupole_fringe_inverse", 1, invert=lambda p: p)
@scalar
def quadrupole_fringe_inverse(x, px, y, py, z, delta, rpp, dbeta, p):
    """Inverse of :func:`quadrupole_fringe`: the old place by iteration, each round k x^2/(4 (1+delta)) times closer."""
    s = p[0] * rpp / 12.0
    x0, y0 = x, y
    for _ in range(6):
        x0, y0 = x - s * (x0 * (x0 * x0 + 3.0 * y0 * y0)), y + s * (y0 * (y0 * y0 + 3.0 * x0 * x0))
    a = 3.0 * s * (x0 * x0 + y0 * y0)
    b = 6.0 * s * (x0 * y0)
    u = x0 * (x0 * x0 + 3.0 * y0 * y0)
    v = y0 * (y0 * y0 + 3.0 * x0 * x0)
    return x0, px + (a * px - b * py), y0, py + (b * px - a * py), z + s * rpp * (u * px - v * py), delta


quadrupole_fringe.partner = quadrupole_fringe_inverse
quadrupole_fringe_inverse.partner = quadrupole_fringe
