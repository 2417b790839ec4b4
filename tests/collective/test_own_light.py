"""Own light against far fields, brute-force sums over the beam, causality, and equilibria of tracked beams."""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import Any

import numpy as np
import pytest
from scipy.special import exp1

from ssmb.beam import Beam, Reference
from ssmb.collective import OwnLight, Resistance, TrainImpedance, UndulatorLight
from ssmb.collective.light_modes import mode_list, mode_values
from ssmb.elements import Drift, Marker
from ssmb.elements.linear_map import LinearMap
from ssmb.elements.thin_laser import ThinLaser
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import ConfigError, ValidityWarning
from ssmb.kernels.lobes import sinc
from ssmb.lattice import Lattice
from ssmb.light import energy_exchange, tracked_power
from ssmb.light.coherent import form_factor
from ssmb.maps.undulator import Undulator
from ssmb.tracking import MomentMonitor, track
from ssmb.tracking.stations import Place
from tests.support import assert_close, assert_reference, reference_values

HERE = Place(0, "m", 0.0)
REF, LIGHT = Reference(400e6), 13.5e-9
EUV = Undulator.resonant(REF, LIGHT, period=0.01, n_periods=300)
K = 2.0 * math.pi / LIGHT
SIGMA = 20e-6


def own_light(sigma: tuple[float, float] = (SIGMA, SIGMA), **changes: Any) -> OwnLight:
    given: dict[str, Any] = {
        "at": "m", "wavelength": REF.beta * LIGHT, "current": 1.0, "sigma_x": sigma[0], "sigma_y": sigma[1],
        "period": EUV.period, "periods": EUV.n_periods, "deflection": EUV.k,
    }  # fmt: skip
    return OwnLight(**(given | changes))


def bunched(sigma: tuple[float, float] = (SIGMA, SIGMA), n: int = 4096, tilt: float = 0.0) -> Beam:
    """A beam with |b| = 0.3, without angles and energy spread; ``tilt`` [rad] moves z with x."""
    long = math.sqrt(-2.0 * math.log(0.3)) / K
    cov = np.diag(np.array([sigma[0], 0.0, sigma[1], 0.0, long, 0.0]) ** 2)
    rows = Beam.gaussian(REF, cov, n=n, charge=1e-12, seed=3, start="quiet").coordinates.copy()
    rows[4] += tilt * rows[0] + 1.3e-9
    return Beam(REF, rows)


def total_of(effect: OwnLight, beam: Beam) -> np.ndarray:
    return effect.total(effect.sums(beam, {}))


def gains(effect: OwnLight, beam: Beam) -> np.ndarray:
    """Energy gain of each particle [eV], from its momentum."""
    after = beam.copy()
    effect.kick(after, total_of(effect, beam), {}, 0, HERE)
    p = 1.0 + np.stack([beam.delta, after.delta]).astype(np.longdouble)
    energy = np.sqrt(p * p + np.longdouble(REF.mass / REF.p0c) ** 2)
    return ((energy[1] - energy[0]) * REF.p0c).astype(float)


# ---- the impedance


@pytest.mark.parametrize("which", ["radiator", "modulator"])
def test_impedance_and_power_of_reference_cases(which: str) -> None:
    want = reference_values()[f"cur_power_{which}_p"]["inputs"]
    undulator = Undulator.resonant(Reference(want["E"]), want["wavelength"], want["period"], want["periods"])
    z = UndulatorLight.of(undulator, want["sigma"])(np.array([2.0 * math.pi / want["wavelength"]]))[0]
    assert_reference(f"cur_Z_{which}_p", [z.real, z.imag])
    loss = 2.0 * want["current"] * want["b"] ** 2 * z.real
    assert_reference(f"cur_power_{which}_p", [loss * want["current"], loss, loss / want["b"]])


