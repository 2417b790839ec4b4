"""Longitudinal phase space over a few wavelengths, with the current profile above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from ssmb.beam.bunching import living
from ssmb.plot import canvas
from ssmb.plot.canvas import COLOURS, Figure, Place, dress
from ssmb.ranges import positive

if TYPE_CHECKING:
    from ssmb.beam import Beam

#: Up to so many particles each is a point; above, their density is shown.
_MOST_POINTS = 4000
#: Bins of one wavelength: the current is resolved to the 32nd harmonic if there are particles enough.
_MOST_BINS, _PARTICLES_PER_BIN = 128, 60


def plot_phase_space(beam: Beam, wavelength: float, *, periods: int = 3, title: str = "", into: Place = None) -> Figure:
    """Draw delta against z in units of the wavelength, folded onto one period that is repeated, and the current.

    Parameters
    ----------
    beam : beam; lost particles are left out.
    wavelength : length of a period [m].
    periods : how many periods are shown.
    title : what beam this is.
    into : part of another figure to draw in; a new figure if None.

    Raises
    ------
    ConfigError
        Wavelength or number of periods out of range.
    PhysicsError
        No particle is alive.
    """
    positive("wavelength", wavelength, "m")
    periods = canvas.few_periods(periods)
    z, weight = living(beam)
    kept = weight > 0.0
    phase = z[kept] / wavelength
    phase -= np.floor(phase + 0.5)
    delta, weight = beam.delta[kept], weight[kept]
    top, below = canvas.stacked(into, canvas.WIDTH, 4.2, (1.0, 2.4))
    _current(top, phase, weight, periods, canvas.titled(title, wavelength))
    _density(below, phase, delta, weight, periods)
    below.set_xlim(-0.5 * periods, 0.5 * periods)
    return canvas.whole_figure(top)


def _shifts(periods: int) -> np.ndarray:
    """Whole periods by which one period is moved to fill the axis; the outermost may be cut by its ends."""
    reach = periods // 2 if periods % 2 else periods // 2 + 1
    return np.arange(-reach, reach + 1)


def _current(axis: Axes, phase: np.ndarray, weight: np.ndarray, periods: int, title: str) -> None:
    bins = int(np.clip(phase.size // _PARTICLES_PER_BIN, 16, _MOST_BINS))
    filled, edges = np.histogram(phase, bins=bins, range=(-0.5, 0.5), weights=weight)
    relative = filled * (bins / weight.sum())
    shifts = _shifts(periods)
    everywhere = np.concatenate([edges[:-1] + s for s in shifts] + [[shifts[-1] + 0.5]])
    axis.stairs(np.tile(relative, shifts.size), everywhere, color=COLOURS[1], lw=1.2, baseline=None)
    axis.axhline(1.0, color="#777777", lw=0.7, ls="--")
    axis.set_ylim(0.0, 1.1 * max(float(relative.max()), 1.2))
    dress(axis, "", "current\n/ mean", title)
    axis.tick_params(labelbottom=False)


def _density(axis: Axes, phase: np.ndarray, delta: np.ndarray, weight: np.ndarray, periods: int) -> None:
    factor, power = canvas.power_of_ten(delta)
    scaled = delta * factor
    middle, half = 0.5 * (scaled.min() + scaled.max()), 0.52 * (scaled.max() - scaled.min())
    half = half or max(abs(middle), 1.0) * 1e-3
    shifts = _shifts(periods)
    if phase.size <= _MOST_POINTS:
        everywhere = np.concatenate([phase + s for s in shifts])
        axis.plot(everywhere, np.tile(scaled, shifts.size), ",", color=COLOURS[0], rasterized=True)
        axis.plot(everywhere, np.tile(scaled, shifts.size), ".", ms=1.6, mew=0, color=COLOURS[0], rasterized=True)
    else:
        columns = int(np.clip(np.sqrt(phase.size / 6.0), 40, 160))
        limits = ((-0.5, 0.5), (middle - half, middle + half))
        density, edges, heights = np.histogram2d(phase, scaled, bins=(columns, columns), range=limits, weights=weight)
        everywhere = np.concatenate([edges[:-1] + s for s in shifts] + [[shifts[-1] + 0.5]])
        canvas.density_map(axis, everywhere, heights, np.tile(density.T, (1, shifts.size)))
    axis.set_ylim(middle - half, middle + half)
    dress(axis, "z / λ", canvas.scaled_label("δ", power))
