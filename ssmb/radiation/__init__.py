"""Light of electrons in undulators: one electron, coherent, incoherent, statistics."""

from ssmb.radiation.coherent import bunching_for_power, coherent_energy, coherent_power
from ssmb.radiation.incoherent import central_cone_power, incoherent_energy, total_power
from ssmb.radiation.signal import ChargeSignal, signal_against_charge
from ssmb.radiation.undulator import Undulator, photon_energy, photon_rate

__all__ = [
    "ChargeSignal",
    "Undulator",
    "bunching_for_power",
    "central_cone_power",
    "coherent_energy",
    "coherent_power",
    "incoherent_energy",
    "photon_energy",
    "photon_rate",
    "signal_against_charge",
    "total_power",
]
