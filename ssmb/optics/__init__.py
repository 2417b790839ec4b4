"""Optics: closed orbit, one-turn and section maps, Twiss functions, slip factors, Taylor maps, matching."""

from ssmb.optics.closed_orbit import closed_orbit
from ssmb.optics.matrices import transfer_matrix
from ssmb.optics.optics import Optics, OpticsStatus, optics

__all__ = ["Optics", "OpticsStatus", "closed_orbit", "optics", "transfer_matrix"]
