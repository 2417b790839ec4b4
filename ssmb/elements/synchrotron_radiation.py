"""Synchrotron radiation in tracking: mean energy loss, photons one by one, or Gaussian diffusion.

A radiating body is cut into slices with one radiation op at each point of a quadrature over its length. The op takes the
local curvature b = e B/p0 [1/m] at the particle, the path (1 + h x + (x'^2 + y'^2)/2) ds, and changes the momentum and
nothing else: the direction stays. With q = 1 + delta and gamma, beta of the reference,

    mean       dq/dl = -(2/3) r_e beta gamma^3 b^2 q^2, integrated exactly over the slice;
    photons    a Poisson process of 5 alpha gamma beta b/(2 sqrt 3) per metre, with the synchrotron spectrum of critical
               energy (3/2) lambdabar (gamma beta)^2 b q^2 (in units of p0 c beta^2);
    diffusion  the mean loss, and a normal number of variance 55/(24 sqrt 3) alpha lambdabar^2 (gamma beta)^5 b^3 q^4 dl.

The pole face of a bend with linear edges is a thin kick; the piece of field that it stands for has the length -x tan(e)
and radiates too (``radiation_edge``): this gives the pole-face term of the partition numbers.

Left out: the opening angle of the photons; the velocity in z = -beta c t at the instant of emission (relative change
delta/gamma^2 of z); recoil in thin lenses, kickers and solenoids.

References
----------
M. Sands, SLAC-121 (1970).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ssmb.constants import CLASSICAL_ELECTRON_RADIUS, ELECTRON_MASS_EV, FINE_STRUCTURE
from ssmb.elements.base import Op
from ssmb.elements.multipole_kicks import MULTIPOLE_TERMS, multipole_kick
from ssmb.elements.photon_spectrum import ENERGY_OF_PHOTONS, SLOTS, normal
from ssmb.elements.transformations import roll_ops
from ssmb.errors import ConfigError, LatticeError, nearest
from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import Kernel, kernel
from ssmb.kernels.primitives import sqrt

if TYPE_CHECKING:
    from ssmb.beam.reference import Reference
    from ssmb.elements.base import Element

#: What ``radiation=`` may be in tracking.
MODES = ("off", "mean", "quantum", "diffusion")
#: The mean loss, at all points where the modes with noise emit: what the envelope is made of.
ENVELOPE = "envelope"
#: Straight magnets that give fewer photons than this in a pass at 3 mm from the axis lose energy without noise: their
#: share of the diffusion goes with the third power of the field, 1e-10 of that of a bend for a beam of 0.1 mm.
QUIET = 0.5
_FAR_OUT = 3e-3
#: Random draws that belong to one radiation op.
_DRAWS = 2
_MOST_REPEATS = 4096


@dataclass(frozen=True)
class LocalField:
    """How an element says that it radiates.

    Attributes
    ----------
    field : "linear": (b_y, db_y/dx, b_x, db_x/dx) on the axis; "multipole": Kn/n! and Ks/n!, curvature in the first;
        "wiggler": (b0^2, k_u, wx, wy), a field that grows like cosh k_u (wx x + wy y).
    numbers : those numbers, in curvature e B/p0 [1/m].
    points : (fraction of the length, weight) of the radiation points; weights sum up to 1.
    mean_points : the same where only the mean loss is tracked; default: ``points``.
    quiet : whether photons are so few that the mean loss stands for them (see :data:`QUIET`).
    length : length of the body [m] along the mean path.
    h : curvature of the reference orbit [1/m].
    tilt : roll of the field [rad].
    edges : tangents of pole-face angles whose kicks are thin, at entrance and exit.
    square, cube : averages of b^2/b0^2 and |b|^3/b0^3 over a period (1 for constant fields).
    """

    field: str
    numbers: tuple[float, ...]
    points: tuple[tuple[float, float], ...]
    length: float
    h: float = 0.0
    tilt: float = 0.0
    edges: tuple[float, float] = (0.0, 0.0)
    square: float = 1.0
    cube: float = 1.0
    mean_points: tuple[tuple[float, float], ...] = ()
    quiet: bool = False

    def strength(self, x: float = 0.0, y: float = 0.0) -> float:
        """Local curvature |b| [1/m]."""
        return math.sqrt(SQUARES[self.field](x, y, self.numbers))


# ---- local fields


@scalar
def linear_square(x, y, q):
    """b^2 of dipole and quadrupole fields, normal and skew."""
    b_y = q[0] + (q[1] * x - q[3] * y)
    b_x = q[2] + (q[1] * y + q[3] * x)
    return b_y * b_y + b_x * b_x


@scalar
def multipole_square(x, y, q):
    """b^2 of all multipoles."""
    a, b, _ = multipole_kick(x, y, 0.0, 1.0, q)
    return a * a + b * b


@scalar
def wiggler_square(x, y, q):
    """b^2 across the velocity, b0^2 cosh^2 u with its series to u^4 (the field along the beam does not bend)."""
    u = q[1] * (q[2] * x + q[3] * y)
    u2 = u * u
    return q[0] * (1.0 + u2 * (1.0 + u2 / 3.0))


SQUARES: dict[str, Any] = {"linear": linear_square, "multipole": multipole_square, "wiggler": wiggler_square}
_SIZES = {"linear": 4, "multipole": MULTIPOLE_TERMS, "wiggler": 4}


# ---- kernels


def _negated_length(p: tuple[float, ...]) -> tuple[float, ...]:
    return (-p[0], *p[1:])


@scalar
def _path(x, px, py, rpp, length, h):
    u = px * rpp
    v = py * rpp
    return length * (1.0 + h * x + 0.5 * (u * u + v * v))


def _mean_of(square: Any) -> Any:
    @scalar
    def mean(x, px, y, py, z, delta, rpp, dbeta, p):
        """p = (length, h, loss, spread, field); the spread is for the envelope, the map does without."""
        q = 1.0 + delta
        a = p[2] * square(x, y, p[4:]) * _path(x, px, py, rpp, p[0], p[1]) * q
        f = 1.0 / (1.0 + a)
        return x, px * f, y, py * f, z, delta - q * a * f

    return mean


def _diffusion_of(square: Any) -> Any:
    @scalar
    def diffusion(x, px, y, py, z, delta, rpp, dbeta, p, key):
        """p = (length, h, loss, spread, first draw, field)."""
        q = 1.0 + delta
        b2 = square(x, y, p[5:])
        path = _path(x, px, py, rpp, p[0], p[1])
        a = p[2] * b2 * path * q
        f = 1.0 / (1.0 + a) + q * normal(key, p[4]) * sqrt(p[3] * b2 * sqrt(b2) * path)
        return x, px * f, y, py * f, z, delta - q * (1.0 - f)

    return diffusion


def _photons_of(square: Any, energy: Any) -> Any:
    @scalar
    def photons(x, px, y, py, z, delta, rpp, dbeta, p, key):
        """p = (length, h, photons per length and curvature, critical energy, first draw, field)."""
        q = 1.0 + delta
        b = sqrt(square(x, y, p[5:]))
        mean = p[2] * b * _path(x, px, py, rpp, p[0], p[1])
        loss = p[3] * b * q * energy(mean, key, p[4])
        return x, px * (1.0 - loss), y, py * (1.0 - loss), z, delta - q * loss

    return photons


_MEAN: dict[str, Kernel] = {}
_DIFFUSION: dict[str, Kernel] = {}
_PHOTONS: dict[tuple[str, int], Kernel] = {}
for _name, _square in SQUARES.items():
    _MEAN[_name] = kernel(f"radiation_{_name}", 4 + _SIZES[_name], changes_delta=True, invert=_negated_length)(
        _mean_of(_square)
    )
    _DIFFUSION[_name] = kernel(f"radiation_{_name}_diffusion", 5 + _SIZES[_name], stochastic=True)(
        _diffusion_of(_square)
    )
    for _slots, _energy in ENERGY_OF_PHOTONS.items():
        _PHOTONS[_name, _slots] = kernel(f"radiation_{_name}_photons_{_slots}", 5 + _SIZES[_name], stochastic=True)(
            _photons_of(_square, _energy)
        )


@kernel("radiation_edge", 2, changes_delta=True, invert=_negated_length)
@scalar
def radiation_edge(x, px, y, py, z, delta, rpp, dbeta, p):
    """Mean loss in the piece of field that a thin pole face stands for: p = (-tan e, loss b^2)."""
    q = 1.0 + delta
    a = p[1] * (p[0] * x) * q
    f = 1.0 / (1.0 + a)
    return x, px * f, y, py * f, z, delta - q * a * f


#: Codes of the kernels of mean loss in a field, and the name of their field.
MEAN_KERNELS: dict[int, str] = {k.index: name for name, k in _MEAN.items()}
EDGE_KERNEL: int = radiation_edge.index


# ---- constants of a reference particle


@dataclass(frozen=True)
class RadiationConstants:
    """What the radiation of a reference particle is measured in.

    Attributes
    ----------
    loss : (2/3) r_e beta gamma^3 [m]: d delta/dl = -loss b^2 q^2.
    spread : 55/(24 sqrt 3) alpha lambdabar^2 (gamma beta)^5/beta^4 [m^2]: d var(delta)/dl = spread |b|^3 q^4.
    photons : 5 alpha gamma beta/(2 sqrt 3) [1]: photons per length and curvature.
    critical : critical energy per curvature in units of the momentum, at q = 1 [m].
    """

    loss: float
    spread: float
    photons: float
    critical: float

    @classmethod
    def of(cls, ref: Reference) -> RadiationConstants:
        """Constants for a reference."""
        shrink = ELECTRON_MASS_EV / ref.mass * ref.charge_number**2
        radius = CLASSICAL_ELECTRON_RADIUS * shrink  # classical radius of the species
        alpha = FINE_STRUCTURE * ref.charge_number**2
        compton = radius / alpha
        momentum = ref.gamma * ref.beta
        return cls(
            loss=2.0 / 3.0 * radius * momentum**3 / ref.beta**2,
            spread=55.0 / (24.0 * math.sqrt(3.0)) * alpha * compton**2 * momentum**5 / ref.beta**4,
            photons=5.0 / (2.0 * math.sqrt(3.0)) * alpha * momentum,
            critical=1.5 * compton * momentum**2 / ref.beta**2,
        )


# ---- where radiation points lie

#: Closed Newton-Cotes weights by number of intervals.
_CLOSED: dict[int, tuple[float, ...]] = {
    1: (1 / 2, 1 / 2),
    2: (1 / 6, 4 / 6, 1 / 6),
    3: (1 / 8, 3 / 8, 3 / 8, 1 / 8),
    4: (7 / 90, 32 / 90, 12 / 90, 32 / 90, 7 / 90),
    5: (19 / 288, 75 / 288, 50 / 288, 50 / 288, 75 / 288, 19 / 288),
    6: (41 / 840, 216 / 840, 27 / 840, 272 / 840, 27 / 840, 216 / 840, 41 / 840),
}


_LOBATTO = math.sqrt(3.0 / 7.0)
#: Both ends and the middle (degree 3): enough for the mean loss, which changes slowly along a body.
MEAN_POINTS = ((0.0, 1 / 6), (0.5, 4 / 6), (1.0, 1 / 6))
#: Five Gauss-Lobatto points over the length: exact for polynomials of degree 7 in s. The square of the running slip in a
#: bend has degree 6; fewer points would miss it where it matters most, at the theoretical minimum of the emittance.
SMOOTH_POINTS: tuple[tuple[float, float], ...] = (
    (0.0, 1 / 20),
    (0.5 - 0.5 * _LOBATTO, 49 / 180),
    (0.5, 16 / 45),
    (0.5 + 0.5 * _LOBATTO, 49 / 180),
    (1.0, 1 / 20),
)
#: Straight magnets radiate little: one point, at the exit, so that the body stays whole.
EXIT_POINT: tuple[tuple[float, float], ...] = ((1.0, 1.0),)


def step_points(steps: int) -> tuple[tuple[float, float], ...]:
    """Points between the integration steps of a body, so that radiation does not change how it is integrated."""
    intervals = next((d for d in (6, 5, 4) if steps % d == 0), steps)
    weights = _CLOSED.get(intervals)
    if weights is None:  # Gregory: trapezoids with ends of fourth order
        ends = (3 / 8, 7 / 6, 23 / 24)
        inner = (1.0,) * (intervals - 5)
        weights = tuple(w / intervals for w in (*ends, *inner, *ends[::-1]))
    return tuple((i / intervals, w) for i, w in enumerate(weights))


# ---- packing


def checked_mode(radiation: str) -> str:
    """Return the mode of radiation, or raise ConfigError."""
    if radiation not in (*MODES, ENVELOPE):
        hint = nearest(radiation, MODES) if isinstance(radiation, str) else ""
        raise ConfigError(f"radiation must be one of {', '.join(MODES)}, got {radiation!r}.{hint}")
    return radiation


def radiating_ops(element: Element, ref: Reference, mode: str, edges: bool = True) -> tuple[Op, ...]:
    """Pack the body of an element with radiation.

    Parameters
    ----------
    mode : "mean", "quantum", "diffusion" or "envelope".
    edges : whether the thin pole faces of bends radiate.

    Raises
    ------
    LatticeError
        If a body emits more photons than can be drawn.
    """
    field = element.local_field(ref)
    if field is None:
        return element.ops_with_radiation(ref, mode)
    constants = RadiationConstants.of(ref)
    quiet = field.quiet and _photons(field, constants, field.length) < QUIET
    pack = _PACKERS["mean" if quiet else mode]
    points = (field.mean_points or field.points) if mode == "mean" else field.points
    ops: list[Op] = []
    here = 0.0
    if edges:
        ops += _edge_ops(field, field.edges[0], constants)
    for number, (at, weight) in enumerate(points):
        if at > here:
            ops += element.slice_ops(ref, here, at)
            here = at
        ops += _rolled(field, pack(element, field, constants, weight * field.length, number))
    if here < 1.0:
        ops += element.slice_ops(ref, here, 1.0)
    if edges:
        ops += _edge_ops(field, field.edges[1], constants)
    return tuple(ops)


def _rolled(field: LocalField, op: Op) -> tuple[Op, ...]:
    if not field.tilt:
        return (op,)
    into, out = roll_ops(field.tilt)
    return (into, op, out)


def _mean_op(element: Element, field: LocalField, c: RadiationConstants, length: float, number: int) -> Op:
    head = (length, field.h, c.loss * field.square, c.spread * field.cube)
    return Op(_MEAN[field.field], (*head, *field.numbers))


def _diffusion_op(element: Element, field: LocalField, c: RadiationConstants, length: float, number: int) -> Op:
    head = (length, field.h, c.loss * field.square, c.spread * field.cube, float(_DRAWS * number))
    return Op(_DIFFUSION[field.field], (*head, *field.numbers))


def _photon_op(element: Element, field: LocalField, c: RadiationConstants, length: float, number: int) -> Op:
    # an equivalent constant field with the mean loss and the mean square of the photons of a varying one
    rate, critical = c.photons * field.square**2 / field.cube, c.critical * field.cube / field.square
    mean = _photons(field, c, length)
    repeat = max(1, math.ceil(mean / max(SLOTS.values())))
    if repeat > _MOST_REPEATS:
        raise LatticeError(
            f"{element.label()}: {mean:.3g} photons in one slice, at most {_MOST_REPEATS * max(SLOTS.values()):.3g} can be "
            "drawn; use radiation='diffusion'"
        )
    slots = min(k for k, limit in SLOTS.items() if mean / repeat <= limit)
    head = (length / repeat, field.h, rate, critical, float(_DRAWS * number))
    return Op(_PHOTONS[field.field, slots], (*head, *field.numbers), repeat)


_PACKERS = {"mean": _mean_op, ENVELOPE: _mean_op, "diffusion": _diffusion_op, "quantum": _photon_op}


def _photons(field: LocalField, c: RadiationConstants, length: float) -> float:
    """Number of photons over a length, at most, out to 3 mm from the axis."""
    strongest = max(field.strength(x, y) for x, y in ((0.0, 0.0), (_FAR_OUT, 0.0), (0.0, _FAR_OUT)))
    return c.photons * field.square**2 / field.cube * strongest * length


def _edge_ops(field: LocalField, tangent: float, c: RadiationConstants) -> tuple[Op, ...]:
    if not tangent:
        return ()
    return _rolled(field, Op(radiation_edge, (-tangent, c.loss * field.strength() ** 2)))
