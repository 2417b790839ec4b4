"""What surrounds a run in progress: Ctrl-C, the progress bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ssmb.signals import stopped_by
from ssmb.tracking.job import Job


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """Turn Ctrl-C into a question that is asked between pieces, when beam, records and checkpoint agree with each
    other.

    So do SIGTERM and SIGHUP (see :func:`ssmb.signals.stopped_by`). None of them can break a piece or a checkpoint; who
    presses three times leaves at once, with the checkpoint of before.
    """
    pressed = 0

    def note(number: int, frame: Any) -> None:
        nonlocal pressed
        pressed += 1
        if pressed > 2:
            raise KeyboardInterrupt

    with stopped_by(note):
        yield lambda: pressed > 0


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
