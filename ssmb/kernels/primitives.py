"""Scalar functions that LLVM vectorises: sine, arc tangent, roots, series. Nothing here knows an element.

numba lost its vector math library, so ``math.sin`` would be one library call per particle; these polynomials run four
or eight particles at a time and are accurate to about one unit in the last place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic

from ssmb.kernels.jit import JIT_OFF, scalar

_TWO_OVER_PI = 2.0 / math.pi
# pi/2 in three parts (fdlibm): the first two have trailing zeros, so that n * part is exact for |n| < 2^20.
_P1 = 1.57079632673412561417e00
_P2 = 6.07710050630396597660e-11
_P3 = 2.02226624879595063154e-21
_ROUND = 6755399441055744.0  # 1.5 * 2^52: adding and subtracting it rounds to the nearest integer


def _read_as(given: Any, wanted: Any) -> Any:
    """Make a function of compiled code that reads the 64 bits of one type as another."""

    def read(typingctx, value):
        def codegen(context, builder, signature, args):
            return builder.bitcast(args[0], context.get_value_type(wanted))

        return wanted(given), codegen

    return intrinsic(read)


#: What only compiled code has words for, in plain Python: by the name of the primitive.
INTERPRETED: dict[str, Callable] = {
    "bits_of": lambda u: np.float64(u).view(np.uint64),
    "with_bits": lambda bits: np.uint64(bits).view(np.float64),
}

_bits_of = INTERPRETED["bits_of"] if JIT_OFF else _read_as(types.float64, types.uint64)
_with_bits = INTERPRETED["with_bits"] if JIT_OFF else _read_as(types.uint64, types.float64)


@scalar
def bits_of(u):
    """The 64 bits of a double, as uint64."""
    return _bits_of(u)


@scalar
def with_bits(bits):
    """The double that has the 64 bits of an uint64."""
    return _with_bits(bits)


@scalar
def power_of_two(n):
    """2**n for an integral float n in [-1022, 1023]."""
    return with_bits(np.uint64((np.int64(n) + 1023) << 52))


@scalar
def sqrt(u):
    """Square root of a number >= 0; NaN of one below."""
    return np.sqrt(u)


@scalar
def floor(u):
    """The largest whole number <= ``u``, as a float."""
    return np.floor(u)


@scalar
def where(condition, yes, no):
    """Branch-free choice: both sides are computed, one is kept."""
    return yes if condition else no


@scalar
def nearest_whole(u):
    """The whole number nearest to ``u``, as a float, for |u| < 2^51."""
    return (u + _ROUND) - _ROUND


@scalar
def _sincos_core(r):
    """Sine and cosine for |r| <= pi/4 (minimax polynomials of fdlibm)."""
    z = r * r
    s = 1.58969099521155010221e-10
    s = s * z - 2.50507602534068634195e-08
    s = s * z + 2.75573137070700676789e-06
    s = s * z - 1.98412698298579493134e-04
    s = s * z + 8.33333333332248946124e-03
    s = s * z - 1.66666666666666324348e-01
    c = -1.13596475577881948265e-11
    c = c * z + 2.08757232129817482790e-09
    c = c * z - 2.75573143513906633035e-07
    c = c * z + 2.48015872894767294178e-05
    c = c * z - 1.38888888888741095749e-03
    c = c * z + 4.16666666666666019037e-02
    return r + r * (z * s), 1.0 - (0.5 * z - z * z * c)


@scalar
def sincos_quarters(n, r):
    """Sine and cosine of ``n pi/2 + r`` for a whole number n (a float) and |r| <= pi/4."""
    s, c = _sincos_core(r)
    q = n - 4.0 * floor(n * 0.25)
    odd = (q == 1.0) | (q == 3.0)
    sine = where(odd, c, s)
    cosine = where(odd, s, c)
    return where(q >= 2.0, -sine, sine), where((q == 1.0) | (q == 2.0), -cosine, cosine)


@scalar
def sincos(u):
    """Sine and cosine of ``u`` [rad]; error below 1.5 units in the last place of 1 for |u| < 1e5, growing as |u|
    beyond.
    """
    n = nearest_whole(u * _TWO_OVER_PI)
    return sincos_quarters(n, ((u - n * _P1) - n * _P2) - n * _P3)


@scalar
def sincos_turns(t):
    """Sine and cosine of ``2 pi t``: the whole turns of ``t`` are taken off exactly first."""
    f = t - nearest_whole(t)
    return sincos(2.0 * math.pi * f)


@scalar
def _atan_rest(z):
    """atan(u)/u - 1 of z = u^2 <= 0.44 (Cephes rational form)."""
    p = -8.750608600031904122785e-01
    p = p * z - 1.615753718733365076637e01
    p = p * z - 7.500855792314704667340e01
    p = p * z - 1.228866684490136173410e02
    p = p * z - 6.485021904942025371773e01
    q = z + 2.485846490142306297962e01
    q = q * z + 1.650270098316988542046e02
    q = q * z + 4.328810604912902668951e02
    q = q * z + 4.853903996359136964868e02
    q = q * z + 1.945506571482613964425e02
    return z * p / q


@scalar
def atan(t):
    """Arc tangent (Cephes rational form), for all real ``t``."""
    a = abs(t)
    big = a > 2.414213562373095
    mid = a > 0.66
    num = where(big, -1.0, where(mid, a - 1.0, a))
    den = where(big, a, where(mid, a + 1.0, 1.0))
    u = num / den
    offset = where(big, 1.5707963267948966, where(mid, 0.7853981633974483, 0.0))
    rest = where(big, 6.123233995736766e-17, where(mid, 3.061616997868383e-17, 0.0))
    z = u * u
    y = offset + (u + (u * _atan_rest(z) + rest))
    return where(t < 0.0, -y, y)


@scalar
def velocity_excess(delta, inv_gamma2, beta2):
    """beta/beta0 - 1 of a particle, never as a difference of velocities (exact; keeps every 1/gamma^2)."""
    d = delta * (2.0 + delta)
    u = d * inv_gamma2 / (1.0 + beta2 * d)
    return u / (1.0 + sqrt(1.0 + u))


@scalar
def stumpff(u):
    """Return ``cos sqrt(u)`` and ``sin sqrt(u)/sqrt(u)`` and the same for ``-u`` (cosh, sinh), for |u| <= 0.6.

    Both are entire functions of ``u``: no root, no branch at u = 0, valid for either sign.
    """
    v = u * u
    ce = 1.0 / 40320.0 + v * (1.0 / 479001600.0 + v * (1.0 / 20922789888000.0))
    ce = 1.0 + v * (1.0 / 24.0 + v * ce)
    co = 1.0 / 720.0 + v * (1.0 / 3628800.0 + v * (1.0 / 87178291200.0 + v * (1.0 / 6402373705728000.0)))
    co = u * (0.5 + v * co)
    se = 1.0 / 362880.0 + v * (1.0 / 6227020800.0 + v * (1.0 / 355687428096000.0))
    se = 1.0 + v * (1.0 / 120.0 + v * se)
    so = 1.0 / 5040.0 + v * (1.0 / 39916800.0 + v * (1.0 / 1307674368000.0))
    so = u * (1.0 / 6.0 + v * so)
    return ce - co, se - so, ce + co, se + so


_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10


@scalar
def log(u):
    """Natural logarithm of a normal number > 0 (library call: used only where random numbers are drawn)."""
    return np.log(u)


@scalar
def exp(u):
    """Exponential for ``u <= 700``; below -700 it stays at exp(-700). Error about one unit in the last place."""
    v = where(u < -700.0, -700.0, u)
    n = nearest_whole(v * 1.44269504088896338700)
    r = (v - n * _LN2_HIGH) - n * _LN2_LOW
    e = 1.0 / 6227020800.0
    for c in (479001600.0, 39916800.0, 3628800.0, 362880.0, 40320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0):
        e = e * r + 1.0 / c
    return power_of_two(n) * (1.0 + (r + r * r * e))


@scalar
def stumpff_integrals(u):
    """Return (1 - cos sqrt(u))/u and (1 - sin sqrt(u)/sqrt(u))/u for |u| <= 1 (entire functions, either sign)."""
    c2 = -4.110317623312165e-19
    c2 = c2 * u + 1.5619206968586225e-16
    c2 = c2 * u + -4.779477332387385e-14
    c2 = c2 * u + 1.1470745597729725e-11
    c2 = c2 * u + -2.08767569878681e-09
    c2 = c2 * u + 2.755731922398589e-07
    c2 = c2 * u + -2.48015873015873e-05
    c2 = c2 * u + 0.001388888888888889
    c2 = c2 * u + -0.041666666666666664
    c2 = c2 * u + 0.5
    c3 = -1.9572941063391263e-20
    c3 = c3 * u + 8.22063524662433e-18
    c3 = c3 * u + -2.8114572543455206e-15
    c3 = c3 * u + 7.647163731819816e-13
    c3 = c3 * u + -1.6059043836821613e-10
    c3 = c3 * u + 2.505210838544172e-08
    c3 = c3 * u + -2.7557319223985893e-06
    c3 = c3 * u + 0.0001984126984126984
    c3 = c3 * u + -0.008333333333333333
    c3 = c3 * u + 0.16666666666666666
    return c2, c3


@scalar
def atan_over(t):
    """atan(t)/t, regular at t = 0."""
    wide = abs(t) > 0.6
    safe = where(wide, t, 1.0)
    z = where(wide, 0.0, t * t)
    return where(wide, atan(safe) / safe, 1.0 + _atan_rest(z))
