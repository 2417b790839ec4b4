"""The light of one harmonic of an undulator from the exact field of one electron, where the periods are few.

The closed forms of :mod:`ssmb.light.coherent` and :mod:`ssmb.light.incoherent` are the first term of an expansion in
n/N and in the angle. :func:`closed_form_error` says how far off they may be; above :data:`LARGEST_ERROR` the functions
there take the integral of this module, over the field of an electron on its orbit with end poles:

    dW/domega = int d2W/(domega dOmega) exp(-(k sigma_x theta_x)^2 - (k sigma_y theta_y)^2) dOmega     [J s]

without beam size the incoherent spectrum of an electron, with it what a beam radiates coherently,
``P = (2 pi/e^2) |b I|^2 dW/domega``. Directions are those of a round aperture inside the cone of the harmonic, half of
the way (in the square of the angle) to where the next one has the same wavelength.

References
----------
J. D. Jackson, Classical Electrodynamics, 3rd ed., Wiley (1998), section 14.5, ISBN 978-0-471-30932-1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.costs import check_cost
from ssmb.errors import ValidityWarning, warn
from ssmb.kernels.threads import most_threads
from ssmb.light.angular import azimuths, composite_nodes
from ssmb.light.single_electron import SECONDS_OF_A_STEP, angular_density, orbit_field, resolved_orbit
from ssmb.light.statistics import photon_energy
from ssmb.maps.undulator import Undulator
from ssmb.maps.undulator_relations import mean_square_deflection

Array = NDArray[np.float64]

#: the spectrum of a Gaussian bunch is followed to this many 1/sigma_z
SPECTRUM = 6.0
#: error above which a closed form gives way to the integral
LARGEST_ERROR = 0.02
#: error of a closed form up to which nothing is said of it
_LARGEST_UNSAID = 0.2
#: directions times nodes that are worth it: seconds
_MOST_WORK = 5e8
#: rms widths of the light of a wide beam that are integrated over
_WIDTHS = 4.5
#: directions times photon energies at a time
_BLOCK = 200_000


def closed_form_error(undulator: Undulator, harmonic: int, reach: float, size: float = 0.0) -> float:
    """Return the largest relative error of a closed form of undulator light, as far as it is below 1 [1].

    ``(n/N) (1.5 + 0.6 ln(1 + x))`` for odd and ``(n/N) (1.5 + x/4 + S)`` for even harmonics, and ``4 n N (1 + <K^2>)/
    gamma^2`` for the resonance itself; a bound to errors that were measured for n up to 7, N from 5 to 600, K from 0.4
    to 6, half of which are above 0.4 of it.

    Parameters
    ----------
    undulator, harmonic : of the light.
    reach : x = k L theta^2/4 of the largest angle that counts; that of the cone if it is larger [1].
    size : size parameter S = k sigma^2/L of the beam, of the wider plane [1].

    Examples
    --------
    >>> from ssmb.beam.reference import Reference
    >>> u125 = Undulator.resonant(Reference(energy=250e6), 1064e-9, period=0.125, n_periods=32)
    >>> [round(closed_form_error(u125, n, 4.0), 2) for n in (1, 2, 3)]
    [0.08, 0.16, 0.24]
    """
    core = 1.0 + mean_square_deflection(undulator.k, undulator.helical)
    periods, x = undulator.n_periods, min(reach, 0.5 * math.pi * undulator.n_periods)
    form = 1.5 + (0.6 * math.log1p(x) if harmonic % 2 else 0.25 * x + size)
    return harmonic / periods * form + 4.0 * harmonic * periods * core / undulator.reference.gamma**2


def field_instead(cone: HarmonicCone, bounded: bool, error: float) -> bool:
    """Whether the field takes the place of a closed form with this error; warns where it should and cannot.

    Parameters
    ----------
    cone : the light.
    bounded : whether a beam size or an aperture says which angles count.
    error : of the closed form; see :func:`closed_form_error` [1].
    """
    if bounded and error > LARGEST_ERROR and cone.work < _MOST_WORK:
        return True
    if error > _LARGEST_UNSAID:
        why = (
            "without beam size and aperture" if not bounded else f"at harmonic {cone.harmonic}, too high to integrate,"
        )
        warn(
            f"{cone.undulator.n_periods} periods: the closed form of light {why} is up to {error:.0%} off; with "
            "sigma_perp or acceptance, and at low harmonics, the exact field of an electron takes its place",
            ValidityWarning,
        )
    return False


@dataclass(frozen=True)
class HarmonicCone:
    """The light of one harmonic of an undulator with end poles, inside its cone and a round aperture.

    Parameters
    ----------
    undulator : the radiator; its orbit is :func:`ssmb.light.trajectory.undulator_orbit`.
    harmonic : n [1].
    sigma : rms sizes (x, y) of a coherently radiating Gaussian beam; 0 for one electron [m].
    acceptance : half angle of the aperture [rad].
    """

    undulator: Undulator
    harmonic: int
    sigma: tuple[float, float] = (0.0, 0.0)
    acceptance: float = math.inf

    @property
    def angle(self) -> float:
        """Half angle of the cone [rad], where the light and that of the next harmonic are equally far in wavelength.

        >>> from ssmb.beam.reference import Reference
        >>> u125 = Undulator.resonant(Reference(energy=250e6), 1064e-9, period=0.125, n_periods=32)
        >>> round(HarmonicCone(u125, 2).angle * 1e3, 2)
        2.06
        """
        core = 1.0 + mean_square_deflection(self.undulator.k, self.undulator.helical)
        return math.sqrt(0.5 * core / self.harmonic) / self.undulator.reference.gamma

    @property
    def edge(self) -> float:
        """Largest angle that counts: of the cone, the aperture, and the light of the beam [rad]."""
        k = 2.0 * math.pi / self.undulator.wavelength(self.harmonic)
        beam = _WIDTHS / (k * min(self.sigma)) if min(self.sigma) > 0.0 else math.inf
        return min(self.acceptance, self.angle, beam)

    @property
    def work(self) -> float:
        """Directions of one integral times nodes of the orbit, about [1]."""
        und = self.undulator
        fringes = math.pi / und.wavelength(self.harmonic) * und.length * self.edge**2
        return (300.0 + 16.0 * 0.1 * fringes) * self._azimuths * 6.0 * (9.0 + 4.0 * self.harmonic)

    @property
    def _azimuths(self) -> int:
        return 24 + 12 * math.ceil(math.sqrt(self.harmonic))

    def spectrum(self, offset: Array) -> Array:
        """Return dW/domega [J s] at relative frequency offsets from the on-axis resonance [1], shape (m,)."""
        resonance = self.undulator.wavelength(self.harmonic)
        energy = photon_energy(resonance) * (1.0 + offset)
        k = 2.0 * math.pi / resonance * (1.0 + offset)
        edge = min(self.acceptance, self.angle, self.edge * float(1.0 / (1.0 + offset.min())))
        tx, ty, solid = self._disc(edge, float(k.max()))
        orbit = resolved_orbit(self.undulator, np.array(edge), np.array(0.0), energy)
        check_cost(
            f"the exact field of {self.undulator.n_periods} periods at {tx.size} angles, {energy.size} photon energies",
            seconds=4.0 * SECONDS_OF_A_STEP * tx.size * float(orbit.rows.shape[1]) * energy.size / most_threads(),
            instead="take fewer periods, a shorter bunch or a smaller acceptance",
        )
        spectrum, step = np.zeros(energy.shape), max(1, _BLOCK // energy.size)
        for first in range(0, tx.size, step):
            x, y = tx[first : first + step], ty[first : first + step]
            density = angular_density(orbit_field(orbit, x, y, energy), energy)
            if max(self.sigma) > 0.0:
                sizes = (self.sigma[0] * x) ** 2 + (self.sigma[1] * y) ** 2
                density = density * np.exp(-np.multiply.outer(sizes, k * k))
            spectrum = spectrum + solid[first : first + step] @ density
        return spectrum

    def ohms(self, offset: Array) -> Array:
        """Return the coherent power over (|b| I)^2 at relative frequency offsets [ohm]."""
        return 2.0 * math.pi / ELEMENTARY_CHARGE**2 * self.spectrum(offset)

    def best_ohms(self, lowest: float) -> float:
        """Return the highest coherent power over (|b| I)^2 at offsets from `lowest` to 0 [ohm]."""
        low, high, best = max(lowest, -0.5 / self.harmonic), 0.0, 0.0
        for _ in range(3):
            offset = np.linspace(low, high, 33)
            powers = self.ohms(offset)
            at = int(np.argmax(powers))
            best, low, high = max(best, float(powers[at])), offset[max(at - 1, 0)], offset[min(at + 1, 32)]
        return best

    def ohms_of_bunch(self, sigma_z: float, bandwidth: float) -> float:
        """Return the mean of the same over the spectrum of a Gaussian bunch, exp(-(dk sigma_z)^2), in a band [ohm].

        Parameters
        ----------
        sigma_z : rms length of the bunch [m].
        bandwidth : full relative width of the band around the harmonic [1]; light that is nearer to another harmonic
            is left out.
        """
        per_offset = 2.0 * math.pi / self.undulator.wavelength(self.harmonic) * sigma_z
        edge = min(SPECTRUM, 0.5 * bandwidth * per_offset, 0.5 / self.harmonic * per_offset)
        widths = self.harmonic * self.undulator.n_periods * edge / per_offset
        u, weight = composite_nodes(np.linspace(-edge, edge, 3 + math.ceil(2.0 * widths)))
        return float((weight * np.exp(-u * u)) @ self.ohms(u / per_offset)) / math.sqrt(math.pi)

    def _disc(self, edge: float, k: float) -> tuple[Array, Array, Array]:
        """Angles and solid angles of a disc: Gauss-Legendre over the radius and over the azimuth.

        The orbit with end poles has equal light above and below its plane; a helical one has not.
        """
        und, widest = self.undulator, k * edge * max(self.sigma)
        flat = k * edge * abs(self.sigma[0] - self.sigma[1]) > 4.0
        # the light of both ends interferes: 10 rad of its phase in a panel
        panels = 2 + math.ceil(0.05 * k * (und.length + 2.0 * und.period) * edge * edge)
        borders = np.sqrt(np.linspace(0.0, 1.0, panels + 1))
        if flat:  # narrower light of the wide plane
            halvings = max(0, math.ceil(math.log2(0.5 * widest * borders[1])))
            borders = np.concatenate((borders[:1], borders[1] * 0.5 ** np.arange(halvings, 0, -1), borders[1:]))
        radius, weight = composite_nodes(edge * borders)
        phi, share = azimuths(self._azimuths, flat=flat, half=not und.helical)
        solid = np.outer(radius * weight, 2.0 * math.pi * share)
        return np.outer(radius, np.cos(phi)).ravel(), np.outer(radius, np.sin(phi)).ravel(), solid.ravel()
