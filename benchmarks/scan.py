"""Scans: two processes against one, and how many points a second one process can hand out and keep.

    python benchmarks/scan.py [--points 60] [--seconds 0.5]

The first is a ratio of wall times of the same points, start of the workers included: it needs two quiet processors. The
second has workers that find something at once, so that what is left is the master: run file and lattice of a point, its
hash, its line on the disk.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from ssmb.studies import run_file
from ssmb.studies.points import Found
from ssmb.studies.scan import scan

LATTICES = Path(__file__).parent.parent / "lattices"
RUN = """lattice: {lattices}/mls_pop.pals.yaml
beam:
  {{particles: 4096, charge: 5e-12, emit_x: 33.05e-9, emit_y: 0.33e-9, sigma_delta: 1.8e-4, sigma_z: 4e-5}}
laser: {{elements: [U125_IN, U125_OUT], turns: 1}}
track: {{turns: {turns}, threads: 1}}
output: {{figures: false, particles: false}}
"""
SCAN = """scan:
  of: point.run.yaml
  axes: {{{key}: {{linspace: [{low}, {high}, {points}]}}}}
  outputs: [alive, qx]
"""


class AtOnce(Executor):
    """Finds the same at every point, at once."""

    _max_workers = 1000

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(Found({"alive": 1.0, "qx": 0.2}))
        return done


def files(folder: Path, points: int, turns: int, key: str, low: float, high: float) -> Path:
    (folder / "point.run.yaml").write_text(RUN.format(lattices=LATTICES.resolve(), turns=turns), encoding="utf-8")
    path = folder / "points.scan.yaml"
    path.write_text(SCAN.format(key=key, low=low, high=high, points=points), encoding="utf-8")
    return path


def timed(path: Path, folder: Path, **options: Any) -> float:
    began = time.perf_counter()
    scan(path, folder, **options)
    return time.perf_counter() - began


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--points", type=int, default=60)
    asked.add_argument("--seconds", type=float, default=0.5, help="of a point")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        files(place, 2, 200, "beam.charge", 1e-12, 2e-12)
        run_file(place / "point.run.yaml", place / "warm")
        began = time.perf_counter()
        run_file(place / "point.run.yaml", place / "one")
        each = time.perf_counter() - began
        turns = max(1, round(200 * given.seconds / each))
        path = files(place, given.points, turns, "beam.charge", 1e-12, 2e-12)
        times = {n: timed(path, place / f"workers{n}", on="processes", workers=n) for n in (1, 2)}
        print(f"{given.points} points of about {given.seconds} s: {times[1]:.1f} s on one process, {times[2]:.1f} s on "
              f"two: ratio {times[1] / times[2]:.2f}")  # fmt: skip
        for key, low, high in (("beam.charge", 1e-12, 2e-12), ("lattice.p_laser", 1e6, 2e6)):
            path = files(place, 300, 1, key, low, high)
            spent = timed(path, place / key, on=AtOnce())
            print(f"{key}: the master does {300 / spent:.0f} points/s")


if __name__ == "__main__":
    main()
