"""Rings of a linear map, and the beams of the reference values, for tests of equilibrium and stability."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ssmb.beam import Reference
from ssmb.collective import StoredBeam
from ssmb.elements import Marker
from ssmb.elements.linear_map import LinearMap
from ssmb.lattice import Lattice
from tests.support import reference_values


def stored(inputs: dict[str, Any], **other: float) -> StoredBeam:
    """The stored beam of the inputs of a reference value."""
    names = {"energy": "E", "circumference": "C", "slip_factor": "eta", "sigma_delta": "sigma_delta", "tune": "nu_s"}
    return StoredBeam(**({ours: inputs[name] for ours, name in names.items() if name in inputs} | other))


def reference_inputs(identifier: str) -> dict[str, Any]:
    return reference_values()[identifier]["inputs"]


def ring(beam: StoredBeam) -> Lattice:
    """Marker ``m`` and a turn of linear motion, the momenta damped and heated."""
    matrix = np.eye(6)
    if beam.tune:
        beta, angle = beam.slip / math.sin(2.0 * math.pi * beam.tune), 2.0 * math.pi * beam.tune
        matrix[4:, 4:] = [[math.cos(angle), -beta * math.sin(angle)], [math.sin(angle) / beta, math.cos(angle)]]
    else:
        matrix[4, 5] = -beam.slip
    damping, heat = np.eye(6), np.zeros((6, 6))
    damping[5, 5] = 1.0 - 2.0 * beam.damping
    heat[5, 5] = 4.0 * beam.damping * (1.0 - beam.damping) * beam.sigma_delta**2
    rows = [tuple(map(tuple, m.tolist())) for m in (matrix, damping, heat)]
    turn = LinearMap(name="turn", matrix=rows[0], length=beam.circumference)
    if beam.damping:
        turn = LinearMap(
            name="turn", matrix=rows[0], damping_matrix=rows[1], diffusion=rows[2], length=beam.circumference
        )
    return Lattice.from_elements([Marker(name="m"), turn], Reference(beam.energy), periodic=True)


def radical_inverse(n: int, base: int) -> np.ndarray:
    """Evenly spread numbers in (0, 1), van der Corput."""
    i, out, share = np.arange(1, n + 1), np.zeros(n), 1.0
    while i.any():
        share /= base
        out += share * (i % base)
        i //= base
    return out
