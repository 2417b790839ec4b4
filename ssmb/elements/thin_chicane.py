"""Lumped dispersive section."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ssmb.beam.reference import Reference
from ssmb.elements.base import ByField, ByMap, Element, element, param
from ssmb.errors import LatticeError
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.maps.op import Op

#: Number of powers above the third.
_HIGHER = 6


def _negated(p: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(-v for v in p)


@kernel("thin_chicane", 3, twice=True, invert=_negated)
@scalar
def thin_chicane(x, px, y, py, z, delta, rpp, dbeta, p):
    """``z`` gains r56 delta + t566 delta^2 + u5666 delta^3."""
    return x, px, y, py, z + delta * (p[0] + delta * (p[1] + delta * p[2])), delta


@kernel("thin_chicane_high", 9, twice=True, invert=_negated)
@scalar
def thin_chicane_high(x, px, y, py, z, delta, rpp, dbeta, p):
    """The same with the powers up to delta^9; p = (r56, t566, u5666, coefficients of delta^4 to delta^9)."""
    high = p[5] + delta * (p[6] + delta * (p[7] + delta * p[8]))
    rest = p[2] + delta * (p[3] + delta * (p[4] + delta * high))
    return x, px, y, py, z + delta * (p[0] + delta * (p[1] + delta * rest)), delta


@element("SSMB_ThinChicane")
class ThinChicane(Element):
    """Lumped dispersive section: ``z += r56 delta + t566 delta^2 + u5666 delta^3 + ...``, nothing transverse.

    Energy is the only cause, so that the map is symplectic for any coefficients. ``r56 > 0``: higher energy arrives
    earlier. A length, if given, only moves s: its own velocity term belongs in the coefficients.

    Raises
    ------
    LatticeError
        If ``higher`` has more than six numbers.
    """

    r56: float = param(0.0, unit="m", key="SSMB_ChicaneP.r56", doc="dz/d delta; > 0: higher energy arrives earlier")
    t566: float = param(0.0, unit="m", key="SSMB_ChicaneP.t566", doc="second-order coefficient of z")
    u5666: float = param(0.0, unit="m", key="SSMB_ChicaneP.u5666", doc="third-order coefficient of z")

    higher: tuple[float, ...] = param(
        (),
        unit="m",
        key="SSMB_ChicaneP.higher",
        type="vector",
        doc="coefficients of delta^4, delta^5 ... up to delta^9",
    )

    def check(self) -> None:
        if len(self.higher) > _HIGHER:
            raise LatticeError(
                f"{self.label()}: SSMB_ChicaneP.higher takes at most {_HIGHER} numbers (delta^4 to delta^9), got "
                f"{len(self.higher)}"
            )

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        return self.slice_ops(ref, 0.0, 1.0)

    def slice_ops(self, ref: Reference, fraction_from: float, fraction_to: float) -> tuple[Op, ...]:
        part = fraction_to - fraction_from
        low = (part * self.r56, part * self.t566, part * self.u5666)
        if not self.higher:
            return (Op(thin_chicane, low),)
        high = tuple(part * c for c in self.higher) + (0.0,) * (_HIGHER - len(self.higher))
        return (Op(thin_chicane_high, (*low, *high)),)

    def family(self) -> tuple[str, int]:
        return "map", 1

    def lumped_r56(self) -> float:
        return self.r56

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        made = cls(name="c", r56=-2e-4, t566=3e-3, u5666=-0.5)
        return [
            ByMap(made, lambda x, px, y, py, z, d: (x, px, y, py, z - 2e-4 * d + 3e-3 * d**2 - 0.5 * d**3, d)),
            ByMap(
                replace(made, higher=(2.0, -30.0, 40.0, 1e4, -1e5, 1e6)),
                lambda x, px, y, py, z, d: (
                    x, px, y, py,
                    z - 2e-4 * d + 3e-3 * d**2 - 0.5 * d**3 + 2.0 * d**4 - 30.0 * d**5 + 40.0 * d**6 + 1e4 * d**7
                    - 1e5 * d**8 + 1e6 * d**9, d,
                ),
            ),
        ]  # fmt: skip

    @classmethod
    def examples(cls) -> list[Any]:
        return [
            cls(name="c", r56=1e-4),
            cls(name="second", r56=-2e-4, t566=3e-3, u5666=-0.5, length=1.2),
            cls(name="huge", r56=100.0, t566=-1e3),
            cls(name="tiny", r56=1e-12),
            cls(name="high", r56=1e-4, u5666=0.3, higher=(2.0, -30.0, 0.0, 1e4, 0.0, 1e6)),
        ]
