"""Signals that ask a process to stop: Ctrl-C, and SIGTERM and SIGHUP, which batch systems and closed terminals send."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stopped_by(
    handler: Callable[[int, Any], Any] | signal.Handlers = signal.default_int_handler,
) -> Iterator[None]:
    """Let each of these signals call a function; by default each is Ctrl-C, which raises KeyboardInterrupt.

    Handlers that the user has installed, and signals that the process ignores (``nohup``), are left alone; so are all
    of them outside of the main thread, which alone may have handlers.
    """
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # there is no SIGHUP on Windows
            number = getattr(signal, name, None)
            usual = (signal.default_int_handler, *(() if name == "SIGINT" else (signal.SIG_DFL,)))
            if number is not None and signal.getsignal(number) in usual:
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


#: What starters of MPI say of the number of processes.
_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS")


def processes_of_mpi() -> int:
    """Return how many processes MPI has started together with this one, itself counted; 1 without MPI."""
    return max((int(text) for name in _SIZES if (text := os.environ.get(name, "")).isdigit()), default=1)
