"""The field of a radio-frequency cavity, which the bunches load."""

from __future__ import annotations

import cmath
import dataclasses
import math
from typing import Any, ClassVar, Self

from ssmb.arguments import checked
from ssmb.collective.cavity_field import CavityField
from ssmb.collective.effect import effect
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.errors import ConfigError
from ssmb.lattice.program import Program
from ssmb.quantity import quantity


@checked
@effect("rf_cavity")
class LoadedRfCavity(CavityField):
    """The fundamental mode of a radio-frequency cavity, loaded by the bunches, as a state from bunch to bunch.

    A bunch of charge q leaves the voltage omega (R/Q) q/2 and sees half of it; between bunches the field decays with
    the loaded quality and turns by ``detuning`` = 2 pi (f - f_r) T. The lattice has the cavity with its static voltage;
    the effect adds what differs from it. What it does to the motion is both limits of Robinson.

    For the mode alone (others: ``BunchImpedance`` and ``TrainImpedance``), equal distances between the bunches, which
    are ``parts`` of the turn. R/Q is V^2/(omega U), twice that of circuits.

    References
    ----------
    P. B. Wilson, AIP Conf. Proc. 87, 450 (1982), doi:10.1063/1.33620.
    K. W. Robinson, CEA report CEAL-1010 (1964).
    """

    physics = "load of the radio-frequency cavity"
    what: ClassVar[str] = "a voltage at a frequency"
    #: its current is the mean one of the beam, and not that of a train
    of_the_run: ClassVar[tuple[str, ...]] = ()

    current: float = quantity("A", "mean current of the beam", minimum=0.0)
    r_over_q: float = quantity("ohm", "R/Q = V^2/(omega U) of all cells", minimum=0.0, open_minimum=True)
    quality: float = quantity("1", "loaded quality factor", minimum=1.0)
    frequency: float = quantity("Hz", "frequency of the drive; 0: of the lattice", minimum=0.0, default=0.0)
    interval: float = quantity(
        "s", "time between two bunches; 0: that of the turn over parts", minimum=0.0, default=0.0
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.voltage and not self.frequency:
            raise ConfigError(f"{self.name}: with voltage give frequency, too")

    def in_lattice(self, program: Program) -> Self:
        """Take voltage, frequency and time of a turn from the lattice, where they are not given."""
        beta = program.reference.beta
        made = super().in_lattice(program)
        if not made.voltage:
            found = made.waves_of(program)
            made.check_wave("frequency", beta * SPEED_OF_LIGHT / found[0].wavelength)
            made = dataclasses.replace(
                made, voltage=[w.voltage for w in found], phase=[w.phase for w in found],
                frequency=beta * SPEED_OF_LIGHT / found[0].wavelength,
            )  # fmt: skip
        if not made.interval:
            made = dataclasses.replace(made, interval=program.length / (beta * SPEED_OF_LIGHT * self.parts))
        return made

    def wave(self) -> tuple[float, float]:
        # for beta = 1 within 1/(2 gamma^2), as k z of a bunch that is short against the wave is small
        return SPEED_OF_LIGHT / self.frequency, 0.0

    def turn(self) -> complex:
        decay = math.pi * self.frequency * self.interval / self.quality
        return cmath.exp(-decay + 1j * self.detuning)

    def load(self) -> float:
        charge = self.current * self.interval
        return math.pi * self.frequency * self.r_over_q * charge / self.voltage[0]

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        mode: dict[str, Any] = {
            "at": "m", "voltage": [1e6], "frequency": 500e6, "current": 0.3, "r_over_q": 200.0, "quality": 2e4,
            "interval": 4e-7,
        }  # fmt: skip
        return [
            (cls(**mode), 3e-3),
            (cls(**mode, phase=[0.2], detuning=-0.02, parts=3), 3e-3),
            (cls(**mode, held_bunching=0.9), 3e-3),
        ]
