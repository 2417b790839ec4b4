"""What the electrons of a beam do to each other: effects that act in tracking (one file each), and scattering."""

from ssmb.collective.effect import EFFECTS, Effect, effect
from ssmb.collective.impedance import (
    BunchImpedance,
    ImpedanceTable,
    Inductance,
    ResistiveWall,
    Resonator,
    TrainImpedance,
)
from ssmb.collective.intrabeam import (
    IntrabeamHeating,
    IntrabeamRates,
    coulomb_logarithm,
    intrabeam_diffusion,
    intrabeam_rates,
)

__all__ = [
    "EFFECTS",
    "BunchImpedance",
    "Effect",
    "ImpedanceTable",
    "Inductance",
    "IntrabeamHeating",
    "IntrabeamRates",
    "ResistiveWall",
    "Resonator",
    "TrainImpedance",
    "coulomb_logarithm",
    "effect",
    "intrabeam_diffusion",
    "intrabeam_rates",
]
