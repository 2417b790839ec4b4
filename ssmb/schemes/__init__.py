"""Microbunching schemes in closed form, one file each."""

from ssmb.schemes.eehg import EchoEnabled
from ssmb.schemes.single_stage import SingleStage
from ssmb.schemes.tlc import AngularModulationCoupling, EnergyModulationCoupling

__all__ = ["AngularModulationCoupling", "EchoEnabled", "EnergyModulationCoupling", "SingleStage"]
