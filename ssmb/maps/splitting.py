"""Symplectic integrators of magnets: drift-kick-drift and matrix-kick-matrix steps of order 2, 4 and 6.

A step is one scalar map; a magnet is an opening flight, ``n - 1`` steps that end with a merged flight, and a last step.
Merging the flights of neighbouring steps saves a quarter of the work and changes nothing but rounding.

References
----------
H. Yoshida, Phys. Lett. A 150, 262 (1990), doi:10.1016/0375-9601(90)90092-3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import Kernel, kernel
from ssmb.maps.flight import drift_exact, drift_expanded, free_flight, paraxial_flight
from ssmb.maps.op import Op

_CUBE = 2.0 ** (1.0 / 3.0)
_W4 = (1.0 / (2.0 - _CUBE), -_CUBE / (2.0 - _CUBE), 1.0 / (2.0 - _CUBE))
_A1, _A2, _A3 = -1.17767998417887, 0.235573213359357, 0.784513610477560  # Yoshida's solution A
_W6 = (_A3, _A2, _A1, 1.0 - 2.0 * (_A1 + _A2 + _A3), _A1, _A2, _A3)

#: order -> weights of the leapfrog steps that are composed
WEIGHTS: dict[int, tuple[float, ...]] = {2: (1.0,), 4: _W4, 6: _W6}


def _negated_lengths(p: tuple[float, ...]) -> tuple[float, ...]:
    return (-p[0], -p[1], *p[2:])


def drift_kick_steps(
    name: str, kick: Any, n_kick: int, drifts: tuple[str, ...] = ("exact", "expanded")
) -> dict[tuple[int, str], Kernel]:
    """Register the step kernels of a kick for every order and the given kinds of drift.

    ``kick(x, y, delta, l, q)`` returns the changes of px, py, z over the length ``l``; ``q`` are its ``n_kick``
    numbers. A step takes ``p = (h, l_end, *q)``: kicks and flights of a step of length h, whose last flight has length
    l_end. Its inverse begins with that flight, and is a kernel of its own.
    """
    made = {}
    for order in WEIGHTS:
        for drift in drifts:
            cheap = drift == "expanded"
            flight = paraxial_flight if cheap else free_flight
            step = _step(order, kick, flight, flight_last=True)
            back = _step(order, kick, flight, flight_last=False)
            forward = kernel(f"{name}_{drift}_{order}", 2 + n_kick, twice=cheap, invert=_negated_lengths)(step)
            backward = kernel(f"{name}_{drift}_{order}_inverse", 2 + n_kick, twice=cheap, invert=_negated_lengths)(back)
            forward.partner, backward.partner = backward, forward
            made[order, drift] = forward
    return made


def _step(order: int, kick: Any, flight: Any, flight_last: bool) -> Any:
    """Kicks and inner flights of one composed step, with one more flight of length p[1] after or before it."""
    inner = _INNER[order](kick, flight)
    rest = 1.0 - WEIGHTS[order][0]  # the inner flights are this fraction of the step

    if flight_last:

        @scalar
        def step(x, px, y, py, z, delta, rpp, dbeta, p):
            x, px, y, py, z = inner(x, px, y, py, z, delta, rpp, p[0], p[2:])
            x, y, z = flight(x, px, y, py, z, rpp, p[1])
            return x, px, y, py, z + (rest * p[0] + p[1]) * dbeta, delta

        return step

    @scalar
    def step_back(x, px, y, py, z, delta, rpp, dbeta, p):
        x, y, z = flight(x, px, y, py, z, rpp, p[1])
        x, px, y, py, z = inner(x, px, y, py, z, delta, rpp, p[0], p[2:])
        return x, px, y, py, z + (rest * p[0] + p[1]) * dbeta, delta

    return step_back


def _inner_2(kick: Any, flight: Any) -> Any:
    @scalar
    def inner(x, px, y, py, z, delta, rpp, h, q):
        a, b, c = kick(x, y, delta, h, q)
        return x, px + a, y, py + b, z + c

    return inner


def _inner_4(kick: Any, flight: Any) -> Any:
    w1, w2 = _W4[0], _W4[1]
    d2 = 0.5 * (w1 + w2)

    @scalar
    def inner(x, px, y, py, z, delta, rpp, h, q):
        k1, k2, l2 = w1 * h, w2 * h, d2 * h
        a, b, c = kick(x, y, delta, k1, q)
        px, py, z = px + a, py + b, z + c
        x, y, z = flight(x, px, y, py, z, rpp, l2)
        a, b, c = kick(x, y, delta, k2, q)
        px, py, z = px + a, py + b, z + c
        x, y, z = flight(x, px, y, py, z, rpp, l2)
        a, b, c = kick(x, y, delta, k1, q)
        return x, px + a, y, py + b, z + c

    return inner


def _inner_6(kick: Any, flight: Any) -> Any:
    w3, w2, w1, w0 = _W6[:4]

    @scalar
    def inner(x, px, y, py, z, delta, rpp, h, q):
        for k, d in (
            (w3, 0.5 * (w3 + w2)),
            (w2, 0.5 * (w2 + w1)),
            (w1, 0.5 * (w1 + w0)),
            (w0, 0.5 * (w0 + w1)),
            (w1, 0.5 * (w1 + w2)),
            (w2, 0.5 * (w2 + w3)),
        ):
            a, b, c = kick(x, y, delta, k * h, q)
            px, py, z = px + a, py + b, z + c
            x, y, z = flight(x, px, y, py, z, rpp, d * h)
        a, b, c = kick(x, y, delta, w3 * h, q)
        return x, px + a, y, py + b, z + c

    return inner


_INNER: dict[int, Callable[[Any, Any], Any]] = {2: _inner_2, 4: _inner_4, 6: _inner_6}


def drift_kick_ops(
    steps: dict[tuple[int, str], Kernel], order: int, drift: str, length: float, slices: int, q: tuple[float, ...]
) -> tuple[Op, ...]:
    """Pack a magnet of ``slices`` steps: opening flight, steps with merged flights, last step."""
    h = length / slices
    edge = 0.5 * WEIGHTS[order][0] * h
    step = steps[order, drift]
    flight = drift_exact if drift == "exact" else drift_expanded
    ops = [Op(flight, (edge,)), Op(step, (h, edge, *q))]
    if slices > 1:
        ops.insert(1, Op(step, (h, 2.0 * edge, *q), slices - 1))
    return tuple(ops)
