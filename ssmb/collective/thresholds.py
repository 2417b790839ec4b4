"""Currents above which the energy spread of a beam grows: the rules of thumb of the field, and where each ends.

They are for first looks. What decides is the dispersion relation (:mod:`ssmb.collective.coasting_stability`) for a
coasting beam, and a grid (:mod:`ssmb.collective.vlasov`) or tracking for a bunch.

References
----------
E. Keil, W. Schnell, CERN-ISR-TH-RF/69-48 (1969).
D. Boussard, CERN-LabII-RF-INT/75-2 (1975).
G. Stupakov, S. Heifets, Phys. Rev. ST Accel. Beams 5, 054402 (2002), doi:10.1103/PhysRevSTAB.5.054402.
K. Bane, Y. Cai, G. Stupakov, Phys. Rev. ST Accel. Beams 13, 104402 (2010), doi:10.1103/PhysRevSTAB.13.104402.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.collective.impedances import Impedance, Ohms, impedance_values
from ssmb.collective.stored_beam import StoredBeam
from ssmb.constants import ELECTRON_MASS_EV, SPEED_OF_LIGHT, VACUUM_PERMITTIVITY
from ssmb.errors import ConfigError, ValidityWarning, warn
from ssmb.ranges import not_negative, positive

Array = NDArray[np.float64]

#: Waves in a bunch (k sigma_z) from which on it is locally a coasting beam.
_MANY_WAVES = 2.0 * math.pi
#: Shielding at which the threshold dips below the fit, and damping over 2 pi nu_s to which the fit belongs.
_DIP, _WEAK_DAMPING = (0.4, 1.2), 0.02
#: Shielding up to which thresholds on a grid are within 15 % of the fit.
_FITTED = 2.5
#: Critical wavelengths from which on radiation follows k^(1/3) to about 10 %.
_CRITICAL = 30.0


@checked
def keil_schnell_current(beam: StoredBeam, impedance: Impedance | Ohms, wavelengths: ArrayLike) -> Array:
    """Return the current of a coasting beam below which waves are stable, ``k |eta| C E sigma_delta^2/|Z|`` [A].

    A circle about the origin in the plane of impedances: it knows no phase. Of a Gaussian beam the threshold by
    :func:`ssmb.collective.coasting_growth` is 1 (reactive), 1.4 (resistive) times it, or infinite (reactive, of the
    other sign).

    Parameters
    ----------
    beam : the ring and the energy spread.
    impedance : of a turn [ohm], a function of wave numbers [1/m].
    wavelengths : of the waves [m].
    """
    lengths = np.atleast_1d(np.asarray(wavelengths, dtype=float))
    if not lengths.size or not (np.isfinite(lengths).all() and (lengths > 0.0).all()):
        raise ConfigError(f"keil_schnell_current: wavelengths must be above 0 m, got {wavelengths!r}")
    k = 2.0 * math.pi / lengths
    size = np.abs(impedance_values("keil_schnell_current", impedance, k))
    with np.errstate(divide="ignore"):
        return np.asarray(k * abs(beam.slip) * beam.energy * beam.sigma_delta**2 / size)


@checked
def boussard_current(beam: StoredBeam, impedance: Impedance | Ohms, wavelengths: ArrayLike) -> Array:
    """Return the peak current of a bunch below which waves in it are stable, ``2 pi |eta| E sigma_delta^2/|Z/n|`` [A].

    The rule of Keil and Schnell for the peak current. It holds where the wave is short against the bunch and grows
    within a synchrotron period; waves longer than the bunch are warned of.

    Parameters
    ----------
    beam, impedance, wavelengths : see :func:`keil_schnell_current`; n = C/wavelength.
    """
    found = keil_schnell_current(beam, impedance, wavelengths)
    if beam.tune:
        waves = 2.0 * math.pi * beam.sigma_z / float(np.max(np.asarray(wavelengths, dtype=float)))
        if waves < _MANY_WAVES:
            warn(
                f"boussard_current: k sigma_z is {waves:.2g} for the longest wave, which is no wave within a bunch "
                f"(at least {_MANY_WAVES:.2g}); use a grid, ssmb.collective.vlasov",
                ValidityWarning,
            )
    return found


@checked
def stupakov_heifets_wavelength(beam: StoredBeam, current: float, radius: float, *, gap: float = math.inf) -> float:
    """Return the shortest wave of a coasting beam that its synchrotron radiation makes grow [m]; infinite if none.

    ``k rho < 2.0 Lambda^(3/2)``, ``Lambda = (I/I_A) (2 pi rho/C)/(|eta| gamma sigma_delta^2)``, of steady radiation in
    free space of bends that make a full turn. Parallel plates keep waves beyond about 2 h sqrt(h/rho) dark: where the
    shortest wave is longer than that none grows. Below 30 critical wavelengths of electrons their radiation is weaker
    than in this law: warned of.

    Parameters
    ----------
    beam : the ring and the energy spread.
    current : local current [A].
    radius : bending radius rho [m].
    gap : full distance h of the plates [m].
    """
    rho = positive("radius", radius, "m")
    if gap != math.inf:
        positive("gap", gap, "m")
    # I/(I_A gamma) is I/(4 pi eps0 c E)
    density = not_negative("current", current, "A") / (
        4.0 * math.pi * VACUUM_PERMITTIVITY * SPEED_OF_LIGHT * beam.energy
    )
    strength = density * 2.0 * math.pi * rho / (abs(beam.slip) * beam.sigma_delta**2)
    if strength == 0.0:
        return math.inf
    wave = 2.0 * math.pi * rho / (2.0 * strength**1.5)
    critical = 4.0 * math.pi * rho / (3.0 * (beam.energy / ELECTRON_MASS_EV) ** 3)
    if wave < _CRITICAL * critical:
        warn(
            f"stupakov_heifets_wavelength: {wave:.3g} m is not far above the critical wavelength {critical:.3g} m of "
            "electrons, where the law k^(1/3) ends; use coasting_growth with CSR at the energy",
            ValidityWarning,
        )
    return wave if wave < 2.0 * gap * math.sqrt(gap / rho) else math.inf


@checked
def csr_bunch_threshold(beam: StoredBeam, radius: float, *, gap: float = math.inf) -> float:
    """Return the charge at which coherent synchrotron radiation makes a bunch turbulent [C].

    ``S = Q rho^(1/3)/(4 pi eps0 E 2 pi nu_s sigma_delta sigma_z^(4/3)) = 0.50 + 0.12 Pi``,
    ``Pi = sigma_z rho^(1/2)/(gap/2)^(3/2)``: a fit of Bane, Cai and Stupakov to runs on a grid, for bends that make a
    full turn between plates. The gap is the FULL one; authors that take it write 0.5 + 0.34 sigma_z rho^(1/2)/h^(3/2).
    Near Pi = 0.7 the threshold dips below the fit, the deeper the weaker the damping: warned of. Thresholds by
    :func:`ssmb.collective.vlasov_bunch`, with a damping of 1.25e-3 of the synchrotron motion, are within 15 % of the
    fit for Pi from 1 to 2.5, between 1.15 and 1.18 times it at 3 and between 1.15 and 1.20 times at 5: warned of.

    Parameters
    ----------
    beam : the ring and the bunch without current.
    radius : bending radius rho [m].
    gap : full distance of the plates [m]; infinite in free space.
    """
    rho, sigma = positive("radius", radius, "m"), beam.sigma_z
    shielding = 0.0 if gap == math.inf else sigma * math.sqrt(rho) / (0.5 * positive("gap", gap, "m")) ** 1.5
    if _DIP[0] < shielding < _DIP[1]:
        warn(
            f"csr_bunch_threshold: at a shielding of {shielding:.2g} ({_DIP[0]} to {_DIP[1]}) the threshold of "
            "a weakly damped bunch can dip below the fit; use a grid, ssmb.collective.vlasov",
            ValidityWarning,
        )
    if shielding > _FITTED:
        warn(
            f"csr_bunch_threshold: at a shielding of {shielding:.2g} (above {_FITTED}) thresholds on a grid are 15 to "
            "20 % above the fit; use a grid, ssmb.collective.vlasov",
            ValidityWarning,
        )
    if beam.damping > _WEAK_DAMPING * 2.0 * math.pi * beam.tune:
        warn(
            f"csr_bunch_threshold: the damping of {beam.damping:.2g} a turn is not weak against the synchrotron motion "
            f"of {2.0 * math.pi * beam.tune:.2g} rad; the fit is for weak damping, and the threshold is higher",
            ValidityWarning,
        )
    strength = 0.5 + 0.12 * shielding
    unit = 2.0 * math.pi * beam.tune * beam.sigma_delta * sigma ** (4.0 / 3.0) / rho ** (1.0 / 3.0)
    return 4.0 * math.pi * VACUUM_PERMITTIVITY * beam.energy * strength * unit
