"""The unit table: symbol, factor to SI and openPMD dimension of every unit that a result or a file may carry.

Units label arrays in results and files; nothing in the package computes with them. Compound units are written as
products of table entries: ``"1/m^2"``, ``"eV/c"``, ``"m*rad"``, ``"W/m^2"``. People may write a number with its unit
and a prefix, ``"1064 nm"``, ``"5 MW"``, ``"0.4 nm rad"``, which :func:`number_in` turns into a plain number.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cache

from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.errors import ConfigError, nearest

#: Units of the tables and command lines of lithography, in SI.
MILLIJOULE_PER_CM2 = 10.0  #: [J/m^2]
SQUARE_MILLIMETRE = 1e-6  #: [m^2]
PER_SQUARE_CENTIMETRE = 1e4  #: [1/m^2]
NANOMETRE = 1e-9  #: [m]
MEGAWATT = 1e6  #: [W]
KILOWATT_HOUR = 3.6e6  #: [J]
TERAFLOPS = 1e12  #: [1/s]
HOUR = 3600.0  #: [s]
YEAR = 8760.0 * HOUR  #: year of 365 days [s], as used for tool hours

#: Exponents of (length, mass, time, current, temperature, amount of substance, luminous intensity).
Dimension = tuple[float, float, float, float, float, float, float]


@dataclass(frozen=True)
class Unit:
    """One unit.

    Parameters
    ----------
    symbol : how it is written, e.g. ``"eV/c"`` (openPMD ``unitSymbol``).
    si : one of this unit in SI base units (openPMD ``unitSI``).
    dimension : exponents of the seven SI base units (openPMD ``unitDimension``).
    """

    symbol: str
    si: float
    dimension: Dimension


def _unit(symbol: str, si: float, length: float = 0, mass: float = 0, time: float = 0, current: float = 0) -> Unit:
    return Unit(symbol, si, (float(length), float(mass), float(time), float(current), 0.0, 0.0, 0.0))


#: symbol -> unit; products and powers of these are units as well, see :func:`unit`.
UNITS: dict[str, Unit] = {
    entry.symbol: entry
    for entry in (
        _unit("1", 1.0),
        _unit("rad", 1.0),
        _unit("sr", 1.0),
        _unit("2pi", 2.0 * math.pi),  # phases and tunes
        _unit("turn", 1.0),
        _unit("m", 1.0, length=1),
        _unit("kg", 1.0, mass=1),
        _unit("s", 1.0, time=1),
        _unit("h", HOUR, time=1),
        _unit("year", YEAR, time=1),
        _unit("A", 1.0, current=1),
        Unit("K", 1.0, (0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0)),
        _unit("c", SPEED_OF_LIGHT, length=1, time=-1),
        _unit("Hz", 1.0, time=-1),
        _unit("C", 1.0, time=1, current=1),
        _unit("N", 1.0, length=1, mass=1, time=-2),
        _unit("Pa", 1.0, length=-1, mass=1, time=-2),
        _unit("J", 1.0, length=2, mass=1, time=-2),
        _unit("eV", ELEMENTARY_CHARGE, length=2, mass=1, time=-2),
        _unit("eV/c", ELEMENTARY_CHARGE / SPEED_OF_LIGHT, length=1, mass=1, time=-1),
        _unit("W", 1.0, length=2, mass=1, time=-3),
        _unit("V", 1.0, length=2, mass=1, time=-3, current=-1),
        _unit("ohm", 1.0, length=2, mass=1, time=-3, current=-2),
        _unit("T", 1.0, mass=1, time=-2, current=-1),
        _unit("F", 1.0, length=-2, mass=-1, time=4, current=2),
        _unit("H", 1.0, length=2, mass=1, time=-2, current=-2),
        _unit("1/m", 1.0, length=-1),
        _unit("1/m^2", 1.0, length=-2),
        _unit("1/m^3", 1.0, length=-3),
    )
}

_FACTOR = re.compile(r"(?P<name>[A-Za-z0-9]+?)(?:\^(?P<power>-?[0-9]{1,2}(?:\.[0-9]{1,3})?))?\Z")


@cache
def unit(symbol: str) -> Unit:
    """Return the unit that `symbol` names: a table entry, or a product of entries and powers, read left to right.

    Parameters
    ----------
    symbol : e.g. ``"m"``, ``"eV/c"``, ``"1/m^2"``, ``"m^0.5"``, ``"m*rad"``; ``"a/b*c"`` is ``(a/b)*c``.

    Raises
    ------
    ConfigError
        If the symbol is not text, or a factor is not in the table.

    Examples
    --------
    >>> unit("eV/c").si
    5.344285992678308e-28
    >>> unit("W/m^2").dimension
    (0.0, 1.0, -3.0, 0.0, 0.0, 0.0, 0.0)
    >>> unit("m*rad/turn").symbol
    'm*rad/turn'
    """
    if not isinstance(symbol, str):
        raise ConfigError(f"a unit is written as text such as 'm' or 'eV/c', not {symbol!r}")
    if symbol in UNITS:
        return UNITS[symbol]
    si, dimension, sign = 1.0, [0.0] * 7, 1.0
    for part in re.split(r"([*/])", symbol):
        if part in ("*", "/"):
            sign = 1.0 if part == "*" else -1.0
            continue
        match = _FACTOR.match(part)
        factor = UNITS.get(match["name"]) if match else None
        if match is None or factor is None:
            raise _unknown(symbol, match["name"] if match else part)
        power = sign * float(match["power"] or 1.0)
        si *= factor.si**power
        dimension = [total + power * exponent for total, exponent in zip(dimension, factor.dimension, strict=True)]
    a, b, c, d, e, f, g = (exponent + 0.0 for exponent in dimension)
    return Unit(symbol, si, (a, b, c, d, e, f, g))


#: prefix -> power of ten; centi is there for ``cm``
PREFIXES = {
    "a": -18, "f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "c": -2,
    "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
}  # fmt: skip
_PREFIXED = ("rad", "m", "s", "A", "K", "Hz", "C", "N", "Pa", "J", "eV", "W", "V", "ohm", "T", "F", "H")
#: what may follow a pure number -> power of ten
_SHARES = {"%": -2, "ppm": -6}
#: a number, and a unit that begins with a letter, or behind a blank with 1/ or 2pi
_WRITTEN = re.compile(
    r"\s*(?P<number>(?>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?))"
    r"(?P<unit>(?:\s*[A-Za-zµμ%]|\s+(?:1/|2pi)).*?)?\s*\Z"
)


def number_in(symbol: str, text: str) -> float:
    """Return the number that a text such as ``"1064 nm"`` means in a unit; ``"1064 nm"`` is ``1064e-9`` to the bit.

    Parameters
    ----------
    symbol : unit that is meant, see :func:`unit`; ``"1"`` takes ``"5 %"`` and ``"3 ppm"``.
    text : number and unit; factors of the unit may have a prefix and are parted by blank, ``*`` or ``/``.

    Raises
    ------
    ConfigError
        No number, no unit, an unknown unit, or one of another dimension.

    Examples
    --------
    >>> number_in("m", "1064 nm"), number_in("W", "5 MW"), number_in("m", "0.4 nm rad"), number_in("1", "5 %")
    (1.064e-06, 5000000.0, 4e-10, 0.05)
    """
    match = _WRITTEN.match(text[:200])
    if match is None:
        raise ConfigError(f"{text[:80]!r} is no number with a unit; write for example '3 {symbol}'")
    written, given = match["number"], (match["unit"] or "").strip()
    if not given:
        raise ConfigError(
            f"{text[:80]!r} is a text without a unit: give the number without quotes, or its unit [{symbol}]"
        )
    if symbol == "1" and given in _SHARES:
        return _scaled(written, _SHARES[given], text)
    factors = re.split(r"([*/])", re.sub(r"\s*([*/·])\s*|\s+", lambda m: (m[1] or "*").replace("·", "*"), given))
    tens, plain, sign = 0.0, [], 1
    for part in factors:
        sign = -1 if part == "/" else 1 if part == "*" else sign
        name, _, power = part.partition("^")
        if name not in UNITS and name[:1] in PREFIXES and name[1:] in _PREFIXED:
            try:
                tens += sign * PREFIXES[name[0]] * float(power or 1)
            except ValueError:
                raise _unknown(given, name) from None
            part = part[1:]
        plain.append(part)
    of, wanted = unit("".join(plain)), unit(symbol)
    if of.dimension != wanted.dimension or (symbol == "1" and of.symbol != "1"):
        raise ConfigError(f"{text[:80]!r} is not a quantity in {'pure numbers' if symbol == '1' else symbol}")
    if tens != int(tens):
        raise ConfigError(f"{text[:80]!r}: a prefix under a broken power; write the unit without prefix")
    value = _scaled(written, int(tens), text)
    return value if of.si == wanted.si else value * (of.si / wanted.si)


def _scaled(written: str, tens: int, text: str) -> float:
    try:
        value = float(Decimal(written).scaleb(tens))
    except (InvalidOperation, OverflowError):
        value = math.inf
    if not math.isfinite(value):
        raise ConfigError(f"{text[:80]!r} is beyond the numbers of a computer")
    return value


def _unknown(symbol: str, part: str) -> ConfigError:
    return ConfigError(
        f"unknown unit '{symbol[:80]}': write a product such as '1/m^2', 'eV/c' or 'm*rad' of {', '.join(UNITS)}."
        f"{nearest(part, UNITS)}"
    )
