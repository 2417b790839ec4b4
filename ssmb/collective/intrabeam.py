"""Intrabeam scattering: growth of the momentum spreads of a Gaussian beam by many small Coulomb collisions.

Local form of Bjorken and Mtingwa for any coupling: at each place the spread of momenta among electrons *at one point*
is the conditional covariance C of (x', y', delta/gamma) given (x, y, z). Collisions move its principal axes towards
each other:

``d<u_i u_i>/dt = 16 pi A log [sum_j I_j - 3 I_i],  I_i = (2/3) c_i sqrt(c_1 c_2 c_3) R_D(c_j, c_k, c_i)``

with the principal values c of C, Carlson's integral R_D, and A = r_e^2 c N/(64 pi^2 gamma^4 sqrt(det Sigma)). The 6x6
rate matrix can be added to the diffusion of any envelope; emittances grow by half of it, times the beta functions.

A coasting beam has the line density I/(e c beta) in place of N/(2 sqrt(pi) sigma_z), the average density of a Gaussian
bunch, and its momentum spread grows twice as fast as that of a bunch, whose potential energy takes half.

Validity: Gaussian beam, non-relativistic collisions in the rest frame (gamma sigma_x' << 1), a large Coulomb logarithm.

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
from scipy import special

from ssmb.arguments import checked
from ssmb.beam import Reference
from ssmb.constants import CLASSICAL_ELECTRON_RADIUS, ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.errors import ConfigError, PhysicsError
from ssmb.lattice.tree import Lattice
from ssmb.ranges import positive

Array = NDArray[np.float64]

_MOMENTA, _PLACES = [1, 3, 5], [0, 2, 4]
_FLAT = "intrabeam scattering needs a beam with extent in all its coordinates: sigma has rank < 6"


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
    electrons : electrons of a Gaussian bunch; or
    current : local current of a coasting beam [A], for which the z row and column of `sigma` are not used.
    coulomb_log : logarithm of the impact parameters, see :func:`coulomb_logarithm`.

    Returns
    -------
    (6, 6), only its momentum block is not zero. Per turn: times the time that the beam spends at such a place.

    Raises
    ------
    ConfigError, PhysicsError
        Not exactly one of `electrons` and `current`; a beam without extent.

    Examples
    --------
    >>> ref = Reference(400e6)
    >>> sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, 2.5e-15, 1.156e-7])
    >>> rate = intrabeam_diffusion(ref, sigma, electrons=22000, coulomb_log=10)
    >>> round(float(rate[5, 5] / (4 * sigma[5, 5])), 1)  # 1/T_p of a bunch
    275.8
    """
    s, coasting = _checked(sigma, electrons, current)
    return _diffusion(reference, s[None], electrons, current, coasting, coulomb_log)[0]


def _diffusion(
    reference: Reference, s: Array, electrons: float | None, current: float | None, coasting: bool, coulomb_log: float
) -> Array:
    """The rates (n, 6, 6) of covariances (n, 6, 6), all places at once."""
    gamma, beta = reference.gamma, reference.beta
    places = _PLACES[:2] if coasting else _PLACES
    corner = s[:, places][:, :, places]
    mixed = s[:, _MOMENTA][:, :, places]
    # momenta of the rest frame: delta counts as delta/gamma
    unit = np.array([1.0, 1.0, 1.0 / gamma])
    room = np.linalg.det(corner)
    if not (room > 0.0).all():
        raise PhysicsError(_FLAT)
    solved = np.linalg.solve(corner, np.swapaxes(mixed, 1, 2))
    inner = (s[:, _MOMENTA][:, :, _MOMENTA] - mixed @ solved) * np.outer(unit, unit)
    values, axes = np.linalg.eigh(0.5 * (inner + np.swapaxes(inner, 1, 2)))
    if not (values[:, 0] > 0.0).all():
        raise PhysicsError(_FLAT)
    density = (electrons or 0.0) / np.sqrt(room)
    if coasting:
        line = (current or 0.0) / (ELEMENTARY_CHARGE * beta * SPEED_OF_LIGHT)
        density = 2.0 * math.sqrt(math.pi) * line / np.sqrt(room)
    # det Sigma = det corner * det inner * gamma^2
    a = CLASSICAL_ELECTRON_RADIUS**2 * SPEED_OF_LIGHT * density / (64.0 * math.pi**2 * beta**3 * gamma**5)
    # sqrt(c1 c2 c3) of I cancels that of the density in momentum space
    c1, c2, c3 = values.T
    integral = np.stack(
        [2.0 / 3.0 * c * special.elliprd(d, e, c) for c, d, e in ((c1, c2, c3), (c2, c1, c3), (c3, c1, c2))], axis=1
    )
    strength = 16.0 * math.pi * positive("coulomb_log", coulomb_log) * a[:, None]
    growth = strength * (integral.sum(axis=1, keepdims=True) - 3.0 * integral)
    found = np.zeros_like(s)
    found[:, np.array(_MOMENTA)[:, None], _MOMENTA] = (
        (axes * growth[:, None, :]) @ np.swapaxes(axes, 1, 2) / np.outer(unit, unit)
    )
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
    coulomb_log : see :func:`coulomb_logarithm`.

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


