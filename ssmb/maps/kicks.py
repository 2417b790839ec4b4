"""Kicks of multipole fields over a length."""

from __future__ import annotations

from ssmb.kernels.jit import scalar

#: Highest multipole that the magnets take (5: dodecapole), how many numbers that makes (normal and skew), and the place
#: of the first skew one.
MAX_ORDER = 5
MULTIPOLE_TERMS = 2 * (MAX_ORDER + 1)
SKEW = MAX_ORDER + 1


@scalar
def normal_quadrupole_kick(x, y, delta, l, q):
    """Kick of Kn1 = q[0] over the length l."""
    k = l * q[0]
    return -k * x, k * y, 0.0


@scalar
def normal_sextupole_kick(x, y, delta, l, q):
    """Kick of Kn2/2 = q[0] over the length l."""
    k = l * q[0]
    return -k * (x * x - y * y), 2.0 * k * (x * y), 0.0


@scalar
def multipole_kick(x, y, delta, l, q):
    """Kick of Kn/n! = q[n], Ks/n! = q[6+n] over the length l (complex Horner scheme)."""
    re = q[5]
    im = q[11]
    re, im = (re * x - im * y) + q[4], (re * y + im * x) + q[10]
    re, im = (re * x - im * y) + q[3], (re * y + im * x) + q[9]
    re, im = (re * x - im * y) + q[2], (re * y + im * x) + q[8]
    re, im = (re * x - im * y) + q[1], (re * y + im * x) + q[7]
    re, im = (re * x - im * y) + q[0], (re * y + im * x) + q[6]
    return -l * re, l * im, 0.0
