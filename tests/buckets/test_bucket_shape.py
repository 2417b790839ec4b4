"""Fixed points, separatrices, areas and tunes of buckets with nonlinear slip, energy loss and laser phase.

Against the closed forms of the plain bucket, and against the map itself at a tune so small that it is a flow.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

from ssmb.buckets import MicroBucket
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning
from tests.support import assert_close

WAVELENGTH = 1064e-9
PLAIN = MicroBucket(WAVELENGTH, 1e-6, 100.0, 4.2e-4)
#: everything at once, with both signs of the slip factor; tune about 1.2e-3
CROOKED = [
    MicroBucket(
        WAVELENGTH, s * 1e-7, 100.0, 1e-6, slip_factor2=1e-4, slip_factor3=0.3 * s, energy_loss=3e-7, phase=0.17
    )
    for s in (1, -1)
]
#: slip with two more zeros: three rows of buckets
ALPHA = MicroBucket(WAVELENGTH, 1e-7, 100.0, 1e-8, slip_factor2=1e-4, slip_factor3=-0.5, energy_loss=2e-9)


def turn(b: MicroBucket, z: np.ndarray, delta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One turn, written from the map."""
    delta = delta + b.amplitude * np.sin(b.wavenumber * z + 2 * np.pi * b.phase) - b.energy_loss
    return z - b.circumference * delta * (b.slip_factor + delta * (b.slip_factor2 + delta * b.slip_factor3)), delta


def tracked_tune(b: MicroBucket, start: float, turns: int) -> float:
    z, delta = b.centre + start, 0.0
    crossings: list[float] = []
    before = start
    for n in range(turns):
        z, delta = turn(b, z, delta)  # type: ignore[arg-type, assignment]
        now = float(z) - b.centre
        if before < 0.0 <= now:
            crossings.append(n + before / (before - now))
        before = now
    return (len(crossings) - 1) / (crossings[-1] - crossings[0])


def test_plain_bucket_has_its_closed_forms() -> None:
    k, depth = PLAIN.wavenumber, 2 * PLAIN.amplitude / PLAIN.wavenumber
    height = 2 * math.sqrt(PLAIN.amplitude / (k * PLAIN.slip_length))
    assert_close(PLAIN.half_height, height, rtol=1e-14, atol=0.0, what="height")
    assert_close(PLAIN.area, 8 * height / k, rtol=1e-8, atol=0.0, what="area")
    assert_close(PLAIN.separatrix_level, depth, rtol=1e-14, atol=0.0, what="level")
    for m in (0.01, 0.5, 0.99, 0.9999):
        z_max = 2 / k * math.asin(math.sqrt(m))
        want = PLAIN.smooth_tune * math.pi / (2 * special.ellipk(math.sin(0.5 * k * z_max) ** 2))
        assert_close(PLAIN.tune_at(z_max), want, rtol=1e-10, atol=0.0, what=f"tune at m = {m}")
        # enclosed area of a pendulum, in units of that of the separatrix
        area = special.ellipe(m) - (1 - m) * special.ellipkm1(1 - m)
        assert_close(PLAIN.main.action(m * depth), PLAIN.area * area, rtol=1e-8, atol=0.0, what=f"action at m = {m}")
        got = PLAIN.main.orbit_integrals(m * depth)[1]
        assert_close(got, PLAIN.slip_length * PLAIN.main.action(m * depth), rtol=1e-12, atol=0.0, what="<slip^2>")
    assert_close(PLAIN.main.small_tune, PLAIN.smooth_tune, rtol=1e-14, atol=0.0, what="small tune")
    assert PLAIN.tune_at(0.0) == PLAIN.smooth_tune


def test_moving_bucket_has_its_closed_forms() -> None:
    bucket = MicroBucket(WAVELENGTH, 1e-6, 100.0, 4.2e-4, energy_loss=2.1e-4)
    phi = math.pi / 6
    assert_close(bucket.centre, phi / bucket.wavenumber, rtol=1e-12, atol=0.0, what="synchronous phase")
    factor = math.sqrt(math.cos(phi) - (0.5 * math.pi - phi) * math.sin(phi))
    assert_close(bucket.half_height, PLAIN.half_height * factor, rtol=1e-12, atol=0.0, what="height")
    assert_close(bucket.tune, math.acos(1 - 0.5 * PLAIN.k_std * math.cos(phi)) / (2 * math.pi), rtol=1e-12, atol=0.0)
    # the open end is the unstable point; the other end lies at the same height of the tilted potential
    low, high = bucket.main.z_range
    assert_close(high, (math.pi - phi) / bucket.wavenumber, rtol=1e-12, atol=0.0, what="unstable point")
    slope = lambda z: math.cos(bucket.wavenumber * z) + 0.5 * bucket.wavenumber * z  # noqa: E731
    assert_close(slope(low), slope(high), rtol=1e-12, atol=0.0, what="both ends at one level")
    assert bucket.area / PLAIN.area < factor


