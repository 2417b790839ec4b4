"""Impedances, one file each: frozen classes that give ohms for wave numbers k [1/m]; a new file is found."""

import importlib
import pkgutil

from ssmb.collective.impedances.base import (
    IMPEDANCES,
    Impedance,
    Ohms,
    Sum,
    impedance,
    impedance_class,
    impedance_values,
)
from ssmb.collective.impedances.csr import CSR, CSRPlates
from ssmb.collective.impedances.inductance import Inductance
from ssmb.collective.impedances.resistance import Resistance
from ssmb.collective.impedances.resistive_wall import ResistiveWall, TransverseResistiveWall
from ssmb.collective.impedances.resonator import Resonator, TransverseResonator
from ssmb.collective.impedances.space_charge import SpaceCharge, SpaceChargeDisc
from ssmb.collective.impedances.table import ImpedanceTable
from ssmb.collective.impedances.undulator_light import UndulatorLight

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")

__all__ = [
    "CSR",
    "CSRPlates",
    "IMPEDANCES",
    "Impedance",
    "ImpedanceTable",
    "Inductance",
    "Resistance",
    "Ohms",
    "ResistiveWall",
    "Resonator",
    "SpaceCharge",
    "SpaceChargeDisc",
    "Sum",
    "TransverseResistiveWall",
    "TransverseResonator",
    "UndulatorLight",
    "impedance",
    "impedance_class",
    "impedance_values",
]
