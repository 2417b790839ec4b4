"""A Taylor map as a matrix after exactly symplectic kicks, for as many turns as one likes.

A truncated Taylor map is not symplectic, and a beam that is stored in it heats or cools. Here the map is written as
``M = R K``: R its matrix and K a row of kicks of polynomial potentials along fixed directions
(``SSMB_PolynomialKicks``), whose Taylor expansion agrees with that of M up to its order. Cubic potentials give the
second order; the potentials of the fourth and fifth degree are what they leave over of the orders three and four, and
go into the same kicks.

The row of kicks is a palindrome, each kick with half its strength there and back: what kicks make of each other beyond
the order (their commutators of an even number) then cancels. Without that, the terms of higher order that a ring with
strong sextupoles gets are a hundred times those that it has.

References
----------
J. Irwin, Nucl. Instrum. Methods A 298, 460 (1990), doi:10.1016/0168-9002(90)90648-P.
A. J. Dragt, J. M. Finn, J. Math. Phys. 17, 2215 (1976), doi:10.1063/1.522868.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.dynamics.linear import symplectic_form
from ssmb.dynamics.taylor import TaylorMap, taylor_map
from ssmb.elements.polynomial_kicks import POWERS, PolynomialKicks
from ssmb.errors import ConfigError, PhysicsError
from ssmb.lattice.tree import Lattice

#: Orders for which there are kicks.
ORDERS = (2, 3, 4)
#: Number of kicks by order, and whether the map keeps the symmetry y -> -y: as many as there are independent terms.
_KICKS = {(2, True): 10, (2, False): 12, (3, True): 24, (3, False): 26, (4, True): 34, (4, False): 36}
_FORM = symplectic_form(6)
_GOLDEN = 0.5 * (1.0 + math.sqrt(5.0))
#: Terms smaller than this part of the largest are rounding.
_ROUNDING = 1e-11
#: How far a Taylor map may be from symplectic, relative to its terms of that order.
_SYMPLECTIC = 1e-6
#: Terms of a coordinate below this part of those of the others are as good as none: their errors are rounding of those.
_NOTHING = 1e-6


def kicks_of(
    section: TaylorMap, twiss: tuple[float, float, float, float], momentum: float = 1.0
) -> tuple[tuple[float, ...], ...]:
    """Return the rows of the :class:`~ssmb.elements.polynomial_kicks.PolynomialKicks` that act before the matrix.

    Parameters
    ----------
    section : map of order 2 to 4 that does not depend on z (cavities and lasers off).
    twiss : beta_x [m], alpha_x, beta_y [m], alpha_y at the entrance, which make directions of like size.
    momentum : betatron amplitude sqrt(2 J) that counts as much as a momentum deviation of 1 [sqrt(m)]: what the
        dispersion in the section makes of it, sqrt(H). Far from it the kicks have strong terms of higher orders in
        delta.

    Raises
    ------
    ConfigError
        If the order is another.
    PhysicsError
        If the map depends on z, or is not symplectic up to its order.
    """
    if section.order not in ORDERS:
        raise ConfigError(f"kicks are made of Taylor maps of order 2, 3 or 4, not {section.order}")
    exponents = _monomials(section.order)
    rest = np.linalg.solve(section.R, _aligned(section, exponents))
    orders = range(2, section.order + 1)
    even = not any(_Potential(exponents, rest, order, checked=order == 2).odd for order in orders)
    directions = _directions(_KICKS[section.order, even], twiss, momentum)
    coefficients = np.zeros((len(directions), len(POWERS)))
    for order in orders:
        # what the kicks of lower degree already have of this order is not wanted again
        left = rest - _aligned(_taylor_of(directions, coefficients, section.order), exponents)
        _fill(coefficients, directions, _Potential(exponents, left, order), even, twiss, momentum)
    return _there_and_back(directions, coefficients)


def _there_and_back(directions: np.ndarray, coefficients: np.ndarray) -> tuple[tuple[float, ...], ...]:
    """Rows of the kicks at half strength, and again in the opposite order; the two in the middle are one."""
    half = np.hstack((directions, 0.5 * coefficients))
    middle = np.hstack((directions[-1:], coefficients[-1:]))
    return tuple(tuple(row) for row in np.vstack((half[:-1], middle, half[-2::-1])).tolist())


class _Potential:
    """Potential F whose kick ``du = S grad F`` is the part of one order of a map near the identity."""

    def __init__(self, exponents: np.ndarray, map_terms: np.ndarray, order: int, checked: bool = True) -> None:
        here = exponents.sum(axis=1) == order
        self.degree = order + 1
        found: dict[tuple[int, ...], float] = {}
        for e, gradient in zip(exponents[here], (-_FORM @ map_terms[:, here]).T, strict=True):
            for i in range(6):
                if gradient[i] != 0.0:
                    power = tuple((e + np.eye(6, dtype=int)[i]).tolist())
                    found[power] = found.get(power, 0.0) + gradient[i] / self.degree  # Euler's theorem
        self.exponents = np.array(sorted(found), dtype=int).reshape(-1, 6)
        self.values = np.array([found[tuple(e)] for e in self.exponents.tolist()])
        if checked:
            self._check(exponents[here], map_terms[:, here])

    def _check(self, exponents: np.ndarray, wanted: np.ndarray) -> None:
        """The gradient of the potential must be the map again: only then is there a potential."""
        points = np.random.default_rng(1).standard_normal((6, 4 * max(1, len(exponents))))
        got = _FORM @ self.gradient(points)
        want = wanted @ np.prod(points[None, :, :] ** exponents[:, :, None], axis=1)
        error = np.abs(got - want).max(axis=1)
        if np.any(error > _SYMPLECTIC * np.maximum(np.abs(want).max(axis=1), _NOTHING * np.abs(want).max())):
            raise PhysicsError(
                f"the map of the section is not symplectic at order {self.degree - 1}: is an SSMB_LinearMap with "
                f"damping or "
                "a Taylor element in it?"
            )

    def gradient(self, points: np.ndarray) -> np.ndarray:
        """(6, n) gradient at (6, n) points."""
        out = np.zeros_like(points)
        for i in range(6):
            lower = self.exponents.copy()
            lower[:, i] = np.maximum(lower[:, i] - 1, 0)
            terms = np.prod(points[None, :, :] ** lower[:, :, None], axis=1)
            out[i] = (self.values * self.exponents[:, i]) @ terms
        return out

    @property
    def odd(self) -> bool:
        """Whether y and py occur in odd powers."""
        odd = self.exponents[:, 2:4].sum(axis=1) % 2 == 1
        scale = np.abs(self.values).max(initial=0.0)
        return bool(np.abs(self.values[odd]).max(initial=0.0) > _ROUNDING * scale)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Values at (6, n) points."""
        return self.values @ np.prod(points[None, :, :] ** self.exponents[:, :, None], axis=1)


