"""Rooms that are verbs: ``ssmb.optics(ring)`` calls the function ``optics`` of the package ``ssmb.optics``.

Python binds a sub-package to its parent under its own name, so a function of the same name would be hidden as soon as
anything is imported from the room. A room that has such a verb is therefore made callable itself.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


def callable_room(room: str, verb: str) -> None:
    """Make the module ``room`` callable: calling it calls its function ``verb``."""

    class Room(ModuleType):
        def __call__(self, *args: Any, **options: Any) -> Any:
            return getattr(self, verb)(*args, **options)

    sys.modules[room].__class__ = Room
