"""Runs that are killed or interrupted at any moment go on to the same end state, to the bit.

The suite kills a few runs. For the full count: ``SSMB_KILLS=20 pytest tests/robustness/test_kill_and_resume.py``
"""

from __future__ import annotations

import importlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ssmb.store.checkpoint
from ssmb.beam import Beam
from ssmb.errors import ResultFileError
from ssmb.lattice import load_lattice
from ssmb.studies import load_config, load_result, resume, run
from ssmb.tracking import BunchingMonitor, MomentMonitor, RunStatus, SnapshotMonitor, track
from tests.studies.small_ring import RING, bits, write_files, write_steady

KILLS = int(os.environ.get("SSMB_KILLS", "3"))
ROOT = Path(__file__).parents[2]
#: the module, which the function of the same name hides
TRACK = importlib.import_module("ssmb.tracking.track")

#: Imports once, and then makes a child for each run; a child dies on request at the n-th step of writing its files.
NURSERY = """
import os, signal, sys
from ssmb.studies import resume, run_file

def die_at(n):
    steps = 0
    def watched(function):
        def step(*args, **options):
            nonlocal steps
            steps += 1
            if steps == n:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **options)
        return step
    for name in ("open", "close", "fsync", "link", "replace", "unlink"):
        setattr(os, name, watched(getattr(os, name)))

for line in sys.stdin:
    verb, folder, n, file = line.split()
    child = os.fork()
    if child == 0:
        if int(n):
            die_at(int(n))
        run_file(file, folder) if verb == "run" else resume(folder)
        os._exit(0)
    print("child", child, flush=True)
    end = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    print("ended", end.si_status if end.si_code == os.CLD_EXITED else -end.si_status, flush=True)
    sys.stdin.readline()  # until now the number stays the child's, so that it can be killed without looking
    os.waitpid(child, 0)
"""


