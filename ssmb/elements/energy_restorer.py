"""Ideal replacement of the radiated energy."""

from __future__ import annotations

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.elements.base import ByField, ByMap, Element, element, param
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.kernels.primitives import sqrt
from ssmb.kernels.roles import Role
from ssmb.maps.flight import drift_exact
from ssmb.maps.op import Op


@kernel("radiation_restored", 2, changes_delta=True, invert=lambda p: (-p[0], p[1]), role=Role.RESTORER)
@scalar
def radiation_restored(x, px, y, py, z, delta, rpp, dbeta, p):
    """Add the energy p[0] in units of p0 c at a fixed time; p[1] = (m c/p0)^2."""
    q = 1.0 + delta
    energy = sqrt(q * q + p[1])
    gain = p[0]
    d = gain * (2.0 * energy + gain)
    q1 = sqrt(q * q + d)
    return x, px, y, py, z * ((q1 * energy) / (q * (energy + gain))), delta + d / (q + q1)


@element("SSMB_EnergyRestorer")
class EnergyRestorer(Element):
    """Gives every particle the same energy per pass, along the reference orbit, at any z: an ideal induction cell.

    It acts only where radiation is tracked; optics and tracking without radiation do not see it. px and py stay, so
    that it damps transverse motion as a cavity does.
    """

    energy_gain: float = param(
        0.0, unit="eV", key="SSMB_EnergyRestorerP.energy_gain", doc="energy given per pass, where radiation is tracked"
    )

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        return (Op(drift_exact, (self.length,)),) if self.length else ()

    def ops_with_radiation(self, ref: Reference, mode: str = "mean") -> tuple[Op, ...]:
        """Ops where radiation is tracked: the energy is given at the end of the element."""
        gain = (self.energy_gain / ref.p0c, (ref.mass / ref.p0c) ** 2)
        return (*self.ops(ref), Op(radiation_restored, gain)) if self.energy_gain else self.ops(ref)

    def restores(self) -> float:
        return self.energy_gain

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        def given(x, px, y, py, z, delta):
            energy = np.sqrt((ref.p0c * (1.0 + delta)) ** 2 + ref.mass**2)
            momentum = np.sqrt((energy + 2.3e5) ** 2 - ref.mass**2)
            slower = (energy / (ref.p0c * (1.0 + delta))) * (momentum / (energy + 2.3e5))  # beta after over beta before
            return x, px, y, py, z * slower, momentum / ref.p0c - 1.0

        made = cls(name="cell", energy_gain=2.3e5)
        return [ByMap(made, given, rtol=1e-10, radiation="mean"), ByMap(made, lambda *v: v)]

    @classmethod
    def examples(cls):
        return [cls(name="restorer", energy_gain=226.17), cls(name="cell", length=0.5, energy_gain=2.3e3)]
