"""What an element is: a frozen dataclass of parameters that packs itself into kernel calls (ops).

To add an element, write one file: scalar map(s) registered with :func:`ssmb.kernels.loops.kernel`, and one class with
:func:`element`. The lattice schema, its error messages, the contract tests and the documentation follow from it.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self, TypeVar, dataclass_transform

from ssmb.arguments import checked
from ssmb.beam.reference import Reference
from ssmb.errors import ConfigError, LatticeError
from ssmb.maps.local_field import LocalField
from ssmb.maps.op import Op
from ssmb.maps.roles import Cavity, Light, Wave
from ssmb.maps.undulator import Undulator
from ssmb.quantity import Quantity, field_of, quantities_of


class ByField(NamedTuple):
    """A member of an element class and the magnetic field that it stands for, written without the kernels.

    ``field(x, y)`` gives (b_x, b_y, b_s) = charge times field over P0 [1/m] at a place [m] of the body, in a frame that
    curves with ``curvature`` [1/m]. With an ``order`` the field holds to that order of the deviations; 0: exactly.
    """

    element: Any
    field: Callable[[Any, Any], tuple[Any, Any, Any]]
    curvature: float = 0.0
    order: int = 0


class ByMap(NamedTuple):
    """A member of an element class and its map as its definition gives it, written without the kernels.

    ``map`` takes and returns (x, px, y, py, z, delta). With an ``order`` it is an expansion to that order of the
    deviations; 0: exact. ``rtol`` is what a definition itself leaves out, relative to what the element does;
    ``radiation`` the mode of radiation in which it acts.
    """

    element: Any
    map: Callable[..., tuple[Any, ...]]
    order: int = 0
    rtol: float = 0.0
    radiation: str = "off"


@dataclass(frozen=True)
class ParameterInfo(Quantity):
    """A quantity with its place in a lattice file.

    ``key`` is the path in the file, e.g. ``"MagneticMultipoleP.Kn1"``. ``type`` is float, int, bool, str or
    ``"vector"`` (a tuple of floats) or ``"matrix"`` (a tuple of tuples).
    """

    key: str = ""
    type: str = "float"


@checked
def param(
    default: Any,
    *,
    unit: str,
    doc: str,
    key: str = "",
    type: str = "",
    minimum: float = -math.inf,
    maximum: float = math.inf,
    open_minimum: bool = False,
    choices: tuple[str, ...] = (),
    plausible: tuple[float, float] | None = None,
) -> Any:
    """Declare a parameter of an element, see :class:`ssmb.quantity.Quantity`; ``key`` defaults to the field's own
    name. A default of None, with a ``type``, is a parameter that need not be there.
    """
    kinds = {float: "float", int: "int", bool: "bool", str: "str", tuple: "vector"}
    if not type and default.__class__ not in kinds:
        raise ConfigError(f"param: a default of {default!r} does not say of which type the parameter is; give type=...")
    kind = type or kinds[default.__class__]
    info = ParameterInfo(
        unit, doc, "", minimum, maximum, open_minimum, choices=choices, plausible=plausible, key=key, type=kind
    )
    return field_of(info, default=default)


#: Keys of PALS for the limits of an aperture, which every element takes besides x_limits, y_limits.
APERTURE_KEYS: Mapping[str, str] = {
    f"ApertureP.{p}_{word}": f"{words} of the aperture in {p} [m], instead of {p}_limits"
    for p in "xy"
    for word, words in (("min", "lower end"), ("max", "upper end"), ("center", "middle"), ("width", "full width"))
}


def aperture_limits(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return file keys with apertures given by min and max, or center and width, as limits; their default shape is
    that of PALS, ELLIPTICAL.
    """
    out, planes = dict(values), 0
    for p in "xy":
        key = f"ApertureP.{p}_limits"
        given = {w: float(out.pop(f"ApertureP.{p}_{w}")) for w in _LIMIT_WORDS if f"ApertureP.{p}_{w}" in out}
        if not given:
            continue
        first = f"ApertureP.{p}_{next(iter(given))}"
        if key in out:
            raise LatticeError(f"give either {first} or {key}, not both")
        if set(given) not in ({"min", "max"}, {"center", "width"}):
            raise LatticeError(
                f"{first}: give {p}_min and {p}_max, or {p}_center and {p}_width; a side without limit far out"
            )
        low, high = given.get("min"), given.get("max")
        if low is None or high is None:
            low, high = (given["center"] + side * 0.5 * given["width"] for side in (-1.0, 1.0))
        out[key] = (low, high)
        planes += 1
    if planes and "ApertureP.shape" not in out:
        if planes == 1:
            raise LatticeError(
                "ApertureP.shape: ELLIPTICAL, the default of PALS, needs limits in x and y; write RECTANGULAR"
            )
        out["ApertureP.shape"] = "ELLIPTICAL"
    return out


_LIMIT_WORDS = ("min", "max", "center", "width")
_E = TypeVar("_E", bound="type[Element]")

#: kind in a lattice file -> element class
ELEMENTS: dict[str, type[Element]] = {}


