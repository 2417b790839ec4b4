"""An inductance: steps and bellows below their resonances."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.collective.impedances.base import Impedance, impedance
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.quantity import quantity


@checked
@impedance("inductance")
class Inductance(Impedance):
    """-i omega L: steps and bellows at frequencies below their resonances (Chao, section 2.4); its wake is the slope of
    a delta function.
    """

    inductance: float = quantity("H", "inductance L")

    acts = "both"

    def at(self, k: np.ndarray) -> np.ndarray:
        return -1j * SPEED_OF_LIGHT * self.inductance * k

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        return [(cls(5e-9), 300.0)]
