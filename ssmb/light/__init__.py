"""Light of electrons in undulators and bends: one electron, coherent, incoherent, statistics."""

from ssmb.light.aperture import aperture_spectrum
from ssmb.light.coherent import bunching_for_power, coherent_energy, coherent_power
from ssmb.light.debunching import Plane, debunched_power
from ssmb.light.exit_light import ExitLight, counted_band
from ssmb.light.generations.bend import bend_flux, critical_energy
from ssmb.light.generations.brightness import Brightness, ElectronBeam, undulator_brightness
from ssmb.light.generations.compare import Generations, LightSource, compare_generations
from ssmb.light.generations.fel import FreeElectronLaser, free_electron_laser
from ssmb.light.generations.machines import MachineInput, Machines
from ssmb.light.growth import FieldGrowth, field_growth, gain_parameter, pierce_parameter
from ssmb.light.harmonics import angular_energy, harmonic_amplitude, harmonic_energy, resonant_density
from ssmb.light.incoherent import axis_power_density, central_cone_power, incoherent_energy, total_power
from ssmb.light.signal import ChargeSignal, signal_against_charge
from ssmb.light.single_electron import (
    angular_density,
    orbit_field,
    photon_flux,
    stokes,
    undulator_field,
)
from ssmb.light.statistics import photon_energy, photon_rate
from ssmb.light.tracked import TrackedLight, energy_exchange, tracked_power
from ssmb.light.trajectory import Orbit, orbit_in_field, tabulated_orbit, undulator_orbit
from ssmb.light.wiggler import wiggler_spectrum
from ssmb.maps.undulator import Undulator

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
    "compare_generations",
    "counted_band",
    "critical_energy",
    "debunched_power",
    "energy_exchange",
    "field_growth",
    "free_electron_laser",
    "gain_parameter",
    "harmonic_amplitude",
    "harmonic_energy",
    "incoherent_energy",
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
    "wiggler_spectrum",
]
