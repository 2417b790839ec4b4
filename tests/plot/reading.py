"""What a figure shows, read back from what was drawn: numbers in SI by the unit that the label of their axis says."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

_PREFIXES = {"": 0, "a": -18, "f": -15, "p": -12, "n": -9, "µ": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12}
_RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_UNITS = ("rad", "m", "W", "J", "C", "A", "eV")


def unit_of(label: str) -> float:
    """Return the size in SI of the unit in the brackets of a label; 1 without brackets.

    >>> unit_of("bunch charge [pC]"), unit_of("δ [10⁻³]"), unit_of("β [m]"), unit_of("|b|")
    (1e-12, 0.001, 1.0, 1.0)
    """
    found = re.search(r"\[(.*)\]", label)
    return size_of(found[1]) if found else 1.0


def size_of(unit: str) -> float:
    """Return a unit with a prefix, or a power of ten, in SI.

    >>> size_of("kW"), size_of("10⁵"), size_of("m"), size_of("mm")
    (1000.0, 100000.0, 1.0, 0.001)
    """
    if unit.startswith("10"):
        return float(f"1e{unit[2:].translate(_RAISED)}")
    base = next(u for u in _UNITS if unit.endswith(u) and unit[: -len(u)] in _PREFIXES)
    return float(f"1e{_PREFIXES[unit[: -len(base)]]}")


def number_in(text: str) -> float:
    """Return the first number of a text with its unit, in SI.

    >>> number_in("12.5 kW   × 0.3")
    12500.0
    """
    found = re.match(r"\s*([-+\d.eE]+) (\S+)", text)
    assert found, text
    return float(found[1]) * size_of(found[2])


def curve(line: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of a drawn line in SI."""
    axis = line.axes
    x_axis = axis if axis.get_xlabel() else axis.figure.axes[-1]
    x, y = (np.asarray(v, dtype=float) for v in line.get_data())
    return x * unit_of(x_axis.get_xlabel()), y * unit_of(axis.get_ylabel())


def bars(axis: Any) -> np.ndarray:
    """Return (left, right) of the horizontal bars of an axis in the order of their rows, in SI, shape (rows, 2)."""
    unit = unit_of(axis.get_xlabel())
    found = sorted(axis.patches, key=lambda patch: patch.get_y())
    return np.array([(p.get_x(), p.get_x() + p.get_width()) for p in found]) * unit
