"""Scans: the same table wherever its points are done, in whatever pieces, and after any kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.cli.main import main
from ssmb.errors import ConfigError, SsmbError, SsmbWarning
from ssmb.studies import run_file
from ssmb.studies.points import POINTS, Base, PointLog, do_points
from ssmb.studies.scan import CSV_FILE, SCAN_FILE, TABLE_FILE, load_scan, merge_scans, scan
from tests.parallel.test_ranks import mpirun, needs_mpi
from tests.studies.small_ring import RING
from tests.support import assert_close

RUN = """title: small
lattice: ring.pals.yaml
beam: {particles: 300, charge: 1e-9, emit_x: 1e-8, emit_y: 1e-9, sigma_delta: 1e-4, sigma_z: 1e-4}
laser: {elements: [U], wavelength: 1064e-9, turns: 2}
track: {turns: 4, threads: 1}
output: {figures: false}
"""
SCAN = """title: a small scan
scan:
  of: small.run.yaml
  axes:
    beam.sigma_delta: {linspace: [1e-4, 3e-4, 3]}
    beam.charge: [1e-9, 2e-9]
  outputs: [alive, qx, slip_factor]
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "ring.pals.yaml").write_text(RING, encoding="utf-8")
    (tmp_path / "small.run.yaml").write_text(RUN, encoding="utf-8")
    (tmp_path / "small.scan.yaml").write_text(SCAN, encoding="utf-8")
    return tmp_path


def written(folder: Path, text: str) -> Path:
    path = folder / "other.scan.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def table_bytes(folder: Path) -> tuple[bytes, bytes]:
    return (folder / CSV_FILE).read_bytes(), (folder / TABLE_FILE).read_bytes()


def test_a_point_is_the_run_of_that_file(files: Path) -> None:
    """Each row holds what the run of its values finds."""
    found = scan(files / "small.scan.yaml", files / "scan")
    assert [tuple(line["at"].values()) for line in found.lines] == [
        (delta, charge) for delta in np.linspace(1e-4, 3e-4, 3) for charge in (1e-9, 2e-9)
    ]
    alone: Any = run_file(files / "small.run.yaml", files / "alone", {"beam.sigma_delta": 2e-4, "beam.charge": 2e-9})
    assert found.lines[3]["row"]["qx"] == alone.summary()["qx"]
    assert found.column("alive")[3] == alone.alive / alone.count
    assert found.table().headers[:2] == ("beam.sigma_delta", "beam.charge")
    assert load_scan(files / "scan").table() == found.table()


def test_constants_and_parameters_of_the_lattice(files: Path) -> None:
    """A scan of a quadrupole moves the tune as a lattice does in which it is changed."""
    text = SCAN.replace("beam.charge: [1e-9, 2e-9]", "lattice.Q*.Kn1: [3.0, 3.01]")
    with pytest.raises(ConfigError, match="Q"):
        scan(written(files, text), files / "no")
    text = SCAN.replace("beam.charge: [1e-9, 2e-9]", "lattice.qf.Kn1: [3.0, 3.01]")
    found = scan(written(files, text), files / "scan")
    for k, qx in zip((3.0, 3.01), found.column("qx")[:2], strict=True):
        path = files / f"{k}.run.yaml"
        (files / f"{k}.pals.yaml").write_text(RING.replace("Kn1: 3.0", f"Kn1: {k}"), encoding="utf-8")
        path.write_text(RUN.replace("ring.pals", f"{k}.pals"), encoding="utf-8")
        assert_close(qx, run_file(path, files / str(k)).summary()["qx"], rtol=1e-12, atol=0.0)


def test_ways_zipped_and_sampled(files: Path) -> None:
    zipped = SCAN.replace("[1e-4, 3e-4, 3]", "[1e-4, 3e-4, 2]").replace("  outputs", "  combine: zip\n  outputs")
    assert [tuple(line["at"].values()) for line in scan(written(files, zipped), files / "a").lines] == [
        (1e-4, 1e-9),
        (3e-4, 2e-9),
    ]
    sampled = """scan:
  of: small.run.yaml
  axes: {beam.sigma_delta: {range: [1e-4, 3e-4]}, beam.charge: {logrange: [1e-10, 1e-8]}}
  samples: {number: 8, seed: 3}
  outputs: [alive]
"""
    found = scan(written(files, sampled), files / "b")
    deltas, charges = found.column("beam.sigma_delta"), found.column("beam.charge")
    # a Sobol set of 8 has one point in each eighth of every axis
    assert sorted(np.floor((deltas - 1e-4) / 2e-4 * 8).astype(int)) == list(range(8))
    assert sorted(np.floor(np.log10(charges / 1e-10) / 2.0 * 8).astype(int)) == list(range(8))
    hypercube = sampled.replace("seed: 3", "seed: 3, method: latin_hypercube")
    other = scan(written(files, hypercube), files / "c").column("beam.charge")
    assert sorted(np.floor(np.log10(other / 1e-10) / 2.0 * 8).astype(int)) == list(range(8))
    assert not np.array_equal(other, charges)


