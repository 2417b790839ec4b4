"""Distributions: moments, quietness, exactness in degenerate cases, and dependence on the seed alone."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from ssmb.beam import Beam, Reference, eigen_emittances, mean, sigma_from_twiss, sigma_matrix
from ssmb.beam.bunching import bunching_factor
from ssmb.beam.distributions import cut_factor
from ssmb.beam.sigma import checked_sigma, factor, square_root
from ssmb.errors import ConfigError, PhysicsError
from tests.support import assert_close

REF = Reference(250e6)
TWISS = {
    "emit_x": 33.05e-9,
    "emit_y": 1e-10,
    "beta_x": 9.3,
    "alpha_x": 0.7,
    "beta_y": 3.1,
    "alpha_y": -1.2,
    "dispersion": (0.3, -0.05, 0.01, 0.02),
    "sigma_delta": 1.84e-4,
    "sigma_z": 4e-3,
}
SIGMA = sigma_from_twiss(**TWISS)
RMS = np.sqrt(np.diag(SIGMA))
STARTS = pytest.mark.parametrize("start", ["random", "quiet"])


def normalised(matrix: np.ndarray) -> np.ndarray:
    return matrix / np.outer(RMS, RMS)


def test_sigma_from_twiss_has_the_emittances_and_the_dispersion():
    want = np.sort([TWISS["emit_x"], TWISS["emit_y"], TWISS["sigma_delta"] * TWISS["sigma_z"]])[::-1]
    assert_close(eigen_emittances(SIGMA), want, rtol=1e-9, atol=0.0)
    assert_close(SIGMA[:4, 5] / SIGMA[5, 5], np.array(TWISS["dispersion"]), rtol=1e-12, atol=0.0)
    beta = SIGMA[:2, :2] - SIGMA[5, 5] * np.outer(TWISS["dispersion"][:2], TWISS["dispersion"][:2])
    assert_close(beta[0, 0], TWISS["emit_x"] * TWISS["beta_x"], rtol=1e-10, atol=0.0)
    assert_close(beta[0, 1], -TWISS["emit_x"] * TWISS["alpha_x"], rtol=1e-10, atol=0.0)


def test_factors_multiply_back():
    for root in (square_root(SIGMA), factor(SIGMA)):
        assert_close(normalised(root @ root.T), normalised(SIGMA), rtol=0.0, atol=1e-14)


@STARTS
def test_gaussian_moments(start):
    n = 2**14
    centre = np.array([1e-3, -2e-4, 3e-4, 1e-5, 2e-3, 1e-4])
    beam = Beam.gaussian(REF, SIGMA, n=n, charge=1e-12, seed=4, start=start, centroid=centre)
    atol = 1e-12 if start == "quiet" else 5.0 / np.sqrt(n)
    assert_close((mean(beam) - centre) / RMS, np.zeros(6), rtol=0.0, atol=atol)
    assert_close(normalised(sigma_matrix(beam)), normalised(SIGMA), rtol=0.0, atol=2.0 * atol)
    assert_close(beam.charge, 1e-12, rtol=1e-13, atol=0.0)
    assert np.ptp(beam.weight) == 0.0


@STARTS
def test_gaussian_is_gaussian(start):
    """Kurtosis and the one-dimensional distribution, not only two moments."""
    n = 2**14
    beam = Beam.gaussian(REF, SIGMA, n=n, charge=1e-12, seed=2, start=start)
    u = np.linalg.solve(square_root(SIGMA), beam.coordinates)
    assert_close((u**4).mean(axis=1), np.full(6, 3.0), rtol=0.0, atol=0.25 if start == "random" else 0.05)
    distance = max(stats.kstest(row, "norm").statistic for row in u)
    assert distance < (2.2 / np.sqrt(n) if start == "random" else 20.0 / n)


def test_quiet_start_is_quiet_and_converges_faster():
    """<cos> of one normalised coordinate, in closed form exp(-1/2): error ~ 1/n against 1/sqrt(n)."""
    errors = {}
    for start in ("random", "quiet"):
        found = []
        for seed in range(8):
            beam = Beam.gaussian(REF, np.eye(6) * 1e-8, n=4096, charge=1e-12, seed=seed, start=start)
            found.append(abs(np.cos(beam.coordinates * 1e4).mean(axis=1) - np.exp(-0.5)).max())
        errors[start] = np.mean(found)
    assert errors["quiet"] < errors["random"] / 20.0
    assert errors["quiet"] < 5.0 / 4096


@pytest.mark.parametrize("kind", ["gaussian", "waterbag", "coasting"])
@STARTS
def test_seed_alone_decides(kind, start):
    def made(seed):
        extra = {"wavelength": 1e-6, "n_wavelengths": 3} if kind == "coasting" else {}
        return getattr(Beam, kind)(REF, SIGMA, n=100, charge=1e-12, seed=seed, start=start, **extra)

    assert np.array_equal(made(1).coordinates, made(1).coordinates)
    assert not np.array_equal(made(1).x, made(2).x)
    np.random.default_rng(0).random()
    assert np.array_equal(made(1).coordinates, made(1).coordinates)


def test_random_beams_of_different_size_share_their_particles():
    small = Beam.gaussian(REF, SIGMA, n=50, charge=1e-12, seed=9)
    large = Beam.gaussian(REF, SIGMA, n=500, charge=1e-12, seed=9)
    assert np.array_equal(small.coordinates, large.coordinates[:, :50])


@STARTS
@pytest.mark.parametrize("cut", [0.005, 1.0, 3.0])
def test_cut(start, cut):
    n = 2**14
    beam = Beam.gaussian(REF, SIGMA, n=n, charge=1e-12, seed=3, start=start, cut=cut)
    u = np.linalg.solve(square_root(SIGMA), beam.coordinates)
    assert abs(u).max() <= cut * (1.0 + 1e-9)
    got, want = np.cov(u, bias=True) / cut_factor(cut), np.eye(6)
    assert_close(got, want, rtol=0.0, atol=6.0 / np.sqrt(n) if start == "random" else 3e-3)


def test_cut_factor_has_no_gap():
    assert_close(cut_factor(0.01 * (1 - 1e-9)), cut_factor(0.01 * (1 + 1e-9)), rtol=1e-8, atol=0.0)
    assert_close(cut_factor(40.0), 1.0, rtol=1e-15, atol=0.0)


@STARTS
@pytest.mark.parametrize("missing", [[2, 3], [5], [4, 5], [0, 1, 2, 3, 4, 5], [0]])
def test_missing_extent_stays_exactly_zero(start, missing):
    diagonal = np.diag(SIGMA).copy()
    diagonal[missing] = 0.0
    for make in (Beam.gaussian, Beam.waterbag):
        beam = make(REF, np.diag(diagonal), n=64, charge=1e-12, seed=1, start=start)
        for row in range(6):
            assert beam.coordinates[row].any() == (row not in missing)


def test_rank_deficient_by_full_correlation():
    """delta = h z exactly: a chirped beam without slice energy spread."""
    sigma = np.zeros((6, 6))
    sigma[4:, 4:] = 1e-6 * np.array([[1.0, 3.0], [3.0, 9.0]])
    for start in ("random", "quiet"):
        beam = Beam.gaussian(REF, sigma, n=1000, charge=1e-12, seed=1, start=start)
        assert_close(beam.delta, 3.0 * beam.z, rtol=0.0, atol=1e-15)


def test_uncoupled_planes_do_not_leak():
    sigma = np.diag(np.diag(SIGMA))
    sigma[0, 1] = sigma[1, 0] = 0.5 * RMS[0] * RMS[1]
    root = square_root(sigma)
    assert not root[:2, 2:].any() and not root[2:, :2].any()


@STARTS
def test_waterbag_fills_its_ellipsoid_evenly(start):
    n = 2**14
    beam = Beam.waterbag(REF, SIGMA, n=n, charge=1e-12, seed=6, start=start)
    u = np.linalg.solve(square_root(SIGMA), beam.coordinates)
    radius = np.sqrt((u * u).sum(axis=0) / 8.0)  # 1 at the edge, sqrt(d + 2) = sqrt(8) rms
    assert radius.max() <= 1.0 + 1e-9
    assert stats.kstest(radius**6, "uniform").statistic < (2.2 / np.sqrt(n) if start == "random" else 5e-3)
    assert_close(normalised(sigma_matrix(beam)), normalised(SIGMA), rtol=0.0, atol=5e-2 if start == "random" else 5e-3)


def test_waterbag_in_the_dimensions_it_has():
    sigma = np.diag([1e-6, 1e-8, 0.0, 0.0, 0.0, 0.0])
    beam = Beam.waterbag(REF, sigma, n=5000, charge=1e-12, seed=6)
    radius = np.sqrt((beam.x / 1e-3) ** 2 + (beam.px / 1e-4) ** 2)
    assert 1.99 < radius.max() <= 2.0 + 1e-12  # sqrt(2 + 2)


@pytest.mark.parametrize("n_wavelengths", [1, 3, 20])
def test_quiet_coasting_beam_has_no_bunching(n_wavelengths):
    wavelength, n = 1064e-9, 10_000
    beam = Beam.coasting(REF, SIGMA, wavelength=wavelength, n_wavelengths=n_wavelengths, n=n, charge=1e-12, seed=1)
    b = bunching_factor(beam, wavelength / np.arange(1, 101))
    assert abs(b).max() < 1e-12
    half = 0.5 * n_wavelengths * wavelength
    assert -half < beam.z.min() and beam.z.max() < half
    assert_close(np.diff(np.sort(beam.z)), 2.0 * half / n, rtol=1e-9, atol=0.0)
    others = [0, 1, 2, 3, 5]
    got = normalised(sigma_matrix(beam))[np.ix_(others, others)]
    assert_close(got, normalised(SIGMA)[np.ix_(others, others)], rtol=0.0, atol=1e-12)


def test_random_coasting_beam_has_shot_noise():
    found = [
        abs(
            bunching_factor(
                Beam.coasting(REF, SIGMA, wavelength=1e-6, n=400, charge=1e-12, seed=s, start="random"), 1e-6
            )
        )
        for s in range(100)
    ]
    assert_close(np.sqrt(np.mean(np.square(found))), 0.05, rtol=0.3, atol=0.0)


def test_quiet_coasting_beam_gives_closed_form_bunching_after_a_linear_section():
    """z += R56 (delta + A sin kz): b_n = J_n(n k R56 A) exp(-(n k R56 sigma)^2/2), quiet to 1e-4 (mls_pop1)."""
    from scipy.special import jv

    wavelength, r56, spread = 1064e-9, 8.038e-4, 1.842e-4
    k = 2.0 * np.pi / wavelength
    amplitude = 1.84 / (k * r56)
    sigma = np.diag([0, 0, 0, 0, 0, spread**2])
    for seed in (1, 2):
        beam = Beam.coasting(REF, sigma, wavelength=wavelength, n_wavelengths=1, n=2**17, charge=1e-12, seed=seed)
        beam.delta[:] += amplitude * np.sin(k * beam.z)
        beam.z[:] += r56 * beam.delta
        for n in range(1, 6):
            want = abs(jv(n, n * 1.84)) * np.exp(-0.5 * (n * k * r56 * spread) ** 2)
            assert_close(abs(bunching_factor(beam, wavelength / n)), want, rtol=0.0, atol=1e-4, what=f"b_{n}")


def test_from_twiss_and_matched_are_the_gaussian_of_their_sigma():
    want = Beam.gaussian(REF, SIGMA, n=20, charge=1e-12, seed=5)
    assert np.array_equal(Beam.from_twiss(REF, **TWISS, n=20, charge=1e-12, seed=5).coordinates, want.coordinates)
    several = SimpleNamespace(sigma=np.stack([np.zeros((6, 6)), SIGMA]), reference=REF)
    got = Beam.matched(several, at=1, n=20, charge=1e-12, seed=5)
    assert np.array_equal(got.coordinates, want.coordinates) and got.reference is REF
    one = SimpleNamespace(sigma=SIGMA, reference=REF)
    assert np.array_equal(Beam.matched(one, n=20, charge=1e-12, seed=5).coordinates, want.coordinates)


INDEFINITE = np.eye(6)
INDEFINITE[0, 1] = INDEFINITE[1, 0] = 1.5


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"sigma": INDEFINITE}, "indefinite"),
        ({"sigma": np.diag([1, 1, 1, 1, 1, -1.0])}, "variance of row 5 is negative"),
        ({"sigma": np.eye(6) + np.eye(6, k=1)}, "symmetric"),
        ({"sigma": np.eye(5)}, "shape"),
        ({"sigma": np.full((6, 6), np.nan)}, "finite"),
        ({"sigma": "round"}, "real numbers"),
        ({"n": 0}, "n must"),
        ({"n": 10.5}, "n must"),
        ({"charge": -1e-12}, "charge"),
        ({"charge": np.inf}, "charge"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"start": "quite"}, "Did you mean 'quiet'"),
        ({"start": "quiet", "n": 8}, "at least 16"),
        ({"centroid": [0.0]}, "centroid"),
        ({"cut": 0.0}, "cut"),
        ({"reference": 250e6}, "Reference"),
    ],
)
def test_wrong_input_is_explained(changed, words):
    given = {"reference": REF, "sigma": 1e-8 * np.eye(6), "n": 100, "charge": 1e-12} | changed
    with pytest.raises(ConfigError, match=words):
        Beam.gaussian(**given)


def test_more_wrong_input():
    with pytest.raises(ConfigError, match="fewer than two per wavelength"):
        Beam.coasting(REF, SIGMA, wavelength=1e-6, n_wavelengths=100, n=50, charge=1e-12)
    with pytest.raises(ConfigError, match="needs an object with 'sigma'"):
        Beam.matched(SIGMA, n=10, charge=1e-12)
    with pytest.raises(ConfigError, match="one of the 2 places"):
        Beam.matched(SimpleNamespace(sigma=np.zeros((2, 6, 6)), reference=REF), at=2, n=10, charge=1e-12)
    with pytest.raises(ConfigError, match="dispersion must be four"):
        sigma_from_twiss(**(TWISS | {"dispersion": (0.1,)}))
    with pytest.raises(ConfigError, match="beta_x"):
        sigma_from_twiss(**(TWISS | {"beta_x": 0.0}))
    with pytest.raises(PhysicsError, match="delta <= -1"):
        Beam.gaussian(REF, np.eye(6), n=1000, charge=1e-12)


def test_rounding_of_an_optics_code_is_forgiven():
    rough = SIGMA + 1e-12 * np.outer(RMS, RMS) * np.random.default_rng(1).uniform(-1, 1, (6, 6))
    clean = checked_sigma(rough)
    assert np.array_equal(clean, clean.T)
