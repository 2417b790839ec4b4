"""What the electrons of a beam do to each other: effects that act in tracking (one file each), and scattering."""

import importlib
import pkgutil

from ssmb.collective.bend_light import BendLight
from ssmb.collective.bunch_impedance import BunchImpedance
from ssmb.collective.bunch_light import BunchLight
from ssmb.collective.cavity_loading import CavityLoading
from ssmb.collective.coasting_stability import CoastingStability, coasting_growth
from ssmb.collective.collisions import ImpactParameters, impact_parameters
from ssmb.collective.effect import EFFECTS, Effect, effect
from ssmb.collective.haissinski import HaissinskiBunch, haissinski_bunch
from ssmb.collective.impedances import (
    CSR,
    IMPEDANCES,
    CSRPlates,
    Impedance,
    ImpedanceTable,
    Inductance,
    Resistance,
    ResistiveWall,
    Resonator,
    SpaceCharge,
    SpaceChargeDisc,
    TransverseResistiveWall,
    TransverseResonator,
    UndulatorLight,
)
from ssmb.collective.intrabeam import IntrabeamRates, intrabeam_diffusion, intrabeam_rates
from ssmb.collective.intrabeam_heating import IntrabeamHeating
from ssmb.collective.micro_well import HaissinskiTrain, haissinski_train
from ssmb.collective.mode_coupling import (
    HeadTailModes,
    head_tail_modes,
    mode_coupling_threshold,
    two_particle_growth,
    two_particle_strength,
)
from ssmb.collective.optical_cavity import OpticalCavity
from ssmb.collective.own_light import OwnLight
from ssmb.collective.rf_cavity import LoadedRfCavity
from ssmb.collective.robinson import RobinsonMotion, robinson_first_order, robinson_motion
from ssmb.collective.scattering import Intrabeam
from ssmb.collective.self_consistent import self_consistent_equilibrium
from ssmb.collective.space_charge_tune_shift import space_charge_tune_shift
from ssmb.collective.stored_beam import StoredBeam
from ssmb.collective.thresholds import (
    boussard_current,
    csr_bunch_threshold,
    keil_schnell_current,
    stupakov_heifets_wavelength,
)
from ssmb.collective.touschek import TouschekLifetime, bruck_function, touschek_lifetime, touschek_rate
from ssmb.collective.train_impedance import TrainImpedance
from ssmb.collective.transverse_impedance import TransverseImpedance
from ssmb.collective.transverse_space_charge import TransverseSpaceCharge
from ssmb.collective.vlasov import VlasovRun, vlasov_bunch, vlasov_train

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    importlib.import_module(f"{__name__}.{_module}")  # a new file is registered by being there

__all__ = [
    "BendLight",
    "BunchImpedance",
    "BunchLight",
    "CSR",
    "CSRPlates",
    "CavityLoading",
    "CoastingStability",
    "EFFECTS",
    "Effect",
    "HaissinskiBunch",
    "HaissinskiTrain",
    "HeadTailModes",
    "IMPEDANCES",
    "ImpactParameters",
    "Impedance",
    "ImpedanceTable",
    "Inductance",
    "Intrabeam",
    "IntrabeamHeating",
    "IntrabeamRates",
    "LoadedRfCavity",
    "OpticalCavity",
    "OwnLight",
    "Resistance",
    "ResistiveWall",
    "Resonator",
    "RobinsonMotion",
    "SpaceCharge",
    "SpaceChargeDisc",
    "StoredBeam",
    "TouschekLifetime",
    "TrainImpedance",
    "TransverseImpedance",
    "TransverseResistiveWall",
    "TransverseResonator",
    "TransverseSpaceCharge",
    "UndulatorLight",
    "VlasovRun",
    "boussard_current",
    "bruck_function",
    "coasting_growth",
    "csr_bunch_threshold",
    "effect",
    "haissinski_bunch",
    "haissinski_train",
    "head_tail_modes",
    "impact_parameters",
    "intrabeam_diffusion",
    "intrabeam_rates",
    "keil_schnell_current",
    "mode_coupling_threshold",
    "robinson_first_order",
    "robinson_motion",
    "space_charge_tune_shift",
    "stupakov_heifets_wavelength",
    "touschek_lifetime",
    "touschek_rate",
    "two_particle_growth",
    "two_particle_strength",
    "vlasov_bunch",
    "vlasov_train",
    "self_consistent_equilibrium",
]
