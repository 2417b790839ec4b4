"""The envelope of a beam that feels itself, against closed forms of lens and noise and against tracking."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.collective import BunchImpedance, Inductance, TrainImpedance, self_consistent_equilibrium
from ssmb.collective.effect import Effect
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.dynamics import equilibrium
from ssmb.elements import Bend, RFCavity
from ssmb.errors import ConfigError, PhysicsError
from ssmb.lattice import Lattice
from ssmb.tracking.stations import Place
from tests.support import assert_close

REFERENCE = Reference(2e8)


@cache
def ring() -> Lattice:
    half = Bend(name="b", length=2.0, angle=math.pi / 2, Kn1=-0.3)
    cavity = RFCavity(name="rf", voltage=1e5, harmon=4, zero_phase="ABOVE_TRANSITION")
    return Lattice.from_elements([half] * 4 + [cavity], REFERENCE, periodic=True)


def test_without_charge_it_is_the_equilibrium() -> None:
    wake = BunchImpedance(at="rf", impedance=Inductance(0.0), window=(-0.3, 0.3))
    found, want = self_consistent_equilibrium(ring(), [wake]), equilibrium(ring())
    assert found.names == want.names
    assert_close(found.sigma, want.sigma, rtol=1e-12, atol=0.0)


def test_an_inductance_against_the_mean_slope_of_its_closed_form() -> None:
    """dE(z) = Q c^2 L lambda'(z): over a Gaussian its mean slope is -Q c^2 L/(4 sqrt(pi) sigma^3).

    The wake takes from the focusing of the cavity, and sigma_z^2 goes as one over the focusing (small tune).
    """
    electrons, inductance = 1e10, 2e-7
    wake = BunchImpedance(at="rf", impedance=Inductance(inductance), window=(-0.3, 0.3), bins=1001)
    alone = equilibrium(ring())
    found = self_consistent_equilibrium(ring(), [wake], electrons=electrons, particles=32768)
    sigma = float(found.sigma_z[-1])
    q = electrons * ELEMENTARY_CHARGE
    slope = -q * SPEED_OF_LIGHT**2 * inductance / (4.0 * math.sqrt(math.pi) * sigma**3) / REFERENCE.energy
    # without the wake: the cavity's own slope from the tune and the slip of the turn
    cosine = math.cos(2.0 * math.pi * float(alone.tunes[2]))
    from_wake = slope / _slope_of_cavity()
    shift = math.acos(1.0 - (1.0 - cosine) * (1.0 + from_wake)) / (2.0 * math.pi)
    assert sigma > 1.05 * float(alone.sigma_z[-1])
    assert_close(float(found.tunes[2]), shift, rtol=2e-3, atol=0.0, what="synchrotron tune")


def _slope_of_cavity() -> float:
    """d delta/dz of the cavity: V omega/(beta c) cos(phi_s)/E, above 0 above transition, where the head gains."""
    loss = equilibrium(ring()).energy_loss
    omega = 2.0 * math.pi * 4 / (ring().length / (REFERENCE.beta * SPEED_OF_LIGHT))
    return math.sqrt(1e5**2 - loss**2) * omega / (REFERENCE.beta * SPEED_OF_LIGHT) / REFERENCE.energy


class Noise(Effect):
    """Noise of the energy that grows with the charge of nothing: a given rms kick in each pass."""

    rms: float = 1e-5

    def diffusion(self, sigma: np.ndarray, reference: Reference, here: Place) -> np.ndarray | None:
        grown = np.zeros((6, 6))
        grown[5, 5] = here.share * 1e-5**2
        return grown

    def sums(self, beam: Beam, state: dict[str, np.ndarray]) -> np.ndarray:
        return np.zeros((1, 1))

    def kick(self, beam: Beam, total: Any, state: Any, turn: int, here: Place) -> None:
        return None


def test_noise_of_an_effect_is_balanced_by_damping() -> None:
    """A random kick at the cavity, where the dispersion is H: sigma_delta^2 grows by kick^2/(4 alpha_z)."""
    alone, noise = equilibrium(ring()), Noise(at="rf")
    found = self_consistent_equilibrium(ring(), [noise])
    period = ring().length / (REFERENCE.beta * SPEED_OF_LIGHT)
    alpha = period / float(alone.damping_times[2])
    want = float(alone.sigma_delta[0]) ** 2 + 1e-5**2 / (4.0 * alpha)
    assert_close(float(found.sigma_delta[0]) ** 2, want, rtol=3e-2, atol=0.0)
    assert found.emittances[0] > alone.emittances[0]


class Constant:
    """An impedance of any sign, the same at all wave numbers."""

    def __init__(self, ohm: complex) -> None:
        self.ohm = ohm

    def __call__(self, k: np.ndarray) -> np.ndarray:
        return np.full(np.shape(k), self.ohm)


def test_a_train_impedance_in_the_middle_of_a_bunch() -> None:
    """Kick -2 I Re[Z b e^{ikz}] of a Gaussian: mean slope 2 I k |b|^2 Im Z/E, focusing above transition for Im Z > 0 as
    a space charge has it.
    """
    wavelength, current = 1.0, 0.5
    z = Constant(200j)
    effect = TrainImpedance(at="rf", impedance=z, wavelength=wavelength, current=current)
    alone, found = equilibrium(ring()), self_consistent_equilibrium(ring(), [effect])
    k, sigma = 2.0 * math.pi / wavelength, float(found.sigma_z[-1])
    b2 = math.exp(-((k * sigma) ** 2))
    slope = 2.0 * current * k * b2 * 200.0 / REFERENCE.energy
    cosine = math.cos(2.0 * math.pi * float(alone.tunes[2]))
    want = math.acos(1.0 - (1.0 - cosine) * (1.0 + slope / _slope_of_cavity())) / (2.0 * math.pi)
    assert abs(want / float(alone.tunes[2]) - 1.0) > 1e-3
    assert_close(float(found.tunes[2]) - float(alone.tunes[2]), want - float(alone.tunes[2]), rtol=2e-2, atol=0.0)


def test_no_balance_and_wrong_arguments() -> None:
    for ohm in (1e8j, 1e12j, -1e12j):
        strong = TrainImpedance(at="rf", impedance=Constant(ohm), wavelength=1.0, current=1.0)
        with pytest.raises(PhysicsError, match="lower the current|no balance"):
            self_consistent_equilibrium(ring(), [strong])
    with pytest.raises(ConfigError, match="electrons"):
        self_consistent_equilibrium(ring(), [], electrons=-1.0)
