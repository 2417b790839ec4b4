"""Particle distributions: Gaussian, waterbag, coasting; each as random draws or as a quiet start.

*Random*: independent draws from Philox (counter-based, key = seed). Means, moments and bunching fluctuate as 1/sqrt(n).

*Quiet*: scrambled Sobol points (Owen), the seed choosing the scrambling, mapped through the inverse of the
distribution. Averages of smooth functions converge about as 1/n. A Gaussian quiet start without cut is then made to
have exactly the wanted mean and covariance. Bunching at a wavelength far below the bunch length is quiet only for the
coasting distribution, whose z is equally spaced over whole wavelengths.

References
----------
J. K. Salmon et al., SC'11 (2011), doi:10.1145/2063384.2063405 (Philox).
A. B. Owen, J. Complexity 14, 466 (1998), doi:10.1006/jcom.1998.0487 (scrambled nets).
J. M. Hammersley, Ann. N. Y. Acad. Sci. 86, 844 (1960), doi:10.1111/j.1749-6632.1960.tb42846.x.
"""

from __future__ import annotations

import math
import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.beam.rows import real_array
from ssmb.beam.sigma import checked_sigma, factor, square_root
from ssmb.beam.small_matrices import inverse_of_lower_factor
from ssmb.costs import check_cost
from ssmb.errors import ConfigError, nearest
from ssmb.ranges import count, positive

Rows = NDArray[np.float64]
#: Most particles of a beam: 48 GB of coordinates.
LARGEST_BEAM = 10**9
#: Memory [B] and time [s] that a particle takes while it is made; of a cut Gaussian, and of a waterbag.
_PLAIN, _CUT, _WATERBAG, _SECONDS = 150.0, 295.0, 225.0, 1.5e-6

STARTS = ("random", "quiet")
#: fewest particles of a quiet start: below, a net has no evenness to offer
FEWEST_QUIET = 16
_LOWEST = 2.0**-54
#: a Sobol net is most even in its first dimensions, so they go to z and delta, on which bunching depends most
_PLACES = np.array([2, 3, 4, 5, 0, 1])
_PLACES_COASTING = np.array([1, 2, 3, 4, 0])


def gaussian(
    sigma: ArrayLike,
    n: int,
    seed: int,
    start: str = "random",
    centroid: ArrayLike | None = None,
    cut: float | None = None,
) -> Rows:
    """Return coordinates (6, n) of a Gaussian beam.

    Parameters
    ----------
    sigma : covariance (6, 6) of (x, px, y, py, z, delta); it may lack an extent in some directions.
    n : number of particles.
    seed : key of the random numbers, 0 ... 2**63 - 1.
    start : "random" or "quiet".
    centroid : mean (6,); zero if left out.
    cut : if given, the six normalised coordinates (``square_root(sigma)`` times them is the beam) lie within +-cut
        standard deviations. The covariance is then :func:`cut_factor` times sigma.

    Raises ConfigError for an indefinite sigma and numbers out of range.
    """
    s, n, seed = checked_sigma(sigma), _number(n, start, _PLAIN if cut is None else _CUT), _seed(seed)
    root = square_root(s)
    if start == "random" and cut is None:
        normal = _generator(seed).standard_normal((n, 6)).T
    else:
        normal = _normal(_unit(n, 6, seed, start)[_PLACES], cut)
    if start == "quiet" and cut is None:
        normal = _whitened(normal)
    return _mapped(root, normal, centroid)


def waterbag(sigma: ArrayLike, n: int, seed: int, start: str = "random", centroid: ArrayLike | None = None) -> Rows:
    """Return coordinates (6, n) that fill the ellipsoid of `sigma` evenly, with `sigma` as their covariance.

    In as many dimensions d as sigma has, the ellipsoid reaches sqrt(d + 2) rms sizes (2.83 in six). Parameters and
    errors as for :func:`gaussian`.
    """
    s, n, seed = checked_sigma(sigma), _number(n, start, _WATERBAG), _seed(seed)
    b = factor(s)
    d = b.shape[1]
    if d == 0:
        return _mapped(np.zeros((6, 1)), np.zeros((1, n)), centroid)
    u = _unit(n, d + 1, seed, start)
    direction = _normal(u[:d], None)
    radius = np.sqrt(d + 2.0) * u[d] ** (1.0 / d)
    length = np.sqrt((direction * direction).sum(axis=0))
    return _mapped(b, direction * (radius / np.where(length > 0.0, length, 1.0)), centroid)


