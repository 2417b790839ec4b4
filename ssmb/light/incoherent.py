"""Incoherent undulator radiation: proportional to the number of electrons, the background of every SSMB signal.

References
----------
K.-J. Kim, AIP Conf. Proc. 184, 565 (1989), doi:10.1063/1.38046 (central cone).
The integrals over band and aperture are derived here and tested against the far field of the exact orbit.
"""

from __future__ import annotations

import math

import numpy as np
import scipy

from ssmb.arguments import checked
from ssmb.constants import ELEMENTARY_CHARGE, FINE_STRUCTURE, HBAR, SPEED_OF_LIGHT
from ssmb.errors import ConfigError, PhysicsError
from ssmb.light.angular import composite_nodes
from ssmb.light.coherent import even_amplitudes
from ssmb.light.exact import HarmonicCone, closed_form_error, field_instead
from ssmb.light.statistics import photon_energy
from ssmb.maps.undulator import Undulator
from ssmb.ranges import count, finite, not_negative, positive, positive_or_infinite


@checked
def central_cone_power(undulator: Undulator, current: float, harmonic: int = 1) -> float:
    """Return the incoherent power in the central cone, pi alpha Q_n E_photon I/e [W].

    Relative bandwidth 1/N around the harmonic at the best detuning; half of it at the exact resonance.

    Parameters
    ----------
    undulator : the radiator.
    current : average current [A].
    harmonic : odd harmonic n [1].

    Examples
    --------
    >>> from ssmb.beam.reference import Reference
    >>> euv = Undulator.resonant(Reference(energy=400e6), 13.5e-9, period=0.01, n_periods=300)
    >>> round(central_cone_power(euv, 1.0), 3)
    1.325
    """
    photons = undulator.central_cone_photons(harmonic)
    return photons * photon_energy(undulator.wavelength(harmonic)) * not_negative("current", current, "A")


@checked
def total_power(undulator: Undulator, current: float) -> float:
    """Return the incoherent power over all harmonics and angles [W], of an average current [A].

    >>> from ssmb.beam.reference import Reference
    >>> euv = Undulator.resonant(Reference(energy=400e6), 13.5e-9, period=0.01, n_periods=300)
    >>> round(total_power(euv, 1.0), 1)
    455.9
    """
    return undulator.energy_per_electron() * not_negative("current", current, "A")


@checked
def axis_power_density(undulator: Undulator, current: float) -> float:
    """Return the incoherent power per solid angle on the axis, all harmonics: the heat of a first mirror [W/sr].

    Planar: ``P_total (21 gamma^2/16 pi) (K^6 + 24/7 K^4 + 4 K^2 + 16/7)/(1 + K^2)^(7/2)``; helical: its one harmonic.

    Parameters
    ----------
    undulator : the radiator.
    current : average current [A].

    References
    ----------
    K.-J. Kim, Nucl. Instrum. Methods A 246, 67 (1986) (angular distribution).

    Examples
    --------
    In W/mrad^2 of one ampere:

    >>> from ssmb.beam.reference import Reference
    >>> euv = Undulator.resonant(Reference(energy=400e6), 13.5e-9, period=0.01, n_periods=300)
    >>> round(axis_power_density(euv, 1.0) * 1e-6, 1)
    97.6
    """
    gamma, square = undulator.reference.gamma, undulator.k**2
    power = total_power(undulator, current)
    if undulator.helical:
        return power * 3.0 * gamma**2 / math.pi / (1.0 + square) ** 3
    shape = square**3 + 24.0 / 7.0 * square**2 + 4.0 * square + 16.0 / 7.0
    return power * 21.0 * gamma**2 / (16.0 * math.pi) * shape / (1.0 + square) ** 3.5


def spectral_energy(
    undulator: Undulator, harmonic: int = 1, offset: float = 0.0, acceptance: float = math.inf
) -> float:
    """Return dW/domega of one electron near a harmonic, within a round aperture [J s].

    Odd n: ``alpha hbar N Q_n int sinc^2(x - d) dx``; even n (planar):
    ``(2 alpha hbar/pi) (a_x^2 + a_y^2) int x sinc^2(x - d) dx``; x from 0 to k L theta_max^2/4, d = -pi n N offset.

    Parameters
    ----------
    undulator : the radiator.
    harmonic : n [1].
    offset : relative frequency offset (omega - omega_n)/omega_n from the on-axis resonance [1].
    acceptance : half angle of a round aperture around the axis [rad]; even harmonics need one.

    Notes
    -----
    The closed forms end where :func:`ssmb.light.exact.closed_form_error` is above 2 %: there the exact field of one
    electron takes their place, inside the aperture and the cone of the harmonic. Without an aperture odd harmonics keep
    the closed form, with a warning where it is off by more than 20 %. Other harmonics, which reach the same frequency
    at larger angles, are not included.

    Examples
    --------
    Exact resonance, all angles, against (pi/2) alpha hbar N Q_1:

    >>> from ssmb.beam.reference import Reference
    >>> u125 = Undulator.resonant(Reference(energy=250e6), 1064e-9, period=0.125, n_periods=32)
    >>> unit = 0.5 * math.pi * FINE_STRUCTURE * HBAR * 32 * u125.kim_q(1)
    >>> round(spectral_energy(u125) / unit, 6)
    1.0
    """
    n = count("harmonic", harmonic)
    d = -math.pi * n * undulator.n_periods * undulator.near_harmonic(n, finite("offset", offset))
    if _exact(undulator, n, acceptance):
        return float(HarmonicCone(undulator, n, acceptance=acceptance).spectrum(np.array([offset]))[0])
    reach = _reach(undulator, n, acceptance) * (1.0 + offset)
    if n % 2:
        lobe = _sinc2_integral(reach - d) + _sinc2_integral(d)
        return FINE_STRUCTURE * HBAR * undulator.n_periods * undulator.kim_q(n) * lobe
    if undulator.helical:
        raise ConfigError(f"a helical undulator radiates only the first harmonic on axis, not {n}")
    if math.isinf(reach):
        raise PhysicsError(
            "an even harmonic needs an aperture: its spectrum over all angles grows with the logarithm of the largest"
        )
    a_x, a_y = even_amplitudes(undulator.k, n)
    lobe = d * (_sinc2_integral(reach - d) + _sinc2_integral(d)) + _sinc2_moment(reach - d) - _sinc2_moment(d)
    return 2.0 * FINE_STRUCTURE * HBAR / math.pi * (a_x * a_x + a_y * a_y) * lobe


