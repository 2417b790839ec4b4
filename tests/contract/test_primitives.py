"""The polynomials of the kernels against 50 digits, and the counter-based random numbers against published answers."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from scipy import stats

from ssmb.kernels import primitives
from ssmb.kernels.jit import JIT_OFF, cached
from ssmb.kernels.objects import pure_python
from ssmb.kernels.philox import normal_pair, philox4x32, uniform_pair
from tests.contract.number_systems import DIGITS, MPMATH
from tests.support import assert_close

pytestmark = pytest.mark.jit_off
EPS = float(np.finfo(float).eps)
RANDOM = np.random.default_rng(20)


def signed(exponent_from: float, exponent_to: float, n: int = 300) -> np.ndarray:
    """Random numbers of either sign with log-uniform size."""
    return 10.0 ** RANDOM.uniform(exponent_from, exponent_to, n) * RANDOM.choice([-1.0, 1.0], n)


AROUND_MULTIPLES = np.arange(-40, 40)[:, None] * (math.pi / 4) * (1.0 + np.array([0.0, 1e-15, -1e-15, 1e-9])[None, :])
ANGLES = np.concatenate((signed(-12, 0), signed(0, 6), AROUND_MULTIPLES.ravel(), [0.0, -0.0]))
TURNS = np.concatenate((signed(-12, 0), signed(0, 6), np.arange(-20, 20) / 8.0))
SLOPES = np.concatenate((signed(-12, 0), signed(0, 8), [0.0, 0.66, 0.6, -0.6, 2.414213562373095]))


def worst(name: str, arguments: np.ndarray, *, absolute: bool = False) -> np.ndarray:
    """Largest error of each result [units in the last place of the result, or of 1 with ``absolute``]."""
    function = getattr(primitives, name)
    plain = function if JIT_OFF else pure_python(function)
    errors = []
    with mpmath.workdps(DIGITS):
        for u in arguments.tolist():
            exact = np.atleast_1d(np.array(MPMATH[name](mpmath.mpf(u)), dtype=object))
            for made in {function, plain}:
                got = np.atleast_1d(np.array(made(u), dtype=float))
                scale = [1.0 if absolute else max(float(abs(e)), 1e-300) for e in exact]
                rows = zip(exact, got, scale, strict=True)
                errors.append([float(abs(e - mpmath.mpf(float(g)))) / (EPS * s) for e, g, s in rows])
    return np.max(errors, axis=0)


@pytest.mark.parametrize(
    ("name", "arguments", "absolute", "allowed"),
    [
        ("sincos", ANGLES, True, 1.5),
        ("sincos_turns", TURNS, True, 3.0),
        ("atan", SLOPES, False, 2.0),
        ("atan_over", SLOPES, False, 2.0),
        ("exp", np.concatenate((signed(-12, 0), RANDOM.uniform(-700.0, 700.0, 300), [0.0])), False, 2.0),
        ("stumpff", np.concatenate((signed(-15, -0.23), [0.0, 0.6, -0.6])), False, 2.0),
        ("stumpff_integrals", np.concatenate((signed(-15, 0), [0.0, 1.0, -1.0])), False, 2.0),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_error_in_units_of_the_last_place(name, arguments, absolute, allowed):
    assert_close(worst(name, arguments, absolute=absolute), 0.0, rtol=0.0, atol=allowed, what=f"{name} [ulp]")


def test_sine_of_small_angles_is_relative():
    """sin u keeps its relative accuracy down to u = 0, which absolute errors of 1 ulp would hide."""
    small = signed(-12, -1)
    got = np.array([primitives.sincos(u)[0] for u in small.tolist()])
    assert_close(got, np.sin(small), rtol=2 * EPS, atol=0.0, what="sine")


@pytest.mark.parametrize("delta", [0.0, 1e-16, -1e-9, 1e-4, -0.05, 0.05, 0.5])
@pytest.mark.parametrize("gamma", [1.2, 489.2, 1e5])
def test_velocity_excess(delta, gamma):
    with mpmath.workdps(DIGITS):
        inv = 1 / mpmath.mpf(gamma) ** 2
        beta2 = 1 - inv
        momentum2 = (1 + mpmath.mpf(delta)) ** 2
        exact = float(mpmath.sqrt(momentum2 / (beta2 * momentum2 + inv)) - 1)
        got = primitives.velocity_excess(delta, float(inv), float(beta2))
    assert_close(got, exact, rtol=4 * EPS, atol=0.0, what="beta/beta0 - 1")


def test_exp_stops_at_its_floor():
    assert primitives.exp(-1e9) == primitives.exp(-700.0) > 0.0


# ---- random numbers

#: kat_vectors of Random123 (D. E. Shaw Research), philox4x32 with 10 rounds: counter, key, answer
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN_ANSWERS)
def test_philox_known_answers(counter, key, answer):
    words = [np.uint64(int(w, 16)) for w in f"{counter} {key}".split()]
    assert [int(w) for w in philox4x32(*words)] == [int(w, 16) for w in answer.split()]


def _draw_uniform(out, seed, turn, element):
    for i in range(out.shape[1]):
        out[0, i], out[1, i] = uniform_pair((seed, i, turn, element), 0)


def _draw_normal(out, seed, turn, element):
    for i in range(out.shape[1]):
        out[0, i], out[1, i] = normal_pair((seed, i, turn, element), 0)


def drawn(draw, n: int, seed: int = 1, turn: int = 0, element: int = 0) -> np.ndarray:
    out = np.empty((2, n))
    cached(draw)(out, seed, turn, element)
    return out


COUNT = 3000 if JIT_OFF else 200_000


@pytest.mark.parametrize("seed", [0, 1, 2**40 + 3])
def test_uniform_numbers(seed):
    u = drawn(_draw_uniform, COUNT, seed)
    assert u.min() > 0.0
    assert u.max() < 1.0
    for row in u:
        assert stats.kstest(row, "uniform").pvalue > 1e-3
    counts = np.histogram2d(u[0], u[1], bins=20, range=((0, 1), (0, 1)))[0].ravel()
    assert stats.chisquare(counts).pvalue > 1e-3  # the two numbers of a pair are independent
    assert abs(np.corrcoef(u[0][1:], u[0][:-1])[0, 1]) < 5.0 / math.sqrt(COUNT)


def test_normal_numbers():
    g = drawn(_draw_normal, COUNT, 5)
    for row in g:
        assert stats.kstest(row, "norm").pvalue > 1e-3
    both = g.ravel()
    n = both.size
    assert_close(both.mean(), 0.0, rtol=0.0, atol=5.0 / math.sqrt(n), what="mean")
    assert_close(both.var(), 1.0, rtol=0.0, atol=5.0 * math.sqrt(2.0 / n), what="variance")
    assert_close(stats.kurtosis(both), 0.0, rtol=0.0, atol=5.0 * math.sqrt(24.0 / n), what="excess kurtosis")
    assert abs(np.corrcoef(g)[0, 1]) < 5.0 / math.sqrt(COUNT)


def test_every_part_of_the_key_matters():
    n = 500
    keys = [(1, 0, 0), (2, 0, 0), (1, 1, 0), (1, 0, 1), (1 + 2**33, 0, 0), (1, 2**33, 0), (1, 0, 4096)]
    rows = [drawn(_draw_uniform, n, seed, turn, element)[0] for seed, turn, element in keys]
    for i, a in enumerate(rows):
        for b in rows[:i]:
            assert not np.any(a == b)
            assert abs(np.corrcoef(a, b)[0, 1]) < 5.0 / math.sqrt(n)
    key = (1, 2, 3, 4)
    draws = {uniform_pair(key, d) for d in range(50)} | {uniform_pair((1, 2 + 2**33, 3, 4), 0)}
    assert len(draws) == 51
