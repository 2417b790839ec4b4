"""Estimates of time (``ssmb.costs``) against the clock: each ratio of estimate to CPU time lies between 1/3 and 3.

    python benchmarks/costs.py

The memory of the same estimates is held by ``tests/robustness/test_costs.py``; that of a tracking run is no estimate
but its own first second.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable

import numpy as np

from ssmb.beam import Beam, Reference
from ssmb.buckets.standard_map import standard_map_island
from ssmb.kernels.threads import thread_count
from ssmb.light import Undulator
from ssmb.light.single_electron import undulator_field

REFERENCE, SIGMA = Reference(250e6), 1e-10 * np.eye(6) + 3e-11 * np.ones((6, 6))
UNDULATOR = Undulator(Reference(400e6), period=0.01, n_periods=20, k=1.1)
ANGLES, ENERGIES = np.linspace(0.0, 1e-3, 20_000), np.linspace(90.0, 93.0, 50)
CASES: dict[str, tuple[str, Callable[[], object]]] = {
    "random beam": ("beam.distributions", lambda: Beam.gaussian(REFERENCE, SIGMA, n=10**6, charge=0.0)),
    "quiet beam": ("beam.distributions", lambda: Beam.gaussian(REFERENCE, SIGMA, n=10**6, charge=0.0, start="quiet")),
    "far field": ("light.single_electron", lambda: undulator_field(UNDULATOR, ANGLES, 0.0, ENERGIES)),
    "near field": (
        "light.single_electron", lambda: undulator_field(UNDULATOR, ANGLES[::20], 0.0, ENERGIES, distance=10.0),
    ),
    "island": ("buckets.standard_map", lambda: standard_map_island(0.1, turns=3000, grid=161)),
}  # fmt: skip


def main() -> int:
    """Print the ratios; 1 if one lies outside."""
    outside = 0
    for name, (room, call) in CASES.items():
        place, told = importlib.import_module(f"ssmb.{room}"), [0.0]

        def note(what: str, *, memory: float = 0.0, seconds: float = 0.0, instead: str = "", told=told) -> None:
            told.append(seconds)

        place.check_cost, place.most_threads = note, lambda: 1
        with thread_count(1):
            call()
            began = time.process_time()
            call()
            spent = time.process_time() - began
        outside += not 1.0 / 3.0 < told[-1] / spent < 3.0
        print(f"{name:12} estimate {told[-1]:.3g} s, spent {spent:.3g} s, ratio {told[-1] / spent:.2f}")
    return int(outside > 0)


if __name__ == "__main__":
    raise SystemExit(main())
