"""Field-free space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ssmb.beam.reference import Reference
from ssmb.elements.base import ByField, ByMap, Element, element, param
from ssmb.maps.flight import drift_exact, drift_expanded
from ssmb.maps.op import Op


@element("Drift")
class Drift(Element):
    """Field-free space; the map is exact, or paraxial with ``drift="expanded"`` (as in MAD-X thin tracking and AT)."""

    drift: str = param(
        "exact", unit="", key="SSMB_TrackingP.drift", choices=("exact", "expanded"), doc="exact or paraxial flight"
    )

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        return self.slice_ops(ref, 0.0, 1.0)

    def slice_ops(self, ref: Reference, fraction_from: float, fraction_to: float) -> tuple[Op, ...]:
        length = (fraction_to - fraction_from) * self.length
        return (Op(drift_exact if self.drift == "exact" else drift_expanded, (length,)),) if length else ()

    def part(self, fraction: float, first: bool) -> Mapping[str, Any] | None:
        return {"length": fraction * self.length}

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        return [ByField(cls(name="d", length=1.5), lambda x, y: (0.0 * x, 0.0 * x, 0.0 * x))]

    @classmethod
    def examples(cls):
        return [
            cls(name="d", length=1.5),
            cls(name="tiny", length=1e-9),
            cls(name="paraxial", length=2.0, drift="expanded"),
        ]
