"""The impedance of undulator light between Hermite modes across the beam: how the field of all varies over the beam.

With the modes psi_m of :mod:`ssmb.kernels.light_modes` and b_m = <psi_m exp(-i k z)> the energy gain of a particle is

    dE = -2 I Re[exp(i k z) Sum psi_m(x, y) Z_mn b_n],   Z_mn = Int rho psi_m(r) K(r - r') rho psi_n(r') dr dr',

rho the Gaussian of the rms sizes that the modes are made for. The kernel K is that of paraxial waves: after a way t L
the field of one point is exp(i k r^2/(2 t L))/(2 i t), so that each t contributes a product of one matrix in x and one
in y, a Gaussian integral over the angles of the light. K commutes with a shift: Z is symmetric, its real part is
positive (what is radiated), and the mean loss 2 I b* Re(Z) b is exactly what the particles lose.

References
----------
A. E. Siegman, Lasers (University Science Books, 1986), chapter 16 (paraxial propagation, Hermite modes).
"""

from __future__ import annotations

import functools
import math

import numpy as np

from ssmb.collective.impedances.undulator_light import light_ohms, path_factors
from ssmb.kernels.light_modes import DECAY, SCALE
from ssmb.light.angular import composite_nodes
from ssmb.maps.undulator import Undulator

#: c of the spectra of the modes under the density.
_SPREAD = 1.0 / (1.0 / SCALE**2 + 2.0 * DECAY)


def mode_list(order: int) -> list[tuple[int, int]]:
    """Orders (m, n) in x and y of the modes with m + n <= order, as the kernels have them."""
    return [(m, n) for m in range(order + 1) for n in range(order + 1 - m)]


@functools.lru_cache(maxsize=64)
def mode_impedance(
    undulator: Undulator, wavelength: float, harmonic: int, sizes: tuple[float, float], order: int
) -> np.ndarray:
    """Return Z_mn (modes, modes) [ohm], complex, symmetric.

    Parameters
    ----------
    undulator, wavelength, harmonic : what radiates, at which wavelength [m], on which odd harmonic of it.
    sizes : rms sizes (x, y) for which the modes are made [m].
    order : largest m + n.
    """
    spread, slip = _numbers(undulator, wavelength, harmonic, sizes)
    t, factor = path_factors(spread, slip)
    scale = 4.0 * light_ohms(undulator, harmonic)
    return scale * np.einsum("t,tab->ab", factor, _overlaps(spread, t, order))


@functools.lru_cache(maxsize=16)
def mode_wake(
    undulator: Undulator, wavelength: float, harmonic: int, sizes: tuple[float, float], order: int, step: float
) -> np.ndarray:
    """Return Z_mn (lags, modes, modes) [ohm] between slices of equal length: the parts of the impedance by which light
    has run ahead 0, 1, 2 ... slices, each slice of constant bunching; their sum is :func:`mode_impedance`.

    Parameters
    ----------
    step : length of a slice over the slippage N lambda_1 of the whole undulator [1].
    """
    spread, slip = _numbers(undulator, wavelength, harmonic, sizes)
    lags = math.ceil(1.0 / step) + 1
    fine = max(1, math.ceil(abs(slip) * step / math.pi))
    ends = np.minimum(np.arange(lags * fine) * (step / fine), 1.0)
    first = ends[ends > 0.0].min(initial=1.0)
    narrow = first * 0.5 ** np.arange(1, max(2, math.ceil(math.log2(max(first / min(spread), 1.0))) + 6))
    t, weight = composite_nodes(np.unique(np.concatenate((ends, narrow, [1.0]))))
    factor = 4.0 * light_ohms(undulator, harmonic) * weight * (1.0 - t) * np.exp(-1j * slip * t)
    lag, ahead = np.floor(t / step).astype(int), t / step % 1.0
    share = np.zeros((lags + 1, t.size))
    share[lag, np.arange(t.size)] = 1.0 - ahead
    share[lag + 1, np.arange(t.size)] = ahead
    return np.einsum("lt,t,tab->lab", share, factor, _overlaps(spread, t, order), optimize=True)


