"""Separatrices of the laser micro-bucket, with the particles in and around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from ssmb.beam.folding import fold
from ssmb.plot import canvas
from ssmb.plot.canvas import COLOURS, Figure, Place, dress
from ssmb.ranges import positive

if TYPE_CHECKING:
    from ssmb.buckets import MicroBucket

#: Orbits drawn inside a bucket, as shares of the level of its separatrix.
_ORBITS = (0.05, 0.2, 0.45, 0.75)


def plot_bucket(
    bucket: MicroBucket,
    beam: Any = None,
    *,
    periods: int = 2,
    height: float | None = None,
    title: str = "",
    into: Place = None,
) -> Figure:
    """Draw the separatrices of all buckets, their orbits and fixed points, and particles in two colours.

    Parameters
    ----------
    bucket : the bucket; alpha-buckets are drawn with it.
    beam : Beam, or a pair of arrays (z [m], delta); None for no particles. They are folded onto one wavelength that is
        repeated. Blue particles are inside a separatrix. A beam belongs in the middle of the kick or of the slip.
    periods : how many wavelengths are shown.
    height : largest |delta| shown [1]; chosen if None.
    title : what this is.
    into : part of another figure to draw in; a new figure if None.

    Raises
    ------
    ConfigError
        Number of periods or height out of range.

    Examples
    --------
    >>> from ssmb.buckets import MicroBucket
    >>> plot_bucket(MicroBucket(1064e-9, 1e-6, 100.0, 4.2e-4)).axes[0].get_xlabel()
    'z / λ'
    """
    periods = canvas.few_periods(periods)
    axis = canvas.new_axes(into, canvas.WIDTH, 3.6)
    every = bucket.buckets()
    edges = np.array([b.delta_range for b in every])
    z, delta = _places(beam)
    low, high = edges.min(), edges.max()
    if height is not None:
        low, high = -positive("height", height), height
    elif delta.size:
        # the bulk of the particles, not the farthest
        bulk = np.quantile(delta, (0.002, 0.998))
        low, high = min(low, bulk[0]), max(high, bulk[1])
    margin = 0.08 * (high - low)
    factor, power = canvas.power_of_ten(np.array([low, high]))
    shifts = np.arange(-periods - 1, periods + 2)
    if z.size:
        _particles(axis, bucket, z, delta * factor, delta, shifts)
    for own in every:
        for share in _ORBITS:
            _curve(axis, own.outline(241, share), bucket.wavelength, factor, shifts, color="#777777", lw=0.6)
        colour = COLOURS[1] if own.delta == 0.0 else COLOURS[2]
        _curve(axis, own.outline(601), bucket.wavelength, factor, shifts, color=colour, lw=1.6)
        if own.delta != 0.0:
            _name(axis, own.z / bucket.wavelength + shifts, own.delta * factor)
    _fixed_points(axis, bucket, factor, shifts)
    axis.set_xlim(-0.5 * periods, 0.5 * periods)
    axis.set_ylim((low - margin) * factor, (high + margin) * factor)
    dress(axis, "z / λ", canvas.scaled_label("δ", power), canvas.titled(title, bucket.wavelength))
    return canvas.whole_figure(axis)


def _places(beam: Any) -> tuple[np.ndarray, np.ndarray]:
    """z and delta of the particles alive."""
    if beam is None:
        return np.zeros(0), np.zeros(0)
    if hasattr(beam, "coordinates"):
        return beam.z[beam.alive], beam.delta[beam.alive]
    z, delta = beam
    return np.asarray(z, dtype=float), np.asarray(delta, dtype=float)


def _curve(axis: Axes, line: tuple, wavelength: float, factor: float, shifts: np.ndarray, **style: Any) -> None:
    z, delta = line
    for shift in shifts:
        axis.plot(z / wavelength + shift, delta * factor, zorder=3, **style)


def _particles(
    axis: Axes, bucket: MicroBucket, z: np.ndarray, scaled: np.ndarray, delta: np.ndarray, shifts: np.ndarray
) -> None:
    inside = np.any([own.inside(z, delta) for own in bucket.buckets()], axis=0)
    place = fold(z, bucket.wavelength)[0] / bucket.wavelength
    size = float(np.clip(110.0 / np.sqrt(z.size), 0.8, 3.0))
    for chosen, colour in ((~inside, COLOURS[4]), (inside, COLOURS[0])):
        x = np.concatenate([place[chosen] + shift for shift in shifts])
        y = np.tile(scaled[chosen], shifts.size)
        axis.plot(x, y, ".", ms=size, mew=0, color=colour, rasterized=True, zorder=2)


def _name(axis: Axes, x: np.ndarray, y: float) -> None:
    """Mark alpha-buckets."""
    style: dict[str, Any] = {"fontsize": canvas.LABEL_SIZE, "color": COLOURS[2], "clip_on": True, "zorder": 5}
    for place in x:
        axis.annotate("α", (place, y), (5, 4), textcoords="offset points", annotation_clip=True, **style)


def _fixed_points(axis: Axes, bucket: MicroBucket, factor: float, shifts: np.ndarray) -> None:
    for point in bucket.fixed_points():
        x = point.z / bucket.wavelength + shifts
        y = np.full(x.size, point.delta * factor)
        style = {"marker": "o", "ms": 4.0} if point.stable else {"marker": "x", "ms": 5.0, "mew": 1.2}
        axis.plot(x, y, ls="none", color="#000000", zorder=4, **style)
