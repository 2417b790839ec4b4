"""What a collective effect is: a frozen class of parameters that acts on the whole beam at some places of a turn.

To add an effect, write one file with one class under :func:`effect`: what it sums, the kick, examples. Tracking,
checkpoints and the contract tests find it by itself. Optics and equilibrium know nothing of effects: they describe the
ring for a single particle; a ring with an effect is tracked, ``track(..., effects=[...])``, and what the effect changes
is seen there.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self, TypeVar, dataclass_transform

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam
from ssmb.beam.reference import Reference
from ssmb.errors import ConfigError, ValidityWarning, warn
from ssmb.kernels.charges import added
from ssmb.kernels.loops import BLOCK
from ssmb.lattice.program import Program
from ssmb.quantity import check_quantities, quantities_of, quantity
from ssmb.tracking.stations import Place, places

#: Effects of the package by name.
EFFECTS: dict[str, type[Effect]] = {}
_E = TypeVar("_E", bound="type[Effect]")


@checked
@dataclass_transform(frozen_default=True, kw_only_default=True)
def effect(kind: str) -> Callable[[_E], _E]:
    """Register a class as the effect of this name and freeze it."""

    def register(cls: _E) -> _E:
        made = dataclass(frozen=True, kw_only=True)(cls)
        made.kind = kind
        if kind in EFFECTS:
            raise ValueError(f"effect '{kind}' is registered twice")
        EFFECTS[kind] = made
        return made

    return register


@dataclass(frozen=True, kw_only=True)
class Effect:
    """Base of all effects; ``at`` and ``name`` come with each, its quantities are keys of a run file."""

    kind: ClassVar[str] = ""
    #: words for it in a budget of kicks, one of :data:`ssmb.facility.kick_budget.PHYSICS` if it is one of them
    physics: ClassVar[str] = ""
    #: particles of a group of :meth:`sums`; ranks hold whole groups
    group: ClassVar[int] = BLOCK
    #: fields that a run file may leave out, where the run says them: current [A] and wavelength [m] of its train
    of_the_run: ClassVar[tuple[str, ...]] = ("current", "wavelength")
    at: Sequence[str] | str | float = quantity(
        "m",
        "elements at whose entrance it acts, each time as a whole: names, or patterns such as B* and Bend::*; or a "
        "spacing along the turn, of which each place gets the share of the turn that lies before it",
    )
    name: str = quantity("", "name in checkpoints and tables; by default the kind", default="")

    def __post_init__(self) -> None:
        if isinstance(self.at, str):
            try:
                at: Any = quantities_of(self)["at"].number(self.at)  # a spacing with its unit
            except ConfigError:
                at = (self.at,)
            object.__setattr__(self, "at", at)
        check_quantities(self)
        if not isinstance(self.at, (int, float)) and not len(self.at):
            raise ConfigError(f"{self.name or self.kind}: at is empty, and it would act nowhere: name elements")
        object.__setattr__(self, "name", self.name or self.kind)

    def in_lattice(self, program: Program) -> Self:
        """The effect with what the lattice says about its places: the names for its patterns, here no more.

        A run begins with it; what was told in another run may be told again.
        """
        self.told.clear()
        if isinstance(self.at, (int, float)) or all(name in program.names for name in self.at):
            return self
        return dataclasses.replace(self, at=tuple(here.name for here in places(program, self.at)))

    def state(self, program: Program) -> dict[str, np.ndarray]:
        """What it remembers from turn to turn, by name; a checkpoint keeps it, :meth:`kick` changes it in place."""
        return {}

    def as_asked(self) -> dict[str, Any]:
        """By what a checkpoint knows the effect: what a resumed run must share; a function by its values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def sums(self, beam: Beam, state: dict[str, np.ndarray]) -> np.ndarray:
        """(groups, numbers) sums over groups of :attr:`group` particles; ranks put theirs one behind the other."""
        raise NotImplementedError

    def total(self, parts: np.ndarray) -> np.ndarray:
        """(numbers,) sum of the groups, in their order."""
        return added(parts)

    def kick(self, beam: Beam, total: np.ndarray, state: dict[str, np.ndarray], turn: int, here: Place) -> None:
        """Change the momenta of the living particles, in place.

        It depends on nothing but its arguments; what is random comes from :mod:`ssmb.kernels.philox`, by particle and
        turn.
        """
        raise NotImplementedError

    @functools.cached_property
    def told(self) -> set[str]:
        """What was told in this run."""
        return set()

    def tell(self, what: str, message: str) -> None:
        """Warn of what lies outside of the range of the model, once in a run.

        Parameters
        ----------
        what : what is wrong, in a word; of the same a user hears once.
        message : which effect, where, what with numbers, and what to do.
        """
        if what not in self.told:
            self.told.add(what)
            warn(message, ValidityWarning)

    def mean_loss(self, total: np.ndarray, reference: Reference, here: Place) -> float:
        """Energy that a living particle loses in the mean [eV], in closed form from the sums."""
        raise NotImplementedError

    def diffusion(self, sigma: np.ndarray, reference: Reference, here: Place) -> np.ndarray | None:
        """(6, 6) growth of the covariance of a Gaussian beam by one kick, for the envelope; None: it has no noise."""
        return None

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        """Effects for the contract, each with the rms length [m] of a beam that it acts on."""
        raise NotImplementedError

    @classmethod
    def blocks(cls, beam: Beam) -> int:
        """Number of groups of a beam."""
        return -(-len(beam) // cls.group)


def energy_gains(volts: np.ndarray, reference: Reference, here: Place) -> np.ndarray:
    """Energies of a voltage at a place, in units of p0 c."""
    return volts * (here.share * abs(reference.charge_number) / reference.p0c)


def mass2(reference: Reference) -> float:
    """Rest energy over p0 c, squared."""
    return float((reference.mass / reference.p0c) ** 2)
