"""Brightness and coherence of undulator light with Gaussian electron beams.

Light of one electron at the odd harmonic n is taken as a Gaussian mode, sigma_r' = sqrt(lambda/(2 L)) and
sigma_r = sqrt(2 lambda L)/(4 pi), with the product lambda/(4 pi); sizes and angles of electrons and light add in
squares:

    B = F/(4 pi^2 S_x S_x' S_y S_y'),     coherent fraction = (lambda/4 pi)^2/(S_x S_x' S_y S_y')

Energy spread widens the light by Q_a(e) = sqrt(2 e^2/(exp(-2 e^2) + sqrt(2 pi) e erf(sqrt 2 e) - 1)), e = 2 pi n N
sigma_delta: sigma_r' by Q_a(e), sigma_r by Q_a(e/4)^(2/3).

References
----------
K.-J. Kim, Nucl. Instrum. Methods A 246, 71 (1986), doi:10.1016/0168-9002(86)90048-3.
T. Tanaka, H. Kitamura, J. Synchrotron Rad. 16, 380 (2009), doi:10.1107/S0909049509009479.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ssmb.arguments import checked
from ssmb.beam.reference import Reference
from ssmb.constants import ELEMENTARY_CHARGE, FINE_STRUCTURE
from ssmb.errors import ConfigError
from ssmb.maps.undulator import Undulator
from ssmb.ranges import not_negative, positive, share

#: photons/(s mm^2 mrad^2) in photons/(s m^2 rad^2)
CUSTOMARY = 1e12


@checked
@dataclass(frozen=True)
class ElectronBeam:
    """A Gaussian electron beam at the source of light, with a waist there.

    Parameters
    ----------
    reference : reference particle.
    current : average [A].
    emittance_x, emittance_y : geometric rms [m].
    beta_x, beta_y : beta functions [m].
    energy_spread : rms relative [1].
    peak_current : in the bunch [A]; the average if left out (a beam without bunches).

    Examples
    --------
    >>> beam = ElectronBeam(Reference(energy=3e9), 0.3, 1e-10, 1e-11, 10.0, 3.0, 1e-3)
    >>> round(beam.sigma_x * 1e6, 2), round(beam.divergence_x * 1e6, 2)
    (31.62, 3.16)
    """

    reference: Reference
    current: float
    emittance_x: float
    emittance_y: float
    beta_x: float
    beta_y: float
    energy_spread: float = 0.0
    peak_current: float | None = None

    def __post_init__(self) -> None:
        positive("current", self.current, "A")
        for name in ("emittance_x", "emittance_y"):
            not_negative(name, getattr(self, name), "m")
        for name in ("beta_x", "beta_y"):
            positive(name, getattr(self, name), "m")
        not_negative("energy_spread", self.energy_spread)
        if self.peak_current is not None and positive("peak_current", self.peak_current, "A") < self.current:
            raise ConfigError(f"peak_current = {self.peak_current:g} A is below the average current {self.current:g} A")

    @property
    def sigma_x(self) -> float:
        """[m]"""
        return math.sqrt(self.emittance_x * self.beta_x)

    @property
    def sigma_y(self) -> float:
        """[m]"""
        return math.sqrt(self.emittance_y * self.beta_y)

    @property
    def divergence_x(self) -> float:
        """[rad]"""
        return math.sqrt(self.emittance_x / self.beta_x)

    @property
    def divergence_y(self) -> float:
        """[rad]"""
        return math.sqrt(self.emittance_y / self.beta_y)

    @property
    def peak_ratio(self) -> float:
        """Peak over average current [1]."""
        return 1.0 if self.peak_current is None else self.peak_current / self.current


@dataclass(frozen=True)
class Brightness:
    """Light of a beam in phase space.

    Parameters
    ----------
    wavelength : [m].
    flux : photons per second in the bandwidth [1/s].
    bandwidth : relative, of flux and brightness [1].
    size_x, size_y : rms of light and electrons together [m].
    divergence_x, divergence_y : the same [rad].
    """

    wavelength: float
    flux: float
    bandwidth: float
    size_x: float
    size_y: float
    divergence_x: float
    divergence_y: float

    @property
    def phase_space(self) -> float:
        """S_x S_x' S_y S_y' [m^2 rad^2]."""
        return self.size_x * self.divergence_x * self.size_y * self.divergence_y

    @property
    def brightness(self) -> float:
        """[photons/(s m^2 rad^2) in the bandwidth]."""
        return self.flux / (4.0 * math.pi**2 * self.phase_space)

    @property
    def customary(self) -> float:
        """[photons/(s mm^2 mrad^2) in the bandwidth], usually 0.1 %."""
        return self.brightness / CUSTOMARY

    @property
    def coherent_fraction(self) -> float:
        """Share of the flux in one transverse mode, B (lambda/2)^2/F [1]."""
        return (self.wavelength / (4.0 * math.pi)) ** 2 / self.phase_space

    @property
    def coherent_flux(self) -> float:
        """Photons per second in one transverse mode, B (lambda/2)^2 [1/s]."""
        return self.coherent_fraction * self.flux


@checked
def undulator_brightness(
    undulator: Undulator, beam: ElectronBeam, *, harmonic: int = 1, bandwidth: float = 1e-3
) -> Brightness:
    """Return flux, sizes and brightness of the incoherent light at an odd harmonic, on the exact resonance.

    Parameters
    ----------
    undulator : the source; a helical one radiates at n = 1.
    beam : electrons, with a waist in the middle of the undulator.
    harmonic : odd n [1].
    bandwidth : relative [1], small against 1/(n N).

    Notes
    -----
    Flux in the central cone ``(pi/2) alpha N Q_n (I/e) bandwidth``; energy spread leaves the flux and widens the light.

    Examples
    --------
    Electrons without emittance and energy spread give one mode:

    >>> ref = Reference(energy=3e9)
    >>> und = Undulator(ref, period=0.02, n_periods=150, k=1.8)
    >>> light = undulator_brightness(und, ElectronBeam(ref, 0.3, 0.0, 0.0, 5.0, 5.0))
    >>> round(light.coherent_fraction, 12)
    1.0
    """
    same_energy(undulator, beam)
    wavelength = undulator.wavelength(harmonic)
    electrons = beam.current / ELEMENTARY_CHARGE
    flux = 0.5 * math.pi * FINE_STRUCTURE * undulator.n_periods * undulator.kim_q(harmonic) * electrons
    spread = 2.0 * math.pi * harmonic * undulator.n_periods * beam.energy_spread
    divergence = math.sqrt(0.5 * wavelength / undulator.length) * energy_widening(spread)
    size = (
        math.sqrt(2.0 * wavelength * undulator.length) / (4.0 * math.pi) * energy_widening(0.25 * spread) ** (2.0 / 3.0)
    )
    return Brightness(
        wavelength, flux * share("bandwidth", bandwidth), bandwidth,
        math.hypot(beam.sigma_x, size), math.hypot(beam.sigma_y, size),
        math.hypot(beam.divergence_x, divergence), math.hypot(beam.divergence_y, divergence),
    )  # fmt: skip


def energy_widening(spread: float) -> float:
    """Return Q_a of the normalised energy spread 2 pi n N sigma_delta; 1 without spread [1].

    >>> energy_widening(0.0), round(energy_widening(1.0), 3)
    (1.0, 1.144)
    """
    e = not_negative("spread", spread)
    if e < 1e-3:
        return 1.0 + e * e / 6.0
    x = 2.0 * e * e
    return math.sqrt(x / (math.exp(-x) + math.sqrt(2.0 * math.pi) * e * math.erf(math.sqrt(2.0) * e) - 1.0))


def same_energy(undulator: Undulator, beam: ElectronBeam) -> None:
    """Raise ConfigError if the electrons are not those that the undulator is resonant for."""
    if undulator.reference != beam.reference:
        raise ConfigError(
            f"the beam ({beam.reference.energy:.6g} eV) does not have the energy of the undulator's reference "
            f"({undulator.reference.energy:.6g} eV): the light would not be at the resonance"
        )
