"""The way of the power from laser or undulator to the intermediate focus, factor by factor."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ssmb.errors import ConfigError
from ssmb.ranges import choice, count, not_negative, positive, share
from ssmb.tables import Table

ORIGINS = ("calculated", "given", "assumed")  #: where the transmission of a stage comes from


@dataclass(frozen=True)
class LppChain:
    """Laser-produced plasma: CO2 power to the intermediate focus.

    The defaults give the published product of the 250-W source (21.5 kW, 6 %, 0.194 from 2 pi to the focus); the split
    of 0.194 into factors is assumed.

    Parameters
    ----------
    drive_power : CO2 laser on the droplet [W].
    conversion_efficiency : into 2 pi and 2 % [1].
    solid_angle : of the collector [sr].
    aperture : share of the collected cone that is not obscured by laser and hardware [1].
    collector_reflectivity : mean, spectral filter included [1].
    gas_transmission, obscuration, focus_transmission : [1].
    dose_margin : share that is kept back for dose control [1].
    """

    drive_power: float = 21.5e3
    conversion_efficiency: float = 0.06
    solid_angle: float = 5.0
    aperture: float = 0.90
    collector_reflectivity: float = 0.37
    gas_transmission: float = 0.90
    obscuration: float = 0.95
    focus_transmission: float = 0.95
    dose_margin: float = 0.10

    def __post_init__(self) -> None:
        not_negative("drive_power", self.drive_power, "W")
        positive("solid_angle", self.solid_angle, "sr")
        if self.solid_angle > 2.0 * math.pi:
            raise ConfigError(f"solid_angle must not exceed 2 pi sr, got {self.solid_angle:g} sr.")
        for name in (
            "conversion_efficiency", "aperture", "collector_reflectivity", "gas_transmission", "obscuration",
            "focus_transmission",
        ):  # fmt: skip
            share(name, getattr(self, name))
        if share("dose_margin", self.dose_margin, zero=True) == 1.0:
            raise ConfigError("dose_margin 1 leaves no light; give a share below 1, such as 0.1.")

    @property
    def power_2pi(self) -> float:
        """In-band power into the half space [W]."""
        return self.drive_power * self.conversion_efficiency

    @property
    def collection(self) -> float:
        """2 pi to the intermediate focus [1]."""
        return (
            self.solid_angle / (2.0 * math.pi) * self.aperture * self.collector_reflectivity * self.gas_transmission
            * self.obscuration * self.focus_transmission * (1.0 - self.dose_margin)
        )  # fmt: skip

    @property
    def power_at_focus(self) -> float:
        """[W]."""
        return self.power_2pi * self.collection

    def table(self) -> Table:
        """The power after each factor."""
        steps = (
            ("CO2 laser on the droplet", 1.0),
            ("conversion into 2 pi, 2 %", self.conversion_efficiency),
            ("solid angle / 2 pi", self.solid_angle / (2.0 * math.pi)),
            ("aperture", self.aperture),
            ("collector", self.collector_reflectivity),
            ("gas", self.gas_transmission),
            ("obscuration", self.obscuration),
            ("intermediate focus aperture", self.focus_transmission),
            ("dose margin", 1.0 - self.dose_margin),
        )
        return _chain_table("LPP chain", self.drive_power, steps)


@dataclass(frozen=True)
class ChainStage:
    """One factor between undulator exit and intermediate focus.

    Parameters
    ----------
    name : of the stage.
    transmission : power after over power before, in (0, 1] [1].
    origin : "calculated", "given" or "assumed".
    """

    name: str
    transmission: float
    origin: str = "assumed"

    def __post_init__(self) -> None:
        share(f"transmission of '{self.name}'", self.transmission)
        choice("origin", self.origin, ORIGINS)


@dataclass(frozen=True)
class UndulatorChain:
    """One SSMB (or FEL) beamline: undulator exit to the intermediate focus.

    Parameters
    ----------
    name : of the beamline.
    power : at the undulator exit [W].
    band : share inside the band of the scanner [1]; 1 for a coherent line, which is an exact laser harmonic at all
        angles.
    grazing_mirrors, grazing_reflectivity : number [1] and reflectivity of each [1].
    normal_mirrors, normal_reflectivity : Mo/Si mirrors at normal incidence.
    gas_transmission, homogeniser : [1].
    transport : if given, the measured or claimed product that replaces all factors but `band` [1].
    stages : if given, the factors that replace all others but `band`, such as those of ``ssmb.beamlines.Beamline``.
    """

    name: str = "four grazing mirrors"
    power: float = 1000.0
    band: float = 1.0
    grazing_mirrors: int = 4
    grazing_reflectivity: float = 0.90
    normal_mirrors: int = 0
    normal_reflectivity: float = 0.68
    gas_transmission: float = 0.95
    homogeniser: float = 1.0
    transport: float | None = None
    stages: tuple[ChainStage, ...] = ()

    def __post_init__(self) -> None:
        not_negative("power", self.power, "W")
        count("grazing_mirrors", self.grazing_mirrors, at_least=0)
        count("normal_mirrors", self.normal_mirrors, at_least=0)
        for name in ("band", "grazing_reflectivity", "normal_reflectivity", "gas_transmission", "homogeniser"):
            share(name, getattr(self, name))
        if self.transport is not None:
            share("transport", self.transport)
            if self.stages:
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


def beamline(name: str) -> UndulatorChain:
    """One of the four beamlines of the literature and of this package, for 1 kW at the undulator.

    >>> round(beamline("four_grazing").transmission, 2)
    0.62
    """
    return BEAMLINES[choice("beamline", name, BEAMLINES)]


def spontaneous_cone(undulator_parameter: float, gamma: float, relative_band: float = 0.02) -> float:
    """Half angle within which spontaneous undulator light stays in the band, ``sqrt(b (1 + K^2/2))/gamma`` [rad].

    For the coherent line this does not apply: off axis it loses power, not wavelength.
    """
    k = not_negative("undulator parameter", undulator_parameter)
    b = share("relative band", relative_band)
    return math.sqrt(b * (1.0 + k * k / 2.0)) / positive("gamma", gamma)


def _chain_table(title: str, power: float, steps: tuple[tuple[str, float], ...]) -> Table:
    rows, now = [], power
    for name, factor in steps:
        now *= factor
        rows.append((name, factor, now))
    return Table(title, ("step", "factor", "power_W"), tuple(rows))
