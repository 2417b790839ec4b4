"""Two processes in one folder, and folders of which a part is damaged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.cli.main import main
from ssmb.elements import Drift
from ssmb.errors import ResultFileError, SsmbWarning
from ssmb.lattice import Lattice
from ssmb.store.checkpoint import CheckpointWarning
from ssmb.store.lock import locked
from ssmb.studies import load_result, resume, run_file
from ssmb.studies import runner as runs
from ssmb.tracking import track
from tests.studies.small_ring import bits, write_files

ROOT = Path(__file__).parents[2]
HOLD = """
import os, sys
from pathlib import Path
from ssmb.store.lock import locked
with locked(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another(path: Path, script: str = HOLD) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with held_by_another(path) as process:
        words = f"the thing is in use by process {process.pid} on "
        with pytest.raises(ResultFileError, match=words), locked(path, "the thing"):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        assert path.exists()  # and means nothing
        words = f"in use by process {os.getpid()} on "
        with locked(path, "the thing"), pytest.raises(ResultFileError, match=words), locked(path, "the thing"):
            pass
    assert not path.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
def test_the_child_of_a_fork_does_not_keep_the_lock_of_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with held_by_another(path, HOLD.replace("    print", "    child = os.fork()\n    child and print")) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        assert path.exists()
        with locked(path, "the thing"):  # while the child waits for the end of its input
            pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
def test_a_child_that_leaves_the_block_of_its_parent_leaves_the_lock(tmp_path: Path) -> None:
    path, parent = tmp_path / "a.lock", os.getpid()
    with warnings.catch_warnings(), suppress(SystemExit), held_and_forked(path) as child:
        if not child:
            raise SystemExit  # through the end of the block
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert path.exists()
        with pytest.raises(ResultFileError, match="in use"), locked(path, "the thing"):
            pass
    if os.getpid() != parent:
        os._exit(0)
    assert not path.exists()


@contextmanager
def held_and_forked(path: Path) -> Iterator[int]:
    with locked(path, "the thing"):
        warnings.simplefilter("ignore", DeprecationWarning)
        yield os.fork()


def test_a_lock_that_was_removed_is_taken_anew(tmp_path: Path) -> None:
    """Between opening and locking, who held it may have removed the file: two would hold two files."""
    path = tmp_path / "a.lock"
    with locked(path, "it"):
        path.unlink()  # as clearing the folder does
        with locked(path, "it"):
            assert path.exists()
    assert not path.exists()


def test_checkpoints_have_one_writer(tmp_path: Path) -> None:
    reference = Reference(250e6)
    line = Lattice.from_elements([Drift(name="d", length=1.0)], reference)
    beam, path = Beam(reference, np.zeros((6, 4))), tmp_path / "c.h5"

    def go(done: int = 0, turns: int = 0) -> None:
        with pytest.raises(ResultFileError, match=r"checkpoint '.*c.h5' is in use by process"):
            track(line, beam, 3, checkpoint=path, resume=True)
        track(line, beam, 3, checkpoint=path, look=True)  # looking is free

    track(line, beam, 3, checkpoint=path, progress=go)
    assert track(line, beam, 3, checkpoint=path, resume=True).turns == 3
    assert {p.name for p in tmp_path.iterdir()} <= {"c.h5", "c.previous.h5"}  # by the clock: one or both


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a ring run that holds all but the tracking."""
    folder = tmp_path_factory.mktemp("two")
    write_files(folder)

    def stop(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ssmb.tracking.job.Job.run", stop)
        with pytest.raises(KeyboardInterrupt):
            run_file(folder / "small.run.yaml", folder / "run")
    return folder


def test_one_run_in_a_folder(interrupted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place, file = interrupted / "run", interrupted / "small.run.yaml"
    assert not (place / "run.lock").exists()
    before = {p: p.read_bytes() for p in place.rglob("*") if p.is_file()}
    with locked(place / "run.lock", "it"):
        for go in (lambda: resume(place), lambda: run_file(file, place, force=True)):
            with pytest.raises(ResultFileError, match=r"folder '.*run' is in use by process \d+ on .*: wait until"):
                go()
        assert main(["resume", str(place)]) == 4
        assert "is in use by process" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in place.rglob("*") if p.is_file()} == before
    whole = resume(place)
    with locked(place / "run.lock", "it"):  # a run that is done is read
        assert bits(resume(place)) == bits(whole)
    assert bits(run_file(file, place, force=True)) == bits(whole)
    assert not (place / "run.lock").exists()


def test_a_damaged_file_of_particles_does_not_hide_the_others(interrupted: Path) -> None:
    place = interrupted / "run"
    whole = resume(place)
    files = sorted((place / "particles").glob("*.h5"))
    assert len(files) >= 2
    for file in files:
        data = file.read_bytes()
        file.write_bytes(data[:-7])
        with pytest.warns(SsmbWarning, match=rf"left out: '.*{file.name}' is truncated"):
            found = load_result(place)
        assert set(found.particles()) == set(whole.particles()) - {file.stem}
        file.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bits(load_result(place)) == bits(whole)


def test_a_damaged_stage_is_done_again(tmp_path: Path) -> None:
    """The others are read."""
    from dataclasses import dataclass

    from ssmb.quantity import quantity

    @dataclass(frozen=True)
    class Found:
        value: float = quantity("1", "a number")

    class Study:
        class config:
            @staticmethod
            def model_dump_json() -> str:
                return "{}"

        lattice = Lattice.from_elements([Drift(name="d", length=1.0)], Reference(250e6))

    done: list[str] = []

    def stages() -> list[float]:
        here = runs._Here(Study, tmp_path, 1)  # type: ignore[arg-type]

        def of(name: str, value: float) -> float:
            return here.stage(name, Found, lambda: (done.append(name), Found(value))[1]).value

        return [of("first", 0.1), of("second", 0.2)]

    assert stages() == [0.1, 0.2] == stages()
    assert done == ["first", "second"]
    path = tmp_path / "stages" / "first.h5"
    for damage in (
        lambda data: data[:-3],
        lambda data: b"",
        lambda data: data[:-9] + bytes([data[-9] ^ 4]) + data[-8:],
    ):
        done.clear()
        path.write_bytes(damage(path.read_bytes()))
        with pytest.warns(CheckpointWarning, match="first is done again: "):
            assert stages() == [0.1, 0.2]
        assert done == ["first"]
