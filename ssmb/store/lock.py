"""Locks on what one process at a time may write: the folder of a run, a checkpoint.

The system holds a lock for as long as the process lives, however it ends, so that a killed one leaves none; the file of
the lock that it leaves means nothing.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ssmb.errors import ResultFileError
from ssmb.store.atomic import os_failure

#: Byte that Windows locks, behind the text.
_BEHIND = 1 << 20
#: Open files of the locks that this process holds.
_HELD: set[int] = set()


def _leave() -> None:
    """In the child of a fork: its parent holds the locks, and must be able to let go of them."""
    for handle in _HELD:
        with suppress(OSError):
            os.close(handle)
    _HELD.clear()


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=_leave)


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold the lock of this file, which is made, and goes when the block ends; the child of a fork has no part in it.

    Parameters
    ----------
    path : file of the lock; its folder must exist.
    what : what is locked, for the message.

    Raises
    ------
    ResultFileError
        Another process (or another thread of this one) holds it, or the file cannot be made.
    """
    handle = _held(path, what)
    _HELD.add(handle)
    owner = os.getpid()
    try:
        with suppress(OSError):  # a full disk: who holds it is only a help
            os.ftruncate(handle, 0)
            os.lseek(handle, 0, os.SEEK_SET)
            os.write(handle, f"process {owner} on {platform.node()}".encode())
        yield
    finally:
        if os.getpid() == owner:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            _HELD.discard(handle)
            os.close(handle)


def _held(path: Path, what: str) -> int:
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise os_failure(error, path, "make the lock") from error
        try:
            _lock(handle)
        except BlockingIOError:
            os.lseek(handle, 0, os.SEEK_SET)
            owner = os.read(handle, 200).decode("utf-8", "replace") or "another process"
            os.close(handle)
            raise ResultFileError(
                f"{what} is in use by {owner}: wait until it is done, or stop it; what it has kept stays"
            ) from None
        with suppress(OSError):  # else it was removed by who held it before, and may be there anew
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        os.close(handle)


def _lock(handle: int) -> None:
    """Take the lock of an open file, or raise BlockingIOError; where the file system has no locks, go on without."""
    if os.name == "nt":
        import msvcrt

        os.lseek(handle, _BEHIND, os.SEEK_SET)  # nobody reads what is locked there
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # pyright: ignore[reportAttributeAccessIssue]
        except OSError:
            raise BlockingIOError from None
        return
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:  # some network file systems
        pass
