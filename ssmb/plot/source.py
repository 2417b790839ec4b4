"""The way of the power of a source as a waterfall on a log axis, and power against harmonic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes

from ssmb.errors import ConfigError
from ssmb.plot import canvas
from ssmb.plot.canvas import COLOURS, Figure, Place, dress, legend, whole_figure
from ssmb.quantity import label_of
from ssmb.text import digits_within, number, quantity

if TYPE_CHECKING:
    from matplotlib.text import Annotation

    from ssmb.facility.source import SourceLight

#: Colours of where a factor comes from.
ORIGINS = {"tracked": COLOURS[0], "calculated": COLOURS[2], "given": COLOURS[4], "assumed": COLOURS[1]}

#: Colour of what is no result.
DOUBT = COLOURS[1]


def plot_source(source: SourceLight, *, into: Place = None) -> Figure:
    """Draw the way of the power, from a thin beam with ideal bunching down to the intermediate focus.

    Each bar reaches from the power before a step to that after it; its colour says where the factor comes from, the
    number is the power after it, in the digits that its range leaves, which a black line with ends shows.

    Parameters
    ----------
    source : state of :class:`ssmb.facility.Radiator`.
    into : part of another figure to draw in; a new figure if None.

    Raises
    ------
    ConfigError
        The source radiates nothing.
    """
    steps = source.steps
    if not all(step.power > 0.0 for step in steps):
        zero = next(step.name for step in steps if not step.power > 0.0)
        raise ConfigError(f"a log axis cannot show a power of zero: nothing is left after '{zero}'")
    axis = canvas.new_axes(into, 6.2, 0.9 + 0.36 * len(steps))
    seen = [end for step in steps for end in (step.power, *(step.power_range or ()))]
    lowest = min(end for end in seen if end > 1e-6 * min(step.power for step in steps)) / 4.0
    before, named, words = lowest, set(), []
    for row, step in enumerate(steps):
        ends = sorted((before if row else lowest, step.power))
        axis.barh(
            row, ends[1] - ends[0], left=ends[0], height=0.62, color=ORIGINS.get(step.origin, "#777777"),
            alpha=0.85, label=None if step.origin in named else step.origin,
        )  # fmt: skip
        named.add(step.origin)
        axis.plot(
            [step.power, step.power], [row - 0.31, row + 1.31 if row + 1 < len(steps) else row + 0.31], "k", lw=0.8
        )
        _bars(axis, [step.power], [row], [step.power_range], flat=True)
        factor = number(step.factor, digits_within(step.factor, step.factor_range, 3))
        text = quantity(step.power, "W", digits_within(step.power, step.power_range, 3))
        end, text = max(ends[1], *(step.power_range or (0.0,))), text if row == 0 else f"{text}   × {factor}"
        words.append(axis.annotate(text, (end, row), (3, 0), textcoords="offset points", va="center",
        fontsize=canvas.SMALL_SIZE))  # fmt: skip
        before = step.power
    axis.set(xscale="log", xlim=(lowest, 1e3 * steps[0].power))
    light = f"{canvas.length_text(source.light.wavelength)}, harmonic {source.harmonic} of the laser"
    title = f"{light}, |b| = {source.light.bunching:.3g}"
    dress(axis, label_of(steps[0], "power"))
    canvas.name_rows(axis, [step.name for step in steps])
    if source.doubt:
        title = f"{source.doubt}\n{title}"
    axis.figure.suptitle(title, fontsize=canvas.TICK_SIZE, x=0.01, ha="left", color=DOUBT if source.doubt else "k")
    legend(axis, columns=2, loc="above right")
    _make_room(axis, words)
    return whole_figure(axis)


def _bars(axis: Axes, values: Sequence[float], at: Sequence[float], ranges: Sequence[Any], flat: bool = False) -> None:
    """Draw the ranges of values, where there are any; flat if the values lie along x."""
    for value, place, bounds in zip(values, at, ranges, strict=True):
        if bounds is not None:
            error = [[value - bounds[0]], [bounds[1] - value]]
            one = {"x": value, "y": place, "xerr": error} if flat else {"x": place, "y": value, "yerr": error}
            axis.errorbar(**one, fmt="none", ecolor="k", elinewidth=1.0, capsize=2.5)


def _make_room(axis: Axes, words: Sequence[Annotation]) -> None:
    """Extend a log axis to the right until the texts end inside the frame."""
    for text in words:
        text.set_in_layout(False)  # else the axes shrink for what is still outside
    whole_figure(axis).draw_without_rendering()  # places the axes
    lowest = axis.get_xlim()[0]
    frame, decades = axis.get_window_extent().width, 1.3  # fewer have crowded labels
    for text in words:
        left = 0.96 - text.get_window_extent().width / frame  # share of the frame at which it may begin
        decades = max(decades, math.log10(text.xy[0] / lowest) / max(left, 0.4))
    axis.set_xlim(lowest, 10.0 ** min(math.log10(lowest) + decades, 300.0))


def plot_harmonics(sources: Sequence[SourceLight], *, into: Place = None) -> Figure:
    """Draw average power at the undulator exit and at the focus, and |b|, against the wavelength of the light.

    Parameters
    ----------
    sources : one for each harmonic, two or more.
    into : part of another figure to draw in; a new figure if None.
    """
    if len(sources) < 2:
        raise ConfigError("power against harmonic needs two harmonics or more")
    axis = canvas.new_axes(into, 5.0, 3.6)
    factor, unit = canvas.light_unit([s.light.wavelength for s in sources])
    x = [s.light.wavelength * factor for s in sources]
    weak = [s.incoherent_power for s in sources]
    axis.plot(x, [s.exit.average_power for s in sources], "o-", color=COLOURS[0], ms=5, lw=1.2, label="undulator exit")
    axis.plot(x, [s.power_at_focus for s in sources], "s--", color=COLOURS[1], ms=5, lw=1.2, label="focus")
    _bars(axis, [s.exit.average_power for s in sources], x, [s.exit.average_power_range for s in sources])
    _bars(axis, [s.power_at_focus for s in sources], x, [s.power_at_focus_range for s in sources])
    axis.plot(x, weak, "^:", color="#777777", ms=4, lw=1.0, label="incoherent, in band")
    axis.set(xscale="log", yscale="log")
    axis.set_xticks(x, [f"{value:.4g}" for value in x])
    axis.minorticks_off()
    dress(axis, label_of(sources[0].exit, "wavelength", unit), label_of(sources[0].exit, "average_power"))
    right = canvas.right_axis(axis, label_of(sources[0].light, "bunching"), COLOURS[2])
    right.plot(x, [s.light.bunching for s in sources], "D-", color=COLOURS[2], ms=4, lw=0.9)
    right.set_ylim(0.0, 1.05)
    legend(axis, columns=3)
    doubted = [f"{1e9 * s.light.wavelength:.4g} nm: {s.doubt}" for s in sources if s.doubt]
    if doubted:
        axis.figure.suptitle("\n".join(doubted), fontsize=canvas.TICK_SIZE, x=0.01, ha="left", color=DOUBT)
    return whole_figure(axis)
