"""The ideal undulator: what an element is as one, and what one electron radiates in it, on the axis and in total.

References
----------
K.-J. Kim, AIP Conf. Proc. 184, 565 (1989), doi:10.1063/1.38046 (Q_n, central cone).
J. A. Clarke, The Science and Technology of Undulators and Wigglers, Oxford (2004), ISBN 978-0-19-850855-7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ssmb.arguments import checked
from ssmb.beam.reference import Reference
from ssmb.constants import ELEMENTARY_CHARGE, FINE_STRUCTURE, VACUUM_PERMITTIVITY
from ssmb.errors import ConfigError, PhysicsError
from ssmb.maps.undulator_relations import (
    bessel_factor,
    field_from_deflection,
    mean_square_deflection,
    modulation_index,
    resonant_deflection,
    resonant_wavelength,
    undulator_r56,
)
from ssmb.quantity import quantity
from ssmb.ranges import count, not_negative, positive


@checked
@dataclass(frozen=True)
class Undulator:
    """Ideal undulator of `n_periods` equal periods, passed on axis by electrons of the reference energy.

    Examples
    --------
    >>> u125 = Undulator.resonant(Reference(energy=250e6), 1064e-9, period=0.125, n_periods=32)
    >>> round(u125.k, 4), round(u125.bessel(1), 4), u125.length
    (2.4798, 0.7794, 4.0)
    """

    reference: Reference = quantity("", "reference particle")
    period: float = quantity("m", "undulator period")
    n_periods: int = quantity("1", "number of periods N")
    k: float = quantity("1", "deflection parameter of the peak field, e B lambda_u/(2 pi m c)")
    helical: bool = quantity("", "whether the field has constant size and rotates", default=False)

    def __post_init__(self) -> None:
        if not isinstance(self.reference, Reference):
            raise ConfigError(f"reference must be a Reference(energy=...), not {type(self.reference).__name__}")
        positive("period", self.period, "m")
        count("n_periods", self.n_periods)
        not_negative("k", self.k)

    @classmethod
    def resonant(
        cls,
        reference: Reference,
        wavelength: float,
        period: float,
        n_periods: int,
        *,
        harmonic: int = 1,
        helical: bool = False,
    ) -> Undulator:
        """Return the undulator whose harmonic `harmonic` is resonant on axis at `wavelength` [m].

        Raises PhysicsError if no K does it.
        """
        k = resonant_deflection(wavelength, period, reference.gamma, harmonic=harmonic, helical=helical)
        return cls(reference, period, n_periods, k, helical)

    def tuned(self, wavelength: float, reference: Reference | None = None) -> Undulator:
        """Return the same magnet with the K whose first harmonic is resonant on axis at `wavelength` [m].

        Parameters
        ----------
        wavelength : of the light [m].
        reference : another reference particle.

        Raises
        ------
        PhysicsError
            No K does it.

        Examples
        --------
        >>> und = Undulator(Reference(energy=600e6), period=0.02, n_periods=60, k=0.0)
        >>> round(und.tuned(13.5e-9).wavelength() * 1e9, 6)
        13.5
        """
        of = reference or self.reference
        return Undulator.resonant(of, wavelength, self.period, self.n_periods, helical=self.helical)

    @property
    def length(self) -> float:
        """Magnetic length N lambda_u [m]."""
        return self.n_periods * self.period

    @property
    def field(self) -> float:
        """Peak field (helical: size of the field) [T]."""
        return field_from_deflection(self.k, self.period)

    def wavelength(self, harmonic: int = 1, angle: float = 0.0) -> float:
        """Resonant wavelength of a harmonic at an angle [rad] to the axis [m]."""
        return resonant_wavelength(
            self.k, self.period, self.reference.gamma, harmonic=harmonic, helical=self.helical, angle=angle
        )

    def near_harmonic(self, harmonic: int, offset: float) -> float:
        """Return `offset`, the relative frequency offset from a harmonic on axis [1], if that is the nearest one.

        Raises PhysicsError, with the nearest harmonic, if the offset is beyond half of the way to the next.
        """
        if not abs(offset) <= 0.5 / count("harmonic", harmonic):
            resonant = self.wavelength(harmonic)
            told = "no wavelength at all"
            if -1.0 < offset < math.inf:
                nearest = max(1, round(harmonic * (1.0 + offset)))
                told = f"{resonant / (1.0 + offset):.6g} m; nearest harmonic: {nearest}"
            raise PhysicsError(
                f"{offset:+.1%} in frequency is not near harmonic {harmonic} of the undulator, {resonant:.6g} m on "
                f"axis "
                f"(allowed: {0.5 / harmonic:.3g} to both sides): it is {told}. Set the gap (K) or harmonic"
            )
        return offset

    @property
    def slippage(self) -> float:
        """How far the light of any harmonic gets ahead of the electron, N lambda_1 [m]."""
        return self.n_periods * self.wavelength()

    @property
    def r56(self) -> float:
        """R56 of the undulator, 2 N lambda_1 [m], > 0: higher energy arrives earlier."""
        return undulator_r56(self.n_periods, self.wavelength())

    def bessel(self, harmonic: int = 1) -> float:
        """[JJ]_n on axis; 1 for a helical undulator, which has the first harmonic only [1]."""
        n = count("harmonic", harmonic)
        if not self.helical:
            return bessel_factor(self.k, n)
        if n != 1:
            raise ConfigError(f"a helical undulator radiates only the first harmonic on axis, not {n}")
        return 1.0

    def coupling(self, harmonic: int = 1) -> float:
        """Strength of an odd harmonic on axis, n chi [JJ]_n^2 [1]; helical: K^2/(2 (1 + K^2)).

        With chi = K^2/(4 + 2 K^2); the coherent power is pi Z0 N times this. The helical value is twice the planar
        one of the same rms field in the limit of small K, because both planes radiate.
        """
        n, jj = count("harmonic", harmonic), self.bessel(harmonic)
        if self.helical:
            return 0.5 * self.k**2 / (1.0 + self.k**2)
        return n * modulation_index(self.k) * jj * jj

    def kim_q(self, harmonic: int = 1) -> float:
        """Kim's Q_n = (1 + K^2/2) F_n/n = 4 n chi [JJ]_n^2 [1]."""
        return 4.0 * self.coupling(harmonic)

    def energy_per_electron(self) -> float:
        """Energy that one electron radiates in one pass, all harmonics and angles [eV].

        ``(pi/3) e^2 K^2 gamma^2 N/(eps0 lambda_u)`` for planar K, twice that for a helical field of the same size.

        >>> und = Undulator(Reference(energy=400e6), period=0.01, n_periods=300, k=1.14403866)
        >>> round(und.energy_per_electron(), 1)
        455.9
        """
        gamma = self.reference.gamma
        strength = 2.0 * mean_square_deflection(self.k, self.helical)
        volts = math.pi / 3.0 * ELEMENTARY_CHARGE * strength * gamma * gamma * self.n_periods
        return volts / (VACUUM_PERMITTIVITY * self.period)

    def central_cone_photons(self, harmonic: int = 1) -> float:
        """Photons per electron and pass in the central cone, pi alpha Q_n: bandwidth 1/N, best detuning [1]."""
        return math.pi * FINE_STRUCTURE * self.kim_q(harmonic)
