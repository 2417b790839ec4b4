"""Intrabeam scattering: growth of the momentum spreads of a Gaussian beam by many small Coulomb collisions.

Local form of Bjorken and Mtingwa for any coupling: at each place the spread of momenta among electrons *at one point*
is the conditional covariance C of (x', y', delta/gamma) given (x, y, z). Collisions move its principal axes towards
each other:

``d<u_i u_i>/dt = 16 pi A log [sum_j I_j - 3 I_i],  I_i = (2/3) c_i sqrt(c_1 c_2 c_3) R_D(c_j, c_k, c_i)``

with the principal values c of C, Carlson's integral R_D, and A = r^2 c N/(64 pi^2 beta^3 gamma^4 sqrt(det Sigma)) with
the classical radius r of the species. The 6x6 rate matrix can be added to the diffusion of any envelope; emittances
grow by half of it, times the beta functions.

A coasting beam has the line density I/(q c beta) in place of N/(2 sqrt(pi) sigma_z), the average density of a Gaussian
bunch, and its momentum spread grows twice as fast as that of a bunch, whose potential energy takes half.

Validity: Gaussian beam, non-relativistic collisions in the rest frame (gamma sigma_x' << 1), a large Coulomb logarithm,
of which :mod:`ssmb.collective.collisions` tells the impact parameters.

References
----------
J. D. Bjorken, S. K. Mtingwa, Part. Accel. 13, 115 (1983).
K. Kubo, K. Oide, Phys. Rev. ST Accel. Beams 4, 124401 (2001), doi:10.1103/PhysRevSTAB.4.124401 (coupled beams).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam import Reference
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.errors import ConfigError, PhysicsError
from ssmb.kernels.collisions import kick_moments, momenta, principal
from ssmb.lattice.tree import Lattice
from ssmb.ranges import positive

Array = NDArray[np.float64]

MOMENTA, _PLACES = [1, 3, 5], [0, 2, 4]
#: Ratio of the transverse emittances below which a beam is flat but for rounding.
FLAT = 1e-9
_NAMES = ("x", "px", "y", "py", "z", "delta")


@dataclass(frozen=True)
class IntrabeamRates:
    """Growth rates of the amplitude (sqrt of the emittance, or momentum spread) [1/s]; emittances grow twice as fast.

    Attributes
    ----------
    delta, x, y : 1/T_p, 1/T_x, 1/T_y of Bjorken and Mtingwa, of a bunched beam.
    """

    delta: float
    x: float
    y: float


@checked
def intrabeam_diffusion(
    reference: Reference,
    sigma: ArrayLike,
    *,
    electrons: float | None = None,
    current: float | None = None,
    coulomb_log: float = 11.0,
) -> Array:
    """Return the rate at which collisions change the covariance of the coordinates, d Sigma/dt (6, 6) [units of
    Sigma/s].

    Parameters
    ----------
    reference : reference particle.
    sigma : local covariance (6, 6) of (x, px, y, py, z, delta).
    electrons : electrons (particles of the species) of a Gaussian bunch; or
    current : local current of a coasting beam [A], for which the z row and column of `sigma` are not used.
    coulomb_log : logarithm of the impact parameters, see :func:`ssmb.collective.impact_parameters`.

    Returns
    -------
    (6, 6), only its momentum block is not zero. Per turn: times the time that the beam spends at such a place.

    Raises
    ------
    ConfigError, PhysicsError
        Not exactly one of `electrons` and `current`; a beam that is flat in a coordinate.

    Examples
    --------
    >>> ref = Reference(400e6)
    >>> sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, 2.5e-15, 1.156e-7])
    >>> rate = intrabeam_diffusion(ref, sigma, electrons=22000, coulomb_log=10)
    >>> round(float(rate[5, 5] / (4 * sigma[5, 5])), 1)  # 1/T_p of a bunch
    275.8
    """
    s, coasting = checked_beam(sigma, electrons, current)
    return diffusion_of(reference, s[None], electrons, current, coulomb_log)[0]


def momenta_at_a_point(reference: Reference, s: Array, coasting: bool) -> tuple[Array, Array, Array]:
    """Covariances (n, 3, 3) of (x', y', delta/gamma) at one place (x, y, z), their means per coordinate of that place
    (n, 3, places), and determinants (n,) of the covariance of place.

    Raises
    ------
    PhysicsError
        The beam is flat in a coordinate of place.
    """
    n, places = len(s), places_of(coasting)
    inner, means, room = np.empty((n, 3, 3)), np.empty((n, 3, len(places))), np.empty(n)
    flat = momenta(np.ascontiguousarray(s), len(places), 1.0 / reference.gamma, FLAT**2, inner, means, room)
    if flat >= 0:
        raise PhysicsError(_flat(s[flat], places))
    return inner, means, room


def motion_at_a_point(reference: Reference, s: Array, coasting: bool) -> tuple[Array, Array, Array, Array, Array]:
    """Eigenvalues c (n, 3) and axes (n, 3, 3) of the covariances of :func:`momenta_at_a_point`, its means and
    determinants, and the integrals ``(2/3) c_i R_D(c_j, c_k, c_i)`` (n, 3).

    Raises
    ------
    PhysicsError
        The beam is flat in a coordinate.
    """
    inner, means, room = momenta_at_a_point(reference, s, coasting)
    values, axes, integral = np.empty((len(s), 3)), np.empty((len(s), 3, 3)), np.empty((len(s), 3))
    flat = principal(inner, values, axes, integral)
    if flat >= 0:
        raise PhysicsError(_flat(s[flat], places_of(coasting)))
    return values, axes, means, room, integral


def places_of(coasting: bool) -> list[int]:
    """Which coordinates tell a place in the beam: z is none of a coasting beam."""
    return _PLACES[:2] if coasting else _PLACES


def rest_frame(reference: Reference) -> Array:
    """Factors of (px, py, delta) in the rest frame, where delta counts as delta/gamma."""
    return np.array([1.0, 1.0, 1.0 / reference.gamma])


def _flat(s: Array, places: list[int]) -> str:
    """Say in which coordinates a covariance (6, 6) has no extent, and how a beam gets one."""
    used = sorted((*places, *MOMENTA))
    none = [i for i in used if not s[i, i] > 0.0 or (i < 4 and s[i, i] <= FLAT**2 * s[(i + 2) % 4, (i + 2) % 4])]
    where = f"none in {', '.join(_NAMES[i] for i in none)}" if none else "one coordinate follows from the others"
    remedy = (
        "give it the vertical emittance of a coupling that the lattice has not, by coupling (emit_y over emit_x) or "
        "emit_y; or count the angles of the photons (opening_angle of a run file, Radiation(angles=True))"
        if set(none) <= {2, 3}
        else "give it an extent there"
    )
    return f"a flat beam scatters without limit: it needs an extent in all its coordinates and has {where}; {remedy}"


def diffusion_of(
    reference: Reference, s: Array, electrons: float | None, current: float | None, coulomb_log: float
) -> Array:
    """The rates (n, 6, 6) of covariances (n, 6, 6), all places at once; see :func:`intrabeam_diffusion`."""
    _, axes, _, integral = _collisions(reference, s, electrons, current, coulomb_log)
    growth = integral.sum(axis=1, keepdims=True) - 3.0 * integral
    return _of_momenta(reference, (axes * growth[:, None, :]) @ np.swapaxes(axes, 1, 2))


def moments_of(
    reference: Reference, s: Array, electrons: float | None, current: float | None, coulomb_log: float
) -> Array:
    """Covariance of the random kicks and matrix of the mean kicks, each per time, (n, 2, 6, 6) [1/s].

    A particle whose coordinates are c is kicked by ``drift @ (c - <c>)`` in the mean: against its motion relative to
    those at its place, so that ``noise + drift Sigma + (drift Sigma)^T`` is :func:`diffusion_of`. With the relative
    velocity g of pairs both follow from the small-angle moments ``<(g^2 - g_i g_i)/g^3>`` and ``-2 <g_i g_i/g^3>``.
    """
    values, axes, means, integral = _collisions(reference, s, electrons, current, coulomb_log)
    moments = np.zeros((len(s), 2, 6, 6))
    kick_moments(values, axes, means, integral, 1.0 / reference.gamma, moments)
    return moments


def _collisions(
    reference: Reference, s: Array, electrons: float | None, current: float | None, coulomb_log: float
) -> tuple[Array, Array, Array, Array]:
    """Principal values c_i (n, 3), axes (n, 3, 3) and means of the motion, and 16 pi A log I_i (n, 3) [1/s]."""
    gamma, beta, coasting = reference.gamma, reference.beta, current is not None
    values, axes, means, room, integral = motion_at_a_point(reference, s, coasting)
    density = (electrons or 0.0) / np.sqrt(room)
    if coasting:
        density = 2.0 * math.sqrt(math.pi) * line_density(reference, current or 0.0) / np.sqrt(room)
    # det Sigma = det corner * det inner * gamma^2; sqrt(c1 c2 c3) of I cancels that of the density in momentum space
    a = reference.classical_radius**2 * SPEED_OF_LIGHT * density / (64.0 * math.pi**2 * beta**3 * gamma**5)
    return values, axes, means, 16.0 * math.pi * positive("coulomb_log", coulomb_log) * a[:, None] * integral


def _of_momenta(reference: Reference, block: Array) -> Array:
    """(n, 6, 6) of blocks (n, 3, 3) of (x', y', delta/gamma)."""
    unit = rest_frame(reference)
    found = np.zeros((len(block), 6, 6))
    found[:, np.array(MOMENTA)[:, None], MOMENTA] = block / np.outer(unit, unit)
    return found


@checked
def intrabeam_rates(
    reference: Reference,
    *,
    electrons: float,
    emit: tuple[float, float],
    sigma_z: float,
    sigma_delta: float,
    beta: tuple[float, float],
    alpha: tuple[float, float] = (0.0, 0.0),
    dispersion: tuple[float, float] = (0.0, 0.0),
    dispersion_slope: tuple[float, float] = (0.0, 0.0),
    coulomb_log: float = 11.0,
) -> IntrabeamRates:
    """Return the local growth rates of an uncoupled bunch with dispersion in both planes.

    Parameters
    ----------
    reference : reference particle.
    electrons : electrons of the bunch.
    emit, beta, alpha, dispersion, dispersion_slope : of x and y [m, m, 1, m, 1].
    sigma_z : rms length [m].
    sigma_delta : rms momentum spread [1].
    coulomb_log : see :func:`ssmb.collective.impact_parameters`.

    Examples
    --------
    >>> rates = intrabeam_rates(Reference(400e6), electrons=22000, emit=(2e-9, 0.2e-9), sigma_z=50e-9,
    ...     sigma_delta=3.4e-4, beta=(5.0, 5.0), alpha=(-0.5, 0.0), dispersion=(0.1, 0.0), dispersion_slope=(0.02, 0.0),
    ...     coulomb_log=10.0)
    >>> round(rates.delta, 1), round(rates.x, 1)
    (260.9, 37.6)
    """
    sigma = np.zeros((6, 6))
    eta = np.array([dispersion[0], dispersion_slope[0], dispersion[1], dispersion_slope[1], 0.0, 1.0])
    for i in (0, 1):
        e, b, a = positive("emit", emit[i], "m"), positive("beta", beta[i], "m"), alpha[i]
        sigma[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = e * np.array([[b, -a], [-a, (1.0 + a * a) / b]])
    sigma += positive("sigma_delta", sigma_delta) ** 2 * np.outer(eta, eta)
    sigma[4, 4] = positive("sigma_z", sigma_z, "m") ** 2
    rate = intrabeam_diffusion(reference, sigma, electrons=electrons, coulomb_log=coulomb_log)
    amplitude = []
    for i in (0, 1):
        b, a = beta[i], alpha[i]
        # a kick of (p, delta) changes x - D delta and x' - D' delta
        kick = np.zeros((2, 6))
        kick[0, 5], kick[1, 2 * i + 1], kick[1, 5] = -dispersion[i], 1.0, -dispersion_slope[i]
        twiss = np.array([[(1.0 + a * a) / b, a], [a, b]])
        amplitude.append(0.5 * float(np.trace(twiss @ (kick @ rate @ kick.T))) / (2.0 * emit[i]))
    return IntrabeamRates(float(rate[5, 5]) / (4.0 * sigma_delta**2), amplitude[0], amplitude[1])


def line_density(reference: Reference, current: float) -> float:
    """Particles per length of a current [1/m]."""
    return current / (abs(reference.charge_number) * ELEMENTARY_CHARGE * reference.beta * SPEED_OF_LIGHT)


def checked_along(ring: Lattice, sigma: ArrayLike, electrons: float | None, current: float | None) -> Array:
    """Covariances (n, 6, 6) at the entrances of the n elements of a ring; one more, of its end, may be given.

    Raises
    ------
    ConfigError
        Another shape, or not exactly one of `electrons` and `current`.
    """
    covariances = np.asarray(sigma, dtype=float)
    if covariances.ndim != 3 or covariances.shape[1:] != (6, 6) or len(covariances) - len(ring) not in (0, 1):
        raise ConfigError(
            f"sigma must be ({len(ring)}, 6, 6), the covariances at the entrances of the elements, its shape is "
            f"{covariances.shape}"
        )
    checked_beam(covariances[0], electrons, current)
    return covariances[: len(ring)]


def checked_beam(sigma: ArrayLike, electrons: float | None, current: float | None) -> tuple[Array, bool]:
    """Covariance (6, 6) as an array, and whether the beam is coasting.

    Raises
    ------
    ConfigError
        Another shape, or not exactly one of `electrons` and `current`.
    """
    s = np.asarray(sigma, dtype=float)
    if s.shape != (6, 6) or not np.isfinite(s).all():
        raise ConfigError(f"sigma must be a finite (6, 6) covariance, its shape is {s.shape}")
    if (electrons is None) == (current is None):
        raise ConfigError("give either electrons (of a bunch) or current (of a coasting beam)")
    positive("electrons" if current is None else "current", electrons if current is None else current)
    return s, current is not None
