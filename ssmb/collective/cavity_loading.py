"""A beam and the light of a cavity that it passes: load, steady states, and the motion of both, in closed form.

Once a pass: the field is a (|a|^2 the power of the stored light), the beam gives it a_b, then comes the round trip,

    a -> rho exp(i psi) (a + a_b) + a_in,   a_b = -(i/2) g I b,   V = g |a|,   b = <exp(-i k z)>:

this order is physics, the other one would be a delay by one pass. An electron gains V Im[(a/|a|) exp(i k z)]; what all
gain, the own field counted half, is what the light loses. theta_b = V I |b|/(2 P) is the phase by which the beam turns
the light in a pass, some hundred half widths of the resonance at an ampere: the detuning psi has to take it back. For
rigid buckets on the phase of zero loss the static restoring force is proportional to 1 - theta_b/psi: at psi = theta_b
lies the second Robinson limit, where the least power is needed to hold the light.

References
----------
P. B. Wilson, AIP Conf. Proc. 87, 450 (1982), doi:10.1063/1.33620 (beam loading).
K. W. Robinson, CEA report CEAL-1010 (1964) (both limits of stability).
"""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import numpy as np
import scipy

from ssmb.arguments import checked
from ssmb.errors import PhysicsError
from ssmb.quantity import check_quantities, quantity
from ssmb.ranges import count, positive


