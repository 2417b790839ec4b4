"""What a laser, or a cavity, does from turn to turn: on and off, ramps, detuning, noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from ssmb.arguments import checked
from ssmb.costs import check_cost
from ssmb.errors import ConfigError, ValidityWarning, warn
from ssmb.kernels.drives import Drive
from ssmb.kernels.philox import TURN_BITS, white_noise
from ssmb.quantity import check_quantities, quantity
from ssmb.ranges import count, finite, positive

#: A number, one number for each turn from 0, or a function of an array of turn numbers.
Course = float | Sequence[float] | np.ndarray | Callable[[np.ndarray], Any]

#: Courses are evaluated in whole groups of so many turns, so that their bits do not depend on where a run is cut.
GROUP = 1024
#: Above this relative change of the wavelength the unchanged coupling of a modulator of 30 periods is 1e-5 off.
_SMALL_DETUNING = 1e-4
#: A course of the detuning is summed up from turn 0.
_MOST_SUMMED_TURNS = 10**7
#: turns are counted to here
_LAST_TURN = 1 << TURN_BITS
#: What a turn costs of which the light is asked for [B], [s].
_BYTES_OF_A_TURN, _SECONDS_OF_A_TURN = 60.0, 5e-8
#: limits of a turn in a program
_TURN: dict[str, Any] = {"minimum": 0, "maximum": 10**12}


@checked
@dataclass(frozen=True)
class Duty:
    """On during the first ``on`` of each ``period`` turns, counted from turn 0."""

    period: int = quantity("turn", "turns after which it begins anew", minimum=1, maximum=10_000_000)
    on: int = quantity("turn", "turns of these with light", minimum=1, maximum=10_000_000)

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.on > self.period:
            raise ConfigError(f"on = {self.on} turns do not fit into a period of {self.period}")


@checked
@dataclass(frozen=True)
class Ramp:
    """Amplitude of the laser's field against turn, constant before the first point and after the last."""

    turns: tuple[int, ...] = quantity("turn", "turns of the points, rising", entries=(1, 10_000), **_TURN)
    amplitude: tuple[float, ...] = quantity(
        "1", "factors on the field; the power goes as their square", minimum=-1e3, maximum=1e3, entries=(1, 10_000)
    )
    shape: Literal["linear", "smooth"] = quantity("", "between the points; smooth: 3 t^2 - 2 t^3", default="linear")

    def __post_init__(self) -> None:
        check_quantities(self)
        if len(self.turns) != len(self.amplitude):
            raise ConfigError(f"{len(self.turns)} turns, but {len(self.amplitude)} amplitudes; give one for each turn")
        if any(b <= a for a, b in zip(self.turns[:-1], self.turns[1:], strict=True)):
            raise ConfigError(f"turns must rise, not {', '.join(str(t) for t in self.turns)}")

    def at(self, turn: np.ndarray) -> np.ndarray:
        """Return the factors on turns (n,)."""
        at, factor = np.array(self.turns, dtype=float), np.array(self.amplitude)
        if self.shape == "linear" or len(at) == 1:
            return np.interp(turn, at, factor)
        i = np.clip(np.searchsorted(at, turn, side="right") - 1, 0, at.size - 2)
        t = np.clip((turn - at[i]) / (at[i + 1] - at[i]), 0.0, 1.0)
        return factor[i] + (factor[i + 1] - factor[i]) * (t * t * (3.0 - 2.0 * t))


@checked
@dataclass(frozen=True)
class Noise:
    """White noise of the laser from turn to turn; of one seed the same in all elements, for the light is the same."""

    phase: float = quantity("2pi", "rms of the phase", minimum=0.0, maximum=10.0, default=0.0)
    amplitude: float = quantity("1", "relative rms of the field", minimum=0.0, maximum=10.0, default=0.0)
    seed: int = quantity("1", "key of the noise", minimum=0, maximum=2**63 - 1, default=1)

    def __post_init__(self) -> None:
        check_quantities(self)


