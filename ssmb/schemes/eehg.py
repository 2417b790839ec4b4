"""Echo-enabled harmonic generation: two modulations and two dispersive sections.

References
----------
G. Stupakov, Phys. Rev. Lett. 102, 074801 (2009), doi:10.1103/PhysRevLett.102.074801.
D. Xiang, G. Stupakov, Phys. Rev. ST Accel. Beams 12, 030702 (2009), doi:10.1103/PhysRevSTAB.12.030702.
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, replace

from scipy import optimize, special

from ssmb.beam.reference import Reference
from ssmb.errors import ConfigError
from ssmb.ranges import count, finite, not_negative, positive


@dataclass(frozen=True)
class EchoEnabled:
    """Coasting Gaussian beam through modulator 1, chicane 1, modulator 2, chicane 2.

    In units of the spread: ``p += A1 sin(zeta); zeta += B1 p; p += A2 sin(kappa zeta + phi); zeta += B2 p`` with
    zeta = k1 z, p = delta/sigma_delta. The bunching at ``a = n + kappa m`` times k1 is the sum over n of
    ``exp(-Z^2/2) J_n(-A1 Z) J_m(-a A2 B2) exp(i m phi)``, Z = n B1 + a B2.

    Parameters
    ----------
    reference : reference particle.
    wavelength : wavelength of the first laser [m].
    amplitude_1, amplitude_2 : peak relative momentum modulations [1].
    r56_1, r56_2 : the two dispersive sections [m], > 0: higher energy arrives earlier.
    sigma_delta : rms relative momentum spread [1].
    wavelength_ratio : kappa = k2/k1, a whole number [1].
    phase : phase of the second laser at zeta = 0 [2 pi].

    Notes
    -----
    Validity: thin modulators, no transverse smear, no diffusion (incoherent radiation or IBS) between the modulators,
    to which the fine structure of the first section is sensitive.

    Examples
    --------
    >>> echo = EchoEnabled.examples()[0]
    >>> round(abs(echo.term(-1, 25)), 4)
    0.112
    """

    reference: Reference
    wavelength: float
    amplitude_1: float
    amplitude_2: float
    r56_1: float
    r56_2: float
    sigma_delta: float
    wavelength_ratio: int = 1
    phase: float = 0.0

    def __post_init__(self) -> None:
        positive("wavelength", self.wavelength, "m")
        not_negative("amplitude_1", self.amplitude_1)
        not_negative("amplitude_2", self.amplitude_2)
        finite("r56_1", self.r56_1, "m")
        finite("r56_2", self.r56_2, "m")
        positive("sigma_delta", self.sigma_delta)
        count("wavelength_ratio", self.wavelength_ratio)
        finite("phase", self.phase, "2 pi")

    @classmethod
    def from_dimensionless(
        cls,
        reference: Reference,
        wavelength: float,
        sigma_delta: float,
        a1: float,
        a2: float,
        b1: float,
        b2: float,
        wavelength_ratio: int = 1,
    ) -> EchoEnabled:
        """Return the scheme from A = amplitude/sigma_delta [1] and B = k1 R56 sigma_delta [1]."""
        lever = positive("wavelength", wavelength, "m") / (2.0 * math.pi * positive("sigma_delta", sigma_delta))
        return cls(
            reference,
            wavelength,
            a1 * sigma_delta,
            a2 * sigma_delta,
            b1 * lever,
            b2 * lever,
            sigma_delta,
            wavelength_ratio,
        )

    @property
    def b1(self) -> float:
        """B1 = k1 R56_1 sigma_delta [1]."""
        return 2.0 * math.pi / self.wavelength * self.r56_1 * self.sigma_delta

    @property
    def b2(self) -> float:
        """B2 = k1 R56_2 sigma_delta [1]."""
        return 2.0 * math.pi / self.wavelength * self.r56_2 * self.sigma_delta

    def term(self, n: int, m: int) -> complex:
        """Return the contribution of the echo (n, m) to b at the harmonic n + kappa m of the first laser [1]."""
        a = n + self.wavelength_ratio * m
        z = n * self.b1 + a * self.b2
        first = float(special.jv(n, -self.amplitude_1 / self.sigma_delta * z))
        second = float(special.jv(m, -a * self.amplitude_2 / self.sigma_delta * self.b2))
        return math.exp(-0.5 * z * z) * first * second * cmath.exp(2j * math.pi * m * self.phase)

    def bunching(self, harmonic: int) -> float:
        """Return |b| at `harmonic` times the first laser frequency: all echoes (n, m) that meet there [1].

        An even lead of one echo, usually n = -1, over all others is what makes the scheme useful.
        """
        a, kappa = count("harmonic", harmonic), self.wavelength_ratio
        # exp(-Z^2/2) is below 1e-16 unless |n B1 + a B2| < 9; without B1 the Bessel function J_n(-A1 a B2) ends the sum
        bessel_reach = abs(self.amplitude_1 / self.sigma_delta) * 9.0
        reach = int(bessel_reach + 12.0 * bessel_reach ** (1.0 / 3.0) + 30.0)
        if abs(self.b1) > 0.0:
            centre = round(-a * self.b2 / self.b1)
            spread = math.ceil(9.0 / abs(self.b1)) + 1
            low, high = max(centre - spread, -reach), min(centre + spread, reach)
        else:
            low, high = -reach, reach
        total = sum((self.term(n, (a - n) // kappa) for n in range(low, high + 1) if (a - n) % kappa == 0), 0j)
        return abs(total)

    def with_best_dispersions(self, n: int, m: int) -> EchoEnabled:
        """Return the same modulations with the r56 pair that maximises the echo (n, m); both r56 > 0 if n < 0 < m.

        B2 puts J_m at its first peak and Z is chosen on its own, so the two searches separate. Of the two solutions
        +-Z the one with the smaller first section is returned.

        Raises
        ------
        ConfigError
            If n = 0, m < 1, the harmonic is not positive, or a modulation is zero.

        Examples
        --------
        >>> echo = EchoEnabled.examples()[0].with_best_dispersions(-1, 25)
        >>> round(echo.b2, 4), round(abs(echo.term(-1, 25)), 5)
        (0.3804, 0.11199)
        """
        a = n + self.wavelength_ratio * m
        if n == 0 or m < 1 or a < 1:
            raise ConfigError(f"echo (n, m) = ({n}, {m}): need n != 0, m >= 1 and n + kappa m >= 1")
        a1 = positive("amplitude_1", self.amplitude_1) / self.sigma_delta
        a2 = positive("amplitude_2", self.amplitude_2) / self.sigma_delta
        order = abs(n)

        def log_slope(z: float) -> float:
            return a1 * float(special.jvp(order, a1 * z) / special.jv(order, a1 * z)) - z

        peak = float(special.jnp_zeros(order, 1)[0]) / a1
        z = float(optimize.root_scalar(log_slope, bracket=(1e-9 * peak, peak), xtol=1e-14).root)
        b2 = float(special.jnp_zeros(m, 1)[0]) / (a * a2)
        b1 = min(((z - a * b2) / n, (-z - a * b2) / n), key=abs)
        lever = self.wavelength / (2.0 * math.pi * self.sigma_delta)
        return replace(self, r56_1=b1 * lever, r56_2=b2 * lever)

    @classmethod
    def examples(cls) -> list[EchoEnabled]:
        """Return cases for the contract tests: equal wavelengths at the 24th harmonic, and a doubled second laser."""
        beam = Reference(energy=1.2e9)
        return [
            cls.from_dimensionless(beam, 266e-9, 1.25e-4, 3.0, 3.0, 9.660976188295873, 0.38037787664294775),
            cls.from_dimensionless(beam, 800e-9, 7e-4, 2.0, 2.5, 3.0, 0.25, wavelength_ratio=2),
        ]
