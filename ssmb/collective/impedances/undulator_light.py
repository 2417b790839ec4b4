"""Coherent light of an undulator, that acts on the beam that makes it: the field is a forward wake of N wavelengths.

Averaged over a Gaussian beam the impedance of harmonic n is, with S = k sigma^2/L in each plane and the relative offset
nu of the frequency from the resonance on the axis,

    Z = 2 Z0 N n chi JJ_n^2 Int_0^1 (1 - t) exp(-2 pi i n N nu t)/sqrt((4 S_x + 2it)(4 S_y + 2it)) dt:

light that is emitted at one point acts at another one, a way t L ahead, after it has spread. The real part is
what goes to the far field (:func:`ssmb.light.form_factor`); the imaginary part is of the same size, negative on the
resonance, and grows as -ln S for a narrow beam.

References
----------
E. L. Saldin, E. A. Schneidmiller, M. V. Yurkov, The Physics of Free Electron Lasers (Springer, 2000),
    doi:10.1007/978-3-662-04066-9 (field of a modulated beam in paraxial approximation).
X. Deng et al., J. Synchrotron Rad. 30, 35 (2023), doi:10.1107/S1600577522009973 (form factor of the far field).
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.beam.reference import Reference
from ssmb.collective.impedances.base import Impedance, impedance
from ssmb.constants import VACUUM_IMPEDANCE
from ssmb.light.angular import emission_distances
from ssmb.maps.undulator import Undulator
from ssmb.quantity import quantity


def path_factors(sizes: tuple[float, float], slip: float) -> tuple[np.ndarray, np.ndarray]:
    """Return ways t between emission and action, in lengths of the undulator, and their weights with exp(-i slip t).

    Parameters
    ----------
    sizes : S = k sigma^2/L of the two planes [1].
    slip : phase over the undulator by which the light runs ahead of the resonance, 2 pi n N nu [rad].
    """
    t, weight = emission_distances(min(sizes), 0.5 * slip)
    return t, weight * (1.0 - t) * np.exp(-1j * slip * t)


@checked
@impedance("undulator_light")
class UndulatorLight(Impedance):
    """Coherent light of odd harmonics of a planar undulator, averaged over a Gaussian beam; zero far from harmonics.

    Valid for low gain, bunching that is constant over N wavelengths (an infinite train), angles and energy spread of
    the beam small against the lobe (k L sigma'^2/4 and 4 pi N sigma_delta below 0.3), N >= 10: the terms of order 1/N
    are 7 % at N = 12. The field varies across the beam, of which an impedance knows the mean alone;
    :class:`ssmb.collective.OwnLight` has the variation, too.
    """

    physics = "light of the modulators"
    energy: float = quantity("eV", "total energy of the electrons", minimum=0.0, open_minimum=True)
    period: float = quantity("m", "undulator period", minimum=0.0, open_minimum=True)
    periods: int = quantity("1", "number of periods N", minimum=1, maximum=1_000_000)
    deflection: float = quantity("1", "deflection parameter K of the peak field", minimum=0.0)
    sigma_x: float = quantity("m", "horizontal rms size of the beam", minimum=0.0, open_minimum=True)
    sigma_y: float = quantity("m", "vertical rms size of the beam", minimum=0.0, open_minimum=True)

    acts = "ahead"

    @classmethod
    def of(cls, undulator: Undulator, sigma_x: float, sigma_y: float | None = None) -> UndulatorLight:
        """Return the impedance of an undulator for a beam; round if one size is given."""
        energy, across = undulator.reference.energy, sigma_x if sigma_y is None else sigma_y
        return cls(energy, undulator.period, undulator.n_periods, undulator.k, sigma_x, across)

    @functools.cached_property
    def undulator(self) -> Undulator:
        """The undulator, passed by electrons."""
        return Undulator(Reference(self.energy), self.period, self.periods, self.deflection)

    def sizes(self, k: float) -> tuple[float, float]:
        """S = k sigma^2/L of the two planes [1]."""
        length = self.undulator.length
        return k * self.sigma_x**2 / length, k * self.sigma_y**2 / length

    def at(self, k: np.ndarray) -> np.ndarray:
        k = np.asarray(k, dtype=float)
        return np.array([self._at(float(one)) for one in k.ravel()], dtype=complex).reshape(k.shape)

    def _at(self, k: float) -> complex:
        of_fundamental = k * self.undulator.wavelength() / (2.0 * math.pi)
        n = max(1, 2 * round(0.5 * (of_fundamental - 1.0)) + 1)
        offset = of_fundamental / n - 1.0
        if abs(offset) > 0.5 / n:
            return 0.0j
        return light_ohms(self.undulator, n) * self._integral(*self.sizes(k), 2.0 * math.pi * n * self.periods * offset)

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        light = cls(600e6, 0.1, 20, 2.5, 50e-6, 40e-6)
        return [(light, 2.0 * math.pi / light.undulator.wavelength())]

    @staticmethod
    @functools.lru_cache(maxsize=4096)
    def _integral(s_x: float, s_y: float, slip: float) -> complex:
        t, factor = path_factors((s_x, s_y), slip)
        across = np.sqrt(4.0 * s_x + 2j * t) * np.sqrt(4.0 * s_y + 2j * t)
        return complex(4.0 / math.pi * np.sum(factor / across))


def light_ohms(undulator: Undulator, harmonic: int = 1) -> float:
    """Return (pi Z0/2) N n chi JJ_n^2, half the coherent power over (b I)^2 of a point-like beam on resonance [ohm]."""
    return 0.5 * math.pi * VACUUM_IMPEDANCE * undulator.n_periods * undulator.coupling(harmonic)
