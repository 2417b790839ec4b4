"""Optimisers: the modulation and the dispersion that bunch most, and the least modulation that bunches enough.

In units of the spread, A = amplitude/sigma_delta and B = k r56 sigma_delta. A single stage has ``J_n(n A B) exp(-(n B)^2/2)``:
more modulation is always better, and for each A there is one best B. Of an echo (n, m) the second modulation enters only
with the second section, so that its bunching depends on A1 alone, ``max_Z J_n(A1 Z) exp(-Z^2/2) max J_m``, and A2 decides how
strong the sections are: ``B1 = j'_m/A2`` about.

References
----------
L. H. Yu, Phys. Rev. A 44, 5178 (1991), doi:10.1103/PhysRevA.44.5178.
D. Xiang, G. Stupakov, Phys. Rev. ST Accel. Beams 12, 030702 (2009), doi:10.1103/PhysRevSTAB.12.030702.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import optimize, special

from ssmb.beam.reference import Reference
from ssmb.errors import ConfigError, PhysicsError
from ssmb.ranges import count, positive
from ssmb.schemes.eehg import EchoEnabled
from ssmb.schemes.kicked import bessel_peak
from ssmb.schemes.single_stage import SingleStage

#: modulations A that are searched, in units of the spread
_LEAST, _MOST = 1e-3, 1e5
#: corrections of the leading echo by the others; each gains half a digit or more
_SIDE_STEPS = 60


def optimise_single_stage(
    reference: Reference,
    wavelength: float,
    sigma_delta: float,
    harmonic: int,
    *,
    most_amplitude: float,
    most_r56: float = math.inf,
) -> SingleStage:
    """Return the single stage with the largest |b_n| within the limits.

    Parameters
    ----------
    reference : reference particle.
    wavelength : laser wavelength [m].
    sigma_delta : rms momentum spread [1].
    harmonic : n [1].
    most_amplitude : largest peak relative modulation [1].
    most_r56 : largest dispersive section [m].

    Examples
    --------
    >>> best = optimise_single_stage(Reference(1.5e9), 266e-9, 1.5e-4, 5, most_amplitude=9e-4)
    >>> round(best.bunching(5), 4), round(best.r56 * 1e6, 2)
    (0.2197, 56.14)
    """
    a = positive("most_amplitude", most_amplitude)
    start = SingleStage(reference, wavelength, 1.0, a, sigma_delta)
    best = start.with_best_r56(harmonic)
    if best.r56 <= positive("most_r56", min(most_r56, 1e300), "m"):
        return best
    # the limit of r56 binds: the argument of J_n stays below its best value, so that the modulation is the largest too
    return replace(best, r56=most_r56, r56_incoming=None)


def least_single_stage(
    reference: Reference, wavelength: float, sigma_delta: float, harmonic: int, bunching: float
) -> SingleStage:
    """Return the single stage of the least modulation that reaches |b_n|.

    Raises
    ------
    PhysicsError
        If |b_n| is above the peak of J_n, which no modulation passes.

    Examples
    --------
    >>> found = least_single_stage(Reference(1.5e9), 266e-9, 1.5e-4, 5, 0.2)
    >>> round(found.bunching(5), 6), round(found.amplitude / found.sigma_delta, 2)
    (0.2, 5.5)
    """
    n, wanted = count("harmonic", harmonic), positive("bunching", bunching)
    _below(wanted, bessel_peak(n), f"a single stage has at most the peak of J_{n}")

    def made(log_a: float) -> SingleStage:
        return SingleStage(reference, wavelength, 1.0, math.exp(log_a) * sigma_delta, sigma_delta).with_best_r56(n)

    return made(_first(lambda v: made(v).bunching(n) - wanted, wanted))


def echo_envelope(order: int, a1: float) -> float:
    """Return ``max_Z |J_n(A1 Z)| exp(-Z^2/2)``, what the first stage of an echo leaves [1].

    Parameters
    ----------
    order : |n| [1].
    a1 : A1 = amplitude_1/sigma_delta [1].

    Examples
    --------
    >>> round(echo_envelope(1, 3.0), 4)
    0.4943
    """
    n, a1 = count("order", order), positive("a1", a1)
    top = float(special.jnp_zeros(n, 1)[0]) / a1
    found: Any = optimize.minimize_scalar(
        lambda z: -special.jv(n, a1 * z) * math.exp(-0.5 * z * z), bounds=(0.0, top), method="bounded",
        options={"xatol": 1e-12 * top},
    )  # fmt: skip
    return float(-found.fun)


def optimise_echo(
    reference: Reference,
    wavelength: float,
    sigma_delta: float,
    harmonic: int,
    *,
    a1: float,
    a2: float,
    order: int = -1,
    wavelength_ratio: int = 1,
) -> EchoEnabled:
    """Return the echo with the largest |b| at a harmonic, all echoes that meet there included.

    Parameters
    ----------
    reference, wavelength, sigma_delta : see :class:`EchoEnabled`.
    harmonic : harmonic of the first laser, n + kappa m [1].
    a1, a2 : modulations in units of the spread [1].
    order : n of the leading echo, -1 is the strongest [1].
    wavelength_ratio : kappa [1].

    Raises
    ------
    ConfigError
        If no m belongs to this harmonic.

    Notes
    -----
    The best sections of the leading echo alone are the start; the sum of all is then maximised over both sections.

    Examples
    --------
    >>> best = optimise_echo(Reference(1.2e9), 266e-9, 1.25e-4, 24, a1=3.0, a2=3.0)
    >>> round(best.bunching(24), 4)
    0.112
    """
    a, kappa = count("harmonic", harmonic), count("wavelength_ratio", wavelength_ratio)
    if (a - order) % kappa or (a - order) // kappa < 1:
        raise ConfigError(
            f"harmonic {a} is not n + kappa m with n = {order}, kappa = {kappa} and m >= 1; "
            f"take n = {a % kappa - kappa if a % kappa else -kappa}, or another harmonic"
        )
    start = EchoEnabled.from_dimensionless(
        reference, wavelength, sigma_delta, a1, a2, 1.0, 1.0, wavelength_ratio=kappa
    ).with_best_dispersions(order, (a - order) // kappa)

    def at(scale: np.ndarray) -> EchoEnabled:
        return replace(start, r56_1=start.r56_1 * scale[0], r56_2=start.r56_2 * scale[1])

    found: Any = optimize.minimize(
        lambda v: -at(v).bunching(a),
        np.ones(2),
        method="Nelder-Mead",
        options={"initial_simplex": 1.0 + 2e-3 * np.array([[0, 0], [1, 0], [0, 1]]), "xatol": 1e-9, "fatol": 1e-13},
    )
    best = at(found.x)
    return best if best.bunching(a) > start.bunching(a) else start


def least_echo(
    reference: Reference,
    wavelength: float,
    sigma_delta: float,
    harmonic: int,
    bunching: float,
    *,
    a2_over_a1: float = 1.0,
) -> EchoEnabled:
    """Return the echo (-1, n + 1) of the least first modulation that reaches |b_n|.

    Parameters
    ----------
    a2_over_a1 : second over first modulation [1]; it does not change the bunching, but a smaller one asks for stronger
        dispersive sections.
    reference, wavelength, sigma_delta, harmonic : see :func:`optimise_echo`.
    bunching : wanted |b_n| [1].

    Raises
    ------
    PhysicsError
        If |b_n| is above 0.5819 of the peak of J_(n+1), which no modulation passes.
    """
    n, wanted = count("harmonic", harmonic), positive("bunching", bunching)
    ratio, peak = positive("a2_over_a1", a2_over_a1), bessel_peak(n + 1)
    ceiling, leading = bessel_peak(1) * peak, wanted
    for _ in range(_SIDE_STEPS):
        # what the other echoes take or give is made up for by the leading one
        _below(leading, ceiling, f"an echo has at most the peak of J_1 times that of J_{n + 1}")
        goal = leading
        a1 = math.exp(_first(lambda v, b=goal: echo_envelope(1, math.exp(v)) * peak - b, goal))
        start = EchoEnabled.from_dimensionless(reference, wavelength, sigma_delta, a1, ratio * a1, 1.0, 1.0)
        made = start.with_best_dispersions(-1, n + 1)
        reached = made.bunching(n)
        if abs(reached / wanted - 1.0) < 1e-9:
            break
        leading *= wanted / reached
    return made


def _below(wanted: float, ceiling: float, words: str) -> None:
    if wanted >= ceiling:
        raise PhysicsError(f"{words} = {ceiling:.5g}, not {wanted:.5g}; ask for less bunching or a lower harmonic")


def _first(excess: Callable[[float], float], wanted: float) -> float:
    """Log of the least A at which the excess over the wanted bunching is zero; it grows with A."""
    low, high = math.log(_LEAST), math.log(_MOST)
    if excess(high) < 0.0:
        raise PhysicsError(
            f"|b| = {wanted:.5g} needs a modulation above {_MOST:g} times the spread: so near to the limit"
        )
    return float(optimize.root_scalar(excess, bracket=(low, high), method="brentq", xtol=1e-12).root)