@dataclass(frozen=True)
class IntrabeamHeating:
    """Intrabeam scattering along a ring, for ``ssmb.equilibrium(ring, heating=...)``.

    Parameters
    ----------
    reference : reference particle.
    lengths : lengths of the elements (n,) [m].
    electrons, current, coulomb_log : as in :func:`intrabeam_diffusion`; the covariances are those of one bunch, which
        for electrons in micro-buckets is a microbunch, or of a coasting beam.
    wavelength : with a current: it flows in microbunches that follow each other at this distance [m], as a laser holds
        them. An electron then meets those of its own microbunch, and, where betatron motion makes microbunches longer
        than their distance, those of its neighbours, whose momenta are taken as those of a coasting beam.

    Raises
    ------
    ConfigError
        A wavelength without a current.

    Notes
    -----
    The rate of an element is that at its entrance: cut long elements where the beam changes much inside.
    """

    reference: Reference
    lengths: tuple[float, ...]
    electrons: float | None = None
    current: float | None = None
    coulomb_log: float = 11.0
    wavelength: float | None = None

    def __post_init__(self) -> None:
        if self.wavelength is not None:
            positive("wavelength", self.wavelength, "m")
            if self.current is None or self.electrons is not None:
                raise ConfigError("a wavelength belongs to a current, which flows in microbunches; give no electrons")

    @classmethod
    def of(
        cls,
        ring: Lattice,
        *,
        electrons: float | None = None,
        current: float | None = None,
        coulomb_log: float = 11.0,
        wavelength: float | None = None,
    ) -> IntrabeamHeating:
        """Return the heating of a beam in a ring."""
        lengths = tuple(float(e.length) for e in ring.elements)
        return cls(ring.reference, lengths, electrons, current, coulomb_log, wavelength)

    def __call__(self, sigma: Array) -> Array:
        """Covariance that a passage of each element adds, (n, 6, 6)."""
        if len(sigma) != len(self.lengths):
            raise ConfigError(f"intrabeam heating of {len(self.lengths)} elements was asked for at {len(sigma)} places")
        out = np.zeros((len(sigma), 6, 6))
        lengths = np.array(self.lengths)
        long = np.flatnonzero(lengths > 0.0)
        if long.size:
            _, coasting = _checked(sigma[long[0]], self.electrons, self.current)
            here = np.asarray(sigma, dtype=float)[long]
            rate = _diffusion(self.reference, here, self.electrons, self.current, coasting, self.coulomb_log)
            if self.wavelength is not None and self.current is not None:
                electrons = self.current * self.wavelength / (ELEMENTARY_CHARGE * self.reference.beta * SPEED_OF_LIGHT)
                rate *= _neighbours(_length_at_a_place(here) / self.wavelength)[:, None, None]
                rate += _diffusion(self.reference, here, electrons, None, False, self.coulomb_log)
            out[long] = rate * (lengths[long] / (self.reference.beta * SPEED_OF_LIGHT))[:, None, None]
        return out


