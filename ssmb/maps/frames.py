"""Changes of the coordinate frame: roll, rigid displacement, and how a misaligned element is entered and left."""

from __future__ import annotations

import math

import numpy as np

from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.kernels.primitives import sqrt
from ssmb.maps.op import Op


def _unroll(p: tuple[float, ...]) -> tuple[float, ...]:
    return (p[0], -p[1])


@kernel("roll", 2, invert=_unroll)
@scalar
def roll(x, px, y, py, z, delta, rpp, dbeta, p):
    """Rotate the frame about the beam axis by the angle with cosine p[0] and sine p[1]."""
    c, s = p[0], p[1]
    return c * x + s * y, c * px + s * py, c * y - s * x, c * py - s * px, z, delta


def _inverse_frame(p: tuple[float, ...]) -> tuple[float, ...]:
    rotation, shift = np.array(p[:9]).reshape(3, 3), np.array(p[9:])
    return (*rotation.T.ravel().tolist(), *(-(rotation @ shift)).tolist())


@kernel("frame_change", 12, invert=_inverse_frame)
@scalar
def frame_change(x, px, y, py, z, delta, rpp, dbeta, p):
    """Enter a frame whose origin is at (p[9], p[10], p[11]) and whose axes are the rows of the matrix p[0:9].

    The particle flies on (forward or backward) to the plane z = 0 of the new frame; the reference time does not change.
    """
    pz = sqrt((1.0 + delta) * (1.0 + delta) - px * px - py * py)
    dx, dy, dz = x - p[9], y - p[10], -p[11]
    qx = p[0] * px + p[1] * py + p[2] * pz
    qy = p[3] * px + p[4] * py + p[5] * pz
    qz = p[6] * px + p[7] * py + p[8] * pz
    s = -(p[6] * dx + p[7] * dy + p[8] * dz) / qz
    nx = p[0] * dx + p[1] * dy + p[2] * dz + s * qx
    ny = p[3] * dx + p[4] * dy + p[5] * dz + s * qy
    return nx, qx, ny, qy, z - s * (1.0 + delta), delta


def roll_ops(angle: float) -> tuple[Op, Op]:
    """Ops that enter and leave a frame rolled by ``angle`` [rad] about the beam axis."""
    c, s = math.cos(angle), math.sin(angle)
    return Op(roll, (c, s)), Op(roll, (c, -s))


def rotation_matrix(x_rot: float, y_rot: float, z_rot: float) -> np.ndarray:
    """Rotation about z, then x, then y (PALS, Bmad: W = Ry Rx Rz), right-handed, columns are the new axes."""
    cx, sx, cy, sy, cz, sz = (f(a) for a in (x_rot, y_rot, z_rot) for f in (math.cos, math.sin))
    rx = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rz = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return ry @ rx @ rz


def arc(angle: float, length: float, tilt: float) -> tuple[np.ndarray, np.ndarray]:
    """Position and axes (columns) at the end of a reference arc, seen from its start."""
    if angle == 0.0:
        return np.array([0.0, 0.0, length]), np.eye(3)
    rho = length / angle
    half = 2.0 * math.sin(0.5 * angle) ** 2
    place = np.array([-rho * half, 0.0, rho * math.sin(angle)])
    c, s = math.cos(angle), math.sin(angle)
    axes = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    turn = rotation_matrix(0.0, 0.0, tilt)
    return turn @ place, turn @ axes @ turn.T


def frame_op(place: np.ndarray, axes: np.ndarray) -> Op:
    return Op(frame_change, (*axes.T.ravel().tolist(), *place.tolist()))
