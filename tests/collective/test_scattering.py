"""Scattering in tracking: reference values, growth in rings, equilibrium on a model, large collisions, densities."""

from __future__ import annotations

import dataclasses
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb import load_lattice
from ssmb.beam import Beam, Reference
from ssmb.collective import Intrabeam, IntrabeamHeating, intrabeam_diffusion, intrabeam_rates, touschek_rate
from ssmb.collective.intrabeam import moments_of
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.dynamics import equilibrium
from ssmb.dynamics.linear import symplectic_form
from ssmb.elements import Bend, Drift, Marker, Quadrupole, RFCavity
from ssmb.elements.lumped_radiation import LumpedRadiation
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import ConfigError, LatticeError, PhysicsError, ValidityWarning
from ssmb.kernels.scattering import collide
from ssmb.lattice import Lattice
from ssmb.ring_models import ring_model
from ssmb.tracking import MomentMonitor, track
from ssmb.tracking.stations import Place
from tests.studies.small_ring import bits
from tests.support import assert_close, assert_reference, fodo_cell, reference_values

Array = np.ndarray
#: A turn in which a beam at 600 MeV spends a nanosecond.
TURN = SPEED_OF_LIGHT * 1e-9
LATTICES = Path(__file__).parents[2] / "lattices"
COMPONENTS = ([1, 3, 5, 1, 1, 3], [1, 3, 5, 3, 5, 5])


def beam_of(reference: Reference, sigma: Array, n: int, electrons: float = 1.0, seed: int = 4) -> Beam:
    """Gaussian particles whose means and covariance are exactly what is asked for."""
    rows = np.random.default_rng(seed).standard_normal((6, n))
    rows -= rows.mean(axis=1)[:, None]
    rows = np.linalg.solve(np.linalg.cholesky(rows @ rows.T / n), rows)
    return Beam(reference, np.linalg.cholesky(sigma) @ rows, electrons / n)


def covariance(beam: Beam) -> Array:
    return np.cov(beam.coordinates, bias=True)


def kick(effect: Any, beam: Beam, turn: int, here: Place) -> None:
    effect.kick(beam, effect.total(effect.sums(beam, {})), {}, turn, here)


# ---- the tensor


