"""The micro-bucket: one thin sinusoidal energy kick per turn and a slip, the standard map in laboratory units.

One turn is ``delta += A sin(k z)``, then ``z -= eta C delta``. For eta > 0 the bucket is centred at z = 0, for
eta < 0 half a wavelength away.

Smooth forms (height, area, Hamiltonian, Boltzmann distribution) hold for a small synchrotron tune. The thin-kick forms
(tune, beta_z) hold for the linear map up to its stability limit K_s = 4, but chaos takes over long before: the stable
area falls to 0.98, 0.78, 0.41 of the smooth separatrix at K_s = 0.5, 1, 2. The slip factor is taken as constant: eta_1
delta must be small against eta.

References
----------
B. V. Chirikov, Phys. Rep. 52, 263 (1979), doi:10.1016/0370-1573(79)90023-1.
X. J. Deng et al., Phys. Rev. Accel. Beams 24, 094001 (2021), doi:10.1103/PhysRevAccelBeams.24.094001.
M. Sands, SLAC-121 (1970) (quantum lifetime).
H. A. Kramers, Physica 7, 284 (1940), doi:10.1016/S0031-8914(40)90098-2 (escape by diffusion of the energy).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, special

from ssmb.bunching.closed_form import boltzmann_bunching
from ssmb.errors import PhysicsError
from ssmb.ranges import count, finite, not_negative, not_zero, positive

#: largest K_s = k |eta| C A of a linearly stable motion
LINEAR_STABILITY_LIMIT = 4.0


@dataclass(frozen=True)
class MicroBucket:
    """Stationary bucket of a thin laser modulator in a ring.

    Parameters
    ----------
    wavelength : laser wavelength [m].
    slip_factor : eta = alpha_c - 1/gamma^2 [1], either sign, not zero.
    circumference : C [m].
    amplitude : A, peak relative energy modulation per turn [1].

    Examples
    --------
    >>> bucket = MicroBucket(wavelength=1064e-9, slip_factor=1e-6, circumference=100.0, amplitude=4.2e-4)
    >>> round(bucket.k_std, 3), round(bucket.tune, 4)
    (0.248, 0.0801)
    """

    wavelength: float
    slip_factor: float
    circumference: float
    amplitude: float

    def __post_init__(self) -> None:
        positive("wavelength", self.wavelength, "m")
        not_zero("slip_factor", self.slip_factor)
        positive("circumference", self.circumference, "m")
        positive("amplitude", self.amplitude)

    @property
    def wavenumber(self) -> float:
        """Laser wavenumber k [1/m]."""
        return 2.0 * math.pi / self.wavelength

    @property
    def slip_length(self) -> float:
        """|eta| C, path per relative momentum and turn [m]."""
        return abs(self.slip_factor) * self.circumference

    @property
    def centre(self) -> float:
        """z of the stable fixed point [m]: 0 for eta > 0, half a wavelength for eta < 0."""
        return 0.0 if self.slip_factor > 0.0 else 0.5 * self.wavelength

    @property
    def k_std(self) -> float:
        """Parameter of the standard map, K_s = k |eta| C A [1]."""
        return self.wavenumber * self.slip_length * self.amplitude

    @property
    def tune(self) -> float:
        """Small-amplitude synchrotron tune of the thin kick, arccos(1 - K_s/2)/(2 pi) [2 pi].

        Raises PhysicsError beyond the linear stability limit K_s = 4.
        """
        if self.k_std >= LINEAR_STABILITY_LIMIT:
            raise PhysicsError(
                f"the micro-bucket is unstable: K_s = k |eta| C A = {self.k_std:.4g} is not below "
                f"{LINEAR_STABILITY_LIMIT:g}; lower the modulation or the slip factor"
            )
        # same as arccos(1 - K/2)/(2 pi), without its loss of digits at small K
        return math.asin(0.5 * math.sqrt(self.k_std)) / math.pi

    @property
    def smooth_tune(self) -> float:
        """Small-amplitude tune of the continuous potential, sqrt(K_s)/(2 pi) [2 pi]."""
        return math.sqrt(self.k_std) / (2.0 * math.pi)

    @property
    def half_height(self) -> float:
        """Half height of the smooth separatrix, 2 sqrt(A/(k |eta| C)) [1]."""
        return 2.0 * math.sqrt(self.amplitude / (self.wavenumber * self.slip_length))

    @property
    def area(self) -> float:
        """Area inside the smooth separatrix in (z, delta), 8 delta_half/k [m]."""
        return 8.0 * self.half_height / self.wavenumber

    @property
    def beta_z_kick(self) -> float:
        """Longitudinal beta function in the middle of the kick, |eta| C/sin(2 pi nu) [m]."""
        return self.slip_length / math.sin(2.0 * math.pi * self.tune)

    @property
    def beta_z_opposite(self) -> float:
        """Smallest beta function, half a turn from the kick, (|eta| C/2) cot(pi nu) [m]."""
        return 0.5 * self.slip_length / math.tan(math.pi * self.tune)

    def sigma_z(self, sigma_delta: float) -> float:
        """Matched rms length in the smooth linear bucket, sigma_delta sqrt(|eta| C/(k A)) [m]."""
        ratio = math.sqrt(self.slip_length / (self.wavenumber * self.amplitude))
        return not_negative("sigma_delta", sigma_delta) * ratio

    def tune_at(self, z_max: float) -> float:
        """Smooth tune of an oscillation to `z_max` [m] from the centre [2 pi].

        ``nu_0 pi/(2 K(m))``, m = sin^2(k z_max/2), with the complete elliptic integral K.

        Raises ConfigError for z_max < 0 and PhysicsError on or beyond the separatrix (half a wavelength).

        >>> bucket = MicroBucket(1064e-9, 1e-6, 100.0, 4.2e-4)
        >>> round(bucket.tune_at(266e-9)/bucket.smooth_tune, 4)
        0.8472
        """
        if not_negative("z_max", z_max, "m") >= 0.5 * self.wavelength:
            raise PhysicsError(
                f"z_max = {z_max!r} m is not inside the bucket, which ends at {0.5 * self.wavelength:g} m"
            )
        m = math.sin(0.5 * self.wavenumber * z_max) ** 2
        return self.smooth_tune * math.pi / (2.0 * float(special.ellipk(m)))

    def hamiltonian(self, z: ArrayLike, delta: ArrayLike) -> NDArray[np.float64]:
        """Smooth invariant per turn, (|eta| C/2) delta^2 + (2 A/k) sin^2(k (z - centre)/2) [m].

        Zero at the fixed point, 2 A/k on the separatrix (:attr:`separatrix_level`).
        """
        s = np.sin(0.5 * self.wavenumber * (np.asarray(z, dtype=float) - self.centre))
        d = np.asarray(delta, dtype=float)
        return 0.5 * self.slip_length * d * d + 2.0 * self.amplitude / self.wavenumber * s * s

    @property
    def separatrix_level(self) -> float:
        """Value of :meth:`hamiltonian` on the separatrix [m]."""
        return 2.0 * self.amplitude / self.wavenumber

    def separatrix(self, points: int = 201) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (z [m], delta [1]) of the upper branch of the separatrix; the lower branch is (z, -delta)."""
        half = 0.5 * self.wavelength
        z = np.linspace(-half, half, count("points", points, at_least=3))
        # 1 + cos written as 2 cos^2, so that the ends are exactly zero and never negative
        delta = self.half_height * np.cos(0.5 * self.wavenumber * z)
        delta[0] = delta[-1] = 0.0
        return z + self.centre, delta

    def kappa(self, sigma_delta: float) -> float:
        """Half the bucket depth over the temperature, (delta_half/(2 sigma_delta))^2 [1]."""
        return (self.half_height / (2.0 * positive("sigma_delta", sigma_delta))) ** 2

    def bunching(self, harmonic: int, sigma_delta: float) -> float:
        """Return b_n of the Boltzmann distribution with the rms momentum spread `sigma_delta` [1]."""
        return boltzmann_bunching(self.kappa(sigma_delta), harmonic)

    def captured_fraction(self, sigma_delta: float) -> float:
        """Share of a coasting Gaussian beam that lies inside the smooth separatrix [1].

        >>> bucket = MicroBucket(1064e-9, 1e-6, 100.0, 4.2e-4)
        >>> round(bucket.captured_fraction(bucket.half_height/2), 3)
        0.716
        """
        reach = self.half_height / (math.sqrt(2.0) * positive("sigma_delta", sigma_delta))
        # periodic and even in the phase: the mean over half a period
        value, _ = integrate.quad(
            lambda u: math.erf(reach * math.cos(u)), 0.0, 0.5 * math.pi, epsabs=1e-13, epsrel=1e-12
        )
        return value / (0.5 * math.pi)

    def stable_area(self, turns: int = 3000, grid: int = 161) -> float:
        """Return the area in (z, delta) that stays in its bucket for `turns` turns of the exact map [m]."""
        island = standard_map_island(self.k_std, turns, grid)
        return island / (self.wavenumber**2 * self.slip_length)

    def synchronous_phase(self, energy_loss: float) -> float:
        """Return the phase k z at which the laser replaces a relative energy loss per turn [rad].

        ``arcsin(loss/A)``, counted from the zero crossing towards the energy-gaining side.

        Parameters
        ----------
        energy_loss : loss per turn over the beam energy [1].

        Raises
        ------
        PhysicsError
            If the laser cannot replace the loss.
        """
        ratio = finite("energy_loss", energy_loss) / self.amplitude
        if abs(ratio) >= 1.0:
            raise PhysicsError(
                f"a laser of amplitude {self.amplitude:.4g} cannot replace a relative loss of {energy_loss:.4g} a turn"
            )
        return math.asin(ratio)


