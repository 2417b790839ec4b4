"""Dies per wafer (formula and grid placement) and yield."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from ssmb.arguments import checked
from ssmb.errors import ConfigError
from ssmb.ranges import choice, count, not_negative, positive, share
from ssmb.units import SQUARE_MILLIMETRE

FIELD_AREA = 858.0 * SQUARE_MILLIMETRE  #: full field 26 mm x 33 mm [m^2]; a larger die is a wafer-scale part
FIELD_WIDTH = 0.026  #: [m]
SMALLEST_DIE = 1e-4  #: smallest pitch over wafer diameter that is counted on the grid
TRIAL_OFFSETS = 15  #: trial grid positions per axis
#: Most of them: each takes a count against each of the other axis.
MOST_TRIALS = 300

YIELD_MODELS = ("poisson", "murphy", "seeds", "negative_binomial")


def die_shape(area: float) -> tuple[float, float]:
    """Width and height of a die of `area` [m^2]: a square, or 26 mm wide if the square would not fit the field [m]."""
    side = math.sqrt(positive("die area", area, "m^2"))
    width = min(FIELD_WIDTH, side)
    return width, area / width


@checked
def gross_dies_formula(area: float, *, wafer_diameter: float = 0.300, edge_exclusion: float = 0.003) -> float:
    """Gross dies per wafer from area and circumference.

    Parameters
    ----------
    area : die area [m^2].
    wafer_diameter, edge_exclusion : [m].

    Returns
    -------
    float
        pi d^2/(4 S) - pi d/sqrt(2 S) [1], zero where the expression is negative.

    References
    ----------
    D. K. de Vries, IEEE Trans. Semicond. Manuf. 18, 136 (2005), doi:10.1109/TSM.2004.836656.

    Examples
    --------
    >>> round(gross_dies_formula(814e-6), 1)
    60.5
    """
    s = positive("die area", area, "m^2")
    d = _usable_diameter(wafer_diameter, edge_exclusion)
    return max(0.0, math.pi * d * d / (4.0 * s) - math.pi * d / math.sqrt(2.0 * s))


@checked
def gross_dies_grid(
    width: float,
    height: float,
    *,
    wafer_diameter: float = 0.300,
    edge_exclusion: float = 0.003,
    scribe_width: float = 1e-4,
    trial_offsets: int | None = TRIAL_OFFSETS,
) -> int:
    """Whole dies on a rectangular grid inside the usable circle, the best of several grid positions.

    Parameters
    ----------
    width, height : of the die [m].
    wafer_diameter, edge_exclusion, scribe_width : [m].
    trial_offsets : equally spaced grid positions tried per axis, over one pitch; the default leaves a margin for marks
        and notch and agrees best with quoted counts (66; 65 is quoted for H100). ``None`` finds the best position of
        all; it is one die better for some shapes (67 instead of 66 for 26 mm x 31.3 mm), because an odd number of trial
        positions leaves out the centred one.

    Returns
    -------
    int
        Number of complete dies [1].
    """
    w, h = positive("die width", width, "m"), positive("die height", height, "m")
    s = not_negative("scribe width", scribe_width, "m")
    if not min(w, h) + s >= wafer_diameter * SMALLEST_DIE:
        raise ConfigError(f"A die of {w:g} m x {h:g} m is too small for a count on a wafer of {wafer_diameter:g} m.")
    if max(w, h) + s > wafer_diameter:
        return 0
    radius2 = (_usable_diameter(wafer_diameter, edge_exclusion) / 2.0) ** 2
    x = _far_edges_squared(w, w + s, wafer_diameter, _trials(w, w + s, trial_offsets))
    y = _far_edges_squared(h, h + s, wafer_diameter, _trials(h, h + s, trial_offsets))
    best = 0
    for row in y:
        # For sorted columns the number of dies in one row of the grid is a search, not a loop.
        room = radius2 * (1.0 + 1e-12) - row[row <= radius2]
        for column in x:
            best = max(best, int(np.searchsorted(column, room, side="right").sum()))
    return best


def _trials(size: float, pitch: float, trial_offsets: int | None) -> np.ndarray:
    if trial_offsets is not None:
        return np.arange(count("trial offsets", trial_offsets, at_most=MOST_TRIALS)) / trial_offsets * pitch
    # Symmetric positions (die or street on the centre) and a fine scan over half a pitch; the other half is its mirror.
    fine = np.linspace(0.0, pitch / 2.0, 61)
    return np.concatenate([fine, [-size / 2.0, (pitch - size) / 2.0]])


def _far_edges_squared(size: float, pitch: float, diameter: float, offsets: np.ndarray) -> np.ndarray:
    cells = int(diameter / pitch) + 2
    start = offsets[:, None] + np.arange(-cells, cells + 1)[None, :] * pitch
    return np.sort(np.maximum(np.abs(start), np.abs(start + size)) ** 2, axis=1)


@checked
@lru_cache(maxsize=1024)
def gross_dies(
    area: float, *, wafer_diameter: float = 0.300, edge_exclusion: float = 0.003, scribe_width: float = 1e-4
) -> float:
    """Gross dies per wafer of a die known by its area [m^2]: the grid, one for a wafer-scale part.

    The shape is that of :func:`die_shape`. A part above the field of 858 mm^2 is counted as one per wafer.
    """
    s = positive("die area", area, "m^2")
    usable = math.pi / 4.0 * _usable_diameter(wafer_diameter, edge_exclusion) ** 2
    if s > FIELD_AREA:
        if s > usable:
            raise ConfigError(f"die area {s * 1e6:g} mm^2 exceeds the usable wafer of {usable * 1e6:.0f} mm^2.")
        return 1.0
    w, h = die_shape(s)
    return float(
        gross_dies_grid(w, h, wafer_diameter=wafer_diameter, edge_exclusion=edge_exclusion, scribe_width=scribe_width)
    )


@checked
def die_yield(
    area: float,
    defect_density: float,
    *,
    model: str = "negative_binomial",
    clustering: float = 3.0,
    spare_share: float = 0.0,
) -> float:
    """Share of good dies.

    Parameters
    ----------
    area : die area [m^2].
    defect_density : D0 [1/m^2].
    model : poisson, murphy, seeds or negative_binomial.
    clustering : alpha of the negative-binomial model [1]; large values approach Poisson.
    spare_share : share rho of the area that tolerates a defect because spare units are there [1]; the critical area
        is ``area * (1 - rho)`` (partial-good dies).

    Returns
    -------
    float
        Yield in (0, 1] [1].

    References
    ----------
    B. T. Murphy, Proc. IEEE 52, 1537 (1964), doi:10.1109/PROC.1964.3442; R. B. Seeds, IEDM (1967);
    C. H. Stapper et al., Proc. IEEE 71, 453 (1983), doi:10.1109/PROC.1983.12619.

    Examples
    --------
    >>> round(die_yield(814e-6, 1000.0, spare_share=0.3), 3)
    0.594
    """
    rho = share("spare share", spare_share, zero=True)
    x = not_negative("die area", area, "m^2") * not_negative("defect density", defect_density, "1/m^2") * (1.0 - rho)
    choice("yield model", model, YIELD_MODELS)
    if x == 0.0:
        return 1.0
    if model == "poisson":
        return math.exp(-x)
    if model == "murphy":
        return (-math.expm1(-x) / x) ** 2
    if model == "seeds":
        return 1.0 / (1.0 + x)
    alpha = positive("clustering", clustering)
    return math.exp(-alpha * math.log1p(x / alpha))


def layer_yield(area: float, defect_density_per_layer: float, layers: int) -> float:
    """Bose-Einstein yield ``(1 + A D_layer)^-n`` [1]; the density [1/m^2] is *per critical layer*, no D0 of a node."""
    x = not_negative("die area", area, "m^2") * not_negative("defect density", defect_density_per_layer, "1/m^2")
    return math.exp(-count("layers", layers, at_least=0) * math.log1p(x))


def _usable_diameter(wafer_diameter: float, edge_exclusion: float) -> float:
    d = positive("wafer diameter", wafer_diameter, "m") - 2.0 * not_negative("edge exclusion", edge_exclusion, "m")
    if d <= 0.0:
        raise ConfigError("edge exclusion leaves nothing of the wafer; it must be below half the wafer diameter.")
    return d
