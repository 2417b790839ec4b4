"""Longitudinal optics: a ring as a row of thin modulators and slips, weak or strong longitudinal focusing.

With one modulator it is the micro-bucket. With two or more, or a phase advance that is not small, the bunch length
depends on the place (longitudinal strong focusing), and beta_z, alpha_z, gamma_z play the part of the Courant-Snyder
functions: ``<z^2> = eps_z beta_z``, ``<z delta> = -eps_z alpha_z``, ``<delta^2> = eps_z gamma_z``. A modulator is a
thin lens of strength h = k A, a slip a drift of length r56.

In a real lattice z is coupled to x and y by dispersion. Then the functions are those of the third mode of the 6x6 map
(beta^k_ij of Chao), and the other modes have a length too: beta^1_zz = H_x, the dispersion invariant, so that
``<z^2> = eps_x H_x + eps_y H_y + eps_z beta_z`` (:func:`longitudinal_functions`).

References
----------
A. W. Chao, J. Appl. Phys. 50, 595 (1979), doi:10.1063/1.326070 (beta^k_ij).
X. J. Deng et al., Phys. Rev. Accel. Beams 24, 094001 (2021), doi:10.1103/PhysRevAccelBeams.24.094001.
Y. Zhang et al., Phys. Rev. Accel. Beams 24, 090701 (2021), doi:10.1103/PhysRevAccelBeams.24.090701.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.buckets.standard_map import bound_area
from ssmb.dynamics.linear import carried_plane, periodic_plane
from ssmb.dynamics.optics import Optics
from ssmb.errors import ConfigError, PhysicsError
from ssmb.quantity import Shown, quantity
from ssmb.ranges import count, finite, not_negative, not_zero, positive

Rows = NDArray[np.float64]


@checked
@dataclass(frozen=True)
class ThinModulator:
    """A laser kick ``delta += A sin(k z)``.

    Parameters
    ----------
    amplitude : A [1]; > 0 if the head gains energy.
    wavelength : laser wavelength [m].
    """

    amplitude: float
    wavelength: float

    def __post_init__(self) -> None:
        not_zero("amplitude", self.amplitude)
        positive("wavelength", self.wavelength, "m")

    @property
    def chirp(self) -> float:
        """Slope h = k A at z = 0 [1/m]."""
        return 2.0 * math.pi / self.wavelength * self.amplitude

    @property
    def matrix(self) -> Rows:
        """Linear map of (z, delta)."""
        return np.array([[1.0, 0.0], [self.chirp, 1.0]])

    def apply(self, z: Rows, delta: Rows) -> tuple[Rows, Rows]:
        """Return z and delta behind the modulator."""
        return z, delta + self.amplitude * np.sin(2.0 * math.pi / self.wavelength * z)


@checked
@dataclass(frozen=True)
class Slip:
    """Part of a ring: ``z += r56 delta + t566 delta^2 + u5666 delta^3``.

    Parameters
    ----------
    r56, t566, u5666 : [m]; a whole turn has r56 = -eta0 C, t566 = -eta1 C, u5666 = -eta2 C.
    """

    r56: float
    t566: float = 0.0
    u5666: float = 0.0

    def __post_init__(self) -> None:
        for name in ("r56", "t566", "u5666"):
            finite(name, getattr(self, name), "m")

    @property
    def matrix(self) -> Rows:
        """Linear map of (z, delta)."""
        return np.array([[1.0, self.r56], [0.0, 1.0]])

    def apply(self, z: Rows, delta: Rows) -> tuple[Rows, Rows]:
        """Return z and delta behind the section."""
        return z + delta * (self.r56 + delta * (self.t566 + delta * self.u5666)), delta


@checked
@dataclass(frozen=True, eq=False)
class LongitudinalOptics(Shown):
    """Longitudinal Courant-Snyder functions at n + 1 places, and the part that transverse emittances have in z."""

    tune: float = quantity("1", "longitudinal tune in [0, 1/2], direction of the motion left out")
    beta: Rows = quantity("m", "beta_z", dims=("place",))
    alpha: Rows = quantity("1", "alpha_z = -<z delta>/eps_z", dims=("place",))
    gamma: Rows = quantity("1/m", "gamma_z", dims=("place",))
    h_x: Rows = quantity(
        "m", "part of mode 1 in z, the dispersion invariant H_x where coupling is weak", dims=("place",)
    )
    h_y: Rows = quantity("m", "part of mode 2 in z", dims=("place",))

    def sigma_z(self, emittance: float, emittance_x: float = 0.0, emittance_y: float = 0.0) -> Rows:
        """Return the rms length sqrt(eps_z beta_z + eps_x H_x + eps_y H_y) at every place [m]."""
        own = not_negative("emittance", emittance, "m") * self.beta
        x = not_negative("emittance_x", emittance_x, "m rad") * self.h_x
        return np.sqrt(own + x + not_negative("emittance_y", emittance_y, "m rad") * self.h_y)

    def sigma_delta(self, emittance: float) -> Rows:
        """Return the rms momentum spread sqrt(eps_z gamma_z) at every place [1]."""
        return np.sqrt(not_negative("emittance", emittance, "m") * self.gamma)

    def equilibrium_emittance(self, sigma_delta: float, excitation: ArrayLike) -> float:
        """Return eps_z = sigma_delta^2 <beta_z> [m], the mean over where photons are emitted.

        Parameters
        ----------
        sigma_delta : momentum spread of the same ring without longitudinal focusing, sqrt(D/(4 alpha)), D the variance
            of delta that a turn adds and alpha the amplitude damping per turn [1].
        excitation : share of D at each of the n + 1 places; their sum is 1.
        """
        shares = np.asarray(excitation, dtype=float)
        if shares.shape != self.beta.shape or not (shares >= 0.0).all() or abs(shares.sum() - 1.0) > 1e-9:
            raise ConfigError(f"excitation must be {self.beta.size} shares >= 0 with the sum 1, one for each place")
        return positive("sigma_delta", sigma_delta) ** 2 * float(shares @ self.beta)


@checked
@dataclass(frozen=True)
class LongitudinalRing:
    """A ring of thin modulators and slips, with one fixed point at z = delta = 0 of all of them.

    Parameters
    ----------
    parts : ThinModulator and Slip objects in the order of the beam; at least one of each.

    Examples
    --------
    Two modulators with unequal slips between them:

    >>> kick = ThinModulator(2e-4, 1064e-9)
    >>> ring = LongitudinalRing((kick, Slip(-1e-4), kick, Slip(-1e-4), Slip(-1e-4)))
    >>> round(ring.trace, 4), ring.stable
    (1.3193, True)
    >>> (1e9 * ring.optics().sigma_z(20e-12)).round(1).tolist()
    [85.8, 85.8, 85.8, 85.8, 82.2, 85.8]
    """

    parts: tuple[ThinModulator | Slip, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        kinds = {type(part) for part in self.parts}
        if kinds != {ThinModulator, Slip}:
            raise ConfigError("a longitudinal ring needs at least one ThinModulator and one Slip, and nothing else")

    @classmethod
    def even(cls, wavelength: float, amplitude: float, slip_length: float, modulators: int = 1) -> LongitudinalRing:
        """Return a ring of equal cells: `modulators` lasers of amplitude A, `slip_length` = eta C [m] shared evenly."""
        n = count("modulators", modulators)
        cell = (ThinModulator(amplitude, wavelength), Slip(-finite("slip_length", slip_length, "m") / n))
        return cls(cell * n)

    @property
    def matrix(self) -> Rows:
        """One-turn map of (z, delta) from the beginning."""
        m = np.eye(2)
        for part in self.parts:
            m = part.matrix @ m
        return m

    @property
    def trace(self) -> float:
        """Trace of the one-turn map; the linear motion is stable for |trace| < 2."""
        return float(np.trace(self.matrix))

    @property
    def stable(self) -> bool:
        """Whether the linear motion is bound."""
        return abs(self.trace) < 2.0

    def optics(self) -> LongitudinalOptics:
        """Return beta_z, alpha_z, gamma_z at the beginning and behind every part.

        Raises
        ------
        PhysicsError
            If the linear motion is unstable.
        """
        if not self.stable:
            raise PhysicsError(
                f"the longitudinal motion is unstable: the trace of the one-turn map is {self.trace:.6g}, allowed is "
                "-2 to 2; change a laser amplitude or r56"
            )
        maps = [np.eye(2)]
        for part in self.parts:
            maps.append(part.matrix @ maps[-1])
        tune, beta, alpha = periodic_plane(maps[-1], "z")
        betas, alphas, _ = carried_plane(np.array(maps), beta, alpha)
        none = np.zeros_like(betas)
        return LongitudinalOptics(min(tune, 1.0 - tune), betas, alphas, (1.0 + alphas**2) / betas, none, none)

    def turn(self, z: ArrayLike, delta: ArrayLike) -> tuple[Rows, Rows]:
        """Return z and delta after one turn of the full map."""
        q, d = np.asarray(z, dtype=float), np.asarray(delta, dtype=float)
        for part in self.parts:
            q, d = part.apply(q, d)
        return q, d

    def stable_area(self, turns: int = 2000, grid: int = 161) -> float:
        """Return the area of the starts (z, delta) that stay bound for `turns` turns of the full map [m].

        A start counts as bound as long as it lies within half a wavelength of the fixed point at every modulator. The
        area is good to about 2/grid.
        """
        turns, grid = count("turns", turns), count("grid", grid, at_least=10)
        shortest = min(p.wavelength for p in self.parts if isinstance(p, ThinModulator))

        def turn(z: Rows, delta: Rows) -> tuple[Rows, Rows, NDArray[np.bool_]]:
            bound = np.ones(z.shape, dtype=bool)
            for part in self.parts:
                if isinstance(part, ThinModulator):
                    bound &= np.abs(z) < 0.5 * part.wavelength
                z, delta = part.apply(z, delta)
            return z, delta, bound

        z, delta = self._extent(0.5 * shortest)
        return bound_area(turn, (-z, z), (-delta, delta), turns, grid)

    def _extent(self, half: float) -> tuple[float, float]:
        """Half width and half height at the beginning of a rectangle that holds all bound starts."""
        # a particle within half a wavelength at both ends of a slip has |delta| < 2 half/|r56| there
        slips = max(abs(p.r56) for p in self.parts if isinstance(p, Slip))
        kicks = sum(abs(p.amplitude) for p in self.parts if isinstance(p, ThinModulator))
        tallest = 2.0 * half / slips + kicks if slips > 0.0 else math.inf
        if not self.stable:
            return half, tallest
        # the ellipse that reaches half a wavelength at the modulator with the largest beta holds the rounder island
        found = self.optics()
        at_kick = max(b for b, p in zip(found.beta, self.parts, strict=False) if isinstance(p, ThinModulator))
        emittance = half * half / at_kick
        wide, tall = 1.25 * math.sqrt(emittance * found.beta[0]), 1.25 * math.sqrt(emittance * found.gamma[0])
        return min(wide, half) if isinstance(self.parts[0], ThinModulator) else wide, min(tall, tallest)


@checked
def longitudinal_functions(found: Optics) -> LongitudinalOptics:
    """Return the longitudinal functions along a lattice, from the modes of its 6x6 map.

    Parameters
    ----------
    found : ``optics(lattice)`` of a ring with a cavity, or ``optics(lattice, lasers=True)`` of one with a modulator.

    Raises
    ------
    PhysicsError
        If z is not bound.
    """
    if found.mode_beta.shape[1:] != (3, 6, 6):
        raise PhysicsError(
            "z is not bound in this ring: longitudinal functions need a cavity, or a laser with optics(..., "
            "lasers=True)"
        )
    own = found.mode_beta[:, 2, 4:, 4:]
    h_x, h_y = found.mode_beta[:, 0, 4, 4], found.mode_beta[:, 1, 4, 4]
    return LongitudinalOptics(found.qs, own[:, 0, 0], -own[:, 0, 1], own[:, 1, 1], h_x, h_y)
