"""The line charge of a bunch in bins: what all effects share that act on one bunch, and the wakes between its nodes."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ssmb.beam import Beam
from ssmb.beam.reference import Reference
from ssmb.collective.effect import Effect, energy_gains, mass2
from ssmb.collective.impedances import Impedance, Ohms, impedance_values
from ssmb.collective.impedances.base import Sum
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.errors import ConfigError, ValidityWarning, warn
from ssmb.kernels.charges import GROUP, bin_sums, kick_by_bins
from ssmb.quantity import quantity
from ssmb.tracking.stations import Place

#: Points of the first Fourier sum in windows; most points; change by a doubled period that is small enough.
_FIRST, _MOST, _SETTLED = 16, 1 << 21, 1e-4
#: Images of a wake that are taken off, and how small they become.
_IMAGES, _SMALL = 4000, 1e-9
#: Error of the bins that is told, of the largest gain; points for a sigma to find it.
_COARSE, _FINE = 0.01, 8
#: Share of the bins that are told with which nothing is said; rms length of a bunch inside one bin, over the bin.
_ENOUGH, _SHORTEST = 0.9, 0.1


def check_window(name: str, window: tuple[float, float]) -> None:
    """Raise ConfigError unless a window has its lowest z first."""
    low, high = window
    if not low < high:
        raise ConfigError(f"{name}: window must be (lowest z, highest z) [m], got {low:g} to {high:g}")


def tell_outside(
    effect: Effect, window: tuple[float, float], outside: float, inside: float, turn: int, here: Place
) -> None:
    """Warn of particles outside of a window."""
    if outside > 0.0:
        effect.tell(
            "window",
            f"{effect.name}: {outside / (outside + inside):.2g} of the charge lies outside of the window "
            f"{window[0]:g} to {window[1]:g} m at '{here.name}', turn {turn}; it is not counted: make the window "
            f"longer",
        )


@dataclass(frozen=True, kw_only=True)
class OfABunch(Effect):
    """Base of effects of the line charge of one bunch.

    Charge is shared, and what acts interpolated, linearly between nodes, so that what the bunch loses is what the
    effect takes.
    """

    group: ClassVar[int] = GROUP
    window: tuple[float, float] = quantity("m", "lowest and highest z that is seen")
    bins: int = quantity("", "nodes in the window", default=256, minimum=3, maximum=100_000)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_window(type(self).__name__, self.window)

    @property
    def width(self) -> float:
        """Distance of the nodes [m]."""
        return (self.window[1] - self.window[0]) / (self.bins - 1)

    @property
    def nodes(self) -> int:
        """Number of all nodes."""
        return self.bins

    def seen(self, beam: Beam) -> np.ndarray:
        """(n,) places along the nodes, z of one bunch."""
        return beam.z

    def sums(self, beam: Beam, state: dict[str, np.ndarray]) -> np.ndarray:
        """Real particles at each node, and outside of the window."""
        out = np.empty((self.blocks(beam), self.nodes + 1))
        bin_sums(self.seen(beam), beam.weight, beam.state, self.window[0], 1.0 / self.width, out)
        return out

    def charge(self, total: np.ndarray, reference: Reference) -> np.ndarray:
        """(nodes,) size of the charge at the nodes [C]."""
        return total[: self.nodes] * (ELEMENTARY_CHARGE * abs(reference.charge_number))

    def voltage(self, total: np.ndarray, reference: Reference, here: Place) -> np.ndarray:
        """(nodes,) energy gain over charge at the nodes [V]."""
        raise NotImplementedError

    def kick(self, beam: Beam, total: np.ndarray, state: dict[str, np.ndarray], turn: int, here: Place) -> None:
        self.warn_outside(total, turn, here)
        self.give(beam, self.voltage(total, beam.reference, here), here)

    def give(self, beam: Beam, volts: np.ndarray, here: Place) -> None:
        """Give the particles the energy of a voltage at the nodes [V]."""
        gains = energy_gains(volts, beam.reference, here)
        kick_by_bins(
            beam.coordinates, self.seen(beam), beam.state, self.window[0], 1.0 / self.width, gains,
            mass2(beam.reference),
        )  # fmt: skip

    def mean_loss(self, total: np.ndarray, reference: Reference, here: Place) -> float:
        """Sum of charge times voltage over the nodes."""
        particles = float(total[: self.nodes].sum() + total[-1])
        gain = float(self.voltage(total, reference, here) @ total[: self.nodes])
        return -gain * abs(reference.charge_number) * here.share / particles if particles else 0.0

    def warn_outside(self, total: np.ndarray, turn: int, here: Place) -> None:
        """Warn of charge outside of the window."""
        tell_outside(self, self.window, total[-1], float(total[: self.nodes].sum()), turn, here)

    def rms(self, total: np.ndarray) -> float:
        """Rms length of the shortest bunch [m], without the h^2/6 that sharing between nodes adds; 0 without one."""
        charge = total[: self.nodes].reshape(-1, self.bins)
        whole = charge.sum(axis=1)
        charge, whole = charge[whole > 0.0], whole[whole > 0.0]
        if not whole.size:
            return 0.0
        node = np.arange(self.bins)
        mean = charge @ node / whole
        square = float(np.min(charge @ node**2 / whole - mean**2)) - 1.0 / 6.0
        return self.width * math.sqrt(max(square, _SHORTEST**2))

    def warn_coarse(self, total: np.ndarray, impedance: Impedance | Ohms, plane: str = "longitudinal") -> None:
        """Say how many bins a bunch of this length needs in this impedance, where it has fewer."""
        sigma = self.rms(total)
        if not sigma > 0.0:
            return
        self._warn_end(impedance, sigma)
        needed = self._needed.get(key := round(16.0 * math.log2(sigma)))
        if needed is None:  # for the shortest bunch that could be meant, so that this number is enough
            widest = widest_bin(impedance, 2.0 ** ((key - 1) / 16.0), plane)
            needed = self._needed[key] = math.ceil((self.window[1] - self.window[0]) / widest) + 1
        if self.bins < _ENOUGH * needed:
            self.tell(
                "bins",
                f"{self.name}: {self.bins} bins of {self.width:.3g} m are too coarse for a bunch of {sigma:.3g} m rms "
                f"and its impedance, by {_COARSE:.0%} or more: take bins={needed}",
            )

    def _warn_end(self, impedance: Impedance | Ohms, sigma: float) -> None:
        """Say that a table ends below what a bunch of this length excites."""
        if isinstance(impedance, Impedance) and impedance.left_at_end > 0.0:
            end = impedance.k_range[1]
            seen = math.exp(-0.5 * (end * sigma) ** 2)
            if impedance.left_at_end * seen > _COARSE:
                self.tell(
                    "end",
                    f"{self.name}: the impedance is known up to k = {end:.3g}/m, where {impedance.left_at_end:.0%} of "
                    f"its largest and {seen:.0%} of a bunch of {sigma:.3g} m rms are left: beyond it counts as "
                    f"nothing; give it up to {4.0 / sigma:.2g}/m",
                )

    @functools.cached_property
    def _needed(self) -> dict[int, int]:
        """Bins that bunches of some lengths need; known lengths are not looked at again."""
        return {}


def widest_bin(impedance: Impedance | Ohms, sigma: float, plane: str = "longitudinal") -> float:
    """Widest bin [m] that a Gaussian bunch of this rms length needs in an impedance.

    Linear sharing of the charge and interpolation of the gain V are wrong by h^2 |V''|/12 and up to h^2 |V''|/8; both
    together are 1 % of the largest gain within 3 sigma there.
    """
    fine = sigma / _FINE
    bins = 10 * _FINE + 1
    shape = np.exp(-0.5 * ((np.arange(bins) - bins // 2) / _FINE) ** 2)
    gain = Convolution(_between_nodes("bins", impedance, bins, fine, plane)[0])(shape)
    curved, largest = float(np.abs(np.diff(gain, 2)).max()), float(np.abs(gain[2 * _FINE : -2 * _FINE]).max())
    return fine * math.sqrt(_COARSE / (5.0 / 24.0) * largest / curved) if curved else math.inf


def wake_between_nodes(
    who: str, impedance: Impedance | Ohms, bins: int, width: float, plane: str = "longitudinal"
) -> np.ndarray:
    """Voltage of unit charge at node 0 on nodes m = -(bins - 1) ... bins - 1, a way m h ahead [V/C], loss positive.

    ``(c/2 pi) Int Z exp(i k m h) dk`` up to k = pi/h, by a Fourier sum whose period is doubled until nothing changes
    any more. The images of a wake of closed form are taken off, so that narrow resonances need no long period. Of a
    transverse impedance i Zt is taken, and the kick towards the offset is positive.

    Warns
    -----
    ValidityWarning
        The wake rings for longer than the longest period.
    """
    wake, change, period = _between_nodes(who, impedance, bins, width, plane)
    if change > _SETTLED:
        warn(
            f"{who}: the wake of the impedance rings for longer than {period:.3g} m; as a Fourier sum it is known to "
            f"{change:.1g}: take an impedance with a closed wake",
            ValidityWarning,
        )
    return wake


def _between_nodes(
    who: str, impedance: Impedance | Ohms, bins: int, width: float, plane: str
) -> tuple[np.ndarray, float, float]:
    """The same, its relative change by the last doubling of the period, and the period [m]."""
    if isinstance(impedance, Sum):  # each part in its own way
        parts = [_between_nodes(who, part, bins, width, plane) for part in impedance.parts]
        weighted = (f * wake for f, (wake, _, _) in zip(impedance.factors, parts, strict=True))
        total = sum(weighted, np.zeros(2 * bins - 1))
        return total, max(change for _, change, _ in parts), min(period for _, _, period in parts)
    points = 1 << math.ceil(math.log2(_FIRST * bins))
    found = _one_period(who, impedance, bins, width, points, plane)
    while True:
        points *= 2
        finer = _one_period(who, impedance, bins, width, points, plane)
        size = float(np.abs(finer).max())
        change = float(np.abs(finer - found).max()) / size if size else 0.0
        if change <= _SETTLED or 2 * points > _MOST:
            return finer, change, points * width
        found = finer


def _one_period(who: str, z: Impedance | Ohms, bins: int, width: float, points: int, plane: str) -> np.ndarray:
    """The same with a Fourier sum of so many points."""
    step = 2.0 * math.pi / (points * width)
    ohms = impedance_values(who, z, step * np.arange(points // 2 + 1), plane)
    closed = isinstance(z, Impedance)
    if closed:
        ohms[0] = z.origin(step)
    periodic = SPEED_OF_LIGHT / width * np.fft.irfft(ohms if plane == "longitudinal" else 1j * ohms, points)
    lag = np.arange(1 - bins, bins)
    wake = periodic[lag % points]
    if closed and (ringing := z.exponentials()):  # all images in one
        for size, rate in ringing:
            over = np.exp(rate * points * width)
            if over == 0.0:  # none is left, and the exponential below may be too large for a number
                continue
            wake -= np.real(size * over / (1.0 - over) * np.exp(-rate * width * lag))
    elif closed and z.has_wake and z.power is None:
        near = float(np.abs(wake).max())
        for n in range(1, _IMAGES):
            image = z.wake(points * width * n - width * lag)
            wake -= image
            if float(np.abs(image).max()) < _SMALL * near:
                break
    return wake


class Convolution:
    """Convolution of bins with wakes between nodes, by Fourier transforms of the bins and as many zeros."""

    def __init__(self, wake: np.ndarray) -> None:
        bins = (wake.size + 1) // 2
        self.points = 1 << math.ceil(math.log2(2 * bins))
        laid = np.zeros(self.points)
        laid[np.arange(1 - bins, bins) % self.points] = wake
        self.spectrum = np.fft.rfft(laid)

    def __call__(self, charge: np.ndarray) -> np.ndarray:
        """Sum over nodes j of wake[i - j] times the charge at j, at each node i; bunches in rows each for itself."""
        return np.fft.irfft(self.spectrum * np.fft.rfft(charge, self.points), self.points)[..., : charge.shape[-1]]
