"""Mistakes that the tests must find: each is made in a copy of the package, and the tests named with it are run there.

    python benchmarks/mutants.py               # all, one after the other: killed or survived
    python benchmarks/mutants.py duty voltage  # those with one of these words in their names
    python benchmarks/mutants.py --list

A mistake is a regular expression that stands in one place of the package only, wherever that is, and what takes its
place; so code may move. One whose place is not found, or found twice, is told as such, and the exit code is 1 as for a
survivor.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Mutant:
    """A mistake.

    Parameters
    ----------
    name : in words.
    find, put : regular expression, and its replacement.
    tests : what pytest is given.
    interpreted : run the kernels as Python, so that nothing is compiled for a kernel that is wrong.
    """

    name: str
    find: str
    put: str
    tests: tuple[str, ...]
    interpreted: bool = False


_FIELDS = ("tests/facility/test_light_by_fields.py",)
_BY_HAND = ("tests/studies/test_numbers_by_hand.py",)
_TURNS = ("tests/schemes/test_closure_by_turns.py",)
_DAMPING = ("tests/physics/test_coasting_damping.py",)
_ELEMENTS = ("tests/physics/test_elements.py", "-k", "power_series or is_undone")
_DETUNED = ("tests/light/test_detuned_light.py",)

MUTANTS = (
    Mutant("incoherent power of a source "
           "doubled", r"incoherent_power=electrons \*", r"incoherent_power=2.0 * electrons *", _FIELDS),
    Mutant(
        "gain with the average current",
        r"gain=_gain\(exact, beam, train, wavelength\)",
        r"gain=_gain(exact, beam, filling.average_current, wavelength)",
        _FIELDS,
    ),
    Mutant(
        "loss in a radiator halved", r"incoherent_loss=exact\.energy_per_electron\(\)",
        r"incoherent_loss=0.5 * exact.energy_per_electron()", _FIELDS,
    ),
    Mutant(
        "incoherent power of a ring run doubled", r"incoherent_power=incoherent / duration",
        r"incoherent_power=2.0 * incoherent / duration", _BY_HAND,
    ),
    Mutant(
        "every radiator counts as in the lattice", r"incoherent=0\.0 if in_lattice else budget\.incoherent_loss",
        r"incoherent=0.0", _BY_HAND,
    ),
    Mutant(
        "no radiator counts as in the lattice", r"incoherent=0\.0 if in_lattice else budget\.incoherent_loss",
        r"incoherent=budget.incoherent_loss", _BY_HAND,
    ),
    Mutant("voltage of the cavities doubled", r"voltage=balance\.voltage", r"voltage=2.0 * balance.voltage", _BY_HAND),
    Mutant(
        "watts stored as joules", r"Dataset\(np\.asarray\(value\), of\.unit or \"1\"",
        r'Dataset(np.asarray(value), of.unit.replace("W", "J") or "1"', _BY_HAND,
    ),
    Mutant(
        "power declared in "
        "joules", r'"W", "average power of the same electrons', r'"J", "average power of the same electrons',
        _BY_HAND,
    ),
    Mutant("noise column shows the peak power", r'of\.light, "noise_power"', r'of.exit, "peak_power"', _BY_HAND),
    Mutant("coasting damping "
           "halved", r"vertical, 2\.0 \* \(z / y\) \* vertical", r"vertical, (z / y) * vertical", _DAMPING),
    Mutant("best duty "
           "doubled", r"1\.0 if rise <= 1\.0 else 1\.0 / rise", r"1.0 if rise <= 1.0 else 2.0 / rise", _TURNS),
    Mutant(
        "exponent of the power factor doubled", r"math\.exp\(-self\.smear_rate \* duty",
        r"math.exp(-2.0 * self.smear_rate * duty", _TURNS,
    ),
    Mutant("power factor squared", r"return math\.prod\(self\.factors\(\)\)", r"\g<0> ** 2", _TURNS),
    Mutant(
        "spot at the entrance x^2 + x^2", r"beam\.x\*\*2 \+ beam\.y\*\*2\) / w0", r"beam.x**2 + beam.x**2) / w0", _TURNS
    ),
    Mutant("spot at the exit x^2 + x^2", r"out\.x\*\*2 \+ out\.y\*\*2\) / w0", r"out.x**2 + out.x**2) / w0", _TURNS),
    Mutant(
        "spot of the light at the exit "
        "doubled", r"mode = self\.wavelength / \(4\.0 \* math\.pi\)\n(        return mode / )",
        r"mode = self.wavelength / (2.0 * math.pi)\n\1", _DETUNED,
    ),
    Mutant("detuning of the light not "
           "halved", r"_odd_mean\(s_x, s_y, 0\.5 \* detuning", r"_odd_mean(s_x, s_y, detuning", _DETUNED),
    Mutant(
        "normal decapole dropped", r"\(re \* x - im \* y\) \+ q\[4\]", r"(re * x - im * y)", _ELEMENTS, interpreted=True
    ),
    Mutant(
        "skew sextupole dropped", r"\(re \* y \+ im \* x\) \+ q\[8\]", r"(re * y + im * x)", _ELEMENTS, interpreted=True
    ),
    Mutant(
        "point of the inverse of lumped damping", r"\(about \+ change\)\.tolist", r"(about - change).tolist", _ELEMENTS,
        interpreted=True,
    ),
    Mutant("sign of the inverse of lumped "
           "damping", r"np\.eye\(6\) \+ matrix, -matrix", r"np.eye(6) + matrix, matrix", _ELEMENTS, interpreted=True),
)  # fmt: skip


def mutated(package: Path, mutant: Mutant) -> str:
    """Make the mistake in a copy of the package; return what is wrong with its place, or nothing."""
    places = []
    for file in sorted(package.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        found = list(re.finditer(mutant.find, text))
        places += [(file, text)] * len(found)
    if len(places) != 1:
        return f"its place is found {len(places)} times, in {', '.join(p.name for p, _ in places[:4]) or 'no file'}"
    file, text = places[0]
    file.write_text(re.sub(mutant.find, mutant.put, text), encoding="utf-8")
    return ""


def tests_pass(copy: Path, tests: tuple[str, ...], interpreted: bool) -> tuple[bool, str]:
    """Run tests in a copy; return whether they pass, and their last line."""
    env = os.environ | {"PYTHONPATH": str(copy), "MPLBACKEND": "Agg"}
    if interpreted:
        env |= {"NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    ended = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, check=False)
    lines = [line for line in ended.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if ended.returncode not in (0, 1) or any("::" not in line for line in lines):  # no test ran: that is no answer
        raise SystemExit(f"{' '.join(command)}\n{ended.stdout[-3000:]}{ended.stderr[-2000:]}")
    return ended.returncode == 0, (lines or ended.stdout.strip().splitlines()[-1:])[0][:150]


def main() -> int:
    """Make the mistakes and tell which were found."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("words", nargs="*", help="only those with one of these words in their names")
    words.add_argument("--list", action="store_true", help="only list them")
    args = words.parse_args()
    chosen = [m for m in MUTANTS if not args.words or any(w in m.name for w in args.words)]
    if args.list:
        print("\n".join(f"{m.name}: {' '.join(m.tests)}" for m in chosen))
        return 0
    alive = 0
    with tempfile.TemporaryDirectory(prefix="mutants_") as folder:
        copy = Path(folder)
        for name in ("tests", "lattices"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "runs"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        healthy: set[tuple[tuple[str, ...], bool]] = set()
        for mutant in chosen:
            shutil.rmtree(copy / "ssmb", ignore_errors=True)
            shutil.copytree(ROOT / "ssmb", copy / "ssmb", ignore=shutil.ignore_patterns("__pycache__"))
            of = mutant.tests, mutant.interpreted
            if of not in healthy:
                passed, told = tests_pass(copy, *of)
                if not passed:
                    raise SystemExit(f"the tests fail without a mistake: {told}")
                healthy.add(of)
            wrong = mutated(copy / "ssmb", mutant)
            if wrong:
                alive += 1
                print(f"NOT MADE  {mutant.name}: {wrong}", flush=True)
                continue
            passed, told = tests_pass(copy, *of)
            alive += passed
            print(f"{'SURVIVED' if passed else 'killed  '}  {mutant.name}: {told}", flush=True)
    print(f"{len(chosen) - alive} of {len(chosen)} killed")
    return 1 if alive else 0


if __name__ == "__main__":
    raise SystemExit(main())
