"""Sizes of the equilibrium beam along a ring, with its magnets above."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ssmb.dynamics import Equilibrium
from ssmb.plot.canvas import COLOURS, Figure, Place, dress, legend, prefixed, whole_figure
from ssmb.plot.lattice_bar import under_lattice
from ssmb.plot.optics import smooth
from ssmb.quantity import label_of

if TYPE_CHECKING:
    from ssmb.lattice import Lattice


#: Ratios of the smaller to the larger size of a flat beam, and of one without height.
_FLAT, _NO_SIZE = 0.01, 1e-6


def plot_equilibrium(found: Equilibrium, lattice: Lattice | None = None, *, into: Place = None) -> Figure:
    """Draw the rms sizes in x, y and z against s; the title has the emittances of the modes and the energy spread.

    Parameters
    ----------
    found : result of :func:`ssmb.dynamics.equilibrium`.
    lattice : its ring, for the bar of magnets.
    into : part of another figure to draw in; a new figure if None.

    Notes
    -----
    Transverse curves are exact in drifts; in bends they are cubics in the squares through the values and slopes at the
    ends. The bunch length changes only where there is dispersion, and is joined by straight lines.
    """
    sizes, length = under_lattice(into, lattice, (1.4, 1.0))
    curves = [_rms(found, plane) for plane in (0, 2)]
    highest = [float(curve.max()) for _, curve in curves]
    factor, unit = prefixed(highest, "m")
    for j, ((s, curve), name, style) in enumerate(zip(curves, ("σx", "σy"), ("-", "--"), strict=True)):
        sizes.plot(s, curve * factor, color=COLOURS[j], ls=style, lw=1.4, label=name)
    # a flat beam shows its height on a log axis only; one without height is a line at zero
    if _NO_SIZE * max(highest) < min(highest) < _FLAT * max(highest):
        sizes.set_yscale("log")
    else:
        sizes.set_ylim(0.0, None)
    dress(sizes, "", f"rms size [{unit}]", _title(found))
    legend(sizes, columns=2, loc="above right")
    factor, unit = prefixed(found.sigma_z, "m")
    length.plot(found.s, found.sigma_z * factor, color=COLOURS[2], lw=1.4)
    length.set_ylim(0.0, 1.1 * float(found.sigma_z.max()) * factor or 1.0)
    dress(length, label_of(found, "s"), label_of(found, "sigma_z", unit))
    length.set_xlim(float(found.s[0]), float(found.s[-1]))
    return whole_figure(sizes)


def _rms(found: Equilibrium, plane: int) -> tuple[np.ndarray, np.ndarray]:
    """Points along s and the rms size between the ends of the elements."""
    square, slope = found.sigma[:, plane, plane], 2.0 * found.sigma[:, plane, plane + 1]
    s, curve = smooth(found.s, square, slope)  # near the reference orbit px is dx/ds
    return s, np.sqrt(np.maximum(curve, 0.0))


def _title(found: Equilibrium) -> str:
    words = []
    for name, emittance in zip("xyz", found.emittances, strict=True):
        factor, unit = prefixed(emittance, "m")
        words.append(f"ε{name} = {emittance * factor:.3g} {unit}")
    return ", ".join([*words, f"σδ = {found.sigma_delta[0]:.3g}"])
