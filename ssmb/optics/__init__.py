"""Optics: closed orbit, one-turn and section maps, Twiss functions, slip factors, Taylor maps, matching."""

import sys
import types
from typing import TYPE_CHECKING

from ssmb.optics.closed_orbit import closed_orbit
from ssmb.optics.knobs import Knob
from ssmb.optics.matching import MatchResult, MatchStatus, match
from ssmb.optics.matrices import transfer_matrix
from ssmb.optics.optics import Optics, OpticsStatus, optics
from ssmb.optics.tapering import tapered
from ssmb.optics.targets import Target
from ssmb.optics.taylor import TaylorMap, taylor_map

__all__ = [
    "Knob",
    "MatchResult",
    "MatchStatus",
    "Optics",
    "OpticsStatus",
    "Target",
    "TaylorMap",
    "closed_orbit",
    "match",
    "optics",
    "tapered",
    "taylor_map",
    "transfer_matrix",
]


if not TYPE_CHECKING:

    class _RoomAndVerb(types.ModuleType):
        """``ssmb.optics`` is this room and the verb: importing the room must not hide ``ssmb.optics(ring)``."""

        def __call__(self, lattice, *, delta=0.0, lasers=False, delta_step=2.5e-4):
            return optics(lattice, delta=delta, lasers=lasers, delta_step=delta_step)

    sys.modules[__name__].__class__ = _RoomAndVerb
