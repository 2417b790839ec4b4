"""Equilibrium of a ring under synchrotron radiation: radiation integrals, envelope, theoretical minima."""

from ssmb.equilibrium.equilibrium import Equilibrium, EquilibriumStatus, equilibrium
from ssmb.equilibrium.minimum import (
    bunch_length_with_slip,
    damping_per_turn,
    isomagnetic_energy_loss,
    isomagnetic_sigma_delta,
    minimum_bunch_length,
    minimum_horizontal_emittance,
    minimum_longitudinal_emittance,
    minimum_partial_slip,
    minimum_vertical_emittance,
    wiggler_energy_loss,
    wiggler_sigma_delta,
)
from ssmb.equilibrium.radiation_integrals import RadiationIntegrals, radiation_integrals
from ssmb.verbs import callable_room

callable_room(__name__, "equilibrium")

__all__ = [
    "Equilibrium",
    "EquilibriumStatus",
    "RadiationIntegrals",
    "bunch_length_with_slip",
    "damping_per_turn",
    "equilibrium",
    "isomagnetic_energy_loss",
    "isomagnetic_sigma_delta",
    "minimum_bunch_length",
    "minimum_horizontal_emittance",
    "minimum_longitudinal_emittance",
    "minimum_partial_slip",
    "minimum_vertical_emittance",
    "radiation_integrals",
    "wiggler_energy_loss",
    "wiggler_sigma_delta",
]
