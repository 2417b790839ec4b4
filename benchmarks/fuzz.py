"""Feed the package with broken files and calls, and count what becomes of them.

    python benchmarks/fuzz.py                      # 10 000 lattice files, 10 000 run files, 1000 HDF5 files, 2000 calls
    python benchmarks/fuzz.py --calls 200          # less of one, the others as they are
    python benchmarks/fuzz.py --only calls --seed 7

Each part runs in a process of its own, whose peak memory is told. What must not be: an error that is not one of the
package, a call or a file that takes more than 5 s of the processor, a NaN without a word, a peak above 1 GB.
The mutations are those of ``tests/robustness``, of which the suite runs a short form.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: What a part may take [GB].
MOST_MEMORY = 1.0
#: Parts that are tests with a number of mutations: the number by default, and what runs them.
TESTS = {
    "lattices": (10_000, "test_hostile_lattices.py", "mutated"),
    "runs": (10_000, "test_hostile_run_files.py", "mutated or sound"),
    "hdf5": (1_000, "test_hostile_contents.py", ""),
}
CALLS = 2000


def tested(name: str, number: int) -> bool:
    """Run one of the parts that are tests; return whether all is well."""
    _, file, chosen = TESTS[name]
    words = [sys.executable, "-m", "pytest", "-q", "-s", f"tests/robustness/{file}", "-k", chosen or "test"]
    begin = time.perf_counter()
    with subprocess.Popen(
        words, cwd=ROOT, env=os.environ | {"SSMB_FUZZ": str(number)}, stdout=subprocess.PIPE, text=True
    ) as made:
        told = made.stdout.read() if made.stdout else ""
        _, status, used = os.wait4(made.pid, 0)
        made.returncode = os.waitstatus_to_exitcode(status)
    files = sum(int(line.rsplit(":", 1)[1]) for line in told.splitlines() if "changed files:" in line)
    memory = used.ru_maxrss / 1e6
    good = made.returncode == 0 and memory < MOST_MEMORY
    print(
        f"{name}: {files} files, peak {memory:.2f} GB, {time.perf_counter() - begin:.0f} s: {'good' if good else 'BAD'}"
    )
    if not good:
        print(told[-4000:])
    return good


def called(number: int, seed: int) -> bool:
    """Change one argument of the calls in the docstrings of the package; return whether all is well."""
    words = [sys.executable, __file__, "--inside", "--calls", str(number), "--seed", str(seed)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as made:
        told = made.stdout.read() if made.stdout else ""
        _, status, used = os.wait4(made.pid, 0)
        made.returncode = os.waitstatus_to_exitcode(status)
    memory = used.ru_maxrss / 1e6
    if made.returncode != 0:
        print(told[-4000:])
        return False
    found = json.loads(told.splitlines()[-1])
    good = memory < MOST_MEMORY and not found["wrong"]
    print(
        f"calls: {found['counts']} of {found['sound']} sound calls, peak {memory:.2f} GB: {'good' if good else 'BAD'}"
    )
    for what in found["wrong"]:
        print("  ", *what)
    return good


def calls_inside(number: int, seed: int) -> None:
    """The calls themselves, in the process that is watched; the last line is JSON."""
    sys.path.insert(0, str(ROOT))
    from tests.robustness.calls import modules, outcome, sound_calls

    by_name: dict[str, list] = {}
    for module in modules():
        for call in sound_calls(module):
            by_name.setdefault(call.name, []).append(call)
    chance, counts, wrong = random.Random(seed), Counter(), []
    names = sorted(by_name)
    for _ in range(number):
        words, changed = chance.choice(by_name[chance.choice(names)]).with_one(chance)
        kind, said = outcome(changed)
        counts[kind] += 1
        if kind not in ("refused", "result"):
            wrong.append((kind, words, said))
    print()
    print(json.dumps({"counts": counts, "sound": sum(map(len, by_name.values())), "wrong": wrong}))


def main() -> int:
    parser = argparse.ArgumentParser(description="broken files and calls, counted")
    for name, (number, *_) in TESTS.items():
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--seed", type=int, default=1, help="of the calls")
    parser.add_argument("--only", choices=(*TESTS, "calls"))
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        calls_inside(given.calls, given.seed)
        return 0
    good = [tested(name, getattr(given, name)) for name in TESTS if given.only in (None, name)]
    if given.only in (None, "calls"):
        good.append(called(given.calls, given.seed))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
