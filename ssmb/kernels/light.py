"""The field that one electron radiates on a given orbit, as a Fourier integral over the nodes of the orbit.

The orbit is cut into sections. Against the phase of the middle of its section, the field of a section changes slowly
with the wavelength: it is summed at a few samples of 1/wavelength, one sine and cosine per node, and carried to all the
wanted ones by a matrix. All sums run in one fixed order, so the result has the same bits for any number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmb.kernels.jit import scalar
from ssmb.kernels.primitives import sincos_turns, where
from ssmb.kernels.threads import threaded

#: directions that one thread takes at a time
CHUNK = 16


@scalar
def light_path(s, x, y, tx, ty, root, q):
    """Path of the light from (x, y, s) to the observer, less that from the origin to the observer and plus s [m].

    (tx, ty) are the slopes of the direction origin-observer, root = sqrt(1 + tx^2 + ty^2), q = 1/distance or 0. Exact,
    and free of cancellation down to q = 0. The slopes of the direction seen from (x, y, s) and 1/(1 - q s) come with
    it.
    """
    t2 = tx * tx + ty * ty
    g = 1.0 / (1.0 - q * s)
    nx = (tx - q * x) * g
    ny = (ty - q * y) * g
    top = (2.0 * s - q * s * s) * t2 - 2.0 * (tx * x + ty * y) + q * (x * x + y * y)
    return g * top / (np.sqrt(1.0 + nx * nx + ny * ny) + root) - s * t2 / (1.0 + root), nx, ny, g


@scalar
def _far_nodes(nodes, tx, ty, path, fx, fy):
    """Fill the path of the light [m] and the integrand, (slope - direction) times weight, at all nodes; far field."""
    t2 = tx * tx + ty * ty
    root = np.sqrt(1.0 + t2)
    along, across = t2 / (root * (1.0 + root)), 1.0 / root
    for i in range(path.size):
        path[i] = nodes[7, i] + (nodes[0, i] * along - (tx * nodes[1, i] + ty * nodes[2, i]) * across)
    for i in range(path.size):
        fx[i] = nodes[8, i] * (nodes[3, i] - tx)
    for i in range(path.size):
        fy[i] = nodes[8, i] * (nodes[4, i] - ty)


@scalar
def _near_nodes(nodes, tx, ty, inv_gamma2, q, path, fx, fy):
    """The same at the distance 1/q with the integral by parts, which is zero where the orbit is straight."""
    root = np.sqrt(1.0 + tx * tx + ty * ty)
    for i in range(path.size):
        ahead, nx, ny, g = light_path(nodes[0, i], nodes[1, i], nodes[2, i], tx, ty, root, q)
        ux = nodes[3, i] - nx
        uy = nodes[4, i] - ny
        d = 0.5 * (inv_gamma2 + ux * ux + uy * uy)
        along = (ux * nodes[5, i] + uy * nodes[6, i]) / d
        size = nodes[8, i] * g / d
        path[i] = nodes[7, i] + ahead
        fx[i] = size * (nodes[5, i] - ux * along)
        fy[i] = size * (nodes[6, i] - uy * along)


@scalar
def _add_scaled(total, row, value):
    """Add a multiple of a row; a loop of its own, so that it becomes vectors."""
    for e in range(total.size):
        total[e] += row[e] * value


@scalar
def _carried_sums(path, middle, fx, fy, samples, carry, cosine, sine, sums):
    """Fill `sums` (Re, Im of x; Re, Im of y) of the field of a section at all wavelengths, against its middle."""
    sums[:] = 0.0
    for j in range(samples.size):
        for i in range(path.size):
            sine[i], cosine[i] = sincos_turns((path[i] - middle) * samples[j])
        x_re, x_im, y_re, y_im = 0.0, 0.0, 0.0, 0.0
        for i in range(path.size):
            x_re += fx[i] * cosine[i]
            x_im += fx[i] * sine[i]
            y_re += fy[i] * cosine[i]
            y_im += fy[i] * sine[i]
        _add_scaled(sums[0], carry[j], x_re)
        _add_scaled(sums[1], carry[j], x_im)
        _add_scaled(sums[2], carry[j], y_re)
        _add_scaled(sums[3], carry[j], y_im)


@scalar
def _phases(path, inverse, cosine, sine):
    """Fill cos and sin of 2 pi path/wavelength."""
    for e in range(inverse.size):
        sine[e], cosine[e] = sincos_turns(path * inverse[e])


@scalar
def _phases_of_copies(path, turn, repeats, inverse, cosine, sine):
    """Fill the sum of the phase factors of `repeats` paths, path, path + turn ..."""
    for e in range(inverse.size):
        # whole turns drop out of sin(pi N f)/sin(pi f) exp(i pi (N-1) f)
        f = turn * inverse[e]
        f -= np.floor(f + 0.5)
        near = abs(f) < 1e-9
        top, _ = sincos_turns(0.5 * repeats * f)
        below, _ = sincos_turns(0.5 * f)
        size = where(near, repeats, top / where(near, 1.0, below))
        s, c = sincos_turns(path * inverse[e] + 0.5 * (repeats - 1.0) * f)
        cosine[e] = size * c
        sine[e] = size * s


@scalar
def _add_product(sums, cosine, sine, total):
    """Add the fields times the phase factors cosine + i sine; loops over few arrays, so that they become vectors."""
    for c in range(0, 4, 2):
        re, im, total_re, total_im = sums[c], sums[c + 1], total[c], total[c + 1]
        for e in range(re.size):
            total_re[e] += re[e] * cosine[e] - im[e] * sine[e]
        for e in range(re.size):
            total_im[e] += re[e] * sine[e] + im[e] * cosine[e]


@scalar
def _add_straight_line(end, sign, tx, ty, root, inv_gamma2, inverse, cosine, sine, total):
    """Add the light of the straight line that begins (sign 1) or ends (-1) here: (i/k) u/D exp(i k path)."""
    ahead, nx, ny, _ = light_path(end[0], end[1], end[2], tx, ty, root, 0.0)
    ux = end[3] - nx
    uy = end[4] - ny
    size = sign / (np.pi * (inv_gamma2 + ux * ux + uy * uy))
    _phases(end[5] + ahead, inverse, cosine, sine)
    for c in range(2):
        strength = size * where(c == 0, ux, uy)
        re, im = total[2 * c], total[2 * c + 1]
        for e in range(inverse.size):
            re[e] -= strength / inverse[e] * sine[e]
        for e in range(inverse.size):
            im[e] += strength / inverse[e] * cosine[e]


def _electron_field(
    begin, end, nodes, bounds, copied, repeats, period, lag_period, ends, inv_gamma2, q, tx, ty, inverse, samples,
    carry, out,
):  # fmt: skip
    """Fill out[direction, wavelength] with Re, Im of both components of the field integral G [m].

    ``nodes`` holds the rows s, x, y, slopes, bends, lag and weight, cut into sections at `bounds`; those that are
    `copied` stand for `repeats` equal copies. ``carry[sample, wavelength]`` interpolates from `samples` to `inverse`,
    both 1/m. In the far field, q = 0, the light of the straight lines before and after the orbit (``ends``) comes on
    top.
    """
    n, m = nodes.shape[1], inverse.size
    for chunk in range(begin, end):
        path, fx, fy = np.empty(n), np.empty(n), np.empty(n)
        node_c, node_s, cosine, sine = np.empty(n), np.empty(n), np.empty(m), np.empty(m)
        sums, total = np.empty((4, m)), np.empty((4, m))
        for a in range(chunk * CHUNK, min((chunk + 1) * CHUNK, tx.size)):
            t2 = tx[a] * tx[a] + ty[a] * ty[a]
            root = np.sqrt(1.0 + t2)
            step = lag_period + period * t2 / (root * (1.0 + root))
            if q > 0.0:
                _near_nodes(nodes, tx[a], ty[a], inv_gamma2, q, path, fx, fy)
            else:
                _far_nodes(nodes, tx[a], ty[a], path, fx, fy)
            total[:] = 0.0
            for part in range(copied.size):
                i, j = bounds[part], bounds[part + 1]
                # the path grows all along the orbit
                middle = 0.5 * (path[i] + path[j - 1])
                _carried_sums(path[i:j], middle, fx[i:j], fy[i:j], samples, carry, node_c, node_s, sums)
                if copied[part]:
                    _phases_of_copies(middle, step, float(repeats), inverse, cosine, sine)
                else:
                    _phases(middle, inverse, cosine, sine)
                _add_product(sums, cosine, sine, total)
            if q == 0.0:
                _add_straight_line(ends[0], -1.0, tx[a], ty[a], root, inv_gamma2, inverse, cosine, sine, total)
                _add_straight_line(ends[1], 1.0, tx[a], ty[a], root, inv_gamma2, inverse, cosine, sine, total)
            for e in range(m):
                reach = 1.0 / (2.0 * np.pi * inverse[e])
                for c in range(0, 4, 2):
                    re, im = total[c, e], total[c + 1, e]
                    # by parts: i/k times the integral
                    out[a, e, c] = where(q > 0.0, -reach * im, re)
                    out[a, e, c + 1] = where(q > 0.0, reach * re, im)


def _chunks(nodes, bounds, copied, repeats, period, lag_period, ends, inv_gamma2, q, tx, ty, inverse, samples, *_):
    """Number of chunks of directions, and about how long one takes [ns]."""
    return -(-tx.size // CHUNK), 2.5 * CHUNK * nodes.shape[1] * samples.size


electron_field: Any = threaded(_electron_field, _chunks)
