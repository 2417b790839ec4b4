"""Kernels on several threads: how many, and which pieces of the work each of them takes.

The threads are threads of Python that run compiled code without its lock. Pieces are handed out as threads come free;
what a kernel does with one piece does not depend on who does it, so neither the number of threads nor their timing
changes a bit. A process that was forked starts threads of its own.
"""

from __future__ import annotations

import functools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

from ssmb.errors import ConfigError
from ssmb.kernels.jit import cached, numba

#: A thread is woken for so much work at least [ns]: some times what waking it costs.
LEAST_NANOSECONDS = 1e5
#: Ranges of pieces for each thread: who has quicker ones takes more.
_RANGES = 4


class _Asked(threading.local):
    """Threads that the caller asked for (see :func:`thread_count`)."""

    threads: int | None = None


class _Helpers:
    """The threads of this process besides those that call kernels; they wait for work."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[tuple[Callable, tuple, Iterator[tuple[int, int]], SimpleQueue]] = SimpleQueue()
        self.started = 0
        self.starting = threading.Lock()

    def start(self, count: int) -> None:
        """See that there are so many."""
        with self.starting:
            while self.started < count:
                threading.Thread(target=self._serve, name="ssmb-kernels", daemon=True).start()
                self.started += 1

    def _serve(self) -> None:
        while True:
            kernel, args, ranges, done = self.jobs.get()
            done.put(_work(kernel, args, ranges))


_asked = _Asked()
_helpers = _Helpers()


def _after_fork() -> None:
    """In the child there are no threads."""
    global _helpers
    _helpers = _Helpers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _work(kernel: Callable, args: tuple, ranges: Iterator[tuple[int, int]]) -> BaseException | None:
    """Take ranges until none is left; what goes wrong ends the work of all and is returned."""
    try:
        for begin, end in ranges:
            kernel(begin, end, *args)
    except BaseException as error:
        deque(ranges, maxlen=0)
        return error
    return None


def threaded(function: Callable, pieces: Callable[..., tuple[int, float]]) -> Any:
    """Compile a kernel ``function(begin, end, *args)`` on first call, and spread its pieces over threads.

    Parameters
    ----------
    function : does pieces ``begin`` up to (not with) ``end``, each without regard to the others.
    pieces : of the same args: how many pieces there are, and about how long one takes [ns].

    Returns
    -------
    A function of ``args``, which does all pieces.
    """
    kernel = cached(function)

    @functools.wraps(function)
    def call(*args: Any) -> None:
        count, nanoseconds = pieces(*args)
        threads = min(_asked.threads or most_threads(), count, int(count * nanoseconds / LEAST_NANOSECONDS))
        if threads < 2:
            kernel(0, count, *args)
        else:
            _spread(kernel, args, count, threads)

    return call


def _spread(kernel: Callable, args: tuple, count: int, threads: int) -> None:
    """Do all pieces on so many threads, the caller's own among them."""
    helpers = _helpers
    helpers.start(threads - 1)
    parts = min(count, _RANGES * threads)
    edges = [count * i // parts for i in range(parts + 1)]
    ranges, done = iter(list(zip(edges[:-1], edges[1:], strict=True))), SimpleQueue()
    try:
        for _ in range(threads - 1):
            helpers.jobs.put((kernel, args, ranges, done))
        errors = [_work(kernel, args, ranges), *(done.get() for _ in range(threads - 1))]
    finally:
        deque(ranges, maxlen=0)  # where Ctrl-C came in between nobody goes on
    for error in errors:
        if error is not None:
            raise error


def most_threads() -> int:
    """Number of threads that this process can use."""
    compiler: Any = numba
    return int(compiler.config.NUMBA_NUM_THREADS)


@contextmanager
def thread_count(threads: int | None) -> Iterator[int]:
    """Use so many threads (None: all) in what this thread of Python calls, and tell how many these are."""
    if threads is not None and threads > most_threads():
        raise ConfigError(f"threads={threads}, but {too_few_threads()}")
    before, _asked.threads = _asked.threads, threads
    try:
        yield threads or most_threads()
    finally:
        _asked.threads = before


def too_few_threads() -> str:
    """Why there are no more threads than :func:`most_threads`, and what to do."""
    return f"only {most_threads()} were set up; set NUMBA_NUM_THREADS before starting Python"
