"""Light of a beam in an undulator of a few numbers, and what its electrons radiate by the fields; for tests."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ssmb.beam import Beam
from ssmb.constants import CLASSICAL_ELECTRON_RADIUS, ELECTRON_MASS_EV, ELEMENTARY_CHARGE, HBAR
from ssmb.facility import Filling, Limit, RadiatingBeam, Radiator, SourceLight
from ssmb.light import Undulator
from ssmb.light.single_electron import angular_density, undulator_field
from ssmb.light.statistics import photon_energy


def light_of(
    beam: Beam,
    period: float,
    periods: int,
    *,
    laser_wavelength: float,
    harmonic: int,
    average_current: float,
    train_current: float | None = None,
    train_length: float = math.inf,
    limits: tuple[tuple[str, float, str], ...] = (),
    detuning: str = "exact",
    chain: Any = None,
    band: float | None = None,
    beamlines: int = 1,
    **more: Any,
) -> SourceLight:
    """Light of a beam in a radiator whose gap is set to it."""
    radiator = Radiator(Undulator(beam.reference, period, periods, 0.0), detuning, beamlines, chain, band)
    filling = Filling(average_current, train_current, train_length)
    taken = tuple(Limit(*limit) for limit in limits)
    return radiator.state(RadiatingBeam(beam, laser_wavelength, harmonic, filling, limits=taken, **more))


def energy_by_fields(undulator: Undulator, band: float, angle: float, harmonic: int = 1) -> float:
    """Energy of one electron in a full relative band around a harmonic and within a cone [J], from its far field."""
    nodes, weights = np.polynomial.legendre.leggauss(400)
    square, of_square = 0.5 * angle**2 * (nodes + 1.0), 0.25 * angle**2 * weights  # theta^2, and theta d(theta)
    nodes, weights = np.polynomial.legendre.leggauss(15)
    centre = photon_energy(undulator.wavelength(harmonic))  # [eV]
    energies = centre * (1.0 + 0.5 * band * nodes)
    of_energy = 0.5 * band * centre * weights * ELEMENTARY_CHARGE / HBAR  # d(omega)
    total, turns = 0.0, 8
    for phi in 2.0 * math.pi / turns * (np.arange(turns) + 0.5):
        theta = np.sqrt(square)
        field = undulator_field(undulator, theta * math.cos(phi), theta * math.sin(phi), energies, end_poles=False)
        total += 2.0 * math.pi / turns * float(of_square @ (angular_density(field, energies) @ of_energy))
    return total


def deflection(wavelength: float, period: float, gamma: float) -> float:
    """K of a planar undulator whose light on the axis has a wavelength [m]."""
    return math.sqrt(2.0 * (2.0 * gamma**2 * wavelength / period - 1.0))


def loss_by_larmor(k: float, period: float, periods: float, gamma: float) -> float:
    """Energy that an electron radiates in a planar undulator [eV]: Larmor's power in its field, summed along it.

    J. D. Jackson, Classical Electrodynamics, 3rd ed., eq. (14.46).
    """
    bent = 2.0 * math.pi * k / (period * gamma) * np.sin(2.0 * math.pi * (np.arange(200) + 0.5) / 200)  # 1/rho [1/m]
    return loss_in_bends(float(np.mean(bent**2)), periods * period, gamma)


def loss_in_bends(curvature_squared: float, length: float, gamma: float) -> float:
    """The same of a path of a length [m] and mean 1/rho^2 [1/m^2]: (2/3) r_e m c^2 gamma^4 L/rho^2 [eV]."""
    return 2.0 / 3.0 * CLASSICAL_ELECTRON_RADIUS * ELECTRON_MASS_EV * gamma**4 * curvature_squared * length
