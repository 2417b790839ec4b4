"""Waves across a beam by Hermite modes: the bunching of a beam in each mode, and the kick of a wave of such modes.

A mode is ``psi_m(x/sigma_x) psi_n(y/sigma_y)``, m + n <= order, ``psi_m = sqrt(a) He_m(u)/sqrt(m!) exp(-b u^2)`` with
u = a x/sigma and b = (a^2 - 1)/(4 a^2): orthonormal under a Gaussian density of rms sigma, and small far outside of it.
Sums are formed over groups of 256 particles, as in :mod:`ssmb.kernels.charges`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ssmb.kernels.charges import gained_energy
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import BLOCK, DELTA, PX, PY, X, Y, Z
from ssmb.kernels.primitives import exp, sincos_turns
from ssmb.kernels.threads import threaded

#: a and b: of all widths the one with which few modes follow the light of narrow and of wide beams.
SCALE, DECAY = math.sqrt(1.6), 0.09375
#: Numbers of a row of sums before the bunching in the modes: the weight of all; weight and moments of a sample.
MOMENTS = 12
#: Particles of a group that are looked at for its moments.
SAMPLE = 32


@scalar
def taken(row, lo, count, out):
    """Copy a part of a row; zeros behind it."""
    for k in range(count):
        out[k] = row[lo + k]
    for k in range(count, BLOCK):
        out[k] = 0.0


@scalar
def living(coordinates, state, lo, count, x, y, z):
    """Places of a group; those of what is lost, which can have any, are 0."""
    taken(coordinates[X], lo, count, x)
    taken(coordinates[Y], lo, count, y)
    taken(coordinates[Z], lo, count, z)
    for k in range(count):
        if state[lo + k] != 0:
            x[k] = y[k] = z[k] = 0.0


@scalar
def living_weight(weight, state, lo, count, alive):
    """Weight of a whole group; fills ``alive`` with that of each particle, 0 of what is lost."""
    taken(weight, lo, count, alive)
    total = 0.0
    for k in range(BLOCK):
        total += alive[k]
    for k in range(count):
        if state[lo + k] != 0:
            alive[k] = 0.0
    return total


@scalar
def polynomials(x, scale, rows):
    """Fill ``rows[m]`` with sqrt(a) He_m(u)/sqrt(m!), u = scale x."""
    first = math.sqrt(SCALE)
    for k in range(BLOCK):
        rows[0, k] = first
    if rows.shape[0] > 1:
        for k in range(BLOCK):
            rows[1, k] = (first * scale) * x[k]
    for m in range(2, rows.shape[0]):
        a, b = scale / math.sqrt(m), math.sqrt((m - 1.0) / m)
        for k in range(BLOCK):
            rows[m, k] = a * x[k] * rows[m - 1, k] - b * rows[m - 2, k]


@scalar
def _product(a, b, parts):
    """Sum of the products of two rows; 32 sums side by side become vectors."""
    for j in range(32):
        first = (a[j] * b[j] + a[j + 32] * b[j + 32]) + (a[j + 64] * b[j + 64] + a[j + 96] * b[j + 96])
        second = (a[j + 128] * b[j + 128] + a[j + 160] * b[j + 160]) + (
            a[j + 192] * b[j + 192] + a[j + 224] * b[j + 224]
        )
        parts[j] = first + second
    for half in (16, 8, 4):
        for j in range(half):
            parts[j] += parts[j + half]
    return (parts[0] + parts[2]) + (parts[1] + parts[3])


@scalar
def sampled_moments(coordinates, lo, count, alive, row):
    """Weight of the first particles alive, and w times x, x^2, y, y^2, px, px^2, py, py^2, delta, delta^2 of them."""
    last = min(SAMPLE, count)
    for j in range(1, MOMENTS):
        row[j] = 0.0
    for k in range(last):
        if alive[k] > 0.0:  # what is lost can have any coordinates
            row[1] += alive[k]
            for j in range(5):
                value = coordinates[X if j == 0 else Y if j == 1 else PX if j == 2 else PY if j == 3 else DELTA, lo + k]
                row[2 + 2 * j] += alive[k] * value
                row[3 + 2 * j] += alive[k] * value * value


def _mode_sums(begin, end, coordinates, weight, state, per_metre, scale_x, scale_y, order, out):
    """Fill ``out[block]`` with moments, and the sums of w psi cos and -w psi sin of 2 pi z per_metre for each mode."""
    number = order + 1
    across, along = np.empty((number, BLOCK)), np.empty((number, BLOCK))
    cosine, sine, real, imag = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    alive, x, y, z, parts = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.empty(32)
    for block in range(begin, end):
        row = out[block]
        lo = block * BLOCK
        count = min(BLOCK, state.size - lo)
        row[0] = living_weight(weight, state, lo, count, alive)
        living(coordinates, state, lo, count, x, y, z)
        sampled_moments(coordinates, lo, count, alive, row)
        polynomials(x, scale_x, across)
        polynomials(y, scale_y, along)
        for k in range(BLOCK):
            u, v = scale_x * x[k], scale_y * y[k]
            size = alive[k] * exp(-DECAY * (u * u + v * v))
            s, c = sincos_turns(z[k] * per_metre)
            sine[k], cosine[k] = -size * s, size * c
        at = MOMENTS
        for m in range(number):
            for k in range(BLOCK):
                real[k] = across[m, k] * cosine[k]
                imag[k] = across[m, k] * sine[k]
            for n in range(number - m):
                row[at] = _product(real, along[n], parts)
                row[at + 1] = _product(imag, along[n], parts)
                at += 2


def _pieces(coordinates, weight, state, per_metre, scale_x, scale_y, order, *_):
    return -(-state.size // BLOCK), (10.0 + 0.5 * (order + 1) * (order + 2)) * BLOCK


mode_sums: Any = threaded(_mode_sums, _pieces)


@scalar
def _sum_of_rows(rows, count, factors, at, out):
    """Sum of ``factors[at + n] rows[n]``, two rows a pass."""
    if count % 2:
        a = factors[at]
        for k in range(BLOCK):
            out[k] = a * rows[0, k]
    else:
        for k in range(BLOCK):
            out[k] = 0.0
    for n in range(count % 2, count, 2):
        a, b = factors[at + n], factors[at + n + 1]
        for k in range(BLOCK):
            out[k] += a * rows[n, k] + b * rows[n + 1, k]


@scalar
def _added(row, factor, gr, gi, re, im):
    """Add factor (gr, gi) times a row to (re, im)."""
    for k in range(BLOCK):
        w = factor * row[k]
        re[k] += w * gr[k]
        im[k] += w * gi[k]


@scalar
def _field(across, along, scale_x, real, imag, slope_real, slope_imag, gr, gi, field):
    """Fill ``field`` with f, f_x and f_y (real, imaginary) but for the Gaussian and its own slope.

    f is the sum of factors times polynomials, f_x that of their slopes ``He_m' = m He_(m-1)``; ``slope_...`` are the
    factors of f_y.
    """
    number = across.shape[0]
    field[:] = 0.0
    at = down = 0
    for m in range(number):
        _sum_of_rows(along, number - m, real, at, gr)
        _sum_of_rows(along, number - m, imag, at, gi)
        at += number - m
        _added(across[m], 1.0, gr, gi, field[0], field[1])
        if m > 0:
            _added(across[m - 1], scale_x * math.sqrt(m), gr, gi, field[2], field[3])
        if m < number - 1:
            _sum_of_rows(along, number - m - 1, slope_real, down, gr)
            _sum_of_rows(along, number - m - 1, slope_imag, down, gi)
            down += number - m - 1
            _added(across[m], 1.0, gr, gi, field[4], field[5])


@scalar
def _slope_factors(factors, order, scale_y, out):
    """Factors of the polynomials in the slope over y: He_n' = n He_(n-1)."""
    at = down = 0
    for m in range(order + 1):
        for n in range(order - m):
            out[down] = scale_y * math.sqrt(n + 1.0) * factors[at + n + 1]
            down += 1
        at += order + 1 - m


