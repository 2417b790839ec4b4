"""A million turns in a micro-bucket: rounding of z against 32 digits, and the drift of the bucket's invariant.

The ring is a laser kick, a drift with the full velocity term, and the slip of an arc, at the numbers of the Metrology
Light Source (250 MeV, 48 m, 1064 nm). The truth repeats the same physics in double-double arithmetic (two doubles per
number), written here from the formulas and not from the kernels.
"""

from __future__ import annotations

import mpmath
import numba
import numpy as np
import pytest

from ssmb.beam import Beam
from ssmb.beam.reference import Reference
from ssmb.elements import ELEMENTS, Drift
from ssmb.maps.laser_kick import N_LASER_KICK, X_AT, Y_AT, laser_kick
from ssmb.maps.op import Op
from ssmb.tracking import MomentMonitor, track
from tests.contract.cases import program_of
from tests.support import assert_close

REF = Reference(250e6)
WAVELENGTH = 1064e-9
K = 2.0 * np.pi / WAVELENGTH
LENGTH, SLIP = 48.0, -9.7e-4
#: kick that makes the synchrotron tune about 0.01
AMPLITUDE = (2.0 * np.pi * 0.01) ** 2 / (K * 7.7e-4)
TURNS = 1_000_000
#: starting places in the bucket, in wavelengths (the separatrix is at 0.5)
PLACES = np.array([0.05, 0.3])


def ring_ops() -> list[Op]:
    """Laser kick on axis, drift, slip: the kernels of the package."""
    kick = [0.0] * N_LASER_KICK
    kick[0] = AMPLITUDE
    kick[5], kick[6], kick[7] = 1.0 / K, 1.0 / (WAVELENGTH * REF.beta), REF.beta
    kick[X_AT] = kick[Y_AT] = 1.0
    slip = ELEMENTS["SSMB_ThinChicane"](name="slip", r56=SLIP)
    return [Op(laser_kick, tuple(kick)), *Drift(name="d", length=LENGTH).ops(REF), *slip.ops(REF)]


def start() -> np.ndarray:
    points = np.zeros((6, PLACES.size))
    points[4] = PLACES * WAVELENGTH
    return points


# ---- double-double arithmetic (T. J. Dekker, Numer. Math. 18, 224 (1971), doi:10.1007/BF01397083)


@numba.njit
def _two_sum(a, b):
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@numba.njit
def _two_product(a, b):
    p = a * b
    t = 134217729.0 * a
    ah = t - (t - a)
    t = 134217729.0 * b
    bh = t - (t - b)
    al, bl = a - ah, b - bh
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


@numba.njit
def _add(a, b):
    s, e = _two_sum(a[0], b[0])
    t, f = _two_sum(a[1], b[1])
    s, e = _two_sum(s, e + t)
    return _two_sum(s, e + f)


@numba.njit
def _mul(a, b):
    p, e = _two_product(a[0], b[0])
    return _two_sum(p, e + (a[0] * b[1] + a[1] * b[0]))


@numba.njit
def _neg(a):
    return -a[0], -a[1]


@numba.njit
def _div(a, b):
    q1 = a[0] / b[0]
    r = _add(a, _neg(_mul((q1, 0.0), b)))
    q2 = r[0] / b[0]
    r = _add(r, _neg(_mul((q2, 0.0), b)))
    return _add(_two_sum(q1, q2), (r[0] / b[0], 0.0))


@numba.njit
def _sqrt(a):
    x = np.sqrt(a[0])
    r = _add(a, _neg(_two_product(x, x)))
    return _two_sum(x, r[0] / (2.0 * x))


@numba.njit
def _velocity(d, ig2, b2):
    """beta/beta0 of delta = d."""
    q = _mul(d, _add((2.0, 0.0), d))
    u = _div(_mul(q, ig2), _add((1.0, 0.0), _mul(b2, q)))
    return _sqrt(_add((1.0, 0.0), u))


