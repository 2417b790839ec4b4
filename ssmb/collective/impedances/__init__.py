"""Longitudinal impedances, one file each: functions of the wave number k [1/m] that give ohms."""

from ssmb.collective.impedances.base import Impedance, impedance_values
from ssmb.collective.impedances.inductance import Inductance
from ssmb.collective.impedances.resistive_wall import ResistiveWall
from ssmb.collective.impedances.resonator import Resonator
from ssmb.collective.impedances.table import ImpedanceTable
from ssmb.collective.impedances.undulator_light import UndulatorLight

__all__ = [
    "Impedance",
    "ImpedanceTable",
    "Inductance",
    "ResistiveWall",
    "Resonator",
    "UndulatorLight",
    "impedance_values",
]
