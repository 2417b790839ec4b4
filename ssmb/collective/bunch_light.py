"""The coherent light of a bunch, or of the ends of a train, which acts on what is ahead within the slippage."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam
from ssmb.beam.reference import Reference
from ssmb.collective.effect import effect, energy_gains, mass2
from ssmb.collective.light_modes import mode_list, mode_wake
from ssmb.collective.own_light import UndulatorField
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.errors import ConfigError
from ssmb.kernels.light_modes import MOMENTS
from ssmb.kernels.light_slices import kick_by_slices, slice_sums
from ssmb.maps.undulator import Undulator
from ssmb.quantity import quantity
from ssmb.ranges import several
from ssmb.tracking.stations import Place


@checked
@effect("bunch_light")
class BunchLight(UndulatorField):
    """The field that a bunch radiates in an undulator acts on its electrons ahead, up to the slippage N lambda_1.

    As ``OwnLight``, but slice by slice along a window: the light of each slice, of the charge that the particles have
    there, reaches 0, 1, 2 ... slices ahead as much as it is emitted and has spread on the way. In the middle of a train
    much longer than the slippage this is ``OwnLight`` at the local current; at the tail there is nobody behind.

    Valid where the charge and the bunching change little over a slice, slices are whole wavelengths or many, and as
    ``OwnLight`` otherwise. Charge outside of the window neither gives nor feels; it is warned of. The energy lost is
    the energy radiated, with constant bunching in each slice.

    References
    ----------
    W. K. H. Panofsky, W. A. Wenzel, Rev. Sci. Instrum. 27, 967 (1956), doi:10.1063/1.1715427.
    """

    window: tuple[float, float] = quantity("m", "lowest and highest z that is seen", entries=(2, 2))
    slices: int = quantity("1", "slices of the window", default=64, minimum=1, maximum=2000)

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = (float(v) for v in several("window", self.window, "two z"))
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise ConfigError(f"{self.name}: window must be (lowest z, highest z) [m], got {self.window!r}")
        object.__setattr__(self, "window", (low, high))

    @property
    def step(self) -> float:
        """Length of a slice [m]."""
        return (self.window[1] - self.window[0]) / self.slices

    def wake(self, reference: Reference) -> np.ndarray:
        """(lags, modes, modes) impedances by the number of slices that light has run ahead [ohm]."""
        undulator, light = self.undulator(reference), self.light(reference)
        if self.step < light:
            raise ConfigError(
                f"{self.name}: a slice of {self.step:.3g} m is shorter than a wavelength, {light:.3g} m: take at most "
                f"{math.floor((self.window[1] - self.window[0]) / light)} slices"
            )
        return mode_wake(
            undulator, light / reference.beta, self.harmonic, (self.sigma_x, self.sigma_y), self.order,
            self.step / undulator.slippage,
        )  # fmt: skip

    def sums(self, beam: Beam, state: dict[str, np.ndarray]) -> np.ndarray:
        """Weight of all, moments of those alive, weight outside, and by slice the sums of w psi exp(-i k z)."""
        modes = len(mode_list(self.order))
        out = np.empty((self.blocks(beam), MOMENTS + 1 + 2 * modes * self.slices))
        slice_sums(
            beam.coordinates, beam.weight, beam.state, 1.0 / self.light(beam.reference), *self._scales, self.order,
            self.window[0], 1.0 / self.step, self.slices, out,
        )  # fmt: skip
        return out

    def _amplitudes(self, total: np.ndarray) -> np.ndarray:
        """(slices, modes) sums of w psi exp(-i k z)."""
        parts = total[MOMENTS + 1 :].reshape(self.slices, -1, 2)
        return parts[:, :, 0] + 1j * parts[:, :, 1]

    def _volts(self, total: np.ndarray, reference: Reference) -> np.ndarray:
        """(slices, modes) wave at each slice [V]: the current of those behind times the wake."""
        wake = self.wake(reference)
        current = self._amplitudes(total) * (
            ELEMENTARY_CHARGE * abs(reference.charge_number) * SPEED_OF_LIGHT * reference.beta / self.step
        )
        out = np.zeros_like(current)
        for lag in range(min(len(wake), self.slices)):
            out[lag:] += current[: self.slices - lag] @ wake[lag]
        return -2.0 * out

    def kick(self, beam: Beam, total: np.ndarray, state: dict[str, np.ndarray], turn: int, here: Place) -> None:
        reference = beam.reference
        self._warn(total, reference, turn, here)
        if total[MOMENTS] > 0.0:
            self.tell(
                "window",
                f"{self.name} at '{here.name}', turn {turn}: {total[MOMENTS] / total[0]:.2g} of the charge lies "
                f"outside of the window {self.window[0]:g} to {self.window[1]:g} m: make the window longer",
            )
        wave = energy_gains(self._volts(total, reference), reference, here)
        light = self.light(reference)
        kick_by_slices(
            beam.coordinates, beam.state, 1.0 / light, light / (2.0 * math.pi * reference.beta), *self._scales,
            self.order, self.window[0], 1.0 / self.step, np.real(wave).copy(), np.imag(wave).copy(), mass2(reference),
        )  # fmt: skip

    def mean_loss(self, total: np.ndarray, reference: Reference, here: Place) -> float:
        gained = float(np.real(np.vdot(self._amplitudes(total), self._volts(total, reference))))
        return -gained * here.share * abs(reference.charge_number) / total[0] if total[0] > 0.0 else 0.0

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        und = Undulator.resonant(Reference(600e6), 1064e-9, 0.05, 10)
        made = cls(
            at="m", wavelength=1064e-9, sigma_x=2.25e-4, sigma_y=2.25e-4, period=0.05, periods=10, deflection=und.k,
            window=(-40e-6, 40e-6), slices=40,
        )  # fmt: skip
        return [(made, 8e-6), (dataclasses.replace(made, order=1, wavelength=1050e-9, slices=7), 8e-6)]
