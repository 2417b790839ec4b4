"""Damping of a coasting beam, tracked in a ring that gives every electron its mean loss; what the insertion makes of
it.
"""

from __future__ import annotations

import math
import warnings
from functools import cache
from pathlib import Path

import numpy as np

from ssmb.beam import Beam, Reference
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.dynamics.energy_balance import energy_balance
from ssmb.elements import ELEMENTS
from ssmb.errors import ValidityWarning
from ssmb.lattice import Lattice
from ssmb.studies import run_file
from ssmb.tracking import track
from tests.support import assert_close

REF = Reference(650e6)
FILE = Path(__file__).parents[2] / "lattices" / "ssmb_euv.run.yaml"
#: A section that ends soon behind the radiator: it does not close, but the balance of its beam is quickly found.
SHORT = {"insertion.mod2": "B1A", "closure.order": 1, "beam.particles": 2048, "closure.particles": 256,
         "source.detuning": "exact", "insertion.spot": None, "effects": []}  # fmt: skip


def ring() -> Lattice:
    """A damping wiggler, the cell that gives its loss back, and a rest of the ring that turns both planes by 30
    degrees.

    The wiggler has no dispersion: this is damping by the field alone, with the partition 1, 1, 2.
    """
    turn, beta, c, s = np.eye(6), 1.5, math.cos(math.pi / 6.0), math.sin(math.pi / 6.0)
    for at in (0, 2):
        turn[at : at + 2, at : at + 2] = [[c, beta * s], [-s / beta, c]]
    rows = tuple(map(tuple, turn.tolist()))
    wiggler = ELEMENTS["Wiggler"](name="W", length=2.0, period_length=0.1, periods=20.0, K=20.0)
    loss = energy_balance(Lattice.from_elements([wiggler], REF)).loss
    return Lattice.from_elements(
        [
            wiggler,
            ELEMENTS["SSMB_EnergyRestorer"](name="cell", energy_gain=loss),
            ELEMENTS["SSMB_LinearMap"](name="rest", matrix=rows),
        ],
        REF,
    )


@cache
def tracked_decrements() -> tuple[float, float, float]:
    """Amplitude decrements per turn of y and of a coasting delta, and the loss of a turn over the energy."""
    made, turns = ring(), 40
    loss = energy_balance(Lattice.from_elements([made[0]], REF)).loss
    start = np.zeros((6, 4))
    start[2, 1], start[3, 2], start[5, 3] = 1e-6, 1e-6, 1e-5
    after = track(made, Beam(REF, start), turns=turns, radiation="mean").beam.coordinates
    moved = after - after[:, :1]  # about the electron that stays on the closed orbit
    area = float(np.linalg.det(moved[2:4, 1:3] / 1e-6))
    return -0.5 * math.log(area) / turns, -math.log(moved[5, 3] / 1e-5) / turns, loss / REF.energy


def test_a_coasting_beam_is_damped_four_times_as_fast_as_the_vertical_plane():
    y, delta, loss = tracked_decrements()
    assert loss > 1e-6
    assert_close(y, 0.5 * loss, rtol=2e-3, atol=0.0, what="vertical decrement: half of the relative loss")
    # nothing comes back as synchrotron motion: the whole of dU/dE = 2 U/E acts on delta
    assert_close(delta, 4.0 * y, rtol=2e-3, atol=0.0, what="decrement of a coasting momentum deviation")


def test_scattering_of_the_insertion_is_in_balance_with_that_damping():
    """In the balance the growth of sigma_delta^2, which the run tells, is what the tracked damping takes from it."""
    y, delta, loss = tracked_decrements()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)  # few particles
        result = run_file(FILE, changes=SHORT)
    found, given = result.findings.intrabeam, result.config.ring
    of_run = given.energy_loss / 650e6 / loss  # the loss of that ring over the loss of this one
    turn = given.circumference / (REF.beta * SPEED_OF_LIGHT)
    before, after = found.beam.sigma_delta
    for what, (old, new), time, decrement in (
        ("sigma_delta^2", (before**2, after**2), found.growth_times[2], delta),
        ("emit_y", found.beam.emit_y, found.growth_times[1], y),
    ):
        growth = new * turn / time
        assert_close(new - old, growth / (2.0 * decrement * of_run), rtol=5e-3, atol=0.0, what=f"rise of {what}")
        assert new - old > 1e-3 * old
