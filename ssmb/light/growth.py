"""Where the low-gain picture of coherent radiation ends: self-consistent growth of the field in one dimension.

Coherent undulator radiation is counted as the light of a beam that does not change while it radiates. In the scaled
variables of the high-gain FEL (tau = 2 rho k_u s, theta the phase against the resonant light, p = delta/rho)

``theta' = p,  p' = -(a exp(i theta) + c.c.),  a' = <exp(-i theta)>``

the frozen beam has ``a = b tau`` and the power ``rho |a|^2 P_beam``; the true growth departs from it with the gain
parameter ``tau_end = 4 pi rho N``: below 1 the frozen beam is right to a few per cent, beyond it exponential gain or
saturation set in.

References
----------
R. Bonifacio, C. Pellegrini, L. M. Narducci, Opt. Commun. 50, 373 (1984), doi:10.1016/0030-4018(84)90105-6.
Z. Huang, K.-J. Kim, Phys. Rev. ST Accel. Beams 10, 034801 (2007), doi:10.1103/PhysRevSTAB.10.034801.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam.rows import real_array
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.errors import ConfigError, ValidityWarning, warn
from ssmb.maps.undulator import Undulator
from ssmb.ranges import count, not_negative, positive

#: gain parameter 4 pi rho N up to which the light of a beam that does not change is taken as it is
LOW_GAIN = 1.0
#: most steps that may be asked for
_MOST_STEPS = 1_000_000
#: steps of the integration per unit of tau, at least; the method is of fourth order
_STEPS = 64


@checked
def pierce_parameter(undulator: Undulator, current: float, sigma_x: float, sigma_y: float) -> float:
    """Return the Pierce parameter rho of the fundamental [1].

    ``[(I/(8 pi I_A)) (K [JJ]/(1 + K^2/2))^2 gamma lambda^2/(2 pi sigma_x sigma_y)]^(1/3)``, I_A = e c/r_e = 17.05 kA,
    Gaussian beam, density on the axis; a helical field counts twice in K^2.

    Parameters
    ----------
    undulator : the radiator.
    current : local current [A].
    sigma_x, sigma_y : rms beam sizes [m].

    Examples
    --------
    >>> from ssmb.beam.reference import Reference
    >>> euv = Undulator.resonant(Reference(energy=400e6), 13.5e-9, period=0.01, n_periods=300)
    >>> round(pierce_parameter(euv, 1.0, 20e-6, 20e-6) * 1e4, 2)
    3.69
    """
    reference = undulator.reference
    alfven = abs(reference.charge_number) * ELEMENTARY_CHARGE * SPEED_OF_LIGHT / reference.classical_radius
    square = 2.0 if undulator.helical else 1.0
    mean = 1.0 + 0.5 * square * undulator.k**2
    strength = square * (undulator.k * undulator.bessel(1) / mean) ** 2
    area = 2.0 * math.pi * positive("sigma_x", sigma_x, "m") * positive("sigma_y", sigma_y, "m")
    cube = not_negative("current", current, "A") / (8.0 * math.pi * alfven)
    return (cube * strength * reference.gamma * undulator.wavelength() ** 2 / area) ** (1.0 / 3.0)


@checked
def gain_parameter(undulator: Undulator, current: float, sigma_x: float, sigma_y: float) -> float:
    """Return 4 pi rho N [1], and warn where a beam can no longer be taken as unchanged by its light.

    Arguments as for :func:`pierce_parameter`.

    Warns
    -----
    ValidityWarning
        If it is above :data:`LOW_GAIN`.
    """
    gain = 4.0 * math.pi * undulator.n_periods * pierce_parameter(undulator, current, sigma_x, sigma_y)
    if gain > LOW_GAIN:
        warn(
            f"gain parameter 4 pi rho N = {gain:.2f} is above {LOW_GAIN:g}: the beam changes while it radiates and the "
            "light of an unchanged beam is off; use field_growth, or a shorter radiator, less current, a wider beam",
            ValidityWarning,
        )
    return gain


@dataclass(frozen=True)
class FieldGrowth:
    """Growth of the coherent field in a radiator, one-dimensional and self-consistent.

    Attributes
    ----------
    gain : 4 pi rho N [1].
    power_ratio : power at the exit over that of the same beam if it did not change [1].
    efficiency : power at the exit over the power of the beam [1].
    energy_loss : mean relative loss of the electrons, equal to the efficiency by conservation of energy [1].
    bunching : |b| at the exit [1].
    """

    gain: float
    power_ratio: float
    efficiency: float
    energy_loss: float
    bunching: float


@checked
def field_growth(
    phase: ArrayLike, delta: ArrayLike, *, pierce: float, n_periods: int, steps: int | None = None
) -> FieldGrowth:
    """Integrate the one-dimensional equations of beam and field through a radiator.

    Parameters
    ----------
    phase : k z of the electrons at the entrance [rad], over whole wavelengths of the light; z > 0 ahead.
    delta : relative momentum offsets from the resonant energy [1], same shape.
    pierce : rho of :func:`pierce_parameter` > 0 [1].
    n_periods : N [1].
    steps : integration steps; by default enough for 1e-6.

    Notes
    -----
    One dimension: no diffraction, the field of the whole beam acts on all. For a narrow beam rho with the beam area
    overestimates the gain, so that a low gain found here is one.

    Examples
    --------
    A beam that radiates 1.6e-5 of its power does not notice:

    >>> growth = field_growth([0.0], [0.0], pierce=1e-5, n_periods=100)
    >>> round(growth.power_ratio, 4)
    1.0
    """
    theta = -np.atleast_1d(real_array("phase", phase))
    p = np.atleast_1d(real_array("delta", delta)) / positive("pierce", pierce)
    if theta.ndim != 1 or theta.shape != p.shape or not (np.isfinite(theta).all() and np.isfinite(p).all()):
        raise ConfigError("phase and delta must be two equally long lists of finite numbers")
    end = 4.0 * math.pi * pierce * count("n_periods", n_periods)
    # energy offsets turn the phases by p tau: as fine as that, or as the gain
    fastest = max(1.0, float(np.abs(p).max()))
    enough = max(50.0, _STEPS * end * fastest / 4.0)
    number = count("steps", math.ceil(enough) if steps is None else steps, at_most=_MOST_STEPS)
    frozen = _frozen(theta, p, end, number)
    theta, p_end, a = _grown(theta, p, end, number)
    power = abs(a) ** 2
    return FieldGrowth(
        gain=end,
        power_ratio=power / abs(frozen) ** 2 if abs(frozen) > 0.0 else math.inf,
        efficiency=pierce * power,
        energy_loss=pierce * float(np.mean(p - p_end)),
        bunching=float(abs(np.mean(np.exp(-1j * theta)))),
    )


def _slopes(
    theta: NDArray[np.float64], p: NDArray[np.float64], a: complex
) -> tuple[NDArray[np.float64], NDArray[np.float64], complex]:
    wave = np.exp(1j * theta)
    return p, -2.0 * (a * wave).real, complex(np.mean(wave.conj()))


def _grown(
    theta: NDArray[np.float64], p: NDArray[np.float64], end: float, steps: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], complex]:
    """Classical Runge-Kutta of fourth order."""
    h, a = end / steps, 0.0 + 0.0j
    for _ in range(steps):
        t1, p1, a1 = _slopes(theta, p, a)
        t2, p2, a2 = _slopes(theta + 0.5 * h * t1, p + 0.5 * h * p1, a + 0.5 * h * a1)
        t3, p3, a3 = _slopes(theta + 0.5 * h * t2, p + 0.5 * h * p2, a + 0.5 * h * a2)
        t4, p4, a4 = _slopes(theta + h * t3, p + h * p3, a + h * a3)
        theta = theta + h / 6.0 * (t1 + 2.0 * t2 + 2.0 * t3 + t4)
        p = p + h / 6.0 * (p1 + 2.0 * p2 + 2.0 * p3 + p4)
        a = a + h / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4)
    return theta, p, a


def _frozen(theta: NDArray[np.float64], p: NDArray[np.float64], end: float, steps: int) -> complex:
    """Field of electrons that keep their energy: the integral of <exp(-i (theta + p tau))>."""
    tau = p * end
    near = np.abs(tau) < 1e-6
    safe = np.where(near, 1.0, tau)
    drift = np.where(near, 1.0 - 0.5j * tau, (1.0 - np.exp(-1j * tau)) / (1j * safe))
    return complex(end * np.mean(np.exp(-1j * theta) * drift))
