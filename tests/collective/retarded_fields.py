"""Energy of a line charge in a bend and behind it by the retarded fields of each source, in long precision."""

from __future__ import annotations

import numpy as np

from ssmb.constants import VACUUM_PERMITTIVITY

_LONG = np.longdouble


def gain_by_retarded_fields(
    z: np.ndarray, at: float, radius: float, length: float, sigma: float, charge: float, gamma: float
) -> np.ndarray:
    """dE/ds [eV/m] at places z [m] of a Gaussian, a way ``at`` [m] behind the entrance of a bend between straights.

    The Coulomb field of the same lag on a straight is taken off. J. D. Jackson, Classical Electrodynamics, (14.14).
    """
    x, weight = np.polynomial.legendre.leggauss(16)
    behind, arc = max(at - length, 0.0), min(at, length)
    edges = np.unique([*np.geomspace(1e-5 * radius / gamma, 1e5, 800), *(d for d in (behind, behind + arc) if d > 0.0)])
    half = 0.5 * np.diff(np.log(edges.astype(_LONG)))
    middle = np.log(edges[:-1].astype(_LONG)) + half
    back = np.exp(middle[:, None] + half[:, None] * x).ravel()  # way back to the source
    step = (half[:, None] * weight).ravel() * back
    # seen from the charge that is acted on, which flies along the first axis
    psi = np.clip(back - behind, 0, arc) / _LONG(radius)
    before = np.maximum(back - behind - arc, 0)
    tangent = np.stack([np.cos(psi), -np.sin(psi)])
    chord = 2 * radius * np.sin(psi / 2) * np.stack([np.cos(psi / 2), -np.sin(psi / 2)])
    apart = chord + before * tangent
    apart[0] += np.minimum(back, behind)
    distance = np.sqrt((apart**2).sum(axis=0))
    beta = np.sqrt(1 - 1 / _LONG(gamma) ** 2)
    bends = (back > behind) & (back < behind + arc)
    n, v, a = apart / distance, beta * tangent, beta**2 / _LONG(radius) * bends * np.stack([np.sin(psi), np.cos(psi)])
    doppler = 1 - (n * v).sum(axis=0)
    radiated = ((n - v) * (n * a).sum(axis=0) - a * doppler) / distance  # n x ((n - v) x a), as n (n - v) = doppler
    field = ((n - v) / (_LONG(gamma) * distance) ** 2 + radiated) / doppler**3
    lag = back - beta * distance
    excess = field[0] - 1 / (_LONG(gamma) * lag) ** 2
    source = np.exp(-0.5 * ((z[:, None] - lag) / sigma) ** 2) / (np.sqrt(2 * np.pi) * sigma)
    whole = (source * (excess * doppler * step)).sum(axis=1)
    return np.asarray(charge / (4.0 * np.pi * VACUUM_PERMITTIVITY) * whole, dtype=float)
