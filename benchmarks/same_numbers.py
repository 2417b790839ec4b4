"""Every number of the package, before and after a change of the code.

    python benchmarks/same_numbers.py record OLD.json --tree ../before     # a checkout of the code before
    python benchmarks/same_numbers.py record NEW.json                      # this checkout
    python benchmarks/same_numbers.py compare OLD.json NEW.json [--reasons REASONS.json]

``record`` runs what a user runs, in a process of its own for each: every run file (its JSON, every array and number of
its HDF5 files, ``ssmb power`` and ``ssmb bunching`` of the folder), ``ssmb optics`` and ``ssmb equilibrium`` of every
lattice, the tables of ``ssmb compare``, and every notebook (what it prints, and each number and array that is in its
variables at the end). It knows nothing of the package but its command line, so it runs against any version; each tree
uses its own lattices and run files. Runs of more than a few minutes have a reduced size (`REDUCED`) unless ``--full``
is given. The recorded numbers are no part of the repository: record them of a checkout of the version to compare with
(`REASONS` is about the one before the stations, commit 4e4107f) on the machine on which the other side is recorded.

``compare`` lists each number that differs by more than 1e-12, each that only the old side has, and counts identical
bits. The difference of an array is its largest one over its largest magnitude. A number that is missing under its name
and whose bits stand under one new name only has moved; `RENAMES` tells the other moves. Each difference that has a
reason matches a pattern of `REASONS`, or of a JSON file with rows [pattern, reason, largest difference], and is not
larger than that. Exit code 1: one has no reason, or is larger.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

TOLERANCE = 1e-12
#: numbers of an array that are kept as they are; of a longer one as many, evenly spread, and a hash of all
KEPT = 256
#: run file -> values that take the place of its own, where the run would take long
REDUCED = {
    "mls_pop2.run.yaml": ("beam.particles=4096", "track.turns=200", "laser.turns=200"),
    "mls_ssmb.run.yaml": ("beam.particles=2048", "track.turns=2000", "laser.turns=2000"),
    "ssmb_vuv.run.yaml": ("beam.particles=8192", "track.turns=200", "laser.turns=200", "source.mean_over=100"),
    "ssmb_euv.run.yaml": ("beam.particles=32768", "closure.particles=8192"),
    "ssmb_euv_515.run.yaml": ("beam.particles=32768", "closure.particles=8192"),
}
#: old name (regular expression) -> new name, for numbers that moved and changed bits at once
RENAMES: dict[str, str] = {
    r"(/run\.h5/results/light/\d+)/((?:in)?coherent_energy)$": r"\1/signal/\2",
    r"(/lights/\d+)/(average_power|in_band_power|peak_power|divergence_[xy])$": r"\1/exit/\2",
    r"(/lights/\d+)/(bunching|noise_power)$": r"\1/light/\2",
    r"(/lights/\d+)/undulator_k$": r"\1/light/undulator/k",
    r"/closure/magnets$": "/path_error",
    r"/closure/thick$": "/thick",
    r"/intrabeam/power_kept$": "/power_kept",
    r"/lines/power$": "/line_power",
    r"(/run\.h5/results)/beam/": r"\1/start/",
    r"(/run\.h5/results)/insertion/": r"\1/findings/",
}


class Reason(NamedTuple):
    """Why numbers differ whose name matches a regular expression, and by how much at most.

    The difference is relative; infinity: they are missing.
    """

    pattern: str
    why: str
    most: float


#: The first that matches counts.
REASONS = (
    Reason(r"^optics/.*/DDP?Y$", "a line without vertical dispersion of second order: the rounding of zero", 2.0),
    Reason(
        r"^(optics|run/mls_pop/run\.h5/optics)/(.*/)?(alpha_c\d?|slip_factor\d?|dq[xy]2?|gamma_t)$|^optics/.*/DD\w+$",
        "closed orbits are found closer, and difference quotients of them over the momentum round elsewhere: a "
        "chromaticity that is corrected to 5e-9 moves by 3e-11",
        6e-3,
    ),
    Reason(r"^equilibrium/.*/SIGP?Y$", "a ring without vertical emittance: the rounding of zero", 1.0),
    Reason(r"^equilibrium/", "damping is a small difference of large numbers about a closer closed orbit", 2e-8),
    Reason(
        r"^notebook/0(1|5)_\w+/(printed/(# particles|vertical|largest)|variables/(cases|members|changes|eta|mean|n|"
        r"powers|spread|tracked|form|found|worst)\b)",
        "fewer powers, spreads and particles are tracked",
        np.inf,
    ),
    Reason(
        r"^notebook/03_\w+/(printed/tracked|variables/(worst|tracked))",
        "the departure of tracked lengths from the envelope, 1.5e-4, is a small difference",
        0.5,
    ),
    Reason(r"/energy_imbalance$", "stored once, as the imbalance of the source: rounding of some ulp", np.inf),
    Reason(
        r"/(insertion|source|findings)/imbalance$|^power/ssmb_euv/imbalance$",
        "rounding: what the light takes from the electrons equals what it has to 3 ulp, of either sign",
        2.0,
    ),
    Reason(
        r"run/ssmb_vuv/run\.h5/(monitors/moments@RAD/mean|results/source/lights/\d/light/(intensity|solid|theta_[xy]))$",
        "the beam has another emittance (below): means are noise, and directions of the light follow its size",
        np.inf,
    ),
    Reason(
        r"notebook/06_euv_source/printed/(beyond|emittance growth|equilibrium emittance|growth by|path error|p?[xy]\b)",
        "the closure is told with units, in the digits that are there",
        np.inf,
    ),
    Reason(
        r"/particles/\w+\.h5/ssmb/(coordinates|extra)/",
        "a particle file holds each number once: coordinates follow from position, momentum and time",
        np.inf,
    ),
    Reason(
        r"/light/(theta_[xy]|solid|intensity|field|direction)$",
        "far fields have as many angles as the particles need (the same power to 1e-13), and are kept",
        np.inf,
    ),
    Reason(r"/run\.h5/optics/[A-Z]+$", "the optics are stored whole under their own names, not as 15 columns", np.inf),
    Reason(r"/bucket@\w+/bucket$", "a bucket is stored by the names of its numbers, not as a row of eight", np.inf),
    Reason(
        r"run/(mls_ssmb|ssmb_vuv)/(run\.h5/optics/)?(q[xys]|alpha_c|slip_factor2?)$",
        "the optics of a run with a ring model are those of the ring: tunes with their whole part, slip without light",
        1.2,
    ),
    Reason(
        r"(closed_form_bunching|buckets/\d/(amplitude|half_height|tune)|energy/laser_peak)$",
        "the modulation is measured with 16 electrons over beta lambda (256 over lambda before)",
        1.5e-5,
    ),
    Reason(
        r"run/mls_ssmb/buckets/\d/(lifetime|turns/\d+/(captured|sigma_z|sigma_delta))$|run/mls_ssmb/.*@MODULATOR/(capt"
        r"ured|captured_sigma|sigma)$",
        "another realisation of the noise (below), seen in sums over 2048 particles",
        0.2,
    ),
    Reason(
        r"(run|bunching)/mls_pop2/",
        "last bits of the start beam (below): |b| agrees to 8e-15 on turn 1, and chaos at the separatrix makes 7e-9 "
        "by turn 50, 1e-5 by turn 80 and another realisation by turn 140",
        2.1,
    ),
    Reason(
        r"notebook/06_euv_source/printed/# nm:",
        "the beam is the equilibrium of the 600 MeV ring, whose scattering is made anew",
        0.2,
    ),
    Reason(
        r"(run|bunching)/mls_ssmb/",
        "the noise has another realisation: the signs of the columns of its root followed the last bit of its square; "
        "with the root of today in the code of then, |b| agrees to 6e-15 on turn 10, and chaos at the separatrix makes "
        "4e-9 of that by turn 70 and 1e-4 by turn 160",
        2.1,
    ),
    Reason(
        r"((run|power|bunching)/ssmb_(vuv|euv(_515)?)|notebook/06_euv_source)/(.*/)?(intrabeam|limits|steps|lights?|beam|"
        r"source|monitors|closure)/",
        "scattering is integrated along each element until it is converged, and carries a range; that of the 600 MeV "
        "ring is made anew",
        0.4,
    ),
    Reason(r"compare/scanners/rates/", "nxe3100 of unknown transmission has no model rate: others moved up", np.inf),
    Reason(
        r"(compare/roadmap/.*/shortage/|notebook/10_euv_sources_and_chips/printed/)",
        "years of shortage are those of four scanners on each source, in place of one source",
        np.inf,
    ),
    Reason(
        r"notebook/05_coherent_undulator_light/printed/(FEL|SSMB)",
        "rows that hang on one assumed input are printed with its interval, in the digits that this leaves",
        np.inf,
    ),
    Reason(
        r"run/mls_\w+/buckets/\d/lifetime$",
        "the lifetime of a bucket is that of what is alive and captured: losses count, too",
        0.2,
    ),
    Reason(
        r"(run|power)/ssmb_vuv/.*(source/|lights/\d+/|lines/|intrabeam/|energy/|buckets/|captured$|charge$|weight$)",
        "the beam is the equilibrium of its ring instead of typed numbers, its charge that of 1 A instead of 5 digits",
        0.15,
    ),
    Reason(
        r"(run|power|bunching)/ssmb_vuv/",
        "the same, in single particles, means (which are noise) and the phase of the bunching (centred at 1.7e-4)",
        1.0,
    ),
    Reason(
        r"run/mls_pop2/run\.h5/monitors/bucket@U125/captured(_mean)?$",
        "the border of the bucket moved by 1e-6 with the measured modulation: one electron of 4096 is beyond it",
        4e-4,
    ),
    Reason(r"run/mls_pop2/run\.h5/monitors/bucket@", "the bucket has the measured modulation as its depth", 5e-8),
    Reason(
        r"(run|power|bunching)/mls_\w+/.*(coherent_(power|energy)|crossover_charge)$|notebook/01_mls_proof_of_principle/.*"
        r"(coherent|ratio|signal|crossover)",
        "few periods: exact field of an electron with end poles, where the closed form of the light was off by more "
        "than 2 % (by 31 % in the incoherent light of the second harmonic)",
        0.4,
    ),
    Reason(
        r"(run|bunching)/mls_pop(_exported)?/|notebook/01_mls_proof_of_principle/",
        "a thick modulator keeps its steps when the light goes off: the integration error of a wiggler without light",
        1e-8,
    ),
    Reason(
        r"((run|power|bunching)/ssmb_euv|notebook/06_euv_source)/",
        "own light and space charge act between the modulators of the insertion",
        np.inf,
    ),
    Reason(
        r"((run|power|bunching)/ssmb_euv(_515)?|notebook/06_euv_source)/",
        "the laser of an insertion is the thin laser of the package, which kicks the angles, too (Panofsky-Wenzel)",
        4e-2,
    ),
    Reason(
        r"^(run|power|bunching|notebook|compare/schemes)",
        "start beams come of factors by plain arithmetic, not of LAPACK: last bits of each particle",
        1e-7,
    ),
    Reason(
        r"/(monitors|buckets|bunching)/|(run|bunching)/.*/(bunching|captured|sigma|mean)",
        "sums of monitors are formed eight particles side by side, and phases of bunching are exact",
        1e-9,
    ),
)
#: names of what is no result: time, machine, layout of the file
NO_RESULT = re.compile(
    r"provenance|thread|wall|elapsed|seconds|processor|version|schema|created|openpmd|unitSI|unitDimension|timeOffset",
    re.IGNORECASE,
)
TABLES = (
    ("compare", "schemes"),
    ("compare", "generations"),
    ("compare", "sources"),
    ("compare", "scanners"),
    ("compare", "roadmap"),
)
_CLI = "import sys; from ssmb.cli.main import main; sys.exit(main(sys.argv[1:]))"
#: runs a notebook and leaves its numbers; written as text because it runs in the process of the notebook
_NOTEBOOK = """
import json, runpy, sys
sys.path.insert(0, sys.argv[3])
from same_numbers import numbers_of
left = runpy.run_path(sys.argv[1], run_name="__main__")
shown = {k: v for k, v in left.items() if not k.startswith("_")}
with open(sys.argv[2], "w") as file:
    json.dump(numbers_of(shown, "variables"), file)
