"""Loss, damping and diffusion of the sections of a ring model, from the damped map of the ring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssmb.dynamics.propagation import carry
from ssmb.elements import Element
from ssmb.elements.lumped_radiation import LumpedRadiation
from ssmb.lattice.program import compile_elements
from ssmb.lattice.tree import Lattice
from ssmb.ring_models.sections import Ring

#: Noise of a coordinate below this part of the largest one, as variance, is rounding.
_NO_NOISE = 1e-20


def radiation_of(ring: Ring, maps: Sequence[Sequence[Element]]) -> list[LumpedRadiation | None]:
    """What radiation does in each section, to be applied at its end; nothing for a ring without it, or where none is
    emitted.

    Parameters
    ----------
    maps : elements of the model in each section, in order.
    """
    out: list[LumpedRadiation | None] = []
    for (begin, end), elements, turn in zip(ring.sections(), maps, ring.damped, strict=False):
        if not len(turn.strengths):
            out.append(None)
            continue
        before, after = ring.orbit[begin], ring.orbit[end]
        # where the maps of the model take the orbit of the ring; the rest is radiation
        row = Lattice.from_elements(elements, ring.program.reference).elements
        point = carry(compile_elements(row, ring.program.reference, "mean"), before[:, None])[:, 0]
        carried = turn.along[-1] @ (turn.kicks * np.sqrt(turn.strengths)[:, None]).T
        out.append(
            LumpedRadiation(
                mean=tuple((after - point).tolist()),
                point=tuple(point.tolist()),
                damping=_rows(turn.one_turn @ np.linalg.inv(turn.symplectic) - np.eye(6)),
                diffusion=_rows(_clean(carried @ carried.T)),
            )
        )
    return out


def _clean(noise: np.ndarray) -> np.ndarray:
    """Symmetric, and without the rounding of coordinates that have no noise."""
    noise = 0.5 * (noise + noise.T)
    still = np.diag(noise) <= _NO_NOISE * np.diag(noise).max()
    noise[still], noise[:, still] = 0.0, 0.0
    return noise


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
