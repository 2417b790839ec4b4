"""Microwave instability of a coasting beam: growth per turn from the dispersion relation.

A density wave exp(i k z - i Omega n), n in turns, of a beam with a Gaussian energy spread obeys

``1 = -i I Z/(E sigma_delta^2 k eta C) [1 + zeta Zp(zeta)],  zeta = Omega/(sqrt(2) k |eta| C sigma_delta)``

with the impedance Z(k) of a turn and the plasma dispersion function Zp(zeta) = i sqrt(pi) w(zeta). Its threshold is the
smallest current that has a root on the real axis.

Valid for one wave at a time, k times the bunch length far above one, and growth well below one a turn. A linear theory:
growth ends where the wave traps the particles, at a trapping rate sqrt(2 k |eta| C I |Z b|/E) like the growth rate.

References
----------
A. W. Chao, Physics of Collective Beam Instabilities in High Energy Accelerators (Wiley, 1993), section 5.4.
B. D. Fried, S. D. Conte, The Plasma Dispersion Function (Academic Press, 1961).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.collective.impedances import Impedance, Ohms, impedance_values
from ssmb.collective.stored_beam import StoredBeam
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning, warn
from ssmb.quantity import Shown, quantity
from ssmb.ranges import not_negative

Array = NDArray[np.float64]

#: Growth per turn above which a kick once a turn is no smooth force.
_SMOOTH_GROWTH = 0.3
#: Steps of the current on the way from threshold.
_RATIO = 1.25
#: Distance from the origin above which the response is a series, and its terms.
_FAR, _TERMS = 20.0, 10


@checked
@dataclass(frozen=True, eq=False)
class CoastingStability(Shown):
    """Growth of density waves of a coasting beam, one entry for each wavelength."""

    current: float = quantity("A", "mean current of the beam")
    wavelength: Array = quantity("m", "wavelength of the wave", dims=("wavelength",))
    threshold: Array = quantity("A", "current above which the wave grows; infinite if none", dims=("wavelength",))
    growth: Array = quantity(
        "1",
        "growth rate of the bunching factor per turn; 0 below threshold",
        label="growth a turn",
        dims=("wavelength",),
    )
    frequency: Array = quantity(
        "2pi", "tune of the wave in the frame of the beam; 0 below threshold", dims=("wavelength",)
    )

    @property
    def fastest(self) -> int:
        """Entry of the wave that grows fastest."""
        return int(np.argmax(self.growth))

    def table(self) -> dict[str, Array]:
        """Columns wavelength, threshold, growth and frequency."""
        return {name: getattr(self, name) for name in ("wavelength", "threshold", "growth", "frequency")}


@checked
def coasting_growth(
    beam: StoredBeam, impedance: Impedance | Ohms, current: float, wavelengths: ArrayLike
) -> CoastingStability:
    """Return growth per turn and threshold of waves of a coasting beam.

    Parameters
    ----------
    beam : the ring, and the energy spread of the beam.
    impedance : of a whole turn [ohm], a function of wave numbers [1/m].
    current : mean current of the beam; of a bunch long against the wave its local current [A].
    wavelengths : of the waves [m], one or more.

    Raises
    ------
    ConfigError
        Numbers out of range, or an impedance that is none.

    Examples
    --------
    >>> beam = StoredBeam(energy=600e6, circumference=120.0, slip_factor=1e-5, sigma_delta=3e-4)
    >>> waves = coasting_growth(beam, lambda k: np.full(k.shape, 2598.0 + 1500.0j), 4.75, 50e-6)
    >>> round(float(waves.threshold[0]), 3), round(float(waves.growth[0]), 4)
    (3.167, 0.0149)
    """
    not_negative("current", current, "A")
    lengths = np.atleast_1d(np.asarray(wavelengths, dtype=float))
    if lengths.ndim != 1 or not lengths.size or not (np.isfinite(lengths).all() and (lengths > 0.0).all()):
        raise ConfigError(f"coasting_growth: wavelengths must be one or more lengths above 0 m, got {wavelengths!r}")
    k = 2.0 * math.pi / lengths
    # the dispersion relation is 1 = current * pull * (1 + zeta Zp(zeta))
    pull = -1j * impedance_values("coasting_growth", impedance, k)
    pull /= beam.energy * beam.sigma_delta**2 * k * beam.slip
    omega = np.zeros(k.size, dtype=complex)
    threshold = np.empty(k.size)
    for i, one in enumerate(pull):
        threshold[i], start = _threshold(complex(one))
        if current > threshold[i]:
            omega[i] = _root(complex(one), threshold[i], start, current)
    omega *= math.sqrt(2.0) * k * abs(beam.slip) * beam.sigma_delta
    growth = np.imag(omega)
    if (growth > _SMOOTH_GROWTH).any():
        warn(
            f"coasting_growth: a growth of {growth.max():.2g} a turn is too fast for a smooth force (above "
            f"{_SMOOTH_GROWTH}); track the beam with TrainImpedance",
            ValidityWarning,
        )
    return CoastingStability(current, lengths, threshold, growth, np.real(omega) / (2.0 * math.pi))


def response(zeta: complex) -> tuple[complex, complex]:
    """1 + zeta Zp(zeta) of a Gaussian, and its derivative, on the real axis and above it."""
    if abs(zeta) > _FAR:  # the asymptotic series, where the closed form loses its digits
        value, slope, term = 0j, 0j, 1.0 + 0j
        for n in range(1, _TERMS):
            term *= (2 * n - 1) / (2.0 * zeta * zeta)
            value -= term
            slope += 2 * n * term / zeta
        return value, slope
    plasma = 1j * math.sqrt(math.pi) * complex(scipy.special.wofz(zeta))
    value = 1.0 + zeta * plasma
    return value, plasma - 2.0 * zeta * value


def _threshold(pull: complex) -> tuple[float, float]:
    """Smallest current with a root on the real axis, and that root; infinite if there is none.

    Along the axis the response goes once around, from 0 through 1; a root is where pull times it is one over a current.
    """
    if pull == 0.0:
        return math.inf, 0.0
    turn = pull / abs(pull)

    def across(zeta: float) -> float:
        return (turn * response(complex(zeta))[0]).imag

    grid = np.sinh(np.linspace(-3.0, 3.0, 401))  # +-10, dense about 0
    values = np.array([across(float(zeta)) for zeta in grid])
    best, where = 0.0, 0.0
    for i in np.flatnonzero(np.sign(values[:-1]) != np.sign(values[1:])):
        zeta = float(scipy.optimize.brentq(across, grid[i], grid[i + 1], xtol=1e-15))
        along = (turn * response(complex(zeta))[0]).real
        if along > best:
            best, where = along, zeta
    # far out only the tail of a Gaussian is left: what needs a hundred times the current of Keil and Schnell is stable
    return (1.0 / (abs(pull) * best), where) if best > 1e-2 else (math.inf, 0.0)


def _root(pull: complex, threshold: float, start: float, current: float) -> complex:
    """Root in the upper half-plane at a current above threshold, followed from there."""
    steps = max(1, math.ceil(math.log(current / threshold) / math.log(_RATIO)))
    zeta = complex(start, 0.0)
    for at in np.geomspace(threshold, current, steps + 1)[1:]:
        aim = 1.0 / (pull * at)
        for _ in range(60):
            value, slope = response(zeta)
            step = (value - aim) / slope
            zeta -= step
            if abs(step) < 1e-13 * (1.0 + abs(zeta)):
                break
        else:
            raise PhysicsError(f"coasting_growth: the root was lost at {at:.3g} A")
    return zeta
