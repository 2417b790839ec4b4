"""Figures of the lithography room: source powers, throughput, energy, chips per year, years of shortage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from ssmb.lithography.demand import START_YEAR
from ssmb.lithography.energy import break_even_beamlines, energy_per_pass, shared_tool_power
from ssmb.lithography.parameters import ModelParameters, model_parameters
from ssmb.lithography.scanner import Scanner, scanner, scanner_points
from ssmb.lithography.sources import BEAMLINE_RANGE, EuvSource, euv_sources, power_at_focus
from ssmb.lithography.uncertainty import RoadmapIntervals, ShortageMap
from ssmb.plot.canvas import COLOURS, LINE_STYLES, Figure, colour_bar, dress, legend, name_rows, new_axes, whole_figure
from ssmb.units import KILOWATT_HOUR, MILLIJOULE_PER_CM2

#: Colours and marks that stay apart in grey and for colour-blind readers.
FAMILY_STYLE = {"LPP": (COLOURS[0], "o"), "DPP": (COLOURS[5], "v"), "SSMB": (COLOURS[1], "*"), "FEL": (COLOURS[2], "s")}
#: Of a figure that is not drawn into given axes [inch].
SIZE = (7.0, 4.6)


def plot_source_powers(sources: Sequence[EuvSource] | None = None, *, ax: Axes | None = None) -> Figure:
    """Power at the intermediate focus of one scanner over the year, for LPP and others with the SSMB design points.

    Filled marks are measured at the focus; open marks are designed, claimed or assumed, or were measured elsewhere and
    brought to the focus with an assumed factor. Bars show the range of beamlines between the undulator and the focus.
    Powers that cannot be brought to the focus are left out. SSMB points are shifted by 0.2 years, so that they do not
    hide the others.
    """
    axis = ax or new_axes(None, *SIZE)
    labelled: set[str] = set()
    for s in sources or euv_sources():
        f = power_at_focus(s)
        if s.family not in FAMILY_STYLE or s.year is None or f is None or f.power < 1.0:
            continue
        if s.family == "FEL" and s.served is None and f.power > 2000.0:
            continue
        colour, mark = FAMILY_STYLE[s.family]
        seen = s.figure_kind == "measured" and not f.assumed
        label = s.family if s.family not in labelled else None
        labelled.add(s.family)
        error = None if f.low == f.high else [[f.power - f.low], [f.high - f.power]]
        axis.errorbar(
            s.year + (0.2 if s.family == "SSMB" else 0.0), f.power, yerr=error, fmt=mark, color=colour, capsize=2.5,
            mfc=colour if seen else "white", ms=12 if mark == "*" else 7, label=label, lw=1.0,
        )  # fmt: skip
    low, high = (1000.0 * v for v in BEAMLINE_RANGE)
    axis.axhspan(low, high, color=FAMILY_STYLE["SSMB"][0], alpha=0.12, lw=0, label="1 kW at an undulator")
    axis.set_yscale("log")
    title = "Filled: measured there. Open: designed, claimed, or with an assumed factor."
    dress(axis, "year", "power at the intermediate focus, per scanner [W]", title)
    legend(axis, loc="lower center")
    return whole_figure(axis)


def plot_throughput(
    doses: Sequence[float] = (200.0, 300.0, 500.0, 600.0),
    *,
    tool: Scanner | None = None,
    parameters: ModelParameters | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Wafers per hour over power at several doses [J/m^2], with published points of 0.33-NA tools."""
    axis = ax or new_axes(None, *SIZE)
    par = parameters or model_parameters()
    machine = tool or scanner(parameters=par)
    power = np.linspace(5.0, 1500.0, 400)
    for i, d in enumerate(doses):
        rate = [machine.throughput(float(p), d).wafers_per_hour for p in power]
        words = f"{d / MILLIJOULE_PER_CM2:g} mJ/cm$^2$"
        axis.plot(power, rate, color=COLOURS[i % len(COLOURS)], ls=LINE_STYLES[i % len(LINE_STYLES)], label=words)
    points = [p for p in scanner_points(parameters=par) if p.role != "context"]
    # One label per tool: at its last point, or at the left of the first where the last ones crowd.
    left = {"NXE:3400B", "NXE:3400C"}
    labelled = {p.model: p for p in points} | {p.model: p for p in reversed(points) if p.model in left}
    for p in points:
        match = [i for i, d in enumerate(doses) if d == p.dose]
        colour = COLOURS[match[0] % len(COLOURS)] if match else "0.4"
        axis.plot(p.power, p.published, "o" if p.role == "calibration" else "D", color=colour, mec="k", ms=6, zorder=5)
        # The dose stands beside the mark as well, for readers without colour.
        name, dose = p.model if labelled[p.model] is p else "", f"{p.dose / MILLIJOULE_PER_CM2:g}"
        if not name and p.dose == labelled[p.model].dose and p.model in left:
            continue
        offset, side = ((-7, -3), "right") if name and p.model in left else ((8, -3), "left")
        axis.annotate(
            f"{name} ({dose})" if name else dose, (p.power, p.published), xytext=offset, textcoords="offset points",
            fontsize=8 if name else 7, ha=side, bbox={"fc": "white", "ec": "none", "alpha": 0.7, "pad": 0.5},
        )  # fmt: skip
    axis.plot([], [], "o", color="w", mec="k", label="published, calibration")
    axis.plot([], [], "D", color="w", mec="k", label="published, validation")
    axis.set(xlim=(0, 1500), ylim=(0, None))
    title = f"Lines: {machine.model}, {machine.overhead:g} s per wafer; number and colour: dose in mJ/cm$^2$"
    dress(axis, "power at the intermediate focus [W]", "wafers per hour", title)
    legend(axis, 2, "lower right")
    return whole_figure(axis)


