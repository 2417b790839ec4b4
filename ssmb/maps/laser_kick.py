"""The kick of a laser on a wiggling electron: one symplectic map from a potential, for every laser model.

With tau = z/beta = -c (t - t_ref), the canonical partner of the energy (E - E0)/(P0 c), the potential is

    V(x, y, tau) = (1/k) Re[ G X(u) Y(v) exp(-b (u^2 + v^2) + i (kx u + ky v) + i k tau) ],   u = x - xc, v = y - yc,

X and Y polynomials, b the complex parameter of the Gaussian beam. The kicks are its exact gradients: the energy gains
``Im[...]`` (for G real: A sin(k tau)), the transverse ones are the Panofsky-Wenzel partners. The time of the particle
is kept, not z: z changes with the velocity.

Before the kick the coordinates may be carried along a short canonical displacement (ax, ay, az) and after it back. A
pair of kicks displaced both ways makes the coupling depend on angle and energy (see ``laser_coupling``).

References
----------
W. K. H. Panofsky, W. A. Wenzel, Rev. Sci. Instrum. 27, 967 (1956), doi:10.1063/1.1715427.
"""

from __future__ import annotations

import numpy as np

from ssmb.kernels.drives import Drive
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.kernels.primitives import exp, sincos_turns, sqrt, velocity_excess
from ssmb.kernels.roles import Role

#: Position of the first coefficients of X and Y in the packed numbers.
X_AT, Y_AT = 15, 23
N_LASER_KICK = 31


def _opposite(p: tuple[float, ...]) -> tuple[float, ...]:
    return (-p[0], -p[1], *p[2:])


def _driven(p: tuple[float, ...], drive: Drive) -> dict[int, np.ndarray]:
    """Field and, with another wavelength, 1/k and the phase per z: what makes of a detuned potential a potential.

    The profile and the coupling stay those of the packed wavelength; with N periods that is good to (N (stretch -
    1))^2.
    """
    angle = 2.0 * np.pi * drive.turns_of_phase(p[6])
    cosine, sine = drive.amplitude * np.cos(angle), drive.amplitude * np.sin(angle)
    out = {0: p[0] * cosine - p[1] * sine, 1: p[0] * sine + p[1] * cosine}
    if drive.stretch is not None:
        out |= {5: p[5] * drive.stretch, 6: p[6] / drive.stretch}
    return out


@scalar
def _profile(u, br, bi, kx, c):
    """A cubic of u, and its derivative under exp(-b u^2 + i kx u); both complex, as four reals."""
    fr = c[0] + u * (c[2] + u * (c[4] + u * c[6]))
    fi = c[1] + u * (c[3] + u * (c[5] + u * c[7]))
    gr = c[2] + u * (2.0 * c[4] + u * (3.0 * c[6]))
    gi = c[3] + u * (2.0 * c[5] + u * (3.0 * c[7]))
    er = -2.0 * br * u
    ei = kx - 2.0 * bi * u
    return fr, fi, gr + (er * fr - ei * fi), gi + (er * fi + ei * fr)


@scalar
def _displaced(x, px, y, py, z, delta, rpp, ax, ay, az):
    """The flow of ax px^2/(2(1+delta)) + ay py^2/(2(1+delta)) + az delta^2/2."""
    u = px * rpp
    v = py * rpp
    return x + ax * u, y + ay * v, z + (az * delta - 0.5 * (ax * u * u + ay * v * v))


@scalar
def energy_step(z, delta, dbeta, gain, beta0, inv_gamma2, beta2):
    """Add ``gain`` = dE/(P0 c) at fixed time; returns z and delta. Nothing is formed as a difference of momenta."""
    one = 1.0 + delta
    u = gain * (2.0 * one / (beta0 * (1.0 + dbeta)) + gain)
    out = delta + u / (one + sqrt(one * one + u))
    return z + z * (velocity_excess(out, inv_gamma2, beta2) - dbeta) / (1.0 + dbeta), out


@kernel("laser_kick", N_LASER_KICK, changes_delta=True, invert=_opposite, driven=_driven, role=Role.LIGHT)
@scalar
def laser_kick(x, px, y, py, z, delta, rpp, dbeta, p):
    """p = (G re, im, b re, im, b im/2pi, 1/k, turns of phase per z, beta0, xc, yc, kx, ky, ax, ay, az, X 8, Y 8).

    Complex numbers are pairs; all lengths in metres, kx and ky in 1/m, ``turns per z`` is 1/(lambda beta0).
    """
    x, y, z = _displaced(x, px, y, py, z, delta, rpp, p[12], p[13], p[14])
    u = x - p[8]
    v = y - p[9]
    r2 = u * u + v * v
    size = exp(-p[2] * r2)
    s, c = sincos_turns(z * p[6] / (1.0 + dbeta) + (0.15915494309189535 * (p[10] * u + p[11] * v) - p[4] * r2))
    xr, xi, dxr, dxi = _profile(u, p[2], p[3], p[10], p[15:23])
    yr, yi, dyr, dyi = _profile(v, p[2], p[3], p[11], p[23:31])
    wr = size * (p[0] * c - p[1] * s)
    wi = size * (p[0] * s + p[1] * c)
    gain = wr * (xr * yi + xi * yr) + wi * (xr * yr - xi * yi)
    px = px - p[5] * (wr * (dxr * yr - dxi * yi) - wi * (dxr * yi + dxi * yr))
    py = py - p[5] * (wr * (dyr * xr - dyi * xi) - wi * (dyr * xi + dyi * xr))
    z, delta = energy_step(z, delta, dbeta, gain, p[7], p[31], p[32])
    x, y, z = _displaced(x, px, y, py, z, delta, 1.0 / (1.0 + delta), -p[12], -p[13], -p[14])
    return x, px, y, py, z, delta
