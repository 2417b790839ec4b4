"""How results are printed: as JSON for programs, as text for people (see :mod:`ssmb.text`); remarks on stderr."""

from __future__ import annotations

import argparse
import codecs
import math
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ssmb.errors import ConfigError, SsmbError


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: arrays as lists, complex numbers by parts, null for what is not finite.

    Examples
    --------
    >>> plain({"b": 0.3 + 0.4j, "qs": float("nan"), "s": (0.0, 1.5)})
    {'b': {'real': 0.3, 'imag': 0.4}, 'qs': None, 's': [0.0, 1.5]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # arrays and numbers of numpy
        return plain(value.tolist())
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, complex):
        return {"real": plain(value.real), "imag": plain(value.imag)}
    return str(value)


def error_as_dict(error: SsmbError) -> dict[str, Any]:
    """Return an error as it stands in JSON output."""
    where = error.where
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "file": where.file if where else None,
        "line": where.line if where and where.line else None,
        "column": where.column if where and where.line else None,
    }


def print_json(value: Any) -> None:
    """Print one JSON object on stdout."""
    import json

    any_letter = (sys.stdout.encoding or "utf-8").lower().startswith("utf")
    print(json.dumps(plain(value), allow_nan=False, ensure_ascii=not any_letter))


def _in_other_words(error: UnicodeError) -> tuple[str, int]:
    """What a terminal shows that has no letter for micro; codes for all others, as Python does on stderr."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end].replace("µ", "u").replace("μ", "u")
    return letters.encode("ascii", "backslashreplace").decode(), error.end


@contextmanager
def any_terminal() -> Iterator[None]:
    """Let stdout and stderr take every text, whatever letters the terminal has."""
    codecs.register_error("ssmb.words", _in_other_words)
    streams: list[Any] = [s for s in (sys.stdout, sys.stderr) if hasattr(s, "reconfigure")]
    before = [stream.errors for stream in streams]
    try:
        for stream in streams:
            stream.reconfigure(errors="ssmb.words")
        yield
    finally:
        for stream, errors in zip(streams, before, strict=True):
            stream.reconfigure(errors=errors)


def write_csv(args: argparse.Namespace, text: str) -> bool:
    """Write a table to the file of ``--csv``, as a whole or not at all; True if that is stdout ("-", /dev/stdout).

    Nothing else can be printed then.
    """
    from ssmb.store.atomic import atomic_path

    if not _is_stdout(args.csv):
        with atomic_path(args.csv) as part:
            part.write_text(text, encoding="utf-8", newline="")
        return False
    if args.json:
        raise ConfigError("--csv and --json cannot both go to stdout: give --csv a file")
    sys.stdout.write(text)
    return True


def _is_stdout(path: str) -> bool:
    if path == "-":
        return True
    try:
        return os.path.samestat(os.stat(path), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError):  # no such file yet; a stdout that is no file
        return False


def answer(as_json: bool, found: Any, text: str) -> int:
    """Print what a verb found on stdout, as one JSON object or as text, and return the exit code 0."""
    if as_json:
        print_json(found)
    else:
        print(text)
    return 0


def note(text: str) -> None:
    """Print a remark on stderr, beside the result."""
    print(text, file=sys.stderr)
