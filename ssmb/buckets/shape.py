"""Geometry of one bucket of the smooth Hamiltonian W(z) + U(delta): barriers, separatrix, area, orbits.

Both wells are counted from the stable fixed point and rise on either side to a barrier (or without end)::

    W(x) = (A/k) (cos(phi) (1 - cos(k x)) + sin(phi) (sin(k x) - k x)),   barriers at k x = +-pi - 2 phi
    U(d) = c2 d^2 + c3 d^3 + c4 d^4,  c2 > 0

An orbit of the level E is ``W = E sin^2(theta), U = E cos^2(theta)``. With w = +-sqrt(W) and u = +-sqrt(U), which are
smooth and monotone between the barriers, the time along it is ``d theta/(2 w'(x) u'(d))`` turns: smooth integrals for
every shape.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam.folding import fold
from ssmb.errors import PhysicsError
from ssmb.ranges import count, positive

Rows = NDArray[np.float64]


def _quadrant() -> tuple[Rows, Rows]:
    """Gauss-Legendre nodes and weights on (0, pi/2), gathered at both ends, where a separatrix slows the motion."""
    edges = 0.25 * math.pi * np.append(0.0, 0.5 ** np.arange(22, -1, -1))
    nodes, weights = np.polynomial.legendre.leggauss(10)
    middle, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * (edges[1:] - edges[:-1])
    theta, weight = (middle[:, None] + half[:, None] * nodes).ravel(), (half[:, None] * weights).ravel()
    return np.concatenate([theta, 0.5 * math.pi - theta]), np.concatenate([weight, weight])


_THETA, _WEIGHT = _quadrant()
_AROUND = np.concatenate([_THETA + 0.5 * math.pi * quarter for quarter in range(4)])


@dataclass(frozen=True)
class FixedPoint:
    """A place that the smooth motion leaves.

    Parameters
    ----------
    z : [m], within half a wavelength of 0.
    delta : [1].
    stable : whether motion about it is bound (a centre) or not (a saddle).
    """

    z: float
    delta: float
    stable: bool


@checked
@dataclass(frozen=True)
class Bucket:
    """The region that belongs to one stable fixed point.

    Parameters
    ----------
    z, delta : the stable fixed point [m], [1].
    wavelength : laser wavelength [m]; the bucket repeats with it.
    depth : A/k [m].
    phase : phi, synchronous phase in the direction in which a particle of higher delta moves; |phi| < pi/2 [rad].
    slip : (c2, c3, c4) [m].
    """

    z: float
    delta: float
    wavelength: float
    depth: float
    phase: float
    slip: tuple[float, float, float]

    @property
    def wavenumber(self) -> float:
        """Laser wavenumber k [1/m]."""
        return 2.0 * math.pi / self.wavelength

    def well_z(self, x: ArrayLike) -> Rows:
        """Potential W [m] at the distance x [m] from the fixed point."""
        q = self.wavenumber * np.asarray(x, dtype=float)
        half = np.sin(0.5 * q)
        return self.depth * (2.0 * math.cos(self.phase) * half * half + math.sin(self.phase) * (np.sin(q) - q))

    def well_delta(self, d: ArrayLike) -> Rows:
        """Kinetic term U [m] at the distance d [1] from the fixed point."""
        c2, c3, c4 = self.slip
        d = np.asarray(d, dtype=float)
        return d * d * (c2 + d * (c3 + d * c4))

    def slope_z(self, x: ArrayLike) -> Rows:
        """Force dW/dx [1]."""
        q = self.wavenumber * np.asarray(x, dtype=float)
        # sin(phi + q) - sin(phi) without cancellation
        return self.depth * self.wavenumber * 2.0 * np.cos(self.phase + 0.5 * q) * np.sin(0.5 * q)

    def slope_delta(self, d: ArrayLike) -> Rows:
        """Slip per turn dU/dd [m]."""
        c2, c3, c4 = self.slip
        d = np.asarray(d, dtype=float)
        return d * (2.0 * c2 + d * (3.0 * c3 + d * 4.0 * c4))

    @property
    def barriers_z(self) -> tuple[float, float]:
        """Distances in z to the unstable points before and behind [m]."""
        return (-math.pi - 2.0 * self.phase) / self.wavenumber, (math.pi - 2.0 * self.phase) / self.wavenumber

    @property
    def barriers_delta(self) -> tuple[float, float]:
        """Distances in delta to the next zeros of the slip, or -inf, inf [1]."""
        c2, c3, c4 = self.slip
        roots = real_roots(2.0 * c2, 3.0 * c3, 4.0 * c4)
        return max((r for r in roots if r < 0.0), default=-math.inf), min(
            (r for r in roots if r > 0.0), default=math.inf
        )

    @cached_property
    def level(self) -> float:
        """W + U on the separatrix: the lowest barrier [m]."""
        over_z = float(np.min(self.well_z(self.barriers_z)))
        return min([over_z, *(float(self.well_delta(b)) for b in self.barriers_delta if math.isfinite(b))])

    @property
    def limited_by_slip(self) -> bool:
        """Whether the lowest barrier is a zero of the slip and not the laser's."""
        return self.level < float(np.min(self.well_z(self.barriers_z)))

    def rise(self, level: ArrayLike, side: float) -> Rows:
        """Return d > 0 (side = 1) or < 0 (-1) with U(d) = level, at most the barrier [1]."""
        wanted = np.maximum(np.asarray(level, dtype=float), 0.0)
        c2, c3, c4 = self.slip
        if c3 == c4 == 0.0:
            return side * np.sqrt(wanted / c2)
        end = abs(self.barriers_delta[1 if side > 0.0 else 0])
        if not math.isfinite(end):
            end, top = math.sqrt(self.level / c2), float(np.max(wanted, initial=self.level))
            while float(self.well_delta(side * end)) < top:
                end *= 2.0
        return side * _inverse(lambda d: self.well_delta(side * d), wanted, end)

    def reach(self, level: ArrayLike, side: float) -> Rows:
        """Return x > 0 (side = 1) or < 0 (-1) with W(x) = level, at most the barrier [m]."""
        wanted = np.maximum(np.asarray(level, dtype=float), 0.0)
        if self.phase == 0.0:
            return side * 2.0 / self.wavenumber * np.arcsin(np.sqrt(np.minimum(0.5 * wanted / self.depth, 1.0)))
        end = abs(self.barriers_z[1 if side > 0.0 else 0])
        return side * _inverse(lambda x: self.well_z(side * x), wanted, end)

    @property
    def z_range(self) -> tuple[float, float]:
        """Ends of the separatrix in z [m]."""
        return self.z + float(self.reach(self.level, -1.0)), self.z + float(self.reach(self.level, 1.0))

    @property
    def delta_range(self) -> tuple[float, float]:
        """Lowest and highest delta of the separatrix [1]."""
        return self.delta + float(self.rise(self.level, -1.0)), self.delta + float(self.rise(self.level, 1.0))

    def outline(self, points: int = 401, share: float = 1.0) -> tuple[Rows, Rows]:
        """Return (z [m], delta [1]) of the closed separatrix, or of the orbit at `share` of its level."""
        theta = np.linspace(0.0, 2.0 * math.pi, count("points", points, at_least=9))
        x, d = self._orbit(theta, positive("share", share) * self.level)
        return self.z + x, self.delta + d

    def branch(self, points: int = 201, *, lower: bool = False) -> tuple[Rows, Rows]:
        """Return (z [m], delta [1]) of the upper or lower half of the separatrix, from end to end."""
        z = np.linspace(*self.z_range, count("points", points, at_least=3))
        rest = self.level - self.well_z(z - self.z)
        rest[0] = rest[-1] = 0.0
        return z, self.delta + self.rise(rest, -1.0 if lower else 1.0)

    def share_of_coasting(self, sigma_delta: float) -> float:
        """Return the share of a coasting Gaussian beam about delta = 0 that lies inside [1]."""
        from scipy import special  # slow to import

        spread = positive("sigma_delta", sigma_delta)
        nodes, weights = np.polynomial.legendre.leggauss(200)
        low, high = (end - self.z for end in self.z_range)
        # x = mid + half sin(t): the branches end like the root of the distance from an end
        t = 0.5 * math.pi * nodes
        half = 0.5 * (high - low)
        rest = self.level - self.well_z(0.5 * (high + low) + half * np.sin(t))
        over, under = ((self.delta + self.rise(rest, side)) / spread for side in (1.0, -1.0))
        weight = 0.5 * math.pi * half / self.wavelength * weights * np.cos(t)
        return float(weight @ (special.ndtr(over) - special.ndtr(under)))

    def inside(self, z: ArrayLike, delta: ArrayLike) -> NDArray[np.bool_]:
        """Return whether each particle is inside the separatrix of this bucket or of its copies a wavelength away."""
        low, high = self.barriers_z
        x = fold(z, self.wavelength, self.z + 0.5 * (low + high))[0] - self.z
        d = np.asarray(delta, dtype=float) - self.delta
        lowest, highest = self.barriers_delta
        return (self.well_z(x) + self.well_delta(d) < self.level) & (d > lowest) & (d < highest)

    @cached_property
    def area(self) -> float:
        """Area inside the separatrix in (z, delta) [m]."""
        return self.action(self.level)

    def action(self, level: float) -> float:
        """Return the area inside the orbit of this level, the integral of delta dz [m]."""
        return self.orbit_integrals(level)[0]

    def orbit_integrals(self, level: float) -> tuple[float, float]:
        """Return the integrals of delta dz [m] and of (dz/dn)^2 dn [m^2] around the orbit of this level."""
        theta = _AROUND
        x, d = self._orbit(theta, level)
        dz = np.tile(_WEIGHT, 4) * math.sqrt(level) * np.cos(theta) / self._root_slope_z(x)
        return float(d @ dz), float(self.slope_delta(d) @ dz)

    def tune(self, level: float) -> float:
        """Return the tune of the orbit of this level, between 0 and the separatrix [2 pi]."""
        if not 0.0 < level < self.level:
            raise PhysicsError(
                f"an orbit of level {level:.6g} m is not inside the bucket, which ends at {self.level:.6g} m"
            )
        x, d = self._orbit(_AROUND, level)
        return 1.0 / float(np.tile(_WEIGHT, 4) @ (0.5 / (self._root_slope_z(x) * self._root_slope_delta(d))))

    @property
    def small_tune(self) -> float:
        """Tune of small oscillations [2 pi]."""
        curvature = 2.0 * self.slip[0] * self.depth * self.wavenumber**2 * math.cos(self.phase)
        return math.sqrt(curvature) / (2.0 * math.pi)

    def _orbit(self, theta: Rows, level: float) -> tuple[Rows, Rows]:
        """Return x and d at the angles theta of the orbit of this level."""
        in_z, in_delta = level * np.sin(theta) ** 2, level * np.cos(theta) ** 2
        x = np.where(np.sin(theta) >= 0.0, self.reach(in_z, 1.0), self.reach(in_z, -1.0))
        return x, np.where(np.cos(theta) >= 0.0, self.rise(in_delta, 1.0), self.rise(in_delta, -1.0))

    def _root_slope_z(self, x: Rows) -> Rows:
        """Derivative of +-sqrt(W)."""
        return 0.5 * np.abs(self.slope_z(x)) / np.sqrt(self.well_z(x))

    def _root_slope_delta(self, d: Rows) -> Rows:
        """Derivative of +-sqrt(U)."""
        c2, c3, c4 = self.slip
        return (c2 + d * (1.5 * c3 + d * 2.0 * c4)) / np.sqrt(c2 + d * (c3 + d * c4))


def real_roots(c0: float, c1: float, c2: float) -> tuple[float, ...]:
    """Return the simple real roots of c0 + c1 x + c2 x^2, lowest first.

    >>> real_roots(-1.0, 0.0, 1.0), real_roots(1.0, 2.0, 0.0), real_roots(1.0, 0.0, 1.0)
    ((-1.0, 1.0), (-0.5,), ())
    """
    if c2 == 0.0:
        return (-c0 / c1,) if c1 != 0.0 else ()
    discriminant = c1 * c1 - 4.0 * c0 * c2
    if not discriminant > 0.0:
        return ()
    q = -0.5 * (c1 + math.copysign(math.sqrt(discriminant), c1))
    return tuple(sorted((q / c2, c0 / q)))


def _inverse(rising: Callable[[Rows], Rows], wanted: Rows, end: float) -> Rows:
    """Return the argument in [0, end] at which a rising function has the wanted values, by bisection."""
    low, high = np.zeros_like(wanted), np.full_like(wanted, end)
    for _ in range(56):
        middle = 0.5 * (low + high)
        above = rising(middle) > wanted
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.where(wanted >= rising(np.full_like(wanted, end)), end, 0.5 * (low + high))
