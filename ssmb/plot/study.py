"""The figures of a run: each alone, or all on one page. Each study registers what can be drawn of its result."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ssmb.errors import ConfigError
from ssmb.plot.canvas import COLOURS, Figure, dress, name_rows, new_axes, new_figure, whole_figure

if TYPE_CHECKING:
    from ssmb.studies import Result

#: Draws into a place, or into a new figure if it is None.
Draw = Callable[[Any], Figure]
#: class of a result -> what can be drawn of it, by name
DRAWINGS: dict[type, Callable[[Any], dict[str, Draw]]] = {}


def drawings(of: type) -> Callable[[Callable[[Any], dict[str, Draw]]], Callable[[Any], dict[str, Draw]]]:
    """Register a function that returns what can be drawn of the results of a class."""

    def register(function: Callable[[Any], dict[str, Draw]]) -> Callable[[Any], dict[str, Draw]]:
        DRAWINGS[of] = function
        return function

    return register


def study_figures(result: Result) -> dict[str, Figure]:
    """Return the figures that a run has, by name."""
    return {name: draw(None) for name, draw in drawings_of(result).items()}


def plot_study(result: Result) -> Figure:
    """Return all figures of a run on one page.

    Raises
    ------
    ConfigError
        The run has nothing to draw.
    """
    found = list(drawings_of(result).values())
    if not found:
        raise ConfigError("this run has nothing to draw: no optics, no living particles, no records")
    rows = (len(found) + 1) // 2
    page = new_figure(10.4, 4.3 * rows)
    parts = page.subfigures(rows, 2, squeeze=False).ravel()
    for part, draw in zip(parts, found, strict=False):
        draw(part)
    return page


def drawings_of(result: Result) -> dict[str, Draw]:
    """What can be drawn: functions of the place to draw in; of a study without own figures, its table as bars."""
    for module in sorted(m.name for m in pkgutil.iter_modules([str(Path(__file__).parent)])):
        importlib.import_module(f"{__package__}.{module}")  # who has drawings registers them
    function = DRAWINGS.get(type(result))
    return {"table": lambda into: plot_table(result, into=into)} if function is None else function(result)


def plot_table(result: Result, *, into: Any = None) -> Figure:
    """Draw the numbers of a result's table as bars on a log axis."""
    row = {name: float(value) for name, value in result.table().items()}
    shown = {name: value for name, value in row.items() if np.isfinite(value) and value > 0.0}
    if not shown:
        raise ConfigError("this run has no positive number that a log axis could show")
    axis = new_axes(into, 6.2, 0.9 + 0.3 * len(shown))
    axis.barh(range(len(shown)), list(shown.values()), height=0.62, color=COLOURS[0])
    axis.set(xscale="log")
    dress(axis, "", "", result.config.title)
    name_rows(axis, list(shown))
    return whole_figure(axis)
