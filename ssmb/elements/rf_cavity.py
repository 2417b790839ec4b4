"""Radio-frequency cavity."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.elements.base import ByField, ByMap, Element, element, param
from ssmb.elements.drift import Drift
from ssmb.errors import LatticeError
from ssmb.kernels.drives import Drive
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.kernels.primitives import sincos_turns, sqrt
from ssmb.kernels.roles import Role
from ssmb.maps.flight import drift_exact
from ssmb.maps.op import Op
from ssmb.maps.roles import Cavity, Wave


def _driven(p: tuple[float, ...], drive: Drive) -> dict[int, np.ndarray]:
    # the wave of the cavity is exp(i (omega t + phase)), that of a Drive exp(i (k z + phase)): z and what it gains
    # change sign
    out = {0: p[0] * drive.amplitude, 2: p[2] + drive.phase}
    if drive.path is not None and drive.stretch is not None:
        gained = p[1] * drive.path
        out |= {1: p[1] / drive.stretch, 2: out[2] - (gained - np.rint(gained))}
    return out


@kernel("rf_kick", 4, changes_delta=True, invert=lambda p: (-p[0], *p[1:]), driven=_driven, role=Role.CAVITY)
@scalar
def rf_kick(x, px, y, py, z, delta, rpp, dbeta, p):
    """Energy gain p[0] cos(2 pi (p[2] - p[1] z/(1 + dbeta))) in units of p0 c; p[3] = (m c/p0)^2.

    The kick acts on the energy at a fixed time; delta and z = -beta c dt follow exactly and without cancellation.
    """
    q = 1.0 + delta
    energy = sqrt(q * q + p[3])
    _, cosine = sincos_turns(p[2] - p[1] * z / (1.0 + dbeta))
    gain = p[0] * cosine
    d = gain * (2.0 * energy + gain)
    q1 = sqrt(q * q + d)
    return x, px, y, py, z * ((q1 * energy) / (q * (energy + gain))), delta + d / (q + q1)


@element("RFCavity")
class RFCavity(Element):
    """Thin accelerating gap in the middle of a drift: dE = voltage * cos(2 pi (phase + phi0) - omega z/(beta c)).

    phi0 is 0 for ``zero_phase="ACCELERATING"`` (crest) and 1/4 for ``"ABOVE_TRANSITION"`` (zero crossing, the head
    gains energy for voltage > 0: stable where the slip factor is positive, given the sign below), -1/4 for
    ``"BELOW_TRANSITION"``. Give ``frequency`` [Hz] or ``harmon`` (then f = harmon * beta c/C of the ring).
    """

    voltage: float = param(0.0, unit="V", key="RFP.voltage", doc="peak voltage")
    frequency: float = param(0.0, unit="Hz", key="RFP.frequency", minimum=0.0, doc="frequency")
    harmon: float = param(0.0, unit="", key="RFP.harmon", minimum=0.0, doc="harmonic number of the revolution")
    phase: float = param(0.0, unit="2pi", key="RFP.phase", doc="phase from the zero given by zero_phase")
    zero_phase: str = param(
        "ACCELERATING",
        unit="",
        key="RFP.zero_phase",
        choices=("ACCELERATING", "ABOVE_TRANSITION", "BELOW_TRANSITION"),
        doc="where phase is zero: crest, or a zero crossing",
    )

    alternative_keys: ClassVar[Mapping[str, str]] = {
        "RFP.gradient": "voltage over the active length [V/m], instead of voltage",
        "RFP.L_active": "active length [m], by default the length",
    }

    @classmethod
    def from_keys(cls, values: Mapping[str, Any], ref: Reference | None) -> Mapping[str, Any]:
        out = dict(values)
        active = float(out.pop("RFP.L_active", out.get("length", 0.0)))
        if "RFP.gradient" not in out:
            return out
        gradient = float(out.pop("RFP.gradient"))
        if not active > 0.0:
            raise LatticeError("RFP.gradient needs a length, or RFP.L_active > 0")
        voltage = float(out.setdefault("RFP.voltage", gradient * active))
        if not math.isclose(voltage, gradient * active, rel_tol=1e-9):
            raise LatticeError(
                f"RFP.gradient over {active:g} m is {gradient * active:g} V, but RFP.voltage says {voltage:g} V"
            )
        return out

    def check(self) -> None:
        if self.frequency and self.harmon:
            raise LatticeError(f"{self.label()}: give either RFP.frequency or RFP.harmon, not both")
        if self.voltage and not self.frequency and not self.harmon:
            raise LatticeError(f"{self.label()}: a cavity with voltage needs RFP.frequency or RFP.harmon")

    def in_lattice(self, length: float, ref: Reference) -> RFCavity:
        """Fix the frequency from the harmonic number and the circumference ``length`` [m]."""
        if not self.harmon:
            return self
        return replace(self, frequency=self.harmon * ref.beta * SPEED_OF_LIGHT / length, harmon=0.0)

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        half = (Op(drift_exact, (0.5 * self.length,)),) if self.length else ()
        if not self.voltage:
            return half + half
        if not self.frequency:
            raise LatticeError(f"{self.label()}: RFP.harmon needs a ring; give RFP.frequency outside of one")
        turns_per_metre = self.frequency / (ref.beta * SPEED_OF_LIGHT)
        numbers = (self.voltage / ref.p0c, turns_per_metre, self.phase + self._zero, (ref.mass / ref.p0c) ** 2)
        return (*half, Op(rf_kick, numbers), *half)

    def cavity(self) -> Cavity | None:
        return Cavity(self.voltage, self.frequency) if self.voltage else None

    def wave(self, ref: Reference) -> Wave | None:
        if not (self.voltage and self.frequency):
            return None
        # V cos(2 pi phase - k z) is V sin(k z + pi/2 - 2 pi phase)
        wavelength = ref.beta * SPEED_OF_LIGHT / self.frequency
        return Wave(self.voltage, wavelength, 0.25 - self.phase - self._zero)

    @property
    def _zero(self) -> float:
        """Phase of the zero that is given [2 pi]."""
        return {"ACCELERATING": 0.0, "ABOVE_TRANSITION": 0.25, "BELOW_TRANSITION": -0.25}[self.zero_phase]

    def apart(self) -> tuple[Element | None, Element, Element | None]:
        gap = replace(self.without_aperture(), length=0.0)
        half = Drift(length=0.5 * self.length) if self.length else None
        return half, gap, half

    def family(self) -> tuple[str, int]:
        return "cavity", 1

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        def gap(voltage: float, frequency: float, phase: float, zero_phase: str, zero: float) -> ByMap:
            def at(x, px, y, py, z, delta):
                energy = np.sqrt((ref.p0c * (1.0 + delta)) ** 2 + ref.mass**2)
                beta = ref.p0c * (1.0 + delta) / energy
                late = -z / (beta * SPEED_OF_LIGHT)
                after = energy + voltage * np.cos(2.0 * math.pi * (frequency * late + phase + zero))
                momentum = np.sqrt(after**2 - ref.mass**2)
                return x, px, y, py, -(momentum / after) * SPEED_OF_LIGHT * late, momentum / ref.p0c - 1.0

            made = cls(name="cav", voltage=voltage, frequency=frequency, phase=phase, zero_phase=zero_phase)
            return ByMap(made, at, rtol=1e-10)

        return [
            gap(5e5, 4.99654e8, 0.0, "ABOVE_TRANSITION", 0.25),
            gap(5e5, 4.99654e8, 0.02, "BELOW_TRANSITION", -0.25),
            gap(-2e6, 1.3e9, 0.1, "ACCELERATING", 0.0),
        ]

    @classmethod
    def examples(cls):
        return [
            cls(name="cav", voltage=500e3, frequency=499.654e6, zero_phase="ABOVE_TRANSITION"),
            cls(name="long", length=0.6, voltage=-2e6, frequency=1.3e9, phase=0.1),
            cls(name="off", length=0.5),
        ]