@checked
@dataclass_transform(frozen_default=True, kw_only_default=True)
def element(kind: str) -> Callable[[_E], _E]:
    """Register a class as the element of this ``kind`` and freeze it."""

    def register(cls: _E) -> _E:
        made = checked(dataclass(frozen=True, kw_only=True)(cls))
        made.kind = kind
        made.parameters = {
            name: (info if info.key else dataclasses.replace(info, key=name))
            for name, info in quantities_of(made).items()
            if isinstance(info, ParameterInfo)
        }
        if kind in ELEMENTS:
            raise ValueError(f"element kind '{kind}' is registered twice")
        ELEMENTS[kind] = made
        return made

    return register


@checked
@dataclass(frozen=True, kw_only=True)
class Element:
    """Base of all elements: name, length, misalignment and aperture, which every element has."""

    kind: ClassVar[str] = ""
    parameters: ClassVar[Mapping[str, ParameterInfo]] = {}

    name: str = ""
    length: float = param(0.0, unit="m", key="length", minimum=0.0, doc="length along the reference orbit")
    x_offset: float = param(0.0, unit="m", key="BodyShiftP.x_offset", doc="shift of the element's centre to +x")
    y_offset: float = param(0.0, unit="m", key="BodyShiftP.y_offset", doc="shift of the element's centre to +y")
    z_offset: float = param(0.0, unit="m", key="BodyShiftP.z_offset", doc="shift of the element along the beam")
    x_rot: float = param(0.0, unit="rad", key="BodyShiftP.x_rot", doc="rotation about the x axis at the centre")
    y_rot: float = param(0.0, unit="rad", key="BodyShiftP.y_rot", doc="rotation about the y axis at the centre")
    z_rot: float = param(0.0, unit="rad", key="BodyShiftP.z_rot", doc="roll about the beam axis")
    x_limits: tuple[float, ...] = param(
        (), unit="m", key="ApertureP.x_limits", type="vector", doc="lowest and highest x of the aperture"
    )
    y_limits: tuple[float, ...] = param(
        (), unit="m", key="ApertureP.y_limits", type="vector", doc="lowest and highest y of the aperture"
    )
    aperture_shape: str = param(
        "RECTANGULAR",
        unit="",
        key="ApertureP.shape",
        choices=("RECTANGULAR", "ELLIPTICAL"),
        doc="shape of the aperture between the limits",
    )
    aperture_at: str = param(
        "ENTRANCE_END",
        unit="",
        key="ApertureP.location",
        choices=("ENTRANCE_END", "EXIT_END", "BOTH_ENDS"),
        doc="where along the element the aperture acts",
    )

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise LatticeError(f"{self.kind}: name must be a text, not {self.name!r}")
        sound = _sound_defaults(type(self))
        for field, info in self.parameters.items():
            value = getattr(self, field)
            if field not in sound or value is not sound[field]:  # most of a long lattice is defaults
                object.__setattr__(self, field, _checked(self.label(), info, value))
        for field in ("x_limits", "y_limits"):
            limits = getattr(self, field)
            if limits and (len(limits) != 2 or not limits[0] < limits[1]):
                raise LatticeError(f"{self.label()}: {field} must be two rising numbers [m], got {limits}")
        if not (self.x_limits or self.y_limits):
            for field, default in (("aperture_shape", "RECTANGULAR"), ("aperture_at", "ENTRANCE_END")):
                if getattr(self, field) != default:
                    key = self.parameters[field].key
                    raise LatticeError(f"{self.label()}: {key} without limits: give ApertureP.x_limits or y_limits")
        self.check()

    def check(self) -> None:
        """Raise LatticeError where parameters contradict each other. Subclasses extend."""

    def without_aperture(self) -> Self:
        """Return the element without an aperture."""
        names = ("x_limits", "y_limits", "aperture_shape", "aperture_at")
        return dataclasses.replace(self, **{name: self.__dataclass_fields__[name].default for name in names})

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        """Pack the element, without misalignment and aperture, for this reference. Subclasses must give it."""
        raise NotImplementedError

    def in_lattice(self, length: float, ref: Reference) -> Element:
        """Return the element with whatever depends on the whole lattice (its length [m]) fixed; here: itself."""
        return self

    def slice_ops(self, ref: Reference, fraction_from: float, fraction_to: float) -> tuple[Op, ...]:
        """Pack the part between two fractions of the length (entry effects only if from 0, exit effects only if to
        1).
        """
        raise LatticeError(f"{self.label()} cannot be sliced")

    def part(self, fraction: float, first: bool) -> Mapping[str, Any] | None:
        """Changes that make the element its first (or last) part of this fraction of the length; None: it stays
        whole.
        """
        return None

    def local_field(self, ref: Reference) -> LocalField | None:
        """State the field in which the body radiates, and at which points; None: it does not radiate."""
        return None

    def ops_with_radiation(self, ref: Reference, mode: str = "mean") -> tuple[Op, ...]:
        """Pack an element without local field where radiation is tracked in a mode; here: as without radiation."""
        return self.ops(ref)

    def light(self) -> Light | None:
        """Return the light of a laser on the element, on or off; None: it has no laser."""
        return None

    def with_light(self, *, on: bool | None = None, power: float | None = None) -> Element:
        """Return the element with its light switched, or with another power [W]; one without a laser stays as it is."""
        return self

    def cavity(self) -> Cavity | None:
        """Return the oscillating voltage of the element; None: it has none."""
        return None

    def wave(self, ref: Reference) -> Wave | None:
        """Return the wave of the element in one kick; None: it has none, or one that is not even about its axis."""
        return None

    def restores(self) -> float:
        """Energy that the element gives back to each particle where radiation is tracked [eV]."""
        return 0.0

    def undulator(self, ref: Reference) -> Undulator | None:
        """Return the undulator that the element is, in whole periods; None: it is none."""
        return None

    def lumped_r56(self) -> float | None:
        """R56 of a section that stands in one place [m]; None: it is no such section."""
        return None

    def family(self) -> tuple[str, int]:
        """Return what the element is drawn as ("" where it is left out), and -1 if its symbol is below the axis."""
        if self.light() is not None:
            return "modulator", 1
        return ("cavity" if self.cavity() is not None else ""), 1

    def refined(self, times: int) -> Element:
        """Return the element with ``times`` as many integration steps as it was given, if it was given any."""
        slices = getattr(self, "slices", 0)
        return dataclasses.replace(self, **{"slices": times * slices}) if slices else self

    def apart(self) -> tuple[Element | None, Element, Element | None]:
        """Take the kick of a laser or a cavity out of its body: what is before it, the kick alone, and what is behind.

        Fast ring models keep the kick and make the rest part of their maps. The kick is in the middle; it has the
        length of the element if its body has none. None where there is nothing.
        """
        return None, self, None

    def scaled(self, factor: float) -> Element:
        """Return the element with ``factor`` times its static field about the same reference orbit.

        Raises
        ------
        LatticeError
            If its integrator cannot have a field that differs from that of the reference orbit.
        """
        return self

    def with_edges(self, model: str) -> Element:
        """Return the element with another model of its pole faces ("linear", "full"), if it bends and has any."""
        return self

    def without_noise(self) -> Element:
        """Return the element without random kicks of its own."""
        return self

    def bending(self) -> tuple[float, float]:
        """Angle and roll of the reference orbit in the element [rad]."""
        return 0.0, 0.0

    def label(self) -> str:
        """``Quadrupole 'qf1'``, for messages."""
        return f"{self.kind} '{self.name}'"

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        """Return members with what they do, written from their field or definition; the contract tests compare.

        Every parameter that has a sign is not zero in one of them, so that no sign can be turned unseen.
        """
        raise NotImplementedError

    @classmethod
    def examples(cls) -> list[Any]:
        """Typical and extreme members, from which the contract tests run."""
        raise NotImplementedError

    @classmethod
    def from_keys(cls, values: Mapping[str, Any], ref: Reference | None) -> Mapping[str, Any]:
        """Turn alternative file keys (``BendP.g_ref`` for ``BendP.angle_ref`` ...) into the keys of the fields.

        Subclasses that have alternatives list them in :attr:`alternative_keys` and override this.
        """
        return values

    @classmethod
    def class_for(cls, fields: Mapping[str, Any]) -> type[Element]:
        """Return the class of an element that a file gives with these values: this one, or that of its thin lens."""
        return cls

    def file_key(self, field: str) -> str:
        """Return the key under which a file has the value of a parameter."""
        return self.parameters[field].key

    #: file keys that :meth:`from_keys` accepts besides those of the fields -> what they mean
    alternative_keys: ClassVar[Mapping[str, str]] = {}


