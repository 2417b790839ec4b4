"""Arrays that come from outside: checked once, then plain float64 and int arrays of known shape."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import unmasked
from ssmb.errors import ConfigError, ValidityWarning, warn

#: names of the rows of a coordinate array
COORDINATES = ("x", "px", "y", "py", "z", "delta")


def real_array(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return a C-contiguous float64 copy of real numbers of any shape, or raise ConfigError (text, complex ...)."""
    try:
        given = unmasked(name, values)
    except (TypeError, ValueError):
        raise ConfigError(f"{name} must be an array of real numbers") from None
    if given.dtype.kind not in "iuf":
        raise ConfigError(f"{name} must be an array of real numbers, not of {given.dtype}")
    return np.array(given, dtype=np.float64, order="C")


def coordinate_array(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return the same of coordinates of particles; warns (ValidityWarning) where they come in too few digits."""
    kept = real_array(name, values)
    given = np.asarray(values).dtype
    if kept.ndim and given.kind == "f" and given.itemsize < 8:
        warn(
            f"{name} is given as {given}: {np.finfo(given).precision} digits, where microbunches take 10",
            ValidityWarning,
        )
    return kept


def six_rows(values: ArrayLike, names: tuple[str, ...] = COORDINATES) -> NDArray[np.float64]:
    """Return a C-contiguous float64 copy of shape (6, n) of finite numbers, or raise ConfigError."""
    rows = coordinate_array("coordinates", values)
    if rows.ndim != 2 or rows.shape[0] != 6:
        turned = "; transpose them" if rows.ndim == 2 and rows.shape[1] == 6 else ""
        raise ConfigError(f"coordinates must have shape (6, n), rows {' '.join(names)}, not {rows.shape}{turned}")
    if not np.isfinite(rows).all():
        row, particle = (int(v) for v in np.argwhere(~np.isfinite(rows))[0])
        raise ConfigError(f"coordinates must be finite; {names[row]} of particle {particle} is {rows[row, particle]}")
    return rows


def numbers_of(name: str, values: ArrayLike, n: int) -> NDArray[np.float64]:
    """Return a float64 copy of shape (n,); one number stands for all. Raises ConfigError unless finite and >= 0."""
    out = np.array(np.broadcast_to(_given(name, real_array(name, values), n), (n,)))
    if not np.isfinite(out).all() or (out < 0.0).any():
        raise ConfigError(f"{name} must be finite and >= 0")
    return out


def whole_numbers_of(name: str, values: ArrayLike, n: int, dtype: type[np.signedinteger]) -> NDArray[Any]:
    """Return a copy of shape (n,) of this integer type; one number stands for all. Raises ConfigError if it cannot."""
    given = _given(name, values, n)
    if given.size and given.dtype.kind not in "iu":
        raise ConfigError(f"{name} must be whole numbers")
    if given.size and not (np.iinfo(dtype).min <= given.min() and given.max() <= np.iinfo(dtype).max):
        raise ConfigError(f"{name} must fit into {np.dtype(dtype).name}")
    return np.array(np.broadcast_to(given, (n,)), dtype=dtype)


def _given(name: str, values: ArrayLike, n: int) -> NDArray[Any]:
    try:
        given = unmasked(name, values)
    except ValueError:
        raise ConfigError(f"{name} must be one number or an array of shape ({n},)") from None
    if given.shape not in ((), (n,)):
        raise ConfigError(f"{name} must be one number or have shape ({n},), not {given.shape}")
    return given
