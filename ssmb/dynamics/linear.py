"""Twiss functions from matrices: two uncoupled planes, or normal modes where planes are coupled.

Modes are eigenvectors E_k of the symplectic one-turn matrix with E_k^dagger S E_k = i, and the generalised beta
functions beta^k_ij = 2 Re(E_ki E_kj*), so that Sigma_ij = sum_k eps_k beta^k_ij. Without coupling beta^1_xx = beta_x,
beta^1_x,px = -alpha_x.

A mode is followed along the ring by carrying its vector. Its share of a plane is the area 2 Im(E_q* E_p) that it fills
there: the shares of a mode add up to 1, and that of mode 1 in x is that of mode 2 in y, because the vectors make a
symplectic matrix.

References
----------
A. W. Chao, J. Appl. Phys. 50, 595 (1979), doi:10.1063/1.326070.
F. Willeke, G. Ripken, AIP Conf. Proc. 184, 758 (1989), doi:10.1063/1.38050.
V. A. Lebedev, S. A. Bogacz, JINST 5, P10010 (2010), doi:10.1088/1748-0221/5/10/P10010 (shares of a mode in the planes).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ssmb.errors import PhysicsError

#: Planes count as uncoupled where no entry of the matrix between them exceeds this part of the largest entry.
UNCOUPLED = 1e-8
#: Least advance of phase in one element [rad]; anything smaller is read as nearly a whole turn more.
_LEAST_ADVANCE = -0.1
#: Share of its plane below which a mode has left it for the other one, which it gives back above 1/2.
_LEFT = 0.1


def symplectic_form(size: int) -> np.ndarray:
    """S with S[2i, 2i+1] = 1 = -S[2i+1, 2i]."""
    return np.kron(np.eye(size // 2), np.array([[0.0, 1.0], [-1.0, 0.0]]))


def is_coupled(m4: np.ndarray) -> bool:
    """Return whether any of (..., 4, 4) matrices mixes x and y."""
    across = np.maximum(np.abs(m4[..., :2, 2:]), np.abs(m4[..., 2:, :2])).max(axis=(-1, -2))
    return bool(np.any(across > UNCOUPLED * np.abs(m4).max(axis=(-1, -2))))


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


def transverse_modes(m4: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return tunes (2,) and vectors (4, 2) of a (4, 4) one-turn matrix: modes 1, 2, or the planes if it couples none.

    Raises
    ------
    PhysicsError
        If the motion is not stable.
    """
    if is_coupled(m4):
        return normal_modes(m4)
    tunes, vectors = np.empty(2), np.zeros((4, 2), dtype=complex)
    for k, plane in enumerate("xy"):
        block = slice(2 * k, 2 * k + 2)
        tunes[k], beta, alpha = periodic_plane(m4[block, block], plane)
        vectors[block, k] = np.array([beta, -alpha + 1j]) / math.sqrt(2.0 * beta)
    return tunes, vectors


@dataclass(frozen=True)
class FollowedModes:
    """Transverse modes along a ring, (n, 2): ``beta`` [m] and ``alpha`` in x, y of modes 1, 2, or of 2, 1 where these
    have changed planes, ``mu`` [2 pi] of modes 1, 2, and ``mode_beta`` (n, 2, 4, 4).
    """

    beta: np.ndarray
    alpha: np.ndarray
    mu: np.ndarray
    mode_beta: np.ndarray


