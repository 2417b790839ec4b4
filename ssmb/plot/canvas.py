"""What all figures share: a figure that shows itself, colours, sizes of text, and prefixes of units."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as _MatplotlibFigure
from matplotlib.figure import SubFigure
from numpy.typing import ArrayLike

#: Colours that stay apart for colour-blind readers (Okabe and Ito), darkest first; the yellow is left out.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LINE_STYLES = ("-", "--", "-.", ":")
MARKS = ("o", "s", "^", "D", "v", "P", "X")
#: Colour map of counts: white where there is nothing, and of even lightness.
COUNT_COLOURS = "Blues"
#: Sizes of text [pt]; figures are 5 inches wide and stay readable in a column of 3.4 inches.
LABEL_SIZE, TICK_SIZE, SMALL_SIZE = 10.0, 9.0, 8.5
WIDTH = 5.0

_PREFIXES = {-18: "a", -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


class Figure(_MatplotlibFigure):
    """A matplotlib figure made without pyplot that notebooks show as a picture."""

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


def whole_figure(place: Figure | SubFigure) -> Figure:
    """Return the figure that a part belongs to."""
    while isinstance(place, SubFigure):
        place = place.figure  # type: ignore[assignment]
    return place


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
