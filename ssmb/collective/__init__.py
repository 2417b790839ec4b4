"""What the electrons of a beam do to each other."""

from ssmb.collective.intrabeam import (
    IntrabeamHeating,
    IntrabeamRates,
    coulomb_logarithm,
    intrabeam_diffusion,
    intrabeam_rates,
)

__all__ = ["IntrabeamHeating", "IntrabeamRates", "coulomb_logarithm", "intrabeam_diffusion", "intrabeam_rates"]
