"""A resistance: a chamber that loses the same at all frequencies."""

from __future__ import annotations

from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.collective.impedances.base import Impedance, impedance
from ssmb.quantity import quantity


@checked
@impedance("resistance")
class Resistance(Impedance):
    """R at all wave numbers: a bunch loses in proportion to its own current, dE = -R c Q lambda(z); the model of many
    unlike cavities and steps (Chao, section 2.4). The wake is a delta function.
    """

    resistance: float = quantity("ohm", "resistance R", minimum=0.0)

    acts = "both"

    def at(self, k: np.ndarray) -> np.ndarray:
        return np.full(np.shape(k), self.resistance, dtype=complex)

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        return [(cls(250.0), 300.0)]