class Nursery:
    """Runs in processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, "-c", NURSERY], cwd=folder, env=environment, stdin=pipe, stdout=pipe, text=True
        )

    def start(self, folder: str, verb: str = "run", die_at: int = 0, file: str = "small.run.yaml") -> int:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{verb} {folder} {die_at} {file}\n")
        self.process.stdin.flush()
        self.child = self._number("child")
        assert self.child > 1  # 0 and -1 would be whole groups of processes
        return self.child

    def kill(self, after: float = 0.0) -> None:
        """Kill the child, if it still runs, and wait for its end."""
        time.sleep(after)
        os.kill(self.child, signal.SIGKILL)
        self.wait()

    def wait_for(self, file: str) -> None:
        """Wait until the child has written a file."""
        end = time.monotonic() + 60.0
        while not (self.folder / file).is_file() and time.monotonic() < end:
            time.sleep(0.002)

    def wait(self) -> int:
        """Exit code of the child; -9 if it was killed."""
        code = self._number("ended")
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return code

    def _number(self, what: str) -> int:
        assert self.process.stdout is not None
        word, _, number = self.process.stdout.readline().partition(" ")
        assert word == what
        return int(number)


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    folder = tmp_path_factory.mktemp("kill")
    write_files(folder)
    write_steady(folder)
    made = Nursery(folder)
    yield made
    assert made.process.stdin is not None
    made.process.stdin.close()
    made.process.wait(30)
    assert made.process.stdout is not None
    made.process.stdout.close()


@pytest.fixture(scope="module")
def whole(nursery: Nursery) -> tuple[str, float]:
    """Bits of the uninterrupted run, and how long it takes [s]."""
    nursery.start("warm")
    assert nursery.wait() == 0
    began = time.perf_counter()
    nursery.start("whole")
    assert nursery.wait() == 0
    took = time.perf_counter() - began
    result = load_result(nursery.folder / "whole")
    assert bits(result) == bits(load_result(nursery.folder / "warm"))
    lost = int((~result.beam.alive).sum())
    assert 5 < lost < 500  # an end state in which nothing is lost would test less
    assert list(result.records["snapshots"].turn) == [149, 299, 449, 599]
    return bits(result), took


def test_killed_at_random_moments(nursery: Nursery, whole: tuple[str, float]) -> None:
    """Each run is killed once or twice, and its last leg in this process ends as if nothing had happened."""
    rng = random.Random(2)
    want, took = whole
    alive = 0
    for i in range(KILLS):
        name = f"killed-{i}"
        place = nursery.folder / name
        nursery.start(name)
        nursery.kill(rng.uniform(0.05, 0.95) * took)
        if i % 3 == 1 and (place / "run.json").is_file():
            nursery.start(name, "resume")
            nursery.kill(rng.uniform(0.05, 0.5) * took)
        if not (place / "run.json").is_file():
            assert not list(place.glob("*.h5"))  # killed before it began: nothing is there that could mislead
            nursery.start(name)
            nursery.wait()
        alive += bool(list(place.glob("checkpoint.h5"))) and not (place / "run.h5").is_file()
        assert bits(resume(place)) == want, name
        assert bits(load_result(place)) == want, name
    assert alive >= KILLS // 3  # most were hit while they tracked


def test_photons_and_a_noisy_laser_killed_at_random_moments(nursery: Nursery) -> None:
    """Quantum radiation, and a laser with windows, duty cycle, ramp, detuning and noise, go on to the same bits."""
    rng = random.Random(5)
    file = "steady.run.yaml"
    nursery.start("steady-warm", file=file)
    assert nursery.wait() == 0
    nursery.start("steady", file=file)
    nursery.wait_for("steady/checkpoint.h5")
    began = time.perf_counter()
    assert nursery.wait() == 0
    took = time.perf_counter() - began
    whole = load_result(nursery.folder / "steady")
    want = bits(whole)
    assert want == bits(load_result(nursery.folder / "steady-warm"))
    assert whole.beam.delta[whole.beam.alive].mean() < -2e-5  # nothing replaces what the photons take
    half = 0
    for i in range(KILLS):
        name = f"steady-{i}"
        place = nursery.folder / name
        nursery.start(name, file=file)
        nursery.wait_for(f"{name}/checkpoint.h5")  # before it there is nothing to go on from
        nursery.kill(rng.uniform(0.0, 0.9) * took)
        half += bool(list(place.glob("checkpoint.h5"))) and not (place / "run.h5").is_file()
        assert bits(resume(place)) == want, name
        assert bits(load_result(place)) == want, name
    assert half >= KILLS // 3  # the others were done


def test_killed_at_any_step_of_writing(nursery: Nursery, whole: tuple[str, float]) -> None:
    """The first steps write the lattice and run.json, the others checkpoints, particles and run.h5."""
    rng = random.Random(3)
    died = 0
    for n in [rng.randrange(1, 10), *rng.sample(range(10, 150), KILLS - 1)]:
        name = f"step-{n}"
        place = nursery.folder / name
        nursery.start(name, die_at=n)
        died += nursery.wait() == -signal.SIGKILL
        if not (place / "run.json").is_file():
            nursery.start(name)
            assert nursery.wait() == 0
        assert bits(resume(place)) == whole[0], name
    assert 2 * died > KILLS  # the others were done before they came so far


def test_a_finished_run_is_only_read(nursery: Nursery, whole: tuple[str, float]) -> None:
    place = nursery.folder / "whole"
    before = {p: p.stat().st_mtime_ns for p in place.rglob("*")}
    began = time.process_time()
    assert bits(resume(place)) == whole[0]
    assert time.process_time() - began < 2.0
    assert {p: p.stat().st_mtime_ns for p in place.rglob("*")} == before


def test_a_damaged_checkpoint_costs_only_time(nursery: Nursery, whole: tuple[str, float]) -> None:
    nursery.start("damaged")
    place = nursery.folder / "damaged"
    while not (place / "checkpoint.previous.h5").is_file():
        time.sleep(0.01)
    nursery.kill()
    (place / "run.h5").unlink(missing_ok=True)
    newest = place / "checkpoint.h5"
    newest.write_bytes(newest.read_bytes()[:-100])
    with pytest.warns(ssmb.store.checkpoint.CheckpointWarning, match="going on from"):
        result = resume(place)
    assert bits(result) == whole[0]


# ---- Ctrl-C, in Python


@pytest.fixture
def tracked(tmp_path: Path) -> Callable[..., Any]:
    """``track`` of a fixed beam through the ring with random kicks, with monitors and a checkpoint."""
    lattice = load_lattice(RING)
    rows = np.random.default_rng(1).normal(size=(6, 300)) * np.array([3e-4, 1e-4, 1e-4, 1e-4, 1e-6, 1e-4])[:, None]
    beam = Beam(lattice.reference, rows)
    monitors = [MomentMonitor(), BunchingMonitor("stop", [1064e-9]), SnapshotMonitor(every=7)]

    def go(**options: Any) -> Any:
        given = {"checkpoint": tmp_path / "c.h5", "resume": True, "monitors": monitors, "seed": 5} | options
        return track(lattice, beam, 100, **given)

    return go


def press(times: int, at: int = 10) -> Callable[[int, int], None]:
    """A progress function that presses Ctrl-C some times once so many turns are done."""
    done_before = -1

    def progress(done: int, turns: int) -> None:
        nonlocal done_before
        if done >= at > done_before:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
        done_before = done

    return progress


def assert_interrupted_and_resumed(tracked: Callable[..., Any], first: Any, path: Path) -> None:
    whole = tracked(checkpoint=None, resume=False)
    assert whole.status is RunStatus.COMPLETED
    assert first.status is RunStatus.INTERRUPTED
    assert 10 <= first.turns < 100
    for name, record in first.monitors.items():
        assert len(record.turn) >= 1, name
    assert path.is_file()
    last = tracked()
    assert (last.status, last.turns) == (RunStatus.COMPLETED, 100)
    assert bits((last.beam, last.monitors)) == bits((whole.beam, whole.monitors))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c(tracked: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    monkeypatch.setattr(TRACK, "_PIECE_SECONDS", 0.0)
    assert_interrupted_and_resumed(tracked, tracked(progress=press(times)), tmp_path / "c.h5")


def test_ctrl_c_while_a_checkpoint_is_written(
    tracked: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TRACK, "_PIECE_SECONDS", 0.0)
    write, calls = ssmb.store.checkpoint.write_checkpoint, []

    def interrupted(*args: Any, **options: Any) -> None:
        calls.append(1)
        if len(calls) == 12:
            signal.raise_signal(signal.SIGINT)
        write(*args, **options)

    monkeypatch.setattr(ssmb.store.checkpoint, "write_checkpoint", interrupted)
    assert_interrupted_and_resumed(tracked, tracked(checkpoint_every=1e-9), tmp_path / "c.h5")


def test_three_times_ctrl_c_leaves_at_once(
    tracked: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even out of the writing of a checkpoint; the one before is there."""
    monkeypatch.setattr(TRACK, "_PIECE_SECONDS", 0.0)
    write, calls = ssmb.store.checkpoint.write_checkpoint, []

    def interrupted(path: Path, tree: Any) -> None:
        calls.append(1)
        if len(calls) == 12:
            for _ in range(3):
                signal.raise_signal(signal.SIGINT)
        write(path, tree)

    monkeypatch.setattr(ssmb.store.checkpoint, "write_checkpoint", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tracked(checkpoint_every=1e-9)
    assert len(calls) == 12
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["c.h5", "c.previous.h5"]
    assert bits(tracked().beam) == bits(tracked(checkpoint=None, resume=False).beam)


def test_ctrl_c_at_the_very_end_is_not_forgotten(tracked: Callable[..., Any]) -> None:
    run_ = tracked(progress=press(1, 100))
    assert (run_.status, run_.turns) == (RunStatus.INTERRUPTED, 100)
    assert tracked().status is RunStatus.COMPLETED


def test_handlers_of_the_user_are_left_alone(tracked: Callable[..., Any]) -> None:
    pressed: list[Any] = []
    for handler in (lambda *args: pressed.append(args), signal.SIG_IGN):
        old = signal.signal(signal.SIGINT, handler)
        try:
            assert tracked(progress=press(4), checkpoint=None, resume=False).status is RunStatus.COMPLETED
            assert signal.getsignal(signal.SIGINT) is handler
        finally:
            signal.signal(signal.SIGINT, old)
    assert len(pressed) == 4


def test_tracking_in_a_thread(tracked: Callable[..., Any]) -> None:
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.append(tracked(checkpoint=None, resume=False)))
    thread.start()
    thread.join(30)
    assert bits(got[0].beam) == bits(tracked(checkpoint=None, resume=False).beam)


