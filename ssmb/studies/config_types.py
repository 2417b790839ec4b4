"""Numbers of run files with their limits, the base of their sections, and the section of a class of quantities."""

from __future__ import annotations

import functools
import inspect
import operator
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, create_model, model_validator

from ssmb.errors import ConfigError, SsmbError, nearest
from ssmb.maps.radiation import MODES, Radiation
from ssmb.quantity import LIGHT, Quantity, entries_of, hints_of, is_endless, is_list, quantities_of

# the limits are far from any machine; they keep a slip of the exponent from becoming an overflow deep inside a formula
Length = Annotated[float, Quantity("m", "length", minimum=1e-15, maximum=1e6)]
Wavelength = Annotated[float, Quantity("m", "wavelength of light", minimum=1e-15, maximum=1e6, plausible=LIGHT)]
Emit = Annotated[float, Quantity("m", "emittance", minimum=0.0, maximum=1.0)]
Period = Annotated[float, Quantity("m", "period", minimum=1e-6, maximum=100.0)]
Periods = Annotated[int, Quantity("1", "number of periods", minimum=5, maximum=1_000_000)]
Charge = Annotated[float, Quantity("C", "charge", minimum=1e-24, maximum=1.0)]
Share = Annotated[float, Quantity("1", "share", minimum=1e-9, maximum=10.0)]
Angle = Annotated[float, Quantity("rad", "angle", minimum=1e-9, maximum=10.0)]
UpToOne = Annotated[float, Quantity("1", "number", minimum=0.0, maximum=1.0)]
Seconds = Annotated[float, Quantity("s", "time", minimum=1e-6, maximum=1e9)]
Count = Annotated[int, Quantity("1", "number", minimum=1, maximum=10_000_000)]
Order = Annotated[int, Quantity("1", "order of a map", minimum=1, maximum=4)]
Turns = Annotated[int, Quantity("turn", "turns", minimum=0, maximum=10**12)]
Seed = Annotated[int, Quantity("1", "seed", minimum=0, maximum=2**63 - 1)]
Detuning = Annotated[float, Quantity("1", "detuning", minimum=-1e-4, maximum=1e-4)]


def _radiation(value: Any) -> Radiation:
    """A radiation from its mode, or from a mapping of mode, edges and angles."""
    try:
        if isinstance(value, Mapping):
            names = [f.name for f in fields(Radiation)]
            unknown = next((key for key in value if key not in names), None)
            if unknown is not None:
                hint = nearest(str(unknown), names)
                raise ValueError(f"unknown key '{str(unknown)[:80]}'; allowed: {', '.join(names)}.{hint}")
            value = Radiation(**value)
        made = Radiation.of(value)
        if made.mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(MODES)}")
    except SsmbError as error:
        raise ValueError(error.message) from None
    return made


#: Synchrotron radiation of a run: a text, or a mapping.
RadiationValue = Annotated[
    Radiation,
    BeforeValidator(_radiation),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(MODES)},
                {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "mode": {"enum": list(MODES), "default": "off"},
                        "edges": {"type": "boolean", "default": True},
                        "angles": {"type": "boolean", "default": False},
                    },
                },
            ]
        }
    ),
]


