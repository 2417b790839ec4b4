"""How far a curved model moves the median of its result away from the result of the medians.

For independent standard-normal inputs z and a smooth response g(z), with gradient a, unit vector u = a/|a| and matrix
of second derivatives H at z = 0, the surface g = g(0) splits the samples unevenly where it is bent, and

    median g - g(0) = (tr H - u.H.u)/2

to second order: curvature along the gradient does not count, because a monotone function of one input keeps its median.
It is the second-order term of structural reliability, taken at a distance of zero from the centre.

References
----------
K. Breitung, Asymptotic approximations for multinormal integrals, J. Eng. Mech. 110, 357 (1984).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEP = 1.0  #: of the finite differences [sigma]: wide enough that kinks and fourth orders enter with their mean
FLAT = 1e-9  #: a response that moves less over one step does not depend on the inputs


def median_shifts(response: Callable[[Array], Array], inputs: int) -> Array:
    """Shift of the median of each response against its value at the medians of the inputs, to second order.

    Parameters
    ----------
    response : gives the m responses for the normal scores of the inputs, shape (inputs,).
    inputs : number of independent standard-normal inputs [1].

    Returns
    -------
    ndarray
        Median minus value at the centre, shape (m,), in the unit of the responses.

    Examples
    --------
    The logarithm of a sum of two equal log-normal numbers; a product of them would keep its median:

    >>> s = 0.3
    >>> shift = median_shifts(lambda z: np.array([np.log(np.exp(s * z).sum()), s * z.sum()]), 2)
    >>> round(float(shift[0]), 3), round(float(shift[1]), 12)
    (0.022, 0.0)
    """
    centre = response(np.zeros(inputs))
    axes = STEP * np.eye(inputs)
    plus, minus = (np.array([response(sign * z) for z in axes]).reshape(inputs, -1) for sign in (1.0, -1.0))
    gradient = (plus - minus) / (2.0 * STEP)
    across = (plus + minus - 2.0 * centre).sum(axis=0) / STEP**2
    shifts = np.zeros_like(centre)
    for i, slope in enumerate(np.linalg.norm(gradient, axis=0)):
        if slope > FLAT:
            z = STEP * gradient[:, i] / slope
            along = (response(z)[i] + response(-z)[i] - 2.0 * centre[i]) / STEP**2
            shifts[i] = 0.5 * (across[i] - along)
    return shifts
