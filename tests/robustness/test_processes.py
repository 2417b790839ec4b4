"""Forks, threads of Python, environments and terminals: the same bits, or an error that says so."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.cli.main import main
from ssmb.elements import ELEMENTS, Drift
from ssmb.elements.linear_map import LinearMap
from ssmb.errors import ConfigError, LatticeError
from ssmb.kernels import jit, threads
from ssmb.kernels.philox import DRAW_BITS, ELEMENT_BITS, REPEAT_BITS, random_words
from ssmb.lattice.program import compile_elements
from ssmb.maps import synchrotron_radiation

ROOT = Path(__file__).parents[2]

#: Tracks, and sums the bunching; then in four threads of Python at once, and in a child of a fork.
WORK = """
import concurrent.futures, hashlib, multiprocessing, os, sys, threading
import numpy as np
import ssmb
from ssmb.elements.linear_map import LinearMap
from ssmb.kernels import threads as kernel_threads

kernel_threads.LEAST_NANOSECONDS = 1e-3  # wake them for little work, too
ref = ssmb.Reference(250e6)
rows = lambda m: tuple(map(tuple, m))
turn = LinearMap(name="m", length=1.0, matrix=rows(np.eye(6)), diffusion=rows(1e-12 * np.eye(6)))
ring = ssmb.Lattice.from_elements([turn], ref)
beam = ssmb.Beam.gaussian(ref, 1e-8 * np.eye(6), n=3000, charge=1e-12, seed=2)

def digest():
    end = ssmb.track(ring, beam, 5, seed=3).beam
    return hashlib.sha256(end.coordinates.tobytes() + ssmb.bunching_factor(end, [1e-3]).tobytes()).hexdigest()

def again(_):
    return digest()

def put(queue):
    queue.put(digest())
    queue.put(kernel_threads._helpers.started)

