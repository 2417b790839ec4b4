"""Scalar maps of a bending magnet: exact sector, paraxial sector, pole faces, and steps with field gradients.

The exact sector is written so that nothing cancels: pz - 1, the change of px and the change of direction are formed
from products of deviations, and every h in a denominator is packed into functions that are regular at h = 0.

References
----------
E. Forest, Beam Dynamics: A New Attitude and Framework (1998), chapters 10-13: exact bend, wedge, hard-edge fringe.
K. L. Brown, SLAC-75 (1982): second-order edge with finite field extent (FINT).
"""

from __future__ import annotations

import math

from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.kernels.primitives import atan_over, sincos, sqrt, stumpff, stumpff_integrals
from ssmb.kernels.roles import Role
from ssmb.maps.kicks import MULTIPOLE_TERMS, multipole_kick
from ssmb.maps.splitting import WEIGHTS, drift_kick_steps

#: Numbers that describe a piece of reference arc: length, cosine, sine, sine/h, (1 - cosine)/h.
ARC_NUMBERS = 5


def arc_numbers(length: float, h: float) -> tuple[float, ...]:
    """Pack a piece of reference arc of ``length`` [m] and curvature ``h`` [1/m]."""
    angle = length * h
    half = 0.5 * angle
    sinc = math.sin(angle) / angle if angle else 1.0
    sinc_half = math.sin(half) / half if half else 1.0
    return length, math.cos(angle), math.sin(angle), length * sinc, 0.5 * h * (length * sinc_half) ** 2


@scalar
def sector(x, px, y, py, z, delta, h, length, c, s, sh, ch):
    """Exact motion in a uniform field of curvature h along a reference arc (velocity term of z left to the caller)."""
    q = 1.0 + delta
    d = delta * (2.0 + delta)
    r = q * q - py * py
    pz = sqrt(r - px * px)
    d0 = (d - px * px - py * py) / (1.0 + pz)  # pz - 1
    t = d0 - h * x
    g = px * ch - t * sh  # -(change of px)/h
    px1 = px * c + t * s
    pz1 = sqrt(r - px1 * px1)
    m = (px + px1) / (pz + pz1)
    x1 = x * c + px * sh + d0 * ch + m * g
    slope = g * (pz + px * m) / (pz * pz1 + px * px1)
    turned = slope * atan_over(h * slope)  # (change of direction)/h
    return x1, px1, y + py * (length + turned), z - (delta * length + q * turned)


def _reverse_arc(p: tuple[float, ...]) -> tuple[float, ...]:
    return (-p[0], p[1], -p[2], -p[3], p[4])


@kernel("bend_exact", 1 + ARC_NUMBERS, invert=lambda p: (p[0], *_reverse_arc(p[1:])))
@scalar
def bend_exact(x, px, y, py, z, delta, rpp, dbeta, p):
    """Exact sector bend: p = (h, arc)."""
    x, px, y, z = sector(x, px, y, py, z, delta, p[0], p[1], p[2], p[3], p[4], p[5])
    return x, px, y, py, z + p[1] * dbeta, delta


@scalar
def curved_multipole_kick(x, y, delta, l, h, q):
    """Multipole kick in a frame of curvature h: straight field plus its first-order curvature terms (Kn0 .. Kn2,
    Ks0).
    """
    a, b, _ = multipole_kick(x, y, delta, l, q)
    k0, k1, k2, s0 = q[0], q[1], 2.0 * q[2], q[6]
    lh = l * h
    a = a - lh * (k0 * x + k1 * (x * x - 0.5 * y * y) + k2 * (0.5 * x * x * x - x * y * y) - s0 * y)
    b = b + lh * (s0 * x + k1 * x * y + k2 * (x * x * y - y * y * y / 6.0))
    return a, b


_W1, _W2 = WEIGHTS[4][0], WEIGHTS[4][1]
_GRADIENT_STEP = 2 + 2 * ARC_NUMBERS + MULTIPOLE_TERMS


def _reverse_gradient_step(p: tuple[float, ...]) -> tuple[float, ...]:
    return (-p[0], p[1], *_reverse_arc(p[2:7]), *_reverse_arc(p[7:12]), *p[12:])


