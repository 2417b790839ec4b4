"""Units of the lithography tables in SI, and the checks that every argument of this room passes.

The Python interface is in SI (dose [J/m^2], area [m^2], defect density [1/m^2]); tables and the command line speak the
language of the field (mJ/cm^2, mm^2, 1/cm^2). The factors below are the only place where the two meet.
"""

from __future__ import annotations

import math
from numbers import Real

from ssmb.errors import ConfigError

MILLIJOULE_PER_CM2 = 10.0  #: [J/m^2]
SQUARE_MILLIMETRE = 1e-6  #: [m^2]
PER_SQUARE_CENTIMETRE = 1e4  #: [1/m^2]
NANOMETRE = 1e-9  #: [m]
MEGAWATT = 1e6  #: [W]
KILOWATT_HOUR = 3.6e6  #: [J]
TERAFLOPS = 1e12  #: [1/s]
HOUR = 3600.0  #: [s]
YEAR = 8760.0 * HOUR  #: year of 365 days [s], as used for tool hours


def number(name: str, value: object) -> float:
    """Return `value` as a finite float or raise :class:`ConfigError` that names it."""
    # The abstract class is asked last: a Monte Carlo comes here a million times, nearly always with a float.
    if not isinstance(value, float) and (isinstance(value, bool) or not isinstance(value, Real)):
        raise ConfigError(f"{name} must be a number, got {value!r} of type {type(value).__name__}.")
    x = float(value)
    if not math.isfinite(x):
        raise ConfigError(f"{name} must be finite, got {x}.")
    return x


def positive(name: str, value: object, unit: str = "1") -> float:
    """Return a finite number above zero, or raise :class:`ConfigError`."""
    x = number(name, value)
    if x <= 0.0:
        raise ConfigError(f"{name} must be above 0 [{unit}], got {x:g}.")
    return x


def non_negative(name: str, value: object, unit: str = "1") -> float:
    """Return a finite number that is zero or above, or raise :class:`ConfigError`."""
    x = number(name, value)
    if x < 0.0:
        raise ConfigError(f"{name} must be 0 or more [{unit}], got {x:g}.")
    return x


def fraction(name: str, value: object, *, zero: bool = False) -> float:
    """Return a share in (0, 1], or in [0, 1] with ``zero=True``; anything else raises :class:`ConfigError`."""
    x = number(name, value)
    if x > 1.0 or x < 0.0 or (x == 0.0 and not zero):
        raise ConfigError(
            f"{name} is a share and must lie in {'[0, 1]' if zero else '(0, 1]'}, got {x:g}. "
            "Give 0.05 for five percent."
        )
    return x


def count(name: str, value: object, *, least: int = 1) -> int:
    """Return a whole number of at least `least`, or raise :class:`ConfigError`."""
    x = number(name, value)
    if x != int(x) or x < least:
        raise ConfigError(f"{name} must be a whole number of at least {least}, got {x:g}.")
    return int(x)
