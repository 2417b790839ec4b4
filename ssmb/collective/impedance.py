"""A longitudinal impedance in one place: of a train of micro-buckets, at harmonics of its period, and of a bunch, in
bins.

Signs: time factor exp(-i omega t), z > 0 at the head; ``Z(k) = (1/c) Int W(s) exp(i k s) ds`` with the wake W(s) [V/C]
> 0 where the particle a length s behind the source loses. An inductance is -i omega L, a resistive wall (1 - i) times a
root.

References
----------
A. W. Chao, Physics of Collective Beam Instabilities in High Energy Accelerators (Wiley, 1993), chapter 2; its time
    factor is the same, its z has the head at z > 0, too.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam
from ssmb.beam.reference import Reference
from ssmb.collective.effect import Effect, effect
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT, VACUUM_IMPEDANCE
from ssmb.errors import ConfigError, ValidityWarning, warn
from ssmb.kernels.charges import bin_sums, harmonic_sums, kick_by_bins, kick_by_harmonics
from ssmb.quantity import check_quantities, quantity
from ssmb.ranges import count, several
from ssmb.tracking.stations import Place

#: Impedance [ohm], complex, at wave numbers >= 0 [1/m].
Impedance = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Resonator:
    """R/(1 + i Q (k_r/k - k/k_r)): a mode of a cavity, or with Q = 1 the broad-band model of a chamber (Chao, eq.
    2.84).
    """

    shunt_impedance: float = quantity("ohm", "shunt impedance R", minimum=0.0)
    quality: float = quantity("1", "quality factor Q", minimum=0.5)
    frequency: float = quantity("Hz", "resonance frequency", minimum=0.0, open_minimum=True)

    def __post_init__(self) -> None:
        check_quantities(self)

    def __call__(self, k: np.ndarray) -> np.ndarray:
        kr = 2.0 * math.pi * self.frequency / SPEED_OF_LIGHT
        return self.shunt_impedance * k * kr / (k * kr + 1j * self.quality * (kr * kr - k * k))


@dataclass(frozen=True)
class Inductance:
    """-i omega L: steps and bellows at frequencies below their resonances."""

    inductance: float = quantity("H", "inductance L")

    def __post_init__(self) -> None:
        check_quantities(self)

    def __call__(self, k: np.ndarray) -> np.ndarray:
        return -1j * SPEED_OF_LIGHT * self.inductance * k


@dataclass(frozen=True)
class ResistiveWall:
    """A round pipe, (Z0 L/2 pi b)/(q/k - i k b/2) with q = sqrt(i Z0 sigma k) (Chao, eq. 2.75 with 2.77).

    Valid for direct-current conductivity (below the THz) and wavelengths far above that at which the pipe ends,
    b/gamma.
    """

    length: float = quantity("m", "length of the pipe", minimum=0.0)
    radius: float = quantity("m", "inner radius b", minimum=0.0, open_minimum=True)
    conductivity: float = quantity("1/ohm/m", "conductivity sigma", minimum=0.0, open_minimum=True)

    def __post_init__(self) -> None:
        check_quantities(self)

    def __call__(self, k: np.ndarray) -> np.ndarray:
        k = np.asarray(k, dtype=float)
        safe = np.where(k > 0.0, k, 1.0)
        root = np.sqrt(1j * VACUUM_IMPEDANCE * self.conductivity * safe)
        z = VACUUM_IMPEDANCE * self.length / (2.0 * math.pi * self.radius)
        return np.where(k > 0.0, z / (root / safe - 0.5j * safe * self.radius), 0.0)


@checked
@dataclass(frozen=True)
class ImpedanceTable:
    """Linear between the points of a table, zero outside of it."""

    k: Sequence[float] = quantity("1/m", "wave numbers of the points, rising", minimum=0.0)
    z: Sequence[complex] = quantity("ohm", "impedances at the points")

    def __post_init__(self) -> None:
        try:
            k = tuple(float(v) for v in self.k)
            z = tuple(complex(v) for v in self.z)
        except (TypeError, ValueError):
            raise ConfigError(f"ImpedanceTable: k and z must be numbers, got {self.k!r} and {self.z!r}") from None
        if not k or len(k) != len(z) or k[0] < 0.0 or any(not b > a for a, b in zip(k[:-1], k[1:], strict=True)):
            raise ConfigError("ImpedanceTable: give as many wave numbers k >= 0 [1/m], rising, as impedances z [ohm]")
        if not (np.isfinite(k).all() and np.isfinite(z).all()):
            raise ConfigError("ImpedanceTable: k and z must be finite")
        object.__setattr__(self, "k", k)
        object.__setattr__(self, "z", z)

    def __call__(self, k: np.ndarray) -> np.ndarray:
        z = np.array(self.z)
        return np.interp(k, self.k, np.real(z), 0.0, 0.0) + 1j * np.interp(k, self.k, np.imag(z), 0.0, 0.0)


def _values(who: str, impedance: Any, k: np.ndarray) -> np.ndarray:
    """Impedances [ohm] at wave numbers [1/m], checked."""
    if not callable(impedance):
        raise ConfigError(
            f"{who}: impedance must be a function of wave numbers [1/m], such as Resonator, Inductance, ResistiveWall, "
            f"ImpedanceTable, got {impedance!r}"
        )
    try:
        with np.errstate(all="ignore"):  # what is not finite is said below
            z = np.asarray(impedance(k), dtype=complex)
    except Exception as error:
        raise ConfigError(
            f"{who}: impedance gets an array of wave numbers [1/m]; it gave {type(error).__name__}: {error}"
        ) from error
    if z.shape != k.shape or not np.isfinite(z).all():
        raise ConfigError(f"{who}: impedance must give one finite number [ohm] for each wave number, 0 included")
    return z


def _gains(volts: np.ndarray, reference: Reference, here: Place) -> np.ndarray:
    """Energies in units of p0 c."""
    return volts * (here.share * abs(reference.charge_number) / reference.p0c)


def _mass2(reference: Reference) -> float:
    return float((reference.mass / reference.p0c) ** 2)


@checked
@effect("train_impedance")
class TrainImpedance(Effect):
    """An impedance that acts on a long train of equal micro-bunches.

    The energy gain is ``-2 I Re sum_n Z(k_n) b_n exp(i k_n z)``, k_n = 2 pi n/wavelength, b_n = <exp(-i k_n z)> of the
    particles; the mean loss is ``2 I sum_n |b_n|^2 Re Z(k_n)``. What is lost lowers the current.

    For beta = 1. Valid where the train is long against the reach of the wake, and where its buckets are equal; the
    tracked particles stand for any number of them.
    """

    impedance: Impedance
    wavelength: float = quantity(
        "m", "period of the train in z, beta times that of light", minimum=0.0, open_minimum=True
    )
    current: float = quantity("A", "mean current of the train while it passes", minimum=0.0)
    harmonics: Sequence[int] = (1,)

    def __post_init__(self) -> None:
        super().__post_init__()
        given = several("TrainImpedance: harmonics", self.harmonics, "whole numbers >= 1")
        harmonics = tuple(count("TrainImpedance: a harmonic", n) for n in given)
        if not harmonics or len(set(harmonics)) < len(harmonics):
            raise ConfigError(f"TrainImpedance: give harmonics, each once, got {self.harmonics!r}")
        object.__setattr__(self, "harmonics", harmonics)
        _ = self._waves  # what is wrong with the impedance is said now

    @functools.cached_property
    def _waves(self) -> tuple[np.ndarray, np.ndarray]:
        """Inverse wavelengths [1/m] and impedances [ohm] of the harmonics."""
        per_metre = np.array(self.harmonics) / self.wavelength
        return per_metre, _values("TrainImpedance", self.impedance, 2.0 * math.pi * per_metre)

    def as_asked(self) -> dict[str, Any]:
        """A function of the user is known by its values."""
        return super().as_asked() | {"impedance": self._waves[1]}

    def sums(self, beam: Beam, state: dict[str, np.ndarray]) -> np.ndarray:
        """Weight of all particles, and the sums of w cos and -w sin of each harmonic of those alive."""
        out = np.empty((self.blocks(beam), 1 + 2 * len(self.harmonics)))
        harmonic_sums(beam.z, beam.weight, beam.state, self._waves[0], out)
        return out

    def bunching(self, total: np.ndarray) -> np.ndarray:
        """(harmonics,) bunching factors, of the charge that there was at the start."""
        return (total[1::2] + 1j * total[2::2]) / (total[0] if total[0] > 0.0 else 1.0)

    def kick(self, beam: Beam, total: np.ndarray, state: dict[str, np.ndarray], turn: int, here: Place) -> None:
        per_metre, z = self._waves
        wave = _gains(-2.0 * self.current * z * self.bunching(total), beam.reference, here)
        kick_by_harmonics(
            beam.coordinates, beam.state, per_metre, np.real(wave).copy(), -np.imag(wave), _mass2(beam.reference)
        )

    def mean_loss(self, total: np.ndarray, reference: Reference, here: Place) -> float:
        """As long as all are alive."""
        power = 2.0 * self.current * float(np.sum(np.abs(self.bunching(total)) ** 2 * np.real(self._waves[1])))
        return power * here.share * abs(reference.charge_number)

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        lossy = ImpedanceTable(k=(1e6, 2e7), z=(3e3 + 2e3j, 5e3 - 1e3j))
        waves: dict[str, Any] = {"wavelength": 1064e-9, "current": 1.0}
        return [
            (cls(at="m", impedance=lossy, harmonics=(1, 2, 3), **waves), 150e-9),
            (cls(at=("m", "n"), impedance=Inductance(1e-12), harmonics=(2,), **waves), 60e-9),
            (cls(at=0.7, impedance=Resonator(1e4, 2.0, 3e14), **waves), 300e-9),
        ]


@checked
@effect("bunch_impedance")
class BunchImpedance(Effect):
    """An impedance that acts on one bunch, whose charge is shared between bins.

    ``dE(z) = -Q Int lambda(z') W(z' - z) dz'`` on the nodes, by Fourier sums over a period of ``padding`` windows;
    charge is shared, and the energy interpolated, linearly between nodes, so that what the bunch loses is what the
    impedance takes. A particle sees half of W(0+) of itself. Bunches before and turns before are not felt.

    For beta = 1. Valid where wake and charge are smooth over a bin (the error is of second order, (k h)^2/6 at the wave
    number k for a width h) and the wake has died out after ``padding - 1`` windows. Charge outside of the window
    neither gives nor feels; it is warned of.
    """

    impedance: Impedance
    window: tuple[float, float] = quantity("m", "lowest and highest z that is seen")
    bins: int = quantity("", "nodes in the window", default=256, minimum=3, maximum=100_000)
    padding: int = quantity("", "period of the Fourier sums in windows", default=4, minimum=2, maximum=1000)

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            low, high = (float(v) for v in several("window", self.window, "two z"))
        except (TypeError, ValueError, ConfigError):
            low = high = math.nan
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ConfigError(f"BunchImpedance: window must be (lowest z, highest z) [m], got {self.window!r}")
        object.__setattr__(self, "window", (low, high))
        _ = self._spectrum  # what is wrong with the impedance is said now

    @property
    def width(self) -> float:
        """Distance of the nodes [m]."""
        return (self.window[1] - self.window[0]) / (self.bins - 1)

    @functools.cached_property
    def _spectrum(self) -> np.ndarray:
        """Impedances [ohm] at the wave numbers of the Fourier sums."""
        points = self.bins * self.padding
        k = 2.0 * math.pi * np.arange(points // 2 + 1) / (points * self.width)
        return _values("BunchImpedance", self.impedance, k)

    def as_asked(self) -> dict[str, Any]:
        """A function of the user is known by its values."""
        return super().as_asked() | {"impedance": self._spectrum}

    def sums(self, beam: Beam, state: dict[str, np.ndarray]) -> np.ndarray:
        """Real particles at each node, and outside of the window."""
        out = np.empty((self.blocks(beam), self.bins + 1))
        bin_sums(beam.z, beam.weight, beam.state, self.window[0], 1.0 / self.width, out)
        return out

    def voltage(self, total: np.ndarray, reference: Reference) -> np.ndarray:
        """(bins,) energy gain over charge at the nodes [V]."""
        wave = self._spectrum * self._charge(total, reference)
        return -SPEED_OF_LIGHT / self.width * np.fft.irfft(wave, self.bins * self.padding)[: self.bins]

    def _charge(self, total: np.ndarray, reference: Reference) -> np.ndarray:
        """Fourier sums of the charge [C]."""
        charge = total[:-1] * (ELEMENTARY_CHARGE * abs(reference.charge_number))
        return np.fft.rfft(charge, self.bins * self.padding)

    def kick(self, beam: Beam, total: np.ndarray, state: dict[str, np.ndarray], turn: int, here: Place) -> None:
        if total[-1] > 0.0:
            outside = total[-1] / (total[-1] + total[:-1].sum())
            warn(
                f"{self.name}: {outside:.2g} of the charge lies outside of the window {self.window[0]:g} to "
                f"{self.window[1]:g} m at '{here.name}', turn {turn}; it is not counted: make the window longer",
                ValidityWarning,
            )
        gains = _gains(self.voltage(total, beam.reference), beam.reference, here)
        kick_by_bins(beam.coordinates, beam.state, self.window[0], 1.0 / self.width, gains, _mass2(beam.reference))

    def mean_loss(self, total: np.ndarray, reference: Reference, here: Place) -> float:
        """By Parseval's theorem: (c/L) sum |Q_k|^2 Re Z(k) over the charge, over positive and negative k."""
        points = self.bins * self.padding
        weight = np.full(points // 2 + 1, 2.0)
        weight[0] = 1.0
        if points % 2 == 0:
            weight[-1] = 1.0
        charge = self._charge(total, reference)
        joule = (
            SPEED_OF_LIGHT
            / (points * self.width)
            * float(np.sum(weight * np.abs(charge) ** 2 * np.real(self._spectrum)))
        )
        particles = float(total.sum())
        return joule / ELEMENTARY_CHARGE * here.share / particles if particles else 0.0

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        table = ImpedanceTable(k=(0.0, 100.0, 400.0, 1500.0), z=(0.0, 200.0 - 400.0j, 900.0 - 700.0j, 0.0))
        return [
            (cls(at="m", impedance=Resonator(5e3, 1.0, 30e9), window=(-0.02, 0.02)), 3e-3),
            (cls(at=("m", "n"), impedance=Inductance(5e-9), window=(-0.02, 0.02), bins=401), 3e-3),
            (cls(at=0.7, impedance=ResistiveWall(10.0, 0.01, 5.8e7), window=(-0.015, 0.015), padding=8), 2e-3),
            (cls(at="m", impedance=table, window=(-0.02, 0.02), bins=128), 3e-3),
        ]