@checked
@dataclass(frozen=True)
class CavityLoading:
    """Light of a cavity in one mode and one colour, passed by a beam that is bunched at its wavelength."""

    voltage: float = quantity("V", "peak energy gain over charge in the stored light", minimum=0.0, open_minimum=True)
    stored_power: float = quantity("W", "power that travels with the beam, without it", minimum=0.0, open_minimum=True)
    current: float = quantity("A", "local current of the train", minimum=0.0)
    bunching: float = quantity("1", "|b| at the wavelength", minimum=0.0, maximum=1.0)
    phase: float = quantity("rad", "phase by which the bunches run behind the zero of the wave", default=0.0)
    loss: float = quantity("1", "share of the power lost in a pass", minimum=0.0, maximum=0.5, default=4e-4)
    detuning: float = quantity("rad", "phase that the light gains in a round trip, psi", default=0.0)

    def __post_init__(self) -> None:
        check_quantities(self)

    @property
    def turn(self) -> complex:
        """Factor on the field by a round trip, rho exp(i psi)."""
        return math.sqrt(1.0 - self.loss) * cmath.exp(1j * self.detuning)

    @property
    def beam_field(self) -> complex:
        """a_b over the stored field: what the beam adds in a pass [1]."""
        load = 0.5 * self.voltage * self.current * self.bunching / self.stored_power
        return -1j * load * cmath.exp(-1j * self.phase)

    @property
    def phase_per_pass(self) -> float:
        """Phase by which a pass turns the light, to first order, V I |b| cos(phase)/(2 P) [rad]."""
        return -self.beam_field.imag

    @property
    def power_per_pass(self) -> float:
        """Power that a pass adds to the light, taken from the electrons [W]."""
        return self.stored_power * (abs(1.0 + self.beam_field) ** 2 - 1.0)

    @property
    def half_width(self) -> float:
        """Detuning at which half of the power is stored, 1 - rho [rad]."""
        return 1.0 - math.sqrt(1.0 - self.loss)

    def steady(self) -> complex:
        """Field before the pass over that without beam, of bunches that stay where they are and an input that stays."""
        drive = 1.0 - self.turn
        return (drive + self.turn * self.beam_field) / drive

    def after(self, passes: int) -> complex:
        """The same so many passes after the beam has come."""
        n = count("passes", passes, 0)
        grown = self.turn * self.beam_field * (1.0 - self.turn**n) / (1.0 - self.turn)
        return 1.0 + grown

    def locked(self) -> complex:
        """The same of bunches that follow the phase of the light, at their ``phase`` behind it.

        Raises
        ------
        PhysicsError
            The input cannot hold light against this beam.
        """
        drive, load = 1.0 - self.turn, self.turn * self.beam_field

        def lacking(size: float) -> float:
            return abs(size * drive - load) - abs(drive)

        # |size drive - load| has one minimum; the stored light is on the rising side of it
        least = max((load * drive.conjugate()).real / abs(drive) ** 2, 0.0)
        if lacking(least) > 0.0:
            raise PhysicsError(
                "no light is held: the beam turns it out of resonance; set the detuning to phase_per_pass"
            )
        most = least + 1.0
        while lacking(most) < 0.0:
            most *= 2.0
        size = float(scipy.optimize.brentq(lacking, least, most, xtol=1e-15, rtol=1e-14))
        return size * drive / (size * drive - load)

    def retuned(self) -> tuple[float, float]:
        """Detuning [rad] that takes back the phase of a pass, and the power of the input that then holds the light [W].

        The power is that inside of the cavity, |a_in|^2.
        """
        there = 1.0 + self.beam_field
        drive = 1.0 - math.sqrt(1.0 - self.loss) * abs(there)
        return -cmath.phase(there), self.stored_power * drive * drive

    def growth(self, synchrotron_tune: float, passes_per_turn: int = 1) -> float:
        """Largest growth rate of light and bunches together, per turn of the ring [1]; < 0: all die out.

        Linear, about the phase of zero loss, for rigid buckets: the turn of the ring is cut into as many equal parts of
        the train as there are passes, and the matrix of the 2 + 2 M coordinates is taken to its eigenvalues. The input
        holds the light with the beam. Damping of the ring is not in it.

        Parameters
        ----------
        synchrotron_tune : of a bucket in light that does not move; slope of the wave 2 - 2 cos(2 pi nu).
        passes_per_turn : M.
        """
        parts = count("passes_per_turn", passes_per_turn, 1, 400)
        focus = 2.0 - 2.0 * math.cos(2.0 * math.pi * positive("synchrotron_tune", synchrotron_tune))
        load, turn = abs(self.beam_field), self.turn
        matrix = np.eye(2 + 2 * parts)
        for j in range(parts):
            q, p = 2 + 2 * j, 3 + 2 * j
            matrix[p] += focus * (matrix[q] + matrix[1])
            real = matrix[0] - load * matrix[q]
            matrix[0], matrix[1] = turn.real * real - turn.imag * matrix[1], turn.imag * real + turn.real * matrix[1]
            matrix[q] -= matrix[p]
        return float(np.log(np.abs(np.linalg.eigvals(matrix))).max())

    def second_limit(self) -> float:
        """Detuning below which buckets and light run away without oscillation [rad].

        A bucket that has moved by q meets light that the beam, in all passes before, has turned by
        theta_b Im[D/(1 - D)] q, D = rho exp(i psi): where this is q there is no force left. With little loss it is
        2 arctan(theta_b/2).

        Raises
        ------
        PhysicsError
            The beam is too weak for that at any detuning.
        """
        load, rho = abs(self.beam_field), math.sqrt(1.0 - self.loss)

        def force(psi: float) -> float:
            turn = rho * cmath.exp(1j * psi)
            return 1.0 - load * (turn / (1.0 - turn)).imag

        low = 0.5 * self.loss if self.loss else 1e-9
        if force(low) > 0.0:
            raise PhysicsError("this beam is too weak to turn the light over: there is no second limit")
        return float(scipy.optimize.brentq(force, low, math.pi, xtol=1e-14))

    @staticmethod
    def overlap(voltage: float, current: float, stored_power: float, coherent_power: float) -> float:
        """Share of the field that the beam radiates with b = 1 that goes into the mode, V I/(2 sqrt(P P_coh)) [1]."""
        size = positive("stored_power", stored_power, "W") * positive("coherent_power", coherent_power, "W")
        return voltage * current / (2.0 * math.sqrt(size))

    @staticmethod
    def shunt_impedance(voltage: float, input_power: float) -> float:
        """V^2/(2 P_in) [ohm]."""
        return voltage * voltage / (2.0 * positive("input_power", input_power, "W"))

    def synchronous_phase(self, loss_per_turn: float) -> float:
        """Phase at which the light replaces so much energy of an electron, arcsin(U/V) [rad].

        Raises
        ------
        PhysicsError
            The light has not that much.
        """
        if abs(loss_per_turn) > self.voltage:
            raise PhysicsError(
                f"a loss of {loss_per_turn:.6g} eV a turn is more than the light has, {self.voltage:.6g} V"
            )
        return math.asin(loss_per_turn / self.voltage)