class Section(BaseModel):
    """A part of a run file: frozen, and no key that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def known(self, name: str) -> Any:
        """Return a value that the run file may leave to the lattice, once one of both has said it.

        Raises
        ------
        ConfigError
            It is not known.
        """
        value = getattr(self, name)
        if value is None:
            raise ConfigError(f"{name} is not known: give it in the run file, or let the study ask its lattice (check)")
        return value

    def values_of(self, cls: type[Any]) -> dict[str, Any]:
        """Return what the section says of the quantities of a class, by name; without what it leaves out."""
        said = {name: getattr(self, name) for name in quantities_of(cls) if name in type(self).model_fields}
        hints = hints_of(cls)
        return {n: _plain(value) for n, value in said.items() if value is not None or _may_be_none(hints[n])}

    def check_as(self, cls: type[Any]) -> None:
        """Raise ValueError if a class refuses what the section says of its quantities."""
        try:
            cls(**self.values_of(cls))
        except SsmbError as error:
            raise ValueError(error.message) from None


class OutputConfig(Section):
    """What is written into the run folder."""

    folder: str = Field(default="", description="folder of the run; by default runs/<name of the run file>")
    particles: bool = True
    figures: bool = True


class SectionOf(Section):
    """A section whose keys are the quantities of a class; see :func:`section_of`."""

    of: ClassVar[type[Any]]

    def made(self, **others: Any) -> Any:
        """Return the object of the class.

        Parameters
        ----------
        others : fields that are not of the run file, or that take the place of its values.
        """
        return self.of(**self.values_of(self.of) | others)

    @model_validator(mode="after")
    def _as_the_class_checks(self) -> Self:
        hints = hints_of(self.of)
        needed = [f.name for f in fields(self.of) if f.default is MISSING and f.default_factory is MISSING]
        if all(_may_be_none(hints[n]) or getattr(self, n, None) is not None for n in needed):  # else more is to come
            self.check_as(self.of)
        return self


def section_of(
    cls: type[Any], *names: str, leave_out: Collection[str] = (), optional: Collection[str] = (), **more: Any
) -> type[Any]:
    """Return the section of a run file whose keys are the quantities of a frozen dataclass.

    Types, limits, units, words and defaults are those of the fields; what may be None may be left out. A section that
    is given whole is also checked by the class itself. What a file may say besides is added in a sub-class.

    Parameters
    ----------
    cls : fields declared by :func:`ssmb.quantity.quantity`; those of other dataclasses of quantities are sections, too.
    names : only these fields; all if there is none.
    leave_out : fields that are not of the run file.
    optional : fields that the file may leave out because something else says them; None then.
    more : keys that are no fields, each (type, default) or (type, ...); those of other classes by :func:`keys_of`.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from ssmb.quantity import quantity
    >>> @dataclass(frozen=True)
    ... class Undulator:
    ...     period: float = quantity("m", "undulator period", minimum=0.0, open_minimum=True)
    ...     periods: int = quantity("1", "number of periods", default=32, minimum=1)
    >>> section = section_of(Undulator).model_validate({"period": "125 mm"})
    >>> section.made()
    Undulator(period=0.125, periods=32)
    """
    doc = " ".join(inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0].split())
    keys: dict[str, Any] = more | keys_of(cls, *names, leave_out=leave_out, optional=optional)
    made: type[Any] = create_model(f"{cls.__name__}Section", __base__=SectionOf, __doc__=doc, **keys)
    made.of = cls
    return made


def keys_of(
    cls: type[Any], *names: str, leave_out: Collection[str] = (), optional: Collection[str] = ()
) -> dict[str, Any]:
    """Return quantities of a class as keys of a section, each (type, field); arguments as for :func:`section_of`."""
    hints, keys = hints_of(cls), {}
    by_name = {f.name: f for f in fields(cls)}
    for name, of in quantities_of(cls).items():
        if name in leave_out or (names and name not in names):
            continue
        field, kind = by_name[name], _section_type(hints[name], of)
        words: dict[str, Any] = {"description": of.doc + (f" [{of.unit}]" if of.unit else "")}
        if field.default is not MISSING:
            words["default"] = field.default
        elif field.default_factory is not MISSING:
            words["default_factory"] = field.default_factory
        if name in optional or ("default" not in words and _may_be_none(hints[name])):
            kind, words["default"] = kind | None, None
        keys[name] = (kind, Field(**words))
    return keys


@dataclass(frozen=True)
class OneOf:
    """A section of one of several classes, told by its key ``kind``: ``Annotated[SectionOf, OneOf(classes)]``.

    Fields that a class names in ``of_the_run`` a file may leave out: the run says them.
    """

    kinds: Mapping[str, type[Any]]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        sections: Iterable[Any] = (
            section_of(cls, kind=(Literal[kind], ...), optional=getattr(cls, "of_the_run", ()))
            for kind, cls in self.kinds.items()
        )
        return handler.generate_schema(Annotated[functools.reduce(operator.or_, sections), Field(discriminator="kind")])


def can_be_said(cls: type[Any]) -> bool:
    """Whether a file can say all that a class must be told."""
    told = quantities_of(cls)
    return all(f.name in told or f.default is not MISSING or f.default_factory is not MISSING for f in fields(cls))


def _section_type(hint: Any, of: Quantity) -> Any:
    """The type in a run file of a field of a dataclass: its numbers and texts are read as the quantity reads them."""
    if typing.get_origin(hint) in (UnionType, typing.Union):
        parts = [h for h in typing.get_args(hint) if typing.get_origin(h) is not Callable]  # a file holds no function
        return functools.reduce(operator.or_, (_section_type(h, of) for h in parts))
    if typing.get_origin(hint) is Literal:
        return Annotated[str, replace(of, choices=typing.get_args(hint))]
    if is_list(hint):
        kinds = [_section_type(*entry) for entry in entries_of(hint, of)]
        if not is_endless(hint):
            return tuple[*kinds]
        fewest, most = of.entries or (0, None)
        return Annotated[tuple[kinds[0], ...], Field(min_length=fewest, max_length=most)]
    if hint in (float, int, str):
        return Annotated[hint, of]
    if isinstance(kinds := getattr(hint, "kinds", None), Mapping):
        return Annotated[SectionOf, OneOf({kind: cls for kind, cls in kinds.items() if can_be_said(cls)})]
    nested = isinstance(hint, type) and is_dataclass(hint) and quantities_of(hint)
    return section_of(hint) if nested else hint


def _may_be_none(hint: Any) -> bool:
    return NoneType in typing.get_args(hint)


def _plain(value: Any) -> Any:
    if isinstance(value, SectionOf):
        return value.made()
    return tuple(_plain(item) for item in value) if isinstance(value, tuple) else value
