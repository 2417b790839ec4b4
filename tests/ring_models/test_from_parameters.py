"""Rings that exist only as numbers have those numbers, and the lattice file that is made of them is up to date."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from ssmb.beam import Reference
from ssmb.buckets import MicroBucket
from ssmb.dynamics import equilibrium, optics
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import ConfigError, PhysicsError
from ssmb.lattice import load_lattice
from ssmb.ring_models import RingParameters, ring_model_from_parameters
from tests.dynamics.rings import LATTICES
from tests.support import assert_close

REFERENCE = Reference(400e6)
GENERIC = RingParameters(
    circumference=100.0,
    slip_factor=1e-6,
    tunes=(0.23, 0.31),
    beta=(5.0, 5.0),
    emittances=(2e-9, 2e-11),
    sigma_delta=3.4e-4,
    energy_loss=2264.6,
)


def modulator() -> Wiggler:
    k = math.sqrt(2.0 * (2.0 * REFERENCE.gamma**2 * 1064e-9 / 0.05 - 1.0))
    light: dict[str, Any] = {"laser_wavelength": 1064e-9, "laser_power": 1e6, "laser_rayleigh_length": 0.54}
    return Wiggler(name="MODULATOR", periods=30.0, period_length=0.05, K=k, **light)


def test_generic_ring_in_the_file() -> None:
    made = ring_model_from_parameters(GENERIC, modulator(), REFERENCE, name="SSMB_GENERIC_400MEV")
    read = load_lattice(LATTICES / "ssmb_generic_400mev.pals.yaml")
    for ours, theirs in zip(made, read, strict=True):
        for name in ours.parameters:
            a, b = getattr(ours, name), getattr(theirs, name)
            if isinstance(a, (float, tuple)) and a:
                assert_close(b, a, rtol=1e-12, atol=1e-30, what=f"{ours.name}.{name}")
            else:
                assert a == b
    amplitude = abs(complex(*read[0].ops(REFERENCE)[0].params[:2]))
    bucket = MicroBucket(1064e-9 * REFERENCE.beta, 1e-6, 100.0, amplitude)
    assert_close(amplitude, 4.2e-4, rtol=2e-3, atol=0.0, what="A")
    assert_close(bucket.k_std, 0.248, rtol=2e-3, atol=0.0, what="K_s")
    assert_close(bucket.half_height / 3.4e-4, 4.96, rtol=2e-3, atol=0.0, what="half height over sigma_delta")
    found = equilibrium(read, lasers=True)
    assert_close(found.emittances[:2], (2e-9, 2e-11), rtol=1e-5, atol=0.0)
    # the whole kick comes at once: sigma_delta right before it is larger by 1/sqrt(1 - K_s/4), that of the thin lens
    assert_close(found.sigma_delta[0], 3.4e-4 / math.sqrt(1.0 - bucket.k_std / 4.0), rtol=1e-3, atol=0.0)
    assert_close(found.damping_times[2] / found.damping_times[0], 0.5, rtol=1e-4, atol=0.0, what="J_z = 2 J_x")


def test_numbers_come_back() -> None:
    wanted = replace(
        GENERIC, alpha=(0.5, -1.2), beta=(3.0, 8.0), dispersion=(0.05, -0.01), slip_factor2=2e-4, slip_factor3=-0.1
    )
    model = ring_model_from_parameters(wanted, replace(modulator(), laser_on=False), REFERENCE)
    o = optics(model)
    assert_close((o.qx, o.qy), wanted.tunes, rtol=0.0, atol=1e-12)
    assert_close(o.beta[0], wanted.beta, rtol=1e-10, atol=0.0)
    assert_close(o.alpha[0], wanted.alpha, rtol=1e-10, atol=0.0)
    assert_close(o.dispersion[0, :2], wanted.dispersion, rtol=1e-9, atol=0.0)
    assert_close(o.slip_factor, 1e-6, rtol=1e-6, atol=0.0)
    assert_close((o.slip_factor2, o.slip_factor3), (2e-4, -0.1), rtol=1e-6, atol=0.0)
    assert_close(model.length, 100.0, rtol=1e-15, atol=0.0)


def test_local_slip_is_a_floor() -> None:
    """Photons that shift z at once add sigma_delta*F to the bunch length, in quadrature and times 2 sqrt(1/2)."""
    lengths = []
    for slip in (0.0, 2e-4):
        model = ring_model_from_parameters(replace(GENERIC, local_slip=slip), modulator(), REFERENCE)
        lengths.append(equilibrium(model, lasers=True).emittances[2])
    bucket = MicroBucket(1064e-9 * REFERENCE.beta, 1e-6, 100.0, 4.1956e-4)
    # eps = sigma_delta^2 (beta_z + <F^2>/beta_z) with beta_z where the kick acts
    ratio = 1.0 + (2e-4) ** 2 * (1.0 / bucket.beta_z_kick**2 + 0.25 * (bucket.wavenumber * 4.1956e-4) ** 2)
    assert_close(lengths[1] / lengths[0], ratio, rtol=2e-2, atol=0.0)


def test_damping_times_or_loss() -> None:
    period = 100.0 / (REFERENCE.beta * 299792458.0)
    times = tuple(2.0 * REFERENCE.energy * period / (j * 2264.6) for j in (1.0, 1.0, 2.0))
    given = replace(GENERIC, energy_loss=0.0, damping_times=times)
    assert_close(given.damping(REFERENCE), GENERIC.damping(REFERENCE), rtol=1e-12, atol=0.0)


def test_wrong_numbers() -> None:
    for wrong, error, words in (
        (lambda: replace(GENERIC, energy_loss=0.0), ConfigError, "either damping_times"),
        (lambda: replace(GENERIC, tunes=(0.5, 0.2)), PhysicsError, "x is unstable"),
        (lambda: replace(GENERIC, beta=(0.0, 1.0)), ConfigError, "beta_x"),
        (lambda: replace(GENERIC, beta=5.0), ConfigError, "beta must be 2 numbers"),  # type: ignore[arg-type]
        (lambda: replace(GENERIC, slip_factor=math.nan), ConfigError, "slip_factor"),
        (
            lambda: ring_model_from_parameters(replace(GENERIC, partition_numbers=(1, 1, -1)), modulator(), REFERENCE),
            PhysicsError,
            "mode z has the damping decrement",
        ),
        (lambda: ring_model_from_parameters(GENERIC, replace(modulator(), laser_wavelength=0.0, laser_power=0.0),
        REFERENCE),
         ConfigError, "laser_wavelength"),
        (lambda: ring_model_from_parameters(replace(GENERIC, circumference=1.0), modulator(), REFERENCE),
         ConfigError, "does not fit"),
    ):  # fmt: skip
        with pytest.raises(error, match=words):
            wrong()