def _length_at_a_place(sigma: Array) -> Array:
    """Rms length of the electrons with the same x and y [m], (n,)."""
    room, area = (np.linalg.det(sigma[:, places][:, :, places]) for places in (_PLACES, _PLACES[:2]))
    return np.sqrt(np.maximum(room, 0.0) / area)


def _neighbours(length: Array) -> Array:
    """Average density that the other bunches of a train of Gaussian bunches have at one of them, over that of the
    train.

    ``length`` is rms length over distance. All of them: ``sum_m exp(-(2 pi m length)^2)``; own:
    ``1/(2 sqrt(pi) length)``.
    """
    m = np.arange(1, 30)
    short = 1.0 / (math.sqrt(math.pi) * length) * np.exp(-(np.multiply.outer(0.5 / length, m) ** 2)).sum(axis=1)
    long = 1.0 + 2.0 * np.exp(-(np.multiply.outer(2.0 * math.pi * length, m) ** 2)).sum(axis=1)
    return np.where(length < 0.5, short, long - 0.5 / (math.sqrt(math.pi) * length))


@checked
def coulomb_logarithm(
    reference: Reference,
    sigma: ArrayLike,
    *,
    electrons: float | None = None,
    current: float | None = None,
    damping_time: float | None = None,
) -> float:
    """Return the logarithm of the largest over the smallest impact parameter [1].

    The largest is the smallest rms size of the beam in its rest frame. The smallest is that of a collision that turns
    the relative motion by 90 degrees, ``r_e/(gamma^2 <x'^2>)``; or, with a damping time, the *tail cut*: collisions
    that an electron has less than once in that time make tails, not the core of the beam.

    Parameters
    ----------
    reference, sigma, electrons, current : as in :func:`intrabeam_diffusion`.
    damping_time : amplitude damping time [s] for the tail cut.

    Examples
    --------
    >>> sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, 2.5e-15, 1.156e-7])
    >>> round(coulomb_logarithm(Reference(400e6), sigma, electrons=22000), 1)
    14.9
    >>> round(coulomb_logarithm(Reference(400e6), sigma, electrons=22000, damping_time=0.06), 1)
    11.1
    """
    s, coasting = _checked(sigma, electrons, current)
    gamma = reference.gamma
    sizes = np.sqrt(np.diag(s))[_PLACES[:2] if coasting else _PLACES] * ([1, 1] if coasting else [1, 1, gamma])
    largest = float(sizes.min())
    motion = gamma * float(np.sqrt(s[1, 1] + s[3, 3] + s[5, 5] / gamma**2))  # rest frame velocity over c
    smallest = CLASSICAL_ELECTRON_RADIUS / motion**2
    if damping_time is not None:
        area = 4.0 * math.pi * math.sqrt(float(np.linalg.det(s[np.ix_(_PLACES[:2], _PLACES[:2])])))
        line = (current or 0.0) / (ELEMENTARY_CHARGE * SPEED_OF_LIGHT)
        if not coasting:
            line = (electrons or 0.0) / (2.0 * math.sqrt(math.pi) * math.sqrt(s[4, 4]))
        # density of the rest frame, and the time that passes there
        collisions = line / area / gamma * motion * SPEED_OF_LIGHT * positive("damping_time", damping_time, "s") / gamma
        smallest = max(smallest, math.sqrt(1.0 / (math.pi * collisions)))
    if not largest > smallest:
        raise PhysicsError(
            f"no Coulomb logarithm: the largest impact parameter {largest:.3g} m is below the smallest {smallest:.3g} m"
        )
    return math.log(largest / smallest)


def _checked(sigma: ArrayLike, electrons: float | None, current: float | None) -> tuple[Array, bool]:
    s = np.asarray(sigma, dtype=float)
    if s.shape != (6, 6) or not np.isfinite(s).all():
        raise ConfigError(f"sigma must be a finite (6, 6) covariance, its shape is {s.shape}")
    if (electrons is None) == (current is None):
        raise ConfigError("give either electrons (of a bunch) or current (of a coasting beam)")
    positive("electrons" if current is None else "current", electrons if current is None else current)
    return s, current is not None
