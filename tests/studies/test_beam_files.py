"""Particle files of runs: to the bit, each number once, whatever the numbers are."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.studies.beam_files import load_beam, save_beam
from ssmb.version import __version__
from tests.store.trees import foreign_module
from tests.studies.small_ring import bits
from tests.support import assert_close


def beam(n: int, lost: int, weights: bool = False) -> Beam:
    rng = np.random.default_rng(n + lost)
    rows = rng.normal(size=(6, n)) * np.array([3e-4, 1e-4, 1e-4, 1e-4, 1e-6, 1e-4])[:, None]
    rows[:, 0], rows[5, 1], rows[4:, 2], rows[5, 3] = 0.0, -0.0, 1e-30, 0.3
    gone = rng.permutation(n) < lost
    rows[:, gone] *= 1e30  # what is lost may be anywhere
    state = {"state": 1 * gone, "lost_turn": np.where(gone, 7, -1), "lost_element": np.where(gone, 2, -1)}
    weight = rng.uniform(1.0, 2.0, n) * 123.4 if weights else np.full(n, 123.4)
    return Beam(Reference(250e6), rows, weight, ids=rng.permutation(n), **state)


@pytest.mark.parametrize(
    ("n", "lost", "weights"), [(20_000, 0, False), (20_000, 700, True), (5, 1, False), (5, 5, True)]
)
def test_beams_come_back_to_the_bit(tmp_path: Path, n: int, lost: int, weights: bool) -> None:
    one = beam(n, lost, weights)
    save_beam(one, tmp_path / "a.h5")
    assert bits(load_beam(tmp_path / "a.h5")) == bits(one)


def test_each_number_is_stored_once(tmp_path: Path) -> None:
    """Six coordinates are 48 bytes; ids, and what openPMD rounds, are the rest."""
    save_beam(beam(50_000, 0), tmp_path / "a.h5")
    assert (tmp_path / "a.h5").stat().st_size < 60 * 50_000
    with h5py.File(tmp_path / "a.h5") as file:
        assert "lost" not in file["ssmb/extra"]
        assert file.attrs["softwareVersion"].decode() == __version__
        assert len(file.attrs["date"].decode()) == len("2026-01-01 00:00:00 +0000")


def test_other_readers_see_the_same_beam(tmp_path: Path) -> None:
    beamphysics = foreign_module("beamphysics.particles")
    one = beam(1000, 0)
    save_beam(one, tmp_path / "a.h5")
    group = beamphysics.ParticleGroup(str(tmp_path / "a.h5"))
    assert_close(group.x, one.x, rtol=0.0, atol=0.0)
    assert_close(group.px, one.px * one.reference.p0c, rtol=1e-15, atol=0.0)
    assert_close(group.charge, 1000 * 123.4 * 1.602176634e-19, rtol=1e-12, atol=0.0)
    assert (group.n_particle, group.n_alive) == (1000, 1000)
