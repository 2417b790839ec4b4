"""What a machine has to offer when a scheme is designed for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from ssmb.arguments import checked
from ssmb.beam.reference import Reference
from ssmb.ranges import not_zero, positive
from ssmb.schemes.modulator import Modulator


@checked
@dataclass(frozen=True)
class Given:
    """Beam, laser and modulator that the schemes of a comparison share.

    Parameters
    ----------
    reference : reference particle.
    wavelength : laser wavelength [m].
    sigma_delta : rms momentum spread [1].
    emittance : rms emittance of the coupled (vertical) plane [m rad].
    h_mod : H of the dispersion at the modulator of an energy-modulation coupling [m].
    beta_mod : beta function of the coupled plane at the modulators [m].
    bend : angle of the dipole of an angular-dispersion modulation [rad].
    eta : dispersion in the transverse-gradient undulator of PEHG [m].
    slip_length : eta C of a micro-bucket ring [m].
    sigma_z : rms length of the microbunch in front of the modulator of strong focusing [m].
    periods, period_length : of the modulator [1], [m].
    """

    reference: Reference = Reference(energy=600e6)
    wavelength: float = 1064e-9
    sigma_delta: float = 4e-4
    emittance: float = 20e-12
    h_mod: float = 0.05
    beta_mod: float = 10.0
    bend: float = 5e-3
    eta: float = 0.05
    slip_length: float = 1e-5
    sigma_z: float = 50e-9
    periods: int = 20
    period_length: float = 0.08

    def __post_init__(self) -> None:
        units = {
            "wavelength": "m", "sigma_delta": "1", "emittance": "m rad", "h_mod": "m", "beta_mod": "m", "sigma_z": "m"
        }  # fmt: skip
        for name, unit in units.items():
            positive(name, getattr(self, name), unit)
        not_zero("bend", self.bend, "rad")
        not_zero("eta", self.eta, "m")
        not_zero("slip_length", self.slip_length, "m")
        _ = self.modulator  # a PhysicsError if none is resonant

    @cached_property
    def modulator(self) -> Modulator:
        """Its undulator, resonant with the laser."""
        return Modulator.resonant(self.reference, self.wavelength, self.period_length, self.periods)

    @property
    def wavenumber(self) -> float:
        """k of the laser [1/m]."""
        return 2.0 * math.pi / self.wavelength
