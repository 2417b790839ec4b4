"""The field in which a body radiates."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ssmb.kernels.objects import pure_python
from ssmb.maps.photon_spectrum import MEAN_SQUARE_ANGLE
from ssmb.maps.radiation_kernels import FIELDS, SQUARES

_ABOUT = ((0.0, 0.0), (3e-3, 0.0), (-3e-3, 0.0), (0.0, 3e-3), (0.0, -3e-3))


#: A field is steady where it varies by less than this out to 3 mm: photons are then drawn by their total.
_STEADY = 0.3


@dataclass(frozen=True)
class LocalField:
    """How an element says that it radiates.

    Attributes
    ----------
    field : "linear": (b_y, db_y/dx, b_x, db_x/dx) on the axis; "multipole": Kn/n! and Ks/n!, curvature in the first;
        "wiggler": (b0^2, k_u, wx, wy), a field that grows like cosh k_u (wx x + wy y), the recoil (ux, uy, vx, vy)
        of :func:`ssmb.maps.radiation_kernels.wiggler_recoil`, and its gradient along the wiggling.
    numbers : those numbers, in curvature e B/p0 [1/m].
    points : (fraction of the length, weight) of the radiation points; weights sum up to 1.
    mean_points : the same where only the mean loss is tracked; default: ``points``.
    quiet : whether photons are so few that the mean loss stands for them (see :data:`QUIET`).
    length : length of the body [m] along the mean path.
    h : curvature of the reference orbit [1/m].
    tilt : roll of the field [rad].
    edges : tangents of pole-face angles whose kicks are thin, at entrance and exit.
    shares : (fraction of b0, share of the length) of a field that varies along a period; constant fields have one.
    """

    field: str
    numbers: tuple[float, ...]
    points: tuple[tuple[float, float], ...]
    length: float
    h: float = 0.0
    tilt: float = 0.0
    edges: tuple[float, float] = (0.0, 0.0)
    shares: tuple[tuple[float, float], ...] = ((1.0, 1.0),)
    mean_points: tuple[tuple[float, float], ...] = ()
    quiet: bool = False

    @property
    def square(self) -> float:
        """Average of b^2/b0^2 over a period."""
        return sum(share * fraction**2 for fraction, share in self.shares)

    @property
    def cube(self) -> float:
        """Average of |b|^3/b0^3 over a period."""
        return sum(share * fraction**3 for fraction, share in self.shares)

    def strength(self, x: float = 0.0, y: float = 0.0) -> float:
        """Local curvature |b| [1/m]."""
        return math.sqrt(self.squared(x, y))

    def squared(self, x: float, y: float) -> float:
        """Square of the local curvature [1/m^2], in plain Python: a few values are not worth a compiled kernel."""
        return pure_python(SQUARES[self.field])(x, y, self.numbers)

    def recoil_kicks(self, x: float, y: float) -> tuple[tuple[float, float], ...]:
        """Kicks (px, py) that make up the recoil across the orbit of photons that leave at ``x``, ``y`` [m].

        They are those of a diffusion of 1 and 1/(gamma q) = 1; their squares add.
        """
        recoil = pure_python(FIELDS[self.field].recoil)
        return tuple(recoil(x, y, self.numbers, MEAN_SQUARE_ANGLE, 1.0, *n) for n in ((1.0, 0.0), (0.0, 1.0)))

    def strongest(self) -> float:
        """Largest local curvature out to 3 mm from the axis [1/m]."""
        return max(self.strength(x, y) for x, y in _ABOUT)

    def steady(self) -> bool:
        """Whether the field is nearly the same over the beam."""
        centre = self.strength()
        return all(abs(self.strength(x, y) - centre) < _STEADY * centre for x, y in _ABOUT)
