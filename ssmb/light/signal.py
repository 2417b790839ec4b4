"""What a detector behind an undulator sees of one passage of a bunch, against its charge.

References
----------
X. Deng et al., Nature 590, 576 (2021), doi:10.1038/s41586-021-03203-0 (the quadratic signal of microbunching).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam.rows import real_array
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.errors import ConfigError
from ssmb.light.coherent import BeamSize, coherent_energy
from ssmb.light.incoherent import energy_in_band
from ssmb.light.statistics import photon_energy
from ssmb.maps.undulator import Undulator
from ssmb.quantity import Shown, quantity
from ssmb.ranges import positive_or_infinite


@dataclass(frozen=True)
class ChargeSignal(Shown):
    """Light of one passage at one harmonic, for each bunch charge."""

    harmonic: int = quantity("1", "harmonic of the laser")
    wavelength: float = quantity("m", "wavelength of the light")
    bunching: float = quantity("1", "modulus of the bunching factor")
    charge: NDArray[np.float64] = quantity("C", "bunch charge", dims=("charge",))
    coherent_energy: NDArray[np.float64] = quantity("J", "coherent energy of one passage", dims=("charge",))
    incoherent_energy: NDArray[np.float64] = quantity("J", "incoherent energy of one passage", dims=("charge",))
    spread: float = quantity(
        "1", "relative rms spread of the coherent energy, by the noise of the macroparticles", default=0.0
    )

    @property
    def energy(self) -> NDArray[np.float64]:
        """Coherent plus incoherent energy [J]; the incoherent part of the spectrum has weight N(1 - |b|^2), here N."""
        return self.coherent_energy + self.incoherent_energy

    @property
    def coherent_photons(self) -> NDArray[np.float64]:
        """Coherent photons per passage [1]."""
        return self.coherent_energy / (photon_energy(self.wavelength) * ELEMENTARY_CHARGE)

    @property
    def incoherent_photons(self) -> NDArray[np.float64]:
        """Incoherent photons per passage [1]."""
        return self.incoherent_energy / (photon_energy(self.wavelength) * ELEMENTARY_CHARGE)

    @property
    def crossover_charge(self) -> float:
        """Charge at which both parts are equal [C]; infinite without bunching."""
        quadratic = float(self.coherent_energy[-1] / self.charge[-1] ** 2)
        linear = float(self.incoherent_energy[-1] / self.charge[-1])
        return linear / quadratic if quadratic > 0.0 else math.inf


@checked
def signal_against_charge(
    undulator: Undulator,
    charges: ArrayLike,
    *,
    sigma_z: float,
    bunching: complex,
    harmonic: int = 1,
    sigma_perp: BeamSize = 0.0,
    acceptance: float = math.inf,
    bandwidth: float = math.inf,
    incoherent_bandwidth: float | None = None,
) -> ChargeSignal:
    """Return coherent (Q^2) and incoherent (Q) energy of one passage of a Gaussian bunch.

    Parameters
    ----------
    undulator : the radiator, resonant at the laser wavelength.
    charges : bunch charges, above zero [C].
    sigma_z : rms bunch length, the same for all charges [m].
    bunching : b_n at the harmonic, the same all along the bunch and for all charges [1].
    harmonic : n; 1 for 1064 nm and 2 for 532 nm at the MLS [1].
    sigma_perp : rms beam size, or (sigma_x, sigma_y) [m].
    acceptance : half angle of the detector's aperture [rad].
    bandwidth : full relative width of the detector's filter [1]; it also cuts the light of a short bunch.
    incoherent_bandwidth : band in which the incoherent light is counted if there is no filter [1]; None takes
        `bandwidth`.

    Raises
    ------
    ConfigError
        If a charge is not above zero, or no band is given for the incoherent light.

    Examples
    --------
    >>> from ssmb.beam.reference import Reference
    >>> u125 = Undulator.resonant(Reference(energy=250e6), 1064e-9, period=0.125, n_periods=32)
    >>> seen = signal_against_charge(u125, [1e-12, 1e-11], sigma_z=60e-6, bunching=0.05, bandwidth=3 / 1064)
    >>> [round(float(r), 3) for r in (seen.coherent_energy[1]/seen.coherent_energy[0], seen.energy[1]/seen.energy[0])]
    [100.0, 99.994]
    """
    charge = np.atleast_1d(real_array("charges", charges))
    if charge.ndim != 1 or charge.size == 0 or not (np.isfinite(charge) & (charge > 0.0)).all():
        raise ConfigError("charges [C] must be a list of finite numbers above zero")
    band = bandwidth if incoherent_bandwidth is None else incoherent_bandwidth
    if math.isinf(positive_or_infinite("bandwidth", band)):
        raise ConfigError("give bandwidth (or incoherent_bandwidth): incoherent light has no line of its own")
    one_coulomb = coherent_energy(
        undulator,
        charge=1.0,
        sigma_z=sigma_z,
        bunching=bunching,
        harmonic=harmonic,
        sigma_perp=sigma_perp,
        acceptance=acceptance,
        bandwidth=bandwidth,
    )
    one_electron = energy_in_band(undulator, band, harmonic, acceptance)
    return ChargeSignal(
        harmonic=harmonic,
        wavelength=undulator.wavelength(harmonic),
        bunching=abs(bunching),
        charge=charge,
        coherent_energy=one_coulomb * charge**2,
        incoherent_energy=one_electron / ELEMENTARY_CHARGE * charge,
    )
