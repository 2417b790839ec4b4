"""A quantity is declared once: unit, words, limits and dimensions of a field of an element, a parameter class or a
result.

From the declaration follow what input is accepted (``1064e-9`` or ``"1064 nm"``) and the message where it is not, the
datasets of result files, the JSON of results, columns of tables and labels of axes.

A field of a dataclass is declared with :func:`quantity`; a section of a run file (a pydantic model) takes the same
object as ``wavelength: Annotated[float, Quantity("m", "laser wavelength", minimum=1e-15)]``.
"""

from __future__ import annotations

import dataclasses
import functools
import html
import math
import numbers
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from typing import Any

from ssmb import text
from ssmb.errors import ConfigError, SsmbError, nearest
from ssmb.units import PREFIXES, Unit, number_in, unit

#: Names of the positions along axes that many quantities have.
POSITIONS: dict[str, tuple[str, ...]] = {
    "coordinate": ("x", "px", "y", "py", "z", "delta"),
    "transverse": ("x", "px", "y", "py"),
    "longitudinal": ("z", "delta"),
    "plane": ("x", "y"),
    "mode": ("x", "y", "z"),
    "decrement": ("x", "y", "delta"),
    "invariant": ("emit_x", "emit_y", "sigma_delta^2"),
    "heating": ("without", "with"),
    "bound": ("low", "high"),
}
POSITIONS |= {"i": POSITIONS["coordinate"], "j": POSITIONS["coordinate"]}
POSITIONS |= {f"other_{name}": POSITIONS[name] for name in ("coordinate", "longitudinal")}
_POWERS = {2: "m^2", 1: "m", 0: "1", -1: "1/m"}
_METRES = (1, 0, 1, 0, 1, 0)  # power of the metre in x, px, y, py, z, delta
#: Units of (x, px, y, py, z, delta); of its covariance; of a linear map; of <i j> per emittance.
PHASE_SPACE = ", ".join(_POWERS[a] for a in _METRES)
COVARIANCE = "; ".join(", ".join(_POWERS[a + b] for b in _METRES) for a in _METRES)
MATRIX = "; ".join(", ".join(_POWERS[a - b] for b in _METRES) for a in _METRES)
PER_EMITTANCE = "; ".join(", ".join(_POWERS[a + b - 1] for b in _METRES) for a in _METRES)

#: Sizes of the wavelength of a laser or of what it makes [m]; a bare number outside is asked about.
LIGHT = (1e-12, 1e-2)
#: Prefixes that a question about an implausible number offers.
_OFFERED = ("p", "n", "µ", "m", "k", "M", "G", "T")


