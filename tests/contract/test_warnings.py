"""A warning points at the line of the user, however many of our own frames lie between."""

from __future__ import annotations

import dataclasses
import inspect
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ssmb
from ssmb.beam import sigma_matrix
from ssmb.beam.bunching import bunching_factor
from ssmb.elements.taylor import Taylor
from ssmb.errors import SsmbWarning
from ssmb.light import Undulator, bunching_for_power

_ROOT = Path(ssmb.__file__).parent
_REFERENCE = ssmb.Reference(energy=400e6)
_TERMS = ((2, 2, 0, 0, 0, 0, 0, 1.0), (4, 0, 0, 1, 0, 0, 0, 1e-2), (1, 2, 0, 0, 0, 0, 0, 1.0))
_UNDULATOR = Undulator(_REFERENCE, 0.02, 80, 1.0)


def _taylor() -> Taylor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Taylor(name="t", terms=_TERMS)


CALLS: dict[str, Callable[[], Any]] = {
    "a function": lambda: bunching_factor(np.zeros(4, dtype=np.float32), 1e-6),
    "a function through others": lambda: ssmb.Beam(_REFERENCE, np.zeros((6, 4), dtype=np.float32)),
    "statistics": lambda: sigma_matrix(ssmb.Beam(_REFERENCE, 1e-3 * np.eye(6))),
    "an element": lambda: Taylor(name="t", terms=_TERMS),
    "by the standard library": lambda: dataclasses.replace(_taylor(), name="u"),
    "light": lambda: bunching_for_power(_UNDULATOR, 1e12, current=1e-3, sigma_perp=1e-4),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_warning_names_the_line_of_the_user(name: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        CALLS[name]()
    line = inspect.getsourcelines(CALLS[name])[1]
    assert caught
    assert {(w.filename, w.lineno) for w in caught} == {(__file__, line)}
    assert all(issubclass(w.category, SsmbWarning) for w in caught)


def test_a_warning_of_a_line_is_told_once_and_of_another_line_again() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            bunching_factor(np.zeros(5, dtype=np.float32), 1e-6)
        bunching_factor(np.zeros(5, dtype=np.float32), 1e-6)
    assert len({w.lineno for w in caught}) == len(caught) == 2


def test_all_warnings_go_the_one_way() -> None:
    calls = 0
    for path in sorted(_ROOT.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path != _ROOT / "errors.py":
            assert not re.search(
                r"stacklevel|\bwarn_explicit\b|warnings\.warn\b|import warn\b", text.replace(", warn", "")
            ), path
        calls += len(re.findall(r"^ +warn\(", text, re.MULTILINE))
    assert calls > 30