def test_processes_shards_and_what_is_there(files: Path) -> None:
    """Processes give the bits of one process; so do two shards; nothing is done twice."""
    here = scan(files / "small.scan.yaml", files / "here")
    scan(files / "small.scan.yaml", files / "pool", on="processes", workers=2)
    assert table_bytes(files / "pool") == table_bytes(files / "here")
    for part in (1, 2):
        scan(files / "small.scan.yaml", files / f"part{part}", shard=(part, 2))
        scan(files / "small.scan.yaml", files / "shared", shard=(part, 2))
    assert not (files / "part1" / CSV_FILE).exists()
    merge_scans([files / "part1", files / "part2"], files / "merged")
    merge_scans([files / "shared"], files / "shared")
    assert table_bytes(files / "merged") == table_bytes(files / "shared") == table_bytes(files / "here")
    with pytest.warns(SsmbWarning, match="3 of 6 points are not done yet"):
        assert len(merge_scans([files / "part2"]).lines) == 3
    lines = (files / "here" / POINTS / "points.jsonl").read_bytes()
    assert scan(files / "small.scan.yaml", files / "here").table() == here.table()
    assert (files / "here" / POINTS / "points.jsonl").read_bytes() == lines
    with pytest.raises(ConfigError, match="holds another scan"):
        other = scan(written(files, SCAN.replace("2e-9", "3e-9")), files / "other")
        merge_scans([files / "here", other.folder])


def test_what_changes_makes_other_points(files: Path) -> None:
    """Another run file, other outputs, more values: what is there is of that question, and never of another."""
    path, folder = files / "small.scan.yaml", files / "scan"
    log = folder / POINTS / "points.jsonl"
    first = scan(path, folder)
    (files / "small.run.yaml").write_text(RUN.replace("particles: 300", "particles: 200"), encoding="utf-8")
    changed = scan(path, folder)
    assert changed.table() != first.table()
    assert load_scan(folder).table() == changed.table()
    lines = log.read_bytes().count(b"\n")
    path.write_text(SCAN.replace("alive, qx", "alive, qx, qy"), encoding="utf-8")
    assert scan(path, folder).table().headers[4] == "qy"
    assert log.read_bytes().count(b"\n") == lines + 6
    path.write_text(SCAN.replace("[1e-9, 2e-9]", "[2e-9, 1e-9, 3e-9]"), encoding="utf-8")
    more = scan(path, folder)
    assert [line["at"]["beam.charge"] for line in more.lines[:3]] == [2e-9, 1e-9, 3e-9]
    assert more.lines[1]["row"] == changed.lines[0]["row"]
    assert load_scan(folder).table() == more.table()
    (files / "small.run.yaml").write_text(RUN, encoding="utf-8")
    path.write_text(SCAN, encoding="utf-8")
    lines = log.read_bytes().count(b"\n")
    assert scan(path, folder).table() == load_scan(folder).table() == first.table()
    assert log.read_bytes().count(b"\n") == lines


def test_a_point_that_fails_stops_no_other(files: Path) -> None:
    """Too strong a quadrupole has no stable optics; a charge of 20 C is refused by the file: both are told."""
    text = SCAN.replace("beam.charge: [1e-9, 2e-9]", "lattice.qf.Kn1: [3.0, 1000.0]")
    found = scan(written(files, text.replace("[1e-4, 3e-4, 3]", "[1e-4, 3e-4, 2]")), files / "scan")
    assert [bool(line.get("error")) for line in found.lines] == [False, True, False, True]
    assert np.isfinite(found.column("alive")).tolist() == [True, False, True, False]
    assert found.table().headers[-1] == "error"
    before = (files / "scan" / POINTS / "points.jsonl").read_text().count("\n")
    scan(files / "other.scan.yaml", files / "scan")
    assert (files / "scan" / POINTS / "points.jsonl").read_text().count("\n") == before
    scan(files / "other.scan.yaml", files / "scan", again=True)
    assert (files / "scan" / POINTS / "points.jsonl").read_text().count("\n") == before + 2
    refused = scan(written(files, SCAN.replace("[1e-9, 2e-9]", "[1e-9, 20.0]")), files / "refused")
    assert [bool(line.get("error")) for line in refused.lines] == [False, True] * 3
    assert merge_scans([files / "refused"]).table() == refused.table()


