"""A point bunch with a cavity: reference values, a sum over the wakes of all turns before, the second limit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ssmb.collective import Resonator, robinson_first_order, robinson_motion
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.errors import ConfigError, ValidityWarning
from tests.collective.stored import reference_inputs, stored
from tests.support import assert_close, assert_reference, reference_values

KINDS = ("", "_weak", "_unstable")


def cavity_of(inputs: dict[str, Any]) -> Resonator:
    return Resonator(inputs["R_s"], inputs["Q"], inputs["f_r"])


@pytest.mark.parametrize("kind", KINDS)
def test_reference_values(kind: str) -> None:
    inputs = reference_inputs(f"robinson_growth_p{kind}")
    got = robinson_motion(stored(inputs, sigma_delta=5e-4), cavity_of(inputs), inputs["current"])
    assert_reference(f"robinson_growth_p{kind}", got.growth)
    assert_reference(f"robinson_tune_p{kind}", got.tune)


@pytest.mark.filterwarnings("ignore:robinson_first_order")
@pytest.mark.parametrize("kind", KINDS)
def test_the_first_order(kind: str) -> None:
    inputs = reference_inputs(f"robinson_growth_p{kind}")
    got = robinson_first_order(stored(inputs, sigma_delta=5e-4), cavity_of(inputs), inputs["current"])
    want = reference_values()[f"robinson_growth_p{kind}"]["second_way"]["formula"]
    assert_close(got, want, rtol=1e-5, atol=0.0)


def test_the_first_order_says_where_it_ends() -> None:
    inputs = reference_inputs("robinson_growth_p")
    with pytest.warns(ValidityWarning, match="but the exact growth is -0.000438"):
        robinson_first_order(stored(inputs, sigma_delta=5e-4), cavity_of(inputs), 0.1)
    with pytest.raises(ConfigError, match="a quality of at least 1"):
        robinson_motion(stored(inputs, sigma_delta=5e-4), Resonator(1e3, 0.6, 5e8), 0.1)


@pytest.mark.parametrize("kind", ["", "_unstable"])
def test_against_the_wakes_of_all_turns_before(kind: str) -> None:
    """Kick by kick, the wake of a resonator by its closed form, its static loss put back."""
    inputs = reference_inputs(f"robinson_growth_p{kind}")
    beam, cavity = stored(inputs, sigma_delta=5e-4), cavity_of(inputs)
    omega = 2.0 * math.pi * cavity.frequency
    decay = 0.5 * omega / cavity.quality
    ringing = math.sqrt(omega**2 - decay**2)

    def wake(s: np.ndarray) -> np.ndarray:
        t = s / SPEED_OF_LIGHT
        wave = np.cos(ringing * t) - decay / ringing * np.sin(ringing * t)
        return 2.0 * decay * cavity.shunt_impedance * np.exp(-decay * t) * wave

    memory, turns = 1800, 3000
    behind = beam.circumference * np.arange(1, memory + 1)
    at_rest = float(wake(behind).sum())
    charge = inputs["current"] * beam.circumference / SPEED_OF_LIGHT
    z, delta, before = 1e-6, 0.0, np.zeros(memory)
    seen = np.empty(turns)
    focusing = 4.0 * math.sin(math.pi * beam.tune) ** 2 / beam.slip
    for n in range(turns):
        passed = min(n, memory)
        # before the start the bunch passed at z = 0
        field = float(wake(behind[:passed] + before[:passed] - z).sum() + wake(behind[passed:] - z).sum())
        delta += focusing * z - charge / beam.energy * (field - at_rest)
        before = np.roll(before, 1)
        before[0] = z
        z -= beam.slip * delta
        seen[n] = z
    got = robinson_motion(beam, cavity, inputs["current"])
    n = np.arange(turns)[1000:]
    zeros = np.flatnonzero(np.diff(np.sign(seen[1000:])) != 0)
    cross = zeros + seen[1000:][zeros] / (seen[1000:][zeros] - seen[1000:][zeros + 1])
    assert_close(0.5 / np.diff(cross).mean(), got.tune, rtol=1e-3, atol=0.0, what="tune")
    peaks = [i for i in range(1, n.size - 1) if abs(seen[1000 + i]) >= max(abs(seen[999 + i]), abs(seen[1001 + i]))]
    rate = np.polyfit(peaks, np.log(np.abs(seen[1000:][peaks])), 1)[0]
    assert_close(rate, got.growth, rtol=0.02, atol=0.0, what="growth")


def test_the_second_limit() -> None:
    """Where the static force of the field takes the whole focusing the bunch runs away without oscillation."""
    inputs = reference_inputs("robinson_growth_p_unstable")
    beam, cavity = stored(inputs, sigma_delta=5e-4), cavity_of(inputs)
    slow = [robinson_motion(beam, cavity, current) for current in (0.0, 0.1, 0.5, 1.5)]
    assert_close(slow[0].tune, beam.tune, rtol=1e-9, atol=0.0)
    assert_close(slow[0].growth, 0.0, rtol=0.0, atol=1e-12)
    assert slow[2].tune < slow[1].tune < slow[0].tune
    assert slow[3].tune == 0.0
    assert slow[3].growth > 1e-3
    damped = robinson_motion(stored(inputs, sigma_delta=5e-4, damping=1e-4), cavity, 0.0)
    assert_close(damped.growth, -1e-4, rtol=1e-3, atol=0.0, what="damping of the beam")
