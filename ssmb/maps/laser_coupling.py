"""How a wiggling electron couples to light, averaged over one wiggler period, to the order that 1e-3 needs.

Light that crosses the electron's mean direction at the angle ``theta`` is seen as
``f(tau) = (kappa cos tau - theta) exp(i r theta sin tau - i chi sin 2 tau)`` (planar, tau = k_u s, kappa the amplitude
of the wiggling angle, r = k kappa/k_u, chi = k kappa^2/(8 k_u)): transverse and longitudinal field, finite wiggling
amplitude and the figure-eight motion are all in it. Of its Fourier series

- the harmonic that is resonant gives the averaged coupling ``C = C0 (1 + c2 theta^2 + c_delta delta + c_gap y^2)``;
  on axis C0 = kappa [JJ]/2, and theta^2 acts on a laser mode as a derivative: relative size 1/(k_u Z_R);
- all others integrate to terms at the two ends of the wiggler, of relative size 1/(2 pi N).

References
----------
K.-J. Kim, AIP Conf. Proc. 184, 565 (1989), doi:10.1063/1.38046 (off-axis coupling as in undulator radiation).
E. Hemsing, G. Stupakov, D. Xiang, A. Zholents, Rev. Mod. Phys. 86, 897 (2014), doi:10.1103/RevModPhys.86.897.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_POINTS = 512


@dataclass(frozen=True)
class Coupling:
    """Period-averaged coupling of one wiggler to light of one wavelength.

    Parameters
    ----------
    harmonic : harmonic of the wiggler that the light drives [1].
    strength : C0, energy gain per length and field, averaged [1], > 0.
    c_x, c_y : relative change per square of the angle between light and electron in x and y [1/rad^2].
    c_delta : relative change per delta [1].
    c_gap : relative change per square of the distance from the axis, towards the poles [1/m^2].
    detuning : rate at which a reference particle on axis slips against the light beyond resonance [rad/m].
    """

    harmonic: int
    strength: float
    c_x: float
    c_y: float
    c_delta: float
    c_gap: float
    detuning: float
    _others: tuple[np.ndarray, ...]  # Fourier coefficients of orders 0, theta_x, theta_y, without the resonant one
    _orders: np.ndarray
    _k_u: float

    def end_terms(self, tau: float) -> tuple[complex, complex, complex]:
        """Antiderivatives at wiggler phase ``tau`` [rad] of what is not resonant: field, and per angle in x and y
        [m].
        """
        steps = self._orders - self.harmonic
        kernel = np.where(steps == 0, 0.0, np.exp(1j * steps * tau) / (1j * np.where(steps == 0, 1, steps) * self._k_u))
        first, second, third = (complex(np.sum(c * kernel)) for c in self._others)
        return first, second, third


def coupling(kappa: float, k_u: float, k: float, slip: float, polarization: str) -> Coupling:
    """Return the coupling of a wiggler to light.

    Parameters
    ----------
    kappa : amplitude of the wiggling angle, K/(gamma beta) [rad].
    k_u : 2 pi over the period [1/m].
    k : wave number of the light [1/m].
    slip : length by which light gains on the reference particle per length of wiggler [1].
    polarization : "HORIZONTAL", "VERTICAL" or "HELICAL" (then the light is circular).
    """
    rate = k * slip
    harmonic = max(1, round(rate / k_u)) if polarization == "HELICAL" else max(1, 2 * round((rate / k_u - 1) / 2) + 1)
    tau = 2.0 * math.pi * np.arange(_POINTS) / _POINTS
    r = k * kappa / k_u
    if polarization == "HELICAL":
        zero, along, across, second, log_slope = _helical(tau, kappa, r)
    else:
        zero, along, across, second, log_slope = _planar(tau, kappa, r)
    orders = np.rint(np.fft.fftfreq(_POINTS, 1.0 / _POINTS)).astype(int)
    resonant = np.exp(-1j * harmonic * tau)
    c0 = complex(np.mean(zero * resonant))
    if abs(c0) < 1e-12 * kappa or kappa == 0.0:  # a harmonic that does not couple on axis
        sign, relative, slope = 1.0, 0.0, 0.0
    else:
        sign = math.copysign(1.0, c0.real)
        relative = float((np.mean(second * resonant) / c0).real)
        slope = float((np.mean(log_slope * resonant) / c0).real)
    others = tuple(sign * np.fft.fft(f) / _POINTS for f in (zero, along, across))
    c_x, c_y, c_gap = relative, 0.0, 0.5 * slope * k_u * k_u
    if polarization == "VERTICAL":
        c_x, c_y, others = 0.0, relative, (others[0], others[2], others[1])
    elif polarization == "HELICAL":
        c_y, c_gap = relative, 0.25 * slope * k_u * k_u
    return Coupling(harmonic, sign * c0.real, c_x, c_y, -slope, c_gap, harmonic * k_u - rate, others, orders, k_u)


def _planar(tau: np.ndarray, kappa: float, r: float) -> tuple[np.ndarray, ...]:
    """f at angle 0, its first orders along and across the wiggling, second order along, and kappa d/dkappa."""
    chi = r * kappa / 8.0
    eight = np.exp(-1j * chi * np.sin(2.0 * tau))
    sin, slope = np.sin(tau), kappa * np.cos(tau)
    zero = slope * eight
    along = (1j * r * sin * slope - 1.0) * eight
    second = (-0.5 * slope * (r * sin) ** 2 - 1j * r * sin) * eight
    log_slope = zero * (1.0 - 2j * chi * np.sin(2.0 * tau))
    return zero, along, np.zeros_like(zero), second, log_slope


def _helical(tau: np.ndarray, kappa: float, r: float) -> tuple[np.ndarray, ...]:
    """The same for a helical wiggler and circular light; both angles act alike."""
    turn = kappa * np.exp(1j * tau)
    along = 1j * r * np.sin(tau) * turn - 1.0
    across = -1j * r * np.cos(tau) * turn - 1j
    second = -0.5 * (r * np.sin(tau)) ** 2 * turn - 1j * r * np.sin(tau)
    return turn, along, across, second, turn
