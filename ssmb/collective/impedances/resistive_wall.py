"""The wall of a round pipe."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ssmb.constants import VACUUM_IMPEDANCE
from ssmb.quantity import check_quantities, quantity


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
