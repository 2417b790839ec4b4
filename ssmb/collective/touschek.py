"""Touschek effect: collisions that throw electrons out of the momentum acceptance, in one encounter.

Rate of Piwinski for any ratio of the beam's sizes and any coupling: his constants B1, B2 are those of the covariance of
(x', y') among electrons at one point, with principal values c_1 and c_2 (for an uncoupled beam with dispersion they are
his formulas to the digit),

``1/T = r^2 c N/(8 pi gamma^2 sqrt(det Sigma_xyz) tau_m) F(tau_m, B1, B2),  B1 +- B2 = 1/(beta^2 gamma^2 c_(1, 2))``

with tau_m = beta^2 acceptance^2. A coasting beam has the line density I/(q c beta) in place of N/(2 sqrt(pi) sigma_z).

Validity: Gaussian beam; the motion of colliding electrons along the beam, sigma_delta/gamma, is small against that
across it; the acceptance is beyond the core of the beam. The motion may be relativistic in the rest frame.

References
----------
A. Piwinski, DESY 98-179 (1998), arXiv:physics/9903034.
H. Bruck, Accelerateurs circulaires de particules (1966), ch. 30: flat beam, non-relativistic in the rest frame.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam import Reference
from ssmb.collective.along import Along
from ssmb.collective.intrabeam import checked_along, checked_beam, line_density, momenta_at_a_point
from ssmb.collective.trains import check_train, of_density
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning, warn
from ssmb.lattice.tree import Lattice
from ssmb.quantity import Shown, derived, quantity
from ssmb.ranges import positive

Array = NDArray[np.float64]

#: Acceptance over rms momentum spread, and motion across over that along the beam, below which the rate is doubtful.
BEYOND, ACROSS = 3.0, 4.0
#: Panels of the integral over ln tau, each of so many nodes; where the exponential ends it.
_PANELS, _NODES, _END = 12, 16, 50.0


@dataclass(frozen=True)
class TouschekLifetime(Shown):
    """Rate at which electrons leave an acceptance by single collisions, along a ring and in the mean."""

    s: Array = quantity("m", "entrances of the elements", dims=("s",))
    low: Array = quantity("1", "acceptance of those that lose momentum, negative", dims=("s",))
    high: Array = quantity("1", "acceptance of those that gain momentum", dims=("s",))
    rate: Array = quantity("1/s", "local rate there, of one electron", dims=("s",))
    mean_rate: float = quantity("1/s", "mean of the rate over the time of a turn: -(dN/dt)/N")

    @derived
    def lifetime(self) -> float:
        """Time in which the beam would go at this rate; N falls as 1/(1 + t/lifetime) while sizes stay [s]."""
        return 1.0 / self.mean_rate


@checked
def touschek_rate(
    reference: Reference,
    sigma: ArrayLike,
    acceptance: float | tuple[float, float],
    *,
    electrons: float | None = None,
    current: float | None = None,
    wavelength: float | None = None,
) -> float:
    """Return the local rate at which an electron leaves the momentum acceptance, -(dN/dt)/N [1/s].

    Parameters
    ----------
    reference, sigma, electrons, current : as in :func:`ssmb.collective.intrabeam_diffusion`.
    acceptance : largest |delta| that is kept [1], or (lowest, highest) delta, as (-0.01, 0.02). Of a collision one
        electron gains what the other loses.
    wavelength : with a current: distance of the microbunches in which it flows [m].

    Raises
    ------
    ConfigError, PhysicsError
        As :func:`ssmb.collective.intrabeam_diffusion`; an acceptance that is none.

    Warns
    -----
    ValidityWarning
        The acceptance is below three times the momentum spread, or electrons move faster along the beam than across it.

    Examples
    --------
    >>> sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, 2.5e-15, 1.156e-7])
    >>> round(touschek_rate(Reference(400e6), sigma, 3e-3, electrons=22000), 3)
    0.274
    """
    s, _ = checked_beam(sigma, electrons, current)
    check_train(current, wavelength)
    low, high = _limits(acceptance)
    here = s[None]
    _check_beam(reference, here, np.array([min(-low, high)]))
    return float(_rates(reference, here, np.array([[low, high]]), electrons, current, wavelength)[0])


@checked
def touschek_lifetime(
    ring: Lattice,
    sigma: ArrayLike,
    acceptance: float | tuple[float, float] | Callable[[Array], ArrayLike] | ArrayLike,
    *,
    electrons: float | None = None,
    current: float | None = None,
    wavelength: float | None = None,
) -> TouschekLifetime:
    """Return the rate at which electrons of a ring leave a momentum acceptance by single collisions.

    Out of the ring with the acceptance of its apertures or RF; out of a micro-bucket, to stay in the ring, with
    ``bucket.main.delta_range`` of :class:`ssmb.buckets.MicroBucket`: two acceptances, two rates.

    Parameters
    ----------
    ring : its lattice.
    sigma : covariances at the entrances of its elements, (n, 6, 6) or, with the end, (n + 1, 6, 6), as
        ``equilibrium(ring).sigma``. A flat beam is refused.
    acceptance : largest |delta| that is kept, or (lowest, highest) delta; along the ring a function of s [m] that
        gives (n,) or (n, 2), or a table of rows (s, acceptance) or (s, lowest, highest) with rising s, between which it
        is linear.
    electrons, current, wavelength : as in :func:`touschek_rate`.

    Raises
    ------
    ConfigError, PhysicsError
        As :func:`touschek_rate`; covariances of another number of elements.
    """
    covariances = checked_along(ring, sigma, electrons, current)
    check_train(current, wavelength)
    limits = _limits_along(acceptance)
    along = Along(ring, "Touschek effect")
    ends = np.cumsum([e.length for e in ring.elements])
    s = ends - np.array([e.length for e in ring.elements])
    local = limits(s)
    _check_beam(ring.reference, covariances, np.minimum(-local[:, 0], local[:, 1]))

    def rate(here: Array, at: Array) -> Array:
        return _rates(ring.reference, here, limits(at), electrons, current, wavelength)

    lost = along.numbers(covariances, rate)
    return TouschekLifetime(
        s=s,
        low=local[:, 0],
        high=local[:, 1],
        rate=rate(covariances, s),
        mean_rate=float(lost.sum()) * ring.reference.beta * SPEED_OF_LIGHT / ring.length,
    )


@checked
def bruck_function(xi: float) -> float:
    """Return ``D(xi)`` of a flat beam that is not relativistic in the rest frame [1].

    Parameters
    ----------
    xi : (acceptance/(gamma sigma_x'))^2 > 0.

    Notes
    -----
    Then ``1/T = r^2 c N D(xi)/(8 pi sigma_x sigma_y sigma_z gamma^2 acceptance^3)``.

    Examples
    --------
    >>> round(bruck_function(0.01), 6)
    0.265805
    """
    positive("xi", xi)

    def integrand(u: float) -> float:
        return math.log(u) * math.exp(-u) / u

    logarithmic = scipy.integrate.quad(integrand, xi, xi + _END, limit=400, epsabs=0.0, epsrel=1e-10, points=[1.0])[0]
    whole = 0.5 * (3.0 * xi - xi * math.log(xi) + 2.0) * float(scipy.special.exp1(xi))
    return math.sqrt(xi) * (-1.5 * math.exp(-xi) + 0.5 * xi * logarithmic + whole)


def _rates(
    reference: Reference,
    sigma: Array,
    limits: Array,
    electrons: float | None,
    current: float | None,
    wavelength: float | None,
) -> Array:
    """Local rates (n,) at covariances (n, 6, 6) and acceptances (n, 2)."""
    return of_density(
        reference,
        sigma,
        electrons,
        current,
        wavelength,
        lambda n, i: (
            0.5 * (_piwinski(reference, sigma, -limits[:, 0], n, i) + _piwinski(reference, sigma, limits[:, 1], n, i))
        ),
    )


def _piwinski(
    reference: Reference, sigma: Array, acceptance: Array, electrons: float | None, current: float | None
) -> Array:
    """Rates (n,) with one acceptance (n,) for gain and loss."""
    inner, _, room = momenta_at_a_point(reference, sigma, current is not None)
    line = (electrons or 0.0) / np.sqrt(room)
    if current is not None:
        line = 2.0 * math.sqrt(math.pi) * line_density(reference, current) / np.sqrt(room)
    values = np.linalg.eigvalsh(inner[:, :2, :2])
    small = values[:, 0] <= 0.0
    if small.any():
        raise PhysicsError("a beam without angles across has no collisions; it needs an extent in px and py")
    tau_m = (reference.beta * acceptance) ** 2
    inverse = 1.0 / ((reference.beta * reference.gamma) ** 2 * values)  # B1 + B2, B1 - B2
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    # between tau_m and where the exponential ends, in ln tau, in equal panels
    edges = np.linspace(0.0, 1.0, _PANELS + 1)
    u = (edges[:-1, None] + 0.5 / _PANELS * (nodes + 1.0)).ravel()
    length = np.log1p(_END / inverse[:, 1] / tau_m)
    tau = tau_m[:, None] * np.exp(length[:, None] * u)
    integrand = _collisions(tau, tau_m[:, None]) * np.exp(-inverse[:, 1:] * tau) * tau
    integrand *= scipy.special.i0e(0.5 * (inverse[:, :1] - inverse[:, 1:]) * tau)
    integral = length * (integrand @ np.tile(0.5 / _PANELS * weights, _PANELS))
    strength = reference.classical_radius**2 * SPEED_OF_LIGHT * line / (8.0 * math.pi * reference.gamma**2)
    return strength * np.sqrt(math.pi * inverse[:, 0] * inverse[:, 1]) * integral


def _collisions(tau: Array, tau_m: Array) -> Array:
    """The bracket of Piwinski's integral (eq. 42), from Moeller's cross section, times sqrt(tau/(1 + tau))."""
    ratio = tau / tau_m / (1.0 + tau)
    return np.sqrt(tau / (1.0 + tau)) * (
        (2.0 + 1.0 / tau) ** 2 * (ratio - 1.0)
        + 1.0
        - np.sqrt((1.0 + tau) * tau_m / tau)
        - (4.0 + 1.0 / tau) / (2.0 * tau) * np.log(ratio)
    )


def _limits(acceptance: float | tuple[float, float]) -> tuple[float, float]:
    """(lowest, highest) delta."""
    many = np.asarray(acceptance, dtype=float)
    low, high = (-many, many) if many.ndim == 0 else many if many.shape == (2,) else (math.nan, math.nan)
    if not (math.isfinite(low) and math.isfinite(high) and low < 0.0 < high):
        raise ConfigError(f"acceptance must be a |delta| > 0, or a (lowest, highest) delta about 0, got {acceptance!r}")
    return float(low), float(high)


def _limits_along(acceptance: object) -> Callable[[Array], Array]:
    """Function of s (n,) that gives (n, 2)."""
    if callable(acceptance):
        return lambda s: _both(np.asarray(acceptance(s), dtype=float), len(s))
    try:
        given = np.asarray(acceptance, dtype=float)
    except (TypeError, ValueError):
        raise ConfigError(f"acceptance must be numbers, a table, or a function of s, got {acceptance!r}") from None
    if given.ndim < 2:
        low, high = _limits(acceptance)  # type: ignore[arg-type]
        return lambda s: np.tile([low, high], (len(s), 1))
    if given.ndim != 2 or given.shape[1] not in (2, 3) or not (np.diff(given[:, 0]) > 0.0).all():
        raise ConfigError(
            "a table of the acceptance has rows (s, acceptance) or (s, lowest, highest) with rising s, got the shape "
            f"{given.shape}"
        )
    rows = _both(given[:, 1] if given.shape[1] == 2 else given[:, 1:], len(given))
    return lambda s: np.stack([np.interp(s, given[:, 0], rows[:, k]) for k in (0, 1)], axis=1)


def _both(values: Array, n: int) -> Array:
    """(n, 2) of acceptances (n,) or (n, 2)."""
    both = np.stack([-values, values], axis=-1) if values.shape == (n,) else values
    if both.shape != (n, 2) or not (np.isfinite(both).all() and (both[:, 0] < 0.0).all() and (both[:, 1] > 0.0).all()):
        raise ConfigError(
            f"an acceptance along the ring is |delta| > 0 (n,), or (lowest, highest) about 0 (n, 2), got {values.shape}"
        )
    return both


def _check_beam(reference: Reference, sigma: Array, acceptance: Array) -> None:
    """Warn where the rate is doubtful."""
    spread = np.sqrt(sigma[:, 5, 5])
    at = int(np.argmin(acceptance / spread))
    if acceptance[at] < BEYOND * spread[at]:
        warn(
            f"Touschek effect: the acceptance {acceptance[at]:.3g} is {acceptance[at] / spread[at]:.2g} times the "
            f"momentum spread, below {BEYOND:g}: small collisions and the tail of the beam cross it, too",
            ValidityWarning,
        )
    angles = np.linalg.eigvalsh(sigma[:, 1::2, 1::2][:, :2, :2])[:, 1]
    ratio = np.sqrt(angles) * reference.gamma / spread
    if ratio.max() < ACROSS:
        warn(
            f"Touschek effect: electrons move {ratio.max():.2g} times as fast across the beam as along it, below "
            f"{ACROSS:g}, in the rest frame; the formula leaves the motion along the beam out",
            ValidityWarning,
        )
