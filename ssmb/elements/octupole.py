"""Octupole magnet."""

from __future__ import annotations

from ssmb.beam.reference import Reference
from ssmb.elements.base import ByField, ByMap, element
from ssmb.elements.straight_magnet import StraightMagnet, by_power_series


@element("Octupole")
class Octupole(StraightMagnet):
    """Octupole: Kn3 equal to MAD-X K3 (six times AT's PolynomB[3])."""

    def family(self) -> tuple[str, int]:
        return "oct", -1 if self.Kn3 < 0.0 else 1

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        return [
            *super().by_hand(ref),
            by_power_series(cls(name="normal", length=0.2, Kn3=4e4, slices=10), 0.0, 0.0, 0.0, 4e4),
        ]

    @classmethod
    def examples(cls):
        return [cls(name="o", length=0.1, Kn3=-300.0), cls(name="skew", length=0.1, Ks3=500.0, drift="expanded")]
