"""Longitudinal strong focusing: matrices, Courant-Snyder functions, stable area of the full map, modes of a lattice."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ssmb.beam import gaussian_bunching
from ssmb.buckets import LongitudinalRing, MicroBucket, Slip, ThinModulator, longitudinal_functions
from ssmb.buckets.standard_map import LINEAR_STABILITY_LIMIT
from ssmb.dynamics import equilibrium, optics
from ssmb.errors import ConfigError, PhysicsError
from tests.dynamics.rings import mls
from tests.support import assert_close

WAVELENGTH = 1064e-9
SLIP = 1e-4


def amplitude(k_std: float, slip: float = SLIP) -> float:
    return k_std * WAVELENGTH / (2 * math.pi * slip)


@pytest.mark.parametrize("k_std", [0.01, 0.5, 2.0, 3.9])
def test_one_modulator_is_the_micro_bucket(k_std: float) -> None:
    bucket = MicroBucket(WAVELENGTH, 1e-6, 100.0, amplitude(k_std))
    kick = ThinModulator(amplitude(k_std), WAVELENGTH)
    ring = LongitudinalRing((kick, Slip(-0.5 * SLIP), Slip(-0.5 * SLIP)))
    found = ring.optics()
    assert_close(ring.trace, 2 - k_std, rtol=1e-12, atol=1e-12, what="trace")
    assert_close(found.tune, bucket.tune, rtol=1e-10, atol=0.0, what="tune")
    assert_close(found.beta[0], bucket.beta_z_kick, rtol=1e-10, atol=0.0, what="beta at the kick")
    assert_close(found.beta[2], bucket.beta_z_opposite, rtol=1e-10, atol=0.0, what="beta opposite")
    assert_close(found.alpha[2], 0.0, rtol=0.0, atol=1e-10, what="upright")
    assert_close(found.beta * found.gamma, 1 + found.alpha**2, rtol=1e-12, atol=0.0, what="beta gamma")


def test_stability_of_one_and_two_modulators() -> None:
    """Equal modulators and slips: each cell may reach K = 4; unequal ones open a stop band inside."""
    for modulators in (1, 2, 3):
        # phase advance of a turn is the sum of the cells': unstable only where a cell is
        limit = LINEAR_STABILITY_LIMIT * modulators
        below = LongitudinalRing.even(WAVELENGTH, amplitude(0.999 * limit), SLIP, modulators)
        above = LongitudinalRing.even(WAVELENGTH, amplitude(1.001 * limit), SLIP, modulators)
        assert below.stable and not above.stable
    # two equal lenses at distances a and b: half the trace is 1 - h (a + b) + h^2 a b/2
    for a, b, h in ((1e-4, 3e-4, 3e3), (2e-5, 4e-4, 1e4), (1e-4, -5e-5, 2e4)):
        kick = ThinModulator(h * WAVELENGTH / (2 * math.pi), WAVELENGTH)
        ring = LongitudinalRing((kick, Slip(-a), kick, Slip(-b)))
        assert_close(0.5 * ring.trace, 1 - h * (a + b) + 0.5 * h * h * a * b, rtol=1e-10, atol=1e-12, what="trace")
    kick = ThinModulator(3e4 * WAVELENGTH / (2 * math.pi), WAVELENGTH)
    stop_band = LongitudinalRing((kick, Slip(-5e-5), kick, Slip(-1.5e-4)))
    even = LongitudinalRing((kick, Slip(-1e-4), kick, Slip(-1e-4)))
    assert even.stable and not stop_band.stable
    with pytest.raises(PhysicsError, match="trace"):
        stop_band.optics()


def test_functions_carry_the_matched_beam_around() -> None:
    """A Gaussian with the functions of one place has those of the others after linear tracking, and returns."""
    kick, other = ThinModulator(amplitude(0.9), WAVELENGTH), ThinModulator(amplitude(0.3), 0.5 * WAVELENGTH)
    ring = LongitudinalRing((Slip(-0.3 * SLIP), kick, Slip(0.2 * SLIP), other, Slip(-0.9 * SLIP)))
    found = ring.optics()
    emittance = 3e-12
    sigma = emittance * np.array([[found.beta[0], -found.alpha[0]], [-found.alpha[0], found.gamma[0]]])
    start = sigma
    for i, part in enumerate(ring.parts, 1):
        sigma = part.matrix @ sigma @ part.matrix.T
        assert_close(math.sqrt(sigma[0, 0]), found.sigma_z(emittance)[i], rtol=1e-10, atol=0.0, what="sigma_z")
        assert_close(math.sqrt(sigma[1, 1]), found.sigma_delta(emittance)[i], rtol=1e-10, atol=0.0, what="sigma_delta")
        assert_close(sigma[0, 1], -emittance * found.alpha[i], rtol=1e-9, atol=1e-20, what="correlation")
    assert_close(sigma, start, rtol=1e-10, atol=1e-22, what="periodic")


def test_equilibrium_of_strong_focusing_by_the_moments_of_the_damped_map() -> None:
    """eps = sigma^2 <beta> against Sigma = M (Sigma + D) M^T, noise at two places; and b_n of the tracked Gaussian."""
    kick = ThinModulator(amplitude(0.9), WAVELENGTH)
    ring = LongitudinalRing((kick, Slip(-0.3 * SLIP), kick, Slip(-0.7 * SLIP)))
    found = ring.optics()
    sigma_delta, alpha = 3.4e-4, 1e-6
    shares = np.array([0.0, 0.0, 0.4, 0.0, 0.6])
    emittance = found.equilibrium_emittance(sigma_delta, shares)
    noise = 4 * alpha * sigma_delta**2
    # covariance after a turn, damping at the end: vec Sigma = (1 - M x M)^-1 vec D
    m = np.diag([1.0, 1 - 2 * alpha]) @ ring.matrix
    added = np.zeros((2, 2))
    after = np.eye(2)
    for i in reversed(range(len(ring.parts))):
        added += shares[i + 1] * noise * np.outer(after[:, 1], after[:, 1])
        after = after @ ring.parts[i].matrix
    sigma = np.linalg.solve(np.eye(4) - np.kron(m, m), added.ravel()).reshape(2, 2)
    assert_close(sigma[0, 0], emittance * found.beta[0], rtol=1e-4, atol=0.0, what="<z^2>")
    assert_close(sigma[1, 1], emittance * found.gamma[0], rtol=1e-4, atol=0.0, what="<delta^2>")
    assert_close(sigma[0, 1], -emittance * found.alpha[0], rtol=1e-4, atol=1e-4 * emittance, what="<z delta>")
    assert 0.0 < gaussian_bunching(found.sigma_z(emittance)[0], WAVELENGTH) < 1.0
    with pytest.raises(ConfigError, match="shares"):
        found.equilibrium_emittance(sigma_delta, [1.0])


@pytest.mark.parametrize("k_std", [0.01, 0.5, 2.0])
def test_length_of_the_thin_bucket_is_that_of_a_ring_with_photons_everywhere(k_std: float) -> None:
    bucket, pieces, sigma_delta = MicroBucket(WAVELENGTH, 1e-6, 100.0, amplitude(k_std)), 400, 3.4e-4
    ring = LongitudinalRing((ThinModulator(amplitude(k_std), WAVELENGTH), *[Slip(-SLIP / pieces)] * pieces))
    found = ring.optics()
    shares = np.append(0.0, np.full(pieces + 1, 1 / pieces))
    shares[1] = shares[-1] = 0.5 / pieces
    lengths = found.sigma_z(found.equilibrium_emittance(sigma_delta, shares))
    assert_close(bucket.thin_sigma_z(sigma_delta), lengths[0], rtol=1e-5, atol=0.0, what="at the kick")
    opposite = bucket.thin_sigma_z(sigma_delta, opposite=True)
    assert_close(opposite, lengths[1 + pieces // 2], rtol=1e-5, atol=0.0, what="opposite")
    if k_std == 0.01:
        assert_close(opposite, bucket.sigma_z(sigma_delta), rtol=2e-3, atol=0.0, what="smooth")


@pytest.mark.parametrize("k_std", [0.05, 0.5, 1.5])
def test_stable_area_of_one_modulator_is_the_island(k_std: float) -> None:
    ring = LongitudinalRing.even(WAVELENGTH, amplitude(k_std), SLIP)
    bucket = MicroBucket(WAVELENGTH, 1e-6, 100.0, amplitude(k_std))
    got, want = ring.stable_area(600, 101), bucket.stable_area(600, 121)
    assert_close(got, want, rtol=0.03, atol=0.0, what="area")


def test_stable_area_is_the_same_at_every_place_and_for_two_equal_cells() -> None:
    kick = ThinModulator(amplitude(0.8), WAVELENGTH)
    at_kick = LongitudinalRing((kick, Slip(-SLIP))).stable_area(600, 101)
    mid_slip = LongitudinalRing((Slip(-0.5 * SLIP), kick, Slip(-0.5 * SLIP))).stable_area(600, 101)
    two = LongitudinalRing((kick, Slip(-SLIP), kick, Slip(-SLIP))).stable_area(300, 101)
    assert_close(mid_slip, at_kick, rtol=0.03, atol=0.0, what="in the middle of the slip")
    assert_close(two, at_kick, rtol=0.03, atol=0.0, what="two cells a turn")
    # beyond K = 4 only the small islands of the orbit of period two are left
    unstable = LongitudinalRing.even(WAVELENGTH, amplitude(5.5), SLIP).stable_area(300, 81)
    assert unstable < 0.05 * at_kick


def test_stable_area_with_nonlinear_slip_and_loss() -> None:
    """Smooth separatrix at small K; less than it when the kick is strong."""
    soft = MicroBucket(WAVELENGTH, 1e-6, 100.0, amplitude(0.02), slip_factor2=1e-3, energy_loss=0.2 * amplitude(0.02))
    assert_close(soft.stable_area(600, 121), soft.area, rtol=0.03, atol=0.0, what="smooth area")
    limited = MicroBucket(WAVELENGTH, 1e-6, 100.0, amplitude(0.05), slip_factor2=4e-3)
    assert limited.main.limited_by_slip
    assert_close(limited.stable_area(800, 121), limited.area, rtol=0.06, atol=0.0, what="limited by slip")
    hard = MicroBucket(WAVELENGTH, 1e-6, 100.0, amplitude(1.2), slip_factor2=1e-4, energy_loss=0.05 * amplitude(1.2))
    plain = MicroBucket(WAVELENGTH, 1e-6, 100.0, amplitude(1.2))
    assert hard.stable_area(600, 101) < 0.95 * plain.stable_area(600, 101) < 0.8 * plain.area
    same = LongitudinalRing((ThinModulator(soft.amplitude, WAVELENGTH), Slip(-SLIP, -0.1)))
    free = MicroBucket(WAVELENGTH, 1e-6, 100.0, soft.amplitude, slip_factor2=1e-3)
    assert_close(same.stable_area(600, 101), free.stable_area(600, 101), rtol=0.03, atol=0.0, what="both descriptions")


def test_functions_of_a_lattice_are_those_of_its_modes() -> None:
    """MLS with its cavity: beta_z, and the part of eps_x in z is the dispersion invariant H_x."""
    ring = mls()
    found, settled = optics(ring), equilibrium(ring)
    along = longitudinal_functions(found)
    for i in (0, found.index("U125"), found.index("L4")):
        length = along.sigma_z(settled.emittances[2], settled.emittances[0], settled.emittances[1])[i]
        assert_close(length, settled.sigma_z[i], rtol=2e-4, atol=0.0, what=f"sigma_z at place {i}")
    # weak synchrotron motion: H_x to the order of the synchrotron tune
    assert_close(along.h_x, found.curly_h[:, 0], rtol=0.02, atol=1e-6, what="H_x")
    assert_close(along.beta.min(), along.beta.max(), rtol=0.9, atol=0.0, what="beta_z changes with local slip")
    assert along.tune == found.qs
    with pytest.raises(PhysicsError, match="not bound"):
        longitudinal_functions(optics(ring.with_changes({"CAV": {"voltage": 0.0}})))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: LongitudinalRing(()), "at least one"),
        (lambda: LongitudinalRing((Slip(1e-4),)), "at least one"),
        (lambda: ThinModulator(0.0, 1e-6), "amplitude"),
        (lambda: Slip(float("nan")), "r56"),
        (lambda: LongitudinalRing.even(1e-6, 1e-4, 1e-4, 0), "modulators"),
    ],
)
def test_what_is_refused(build, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        build()
