"""Trees: the same bits back, equal bytes for equal content, and nothing but a ResultFileError for what is damaged."""

import enum
import time
import tracemalloc

import h5py
import numpy as np
import pytest

from ssmb.errors import ConfigError, ResultFileError, SsmbError
from ssmb.store.sealed import SEAL_SIZE, DamagedFileError, _seal_of, new_hdf5
from ssmb.store.tree import MAX_DEPTH, Dataset, Header, read_header, read_tree, write_tree
from ssmb.units import unit
from tests.store.trees import assert_same, every_type


def read(path):
    return read_tree(path, expected_kind="test", newest_schema=2)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.h5"
    write_tree(path, every_type(), kind="test", schema_version=2, software_version="0.1", created="2026-01-01")
    return path


def test_everything_comes_back_bit_for_bit(file):
    assert_same(read(file), every_type())
    assert read_header(file) == Header("test", 2, "0.1", "2026-01-01")


def test_numbers_of_numpy_and_enums_come_back_as_plain_numbers(tmp_path):
    class Reason(enum.IntEnum):
        APERTURE = 3

    tree = {"a": np.float64(0.1), "b": np.int32(4), "c": np.bool_(True), "d": np.complex128(1j), "e": Reason.APERTURE}
    write_tree(tmp_path / "a.h5", tree, kind="test", schema_version=1)
    assert_same(read(tmp_path / "a.h5"), {"a": 0.1, "b": 4, "c": True, "d": 1j, "e": 3})


def test_equal_content_gives_equal_bytes(file, tmp_path):
    time.sleep(1.1)  # HDF5 can stamp objects with a time in seconds
    again = tmp_path / "b.h5"
    write_tree(again, every_type(), kind="test", schema_version=2, software_version="0.1", created="2026-01-01")
    assert again.read_bytes() == file.read_bytes()


def test_every_dataset_says_unit_and_name(file):
    seen = []

    def look(name, item):
        if isinstance(item, h5py.Dataset):
            seen.append(name)
            symbol = item.attrs["unitSymbol"].decode()
            assert item.attrs["unitSI"] == unit(symbol).si, name
            assert tuple(item.attrs["unitDimension"]) == unit(symbol).dimension, name
            assert "long_name" in item.attrs, name

    with h5py.File(file) as opened:
        opened.visititems(look)
        assert opened["arrays/odd"].attrs["unitSymbol"] == b"eV/c"
        assert opened["arrays/odd"].attrs["long_name"] == b"numbers that get lost"
        assert opened["texts/umlaut"][()].decode() == "Ωµ äöü 束"
    assert len(seen) == 36


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([1.0], "list cannot be stored"),
        (np.arange(3), "ndarray cannot be stored"),
        (None, "NoneType cannot be stored"),
        (b"x", "bytes cannot be stored"),
        (2**64, "more than 64 bits"),
        (-(2**63) - 1, "more than 64 bits"),
    ],
)
def test_what_cannot_be_stored_is_refused(tmp_path, value, words):
    with pytest.raises(ConfigError, match=words):
        write_tree(tmp_path / "a.h5", {"x": {"y": value}}, kind="test", schema_version=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", 3, None])
def test_names_must_be_text(tmp_path, name):
    with pytest.raises(ConfigError, match="name in a tree must be text"):
        write_tree(tmp_path / "a.h5", {name: 1}, kind="test", schema_version=1)


def test_a_tree_that_contains_itself_is_refused(tmp_path):
    tree = {}
    tree["itself"] = tree
    with pytest.raises(ConfigError, match=f"deeper than {MAX_DEPTH} levels"):
        write_tree(tmp_path / "a.h5", tree, kind="test", schema_version=1)


@pytest.mark.parametrize(
    ("values", "symbol", "name", "words"),
    [
        ([1], "meter", "x", "unknown unit"),
        ([1], "m", None, "long_name must be text"),
        ([1], "m", "a\0", "long_name must be text"),
        ([None], "m", "x", "cannot be stored"),
        (np.array([1], dtype="M8[s]"), "s", "x", "cannot be stored"),
        (np.array([1], dtype=np.longdouble), "s", "x", "cannot be stored"),
        (np.array([1], dtype=np.clongdouble), "s", "x", "cannot be stored"),
        (np.zeros(2, dtype="f8,f8"), "s", "x", "cannot be stored"),
    ],
)
def test_datasets_that_no_file_can_hold(values, symbol, name, words):
    with pytest.raises(ConfigError, match=words):
        Dataset(values, symbol, name)


def test_wrong_kind_newer_schema_and_missing_file(file, tmp_path):
    with pytest.raises(ResultFileError, match="holds 'test', wanted is 'run'"):
        read_tree(file, expected_kind="run", newest_schema=2)
    with pytest.raises(ResultFileError, match=r"layout 2 of 'test', written by ssmb 0.1.*Upgrade ssmb"):
        read_tree(file, expected_kind="test", newest_schema=1)
    with pytest.raises(ResultFileError, match="no such file or folder"):
        read(tmp_path / "missing.h5")
    with pytest.raises(ResultFileError, match="is a folder"):
        read(tmp_path)


def test_foreign_and_empty_files(tmp_path):
    path = tmp_path / "a.h5"
    for content in (b"", b"x", b"ssmb sealed HDF5 1\n", b"PK\3\4" * 1000):
        path.write_bytes(content)
        with pytest.raises(DamagedFileError, match=r"is not a file written by ssmb|truncated"):
            read(path)
    with h5py.File(path, "w") as opened:
        opened["x"] = 1.0
    with pytest.raises(DamagedFileError, match="not a file written by ssmb"):
        read(path)


def test_edited_files_are_refused(file):
    with h5py.File(file, "r+") as opened:
        opened["numbers/one"][()] = 2
    with pytest.raises(DamagedFileError, match="damaged or was edited"):
        read(file)


def test_damaged_files_are_refused(file):
    """Any flipped, cut, added or overwritten byte is noticed before HDF5 sees the file."""
    good, rng = file.read_bytes(), np.random.default_rng(11)
    damaged = []
    for place in [*range(0, SEAL_SIZE, 7), *rng.integers(0, len(good), 300)]:
        flipped = bytearray(good)
        flipped[place] ^= 1 << int(rng.integers(8))
        damaged.append(bytes(flipped))
    damaged += [good[: int(n)] for n in rng.integers(0, len(good), 60)]
    damaged += [good + b"\0", b"\0" + good, good[SEAL_SIZE:], good[:SEAL_SIZE] + bytes(len(good) - SEAL_SIZE)]
    for content in damaged:
        file.write_bytes(content)
        with pytest.raises(DamagedFileError):
            read(file)
        with pytest.raises(DamagedFileError):
            read_header(file)
    file.write_bytes(good)
    assert_same(read(file), every_type())


def test_damage_under_a_right_seal_gives_results_or_our_error(tmp_path):
    """What the parser makes of bad bytes if somebody seals them: never an exception of another package."""
    path, rng, refused = tmp_path / "b.h5", np.random.default_rng(5), 0
    write_tree(
        path, {"n": 1, "a": {"t": "text", "x": Dataset(np.arange(500.0), "m", "x")}}, kind="test", schema_version=1
    )
    good = path.read_bytes()
    for _ in range(150):
        bad = bytearray(good)
        bad[rng.integers(SEAL_SIZE, len(good))] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad)
        with open(path, "r+b") as sealing:
            seal = _seal_of(sealing)
            sealing.seek(0)
            sealing.write(seal)
        try:
            read(path)
        except ResultFileError:
            refused += 1
    assert 30 < refused < 300


