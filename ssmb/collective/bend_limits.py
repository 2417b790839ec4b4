"""Where light of bends in one dimension ends: what is compared with the beam while it is tracked, and told once.

Of a bunch light of its length s = sigma_z counts, of a train that of s = 1/k of its harmonics.
"""

from __future__ import annotations

import math

import numpy as np

from ssmb.beam import Beam
from ssmb.collective.effect import Effect
from ssmb.collective.impedances import CSR, CSRPlates, Impedance, Ohms
from ssmb.collective.impedances.base import Sum
from ssmb.collective.impedances.csr import (
    coherence_size,
    critical_wave_number,
    finite_energy,
    free_space,
    overtaking_length,
)
from ssmb.lattice.bends import BendPiece
from ssmb.tracking.stations import Place

#: Turns between two looks at the width of the beam.
_EVERY = 100
#: k over the critical wave number up to which k^(1/3) is good to 10 %; sigma_z sqrt(rho)/h^(3/2) up to which plates a
#: distance h apart leave the loss of a Gaussian bunch to 7 %.
_FAR_BELOW, _FREE = 1.0 / 30.0, 0.1


def tell_of_line_charge(
    effect: Effect, beam: Beam, turn: int, here: Place, radius: float, s: float, law: bool = True
) -> None:
    """Tell a beam that is wider than light of a length s [m] is coherent, and, of the law k^(1/3), where it is weaker.

    Parameters
    ----------
    radius : bending radius [m].
    s : shortest length of the light [m].
    law : whether the energy of the electrons is not in the model.
    """
    seen = f"seen at {here.name}"
    if turn % _EVERY and seen in effect.told:
        return
    effect.told.add(seen)
    alive = beam.alive
    size = max((float(np.std(row[alive])) for row in (beam.x, beam.y)), default=0.0) if alive.any() else 0.0
    if size > (most := coherence_size(radius, s)):
        effect.tell(
            "width",
            f"{effect.name}: the beam is {size:.2g} m wide at '{here.name}'; in a bend of {radius:.3g} m light of "
            f"{s:.2g} m is that of a line charge up to (rho s^2)^(1/3) = {most:.2g} m, and weaker in a wider beam",
        )
    gamma = beam.reference.gamma
    if law and 1.0 > _FAR_BELOW * s * critical_wave_number(radius, gamma):
        k = np.array([1.0 / s])
        share = float(np.real(finite_energy(k, radius, gamma))[0] / np.real(free_space(k, radius))[0])
        effect.tell(
            "energy",
            f"{effect.name}: at k = {k[0]:.2g}/m, near the critical {critical_wave_number(radius, gamma):.2g}/m of "
            f"electrons at '{here.name}', they radiate {share:.2g} of the law k^(1/3); take the impedance of csr with "
            "an energy",
        )


def tell_of_steady_state(
    effect: Effect, impedance: Impedance | Ohms, beam: Beam, turn: int, here: Place, longest: float, shortest: float
) -> None:
    """Tell where the steady state of a bend is not reached in the bend, or in one dimension does not hold.

    Parameters
    ----------
    longest, shortest : lengths of the light [m].
    """
    for part in impedance.parts if isinstance(impedance, Sum) else (impedance,):
        if not isinstance(part, (CSR, CSRPlates)):
            continue
        length = part.length if here.bend is None else here.bend.whole
        if (way := overtaking_length(part.radius, longest)) > length:
            effect.tell(
                "steady",
                f"{effect.name}: in a bend of {part.radius:.3g} m light overtakes by {longest:.2g} m on "
                f"(24 rho^2 s)^(1/3) = {way:.2g} m, the bend at '{here.name}' has {length:.3g} m: its steady state is "
                "not reached; of a bunch take bend_light",
            )
        law = not (isinstance(part, CSR) and part.energy is not None)
        tell_of_line_charge(effect, beam, turn, here, part.radius, shortest, law)


def tell_of_transients(effect: Effect, gamma: float, here: Place, bend: BendPiece, sigma: float, gap: float) -> None:
    """Tell where neighbours, walls or the energy of the electrons change what a bend and its straight do.

    Parameters
    ----------
    sigma : rms length of the bunch [m].
    gap : full distance of plates [m]; 0: none.
    """
    way = min(overtaking_length(bend.radius, sigma), bend.whole)
    if bend.before < way:
        effect.tell(
            "before",
            f"{effect.name}: the straight before '{here.name}' has {bend.before:.2g} m, light that overtakes by "
            f"{sigma:.2g} m on {way:.2g} m of the bend would need more: the light of the bend before is left out",
        )
    if gap and sigma > (most := _FREE * gap**1.5 / math.sqrt(bend.radius)):
        effect.tell(
            "walls",
            f"{effect.name}: walls {gap:.3g} m apart shield a bunch of {sigma:.2g} m in a bend of {bend.radius:.3g} m "
            f"('{here.name}'), from {most:.2g} m on; take bunch_impedance with csr_plates, which knows no transients",
        )
    if bend.straight > (most := 2.0 * gamma**2 * sigma):
        effect.tell(
            "straight",
            f"{effect.name}: behind '{here.name}' the straight has {bend.straight:.3g} m; light of the bend falls back "
            f"by {sigma:.2g} m within 2 gamma^2 s = {most:.2g} m, which this model of beta = 1 does not know",
        )
