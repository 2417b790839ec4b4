"""The generations of light sources side by side, each from the parameters of a machine: bend, wiggler, undulator, FEL,
SSMB.

Every row answers the same questions at its wavelength: watts on average and in the pulse inside a band, spectral
brightness, bandwidth, and coherence along and across. Incoherent sources fill the band and more; an FEL and SSMB are
narrower than the band, so that all their light is inside.

Conventions: brightness per 0.1 % of bandwidth, Gaussian sizes; the transverse phase space of one mode is (lambda/4
pi)^2. Coherence length: lambda/(4 pi x relative rms bandwidth), the rms length of a Gaussian pulse with that spectrum.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from ssmb.arguments import checked
from ssmb.constants import C_GAMMA, ELEMENTARY_CHARGE
from ssmb.errors import ConfigError, PhysicsError
from ssmb.light.coherent import coherent_power
from ssmb.light.exit_light import counted_band
from ssmb.light.generations.bend import bend_divergence, bend_flux, critical_energy
from ssmb.light.generations.brightness import Brightness, ElectronBeam, same_energy, undulator_brightness
from ssmb.light.generations.fel import free_electron_laser
from ssmb.light.generations.machines import MachineInput, Machines
from ssmb.light.statistics import photon_energy, photon_rate
from ssmb.maps.undulator import Undulator
from ssmb.ranges import count, positive, share
from ssmb.text import digits_within, ranged

#: the band of brightness, 0.1 %
CUSTOMARY_BAND = 1e-3
#: rms of a rectangle or of sinc^2 of full width one
_RECTANGLE = 1.0 / math.sqrt(12.0)


@checked
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
    inputs : machine parameters that the row was made of, each with its origin.
    ends : the same row at both ends of the one input on which it hangs (`hangs_on`); empty for the others.
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
    inputs: tuple[MachineInput, ...] = ()
    ends: tuple[LightSource, ...] = ()

    @property
    def hangs_on(self) -> MachineInput | None:
        """The input of which an interval is assumed, because the row follows it alone."""
        return next((i for i in self.inputs if i.ends is not None), None)

    def interval(self, name: str) -> tuple[float, float]:
        """Smallest and largest value of a number of the row over the interval of that input."""
        values = [getattr(row, name) for row in (self, *self.ends)]
        return min(values), max(values)

    def shown(self, name: str) -> str:
        """A number of the row in the digits that its interval leaves."""
        value = getattr(self, name)
        return f"{float(f'{value:.{digits_within(value, self.interval(name), 3)}g}'):.4g}"

    def words(self) -> str:
        """What is to be said of the row: its interval first, then its note."""
        on = self.hangs_on
        if on is None or on.ends is None:
            return self.note
        power = ranged(self.average_power, self.interval("average_power"), "W", 3)
        return f"{power} on average for {on.words()} ({on.ends[2]}); {self.note}"


@dataclass(frozen=True)
class Generations:
    """Result of :func:`compare_generations`; prints as a table.

    Parameters
    ----------
    sources : rows, oldest generation first.
    missing : (name, reason) of those whose machine cannot make this wavelength.
    """

    sources: tuple[LightSource, ...]
    missing: tuple[tuple[str, str], ...] = ()

    def __getitem__(self, name: str) -> LightSource:
        """The row of that name."""
        for row in self.sources:
            if row.name == name:
                return row
        raise ConfigError(f"no source '{name}'; there are {', '.join(s.name for s in self.sources)}")

    def __str__(self) -> str:
        names = [f.name for f in fields(LightSource) if f.name not in ("name", "note", "inputs", "ends")]
        head = ["source", *names]
        rows = [[s.name, *(s.shown(n) for n in names)] for s in self.sources]
        widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in [head, *rows]]
        notes = [f"{s.name}: {s.words()}" for s in self.sources if s.note]
        return "\n".join([*lines, *notes, *(f"{name}: {reason}" for name, reason in self.missing)])


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


def fel_source(
    beam: ElectronBeam, undulator: Undulator, *, band: float = 0.02, one_dimension: bool = False
) -> LightSource:
    """Return a SASE FEL at saturation; the average power is the peak power times the duty of the beam.

    Parameters
    ----------
    beam : electrons at their peak current.
    undulator : its periods; taken as long as saturation needs.
    band : full relative width of the band that the powers are counted in [1].
    one_dimension : without diffraction, emittance and energy spread: 1.6 rho P_beam, one mode, an upper limit.
    """
    laser = free_electron_laser(undulator, beam)
    emittance = math.sqrt(beam.emittance_x * beam.emittance_y)
    # Saldin, Schneidmiller, Yurkov: one mode up to 2 pi eps/lambda of about 1, fewer photons in it beyond
    modes = 1.0 if one_dimension else max(1.0, 2.0 * math.pi * emittance / laser.wavelength)
    longer = laser.gain_length / laser.gain_length_1d if one_dimension else 1.0
    width, power = laser.bandwidth * longer, laser.saturation_power * longer**2
    inside = power * _inside(width, share("band", band))
    narrow = min(1.0, CUSTOMARY_BAND / (math.sqrt(2.0 * math.pi) * width))
    peak = photon_rate(power, laser.wavelength) * narrow * 4.0 / laser.wavelength**2 / modes / 1e12
    duty = 1.0 / beam.peak_ratio
    if one_dimension:
        note = (
            f"rho {laser.pierce:.3g}, gain length {laser.gain_length_1d:.3g} m; an upper limit, transverse effects "
            f"left out"
        )
    else:
        note = (
            f"gain length {laser.gain_length:.3g} m after Xie ({laser.gain_length_1d:.3g} m in one dimension), "
            f"saturation "
            f"after {laser.saturation_length:.3g} m"
        )
    return LightSource(
        "FEL 1D" if one_dimension else "FEL", laser.wavelength, inside * duty, inside, band, width, peak * duty, peak,
        1.0 / modes, laser.wavelength / (4.0 * math.pi * width),
        power * duty + undulator.energy_per_electron() * beam.current, note,
    )  # fmt: skip


def ssmb_source(
    beam: ElectronBeam,
    radiator: Undulator,
    bunching: complex,
    *,
    line_width: float,
    harmonic: int = 1,
    band: float = 0.02,
) -> LightSource:
    """Return the coherent light of a steadily microbunched beam.

    Parameters
    ----------
    beam : the electrons; peak_current stands for the part of the ring that is filled.
    radiator : resonant at the wavelength of the bunching.
    bunching : b in the middle of the radiator [1].
    line_width : relative rms width of the line: that of the laser, or of the train of microbunches [1].
    harmonic : odd n of the radiator [1].
    band : full relative width of the band that the powers are counted in [1].
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
    inside = peak * _inside(width, share("band", band))
    return LightSource(
        "SSMB", wavelength, inside * duty, inside, band, width, bright * duty, bright, 1.0,
        wavelength / (4.0 * math.pi * width), peak * duty + spontaneous,
        f"|b| {abs(bunching):.3g} as given, {current:.3g} A while the beam is there, K {radiator.k:.3g}, "
        f"{radiator.n_periods} "
        "periods; all electrons radiate one field (one mode); that a ring keeps this bunching on every turn is not "
        "shown, a "
        "tracked design counts closure, scattering and laser duty",
    )  # fmt: skip


