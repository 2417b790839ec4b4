"""Every figure of the package; the only room that knows matplotlib, which is loaded when a figure is drawn."""

import sys
from types import ModuleType
from typing import Any

from ssmb.plot.of_object import plot

__all__ = ["plot"]


class _Room(ModuleType):
    """``ssmb.plot`` is this room and the function: importing the room must not hide ``ssmb.plot(result)``."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        return plot(*args, **options)


sys.modules[__name__].__class__ = _Room
