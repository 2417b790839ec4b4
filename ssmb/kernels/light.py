"""The field that one electron radiates on a given orbit, as a Fourier integral over the nodes of the orbit.

Everything that depends on the direction is formed once for each direction; what is left for each wavelength is one sine
and cosine per node, or one rotation where the wavelengths are evenly spaced in 1/wavelength. The sums run over lanes of
fixed number, which are combined pairwise at the end: the compiler turns them into vectors without leave to reorder, and
the result has the same bits for any number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmb.kernels.jit import cached, numba, scalar
from ssmb.kernels.primitives import sincos_turns

#: nodes that are summed side by side; each part of an orbit is padded to a multiple with nodes of weight zero
LANES = 16
#: evenly spaced wavelengths after which the phases are computed anew: rounding grows by 2e-16 with each turn
RENEWAL = 16


@scalar
def light_path(s, x, y, tx, ty, root, q):
    """Path of the light from (x, y, s) to the observer, less that from the origin to the observer and plus s [m].

    (tx, ty) are the slopes of the direction origin-observer, root = sqrt(1 + tx^2 + ty^2), q = 1/distance or 0. Exact, and
    free of cancellation down to q = 0. The slopes of the direction seen from (x, y, s) and 1/(1 - q s) come with it.
    """
    t2 = tx * tx + ty * ty
    g = 1.0 / (1.0 - q * s)
    nx = (tx - q * x) * g
    ny = (ty - q * y) * g
    top = (2.0 * s - q * s * s) * t2 - 2.0 * (tx * x + ty * y) + q * (x * x + y * y)
    return g * top / (np.sqrt(1.0 + nx * nx + ny * ny) + root) - s * t2 / (1.0 + root), nx, ny, g


@scalar
def lane_sum(values):
    """Sum of LANES numbers, pairwise; overwrites them."""
    half = LANES // 2
    while half > 0:
        for i in range(half):
            values[i] += values[i + half]
        half //= 2
    return values[0]


def _electron_field(
    nodes, bounds, repeats, period, lag_period, ends, inv_gamma2, q, from_bends, tx, ty, inverse, even, out
):
    """Fill out[direction, wavelength] with Re, Im of both components of the field integral G [m].

    ``nodes`` holds the rows s, x, y, slopes, bends, lag and weight; part 1 of the three parts between ``bounds`` stands
    for `repeats` equal copies. The integrand is ``(slope - direction)``, with the light of the straight lines before and
    after the orbit (``ends``), or with `from_bends` its integral by parts, which is zero where the orbit is straight. With
    `even` the wavelengths are evenly spaced in 1/wavelength: the phases of the nodes are then turned on, not computed.
    """
    n = nodes.shape[1]
    for a in numba.prange(tx.size):
        path = np.empty(n)
        fx = np.empty(n)
        fy = np.empty(n)
        root = np.sqrt(1.0 + tx[a] * tx[a] + ty[a] * ty[a])
        for i in range(n):
            ahead, nx, ny, g = light_path(nodes[0, i], nodes[1, i], nodes[2, i], tx[a], ty[a], root, q)
            ux = nodes[3, i] - nx
            uy = nodes[4, i] - ny
            path[i] = nodes[7, i] + ahead
            if from_bends:
                d = 0.5 * (inv_gamma2 + ux * ux + uy * uy)
                along = (ux * nodes[5, i] + uy * nodes[6, i]) / d
                g = g / d
                ux = nodes[5, i] - ux * along
                uy = nodes[6, i] - uy * along
            fx[i] = nodes[8, i] * g * ux
            fy[i] = nodes[8, i] * g * uy
        t2 = tx[a] * tx[a] + ty[a] * ty[a]
        step = lag_period + period * t2 / (root * (1.0 + root))
        cosine = np.empty(n)
        sine = np.empty(n)
        step_c = np.empty(n)
        step_s = np.empty(n)
        if even:
            for i in range(n):
                step_s[i], step_c[i] = sincos_turns(path[i] * (inverse[1] - inverse[0]))
        xr = np.empty(LANES)
        xi = np.empty(LANES)
        yr = np.empty(LANES)
        yi = np.empty(LANES)
        # straight lines to infinity: (i/k) u/D exp(i k path) at the end of the orbit, with opposite sign at its start
        edge = np.empty((2, 3))
        for j in range(2):
            ahead, nx, ny, _ = light_path(ends[j, 0], ends[j, 1], ends[j, 2], tx[a], ty[a], root, 0.0)
            ux = ends[j, 3] - nx
            uy = ends[j, 4] - ny
            factor = (2.0 * j - 1.0) * 2.0 / (inv_gamma2 + ux * ux + uy * uy)
            edge[j, 0] = ends[j, 5] + ahead
            edge[j, 1] = factor * ux
            edge[j, 2] = factor * uy
        for e in range(inverse.size):
            per_metre = inverse[e]
            gxr = 0.0
            gxi = 0.0
            gyr = 0.0
            gyi = 0.0
            for part in range(3):
                if bounds[part + 1] == bounds[part]:
                    continue
                for l in range(LANES):
                    xr[l] = 0.0
                    xi[l] = 0.0
                    yr[l] = 0.0
                    yi[l] = 0.0
                for start in range(bounds[part], bounds[part + 1], LANES):
                    if even and e % RENEWAL != 0:
                        for l in range(LANES):
                            turned = cosine[start + l] * step_c[start + l] - sine[start + l] * step_s[start + l]
                            sine[start + l] = (
                                sine[start + l] * step_c[start + l] + cosine[start + l] * step_s[start + l]
                            )
                            cosine[start + l] = turned
                    else:
                        for l in range(LANES):
                            sine[start + l], cosine[start + l] = sincos_turns(path[start + l] * per_metre)
                    for l in range(LANES):
                        xr[l] += fx[start + l] * cosine[start + l]
                        xi[l] += fx[start + l] * sine[start + l]
                    for l in range(LANES):
                        yr[l] += fy[start + l] * cosine[start + l]
                        yi[l] += fy[start + l] * sine[start + l]
                pxr, pxi, pyr, pyi = lane_sum(xr), lane_sum(xi), lane_sum(yr), lane_sum(yi)
                if part == 1:
                    # copies differ by a phase; whole turns of it drop out of sin(pi N f)/sin(pi f) exp(i pi (N-1) f)
                    turns = step * per_metre
                    f = turns - np.floor(turns + 0.5)
                    size = repeats * 1.0
                    if abs(f) > 1e-9:
                        size = np.sin(np.pi * repeats * f) / np.sin(np.pi * f)
                    si, co = sincos_turns(0.5 * (repeats - 1.0) * f)
                    co *= size
                    si *= size
                    pxr, pxi = pxr * co - pxi * si, pxr * si + pxi * co
                    pyr, pyi = pyr * co - pyi * si, pyr * si + pyi * co
                gxr += pxr
                gxi += pxi
                gyr += pyr
                gyi += pyi
            reach = 1.0 / (2.0 * np.pi * per_metre)
            if from_bends:
                gxr, gxi = -reach * gxi, reach * gxr
                gyr, gyi = -reach * gyi, reach * gyr
            else:
                for j in range(2):
                    si, co = sincos_turns(edge[j, 0] * per_metre)
                    gxr -= reach * edge[j, 1] * si
                    gxi += reach * edge[j, 1] * co
                    gyr -= reach * edge[j, 2] * si
                    gyi += reach * edge[j, 2] * co
            out[a, e, 0] = gxr
            out[a, e, 1] = gxi
            out[a, e, 2] = gyr
            out[a, e, 3] = gyi


electron_field: Any = cached(_electron_field, parallel=True)