@pytest.mark.parametrize("bucket", [PLAIN, *CROOKED, ALPHA])
def test_fixed_points_are_fixed_and_as_stable_as_said(bucket: MicroBucket) -> None:
    points = bucket.fixed_points()
    assert len(points) == 2 * len(bucket.buckets()) and sum(p.stable for p in points) == len(bucket.buckets())
    for p in points:
        z, delta = turn(bucket, np.array([p.z]), np.array([p.delta]))
        assert_close(z - p.z, 0.0, rtol=0.0, atol=1e-9 * WAVELENGTH, what="z stays")
        assert_close(delta - p.delta, 0.0, rtol=0.0, atol=1e-9 * bucket.amplitude, what="delta stays")
        # trace of the one-turn matrix by differences
        e, f = 1e-6 * WAVELENGTH, 1e-6 * bucket.half_height
        moved = turn(bucket, p.z + np.array([e, -e, 0.0, 0.0]), p.delta + np.array([0.0, 0.0, f, -f]))
        trace = (moved[0][0] - moved[0][1]) / (2 * e) + (moved[1][2] - moved[1][3]) / (2 * f)
        assert (abs(trace) < 2.0) == p.stable
        if p.stable:
            own = next(b for b in bucket.buckets() if b.delta == p.delta)
            assert own.z == p.z
            smooth = 2 * np.pi * own.small_tune
            assert_close(trace, 2.0 - smooth**2, rtol=0.0, atol=1e-3 * smooth**2, what="small tune")


def test_alpha_buckets_where_the_slip_vanishes() -> None:
    deltas = sorted(b.delta for b in ALPHA.buckets())
    assert_close([ALPHA.slip_factor + d * (1e-4 - 0.5 * d) for d in deltas if d], 0.0, rtol=0.0, atol=1e-20)
    assert len(deltas) == 3 and deltas[0] < 0.0 < deltas[2]
    simple = MicroBucket(WAVELENGTH, 1e-6, 100.0, 1e-7, slip_factor2=-1e-3)
    assert_close([b.delta for b in simple.buckets()], [0.0, 1e-3], rtol=1e-14, atol=0.0, what="-eta0/eta1")
    # the cubic Hamiltonian is odd about the middle between its two rows
    a, b = simple.buckets()
    assert_close(a.area, b.area, rtol=1e-9, atol=0.0, what="same area")
    assert_close(a.delta_range[1] - 0.5e-3, 0.5e-3 - b.delta_range[0], rtol=1e-9, atol=0.0, what="mirrored")
    assert abs(a.z - b.z) == pytest.approx(0.5 * WAVELENGTH)


def test_a_strong_laser_makes_the_slip_the_limit() -> None:
    """Beyond 2 A/k = C eta0^3/(6 eta1^2) the separatrix goes through the zero of the slip."""
    eta, eta1 = 1e-6, -1e-3
    change = 100.0 * eta**3 / (6 * eta1**2) * math.pi / WAVELENGTH
    below, above = (MicroBucket(WAVELENGTH, eta, 100.0, f * change, slip_factor2=eta1) for f in (0.999, 1.001))
    assert not below.main.limited_by_slip and above.main.limited_by_slip
    assert_close(above.main.delta_range[1], 1e-3, rtol=1e-12, atol=0.0, what="ends at -eta0/eta1")
    assert_close(below.main.delta_range[0], -0.5e-3, rtol=1e-2, atol=0.0, what="other end")
    assert_close(below.area, above.area, rtol=5e-3, atol=0.0, what="the area does not jump")
    low, high = above.main.z_range
    assert -0.5 * WAVELENGTH < low < 0.0 < high < 0.5 * WAVELENGTH


@pytest.mark.parametrize("bucket", CROOKED)
def test_tune_with_everything_by_tracking(bucket: MicroBucket) -> None:
    low, high = (end - bucket.centre for end in bucket.main.z_range)
    for start in (1e-10, 0.55 * low, 0.9 * high):
        got = bucket.tune_at(start)
        assert_close(got, tracked_tune(bucket, start, 20_000), rtol=1e-4, atol=0.0, what=f"from {start:.3g} m")
    assert_close(bucket.tune_at(1e-12), bucket.smooth_tune, rtol=1e-6, atol=0.0, what="small amplitude")


