"""Turns of many particles on MPI ranks: time of a turn, and what does not depend on the number of turns.

    python benchmarks/ranks.py [PARTICLES [TURNS [ROUNDS]]]
    mpirun -n 2 python benchmarks/ranks.py [PARTICLES [TURNS [ROUNDS]]]

MLS lattice with photons, moments and a bunch impedance of 257 bins, one thread for each rank; least wall time of some
rounds, so on a quiet machine. The second time is that of one turn, with hand-out, gathering and the kick that is
measured; ``(TURNS - 1)`` more turns take the rest.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from ssmb import Beam, load_lattice
from ssmb.collective import BunchImpedance
from ssmb.collective.impedances import Resonator
from ssmb.tracking import MomentMonitor, track
from ssmb.tracking.ranks import Ranks, leading, started_by_mpi
from ssmb.tracking.serving import serve

SIZES = np.array([1e-4, 1e-5, 1e-4, 1e-5, 3e-3, 4e-4])


def main(ranks: Ranks | None, particles: int, turns: int, rounds: int) -> None:
    lattice = load_lattice(Path(__file__).parents[1] / "lattices" / "mls.pals.yaml")
    rows = np.random.default_rng(1).normal(size=(6, particles)) * SIZES[:, None]
    beam = Beam(lattice.reference, rows, np.full(particles, 1e9 / particles))
    broad = Resonator(shunt_impedance=5e4, quality=1.0, frequency=30e9)
    wake = BunchImpedance(at=[lattice.elements[40].name], impedance=broad, window=(-0.03, 0.03))
    how = {"effects": [wake], "monitors": [MomentMonitor()], "radiation": "quantum", "threads": 1, "ranks": ranks}

    def spent(turns: int) -> float:
        began = time.perf_counter()
        track(lattice, beam, turns, **how)
        return time.perf_counter() - began

    spent(1)
    found = np.array([[spent(1), spent(turns)] for _ in range(rounds)]).min(axis=0)
    a_turn = (found[1] - found[0]) / (turns - 1)
    size = 1 if ranks is None else ranks.size
    print(f"{size} ranks, {particles} particles: {turns} turns {found[1]:.2f} s, one turn {found[0]:.2f} s")
    print(f"a turn {a_turn:.3f} s, the rest {found[0] - a_turn:.2f} s")


if __name__ == "__main__":
    given = [int(float(word)) for word in sys.argv[1:]]
    shared = started_by_mpi()
    if shared is not None and not shared.first:
        serve(shared)
    else:
        with leading(shared):
            main(shared, *(given + [1_000_000, 5, 3][len(given) :]))
