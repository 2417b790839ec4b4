"""Vlasov-Fokker-Planck equation of the longitudinal plane on a grid: instabilities without the noise of particles.

The density in (z, delta) moves by the split map of tracking: drift ``z -= eta C delta``, kick by the RF system and by
the wake of its own line density, damping and diffusion of delta. A step is a part of a synchrotron period and may be
many turns. Drift and kick interpolate each line at one distance, with six points, and keep the charge to rounding, less
what leaves the grid; damping and diffusion have fluxes (Chang and Cooper) that hold the Gaussian exactly.

Valid for beta = 1 and a force that is smooth over a step: a wave of k must not drift by a radian, 2 pi k sigma_z/steps
well below one. Structure below a cell is lost, which damps. What depends on the number of points or steps is not yet
right: at 100 steps thresholds of synchrotron radiation between plates are up to 4 % lower than at 200 and 400.

References
----------
R. L. Warnock, J. A. Ellison, SLAC-PUB-8404 (2000).
G. Stupakov, S. Heifets, Phys. Rev. ST Accel. Beams 5, 054402 (2002), doi:10.1103/PhysRevSTAB.5.054402.
J. S. Chang, G. Cooper, J. Comput. Phys. 6, 1 (1970), doi:10.1016/0021-9991(70)90001-X.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from ssmb.arguments import checked
from ssmb.buckets import MicroBucket
from ssmb.collective.haissinski import haissinski_bunch, wake_between_nodes
from ssmb.collective.impedances import Impedance, Ohms, impedance_values
from ssmb.collective.micro_well import haissinski_train
from ssmb.collective.stored_beam import StoredBeam
from ssmb.costs import check_cost
from ssmb.errors import PhysicsError, StatisticsWarning, ValidityWarning, warn
from ssmb.kernels.phase_space import drift, kick, shift_weights
from ssmb.quantity import Shown, quantity
from ssmb.ranges import count, finite, not_negative, positive

Array = NDArray[np.float64]

#: Half of the grid in rms spreads, of delta and of z.
_DELTA_RANGE, _Z_RANGE = 7.0, 7.5
#: Share of the charge that may leave the grid unsaid.
_LOST = 1e-6
#: Wave of the disturbance, k sigma_z.
_WAVE = 4.0
#: Records of a synchrotron period, about: no small whole number, at which modes would seem to stand still.
_RECORDS = 13
#: Largest drift of a particle in a step, in radians of the wave that moves; least unrest that is looked at; share of
#: the last tenth of the spectrum at which the grid is too coarse.
_MOST_DRIFT, _RESTLESS, _TAIL = 0.5, 1e-6, 1e-2
#: Time of a step for each point [s].
_SECONDS = 8e-9


@checked
@dataclass(frozen=True, eq=False)
class VlasovRun(Shown):
    """A density on a grid against turn, and at the end."""

    turn: Array = quantity("turn", "turns from the start", dims=("turn",))
    centroid: Array = quantity("m", "mean z", dims=("turn",))
    rms: Array = quantity("m", "rms length", dims=("turn",))
    sigma_delta: Array = quantity("1", "rms momentum spread", dims=("turn",))
    unrest: Array = quantity(
        "1", "rms change of the line density from record to record, over its rms", label="unrest", dims=("turn",)
    )
    z: Array = quantity("m", "rows of the grid", dims=("z",))
    delta: Array = quantity("1", "columns of the grid", dims=("delta",))
    line: Array = quantity("1/m", "line density over the charge", dims=("turn", "z"))
    density: Array = quantity("1/m", "density in (z, delta) at the end", dims=("z", "delta"))
    lost: float = quantity("1", "share of the charge that has left the grid")

    def growth(self, share: float = 0.5) -> float:
        """Growth rate of the unrest per turn, over the last part of the run; < 0 damped [1].

        Parameters
        ----------
        share : last part that is looked at.
        """
        share = min(positive("share", share), 1.0)
        late = slice(int((1.0 - share) * self.turn.size), None)
        if self.unrest[late].size < 3:
            raise PhysicsError("VlasovRun.growth: fewer than three records are left; run more periods")
        return float(np.polyfit(self.turn[late], np.log(np.maximum(self.unrest[late], 1e-300)), 1)[0])

    def table(self) -> dict[str, Array]:
        """Columns turn, centroid, rms, sigma_delta and unrest."""
        return {name: getattr(self, name) for name in ("turn", "centroid", "rms", "sigma_delta", "unrest")}


@checked
def vlasov_bunch(
    beam: StoredBeam,
    impedance: Impedance | Ohms,
    charge: float,
    *,
    periods: float = 20.0,
    steps: int = 200,
    points: int = 256,
    disturbance: float = 1e-3,
) -> VlasovRun:
    """Follow a bunch in linear RF and its own wake, from its Haissinski equilibrium with a small disturbance.

    Parameters
    ----------
    beam : the ring and the bunch without current, with tune and damping.
    impedance : of a turn [ohm], a function of wave numbers [1/m].
    charge : of the bunch [C].
    periods : synchrotron periods.
    steps : steps of a synchrotron period.
    points : nodes in z, and in delta.
    disturbance : relative amplitude of a wave on the line density at the start; 0 leaves the rounding.

    Raises
    ------
    ConfigError, PhysicsError
        Numbers out of range, or no equilibrium.

    Examples
    --------
    >>> from ssmb.collective.impedances import Inductance
    >>> beam = StoredBeam(energy=6e8, circumference=60.0, slip_factor=2e-3, sigma_delta=5e-4, tune=5e-3, damping=1e-4)
    >>> run = vlasov_bunch(beam, Inductance(5e-9), 1.53e-10, periods=2, points=96)
    >>> round(float(run.rms[-1]) / beam.sigma_z, 2)
    1.12
    """
    start = haissinski_bunch(beam, impedance, charge)
    half = _Z_RANGE * max(start.rms, beam.sigma_z)
    count("points", points, at_least=32, at_most=4096)
    z = start.centroid + np.linspace(-half, half, points)
    length = scipy.fft.next_fast_len(3 * points, real=True)
    wake = np.fft.rfft(wake_between_nodes(beam, impedance, charge, z)[0] * (z[1] - z[0]) / beam.energy, length)

    def gain(line: Array) -> Array:
        return np.fft.irfft(wake * np.fft.rfft(line, length), length)[points - 1 : 2 * points - 1]

    turns = _turns_of_a_step(beam.synchrotron_tune, steps)
    # the split map at finite step has this tune with this slope
    focusing = 4.0 * math.sin(math.pi * beam.tune * turns) ** 2 / (turns * turns * beam.slip)
    motion = _Motion(beam.slip, beam.sigma_delta, beam.damping, turns, focusing * z, gain, z, periodic=False)
    wave = 1.0 + not_negative("disturbance", disturbance) * np.cos(_WAVE * (z - start.centroid) / start.rms + 0.5)
    return _run(motion, start.density_at(z) * wave, _steps_of(periods, steps), steps)


@checked
def vlasov_train(
    bucket: MicroBucket,
    impedance: Impedance | Ohms,
    *,
    energy: float,
    sigma_delta: float,
    current: float,
    damping: float = 0.0,
    harmonics: Sequence[int] = (1, 2, 3, 4, 5, 6),
    periods: float = 20.0,
    steps: int = 200,
    points: int = 256,
    disturbance: float = 1e-3,
) -> VlasovRun:
    """Follow a train of equal micro-bunches in the cosine of the laser and its own field at the harmonics.

    Parameters
    ----------
    bucket, impedance, energy, sigma_delta, current, harmonics : see :func:`ssmb.collective.haissinski_train`.
    damping : longitudinal damping decrement of the amplitude per turn [1].
    periods, steps, points, disturbance : see :func:`vlasov_bunch`; the grid in z is one wavelength, periodic.

    Raises
    ------
    ConfigError, PhysicsError
        Numbers out of range, or no equilibrium.
    """
    start = haissinski_train(
        bucket, impedance, energy=energy, sigma_delta=sigma_delta, current=current, harmonics=harmonics
    )
    count("points", points, at_least=32, at_most=4096)
    z = bucket.centre + bucket.wavelength * (np.arange(points) / points - 0.5)
    wave_numbers = bucket.wavenumber * np.array(start.harmonics)
    values = impedance_values("vlasov_train", impedance, wave_numbers)
    waves = np.exp(1j * np.outer(z, wave_numbers))
    width = z[1] - z[0]

    def gain(line: Array) -> Array:
        return np.real(waves @ (-2.0 * current / energy * values * (line @ waves.conj() * width)))

    slip = bucket.slip_factor * bucket.circumference
    turns = _turns_of_a_step(bucket.smooth_tune, steps)
    laser = bucket.amplitude * np.sin(bucket.wavenumber * z)
    motion = _Motion(slip, sigma_delta, not_negative("damping", damping), turns, laser, gain, z, periodic=True)
    line = np.interp(z, start.z, start.density, period=bucket.wavelength)
    wave = 1.0 + not_negative("disturbance", disturbance) * np.cos(_WAVE * (z - start.centroid) / start.rms + 0.5)
    return _run(motion, line * wave, _steps_of(periods, steps), steps)


@dataclass(frozen=True)
class _Motion:
    """One step: path of a turn, spread, damping of a turn, turns, gain of RF and wake of a turn, rows of the grid."""

    slip: float
    sigma_delta: float
    damping: float
    turns: float
    focusing: Array
    gain: Callable[[Array], Array]
    z: Array
    periodic: bool


def _turns_of_a_step(tune: float, steps: int) -> float:
    return 1.0 / (tune * count("steps", steps, at_least=20, at_most=100_000))


def _steps_of(periods: float, steps: int) -> int:
    return max(1, round(positive("periods", periods) * steps))


def spreading(delta: Array, sigma: float, decrement: float) -> tuple[Array, Array, Array, int]:
    """Three diagonals of damping and diffusion in one part of a step, and the number of parts.

    Fluxes between the cells vanish for exp(-delta^2/(2 sigma^2)).
    """
    h = float(delta[1] - delta[0])
    times = math.ceil(2.0 * decrement * 4.0 * (sigma / h) ** 2 + 8.0 * decrement) if decrement else 0
    between = 0.5 * (delta[1:] + delta[:-1])
    w = between * h / sigma**2
    safe = np.where(np.abs(w) < 1e-8, 1.0, w)
    rise = np.where(np.abs(w) < 1e-8, 1.0 - 0.5 * w, safe / np.expm1(safe))  # w/(e^w - 1)
    # inflow from above (rise + w) f_(j+1), outflow rise f_j, in units of 2 a sigma^2/h^2
    unit = 2.0 * decrement / max(times, 1) * (sigma / h) ** 2
    lower, middle, upper = np.zeros(delta.size), np.ones(delta.size), np.zeros(delta.size)
    middle[:-1] -= unit * rise
    upper[:-1] = unit * (rise + w)
    lower[1:] = unit * rise
    middle[1:] -= unit * (rise + w)
    return lower, middle, upper, times


def _run(motion: _Motion, line: Array, number: int, steps: int) -> VlasovRun:
    """Density moved through a number of steps, with records."""
    z, points = motion.z, motion.z.size
    every = max(1, steps // _RECORDS)
    check_cost(
        f"a density on {points} x {points} points for {number} steps",
        memory=16.0 * points * (number // every + 2 * points),
        seconds=number * points**2 * _SECONDS,
        instead="take fewer periods, steps or points",
    )
    delta = np.linspace(-_DELTA_RANGE, _DELTA_RANGE, points) * motion.sigma_delta
    width, height = float(z[1] - z[0]), float(delta[1] - delta[0])
    f = line[:, None] * np.exp(-0.5 * (delta / motion.sigma_delta) ** 2)[None, :]
    f /= f.sum() * width * height
    three = spreading(delta, motion.sigma_delta, motion.damping * motion.turns)
    g = np.empty_like(f)
    path = -motion.slip * motion.turns * delta / width
    moves = [shift_weights(path * part) for part in (0.5, 1.0)]
    rows = []
    for step in range(number + 1):
        drift(f, *moves[step > 0], motion.periodic, g)
        own = g.sum(axis=1) * height
        gain = (motion.focusing + motion.gain(own)) * motion.turns
        cells, weights = shift_weights(gain / height)
        kick(g, cells, weights, *three, f)
        if step % every == 0:
            rows.append((step * motion.turns, own.copy(), _spread(g, f, delta)))
        if not np.isfinite(own[points // 2]):
            raise PhysicsError(
                "vlasov: the density is no longer finite; the force is too strong for the step, take more"
            )
    return _record(motion, delta, f, rows, width, height)


def _spread(before: Array, after: Array, delta: Array) -> float:
    """Rms momentum spread, of the middle of a kick."""
    total = 0.0
    for f in (before, after):
        share = f.sum(axis=0) / f.sum()
        total += 0.5 * float(share @ delta**2 - (share @ delta) ** 2)
    return math.sqrt(max(total, 0.0))


def _record(
    motion: _Motion, delta: Array, f: Array, rows: list[tuple[float, Array, float]], width: float, height: float
) -> VlasovRun:
    z, line = motion.z, np.array([row[1] for row in rows])
    charge = line.sum(axis=1) * width
    centroid = line @ z * width / charge
    rms = np.sqrt(np.maximum(line @ z**2 * width / charge - centroid**2, 0.0))
    unrest = np.sqrt(np.mean(np.diff(line, axis=0) ** 2, axis=1) / np.mean(line[0] ** 2))
    lost = 1.0 - float(f.sum()) * width * height
    if abs(lost) > _LOST:
        warn(
            f"vlasov: the charge has changed by {-lost:.2g} of it at the ends of the grid: the beam has grown too "
            "hot or too long for it, or has structure below its points",
            StatisticsWarning if abs(lost) < 1e-3 else ValidityWarning,
        )
    _say_what_is_coarse(motion, line, width)
    return VlasovRun(
        turn=np.array([row[0] for row in rows[1:]]),
        centroid=centroid[1:],
        rms=rms[1:],
        sigma_delta=np.array([row[2] for row in rows[1:]]),
        unrest=unrest,
        z=z,
        delta=delta,
        line=line[1:],
        density=f,
        lost=finite("lost", lost),
    )


def _say_what_is_coarse(motion: _Motion, line: Array, width: float) -> None:
    """Warn where what moves at the end is too short a wave for the steps or the grid."""
    change = np.abs(np.fft.rfft(line[-1] - line[-2])) ** 2 if len(line) > 1 else np.zeros(2)
    if change.sum() < _RESTLESS**2 * np.sum(np.abs(np.fft.rfft(line[-1])) ** 2):
        return
    k = 2.0 * math.pi * np.fft.rfftfreq(line.shape[1], width)
    wave = math.sqrt(float(change @ k**2 / change.sum()))
    drift_of_a_step = wave * abs(motion.slip) * motion.turns * motion.sigma_delta
    if drift_of_a_step > _MOST_DRIFT:
        warn(
            f"vlasov: particles drift by {drift_of_a_step:.2g} rad of the wave that moves, k = {wave:.3g}/m, in a step"
            f"; take at least {drift_of_a_step / _MOST_DRIFT:.3g} times the steps",
            ValidityWarning,
        )
    tail = math.sqrt(float(change[-change.size // 10 :].sum() / change.sum()))
    if tail > _TAIL:
        warn(
            f"vlasov: the line density moves up to the shortest waves of the grid (the last tenth of its spectrum has "
            f"{tail:.2g} of it); take more points",
            ValidityWarning,
        )
