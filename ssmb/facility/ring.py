"""The ring as a part: how it is filled, how it damps a coasting beam, and what a turn in its magnets costs.

References
----------
M. Sands, The Physics of Electron Storage Rings, SLAC-121 (1970), sections 4.1 and 4.2, doi:10.2172/4064201.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Self

from ssmb.arguments import checked
from ssmb.beam import Reference
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.dynamics import radiation_integrals
from ssmb.dynamics.energy_balance import EnergyBalance, energy_balance
from ssmb.errors import ConfigError
from ssmb.facility.part import Part
from ssmb.lattice.tree import Lattice
from ssmb.quantity import check_quantities, quantity
from ssmb.ranges import positive, positive_or_infinite

#: Limits of a current [A].
CURRENT: dict[str, Any] = {"minimum": 1e-9, "maximum": 1e6}
#: Damping partition numbers of a planar ring whose bends have no gradient.
PLANAR = (1.0, 1.0, 2.0)


@checked
@dataclass(frozen=True)
class Filling:
    """How the current of a ring is spread: over the whole ring, or over trains of the same current inside."""

    average_current: float = quantity("A", "average current of the ring", **CURRENT)
    train_current: float | None = quantity(
        "A", "current inside the trains; without it the ring is filled", default=None, **CURRENT
    )
    train_length: float = quantity("m", "length of a train; infinite for a filled ring", default=math.inf)

    def __post_init__(self) -> None:
        positive("average_current", self.average_current, "A")
        positive_or_infinite("train_length", self.train_length, "m")
        train = positive("train_current", self.local_current, "A")
        if not train >= self.average_current:
            raise ConfigError(
                f"train_current {train:g} A is below average_current {self.average_current:g} A; it is that inside a "
                "train"
            )

    @property
    def local_current(self) -> float:
        """Current that an electron has around it: that inside a train [A]."""
        return self.average_current if self.train_current is None else self.train_current

    @property
    def share(self) -> float:
        """Share of the ring that is filled [1]."""
        return self.average_current / self.local_current


@dataclass(frozen=True)
class RingState:
    """What a ring is for the parts on it."""

    filling: Filling = quantity("", "how it is filled")
    revolution_time: float = quantity("s", "revolution time")
    damping: tuple[float, float, float] = quantity(
        "1", "amplitude decrements per turn of x, y and delta of a coasting beam", dims=("decrement",)
    )
    balance: EnergyBalance = quantity("", "energy of a turn without coherent light")
    origin: str = quantity("", "where damping and loss come from: calculated or given")


def coasting_damping(vertical: float, partition: tuple[float, float, float] = PLANAR) -> tuple[float, float, float]:
    """Return the amplitude decrements per turn of x, y and delta of a coasting beam [1].

    An electron that is off by delta loses ``U0 (1 + J_z delta)`` in a turn (Sands, 4.2), and whatever gives the energy
    back gives all electrons the same, ``U0``, as long as they do not stay at one phase of a cavity. What is left is
    ``d(delta)/dn = -J_z (U0/E) delta``. An electron in a bucket swings between delta and z, and z is not damped: the
    decrement of its amplitude is half of that, ``J_z U0/(2 E)``. The decrement of y is ``J_y U0/(2 E)`` with J_y = 1,
    so that delta of a coasting beam has ``2 J_z`` times that of y; J = (1, 1, 2) for bends without gradient: (y, y, 4
    y).

    Parameters
    ----------
    vertical : decrement of y, ``U0/(2 E)`` times J_y [1]; small against 1.
    partition : damping partition numbers J of x, y, z [1].

    Examples
    --------
    >>> coasting_damping(5e-5)
    (5e-05, 5e-05, 0.0002)
    """
    x, y, z = partition
    return vertical * (x / y), vertical, 2.0 * (z / y) * vertical


@checked
@dataclass(frozen=True)
class Ring(Part, name="ring"):
    """A ring of a lattice, or one of which some numbers are given.

    One of `lattice`, `damping_time` and `energy_loss` says what it radiates. A ring that is given is planar, and its
    bends have no gradient (J = 1, 1, 2).

    Examples
    --------
    >>> ring = Ring(Reference(650e6), Filling(1.0, 60.0), circumference=200.0, energy_loss=60e3)
    >>> state = ring.state()
    >>> [round(d * 1e5, 3) for d in state.damping], state.balance.loss, state.origin
    ([4.615, 4.615, 18.462], 60000.0, 'given')
    """

    reference: Reference = quantity("", "reference particle")
    filling: Filling = quantity("", "how it is filled")
    circumference: float = quantity("m", "circumference", minimum=1e-15, maximum=1e6)
    damping_time: float | None = quantity(
        "s", "vertical amplitude damping time, or energy_loss", minimum=1e-9, maximum=1e6, default=None
    )
    energy_loss: float | None = quantity(
        "eV", "energy that an electron radiates in a turn, or damping_time", minimum=1e-6, maximum=1e12, default=None
    )
    lattice: Lattice | None = quantity("", "its magnets", default=None, repr=False)

    def __post_init__(self) -> None:
        check_quantities(self)
        told = [n for n in ("lattice", "damping_time", "energy_loss") if getattr(self, n) is not None]
        if len(told) != 1:
            raise ConfigError(
                f"a ring takes one of lattice, damping_time and energy_loss, got {', '.join(told) or 'none'}"
            )

    @classmethod
    def of(cls, lattice: Lattice, filling: Filling) -> Ring:
        """Return the ring of a lattice."""
        return cls(lattice.reference, filling, lattice.length, lattice=lattice)

    @property
    def revolution_time(self) -> float:
        """[s]."""
        return self.circumference / (self.reference.beta * SPEED_OF_LIGHT)

    @property
    def damping(self) -> tuple[float, float, float]:
        """Amplitude decrements per turn of x, y and delta of a coasting beam [1].

        Raises
        ------
        PhysicsError
            The lattice has no closed orbit, or its planes are coupled.
        """
        if self.lattice is not None:
            partition = radiation_integrals(self.lattice).partition_numbers
            return coasting_damping(0.5 * partition[1] * self.balance.loss / self.reference.energy, partition)
        if self.damping_time is not None:
            return coasting_damping(self.revolution_time / self.damping_time)
        return coasting_damping(0.5 * (self.energy_loss or 0.0) / self.reference.energy)

    @property
    def balance(self) -> EnergyBalance:
        """Energy of a turn: that of the magnets, of restorers and cavities; of a ring that is given, its loss alone."""
        if self.lattice is not None:
            return energy_balance(self.lattice)
        return EnergyBalance(2.0 * self.damping[1] * self.reference.energy, 0.0, 0.0)

    @property
    def origin(self) -> str:
        """Where damping and loss come from."""
        return "given" if self.lattice is None else "calculated"

    def state(self, upstream: Any = None) -> RingState:
        """Return what the parts on the ring see of it; nothing comes to it that would change that."""
        return RingState(self.filling, self.revolution_time, self.damping, self.balance, self.origin)

    @classmethod
    def examples(cls) -> list[tuple[Self, Any]]:
        given = cls(Reference(650e6), Filling(1.0, 60.0, 3.33), 200.0, energy_loss=60e3)
        return [(given, None), (replace(given, energy_loss=None, damping_time=14.4e-3), None)]
