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
import hashlib, json, resource, sys, time, types
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
spent, rows, hashed = [], [0.0], [0.0]
from ssmb.store import row_log
from ssmb.store.row_log import RowLog
from ssmb.tracking.saving import Saver
class Digest:
    def __init__(self, digest=None):
        self.digest = digest or hashlib.sha256()
    def copy(self):
        return Digest(self.digest.copy())
    def hexdigest(self):
        return self.digest.hexdigest()
    def update(self, part):
        began = time.process_time()
        self.digest.update(part)
        hashed[0] += time.process_time() - began
row_log.hashlib = types.SimpleNamespace(sha256=Digest)
save, append = Saver.save, RowLog.append
def timed(saver):
    began, before, other = time.process_time(), saver._saved, rows[0]
    save(saver)
    if saver._saved != before:
        spent.append(time.process_time() - began - (rows[0] - other))
def appended(log, arrays):
    began = time.process_time()
    append(log, arrays)
    rows[0] += time.process_time() - began
Saver.save, RowLog.append = timed, appended
track(ring, beam, 1000, monitors=monitors, threads=1)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows[0], hashed[0], began, clock = 0.0, 0.0, time.process_time(), time.perf_counter()
run = track(ring, beam, turns, monitors=monitors, threads=1, checkpoint=folder / "c.h5", checkpoint_every=every)
whole, clock = time.process_time() - began, time.perf_counter() - clock
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert len(run.monitors["moments"].turn) == turns
print(json.dumps({"seconds": whole, "clock": clock, "in_checkpoints": sum(spent), "hashed": hashed[0], "rows": rows[0],
                  "each": spent, "before": before,
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
    each, whole, hashed = got["each"], got["seconds"], got["hashed"]
    print(f"{turns} turns of 256 particles, three monitors, a checkpoint each {every:g} s: {got['clock']:.1f} s")
    print(
        f"checkpoints: {len(each)}, {(got['in_checkpoints'] + hashed) / whole:.2%} of {whole:.1f} s of processor time: "
        f"{hashed:.3f} s for the checksum of rows; the others {each[0]:.3f} s (first) to {each[-1]:.3f} s (last)"
    )
    print(
        f"writing rows to files, which a long run does without checkpoints, too: {(got['rows'] - hashed) / whole:.2%}"
    )
    print(
        f"files {got['bytes'] / 1e6:.0f} MB; peak of memory {got['peak'] / 1e3:.0f} MB, before it "
        f"{got['before'] / 1e3:.0f} MB"
    )


if __name__ == "__main__":
    main()
