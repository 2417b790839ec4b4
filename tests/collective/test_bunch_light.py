"""Light of a bunch: the sum of its slices, the middle of a train, the energy of a Gaussian bunch, nothing behind."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.collective import BunchLight, OwnLight
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT, VACUUM_IMPEDANCE
from ssmb.errors import ConfigError, ValidityWarning
from ssmb.light import coherent_energy
from ssmb.light.angular import lobe_integral
from ssmb.light.coherent import size_parameter
from ssmb.maps.undulator import Undulator
from ssmb.tracking.stations import Place
from tests.support import assert_close

REF, LIGHT, HERE = Reference(250e6), 1064e-9, Place(0, "m", 0.0)
MLS = Undulator.resonant(REF, LIGHT, period=0.125, n_periods=32)
SIGMA = 2e-4


def made(window: tuple[float, float], slices: int, **changes: Any) -> BunchLight:
    given: dict[str, Any] = {
        "at": "m", "wavelength": REF.beta * LIGHT, "sigma_x": SIGMA, "sigma_y": SIGMA, "period": MLS.period,
        "periods": MLS.n_periods, "deflection": MLS.k, "window": window, "slices": slices,
    }  # fmt: skip
    return BunchLight(**(given | changes))


def bunched(density: Any, buckets: np.ndarray, charge: float, bunching: float = 0.3) -> Beam:
    """Round beam on Gauss nodes; in each bucket two particles that have this bunching."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(9)
    half = math.acos(bunching) / (2.0 * math.pi)
    x, y, n, side = (a.ravel() for a in np.meshgrid(nodes, nodes, buckets, [-half, half], indexing="ij"))
    share = (weights[:, None] * weights)[:, :, None, None] * density(buckets * LIGHT)[:, None] * np.ones(2)
    z = (n + side) * REF.beta * LIGHT
    rows = np.stack([SIGMA * x, 0.0 * x, SIGMA * y, 0.0 * x, z, 0.0 * x])
    return Beam(REF, rows, share.ravel() / share.sum() * charge / ELEMENTARY_CHARGE)


def total_of(effect: Any, beam: Beam) -> np.ndarray:
    return effect.total(effect.sums(beam, {}))


@pytest.mark.parametrize("detuning", [1.0, 1.004])
@pytest.mark.parametrize("slices", [5, 64, 300])
def test_slices_add_up_to_the_impedance(slices: int, detuning: float) -> None:
    effect = made((-170e-6, 170e-6), slices, wavelength=REF.beta * LIGHT * detuning, order=4)
    assert_close(effect.wake(REF).sum(axis=0), effect.impedance(REF), rtol=1e-9, atol=1e-6, what="impedance [ohm]")


def test_middle_of_a_train_is_the_train() -> None:
    """Beyond a slippage from the tail the kick is that of an infinite train; at the tail nothing has come yet."""
    buckets = np.arange(-128, 128)
    beam = bunched(np.ones_like, buckets, 1e-9)
    length = buckets.size * REF.beta * LIGHT
    effect = made((-0.5 * length - 0.5 * LIGHT, 0.5 * length - 0.5 * LIGHT), 64)
    train = OwnLight(
        **{f.name: getattr(effect, f.name) for f in dataclasses.fields(OwnLight) if hasattr(effect, f.name)}
        | {"current": 1e-9 * SPEED_OF_LIGHT * REF.beta / length, "name": "own_light"}
    )
    a, b = beam.copy(), beam.copy()
    effect.kick(a, total_of(effect, beam), {}, 0, HERE)
    train.kick(b, total_of(train, beam), {}, 0, HERE)
    ahead, tail = beam.z > -0.5 * length + 1.1 * MLS.slippage, beam.z < -0.5 * length + 4.0 * LIGHT
    size = float(np.abs(b.delta).max())
    assert_close(a.delta[ahead], b.delta[ahead], rtol=0.0, atol=1e-6 * size, what="delta")
    assert_close(a.px[ahead], b.px[ahead], rtol=0.0, atol=1e-6 * float(np.abs(b.px).max()), what="px")
    assert np.abs(a.delta[tail]).max() < 0.3 * size


def test_energy_of_a_gaussian_bunch() -> None:
    """Against the closed form of the far field with slippage, for a bunch as long as the slippage."""
    sigma_z, charge, long = 100e-6, 5e-12, Undulator.resonant(REF, LIGHT, period=0.125, n_periods=150)
    beam = bunched(lambda z: np.exp(-0.5 * (z / sigma_z) ** 2), np.arange(-412, 413), charge)
    half = 412.5 * REF.beta * LIGHT
    effect = made((-half, half), 165, order=6, periods=150)
    lost = effect.mean_loss(total_of(effect, beam), REF, HERE) * charge
    factor = lobe_integral(
        np.array([size_parameter(long, SIGMA)]), slip=long.slippage / (2.0 * sigma_z)
    )[0] * 2.0 / math.pi  # fmt: skip
    ohms = math.pi * VACUUM_IMPEDANCE * 150 * long.coupling(1) * factor
    want = ohms * (0.3 * charge) ** 2 * SPEED_OF_LIGHT / (2.0 * math.sqrt(math.pi) * sigma_z)
    assert_close(lost, want, rtol=5e-4, atol=0.0, what="energy [J]")
    # the exact field of one electron in 150 periods has 1.2 % less: terms of order 1/N
    exact = coherent_energy(long, charge=charge, sigma_z=sigma_z, bunching=0.3, sigma_perp=SIGMA)
    assert_close(lost, exact, rtol=0.02, atol=0.0, what="energy by the exact field [J]")


def test_light_runs_ahead() -> None:
    """One bucket with charge: those behind it feel nothing, nor do those beyond the slippage."""
    buckets = np.arange(-60, 60)
    beam = bunched(lambda z: np.where(np.abs(z) < 0.5 * LIGHT, 1.0, 0.0), buckets, 1e-10)
    effect = made((-64e-6, 64e-6), 120)
    after = beam.copy()
    effect.kick(after, total_of(effect, beam), {}, 0, HERE)
    felt = np.abs(after.delta - beam.delta)
    assert felt[beam.z < -1.5 * LIGHT].max() == 0.0
    assert felt[beam.z > MLS.slippage + 3.0 * LIGHT].max() < 1e-9 * felt.max()
    assert felt[(beam.z > 5.0 * LIGHT) & (beam.z < 25.0 * LIGHT)].max() > 0.01 * felt.max()


def test_what_is_wrong_is_told() -> None:
    beam = bunched(np.ones_like, np.arange(-20, 20), 1e-12)
    with pytest.raises(ConfigError, match="shorter than a wavelength, 1.06e-06 m: take at most 9 slices"):
        made((-5e-6, 5e-6), 40).wake(REF)
    with pytest.raises(ConfigError, match="lowest z, highest z"):
        made((5e-6, -5e-6), 4)
    short = made((-5e-6, 5e-6), 4)
    with pytest.warns(ValidityWarning, match="of the charge lies outside of the window"):
        short.kick(beam, total_of(short, beam), {}, 0, HERE)
