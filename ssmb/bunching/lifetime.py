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
from scipy import special

from ssmb.errors import PhysicsError
from ssmb.ranges import positive


def sands_lifetime(depth: float) -> float:
    """Return the quantum lifetime over the amplitude damping time in a parabolic well, e^xi/(2 xi) [1].

    Parameters
    ----------
    depth : xi = delta_half^2/(2 sigma_delta^2) [1]; the form holds for xi well above 1.

    Examples
    --------
    >>> round(sands_lifetime(10.0))
    1101
    """
    depth = positive("depth", depth)
    return math.exp(depth) / (2.0 * depth)


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
    depth = positive("depth", depth)
    if depth > 600.0:
        raise PhysicsError(f"depth = {depth:g}: the lifetime is beyond e^600 damping times; nothing leaves this bucket")
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


def _pendulum_action(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area enclosed by the pendulum orbit of the energy 0 ... 2 above the bottom."""
    m = 0.5 * energy
    return 16.0 * (special.ellipe(m) - (1.0 - m) * special.ellipk(m))
