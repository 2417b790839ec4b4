"""Transverse motion of a bunch in its own dipole wake: head-tail modes, their coupling, and the two-particle model.

Slow amplitudes of the betatron motion at radius r and phase phi of the synchrotron motion are expanded in modes
exp(i m phi) on rings of a Gaussian bunch (Gauss-Laguerre nodes r_a, weights w_a). Their tunes are the eigenvalues of

``2 pi nu_s m + (beta_x Q/(2 E)) (c/(2 pi i)) Int Z(k) i^(m - m') J_m(q r_a) J_m'(q r_b) w_b dk,  q = k - k_chi``

with the chromatic wave number ``k_chi = 2 pi Q'/(eta C)``. The integral over azimuth is exact, where the circulant
matrix of rings and slices sums. A positive imaginary part grows. For eta > 0 a negative chromaticity drives mode 0.

Valid for a Gaussian bunch in linear RF whose shape the longitudinal wake does not change, growth and tune shift well
below the betatron tune's distance to the next (half-)integer, and a wake that has died out after a turn.

References
----------
A. W. Chao, Physics of Collective Beam Instabilities in High Energy Accelerators (Wiley, 1993), sections 4.4, 4.7, 6.3.
V. V. Danilov, E. A. Perevedentsev, Nucl. Instrum. Methods A 391, 77 (1997), doi:10.1016/S0168-9002(97)00485-0.
A. Burov, Phys. Rev. ST Accel. Beams 17, 021007 (2014), doi:10.1103/PhysRevSTAB.17.021007 (nested head-tail modes).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from ssmb.arguments import checked
from ssmb.collective.impedances import Impedance, Ohms, impedance_values
from ssmb.collective.stored_beam import StoredBeam
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.errors import PhysicsError, ValidityWarning, warn
from ssmb.quantity import Shown, quantity
from ssmb.ranges import count, finite, not_negative, positive

Modes = NDArray[np.complex128]

#: Points of the integral over k for each unit of the largest phase k r.
_POINTS = 6.0
#: Tune shift, in units of the synchrotron tune, above which the modes that are kept do not span the motion.
_MOST_SHIFT = 4.0
#: Largest growth at which the slow amplitude is one.
_SLOW = 0.1


@checked
@dataclass(frozen=True, eq=False)
class HeadTailModes(Shown):
    """Transverse modes of a bunch in its own wake, the fastest first."""

    charge: float = quantity("C", "charge of the bunch")
    growth: NDArray[np.float64] = quantity("1", "growth rate of each mode per turn, < 0 damped", dims=("mode",))
    shift: NDArray[np.float64] = quantity("2pi", "tune of each mode less the betatron tune", dims=("mode",))

    @property
    def fastest(self) -> float:
        """Largest growth rate per turn [1]."""
        return float(self.growth[0])

    def table(self) -> dict[str, NDArray[np.float64]]:
        """Columns growth and shift."""
        return {"growth": self.growth, "shift": self.shift}


@checked
def head_tail_modes(
    beam: StoredBeam,
    impedance: Impedance | Ohms,
    charge: float,
    *,
    beta: float,
    chromaticity: float = 0.0,
    rings: int = 10,
    azimuthal: int = 6,
) -> HeadTailModes:
    """Return growth and tune shift of the transverse modes of a bunch.

    Parameters
    ----------
    beam : the ring and the bunch.
    impedance : transverse dipole impedance of a turn [ohm/m], a function of wave numbers [1/m]; inductive is negative
        imaginary, as that of a wake that kicks towards the offset of the source.
    charge : of the bunch [C].
    beta : beta function where the impedance is [m].
    chromaticity : dQ/d delta, not divided by the tune [1].
    rings, azimuthal : radial nodes, and highest |m|.

    Raises
    ------
    ConfigError, PhysicsError
        Numbers out of range, or a coasting beam.
    """
    not_negative("charge", charge, "C")
    free, pull = _matrices(beam, impedance, beta, chromaticity, rings, azimuthal)
    return _modes(beam, free, pull, charge)


@checked
def mode_coupling_threshold(
    beam: StoredBeam,
    impedance: Impedance | Ohms,
    *,
    beta: float,
    growth: float,
    chromaticity: float = 0.0,
    rings: int = 10,
    azimuthal: int = 6,
) -> float:
    """Return the charge at which the fastest mode grows by ``growth`` per turn [C].

    Parameters
    ----------
    beam, impedance, beta, chromaticity, rings, azimuthal : see :func:`head_tail_modes`.
    growth : rate per turn that counts as unstable [1], such as the damping decrement of the ring.

    Raises
    ------
    ConfigError, PhysicsError
        Numbers out of range, or no growth up to a shift of mode 0 by four synchrotron tunes.
    """
    positive("growth", growth)
    free, pull = _matrices(beam, impedance, beta, chromaticity, rings, azimuthal)

    def above(charge: float) -> float:
        return float(np.linalg.eigvals(np.diag(free) + charge * pull).imag.max()) - growth

    largest = _MOST_SHIFT * 2.0 * math.pi * beam.synchrotron_tune / float(np.abs(np.linalg.eigvals(pull)).max())
    charges = np.linspace(0.0, largest, 41)
    for low, high in zip(charges[:-1], charges[1:], strict=True):
        if above(float(high)) > 0.0:
            return float(scipy.optimize.brentq(above, low, high, rtol=1e-6))
    raise PhysicsError(
        f"mode_coupling_threshold: no mode grows by {growth:g} a turn up to {largest:.3g} C, where the shift of a mode "
        f"is {_MOST_SHIFT:g} synchrotron tunes"
    )


def _matrices(
    beam: StoredBeam, impedance: Impedance | Ohms, beta: float, chromaticity: float, rings: int, azimuthal: int
) -> tuple[Modes, Modes]:
    """Tunes without charge [rad per turn], and the matrix that a charge adds [rad per turn and C]."""
    count("rings", rings, at_most=60)
    count("azimuthal", azimuthal, at_most=40)
    nodes, weights = np.polynomial.laguerre.laggauss(rings)
    radius = beam.sigma_z * np.sqrt(2.0 * nodes)
    shifted = 2.0 * math.pi * finite("chromaticity", chromaticity) / beam.slip
    highest = 2.0 * math.sqrt(rings) / beam.sigma_z  # what the rings resolve
    points = 2 * math.ceil(_POINTS * highest * float(radius[-1]))
    q = (np.arange(points) + 0.5) / points * 2.0 * highest - highest
    k = q + shifted
    z = impedance_values("head_tail_modes", impedance, np.abs(k), "transverse")
    z = np.where(k < 0.0, -np.conj(z), z)
    m = np.arange(-azimuthal, azimuthal + 1)
    bessel = scipy.special.jv(m[:, None, None], q[None, None, :] * radius[None, :, None])
    wave = (bessel * (1j ** (m % 4))[:, None, None]).reshape(-1, points)
    scale = positive("beta", beta, "m") / (2.0 * beam.energy) * SPEED_OF_LIGHT / (2.0j * math.pi)
    pull = scale * (wave * (z * (q[1] - q[0]))) @ wave.conj().T * np.tile(weights, m.size)
    free = 2.0 * math.pi * beam.synchrotron_tune * np.repeat(m, rings)
    return free.astype(complex), pull


def _modes(beam: StoredBeam, free: Modes, pull: Modes, charge: float) -> HeadTailModes:
    omega = np.asarray(np.linalg.eigvals(np.diag(free) + charge * pull), dtype=complex)
    order = np.argsort(-np.imag(omega), kind="stable")
    growth = np.array(np.imag(omega)[order], dtype=float)
    shift = np.array(np.real(omega)[order] / (2.0 * math.pi), dtype=float)
    size = charge * float(np.abs(np.linalg.eigvals(pull)).max()) / (2.0 * math.pi)
    if size > _MOST_SHIFT * beam.tune or growth[0] > _SLOW:
        warn(
            f"head_tail_modes: at {charge:.3g} C the wake shifts a mode by {size / beam.tune:.2g} tunes nu_s, and the "
            f"fastest grows by {growth[0]:.2g} a turn; the modes hold up to {_MOST_SHIFT:g} tunes and {_SLOW:g} a turn",
            ValidityWarning,
        )
    return HeadTailModes(charge, growth, shift)


@checked
def two_particle_strength(beam: StoredBeam, wake: float, charge: float, *, beta: float) -> float:
    """Return Upsilon = beta (Q/2) W/(4 E nu_s) of two particles that lead in turn, unstable above 2 [1].

    Parameters
    ----------
    beam : the ring.
    wake : of the leading particle on the one behind, over its offset and a turn [V/C/m], the same at all distances.
    charge : of the bunch; each particle has half of it [C].
    beta : beta function where the wake acts [m].

    References
    ----------
    A. W. Chao, Physics of Collective Beam Instabilities (Wiley, 1993), eq. 4.165.
    """
    half = 0.5 * not_negative("charge", charge, "C")
    return (
        positive("beta", beta, "m") * half * finite("wake", wake, "V/C/m") / (4.0 * beam.energy * beam.synchrotron_tune)
    )


@checked
def two_particle_growth(strength: float, tune: float) -> float:
    """Return the growth per turn of two particles that lead in turn, ``2 nu_s arccosh(Upsilon/2)``, 0 below 2.

    Parameters
    ----------
    strength : Upsilon, see :func:`two_particle_strength`.
    tune : synchrotron tune [2 pi].

    Examples
    --------
    >>> two_particle_growth(1.5, 0.005), round(two_particle_growth(2.3, 0.005), 6)
    (0.0, 0.005411)
    """
    half = 0.5 * abs(finite("strength", strength))
    return 2.0 * positive("tune", tune, "2 pi") * math.acosh(max(half, 1.0))
