"""Orbit corrector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from ssmb.beam.reference import Reference
from ssmb.elements.base import ByField, ByMap, Element, element, param
from ssmb.elements.straight_magnet import multipole_keys, plain_multipoles
from ssmb.errors import LatticeError
from ssmb.maps.flight import drift_exact
from ssmb.maps.local_field import LocalField
from ssmb.maps.multipole import MULTIPOLE_STEPS, multipole_thin
from ssmb.maps.op import Op
from ssmb.maps.splitting import drift_kick_ops
from ssmb.maps.synchrotron_radiation import EXIT_POINT

_KICKS = {"n": "-hkick/length", "s": "vkick/length"}


@element("Kicker")
class Kicker(Element):
    """Dipole corrector: changes px by ``hkick`` and py by ``vkick``, spread over the length (four kicks), or thin."""

    hkick: float = param(0.0, unit="1", key="SSMB_KickerP.hkick", doc="change of px (> 0 towards +x)")
    vkick: float = param(0.0, unit="1", key="SSMB_KickerP.vkick", doc="change of py (> 0 towards +y)")

    alternative_keys: ClassVar[Mapping[str, str]] = {
        **{f"MagneticMultipoleP.K{s}0": f"dipole field [1/m] over the length, {kick}" for s, kick in _KICKS.items()},
        **multipole_keys(0),
    }

    @classmethod
    def from_keys(cls, values: Mapping[str, Any], ref: Reference | None) -> Mapping[str, Any]:
        out = plain_multipoles(values, ref)
        for side, sign, kick in (("n", -1.0, "hkick"), ("s", 1.0, "vkick")):
            field = out.pop(f"MagneticMultipoleP.K{side}0", None)
            if field is None:
                continue
            if f"SSMB_KickerP.{kick}" in out:
                raise LatticeError(f"give either SSMB_KickerP.{kick} or MagneticMultipoleP.K{side}0, not both")
            out[f"SSMB_KickerP.{kick}"] = sign * field * (float(out.get("length", 0.0)) or 1.0)
        return out

    def _dipole(self, length: float) -> tuple[float, ...]:
        q = [0.0] * 12
        q[0], q[6] = -self.hkick / length, self.vkick / length
        return tuple(q)

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        if self.length == 0.0:
            return (Op(multipole_thin, self._dipole(1.0)),) if self.hkick or self.vkick else ()
        return self.slice_ops(ref, 0.0, 1.0)

    def slice_ops(self, ref: Reference, fraction_from: float, fraction_to: float) -> tuple[Op, ...]:
        if self.length == 0.0:
            return self.ops(ref)
        length = (fraction_to - fraction_from) * self.length
        if not (self.hkick or self.vkick):
            return (Op(drift_exact, (length,)),)
        return drift_kick_ops(MULTIPOLE_STEPS, 4, "exact", length, 1, self._dipole(self.length))

    def local_field(self, ref: Reference) -> LocalField | None:
        if self.length == 0.0 or not (self.hkick or self.vkick):
            return None  # a thin kick has no length over which to radiate
        q = self._dipole(self.length)
        return LocalField("linear", (q[0], 0.0, q[6], 0.0), EXIT_POINT, self.length, quiet=True)

    def scaled(self, factor: float) -> Kicker:
        return replace(self, hkick=factor * self.hkick, vkick=factor * self.vkick)

    def part(self, fraction: float, first: bool) -> Mapping[str, Any] | None:
        return {"length": fraction * self.length, "hkick": fraction * self.hkick, "vkick": fraction * self.vkick}

    def family(self) -> tuple[str, int]:
        return "other", 1

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        thick = cls(name="thick", length=0.2, hkick=-5e-4, vkick=1e-3)
        return [
            ByField(thick, lambda x, y: (1e-3 / 0.2 + 0.0 * x, 5e-4 / 0.2 + 0.0 * x, 0.0 * x)),
            ByMap(
                cls(name="thin", hkick=1e-3, vkick=-2e-4),
                lambda x, px, y, py, z, delta: (x, px + 1e-3, y, py - 2e-4, z, delta),
            ),
        ]

    @classmethod
    def examples(cls):
        return [cls(name="thin", hkick=1e-3, vkick=-2e-4), cls(name="thick", length=0.2, hkick=-5e-4, vkick=1e-3)]
