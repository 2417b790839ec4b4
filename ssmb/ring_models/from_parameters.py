"""A ring model of numbers: for rings that exist only as a table of parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ssmb.arguments import checked
from ssmb.beam.reference import Reference
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.dynamics.linear import symplectic_form
from ssmb.elements import Element
from ssmb.elements.linear_map import LinearMap
from ssmb.elements.lumped_radiation import LumpedRadiation
from ssmb.elements.thin_chicane import ThinChicane
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import ConfigError, PhysicsError
from ssmb.lattice.tree import Lattice
from ssmb.ranges import finite, not_negative, positive

_FORM = symplectic_form(4)


@checked
@dataclass(frozen=True)
class RingParameters:
    """The numbers of a ring with one laser modulator; transverse ones are in the middle of the modulator.

    Parameters
    ----------
    circumference : C [m].
    slip_factor : eta = alpha_c - 1/gamma^2 [1] of the whole ring, the R56 of the modulator included.
    slip_factor2, slip_factor3 : coefficients of delta^2 and delta^3 [1].
    tunes : horizontal and vertical tune [2 pi].
    beta : horizontal and vertical beta function [m].
    alpha : horizontal and vertical alpha [1].
    dispersion : horizontal dispersion and its slope [m, 1].
    emittances : horizontal and vertical rms emittance in equilibrium [m].
    sigma_delta : rms momentum spread in equilibrium, coasting [1].
    damping_times : amplitude damping times of x, y and z [s]; or give ``energy_loss``.
    energy_loss : energy loss per turn [eV], with ``partition_numbers``: 1/tau = J U0/(2 E T0).
    partition_numbers : J of x, y and z [1].
    local_slip : rms over the bends of the slip from the point of emission to the modulator, dz/d delta [m]. Photons
        shift z by it at once, which makes a floor of sigma_delta * local_slip to the bunch length; 0: left out.

    Raises
    ------
    ConfigError
        A number outside its range, or both or neither of damping_times and energy_loss.
    PhysicsError
        A tune on an integer or half integer, or no damping.
    """

    circumference: float
    slip_factor: float
    slip_factor2: float = 0.0
    slip_factor3: float = 0.0
    tunes: tuple[float, float] = (0.23, 0.31)
    beta: tuple[float, float] = (5.0, 5.0)
    alpha: tuple[float, float] = (0.0, 0.0)
    dispersion: tuple[float, float] = (0.0, 0.0)
    emittances: tuple[float, float] = (0.0, 0.0)
    sigma_delta: float = 0.0
    damping_times: tuple[float, float, float] | None = None
    energy_loss: float = 0.0
    partition_numbers: tuple[float, float, float] = (1.0, 1.0, 2.0)
    local_slip: float = 0.0

    def __post_init__(self) -> None:
        positive("circumference", self.circumference, "m")
        not_negative("sigma_delta", self.sigma_delta)
        not_negative("local_slip", self.local_slip, "m")
        not_negative("energy_loss", self.energy_loss, "eV")
        for name, size in (
            ("tunes", 2),
            ("beta", 2),
            ("alpha", 2),
            ("dispersion", 2),
            ("emittances", 2),
            ("partition_numbers", 3),
        ):
            _numbers(name, getattr(self, name), size)
        for name in ("slip_factor", "slip_factor2", "slip_factor3"):
            finite(name, getattr(self, name))
        for plane, beta, emittance, tune in zip("xy", self.beta, self.emittances, self.tunes, strict=True):
            positive(f"beta_{plane}", beta, "m")
            not_negative(f"emittance_{plane}", emittance, "m")
            if abs(math.sin(2.0 * math.pi * tune)) < 1e-6:
                raise PhysicsError(
                    f"the motion in {plane} is unstable: its tune {tune:g} is an integer or half integer"
                )
        if self.damping_times is not None:
            _numbers("damping_times", self.damping_times, 3)
        if (self.damping_times is not None) == (self.energy_loss > 0.0):
            raise ConfigError("give either damping_times [s] or energy_loss [eV] > 0, not both")

    def damping(self, reference: Reference) -> tuple[float, float, float]:
        """Amplitude damping decrements per turn of x, y and z [1]."""
        if self.damping_times is not None:
            period = self.circumference / (reference.beta * SPEED_OF_LIGHT)
            rates = [period / time if time > 0.0 else -1.0 for time in self.damping_times]
        else:
            rates = [0.5 * j * self.energy_loss / reference.energy for j in self.partition_numbers]
        for mode, rate in zip("xyz", rates, strict=True):
            if not 0.0 < rate < 0.1:
                raise PhysicsError(
                    f"mode {mode} has the damping decrement {rate:.3g} per turn; a lumped ring needs 0 < decrement < "
                    f"0.1: "
                    "check damping_times, energy_loss and partition_numbers"
                )
        return rates[0], rates[1], rates[2]


@checked
def ring_model_from_parameters(
    parameters: RingParameters, modulator: Wiggler, reference: Reference, *, name: str = "ring"
) -> Lattice:
    """Return the ring model of a table of parameters: laser kick, slip, one-turn matrix, damping and diffusion.

    The lost energy is taken to come back where it is lost. The equilibrium without laser has the given emittances and
    momentum spread exactly; with the laser on, the micro-bucket makes its own.

    Parameters
    ----------
    parameters : the ring.
    modulator : Wiggler with its laser; it acts as one kick in its middle.
    reference : particle and energy.

    Raises
    ------
    ConfigError, PhysicsError
        As for :class:`RingParameters`; or the modulator has no laser, or is longer than the ring.

    Examples
    --------
    >>> light = {"laser_wavelength": 1064e-9, "laser_power": 1e6, "laser_rayleigh_length": 0.54}
    >>> modulator = Wiggler(name="U", periods=30.0, period_length=0.05, K=7.08, **light)
    >>> ring = RingParameters(circumference=100.0, slip_factor=1e-6, sigma_delta=3.4e-4, energy_loss=2264.6)
    >>> [e.kind for e in ring_model_from_parameters(ring, modulator, Reference(400e6))]
    ['Wiggler', 'SSMB_LinearMap', 'SSMB_LumpedRadiation']
    """
    if not isinstance(modulator, Element) or modulator.light() is None:
        raise ConfigError("modulator must be an element with a laser, such as a Wiggler with a laser_wavelength")
    if modulator.length >= parameters.circumference:
        raise ConfigError(f"the modulator of {modulator.length:g} m does not fit into {parameters.circumference:g} m")
    p, decouple = parameters, _dispersion_out(parameters)
    row: list[Element] = [replace(modulator.apart()[1], name=modulator.name or "modulator")]
    if p.slip_factor2 or p.slip_factor3:
        t566, u5666 = -p.slip_factor2 * p.circumference, -p.slip_factor3 * p.circumference
        row.append(ThinChicane(name="slip", t566=t566, u5666=u5666))
    rest = p.circumference - modulator.length
    row.append(LinearMap(name="turn", length=rest, matrix=_rows(decouple @ _uncoupled(p) @ np.linalg.inv(decouple))))
    damping, noise = _radiation(p, reference)
    damping, noise = decouple @ damping @ np.linalg.inv(decouple), decouple @ noise @ decouple.T
    row.append(LumpedRadiation(name="radiation", damping=_rows(damping), diffusion=_rows(noise)))
    return Lattice.from_elements(row, reference, name=name, periodic=True)


def _numbers(name: str, values: Sequence[float], size: int) -> None:
    if isinstance(values, (str, bytes)) or not hasattr(values, "__len__") or len(values) != size:
        raise ConfigError(f"{name} must be {size} numbers, got {values!r}")
    for value in values:
        finite(name, value)


def _dispersion_out(p: RingParameters) -> np.ndarray:
    """Symplectic matrix from coordinates without dispersion to those with."""
    d = np.array([*p.dispersion, 0.0, 0.0])
    out = np.eye(6)
    out[:4, 5] = d
    out[4, :4] = d @ _FORM
    return out


def _uncoupled(p: RingParameters) -> np.ndarray:
    """One-turn matrix of betatron motion and slip."""
    out = np.eye(6)
    for i, (tune, beta, alpha) in enumerate(zip(p.tunes, p.beta, p.alpha, strict=True)):
        c, s = math.cos(2.0 * math.pi * tune), math.sin(2.0 * math.pi * tune)
        out[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [
            [c + alpha * s, beta * s],
            [-(1.0 + alpha**2) / beta * s, c - alpha * s],
        ]
    out[4, 5] = -p.slip_factor * p.circumference
    return out


def _radiation(p: RingParameters, reference: Reference) -> tuple[np.ndarray, np.ndarray]:
    """Damping minus 1, and the covariance that holds the equilibrium against it, without dispersion.

    Momentum shrinks twice as fast as amplitudes do, and z does not: in a bound oscillation both share.
    """
    a_x, a_y, a_z = p.damping(reference)
    damping = -np.diag([a_x, a_x, a_y, a_y, 0.0, 2.0 * a_z])
    noise = np.zeros((6, 6))
    for i, (a, beta, alpha, emittance) in enumerate(zip((a_x, a_y), p.beta, p.alpha, p.emittances, strict=True)):
        ellipse = np.array([[beta, -alpha], [-alpha, (1.0 + alpha**2) / beta]])
        noise[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = a * (2.0 - a) * emittance * ellipse
    noise[5, 5] = 4.0 * a_z * (1.0 - a_z) * p.sigma_delta**2
    noise[4, 4] = noise[5, 5] * p.local_slip**2
    return damping, noise


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