def coasting(
    sigma: ArrayLike,
    wavelength: float,
    n_wavelengths: int,
    n: int,
    seed: int,
    start: str = "quiet",
    centroid: ArrayLike | None = None,
    cut: float | None = None,
) -> Rows:
    """Return coordinates (6, n) of a slice of a long beam: z uniform over whole wavelengths, the rest Gaussian.

    Parameters
    ----------
    sigma : covariance (6, 6); its z row and column are not used, since z does not depend on the rest in so short a
        slice.
    wavelength : laser wavelength [m], > 0.
    n_wavelengths : number of wavelengths, centred on z = 0 (or on the centroid).
    n, seed, start, centroid, cut : as for :func:`gaussian`.

    Notes
    -----
    Quiet: z_i = L ((i + 1/2)/n - 1/2) with the other coordinates from a Sobol net (a Hammersley set), so that the
    bunching of the beam is zero to rounding at the wavelength/h unless h n_wavelengths is a multiple of n.
    """
    s = checked_sigma(sigma)
    n, seed = _number(n, start, _PLAIN if cut is None else _CUT), _seed(seed)
    length = positive("wavelength", wavelength, "m") * count("n_wavelengths", n_wavelengths)
    if start == "quiet" and n <= n_wavelengths:
        raise ConfigError(
            f"n = {n} equally spaced particles in {n_wavelengths} wavelengths are fewer than two per wavelength and "
            "would be bunched; use more particles or fewer wavelengths"
        )
    if start == "quiet":
        place = (np.arange(n) + 0.5) / n
        normal = _normal(_unit(n, 5, seed, start)[_PLACES_COASTING], cut)
        normal = _whitened(normal) if cut is None else normal
    else:
        generator = _generator(seed)
        place = generator.random(n)
        normal = generator.standard_normal((n, 5)).T if cut is None else _normal(generator.random((n, 5)).T, cut)
    others = [0, 1, 2, 3, 5]
    rows = np.zeros((6, n))
    rows[others] = _mapped(square_root(checked_sigma(s[np.ix_(others, others)], 5)), normal, None)
    rows[4] = length * (place - 0.5)
    return _moved(rows, centroid)


def cut_factor(cut: float) -> float:
    """Return the variance of a normal distribution cut at +-cut standard deviations, relative to the uncut one [1].

    Examples
    --------
    >>> round(cut_factor(3.0), 5)
    0.97334
    """
    c = positive("cut", cut)
    # c^2/3 (1 - c^2/15 ...) for small c, where the closed form cancels
    if c < 1e-2:
        return c * c / 3.0 * (1.0 - 2.0 * c * c / 15.0)
    return 1.0 - 2.0 * c * math.exp(-0.5 * c * c) / math.sqrt(2.0 * math.pi) / math.erf(c / math.sqrt(2.0))


def _generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed))


def _unit(n: int, dimensions: int, seed: int, start: str) -> Rows:
    """Return points (dimensions, n) of the open unit cube."""
    if start == "random":
        return _generator(seed).random((n, dimensions)).T
    from scipy.stats import qmc  # here, because it is slow to import

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The balance properties of Sobol", category=UserWarning)
        # scipy wants a generator that can spawn others: a seed sequence, not a bare key
        scrambling = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))
        return qmc.Sobol(dimensions, scramble=True, rng=scrambling).random(n).T


def _normal(unit: Rows, cut: float | None) -> Rows:
    """Inverse of the normal distribution, or of the one cut at +-cut; symmetric, so that tails keep their digits."""
    from scipy import special  # here, because it doubles the import time of the package

    u = np.clip(unit, _LOWEST, 1.0 - _LOWEST)
    if cut is None:
        return special.ndtri(u)
    low = special.ndtr(-positive("cut", cut))
    upper = u > 0.5
    tail = low + (1.0 - 2.0 * low) * np.where(upper, 1.0 - u, u)
    side = np.minimum(special.ndtri(np.minimum(tail, 0.5)), 0.0)
    return np.clip(np.where(upper, -side, side), -cut, cut)


def _whitened(normal: Rows) -> Rows:
    """Shift and mix the rows, by a small amount, to zero mean and unit covariance."""
    d, n = normal.shape
    rows = normal - normal.sum(axis=1, keepdims=True) / n
    covariance = np.array([[(rows[i] * rows[j]).sum() / n for j in range(d)] for i in range(d)])
    return _mapped(inverse_of_lower_factor(covariance), rows, None)


def _mapped(matrix: Rows, rows: Rows, centroid: ArrayLike | None) -> Rows:
    """Return matrix @ rows + centroid, term by term: the same bits for any number of threads of a BLAS."""
    out = np.zeros((matrix.shape[0], rows.shape[1]))
    for i, j in np.argwhere(matrix != 0.0):
        out[i] += matrix[i, j] * rows[j]
    return _moved(out, centroid)


def _moved(rows: Rows, centroid: ArrayLike | None) -> Rows:
    if centroid is None:
        return rows
    centre = real_array("centroid", centroid)
    if centre.shape != (6,) or not np.isfinite(centre).all():
        raise ConfigError("centroid must be six finite numbers (x, px, y, py, z, delta)")
    rows += centre[:, None]
    return rows


def _number(n: int, start: str, each: float) -> int:
    if start not in STARTS:
        raise ConfigError(f"unknown start '{start}'; allowed: {', '.join(STARTS)}.{nearest(start, STARTS)}")
    least = FEWEST_QUIET if start == "quiet" else 1
    if start == "quiet" and isinstance(n, (int, np.integer)) and 0 < n < least:
        raise ConfigError(f"a quiet start needs at least {least} particles, not {n}; use start='random'")
    particles = count("n", n, least, LARGEST_BEAM)
    words = f"a beam of {particles:.3g} particles"
    check_cost(words, memory=each * particles, seconds=_SECONDS * particles, instead="take fewer")
    return particles


def _seed(seed: int) -> int:
    number = count("seed", seed, 0)
    if number >= 2**63:
        raise ConfigError(f"seed must be below 2**63, not {number}")
    return number