@kernel("bend_gradient_4", _GRADIENT_STEP, invert=_reverse_gradient_step)
@scalar
def bend_gradient_4(x, px, y, py, z, delta, rpp, dbeta, p):
    """Fourth-order bend-kick-bend step: p = (length, h, end arc, inner arc, Kn/n!, Ks/n!)."""
    l, h, q = p[0], p[1], p[12:]
    x, px, y, z = sector(x, px, y, py, z, delta, h, p[2], p[3], p[4], p[5], p[6])
    a, b = curved_multipole_kick(x, y, delta, _W1 * l, h, q)
    px, py = px + a, py + b
    x, px, y, z = sector(x, px, y, py, z, delta, h, p[7], p[8], p[9], p[10], p[11])
    a, b = curved_multipole_kick(x, y, delta, _W2 * l, h, q)
    px, py = px + a, py + b
    x, px, y, z = sector(x, px, y, py, z, delta, h, p[7], p[8], p[9], p[10], p[11])
    a, b = curved_multipole_kick(x, y, delta, _W1 * l, h, q)
    px, py = px + a, py + b
    x, px, y, z = sector(x, px, y, py, z, delta, h, p[2], p[3], p[4], p[5], p[6])
    return x, px, y, py, z + l * dbeta, delta


def gradient_step_params(length: float, h: float, q: tuple[float, ...]) -> tuple[float, ...]:
    """Pack one bend-kick-bend step."""
    end = arc_numbers(0.5 * _W1 * length, h)
    return (length, h, *end, *arc_numbers(0.5 * (_W1 + _W2) * length, h), *q)


@scalar
def paraxial_bend_kick(x, y, delta, l, q):
    """Kick of the expanded bend Hamiltonian -h x delta + h^2 x^2/2, as in AT's bend pass; q = (h,)."""
    h = q[0]
    return (l * h) * (delta - h * x), 0.0, -(l * h) * x


@scalar
def paraxial_gradient_bend_kick(x, y, delta, l, q):
    """The same with multipoles: q = (h, Kn/n!, Ks/n!)."""
    h = q[0]
    a, b, _ = multipole_kick(x, y, delta, l, q[1:])
    return a + (l * h) * (delta - h * x), b, -(l * h) * x


# the kick belongs to the expanded Hamiltonian, so the flights do too
BEND_STEPS = drift_kick_steps("bend", paraxial_bend_kick, 1, ("expanded",))
GRADIENT_BEND_STEPS = drift_kick_steps("gradient_bend", paraxial_gradient_bend_kick, 1 + MULTIPOLE_TERMS, ("expanded",))


@scalar
def _bend_plane(x, px, delta, rpp, l, h, k):
    """Bending plane of the paraxial sector: new x and px, and the path that it adds; k = h^2 + Kn1."""
    kx, f, hd = k * rpp, h * delta * rpp, h * delta
    u = kx * l * l
    c2, c3 = stumpff_integrals(u)
    c = 1.0 - u * c2
    s = l - l * u * c3
    i1, i2 = l * l * c2, l * l * l * c3  # integrals of s, and of i1, over the length
    v = px * rpp
    x1 = c * x + s * v + f * i1
    px1 = c * px - (k * s) * x + hd * s
    g = f - kx * x
    bent = s * x + i1 * v + i2 * f
    across = v * v * (l + s * c) + 2.0 * (v * g) * (s * s) + g * g * (i2 + s * i1)
    return x1, px1, h * bent + 0.25 * across


@kernel("bend_linear", 2, invert=lambda p: (-p[0], p[1]))
@scalar
def bend_linear(x, px, y, py, z, delta, rpp, dbeta, p):
    """Paraxial sector without gradient, exact at the particle's own momentum: p = (length, h)."""
    l, h = p[0], p[1]
    x1, px1, path = _bend_plane(x, px, delta, rpp, l, h, h * h)
    u = l * rpp
    return x1, px1, y + u * py, py, z - (path + 0.5 * u * rpp * py * py) + l * dbeta, delta


@kernel("gradient_bend_linear", 3, invert=lambda p: (-p[0], p[1], p[2]))
@scalar
def gradient_bend_linear(x, px, y, py, z, delta, rpp, dbeta, p):
    """Paraxial combined-function sector, exact at the particle's own momentum: p = (length, h, Kn1)."""
    l, h, k1 = p[0], p[1], p[2]
    x1, px1, path = _bend_plane(x, px, delta, rpp, l, h, h * h + k1)
    ky = -k1 * rpp
    cy, sy, _, _ = stumpff(ky * l * l)
    sy = l * sy
    v = py * rpp
    y1 = cy * y + sy * v
    py1 = cy * py + (k1 * sy) * y
    path = path + 0.25 * (l * (v * v + ky * y * y) + (y1 * py1 * rpp - y * v))
    return x1, px1, y1, py1, z - path + l * dbeta, delta


