"""Patch: a shift and rotation of the reference frame itself."""

from __future__ import annotations

from ssmb.beam.reference import Reference
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.elements.base import Element, Op, element, param
from ssmb.elements.transformations import frame_change, rotation_matrix
from ssmb.errors import LatticeError
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel


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
    def examples(cls):
        return [
            cls(name="shift", shift_x=1e-3, shift_y=-2e-3, shift_z=0.1),
            cls(name="turn", turn_x=0.01, turn_y=-0.02, turn_z=0.3, t_offset=1e-13),
        ]
