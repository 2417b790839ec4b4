"""Apertures: the only maps that answer "inside or not"."""

from __future__ import annotations

from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.kernels.primitives import where


@kernel("aperture_rectangular", 4, limit=True)
@scalar
def aperture_rectangular(x, px, y, py, z, delta, rpp, dbeta, p):
    """1 if p[0] <= x <= p[1] and p[2] <= y <= p[3], else 0."""
    return where((x >= p[0]) & (x <= p[1]) & (y >= p[2]) & (y <= p[3]), 1.0, 0.0)


@kernel("aperture_elliptical", 4, limit=True)
@scalar
def aperture_elliptical(x, px, y, py, z, delta, rpp, dbeta, p):
    """1 inside the ellipse with centre (p[0], p[1]) and inverse half axes p[2], p[3], else 0."""
    u = (x - p[0]) * p[2]
    v = (y - p[1]) * p[3]
    return where(u * u + v * v <= 1.0, 1.0, 0.0)
