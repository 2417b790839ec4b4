"""Incoherent light of bends: spectrum, divergence, flux (Schwinger), for one electron on a circle.

References
----------
J. Schwinger, Phys. Rev. 75, 1912 (1949), doi:10.1103/PhysRev.75.1912.
"""

from __future__ import annotations

import math

from ssmb.arguments import checked
from ssmb.beam.reference import Reference
from ssmb.constants import ELEMENTARY_CHARGE, FINE_STRUCTURE, PLANCK, SPEED_OF_LIGHT
from ssmb.errors import PhysicsError
from ssmb.ranges import positive


@checked
def critical_energy(reference: Reference, field: float) -> float:
    """Return the critical photon energy of a bend, 3 hbar c gamma^3/(2 rho) [eV].

    >>> round(critical_energy(Reference(energy=3e9), 1.0), 1)
    5985.2
    """
    radius = reference.brho / positive("field", field, "T")
    return 0.75 * PLANCK * SPEED_OF_LIGHT / (math.pi * ELEMENTARY_CHARGE) * reference.gamma**3 / radius


def _over_critical(reference: Reference, field: float, photon_energy: float) -> float:
    """Return the photon energy over the critical one, or raise PhysicsError if there is no light [1]."""
    critical = critical_energy(reference, field)
    y = positive("photon_energy", photon_energy, "eV") / critical if critical > 0.0 else math.inf
    if y > 600.0:
        raise PhysicsError(
            f"{photon_energy:.6g} eV is {y:.3g} times the critical energy {critical:.6g} eV of this bend: it has no "
            f"light there"
        )
    return y


@checked
def bend_flux(
    reference: Reference, field: float, photon_energy: float, current: float, bandwidth: float = 1e-3
) -> float:
    """Return the photons per second and radian of horizontal angle, all vertical angles [1/(s rad)].

    ``(sqrt 3/(2 pi)) alpha gamma (dE/E) (I/e) y int_y^inf K_(5/3)``, y = E/E_c.

    Parameters
    ----------
    reference : the electrons.
    field : of the bend [T].
    photon_energy : [eV].
    current : average [A].
    bandwidth : relative [1].

    Examples
    --------
    2.457e13 E[GeV] I[A] G_1(y) per mrad and 0.1 %, G_1(1) = 0.6514:

    >>> ref = Reference(energy=3e9)
    >>> round(bend_flux(ref, 1.0, critical_energy(ref, 1.0), 0.5) * 1e-3 / (2.457e13 * 3 * 0.5 * 0.6514), 3)
    1.0
    """
    from scipy import integrate, special  # slow to import

    y = _over_critical(reference, field, photon_energy)
    # K_(5/3) integrated with u = y e^t, which takes the pole at small y
    tail = integrate.quad(
        lambda t: special.kv(5.0 / 3.0, y * math.exp(t)) * y * math.exp(t), 0.0, math.log(1.0 + 700.0 / y)
    )[0]
    electrons = positive("current", current, "A") / ELEMENTARY_CHARGE
    return (
        math.sqrt(3.0)
        / (2.0 * math.pi)
        * FINE_STRUCTURE
        * reference.gamma
        * positive("bandwidth", bandwidth)
        * electrons
        * y
        * tail
    )


def bend_divergence(reference: Reference, field: float, photon_energy: float) -> float:
    """Return the rms angle of the Gaussian with the flux and the peak of the vertical distribution [rad].

    Examples
    --------
    >>> ref = Reference(energy=3e9)
    >>> round(bend_divergence(ref, 1.0, critical_energy(ref, 1.0)) * ref.gamma, 3)
    0.648
    """
    from scipy import special  # slow to import

    y = _over_critical(reference, field, photon_energy)
    peak = 3.0 * FINE_STRUCTURE / (4.0 * math.pi**2) * reference.gamma**2 * y * y * special.kv(2.0 / 3.0, 0.5 * y) ** 2
    flux = bend_flux(reference, field, photon_energy, ELEMENTARY_CHARGE, 1.0)
    return flux / (math.sqrt(2.0 * math.pi) * float(peak))
