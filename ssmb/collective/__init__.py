"""What the electrons of a beam do to each other: effects that act in tracking (one file each), and scattering."""

import importlib
import pkgutil

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

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")  # a new file is registered by being there

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
