"""Mistakes at random in the physics: how many of them do the tests find?

    python benchmarks/random_mutants.py FOLDER --seed 1                     # 200 of them; FOLDER keeps what is done
    python benchmarks/random_mutants.py FOLDER --only 12 57 -- tests/light  # some of them again, by these tests
    python benchmarks/random_mutants.py FOLDER --mode copy --only 12 -- tests/light  # with the kernels compiled anew
    python benchmarks/random_mutants.py FOLDER --list

A mistake (see mistakes.py) is made in one function of the rooms of the physics, in memory: a process that has collected
the tests runs all of them once to see which of them reach the place, then forks for each mistake, puts the wrong code
into the function and runs those tests, until one fails. This is done with the compiler off (mistakes in kernels, which
are Python there; tests above a time limit are left out) and on (all other code). What the first cannot reach is tried
in a copy of the package. A seed draws other mistakes when the rooms have changed. Needs a system that can fork.

A survivor is no proof of a gap. Each is looked at, and gets a test or a line in SAME_PROMISE with the reason.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import gc
import importlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import pytest
from mistakes import ROOMS, ROOT, Mutant, sample
from numba.core.registry import CPUDispatcher

from ssmb.kernels import jit, machine_code

OF_KERNELS = ("kernels", "maps", "elements")
TESTS = {
    "off": "beam buckets collective contract crosscode dynamics elements light physics ring_models schemes tracking",
    "on": "light schemes facility physics contract beamlines buckets collective dynamics elements beam ring_models "
    "studies tracking crosscode lithography",
}
#: Processor seconds that a test may take to be used.
LONGEST = {"off": 10.0, "on": 30.0}
#: Processor seconds that the tests of one mistake may take together.
ENOUGH = 60.0

#: Survivors that break no promise: part of what is printed of them, and the reason.
SAME_PROMISE = {
    "stumpff_integrals: c2 * u + 1.5619": "the last of a series, 4e-19 beside 0.5 where it is used",
    "mean_curvature: middle + half * n -> ": "nodes and weights of Gauss are the same from either end",
    "mean_curvature: s - middle -> ": "a phase that all share, in the sum above and below the line",
    "_limit_loop.loop: py -> px": "no aperture looks at momenta",
    "by_hand: x -> y": "zero times either, for the shape",
    "whole_line: 0.5 + self.phase_error -> ": "what a phase error does is even in it: the electrons have all phases",
    "optimise_echo: 0.002 * ": "size of the first simplex of a search",
    "_best_form_factor: 4.0 / ": "end of the grid on which a maximum is looked for first",
    "_gain: 0.001 * ": "least size, for a beam without any: a convention",
    "_rows: beam.py -> beam.px": "half the square of an angle, beside one: beyond the paraxial light",
    "sigma: np.cos(phi) - 1.0 -> np.cos(phi) + 1.0": "a factor of the density, which is divided by its sum",
    "_rates: -limits[:, 0] -> ": "an acceptance enters by its square",
    "haissinski_bunch: high - low -> ": "step by which the window of a search grows",
    "_many_fringes: directions * nodes * poles": "time that a refused call would take, for the words of the error",
}


class _Swap(ast.NodeTransformer):
    """Put something else in the place of one node."""

    def __init__(self, node: ast.AST, put: ast.AST) -> None:
        self.node, self.new = node, put

    def visit(self, node: ast.AST) -> ast.AST:
        return ast.copy_location(self.new, node) if node is self.node else self.generic_visit(node)


class _Mark(ast.NodeTransformer):
    """Let places tell that they are reached."""

    def __init__(self, places: dict[ast.AST, list[int]]) -> None:
        self.places = places

    def visit(self, node: ast.AST) -> ast.AST:
        told, node = self.places.get(node, []), self.generic_visit(node)
        inner = node.value if isinstance(node, ast.AugAssign) else node
        for number in told:
            told_so = ast.Call(ast.Name("__reached__", ast.Load()), [ast.Constant(number)], [])
            both = ast.Tuple([told_so, inner], ast.Load())
            inner = ast.copy_location(ast.Subscript(both, ast.Constant(1), ast.Load()), inner)
        if isinstance(node, ast.AugAssign):
            node.value = inner
            return node
        return inner


def _codes(code: CodeType) -> list[CodeType]:
    return [code, *(c for const in code.co_consts if isinstance(const, CodeType) for c in _codes(const))]


class Live:
    """The functions of the package in this process, whose code can be changed."""

    def __init__(self) -> None:
        compiled = {id(kernel.py_func) for kernel in gc.get_objects() if type(kernel) is CPUDispatcher}
        self.by_place: dict[tuple[str, str, int], list[FunctionType]] = {}
        for function in gc.get_objects():
            if type(function) is FunctionType and id(function) not in compiled:
                code = function.__code__
                place = code.co_filename, code.co_qualname, code.co_firstlineno
                self.by_place.setdefault(place, []).append(function)

    def change(self, file: str, tree: ast.Module) -> None:
        """Give all functions of a file the code of another syntax tree."""
        name = str(ROOT / file)
        for code in _codes(compile(ast.fix_missing_locations(tree), name, "exec")):
            for function in self.by_place.get((name, code.co_qualname, code.co_firstlineno), ()):
                if len(code.co_freevars) == len(function.__code__.co_freevars):
                    function.__code__ = code


class TooLong(Exception):
    """A test takes more time than it may."""


def _stop(signum: int, frame: object) -> None:
    raise TooLong


class Plugin:
    """Takes the place of pytest's loop over the tests."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked, self.mode, self.folder = asked, asked["mode"], Path(asked["folder"])
        self.failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep which test failed, and why."""
        if report.failed and not self.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.failed = f"{report.nodeid}: {getattr(crash, 'message', '')}".splitlines()[0][:200]

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Find which tests reach which mistake, then make one after the other."""
        self.session = session
        trees, mutants = sample(self.asked["count"], self.asked["seed"], self.asked["rooms"])
        for file in trees:  # those that would be imported later, too
            importlib.import_module(file.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
        self.trees, self.live = trees, Live()
        wanted = {number: mutants[number] for number in self.asked["numbers"]}
        reached = self.reach(wanted)
        for number, mutant in wanted.items():
            tests = _ordered(reached.get(number, []), session.items)
            began, outcome = time.time(), ["unreached", ""]
            if tests:
                outcome = self.forked(lambda m=mutant, t=tests: self.trial(m, t), limit=600.0) or ["killed", "a crash"]
            done = {"number": number, "mode": self.mode, "outcome": outcome[0], "by": outcome[1], "tests": len(tests)}
            with (self.folder / "outcomes.jsonl").open("a") as f:
                f.write(json.dumps(done | {"mutant": str(mutant), "seconds": round(time.time() - began, 1)}) + "\n")
        return True

    def forked(self, work: Any, limit: float) -> Any:
        """Run work in a copy of this process; return what it returns, or None."""
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
                reporter = self.session.config.pluginmanager.get_plugin("terminalreporter")
                reporter._tw._file = open(os.devnull, "w")  # noqa: SIM115
                signal.signal(signal.SIGPROF, _stop)
                os.write(write, json.dumps(work()).encode())
            except BaseException:
                (self.folder / f"crash_{self.mode}.txt").write_text(traceback.format_exc())
            finally:
                os._exit(0)
        os.close(write)
        ready = select.select([read], [], [], limit)[0]
        told = os.read(read, 100_000) if ready else b'["killed", "takes too long"]'
        os.close(read)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return json.loads(told) if told else None

    def reach(self, wanted: dict[int, Mutant]) -> dict[int, list[tuple[str, float]]]:
        """Tests that reach each mistake, and their time; kept in the folder."""
        file = self.folder / f"reach_{self.mode}.jsonl"
        if self.asked["again"]:
            file.unlink(missing_ok=True)
        left = {item.nodeid: item for item in self.session.items}
        reached: dict[int, list[tuple[str, float]]] = {}
        while True:
            for line in file.read_text().splitlines() if file.exists() else ():
                test = json.loads(line)
                if left.pop(test["test"], None):
                    for number in test["reached"]:
                        reached.setdefault(number, []).append((test["test"], test["seconds"]))
            if not left:
                return reached
            told = list(left)
            self.forked(lambda: self.look(wanted, list(left.values()), file), limit=7200.0)
            done = {json.loads(line)["test"] for line in file.read_text().splitlines()} if file.exists() else set()
            lost = [name for name in told if name not in done][:1]  # took the process with it: counts as done
            with file.open("a") as f:
                f.writelines(json.dumps({"test": name, "seconds": 0.0, "reached": []}) + "\n" for name in lost)

    def look(self, wanted: dict[int, Mutant], items: list[pytest.Item], file: Path) -> None:
        """Run all tests with the places of the mistakes marked."""
        by_file: dict[str, dict[ast.AST, list[int]]] = {}
        for number, mutant in wanted.items():
            by_file.setdefault(mutant.file, {}).setdefault(mutant.node, []).append(number)
        for name, places in by_file.items():
            self.live.change(name, _Mark(places).visit(self.trees[name]))
        reached: set[int] = set()
        builtins.__reached__ = reached.add  # pyright: ignore[reportAttributeAccessIssue]
        with file.open("a") as f:
            for item, after in zip(items, [*items[1:], None], strict=True):
                reached.clear()
                seconds = self.run(item, after, LONGEST[self.mode])
                of = [] if self.failed else sorted(reached)
                f.write(json.dumps({"test": item.nodeid, "seconds": round(seconds, 3), "reached": of}) + "\n")
                f.flush()

    def run(self, item: pytest.Item, after: pytest.Item | None, limit: float) -> float:
        """Run one test; return its processor time, and leave in ``failed`` whether it failed."""
        self.failed, began = "", time.process_time()
        signal.setitimer(signal.ITIMER_PROF, limit)
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        except TooLong:  # outside of what pytest guards
            self.failed = item.nodeid
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        return time.process_time() - began

    def trial(self, mutant: Mutant, tests: list[pytest.Item]) -> list[str]:
        """Make a mistake, and run tests until one fails."""
        # nothing wrong into the cache of the kernels
        jit._SealedFiles.save = machine_code.NativeStore.save_overload = lambda *_: None
        self.live.change(mutant.file, _Swap(mutant.node, mutant.put).visit(self.trees[mutant.file]))
        for item, after in zip(tests, [*tests[1:], None], strict=True):
            self.run(item, after, 5.0 * LONGEST[self.mode])
            if self.failed:
                return ["killed", self.failed]
        return ["SURVIVED", ""]


def _ordered(reached: list[tuple[str, float]], items: list[pytest.Item]) -> list[pytest.Item]:
    """Tests file by file (so that fixtures are made once), the quickest files first, up to the time of one mistake."""
    by_name, by_file = {item.nodeid: item for item in items}, dict[str, list[tuple[float, str]]]()
    for test, seconds in reached:
        if test in by_name:
            by_file.setdefault(test.split("::")[0], []).append((seconds, test))
    chosen, total = [], 0.0
    for tests in sorted(by_file.values(), key=lambda tests: sum(seconds for seconds, _ in tests)):
        for seconds, test in sorted(tests):
            if total + seconds <= ENOUGH:
                chosen.append(by_name[test])
                total += seconds
    return chosen


def outcomes(folder: Path) -> dict[int, dict[str, Any]]:
    """What is known of each mistake: killed once is killed, survived is more than unreached."""
    file, rank = folder / "outcomes.jsonl", ["unreached", "SURVIVED", "killed"]
    best: dict[int, dict[str, Any]] = {}
    for line in file.read_text().splitlines() if file.exists() else ():
        done = json.loads(line)
        was = best.get(done["number"])
        if was is None or rank.index(done["outcome"]) >= rank.index(was["outcome"]):
            best[done["number"]] = done
    return best


def main() -> int:
    """Read the words of the command line and go."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("folder", type=Path)
    words.add_argument("tests", nargs="*", help="files or folders of tests; all of physics without")
    words.add_argument("--count", type=int, default=200)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--only", type=int, nargs="*", help="numbers of mistakes to try again")
    words.add_argument("--room", nargs="*", default=list(ROOMS), help="rooms of the package")
    words.add_argument("--mode", nargs="*", default=["off", "on"], choices=("off", "on", "copy"), help="compiler")
    words.add_argument("--list", action="store_true", help="only list the mistakes, and what is known of them")
    args, options = words.parse_known_intermixed_args()
    args.tests += options
    args.folder.mkdir(parents=True, exist_ok=True)
    _, mutants = sample(args.count, args.seed, args.room)
    for mode in args.mode if not args.list else ():
        known = outcomes(args.folder) if args.only is None else {}
        wanted = range(len(mutants)) if args.only is None else args.only
        numbers = [i for i in wanted if known.get(i, {}).get("outcome") != "killed"]
        if mode == "copy":
            numbers = [i for i in numbers if i in (args.only or numbers)]
        elif mode == "off":
            numbers = [i for i in numbers if mutants[i].room in OF_KERNELS]
        else:
            numbers = [i for i in numbers if mutants[i].room not in OF_KERNELS or not mutants[i].nested]
            numbers.sort(key=lambda i: mutants[i].room in OF_KERNELS)
        if mode == "copy":
            in_copies(numbers, mutants, args)
        elif numbers:
            session(mode, numbers, args)
    return told(args.folder, mutants)


def session(mode: str, numbers: list[int], args: argparse.Namespace) -> None:
    """Try mistakes in a process with the compiler on or off."""
    asked = {
        "mode": mode, "numbers": numbers, "folder": str(args.folder.resolve()), "count": args.count, "seed": args.seed,
        "rooms": args.room, "again": args.only is not None,
    }  # fmt: skip
    env = os.environ | {
        "MPLBACKEND": "Agg",
        "RANDOM_MUTANTS": json.dumps(asked),
        "PYTHONPATH": str(ROOT / "benchmarks"),
    }
    env["HYPOTHESIS_STORAGE_DIRECTORY"] = str(args.folder.resolve() / "hypothesis")
    if mode == "off":
        env["NUMBA_DISABLE_JIT"] = "1"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "random_mutants", "-p", "no:cacheprovider", "-p", "no:xdist"]
    tests = args.tests or [f"tests/{room}" for room in TESTS[mode].split()]
    subprocess.run([*command, *tests], cwd=ROOT, env=env, check=False)


def in_copies(numbers: list[int], mutants: list[Mutant], args: argparse.Namespace) -> None:
    """Make each mistake in a copy of the package, with a cache of kernels of its own, and run the tests there."""
    for number in numbers:
        mutant, began = mutants[number], time.time()
        with tempfile.TemporaryDirectory(prefix="mutant_") as name:
            copy = Path(name)
            for room in ("ssmb", "tests", "lattices"):
                shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__", "runs"))
            shutil.copy(ROOT / "pyproject.toml", copy)
            (copy / mutant.file).write_text(mutant.text((ROOT / mutant.file).read_text(encoding="utf-8")), "utf-8")
            env = os.environ | {"PYTHONPATH": name, "SSMB_CACHE_DIR": f"{name}/cache", "MPLBACKEND": "Agg"}
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-x",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:xdist",
                *args.tests,
            ]
            ended = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, check=False)
        by = [line for line in ended.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        outcome = "killed" if by or ended.returncode not in (0, 1) else "SURVIVED"
        done = {"number": number, "mode": "copy", "outcome": outcome, "by": (by or [""])[0][:200]}
        with (args.folder / "outcomes.jsonl").open("a") as f:
            f.write(json.dumps(done | {"mutant": str(mutant), "seconds": round(time.time() - began, 1)}) + "\n")


def told(folder: Path, mutants: list[Mutant]) -> int:
    """Print what survived, and how many of each kind were killed."""
    known, counts, alive = outcomes(folder), dict[str, list[int]](), 0
    for number, mutant in enumerate(mutants):
        outcome = known[number]["outcome"] if number in known else "not tried"
        reason = next((why for words, why in SAME_PROMISE.items() if words in str(mutant)), "")
        row = counts.setdefault(mutant.kind, [0, 0, 0, 0])
        row[["killed", "SURVIVED", "unreached", "not tried"].index(outcome)] += 1
        if outcome != "killed":
            alive += not reason
            print(f"{number:4d} {outcome} {mutant}" + (f"\n     no promise broken: {reason}" if reason else ""))
    for kind, row in counts.items():
        print(
            f"{kind}: {row[0]} of {sum(row)} killed, {row[1]} survived, {row[2]} reached by no test, {row[3]} not tried"
        )
    return 1 if alive else 0


if "RANDOM_MUTANTS" in os.environ and __name__ == "random_mutants":

    def pytest_configure(config: pytest.Config) -> None:
        """Hook of pytest, which loads this file as a plugin."""
        config.pluginmanager.register(Plugin(json.loads(os.environ["RANDOM_MUTANTS"])))


if __name__ == "__main__":
    raise SystemExit(main())
