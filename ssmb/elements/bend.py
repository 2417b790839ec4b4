"""Bending magnet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.elements.base import ByField, ByMap, element, param
from ssmb.elements.straight_magnet import StraightMagnet, check_steps, per_tesla, steps_for
from ssmb.errors import LatticeError
from ssmb.maps.bend import (
    BEND_STEPS,
    GRADIENT_BEND_STEPS,
    arc_numbers,
    bend_exact,
    bend_gradient_4,
    bend_linear,
    edge_linear,
    fringe_hard_edge,
    gradient_bend_linear,
    gradient_step_params,
    wedge,
)
from ssmb.maps.frames import frame_change, roll_ops, rotation_matrix
from ssmb.maps.kicks import SKEW
from ssmb.maps.local_field import LocalField
from ssmb.maps.multipole import multipole_thin
from ssmb.maps.op import Op
from ssmb.maps.splitting import drift_kick_ops
from ssmb.maps.synchrotron_radiation import MEAN_POINTS, SMOOTH_POINTS, step_points

_LINEAR_STEP_LIMIT = 0.3
_GRADIENT_STEP_LIMIT = 1e-3
#: Deflection of a step by the dipole field beyond that of the reference orbit [rad]: 2e-9 m behind a bend of 0.4 rad
#: on a straight reference orbit (fourth order; 7e-6 m with four steps); and the most steps for it, a full circle.
_EXCESS_STEP = 0.0133
_MOST_EXCESS_STEPS = 500


@element("Bend")
class Bend(StraightMagnet):
    """Bending magnet with sector or rectangular faces, gradient, pole-face angles and fringe fields.

    ``angle`` > 0 bends towards -x. ``Kn0`` is the whole dipole field [1/m], as in PALS; without it the field is that of
    the reference orbit, ``angle/length``. ``e1``, ``e2`` are pole-face angles relative to a sector magnet (both
    positive: wedge of a rectangular magnet). ``integrator``: ``"exact"`` (closed form; bend-kick-bend of order 4 with
    multipoles), ``"matrix"`` (paraxial linear map at the particle's own momentum; takes Kn1 only), ``"yoshida2|4|6"``
    (paraxial drift-kick-drift, as in AT), each with ``slices`` steps (0: as many as Kn1 asks for). ``edge``:
    ``"linear"`` (MAD-X, with FINT), ``"full"`` (exact pole-face rotation, hard-edge fringes of field and gradient,
    wedge) or ``"none"``. Chromaticities depend on this choice: :func:`ssmb.optics` gives both and warns.
    """

    Kn0: float | None = param(  # pyright: ignore[reportIncompatibleVariableOverride]
        None,
        unit="1/m",
        type="float",
        key="MagneticMultipoleP.Kn0",
        doc="whole dipole field on the reference rigidity; by default that of the reference orbit",
    )
    angle: float = param(
        0.0, unit="rad", key="BendP.angle_ref", minimum=-2 * math.pi, maximum=2 * math.pi, doc="bending angle"
    )
    e1: float = param(0.0, unit="rad", key="BendP.e1", minimum=-1.5, maximum=1.5, doc="entrance pole-face angle")
    e2: float = param(0.0, unit="rad", key="BendP.e2", minimum=-1.5, maximum=1.5, doc="exit pole-face angle")
    edge1_int: float = param(0.0, unit="m", key="BendP.edge1_int", doc="entrance field integral FINT*HGAP")
    edge2_int: float = param(0.0, unit="m", key="BendP.edge2_int", doc="exit field integral FINT*HGAP")
    tilt_ref: float = param(0.0, unit="rad", key="BendP.tilt_ref", doc="roll of the bend plane")
    edge: str = param(
        "linear", unit="", key="SSMB_TrackingP.edge", choices=("linear", "full", "none"), doc="pole-face model"
    )
    integrator: str = param(
        "exact",
        unit="",
        key="SSMB_TrackingP.integrator",
        choices=("exact", "matrix", "yoshida2", "yoshida4", "yoshida6"),
        doc="how the body is integrated",
    )

    alternative_keys: ClassVar[Mapping[str, str]] = {
        **StraightMagnet.alternative_keys,
        "BendP.g_ref": "curvature of the reference orbit [1/m], with a length or an angle",
        "BendP.radius_ref": "its radius [m], instead of g_ref",
        "BendP.rho_ref": "the same",
        "BendP.bend_field_ref": "its field [T], instead of g_ref",
        "BendP.L_chord": "length of the chord [m], instead of length",
        "BendP.e1_rect": "entrance face angle relative to a rectangular magnet [rad], instead of e1",
        "BendP.e2_rect": "exit face angle relative to a rectangular magnet [rad], instead of e2",
    }

    @classmethod
    def from_keys(cls, values: Mapping[str, Any], ref: Reference | None) -> Mapping[str, Any]:
        if "MagneticMultipoleP.tilt0" in values:
            raise LatticeError("MagneticMultipoleP.tilt0 of a Bend: roll it by BendP.tilt_ref or BodyShiftP.z_rot")
        out = dict(super().from_keys(_arc(values, ref), ref))
        for face in ("e1", "e2"):
            if f"BendP.{face}_rect" in out:
                if f"BendP.{face}" in out:
                    raise LatticeError(f"give either BendP.{face} or BendP.{face}_rect, not both")
                half = 0.5 * float(out.get("BendP.angle_ref", 0.0))
                out[f"BendP.{face}"] = float(out.pop(f"BendP.{face}_rect")) + half
        return out

    def check(self) -> None:
        if self.length == 0.0 and (self.angle or any(self.coefficients())):
            raise LatticeError(f"{self.label()}: a Bend needs length > 0")
        if abs(self.angle) > 2.0 * math.pi:
            raise LatticeError(
                f"{self.label()}: |angle| must not be above 2 pi, got {self.angle:g} rad; split the magnet"
            )
        if self.fringe != "none":
            raise LatticeError(
                f"{self.label()}: SSMB_TrackingP.fringe is for quadrupoles; a Bend has SSMB_TrackingP.edge"
            )
        if self.drift != "exact" and not self.integrator.startswith("yoshida"):
            raise LatticeError(
                f"{self.label()}: SSMB_TrackingP.drift: expanded is for integrator yoshida2|4|6, which is always so"
            )
        others = [n for n, v in enumerate(self.coefficients()) if v and n != 1]
        if self.integrator == "matrix" and others:
            raise LatticeError(f"{self.label()}: integrator 'matrix' takes Kn1 only; use 'exact' for other multipoles")
        if self.integrator == "matrix":
            check_steps(self, self.length, self._strongest(), _LINEAR_STEP_LIMIT)
        elif not self.slices:
            check_steps(self, self.length, self.gradient, _GRADIENT_STEP_LIMIT)

    def coefficients(self) -> tuple[float, ...]:
        """Kn/n! and then Ks/n! beyond the field of the reference orbit, as the kicks take them."""
        return (self.field - self.curvature, *super().coefficients()[1:])

    @property
    def field(self) -> float:
        """Whole dipole field on the reference orbit [1/m]."""
        return self.curvature if self.Kn0 is None else self.Kn0

    def _strongest(self) -> float:
        return max(abs(self.curvature**2 + self.Kn1), abs(self.Kn1))

    @property
    def curvature(self) -> float:
        """Curvature of the reference orbit [1/m]."""
        return self.angle / self.length if self.length else 0.0

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        return self.slice_ops(ref, 0.0, 1.0)

    def slice_ops(self, ref: Reference, fraction_from: float, fraction_to: float) -> tuple[Op, ...]:
        ops = list(self._body_ops(fraction_to - fraction_from))
        if fraction_from == 0.0:
            ops = [*self._entrance_ops(), *ops]
        if fraction_to == 1.0:
            ops += self._exit_ops()
        if self.tilt_ref:
            into, out = roll_ops(self.tilt_ref)
            ops = [into, *ops, out]
        return tuple(ops)

    def part(self, fraction: float, first: bool) -> Mapping[str, Any] | None:
        if self.edge == "full":
            return None  # the hard-edge fringe would act at the cut
        inner = {"e2": 0.0, "edge2_int": 0.0} if first else {"e1": 0.0, "edge1_int": 0.0}
        slices = math.ceil(self.slices * fraction - 1e-9)
        return {"length": fraction * self.length, "angle": fraction * self.angle, "slices": slices, **inner}

    def scaled(self, factor: float) -> Self:
        """The reference orbit stays: the field is in ``Kn0``."""
        made = super().scaled(factor)
        if not self.angle or factor == 1.0 and self.integrator != "matrix":
            return made
        if self.integrator == "matrix":
            raise LatticeError(
                f"{self.label()}: integrator 'matrix' takes no Kn0, which a tapered bend needs; use 'exact' or "
                f"'yoshida4'"
            )
        # what the fringes do by their length goes with the curvature of the orbit in them, which stays
        ends: dict[str, float] = {}
        if self.edge == "linear" and factor:
            ends = {"edge1_int": self.edge1_int / factor, "edge2_int": self.edge2_int / factor}
        return replace(made, Kn0=factor * self.field, **ends)

    def with_edges(self, model: str) -> Self:
        return replace(self, edge=model) if self.edge != "none" and (self.field or self.gradient) else self

    def bending(self) -> tuple[float, float]:
        return self.angle, self.tilt_ref

    def _body_ops(self, part: float) -> tuple[Op, ...]:
        length, h, q = part * self.length, self.curvature, self.coefficients()
        slices = max(1, math.ceil(self.steps * part - 1e-9))
        if length == 0.0:
            return ()
        if self.integrator == "exact":
            if not any(q):
                n = 1 + int(abs(self.angle) * part / math.pi)  # an arc is below half a turn
                return (Op(bend_exact, (h, *arc_numbers(length / n, h)), n),)
            return (Op(bend_gradient_4, gradient_step_params(length / slices, h, q), slices),)
        if self.integrator == "matrix":
            n = max(1, steps_for(length, self._strongest(), _LINEAR_STEP_LIMIT))
            if self.Kn1:
                return (Op(gradient_bend_linear, (length / n, h, self.Kn1), n),)
            return (Op(bend_linear, (length / n, h), n),)
        order = int(self.integrator[-1])
        if any(q):
            return drift_kick_ops(GRADIENT_BEND_STEPS, order, "expanded", length, slices, (h, *q))
        return drift_kick_ops(BEND_STEPS, order, "expanded", length, slices, (h,))

    @property
    def steps(self) -> int:
        """Integration steps of the whole magnet: ``slices``, or as many as its gradient and excess of field ask for.

        The error is of fourth order in the gradient of a step: with the 14 and 15 steps of its gradient bends BESSY III
        has a Qx that is 5.7e-6 too small and a Qy 1.3e-6 too large, with 100 steps less than 3e-9.
        """
        if self.slices:
            return self.slices
        excess = self.length * math.hypot(self.field - self.curvature, self.Ks0)
        more = math.ceil(min(excess / _EXCESS_STEP, _MOST_EXCESS_STEPS))
        return max(4, more, steps_for(self.length, self.gradient, _GRADIENT_STEP_LIMIT))

    def local_field(self, ref: Reference) -> LocalField | None:
        q, h = self.coefficients(), self.curvature
        if self.length == 0.0 or not (h or any(q)):
            return None
        q = (self.field, *q[1:])
        edges = (math.tan(self.e1), math.tan(self.e2)) if self.edge != "none" else (0.0, 0.0)
        points, fewer = SMOOTH_POINTS, MEAN_POINTS
        if self.integrator.startswith("yoshida"):
            points, fewer = step_points(self.steps), ()
        if {n for n, v in enumerate(q) if v} <= {0, 1, SKEW, SKEW + 1}:
            numbers = (q[0], q[1], q[SKEW], q[SKEW + 1])
            return LocalField("linear", numbers, points, self.length, h, self.tilt_ref, edges, mean_points=fewer)
        return LocalField("multipole", q, points, self.length, h, self.tilt_ref, edges, mean_points=fewer)

    def _linear_edge(self, e: float, integral: float) -> list[Op]:
        h = self.field
        lag = 2.0 * h * integral * (1.0 + math.sin(e) ** 2) / math.cos(e)
        a, b = h * math.tan(e), h * math.tan(e - lag)
        return [Op(edge_linear, (a, b))] if a or b else []

    def _entrance_ops(self) -> list[Op]:
        if self.edge == "full":
            return [op for part in self._full_edge(self.e1, self.edge1_int, 1.0) for op in part]
        return self._linear_edge(self.e1, self.edge1_int) if self.edge == "linear" else []

    def _exit_ops(self) -> list[Op]:
        if self.edge == "full":
            return [op for part in self._full_edge(self.e2, self.edge2_int, -1.0)[::-1] for op in part]
        return self._linear_edge(self.e2, self.edge2_int) if self.edge == "linear" else []

    def _full_edge(self, e: float, integral: float, side: float) -> tuple[tuple[Op, ...], ...]:
        """What lies between free space and sector at the entrance (1) or exit (-1), from outside to inside.

        The dipole field begins at the pole face: turn to it, hard-edge fringe, wedge. The gradient begins at the sector
        and a sextupole stands for what is missing up to the pole face: the terms n h^2 tan(e) of K. L. Brown, SLAC-75
        (1982), table of the second-order fringe; then its hard-edge fringe.
        """
        h, t = self.field, math.tan(e)
        if not h and not self.gradient:
            return ()
        fringe = (Op(fringe_hard_edge, (side * h, side * 2.0 * h * integral)),) if h else ()
        missing = [0.0] * (2 * SKEW)
        missing[2], missing[2 + SKEW] = -t * self.Kn1, -t * self.Ks1
        sextupole = (Op(multipole_thin, tuple(missing)),) if any(missing) else ()
        to_sector = (Op(wedge, (math.cos(e), -math.sin(e), h)),)
        return (_face_turn(-e),), fringe, to_sector, sextupole, self._fringe_ops(side)

    def family(self) -> tuple[str, int]:
        return "bend", 1

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        def uniform(angle: float) -> ByField:
            h = angle / 0.8
            return ByField(cls(name="sector", length=0.8, angle=angle), lambda x, y: (0.0 * x, h + 0.0 * x, 0.0 * x), h)

        def combined(angle: float, k1: float, s1: float) -> ByField:
            h = angle / 0.8
            made = cls(name="gradient", length=0.8, angle=angle, Kn1=k1, Ks1=s1, slices=40)
            return ByField(made, lambda x, y: (k1 * y + s1 * x, h + k1 * x - s1 * y, 0.0 * x), h, order=1)

        def faces(e1: float, e2: float) -> ByMap:
            # K. L. Brown, SLAC-75: thin lenses h tan(e) of the pole faces around a sector
            angle, h = 0.3, 0.3 / 0.8
            c, s, t1, t2 = math.cos(angle), math.sin(angle), h * math.tan(e1), h * math.tan(e2)

            def at(x, px, y, py, z, delta):
                px, py = px + t1 * x, py - t1 * y
                path = s * x + (1.0 - c) / h * px + (0.8 - s / h) * delta
                x, px = c * x + s / h * px + (1.0 - c) / h * delta, c * px - h * s * x + s * delta
                y = y + 0.8 * py
                return x, px + t2 * x, y, py - t2 * y, z - path + 0.8 * ref.inv_gamma2 * delta, delta

            return ByMap(cls(name="faces", length=0.8, angle=angle, e1=e1, e2=e2), at, order=1)

        return [uniform(0.39), uniform(-0.3), combined(0.3, -1.1, 0.2), combined(-0.3, 0.9, -0.1), faces(0.2, -0.1)]

    @classmethod
    def examples(cls):
        angle = math.pi / 4
        return [
            cls(name="mls", length=1.2, angle=angle, e1=angle / 2, e2=angle / 2, edge1_int=0.0125, edge2_int=0.0125),
            cls(name="sector", length=0.8, angle=0.3926990816987241),
            cls(name="reverse", length=0.8, angle=-0.3, e1=0.1, tilt_ref=0.4),
            cls(name="vertical", length=0.5, angle=0.2, tilt_ref=math.pi / 2),
            cls(name="straight", length=0.5, angle=0.0),
            cls(name="nearly straight", length=0.5, angle=1e-13),
            cls(name="gradient", length=0.8, angle=0.3, Kn1=-1.1, Kn2=4.0, Kn0=0.376, Ks1=0.1),
            cls(name="off its orbit", length=0.8, angle=0.3, Kn0=0.0),
            cls(name="field without angle", length=0.8, Kn0=0.2, e1=0.1, edge2_int=0.02, edge="full"),
            cls(name="half a turn", length=2.0, angle=math.pi, e1=-0.1),
            cls(name="full gradient", length=0.8, angle=-0.3, Kn1=1.1, Ks1=0.2, e1=0.1, e2=0.2, edge="full"),
            cls(name="full edge", length=1.2, angle=angle, e1=0.4, e2=0.3, edge1_int=0.0125, edge="full"),
            cls(name="paraxial", length=0.8, angle=0.39, integrator="yoshida4", slices=10),
            cls(name="paraxial gradient", length=0.8, angle=0.39, Kn1=0.5, integrator="yoshida4"),
            cls(name="matrix", length=0.8, angle=0.39, Kn1=-0.7, integrator="matrix"),
            cls(name="matrix dipole", length=0.8, angle=0.39, integrator="matrix"),
        ]


def _arc(values: Mapping[str, Any], ref: Reference | None) -> dict[str, Any]:
    """Length and angle of the reference arc from any two of curvature, length (of arc or chord) and angle."""
    out = dict(values)
    rigid = per_tesla(ref)
    named = {"g_ref": lambda g: g, "radius_ref": _inverse, "rho_ref": _inverse, "bend_field_ref": lambda b: b * rigid}
    given = {k: f(float(out.pop(f"BendP.{k}"))) for k, f in named.items() if f"BendP.{k}" in out}
    chord = float(out.pop("BendP.L_chord")) if "BendP.L_chord" in out else None
    angle = out.get("BendP.angle_ref")
    if len(given) > 1:
        raise LatticeError(f"give either BendP.{' or BendP.'.join(given)}, not both")
    if chord is not None and "length" in out:
        raise LatticeError("give either length or BendP.L_chord, not both")
    if given and angle is not None and (chord is not None or "length" in out):
        ((key, _),) = given.items()
        raise LatticeError(f"give either BendP.angle_ref or BendP.{key}, not both: with a length the other follows")
    g = next(iter(given.values()), None)
    if g is None:
        if chord is not None:
            half = 0.5 * float(angle or 0.0)
            out["length"] = chord * half / math.sin(half) if half else chord
        return out
    if angle is None and chord is not None:
        if abs(0.5 * g * chord) > 1.0:
            raise LatticeError(f"BendP.L_chord of {chord:g} m is longer than the diameter of a radius of {1.0 / g:g} m")
        angle = 2.0 * math.asin(0.5 * g * chord)
        out |= {"BendP.angle_ref": angle, "length": angle / g if g else chord}
    elif angle is None:
        out["BendP.angle_ref"] = g * float(out.get("length", 0.0))
    elif not (g and float(angle) / g > 0.0):
        raise LatticeError(f"BendP.angle_ref {float(angle):g} and a curvature of {g:g} 1/m make no length")
    else:
        out["length"] = float(angle) / g
    return out


def _inverse(radius: float) -> float:
    if not radius:
        raise LatticeError("a bend of radius 0 m: BendP.radius_ref must not be 0")
    return 1.0 / radius


def _face_turn(angle: float) -> Op:
    axes = rotation_matrix(0.0, angle, 0.0)
    return Op(frame_change, (*np.asarray(axes).T.ravel().tolist(), 0.0, 0.0, 0.0))
