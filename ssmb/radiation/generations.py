"""The generations of light sources side by side, each from the parameters of a machine: bend, wiggler, undulator, FEL, SSMB.

Every row answers the same questions at its wavelength: watts on average and in the pulse inside a band, spectral
brightness, bandwidth, and coherence along and across. Incoherent sources fill the band and more; an FEL and SSMB are
narrower than the band, so that all their light is inside.

Conventions: brightness per 0.1 % of bandwidth, Gaussian sizes; the transverse phase space of one mode is (lambda/4 pi)^2.
Coherence length: lambda/(4 pi x relative rms bandwidth), the rms length of a Gaussian pulse with that spectrum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from ssmb.beam.reference import Reference
from ssmb.constants import C_GAMMA, ELEMENTARY_CHARGE
from ssmb.errors import ConfigError
from ssmb.radiation.bend_light import bend_divergence, bend_flux, critical_energy
from ssmb.radiation.brightness import Brightness, ElectronBeam, same_energy, undulator_brightness
from ssmb.radiation.coherent import coherent_power
from ssmb.radiation.fel import free_electron_laser
from ssmb.radiation.undulator import Undulator, photon_energy, photon_rate
from ssmb.ranges import positive, share

#: the band of brightness, 0.1 %
CUSTOMARY_BAND = 1e-3
#: rms of a rectangle or of sinc^2 of full width one
_RECTANGLE = 1.0 / math.sqrt(12.0)


@dataclass(frozen=True)
class LightSource:
    """One row of the comparison.

    Parameters
    ----------
    name : of the source.
    wavelength : [m].
    average_power, peak_power : inside `band`, into the angles of the source (a bend: into `horizontal_angle`) [W].
    band : full relative width that the powers are given for [1].
    bandwidth : relative rms width of the light, at most that of the band [1].
    average_brightness, peak_brightness : [photons/(s mm^2 mrad^2 0.1 %)].
    coherent_fraction : share of the light in one transverse mode [1].
    coherence_length : rms, along the light [m].
    total_power : at all wavelengths, what optics and RF must stand [W].
    note : what was taken.
    """

    name: str
    wavelength: float
    average_power: float
    peak_power: float
    band: float
    bandwidth: float
    average_brightness: float
    peak_brightness: float
    coherent_fraction: float
    coherence_length: float
    total_power: float
    note: str = ""


@dataclass(frozen=True)
class Generations:
    """Result of :func:`compare_generations`; prints as a table.

    Parameters
    ----------
    sources : rows, weakest idea first.
    """

    sources: tuple[LightSource, ...]

    def __getitem__(self, name: str) -> LightSource:
        """The row of that name."""
        for row in self.sources:
            if row.name == name:
                return row
        raise ConfigError(f"no source '{name}'; there are {', '.join(s.name for s in self.sources)}")

    def __str__(self) -> str:
        names = [f.name for f in fields(LightSource) if f.name not in ("name", "note")]
        head = ["source", *names]
        rows = [[s.name, *(f"{getattr(s, n):.3g}" for n in names)] for s in self.sources]
        widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]]
        return "\n".join([*lines, *(f"{s.name}: {s.note}" for s in self.sources if s.note)])


def bend_source(
    beam: ElectronBeam, field: float, wavelength: float, *, horizontal_angle: float = 10e-3, band: float = 0.02
) -> LightSource:
    """Return a bend: incoherent, flux in proportion to the horizontal angle.

    Parameters
    ----------
    beam : the electrons in the bend.
    field : [T].
    wavelength : [m].
    horizontal_angle : collected, full [rad].
    band : relative [1].
    """
    energy, light = (
        photon_energy(wavelength),
        _fan(beam, field, wavelength, 1.0, positive("horizontal_angle", horizontal_angle, "rad")),
    )
    flux = bend_flux(beam.reference, field, energy, beam.current, share("band", band))
    power = flux * horizontal_angle * energy * ELEMENTARY_CHARGE
    turn = (
        _larmor_power(beam, 1.0 / (beam.reference.brho / field) ** 2) * horizontal_angle * beam.reference.brho / field
    )
    note = (
        f"{field:g} T, critical energy {critical_energy(beam.reference, field):.4g} eV, {horizontal_angle * 1e3:g} mrad"
    )
    return _incoherent("bend", light, power, band, turn, beam, note)


def wiggler_source(beam: ElectronBeam, wiggler: Undulator, wavelength: float, *, band: float = 0.02) -> LightSource:
    """Return a wiggler: the light of 2 N poles of peak field, added in intensity, into the horizontal fan 2 K/gamma.

    Parameters
    ----------
    beam : the electrons, with a waist in the middle.
    wiggler : K well above 1, planar; below about 3 the harmonics of an undulator show.
    wavelength : [m].
    band : relative [1].
    """
    same_energy(wiggler, beam)
    if wiggler.helical or wiggler.k < 3.0:
        raise ConfigError(f"a wiggler here is planar with K of 3 or more, not {wiggler.k:g}; use undulator_source")
    energy = photon_energy(wavelength)
    fan, wiggle = (
        2.0 * wiggler.k / beam.reference.gamma,
        wiggler.k * wiggler.period / (2.0 * math.pi * beam.reference.gamma),
    )
    light = _fan(beam, wiggler.field, wavelength, 2.0 * wiggler.n_periods, fan, wiggler.length, wiggle)
    flux = 2.0 * wiggler.n_periods * bend_flux(beam.reference, wiggler.field, energy, beam.current, share("band", band))
    power = flux * fan * energy * ELEMENTARY_CHARGE
    note = f"K {wiggler.k:.3g}, {wiggler.n_periods} periods; peak field taken over the whole fan (an upper limit)"
    return _incoherent("wiggler", light, power, band, wiggler.energy_per_electron() * beam.current, beam, note)


def undulator_source(beam: ElectronBeam, undulator: Undulator, *, harmonic: int = 1) -> LightSource:
    """Return an undulator: incoherent, central cone of a harmonic, whose own width 1/(n N) is the band."""
    light = undulator_brightness(undulator, beam, harmonic=harmonic, bandwidth=CUSTOMARY_BAND)
    band = min(1.0, 1.0 / (harmonic * undulator.n_periods))
    power = 0.5 * undulator.central_cone_photons(harmonic) * photon_energy(light.wavelength) * beam.current
    note = f"K {undulator.k:.3g}, {undulator.n_periods} periods, harmonic {harmonic}, exact resonance"
    return _incoherent("undulator", light, power, band, undulator.energy_per_electron() * beam.current, beam, note)


def fel_source(beam: ElectronBeam, undulator: Undulator) -> LightSource:
    """Return a SASE FEL at saturation; the average power is the peak power times the duty of the beam."""
    laser = free_electron_laser(undulator, beam)
    emittance = math.sqrt(beam.emittance_x * beam.emittance_y)
    # Saldin, Schneidmiller, Yurkov: one mode up to 2 pi eps/lambda of about 1, fewer photons in it beyond
    modes = max(1.0, 2.0 * math.pi * emittance / laser.wavelength)
    narrow = min(1.0, CUSTOMARY_BAND / (math.sqrt(2.0 * math.pi) * laser.bandwidth))
    peak = photon_rate(laser.saturation_power, laser.wavelength) * narrow * 4.0 / laser.wavelength**2 / modes / 1e12
    duty = 1.0 / beam.peak_ratio
    return LightSource(
        "FEL", laser.wavelength, laser.saturation_power * duty, laser.saturation_power, 0.02, laser.bandwidth,
        peak * duty, peak, 1.0 / modes, laser.coherence_length, laser.saturation_power * duty,
        f"rho {laser.pierce:.3g}, gain length {laser.gain_length:.3g} m ({laser.gain_length_1d:.3g} m in one dimension), "
        f"saturation after {laser.saturation_length:.3g} m",
    )  # fmt: skip


def ssmb_source(
    beam: ElectronBeam, radiator: Undulator, bunching: complex, *, line_width: float, harmonic: int = 1
) -> LightSource:
    """Return the coherent light of a steadily microbunched beam.

    Parameters
    ----------
    beam : the electrons; peak_current stands for the part of the ring that is filled.
    radiator : resonant at the wavelength of the bunching.
    bunching : b in the middle of the radiator [1].
    line_width : relative rms width of the line: that of the laser, or of the train of microbunches [1].
    harmonic : odd n of the radiator [1].
    """
    same_energy(radiator, beam)
    current, wavelength = beam.current * beam.peak_ratio, radiator.wavelength(harmonic)
    peak = coherent_power(
        radiator, current=current, bunching=bunching, harmonic=harmonic, sigma_perp=(beam.sigma_x, beam.sigma_y)
    )
    width = share("line_width", line_width)
    narrow = min(1.0, CUSTOMARY_BAND / (math.sqrt(2.0 * math.pi) * width))
    bright = photon_rate(peak, wavelength) * narrow * 4.0 / wavelength**2 / 1e12
    duty = 1.0 / beam.peak_ratio
    spontaneous = radiator.energy_per_electron() * beam.current
    return LightSource(
        "SSMB", wavelength, peak * duty, peak, 0.02, width, bright * duty, bright, 1.0,
        wavelength / (4.0 * math.pi * width), peak * duty + spontaneous,
        f"|b| {abs(bunching):.3g}, {current:.3g} A while the beam is there, K {radiator.k:.3g}, {radiator.n_periods} periods; all "
        "electrons radiate one field, so the light has one transverse mode",
    )  # fmt: skip


def compare_generations(wavelength: float = 13.5e-9) -> Generations:
    """Return typical machines of each generation at one wavelength [m].

    A 3 GeV ring of the fourth generation cannot reach 13.5 nm with a usual undulator, so bend, wiggler and undulator stand
    in a 1.7 GeV, 300 mA ring of the third; the FEL is a 1 GeV linac of the 10 kHz class, SSMB the 400 MeV ring of
    the Tsinghua concept with |b| = 0.1. Give your own machines to the functions that make the rows.

    Examples
    --------
    >>> table = compare_generations()
    >>> table["SSMB"].average_power > 100.0 * table["undulator"].average_power
    True
    """
    ring, linac, small = Reference(energy=1.7e9), Reference(energy=1.0e9), Reference(energy=400e6)
    stored = ElectronBeam(ring, 0.3, 5e-9, 5e-11, 5.0, 3.0, 7e-4, peak_current=20.0)
    driven = ElectronBeam(linac, 1e-6, 1e-6 / linac.gamma, 1e-6 / linac.gamma, 8.0, 8.0, 2e-4, peak_current=2000.0)
    bunched = ElectronBeam(small, 1.0, 4e-10, 4e-10, 1.0, 1.0, 3e-4)
    wiggler = Undulator(ring, period=0.12, n_periods=15, k=15.0)
    return Generations(
        (
            bend_source(stored, 1.3, wavelength),
            wiggler_source(stored, wiggler, wavelength),
            undulator_source(stored, Undulator.resonant(ring, wavelength, 0.05, 80)),
            fel_source(driven, Undulator.resonant(linac, wavelength, 0.03, 900)),
            ssmb_source(bunched, Undulator.resonant(small, wavelength, 0.01, 300), 0.1, line_width=1e-6),
        )
    )


def _fan(
    beam: ElectronBeam,
    field: float,
    wavelength: float,
    poles: float,
    fan: float,
    length: float = 0.0,
    wiggle: float = 0.0,
) -> Brightness:
    """Return the light of bend-like poles in a horizontal angle `fan` that it fills evenly."""
    reference, energy = beam.reference, photon_energy(wavelength)
    angle = bend_divergence(reference, field, energy)
    spot = wavelength / (4.0 * math.pi * angle)
    along = length / math.sqrt(12.0)
    size_x = math.sqrt(beam.sigma_x**2 + spot**2 + wiggle**2 + (along * beam.divergence_x) ** 2)
    divergence_y = math.hypot(beam.divergence_y, angle)
    size_y = math.sqrt(beam.sigma_y**2 + spot**2 + (along * divergence_y) ** 2)
    flux = poles * bend_flux(reference, field, energy, beam.current, CUSTOMARY_BAND) * fan
    # the density of an even fan is that of a Gaussian of the same flux and rms fan/sqrt(2 pi)
    return Brightness(wavelength, flux, CUSTOMARY_BAND, size_x, size_y, fan / math.sqrt(2.0 * math.pi), divergence_y)


def _incoherent(
    name: str, light: Brightness, power: float, band: float, total: float, beam: ElectronBeam, note: str
) -> LightSource:
    width = band * _RECTANGLE
    return LightSource(
        name, light.wavelength, power, power * beam.peak_ratio, band, width, light.customary,
        light.customary * beam.peak_ratio, min(1.0, light.coherent_fraction), light.wavelength / (4.0 * math.pi * width),
        total, note,
    )  # fmt: skip


def _larmor_power(beam: ElectronBeam, square_curvature: float) -> float:
    """Return watts per metre, C_gamma E^4 I/(2 pi e rho^2)."""
    return C_GAMMA * beam.reference.energy**4 / (2.0 * math.pi) * square_curvature * beam.current
