"""Files that are either complete or not there: write beside the target, sync, rename."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ssmb.errors import ResultFileError

#: A part file that nobody has written to for this long [s] was left by a killed process.
LEFTOVER_AGE = 3600.0

_ADVICE = {
    errno.ENOSPC: "the disk is full: free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up: free some space or choose another folder",
    errno.EFBIG: "the file is larger than this system allows: store less, or choose another folder",
    errno.EACCES: "permission denied: choose a folder that you may write to, or change its permissions",
    errno.EPERM: "permission denied: choose a folder that you may write to, or change its permissions",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.ENOENT: "no such file or folder: create the folder first, or correct the path",
    errno.ENOTDIR: "a part of the path is a file, not a folder: correct the path",
    errno.EISDIR: "this is a folder, not a file: give the path of a file",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
    errno.ENXIO: "nobody reads this pipe: start its reader first, or give the path of a file",
    errno.EIO: "the disk reports an error: check the disk, or choose another folder",
}


def os_failure(error: OSError, path: str | os.PathLike[str], doing: str) -> ResultFileError:
    """Turn an error of the operating system (or of HDF5, which hides the number in its text) into one that teaches."""
    number = error.errno
    if number is None and (found := re.search(r"errno = (\d+)", str(error))):
        number = int(found[1])
    advice = _ADVICE.get(number or 0) or str(error).split("\n")[0][:200]
    return ResultFileError(f"cannot {doing} '{os.fspath(path)}': {advice}")


def checked_path(path: str | os.PathLike[str]) -> Path:
    """Return `path` as a :class:`~pathlib.Path`, or raise :class:`ResultFileError` if no file can have that name."""
    try:
        text = os.fspath(path)
    except TypeError:
        text = path
    if not isinstance(text, str) or not text or "\0" in text:
        raise ResultFileError(f"{text!r} is not a path of a file: give text such as 'runs/mls/run.h5'")
    return Path(text)


@contextmanager
def atomic_path(path: str | os.PathLike[str], *, previous: Path | None = None) -> Iterator[Path]:
    """Give a new file to write to; it takes the place of `path` when the block ends, and vanishes if the block fails.

    A reader sees the old file or the new one, never a mixture, also when the process is killed or the machine stops:
    the new file is on the disk before it gets its name. Several writers of one path do not disturb each other; the
    last one stays. A symbolic link is followed, not replaced. To a device or a pipe the bytes are sent at the end.

    Parameters
    ----------
    path : file to create or replace; its folder must exist.
    previous : where to keep the file that is replaced, in the same folder (not kept if None).

    Raises
    ------
    ResultFileError
        If the disk is full, the folder is missing or may not be written to, or `path` is a folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_path(Path(folder) / "note.txt") as part:
    ...         _ = part.write_text("all or nothing")
    ...     (Path(folder) / "note.txt").read_text()
    'all or nothing'
    """
    target = Path(os.path.realpath(checked_path(path)))
    part = _part_path(target)
    if _is_stream(path):
        with _sent_to(path) as part:
            yield part
        return
    try:
        if target.is_dir():
            raise OSError(errno.EISDIR, "not a plain file")
        _remove_leftovers(target)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        yield part
        _sync(part)
        if previous is not None:
            _keep(target, previous)
        os.replace(part, target)
        _sync_folder(target.parent)
    except BaseException as error:  # KeyboardInterrupt too must not leave a part file
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise os_failure(error, path, "write") from error
        raise


def _is_stream(path: str | os.PathLike[str]) -> bool:
    """Whether a path is a device, a pipe or a nameless file: it takes bytes, but has no name to take over."""
    with suppress(OSError):
        found = os.stat(path)  # not of the real path: that of a pipe of this process is no path
        if stat.S_ISDIR(found.st_mode):
            return False
        with suppress(FileNotFoundError):
            return not (stat.S_ISREG(found.st_mode) and os.path.samestat(found, os.stat(os.path.realpath(path))))
        return True
    return False


@contextmanager
def _sent_to(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary file, whose bytes are sent to a device or a pipe when the block ends."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            part = Path(folder) / "part"
            part.touch()
            yield part
            handle = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))  # a pipe without a reader: no waiting
            with open(part, "rb") as file, open(handle, "wb") as out:
                if hasattr(os, "O_NONBLOCK"):
                    os.set_blocking(handle, True)
                shutil.copyfileobj(file, out)
    except OSError as error:
        raise os_failure(error, path, "write") from error


def _stem(target: Path) -> str:
    # a hash, because the name of the target may already be as long as names can be
    return f".ssmb-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:12]}-"


def _part_path(target: Path) -> Path:
    return target.with_name(f"{_stem(target)}{secrets.token_hex(8)}.part")


def _remove_leftovers(target: Path) -> None:
    """Remove part files of this target that killed processes left; younger ones may belong to a living writer."""
    for leftover in target.parent.glob(f"{_stem(target)}*.part"):
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > LEFTOVER_AGE:
                leftover.unlink()


def remove_parts(target: Path) -> None:
    """Remove all part files of this target; nobody may be writing it."""
    for leftover in target.parent.glob(f"{_stem(target)}*.part"):
        leftover.unlink(missing_ok=True)


def _keep(target: Path, previous: Path) -> None:
    """Give the old file a second name, so that there is no moment without a complete file at `target`."""
    if not target.exists():
        return
    spare = _part_path(target)
    try:
        os.link(target, spare)
    except OSError:  # file systems without hard links: a moment without `target`, but never without `previous`
        os.replace(target, previous)
        return
    os.replace(spare, previous)
    with suppress(OSError):  # renaming one name of a file to another name of the same file leaves both
        spare.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    with suppress(OSError):  # the new file is in place; some network file systems cannot sync a folder
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
