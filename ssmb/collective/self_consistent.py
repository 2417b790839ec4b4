"""The Gaussian beam that a ring has in equilibrium with its own collective effects.

At its place, each effect kicks a Gaussian beam of the covariance there. The part of the kick that is linear in z is a
lens for the beam, the mean slope over its particles (statistical linearisation); what the effect tells as diffusion is
noise. Both depend on the beam, so lenses, noise and envelope are found together by iteration.

Validity: a beam that stays nearly Gaussian. The bend of a wake over the beam (the skew of a potential well) is not in
it, see :mod:`ssmb.collective.haissinski`, nor is any instability: a beam above its threshold has an envelope, too.

References
----------
T. K. Caughey, J. Acoust. Soc. Am. 35, 1706 (1963), doi:10.1121/1.1918794 (statistical linearisation).
B. M. Irons, R. C. Tuck, Int. J. Numer. Methods Eng. 1, 275 (1969), doi:10.1002/nme.1620010306 (length of a step).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmb.arguments import checked
from ssmb.beam import Beam, Reference
from ssmb.collective.effect import Effect
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.dynamics.equilibrium import ENVELOPE, Equilibrium, equilibrium
from ssmb.elements.linear_map import LinearMap
from ssmb.errors import PhysicsError, SsmbError, ValidityWarning
from ssmb.lattice.program import compile_elements
from ssmb.lattice.tree import Lattice
from ssmb.maps.radiation import Radiation
from ssmb.ranges import count, positive, several
from ssmb.tracking.stations import Place, places

Array = NDArray[np.float64]
#: Steps that the iteration may take, relative change of the lenses at which it ends (particles that go from bin to bin
#: leave some 1e-5), and most halvings of a step.
_MOST, _ALLOWED, _HALVINGS = 100, 1e-4, 20


@checked
def self_consistent_equilibrium(
    ring: Lattice,
    effects: Sequence[Effect],
    *,
    electrons: float = 1.0,
    radiation: Radiation | str = ENVELOPE,
    lasers: bool = False,
    heating: Callable[[Array], Array] | None = None,
    particles: int = 8192,
) -> Equilibrium:
    """Return the equilibrium of a ring whose beam feels itself.

    Parameters
    ----------
    ring : lattice.
    effects : as for :func:`ssmb.track`.
    electrons : electrons of the bunch (or of a microbunch), for effects that take their charge from the particles.
    radiation, lasers, heating : as for :func:`ssmb.equilibrium`; scattering may be a heating or an effect.
    particles : of the Gaussian beam on which each effect is tried.

    Returns
    -------
    Equilibrium
        At the entrances of the elements of the ring; in front of what acts there.

    Raises
    ------
    PhysicsError
        The motion is not stable with the effects, or beam and effects find no balance.

    Examples
    --------
    An inductance lengthens a bunch above transition.

    >>> from ssmb.collective import BunchImpedance, Inductance
    >>> from ssmb.elements import Bend, RFCavity
    >>> half = Bend(name="b", length=2.0, angle=np.pi / 2, Kn1=-0.3)
    >>> cavity = RFCavity(name="rf", voltage=1e5, harmon=4, zero_phase="ABOVE_TRANSITION")
    >>> ring = Lattice.from_elements([half] * 4 + [cavity], Reference(2e8), periodic=True)
    >>> wake = BunchImpedance(at="rf", impedance=Inductance(2e-7), window=(-0.3, 0.3))
    >>> alone = self_consistent_equilibrium(ring, [wake])
    >>> full = self_consistent_equilibrium(ring, [wake], electrons=1e10)
    >>> bool(full.sigma_z[0] > 1.02 * alone.sigma_z[0])
    True
    """
    given = several("effects", effects, "collective effects")
    n, charge = count("particles", particles), positive("electrons", electrons) * ELEMENTARY_CHARGE
    program = compile_elements(ring.elements, ring.reference)
    acting = [(effect, here, effect.state(program)) for effect in given for here in places(program, effect.at)]

    def lenses(found: Equilibrium) -> Array:
        return np.array([_slope(*one, found.sigma[one[1].element], ring.reference, charge, n) for one in acting])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)  # of beams on the way
        found = _balanced(lenses, lambda slopes: _with(ring, acting, slopes, radiation, lasers, heating), len(acting))
    lenses(found)  # what is to be warned of is that of the beam that is found
    return found


def _balanced(
    lenses: Callable[[Equilibrium], Array], beam_with: Callable[[Array], Equilibrium], number: int
) -> Equilibrium:
    """The beam whose lenses are those that make it."""
    slopes, share, last = np.zeros(number), 0.5, np.zeros(number)
    found = beam_with(slopes)
    for _ in range(_MOST):
        error = lenses(found) - slopes
        scale = max(np.abs(slopes).max(initial=0.0), float(np.min(found.sigma_delta / found.sigma_z)))
        if np.abs(error).max(initial=0.0) <= _ALLOWED * scale:
            return found
        change = error - last
        if last.any() and change.any():  # Irons and Tuck, as far as the step is sane
            share = min(max(-share * float(last @ change) / float(change @ change), 0.02), 1.0)
        before, last, slopes = slopes, error, slopes + share * error
        for _ in range(_HALVINGS):
            try:
                found = beam_with(slopes)
                break
            except PhysicsError as unstable:  # a step too far: the beam becomes longer, and its wake weaker
                slopes, reason = 0.5 * (before + slopes), unstable.message
        else:
            raise PhysicsError(f"with the effects: {reason}; lower the current")
    raise PhysicsError(
        f"beam and effects find no balance: after {_MOST} steps the focusing by the effects still changes by "
        f"{np.abs(last).max():.2g} 1/m; lower the current"
    )


def _slope(
    effect: Effect, here: Place, state: dict[str, Array], sigma: Array, reference: Reference, charge: float, n: int
) -> float:
    """Mean slope of the kick over a Gaussian beam, d delta/dz [1/m]."""
    try:
        beam = Beam.gaussian(reference, sigma, n=n, charge=charge, start="quiet")
    except SsmbError as error:  # particles without momentum, and the like
        raise PhysicsError(f"beam and effects find no balance: {error.message}") from None
    before = beam.coordinates.copy()
    own = {name: values.copy() for name, values in state.items()}
    effect.kick(beam, effect.total(effect.sums(beam, own)), own, 0, here)
    change = beam.delta - before[5]
    z = before[4] - before[4].mean()
    slope = float(z @ (change - change.mean()) / (z @ z))
    if not np.isfinite(slope):
        raise PhysicsError(f"'{effect.name}' takes the whole energy of a particle at '{here.name}'; lower the current")
    return slope


def _with(
    ring: Lattice,
    acting: Sequence[tuple[Effect, Place, Any]],
    slopes: Array,
    radiation: Radiation | str,
    lasers: bool,
    heating: Callable[[Array], Array] | None,
) -> Equilibrium:
    """The equilibrium with a lens in front of each place."""
    elements, kept = [], []
    for i, element in enumerate(ring.elements):
        lens = sum(float(slope) for (_, here, _), slope in zip(acting, slopes, strict=True) if here.element == i)
        if lens:
            matrix = np.eye(6)
            matrix[5, 4] = lens
            elements.append(LinearMap(name=f"collective_{i}", matrix=tuple(map(tuple, matrix.tolist()))))
        kept.append(len(elements))
        elements.append(element)
    kept.append(len(elements))  # the end of the turn

    def noise(here: Array) -> Array:
        of = here[kept[:-1]]
        added = np.zeros_like(of) if heating is None else np.array(heating(of), dtype=float)
        for effect, place, _ in acting:
            grown = effect.diffusion(of[place.element], ring.reference, place)
            if grown is not None:
                added[place.element] += grown
        spread = np.zeros_like(here)
        spread[kept[:-1]] = added
        return spread

    lit = Lattice(ring.name, ring.reference, tuple(elements), periodic=True)
    quiet = heating is None and all(type(effect).diffusion is Effect.diffusion for effect, _, _ in acting)
    found = equilibrium(lit, radiation=radiation, lasers=lasers, heating=None if quiet else noise)
    rows = {
        field.name: values[kept]
        for field in fields(found)
        if isinstance(values := getattr(found, field.name), np.ndarray) and len(values) == len(elements) + 1
    }
    return replace(found, names=tuple(found.names[i] for i in kept[:-1]), **rows)
