"""What a call will cost in memory and time, told before it is spent.

Whoever is about to fill much memory, or to compute for long, says so here. Beyond the limits the call is refused, with
the estimate, unless the user has said that it is meant: ``--yes`` on the command line, :func:`any_cost` in Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ssmb.errors import ConfigError

#: What needs no word: memory [B] and time [s].
MEMORY, SECONDS = 4e9, 4.0 * 3600.0

_ALLOWED = ContextVar("any cost", default=False)


@contextmanager
def any_cost(allowed: bool = True) -> Iterator[None]:
    """Let calls in this block cost what they cost.

    Examples
    --------
    >>> with any_cost():
    ...     check_cost("a beam of 10^9 particles", memory=3e11)
    """
    token = _ALLOWED.set(allowed or _ALLOWED.get())
    try:
        yield
    finally:
        _ALLOWED.reset(token)


def check_cost(what: str, *, memory: float = 0.0, seconds: float = 0.0, instead: str = "") -> None:
    """Refuse what needs more memory [B] or time [s] than is spent without a word, with the estimate.

    Parameters
    ----------
    what : what needs it, the subject of a sentence.
    memory, seconds : estimates, good to a factor of 3.
    instead : what would need less.

    Raises
    ------
    ConfigError
        It needs more than :data:`MEMORY` or :data:`SECONDS`, and nobody has said that it is meant.

    Examples
    --------
    >>> check_cost("a beam of 10^9 particles", memory=1.5e11, instead="take fewer")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ssmb.errors.ConfigError: a beam of 10^9 particles needs about 150 GB: take fewer, or go on with --yes ...
    """
    if (memory <= MEMORY and seconds <= SECONDS) or _ALLOWED.get():
        return
    sizes = [text for text, shown in ((_bytes(memory), memory >= 1e8), (_time(seconds), seconds >= 1.0)) if shown]
    raise ConfigError(
        f"{what} needs about {' and '.join(sizes)}: {f'{instead}, or ' if instead else ''}go on with --yes (in Python: "
        "with ssmb.any_cost():)"
    )


def _bytes(size: float) -> str:
    for name, unit in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9)):
        if size >= unit:
            return f"{size / unit:.2g} {name}" if size < 100.0 * unit else f"{size / unit:.0f} {name}"
    return f"{size / 1e6:.0f} MB"


def _time(seconds: float) -> str:
    for name, unit in (("years", 3.156e7), ("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2.0 * unit:
            return f"{seconds / unit:.2g} {name}" if seconds < 100.0 * unit else f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"
