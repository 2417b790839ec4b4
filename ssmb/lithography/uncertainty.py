"""16-84 % intervals of the roadmap numbers by Monte Carlo over the ranges of the tables.

Every varied input has a log-normal (some a normal) distribution whose median is its default; the range in the table is
5-95 %. ``shape="centred"`` takes the *width* of the range and centres it on the default (in the logarithm), so that a
product of inputs has its deterministic value as its median. The model is no pure product (overhead plus exposure time,
power of the ring plus that of the tool), and its curvature moves the medians by up to 4 %. That shift is known from
the derivatives of the model at the defaults (:mod:`ssmb.lithography.curvature`, to 0.15 % of the value); it is divided
out of the samples and stated with each interval, so that the deterministic value is the median of what is shown, within
the Monte-Carlo error, and the interval lies around it.

``shape="split"`` takes a lopsided range as it stands (5 % at the lower, 95 % at the upper end, median at the default).
Then the median of a result moves off the deterministic value, and nothing is divided out. Physical bounds clip the
inputs.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ssmb.arguments import checked
from ssmb.errors import ConfigError
from ssmb.lithography.curvature import median_shifts
from ssmb.lithography.demand import START_YEAR, shortage
from ssmb.lithography.parameters import ModelParameters, parameter_table
from ssmb.lithography.roadmap import SHOWN, Case, Roadmap, evaluate, roadmap_case
from ssmb.lithography.scanner import FUTURE, scanner
from ssmb.lithography.sources import COHERENT_FAMILIES, EuvSource, PowerPlane
from ssmb.quantity import quantities_of, quantity
from ssmb.ranges import choice, count, positive
from ssmb.tables import Table

SHAPES = ("centred", "split")
Z95 = 1.6448536269514722  #: standard normal quantile of 95 %
QUANTILES = (0.16, 0.50, 0.84)


@dataclass(frozen=True)
class Varied:
    """One varied input: default and 5 %, 95 % of the range, in its own unit."""

    name: str
    value: float
    low: float
    high: float
    upper_bound: float = math.inf
    normal: bool = False


@dataclass(frozen=True)
class Interval:
    """A headline number with its interval, all in the unit of the interval."""

    name: str  #: field of :class:`Roadmap`
    label: str  #: what it is, in words
    unit: str  #: of the numbers below
    value: float  #: deterministic
    low: float  #: 16 % of the samples, after the shift by curvature is divided out
    median: float  #: 50 %
    high: float  #: 84 %
    median_error: float  #: standard error of the median
    curvature: float  #: relative shift of the median by the curvature of the model, which the samples have had [1]


@checked
@dataclass(frozen=True)
class RoadmapIntervals:
    """Result of :func:`roadmap_intervals`."""

    roadmap: Roadmap = quantity("", "the deterministic result")
    intervals: tuple[Interval, ...] = quantity("", "one per headline number; empty for chips that EUV does not limit")
    varied: tuple[Varied, ...] = quantity("", "the inputs that were varied")
    samples: int = quantity("1", "number of samples")
    seed: int = quantity("1", "seed of the samples")
    shape: str = quantity("", "centred or split", choices=SHAPES)

    def __getitem__(self, name: str) -> Interval:
        """The interval of one field of the roadmap."""
        found = {i.name: i for i in self.intervals}
        return found[choice("quantity", name, found)]

    def table(self) -> Table:
        """Value and interval of each headline number."""
        r = self.roadmap
        rows = tuple((i.label, i.value, i.low, i.high, i.unit) for i in self.intervals)
        notes = (
            r.statement,
            f"16-84 % from {self.samples} samples, seed {self.seed}, shape {self.shape}; varied: "
            + ", ".join(v.name for v in self.varied),
        )
        bent = max(self.intervals, key=lambda i: abs(i.curvature), default=None)
        if bent is not None and bent.curvature != 0.0:
            notes += (
                "The shift of the median by the curvature of the model is taken out of the intervals; "
                f"largest: {100.0 * bent.curvature:+.1f} % in {bent.label}.",
            )
        if r.doubtful:
            notes += ("Doubtful cells of the chip: " + ", ".join(r.doubtful),)
        title = f"{r.source_id} -> {r.scanner_id} -> {r.node_id} -> {r.chip_id}"
        return Table(
            title, ("quantity", "value", "low_16%", "high_84%", "unit"), rows, notes if rows else (r.statement,)
        )


def varied_inputs(case: Case) -> tuple[Varied, ...]:
    """The inputs of a case that have a range: model parameters, layers of the node, power of the source."""
    limits = quantities_of(ModelParameters)
    found = []
    for name, p in parameter_table().items():
        value = getattr(case.parameters, name)
        if p.low < p.high and _matters(name, case):
            # A changed default keeps the relative width of its range.
            scale, most = value / p.value, limits[name].maximum
            found.append(Varied(name, value, p.low * scale, p.high * scale, most, p.distribution == "normal"))
    n = case.node
    if 0 < n.euv_layers_low < n.euv_layers_high and case.layers == n.euv_layers:
        found.append(Varied("layers", case.layers, n.euv_layers_low, n.euv_layers_high))
    s = case.source
    if 0.0 < s.power_low < s.power_high:
        found.append(Varied("power_factor", 1.0, s.power_low / s.power, s.power_high / s.power))
    return tuple(v for v in found if v.value > 0.0)


def _matters(name: str, case: Case) -> bool:
    """Whether the roadmap of the case depends on the parameter at all."""
    s, plasma = case.source, case.source.family in ("LPP", "DPP")
    legacy = case.scanner.overhead == case.parameters.overhead_legacy
    shared = s.wall_power is None or s.source_id == "ssmb_default"
    rules = {
        "demand_start": False,
        "supply_growth": False,
        "overhead": not legacy,
        "overhead_legacy": legacy,
        "collection": s.plane is PowerPlane.PLASMA,
        "beamline_transport": s.plane in (PowerPlane.UNDULATOR_EXIT, PowerPlane.SOURCE_EXIT),
        "bandwidth_gain": s.family in COHERENT_FAMILIES,
        "ring_power": not plasma and shared,
        "body_power": not plasma,
        "tool_power": plasma and s.wall_power is None and case.scanner.scanner_id == FUTURE,
    }
    return rules.get(name, True)


def draw(varied: Varied, samples: int, seed: int, shape: str = "centred") -> NDArray[np.float64]:
    """Samples of one input; the stream depends on seed and name only, so that other inputs do not shift it."""
    stream = np.random.default_rng([count("seed", seed, at_least=0), zlib.crc32(varied.name.encode())])
    return from_scores(varied, stream.standard_normal(count("samples", samples)), shape)


def from_scores(varied: Varied, scores: NDArray[np.float64], shape: str = "centred") -> NDArray[np.float64]:
    """Values of one input that belong to standard-normal `scores` [sigma]; 0 gives the default."""
    choice("shape", shape, SHAPES)
    if not varied.low <= varied.value <= varied.high:
        raise ConfigError(
            f"{varied.name}: default {varied.value:g} lies outside its range {varied.low:g}-{varied.high:g}."
        )
    low, middle, high = varied.low, varied.value, varied.high
    if not varied.normal:
        low, middle, high = math.log(low), math.log(middle), math.log(high)
    below, above = (middle - low) / Z95, (high - middle) / Z95
    if shape == "centred":
        below = above = 0.5 * (below + above)
    x = middle + np.where(scores < 0.0, below * scores, above * scores)
    return np.clip(x if varied.normal else np.exp(x), 0.0, varied.upper_bound)


@checked
def roadmap_intervals(
    source: EuvSource | str,
    *,
    node_id: str | None = None,
    chip_id: str = "h100",
    scanner_id: str = "future",
    die_area: float | None = None,
    all_dies: bool = True,
    parameters: ModelParameters | None = None,
    samples: int = 1000,
    seed: int = 1,
    shape: str = "centred",
) -> RoadmapIntervals:
    """The roadmap with a 16-84 % interval on each headline number.

    Parameters
    ----------
    source, node_id, chip_id, scanner_id, die_area, all_dies, parameters : as in
        :func:`ssmb.lithography.roadmap.roadmap`.
    samples : number of samples [1], at least 100.
    seed : same seed, same numbers.
    shape : "centred" or "split", see the module.
    """
    case = roadmap_case(
        source, node_id=node_id, chip_id=chip_id, scanner_id=scanner_id, die_area=die_area, all_dies=all_dies,
        parameters=parameters,
    )  # fmt: skip
    central = evaluate(case)
    count("samples", samples, at_least=100)
    choice("shape", shape, SHAPES)
    count("seed", seed, at_least=0)
    if not central.limited_by_euv:
        return RoadmapIntervals(central, (), (), samples, seed, shape)
    varied = varied_inputs(case)
    columns = {v.name: draw(v, samples, seed, shape) for v in varied}
    results = [evaluate(_sampled(case, {n: float(c[i]) for n, c in columns.items()})) for i in range(samples)]
    shown = [line for line in SHOWN if getattr(central, line[0]) is not None]
    bends = curvatures(case, varied, tuple(line[0] for line in shown)) if shape == "centred" else [0.0] * len(shown)
    intervals = []
    for (name, label, scale, unit), bend in zip(shown, bends, strict=True):
        values = np.array([getattr(r, name) for r in results]) * (scale / (1.0 + bend))
        low, median, high = (float(q) for q in np.quantile(values, QUANTILES))
        error = math.sqrt(math.pi / 2.0) * 0.5 * (high - low) / math.sqrt(samples)
        value = getattr(central, name) * scale
        intervals.append(Interval(name, label, unit, value, low, median, high, error, bend))
    return RoadmapIntervals(central, tuple(intervals), varied, samples, seed, shape)


def curvatures(case: Case, varied: tuple[Varied, ...], names: tuple[str, ...]) -> list[float]:
    """Relative shift of the median of each named number of the roadmap by the curvature of the model [1].

    For the distributions of ``shape="centred"``; from one roadmap per input and side, two more per number.
    """
    central = evaluate(case)
    # A source without power makes nothing, and nothing has no relative shift.
    bent = [n for n in names if getattr(central, n) > 0.0]

    def logarithms(scores: NDArray[np.float64]) -> NDArray[np.float64]:
        values = {v.name: float(from_scores(v, z)) for v, z in zip(varied, scores, strict=True)}
        roadmap = evaluate(_sampled(case, values))
        return np.log([getattr(roadmap, n) for n in bent])

    shifts = dict(zip(bent, np.expm1(median_shifts(logarithms, len(varied))), strict=True)) if bent else {}
    return [float(shifts.get(n, 0.0)) for n in names]


def _sampled(case: Case, values: Mapping[str, float]) -> Case:
    own = {n: v for n, v in values.items() if n not in ("layers", "power_factor")}
    par = replace(case.parameters, **own)
    return replace(
        case,
        parameters=par,
        scanner=scanner(case.scanner.scanner_id, parameters=par),
        layers=values.get("layers", case.layers),
        power_factor=values.get("power_factor", case.power_factor),
    )


@dataclass(frozen=True)
class ShortageMap:
    """Year of shortage over growth of demand and number of sources."""

    growth: tuple[float, ...] = quantity("1", "growth of demand, factor per year")
    sources: tuple[int, ...] = quantity("1", "number of sources")
    years: tuple[tuple[float | None, ...], ...] = quantity(
        "year", "year of shortage, rows over growth, columns over sources; None without shortage"
    )
    supply: float = quantity("1/year", "chips per source and year")
    demand: float = quantity("1/year", "chips per year at the start")
    supply_growth: float = quantity("1", "growth of supply, factor per year")

    def table(self) -> Table:
        """Years of shortage; "none" where supply grows at least as fast."""
        rows = tuple(
            (g, *("none" if y is None else f"{y:.1f}" for y in line))
            for g, line in zip(self.growth, self.years, strict=True)
        )
        headers = ("demand_growth_per_year", *(f"{n}_sources" for n in self.sources))
        note = f"supply {self.supply:.3g} chips per source and year, demand {self.demand:.3g} per year at the start"
        return Table(f"Year of shortage, supply growth x{self.supply_growth:g} per year", headers, rows, (note,))


@checked
def shortage_map(
    supply: float,
    *,
    demand: float,
    growth: tuple[float, ...] = (1.2, 1.6, 2.3, 4.6, 10.8),
    sources: tuple[int, ...] = (1, 5, 10, 50, 100),
    supply_growth: float = 1.0,
    start_year: float = START_YEAR,
) -> ShortageMap:
    """Year of shortage for each growth of demand and number of sources; arguments as in :func:`shortage`."""
    positive("supply", supply, "1/year")
    if not growth or not sources:
        raise ConfigError("growth and sources need at least one entry each.")

    def year(demand_growth: float, number: int) -> float | None:
        return shortage(
            supply, demand=demand, demand_growth=demand_growth, supply_growth=supply_growth, sources=number,
            start_year=start_year,
        ).year  # fmt: skip

    years = tuple(tuple(year(g, n) for n in sources) for g in growth)
    return ShortageMap(tuple(growth), tuple(sources), years, supply, demand, supply_growth)
