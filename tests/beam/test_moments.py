"""Moments, emittances, histograms: against brute force, and invariant where physics says so."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy.linalg import expm

from ssmb.beam import (
    Beam,
    Reference,
    current_profile,
    eigen_emittances,
    histogram,
    mean,
    moments,
    projected_emittances,
    sigma_matrix,
)
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.errors import ConfigError, PhysicsError, StatisticsWarning
from tests.support import assert_close

REF = Reference(250e6)
S = np.kron(np.eye(3), np.array([[0.0, 1.0], [-1.0, 0.0]]))


def weighted_beam(n: int = 300) -> Beam:
    rng = np.random.default_rng(8)
    rows = rng.normal(size=(6, n)) * np.array([1e-3, 1e-4, 2e-4, 3e-5, 5e-9, 1e-3])[:, None]
    rows[4] += 0.7  # nanometres, far from z = 0
    state = np.zeros(n, dtype=int)
    state[::7] = 1
    rows[:, state == 1] = 0.9
    return Beam(REF, rows, weight=rng.uniform(0.0, 2.0, n), state=state)


def symplectic(seed: int) -> np.ndarray:
    h = np.random.default_rng(seed).normal(size=(6, 6))
    return expm(S @ (h + h.T) * 0.3)


def test_against_fifty_digits():
    beam = weighted_beam()
    alive = beam.alive
    with mpmath.workdps(50):
        w = [mpmath.mpf(float(v)) for v in beam.weight[alive]]
        rows = [[mpmath.mpf(float(v)) for v in row] for row in beam.coordinates[:, alive]]
        total = mpmath.fsum(w)
        centre = [mpmath.fdot(w, row) / total for row in rows]
        want = np.array(
            [
                [
                    float(
                        mpmath.fsum(c * (a - centre[i]) * (b - centre[j]) for c, a, b in zip(w, r, q, strict=True))
                        / total
                    )
                    for j, q in enumerate(rows)
                ]
                for i, r in enumerate(rows)
            ]
        )
    rms = np.sqrt(np.diag(want))
    # a place of 0.7 m resolves 1e-16 m, that is 2e-8 of 5 nm, but its errors average out
    assert_close(sigma_matrix(beam) / np.outer(rms, rms), want / np.outer(rms, rms), rtol=0.0, atol=1e-12)
    assert_close(mean(beam), np.array([float(c) for c in centre]), rtol=1e-14, atol=1e-20)


def test_equal_weights_agree_with_numpy():
    beam = Beam(REF, weighted_beam().coordinates[:, 1:7])
    with pytest.warns(StatisticsWarning, match="6 particles are uncertain by 29%"):
        got = sigma_matrix(beam)
    want = np.cov(beam.coordinates, bias=True)
    rms = np.sqrt(np.diag(want))
    assert_close(got / np.outer(rms, rms), want / np.outer(rms, rms), rtol=0.0, atol=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_eigen_emittances_are_invariant_and_projected_ones_grow(seed):
    emittances = np.array([3e-8, 2e-9, 1e-11])
    sigma = np.diag(np.repeat(emittances, 2))
    m = symplectic(seed)
    assert_close(m.T @ S @ m, S, rtol=0.0, atol=1e-12)
    moved = m @ sigma @ m.T
    moved = 0.5 * (moved + moved.T)
    # the smallest one is 3000 times below the largest: rounding of the large entries limits it
    scale = np.abs(m).max() ** 2 * 1e-14
    assert_close(eigen_emittances(moved), emittances, rtol=0.0, atol=float(scale * emittances[0]))
    assert projected_emittances(moved).sum() > emittances.sum()


def test_eigen_emittances_in_unlike_units_and_of_flat_beams():
    sigma = np.diag([1e-2, 1e-14, 1e-12, 1e-12, 1e-4, 1e-8])
    assert_close(eigen_emittances(sigma), np.array([1e-6, 1e-8, 1e-12]), rtol=1e-9, atol=0.0)
    assert_close(projected_emittances(sigma), np.array([1e-8, 1e-12, 1e-6]), rtol=1e-14, atol=0.0)
    for flat in ([1e-8, 1e-8, 0, 0, 1e-6, 1e-8], [1e-8, 1e-8, 1e-9, 0, 0, 0], [0.0] * 6):
        got = eigen_emittances(np.diag(flat))
        want = np.sort(projected_emittances(np.diag(flat)))[::-1]
        assert_close(got, want, rtol=1e-12, atol=1e-30)


def test_moments_bring_everything():
    beam = weighted_beam()
    found = moments(beam)
    assert np.array_equal(found.sigma, sigma_matrix(beam)) and np.array_equal(found.mean, mean(beam))
    assert found.alive == int(beam.alive.sum()) and found.charge == beam.charge
    assert_close(found.rms**2, np.diag(found.sigma), rtol=1e-15, atol=0.0)
    assert_close(found.emittances[0], projected_emittances(beam)[0], rtol=0.0, atol=0.0)
    assert_close(found.eigen_emittances, eigen_emittances(beam), rtol=0.0, atol=0.0)


def test_histogram_holds_the_charge():
    beam = weighted_beam(2000)
    found = histogram(beam, "delta", bins=20)
    assert_close(found.charge.sum(), beam.charge, rtol=1e-12, atol=0.0)
    assert found.edges.size == 21 and found.centres.size == 20
    part = histogram(beam, "delta", bins=[0.0, 1.0])
    chosen = beam.alive & (beam.delta >= 0.0)
    assert_close(part.charge[0], beam.select(chosen).charge, rtol=1e-12, atol=0.0)
    assert histogram(beam, "x", bins=4, span=(-1.0, 1.0)).edges.tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]


def test_current_of_a_uniform_slice():
    beam = Beam.coasting(REF, np.zeros((6, 6)), wavelength=1e-6, n_wavelengths=10, n=10_000, charge=5e-15)
    found = current_profile(beam, bins=10, span=(-5e-6, 5e-6))
    assert_close(found.current, 5e-15 * REF.beta * SPEED_OF_LIGHT / 1e-5, rtol=1e-9, atol=0.0)
    assert_close(found.z[[0, -1]], np.array([-4.5e-6, 4.5e-6]), rtol=1e-12, atol=0.0)


def test_too_few_per_bin_is_said():
    with pytest.warns(StatisticsWarning, match="use fewer bins"):
        histogram(weighted_beam(), "z", bins=1000)


def test_beam_of_one_place_has_a_histogram():
    beam = Beam(REF, np.zeros((6, 20)))
    assert_close(histogram(beam, "z", bins=1).charge.sum(), beam.charge, rtol=1e-15, atol=0.0)


@pytest.mark.parametrize(
    "call",
    [mean, moments, histogram, sigma_matrix, current_profile, eigen_emittances],
)
def test_nothing_alive_is_a_physics_error(call):
    for beam in (Beam(REF, np.zeros((6, 3)), state=1), Beam(REF, np.zeros((6, 3)), 0.0), Beam(REF, np.zeros((6, 0)))):
        with pytest.raises(PhysicsError, match="no moments"):
            call(beam)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"coordinate": "detla"}, "Did you mean 'delta'"),
        ({"bins": 0}, "bins"),
        ({"bins": 2.5}, "bins"),
        ({"bins": [1.0, 0.0]}, "rising"),
        ({"bins": "auto"}, "bins"),
        ({"span": (1.0, 0.0)}, "span"),
        ({"span": (0.0, np.inf)}, "span"),
        ({"span": 3.0}, "span"),
    ],
)
def test_wrong_bins_are_explained(arguments, words):
    with pytest.raises(ConfigError, match=words):
        histogram(weighted_beam(), **({"coordinate": "z", "bins": 10} | arguments))
