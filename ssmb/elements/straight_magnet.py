"""What quadrupole, sextupole, octupole and multipole magnets share: strengths, integrators, packing."""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from ssmb.arguments import checked
from ssmb.beam.reference import Reference
from ssmb.elements.base import ELEMENTS, ByField, ByMap, Element, param
from ssmb.errors import LatticeError
from ssmb.maps.flight import drift_exact, drift_expanded
from ssmb.maps.frames import roll_ops
from ssmb.maps.kicks import MAX_ORDER, SKEW
from ssmb.maps.local_field import LocalField
from ssmb.maps.multipole import MULTIPOLE_STEPS, QUADRUPOLE_STEPS, SEXTUPOLE_STEPS, multipole_thin
from ssmb.maps.op import Op
from ssmb.maps.quadrupole import SERIES_LIMIT, quadrupole_matrix_ops
from ssmb.maps.quadrupole_fringe import quadrupole_fringe
from ssmb.maps.splitting import drift_kick_ops
from ssmb.maps.synchrotron_radiation import EXIT_POINT

#: Largest number of integration steps of an element.
MAX_STEPS = 100_000
#: Fewest steps of a drift-kick-drift magnet that says none.
_FEWEST_STEPS = 2
#: gradient * step^2 that keeps the tune error of a magnet near 1e-9 (order 2: 1e-6), by integrator.
_STEP_LIMITS = {"yoshida2": 1e-5, "yoshida4": 1e-3, "yoshida6": 1e-2}
_NAMES = ("dipole", "quadrupole", "sextupole", "octupole", "decapole", "dodecapole")

INTEGRATORS = ("matrix", "yoshida2", "yoshida4", "yoshida6")


def strength(kind: str, n: int) -> Any:
    """Declare the multipole strength ``kind`` ("Kn" normal, "Ks" skew) of order n."""
    side = "normal" if kind == "Kn" else "skew"
    return param(
        0.0,
        unit="1/m" if n == 0 else f"1/m^{n + 1}",
        key=f"MagneticMultipoleP.{kind}{n}",
        doc=f"{side} {_NAMES[n]} strength on the reference rigidity (integrated if length is 0, in a file {kind}{n}L)",
    )


def integrator(default: str) -> Any:
    """Declare the choice of integrator."""
    return param(
        default, unit="", key="SSMB_TrackingP.integrator", choices=INTEGRATORS, doc="how the body is integrated"
    )


def integration_steps(default: int) -> Any:
    """Declare the number of integration steps; a default of 0 lets the element choose."""
    return param(
        default,
        unit="",
        key="SSMB_TrackingP.slices",
        minimum=min(1, default),
        maximum=MAX_STEPS,
        doc="number of integration steps" + ("" if default else "; 0: chosen by the element"),
    )


def multipole_keys(*orders: int) -> dict[str, str]:
    """Keys of PALS for multipoles besides Kn, Ks: integrated ones, fields, and tilts.

    >>> list(multipole_keys(1))[:4]
    ['MagneticMultipoleP.Kn1L', 'MagneticMultipoleP.Ks1L', 'MagneticMultipoleP.Bn1', 'MagneticMultipoleP.Bs1']
    """
    out = {}
    for n in orders:
        out |= {f"MagneticMultipoleP.K{s}{n}L": f"integrated K{s}{n}" for s in "ns"}
        out |= {f"MagneticMultipoleP.B{s}{n}": f"field [T/m^{n}], instead of K{s}{n}" for s in "ns"}
        out |= {f"MagneticMultipoleP.B{s}{n}L": f"integrated field, instead of K{s}{n}" for s in "ns"}
        out[f"MagneticMultipoleP.tilt{n}"] = f"roll of Kn{n}, Ks{n} about the beam axis [rad]"
    return out


def per_tesla(ref: Reference | None) -> float:
    """q/P0 of the reference [1/(T m)], with the sign of its charge; 1 without one, which is an error already."""
    return 1.0 if ref is None else math.copysign(1.0, ref.charge_number) / ref.brho


#: Order -> form (K, KL, B, BL) -> side -> key in a file.
_FORMS = [
    {form: {s: f"MagneticMultipoleP.{form[0]}{s}{n}{form[1:]}" for s in "ns"} for form in ("K", "KL", "B", "BL")}
    for n in range(MAX_ORDER + 1)
]


