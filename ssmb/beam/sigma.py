"""Sigma matrices: check them, take their factors, build them from Twiss parameters.

References
----------
K. Ohmi, K. Hirata, K. Oide, Phys. Rev. E 49, 751 (1994), doi:10.1103/PhysRevE.49.751 (dispersion as a symplectic
transformation).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam.rows import real_array
from ssmb.beam.small_matrices import product, symmetric_modes
from ssmb.errors import ConfigError
from ssmb.ranges import finite, not_negative, positive

Matrix = NDArray[np.float64]

#: relative asymmetry, and negative eigenvalue of the correlation matrix, that count as rounding of an optics code
ROUNDING = 1e-9
#: eigenvalues of the correlation matrix below this are zero: the beam has no extent in that direction
NO_EXTENT = 1e-15


def checked_sigma(sigma: ArrayLike, size: int = 6) -> Matrix:
    """Return a symmetric float64 copy of a covariance matrix.

    Raises
    ------
    ConfigError
        If the shape is not (size, size), an entry is not finite, the matrix is not symmetric to 1e-9 of the rms sizes,
        or it is indefinite (a negative variance in some direction). Rank-deficient matrices are fine.

    Examples
    --------
    >>> checked_sigma(np.diag([1.0, -1.0]), 2)
    Traceback (most recent call last):
        ...
    ssmb.errors.ConfigError: sigma is not a covariance matrix: the variance of row 1 is negative, -1
    """
    s = real_array("sigma", sigma)
    if s.shape != (size, size):
        raise ConfigError(f"sigma must have shape ({size}, {size}), not {s.shape}")
    if not np.isfinite(s).all():
        raise ConfigError("sigma must be finite")
    variance = np.diag(s)
    if variance.min() < 0.0:
        row = int(variance.argmin())
        raise ConfigError(f"sigma is not a covariance matrix: the variance of row {row} is negative, {variance[row]:g}")
    rms = np.sqrt(variance)
    if np.any(np.abs(s - s.T) > ROUNDING * np.outer(rms, rms)):
        i, j = (int(v) for v in np.argwhere(np.abs(s - s.T) > ROUNDING * np.outer(rms, rms))[0])
        raise ConfigError(f"sigma must be symmetric: [{i}, {j}] is {s[i, j]:g} but [{j}, {i}] is {s[j, i]:g}")
    s = 0.5 * (s + s.T)
    lowest = _correlation_modes(s)[1].min()
    if lowest < -ROUNDING:
        raise ConfigError(
            f"sigma is indefinite: its correlation matrix has the eigenvalue {lowest:.3g} < 0, so no beam has it; "
            "check the signs and units of the off-diagonal terms"
        )
    return s


def factor(sigma: Matrix) -> Matrix:
    """Return B of shape (size, rank) with ``B @ B.T == sigma`` for a checked sigma; no column for a missing extent."""
    rms, values, vectors = _correlation_modes(sigma)
    keep = values > NO_EXTENT
    return rms[:, None] * vectors[:, keep] * np.sqrt(values[keep])


def square_root(sigma: Matrix, no_extent: float = NO_EXTENT) -> Matrix:
    """Return A = D sqrt(C) with ``A @ A.T == sigma``, from the rms sizes D and the correlation matrix C.

    Eigenvalues of C up to ``no_extent`` count as zero.

    The symmetric root does not depend on the order and signs that an eigenvalue routine happens to choose, and keeps
    uncoupled planes apart.
    """
    rms, values, vectors = _correlation_modes(sigma)
    root = product(vectors * np.sqrt(np.where(values > no_extent, values, 0.0)), vectors.T)
    linked = _linked(sigma)
    return rms[:, None] * np.where(linked, root, 0.0)


@checked
def sigma_from_twiss(
    *,
    emit_x: float,
    emit_y: float,
    beta_x: float,
    beta_y: float,
    alpha_x: float = 0.0,
    alpha_y: float = 0.0,
    dispersion: Sequence[float] = (0.0, 0.0, 0.0, 0.0),
    sigma_delta: float,
    sigma_z: float,
) -> Matrix:
    """Return the sigma matrix (6, 6) of an uncoupled beam with dispersion.

    Parameters
    ----------
    emit_x, emit_y : geometric rms emittances [m rad], >= 0.
    beta_x, beta_y : beta functions [m], > 0.
    alpha_x, alpha_y : -beta'/2 [1].
    dispersion : D_x [m], D_px [1], D_y [m], D_py [1], derivatives by delta.
    sigma_delta : rms relative momentum spread [1], >= 0.
    sigma_z : rms bunch length [m], >= 0, without the betatron part.

    Returns
    -------
    Covariance of (x, px, y, py, z, delta).

    Notes
    -----
    Dispersion enters as a symplectic transformation: x gains D_x delta, and z gains ``D_x px - D_px x`` of the
    betatron motion. So the eigen-emittances are emit_x, emit_y and sigma_z sigma_delta, and the rms of z is
    sqrt(sigma_z^2 + emit_x H_x + emit_y H_y).

    Raises ConfigError for numbers outside these ranges.

    Examples
    --------
    >>> s = sigma_from_twiss(emit_x=1e-9, emit_y=0.0, beta_x=4.0, beta_y=1.0, sigma_delta=1e-3, sigma_z=1e-3)
    >>> bool(np.isclose(s[0, 0], 4e-9))
    True
    """
    s = np.zeros((6, 6))
    for k, plane, emit, beta, alpha in ((0, "x", emit_x, beta_x, alpha_x), (2, "y", emit_y, beta_y, alpha_y)):
        emit = not_negative(f"emit_{plane}", emit, "m rad")
        beta, alpha = positive(f"beta_{plane}", beta, "m"), finite(f"alpha_{plane}", alpha)
        s[k : k + 2, k : k + 2] = emit * np.array([[beta, -alpha], [-alpha, (1.0 + alpha * alpha) / beta]])
    s[4, 4] = not_negative("sigma_z", sigma_z, "m") ** 2
    s[5, 5] = not_negative("sigma_delta", sigma_delta) ** 2
    if not hasattr(dispersion, "__len__") or len(dispersion) != 4:
        raise ConfigError(f"dispersion must be four numbers (D_x, D_px, D_y, D_py), not {dispersion!r}")
    dx, dpx, dy, dpy = (finite("dispersion", d, "m or 1") for d in dispersion)
    m = np.eye(6)
    m[:4, 5] = dx, dpx, dy, dpy
    m[4, :4] = -dpx, dx, -dpy, dy
    out = product(product(m, s), m.T)
    return 0.5 * (out + out.T)


def _correlation_modes(sigma: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Return rms sizes, and eigenvalues and eigenvectors of the correlation matrix: free of the mix of units."""
    rms = np.sqrt(np.diag(sigma))
    scale = np.where(rms > 0.0, rms, 1.0)
    values, vectors = symmetric_modes(sigma / np.outer(scale, scale))
    return scale, values, vectors


def _linked(sigma: Matrix) -> NDArray[np.bool_]:
    """Which coordinates are correlated, directly or through others."""
    linked = (sigma != 0.0) | np.eye(len(sigma), dtype=bool)
    for _ in range(3):  # paths of up to eight steps: enough for six coordinates
        linked = (linked.astype(int) @ linked.astype(int)) > 0
    return linked
