"""The micro-bucket by tracking through the package: tune against amplitude, equilibrium bunching, quantum lifetime.

The ring is a wiggler with a thin laser and an arc: SSMB_LinearMap, slip with damping and diffusion of delta, or
SSMB_ThinChicane. The last test sees to it that every reference value of these topics has a test.
"""

from __future__ import annotations

import ast
import math
import re
from functools import cache
from pathlib import Path

import numba
import numpy as np
import pytest
from scipy import linalg, special

import ssmb
from ssmb.beam import Beam, Reference, bunching_factor, gaussian_bunching
from ssmb.buckets import LongitudinalRing, MicroBucket, Slip, ThinModulator
from ssmb.buckets.lifetime import pendulum_lifetime, turn_by_turn_factor
from ssmb.elements import ELEMENTS
from ssmb.elements.wiggler import Wiggler
from ssmb.lattice import Lattice
from ssmb.maps import laser_field
from ssmb.maps.undulator_relations import resonant_deflection
from tests.support import assert_close, reference_values

REF = Reference(400e6)
WAVELENGTH = 1064e-9
#: so long a Rayleigh length that the wiggling amplitude, 0.04 mm, is nothing beside the waist
PERIOD, LENGTH, RAYLEIGH = 0.03, 1.5, 50.0
#: peak relative modulation of the tests; the slip is chosen for the wanted K_s
AMPLITUDE = 2e-5


@cache
def modulator() -> Wiggler:
    """Wiggler of 50 periods with a thin laser that gives AMPLITUDE."""
    k = resonant_deflection(WAVELENGTH, PERIOD, REF.gamma)
    of_one_watt = laser_field.energy_modulation(1.0, WAVELENGTH, RAYLEIGH, k, LENGTH, REF.gamma)
    power = (AMPLITUDE * REF.p0c * REF.beta / of_one_watt) ** 2
    return Wiggler(
        name="modulator",
        length=LENGTH,
        period_length=PERIOD,
        K=k,
        slices=1,
        laser_wavelength=WAVELENGTH,
        laser_power=power,
        laser_rayleigh_length=RAYLEIGH,
        laser_model="THIN",
    )


def r56_of_modulator() -> float:
    """2 N lambda, part of the slip of the ring [m]."""
    return 2.0 * LENGTH / PERIOD * WAVELENGTH


def bucket_of(k_std: float, sign: float = 1.0) -> MicroBucket:
    slip = k_std * WAVELENGTH / (2 * math.pi * AMPLITUDE)
    return MicroBucket(WAVELENGTH, sign * slip / 100.0, 100.0, AMPLITUDE)


def arc(slip_length: float, damping: float = 0.0, sigma_delta: float = 0.0, name: str = "arc"):
    """Linear arc that makes the slip, then damps delta by 2 alpha and adds the noise that belongs to sigma_delta."""
    matrix, shrink, noise = np.eye(6), np.eye(6), np.zeros((6, 6))
    matrix[4, 5] = -slip_length
    if not damping:
        return ELEMENTS["SSMB_LinearMap"](name=name, matrix=_rows(matrix))
    shrink[5, 5] = 1 - 2 * damping
    noise[5, 5] = sigma_delta**2 * (1 - shrink[5, 5] ** 2)
    return ELEMENTS["SSMB_LinearMap"](
        name=name, matrix=_rows(matrix), damping_matrix=_rows(shrink), diffusion=_rows(noise)
    )


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())


def ring(*elements) -> Lattice:
    return Lattice.from_elements(list(elements), REF)


def beam(z: np.ndarray, delta: np.ndarray) -> Beam:
    coordinates = np.zeros((6, np.size(z)))
    coordinates[4], coordinates[5] = z, delta
    return Beam(REF, coordinates)


# ------------------------------------------------------------------ tune against amplitude


