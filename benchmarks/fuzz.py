"""Feed the package with broken files and calls, and count what becomes of them.

    python benchmarks/fuzz.py                      # 10 000 lattice files, 10 000 run files, 1000 HDF5 files, 2000 calls
    python benchmarks/fuzz.py --calls 200          # less of one, the others as they are
    python benchmarks/fuzz.py --only calls --seed 7

Each part runs in a process of its own, whose peak memory is told. What must not be: an error that is not one of the
package, a call or a file that takes more than 5 s of the processor, a NaN without a word, a peak above 1 GB.

Lattice and run files are those of the tests of ``tests/robustness`` with more mutations. HDF5 files are a run, its
particles, a stage and a checkpoint, changed at one to three places and sealed again. Calls are those of docstrings, and
of what is public and has none, what its annotations ask for; one argument is replaced by what nobody means. What would
take more than 5 s or 1 GB must be refused by its own estimate, good to a factor of 3: the limits of ``ssmb.costs``
are set to a third and a half of these, and one thread computes.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: What a part may take [GB].
MOST_MEMORY = 1.0
#: A call or a file that holds the process for so long [s] ends it, and its words are the last that are printed.
STUCK = 120.0
#: Parts that are tests with a number of mutations: the number by default, and what runs them.
TESTS = {
    "lattices": (10_000, "test_hostile_lattices.py", "mutated"),
    "runs": (10_000, "test_hostile_run_files.py", "mutated or sound"),
}
#: Parts that are drawn here.
DRAWN = {"hdf5": 1000, "calls": 2000}


def watched(words: list[str], **more: str) -> tuple[int, str, float]:
    """Run a process; return its exit code, what it printed, and its peak memory [GB]."""
    with subprocess.Popen(words, cwd=ROOT, env=os.environ | more, stdout=subprocess.PIPE, text=True) as made:
        told = made.stdout.read() if made.stdout else ""
        _, status, used = os.wait4(made.pid, 0)
        made.returncode = os.waitstatus_to_exitcode(status)
    return made.returncode, told, used.ru_maxrss / 1e6


def tested(name: str, number: int) -> bool:
    """Run one of the parts that are tests; return whether all is well."""
    _, file, chosen = TESTS[name]
    begin = time.perf_counter()
    words = [sys.executable, "-m", "pytest", "-q", "-s", f"tests/robustness/{file}", "-k", chosen]
    code, told, memory = watched(words, SSMB_FUZZ=str(number))
    files = sum(int(line.rsplit(":", 1)[1]) for line in told.splitlines() if "changed files:" in line)
    good = code == 0 and memory < MOST_MEMORY
    print(
        f"{name}: {files} files, peak {memory:.2f} GB, {time.perf_counter() - begin:.0f} s: {'good' if good else 'BAD'}"
    )
    if not good:
        print(told[-4000:])
    return good


def drawn(name: str, number: int, seed: int) -> bool:
    """Run one of the parts that are drawn here; return whether all is well."""
    words = [sys.executable, __file__, "--inside", name, f"--{name}", str(number), "--seed", str(seed)]
    code, told, memory = watched(words, PYTHONPATH=str(ROOT), NUMBA_NUM_THREADS="1")
    if code != 0:
        print(f"{name}: the process ended with {code} at {told[-2000:]}")
        return False
    found = json.loads(told.splitlines()[-1])
    good = memory < MOST_MEMORY and not found["wrong"]
    print(
        f"{name}: {number}, seed {seed}, of {found['of']}: {found['counts']}, longest {found['longest']:.1f} s of the "
        f"processor, peak {memory:.2f} GB: {'good' if good else 'BAD'}"
    )
    for what in found["wrong"]:
        print("  ", *what)
    return good


def inside(name: str, number: int, seed: int) -> None:
    """What is drawn, in the process that is watched; the last line is JSON."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)  # a call may write a file under any name
        of, draw = (files if name == "hdf5" else calls)(Path(place), chance)
        counts: Counter[str] = Counter()
        wrong, longest = [], 0.0
        for _ in range(number):
            faulthandler.dump_traceback_later(STUCK, exit=True)
            begin = time.process_time()
            words, kind, said = draw()
            longest = max(longest, time.process_time() - begin)
            counts[kind] += 1
            if kind not in ("refused", "result"):
                wrong.append((kind, words, said))
        faulthandler.cancel_dump_traceback_later()
        os.chdir(ROOT)
    print()
    print(json.dumps({"counts": counts, "of": of, "longest": longest, "wrong": wrong}))


def files(place: Path, chance: random.Random) -> tuple[str, Callable[[], tuple[str, str, str]]]:
    """Changed HDF5 files."""
    from tests.robustness.contents import sealed_files

    sound = sealed_files(place)
    return f"{len(sound)} kinds of files", lambda: chance.choice(sound).changed(chance)


def calls(place: Path, chance: random.Random) -> tuple[str, Callable[[], tuple[str, str, str]]]:
    """Changed calls."""
    from tests.robustness.calls import every_call, outcome

    by_name = every_call()
    names = sorted(by_name)

    def draw() -> tuple[str, str, str]:
        words, changed = chance.choice(by_name[chance.choice(names)]).with_one(chance)
        print(words, flush=True)
        return words, *outcome(changed)

    return f"{sum(map(len, by_name.values()))} sound calls of {len(names)} functions, classes and methods", draw


def main() -> int:
    parser = argparse.ArgumentParser(description="broken files and calls, counted")
    for name, number in ({name: of[0] for name, of in TESTS.items()} | DRAWN).items():
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--seed", type=int, default=1, help="of HDF5 files and calls")
    parser.add_argument("--only", choices=(*TESTS, *DRAWN))
    parser.add_argument("--inside", choices=tuple(DRAWN), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        inside(given.inside, getattr(given, given.inside), given.seed)
        return 0
    good = [tested(name, getattr(given, name)) for name in TESTS if given.only in (None, name)]
    good += [drawn(name, getattr(given, name), given.seed) for name in DRAWN if given.only in (None, name)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
