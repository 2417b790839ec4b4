"""An inductance: steps and bellows below their resonances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssmb.constants import SPEED_OF_LIGHT
from ssmb.quantity import check_quantities, quantity


@dataclass(frozen=True)
class Inductance:
    """-i omega L: steps and bellows at frequencies below their resonances."""

    inductance: float = quantity("H", "inductance L")

    def __post_init__(self) -> None:
        check_quantities(self)

    def __call__(self, k: np.ndarray) -> np.ndarray:
        return -1j * SPEED_OF_LIGHT * self.inductance * k