@dataclass(frozen=True)
class Quantity:
    """What a number, or an array of numbers, is.

    Parameters
    ----------
    unit : see :func:`ssmb.units.unit`; ``"m, 1, m, 1"`` lists those of the entries along the last axis of an array, and
        ``"m^2, m; m, 1"`` those along the last two, row by row; a shorter axis has the first of them. Empty for texts
        and flags.
    doc : what it is, in words; begins with its name.
    label : how an axis or a column calls it, e.g. ``"$\\\\beta_x$"``; by default the doc.
    minimum, maximum : limits of what is allowed, in the unit.
    open_minimum, open_maximum : whether the limit itself is excluded.
    choices : allowed texts.
    plausible : sizes between which a bare number is taken without a question; zero and texts with unit always are.
    dims : names of the axes of an array, e.g. ``("turn", "wavelength")``; one of equal name in the same file gives the
        coordinates.
    entries : fewest and most entries of a list; the limits are those of each entry.

    Raises
    ------
    ConfigError
        If the unit is unknown.

    Examples
    --------
    >>> wavelength = Quantity("m", "laser wavelength", minimum=0.0, open_minimum=True, plausible=(1e-11, 1e-2))
    >>> wavelength.number("1064 nm")
    1.064e-06
    >>> wavelength.number(1064.0, "laser.wavelength")
    Traceback (most recent call last):
    ssmb.errors.ConfigError: laser.wavelength: 1064 m is no laser wavelength; did you mean 1064e-9 or '1064 nm'?
    """

    unit: str
    doc: str
    label: str = ""
    minimum: float = -math.inf
    maximum: float = math.inf
    open_minimum: bool = False
    open_maximum: bool = False
    choices: tuple[str, ...] = ()
    plausible: tuple[float, float] | None = None
    dims: tuple[str, ...] = ()
    entries: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.unit:
            units_of(self.unit)

    @property
    def what(self) -> str:
        """Name of the quantity: its doc up to the first comma, semicolon, colon or bracket."""
        return re.split(r"[,;:(]", self.doc, maxsplit=1)[0].strip()

    def axis(self, unit: str = "") -> str:
        """Label of an axis or a column: name and unit, or the unit with prefix in which it is drawn."""
        shown = {"": "", "1": "", "2pi": " [2π]"}
        return (self.label or self.what) + shown.get(unit or self.unit, f" [{(unit or self.unit).replace('*', ' ')}]")

    def allowed(self, whole: bool = False) -> str:
        """Say what is allowed, e.g. ``"a number above 0 m"``."""
        of = "" if whole or self.unit in ("", "1") else f" {self.unit}"
        low, high = f"{self.minimum:g}", f"{self.maximum:g}"
        if whole:
            low, high = (str(round(x)) if math.isfinite(x) else "" for x in (self.minimum, self.maximum))  # no 1e+07
        bounds = []
        if self.minimum > -math.inf and self.maximum < math.inf and not (self.open_minimum or self.open_maximum):
            bounds = [f"from {low} to {high}"]
        else:
            if self.minimum > -math.inf:
                bounds.append(f"above {low}" if self.open_minimum else f"of at least {low}")
            if self.maximum < math.inf:
                bounds.append(f"below {high}" if self.open_maximum else f"of at most {high}")
        number = "a whole number" if whole else "a number" if bounds else "a finite number"
        return number + (f" {' and '.join(bounds)}{of}" if bounds else f" [{self.unit}]" if of else "")

    def number(self, value: Any, name: str = "", error: Callable[[str], SsmbError] = ConfigError) -> float:
        """Return what is given as a number in the unit, or raise an error that names it.

        Parameters
        ----------
        value : a number in the unit, or a text with its own unit, ``"1064 nm"``.
        name : what the message calls it; by default the name of the quantity.
        error : class of the error.

        Raises
        ------
        ConfigError
            Or `error`: not a finite number, another dimension, outside the limits, or implausible without a unit.
        """
        return self._read(value, name or self.what, error, whole=False)

    def count(self, value: Any, name: str = "", error: Callable[[str], SsmbError] = ConfigError) -> int:
        """Return what is given as a whole number; see :meth:`number`."""
        return self._read(value, name or self.what, error, whole=True)

    def choice(self, value: Any, name: str = "", error: Callable[[str], SsmbError] = ConfigError) -> str:
        """Return a text if it is one of the choices (or any text where there are none)."""
        name = name or self.what
        if not isinstance(value, str):
            raise error(f"{name} must be a text, got {text.brief(value)}")
        if self.choices and value not in self.choices:
            of = ", ".join(self.choices)
            raise error(f"{name} must be one of {of}, got {text.brief(value)}.{nearest(value, self.choices)}")
        return value

    def _read(self, value: Any, name: str, error: Callable[[str], SsmbError], whole: bool) -> Any:
        said = isinstance(value, str) and not whole
        if said:
            try:
                value = number_in(self.unit or "1", value)
            except ConfigError as problem:
                raise error(f"{name} must be {self.allowed()}: {problem.message}") from None
        elif isinstance(value, bool) or not _is_number(value):
            raise error(f"{name} must be {self.allowed(whole)}, got {text.brief(value)}")
        if whole and isinstance(value, numbers.Integral):
            number: Any = int(value)
        else:
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            except (TypeError, ValueError):
                number = math.nan
        low, high = self.minimum, self.maximum
        inside = (low < number if self.open_minimum else low <= number) and (
            number < high if self.open_maximum else number <= high
        )
        if not (inside and abs(number) < math.inf) or (whole and number != int(number)):
            raise error(f"{name} must be {self.allowed(whole)}, got {text.brief(value)}")
        if not said:
            self._ask(number, name, error)
        return int(number) if whole else number

    def _ask(self, number: float, name: str, error: Callable[[str], SsmbError]) -> None:
        if self.plausible is None or number == 0.0:
            return
        low, high = self.plausible
        if low <= abs(number) <= high:
            return
        middle = 0.5 * (math.log10(low) + math.log10(high))
        distance = {
            p: abs(math.log10(abs(number)) + PREFIXES[p] - middle)
            for p in _OFFERED
            if low <= abs(number) * 10.0 ** PREFIXES[p] <= high
        }
        of = "" if self.unit in ("", "1") else f" {self.unit}"
        question = f"a usual size is {low:g} to {high:g}{of}; write the unit if it is meant, '{number:g} {self.unit}'"
        if distance and of and 1e-3 <= abs(number) < 1e6:  # what is written for a unit with prefix
            prefix = min(distance, key=lambda p: distance[p])
            question = f"did you mean {number:g}e{PREFIXES[prefix]} or '{number:g} {prefix}{self.unit}'?"
        raise error(f"{name}: {number:g}{of} is no {self.what}; {question}")

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Make ``Annotated[float, Quantity(...)]`` a type of a run-file section; see :mod:`ssmb.studies`."""
        from pydantic_core import PydanticCustomError, core_schema

        read = {float: self.number, int: self.count, str: self.choice}[source]

        def validated(value: Any) -> Any:
            try:
                return read(value, "it")
            except ConfigError as problem:
                message = problem.message.removeprefix("it ").removeprefix("it: ")
                raise PydanticCustomError("quantity", "{message}", {"message": message}) from None

        return core_schema.no_info_before_validator_function(validated, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        """Add unit, words and limits to the JSON schema of a section."""
        made = handler(schema)
        words: dict[str, Any] = {"description": self.doc + (f" [{self.unit}]" if self.unit else "")}
        if self.minimum > -math.inf:
            words["exclusiveMinimum" if self.open_minimum else "minimum"] = self.minimum
        if self.maximum < math.inf:
            words["exclusiveMaximum" if self.open_maximum else "maximum"] = self.maximum
        if self.choices:
            words["enum"] = list(self.choices)
        if self.unit:
            words["unit"] = self.unit
        return made | words


def units_of(symbols: str) -> tuple[tuple[Unit, ...], ...]:
    """Return the units of the entries along the last two axes, one row and one column where all are the same.

    >>> [[u.symbol for u in row] for row in units_of("m^2, m; m, 1")]
    [['m^2', 'm'], ['m', '1']]
    """
    return tuple(tuple(unit(symbol) for symbol in row.split(", ")) for row in symbols.split("; "))


def _is_number(value: Any) -> bool:
    if value.__class__ in (float, int):  # nearly always, and quicker to see
        return True
    is_complex = isinstance(value, numbers.Complex) and not isinstance(value, numbers.Real)
    return hasattr(value, "__float__") and not is_complex and getattr(value, "shape", ()) == ()


def quantity(
    unit: str,
    doc: str,
    *,
    default: Any = MISSING,
    default_factory: Any = MISSING,
    label: str = "",
    minimum: float = -math.inf,
    maximum: float = math.inf,
    open_minimum: bool = False,
    open_maximum: bool = False,
    choices: Sequence[str] = (),
    plausible: tuple[float, float] | None = None,
    dims: Sequence[str] = (),
    entries: tuple[int, int] | None = None,
    repr: bool = True,
) -> Any:
    """Declare a field of a dataclass as a quantity; see :class:`Quantity` for the arguments.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Laser:
    ...     wavelength: float = quantity("m", "laser wavelength", label="$\\\\lambda$")
    >>> quantities_of(Laser)["wavelength"].unit, label_of(Laser, "wavelength")
    ('m', '$\\\\lambda$ [m]')
    """
    declared = Quantity(
        unit, doc, label, minimum, maximum, open_minimum, open_maximum, tuple(choices), plausible, tuple(dims), entries
    )
    return field_of(declared, default=default, default_factory=default_factory, repr=repr)


def field_of(declared: Quantity, **options: Any) -> Any:
    """Return a dataclass field of this quantity; ``options`` are those of :func:`dataclasses.field`."""
    return dataclasses.field(metadata={"quantity": declared}, **options)


def quantities_of(thing: Any) -> Mapping[str, Quantity]:
    """Return the quantities of a dataclass or a run-file section (or of one of their objects) by field.

    Examples
    --------
    >>> list(quantities_of(dataclasses.make_dataclass("A", [("s", float, quantity("m", "position")), ("n", int)])))
    ['s']
    """
    return _quantities_of(thing if isinstance(thing, type) else type(thing))


@functools.cache
def _quantities_of(cls: Any) -> Mapping[str, Quantity]:
    if dataclasses.is_dataclass(cls):
        return {f.name: f.metadata["quantity"] for f in dataclasses.fields(cls) if "quantity" in f.metadata}
    declared = {name: _declared(hint) for name, hint in typing.get_type_hints(cls, include_extras=True).items()}
    return {name: of for name, of in declared.items() if of is not None}


def _declared(hint: Any) -> Quantity | None:
    """Return the quantity in an annotation: its own, or that of the items or of the alternative to None."""
    for item in getattr(hint, "__metadata__", ()):
        if isinstance(item, Quantity):
            return item
    return next((found for of in typing.get_args(hint) if (found := _declared(of)) is not None), None)


def label_of(thing: Any, field: str, unit: str = "") -> str:
    """Return the label of an axis or a column for one field: its name and unit, or the unit in which it is drawn.

    Raises
    ------
    ConfigError
        If the field is not declared as a quantity.
    """
    known = quantities_of(thing)
    if field not in known:
        cls = thing if isinstance(thing, type) else type(thing)
        raise ConfigError(f"{cls.__name__} declares no quantity '{field}'.{nearest(field, known)}")
    return known[field].axis(unit)


def text_of(thing: Any, field: str, digits: int = 4) -> str:
    """Return the number of a field with its unit and a prefix, such as ``5.12 MW``, for printed lines and tables.

    A field ``power`` whose class has ``power_range``, a pair (low, high), is told with it, and in the digits that it
    leaves: ``5 MW (2 MW to 20 MW)``. This is how results carry an interval.
    """
    value, unit = getattr(thing, field), quantities_of(thing)[field].unit
    bounds = getattr(thing, f"{field}_range", None)
    return text.quantity(value, unit, digits) if bounds is None else text.ranged(value, bounds, unit, digits)


class derived(property):
    """A property that is told with the fields of its class where the numbers of a result are (``--json``)."""


class Shown:
    """Base of results that notebooks show as a table of names, values, units and words."""

    def _repr_html_(self) -> str:
        """Table of the declared quantities; of arrays their shape and range."""
        rows = [
            (name, text.in_a_cell(getattr(self, name)), of.unit if len(of.unit) < 20 else "", of.doc)
            for name, of in quantities_of(self).items()
        ]
        cells = "".join(f"<tr>{''.join(f'<td>{html.escape(str(c))}</td>' for c in row)}</tr>" for row in rows)
        head = "".join(f"<th>{word}</th>" for word in ("name", "value", "unit", "what it is"))
        return f"<table><caption>{type(self).__name__}</caption><tr>{head}</tr>{cells}</table>"


def check_quantities(thing: Any, error: Callable[[str], SsmbError] = ConfigError) -> None:
    """Check the numbers and texts of a frozen dataclass in its ``__post_init__``; texts with unit become numbers.

    Lists (of type tuple or Sequence) become tuples. Fields of other types (arrays, flags, other classes) are not looked
    at; nor is None where it is allowed by its type.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Laser:
    ...     wavelength: float = quantity("m", "laser wavelength", minimum=0.0, open_minimum=True)
    ...     def __post_init__(self): check_quantities(self)
    >>> Laser("1064 nm")
    Laser(wavelength=1.064e-06)
    >>> Laser(-1.0)
    Traceback (most recent call last):
    ssmb.errors.ConfigError: Laser.wavelength must be a number above 0 m, got -1.0
    """
    hints = hints_of(type(thing))
    for name, declared in quantities_of(thing).items():
        checked = _checked(hints[name], declared, getattr(thing, name), f"{type(thing).__name__}.{name}", error)
        object.__setattr__(thing, name, checked)


hints_of = functools.cache(typing.get_type_hints)  #: types of the fields of a class; once, for it evaluates their texts


def _checked(hint: Any, of: Quantity, value: Any, name: str, error: Callable[[str], SsmbError]) -> Any:
    options = hint.__args__ if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union else (hint,)
    if value is None and type(None) in options:
        return None
    read = {float: of.number, int: of.count, str: of.choice}
    rows = next((h for h in options if is_list(h)), None)
    for kind in () if rows is not None and isinstance(value, (tuple, list)) else (*read, *options):
        if kind in read and kind in options:
            return read[kind](value, name, error)
        if typing.get_origin(kind) is typing.Literal:
            return dataclasses.replace(of, choices=typing.get_args(kind)).choice(value, name, error)
    if rows is None:
        if wrong := _not_of(options, value):
            raise error(f"{name} must be {wrong}, got {text.brief(value)}")
        return value
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable) or getattr(value, "shape", (1,)) == ():
        raise error(f"{name} must be a list, got {text.brief(value)}")
    items = tuple(value)
    fewest, most = of.entries or (0, len(items))
    kinds = entries_of(rows, of, len(items))
    if not fewest <= len(items) <= most or len(kinds) != len(items):
        wanted = f"{fewest} to {most}" if of.entries else len(kinds)
        raise error(f"{name} must be a list of {wanted} entries, got {len(items)}")
    return tuple(_checked(*kinds[i], item, f"{name}[{i}]", error) for i, item in enumerate(items))


def _not_of(classes: Iterable[Any], value: Any) -> str:
    """Words for the classes of which a value is none; empty where it is one, or where that cannot be told."""
    known = [c for c in classes if c is not type(None)]
    plain = all(isinstance(c, type) and c is not Any and not getattr(c, "_is_protocol", False) for c in known)
    arrays = any(getattr(c, "__module__", "") == "numpy" for c in known)
    truth = bool in known and type(value).__name__ in ("bool", "bool_")  # that of numpy, too
    if not plain or arrays or truth or isinstance(value, tuple(known)):
        return ""
    return " or ".join("true or false" if c is bool else f"a {c.__name__}" for c in known)


def is_list(hint: Any) -> bool:
    """Whether a type is that of a list that is read entry by entry: a tuple or a Sequence."""
    return typing.get_origin(hint) in (tuple, Sequence)


def entries_of(hint: Any, of: Quantity, number: int = 1) -> list[tuple[Any, Quantity]]:
    """Return type and quantity of each entry of a list; a tuple of fixed length may have a unit for each.

    >>> [of.unit for _, of in entries_of(tuple[float, float], Quantity("m, 1", "dispersion D and D'"))]
    ['m', '1']
    """
    each, units = typing.get_args(hint), of.unit.split(", ")
    if is_endless(hint):
        return [(each[0], of)] * number
    return [
        (kind, dataclasses.replace(of, unit=units[min(i, len(units) - 1)], entries=None)) for i, kind in enumerate(each)
    ]


def is_endless(hint: Any) -> bool:
    """Whether a list may have any number of entries."""
    return Ellipsis in typing.get_args(hint) or typing.get_origin(hint) is Sequence
