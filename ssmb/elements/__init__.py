"""Elements: one file each. Importing this package registers all of them."""

import importlib
import pkgutil

from ssmb.elements.base import ELEMENTS, Element, element, param
from ssmb.elements.bend import Bend
from ssmb.elements.drift import Drift
from ssmb.elements.kicker import Kicker
from ssmb.elements.marker import Instrument, Marker
from ssmb.elements.multipole import Multipole
from ssmb.elements.octupole import Octupole
from ssmb.elements.patch import Patch
from ssmb.elements.quadrupole import Quadrupole
from ssmb.elements.rf_cavity import RFCavity
from ssmb.elements.sextupole import Sextupole
from ssmb.elements.solenoid import Solenoid

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")  # a new file is registered by being there

__all__ = [
    "ELEMENTS",
    "Bend",
    "Drift",
    "Element",
    "Instrument",
    "Kicker",
    "Marker",
    "Multipole",
    "Octupole",
    "Patch",
    "Quadrupole",
    "RFCavity",
    "Sextupole",
    "Solenoid",
    "element",
    "param",
]
