"""Motion in a wiggler, averaged over its period: the step kernels.

Averaged Hamiltonian of the guiding centre, with ``a`` the rms wiggling momentum over P0,

    H = -sqrt((1+delta)^2 - a0^2 - px^2 - py^2) + (a^2(x, y) - a0^2) / (2 (1+delta)),

split into an exact flight (first term) and a focusing kick (second term, which moves z too: a particle that wiggles
more arrives later), composed to fourth order. The mixed term (a^2 - a0^2)(a^2 + p^2)/8 that the second term leaves out
is smaller than what is kept by the square of the wiggling angle, 1e-5.

A transverse gradient g along the wiggling coordinate v (canted poles) has, with u across the gap, the field of the
potential ``(1 + g v) sinh(k u) cos(k_u s)``, an exact solution, and
``a^2 = a0^2 [(1 + g v)^2 cosh^2 + (g/k)^2 sinh^2]``. The mean force a0^2 g on the axis is taken away by a steady
correction field, as is done with such undulators; what is left is the dispersion and, by symplecticity, the slip
``dz/dv = -g a0^2`` per length.

References
----------
E. T. Scharlemann, J. Appl. Phys. 58, 2154 (1985), doi:10.1063/1.335980 (natural focusing).
H. Yoshida, Phys. Lett. A 150, 262 (1990), doi:10.1016/0375-9601(90)90092-3.
T. I. Smith, J. M. J. Madey, L. R. Elias, D. A. G. Deacon, J. Appl. Phys. 50, 4580 (1979), doi:10.1063/1.326564
(gradient).
"""

from __future__ import annotations

from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.kernels.primitives import exp, sqrt
from ssmb.maps.splitting import WEIGHTS

_OUTER, _INNER = WEIGHTS[4][0], WEIGHTS[4][1]
_END, _MIDDLE = 0.5 * _OUTER, 0.5 * (_OUTER + _INNER)


def _negated_length(p: tuple[float, ...]) -> tuple[float, ...]:
    return (-p[0], *p[1:])


@scalar
def wiggling_flight(x, px, y, py, z, delta, rpp, l, a2, root):
    """Flight over ``l`` with mean square wiggling momentum ``a2``; ``root`` is sqrt(1 - a2).

    1/root - 1/s, the path of the reference particle minus that of this one, is formed as a difference of squares in
    which a2 itself has cancelled: rounding of z is relative to delta and to the angles.
    """
    u = px * rpp
    v = py * rpp
    s = sqrt(1.0 - (a2 * rpp * rpp + u * u + v * v))
    r = l / s
    gain = a2 * (delta * (2.0 + delta)) * (rpp * rpp) - (u * u + v * v)
    return x + r * u, y + r * v, z + r * gain / (root * (s + root))


@scalar
def planar_focusing(x, px, y, py, z, rpp, l, a2, k, wx, wy):
    """Kick of a^2 = a2 cosh^2(k u), u = wx x + wy y the coordinate across the gap (wx, wy = 0, 1 or 1, 0)."""
    e = exp(k * (wx * x + wy * y))
    r = 1.0 / e
    sinh = 0.5 * (e - r)
    cosh = 0.5 * (e + r)
    g = l * a2 * k * sinh * cosh * rpp
    return px - wx * g, py - wy * g, z - 0.5 * l * a2 * sinh * sinh * rpp * rpp


@scalar
def gradient_focusing(x, px, y, py, z, delta, rpp, l, a2, k, wx, wy, g):
    """Kick of a^2 = a2 [(1 + g v)^2 cosh^2 + (g/k)^2 sinh^2], v the wiggling coordinate, and of the correction
    field.
    """
    e = exp(k * (wx * x + wy * y))
    r = 1.0 / e
    sinh = 0.5 * (e - r)
    cosh = 0.5 * (e + r)
    t = g * (wy * x + wx * y)
    s2 = sinh * sinh
    across = l * a2 * k * sinh * cosh * rpp * ((1.0 + t) * (1.0 + t) + (g / k) * (g / k))
    along = l * a2 * g * rpp * (t - delta + (1.0 + t) * s2)
    late = t * (2.0 + t) + s2 * ((1.0 + t) * (1.0 + t) + (g / k) * (g / k))
    return px - wx * across - wy * along, py - wy * across - wx * along, z - 0.5 * l * a2 * rpp * rpp * late


