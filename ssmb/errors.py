"""The errors and warnings of the package: each says where, what, what is allowed, and what to do."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Where:
    """A place in a file; line and column count from 1, 0 stands for "unknown"."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


class SsmbError(Exception):
    """Base of every error that the package raises on purpose.

    Parameters
    ----------
    message : what is wrong, what is allowed, what to do.
    where : place in a file, if the error has one.
    """

    exit_code = 2

    def __init__(self, message: str, where: Where | None = None) -> None:
        self.message = message
        self.where = where
        super().__init__(f"{where}: {message}" if where is not None else message)

    def __reduce__(self):
        return type(self), (self.message, self.where)

    def singles(self) -> list[SsmbError]:
        """Return each of several errors, or this one."""
        return [self]


class LatticeError(SsmbError):
    """A lattice file, an element or a beam line is wrong."""


class ConfigError(SsmbError):
    """An argument or a run file is wrong."""


class PhysicsError(SsmbError):
    """The input is well formed, but physics does not allow an answer (no closed orbit, all particles lost ...)."""

    exit_code = 3


class ResultFileError(SsmbError):
    """A result, checkpoint or particle file cannot be read or written."""

    exit_code = 4


class SeveralErrors(SsmbError):
    """All errors of one file at once; ``errors`` holds them in file order."""

    def __init__(self, errors: Iterable[SsmbError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(e) for e in self.errors))

    def __reduce__(self):
        return type(self), (self.errors,)

    def singles(self) -> list[SsmbError]:
        """Return each of them."""
        return list(self.errors)


class SsmbWarning(UserWarning):
    """Base of every warning of the package."""


class ValidityWarning(SsmbWarning):
    """A model is used outside the range in which it was shown to hold."""


class StatisticsWarning(SsmbWarning):
    """A number rests on too few particles or turns to mean what it seems to mean."""


def warn(message: str, category: type[SsmbWarning]) -> None:
    """Warn at the line of the user: the innermost one that is neither in the package nor in Python's own library."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _ours(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    warnings.warn_explicit(
        message,
        category,
        frame.f_code.co_filename,
        frame.f_lineno,
        frame.f_globals.get("__name__"),
        frame.f_globals.setdefault("__warningregistry__", {}),
    )


def _ours(module: str) -> bool:
    """Whether code of a module is none of the user: also that which Python runs for the package, as functools."""
    room = module.partition(".")[0]
    return room == "ssmb" or room in sys.stdlib_module_names


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the closest allowed name, or an empty string.

    >>> nearest("Quadrupol", ["Drift", "Quadrupole"])
    " Did you mean 'Quadrupole'?"
    """
    found = difflib.get_close_matches(str(name)[:200], sorted(set(allowed)), n=1, cutoff=0.6)
    return f" Did you mean '{found[0]}'?" if found else ""
