"""Cost of stations: processor time of turns of the MLS that stop, against whole turns, with photons.

    python benchmarks/stations.py

The stops do nothing: measured is the cut alone. With ``--whole FILE`` the processor time of whole turns is appended to
a file, one number a round, so that two versions of the package can be compared, run in turns.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import numpy as np

PARTICLES, TURNS, ROUNDS = 10_000, 12, 9
#: stops in a turn -> most that the ratio may be
GOALS = {4: 1.10, 20: 1.40, 100: None}


class Nothing:
    """A stop on every turn that does nothing."""

    def next_turn(self, turn: int) -> int:
        return turn

    def act(self, beam: object, turn: int) -> None:
        pass


def main() -> None:
    from ssmb import Beam, load_lattice
    from ssmb.lattice.program import compile_elements
    from ssmb.tracking import track

    lattice = load_lattice(Path(__file__).parents[1] / "lattices" / "mls.pals.yaml")
    program = compile_elements(lattice.elements, lattice.reference, radiation="quantum")
    sizes = np.array([1e-4, 1e-5, 1e-4, 1e-5, 1e-5, 1e-4])[:, None]
    beam = Beam(lattice.reference, np.random.default_rng(1).standard_normal((6, PARTICLES)) * sizes)
    track(program, beam, 1, threads=1)

    def spent() -> float:
        began = time.process_time()
        track(program, beam, TURNS, threads=1)
        return time.process_time() - began

    if "--whole" in sys.argv:
        with open(sys.argv[sys.argv.index("--whole") + 1], "a", encoding="utf-8") as file:
            file.writelines(f"{spent()}\n" for _ in range(ROUNDS))
        return

    from ssmb.tracking.monitors import Probes

    cuts = {n: [round(i * len(program.ops) / n) for i in range(n)] for n in GOALS}
    stops_before = Probes.stops
    times: dict[int, list[float]] = {n: [] for n in (0, *GOALS)}
    for _ in range(ROUNDS):  # all cases in turn, so that a busy machine slows all of them
        for n, kept in times.items():
            Probes.stops = lambda self, place, n=n: [(op, Nothing()) for op in cuts.get(n, ())]  # type: ignore[method-assign]
            kept.append(spent())
    Probes.stops = stops_before  # type: ignore[method-assign]
    print(
        f"{len(program.ops)} ops, {PARTICLES} particles: {1e9 * min(times[0]) / TURNS / PARTICLES:.0f} ns per "
        f"particle and turn"
    )
    print(f"{'stops a turn':>12s} {'ratio: median':>14s} {'of minima':>10s} {'goal':>6s}")
    for n, goal in GOALS.items():
        ratio = statistics.median(t / w for t, w in zip(times[n], times[0], strict=True))
        print(f"{n:12d} {ratio:14.3f} {min(times[n]) / min(times[0]):10.3f} {goal or '':>6}")


if __name__ == "__main__":
    main()
