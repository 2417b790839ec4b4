"""A longitudinal impedance that acts on a train of micro-buckets, at harmonics of its period."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam
from ssmb.beam.reference import Reference
from ssmb.collective.bend_limits import tell_of_steady_state
from ssmb.collective.effect import Effect, effect, energy_gains, mass2
from ssmb.collective.impedances import Impedance, ImpedanceTable, Inductance, Ohms, Resonator, impedance_values
from ssmb.errors import ConfigError
from ssmb.kernels.charges import harmonic_sums, kick_by_harmonics
from ssmb.quantity import quantity
from ssmb.tracking.stations import Place


@checked
@effect("train_impedance")
class TrainImpedance(Effect):
    """An impedance that acts on a long train of equal micro-bunches.

    The energy gain is ``-2 I Re sum_n Z(k_n) b_n exp(i k_n z)``, k_n = 2 pi n/wavelength, b_n = <exp(-i k_n z)> of the
    particles; the mean loss is ``2 I sum_n |b_n|^2 Re Z(k_n)``. What is lost lowers the current.

    The phase memory of a train is in its particles: each place takes b_n from those that arrive, so that what one bend
    writes on their momenta acts in all that follow, turn after turn. The field itself has no such memory where the
    impedance is that of one element: light of a bend acts within its formation length (24 rho^2/k)^(1/3), leaves on the
    tangent, and meets neither the beam in the next bend nor that of the next turn; a chamber that guides it there (k
    below pi sqrt(rho)/h^(3/2) is cut off, narrow resonances above) is an impedance of its own, such as a table.

    For beta = 1. Valid where the train is long against the reach of the wake, and where its buckets are equal; the
    tracked particles stand for any number of them.
    """

    impedance: Impedance | Ohms = quantity("ohm", "longitudinal impedance, one of :mod:`ssmb.collective.impedances`")
    wavelength: float = quantity(
        "m", "period of the train in z, beta times that of light", minimum=0.0, open_minimum=True
    )
    current: float = quantity("A", "mean current of the train while it passes", minimum=0.0)
    harmonics: Sequence[int] = quantity("1", "harmonics of the train that act", minimum=1, default=(1,))

    def __post_init__(self) -> None:
        super().__post_init__()
        harmonics = tuple(self.harmonics)
        if not harmonics or len(set(harmonics)) < len(harmonics):
            raise ConfigError(f"TrainImpedance: give harmonics, each once, got {self.harmonics!r}")
        _ = self._waves  # what is wrong with the impedance is said now

    @functools.cached_property
    def _waves(self) -> tuple[np.ndarray, np.ndarray]:
        """Inverse wavelengths [1/m] and impedances [ohm] of the harmonics."""
        per_metre = np.array(self.harmonics) / self.wavelength
        return per_metre, impedance_values("TrainImpedance", self.impedance, 2.0 * math.pi * per_metre)

    @property
    def physics(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the impedance."""
        return getattr(self.impedance, "physics", "wakes of the chamber")

    def as_asked(self) -> dict[str, Any]:
        """A function of the user is known by its values."""
        return super().as_asked() | {"impedance": self._waves[1]}

    def sums(self, beam: Beam, state: dict[str, np.ndarray]) -> np.ndarray:
        """Weight of all particles, and the sums of w cos and -w sin of each harmonic of those alive."""
        out = np.empty((self.blocks(beam), 1 + 2 * len(self.harmonics)))
        harmonic_sums(beam.z, beam.weight, beam.state, self._waves[0], out)
        return out

    def bunching(self, total: np.ndarray) -> np.ndarray:
        """(harmonics,) bunching factors, of the charge that there was at the start."""
        return (total[1::2] + 1j * total[2::2]) / (total[0] if total[0] > 0.0 else 1.0)

    def kick(self, beam: Beam, total: np.ndarray, state: dict[str, np.ndarray], turn: int, here: Place) -> None:
        per_metre, z = self._waves
        if self.current > 0.0:
            longest, shortest = (1.0 / (2.0 * math.pi * float(k)) for k in (per_metre.min(), per_metre.max()))
            self._warn_range(2.0 * math.pi * per_metre)
            tell_of_steady_state(self, self.impedance, beam, turn, here, longest, shortest)
        wave = energy_gains(-2.0 * self.current * z * self.bunching(total), beam.reference, here)
        kick_by_harmonics(
            beam.coordinates, beam.state, per_metre, np.real(wave).copy(), -np.imag(wave), mass2(beam.reference)
        )

    def _warn_range(self, k: np.ndarray) -> None:
        """Say which harmonics lie outside of a table."""
        first, last = self.impedance.k_range if isinstance(self.impedance, Impedance) else (0.0, math.inf)
        outside = [n for n, each in zip(self.harmonics, k, strict=True) if not first <= each <= last]
        if outside:
            self.tell(
                "range",
                f"{self.name}: harmonics {', '.join(map(str, outside[:10]))} lie outside of the impedance, which is "
                f"known from k = {first:.3g} to {last:.3g}/m; it counts as nothing there: give a longer table",
            )

    def mean_loss(self, total: np.ndarray, reference: Reference, here: Place) -> float:
        """As long as all are alive."""
        power = 2.0 * self.current * float(np.sum(np.abs(self.bunching(total)) ** 2 * np.real(self._waves[1])))
        return power * here.share * abs(reference.charge_number)

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        lossy = ImpedanceTable.of((1e6, 2e7), (3e3 + 2e3j, 5e3 - 1e3j), acts="both")
        waves: dict[str, Any] = {"wavelength": 1064e-9, "current": 1.0}
        return [
            (cls(at="m", impedance=lossy, harmonics=(1, 2, 3), **waves), 150e-9),
            (cls(at=("m", "n"), impedance=Inductance(1e-12), harmonics=(2,), **waves), 60e-9),
            (cls(at=0.7, impedance=Resonator(1e4, 2.0, 3e14), **waves), 300e-9),
        ]
