"""Coherent synchrotron radiation of one bunch in a bend and behind it, with entrance and exit, in one dimension.

A slice feels those behind it, whose light overtakes on the chord. At the angle phi in the bend, or a way x behind it,

    dE/ds = -(Q/4 pi eps0) Int_0^inf K(t) lambda'(z - t) dt,    K = (4/rho)/(psi(t) + 2x/rho),

where light from the angle psi before the end overtakes by t = (rho psi^3/24)(psi + 4x/rho)/(psi + x/rho); from before
the entrance (psi = phi) K stays 4/(rho phi + 2x) up to t = (rho phi^2/6)(phi + 3x/rho), and is 0 beyond. Its integral
over the way is in closed form here: with w = psi^3/(24 t/rho) that of 1/(psi + 2x/rho) over x/rho is
(ln w)/3 - (1/2) ln(4w - 1).

References
----------
E. L. Saldin, E. A. Schneidmiller, M. V. Yurkov, NIM A 398, 373 (1997), doi:10.1016/S0168-9002(97)00822-X.
G. Stupakov, P. Emma, CSR wake for a short magnet in ultrarelativistic limit, EPAC 2002, 1479.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam
from ssmb.beam.reference import Reference
from ssmb.collective.bend_limits import tell_of_line_charge, tell_of_transients
from ssmb.collective.effect import effect
from ssmb.collective.impedances import CSR
from ssmb.collective.line_charge import Convolution, OfABunch
from ssmb.constants import SPEED_OF_LIGHT, VACUUM_IMPEDANCE
from ssmb.errors import ConfigError, nearest
from ssmb.lattice.bends import BendPiece, bends_of
from ssmb.lattice.flatten import base_name, matching
from ssmb.lattice.program import Program
from ssmb.lattice.tree import Lattice
from ssmb.quantity import quantity
from ssmb.tracking.stations import Place

#: Nodes of the mean of a kernel over a bin.
_NODES = 8


@checked
@effect("bend_light")
class BendLight(OfABunch):
    """Coherent synchrotron radiation of a bunch in the bends of a lattice, with the entrance and the exit of each: in
    one dimension, beta = 1, free space.

    It acts at the entrance of a bend as a whole, with all of the bend and the straight behind it up to the next one.
    Radius and lengths are those of the lattice (of ``ring``, where the tracked lattice is its fast model). The bunch
    keeps its shape on that way. Where it does not, put markers in the bend
    (:meth:`ssmb.lattice.Lattice.with_markers`): each piece has its own part of the kick, which add up to that of the
    bend.

    Light of one bend does not reach the next, nor the next turn: it leaves on the tangent. Valid for a beam thinner
    than (rho sigma_z^2)^(1/3), far from walls, sigma_z << h^(3/2)/sqrt(rho) for a full gap h, for sigma_z >>
    rho/gamma^3, and for straights shorter than 2 gamma^2 sigma_z; a warning says where the beam leaves this.
    """

    physics = "coherent synchrotron radiation"
    at: Sequence[str] | str | float = quantity(
        "m", "bends in which it acts: names, or patterns of names; by default all", default="Bend::*"
    )
    radius: float = quantity("m", "bending radius; 0: that of the lattice", default=0.0, minimum=0.0)
    length: float = quantity("m", "length of the bend, with radius", default=0.0, minimum=0.0)
    straight: float = quantity("m", "straight behind the bend, with radius", default=0.0, minimum=0.0)
    gap: float = quantity(
        "m", "full gap of the chamber, of which a warning says where it shields; 0: none", default=0.0, minimum=0.0
    )
    ring: Lattice | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.at, (int, float)):
            raise ConfigError(f"{self.name}: at must name bends, not be a spacing of {self.at:g} m")
        if (self.radius > 0.0) != (self.length > 0.0):
            raise ConfigError(f"{self.name}: radius and length of a bend belong together; 0 and 0 are the lattice's")
        if self.straight and not self.radius:
            raise ConfigError(f"{self.name}: a straight needs radius and length of the bend before it")

    def in_lattice(self, program: Program) -> Self:
        """The effect with the names of its bends; of what a pattern names, those that bend."""
        if self.radius:
            return super().in_lattice(program)
        row = program.elements if self.ring is None else self.ring.elements
        names, bends = {e.name for e in row}, {row[i].name for i in bends_of(row)}
        found: list[str] = []
        for pattern in self.at:  # type: ignore[union-attr]
            those = [pattern] if pattern in names else [row[i].name for i in matching(row, pattern)]
            if not bends.intersection(those):
                hint = nearest(pattern, bends | {base_name(name) for name in bends})
                raise ConfigError(f"{self.name}: '{pattern}' names no bend of the lattice.{hint}")
            found += [name for name in those if name in bends]
        return super(BendLight, dataclasses.replace(self, at=tuple(dict.fromkeys(found)))).in_lattice(program)

    def as_asked(self) -> dict[str, Any]:
        """A ring is known by its elements."""
        found = super().as_asked()
        return found | {"ring": list(self.ring.elements)} if self.ring is not None else found

    @functools.cached_property
    def _of_ring(self) -> dict[str, BendPiece]:
        row = () if self.ring is None else self.ring.elements
        return {row[i].name: bend for i, bend in bends_of(row).items()}

    def bend(self, here: Place) -> BendPiece:
        """The bend at a place."""
        if self.radius:
            return BendPiece(self.radius, 0.0, self.length, self.length, behind=self.straight)
        bend = self._of_ring.get(here.name, here.bend)
        if bend is None:
            raise ConfigError(f"{self.name}: '{here.name}' is no bend of the lattice; give radius and length of one")
        return bend

    def voltage(self, total: np.ndarray, reference: Reference, here: Place) -> np.ndarray:
        bend = self.bend(here)
        wakes = _wakes(self.bins, self.width, bend.radius, bend.begin, bend.end, bend.straight)
        return -wakes(self.charge(total, reference))

    def kick(self, beam: Beam, total: np.ndarray, state: dict[str, np.ndarray], turn: int, here: Place) -> None:
        bend, sigma = self.bend(here), self.rms(total)
        if sigma > 0.0:
            tell_of_transients(self, beam.reference.gamma, here, bend, sigma, self.gap)
            tell_of_line_charge(self, beam, turn, here, bend.radius, sigma)
            self.warn_coarse(total, CSR(bend.radius, bend.length))
        super().kick(beam, total, state, turn, here)

    @classmethod
    def examples(cls) -> list[tuple[Any, float]]:
        bend: dict[str, Any] = {"radius": 1.5, "length": 0.5}
        return [
            (cls(at="m", window=(-0.02, 0.02), **bend), 3e-3),
            (cls(at=("m", "n"), window=(-0.02, 0.02), bins=401, straight=1.0, **bend), 3e-3),
        ]


@functools.lru_cache(maxsize=256)
def _wakes(bins: int, width: float, radius: float, begin: float, end: float, straight: float) -> Convolution:
    """Kernel of a piece of a bend and of the straight behind it, between nodes [V/C]."""

    def kernel(t: np.ndarray) -> np.ndarray:
        inside = _inside(t, radius, end) - _inside(t, radius, begin)
        return inside + _behind(t, radius, end / radius, straight) if straight else inside

    return Convolution(_of_nodes(bins, width, kernel))


def bend_kernel(t: np.ndarray, radius: float, angle: float, behind: float = 0.0) -> np.ndarray:
    """K(t) [1/m] at an angle behind the entrance of a bend, or a way [m] behind the exit of a bend of this angle."""
    x, u = behind / radius, 24.0 * np.asarray(t, dtype=float) / radius
    w = _place_in_bend(u, x)
    held = u * (angle + x) > angle**3 * (angle + 4.0 * x)
    psi = np.where(held, angle, np.cbrt(w * u))
    ends = u > 4.0 * angle**2 * (angle + 3.0 * x)
    return np.where(ends, 0.0, 4.0 / radius / (psi + 2.0 * x))


def _inside(t: np.ndarray, radius: float, length: float) -> np.ndarray:
    """K(t) integrated over a bend up to a way in it [1]."""
    if not length > 0.0:
        return np.zeros_like(t)
    steady = np.cbrt(24.0 * radius**2 * t)  # way from the entrance on which t is overtaken
    first = np.cbrt(6.0 * radius**2 * t)  # from where light of before the entrance is felt
    held = np.log(np.minimum(steady, length) / np.minimum(first, length))
    return 4.0 * (held + np.maximum(length - steady, 0.0) / steady)


def _behind(t: np.ndarray, radius: float, angle: float, straight: float) -> np.ndarray:
    """K(t) integrated over the straight behind a bend of this angle [1]."""
    x, u, cube = straight / radius, 24.0 * t / radius, angle**3
    w_end = _place_in_bend(u, x)
    w_begin = np.minimum(cube / u, 1.0)  # where light from the entrance is felt behind the end of the bend
    in_bend = np.where(w_end < w_begin, _antiderivative(np.minimum(w_end, w_begin)) - _antiderivative(w_begin), 0.0)
    # before that, and where the light comes from before the bend: psi = angle
    reached = np.clip((u - cube) * angle / np.maximum(4.0 * cube - u, 1e-300), 0.0, x)
    until = np.where(u < 4.0 * cube, reached, x)
    since = np.clip((0.25 * u / angle**2 - angle) / 3.0, 0.0, x)
    held = 0.5 * np.log((angle + 2.0 * until) / (angle + 2.0 * np.minimum(since, until)))
    return 4.0 * (in_bend + held)


def _antiderivative(w: np.ndarray) -> np.ndarray:
    """That of 1/(psi + 2x/rho) over x/rho; w > 1/4."""
    return np.log(w) / 3.0 - 0.5 * np.log(np.maximum(4.0 * w - 1.0, 1e-300))


def _place_in_bend(u: np.ndarray, x: float) -> np.ndarray:
    """w between 1/4 and 1 with u^(1/3) w^(1/3) (1 - w)/(4w - 1) = x, by bisection; it falls as x grows."""
    low, high = np.full_like(u, 0.25), np.ones_like(u)
    for _ in range(60):
        w = 0.5 * (low + high)
        far = np.cbrt(u * w) * (1.0 - w) > x * (4.0 * w - 1.0)
        low, high = np.where(far, w, low), np.where(far, high, w)
    return high


def _of_nodes(bins: int, width: float, kernel: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Voltage of unit charge between nodes from K: of a charge with straight lines between nodes, K averaged over bins.

    The mean over a bin from t = m h is by Gauss in the cube root of t, in which K t^(2/3) is smooth at 0.
    """
    edges = np.cbrt(width * np.arange(bins + 1))
    x, weight = np.polynomial.legendre.leggauss(_NODES)
    v = edges[:-1, None] + 0.5 * (x + 1.0) * np.diff(edges)[:, None]
    mean = 0.5 * np.diff(edges) * ((3.0 * v * v * kernel(v**3)) @ weight) / width**2
    wake = np.zeros(2 * bins - 1)
    ahead = VACUUM_IMPEDANCE * SPEED_OF_LIGHT / (4.0 * math.pi) * mean  # of the bins [m h, (m + 1) h]
    wake[bins - 1 :] += ahead[:bins]
    wake[bins:] -= ahead[: bins - 1]
    return wake
