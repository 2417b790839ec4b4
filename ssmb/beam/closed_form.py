"""Closed forms of bunching: Gaussian, cosine bucket, and what smears it in a ring.

``b(lambda) = <exp(-i 2 pi z/lambda)>``; all functions return its modulus unless they say otherwise. Power goes with
its square. All lengths are rms values.

References
----------
D. F. Ratner, A. W. Chao, Phys. Rev. Lett. 105, 154801 (2010), doi:10.1103/PhysRevLett.105.154801.
X. Deng et al., Phys. Rev. Accel. Beams 23, 044002 (2020), doi:10.1103/PhysRevAccelBeams.23.044002.
Y. Shoji, Phys. Rev. ST Accel. Beams 8, 094001 (2005), doi:10.1103/PhysRevSTAB.8.094001 (betatron path length).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from ssmb.arguments import checked
from ssmb.errors import ConfigError
from ssmb.ranges import count, finite, not_negative, positive

#: Highest harmonic of a bucket; half depth over temperature from which its Bessel functions are their limit to
#: rounding.
_HIGHEST, _DEEPEST = 10_000, 1e9


@checked
def gaussian_bunching(sigma_z: float, wavelength: float) -> float:
    """Return b of a Gaussian, ``exp(-(k sigma_z)^2/2)`` [1].

    Parameters
    ----------
    sigma_z : rms length [m] of a Gaussian microbunch, or of a Gaussian smear (then the factor multiplies b).
    wavelength : wavelength of the light [m].

    Examples
    --------
    >>> round(gaussian_bunching(3e-9, 13.5e-9), 4)
    0.3773
    """
    phase = _wavenumber(wavelength) * not_negative("sigma_z", sigma_z, "m")
    return math.exp(-0.5 * phase * phase)


def power_factor(sigma_z: float, wavelength: float) -> float:
    """Return the factor on the coherent power, ``exp(-(k sigma_z)^2) = b^2``, of a Gaussian smear [1].

    Parameters
    ----------
    sigma_z : rms length of the smear [m].
    wavelength : wavelength of the light [m].

    Examples
    --------
    >>> round(power_factor(134.16e-9, 1064e-9), 3)
    0.534
    """
    return gaussian_bunching(sigma_z, wavelength) ** 2


@checked
def boltzmann_bunching(kappa: float, harmonic: int = 1) -> float:
    """Return b_n of a Boltzmann distribution in a cosine bucket, ``I_n(kappa)/I_0(kappa)`` [1].

    Parameters
    ----------
    kappa : ``A/(k |eta| C sigma_delta^2) = (delta_half/(2 sigma_delta))^2``, half the bucket depth over the
        temperature [1].
    harmonic : n, of the laser wavelength, at most 10 000 [1].

    Notes
    -----
    Validity: small synchrotron tune (the bucket acts as a continuous potential) and no losses over the separatrix:
    electrons outside the bucket count as if they were in the potential too.

    Examples
    --------
    >>> round(boltzmann_bunching(9.0, 5), 4)
    0.2391
    """
    kappa, n = not_negative("kappa", kappa), count("harmonic", harmonic, at_most=_HIGHEST)
    if kappa > _DEEPEST:  # beyond it the Bessel functions of the library end, and their limit holds to rounding
        return math.exp(-0.5 * n * n / kappa)
    # exponentially scaled functions: the plain ones overflow at kappa = 700
    from scipy import special  # slow to import

    return float(special.ive(n, kappa) / special.ive(0, kappa))


def h_function(beta: float, alpha: float, dispersion: float, dispersion_prime: float) -> float:
    """Return the chromatic invariant H = gamma_t D^2 + 2 alpha D D' + beta D'^2 [m].

    Parameters
    ----------
    beta : beta function [m].
    alpha : -beta'/2 [1].
    dispersion, dispersion_prime : D [m] and D' [1].

    Examples
    --------
    >>> round(h_function(9.32129, 0.0, 0.996824e-3, 0.0) * 1e6, 4)
    0.1066
    """
    beta, alpha = positive("beta", beta, "m"), finite("alpha", alpha)
    d, slope = finite("dispersion", dispersion, "m"), finite("dispersion_prime", dispersion_prime)
    # (D^2 + (alpha D + beta D')^2)/beta: a sum of squares, never negative by rounding
    return (d * d + (alpha * d + beta * slope) ** 2) / beta


def dispersion_smear(emittance: float, h: float, tune: float | None = None, turns: int = 1) -> float:
    """Return the rms path smear of the betatron motion where the dispersion does not vanish [m].

    ``2 sqrt(eps H) |sin(pi turns nu)|`` after whole turns: first-order path change of a betatron oscillation
    between two passages of a place with the chromatic invariant H. Uncoupled beam.

    Parameters
    ----------
    emittance : rms geometric emittance of the plane [m rad].
    h : chromatic invariant H at the place [m].
    tune : betatron tune of the plane [2 pi]; None gives the largest smear over all turns.
    turns : number of turns between energy modulation and radiation [1].

    Examples
    --------
    MLS at the U125, one turn:

    >>> round(dispersion_smear(33.05e-9, 0.1066e-6, 0.1781229) * 1e9, 1)
    63.0
    """
    largest = 2.0 * math.sqrt(not_negative("emittance", emittance, "m rad") * not_negative("h", h, "m"))
    if tune is None:
        return largest
    return largest * abs(math.sin(math.pi * count("turns", turns) * finite("tune", tune, "2 pi")))


def second_order_path(chromaticity: float, action: float) -> float:
    """Return the change of z per turn of a betatron oscillation, ``2 pi xi J`` [m].

    In the frame of the package: z falls (the electron arrives later) for the negative natural chromaticity.

    Parameters
    ----------
    chromaticity : xi = d nu/d delta [1], not divided by the tune.
    action : J [m rad] of the electron; its mean over a Gaussian beam is the emittance.

    Examples
    --------
    >>> round(second_order_path(-1.0, 33.05e-9) * 1e9, 1)
    -207.7
    """
    return 2.0 * math.pi * finite("chromaticity", chromaticity) * not_negative("action", action, "m rad")


def chromatic_smear_bunching(chromaticity: float, emittance: float, wavelength: float, turns: int = 1) -> float:
    """Return the factor on b of the second-order path of one plane, ``1/sqrt(1 + (2 pi m xi eps k)^2)`` [1].

    The action of a Gaussian beam has an exponential distribution, so this smear has a long one-sided tail, not a
    Gaussian; the mean shift of the phase is left out.

    Parameters
    ----------
    chromaticity : xi = d nu/d delta [1].
    emittance : rms geometric emittance [m rad].
    wavelength : wavelength of the light [m].
    turns : m, turns between energy modulation and radiation [1].

    Examples
    --------
    >>> round(chromatic_smear_bunching(1.0, 33.05e-9, 1064e-9), 3)
    0.632
    """
    mean_path = count("turns", turns) * second_order_path(chromaticity, emittance)
    return 1.0 / math.hypot(1.0, _wavenumber(wavelength) * mean_path)


def drift_angle_bunching(emittance: float, beta_waist: float, length: float, wavelength: float) -> float:
    """Return the factor on b of the path lengthening by angles in a drift, one plane [1].

    ``(1 + (k eps L/beta*)^2)^(-1/4)`` for the path ``L x'^2/2`` with a Gaussian x' of variance eps/beta*.

    Parameters
    ----------
    emittance : rms geometric emittance [m rad].
    beta_waist : beta* = 1/gamma_t, the beta function of the waist that belongs to the drift [m].
    length : length of the drift [m].
    wavelength : wavelength of the light [m].

    Examples
    --------
    >>> round(drift_angle_bunching(1e-9, 10.0, 10.0, 13.5e-9), 3)
    0.952
    """
    spread = not_negative("emittance", emittance, "m rad") / positive("beta_waist", beta_waist, "m")
    return math.hypot(1.0, _wavenumber(wavelength) * spread * not_negative("length", length, "m")) ** -0.5


def quadratic_path_bunching(quadratic: ArrayLike, sigma: ArrayLike, wavelength: float) -> float:
    """Return the factor on b of a path that is a quadratic form of Gaussian coordinates [1].

    ``|det(1 + 2 i k Sigma Q)|^(-1/2)`` for the path ``u^T Q u``: all terms T_5ij of some coordinates together, the
    horizontal ones of a section for example. A drift, Q = -L/2 for the angle alone, gives :func:`drift_angle_bunching`.

    Parameters
    ----------
    quadratic : (n, n) Q, T_5ij symmetric in i and j [m per product of the units of the coordinates].
    sigma : (n, n) covariance of the same coordinates.
    wavelength : wavelength of the light [m].

    Raises
    ------
    ConfigError
        If the two are not square matrices of one size.

    Examples
    --------
    >>> round(quadratic_path_bunching([[-5.0]], [[1e-10]], 13.5e-9), 3)
    0.952
    """
    q, s = np.atleast_2d(np.asarray(quadratic, dtype=float)), np.atleast_2d(np.asarray(sigma, dtype=float))
    if q.ndim != 2 or q.shape[0] != q.shape[1] or q.shape != s.shape:
        raise ConfigError(f"quadratic and sigma must be square matrices of one size, not {q.shape} and {s.shape}")
    matrix = np.eye(len(q)) + 2j * _wavenumber(wavelength) * (s @ (0.5 * (q + q.T)))
    return float(abs(np.linalg.det(matrix)) ** -0.5)


def chirp_compressed_length(sigma_delta: float, chirp: float) -> float:
    """Return the rms length sigma_delta/h of a chirped beam after its full linear compression, R56 = -1/h [m].

    Longitudinal strong focusing of an upright ellipse: with ``sigma_delta = eps_z/sigma_z`` of the modulator it reads
    ``eps_z/(h sigma_z)``.

    Parameters
    ----------
    sigma_delta : rms momentum spread before the modulator [1].
    chirp : h, slope of the relative modulation at its zero crossing [1/m].

    Examples
    --------
    >>> round(chirp_compressed_length(3.4e-4, 2481.26) * 1e9)
    137
    """
    return not_negative("sigma_delta", sigma_delta) / positive("chirp", chirp, "1/m")


def _wavenumber(wavelength: float) -> float:
    return 2.0 * math.pi / positive("wavelength", wavelength, "m")