def test_a_checkpoint_of_another_run_is_refused(tracked: Callable[..., Any], tmp_path: Path) -> None:
    tracked(progress=press(1))
    for other in ({"seed": 6}, {"monitors": []}, {"first_turn": 1}, {"end": "noise"}):
        with pytest.raises(ResultFileError, match="belongs to another run"):
            tracked(**other)
    lattice = load_lattice(RING)
    other_beam = Beam(lattice.reference, np.zeros((6, 300)))
    with pytest.raises(ResultFileError, match="belongs to another run"):
        track(lattice, other_beam, 100, checkpoint=tmp_path / "c.h5", resume=True, seed=5)


def test_a_study_in_memory_is_interrupted_in_each_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C gives what was done so far, with a summary, and no light that was not tracked."""
    path = write_files(tmp_path)
    config = load_config(path, {"track.turns": 6, "laser.turns": 3})
    module = importlib.import_module("ssmb.studies.run")
    real = module.track

    def interrupted(*args: Any, **options: Any) -> Any:
        return real(*args, **(options | {"progress": press(1, 1)}))

    monkeypatch.setattr(module, "track", interrupted)
    result = run(config, load_lattice(tmp_path / "ring.pals.yaml"))
    assert (result.status, result.turns, result.light) == (RunStatus.INTERRUPTED, 1, ())
    assert result.summary()["status"] == "interrupted"


# ---- Ctrl-C, on the command line


def command(folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ssmb.cli.main", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_on_the_command_line(nursery: Nursery, whole: tuple[str, float]) -> None:
    process = command(nursery.folder, "run", "small.run.yaml", "--folder", "cli", "--json")
    place = nursery.folder / "cli"
    while not (place / "checkpoint.h5").is_file() and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "ssmb resume cli" in err
    assert "Traceback" not in err
    assert '"status": "interrupted"' in out
    assert not (place / "run.h5").exists()
    process = command(nursery.folder, "resume", "cli", "--json")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert '"status": "completed"' in out
    assert bits(load_result(place)) == whole[0]


def test_ctrl_c_while_kernels_are_compiled(nursery: Nursery, tmp_path: Path) -> None:
    """Nothing is left behind but a cache that the next run may use."""
    cache = tmp_path / "cache"
    process = command(nursery.folder, "run", "small.run.yaml", "--folder", "cold", SSMB_CACHE_DIR=str(cache))
    while not list(cache.rglob("*.nbc")) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert "Traceback" not in err
    assert not (nursery.folder / "cold").exists()