@numba.njit
def _truth(z, d, turns, amplitude, turns_per_metre, beta0, ig2, b2, length, slip, two_pi, inverse):
    """The ring in double-double; z and d are pairs; returns their pairs after the turns."""
    one = (1.0, 0.0)
    for _ in range(turns):
        v = _velocity(d, ig2, b2)
        x = _mul(_div(_mul(z, turns_per_metre), v), two_pi)
        x2 = _neg(_mul(x, x))
        s = (0.0, 0.0)
        for n in range(inverse.shape[0] - 1, -1, -1):
            s = _add(_mul(s, x2), (inverse[n, 0], inverse[n, 1]))
        gain = _mul(amplitude, _mul(s, x))
        q = _add(one, d)
        u = _mul(gain, _add(_div(_mul((2.0, 0.0), q), _mul(beta0, v)), gain))
        d = _add(d, _div(u, _add(q, _sqrt(_add(_mul(q, q), u)))))
        w = _velocity(d, ig2, b2)
        z = _mul(z, _div(w, v))
        z = _add(z, _mul(length, _add(w, (-1.0, 0.0))))
        z = _add(z, _mul(slip, d))
    return z, d


def _pair(value) -> tuple[float, float]:
    high = float(value)
    return high, float(mpmath.mpf(value) - mpmath.mpf(high))


@pytest.fixture(scope="module")
def end() -> np.ndarray:
    """Coordinates after a million turns."""
    out, state = program_of(ring_ops(), REF).propagate(start(), turns=TURNS)
    assert not state.any()
    return out


def test_rounding_of_z_after_a_million_turns(end):
    """The same packed doubles (amplitude, wave number, lengths) in both, so that only rounding differs."""
    with mpmath.workdps(40):
        inverse = np.array([_pair(1 / mpmath.factorial(2 * n + 1)) for n in range(15)])
        two_pi = _pair(2 * mpmath.pi)
    kick = ring_ops()[0].params
    numbers = [(v, 0.0) for v in (kick[0], kick[6], kick[7], REF.inv_gamma2, REF.beta**2, LENGTH, SLIP)]
    z, d = _truth((float(start()[4, -1]), 0.0), (0.0, 0.0), TURNS, *numbers, two_pi, inverse)
    assert np.abs(end[4]).max() < 0.5 * WAVELENGTH  # still trapped
    assert_close(end[4, -1], z[0], rtol=0.0, atol=1e-14, what="z [m]")
    assert_close(end[5, -1], d[0], rtol=0.0, atol=1e-11, what="delta")


def _bucket_energy(z: np.ndarray, delta: np.ndarray) -> np.ndarray:
    """Energy of the pendulum that the bucket is: 0 at its centre; it oscillates with the tune, its mean does not."""
    return 0.5 * 7.7e-4 * K * delta**2 + AMPLITUDE * (1.0 - np.cos(K * z))


def _mean_energy(points: np.ndarray, turns: int) -> np.ndarray:
    """Weighted Birkhoff mean of the energy over the coming turns: converges faster than any power of their number."""
    program = program_of(ring_ops(), REF)
    t = np.arange(1, turns) / turns
    weights = np.exp(-1.0 / (t * (1.0 - t)))
    means = []
    for c in points.T:
        # the means of a single particle are its coordinates
        mean = track(program, Beam(REF, c[:, None]), turns - 1, monitors=[MomentMonitor()]).monitors["moments"].mean
        means.append(float((weights * _bucket_energy(mean[:, 4], mean[:, 5])).sum() / weights.sum()))
    return np.array(means)


def test_no_drift_of_the_bucket_invariant(end):
    before, after = _mean_energy(start(), 50_000), _mean_energy(end, 50_000)
    assert_close(after, before, rtol=1e-8, atol=0.0, what="mean energy in the bucket")
    assert (np.diff(before) > 0.0).all()
