"""Hard-edge fringe field of a quadrupole, to first order in the gradient.

References
----------
E. Forest and J. Milutinovic, Nucl. Instrum. Methods A 269, 474 (1988), doi:10.1016/0168-9002(88)90123-4.
G. E. Lee-Whiting, Nucl. Instrum. Methods 83, 232 (1970), doi:10.1016/0029-554X(70)90466-6.
"""

from __future__ import annotations

from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel


@kernel("quadrupole_fringe", 1)
@scalar
def quadrupole_fringe(x, px, y, py, z, delta, rpp, dbeta, p):
    """Fringe of strength p[0] = +Kn1 at the entrance and -Kn1 at the exit.

    The generator f = k/(12 (1+delta)) [(x^3 + 3 x y^2) px - (y^3 + 3 x^2 y) py] is taken with the old positions and the new
    momenta; it is linear in the momenta, so that the implicit map is solved exactly and is symplectic to rounding.
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