@functools.cache
def _sound_defaults(cls: type[Element]) -> dict[str, Any]:
    """Defaults of the parameters of a class that a check gives back as they are; one that need not be there is None."""
    found: dict[str, Any] = {}
    for field, info in cls.parameters.items():
        default = cls.__dataclass_fields__[field].default
        with suppress(LatticeError):
            if default is None or default is _checked(cls.kind, info, default):
                found[field] = default
    return found


def _checked(label: str, info: ParameterInfo, value: Any) -> Any:
    """Return the value in its declared type, or raise LatticeError that names it."""

    def wrong(need: str) -> LatticeError:
        return LatticeError(f"{label}: {info.key} must be {need}, got {str(value)[:80]!r}")

    read = {"float": info.number, "int": info.count, "str": info.choice}.get(info.type)
    if read is not None:
        return read(value, f"{label}: {info.key}", LatticeError)
    if info.type == "bool":
        if not isinstance(value, bool):
            raise wrong("true or false")
        return value
    return _checked_numbers(value, info.type == "matrix", wrong)


def _checked_numbers(value: Any, nested: bool, wrong: Callable[[str], LatticeError]) -> tuple:
    need = "a list of lists of finite numbers" if nested else "a list of finite numbers"
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise wrong(need)
    if nested:
        return tuple(_checked_numbers(row, False, wrong) for row in value)
    out = []
    for v in value:
        if isinstance(v, bool) or not hasattr(v, "__float__") or not math.isfinite(float(v)):
            raise wrong(need)
        out.append(float(v))
    return tuple(out)
