"""A longitudinal impedance that acts on one bunch, whose charge is shared between bins."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam
from ssmb.beam.reference import Reference
from ssmb.collective.effect import Effect, effect, energy_gains, mass2
from ssmb.collective.impedances import (
    Impedance,
    ImpedanceTable,
    Inductance,
    Ohms,
    ResistiveWall,
    Resonator,
    impedance_values,
)
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.errors import ConfigError, ValidityWarning, warn
from ssmb.kernels.charges import bin_sums, kick_by_bins
from ssmb.quantity import quantity
from ssmb.ranges import several
from ssmb.tracking.stations import Place


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

    impedance: Impedance | Ohms = quantity("ohm", "longitudinal impedance, one of :mod:`ssmb.collective.impedances`")
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
        return impedance_values("BunchImpedance", self.impedance, k)

    @property
    def physics(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the impedance."""
        return getattr(self.impedance, "physics", "wakes of the chamber")

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
        gains = energy_gains(self.voltage(total, beam.reference), beam.reference, here)
        kick_by_bins(beam.coordinates, beam.state, self.window[0], 1.0 / self.width, gains, mass2(beam.reference))

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
        table = ImpedanceTable.of((0.0, 100.0, 400.0, 1500.0), (0.0, 200.0 - 400.0j, 900.0 - 700.0j, 0.0))
        return [
            (cls(at="m", impedance=Resonator(5e3, 1.0, 30e9), window=(-0.02, 0.02)), 3e-3),
            (cls(at=("m", "n"), impedance=Inductance(5e-9), window=(-0.02, 0.02), bins=401), 3e-3),
            (cls(at=0.7, impedance=ResistiveWall(10.0, 0.01, 5.8e7), window=(-0.015, 0.015), padding=8), 2e-3),
            (cls(at="m", impedance=table, window=(-0.02, 0.02), bins=128), 3e-3),
        ]
