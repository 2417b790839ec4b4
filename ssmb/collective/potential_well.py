"""Density of a beam in a potential well that it deforms itself: a Boltzmann distribution in its own potential.

The density rho on a grid is ``exp(-U)/norm`` with ``U = outer + strength (matrix @ rho)``. Newton's method finds it at
one strength; the strength is raised from zero in steps that follow the solution, so that where it ends, at a fold, the
end is seen and not mistaken for slow convergence (which damped iteration does).

References
----------
J. Haissinski, Nuovo Cimento B 18, 72 (1973), doi:10.1007/BF02832640.
R. Warnock, K. Bane, Phys. Rev. Accel. Beams 21, 124401 (2018), doi:10.1103/PhysRevAccelBeams.21.124401 (Newton's
    method with a rising current).
"""

from __future__ import annotations

import numpy as np
import scipy

from ssmb.errors import PhysicsError

#: Largest error of the potential, in units of the temperature.
TOLERANCE = 1e-10
_ITERATIONS = 12
#: Smallest step of the strength, as a share of the whole.
_LEAST_STEP = 1e-4


def boltzmann(potential: np.ndarray, width: float) -> np.ndarray:
    """Density exp(-U) whose sum times the distance of the points is one."""
    shape = np.exp(-(potential - potential.min()))
    return shape / (shape.sum() * width)


def density_in_its_own_well(who: str, outer: np.ndarray, matrix: np.ndarray, width: float) -> np.ndarray:
    """(points,) density at full strength [1/unit of width].

    Parameters
    ----------
    who : what messages call it, e.g. ``"a bunch of 1 nC"``.
    outer : (points,) potential without current over the temperature [1].
    matrix : (points, points) potential at each point by the density at each.
    width : distance of the points.

    Raises
    ------
    PhysicsError
        The solution ends below full strength.
    """
    reached, step, potential = 0.0, 1.0, outer
    while reached < 1.0:
        strength = min(1.0, reached + step)
        found = _newton(outer, strength * matrix, width, potential)
        if found is not None:
            reached, potential, step = strength, found, 2.0 * step
            continue
        step *= 0.5
        if step < _LEAST_STEP:
            raise PhysicsError(
                f"{who} has no equilibrium in its own potential: the solution ends at {reached:.3g} of it (wells that "
                "deepen with the density collapse there); lower the current, or make the beam longer or hotter"
            )
    return boltzmann(potential, width)


def _newton(outer: np.ndarray, matrix: np.ndarray, width: float, potential: np.ndarray) -> np.ndarray | None:
    """Potential that the density in it makes, from a guess; None where the steps do not close."""
    last = np.inf
    for _ in range(_ITERATIONS):
        rho = boltzmann(potential, width)
        error = outer + matrix @ rho - potential
        error -= error @ rho * width  # a constant is free
        size = float(np.max(np.abs(error)))
        if size < TOLERANCE * max(1.0, float(np.ptp(potential))):
            return potential
        if not size < 10.0 * last:
            return None
        last = size
        slope = matrix * rho
        slope -= np.outer(slope.sum(axis=1) * width, rho)  # the norm of the density stays
        slope.flat[:: slope.shape[0] + 1] += 1.0
        try:
            potential = potential + scipy.linalg.solve(slope, error, check_finite=False)
        except (scipy.linalg.LinAlgError, ValueError):
            return None
        if not np.isfinite(potential).all():
            return None
    return None
