"""Coherent light over the angles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssmb.errors import ConfigError
from ssmb.plot.canvas import Figure, Place, colour_bar, dress, length_text, new_axes, prefixed, whole_figure
from ssmb.quantity import label_of

if TYPE_CHECKING:
    from ssmb.light import TrackedLight

#: Shares of the largest intensity at which the colour changes.
_LEVELS = 41
#: What is shown beyond the angle that holds this share of the light is left out.
_SHOWN = 0.995


def plot_light(light: TrackedLight, *, into: Place = None) -> Figure:
    """Draw the intensity of coherent light over the angles, and along both axes.

    Parameters
    ----------
    light : result of :func:`ssmb.light.tracked_power`.
    into : part of another figure to draw in; a new figure if None.

    Raises
    ------
    ConfigError
        The beam radiates nothing.
    """
    strongest = float(light.intensity.max(initial=0.0))
    if not strongest > 0.0:
        raise ConfigError("this beam radiates nothing coherent that could be drawn")
    axis = new_axes(into, 5.0, 4.0)
    factor, unit = prefixed(_reach(light), "rad")
    per, power_unit = prefixed(strongest * factor**-2, "W")
    shown = np.maximum(light.intensity, 0.0) * factor**-2 * per
    levels = np.linspace(0.0, shown.max(), _LEVELS)
    mesh = axis.tricontourf(
        light.theta_x * factor, light.theta_y * factor, shown, levels=levels, cmap="inferno", zorder=0
    )
    axis.set_facecolor("#000000")
    middle = [float(light.solid @ (light.intensity * a)) / light.power * factor for a in (light.theta_x, light.theta_y)]
    reach = _reach(light) * factor
    axis.set(aspect="equal", xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach))
    watts, watt_unit = prefixed(light.power, "W")
    words = f"{length_text(light.wavelength)}, |b| = {light.bunching:.3g}, {light.power * watts:.3g} {watt_unit}"
    dress(axis, label_of(light, "theta_x", unit), label_of(light, "theta_y", unit), words, grid=False)
    axis.grid(False)  # nor the grid that somebody's settings ask for
    bar = colour_bar(axis, mesh, label_of(light, "intensity", f"{power_unit}/{unit}²"), shrink=0.85)
    bar.set_ticks(np.linspace(0.0, levels[-1], 5), labels=[f"{v:.3g}" for v in np.linspace(0.0, levels[-1], 5)])
    return whole_figure(axis)


def _reach(light: TrackedLight) -> float:
    """Angle about the mean direction that holds nearly all light [rad]."""
    share = light.solid * np.maximum(light.intensity, 0.0)
    share = share / share.sum()
    radius = np.hypot(light.theta_x - share @ light.theta_x, light.theta_y - share @ light.theta_y)
    order = np.argsort(radius)
    held = np.cumsum(share[order])
    return float(radius[order][min(int(np.searchsorted(held, _SHOWN)), radius.size - 1)])
