"""Laser modulation as one kick: the idealised modulator of closed forms and of fast ring models."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.elements.base import ByField, ByMap, Element, element, param
from ssmb.errors import LatticeError
from ssmb.maps.laser_kick import laser_kick
from ssmb.maps.op import Op
from ssmb.maps.roles import Light, Wave
from ssmb.quantity import LIGHT

_GROUP = "SSMB_laser"


@element("SSMB_ThinLaser")
class ThinLaser(Element):
    """One kick ``delta += A(x, y) sin(k z + phase)`` with its Panofsky-Wenzel partners; no undulator, no length of its
    own.

    ``A = (amplitude + gradient u) exp(-(x^2 + y^2)/waist^2)``, u = y or x by ``laser_orientation``. A gradient alone is
    an angular modulation: with ``laser_phase`` = 1/4 it kicks the angle by ``gradient/k sin(k z)``, slope t = gradient
    over z. For an undulator with its slip, focusing and thick laser use a Wiggler with an SSMB_laser group.
    """

    laser_on: bool = param(True, unit="", key=f"{_GROUP}.on", doc="false: the light is switched off")
    laser_wavelength: float = param(
        0.0,
        unit="m",
        key=f"{_GROUP}.wavelength",
        minimum=0.0,
        open_minimum=True,
        doc="wavelength of the light",
        plausible=LIGHT,
    )
    laser_phase: float = param(0.0, unit="2pi", key=f"{_GROUP}.phase", doc="phase at z = 0; 0: the head gains")
    laser_orientation: str = param(
        "Y", unit="", key=f"{_GROUP}.orientation", choices=("X", "Y"), doc="coordinate of the gradient"
    )
    amplitude: float = param(0.0, unit="1", key=f"{_GROUP}.amplitude", doc="peak change of delta on axis")
    gradient: float = param(0.0, unit="1/m", key=f"{_GROUP}.gradient", doc="change of the amplitude per x or y")
    waist: float = param(
        0.0, unit="m", key=f"{_GROUP}.waist", minimum=0.0, doc="w0 of the profile exp(-r^2/w0^2); 0: a wide beam"
    )

    def check(self) -> None:
        if self.waist and self.waist < self.laser_wavelength:
            raise LatticeError(f"{self.label()}: a waist of {self.waist:g} m is below the wavelength; 0 is a wide beam")

    def ops(self, ref: Reference) -> tuple[Op, ...]:
        if not (self.laser_on and (self.amplitude or self.gradient)):
            return ()
        k = 2.0 * math.pi / self.laser_wavelength
        turn = 2.0 * math.pi * self.laser_phase
        b = 1.0 / (self.waist * self.waist) if self.waist else 0.0
        line = (self.amplitude, 0.0, self.gradient, 0.0, 0.0, 0.0, 0.0, 0.0)
        flat = (1.0, *(0.0,) * 7)
        profile = (*line, *flat) if self.laser_orientation == "X" else (*flat, *line)
        # the kernel adds an energy over P0 c, whose share in delta is 1/beta of it
        g = (ref.beta * math.cos(turn), ref.beta * math.sin(turn))
        place = (1.0 / k, 1.0 / (self.laser_wavelength * ref.beta), ref.beta, *(0.0,) * 7)
        return (Op(laser_kick, (*g, b, 0.0, 0.0, *place, *profile)),)

    def light(self) -> Light:
        return Light(self.laser_wavelength, self.laser_on)

    def wave(self, ref: Reference) -> Wave | None:
        if not self.laser_on or not self.amplitude or self.gradient:
            return None
        b = 1.0 / (self.waist * self.waist) if self.waist else 0.0
        volts = self.amplitude * ref.beta * ref.p0c / abs(ref.charge_number)
        return Wave(volts, self.laser_wavelength * ref.beta, self.laser_phase, b)

    def with_light(self, *, on: bool | None = None, power: float | None = None) -> ThinLaser:
        """A thin laser has an amplitude and no power: only the switch can be changed."""
        if power is not None:
            raise LatticeError(f"{self.label()}: a thin laser has an amplitude, and no power that could be changed")
        return self if on is None else replace(self, laser_on=on)

    @classmethod
    def by_hand(cls, ref: Reference) -> list[ByField | ByMap]:
        k = 2.0 * math.pi / 1064e-9

        def kick(amplitude: float, gradient: float, phase: float, axis: str) -> ByMap:
            # the potential (A + g u)/k cos(k z + phase): an energy modulation and, by Panofsky and Wenzel, its angle
            def at(x, px, y, py, z, delta):
                u, turn = (x if axis == "X" else y), k * z + 2.0 * math.pi * phase
                angle = -gradient / k * np.cos(turn)
                px, py = (px + angle, py) if axis == "X" else (px, py + angle)
                return x, px, y, py, z, delta + (amplitude + gradient * u) * np.sin(turn)

            made = cls(
                name="light", laser_wavelength=1064e-9, amplitude=amplitude, gradient=gradient, laser_phase=phase,
                laser_orientation=axis,
            )  # fmt: skip
            # the light gives energy, of which delta has the share 1/beta of a particle: to 1/gamma^2
            return ByMap(made, at, rtol=1e-4)

        return [kick(4e-4, 0.0, 0.0, "Y"), kick(1e-4, 0.12, 0.25, "Y"), kick(-1e-4, -0.3, 0.1, "X")]

    @classmethod
    def examples(cls) -> list[Any]:
        return [
            cls(name="wide", laser_wavelength=1064e-9, amplitude=4e-4),
            cls(name="spot", laser_wavelength=1064e-9, amplitude=1e-3, waist=5e-4, laser_phase=0.1),
            cls(name="angular", laser_wavelength=1064e-9, gradient=1.2e-1, laser_phase=0.25),
            cls(
                name="tilted", laser_wavelength=515e-9, amplitude=1e-4, gradient=-0.3, laser_orientation="X", waist=2e-3
            ),
            cls(name="dark", laser_wavelength=1064e-9, amplitude=1e-3, laser_on=False),
        ]
