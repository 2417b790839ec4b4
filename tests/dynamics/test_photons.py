"""Radiation kernels: photon statistics, the spectrum, opening angle, the law of energy loss, repeatable bits."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import kv

from ssmb.beam import Reference
from ssmb.constants import FINE_STRUCTURE
from ssmb.elements import Bend, Drift, Multipole, Quadrupole
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import ConfigError
from ssmb.kernels.jit import JIT_OFF
from ssmb.kernels.objects import pure_python
from ssmb.lattice.program import Program, compile_elements
from ssmb.maps.photon_spectrum import (
    MEAN_ENERGY,
    MEAN_SQUARE_ANGLE,
    MEAN_SQUARE_ENERGY,
    MOST_IN_SLOTS,
    SLOTS,
    _coarse_log,
    photon_energy,
    photons_in_slots,
    quick_log,
    squared_angle,
)
from ssmb.maps.photon_totals import MOST_PHOTONS, total_at_depth, total_fit
from ssmb.maps.radiation import Radiation
from ssmb.maps.radiation_kernels import PHOTONS, PHOTONS_WITH_ANGLES, SINGLE_PHOTONS
from ssmb.maps.synchrotron_radiation import RadiationConstants
from tests.support import assert_close

REF = Reference(1e9)
BEND = Bend(name="b", length=0.8, angle=math.pi / 8)


def one_pass(element, mode: str, coordinates: np.ndarray, seed: int = 0, angles: bool = False) -> np.ndarray:
    program: Program = compile_elements([element], REF, radiation=Radiation(mode, angles=angles))
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


def test_logarithm() -> None:
    u = np.concatenate((np.geomspace(1e-290, 1.0, 301)[:-1], 1.0 - np.geomspace(1e-10, 0.5, 50), [1.5, 3.0, 1e5]))
    got = np.array([quick_log(v) for v in u.tolist()])
    assert_close(got, np.log(u), rtol=4e-8, atol=0.0, what="logarithm")
    coarse = np.array([_coarse_log(v) for v in u.tolist()])
    assert_close(coarse, np.log(u), rtol=0.0, atol=5e-7, what="the coarse one")


@cache
def spectrum_at_nodes() -> tuple[np.ndarray, np.ndarray]:
    """Photon energies y and weights of a quadrature over the number spectrum; y = v^3 takes the root at y = 0 away.

    The integral of K_{5/3} from y on is that of exp(-y cosh t) cosh(5 t/3)/cosh t over t > 0.
    """
    nodes, weights = np.polynomial.legendre.leggauss(120)
    v = 0.5 * 3.4 * (nodes + 1.0)
    t = np.linspace(0.0, 60.0, 6001)
    y = v[:, None] ** 3
    damped = np.exp(np.maximum(-y * np.cosh(t), -800.0)) * np.cosh(5.0 * t / 3.0) / np.cosh(t)
    density = 3.0 / (5.0 * math.pi) * np.trapezoid(damped, t, axis=1)
    return v**3, 0.5 * 3.4 * weights * 3.0 * v * v * density


def spectral_mean(f) -> float:
    """Mean of f(y) over the photon number spectrum."""
    y, weight = spectrum_at_nodes()
    return float(weight @ np.array([f(v) for v in y.tolist()]))


def kernels_of(program: Program) -> set[str]:
    names = {k.index: k.name for table in (PHOTONS, SINGLE_PHOTONS, PHOTONS_WITH_ANGLES) for k in table.values()}
    return {names[int(op[0])] for op in program.ops if int(op[0]) in names}


@pytest.mark.parametrize("photons", [1e-4, 0.02, 0.4, 1.44, 2.9, MOST_PHOTONS])
def test_total_of_a_slice(photons: float) -> None:
    """Laplace transform of the sampled total against that of a compound Poisson process of the exact spectrum."""
    fit, f = total_fit(photons), pure_python(total_at_depth)
    some = -math.expm1(-photons)
    assert_close(math.exp(fit[0]), some, rtol=1e-14, atol=0.0, what="probability of any photon")
    nodes, weights = np.polynomial.legendre.leggauss(24)
    edges = np.concatenate(([0.0], np.geomspace(1e-4, 36.0, 40)))
    half = 0.5 * np.diff(edges)[:, None]
    depth = (0.5 * (edges[1:] + edges[:-1])[:, None] + half * nodes).ravel()
    weight = (half * weights).ravel() * np.exp(-depth) * some
    total = np.array([f(d, fit) for d in depth.tolist()])
    assert np.all(np.diff(total) > 0.0)
    for k in (0.3, 1.0, 4.0):
        exact = math.expm1(photons * spectral_mean(lambda y, k=k: math.expm1(-k * y)))
        assert_close(weight @ np.expm1(-k * total), exact, rtol=5e-4, atol=0.0, what=f"1 - transform at {k}")
    mean, square, cube = (float(weight @ total**n) for n in (1, 2, 3))
    assert_close(mean, photons * MEAN_ENERGY, rtol=1e-7, atol=0.0, what="mean")
    assert_close(square - mean**2, photons * MEAN_SQUARE_ENERGY, rtol=1e-7, atol=0.0, what="variance")
    third = photons * spectral_mean(lambda y: y**3)
    assert_close(cube - 3.0 * square * mean + 2.0 * mean**3, third, rtol=5e-4, atol=0.0, what="third cumulant")


def test_tail_of_the_total() -> None:
    """Sums of single photons of the exact spectrum, drawn by numpy, have the sampled distribution."""
    random, photons, n = np.random.default_rng(8), 2.2, 400_000
    number = random.poisson(photons, n)
    energy = pure_python(photon_energy)(random.exponential(size=int(number.sum())))  # held by test_spectrum
    total = np.zeros(n)
    np.add.at(total, np.repeat(np.arange(n), number), energy)
    f, fit = pure_python(total_at_depth), total_fit(photons)
    for tail in (0.8, 0.5, 0.2, 0.05, 1e-2, 1e-3, 1e-4):
        got = float((total > f(fit[0] - math.log(tail), fit)).mean())
        assert_close(got, tail, rtol=3e-3, atol=3.5 * math.sqrt(tail / n), what="part above the quantile")


def test_many_numbers_of_photons_can_be_fitted() -> None:
    for photons in np.geomspace(1e-6, MOST_PHOTONS, 150).tolist():
        fit = np.array(total_fit(photons))
        assert np.all(np.isfinite(fit)) and np.all(fit[1:] >= 0.0), "positive coefficients have no poles"
    for wrong in (0.0, -1.0, 4.1, math.nan):
        with pytest.raises(ConfigError, match="photons on average"):
            total_fit(wrong)


@pytest.mark.parametrize("angle", [math.pi / 8, 1.0 / 20.6])
def test_ten_million_photons(angle: float) -> None:
    """Number, mean energy and variance per metre of a bend, within three standard errors for 1e7 photons.

    The short bend emits one photon in a pass on average: the passes without any count the photons. The long one emits
    eight; its five slices draw several at once.
    """
    bend = Bend(name="b", length=angle / BEND.curvature, angle=angle)
    constants = RadiationConstants.of(REF)
    photons = constants.photons * bend.angle
    assert_close(photons, 5.0 * FINE_STRUCTURE * REF.gamma * bend.angle / (2.0 * math.sqrt(3.0)), rtol=1e-6, atol=0.0)
    assert kernels_of(compile_elements([bend], REF, radiation="quantum")) == {"radiation_linear_photons"}
    parts = 5 if photons > 4.0 else 40
    n = int(1.01e7 / photons / parts)
    assert photons * n * parts > 1e7
    sums, none = np.zeros(4), 0
    for part in range(parts):
        out = one_pass(bend, "quantum", np.zeros((6, n)), seed=part)
        # in units of the critical energy; the loss itself changes q by 1e-5, which is below the statistics
        y = -out[5] / (constants.critical * bend.curvature)
        sums += [(y**k).mean() / parts for k in (1, 2, 3, 4)]
        none += int((y < 1e-14).sum())  # one photon in 40 000 is softer than this
    n *= parts
    mean, square, cube, fourth = sums
    variance = square - mean**2
    central = fourth - 4.0 * mean * cube + 6.0 * mean**2 * square - 3.0 * mean**4
    limit = 3.0 * math.sqrt(variance / n)
    assert_close(mean, photons * MEAN_ENERGY, rtol=0.0, atol=limit, what="mean energy")
    limit = 3.0 * math.sqrt((central - variance**2) / n)
    assert_close(variance, photons * MEAN_SQUARE_ENERGY, rtol=0.0, atol=limit, what="variance")
    p = math.exp(-photons)
    assert_close(none / n, p, rtol=2.5e-5, atol=3.0 * math.sqrt(p * (1.0 - p) / n), what="passes without photons")


@pytest.mark.parametrize("angles", [False, True])
@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (4e-3, 0.0), (1e-3, 3e-2)])
def test_photons_follow_the_local_field(x: float, y: float, angles: bool) -> None:
    """Off the axis of a gradient bend: mean and variance go with b^2 and b^3 there; both samplers."""
    bend = Bend(name="b", length=0.02, angle=0.02 * BEND.curvature, Kn1=25.0)
    n = 1_000_000
    start = np.zeros((6, n))
    start[0], start[2] = x, y
    program = compile_elements([bend], REF, radiation=Radiation("quantum", angles=angles))
    # the radiation op at the exit alone, so that the orbit does not move
    op = int(program.first_op[1]) - 1
    assert kernels_of(program) == {"radiation_linear_photons" + ("_with_angles" if angles else "")}
    out, _ = program.propagate(start, op, op + 1, seed=7)
    constants, h = RadiationConstants.of(REF), bend.curvature
    b, path = math.hypot(h + 25.0 * x, 25.0 * y), bend.length / 20.0 * (1.0 + h * x)
    mean, variance = constants.loss * b**2 * path, constants.spread * b**3 * path
    assert_close(-out[5].mean(), mean, rtol=2e-4, atol=4.0 * math.sqrt(variance / n), what="mean")
    kurtosis = float(((out[5] - out[5].mean()) ** 4).mean()) / out[5].var() ** 2
    assert_close(out[5].var(), variance, rtol=4.0 * math.sqrt(kurtosis / n) + 1e-3, atol=0.0, what="variance")


@pytest.mark.parametrize("y", [1e-6, 1e-3, 0.1, 1.0, 4.0])
def test_squared_angle_of_photons(y: float) -> None:
    """Mean square angle at fixed photon energy, by quadrature of the angular spectrum (both polarisations)."""

    def density(v: float) -> float:
        x2 = math.sinh(v) ** 2
        eta = 0.5 * y * (1.0 + x2) ** 1.5
        return (1.0 + x2) ** 2 * (kv(2 / 3, eta) ** 2 + x2 / (1.0 + x2) * kv(1 / 3, eta) ** 2) * math.cosh(v)

    end = math.asinh((1400.0 / y) ** (1.0 / 3.0))
    whole, _ = quad(density, 0.0, end, limit=400)
    moment, _ = quad(lambda v: math.sinh(v) ** 2 * density(v), 0.0, end, limit=400)
    got = pure_python(squared_angle)(y ** (1.0 / 3.0))
    assert_close(got, y * y * moment / whole, rtol=1e-4, atol=0.0, what="y^2 <psi^2>")


def test_thirteen_parts_in_fifty_five() -> None:
    f = pure_python(squared_angle)
    got = spectral_mean(lambda y: f(y ** (1.0 / 3.0))) / spectral_mean(lambda y: y * y)
    assert_close(got, MEAN_SQUARE_ANGLE, rtol=2e-6, atol=0.0, what="<y^2 psi^2>/<y^2>")


@pytest.mark.parametrize("mode", ["diffusion", "quantum"])
@pytest.mark.parametrize("tilt", [0.0, 0.5])
def test_recoil_of_the_opening_angle(mode: str, tilt: float) -> None:
    """Diffusion of the momentum across the plane of a bend, per metre; with photons it comes with the hard ones."""
    bend = Bend(name="b", length=0.02, angle=0.02 * BEND.curvature, tilt_ref=tilt)
    n = 1_500_000
    out = one_pass(bend, mode, np.zeros((6, n)), seed=3, angles=True)
    constants = RadiationConstants.of(REF)
    along, across = np.cos(tilt) * out[1] + np.sin(tilt) * out[3], np.cos(tilt) * out[3] - np.sin(tilt) * out[1]
    diffusion = constants.spread * bend.curvature**3 * bend.length
    want = 13.0 / 55.0 * diffusion / REF.gamma**2
    error = float(((across**2 - want) ** 2).mean() / n) ** 0.5
    assert_close((across**2).mean(), want, rtol=0.0, atol=3.0 * error, what="diffusion across")
    assert_close(across.mean(), 0.0, rtol=0.0, atol=3.0 * math.sqrt(want / n), what="mean recoil")
    in_plane = np.std(along - along.mean() - (out[5] - out[5].mean()) * bend.angle / 2)
    assert in_plane < 0.02 * math.sqrt(diffusion), "photons leave in the plane along the orbit"
    loss = -out[5]
    critical = constants.critical * bend.curvature
    photons = constants.photons * bend.angle
    f = pure_python(squared_angle)
    hard = photons * spectral_mean(lambda y: y * f(y ** (1.0 / 3.0))) if mode == "quantum" else 0.0
    scale = critical**3 / REF.gamma**2
    want = scale * (hard + photons**2 * MEAN_ENERGY * MEAN_SQUARE_ENERGY * MEAN_SQUARE_ANGLE)
    error = float((across**2 * loss).std()) / math.sqrt(n)
    assert_close((across**2 * loss).mean(), want, rtol=0.0, atol=3.0 * error, what="correlation with the energy")


def test_mean_loss_in_a_bend() -> None:
    out = one_pass(BEND, "mean", np.zeros((6, 8)))
    lost = RadiationConstants.of(REF).loss * BEND.curvature**2 * BEND.length
    assert_close(-out[5], lost, rtol=1e-4, atol=0.0, what="loss of the reference particle")


def test_the_loss_grows_with_the_path_in_either_plane() -> None:
    """An electron at the same place, straight on and at 60 mrad: 1 + theta^2/2 times as long in the field."""
    program = compile_elements([Multipole(name="m", length=0.3, Kn1=1.0)], REF, radiation="mean")
    c = np.zeros((6, 3))
    c[0], c[1, 1], c[3, 2] = 1e-2, 0.06, 0.06
    after, _ = program.propagate(c, program.first_op[1] - 1, program.first_op[1])
    assert_close(after[5, 1:] / after[5, 0], np.full(2, 1.0 + 0.5 * 0.06**2), rtol=1e-5, atol=0.0, what="loss")


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


def test_wigglers_keep_the_third_cumulant() -> None:
    """Photons of a sinusoidal field: mean, variance and third cumulant are those of its phase average."""
    wiggler = Wiggler(name="w", periods=2.0, period_length=0.05, B_peak=1.5)
    field = wiggler.local_field(REF)
    assert field is not None
    n = 2_000_000
    loss = -one_pass(wiggler, "quantum", np.zeros((6, n)), seed=6)[5]
    constants, b = RadiationConstants.of(REF), field.strength()
    rate, critical = constants.photons * b * field.length, constants.critical * b
    averages = {2: 0.5, 3: 4.0 / (3.0 * math.pi), 4: 3.0 / 8.0}  # of |sin|^n
    central = loss - loss.mean()
    got = (loss.mean(), (central**2).mean(), (central**3).mean())
    errors = [4.0 * float((central**k).std()) / math.sqrt(n) for k in (1, 2, 3)]
    for k in (1, 2, 3):
        moment = spectral_mean(lambda y, k=k: y**k)
        want = rate * averages[k + 1] * critical**k * moment
        assert_close(got[k - 1], want, rtol=1e-3, atol=errors[k - 1], what=f"cumulant {k}")


@pytest.mark.parametrize("polarization", ["HORIZONTAL", "VERTICAL", "HELICAL"])
def test_photons_of_a_wiggler_leave_along_the_wiggling_velocity(polarization: str) -> None:
    """Recoil against the phase average of the squared slope, weighted with |b|^3, and the opening angle."""
    wiggler = Wiggler(name="w", periods=2.0, period_length=0.02, B_peak=1.2, polarization=polarization)
    constants, slope = RadiationConstants.of(REF), wiggler.wiggling_angle(REF)
    field = wiggler.local_field(REF)
    assert field is not None
    phase = np.linspace(0.0, 2.0 * math.pi, 4001)[:-1]
    b0, k_u = field.strength(), wiggler.k_u
    if polarization == "HELICAL":
        b, angles = np.full(phase.size, b0), (slope * np.cos(phase), slope * np.sin(phase))
        cone = (0.5, 0.5)
    else:
        b, wiggling = np.abs(b0 * np.cos(phase)), slope * np.sin(phase)
        flat = polarization == "HORIZONTAL"
        angles = (wiggling, 0.0 * phase) if flat else (0.0 * phase, wiggling)
        cone = (0.0, 1.0) if flat else (1.0, 0.0)
    assert_close(b0, slope * k_u, rtol=1e-12, atol=0.0, what="slope is the integral of the curvature")
    n = 400_000
    for mode in ("diffusion", "quantum"):
        out = one_pass(wiggler, mode, np.zeros((6, n)), seed=3, angles=True)
        for row, slopes, share in zip((1, 3), angles, cone, strict=True):
            square = float((b**3 * (slopes**2 + share * 13.0 / 55.0 / REF.gamma**2)).mean())
            want = constants.spread * square * field.length
            error = 4.0 * float((out[row] ** 2).std()) / math.sqrt(n)
            assert_close((out[row] ** 2).mean(), want, rtol=1e-3, atol=error, what=f"recoil {mode} {row}")


@pytest.mark.parametrize(
    ("mode", "angles"),
    [("mean", False), ("diffusion", False), ("diffusion", True), ("quantum", False), ("quantum", True)],
)
def test_bits_do_not_depend_on_the_company(mode: str, angles: bool) -> None:
    c = np.random.default_rng(2).standard_normal((6, 700)) * 1e-4
    row = [
        BEND,
        Quadrupole(name="q", length=0.3, Kn1=2.0),
        Wiggler(name="w", periods=3.0, period_length=0.1, B_peak=1.0),
    ]
    program = compile_elements(row, REF, radiation=Radiation(mode, angles=angles))
    whole, _ = program.propagate(c, turns=3, seed=9)
    few, _ = program.propagate(c[:, :256], turns=3, seed=9)
    assert np.array_equal(whole[:, :256], few)


def test_off_is_the_same_program() -> None:
    row = [BEND, Drift(name="d", length=1.0), Quadrupole(name="q", length=0.3, Kn1=2.0)]
    plain, off = compile_elements(row, REF), compile_elements(row, REF, radiation="off")
    assert np.array_equal(plain.ops, off.ops) and np.array_equal(plain.params, off.params)


def test_several_photons_of_a_slice_follow_campbell() -> None:
    """Mean, variance and sum of squares of the energy where several photons are common: moments of the spectrum."""
    count, mean = 4000 if JIT_OFF else 200_000, 0.8
    totals, _, squares = np.array([photons_in_slots(mean, (5, i, 0, 0), 0) for i in range(count)]).T
    variance, fourth = totals.var(), float(((totals - totals.mean()) ** 4).mean())
    limit = 4.0 * math.sqrt(variance / count)
    assert_close(totals.mean(), mean * MEAN_ENERGY, rtol=0.0, atol=limit, what="mean energy")
    limit = 4.0 * math.sqrt((fourth - variance**2) / count)
    assert_close(variance, mean * MEAN_SQUARE_ENERGY, rtol=0.0, atol=limit, what="variance")
    limit = 4.0 * math.sqrt(squares.var() / count)
    assert_close(squares.mean(), mean * MEAN_SQUARE_ENERGY, rtol=0.0, atol=limit, what="sum of squares")


def test_slots_hold_nearly_all_of_the_energy() -> None:
    """What is left out by a fixed number of slots, by brute force: the softest photons of rare bursts."""
    random = np.random.default_rng(4)
    f = pure_python(photon_energy)
    number = random.poisson(MOST_IN_SLOTS, 40_000)
    lost = 0.0
    for n in np.unique(number[number > SLOTS]):
        depth = -np.log1p(-np.sort(random.random((int((number == n).sum()), n)), axis=1)[:, : n - SLOTS])
        lost += float(np.sum(f(depth)))
    assert lost / (number.size * MOST_IN_SLOTS * MEAN_ENERGY) < 2e-4


def test_an_unknown_mode_is_named() -> None:
    with pytest.raises(ConfigError, match="off, mean, quantum, diffusion.*Did you mean 'quantum'"):
        compile_elements([BEND], REF, radiation="quantun")
