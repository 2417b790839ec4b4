"""Growth of compute demand against supply, and the year in which demand outgrows it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ssmb.arguments import checked
from ssmb.lithography.tables import Row, fact_row, fact_rows
from ssmb.quantity import quantity
from ssmb.ranges import choice, count, finite, positive

START_YEAR = 2026.0  #: year of the demand in the table


@dataclass(frozen=True)
class Shortage:
    """Result of :func:`shortage`."""

    year: float | None = quantity("year", "year in which demand passes supply; None when it never does")
    happens: bool = quantity("", "whether it ever does")
    from_start: bool = quantity("", "demand exceeds supply in the first year already, which then is the year")
    supply: float = quantity("1/year", "supply in the first year, of chips or FLOPS")
    demand: float = quantity("1/year", "demand in the first year")
    reason: str = quantity("", "one sentence")


@checked
def shortage(
    supply: float,
    *,
    demand: float,
    demand_growth: float,
    supply_growth: float = 1.0,
    sources: int = 1,
    start_year: float = START_YEAR,
) -> Shortage:
    """Year in which a demand that grows by a factor per year passes the supply of `sources` equal sources.

    Parameters
    ----------
    supply : chips (or FLOPS) per year and source in the first year [1/year].
    demand : the same unit, in the first year.
    demand_growth, supply_growth : factors per year [1], above 0.
    sources : number of sources, built at the start.
    start_year : [year].

    Returns
    -------
    Shortage
        ``year = start + ln(N K/E0)/ln(g/h)``. With ``g <= h`` and enough supply at the start there is no shortage and
        `year` is ``None``; with too little supply at the start the year is the start, whatever the growth.

    Examples
    --------
    >>> round(shortage(1.12e7, demand=4e6, demand_growth=2.3).year, 1)
    2027.2
    >>> shortage(1.12e7, demand=4e6, demand_growth=1.2, supply_growth=1.4).happens
    False
    """
    total = positive("supply", supply, "1/year") * count("sources", sources)
    e0 = positive("demand", demand, "1/year")
    g, h = (positive("demand_growth", demand_growth), positive("supply_growth", supply_growth))
    start = finite("start_year", start_year)
    if e0 >= total:
        return Shortage(start, True, True, total, e0, "demand exceeds supply in the first year already")
    relative = math.log(g) - math.log(h)
    if relative <= 0.0:
        return Shortage(None, False, False, total, e0, "supply grows at least as fast as demand: no shortage")
    wait = (math.log(total) - math.log(e0)) / relative
    if wait > 1e6:
        return Shortage(None, False, False, total, e0, "demand outgrows supply by less than can matter in 1e6 years")
    return Shortage(start + wait, True, False, total, e0, "demand grows faster than supply")


def years_bought(factor: float, *, demand_growth: float, supply_growth: float = 1.0) -> float | None:
    """Years by which `factor` times more sources delay the shortage [year], ``None`` when there is none to delay."""
    relative = math.log(positive("demand_growth", demand_growth)) - math.log(positive("supply_growth", supply_growth))
    return None if relative <= 0.0 else math.log(positive("factor", factor)) / relative


@checked
def growth_from_doubling(months: float) -> float:
    """Growth factor per year [1] of a quantity that doubles in `months` [month].

    >>> round(growth_from_doubling(3.5), 1)
    10.8
    """
    return 2.0 ** (12.0 / positive("doubling time", months, "month"))


@dataclass(frozen=True)
class DemandScenario:
    """A growth rate from the demand table."""

    demand_id: str
    quantity: str  #: what grows
    growth: float  #: factor per year [1]
    period: str  #: years in which it was seen
    status: str
    source: str
    note: str


@checked
def demand_scenario(name: str) -> DemandScenario:
    """A scenario of the table, e.g. ``epoch_stock`` (x2.3 per year) or ``brief_35`` (doubling in 3.5 months)."""
    row = fact_row("demand", name)
    if row.key not in {r.key for r in _growth_rows()}:
        choice("demand scenario (rows with a growth)", name, demand_scenarios())
    value = row.needed("value")
    growth = growth_from_doubling(value) if row.text("unit") == "months" else value
    return row.record(DemandScenario, growth=growth)


@checked
def demand_scenarios() -> tuple[str, ...]:
    """Names of the rows that are growth rates of demand."""
    return tuple(r.key for r in _growth_rows())


def _growth_rows() -> tuple[Row, ...]:
    growing = ("months", "x per year")
    return tuple(r for r in fact_rows("demand") if r.text("unit") in growing and r.key != "node_eff")
