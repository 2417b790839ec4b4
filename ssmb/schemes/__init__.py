"""Microbunching schemes, one file each: closed form, thin model, beamline. Importing this package registers all."""

import importlib
import pkgutil

from ssmb.schemes.adm import AngularDispersion, ReversibleAngularDispersion
from ssmb.schemes.angular import AngularModulationCoupling
from ssmb.schemes.base import SCHEMES, Scheme, scheme, scheme_class
from ssmb.schemes.compare import SchemeComparison, SchemeNeeds, compare_schemes
from ssmb.schemes.eehg import EchoEnabled
from ssmb.schemes.given import Given
from ssmb.schemes.insertion import CouplingInsertion
from ssmb.schemes.lsf import StrongFocusing, TwoModulators
from ssmb.schemes.micro_bucket import MicroBucketHarmonics
from ssmb.schemes.pehg import PhaseMerging
from ssmb.schemes.single_stage import SingleStage
from ssmb.schemes.tlc import EnergyModulationCoupling

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")  # a new file is registered by being there

__all__ = [
    "SCHEMES",
    "AngularDispersion",
    "AngularModulationCoupling",
    "CouplingInsertion",
    "EchoEnabled",
    "EnergyModulationCoupling",
    "Given",
    "MicroBucketHarmonics",
    "PhaseMerging",
    "ReversibleAngularDispersion",
    "Scheme",
    "SchemeComparison",
    "SchemeNeeds",
    "SingleStage",
    "StrongFocusing",
    "TwoModulators",
    "compare_schemes",
    "scheme",
    "scheme_class",
]
