"""Matrices of three momenta: covariance of the motion at one place, principal axes, integrals of collisions, roots.

For one covariance or a few, where the calls of a linear algebra library cost more than the arithmetic.

References
----------
B. C. Carlson, Numer. Algorithms 10, 13 (1995), doi:10.1007/BF02198293: R_D by duplication.
J. Demmel, K. Veselic, SIAM J. Matrix Anal. Appl. 13, 1204 (1992), doi:10.1137/0613074: Jacobi rotations keep the digits
of small eigenvalues.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmb.kernels.jit import cached, scalar
from ssmb.kernels.primitives import sqrt

#: Relative size of a correlation that is none, and sweeps in which rotations get there (five or six do).
_NONE, _SWEEPS = 1e-17, 30
#: Largest deviation of an argument of R_D from their mean at which the series has all digits.
_NEAR = 1e-3
#: Part of a variance that is rounding: a root has no column of its own for it.
_ROUNDING = 4e-15


def _momenta(s, places, per_gamma, flat, inner, means, room):
    """Fill the covariances of (x', y', delta/gamma) at one place (n, 3, 3), their means per coordinate of the place
    (n, 3, places), and the determinants (n,) of the covariance of place, of covariances ``s`` (n, 6, 6).

    Coordinates 0, 2, 4 are the first ``places`` that count; ``flat`` is a ratio of the areas of x and y, squared, that
    counts as none. Returns the first covariance that is flat in place, or -1.
    """
    root, solved = np.empty((3, 3)), np.empty((3, 3))
    for k in range(s.shape[0]):
        a, b = s[k, 0, 0] * s[k, 1, 1], s[k, 2, 2] * s[k, 3, 3]
        if not min(a, b) > flat * max(a, b):
            return k
        room[k] = 1.0
        for i in range(places):
            for j in range(i + 1):
                rest = s[k, 2 * i, 2 * j]
                for m in range(j):
                    rest -= root[i, m] * root[j, m]
                if i > j:
                    root[i, j] = rest / root[j, j]
                elif rest > 0.0:
                    root[i, i] = sqrt(rest)
                    room[k] *= rest
                else:
                    return k
        for i in range(3):
            unit = per_gamma if i == 2 else 1.0
            for j in range(places):
                rest = s[k, 2 * i + 1, 2 * j] * unit
                for m in range(j):
                    rest -= root[j, m] * solved[i, m]
                solved[i, j] = rest / root[j, j]
            for j in range(places - 1, -1, -1):
                rest = solved[i, j]
                for m in range(j + 1, places):
                    rest -= root[m, j] * means[k, i, m]
                means[k, i, j] = rest / root[j, j]
            for j in range(i + 1):
                left = s[k, 2 * i + 1, 2 * j + 1] * unit * (per_gamma if j == 2 else 1.0)
                for m in range(places):
                    left -= solved[i, m] * solved[j, m]
                inner[k, i, j] = inner[k, j, i] = left
    return -1


momenta: Any = cached(_momenta)


@scalar
def _turn_axes(a, axes, i, j):
    """Turn two axes so that ``a`` (3, 3) loses its element i, j; whether there was one."""
    if not abs(a[i, j]) > _NONE * sqrt(abs(a[i, i] * a[j, j])):
        return False
    half = 0.5 * (a[j, j] - a[i, i]) / a[i, j]
    t = 1.0 / (abs(half) + sqrt(1.0 + half * half))
    t = t if half >= 0.0 else -t
    c = 1.0 / sqrt(1.0 + t * t)
    s = t * c
    a[i, i] -= t * a[i, j]
    a[j, j] += t * a[i, j]
    a[i, j] = a[j, i] = 0.0
    k = 3 - i - j
    one, two = a[k, i], a[k, j]
    a[k, i] = a[i, k] = c * one - s * two
    a[k, j] = a[j, k] = s * one + c * two
    for m in range(3):
        one, two = axes[m, i], axes[m, j]
        axes[m, i], axes[m, j] = c * one - s * two, s * one + c * two
    return True


@scalar
def carlson_rd(x, y, z):
    """Carlson's integral ``R_D = (3/2) Int_0^inf dt ((t + x)(t + y))^(-1/2) (t + z)^(-3/2)`` of numbers > 0."""
    total, part = 0.0, 1.0
    mean = 0.2 * (x + y + 3.0 * z)
    far = max(abs(mean - x), abs(mean - y), abs(mean - z))
    while far > _NEAR * mean:
        rx, ry, rz = sqrt(x), sqrt(y), sqrt(z)
        shift = rx * ry + ry * rz + rz * rx
        total += part / (rz * (z + shift))
        part *= 0.25
        x, y, z = 0.25 * (x + shift), 0.25 * (y + shift), 0.25 * (z + shift)
        mean = 0.2 * (x + y + 3.0 * z)
        far = max(abs(mean - x), abs(mean - y), abs(mean - z))
    dx, dy = (mean - x) / mean, (mean - y) / mean
    dz = -(dx + dy) / 3.0
    xy, zz = dx * dy, dz * dz
    e2, e3, e4, e5 = xy - 6.0 * zz, (3.0 * xy - 8.0 * zz) * dz, 3.0 * (xy - zz) * zz, xy * dz * zz
    series = (
        1.0 - 3.0 / 14.0 * e2 + e3 / 6.0 + 9.0 / 88.0 * e2 * e2 - 3.0 / 22.0 * e4 - 9.0 / 52.0 * e2 * e3
        + 3.0 / 26.0 * e5
    )  # fmt: skip
    return part * series / (mean * sqrt(mean)) + 3.0 * total


