"""Energy balance of a turn with radiation: what is lost, and what cavities and restorers can give back."""

from __future__ import annotations

from dataclasses import dataclass

from ssmb.errors import PhysicsError
from ssmb.kernels.roles import Role
from ssmb.lattice.program import Program
from ssmb.lattice.tree import Lattice
from ssmb.maps.synchrotron_radiation import RadiationConstants


@dataclass(frozen=True)
class EnergyBalance:
    """Energy of a turn on the reference orbit.

    Attributes
    ----------
    loss : mean energy loss in bodies of magnets and wigglers [eV].
    restored : what SSMB_EnergyRestorer elements give [eV].
    voltage : sum of the cavity voltages, the most that they can give [V]; 0 without cavities.
    """

    loss: float
    restored: float
    voltage: float

    @property
    def missing(self) -> str:
        """Words that say what is missing; empty where cavities can replace the loss, or where there are none."""
        if not self.voltage or self.loss - self.restored < self.voltage:
            return ""
        return (
            f"a turn loses {self.loss:.6g} eV, of which an SSMB_EnergyRestorer gives back {self.restored:.6g} eV, and "
            f"the "
            f"cavities give at most {self.voltage:.6g} eV. Raise RFP.voltage"
        )


def energy_balance(lattice: Lattice) -> EnergyBalance:
    """Return the energy balance of a turn, whatever radiation is tracked."""
    ref = lattice.reference
    loss = 0.0
    for element in lattice:
        field = element.local_field(ref)
        if field is not None:
            loss += RadiationConstants.of(ref).loss * field.square * field.strength() ** 2 * field.length
    restored = sum(e.restores() for e in lattice)
    voltage = sum(abs(cavity.voltage) for e in lattice if (cavity := e.cavity()) is not None)
    return EnergyBalance(loss * ref.p0c * ref.beta, float(restored), float(voltage))


def balance_of(program: Program) -> EnergyBalance:
    """Return the energy balance of a program that was compiled with mean radiation."""
    ref = program.reference
    constant = RadiationConstants.of(ref).loss
    loss = 0.0
    for emission in program.said(Role.EMISSION):
        loss += emission.length * (constant * emission.field.square) * emission.field.squared(0.0, 0.0)
    restored = sum(program.said(Role.RESTORER))
    voltage = sum(abs(cavity.voltage) for cavity in program.said(Role.CAVITY))
    return EnergyBalance(loss * ref.p0c * ref.beta, float(restored), float(voltage))


def check_voltage(program: Program) -> None:
    """Raise PhysicsError if the cavities of a program with mean radiation cannot replace what a turn loses."""
    missing = balance_of(program).missing
    if missing:
        raise PhysicsError(f"mode z has no equilibrium: {missing}")
