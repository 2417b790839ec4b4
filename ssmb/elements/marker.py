"""Places without a field: marker and instrument."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ssmb.beam.reference import Reference
from ssmb.elements.base import ByField, ByMap, Element, element
from ssmb.errors import LatticeError
from ssmb.maps.flight import drift_exact
from ssmb.maps.op import Op


@element("Marker")
class Marker(Element):
    """A named place of zero length."""

    def check(self) -> None:
        if self.length != 0.0:
            raise LatticeError(f"{self.label()}: a Marker has no length; use Instrument or Drift")

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        return ()

    def slice_ops(self, ref: Reference, fraction_from: float, fraction_to: float) -> tuple[Op, ...]:
        return ()

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        return [ByMap(cls(name="m"), lambda *v: v)]

    @classmethod
    def examples(cls):
        return [cls(name="m")]


@element("Instrument")
class Instrument(Element):
    """A field-free device that measures: a drift with a name."""

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        return self.slice_ops(ref, 0.0, 1.0)

    def slice_ops(self, ref: Reference, fraction_from: float, fraction_to: float) -> tuple[Op, ...]:
        length = (fraction_to - fraction_from) * self.length
        return (Op(drift_exact, (length,)),) if length else ()

    def part(self, fraction: float, first: bool) -> Mapping[str, Any] | None:
        return {"length": fraction * self.length}

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        return [ByField(cls(name="screen", length=0.2), lambda x, y: (0.0 * x, 0.0 * x, 0.0 * x))]

    @classmethod
    def examples(cls):
        return [cls(name="bpm"), cls(name="screen", length=0.2)]