here, found = digest(), []
threads = [threading.Thread(target=lambda: found.append(digest())) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
context = multiprocessing.get_context("fork")
with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
    found += executor.map(again, range(3))
busy = threading.Thread(target=lambda: [digest() for _ in range(20)])
busy.start()
read, write = os.pipe()
if not os.fork():  # while a thread tracks; and the child of a child
    if not os.fork():
        os.write(write, digest().encode())
    os._exit(0)
found.append(os.read(read, 1000).decode())
busy.join()
queue = context.Queue()
child = context.Process(target=put, args=(queue,))
child.start()
forked, helpers = queue.get(timeout=100), queue.get(timeout=100)
child.join(100)
print(len(found), {here} == {*found, forked}, child.exitcode, helpers)
"""


def python(code: str, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *argv], env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True, text=True, encoding=environment.get("PYTHONIOENCODING"), timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_threads_and_forks() -> None:
    """A child of a fork has none of the threads of its parent, and starts its own."""
    done = python(WORK, NUMBA_NUM_THREADS="2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["8", "True", "0", "1"]


def test_what_goes_wrong_in_a_thread_reaches_the_caller() -> None:
    """Of any thread; the next call is served."""
    began: list[int] = []
    here = threading.local()
    both = threading.Barrier(2, timeout=100)

    def kernel(begin: int, end: int, bad: str) -> None:
        began.append(begin)
        if bad and not hasattr(here, bad):
            setattr(here, bad, True)
            both.wait()  # both threads have begun
            if threading.current_thread().name.startswith("ssmb") == (bad == "helper"):
                raise ZeroDivisionError(bad)

    for bad in ("helper", "caller"):
        with pytest.raises(ZeroDivisionError, match=bad):
            threads._spread(kernel, (bad,), 100, 2)
    began.clear()
    threads._spread(kernel, ("",), 100, 2)
    assert sorted(began) == [0, 12, 25, 37, 50, 62, 75, 87]


def test_threads_are_counted_for_each_caller() -> None:
    """What one thread of Python asks for is no matter of the others."""
    found = []
    with threads.thread_count(1):
        other = threading.Thread(target=lambda: found.append(threads._asked.threads))
        other.start()
        other.join()
        found.append(threads._asked.threads)
    assert found == [None, 1]
    with pytest.raises(ConfigError, match="only .* were set up; set NUMBA_NUM_THREADS before starting Python"):
        threads.thread_count(threads.most_threads() + 1).__enter__()


@pytest.mark.parametrize("given", ["0", "-1", "1.5", "two", "", " ", "1e3", "1000000", "0x2"])
def test_numbers_of_threads_that_are_none(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_NUM_THREADS", given)
    with pytest.raises(ConfigError, match=r"NUMBA_NUM_THREADS must be a whole number from 1 to 4096, not "):
        jit._check_number_of_threads()
    monkeypatch.setenv("NUMBA_NUM_THREADS", " 2 ")
    jit._check_number_of_threads()


MAIN = "import sys; from ssmb.cli.main import main; sys.exit(main(sys.argv[1:]))"


def test_environments_of_numba() -> None:
    """A number of threads that is none is an error; the layers of numba are no matter."""
    done = python(MAIN, "doctor", "--no-speed", NUMBA_NUM_THREADS="0")
    assert done.returncode == 2
    assert done.stderr.startswith("ssmb: error: ")
    assert "NUMBA_NUM_THREADS" in done.stderr
    assert "Traceback" not in done.stderr
    assert python(WORK, NUMBA_THREADING_LAYER="many", NUMBA_THREADING_LAYER_PRIORITY="omp tbb").returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_narrow_terminals(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text loses letters that the terminal has not; JSON loses nothing."""
    name = "λ\u2126µ"  # the last one is in cp1252
    shown = {"ascii": "\\u03bb\\u2126u", "cp1252": "\\u03bb\\u2126µ", "utf-8": name}[encoding]
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(sys, stream, io.TextIOWrapper(io.BytesIO(), encoding, errors="strict"))

    def printed(*argv: str) -> tuple[int, str, str]:
        code = main([*argv, name])
        texts = []
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            raw: Any = stream.buffer
            texts.append(raw.getvalue().decode(encoding))
            raw.seek(0)
            raw.truncate()
        return code, *texts

    assert printed("optics") == (2, "", f"ssmb: error: {shown}: there is no such file\n")
    assert json.loads(printed("check", "--json")[1])["errors"][0]["file"] == name
    assert sys.stdout.errors == "strict"


@pytest.mark.parametrize("verb", [["optics", str(ROOT / "lattices" / "mls.pals.yaml")], ["compare", "scanners"]])
def test_csv_goes_where_it_is_sent(verb: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """To a file beside the table on stdout; alone to stdout, by any of its names; to a device; not with JSON."""
    file = tmp_path / "a.csv"
    assert main([*verb, "--csv", str(file)]) == 0
    table = capfd.readouterr().out
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) > 5
    assert table
    assert text not in table
    for name in ("-", "/dev/stdout", "/dev/fd/1"):
        assert main([*verb, "--csv", name]) == 0
        assert capfd.readouterr().out.splitlines() == text.splitlines(), name
        assert main([*verb, "--csv", name, "--json"]) == 2
        assert "cannot both go to stdout" in capfd.readouterr().err
    assert main([*verb, "--csv", "/dev/stderr"]) == 0  # a file without a name, here
    both = capfd.readouterr()
    assert (both.out, both.err.splitlines()) == (table, text.splitlines())
    if Path("/dev/full").exists():
        assert main([*verb, "--csv", "/dev/full"]) == 4
        assert "the disk is full" in capfd.readouterr().err


# ---- random streams


def test_each_bit_of_a_counter_makes_another_draw() -> None:
    """Particle, turn, element with pass, draw and seed: each bit that is taken changes the numbers."""
    base: dict[str, Any] = {"seed": 5, "particle": 9, "turn": 3, "element": 7, "draw": 2}
    bits = {"seed": 63, "particle": 40, "turn": 40, "element": ELEMENT_BITS + REPEAT_BITS, "draw": DRAW_BITS}
    seen = set()
    for name, many in bits.items():
        for bit in range(many):
            key = base | {name: base[name] ^ (1 << bit)}
            seen.add(random_words((key["seed"], key["particle"], key["turn"], key["element"]), key["draw"]))
    assert len(seen) == sum(bits.values())


def test_what_the_counters_have_no_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = Reference(250e6)
    rows = np.zeros((6, 2))
    assert Beam(reference, rows, ids=[0, 2**40 - 1]).ids.tolist() == [0, 2**40 - 1]
    for wrong in ([0, 2**40], [-1, 0], [3, 3], [0, 2**62]):
        with pytest.raises(ConfigError, match=r"ids must be unique and lie from 0 to 2\^40 - 1"):
            Beam(reference, rows, ids=wrong)
    wiggler = ELEMENTS["Wiggler"].examples()[0]
    slices = sum(1 for op in compile_elements([wiggler], reference, "diffusion").ops)
    monkeypatch.setattr("ssmb.elements.placed.MOST_RADIATION_OPS", 2)
    with pytest.raises(LatticeError, match="radiates in .* slices, more than the"):
        compile_elements([wiggler], reference, "diffusion")
    assert slices > 4
    assert synchrotron_radiation.MOST_RADIATION_OPS * 2 == 2**DRAW_BITS
    compile_elements([wiggler], reference, "mean")  # draws nothing
    monkeypatch.setattr("ssmb.lattice.program.ELEMENT_BITS", 1)
    drifts = [Drift(name=f"d{i}", length=0.1) for i in range(3)]
    compile_elements(drifts, reference)  # draws nothing
    noise = next(one for one in LinearMap.examples() if one.diffusion)
    with pytest.raises(LatticeError, match="random numbers are for less than 2 elements, not 4"):
        compile_elements([*drifts, noise], reference)