def test_a_pair_in_a_short_undulator_by_retarded_fields() -> None:
    """Retarded fields of pairs in 12 periods: 1/N less, the phase within 0.04 rad, on and beside the resonance."""
    und = Undulator(Reference(200.0 * 0.51099895e6), 0.02, 12, 1.2)
    for nu, pairs, formula in reference_values()["cur_Z_radiator_p"]["second_way"]["brute_force_other_undulator"]:
        wavelength = und.wavelength() / (1.0 + nu)
        sigma = math.sqrt(0.15 * und.length * wavelength / (2.0 * math.pi))
        z = UndulatorLight.of(und, sigma)(np.array([2.0 * math.pi / wavelength]))[0]
        assert_close(z, complex(*formula), rtol=1e-9, atol=0.0, what=f"impedance at {nu} [ohm]")
        ratio = complex(*pairs) / z
        assert 0.9 < abs(ratio) < 0.95
        assert abs(np.angle(ratio)) < 0.045


@pytest.mark.parametrize("sizes", [(0.1, 0.1), (0.02, 0.3)])
@pytest.mark.parametrize("nu", [0.0, 2e-3, -1e-3])
def test_real_part_is_the_far_field(sizes: tuple[float, float], nu: float) -> None:
    k = K * (1.0 + nu)
    sigma = [math.sqrt(s * EUV.length / k) for s in sizes]
    z = UndulatorLight.of(EUV, *sigma)(np.array([k]))[0]
    ohms = 0.5 * math.pi * 376.730313668 * 300 * EUV.coupling(1)
    want = ohms * form_factor(*sizes, detuning=-2.0 * math.pi * 300 * nu)
    assert_close(z.real, want, rtol=1e-8, atol=0.0, what="Re Z [ohm]")


def test_imaginary_part_follows_by_causality() -> None:
    """The light runs ahead only: Re Z at all frequencies gives Im Z, a principal value."""
    size, phi = 0.15, 1.0
    grid = phi + 0.1 * (np.arange(-6000, 6000) + 0.5)  # phase over the undulator, the pole between two points
    real = np.array([form_factor(size, detuning=-p) for p in grid])
    imag = -np.sum(real / (phi - grid)) * 0.1 / math.pi
    got = UndulatorLight._integral(size, size, phi)
    assert_close(got.imag, imag, rtol=0.0, atol=2e-3, what="Im of the integral")


def test_far_from_odd_harmonics_there_is_no_light() -> None:
    z = UndulatorLight.of(EUV, SIGMA)(K * np.array([0.0, 0.4, 1.0, 2.0, 3.0]))
    assert z[0] == z[1] == 0.0
    assert abs(z[3]) < 0.01 * abs(z[2])
    assert z[4].real > 0.01 * z[2].real


# ---- the kick


def test_kick_of_a_given_power() -> None:
    """The convention of signs: dE = -(P/(I |b|)) cos(k z + arg b)."""
    entry = reference_values()["own_light_energy_p"]
    given = entry["inputs"]
    z = np.array(given["z"])
    rows = np.zeros((6, z.size))
    rows[4] = z
    b = np.exp(-2j * math.pi * z / given["wavelength"]).mean()
    ohms = given["power"] / (2.0 * given["current"] ** 2 * abs(b) ** 2)
    effect: Any = TrainImpedance(
        at="m", impedance=Resistance(ohms), wavelength=given["wavelength"],
        current=given["current"],
    )  # fmt: skip
    got = gains(effect, Beam(REF, rows))
    assert_reference("own_light_energy_p", got)
    assert_close(got.mean() * given["current"], -given["power"], rtol=1e-9, atol=0.0, what="power [W]")


