"""Tapering: closed orbit, tunes and fields of rings that lose much of their energy; what happens with too little
voltage.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.dynamics import closed_orbit, equilibrium, optics, tapered
from ssmb.dynamics.energy_balance import energy_balance
from ssmb.dynamics.propagation import recorded
from ssmb.elements import Bend, Drift, Kicker, Quadrupole
from ssmb.errors import ConfigError, LatticeError, PhysicsError, ValidityWarning
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from ssmb.tracking import track
from tests.dynamics.rings import double_bend_ring
from tests.support import assert_close


def heavy_ring(energy: float = 5e9, voltage: float = 150e6) -> Lattice:
    """The double-bend ring at an energy at which it loses 0.5 % of it per turn, with one cavity."""
    ring = dataclasses.replace(double_bend_ring(), reference=Reference(energy))
    return ring.with_changes({"RFCavity::*": {"voltage": voltage}})


def orbit_of(ring: Lattice) -> np.ndarray:
    """Closed orbit with mean radiation at all entrances, (n + 1, 6)."""
    program = compile_elements(ring.elements, ring.reference, radiation="mean")
    return recorded((program, closed_orbit(program, dim=6)[:, None]))[0][:, :, 0]


def test_taper_takes_the_sawtooth_out_of_the_orbit() -> None:
    ring = heavy_ring()
    corrected = tapered(ring)
    before, after = orbit_of(ring), orbit_of(corrected)
    assert np.ptp(before[:, 5]) > 5e-3 and np.abs(before[:, 0]).max() > 1e-3
    assert np.abs(after[:, 0]).max() < 0.005 * np.abs(before[:, 0]).max()
    assert_close(
        after[:, 5], before[:, 5], rtol=0.0, atol=5e-3 * np.ptp(before[:, 5]), what="the energy stays a sawtooth"
    )
    tunes = optics(ring)
    without, with_taper = equilibrium(ring).tunes, equilibrium(corrected).tunes
    design = np.array((tunes.qx % 1.0, tunes.qy % 1.0))
    assert np.abs(without[:2] - design).max() > 5e-4
    assert_close(with_taper[:2], design, rtol=0.0, atol=2e-6, what="tunes as without radiation")


def test_fields_follow_the_energy() -> None:
    ring = heavy_ring()
    corrected = tapered(ring)
    delta = orbit_of(corrected)[:, 5]
    for i, (old, new) in enumerate(zip(ring, corrected, strict=True)):
        middle = 0.5 * (delta[i] + delta[i + 1])
        if isinstance(old, Bend) and isinstance(new, Bend):
            assert new.angle == old.angle, "the reference orbit stays"
            assert_close(new.field / old.field - 1.0, middle, rtol=0.0, atol=1e-7, what=old.name)
        elif isinstance(old, Quadrupole) and isinstance(new, Quadrupole):
            assert_close(new.Kn1 / old.Kn1 - 1.0, middle, rtol=0.0, atol=1e-7, what=old.name)
        elif isinstance(old, Drift):
            assert new == old


def test_a_bend_with_pole_faces_keeps_its_focusing() -> None:
    """With field and momentum both larger by 1 %, a bend with edges acts on the orbit as it did."""
    bend = Bend(name="b", length=1.2, angle=0.5, e1=0.25, e2=0.2, edge1_int=0.012, edge2_int=0.01)
    c = np.random.default_rng(1).uniform(-1e-4, 1e-4, (6, 32))
    c[5] = 0.0
    high = c.copy()
    high[[1, 3]] *= 1.01
    high[5] = 0.01
    for edge in ("linear", "full"):
        ref = Reference(1e9)
        a, _ = compile_elements([dataclasses.replace(bend, edge=edge)], ref).propagate(c)
        b, _ = compile_elements([dataclasses.replace(bend, edge=edge).scaled(1.01)], ref).propagate(high)
        b[[1, 3]] /= 1.01
        assert_close(b[:4], a[:4], rtol=0.0, atol=2e-9, what=f"scaled motion, edge '{edge}'")


def test_what_cannot_be_tapered() -> None:
    ring = heavy_ring()
    with pytest.raises(LatticeError, match="integrator 'matrix' takes no Kn0"):
        tapered(ring.with_changes({"Bend::*": {"integrator": "matrix"}}))
    with pytest.raises(ConfigError, match="tapered needs a Lattice"):
        tapered(3)  # type: ignore[arg-type]


def test_a_loss_above_the_voltage_is_said() -> None:
    ring = heavy_ring(voltage=20e6)
    balance = energy_balance(ring)
    assert balance.voltage == 20e6
    assert_close(balance.loss, equilibrium(heavy_ring()).energy_loss, rtol=2e-3, atol=0.0, what="loss")
    for wrong in (
        lambda: tapered(ring),
        lambda: equilibrium(ring),
        lambda: closed_orbit(compile_elements(ring.elements, ring.reference, radiation="mean")),
    ):
        with pytest.raises(
            PhysicsError, match="mode z has no equilibrium: a turn loses 2.7.*at most 2e.*Raise RFP.voltage"
        ):
            wrong()
    beam = Beam(ring.reference, np.zeros((6, 2)))
    with pytest.warns(ValidityWarning, match="nothing holds the energy of the beam: a turn loses"):
        track(ring, beam, 1, radiation="mean")


def test_a_long_kicker_radiates() -> None:
    kicker = Kicker(name="k", length=0.5, hkick=0.02, vkick=0.01)
    ref = Reference(3e9)
    lost, _ = compile_elements([kicker], ref, radiation="mean").propagate(np.zeros((6, 1)))
    bend = Bend(name="b", length=0.5, angle=float(np.hypot(0.02, 0.01)))
    want, _ = compile_elements([bend], ref, radiation="mean").propagate(np.zeros((6, 1)))
    assert_close(lost[5], want[5], rtol=2e-3, atol=0.0, what="loss as in a bend of the same angle")
    thin = Kicker(name="k", hkick=0.02)
    lost, _ = compile_elements([thin], ref, radiation="mean").propagate(np.zeros((6, 1)))
    assert lost[5, 0] == 0.0