def hostile(file, what, tmp_path):
    if what == "cycle":
        file.create_group("a")["b"] = file["/"]
    elif what == "twice":
        file["a"] = h5py.SoftLink("/b")
    elif what == "external link":
        file["a"] = h5py.ExternalLink("/etc/passwd", "/")
    elif what == "external bytes":
        (tmp_path / "secret").write_bytes(b"secret!!")
        file.create_dataset("a", (1,), "f8", external=[(str(tmp_path / "secret"), 0, 8)])
    elif what == "huge":
        file.create_dataset("a", (2**50,), "f8", chunks=(1024,))
    elif what == "deep":
        group = file
        for _ in range(2 * MAX_DEPTH):
            group = group.create_group("a")
    elif what == "plain":
        file["a"] = [1.0]
    elif what == "type":
        file["a"] = np.dtype("f8")
    elif what == "unit":
        file["a"] = [1.0]
        file["a"].attrs.update({"stored_as": "array", "unitSymbol": "meter", "long_name": ""})


@pytest.mark.parametrize(
    "what", ["cycle", "twice", "external link", "external bytes", "huge", "deep", "plain", "type", "unit"]
)
def test_hostile_files_are_refused(tmp_path, what):
    path = tmp_path / "a.h5"
    with new_hdf5(path, Header("test", 1)) as file:
        hostile(file, what, tmp_path)
    with pytest.raises(ResultFileError):
        read(path)


def test_errors_name_the_file_and_are_ours(tmp_path):
    with pytest.raises(SsmbError) as caught:
        read(tmp_path / "gone.h5")
    assert "gone.h5" in caught.value.message
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("compress", [True, False])
def test_large_arrays_are_not_copied_to_memory(compress, tmp_path):
    """A column of a table that lies in a file, 19 MB, is written with 2 MiB of memory, and reads back as it was."""
    row, n = np.dtype([("turn", "i8"), ("sigma", "f8", (6, 6))]), 2**16
    table = np.memmap(tmp_path / "rows", row, "w+", shape=(n,))
    table["sigma"] = np.arange(n)[:, None, None] % 7 + np.arange(36.0).reshape(6, 6)
    tree = {"sigma": Dataset(table["sigma"], "1", "")}
    write_tree(tmp_path / "first.h5", {"few": Dataset(table["sigma"][:9], "1", "")}, kind="a", schema_version=1)
    tracemalloc.start()
    write_tree(tmp_path / "a.h5", tree, kind="a", schema_version=1, compress=compress)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * 2**20 < table["sigma"].nbytes / 8
    found = read_tree(tmp_path / "a.h5", expected_kind="a", newest_schema=1)["sigma"].values
    assert found.dtype == np.float64
    assert np.array_equal(found, table["sigma"])
