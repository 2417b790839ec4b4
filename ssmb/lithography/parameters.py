"""Every modelling choice of the room as a parameter with range, unit, status and source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from ssmb.errors import ConfigError
from ssmb.ranges import choice, finite, not_negative, positive
from ssmb.tables import Table

SHARES = frozenset(
    {"transmission", "equipment_effectiveness", "line_yield", "beamline_transport", "collection", "wafer_share"}
)
MAY_BE_ZERO = frozenset(
    {
        "rework",
        "spare_share_factor",
        "defect_density_factor",
        "scribe_width",
        "edge_exclusion",
        "overhead",
        "body_power",
    }
)
UNIT_MISTAKE = 300.0  #: a value further off its default than this factor is taken for a wrong unit


@dataclass(frozen=True)
class Parameter:
    """One modelling choice.

    Parameters
    ----------
    name : name of the field in :class:`ModelParameters`.
    value, low, high : default and 5 %, 95 % of its range [unit].
    unit : SI unit, ``"1"`` for numbers.
    status : seen, memory, brief, assumption or derived.
    source : where the numbers come from.
    distribution : "lognormal" or "normal", of the samples.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str
    status: str
    source: str
    distribution: str = "lognormal"


@dataclass(frozen=True)
class ModelParameters:
    """Values of all modelling choices, SI units; defaults and their sources stand in ``data/parameters.toml``.

    Use :func:`model_parameters` to change some of them by name.
    """

    transmission: float  #: intermediate focus to wafer [1]
    overhead: float  #: load, align, swap and steps of one wafer [s], tools from the NXE:3800E on
    overhead_legacy: float  #: the same for older tools [s]
    field_width: float  #: [m]
    field_height: float  #: [m]
    fields_per_wafer: float  #: exposures per wafer [1]
    slit_height: float  #: [m]
    scan_speed_limit: float  #: of the wafer stage [m/s]
    equipment_effectiveness: float  #: availability times use times rate [1]
    rework: float  #: share of exposures done twice [1]
    edge_exclusion: float  #: [m]
    scribe_width: float  #: [m]
    wafer_diameter: float  #: [m]
    clustering: float  #: alpha of the negative-binomial yield [1]
    defect_density_factor: float  #: multiplies the defect density of the node [1]
    spare_share_factor: float  #: multiplies the spare share of the die [1]
    line_yield: float  #: [1]
    dose_factor: float  #: multiplies the dose of the node [1]
    beamline_transport: float  #: undulator exit to intermediate focus [1]
    collection: float  #: plasma into 2 pi to intermediate focus [1]
    bandwidth_gain: float  #: narrow line against flat 2 % [1]
    ring_power: float  #: wall plug of the ring [W]
    beamlines: float  #: per ring [1]
    body_power: float  #: scanner without source [W]
    tool_power: float  #: scanner with plasma source [W]
    wafer_share: float  #: share of exposures for the chip [1]
    demand_start: float  #: accelerators per year in the first year [1/year]
    supply_growth: float  #: FLOPS per wafer, factor per year [1]
    chip_life: float  #: [year]

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
    table: dict[str, Parameter] = {}
    for name, p in tomllib.loads(text).items():
        table[name] = Parameter(
            name, float(p["value"]), float(p["low"]), float(p["high"]), p["unit"], p["status"], p["source"],
            p.get("distribution", "lognormal"),
        )  # fmt: skip
    return MappingProxyType(table)


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
    changed = {choice("parameter", k, names): checked(k, v) for k, v in (overrides or {}).items()}
    return replace(base, **changed)


def checked(name: str, value: object) -> float:
    """Return `value` if it is possible for the parameter `name`, else raise :class:`ConfigError`."""
    unit, default = parameter_table()[name].unit, parameter_table()[name].value
    x = finite(name, value)
    if x > 0.0 and not 1.0 / UNIT_MISTAKE <= x / default <= UNIT_MISTAKE:
        raise ConfigError(
            f"{name} = {x:g} is more than {UNIT_MISTAKE:g} times off its default of {default:g} [{unit}]. "
            "Is the value in SI units?"
        )
    if name in SHARES and x > 1.0:
        raise ConfigError(f"{name} is a share and must not exceed 1, got {x:g}.")
    return not_negative(name, x, unit) if name in MAY_BE_ZERO else positive(name, x, unit)
