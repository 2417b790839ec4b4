"""Runs that are killed or interrupted at any moment go on to the same end state, to the bit.

The suite kills a few runs. For the full count: ``SSMB_KILLS=20 pytest tests/robustness/test_kill_and_resume.py``
"""

from __future__ import annotations

import importlib
import math
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest

import ssmb.store.checkpoint
from ssmb.beam import Beam
from ssmb.constants import ELECTRON_MASS_EV
from ssmb.errors import ResultFileError
from ssmb.lattice import Lattice, load_lattice
from ssmb.store.checkpoint import CheckpointWarning
from ssmb.studies import load_config, load_result, resume, run
from ssmb.tracking import BunchingMonitor, LaserProgram, MomentMonitor, RunStatus, SnapshotMonitor, track
from tests.studies.small_ring import RING, bits, write_files, write_steady
from tests.support import assert_close

KILLS = int(os.environ.get("SSMB_KILLS", "3"))
ROOT = Path(__file__).parents[2]
#: the module, which the function of the same name hides
JOB = importlib.import_module("ssmb.tracking.job")

#: Imports once, and then makes a child for each run. Nothing in it looks at a clock: a child goes turn by turn, writes
#: a checkpoint every 25 turns, and dies on request when a turn is done, some of its own CPU time [us] after it (in the
#: middle of whatever it does then), or at the n-th step of writing its files.
NURSERY = """
import os, resource, signal, sys
import ssmb.tracking.track
from ssmb.cli.main import main
from ssmb.studies import resume, run_file
from ssmb.tracking.saving import Saver

steps = 0
def happen(how):
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "term":
        os.kill(os.getpid(), signal.SIGTERM)
    else:  # from now on no file grows beyond so many bytes
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(how), -1))

def die_at(n, how):
    def watched(function):
        def step(*args, **options):
            global steps
            steps += 1
            if steps == n:
                happen(how)
            return function(*args, **options)
        return step
    for name in ("open", "close", "fsync", "link", "replace", "unlink"):
        setattr(os, name, watched(getattr(os, name)))

def by_turns(die, later, how):
    if how != "kill":
        signal.signal(signal.SIGPROF, lambda *_: happen(how))
    def save_when_due(saver):
        turn = saver.job.first_turn + saver.job.done
        if turn == die and later:
            signal.setitimer(signal.ITIMER_PROF, later * 1e-6)  # its signal ends a process, as SIGKILL does
        elif turn == die:
            happen(how)
        if turn % 25 == 0:
            saver.save()
    Saver.save_when_due = save_when_due
    sys.modules["ssmb.tracking.job"]._PIECE_SECONDS = 0.0

for line in sys.stdin:
    verb, folder, file, turn, later, step, how = line.split()
    child = os.fork()
    if child == 0:
        by_turns(int(turn), int(later), how)
        die_at(int(step), how)
        if how != "kill":
            sys.stdout = sys.stderr = open(os.devnull, "w")
            os._exit(main([verb, *([file, "--folder"] if verb == "run" else []), folder, "--no-figures"]))
        run_file(file, folder) if verb == "run" else resume(folder)
        with open(folder + ".steps", "w") as count:
            count.write(str(steps))
        os._exit(0)
    end = os.waitid(os.P_PID, child, os.WEXITED)
    print(end.si_status if end.si_code == os.CLD_EXITED else -end.si_status, flush=True)
"""
TURNS = 600
#: How a child ends that was killed.
KILLED = (-signal.SIGKILL, -signal.SIGPROF)


