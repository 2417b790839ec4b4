"""Frozen dataclasses of plain numbers, texts, arrays and each other as trees with units, and back, bit for bit.

What is stored is told by the types of the fields; the unit and the words of a field stand in one table by its name.
"""

from __future__ import annotations

import types
import typing
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from ssmb.errors import ResultFileError
from ssmb.store.tree import Dataset, Tree

#: Unit of the fields that have one, by name; all others are pure numbers.
_UNITS = {
    "m": (
        "wavelength", "wavelengths", "period", "train_length", "emit_x", "emit_y", "sigma_z", "circumference", "dz_rms", "dz_counting", "quantum", "beyond",
        "allowed", "rms", "path_rms", "h_rad", "h_mod", "r56", "spot", "s", "path_error", "collisions", "z", "z_before", "z_modulated", "z_radiator",
    ),
    "m*rad": ("aberrations", "growth", "emittance"),
    "W": (
        "power", "peak_power", "average_power", "power_at_focus", "incoherent_power", "noise_power", "intensity", "laser_power",
        "laser_average", "line_power",
    ),
    "A": ("current", "average_current", "train_current"),
    "eV": ("energy_loss", "incoherent_loss", "incoherent", "radiation", "light", "restored", "laser_peak", "energy"),
    "V": ("voltage",),
    "rad": ("theta_x", "theta_y", "divergence_x", "divergence_y"),
    "s": ("damping_time", "growth_times"),
    "1/m": ("smear_rate", "chirp"),
}  # fmt: skip
_UNIT_OF = {name: unit for unit, names in _UNITS.items() for name in names}
_NOTHING = "nothing"


def tree_of(thing: Any) -> Tree:
    """Return a dataclass as a tree."""
    return {f.name: _stored(f.name, getattr(thing, f.name)) for f in fields(thing)}


def record_of(kind: type[Any], tree: Any) -> Any:
    """Return the dataclass that :func:`tree_of` stored.

    Raises
    ------
    ResultFileError
        The tree has not the fields of the class.
    """
    hints = typing.get_type_hints(kind)
    names = [f.name for f in fields(kind)]
    if set(names) != set(tree):
        raise ResultFileError(f"a {kind.__name__} has {', '.join(names)}; the file holds {', '.join(tree)[:200]}")
    return kind(**{name: _loaded(hints[name], tree[name]) for name in names})


def _stored(name: str, value: Any) -> Any:
    if value is None:
        return {_NOTHING: True}
    if is_dataclass(value):
        return tree_of(value)
    if isinstance(value, tuple) and (not value or is_dataclass(value[0])):
        return {str(i): tree_of(item) for i, item in enumerate(value)}
    if isinstance(value, (str, bool, int)):
        return value
    return Dataset(np.asarray(value), _UNIT_OF.get(name, "1"), name.replace("_", " "))


def _loaded(hint: Any, value: Any) -> Any:
    origin, of = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if isinstance(value, dict) and _NOTHING in value:
            return None
        return _loaded(next(h for h in of if h is not type(None)), value)
    if is_dataclass(hint):
        return record_of(typing.cast(Any, hint), value)
    if origin is tuple and is_dataclass(of[0]):
        return tuple(
            record_of(typing.cast(Any, of[0]), item) for _, item in sorted(value.items(), key=lambda i: int(i[0]))
        )
    if origin is tuple:
        return tuple(value.values.tolist()) if isinstance(value, Dataset) else ()
    if not isinstance(value, Dataset):
        return value
    return value.values if value.values.ndim else value.values.item()