@pytest.mark.parametrize("tilt", [0.0, 1e-4])
def test_energy_lost_is_energy_radiated(tilt: float) -> None:
    """What the particles lose, in the mean of their gains, is the light at all angles: |far field of the modes|^2."""
    effect, beam = own_light((SIGMA, 30e-6), order=3), bunched((SIGMA, 30e-6), tilt=tilt)
    total = total_of(effect, beam)
    b, pairs = effect.modes(total), mode_list(effect.order)
    values = [mode_values(row, size, effect.order)[0] for row, size in ((beam.x, SIGMA), (beam.y, 30e-6))]
    psi = np.stack([values[0][m] * values[1][n] for m, n in pairs])
    gain = (
        -2.0
        * effect.current
        * np.real((effect.impedance(REF) @ b) @ psi * np.exp(2j * math.pi * beam.z / effect.wavelength))
    )
    assert_close(gains(effect, beam), gain, rtol=1e-9, atol=3e-7, what="gain of each particle [eV]")
    lost = -float(gain.mean())
    assert_close(effect.radiated_power(total, REF), lost, rtol=1e-12, atol=0.0, what="loss [eV]")
    # far field of the modes, each by a sum over its density
    x = np.linspace(-12.0, 12.0, 481)
    w = 0.05 * np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
    theta = np.linspace(-8e-4, 8e-4, 801)
    spectra = [
        (mode_values(size * x, size, effect.order)[0] * w) @ np.exp(-1j * K * np.outer(size * x, theta))
        for size in (SIGMA, 30e-6)
    ]
    field = sum(amplitude * np.outer(spectra[0][m], spectra[1][n]) for amplitude, (m, n) in zip(b, pairs, strict=True))
    u = 0.25 * K * EUV.length * (theta[:, None] ** 2 + theta**2)
    intensity = np.abs(field) ** 2 * np.sinc(u / math.pi) ** 2
    per_steradian = math.pi * 376.730313668 * 300 * EUV.coupling(1) * EUV.length / (math.pi * LIGHT)
    power = per_steradian * float(intensity.sum()) * (theta[1] - theta[0]) ** 2
    assert_close(lost, power, rtol=1e-9, atol=0.0, what="power [W]")


