"""The modulation that a laser makes, measured by a few test particles over one period of its wave."""

from __future__ import annotations

import math

import numpy as np

from ssmb.lattice.program import Program

#: Test particles over a period: harmonics of the wave, which slip makes of a strong kick, count from the 15th on.
_PHASES = 16


def measured_modulation(
    program: Program, wavelength: float, start: np.ndarray, op_from: int = 0, op_to: int | None = None
) -> complex:
    """Return the modulation of delta by a range of ops, ``A e^(i phi)`` of ``A sin(k z + phi)``, k = 2 pi/(beta
    wavelength) [1].

    Parameters
    ----------
    program : with the laser on, and without noise.
    wavelength : of the light [m].
    start : (6,) coordinates from which the particles start, spread in z from there on over one period [m, 1].
    op_from, op_to : range of ops; default: all.
    """
    rows = np.tile(np.asarray(start, dtype=float)[:, None], (1, _PHASES))
    phase = np.arange(_PHASES) / _PHASES
    rows[4] += wavelength * program.reference.beta * phase
    delta = program.propagate(rows, op_from, op_to)[0][5]
    from_here = complex(2j * np.mean(delta * np.exp(-2j * math.pi * phase)))
    # z counts from the reference, not from the start
    turns = float(start[4]) / (wavelength * program.reference.beta)
    return from_here * complex(np.exp(-2j * math.pi * turns))
