"""Loss, damping and diffusion of the sections of a ring model, from the damped map of the ring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssmb.elements import Element
from ssmb.elements.lumped_radiation import LumpedRadiation
from ssmb.lattice.program import compile_elements
from ssmb.lattice.tree import Lattice
from ssmb.optics.propagation import carry
from ssmb.tracking.ring_model_sections import Ring

#: Noise of a coordinate below this part of the largest one, as variance, is rounding.
_NO_NOISE = 1e-20


def radiation_of(ring: Ring, maps: Sequence[Sequence[Element]]) -> list[LumpedRadiation]:
    """What radiation does in each section, to be applied at its end; nothing for a ring without it.

    Parameters
    ----------
    maps : elements of the model in each section, in order.
    """
    turn, out = ring.turn, []
    if turn is None:
        return out
    for (begin, end), elements in zip(ring.sections(), maps, strict=True):
        before, after = turn.orbit[begin], turn.orbit[end]
        # where the maps of the model take the orbit of the ring; the rest is radiation
        row = Lattice.from_elements(elements, ring.program.reference).elements
        point = carry(compile_elements(row, ring.program.reference), before[:, None])[:, 0]
        damping = _between(turn.along, begin, end) @ np.linalg.inv(_between(turn.undamped, begin, end)) - np.eye(6)
        noise = turn.along[end] @ (turn.noise[end] - turn.noise[begin]) @ turn.along[end].T
        out.append(
            LumpedRadiation(
                mean=tuple((after - point).tolist()),
                point=tuple(point.tolist()),
                damping=_rows(damping),
                diffusion=_rows(_clean(noise)),
            )
        )
    return out


def _between(maps: np.ndarray, begin: int, end: int) -> np.ndarray:
    return maps[end] @ np.linalg.inv(maps[begin])


def _clean(noise: np.ndarray) -> np.ndarray:
    """Symmetric, and without the rounding of coordinates that have no noise."""
    noise = 0.5 * (noise + noise.T)
    still = np.diag(noise) <= _NO_NOISE * np.diag(noise).max()
    noise[still], noise[:, still] = 0.0, 0.0
    return noise


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