@pytest.mark.parametrize("name", ["ibs_kick_tensor_p0", "ibs_kick_tensor_p1_dispersion", "ibs_kick_tensor_p2_coupled"])
def test_growth_by_kicks_is_the_tensor(name: str) -> None:
    """The tensor at the tolerance of the file; that of particles within 3 sigma after half of the kicks and after all.

    In ten kicks the covariance grows by 2 %; noise and beam, both of 4e4 particles, leave 1/30 of that undecided.
    """
    i = reference_values()[name]["inputs"]
    reference, sigma = Reference(i["E"]), np.array(i["Sigma"])
    rate = intrabeam_diffusion(reference, sigma, electrons=i["N"], coulomb_log=i["coulomb_log"])
    assert_reference(name, rate[COMPONENTS])
    told = Intrabeam(at="m", electrons=i["N"], coulomb_log=i["coulomb_log"]).diffusion(
        sigma, reference, Place(0, "m", 0.0, 1.0, reference.beta * SPEED_OF_LIGHT)
    )
    assert_reference(name, told[COMPONENTS])
    n, kicks = 40_000, 10
    time = 0.02 / float(np.max(np.abs(np.diag(rate)[1::2]) / np.diag(sigma)[1::2])) / kicks
    here = Place(0, "m", 0.0, 1.0, time * reference.beta * SPEED_OF_LIGHT)
    beam = beam_of(reference, sigma, n, i["N"])
    effect = Intrabeam(at="m", coulomb_log=i["coulomb_log"])
    for done in range(1, kicks + 1):
        kick(effect, beam, done, here)
        if done in (kicks // 2, kicks):
            got = (covariance(beam) - sigma)[COMPONENTS]
            noise = np.sqrt(_random(effect, sigma, reference, here, i["N"]) * done)
            size = np.sqrt(np.diag(sigma))
            spread = np.outer(size, noise) + np.outer(noise, size)
            want = rate[COMPONENTS] * time * done
            # the tensor changes by as much as the covariance does
            allowed = 3.0 * spread[COMPONENTS] / math.sqrt(n) + 0.02 * np.abs(want)
            assert_close((got - want) / allowed, 0.0, rtol=0.0, atol=1.0, what=f"growth after {done} kicks")


def _random(effect: Any, sigma: Array, reference: Reference, here: Place, electrons: float) -> Array:
    """Variances of the random kicks."""
    return np.diag(effect._moments(sigma, reference, here, electrons, None, False)[0])


def test_noise_and_friction_against_pairs() -> None:
    """Both by pairs drawn from a coupled beam at one point: <(g^2 - g_i g_j)/g^3>, -2 <g_i g_j/g^3>; 1.6e6 leave 0.5 %.

    Small-angle moments of Coulomb collisions (Rosenbluth, MacDonald, Judd, Phys. Rev. 107, 1 (1957)).
    """
    i = reference_values()["ibs_kick_tensor_p2_coupled"]["inputs"]
    reference, sigma, places, momenta = Reference(i["E"]), np.array(i["Sigma"]), [0, 2, 4], [1, 3, 5]
    corner, mixed = sigma[np.ix_(places, places)], sigma[np.ix_(momenta, places)]
    means = mixed @ np.linalg.inv(corner)
    inner = sigma[np.ix_(momenta, momenta)] - means @ mixed.T
    unit = np.diag([1.0, 1.0, 1.0 / reference.gamma])
    g = np.linalg.cholesky(2.0 * unit @ inner @ unit) @ np.random.default_rng(8).standard_normal((3, 1_600_000))
    size = np.sqrt((g**2).sum(axis=0))
    pairs = (g / size**3) @ g.T / g.shape[1]  # <g_i g_j/g^3>
    density = i["N"] / math.sqrt((4.0 * math.pi) ** 3 * np.linalg.det(corner))
    strength = 4.0 * math.pi * reference.classical_radius**2 * SPEED_OF_LIGHT * i["coulomb_log"] * density
    strength /= reference.gamma**5 * reference.beta**3  # density, time and g of the rest frame
    back = np.linalg.inv(unit)
    noise = strength * back @ (np.trace(pairs) * np.eye(3) - pairs) @ back
    friction = -2.0 * strength * back @ pairs @ back  # of <u F + F u>
    made, drift = moments_of(reference, sigma[None], i["N"], None, i["coulomb_log"])[0]
    got = made[np.ix_(momenta, momenta)]
    change = (drift @ sigma)[np.ix_(momenta, momenta)]
    for what, a, b in (("noise", got, noise), ("friction", change + change.T, friction)):
        size = np.sqrt(np.abs(np.outer(b.diagonal(), b.diagonal())))
        assert_close(a / size, b / size, rtol=0.0, atol=0.01, what=what)


def bane_rate(i: dict[str, float]) -> float:
    """1/T_p of K. Bane, Proc. EPAC 2002, p. 1443: for momenta along the beam that are small in the rest frame."""
    from scipy.constants import physical_constants

    radius, gamma = physical_constants["classical electron radius"][0], i["g"]
    h = (i["Dx"] ** 2 + (i["bx"] * i["Dpx"] + i["ax"] * i["Dx"]) ** 2) / i["bx"]
    sigma_h = 1.0 / math.sqrt(1.0 / i["sp_"] ** 2 + h / i["ex"])
    a, b = (sigma_h / gamma * math.sqrt(beta / e) for beta, e in ((i["bx"], i["ex"]), (i["by_"], i["ey"])))
    strength = radius**2 * SPEED_OF_LIGHT * i["N"] * i["clog"]
    volume = 16.0 * gamma**3 * i["ex"] ** 0.75 * i["ey"] ** 0.75 * i["ss"] * i["sp_"] ** 3
    return strength / volume * sigma_h * bane_function(a / b) * (i["bx"] * i["by_"]) ** -0.25


def bane_function(alpha: float) -> float:
    from scipy.integrate import quad

    def integrand(u: float) -> float:
        return 1.0 / math.sqrt((1.0 + u * u) * (alpha**2 + u * u))

    return 2.0 * math.sqrt(alpha) / math.pi * quad(integrand, 0.0, math.inf, epsrel=1e-11)[0]


def test_rates_at_high_energy_are_those_of_bane() -> None:
    """His form, by quadrature here, and the package at a spread that is small in the rest frame."""
    assert_reference("ibs_bane_g_0p5", bane_function(0.5))
    assert_reference("ibs_bane_Tp", bane_rate(reference_values()["ibs_bane_Tp"]["inputs"]))
    i = reference_values()["ibs_bane_over_bm_limit"]["inputs"]
    ours = intrabeam_rates(
        Reference(i["g"] * 510998.95069), electrons=i["N"], emit=(i["ex"], i["ey"]), sigma_z=i["ss"],
        sigma_delta=i["sp_"], beta=(i["bx"], i["by_"]), coulomb_log=i["clog"],
    )  # fmt: skip
    assert_reference("ibs_bane_over_bm_limit", bane_rate(i) / ours.delta)


def test_steady_state_of_smooth_optics() -> None:
    """Emittances and spread at which growth and damping balance, by small steps in time with the package's rates."""
    i = reference_values()["ibs_equilibrium_smooth_p"]["inputs"]
    now = np.array([i["ex0"], i["ey0"], i["sd0"] ** 2])
    natural, times = now.copy(), np.array([i["tau_x"], i["tau_y"], i["tau_z"]])
    for _ in range(1500):  # in steps of a hundredth of the damping time of z
        rates = intrabeam_rates(
            Reference(i["E"]), electrons=i["N"], emit=(now[0], now[1]), sigma_z=i["sigma_z_over_sigma_delta"] *
            math.sqrt(now[2]), sigma_delta=math.sqrt(now[2]), beta=(i["bx"], i["by"]), dispersion=(i["Dx"], 0.0),
            coulomb_log=i["log"],
        )  # fmt: skip
        growth = 2.0 * now * np.array([rates.x, rates.y, rates.delta])
        now = now + 0.01 * i["tau_z"] * (growth + 2.0 * (natural - now) / times)
    assert_reference("ibs_equilibrium_smooth_p", [now[0], now[1], math.sqrt(now[2])])


# ---- lines and rings


@pytest.mark.parametrize("name", ["ibs_one_pass_euv_1A", "ibs_one_pass_euv_60A"])
def test_path_error_of_one_pass_by_tracking(name: str) -> None:
    """The same 2e4 particles with and without scattering; their rms has an error of 0.5 %."""
    line = load_lattice(LATTICES / "ssmb_euv.pals.yaml")
    i = reference_values()[name]["inputs"]
    eta = np.array([0.0, 0.0, *i["dispersion_y"], 0.0, 1.0])
    sigma = i["sigma_delta"] ** 2 * np.outer(eta, eta)
    for k in (0, 1):
        b, a = i["beta"][k], i["alpha"][k]
        block = slice(2 * k, 2 * k + 2)
        sigma[block, block] += i["emittances"][k] * np.array([[b, -a], [-a, (1.0 + a * a) / b]])
    sigma[4, 4] = 1e-30  # a coasting beam: where it begins does not matter
    beam = beam_of(line.reference, sigma, 20_000)
    still = track(line, beam).beam
    for given in ({"at": 0.25}, {"at": 2.0, "ring": line}):
        effect = Intrabeam(current=i["current"], coulomb_log=i["coulomb_log"], **given)
        kicked = track(line, beam, effects=[effect]).beam
        assert_reference(name, [np.std(kicked.z - still.z), np.std(kicked.delta - still.delta)])


def cut(element: Any, parts: int, **changes: Any) -> list[Any]:
    return [dataclasses.replace(element, length=element.length / parts, **changes)] * parts


def dispersive_ring() -> Lattice:
    half = Bend(name="b", length=2.0, angle=math.pi / 2, Kn1=-0.3)
    cavity = RFCavity(name="rf", voltage=1e5, harmon=4, zero_phase="ABOVE_TRANSITION")
    pieces = cut(half, 16, angle=half.angle / 16)
    return Lattice.from_elements([*pieces * 4, cavity], Reference(2e8), periodic=False)


def coupled_ring() -> Lattice:
    return Lattice.from_elements(8 * fodo_cell(skew=0.08), Reference(4e8), periodic=False)


def fodo_line() -> Lattice:
    focus, defocus = (Quadrupole(name=n, length=0.2, Kn1=k) for n, k in (("qf", 2.0), ("qd", -2.0)))
    drift = cut(Drift(name="d", length=1.0), 2)
    return Lattice.from_elements(4 * [focus, *drift, defocus, *drift], Reference(6e8), periodic=False)


RINGS = {"dispersive": dispersive_ring, "coupled": coupled_ring, "fodo": fodo_line}


@cache
def growth_in_a_turn(name: str) -> tuple[Lattice, Array, float, Array]:
    """Line, covariance of a beam, electrons that let its momenta grow by 10 %, and what :class:`IntrabeamHeating` adds
    in a turn, carried to the end.
    """
    ring = RINGS[name]()
    root = np.diag([2e-4, 3e-5, 1e-4, 2e-5, 1e-2, 2e-4])
    sigma = root @ (np.eye(6) + 0.3 * np.diag([1, 0, 1, 0, 0], 1) + 0.3 * np.diag([1, 0, 1, 0, 0], -1)) @ root
    maps = Intrabeam(at=1.0, ring=ring)._sections.along
    back = np.linalg.inv(maps)
    heating = IntrabeamHeating(ring, electrons=1.0, coulomb_log=10.0)
    first = back[:-1] @ heating(maps[:-1] @ sigma @ np.swapaxes(maps[:-1], 1, 2)) @ np.swapaxes(back[:-1], 1, 2)
    grown = (maps[-1] @ first.sum(axis=0) @ maps[-1].T).diagonal() / (maps[-1] @ sigma @ maps[-1].T).diagonal()
    electrons, want = 0.1 / float(grown[[1, 3, 5]].max()), first
    for _ in range(2):  # the beam grows on the way
        before = np.cumsum(want, axis=0) - 0.5 * want
        now = maps[:-1] @ (sigma + electrons * before) @ np.swapaxes(maps[:-1], 1, 2)
        want = back[:-1] @ heating(now) @ np.swapaxes(back[:-1], 1, 2)
    return ring, sigma, electrons, electrons * maps[-1] @ want.sum(axis=0) @ maps[-1].T


@pytest.mark.parametrize("name", list(RINGS))
@pytest.mark.parametrize("along", [False, True], ids=["local", "integrated"])
def test_emittances_grow_as_the_envelope(name: str, along: bool) -> None:
    """Variances of 5e4 particles within 3 sigma and 3 % of the growth by the tensor, all covariances within 5 sigma.

    Of a growth by 10 % such a beam leaves 2/sqrt(0.1 * 5e4) = 3 % undecided.
    """
    ring, sigma, electrons, growth = growth_in_a_turn(name)
    n = 50_000
    beam = beam_of(ring.reference, sigma, n, electrons)
    effect = Intrabeam(at=1.5 if along else 0.1, coulomb_log=10.0, ring=ring if along else None)
    one, other = (track(ring, beam, effects=e).beam for e in ([effect], []))
    made, still = covariance(one), covariance(other)
    kicks = np.sqrt(np.diag(np.cov(one.coordinates - other.coordinates)))
    size = np.sqrt(np.diag(still))
    spread = (np.outer(size, kicks) + np.outer(kicks, size)) / math.sqrt(n)
    off = made - still - growth
    assert_close((off / (3.0 * spread + 0.03 * np.abs(growth))).diagonal(), 0.0, rtol=0.0, atol=1.0, what="growth")
    assert_close(off / (5.0 * spread + 0.03 * np.abs(growth)), 0.0, rtol=0.0, atol=1.0, what="covariances")
    assert (np.abs(growth) / spread).diagonal().max() > 20.0


def test_what_a_turn_of_a_ring_does_is_the_heating_of_its_envelope() -> None:
    """At one place, and at places, of the same matched beam."""
    ring = Lattice.from_elements([Marker(name="m"), *damping_ring()], Reference(2e8), periodic=True)
    found = equilibrium(ring)
    maps = Intrabeam(at="m", ring=ring, electrons=1e9)._sections.along
    back = np.linalg.inv(maps)
    sigma = maps[:-1] @ found.sigma[0] @ np.swapaxes(maps[:-1], 1, 2)
    added = back[:-1] @ IntrabeamHeating(ring, electrons=1e9)(sigma) @ np.swapaxes(back[:-1], 1, 2)
    want = maps[-1] @ added.sum(axis=0) @ maps[-1].T
    turned = maps[-1] @ found.sigma[0] @ maps[-1].T
    got = Intrabeam(at="m", ring=ring, electrons=1e9, coulomb_log=11.0).diffusion(
        turned, ring.reference, Place(0, "m", 0.0, 1.0, ring.length)
    )
    size = np.sqrt(np.abs(want.diagonal()))
    assert_close(got / np.outer(size, size), want / np.outer(size, size), rtol=0.0, atol=1e-3, what="growth in a turn")


def damping_ring() -> list[Any]:
    """Four combined-function bends, a skew quadrupole, a cavity, and damping within 200 turns."""
    half = Bend(name="b", length=2.0, angle=math.pi / 2, Kn1=-0.3)
    cavity = RFCavity(name="rf", voltage=1e5, harmon=4, zero_phase="ABOVE_TRANSITION")
    damped = -np.diag([0.0, 0.01, 0.0, 0.01, 0.0, 0.01])
    noise = np.diag([0.0, 4e-12, 0.0, 2e-12, 0.0, 2e-11])
    light = LumpedRadiation(name="light", damping=tuple(map(tuple, damped)), diffusion=tuple(map(tuple, noise)))
    return [half, half, half, half, Quadrupole(name="q", length=0.1, Ks1=0.05), light, cavity]


def test_equilibrium_on_the_ring_model_is_that_of_the_envelope() -> None:
    """Emittances of 1500 particles over turns 500 to 2500 of the model, within 5 %; scattering doubles two of them.

    Ten damping times of 1500 particles leave sqrt(2/(10 * 1500)) = 1.2 % undecided.
    """
    ring = Lattice.from_elements([Marker(name="m"), *damping_ring()], Reference(2e8), periodic=True)
    model = ring_model(ring, keep=["m"], order=1, radiation="diffusion")
    effect = Intrabeam(at="m", ring=ring, electrons=5e9, coulomb_log=11.0, every=50)
    quiet = equilibrium(ring)
    want = equilibrium(ring, heating=IntrabeamHeating(ring, electrons=5e9))
    assert (want.emittances[[0, 2]] > 1.8 * quiet.emittances[[0, 2]]).all()
    beam = beam_of(ring.reference, want.sigma[0], 1500)
    seen = MomentMonitor("m")
    run = track(model, beam, 2500, effects=[effect], monitors=[seen], radiation="diffusion")
    sigma = run.monitors[seen.name].sigma[500:].mean(axis=0)
    form = symplectic_form(6)
    emittances = np.sort(np.abs(np.linalg.eigvals(sigma @ form).imag))[::2]
    assert_close(emittances, np.sort(want.emittances), rtol=0.05, atol=0.0, what="emittances")


def test_rates_are_kept_for_some_turns_and_a_resumed_run_knows_them(tmp_path: Path) -> None:
    line = Lattice.from_elements([Marker(name="m"), Drift(name="d", length=5.0)], Reference(6e8))
    beam = beam_of(line.reference, np.diag([1e-8, 1e-10, 1e-8, 1e-10, 1e-6, 1e-8]), 600, 1e11)
    effect = Intrabeam(at="m", every=4)
    whole = track(line, beam, 11, effects=[effect])

    def stop(done: int, turns: int) -> None:
        if done >= 6:
            raise KeyboardInterrupt

    given: dict[str, Any] = {"effects": [effect], "checkpoint": tmp_path / "c.h5", "resume": True}
    assert track(line, beam, 11, progress=stop, **given).turns < 11
    assert bits(track(line, beam, 11, **given).beam) == bits(whole.beam)
    assert bits(track(line, beam, 11, effects=[Intrabeam(at="m")]).beam) != bits(whole.beam)


def test_same_bits_for_threads_tiles_and_pieces_along_a_ring() -> None:
    """With the rates along the elements, and with large collisions."""
    ring = Lattice.from_elements([Marker(name="m"), *damping_ring()], Reference(2e8), periodic=True)
    beam = beam_of(ring.reference, np.diag([1e-8, 1e-10, 1e-8, 1e-10, 1e-6, 1e-8]), 1100, 1e9)
    for effect in (
        Intrabeam(at="m", ring=ring),
        Intrabeam(at=2.0, ring=ring, current=1.0),
        Intrabeam(at=2.0, ring=ring, current=1.0, wavelength=1e-2, large=True),
    ):
        whole = track(ring, beam, 3, effects=[effect], radiation="diffusion")
        other = track(ring, beam, 3, effects=[effect], radiation="diffusion", threads=1, tile=512)
        assert bits(other.beam) == bits(whole.beam)
        first = track(ring, beam, 1, effects=[effect], radiation="diffusion")
        rest = track(ring, first.beam, 2, effects=[effect], radiation="diffusion", first_turn=1)
        assert bits(rest.beam) == bits(whole.beam)
        seed = dataclasses.replace(effect, seed=1)
        assert bits(track(ring, beam, 3, effects=[seed], radiation="diffusion").beam) != bits(whole.beam)


# ---- densities


def test_a_train_is_known_by_its_bunching_in_however_many_buckets_it_is() -> None:
    """Length and correlations of a Gaussian microbunch, from particles in one bucket and in a thousand of them."""
    reference, wavelength, n = Reference(4e8), 1064e-9, 200_000
    root = np.diag([1e-4, 2e-5, 1e-5, 6e-6, 90e-9, 3e-4])
    tilt = np.eye(6)
    tilt[4, 0] = tilt[0, 4] = 0.5
    tilt[4, 5] = tilt[5, 4] = -0.3
    sigma = root @ tilt @ root
    beam = beam_of(reference, sigma, n)
    train = beam.copy()
    train.z[:] += wavelength * np.random.default_rng(1).integers(-500, 500, n)
    effect = Intrabeam(at="m", current=1.0, wavelength=wavelength)
    for one in (beam, train):
        got, coasting = effect.covariance(effect.total(effect.sums(one, {})))
        assert not coasting
        size = np.sqrt(sigma.diagonal())
        assert_close(got / np.outer(size, size), tilt, rtol=0.0, atol=5.0 / math.sqrt(n), what="covariance")
    smeared = beam.copy()
    smeared.z[:] *= 10.0
    assert effect.covariance(effect.total(effect.sums(smeared, {})))[1]


def test_a_train_scatters_as_its_microbunches_or_as_a_coasting_beam() -> None:
    """Short microbunches as bunches of so many electrons; without bunching as the current."""
    reference, wavelength = Reference(4e8), 1064e-9
    here = Place(0, "m", 0.0, 1.0, 100.0)
    sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, (60e-9) ** 2, 1e-7])
    train = Intrabeam(at="m", current=1.0, wavelength=wavelength, coulomb_log=10.0)
    electrons = wavelength / (ELEMENTARY_CHARGE * reference.beta * SPEED_OF_LIGHT)
    bunch = Intrabeam(at="m", electrons=electrons, coulomb_log=10.0)
    assert_close(train.diffusion(sigma, reference, here), bunch.diffusion(sigma, reference, here), rtol=1e-9, atol=0.0)
    total = train.total(train.sums(beam_of(reference, sigma, 20_000), {}))
    made = train._kept(total, {}, 0, reference, here)
    want = bunch._moments(sigma, reference, here, electrons, None, False)
    assert_close(made[0].diagonal()[[1, 3, 5]], want[0].diagonal()[[1, 3, 5]], rtol=0.02, atol=0.0, what="noise")
    flat = np.array(sigma)
    flat[4, 4] = 1e-10
    total = train.total(train.sums(beam_of(reference, flat, 20_000), {}))
    coasting = Intrabeam(at="m", current=1.0, coulomb_log=10.0)
    assert_close(
        train._kept(total, {}, 0, reference, here),
        coasting._kept(total[:29], {}, 0, reference, here),
        rtol=1e-9,
        atol=0.0,
    )