def tracked_tune(lattice: Lattice, start: float, centre: float, turns: int) -> float:
    """Tune of one electron from the upward passages of the centre, its z read from the phase of b."""
    one = beam(np.array([centre + start]), np.zeros(1))
    record = ssmb.track(lattice, one, turns, threads=1, monitors=[ssmb.BunchingMonitor(None, [WAVELENGTH])])
    b = record.monitors["bunching"].bunching[:, 0] * np.exp(2j * np.pi * centre / WAVELENGTH)
    z = -np.angle(b)
    up = np.flatnonzero((z[:-1] < 0.0) & (z[1:] >= 0.0) & (np.abs(np.diff(z)) < np.pi))
    passages = up + z[up] / (z[up] - z[up + 1])
    return (passages.size - 1) / (passages[-1] - passages[0])


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_tune_against_amplitude_is_the_elliptic_integral(sign: float) -> None:
    """K_s = 0.01, up to 98 % of the way to the separatrix: 1e-3."""
    bucket = bucket_of(0.01, sign)
    half = ELEMENTS["SSMB_ThinChicane"](name="h", r56=-0.5 * (sign * bucket.slip_length + r56_of_modulator()))
    lattice = ring(half, modulator(), half)  # begins in the middle of the slip, where the motion is symmetric
    worst = 0.0
    for share in (0.01, 0.2, 0.4, 0.6, 0.8, 0.9, 0.98):
        z_max = 0.5 * share * WAVELENGTH
        m = math.sin(0.5 * bucket.wavenumber * z_max) ** 2
        want = math.sqrt(0.01) / (4 * special.ellipk(m))
        assert_close(bucket.tune_at(z_max), want, rtol=1e-9, atol=0.0, what="method")
        got = tracked_tune(lattice, z_max, bucket.centre, 5000)
        worst = max(worst, abs(got / want - 1))
        assert_close(got, want, rtol=1e-3, atol=0.0, what=f"tune at {share} of the bucket")
    print(f"sign {sign:+.0f}: worst relative deviation {worst:.2e}")


def test_tune_at_larger_k_is_that_of_the_thin_kick() -> None:
    bucket = bucket_of(0.5)
    half = ELEMENTS["SSMB_ThinChicane"](name="h", r56=-0.5 * (bucket.slip_length + r56_of_modulator()))
    got = tracked_tune(ring(half, modulator(), half), 1e-10, 0.0, 5000)
    assert_close(got, bucket.tune, rtol=1e-4, atol=0.0, what="thin tune")
    assert abs(got / bucket.smooth_tune - 1) > 0.02


# ------------------------------------------------------------------ equilibrium


N = 20_000
HARMONICS = np.arange(1, 6)


def settled_bunching(k_std: float, kappa: float, damping: float, turns: int, split: bool) -> np.ndarray:
    """b_1 ... b_5 of a tracked beam that starts with half of the equilibrium spread; by the package."""
    bucket = bucket_of(k_std)
    sigma = bucket.half_height / (2 * math.sqrt(kappa))
    rest = bucket.slip_length + r56_of_modulator()
    if split:
        elements = [arc(0.5 * rest), modulator(), arc(0.5 * rest, damping, sigma, "cold")]
    else:
        elements = [modulator(), arc(rest, damping, sigma)]
    rng = np.random.default_rng(7)
    start = beam(0.5 * bucket.sigma_z(sigma) * rng.standard_normal(N), 0.5 * sigma * rng.standard_normal(N))
    run = ssmb.track(ring(*elements), start, turns, threads=1, seed=3)
    return np.real(bunching_factor(run.beam, WAVELENGTH / HARMONICS))


def test_equilibrium_bunching_is_boltzmann_in_the_smooth_limit() -> None:
    """K_s = 0.01: I_n(kappa)/I_0(kappa) within 5/sqrt(N)."""
    kappa = 4.0
    got = settled_bunching(0.01, kappa, damping=0.01, turns=400, split=True)
    want = [special.ive(n, kappa) / special.ive(0, kappa) for n in HARMONICS]
    print("b_n - I_n/I_0 in units of 5/sqrt(N):", ((got - want) * math.sqrt(N) / 5).round(2))
    assert_close(got, want, rtol=0.0, atol=5 / math.sqrt(N), what="b_n")


def standard_map_bunching(k_std: float, kappa: float, damping: float, turns: int) -> np.ndarray:
    """The same by an iteration of the standard map in its own units: kick, slip, then damping and noise of p."""
    rng = np.random.default_rng(12)
    sigma = math.sqrt(k_std / kappa)
    noise = sigma * math.sqrt(1 - (1 - 2 * damping) ** 2)
    q, p = 0.5 * rng.standard_normal(N) / math.sqrt(kappa), 0.5 * sigma * rng.standard_normal(N)
    for _ in range(turns):
        p = p - k_std * np.sin(q)
        q = q + p
        p = (1 - 2 * damping) * p + noise * rng.standard_normal(N)
    return np.array([np.cos(n * q).mean() for n in HARMONICS])


