"""The comparisons that a reader asks for: sources, scanners, roadmaps. Each result prints, and gives CSV and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ssmb.arguments import checked
from ssmb.errors import ConfigError
from ssmb.lithography.chips import chip
from ssmb.lithography.demand import DemandScenario, Shortage, demand_scenario, shortage
from ssmb.lithography.parameters import ModelParameters, model_parameters
from ssmb.lithography.scanner import ScannerPoint, points_table, scanner, scanner_names, scanner_points
from ssmb.lithography.sources import (
    BEAMLINE_RANGE,
    FAMILIES,
    EuvSource,
    FocusPower,
    euv_source,
    euv_sources,
    power_at_focus,
)
from ssmb.lithography.tables import STATUS_MEANING, fact_rows, in_any_case
from ssmb.lithography.uncertainty import RoadmapIntervals, roadmap_intervals
from ssmb.quantity import quantity
from ssmb.ranges import choice, count, positive
from ssmb.tables import Table
from ssmb.units import MILLIJOULE_PER_CM2, NANOMETRE

FEATURES = (
    "average power", "bandwidth", "collimation", "stability", "debris", "scalability to 6.x nm", "footprint",
    "maturity",
)  # fmt: skip
FIGURE_KINDS = {
    "measured": "seen in operation",
    "designed": "a published design",
    "claimed": "a target, roadmap or vendor statement",
    "assumed": "a choice of this package or an unverified figure",
    "simulated": "result of a run of this package",
}


@dataclass(frozen=True)
class SourceComparison:
    """Result of :func:`compare_sources`."""

    sources: tuple[EuvSource, ...] = quantity("", "the sources")
    at_focus: tuple[FocusPower | None, ...] = quantity(
        "", "power at the intermediate focus of one scanner; None where the figure cannot be brought there"
    )
    features: tuple[tuple[str, str, str, str, str], ...] = quantity(
        "", "family, feature, cell, status, source of the families shown"
    )
    transport: float = quantity("1", "assumed undulator exit to intermediate focus")

    @property
    def statement(self) -> str:
        """What 1 kW at an undulator is at the intermediate focus."""
        low, high = (1000.0 * v for v in BEAMLINE_RANGE)
        return (
            f"1 kW at an undulator is {low:.0f}-{high:.0f} W at the intermediate focus, depending on the beamline "
            f"({1000.0 * self.transport:.0f} W with the transport assumed here)."
        )

    def table(self) -> Table:
        """Powers with their planes; the references stand below, by number."""
        references = list(dict.fromkeys(s.source for s in self.sources))
        rows = []
        for s, f in zip(self.sources, self.at_focus, strict=True):
            rows.append(
                (
                    s.source_id, s.technology, s.year, float(f"{s.wavelength / NANOMETRE:.5g}"),
                    _range(_three(s.power_low), _three(s.power_high), s.bounds),
                    s.plane.words, s.scope, s.figure_kind, _focus_words(s, f), _percent(s), s.time_structure,
                    s.wall_power and s.wall_power / 1e6, s.served, s.status, f"[{references.index(s.source) + 1}]",
                )
            )  # fmt: skip
        headers = (
            "source", "technology", "year", "wavelength_nm", "power_W", "stands at", "per", "figure",
            "W at IF per scanner", "band_%", "time", "wall_MW", "scanners", "status", "ref",
        )  # fmt: skip
        notes = (
            "",
            "~: brought to the intermediate focus (IF) with an assumed factor, range in brackets; any plasma with the "
            "collection of an LPP source.",
            *(f"{k}: {v}." for k, v in (*FIGURE_KINDS.items(), *STATUS_MEANING.items())),
            "References:",
            *(f"[{i + 1}] {r}" for i, r in enumerate(references)),
        )
        title = f"EUV sources: every power with its plane\n{self.statement}\n"
        return Table(title, headers, tuple(_tidy(r) for r in rows), notes)

    def feature_table(self) -> Table:
        """What is known of each family, one line per feature (families as columns would be too wide to read)."""
        headers = ("family", "feature", "what is known", "status", "source")
        return Table("Features of the source families", headers, self.features)

    def records(self) -> list[dict[str, Any]]:
        """One dictionary per source in SI units, for JSON."""
        shown = {"": "power", "_low": "low", "_high": "high", "_assumed": "assumed"}
        return [
            asdict(s) | {f"power_at_focus{end}": getattr(f, name, None) for end, name in shown.items()}
            for s, f in zip(self.sources, self.at_focus, strict=True)
        ]


@checked
def compare_sources(
    family: str | None = None,
    *,
    names: Sequence[str] | None = None,
    extra: Sequence[EuvSource] = (),
    parameters: ModelParameters | None = None,
) -> SourceComparison:
    """EUV sources side by side.

    Parameters
    ----------
    family : LPP, DPP, synchrotron, FEL, HHG, SSMB or other; all if not given.
    names : only these sources.
    extra : further sources, such as those of a run (:func:`ssmb.lithography.sources.simulated_sources`).
    parameters : model parameters (transport and collection).
    """
    par = parameters or model_parameters()
    found = tuple(euv_source(n) for n in names) if names else euv_sources(family)
    found += tuple(extra)
    families = {s.family for s in found}
    cells = tuple(
        (r.text("family"), r.text("feature"), r.text("cell"), r.text("status"), r.text("source"))
        for r in fact_rows("features")
        if r.text("family") in families
    )
    focus = tuple(power_at_focus(s, parameters=par) for s in found)
    return SourceComparison(found, focus, cells, par.beamline_transport)


@checked
def source_feature(family: str, feature: str) -> str:
    """One cell of the feature table, e.g. ``source_feature("SSMB", "debris")``."""
    found = in_any_case("family", family, FAMILIES)
    choice("feature", feature, FEATURES)
    for r in fact_rows("features"):
        if (r.text("family"), r.text("feature")) == (found, feature):
            return r.text("cell")
    raise ConfigError(f"Nothing is known about {feature} of {found}.")


@dataclass(frozen=True)
class ScannerComparison:
    """Result of :func:`compare_scanners`."""

    points: tuple[ScannerPoint, ...] = quantity("", "published throughputs and model values")
    scanners: tuple[str, ...] = quantity("", "names of the tools")
    powers: tuple[float, ...] = quantity("W", "powers at the intermediate focus")
    doses: tuple[float, ...] = quantity("J/m^2", "doses")
    rates: tuple[tuple[tuple[float, ...], ...], ...] = quantity("1/h", "wafers per hour by scanner, power and dose")
    half_powers: tuple[tuple[float, ...], ...] = quantity(
        "W", "power for half the ceiling, by scanner and dose, without stage limit"
    )
    unknown: tuple[str, ...] = quantity("", "tools without model rates, for nothing tells their transmission")

    def table(self) -> Table:
        """Published points and residuals."""
        return points_table(self.points)

    def rate_table(self) -> Table:
        """Model rates of every tool."""
        rows = []
        for name, by_power, half in zip(self.scanners, self.rates, self.half_powers, strict=True):
            for p, by_dose in zip(self.powers, by_power, strict=True):
                rows.append((name, p, *(round(r, 1) for r in by_dose), round(half[0])))
        shown = [f"{d / MILLIJOULE_PER_CM2:g}" for d in self.doses]
        headers = (
            "scanner",
            "power_IF_W",
            *(f"wph_at_{d}_mJ_cm2" for d in shown),
            f"half_power_W_at_{shown[0]}_mJ_cm2",
        )
        notes = ("Model rates at full use, no stops; transmission and overhead are fits, see the parameters.",)
        if self.unknown:
            notes += (f"No model rate of {', '.join(self.unknown)}: no published rate tells the transmission.",)
        return Table("Model throughput", headers, tuple(rows), notes)

    def records(self) -> dict[str, object]:
        """Points and rates in SI units, for JSON."""
        return {
            "points": [asdict(p) for p in self.points],
            "rates": [
                {"scanner": s, "power_at_if": p, "dose": d, "wafers_per_hour": self.rates[i][j][k]}
                for i, s in enumerate(self.scanners)
                for j, p in enumerate(self.powers)
                for k, d in enumerate(self.doses)
            ],
        }


@checked
def compare_scanners(
    names: Sequence[str] | None = None,
    *,
    powers: Sequence[float] = (250.0, 500.0, 1000.0),
    doses: Sequence[float] = (200.0, 300.0, 500.0, 600.0),
    parameters: ModelParameters | None = None,
) -> ScannerComparison:
    """Published scanner rates against the model, and model rates over power [W] and dose [J/m^2]."""
    par = parameters or model_parameters()
    if not powers or not doses:
        raise ConfigError(
            "compare_scanners needs at least one power and one dose: a rate without a dose means nothing."
        )
    every = [scanner(n, parameters=par) for n in (names or scanner_names())]
    tools = [t for t in every if t.transmission is not None]
    unknown = tuple(t.scanner_id for t in every if t.transmission is None)
    rates = tuple(tuple(tuple(t.throughput(p, d).wafers_per_hour for d in doses) for p in powers) for t in tools)
    half = tuple(tuple(t.half_power(d) for d in doses) for t in tools)
    shown = tuple(t.scanner_id for t in tools)
    models = {t.model for t in every}
    points = tuple(p for p in scanner_points(parameters=par) if names is None or p.model in models)
    return ScannerComparison(points, shown, tuple(map(float, powers)), tuple(map(float, doses)), rates, half, unknown)


@dataclass(frozen=True)
class RoadmapComparison:
    """Result of :func:`compare_roadmap`."""

    roadmaps: tuple[RoadmapIntervals, ...] = quantity("", "one per source, with intervals")
    scenarios: tuple[DemandScenario, ...] = quantity("", "growths of demand")
    shortages: tuple[tuple[Shortage, ...], ...] = quantity(
        "", "per source and scenario; an empty entry for chips without FLOPS or without EUV"
    )
    scanners_built: int = quantity("1", "how many scanners the shortage counts, of each source as many as feed them")
    supply_growth: float = quantity("1", "FLOPS per wafer, factor per year")

    def tables(self) -> tuple[Table, ...]:
        """One table per source and one of shortage years."""
        found = [r.table() for r in self.roadmaps]
        rows = []
        for r, line in zip(self.roadmaps, self.shortages, strict=True):
            for s, y in zip(self.scenarios, line, strict=False):
                year, feeding = "none" if y.year is None else f"{y.year:.1f}", self.sources_of(r)
                head = (r.roadmap.source_id, float(f"{feeding:.3g}"), s.demand_id, round(s.growth, 2))
                rows.append((*head, year, y.reason, s.status, s.source))
        if rows:
            headers = (
                "source",
                "sources",
                "demand",
                "growth_per_year",
                "year_of_shortage",
                "why",
                "status",
                "reference",
            )
            title = (
                f"Year of shortage with {self.scanners_built} scanner(s) on each kind of source, supply growth "
                f"x{self.supply_growth:g} per year"
            )
            notes = (
                "sources: so many feed these scanners; a ring feeds several, an LPP source one.",
                "Demand counted in H100 equivalents (dense BF16). Doubling in 3.5 months is a claim of the brief only.",
            )
            found.append(Table(title, headers, tuple(rows), notes))
        return tuple(found)

    def sources_of(self, found: RoadmapIntervals) -> float:
        """Sources of this roadmap that feed the scanners [1]."""
        return self.scanners_built / (found.roadmap.scanners or 1.0)

    def table(self) -> Table:
        """All sources in one table: value and interval of each quantity."""
        rows = tuple(
            (r.roadmap.source_id, r.roadmap.node_id, r.roadmap.chip_id, i.name, i.label, i.value, i.low, i.high, i.unit)
            for r in self.roadmaps
            for i in r.intervals
        )
        headers = ("source", "node", "chip", "name", "quantity", "value", "low_16%", "high_84%", "unit")
        return Table("Roadmap", headers, rows, tuple(r.roadmap.statement for r in self.roadmaps))

    def records(self) -> list[dict[str, object]]:
        """One dictionary per source, SI units for the deterministic values, shown units for the intervals."""
        return [
            asdict(r.roadmap)
            | {
                "intervals": [asdict(i) for i in r.intervals],
                "samples": r.samples,
                "seed": r.seed,
                "scanners_built": self.scanners_built,
                "sources_built": self.sources_of(r),
                "shortage": [
                    {"demand": s.demand_id, "growth": s.growth, "year": y.year, "reason": y.reason}
                    for s, y in zip(self.scenarios, line, strict=False)
                ],
            }
            for r, line in zip(self.roadmaps, self.shortages, strict=True)
        ]


@checked
def compare_roadmap(
    sources: Sequence[EuvSource | str],
    *,
    node_id: str | None = None,
    chip_id: str = "h100",
    scanner_id: str = "future",
    die_area: float | None = None,
    all_dies: bool = True,
    demand: Sequence[str] = ("epoch_stock", "epoch_46", "brief_35"),
    scanners_built: int = 4,
    parameters: ModelParameters | None = None,
    samples: int = 1000,
    seed: int = 1,
) -> RoadmapComparison:
    """Roadmaps of several sources with intervals, and the years in which demand outgrows them.

    Parameters
    ----------
    sources : names or records.
    node_id, chip_id, scanner_id, die_area, all_dies, parameters : as in :func:`ssmb.lithography.roadmap.roadmap`.
    demand : growth scenarios of the demand table.
    scanners_built : scanners that share the demand, the same number for each source, so that a ring of several
        scanners is not set against one plasma; by default those of one ring of `ssmb_default` [1].
    samples, seed : of the Monte Carlo.
    """
    if isinstance(sources, (str, EuvSource)):
        sources = (sources,)
    if not sources:
        raise ConfigError("compare_roadmap needs at least one source.")
    par = parameters or model_parameters()
    count("scanners_built", scanners_built)
    found = tuple(
        roadmap_intervals(
            s, node_id=node_id, chip_id=chip_id, scanner_id=scanner_id, die_area=die_area, all_dies=all_dies,
            parameters=par, samples=samples, seed=seed,
        )
        for s in sources
    )  # fmt: skip
    scenarios = tuple(demand_scenario(d) for d in demand)
    reference = positive("dense FLOPS of the H100", chip("h100").flops or 0.0)

    def of_each(scanner_flops: float | None) -> tuple[Shortage, ...]:
        return tuple(
            shortage(
                scanner_flops / reference, demand=par.demand_start, demand_growth=s.growth,
                supply_growth=par.supply_growth, sources=scanners_built,
            )
            for s in scenarios
            if scanner_flops
        )  # fmt: skip

    lines = tuple(of_each(r.roadmap.flops_per_year) for r in found)
    return RoadmapComparison(found, scenarios, lines, scanners_built, par.supply_growth)


def _range(low: float, high: float, bounds: str) -> str:
    above = ">=" if "power_low_W above" in bounds else ""
    return f"{above}{low:g}" if low == high else f"{low:g}-{high:g}"


def _focus_words(source: EuvSource, focus: FocusPower | None) -> str:
    if focus is None:
        return "out of band" if source.in_band is None else "not comparable"
    if not focus.assumed:
        return _range(_three(focus.low), _three(focus.high), "")
    # Without the number of scanners the watts of a linac cannot be shared out.
    whole = " in all" if source.family == "FEL" and source.served is None else ""
    ends = f" ({_three(focus.low):g}-{_three(focus.high):g})" if focus.low < focus.high else ""
    return f"~{_three(focus.power):g}{ends}{whole}"


def _three(x: float) -> float:
    return float(f"{x:.3g}")


def _percent(source: EuvSource) -> str | None:
    if source.bandwidth is None:
        return None
    below = "<" if "band_percent below" in source.bounds else ""
    return f"{below}{_three(100.0 * source.bandwidth):g}"


def _tidy(row: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(None if c is None or c == "" else (int(c) if isinstance(c, float) and c == int(c) else c) for c in row)