def killed_between(folder: Path, kill: Callable[[], None], lines: int) -> None:
    """Kill something as soon as so many points are there."""
    log = folder / POINTS / "points.jsonl"
    for _ in range(2400):
        if log.is_file() and log.read_bytes().count(b"\n") >= lines:
            kill()
            return
        time.sleep(0.05)
    raise AssertionError("no point was done")


LONG = SCAN.replace("[1e-4, 3e-4, 3]", "[1e-4, 3e-4, 12]")


def test_kill_of_workers(files: Path) -> None:
    """A worker is killed twice: its points are done again, and the table is that of one process."""
    path = written(files, LONG)

    def kill() -> None:
        mine = {p for p in _children(os.getpid()) if b"spawn_main" in _command(p)}
        for child in list(mine)[:1]:
            os.kill(child, signal.SIGKILL)

    thread = threading.Thread(target=killed_between, args=(files / "pool", kill, 3))
    thread.start()
    found = scan(path, files / "pool", on="processes", workers=2)
    thread.join()
    assert not found.failed
    scan(path, files / "here")
    assert table_bytes(files / "pool") == table_bytes(files / "here")


def test_kill_of_the_master(files: Path) -> None:
    """Killed without warning, a line is cut off as well; then it goes on to the same table."""
    path = written(files, LONG)
    command = [sys.executable, "-m", "ssmb.cli.main", "scan", str(path), "--folder", str(files / "one"), "--on", "here"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    killed_between(files / "one", process.kill, 3)
    process.wait()
    log = files / "one" / POINTS / "points.jsonl"
    assert 3 <= log.read_bytes().count(b"\n") < 24
    with open(log, "ab") as file:
        file.write(b'{"id": "0123", "index": 7, "at": {"beam.')
    scan(path, files / "one")
    scan(path, files / "here")
    assert table_bytes(files / "one") == table_bytes(files / "here")


def test_ctrl_c(files: Path) -> None:
    """It says how many points are kept, and that the same command goes on."""
    path = written(files, LONG)
    command = [
        sys.executable,
        "-m",
        "ssmb.cli.main",
        "scan",
        str(path),
        "--folder",
        str(files / "one"),
        "--workers",
        "2",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    killed_between(files / "one", lambda: process.send_signal(signal.SIGINT), 2)
    out, err = process.communicate(timeout=400)
    assert process.returncode == 130, err
    assert "points are kept in" in err and "Traceback" not in err and not out
    assert not _children(process.pid)
    scan(path, files / "one")
    scan(path, files / "here")
    assert table_bytes(files / "one") == table_bytes(files / "here")


class Dying(Executor):
    """Breaks whenever it is to do one charge."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        if json.loads(args[0])["beam"]["charge"] == 2e-9:
            done.set_exception(BrokenExecutor("killed"))
        else:
            done.set_result(fn(*args, **kwargs))
        return done


def test_a_point_that_kills_its_worker_is_told(files: Path) -> None:
    base = Base(files / "small.run.yaml", outputs=["alive"])
    points = [base.point(i, {"beam.charge": q}) for i, q in enumerate((1e-9, 2e-9, 3e-9))]
    log = PointLog(files / "scan")
    found = dict((point.index, one) for point, one in do_points(points, log, on=Dying(), workers=2))
    assert sorted(found) == [0, 1, 2]
    assert "died twice" in found[1].error
    assert found[0].row == found[2].row and 0.5 < found[0].row["alive"] <= 1.0
    assert PointLog(files / "scan").found(points[1]) == found[1]


BAD = [
    ({"beam.charge": "beam.chrge"}, "chrge.*Did you mean 'beam.charge'|unknown key.*chrge"),
    ({"beam.charge": "lattice.no_such"}, "no constant is named 'no_such'"),
    ({"[1e-9, 2e-9]": "{linspace: [1, 2]}"}, "linspace"),
    ({"[1e-9, 2e-9]": "{logspace: [0, 2, 3]}"}, "needs ends above zero"),
    ({"[1e-9, 2e-9]": "{range: [1e-9, 2e-9]}"}, "needs samples: number"),
    ({"[1e-9, 2e-9]": "{linspace: [1e-9, 2e-9, 3], values: [1e-9]}"}, "give one of .*, got values and linspace"),
    ({"[1e-9, 2e-9]": "[]"}, "at least 1"),
    ({"  outputs": "  combine: zip\n  outputs"}, "combine: zip needs axes of one length"),
    ({", 3]": ", 1000000]"}, "at most 1000000"),
    ({"small.run.yaml": "no.run.yaml"}, "no.run.yaml"),
    ({"axes:": "axis:"}, "unknown key 'scan.axis'.*Did you mean"),
]


@pytest.mark.parametrize(("change", "words"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_bad_files(files: Path, change: dict[str, str], words: str) -> None:
    """Located in the file of the scan, before anything is done."""
    text = SCAN
    for old, new in change.items():
        assert old in text
        text = text.replace(old, new)
    path = written(files, text)
    with pytest.raises(SsmbError, match=words):
        scan(path, files / "scan")
    assert not (files / "scan").exists()
    assert main(["check", str(path)]) == 2


def test_bad_calls(files: Path) -> None:
    path = files / "small.scan.yaml"
    for options, words in [
        ({"on": "procesess"}, "on must be one of .*Did you mean 'processes'"),
        ({"on": "here", "workers": 2}, "here there is one worker"),
        ({"on": "mpi"}, "no ranks of MPI"),
        ({"on": "processes", "workers": 0}, "workers must be at least 1"),
        ({"shard": (3, 2)}, "shard must be i/n"),
    ]:
        with pytest.raises(ConfigError, match=words):
            scan(path, files / "scan", **options)  # type: ignore[arg-type]
    run_file(files / "small.run.yaml", files / "run")
    with pytest.raises(ConfigError, match="holds a run"):
        scan(path, files / "run")
    with pytest.raises(ConfigError, match=r"other.scan.yaml:7:12: scan.outputs: .* no 'qz'. It has turns"):
        scan(written(files, SCAN.replace("qx", "qz")), files / "wrong")


def test_verbs(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(written(files, SCAN.replace("beam.charge: [1e-9, 2e-9]", "lattice.qf.Kn1: [3.0, 3.01]")))
    assert main(["scan", path, "--folder", str(files / "a"), "--on", "here", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["points"], told["done"], told["failed"], len(told["rows"])) == (6, 6, 0, 6)
    assert main(["scan", path, "--folder", str(files / "b"), "--on", "here", "--shard", "1/2"]) == 0
    assert main(["scan", path, "--folder", str(files / "b"), "--on", "here", "--shard", "2/2"]) == 0
    assert main(["merge", str(files / "b")]) == 0
    assert table_bytes(files / "a") == table_bytes(files / "b")
    assert main(["plot", str(files / "b")]) == 0
    assert (files / "b" / "figures" / "scan.png").is_file()
    assert main(["check", path]) == 0
    assert main(["scan", path, "--shard", "one"]) == 2
    assert (files / "a" / SCAN_FILE).is_file()


def _children(pid: int) -> list[int]:
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(word) for task in tasks for word in (task / "children").read_text().split()]
    except OSError:
        return []


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_dask_gives_the_same(files: Path) -> None:
    """Workers of dask on this machine; a scheduler that is not there is told."""
    pytest.importorskip("distributed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of dask and its server
        scan(files / "small.scan.yaml", files / "dask", on="dask", workers=2)
    scan(files / "small.scan.yaml", files / "here")
    assert table_bytes(files / "dask") == table_bytes(files / "here")
    lines = (files / "here" / POINTS / "points.jsonl").read_bytes()
    again = scan(files / "small.scan.yaml", files / "here", on="dask")  # nothing is left to do
    assert len(again.lines) == 6 and (files / "here" / POINTS / "points.jsonl").read_bytes() == lines


@needs_mpi
def test_mpi_gives_the_same(files: Path) -> None:
    """Three ranks: one hands out, two do."""
    words = ["scan", str(files / "small.scan.yaml"), "--folder", str(files / "mpi"), "--on", "mpi"]
    done = subprocess.run(mpirun(3, *words), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("6 of 6") == 1
    scan(files / "small.scan.yaml", files / "here")
    assert table_bytes(files / "mpi") == table_bytes(files / "here")
