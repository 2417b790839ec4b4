"""Transverse modes of a bunch: reference values, a one-turn matrix of rings and slices, two particles kick by kick."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ssmb.collective import (
    Inductance,
    TransverseResonator,
    head_tail_modes,
    mode_coupling_threshold,
    two_particle_growth,
    two_particle_strength,
)
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning
from tests.collective.stored import reference_inputs, stored
from tests.support import assert_close, assert_reference

INPUTS = reference_inputs("tmci_threshold_p")
BEAM = stored(INPUTS)
HEAD_TAIL = ["tmci_growth_1.3_p", "tmci_growth_1.8_p", "head_tail_4.0_p", "head_tail_1.5_p", "head_tail_positive_p"]


RESONATOR = TransverseResonator(INPUTS["R_t"], INPUTS["Q"], INPUTS["f_r"])


@pytest.mark.parametrize("identifier", HEAD_TAIL)
def test_growth(identifier: str) -> None:
    inputs = reference_inputs(identifier)
    got = head_tail_modes(BEAM, RESONATOR, inputs["charge"], beta=inputs["beta"], chromaticity=inputs["chromaticity"])
    assert_reference(identifier, got.fastest)


def test_threshold() -> None:
    got = mode_coupling_threshold(BEAM, RESONATOR, beta=INPUTS["beta"], growth=INPUTS["growth"])
    assert_reference("tmci_threshold_p", got)


def circulant(charge: float, chromaticity: float, rings: int = 5, slices: int = 16) -> Any:
    """Eigenvalues of the one-turn matrix of (x, beta p) of cells on rings, kicked by the wake once a turn."""
    edges = np.sqrt(-2.0 * np.log(1.0 - np.arange(rings) / rings))
    middle = np.sqrt(-2.0 * np.log(1.0 - (np.arange(rings) + 0.5) / rings))
    assert (middle > edges).all()
    phase = 2.0 * np.pi * np.arange(slices) / slices
    z = (BEAM.sigma_z * middle[:, None] * np.cos(phase)).ravel()
    delta = (BEAM.sigma_delta * middle[:, None] * np.sin(phase)).ravel()
    n, beta = z.size, INPUTS["beta"]
    kick = np.eye(2 * n)
    kick[n:, :n] = beta * charge / (n * BEAM.energy) * RESONATOR.wake(z[None, :] - z[:, None])
    # a step of one slice takes 1/(nu_s slices) turns; over fewer turns the rows turn by a Fourier shift
    m = np.fft.fftfreq(slices, 1.0 / slices)
    turn = np.fft.ifft(np.exp(-2j * np.pi * BEAM.tune * m)[:, None] * np.fft.fft(np.eye(slices), axis=0), axis=0).real
    mixed = np.kron(np.eye(rings), turn)
    mu = 2.0 * np.pi * (INPUTS["tune"] + chromaticity * delta)
    c, s = np.diag(np.cos(mu)), np.diag(np.sin(mu))
    rotate = np.block([[c, s], [-s, c]])
    return np.linalg.eigvals(np.kron(np.eye(2), mixed) @ rotate @ kick)


@pytest.mark.parametrize(("charge", "chromaticity"), [(1.255e-10, 0.0), (2.788e-11, -4.0), (6e-11, -1.0)])
def test_against_rings_and_slices(charge: float, chromaticity: float) -> None:
    values = circulant(charge, chromaticity)
    fastest = values[np.argmax(np.abs(values))]
    got = head_tail_modes(BEAM, RESONATOR, charge, beta=INPUTS["beta"], chromaticity=chromaticity)
    assert_close(got.fastest, math.log(abs(fastest)), rtol=0.05, atol=0.0, what="growth")
    tune = abs(np.angle(fastest)) / (2.0 * np.pi)
    assert_close(got.shift[0], tune - INPUTS["tune"], rtol=0.05, atol=0.1 * BEAM.tune, what="tune shift")


def test_no_charge_and_the_other_sign_of_the_slip() -> None:
    quiet = head_tail_modes(BEAM, RESONATOR, 0.0, beta=10.0)
    assert_close(quiet.growth, 0.0, rtol=0.0, atol=1e-12)
    assert_close(np.unique(np.round(quiet.shift / BEAM.tune, 9)), np.arange(-6.0, 7.0), rtol=0.0, atol=1e-8)
    below = stored(INPUTS | {"eta": -INPUTS["eta"]})
    for chromaticity in (-1.5, 1.5):
        here = head_tail_modes(BEAM, RESONATOR, 2.8e-11, beta=10.0, chromaticity=chromaticity)
        there = head_tail_modes(below, RESONATOR, 2.8e-11, beta=10.0, chromaticity=-chromaticity)
        assert_close(here.growth, there.growth, rtol=1e-9, atol=1e-12)
    assert list(quiet.table()) == ["growth", "shift"]


def test_where_it_ends() -> None:
    with pytest.warns(ValidityWarning, match="the modes hold up to 4 tunes"):
        head_tail_modes(BEAM, RESONATOR, 1e-8, beta=10.0)
    with pytest.raises(PhysicsError, match=r"no mode grows by 0\.01 a turn"):
        mode_coupling_threshold(BEAM, lambda k: -1j + 0.0 * k, beta=10.0, growth=1e-2)
    with pytest.raises(ConfigError, match="impedance must be transverse; 'inductance' is longitudinal"):
        head_tail_modes(BEAM, Inductance(1e-9), 1e-11, beta=10.0)
    with pytest.raises(ConfigError, match="rings"):
        head_tail_modes(BEAM, RESONATOR, 1e-11, beta=10.0, rings=0)


def test_two_particles() -> None:
    for name in ("two_particle_p", "two_particle_p_above"):
        inputs = reference_inputs(name)
        assert_reference(name, two_particle_growth(inputs["upsilon"], inputs["nu_s"]))


@pytest.mark.parametrize("strength", [1.0, 2.5])
def test_two_particles_kick_by_kick(strength: float) -> None:
    """Two halves of a bunch for 20 synchrotron periods of 200 turns, the one behind kicked by the other."""
    nu, beta, tune = 0.005, 10.0, 0.31
    wake_over_energy = strength * 4.0 * nu / (beta * 0.5)  # Q W/E
    half = stored(INPUTS)
    assert_close(
        two_particle_strength(half, wake_over_energy * half.energy, 1.0, beta=beta), strength, rtol=1e-12, atol=0.0
    )
    turn = np.exp(-2j * np.pi * tune)
    a = np.array([1.0 + 0.0j, 0.3])  # x + i beta p
    sizes = []
    for n in range(4000):
        leads = (n // 100) % 2
        a[1 - leads] += 1j * beta * 0.5 * wake_over_energy * a[leads].real
        a *= turn
        if n % 200 == 199:
            sizes.append(np.abs(a).max())
    rate = np.polyfit(200.0 * np.arange(10, 20), np.log(sizes[10:]), 1)[0]
    assert_close(rate, two_particle_growth(strength, nu), rtol=0.05, atol=2e-5, what="growth per turn")
