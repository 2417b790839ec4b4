"""Tune shift of a ring by the field of the beam's own charge, of particles near the middle of it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.collective.along import Along
from ssmb.collective.gaussian_charge import axes_of, perveance, slopes
from ssmb.collective.intrabeam import checked_along, line_density
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.dynamics.optics import optics
from ssmb.errors import PhysicsError
from ssmb.lattice.tree import Lattice

Array = NDArray[np.float64]


@checked
def space_charge_tune_shift(
    ring: Lattice, sigma: ArrayLike, *, electrons: float | None = None, current: float | None = None
) -> Array:
    """Return the tune shifts [2pi] of modes 1, 2 (x, y) by direct space charge, small amplitudes at the peak density.

    ``-(r n/(2 pi beta^2 gamma^3)) Int beta_x/(sigma_x (sigma_x + sigma_y)) ds``, n the line density; of a Gaussian
    bunch ``n = N/(sqrt(2 pi) sigma_z)``. With coupling along the axes of the beam, with the beta functions of the
    modes. Both are negative. No images in the chamber.

    Parameters
    ----------
    ring : its lattice.
    sigma : covariances at the entrances of its elements, (n, 6, 6) or, with the end, (n + 1, 6, 6), as
        ``equilibrium(ring).sigma``.
    electrons : of a Gaussian bunch.
    current : in place of them, the local current of a coasting beam; of microbunches at the peak, where these are
        longer than sigma/gamma [A].

    Returns
    -------
    ndarray, (2,)
        To first order in the charge.

    Raises
    ------
    ConfigError, PhysicsError
        Another shape, both or none of electrons and current, a beam without width or height, no stable optics.

    References
    ----------
    A. W. Chao, K. H. Mess, M. Tigner, F. Zimmermann (eds.), Handbook of Accelerator Physics and Engineering, section
        2.5.3 (direct space charge).
    K. Schindl, Space charge, CERN-PS-99-012-DI (1999).
    """
    covariances = checked_along(ring, sigma, electrons, current)
    modes = optics(ring).mode_beta[: len(ring)]
    along = Along(ring, "space charge")
    even = None if current is None else line_density(ring.reference, current)

    def focusing(here: Array, k: int) -> Array:
        """beta_x n/(sigma_x (sigma_x + sigma_y)) at places, of mode k."""
        sizes, c, s = axes_of(here[:, :3:2, :3:2])
        if not (sizes > 0.0).all():
            raise PhysicsError("a beam without width or height has a field without end: give it both sizes")
        density = even if even is not None else (electrons or 0.0) / np.sqrt(2.0 * math.pi * here[:, 4, 4])
        maps = along.stacked[0][:, : modes.shape[-1], : modes.shape[-1]]
        beta = (maps @ modes[along.long][along.owner, k] @ np.swapaxes(maps, 1, 2))[:, ::2, ::2]
        first = c * c * beta[:, 0, 0] + 2.0 * c * s * beta[:, 0, 1] + s * s * beta[:, 1, 1]
        second = s * s * beta[:, 0, 0] - 2.0 * c * s * beta[:, 0, 1] + c * c * beta[:, 1, 1]
        return density * (np.stack([first, second], axis=-1) * slopes(sizes)).sum(axis=-1)

    way = ring.reference.beta * SPEED_OF_LIGHT
    integral = [way * float(along.numbers(covariances, lambda here, _, k=k: focusing(here, k)).sum()) for k in range(2)]
    return -perveance(ring.reference) / (4.0 * math.pi) * np.array(integral)
