"""A laboratory for brute-force tests: particles fly through fields in Cartesian space, without any beam dynamics.

Positions [m], momenta over P0, fields over the reference rigidity [1/m] for a positive charge. Everything here is
independent of the maps under test: rigid bodies, planes and an adaptive integrator of order 8.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.integrate import solve_ivp
from scipy.spatial.transform import Rotation

from ssmb.beam.reference import Reference

Field = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Frame:
    """A place with axes (columns: x, y, s)."""

    origin: np.ndarray
    axes: np.ndarray

    @classmethod
    def start(cls) -> Frame:
        return cls(np.zeros(3), np.eye(3))

    def moved(self, shift, rotation: np.ndarray | None = None) -> Frame:
        """A frame at ``shift`` in this one, turned by ``rotation`` (columns: its axes in this frame)."""
        turn = np.eye(3) if rotation is None else rotation
        return Frame(self.origin + self.axes @ np.asarray(shift, dtype=float), self.axes @ turn)

    def along_arc(self, length: float, angle: float, tilt: float = 0.0) -> Frame:
        """The frame at the end of a reference arc that bends towards -x (rolled by ``tilt``)."""
        rho = length / angle
        roll = Rotation.from_rotvec([0.0, 0.0, tilt]).as_matrix()
        shift = roll @ np.array([rho * (math.cos(angle) - 1.0), 0.0, rho * math.sin(angle)])
        return self.moved(shift, roll @ turned_about_y(-angle) @ roll.T)


def turned_about_y(angle: float) -> np.ndarray:
    """Right-handed rotation about y: the s axis goes to (sin, 0, cos)."""
    return Rotation.from_rotvec([0.0, angle, 0.0]).as_matrix()


def body_rotation(x_rot: float, y_rot: float, z_rot: float) -> np.ndarray:
    """Rotation about z, then about x, then about y (axes at rest), as PALS and Bmad define it."""
    about = Rotation.from_rotvec
    return (about([0, y_rot, 0]) * about([x_rot, 0, 0]) * about([0, 0, z_rot])).as_matrix()


@dataclass
class Particle:
    """One particle in space: position, momentum, and the path that it has gone [m]."""

    r: np.ndarray
    p: np.ndarray
    path: float = 0.0

    @classmethod
    def at(cls, frame: Frame, c: np.ndarray) -> Particle:
        x, px, y, py, _, delta = c
        ps = math.sqrt((1.0 + delta) ** 2 - px * px - py * py)
        return cls(frame.origin + frame.axes @ np.array([x, y, 0.0]), frame.axes @ np.array([px, py, ps]))

    def fly_to(self, plane: Frame, field: Field | None = None) -> Particle:
        """Go on (or back) to the plane s = 0 of ``plane`` in this field, by repeated integration to what is left."""
        normal, q = plane.axes[:, 2], float(np.linalg.norm(self.p))
        r, p, path = self.r, self.p, self.path
        for _ in range(30):
            step = float(normal @ (plane.origin - r)) / float(normal @ p) * q
            if abs(step) < 1e-17:
                break
            if field is None:
                r = r + step * p / q
            else:
                state = solve_ivp(
                    lambda _, u: np.concatenate((u[3:] / q, np.cross(u[3:] / q, field(u[:3])))),
                    (0.0, step), np.concatenate((r, p)), method="DOP853", rtol=3e-14, atol=1e-17,
                ).y[:, -1]  # fmt: skip
                r, p = state[:3], state[3:]
            path += step
        return Particle(r, p, path)

    def seen_from(self, frame: Frame, c0: np.ndarray, reference: Reference, reference_length: float) -> np.ndarray:
        """Beam coordinates in ``frame``: z = z0 + reference path * beta/beta0 - path."""
        u, p = frame.axes.T @ (self.r - frame.origin), frame.axes.T @ self.p
        delta = float(c0[5])
        d = delta * (2.0 + delta) * reference.inv_gamma2
        excess = math.expm1(0.5 * math.log1p(d / (1.0 + reference.beta**2 * delta * (2.0 + delta))))
        z = c0[4] + (reference_length - self.path) + reference_length * excess
        return np.array([u[0], p[0], u[1], p[1], z, delta])


def straight_field(normal: tuple[float, ...], skew: tuple[float, ...] = ()) -> Field:
    """Multipoles Kn, Ks (from dipole on) of a straight magnet along the s axis of the start frame."""

    def field(r: np.ndarray) -> np.ndarray:
        w, total = complex(r[0], r[1]), 0j
        for n in range(max(len(normal), len(skew))):
            k = complex(normal[n] if n < len(normal) else 0.0, skew[n] if n < len(skew) else 0.0)
            total += k * w**n / math.factorial(n)
        return np.array([total.imag, total.real, 0.0])

    return field


def in_frame(frame: Frame, field: Field) -> Field:
    """The field of a body that stands at ``frame``."""
    return lambda r: frame.axes @ field(frame.axes.T @ (r - frame.origin))
