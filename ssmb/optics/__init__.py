"""Optics: closed orbit, one-turn and section maps, Twiss functions, slip factors, Taylor maps, matching."""

from ssmb.optics.closed_orbit import closed_orbit
from ssmb.optics.matching import Knob, MatchResult, MatchStatus, Target, match
from ssmb.optics.matrices import transfer_matrix
from ssmb.optics.optics import Optics, OpticsStatus, optics
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
    "taylor_map",
    "transfer_matrix",
]