def test_radiated_part_of_each_kick_is_the_exchange_with_the_far_field(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every particle, in the field of all at some hundred angles; order 8 of the modes."""
    whole = OwnLight.impedance
    monkeypatch.setattr(OwnLight, "impedance", lambda self, ref: np.real(whole(self, ref)).astype(complex))
    for sigma in ((SIGMA, SIGMA), (60e-6, 10e-6)):
        beam = bunched(sigma, tilt=2e-5)
        light = tracked_power(EUV, beam, LIGHT, current=1.0)
        want = energy_exchange(light, beam) * REF.beta * REF.p0c
        got = gains(own_light(sigma, order=8), beam)
        assert_close(got.mean(), -light.power, rtol=2e-4, atol=0.0, what="power [W]")
        assert float(np.sqrt(np.mean((got - want) ** 2) / np.mean(want**2))) < 0.01


def test_field_in_the_beam_by_a_sum_over_its_sources() -> None:
    """Real and reactive field on and off the axis, point to point over a Gaussian beam, in polar coordinates."""
    log_s, weights = np.polynomial.legendre.leggauss(400)
    log_s = 0.5 * (log_s + 1.0) * (math.log(6.0) - math.log(1e-9)) + math.log(1e-9)
    s = np.exp(log_s) * SIGMA
    weights = weights * 0.5 * (math.log(6.0) - math.log(1e-9)) * s * s
    phi = 2.0 * math.pi * (np.arange(64) + 0.5) / 64
    a = -0.5j * K * s * s / EUV.length
    kernel = 2.0 / (1j * math.pi) * (exp1(a) * (1.0 + a) - np.exp(-a))  # (4/pi) Int (1 - t) exp(i a/t)/(2 i t) dt
    ohms = 0.5 * math.pi * 376.730313668 * 300 * EUV.coupling(1)
    effect = own_light(order=10)
    x, w = np.polynomial.hermite_e.hermegauss(60)
    mean = mode_values(SIGMA * x, SIGMA, effect.order)[0] @ (w / w.sum())
    b = np.array([mean[m] * mean[n] for m, n in mode_list(effect.order)])
    field = effect.impedance(REF) @ b
    for at in ((0.0, 0.0), (SIGMA, 0.0), (1.5 * SIGMA, -SIGMA)):
        place = np.array(at)[:, None, None] + s[:, None] * np.array([np.cos(phi), np.sin(phi)])[:, None, :]
        density = np.exp(-0.5 * (place**2).sum(axis=0) / SIGMA**2) / (2.0 * math.pi * SIGMA**2)
        want = ohms * np.sum(weights * kernel * density.mean(axis=1)) * 2.0 * math.pi
        psi = [mode_values(np.array([c]), SIGMA, effect.order)[0][:, 0] for c in at]
        got = sum(f * psi[0][m] * psi[1][n] for f, (m, n) in zip(field, mode_list(effect.order), strict=True))
        assert_close(got, want, rtol=0.01, atol=0.0, what=f"field at {at} [ohm]")


def test_kick_is_symplectic() -> None:
    """Of a test particle in the field of the beam, by differences, in units in which all coordinates are alike."""
    effect = own_light((SIGMA, 30e-6), current=30.0)
    total = total_of(effect, bunched((SIGMA, 30e-6)))
    unit = np.array([SIGMA, LIGHT / SIGMA, SIGMA, LIGHT / SIGMA, LIGHT, 1.0])
    start = np.array([0.7, 0.2, -0.5, 0.1, 0.13, 2e-4])
    h, columns = 1e-5, []
    for i in range(6):
        rows = np.stack([start, start], axis=1)
        rows[i] += (h, -h)
        beam = Beam(REF, rows * unit[:, None])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ValidityWarning)
            effect.kick(beam, total, {}, 0, HERE)
        after = beam.coordinates / unit[:, None]
        columns.append((after[:, 0] - after[:, 1]) / (2.0 * h))
    jacobian = np.array(columns).T
    s = np.kron(np.eye(3), np.array([[0.0, 1.0], [-1.0, 0.0]]))
    assert abs(jacobian[5, 0]) > 1e-6  # the field does vary across the beam
    assert_close(jacobian.T @ s @ jacobian, s, rtol=0.0, atol=1e-8, what="symplectic")


@pytest.mark.parametrize(("sigma", "of_modes"), [((60e-6, 60e-6), (60e-6, 60e-6)), ((66e-6, 54e-6), (60e-6, 60e-6))])
def test_wide_field_of_a_coasting_beam_and_its_diffusion(
    sigma: tuple[float, float], of_modes: tuple[float, float]
) -> None:
    """Kicks of a beam that is weakly bunched, as wide as its modes or not: in each coordinate the diffusion told."""
    b = 0.1
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    phases = (np.arange(16) + 0.5) / 16
    x, y, u = (a.ravel() for a in np.meshgrid(nodes, nodes, phases, indexing="ij"))
    weight = np.einsum("i,j,k->ijk", weights, weights, 1.0 + 2.0 * b * np.cos(2.0 * math.pi * phases)).ravel()
    rows = np.stack([sigma[0] * x, 0.0 * x, sigma[1] * y, 0.0 * x, u * REF.beta * LIGHT, 0.0 * x])
    beam = Beam(REF, rows, weight)
    cov = np.diag([sigma[0] ** 2, 0.0, sigma[1] ** 2, 0.0, 0.0, 0.0])
    effect = own_light(of_modes, bunching=b)
    after = beam.copy()
    effect.kick(after, total_of(effect, beam), {}, 0, HERE)
    kick = after.coordinates - rows
    told = effect.diffusion(cov, REF, HERE)
    assert told is not None
    assert own_light(sigma).diffusion(cov, REF, HERE) is None
    for i in (1, 3, 5):
        got = np.average(kick[i] ** 2, weights=weight)
        assert_close(got, told[i, i], rtol=1e-3, atol=0.0, what=f"growth of coordinate {i}")
    ratio = math.sqrt(np.average(kick[5] ** 2, weights=weight)) / -np.average(kick[5], weights=weight)
    z = UndulatorLight.of(EUV, sigma[0])(np.array([K]))[0]
    uniform = abs(z) / z.real / (math.sqrt(2.0) * b)
    assert uniform < ratio < 1.5 * uniform


# ---- in a lattice


def test_undulator_of_the_lattice() -> None:
    ring = Lattice.from_elements(
        [
            Drift(name="a", length=1.0),
            Wiggler(name="in", periods=30.0, period_length=0.02, K=1.0),
            Marker(name="RAD"),
            Wiggler(name="out", periods=30.0, period_length=0.02, K=1.0),
            Drift(name="b", length=1.0),
        ],
        Reference(600e6),
    )
    und = Undulator(Reference(600e6), 0.02, 60, 1.0)
    given: dict[str, Any] = {"wavelength": und.wavelength(), "current": 10.0, "sigma_x": 2e-5, "sigma_y": 2e-5}
    rows = np.random.default_rng(1).normal(size=(6, 600)) * np.array([2e-5, 0, 2e-5, 0, 1e-9, 0])[:, None]
    beam = Beam(Reference(600e6), rows)
    found = track(ring, beam, 1, effects=[OwnLight(at="RAD", **given)]).beam
    said = track(ring, beam, 1, effects=[OwnLight(at="RAD", period=0.02, periods=60, deflection=1.0, **given)]).beam
    assert found.coordinates.tobytes() == said.coordinates.tobytes()
    two = [
        OwnLight(at="RAD", **given),
        OwnLight(at="RAD", name="third", **(given | {"harmonic": 3, "wavelength": und.wavelength(3)})),
    ]
    assert track(ring, beam, 1, effects=two).beam.coordinates.tobytes() != found.coordinates.tobytes()
    of_train = OwnLight(at="RAD", **(given | {"wavelength": 79 * given["wavelength"]}))
    assert_close(
        track(ring, beam, 1, effects=[of_train]).beam.coordinates, found.coordinates, rtol=1e-12, atol=1e-18,
        what="light at the 79th line of a train",
    )  # fmt: skip
    with pytest.raises(ConfigError, match="no undulator at 'a'"):
        track(ring, beam, 1, effects=[OwnLight(at="a", **given)])


@pytest.mark.parametrize(
    ("changes", "want"),
    [
        ({"periods": 0}, "give period, periods and deflection of the undulator, or none"),
        ({"harmonic": 2}, "an undulator radiates odd harmonics"),
        ({"helical": True, "harmonic": 3}, "a helical one the first"),
        ({"sigma_x": 0.0}, "sigma_x must be a number above 0 m"),
        ({"order": 99}, "order must be a whole number from 0 to 12"),
    ],
)
def test_arguments(changes: dict[str, Any], want: str) -> None:
    with pytest.raises(ConfigError, match=want):
        own_light(**changes)


@pytest.mark.parametrize(
    ("row", "factor", "want"),
    [(0, 3.0, "modes for sigma_x"), (1, 1e5, r"k L sigma'\^2/4"), (5, 1e-3, "2 pi n N sigma_delta")],
)
def test_a_beam_beyond_the_model_is_told_once(row: int, factor: float, want: str) -> None:
    beam = bunched()
    rows = beam.coordinates.copy()
    rows[row] = factor * (rows[0] if row < 2 else rows[2] / SIGMA) / (SIGMA * 1e9 if row == 1 else 1.0)
    effect = own_light()
    wide = Beam(REF, rows)
    with pytest.warns(ValidityWarning, match=want):
        effect.kick(wide.copy(), total_of(effect, wide), {}, 0, HERE)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        effect.kick(wide.copy(), total_of(effect, wide), {}, 1, HERE)


# ---- equilibria


class GivenField(OwnLight):
    """A wave (V/E) cos(k z) of given size that is uniform over the beam, whatever its bunching is."""

    def modes(self, total: np.ndarray) -> np.ndarray:
        z = self.impedance(Reference(1792e6))[0, 0]
        return np.array([abs(z) / z])

    def _warn(self, *_: Any) -> None:
        """The beam is far narrower than the modes."""


def given_field(volts: float, wavelength: float) -> GivenField:
    reference = Reference(1792e6)
    und = Undulator.resonant(reference, wavelength, 0.05, 100)
    made = GivenField(
        at="RAD", wavelength=wavelength, current=1.0, sigma_x=0.01, sigma_y=0.01, order=0, period=0.05, periods=100,
        deflection=und.k, name="own_light",
    )  # fmt: skip
    ohms = abs(made.impedance(reference)[0, 0]) * mode_values(np.zeros(1), 1.0, 0)[0][0, 0] ** 2
    return dataclasses.replace(made, current=volts / (2.0 * ohms))


def vertical_emittance(given: dict[str, Any], volts: float, turns: int, n: int, start: float) -> float:
    """Mean of the second half of the turns, of centred moments at the point without dispersion [m]."""
    reference, h, beta = Reference(given["E"]), given["h"], given["beta_y"]
    k = 2.0 * math.pi / given["wavelength"]
    dispersion, alpha = math.sqrt(given["H"] * beta), given["damping"]
    dress = np.eye(6)
    dress[2, 5] = dress[4, 3] = dispersion
    phase = 2.0 * math.pi * 0.28
    turn = np.eye(6)
    turn[2:4, 2:4] = [
        [math.cos(phase), beta * math.sin(phase)],
        [-math.sin(phase) / beta, math.cos(phase)],
    ]
    bunched_beam = "bucket_h" in given
    turn[4, 5] = -given.get("slip_R56", 0.02)
    damping = np.diag(np.exp(-np.array([0.0, 0.0, alpha, alpha, 0.0, 2.0 * alpha])))
    noise = np.diag([0.0, 0.0, 2.0 * alpha * given["eps_y0"] * beta, 2.0 * alpha * given["eps_y0"] / beta, 0.0,
                     4.0 * alpha * given["sigma_delta0"] ** 2])  # fmt: skip
    laser = {"laser_wavelength": given["wavelength"]}
    # a chicane in which the momentum that a particle had before MOD1 does not count: z += r56 (delta - y/D), and what
    # makes it symplectic; z = (1 - xi) z + ... in the radiator, whatever delta was
    r56, by_y, chicane = -given["xi"] / h, -1.0 / dispersion, np.eye(6)
    chicane[4, 5], chicane[4, 2] = r56, r56 * by_y
    chicane[3, 5], chicane[3, 2] = -r56 * by_y, -r56 * by_y * by_y
    line = [
        LinearMap(name="in", matrix=dress.tolist()),
        ThinLaser(name="MOD1", amplitude=h / k, **laser),
        LinearMap(name="c1", matrix=chicane.tolist()),
        Marker(name="RAD"),
        LinearMap(name="c2", matrix=np.linalg.inv(chicane).tolist()),
        ThinLaser(name="MOD2", amplitude=-h / k, **laser),
        LinearMap(name="out", matrix=np.linalg.inv(dress).tolist()),
        LinearMap(name="ring", matrix=turn.tolist(), damping_matrix=damping.tolist(), diffusion=noise.tolist()),
    ]
    if bunched_beam:
        line.append(ThinLaser(name="bucket", amplitude=given["bucket_h"] / k, **laser))
    sizes = np.array([0.0, 0.0, math.sqrt(start * beta), math.sqrt(start / beta), 0.0, given["sigma_delta0"]])
    sizes[4] = given.get("sigma_z0", 0.3 * given["wavelength"])
    rows = np.random.default_rng(5).normal(size=(6, n)) * sizes[:, None]
    light = [given_field(volts, given["wavelength"] / given["harmonic"])] if volts else []
    moments = MomentMonitor(every=8)
    run = track(Lattice.from_elements(line, reference), Beam(reference, rows), turns, effects=light, monitors=[moments])
    cov = run.monitors["moments"].sigma[-turns // 16 :]
    return float(np.sqrt(cov[:, 2, 2] * cov[:, 3, 3] - cov[:, 2, 3] ** 2).mean())


def test_equilibrium_of_a_coasting_beam_in_its_own_light() -> None:
    """The law eps0 + (H/2)(1 + xi^2/2)(V/E)^2/2/(2 alpha), and what other codes tracked: 11.20 pm."""
    entry = reference_values()["own_light_coasting_p"]
    got = vertical_emittance(entry["inputs"], entry["inputs"]["V"], 6000, 2500, 11e-12)
    assert_reference("own_light_coasting_p", got)
    assert_close(got, entry["second_way"]["tracked"], rtol=0.03, atol=0.0, what="eps_y [m]")


@pytest.mark.parametrize(("name", "turns"), [("own_light_bunched_p", 4000), ("own_light_bunched_p_large_H", 8000)])
def test_a_beam_in_micro_buckets(name: str, turns: int) -> None:
    """MOD2 takes off what the light does as long as k sqrt(eps_y H) << 1; over the emittance without light."""
    given = reference_values()[name]["inputs"]
    light, dark = (vertical_emittance(given, v, turns, 1500, given["eps_y0"]) for v in (given["V"], 0.0))
    assert_reference(name, light / dark)


@pytest.mark.parametrize("u", [0.0, 3e-5, 9.9e-5, 1.01e-4, 0.3, -2.0, 40.0])
def test_sinc_beside_and_at_zero(u: float) -> None:
    assert_close(sinc(u), float(np.sinc(u / math.pi)), rtol=0.0, atol=1e-15, what="sin(u)/u")
