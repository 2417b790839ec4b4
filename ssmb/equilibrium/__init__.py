"""Equilibrium of a ring under synchrotron radiation: radiation integrals, envelope, theoretical minima."""

from ssmb.equilibrium.equilibrium import Equilibrium, EquilibriumStatus, equilibrium
from ssmb.verbs import callable_room

callable_room(__name__, "equilibrium")

__all__ = ["Equilibrium", "EquilibriumStatus", "equilibrium"]
