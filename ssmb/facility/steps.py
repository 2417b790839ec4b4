"""Power and energy as lists of named steps, so that nothing is hidden in a product or a sum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssmb.arguments import checked
from ssmb.beamlines import chains
from ssmb.quantity import check_quantities, quantity
from ssmb.ranges import share

Pair = tuple[float, float]
#: Where the number of a step comes from.
ORIGINS = ("tracked", *chains.ORIGINS)


@checked
@dataclass(frozen=True)
class Limit:
    """What takes a share of a power, and where that number comes from."""

    name: str = quantity("", "what takes")
    factor: float = quantity("1", "power after over power before", minimum=0.0, open_minimum=True, maximum=1.0)
    origin: str = quantity("", "where the factor comes from", choices=ORIGINS, default="given")
    factor_range: Pair | None = quantity(
        "1", "its range, (low, high), where one is known", dims=("bound",), default=None, minimum=0.0, maximum=1.0
    )

    def __post_init__(self) -> None:
        share(self.name, self.factor)  # which one, before what is wrong with it
        check_quantities(self)


@dataclass(frozen=True)
class PowerStep:
    """One step on the way of the power."""

    name: str = quantity("", "what takes or gives")
    factor: float = quantity("1", "power after over power before; 1 at the first step")
    power: float = quantity("W", "power after the step", label="power")
    origin: str = quantity("", "tracked, calculated, given or assumed", choices=ORIGINS)
    factor_range: Pair | None = quantity("1", "range of the factor", dims=("bound",), default=None)
    power_range: Pair | None = quantity("W", "range of the power", dims=("bound",), default=None)

    def __post_init__(self) -> None:
        check_quantities(self)


@dataclass(frozen=True)
class EnergyStep:
    """One step of the energy of an electron in a turn."""

    name: str = quantity("", "what takes or gives")
    energy: float = quantity(
        "eV", "energy that an electron gets in it, mean over electrons and turns; below 0: it loses"
    )
    origin: str = quantity("", "tracked, calculated, given or assumed", choices=ORIGINS)

    def __post_init__(self) -> None:
        check_quantities(self)


class PowerWay:
    """The way of a power while it is written down.

    Examples
    --------
    >>> way = PowerWay("exit", 100.0, "tracked")
    >>> way.by("mirror", 0.8, "given")
    >>> way.to("gas", 60.0, "calculated")
    >>> way.power, [round(step.factor, 3) for step in way.steps]
    (60.0, [1.0, 0.8, 0.75])
    """

    def __init__(self, name: str, power: float, origin: str) -> None:
        self.power = power
        self._causes: dict[str, Pair] = {}
        self._found = [PowerStep(name, 1.0, power, origin)]

    @property
    def steps(self) -> tuple[PowerStep, ...]:
        """The steps so far."""
        return tuple(self._found)

    @property
    def spread(self) -> Pair | None:
        """Range of the power over the power [1]: logarithms of independent causes add in square."""
        if not self._causes:
            return None
        low, high = (np.array(ends) for ends in zip(*self._causes.values(), strict=True))
        with np.errstate(divide="ignore"):
            below, above = (math.sqrt(float(np.sum(np.log(ends) ** 2))) for ends in (low, high))
        return math.exp(-below), math.exp(above)

    @property
    def power_range(self) -> Pair | None:
        """Range of the power, (low, high) [W]; None where no factor so far has one."""
        return self.spread and (self.power * self.spread[0], self.power * self.spread[1])

    def by(
        self, name: str, factor: float, origin: str, factor_range: Pair | None = None, cause: str = "scattering"
    ) -> None:
        """Add a step by its factor, and its range if one is known [1]; ranges of one cause multiply."""
        self.power *= factor
        if factor_range is not None and factor > 0.0:
            before = self._causes.get(cause, (1.0, 1.0))
            low, high = (end * bound / factor for end, bound in zip(before, factor_range, strict=True))
            self._causes[cause] = min(low, 1.0), max(high, 1.0)
        self._found.append(PowerStep(name, factor, self.power, origin, factor_range, self.power_range))

    def to(self, name: str, power: float, origin: str, relative: Pair | None = None, cause: str = "") -> None:
        """Add a step by the power behind it [W], and the range of that over the power [1]."""
        factor = power / self.power if self.power > 0.0 else 0.0
        bounds = None if relative is None else (factor * relative[0], factor * relative[1])
        self.by(name, factor, origin, bounds, cause)


def step_table(steps: Sequence[PowerStep]) -> dict[str, np.ndarray]:
    """Return the way of a power as columns NAME, FACTOR, POWER [W], ORIGIN."""
    return {name.upper(): np.array([getattr(s, name) for s in steps]) for name in ("name", "factor", "power", "origin")}
