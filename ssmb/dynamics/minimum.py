"""Closed forms: what an isomagnetic ring settles to, the smallest emittances, and the floor of the bunch length.

References
----------
M. Sands, SLAC-121 (1970); L. C. Teng, Fermilab LS-17 (1984): smallest horizontal emittance.
X. J. Deng et al., arXiv:2404.06920: smallest longitudinal emittance, local slip.
T. O. Raubenheimer, SLAC-PUB-4937 (1991): vertical emittance from the opening angle of photons.
"""

from __future__ import annotations

import math

from ssmb.arguments import checked
from ssmb.beam.reference import Reference
from ssmb.constants import C_GAMMA, C_Q
from ssmb.ranges import positive


@checked
def isomagnetic_energy_loss(reference: Reference, rho: float) -> float:
    """Energy loss per turn C_gamma E^4/rho [eV] of an electron in bends of radius ``rho`` [m] only (beta = 1)."""
    return C_GAMMA * reference.energy**4 / positive("rho", rho, "m")


@checked
def isomagnetic_sigma_delta(reference: Reference, rho: float, j_z: float = 2.0) -> float:
    """Rms energy spread gamma sqrt(C_q/(J_z rho)) [1] in bends of radius ``rho`` [m]."""
    return reference.gamma * math.sqrt(C_Q / (positive("j_z", j_z) * positive("rho", rho, "m")))


@checked
def damping_per_turn(reference: Reference, energy_loss: float, partition_number: float) -> float:
    """Amplitude damping per turn J U0/(2 E) [1] for an energy loss per turn [eV]."""
    return (
        positive("partition_number", partition_number)
        * positive("energy_loss", energy_loss, "eV")
        / (2.0 * reference.energy)
    )


@checked
def minimum_longitudinal_emittance(reference: Reference, theta: float, j_z: float = 2.0) -> float:
    """Smallest longitudinal emittance C_q gamma^2 theta^3/(60 sqrt 7 J_z) [m] with bends of angle ``theta`` [rad].

    The running slip in a bend is a cubic of s with leading coefficient 1/(6 rho^2); its variance is smallest for the
    Legendre polynomial P3. Valid for theta << 1, without gradients in the bends.
    """
    return (
        C_Q * reference.gamma**2 * positive("theta", theta, "rad") ** 3 / (60.0 * math.sqrt(7.0) * positive("j_z", j_z))
    )


@checked
def minimum_partial_slip(rho: float, theta: float) -> float:
    """Smallest rms of the running slip in a bend, rho theta^3/(120 sqrt 7) [m]; theta << 1."""
    return positive("rho", rho, "m") * positive("theta", theta, "rad") ** 3 / (120.0 * math.sqrt(7.0))


@checked
def minimum_bunch_length(reference: Reference, rho: float, theta: float, j_z: float = 2.0) -> float:
    """Bunch length that local slip leaves for any focusing, sigma_delta times the smallest rms slip [m]."""
    return isomagnetic_sigma_delta(reference, rho, j_z) * minimum_partial_slip(rho, theta)


@checked
def bunch_length_with_slip(sigma_delta: float, beta_z: float, slip_rms: float) -> float:
    """Bunch length sigma_delta sqrt(beta_z^2 + slip_rms^2) [m] for weak longitudinal focusing.

    Parameters
    ----------
    sigma_delta : energy spread without the effect [1].
    beta_z : longitudinal beta function [m].
    slip_rms : rms of the running slip over the bends [m] (``RadiationIntegrals.slip_rms``).
    """
    return positive("sigma_delta", sigma_delta) * math.hypot(positive("beta_z", beta_z, "m"), slip_rms)


@checked
def minimum_horizontal_emittance(reference: Reference, theta: float, j_x: float = 1.0) -> float:
    """Theoretical minimum emittance C_q gamma^2 theta^3/(12 sqrt 15 J_x) [m] with bends of angle ``theta`` [rad]."""
    return (
        C_Q
        * reference.gamma**2
        * positive("theta", theta, "rad") ** 3
        / (12.0 * math.sqrt(15.0) * positive("j_x", j_x))
    )


@checked
def minimum_vertical_emittance(beta_y: float, rho: float, j_y: float = 1.0) -> float:
    """Vertical emittance that the opening angle of photons leaves, 13/55 C_q beta_y/(J_y rho) [m]."""
    return 13.0 / 55.0 * C_Q * positive("beta_y", beta_y, "m") / (positive("j_y", j_y) * positive("rho", rho, "m"))


@checked
def wiggler_energy_loss(reference: Reference, B_peak: float, length: float) -> float:
    """Energy loss C_gamma E^4 L/(4 pi rho_w^2) [eV] in a sinusoidal planar wiggler of peak field [T] and length [m]."""
    rho = reference.brho / positive("B_peak", B_peak, "T")
    return C_GAMMA * reference.energy**4 * positive("length", length, "m") / (4.0 * math.pi * rho * rho)


@checked
def wiggler_sigma_delta(reference: Reference, B_peak: float, j_z: float = 2.0) -> float:
    """Energy spread gamma sqrt(8 C_q/(3 pi J_z rho_w)) [1] where planar wigglers of peak field [T] radiate most."""
    rho = reference.brho / positive("B_peak", B_peak, "T")
    return reference.gamma * math.sqrt(C_Q * 8.0 / (3.0 * math.pi * positive("j_z", j_z) * rho))
