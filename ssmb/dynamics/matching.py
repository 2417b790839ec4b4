"""Matching: strengths of families of magnets are varied until the optics has the wanted values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.dynamics.knobs import Knob
from ssmb.dynamics.optics import Optics, optics
from ssmb.dynamics.propagation import program_of, without
from ssmb.dynamics.targets import Target
from ssmb.errors import ConfigError, PhysicsError, SsmbError
from ssmb.lattice.tree import Lattice

_SMALL_STEP = 1e-6
#: Change of a residual [tolerances] over such a step that is rounding: the knob does not act on the target.
_ROUNDING = 1e-6


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


@checked
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
        self.scale = np.where(
            np.abs(self.begin) > 1e-3 * (self.upper - self.lower), np.abs(self.begin), self.upper - self.lower
        )
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
        found = optics(
            program if self.cavities else without(program, cavities=True), delta=self.delta, compare_edges=False
        )
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
                exact = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "max_nfev": 1000}
                slopes: Any = self.jacobian
                least_squares(self.residuals, zero, jac=slopes, bounds=bounds, x_scale="jac", **exact)
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
        return MatchResult(
            made, status, values, rows, found, self.evaluations, {"delta": self.delta, "at_limit": limits}
        )
