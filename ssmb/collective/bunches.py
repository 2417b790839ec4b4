"""Several bunches and several turns of a wake: what a bunch feels of all that has passed before it."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ssmb.beam import Beam
from ssmb.collective.impedances import Impedance
from ssmb.collective.impedances.base import Sum
from ssmb.collective.line_charge import OfABunch
from ssmb.errors import ConfigError, ValidityWarning, warn
from ssmb.lattice.program import Program
from ssmb.quantity import quantity
from ssmb.tracking.stations import Place

#: Points of a window between which a smooth wake is interpolated, tried in this order, and the error that is enough.
_POINTS, _CLOSE = (2, 3, 4, 6, 8, 12, 16, 24), 1e-6
#: Most numbers of the table of wakes; share of the nearest wake that may be left when the memory ends.
_MOST, _LEFT = 100_000_000, 0.01


@dataclass(frozen=True, kw_only=True)
class OfBunches(OfABunch):
    """Base of effects of wakes, in which bunches of one beam and turns before are felt, too.

    The window is that about each bucket: bucket n lies n spacings ahead in z. What has passed acts at its distance,
    ``W(z' - z + m C)`` after m turns of the length C. A resonator rings on as an exponential, exactly, however long; of
    another wake the charges of ``turns`` turns are kept.
    """

    turns: int = quantity(
        "turn", "turns before that are felt; any number > 0 is all of them for resonators", minimum=0, default=0
    )
    buckets: Sequence[int] = quantity("1", "buckets of the bunches in the beam, those at larger z before", default=(0,))
    spacing: float = quantity("m", "distance of two buckets", minimum=0.0, default=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        buckets = tuple(sorted(self.buckets, reverse=True))
        object.__setattr__(self, "buckets", buckets)
        who, width = type(self).__name__, self.window[1] - self.window[0]
        if not buckets or len(set(buckets)) < len(buckets):
            raise ConfigError(f"{who}: give buckets, each once, got {list(self.buckets)!r}")
        if buckets != (0,) and self.spacing < width:
            raise ConfigError(
                f"{who}: spacing is {self.spacing:g} m; windows of {width:g} m about the buckets must not overlap"
            )
        if self.turns and (isinstance(self.at, (int, float)) or len(self.at) > 1):
            raise ConfigError(f"{who}: with turns before, at must be one element, where all of the wake of a turn acts")
        if self.turns or len(buckets) > 1:
            _parts(who, self.impedance)  # type: ignore[attr-defined]

    @property
    def nodes(self) -> int:
        """Nodes of all windows, those of the first bunch first."""
        return self.bins * len(self.buckets)

    def seen(self, beam: Beam) -> np.ndarray:
        """(n,) z in windows one behind the other, with a bin between; NaN between the windows."""
        if len(self.buckets) == 1 and self.buckets[0] == 0:
            return beam.z
        middle = 0.5 * (self.window[0] + self.window[1])
        bucket = np.rint((beam.z - middle) / self.spacing) if self.spacing else np.zeros(len(beam))
        known = np.array(self.buckets[::-1], dtype=float)
        row = np.minimum(np.searchsorted(known, bucket), known.size - 1)
        local = beam.z - bucket * self.spacing
        inside = (known[row] == bucket) & (local >= self.window[0]) & (local < self.window[1])
        return np.where(inside, local + (known.size - 1 - row) * (self.bins * self.width), np.nan)

    def in_lattice(self, program: Program) -> Self:
        """The effect with its places; what the turn of the lattice has no room for is said before a run begins."""
        found = super().in_lattice(program)
        if self.turns:
            found.before(program.length)
        return found

    def state(self, program: Program) -> dict[str, np.ndarray]:
        """Ringing of the resonators, and the charges of turns before, where turns before are felt."""
        if not self.turns:
            return {}
        before = self.before(program.length)
        before.warn_of_the_end(self.name)
        return before.nothing()

    def after(self, wakes: Any, source: np.ndarray, state: dict[str, np.ndarray], here: Place) -> np.ndarray:
        """(nodes,) wakes of a source at the nodes, of this turn and of those before; the state goes a turn on.

        Parameters
        ----------
        wakes : those in a bunch, a :class:`ssmb.collective.line_charge.Convolution`.
        source : (nodes,) charge, or charge times offset.
        """
        rows = source.reshape(len(self.buckets), self.bins)
        found = wakes(rows)
        if self.turns or len(self.buckets) > 1:
            before = self.before(here.length)
            found = found + before(rows, state or before.nothing())
        return found.reshape(-1)

    def before(self, length: float) -> Before:
        """The wakes of what has passed, in turns of this length [m]."""
        if length not in self._tables:
            self._tables[length] = Before(self, self.impedance, length)  # type: ignore[attr-defined]
        return self._tables[length]

    @functools.cached_property
    def _tables(self) -> dict[float, Before]:
        return {}


class Before:
    """Wakes of the bunches before, and of turns before, at the nodes of each bunch."""

    def __init__(self, of: OfBunches, impedance: Any, length: float) -> None:
        self.turns, self.length = of.turns, length
        node = np.linspace(*of.window, of.bins)
        self.width = of.window[1] - of.window[0]
        self.place = np.array(of.buckets) * of.spacing
        train = float(self.place[0] - self.place[-1]) + self.width
        if of.turns and train > length:
            raise ConfigError(
                f"{of.name}: the windows of the bunches reach over {train:g} m, more than the turn of {length:g} m"
            )
        smooth: list[tuple[float, Impedance]] = []
        ringing: list[tuple[complex, complex]] = []
        for factor, part in _parts(of.name, impedance):
            own = part.exponentials()
            ringing += [(factor * size, rate) for size, rate in own]
            smooth += [] if own else [(factor, part)]
        self.smooth = smooth
        self._ring(np.array(ringing, complex).reshape(-1, 2), node)
        self._table(of.name, node)

    def _ring(self, ringing: np.ndarray, node: np.ndarray) -> None:
        """Factors from the head of a window to its nodes, from these to its tail, over a window and over the gaps."""
        size, rate = ringing[:, 0], ringing[:, 1]
        self.feels = size[:, None] * np.exp(np.outer(rate, node[-1] - node))
        self.leaves = np.exp(np.outer(rate, node - node[0]))
        self.over = np.exp(rate * self.width)
        gaps = np.append(self.place[:-1] - self.place[1:], self.length + self.place[-1] - self.place[0]) - self.width
        self.gaps = np.exp(np.outer(np.maximum(gaps, 0.0), rate))

    def _table(self, who: str, node: np.ndarray) -> None:
        """Smooth wakes between the points of all windows, (bunch, point) from (turns before, bunch, point)."""
        self.between, self.points = np.zeros((0, 0)), np.zeros((node.size, 0))
        if not self.smooth:
            return
        self._fits(who, 1)  # before arrays of that size are made
        away = self.place[None, :] - self.place[:, None]  # of the source from who feels it
        turn = np.arange(self.turns + 1)[:, None, None]
        distance = turn * self.length + away[None]  # (turns, who feels, source)
        felt = (turn > 0) | (away[None] > 0.0)
        near = float(distance[felt].min())
        points, error = self._points(near)
        if error > _CLOSE:
            warn(
                f"{who}: the wake of the bunch before is smooth over a window to {error:.1g} of it only: make the "
                "window shorter",
                ValidityWarning,
            )
        self._fits(who, points.size)
        self.near = near
        self.points = _interpolation(points, (node - node[0]) / self.width * 2.0 - 1.0)
        half = 0.5 * self.width * points
        s = distance[..., None, None] + half[None, :] - half[:, None]  # (turns, who, source, point who, point source)
        wakes = np.where(felt[..., None, None], self._wake(np.maximum(s, 0.0)), 0.0)
        across = wakes.transpose(1, 3, 0, 2, 4)
        self.between = np.ascontiguousarray(across).reshape(self.place.size * points.size, -1)

    def _fits(self, who: str, points: int) -> None:
        n = (self.turns + 1.0) * self.place.size**2 * points**2
        if n > _MOST:
            raise ConfigError(
                f"{who}: {self.place.size} bunches and {self.turns} turns take a table of {n:.2g} wakes; at most "
                f"{_MOST:.2g} are kept: take fewer turns"
            )

    def _wake(self, s: np.ndarray) -> np.ndarray:
        return sum((f * part.wake(s) for f, part in self.smooth), np.zeros(s.shape))

    def _points(self, near: float) -> tuple[np.ndarray, float]:
        """Points in (-1, 1) that are enough for the nearest distance, and the error that is left."""
        look = np.linspace(-1.0, 1.0, 11)
        s = near + 0.5 * self.width * (look[None, :] - look[:, None])
        want = self._wake(np.maximum(s, 0.0))
        size = max(float(np.abs(want).max()), 1e-300)
        points, error = np.zeros(1), math.inf
        for n in _POINTS:
            points = np.cos(math.pi * (np.arange(n) + 0.5) / n)
            s = near + 0.5 * self.width * (points[None, :] - points[:, None])
            rows = _interpolation(points, look)
            error = float(np.abs(rows @ self._wake(np.maximum(s, 0.0)) @ rows.T - want).max()) / size
            if error <= _CLOSE:
                break
        return points, error

    def warn_of_the_end(self, who: str) -> None:
        """Say where the memory ends before the wake does."""
        if self.smooth:
            last, first = (float(np.abs(self._wake(np.array([s])))[0]) for s in (self.turns * self.length, self.near))
            if last > _LEFT * first:
                warn(
                    f"{who}: after {self.turns} turns the wake is still {last / first:.1g} of that of the passage "
                    "before; what is older is not felt: take more turns",
                    ValidityWarning,
                )

    def nothing(self) -> dict[str, np.ndarray]:
        """The state of a ring without charge."""
        return {
            "ringing": np.zeros((self.over.size, 2)),
            "passed": np.zeros((self.turns if self.smooth else 0, self.place.size, self.points.shape[1])),
        }

    def __call__(self, source: np.ndarray, state: dict[str, np.ndarray]) -> np.ndarray:
        """(bunches, bins) wakes of what has passed; the state goes a turn on."""
        found = np.zeros(source.shape)
        if self.over.size:
            rings = state["ringing"][:, 0] + 1j * state["ringing"][:, 1]
            left = source @ self.leaves.T
            for j in range(self.place.size):
                found[j] = np.real(rings @ self.feels)
                rings = (rings * self.over + left[j]) * self.gaps[j]
            state["ringing"][:, 0], state["ringing"][:, 1] = rings.real, rings.imag
        if self.smooth:
            passed = state["passed"]
            now = source @ self.points
            all_turns = np.concatenate([now[None], passed])
            found += (self.between @ all_turns.reshape(-1)).reshape(now.shape) @ self.points.T
            passed[...] = all_turns[: self.turns]
        return found


def _parts(who: str, impedance: Any, factor: float = 1.0) -> list[tuple[float, Impedance]]:
    """Factors and parts of an impedance, all with a closed wake behind the source."""
    if isinstance(impedance, Sum):
        pairs = zip(impedance.factors, impedance.parts, strict=True)
        return [found for f, part in pairs for found in _parts(who, part, factor * f)]
    if not isinstance(impedance, Impedance) or not impedance.has_wake:
        name = f"of '{impedance.kind}'" if isinstance(impedance, Impedance) else "of a function"
        raise ConfigError(
            f"{who}: the wake {name} is not known in closed form, as it must be where other bunches and turns feel it: "
            "give it to an effect of its own, for one bunch and no turns"
        )
    return [(factor, impedance)]


def _interpolation(points: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(at, points) polynomials of Lagrange of some points."""
    others = ~np.eye(points.size, dtype=bool)
    rows = np.empty((at.size, points.size))
    for p in range(points.size):
        other = points[others[p]]
        rows[:, p] = np.prod((at[:, None] - other) / (points[p] - other), axis=1)
    return rows
