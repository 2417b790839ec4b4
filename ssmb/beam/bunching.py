"""Bunching factors of particles, b(lambda) = <exp(-i 2 pi z/lambda)>, and the shot noise under them.

References
----------
X. Deng et al., Phys. Rev. Accel. Beams 23, 044002 (2020), doi:10.1103/PhysRevAccelBeams.23.044002.
"""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam.folding import MOST_BUCKETS
from ssmb.beam.rows import coordinate_array, real_array
from ssmb.errors import ConfigError, PhysicsError
from ssmb.kernels.sums import bunching_sums


@checked
def bunching_factor(beam_or_z: Any, wavelength: ArrayLike, weight: ArrayLike | None = None) -> Any:
    """Return the complex bunching factor ``sum w exp(-i 2 pi z/lambda) / sum w``.

    Parameters
    ----------
    beam_or_z : a Beam, of which the living particles count with their weights, or places z [m], > 0 at the head.
    wavelength : wavelength or wavelengths of the light [m], > 0.
    weight : weights of the places, shape of z, >= 0; equal if left out. Not for a Beam, which has its own.

    Returns
    -------
    complex, or a complex array of the shape of `wavelength`. Power goes with |b|^2; a beam of n random macroparticles
    has |b| of about :func:`shot_noise_level` with no bunching at all.

    Raises
    ------
    ConfigError
        Arguments out of range.
    PhysicsError
        No particle is alive.

    Notes
    -----
    Whole periods are taken off z exactly, so the phase of a particle is good to 1e-15 turns for |z| up to 6.7e7
    wavelengths. The sum is formed in a fixed order: the same bits for any number of threads.

    Examples
    --------
    >>> complex(bunching_factor([0.0, 0.25e-6], 1e-6))
    (0.5-0.5j)
    """
    z, w = living(beam_or_z, weight)
    lengths = _wavelengths(wavelength)
    far = float(np.max(np.abs(z), where=w > 0.0, initial=0.0))
    if far >= MOST_BUCKETS * lengths.min(initial=np.inf):
        raise ConfigError(
            f"z reaches to {far:.4g} m, beyond 2^52 wavelengths of {lengths.min():.4g} m: its phase is not known"
        )
    found = bunching_sums(z, w, lengths.ravel()) / w.sum()
    return complex(found[0]) if lengths.ndim == 0 else found.reshape(lengths.shape)


@checked
def shot_noise_level(n_or_weights: Any) -> float:
    """Return the rms of |b| of independent particles spread evenly, ``sqrt(sum w^2)/sum w`` [1].

    Parameters
    ----------
    n_or_weights : number of equal particles, their weights, or a Beam (its living macroparticles).

    Notes
    -----
    This is the noise of the *macroparticles*, the floor of a random start. The real one is ``1/sqrt(N)`` of the
    electrons: ``shot_noise_level(charge/e)``. Raises ConfigError for a number below one or weights that are not >= 0.

    Examples
    --------
    >>> shot_noise_level(10_000)
    0.01
    """
    if hasattr(n_or_weights, "coordinates"):
        _, w = living(n_or_weights)
    elif isinstance(n_or_weights, numbers.Real):
        number = float(n_or_weights)
        if isinstance(n_or_weights, bool) or not 1.0 <= number < np.inf:
            raise ConfigError(f"the number of particles must be finite and at least 1, not {n_or_weights!r}")
        return 1.0 / np.sqrt(number).item()
    else:
        w = _weights(n_or_weights, None)
    # scaled by the largest weight, so that squares neither overflow nor vanish
    w = w / w.max()
    return float(np.sqrt((w * w).sum()) / w.sum())


def living(beam_or_z: Any, weight: ArrayLike | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return z [m] and weights of the particles that count, contiguous and checked.

    A lost particle of a beam gets the weight zero. Raises ConfigError and PhysicsError as :func:`bunching_factor`.
    """
    if hasattr(beam_or_z, "coordinates"):
        if weight is not None:
            raise ConfigError("a Beam has weights of its own; pass beam.z to use others")
        w = np.where(beam_or_z.alive, beam_or_z.weight, 0.0)
        if not w.sum() > 0.0:
            raise PhysicsError(f"the beam has no bunching: none of its {w.size} particles is alive with a weight > 0")
        return np.ascontiguousarray(beam_or_z.z), w
    z = np.atleast_1d(coordinate_array("z (if not a Beam)", beam_or_z))
    if z.ndim != 1 or z.size == 0 or not np.isfinite(z).all():
        raise ConfigError(f"z must be a non-empty one-dimensional array of finite numbers [m]; its shape is {z.shape}")
    return z, np.ones(z.size) if weight is None else _weights(weight, z.shape)


def _weights(values: Any, shape: tuple[int, ...] | None) -> NDArray[np.float64]:
    w = real_array("weights", values)
    if w.ndim != 1 or w.size == 0 or shape not in (None, w.shape):
        raise ConfigError(f"weights must have shape {'(n,)' if shape is None else shape}, not {w.shape}")
    if not np.isfinite(w).all() or w.min() < 0.0 or not w.max() > 0.0:
        raise ConfigError("weights must be finite and >= 0, and not all zero")
    return w


def _wavelengths(values: ArrayLike) -> NDArray[np.float64]:
    lengths = real_array("wavelength", values)
    # below 1e-100 m (far beyond any light) the split into two halves would lose its low part
    if lengths.size == 0 or not np.isfinite(lengths).all() or lengths.min() < 1e-100 or lengths.max() > 1e100:
        raise ConfigError("wavelength must be finite and above zero [m]")
    return lengths
