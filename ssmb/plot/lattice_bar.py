"""The magnets of a lattice as a bar along s: bends, quadrupoles, sextupoles, octupoles, undulators, lasers,
cavities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import Patch

from ssmb.plot.canvas import SMALL_SIZE, Place, stacked

if TYPE_CHECKING:
    from ssmb.lattice import Lattice


@dataclass(frozen=True)
class _Symbol:
    """How one family of elements is drawn: from ``low`` to ``high``, on the axis at 0; a line if it has no length."""

    text: str
    colour: str
    low: float
    high: float


_SYMBOLS = (
    _Symbol("bend", "#555555", -0.4, 0.4),
    _Symbol("quad", "#0072B2", 0.0, 1.0),
    _Symbol("sext", "#009E73", 0.0, 0.7),
    _Symbol("oct", "#E69F00", 0.0, 0.7),
    _Symbol("other", "#AAAAAA", -0.3, 0.3),
    _Symbol("undulator", "#CC79A7", -0.25, 0.25),
    _Symbol("modulator", "#D55E00", -0.25, 0.25),
    _Symbol("cavity", "#000000", -0.8, 0.8),
    _Symbol("map", "#56B4E9", -0.5, 0.5),
)


def under_lattice(into: Place, lattice: Lattice | None, ratios: tuple[float, ...]) -> list[Axes]:
    """Return axes along s, one above the other, of these relative heights; above them the bar of a lattice."""
    if lattice is None:
        return stacked(into, 6.0, 3.9, ratios)
    bar, *axes = stacked(into, 6.0, 4.4, (0.28, *ratios))
    draw_lattice_bar(bar, lattice)
    return axes


def draw_lattice_bar(axis: Axes, lattice: Lattice) -> None:
    """Draw the elements between their ends along s [m], focusing ones above the axis and defocusing ones below.

    Sextupoles and octupoles stand above it for positive strength. Elements without a symbol (drifts, markers) are left
    out. A legend above the bar names the families that are there.
    """
    seen: dict[str, _Symbol] = {}
    axis.axhline(0.0, color="#000000", lw=0.6)
    boxes: list[tuple[list[tuple[float, float]], str]] = []
    lines: list[tuple[list[tuple[float, float]], str]] = []
    # wide, flat symbols first, so that narrow ones stay visible
    for element, s in sorted(zip(lattice.elements, lattice.s, strict=True), key=lambda pair: -pair[0].length):
        family, sign = element.family()
        symbol = next((one for one in _SYMBOLS if one.text == family), None)
        if symbol is None:
            continue
        seen[symbol.text] = symbol
        low, high = sorted((sign * symbol.low, sign * symbol.high))
        a, b = float(s), float(s) + element.length
        if b > a:
            boxes.append(([(a, low), (a, high), (b, high), (b, low)], symbol.colour))
        else:
            lines.append(([(a, low), (a, high)], symbol.colour))
    # all at once: a collection for each element would take a second for a ring
    for kind, drawn, width in ((PolyCollection, boxes, 0.0), (LineCollection, lines, 1.6)):
        if drawn:
            places, colours = zip(*drawn, strict=True)
            axis.add_collection(kind(places, color=colours, linewidths=width))
    axis.autoscale_view()
    axis.set_ylim(-1.1, 1.1)
    axis.set_axis_off()
    shown = [symbol for symbol in _SYMBOLS if symbol.text in seen]
    if shown:
        axis.legend(
            handles=[Patch(color=symbol.colour, label=symbol.text) for symbol in shown],
            ncols=len(shown), fontsize=SMALL_SIZE, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0),
            handlelength=0.9, handleheight=0.9, columnspacing=1.0, handletextpad=0.4, borderaxespad=0.1,
        )  # fmt: skip


def within_maps(lattice: Lattice, s: np.ndarray) -> np.ndarray:
    """Whether each of the intervals between the places s (n,) lies in a map, of which only the ends are known, (n -
    1,).
    """
    middle = 0.5 * (s[1:] + s[:-1])
    found = np.zeros(middle.shape, dtype=bool)
    for element, start in zip(lattice.elements, lattice.s, strict=True):
        if element.family()[0] == "map":
            found |= (middle > start) & (middle < start + element.length)
    return found
