"""Scanner throughput against power and dose, its calibration on published points, and wafers per year.

One wafer takes ``t = t0 + N_f (H + h)/v``: fixed overhead `t0`, `N_f` fields of height `H` scanned through a slit of
height `h` at the speed ``v = P_w/(D W)`` that gives the dose `D` over the width `W`, ``P_w = P_IF T``. Only the product
of power and transmission is constrained by published rates, and published rates are "at least" values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ssmb.arguments import checked
from ssmb.errors import ConfigError
from ssmb.lithography.parameters import ModelParameters, model_parameters
from ssmb.lithography.tables import Row, fact_rows, in_any_case
from ssmb.quantity import quantity
from ssmb.ranges import not_negative, positive, share
from ssmb.tables import Table
from ssmb.units import HOUR, MILLIJOULE_PER_CM2

LEGACY_ABOVE = 9.0  #: fitted overhead that marks the older generation of stages [s]
NEW_STAGE_YEAR = 2023  #: first year of the newer generation
NO_RATE = 1e-30  #: a wafer in the lifetime of many universes counts as none [1/s]
DOSE_RANGE = (0.1, 1e6)  #: doses outside are taken for a wrong unit [J/m^2]
HOURS_PER_YEAR = 8760.0  #: year of 365 days [h]
FUTURE = "future"  #: name of the hypothetical tool of the model parameters


@dataclass(frozen=True)
class Throughput:
    """Result of :meth:`Scanner.throughput`."""

    wafers_per_hour: float = quantity("1/h", "wafers per hour at full use, without stops")
    wafer_time: float | None = quantity("s", "time of one wafer; None without power")
    exposure_time: float | None = quantity("s", "of that the scans")
    overhead: float = quantity("s", "of that the rest")
    scan_speed: float = quantity("m/s", "speed of the wafer stage")
    limited_by: str = quantity("", "power, scan speed, or no power")
    power_at_if: float = quantity("W", "power at the intermediate focus")
    power_at_wafer: float = quantity("W", "power at the wafer")
    dose: float = quantity("J/m^2", "resist dose at the wafer")


@checked
@dataclass(frozen=True)
class Scanner:
    """An EUV scanner in the throughput model; every choice is a field."""

    scanner_id: str = quantity("", "name in the table")
    model: str = quantity("", "name")
    year: float | None = quantity("year", "year of the first tools")
    numerical_aperture: float = quantity("1", "numerical aperture")
    field_width: float = quantity("m", "width of the exposed field at the wafer")
    field_height: float = quantity("m", "its height; 16.5 mm at 0.55 NA")
    fields_per_wafer: float = quantity("1", "exposures per wafer")
    transmission: float | None = quantity("1", "intermediate focus to wafer; None if no published rate tells it")
    overhead: float = quantity("s", "time of a wafer without exposure")
    slit_height: float = quantity("m", "height of the slit")
    scan_speed_limit: float | None = quantity("m/s", "most speed of the wafer stage; None switches the limit off")
    tool_power: float | None = quantity("W", "wall plug of the tool with its plasma source; None if not known")
    overhead_status: str = quantity("", "where overhead and transmission come from")
    source: str = quantity("", "where the row comes from")

    def __post_init__(self) -> None:
        for name in ("field_width", "field_height", "slit_height"):
            positive(name, getattr(self, name), "m")
        positive("fields_per_wafer", self.fields_per_wafer)
        if self.transmission is not None:
            share("transmission", self.transmission)
        not_negative("overhead", self.overhead, "s")
        if self.scan_speed_limit is not None:
            positive("scan_speed_limit", self.scan_speed_limit, "m/s")

    @property
    def swept_area(self) -> float:
        """Area that the slit sweeps on one wafer, edge fields and overscan included [m^2]."""
        return self.fields_per_wafer * self.field_width * (self.field_height + self.slit_height)

    @property
    def ceiling(self) -> float:
        """Wafers per hour for unlimited power and stage speed [1/h]; zero overhead has none and is an error."""
        if self.overhead == 0.0:
            raise ConfigError("With zero overhead the rate has no ceiling; give an overhead above 0 s.")
        return HOUR / self.overhead

    def half_power(self, dose: float) -> float:
        """Power at the intermediate focus that gives half the ceiling at `dose` [J/m^2] without speed limit [W]."""
        overhead = positive("overhead", self.overhead, "s")
        return positive("dose", dose, "J/m^2") * self.swept_area / (overhead * self._known_transmission)

    @property
    def _known_transmission(self) -> float:
        if self.transmission is None:
            raise ConfigError(
                f"The transmission of '{self.scanner_id}' is not known: no rate with power and dose is published. Give "
                "one with dataclasses.replace(scanner(...), transmission=...), or choose a scanner with a fit."
            )
        return self.transmission

    def throughput(self, power_at_if: float, dose: float) -> Throughput:
        """Wafers per hour.

        Parameters
        ----------
        power_at_if : in-band power at the intermediate focus [W]; 0 gives 0 wafers per hour.
        dose : resist dose at the wafer [J/m^2]; 30 mJ/cm^2 are 300 J/m^2. There is no default: a rate without a dose
            means nothing.

        Examples
        --------
        >>> round(scanner("nxe3600d").throughput(350.0, 300.0).wafers_per_hour, 1)
        160.2
        """
        p = not_negative("power at the intermediate focus", power_at_if, "W")
        d = _dose(dose)
        p_wafer = p * self._known_transmission
        speed = p_wafer / (d * self.field_width)
        limited = "power"
        if self.scan_speed_limit is not None and speed > self.scan_speed_limit:
            speed, limited = self.scan_speed_limit, "scan speed"
        path = self.fields_per_wafer * (self.field_height + self.slit_height)
        # Written as a rate, so that zero or vanishing power gives zero wafers and not a division by zero.
        rate = speed / (path + self.overhead * speed)
        if rate < NO_RATE:
            return Throughput(0.0, None, None, self.overhead, speed, "no power", p, p_wafer, d)
        return Throughput(HOUR * rate, 1.0 / rate, path / speed, self.overhead, speed, limited, p, p_wafer, d)


def _dose(dose: object) -> float:
    d = positive("dose", dose, "J/m^2")
    low, high = DOSE_RANGE
    if not low <= d <= high:
        raise ConfigError(f"dose = {d:g} J/m^2 lies outside {low:g}-{high:g} J/m^2. 30 mJ/cm^2 are 300 J/m^2.")
    return d


@checked
def scanner(name: str = FUTURE, *, parameters: ModelParameters | None = None) -> Scanner:
    """A scanner of the table, or ``"future"`` with the fields of the model parameters (a hypothetical 0.33-NA tool).

    Parameters
    ----------
    name : scanner_id such as nxe3600d, exe5200b, or "future".
    parameters : model parameters; they give transmission, slit height and scan-speed limit of all tools, and the
        field and overhead of the future tool.

    Raises
    ------
    ConfigError
        Unknown name, with the nearest match.
    """
    par = parameters or model_parameters()
    found = in_any_case("scanner", name, scanner_names())
    if found == FUTURE:
        return Scanner(
            FUTURE, "hypothetical 0.33-NA tool", None, 0.33, par.field_width, par.field_height, par.fields_per_wafer,
            par.transmission, par.overhead, par.slit_height, par.scan_speed_limit, par.tool_power,
            "parameters.toml", "parameters.toml",
        )  # fmt: skip
    return _from_row([r for r in fact_rows("scanners") if r.text("scanner_id") == found][-1], par)


def _from_row(row: Row, par: ModelParameters) -> Scanner:
    rows = [row, *reversed([r for r in fact_rows("scanners") if r.text("scanner_id") == row.text("scanner_id")])]

    def known(column: str) -> float | None:
        """Of the row, else of the latest of the same tool that knows it; none is taken as 1."""
        return next((value for r in rows if (value := r.si(column)) is not None), None)

    fitted, factor = known("model_overhead_s"), known("model_transmission_factor")
    # Two generations are told apart by the overhead fitted to them; tools without a fit by their year.
    legacy = fitted > LEGACY_ABOVE if fitted is not None else row.needed("year") < NEW_STAGE_YEAR
    return row.record(
        Scanner,
        {"field_width": "field_x_mm", "field_height": "field_y_mm"},
        transmission=None if factor is None else par.transmission * factor,
        overhead=par.overhead_legacy if legacy else par.overhead,
        slit_height=par.slit_height,
        scan_speed_limit=par.scan_speed_limit,
        tool_power=known("tool_power_MW"),
        overhead_status="that of its generation, by its year" if fitted is None else "fit to published rates",
    )


@checked
def scanner_names() -> tuple[str, ...]:
    """Names of all scanners, the hypothetical one last."""
    return (*dict.fromkeys(r.text("scanner_id") for r in fact_rows("scanners")), FUTURE)


@dataclass(frozen=True)
class ScannerPoint:
    """A published throughput and the model value beside it."""

    point_id: str = quantity("", "name in the table")
    model: str = quantity("", "the scanner")
    role: str = quantity("", "calibration, validation or context")
    kind: str = quantity("", "what kind of rate was published")
    power: float = quantity("W", "power at the intermediate focus")
    dose: float = quantity("J/m^2", "resist dose at the wafer")
    published: float = quantity("1/h", "published wafers per hour")
    modelled: float = quantity("1/h", "wafers per hour of the model")
    residual: float = quantity("1", "modelled/published - 1")
    status: str = quantity("", "quality of the row")
    unverified: tuple[str, ...] = quantity("", "doubtful cells of the row")
    source: str = quantity("", "where the row comes from")


#: field -> column
_POINT_COLUMNS = {
    "kind": "throughput_kind", "power": "source_power_W", "dose": "dose_mJ_cm2", "published": "throughput_wph",
}  # fmt: skip


@checked
def scanner_points(*, parameters: ModelParameters | None = None) -> tuple[ScannerPoint, ...]:
    """All published points with power, dose and rate, and what the model makes of them.

    Rows without a dose or a power are left out: a rate without a dose is not a point.
    """
    par = parameters or model_parameters()
    points = []
    for row in fact_rows("scanners"):
        needed = (*_POINT_COLUMNS.values(), "model_overhead_s")
        if not all(row.text(column) for column in needed):
            continue
        point = row.record(ScannerPoint, _POINT_COLUMNS, modelled=0.0, residual=0.0)
        modelled = _from_row(row, par).throughput(point.power, point.dose).wafers_per_hour
        points.append(replace(point, modelled=modelled, residual=modelled / point.published - 1.0))
    return tuple(points)


def points_table(points: tuple[ScannerPoint, ...]) -> Table:
    """Published points and residuals as a table; ``?`` marks an unverified power or dose."""

    def shown(p: ScannerPoint, value: float, column: str) -> str:
        return f"{value:g}{'?' if column in p.unverified else ''}"

    rows = tuple(
        (
            p.model, p.role, shown(p, p.power, "source_power_W"),
            shown(p, p.dose / MILLIJOULE_PER_CM2, "dose_mJ_cm2"), p.published, round(p.modelled, 1),
            round(100.0 * p.residual, 1), p.kind, p.status, p.source,
        )
        for p in points
    )  # fmt: skip
    headers = (
        "scanner", "role", "power_IF_W", "dose_mJ_cm2", "published_wph", "model_wph", "residual_%", "kind", "status",
        "source",
    )  # fmt: skip
    note = "? = power or dose not verified. Published rates are 'at least' values."
    return Table("Published throughput against the model", headers, rows, (note,))


def passes_per_year(wafers_per_hour: float, equipment_effectiveness: float) -> float:
    """Exposures of a whole wafer per scanner and year.

    Parameters
    ----------
    wafers_per_hour : rate at full use [1/h].
    equipment_effectiveness : availability times use times rate (OEE), in (0, 1] [1].

    Examples
    --------
    >>> round(passes_per_year(136.0, 1.0))
    1191360
    """
    rate = not_negative("wafers per hour", wafers_per_hour, "1/h")
    return rate * HOURS_PER_YEAR * share("equipment_effectiveness", equipment_effectiveness)


def wafers_per_year(wafers_per_hour: float, equipment_effectiveness: float, euv_layers: float, rework: float) -> float:
    """Wafer starts that one scanner can serve in a year.

    Parameters
    ----------
    wafers_per_hour : at the dose of the node [1/h].
    equipment_effectiveness : [1].
    euv_layers : EUV exposures per wafer [1], above 0; a node without EUV is not limited by it and has no answer here.
    rework : share of exposures done twice [1].
    """
    layers = positive("euv_layers", euv_layers)
    return passes_per_year(wafers_per_hour, equipment_effectiveness) / (layers * (1.0 + not_negative("rework", rework)))
