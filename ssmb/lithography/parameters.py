"""Every modelling choice of the room as a parameter with range, unit, status and source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from ssmb.arguments import checked
from ssmb.beamlines.chains import SHARE
from ssmb.errors import ConfigError
from ssmb.quantity import quantities_of, quantity
from ssmb.ranges import choice
from ssmb.tables import Table

_POSITIVE: dict[str, Any] = {"minimum": 0.0, "open_minimum": True}
_OR_ZERO: dict[str, Any] = {"minimum": 0.0}
UNIT_MISTAKE = 300.0  #: a value further off its default than this factor is taken for a wrong unit


@dataclass(frozen=True)
class Parameter:
    """One modelling choice."""

    name: str  #: of the field in :class:`ModelParameters`
    value: float  #: default, in the unit
    low: float  #: 5 % of its range
    high: float  #: 95 % of its range
    unit: str
    status: str  #: seen, memory, brief, assumption or derived
    source: str  #: where the numbers come from
    distribution: str = "lognormal"  #: of the samples, or "normal"


@checked
@dataclass(frozen=True)
class ModelParameters:
    """Values of all modelling choices, SI units; defaults and their sources stand in ``data/parameters.toml``.

    Use :func:`model_parameters` to change some of them by name.
    """

    transmission: float = quantity("1", "intermediate focus to wafer", **SHARE)
    overhead: float = quantity("s", "load, align, swap and steps of one wafer, from the NXE:3800E on", **_OR_ZERO)
    overhead_legacy: float = quantity("s", "the same for older tools", **_POSITIVE)
    field_width: float = quantity("m", "width of an exposed field", **_POSITIVE)
    field_height: float = quantity("m", "height of an exposed field", **_POSITIVE)
    fields_per_wafer: float = quantity("1", "exposures per wafer", **_POSITIVE)
    slit_height: float = quantity("m", "height of the slit", **_POSITIVE)
    scan_speed_limit: float = quantity("m/s", "most speed of the wafer stage", **_POSITIVE)
    equipment_effectiveness: float = quantity("1", "availability times use times rate", **SHARE)
    rework: float = quantity("1", "share of exposures done twice", **_OR_ZERO)
    edge_exclusion: float = quantity("m", "rim of the wafer without dies", **_OR_ZERO)
    scribe_width: float = quantity("m", "street between dies", **_OR_ZERO)
    wafer_diameter: float = quantity("m", "diameter of a wafer", **_POSITIVE)
    clustering: float = quantity("1", "alpha of the negative-binomial yield", **_POSITIVE)
    defect_density_factor: float = quantity("1", "multiplies the defect density of the node", **_OR_ZERO)
    spare_share_factor: float = quantity("1", "multiplies the spare share of the die", **_OR_ZERO)
    line_yield: float = quantity("1", "share of wafers that leave the line", **SHARE)
    dose_factor: float = quantity("1", "multiplies the dose of the node", **_POSITIVE)
    beamline_transport: float = quantity("1", "undulator exit to intermediate focus", **SHARE)
    collection: float = quantity("1", "plasma into 2 pi to intermediate focus", **SHARE)
    bandwidth_gain: float = quantity("1", "narrow line against flat 2 %", **_POSITIVE)
    ring_power: float = quantity("W", "wall plug of the ring", **_POSITIVE)
    beamlines: float = quantity("1", "beamlines per ring", **_POSITIVE)
    body_power: float = quantity("W", "scanner without source", **_OR_ZERO)
    tool_power: float = quantity("W", "scanner with plasma source", **_POSITIVE)
    wafer_share: float = quantity("1", "share of exposures for the chip", **SHARE)
    demand_start: float = quantity("1/year", "accelerators per year in the first year", **_POSITIVE)
    supply_growth: float = quantity("1/year", "FLOPS per wafer, factor per year", **_POSITIVE)
    chip_life: float = quantity("year", "life of a chip", **_POSITIVE)

    def table(self) -> Table:
        """Name, value, default, range, unit, status and source of each parameter."""
        known = parameter_table()
        rows = tuple(
            (p.name, getattr(self, p.name), p.value, p.low, p.high, p.unit, p.status, p.source) for p in known.values()
        )
        headers = ("parameter", "value", "default", "low_5%", "high_95%", "unit", "status", "source")
        return Table("Model parameters", headers, rows)


@cache
def parameter_table() -> Mapping[str, Parameter]:
    """All parameters by name, as they stand in ``data/parameters.toml``."""
    text = files("ssmb.lithography").joinpath("data", "parameters.toml").read_text(encoding="utf-8")
    units = {name: of.unit for name, of in quantities_of(ModelParameters).items()}
    return MappingProxyType({name: Parameter(name, unit=units[name], **p) for name, p in tomllib.loads(text).items()})


@checked
def model_parameters(overrides: Mapping[str, float] | None = None) -> ModelParameters:
    """Default parameters, some of them replaced.

    Parameters
    ----------
    overrides : new values by name [SI]; an unknown name or an impossible value raises :class:`ConfigError`.

    Examples
    --------
    >>> model_parameters({"rework": 0.0}).rework
    0.0
    """
    defaults = {p.name: p.value for p in parameter_table().values()}
    names = [f.name for f in fields(ModelParameters)]
    if set(names) != set(defaults):
        raise ConfigError("parameters.toml and ModelParameters name different parameters; the installation is broken.")
    base = ModelParameters(**defaults)
    changed = {choice("parameter", k, names): possible(k, v) for k, v in (overrides or {}).items()}
    return replace(base, **changed)


def possible(name: str, value: object) -> float:
    """Return `value` if it is possible for the parameter `name`, else raise :class:`ConfigError`."""
    of, default = quantities_of(ModelParameters)[name], parameter_table()[name].value
    x = of.number(value, name)
    if x > 0.0 and not 1.0 / UNIT_MISTAKE <= x / default <= UNIT_MISTAKE:
        raise ConfigError(
            f"{name} = {x:g} is more than {UNIT_MISTAKE:g} times off its default of {default:g} [{of.unit}]. "
            "Is the value in SI units?"
        )
    return x