def plain_multipoles(values: Mapping[str, Any], ref: Reference | None) -> dict[str, Any]:
    """Return file keys with every multipole as Kn, Ks: divided by the length and the rigidity, turned by the tilt.

    (Kn + i Ks) exp(-i (n + 1) tilt), K = B q/P0, as PALS has it.

    >>> plain_multipoles({"length": 0.5, "MagneticMultipoleP.Kn1L": 1.0}, None)
    {'length': 0.5, 'MagneticMultipoleP.Kn1': 2.0}
    """
    out = dict(values)
    thick = float(out.get("length", 0.0))
    length = thick or 1.0
    rigid = per_tesla(ref)
    for n, forms_of_order in enumerate(_FORMS):
        forms: dict[str, dict[str, float]] = {}
        for form, keys in forms_of_order.items():
            if given := {s: float(out.pop(key)) for s, key in keys.items() if key in out}:
                forms[form] = given
        tilt = float(out.pop(f"MagneticMultipoleP.tilt{n}", 0.0))
        if len(forms) > 1:
            first, second = (f"{f[0]}{next(iter(forms[f]))}{n}{f[1:]}" for f in list(forms)[:2])
            raise LatticeError(f"give either MagneticMultipoleP.{first} or MagneticMultipoleP.{second}, not both")
        if not forms:
            if tilt:
                raise LatticeError(f"MagneticMultipoleP.tilt{n} without a strength of order {n}")
            continue
        ((form, pair),) = forms.items()
        if "L" not in form and not thick and any(pair.values()):
            key = next(f"MagneticMultipoleP.{form}{s}{n}" for s, k in pair.items() if k)
            raise LatticeError(f"{key} of an element without length is no field: give the integrated one, {key}L")
        pair = {s: k / length if "L" in form else k for s, k in pair.items()}
        pair = {s: k * rigid if "B" in form else k for s, k in pair.items()}
        if tilt:
            turned = complex(pair.get("n", 0.0), pair.get("s", 0.0)) * cmath.exp(-1j * (n + 1) * tilt)
            pair = {"n": turned.real, "s": turned.imag}
        out |= {f"MagneticMultipoleP.K{s}{n}": k for s, k in pair.items()}
    return out


_FAMILIES = ((1, "quad"), (2, "sext"), (3, "oct"))
_STRENGTHS = tuple(f"K{side}{n}" for side in "ns" for n in range(MAX_ORDER + 1))


def by_power_series(member: StraightMagnet, *strengths: complex) -> ByField:
    """Return a member with the field ``b_y + i b_x = sum_n (Kn + i Ks) (x + i y)^n/n!``.

    Parameters
    ----------
    member : the magnet.
    strengths : Kn + i Ks of the orders 0, 1, 2 ... [1/m^(n+1)].
    """

    def field(x: Any, y: Any) -> tuple[Any, Any, Any]:
        b = sum(k * (x + 1j * y) ** n / math.factorial(n) for n, k in enumerate(strengths))
        return b.imag, b.real, 0.0 * x

    return ByField(member, field)


