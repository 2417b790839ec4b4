"""A resonator: one mode of a cavity, or the broad-band model of a chamber; longitudinal and transverse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.collective.impedances.base import Impedance, impedance
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.quantity import quantity


def _rates(frequency: float, quality: float) -> tuple[float, float]:
    """Rate of decay and angular frequency of the free oscillation [1/s]."""
    w = 2.0 * math.pi * frequency
    rate = 0.5 * w / quality
    return rate, math.sqrt(max(w * w - rate * rate, 0.0))


def _ringing(frequency: float, quality: float, s: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Decay, cos and sin(w t)/w of the free oscillation a length s behind, 0 ahead; the rate of decay [1/s]."""
    rate, own = _rates(frequency, quality)
    t = np.asarray(s, dtype=float) / SPEED_OF_LIGHT
    behind = np.where(t >= 0.0, np.exp(-rate * np.maximum(t, 0.0)), 0.0)
    return behind, np.cos(own * t), t * np.sinc(own * t / math.pi), rate


@checked
@impedance("resonator")
class Resonator(Impedance):
    """R/(1 + i Q (k_r/k - k/k_r)): a mode of a cavity, or with Q = 1 the broad-band model of a chamber (Chao, eq.
    2.84; its wake eq. 2.82).
    """

    shunt_impedance: float = quantity("ohm", "shunt impedance R", minimum=0.0)
    quality: float = quantity("1", "quality factor Q", minimum=0.5)
    frequency: float = quantity("Hz", "resonance frequency", minimum=0.0, open_minimum=True)

    has_wake = True

    def at(self, k: np.ndarray) -> np.ndarray:
        kr = 2.0 * math.pi * self.frequency / SPEED_OF_LIGHT
        return self.shunt_impedance * k * kr / (k * kr + 1j * self.quality * (kr * kr - k * k))

    def wake(self, s: Any) -> np.ndarray:
        behind, cosine, sine, rate = _ringing(self.frequency, self.quality, s)
        return 2.0 * rate * self.shunt_impedance * behind * (cosine - rate * sine)

    def exponentials(self) -> tuple[tuple[complex, complex], ...]:
        rate, own = _rates(self.frequency, self.quality)
        if not own > 0.0:
            return ()
        size = 2.0 * rate * self.shunt_impedance * complex(1.0, rate / own)
        return ((size, complex(-rate, own) / SPEED_OF_LIGHT),)

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        return [(cls(5e3, 1.0, 30e9), 440.0), (cls(2e6, 40.0, 1.3e9), 27.0), (cls(1e3, 0.5, 10e9), 200.0)]


@checked
@impedance("transverse_resonator")
class TransverseResonator(Impedance):
    """(k_r/k) R/(1 + i Q (k_r/k - k/k_r)): a deflecting mode, or the broad-band model of a chamber (Chao,
    section 2.4).
    """

    shunt_impedance: float = quantity("ohm/m", "transverse shunt impedance R", minimum=0.0)
    quality: float = quantity("1", "quality factor Q", minimum=0.5)
    frequency: float = quantity("Hz", "resonance frequency", minimum=0.0, open_minimum=True)

    plane = "transverse"
    has_wake = True

    def at(self, k: np.ndarray) -> np.ndarray:
        kr = 2.0 * math.pi * self.frequency / SPEED_OF_LIGHT
        return self.shunt_impedance * kr * kr / (k * kr + 1j * self.quality * (kr * kr - k * k))

    def wake(self, s: Any) -> np.ndarray:
        behind, _, sine, _ = _ringing(self.frequency, self.quality, s)
        w = 2.0 * math.pi * self.frequency
        return self.shunt_impedance * w * w / self.quality * behind * sine

    def exponentials(self) -> tuple[tuple[complex, complex], ...]:
        rate, own = _rates(self.frequency, self.quality)
        if not own > 0.0:
            return ()
        w = 2.0 * math.pi * self.frequency
        size = complex(0.0, -self.shunt_impedance * w * w / (self.quality * own))
        return ((size, complex(-rate, own) / SPEED_OF_LIGHT),)

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        return [(cls(5e5, 1.0, 30e9), 440.0), (cls(3e6, 20.0, 2e9), 41.0), (cls(1e5, 0.5, 10e9), 200.0)]
