"""An optical enhancement cavity: light that goes round between mirrors and is fed through one of them.

References
----------
A. E. Siegman, Lasers (University Science Books, 1986), chapter 11.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ssmb.arguments import checked
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.quantity import check_quantities, quantity
from ssmb.ranges import not_negative, positive, share


@checked
@dataclass(frozen=True)
class EnhancementCavity:
    """A cavity of high finesse, on resonance, fed in its mode; 1/finesse^2 is left out.

    Examples
    --------
    >>> cavity = EnhancementCavity(round_trip=3.0, finesse=16000.0)
    >>> round(cavity.linewidth), round(cavity.input_power(1e6), 1)
    (6246, 196.3)
    """

    round_trip: float = quantity("m", "length of the round trip", minimum=0.0, open_minimum=True)
    finesse: float = quantity("1", "finesse, 2 pi over the loss of a round trip", minimum=10.0)

    def __post_init__(self) -> None:
        check_quantities(self)

    @classmethod
    def of_mirrors(cls, round_trip: float, *reflectivities: float) -> EnhancementCavity:
        """Return the cavity of mirrors that reflect these shares of the power [1], each below 1."""
        field = math.sqrt(math.prod(share("reflectivity", r) for r in reflectivities))
        return cls(round_trip, math.pi * math.sqrt(field) / positive("1 - reflectivity", 1.0 - field))

    @property
    def free_spectral_range(self) -> float:
        """c over the round trip [Hz]."""
        return SPEED_OF_LIGHT / self.round_trip

    @property
    def linewidth(self) -> float:
        """Full width at half maximum of a resonance [Hz]."""
        return self.free_spectral_range / self.finesse

    @property
    def loss(self) -> float:
        """Share of the power that is lost in a round trip, the coupling mirror included, 2 pi/F [1]."""
        return 2.0 * math.pi / self.finesse

    @property
    def storage_time(self) -> float:
        """Time in which the power falls to 1/e [s]."""
        return self.finesse * self.round_trip / (2.0 * math.pi * SPEED_OF_LIGHT)

    def gain(self, coupling: float = 0.5) -> float:
        """Stored over fed power [1]; ``coupling`` is the share of the coupling mirror in the loss: 1/2 is matched, 1
        over-coupled.
        """
        return 2.0 * share("coupling", coupling) * self.finesse / math.pi

    def input_power(self, stored_power: float, coupling: float = 0.5) -> float:
        """Power that keeps a stored power [W], without a beam."""
        return not_negative("stored_power", stored_power, "W") / self.gain(coupling)

    def length_of_a_linewidth(self, wavelength: float) -> float:
        """Change of the round trip that moves the resonance by one line width, lambda/F [m]."""
        return positive("wavelength", wavelength, "m") / self.finesse
