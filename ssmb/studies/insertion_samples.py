"""What the run of an insertion keeps for its figures, and the finer lattice of its check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ssmb.lattice import Lattice
from ssmb.schemes.insertion import CouplingInsertion

#: Particles that are kept for figures.
_SHOWN = 20_000


def shown_particles(insertion: CouplingInsertion, particles: int, seed: int) -> dict[str, np.ndarray]:
    """Return z and delta of some particles before the kick, behind it, and in the radiator."""
    n = min(particles, _SHOWN)
    modulated = insertion.beam(n, seed)
    before = replace(insertion, chirp=1e-9).beam(n, seed)
    beams = {"before": before, "modulated": modulated, "radiator": insertion.at_radiator(modulated)}
    return {f"{axis}_{name}": getattr(b, axis).copy() for name, b in beams.items() for axis in ("z", "delta")}


def twice_the_slices(lattice: Lattice) -> Lattice:
    """Return the lattice with twice the slices in all elements that have a number of them."""
    slices = {e.name: int(getattr(e, "slices", 0) or 0) for e in lattice}
    changes: Mapping[str, Mapping[str, Any]] = {name: {"slices": 2 * n} for name, n in slices.items() if n > 0}
    return lattice.with_changes(changes) if changes else lattice
