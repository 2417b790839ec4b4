"""A ring as few maps: from a lattice, or from the parameters of one turn."""

from ssmb.ring_models.from_parameters import RingParameters, ring_model_from_parameters
from ssmb.ring_models.ring_model import ring_model

__all__ = [
    "RingParameters",
    "ring_model",
    "ring_model_from_parameters",
]
