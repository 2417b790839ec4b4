"""``ssmb warmup``: compile every kernel into the cache, so that the first run does not wait."""

from __future__ import annotations

import argparse
import functools
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator

from ssmb.cli.output import answer
from ssmb.errors import ConfigError
from ssmb.signals import stopped_by
from ssmb.text import named_values, quantity

HELP = "compile all kernels into the cache"

#: Kernels that a process takes at once: those that stand together share functions, which are then compiled once.
_TOGETHER = 4
#: Memory of a process that compiles is 0.3 GB: a node with many processors should not be filled by it.
_MOST_PROCESSES = 16


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    words = "processes that compile at the same time (default: one for each processor)"
    verb.add_argument("--processes", type=int, metavar="N", help=words)


def run(args: argparse.Namespace) -> int:
    """Compile and print how long it took."""
    from tqdm import tqdm

    from ssmb.kernels import jit

    began = time.perf_counter()
    names = [name for name, _ in compilations()]
    processes = min(_processes(args.processes), len(names) or 1)
    with tqdm(total=len(names), file=sys.stderr, unit="kernel", desc="compiling", leave=False) as shown:
        for done in _compiled(names, processes):
            shown.set_postfix_str(done, refresh=False)
            shown.update()
    seconds = time.perf_counter() - began
    cache, done = str(jit.cache_folder()), "not compiled: NUMBA_DISABLE_JIT is set"
    if not jit.JIT_OFF:
        done = "compiled or found in the cache"
    lines = [("kernels", f"{len(names)} {done}"), ("time", quantity(seconds, "s", 3)), ("cache", cache)]
    found = {"kernels": len(names), "seconds": seconds, "cache_folder": cache, "jit": not jit.JIT_OFF}
    return answer(args.json, found | {"processes": processes}, named_values(lines))


def _processes(asked: int | None) -> int:
    if asked is not None and not 1 <= asked <= 1024:
        raise ConfigError(f"--processes must be a whole number from 1 to 1024, got {asked}")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return asked or min(usable, _MOST_PROCESSES)


def _compiled(names: list[str], processes: int) -> Iterator[str]:
    """Compile kernels, and name each when it is there."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool

    if processes == 1:
        for name in names:
            yield from _compile([name])
        return
    groups = [names[i : i + _TOGETHER] for i in range(0, len(names), _TOGETHER)]
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=spawn)
    try:
        # Ctrl-C goes to all processes of a terminal: those begun here never hear it, and this one ends them
        with stopped_by(signal.SIG_IGN):
            futures = [pool.submit(_compile, group) for group in groups]
        for future in as_completed(futures):
            yield from future.result()
    except BrokenProcessPool:
        raise ConfigError(
            "a process that compiled was ended, by the system if memory is short: try --processes 1; what was "
            "compiled is kept"
        ) from None
    except BaseException:  # Ctrl-C: nobody waits for a kernel that takes seconds
        for process in multiprocessing.active_children():
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _compile(names: list[str]) -> list[str]:
    """Compile some kernels in this process."""
    for name in names:
        _by_name()[name]()
    return names


@functools.cache
def _by_name() -> dict[str, Callable[[], object]]:
    return dict(compilations())


def compilations() -> list[tuple[str, Callable[[], object]]]:
    """Return the name of each kernel and what compiles it: what takes longest, all element maps, sums over particles.

    The inverse of a map, where it is a kernel of its own, is left out: no verb asks for it.
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
    jobs: list[tuple[str, Callable[[], object]]] = [("turn loop", turn_loop)]
    one, rows = np.zeros(1), np.zeros((6, 1))
    lobe = (1.0, 1.0, 1.0, 0.0)
    jobs.append(("light sums", lambda: lobe_sums(rows, one, one, one, *lobe, np.zeros((1, 3)))))
    jobs.append(("light exchange", lambda: lobe_exchange(rows, one, one, one, one, one, *lobe, one.copy())))
    jobs.append(("power series", lambda: JetProgram([], 0.0, 1.0).along(np.zeros(6), np.eye(6), 1)))
    jobs.append(("bunching sums", lambda: bunching_sums(np.zeros(1), np.ones(1), np.ones(1))))
    jobs.append(("noise of lasers", lambda: white_noise(0, 0, np.empty((2, 1)))))
    asked_for = [kernel for kernel in KERNELS if kernel.partner is None or kernel.index < kernel.partner.index]
    jobs += [(known.name, known.address) for known in (*reversed(asked_for), *SUMS)]
    return jobs
