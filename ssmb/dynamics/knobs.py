"""What matching turns: a parameter of a family of elements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ssmb.arguments import checked
from ssmb.errors import ConfigError
from ssmb.lattice.tree import Lattice
from ssmb.ranges import finite


@checked
@dataclass(frozen=True)
class Knob:
    """A parameter of a family of elements.

    Parameters
    ----------
    name : pattern and parameter, ``"Q2K.Kn1"`` or ``"Q1*.Kn1"``; the pattern as in ``Lattice.find``.
    lower, upper : limits [unit of the parameter; 1 for a scale].
    mode : ``"value"``: all elements get the value; ``"offset"``, ``"scale"``: it is added to, or multiplies, what
        each of them has.
    """

    name: str
    lower: float
    upper: float
    mode: str = "value"

    def __post_init__(self) -> None:
        if not finite(f"lower limit of {self.name}", self.lower) < finite(f"upper limit of {self.name}", self.upper):
            raise ConfigError(f"knob '{self.name}': the lower limit must be below the upper one")
        if self.mode not in ("value", "offset", "scale"):
            raise ConfigError(f"knob '{self.name}': mode must be 'value', 'offset' or 'scale', not {self.mode!r}")
        if "." not in self.name:
            raise ConfigError(f"knob '{self.name}': write family and parameter, like 'Q2K.Kn1'")

    @property
    def pattern(self) -> str:
        """The elements."""
        return self.name.partition(".")[0]

    @property
    def parameter(self) -> str:
        """The parameter."""
        return self.name.partition(".")[2]

    def values(self, lattice: Lattice) -> dict[str, float]:
        """The present value of each element."""
        found = lattice.find(self.pattern)
        if not found:
            lattice.with_changes({self.pattern: {}})  # says what is near
        out = {}
        for e in found:
            if not hasattr(e, self.parameter):
                raise ConfigError(f"knob '{self.name}': {e.label()} has no parameter '{self.parameter}'")
            out[e.name] = float(getattr(e, self.parameter))
        return out

    def start(self, lattice: Lattice) -> float:
        """The present setting."""
        if self.mode != "value":
            begin = 1.0 if self.mode == "scale" else 0.0
        else:
            values = self.values(lattice)
            begin = next(iter(values.values()))
            if any(v != begin for v in values.values()):
                raise ConfigError(
                    f"knob '{self.name}': the elements have different values ({min(values.values()):g} to "
                    f"{max(values.values()):g}); use Knob(..., mode='scale') or mode='offset'"
                )
        if not self.lower <= begin <= self.upper:
            raise ConfigError(
                f"knob '{self.name}': it stands at {begin:g}, outside its limits {self.lower:g}, {self.upper:g}"
            )
        return begin

    def changes(self, base: Mapping[str, float], setting: float) -> dict[str, dict[str, float]]:
        """What to change for a setting."""
        if self.mode == "value":
            return {name: {self.parameter: setting} for name in base}
        if self.mode == "scale":
            return {name: {self.parameter: setting * value} for name, value in base.items()}
        return {name: {self.parameter: setting + value} for name, value in base.items()}
