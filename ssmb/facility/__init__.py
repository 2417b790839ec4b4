"""The source as a whole: machine parts, what a beam gives at the intermediate focus, and what takes how much of it."""

import importlib
import pkgutil

from ssmb.facility.energy import EnergyOfTurn, energy_of_turn
from ssmb.facility.insertion import Insertion
from ssmb.facility.insertion_state import InsertionState
from ssmb.facility.part import PARTS, Part
from ssmb.facility.radiator import Radiator
from ssmb.facility.ring import Filling, Ring, RingState
from ssmb.facility.ring_budget import RadiatorLoss, RingBudget, ring_budget
from ssmb.facility.source import RadiatingBeam, SourceLight
from ssmb.facility.steps import EnergyStep, Limit, PowerStep

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")  # a new file is registered by being there

__all__ = [
    "PARTS",
    "EnergyOfTurn",
    "EnergyStep",
    "Filling",
    "Insertion",
    "InsertionState",
    "Limit",
    "Part",
    "PowerStep",
    "RadiatingBeam",
    "Radiator",
    "RadiatorLoss",
    "Ring",
    "RingBudget",
    "RingState",
    "SourceLight",
    "energy_of_turn",
    "ring_budget",
]
