"""The cache of compiled kernels: an edit always shows, damage and crowds do no harm."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ssmb.kernels.machine_code import helpers_are_known, read_sealed, sealed

PACKAGE = Path(__file__).parents[2] / "ssmb"

#: Send one particle through the native tile loop of a drift of 2 m; its x is printed, and whether it was compiled now.
DRIFT = """
import ctypes
import numpy as np
from ssmb.kernels.jit import cache_folder
from ssmb.kernels.loops import LANES, RPP, ROWS, STRIDE
from ssmb.maps.flight import drift_exact

map_, params = drift_exact, (2.0,)
INSERT
before = set(cache_folder().glob("*.nbc"))
doubles, whole = ctypes.POINTER(ctypes.c_double), ctypes.POINTER(ctypes.c_int64)
i64 = ctypes.c_int64
loop = ctypes.CFUNCTYPE(None, doubles, i64, doubles, i64, whole, i64, i64, i64)(map_.address())
tile, ids, p = np.zeros((ROWS, STRIDE)), np.zeros(STRIDE, dtype=np.int64), np.array(params)
tile[RPP], tile[1] = 1.0, 1e-3
loop(tile.ctypes.data_as(doubles), LANES, p.ctypes.data_as(doubles), 1, ids.ctypes.data_as(whole), 0, 0, 0)
print(f"{tile[0, 0]:.9f}", len(set(cache_folder().glob("*.nbc")) - before))
"""


def start(root: Path, cache: Path | None, script: str = DRIFT, insert: str = "") -> subprocess.Popen[str]:
    """Begin a script with the package of a folder, and a cache folder of its own or (None) that of the suite."""
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {} if cache is None else {"SSMB_CACHE_DIR": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-c", script.replace("INSERT", insert)],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(process: subprocess.Popen[str]) -> tuple[str, int]:
    """Its x and the number of kernels that it added to the cache."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert err == ""
    x, new = out.split()
    return x, int(new)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(PACKAGE, tmp_path / "ssmb", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


RIGHT, WRONG = "0.002000001", "-0.002000001"


def test_an_edited_kernel_is_never_served_stale(copy: Path) -> None:
    """Edited while a program runs, the code that was imported is not kept under the hash of the new source: the next
    program compiles that. Restored, the old code is found again.
    """
    path, cache = copy / "ssmb" / "maps" / "flight.py", copy / "cache"
    change = f"import pathlib; q = pathlib.Path({str(path)!r}); q.write_text(q.read_text().replace('x + ', 'x - '))"
    assert result(start(copy, cache, insert=change)) == (RIGHT, 1)
    assert "return x - " in path.read_text(encoding="utf-8")
    assert result(start(copy, cache)) == (WRONG, 1)
    path.write_text(path.read_text(encoding="utf-8").replace("x - ", "x + "), encoding="utf-8")
    assert result(start(copy, cache)) == (RIGHT, 0)


def test_a_cold_cache_is_filled_by_two_at_once_and_mended_when_damaged(tmp_path: Path) -> None:
    """Truncated, one bit of the machine code flipped: never run, never an error, and mended."""
    cache = tmp_path / "cache"
    both = [start(PACKAGE.parent, cache) for _ in range(2)]
    assert {result(process)[0] for process in both} == {RIGHT}
    (file,) = (p for p in cache.rglob("*") if p.is_file())
    good = file.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    damage = [bytes(flipped), good[: len(good) // 2]]
    for bad in damage:
        file.write_bytes(bad)
        assert result(start(PACKAGE.parent, cache)) == (RIGHT, 0)
        assert file.stat().st_size > len(good) // 2
        assert file.read_bytes() != bad
    mended = file.stat().st_mtime_ns
    assert result(start(PACKAGE.parent, cache)) == (RIGHT, 0)
    assert file.stat().st_mtime_ns == mended  # found, not compiled again


@pytest.mark.parametrize("bad", [b"", b"x", b"\x80\x04N.", bytes(100)])
def test_files_that_are_no_cache(tmp_path: Path, bad: bytes) -> None:
    from ssmb.kernels.jit import _SealedFiles

    files = _SealedFiles(str(tmp_path), "kernel", "stamp")
    key = ("signature", ("x86",), "tile.kernel")
    assert files.load(key) is None
    files.save(key, ("code", 1))
    assert files.load(key) == ("code", 1)
    assert files.load(("another", *key[1:])) is None
    (file,) = tmp_path.iterdir()
    good = file.read_bytes()
    for i in range(len(good)):
        file.write_bytes(good[:i] + bytes([good[i] ^ 4]) + good[i + 1 :])
        assert files.load(key) is None
        file.write_bytes(good[:i])
        assert files.load(key) is None
    file.write_bytes(bad)
    assert files.load(key) is None
    file.unlink()
    file.mkdir()
    assert files.load(key) is None
    files.save(key, ("code", 1))  # cannot be written: no error


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    """It falls back to the user's cache folder."""
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    home = tmp_path / "home"
    script = f"import os; os.environ['XDG_CACHE_HOME'] = {str(home)!r}\n" + DRIFT
    assert result(start(PACKAGE.parent, blocked / "cache", script)) == (RIGHT, 1)
    assert len(list(home.rglob("*.nbc"))) == 1


KERNEL = """
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel

@kernel("mine", 1)
@scalar
def mine(x, px, y, py, z, delta, rpp, dbeta, p):
    return FACTOR * px, px, y, py, z, delta

map_, params = mine, (0.0,)
"""


#: Track a particle through the turn loop; what of numba was loaded for it, and the bits of the particle.
TURN = """
import sys
import numpy as np
from ssmb.beam import Reference
from ssmb.elements import Drift, Quadrupole
from ssmb.kernels import machine_code
from ssmb.lattice.program import compile_elements

INSERT
line = [Drift(name="d", length=1.0), Quadrupole(name="q", length=0.2, Kn1=1.5)]
end, _ = compile_elements(line, Reference(250e6)).propagate(np.full((6, 3), 1e-3))
print(end.tobytes().hex(), int("numba.cpython.unicode" in sys.modules))
"""


@pytest.mark.skipif(not helpers_are_known(), reason="a newer numba: raise _NEWEST_TRIED if this test holds with it")
def test_kernels_that_are_found_need_no_registries_of_numba() -> None:
    """They take a quarter of a second; the bits are those of kernels that numba compiles or loads in its own way."""
    compiled, _ = result(start(PACKAGE.parent, None, TURN))  # now, or by a test before
    assert result(start(PACKAGE.parent, None, TURN)) == (compiled, 0)
    assert result(start(PACKAGE.parent, None, TURN, "machine_code.helpers_are_known = lambda: False")) == (compiled, 1)


def test_a_kernel_that_calls_what_is_not_there_is_compiled_again(tmp_path: Path) -> None:
    """To link it would end the process."""
    assert result(start(PACKAGE.parent, tmp_path)) == (RIGHT, 1)
    (file,) = tmp_path.rglob("*.nbc")
    raw = read_sealed(file)
    assert raw is not None
    assert raw.startswith(b'{"entry"')
    file.write_bytes(sealed(raw.replace(b'"outer": [', b'"outer": ["no_such_function", ', 1)))
    assert result(start(PACKAGE.parent, tmp_path)) == (RIGHT, 0)
    assert b"no_such_function" not in file.read_bytes()


def test_a_kernel_of_the_user_is_never_kept(tmp_path: Path) -> None:
    """Its source is not in the name of the folder."""
    for factor in ("2.0", "3.0"):
        insert = KERNEL.replace("FACTOR", factor)
        assert result(start(PACKAGE.parent, tmp_path, insert=insert)) == (f"{float(factor) * 1e-3:.9f}", 0)


SUMS = """
import hashlib, numpy as np, ssmb
from ssmb.elements import Drift
from ssmb.buckets import MicroBucket
from ssmb.tracking import BucketMonitor, BunchingMonitor, MomentMonitor
rows = np.random.default_rng(1).normal(size=(6, 700)) * 1e-6
ring = ssmb.Lattice.from_elements([Drift(name="d", length=1.0)], ssmb.Reference(250e6))
seen = [MomentMonitor(), BunchingMonitor(None, [1e-6]), BucketMonitor(None, MicroBucket(1e-6, 1e-6, 100.0, 1e-4))]
run = ssmb.track(ring, ssmb.Beam(ring.reference, rows), 2, monitors=seen, threads=1)
kept = [(r, f) for r in run.monitors.values() for f in ("bunching", "sigma", "mean") if hasattr(r, f)]
found = [run.beam.coordinates, *(getattr(r, f) for r, f in kept)]
print(hashlib.sha256(b"".join(np.ascontiguousarray(f).tobytes() for f in found)).hexdigest())
"""


def test_who_compiles_gets_the_bits_of_who_loads(tmp_path: Path) -> None:
    """The turn loop and the sums: no part of them is called in another copy by the process that compiles it."""
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent), "SSMB_CACHE_DIR": str(tmp_path)}
    told = [
        subprocess.run([sys.executable, "-c", SUMS], env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert told[0] == told[1] != ""
