"""The light of a source at a harmonic of its laser: what radiates, and what it gives at the intermediate focus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam
from ssmb.facility.ring import Filling
from ssmb.facility.steps import Limit, PowerStep, step_table
from ssmb.light.exit_light import ExitLight
from ssmb.light.tracked import TrackedLight
from ssmb.quantity import Shown, derived, quantity, text_of
from ssmb.ranges import NOTHING, count, modulus, positive, share


@checked
@dataclass(frozen=True, eq=False)
class RadiatingBeam:
    """A tracked beam in the middle of a radiator, and what is known of it beyond its particles."""

    beam: Beam = quantity("", "particles, whole laser wavelengths of a long beam")
    laser_wavelength: float = quantity("m", "wavelength of the modulating laser")
    harmonic: int = quantity("1", "n: the light has laser_wavelength/n")
    filling: Filling = quantity("", "how the ring is filled")
    duty: float = quantity("1", "share of the turns with laser", default=1.0)
    ideal_bunching: float | None = quantity(
        "1", "|b_n| of the closed form, for the first step; by default that of the tracked beam", default=None
    )
    over_turns: float = quantity(
        "1",
        "mean of |b_n|^2 over turns over that of this beam, where it is a steady state seen on one turn; on all "
        "powers but that of the tracked light",
        default=1.0,
    )
    limits: tuple[Limit, ...] = quantity(
        "", "further factors on the average power, such as that of a closure", default=()
    )

    def __post_init__(self) -> None:
        positive("laser_wavelength", self.laser_wavelength, "m")
        count("harmonic", self.harmonic)
        share("duty", self.duty)
        positive("over_turns", self.over_turns)
        if self.ideal_bunching is not None:
            modulus("ideal_bunching", self.ideal_bunching)

    @property
    def wavelength(self) -> float:
        """Wavelength of the light [m]."""
        return self.laser_wavelength / self.harmonic


@checked
@dataclass(frozen=True, eq=False)
class SourceLight(Shown):
    """Light of a source at one harmonic of its laser."""

    harmonic: int = quantity("1", "harmonic of the laser")
    light: TrackedLight = quantity("", "the coherent light of the tracked beam, peak of a train")
    resonant_power: float = quantity(
        "W", "peak power of a train with the undulator on its exact resonance, which a detuning exceeds"
    )
    exit: ExitLight = quantity("", "the same at the undulator exit, averaged")
    power_at_focus: float = quantity("W", "average power of one beamline at the intermediate focus")
    incoherent_power: float = quantity(
        "W", "average power of the same electrons without bunching, within the band and all angles of it"
    )
    incoherent_loss: float = quantity(
        "eV", "energy that an electron radiates in the undulator anyway, all harmonics, in a pass"
    )
    average_current: float = quantity("A", "average current of the ring")
    gain: float = quantity("1", "gain parameter 4 pi rho N; above 1 the light of an unchanged beam no longer holds")
    energy_loss: float = quantity(
        "eV", "mean energy that an electron of a train gives to the coherent light in a pass with laser"
    )
    steps: tuple[PowerStep, ...] = quantity("", "the way of the power, first step to focus, of one beamline")

    @derived
    def doubt(self) -> str:
        """Why the power is no result, in words: noise of its macroparticles, nothing, or below the incoherent light."""
        light, average = self.light, self.exit.average_power
        if light.noise_spread >= 1.0:
            told = text_of(light, "noise_power", 2)
            return f"IN THE NOISE of the macroparticles, which would radiate {told} at random"
        if taken := [step.name for step in self.steps if step.factor <= NOTHING]:
            return f"NOTHING IS LEFT: '{taken[0]}' takes all of it"
        if average < self.incoherent_power:
            told = text_of(self, "incoherent_power", 2)
            return f"BELOW THE INCOHERENT LIGHT of the same electrons in the band, {told} at the undulator"
        return ""

    @derived
    def power_at_focus_range(self) -> tuple[float, float] | None:
        """Range of the power at the focus [W].

        16 to 84 % of what is stated of its factors, independent causes added in square: noise of the macroparticles
        and the form of the light, assumed transmissions, ends of the Coulomb logarithm; all others count as exact.
        """
        return self.steps[-1].power_range

    @property
    def beamlines(self) -> int:
        """Equal radiators on the ring, each with a beamline [1]."""
        return self.exit.beamlines

    @property
    def total_power_at_focus(self) -> float:
        """Average power of all beamlines at their foci [W]."""
        return self.beamlines * self.power_at_focus

    def table(self) -> dict[str, np.ndarray]:
        """Return the way of the power as columns NAME, FACTOR, POWER [W], ORIGIN."""
        return step_table(self.steps)
