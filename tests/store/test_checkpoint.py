"""Checkpoints: the newest that is whole, or the one before it, or a refusal."""

import warnings

import numpy as np
import pytest

from ssmb.errors import ResultFileError
from ssmb.store.checkpoint import CheckpointWarning, previous_path, read_checkpoint, write_checkpoint
from ssmb.store.tree import Dataset, write_tree
from tests.store.trees import assert_same, every_type


def state(turn):
    rows = np.random.default_rng(turn).normal(size=(6, 50))
    return {
        "turn": turn,
        "seed": 3,
        "rows": Dataset(rows, "1", "coordinates"),
        "monitor": {"b": Dataset([1j], "1", "")},
    }


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "checkpoint.h5"
    write_checkpoint(file, state(1))
    write_checkpoint(file, state(2))
    return file


def test_newest_and_previous(path):
    assert_same(read_checkpoint(path), state(2))
    assert_same(read_checkpoint(previous_path(path)), state(1))
    write_checkpoint(path, every_type())
    assert_same(read_checkpoint(path), every_type())
    assert_same(read_checkpoint(previous_path(path)), state(2))
    assert sorted(p.name for p in path.parent.iterdir()) == ["checkpoint.h5", "checkpoint.previous.h5"]


def test_damage_is_refused_and_the_previous_is_used(path):
    good, rng = path.read_bytes(), np.random.default_rng(1)
    for place in rng.integers(0, len(good), 300):
        bad = bytearray(good)
        bad[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad if rng.uniform() < 0.7 else good[:place])
        with pytest.warns(CheckpointWarning, match="going on from"):
            tree = read_checkpoint(path)
        assert tree["turn"] == 1
    assert_same(tree, state(1))


def test_a_missing_newest(path):
    path.unlink()
    with pytest.warns(CheckpointWarning, match="no such file"):
        assert read_checkpoint(path)["turn"] == 1


def test_both_damaged_or_none(path, tmp_path):
    for file in (path, previous_path(path)):
        file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ResultFileError, match=r"no checkpoint can be read.*checkpoint\.h5.*checkpoint\.previous\.h5"):
        read_checkpoint(path)
    with pytest.raises(ResultFileError, match="no such file"):
        read_checkpoint(tmp_path / "other.h5")


def test_a_truncated_checkpoint_does_not_push_out_the_good_one(path):
    path.write_bytes(path.read_bytes()[:-1])
    write_checkpoint(path, state(3))
    assert_same(read_checkpoint(path), state(3))
    assert_same(read_checkpoint(previous_path(path)), state(1))


def test_another_kind_or_a_newer_layout_is_not_hidden_by_the_previous(path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_tree(path, state(3), kind="run", schema_version=1)
        with pytest.raises(ResultFileError, match="holds 'run', wanted is 'checkpoint'"):
            read_checkpoint(path)
        write_tree(path, state(3), kind="checkpoint", schema_version=2)
        with pytest.raises(ResultFileError, match="Upgrade ssmb"):
            read_checkpoint(path)


def test_a_checkpoint_is_hardly_larger_than_its_particles(tmp_path):
    """And comes back to the bit; what it costs in time is in benchmarks/checkpoints.py."""
    rows = np.random.default_rng(0).normal(size=(6, 100_000))
    write_checkpoint(tmp_path / "checkpoint.h5", {"rows": Dataset(rows, "1", "coordinates")})
    assert read_checkpoint(tmp_path / "checkpoint.h5")["rows"].values.tobytes() == rows.tobytes()
    assert (tmp_path / "checkpoint.h5").stat().st_size < rows.nbytes + 20_000
