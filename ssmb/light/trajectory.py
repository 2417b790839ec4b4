"""The orbit of one electron as nodes of a quadrature: ideal undulators with end poles, measured fields, any field.

The nodes carry place, slope, bend and *lag*: how far the electron is behind light that runs along the axis. The lag is
an integral of small positive numbers, ``(1/beta - 1) sqrt(1 + v^2) + (sqrt(1 + v^2) - 1)`` with the slope v, and never
a difference of metres, so that the phase of X rays is exact after any length.

Frame: s along the axis, x and y across, right-handed; B_y > 0 bends an electron towards +x.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam.reference import Reference
from ssmb.beam.rows import real_array
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT, VACUUM_PERMITTIVITY
from ssmb.costs import check_cost
from ssmb.errors import ConfigError, PhysicsError
from ssmb.maps.undulator import Undulator
from ssmb.ranges import count, pair

Array = NDArray[np.float64]
#: field (B_x, B_y, B_s) [T] at x, y, s [m]
Field = Callable[[float, float, float], Sequence[float]]

#: a particle with a larger slope does not belong to a beam along s
LARGEST_SLOPE = 0.3
#: nodes in a panel; the rules need the square of it in memory
MOST_NODES = 512


@checked
@dataclass(frozen=True, eq=False)
class Orbit:
    """Orbit of one electron at the nodes of a panel-wise Gauss quadrature; made by the functions of this module.

    Parameters
    ----------
    reference : the electron.
    rows : s, x, y [m], dx/ds, dy/ds [1], d2x/ds2, d2y/ds2 [1/m], lag [m], weight of the quadrature [m]; shape (9, n).
    ends : s, x, y, dx/ds, dy/ds, lag where the straight lines before and after begin; shape (2, 6).
    panel : length of the longest panel [m].
    nodes : number of nodes in a panel [1].
    repeats, repeated, period, lag_period : columns ``repeated[0]:repeated[1]`` stand for `repeats` equal copies at
        distances of `period` in s and `lag_period` in the lag [m]; the later columns are at their true place.
    """

    reference: Reference
    rows: Array
    ends: Array
    panel: float
    nodes: int
    repeats: int = 1
    repeated: tuple[int, int] = (0, 0)
    period: float = 0.0
    lag_period: float = 0.0

    @property
    def length(self) -> float:
        """From entrance to exit [m]."""
        return float(self.ends[1, 0] - self.ends[0, 0])

    @property
    def largest_slope(self) -> float:
        """Largest angle to the axis [rad]."""
        return float(np.sqrt(self.rows[3] ** 2 + self.rows[4] ** 2).max())

    def expanded(self) -> Orbit:
        """Return the same orbit with all copies written out, as the near field needs it."""
        first, last = self.repeated
        if first == last:
            return self
        step = np.zeros((9, 1, 1))
        step[0], step[7] = self.period, self.lag_period
        copies = self.rows[:, None, first:last] + step * np.arange(self.repeats)[None, :, None]
        rows = np.concatenate((self.rows[:, :first], copies.reshape(9, -1), self.rows[:, last:]), axis=1)
        return Orbit(self.reference, rows, self.ends, self.panel, self.nodes)

    def radiated_energy(self) -> float:
        """Energy radiated at all angles and frequencies [J], ``e^2 gamma^4/(6 pi eps0) int (x''^2 + y''^2) ds``.

        The relativistic Larmor formula; the electron is not slowed down by its light.

        >>> und = Undulator(Reference(energy=400e6), period=0.01, n_periods=300, k=1.14403866)
        >>> round(undulator_orbit(und, end_poles=False).radiated_energy() / ELEMENTARY_CHARGE, 1)
        455.9
        """
        copies = np.ones(self.rows.shape[1])
        copies[slice(*self.repeated)] = self.repeats
        square = float((copies * self.rows[8]) @ (self.rows[5] ** 2 + self.rows[6] ** 2))
        strength = (ELEMENTARY_CHARGE * self.reference.charge_number) ** 2 / (6.0 * math.pi * VACUUM_PERMITTIVITY)
        return strength * self.reference.gamma**4 * self.reference.beta**3 * square


@checked
def undulator_orbit(undulator: Undulator, *, end_poles: bool = True, nodes: int = 24, panels: int = 1) -> Orbit:
    """Return the orbit in an ideal undulator.

    Parameters
    ----------
    undulator : the undulator; x is the plane of the wiggling, ``x' = (K/gamma) cos(k_u s)`` in its inner part.
    end_poles : True for N - 1 full periods between end poles of strengths 1/4, -3/4 and -3/4, 1/4, outside of which the
        electron is on the axis; together they radiate nearly like N periods and take N + 1 periods of space (a
        helical one 1/4 more). False cuts the field: N full periods, and straight lines along the tangents.
    nodes, panels : nodes of the quadrature in a panel, and panels in each pole (helical: half pole) [1]; see
        :func:`ssmb.light.single_electron.undulator_field`, which chooses them.

    Notes
    -----
    Exact in the slope (momentum is conserved in a field that depends on s alone), not expanded in K/gamma.

    Examples
    --------
    >>> und = Undulator(Reference(energy=400e6), period=0.01, n_periods=300, k=1.144)
    >>> orbit = undulator_orbit(und)
    >>> round(orbit.length, 9), bool(abs(orbit.ends[1, 1:5]).max() < 1e-11)
    (3.01, True)
    """
    count("nodes", nodes, 2, MOST_NODES)
    period, n, helical = undulator.period, undulator.n_periods, undulator.helical
    k_u, main = 2.0 * math.pi / period, (n - 1) * period
    amplitude = undulator.k / (undulator.reference.gamma * undulator.reference.beta)
    late = 0.25 * period

    def momentum(s: Array) -> tuple[Array, Array]:
        if not end_poles:
            turned = np.array([np.cos(k_u * s), np.sin(k_u * s) * helical])
            return amplitude * turned, amplitude * k_u * np.array([-np.sin(k_u * s), np.cos(k_u * s) * helical])
        px, dpx = _with_end_poles(s, k_u, main)
        py, dpy = _with_end_poles(s - late, k_u, main) if helical else (0.0 * s, 0.0 * s)
        return amplitude * np.array([px, py]), amplitude * np.array([dpx, dpy])

    pole = (0.25 * period if helical else 0.5 * period) / count("panels", panels)
    check_cost(f"an orbit with {panels:.3g} panels in a pole", memory=2e3 * nodes * panels, instead="take fewer")
    if end_poles:
        inner = late if helical else 0.0
        repeats = max(n - 2, 0) if helical else n - 1
        start, stop, place = -period, main + period + inner, (0.0, 0.0)
    else:
        inner, repeats, start, stop, place = 0.0, n, 0.0, n * period, (0.0, -amplitude / k_u if helical else 0.0)
    edges = [
        _panels(start, inner, pole),
        _panels(0.0, period, pole) + inner,
        _panels(inner + repeats * period, stop, pole),
    ]
    return _assembled(undulator.reference, momentum, edges, place, nodes, repeats, period)


@checked
def tabulated_orbit(
    reference: Reference,
    s: ArrayLike,
    b_y: ArrayLike,
    b_x: ArrayLike | None = None,
    *,
    place: Sequence[float] = (0.0, 0.0),
    slope: Sequence[float] = (0.0, 0.0),
    nodes: int = 6,
    every: int = 1,
) -> Orbit:
    """Return the orbit in a transverse field that is tabulated along the axis; a cubic spline between the points.

    Parameters
    ----------
    reference : the particle.
    s : places, rising [m], shape (n,), n >= 4.
    b_y, b_x : field at these places [T]; zero before and after.
    place, slope : x, y [m] and dx/ds, dy/ds [1] at the first place.
    nodes : of the quadrature, in each panel [1].
    every : intervals of the table in a panel [1]; a fine table needs no more panels than some ten in a period.

    Examples
    --------
    Once there and back:

    >>> s = np.linspace(-1.0, 1.0, 201)
    >>> orbit = tabulated_orbit(Reference(energy=250e6), s, 0.1 * np.sin(np.pi * s)**3)
    >>> bool(abs(orbit.ends[1, 3]) < 1e-12)
    True
    """
    from scipy.interpolate import CubicSpline  # slow to import

    table = real_array("s", s)
    if table.ndim != 1 or table.size < 4 or not np.all(np.isfinite(table)) or not np.all(np.diff(table) > 0.0):
        raise ConfigError("s must be at least four finite places in rising order [m]")
    count("nodes", nodes, 2, MOST_NODES)
    columns = [_field_column("b_y", b_y, table), _field_column("b_x", 0.0 * table if b_x is None else b_x, table)]
    per_tesla = reference.charge_number * SPEED_OF_LIGHT / reference.p0c
    forces = [CubicSpline(table, sign * per_tesla * b) for sign, b in zip((-1.0, 1.0), columns, strict=True)]
    kicks = [f.antiderivative() for f in forces]
    across = np.array(pair("slope", slope))
    start = across / math.sqrt(1.0 + float(across @ across))

    def momentum(at: Array) -> tuple[Array, Array]:
        return (
            np.array([p + kick(at) for p, kick in zip(start, kicks, strict=True)]),
            np.array([force(at) for force in forces]),
        )

    here = pair("place", place, "m")
    edges = np.append(table[: -1 : count("every", every)], table[-1])
    return _assembled(reference, momentum, [edges, edges[-1:], edges[-1:]], here, nodes, 0, 0.0)


@checked
def orbit_in_field(
    reference: Reference,
    field: Field,
    edges: ArrayLike,
    *,
    place: Sequence[float] = (0.0, 0.0),
    slope: Sequence[float] = (0.0, 0.0),
    nodes: int = 8,
) -> Orbit:
    """Return the orbit in any static magnetic field, from the full equation of motion.

    Parameters
    ----------
    reference : the particle.
    field : returns B_x, B_y, B_s [T] at x, y, s [m].
    edges : edges of the panels of the quadrature, rising [m]; the field should be smooth inside a panel and is taken
        as zero before the first and after the last edge.
    place, slope : x, y [m] and dx/ds, dy/ds [1] at the first edge.
    nodes : of the quadrature, in each panel [1].

    Raises
    ------
    PhysicsError
        If the particle does not keep going along s.
    """
    from scipy.integrate import solve_ivp  # slow to import

    borders = real_array("edges", edges)
    if borders.ndim != 1 or borders.size < 2 or not np.all(np.isfinite(borders)) or not np.all(np.diff(borders) > 0.0):
        raise ConfigError("edges must be at least two finite places in rising order [m]")
    per_tesla, beta = reference.charge_number * SPEED_OF_LIGHT / reference.p0c, reference.beta

    def rates(s: float, state: Array) -> list[float]:
        x, y, vx, vy, _ = state
        bx, by, bs = _three(field(x, y, s))
        v2 = vx * vx + vy * vy
        if not v2 <= LARGEST_SLOPE**2 or not math.isfinite(bx + by + bs):
            raise PhysicsError(
                f"the orbit left the beam direction at s = {s:.6g} m: slope {math.sqrt(v2):.3g}, field ({bx:.3g}, "
                f"{by:.3g}, "
                f"{bs:.3g}) T; allowed are slopes up to {LARGEST_SLOPE}"
            )
        force = per_tesla * math.sqrt(1.0 + v2)
        bend_x = force * (vy * bs - (1.0 + vx * vx) * by + vx * vy * bx)
        bend_y = force * ((1.0 + vy * vy) * bx - vx * bs - vx * vy * by)
        return [vx, vy, bend_x, bend_y, float(_lag_rate(v2, reference.inv_gamma2, beta))]

    at, weight = _nodes(borders, count("nodes", nodes, 2, MOST_NODES))
    start = [*pair("place", place, "m"), *pair("slope", slope), 0.0]
    solved = solve_ivp(
        rates, (borders[0], borders[-1]), start, "DOP853", t_eval=np.append(at, borders[-1]),
        rtol=1e-12, atol=1e-16, max_step=float(np.diff(borders).max()),
    )  # fmt: skip
    if not solved.success:
        raise PhysicsError(f"the orbit cannot be followed through the field: {solved.message}")
    path = solved.y[:, :-1]
    bends = np.array([rates(s, state)[2:4] for s, state in zip(at, path.T, strict=True)]).T
    rows = np.array([at, path[0], path[1], path[2], path[3], bends[0], bends[1], path[4], weight])
    ends = np.array([[borders[0], *start], [borders[-1], *solved.y[:, -1]]])
    return Orbit(reference, rows, ends, float(np.diff(borders).max()), nodes)


def _three(found: Any) -> tuple[float, float, float]:
    try:
        bx, by, bs = (float(b) for b in found)
    except (TypeError, ValueError):
        raise ConfigError(f"field must return three numbers, B_x, B_y, B_s [T], not {found!r}") from None
    return bx, by, bs


def _field_column(name: str, values: Any, s: Array) -> Array:
    column = real_array(name, values)
    if column.shape != s.shape or not np.all(np.isfinite(column)):
        raise ConfigError(f"{name} must be finite numbers [T] at the {s.size} places of s; its shape is {column.shape}")
    return column


def _with_end_poles(s: Array, k_u: float, main: float) -> tuple[Array, Array]:
    """Return momentum and its derivative, cos(k_u s) on 0 ... main and end poles of one period on both sides."""
    period = 2.0 * math.pi / k_u
    outside = np.maximum(-s, s - main)
    t = period - outside
    first, second = (t > 0.0) & (t <= 0.5 * period), (t > 0.5 * period) & (outside > 0.0)
    side = np.where(s < 0.0, 1.0, -1.0)
    # poles of strength 1/4 and -3/4 of the sine of a full pole: the momentum goes from 0 to -1/2 and on to 1
    p = np.where(first, -0.25 * (1.0 - np.cos(k_u * t)), np.where(second, 0.25 + 0.75 * np.cos(k_u * t), 0.0))
    dp = k_u * np.where(first, -0.25 * np.sin(k_u * t), np.where(second, -0.75 * np.sin(k_u * t), 0.0))
    inside = outside <= 0.0
    return np.where(inside, np.cos(k_u * s), p), np.where(inside, -k_u * np.sin(k_u * s), side * dp)


def _panels(start: float, stop: float, panel: float) -> Array:
    return start + panel * np.arange(round((stop - start) / panel) + 1, dtype=np.float64)


@lru_cache(maxsize=32)
def _rule(nodes: int) -> tuple[Array, Array, Array]:
    """Return nodes and weights of Gauss-Legendre on -1 ... 1 and the matrix of the integrals from -1 to each node."""
    x, w = np.polynomial.legendre.leggauss(nodes)
    values = np.polynomial.legendre.legvander(x, nodes)
    degree = np.arange(nodes)
    to_series = (degree[:, None] + 0.5) * values[:, :nodes].T * w
    integrals = np.empty((nodes, nodes))
    integrals[:, 0] = x + 1.0
    integrals[:, 1:] = (values[:, 2:] - values[:, : nodes - 1]) / (2.0 * degree[1:] + 1.0)
    return x, w, integrals @ to_series


def _nodes(edges: Array, nodes: int) -> tuple[Array, Array]:
    x, w, _ = _rule(nodes)
    half = 0.5 * np.diff(edges)[:, None]
    return (0.5 * (edges[1:] + edges[:-1])[:, None] + half * x).ravel(), (half * w).ravel()


def _running_integral(rate: Array, edges: Array, nodes: int) -> tuple[Array, float]:
    """Return the integral from the first edge to each node and to the last edge."""
    _, w, to_nodes = _rule(nodes)
    half = 0.5 * np.diff(edges)
    panels = rate.reshape(-1, nodes)
    whole = np.concatenate(([0.0], np.cumsum(half * (panels @ w))))
    return (whole[:-1, None] + half[:, None] * (panels @ to_nodes.T)).ravel(), float(whole[-1])


def _lag_rate(square: Any, inv_gamma2: float, beta: float) -> Any:
    """Return c dt/ds - 1 of a slope with that square, as a sum of positive terms."""
    root = np.sqrt(1.0 + square)
    return inv_gamma2 / (beta * (1.0 + beta)) * root + square / (1.0 + root)


def _assembled(
    reference: Reference, momentum: Callable[[Array], tuple[Array, Array]], edges: Sequence[Array],
    place: Sequence[float], nodes: int, repeats: int, period: float,
) -> Orbit:  # fmt: skip
    """Return the orbit of a momentum (over P0) that is a known function of s: head, repeated part, tail."""
    nodes = count("nodes", nodes, 2)
    x, y, lag, lag_period = place[0], place[1], 0.0, 0.0
    parts: list[Array] = []
    for i, borders in enumerate(edges):
        if borders.size < 2 or (i == 1 and repeats == 0):
            parts.append(np.empty((9, 0)))
            continue
        s, weight = _nodes(borders, nodes)
        slope, bend = _slopes(*momentum(s))
        to_x, all_x = _running_integral(slope[0], borders, nodes)
        to_y, all_y = _running_integral(slope[1], borders, nodes)
        to_lag, all_lag = _running_integral(
            _lag_rate((slope**2).sum(0), reference.inv_gamma2, reference.beta), borders, nodes
        )
        parts.append(np.array([s, x + to_x, y + to_y, slope[0], slope[1], bend[0], bend[1], lag + to_lag, weight]))
        if i == 1:
            lag_period = all_lag
            lag += repeats * all_lag
        else:
            x, y, lag = x + all_x, y + all_y, lag + all_lag
    start, stop = (edges[0][0], edges[2][-1])
    first, last = _slopes(*momentum(np.array([start, stop])))[0].T
    ends = np.array([[start, place[0], place[1], *first, 0.0], [stop, x, y, *last, lag]])
    longest = max(float(np.diff(e).max()) for e in edges if e.size > 1)
    where = (parts[0].shape[1], parts[0].shape[1] + parts[1].shape[1])
    return Orbit(
        reference, np.concatenate(parts, axis=1), ends, longest, nodes, max(repeats, 1), where, period, lag_period
    )


def _slopes(p: Array, dp: Array) -> tuple[Array, Array]:
    """Return slopes and their derivatives of a transverse momentum over the whole."""
    square = (p * p).sum(axis=0)
    if not square.max() <= LARGEST_SLOPE**2:
        raise PhysicsError(
            f"the field bends the particle to a slope of {math.sqrt(min(square.max(), 1.0)):.3g}; allowed are slopes "
            f"up to "
            f"{LARGEST_SLOPE}: the energy is too low or the field too strong"
        )
    along = 1.0 / np.sqrt(1.0 - square)
    return p * along, dp * along + p * (p * dp).sum(axis=0) * along**3
