"""The source as a whole: what a beam at the radiator gives at the intermediate focus, and what takes how much of it."""

from ssmb.facility.beamline import Beamline, Footprint
from ssmb.facility.ring_budget import RadiatorLoss, RingBudget, ring_budget
from ssmb.facility.source import PowerStep, Radiator, SourceLight, source_light
from ssmb.facility.stages import (
    Aperture,
    Gas,
    Given,
    GrazingMirror,
    Homogeniser,
    MultilayerMirror,
    SpectralFilter,
    Stage,
)

__all__ = [
    "Aperture",
    "Beamline",
    "Footprint",
    "Gas",
    "Given",
    "GrazingMirror",
    "Homogeniser",
    "MultilayerMirror",
    "PowerStep",
    "Radiator",
    "RadiatorLoss",
    "RingBudget",
    "SourceLight",
    "SpectralFilter",
    "Stage",
    "ring_budget",
    "source_light",
]
