"""What monitors, losses and a second thread cost in the turn loop.

    python benchmarks/monitors.py

Each cost is the difference of two runs that are timed in turn in one process, in processor time; the threads are timed
by the clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ssmb.beam import Beam, Reference
from ssmb.buckets import MicroBucket
from ssmb.elements import Drift, Quadrupole
from ssmb.lattice import Lattice
from ssmb.tracking import BucketMonitor, BunchingMonitor, MomentMonitor, track

REFERENCE, ROUNDS = Reference(250e6), 9
SIZES = np.array([1e-4, 1e-5, 1e-4, 1e-5, 1e-6, 1e-4])
FOURTEEN = [1064e-9 / n for n in range(1, 15)]
BUCKET = MicroBucket(1064e-9, 1e-6, 100.0, 1e-4)


def beam(particles: int) -> Beam:
    """A beam at rest, nearly."""
    return Beam(REFERENCE, np.random.default_rng(1).normal(size=(6, particles)) * SIZES[:, None])


def line(cells: int) -> Lattice:
    """A drift, or a channel of quadrupoles."""
    made: list[Any] = [Drift(name="d", length=1e-3)]
    for i in range(cells):
        made += [Quadrupole(name=f"f{i}", length=0.1, Kn1=1.0), Drift(name=f"a{i}", length=0.5)]
        made += [Quadrupole(name=f"d{i}", length=0.1, Kn1=-1.0), Drift(name=f"b{i}", length=0.5)]
    return Lattice.from_elements(made, REFERENCE, name="line")


def seconds(run: Callable[[], object], clock: Callable[[], float]) -> float:
    """Time of one call."""
    began = clock()
    run()
    return clock() - began


def each(particles: int, monitors: Sequence[Any]) -> float:
    """Cost of monitors for a particle and turn [ns], best of some rounds."""
    ring, start, turns = line(0), beam(particles), max(4, 1_500_000 // particles)

    def go(watch: Sequence[Any]) -> Callable[[], object]:
        return lambda: track(ring, start, turns, monitors=watch, threads=1)

    bare, watched = [], []
    for _ in range(ROUNDS):
        bare.append(seconds(go(()), time.process_time))
        watched.append(seconds(go(monitors), time.process_time))
    return (min(watched) - min(bare)) / (particles * turns) * 1e9


def two_threads(particles: int) -> float:
    """Time of one thread over that of two, median of some rounds."""
    ring, start, turns = line(40), beam(particles), 500_000 // particles
    ratios = []
    for _ in range(ROUNDS):
        one, two = (
            seconds(lambda n=n: track(ring, start, turns, threads=n), time.perf_counter) for n in (1, 2)
        )  # fmt: skip
        ratios.append(one / two)
    return float(np.median(ratios))


def main() -> None:
    """Print the costs."""
    for particles in (8, 100, 256, 65536):
        print(f"moments, {particles} particles: {each(particles, [MomentMonitor()]):.1f} ns a particle")
    for particles in (256, 65536):
        cost = each(particles, [BunchingMonitor(None, FOURTEEN)]) / len(FOURTEEN)
        print(f"bunching, {particles} particles: {cost:.2f} ns a particle and wavelength")
    print(f"bucket, 65536 particles: {each(65536, [BucketMonitor(None, BUCKET)]):.1f} ns a particle")
    for particles in (256, 512, 1024, 10_240):
        print(f"two threads, {particles} particles: {two_threads(particles):.2f} times as fast as one")


if __name__ == "__main__":
    main()
