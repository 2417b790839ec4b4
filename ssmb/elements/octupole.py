"""Octupole magnet."""

from __future__ import annotations

from ssmb.elements.base import element
from ssmb.elements.straight_magnet import StraightMagnet


@element("Octupole")
class Octupole(StraightMagnet):
    """Octupole: Kn3 equal to MAD-X K3 (six times AT's PolynomB[3])."""

    @classmethod
    def examples(cls):
        return [cls(name="o", length=0.1, Kn3=-300.0), cls(name="skew", length=0.1, Ks3=500.0, drift="expanded")]
