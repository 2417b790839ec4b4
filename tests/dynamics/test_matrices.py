"""Matrices by differences against the exact derivatives of the same maps (differential algebra)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ssmb.dynamics import closed_orbit, optics, taylor_map, transfer_matrix
from ssmb.elements import Solenoid
from ssmb.elements.linear_map import symplectic_error
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import ConfigError, LatticeError, PhysicsError
from ssmb.lattice import Lattice
from tests.dynamics.rings import double_bend_ring, mls
from tests.support import assert_close

ORBIT = np.array([1e-3, 1e-4, 5e-4, -2e-4, 1e-3, 2e-3])


def micro_bucket_ring() -> Lattice:
    """The MLS whose only energy kick is a laser of 25 kW in U125."""
    laser = {"laser_wavelength": 1064e-9, "laser_power": 25e3, "laser_rayleigh_length": 1.6, "laser_model": "THIN"}
    first, *around, last = [e for e in mls() if e.name not in ("U125",)]
    assert first.length == last.length == 2.0
    undulator = Wiggler(name="MOD", length=4.0, periods=32.0, K=2.4798209785080134, **laser)
    ring = Lattice.from_elements([undulator, *around], mls().reference, name="bucket")
    return ring.with_changes({"CAV": {"voltage": 0.0}})


@pytest.mark.parametrize("ring", [mls, double_bend_ring])
@pytest.mark.parametrize("orbit", [None, ORBIT], ids=["reference", "displaced"])
def test_one_turn_and_sections_to_1e10(ring, orbit) -> None:
    lattice = ring()
    for start, end in ((None, None), (3, 40), (40, 41)):
        got = transfer_matrix(lattice, start, end, orbit=orbit)
        want = taylor_map(lattice, start, end, order=1, orbit=orbit).R
        assert_close(got, want, rtol=1e-10, atol=1e-10, what=f"{start} to {end}")
        assert symplectic_error(want) < 1e-12
        assert symplectic_error(got) < 1e-10


def test_sections_multiply_to_the_turn() -> None:
    ring = mls()
    orbit = closed_orbit(ring)
    parts = transfer_matrix(ring, "L4", orbit=orbit) @ transfer_matrix(ring, "K3", "L4", orbit=orbit)
    whole = parts @ transfer_matrix(ring, None, "K3", orbit=orbit)
    assert_close(whole, transfer_matrix(ring), rtol=0.0, atol=1e-10)


def test_through_a_laser_modulator() -> None:
    ring = micro_bucket_ring()
    got = transfer_matrix(ring, lasers=True)
    want = taylor_map(ring, order=1, lasers=True).R
    assert np.abs(want[5, 4]) > 100.0, "the laser bends the phase space strongly"
    assert_close(got, want, rtol=1e-10, atol=1e-10 * np.abs(want).max())
    dark = transfer_matrix(ring)
    assert_close(dark[5], np.eye(6)[5], rtol=0.0, atol=1e-12, what="lasers are off unless asked for")


def test_micro_bucket_tune_is_that_of_the_standard_map() -> None:
    ring = micro_bucket_ring()
    kick = transfer_matrix(ring, "MOD", 1, lasers=True)[5, 4]  # k A at the exit
    found = optics(ring, lasers=True)
    cosine = 1.0 - 0.5 * kick * found.slip_factor * ring.length
    assert found.status.name == "BUNCHED"
    assert_close(found.qs, math.acos(cosine) / (2.0 * math.pi), rtol=2e-2, atol=0.0, what="tune in the micro-bucket")
    assert optics(ring).status.name == "COASTING"


def test_closed_orbit_argument() -> None:
    ring = double_bend_ring()
    assert_close(transfer_matrix(ring, orbit="closed"), transfer_matrix(ring), rtol=0.0, atol=1e-11)


def test_wrong_places() -> None:
    ring = mls()
    with pytest.raises(LatticeError, match="no element 'K9'"):
        transfer_matrix(ring, "K9")
    with pytest.raises(ConfigError, match=r"lattice.rotated"):
        transfer_matrix(ring, "L4", "K3")
    with pytest.raises(ConfigError, match="position from 0"):
        transfer_matrix(ring, 500)
    with pytest.raises(ConfigError, match="six finite numbers"):
        transfer_matrix(ring, orbit=[0.0, 1.0])
    with pytest.raises(ConfigError, match="'closed'"):
        transfer_matrix(ring, orbit="open")


def test_lost_particles_are_said() -> None:
    ring = mls().with_changes({"B": {"x_limits": (-1e-3, 1e-3)}})
    with pytest.raises(PhysicsError, match="lost"):
        transfer_matrix(ring, orbit=[5e-3, 0, 0, 0, 0, 0])


def test_solenoid_couples() -> None:
    line = Lattice.from_elements([Solenoid(name="s", length=0.5, Ksol=0.8)], mls().reference)
    m = transfer_matrix(line)
    assert_close(m, taylor_map(line, order=1).R, rtol=0.0, atol=1e-12)
    assert abs(m[0, 2]) > 1e-3
