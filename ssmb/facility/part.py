"""A machine part: one frozen class that says what it does to what comes to it.

The parameters of a part are quantities; ``state(upstream)`` returns a frozen class of quantities, tracked where the
physics needs it. What a part takes from a power or an energy it tells as named steps (:mod:`ssmb.facility.steps`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from ssmb.errors import ConfigError, nearest
from ssmb.quantity import quantities_of

_P = TypeVar("_P", bound="type[Part]")

#: name of a part -> its class
PARTS: dict[str, type[Part]] = {}


class Part(ABC):
    """A part of a facility; subclasses are frozen dataclasses.

    Attributes
    ----------
    name : in the registry.
    """

    name: ClassVar[str] = ""

    @abstractmethod
    def state(self, upstream: Any) -> Any:
        """Return what the part makes of what comes to it, a frozen dataclass of quantities."""

    @classmethod
    @abstractmethod
    def examples(cls) -> list[tuple[Self, Any]]:
        """Return small parts, each with what comes to it, for tests and documentation."""


def part(name: str) -> Callable[[_P], _P]:
    """Register a class as the part of this name."""

    def register(cls: _P) -> _P:
        if name in PARTS:
            raise ValueError(f"part '{name}' is registered twice")
        cls.name = name
        PARTS[name] = cls
        return cls

    return register


def part_class(name: str) -> type[Part]:
    """Return the part of a name, or raise ConfigError with the nearest one.

    >>> part_class("radiator").__name__
    'Radiator'
    """
    if name not in PARTS:
        raise ConfigError(f"no part '{name}'.{nearest(name, PARTS)} Parts: {', '.join(sorted(PARTS))}")
    return PARTS[name]


def state_table(state: Any) -> dict[str, np.ndarray]:
    """Return the numbers of a state as columns NAME, VALUE, UNIT; those of a state inside it with its name in front.

    Parameters
    ----------
    state : frozen dataclass of quantities.
    """
    rows = _numbers("", state)
    return {
        "NAME": np.array([name for name, _, _ in rows]),
        "VALUE": np.array([value for _, value, _ in rows]),
        "UNIT": np.array([unit for _, _, unit in rows]),
    }


def _numbers(before: str, state: Any) -> list[tuple[str, float, str]]:
    rows, known = [], quantities_of(state)
    for f in fields(state):
        value = getattr(state, f.name)
        if f.name in known and isinstance(value, (int, float)) and not isinstance(value, bool):
            rows.append((before + f.name, float(value), known[f.name].unit))
        elif is_dataclass(value):
            rows += _numbers(f"{before}{f.name}.", value)
    return rows
