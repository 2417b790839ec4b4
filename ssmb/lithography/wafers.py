"""From exposures per hour to finished wafers per year, and the tool time that a package of several dies takes."""

from __future__ import annotations

from ssmb.ranges import not_negative, positive, share

HOURS_PER_YEAR = 8760.0  #: year of 365 days [h]


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
