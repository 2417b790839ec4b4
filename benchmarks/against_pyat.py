"""Speed of ssmb against pyAT on the common ring, both timed in one process, in turn; prints a table.

python benchmarks/against_pyat.py            all settings
python benchmarks/against_pyat.py --guard    only the guarded ratio; exit code 1 below the limit
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import ring

GUARD = 12.0  # y4x10 at 10 000 particles, one thread: least ratio to pyAT that CI accepts


def rate(run: Callable[[int], None], particles: int, seconds: float) -> Callable[[], float]:
    """Return a function that times one round and gives particle-turns per second."""
    run(1)
    began = time.perf_counter()
    run(1)
    turns = max(1, int(seconds / max(time.perf_counter() - began, 1e-7)))

    def one_round() -> float:
        start = time.perf_counter()
        run(turns)
        return particles * turns / (time.perf_counter() - start)

    return one_round


def ssmb_runner(setting: str, particles: int, threads: int) -> Callable[[int], None]:
    """Turns of a beam through the compiled ring, without monitors."""
    from ssmb.kernels.threads import thread_count
    from ssmb.lattice.program import compile_elements

    lattice = ring.ssmb_ring(setting)
    program = compile_elements(lattice.elements, lattice.reference)
    state = {"c": ring.coordinates(particles)}

    def run(turns: int) -> None:
        with thread_count(threads):
            state["c"], _ = program.propagate(state["c"], turns=turns)

    return run


def pyat_runner(steps: int, exact: bool, particles: int) -> Callable[[int], None]:
    """Turns of a beam in pyAT, one thread."""
    import at

    lattice = ring.pyat_ring(steps, exact)
    c = ring.coordinates(particles)
    r = np.asfortranarray(np.vstack([c[:4], c[5:6], c[4:5]]))
    return lambda turns: at.lattice_track(lattice, r, turns, in_place=True, refpts=None) and None


def aperture() -> tuple[Callable[[], float], Callable[[], float]]:
    """Grids of 16 x 8 particles for 500 turns, of which about half are lost, in ssmb and in pyAT: grids a second."""
    import at

    from ssmb.kernels.threads import thread_count
    from ssmb.lattice.program import compile_elements

    made = ring.ssmb_ring("y4x10")
    program, lattice = compile_elements(made.elements, made.reference), ring.pyat_ring(10, False)
    c = np.zeros((6, 128))
    c[0], c[2] = np.tile(np.linspace(-0.014, 0.014, 16), 8), np.repeat(np.linspace(1e-4, 0.0125, 8), 16)

    def ours(turns: int) -> None:
        with thread_count(1):
            _, state = program.propagate(c, turns=turns)
        lost["ssmb"] = int(np.count_nonzero(state))

    def theirs(turns: int) -> None:
        r = np.asfortranarray(np.vstack([c[:4], c[5:6], c[4:5]]))
        at.lattice_track(lattice, r, turns, in_place=True, refpts=None)
        lost["pyAT"] = int(np.count_nonzero(~np.isfinite(r[0])))

    lost: dict[str, int] = {}

    def timed(run: Callable[[int], None]) -> Callable[[], float]:
        def one() -> float:
            began = time.process_time()
            run(500)
            return 1.0 / (time.process_time() - began)

        one()
        return one

    both = timed(ours), timed(theirs)
    print(f"aperture: of 128 particles {lost['ssmb']} (ssmb) and {lost['pyAT']} (pyAT) are lost")
    return both


def compare(label: str, ours: Callable[[], float], theirs: Callable[[], float], rounds: int) -> float:
    """Time both in turn; print the best of each and the median ratio of the pairs; return that ratio."""
    a, b = [], []
    for _ in range(rounds):
        a.append(ours())
        b.append(theirs())
    ratio = float(np.median(np.array(a) / np.array(b)))
    print(f"{label:44s} {max(a):12.4g} {max(b):12.4g} {ratio:8.1f}", flush=True)
    return ratio


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guard", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4)
    args = parser.parse_args()

    def pair(label: str, setting: str, steps: int, exact: bool, n: int) -> float:
        ours = rate(ssmb_runner(setting, n, 1), n, args.seconds)
        return compare(label, ours, rate(pyat_runner(steps, exact, n), n, args.seconds), args.rounds)

    print(f"{'particle-turns/s (best of the rounds)':44s} {'ssmb':>12s} {'pyAT':>12s} {'ratio':>8s}")
    guarded = pair("y4x10, N=10000", "y4x10", 10, False, 10_000)
    if args.guard:
        print(f"guard: {guarded:.1f} against a limit of {GUARD:g}")
        return 0 if guarded >= GUARD else 1
    pair("default (exact) / pyAT exact, N=10000", "default", 10, True, 10_000)
    pair("matrix / pyAT one step, N=10000", "matrix", 1, False, 10_000)
    pair("y4x1 / pyAT one step, N=10000", "y4x1", 1, False, 10_000)
    pair("y4x10, N=100", "y4x10", 10, False, 100)
    pair("y4x10, N=1", "y4x10", 10, False, 1)
    compare("aperture, 16 x 8 x 500 turns, y4x10 (grids/s)", *aperture(), args.rounds)
    from ssmb.kernels.threads import most_threads

    if most_threads() >= 2:
        two = rate(ssmb_runner("y4x10", 20_000, 2), 20_000, args.seconds)
        one = rate(ssmb_runner("y4x10", 20_000, 1), 20_000, args.seconds)
        compare("two threads / one thread, y4x10, N=20000", two, one, args.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