@kernel("edge_linear", 2, invert=lambda p: (-p[0], -p[1]), role=Role.LINEAR_EDGE)
@scalar
def edge_linear(x, px, y, py, z, delta, rpp, dbeta, p):
    """Pole face to first order: px += p[0] x, py -= p[1] y (independent of momentum, as in MAD-X)."""
    return x, px + p[0] * x, y, py - p[1] * y, z, delta


@kernel("wedge", 3, invert=lambda p: (p[0], -p[1], p[2]))
@scalar
def wedge(x, px, y, py, z, delta, rpp, dbeta, p):
    """Turn the frame about the vertical axis inside the field: p = (cosine, sine, curvature)."""
    c, s, k = p[0], p[1], p[2]
    r = (1.0 + delta) * (1.0 + delta) - py * py
    pz = sqrt(r - px * px)
    a = px * c + pz * s
    b = pz * c - px * s
    q = x * s
    px1 = a - k * q
    pz1 = sqrt(r - px1 * px1)
    m = (a + px1) / (pz1 + b)
    slope = q * (px1 * m + pz1) / (b * pz1 + a * px1)
    turned = slope * atan_over(k * slope)
    return x * c + q * m, px1, y + py * turned, py, z - (1.0 + delta) * turned, delta


@scalar
def _fringe_generator(px, py, delta, rpp, k, ext):
    """Phi/k = tan(angle of incidence - lag) of the hard-edge fringe, and Phi's derivatives by px, py, delta."""
    q = 1.0 + delta
    pz = sqrt(q * q - px * px - py * py)
    ipz = 1.0 / pz
    u, v = px * ipz, py * ipz
    e = 1.0 + v * v
    t = u / e
    w = 1.0 + u * u * (2.0 + v * v)
    lag = ext * w * pz * rpp * rpp
    sl, cl = sincos(lag)
    tang = (t * cl - sl) / (cl + t * sl)
    outer = k * (1.0 + tang * tang)
    dt = 1.0 / (e * e * (1.0 + t * t))
    scale = ext * rpp * rpp

    ux, uy, ud = (1.0 + u * u) * ipz, u * v * ipz, -u * q * ipz * ipz
    vx, vy, vd = uy, (1.0 + v * v) * ipz, -v * q * ipz * ipz
    wu, wv = 2.0 * u * (2.0 + v * v), 2.0 * u * u * v
    fx = outer * (dt * (ux * e - 2.0 * u * v * vx) - scale * ((wu * ux + wv * vx) * pz - w * u))
    fy = outer * (dt * (uy * e - 2.0 * u * v * vy) - scale * ((wu * uy + wv * vy) * pz - w * v))
    fd = outer * (
        dt * (ud * e - 2.0 * u * v * vd) - scale * ((wu * ud + wv * vd) * pz + w * q * ipz - 2.0 * w * pz * rpp)
    )
    return tang, fx, fy, fd


@kernel("fringe_hard_edge", 2, invert=lambda p: p, role=Role.FULL_EDGE)
@scalar
def fringe_hard_edge(x, px, y, py, z, delta, rpp, dbeta, p):
    """Hard-edge dipole fringe with finite extent: p = (curvature, signed; 2 * curvature * FINT * HGAP).

    Generated by y_new^2/2 * Phi(px, py, delta), so that it is symplectic; it depends on momentum as the body does.
    """
    tang, fx, fy, fd = _fringe_generator(px, py, delta, rpp, p[0], p[1])
    y1 = 2.0 * y / (1.0 + sqrt(1.0 - 2.0 * fy * y))
    half = 0.5 * y1 * y1
    return x + half * fx, px, y1, py - p[0] * tang * y1, z + half * fd, delta


@kernel("fringe_hard_edge_inverse", 2, invert=lambda p: p)
@scalar
def fringe_hard_edge_inverse(x, px, y, py, z, delta, rpp, dbeta, p):
    """Inverse of :func:`fringe_hard_edge`: the old py by iteration, each round y dPhi/dpy times closer."""
    py0 = py
    for _ in range(8):
        generated = _fringe_generator(px, py0, delta, rpp, p[0], p[1])
        py0 = py + p[0] * generated[0] * y
    tang, fx, fy, fd = _fringe_generator(px, py0, delta, rpp, p[0], p[1])
    half = 0.5 * y * y
    return x - half * fx, px, y - half * fy, py0, z - half * fd, delta


fringe_hard_edge.partner = fringe_hard_edge_inverse
fringe_hard_edge_inverse.partner = fringe_hard_edge
