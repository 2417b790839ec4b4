"""The ring as a part: damping of a coasting beam against tracking, and the energy of a turn."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from ssmb.beam import Reference
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.dynamics import optics
from ssmb.dynamics.energy_balance import energy_balance
from ssmb.elements import Bend, Drift, Element, Quadrupole, RFCavity
from ssmb.elements.energy_restorer import EnergyRestorer
from ssmb.errors import ConfigError
from ssmb.facility import EnergyOfTurn, EnergyStep, Filling, Limit, PowerStep, Ring
from ssmb.facility.ring import coasting_damping
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from tests.support import assert_close

REF = Reference(3e9)
CELLS = 12
FILLED = Filling(1.0)


@cache
def planar_ring(gradient: float = 0.0) -> Lattice:
    """FODO cells of parallel-faced bends, J_z = 2; each gets its energy back, so that the orbit stays in the
    quadrupoles.
    """
    angle = math.pi / CELLS
    face = 0.5 * angle if gradient == 0.0 else 0.0
    bend = {"length": 1.5, "angle": angle, "e1": face, "e2": face, "Kn1": gradient}
    row: list[Element] = []
    for i in range(CELLS):
        row += [
            Quadrupole(name=f"F{i}", length=0.3, Kn1=1.6), Drift(name=f"A{i}", length=0.3), Bend(name=f"B{i}", **bend),
            Drift(name=f"C{i}", length=0.3), Quadrupole(name=f"D{i}", length=0.3, Kn1=-1.6),
            Drift(name=f"E{i}", length=0.3), Bend(name=f"G{i}", **bend), Drift(name=f"H{i}", length=0.3),
        ]  # fmt: skip
    loss = energy_balance(Lattice.from_elements(row, REF, periodic=True)).loss
    cells: list[Element] = []
    for i in range(CELLS):
        cells += [*row[8 * i : 8 * i + 8], EnergyRestorer(name=f"CELL{i}", energy_gain=loss / CELLS)]
    return Lattice.from_elements(cells, REF, periodic=True)


def tracked_decrements(ring: Lattice, turns: int = 400) -> tuple[float, float]:
    """Amplitude decrements per turn of y and of a coasting delta, by tracking electrons with mean radiation."""
    found = optics(ring)
    program = compile_elements(ring.elements, ring.reference, radiation="mean")
    eta = np.array([float(found.table()[name][0]) for name in ("DX", "DPX")])
    start = np.zeros((6, 4))
    start[:2, 1], start[5, 1] = 1e-5 * eta, 1e-5  # on the orbit of its momentum, so that it coasts
    start[2, 2], start[3, 3] = 1e-6, 1e-6
    out, _ = program.propagate(start, turns=turns)
    moved = out - out[:, :1]
    area = np.linalg.det(moved[2:4, 2:4] / 1e-6)
    return -0.5 * math.log(area) / turns, -math.log(moved[5, 1] / 1e-5) / turns


def test_a_coasting_delta_is_damped_four_times_as_fast_as_y() -> None:
    ring = planar_ring()
    y, delta = tracked_decrements(ring)
    assert 1e-4 < y < 1e-2
    given = Ring(REF, FILLED, ring.length, energy_loss=energy_balance(ring).loss)
    assert_close(given.damping[1], y, rtol=5e-3, atol=0.0, what="decrement of y")
    assert_close(given.damping[2], delta, rtol=5e-3, atol=0.0, what="decrement of a coasting delta")
    assert_close(delta / y, 4.0, rtol=5e-3, atol=0.0, what="no synchrotron motion shares it with z")


@pytest.mark.parametrize("gradient", [0.0, -0.02, 0.02])
def test_gradients_of_the_bends_are_in_the_damping_of_a_lattice(gradient: float) -> None:
    ring = planar_ring(gradient)
    y, delta = tracked_decrements(ring)
    found = Ring.of(ring, FILLED).damping
    assert_close(found[1:], (y, delta), rtol=1e-3, atol=0.0, what="decrements of y and delta")
    assert_close(2.0 * found[0] + 2.0 * found[1] + found[2], 8.0 * y, rtol=1e-3, atol=0.0, what="sum rule of Robinson")


def test_damping_time_and_loss_are_two_ways_to_say_the_same() -> None:
    ring = Ring(REF, FILLED, 300.0, energy_loss=1e6)
    assert_close(ring.revolution_time, 300.0 / SPEED_OF_LIGHT, rtol=1e-7, atol=0.0, what="T0 at gamma 5871 [s]")
    tau = 2.0 * 3e9 / 1e6 * 300.0 / SPEED_OF_LIGHT  # 2 E T0/U0
    other = Ring(REF, FILLED, 300.0, damping_time=tau)
    assert_close(other.damping, ring.damping, rtol=1e-7, atol=0.0, what="decrements")
    assert_close(other.balance.loss, 1e6, rtol=1e-7, atol=0.0, what="U0 [eV]")
    assert (ring.origin, Ring.of(planar_ring(), FILLED).origin) == ("given", "calculated")


def test_energy_of_a_turn_adds_up_to_nothing() -> None:
    """Restorers first, cavities as far as they go, lasers the rest; whatever is too much is taken by the cavities."""
    ring = planar_ring()
    voltage = 2e5
    cells = Lattice.from_elements([*ring.elements, RFCavity(name="RF", frequency=1e8, voltage=voltage)], REF)
    balance = Ring.of(cells, FILLED).balance
    assert balance.voltage == voltage
    assert_close(balance.restored, balance.loss, rtol=1e-12, atol=0.0, what="the cell gives U0 [eV]")
    plain = {"laser_peak": 60e3, "laser_power": 1e6, "laser_on": 1.0, "origin": "calculated"}
    for light, restored, cavities, lasers in ((3e5, 1e6, 2e5, 1e5), (1e5, 1e6, 1e5, 0.0), (0.0, 1.5e6, -2e5, -3e5)):
        made = EnergyOfTurn(9e5, light, 1e5, restored, voltage, **plain)
        given = {step.name: step.energy for step in made.steps}
        assert_close((given["cavities"], given["lasers"]), (cavities, lasers), rtol=0.0, atol=1e-6, what="eV a turn")
        assert_close(sum(given.values()), 0.0, rtol=0.0, atol=1e-6, what="sum of all [eV]")
        assert made.missing == max(lasers, 0.0)


def test_bad_input() -> None:
    with pytest.raises(ConfigError, match="one of lattice, damping_time and energy_loss, got none"):
        Ring(REF, FILLED, 100.0)
    with pytest.raises(ConfigError, match="got damping_time, energy_loss"):
        Ring(REF, FILLED, 100.0, damping_time=1e-3, energy_loss=1e5)
    with pytest.raises(ConfigError, match=r"Ring.circumference must be a number from 1e-15 to 1e\+06 m, got -1"):
        Ring(REF, FILLED, -1.0, energy_loss=1e5)
    with pytest.raises(ConfigError, match="train_current 0.5 A is below average_current 1 A"):
        Filling(1.0, 0.5)
    with pytest.raises(ConfigError, match="train_length"):
        Filling(1.0, 2.0, 0.0)
    for wrong in (0.0, 1.1, math.nan):
        with pytest.raises(ConfigError, match="closure"):
            Limit("closure", wrong)
    with pytest.raises(ConfigError, match="Did you mean 'tracked'"):
        PowerStep("a", 1.0, 1.0, "traced")
    with pytest.raises(ConfigError, match="origin"):
        EnergyStep("a", 1.0, "")
    assert coasting_damping(1e-3, (1.5, 1.0, 1.5)) == (1.5e-3, 1e-3, 3e-3)
