"""Straight flight: exact, and expanded to second order in the angles."""

from __future__ import annotations

from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.kernels.primitives import sqrt


def _negated_first(p: tuple[float, ...]) -> tuple[float, ...]:
    return (-p[0], *p[1:])


@scalar
def free_flight(x, px, y, py, z, rpp, l):
    """Exact straight flight over ``l``, without the velocity term of z (the caller adds ``l * dbeta``).

    1/pz - 1/(1+delta) is formed as w/(s(1+s)) with s = sqrt(1-w), so that nothing cancels for small angles.
    """
    u = px * rpp
    v = py * rpp
    w = u * u + v * v
    s = sqrt(1.0 - w)
    e = w / (s * (1.0 + s))
    return x + (l * u + l * u * e), y + (l * v + l * v * e), z - l * e


@scalar
def paraxial_flight(x, px, y, py, z, rpp, l):
    """Straight flight of the Hamiltonian expanded to second order in the angles."""
    u = l * rpp
    return x + u * px, y + u * py, z - 0.5 * (u * rpp) * (px * px + py * py)


@kernel("drift_exact", 1, invert=_negated_first)
@scalar
def drift_exact(x, px, y, py, z, delta, rpp, dbeta, p):
    """Exact drift of length p[0]."""
    x, y, z = free_flight(x, px, y, py, z, rpp, p[0])
    return x, px, y, py, z + p[0] * dbeta, delta


@kernel("drift_expanded", 1, invert=_negated_first)
@scalar
def drift_expanded(x, px, y, py, z, delta, rpp, dbeta, p):
    """Second-order (paraxial) drift of length p[0]."""
    x, y, z = paraxial_flight(x, px, y, py, z, rpp, p[0])
    return x, px, y, py, z + p[0] * dbeta, delta