@scalar
def helical_focusing(x, px, y, py, z, rpp, l, a2, k):
    """Kick of a^2 = a2 (1 + rho^2/2 + 7 rho^4/64), rho = k r."""
    q = k * k * (x * x + y * y)
    g = l * a2 * k * k * (0.5 + 0.21875 * q) * rpp
    return px - x * g, py - y * g, z - 0.5 * l * a2 * q * (0.5 + 0.109375 * q) * rpp * rpp


@kernel("wiggler_planar", 7, invert=_negated_length)
@scalar
def wiggler_planar(x, px, y, py, z, delta, rpp, dbeta, p):
    """One fourth-order step; p = (length, a0^2, sqrt(1 - a0^2), path per length, k_u, wx, wy)."""
    h, a2, root, path, k, wx, wy = p[0], p[1], p[2], p[3], p[4], p[5], p[6]
    x, y, z = wiggling_flight(x, px, y, py, z, delta, rpp, _END * h, a2, root)
    px, py, z = planar_focusing(x, px, y, py, z, rpp, _OUTER * h, a2, k, wx, wy)
    x, y, z = wiggling_flight(x, px, y, py, z, delta, rpp, _MIDDLE * h, a2, root)
    px, py, z = planar_focusing(x, px, y, py, z, rpp, _INNER * h, a2, k, wx, wy)
    x, y, z = wiggling_flight(x, px, y, py, z, delta, rpp, _MIDDLE * h, a2, root)
    px, py, z = planar_focusing(x, px, y, py, z, rpp, _OUTER * h, a2, k, wx, wy)
    x, y, z = wiggling_flight(x, px, y, py, z, delta, rpp, _END * h, a2, root)
    return x, px, y, py, z + h * path * dbeta, delta


@kernel("wiggler_gradient", 8, invert=_negated_length)
@scalar
def wiggler_gradient(x, px, y, py, z, delta, rpp, dbeta, p):
    """One fourth-order step; p = (length, a0^2, sqrt(1 - a0^2), path per length, k_u, wx, wy, g)."""
    h, a2, root, path, k, wx, wy, g = p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]
    x, y, z = wiggling_flight(x, px, y, py, z, delta, rpp, _END * h, a2, root)
    px, py, z = gradient_focusing(x, px, y, py, z, delta, rpp, _OUTER * h, a2, k, wx, wy, g)
    x, y, z = wiggling_flight(x, px, y, py, z, delta, rpp, _MIDDLE * h, a2, root)
    px, py, z = gradient_focusing(x, px, y, py, z, delta, rpp, _INNER * h, a2, k, wx, wy, g)
    x, y, z = wiggling_flight(x, px, y, py, z, delta, rpp, _MIDDLE * h, a2, root)
    px, py, z = gradient_focusing(x, px, y, py, z, delta, rpp, _OUTER * h, a2, k, wx, wy, g)
    x, y, z = wiggling_flight(x, px, y, py, z, delta, rpp, _END * h, a2, root)
    return x, px, y, py, z + h * path * dbeta, delta


@kernel("wiggler_helical", 5, invert=_negated_length)
@scalar
def wiggler_helical(x, px, y, py, z, delta, rpp, dbeta, p):
    """One fourth-order step; p = (length, a0^2, sqrt(1 - a0^2), path per length, k_u)."""
    h, a2, root, path, k = p[0], p[1], p[2], p[3], p[4]
    x, y, z = wiggling_flight(x, px, y, py, z, delta, rpp, _END * h, a2, root)
    px, py, z = helical_focusing(x, px, y, py, z, rpp, _OUTER * h, a2, k)
    x, y, z = wiggling_flight(x, px, y, py, z, delta, rpp, _MIDDLE * h, a2, root)
    px, py, z = helical_focusing(x, px, y, py, z, rpp, _INNER * h, a2, k)
    x, y, z = wiggling_flight(x, px, y, py, z, delta, rpp, _MIDDLE * h, a2, root)
    px, py, z = helical_focusing(x, px, y, py, z, rpp, _OUTER * h, a2, k)
    x, y, z = wiggling_flight(x, px, y, py, z, delta, rpp, _END * h, a2, root)
    return x, px, y, py, z + h * path * dbeta, delta
