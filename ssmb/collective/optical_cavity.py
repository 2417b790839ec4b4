"""The light of an optical cavity, which the beam loads in every pass through a modulator."""

from __future__ import annotations

import cmath
import dataclasses
import math
from typing import Any, ClassVar, Self

from ssmb.arguments import checked
from ssmb.collective.cavity_field import CavityField
from ssmb.collective.cavity_loading import CavityLoading
from ssmb.collective.effect import effect
from ssmb.errors import ConfigError
from ssmb.lattice.program import Program
from ssmb.quantity import quantity


@checked
@effect("optical_cavity")
class OpticalCavity(CavityField):
    """Light that is stored in a cavity and passed by the beam in a modulator, as a state from pass to pass.

    The lattice has the laser of the modulator, with the stored power; the effect adds what differs from it, with the
    same profile: the field that the beam has left, and what detuning, drive and feedback make of it. The beam turns the
    light by V I |b|/(2 P) a pass, some hundred half widths of the resonance at an ampere (told on the first turn where
    it is not taken back); ``detuning`` takes that back,
    ``held_bunching`` lets the drive hold the light of the lattice with the beam, and a proportional-integral feedback
    acts on the drive after a delay. Two modulators of opposite slope in one cavity (``at: [MOD1, MOD2]``) take back
    each other's load. Current by part of the train (``fill``) makes gaps.

    One transverse mode, one colour, waist in the middle of the modulator, axis on that of the beam; the kick acts at
    the entrance of the element. The train has ``parts`` equal parts, one for each pass of a turn, without a remainder.

    References
    ----------
    P. B. Wilson, AIP Conf. Proc. 87, 450 (1982), doi:10.1063/1.33620 (beam loading).
    """

    physics = "load of the laser cavity"
    what: ClassVar[str] = "light of a laser on the axis"

    current: float = quantity("A", "local current of the train while it passes", minimum=0.0)
    loss: float = quantity(
        "1", "share of the power lost in a round trip, 2 pi over the finesse", minimum=0.0, maximum=0.5
    )
    stored_power: float = quantity("W", "power that travels with the beam; 0: of the lattice", minimum=0.0, default=0.0)
    wavelength: float = quantity(
        "m", "wavelength in z, beta times that of light; 0: of the lattice", minimum=0.0, default=0.0
    )
    waist: float = quantity(
        "m", "w of the profile exp(-r^2/w^2); 0: a wide wave, or that of the lattice", minimum=0.0, default=0.0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.voltage and not (self.stored_power and self.wavelength):
            raise ConfigError(f"{self.name}: with voltage give stored_power and wavelength, too")

    def in_lattice(self, program: Program) -> Self:
        """Take wave and power from the lasers at the places, where they are not given."""
        made = super().in_lattice(program)
        if made.voltage:
            return made
        found = made.waves_of(program)
        power = made.stored_power or found[0].power
        if not power:
            raise ConfigError(f"{self.name}: '{made.places[0]}' does not say the power of its light: give stored_power")
        b = found[0].inverse_waist2
        made.check_wave("wavelength", found[0].wavelength)
        made.check_wave("waist", 1.0 / math.sqrt(b) if b else math.inf)
        return dataclasses.replace(
            made, voltage=[w.voltage for w in found], phase=[w.phase for w in found], stored_power=power,
            wavelength=found[0].wavelength, waist=1.0 / math.sqrt(b) if b else 0.0,
        )  # fmt: skip

    def wave(self) -> tuple[float, float]:
        return self.wavelength, 1.0 / self.waist**2 if self.waist else 0.0

    def turn(self) -> complex:
        return math.sqrt(1.0 - self.loss) * cmath.exp(1j * self.detuning)

    def load(self) -> float:
        return 0.5 * self.voltage[0] * self.current / self.stored_power

    def loading(self, bunching: float, phase: float = 0.0) -> CavityLoading:
        """The closed forms of the first place for a beam of this bunching [1] and phase [rad]."""
        return CavityLoading(
            abs(self.voltage[0]), self.stored_power, self.current, bunching, phase, self.loss, self.detuning
        )

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        light: dict[str, Any] = {
            "at": "m", "voltage": [165e3], "stored_power": 1e6, "wavelength": 1064e-9, "current": 0.05, "loss": 1e-3,
        }  # fmt: skip
        other: dict[str, Any] = light | {"voltage": [-165e3]}
        return [
            (cls(**light, waist=5e-4), 50e-9),
            (cls(**light, phase=[0.3], detuning=0.08, parts=4, fill=[1.0, 1.0, 0.5, 0.0]), 50e-9),
            (cls(**other, proportional=0.1, integral=0.01, delay=2), 50e-9),
        ]
