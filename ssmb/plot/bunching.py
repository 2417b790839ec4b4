"""|b| against turn and wavelength."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssmb.errors import ConfigError
from ssmb.plot.canvas import (
    COLOURS,
    LABEL_SIZE,
    LINE_STYLES,
    MARKS,
    TICK_SIZE,
    WIDTH,
    Figure,
    Place,
    dress,
    legend,
    length_text,
    light_unit,
    new_figure,
    whole_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ssmb.tracking import BunchingRecord

#: With more wavelengths than this |b| is shown as a map over turn and wavelength.
MOST_LINES = 6
#: With more turns than this the points are not marked.
_MOST_MARKS = 60


def plot_bunching(record: BunchingRecord, *, into: Place = None) -> Figure:
    """Draw |b| against turn, a line for each wavelength; for more than six wavelengths a map over turn and wavelength.

    Parameters
    ----------
    record : bunching factors of one monitor.
    into : part of another figure to draw in; a new figure if None.

    Raises
    ------
    ConfigError
        The record is empty.
    """
    if not len(record.turn):
        raise ConfigError("this BunchingRecord is empty: no turn was tracked")
    figure = into or new_figure(WIDTH, 3.2)
    axis = figure.add_subplot()
    if len(record.wavelengths) <= MOST_LINES:
        _lines(axis, record)
    elif len(record.turn) == 1:
        _spectrum(axis, record)
    else:
        _map(axis, record)
    return whole_figure(figure)


def _place_text(record: BunchingRecord) -> str:
    return f"at {record.at}" if record.at else "at its end"


def _lines(axis: Axes, record: BunchingRecord) -> None:
    for i, wavelength in enumerate(record.wavelengths):
        axis.plot(
            record.turn,
            record.magnitude[:, i],
            color=COLOURS[i % len(COLOURS)],
            ls=LINE_STYLES[i % len(LINE_STYLES)],
            marker=MARKS[i % len(MARKS)] if len(record.turn) <= _MOST_MARKS else None,
            ms=5,
            lw=1.4,
            clip_on=False,  # marks at |b| = 0 stay whole
            label=length_text(float(wavelength)),
        )
    dress(axis, f"turn ({_place_text(record)})", "bunching factor |b|")
    axis.set_ylim(0.0, max(1.08 * float(record.magnitude.max()), 1e-6))
    _whole_turns(axis, record)
    legend(axis, columns=min(len(record.wavelengths), 4))


def _whole_turns(axis: Axes, record: BunchingRecord) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    first, last = int(record.turn[0]), int(record.turn[-1])
    margin = 0.04 * max(last - first, 1)
    axis.set_xlim(first - margin, last + margin)


def _spectrum(axis: Axes, record: BunchingRecord) -> None:
    factor, unit = light_unit(record.wavelengths)
    order = np.argsort(record.wavelengths)
    axis.plot(record.wavelengths[order] * factor, record.magnitude[0, order], color=COLOURS[0], lw=1.2)
    dress(axis, f"wavelength [{unit}]", "bunching factor |b|", f"turn {int(record.turn[0])}, {_place_text(record)}")
    axis.set_ylim(0.0, max(1.08 * float(record.magnitude.max()), 1e-6))


def _map(axis: Axes, record: BunchingRecord) -> None:
    from matplotlib.ticker import MaxNLocator

    factor, unit = light_unit(record.wavelengths)
    order = np.argsort(record.wavelengths)
    mesh = axis.pcolormesh(
        record.turn, record.wavelengths[order] * factor, record.magnitude[:, order].T, shading="nearest", cmap="viridis"
    )
    dress(axis, f"turn ({_place_text(record)})", f"wavelength [{unit}]", grid=False)
    axis.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    bar = axis.figure.colorbar(mesh, ax=axis)
    bar.set_label("bunching factor |b|", fontsize=LABEL_SIZE)
    bar.ax.tick_params(labelsize=TICK_SIZE)
