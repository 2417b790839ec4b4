"""A disk that takes no more, at any byte: an error that says so, the older file untouched, and a process that lives."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.errors import ResultFileError
from ssmb.store import patient_file
from ssmb.store.patient_file import PatientFile
from ssmb.store.row_log import RowLog
from ssmb.store.tree import Dataset, read_tree, write_tree

ROOT = Path(__file__).parents[2]
RANDOM = np.random.default_rng(0)
#: Files that are all metadata, or all data, in one piece and in many, deflated and not.
TREES: dict[str, dict[str, Any]] = {
    "tiny": {"n": 1, "t": "x"},
    "groups": {
        f"g{i}": {"a": Dataset(RANDOM.random(9), "m", "a", ("k",)), "k": Dataset(np.arange(9.0), "1", "k", ("k",))}
        for i in range(8)
    },
    "data": {"a": Dataset(RANDOM.random((3, 50_000)), "m", "a"), "b": {"c": Dataset(RANDOM.random(9), "m", "c")}},
}


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Files end at so many bytes: the system then gives an error in the midst of a write, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("compress", [False, True])
def test_full_at_any_byte(tmp_path: Path, name: str, compress: bool, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.h5"

    def write() -> None:
        write_tree(path, TREES[name], kind="test", schema_version=1, compress=compress)

    write()
    whole = path.read_bytes()
    for size in (0, 1, 511, 512, 513, *np.linspace(600, len(whole) - 1, 12).astype(int).tolist()):
        with at_most(size), pytest.raises(ResultFileError, match=r"cannot write .*a.h5': the file is larger than"):
            write()
        assert path.read_bytes() == whole
        assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]
    assert capfd.readouterr() == ("", "")  # nothing of the library
    write()
    assert path.read_bytes() == whole


def test_logs_of_records(tmp_path: Path) -> None:
    log = RowLog(tmp_path / "a.rows")
    log.append([np.arange(100.0)])
    for size in (800, 801, 900, 1599):
        with at_most(size), pytest.raises(ResultFileError, match="larger than"):
            log.append([np.arange(100.0)])
        assert log.length == 800
    log.append([np.arange(100.0)])
    np.testing.assert_array_equal(log.table(np.dtype(float), 0), np.tile(np.arange(100.0), 2))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_midst_of_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """It acts when the file is closed, and the file comes not to be, as with Ctrl-C anywhere else in the block."""
    seek, calls = PatientFile.seek, 0

    def seeking(file: PatientFile, offset: int, whence: int = os.SEEK_SET) -> int:
        nonlocal calls
        calls += 1
        if calls == when:
            signal.raise_signal(number)
        return seek(file, offset, whence)

    monkeypatch.setattr(PatientFile, "seek", seeking)
    monkeypatch.setattr(patient_file, "_CALLED_BY_HDF5", patient_file._CALLED_BY_HDF5 | {seeking.__code__})
    before = signal.signal(number, signal.default_int_handler)
    path = tmp_path / "a.h5"
    try:
        for when in (1, 2, 5, 10):  # noqa: B007
            calls = 0
            with pytest.raises(KeyboardInterrupt):
                write_tree(path, TREES["groups"], kind="test", schema_version=1)
            assert signal.getsignal(number) is signal.default_int_handler
            assert not list(tmp_path.iterdir())
        calls, when = 0, -1
        write_tree(path, TREES["groups"], kind="test", schema_version=1)
    finally:
        signal.signal(number, before)
    assert calls > 10
    assert set(read_tree(path, expected_kind="test", newest_schema=1)) == set(TREES["groups"])


RUN = """
import resource, sys
from ssmb.cli.main import main
if sys.argv[1] != "0":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), -1))
sys.exit(main(sys.argv[2:]))
"""


def test_a_run_ends_with_the_code_of_a_file_error_and_goes_on(tmp_path: Path) -> None:
    """Exit code 4 (a crash of HDF5 at the end of Python would be another), and resume gives the bits of before."""
    from ssmb.studies import load_result, resume
    from tests.studies.small_ring import bits, write_files

    write_files(tmp_path)

    def ssmb(size: int, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", RUN, str(size), *argv], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    assert ssmb(0, "run", "small.run.yaml", "--folder", "whole", "--no-figures").returncode == 0
    full = ssmb(20_000, "run", "small.run.yaml", "--folder", "full", "--no-figures")
    assert full.returncode == 4, full.stderr
    assert "the file is larger than this system allows" in full.stderr
    assert "HDF5" not in full.stderr
    assert bits(resume(tmp_path / "full")) == bits(load_result(tmp_path / "whole"))
