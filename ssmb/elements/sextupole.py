"""Sextupole magnet."""

from __future__ import annotations

from ssmb.beam.reference import Reference
from ssmb.elements.base import ByField, ByMap, element
from ssmb.elements.straight_magnet import StraightMagnet, by_power_series


@element("Sextupole")
class Sextupole(StraightMagnet):
    """Sextupole: B_y = B0 rho Kn2 (x^2 - y^2)/2, Kn2 equal to MAD-X K2 (twice AT's PolynomB[2])."""

    def family(self) -> tuple[str, int]:
        return "sext", -1 if self.Kn2 < 0.0 else 1

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        return [
            *super().by_hand(ref),
            by_power_series(cls(name="normal", length=0.2, Kn2=80.0, slices=10), 0.0, 0.0, 80.0),
        ]

    @classmethod
    def examples(cls):
        return [
            cls(name="s", length=0.1, Kn2=46.0),
            cls(name="skew", length=0.1, Ks2=-20.0, slices=4),
            cls(name="y6", length=0.2, Kn2=-300.0, integrator="yoshida6"),
            cls(name="paraxial", length=0.2, Kn2=451.0, drift="expanded", slices=5),
            cls(name="paraxial2", length=0.2, Kn2=451.0, drift="expanded", integrator="yoshida2", slices=1),
        ]
