"""What matching aims at: numbers of a ring, numbers at a place, Taylor coefficients, functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ssmb.arguments import checked
from ssmb.dynamics.optics import Optics
from ssmb.dynamics.taylor import taylor_map
from ssmb.errors import ConfigError, nearest
from ssmb.lattice.tree import Lattice
from ssmb.ranges import finite, positive

#: Numbers of the whole ring that can be matched -> the deviation that counts as reached [in their unit].
RING_TARGETS: dict[str, float] = {
    "qx": 1e-7,
    "qy": 1e-7,
    "qs": 1e-9,
    "dqx": 1e-4,
    "dqy": 1e-4,
    "dqx2": 1e-1,
    "dqy2": 1e-1,
    "alpha_c": 1e-10,
    "alpha_c2": 1e-6,
    "alpha_c3": 1e-3,
    "slip_factor": 1e-10,
    "slip_factor2": 1e-6,
    "slip_factor3": 1e-3,
}
#: The same for numbers at a place; they end in _x, _y, and for the orbit and the dispersion also _px, _py.
LOCAL_TARGETS: dict[str, float] = {
    "beta": 1e-5,
    "alpha": 1e-5,
    "mu": 1e-7,
    "dispersion": 1e-7,
    "dispersion2": 1e-4,
    "H": 1e-11,
    "partial_r56": 1e-8,
}
_LOCAL_NAMES = (
    *(f"{name}_{plane}" for name in ("beta", "alpha", "mu", "H") for plane in "xy"),
    *(f"{name}_{axis}" for name in ("dispersion", "dispersion2") for axis in ("x", "px", "y", "py")),
    "partial_r56",
)
_TAYLOR = "taylor"


@checked
@dataclass(frozen=True)
class Target:
    """A wanted value.

    Parameters
    ----------
    quantity : a number of the ring (``"qx"``, ``"dqy"``, ``"alpha_c"``, ``"slip_factor2"`` ...), a number at a place
        (``"beta_x"``, ``"dispersion_px"``, ``"dispersion2_x"``, ``"H_x"``, ``"partial_r56"`` ...), ``"taylor"`` for a
        coefficient of a Taylor map, or a function of (Optics, Lattice) that returns a number.
    value : what it should be [its unit]. For qx and qy a value below 1 stands for the fractional part.
    at : element at whose entrance a local number is taken.
    tolerance : deviation that counts as reached, > 0 [its unit]; default: 1e-7 for tunes, and so on.
    bound : ``"equal"``, or ``"max"`` or ``"min"`` where ``value`` is a limit.
    row, powers, start, end : for ``"taylor"``: the coefficient of ``powers`` such as ``{"delta": 2}`` in ``row`` from
        the entrance of ``start`` to that of ``end``.
    """

    quantity: str | Callable[[Optics, Lattice], float]
    value: float = 0.0
    at: str | None = None
    tolerance: float | None = None
    bound: str = "equal"
    row: str = "z"
    powers: Mapping[str, int] = field(default_factory=dict)
    start: str | None = None
    end: str | None = None

    def __post_init__(self) -> None:
        finite("value", self.value)
        if self.tolerance is not None:
            positive("tolerance", self.tolerance)
        if self.bound not in ("equal", "max", "min"):
            raise ConfigError(f"bound must be 'equal', 'max' or 'min', not {self.bound!r}")
        if not isinstance(self.quantity, str):
            if not callable(self.quantity):
                raise ConfigError(f"quantity must be a name or a function of (optics, lattice), not {self.quantity!r}")
            return
        if self.quantity in _LOCAL_NAMES and self.at is None:
            raise ConfigError(f"Target('{self.quantity}') needs at=ELEMENT: it depends on the place")
        if self.quantity == _TAYLOR and not self.powers:
            raise ConfigError("Target('taylor') needs powers, for example {'delta': 2}")
        allowed = (*RING_TARGETS, *_LOCAL_NAMES, _TAYLOR)
        if self.quantity not in allowed:
            raise ConfigError(
                f"unknown quantity '{self.quantity}'.{nearest(self.quantity, allowed)} Allowed: {', '.join(allowed)}"
            )

    @property
    def label(self) -> str:
        """Words for tables."""
        if not isinstance(self.quantity, str):
            return getattr(self.quantity, "__name__", "function")
        if self.quantity == _TAYLOR:
            return f"{self.row}({', '.join(f'{a}^{n}' for a, n in self.powers.items())})"
        return self.quantity + (f" at {self.at}" if self.at else "")

    @property
    def reach(self) -> float:
        """Deviation that counts as reached."""
        if self.tolerance is not None:
            return self.tolerance
        if not isinstance(self.quantity, str):
            return 1e-6
        if self.quantity in RING_TARGETS:
            return RING_TARGETS[self.quantity]
        return LOCAL_TARGETS.get(self.quantity.partition("_")[0], LOCAL_TARGETS.get(self.quantity, 1e-6))

    def read(self, found: Optics, lattice: Lattice) -> float:
        """The value that a lattice has."""
        if not isinstance(self.quantity, str):
            return float(self.quantity(found, lattice))
        if self.quantity == _TAYLOR:
            made = taylor_map(lattice, self.start, self.end, order=sum(self.powers.values()), cavities=False)
            return made.coefficient(self.row, **self.powers)
        if self.at is not None and self.quantity in _LOCAL_NAMES:
            return found.at(self.at)[self.quantity]
        got = float(getattr(found, self.quantity))
        return got % 1.0 if self.quantity in ("qx", "qy") and self.value < 1.0 else got

    def residual(self, got: float) -> float:
        """Deviation over what counts as reached."""
        off = got - self.value
        if self.bound != "equal":
            off = max(0.0, off) if self.bound == "max" else min(0.0, off)
        elif self.quantity in ("qx", "qy") and self.value < 1.0:
            off = (off + 0.5) % 1.0 - 0.5
        return off / self.reach
