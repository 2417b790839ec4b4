"""All errors of a file at once: collected while reading, raised together at the end."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from ssmb.errors import LatticeError, SeveralErrors, SsmbError, Where, nearest

#: More errors than this are only counted.
MAX_ERRORS = 100
#: Names compared for "Did you mean"; a file of garbage would otherwise spend minutes on good advice.
_MAX_COMPARISONS = 20_000


class _Placed(Protocol):
    @property
    def where(self) -> Where: ...


class Problems:
    """A list of errors that a reader fills and then raises."""

    def __init__(self) -> None:
        self._errors: list[SsmbError] = []
        self._more = 0
        self._comparisons = 0

    def add(self, message: str, where: Where | None) -> None:
        """Note a :class:`LatticeError`."""
        self.note(LatticeError(message, where))

    def note(self, error: SsmbError) -> None:
        """Note an error, or each of several."""
        for single in error.singles():
            if len(self._errors) < MAX_ERRORS:
                self._errors.append(single)
            else:
                self._more += 1

    def nearest(self, name: str, allowed: Collection[str]) -> str:
        """Return ``" Did you mean 'x'?"`` as :func:`ssmb.errors.nearest`, until too much time went into it."""
        return nearest(name[:100], allowed) if self.may_compare(len(allowed)) else ""

    def only(self, keys: Mapping[str, _Placed], allowed: Collection[str], label: str) -> None:
        """Note each key that is not allowed."""
        for key, place in keys.items():
            if key not in allowed:
                words = f"{label}: unknown key '{key[:80]}'; allowed: {', '.join(allowed)}.{self.nearest(key, allowed)}"
                self.add(words, place.where)

    def may_compare(self, count: int) -> bool:
        """Return whether there is time to compare one more name with `count` others."""
        self._comparisons += count
        return self._comparisons <= _MAX_COMPARISONS

    def __bool__(self) -> bool:
        return bool(self._errors)

    def sorted(self) -> list[SsmbError]:
        """Return the errors by file (in order of first appearance), line and column, each once."""
        files: dict[str, int] = {}
        for error in self._errors:
            files.setdefault(error.where.file if error.where else "", len(files))

        def place(error: SsmbError) -> tuple[int, int, int]:
            where = error.where or Where("")
            return files[where.file], where.line, where.column

        found = list({str(error): error for error in sorted(self._errors, key=place)}.values())
        if self._more:
            found.append(LatticeError(f"{self._more} more errors; mend these first", found[-1].where))
        return found

    def raise_if_any(self) -> None:
        """Raise the error, or :class:`SeveralErrors` of them, if there is one."""
        found = self.sorted()
        if len(found) == 1:
            raise found[0]
        if found:
            raise SeveralErrors(found)