def test_lost_particles_lower_the_density() -> None:
    reference = Reference(4e8)
    sigma = np.diag([1e-8, 4e-10, 1e-9, 4e-11, 1e-6, 1e-7])
    here = Place(0, "m", 0.0, 1.0, 1.0)
    beam = beam_of(reference, sigma, 4000, 1e9)
    half = Beam(
        reference, np.concatenate([beam.coordinates] * 2, axis=1), beam.weight[0], state=np.repeat([0, 1], 4000),
        lost_turn=np.repeat([-1, 0], 4000), lost_element=np.repeat([-1, 0], 4000),
    )  # fmt: skip
    for given, share in (({"electrons": 1e9}, 0.5), ({"current": 1.0}, 0.5), ({}, 1.0)):
        effect = Intrabeam(at="m", coulomb_log=10.0, **given)
        full, part = (effect._kept(effect.total(effect.sums(b, {})), {}, 0, reference, here) for b in (beam, half))
        assert_close(part, share * full, rtol=1e-9, atol=1e-30, what="moments")


# ---- large collisions


def test_large_collisions_are_those_of_touschek() -> None:
    """Particles thrown beyond an acceptance by events, in ten kicks of one beam, against Piwinski's rate: 3 sigma.

    Fast collisions in the rest frame, which the events leave out, are 0.1 % here.
    """
    i = reference_values()["touschek_piwinski_p"]["inputs"]
    reference = Reference(i["E"])
    sigma = np.diag([2e-9 * 4.0, 2e-9 / 4.0, 5e-11 * 6.0, 5e-11 / 6.0, i["ss"] ** 2, i["sp"] ** 2])
    n, kicks, acceptance = 200_000, 10, 2.5e-3
    rate = touschek_rate(reference, sigma, acceptance, electrons=i["N"])
    here = Place(0, "m", 0.0, 1.0, 0.0005 / rate * reference.beta * SPEED_OF_LIGHT)
    beam = beam_of(reference, sigma, n, i["N"])
    found = 0
    for turn in range(kicks):
        calm, events = beam.copy(), beam.copy()
        kick(Intrabeam(at="m", coulomb_log=10.0), calm, turn, here)
        kick(Intrabeam(at="m", coulomb_log=10.0, large=True), events, turn, here)
        found += int((np.abs(events.delta - calm.delta) > acceptance).sum())
        apart = (events.coordinates - calm.coordinates)[[1, 3, 5]].sum(axis=1)
        assert_close(apart, 0.0, rtol=0.0, atol=1e-12, what="momentum of the events")
    # two of each collision
    want = 0.0005 * n * kicks
    assert_close(found, want, rtol=0.0, atol=3.0 * math.sqrt(2.0 * want), what="particles thrown out")


