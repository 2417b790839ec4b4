"""The standard map, to which a thin kick and a slip per turn reduce, and the area of starts that stay bound.

References
----------
B. V. Chirikov, Phys. Rep. 52, 263 (1979), doi:10.1016/0370-1573(79)90023-1.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ssmb.costs import check_cost
from ssmb.ranges import count, positive

Rows = NDArray[np.float64]

#: largest K_s = k |eta| C A of a linearly stable motion
LINEAR_STABILITY_LIMIT = 4.0
#: cells along an axis, and time that a turn of a cell takes where all stay [s]
_LARGEST_GRID, _SECONDS_OF_A_STEP = 10_000, 1.5e-8


def standard_map_island(k_std: float, turns: int = 3000, grid: int = 161) -> float:
    """Return the area of the starts (phi, p) that keep ``|phi| < pi`` in the standard map [1].

    The map is ``p -= K sin(phi); phi += p``; the smooth separatrix encloses 16 sqrt(K).

    Parameters
    ----------
    k_std : K_s > 0 [1].
    turns : number of iterations [1]; slow leaks through cantori need many.
    grid : number of cells along each axis [1], 10 to 10 000; the area is good to about 2/grid.

    Raises
    ------
    ConfigError
        An argument is out of range, or the work would take hours (see :mod:`ssmb.costs`).

    Examples
    --------
    >>> round(standard_map_island(0.05, turns=200, grid=81) / (16 * 0.05**0.5), 1)
    1.0
    """
    k_std, turns = positive("k_std", k_std), count("turns", turns)
    grid = count("grid", grid, at_least=10, at_most=_LARGEST_GRID)

    def turn(phi: Rows, p: Rows) -> tuple[Rows, Rows, NDArray[np.bool_]]:
        p = p - k_std * np.sin(phi)
        phi = phi + p
        return phi, p, np.abs(phi) < math.pi

    # before the kick the island is the smooth one sheared by half a kick
    reach = 1.1 * (2.0 * math.sqrt(k_std) + 0.5 * k_std)
    # (phi, p) -> (-phi, -p) is a symmetry, so that cell centres with p > 0 are half of the answer
    return 2.0 * bound_area(turn, (-math.pi, math.pi), (0.0, reach), turns, grid)


def bound_area(
    turn: Callable[[Rows, Rows], tuple[Rows, Rows, NDArray[np.bool_]]],
    first: tuple[float, float],
    second: tuple[float, float],
    turns: int,
    grid: int,
) -> float:
    """Return the area of the starts in a rectangle that stay bound under a map [units of the two axes].

    Parameters
    ----------
    turn : map of arrays of both coordinates to the same and to whether each start is still bound.
    first, second : ends of the rectangle along either axis.
    turns : number of iterations.
    grid : number of cells along each axis; their centres are the starts.
    """
    check_cost(
        f"the area that stays bound for {turns:g} turns of {grid} x {grid} cells",
        seconds=_SECONDS_OF_A_STEP * turns * grid**2,
        instead="take fewer turns or cells",
    )
    share = (np.arange(grid) + 0.5) / grid
    one, two = (low + (high - low) * share for low, high in (first, second))
    q, p = (values.ravel() for values in np.meshgrid(one, two, indexing="ij"))
    for _ in range(turns):
        q, p, bound = turn(q, p)
        if not bound.all():
            q, p = q[bound], p[bound]
    return q.size * (first[1] - first[0]) * (second[1] - second[0]) / grid**2
