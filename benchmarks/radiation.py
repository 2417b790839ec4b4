"""Cost of radiation in tracking, on the common ring with default maps: processor time against tracking without.

    python benchmarks/radiation.py

Also the time of the equilibrium (envelope) on the compiled ring.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import ring

PARTICLES, TURNS, ROUNDS = 10_000, 10, 9
LIMITS = {"mean": 1.5, "quantum": 2.5, "diffusion": 2.5}


def main() -> None:
    from ssmb.equilibrium import equilibrium
    from ssmb.kernels.jit import numba
    from ssmb.lattice.program import compile_elements

    lattice = ring.ssmb_ring("default")
    numba.set_num_threads(1)
    modes = ("off", *LIMITS)
    programs = {m: compile_elements(lattice.elements, lattice.reference, radiation=m) for m in modes}
    c = ring.coordinates(PARTICLES)
    for program in programs.values():
        program.propagate(c[:, :256])
    times: dict[str, list[float]] = {m: [] for m in modes}
    for _ in range(ROUNDS):
        for mode, program in programs.items():
            began = time.process_time()
            program.propagate(c, turns=TURNS)
            times[mode].append((time.process_time() - began) / TURNS / PARTICLES)
    print(f"{'radiation':12s} {'ns per particle and turn':>26s} {'ratio':>8s} {'goal':>6s}")
    for mode in modes:
        ratio = statistics.median(t / o for t, o in zip(times[mode], times["off"], strict=True))
        print(f"{mode:12s} {1e9 * min(times[mode]):26.0f} {ratio:8.2f} {LIMITS.get(mode, 1.0):6.1f}")
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
