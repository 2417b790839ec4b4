"""From the undulator exit to the intermediate focus: stages calculated for a light, and chains of given factors."""

from ssmb.beamlines.beamline import Beamline, Footprint
from ssmb.beamlines.chains import BEAMLINES, ChainStage, LppChain, UndulatorChain, beamline
from ssmb.beamlines.stages import (
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
    "BEAMLINES",
    "Aperture",
    "Beamline",
    "ChainStage",
    "Footprint",
    "Gas",
    "Given",
    "GrazingMirror",
    "Homogeniser",
    "LppChain",
    "MultilayerMirror",
    "SpectralFilter",
    "Stage",
    "UndulatorChain",
    "beamline",
]
