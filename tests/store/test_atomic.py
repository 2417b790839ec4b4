"""Atomic files: complete or not there, whatever stops the writer."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from ssmb.errors import ConfigError, ResultFileError
from ssmb.store.atomic import LEFTOVER_AGE, atomic_path
from ssmb.store.tree import Dataset, read_tree, write_tree
from tests.store.trees import assert_same

ROOT = Path(__file__).resolve().parents[2]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


class Stopped(BaseException):
    """Stands for KeyboardInterrupt and the like."""


@pytest.mark.parametrize("error", [ValueError, Stopped])
def test_an_exception_leaves_the_old_file_and_no_other(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail():
        with atomic_path(target) as part:
            part.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert names(tmp_path) == ["a.txt"]
    assert target.read_text() == "old"


def test_a_failing_tree_leaves_the_old_file_and_no_other(tmp_path):
    path, tree = tmp_path / "a.h5", {"x": Dataset([1.0], "m", "x")}
    write_tree(path, tree, kind="test", schema_version=1)
    with pytest.raises(ConfigError, match="list cannot be stored"):
        write_tree(path, {"x": Dataset([2.0], "m", "x"), "wrong": [1]}, kind="test", schema_version=1)
    assert names(tmp_path) == ["a.h5"]
    assert_same(read_tree(path, expected_kind="test", newest_schema=1), tree)


def test_the_previous_file_is_kept_where_asked(tmp_path):
    target, previous = tmp_path / "a.txt", tmp_path / "b.txt"
    for text in ("1", "2", "3"):
        with atomic_path(target, previous=previous) as part:
            part.write_text(text)
    assert (target.read_text(), previous.read_text()) == ("3", "2")
    assert names(tmp_path) == ["a.txt", "b.txt"]


def test_previous_that_is_already_the_same_file(tmp_path):
    """A writer that was killed between its two renames leaves one file with both names."""
    target, previous = tmp_path / "a.txt", tmp_path / "b.txt"
    target.write_text("1")
    os.link(target, previous)
    with atomic_path(target, previous=previous) as part:
        part.write_text("2")
    assert (target.read_text(), previous.read_text()) == ("2", "1")
    assert names(tmp_path) == ["a.txt", "b.txt"]


def test_file_systems_without_hard_links(tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError

    monkeypatch.setattr(os, "link", no_links)
    target, previous = tmp_path / "a.txt", tmp_path / "b.txt"
    for text in ("1", "2"):
        with atomic_path(target, previous=previous) as part:
            part.write_text(text)
    assert (target.read_text(), previous.read_text()) == ("2", "1")


def test_a_link_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "a.txt").symlink_to(tmp_path / "real" / "b.txt")
    with atomic_path(tmp_path / "a.txt") as part:
        part.write_text("x")
    assert (tmp_path / "a.txt").is_symlink()
    assert (tmp_path / "real" / "b.txt").read_text() == "x"


def test_leftovers_of_killed_writers_are_removed_and_young_ones_kept(tmp_path):
    with atomic_path(tmp_path / "a.txt") as part:
        old, young = part.with_name(part.name.replace(".part", "0.part")), part.with_name(f"{part.stem}1.part")
    for leftover in (old, young):
        leftover.write_text("left")
    os.utime(old, (time.time() - 2 * LEFTOVER_AGE,) * 2)
    with atomic_path(tmp_path / "a.txt"):
        pass
    assert names(tmp_path) == sorted(["a.txt", young.name])


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("missing/a.h5", "no such file or folder"),
        ("file/a.h5", "not a folder"),
        ("folder", "not a file"),
        ("x" * 300 + ".h5", "name is too long"),
        ("pipe", "nobody reads this pipe"),
        ("a\0.h5", "not a path"),
        ("", "not a path"),
    ],
)
def test_impossible_paths_are_explained(tmp_path, monkeypatch, path, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    before = names(tmp_path)
    with pytest.raises(ResultFileError, match=words):
        write_tree(path, {}, kind="test", schema_version=1)
    assert names(tmp_path) == before


@pytest.mark.parametrize("path", [3, None, b"a.h5"])
def test_what_is_not_a_path(path):
    with pytest.raises(ResultFileError, match="not a path"):
        write_tree(path, {}, kind="test", schema_version=1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(ResultFileError, match="permission denied"):
            write_tree(tmp_path / "a.h5", {}, kind="test", schema_version=1)
    finally:
        tmp_path.chmod(0o700)


LIMITED = """
import resource, sys
import numpy as np
from ssmb.errors import ResultFileError
from ssmb.store.checkpoint import write_checkpoint
from ssmb.store.tree import Dataset

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    write_checkpoint(sys.argv[1], {str(i): Dataset(np.ones(20_000), "m", "x") for i in range(10)})
except ResultFileError as error:
    print(error)
    sys.exit(4)
"""


@pytest.mark.parametrize("limit", [100, 1_000, 5_000, 700_000, 1_600_500])
def test_no_space_leaves_the_old_file_and_no_other(tmp_path, limit):
    """The size limit of a process hits at the first byte, in the data, or in the last metadata."""
    path, tree = tmp_path / "checkpoint.h5", {"x": Dataset([1.0], "m", "x")}
    write_tree(path, tree, kind="checkpoint", schema_version=1)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, path, str(limit)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (4, "")
    assert "larger than this system allows" in done.stdout
    assert names(tmp_path) == ["checkpoint.h5"]
    assert_same(read_tree(path, expected_kind="checkpoint", newest_schema=1), tree)


ENDLESS = """
import itertools, sys
import numpy as np
from ssmb.store.checkpoint import write_checkpoint
from ssmb.store.tree import Dataset

for n in itertools.count(1):
    write_checkpoint(sys.argv[1], {"n": n, "x": Dataset(np.full((6, 20_000), float(n)), "m", "x")})
    if n == 2:
        print("ready", flush=True)
"""


def test_a_killed_writer_leaves_a_complete_file(tmp_path):
    path, rng = tmp_path / "checkpoint.h5", np.random.default_rng(3)
    for _ in range(4):
        writer = subprocess.Popen([sys.executable, "-c", ENDLESS, path], cwd=ROOT, stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        time.sleep(rng.uniform(0.0, 0.05))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        newest = read_tree(path, expected_kind="checkpoint", newest_schema=1)
        older = read_tree(tmp_path / "checkpoint.previous.h5", expected_kind="checkpoint", newest_schema=1)
        for tree in (newest, older):
            assert np.all(tree["x"].values == tree["n"])
        assert newest["n"] - older["n"] in (0, 1)


def test_writers_at_the_same_time_do_not_disturb_each_other(tmp_path):
    path, failures = tmp_path / "a.h5", []

    def write(n):
        try:
            for _ in range(10):
                write_tree(path, {"n": n, "x": Dataset(np.full(1000, n), "1", "n")}, kind="test", schema_version=1)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        if path.exists():
            tree = read_tree(path, expected_kind="test", newest_schema=1)
            assert np.all(tree["x"].values == tree["n"])
    for thread in threads:
        thread.join()
    assert failures == []
    assert names(tmp_path) == ["a.h5"]
