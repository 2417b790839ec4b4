"""What would take much memory or time is refused with an estimate, which holds, and done where it is meant."""

from __future__ import annotations

import importlib
import itertools
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ssmb
from ssmb import costs
from ssmb.beam import Beam, Reference
from ssmb.buckets.standard_map import standard_map_island
from ssmb.cli.main import main
from ssmb.elements import Drift
from ssmb.errors import ConfigError
from ssmb.facility import Insertion
from ssmb.lattice import Lattice
from ssmb.light import Undulator, aperture_spectrum, coherent_energy, tracked_power, undulator_field
from ssmb.tracking import MomentMonitor, SnapshotMonitor, track
from tests.studies.small_ring import write_files
from tests.support import assert_close

REFERENCE = Reference(250e6)
UNDULATOR = Undulator(Reference(400e6), period=0.01, n_periods=20, k=1.1)
SIGMA = 1e-10 * np.eye(6) + 3e-11 * np.ones((6, 6))
WIDE = Beam(UNDULATOR.reference, np.outer([0, 1, 0, 1, 0, 0], np.linspace(-0.2, 0.2, 1000)))
INSERTION, RING = Insertion.examples()[0]
LINE = Lattice.from_elements([Drift(name="d", length=1.0)], REFERENCE)
BEAM = Beam(REFERENCE, np.zeros((6, 100)))
MAKERS: dict[str, Callable[[int], Beam]] = {
    f"{kind} {start}": make
    for start in ("random", "quiet")
    for kind, make in {
        "gaussian": lambda n, s=start: Beam.gaussian(REFERENCE, SIGMA, n=n, charge=1e-12, start=s),
        "cut": lambda n, s=start: Beam.gaussian(REFERENCE, SIGMA, n=n, charge=1e-12, start=s, cut=3.0),
        "waterbag": lambda n, s=start: Beam.waterbag(REFERENCE, SIGMA, n=n, charge=1e-12, start=s),
        "coasting": lambda n, s=start: Beam.coasting(
            REFERENCE, SIGMA, wavelength=1e-6, n_wavelengths=1, n=n, charge=1e-12, start=s
        ),
    }.items()
}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, float]]:
    """Memory and time of each estimate that is asked for."""
    found: list[tuple[float, float]] = []

    def note(what: str, *, memory: float = 0.0, seconds: float = 0.0, instead: str = "") -> None:
        found.append((memory, seconds))

    for room in ("beam.distributions", "light.single_electron", "light.tracked", "tracking.monitors.base",
                 "facility.insertion"):  # fmt: skip
        monkeypatch.setattr(importlib.import_module(f"ssmb.{room}"), "check_cost", note)
    return found


