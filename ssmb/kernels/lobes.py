"""Sums over particles of the far field of each in an undulator: bunching in three dimensions, with lobe and detuning.

Every angle (or, backwards, every particle) is one sum in a fixed order, so that the result is the same to the bit for
any number of threads. Rows of ``beam``: x [m], x' [rad], y [m], y' [rad], z in wavelengths, delta; a particle has the
lobe ``sinc(spread |theta - x'|^2 - slope delta - offset)`` and the phase ``-2 pi (z/lambda + theta.x/lambda)``.
"""

from __future__ import annotations

import math

import numpy as np

from ssmb.kernels.jit import scalar
from ssmb.kernels.primitives import floor, nearest_whole, sincos_quarters, where
from ssmb.kernels.sums import TILE, pairwise
from ssmb.kernels.threads import threaded

#: about how long a particle and angle take [ns]
_NANOSECONDS = 6.0

#: pi in three parts (fdlibm's pi/2, doubled): whole numbers below 2^20 times the first two are exact
_PI1 = 3.14159265346825122833
_PI2 = 1.21542010126079319e-10
_PI3 = 4.04453249759190126188e-21


@scalar
def sinc(u):
    """sin(u)/u to 3e-16 of 1 for |u| < 3e6: half turns are taken off, so one polynomial serves all quadrants."""
    n = nearest_whole(u * (1.0 / math.pi))
    r = ((u - n * _PI1) - n * _PI2) - n * _PI3
    z = r * r
    s = 2.731367716675649e-15  # (sin(sqrt z)/sqrt z - 1)/z on [0, pi^2/4], Chebyshev nodes: 8e-19
    s = s * z - 7.643964114375596e-13
    s = s * z + 1.60589771187289e-10
    s = s * z - 2.5052107614006616e-08
    s = s * z + 2.7557319219139746e-06
    s = s * z - 1.9841269841254887e-04
    s = s * z + 8.333333333333316e-03
    s = s * z - 1.6666666666666666e-01
    odd = n - 2.0 * floor(0.5 * n)
    return (1.0 + z * s) * where(n == 0.0, 1.0, (1.0 - 2.0 * odd) * r / u)


@scalar
def _phase(t):
    """Sine and cosine of 2 pi t, |t| < 2^49."""
    quarters = nearest_whole(4.0 * t)
    return sincos_quarters(quarters, (t - 0.25 * quarters) * (2.0 * math.pi))


@scalar
def _seen(x, x1, y, y1, turns, delta, theta_x, theta_y, waves, spread, slope, offset):
    """Lobe, and sine and cosine of 2 pi (z + theta.x)/lambda, of one particle at one angle."""
    dx, dy = theta_x - x1, theta_y - y1
    s, c = _phase(turns + waves * (theta_x * x + theta_y * y))
    return sinc(spread * (dx * dx + dy * dy) - slope * delta - offset), s, c


@scalar
def _tile_of_particles(x, x1, y, y1, turns, delta, weight, tx, ty, waves, spread, slope, offset, cosine, sine, square):
    """Form w l cos, w l sin and (w l)^2 of up to TILE particles at one angle."""
    for i in range(weight.size):
        lobe, s, c = _seen(x[i], x1[i], y[i], y1[i], turns[i], delta[i], tx, ty, waves, spread, slope, offset)
        lobe = weight[i] * lobe
        cosine[i] = lobe * c
        sine[i] = -lobe * s
        square[i] = lobe * lobe


@scalar
def _tile_of_angles(x, x1, y, y1, turns, delta, tx, ty, solid, real, imag, waves, spread, slope, offset, terms):
    """Form solid l Re(conj(phase factor) field) of one particle at up to TILE angles."""
    for a in range(solid.size):
        lobe, s, c = _seen(x, x1, y, y1, turns, delta, tx[a], ty[a], waves, spread, slope, offset)
        terms[a] = solid[a] * lobe * (c * real[a] - s * imag[a])


def _lobe_sums(begin, end, beam, weight, theta_x, theta_y, waves, spread, slope, offset, out):
    """Fill ``out[angle]`` with the sums of w l cos, w l sin and (w l)^2; ``waves`` = 1/wavelength."""
    n = weight.size
    for a in range(begin, end):
        cosine, sine, square = np.zeros(TILE), np.zeros(TILE), np.zeros(TILE)
        out[a, :] = 0.0
        for first in range(0, n, TILE):
            last = min(first + TILE, n)
            if last - first < TILE:
                cosine[:], sine[:], square[:] = 0.0, 0.0, 0.0
            _tile_of_particles(
                beam[0, first:last], beam[1, first:last], beam[2, first:last], beam[3, first:last],
                beam[4, first:last], beam[5, first:last], weight[first:last], theta_x[a], theta_y[a],
                waves, spread, slope, offset, cosine, sine, square,
            )  # fmt: skip
            out[a, 0] += pairwise(cosine)
            out[a, 1] += pairwise(sine)
            out[a, 2] += pairwise(square)


def _angles(beam, weight, theta_x, *_):
    return theta_x.size, _NANOSECONDS * weight.size


lobe_sums = threaded(_lobe_sums, _angles)


def _lobe_exchange(begin, end, beam, theta_x, theta_y, solid, real, imag, waves, spread, slope, offset, out):
    """Fill ``out[particle]`` with the sum over angles of ``solid l Re(conj(phase factor) field)``."""
    n = theta_x.size
    for i in range(begin, end):
        terms = np.zeros(TILE)
        out[i] = 0.0
        for first in range(0, n, TILE):
            last = min(first + TILE, n)
            if last - first < TILE:
                terms[:] = 0.0
            _tile_of_angles(
                beam[0, i], beam[1, i], beam[2, i], beam[3, i], beam[4, i], beam[5, i], theta_x[first:last],
                theta_y[first:last], solid[first:last], real[first:last], imag[first:last],
                waves, spread, slope, offset, terms,
            )  # fmt: skip
            out[i] += pairwise(terms)


def _particles(beam, theta_x, *_):
    return beam.shape[1], _NANOSECONDS * theta_x.size


lobe_exchange = threaded(_lobe_exchange, _particles)