def _numbers(
    undulator: Undulator, wavelength: float, harmonic: int, sizes: tuple[float, float]
) -> tuple[tuple[float, float], float]:
    """S = k sigma^2/L of both planes, and the slip of the light over the undulator beyond the resonance [rad]."""
    k = 2.0 * math.pi / wavelength
    s_x, s_y = (k * size * size / undulator.length for size in sizes)
    offset = undulator.near_harmonic(harmonic, undulator.wavelength(harmonic) / wavelength - 1.0)
    return (s_x, s_y), 2.0 * math.pi * harmonic * undulator.n_periods * offset


def _overlaps(spread: tuple[float, float], t: np.ndarray, order: int) -> np.ndarray:
    """(t, modes, modes) overlap of the modes after a way t."""
    x, y = (_between_modes(s, t, order) for s in spread)
    of_x, of_y = (np.array(list(orders)) for orders in zip(*mode_list(order), strict=True))
    return x[:, of_x[:, None], of_x] * y[:, of_y[:, None], of_y] / math.sqrt(spread[0] * spread[1])


def _between_modes(size: float, t: np.ndarray, order: int) -> np.ndarray:
    """(t, m, m') overlap of modes in one plane after a way t, times sigma.

    Int dq/2pi F_m(q) F_m'(q)* exp(-i q^2 t L/(2 k)): with u = q sigma/a the spectra F are polynomials times
    exp(-c u^2/2). The path of integration is turned to where the integrand is a real Gaussian, and Gauss-Hermite
    quadrature is exact.
    """
    nodes, weights = np.polynomial.hermite.hermgauss(order + 1)
    width = _SPREAD + 0.5j * SCALE**2 * t / size
    u = nodes / np.sqrt(width)[:, None]
    spectra = np.stack([np.polynomial.polynomial.polyval(u, p) for p in _spectra(order)])
    # of a real mode the spectrum has the factor i^m, its conjugate (-i)^m: their product is real along with the rest
    phases = np.power(1j, np.arange(order + 1))
    signs = np.real(phases[:, None] * np.conj(phases))
    total = np.einsum("j,atj,btj->tab", weights, spectra, spectra) / np.sqrt(width)[:, None, None]
    return signs * total * (SCALE / (2.0 * math.pi))


def _spectra(order: int) -> list[np.ndarray]:
    """Polynomials R_m of the spectra of rho psi_m: F_m = i^m R_m(u) exp(-c u^2/2)/sqrt(m!), by recurrence."""
    first = math.sqrt(_SPREAD / SCALE)
    rows = [np.array([first])]
    for m in range(order):
        # P_(m+1) = -i P_m' + i c u P_m - m P_(m-1), with P_m = i^m R_m
        last = rows[-1]
        up = np.zeros(m + 2)
        up[1 : last.size + 1] += _SPREAD * last
        up[: max(last.size - 1, 0)] -= np.arange(1, last.size) * last[1:]
        if m:
            up[: rows[-2].size] += m * rows[-2]
        rows.append(up)
    return [row / math.sqrt(math.factorial(m)) for m, row in enumerate(rows)]


def mode_values(place: np.ndarray, size: float, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Return psi_m (order + 1, places) of modes for an rms size, and their slopes [1/m]."""
    u = SCALE / size * np.asarray(place)
    rows = [math.sqrt(SCALE) * np.exp(-DECAY * u * u)]
    slopes = [-2.0 * DECAY * u * rows[0]]
    for m in range(1, order + 1):
        before = rows[m - 2] if m > 1 else 0.0
        rows.append((u * rows[m - 1] - math.sqrt(m - 1.0) * before) / math.sqrt(m))
        slopes.append(math.sqrt(m) * rows[m - 1] - 2.0 * DECAY * u * rows[m])
    return np.stack(rows), np.stack(slopes) * (SCALE / size)