def peak(call: Callable[[], Any]) -> float:
    """Memory that a call takes at its peak [B]."""
    call()  # what is imported and compiled
    tracemalloc.start()
    try:
        call()
        return float(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", MAKERS)
def test_memory_of_a_beam(name: str, told: list[tuple[float, float]]) -> None:
    n = 2**14
    measured = peak(lambda: MAKERS[name](n))
    assert 0.6 * told[-1][0] < measured < 1.1 * told[-1][0] + 1e5


def test_memory_of_a_field(told: list[tuple[float, float]]) -> None:
    """64 B a direction and photon energy; 250 B a node of an orbit that is expanded for the near field."""
    tx, energy = np.linspace(0.0, 1e-3, 400), np.linspace(90.0, 93.0, 50)
    measured = peak(lambda: undulator_field(UNDULATOR, tx, 0.0, energy))
    assert measured / 3.0 < told[-1][0] < 3.0 * measured
    long = Undulator(Reference(400e6), period=0.01, n_periods=2000, k=1.1)
    measured = peak(lambda: undulator_field(long, 0.0, 0.0, 92.0, distance=100.0))
    assert measured / 3.0 < told[-2][0] < 3.0 * measured


def test_memory_of_tracked_light(told: list[tuple[float, float]]) -> None:
    """100 B an angle, of the most angles that are looked at together."""
    beam = Beam(UNDULATOR.reference, np.zeros((6, 1)))
    measured = peak(lambda: tracked_power(UNDULATOR, beam, UNDULATOR.wavelength(1), current=1.0, resolution=4))
    assert measured / 3.0 < max(memory for memory, _ in told) < 3.0 * measured


def test_cost_of_an_insertion(told: list[tuple[float, float]]) -> None:
    """Memory of the beam beside that which scattering leaves, and of the closure; time of all the light of a state, of
    so many particles that the sample which tells the angles costs little.
    """
    made = replace(INSERTION, radiator=replace(INSERTION.radiator, detuning="best"), particles=2**12, seeds=2)
    wide = replace(made, closure_particles=2**14)
    for one, dearest in ((made, lambda: [made.beam(), made.beam()]), (wide, lambda: wide.closure(1e-4))):
        measured = peak(dearest)
        one.check_cost(RING)
        assert 0.5 * measured < told[-1][0] < 2.0 * measured
    made = replace(made, particles=2**14)
    told.clear()
    made.check_cost(RING)
    memory, seconds = told[-1]
    asked = len(told)
    made.state(RING)
    assert_close(sum(part[1] for part in told[2 * asked :]), seconds, rtol=0.5, atol=0.0)
    made.check_cost(RING, 6.0, 2.0)
    assert_close(told[-1], (2.0 * memory, 6.0 * seconds), rtol=1e-12, atol=0.0)


def test_memory_of_snapshots(told: list[tuple[float, float]]) -> None:
    beam = Beam(REFERENCE, np.zeros((6, 1000)))
    for monitor in (SnapshotMonitor(every=2), SnapshotMonitor(turns=[3, 5, 90])):
        records = track(LINE, beam, 60, first_turn=3, monitors=[monitor]).monitors["snapshots"]
        assert told[-1][0] == 84.0 * 1000 * len(records.beams)
        kept = sum(a.nbytes for b in records.beams for a in b.arrays().values())
        assert kept == told[-1][0]


def test_time_of_a_run_is_measured_on_its_first_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that goes 0.6 s from one look to the next: the third piece ends the trial."""
    job = importlib.import_module("ssmb.tracking.job")
    ticks = itertools.count(0.0, 0.6)
    monkeypatch.setattr(job.time, "perf_counter", lambda: next(ticks))
    with pytest.raises(ConfigError, match=r"tracking 100000 turns of 100 particles needs about 17 h: take fewer turns"):
        track(LINE, BEAM, 10**5)
    with costs.any_cost():
        monkeypatch.undo()
        assert track(LINE, BEAM, 10).turns == 10
    monkeypatch.setattr(costs, "SECONDS", 0.0)
    assert track(LINE, BEAM, 10).turns == 10  # done before a second is


def test_the_time_of_compiling_is_not_that_of_the_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a run refused that was begun: a slow hour later on does not end it."""
    job, now = importlib.import_module("ssmb.tracking.job"), [0.0]
    advance = job.Job._advance

    def slow(self: Any, most: int) -> tuple[int, bool]:
        n, alive = advance(self, most)
        now[0] += 60.0 if self.done == n else 0.01 * n if self.done < 2000 else 3600.0
        return n, alive

    monkeypatch.setattr(job.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(job.Job, "_advance", slow)
    assert track(LINE, BEAM, 2100).turns == 2100


EXPLODING: dict[str, tuple[Callable[[], Any], str]] = {
    "beam": (lambda: MAKERS["gaussian random"](10**9), r"a beam of 1e\+09 particles needs about 150 GB and 25 min"),
    "cut beam": (lambda: MAKERS["cut quiet"](10**8), "needs about 30 GB and 2.5 min"),
    "waterbag": (lambda: MAKERS["waterbag random"](10**8), "needs about 22 GB"),
    "coasting": (lambda: MAKERS["coasting random"](10**8), "needs about 15 GB"),
    "snapshots": (
        lambda: track(LINE, BEAM, 10**9, monitors=[MomentMonitor(), SnapshotMonitor()]),
        "snapshots: 1000000000 beams of 100 particles needs about 8.4 TB: keep the beam on fewer turns",
    ),
    "directions": (
        lambda: undulator_field(UNDULATOR, np.zeros(10**6), 0.0, np.linspace(85.0, 95.0, 1000)),
        r"the field in 1e\+06 directions at 1000 photon energies needs about 64 GB",
    ),
    "near field": (
        lambda: undulator_field(
            Undulator(Reference(400e6), period=0.01, n_periods=10**6, k=1.1), 0.0, 0.0, 92.0, distance=1e6
        ),
        "the near field of this orbit needs about .* GB: take fewer periods",
    ),
    "aperture": (
        lambda: aperture_spectrum(
            Undulator(Reference(400e6), period=0.01, n_periods=5000, k=1.1), np.full(100, 92.0), 0.02, 0.02
        ),
        "an aperture with fringes in .* directions, .* nodes each, needs about .*: take a narrower one",
    ),
    "exact field": (
        lambda: coherent_energy(
            Undulator(Reference(250e6), period=0.125, n_periods=10**6, k=1.1),
            charge=5e-12,
            sigma_z=40e-6,
            bunching=0.1,
            sigma_perp=3e-3,
        ),
        "the exact field of 1000000 periods at .* needs about .*: take fewer periods",
    ),
    "tracked light": (
        lambda: tracked_power(UNDULATOR, WIDE, UNDULATOR.wavelength(1), current=1.0),
        "the light of 1000 particles at .* angles needs about .* GB and .*: take fewer particles, smaller angles",
    ),
    "many particles": (
        lambda: replace(INSERTION, particles=10**7, seeds=2).state(RING),
        "an insertion of 20000000 particles, 256 for closure, needs about 6.8 GB and .*: take fewer",
    ),
    "closure": (
        lambda: replace(INSERTION, closure_particles=10**7).state(RING),
        "an insertion of 4096 particles, 10000000 for closure, needs about 4.3 GB: take fewer",
    ),
    "island": (lambda: standard_map_island(0.1, turns=10**9, grid=10_000), "needs about 48 years: take fewer turns"),
}


@pytest.mark.parametrize("name", EXPLODING)
def test_what_would_explode_is_refused_at_once(name: str) -> None:
    call, words = EXPLODING[name]
    with pytest.raises(ConfigError, match=words) as error:
        call()
    assert str(error.value).endswith("or go on with --yes (in Python: with ssmb.any_cost():)")


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused run leaves no folder; with --yes it is done."""
    file = str(write_files(tmp_path))
    argv = ["run", file, "--folder", str(tmp_path / "run"), "--no-figures"]
    monkeypatch.setattr(costs, "MEMORY", 1000.0)
    few = ["--set", "beam.particles=64", "track.turns=2", "monitors=[]"]
    assert main([*argv, *few]) == 2
    assert "go on with --yes" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    assert main([*argv, "--yes", *few]) == 0
    assert (tmp_path / "run" / "run.h5").is_file()
    with pytest.raises(ConfigError):  # it was for that call
        ssmb.Beam.gaussian(REFERENCE, SIGMA, n=64, charge=1e-12)
