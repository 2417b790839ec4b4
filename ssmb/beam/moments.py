"""Moments of a beam: mean, sigma matrix, projected and eigen-emittances, histogram, current profile.

Sums run over living particles with their weights, and are formed in numpy's pairwise order, which does not depend on
the number of threads. Second moments are taken about the mean (two passes), so that a beam of nanometres far from
z = 0 keeps its digits.

References
----------
A. J. Dragt, F. Neri, G. Rangarajan, Phys. Rev. A 45, 2572 (1992), doi:10.1103/PhysRevA.45.2572 (eigen-emittances).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam.rows import COORDINATES, real_array
from ssmb.beam.sigma import checked_sigma, factor
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.errors import ConfigError, PhysicsError, StatisticsWarning, nearest, warn
from ssmb.quantity import COVARIANCE, PHASE_SPACE, Shown, quantity

#: below this number of particles an rms value is uncertain by more than 10 %, 1/sqrt(2 n)
FEW_PARTICLES = 50
#: below this mean number of particles per filled bin, a bin is uncertain by more than 30 %
FEW_PER_BIN = 10


@dataclass(frozen=True)
class Moments(Shown):
    """First and second moments of the living particles of a beam."""

    mean: NDArray[np.float64] = quantity(PHASE_SPACE, "means of x, px, y, py, z, delta", dims=("coordinate",))
    sigma: NDArray[np.float64] = quantity(
        COVARIANCE, "covariance of x, px, y, py, z, delta", dims=("coordinate", "other_coordinate")
    )
    emittances: NDArray[np.float64] = quantity("m*rad", "projected rms emittances", dims=("mode",))
    eigen_emittances: NDArray[np.float64] = quantity("m*rad", "eigen-emittances in falling order", dims=("eigenmode",))
    charge: float = quantity("C", "charge of the living particles")
    alive: int = quantity("1", "particles alive")

    @property
    def rms(self) -> NDArray[np.float64]:
        """Rms sizes of x, px, y, py, z, delta [m, 1, ...]."""
        return np.sqrt(np.diag(self.sigma))


@dataclass(frozen=True)
class Histogram:
    """Charge in bins of one coordinate."""

    coordinate: str
    edges: NDArray[np.float64] = quantity(
        "1", "edges of the bins, in the unit of the coordinate: m for x, y, z", dims=("edge",)
    )
    charge: NDArray[np.float64] = quantity("C", "charge per bin", dims=("bin",))

    @property
    def centres(self) -> NDArray[np.float64]:
        """Middle of each bin [m or 1]."""
        return 0.5 * (self.edges[1:] + self.edges[:-1])


@dataclass(frozen=True)
class CurrentProfile:
    """Current along the bunch."""

    z: NDArray[np.float64] = quantity("m", "middle of each bin, > 0 at the head", dims=("z",))
    current: NDArray[np.float64] = quantity("A", "current", dims=("z",))


@checked
def moments(beam: Any) -> Moments:
    """Return mean, sigma matrix, emittances and charge of the living particles.

    Raises
    ------
    PhysicsError
        No particle is alive, or all weights are zero.

    Warns
    -----
    StatisticsWarning
        With fewer than 50 living particles.
    """
    centre = mean(beam)
    sigma = sigma_matrix(beam)
    return Moments(
        mean=centre,
        sigma=sigma,
        emittances=projected_emittances(sigma),
        eigen_emittances=eigen_emittances(sigma),
        charge=beam.charge,
        alive=int(np.count_nonzero(beam.alive)),
    )


@checked
def mean(beam: Any) -> NDArray[np.float64]:
    """Return the weighted mean of the living particles, shape (6,) [m, 1, m, 1, m, 1]; raises PhysicsError if none."""
    rows, share = _living(beam)
    return (rows * share).sum(axis=1)


@checked
def sigma_matrix(beam: Any) -> NDArray[np.float64]:
    """Return the weighted covariance matrix about the mean, shape (6, 6), divided by the sum of weights.

    Raises PhysicsError if no particle is alive; warns (StatisticsWarning) below 50 particles.
    """
    rows, share = _living(beam)
    if rows.shape[1] < FEW_PARTICLES:
        warn(
            f"second moments of only {rows.shape[1]} particles are uncertain by {1 / np.sqrt(2 * rows.shape[1]):.0%}",
            StatisticsWarning,
        )
    centred = rows - (rows * share).sum(axis=1, keepdims=True)
    sigma = np.empty((6, 6))
    for i in range(6):
        weighted = centred[i] * share
        for j in range(i + 1):
            sigma[i, j] = sigma[j, i] = (weighted * centred[j]).sum()
    return sigma


@checked
def projected_emittances(beam_or_sigma: Any) -> NDArray[np.float64]:
    """Return the rms emittances of the planes (x, px), (y, py), (z, delta), sqrt(det of the 2x2 block) [m rad].

    Geometric, not normalised; dispersion is not taken off.

    Examples
    --------
    >>> projected_emittances(np.diag([4e-6, 1e-6, 1e-8, 1e-8, 1e-6, 1e-8]))
    array([2.e-06, 1.e-08, 1.e-07])
    """
    sigma = _sigma_of(beam_or_sigma)
    out = np.empty(3)
    for k in range(3):
        a, b, c = sigma[2 * k, 2 * k], sigma[2 * k, 2 * k + 1], sigma[2 * k + 1, 2 * k + 1]
        out[k] = np.sqrt(max(a * c - b * b, 0.0))
    return out


@checked
def eigen_emittances(beam_or_sigma: Any) -> NDArray[np.float64]:
    """Return the three eigen-emittances in falling order [m rad]: sigma S has the eigenvalues +-i eps.

    They are invariant under every linear symplectic map, coupled or not. Small ones are good to 1e-15 of the largest.

    Examples
    --------
    >>> eigen_emittances(np.diag([4e-6, 1e-6, 1e-8, 1e-8, 1e-6, 1e-8]))
    array([2.e-06, 1.e-07, 1.e-08])
    """
    sigma = _sigma_of(beam_or_sigma)
    # sigma = B B^T, and sigma S has the eigenvalues of the antisymmetric B^T S B: a Hermitian problem, well conditioned
    b = factor(_balanced(sigma))
    s = np.kron(np.eye(3), np.array([[0.0, 1.0], [-1.0, 0.0]]))
    found = np.linalg.eigvalsh(1j * (b.T @ s @ b))
    return np.sort(np.abs(np.concatenate([found, np.zeros(6 - found.size)])))[::-1][::2].copy()


@checked
def histogram(
    beam: Any, coordinate: str = "z", bins: int | ArrayLike = 100, span: tuple[float, float] | None = None
) -> Histogram:
    """Return the charge of the living particles in bins of one coordinate.

    Parameters
    ----------
    coordinate : x, px, y, py, z or delta.
    bins : number of equal bins, or their edges in rising order.
    span : lowest and highest value [m or 1]; the range of the beam if left out.

    Raises
    ------
    ConfigError
        Unknown coordinate, or bins that make no sense.
    PhysicsError
        No particle is alive.

    Warns
    -----
    StatisticsWarning
        With fewer than 10 particles per filled bin on average.
    """
    if coordinate not in COORDINATES:
        raise ConfigError(
            f"unknown coordinate '{coordinate}'; allowed: {', '.join(COORDINATES)}.{nearest(coordinate, COORDINATES)}"
        )
    rows, _ = _living(beam)
    values = rows[COORDINATES.index(coordinate)]
    edges = _edges(values, bins, span)
    counts, _ = np.histogram(values, bins=edges)
    filled = int(np.count_nonzero(counts))
    if filled and counts.sum() < FEW_PER_BIN * filled:
        warn(
            f"{int(counts.sum())} particles in {filled} filled bins: a bin is uncertain by "
            f"{np.sqrt(filled / counts.sum()):.0%}; use fewer bins or more particles",
            StatisticsWarning,
        )
    per_electron = ELEMENTARY_CHARGE * abs(beam.reference.charge_number)
    charge, _ = np.histogram(values, bins=edges, weights=beam.weight[_alive(beam)] * per_electron)
    return Histogram(coordinate, edges, charge)


@checked
def current_profile(beam: Any, bins: int | ArrayLike = 100, span: tuple[float, float] | None = None) -> CurrentProfile:
    """Return the current along the bunch, beta0 c dq/dz [A]; arguments, errors and warnings as :func:`histogram`."""
    found = histogram(beam, "z", bins, span)
    speed = beam.reference.beta * SPEED_OF_LIGHT
    return CurrentProfile(found.centres, speed * found.charge / np.diff(found.edges))


def _alive(beam: Any) -> NDArray[np.bool_]:
    """Return which particles are alive; ConfigError for what is no beam (whose class needs this module)."""
    if not (hasattr(beam, "alive") and hasattr(beam, "coordinates")):
        raise ConfigError(f"beam must be a Beam, not {type(beam).__name__}")
    return beam.alive


def _living(beam: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the rows of the living particles and their share of the total weight."""
    alive = _alive(beam)
    weight = beam.weight[alive]
    total = weight.sum()
    if not total > 0.0:
        raise PhysicsError(
            f"the beam has no moments: of {alive.size} particles {int(alive.sum())} are alive, with total weight "
            f"{float(total):g}"
        )
    return beam.coordinates[:, alive], weight / total