def test_equilibrium_bunching_departs_as_the_standard_map_does() -> None:
    """K_s = 0.5: as an independent iteration, as the matched Gaussian of the thin map, and not as Boltzmann."""
    kappa, damping, turns = 20.0, 0.01, 400
    got = settled_bunching(0.5, kappa, damping, turns, split=False)
    own = standard_map_bunching(0.5, kappa, damping, turns)
    assert_close(got, own, rtol=0.0, atol=5 / math.sqrt(N), what="b_n of the standard map")
    bucket = bucket_of(0.5)
    sigma = bucket.half_height / (2 * math.sqrt(kappa))
    optics = LongitudinalRing((ThinModulator(AMPLITUDE, WAVELENGTH), Slip(-bucket.slip_length))).optics()
    length = optics.sigma_z(optics.equilibrium_emittance(sigma, [0.0, 0.0, 1.0]))[0]
    assert_close(
        length, bucket.sigma_z(sigma) * math.sqrt(0.5) / math.sin(2 * math.pi * bucket.tune), rtol=1e-9, atol=0.0
    )
    matched = [gaussian_bunching(length, WAVELENGTH / n) for n in HARMONICS]
    assert_close(got, matched, rtol=0.0, atol=5 / math.sqrt(N), what="b_n of the matched Gaussian")
    boltzmann = np.array([special.ive(n, kappa) / special.ive(0, kappa) for n in HARMONICS])
    print("tracked", got.round(4), "standard map", own.round(4), "Gaussian", np.round(matched, 4), boltzmann.round(4))
    assert boltzmann[4] - got[4] > 5 / math.sqrt(N) and boltzmann[4] - own[4] > 5 / math.sqrt(N)


# ------------------------------------------------------------------ quantum lifetime


def settled_escape(xi: float, cells: int = 400) -> tuple[float, np.ndarray, np.ndarray]:
    """Life over damping time of a beam that has settled in the bucket, and its density against sqrt(e), e = 1 outside.

    Lowest mode of the diffusion of the oscillation energy, df/dt J' = d/de [2 J (f + f'/xi)] with f(1) = 0, on a grid.
    """
    root = np.linspace(0.0, 1.0, cells + 1)
    e, middle = root**2, (0.5 * (root[1:] + root[:-1])) ** 2
    area = special.ellipe(e) - (1 - e) * special.ellipkm1(np.maximum(1 - e, 1e-300))
    volume = np.diff(area)
    flux = 2 * area[1:] / (xi * np.diff(np.append(middle, 1.0))) * np.exp(-xi * e[1:])
    per_content = np.exp(xi * middle) / volume
    diagonal = flux + np.append(0.0, flux[:-1])
    beside = -flux[:-1] * np.sqrt(per_content[:-1] * per_content[1:])
    rate, mode = linalg.eigh_tridiagonal(diagonal * per_content, beside, select="i", select_range=(0, 0))
    density = np.abs(mode[:, 0]) / np.sqrt(per_content) / volume
    return float(1 / rate[0]), np.sqrt(middle), density / density[0]


def settled_beam(bucket: MicroBucket, xi: float, n: int) -> Beam:
    """Random electrons of that density: no wait for the first to reach the separatrix."""
    rng = np.random.default_rng(8)
    _, root, density = settled_escape(xi)
    z = WAVELENGTH * (rng.random(40 * n) - 0.5)
    delta = bucket.half_height * (2 * rng.random(40 * n) - 1)
    e = bucket.hamiltonian(z, delta) / bucket.separatrix_level
    kept = (e < 1) & (rng.random(40 * n) < np.interp(np.sqrt(e), root, density))
    assert kept.sum() >= n
    return beam(z[kept][:n], delta[kept][:n])


def test_quantum_lifetime_by_tracking_through_the_package() -> None:
    """First passage of the separatrix at xi = 5 in a bucket of K_s = 0.02, alpha = 1e-3 per turn: within 3 sigma.

    The formula is the limit of a smooth bucket, of weak damping, and counts from the bottom. A beam that has settled
    leaves 5 % sooner than that (1.3 % at xi = 7); that passages are seen at whole turns makes its life 6.7 % longer,
    the thin kick 1.4 % shorter. All are at the size of the statistical error.
    """
    bucket, xi, damping, n, turns, piece = bucket_of(0.02), 5.0, 1e-3, 3000, 2400, 100
    sigma = bucket.half_height / math.sqrt(2 * xi)
    rest = 0.5 * (bucket.slip_length + r56_of_modulator())
    lattice = ring(arc(rest), modulator(), arc(rest, damping, sigma, "cold"))
    alive = settled_beam(bucket, xi, n)
    lived = escaped = 0
    for first in range(0, turns, piece):
        every = [ssmb.SnapshotMonitor(every=1)]
        run = ssmb.track(lattice, alive, piece, threads=1, seed=17, first_turn=first, monitors=every)
        inside = np.array([bucket.inside(b.z, b.delta) for b in run.monitors["snapshots"].beams])
        left = ~inside.all(axis=0)
        lived += int(np.where(left, np.argmin(inside, axis=0) + 1, piece).sum())
        escaped += int(left.sum())
        alive = run.beam.select(~left)
    life = lived / escaped * damping
    error = life / math.sqrt(escaped)
    formula, settled = pendulum_lifetime(xi), settled_escape(xi)[0]
    print(f"lifetime {life:.2f} +- {error:.2f} damping times ({escaped} escapes), formula {formula:.2f}")
    assert escaped > 250
    assert_close(life, formula, rtol=0.0, atol=3 * error, what="first-passage formula")
    assert_close(life, settled * turn_by_turn_factor(xi, damping), rtol=0.0, atol=3 * error, what="settled beam")
    assert_close(bucket.lifetime(sigma), formula, rtol=1e-12, atol=0.0, what="method of the bucket")