def _directions(count: int, twiss: tuple[float, float, float, float], momentum: float) -> np.ndarray:
    """(count, 5) a_x, a_px, a_delta, b_y, b_py, spread evenly over half a sphere and half a circle."""
    beta_x, alpha_x, beta_y, alpha_y = twiss
    n = np.arange(count) + 0.5
    height, turn = n / count, 2.0 * math.pi * n / _GOLDEN
    flat = np.sqrt(1.0 - height**2)
    x, px, along = flat * np.cos(turn), flat * np.sin(turn), height
    angle = math.pi * n * math.sqrt(2.0)
    y, py = np.cos(angle), np.sin(angle)
    root_x, root_y = math.sqrt(beta_x), math.sqrt(beta_y)
    columns = ((x + alpha_x * px) / root_x, root_x * px, momentum * along, (y + alpha_y * py) / root_y, root_y * py)
    return np.column_stack(columns)


def _fill(
    coefficients: np.ndarray,
    directions: np.ndarray,
    potential: _Potential,
    even: bool,
    twiss: tuple[float, float, float, float],
    momentum: float,
) -> None:
    """Write into the columns of this degree the smallest coefficients that make up the potential."""
    columns = [i for i, (a, b) in enumerate(POWERS) if a + b == potential.degree and not (even and b % 2)]
    beta_x, alpha_x, beta_y, alpha_y = twiss
    points = np.random.default_rng(2).standard_normal((6, 4 * len(columns) * len(directions)))
    points[1] = (points[1] - alpha_x * points[0]) / math.sqrt(beta_x)
    points[0] *= math.sqrt(beta_x)
    points[3] = (points[3] - alpha_y * points[2]) / math.sqrt(beta_y)
    points[2] *= math.sqrt(beta_y)
    points[4] = 0.0
    points[5] /= momentum
    along, across = directions[:, :3] @ points[[0, 1, 5]], directions[:, 3:] @ points[[2, 3]]
    terms = np.concatenate([along ** POWERS[i][0] * across ** POWERS[i][1] for i in columns]).T
    wanted = potential(points)
    found, *_ = np.linalg.lstsq(terms, wanted, rcond=1e-12)
    error = np.abs(terms @ found - wanted).max() / max(np.abs(wanted).max(), 1e-300)
    if error > 1e-8:
        raise PhysicsError(f"the kicks miss the potential of degree {potential.degree} by {error:.2g} of it")
    coefficients[:, columns] = found.reshape(len(columns), -1).T


def _taylor_of(directions: np.ndarray, coefficients: np.ndarray, order: int) -> TaylorMap:
    """Taylor map of the kicks, about the origin."""
    rows = _there_and_back(directions, coefficients)
    return taylor_map(Lattice.from_elements([PolynomialKicks(name="kicks", kicks=rows)], Reference(1e9)), order=order)


def _monomials(order: int) -> np.ndarray:
    """(n, 6) exponents of x, px, y, py, delta of degree 2 to ``order``; z does not occur."""
    rows = [e for e in itertools.product(range(order + 1), repeat=5) if 2 <= sum(e) <= order]
    return np.insert(np.array(rows), 4, 0, axis=1)


def _aligned(given: TaylorMap, exponents: np.ndarray) -> np.ndarray:
    """Coefficients (6, n) of the terms of a map that are not linear, in the order of the exponents."""
    place = {tuple(e): i for i, e in enumerate(exponents.tolist())}
    out = np.zeros((6, len(exponents)))
    for e, column in zip(given.exponents.tolist(), given.coefficients.T, strict=True):
        if tuple(e) in place:
            out[:, place[tuple(e)]] = column
        elif sum(e) > 1 and np.abs(column).max() > _ROUNDING * np.abs(given.coefficients).max():
            raise PhysicsError("the map of the section depends on z; take cavities and lasers out of it")
    return out