def followed_modes(along: np.ndarray) -> FollowedModes:
    """Follow modes 1, 2 from their vectors (n, 4, 2) at places along a turn, the first and last of which are the same.

    A mode that has left its plane (a section turned by 90 degrees, a strong solenoid) but for a share of 0.1 is looked
    at in the other one, until it has half of its own again.
    Its phase goes on there, and changes by half a turn where the axis of the new plane points backwards.
    """
    share = 2.0 * np.imag(along[:, 0, 0].conj() * along[:, 1, 0])
    crossed = np.zeros(len(along), dtype=int)
    for i in range(1, len(along) - 1):
        crossed[i] = share[i] < (0.5 if crossed[i - 1] else _LEFT)
    place, mode_beta = np.arange(len(along)), generalised_beta(along)
    beta, alpha, mu = (np.empty((len(along), 2)) for _ in range(3))
    for k in (0, 1):
        plane = np.where(crossed, 1 - k, k)
        beta[:, k] = mode_beta[place, plane, 2 * k, 2 * k]
        alpha[:, k] = -mode_beta[place, plane, 2 * k, 2 * k + 1]
        phase = np.angle(along[place, 2 * plane, k])
        # a step between planes is known up to half a turn; two such halves take each other back
        over = np.concatenate(([0], np.cumsum(_turned_back(phase, crossed)))) % 2
        mu[:, k] = unwrapped(phase - math.pi * over) + 0.5 * over
    return FollowedModes(beta, alpha, mu, mode_beta)


def _turned_back(phase: np.ndarray, crossed: np.ndarray) -> np.ndarray:
    """Steps of a phase [rad] between planes of which half a turn is the other plane's direction, (n - 1,) 0 or 1."""
    steps = np.mod(np.diff(phase) - _LEAST_ADVANCE, 2.0 * math.pi)
    return (np.diff(crossed) != 0) & (steps >= math.pi)


def mode_tune_derivatives(m: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """First and second derivative (2, k) of the mode tunes of a symplectic matrix m (2k, 2k) from those of the matrix.

    By perturbation of the eigenvalues, so that a mode goes on into itself however near another one is: the matrix is
    smooth where tunes on a coupling resonance are not. Where two modes are nearer than the coupling that a change of
    1e-6 makes, they count as equal: the modes are then those into which the change splits them (degenerate perturbation
    theory; Sakurai, Modern Quantum Mechanics, section 5.2), and the second derivative leaves their splitting out.
    """
    size = len(m)
    tunes, vectors = normal_modes(m)
    right = np.concatenate((vectors, vectors.conj()), axis=1)
    values = np.exp(2j * math.pi * np.concatenate((tunes, -tunes)))
    left = np.linalg.inv(right)
    slope, bend = left @ first @ right, left @ second @ right
    out = np.empty((2, size // 2))
    for k, value in enumerate(values[: size // 2]):
        equal = np.abs(value - values) ** 2 <= 1e-12 * np.abs(slope[k] * slope[:, k])
        equal[k] = True
        splits, turned = np.linalg.eig(slope[np.ix_(equal, equal)])
        own = np.count_nonzero(equal[:k])
        overlap = np.abs(turned[own])
        mode = own if overlap[own] > 0.999 * overlap.max() else int(np.argmax(overlap))
        row, column = np.linalg.inv(turned)[mode], turned[:, mode]
        others = np.flatnonzero(~equal)
        mixed = (
            (row @ slope[np.ix_(equal, others)]) * (slope[np.ix_(others, equal)] @ column) / (value - values[others])
        )
        d1 = splits[mode] / value
        d2 = (row @ bend[np.ix_(equal, equal)] @ column + 2.0 * mixed.sum()) / value - d1 * d1
        out[:, k] = d1.imag, d2.imag
    return out / (2.0 * math.pi)


def generalised_beta(vectors: np.ndarray) -> np.ndarray:
    """Return beta^k_ij = 2 Re(E_ki E_kj*) of (..., 2k, k) eigenvectors, as (..., k, 2k, 2k)."""
    e = np.swapaxes(vectors, -1, -2)
    return 2.0 * np.real(e[..., :, None] * e[..., None, :].conj())


def dispersion_invariant(d: np.ndarray, dp: np.ndarray, beta: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """H = (D^2 + (alpha D + beta D')^2)/beta [m]."""
    return (d * d + (alpha * d + beta * dp) ** 2) / beta
