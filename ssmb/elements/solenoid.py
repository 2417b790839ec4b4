"""Solenoid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ssmb.beam.reference import Reference
from ssmb.elements.base import ByField, ByMap, Element, element, param
from ssmb.elements.straight_magnet import check_steps
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.kernels.primitives import sqrt, stumpff, stumpff_integrals
from ssmb.maps.flight import drift_exact
from ssmb.maps.op import Op

#: Ksol times the length of a step stays below this, so that the series hold to rounding.
_TURN_LIMIT = 0.5


@kernel("solenoid_exact", 2, invert=lambda p: (-p[0], p[1]))
@scalar
def solenoid_exact(x, px, y, py, z, delta, rpp, dbeta, p):
    """Exact helix in a uniform longitudinal field: p = (length, Ksol = B_s/(B rho)); coordinates are canonical."""
    l, k = p[0], p[1]
    half = 0.5 * k
    u, v = (px + half * y) * rpp, (py - half * x) * rpp  # kinetic momenta
    w = u * u + v * v
    s = sqrt(1.0 - w)
    lz = l * rpp / s  # length over pz
    turn = k * lz
    _, sc, _, _ = stumpff(turn * turn)
    cc, _ = stumpff_integrals(turn * turn)
    a, b = lz * sc, lz * turn * cc
    # canonical momenta go straight to canonical ones, because |k x| may be large against |px|
    sine, square = half * a, half * b
    x1 = x + (a * px + b * py + (sine * y - square * x))
    y1 = y + (a * py - b * px - (sine * x + square * y))
    px1 = px + ((sine * py - square * px) - half * (sine * x + square * y))
    py1 = py - ((sine * px + square * py) + half * (sine * y - square * x))
    return x1, px1, y1, py1, z + (l * dbeta - l * (w / (s * (1.0 + s)))), delta


@element("Solenoid")
class Solenoid(Element):
    """Solenoid with hard ends; Ksol = B_s/(B rho) [1/m] > 0 along the beam for a positive charge."""

    Ksol: float = param(0.0, unit="1/m", key="SolenoidP.Ksol", doc="longitudinal field over the reference rigidity")

    def check(self) -> None:
        check_steps(self, self.length, self.Ksol**2, _TURN_LIMIT**2)

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        return self.slice_ops(ref, 0.0, 1.0)

    def slice_ops(self, ref: Reference, fraction_from: float, fraction_to: float) -> tuple[Op, ...]:
        length = (fraction_to - fraction_from) * self.length
        if length == 0.0:
            return ()
        if self.Ksol == 0.0:
            return (Op(drift_exact, (length,)),)
        n = max(1, math.ceil(abs(self.Ksol) * length / _TURN_LIMIT))
        return (Op(solenoid_exact, (length / n, self.Ksol), n),)

    def scaled(self, factor: float) -> Solenoid:
        return replace(self, Ksol=factor * self.Ksol)

    def part(self, fraction: float, first: bool) -> Mapping[str, Any] | None:
        return {"length": fraction * self.length}

    def family(self) -> tuple[str, int]:
        return "other", 1

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        def textbook(length: float, strength: float):
            # H. Wiedemann, Particle Accelerator Physics, 4th ed., section 18.3: rotation and focusing with K/2
            k = 0.5 * strength
            c, s = math.cos(k * length), math.sin(k * length)

            def at(x, px, y, py, z, delta):
                u, pu = c * x + s / k * px, c * px - k * s * x
                v, pv = c * y + s / k * py, c * py - k * s * y
                turned = c * u + s * v, c * pu + s * pv, c * v - s * u, c * pv - s * pu
                return *turned, z + length * ref.inv_gamma2 * delta, delta

            return ByMap(cls(name="sol", length=length, Ksol=strength), at, order=1)

        return [textbook(0.5, 0.7), textbook(0.4, -2.0)]

    @classmethod
    def examples(cls):
        return [
            cls(name="sol", length=0.5, Ksol=0.7),
            cls(name="strong", length=1.0, Ksol=-6.0),
            cls(name="weak", length=0.5, Ksol=1e-12),
        ]
