"""Ranks: one run on several processes that MPI has started; the only door to mpi4py.

The first rank is the run: it reads, checks, prints and writes as if it were alone. When it comes to tracking it hands
each rank its particles, whole groups in the order of the beam. Sums over particles are put together in the order of the
groups, so that the result is that of one process, to the bit.

``mpirun -n 2 ssmb run FILE`` needs nothing else. A script begins with ``ranks = started_by_mpi()``, calls
:func:`ssmb.tracking.serving.serve` on the ranks that are not the first, and ``track(..., ranks=ranks)`` inside of
:func:`leading` on the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from ssmb.beam import Beam
from ssmb.errors import ConfigError
from ssmb.kernels.loops import MAX_TILE
from ssmb.signals import processes_of_mpi

#: The ranks of this process, for whoever tracks here.
_OURS: ContextVar[Ranks | None] = ContextVar("ranks", default=None)
#: What the first rank tells the others: so many turns (> 0), or one of these.
_END, _GATHER = 0, -1
#: What it tells them between runs besides what they are to track: that they get tasks.
WORK = "work"


class Ranks:
    """The processes of one run.

    Parameters
    ----------
    comm : communicator of mpi4py.
    """

    def __init__(self, comm: Any) -> None:
        self.comm, self.rank, self.size = comm, int(comm.Get_rank()), int(comm.Get_size())
        self.busy = False  # between turns that all track together

    @property
    def first(self) -> bool:
        """Whether this process is the run itself."""
        return self.rank == 0

    def bounds(self, particles: int, group: int = MAX_TILE) -> list[int]:
        """Where the parts of the ranks begin and end: whole groups, as equal as they can be.

        Parameters
        ----------
        group : particles of a group, a multiple of a tile.

        Raises
        ------
        ConfigError
            Fewer groups than ranks.
        """
        groups = -(-particles // group)
        if groups < self.size:
            raise ConfigError(
                f"{particles} particles are {groups} groups of {group}, fewer than the {self.size} ranks; take more "
                f"particles, or fewer ranks"
            )
        return [min(groups * i // self.size * group, particles) for i in range(self.size + 1)]

    def tell(self, word: Any = None) -> Any:
        """What the first rank says, on all."""
        return self.comm.bcast(word, root=0)

    def together(self, part: np.ndarray, axis: int = 0) -> np.ndarray:
        """Arrays of all ranks one behind the other, on all; they differ in length along this axis only."""
        lengths = self.comm.allgather(part.shape[axis])
        front = np.ascontiguousarray(np.moveaxis(part, axis, 0))
        row = front[0].size if len(front) else int(np.prod(front.shape[1:]))
        whole = np.empty((sum(lengths), *front.shape[1:]), dtype=part.dtype)
        self.comm.Allgatherv(front, [whole, [n * row for n in lengths]])
        return np.ascontiguousarray(np.moveaxis(whole, 0, axis))

    def any(self, mine: bool) -> bool:
        """Whether it is so on any of them."""
        return any(self.comm.allgather(bool(mine)))

    def part(self, beam: Beam | None, group: int = MAX_TILE) -> Beam:
        """Hand out a beam that the first rank has, in whole groups; its own part, on all."""
        ends, reference = self.tell(None if beam is None else (self.bounds(len(beam), group), beam.reference))
        sizes = [b - a for a, b in zip(ends[:-1], ends[1:], strict=True)]
        made = Beam(reference, np.zeros((6, sizes[self.rank])))
        whole = None if beam is None else beam.arrays()
        for name, own in made.arrays().items():
            rows = None if whole is None else np.atleast_2d(whole[name])
            for i, row in enumerate(np.atleast_2d(own)):
                self.comm.Scatterv(None if rows is None else [rows[i], sizes], row, root=0)
        return made

    def to_first(self, part: np.ndarray) -> np.ndarray | None:
        """Arrays (..., n) of all ranks one behind the other in n, on the first one; their shapes differ in n only."""
        sizes = self.comm.gather(part.shape[-1], root=0)
        whole = None if sizes is None else np.empty((*part.shape[:-1], sum(sizes)), dtype=part.dtype)
        self._rows_to_first(part, whole, sizes)
        return whole

    def gather(self, part: Beam, into: Beam | None) -> None:
        """Bring what tracking changes of all parts into the beam of the first rank."""
        sizes = self.comm.gather(len(part), root=0)
        for name in ("coordinates", "state", "lost_turn", "lost_element"):
            self._rows_to_first(getattr(part, name), None if into is None else getattr(into, name), sizes)

    def _rows_to_first(self, part: np.ndarray, whole: np.ndarray | None, sizes: list[int] | None) -> None:
        to = None if whole is None else np.atleast_2d(whole)
        for i, row in enumerate(np.atleast_2d(part)):
            self.comm.Gatherv(row, None if to is None else [to[i], sizes], root=0)

    def follow(self, advance: Callable[[int], Any], gather: Callable[[], None]) -> None:
        """Do what the first rank says until it says that this was the end."""
        while (word := self.tell()) != _END:
            gather() if word == _GATHER else advance(word)

    @contextmanager
    def executor(self) -> Iterator[Executor]:
        """On the first rank: an executor whose tasks the others do; see :meth:`work`."""
        from mpi4py.futures import MPICommExecutor

        self.tell(WORK)
        shared: Any = MPICommExecutor(self.comm, root=0)
        with shared as executor:
            yield executor

    def work(self) -> None:
        """On the others: do the tasks that the first rank hands out until it shuts its executor down."""
        from mpi4py.futures import MPICommExecutor

        with MPICommExecutor(self.comm, root=0):
            pass

    def lead_gather(self) -> None:
        """Say that parts are gathered now."""
        self.tell(_GATHER)

    def lead_end(self) -> None:
        """Say that this was the end of a run."""
        self.tell(_END)


def started_by_mpi() -> Ranks | None:
    """Return the ranks of this process, None where it is alone.

    Raises
    ------
    ConfigError
        It was started by MPI with others, and mpi4py is not there: each would do the whole run.
    """
    if processes_of_mpi() < 2:
        return None
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise ConfigError(
            f"this process is one of several of an MPI run, which needs mpi4py ({error}): pip install 'ssmb[mpi]'"
        ) from None
    return Ranks(MPI.COMM_WORLD) if MPI.COMM_WORLD.Get_size() > 1 else None


@contextmanager
def leading(ranks: Ranks | None) -> Iterator[None]:
    """On the first rank: what is tracked in this block through :func:`ours` is shared; then the others may leave."""
    if ranks is None:
        yield
        return
    token = _OURS.set(ranks)
    try:
        yield
    finally:
        _OURS.reset(token)
        if ranks.busy:  # an error came while all tracked: nobody listens
            ranks.comm.Abort(1)
        ranks.tell(None)


def ours() -> Ranks | None:
    """Return the ranks that this process leads; None if it is alone."""
    return _OURS.get()
