"""Patch: a shift and rotation of the reference frame itself."""

from __future__ import annotations

import math

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.elements.base import ByField, ByMap, Element, element, param
from ssmb.errors import LatticeError
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.maps.frames import frame_change, rotation_matrix
from ssmb.maps.op import Op


@kernel("time_shift", 1, invert=lambda p: (-p[0],))
@scalar
def time_shift(x, px, y, py, z, delta, rpp, dbeta, p):
    """The reference clock is set p[0]/(beta0 c) later: z grows by p[0] beta/beta0."""
    return x, px, y, py, z + p[0] * (1.0 + dbeta), delta


@element("Patch")
class Patch(Element):
    """Shift and rotation of the reference frame (applied in that order) and of the reference clock."""

    shift_x: float = param(0.0, unit="m", key="PatchP.x_offset", doc="origin of the new frame: x")
    shift_y: float = param(0.0, unit="m", key="PatchP.y_offset", doc="origin of the new frame: y")
    shift_z: float = param(0.0, unit="m", key="PatchP.z_offset", doc="origin of the new frame: z along the beam")
    turn_x: float = param(0.0, unit="rad", key="PatchP.x_rot", doc="rotation about x")
    turn_y: float = param(0.0, unit="rad", key="PatchP.y_rot", doc="rotation about y")
    turn_z: float = param(0.0, unit="rad", key="PatchP.z_rot", doc="rotation about the beam axis")
    t_offset: float = param(0.0, unit="s", key="PatchP.t_offset", doc="time added to the reference clock")

    def check(self) -> None:
        if self.length != 0.0:
            raise LatticeError(f"{self.label()}: a Patch has no length of its own; use z_offset")

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        out = []
        shift = (self.shift_x, self.shift_y, self.shift_z)
        if any(shift) or self.turn_x or self.turn_y or self.turn_z:
            axes = rotation_matrix(self.turn_x, self.turn_y, self.turn_z)
            out.append(Op(frame_change, (*axes.T.ravel().tolist(), *shift)))
        advance = ref.beta * SPEED_OF_LIGHT * self.t_offset + self.shift_z
        if advance:
            out.append(Op(time_shift, (advance,)))
        return tuple(out)

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        c, s = math.cos(0.3), math.sin(0.3)
        rolled = cls(name="roll", shift_x=1e-3, shift_y=-2e-3, turn_z=0.3, t_offset=1e-13)

        def roll(x, px, y, py, z, delta):
            x, y = x - 1e-3, y + 2e-3
            beta = ref.p0c * (1.0 + delta) / np.sqrt((ref.p0c * (1.0 + delta)) ** 2 + ref.mass**2)
            clock = beta * SPEED_OF_LIGHT * 1e-13
            return c * x + s * y, c * px + s * py, c * y - s * x, c * py - s * px, z + clock, delta

        def tilted(angle: float, ahead: float):
            """A plane turned about y, met by a straight flight; x' = tan and the way there are plane geometry."""
            co, si = math.cos(angle), math.sin(angle)

            def at(x, px, y, py, z, delta):
                ps = np.sqrt((1.0 + delta) ** 2 - px**2 - py**2)
                way = (ahead * co - x * si) / (
                    ps * co + px * si
                )  # in units of 1/p: the plane is (z - ahead) co + x si = 0
                x, y, s_there = x + way * px, y + way * py, way * ps - ahead
                beta = (1.0 + delta) / np.sqrt((1.0 + delta) ** 2 + (ref.mass / ref.p0c) ** 2)
                z = z - way * (1.0 + delta) + ahead * beta / ref.beta
                return x * co - s_there * si, px * co - ps * si, y, py, z, delta

            return at

        def about_x(x, px, y, py, z, delta):
            y, py, x, px, z, delta = tilted(0.01, 0.0)(y, py, x, px, z, delta)
            return x, px, y, py, z, delta

        return [
            ByMap(rolled, roll, rtol=1e-10),
            ByMap(cls(name="tilt", shift_z=0.1, turn_y=-0.02), tilted(-0.02, 0.1), rtol=1e-10),
            ByMap(cls(name="nod", turn_x=-0.01), about_x, rtol=1e-10),
        ]

    @classmethod
    def examples(cls):
        return [
            cls(name="shift", shift_x=1e-3, shift_y=-2e-3, shift_z=0.1),
            cls(name="turn", turn_x=0.01, turn_y=-0.02, turn_z=0.3, t_offset=1e-13),
        ]
