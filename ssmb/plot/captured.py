"""The micro-bucket against turn: what is captured, and its bunching."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssmb.errors import ConfigError
from ssmb.plot.canvas import (
    COLOURS,
    LINE_STYLES,
    WIDTH,
    Figure,
    Place,
    dress,
    legend,
    new_figure,
    prefixed,
    whole_figure,
)
from ssmb.quantity import label_of

if TYPE_CHECKING:
    from ssmb.tracking import BucketRecord

#: More harmonics than this are not drawn.
MOST_HARMONICS = 6


def plot_captured(record: BucketRecord, *, into: Place = None) -> Figure:
    """Draw the captured share with the rms length of what is captured, and |b_n|, against turn.

    Parameters
    ----------
    record : record of one bucket monitor.
    into : part of another figure to draw in; a new figure if None.

    Raises
    ------
    ConfigError
        The record is empty.
    """
    if not len(record.turn):
        raise ConfigError("this BucketRecord is empty: no turn was tracked")
    figure = into or new_figure(WIDTH, 4.6)
    top, below = figure.subplots(2, 1, sharex=True)
    factor, unit = prefixed(record.sigma_z, "m")
    top.plot(record.turn, record.captured, color=COLOURS[0], lw=1.4)
    dress(top, ylabel=label_of(record, "captured"))
    top.yaxis.label.set_color(COLOURS[0])
    top.set_ylim(0.0, 1.05)
    top.tick_params(labelbottom=False)
    sizes = top.twinx()
    sizes.plot(record.turn, record.sigma_z * factor, color=COLOURS[1], lw=1.0, ls="--")
    dress(sizes, ylabel=f"σ_z [{unit}]", grid=False)
    sizes.yaxis.label.set_color(COLOURS[1])
    sizes.set_ylim(0.0, max(1.15 * factor * float(record.sigma_z.max()), 1e-12))
    for i, n in enumerate(record.harmonics[:MOST_HARMONICS]):
        below.plot(
            record.turn,
            record.magnitude[:, i],
            color=COLOURS[i % len(COLOURS)],
            ls=LINE_STYLES[i % len(LINE_STYLES)],
            lw=1.2,
            label=f"n = {n}",
        )
    place = f"at {record.at}" if record.at else "at its end"
    dress(below, f"turn ({place})", "|b_n|")
    below.set_ylim(0.0, max(1.32 * float(np.max(record.magnitude[:, :MOST_HARMONICS])), 1e-6))
    legend(below, columns=min(len(record.harmonics), 3), loc="upper right")
    return whole_figure(figure)
