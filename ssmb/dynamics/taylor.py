"""Taylor maps of sections by differential algebra, through the same scalar maps that track.

The algebra is that of daceypy (the extra ``maps``). A map is v_i = v_i(0) + sum c_i(e) prod_j u_j^e_j of the deviations
u = v - orbit at the entrance, in our frame (x, px, y, py, z, delta), z > 0 at the head.

Against other codes: TRANSPORT writes the path l = -z + ... of ultra-relativistic beams, so that its R56 is -r56; in
MAD-X the last pair is (t, pt) = (z/beta, (E - E0)/(p0 c)), whose R56 has the sign of ours and differs from it by
1/gamma^2 terms of the length, because pt = beta0 delta + delta^2/(2 gamma0^2) + ... Both put T_ijk symmetric in j, k
and sum over all j, k: for j != k it is half of the coefficient of u_j u_k. :attr:`TaylorMap.T` follows this.

References
----------
M. Berz, Part. Accel. 24, 109 (1989): differential algebraic description of beam dynamics.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.dynamics.closed_orbit import closed_orbit
from ssmb.dynamics.propagation import carry, op_range, program_of, without
from ssmb.errors import ConfigError, nearest
from ssmb.kernels.objects import rebind
from ssmb.kernels.primitives import velocity_excess
from ssmb.lattice.program import Program
from ssmb.lattice.tree import Lattice

AXES = ("x", "px", "y", "py", "z", "delta")
MAX_ORDER = 12


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
            orders = set(_permutations(places))
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
        Wrong arguments, or daceypy is not installed.

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
    with _algebra(int(order)) as algebra:
        numbers = [float(at[i]) + algebra(i + 1) for i in range(6)]
        return _read(_through(program, numbers, op_from, op_to), at, int(order))


def _through(program: Program, v: list[Any], op_from: int, op_to: int) -> list[Any]:
    """Run ops on numbers of the algebra, as the tile loops do on doubles."""
    ref = program.reference
    excess = _on_algebra(velocity_excess)

    def of_delta(delta: Any) -> tuple[Any, Any]:
        return 1.0 / (1.0 + delta), excess(delta, ref.inv_gamma2, ref.beta**2)

    rpp, dbeta = of_delta(v[5])
    for kernel, p, repeat in program.calls(op_from, op_to):
        scalar = _on_algebra(kernel.scalar)
        for _ in range(repeat):
            v = list(scalar(*v, rpp, dbeta, p))
            if kernel.changes_delta:
                rpp, dbeta = of_delta(v[5])
    return v


def _read(v: list[Any], orbit: np.ndarray, order: int) -> TaylorMap:
    """Collect the monomials of six numbers of the algebra."""
    terms: dict[tuple[int, ...], np.ndarray] = {}
    for i, number in enumerate(v):
        for monomial in number.getMonomials():
            exponents = tuple(int(e) for e in list(monomial.m_jj)[:6])
            terms.setdefault(exponents, np.zeros(6))[i] = float(getattr(monomial.m_coeff, "value", monomial.m_coeff))
    keys = sorted(terms, key=lambda e: (sum(e), tuple(-n for n in e)))
    exponents = np.array(keys, dtype=int).reshape(-1, 6)
    coefficients = np.array([terms[k] for k in keys]).reshape(-1, 6).T
    return TaylorMap(order, orbit, exponents, np.ascontiguousarray(coefficients))


@contextmanager
def _algebra(order: int) -> Iterator[Any]:
    """Differential algebra of six variables; what the caller computes with daceypy himself is left in order."""
    try:
        from daceypy import DA  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ConfigError(
            'Taylor maps need daceypy, the extra "maps": pip install "ssmb[maps]" (or: pip install daceypy)'
        ) from None
    if not DA.isInitialized() or DA.getMaxOrder() < order or DA.getMaxVariables() < 6:
        DA.init(order, 6)
    smallest = DA.setEps(0.0)
    DA.pushTO(order)
    try:
        yield DA
    finally:
        DA.popTO()
        DA.setEps(smallest)


def _sincos(u: Any) -> tuple[Any, Any]:
    return (u.sin(), u.cos()) if hasattr(u, "cons") else (math.sin(u), math.cos(u))


def _sincos_turns(t: Any) -> tuple[Any, Any]:
    whole = round(t.cons() if hasattr(t, "cons") else t)
    return _sincos(2.0 * math.pi * (t - whole))


def _atan_over(t: Any) -> Any:
    """atan(t)/t; near t = 0 by its series, which an expansion of the quotient does not have."""
    if not hasattr(t, "cons"):
        return math.atan(t) / t if t else 1.0
    if abs(t.cons()) > 0.1:
        return t.atan() / t
    square, out = t * t, 0.0 * t
    for k in range(20, -1, -1):
        out = out * square + (-1.0) ** k / (2 * k + 1)
    return out


_NAMESPACE: dict[str, Callable] = {
    "sqrt": lambda u: u.sqrt() if hasattr(u, "cons") else math.sqrt(u),
    "sincos": _sincos,
    "sincos_turns": _sincos_turns,
    "atan": lambda u: u.atan() if hasattr(u, "cons") else math.atan(u),
    "atan_over": _atan_over,
    "exp": lambda u: u.exp() if hasattr(u, "cons") else math.exp(u),
    "log": lambda u: u.log() if hasattr(u, "cons") else math.log(u),
    "where": lambda condition, yes, no: yes if condition else no,
}


@cache
def _on_algebra(scalar: Any) -> Callable:
    """The scalar map on numbers of the algebra."""
    return rebind(scalar, _NAMESPACE)


def _axis(name: str) -> int:
    if name not in AXES:
        raise ConfigError(f"no coordinate '{name}'; allowed: {', '.join(AXES)}.{nearest(name, AXES)}")
    return AXES.index(name)


def _permutations(places: list[int]) -> Iterator[tuple[int, ...]]:
    from itertools import permutations

    return permutations(places)
