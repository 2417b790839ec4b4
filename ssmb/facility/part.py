"""A machine part: one frozen class that says what it does to what comes to it.

The parameters of a part are quantities; ``state(upstream)`` returns a frozen class of quantities, tracked where the
physics needs it. What a part takes from a power or an energy it tells as named steps (:mod:`ssmb.facility.steps`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

#: name of a part -> its class
PARTS: dict[str, type[Part]] = {}


class Part(ABC):
    """A part of a facility; subclasses are frozen dataclasses, `name` stands in the class line."""

    name: ClassVar[str]

    def __init_subclass__(cls, *, name: str) -> None:
        if name in PARTS:
            raise ValueError(f"part '{name}' is registered twice")
        cls.name = name
        PARTS[name] = cls

    @abstractmethod
    def state(self, upstream: Any) -> Any:
        """Return what the part makes of what comes to it, a frozen dataclass of quantities."""

    @classmethod
    @abstractmethod
    def examples(cls) -> list[tuple[Self, Any]]:
        """Return small parts, each with what comes to it, for tests and documentation."""
