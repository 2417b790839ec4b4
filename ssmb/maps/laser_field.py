"""Closed forms of a laser modulator: a Gaussian beam that copropagates with the electrons of an undulator.

The mode is TEM00 with its waist in the middle of the undulator. A resonant electron on axis sees the field
``E0 / (1 + i s/Z_R)``: the Gouy phase and the divergence together. Its integral over the undulator gives the peak
energy modulation; the thin kick of the tracking code has this amplitude.

`power` is the instantaneous power that travels *with* the electrons (a standing-wave cavity holds two such waves).

Validity: electrons near the axis (offset small against the waist), slippage ``N lambda`` short against the laser
pulse and coherence length, wiggle amplitude small against the waist, chirp times ``2 N lambda`` small (thin kick).

References
----------
A. Zholents, M. Zolotorev, Phys. Rev. Lett. 76, 912 (1996), doi:10.1103/PhysRevLett.76.912.
E. Hemsing, G. Stupakov, D. Xiang, A. Zholents, Rev. Mod. Phys. 86, 897 (2014), doi:10.1103/RevModPhys.86.897.
G. D. Boyd, D. A. Kleinman, J. Appl. Phys. 39, 3597 (1968), doi:10.1063/1.1656831 (optimum focusing).
W. K. H. Panofsky, W. A. Wenzel, Rev. Sci. Instrum. 27, 967 (1956), doi:10.1063/1.1715427.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

from ssmb.constants import VACUUM_IMPEDANCE
from ssmb.errors import ConfigError
from ssmb.maps.undulator_relations import bessel_factor
from ssmb.ranges import SMALLEST, finite, not_negative, positive


class FocusingOptimum(NamedTuple):
    """The focusing that gives the largest modulation for a given power, undulator and wavelength."""

    rayleigh_ratio: float  #: Z_R / L_u [1]
    detuning: float  #: phase mismatch over the whole undulator [rad], > 0 offsets the Gouy phase
    strength: float  #: sqrt(Z_R/L) times the integral of the field, |..|/2; atan form at zero detuning [1]


def waist(wavelength: float, rayleigh_length: float, m_squared: float = 1.0) -> float:
    """Return the waist w0, where the field falls to 1/e and the intensity to 1/e^2 [m].

    ``w0 = sqrt(M^2 lambda Z_R / pi)``.

    Parameters
    ----------
    wavelength : laser wavelength [m].
    rayleigh_length : distance from the waist at which the spot area doubles [m].
    m_squared : beam quality M^2 >= 1 [1].

    Examples
    --------
    >>> round(waist(1064e-9, 1.5) * 1e6, 1)
    712.8
    """
    area = _quality(m_squared) * positive("wavelength", wavelength, "m")
    return math.sqrt(area * positive("rayleigh_length", rayleigh_length, "m") / math.pi)


def rayleigh_length(wavelength: float, waist_radius: float, m_squared: float = 1.0) -> float:
    """Return the Rayleigh length [m] of a beam with the waist `waist_radius` [m]; the inverse of :func:`waist`.

    >>> round(rayleigh_length(1064e-9, 712.8e-6), 2)
    1.5
    """
    w0 = positive("waist_radius", waist_radius, "m")
    return math.pi * w0 * w0 / (_quality(m_squared) * positive("wavelength", wavelength, "m"))


def peak_field(power: float, wavelength: float, rayleigh_length: float, m_squared: float = 1.0) -> float:
    """Return the peak electric field in the waist of a linearly polarised beam [V/m].

    ``E0 = sqrt(4 P Z0 / (pi w0^2))``: M^2 > 1 at a given Rayleigh length means a larger waist and less field.

    Examples
    --------
    >>> round(peak_field(5e6, 1064e-9, 1.5) / 1e6, 2)
    68.71
    """
    w0 = waist(wavelength, rayleigh_length, m_squared)
    return math.sqrt(4.0 * not_negative("power", power, "W") * VACUUM_IMPEDANCE / math.pi) / w0


def field_overlap(rayleigh_ratio: float, detuning: float = 0.0) -> complex:
    """Return the mean over the undulator of ``exp(i q u)/(1 + i u/r)``, u = s/L_u from -1/2 to 1/2 [1].

    Parameters
    ----------
    rayleigh_ratio : r = Z_R/L_u [1].
    detuning : q, phase by which electron and plane wave slip over the whole undulator beyond resonance [rad];
        q > 0 offsets the Gouy phase.

    Returns
    -------
    complex
        Real for a waist in the middle; ``2 r atan(1/(2 r))`` at q = 0.

    Examples
    --------
    >>> round(field_overlap(0.375).real, 4)
    0.6955
    """
    r, q = positive("rayleigh_ratio", rayleigh_ratio), finite("detuning", detuning, "rad")
    if q == 0.0:
        return complex(2.0 * r * math.atan(0.5 / r))

    def even_part(u: float) -> float:
        v = u / r
        return (math.cos(q * u) + v * math.sin(q * u)) / (1.0 + v * v)

    from scipy import integrate  # a quarter of a second of import, for one closed form

    value, _ = integrate.quad(even_part, 0.0, 0.5, limit=200 + int(abs(q)), epsabs=1e-14, epsrel=1e-12)
    return complex(2.0 * value)


def energy_modulation(
    power: float,
    wavelength: float,
    rayleigh_length: float,
    k: float,
    length: float,
    gamma: float,
    *,
    helical: bool = False,
    m_squared: float = 1.0,
    detuning: float = 0.0,
) -> float:
    """Return the peak energy modulation of an electron on axis [eV].

    Planar: ``dE = (e K [JJ]/gamma) sqrt(4 P Z0 Z_R/(M^2 lambda)) atan(L_u/(2 Z_R))``; helical undulator and
    circular light: 8 in place of 4 and no [JJ]. With a detuning the arctangent is replaced by the integral of
    :func:`field_overlap`.

    Parameters
    ----------
    power : laser power that travels with the electrons [W].
    wavelength : laser wavelength [m], resonant with the first harmonic (or detuned by `detuning`).
    rayleigh_length : Rayleigh length [m]; the waist is in the middle of the undulator.
    k : deflection parameter K [1].
    length : undulator length [m].
    gamma : Lorentz factor [1].
    helical : True for a helical undulator with circularly polarised light.
    m_squared : beam quality M^2 >= 1 of the embedded Gaussian [1]; the amplitude falls as 1/M.
    detuning : phase mismatch over the whole undulator [rad], > 0 offsets the Gouy phase.

    Raises
    ------
    ConfigError
        If an argument is outside its range.

    Examples
    --------
    The strong laser of the MLS proof of principle, 5 MW:

    >>> round(energy_modulation(5e6, 1064e-9, 1.5, 2.47982, 4.0, 489.238) / 1e3, 1)
    377.6
    """
    coupling = not_negative("k", k) if helical else 0.5 * not_negative("k", k) * bessel_factor(k)
    # circular light of the same power has peak field E0/sqrt(2) in every direction of the transverse plane
    field = peak_field(power, wavelength, rayleigh_length, m_squared) * (math.sqrt(0.5) if helical else 1.0)
    length = positive("length", length, "m")
    return coupling / positive("gamma", gamma) * field * length * abs(field_overlap(rayleigh_length / length, detuning))


def power_for_modulation(
    modulation: float,
    wavelength: float,
    rayleigh_length: float,
    k: float,
    length: float,
    gamma: float,
    *,
    helical: bool = False,
    m_squared: float = 1.0,
    detuning: float = 0.0,
) -> float:
    """Return the laser power [W] that gives the peak energy modulation `modulation` [eV].

    The other arguments are those of :func:`energy_modulation`.

    Examples
    --------
    >>> round(power_for_modulation(377.567e3, 1064e-9, 1.5, 2.47982, 4.0, 489.238) / 1e6, 3)
    5.0
    """
    of_one_watt = energy_modulation(
        1.0, wavelength, rayleigh_length, k, length, gamma, helical=helical, m_squared=m_squared, detuning=detuning
    )
    if of_one_watt < SMALLEST:
        raise ConfigError(
            f"an undulator with K = {k:g} modulates nothing here ({of_one_watt:.3g} eV of a watt): no power gives the "
            f"wanted "
            "modulation"
        )
    return (not_negative("modulation", modulation, "eV") / of_one_watt) ** 2


def energy_chirp(modulation: float, energy: float, wavelength: float) -> float:
    """Return h = k_L dE/E0, the slope of the energy modulation at its zero crossing [1/m].

    Parameters
    ----------
    modulation : peak energy modulation [eV].
    energy : beam energy [eV].
    wavelength : laser wavelength [m].

    Examples
    --------
    >>> round(energy_chirp(168.07e3, 400e6, 1064e-9))
    2481
    """
    slope = 2.0 * math.pi / positive("wavelength", wavelength, "m")
    return slope * not_negative("modulation", modulation, "eV") / positive("energy", energy, "eV")


def modulation_for_chirp(chirp: float, energy: float, wavelength: float) -> float:
    """Return the peak energy modulation [eV] with the slope `chirp` [1/m]; the inverse of :func:`energy_chirp`.

    >>> round(modulation_for_chirp(2481.26, 400e6, 1064e-9) / 1e3, 1)
    168.1
    """
    length = positive("wavelength", wavelength, "m") / (2.0 * math.pi)
    return not_negative("chirp", chirp, "1/m") * length * positive("energy", energy, "eV")


@cache
def best_focusing(detuned: bool = False) -> FocusingOptimum:
    """Return the focusing with the largest modulation at given laser power and undulator.

    Parameters
    ----------
    detuned : False for exact resonance (Z_R/L = 0.3593); True if the resonance may be detuned to offset the Gouy
        phase (0.1762 and 3.255 rad, 1.286 times the amplitude: the problem of Boyd and Kleinman).

    Examples
    --------
    >>> round(best_focusing().rayleigh_ratio, 4), round(best_focusing(True).rayleigh_ratio, 4)
    (0.3593, 0.1762)
    """
    if not detuned:
        # d/dr of sqrt(r) atan(1/(2r)) = 0
        from scipy import optimize

        found = optimize.root_scalar(lambda r: math.atan(0.5 / r) - r / (r * r + 0.25), bracket=(0.1, 1.0), xtol=1e-14)
        ratio = float(found.root)
        return FocusingOptimum(ratio, 0.0, math.sqrt(ratio) * math.atan(0.5 / ratio))

    def strength_at(log_ratio: float, q: float) -> float:
        ratio = math.exp(log_ratio)
        return field_overlap(ratio, q).real / (2.0 * math.sqrt(ratio))

    from scipy import optimize

    found = optimize.minimize(
        lambda v: -strength_at(v[0], v[1]),
        (math.log(0.2), 3.0),
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-15},
    )
    return FocusingOptimum(math.exp(found.x[0]), float(found.x[1]), float(-found.fun))


def transverse_amplitude(amplitude: float, x: float, y: float, waist_radius: float) -> float:
    """Return the modulation amplitude off axis, ``A0 exp(-(x^2 + y^2)/w0^2)``, in the unit of `amplitude`.

    Thin model: the profile in the waist stands for the whole undulator.

    Parameters
    ----------
    amplitude : amplitude on axis, relative [1] or [eV].
    x, y : offset from the laser axis [m].
    waist_radius : w0 [m].

    Examples
    --------
    >>> round(transverse_amplitude(1.0, 1e-3, 0.0, 1e-3), 4)
    0.3679
    """
    w0 = positive("waist_radius", waist_radius, "m")
    far = (finite("x", x, "m") / w0) ** 2 + (finite("y", y, "m") / w0) ** 2
    return finite("amplitude", amplitude) * math.exp(-far)


def panofsky_wenzel_kick(
    amplitude: float, x: float, y: float, waist_radius: float, wavelength: float, phase: float = 0.0
) -> tuple[float, float]:
    """Return the transverse kicks that belong to ``delta += A(x, y) sin(2 pi phase)`` [rad].

    From the potential ``V = (A(x,y)/k) cos(k z + phi)``: ``dx' = -(1/k) dA/dx cos(2 pi phase)`` and the same for y,
    so that ``d(delta)/dx = d(x')/dz`` and the map is symplectic.

    Parameters
    ----------
    amplitude : relative modulation amplitude on axis [1].
    x, y : offset from the laser axis [m].
    waist_radius : w0 [m].
    wavelength : laser wavelength [m].
    phase : (k z + phi)/(2 pi) of the electron [2 pi]; 0 is the zero crossing of the energy kick, where the
        transverse kick is largest.

    Examples
    --------
    >>> kick = panofsky_wenzel_kick(4.2e-4, 50e-6, 0.0, 427.2e-6, 1064e-9)
    >>> round(kick[0] * 1e9, 1), kick[1]
    (38.4, 0.0)
    """
    k = 2.0 * math.pi / positive("wavelength", wavelength, "m")
    here = transverse_amplitude(amplitude, x, y, waist_radius)
    lever = 2.0 * here / (k * waist_radius * waist_radius) * math.cos(2.0 * math.pi * finite("phase", phase, "2 pi"))
    return x * lever, y * lever


def _quality(m_squared: float) -> float:
    quality = finite("m_squared", m_squared)
    if quality < 1.0:
        raise ConfigError(f"m_squared must be at least 1 (a diffraction-limited beam), not {quality!r}")
    return quality
