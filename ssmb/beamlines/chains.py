"""The way of the power from laser or undulator to the intermediate focus, factor by factor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ssmb.arguments import checked
from ssmb.errors import ConfigError
from ssmb.quantity import check_quantities, quantity
from ssmb.ranges import choice, share
from ssmb.tables import Table

ORIGINS = ("calculated", "given", "assumed")  #: where the transmission of a stage comes from
#: 16 to 84 % of an assumed loss, -ln(transmission), over that loss: the four beamlines of the literature, 0.42 to 0.77
#: about 0.62 at 5 to 95 %, are a factor of 1.8 to both sides
ASSUMED_LOSS = 1.8 ** (1.0 / 1.6448536269514722)
#: limits of a share
SHARE: dict[str, Any] = {"minimum": 0.0, "open_minimum": True, "maximum": 1.0}


@checked
@dataclass(frozen=True)
class LppChain:
    """Laser-produced plasma: CO2 power to the intermediate focus.

    The defaults give the published product of the 250-W source (21.5 kW, 6 %, 0.194 from 2 pi to the focus); the split
    of 0.194 into factors is assumed.
    """

    drive_power: float = quantity("W", "power of the CO2 laser on the droplet", minimum=0.0, default=21.5e3)
    conversion_efficiency: float = quantity("1", "conversion efficiency into 2 pi and 2 %", default=0.06, **SHARE)
    solid_angle: float = quantity(
        "sr", "solid angle of the collector", minimum=0.0, open_minimum=True, maximum=2.0 * math.pi, default=5.0
    )
    aperture: float = quantity(
        "1", "share of the collected cone that is not obscured by laser and hardware", default=0.90, **SHARE
    )
    collector_reflectivity: float = quantity(
        "1", "mean reflectivity of the collector, spectral filter included", default=0.37, **SHARE
    )
    gas_transmission: float = quantity("1", "transmission of the gas", default=0.90, **SHARE)
    obscuration: float = quantity("1", "share that is not obscured behind the collector", default=0.95, **SHARE)
    focus_transmission: float = quantity("1", "transmission of the aperture at the focus", default=0.95, **SHARE)
    dose_margin: float = quantity(
        "1", "share that is kept back for dose control", minimum=0.0, maximum=1.0, open_maximum=True, default=0.10
    )

    def __post_init__(self) -> None:
        check_quantities(self)

    @property
    def power_2pi(self) -> float:
        """In-band power into the half space [W]."""
        return self.drive_power * self.conversion_efficiency

    @property
    def factors(self) -> tuple[tuple[str, float], ...]:
        """The way from 2 pi to the intermediate focus, in named factors."""
        return (
            ("solid angle / 2 pi", self.solid_angle / (2.0 * math.pi)),
            ("aperture", self.aperture),
            ("collector", self.collector_reflectivity),
            ("gas", self.gas_transmission),
            ("obscuration", self.obscuration),
            ("intermediate focus aperture", self.focus_transmission),
            ("dose margin", 1.0 - self.dose_margin),
        )

    @property
    def collection(self) -> float:
        """2 pi to the intermediate focus [1]."""
        return math.prod(factor for _, factor in self.factors)

    @property
    def power_at_focus(self) -> float:
        """[W]."""
        return self.power_2pi * self.collection

    def table(self) -> Table:
        """The power after each factor."""
        laser = ("CO2 laser on the droplet", 1.0)
        plasma = ("conversion into 2 pi, 2 %", self.conversion_efficiency)
        return _chain_table("LPP chain", self.drive_power, (laser, plasma, *self.factors))


@dataclass(frozen=True)
class ChainStage:
    """One factor between undulator exit and intermediate focus."""

    name: str = quantity("", "name of the stage")
    transmission: float = quantity("1", "power after over power before, in (0, 1]")
    origin: str = quantity("", "where the transmission comes from", choices=ORIGINS, default="assumed")

    def __post_init__(self) -> None:
        check_quantities(self)
        share(f"transmission of '{self.name}'", self.transmission)

    @property
    def transmission_range(self) -> tuple[float, float] | None:
        """16 to 84 % of an assumed transmission [1]; None of one that is calculated or given.

        >>> [round(t, 2) for t in ChainStage("transport", 0.62).transmission_range]
        [0.5, 0.72]
        """
        if self.origin != "assumed":
            return None
        return self.transmission**ASSUMED_LOSS, self.transmission ** (1.0 / ASSUMED_LOSS)


@checked
@dataclass(frozen=True)
class UndulatorChain:
    """One SSMB (or FEL) beamline: undulator exit to the intermediate focus."""

    name: str = quantity("", "name of the beamline", default="four grazing mirrors")
    power: float = quantity("W", "power at the undulator exit", minimum=0.0, default=1000.0)
    band: float = quantity(
        "1", "share inside the band of the scanner; 1 for a coherent line, an exact laser harmonic at all angles",
        default=1.0, **SHARE,
    )  # fmt: skip
    grazing_mirrors: int = quantity("1", "number of grazing mirrors", minimum=0, default=4)
    grazing_reflectivity: float = quantity("1", "reflectivity of each", default=0.90, **SHARE)
    normal_mirrors: int = quantity("1", "number of Mo/Si mirrors at normal incidence", minimum=0, default=0)
    normal_reflectivity: float = quantity("1", "reflectivity of each", default=0.68, **SHARE)
    gas_transmission: float = quantity("1", "transmission of the gas", default=0.95, **SHARE)
    homogeniser: float = quantity("1", "transmission of the homogeniser", default=1.0, **SHARE)
    transport: float | None = quantity(
        "1", "measured or claimed product that replaces all factors but the band", default=None, **SHARE
    )
    stages: tuple[ChainStage, ...] = quantity(
        "", "factors that replace all others but the band, such as those of ssmb.beamlines.Beamline", default=()
    )

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.transport is not None and self.stages:
            raise ConfigError("give transport or stages, not both: each stands for the whole way.")

    @property
    def factors(self) -> tuple[ChainStage, ...]:
        """The way from the undulator exit to the intermediate focus, band first."""
        band = ChainStage("band", self.band)
        if self.stages:
            return (band, *self.stages)
        if self.transport is not None:
            return (band, ChainStage("transport (as claimed)", self.transport))
        return (
            band,
            ChainStage(f"{self.grazing_mirrors} grazing mirrors", self.grazing_reflectivity**self.grazing_mirrors),
            ChainStage(f"{self.normal_mirrors} Mo/Si mirrors", self.normal_reflectivity**self.normal_mirrors),
            ChainStage("gas", self.gas_transmission),
            ChainStage("homogeniser", self.homogeniser),
        )

    @property
    def transmission(self) -> float:
        """Undulator exit to intermediate focus, band included [1]."""
        return math.prod(stage.transmission for stage in self.factors)

    @property
    def power_at_focus(self) -> float:
        """[W]."""
        return self.power * self.transmission

    def table(self) -> Table:
        """The power after each factor."""
        steps = (("undulator exit", 1.0), *((stage.name, stage.transmission) for stage in self.factors))
        return _chain_table(f"Undulator beamline: {self.name}", self.power, steps)


BEAMLINES = {
    "two_grazing": UndulatorChain("two grazing mirrors", grazing_mirrors=2),
    "four_grazing": UndulatorChain(),
    "four_grazing_one_normal": UndulatorChain("four grazing mirrors and one Mo/Si", normal_mirrors=1),
    "xlight_transport": UndulatorChain("transport as planned by one company", transport=0.25),
}


@checked
def beamline(name: str) -> UndulatorChain:
    """One of the four beamlines of the literature and of this package, for 1 kW at the undulator.

    >>> round(beamline("four_grazing").transmission, 2)
    0.62
    """
    return BEAMLINES[choice("beamline", name, BEAMLINES)]


def _chain_table(title: str, power: float, steps: tuple[tuple[str, float], ...]) -> Table:
    rows, now = [], power
    for name, factor in steps:
        now *= factor
        rows.append((name, factor, now))
    return Table(title, ("step", "factor", "power_W"), tuple(rows))
