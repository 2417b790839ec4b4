"""What collective effects between the modulators of an insertion do in a pass: what the second modulator cannot take.

The same particles are tracked with an effect and without it, to behind the kick of the second modulator. Their
difference is carried back to the first one, where it is emittance: half the mean of the invariant of
``(dy - D ddelta, dpy - D' ddelta)``. A coasting beam comes with another phase on every turn, so that this is growth per
turn. Amplitude and phase of the second modulator are free: what they can take back is taken, by least squares.

References
----------
As :mod:`ssmb.schemes.closure`, of which this is the growth by what changes the momentum instead of the path.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ssmb.beam import Beam
from ssmb.dynamics.linear import symplectic_form
from ssmb.dynamics.taylor import taylor_map
from ssmb.errors import PhysicsError, ValidityWarning
from ssmb.lattice.tree import Lattice
from ssmb.quantity import quantity
from ssmb.schemes.insertion import CouplingInsertion
from ssmb.tracking import track
from ssmb.tracking.monitors import beam_at
from ssmb.tracking.stations import Effect


@dataclass(frozen=True)
class FeltEffect:
    """One collective effect in a pass through an insertion."""

    name: str = quantity("", "name of the effect")
    physics: str = quantity("", "what it is, in the words of a budget of kicks")
    mean: float = quantity("eV", "mean energy that an electron gains by it up to the second modulator")
    changed: float = quantity("eV", "rms change of the energy behind the second modulator, its kick as without it")
    taken: float = quantity("eV", "amplitude by which the kick of the second modulator is to differ, to take it back")
    growth: float = quantity("m*rad", "growth of the vertical emittance per turn by what is left then")
    kick: float = quantity("1", "rms random change of delta at the second modulator that does the same")
    half_growth: float = quantity("m*rad", "the same growth found with half of the macroparticles, for their noise")


@dataclass(frozen=True)
class FeltPass:
    """All collective effects of a pass, each alone."""

    given: tuple[FeltEffect, ...] = quantity("", "of the beam without scattering")
    scattered: tuple[FeltEffect, ...] = quantity("", "of the beam that scattering leaves")

    def has(self, physics: str) -> bool:
        """Whether one of them is this physics."""
        return any(effect.physics == physics for effect in self.scattered)


def at_radiator(of: CouplingInsertion, beam: Beam, effects: Sequence[Effect]) -> Beam:
    """Return a beam, tracked from the first modulator, in the middle of the radiator, with effects.

    Parameters
    ----------
    of : the insertion.
    beam : behind the first kick.
    effects : anywhere between the modulators; one at the radiator has acted.
    """
    if not effects:
        return of.at_radiator(beam)
    seen = beam_at(of.rad, 0, "radiator")
    run = track(of.lattice, beam, start=of.mod1, end=of.mod2, effects=effects, monitors=[seen])
    return run.monitors["radiator"].beams[0]


def felt_effects(of: CouplingInsertion, effects: Sequence[Effect], beam: Beam) -> tuple[FeltEffect, ...]:
    """Return what each effect alone does to a beam between the modulators.

    Parameters
    ----------
    of : the insertion.
    effects : of :mod:`ssmb.collective`; nothing is remembered from turn to turn.
    beam : coasting, behind the kick of the first modulator.

    Raises
    ------
    PhysicsError
        No particle comes to the second modulator.
    """
    if not effects:
        return ()
    half = beam.select(np.arange(len(beam) // 2))
    half.weight[:] *= 2.0
    alone = _behind(of, beam, ())[0]
    found = []
    for effect in effects:
        felt, mean = _behind(of, beam, (effect,))
        growth, taken, changed = _left(of, felt, alone)
        noisy = _left(of, _behind(of, half, (effect,))[0], alone.select(np.arange(len(half))))[0]
        energy = beam.reference.beta * beam.reference.p0c
        kick = math.sqrt(2.0 * growth / of.h_mod)
        physics = str(getattr(effect, "physics", "")) or "effect"
        told = (mean * energy, changed * energy, taken * energy, growth, kick, noisy)
        found.append(FeltEffect(effect.name, physics, *told))
    return tuple(found)


def _left(of: CouplingInsertion, felt: Beam, alone: Beam) -> tuple[float, float, float]:
    """Growth, what the second modulator takes, and rms change of delta, from a beam with an effect and without."""
    kept = felt.alive & alone.alive
    if not kept.any():
        raise PhysicsError(f"no particle comes from '{of.mod1}' to '{of.mod2}'")
    change = (felt.coordinates - alone.coordinates)[:, kept]
    growth, taken = _growth(of, change, _seen(of, felt)[:, kept])
    return growth, taken, float(np.std(change[5]))


def _behind(of: CouplingInsertion, beam: Beam, effects: Sequence[Effect]) -> tuple[Beam, float]:
    """The beam behind the second modulator, and the mean change of delta by the effects."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)  # told where the beam is tracked to the radiator
        run = track(of.lattice, beam, start=of.mod1, end=of.mod2, effects=effects)
    second = replace(of.laser, laser_phase=of.laser.laser_phase + 0.5)  # takes what the first one gave
    out = track(Lattice.from_elements((second,), of.lattice.reference), run.beam).beam
    return out, float(sum(kick.mean for kick in run.kicks))


def _seen(of: CouplingInsertion, beam: Beam) -> np.ndarray:
    """(2, n) sine and cosine of the laser's phase, of the profile that the particles see."""
    spot = of.spot or math.inf
    phase = 2.0 * math.pi / of.wavelength * beam.z
    return np.exp(-(beam.x**2 + beam.y**2) / spot**2) * np.array([np.sin(phase), np.cos(phase)])


def _growth(of: CouplingInsertion, change: np.ndarray, waves: np.ndarray) -> tuple[float, float]:
    """Growth of eps_y by a change (6, n) of the particles behind the second modulator, without what a kick by these
    waves (2, n) takes, and the amplitude of that kick.
    """
    form = symplectic_form(6)
    back = -form @ taylor_map(of.lattice, of.mod1, of.mod2, order=1).R.T @ form  # inverse of a symplectic matrix
    kicks = np.zeros((2, *change.shape))
    kicks[:, 5] = waves
    (d, slope), beta, alpha = of.dispersion_y, of.beta[1], of.alpha[1]

    def invariant(change: np.ndarray) -> np.ndarray:
        """Coordinates of half the invariant: (2 n)."""
        at_first = back @ (change - change.mean(axis=1, keepdims=True))
        y, py = at_first[2] - d * at_first[5], at_first[3] - slope * at_first[5]
        return np.concatenate([y, alpha * y + beta * py]) / math.sqrt(beta)

    wanted, columns = invariant(change), np.stack([invariant(kicks[0]), invariant(kicks[1])], axis=1)
    taken, *_ = np.linalg.lstsq(columns, wanted, rcond=None)
    left = wanted - columns @ taken
    return float(left @ left) / (2.0 * change.shape[1]), float(np.hypot(*taken))
