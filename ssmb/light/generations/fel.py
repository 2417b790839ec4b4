"""The high-gain free-electron laser: gain length in one dimension and with Xie's fit in three, power at saturation.

References
----------
M. Xie, Proc. PAC 1995, 183, doi:10.1109/PAC.1995.504603; Nucl. Instrum. Methods A 445, 59 (2000).
Z. Huang, K.-J. Kim, Phys. Rev. ST Accel. Beams 10, 034801 (2007), doi:10.1103/PhysRevSTAB.10.034801.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ssmb.arguments import checked
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.errors import PhysicsError, ValidityWarning, warn
from ssmb.light.generations.brightness import ElectronBeam, same_energy
from ssmb.light.growth import pierce_parameter
from ssmb.maps.undulator import Undulator

#: Xie's fit: exponents of (eta_d, eta_e, eta_gamma) and coefficient of each term
XIE_TERMS: tuple[tuple[float, float, float, float], ...] = (
    (0.45, 0.57, 0.0, 0.0),
    (0.55, 0.0, 1.6, 0.0),
    (3.0, 0.0, 0.0, 2.0),
    (0.35, 0.0, 2.9, 2.4),
    (51.0, 0.95, 0.0, 3.0),
    (5.4, 0.7, 1.9, 0.0),
    (1140.0, 2.2, 2.9, 3.2),
)
#: lengthening beyond which an FEL is no FEL any more and the fit was not made
LARGEST_LENGTHENING = 5.0


@checked
@dataclass(frozen=True)
class FreeElectronLaser:
    """SASE FEL at saturation.

    Parameters
    ----------
    wavelength : [m].
    pierce : rho of one dimension [1].
    gain_length_1d : of the power, lambda_u/(4 pi sqrt 3 rho) [m].
    eta_diffraction, eta_emittance, eta_spread : Xie's three parameters [1].
    gain_length : with them, (1 + Lambda) times that of one dimension [m].
    saturation_power : 1.6 rho P_beam/(1 + Lambda)^2, at the peak current [W].
    saturation_length : from shot noise [m].
    bandwidth : relative rms of the SASE spectrum at saturation, about the effective rho [1].
    coherence_length : rms, lambda/(4 pi bandwidth) [m].
    """

    wavelength: float
    pierce: float
    gain_length_1d: float
    eta_diffraction: float
    eta_emittance: float
    eta_spread: float
    gain_length: float
    saturation_power: float
    saturation_length: float
    bandwidth: float
    coherence_length: float


@checked
def free_electron_laser(undulator: Undulator, beam: ElectronBeam) -> FreeElectronLaser:
    """Return gain length and saturation of an FEL on the fundamental.

    Parameters
    ----------
    undulator : its periods; its length does not matter here, saturation_length says what is needed.
    beam : electrons at their peak current; means over both planes enter Xie's fit.

    Warns
    -----
    ValidityWarning
        If the gain is so weak that the fit does not hold.

    Raises
    ------
    PhysicsError
        For a beam without size, whose density would be infinite.

    Examples
    --------
    LCLS at 0.15 nm (13.6 GeV, 3.4 kA, 1.2 um, 30 mm, K = 3.5): gain length about 4 m:

    >>> from ssmb.beam.reference import Reference
    >>> ref = Reference(energy=13.64e9)
    >>> beam = ElectronBeam(ref, 1e-7, 1.2e-6/ref.gamma, 1.2e-6/ref.gamma, 25.0, 25.0, 1e-4, peak_current=3400.0)
    >>> laser = free_electron_laser(Undulator.resonant(ref, 0.15e-9, 0.03, 3700), beam)
    >>> 3.0 < laser.gain_length < 5.5 and 60.0 < laser.saturation_length < 110.0
    True
    """
    same_energy(undulator, beam)
    if beam.emittance_x == 0.0 or beam.emittance_y == 0.0:
        raise PhysicsError(
            "an electron beam without emittance has no size and the FEL no finite gain; give both emittances"
        )
    current = beam.current * beam.peak_ratio
    wavelength, period = undulator.wavelength(), undulator.period
    rho = pierce_parameter(undulator, current, beam.sigma_x, beam.sigma_y)
    one_d = period / (4.0 * math.pi * math.sqrt(3.0) * rho)
    emittance = math.sqrt(beam.emittance_x * beam.emittance_y)
    diffraction = one_d * wavelength / (4.0 * math.pi * beam.sigma_x * beam.sigma_y)
    angles = one_d / math.sqrt(beam.beta_x * beam.beta_y) * 4.0 * math.pi * emittance / wavelength
    spread = 4.0 * math.pi * one_d / period * beam.energy_spread
    longer = sum(c * diffraction**d * angles**e * spread**g for c, d, e, g in XIE_TERMS)
    if longer > LARGEST_LENGTHENING:
        warn(
            f"Xie's fit lengthens the gain length by a factor {1.0 + longer:.3g} (eta_d {diffraction:.3g}, eta_e "
            f"{angles:.3g}, "
            f"eta_gamma {spread:.3g}); above {1.0 + LARGEST_LENGTHENING:g} it was not fitted",
            ValidityWarning,
        )
    gain_length, effective = one_d * (1.0 + longer), rho / (1.0 + longer)
    beam_power = current * undulator.reference.energy
    power = 1.6 * rho / (1.0 + longer) ** 2 * beam_power
    # from the shot noise in a cooperation length up to saturation
    electrons = current * wavelength / (ELEMENTARY_CHARGE * SPEED_OF_LIGHT * 2.0 * math.pi * effective)
    start = 3.0 * effective * beam_power / (electrons * math.sqrt(math.pi * math.log(max(electrons, 10.0))))
    length = gain_length * math.log(max(9.0 * power / start, math.e))
    return FreeElectronLaser(
        wavelength, rho, one_d, diffraction, angles, spread, gain_length, power, length, effective,
        wavelength / (4.0 * math.pi * effective),
    )  # fmt: skip
