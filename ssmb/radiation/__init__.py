"""Light of electrons in undulators: one electron, coherent, incoherent, statistics."""

from ssmb.radiation.bend_light import bend_flux, critical_energy
from ssmb.radiation.brightness import Brightness, ElectronBeam, undulator_brightness
from ssmb.radiation.coherent import bunching_for_power, coherent_energy, coherent_power
from ssmb.radiation.debunching import Plane, debunched_power
from ssmb.radiation.exit_light import ExitLight, counted_band
from ssmb.radiation.fel import FreeElectronLaser, free_electron_laser
from ssmb.radiation.generations import Generations, LightSource, compare_generations
from ssmb.radiation.growth import FieldGrowth, field_growth, gain_parameter, pierce_parameter
from ssmb.radiation.harmonics import angular_energy, harmonic_amplitude, harmonic_energy, resonant_density
from ssmb.radiation.incoherent import axis_power_density, central_cone_power, incoherent_energy, total_power
from ssmb.radiation.kick_map import kick_map
from ssmb.radiation.machines import MachineInput, Machines
from ssmb.radiation.signal import ChargeSignal, signal_against_charge
from ssmb.radiation.single_electron import (
    angular_density,
    aperture_spectrum,
    orbit_field,
    photon_flux,
    stokes,
    undulator_field,
)
from ssmb.radiation.tracked import TrackedLight, energy_exchange, tracked_power
from ssmb.radiation.trajectory import Orbit, orbit_in_field, tabulated_orbit, undulator_orbit
from ssmb.radiation.undulator import Undulator, photon_energy, photon_rate

__all__ = [
    "Brightness",
    "ChargeSignal",
    "ElectronBeam",
    "ExitLight",
    "FieldGrowth",
    "FreeElectronLaser",
    "Generations",
    "LightSource",
    "MachineInput",
    "Machines",
    "Orbit",
    "Plane",
    "TrackedLight",
    "Undulator",
    "angular_density",
    "angular_energy",
    "aperture_spectrum",
    "axis_power_density",
    "bend_flux",
    "bunching_for_power",
    "central_cone_power",
    "coherent_energy",
    "coherent_power",
    "counted_band",
    "compare_generations",
    "critical_energy",
    "debunched_power",
    "energy_exchange",
    "field_growth",
    "free_electron_laser",
    "gain_parameter",
    "harmonic_amplitude",
    "harmonic_energy",
    "incoherent_energy",
    "kick_map",
    "orbit_field",
    "orbit_in_field",
    "photon_energy",
    "photon_flux",
    "photon_rate",
    "pierce_parameter",
    "resonant_density",
    "signal_against_charge",
    "stokes",
    "tabulated_orbit",
    "total_power",
    "tracked_power",
    "undulator_brightness",
    "undulator_field",
    "undulator_orbit",
]
