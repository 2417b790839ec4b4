"""Sampler of synchrotron photons: how many a particle emits, with which energies and angles, without branches.

Energies in units of the critical energy follow from the quantile function of the number spectrum

    n(y) = 3/(5 pi) int_y^inf K_{5/3}(u) du,    t(y) = int_y^inf n,    y = (L P(L)/Q(L))^3,    L = -ln t,

a rational fit over 0 < L < 32 that is right to 1.1e-5 of y. Its moments: <y> = 8/(15 sqrt 3) to 5e-8, <y^2> = 11/27 to
2e-6.

Photons of one particle in one slice are a Poisson process. Where they are needed one by one, they are drawn from the
hardest down: the k-th hardest has the tail probability t_k = (e_1 + ... + e_k)/mean, where e_i are exponential numbers
of mean 1 and ``mean`` is the expected number of photons; where t_k > 1 there is no k-th photon. A fixed number of slots
thus holds all photons but the softest of a rare burst, and the loop over particles vectorises. Where only their sum is
needed, :mod:`ssmb.maps.photon_totals` draws it at once.

The angle psi out of the plane of the orbit has the mean square <psi^2>(y) in units of 1/gamma^2, which falls from
0.523 y^(-2/3) to 1/(3 y); weighted with the squared energy and the spectrum it gives 13/55 <y^2>.

References
----------
M. Sands, SLAC-121 (1970), chapter 5: spectrum and its moments.
H. Burkhardt, CERN-OPEN-2007-018 (2007): tail probabilities of the spectrum.
T. O. Raubenheimer, SLAC-PUB-4937 (1991): mean square angle.
"""

from __future__ import annotations

import math

import numpy as np

from ssmb.kernels.jit import scalar
from ssmb.kernels.philox import random_words
from ssmb.kernels.primitives import bits_of, sincos_turns, sqrt, where, with_bits

#: Slots for single photons, and the largest mean number for which the photons left out carry at most 1e-4 of the
#: energy.
SLOTS = 7
MOST_IN_SLOTS = 2.9

#: Moments of the photon number spectrum, in critical energies.
MEAN_ENERGY = 8.0 / (15.0 * math.sqrt(3.0))
MEAN_SQUARE_ENERGY = 11.0 / 27.0
#: Mean square of energy times angle over the mean square of the energy [1/gamma^2].
MEAN_SQUARE_ANGLE = 13.0 / 55.0

_MANTISSA = np.uint64(52)
_BIAS = np.uint64(1024 << 52)
_HALF = np.uint64(16)
_HALF_WORD = np.uint64(0xFFFF)
_ROOT_HALF = np.uint64(0x3FE6A09E667F3BCD)  # bits of sqrt(1/2)
_TWO_52 = np.uint64(0x4330000000000000)  # bits of 2^52: with a small integer below them, 2^52 plus that integer


@scalar
def _parts(u):
    """Exponent and mantissa - 1 of a normal number > 0, mantissa in [1/sqrt 2, sqrt 2); no conversion of integers."""
    bits = bits_of(u)
    e = (bits - _ROOT_HALF + _BIAS) >> _MANTISSA
    m = with_bits(bits + _BIAS - (e << _MANTISSA))
    return with_bits(_TWO_52 | e) - (4503599627370496.0 + 1024.0), m - 1.0


@scalar
def quick_log(u):
    """Natural logarithm of a normal number > 0, relative error below 3e-8 also near u = 1; it vectorises.

    Polynomials here are summed in pairs (Estrin): the slots of a slice wait for each other less than by Horner's rule.
    """
    e, f = _parts(u)
    f2 = f * f
    f4 = f2 * f2
    low = (0.999999974189517 - 0.49999987965036874 * f) + f2 * (0.33334185628136515 - 0.25002073995920887 * f)
    high = (0.19956833416173056 - 0.1656239464556185 * f) + f2 * (0.14952269627940556 - 0.1436683334454538 * f)
    return e * 0.6931471805599453 + f * (low + f4 * (high + f4 * 0.08722335537872906))


@scalar
def _coarse_log(u):
    """The same, right to 4e-7."""
    e, f = _parts(u)
    f2 = f * f
    low = (1.00000097483102 - 0.500011128580274 * f) + f2 * (0.33314508782535956 - 0.24909745446338244 * f)
    high = (0.20496333048100362 - 0.18667843420760183 * f) + f2 * 0.11896076732788771
    return e * 0.6931471805599453 + f * (low + f2 * f2 * high)


