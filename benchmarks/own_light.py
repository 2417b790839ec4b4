"""Cost of the own light of a radiator of 100 periods, for 1e5 particles: sums and kick, against tracking two waves.

    python benchmarks/own_light.py

Best of some rounds, in one process; ``sums and kick of a wave`` are those of one harmonic of an impedance (the same
phases and energies, without the variation across the beam).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import numpy as np

PARTICLES, ROUNDS = 100_000, 25
#: most that one kick may take [s]
GOAL = 2e-3


def best(act: Callable[[], object]) -> float:
    """Shortest time of one call [s]."""
    act()
    spent = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        act()
        spent.append(time.perf_counter() - began)
    return min(spent)


def main() -> None:
    from ssmb.beam import Beam, Reference
    from ssmb.collective import OwnLight, TrainImpedance
    from ssmb.kernels.threads import most_threads, thread_count
    from ssmb.maps.undulator import Undulator
    from ssmb.tracking.stations import Place

    reference, here = Reference(600e6), Place(0, "RAD", 0.0)
    undulator = Undulator.resonant(reference, 13.5e-9, 0.02, 100)
    sizes = np.array([5e-5, 1e-6, 5e-5, 1e-6, 3e-9, 1e-5])[:, None]
    rows = np.random.default_rng(1).standard_normal((6, PARTICLES)) * sizes
    beam = Beam(reference, rows, np.full(PARTICLES, 1e4))
    light = OwnLight(
        at="RAD", wavelength=13.5e-9, current=1.0, sigma_x=5e-5, sigma_y=5e-5, period=0.02, periods=100,
        deflection=undulator.k,
    )  # fmt: skip
    wave = TrainImpedance(at="RAD", impedance=lambda k: 1e3 + 0.0 * k, wavelength=13.5e-9, current=1.0)
    print("| effect, threads | sums | kick | together |")
    for threads in range(1, most_threads() + 1):
        with thread_count(threads):
            for name, effect in (
                ("a wave", wave),
                *((f"own light, order {n}", dataclasses.replace(light, order=n)) for n in (0, 2, 4, 6)),
            ):
                total = effect.total(effect.sums(beam, {}))
                sums = best(lambda effect=effect: effect.total(effect.sums(beam, {})))
                kick = best(lambda effect=effect, total=total: effect.kick(beam, total, {}, 0, here))
                print(f"| {name}, {threads} | {1e3 * sums:.2f} | {1e3 * kick:.2f} | {1e3 * (sums + kick):.2f} ms |")
    print(f"goal: {1e3 * GOAL:g} ms")


if __name__ == "__main__":
    main()
