"""The random kicks that a beam gets in a turn, one line each, against what damping takes.

In a plane with the invariant H at the place of the kicks, a random kick delta of the momentum raises the emittance by
``H delta^2/2`` a turn, and damping takes ``2 alpha eps``: all kicks together must stay below ``sqrt(4 alpha eps/H)``.
In the plane of z, eps/H is sigma_delta^2. What is not in the budget is named: no watts without a word of it.

References
----------
M. Sands, The Physics of Electron Storage Rings, SLAC-121 (1970), chapter 5: growth by random kicks against damping.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam
from ssmb.beam.kick_statistics import KickStatistics, kick_statistics
from ssmb.facility.source import SourceLight
from ssmb.facility.steps import ORIGINS
from ssmb.light.tracked import energy_exchange
from ssmb.quantity import Shown, check_quantities, derived, quantity
from ssmb.ranges import positive
from ssmb.text import number, table
from ssmb.tracking.stations import Kick

SCATTERING, OWN_LIGHT = "intrabeam scattering", "own light of the radiator"
#: Physics that can heat a beam; an effect says which of it it is.
PHYSICS = (
    SCATTERING,
    OWN_LIGHT,
    "light of the modulators",
    "space charge",
    "coherent synchrotron radiation",
    "wakes of the chamber",
    "load of the laser cavity",
)
#: Growth over the emittance of the beam that is told.
_TOLD = 1.1


@dataclass(frozen=True)
class KickLine:
    """One cause of random kicks."""

    name: str = quantity("", "what kicks")
    random: float = quantity("1", "rms random change of delta in a turn, at the place of the budget")
    origin: str = quantity("", "tracked, calculated, given or assumed", choices=ORIGINS)
    counted: bool = quantity("", "whether the beam that radiates has felt it")

    def __post_init__(self) -> None:
        check_quantities(self)


@checked
@dataclass(frozen=True)
class KickBudget(Shown):
    """All random kicks of a turn that are known, against what damping takes."""

    plane: str = quantity("", "plane that they heat", choices=("x", "y", "z"))
    allowed: float = quantity("1", "rms random kick that damping balances, sqrt(4 alpha eps/H)", minimum=0.0)
    lines: tuple[KickLine, ...] = quantity("", "one for each cause")
    missing: tuple[str, ...] = quantity("", "physics that is neither in the beam nor in a line")

    def __post_init__(self) -> None:
        check_quantities(self)

    @derived
    def total(self) -> float:
        """All lines together, in square [1]."""
        return math.sqrt(sum(line.random**2 for line in self.lines))

    @derived
    def balance(self) -> float:
        """Emittance at which damping takes what all kicks of this size give, over that of the beam [1]."""
        return (self.total / self.allowed) ** 2 if self.allowed > 0.0 else math.inf

    @derived
    def uncounted(self) -> float:
        """Those that the beam has not felt, in square [1]."""
        return math.sqrt(sum(line.random**2 for line in self.lines if not line.counted))

    @derived
    def doubt(self) -> str:
        """Why the power of this beam is not that of a steady state, in words; empty if nothing is known against it."""
        if self.uncounted > self.allowed:
            worst = max((line for line in self.lines if not line.counted), key=lambda line: line.random)
            return (
                f"NOT A STEADY STATE: '{worst.name}' kicks {number(worst.random / self.allowed, 3)} times what damping "
                f"takes, and the beam has not felt it"
            )
        return ""

    def table(self) -> str:
        """Return the budget as lines of text."""
        rows = [
            (line.name, f"{line.random:.2e}", number(line.random / self.allowed, 3) if self.allowed > 0.0 else "-",
             line.origin, "" if line.counted else "not felt by the beam")
            for line in self.lines
        ]  # fmt: skip
        rows.append(("all of them", f"{self.total:.2e}", number(self.total / self.allowed, 3), "", ""))
        head = (f"random kicks a turn, plane {self.plane}", "delta", "of allowed", "origin", "")
        told = [table(head, rows), f"allowed: sqrt(4 alpha eps/H) = {self.allowed:.2e}"]
        if self.balance > _TOLD:
            held = number(self.balance, 3)
            told.append(f"more than damping takes: with kicks of this size it would hold {held} times the emittance")
        if self.missing:
            told.append(f"NOT COUNTED: {', '.join(self.missing)}")
        return "\n".join([*told, *([self.doubt] if self.doubt else [])])


@checked
def allowed_kick(damping: float, emittance: float, h: float = 1.0) -> float:
    """Return the rms random kick of a turn that damping balances, sqrt(4 alpha eps/H) [1].

    Parameters
    ----------
    damping : amplitude decrement alpha per turn [1].
    emittance : of the plane [m]; in the plane of z sigma_delta^2, with h = 1.
    h : chromatic invariant H at the place of the kicks [m].

    Examples
    --------
    >>> f"{allowed_kick(4.615e-5, 40e-12, 0.03):.1e}"
    '5.0e-07'
    """
    return math.sqrt(4.0 * positive("damping", damping) * positive("emittance", emittance) / positive("h", h))


def missing_physics(covered: Iterable[str]) -> tuple[str, ...]:
    """Return the rest of `PHYSICS`."""
    known = set(covered)
    return tuple(name for name in PHYSICS if name not in known)


def light_kick(light: SourceLight, beam: Beam) -> tuple[float, KickStatistics]:
    """Return what a beam feels of its own coherent light in one pass.

    Returns
    -------
    float, KickStatistics
        Energy that the particles lose over the energy that is radiated, minus 1 [1], 0 without light; and the changes
        of delta.
    """
    if not light.light.power > 0.0:
        return 0.0, KickStatistics()
    kept = beam.alive
    change, weight = energy_exchange(light.light, beam)[kept], beam.weight[kept]
    found = kick_statistics(beam.coordinates[:, kept], change, weight)
    lost = float(-change @ weight / weight.sum()) * beam.reference.beta * beam.reference.p0c
    return lost * light.light.current / light.light.power - 1.0, found


def tracked_lines(kicks: Sequence[Kick], physics: dict[str, str]) -> list[KickLine]:
    """Return one line for each effect of a run whose beam is held in z, its places together.

    Parameters
    ----------
    kicks : :class:`ssmb.tracking.stations.Kick` of the last turn.
    physics : words for each effect, by its name.
    """
    squares: dict[str, float] = {}
    for kick in kicks:
        squares[kick.effect] = squares.get(kick.effect, 0.0) + kick.scatter**2
    return [
        KickLine(f"{name}: {physics.get(name) or 'effect'}", float(np.sqrt(square)), "tracked", True)
        for name, square in squares.items()
    ]
