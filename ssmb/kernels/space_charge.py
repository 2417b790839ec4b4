"""Shape of a beam across, in bins along it, and the kick of the field of a Gaussian charge of this shape.

Sums are formed over groups of :data:`ssmb.kernels.charges.GROUP` particles and added in their order. Lost particles
neither act nor feel.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ssmb.kernels.charges import GROUP
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import BLOCK, PX, PY, X, Y, Z
from ssmb.kernels.primitives import exp, floor, sincos, sqrt
from ssmb.kernels.threads import threaded

#: Numbers of a group behind its bins: weight outside, weight of all, sums of w x^2, w x y and w y^2.
MOMENTS = 5
#: Difference of the squared sizes over their sum, below which a beam is round: the fields differ by as much.
_ROUND = 1e-9
#: Step and nodes of the trapezoidal rules of the error function.
_TERMS = 11
_STEP = math.sqrt(math.pi / (_TERMS + 1))
_FAR = math.pi / _STEP
_EDGES = np.arange(1, _TERMS + 1) * _STEP
_MIDDLES = (np.arange(_TERMS + 1) + 0.5) * _STEP
_EDGES2, _MIDDLES2 = _EDGES**2, _MIDDLES**2
_AT_EDGES, _AT_MIDDLES = np.exp(-_EDGES2), np.exp(-_MIDDLES2)


@scalar
def error_function(x, y):
    """Real and imaginary part of w(z) = exp(-z^2) erfc(-i z), z = x + i y, x, y >= 0, to 3e-14 of its size.

    Midpoint or trapezoidal rule for (i z/pi) Int exp(-t^2)/(z^2 - t^2) dt, whichever has no node next to z, with the
    residue at t = z (M. Al Azah, S. N. Chandler-Wilde, SIAM J. Numer. Anal. 59, 2346 (2021), doi:10.1137/20M1373037).
    """
    a, b = (x - y) * (x + y), 2.0 * x * y
    share = x / _STEP - floor(x / _STEP)
    middles = y >= _FAR or share < 0.25 or share > 0.75
    re, im = 0.0, 0.0
    if middles:
        for k in range(_TERMS + 1):
            d = a - _MIDDLES2[k]
            w = _AT_MIDDLES[k] / (d * d + b * b)
            re += w * d
            im -= w * b
    else:
        d = 0.5 / (a * a + b * b)
        re, im = d * a, -d * b
        for k in range(_TERMS):
            d = a - _EDGES2[k]
            w = _AT_EDGES[k] / (d * d + b * b)
            re += w * d
            im -= w * b
    factor = 2.0 * _STEP / math.pi
    u, v = -factor * (x * im + y * re), factor * (x * re - y * im)
    if y < _FAR:  # else the residue is below 1e-32
        sine, cosine = sincos(b)
        turned, straight = sincos((2.0 * math.pi / _STEP) * x)
        size = exp((2.0 * math.pi / _STEP) * y)
        sign = 1.0 if middles else -1.0
        re, im = 1.0 + sign * size * straight, -sign * size * turned
        scale = 2.0 * exp(-a) / (re * re + im * im)
        u += scale * (cosine * re - sine * im)
        v -= scale * (sine * re + cosine * im)
    return u, v


@scalar
def round_field(u):
    """(1 - exp(-u))/u of u >= 0."""
    if u > 0.5:
        return (1.0 - exp(-u)) / u
    total = 1.0
    for n in range(16, 1, -1):
        total = 1.0 - total * u / n
    return total


@scalar
def gaussian_field(x, y, sigma_x, sigma_y):
    """Field over 1/(2 pi eps0) and the line charge [1/m] of a Gaussian charge of rms sizes > 0, x/(sigma_x (sigma_x +
    sigma_y)) near the axis.

    M. Bassetti, G. A. Erskine, CERN-ISR-TH/80-06 (1980); of a round one (1 - exp(-r^2/(2 sigma^2)))/r.
    """
    difference = (sigma_x - sigma_y) * (sigma_x + sigma_y)
    if abs(difference) <= _ROUND * (sigma_x * sigma_x + sigma_y * sigma_y):
        twice = 2.0 * sigma_x * sigma_y
        slope = round_field((x * x + y * y) / twice) / twice
        return slope * x, slope * y
    wide = difference > 0.0
    a, b = (abs(x), abs(y)) if wide else (abs(y), abs(x))
    large, small = (sigma_x, sigma_y) if wide else (sigma_y, sigma_x)
    inverse = 1.0 / sqrt(2.0 * abs(difference))
    across, along = error_function(a * inverse, b * inverse)
    left = exp(-0.5 * ((a / large) ** 2 + (b / small) ** 2))
    near, far = error_function(a * inverse * (small / large), b * inverse * (large / small))
    scale = math.sqrt(math.pi) * inverse
    of_a, of_b = scale * (along - left * far), scale * (across - left * near)
    ex, ey = (of_a, of_b) if wide else (of_b, of_a)
    return ex if x >= 0.0 else -ex, ey if y >= 0.0 else -ey


@scalar
def _between_nodes(z, first, inverse_width, nodes, around):
    """Nodes below and above a place and the share of the one above; -1 outside. Around: node 0 follows the last."""
    u = (z - first) * inverse_width
    if around:
        u -= nodes * floor(u / nodes)
        i = min(int(floor(u)), nodes - 1)
        return i, (i + 1) % nodes, u - i
    i = int(floor(u)) if 0.0 <= u < nodes - 1.0 else -1
    return i, i + 1, u - i


def _groups(particles):
    """Number of groups of bins, and about how long one takes [ns]."""
    return -(-particles // GROUP), 6.0 * GROUP


def _shape_sums(begin, end, coordinates, weight, state, first, inverse_width, around, out):
    """Fill ``out[group]`` with the weight, w x and w y at each node, shared linearly between them, and MOMENTS: the
    weight outside of the nodes and that of all particles, and the sums of w x^2, w x y, w y^2 inside.
    """
    nodes = (out.shape[1] - MOMENTS) // 3
    for group in range(begin, end):
        row = out[group]
        row[:] = 0.0
        outside, every, xx, xy, yy = 0.0, 0.0, 0.0, 0.0, 0.0
        for k in range(group * GROUP, min((group + 1) * GROUP, state.size)):
            w = weight[k]
            every += w
            if state[k] != 0:
                continue
            i, j, upper = _between_nodes(coordinates[Z, k], first, inverse_width, nodes, around)
            if i < 0:
                outside += w
                continue
            x, y = coordinates[X, k], coordinates[Y, k]
            above = w * upper
            below = w - above
            row[i] += below
            row[j] += above
            row[nodes + i] += below * x
            row[nodes + j] += above * x
            row[2 * nodes + i] += below * y
            row[2 * nodes + j] += above * y
            xx += w * x * x
            xy += w * x * y
            yy += w * y * y
        last = 3 * nodes
        row[last] = outside
        row[last + 1] = every
        row[last + 2] = xx
        row[last + 3] = xy
        row[last + 4] = yy


shape_sums: Any = threaded(_shape_sums, lambda coordinates, weight, state, *_: _groups(state.size))


def _defocus(begin, end, coordinates, state, first, inverse_width, around, density, frame, gaussian):
    """Add to px and py [p0] the field about the centre, times a density that is interpolated linearly between nodes.

    ``frame``: centre, rms sizes along the axes of the beam, cosine and sine of their angle; ``density``: (2, nodes),
    along either axis.
    """
    nodes = density.shape[1]
    centre_1, centre_2, sigma_1, sigma_2, cosine, sine = frame
    slope_1 = 1.0 / (sigma_1 * (sigma_1 + sigma_2))
    slope_2 = 1.0 / (sigma_2 * (sigma_1 + sigma_2))
    for k in range(begin * BLOCK, min(end * BLOCK, state.size)):
        if state[k] != 0:
            continue
        i, j, upper = _between_nodes(coordinates[Z, k], first, inverse_width, nodes, around)
        if i < 0:
            continue
        x, y = coordinates[X, k], coordinates[Y, k]
        a = cosine * x + sine * y - centre_1
        b = cosine * y - sine * x - centre_2
        if gaussian:
            a, b = gaussian_field(a, b, sigma_1, sigma_2)
        else:
            a, b = slope_1 * a, slope_2 * b
        a *= density[0, i] + upper * (density[0, j] - density[0, i])
        b *= density[1, i] + upper * (density[1, j] - density[1, i])
        if a != 0.0 or b != 0.0:  # without charge not a bit changes
            coordinates[PX, k] += cosine * a - sine * b
            coordinates[PY, k] += sine * a + cosine * b


def _blocks(particles, gaussian):
    """Number of groups, and about how long one takes [ns]."""
    return -(-particles // BLOCK), (400.0 if gaussian else 10.0) * BLOCK


defocus: Any = threaded(_defocus, lambda coordinates, state, *args: _blocks(state.size, args[-1]))
