"""A resonator: one mode of a cavity, or the broad-band model of a chamber."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ssmb.constants import SPEED_OF_LIGHT
from ssmb.quantity import check_quantities, quantity


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
