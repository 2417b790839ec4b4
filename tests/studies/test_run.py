"""Runs: in memory, in a folder, saved, loaded, resumed, and read by others."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam, bunching_factor
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.dynamics import equilibrium
from ssmb.errors import ConfigError, PhysicsError, ResultFileError
from ssmb.lattice import load_lattice
from ssmb.store.openpmd import write_particles
from ssmb.studies import load, load_beam, load_config, load_result, resume, run, run_file, save
from ssmb.studies.beam_files import save_beam
from ssmb.studies.ring import RingResult
from ssmb.tracking import RunStatus
from tests.store.trees import foreign_module
from tests.studies.small_ring import RING, RUN, bits, write_files
from tests.support import assert_close

LATTICES = Path(__file__).parents[2] / "lattices"
SMALL = {"track.turns": 6, "laser.turns": 3, "beam.particles": 300, "light.harmonics": "[1, 2]", "monitors.3.every": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("study")
    write_files(made)
    return made


@pytest.fixture(scope="module")
def result(folder: Path) -> RingResult:
    return run_file(folder / "small.run.yaml", folder=folder / "out", changes=SMALL)


def test_in_memory_and_in_a_folder(folder: Path, result: RingResult) -> None:
    memory = run(load_config(folder / "small.run.yaml", SMALL), load_lattice(RING))
    assert bits(memory) == bits(result)
    assert memory.folder == ""
    files = {str(p.relative_to(folder / "out")) for p in (folder / "out").rglob("*")}
    assert {"run.h5", "particles/final.h5", "particles/light.h5"} <= files
    assert not [f for f in files if "checkpoint" in f or "stages" in f or f.endswith(".part")]


def test_load_and_resume_give_the_same(folder: Path, result: RingResult) -> None:
    place = folder / "out"
    for again in (load(place), load_result(place), resume(place)):
        assert isinstance(again, RingResult)
        assert bits(again) == bits(result)
        assert again.summary() == result.summary()
        assert again.provenance == result.provenance
        assert np.array_equal(again.optics.beta, result.optics.beta)


def test_save_elsewhere(folder: Path, result: RingResult, tmp_path: Path) -> None:
    save(result, tmp_path / "copy")
    assert bits(load(tmp_path / "copy")) == bits(result)
    save(result.beam, tmp_path / "beam.h5")
    assert bits(load(tmp_path / "beam.h5")) == bits(result.beam)
    lattice = load_lattice(RING)
    save(lattice, tmp_path / "copy.pals.yaml")
    assert list(load(tmp_path / "copy.pals.yaml")) == list(lattice)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="cannot save a int"):
        save(5, tmp_path / "x")  # type: ignore[arg-type]


def test_the_run_file_can_be_changed(folder: Path) -> None:
    config = load_config(
        folder / "small.run.yaml",
        {"beam.particles": "1000", "monitors.0.wavelengths": "[1e-6]", "laser.turns": 7, "title": "other"},
    )
    assert (config.beam.particles, config.laser.turns, config.title) == (1000, 7, "other")  # type: ignore[union-attr]
    assert config.monitors[0].wavelengths == (1e-6,)  # type: ignore[union-attr]


def test_parts_join_to_one_record(result: RingResult) -> None:
    """The run is cut at the light (turn 1) and where the laser goes off (turn 3)."""
    assert result.records["bunching@U"].turn.tolist() == list(range(6))
    assert result.records["moments@stop"].turn.tolist() == [0, 3]
    assert result.records["snapshots"].turn.tolist() == [1, 3, 5]
    assert bits(result.records["snapshots"].beams[-1]) == bits(result.beam)


def test_light_is_that_of_the_monitor(result: RingResult) -> None:
    assert [light.harmonic for light in result.light] == [1, 2]
    for light, b in zip(result.light, result.records["bunching@U"].bunching[1], strict=True):
        assert_close(light.bunching, b, rtol=1e-11, atol=1e-14)
        assert light.coherent_power > 0.0
        assert light.incoherent_power > 0.0
        at = np.argmin(np.abs(light.signal.charge - result.config.beam.charge))
        charge = light.signal.charge[at]
        duration = math.sqrt(2 * math.pi) * 1e-4 / SPEED_OF_LIGHT
        want = light.coherent_power * duration * (charge / 1e-12) ** 2
        assert_close(light.signal.coherent_energy[at], want, rtol=1e-5, atol=0.0)  # beta of the electrons


def test_light_needs_no_monitor(folder: Path, result: RingResult) -> None:
    """The beam is taken at its place; without monitors it is the same light to the bit."""
    alone = run(load_config(folder / "small.run.yaml", SMALL | {"monitors": []}), load_lattice(RING))
    assert alone.records == {}
    assert bits(alone.light) == bits(result.light)
    assert_close(alone.wavelengths(), [light.wavelength for light in result.light], rtol=1e-15, atol=0.0)
    with pytest.raises(ConfigError, match="light.at: no element 'qg' in the lattice") as caught:
        run_file(
            folder / "small.run.yaml", folder=folder / "nowhere", changes=SMALL | {"monitors": [], "light.at": "qg"}
        )
    assert caught.value.where is not None and not (folder / "nowhere").exists()


def finite(thing: Any) -> bool:
    if isinstance(thing, dict):
        return all(finite(v) for v in thing.values())
    if isinstance(thing, list):
        return all(finite(v) for v in thing)
    return not isinstance(thing, float) or math.isfinite(thing)


def test_without_light_and_without_laser(folder: Path) -> None:
    text = "".join(line + "\n" for line in RUN.splitlines() if not line.startswith(("light", "laser")))
    path = folder / "plain.run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="a coasting beam needs a laser"):
        load_config(path)
    config = load_config(path, {"beam.z_distribution": "gaussian", "track.turns": 3, "beam.particles": 2000})
    got = run(config, load_lattice(RING))
    assert (got.status, got.light, got.beam_at_light) == (RunStatus.COMPLETED, (), None)
    assert finite(got.summary())
    first = got.records["moments@stop"]
    assert_close(first.rms[0, 4], 1e-4, rtol=0.1, atol=0.0)
    assert_close(got.beam.charge, 1e-12 * got.beam.alive.mean(), rtol=1e-12, atol=0.0)
    path.write_text(text + "light: {at: U, period: 0.125, periods: 32, bandwidth: 1e-3, acceptance: 1e-3}\n")
    with pytest.raises(ConfigError, match="light needs a laser"):
        load_config(path, {"beam.z_distribution": "gaussian"})


def test_summary_is_finite_where_no_closed_form_holds(folder: Path) -> None:
    """Light of turn 2 with the laser on for several turns: the closed form and nothing else is missing."""
    got = run(
        load_config(folder / "small.run.yaml", {**SMALL, "light.turn": 2, "light.harmonics": "[1]"}), load_lattice(RING)
    )
    assert got.light[0].closed_form is None
    assert got.summary()["light"][0]["closed_form_bunching"] is None
    assert finite(got.summary())


def test_all_lost_is_a_physics_error_that_says_where(folder: Path, tmp_path: Path) -> None:
    path = write_files(tmp_path, ring=RING.replace("[-0.4e-3, 0.4e-3]", "[-2e-6, 2e-6]"))
    lost = {**SMALL, "beam.emit_x": 1e-3, "beam.particles": 20}
    with pytest.raises(PhysicsError, match="all particles are lost by turn 1, first at 'stop'") as caught:
        run_file(path, folder=tmp_path / "out", changes=lost)
    assert caught.value.exit_code == 3
    assert not (tmp_path / "out").exists()  # nothing that could be looked at or gone on with


def test_folders_that_are_none(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ResultFileError, match="it has no run.json"):
        resume(tmp_path)
    with pytest.raises(ResultFileError, match="it holds no run"):
        load(tmp_path)
    (tmp_path / "run.json").write_bytes(b"\xff{")
    (tmp_path / "lattice.pals.yaml").write_text(RING)
    with pytest.raises(ConfigError, match="is not UTF-8"):
        resume(tmp_path)
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load(tmp_path)


def test_particles_that_others_wrote(tmp_path: Path) -> None:
    """A foreign file has no coordinates of ours: they follow from its arrays, with the mean energy as reference."""
    beamphysics = foreign_module("beamphysics.particles")
    lattice = load_lattice(RING)
    rows = np.random.default_rng(0).normal(size=(6, 200)) * np.array([1e-4, 1e-5, 1e-4, 1e-5, 1e-6, 1e-4])[:, None]
    beam = Beam(lattice.reference, rows, weight=1e5)
    save_beam(beam, tmp_path / "own.h5")
    group = beamphysics.ParticleGroup(str(tmp_path / "own.h5"))
    group.write(str(tmp_path / "foreign.h5"))
    back = load_beam(tmp_path / "foreign.h5", lattice.reference)
    shifted = (
        back.coordinates + (rows.mean(axis=1) - back.coordinates.mean(axis=1))[:, None] * (np.arange(6) == 4)[:, None]
    )
    assert_close(shifted / rows.std(axis=1)[:, None], rows / rows.std(axis=1)[:, None], rtol=0.0, atol=1e-7)
    assert_close(back.charge, beam.charge, rtol=1e-12, atol=0.0)
    mean = load_beam(tmp_path / "foreign.h5")
    assert abs(mean.delta.mean()) < 1e-9
    assert_close(abs(bunching_factor(mean, 3e-6)), abs(bunching_factor(beam, 3e-6)), rtol=1e-6, atol=1e-9)
    arrays = {name: np.zeros(2) for name in ("x", "y", "t", "px", "py")} | {"pz": np.full(2, 1e8), "weight": np.ones(2)}
    write_particles(tmp_path / "dead.h5", {**arrays, "status": np.zeros(2, dtype=int)})
    with pytest.raises(ResultFileError, match="no particle with status 1"):
        load_beam(tmp_path / "dead.h5")


@pytest.mark.parametrize("name", ["mls_pop", "mls_pop_exported", "mls_pop2"])
def test_particle_group_finds_the_same_bunching(name: str, tmp_path: Path) -> None:
    """The run of the MLS on reduced size: |b| of particles/light.h5 in openPMD-beamphysics, to 1e-6."""
    beamphysics = foreign_module("beamphysics.particles")
    changes = {"beam.particles": 4096, "track.turns": 2}
    got = run_file(LATTICES / f"{name}.run.yaml", folder=tmp_path / "out", changes=changes)
    group = beamphysics.ParticleGroup(os.fspath(tmp_path / "out" / "particles" / "light.h5"))
    assert group.n_particle == int(got.beam_at_light.alive.sum())  # type: ignore[union-attr]
    for light in got.light:
        want = abs(light.bunching)
        assert_close(abs(group.bunching(light.wavelength)), want, rtol=1e-6, atol=1e-9, what=f"b_{light.harmonic}")


def test_radiation_takes_the_energy_loss_of_the_ring():
    """Mean loss of two turns in a run file against the energy loss of the equilibrium."""
    lattice = load_lattice(LATTICES / "mls_pop2.pals.yaml")
    dark = lattice.with_changes(
        {"U125_IN": {"laser_on": False}, "U125_OUT": {"laser_on": False}, "CAV": {"voltage": 0.0}}
    )
    changes = {"beam.particles": 512, "light": None, "laser.turns": 0, "track.turns": 2, "monitors": []}
    ends = []
    for radiation in ("off", "mean"):
        config = load_config(LATTICES / "mls_pop2.run.yaml", {**changes, "track.radiation": radiation})
        ends.append(run(config, dark).beam.delta.mean())
    loss = equilibrium(lattice, lasers=False).energy_loss
    ref = lattice.reference
    assert_close(ends[1] - ends[0], -2.0 * loss / (ref.energy * ref.beta**2), rtol=2e-3, atol=0.0)
