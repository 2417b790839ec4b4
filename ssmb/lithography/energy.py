"""Electrical energy per exposure, per chip, and over the life of a chip."""

from __future__ import annotations

from ssmb.errors import ConfigError
from ssmb.ranges import finite, not_negative, positive, share
from ssmb.units import HOUR, YEAR


def energy_per_pass(tool_power: float, wafers_per_hour: float) -> float:
    """Energy of one exposure of a wafer on a tool that draws `tool_power` [W] at `wafers_per_hour` [1/h]; [J].

    >>> round(energy_per_pass(1.31e6, 136.0) / 3.6e6, 2)
    9.63
    """
    return positive("tool power", tool_power, "W") * HOUR / positive("wafers per hour", wafers_per_hour, "1/h")


def shared_tool_power(facility_power: float, served: float, body_power: float) -> float:
    """Power of one scanner that shares a source: ``P_facility/n + P_body`` [W].

    Parameters
    ----------
    facility_power : wall plug of ring or linac [W].
    served : scanners (beamlines) that share it [1].
    body_power : scanner without source [W].
    """
    return not_negative("facility power", facility_power, "W") / positive("served scanners", served) + not_negative(
        "body power", body_power, "W"
    )


def break_even_beamlines(facility_power: float, tool_power: float, body_power: float) -> float | None:
    """Beamlines above which a shared source takes less energy per exposure than a tool with its own, at equal rate [1].

    ``None`` when a tool with its own source draws no more than the body alone: then no number of beamlines wins.

    >>> round(break_even_beamlines(3e6, 1.2e6, 0.35e6), 1)
    3.5
    """
    gain = finite("tool power", tool_power) - not_negative("body power", body_power, "W")
    p = not_negative("facility power", facility_power, "W")
    return None if gain <= 0.0 else p / gain


def wall_to_focus(power_at_if: float, wall_power: float) -> float:
    """Efficiency from the wall plug to the intermediate focus [1]; above 1 is an error."""
    eta = not_negative("power at the intermediate focus", power_at_if, "W") / positive("wall power", wall_power, "W")
    if eta > 1.0:
        raise ConfigError(f"power at the intermediate focus {power_at_if:g} W exceeds the wall power {wall_power:g} W.")
    return eta


def energy_per_chip(pass_energy: float, passes_per_chip: float) -> float:
    """EUV tool energy of one finished chip [J] from the energy per pass [J] and the passes per chip [1]."""
    return not_negative("energy per pass", pass_energy, "J") * not_negative("passes per chip", passes_per_chip)


def operating_energy(chip_power: float, years: float, use: float = 1.0) -> float:
    """Energy that a chip of `chip_power` [W] takes in `years` [year] of operation at the share `use` [1]; [J]."""
    return not_negative("chip power", chip_power, "W") * not_negative("years", years, "year") * YEAR * share("use", use)
