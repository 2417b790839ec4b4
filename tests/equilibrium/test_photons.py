"""Radiation kernels: photon statistics, the spectrum, the law of energy loss, repeatable bits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import kv

from ssmb.beam import Reference
from ssmb.constants import FINE_STRUCTURE
from ssmb.elements import Bend, Drift, Multipole, Quadrupole
from ssmb.elements.photon_spectrum import MEAN_ENERGY, MEAN_SQUARE_ENERGY, SLOTS, photon_energy, quick_log
from ssmb.elements.synchrotron_radiation import RadiationConstants
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import ConfigError
from ssmb.kernels.jit import JIT_OFF
from ssmb.kernels.objects import pure_python
from ssmb.lattice.program import Program, compile_elements
from tests.support import assert_close

REF = Reference(1e9)
BEND = Bend(name="b", length=0.8, angle=math.pi / 8)


def one_pass(element, mode: str, coordinates: np.ndarray, seed: int = 0) -> np.ndarray:
    program: Program = compile_elements([element], REF, radiation=mode)
    out, state = program.propagate(coordinates, seed=seed)
    assert not state.any()
    return out


def tail(y: float) -> float:
    """Part of the photons above y critical energies, by quadrature of the Bessel function."""
    value, _ = quad(lambda u: (u - y) * kv(5 / 3, u), y, y + 60.0, epsabs=0.0, epsrel=1e-10, limit=400)
    return 3.0 / (5.0 * math.pi) * value


@pytest.mark.parametrize("depth", [0.05, 0.3, 1.0, 2.5, 6.0, 12.0, 20.0])
def test_spectrum(depth: float) -> None:
    y = pure_python(photon_energy)(depth)
    assert_close(-math.log(tail(y)), depth, rtol=1.2e-5, atol=1e-6, what="tail of the spectrum")


def test_moments_of_the_spectrum() -> None:
    f = pure_python(photon_energy)
    first, _ = quad(lambda d: f(d) * math.exp(-d), 0.0, 32.0, epsabs=1e-12)
    second, _ = quad(lambda d: f(d) ** 2 * math.exp(-d), 0.0, 32.0, epsabs=1e-12)
    assert_close(first, MEAN_ENERGY, rtol=1e-6, atol=0.0, what="mean energy")
    assert_close(second, MEAN_SQUARE_ENERGY, rtol=1e-5, atol=0.0, what="mean square")


@pytest.mark.skipif(JIT_OFF, reason="reads bits of doubles by compiled code")
def test_logarithm() -> None:
    u = np.concatenate((np.geomspace(1e-290, 1.0, 301)[:-1], 1.0 - np.geomspace(1e-10, 0.5, 50), [1.5, 3.0, 1e5]))
    got = np.array([quick_log(v) for v in u.tolist()])
    assert_close(got, np.log(u), rtol=4e-8, atol=0.0, what="logarithm")


def test_ten_million_photons() -> None:
    """Mean loss and variance of the loss of single passes; both fix number and energy of the photons."""
    constants = RadiationConstants.of(REF)
    h, n = BEND.curvature, 1_250_000
    photons = constants.photons * BEND.angle
    assert_close(photons, 5.0 * FINE_STRUCTURE * REF.gamma * BEND.angle / (2.0 * math.sqrt(3.0)), rtol=1e-6, atol=0.0)
    assert photons * n > 1e7
    straight = Bend(name="b", length=0.8, angle=math.pi / 8)
    loss, square, cube = [], [], []
    for part in range(5):
        out = one_pass(straight, "quantum", np.zeros((6, n // 5)), seed=part)
        # in units of the critical energy; the loss itself changes q by 1e-5, which is below the statistics
        y = -out[5] / (constants.critical * h)
        loss.append(y.mean())
        square.append(((y - y.mean()) ** 2).mean())
        cube.append(((y - y.mean()) ** 4).mean())
    mean, variance, fourth = np.mean(loss), np.mean(square), np.mean(cube)
    assert_close(mean, photons * MEAN_ENERGY, rtol=0.0, atol=3.0 * math.sqrt(variance / n), what="mean energy")
    assert_close(
        variance,
        photons * MEAN_SQUARE_ENERGY,
        rtol=0.0,
        atol=3.0 * math.sqrt((fourth - variance**2) / n),
        what="variance",
    )


def test_number_of_photons() -> None:
    """A slice without any photon has the probability exp(-mean): the number is that of a Poisson process."""
    thin = Bend(name="b", length=0.01, angle=0.02)
    n = 400_000
    out = one_pass(thin, "quantum", np.zeros((6, n)), seed=5)
    none = math.exp(-RadiationConstants.of(REF).photons * thin.angle)
    # photons far below the critical energy exist, but change delta by less than rounding: count what is below 1e-9
    least = 1e-9 * RadiationConstants.of(REF).critical * thin.curvature
    got = float((-out[5] < least).mean())
    assert_close(got, none, rtol=0.0, atol=3.0 * math.sqrt(none / n) + 2e-3, what="passes without photons")


def test_mean_loss_in_a_bend() -> None:
    out = one_pass(BEND, "mean", np.zeros((6, 8)))
    lost = RadiationConstants.of(REF).loss * BEND.curvature**2 * BEND.length
    assert_close(-out[5], lost, rtol=1e-4, atol=0.0, what="loss of the reference particle")


def test_the_loss_keeps_the_direction_and_inverts() -> None:
    magnet = Multipole(name="m", length=0.3, Kn1=1.0, Kn2=30.0, Ks1=0.2)
    c = np.random.default_rng(1).uniform(-1e-3, 1e-3, (6, 64))
    c[5] = np.linspace(-0.05, 0.05, 64)
    program = compile_elements([magnet], REF, radiation="mean")
    last = program.first_op[1] - 1
    before, _ = program.propagate(c, 0, last)
    after, _ = program.propagate(c)
    assert_close(after[[0, 2, 4]], before[[0, 2, 4]], rtol=0.0, atol=0.0, what="position")
    slope = after[[1, 3]] / (1.0 + after[5]), before[[1, 3]] / (1.0 + before[5])
    assert_close(slope[0], slope[1], rtol=1e-14, atol=1e-18, what="direction")
    assert np.all(after[5] < before[5])


@pytest.mark.parametrize("mode", ["diffusion", "quantum"])
def test_noise_has_the_mean_and_the_spread_of_theory(mode: str) -> None:
    for element in (BEND, Wiggler(name="w", periods=10.0, period_length=0.1, B_peak=1.5)):
        field = element.local_field(REF)
        assert field is not None
        n = 200_000
        out = one_pass(element, mode, np.zeros((6, n)), seed=3)
        constants, b = RadiationConstants.of(REF), field.strength()
        mean = constants.loss * field.square * b**2 * field.length
        spread = constants.spread * field.cube * b**3 * field.length
        assert_close(-out[5].mean(), mean, rtol=2e-4, atol=4.0 * math.sqrt(spread / n), what=f"mean in {element.name}")
        assert_close(out[5].var(), spread, rtol=0.02, atol=0.0, what=f"spread in {element.name}")


@pytest.mark.parametrize("mode", ["mean", "diffusion", "quantum"])
def test_bits_do_not_depend_on_the_company(mode: str) -> None:
    c = np.random.default_rng(2).standard_normal((6, 700)) * 1e-4
    program = compile_elements([BEND, Quadrupole(name="q", length=0.3, Kn1=2.0)], REF, radiation=mode)
    whole, _ = program.propagate(c, turns=3, seed=9)
    few, _ = program.propagate(c[:, :256], turns=3, seed=9)
    assert np.array_equal(whole[:, :256], few)


def test_off_is_the_same_program() -> None:
    row = [BEND, Drift(name="d", length=1.0), Quadrupole(name="q", length=0.3, Kn1=2.0)]
    plain, off = compile_elements(row, REF), compile_elements(row, REF, radiation="off")
    assert np.array_equal(plain.ops, off.ops) and np.array_equal(plain.params, off.params)


def test_slots_hold_nearly_all_of_the_energy() -> None:
    """What is left out by a fixed number of slots, by brute force: the softest photons of rare bursts."""
    random = np.random.default_rng(4)
    f = pure_python(photon_energy)
    for slots, mean in SLOTS.items():
        number = random.poisson(mean, 40_000)
        lost = 0.0
        for n in np.unique(number[number > slots]):
            depth = -np.log1p(-np.sort(random.random((int((number == n).sum()), n)), axis=1)[:, : n - slots])
            lost += float(np.sum(f(depth)))
        assert lost / (number.size * mean * MEAN_ENERGY) < 2e-4, f"{slots} slots at {mean} photons"


def test_an_unknown_mode_is_named() -> None:
    with pytest.raises(ConfigError, match="off, mean, quantum, diffusion.*Did you mean 'quantum'"):
        compile_elements([BEND], REF, radiation="quantun")
