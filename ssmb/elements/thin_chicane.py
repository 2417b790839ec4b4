"""Lumped dispersive section."""

from __future__ import annotations

from typing import Any

from ssmb.beam.reference import Reference
from ssmb.elements.base import Element, Op, element, param
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel


def _negated(p: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(-v for v in p)


@kernel("thin_chicane", 3, twice=True, invert=_negated)
@scalar
def thin_chicane(x, px, y, py, z, delta, rpp, dbeta, p):
    """``z`` gains r56 delta + t566 delta^2 + u5666 delta^3."""
    return x, px, y, py, z + delta * (p[0] + delta * (p[1] + delta * p[2])), delta


@element("SSMB_ThinChicane")
class ThinChicane(Element):
    """Lumped dispersive section: ``z += r56 delta + t566 delta^2 + u5666 delta^3``, nothing transverse.

    Energy is the only cause, so that the map is symplectic for any coefficients. ``r56 > 0``: higher energy arrives
    earlier. A length, if given, only moves s: its own velocity term belongs in the coefficients.
    """

    r56: float = param(0.0, unit="m", key="SSMB_ChicaneP.r56", doc="dz/d delta; > 0: higher energy arrives earlier")
    t566: float = param(0.0, unit="m", key="SSMB_ChicaneP.t566", doc="second-order coefficient of z")
    u5666: float = param(0.0, unit="m", key="SSMB_ChicaneP.u5666", doc="third-order coefficient of z")

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        return self.slice_ops(ref, 0.0, 1.0)

    def slice_ops(self, ref: Reference, fraction_from: float, fraction_to: float) -> tuple[Op, ...]:
        part = fraction_to - fraction_from
        return (Op(thin_chicane, (part * self.r56, part * self.t566, part * self.u5666)),)

    @classmethod
    def examples(cls) -> list[Any]:
        return [
            cls(name="c", r56=1e-4),
            cls(name="second", r56=-2e-4, t566=3e-3, u5666=-0.5, length=1.2),
            cls(name="huge", r56=100.0, t566=-1e3),
            cls(name="tiny", r56=1e-12),
        ]
