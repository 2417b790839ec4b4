"""A beam that is a quadrature rule: particles with weights, whose means through smooth maps are exact to rounding.

A quiet start of a million particles leaves 1e-3 where many coordinates turn the phase fast, as in an echo. A product of
rules, equally spaced in z (spectral for periodic or Gaussian integrands) and Gauss-Hermite in every other coordinate
that has an extent, does not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ssmb.beam import Beam, Reference
from ssmb.beam.sigma import checked_sigma
from ssmb.errors import ConfigError, ValidityWarning, warn
from ssmb.ranges import count

#: order in which coordinates become independent; delta first, since dispersion makes the others follow it
_ORDER = (5, 0, 1, 2, 3)
_NAMES = ("x", "px", "y", "py", "z", "delta")
_MOST = 2**23
#: rad beyond which the mean of exp(i phase t) over a normal t is below 1e-8
_SIX = 6.1


def quadrature_beam(
    reference: Reference,
    wavelength: float,
    sigma: NDArray[np.float64],
    *,
    nodes: int = 12,
    nodes_z: int = 512,
    more: Mapping[str, int] | None = None,
) -> Beam:
    """Return a weighted beam whose bunching after a smooth map is that of the Gaussian beam `sigma` to quadrature.

    Parameters
    ----------
    reference : reference particle.
    wavelength : laser wavelength; a beam whose sigma has no length fills one wavelength evenly [m].
    sigma : covariance (6, 6).
    nodes : Gauss-Hermite nodes of each coordinate with an extent [1]; 12 take a phase of 2 rad rms to 1e-9.
    nodes_z : equally spaced nodes of z [1], more than twice the highest harmonic that occurs.
    more : numbers of nodes of single coordinates by name, for example {"delta": 400}; above 60 an equally spaced rule
        over +-8.5 sigma is taken.

    Raises
    ------
    ConfigError
        If the product has more than 8 million nodes, or a name is not a coordinate.
    """
    own = dict(more or {})
    if not set(own) <= set(_NAMES):
        raise ConfigError(f"nodes of {sorted(set(own) - set(_NAMES))}: the coordinates are {', '.join(_NAMES)}")
    s = checked_sigma(sigma)
    z, weight = _z_rule(wavelength, math.sqrt(s[4, 4]), own.get("z", nodes_z))
    along = s[:, 4] / s[4, 4] if s[4, 4] else np.eye(6)[4]
    rules = [
        (column, *normal_rule(own.get(_NAMES[i], nodes)))
        for i, column in _columns(s - np.outer(along, s[4]))
        if column.any()
    ]
    size = z.size * math.prod(t.size for _, t, _ in rules)
    if size > _MOST:
        raise ConfigError(f"this quadrature has {size:.3g} nodes (at most {_MOST:.3g}); ask for fewer per coordinate")
    repeat = size // z.size
    rows, total = along[:, None] * np.repeat(z, repeat), np.repeat(weight, repeat)
    done = z.size
    for column, t, w in rules:
        done *= t.size
        tile = np.repeat(np.tile(t, done // t.size), size // done)
        total *= np.repeat(np.tile(w, done // t.size), size // done)
        rows += column[:, None] * tile
    return Beam(reference, rows, total)


def quiet_beam(reference: Reference, wavelength: float, sigma: np.ndarray, n: int, seed: int) -> Beam:
    """Return a quiet start with the covariance `sigma` (6, 6): coasting over one wavelength where it has no length."""
    charge = 1e-12  # bunching is a mean: the charge does not matter
    if sigma[4, 4] == 0.0:
        return Beam.coasting(reference, sigma, wavelength=wavelength, n=n, charge=charge, seed=seed)
    return Beam.gaussian(reference, sigma, n=n, charge=charge, seed=seed, start="quiet")


def _columns(s: NDArray[np.float64]) -> list[tuple[int, NDArray[np.float64]]]:
    """Factor of what a covariance has beside z, by Cholesky steps that pass over coordinates without an extent of their
    own.
    """
    left = np.array(s)
    left[4] = 0.0
    left[:, 4] = 0.0
    out = []
    for i in _ORDER:
        column = np.zeros(6)
        if left[i, i] > 1e-14 * s[i, i] > 0.0:
            column = left[:, i] / math.sqrt(left[i, i])
        left = left - np.outer(column, column)
        out.append((i, column))
    return out


def _z_rule(wavelength: float, sigma_z: float, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n = count("nodes_z", n, at_least=8, at_most=_MOST)
    if sigma_z == 0.0:
        return wavelength * ((np.arange(n) + 0.5) / n - 0.5), np.full(n, 1.0 / n)
    t, w = _spaced(n)
    return sigma_z * t, w


def check_resolved(name: str, n: int, phase: float) -> None:
    """Warn if the phase turns faster than the mean over a normal distribution with n nodes resolves.

    Parameters
    ----------
    name : the coordinate.
    n : its nodes, see :func:`normal_rule`.
    phase : rms phase that it makes [rad].

    Warns
    -----
    ValidityWarning
        Gauss-Hermite nodes resolve some sqrt(n/3) rad, equally spaced ones 2 pi over their distance, less the 6 rad
        within which the mean of a turning phase falls to rounding.
    """
    if phase > (_spaced_phase(n) if n > 60 else math.sqrt(n / 3.0)):
        needed = math.ceil((phase + _SIX) * 17.0 / (2.0 * math.pi)) + 1
        warn(
            f"quadrature: {name} turns the laser phase by {phase:.3g} rad rms, which {n} nodes do not resolve; give "
            f"more={{'{name}': {max(61, needed)}}}, and n times as many for harmonic n",
            ValidityWarning,
        )


def _spaced_phase(n: int) -> float:
    return 2.0 * math.pi * (n - 1) / 17.0 - _SIX


def normal_rule(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return n nodes and weights of the mean over a normal distribution: Gauss-Hermite, or equally spaced above 60."""
    if count("nodes", n, at_most=_MOST) > 60:
        return _spaced(n)
    t, w = np.polynomial.hermite_e.hermegauss(n)
    return t, w / w.sum()


def _spaced(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Equally spaced nodes for the mean over a normal distribution: spectral, since the ends vanish."""
    t = np.linspace(-8.5, 8.5, n)
    w = np.exp(-0.5 * t * t)
    return t, w / w.sum()
