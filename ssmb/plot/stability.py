"""Bunches in their own wake, growth of waves against wavelength, and a density on a grid against turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import NullFormatter

from ssmb.errors import ConfigError
from ssmb.plot import canvas
from ssmb.plot.canvas import COLOURS, Figure, Place, dress, prefixed, right_axis
from ssmb.quantity import label_of

if TYPE_CHECKING:
    from ssmb.collective import CoastingStability, HaissinskiBunch, VlasovRun


def plot_haissinski(bunches: Sequence[HaissinskiBunch], *, beam: object = None, into: Place = None) -> Figure:
    """Draw the line density of one bunch or several against z, and the energy that the first gives its particles.

    Parameters
    ----------
    bunches : equilibria, such as those of several charges.
    beam : a tracked Beam, whose particles are drawn as a histogram.
    into : part of another figure to draw in; a new figure if None.

    Raises
    ------
    ConfigError
        There is no bunch.
    """
    if not bunches:
        raise ConfigError("there is no bunch to draw")
    axis = canvas.new_axes(into, canvas.WIDTH, 3.6)
    scale, unit = prefixed(bunches[0].rms, "m")
    if beam is not None:
        z = beam.z[beam.alive]  # type: ignore[attr-defined]
        axis.hist(z * scale, bins=100, weights=np.full(z.size, 1.0 / z.size), density=True, color=COLOURS[4])
    for i, bunch in enumerate(bunches):
        size, charge = prefixed(bunch.charge, "C")
        inside = bunch.density > 1e-4 * bunch.peak_density
        axis.plot(
            bunch.z[inside] * scale,
            bunch.density[inside] / scale,
            color=COLOURS[i % len(COLOURS)],
            label=f"{bunch.charge * size:.3g} {charge}",
        )
    dress(axis, f"z [{unit}]", f"λ [1/{unit}]")
    canvas.legend(axis, columns=len(bunches))
    first = bunches[0]
    energy, volts = prefixed(np.abs(first.gain).max(), "eV")
    other = right_axis(axis, f"dE [{volts}]", "#777777")
    inside = first.density > 1e-4 * first.peak_density
    other.plot(first.z[inside] * scale, first.gain[inside] * energy, color="#777777", ls="--")
    return canvas.whole_figure(axis)


def plot_coasting(waves: CoastingStability, *, into: Place = None) -> Figure:
    """Draw growth per turn, and the threshold current, against the wavelength.

    Parameters
    ----------
    waves : of several wavelengths.
    into : part of another figure to draw in; a new figure if None.
    """
    growth, threshold = canvas.stacked(into, canvas.WIDTH, 4.6, (1.0, 1.0))
    scale, unit = prefixed(waves.wavelength, "m")
    growth.plot(waves.wavelength * scale, waves.growth, ".-", color=COLOURS[0])
    dress(growth, "", label_of(waves, "growth"), f"Waves of a coasting beam at {waves.current:.3g} A")
    known = np.isfinite(waves.threshold)
    threshold.plot(waves.wavelength[known] * scale, waves.threshold[known], ".-", color=COLOURS[0])
    threshold.axhline(waves.current, color=COLOURS[1], ls="--")
    if known.any():
        threshold.set_yscale("log")
    dress(threshold, f"wavelength [{unit}]", "threshold [A]")
    for axis in (growth, threshold):
        axis.set_xscale("log")
        for along in (axis.xaxis, axis.yaxis):
            along.set_minor_formatter(NullFormatter())
    return canvas.whole_figure(growth)


def plot_vlasov(run: VlasovRun, *, into: Place = None) -> Figure:
    """Draw length, momentum spread and unrest against turn.

    Parameters
    ----------
    run : a density on a grid.
    into : part of another figure to draw in; a new figure if None.
    """
    length, spread, unrest = canvas.stacked(into, canvas.WIDTH, 5.6, (1.0, 1.0, 1.0))
    scale, unit = prefixed(run.rms, "m")
    length.plot(run.turn, run.rms * scale, color=COLOURS[0])
    dress(length, "", f"rms length [{unit}]", "Density on a grid")
    factor, power = canvas.power_of_ten(run.sigma_delta)
    spread.plot(run.turn, run.sigma_delta * factor, color=COLOURS[0])
    dress(spread, "", canvas.scaled_label("σδ", power))
    unrest.semilogy(run.turn, np.maximum(run.unrest, 1e-16), color=COLOURS[0])
    dress(unrest, "turn", label_of(run, "unrest"))
    return canvas.whole_figure(length)
