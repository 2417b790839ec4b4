"""What checkpoints cost: share of the processor time of a long run, bytes, and the peak of memory with three monitors.

Usage: python benchmarks/checkpoints.py [turns] [checkpoint_every]; one process for each run, one thread.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

CODE = """
import json, resource, sys, time
from pathlib import Path
import numpy as np
from ssmb.beam import Beam, Reference
from ssmb.buckets import MicroBucket
from ssmb.elements.linear_map import LinearMap
from ssmb.lattice import Lattice
from ssmb.tracking import BucketMonitor, BunchingMonitor, MomentMonitor, track

turns, folder, every = int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
turn = np.eye(6)
for i, q in enumerate((0.12, 0.21, 0.01)):
    c, s = np.cos(2 * np.pi * q), np.sin(2 * np.pi * q)
    turn[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[c, s], [-s, c]]
ref = Reference(250e6)
ring = Lattice.from_elements([LinearMap(name="turn", length=48.0, matrix=tuple(map(tuple, turn)))], ref)
beam = Beam(ref, 1e-5 * np.random.default_rng(1).normal(size=(6, 256)))
bucket = MicroBucket(wavelength=1064e-9, slip_factor=1e-5, circumference=48.0, amplitude=1e-5)
monitors = [MomentMonitor(), BunchingMonitor(None, [1064e-9]), BucketMonitor(None, bucket)]
spent = []
from ssmb.tracking.saving import Saver
save = Saver.save
def timed(saver):
    began, before = time.process_time(), saver._saved
    save(saver)
    if saver._saved != before:
        spent.append(time.process_time() - began)
Saver.save = timed
track(ring, beam, 1000, monitors=monitors, threads=1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began, clock = time.process_time(), time.perf_counter()
run = track(ring, beam, turns, monitors=monitors, threads=1, checkpoint=folder / "c.h5", checkpoint_every=every)
whole, clock = time.process_time() - began, time.perf_counter() - clock
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert len(run.monitors["moments"].turn) == turns
print(json.dumps({"seconds": whole, "clock": clock, "in_checkpoints": sum(spent), "each": spent, "before": before,
                  "peak": peak,
                  "bytes": sum(p.stat().st_size for p in folder.iterdir())}))
"""


def main() -> None:
    turns = int(float(sys.argv[1])) if len(sys.argv) > 1 else 1_000_000
    every = float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", CODE, str(turns), folder, str(every)], stdout=subprocess.PIPE, text=True, check=True,
            cwd=Path(__file__).parents[1],
        )  # fmt: skip
    got = json.loads(done.stdout)
    each, share = got["each"], got["in_checkpoints"] / got["seconds"]
    print(f"{turns} turns of 256 particles, three monitors, a checkpoint each {every:g} s: {got['clock']:.1f} s")
    print(
        f"checkpoints: {len(each)}, {share:.2%} of {got['seconds']:.1f} s of processor time; first {each[0]:.3f} s, "
        f"last {each[-1]:.3f} s"
    )
    print(
        f"files {got['bytes'] / 1e6:.0f} MB; peak of memory {got['peak'] / 1e3:.0f} MB, before it "
        f"{got['before'] / 1e3:.0f} MB"
    )


if __name__ == "__main__":
    main()
