"""What all figures share: a figure that shows itself, colours, sizes of text, and prefixes of units."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as _MatplotlibFigure
from matplotlib.figure import SubFigure
from numpy.typing import ArrayLike

from ssmb.errors import ConfigError
from ssmb.ranges import count

#: Colours that stay apart for colour-blind readers (Okabe and Ito), darkest first; the yellow is left out.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINE_STYLES = ("-", "--", "-.", ":")
MARKS = ("o", "s", "^", "D", "v", "P", "X")
#: Sizes of text [pt]; figures are 5 inches wide and stay readable in a column of 3.4 inches.
LABEL_SIZE, TICK_SIZE, SMALL_SIZE = 10.0, 9.0, 8.5
WIDTH = 5.0

_PREFIXES = {-18: "a", -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


class Figure(_MatplotlibFigure):
    """A matplotlib figure made without pyplot that notebooks show as a picture."""

    _placed = False

    def get_layout_engine(self) -> Any:
        """What makes room for the labels; None while the figure is written, where it has done so."""
        return None if self._placed else super().get_layout_engine()

    def savefig(self, fname: Any, **options: Any) -> None:
        """Write the figure; room for its labels is made once, where matplotlib does it in each of two drawings."""
        engine, dpi = self.get_layout_engine(), self.dpi
        try:
            if engine is not None:
                self.set_dpi(options.get("dpi", dpi))  # widths of letters are rounded to pixels
                engine.execute(self)
                self._placed = True
            super().savefig(fname, **options)
        finally:
            self._placed = False
            self.set_dpi(dpi)

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()


#: Where a figure can be drawn: a new figure if None.
Place = Figure | SubFigure | None


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size [inch] that keeps its labels from overlapping."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def stacked(into: Place, width: float, height: float, ratios: Sequence[float] = (1.0,)) -> list[Axes]:
    """Return axes one above the other that share x, of these relative heights, in a place or in a new figure [inch]."""
    place = into or new_figure(width, height)
    return list(place.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0])


def new_axes(into: Place, width: float, height: float) -> Axes:
    """Return axes that fill a place, or a new figure of this size [inch]."""
    return stacked(into, width, height)[0]


def whole_figure(part: Figure | SubFigure | Axes) -> Figure:
    """Return the figure that a part or axes belong to."""
    return part.get_figure(root=True)  # type: ignore[return-value]


def dress(axis: Axes, xlabel: str = "", ylabel: str = "", title: str = "", grid: bool = True) -> None:
    """Give the axes their labels, sizes of text and a light grid."""
    axis.set_xlabel(xlabel, fontsize=LABEL_SIZE)
    axis.set_ylabel(ylabel, fontsize=LABEL_SIZE)
    if title:
        axis.set_title(title, fontsize=LABEL_SIZE, loc="left")
    axis.tick_params(which="both", labelsize=TICK_SIZE, direction="in", top=True, right=True)
    if grid:
        axis.grid(alpha=0.25, lw=0.5, color="#000000")
    axis.set_axisbelow(True)


def name_rows(axis: Axes, names: Sequence[str]) -> None:
    """Write the names of rows at 0, 1, 2 ... along y, the first at the top, with room for bars."""
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.tick_params(axis="y", labelsize=TICK_SIZE, length=0)


def right_axis(axis: Axes, label: str, colour: str) -> Axes:
    """Return axes with their own y at the right, in the colour of what is drawn on them."""
    right = axis.twinx()
    right.set_ylabel(label, color=colour, fontsize=LABEL_SIZE)
    right.tick_params(which="both", labelsize=TICK_SIZE, direction="in", colors=colour)
    return right


def colour_bar(axis: Axes, drawn: Any, label: str, **options: Any) -> Any:
    """Return the colour bar of what is drawn, beside the axes."""
    bar = axis.figure.colorbar(drawn, ax=axis, **options)
    bar.set_label(label, fontsize=LABEL_SIZE)
    bar.ax.tick_params(labelsize=TICK_SIZE)
    return bar


def density_map(axis: Axes, x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> None:
    """Draw counts, shape (y, x), between these edges: the square root, so that tails stay visible beside crests."""
    shown = np.ma.masked_equal(counts / counts.max(), 0.0)  # white where there is nothing, even lightness elsewhere
    axis.pcolormesh(x, y, np.sqrt(shown), cmap="Blues", vmin=-0.15, vmax=1.0, rasterized=True)


def legend(axis: Axes, columns: int = 1, loc: str = "above left") -> None:
    """Draw a legend above the axes ("above left", "above right"), where it covers no data, or inside at ``loc``."""
    outside: dict[str, Any] = {"above left": ("lower left", (0.0, 1.0)), "above right": ("lower right", (1.0, 1.0))}
    corner: Any
    corner, anchor = outside.get(loc, (loc, None))
    axis.legend(
        loc=corner,
        bbox_to_anchor=anchor,
        borderaxespad=0.5 if anchor is None else 0.15,
        fontsize=SMALL_SIZE,
        frameon=anchor is None,  # inside, a white ground keeps the grid out of the text
        framealpha=0.85,
        edgecolor="none",
        ncols=columns,
        handlelength=1.8,
        columnspacing=1.2,
        handletextpad=0.5,
    )


def prefixed(values: ArrayLike, unit: str) -> tuple[float, str]:
    """Return the factor and the unit with a prefix in which the largest value lies between 1 and 1000.

    Examples
    --------
    >>> prefixed([1e-13, 4e-11], "C")
    (1000000000000.0, 'pC')
    >>> prefixed(0.0, "m")
    (1.0, 'm')
    """
    size = np.abs(np.asarray(values, dtype=float))
    size = size[np.isfinite(size) & (size > 0.0)]
    if not size.size:
        return 1.0, unit
    # a little generous, so that 999.9999 nm of rounding does not become 1 µm and back
    power = 3 * math.floor((math.log10(float(size.max())) + 1e-9) / 3.0)
    power = min(max(power, min(_PREFIXES)), max(_PREFIXES))
    return float(f"1e{-power}"), _PREFIXES[power] + unit


def power_of_ten(values: ArrayLike) -> tuple[float, str]:
    """Return factor and label for numbers without a unit: 1.3e-3 becomes 1.3 in units of 10⁻³.

    >>> power_of_ten([2e-3, -4e-4])
    (1000.0, '10⁻³')
    """
    size = float(np.max(np.abs(np.asarray(values, dtype=float)), initial=0.0))
    if not (math.isfinite(size) and size > 0.0):
        return 1.0, "1"
    power = math.floor(math.log10(size) + 1e-9)
    if -1 <= power <= 2:
        return 1.0, "1"
    raised = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return float(f"1e{-power}"), f"10{raised}"


def scaled_label(name: str, unit: str) -> str:
    """Return the label of an axis; a unit of "1" is not written.

    >>> scaled_label("δ", "10⁻³"), scaled_label("δ", "1")
    ('δ [10⁻³]', 'δ')
    """
    return name if unit == "1" else f"{name} [{unit}]"


def titled(title: str, wavelength: float) -> str:
    """Write the title of a figure, if it has one, and the wavelength that it is drawn over [m].

    >>> titled("turn 3", 1064e-9), titled("", 1064e-9)
    ('turn 3, λ = 1064 nm', 'λ = 1064 nm')
    """
    return f"{title}{', ' if title else ''}λ = {length_text(wavelength)}"


def few_periods(periods: int) -> int:
    """Return how many periods are to be drawn, or raise :class:`ConfigError` above 50, where none can be seen."""
    number = count("periods", periods)
    if number > 50:
        raise ConfigError(f"periods must be at most 50 for a readable figure, got {number}")
    return number


def light_unit(wavelengths: ArrayLike) -> tuple[float, str]:
    """Return factor and unit for wavelengths: nanometres for light up to the near infrared, else as
    :func:`prefixed`.
    """
    longest = float(np.max(np.asarray(wavelengths, dtype=float)))
    return (1e9, "nm") if 1e-9 <= longest < 1e-5 else prefixed(longest, "m")


def length_text(wavelength: float) -> str:
    """Write a wavelength for legends.

    >>> length_text(1064e-9), length_text(1.35e-8)
    ('1064 nm', '13.5 nm')
    """
    factor, unit = light_unit(wavelength)
    return f"{wavelength * factor:.5g} {unit}"
