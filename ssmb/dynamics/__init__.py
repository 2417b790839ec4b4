"""One ring without macroparticles: orbit, optics, slip factors, Taylor maps, matching, integrals, equilibrium."""

from ssmb.dynamics.closed_orbit import closed_orbit
from ssmb.dynamics.equilibrium import Equilibrium, EquilibriumStatus, equilibrium
from ssmb.dynamics.knobs import Knob
from ssmb.dynamics.matching import MatchResult, MatchStatus, match
from ssmb.dynamics.matrices import transfer_matrix
from ssmb.dynamics.minimum import (
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
from ssmb.dynamics.optics import Optics, OpticsStatus, optics
from ssmb.dynamics.radiation_integrals import RadiationIntegrals, radiation_integrals
from ssmb.dynamics.tapering import tapered
from ssmb.dynamics.targets import Target
from ssmb.dynamics.taylor import TaylorMap, taylor_map

__all__ = [
    "Equilibrium",
    "EquilibriumStatus",
    "Knob",
    "MatchResult",
    "MatchStatus",
    "Optics",
    "OpticsStatus",
    "RadiationIntegrals",
    "Target",
    "TaylorMap",
    "bunch_length_with_slip",
    "closed_orbit",
    "damping_per_turn",
    "equilibrium",
    "isomagnetic_energy_loss",
    "isomagnetic_sigma_delta",
    "match",
    "minimum_bunch_length",
    "minimum_horizontal_emittance",
    "minimum_longitudinal_emittance",
    "minimum_partial_slip",
    "minimum_vertical_emittance",
    "optics",
    "radiation_integrals",
    "tapered",
    "taylor_map",
    "transfer_matrix",
    "wiggler_energy_loss",
    "wiggler_sigma_delta",
]
