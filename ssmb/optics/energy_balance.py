"""Energy balance of a turn with radiation: what is lost, and what cavities and restorers can give back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmb.elements.energy_restorer import radiation_restored
from ssmb.elements.rf_cavity import rf_kick
from ssmb.elements.synchrotron_radiation import MEAN_KERNELS, SQUARES, RadiationConstants
from ssmb.errors import PhysicsError
from ssmb.kernels.objects import pure_python
from ssmb.lattice.program import Program
from ssmb.lattice.tree import Lattice

_MOST_NUMBERS = 16  # of a radiation op


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
            f"a turn loses {self.loss:.6g} eV, of which an SSMB_EnergyRestorer gives back {self.restored:.6g} eV, and the "
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
    restored = sum(getattr(e, "energy_gain", 0.0) for e in lattice if e.kind == "SSMB_EnergyRestorer")
    voltage = sum(abs(getattr(e, "voltage", 0.0)) for e in lattice if e.kind == "RFCavity")
    return EnergyBalance(loss * ref.p0c * ref.beta, float(restored), float(voltage))


def balance_of(program: Program) -> EnergyBalance:
    """Return the energy balance of a program that was compiled with mean radiation."""
    ref, ops, params = program.reference, program.ops, program.params
    loss = 0.0
    for op in np.flatnonzero(np.isin(ops[:, 0], tuple(MEAN_KERNELS))):
        p = params[ops[op, 1] : ops[op, 1] + _MOST_NUMBERS].tolist()
        loss += p[0] * p[2] * pure_python(SQUARES[MEAN_KERNELS[int(ops[op, 0])]])(0.0, 0.0, p[4:])
    restored = float(params[ops[ops[:, 0] == radiation_restored.index, 1]].sum()) * ref.p0c
    voltage = float(np.abs(params[ops[ops[:, 0] == rf_kick.index, 1]]).sum()) * ref.p0c
    return EnergyBalance(loss * ref.p0c * ref.beta, restored, voltage)


def check_voltage(program: Program) -> None:
    """Raise PhysicsError if the cavities of a program with mean radiation cannot replace what a turn loses."""
    missing = balance_of(program).missing
    if missing:
        raise PhysicsError(f"mode z has no equilibrium: {missing}")
