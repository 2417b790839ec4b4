"""``ssmb warmup``: compile every kernel into the cache, so that the first run does not wait."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from ssmb.cli.output import answer
from ssmb.text import named_values, quantity

HELP = "compile all kernels into the cache"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""


def run(args: argparse.Namespace) -> int:
    """Compile and print how long it took."""
    from tqdm import tqdm

    from ssmb.kernels import jit

    began = time.perf_counter()
    jobs = compilations()
    for _, job in tqdm(jobs, file=sys.stderr, unit="kernel", desc="compiling", leave=False):
        job()
    seconds = time.perf_counter() - began
    cache, done = str(jit.cache_folder()), "not compiled: NUMBA_DISABLE_JIT is set"
    if not jit.JIT_OFF:
        done = "compiled or found in the cache"
    lines = [("kernels", f"{len(jobs)} {done}"), ("time", quantity(seconds, "s", 3)), ("cache", cache)]
    found = {"kernels": len(jobs), "seconds": seconds, "cache_folder": cache, "jit": not jit.JIT_OFF}
    return answer(args.json, found, named_values(lines))


def compilations() -> list[tuple[str, Callable[[], object]]]:
    """Return the name of each kernel and what compiles it: all element maps, the turn loop, the bunching sums
    and the noise of lasers.
    """
    import numpy as np

    import ssmb.elements  # importing the elements registers their kernels, importing the monitors their sums
    import ssmb.tracking.monitors  # noqa: F401
    from ssmb.kernels import jit
    from ssmb.kernels.block_sums import SUMS
    from ssmb.kernels.jets import JetProgram
    from ssmb.kernels.lobes import lobe_exchange, lobe_sums
    from ssmb.kernels.loops import KERNELS
    from ssmb.kernels.philox import white_noise
    from ssmb.kernels.sums import bunching_sums

    def turn_loop() -> None:
        from ssmb.beam import Reference
        from ssmb.elements import Drift
        from ssmb.lattice.program import compile_elements

        compile_elements([Drift(name="d", length=1.0)], Reference(250e6)).propagate(np.zeros((6, 1)))

    if jit.JIT_OFF:
        return []
    jobs: list[tuple[str, Callable[[], object]]] = [(kernel.name, kernel.address) for kernel in KERNELS]
    jobs += [(known.name, known.address) for known in SUMS]
    jobs.append(("turn loop", turn_loop))
    one, rows = np.zeros(1), np.zeros((6, 1))
    lobe = (1.0, 1.0, 1.0, 0.0)
    jobs.append(("light sums", lambda: lobe_sums(rows, one, one, one, *lobe, np.zeros((1, 3)))))
    jobs.append(("light exchange", lambda: lobe_exchange(rows, one, one, one, one, one, *lobe, one.copy())))
    jobs.append(("power series", lambda: JetProgram([], 0.0, 1.0).along(np.zeros(6), np.eye(6), 1)))
    jobs.append(("bunching sums", lambda: bunching_sums(np.zeros(1), np.ones(1), np.ones(1))))
    jobs.append(("noise of lasers", lambda: white_noise(0, 0, np.empty((2, 1)))))
    return jobs
