"""What a laser, or a cavity, does from turn to turn: on and off, ramps, detuning, noise."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ssmb.errors import ConfigError, ValidityWarning
from ssmb.kernels.drives import Drive
from ssmb.kernels.philox import white_noise
from ssmb.ranges import choice, count, finite, not_negative, positive, several

#: A number, one number for each turn from 0, or a function of an array of turn numbers.
Course = float | Sequence[float] | np.ndarray | Callable[[np.ndarray], Any]

#: Courses are evaluated in whole groups of so many turns, so that their bits do not depend on where a run is cut.
GROUP = 1024
#: Above this relative change of the wavelength the unchanged coupling of a modulator of 30 periods is 1e-5 off.
_SMALL_DETUNING = 1e-4
#: A course of the detuning is summed up from turn 0.
_MOST_SUMMED_TURNS = 10**7
#: turns are counted to here
_LAST_TURN = 2**62
_SHAPES = ("linear", "smooth")


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
    duty : (period, on): on during the first ``on`` of each ``period`` turns, counted from turn 0.
    ramp : points (turn, factor on the field), turns rising; constant before the first and after the last.
    ramp_shape : "linear", or "smooth": between two points ``3 t^2 - 2 t^3``.
    amplitude_noise, phase_noise : rms of white noise by turn, relative [1] and [2 pi].
    seed : key of the noise: the same for all elements with this program, since the light is the same.

    ``amplitude``, ``phase`` and ``detuning`` are numbers, sequences of one number for each turn from 0, or functions of
    an array of turn numbers. A checkpoint knows a function by its values on the first 1024 turns.

    Examples
    --------
    >>> light = LaserProgram(ramp=[(0, 0.0), (4, 1.0)], duty=(3, 2))
    >>> light.evaluate(0, 6, 100.0).amplitude.tolist()
    [0.0, 0.25, 0.0, 0.75, 1.0, 0.0]
    """

    amplitude: Course = 1.0
    phase: Course = 0.0
    detuning: Course = 0.0
    windows: Sequence[tuple[int, int]] = ()
    duty: tuple[int, int] = (1, 1)
    ramp: Sequence[tuple[int, float]] = ()
    ramp_shape: str = "linear"
    amplitude_noise: float = 0.0
    phase_noise: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        checked = {name: _course(name, getattr(self, name)) for name in ("amplitude", "phase", "detuning")}
        checked |= {
            "windows": tuple(_window(w) for w in several("LaserProgram: windows", self.windows, "pairs of turns")),
            "duty": _duty(self.duty),
            "ramp": _ramp(several("LaserProgram: ramp", self.ramp, "points (turn, factor)")),
            "amplitude_noise": not_negative("amplitude_noise", self.amplitude_noise),
            "phase_noise": not_negative("phase_noise", self.phase_noise, "2 pi"),
            "seed": count("seed", self.seed, at_least=0),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        if self.seed >= 2**63:
            raise ConfigError(f"LaserProgram: seed must be below 2^63, not {self.seed}")
        choice("ramp_shape", self.ramp_shape, _SHAPES)
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
        noise : False: without amplitude_noise and phase_noise.
        """
        first_turn, turns = count("first_turn", first_turn, 0, _LAST_TURN), count("turns", turns, 0, _LAST_TURN)
        circumference = positive("circumference", circumference, "m")
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
        if self.ramp:
            amplitude = amplitude * _on_ramp(turn, self.ramp, self.ramp_shape)
        if self.windows:
            amplitude = np.where(np.any([(a <= turn) & (turn < b) for a, b in self.windows], axis=0), amplitude, 0.0)
        period, on = self.duty
        amplitude = np.where(turn % period < on, amplitude, 0.0)
        if noise and (self.amplitude_noise or self.phase_noise):
            normal = np.empty((2, GROUP))
            white_noise(self.seed, first, normal)
            amplitude = amplitude * (1.0 + self.amplitude_noise * normal[0])
            phase = phase + self.phase_noise * normal[1]
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


def _on_ramp(turn: np.ndarray, points: Sequence[tuple[int, float]], shape: str) -> np.ndarray:
    at, factor = (np.array(v, dtype=float) for v in zip(*points, strict=True))
    if shape == "linear" or len(points) == 1:
        return np.interp(turn, at, factor)
    i = np.clip(np.searchsorted(at, turn, side="right") - 1, 0, at.size - 2)
    t = np.clip((turn - at[i]) / (at[i + 1] - at[i]), 0.0, 1.0)
    return factor[i] + (factor[i + 1] - factor[i]) * (t * t * (3.0 - 2.0 * t))


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
        warnings.warn(
            f"a detuning of {most:.3g} leaves the resonance of the modulator as it is; change the wavelength in the "
            "lattice too",
            ValidityWarning,
            stacklevel=4,
        )


def _pair(name: str, value: Any) -> tuple[Any, Any]:
    try:
        one, other = several(name, value, "two numbers")
    except (ConfigError, ValueError):
        raise ConfigError(f"LaserProgram: {name} needs a pair, not {value!r}") from None
    return one, other


def _window(value: Any) -> tuple[int, int]:
    first, after = (count("LaserProgram: turn of a window", v, at_least=0) for v in _pair("a window", value))
    if after <= first:
        raise ConfigError(
            f"LaserProgram: window ({first}, {after}) holds no turn; the second number is the turn after it"
        )
    return first, after


def _duty(value: Any) -> tuple[int, int]:
    period, on = _pair("duty = (period, on)", value)
    period = count("LaserProgram: period of duty", period)
    on = count("LaserProgram: on of duty", on, at_least=0)
    if on > period:
        raise ConfigError(f"LaserProgram: duty is (period, on) with on <= period, not ({period}, {on})")
    return period, on


def _ramp(values: Sequence[Any]) -> tuple[tuple[int, float], ...]:
    points = [_pair("a point of the ramp", v) for v in values]
    ramp = tuple(
        (count("LaserProgram: turn of a ramp", t, at_least=0), finite("LaserProgram: factor of a ramp", f))
        for t, f in points
    )
    if any(b[0] <= a[0] for a, b in zip(ramp[:-1], ramp[1:], strict=True)):
        raise ConfigError(f"LaserProgram: the turns of a ramp must rise, not {', '.join(str(t) for t, _ in ramp)}")
    return ramp
