"""What the run of an insertion keeps for its figures, and the finer lattice of its check."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ssmb.beam import Beam
from ssmb.errors import ValidityWarning
from ssmb.facility import SourceLight
from ssmb.lattice import Lattice
from ssmb.radiation.tracked import tracked_power
from ssmb.schemes.insertion import CouplingInsertion

#: Particles that are kept for figures; those of the lines; laser harmonics on each side of the light.
_SHOWN, _OF_LINES, _LINES = 20_000, 131_072, 3


def shown_particles(insertion: CouplingInsertion, particles: int, seed: int) -> dict[str, np.ndarray]:
    """Return z and delta of some particles before the kick, behind it, and in the radiator."""
    n = min(particles, _SHOWN)
    modulated = insertion.beam(n, seed)
    before = replace(insertion, chirp=1e-9).beam(n, seed)
    beams = {"before": before, "modulated": modulated, "radiator": insertion.at_radiator(modulated)}
    return {f"{axis}_{name}": getattr(b, axis).copy() for name, b in beams.items() for axis in ("z", "delta")}


def lines_about(
    light: SourceLight, beam: Beam, laser_wavelength: float, current: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the laser harmonics about a light, and the peak power of each in the same undulator [W].

    Parameters
    ----------
    light : the light.
    beam : that radiates it.
    laser_wavelength : [m].
    current : inside a train [A].
    """
    n = light.harmonic
    near = [m for m in range(max(1, n - _LINES), n + _LINES + 1) if abs(m - n) <= 0.3 * n]
    some = beam.select(np.arange(len(beam)) < _OF_LINES)
    powers = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)  # of noise far from the resonance
        for m in near:
            if m == n:
                powers.append(light.light.power)
                continue
            powers.append(tracked_power(light.light.undulator, some, laser_wavelength / m, current=current).power)
    return np.array(near), np.array(powers)


def twice_the_slices(lattice: Lattice) -> Lattice:
    """Return the lattice with twice the slices in all elements that have a number of them."""
    slices = {e.name: int(getattr(e, "slices", 0) or 0) for e in lattice}
    changes: Mapping[str, Mapping[str, Any]] = {name: {"slices": 2 * n} for name, n in slices.items() if n > 0}
    return lattice.with_changes(changes) if changes else lattice
