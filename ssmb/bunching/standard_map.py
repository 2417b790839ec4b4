"""The standard map, to which a thin kick and a slip per turn reduce: linear stability and the area that stays bound.

References
----------
B. V. Chirikov, Phys. Rep. 52, 263 (1979), doi:10.1016/0370-1573(79)90023-1.
"""

from __future__ import annotations

import math

import numpy as np

from ssmb.ranges import count, positive

#: largest K_s = k |eta| C A of a linearly stable motion
LINEAR_STABILITY_LIMIT = 4.0


def standard_map_island(k_std: float, turns: int = 3000, grid: int = 161) -> float:
    """Return the area of the starts (phi, p) that keep ``|phi| < pi`` in the standard map [1].

    The map is ``p -= K sin(phi); phi += p``; the smooth separatrix encloses 16 sqrt(K).

    Parameters
    ----------
    k_std : K_s > 0 [1].
    turns : number of iterations [1]; slow leaks through cantori need many.
    grid : number of cells along each axis [1]; the area is good to about 2/grid.

    Examples
    --------
    >>> round(standard_map_island(0.05, turns=200, grid=81) / (16 * 0.05**0.5), 1)
    1.0
    """
    k_std, turns, grid = positive("k_std", k_std), count("turns", turns), count("grid", grid, at_least=10)
    # before the kick the island is the smooth one sheared by half a kick
    reach = 1.1 * (2.0 * math.sqrt(k_std) + 0.5 * k_std)
    step_phi, step_p = 2.0 * math.pi / grid, reach / grid
    # (phi, p) -> (-phi, -p) is a symmetry, so that cell centres with p > 0 are half of the answer
    phi, p = np.meshgrid(-math.pi + step_phi * (np.arange(grid) + 0.5), step_p * (np.arange(grid) + 0.5), indexing="ij")
    phi, p = phi.ravel(), p.ravel()
    for _ in range(turns):
        p = p - k_std * np.sin(phi)
        phi = phi + p
        inside = np.abs(phi) < math.pi
        if not inside.all():
            phi, p = phi[inside], p[inside]
    return 2.0 * phi.size * step_phi * step_p