def _principal(inner, values, axes, integral):
    """Fill eigenvalues c (n, 3) and axes (n, 3, 3), in columns, of covariances (n, 3, 3), and the integrals
    ``(2/3) c_i R_D(c_j, c_k, c_i)`` (n, 3) of collisions. Returns the first that is flat, or -1.
    """
    a = np.empty((3, 3))
    for k in range(inner.shape[0]):
        for i in range(3):
            for j in range(3):
                a[i, j] = inner[k, i, j]
                axes[k, i, j] = 1.0 if i == j else 0.0
        for _ in range(_SWEEPS):
            first = _turn_axes(a, axes[k], 0, 1)
            second = _turn_axes(a, axes[k], 0, 2)
            third = _turn_axes(a, axes[k], 1, 2)
            if not (first or second or third):
                break
        for i in range(3):
            values[k, i] = a[i, i]
            if not a[i, i] > 0.0:
                return k
        for i in range(3):
            c = values[k, i]
            integral[k, i] = 2.0 / 3.0 * c * carlson_rd(values[k, (i + 1) % 3], values[k, (i + 2) % 3], c)
    return -1


principal: Any = cached(_principal)


def _kick_moments(values, axes, means, integral, per_gamma, moments):
    """Fill the momenta of zeros (n, 2, 6, 6) with the covariance of the random kicks, along each axis the sum of the
    other two integrals, and the matrix of the mean kicks, minus the integral over c of the motion relative to the
    means.
    """
    for k in range(values.shape[0]):
        noise, drift = moments[k, 0], moments[k, 1]
        whole = integral[k, 0] + integral[k, 1] + integral[k, 2]
        for i in range(3):
            unit = per_gamma if i == 2 else 1.0
            for j in range(3):
                random, slowed, other = 0.0, 0.0, per_gamma if j == 2 else 1.0
                for m in range(3):
                    both = axes[k, i, m] * axes[k, j, m]
                    random += both * (whole - integral[k, m])
                    slowed += both * integral[k, m] / values[k, m]
                noise[2 * i + 1, 2 * j + 1] = random / (unit * other)
                drift[2 * i + 1, 2 * j + 1] = -slowed * other / unit
                for m in range(means.shape[2]):
                    drift[2 * i + 1, 2 * m] += slowed * means[k, j, m] / unit


kick_moments: Any = cached(_kick_moments)


def _lower_root(covariance):
    """Lower root (n, n) of a covariance, which may be flat: what has no variance of its own has no column."""
    n = covariance.shape[0]
    root = np.zeros((n, n))
    for j in range(n):
        left = covariance[j, j]
        for m in range(j):
            left -= root[j, m] * root[j, m]
        if not left > _ROUNDING * covariance[j, j]:
            continue
        root[j, j] = sqrt(left)
        for i in range(j + 1, n):
            rest = covariance[i, j]
            for m in range(j):
                rest -= root[i, m] * root[j, m]
            root[i, j] = rest / root[j, j]
    return root


lower_root: Any = cached(_lower_root)
