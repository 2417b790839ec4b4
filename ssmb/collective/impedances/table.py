"""An impedance by the points of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssmb.arguments import checked
from ssmb.errors import ConfigError
from ssmb.quantity import quantity


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