@pytest.mark.parametrize("bucket", [PLAIN, *CROOKED, ALPHA])
def test_area_by_counting_points_inside(bucket: MicroBucket) -> None:
    for own in bucket.buckets():
        n = 600
        (z0, z1), (d0, d1) = own.z_range, own.delta_range
        u = (np.arange(n) + 0.5) / n
        z, d = np.meshgrid(z0 + (z1 - z0) * u, d0 + (d1 - d0) * u)
        # a bucket far away is the same bucket
        count = own.inside(z + 1234 * WAVELENGTH, d).mean() * (z1 - z0) * (d1 - d0)
        assert_close(count, own.area, rtol=2e-3, atol=0.0, what=f"area of the bucket at delta = {own.delta:.3g}")
        # the outline is at one level, encloses the area, and is what inside() means
        z, d = own.outline(4001)
        area = 0.5 * abs(np.sum(z[:-1] * np.diff(d) - d[:-1] * np.diff(z)))
        assert_close(area, own.area, rtol=1e-3, atol=0.0, what="area of the outline")
        for f, expected in ((0.999, True), (1.001, False)):
            near = own.inside(own.z + f * (z - own.z), own.delta + f * (d - own.delta))
            assert near.mean() > 0.99 if expected else near.mean() < 0.01


@pytest.mark.parametrize("bucket", [*CROOKED, ALPHA])
def test_inside_means_bound(bucket: MicroBucket) -> None:
    """Starts inside stay within a wavelength for many oscillations, starts outside drift away or turn about the
    bucket.
    """
    rng = np.random.default_rng(5)
    main = bucket.main
    (z0, z1), (d0, d1) = main.z_range, main.delta_range
    z, d = rng.uniform(z0, z1, 500), rng.uniform(d0 - 0.2 * (d1 - d0), d1 + 0.2 * (d1 - d0), 500)
    inside = bucket.inside(z, d)
    h = bucket.hamiltonian(z, d) / bucket.separatrix_level
    sure = np.abs(h - 1.0) > 0.02  # the map is not quite the flow
    assert 0.2 < inside.mean() < 0.8
    farthest = np.zeros(z.size)
    start = z.copy()
    for _ in range(int(5 / main.small_tune)):
        z, d = turn(bucket, z, d)
        farthest = np.maximum(farthest, np.abs(z - start))
        left = (d < main.delta + main.barriers_delta[0]) | (d > main.delta + main.barriers_delta[1])
        farthest = np.where(left, np.inf, farthest)
    assert (farthest[inside & sure] < (z1 - z0) * 1.02).all()
    assert (farthest[~inside & sure] > WAVELENGTH * 0.99).mean() > 0.99


def test_hamiltonian_is_kept_by_the_map_and_flat_on_the_separatrix() -> None:
    for bucket in (*CROOKED, ALPHA):
        for lower in (False, True):
            z, d = bucket.separatrix(201, lower=lower)
            got = bucket.hamiltonian(z[1:-1], d[1:-1])
            assert_close(got, bucket.separatrix_level, rtol=1e-9, atol=0.0, what="separatrix")
        z, d = np.array([bucket.centre + 0.5 * bucket.main.barriers_z[0]]), np.array([0.0])
        level = bucket.hamiltonian(z, d)
        for _ in range(round(0.4 / bucket.smooth_tune)):
            z, d = turn(bucket, z, d)
        assert abs(d[0]) > 0.1 * bucket.half_height or abs(z[0] - bucket.centre) > 0.0
        assert_close(bucket.hamiltonian(z, d), level, rtol=2e-2, atol=0.0, what="invariant")


def test_captured_fraction_with_everything_by_counting() -> None:
    rng = np.random.default_rng(2)
    for bucket in (*CROOKED, ALPHA):
        sigma = 0.7 * bucket.half_height
        z, d = rng.uniform(-0.5 * WAVELENGTH, 0.5 * WAVELENGTH, 200_000), sigma * rng.standard_normal(200_000)
        got = bucket.inside(z, d).mean()
        assert_close(bucket.captured_fraction(sigma), got, rtol=0.0, atol=5e-3, what="captured")


def test_laser_phase_moves_the_bucket_only() -> None:
    moved = MicroBucket(WAVELENGTH, 1e-6, 100.0, 4.2e-4, phase=0.2)
    assert_close(moved.centre, -0.2 * WAVELENGTH, rtol=1e-12, atol=0.0, what="centre")
    assert moved.half_height == PLAIN.half_height
    assert_close(moved.area, PLAIN.area, rtol=1e-12, atol=0.0, what="area")
    assert MicroBucket(WAVELENGTH, -1e-6, 100.0, 4.2e-4).centre == 0.5 * WAVELENGTH
    assert PLAIN.centre == 0.0


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"energy_loss": 1e-3}, PhysicsError, "cannot replace"),
        ({"energy_loss": float("nan")}, ConfigError, "energy_loss"),
        ({"slip_factor2": float("inf")}, ConfigError, "slip_factor2"),
        ({"phase": "0"}, ConfigError, "phase"),
    ],
)
def test_what_is_refused(changes: dict, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        MicroBucket(WAVELENGTH, 1e-6, 100.0, 4.2e-4, **changes)
    with pytest.warns(ValidityWarning, match="left out"):
        CROOKED[0].bunching(1, 1e-4)
    with pytest.raises(PhysicsError, match="not inside"):
        PLAIN.main.tune(1.0)
