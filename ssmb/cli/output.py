"""How results are printed: as JSON for programs, as text for people (see :mod:`ssmb.text`); remarks on stderr."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

from ssmb.errors import SsmbError


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

    print(json.dumps(plain(value), allow_nan=False, ensure_ascii=False))


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
