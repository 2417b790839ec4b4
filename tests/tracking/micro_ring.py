"""A ring of one modulator and one matrix: the standard map in laboratory units, with damping and noise if wanted."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ssmb.beam import Reference
from ssmb.buckets import MicroBucket
from ssmb.elements import Marker
from ssmb.elements.linear_map import LinearMap
from ssmb.elements.wiggler import Wiggler
from ssmb.lattice import Lattice

REFERENCE = Reference(400e6)
LIGHT, CIRCUMFERENCE, SLIP = 1064e-9, 100.0, 1e-6
_PERIOD, _PERIODS = 0.1, 4
#: K of the resonance at LIGHT
_K = math.sqrt(2.0 * (2.0 * REFERENCE.gamma**2 * LIGHT / _PERIOD - 1.0))
#: amplitude of the kick at 1 W, for the thin modulator without light elsewhere
_LASER: dict[str, Any] = {
    "laser_wavelength": LIGHT,
    "laser_rayleigh_length": 1.0,
    "laser_model": "THIN",
}


def wiggler(power: float, **changes: Any) -> Wiggler:
    """The modulator."""
    shape: dict[str, Any] = {"name": "U", "periods": float(_PERIODS), "period_length": _PERIOD, "K": _K}
    return Wiggler(**(shape | _LASER | {"laser_power": power} | changes))


def amplitude_of(power: float) -> float:
    """A of one passage on axis, from the kick itself at a quarter of a wavelength."""
    line = Lattice.from_elements([wiggler(power)], REFERENCE)
    c = np.zeros((6, 1))
    c[4] = 0.25 * LIGHT * REFERENCE.beta
    from ssmb.lattice.program import compile_elements

    moved, _ = compile_elements(line.elements, REFERENCE).propagate(c)
    return float(moved[5, 0])


def power_for(amplitude: float) -> float:
    """Power whose kick is A sin(k z)."""
    return (amplitude / amplitude_of(1e3)) ** 2 * 1e3


def ring(amplitude: float, damping: float = 0.0, spread: float = 0.0, slip: float = SLIP, **changes: Any) -> Lattice:
    """The ring; it begins right behind half of the slip, so that ``m`` (its first element) is half a turn from the
    kick.

    Parameters
    ----------
    amplitude : A of the modulator [1].
    damping : amplitude damping decrement of (z, delta) per turn [1].
    spread : rms of a random change of delta per turn [1].
    """
    own = 2.0 * _PERIODS * LIGHT  # R56 of the wiggler
    whole, length = np.eye(6), 0.5 * (CIRCUMFERENCE - _PERIODS * _PERIOD)
    whole[4, 5] = 0.5 * (-slip * CIRCUMFERENCE - own)
    rows = tuple(tuple(r) for r in whole.tolist())
    noise = np.zeros((6, 6))
    noise[5, 5] = spread**2
    extra: dict[str, Any] = {"damping": (0.0, 0.0, damping)} if damping else {}
    if spread:
        extra["diffusion"] = tuple(tuple(r) for r in noise.tolist())
    return Lattice.from_elements(
        [
            LinearMap(name="in", length=length, matrix=rows),
            wiggler(power_for(amplitude), **changes),
            LinearMap(name="out", length=length, matrix=rows, **extra),
            Marker(name="m"),
        ],
        REFERENCE,
        periodic=True,
    )


def bucket(amplitude: float, slip: float = SLIP) -> MicroBucket:
    """The bucket of the ring; its length is beta times the wavelength of the light."""
    return MicroBucket(LIGHT * REFERENCE.beta, slip, CIRCUMFERENCE, amplitude)
