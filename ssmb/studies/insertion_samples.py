"""What the run of an insertion keeps for its figures, and the finer lattice of its check."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

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
