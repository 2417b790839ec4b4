"""Closed forms of the light of an ideal undulator at resonance: any harmonic, on and off axis, both polarisations.

In the direction (theta_x, theta_y) harmonic n of an undulator with N equal periods has the wavelength
``lambda_u (1 + <K^2> + gamma^2 theta^2)/(2 n gamma^2)``, <K^2> = K^2/2 planar or K^2 helical, and the field integral
``G = N lambda_u A_n`` with the Fourier coefficients of one period,

* planar: ``A_x = (K/gamma) (S_1 + S_-1)/2 - theta_x S_0``, ``A_y = -theta_y S_0``,
  ``S_q = sum_m J_m(Y) J_(n+2m+q)(X)``, X = 2 n K gamma theta_x/D, Y = n K^2/(4 D), D = 1 + K^2/2 + gamma^2 theta^2;
* helical: ``S_q = exp(i (n+q) phi) J_(n+q)(Z)``, Z = 2 n K gamma theta/D, ``A_x`` as above and
  ``A_y = (K/gamma) (S_1 - S_-1)/(2i) - theta_y S_0``.

Near the resonance ``|G|^2`` falls with ``(sin(pi N f)/(N sin(pi f)))^2``, f = omega/omega_1(theta) - n, of area
omega_1/N.

References
----------
K.-J. Kim, AIP Conf. Proc. 184, 565 (1989), doi:10.1063/1.38046.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam.rows import real_array
from ssmb.constants import FINE_STRUCTURE, HBAR, SPEED_OF_LIGHT
from ssmb.costs import check_cost
from ssmb.errors import ConfigError
from ssmb.light.angular import composite_nodes
from ssmb.maps.undulator import Undulator
from ssmb.maps.undulator_relations import mean_square_deflection
from ssmb.ranges import count, positive

Array = NDArray[np.float64]


#: largest harmonic: as many Bessel functions are summed
LARGEST_HARMONIC = 5000
#: what a term of the sum over a harmonic costs [B], [s]
_BYTES_OF_A_TERM, _SECONDS_OF_A_TERM = 20.0, 5e-6


def directions(theta_x: ArrayLike, theta_y: ArrayLike) -> tuple[Array, Array]:
    """Return angles of one shape, or raise ConfigError if they are not finite real numbers [rad]."""
    tx, ty = np.broadcast_arrays(real_array("theta_x", theta_x), real_array("theta_y", theta_y))
    if not (np.isfinite(tx).all() and np.isfinite(ty).all()):
        raise ConfigError("theta_x and theta_y must be finite angles [rad]")
    return tx, ty


@checked
def harmonic_amplitude(
    undulator: Undulator, harmonic: int, theta_x: ArrayLike, theta_y: ArrayLike
) -> NDArray[np.complex128]:
    """Return A_n, the field integral per length of the undulator, at the resonance of each direction [1].

    Parameters
    ----------
    undulator : the radiator.
    harmonic : n = 1, 2, 3 ..., even ones included; a helical undulator has all of them off axis [1].
    theta_x, theta_y : angles to the axis [rad], arrays of one shape; x is the plane of the wiggling.

    Returns
    -------
    complex array of the shape of the angles, then (2,) for x and y.

    Examples
    --------
    >>> from ssmb.beam.reference import Reference
    >>> und = Undulator(Reference(energy=400e6), period=0.01, n_periods=300, k=1.144)
    >>> a = harmonic_amplitude(und, 1, 0.0, 0.0)
    >>> round(float(abs(a[0])) * 2.0 * und.reference.gamma / und.k, 6) == round(und.bessel(), 6)
    True
    """
    n = count("harmonic", harmonic)
    tx, ty = directions(theta_x, theta_y)
    if n > LARGEST_HARMONIC:
        raise ConfigError(f"harmonic {n} is beyond {LARGEST_HARMONIC}, up to which the sums are formed")
    gamma, k = undulator.reference.gamma, undulator.k
    spread = _spread(undulator, tx, ty)
    if undulator.helical:
        theta, phi = np.hypot(tx, ty), np.arctan2(ty, tx)
        s = _helical_sums(n, 2.0 * n * k * gamma * theta / spread, phi)
        ay = k / gamma * (s[1] - s[-1]) / 2j - ty * s[0]
    else:
        s = _planar_sums(n, 2.0 * n * k * gamma * tx / spread, 0.25 * n * k * k / spread)
        ay = -ty * s[0]
    return np.stack((k / gamma * 0.5 * (s[1] + s[-1]) - tx * s[0], ay), axis=-1).astype(complex)


@checked
def resonant_density(undulator: Undulator, harmonic: int, theta_x: ArrayLike, theta_y: ArrayLike) -> Array:
    """Return d2W/(domega dOmega) of one electron at the resonance of each direction [J s/sr]; as in
    :func:`harmonic_amplitude`.

    Examples
    --------
    On axis, planar: ``alpha hbar N^2 gamma^2 F_n(K)``:

    >>> from ssmb.beam.reference import Reference
    >>> und = Undulator(Reference(energy=400e6), period=0.01, n_periods=300, k=1.144)
    >>> f_1 = und.kim_q() / (1.0 + 0.5 * und.k**2)
    >>> unit = FINE_STRUCTURE * HBAR * (300 * und.reference.gamma) ** 2
    >>> round(float(resonant_density(und, 1, 0.0, 0.0)) / (unit * f_1), 9)
    1.0
    """
    a = harmonic_amplitude(undulator, harmonic, theta_x, theta_y)
    gamma = undulator.reference.gamma
    spread = _spread(undulator, *directions(theta_x, theta_y))
    # k L = 4 pi n N gamma^2/D
    phase = 4.0 * math.pi * harmonic * undulator.n_periods * gamma * gamma / spread
    return FINE_STRUCTURE * HBAR / (4.0 * math.pi**2) * phase**2 * (np.abs(a) ** 2).sum(axis=-1)


@checked
def angular_energy(undulator: Undulator, harmonic: int, theta_x: ArrayLike, theta_y: ArrayLike) -> Array:
    """Return dW/dOmega of one electron in one harmonic, integrated over its line [J/sr].

    Parameters as in :func:`harmonic_amplitude`; the current over e makes it power.
    """
    spread = _spread(undulator, *directions(theta_x, theta_y))
    gamma = undulator.reference.gamma
    omega = 4.0 * math.pi * SPEED_OF_LIGHT * gamma * gamma / (undulator.period * spread)
    return resonant_density(undulator, harmonic, theta_x, theta_y) * omega / undulator.n_periods


@checked
def harmonic_energy(undulator: Undulator, harmonic: int, max_angle: float = math.inf) -> float:
    """Return the energy that one electron radiates in one harmonic inside a round aperture [J].

    Parameters
    ----------
    undulator : the radiator.
    harmonic : n [1].
    max_angle : half angle of the aperture [rad]; infinite for all directions.

    Notes
    -----
    The sum over all harmonics and directions is :meth:`Undulator.energy_per_electron`.
    """
    widest = math.inf if max_angle == math.inf else positive("max_angle", max_angle, "rad")
    gamma, n = undulator.reference.gamma, count("harmonic", harmonic)
    harmonic_amplitude(undulator, n, 0.0, 0.0)  # says if the harmonic is too high
    # u = w/(1 + w) with w = (gamma theta)^2/<1 + K^2> brings all directions to 0 ... 1
    core = 1.0 + mean_square_deflection(undulator.k, undulator.helical)
    edge = 1.0 if widest == math.inf else 1.0 / (1.0 + core / (gamma * widest) ** 2)
    panels = 2 + math.ceil(n / 8)
    turns = 1 if undulator.helical else 8 + n
    terms = float(16 * panels * turns) * (1 if undulator.helical else 60 + n)
    check_cost(
        f"harmonic {n}", memory=_BYTES_OF_A_TERM * terms, seconds=_SECONDS_OF_A_TERM * terms, instead="take a lower one"
    )
    u, weight = composite_nodes(np.linspace(0.0, edge, panels + 1))
    theta = np.sqrt(core * u / (1.0 - u)) / gamma
    solid = 0.5 * core / gamma**2 / (1.0 - u) ** 2
    phi = 0.5 * math.pi * (np.arange(turns) + 0.5) / turns
    density = angular_energy(undulator, n, theta[:, None] * np.cos(phi), theta[:, None] * np.sin(phi))
    return float(2.0 * math.pi * (weight * solid) @ density.mean(axis=1))


def _spread(undulator: Undulator, tx: Array, ty: Array) -> Array:
    gamma = undulator.reference.gamma
    return 1.0 + mean_square_deflection(undulator.k, undulator.helical) + gamma * gamma * (tx * tx + ty * ty)


def _planar_sums(n: int, x: Array, y: Array) -> dict[int, Array]:
    from scipy import special  # slow to import

    # J_m(y) with y < n/2 is below 1e-17 for m > 1.4 y + 18
    most = 18 + math.ceil(1.4 * float(np.abs(y).max(initial=0.0)))
    m = np.arange(-most, most + 1).reshape(-1, *([1] * x.ndim))
    weight = special.jv(m, y)
    return {q: (weight * special.jv(n + 2 * m + q, x)).sum(axis=0) for q in (-1, 0, 1)}


def _helical_sums(n: int, z: Array, phi: Array) -> dict[int, Array]:
    from scipy import special  # slow to import

    return {q: np.exp(1j * (n + q) * phi) * special.jv(n + q, z) for q in (-1, 0, 1)}
