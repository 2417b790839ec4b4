"""Arguments of closed forms: each check returns the plain number or says what is wrong and what is allowed."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

from ssmb.errors import ConfigError, nearest

#: Largest size of a number in SI or eV that is taken: beyond it powers of it leave the range of floating point.
LARGEST = 1e40
#: Smallest size of a number that must not be zero, for what is divided by it; shares may be smaller.
SMALLEST = 1e-60
#: Highest harmonic of a laser: zeros of Bessel functions of higher orders are not found.
HIGHEST_HARMONIC = 4000
#: Share of a power that counts as nothing: smaller ones are not told from it.
NOTHING = 1e-300


def finite(name: str, value: Any, unit: str = "1") -> float:
    """Return `value` as a float, or raise :class:`ConfigError` if it is not a real number of at most :data:`LARGEST`.

    >>> finite("phase", 0.25)
    0.25
    """
    # the abstract class is asked last: a Monte Carlo comes here a million times, nearly always with a float
    if not isinstance(value, float) and (isinstance(value, bool) or not isinstance(value, numbers.Real)):
        raise ConfigError(f"{name} [{unit}] must be a finite real number, not {value!r}")
    try:
        number = float(value)
    except OverflowError:  # a whole number may have any length
        number = math.inf
    if not math.isfinite(number):
        raise ConfigError(f"{name} [{unit}] must be a finite real number, not {number!r}")
    if abs(number) > LARGEST:
        raise ConfigError(
            f"{name} [{unit}] must be between -{LARGEST:g} and {LARGEST:g}, not {number:.6g}; check its unit"
        )
    return number


def positive(name: str, value: Any, unit: str = "1") -> float:
    """Return `value` as a float, or raise :class:`ConfigError` if it is not finite and above zero.

    >>> positive("wavelength", 1064e-9, "m")
    1.064e-06
    """
    number = _above_zero(name, value, unit)
    if number < SMALLEST:
        raise ConfigError(f"{name} [{unit}] must be at least {SMALLEST:g}, not {number!r}; check its unit")
    return number


def _above_zero(name: str, value: Any, unit: str = "1") -> float:
    number = finite(name, value, unit)
    if number <= 0.0:
        raise ConfigError(f"{name} [{unit}] must be above zero, not {number!r}")
    return number


def positive_or_infinite(name: str, value: Any, unit: str = "1") -> float:
    """Return `value` as a float, or raise :class:`ConfigError` if it is not above zero; infinite stands for no limit.

    >>> positive_or_infinite("acceptance", math.inf, "rad")
    inf
    """
    return math.inf if isinstance(value, float) and value == math.inf else positive(name, value, unit)


def not_negative(name: str, value: Any, unit: str = "1") -> float:
    """Return `value` as a float, or raise :class:`ConfigError` if it is not finite and zero or above.

    >>> not_negative("sigma_perp", 0.0, "m")
    0.0
    """
    number = finite(name, value, unit)
    if number < 0.0:
        raise ConfigError(f"{name} [{unit}] must be zero or above, not {number!r}")
    return number


def not_zero(name: str, value: Any, unit: str = "1") -> float:
    """Return `value` as a float, or raise :class:`ConfigError` if it is not finite, or zero (either sign is allowed).

    >>> not_zero("r56", -8e-4, "m")
    -0.0008
    """
    number = finite(name, value, unit)
    if abs(number) < SMALLEST:
        raise ConfigError(f"{name} [{unit}] must not be zero, nor below {SMALLEST:g} in size, as {number!r} is")
    return number


def share(name: str, value: Any, *, zero: bool = False) -> float:
    """Return `value` as a float, or raise :class:`ConfigError` if it is not in the interval (0, 1], or [0, 1] with
    `zero`.

    >>> share("filling", 0.5)
    0.5
    """
    number = not_negative(name, value) if zero else _above_zero(name, value)
    if number > 1.0:
        raise ConfigError(f"{name} must lie in {'[0, 1]' if zero else '(0, 1]'}, not {number!r}")
    return number


def kept_share(value: float) -> float:
    """Return what is kept of a power, at most 1, at least :data:`NOTHING`, so that a way of factors can go on."""
    return min(1.0, max(value, NOTHING))


def count(name: str, value: Any, at_least: int = 1, at_most: int | None = None) -> int:
    """Return `value` as an int, or raise :class:`ConfigError` if it is not a whole number from `at_least` to `at_most`.

    >>> count("harmonic", 3)
    3
    """
    number = finite(name, value)
    if number != int(number) or number < at_least or (at_most is not None and number > at_most):
        allowed = f"of at least {at_least}" if at_most is None else f"from {at_least} to {at_most}"
        raise ConfigError(f"{name} must be a whole number {allowed}, not {value!r}")
    return int(number)


def harmonic_number(harmonic: Any) -> int:
    """Return a harmonic of a laser as an int, or raise :class:`ConfigError` if it is not one from 1 to 4000.

    >>> harmonic_number(79)
    79
    """
    return count("harmonic", harmonic, at_most=HIGHEST_HARMONIC)


def pair(name: str, value: Any, unit: str = "1") -> tuple[float, float]:
    """Return two finite floats, for x and y, or raise :class:`ConfigError`.

    >>> pair("place", (0, 1e-3), "m")
    (0.0, 0.001)
    """
    try:
        x, y = value
    except (TypeError, ValueError):
        raise ConfigError(f"{name} must be two numbers, for x and y [{unit}], not {value!r}") from None
    return finite(name, x, unit), finite(name, y, unit)


def several(name: str, value: Any, what: str) -> tuple[Any, ...]:
    """Return the entries of a list, tuple or array, or raise :class:`ConfigError`; a text or a mapping is none of them.

    >>> several("harmonics", [1, 2], "whole numbers")
    (1, 2)
    """
    try:
        if isinstance(value, (str, bytes, Mapping)):
            raise TypeError
        return tuple(value)
    except TypeError:
        raise ConfigError(f"{name} must be a list of {what}, not {value!r}") from None


def modulus(name: str, value: Any) -> float:
    """Return ``|value|`` of a real or complex bunching factor, or raise :class:`ConfigError` if it exceeds one.

    >>> modulus("bunching", 0.3 + 0.4j)
    0.5
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Complex) or not math.isfinite(abs(value)):
        raise ConfigError(f"{name} must be a finite number, not {value!r}")
    size = float(abs(value))
    if size > 1.0 + 1e-9:
        raise ConfigError(f"{name} is the mean of a phase factor, so its modulus cannot exceed 1, not {size!r}")
    return size


def choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """Return `value` if it is one of the allowed texts, or raise :class:`ConfigError` with the nearest one.

    >>> choice("plane", "x", ("x", "y"))
    'x'
    """
    options = list(allowed)
    if isinstance(value, str) and value in options:
        return value
    hint = nearest(str(value).lower(), options) or nearest(str(value), options)
    raise ConfigError(f"Unknown {name} {value!r}.{hint} Allowed: {', '.join(options[:60])}.")
