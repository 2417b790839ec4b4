"""What a longitudinal impedance is: a function of the wave number.

Signs: time factor exp(-i omega t), z > 0 at the head; ``Z(k) = (1/c) Int W(s) exp(i k s) ds`` with the wake W(s) [V/C]
> 0 where the particle a length s behind the source loses. An inductance is -i omega L, a resistive wall (1 - i) times a
root.

References
----------
A. W. Chao, Physics of Collective Beam Instabilities in High Energy Accelerators (Wiley, 1993), chapter 2; its time
    factor is the same, its z has the head at z > 0, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ssmb.errors import ConfigError

#: Impedance [ohm], complex, at wave numbers >= 0 [1/m].
Impedance = Callable[[np.ndarray], np.ndarray]


def impedance_values(who: str, impedance: Any, k: np.ndarray) -> np.ndarray:
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
