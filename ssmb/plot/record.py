"""The figure of a record of a monitor: its curves against turn, or a map over turn and wavelength."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ssmb.errors import ConfigError
from ssmb.plot import canvas
from ssmb.plot.canvas import COLOURS, LINE_STYLES, MARKS, Figure, Place, dress

if TYPE_CHECKING:
    from ssmb.tracking.monitors import Curves, Record

#: With more wavelengths than this their curves are shown as a map over turn and wavelength.
MOST_LINES = 6
#: With more turns than this the points are not marked.
_MOST_MARKS = 60


def plot_record(record: Record, *, into: Place = None) -> Figure:
    """Draw the curves that a record has against turn, one frame above the other.

    Parameters
    ----------
    record : what a monitor recorded.
    into : part of another figure to draw in; a new figure if None.

    Raises
    ------
    ConfigError
        The record is empty, or has no curves.
    """
    name, frames = type(record).__name__, record.curves()
    if not frames:
        raise ConfigError(f"a {name} has no figure: it tells no curves")
    if not len(record.turn):
        raise ConfigError(f"this {name} is empty: no turn was tracked")
    at = getattr(record, "at", None)
    place = f"at {at}" if at else "at its end"
    wide = frames[0].wavelengths is not None and len(frames[0].wavelengths) > MOST_LINES
    axes = canvas.stacked(into, canvas.WIDTH, 1.8 + 1.4 * len(frames), (1.0,) * (1 if wide else len(frames)))
    if wide:
        _by_wavelength(axes[0], record.turn, frames[0], place)
        return canvas.whole_figure(axes[0])
    for axis, curves in zip(axes, frames, strict=True):
        last = axis is axes[-1]
        _frame(axis, record.turn, curves, f"turn ({place})" if last else "", alone=len(frames) == 1)
        axis.tick_params(labelbottom=last)
    _whole_turns(axes[-1], record.turn)
    return canvas.whole_figure(axes[0])


def _frame(axis: Axes, turn: np.ndarray, curves: Curves, xlabel: str, alone: bool) -> None:
    names = curves.names
    if curves.wavelengths is not None:
        names = tuple(canvas.length_text(float(w)) for w in curves.wavelengths)
    factor, label = _scale(curves)
    for i, values in enumerate((curves.values * factor).T):
        axis.plot(
            turn,
            values,
            color=COLOURS[i % len(COLOURS)],
            ls=LINE_STYLES[i % len(LINE_STYLES)],
            marker=MARKS[i % len(MARKS)] if len(turn) <= _MOST_MARKS else None,
            ms=5,
            lw=1.4,
            clip_on=False,  # marks at zero stay whole
            label=names[i] if names else None,
        )
    dress(axis, xlabel, label)
    _from_zero(axis, curves, factor, 1.32 if names and not alone else 1.08)
    if names:
        canvas.legend(axis, min(len(names), 4), *(() if alone else ("upper right",)))
    if curves.right is not None:
        _right(axis, turn, curves.right, COLOURS[len(names) or 1])
        axis.yaxis.label.set_color("#000000" if names else COLOURS[0])


def _right(axis: Axes, turn: np.ndarray, curves: Curves, colour: str) -> None:
    """One curve on the axis to the right, which has its colour."""
    factor, label = _scale(curves)
    right = axis.twinx()
    right.plot(turn, curves.values[:, 0] * factor, color=colour, lw=1.0, ls="--")
    dress(right, ylabel=label, grid=False)
    _from_zero(right, curves, factor, 1.15)
    right.yaxis.label.set_color(colour)


def _scale(curves: Curves) -> tuple[float, str]:
    """Factor on the values, and label of their axis."""
    if not curves.unit:
        return 1.0, curves.label
    factor, unit = canvas.prefixed(curves.values, curves.unit)
    return factor, f"{curves.label} [{unit}]"


def _from_zero(axis: Axes, curves: Curves, factor: float, room: float) -> None:
    """Let an axis of values that are never negative begin at zero."""
    if float(np.min(curves.values)) >= 0.0:
        highest = factor * float(np.max(curves.values))
        axis.set_ylim(0.0, curves.reach * factor if curves.reach else max(room * highest, 1e-12))


def _whole_turns(axis: Axes, turn: np.ndarray) -> None:
    axis.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    first, last = int(turn[0]), int(turn[-1])
    margin = 0.04 * max(last - first, 1)
    axis.set_xlim(first - margin, last + margin)


def _by_wavelength(axis: Axes, turn: np.ndarray, curves: Curves, place: str) -> None:
    """A map over turn and wavelength; of one turn a line over the wavelengths."""
    wavelengths = np.asarray(curves.wavelengths)
    factor, unit = canvas.light_unit(wavelengths)
    order = np.argsort(wavelengths)
    x, values = wavelengths[order] * factor, curves.values[:, order]
    if len(turn) == 1:
        axis.plot(x, values[0], color=COLOURS[0], lw=1.2)
        dress(axis, f"wavelength [{unit}]", curves.label, f"turn {int(turn[0])}, {place}")
        _from_zero(axis, curves, 1.0, 1.08)
        return
    mesh = axis.pcolormesh(turn, x, values.T, shading="nearest", cmap="viridis")
    dress(axis, f"turn ({place})", f"wavelength [{unit}]", grid=False)
    axis.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    canvas.colour_bar(axis, mesh, curves.label)
