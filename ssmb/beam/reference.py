"""The reference particle: species and energy, from which every normalisation follows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from ssmb.arguments import checked
from ssmb.constants import CLASSICAL_ELECTRON_RADIUS, ELECTRON_MASS_EV, PROTON_MASS_EV, SPEED_OF_LIGHT
from ssmb.errors import ConfigError, nearest
from ssmb.quantity import quantity
from ssmb.ranges import finite

#: name -> (rest energy [eV], charge [e])
SPECIES: dict[str, tuple[float, int]] = {
    "electron": (ELECTRON_MASS_EV, -1),
    "positron": (ELECTRON_MASS_EV, 1),
    "proton": (PROTON_MASS_EV, 1),
}


@checked
@dataclass(frozen=True)
class Reference:
    """Reference particle of a beam or a lattice.

    Examples
    --------
    >>> ref = Reference(energy=250e6)
    >>> round(ref.gamma, 3)
    489.238
    """

    energy: float = quantity("eV", "total energy")
    species: str = quantity("", "species", default="electron", choices=("electron", "positron", "proton"))

    def __post_init__(self) -> None:
        if self.species not in SPECIES:
            raise ConfigError(
                f"unknown species '{self.species}'; allowed: {', '.join(SPECIES)}.{nearest(self.species, SPECIES)}"
            )
        if not finite("reference energy", self.energy, "eV") > self.mass:
            raise ConfigError(f"reference energy {self.energy!r} eV must be above the rest energy {self.mass:.6g} eV")

    @property
    def mass(self) -> float:
        """Rest energy [eV]."""
        return SPECIES[self.species][0]

    @property
    def charge_number(self) -> int:
        """Charge in units of the elementary charge (electron: -1)."""
        return SPECIES[self.species][1]

    @property
    def classical_radius(self) -> float:
        """Classical radius of the species, ``q^2/(4 pi epsilon_0 m c^2)`` [m]."""
        return CLASSICAL_ELECTRON_RADIUS * self.charge_number**2 * (ELECTRON_MASS_EV / self.mass)

    @cached_property
    def gamma(self) -> float:
        """Lorentz factor [1]."""
        return self.energy / self.mass

    @cached_property
    def p0c(self) -> float:
        """Momentum times c [eV]."""
        return math.sqrt((self.energy - self.mass) * (self.energy + self.mass))

    @cached_property
    def beta(self) -> float:
        """Velocity over c [1]."""
        return self.p0c / self.energy

    @cached_property
    def inv_gamma2(self) -> float:
        """1/gamma^2, without the cancellation of 1 - beta^2 [1]."""
        return 1.0 / (self.gamma * self.gamma)

    @cached_property
    def brho(self) -> float:
        """Magnetic rigidity p0/|q| [T m]."""
        return self.p0c / (SPEED_OF_LIGHT * abs(self.charge_number))
