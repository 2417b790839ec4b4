"""Local fields in which a beam radiates, and the kernels of mean loss, photons and diffusion in them.

Fields are curvatures e B/p0 [1/m] across the reference orbit. Each has a square (the force) and a recoil: the kick
across that photons give which leave at an angle out of the plane of the orbit, along the field (in wigglers also along
the wiggling velocity). A recoil takes the sums g = sum y^2 <psi^2> and w = sum y^2 over the photons of a slice and two
standard normal numbers; psi in units of 1/gamma.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import Kernel, kernel
from ssmb.kernels.philox import random_words
from ssmb.kernels.primitives import sqrt
from ssmb.kernels.roles import Role
from ssmb.maps.kicks import MULTIPOLE_TERMS, multipole_kick
from ssmb.maps.photon_spectrum import MEAN_SQUARE_ANGLE, four_normals, normal, photons_in_slots, uniform_32
from ssmb.maps.photon_totals import TOTAL_TERMS, total_energy

# ---- local fields


@scalar
def linear_square(x, y, q):
    """b^2 of dipole and quadrupole fields, normal and skew; q = (b_y, db_y/dx, b_x, db_x/dx)."""
    b_y = q[0] + (q[1] * x - q[3] * y)
    b_x = q[2] + (q[1] * y + q[3] * x)
    return b_y * b_y + b_x * b_x


@scalar
def linear_recoil(x, y, q, g, w, n1, n2):
    """Kick along the field."""
    b_y = q[0] + (q[1] * x - q[3] * y)
    b_x = q[2] + (q[1] * y + q[3] * x)
    k = n1 * sqrt(g / (b_y * b_y + b_x * b_x + _TINY))
    return k * b_x, k * b_y


@scalar
def multipole_square(x, y, q):
    """b^2 of all multipoles; q = Kn/n! and Ks/n!, curvature in the first."""
    a, b, _ = multipole_kick(x, y, 0.0, 1.0, q)
    return a * a + b * b


@scalar
def multipole_recoil(x, y, q, g, w, n1, n2):
    """Kick along the field, which is across the force."""
    a, b, _ = multipole_kick(x, y, 0.0, 1.0, q)
    k = n1 * sqrt(g / (a * a + b * b + _TINY))
    return k * b, -k * a


@scalar
def wiggler_square(x, y, q):
    """b^2 across the velocity, b0^2 (1 + g v)^2 cosh^2 u with its series to u^4 (the field along the beam does not
    bend).

    q = (b0^2, k_u, wx, wy, ..., g), u = k_u (wx x + wy y) across the gap, v = wy x + wx y.
    """
    u = q[1] * (q[2] * x + q[3] * y)
    t = 1.0 + q[8] * (q[3] * x + q[2] * y)
    u2 = u * u
    return q[0] * (1.0 + u2 * (1.0 + u2 / 3.0)) * (t * t)


@scalar
def wiggler_recoil(x, y, q, g, w, n1, n2):
    """Opening angle in the shares q[4], q[5] of x and y; angle of wiggling with the variances q[6], q[7]
    [1/gamma^2].
    """
    return n1 * sqrt(g * q[4] + w * q[6]), n2 * sqrt(g * q[5] + w * q[7])


_TINY = 1e-200  # instead of 0/0 where there is no field


class FieldKind(NamedTuple):
    """What a kind of field is: b^2(x, y, q), the recoil of photons at an angle, and how many numbers q has."""

    square: Any
    recoil: Any
    size: int


FIELDS: dict[str, FieldKind] = {
    "linear": FieldKind(linear_square, linear_recoil, 4),
    "multipole": FieldKind(multipole_square, multipole_recoil, MULTIPOLE_TERMS),
    "wiggler": FieldKind(wiggler_square, wiggler_recoil, 9),
}
SQUARES: dict[str, Any] = {name: kind.square for name, kind in FIELDS.items()}


# ---- kernels


def _negated_length(p: tuple[float, ...]) -> tuple[float, ...]:
    return (-p[0], *p[1:])


@scalar
def _path(x, px, py, rpp, length, h):
    u = px * rpp
    v = py * rpp
    return length * (1.0 + h * x + 0.5 * (u * u + v * v))


def _mean_of(square: Any) -> Any:
    @scalar
    def mean(x, px, y, py, z, delta, rpp, dbeta, p):
        """p = (length, h, loss, spread, field); the spread is for the envelope, the map does without."""
        q = 1.0 + delta
        a = p[2] * square(x, y, p[4:]) * _path(x, px, py, rpp, p[0], p[1]) * q
        f = 1.0 / (1.0 + a)
        return x, px * f, y, py * f, z, delta - q * a * f

    return mean


def _diffusion_of(square: Any) -> Any:
    @scalar
    def diffusion(x, px, y, py, z, delta, rpp, dbeta, p, key):
        """p = (length, h, loss, spread, first draw, field)."""
        q = 1.0 + delta
        b2 = square(x, y, p[5:])
        path = _path(x, px, py, rpp, p[0], p[1])
        a = p[2] * b2 * path * q
        f = 1.0 / (1.0 + a) + q * normal(key, p[4]) * sqrt(p[3] * b2 * sqrt(b2) * path)
        return x, px * f, y, py * f, z, delta - q * (1.0 - f)

    return diffusion


def _diffusion_with_angles_of(square: Any, recoil: Any) -> Any:
    @scalar
    def diffusion_with_angles(x, px, y, py, z, delta, rpp, dbeta, p, key):
        """p = (length, h, loss, spread, first draw, 1/gamma, field)."""
        q = 1.0 + delta
        b2 = square(x, y, p[6:])
        path = _path(x, px, py, rpp, p[0], p[1])
        a = p[2] * b2 * path * q
        n0, n1, n2, _ = four_normals(key, p[4])
        variance = p[3] * b2 * sqrt(b2) * path  # of the relative momentum, without q^2
        f = 1.0 / (1.0 + a) + q * n0 * sqrt(variance)
        kx, ky = recoil(x, y, p[6:], MEAN_SQUARE_ANGLE * variance, variance, n1, n2)
        scale = q * p[5]  # a photon of relative momentum q^2 dy leaves at an angle psi/(gamma q)
        return x, px * f + scale * kx, y, py * f + scale * ky, z, delta - q * (1.0 - f)

    return diffusion_with_angles


def _photons_of(square: Any) -> Any:
    @scalar
    def photons(x, px, y, py, z, delta, rpp, dbeta, p, key):
        """p = (length, h, rate, critical energy, draw, mean total, quantile function of the total, field).

        The quantile function is that on the axis; ``rate`` is there 1 per curvature and length. Where the field or the
        path is r times that, mean and variance of the total are r times those: exact for any r, the shape near r = 1.
        """
        q = 1.0 + delta
        b = sqrt(square(x, y, p[16:]))
        r = p[2] * b * _path(x, px, py, rpp, p[0], p[1])
        root = sqrt(r)
        u = uniform_32(random_words(key, p[4])[0])
        total = root * total_energy(u, p[6:16]) + (r - root) * p[5]
        loss = p[3] * b * q * total
        return x, px * (1.0 - loss), y, py * (1.0 - loss), z, delta - q * loss

    return photons


def _single_photons_of(square: Any) -> Any:
    @scalar
    def single_photons(x, px, y, py, z, delta, rpp, dbeta, p, key):
        """p = (length, h, photons per length and curvature, critical energy, draw, field), for any field."""
        q = 1.0 + delta
        b = sqrt(square(x, y, p[5:]))
        total, _, _ = photons_in_slots(p[2] * b * _path(x, px, py, rpp, p[0], p[1]), key, p[4])
        loss = p[3] * b * q * total
        return x, px * (1.0 - loss), y, py * (1.0 - loss), z, delta - q * loss

    return single_photons


def _photons_with_angles_of(square: Any, recoil: Any) -> Any:
    @scalar
    def photons_with_angles(x, px, y, py, z, delta, rpp, dbeta, p, key):
        """p = (length, h, photons per length and curvature, critical energy, first draw, 1/gamma, field)."""
        q = 1.0 + delta
        b = sqrt(square(x, y, p[6:]))
        total, angles, squares = photons_in_slots(p[2] * b * _path(x, px, py, rpp, p[0], p[1]), key, p[4])
        n1, n2, _, _ = four_normals(key, p[4] + 1.0)
        kx, ky = recoil(x, y, p[6:], angles, squares, n1, n2)
        unit = p[3] * b * q
        loss = unit * total
        scale = unit * p[5]
        return x, px * (1.0 - loss) + scale * kx, y, py * (1.0 - loss) + scale * ky, z, delta - q * loss

    return photons_with_angles


MEAN: dict[str, Kernel] = {}
DIFFUSION: dict[str, Kernel] = {}
DIFFUSION_WITH_ANGLES: dict[str, Kernel] = {}
PHOTONS: dict[str, Kernel] = {}
SINGLE_PHOTONS: dict[str, Kernel] = {}
PHOTONS_WITH_ANGLES: dict[str, Kernel] = {}
for _name, _kind in FIELDS.items():
    _stem = f"radiation_{_name}"
    MEAN[_name] = kernel(_stem, 4 + _kind.size, changes_delta=True, invert=_negated_length, role=Role.EMISSION)(
        _mean_of(_kind.square)
    )
    DIFFUSION[_name] = kernel(f"{_stem}_diffusion", 5 + _kind.size, stochastic=True, role=Role.EMISSION)(
        _diffusion_of(_kind.square)
    )
    DIFFUSION_WITH_ANGLES[_name] = kernel(
        f"{_stem}_diffusion_with_angles", 6 + _kind.size, stochastic=True, role=Role.EMISSION
    )(_diffusion_with_angles_of(_kind.square, _kind.recoil))
    PHOTONS[_name] = kernel(f"{_stem}_photons", 6 + TOTAL_TERMS + _kind.size, stochastic=True, role=Role.EMISSION)(
        _photons_of(_kind.square)
    )
    SINGLE_PHOTONS[_name] = kernel(f"{_stem}_single_photons", 5 + _kind.size, stochastic=True, role=Role.EMISSION)(
        _single_photons_of(_kind.square)
    )
    PHOTONS_WITH_ANGLES[_name] = kernel(
        f"{_stem}_photons_with_angles", 6 + _kind.size, stochastic=True, role=Role.EMISSION
    )(_photons_with_angles_of(_kind.square, _kind.recoil))


@kernel("radiation_edge", 2, changes_delta=True, invert=_negated_length, role=Role.EDGE)
@scalar
def radiation_edge(x, px, y, py, z, delta, rpp, dbeta, p):
    """Mean loss in the piece of field that a thin pole face stands for: p = (-tan e, loss b^2)."""
    q = 1.0 + delta
    a = p[1] * (p[0] * x) * q
    f = 1.0 / (1.0 + a)
    return x, px * f, y, py * f, z, delta - q * a * f