@checked
@dataclass(frozen=True, kw_only=True)
class StraightMagnet(Element):
    """A magnet with a straight reference orbit and any of the multipoles up to dodecapole.

    ``integrator`` is ``"matrix"`` (exact linear quadrupole at the particle's own momentum; kinematic and other terms as
    fourth-order kicks) or ``"yoshida2" | "yoshida4" | "yoshida6"`` (drift-kick-drift), with ``slices`` steps (0: as
    many as the linear strengths ask for); ``drift`` is ``"exact"`` or ``"expanded"`` (paraxial, as in AT).
    """

    Kn0: float = strength("Kn", 0)
    Kn1: float = strength("Kn", 1)
    Kn2: float = strength("Kn", 2)
    Kn3: float = strength("Kn", 3)
    Kn4: float = strength("Kn", 4)
    Kn5: float = strength("Kn", 5)
    Ks0: float = strength("Ks", 0)
    Ks1: float = strength("Ks", 1)
    Ks2: float = strength("Ks", 2)
    Ks3: float = strength("Ks", 3)
    Ks4: float = strength("Ks", 4)
    Ks5: float = strength("Ks", 5)
    integrator: str = integrator("yoshida4")
    slices: int = integration_steps(0)
    drift: str = param(
        "exact", unit="", key="SSMB_TrackingP.drift", choices=("exact", "expanded"), doc="exact or paraxial flights"
    )

    fringe: str = param(
        "none",
        unit="",
        key="SSMB_TrackingP.fringe",
        choices=("none", "entrance", "exit", "both"),
        doc="ends at which the hard-edge fringe of Kn1, Ks1 acts",
    )

    #: True where a length of 0 is allowed and means integrated strengths
    thin_allowed: ClassVar[bool] = False
    alternative_keys: ClassVar[Mapping[str, str]] = multipole_keys(*range(MAX_ORDER + 1))

    @classmethod
    def from_keys(cls, values: Mapping[str, Any], ref: Reference | None) -> Mapping[str, Any]:
        return plain_multipoles(values, ref)

    @classmethod
    def class_for(cls, fields: Mapping[str, Any]) -> type[Element]:
        thin = not cls.thin_allowed and not fields.get("length") and any(fields.get(k) for k in _STRENGTHS)
        return ELEMENTS["Multipole"] if thin else cls

    def file_key(self, field: str) -> str:
        return super().file_key(field) + ("L" if field in _STRENGTHS and self.length == 0.0 else "")

    def check(self) -> None:
        if self.length == 0.0 and not self.thin_allowed and any(self.coefficients()):
            raise LatticeError(f"{self.label()}: a {self.kind} needs length > 0; for a thin lens use kind Multipole")
        self.check_steps()

    @property
    def gradient(self) -> float:
        """Linear strength, normal and skew together [1/m^2]."""
        return math.hypot(self.Kn1, self.Ks1)

    @property
    def steps(self) -> int:
        """Integration steps of the whole magnet: ``slices``, or as many as the gradient asks for."""
        if self.slices or self.integrator == "matrix":
            return max(1, self.slices)
        return max(_FEWEST_STEPS, steps_for(self.length, self.gradient, _STEP_LIMITS[self.integrator]))

    def check_steps(self) -> None:
        """Raise LatticeError where a strength asks for more steps than anybody waits for."""
        limit = SERIES_LIMIT if self.integrator == "matrix" else _STEP_LIMITS[self.integrator]
        check_steps(
            self, self.length, self.gradient, math.inf if self.slices and self.integrator != "matrix" else limit
        )

    def coefficients(self) -> tuple[float, ...]:
        """Kn/n! and then Ks/n!, as the kicks take them."""
        normal = (self.Kn0 or 0.0, self.Kn1, self.Kn2, self.Kn3, self.Kn4, self.Kn5)
        skew = (self.Ks0, self.Ks1, self.Ks2, self.Ks3, self.Ks4, self.Ks5)
        return tuple(k / math.factorial(n) for half in (normal, skew) for n, k in enumerate(half))

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        made = cls(
            name="all orders", length=0.2, Kn0=1e-3, Ks0=-2e-3, Kn1=0.5, Ks1=-0.7, Kn2=30.0, Ks2=20.0, Kn3=-4e3,
            Ks3=3e3,
            Kn4=5e6, Ks4=-4e6, Kn5=6e9, Ks5=7e9, slices=20,
        )  # fmt: skip
        series = 1e-3 - 2e-3j, 0.5 - 0.7j, 30.0 + 20.0j, -4e3 + 3e3j, 5e6 - 4e6j, 6e9 + 7e9j
        return [by_power_series(made, *series)]

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        if self.length == 0.0:
            q = self.coefficients()
            return (Op(multipole_thin, q),) if any(q) else ()
        return self.slice_ops(ref, 0.0, 1.0)

    def slice_ops(self, ref: Reference, fraction_from: float, fraction_to: float) -> tuple[Op, ...]:
        part = fraction_to - fraction_from
        length, slices = part * self.length, max(1, math.ceil(self.steps * part - 1e-9))
        q = self.coefficients()
        used = {n for n, v in enumerate(q) if v}
        if length == 0.0:
            return ()
        body = self._body_ops_of(q, used, length, slices)
        into = fraction_from == 0.0 and self.fringe in ("entrance", "both")
        out = fraction_to == 1.0 and self.fringe in ("exit", "both")
        before = self._fringe_ops(1.0) if into else ()
        after = self._fringe_ops(-1.0) if out else ()
        return (*before, *body, *after)

    def _fringe_ops(self, side: float) -> tuple[Op, ...]:
        """The hard-edge fringe of the gradient at the entrance (1) or exit (-1)."""
        if not self.gradient:
            return ()
        roll, k = upright(self.Kn1, self.Ks1)
        fringe = Op(quadrupole_fringe, (side * k,))
        if not roll:
            return (fringe,)
        into, out = roll_ops(roll)
        return (into, fringe, out)

    def _body_ops_of(self, q: tuple[float, ...], used: set[int], length: float, slices: int) -> tuple[Op, ...]:
        if not used:
            return (Op(drift_exact if self.drift == "exact" else drift_expanded, (length,)),)
        if self.integrator == "matrix":
            return self._matrix_ops(q, length, slices)
        order = int(self.integrator[-1])
        if used == {1}:
            return drift_kick_ops(QUADRUPOLE_STEPS, order, self.drift, length, slices, (q[1],))
        if used == {2}:
            return drift_kick_ops(SEXTUPOLE_STEPS, order, self.drift, length, slices, (q[2],))
        return drift_kick_ops(MULTIPOLE_STEPS, order, self.drift, length, slices, q)

    def family(self) -> tuple[str, int]:
        """The magnet of its lowest multipole, below the axis where that is negative."""
        kind = next(((name, n) for n, name in _FAMILIES if getattr(self, f"Kn{n}")), None)
        return (kind[0], -1 if getattr(self, f"Kn{kind[1]}") < 0.0 else 1) if kind else ("other", 1)

    def scaled(self, factor: float) -> Self:
        changes = {k: factor * value for k in _STRENGTHS if (value := getattr(self, k))}
        return replace(self, **changes) if changes else self

    def part(self, fraction: float, first: bool) -> Mapping[str, Any] | None:
        if self.length == 0.0:
            return None
        keep = {"entrance", "both"} if first else {"exit", "both"}
        end = ("entrance" if first else "exit") if self.fringe in keep else "none"
        slices = max(1, math.ceil(self.steps * fraction - 1e-9))
        return {"length": fraction * self.length, "slices": slices, "fringe": end}

    def local_field(self, ref: Reference) -> LocalField | None:
        q = self.coefficients()
        if self.length == 0.0 or not any(q):
            return None
        if {n for n, v in enumerate(q) if v} <= {0, 1, SKEW, SKEW + 1}:
            return LocalField("linear", (q[0], q[1], q[SKEW], q[SKEW + 1]), EXIT_POINT, self.length, quiet=True)
        return LocalField("multipole", q, EXIT_POINT, self.length, quiet=True)

    def _matrix_ops(self, q: tuple[float, ...], length: float, slices: int) -> tuple[Op, ...]:
        roll, k = upright(self.Kn1, self.Ks1)
        if not roll:
            return quadrupole_matrix_ops(k, (q[0], 0.0, *q[2:]), length, slices, self.drift)
        # a skew quadrupole is a normal one in a rolled frame, in which the field of order n has turned by (n + 1) roll
        turned = [complex(q[n], q[n + SKEW]) * cmath.exp(1j * (n + 1) * roll) for n in range(SKEW)]
        turned[1] = 0.0j
        rest = (*(c.real for c in turned), *(c.imag for c in turned))
        into, out = roll_ops(roll)
        return (into, *quadrupole_matrix_ops(k, rest, length, slices, self.drift), out)


