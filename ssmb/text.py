"""Numbers with units and tables as plain text."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

#: Prefixes for the values of a table.
_PREFIXES = {-18: "a", -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


def number(value: Any, digits: int = 6) -> str:
    """Write a number for a table; what is not a finite number shows as a dash.

    >>> number(1.99450261e-5), number(3), number(float("nan")), number(0.0)
    ('1.9945e-05', '3', '-', '0')
    """
    if value is None:
        return "-"
    if isinstance(value, (bool, str, int)):
        return str(value)
    size = abs(value) if isinstance(value, complex) else float(value)
    return f"{size:.{digits}g}" if math.isfinite(size) else "-"


def quantity(value: float | None, unit: str, digits: int = 4) -> str:
    """Write a number with a unit and its prefix.

    >>> quantity(1.064e-6, "m"), quantity(9.9e-10, "m", 1), quantity(0.0, "W"), quantity(float("inf"), "C")
    ('1.064 µm', '1 nm', '0 W', '-')
    """
    if value is None or not math.isfinite(value):
        return "-"
    if value == 0.0:
        return f"0 {unit}"
    told = abs(float(f"{value:.{digits}g}"))  # 990 pm with one digit is 1 nm, not 1000 pm
    power = 3 * math.floor((math.log10(told) + 1e-9) / 3.0)
    power = min(max(power, min(_PREFIXES)), max(_PREFIXES))
    shown = float(f"{value * float(f'1e{-power}'):.{digits}g}")  # 200 with one digit, not 2e+02
    return f"{shown:.{max(digits, 4)}g} {_PREFIXES[power]}{unit}"


def digits_within(value: float, bounds: Sequence[float] | None, most: int = 4) -> int:
    """Digits of a number that an interval about it leaves: the last stands for a tenth of the width or more, or is the
    first.

    >>> digits_within(12.345, (11.0, 14.0)), digits_within(12.345, (12.3, 12.4)), digits_within(12.3, (2.0, 70.0))
    (2, 4, 1)
    """
    width = 0.0 if bounds is None else abs(bounds[1] - bounds[0])
    if not (math.isfinite(width) and width > 0.0 and math.isfinite(value) and value != 0.0):
        return most
    return min(most, max(1, 1 + math.floor(math.log10(abs(value))) - math.ceil(math.log10(width) - 1.0)))


def ranged(value: float, bounds: Sequence[float], unit: str = "", most: int = 4) -> str:
    """Write a number with its interval, in the digits that the interval leaves.

    >>> ranged(12.345, (2.1, 75.0), "W"), ranged(12.345, (11.96, 13.1), "W"), ranged(0.0, (0.0, 0.0), "W")
    ('10 W (2 W to 80 W)', '12 W (12 W to 13 W)', '0 W (0 W to 0 W)')
    """
    digits = digits_within(value, bounds, most)
    plain = unit in ("", "1")
    told, low, high = (number(x, digits) if plain else quantity(x, unit, digits) for x in (value, *bounds))
    return f"{told} ({low} to {high})"


def nanometres(wavelength: float) -> str:
    """Write the wavelength of light.

    >>> nanometres(1064e-9), nanometres(1.35e-8)
    ('1064 nm', '13.5 nm')
    """
    return f"{wavelength * 1e9:.6g} nm"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Return a table: text to the left in the first `left` columns, numbers to the right in the others.

    >>> print(table(("NAME", "S"), [("q1", "0.25"), ("longer", "12")]))
    NAME       S
    q1      0.25
    longer    12
    """
    columns = list(zip(heads, *rows, strict=True)) if rows else [(head,) for head in heads]
    widths = [max(len(cell) for cell in column) for column in columns]
    lines = []
    for row in (heads, *rows):
        cells = [c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def named_values(pairs: Sequence[tuple[str, str]]) -> str:
    """Return lines of names and values.

    >>> print(named_values([("tunes", "3.178, 2.220"), ("slip factor", "1.577e-5")]))
    tunes        3.178, 2.220
    slip factor  1.577e-5
    """
    width = max((len(name) for name, _ in pairs), default=0)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in pairs)


def in_a_cell(value: Any) -> str:
    """Return a value for one cell of a table; of an array its shape and range."""
    shape = getattr(value, "shape", ())
    if shape:
        size = abs(value) if value.dtype.kind == "c" else value
        bounds = f", {size.min():.6g} to {size.max():.6g}" if size.size and size.dtype.kind in "iuf" else ""
        return f"array {' x '.join(str(n) for n in shape)}{bounds}"
    if isinstance(value, tuple) and len(value) > 6:
        return f"{len(value)} entries"
    if isinstance(value, (float, complex)):
        return f"{value:.6g}"
    return type(value).__name__ if dataclasses.is_dataclass(value) else str(value)[:80]


def brief(value: Any) -> str:
    """Return what was given, for a message."""
    try:
        return repr(value)[:80]
    except ValueError:  # a whole number of too many digits
        return "a number of thousands of digits"
