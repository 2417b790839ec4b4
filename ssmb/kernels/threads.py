"""Loops over threads: how many threads, which layer of numba runs them, and what a fork leaves of them.

The layers of numba have limits that end a process without a word of Python: GNU OpenMP does not outlive a fork, and the
work queue takes one caller at a time. So a process that was forked from one with threads of OpenMP runs its loops on
one thread (to the same bits), and callers of the work queue wait for each other.

Threads of GNU OpenMP that wait spin unless they are told to sleep: beside other work, as when two jobs share the cores,
a loop of 0.1 ms took 8 ms of the processor. ``OMP_WAIT_POLICY`` is read when the first loop starts.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ssmb.errors import ConfigError
from ssmb.kernels.jit import JIT_OFF, cached, numba

_WITHOUT_FORK, _ONE_CALLER = "omp", "workqueue"

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


class _Process:
    """What this process knows of its threads."""

    layer: str | None = None
    forked = False
    caller = threading.Lock()


def _after_fork() -> None:
    """In the child: what was begun in the parent is not there."""
    try:
        layer = numba.threading_layer()
    except ValueError:  # the parent had no threads yet
        layer = None
    _Process.forked = _Process.forked or layer == _WITHOUT_FORK
    _Process.caller = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def threading_layer() -> str:
    """The layer that runs loops over threads: "tbb", "omp" or "workqueue"; it starts at the first call.

    Raises
    ------
    ConfigError
        If it cannot be had: ``NUMBA_THREADING_LAYER`` asks for one that is not there.
    """
    if _Process.layer is None:
        try:
            numba.get_num_threads()
            _Process.layer = numba.threading_layer()
        except ValueError as error:
            asked = os.environ.get("NUMBA_THREADING_LAYER"), os.environ.get("NUMBA_THREADING_LAYER_PRIORITY")
            words = " ".join(str(error).split())
            raise ConfigError(
                f"threads cannot be started ({words}): NUMBA_THREADING_LAYER and NUMBA_THREADING_LAYER_PRIORITY are "
                f"{asked[0]!r} and {asked[1]!r}; leave both out, or set the first to omp or workqueue"
            ) from None
    return _Process.layer


def threaded(function: Callable) -> Any:
    """Compile a function with ``numba.prange`` on first call, for as many threads as this process may use."""
    many = cached(function, parallel=True)
    if JIT_OFF:
        return many
    alone = cached(function, name="alone")

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        if _Process.forked:
            return alone(*args)
        if (_Process.layer or threading_layer()) != _ONE_CALLER:
            return many(*args)
        with _Process.caller:
            return many(*args)

    return call


def most_threads() -> int:
    """Number of threads that this process can use."""
    compiler: Any = numba
    return 1 if _Process.forked else int(compiler.config.NUMBA_NUM_THREADS)


@contextmanager
def thread_count(threads: int | None) -> Iterator[int]:
    """Use so many threads (None: all), and tell how many these are."""
    most = most_threads()
    if threads is not None and threads > most:
        raise ConfigError(f"threads={threads}, but {too_few_threads()}")
    threading_layer()
    before = numba.get_num_threads()
    numba.set_num_threads(threads or most)
    try:
        yield threads or most
    finally:
        numba.set_num_threads(before)


def too_few_threads() -> str:
    """Why there are no more threads than :func:`most_threads`, and what to do."""
    if _Process.forked:
        return (
            "a process that was forked from one with threads has one: leave threads out, or start it with "
            "multiprocessing.get_context('spawn')"
        )
    return f"only {most_threads()} were set up; set NUMBA_NUM_THREADS before starting Python"