@checked
def compare_generations(
    wavelength: float = 13.5e-9, machines: Machines | None = None, *, band: float | None = None
) -> Generations:
    """Return one machine of each generation at one wavelength.

    Parameters
    ----------
    wavelength : [m].
    machines : parameters of all machines; typical ones, with their origin, if left out.
    band : full relative width that powers are counted in [1]; by default :func:`ssmb.light.counted_band`. An undulator
        alone is counted in the width 1/N of its cone.

    Returns
    -------
    Generations
        A machine that cannot make the wavelength (no undulator field does) is in `missing` with the reason.

    Examples
    --------
    >>> table = compare_generations()
    >>> table["SSMB"].average_power > 100.0 * table["undulator"].average_power
    True
    """
    given = Machines() if machines is None else machines
    inside = counted_band(wavelength) if band is None else share("band", band)
    rows: list[tuple[str, tuple[str, ...], Callable[[Machines], LightSource]]] = [
        ("bend", ("ring", "bend"), lambda m: _bend(m, wavelength, inside)),
        ("wiggler", ("ring", "wiggler"), lambda m: _wiggler(m, wavelength, inside)),
        ("undulator", ("ring", "undulator"), lambda m: _undulator(m, wavelength)),
        ("FEL 1D", ("linac", "fel"), lambda m: _fel(m, wavelength, inside, one_dimension=True)),
        ("FEL", ("linac", "fel"), lambda m: _fel(m, wavelength, inside, one_dimension=False)),
        ("SSMB", ("ssmb",), lambda m: _ssmb(m, wavelength, inside)),
    ]
    found, missing = [], []
    for name, used, make in rows:
        try:
            row = replace(make(given), inputs=given.inputs(*used))
            if (one := row.hangs_on) and one.ends:
                row = replace(row, ends=tuple(make(given.changed({one.name: value})) for value in one.ends[:2]))
            found.append(row)
        except PhysicsError as error:
            missing.append((name, error.message))
    return Generations(tuple(found), tuple(missing))


def _bend(m: Machines, wavelength: float, band: float) -> LightSource:
    return bend_source(m.ring(), m.bend_field, wavelength, horizontal_angle=m.bend_angle, band=band)


def _wiggler(m: Machines, wavelength: float, band: float) -> LightSource:
    beam = m.ring()
    wiggler = Undulator(beam.reference, period=m.wiggler_period, n_periods=_whole(m, "wiggler_periods"), k=m.wiggler_k)
    return wiggler_source(beam, wiggler, wavelength, band=band)


def _undulator(m: Machines, wavelength: float) -> LightSource:
    beam = m.ring()
    periods = _whole(m, "undulator_periods")
    return undulator_source(beam, Undulator.resonant(beam.reference, wavelength, m.undulator_period, periods))


def _fel(m: Machines, wavelength: float, band: float, *, one_dimension: bool) -> LightSource:
    beam = m.linac()
    undulator = Undulator.resonant(beam.reference, wavelength, m.fel_period, _whole(m, "fel_periods"))
    return fel_source(beam, undulator, band=band, one_dimension=one_dimension)


def _ssmb(m: Machines, wavelength: float, band: float) -> LightSource:
    beam = m.ssmb()
    radiator = Undulator.resonant(beam.reference, wavelength, m.ssmb_period, _whole(m, "ssmb_periods"))
    return ssmb_source(beam, radiator, m.ssmb_bunching, line_width=m.ssmb_line_width, band=band)


def _whole(m: Machines, name: str) -> int:
    return count(name, getattr(m, name))


def _inside(width: float, band: float) -> float:
    """Share of a Gaussian line of relative rms width inside a band about its centre."""
    return math.erf(0.5 * band / (math.sqrt(2.0) * width))


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
        light.customary * beam.peak_ratio, min(1.0, light.coherent_fraction),
        light.wavelength / (4.0 * math.pi * width),
        total, note,
    )  # fmt: skip


def _larmor_power(beam: ElectronBeam, square_curvature: float) -> float:
    """Return watts per metre, C_gamma E^4 I/(2 pi e rho^2)."""
    return C_GAMMA * beam.reference.energy**4 / (2.0 * math.pi) * square_curvature * beam.current