@scalar
def _energy_root(depth):
    """Cube root of the energy of a photon [critical energies] with tail probability exp(-depth), 0 <= depth <= 32."""
    d2 = depth * depth
    d4 = d2 * d2
    p = (8.11961378e-01 + 1.30417594e00 * depth) + d2 * (5.03515637e-01 + 8.25848172e-02 * depth)
    p = p + d4 * (3.03139421e-03 + 7.21275063e-06 * depth)
    q = (1.0 + 2.10636883e00 * depth) + d2 * (1.31986745e00 + 3.43972565e-01 * depth)
    q = q + d4 * (3.45354144e-02 + 6.20093158e-04 * depth)
    return depth * p / q


@scalar
def photon_energy(depth):
    """Energy of a photon [critical energies] with tail probability exp(-depth), 0 <= depth <= 32."""
    s = _energy_root(depth)
    return s * s * s


@scalar
def squared_angle(s):
    """y^2 <psi^2> of photons of energy y = s^3 [1/gamma^2]; right to 5e-5 for 1e-7 < y < 30."""
    s2 = s * s
    p = (0.52340404 + 0.01445487 * s) + s2 * (0.09592145 + 0.06843259 * s)
    q = (1.0 + 0.026898 * s) + s2 * (0.78097718 + 0.10944807 * s) + (s2 * s2) * 0.22213605
    return (s2 * s2) * (p / q)


@scalar
def _root(product, log_mean):
    depth = log_mean - _coarse_log(-quick_log(product))
    return _energy_root(where(depth > 0.0, depth, 0.0))


@scalar
def uniform_32(word):
    """Uniform number of 32 bits in (0, 1); the word becomes the end of a mantissa, which vectorises everywhere."""
    return (with_bits(_TWO_52 | word) - 4503599627370495.5) * 2.3283064365386963e-10


@scalar
def _two_uniforms(word):
    """Two uniform numbers of 16 bits in (0, 1) from one word."""
    low = (with_bits(_TWO_52 | (word & _HALF_WORD)) - 4503599627370495.5) * 1.52587890625e-05
    high = (with_bits(_TWO_52 | (word >> _HALF)) - 4503599627370495.5) * 1.52587890625e-05
    return low, high


@scalar
def photons_in_slots(mean, key, draw):
    """Photons of a slice that emits ``mean`` of them on average, at most :data:`MOST_IN_SLOTS`.

    Returns their total energy [critical energies], the sum of y^2 <psi^2> [1/gamma^2] and the sum of y^2. The hardest
    sets how far the tail reaches and has 32 random bits; the steps to the softer ones have 16.
    """
    log_mean = quick_log(mean + 1e-300)
    a, b, c, d = random_words(key, draw)
    b1, b2 = _two_uniforms(b)
    c1, c2 = _two_uniforms(c)
    d1, d2 = _two_uniforms(d)
    total, angles, squares, product = 0.0, 0.0, 0.0, 1.0
    for u in (uniform_32(a), b1, b2, c1, c2, d1, d2):
        product = product * u
        s = _root(product, log_mean)
        y = s * s * s
        total = total + y
        angles = angles + squared_angle(s)
        squares = squares + y * y
    return total, angles, squares


@scalar
def normal(key, draw):
    """One standard normal number (Box-Muller, at most 6.8 standard deviations)."""
    a, b, _, _ = random_words(key, draw)
    _, cosine = sincos_turns(uniform_32(b))
    return sqrt(-2.0 * quick_log(uniform_32(a))) * cosine


@scalar
def four_normals(key, draw):
    """Four independent standard normal numbers (Box-Muller, at most 6.8 standard deviations)."""
    a, b, c, d = random_words(key, draw)
    s1, c1 = sincos_turns(uniform_32(b))
    s2, c2 = sincos_turns(uniform_32(d))
    r1 = sqrt(-2.0 * quick_log(uniform_32(a)))
    r2 = sqrt(-2.0 * quick_log(uniform_32(c)))
    return r1 * c1, r1 * s1, r2 * c2, r2 * s2
