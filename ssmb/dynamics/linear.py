"""Twiss functions from matrices: two uncoupled planes, or normal modes where planes are coupled.

Modes are eigenvectors E_k of the symplectic one-turn matrix with E_k^dagger S E_k = i, and the generalised beta
functions beta^k_ij = 2 Re(E_ki E_kj*), so that Sigma_ij = sum_k eps_k beta^k_ij. Without coupling beta^1_xx = beta_x,
beta^1_x,px = -alpha_x.

References
----------
A. W. Chao, J. Appl. Phys. 50, 595 (1979), doi:10.1063/1.326070.
F. Willeke, G. Ripken, AIP Conf. Proc. 184, 758 (1989), doi:10.1063/1.38050.
"""

from __future__ import annotations

import math

import numpy as np

from ssmb.errors import PhysicsError

#: Planes count as uncoupled where no entry of the matrix between them exceeds this part of the largest entry.
UNCOUPLED = 1e-8
#: Least advance of phase in one element [rad]; anything smaller is read as nearly a whole turn more.
_LEAST_ADVANCE = -0.1


def symplectic_form(size: int) -> np.ndarray:
    """S with S[2i, 2i+1] = 1 = -S[2i+1, 2i]."""
    return np.kron(np.eye(size // 2), np.array([[0.0, 1.0], [-1.0, 0.0]]))


def is_coupled(m4: np.ndarray) -> bool:
    """Return whether a (4, 4) matrix mixes x and y."""
    return bool(max(np.abs(m4[:2, 2:]).max(), np.abs(m4[2:, :2]).max()) > UNCOUPLED * np.abs(m4).max())


def periodic_plane(m: np.ndarray, plane: str) -> tuple[float, float, float]:
    """Return fractional tune, beta [m] and alpha of a (2, 2) one-turn matrix.

    Raises
    ------
    PhysicsError
        If the motion is not stable.
    """
    half_trace = 0.5 * (m[0, 0] + m[1, 1])
    square = -m[0, 1] * m[1, 0] - 0.25 * (m[0, 0] - m[1, 1]) ** 2  # sin^2 without the cancellation of 1 - cos^2
    if not (abs(half_trace) < 1.0 and square > 0.0):
        raise PhysicsError(
            f"the motion in {plane} is unstable: half the trace of the one-turn matrix is {half_trace:.9g}"
        )
    sine = math.copysign(math.sqrt(square), m[0, 1])
    return (
        math.atan2(sine, half_trace) / (2.0 * math.pi) % 1.0,
        m[0, 1] / sine,
        0.5 * (m[0, 0] - m[1, 1]) / sine,
    )


def carried_plane(m: np.ndarray, beta: float, alpha: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return beta [m], alpha and phase advance [2 pi] at the ends of (n, 2, 2) matrices from one start."""
    a = m[:, 0, 0] * beta - m[:, 0, 1] * alpha
    b = m[:, 1, 0] * beta - m[:, 1, 1] * alpha
    return (
        (a * a + m[:, 0, 1] ** 2) / beta,
        -(a * b + m[:, 0, 1] * m[:, 1, 1]) / beta,
        unwrapped(np.arctan2(m[:, 0, 1], a)),
    )


def unwrapped(phase: np.ndarray) -> np.ndarray:
    """Sum the steps of a phase [rad] from the first entry on, each taken as forward; in units of 2 pi."""
    steps = np.diff(phase, axis=0)
    turn = 2.0 * math.pi
    steps = np.mod(steps - _LEAST_ADVANCE, turn) + _LEAST_ADVANCE
    return np.concatenate((np.zeros_like(phase[:1]), np.cumsum(steps, axis=0))) / turn


def normal_modes(m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return tunes (k,) in [0, 1) and normalised eigenvectors (2k, k) of a symplectic one-turn matrix.

    Modes are ordered by the plane in which they are largest. A mode turns forward in its own plane: for z above
    transition this means a tune of 1 - Q_s.

    Raises
    ------
    PhysicsError
        If a mode is unstable.
    """
    size = len(m)
    form = symplectic_form(size)
    values, vectors = np.linalg.eig(m)
    signs = np.einsum("ij,ik,kj->j", vectors.conj(), form, vectors).imag
    scale = np.abs(vectors).max(axis=0) ** 2
    chosen = np.flatnonzero(signs > 1e-9 * scale)
    if len(chosen) != size // 2 or np.abs(np.abs(values[chosen]) - 1.0).max() > 1e-6:
        growth = float(np.abs(values).max())
        raise PhysicsError(
            f"the linear motion is unstable: the largest eigenvalue of the one-turn matrix is {growth:.9g}"
        )
    vectors = vectors[:, chosen] / np.sqrt(signs[chosen])
    weight = np.abs(vectors[0::2]) * np.abs(vectors[1::2])  # (plane, mode)
    order = _best_order(weight)
    vectors = vectors[:, order]
    first = np.array([vectors[2 * k, k] for k in range(size // 2)])
    vectors = vectors * np.where(np.abs(first) > 0, np.abs(first) / np.where(first == 0, 1.0, first), 1.0)
    return np.angle(values[chosen][order]) / (2.0 * math.pi) % 1.0, vectors


def _best_order(weight: np.ndarray) -> list[int]:
    """For each plane the mode that lives most in it, each mode once."""
    from itertools import permutations

    return list(max(permutations(range(len(weight))), key=lambda p: sum(weight[i, k] for i, k in enumerate(p))))


def generalised_beta(vectors: np.ndarray) -> np.ndarray:
    """Return beta^k_ij = 2 Re(E_ki E_kj*) of (..., 2k, k) eigenvectors, as (..., k, 2k, 2k)."""
    e = np.swapaxes(vectors, -1, -2)
    return 2.0 * np.real(e[..., :, None] * e[..., None, :].conj())


def dispersion_invariant(d: np.ndarray, dp: np.ndarray, beta: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """H = (D^2 + (alpha D + beta D')^2)/beta [m]."""
    return (d * d + (alpha * d + beta * dp) ** 2) / beta
