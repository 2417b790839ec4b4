"""Brute force: the far field of one electron on its ideal undulator orbit, by numerical Fourier integral.

No expansion in harmonics, Bessel functions or small angles of the lobe: only the paraxial far field,
``G = int (v_perp/c - theta) exp(i k (c t - s + s theta^2/2 - theta.x)) ds``. It checks the closed forms and serves
where these end (few periods, off-axis harmonics, wide apertures).

Orbits: planar ``x' = (K/gamma) cos(k_u s)``; helical ``(x', y') = (K/gamma)(cos(k_u s), sin(k_u s))``.

References
----------
J. D. Jackson, Classical Electrodynamics, 3rd ed., Wiley (1998), sections 14.5-14.6, ISBN 978-0-471-30932-1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.constants import FINE_STRUCTURE, HBAR, VACUUM_IMPEDANCE
from ssmb.errors import ConfigError
from ssmb.light.angular import composite_nodes
from ssmb.light.harmonics import directions
from ssmb.maps.undulator import Undulator
from ssmb.ranges import count, finite, modulus, not_negative, positive

#: angles times points of the orbit that are held in memory at once
_BLOCK = 200_000
#: panels of the orbit in a period: beyond, the wavelength is one at which nothing is radiated
_MOST_PANELS = 10_000
#: panels in theta^2, and steps in azimuth, of a disc
_MOST_STEPS = 10_000


def far_field(
    undulator: Undulator, wavelength: float, theta_x: ArrayLike, theta_y: ArrayLike
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return the two components of G for each observation angle [m].

    Parameters
    ----------
    undulator : the radiator; all its periods are equal.
    wavelength : wavelength of the light [m].
    theta_x, theta_y : angles to the axis [rad], arrays of one shape; x is the plane of the wiggling.

    Returns
    -------
    gx, gy : complex arrays of that shape, with the phase counted from the entrance.

    Examples
    --------
    On axis and on resonance ``|G| = L K [JJ]/(2 gamma)``:

    >>> from ssmb.beam.reference import Reference
    >>> u125 = Undulator.resonant(Reference(energy=250e6), 1064e-9, period=0.125, n_periods=32)
    >>> gx, gy = far_field(u125, 1064e-9, 0.0, 0.0)
    >>> round(float(abs(gx)) / (4.0 * u125.k * u125.bessel(1) / (2 * u125.reference.gamma)), 9)
    1.0
    """
    tx, ty = directions(theta_x, theta_y)
    shape, tx, ty = tx.shape, tx.ravel(), ty.ravel()
    k = 2.0 * math.pi / positive("wavelength", wavelength, "m")
    gamma, ku, angle = (
        undulator.reference.gamma,
        2.0 * math.pi / undulator.period,
        undulator.k / undulator.reference.gamma,
    )
    # oscillations of the integrand within one period set the number of panels
    panels = 2 + math.ceil(1.5 * k * undulator.period * (1.0 + undulator.k**2) / (2.0 * gamma**2) / (2.0 * math.pi))
    if panels > _MOST_PANELS:
        raise ConfigError(
            f"{wavelength:.6g} m is about harmonic {undulator.wavelength() / wavelength:.3g} of this undulator, far "
            f"above "
            "all that it radiates; wavelengths are in m"
        )
    s, weight = composite_nodes(np.linspace(0.0, undulator.period, panels + 1))
    vx, x = angle * np.cos(ku * s), angle / ku * np.sin(ku * s)
    if undulator.helical:
        vy, y = angle * np.sin(ku * s), -angle / ku * np.cos(ku * s)
        lag = s * (1.0 + undulator.k**2) / (2.0 * gamma * gamma)
        lag_period = undulator.period * (1.0 + undulator.k**2) / (2.0 * gamma * gamma)
    else:
        vy, y = np.zeros_like(s), np.zeros_like(s)
        mean = (1.0 + 0.5 * undulator.k**2) / (2.0 * gamma * gamma)
        lag = s * mean + angle * angle / (8.0 * ku) * np.sin(2.0 * ku * s)
        lag_period = undulator.period * mean
    gx, gy = np.empty(tx.size, complex), np.empty(tx.size, complex)
    step = max(1, _BLOCK // s.size)
    for first in range(0, tx.size, step):
        a, b = tx[first : first + step, None], ty[first : first + step, None]
        wave = weight * np.exp(1j * k * (lag + 0.5 * s * (a * a + b * b) - a * x - b * y))
        gx[first : first + step] = ((vx - a) * wave).sum(axis=1)
        gy[first : first + step] = ((vy - b) * wave).sum(axis=1)
    # all periods are alike up to a phase: their sum is a geometric series
    phase = k * (lag_period + 0.5 * undulator.period * (tx * tx + ty * ty))
    periods = np.exp(1j * np.outer(phase, np.arange(undulator.n_periods))).sum(axis=1)
    return (gx * periods).reshape(shape), (gy * periods).reshape(shape)


def spectral_angular_density(
    undulator: Undulator, wavelength: float, theta_x: ArrayLike, theta_y: ArrayLike
) -> NDArray[np.float64]:
    """Return d^2W/(domega dOmega) of one electron, alpha hbar k^2/(4 pi^2) |G|^2 [J s/sr].

    Parameters as in :func:`far_field`; both polarisations, omega > 0 only.
    """
    gx, gy = far_field(undulator, wavelength, theta_x, theta_y)
    k = 2.0 * math.pi / wavelength
    return FINE_STRUCTURE * HBAR * k * k / (4.0 * math.pi**2) * (np.abs(gx) ** 2 + np.abs(gy) ** 2)


def angle_integrated_density(
    undulator: Undulator, wavelength: float, max_angle: float, *, radial: int = 20, azimuth: int = 24
) -> float:
    """Return dW/domega of one electron inside a round aperture [J s].

    Parameters
    ----------
    undulator : the radiator.
    wavelength : wavelength of the light [m].
    max_angle : half angle of the aperture [rad].
    radial : panels of 16 nodes over theta^2 [1]; each should span no more than pi in k L theta^2/4.
    azimuth : nodes over the azimuth [1].
    """
    tx, ty, weight = _disc(max_angle, radial, azimuth)
    return float(weight @ spectral_angular_density(undulator, wavelength, tx, ty))


def coherent_power_numeric(
    undulator: Undulator,
    wavelength: float,
    *,
    current: float,
    bunching: complex,
    sigma_x: float = 0.0,
    sigma_y: float = 0.0,
    max_angle: float,
    radial: int = 20,
    azimuth: int = 24,
) -> float:
    """Return the coherent power inside a round aperture by integrating the far field [W].

    ``Z0 k^2 |b I|^2/(8 pi^2) int |G|^2 exp(-(k sigma_x theta_x)^2 - (k sigma_y theta_y)^2) dOmega``: the current
    ``I (1 + 2 |b| cos(k z))`` with a Gaussian profile, without divergence.

    Parameters
    ----------
    undulator : the radiator.
    wavelength : wavelength of bunching and light [m]; need not be a resonance.
    current : local current [A].
    bunching : b at that wavelength [1].
    sigma_x, sigma_y : rms beam size [m].
    max_angle, radial, azimuth : as in :func:`angle_integrated_density`.
    """
    tx, ty, weight = _disc(max_angle, radial, azimuth)
    gx, gy = far_field(undulator, wavelength, tx, ty)
    k = 2.0 * math.pi / wavelength
    sx, sy = k * not_negative("sigma_x", sigma_x, "m"), k * not_negative("sigma_y", sigma_y, "m")
    beam = np.exp(-((sx * tx) ** 2) - (sy * ty) ** 2)
    amplitude = modulus("bunching", bunching) * finite("current", current, "A")
    integral = float(weight @ ((np.abs(gx) ** 2 + np.abs(gy) ** 2) * beam))
    return VACUUM_IMPEDANCE * (k * amplitude) ** 2 / (8.0 * math.pi**2) * integral


def _disc(
    max_angle: float, radial: int, azimuth: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return angles and solid-angle weights of a disc: Gauss-Legendre in theta^2, equal steps in azimuth."""
    edge = positive("max_angle", max_angle, "rad")
    square, weight = composite_nodes(np.linspace(0.0, edge * edge, count("radial", radial, 1, _MOST_STEPS) + 1))
    phi = 2.0 * math.pi / count("azimuth", azimuth, 1, _MOST_STEPS) * (np.arange(azimuth) + 0.5)
    theta = np.sqrt(square)[:, None]
    solid = np.repeat(0.5 * weight, azimuth) * (2.0 * math.pi / azimuth)
    return (theta * np.cos(phi)).ravel(), (theta * np.sin(phi)).ravel(), solid