"""


def leaf(values: Any) -> dict[str, Any] | None:
    """Return a number or array as it is kept, or None if it is none."""
    array = np.asarray(values)
    if array.dtype.kind not in "biufc" or array.size == 0:
        return None
    flat = np.ascontiguousarray(array.astype(complex if array.dtype.kind == "c" else float)).ravel()
    some = flat if flat.size <= KEPT else flat[np.linspace(0, flat.size - 1, KEPT).astype(int)]
    parts = [some.real, some.imag] if some.dtype.kind == "c" else [some]
    return {
        "size": int(flat.size),
        "bits": hashlib.sha256(flat.tobytes()).hexdigest()[:24],
        "largest": float(np.max(np.abs(flat))) if np.all(np.isfinite(flat)) else None,
        "values": [[v if np.isfinite(v) else str(v) for v in part.tolist()] for part in parts],
    }


def numbers_of(thing: Any, name: str, depth: int = 0) -> dict[str, Any]:
    """Return all numbers in dicts, lists, tuples and arrays, by name."""
    if depth > 8 or NO_RESULT.search(name):
        return {}
    if isinstance(thing, dict):
        if set(thing) == {"real", "imag"} and None not in thing.values():
            return numbers_of(complex(thing["real"], thing["imag"]), name, depth + 1)
        return {k: v for key, item in thing.items() for k, v in numbers_of(item, f"{name}/{key}", depth + 1).items()}
    if isinstance(thing, (list, tuple)):
        whole = _as_array(thing)
        if whole is None:
            items = enumerate(thing)
            return {k: v for i, item in items for k, v in numbers_of(item, f"{name}/{i}", depth + 1).items()}
        thing = whole
    if isinstance(thing, (bool, int, float, complex, np.ndarray, np.generic)):
        kept = leaf(thing)
        return {name: kept} if kept else {}
    return {}


def _as_array(items: Any) -> np.ndarray | None:
    """Rows of numbers as one array; None for anything else."""
    if not items or any(isinstance(item, (dict, str)) or item is None for item in items):
        return None
    try:
        array = np.asarray(items)
    except (ValueError, TypeError):
        return None
    return array if array.dtype.kind in "biufc" else None


def numbers_of_hdf5(path: Path, name: str) -> dict[str, Any]:
    """Return the numbers of every dataset of an HDF5 file, and of the constant records of openPMD."""
    import h5py

    found: dict[str, Any] = {}

    def visit(place: str, item: Any) -> None:
        value = item[()] if isinstance(item, h5py.Dataset) else item.attrs.get("value")
        if value is not None:
            found.update(numbers_of(np.asarray(value), f"{name}/{place}"))

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def numbers_of_text(text: str, name: str) -> dict[str, Any]:
    """Return the numbers that a text prints; each is named by its line with the numbers left out."""
    number = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
    seen: Counter[str] = Counter()
    found: dict[str, Any] = {}
    for line in text.splitlines():
        label = " ".join(number.sub("#", line).split())
        seen[label] += 1
        for i, value in enumerate(number.findall(line)):
            found |= numbers_of(float(value), f"{name}/{label}/{seen[label]}.{i}")
    return found


class Recorder:
    """Runs the command line of one tree and gathers what it answers."""

    def __init__(self, tree: Path, threads: int, full: bool) -> None:
        self.tree, self.threads, self.full = tree, threads, full
        self.numbers: dict[str, Any] = {}
        self.ended: dict[str, int] = {}
        self.work = Path(tempfile.mkdtemp(prefix="same_numbers_"))
        for folder in ("lattices", "notebooks"):
            shutil.copytree(tree / folder, self.work / folder, ignore=shutil.ignore_patterns("runs"))

    def process(self, name: str, code: str, arguments: tuple[str, ...], where: Path) -> str:
        """Run Python on a text of code; return what it printed and note how it ended."""
        paths = os.pathsep.join(p for p in (str(self.tree), os.environ.get("PYTHONPATH", "")) if p)
        more = {"PYTHONPATH": paths, "MPLBACKEND": "Agg", "SSMB_NOTEBOOK_REDUCED": "1"}
        more |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        start = time.monotonic()
        ended = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, *arguments],
            cwd=where,
            env=os.environ | more,
            capture_output=True,
            text=True,
            check=False,
        )
        self.ended[name] = ended.returncode
        last = ended.stderr.strip().splitlines()[-1:] if ended.returncode else []
        print(f"{time.monotonic() - start:7.1f} s  exit {ended.returncode}  {name} {' '.join(last)[:150]}", flush=True)
        return ended.stdout

    def command(self, name: str, *arguments: str) -> None:
        """Run the command line with --json and keep its numbers; an error has none."""
        printed = self.process(name, _CLI, (*arguments, "--json"), self.work / "lattices")
        if self.ended[name] == 0:
            self.numbers |= numbers_of(json.loads(printed), name)

    def run(self, file: str) -> None:
        """Do a run and keep its summary and its files."""
        name, folder = f"run/{file.removesuffix('.run.yaml')}", self.work / "runs" / file
        sizes = () if self.full else REDUCED.get(file, ())
        more = ("--set", *sizes) if sizes else ()
        threads = ("--threads", str(self.threads))
        self.command(name, "run", file, "--folder", str(folder), "--no-figures", *threads, *more)
        for stored in sorted(folder.rglob("*.h5")) if folder.is_dir() else ():
            if "checkpoint" not in stored.name:
                self.numbers |= numbers_of_hdf5(stored, f"{name}/{stored.relative_to(folder)}")
        for verb in ("bunching", "power"):
            self.command(f"{verb}/{file.removesuffix('.run.yaml')}", verb, str(folder))

    def notebook(self, text: str) -> None:
        """Execute a notebook's text form; keep what it prints and the numbers in its variables."""
        name, left = f"notebook/{text.removesuffix('.py')}", self.work / f"{text}.json"
        beside = str(Path(__file__).resolve().parent)
        printed = self.process(name, _NOTEBOOK, (text, str(left), beside), self.work / "notebooks")
        if self.ended[name] == 0:
            self.numbers |= numbers_of_text(printed, f"{name}/printed")
            self.numbers |= {f"{name}/{key}": value for key, value in json.loads(left.read_text()).items()}

    def all(self, only: str) -> None:
        """Record everything whose name holds `only`."""
        for name, step in self.steps():
            if only in name:
                step()

    def steps(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """All that there is to run, quick things first."""
        for lattice in sorted(p.name for p in (self.tree / "lattices").glob("*.pals.yaml")):
            for verb in ("optics", "equilibrium"):
                name = f"{verb}/{lattice.removesuffix('.pals.yaml')}"
                yield name, lambda name=name, verb=verb, lattice=lattice: self.command(name, verb, lattice)
        for words in TABLES:
            yield "/".join(words), lambda words=words: self.command("/".join(words), *words)
        for text in sorted(p.name for p in (self.tree / "notebooks").glob("*.py")):
            yield f"notebook/{text}", lambda text=text: self.notebook(text)
        for file in sorted(p.name for p in (self.tree / "lattices").glob("*.run.yaml")):
            yield f"run/{file}", lambda file=file: self.run(file)


def record(args: argparse.Namespace) -> int:
    """Run everything and write the numbers."""
    recorder = Recorder(Path(args.tree).resolve(), args.threads, args.full)
    try:
        recorder.all(args.only)
    finally:
        shutil.rmtree(recorder.work, ignore_errors=True)
    sizes = {} if args.full else {k: list(v) for k, v in REDUCED.items()}
    out = {"tolerance": TOLERANCE, "sizes": sizes, "ended": recorder.ended, "numbers": recorder.numbers}
    Path(args.out).write_text(json.dumps(out, indent=0), encoding="utf-8")
    print(f"{len(recorder.numbers)} numbers and arrays of {len(recorder.ended)} commands in {args.out}")
    return 0


def _one_value(kept: dict[str, Any]) -> dict[str, Any]:
    """Return a column of one real value as that value, anything else as it is: openPMD has both forms."""
    value = float(kept["values"][0][0])
    column, alone = leaf(np.full(kept["size"], value)), leaf(value)
    return alone if alone and column and column["bits"] == kept["bits"] else kept


def difference(old: dict[str, Any], new: dict[str, Any]) -> float:
    """Return the relative difference: 0 for the same bits, infinity for another size, place of NaN or infinity."""
    if old["bits"] == new["bits"]:
        return 0.0
    if old["size"] != new["size"]:
        old, new = _one_value(old), _one_value(new)
        if old["bits"] == new["bits"]:
            return 0.0
    if old["size"] != new["size"] or len(old["values"]) != len(new["values"]):
        return np.inf
    a, b = (np.array(kept["values"], dtype=float) for kept in (old, new))
    odd = ~np.isfinite(a) | ~np.isfinite(b)
    if np.any(odd & ~((a == b) | (np.isnan(a) & np.isnan(b)))):
        return np.inf
    scale = max(old["largest"] or 0.0, new["largest"] or 0.0, np.max(np.abs(a[~odd]), initial=0.0))
    return float(np.max(np.abs(a - b)[~odd], initial=0.0) / scale) if scale else 0.0


def renamed(name: str) -> str:
    """Return the new name of an old number."""
    for old, new in RENAMES.items():
        name = re.sub(old, new, name)
    return name


def moved_to(missing: list[str], added: list[str], old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    """Return old name -> new name of numbers with the same bits, of the same command where there are several."""
    places: dict[str, list[str]] = {}
    for name in added:
        places.setdefault(new[name]["bits"], []).append(name)
    moves: dict[str, str] = {}
    for name in missing:
        here = [n for n in places.get(old[name]["bits"], ()) if n.split("/")[:2] == name.split("/")[:2]]
        alike = [n for n in here if n.split("/")[-1] == name.split("/")[-1]]
        # one value of few digits (0, 1, a count) stands in many places: its last name must agree too
        telling = old[name]["size"] > 1 or not float(old[name]["largest"] or 0.0).is_integer()
        if alike or (here and telling):
            moves[name] = (alike or here)[0]
    return moves


def compare(args: argparse.Namespace) -> int:
    """Print what differs and return 1 if a difference has no reason."""
    before, after = (json.loads(Path(p).read_text(encoding="utf-8")) for p in (args.old, args.new))
    more = json.loads(Path(args.reasons).read_text(encoding="utf-8")) if args.reasons else []
    reasons = (*(Reason(*row) for row in more), *REASONS)
    old = {renamed(k): v for k, v in before["numbers"].items()}
    new = after["numbers"]
    missing, added = sorted(set(old) - set(new)), sorted(set(new) - set(old))
    moves = moved_to(missing, added, old, new)
    gaps = {name: difference(old[name], new[name]) for name in old if name in new}
    used: Counter[str] = Counter()

    def why(name: str, gap: float) -> str:
        for reason in reasons:
            if re.search(reason.pattern, name):
                used[reason.why] += gap <= reason.most
                return reason.why if gap <= reason.most else ""
        return ""

    wrong = 0
    for name, gap in sorted(gaps.items(), key=lambda item: -item[1]):
        if gap > TOLERANCE:
            reason = why(name, gap)
            wrong += not reason
            if not reason or args.all:
                print(f"differs {gap:9.2e}  {name}  {_shown(old[name])} -> {_shown(new[name])}  {reason}")
    for name in missing:
        if name not in moves:
            reason = why(name, np.inf)
            wrong += not reason
            if not reason or args.all:
                print(f"missing            {name}  {_shown(old[name])}  {reason}")
    for name in sorted(set(before["ended"]) | set(after["ended"])):
        codes = before["ended"].get(name), after["ended"].get(name)
        if codes[0] != codes[1]:
            reason = why(f"exit/{name}", np.inf)
            wrong += not reason
            print(f"exit code          {name}  {codes[0]} -> {codes[1]}  {reason}")
    if args.all:
        for name, place in moves.items():
            print(f"moved              {name} -> {place}")
        for name in sorted(set(added) - set(moves.values())):
            print(f"new                {name}  {_shown(new[name])}")
    if before["sizes"] != after["sizes"]:
        print("the two were recorded with different sizes of runs: their runs cannot be compared")
        wrong += 1
    same = sum(old[name]["bits"] == new[name]["bits"] for name in gaps)
    close = sum(0.0 < gap <= TOLERANCE for gap in gaps.values())
    print(f"{len(old)} old, {len(new)} new: {same} have the same bits in place, {len(moves)} in another place,")
    print(f"{close} are within {TOLERANCE:g}, {len(added) - len(set(moves.values()))} are only new;")
    for why_it_differs, count in used.most_common():
        print(f"{count} differ or are missing because: {why_it_differs}")
    print(f"{wrong} differ or are missing without a reason")
    return 1 if wrong else 0


def _shown(kept: dict[str, Any]) -> str:
    values = [v for part in kept["values"] for v in part]
    return f"{values[0]!r}" if len(values) == 1 else f"[{kept['size']}; largest {kept['largest']}]"


def main() -> int:
    """Read the command line."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = words.add_subparsers(required=True)
    recording = verbs.add_parser("record", help="run everything and write its numbers")
    recording.add_argument("out", metavar="OUT.json")
    recording.add_argument("--tree", default=Path(__file__).resolve().parents[1], help="checkout (default: this one)")
    recording.add_argument("--threads", type=int, default=1, help="threads of a run (default 1)")
    recording.add_argument("--full", action="store_true", help="runs as they are shipped, none reduced")
    recording.add_argument("--only", default="", help="only what has this in its name, such as run/mls_pop")
    recording.set_defaults(do=record)
    comparing = verbs.add_parser("compare", help="list the numbers that differ")
    comparing.add_argument("old", metavar="OLD.json")
    comparing.add_argument("new", metavar="NEW.json")
    comparing.add_argument(
        "--reasons", metavar="FILE", help="JSON: rows [regular expression on the name, reason, most]"
    )
    comparing.add_argument("--all", action="store_true", help="also list what moved, is new or has a reason")
    comparing.set_defaults(do=compare)
    args = words.parse_args()
    return args.do(args)


if __name__ == "__main__":
    raise SystemExit(main())
