"""A longitudinal impedance that acts on one bunch, whose charge is shared between bins."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam
from ssmb.beam.reference import Reference
from ssmb.collective.bend_limits import tell_of_steady_state
from ssmb.collective.bunches import OfBunches
from ssmb.collective.effect import effect
from ssmb.collective.impedances import (
    CSRPlates,
    Impedance,
    ImpedanceTable,
    Inductance,
    Ohms,
    ResistiveWall,
    Resonator,
)
from ssmb.collective.line_charge import Convolution, wake_between_nodes
from ssmb.quantity import quantity
from ssmb.tracking.stations import Place


@checked
@effect("bunch_impedance")
class BunchImpedance(OfBunches):
    """An impedance that acts on one bunch, whose charge is shared between bins.

    ``dE(z) = -Q Int lambda(z') W(z' - z) dz'`` on the nodes; a particle sees half of W(0+) of itself. Turns before are
    felt with ``turns``, other bunches of the beam with ``buckets`` and ``spacing``, both by closed wakes: what the
    bunches of one turn did acts on those behind them, and m turns later at m times the length of the turn.

    For beta = 1. Valid where the charge is smooth over a bin: the error is (k h)^2/6 at the wave number k for bins of
    h, and a bunch that has too few is told how many it needs. Charge outside of the window neither gives nor feels; it
    is warned of.
    """

    impedance: Impedance | Ohms = quantity("ohm", "longitudinal impedance, one of :mod:`ssmb.collective.impedances`")

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self._wakes  # what is wrong with the impedance is said now

    @functools.cached_property
    def _wakes(self) -> Convolution:
        return Convolution(wake_between_nodes("BunchImpedance", self.impedance, self.bins, self.width))

    @property
    def physics(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the impedance."""
        return getattr(self.impedance, "physics", "wakes of the chamber")

    def as_asked(self) -> dict[str, Any]:
        """A function of the user is known by its values."""
        return super().as_asked() | {"impedance": np.abs(self._wakes.spectrum)}

    def voltage(self, total: np.ndarray, reference: Reference, here: Place) -> np.ndarray:
        """On the first turn."""
        return -self.after(self._wakes, self.charge(total, reference), {}, here)

    def kick(self, beam: Beam, total: np.ndarray, state: dict[str, np.ndarray], turn: int, here: Place) -> None:
        self.warn_coarse(total, self.impedance)
        if (sigma := self.rms(total)) > 0.0:
            tell_of_steady_state(self, self.impedance, beam, turn, here, sigma, sigma)
        self.warn_outside(total, turn, here)
        self.give(beam, -self.after(self._wakes, self.charge(total, beam.reference), state, here), here)

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        table = ImpedanceTable.of((0.0, 100.0, 400.0, 1500.0), (0.0, 200.0 - 400.0j, 900.0 - 700.0j, 0.0))
        mode = Resonator(2e4, 300.0, 3e9)
        return [
            (cls(at="m", impedance=Resonator(5e3, 1.0, 30e9), window=(-0.02, 0.02)), 3e-3),
            (cls(at=("m", "n"), impedance=Inductance(5e-9), window=(-0.02, 0.02), bins=401), 3e-3),
            (cls(at=0.7, impedance=ResistiveWall(10.0, 0.01, 5.8e7), window=(-0.015, 0.015)), 2e-3),
            (cls(at="m", impedance=table + CSRPlates(1.5, 2.0, 0.04), window=(-0.02, 0.02), bins=128), 3e-3),
            (cls(at="m", impedance=mode + ResistiveWall(10.0, 0.01, 5.8e7), window=(-0.02, 0.02), turns=40), 3e-3),
            (cls(at="m", impedance=mode, window=(-6e-3, 6e-3), buckets=(1, 0, -1), spacing=0.012, bins=99), 4e-3),
        ]
