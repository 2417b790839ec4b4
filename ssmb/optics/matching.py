"""Matching: strengths of families of magnets are varied until the optics has the wanted values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from ssmb.errors import ConfigError, PhysicsError, SsmbError, nearest
from ssmb.lattice.tree import Lattice
from ssmb.optics.optics import Optics, optics
from ssmb.optics.propagation import program_of, without
from ssmb.optics.taylor import taylor_map
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
_SMALL_STEP = 1e-6
#: Change of a residual [tolerances] over such a step that is rounding: the knob does not act on the target.
_ROUNDING = 1e-6


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
    row, powers, start, end : for ``"taylor"``: the coefficient of ``powers`` such as ``{"delta": 2}`` in ``row`` from the
        entrance of ``start`` to that of ``end``.
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
            raise ConfigError(f"knob '{self.name}': it stands at {begin:g}, outside its limits {self.lower:g}, {self.upper:g}")
        return begin

    def changes(self, base: Mapping[str, float], setting: float) -> dict[str, dict[str, float]]:
        """What to change for a setting."""
        if self.mode == "value":
            return {name: {self.parameter: setting} for name in base}
        if self.mode == "scale":
            return {name: {self.parameter: setting * value} for name, value in base.items()}
        return {name: {self.parameter: setting + value} for name, value in base.items()}


class MatchStatus(Enum):
    """How a matching ended."""

    REACHED = "every target is reached within its tolerance"
    NOT_REACHED = "the best compromise that was found misses targets: add knobs, or widen tolerances"
    AT_LIMIT = "a knob stands at its limit and targets are missed: widen its limits, or add knobs"
    OUT_OF_EVALUATIONS = "stopped at the allowed number of evaluations with targets missed: allow more"


@dataclass(frozen=True)
class Residual:
    """One target after matching; ``off`` is the deviation over the tolerance, |off| <= 1 is reached."""

    label: str
    wanted: float
    reached: float
    tolerance: float
    off: float


@dataclass(frozen=True, eq=False)
class MatchResult:
    """A matched lattice.

    Attributes
    ----------
    lattice : the lattice with the best settings found.
    status : :class:`MatchStatus`.
    knobs : settings by knob name.
    residuals : one row per target.
    optics : its optics (cavities off where no target needs them).
    evaluations : lattices that were computed.
    """

    lattice: Lattice
    status: MatchStatus
    knobs: dict[str, float]
    residuals: tuple[Residual, ...]
    optics: Optics
    evaluations: int
    provenance: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def reached(self) -> bool:
        """Whether every target is reached."""
        return self.status is MatchStatus.REACHED


class _Enough(Exception):
    """Stops the optimiser: all targets are reached, or the evaluations are used up."""


def match(
    lattice: Lattice,
    knobs: Mapping[str, tuple[float, float]] | Sequence[Knob],
    targets: Sequence[Target],
    *,
    delta: float = 0.0,
    max_evaluations: int = 500,
) -> MatchResult:
    """Vary knobs until the optics of a ring has the wanted values (bounded least squares).

    Parameters
    ----------
    lattice : ring to begin with; its motion must be stable.
    knobs : name -> (lowest, highest value), for example ``{"Q2K.Kn1": (-5, -4)}``, or a list of :class:`Knob`.
    targets : wanted values.
    delta : momentum deviation at which the optics is taken [1].
    max_evaluations : lattices that may be computed.

    Returns
    -------
    MatchResult
        Look at ``status``: the best settings are returned also where targets are missed.

    Raises
    ------
    ConfigError
        Unknown knobs or targets.
    PhysicsError
        The ring has no stable optics to begin with.
    """
    row = list(knobs) if not isinstance(knobs, Mapping) else [Knob(name, *limits) for name, limits in knobs.items()]
    if not row or not targets:
        raise ConfigError("matching needs at least one knob and one target")
    problem = _Problem(lattice, row, list(targets), delta, max_evaluations)
    return problem.solve()


class _Problem:
    """The residuals of a lattice as a function of scaled knob settings; remembers the best."""

    def __init__(
        self, lattice: Lattice, knobs: list[Knob], targets: list[Target], delta: float, max_evaluations: int
    ) -> None:
        self.lattice, self.knobs, self.targets, self.delta = lattice, knobs, targets, delta
        self.base = [k.values(lattice) for k in knobs]
        self.begin = np.array([k.start(lattice) for k in knobs])
        self.lower = np.array([k.lower for k in knobs])
        self.upper = np.array([k.upper for k in knobs])
        # a knob that stands at 0 is scaled by its range
        self.scale = np.where(np.abs(self.begin) > 1e-3 * (self.upper - self.lower), np.abs(self.begin), self.upper - self.lower)
        self.left = int(max_evaluations)
        self.evaluations = 0
        self.cavities = any(not isinstance(t.quantity, str) or t.quantity == "qs" for t in targets)
        self.best: tuple[float, np.ndarray, np.ndarray, Lattice, Optics] | None = None
        self.last: tuple[np.ndarray, np.ndarray] | None = None

    def lattice_at(self, settings: np.ndarray) -> Lattice:
        changes: dict[str, dict[str, float]] = {}
        for knob, base, value in zip(self.knobs, self.base, settings, strict=True):
            for name, change in knob.changes(base, float(value)).items():
                changes.setdefault(name, {}).update(change)
        return self.lattice.with_changes(changes)

    def evaluate(self, u: np.ndarray) -> np.ndarray:
        """Residuals at scaled settings; raises PhysicsError where the ring is unstable."""
        if self.left <= 0:
            raise _Enough
        self.left -= 1
        self.evaluations += 1
        settings = np.clip(self.begin + u * self.scale, self.lower, self.upper)
        made = self.lattice_at(settings)
        program = program_of(made)
        found = optics(program if self.cavities else without(program, cavities=True), delta=self.delta)
        got = np.array([t.read(found, made) for t in self.targets])
        off = np.array([t.residual(g) for t, g in zip(self.targets, got, strict=True)])
        cost = float(off @ off)
        if self.best is None or cost < self.best[0]:
            self.best = (cost, settings, got, made, found)
        return off

    def residuals(self, u: np.ndarray) -> np.ndarray:
        try:
            off = self.evaluate(u)
        except PhysicsError:  # unstable: so bad that the step is taken back
            assert self.best is not None
            return np.full(len(self.targets), 1e3 * (1.0 + np.sqrt(self.best[0])))
        self.last = (u.copy(), off)
        if np.abs(off).max() <= 1.0:
            raise _Enough
        return off

    def jacobian(self, u: np.ndarray) -> np.ndarray:
        off = self.last[1] if self.last is not None and np.array_equal(self.last[0], u) else self.residuals(u)
        out = np.zeros((len(self.targets), len(self.knobs)))
        top = (self.upper - self.begin) / self.scale
        for j in range(len(self.knobs)):
            for step in (_SMALL_STEP, -_SMALL_STEP) if u[j] + _SMALL_STEP <= top[j] else (-_SMALL_STEP, _SMALL_STEP):
                moved = u.copy()
                moved[j] += step
                try:
                    change = self.evaluate(moved) - off
                    change[np.abs(change) < _ROUNDING] = 0.0
                    out[:, j] = change / step
                    break
                except PhysicsError:
                    continue
        return out

    def solve(self) -> MatchResult:
        from scipy.optimize import least_squares

        zero = np.zeros(len(self.knobs))
        first = self.evaluate(zero)  # an unstable ring is the caller's to know
        status = MatchStatus.NOT_REACHED
        if np.abs(first).max() > 1.0:
            self.last = (zero, first)
            bounds = ((self.lower - self.begin) / self.scale, (self.upper - self.begin) / self.scale)
            try:
                least_squares(
                    self.residuals, zero, self.jacobian, bounds, "trf", 1e-15, 1e-15, 1e-15, x_scale="jac", max_nfev=1000
                )
            except _Enough:
                status = MatchStatus.OUT_OF_EVALUATIONS
            except np.linalg.LinAlgError as err:
                raise SsmbError(f"matching failed: {err}; a knob may have no effect on any target") from err
        return self._result(status)

    def _result(self, status: MatchStatus) -> MatchResult:
        assert self.best is not None
        _, settings, got, made, found = self.best
        rows = tuple(
            Residual(t.label, t.value, float(g), t.reach, t.residual(float(g)))
            for t, g in zip(self.targets, got, strict=True)
        )
        near = np.minimum(settings - self.lower, self.upper - settings) <= 1e-6 * (self.upper - self.lower)
        if all(abs(r.off) <= 1.0 for r in rows):
            status = MatchStatus.REACHED
        elif near.any():
            status = MatchStatus.AT_LIMIT
        values = {k.name: float(v) for k, v in zip(self.knobs, settings, strict=True)}
        limits = [k.name for k, n in zip(self.knobs, near, strict=True) if n]
        return MatchResult(made, status, values, rows, found, self.evaluations, {"delta": self.delta, "at_limit": limits})