def test_a_pair_keeps_its_energy_in_the_rest_frame() -> None:
    """Two particles at one point: relative speed before and after, at once to rounding, and it has turned."""
    reference = Reference(6e8)
    sigma = np.diag([1e-8, 4e-10, 1e-8, 4e-10, 1e-8, 1e-7])
    beam = beam_of(reference, sigma, 256)
    beam.coordinates[[0, 2, 4]] *= 1e-9
    mean, relative = np.zeros(6), np.zeros((3, 6))
    relative[range(3), [1, 3, 5]] = 1.0, 1.0, 1.0 / reference.gamma
    to_beta = reference.gamma * reference.beta
    after = beam.copy()
    collide(
        after.coordinates, after.weight, after.state, after.ids, (1, 2, 3), mean, relative, to_beta, 1e30, 1e-9,
        reference.classical_radius, 1.0, reference.inv_gamma2,
    )  # fmt: skip
    before, now = (relative @ b.coordinates for b in (beam, after))
    assert np.abs(now - before).max() > 1e-6
    assert_close(np.sum(now**2), np.sum(before**2), rtol=1e-12, atol=0.0, what="energy of the motion")
    assert_close(now.sum(axis=1), before.sum(axis=1), rtol=0.0, atol=1e-16, what="momentum")


