"""Tracking on a CUDA device: agreement with the processor, particle-turns per second, share of the device's limits.

python benchmarks/on_gpu.py              on a machine with a device
python benchmarks/on_gpu.py --compile    without one: registers and spills of each kernel for sm_90 (needs numba-cuda)
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import ring

#: fp64 instructions of a particle-turn of the ring y4x10, from its speed at the port limit of a processor (8 lanes, two
#: ports, 3.5 GHz, 1.08 million particle-turns/s)
INSTRUCTIONS = 5.2e4
#: multiply-adds in double precision [1/s] and bytes [1/s] of an H200, from its data sheet: 34 TFLOP/s and 4.8 TB/s
LIMITS = {"fp64": 17e12, "memory": 4.8e12}
#: rows that a map reads and writes [B]
BYTES_OF_AN_OP = 8 * (8 + 6) + 4


def launched() -> dict[str, Callable[[], tuple[Callable, str]]]:
    """What can be launched, by name: each gives the function and its arguments."""
    import ssmb.elements
    import ssmb.tracking.monitors  # noqa: F401
    from ssmb.kernels import cuda, cuda_lobes
    from ssmb.kernels.block_sums import SUMS
    from ssmb.kernels.loops import KERNELS

    found = {kernel.name: partial(cuda.op_function, kernel) for kernel in KERNELS}
    found |= {f"sum {block_sum.name}": partial(cuda.sum_function, block_sum) for block_sum in SUMS}
    fixed = {f"turn {name}": made for name, made in cuda.frame_functions().items()} | cuda_lobes.functions()
    return found | {name: partial(lambda made: made, made) for name, made in fixed.items()}


def registers_and_spills(name: str) -> tuple[str, int, int]:
    """Name, registers and spilled bytes of what is launched, as the assembler tells them (-1 without one)."""
    from ssmb.kernels.device import ptx

    text = ptx(*launched()[name]())
    inside = (str(p) for p in Path(sys.prefix).rglob("ptxas") if p.is_file())
    if (assembler := shutil.which("ptxas") or next(inside, None)) is None:
        return name, -1, -1
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as file:
        file.write(text)
        file.flush()
        command = [assembler, "-arch=sm_90", "-v", file.name, "-o", os.devnull]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return name, int(re.findall(r"Used (\d+) registers", said)[-1]), int(re.findall(r"(\d+) bytes spill", said)[-1])


def compile_all() -> int:
    """Compile everything, on all processors, and tell what needs many registers."""
    names = list(launched())
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        rows = list(pool.map(registers_and_spills, names, chunksize=4))
    print(f"{'launched':44s} {'registers':>9s} {'spilled B':>9s}")
    for name, registers, spilled in sorted(rows, key=lambda row: row[1]):
        print(f"{name:44s} {registers:9d} {spilled:9d}")
    print(f"{len(rows)} compiled for sm_90; spilling: {', '.join(n for n, _, s in rows if s > 0) or 'none'}")
    return 0


def agreement(lattice, particles: int = 20_000, turns: int = 100) -> float:
    """Largest difference of a coordinate between device and processor, in units of the largest of it."""
    from ssmb import Beam, track

    beam = Beam(lattice.reference, ring.coordinates(particles))
    one, other = (track(lattice, beam, turns, on=on).beam for on in ("cpu", "cuda"))
    if not np.array_equal(one.state, other.state):
        raise SystemExit(f"losses differ: {(one.state != other.state).sum()} of {particles} particles")
    scale = np.abs(one.coordinates).max(axis=1)
    return float((np.abs(one.coordinates - other.coordinates).max(axis=1) / scale).max())


def measure() -> int:
    """Print agreement and speed; exit code 1 where they do not agree to 1e-12."""
    from ssmb import Beam, track
    from ssmb.errors import ConfigError
    from ssmb.kernels.device import check_device, simulated

    try:
        check_device()
    except ConfigError as error:
        print(f"nothing measured: {error}")
        return 2
    if simulated():
        print("nothing measured: NUMBA_ENABLE_CUDASIM is set, and the simulator says nothing about speed")
        return 2
    from numba import cuda

    lattice = ring.ssmb_ring("y4x10")
    print(f"device: {cuda.get_current_device().name}")
    worst = agreement(lattice)
    print(f"largest difference to the processor after 100 turns: {worst:.1e} of the scale (allowed: 1e-12)")
    print(f"{'particles':>10s} {'turns/s':>10s} {'particle-turns/s':>17s} {'of fp64':>8s} {'of memory':>9s}")
    ops = len(track(lattice, Beam(lattice.reference, np.zeros((6, 1))), 0).program.ops)
    for particles in (10_000, 100_000, 1_000_000, 10_000_000):
        beam = Beam(lattice.reference, ring.coordinates(particles))
        best = 0.0
        track(lattice, beam, 3, on="cuda")
        for _ in range(3):
            turns = max(5, 20_000_000 // particles)
            run = track(lattice, beam, turns, on="cuda")
            best = max(best, turns / run.provenance["seconds"])
        rate = best * particles
        fp64, memory = rate * INSTRUCTIONS / LIMITS["fp64"], rate * ops * BYTES_OF_AN_OP / LIMITS["memory"]
        print(f"{particles:10d} {best:10.4g} {rate:17.4g} {fp64:8.1%} {memory:9.1%}", flush=True)
    print("shares are those of an H200 (17e12 fp64 multiply-adds/s, 4.8e12 B/s); beam copied to and fro is in the time")
    return int(worst > 1e-12)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compile", action="store_true")
    sys.exit(compile_all() if parser.parse_args().compile else measure())
