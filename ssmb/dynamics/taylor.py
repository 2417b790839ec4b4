"""Taylor maps of sections by power series, through the same scalar maps that track.

Power series along lines go through the section side by side (:mod:`ssmb.kernels.jets`); the coefficients of each order
follow from them by least squares, to 1e-13 of the largest term of a row in deviations that make terms of like size.
A map is v_i = v_i(0) + sum c_i(e) prod_j u_j^e_j of the deviations u = v - orbit at the
entrance, in our frame (x, px, y, py, z, delta), z > 0 at the head.

Against other codes: TRANSPORT writes the path l = -z + ... of ultra-relativistic beams, so that its R56 is -r56; in
MAD-X the last pair is (t, pt) = (z/beta, (E - E0)/(p0 c)), whose R56 has the sign of ours and differs from it by
1/gamma^2 terms of the length, because pt = beta0 delta + delta^2/(2 gamma0^2) + ... Both put T_ijk symmetric in j, k
and sum over all j, k: for j != k it is half of the coefficient of u_j u_k. :attr:`TaylorMap.T` follows this.

References
----------
M. Berz, Part. Accel. 24, 109 (1989): differential algebraic description of beam dynamics.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from ssmb.arguments import checked
from ssmb.costs import check_cost
from ssmb.dynamics.closed_orbit import closed_orbit
from ssmb.dynamics.propagation import carry, op_range, program_of, without
from ssmb.errors import ConfigError, PhysicsError, nearest
from ssmb.kernels.jets import LANES, JetProgram
from ssmb.lattice.program import Program
from ssmb.lattice.tree import Lattice

AXES = ("x", "px", "y", "py", "z", "delta")
MAX_ORDER = 12
#: lines over the terms of the highest order
_MORE_LINES = 1.6
#: rounding of a series over its largest, which the fit of a term enlarges by its norm
_ROUNDING = 4e-15
#: Time of a fit over lines times the square of its terms [s].
_SECONDS_OF_FIT = 1e-9


@checked
@dataclass(frozen=True, eq=False)
class TaylorMap:
    """Taylor expansion of the map of a section.

    Attributes
    ----------
    order : highest order.
    orbit : (6,) coordinates at the entrance about which it is expanded [m, 1].
    exponents : (n, 6) powers of x, px, y, py, z, delta, lowest orders first.
    coefficients : (6, n) their coefficients in each coordinate at the exit (SI: m, 1).
    """

    order: int
    orbit: np.ndarray
    exponents: np.ndarray
    coefficients: np.ndarray

    def coefficient(self, row: str, **powers: int) -> float:
        """Return the coefficient of a product of powers in one coordinate at the exit.

        Parameters
        ----------
        row : ``"x"`` ... ``"delta"``.
        powers : power of each coordinate at the entrance; those not named are 0.

        Raises
        ------
        ConfigError
            If there is no such coordinate, or the order is above that of the map.

        Examples
        --------
        ``m.coefficient("z", delta=2)`` is t566, ``m.coefficient("x", px=1, delta=1)`` twice T_126.
        """
        wanted = [0] * 6
        for axis, power in powers.items():
            wanted[_axis(axis)] = power
        if sum(wanted) > self.order or min(wanted) < 0 or any(p != int(p) for p in wanted):
            raise ConfigError(
                f"powers must be whole numbers >= 0 with a sum up to the order {self.order}, not {powers}"
            )
        found = np.flatnonzero((self.exponents == wanted).all(axis=1))
        return float(self.coefficients[_axis(row), found[0]]) if len(found) else 0.0

    @property
    def constant(self) -> np.ndarray:
        """(6,) coordinates at the exit of the orbit."""
        return self.coefficients[:, self.exponents.sum(axis=1) == 0].sum(axis=1)

    @property
    def R(self) -> np.ndarray:
        """(6, 6) first derivatives."""
        return self._symmetric(1)

    @property
    def T(self) -> np.ndarray:
        """(6, 6, 6) second-order terms, symmetric in the last two indices: sum T_ijk u_j u_k over all j, k."""
        return self._symmetric(2)

    @property
    def U(self) -> np.ndarray:
        """(6, 6, 6, 6) third-order terms, symmetric in the last three indices."""
        return self._symmetric(3)

    @property
    def r56(self) -> float:
        """dz/d delta [m]; > 0: higher energy arrives earlier."""
        return self.coefficient("z", delta=1)

    @property
    def t566(self) -> float:
        """Coefficient of delta^2 in z [m]."""
        return self.coefficient("z", delta=2)

    @property
    def u5666(self) -> float:
        """Coefficient of delta^3 in z [m]."""
        return self.coefficient("z", delta=3)

    def apply(self, coordinates: np.ndarray) -> np.ndarray:
        """Return the (6, n) coordinates at the exit of particles with (6, n) coordinates at the entrance [m, 1]."""
        u = np.asarray(coordinates, dtype=float)
        if u.ndim not in (1, 2) or len(u) != 6:
            raise ConfigError(f"coordinates must have shape (6,) or (6, n), not {u.shape}")
        u = u - (self.orbit if u.ndim == 1 else self.orbit[:, None])
        powers = np.ones((self.order + 1, *u.shape))
        for n in range(self.order):
            powers[n + 1] = powers[n] * u
        terms = np.ones((len(self.exponents), *u.shape[1:]))
        for j in range(6):
            terms *= powers[self.exponents[:, j], j]
        return self.coefficients @ terms

    def _symmetric(self, order: int) -> np.ndarray:
        if order > self.order:
            raise ConfigError(f"the map has order {self.order}; ask taylor_map for order={order}")
        out = np.zeros((6,) * (order + 1))
        for e, c in zip(self.exponents, self.coefficients.T, strict=True):
            if e.sum() != order:
                continue
            places = [j for j in range(6) for _ in range(e[j])]
            orders = set(itertools.permutations(places))
            for p in orders:
                out[(slice(None), *p)] = c / len(orders)
        return out


@checked
def taylor_map(
    lattice: Lattice | Program,
    start: str | int | None = None,
    end: str | int | None = None,
    *,
    order: int = 3,
    orbit: Sequence[float] | np.ndarray | str | None = None,
    cavities: bool = True,
    lasers: bool = False,
) -> TaylorMap:
    """Return the Taylor map from the entrance of one element to the entrance of another.

    Parameters
    ----------
    lattice : lattice or compiled program.
    start, end : names or positions of elements; default: the beginning and the end of the lattice.
    order : highest order, 1 to 12.
    orbit : (6,) coordinates at ``start`` to expand about [m, 1]; default: the reference orbit; ``"closed"``: the closed
        orbit of the ring.
    cavities, lasers : with the energy kicks of cavities, of lasers.

    Raises
    ------
    ConfigError
        Wrong arguments.
    PhysicsError
        The map has no expansion there.

    Examples
    --------
    >>> from ssmb.beam.reference import Reference
    >>> from ssmb.elements import Drift
    >>> line = Lattice.from_elements([Drift(name="d", length=2.0)], Reference(250e6))
    >>> m = taylor_map(line, order=2)
    >>> round(m.coefficient("z", px=2), 9), round(m.coefficient("x", px=1, delta=1), 9)
    (-1.0, -2.0)
    """
    if isinstance(order, bool) or not isinstance(order, (int, np.integer)) or not 1 <= order <= MAX_ORDER:
        raise ConfigError(f"order must be a whole number from 1 to {MAX_ORDER}, not {order!r}")
    program = without(program_of(lattice), cavities=not cavities, lasers=not lasers)
    op_from, op_to = op_range(program, start, end)
    at = np.zeros(6)
    if isinstance(orbit, str):
        if orbit != "closed":
            raise ConfigError(f"orbit must be six numbers, None or 'closed', not {orbit!r}")
        at = carry(program, closed_orbit(program, lasers=lasers)[:, None], 0, op_from)[:, 0]
    elif orbit is not None:
        at = np.array(orbit, dtype=float)
        if at.shape != (6,) or not np.isfinite(at).all():
            raise ConfigError("orbit must be six finite numbers x, px, y, py, z, delta")
    calls = [(kernel.scalar, p, repeats, kernel.changes_delta) for kernel, p, repeats in program.calls(op_from, op_to)]
    ref = program.reference
    try:
        section = JetProgram(calls, ref.inv_gamma2, ref.beta**2)
    except TypeError as error:  # an element of the user
        raise ConfigError(str(error)) from None
    return expanded(section, at, int(order))


def expanded(section: JetProgram, at: np.ndarray, order: int) -> TaylorMap:
    """Return the map of a row of scalar maps from its series along lines.

    Parameters
    ----------
    section : the maps.
    at : (6,) orbit to expand about [m, 1].
    order : highest order.
    """
    free = [i for i in range(6) if not (i == 4 and section.adds_z)]
    scale = like_size(section, at, order)
    directions, fits = _design(len(free), order)
    lines = np.zeros((6, directions.shape[1]))
    lines[free] = scale[free, None] * directions
    series = section.along(at, lines, order)
    exponents, coefficients = [np.zeros((1, 6), dtype=int)], [series[:, 0, :1]]
    for power, (found, fit) in enumerate(fits, start=1):
        here = np.zeros((len(found), 6), dtype=int)
        here[:, free] = found
        got = series[:, power] @ fit
        rounding = _ROUNDING * np.abs(series[:, power]).max(axis=1, keepdims=True) * np.linalg.norm(fit, axis=0)
        got[np.abs(got) < rounding] = 0.0
        got /= np.prod(scale**here, axis=1)
        if section.keeps_delta:
            got[5] = 0.0 if power > 1 else here[:, 5]
        if power == 1 and section.adds_z:
            here, got = np.vstack((here, np.eye(6, dtype=int)[4])), np.column_stack((got, np.eye(6)[4]))
        exponents.append(here)
        coefficients.append(got)
    powers, terms = np.concatenate(exponents), np.concatenate(coefficients, axis=1)
    if not np.isfinite(terms).all():
        raise PhysicsError(
            "the map has no Taylor expansion here: a particle on this orbit is lost, or at an edge of it"
        )
    kept = terms.any(axis=0)
    powers, terms = powers[kept], terms[:, kept]
    rank = sorted(range(len(powers)), key=lambda n: (powers[n].sum(), tuple(-powers[n])))
    return TaylorMap(order, at, powers[rank], np.ascontiguousarray(terms[:, rank]))


def like_size(section: JetProgram, at: np.ndarray, order: int) -> np.ndarray:
    """Deviations (6,) for which terms of different coordinates are of like size: none drowns in rounding [m, 1].

    Slopes stand to places as the linear map has it; what is left is as long as the terms of one coordinate alone allow.
    """
    series = section.along(at, np.eye(6), max(order, 2))
    matrix = series[:, 1]
    size = np.ones(6)
    for i in (0, 2):
        there, back = abs(matrix[i, i + 1]), abs(matrix[i + 1, i])
        beta = min(math.sqrt(there / back), 10.0 * max(there, 1.0)) if back > 0.0 else max(there, 1.0)
        size[i + 1] = 1.0 / max(beta, 0.1)
    rows = [0, 1, 2, 3, 5]
    out = size.copy()
    for i in range(6):
        for power in range(1 if i == 4 else 2, series.shape[1]):
            terms = np.abs(series[rows, power, i]) * size[i] ** power / size[rows]
            out[i] = min(out[i], size[i] * max(terms.max(), 1.0) ** (-1.0 / power))
    return out


@cache
def _design(variables: int, order: int) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Directions (variables, lines); by order exponents (n, variables) and the matrix from series to coefficients."""
    most = math.comb(variables + order - 1, order)
    lines = math.ceil(_MORE_LINES * most)
    check_cost(
        f"a Taylor map of order {order} with {most} terms of that order", memory=40.0 * lines * most,
        seconds=_SECONDS_OF_FIT * lines * most**2, instead="take a lower order",
    )  # fmt: skip
    lines = -(-lines // LANES) * LANES if lines > LANES else lines
    directions = np.random.default_rng(order).standard_normal((variables, lines))
    directions /= np.linalg.norm(directions, axis=0)
    fits = []
    for power in range(1, order + 1):
        rows = np.array(list(itertools.combinations_with_replacement(range(variables), power)))
        exponents = np.array([np.bincount(row, minlength=variables) for row in rows])
        # columns of like size: the weights of Bombieri's norm, which is that of the sphere
        weight = np.sqrt([math.factorial(power) / math.prod(map(math.factorial, e)) for e in exponents.tolist()])
        terms = np.repeat(weight[:, None], lines, axis=1)
        for column in rows.T:
            terms *= directions[column]
        # normal equations, then one step of Schulz, which is as good as the singular values at a tenth of their time
        inverse = np.linalg.solve(terms @ terms.T, terms)
        inverse = 2.0 * inverse - (inverse @ terms.T) @ inverse
        fits.append((exponents, (inverse * weight[:, None]).T))
    return directions, fits


def _axis(name: str) -> int:
    if name not in AXES:
        raise ConfigError(f"no coordinate '{name}'; allowed: {', '.join(AXES)}.{nearest(name, AXES)}")
    return AXES.index(name)