def _sigma_of(beam_or_sigma: Any) -> NDArray[np.float64]:
    if hasattr(beam_or_sigma, "coordinates"):
        return sigma_matrix(beam_or_sigma)
    return checked_sigma(beam_or_sigma)


def _balanced(sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale each plane by (s, 1/s), a symplectic change of units that makes its two rms sizes equal."""
    scale = np.ones(6)
    for k in range(0, 6, 2):
        if sigma[k, k] > 0.0 and sigma[k + 1, k + 1] > 0.0:
            scale[k] = (sigma[k + 1, k + 1] / sigma[k, k]) ** 0.25
            scale[k + 1] = 1.0 / scale[k]
    return sigma * np.outer(scale, scale)


def _edges(values: NDArray[np.float64], bins: Any, span: Any) -> NDArray[np.float64]:
    if isinstance(bins, (int, np.integer)) and not isinstance(bins, bool):
        if not 1 <= bins <= 10**8:
            raise ConfigError(f"bins must be a whole number from 1 to 1e8, or edges, not {bins}")
        limits = real_array("span", (values.min(), values.max()) if span is None else span)
        if limits.shape != (2,):
            raise ConfigError(f"span must be two finite rising numbers, not {span}")
        low, high = float(limits[0]), float(limits[1])
        if span is None and low == high:
            low, high = low - 0.5, high + 0.5
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ConfigError(f"span must be two finite rising numbers, not {span}")
        return np.linspace(low, high, int(bins) + 1)
    edges = real_array("bins", bins)
    if edges.ndim != 1 or edges.size < 2 or not np.isfinite(edges).all() or not np.all(np.diff(edges) > 0.0):
        raise ConfigError("bins must be a number of bins, or at least two finite rising edges")
    return edges