def energy_in_band(undulator: Undulator, bandwidth: float, harmonic: int = 1, acceptance: float = math.inf) -> float:
    """Return the energy of one electron and pass inside a band around a harmonic and a round aperture [J].

    Parameters
    ----------
    undulator : the radiator.
    bandwidth : full relative width of the band, centred on the on-axis resonance [1].
    harmonic : n [1].
    acceptance : half angle of the aperture [rad]; even harmonics need one.

    Examples
    --------
    A 3 nm filter at the MLS, in photons per electron:

    >>> from ssmb.beam.reference import Reference
    >>> u125 = Undulator.resonant(Reference(energy=250e6), 1064e-9, period=0.125, n_periods=32)
    >>> photons = energy_in_band(u125, 3.0 / 1064.0) / (photon_energy(1064e-9) * ELEMENTARY_CHARGE)
    >>> round(photons, 6)
    0.000948
    """
    half, harmonic = 0.5 * positive("bandwidth", bandwidth), count("harmonic", harmonic)
    undulator.near_harmonic(harmonic, half)
    panels = math.ceil(2.0 * harmonic * undulator.n_periods * half) + 2
    offset, weight = composite_nodes(np.linspace(-half, half, panels))
    omega = 2.0 * math.pi * SPEED_OF_LIGHT / undulator.wavelength(harmonic)
    if _exact(undulator, harmonic, acceptance):
        density = HarmonicCone(undulator, harmonic, acceptance=acceptance).spectrum(offset)
    else:
        density = np.array([spectral_energy(undulator, harmonic, float(o), acceptance) for o in offset])
    return omega * float(np.dot(weight, density))


def _reach(undulator: Undulator, harmonic: int, acceptance: float) -> float:
    """k L theta^2/4 of an aperture on resonance [1]."""
    angle = positive_or_infinite("acceptance", acceptance, "rad")
    return 0.5 * math.pi * undulator.length / undulator.wavelength(harmonic) * angle * angle


def _exact(undulator: Undulator, harmonic: int, acceptance: float) -> bool:
    """Whether the exact field takes the place of the closed form."""
    if undulator.helical and harmonic != 1:
        return False
    reach = _reach(undulator, harmonic, acceptance)
    if math.isinf(reach) and harmonic % 2 == 0:
        return False
    cone = HarmonicCone(undulator, harmonic, acceptance=acceptance)
    return field_instead(cone, math.isfinite(reach), closed_form_error(undulator, harmonic, reach))


@checked
def incoherent_energy(
    undulator: Undulator, charge: float, bandwidth: float, harmonic: int = 1, acceptance: float = math.inf
) -> float:
    """Return the incoherent energy of one pass of a bunch of `charge` [C] inside a band and an aperture [J]."""
    electrons = not_negative("charge", charge, "C") / ELEMENTARY_CHARGE
    return electrons * energy_in_band(undulator, bandwidth, harmonic, acceptance)


def _sinc2_integral(y: float) -> float:
    """Integral of sinc^2 from 0 to y: Si(2y) - sin^2(y)/y."""
    if math.isinf(y):
        return math.copysign(0.5 * math.pi, y)
    if y == 0.0:
        return 0.0
    return float(scipy.special.sici(2.0 * y)[0]) - math.sin(y) ** 2 / y


def _sinc2_moment(y: float) -> float:
    """Integral of u sinc^2(u) from 0 to y, even in y: Cin(2|y|)/2, Cin(x) = gamma_E + ln x - Ci(x)."""
    x = 2.0 * abs(y)
    if x < 1e-2:
        # series of Cin: the logarithms cancel
        return 0.5 * (x * x / 4.0 - x**4 / 96.0 + x**6 / 4320.0)
    return 0.5 * (float(np.euler_gamma) + math.log(x) - float(scipy.special.sici(x)[1]))