def standard_map_island(k_std: float, turns: int = 3000, grid: int = 161) -> float:
    """Return the area of the starts (phi, p) that keep ``|phi| < pi`` in the standard map [1].

    The map is ``p -= K sin(phi); phi += p``; the smooth separatrix encloses 16 sqrt(K).

    Parameters
    ----------
    k_std : K_s > 0 [1].
    turns : number of iterations [1]; slow leaks through cantori need many.
    grid : number of cells along each axis [1]; the area is good to about 2/grid.

    Examples
    --------
    >>> round(standard_map_island(0.05, turns=200, grid=81) / (16 * 0.05**0.5), 1)
    1.0
    """
    k_std, turns, grid = positive("k_std", k_std), count("turns", turns), count("grid", grid, at_least=10)
    # before the kick the island is the smooth one sheared by half a kick
    reach = 1.1 * (2.0 * math.sqrt(k_std) + 0.5 * k_std)
    step_phi, step_p = 2.0 * math.pi / grid, reach / grid
    # (phi, p) -> (-phi, -p) is a symmetry, so that cell centres with p > 0 are half of the answer
    phi, p = np.meshgrid(-math.pi + step_phi * (np.arange(grid) + 0.5), step_p * (np.arange(grid) + 0.5), indexing="ij")
    phi, p = phi.ravel(), p.ravel()
    for _ in range(turns):
        p = p - k_std * np.sin(phi)
        phi = phi + p
        inside = np.abs(phi) < math.pi
        if not inside.all():
            phi, p = phi[inside], p[inside]
    return 2.0 * phi.size * step_phi * step_p


