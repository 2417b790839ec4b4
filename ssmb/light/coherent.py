"""Coherent undulator radiation of a bunched beam: power of a current, energy of a bunch.

The current ``I (1 + 2 |b_n| cos(n k_L z) + ...)`` radiates at harmonic n

* odd n:  ``P = pi Z0 N n chi [JJ]_n^2 FF |b_n|^2 I^2``, FF(S) = 1 for a point-like beam exactly on resonance;
* even n (planar): nothing on the axis, but a field proportional to the angle beside it. To first order in the angle
  the field components are ``theta_x a_x`` and ``theta_y a_y``, a_x = 4 n chi J'_{n/2}(n chi) + J_{n/2}(n chi),
  a_y = J_{n/2}(n chi), so that for a round beam exactly on resonance
  ``P = (Z0/(4 pi)) (a_x^2 + a_y^2) ln(1 + 1/(4 S^2)) |b_n|^2 I^2``: finite only through the beam size or an aperture,
  and without N. This is the 532 nm light of an undulator that is resonant at 1064 nm.

These closed forms end where :func:`ssmb.light.exact.closed_form_error`, about n/N and more at large angles, is above
2 %: there the exact field of one electron takes their place, inside the cone of the harmonic. A point-like beam without
aperture has no such integral (its light at large angles is that of the next harmonics): it keeps the closed form, with
a warning where this is off by more than 20 %.

I is the local current, not the spike current of a microbunch; b_n is the bunching in the middle of the radiator.

Validity: divergence of the beam small against that of the light; no further bunching or debunching inside
the undulator (R56 = 2 N lambda_1 times the momentum spread, and the path of betatron angles, small against lambda_n).

References
----------
X. Deng et al., J. Synchrotron Rad. 30, 35 (2023), doi:10.1107/S1600577522009973 (form factor, statistics).
K.-J. Kim, AIP Conf. Proc. 184, 565 (1989), doi:10.1063/1.38046.
The even-harmonic form is derived here and tested against the far field of an orbit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from ssmb.arguments import checked
from ssmb.constants import SPEED_OF_LIGHT, VACUUM_IMPEDANCE
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning, nearest, warn
from ssmb.light.angular import azimuth_sizes, composite_nodes, lobe_integral
from ssmb.light.exact import SPECTRUM, HarmonicCone, closed_form_error, field_instead
from ssmb.maps.undulator import Undulator
from ssmb.maps.undulator_relations import modulation_index
from ssmb.ranges import count, finite, modulus, not_negative, positive, positive_or_infinite, share

#: one rms size of a round beam, or (sigma_x, sigma_y) [m]
BeamSize = float | Sequence[float]
#: "exact" (on-axis resonance at the bunching wavelength), "best", or the detuning phase over the undulator [rad]
Detuning = str | float
#: largest detuning phase of a form factor [rad]
LARGEST_DETUNING = 1e5


def size_parameter(undulator: Undulator, sigma: float, harmonic: int = 1) -> float:
    """Return S = k_n sigma^2/L_u of an rms beam size [m] at harmonic n [1].

    Examples
    --------
    >>> from ssmb.beam.reference import Reference
    >>> euv = Undulator.resonant(Reference(energy=400e6), 13.5e-9, period=0.01, n_periods=300)
    >>> round(size_parameter(euv, 20e-6), 4)
    0.0621
    """
    k = 2.0 * math.pi / undulator.wavelength(harmonic)
    return k * not_negative("sigma", sigma, "m") ** 2 / undulator.length


def form_factor(
    s_x: float, s_y: float | None = None, *, detuning: Detuning = "exact", reach: float = math.inf
) -> float:
    """Return the transverse form factor FF of an odd harmonic [1].

    ``FF(S) = (2/pi) [atan(1/(2S)) + S ln(4S^2/(4S^2 + 1))]`` for a round beam on the exact resonance.

    Parameters
    ----------
    s_x, s_y : size parameters S = k sigma^2/L of the two planes [1]; s_y = None stands for a round beam.
    detuning : "exact", "best", or the phase over the undulator by which the light lags behind the on-axis resonance
        [rad], > 0: lower frequency. "best" is the true maximum: 2 for a point-like beam, falling to FF itself for a
        wide beam, whose light stays on the axis.
    reach : k L theta_max^2/4 of a round aperture [1].

    Examples
    --------
    >>> round(form_factor(0.1), 4), form_factor(0.0), round(form_factor(0.0, detuning="best"), 6)
    (0.6669, 1.0, 2.0)
    """
    s_x = not_negative("s_x", s_x)
    s_y = s_x if s_y is None else not_negative("s_y", s_y)
    reach = positive_or_infinite("reach", reach)
    _known(detuning)
    if isinstance(detuning, str):
        if detuning == "exact" and s_x == s_y and math.isinf(reach):
            return _round_form_factor(s_x)
        if detuning == "best":
            return _best_form_factor(s_x, s_y, reach)
        detuning = 0.0
    if abs(finite("detuning", detuning, "rad")) > LARGEST_DETUNING:
        raise ConfigError(f"detuning = {detuning:g} rad is beyond {LARGEST_DETUNING:g} rad: no harmonic is as wide")
    return _odd_mean(s_x, s_y, 0.5 * detuning, reach)


def even_form_factors(s_x: float, s_y: float | None = None, *, reach: float = math.inf) -> tuple[float, float]:
    """Return the weights (g_x, g_y) of a_x^2 and a_y^2 in the power of an even harmonic on exact resonance [1].

    Both are ``ln(1 + 1/(4 S^2))`` for a round beam without aperture.

    Parameters
    ----------
    s_x, s_y : size parameters of the two planes [1]; s_y = None stands for a round beam.
    reach : k L theta_max^2/4 of a round aperture [1].

    Raises
    ------
    PhysicsError
        For a point-like beam without aperture: the closed form diverges with the logarithm of the largest angle.

    Examples
    --------
    >>> [round(g, 4) for g in even_form_factors(0.5)]
    [0.6931, 0.6931]
    """
    s_x = not_negative("s_x", s_x)
    s_y = s_x if s_y is None else not_negative("s_y", s_y)
    return _even_means(s_x, s_y, 0.0, positive_or_infinite("reach", reach), 0.0)


def even_amplitudes(k: float, harmonic: int) -> tuple[float, float]:
    """Return (a_x, a_y): field per angle of an even harmonic of a planar undulator with deflection `k` [1].

    Examples
    --------
    >>> [round(a, 4) for a in even_amplitudes(2.4798209785, 2)]
    [1.5505, 0.3511]
    """
    n = count("harmonic", harmonic)
    if n % 2:
        raise ConfigError(f"even_amplitudes is for even harmonics, not {n}")
    chi = modulation_index(k)
    bessel = float(scipy.special.jv(n // 2, n * chi))
    return 4.0 * n * chi * float(scipy.special.jvp(n // 2, n * chi)) + bessel, bessel


@checked
def coherent_power(
    undulator: Undulator,
    *,
    current: float,
    bunching: complex,
    harmonic: int = 1,
    sigma_perp: BeamSize = 0.0,
    detuning: Detuning = "exact",
    acceptance: float = math.inf,
) -> float:
    """Return the coherent power of a long bunched beam, all polarisations [W].

    Parameters
    ----------
    undulator : the radiator.
    current : local current I [A], constant over a slippage length.
    bunching : b_n at the harmonic; the modulus counts [1].
    harmonic : n of the undulator, odd or (planar) even [1].
    sigma_perp : rms size of a round Gaussian beam, or (sigma_x, sigma_y) with x the plane of the wiggling [m].
    detuning : see :func:`form_factor`; the closed form of even harmonics is that on the exact resonance.
    acceptance : half angle of a round aperture around the axis [rad].

    Raises
    ------
    ConfigError
        If an argument is outside its range.
    PhysicsError
        For an even harmonic of a point-like beam without aperture.

    Examples
    --------
    >>> from ssmb.beam.reference import Reference
    >>> euv = Undulator.resonant(Reference(energy=400e6), 13.5e-9, period=0.01, n_periods=300)
    >>> round(coherent_power(euv, current=1.0, bunching=0.1, sigma_perp=20e-6), 1)
    422.2
    """
    amplitude = modulus("bunching", bunching) * finite("current", current, "A")
    return power_per_square_ampere(undulator, harmonic, sigma_perp, detuning, acceptance) * amplitude * amplitude


def power_per_square_ampere(
    undulator: Undulator,
    harmonic: int = 1,
    sigma_perp: BeamSize = 0.0,
    detuning: Detuning = "exact",
    acceptance: float = math.inf,
) -> float:
    """Return coherent power over (|b_n| I)^2 [ohm]; arguments as in :func:`coherent_power`."""
    g = _geometry(undulator, harmonic, sigma_perp, acceptance)
    _known(detuning)
    turn = 2.0 * math.pi * g.n * undulator.n_periods
    offset = 0.0 if isinstance(detuning, str) else -finite("detuning", detuning, "rad") / turn
    undulator.near_harmonic(g.n, offset)
    if g.field and detuning == "best":
        return g.field.best_ohms(-(4.0 / math.sqrt(max(g.s_x, g.s_y, 1e-2)) + 8.0) / turn)
    if g.field:
        return float(g.field.ohms(np.array([offset]))[0])
    if g.n % 2:
        strength = math.pi * VACUUM_IMPEDANCE * undulator.n_periods * undulator.coupling(g.n)
        return strength * form_factor(g.s_x, g.s_y, detuning=detuning, reach=g.reach)
    if detuning != "exact":
        raise ConfigError("the closed form of even harmonics is that on the exact resonance: detuning='exact'")
    a_x, a_y = even_amplitudes(undulator.k, g.n)
    g_x, g_y = even_form_factors(g.s_x, g.s_y, reach=g.reach)
    return VACUUM_IMPEDANCE / (4.0 * math.pi) * (a_x * a_x * g_x + a_y * a_y * g_y)


def average_power(peak_power_of_average_current: float, filling: float) -> float:
    """Return the average power [W] if the current fills only the share `filling` of the circumference.

    ``<P> = f P(I_A/f) = P(I_A)/f``.

    Parameters
    ----------
    peak_power_of_average_current : P of a coasting beam with the average current [W].
    filling : f in (0, 1] [1].

    Examples
    --------
    >>> average_power(422.0, 0.5)
    844.0
    """
    return not_negative("peak_power_of_average_current", peak_power_of_average_current, "W") / share("filling", filling)


@checked
def bunching_for_power(
    undulator: Undulator,
    power: float,
    *,
    current: float,
    harmonic: int = 1,
    sigma_perp: BeamSize = 0.0,
    detuning: Detuning = "exact",
    acceptance: float = math.inf,
) -> float:
    """Return the |b_n| that radiates `power` [W]; other arguments as in :func:`coherent_power` [1].

    Raises
    ------
    PhysicsError
        If the harmonic radiates nothing.

    Warns
    -----
    ValidityWarning
        If the result exceeds 1: the wanted power is out of reach.
    """
    full = power_per_square_ampere(undulator, harmonic, sigma_perp, detuning, acceptance)
    if not full > 0.0:
        raise PhysicsError(
            f"harmonic {harmonic} of an undulator with K = {undulator.k:g} radiates nothing: take another"
        )
    needed = math.sqrt(not_negative("power", power, "W") / full) / positive("current", current, "A")
    if needed > 1.0:
        warn(
            f"{power:g} W need a bunching factor of {needed:.3g}, above 1: out of reach of {current:g} A in this "
            f"undulator",
            ValidityWarning,
        )
    return needed


@checked
def coherent_energy(
    undulator: Undulator,
    *,
    charge: float,
    sigma_z: float,
    bunching: complex,
    harmonic: int = 1,
    sigma_perp: BeamSize = 0.0,
    acceptance: float = math.inf,
    bandwidth: float = math.inf,
) -> float:
    """Return the coherent energy of one pass of a Gaussian bunch, undulator resonant at the bunching wavelength [J].

    Long bunch: the power of the local current summed over the bunch, ``P(1 A) Q^2 c/(2 sqrt(pi) sigma_z)``. The
    slippage N lambda_1 is included for any bunch length: two points of emission a distance t L_u apart work together
    only as far as the bunch overlaps with itself shifted by t N lambda_1.

    Parameters
    ----------
    undulator : the radiator.
    charge : bunch charge Q [C].
    sigma_z : rms bunch length [m].
    bunching : b_n at the harmonic, the same all along the bunch [1].
    harmonic, sigma_perp, acceptance : as in :func:`coherent_power`.
    bandwidth : full relative width of a filter around the harmonic [1]; a short bunch has light outside of it.

    Warns
    -----
    ValidityWarning
        If the bunch is not long against the wavelength.

    Examples
    --------
    The MLS at 5 pC and |b_1| = 0.1, in nJ:

    >>> from ssmb.beam.reference import Reference
    >>> u125 = Undulator.resonant(Reference(energy=250e6), 1064e-9, period=0.125, n_periods=32)
    >>> energy = coherent_energy(u125, charge=5e-12, sigma_z=40e-6, bunching=0.1, sigma_perp=(560e-6, 50e-6))
    >>> round(energy * 1e9, 2)
    2.44
    """
    g = _geometry(undulator, harmonic, sigma_perp, acceptance)
    n, sigma_z = g.n, positive("sigma_z", sigma_z, "m")
    if sigma_z < 2.0 * undulator.wavelength(n):
        warn(
            f"bunch of {sigma_z:.3g} m rms is not long against the wavelength {undulator.wavelength(n):.3g} m: its "
            "envelope radiates too, which this form leaves out",
            ValidityWarning,
        )
    amplitude = modulus("bunching", bunching) * finite("charge", charge, "C")
    square_current = amplitude * amplitude * SPEED_OF_LIGHT / (2.0 * math.sqrt(math.pi) * sigma_z)
    if g.field:
        return square_current * g.field.ohms_of_bunch(sigma_z, positive_or_infinite("bandwidth", bandwidth))
    if n % 2:
        strength = math.pi * VACUUM_IMPEDANCE * undulator.n_periods * undulator.coupling(n)

        def weight(d: float, slip: float) -> float:
            return strength * _odd_mean(g.s_x, g.s_y, d, g.reach, slip)
    else:
        a_x, a_y = even_amplitudes(undulator.k, n)

        def weight(d: float, slip: float) -> float:
            g_x, g_y = _even_means(g.s_x, g.s_y, d, g.reach, slip)
            return VACUUM_IMPEDANCE / (4.0 * math.pi) * (a_x * a_x * g_x + a_y * a_y * g_y)

    return square_current * _bunch_mean(weight, undulator, n, sigma_z, bandwidth)


def _bunch_mean(
    weight: Callable[[float, float], float], undulator: Undulator, harmonic: int, sigma_z: float, bandwidth: float
) -> float:
    """Average of weight(d) over the spectrum of a Gaussian bunch, as far as it passes the filter."""
    if math.isinf(positive_or_infinite("bandwidth", bandwidth)):
        return weight(0.0, undulator.slippage / (2.0 * sigma_z))
    # |b(k)|^2 ~ exp(-(dk sigma_z)^2): u = dk sigma_z, and d = -N lambda_1 dk/2
    half = math.pi / undulator.wavelength(harmonic) * bandwidth * sigma_z
    edge = min(half, SPECTRUM)
    u, w = composite_nodes(np.linspace(-edge, edge, 4))
    scale = undulator.slippage / (2.0 * sigma_z)
    return sum(wi * math.exp(-ui * ui) * weight(-scale * ui, 0.0) for ui, wi in zip(u, w, strict=True)) / math.sqrt(
        math.pi
    )


@dataclass(frozen=True)
class _Geometry:
    """Light of a harmonic: size parameters and reach of its closed form, and the field, where that takes its place."""

    n: int
    s_x: float
    s_y: float
    reach: float
    field: HarmonicCone | None


def _geometry(undulator: Undulator, harmonic: int, sigma_perp: BeamSize, acceptance: float) -> _Geometry:
    """Return the geometry of the light; warn where the closed form ends and nothing takes its place."""
    n = count("harmonic", harmonic)
    if undulator.helical and n != 1:
        raise ConfigError(f"a helical undulator radiates only the first harmonic on axis, not {n}")
    sizes = tuple(sigma_perp) if isinstance(sigma_perp, (Sequence, np.ndarray)) else (sigma_perp, sigma_perp)
    if len(sizes) != 2:
        raise ConfigError(f"sigma_perp must be one rms size or the pair (sigma_x, sigma_y) in m, not {sigma_perp!r}")
    s_x, s_y = (size_parameter(undulator, sigma, n) for sigma in sizes)
    reach = math.inf
    angle = positive_or_infinite("acceptance", acceptance, "rad")
    if math.isfinite(angle):
        reach = 0.5 * math.pi * undulator.length / undulator.wavelength(n) * angle * angle
    least = min(s_x, s_y)
    error = closed_form_error(undulator, n, min(reach, 0.25 / least if least > 0.0 else math.inf), max(s_x, s_y))
    cone = HarmonicCone(undulator, n, (sizes[0], sizes[1]), angle)
    bounded = s_x + s_y > 0.0 or math.isfinite(reach)
    if n % 2 == 0 and not bounded:
        return _Geometry(n, s_x, s_y, reach, None)  # there is no such light
    return _Geometry(n, s_x, s_y, reach, cone if field_instead(cone, bounded, error) else None)


def _known(detuning: Detuning) -> None:
    if isinstance(detuning, str) and detuning not in ("exact", "best"):
        hint = nearest(detuning, ("exact", "best"))
        raise ConfigError(f"unknown detuning '{detuning}'; allowed: 'exact', 'best' or a phase in rad.{hint}")


def _round_form_factor(s: float) -> float:
    if s == 0.0:
        return 1.0
    # log1p keeps the digits where 4S^2/(4S^2+1) is close to one
    return 2.0 / math.pi * (math.atan(0.5 / s) - s * math.log1p(0.25 / (s * s)))


def _odd_mean(s_x: float, s_y: float, d: float, reach: float, slip: float = 0.0) -> float:
    sizes, _, weight = azimuth_sizes(s_x, s_y)
    return 2.0 / math.pi * float(weight @ lobe_integral(sizes, d, reach, slip))


def _even_means(s_x: float, s_y: float, d: float, reach: float, slip: float) -> tuple[float, float]:
    if s_x == 0.0 and s_y == 0.0 and math.isinf(reach):
        raise PhysicsError(
            "an even harmonic of a point-like beam has no angle-integrated power in this form (it grows with the "
            "logarithm of the largest angle): give sigma_perp or acceptance"
        )
    sizes, cos2, weight = azimuth_sizes(s_x, s_y)
    if d == 0.0 and slip == 0.0 and math.isinf(reach):
        lobe = np.log1p(0.25 / sizes**2)
    else:
        lobe = 4.0 * lobe_integral(sizes, d, reach, slip, even=True)
    return float((2.0 * cos2 * weight) @ lobe), float((2.0 * (1.0 - cos2) * weight) @ lobe)


def _best_form_factor(s_x: float, s_y: float, reach: float) -> float:
    if s_x == 0.0 and s_y == 0.0 and math.isinf(reach):
        return 2.0
    widest = min(4.0 / math.sqrt(max(s_x, s_y, 1e-6)) + 4.0, reach + 4.0)
    grid = np.concatenate(([0.0], np.geomspace(0.05, widest, 48)))
    values = [_odd_mean(s_x, s_y, float(d), reach) for d in grid]
    at = int(np.argmax(values))
    low, high = float(grid[max(at - 1, 0)]), float(grid[min(at + 1, grid.size - 1)])
    found: Any = scipy.optimize.minimize_scalar(
        lambda d: -_odd_mean(s_x, s_y, d, reach), bounds=(low, high), method="bounded", options={"xatol": 1e-6}
    )
    return max(values[at], -float(found.fun))