def upright(normal: float, skew: float) -> tuple[float, float]:
    """Return the roll [rad] of the frame, at most pi/4, in which a gradient is normal, and its strength there.

    >>> upright(-1.5, 0.0), upright(0.0, 2.0) == (-math.pi / 4, 2.0)
    ((0.0, -1.5), True)
    """
    if not skew:
        return 0.0, normal
    sign = math.copysign(1.0, normal) if normal else 1.0
    return -0.5 * math.atan2(sign * skew, abs(normal)), sign * math.hypot(normal, skew)


def steps_for(length: float, gradient: float, limit: float) -> int:
    """Return the steps of which each has ``gradient * step^2`` below a limit [1]."""
    return math.ceil(length * math.sqrt(gradient / limit))


def check_steps(element: Element, length: float, gradient: float, limit: float) -> None:
    """Raise LatticeError if a gradient [1/m^2] asks for more than the largest number of steps."""
    steps = length * math.sqrt(gradient / limit)
    if not steps <= MAX_STEPS:
        most = limit * (MAX_STEPS / length) ** 2
        raise LatticeError(
            f"{element.label()}: a gradient of {gradient:.3g} 1/m^2 over {length:g} m asks for {steps:.2g} integration "
            f"steps, more than {MAX_STEPS}; the largest is {most:.2g} 1/m^2. Strengths are on the reference rigidity"
        )
