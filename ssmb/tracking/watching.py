"""What surrounds a run in progress: Ctrl-C, the number of threads, the progress bar."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ssmb.arguments import checked
from ssmb.errors import ConfigError
from ssmb.kernels.jit import numba
from ssmb.tracking.job import Job


def _stopping_signals() -> list[int]:
    """Signals that ask a process to stop, and that nobody else handles or ignores: Ctrl-C, and what batch systems
    send.
    """
    asking = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    ends: dict[int, tuple[Any, ...]] = {signal.SIGINT: (signal.default_int_handler,)}
    usual = (signal.SIG_DFL, signal.default_int_handler)  # the command line lets all of them be Ctrl-C
    return [number for number in asking if signal.getsignal(number) in ends.get(number, usual)]


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C into a question that is asked between pieces, when beam, records and checkpoint agree with each
    other.

    So do SIGTERM and SIGHUP, which batch systems and closed terminals send. None of them can break a piece or a
    checkpoint; who presses three times leaves at once, with the checkpoint of before. Handlers that the user has
    installed, and signals that the process ignores (``nohup``), are left alone.
    """
    pressed = 0

    def note(number: int, frame: Any) -> None:
        nonlocal pressed
        pressed += 1
        if pressed > 2:
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, note) for number in _stopping_signals()}
    try:
        yield lambda: pressed > 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@checked
def most_threads() -> int:
    """Number of threads that this process can use."""
    compiler: Any = numba
    return int(compiler.config.NUMBA_NUM_THREADS)


@contextmanager
def thread_count(threads: int | None) -> Iterator[int]:
    """Use so many threads (None: all), and tell how many these are."""
    most = most_threads()
    if threads is not None and threads > most:
        raise ConfigError(
            f"threads={threads}, but only {most} were set up; set NUMBA_NUM_THREADS before starting Python"
        )
    before = numba.get_num_threads()
    numba.set_num_threads(threads or most)
    try:
        yield threads or most
    finally:
        numba.set_num_threads(before)


@contextmanager
def reporter(progress: bool | Callable[[int, int], None], job: Job) -> Iterator[Callable[[int], None]]:
    """Give the function that is told how many turns are done (see ``progress`` of
    :func:`~ssmb.tracking.track.track`).
    """
    if callable(progress):
        yield lambda done: progress(done, job.turns)
    elif progress:
        from tqdm.auto import tqdm

        with tqdm(total=job.turns, initial=job.done, unit="turn", desc="tracking") as bar:

            def show(done: int) -> None:
                bar.update(done - bar.n)

            yield show
    else:
        yield lambda done: None
