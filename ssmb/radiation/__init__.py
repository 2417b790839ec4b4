"""Light of electrons in undulators: one electron, coherent, incoherent, statistics."""

from ssmb.radiation.coherent import bunching_for_power, coherent_energy, coherent_power
from ssmb.radiation.debunching import Plane, debunched_power
from ssmb.radiation.exit_light import ExitLight
from ssmb.radiation.growth import FieldGrowth, field_growth, gain_parameter, pierce_parameter
from ssmb.radiation.incoherent import central_cone_power, incoherent_energy, total_power
from ssmb.radiation.signal import ChargeSignal, signal_against_charge
from ssmb.radiation.tracked import TrackedLight, energy_exchange, tracked_power
from ssmb.radiation.undulator import Undulator, photon_energy, photon_rate

__all__ = [
    "ChargeSignal",
    "ExitLight",
    "FieldGrowth",
    "Plane",
    "TrackedLight",
    "Undulator",
    "bunching_for_power",
    "central_cone_power",
    "coherent_energy",
    "coherent_power",
    "debunched_power",
    "energy_exchange",
    "field_growth",
    "gain_parameter",
    "incoherent_energy",
    "photon_energy",
    "photon_rate",
    "pierce_parameter",
    "signal_against_charge",
    "total_power",
    "tracked_power",
]
