"""Runs on several MPI processes: the same files as one process, to the bit; kill, resume, errors."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.elements import Drift
from ssmb.errors import ConfigError
from ssmb.lattice import Lattice
from ssmb.signals import processes_of_mpi
from ssmb.studies import load_result, run_file
from ssmb.tracking import track
from ssmb.tracking.ranks import Ranks, started_by_mpi
from tests.studies.small_ring import RING, bits

RUN = """title: ranks
lattice: ring.pals.yaml
beam: {particles: 3000, charge: 1e-9, emit_x: 1e-8, emit_y: 1e-9, sigma_delta: 1e-4, sigma_z: 1e-4, start: random}
laser: {elements: [U], wavelength: 1064e-9, turns: 40}
track: {turns: 60, checkpoint_every: 0.02, threads: 1}
effects:
- {kind: intrabeam, at: stop, electrons: 1e10, coulomb_log: 10, large: true}
monitors:
- {kind: bunching, at: U, wavelengths: [1064e-9, 532e-9]}
- {kind: moments, at: stop, every: 3}
- {kind: snapshots, every: 25}
output: {figures: false}
"""

needs_mpi = pytest.mark.skipif(
    shutil.which("mpirun", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}") is None,
    reason="no MPI: pip install 'ssmb[mpi]'",
)


def write_run(folder: Path, **changes: str) -> Path:
    (folder / "ring.pals.yaml").write_text(RING, encoding="utf-8")
    text = RUN
    for old, new in changes.items():
        text = text.replace(old, new)
    (folder / "small.run.yaml").write_text(text, encoding="utf-8")
    return folder / "small.run.yaml"


def mpirun(ranks: int, *words: str) -> list[str]:
    """Command that starts ``ssmb`` on so many ranks."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [
        str(shutil.which("mpirun", path=path)),
        "--oversubscribe",
        "--bind-to",
        "none",
        "--mca",
        "mpi_yield_when_idle",
        "1",
    ]
    command += ["--allow-run-as-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    main = "import sys; from ssmb.cli.main import main; sys.exit(main(sys.argv[1:]))"
    return [*command, "-n", str(ranks), sys.executable, "-c", main, *words]


@needs_mpi
def test_two_ranks_are_one_process(tmp_path: Path) -> None:
    """Particles, records, losses and kicks of two ranks; only the first one prints and writes."""
    path = write_run(tmp_path)
    alone = run_file(path, tmp_path / "one")
    words = ["run", str(path), "--folder", str(tmp_path / "two"), "--json"]
    done = subprocess.run(mpirun(2, *words), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["particles_alive"] == alone.alive
    shared = load_result(tmp_path / "two")
    assert shared.provenance["ranks"] == 2
    assert alone.alive < 3000  # losses on both ranks
    assert bits([alone.records, alone.beam, alone.kicks]) == bits([shared.records, shared.beam, shared.kicks])
    assert sorted(p.name for p in (tmp_path / "two").iterdir()) == sorted(p.name for p in (tmp_path / "one").iterdir())


@needs_mpi
def test_ranks_are_stopped_and_another_number_goes_on(tmp_path: Path) -> None:
    path = write_run(tmp_path, **{"turns: 60": "turns: 700", "every: 25": "every: 300"})
    whole = run_file(path, tmp_path / "one")
    started = subprocess.Popen(
        mpirun(2, "run", str(path), "--folder", str(tmp_path / "two")), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    checkpoint = tmp_path / "two" / "checkpoint.h5"
    ends = time.monotonic() + 200.0
    while not checkpoint.exists() and started.poll() is None and time.monotonic() < ends:
        time.sleep(0.01)
    started.send_signal(signal.SIGTERM)
    started.communicate(timeout=100)
    assert not (tmp_path / "two" / "run.h5").exists()
    done = subprocess.run(mpirun(3, "resume", str(tmp_path / "two")), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    shared = load_result(tmp_path / "two")
    assert bits([whole.records, whole.beam]) == bits([shared.records, shared.beam])


@needs_mpi
def test_errors_are_told_once_and_end_all(tmp_path: Path) -> None:
    for text, want in (("particles: 3000", "fewer than the 2 ranks"), ("at: stop, electrons", "no element")):
        new = {"particles: 3000": "particles: 300", "at: stop, electrons": "at: nowhere, electrons"}[text]
        path = write_run(tmp_path, **{text: new})
        words = ["run", str(path), "--folder", str(tmp_path / "x"), "--json"]
        done = subprocess.run(mpirun(2, *words), capture_output=True, text=True, timeout=100)
        assert done.returncode == 2
        assert want in json.loads(done.stdout)["error"]["message"]
        assert done.stderr.count("ssmb: error:") == 1


class Alone:
    """A communicator of one process that says that it is one of several."""

    def __init__(self, size: int) -> None:
        self.size = size

    def Get_rank(self) -> int:
        return 0

    def Get_size(self) -> int:
        return self.size


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("particles", [3584, 3600, 5000, 100_001])
def test_parts_are_whole_groups_and_about_equal(size: int, particles: int) -> None:
    ends = Ranks(Alone(size)).bounds(particles)
    sizes = np.diff(ends)
    assert (ends[0], ends[-1]) == (0, particles)
    assert all(end % 512 == 0 for end in ends[:-1])
    assert sizes.max() - sizes.min() <= 1023


def test_too_few_particles_and_a_device() -> None:
    line = Lattice.from_elements([Drift(name="d", length=1.0)], Reference(250e6))
    ranks: Any = Ranks(Alone(3))
    with pytest.raises(ConfigError, match="1000 particles are 2 groups of 512, fewer than the 3 ranks"):
        track(line, Beam(line.reference, np.zeros((6, 1000))), ranks=ranks)


def test_mpi_without_mpi4py(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processes_of_mpi() == 1
    assert started_by_mpi() is None
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ConfigError, match=r"needs mpi4py .*ssmb\[mpi\]"):
        started_by_mpi()