def test_settled_beam_and_start_at_the_bottom_agree_for_deep_buckets() -> None:
    """The formula and the lowest mode of the same diffusion, found in two ways, tend to each other."""
    ratios = [settled_escape(xi)[0] / pendulum_lifetime(xi) for xi in (5.0, 7.0, 12.0, 20.0)]
    assert_close(ratios, [0.9505, 0.9865, 1.0, 1.0], rtol=0.0, atol=1e-3, what="settled over bottom")


@numba.njit
def _first_passages(seed, electrons, turns, k_std, damping, sigma):
    """Passages of electrons that start again at the bottom each time, seen in the middle of the slip."""
    np.random.seed(seed)  # noqa: NPY002, numba's own generator
    keep = 1 - 2 * damping
    noise = sigma * math.sqrt(1 - keep * keep)
    passages = 0
    for _ in range(electrons):
        q = p = 0.0
        for _ in range(turns):
            q += 0.5 * p
            p = keep * (p - k_std * math.sin(q)) + noise * np.random.normal()  # noqa: NPY002
            q += 0.5 * p
            s = math.sin(0.5 * q)
            if 0.5 * p * p + 2 * k_std * s * s >= 2 * k_std:
                passages += 1
                q = p = 0.0
    return passages


@pytest.mark.parametrize("xi", [5.0, 7.0])
def test_quantum_lifetime_of_the_standard_map(xi: float) -> None:
    """Two depths, three seeds each: the formula with the correction for whole turns within 3 sigma."""
    k_std, damping = 0.01, 1e-3
    sigma = math.sqrt(2 * k_std / xi)
    turns, electrons = int(30 * pendulum_lifetime(xi) / damping), {5.0: 6, 7.0: 3}[xi]
    found = np.array([_first_passages(seed, electrons, turns, k_std, damping, sigma) for seed in (1, 2, 3)])
    each = electrons * turns * damping / found
    life = 3 * electrons * turns * damping / found.sum()
    want = pendulum_lifetime(xi) * turn_by_turn_factor(xi, damping)
    error = life / math.sqrt(found.sum())
    print(
        f"xi {xi}: {life / want:.3f} +- {error / want:.3f} of the corrected, {life / pendulum_lifetime(xi):.3f} of "
        f"the plain"
    )
    assert_close(life, want, rtol=0.0, atol=3 * error, what="lifetime")
    assert_close(each, want, rtol=0.0, atol=4 * want / math.sqrt(found.min()), what="each seed")


# ------------------------------------------------------------------ every reference value of these topics


TESTS = Path(__file__).resolve().parents[1]
TOPICS = ("2 micro-bucket", "3 bunching", "4 equilibrium", "5 radiation")
PREFIXES = (
    "bunch_boltzmann_", "stdmap_island_", "qlife_", "capture_", "pop2_", "lsf_", "tlc_", "adm_", "jitter_power_factor",
    "electrons_per_microbunch",
)  # fmt: skip


def _tested() -> list[str]:
    """Regular expressions of the ids that some test compares at the tolerance of the file."""
    found = []
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "assert_reference":
                found.append(_pattern(node.args[0]))
            if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "CASES":
                found += [_pattern(key) for key in node.value.keys]  # type: ignore[union-attr]
    return [p for p in found if p]


def _pattern(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join("[A-Za-z0-9]+" if isinstance(v, ast.FormattedValue) else _pattern(v) for v in node.values)
    return ""


def test_every_reference_value_of_these_topics_has_a_test() -> None:
    tested = _tested()
    wanted = [
        identifier
        for identifier, entry in reference_values().items()
        if entry.get("topic") in TOPICS or identifier.startswith(PREFIXES)
    ]
    assert len(wanted) >= 97
    missing = [i for i in wanted if not any(re.fullmatch(p, i) for p in tested)]
    assert not missing, f"no test compares {missing}"
