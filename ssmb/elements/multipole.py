"""Multipole magnet, thick or thin."""

from __future__ import annotations

from typing import ClassVar

from ssmb.elements.base import element
from ssmb.elements.straight_magnet import StraightMagnet


@element("Multipole")
class Multipole(StraightMagnet):
    """Any multipoles together; with length 0 a thin lens whose strengths are integrated (KnL, in a file ``Kn1L``)."""

    thin_allowed: ClassVar[bool] = True

    @classmethod
    def examples(cls):
        return [
            cls(name="thin", Kn0=1e-4, Kn1=0.3, Ks1=-0.1, Kn2=4.0, Ks3=200.0, Kn5=1e5),
            cls(name="thick", length=0.3, Kn1=1.0, Ks1=0.2, Kn2=5.0, Kn3=30.0, slices=3),
            cls(name="matrix", length=0.3, Kn1=-2.0, Ks1=0.2, Kn2=5.0, integrator="matrix"),
            cls(name="empty", length=0.3),
        ]