@checked
@dataclass(frozen=True, eq=False)
class LaserProgram:
    """The course of a laser over the turns, relative to what the lattice says; also for an RF cavity.

    A thick modulator keeps its steps on turns without light: there it is the wiggler to the error of the integrator
    (in the MLS 6e-9 of the vertical coordinates, 1e-10 of |b|), not to the last bit.

    The field of turn n is that of the lattice times ``amplitude(n)``, which is the product of ``amplitude``, ``ramp``,
    1 or 0 by ``windows`` and ``duty``, and 1 + noise; the power goes as its square. To its phase are added
    ``phase(n)``, noise, and what the detuned wave has gained on one of the wavelength of the lattice, which meets the
    reference particle in the same phase on every turn.

    A light of wavelength ``lambda' = lambda (1 + detuning)`` has, after each turn of length C, the phase
    ``2 pi (C/beta) (1/lambda - 1/lambda')`` more at the reference particle, and the wave number ``2 pi/lambda'``. Its
    buckets move by ``-C detuning`` a turn, so that the momentum of what is in them is ``detuning/slip_factor``. All
    lasers of a ring count their phase from turn 0.

    Parameters
    ----------
    amplitude : factor on the field [1].
    phase : phase that is added [2 pi].
    detuning : relative change of the wavelength [1], above -0.5 and below 0.5; the profile and the coupling of the
        modulator stay those of the lattice, which is good to (periods * detuning)^2.
    windows : pairs (first turn, turn after the last) during which it is on; none: always.
    duty, ramp, noise : see :class:`Duty`, :class:`Ramp`, :class:`Noise`; None: on, even, without noise.

    ``amplitude``, ``phase`` and ``detuning`` are numbers, sequences of one number for each turn from 0, or functions of
    an array of turn numbers. A checkpoint knows a function by its values on the first 1024 turns.

    Examples
    --------
    >>> light = LaserProgram(ramp=Ramp((0, 4), (0.0, 1.0)), duty=Duty(3, 2))
    >>> light.evaluate(0, 6, 100.0).amplitude.tolist()
    [0.0, 0.25, 0.0, 0.75, 1.0, 0.0]
    """

    amplitude: Course = 1.0
    phase: Course = 0.0
    detuning: Course = 0.0
    windows: Sequence[tuple[int, int]] = quantity(
        "turn", "[first turn, turn after the last] of each time that it is on", entries=(0, 10_000), default=(), **_TURN
    )
    duty: Duty | None = quantity("", "on during the first turns of each period", default=None)
    ramp: Ramp | None = quantity("", "amplitude against turn", default=None)
    noise: Noise | None = quantity("", "white noise from turn to turn", default=None)

    def __post_init__(self) -> None:
        for name in ("amplitude", "phase", "detuning"):
            object.__setattr__(self, name, _course(name, getattr(self, name)))
        check_quantities(self)
        for first, after in self.windows:
            if after <= first:
                raise ConfigError(f"window [{first}, {after}] holds no turn; the second number is the turn after it")
        for name, kind in (("duty", Duty), ("ramp", Ramp), ("noise", Noise)):
            if not isinstance(getattr(self, name), kind | None):
                raise ConfigError(
                    f"LaserProgram: {name} must be a {kind.__name__}, not {type(getattr(self, name)).__name__}"
                )
        if not callable(self.detuning):
            _check_detuning(np.asarray(self.detuning, dtype=float))

    @property
    def detuned(self) -> bool:
        """Whether the wavelength is not that of the lattice on all turns."""
        return self.summed or self.detuning != 0.0

    @property
    def summed(self) -> bool:
        """Whether the phase of a turn is a sum over the turns before."""
        return not isinstance(self.detuning, float)

    def check_turns(self, turns: int) -> None:
        """Raise ConfigError if a course ends before this number of turns, counted from turn 0."""
        for name in ("amplitude", "phase", "detuning"):
            course = getattr(self, name)
            if isinstance(course, np.ndarray) and course.size < turns:
                raise ConfigError(
                    f"LaserProgram: {name} has {course.size} numbers, but turns are counted to {turns}; give one for "
                    f"each "
                    "turn from turn 0"
                )
        if self.summed and turns > _MOST_SUMMED_TURNS:
            raise ConfigError(
                f"LaserProgram: a course of the detuning is summed over at most 1e7 turns, asked for are {turns}; "
                f"give one "
                "number"
            )

    def evaluate(self, first_turn: int, turns: int, circumference: float, noise: bool = True) -> Drive:
        """State of the light on the turns from ``first_turn`` on.

        Parameters
        ----------
        first_turn, turns : which turns.
        circumference : length of one turn of the reference particle [m].
        noise : False: without that of the program.
        """
        first_turn, turns = count("first_turn", first_turn, 0, _LAST_TURN), count("turns", turns, 0, _LAST_TURN)
        circumference = positive("circumference", circumference, "m")
        made = turns + first_turn if self.summed else turns
        check_cost(
            f"the light of {made:.3g} turns", memory=_BYTES_OF_A_TURN * made, seconds=_SECONDS_OF_A_TURN * made,
            instead="ask for fewer at a time",
        )  # fmt: skip
        start = first_turn - first_turn % GROUP
        groups = -(-(first_turn + turns - start) // GROUP)
        parts = [self._group(start + i * GROUP, noise) for i in range(max(1, groups))]
        here = slice(first_turn - start, first_turn - start + turns)
        amplitude, phase = (np.concatenate([p[i] for p in parts])[here] for i in range(2))
        if not self.detuned:
            return Drive(amplitude, phase)
        if isinstance(self.detuning, float):
            stretch = np.full(turns, 1.0 + self.detuning)
            gain = circumference * (self.detuning / (1.0 + self.detuning))
            return Drive(amplitude, phase, stretch, np.arange(first_turn, first_turn + turns) * gain)
        detuning = np.concatenate([self._values("detuning", i * GROUP) for i in range(start // GROUP + max(1, groups))])
        gained = np.concatenate(([0.0], np.cumsum(circumference * (detuning / (1.0 + detuning)))))
        which = slice(first_turn, first_turn + turns)
        return Drive(amplitude, phase, 1.0 + detuning[which], gained[which])

    def as_asked(self) -> dict[str, Any]:
        """By what a checkpoint knows the program: a function by its first values."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: self._values(name, 0) if callable(value) else value for name, value in given.items()}

    def _group(self, first: int, noise: bool) -> tuple[np.ndarray, np.ndarray]:
        """Amplitude and phase of a whole group of turns."""
        turn = np.arange(first, first + GROUP)
        amplitude, phase = self._values("amplitude", first), self._values("phase", first)
        if self.ramp is not None:
            amplitude = amplitude * self.ramp.at(turn)
        if self.windows:
            amplitude = np.where(np.any([(a <= turn) & (turn < b) for a, b in self.windows], axis=0), amplitude, 0.0)
        if self.duty is not None:
            amplitude = np.where(turn % self.duty.period < self.duty.on, amplitude, 0.0)
        if noise and self.noise is not None:
            normal = np.empty((2, GROUP))
            white_noise(self.noise.seed, first, normal)
            amplitude = amplitude * (1.0 + self.noise.amplitude * normal[0])
            phase = phase + self.noise.phase * normal[1]
        return amplitude, phase

    def _values(self, name: str, first: int) -> np.ndarray:
        """A course on a group of turns; beyond its end an array stays at its last number, which no run gets to see."""
        course = getattr(self, name)
        if isinstance(course, float):
            return np.full(GROUP, course)
        if isinstance(course, np.ndarray):
            return course[np.minimum(np.arange(first, first + GROUP), course.size - 1)]
        values = _called(name, course, first)
        if name == "detuning":
            _check_detuning(values)
        return values


def _called(name: str, course: Callable[[np.ndarray], Any], first: int) -> np.ndarray:
    """Values of a user's function on a group of turns."""
    try:
        values = np.asarray(course(np.arange(first, first + GROUP)), dtype=float)
        values = np.array(np.broadcast_to(values, (GROUP,)))
    except Exception as error:
        raise ConfigError(
            f"LaserProgram: {name} as a function gets an array of turn numbers and must give as many numbers; it gave "
            f"{type(error).__name__}: {error}"
        ) from error
    if not np.isfinite(values).all():
        turn = first + int(np.argmax(~np.isfinite(values)))
        raise ConfigError(f"LaserProgram: {name} is not finite on turn {turn}")
    return values


def _course(name: str, value: Any) -> Course:
    if callable(value):
        return value
    if isinstance(value, (str, bytes)) or not hasattr(value, "__len__"):
        return finite(f"LaserProgram: {name}", value)
    try:
        numbers = np.array(value, dtype=float)
    except (TypeError, ValueError):
        numbers = np.zeros((0, 0))
    if numbers.ndim != 1 or not numbers.size or not np.isfinite(numbers).all():
        raise ConfigError(f"LaserProgram: {name} must be a number, a row of finite numbers, or a function of turns")
    numbers.flags.writeable = False
    return numbers


def _check_detuning(detuning: np.ndarray) -> None:
    most = float(np.max(np.abs(detuning)))
    if most >= 0.5:
        raise ConfigError(
            f"LaserProgram: detuning must lie between -0.5 and 0.5, not {most:g}; it is relative to the wavelength"
        )
    if most > _SMALL_DETUNING:
        warn(
            f"a detuning of {most:.3g} leaves the resonance of the modulator as it is; change the wavelength in the "
            "lattice too",
            ValidityWarning,
        )
