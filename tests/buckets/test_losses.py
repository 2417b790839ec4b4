"""Bunching losses: groups of terms against maps made by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ssmb.beam import Beam, Reference, bunching_factor, gaussian_bunching
from ssmb.buckets.losses import LOSS_TERMS, bunching_losses
from ssmb.dynamics.taylor import TaylorMap
from ssmb.errors import ConfigError, PhysicsError
from tests.support import assert_close

LASER = 1e-6
R56 = -2e-4


def section(terms: dict[tuple[int, ...], float], order: int = 4) -> TaylorMap:
    """A map whose z is z + R56 delta and these terms."""
    full = {(0, 0, 0, 0, 1, 0): 1.0, (0, 0, 0, 0, 0, 1): R56} | terms
    coefficients = np.zeros((6, len(full)))
    coefficients[4] = list(full.values())
    return TaylorMap(order, np.zeros(6), np.array(list(full)), coefficients)


def modulated(n: int = 2**13) -> Beam:
    sigma = np.diag(np.array([3e-4, 3e-5, 1e-4, 2e-5, 0.0, 1e-4]) ** 2)
    beam = Beam.coasting(Reference(250e6), sigma, wavelength=LASER, n_wavelengths=1, n=n, charge=1e-12, seed=3)
    beam.coordinates[5] += 1.4e-3 * np.sin(2.0 * np.pi * beam.z / LASER)
    return beam


def test_every_term_to_fourth_order_has_one_name() -> None:
    powers = [e for e in itertools.product(range(5), repeat=6) if 2 <= sum(e) <= 4]
    powers += [tuple(int(i == j) for j in range(6)) for i in range(4)]
    found = bunching_losses(section(dict.fromkeys(powers, 1e-9)), modulated(64), LASER)
    assert found.terms == LOSS_TERMS
    for e in ((0, 0, 0, 0, 2, 0), (1, 0, 0, 0, 1, 0), (0, 0, 0, 0, 0, 4)):
        assert bunching_losses(section({e: 1.0}), modulated(64), LASER).terms == ("higher orders",)


def test_whole_map_is_what_the_map_does_to_particles() -> None:
    terms = {(1, 0, 0, 0, 0, 0): 1e-4, (1, 1, 0, 0, 0, 0): 5.0, (0, 0, 0, 0, 0, 3): 60.0, (1, 0, 0, 0, 0, 1): -0.3}
    turn, beam = section(terms), modulated()
    found = bunching_losses(turn, beam, LASER)
    direct = bunching_factor(turn.apply(beam.coordinates)[4], LASER)
    assert_close(found.whole, direct, rtol=0.0, atol=1e-12, what="b of the whole map")
    assert found.terms == ("dispersion", "third-order slip", "second-order dispersion", "horizontal path length")
    # one group alone, and all but one, are the maps with these terms
    alone = bunching_losses(section({(0, 0, 0, 0, 0, 3): 60.0}), beam, LASER)
    assert_close(found.alone[1], alone.whole, rtol=0.0, atol=1e-12, what="third-order slip alone")
    without = bunching_losses(section({k: v for k, v in terms.items() if k[5] != 3}), beam, LASER)
    assert_close(found.without[1], without.whole, rtol=0.0, atol=1e-12, what="without third-order slip")
    assert_close(found.linear, bunching_factor(beam.z + R56 * beam.delta, LASER), rtol=0.0, atol=1e-12)
    assert "third-order slip" in found.table() and f"{abs(found.whole):.4f}" in found.table()


def test_dispersion_is_a_gaussian_smear() -> None:
    found = bunching_losses(section({(1, 0, 0, 0, 0, 0): 3e-4}), modulated(2**16), LASER)
    assert_close(found.rms[0], 9e-8, rtol=1e-3, atol=0.0, what="rms path [m]")
    want = abs(found.linear) * gaussian_bunching(9e-8, LASER)
    assert_close(abs(found.whole), want, rtol=2e-3, atol=0.0, what="|b|")


def test_lost_particles_do_not_count() -> None:
    beam = modulated()
    spoiled = Beam(
        beam.reference,
        np.concatenate([beam.coordinates, np.full((6, 100), 1e-7)], axis=1),
        np.concatenate([beam.weight, np.ones(100)]),
        state=np.concatenate([np.zeros(len(beam), int), np.ones(100, int)]),
    )
    turn = section({(2, 0, 0, 0, 0, 0): 0.5})
    got, want = (bunching_losses(turn, b, LASER) for b in (spoiled, beam))
    assert_close(got.whole, want.whole, rtol=0.0, atol=1e-12, what="b")
    assert_close(got.rms, want.rms, rtol=1e-9, atol=0.0, what="rms")


def test_errors() -> None:
    with pytest.raises(ConfigError, match="wavelength"):
        bunching_losses(section({}), modulated(64), 0.0)
    with pytest.raises(PhysicsError, match="does not depend on z"):
        bunching_losses(section({(0, 0, 0, 0, 1, 0): 0.0}), modulated(64), LASER)
