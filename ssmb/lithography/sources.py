"""EUV sources as typed records: every power stands at a named plane, every figure says what kind of figure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from ssmb.arguments import checked
from ssmb.constants import IN_BAND
from ssmb.errors import ConfigError
from ssmb.lithography.parameters import ModelParameters, model_parameters
from ssmb.lithography.tables import Row, fact_row, fact_rows, in_any_case
from ssmb.quantity import check_quantities, quantity
from ssmb.ranges import LARGEST, SMALLEST, count, finite, not_negative, positive

FAMILIES = ("LPP", "DPP", "synchrotron", "FEL", "HHG", "SSMB", "other")
COHERENT_FAMILIES = frozenset({"FEL", "SSMB", "HHG"})
SCANNER_WAVELENGTH = 13.5e-9  #: centre of the band of EUV scanners [m]
LPP_ETENDUE = 0.157e-6  #: of a tin plasma of 0.2 mm [m^2 sr], github.com/sonoransun/highuvlith docs/sources/lpp.md
BEAMLINE_RANGE = (0.25, 0.77)  #: undulator exit to intermediate focus over all published or assumed beamlines [1]


_NUMBER: dict[str, Any] = {"minimum": 0.0, "maximum": LARGEST}


class PowerPlane(StrEnum):
    """Where along the optical path a power is given; the same source differs by a factor of 800 between planes."""

    PLASMA = "plasma_2pi"
    SOURCE_EXIT = "source_exit"
    UNDULATOR_EXIT = "undulator_exit"
    INTERMEDIATE_FOCUS = "intermediate_focus"
    WAFER = "wafer"

    @property
    def words(self) -> str:
        """The plane in words, for tables."""
        return _PLANE_WORDS[self.value]


_PLANE_WORDS = {
    "plasma_2pi": "plasma, into 2 pi",
    "source_exit": "source exit",
    "undulator_exit": "undulator/FEL exit",
    "intermediate_focus": "intermediate focus",
    "wafer": "wafer or sample",
}


@runtime_checkable
class RadiationResult(Protocol):
    """What a radiation run must offer to be handed over to :meth:`EuvSource.from_result`."""

    @property
    def average_power(self) -> float:
        """Average power at the undulator exit, of one beamline [W]; the width of the line says what is in band."""
        ...

    @property
    def wavelength(self) -> float:
        """Centre wavelength [m]."""
        ...

    @property
    def relative_bandwidth(self) -> float:
        """Full width at half maximum over wavelength [1]."""
        ...

    @property
    def divergence(self) -> float:
        """RMS opening angle [rad]."""
        ...

    @property
    def time_structure(self) -> str:
        """CW, quasi-CW, burst or pulsed."""
        ...

    @property
    def beamlines(self) -> int:
        """Equal beamlines of the ring."""
        ...


@runtime_checkable
class FocusResult(Protocol):
    """A light that is known at the intermediate focus too, such as :class:`ssmb.facility.SourceLight`."""

    @property
    def exit(self) -> RadiationResult:
        """The light at the undulator exit, with the `band` that counts [1]."""
        ...

    @property
    def power_at_focus(self) -> float:
        """Average power of one beamline in that band at the intermediate focus [W]."""
        ...


@checked
@dataclass(frozen=True)
class EuvSource:
    """One EUV source; None stands for what is not known."""

    source_id: str = quantity("", "name in the table")
    name: str = quantity("", "name")
    technology: str = quantity("", "technology")
    family: str = quantity("", "family", choices=FAMILIES)
    year: float | None = quantity("year", "year of the figure")
    wavelength: float = quantity("m", "wavelength", minimum=SMALLEST)
    power: float = quantity("W", "average power at the plane", **_NUMBER)
    power_low: float = quantity("W", "lower end of its range", **_NUMBER)
    power_high: float = quantity("W", "upper end of its range", **_NUMBER)
    plane: PowerPlane = quantity("", "where the power is given")
    scope: str = quantity("", "what the power is the power of: scanner, source, beamline or facility")
    figure_kind: str = quantity("", "measured, designed, claimed, assumed or simulated")
    bandwidth: float | None = quantity(
        "1", "full relative width of the light or of the counted band", minimum=0.0, maximum=1.0
    )
    time_structure: str = quantity("", "time structure")
    repetition_rate: float | None = quantity("Hz", "repetition rate", default=None, **_NUMBER)
    divergence: float | None = quantity("rad", "rms opening angle", default=None, **_NUMBER)
    wall_power: float | None = quantity("W", "power from the wall plug", default=None, **_NUMBER)
    wall_scope: str = quantity("", "of what: tool, facility or source", default="")
    served: float | None = quantity("1", "scanners or beamlines served by one source", default=None, **_NUMBER)
    readiness: str = quantity("", "how far it has come", default="")
    status: str = quantity("", "quality of the row", default="")
    bounds: str = quantity("", "columns of which the number is a bound", default="")
    unverified: tuple[str, ...] = quantity("", "doubtful cells of the row", default=())
    source: str = quantity("", "where the row comes from", default="")
    note: str = quantity("", "what else is to be said", default="")

    def __post_init__(self) -> None:
        check_quantities(self)

    @classmethod
    def from_result(
        cls,
        result: RadiationResult | FocusResult,
        *,
        name: str = "simulated source",
        family: str = "SSMB",
        wall_power: float | None = None,
        year: float | None = None,
    ) -> EuvSource:
        """Make a source of the result of a radiation run.

        Parameters
        ----------
        result : anything with average_power [W], wavelength [m], relative_bandwidth [1], divergence [rad],
            time_structure and beamlines: the power is that of one beamline at the undulator exit, and transport and
            band are left to the assumptions of this room. A result with `exit` (such a light) and `power_at_focus` [W]
            gives the source at the intermediate focus: beamline and band have been counted.
        name : for tables.
        family : one of :data:`FAMILIES`.
        wall_power : wall plug of the whole ring [W]; the default parameter is used when it is not given.
        year : [year].
        """
        if isinstance(result, FocusResult):
            light: Any = result.exit
            made = cls.from_result(light, name=name, family=family, wall_power=wall_power, year=year)
            inside = replace(made, bandwidth=min(light.relative_bandwidth, light.band), bounds="band_percent")
            made = inside.with_power(result.power_at_focus, PowerPlane.INTERMEDIATE_FOCUS)
            low, high = getattr(result, "power_at_focus_range", None) or (made.power, made.power)
            return replace(made, power_low=low, power_high=high)
        needed = [name for name in vars(RadiationResult) if not name.startswith("_")]
        missing = [n for n in needed if not hasattr(result, n)]
        if missing:
            raise ConfigError(
                f"{type(result).__name__} cannot be used as a source: it lacks {', '.join(missing)}. "
                f"A radiation result needs {', '.join(needed)}."
            )
        return cls(
            source_id="simulated",
            name=name,
            technology=f"{family} (simulated)",
            family=family,
            year=year,
            wavelength=result.wavelength,
            power=result.average_power,
            power_low=result.average_power,
            power_high=result.average_power,
            plane=PowerPlane.UNDULATOR_EXIT,
            scope="beamline",
            figure_kind="simulated",
            bandwidth=result.relative_bandwidth,
            time_structure=str(result.time_structure),
            divergence=result.divergence,
            wall_power=None if wall_power is None else positive("wall_power", wall_power, "W"),
            wall_scope="" if wall_power is None else "facility",
            served=float(count("beamlines", result.beamlines)),
            readiness="simulation",
            status="derived",
            source=f"result of a {type(result).__name__}",
        )

    @property
    def in_band(self) -> float | None:
        """Share of the light inside the 2 % band of a 13.5-nm scanner [1]; ``None`` if the line lies outside.

        Plasma and other powers that the tables already count within a band are 1. A line narrower than the band is
        taken as a Gaussian of the given width.
        """
        offset = abs(self.wavelength - SCANNER_WAVELENGTH) / SCANNER_WAVELENGTH
        if offset > IN_BAND / 2.0:
            return None
        # A bound ("below 2 %") is not a width: the light is then counted as inside, as its authors do.
        if self.family not in COHERENT_FAMILIES or not self.bandwidth or "band_percent" in self.bounds:
            return 1.0
        width = math.sqrt(2.0) * self.bandwidth / (2.0 * math.sqrt(2.0 * math.log(2.0)))
        half = IN_BAND / 2.0
        return 0.5 * (math.erf((half - offset) / width) + math.erf((half + offset) / width))

    @property
    def etendue(self) -> float | None:
        """Etendue [m^2 sr]: wavelength squared of a coherent beam, the published 0.157e-6 of tin LPP, else ``None``."""
        if self.family in COHERENT_FAMILIES:
            return self.wavelength**2
        return LPP_ETENDUE if self.technology == "LPP Sn" else None

    def with_power(self, power: float, plane: PowerPlane | str | None = None) -> EuvSource:
        """The same source with another power [W], and another plane if one is given."""
        return replace(self, power=power, power_low=power, power_high=power, plane=PowerPlane(plane or self.plane))


@dataclass(frozen=True)
class FocusPower:
    """Power of a source at the intermediate focus of one scanner."""

    power: float = quantity("W", "power there")
    low: float = quantity("W", "lower end over the published beamlines and the range of the row")
    high: float = quantity("W", "upper end")
    transport: float = quantity("1", "factor applied")
    assumed: bool = quantity("", "whether a factor of this package stands between the published figure and these watts")


@checked
def power_at_focus(source: EuvSource, *, parameters: ModelParameters | None = None) -> FocusPower | None:
    """Power that one scanner gets at its intermediate focus, or ``None`` where the figure cannot be brought there.

    Parameters
    ----------
    source : the source.
    parameters : transport from the undulator and collection of a plasma.

    Returns
    -------
    FocusPower or None
        ``None`` for light outside the band of the scanner and for powers at the wafer. FEL and SSMB figures at the
        undulator are multiplied with the beamline transport (range :data:`BEAMLINE_RANGE`), figures of a facility are
        divided by the scanners served.
    """
    par = parameters or model_parameters()
    band = source.in_band
    if band is None or source.plane is PowerPlane.WAFER:
        return None
    if source.plane is PowerPlane.INTERMEDIATE_FOCUS:
        factor = low = high = 1.0
    elif source.plane is PowerPlane.PLASMA:
        factor = low = high = par.collection
    else:
        low, high = BEAMLINE_RANGE
        factor = par.beamline_transport
        low, high = min(low, factor), max(high, factor)
    share = 1.0
    if source.scope == "facility" or (source.family == "FEL" and source.scope == "source" and source.served):
        share = 1.0 / positive("scanners served", source.served or 1.0)
    scale = share * band
    assumed = source.plane is not PowerPlane.INTERMEDIATE_FOCUS
    return FocusPower(
        source.power * factor * scale, source.power_low * low * scale, source.power_high * high * scale, factor, assumed
    )


@checked
def euv_source(name: str) -> EuvSource:
    """The source of that name from the table; an unknown name raises :class:`ConfigError` with the nearest match.

    >>> euv_source("lpp_3800e").power
    500.0
    """
    return _from_row(fact_row("euv_sources", name))


@checked
def euv_sources(family: str | None = None) -> tuple[EuvSource, ...]:
    """All sources of the table, or those of one family (any case)."""
    found = None if family is None else in_any_case("family", family, FAMILIES)
    return tuple(_from_row(r) for r in fact_rows("euv_sources") if found is None or r.text("family") == found)


#: field -> column
_COLUMNS = {
    "wavelength": "wavelength_nm", "power_low": "power_low_W", "scope": "power_scope", "bandwidth": "band_percent",
    "repetition_rate": "rep_rate_kHz", "wall_power": "wall_plug_MW", "wall_scope": "wall_plug_scope",
    "served": "scanners_served",
}  # fmt: skip


def _from_row(row: Row) -> EuvSource:
    low, high = row.needed("power_low_W"), row.number("power_high_W")
    top, plane = low if high is None else high, PowerPlane(row.text("power_plane"))
    return row.record(EuvSource, _COLUMNS, power=math.sqrt(low * top), power_high=top, plane=plane, divergence=None)


def simulated_sources(lights: Sequence[Any], run: str) -> tuple[EuvSource, ...]:
    """Return the lights of a run as sources, to stand beside those that are published or assumed.

    Parameters
    ----------
    lights : with `exit`, `power_at_focus`, `light`, `incoherent_power`, `harmonic` and `steps`, such as
        :class:`ssmb.facility.SourceLight`.
    run : name of the run; a source is called by it and by the harmonic of its laser.
    """
    found = []
    for light in lights:
        assumed = ", ".join(step.name for step in light.steps if step.origin == "assumed")
        words = f"run {run}, tracked |b_{light.harmonic}| = {light.light.bunching:.3g}"
        words += f"; factors assumed: {assumed}" if assumed else ""
        if light.exit.in_band_power < light.incoherent_power:
            words += f"; BELOW the incoherent light of the same electrons in the band, {light.incoherent_power:.3g} W"
        made = EuvSource.from_result(light, name=f"run {run}, harmonic {light.harmonic}")
        found.append(replace(made, source_id=f"{run}/{light.harmonic}", source=words))
    return tuple(found)


def pulses_per_slit(repetition_rate: float, slit_height: float, scan_speed: float) -> float:
    """Pulses that a point of the wafer sees while the slit passes [1].

    >>> round(pulses_per_slit(50e3, 2e-3, 0.28))
    357
    """
    time = positive("slit height", slit_height, "m") / positive("scan speed", scan_speed, "m/s")
    return not_negative("repetition rate", repetition_rate, "1/s") * time


def single_source(power_at_if: float, *, name: str = "given power") -> EuvSource:
    """A plain source of `power_at_if` [W] at the intermediate focus of one scanner, for what-if questions."""
    finite("power", power_at_if)
    return replace(
        euv_source("lpp_3800e"), source_id="given", name=name, technology="given", figure_kind="assumed",
        readiness="assumption",
        status="assumption", source="argument of the call", note="", unverified=(), year=None,
    ).with_power(power_at_if)  # fmt: skip
