"""Every figure of the package; the only room that knows matplotlib, which is loaded when a figure is drawn."""

from ssmb.plot.of_object import plot
from ssmb.verbs import callable_room

__all__ = ["plot"]

callable_room(__name__, "plot")
