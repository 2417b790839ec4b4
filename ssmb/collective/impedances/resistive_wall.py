"""The wall of a round pipe: its longitudinal and its transverse dipole impedance, and their wakes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from ssmb.arguments import checked
from ssmb.collective.impedances.base import Impedance, impedance
from ssmb.collective.impedances.transforms import wake_by_cosine
from ssmb.constants import SPEED_OF_LIGHT, VACUUM_IMPEDANCE
from ssmb.quantity import quantity

#: Poles of 1/(y^3 + 8).
_POLES = 2.0 * np.exp(1j * np.pi * np.array([1.0, 3.0, -1.0]) / 3.0)


@dataclass(frozen=True)
class _RoundPipe(Impedance):
    """What both impedances of a round pipe are made of."""

    length: float = quantity("m", "length of the pipe", minimum=0.0)
    radius: float = quantity("m", "inner radius b", minimum=0.0, open_minimum=True)
    conductivity: float = quantity("1/ohm/m", "conductivity sigma", minimum=0.0, open_minimum=True)
    relaxation_time: float = quantity(
        "s", "relaxation time of the conductivity sigma/(1 - i omega t), 0 for direct current", default=0.0, minimum=0.0
    )

    has_wake = True

    @property
    def reach(self) -> float:
        """Length (2 b^2/(Z0 sigma))^(1/3) of the short-range wake [m]."""
        return (2.0 * self.radius**2 / (VACUUM_IMPEDANCE * self.conductivity)) ** (1.0 / 3.0)

    def _longitudinal(self, k: np.ndarray) -> np.ndarray:
        """Longitudinal impedance over k [ohm m]; infinite at 0 as 1/sqrt(k)."""
        conductivity = self.conductivity / (1.0 - 1j * SPEED_OF_LIGHT * k * self.relaxation_time)
        root = np.sqrt(1j * VACUUM_IMPEDANCE * conductivity * k)
        return VACUUM_IMPEDANCE * self.length / (2.0 * math.pi * self.radius) / (root - 0.5j * k * k * self.radius)


@checked
@impedance("resistive_wall")
class ResistiveWall(_RoundPipe):
    """A round pipe, (Z0 L/2 pi b)/(q/k - i k b/2) with q = sqrt(i Z0 sigma k) (Chao, eq. 2.75 with 2.77).

    Valid for wavelengths far above that at which the pipe ends, b/gamma, and up to the THz without the relaxation time
    of the metal (2.7e-14 s for copper); at room temperature (no anomalous skin effect). The wake is that of K. Bane and
    M. Sands (SLAC-PUB-95-7074, 1995), from W(0+) = Z0 c L/(pi
    b^2) of any metal to -(c L/4 pi^1.5 b) sqrt(Z0/sigma) s^-1.5 far behind.
    """

    power = 0.5

    def at(self, k: np.ndarray) -> np.ndarray:
        k = np.asarray(k, dtype=float)
        return np.where(k > 0.0, k * self._longitudinal(np.where(k > 0.0, k, 1.0)), 0.0)

    def wake(self, s: Any) -> np.ndarray:
        s = np.asarray(s, dtype=float)
        if self.relaxation_time > 0.0:
            limit = VACUUM_IMPEDANCE * SPEED_OF_LIGHT * self.length / (math.pi * self.radius**2)
            return np.where(s == 0.0, limit, wake_by_cosine(self, s))
        u = np.maximum(s, 0.0) / self.reach
        first = np.exp(-u) * np.cos(math.sqrt(3.0) * u) / 3.0
        cut = sum(_damped(pole, u) / (3.0 * pole) for pole in _POLES)
        wake = 4.0 * VACUUM_IMPEDANCE * SPEED_OF_LIGHT * self.length / (math.pi * self.radius**2)
        return np.where(s >= 0.0, wake * (first - math.sqrt(2.0) / math.pi * np.real(cut)), 0.0)

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        return [(cls(2.0, 0.01, 5.8e7), 3e4), (cls(1.0, 0.004, 1.4e6), 3e3), (cls(1.0, 0.01, 5.8e7, 2.7e-14), 5e4)]


@checked
@impedance("transverse_resistive_wall")
class TransverseResistiveWall(_RoundPipe):
    """The dipole impedance 2 Z/(k b^2) of a round pipe, with Z of :class:`ResistiveWall` and its limits (Chao, eq.
    2.76). The wake is (2/b^2) times the integral of the longitudinal one, (c L/pi^1.5 b^3) sqrt(Z0/sigma) s^-0.5 far
    behind.
    """

    plane = "transverse"
    power = -0.5

    def at(self, k: np.ndarray) -> np.ndarray:
        k = np.asarray(k, dtype=float)  # infinite at 0, where `origin` stands for it
        z = 2.0 / self.radius**2 * self._longitudinal(np.where(k > 0.0, k, 1.0))
        return np.where(k > 0.0, z, 0.0)

    def wake(self, s: Any) -> np.ndarray:
        s = np.asarray(s, dtype=float)
        if self.relaxation_time > 0.0:
            return wake_by_cosine(self, s)
        u = np.maximum(s, 0.0) / self.reach
        slow = complex(1.0, -math.sqrt(3.0))
        first = np.real(-np.expm1(-slow * u) / slow) / 3.0
        cut = sum((_damped(pole, np.zeros(())) - _damped(pole, u)) / (3.0 * pole**2) for pole in _POLES)
        wake = 8.0 * VACUUM_IMPEDANCE * SPEED_OF_LIGHT * self.length * self.reach / (math.pi * self.radius**4)
        return np.where(s >= 0.0, wake * (first - math.sqrt(2.0) / math.pi * np.real(cut)), 0.0)

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        return [(cls(2.0, 0.01, 5.8e7), 3e4), (cls(1.0, 0.004, 1.4e6), 3e3)]


def _damped(pole: complex, u: np.ndarray) -> np.ndarray:
    """Int_0^inf exp(-x^2 u)/(x^2 - pole) dx."""
    root = np.sqrt(-pole)
    return math.pi / (2.0 * root) * scipy.special.wofz(1j * root * np.sqrt(u))
