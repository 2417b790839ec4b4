"""Quantum lifetime: how long the photon noise takes to carry an electron out of its bucket.

References
----------
M. Sands, SLAC-121 (1970).
H. A. Kramers, Physica 7, 284 (1940), doi:10.1016/S0031-8914(40)90098-2 (escape by diffusion of the energy).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ssmb.buckets.shape import Bucket
from ssmb.errors import PhysicsError
from ssmb.ranges import positive

#: deepest bucket: the lifetime is the exponential of the depth
DEEPEST = 600.0
#: largest logarithm of the factor for a look once a turn; the border is moved by a small part of the bucket only
_MOST_GROWTH = 5.0


def sands_lifetime(depth: float) -> float:
    """Return the quantum lifetime over the amplitude damping time in a parabolic well, e^xi/(2 xi) [1].

    Parameters
    ----------
    depth : xi = delta_half^2/(2 sigma_delta^2) [1], at most 600; the form holds for xi well above 1.

    Examples
    --------
    >>> round(sands_lifetime(10.0))
    1101
    """
    depth = _checked(depth)
    return math.exp(depth) / (2.0 * depth)


def _checked(depth: float) -> float:
    if positive("depth", depth) > DEEPEST:
        raise PhysicsError(f"depth = {depth:g}: the lifetime is beyond e^{DEEPEST:g} damping times")
    return float(depth)


def pendulum_lifetime(depth: float) -> float:
    """Return the quantum lifetime over the amplitude damping time in a cosine bucket [1].

    First passage of the oscillation energy to the separatrix by diffusion (weak damping, many oscillations per
    damping time). With ``H = p^2/2 + 1 - cos q``, temperature ``theta = 2/xi``, action ``J(E)`` and period
    ``T = dJ/dE``::

        tau_q/tau_z = 1/(2 theta) int_0^2 dE e^(E/theta)/J(E) int_0^E T e^(-E'/theta) dE'

    tends to ``(pi/4) e^xi/(2 xi)`` for deep buckets. Leaving a micro-bucket is not the loss of the electron: it joins
    the coasting background.

    Parameters
    ----------
    depth : xi = delta_half^2/(2 sigma_delta^2) [1], at most 600.

    Examples
    --------
    >>> round(pendulum_lifetime(10.0))
    1067
    """
    depth = _checked(depth)
    nodes, weights = np.polynomial.legendre.leggauss(64)
    # E = 2 (1 - s^2)^2 is smooth at the bottom and gathers points at the separatrix, where T diverges
    s = 0.5 * (nodes + 1.0)
    total = 0.0
    for s_out, weight in zip(s, 0.5 * weights, strict=True):
        top = s_out * s_out
        energy = 2.0 * (1.0 - top) ** 2
        inner_energy = energy * s * s
        # by parts: int T e^(-E'/theta) = J e^(-E/theta) + int J e^(-E'/theta) dE'/theta, free of the divergence of T
        inner = (_pendulum_action(inner_energy) * np.exp(0.5 * depth * (energy - inner_energy)) * 2.0 * energy * s) @ (
            0.5 * weights
        )
        jacobian = 8.0 * (1.0 - top) * s_out
        total += weight * jacobian * (1.0 + 0.5 * depth * inner / float(_pendulum_action(np.array([energy]))[0]))
    return 0.25 * depth * total


def turn_by_turn_factor(depth: float, damping: float) -> float:
    """Return the factor on the lifetime in a cosine bucket if it is only seen once a turn who is outside [1].

    A random walk of steps s that is looked at after every step passes a border 0.5826 s behind where a continuous one
    does. Here s is the noise of one turn in the oscillation energy, ``2 sqrt(alpha) sigma_delta`` times the slip,
    averaged along the separatrix. Found by tracking at xi = 5: 1.147(13), 1.079(14), 1.011(13) for alpha = 4e-3, 1e-3,
    2.5e-4 and K_s = 0.02, against 1.139, 1.067, 1.033; the thin kick takes off about 0.7 K_s.

    Parameters
    ----------
    depth : xi = delta_half^2/(2 sigma_delta^2) [1], at most 600.
    damping : amplitude damping alpha per turn, well below the synchrotron tune [1].

    References
    ----------
    D. Siegmund, Adv. Appl. Probab. 11, 701 (1979) (border of a random walk).

    Examples
    --------
    >>> round(turn_by_turn_factor(5.0, 1e-3), 3)
    1.067
    """
    depth, damping = _checked(depth), positive("damping", damping)
    # mean of |p|^3 over the mean of p^2 on the separatrix is pi/4 of its half height
    shift = 0.5826 * 2.0 * math.sqrt(damping) * math.sqrt(2.0 * depth) * math.pi / 4.0
    growth = shift * _growth(depth)
    if growth > _MOST_GROWTH:
        raise PhysicsError(
            f"a damping of {damping:g} a turn carries an electron over a good part of a bucket of depth {depth:g} in "
            f"one "
            f"turn: the factor of e^{growth:.3g} does not hold; give a damping well below the synchrotron tune"
        )
    return math.exp(growth)


def _growth(depth: float) -> float:
    """d ln(lifetime)/d(E_s/theta): what a border a little farther out would bring."""
    nodes, weights = np.polynomial.legendre.leggauss(64)
    s = 0.5 * (nodes + 1.0)
    energy = 2.0 * s * s
    # e^(E_s/theta) times the integral of T e^(-E/theta) up to the separatrix, by parts
    inner = 16.0 + 0.5 * weights @ (
        4.0 * s * 0.5 * depth * np.exp(depth - 0.5 * depth * energy) * _pendulum_action(energy)
    )
    return float(inner / 32.0 / pendulum_lifetime(depth))


def bucket_lifetime(bucket: Bucket, sigma_delta: float) -> float:
    """Return the quantum lifetime over the amplitude damping time in a bucket of any shape [1].

    :func:`pendulum_lifetime` with higher slip and net loss. delta is damped towards 0, the noise added per turn is ``D
    =
    4 alpha sigma_delta^2``; averaged over an orbit of area J and ``G`` = integral of (dz/dn)^2 dn::

        tau_q/tau_z = int_0^level dE e^F/(2 sigma_delta^2 G) int_0^E T e^(-F) dE',   F = int J/(sigma_delta^2 G) dE

    Parameters
    ----------
    bucket : main bucket (``MicroBucket.main``); in alpha-buckets damping is not towards the fixed point.
    sigma_delta : rms momentum spread of the ring without the laser [1].

    Examples
    --------
    >>> from ssmb.buckets import MicroBucket
    >>> plain = MicroBucket(1064e-9, 1e-6, 100.0, 4.2e-5)
    >>> round(bucket_lifetime(plain.main, plain.half_height / 20**0.5))
    1067
    """
    spread = positive("sigma_delta", sigma_delta) ** 2
    nodes, weights = np.polynomial.legendre.leggauss(40)
    s, w = 0.5 * (nodes + 1.0), 0.5 * weights
    # E = level (1 - (1 - s)^2): gathered at the separatrix, where the period diverges
    levels = bucket.level * s * (2.0 - s)
    action, slip = np.array([bucket.orbit_integrals(float(level)) for level in levels]).T
    slope = 2.0 * bucket.level * (1.0 - s)  # dE/ds
    # integrals from 0 to each node: the polynomial through all nodes, integrated
    upto = _running(nodes)
    friction = upto @ (action / (spread * slip) * slope)
    if friction[-1] > DEEPEST:
        raise PhysicsError(f"depth = {friction[-1]:g}: the lifetime is beyond e^{DEEPEST:g} damping times")
    # by parts: int T e^(-F) dE = J e^(-F) + int J e^(-F) dF
    inner = action * np.exp(-friction) + upto @ (action**2 / (spread * slip) * np.exp(-friction) * slope)
    return float(w @ (np.exp(friction) * inner / (2.0 * spread * slip) * slope))


def _running(nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Matrix that takes values at Gauss nodes of [0, 1] to the integrals from 0 to each node."""
    n = nodes.size
    vander = np.polynomial.legendre.legvander(nodes, n)
    inverse = np.linalg.inv(vander[:, :n])
    # the integral of P_l is (P_(l+1) - P_(l-1))/(2l + 1)
    primitive = np.empty((n, n))
    primitive[:, 0] = nodes + 1.0
    for order in range(1, n):
        primitive[:, order] = (vander[:, order + 1] - vander[:, order - 1]) / (2 * order + 1)
    return 0.5 * primitive @ inverse


def _pendulum_action(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area enclosed by the pendulum orbit of the energy 0 ... 2 above the bottom."""
    from scipy import special  # slow to import

    m = 0.5 * energy
    return 16.0 * (special.ellipe(m) - (1.0 - m) * special.ellipk(m))
