"""The rest of a ring around an insertion as one linear map, for the emittance over many turns."""

from __future__ import annotations

import math

import numpy as np

from ssmb.elements.linear_map import LinearMap
from ssmb.ranges import not_negative, positive


def rest_of_ring(
    *,
    tunes: tuple[float, float],
    beta: tuple[float, float],
    alpha: tuple[float, float] = (0.0, 0.0),
    dispersion_y: tuple[float, float],
    insertion: tuple[int, int] = (1, -1),
    r56: float,
    damping: tuple[float, float, float],
    emittances: tuple[float, float],
    sigma_delta: float,
    name: str = "REST_OF_RING",
) -> LinearMap:
    """Return the ring from the second modulator back to the first as one linear map with damping and diffusion.

    It carries a coasting beam (no RF): z slips by ``r56 delta``, so that the laser phase of an electron is new on every
    turn, and it holds the emittances and the spread that it is given when nothing else heats the beam.

    Parameters
    ----------
    tunes : phase advances in x and y from modulator to modulator through the ring [2 pi].
    beta, alpha : optics in x and y at the modulators; an insertion of +-I has the same at both [m], [1].
    dispersion_y : vertical dispersion D, D' at the first modulator [m], [1]; behind the insertion it has changed sign
        if that is -I in y.
    insertion : signs of the insertion map in x and y, +1 or -1.
    r56 : of the ring, -eta C [m].
    damping : amplitude decrements per turn of x, y and delta; a coasting delta is damped with twice the decrement of a
        bunched one.
    emittances : of x and y that damping and diffusion keep [m rad].
    sigma_delta : momentum spread that they keep [1].
    name : name of the element.
    """
    turn, rates, heat = np.eye(6), np.ones(6), np.zeros((6, 6))
    for i in (0, 1):
        b, a = positive("beta", beta[i], "m"), alpha[i]
        c, s = math.cos(2.0 * math.pi * tunes[i]), math.sin(2.0 * math.pi * tunes[i])
        at = slice(2 * i, 2 * i + 2)
        turn[at, at] = [[c + a * s, b * s], [-(1.0 + a * a) / b * s, c - a * s]]
        rates[at] = math.exp(-positive("damping", damping[i]))
        kept = not_negative("emittances", emittances[i], "m rad") * (1.0 - rates[2 * i] ** 2)
        heat[at, at] = kept * np.array([[b, -a], [-a, (1.0 + a * a) / b]])
    turn[4, 5] = r56
    rates[5] = math.exp(-positive("damping", damping[2]))
    heat[5, 5] = (1.0 - rates[5] ** 2) * not_negative("sigma_delta", sigma_delta) ** 2
    into, out = _with_dispersion(dispersion_y, 1), _with_dispersion(dispersion_y, insertion[1])
    heat = into @ heat @ into.T
    return LinearMap(
        name=name,
        matrix=_rows(into @ turn @ np.linalg.inv(out)),
        damping_matrix=_rows(into @ np.diag(rates) @ np.linalg.inv(into)),
        diffusion=_rows(0.5 * (heat + heat.T)),
    )


def _with_dispersion(dispersion_y: tuple[float, float], sign: int) -> np.ndarray:
    """From betatron coordinates to those of a place with vertical dispersion; symplectic."""
    d, prime = (sign * v for v in dispersion_y)
    out = np.eye(6)
    out[2:4, 5] = d, prime
    out[4, 2:4] = -prime, d
    return out


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
