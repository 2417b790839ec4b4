"""What elements say about themselves to those that do not know their classes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Light:
    """Light of a laser on an element, switched on or off.

    Attributes
    ----------
    wavelength : [m].
    on : whether it is switched on.
    power : instantaneous power that travels with the electrons [W]; 0 where the strength of a kick is given instead.
    x, y : its axis in the middle of the element [m].
    """

    wavelength: float
    on: bool = True
    power: float = 0.0
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True)
class Cavity:
    """Oscillating voltage of an element.

    Attributes
    ----------
    voltage : peak voltage, with its sign [V]; its size times the charge is the most energy that it gives.
    frequency : [Hz]; 0 where it is a harmonic of a ring that the element does not know.
    """

    voltage: float
    frequency: float = 0.0


@dataclass(frozen=True)
class Wave:
    """What a wave gives to a particle in one kick: V Im[exp(i (k z + phase)) exp(-r^2/w^2)] of energy over charge.

    Attributes
    ----------
    voltage : V [V].
    wavelength : in z, 2 pi/k [m]: beta times that in vacuum.
    phase : at z = 0 [2 pi]; 0: the head gains, for V > 0.
    inverse_waist2 : 1/w^2 [1/m^2]; 0 for a wave that is the same all over the beam.
    power : that travels with the beam [W]; 0 where the element does not know it.
    """

    voltage: float
    wavelength: float
    phase: float = 0.0
    inverse_waist2: float = 0.0
    power: float = 0.0
