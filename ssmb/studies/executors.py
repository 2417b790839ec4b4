"""Where the points of a study are done: in this process, in others of this machine, on the ranks of MPI, by dask.

Every way ends in an :class:`concurrent.futures.Executor`, and a user may bring another one. To add a way, add a
function under :func:`way`; it is the only door to its library.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, TypeVar

from ssmb.errors import ConfigError, nearest
from ssmb.kernels.threads import most_threads
from ssmb.tracking.ranks import ours

T = TypeVar("T")
#: name -> function of the number of workers and the address of a scheduler; its block has the executor
WAYS: dict[str, Callable[[int, str], AbstractContextManager[Executor]]] = {}


def way(name: str) -> Callable[[Any], Any]:
    """Register a generator function as a way of this name."""

    def register(function: Any) -> Any:
        WAYS[name] = contextmanager(function)
        return function

    return register


class Here(Executor):
    """Does each task at once, in this process, with all threads."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


def workers_of(on: str | Executor, workers: int | None) -> int:
    """Number of tasks that go on at once.

    Raises
    ------
    ConfigError
        A way that does not exist, or a number that it cannot have.
    """
    if isinstance(on, str) and on not in WAYS:
        raise ConfigError(f"on must be one of {', '.join(WAYS)}, got '{on[:80]}'.{nearest(on, WAYS)}")
    if on == "here":
        if workers not in (None, 1):
            raise ConfigError(f"here there is one worker, not {workers}: on='processes' has more")
        return 1
    if on == "mpi":
        shared = ours()
        if shared is None:
            raise ConfigError("no ranks of MPI: start with mpirun -n N ssmb ...; or on='processes'")
        return shared.size - 1
    if workers is not None and workers < 1:
        raise ConfigError(f"workers must be at least 1, got {workers}")
    return workers or getattr(on, "_max_workers", None) or most_threads()


def opened(on: str | Executor, workers: int, scheduler: str = "") -> AbstractContextManager[Executor]:
    """Return a block with the executor of a way, or with that of the user, which is not shut down."""
    if isinstance(on, Executor):

        @contextmanager
        def given() -> Iterator[Executor]:
            yield on

        return given()
    return WAYS[on](workers, scheduler)


@way("here")
def _here(workers: int, scheduler: str) -> Iterator[Executor]:
    yield Here()


@way("processes")
def _processes(workers: int, scheduler: str) -> Iterator[Executor]:
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker)
    try:
        yield pool
    except BaseException:  # Ctrl-C, or a worker was killed: nobody waits for what the others are at
        running = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in running:
            process.terminate()
        raise
    pool.shutdown()


@way("mpi")
def _mpi(workers: int, scheduler: str) -> Iterator[Executor]:
    shared = ours()
    assert shared is not None  # workers_of
    with shared.executor() as executor:
        yield executor


@way("dask")
def _dask(workers: int, scheduler: str) -> Iterator[Executor]:
    try:
        from dask.distributed import Client, LocalCluster
    except ImportError as error:
        raise ConfigError(f"on='dask' needs dask.distributed ({error}): pip install 'ssmb[dask]'") from None
    local: dict[str, Any] = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
    cluster = None if scheduler else LocalCluster(**local)
    try:
        client = Client(scheduler or cluster, timeout=30)
    except (OSError, ValueError, TimeoutError) as error:
        raise ConfigError(f"no dask scheduler answers at '{scheduler}': {error}") from None
    try:
        _check_versions(client)
        yield client.get_executor(pure=False, retries=2)
    finally:
        with suppress(Exception):  # the scheduler may have gone
            client.close()
            if cluster is not None:
                cluster.close()


def _check_versions(client: Any) -> None:
    """Raise ConfigError if a worker has another ssmb or Python than this process, or none."""
    import platform

    from ssmb.version import __version__

    here = (__version__, platform.python_version())
    for worker, found in client.run(_versions).items():
        if tuple(found) != here:
            raise ConfigError(
                f"the dask worker {worker} has ssmb {found[0]} with Python {found[1]}, here it is ssmb {here[0]} with "
                f"Python {here[1]}: start its workers from the same environment"
            )


def _versions() -> tuple[str, str]:
    import platform

    try:
        from ssmb.version import __version__
    except ImportError:
        return "not installed", platform.python_version()
    return __version__, platform.python_version()


def _start_worker() -> None:
    """Leave Ctrl-C to the process that hands out the points."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