def sands_lifetime(depth: float) -> float:
    """Return the quantum lifetime over the amplitude damping time in a parabolic well, e^xi/(2 xi) [1].

    Parameters
    ----------
    depth : xi = delta_half^2/(2 sigma_delta^2) [1]; the form holds for xi well above 1.

    Examples
    --------
    >>> round(sands_lifetime(10.0))
    1101
    """
    depth = positive("depth", depth)
    return math.exp(depth) / (2.0 * depth)


def pendulum_lifetime(depth: float) -> float:
    """Return the quantum lifetime over the amplitude damping time in a cosine bucket [1].

    First passage of the oscillation energy to the separatrix by diffusion (weak damping, many oscillations per
    damping time). With ``H = p^2/2 + 1 - cos q``, temperature ``theta = 2/xi``, action ``J(E)`` and period
    ``T = dJ/dE``::

        tau_q/tau_z = 1/(2 theta) int_0^2 dE e^(E/theta)/J(E) int_0^E T e^(-E'/theta) dE'

    tends to ``(pi/4) e^xi/(2 xi)`` for deep buckets. Leaving a micro-bucket is not the loss of the electron: it joins
    the coasting background.

    Parameters
    ----------
    depth : xi = delta_half^2/(2 sigma_delta^2) [1], at most 600.

    Examples
    --------
    >>> round(pendulum_lifetime(10.0))
    1067
    """
    depth = positive("depth", depth)
    if depth > 600.0:
        raise PhysicsError(f"depth = {depth:g}: the lifetime is beyond e^600 damping times; nothing leaves this bucket")
    nodes, weights = np.polynomial.legendre.leggauss(64)
    # E = 2 (1 - s^2)^2 is smooth at the bottom and gathers points at the separatrix, where T diverges
    s = 0.5 * (nodes + 1.0)
    total = 0.0
    for s_out, weight in zip(s, 0.5 * weights, strict=True):
        top = s_out * s_out
        energy = 2.0 * (1.0 - top) ** 2
        inner_energy = energy * s * s
        # by parts: int T e^(-E'/theta) = J e^(-E/theta) + int J e^(-E'/theta) dE'/theta, free of the divergence of T
        inner = (_pendulum_action(inner_energy) * np.exp(0.5 * depth * (energy - inner_energy)) * 2.0 * energy * s) @ (
            0.5 * weights
        )
        jacobian = 8.0 * (1.0 - top) * s_out
        total += weight * jacobian * (1.0 + 0.5 * depth * inner / float(_pendulum_action(np.array([energy]))[0]))
    return 0.25 * depth * total


def _pendulum_action(energy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area enclosed by the pendulum orbit of the energy 0 ... 2 above the bottom."""
    m = 0.5 * energy
    return 16.0 * (special.ellipe(m) - (1.0 - m) * special.ellipk(m))
