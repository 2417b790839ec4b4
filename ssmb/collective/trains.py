"""How dense a beam is for those that collide in it: one bunch, a coasting beam, or a train of microbunches."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ssmb.beam import Reference
from ssmb.collective.intrabeam import line_density
from ssmb.errors import ConfigError
from ssmb.ranges import positive

Array = NDArray[np.float64]

_PLACES = [0, 2, 4]


def of_density(
    reference: Reference,
    sigma: Array,
    electrons: float | None,
    current: float | None,
    wavelength: float | None,
    rate: Callable[[float | None, float | None], Array],
) -> Array:
    """A rate ``rate(electrons, current)`` (n, ...) at covariances (n, 6, 6), of electrons or a current.

    With a wavelength the current flows in microbunches at this distance: an electron meets those of its own, and, where
    they are longer than their distance, those of its neighbours, whose momenta are taken as those of a coasting beam.
    """
    if wavelength is None or current is None:
        return rate(electrons, current)
    own = rate(line_density(reference, current) * wavelength, None)
    others = _neighbours(_length_at_a_place(sigma) / wavelength)
    return others.reshape((-1,) + (1,) * (own.ndim - 1)) * rate(None, current) + own


def check_train(current: float | None, wavelength: float | None) -> None:
    """Raise ConfigError for a wavelength without a current."""
    if wavelength is not None:
        positive("wavelength", wavelength, "m")
        if current is None:
            raise ConfigError("a wavelength belongs to a current, which flows in microbunches; give no electrons")


def _length_at_a_place(sigma: Array) -> Array:
    """Rms length of the electrons with the same x and y [m], (n,)."""
    room, area = (np.linalg.det(sigma[:, places][:, :, places]) for places in (_PLACES, _PLACES[:2]))
    return np.sqrt(np.maximum(room, 0.0) / area)


def _neighbours(length: Array) -> Array:
    """Average density that the other bunches of a train of Gaussian bunches have at one of them, over that of the
    train.

    ``length`` is rms length over distance. All of them: ``sum_m exp(-(2 pi m length)^2)``; own:
    ``1/(2 sqrt(pi) length)``.
    """
    m = np.arange(1, 30)
    short = 1.0 / (math.sqrt(math.pi) * length) * np.exp(-(np.multiply.outer(0.5 / length, m) ** 2)).sum(axis=1)
    long = 1.0 + 2.0 * np.exp(-(np.multiply.outer(2.0 * math.pi * length, m) ** 2)).sum(axis=1)
    return np.where(length < 0.5, short, long - 0.5 / (math.sqrt(math.pi) * length))
