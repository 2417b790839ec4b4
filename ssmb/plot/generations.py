"""The generations of light sources side by side: power, brightness, bandwidth and coherence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.axes import Axes

from ssmb.errors import ConfigError
from ssmb.plot import canvas
from ssmb.plot.canvas import COLOURS, TICK_SIZE, Figure, Place, dress

if TYPE_CHECKING:
    from ssmb.light.generations.compare import Generations, LightSource


def plot_generations(table: Generations, *, into: Place = None) -> Figure:
    """Draw one line for each source in four panels with logarithmic axes.

    A filled mark is the average over time, an open one the peak; the bar between them is the duty of the beam. A thin
    line with ends is the interval of the average where a row hangs on one input, which stands under its name. The names
    carry the band that the powers are counted in.

    Parameters
    ----------
    table : result of :func:`ssmb.light.compare_generations`.
    into : part of another figure to draw in; a new figure if None.

    Raises
    ------
    ConfigError
        There is no source to draw.
    """
    rows = table.sources
    if not rows:
        raise ConfigError("no source to draw: " + "; ".join(f"{name}: {reason}" for name, reason in table.missing))
    figure = into or canvas.new_figure(8.2, 2.0 + 0.62 * len(rows))
    power, brightness, width, coherent = figure.subplots(2, 2, sharey=True).ravel()
    _pairs(power, rows, "power")
    _pairs(brightness, rows, "brightness")
    _marks(width, [r.bandwidth for r in rows])
    _marks(coherent, [r.coherent_fraction for r in rows])
    dress(power, "power in the band [W]")
    dress(brightness, "brightness [1/(s mm² mrad² 0.1 %)]")
    dress(width, "relative bandwidth, rms")
    dress(coherent, "share in one transverse mode")
    names = [f"{r.name}, {r.band * 100:.3g} %" for r in rows]
    intervals = ["" if r.hangs_on is None else f"\n{r.hangs_on.words()}" for r in rows]
    for axis in (power, width):
        canvas.name_rows(axis, [name + interval for name, interval in zip(names, intervals, strict=True)])
    canvas.legend(power, columns=2)
    title = f"Light sources at {canvas.length_text(rows[0].wavelength)}"
    figure.suptitle(title, fontsize=TICK_SIZE + 1, x=0.01, ha="left")
    return canvas.whole_figure(power)


def _pairs(axis: Axes, rows: Sequence[LightSource], name: str) -> None:
    """Average and peak, joined; the interval of the average."""
    for i, row in enumerate(rows):
        average, peak = getattr(row, f"average_{name}"), getattr(row, f"peak_{name}")
        if row.ends:
            low, high = row.interval(f"average_{name}")
            ends = [[average - low], [high - average]]
            axis.errorbar(average, i + 0.22, xerr=ends, fmt="none", ecolor=COLOURS[0], elinewidth=1.0, capsize=3.0)
        axis.plot([average, peak], [i, i], "-", color=COLOURS[0], lw=2.5, alpha=0.35)
        axis.plot(peak, i, "o", mfc="white", mec=COLOURS[1], ms=6.5, label=None if i else "peak")
        axis.plot(average, i, "o", color=COLOURS[0], ms=4.5, label=None if i else "average")
    axis.set_xscale("log")


def _marks(axis: Axes, values: list[float]) -> None:
    """One mark in each row; the ends of the axis leave room around them."""
    axis.plot(values, range(len(values)), "D", color=COLOURS[2], ms=5)
    axis.set(xscale="log", xlim=(min(values) / 4.0, max(values) * 4.0))
