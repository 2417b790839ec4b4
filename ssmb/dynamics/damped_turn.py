"""One turn with mean radiation, linear about its closed orbit, good enough for damping of 1e-7 per turn.

Damping is a small departure from a symplectic map, so it must not drown in the error of numerical derivatives. The turn
is cut at every dissipative op. A piece between two cuts is symplectic: its derivative is projected onto the symplectic
matrices. A radiation op changes particles by little: the derivative of the *change* is taken. The product of both kinds
of factors has damping rates that are right to 1e-8 of themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmb.dynamics.closed_orbit import find_orbits
from ssmb.dynamics.energy_balance import check_voltage
from ssmb.dynamics.linear import symplectic_form
from ssmb.dynamics.matrices import Displaced, suited
from ssmb.dynamics.propagation import recorded_at
from ssmb.kernels.roles import Role
from ssmb.lattice.program import Program
from ssmb.maps.op import Emission
from ssmb.maps.synchrotron_radiation import RadiationConstants

_FORM = symplectic_form(6)
#: What takes energy or damps because something radiates.
_RADIATES = (Role.EMISSION, Role.EDGE, Role.LUMP)


@dataclass(frozen=True, eq=False)
class DampedTurn:
    """Linear map of a turn with radiation.

    Attributes
    ----------
    orbit : (n + 1, 6) closed orbit at the entrances of the elements and at the end [m, 1].
    along : (n + 1, 6, 6) maps from the beginning to these places, damping included.
    undamped : (n + 1, 6, 6) the same without damping.
    noise : (n + 1, 6, 6) covariance that one pass adds up to each place, carried back to the beginning.
    kicks : (j, 6) directions of the kicks at the radiation points, carried back to the beginning.
    strengths : (j,) variance of delta (or, with the opening angle, of what they say) that each of them adds in a pass.
    energy_loss : energy lost in a turn on the closed orbit [eV].
    """

    orbit: np.ndarray
    along: np.ndarray
    undamped: np.ndarray
    noise: np.ndarray
    kicks: np.ndarray
    strengths: np.ndarray
    energy_loss: float

    @property
    def one_turn(self) -> np.ndarray:
        """(6, 6) damped one-turn matrix."""
        return self.along[-1]

    @property
    def symplectic(self) -> np.ndarray:
        """(6, 6) one-turn matrix without damping."""
        return self.undamped[-1]


def damped_turn(program: Program, start: np.ndarray | None = None) -> DampedTurn:
    """Linearise a turn of a program that was compiled with radiation="envelope" (or "mean").

    Parameters
    ----------
    program : ring, or a section of one.
    start : (6,) coordinates at the beginning about which it is linear [m, 1]; default: the closed orbit.

    Raises
    ------
    PhysicsError
        If there is no closed orbit: in particular if the loss exceeds the voltage.
    """
    program, diffusing = program.without_noise()
    if start is None:
        check_voltage(program)
        orbit = find_orbits(program, np.zeros((6, 1)), 6)
    else:
        orbit = np.array(start, dtype=float)[:, None]
    made, _ = suited(program, orbit)
    emissions, constants = program.emissions, RadiationConstants.of(program.reference)
    radiates = np.isin(program.roles, _RADIATES)
    # what radiation takes and what a restorer gives back are both no part of the map without damping
    changes = radiates | (program.roles == Role.RESTORER)
    dissipates = np.flatnonzero(changes | (program.roles == Role.DAMPED))
    cuts = np.unique(np.concatenate((program.first_op, dissipates, dissipates + 1, [0, len(program.ops)])))
    record = recorded_at(program, made.particles(), cuts)
    place = {int(c): i for i, c in enumerate(cuts)}
    factors, undamped = _factors(made, record, cuts, {int(d) for d in dissipates}, changes)
    maps, clean = _products(factors), _products(undamped)
    orbit = made.centre(record)[:, :, 0]
    back, noise, kicks, strengths = np.zeros((6, 6)), np.zeros((len(cuts), 6, 6)), [], []
    loss = 0.0
    for i in range(len(cuts) - 1):
        op = int(cuts[i])
        if radiates[op]:
            loss += _energy(program, orbit[i, 5]) - _energy(program, orbit[i + 1, 5])
            if program.roles[op] == Role.EMISSION:
                strength = spread_of(emissions[op], constants, orbit[i])
                for kick in np.linalg.solve(maps[i], _recoils(program, emissions[op], orbit[i]).T).T:
                    kicks.append(kick)
                    strengths.append(strength)
                    back = back + strength * np.outer(kick, kick)
        if op in diffusing:
            inverse = np.linalg.inv(maps[i + 1])
            columns = inverse @ diffusing[op]
            back = back + columns @ columns.T
            kicks.extend(columns.T)
            strengths.extend([1.0] * columns.shape[1])
        noise[i + 1] = back
    here = [place[int(c)] for c in program.first_op]
    return DampedTurn(
        orbit=orbit[here],
        along=maps[here],
        undamped=clean[here],
        noise=noise[here],
        kicks=np.array(kicks).reshape(-1, 6),
        strengths=np.array(strengths),
        energy_loss=float(loss),
    )


def spread_of(emission: Emission, constants: RadiationConstants, at: np.ndarray) -> float:
    """Variance of delta that the photons of a piece of a body add, for a particle at the coordinates ``at``."""
    field, q = emission.field, 1.0 + at[5]
    path = emission.length * (1.0 + field.h * at[0] + 0.5 * (at[1] ** 2 + at[3] ** 2) / q**2)
    return float(constants.spread * field.cube * field.squared(at[0], at[2]) ** 1.5 * path * q**4)


def _recoils(program: Program, emission: Emission, at: np.ndarray) -> np.ndarray:
    """Directions (j, 6) in which photons push: along the orbit, and with the opening angle across it."""
    q = 1.0 + at[5]
    along = [0.0, at[1] / q, 0.0, at[3] / q, 0.0, 1.0]
    if not program.radiation.angles:
        return np.array([along])
    angle = 1.0 / (program.reference.gamma * q)
    across = emission.field.recoil_kicks(float(at[0]), float(at[2]))
    return np.array([along, *([0.0, angle * x, 0.0, angle * y, 0.0, 0.0] for x, y in across if x or y)])


def _energy(program: Program, delta: float) -> float:
    """Energy of a momentum deviation, relative to the reference [eV]; differences do not cancel."""
    ref = program.reference
    q = 1.0 + delta
    d = delta * (2.0 + delta)
    return ref.p0c * d / (np.sqrt(q * q + (ref.mass / ref.p0c) ** 2) + ref.energy / ref.p0c)


def _factors(
    made: Displaced, record: np.ndarray, cuts: np.ndarray, dissipates: set[int], changes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Matrices of the pieces between cuts, (k - 1, 6, 6): with damping, and with 1 in place of radiation and
    restorers.
    """
    slopes = made.slopes(record)[:, 0]
    inverse = np.linalg.inv(slopes[:-1])
    pieces = slopes[1:] @ inverse
    change = made.slopes(record[1:] - record[:-1])[:, 0] @ inverse
    plain = np.array([int(c) not in dissipates for c in cuts[:-1]], dtype=bool)
    pieces[plain] = symplectified(pieces[plain])
    undamped = pieces.copy()
    for i in np.flatnonzero(~plain):
        pieces[i] = np.eye(6) + change[i]
        undamped[i] = np.eye(6) if changes[cuts[i]] else symplectified(pieces[i], 8)
    return pieces, undamped


def _products(factors: np.ndarray) -> np.ndarray:
    """Running products, the identity first."""
    out = np.empty((len(factors) + 1, 6, 6))
    out[0] = np.eye(6)
    for i, factor in enumerate(factors):
        out[i + 1] = factor @ out[i]
    return out


def symplectified(m: np.ndarray, steps: int = 2) -> np.ndarray:
    """Nearest symplectic matrices of (..., 6, 6) nearly symplectic ones (Newton steps of the polar decomposition)."""
    for _ in range(steps):
        dual = -_FORM @ np.swapaxes(np.linalg.inv(m), -1, -2) @ _FORM
        m = 0.5 * (m + dual)
    return m
