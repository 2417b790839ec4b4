"""Quadrupole magnet."""

from __future__ import annotations

from ssmb.beam.reference import Reference
from ssmb.elements.base import ByField, ByMap, element
from ssmb.elements.straight_magnet import StraightMagnet, by_power_series, integrator


@element("Quadrupole")
class Quadrupole(StraightMagnet):
    """Quadrupole, normal (Kn1 > 0 focuses in x) and skew (Ks1), with other multipoles as field errors.

    Default: the exact linear map with fourth-order kinematic kicks, so that tunes do not depend on ``slices``.
    """

    integrator: str = integrator("matrix")

    def family(self) -> tuple[str, int]:
        return "quad", -1 if self.Kn1 < 0.0 else 1

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        return [
            *super().by_hand(ref),
            by_power_series(cls(name="qf", length=0.2, Kn1=3.17), 0.0, 3.17),
            by_power_series(cls(name="skew", length=0.2, Ks1=-0.8), 0.0, -0.8j),
            by_power_series(
                cls(name="both", length=0.3, Kn1=-4.0, Ks1=8.0, Kn2=20.0, Ks2=-9.0, slices=20),
                0.0,
                -4.0 + 8.0j,
                20.0 - 9.0j,
            ),
        ]

    @classmethod
    def examples(cls):
        return [
            cls(name="qf", length=0.2, Kn1=3.17415),
            cls(name="qd", length=0.2, Kn1=-4.398),
            cls(name="strong", length=0.5, Kn1=40.0),
            cls(name="weak", length=0.3, Kn1=1e-12),
            cls(name="skew", length=0.3, Ks1=0.8),
            cls(name="errors", length=0.3, Kn1=1.2, Ks1=0.05, Kn2=3.0, Kn5=1e4),
            cls(name="paraxial", length=0.3, Kn1=2.0, drift="expanded"),
            cls(name="y4", length=0.3, Kn1=2.0, integrator="yoshida4", slices=10, drift="expanded"),
            cls(name="y6", length=0.3, Kn1=-2.0, integrator="yoshida6", slices=2),
            cls(name="fringe", length=0.3, Kn1=4.0, fringe="both"),
            cls(name="skew fringe", length=0.3, Kn1=2.0, Ks1=-4.0, fringe="exit"),
            cls(name="y2", length=1e-6, Kn1=2.0, integrator="yoshida2", slices=1),
        ]
