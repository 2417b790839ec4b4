"""What every test needs: a comparison that demands both tolerances and says how much of them was used."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ssmb.elements import Bend, Drift, Element, Quadrupole

REFERENCE_VALUES = Path(__file__).parent / "reference" / "values.json"
COLLECTIVE_VALUES = REFERENCE_VALUES.with_name("collective.json")


def assert_close(got: Any, want: Any, *, rtol: float, atol: Any, what: str = "") -> None:
    """Fail unless ``|got - want| <= atol + rtol*|want|`` holds for every entry.

    Parameters
    ----------
    got, want : numbers or arrays of the same shape (a single number may stand for `want`), real or complex.
    rtol : relative tolerance [1], of `want`.
    atol : absolute tolerance [unit of want]; one number, or one for each entry.
    what : words that name the quantity in the message.

    Raises
    ------
    AssertionError
        With the largest ratio achieved/allowed and where it sits; also for NaN, or for a shape that differs.
    ValueError
        If a tolerance is negative or not finite.

    Examples
    --------
    >>> assert_close(1.0 + 1e-10, 1.0, rtol=1e-9, atol=0.0)
    >>> assert_close(1.1, 1.0, rtol=1e-2, atol=0.0, what="tune")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: tune: achieved/allowed = 10 (|got - want| = 0.1 > 0.01 = atol 0 + ...
    """
    each = np.asarray(atol, dtype=float)
    if not (math.isfinite(rtol) and np.isfinite(each).all() and rtol >= 0.0 and (each >= 0.0).all()):
        raise ValueError(f"tolerances must be finite and >= 0, not rtol={rtol!r}, atol={atol!r}")
    label = f"{what}: " if what else ""
    g, w = np.asarray(got), np.asarray(want)
    if g.shape != w.shape and w.shape != ():
        raise AssertionError(f"{label}shape {g.shape} differs from the wanted shape {w.shape}")
    if g.size == 0:
        raise AssertionError(f"{label}nothing to compare: an empty array would pass any tolerance")
    g, w = np.broadcast_arrays(g, w)
    error = np.abs(g - w)
    allowed = each + rtol * np.abs(w)
    bad = ~(error <= allowed)  # written so that NaN counts as a failure
    if not bad.any():
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(bad, np.nan_to_num(error / allowed, nan=np.inf, posinf=np.inf), 0.0)
    at = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
    place = f" at index {tuple(int(i) for i in at)}, {int(bad.sum())} of {bad.size} entries off" if g.ndim else ""
    raise AssertionError(
        f"{label}achieved/allowed = {float(ratio[at]):.3g}{place} (|got - want| = {float(error[at]):.3g} > "
        f"{float(allowed[at]):.3g} = atol {float(np.broadcast_to(each, g.shape)[at]):g} + rtol {rtol:g} * |want|); "
        f"got {g[at]}, want {w[at]}"
    )


@cache
def reference_values() -> dict[str, dict[str, Any]]:
    """Return the reference values by id: ``value``, ``unit``, ``inputs``, ``rel_tolerance``, ``source`` ...

    The files are made by scripts that share no code with the package.

    Examples
    --------
    >>> reference_values()["const_Z0"]["unit"]
    'ohm'
    """
    return {
        entry["id"]: entry
        for path in (REFERENCE_VALUES, COLLECTIVE_VALUES)
        for entry in json.loads(path.read_text(encoding="utf-8"))
    }


def assert_reference(identifier: str, got: Any) -> None:
    """Compare `got` (a number or a sequence) with the reference value at the tolerances that the file states."""
    entry = reference_values()[identifier]
    assert_close(
        np.asarray(got),
        np.asarray(entry["value"]),
        rtol=entry["rel_tolerance"],
        atol=entry.get("abs_tolerance", 0.0),
        what=f"{identifier} [{entry['unit']}]",
    )


def fodo_cell(k: float = 1.2, skew: float = 0.0, **bend: float | str) -> list[Element]:
    """A cell of two bends of 22.5 degrees between quadrupoles of opposite strength; eight of them are a ring.

    Parameters
    ----------
    k, skew : normal and skew strength of the focusing quadrupole [1/m^2]; the other one has -1.2.
    bend : other parameters of the bends.
    """
    drift = Drift(name="d", length=0.6)
    arc = [drift, Bend(name="b", length=0.5, angle=math.pi / 8, **bend), drift]  # type: ignore[arg-type]
    focus = Quadrupole(name="qf", length=0.2, Kn1=k, Ks1=skew)
    return [focus, *arc, Quadrupole(name="qd", length=0.2, Kn1=-1.2), *arc]