def _kick_by_modes(begin, end, coordinates, state, per_metre, per_slope, scale_x, scale_y, order, real, imag, mass2):
    """Give each particle the energy [p0 c] Re[f(x, y) exp(i k z)], f the sum of (real + i imag) times the modes, and
    the transverse momentum Im[grad f exp(i k z)] ``per_slope``, which with it is the gradient of one potential.
    """
    number = order + 1
    across, along = np.empty((number, BLOCK)), np.empty((number, BLOCK))
    slope_real, slope_imag = np.empty(real.size), np.empty(real.size)
    _slope_factors(real, order, scale_y, slope_real)
    _slope_factors(imag, order, scale_y, slope_imag)
    x, y, z, delta = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    gr, gi, field = np.empty(BLOCK), np.empty(BLOCK), np.empty((6, BLOCK))
    for block in range(begin, end):
        lo = block * BLOCK
        count = min(BLOCK, state.size - lo)
        living(coordinates, state, lo, count, x, y, z)
        taken(coordinates[DELTA], lo, count, delta)
        polynomials(x, scale_x, across)
        polynomials(y, scale_y, along)
        _field(across, along, scale_x, real, imag, slope_real, slope_imag, gr, gi, field)
        for k in range(BLOCK):
            u, v = scale_x * x[k], scale_y * y[k]
            size = exp(-DECAY * (u * u + v * v))
            s, c = sincos_turns(z[k] * per_metre)
            a, b = field[0, k], field[1, k]
            gain = size * (a * c - b * s)
            work = size * (a * s + b * c)
            p, q = 2.0 * DECAY * scale_x * u, 2.0 * DECAY * scale_y * v  # minus the slope of the Gaussian over it
            gr[k] = per_slope * (size * (field[2, k] * s + field[3, k] * c) - p * work)
            gi[k] = per_slope * (size * (field[4, k] * s + field[5, k] * c) - q * work)
            field[0, k] = gain
            z[k], delta[k] = gained_energy(z[k], delta[k], gain, mass2)
        for k in range(count):
            i = lo + k
            if state[i] == 0 and field[0, k] != 0.0:  # without charge not a bit changes
                coordinates[PX, i] += gr[k]
                coordinates[PY, i] += gi[k]
                coordinates[Z, i], coordinates[DELTA, i] = z[k], delta[k]


kick_by_modes: Any = threaded(
    _kick_by_modes,
    lambda coordinates, state, per_metre, per_slope, scale_x, scale_y, order, *_: _pieces(
        coordinates, None, state, per_metre, scale_x, scale_y, order
    ),
)
