"""Light of one passage against bunch charge, on log axes, with the N and N² lines and their crossover."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.errors import ConfigError
from ssmb.plot import canvas
from ssmb.plot.canvas import COLOURS, MARKS, Figure, Place, prefixed
from ssmb.quantity import label_of

if TYPE_CHECKING:
    from ssmb.light.signal import ChargeSignal


def plot_signal(signals: Sequence[ChargeSignal], *, into: Place = None) -> Figure:
    """Draw the energy of one passage against charge for one harmonic or several.

    Marks and full lines are the sum; the dashed guide line is the coherent part (as N²), the dotted one the incoherent
    part (as N). The charge at which both are equal stands in the legend, and as a vertical line if it is on the axis.

    Parameters
    ----------
    signals : one or more.
    into : part of another figure to draw in; a new figure if None.

    Raises
    ------
    ConfigError
        There is no signal.
    """
    if not signals:
        raise ConfigError("there is no signal to draw: the run has no 'light' section")
    axis = canvas.new_axes(into, canvas.WIDTH, 3.8)
    charge_factor, charge_unit = prefixed(np.concatenate([s.charge for s in signals]), "C")
    energy_factor, energy_unit = prefixed(np.concatenate([s.energy for s in signals]), "J")
    energy = np.concatenate([s.energy for s in signals]) * energy_factor
    if not (energy > 0.0).any():
        raise ConfigError("the signal is zero at every charge: log axes cannot show it")
    axis.set(xscale="log", yscale="log")
    for i, signal in enumerate(signals):
        _draw(axis, signal, i, charge_factor, energy_factor)
    charges = np.concatenate([s.charge for s in signals]) * charge_factor
    axis.set_xlim(charges.min() / 1.5, charges.max() * 1.5)
    # where the incoherent part is far below, let at least the upper half of its line be seen
    middle = [s.incoherent_energy.max() * math.sqrt(s.charge.min() / s.charge.max()) * energy_factor for s in signals]
    lowest = min([energy[energy > 0.0].min(), *(m for m in middle if m > 0.0)])
    bottom, highest = lowest / 3.0, energy.max() * 3.0
    axis.set_ylim(bottom, highest * (highest / bottom) ** 0.35)  # the legend stands above the lines
    canvas.dress(axis, label_of(signals[0], "charge", charge_unit), f"energy per passage [{energy_unit}]")
    _guide_names(axis)
    _crossovers(axis, signals, charge_factor)
    electrons: Any = 1.0 / (charge_factor * ELEMENTARY_CHARGE)
    upper = axis.secondary_xaxis("top", functions=(lambda charge: charge * electrons, lambda n: n / electrons))
    upper.set_xlabel("electrons N", fontsize=canvas.LABEL_SIZE)
    upper.tick_params(which="both", labelsize=canvas.TICK_SIZE, direction="in")
    axis.tick_params(which="both", top=False)
    canvas.legend(axis, loc="upper left")
    return canvas.whole_figure(axis)


def _draw(axis: Axes, signal: ChargeSignal, i: int, charge_factor: float, energy_factor: float) -> None:
    colour = COLOURS[i % len(COLOURS)]
    order = np.argsort(signal.charge)
    charge = signal.charge[order]
    # the guide lines reach to the ends of the axis
    wide = np.array([charge[0] / 3.0, charge[-1] * 3.0])
    quadratic = float(signal.coherent_energy[order][-1]) / charge[-1] ** 2 * wide**2
    linear = float(signal.incoherent_energy[order][-1]) / charge[-1] * wide
    if quadratic.min() > 0.0:
        axis.plot(wide * charge_factor, quadratic * energy_factor, color=colour, lw=0.9, ls="--")
    if linear.min() > 0.0:
        axis.plot(wide * charge_factor, linear * energy_factor, color=colour, lw=0.9, ls=":")
    text = f"{canvas.length_text(signal.wavelength)}, |b| = {signal.bunching:.2g}"
    if math.isfinite(signal.crossover_charge) and signal.crossover_charge > 0.0:
        factor, unit = prefixed(signal.crossover_charge, "C")
        text += f", equal at {signal.crossover_charge * factor:.3g} {unit}"
    if 0.0 < signal.spread < math.inf:
        coherent, other = signal.coherent_energy[order], signal.incoherent_energy[order]
        low, high = (max(0.0, 1.0 + end * signal.spread) * coherent + other for end in (-1.0, 1.0))
        axis.fill_between(
            charge * charge_factor, low * energy_factor, high * energy_factor, color=colour, alpha=0.2, lw=0.0
        )
    axis.plot(
        charge * charge_factor, signal.energy[order] * energy_factor,
        color=colour, marker=MARKS[i % len(MARKS)], ms=5, lw=1.4, label=text,
    )  # fmt: skip


def _guide_names(axis: Axes) -> None:
    """Explain the guide lines in the legend, in grey because they come in every colour."""
    axis.plot([], [], color="#777777", lw=0.9, ls="--", label="coherent, as N²")
    axis.plot([], [], color="#777777", lw=0.9, ls=":", label="incoherent, as N")


def _crossovers(axis: Axes, signals: Sequence[ChargeSignal], factor: float) -> None:
    """Draw a line at each crossover charge that lies on the axis; its value stands in the legend."""
    low, high = axis.get_xlim()
    for i, signal in enumerate(signals):
        if low < signal.crossover_charge * factor < high:
            axis.axvline(signal.crossover_charge * factor, color=COLOURS[i % len(COLOURS)], lw=0.9, alpha=0.6)
