"""The run file: what goes in comes out, and what is wrong is explained."""

import dataclasses

import h5py
import pytest

from ssmb.errors import ConfigError, ResultFileError
from ssmb.store.run_file import RunContents, read_run, write_run
from ssmb.store.tree import read_header, write_tree
from tests.store.trees import assert_same, every_type

TREES = ("provenance", "optics", "monitors", "results")


def contents():
    return RunContents(
        "track: {turns: 3}\n", "PALS:\n", *(every_type()[k] for k in ("texts", "arrays", "reals", "names"))
    )


def test_round_trip(tmp_path):
    path = write_run(tmp_path / "a" / "b", contents(), software_version="0.1", created="2026-01-01")
    back = read_run(tmp_path / "a" / "b")
    for item in dataclasses.fields(RunContents):
        assert_same(getattr(back, item.name), getattr(contents(), item.name), item.name)
    assert dataclasses.astuple(read_header(path)) == ("run", 1, "0.1", "2026-01-01")
    with h5py.File(path) as opened:
        assert set(opened) == {"config", "lattice", *TREES}
        assert opened["config"][()] == b"track: {turns: 3}\n"


def test_writing_again_replaces(tmp_path):
    write_run(tmp_path, contents())
    write_run(tmp_path, RunContents("", ""))
    assert read_run(tmp_path).optics == {}
    assert [path.name for path in tmp_path.iterdir()] == ["run.h5"]


def test_what_is_wrong_is_explained(tmp_path):
    with pytest.raises(ConfigError, match="config of a run must be text, not dict"):
        write_run(tmp_path, RunContents({}, ""))  # type: ignore[arg-type]
    with pytest.raises(ResultFileError, match="no such file"):
        read_run(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultFileError, match="is a file, not a folder"):
        write_run(tmp_path / "file", contents())
    with pytest.raises(ResultFileError, match="not a folder"):
        read_run(tmp_path / "file")
    write_tree(tmp_path / "run.h5", {"config": ""}, kind="run", schema_version=1)
    with pytest.raises(ResultFileError, match="must hold config, lattice"):
        read_run(tmp_path)
