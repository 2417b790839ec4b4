"""Synchrotron radiation in tracking: mean energy loss, photons, or Gaussian diffusion.

A radiating body is cut into slices with one radiation op at each point of a quadrature over its length. The op takes
the local curvature b = e B/p0 [1/m] at the particle, the path (1 + h x + (x'^2 + y'^2)/2) ds, and changes the momentum
and nothing else: the direction stays. With q = 1 + delta and gamma, beta of the reference,

    mean       dq/dl = -(2/3) r_e beta gamma^3 b^2 q^2, integrated exactly over the slice;
    photons    a Poisson process of 5 alpha gamma beta b/(2 sqrt 3) per metre, with the synchrotron spectrum of critical
               energy (3/2) lambdabar (gamma beta)^2 b q^2 (in units of p0 c beta^2);
    diffusion the mean loss, and a normal number of variance 55/(24 sqrt 3) alpha lambdabar^2 (gamma beta)^5 b^3 q^4 dl.

With ``angles`` photons leave at their angle psi to the plane of the orbit, and the recoil turns the momentum: normal
numbers with the exact <psi^2> of each photon energy (``quantum``), or 13/55 of the diffusion over (gamma q)^2. In a
wiggler, whose motion is averaged, photons then also leave along the wiggling velocity: 1/5 of the diffusion times the
squared wiggling angle in its plane (helical: 1/2 in both), which is the emittance growth of the wiggler's own
dispersion.

The field of a planar wiggler varies along the period: its photons are drawn at two fractions of the peak field, the
quadrature of |sin| that keeps number, mean, variance and third cumulant.

The pole face of a bend with linear edges is a thin kick; the piece of field that it stands for has the length -x tan(e)
and radiates too (``radiation_edge``): this gives the pole-face term of the partition numbers.

Left out: the velocity in z = -beta c t at the instant of emission (relative change delta/gamma^2 of z); thin lenses and
thin kickers, which have no length and so no field (give them their length); solenoids and hard-edge fringes, whose
field bends a particle only by its angle or offset: a power of (Ksol x')^2 against h^2 of bends, 1e-6 of it for Ksol =
1/m and x' = 1 mrad.

References
----------
M. Sands, SLAC-121 (1970).
T. O. Raubenheimer, SLAC-PUB-4937 (1991): opening angle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ssmb.beam.reference import Reference
from ssmb.constants import FINE_STRUCTURE
from ssmb.errors import LatticeError
from ssmb.kernels.philox import DRAW_BITS, REPEAT_BITS
from ssmb.maps.frames import roll_ops
from ssmb.maps.local_field import LocalField
from ssmb.maps.op import Emission, Op
from ssmb.maps.photon_spectrum import MEAN_ENERGY, MOST_IN_SLOTS
from ssmb.maps.photon_totals import MOST_PHOTONS, total_fit
from ssmb.maps.radiation import ENVELOPE
from ssmb.maps.radiation_kernels import (
    DIFFUSION,
    DIFFUSION_WITH_ANGLES,
    MEAN,
    PHOTONS,
    PHOTONS_WITH_ANGLES,
    SINGLE_PHOTONS,
    radiation_edge,
)

#: Straight magnets that give fewer photons than this in a pass at 3 mm from the axis lose energy without noise: their
#: share of the diffusion goes with the third power of the field, 1e-10 of that of a bend for a beam of 0.1 mm.
QUIET = 0.5
#: Random draws that belong to one radiation op.
_DRAWS = 2
#: Most radiation ops of an element: no two of them share a draw.
MOST_RADIATION_OPS = (1 << DRAW_BITS) // _DRAWS
_MOST_REPEATS = 1 << REPEAT_BITS


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
        radius = ref.classical_radius
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
#: Five Gauss-Lobatto points over the length: exact for polynomials of degree 7 in s. The square of the running slip in
#: a bend has degree 6; fewer points would miss it where it matters most, at the theoretical minimum of the emittance.
SMOOTH_POINTS: tuple[tuple[float, float], ...] = (
    (0.0, 1 / 20),
    (0.5 - 0.5 * _LOBATTO, 49 / 180),
    (0.5, 16 / 45),
    (0.5 + 0.5 * _LOBATTO, 49 / 180),
    (1.0, 1 / 20),
)
#: (|sin|, share of the length) of a sinusoidal field: the averages of |sin|^n are exact for n = 1 to 4, that is the
#: number of photons and the first three cumulants of their energy.
SINE_SHARES = ((0.9144479484659751, 0.5217544500043798), (0.39937356388239476, 0.39938168267204716))
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


def rolled(field: LocalField, ops: tuple[Op, ...]) -> tuple[Op, ...]:
    if not field.tilt:
        return ops
    into, out = roll_ops(field.tilt)
    return (into, *ops, out)


def _mean_ops(field: LocalField, c: RadiationConstants, length: float, number: int, angle: tuple) -> tuple[Op, ...]:
    head = (length, field.h, c.loss * field.square, c.spread * field.cube)
    return (Op(MEAN[field.field], (*head, *field.numbers), detail=Emission(field, length)),)


def _diffusion_ops(
    field: LocalField, c: RadiationConstants, length: float, number: int, angle: tuple
) -> tuple[Op, ...]:
    head = (length, field.h, c.loss * field.square, c.spread * field.cube, float(_DRAWS * number), *angle)
    kernels = DIFFUSION_WITH_ANGLES if angle else DIFFUSION
    return (Op(kernels[field.field], (*head, *field.numbers)),)


def _photon_ops(field: LocalField, c: RadiationConstants, length: float, number: int, angle: tuple) -> tuple[Op, ...]:
    """One op for each share of the field; photons by their total, or one by one where that cannot be."""
    ops = []
    for j, (fraction, share) in enumerate(field.shares):
        rate, critical = c.photons * fraction, c.critical * fraction
        draw = float(_DRAWS * (number * len(field.shares) + j))
        by_total = not angle and field.steady()
        mean = rate * share * length * (field.strength() if by_total else field.strongest())
        most = MOST_PHOTONS if by_total else MOST_IN_SLOTS
        repeat = max(1, math.ceil(mean / most))
        if repeat > _MOST_REPEATS:
            raise LatticeError(
                f"{mean:.3g} photons in one slice, at most {_MOST_REPEATS * most:.3g} can be drawn; use "
                "radiation='diffusion'"
            )
        piece = share * length / repeat
        if by_total:
            mean = mean / repeat
            head = (piece, field.h, rate / mean, critical, draw, mean * MEAN_ENERGY, *total_fit(mean))
            ops.append(Op(PHOTONS[field.field], (*head, *field.numbers), repeat))
        else:
            kernels = PHOTONS_WITH_ANGLES if angle else SINGLE_PHOTONS
            ops.append(Op(kernels[field.field], (piece, field.h, rate, critical, draw, *angle, *field.numbers), repeat))
    return tuple(ops)


PACKERS = {"mean": _mean_ops, ENVELOPE: _mean_ops, "diffusion": _diffusion_ops, "quantum": _photon_ops}


def photons_of(field: LocalField, c: RadiationConstants, length: float) -> float:
    """Number of photons over a length, at most, out to 3 mm from the axis."""
    return c.photons * sum(fraction * share for fraction, share in field.shares) * field.strongest() * length


def edge_ops(field: LocalField, tangent: float, c: RadiationConstants) -> tuple[Op, ...]:
    if not tangent:
        return ()
    numbers = (-tangent, c.loss * field.strength() ** 2)
    return rolled(field, (Op(radiation_edge, numbers, detail=Emission(field, tangent=-tangent)),))
