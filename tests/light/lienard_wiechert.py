"""Brute force of the light of an undulator: Lienard and Wiechert, Simpson's rule, nothing of the package.

An electron in the field of N - 1 sinusoidal periods between ends of poles 1/4, -3/4 and -3/4, 1/4 is stepped through
it; its far field is the integral of ``n x ((n - v) x a)/(1 - n.v)^2 exp(i omega (t - n.r/c))`` over time.

Reference: J. D. Jackson, Classical Electrodynamics, 3rd ed., Wiley (1998), equation 14.67, ISBN 978-0-471-30932-1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import integrate

CHARGE, LIGHT, EPSILON = 1.602176634e-19, 299792458.0, 8.8541878128e-12


@dataclass(frozen=True)
class Source:
    """Undulator of `n` periods of length `period` [m] and deflection `k` for electrons of `gamma`."""

    gamma: float
    period: float
    n: int
    k: float

    def resonance(self, harmonic: int) -> float:
        """Wavelength on the axis [m]."""
        return self.period * (1.0 + 0.5 * self.k**2) / (2.0 * harmonic * self.gamma**2)

    def cone(self, harmonic: int) -> float:
        """Angle [rad] at which harmonic n + 1/2 has the wavelength of harmonic n on the axis."""
        return math.sqrt((1.0 + 0.5 * self.k**2) / (2.0 * harmonic)) / self.gamma

    def density(self, wavelength: float, tx: np.ndarray, ty: np.ndarray, steps: int = 192) -> np.ndarray:
        """d2W/(domega dOmega) of one electron [J s/sr], both polarisations; `steps` in a period, a multiple of 4."""
        root, k = 1.0 / np.sqrt(1.0 + tx**2 + ty**2)[:, None], 2.0 * math.pi / wavelength
        nx, ny, nz = tx[:, None] * root, ty[:, None] * root, root
        s = np.arange(steps + 1) * (self.period / steps)
        wave = self.k / self.gamma * 2.0 * math.pi / self.period * -np.sin(2.0 * math.pi * s / self.period)
        first = s < 0.5 * self.period
        parts = ((np.where(first, 0.25, 0.75), 1), (np.ones_like(s), self.n - 1), (np.where(first, 0.75, 0.25), 1))
        beta, p, x, z, t, total = math.sqrt(1.0 - self.gamma**-2), 0.0, 0.0, 0.0, 0.0, np.zeros((2, len(tx)), complex)
        for strength, copies in parts:
            force = strength * wave
            px = p + _running(force, s)  # transverse momentum over the whole
            pz = np.sqrt(1.0 - px * px)
            here, when = _running(px / pz, s), _running(1.0 / (beta * pz), s)  # x and c t
            ax, az = beta * force, -beta * px * force / pz  # change of the velocity along s
            late = 1.0 - beta * (nx * px + nz * pz)
            # n x ((n - v) x a) = (n - v)(n.a) - a (1 - n.v); its part along the axis is smaller by the angle
            along = nx * ax + nz * az
            wave_front = np.exp(1j * k * (t + when - nx * (x + here) - nz * (z + s))) / late**2
            turn = k * (when[-1] - nx[:, 0] * here[-1] - nz[:, 0] * s[-1])
            sums = np.exp(1j * np.outer(turn, np.arange(copies))).sum(axis=1)
            for axis, part in enumerate(((nx - beta * px) * along - ax * late, ny * along)):
                total[axis] += sums * integrate.simpson(part * wave_front, x=s, axis=-1)
            p, x, z, t = float(px[-1]), x + copies * here[-1], z + copies * s[-1], t + copies * when[-1]
        return CHARGE**2 / (16.0 * math.pi**3 * EPSILON * LIGHT) * (np.abs(total) ** 2).sum(axis=0)

    def through(
        self,
        wavelength: float,
        angle: float,
        sigma: tuple[float, float] = (0.0, 0.0),
        nodes: tuple[int, int] = (32, 40),
    ) -> float:
        """dW/domega inside a disc of half angle `angle` [J s]; of a Gaussian beam of rms sizes `sigma`, coherently."""
        x, w = np.polynomial.legendre.leggauss(nodes[0])
        theta = 0.5 * angle * (1.0 + x)[:, None]
        phi = math.pi * (np.arange(nodes[1]) + 0.5) / nodes[1]  # above the plane as below
        tx, ty, k = (theta * np.cos(phi)).ravel(), (theta * np.sin(phi)).ravel(), 2.0 * math.pi / wavelength
        solid = np.repeat(0.5 * angle * w * theta[:, 0], nodes[1]) * (2.0 * math.pi / nodes[1])
        beam = np.exp(-((k * sigma[0] * tx) ** 2) - (k * sigma[1] * ty) ** 2)
        return float((solid * beam) @ self.density(wavelength, tx, ty))

    def ohms(self, wavelength: float, angle: float, sigma: tuple[float, float], nodes: tuple[int, int]) -> float:
        """Coherent power over (|b| I)^2 [ohm]: a current that oscillates with 2 |b| I instead of single electrons."""
        return 2.0 * math.pi / CHARGE**2 * self.through(wavelength, angle, sigma, nodes)


def _running(rate: np.ndarray, s: np.ndarray) -> np.ndarray:
    return integrate.cumulative_simpson(rate, x=s, initial=0.0)