# ---- input


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ({"electrons": 1.0, "current": 1.0}, "electrons of a bunch or the current"),
        ({"wavelength": 1e-6}, "a wavelength belongs to a current"),
        ({"electrons": -1.0}, "electrons"),
        ({"coulomb_log": 0.0}, "coulomb_log"),
        ({"coulomb_log": 9.0, "damping_time": 1.0}, "a damping_time belongs to a logarithm"),
        ({"every": 0}, "every"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_input(given: dict[str, Any], want: str) -> None:
    with pytest.raises(ConfigError, match=want):
        Intrabeam(at="m", **given)


def test_beams_and_rings_that_do_not_fit() -> None:
    reference = Reference(6e8)
    line = Lattice.from_elements([Marker(name="m"), Drift(name="d", length=5.0)], reference)
    other = Lattice.from_elements([Marker(name="n"), *[Drift(name=f"e{k}", length=0.5) for k in range(10)]], reference)
    beam = beam_of(reference, np.diag([1e-8, 1e-10, 1e-8, 1e-10, 1e-6, 1e-8]), 600, 1e9)
    with pytest.raises(ConfigError, match="the envelope has no particles"):
        Intrabeam(at="m").diffusion(covariance(beam), reference, Place(0, "m", 0.0, 1.0, 5.0))
    laser = {"laser_wavelength": 1064e-9, "laser_power": 1e6, "laser_rayleigh_length": 0.5}
    modulator = Wiggler(name="U", periods=10.0, period_length=0.05, K=7.0, **laser)
    with pytest.raises(ConfigError, match="'U' is a modulator, .*put a marker beside it"):
        Intrabeam(at="U", ring=Lattice.from_elements([modulator], reference))
    with pytest.raises(LatticeError, match="no element is named 'mm'"):
        Intrabeam(at="mm", ring=line)
    with pytest.raises(ConfigError, match="is not at the same place in ring"):
        track(line, beam, effects=[Intrabeam(at=2.5, ring=other)])
    flat = beam.copy()
    flat.coordinates[2:4] = 0.0
    with pytest.raises(PhysicsError, match="a flat beam scatters without limit"):
        track(line, flat, effects=[Intrabeam(at="m")])
    with pytest.warns(ValidityWarning, match="c in the rest frame"):
        track(
            line,
            beam_of(reference, np.diag([1e-8, 1e-6, 1e-8, 1e-6, 1e-6, 1e-8]), 600, 1.0),
            effects=[Intrabeam(at="m")],
        )
