"""Field of a beam across itself: kernels against integrals, sums over particles, tunes against closed forms."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy

from ssmb.beam import Beam, Reference
from ssmb.collective import TransverseSpaceCharge, space_charge_tune_shift
from ssmb.collective.gaussian_charge import axes_of, followed_density
from ssmb.constants import ELECTRON_MASS_EV, ELEMENTARY_CHARGE, SPEED_OF_LIGHT, VACUUM_IMPEDANCE
from ssmb.dynamics import optics
from ssmb.elements import Marker, RFCavity
from ssmb.elements.linear_map import LinearMap
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning
from ssmb.kernels.space_charge import error_function, gaussian_field
from ssmb.lattice import Lattice
from ssmb.studies import load_result, run_file
from ssmb.tracking import SnapshotMonitor, track
from ssmb.tracking.stations import Place
from tests.collective.stored import radical_inverse
from tests.studies.small_ring import bits
from tests.studies.test_effects_of_run import of
from tests.support import assert_close, fodo_cell

REFERENCE = Reference(100e6)
#: Change of p0 over a way by a field over 1/(2 pi eps0) and the line charge, of one ampere [1/m], from constants alone.
_P = REFERENCE.beta * REFERENCE.gamma
PER_AMPERE = VACUUM_IMPEDANCE / (2.0 * math.pi) / (ELECTRON_MASS_EV * _P**3)


def test_error_function() -> None:
    """Against scipy, also where the rules change and next to their nodes."""
    random = np.random.default_rng(2)
    x = np.concatenate([10.0 ** random.uniform(-8, 3, 300), random.uniform(0, 10, 300), [0.0, 0.0, 3.0, 0.25583]])
    y = np.concatenate([10.0 ** random.uniform(-8, 3, 300), random.uniform(0, 10, 300), [0.0, 2.0, 0.0, 0.0]])
    got = np.array([complex(*error_function(*pair)) for pair in zip(x, y, strict=True)])
    want = scipy.special.wofz(x + 1j * y)
    assert np.abs(got / want - 1.0).max() < 1e-13


def field_by_quadrature(x: float, y: float, a: float, b: float) -> float:
    """Horizontal field, ``x Int_0^inf exp(-x^2/2(a^2+t) - y^2/2(b^2+t))/((a^2+t)^1.5 (b^2+t)^0.5) dt/2``."""

    def integrand(u: float) -> float:  # a^2 + t = a^2/u^2
        other = b * b - a * a + a * a / (u * u)
        return math.exp(-0.5 * (x * u / a) ** 2 - 0.5 * y * y / other) / math.sqrt(other)

    return x / a * scipy.integrate.quad(integrand, 0.0, 1.0, epsabs=0.0, epsrel=1e-12, limit=500)[0]


@pytest.mark.parametrize("sizes", [(1.0, 0.5), (1.0, 0.01), (0.3, 1.0), (1.0, 1.0 - 1e-6), (1.0, 1.0)])
def test_field_of_a_gaussian_charge(sizes: tuple[float, float]) -> None:
    a, b = sizes
    for x, y in ((1e-3, 0.0), (0.7, -0.3), (-2.0, 1.0), (0.5, 4.0), (20.0, 30.0)):
        got = gaussian_field(x * a, y * b, a, b)
        want = field_by_quadrature(x * a, y * b, a, b), field_by_quadrature(y * b, x * a, b, a)
        assert_close(got, want, rtol=1e-9, atol=1e-12, what=f"field at {x}, {y}")


def test_a_round_beam_is_the_limit() -> None:
    """Closed form, and no step where the elliptic one takes over."""
    for r in (1e-3, 0.5, 1.5, 6.0):
        want = -math.expm1(-0.5 * r * r) / r
        assert_close(gaussian_field(r, 0.0, 1.0, 1.0)[0], want, rtol=1e-13, atol=0.0)
        for flat in (1e-10, 1e-9, 2e-9, 4e-9, 1e-8):
            assert_close(gaussian_field(r, 0.0, 1.0, 1.0 - flat)[0], want, rtol=2e-8, atol=0.0)


def beam_of(n: int, covariance: Any, sigma_z: float = 1e-3, charge: float = 1e-11, seed: int = 1) -> Beam:
    rows = np.zeros((6, n))
    random = np.random.default_rng(seed)
    rows[:3:2] = np.linalg.cholesky(np.array(covariance)) @ random.normal(size=(2, n))
    rows[4] = sigma_z * random.normal(size=n)
    return Beam(REFERENCE, rows, np.full(n, charge / ELEMENTARY_CHARGE / n))


def kicked(effect: TransverseSpaceCharge, beam: Beam, length: float = 1.0) -> Beam:
    after = beam.copy()
    effect.kick(after, effect.total(effect.sums(after, {})), {}, 0, Place(0, "m", 0.0, 1.0, length))
    return after


@pytest.mark.parametrize("angle", [0.0, 0.5])
def test_against_all_particles(angle: float) -> None:
    """The kick of particles without weight is that of the sum of the fields of all others, also in a tilted beam."""
    n = 60_000
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    beam = beam_of(n, turn @ np.diag([4e-8, 4e-9]) @ turn.T)
    at = turn @ np.array([[1e-4, -3e-4, 0.0, 5e-4], [0.0, 1e-4, 2e-4, 3e-4]])
    beam.coordinates[:3:2, :4], beam.weight[:4] = at, 0.0
    beam.coordinates[0] += 1e-3  # the centre moves with the beam
    after = kicked(TransverseSpaceCharge(at="m", current=2.0, length=0.5), beam)
    away = beam.coordinates[:3:2, :4, None] - beam.coordinates[:3:2, None, 4:]
    want = 0.5 * 2.0 * PER_AMPERE * (away / (away**2).sum(axis=0)).mean(axis=2)
    got = after.coordinates[1:4:2, :4]
    assert_close(got, want, rtol=0.0, atol=0.02 * np.abs(want).max(), what="kicks")


def test_a_bunch_has_its_line_density() -> None:
    """The kick along the bunch follows the Gaussian, with the charge of the beam."""
    beam = beam_of(50_000, np.diag([1e-8, 1e-8]))
    effect = TransverseSpaceCharge(at="m", window=(-6e-3, 6e-3), field="linear")
    after = kicked(effect, beam)
    near = np.abs(beam.x) > 1e-5
    slope = after.px[near] / beam.x[near]
    peak = 1e-11 * REFERENCE.beta * SPEED_OF_LIGHT / (1e-3 * math.sqrt(2.0 * math.pi))  # A
    for z in (0.0, 1e-3, -1.5e-3):
        here = np.abs(beam.z[near] - z) < 1e-4
        want = peak * PER_AMPERE / (2.0 * np.var(beam.x)) * math.exp(-0.5 * (z / 1e-3) ** 2)
        assert_close(np.median(slope[here]), want, rtol=0.03, atol=0.0, what="slope")


@pytest.mark.parametrize("field", ["linear", "gaussian"])
def test_momentum_stays(field: Any) -> None:
    """Of a linear kick exactly, also of a beam whose offset depends on z; of the Gaussian field up to its noise."""
    beam = beam_of(20_000, np.diag([1e-8, 2e-9]))
    if field == "linear":
        beam.coordinates[0] += 0.1 * beam.z + 2e-5
        beam.coordinates[2] += 30.0 * beam.z**2
    after = kicked(TransverseSpaceCharge(at="m", window=(-6e-3, 6e-3), field=field), beam)
    for kick in (after.px, after.py):
        assert abs(kick.sum()) < (1e-12 if field == "linear" else 0.02) * np.abs(kick).sum()
        assert np.abs(kick).max() > 1e-8
    assert bits([after.delta, after.z]) == bits([beam.delta, beam.z])


def by_fourier(kappa: float, a: float, b: float) -> float:
    """Slope on the axis of the field of exp(i k z), kappa = k/gamma, over that of a long charge, in polar q space."""

    def over_angle(q: float) -> float:
        angle = np.linspace(0.0, 2.0 * np.pi, 400, endpoint=False)
        c, s = np.cos(angle), np.sin(angle)
        return float((c * c * np.exp(-0.5 * q * q * ((a * c) ** 2 + (b * s) ** 2))).mean())

    def integral(kappa: float) -> float:
        return scipy.integrate.quad(
            lambda q: q**3 / (q * q + kappa**2) * over_angle(q), 0.0, 40.0 / min(a, b), limit=400, epsrel=1e-9
        )[0]

    return integral(kappa) / integral(0.0)


def test_how_the_field_follows_microbunches() -> None:
    """Round beams: 1 - x e^x E1(x); elliptic ones against an integral over the transverse wave vectors."""
    k = np.array([0.0, 0.01, 0.3, 1.0, 3.0, 10.0])
    x = 0.5 * k * k
    want = 1.0 - np.where(x > 0.0, x * np.exp(x) * scipy.special.exp1(np.maximum(x, 1e-30)), 0.0)
    assert_close(followed_density(k, 1.0, (1.0, 1.0))[0], want, rtol=0.0, atol=2e-5)
    for kappa in (0.5, 2.0):
        got = followed_density(np.array([kappa]), 1.0, (1.0, 0.2))[:, 0]
        assert_close(got, [by_fourier(kappa, 1.0, 0.2), by_fourier(kappa, 0.2, 1.0)], rtol=1e-4, atol=0.0)


@pytest.mark.parametrize(("kappa", "said"), [(0.25, 0.06), (0.5, 0.15), (1.0, 0.30)])
def test_how_wrong_it_is_off_the_axis(kappa: float, said: float) -> None:
    """The field of cos(k z), round, against the long one times the share on the axis: rms over the beam, as is told."""
    u, weights = np.polynomial.legendre.leggauss(200)
    u, weights = 0.5 * (u + 1.0), 0.5 * weights

    def field(r: np.ndarray, kappa: float) -> np.ndarray:
        return r * (np.exp(-0.5 * kappa**2 * (1.0 / u - 1.0) - 0.5 * (r * r)[:, None] * u) @ weights)

    r = np.linspace(1e-3, 6.0, 400)
    exact, long = field(r, kappa), field(r, 0.0)
    assert_close(long, -2.0 * np.expm1(-0.5 * r * r) / r, rtol=1e-6, atol=0.0)
    here = followed_density(np.array([kappa]), 1.0, (1.0, 1.0))[0, 0] * long
    density = r * np.exp(-0.5 * r * r)
    assert (here[1:] > exact[1:]).all()
    assert_close(np.sqrt(density @ (here - exact) ** 2 / (density @ exact**2)), said, rtol=0.08, atol=0.0)


@pytest.mark.parametrize("wavelength", [2e-3, 5e-7])
def test_microbunches_have_their_own_field_or_that_of_the_mean_current(wavelength: float) -> None:
    """At gamma lambda/2 pi = 62 mm the beam of 0.1 mm has its own density, at 15 um that of the mean current."""
    n = 20_000
    beam = beam_of(n, np.diag([1e-8, 1e-8]))
    beam.coordinates[4] = wavelength * (0.05 * scipy.special.ndtri((np.arange(n) + 0.5) / n) + 7.0)
    effect = TransverseSpaceCharge(at="m", length=1.0, current=0.5, wavelength=wavelength, field="linear")
    even = kicked(TransverseSpaceCharge(at="m", length=1.0, current=0.5, field="linear"), beam)
    if wavelength < 1e-4:
        with pytest.warns(
            ValidityWarning, match=r"k sigma/gamma is 6\.\d .* off the axis the field follows the microbunches less"
        ):
            after = kicked(effect, beam)
    else:
        after = kicked(effect, beam)
    ratio = after.px[n // 2] / even.px[n // 2]
    own = 1.0 / (0.05 * math.sqrt(2.0 * math.pi))
    if wavelength > 1e-4:
        assert_close(ratio, own, rtol=0.01, atol=0.0, what="own density")
    else:
        assert 1.0 < ratio < 1.0 + 0.1 * own


BETA, TUNE = 4.0, 0.31


def matched(n: int, emit: float) -> tuple[Beam, np.ndarray]:
    """A coasting beam that is round and matched to BETA, at the amplitudes of which the last five have no weight."""
    size = math.sqrt(emit * BETA)
    u = np.array([scipy.special.ndtri(radical_inverse(n, base)) for base in (2, 3, 5, 7)])
    half = (n - 5) // 2
    u[:, half : 2 * half], u[:, 2 * half :] = -u[:, :half], 0.0  # a centre that stays
    u = np.linalg.solve(np.linalg.cholesky(u @ u.T / (2 * half)), u)
    rows = np.zeros((6, n))
    rows[0], rows[1], rows[2], rows[3] = size * u[0], size / BETA * u[1], size * u[2], size / BETA * u[3]
    rows[4] = np.arange(n) * 1e-6
    weight = np.ones(n)
    amplitudes = np.array([0.05, 1.0, 2.0, 3.0, 5.0])
    rows[:4, -5:], weight[-5:] = 0.0, 0.0
    rows[0, -5:] = amplitudes * size
    return Beam(REFERENCE, rows, weight), amplitudes


def one_turn() -> Lattice:
    c, s = math.cos(2.0 * math.pi * TUNE), math.sin(2.0 * math.pi * TUNE)
    matrix = np.eye(6)
    for i in (0, 2):
        matrix[i : i + 2, i : i + 2] = [[c, BETA * s], [-s / BETA, c]]
    turn = LinearMap(name="turn", matrix=tuple(map(tuple, matrix.tolist())), length=10.0)
    return Lattice.from_elements([Marker(name="m"), turn], REFERENCE, periodic=True)


def tunes(lattice: Lattice, beam: Beam, effect: Any, turns: int, rows: str, last: int) -> np.ndarray:
    """Frequencies (rows, last) of the last particles at the marker, by the maximum of a windowed transform."""
    seen = SnapshotMonitor("m", every=1)
    found = track(lattice, beam, turns, effects=[effect], monitors=[seen]).monitors[seen.name]
    x = np.concatenate([[getattr(one, row)[-last:] for one in found.beams] for row in rows], axis=1)
    n = np.arange(len(x))
    out = []
    for signal in (x * np.hanning(len(x))[:, None]).T:
        first = np.fft.rfftfreq(len(x))[np.argmax(np.abs(np.fft.rfft(signal)))]
        found = scipy.optimize.minimize_scalar(
            lambda q, s=signal: -abs(np.exp(-2j * np.pi * q * n) @ s),
            bounds=(first - 1.0 / len(x), first + 1.0 / len(x)), method="bounded", options={"xatol": 1e-9},
        )  # fmt: skip
        out.append(float(found.x))
    return np.array(out).reshape(len(rows), last)


@pytest.mark.parametrize("field", ["linear", "gaussian"])
def test_tune_against_amplitude(field: Any) -> None:
    """Linear: one shift for all. Gaussian, round: (1 - e^-u I0(u))/u of it at an amplitude of u = a^2/(4 sigma^2) in
    one plane (the average of the field over the phase, as of beam-beam kicks: Chao, Handbook, section 2.5.3).
    """
    beam, amplitudes = matched(1205, 1e-7)
    shift = 0.004  # of small amplitudes
    current = shift * 4.0 * math.pi * 2.0 * 1e-7 / (PER_AMPERE * 10.0)
    effect = TransverseSpaceCharge(at="m", current=current, field=field)
    got = TUNE - tunes(one_turn(), beam, effect, 500, "x", 5)[0]
    u = amplitudes**2 / 4.0
    form = np.where(u > 0.0, (1.0 - scipy.special.i0e(u)) / u, 1.0) if field == "gaussian" else np.ones(5)
    assert_close(got[0], shift, rtol=0.01, atol=0.0, what="small amplitude")
    assert_close(got, shift * form, rtol=0.0, atol=0.015 * shift, what="tune shifts")


def ring(voltage: bool = False) -> Lattice:
    cell = fodo_cell()
    bound = [RFCavity(name="rf", voltage=1e3, harmon=4.0, zero_phase="ABOVE_TRANSITION")] if voltage else []
    return Lattice.from_elements([Marker(name="m"), *bound, *cell * 8], REFERENCE, periodic=True)


def of_ring(lattice: Lattice, emit: tuple[float, float], sigma_z: float, sigma_delta: float = 0.0) -> np.ndarray:
    """Covariances (n + 1, 6, 6) of emittances and a spread, by Twiss functions and dispersion."""
    o = optics(lattice)
    sigma = np.zeros((len(o.s), 6, 6))
    for k in (0, 1):
        sigma[:, :4, :4] += emit[k] * o.mode_beta[:, k]
    d = np.concatenate([o.dispersion, np.zeros((len(o.s), 1)), np.ones((len(o.s), 1))], axis=1)
    sigma += sigma_delta**2 * d[:, :, None] * d[:, None, :]
    sigma[:, 4, 4] = sigma_z**2
    return sigma


def test_closed_form_along_a_ring() -> None:
    """The integral by hand over finely cut elements, with dispersion, of a bunch and of a current."""
    lattice = ring()
    sigma = of_ring(lattice, (2e-7, 1e-7), 1e-2, 1e-3)
    got = space_charge_tune_shift(lattice, sigma, current=3.0)
    fine = Lattice.from_elements([piece for e in lattice.elements for piece in cut(e)], REFERENCE, periodic=True)
    here = of_ring(fine, (2e-7, 1e-7), 1e-2, 1e-3)
    o = optics(fine)
    size = np.sqrt(np.stack([here[:, 0, 0], here[:, 2, 2]], axis=1))
    integrand = o.beta / (size * size.sum(axis=1, keepdims=True))
    want = -3.0 * PER_AMPERE / (4.0 * math.pi) * np.trapezoid(integrand, o.s, axis=0)
    assert_close(got, want, rtol=2e-3, atol=0.0, what="tune shifts")
    electrons = 3.0 * math.sqrt(2.0 * math.pi) * 1e-2 / (ELEMENTARY_CHARGE * REFERENCE.beta * SPEED_OF_LIGHT)
    assert_close(space_charge_tune_shift(lattice, sigma, electrons=electrons), got, rtol=1e-3, atol=0.0)
    bunched = space_charge_tune_shift(ring(voltage=True), np.insert(sigma, 1, sigma[0], axis=0), current=3.0)
    assert_close(bunched, got, rtol=2e-3, atol=0.0, what="with a cavity, whose modes have six coordinates")


def cut(element: Any) -> list[Any]:
    """Ten equal pieces of an element; markers as they are."""
    if element.length == 0.0:
        return [element]
    pieces = {"length": element.length / 10} | ({"angle": element.angle / 10} if hasattr(element, "angle") else {})
    name = element.name.replace("#", "_")
    return [dataclasses.replace(element, name=f"{name}_{i}", **pieces) for i in range(10)]


def test_tracked_along_a_ring() -> None:
    """Kicks at a spacing shift the tunes by the closed form, in both planes, of a flat beam without dispersion."""
    lattice = ring()
    emit = (2e-7, 5e-8)
    sigma = of_ring(lattice, emit, 1e-2)
    n, half = 305, 150
    beam, _ = matched(n, 1e-7)
    o = optics(lattice)
    for k, e in enumerate(emit):  # circles in units of the emittance, matched at the start
        u, v = beam.coordinates[2 * k : 2 * k + 2] * np.array([[1.0], [BETA]]) / math.sqrt(1e-7 * BETA)
        b, a = o.beta[0, k], o.alpha[0, k]
        beam.coordinates[2 * k], beam.coordinates[2 * k + 1] = math.sqrt(e * b) * u, math.sqrt(e / b) * (v - a * u)
    beam.coordinates[:4, 2 * half :] = np.array([[1e-5], [0.0], [1e-5], [0.0]])
    current = 10.0
    want = space_charge_tune_shift(lattice, sigma, current=current)
    assert (np.abs(want) > 5e-4).all()
    assert (np.abs(want) < 5e-3).all()
    effect = TransverseSpaceCharge(at=0.4, current=current, field="linear")
    nothing = TransverseSpaceCharge(at="m", current=1e-12, field="linear")
    bare, felt = (tunes(lattice, beam, e, 128, "xy", 1)[:, 0] for e in (nothing, effect))
    sign = np.where(o.mode_tunes < 0.5, 1.0, -1.0)
    assert_close(sign * (felt - bare), want, rtol=0.02, atol=0.0, what="tune shifts")


def test_axes_of_a_tilted_beam() -> None:
    for angle in (0.0, 0.3, -0.7, math.pi / 4):
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        sizes, c, s = axes_of(turn @ np.diag([4.0, 1.0]) @ turn.T)
        assert_close(sizes, [2.0, 1.0], rtol=1e-14, atol=0.0)
        assert_close([c, s], [math.cos(angle), math.sin(angle)], rtol=0.0, atol=1e-14)


def test_what_is_lost_lowers_the_field() -> None:
    beam = beam_of(4000, np.diag([1e-8, 1e-8]))
    state = np.where(np.arange(4000) % 4 == 0, 1, 0)
    none = np.where(state, 0, -1)
    less = Beam(REFERENCE, beam.coordinates, beam.weight, state=state, lost_turn=none, lost_element=none)
    effect = TransverseSpaceCharge(at="m", current=1.0, field="linear")
    sizes = [np.var(b.x[b.alive]) for b in (beam, less)]
    ratio = kicked(effect, less).px[1] / beam.x[1] / (kicked(effect, beam).px[1] / beam.x[1])
    assert_close(ratio, 0.75 * sizes[0] / sizes[1], rtol=0.05, atol=0.0)


def test_a_line_of_a_run_file(tmp_path: Path) -> None:
    """A window is one of a bunch; the text tells the angle."""
    line = "{kind: transverse_space_charge, at: 0.5 m, window: [-4 um, 4 um], bins: 64}"
    found = run_file(of(tmp_path, line), tmp_path / "a")
    assert all(kick.deflection > 0.0 and kick.rms == 0.0 for kick in load_result(tmp_path / "a").kicks)
    assert "transverse_space_charge at" in found.text()
    assert "rms deflection" in found.text()


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ({}, "give the window of a bunch, or the current"),
        ({"current": 1.0, "window": (-1.0, 1.0)}, "give the window of a bunch, or the current"),
        ({"wavelength": 1e-6, "window": (-1.0, 1.0)}, "give the window of a bunch, or the current"),
        ({"window": (1.0, -1.0)}, "window must be"),
        ({"current": 1.0, "length": -1.0}, "length"),
        ({"current": 1.0, "length": 1.0, "at": 0.5}, "a length belongs to named elements"),
        ({"current": 1.0, "field": "exact"}, "field"),
        ({"current": 0.0}, "current"),
    ],
)
def test_what_is_wrong(given: dict[str, Any], want: str) -> None:
    with pytest.raises(ConfigError, match=want):
        TransverseSpaceCharge(**({"at": "m"} | given))


def test_where_it_ends() -> None:
    flat = beam_of(100, np.diag([1e-8, 1e-8]))
    flat.coordinates[2] = 0.0
    with pytest.raises(PhysicsError, match="no extent along an axis across it"):
        kicked(TransverseSpaceCharge(at="m", current=1.0), flat)
    beam = beam_of(1000, np.diag([1e-8, 1e-8]))
    with pytest.warns(ValidityWarning, match=r"moves particles by .* of their offset"):
        kicked(TransverseSpaceCharge(at="m", current=100.0, length=20.0), beam)
    with pytest.warns(ValidityWarning, match="of the charge lies outside of the window"):
        kicked(TransverseSpaceCharge(at="m", window=(-2e-3, 2e-3)), beam)
    lattice = ring()
    sigma = of_ring(lattice, (2e-7, 1e-7), 1e-2)
    with pytest.raises(ConfigError, match="sigma must be"):
        space_charge_tune_shift(lattice, sigma[:3], current=1.0)
    with pytest.raises(ConfigError, match="either electrons"):
        space_charge_tune_shift(lattice, sigma)
    with pytest.raises(PhysicsError, match="without width or height"):
        space_charge_tune_shift(lattice, of_ring(lattice, (2e-7, 0.0), 1e-2), current=1.0)
