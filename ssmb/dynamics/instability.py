"""Why a ring has no equilibrium: which mode is not bound, and what to do about it."""

from __future__ import annotations

import numpy as np

from ssmb.dynamics.closed_orbit import find_orbits
from ssmb.dynamics.energy_balance import balance_of
from ssmb.dynamics.matrices import suited
from ssmb.dynamics.propagation import has_cavities, laser_wavelength, without
from ssmb.errors import PhysicsError
from ssmb.kernels.roles import Role
from ssmb.lattice.program import Program

MODES = ("x", "y", "z")
#: Growth in a turn that is rounding, and distance of an eigenvalue from 1 at which a motion is free.
_STABLE, _FREE = 1e-6, 1e-7
NOT_BOUND = (
    "mode z is not bound: no cavity acts. Give an RFCavity a voltage; where a laser shall bind the beam, count it "
    "(lasers=True, --lasers)"
)


def unstable_mode(m: np.ndarray) -> str:
    """Say which mode of a symplectic one-turn matrix, (4, 4) or (6, 6), is not stable; "" if all are.

    The mode is named by the plane in which its growing eigenvector is largest.
    """
    values, vectors = np.linalg.eig(m)
    fastest = int(np.argmax(np.abs(values)))
    growth = float(np.abs(values[fastest]))
    if growth <= 1.0 + _STABLE:
        return NOT_BOUND if np.abs(values - 1.0).min() < _FREE else ""
    v = np.abs(vectors[:, fastest])
    mode = MODES[int(np.argmax(v[0::2] * v[1::2]))]
    sign = float(values[fastest].real)
    if mode == "z":
        remedy = (
            "cavities need zero_phase ABOVE_TRANSITION where the slip factor is positive, BELOW_TRANSITION where it "
            "is negative"
            if sign > 0.0
            else "the longitudinal focusing is too strong: lower the voltage, the laser power or the slip factor"
        )
    else:
        much = "above 2, as of too weak focusing" if sign > 0.0 else "below -2, as of too strong focusing"
        remedy = f"the trace of a turn is {much}; check Kn1 of the quadrupoles, and that no tune is half an integer"
        if abs(values[fastest].imag) > 1e-9 * growth:
            remedy = "two modes drive each other, at a sum of tunes near an integer; check Ks1, tilts and solenoids"
    return f"mode {mode} is unstable, a turn multiplies it by {growth:.6g}: {remedy}"


#: Ops that radiation adds, and what gives back what it takes.
_OF_RADIATION = (Role.EMISSION, Role.EDGE, Role.LUMP, Role.RESTORER)


def reason(program: Program, message: str) -> str:
    """Say why a program with radiation has no closed orbit in six dimensions, where ``message`` does not say it."""
    if message.startswith("mode"):
        return message
    still = without(program, cavities=True, lasers=True).without(*_OF_RADIATION)
    what = message.partition(". ")[0].removeprefix("no closed orbit in 6 dimensions: ")
    try:
        _, turn = suited(still, find_orbits(still, np.zeros((6, 1)), 4))
    except PhysicsError as error:
        return (
            f"no closed orbit was found in six dimensions ({what}), and modes x and y alone, without cavities and "
            f"radiation, have none: {error.message}"
        )
    said = unstable_mode(turn[0][:4, :4])
    if said:
        return said
    balance = balance_of(program)
    if laser_wavelength(program):
        return (
            f"mode z is not bound by the laser ({what}): a turn loses {balance.loss:.6g} eV, of which an "
            f"SSMB_EnergyRestorer gives "
            f"back {balance.restored:.6g} eV. Give back the loss, raise the laser power; or lower it if the bucket is "
            f"too strong"
        )
    if not has_cavities(program):
        return NOT_BOUND
    return (
        f"no closed orbit was found in six dimensions with radiation ({what}); x and y alone are stable, without "
        f"cavities and radiation. A turn loses {balance.loss:.6g} eV, {balance.loss / program.reference.energy:.2g} "
        "of the energy: check RFP.voltage, phase, zero_phase, and whether the optics bear that loss (ssmb.tapered)"
    )