def plot_energy(
    ring_powers: Sequence[float] = (1.5e6, 3.0e6, 6.0e6),
    *,
    wafers_per_hour: float | None = None,
    parameters: ModelParameters | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Energy per exposure over the beamlines of a ring, for several ring powers [W], against a tool with its LPP."""
    axis = ax or new_axes(None, *SIZE)
    par = parameters or model_parameters()
    rate = wafers_per_hour or scanner(parameters=par).throughput(620.0, 300.0).wafers_per_hour
    n = np.arange(1, 13)
    for i, p in enumerate(ring_powers):
        energy = [energy_per_pass(shared_tool_power(p, float(k), par.body_power), rate) / KILOWATT_HOUR for k in n]
        limit = break_even_beamlines(p, par.tool_power, par.body_power)
        words = f"ring {p / 1e6:g} MW" + ("" if limit is None else f", equal at {limit:.1f}")
        axis.plot(n, energy, "o", ls=LINE_STYLES[i % 4], color=COLOURS[i % 6], ms=5, label=words)
    own = energy_per_pass(par.tool_power, rate) / KILOWATT_HOUR
    axis.axhline(own, color="k", lw=1.2, label=f"LPP tool, {par.tool_power / 1e6:g} MW")
    axis.set(yscale="log", xticks=n)
    axis.set_yticks([2, 3, 5, 10, 20], ["2", "3", "5", "10", "20"])
    axis.minorticks_off()
    title = f"{rate:.0f} wafers/h; ring powers and {par.body_power / 1e6:g} MW per scanner are assumed"
    dress(axis, "beamlines on the ring", "energy per exposure of a wafer [kWh]", title)
    legend(axis, loc="best")
    return whole_figure(axis)


def plot_chips(results: Sequence[RoadmapIntervals], *, per_source: bool = False, ax: Axes | None = None) -> Figure:
    """Chips per year of each roadmap with its 16-84 % interval; per scanner, or per source with all its scanners."""
    name = "chips_per_year_source" if per_source else "chips_per_year"
    limited = [r for r in results if r.roadmap.limited_by_euv]
    axis = ax or new_axes(None, 7.0, 1.2 + 0.5 * max(3, len(results)))
    for i, r in enumerate(limited):
        low, value, high = (number / 1e6 for number in (r[name].low, r[name].value, r[name].high))
        error = [[max(0.0, value - low)], [max(0.0, high - value)]]
        axis.errorbar(value, i, xerr=error, fmt="o", color=COLOURS[i % 6], capsize=4, ms=7)
        axis.annotate(f"{value:.2f}", (value, i), (0, 8), textcoords="offset points", ha="center", fontsize=8)
    dress(axis, f"million chips per {'source' if per_source else 'scanner'} and year (16-84 % interval)")
    whose = [f"{r.roadmap.source_id}{f', {r.roadmap.scanners:g} scanner(s)' if per_source else ''}" for r in limited]
    chips = [f"{r.roadmap.chip_id} on {r.roadmap.node_id}" for r in limited]
    name_rows(axis, [f"{source}\n{chip}" for source, chip in zip(whose, chips, strict=True)])
    axis.set_xlim(0, None)
    return whole_figure(axis)


def plot_shortage(result: ShortageMap, *, ax: Axes | None = None) -> Figure:
    """Map of the year of shortage over growth of demand and number of sources."""
    axis = ax or new_axes(None, 6.4, 4.2)
    years = np.array([[np.nan if y is None else y for y in line] for line in result.years])
    top = START_YEAR + 15.0
    image = axis.imshow(
        np.clip(years, START_YEAR, top), cmap="viridis", vmin=START_YEAR, vmax=top, aspect="auto", origin="lower"
    )
    axis.set_facecolor("0.85")
    for i, line in enumerate(result.years):
        for j, y in enumerate(line):
            shown, dark = "none" if y is None else f"{y:.1f}", y is not None and y < START_YEAR + 8.0
            axis.text(j, i, shown, ha="center", va="center", color="w" if dark else "k", fontsize=9)
    axis.set_xticks(range(len(result.sources)), [str(n) for n in result.sources])
    axis.set_yticks(range(len(result.growth)), [f"{g:g}" for g in result.growth])
    title = f"Year of shortage, supply per source growing x{result.supply_growth:g} per year"
    dress(axis, "sources", "demand growth per year [factor]", title, grid=False)
    colour_bar(axis, image, "year (lighter: later)")
    return whole_figure(axis)