def as_this_process() -> dict[str, str]:
    """An environment whose kernels are compiled for the same processor as ours, whichever imported numba first."""
    config: Any = numba.config
    features = llvm.get_host_cpu_features().flatten() if config.CPU_FEATURES is None else config.CPU_FEATURES
    name = config.CPU_NAME or llvm.get_host_cpu_name()
    return os.environ | {"PYTHONPATH": str(ROOT), "NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features}


class Nursery:
    """Runs in processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, "-c", NURSERY], cwd=folder, env=as_this_process(), stdin=pipe, stdout=pipe, text=True
        )

    def run(
        self,
        folder: str,
        verb: str = "run",
        *,
        turn: int = -1,
        later: int = 0,
        step: int = 0,
        file: str = "small.run.yaml",
        how: str = "kill",
    ) -> int:
        """Let a child do a run or go on with one; return its exit code, or minus the signal that ended it.

        When so many turns are done (and so much later [us]), or at a step of writing, it is killed, or gets SIGTERM
        (`how` is "term"), or the disk is full for files of so many bytes (`how` is a number): these by the command.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{verb} {folder} {file} {turn} {later} {step} {how}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def steps(self, folder: str) -> int:
        """Steps of writing of a run that was not killed."""
        return int((self.folder / f"{folder}.steps").read_text())


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
def whole(nursery: Nursery) -> str:
    """Bits of the uninterrupted run."""
    assert nursery.run("warm") == 0  # with the kernels, whose cache has files too
    assert nursery.run("whole") == 0
    result = load_result(nursery.folder / "whole")
    config = load_config(nursery.folder / "small.run.yaml")
    assert bits(result) == bits(run(config, load_lattice(nursery.folder / "ring.pals.yaml")))  # pieces of other lengths
    lost = int((~result.beam.alive).sum())
    assert 5 < lost < 500  # an end state in which nothing is lost would test less
    assert list(result.records["snapshots"].turn) == [149, 299, 449, 599]
    return bits(result)


def began_tracking(place: Path) -> bool:
    """Whether a run has something to go on from, and is not done."""
    return bool(list(place.glob("checkpoint*.h5"))) and not (place / "run.h5").is_file()


def test_killed_at_random_moments(nursery: Nursery, whole: str) -> None:
    """Each run is killed once or twice, and its last leg in this process ends as if nothing had happened."""
    rng = random.Random(2)
    for i in range(KILLS):
        name, turn = f"killed-{i}", rng.randrange(26, 500)
        place = nursery.folder / name
        assert nursery.run(name, turn=turn, later=rng.choice((0, rng.randrange(1, 5000)))) in KILLED
        if i % 3 == 1:
            assert nursery.run(name, "resume", turn=turn + rng.randrange(40, 90)) in KILLED
        assert began_tracking(place)
        assert bits(resume(place)) == whole, name
        assert bits(load_result(place)) == whole, name


@pytest.mark.parametrize("what", ["term", "full"])
def test_stopped_and_out_of_disk_at_random_moments(nursery: Nursery, whole: str, what: str) -> None:
    """Between turns, in the midst of one, and at any step of writing: exit code 130 or 4, and the same bits after."""
    rng = random.Random(7)
    codes = []
    for i in range(max(KILLS // 2, 2)):
        name = f"{what}-{i}"
        place = nursery.folder / name
        how = what if what == "term" else str(rng.choice((0, rng.randrange(60_000))))
        if i % 2:
            code = nursery.run(name, step=rng.randrange(12, nursery.steps("whole")), how=how)
        else:
            code = nursery.run(
                name, turn=rng.randrange(26, 500), later=rng.choice((0, rng.randrange(1, 5000))), how=how
            )
        codes.append(code)
        assert code in ((130, 0) if what == "term" else (4, 0)), codes  # 0: all was written before
        assert code != 0 or (place / "run.h5").is_file()
        assert bits(resume(place)) == whole, name
        assert bits(load_result(place)) == whole, name
    assert codes[0] == (130 if what == "term" else 4)
    assert codes.count(0) <= len(codes) // 2


def test_photons_and_a_noisy_laser_killed_at_random_moments(nursery: Nursery) -> None:
    """Quantum radiation, and a laser with windows, duty cycle, ramp, detuning and noise, go on to the same bits."""
    rng = random.Random(5)
    file = "steady.run.yaml"
    assert nursery.run("steady", file=file) == 0
    whole = load_result(nursery.folder / "steady")
    for i in range(KILLS):
        name = f"steady-{i}"
        place = nursery.folder / name
        later = rng.choice((0, rng.randrange(1, 5000)))
        assert nursery.run(name, turn=rng.randrange(26, 360), later=later, file=file) in KILLED
        assert began_tracking(place)
        assert bits(resume(place)) == bits(whole), name
        assert bits(load_result(place)) == bits(whole), name


def test_what_the_photons_of_that_run_take(nursery: Nursery) -> None:
    """From turn 350 on the laser is off: all that moves delta is the light of bends and undulator, and symmetric noise.

    U0 = (C_gamma / 2 pi) E^4 I2 (M. Sands, SLAC-121 (1970), eq. 4.8); C_gamma = 8.846e-5 m/GeV^3 for electrons.
    """
    if not (nursery.folder / "steady").is_dir():
        assert nursery.run("steady", file="steady.run.yaml") == 0
    result = load_result(nursery.folder / "steady")
    snapshots = result.records["snapshots"]
    before, after = snapshots.beams[list(snapshots.turn).index(349)], result.beam
    alive = after.alive
    assert alive.sum() > 200
    taken = before.delta[alive] - after.delta[alive]
    peak = 2.0 * math.pi * 2.48 / 0.125 * ELECTRON_MASS_EV / 250e6  # 1/rho of the undulator at its peak, K = 2.48
    i2 = 2 * 0.4**2 / 0.5 + 0.5 * 0.5 * peak**2
    energy_loss = 8.846e-5 / (2.0 * math.pi) * 0.25**4 * i2 * 1e9  # [eV] a turn
    error = float(taken.std() / math.sqrt(alive.sum()))  # that of the photon numbers and of the noise
    # 1 %: fields at the amplitudes of the beam, beta^2, and the end fields of the short undulator
    assert_close(float(taken.mean()), 50 * energy_loss / 250e6, rtol=1e-2, atol=5.0 * error)
    assert error < 0.01 * taken.mean()


def test_killed_at_any_step_of_writing(nursery: Nursery, whole: str) -> None:
    """The first steps write the lattice and run.json, the others checkpoints, particles and run.h5."""
    rng = random.Random(3)
    steps = nursery.steps("whole")
    assert steps > 100
    for n in [*rng.sample(range(1, 12), 2), steps, *rng.sample(range(12, steps), max(KILLS - 3, 1))]:
        name = f"step-{n}"
        place = nursery.folder / name
        assert nursery.run(name, step=n) == -signal.SIGKILL
        if not (place / "run.json").is_file():
            assert not list(place.glob("*.h5"))  # killed before it began: nothing is there that could mislead
            assert nursery.run(name) == 0
        assert bits(resume(place)) == whole, name


def test_a_finished_run_is_only_read(nursery: Nursery, whole: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = nursery.folder / "whole"
    before = {p: p.stat().st_mtime_ns for p in place.rglob("*")}
    monkeypatch.setattr(JOB.Job, "run", None)
    assert bits(resume(place)) == whole
    assert {p: p.stat().st_mtime_ns for p in place.rglob("*")} == before


def test_a_damaged_checkpoint_costs_only_time(nursery: Nursery, whole: str) -> None:
    assert nursery.run("damaged", turn=570) == -signal.SIGKILL
    place = nursery.folder / "damaged"
    newest = place / "checkpoint.h5"
    newest.write_bytes(newest.read_bytes()[:-100])
    with pytest.warns(CheckpointWarning, match="going on from"):
        result = resume(place)
    assert bits(result) == whole


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


def press(times: int, at: int = 10, number: int = signal.SIGINT) -> Callable[[int, int], None]:
    """A progress function that presses Ctrl-C some times once so many turns are done."""
    done_before = -1

    def progress(done: int, turns: int) -> None:
        nonlocal done_before
        if done >= at > done_before:
            for _ in range(times):
                signal.raise_signal(number)
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
    monkeypatch.setattr(JOB, "_PIECE_SECONDS", 0.0)
    assert_interrupted_and_resumed(tracked, tracked(progress=press(times)), tmp_path / "c.h5")


def test_ctrl_c_while_a_checkpoint_is_written(
    tracked: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JOB, "_PIECE_SECONDS", 0.0)
    write, calls = ssmb.store.checkpoint.write_checkpoint, []

    def interrupted(*args: Any, **options: Any) -> None:
        calls.append(1)
        if len(calls) == 12:
            signal.raise_signal(signal.SIGINT)
        write(*args, **options)

    monkeypatch.setattr(ssmb.store.checkpoint, "write_checkpoint", interrupted)
    assert_interrupted_and_resumed(tracked, tracked(checkpoint_every=1e-9), tmp_path / "c.h5")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_what_batch_systems_send_is_ctrl_c(
    tracked: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip(f"this system has no {name}")
    monkeypatch.setattr(JOB, "_PIECE_SECONDS", 0.0)
    assert_interrupted_and_resumed(tracked, tracked(progress=press(1, number=number)), tmp_path / "c.h5")
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_damaged_log_of_records(tracked: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows the bytes that count is dropped; damage in the last of them costs what one checkpoint added.

    Each record has a log; of those that grow on each turn, one is damaged at a time.
    """
    monkeypatch.setattr(JOB, "_PIECE_SECONDS", 0.0)
    whole = tracked(checkpoint=None, resume=False)
    tracked(progress=press(1, 20), checkpoint_every=1e-9)
    files = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    logs = sorted(tmp_path.glob("c.*.rows"))
    assert len(logs) == len(whole.monitors)

    def again() -> None:
        for file, data in files.items():
            (tmp_path / file).write_bytes(data)

    for log in logs:
        log.write_bytes(files[log.name] + b"half of a row")
    run_ = tracked()
    assert bits((run_.beam, run_.monitors)) == bits((whole.beam, whole.monitors))
    for log in logs[:2]:
        again()
        flipped = bytearray(files[log.name])
        flipped[-3] ^= 4
        damaged = bytes(flipped) if log is logs[0] else files[log.name][:-1]
        log.write_bytes(damaged)
        with pytest.warns(
            CheckpointWarning, match="going on from.*rows' is truncated( or damaged|: it has 1 bytes less)"
        ):
            run_ = tracked()
        assert bits((run_.beam, run_.monitors)) == bits((whole.beam, whole.monitors))
    again()
    log.unlink()
    with pytest.raises(ResultFileError, match="no checkpoint can be read"):
        tracked()


def test_a_checkpoint_costs_what_is_new(
    tracked: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes of the head do not grow with the turns done, and what is in the log is not written again."""
    monkeypatch.setattr(JOB, "_PIECE_SECONDS", 0.0)
    write, sizes = ssmb.store.checkpoint.write_checkpoint, []

    def watched(*args: Any) -> None:
        write(*args)
        (log,) = tmp_path.glob("c.*.rows")
        sizes.append(((tmp_path / "c.h5").stat().st_size, log.stat().st_size, log.read_bytes()))

    monkeypatch.setattr(ssmb.store.checkpoint, "write_checkpoint", watched)
    tracked(checkpoint_every=1e-9, monitors=[MomentMonitor()])
    heads, lengths, contents = zip(*sizes, strict=True)
    assert len(sizes) == 100
    assert max(heads) - min(heads) < 64
    assert set(np.diff(lengths).tolist()) == {44 * 8}  # 44 numbers a turn
    assert all(b.startswith(a) for a, b in zip(contents[:-1], contents[1:], strict=True))


def test_three_times_ctrl_c_leaves_at_once(
    tracked: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even out of the writing of a checkpoint; the one before is there."""
    monkeypatch.setattr(JOB, "_PIECE_SECONDS", 0.0)
    write, calls = ssmb.store.checkpoint.write_checkpoint, []

    def interrupted(*args: Any) -> None:
        calls.append(1)
        if len(calls) == 12:
            for _ in range(3):
                signal.raise_signal(signal.SIGINT)
        write(*args)

    monkeypatch.setattr(ssmb.store.checkpoint, "write_checkpoint", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tracked(checkpoint_every=1e-9)
    assert len(calls) == 12
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert [p.name for p in sorted(tmp_path.glob("*.h5"))] == ["c.h5", "c.previous.h5"]
    assert len(list(tmp_path.glob("*.rows"))) == 3 == len(list(tmp_path.glob("*"))) - 2  # a log of each record
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
    """And what differs is named."""
    tracked(progress=press(1))
    for other, what in (
        ({"seed": 6}, r"seed \(was 5, is 6\)"),
        ({"monitors": []}, "monitors: moments"),
        (
            {"monitors": [MomentMonitor(every=2), BunchingMonitor("stop", [1064e-9]), SnapshotMonitor(every=7)]},
            "every .was 1",
        ),
        ({"first_turn": 1}, "first_turn"),
        ({"end": "noise"}, "section"),
        ({"drives": {"U": LaserProgram(phase=0.1)}}, "drives: U"),
    ):
        with pytest.raises(ResultFileError, match=f"belongs to another run, whose .*{what}"):
            tracked(**other)
    lattice = load_lattice(RING)
    rows = np.random.default_rng(1).normal(size=(6, 300)) * np.array([3e-4, 1e-4, 1e-4, 1e-4, 1e-6, 1e-4])[:, None]
    given: Any = {"checkpoint": tmp_path / "c.h5", "resume": True, "seed": 5}
    given["monitors"] = [MomentMonitor(), BunchingMonitor("stop", [1064e-9]), SnapshotMonitor(every=7)]
    for changed, what in (
        (lattice.with_changes({"qf": {"Kn1": 3.0 * (1 + 1e-8)}}), r"lattice: qf: Kn1 \(was 3.0, is 3.0000000"),
        (lattice.with_changes({"U": {"laser_on": False}}), "lattice: U: laser_on .was True"),
        (Lattice.from_elements([e for e in lattice if e.name != "chicane"], lattice.reference), "lattice: chicane"),
        (lattice.rotated("qd"), "lattice: order"),
    ):
        with pytest.raises(ResultFileError, match=f"another run, whose {what}"):
            track(changed, Beam(lattice.reference, rows), 100, **given)
    rows[4, 200] += 2e-8  # one particle of 300, a fiftieth of the length of the beam
    with pytest.raises(ResultFileError, match="another run, whose beam: coordinates"):
        track(lattice, Beam(lattice.reference, rows), 100, **given)


def test_last_digits_of_what_was_given_may_differ(tracked: Callable[..., Any], tmp_path: Path) -> None:
    """A matched beam, or a ring model, that LAPACK makes on another processor."""
    first = tracked(progress=press(1))
    lattice = load_lattice(RING)
    given: Any = {"checkpoint": tmp_path / "c.h5", "resume": True, "seed": 5}
    given["monitors"] = [MomentMonitor(), BunchingMonitor("stop", [1064e-9]), SnapshotMonitor(every=7)]
    rows = np.random.default_rng(1).normal(size=(6, 300)) * np.array([3e-4, 1e-4, 1e-4, 1e-4, 1e-6, 1e-4])[:, None]
    near = lattice.with_changes({"qf": {"Kn1": 3.0 * (1 + 1e-13)}})
    with pytest.warns(CheckpointWarning, match="last digits of beam: coordinates.*lattice: qf: Kn1"):
        run_ = track(near, Beam(lattice.reference, rows * (1 + 1e-14)), 100, **given)
    assert (run_.status, run_.turns) == (RunStatus.COMPLETED, 100)
    assert list(run_.monitors["moments"].turn) == list(range(100))
    n = first.turns
    assert run_.monitors["moments"].mean[:n].tobytes() == first.monitors["moments"].mean[:n].tobytes()


#: Goes on with a run, or begins it, on a processor that its environment tells.
ELSEWHERE = """
import sys, warnings, numba
import numpy as np
from ssmb.beam import Beam, Reference
from ssmb.elements import Drift, Quadrupole
from ssmb.lattice import Lattice
from ssmb.tracking import MomentMonitor, track
ref = Reference(250e6)
line = Lattice.from_elements([Drift(name="d", length=1.0), Quadrupole(name="q", length=0.1, Kn1=1.0)], ref)
beam = Beam(ref, 1e-5 * np.random.default_rng(1).normal(size=(6, 300)))
def stop(done, turns):
    if done >= 10 and sys.argv[2] == "stop":
        raise KeyboardInterrupt
with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    run = track(line, beam, 30, monitors=[MomentMonitor()], checkpoint=sys.argv[1], resume=True, progress=stop)
print(run.turns, [type(w.message).__name__ for w in heard], *(str(w.message) for w in heard))
"""


def test_a_run_goes_on_on_another_processor(tmp_path: Path) -> None:
    """On one without most of its features, with numba loaded before the package; a warning says that bits may
    differ.
    """

    own = {key: value for key, value in as_this_process().items() if not key.startswith("NUMBA_CPU_")}

    def go(what: str, **environment: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", ELSEWHERE, str(tmp_path / "c.h5"), what],
            env=own | environment, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    assert go("stop").split()[1:] == ["[]"]
    out = go("go on", NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
    assert out.startswith("30 ['CheckpointWarning']")
    assert re.search(r"another build of the kernels .*another processor \(.*, now generic\)", out), out


def test_a_study_in_memory_is_interrupted_in_each_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C gives what was done so far, with a summary, and no light that was not tracked."""
    path = write_files(tmp_path)
    config = load_config(path, {"track.turns": 6, "laser.turns": 3})
    module = importlib.import_module("ssmb.studies.ring")
    real = module.track

    def interrupted(*args: Any, **options: Any) -> Any:
        return real(*args, **(options | {"progress": press(1, 1)}))

    monkeypatch.setattr(module, "track", interrupted)
    result = run(config, load_lattice(tmp_path / "ring.pals.yaml"))
    assert (result.status, result.turns, result.light) == (RunStatus.INTERRUPTED, 1, ())
    assert result.summary()["status"] == "interrupted"


# ---- Ctrl-C, on the command line

#: The command, which presses Ctrl-C on itself once so many turns are done.
PRESSED = """
import signal, sys
import ssmb.tracking.track
from ssmb.cli.main import main
from ssmb.tracking.saving import Saver

def save_when_due(saver):
    if saver.job.first_turn + saver.job.done == 450:
        signal.raise_signal(signal.SIGINT)

Saver.save_when_due = save_when_due
sys.modules["ssmb.tracking.job"]._PIECE_SECONDS = 0.0
sys.exit(main(sys.argv[1:]))
"""


def command(folder: Path, *words: str, code: str = "", **environment: str) -> subprocess.Popen[str]:
    start = ["-c", code] if code else ["-m", "ssmb.cli.main"]
    return subprocess.Popen(
        [sys.executable, *start, *words],
        cwd=folder,
        env=as_this_process() | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_on_the_command_line(nursery: Nursery, whole: str) -> None:
    process = command(nursery.folder, "run", "small.run.yaml", "--folder", "cli", "--json", code=PRESSED)
    place = nursery.folder / "cli"
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "ssmb resume cli" in err
    assert "Traceback" not in err
    assert '"status": "interrupted"' in out
    assert not (place / "run.h5").exists()
    process = command(nursery.folder, "resume", "cli", "--json")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert '"status": "completed"' in out
    assert bits(load_result(place)) == whole


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
