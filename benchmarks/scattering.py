"""Cost of scattering: turns with it against turns without, and a kick against that of xtrack; one thread.

    python benchmarks/scattering.py

Processor time, both in one process and in turns. xtrack (extra ``interop``; with xfields): ``IBSKineticKick(50)``
behind one ``LineSegmentMap``, rates every 50 turns, as here.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from ssmb import Beam, Reference, load_lattice
from ssmb.collective import Intrabeam
from ssmb.kernels.threads import thread_count
from ssmb.lattice.program import compile_elements
from ssmb.tracking import track
from ssmb.tracking.stations import Place

ROUNDS = 5
SIZES = np.array([1e-4, 1e-5, 1e-4, 1e-5, 1e-3, 1e-4])


def spent(do: Any) -> float:
    began = time.process_time()
    do()
    return time.process_time() - began


def beam_of(reference: Reference, n: int, electrons: float) -> Beam:
    rows = np.random.default_rng(1).standard_normal((6, n)) * SIZES[:, None]
    return Beam(reference, rows, electrons / n)


def in_a_ring() -> None:
    """Turns of the MLS with a place every 5 m, against turns without."""
    lattice = load_lattice(Path(__file__).parents[1] / "lattices" / "mls.pals.yaml")
    program = compile_elements(lattice.elements, lattice.reference)
    print(f"{'particles':>9s} {'turns with scattering':>26s} {'ratio: median':>14s} {'of minima':>10s} {'goal':>6s}")
    cases: dict[str, list[Intrabeam]] = {
        "none": [],
        "local": [Intrabeam(at=5.0, coulomb_log=10.0)],
        "local, every 50": [Intrabeam(at=5.0, coulomb_log=10.0, every=50)],
        "integrated, every 50": [Intrabeam(at=5.0, coulomb_log=10.0, ring=lattice, every=50)],
    }

    def turns(beam: Beam, name: str) -> float:
        """Time of the turns behind the first, on which every kick is measured for the budget."""
        few = 400_000 // len(beam)
        many, less = (
            spent(lambda n=n: track(program, beam, n, threads=1, effects=cases[name])) for n in (3 * few, few)
        )
        return many - less

    for n in (10_000, 100_000):
        beam = beam_of(lattice.reference, n, 1e8)
        times: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(ROUNDS):
            for name, kept in times.items():
                kept.append(turns(beam, name))
        print(f"{n:9d} {'none':>26s} {1e9 * min(times['none']) / 800_000:10.0f} ns a particle and turn")
        for name, kept in list(times.items())[1:]:
            ratio = statistics.median(t / w for t, w in zip(kept, times["none"], strict=True))
            print(f"{n:9d} {name:>26s} {ratio:14.2f} {min(kept) / min(times['none']):10.2f} {1.5:6.1f}")


def of_a_kick() -> None:
    """One kick of 1e5 particles, moments included, and one of xtrack."""
    import xfields as xf
    import xtrack as xt

    n, reference = 100_000, Reference(6e8)
    beam = beam_of(reference, n, 1e9)
    effect, here = Intrabeam(at="m", every=50), Place(0, "m", 0.0, 1.0, 60.0)
    state = {"element": np.zeros(1), "turn": np.full(1, -1.0), "rates": np.zeros((1, 2, 6, 6))}
    turn = iter(range(10_000_000))

    def ours() -> None:
        effect.kick(beam, effect.total(effect.sums(beam, state)), state, next(turn), here)

    segment = xt.LineSegmentMap(length=60.0, qx=3.23, qy=2.31, qs=0.01, betx=5.0, bety=5.0, bets=10.0)
    lines = []
    for elements, names in (([segment, xf.IBSKineticKick(num_slices=50)], ["map", "ibs"]), ([segment.copy()], ["map"])):
        line = xt.Line(elements, element_names=names)
        line.particle_ref = xt.Particles(mass0=xt.ELECTRON_MASS_EV, q0=-1, energy0=reference.energy)
        line.build_tracker()
        lines.append(line)
    lines[0].xfields.ibs_configure(update_every=50)
    x, px, y, py, z, delta = beam.coordinates
    particles = [line.build_particles(x=x, px=px, y=y, py=py, zeta=z, delta=delta, weight=1e9 / n) for line in lines]
    works = [ours, lambda: lines[0].track(particles[0]), lambda: lines[1].track(particles[1])]
    with thread_count(1):
        for work in works:
            work()
        times = np.array([[min(spent(work) for _ in range(5)) for work in works] for _ in range(ROUNDS)]) * 1e9 / n
    own, whole, alone = times.T
    print(f"a kick of {n} particles, ns a particle: {own.min():.1f}; xtrack {np.min(whole - alone):.1f}")
    ratio = np.median((whole - alone) / own)
    print(f"ratio: median {ratio:.1f}, of minima {np.min(whole - alone) / own.min():.1f}; goal 10")


if __name__ == "__main__":
    in_a_ring()
    of_a_kick()
