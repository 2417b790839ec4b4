"""A cavity that is not at a harmonic of the revolution: refused, with the orbit that it means."""

from __future__ import annotations

import re

import numpy as np
import pytest

import ssmb
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.elements import RFCavity
from ssmb.errors import LatticeError
from tests.support import assert_close, fodo_cell

REFERENCE = ssmb.Reference(1e9)
HARMONIC = 16


def ring(df: float) -> ssmb.Lattice:
    """Eight cells with a cavity whose frequency is off its harmonic by a relative df."""
    cell = fodo_cell() * 8
    frequency = HARMONIC * REFERENCE.beta * SPEED_OF_LIGHT / sum(e.length for e in cell) * (1.0 + df)
    gap = RFCavity(name="rf", voltage=1e6, frequency=frequency, zero_phase="ABOVE_TRANSITION")
    return ssmb.Lattice.from_elements([*cell, gap], REFERENCE, periodic=True)


@pytest.mark.parametrize("df", [1e-4, -1e-3, 1e-6])
def test_frequency_off_the_harmonic_is_refused_with_a_way_out(df: float) -> None:
    off = ring(df)
    beam = ssmb.Beam(REFERENCE, np.zeros((6, 1)))
    for call in (ssmb.optics, ssmb.closed_orbit, ssmb.equilibrium, lambda lattice: ssmb.track(lattice, beam, 2)):
        with pytest.raises(LatticeError, match=f"'rf'.*give RFP.harmon: {HARMONIC}") as caught:
            call(off)
    ssmb.track(off, beam, 1)  # one pass has no next turn
    found = re.search(r"dz=([-+.e0-9]+)", str(caught.value))
    assert found is not None
    orbit = ssmb.closed_orbit(off, dim=5, dz=float(found[1]))
    eta = ssmb.optics(ring(0.0)).slip_factor
    # delta = -(df/f)/eta, to second order in it (eta2/eta is about 1 here)
    assert_close(orbit[5], -df / eta, rtol=5.0 * abs(df / eta), atol=1e-12, what="momentum of the orbit")


def test_pyat_moves_the_orbit_by_as_much() -> None:
    """pyAT 0.9.0, find_orbit6 of the same ring with exact maps: delta -4.11433e-3 for df/f = 1e-3."""
    off = ring(1e-3)
    orbit = ssmb.closed_orbit(off, dim=5, dz=off.length * (1.0 - 1.0 / 1.001))
    assert_close(orbit[5], -4.11433e-3, rtol=3e-4, atol=0.0, what="momentum of the orbit")


def test_harmonic_is_accepted() -> None:
    assert ssmb.optics(ring(0.0)).qs > 0.0 and abs(ssmb.closed_orbit(ring(0.0))[5]) < 1e-12
