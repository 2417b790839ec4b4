"""Cost of radiation in tracking, on the common ring with default maps: processor time against tracking without.

    python benchmarks/radiation.py

Also the time of the equilibrium (envelope) on the compiled ring.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

os.environ["NUMBA_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parent))
import ring

PARTICLES, TURNS, ROUNDS = 10_000, 10, 9
#: what is tracked -> (radiation, opening angle, goal of the ratio)
CASES = {
    "mean": ("mean", False, "1.5"),
    "quantum": ("quantum", False, "2.5"),
    "diffusion": ("diffusion", False, ""),
    "quantum, opening angle": ("quantum", True, ""),
    "diffusion, opening angle": ("diffusion", True, ""),
}


def main() -> None:
    from ssmb.dynamics import equilibrium
    from ssmb.lattice.program import compile_elements
    from ssmb.maps.radiation import Radiation

    lattice = ring.ssmb_ring("default")
    programs = {"off": compile_elements(lattice.elements, lattice.reference)}
    for name, (radiation, angle, _) in CASES.items():
        programs[name] = compile_elements(lattice.elements, lattice.reference, Radiation(radiation, angles=angle))
    c = ring.coordinates(PARTICLES)
    for program in programs.values():
        program.propagate(c[:, :256])
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(ROUNDS):  # all cases in turn, so that a busy machine slows all of them
        for name, program in programs.items():
            began = time.process_time()
            program.propagate(c, turns=TURNS)
            times[name].append((time.process_time() - began) / TURNS / PARTICLES)
    print(f"{'radiation':26s} {'ns per particle and turn':>26s} {'ratio: median':>14s} {'of minima':>10s} {'goal':>6s}")
    for name, spent in times.items():
        ratio = statistics.median(t / o for t, o in zip(spent, times["off"], strict=True))
        goal = CASES[name][2] if name in CASES else ""
        print(f"{name:26s} {1e9 * min(spent):26.0f} {ratio:14.2f} {min(spent) / min(times['off']):10.2f} {goal:>6s}")
    program = compile_elements(lattice.elements, lattice.reference, radiation="envelope")
    equilibrium(program)
    spent = []
    for _ in range(9):
        began = time.process_time()
        equilibrium(program)
        spent.append(time.process_time() - began)
    print(f"equilibrium after compilation: median {1e3 * statistics.median(spent):.1f} ms (goal 40)")


if __name__ == "__main__":
    main()
