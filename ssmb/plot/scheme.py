"""A microbunching scheme: the beam on its way through the thin model, |b| against harmonic, and what schemes ask
for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ssmb.errors import ConfigError
from ssmb.plot import canvas
from ssmb.plot.canvas import COLOURS, LINE_STYLES, MARKS, Figure, Place, dress, legend, length_text, whole_figure
from ssmb.plot.phase_space import plot_phase_space
from ssmb.ranges import count
from ssmb.schemes.thin import line
from ssmb.tracking import track

if TYPE_CHECKING:
    from ssmb.schemes import Scheme, SchemeComparison

#: A quiet start that shows the bands of an echo.
PARTICLES = 2**16
#: |b| below this is not shown.
_LEAST = 1e-4


def plot_scheme(
    scheme: Scheme, *, most_harmonic: int | None = None, n: int = PARTICLES, title: str = "", into: Place = None
) -> Figure:
    """Draw the longitudinal phase space behind each element of the thin model, and |b_n|: closed form and tracked.

    Parameters
    ----------
    scheme : any scheme.
    most_harmonic : last harmonic shown; by default a fourth beyond :meth:`Scheme.best_harmonic`, at least 20.
    n : macroparticles of the quiet start.
    title : in front of the title of the scheme.
    into : part of another figure to draw in; a new figure if None.

    Examples
    --------
    >>> from ssmb.schemes import SCHEMES
    >>> figure = plot_scheme(SCHEMES["single_stage"].examples()[1], n=2**12)
    >>> figure.axes[-1].get_xlabel()
    'harmonic n of the laser'
    """
    last = most_harmonic or _last_shown(scheme)
    beam = scheme.beam(count("n", n))
    stages = [("in front", beam)]
    elements = scheme.thin_line().elements
    for turn in range(scheme.thin_turns):
        for element in elements:
            beam = track(line((element,), scheme.reference, "stage"), beam).beam
            if turn == 0:
                stages.append((f"behind {element.name}", beam))
    figure = into or canvas.new_figure(max(1.95 * len(stages), canvas.WIDTH), 5.0)
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.15, 1.0)).ravel()
    for part, (words, seen) in zip(above.subfigures(1, len(stages), squeeze=False).ravel(), stages, strict=True):
        plot_phase_space(seen, scheme.wavelength, periods=1, title=words, into=part)
        part.axes[0].set_title(words, fontsize=canvas.LABEL_SIZE, loc="left")
    axis = below.add_subplot()
    _harmonics(axis, scheme, scheme.tracked_bunching(range(1, last + 1), stages[0][1]), n)
    legend(axis, columns=3, loc="above right")
    words = f"{title}{', ' if title else ''}{scheme.title}"
    axis.set_title(f"{words}\nλ = {length_text(scheme.wavelength)}", fontsize=canvas.SMALL_SIZE, loc="left")
    return whole_figure(figure)


def plot_scheme_harmonics(schemes: Sequence[Scheme], *, n: int = PARTICLES, into: Place = None) -> Figure:
    """Draw |b_n| of several schemes against the harmonic, a panel each: closed form and tracked thin model.

    Parameters
    ----------
    schemes : one or more.
    n : macroparticles of the quiet starts.
    into : part of another figure to draw in; a new figure if None.
    """
    if not schemes:
        raise ConfigError("there is no scheme to draw")
    rows = (len(schemes) + 1) // 2
    figure = into or canvas.new_figure(7.6, 0.8 + 1.5 * rows)
    axes = figure.subplots(rows, 2, squeeze=False)
    for axis in axes.ravel()[len(schemes) :]:
        axis.remove()
    for axis, scheme in zip(axes.ravel(), schemes, strict=False):
        shown = range(1, _last_shown(scheme) + 1)
        _harmonics(axis, scheme, scheme.tracked_bunching(shown, scheme.beam(count("n", n))), n)
        title = f"{scheme.name}, {length_text(scheme.wavelength)}"
        axis.set_title(title, fontsize=canvas.LABEL_SIZE, loc="left")
    legend(axes[0, 0], loc="upper right")
    return whole_figure(figure)


def _last_shown(scheme: Scheme) -> int:
    """A fourth beyond the best harmonic."""
    return max(20, round(1.25 * scheme.best_harmonic()))


def _harmonics(axis: Axes, scheme: Scheme, tracked: np.ndarray, n: int) -> None:
    orders = np.arange(1, tracked.size + 1)
    closed = np.array([scheme.bunching(int(h)) for h in orders])
    axis.plot(orders, closed, "-", color=COLOURS[0], lw=1.1, label="closed form")
    axis.plot(orders, tracked, "o", ms=3.4, mfc="none", color=COLOURS[1], label="tracked thin model")
    noise = n**-0.5  # a quiet start is below this where few coordinates count, at it in an echo
    lowest = max(_LEAST, 0.3 * min(closed.min(), tracked.min(), 0.1))
    if noise > lowest:
        axis.axhline(noise, color="#777777", lw=0.8, ls=":", label=r"$1/\sqrt{n}$ of the particles")
    axis.set(yscale="log", ylim=(lowest, 1.4))
    axis.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=True))
    dress(axis, "harmonic n of the laser", "|b|")


def plot_scheme_needs(comparisons: Sequence[SchemeComparison], *, into: Place = None) -> Figure:
    """Draw the laser power that each scheme asks for against the harmonic.

    Parameters
    ----------
    comparisons : results of :func:`ssmb.schemes.compare_schemes` for several harmonics, same beam.
    into : part of another figure to draw in; a new figure if None.
    """
    if len(comparisons) < 2:
        raise ConfigError("laser power against harmonic needs comparisons at two harmonics or more")
    axis = canvas.new_axes(into, 6.4, 4.2)
    ordered = sorted(comparisons, key=lambda c: c.harmonic)
    # names in the order of the last harmonic, so that the legend reads like the lines
    names = [row.name for row in reversed(ordered[-1].rows)]
    highest = max(r.laser_power for c in ordered for r in c.rows if r.possible)
    factor, unit = canvas.prefixed(highest, "W")
    for i, name in enumerate(names):
        rows = [(c.harmonic, c.row(name)) for c in ordered]
        points = [(h, r.laser_power * factor) for h, r in rows if r.possible]
        if points:
            style = f"{MARKS[i % len(MARKS)]}{LINE_STYLES[i // len(COLOURS)]}"
            axis.plot(*np.array(points).T, style, ms=4, lw=1.1, mfc="none", color=COLOURS[i % len(COLOURS)], label=name)
    axis.set(xscale="log", yscale="log")
    axis.set_xticks([c.harmonic for c in ordered], [str(c.harmonic) for c in ordered])
    axis.minorticks_off()
    dress(axis, "harmonic n of the laser", f"laser power [{unit}]")
    legend(axis, columns=4)
    return whole_figure(axis)
