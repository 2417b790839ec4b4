"""Beta functions and dispersion along a lattice, with its magnets above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from ssmb.beam import Reference
from ssmb.dynamics import Optics, optics
from ssmb.elements import Element
from ssmb.errors import LatticeError, PhysicsError
from ssmb.lattice.program import compile_elements
from ssmb.maps import Op
from ssmb.plot.canvas import COLOURS, Figure, Place, dress, legend, prefixed, whole_figure
from ssmb.plot.lattice_bar import under_lattice, within_maps
from ssmb.quantity import label_of

if TYPE_CHECKING:
    from ssmb.lattice import Lattice

#: Points between the ends of an element: enough for a smooth curve through a cubic in each piece.
_POINTS_INSIDE = 8
#: Bends longer than this are computed in pieces of about this length [m]: their edges bend the curves sharply.
_PIECE = 0.15


def plot_optics(found: Optics, lattice: Lattice | None = None, *, title: str = "", into: Place = None) -> Figure:
    """Draw beta_x, beta_y and the dispersion against s.

    Parameters
    ----------
    found : optics of a ring.
    lattice : the ring, for the bar of magnets and for exact curves inside them. Without it curves are cubics through
        the values and slopes at the ends of the elements, which in bends miss the jump of slope at the edges.
    title : what ring this is; by default its tunes.
    into : part of another figure to draw in; a new figure if None.
    """
    drawn = found if lattice is None else _between_ends(found, lattice)
    betas, below = under_lattice(into, lattice, (1.6, 1.0))
    inside = None if lattice is None else ~within_maps(lattice, drawn.s)
    for j, (name, style) in enumerate((("βx", "-"), ("βy", "--"))):
        s, beta = smooth(drawn.s, drawn.beta[:, j], -2.0 * drawn.alpha[:, j], inside)
        betas.plot(s, beta, color=COLOURS[j], ls=style, lw=1.4, label=name)
    dress(betas, "", label_of(found, "beta"), title or f"Qx = {found.qx:.4f}, Qy = {found.qy:.4f}")
    betas.set_ylim(0.0, 1.05 * float(drawn.beta.max()))
    legend(betas, columns=2, loc="above right")
    _dispersion(below, drawn, inside)
    return whole_figure(betas)


def _dispersion(axis: Axes, drawn: Optics, inside: np.ndarray | None) -> None:
    factor, unit = prefixed(drawn.dispersion[:, (0, 2)], "m")
    vertical = float(np.abs(drawn.dispersion[:, 2]).max()) > 1e-6 * float(np.abs(drawn.dispersion[:, 0]).max())
    for j, name in ((0, "Dx"), (2, "Dy")) if vertical else ((0, "Dx"),):
        # near the reference orbit px is dx/ds
        s, d = smooth(drawn.s, drawn.dispersion[:, j], drawn.dispersion[:, j + 1], inside)
        axis.plot(s, d * factor, color=COLOURS[2 if j == 0 else 3], ls="-" if j == 0 else "--", lw=1.4, label=name)
    axis.axhline(0.0, color="#777777", lw=0.7)
    dress(axis, label_of(drawn, "s"), f"{'D' if vertical else 'Dx'} [{unit}]")
    axis.set_xlim(float(drawn.s[0]), float(drawn.s[-1]))
    if vertical:
        legend(axis, columns=2, loc="upper right")


def smooth(
    s: np.ndarray, value: np.ndarray, slope: np.ndarray, inside: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Points along the cubics that have the given values and slopes at the ends of each element.

    Parameters
    ----------
    inside : for each element, whether slopes tell what is inside; straight lines in the others. Default: all.
    """
    length = np.diff(s)
    t = np.linspace(0.0, 1.0, _POINTS_INSIDE + 2)[None, :]
    at = s[:-1, None] + length[:, None] * t
    a, b = value[:-1, None], value[1:, None]
    da, db = slope[:-1, None] * length[:, None], slope[1:, None] * length[:, None]
    if inside is not None:
        da, db = (np.where(inside[:, None], d, b - a) for d in (da, db))
    # linear between the ends plus what vanishes there, so that rounding never leaves the values
    curve = a + (b - a) * t + t * (1.0 - t) * ((da - (b - a)) * (1.0 - t) - (db - (b - a)) * t)
    return at.ravel(), curve.ravel()


@dataclass(frozen=True, kw_only=True)
class _Piece(Element):
    """A part of a bend, from one fraction of its length to another."""

    whole: Element
    fraction_from: float
    fraction_to: float

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        return self.whole.slice_ops(ref, self.fraction_from, self.fraction_to)


def _between_ends(found: Optics, lattice: Lattice) -> Optics:
    """Return the optics at more places; the given one where elements cannot be taken apart or it belongs to other
    ones.
    """
    if len(found.names) != len(lattice) or abs(float(found.closed_orbit[0, 5])) > 1e-4:
        return found
    parts: list[Element] = []
    for element in lattice:
        pieces = int(np.ceil(element.length / _PIECE)) if element.bending()[0] and not _is_moved(element) else 1
        if pieces == 1:
            parts.append(element)
            continue
        cuts = np.linspace(0.0, 1.0, pieces + 1).tolist()
        parts += [
            _Piece(
                name=f"{element.name}/{k}",
                length=element.length / pieces,
                whole=element,
                fraction_from=cuts[k],
                fraction_to=cuts[k + 1],
            )
            for k in range(pieces)
        ]
    try:
        return optics(compile_elements(parts, lattice.reference), compare_edges=False)
    except (LatticeError, PhysicsError):
        return found


def _is_moved(element: Element) -> bool:
    places = ("x_offset", "y_offset", "z_offset", "x_rot", "y_rot", "z_rot")
    return any(getattr(element, name) for name in places) or bool(element.x_limits or element.y_limits)
