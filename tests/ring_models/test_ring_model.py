"""The fast ring model: its maps are those of the ring, its equilibrium is that of the ring, and beams end up the same.

The comparison of whole beams is short here. At full size: ``python benchmarks/ring_model.py``, or
``SSMB_RING_TURNS=10000 pytest tests/ring_models/test_ring_model.py``
"""

from __future__ import annotations

import math
import os
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam, Reference, fold, sigma_from_twiss
from ssmb.buckets import MicroBucket
from ssmb.dynamics import equilibrium, optics, taylor_map, transfer_matrix
from ssmb.dynamics.factorisation import kicks_of
from ssmb.elements import Element, Marker, Quadrupole, RFCavity
from ssmb.elements.linear_map import symplectic_error
from ssmb.elements.polynomial_kicks import PolynomialKicks
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import ConfigError, LatticeError, PhysicsError
from ssmb.lattice import Lattice, load_lattice, save_lattice
from ssmb.lattice.program import compile_elements
from ssmb.ring_models import ring_model
from ssmb.ring_models.parts import parts_of
from ssmb.tracking import MomentMonitor, RunStatus, track
from tests.dynamics.rings import LATTICES, double_bend_ring
from tests.support import assert_close

TURNS = int(os.environ.get("SSMB_RING_TURNS", "0"))
SIZES = np.array([5.5e-4, 6e-5, 3e-5, 1.1e-5, 3e-7, 1.84e-4])


@cache
def mls() -> Lattice:
    """MLS with two halves of the modulator, a cavity, sextupoles and octupoles."""
    return load_lattice(LATTICES / "mls_pop2.pals.yaml")


@cache
def mls_model(order: int, radiation: str = "quantum", modulators: str = "thin") -> Lattice:
    return ring_model(mls(), order=order, radiation=radiation, modulators=modulators)


@cache
def small_ring(skew: float = 0.0) -> Lattice:
    """A 1 GeV ring of eight cells with strong sextupoles, a modulator and no cavity; skew couples x and y."""
    row = [e for e in double_bend_ring() if not isinstance(e, RFCavity)]
    extra: list[Element] = [Quadrupole(name="skew", length=0.2, Ks1=skew)] if skew else []
    elements = [modulator(), *extra, *row[:92], Marker(name="half"), *row[92:]]
    return Lattice.from_elements(elements, double_bend_ring().reference, name="small", periodic=True)


def modulator(**changes: Any) -> Wiggler:
    values: dict[str, Any] = {
        "name": "U", "periods": 30.0, "period_length": 0.05, "K": 3.0,
        "laser_wavelength": 1064e-9, "laser_power": 1e3, "laser_rayleigh_length": 0.54,
    }  # fmt: skip
    return Wiggler(**(values | changes))


def dark(lattice: Lattice) -> Lattice:
    """Lasers off."""
    return lattice.with_changes({e.name: {"laser_on": False} for e in lattice if isinstance(e, Wiggler)})


def passed(lattice: Lattice, points: np.ndarray, turns: int = 1, radiation: str = "off") -> np.ndarray:
    out, state = compile_elements(lattice.elements, lattice.reference, radiation).propagate(points, turns=turns)
    assert not state.any()
    return out


def to_middle(lattice: Lattice) -> Lattice:
    """From a ring's first element, its modulator, to the middle of it, lights off."""
    first = next(e for e in lattice if isinstance(e, Wiggler))
    half = replace(first, length=0.5 * first.length, periods=0.0, period_length=first.period, laser_on=False)
    return Lattice.from_elements([half], lattice.reference)


# ---- maps


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("skew", [0.0, 0.05])
def test_sections_make_the_one_turn_map(order: int, skew: float) -> None:
    ring = small_ring(skew)
    model = ring_model(ring, order=order, keep=["half"], radiation="off")
    assert [e.name for e in model if isinstance(e, (Marker, Wiggler))] == ["U", "half"]
    assert_close(model.length, ring.length, rtol=1e-14, atol=0.0)
    half = transfer_matrix(to_middle(ring))
    want = half @ transfer_matrix(dark(ring)) @ np.linalg.inv(half)
    got = transfer_matrix(dark(model))
    assert_close(got, want, rtol=1e-9, atol=1e-9, what="one-turn matrix")
    middle = transfer_matrix(dark(model), "half", None) @ transfer_matrix(dark(model), None, "half")
    assert_close(middle, got, rtol=1e-10, atol=1e-10, what="product of sections")


@pytest.mark.parametrize("order", [1, 3])
def test_optics_of_the_model_is_that_of_the_ring(order: int) -> None:
    ring, model = optics(dark(mls())), optics(dark(mls_model(order, "off")))
    assert_close(model.qx, ring.qx % 1.0 + 1.0, rtol=0.0, atol=1e-9, what="tune, of which whole numbers are lost")
    assert_close(model.qs, ring.qs, rtol=1e-6, atol=0.0, what="synchrotron tune")
    assert_close(model.slip_factor, ring.slip_factor, rtol=1e-6, atol=0.0)
    assert_close(model.slip_factor2, ring.slip_factor2, rtol=0.0, atol=1e-7, what="second-order slip")
    assert_close(model.slip_factor3, ring.slip_factor3, rtol=0.0, atol=3e-3, what="third-order slip")
    if order == 3:
        got, want = ([o.dqx, o.dqy, o.dqx2, o.dqy2] for o in (model, ring))
        assert_close(got[:2], want[:2], rtol=0.0, atol=2e-5, what="chromaticity")
        assert_close(got[2:], want[2:], rtol=1e-5, atol=0.0, what="second-order chromaticity")


@pytest.mark.parametrize("skew", [0.0, 0.05])
def test_kicks_have_the_taylor_map_of_the_section(skew: float) -> None:
    section = taylor_map(dark(small_ring(skew)), order=3)
    for order in (2, 3, 4):
        made = taylor_map(dark(small_ring(skew)), order=order)
        kicks = kicks_of(made, (5.0, 0.3, 4.0, -0.2))
        line = Lattice.from_elements([PolynomialKicks(name="k", kicks=kicks)], Reference(400e6))
        again = taylor_map(line, order=order)
        assert_close(
            made.R @ again.T.reshape(6, -1), section.T.reshape(6, -1), rtol=1e-8, atol=1e-8 * np.abs(section.T).max()
        )
        if order == 3:
            got, want = made.R @ again.U.reshape(6, -1), section.U.reshape(6, -1)
            assert_close(got, want, rtol=1e-8, atol=1e-8 * np.abs(want).max(), what="third order")


def test_each_order_comes_nearer_to_the_ring() -> None:
    points = np.random.default_rng(1).standard_normal((6, 500)) * SIZES[:, None]
    # a cavity would add what it makes of the nonlinear path before it, 2 nm here, which the model leaves out
    ring = load_lattice(LATTICES / "mls_ssmb.pals.yaml").with_changes({"CAV": {"voltage": 0.0}})
    half = to_middle(ring)
    begin = passed(half, points)
    want = passed(half, passed(dark(ring), points))
    errors = [(passed(dark(ring_model(ring, order=n, radiation="off")), begin) - want).std(axis=1) for n in (1, 2, 3)]
    assert errors[0][4] > 1e-7 and errors[0][0] > 1e-6  # what a matrix leaves out at 33 nm
    assert all(errors[1][:5] < 0.1 * errors[0][:5])
    assert all(errors[2][:5] < 0.1 * errors[1][:5])
    assert errors[2][4] < 3e-10 and errors[2][0] < 2e-9  # measured: 0.1 nm and 0.4 nm rms


def test_model_is_symplectic_at_every_amplitude() -> None:
    for ring in (mls_model(3, "off"), ring_model(small_ring(0.05), radiation="off")):
        for place in np.random.default_rng(2).standard_normal((5, 6)) * 3.0 * SIZES:
            assert symplectic_error(transfer_matrix(ring, orbit=place, lasers=True)) < 3e-8  # of numerical derivatives


def test_one_kick_stands_for_the_whole_modulator() -> None:
    """Half the motion, the kick, half the motion, against the thick modulator of 4 m, for a beam as wide as the
    light.
    """
    ring = load_lattice(LATTICES / "mls_ssmb.pals.yaml")
    points = np.random.default_rng(3).standard_normal((6, 4000)) * SIZES[:, None]
    points[4] = np.random.default_rng(4).uniform(-0.5, 0.5, 4000) * 1064e-9
    row = [p.element for p in parts_of(ring, False, [])]
    kick, half = row[0], row[1]
    assert isinstance(kick, Wiggler) and kick.laser_model == "KICK"
    got = passed(
        Lattice.from_elements([replace(half, name="h"), kick, replace(half, name="h")], ring.reference), points
    )
    want = passed(Lattice.from_elements([ring[0]], ring.reference), points)
    gain, gain_ = want[5] - points[5], got[5] - points[5]
    assert_close(gain_ @ gain / (gain @ gain), 1.0, rtol=0.0, atol=0.015, what="size of the modulation")
    assert (gain_ - gain).std() < 0.05 * gain.std() * math.sqrt(2.0)
    assert compile_elements([kick], ring.reference, "quantum").ops.shape[0] == 1  # it does not radiate


# ---- radiation


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize("modulators", ["thin", "thick"])
def test_equilibrium_of_the_model_is_that_of_the_ring(order: int, modulators: str) -> None:
    model = mls_model(order, "quantum", modulators)
    ring, found = equilibrium(mls()), equilibrium(model)
    for name in ("damping_times", "partition_numbers", "tunes", "energy_loss"):
        assert_close(getattr(found, name), getattr(ring, name), rtol=1e-5, atol=0.0, what=name)
    assert_close(found.emittances[[0, 2]], ring.emittances[[0, 2]], rtol=1e-5, atol=0.0, what="emittances")
    assert_close(found.emittances_sands[[0, 2]], ring.emittances[[0, 2]], rtol=1e-3, atol=0.0, what="by eigenvectors")
    assert_close(found.sigma_delta[0], ring.sigma_delta[0], rtol=1e-5, atol=0.0, what="sigma_delta")


def test_equilibrium_in_the_micro_bucket() -> None:
    """Energy from a restorer, z bound by the laser. A thick modulator stays what it is; one kick for it is near."""
    ring = load_lattice(LATTICES / "ssmb_400mev_ring.pals.yaml")
    want = equilibrium(ring, lasers=True)
    thick, thin = (equilibrium(ring_model(ring, order=1, modulators=m), lasers=True) for m in ("thick", "thin"))
    assert_close(thick.damping_times, want.damping_times, rtol=1e-4, atol=0.0, what="damping times")
    assert_close(thick.emittances[[0, 2]], want.emittances[[0, 2]], rtol=1e-3, atol=0.0, what="emittances")
    assert_close(thin.emittances[[0, 2]], want.emittances[[0, 2]], rtol=1e-2, atol=0.0, what="one kick for each half")


def test_radiation_is_switched_as_in_the_ring() -> None:
    model = mls_model(1)
    point = np.tile(equilibrium(dark(model)).closed_orbit[0][:, None], (1, 4096))
    still = passed(dark(model), point, radiation="mean")
    assert_close(still, point, rtol=0.0, atol=2e-16, what="closed orbit with radiation")
    noisy = passed(dark(model), point, radiation="quantum") - point
    m = equilibrium(dark(model)).m66
    sigma = equilibrium(dark(model)).sigma[0]
    want = sigma - m @ sigma @ m.T
    for i in (0, 1, 4, 5):
        assert_close(noisy[i].var(), want[i, i], rtol=5.0 * math.sqrt(2.0 / 4096), atol=0.0, what=f"noise of {i}")
    assert np.abs(noisy[2:4]).max() < 1e-20  # no vertical noise but rounding
    off = passed(dark(model), np.zeros((6, 1)))
    assert_close(off, 0.0, rtol=0.0, atol=1e-9, what="without radiation the reference stays")


# ---- beams


def in_bucket(ring: Lattice, bucket: MicroBucket, particles: int, spread: float, emittance: float) -> Beam:
    at = optics(dark(ring)).at(0)
    sigma = sigma_from_twiss(
        emit_x=emittance, emit_y=0.01 * emittance, beta_x=at["beta_x"], beta_y=at["beta_y"], alpha_x=at["alpha_x"],
        alpha_y=at["alpha_y"], dispersion=tuple(at[f"dispersion_{a}"] for a in ("x", "px", "y", "py")),
        sigma_delta=spread, sigma_z=bucket.sigma_z(spread),
    )  # fmt: skip
    return Beam.gaussian(ring.reference, sigma, n=particles, charge=1e-12, seed=1, start="quiet")


def captured(beam: Beam, bucket: MicroBucket) -> tuple[float, float, float]:
    """Captured fraction, rms length and momentum spread of those inside."""
    z, _ = fold(beam.z, bucket.wavelength)
    inside = (bucket.hamiltonian(z, beam.delta) < bucket.separatrix_level) & beam.alive
    return float(inside.mean()), float(z[inside].std()), float(beam.delta[inside].std())


@pytest.mark.parametrize("radiation", ["off", "quantum"])
def test_beam_in_a_micro_bucket_ends_up_the_same(radiation: str) -> None:
    """The MLS with a laser of 150 kW; with radiation the local slip empties the bucket, which the model must follow."""
    ring = load_lattice(LATTICES / "mls_ssmb.pals.yaml")
    particles, turns = (2000, TURNS) if TURNS else (600, 300)
    bucket = MicroBucket(1064e-9 * ring.reference.beta, optics(dark(ring)).slip_factor, 48.0, 2.609e-4)
    start = in_bucket(ring, bucket, particles, 1.84e-4, 33e-9)
    half = to_middle(ring)
    model = ring_model(ring, order=3, radiation=radiation)
    end = track(half, track(ring, start, turns, radiation=radiation, seed=2).beam).beam
    fast = track(model, track(half, start).beam, turns, radiation=radiation, seed=2).beam
    (share, length, spread), (share_, length_, spread_) = captured(end, bucket), captured(fast, bucket)
    allowed = 3.0 / math.sqrt(particles)
    assert_close(
        share_, share, rtol=0.03, atol=allowed * math.sqrt(2.0 * share * (1.0 - share)), what="captured fraction"
    )
    assert_close(length_, length, rtol=0.03 + allowed / math.sqrt(share), atol=0.0, what="sigma_z")
    assert_close(spread_, spread, rtol=0.03 + allowed / math.sqrt(share), atol=0.0, what="sigma_delta")


def test_beam_in_the_bucket_of_a_quasi_isochronous_ring() -> None:
    """635 elements and two thick modulators against 8 elements; at full size in ``benchmarks/ring_model.py``."""
    ring = load_lattice(LATTICES / "ssmb_400mev_ring.pals.yaml")
    particles, turns = (1000, TURNS) if TURNS else (512, 50)
    bucket = MicroBucket(1064e-9 * ring.reference.beta, optics(dark(ring)).slip_factor, ring.length, 4.2e-4)
    start = in_bucket(ring, bucket, particles, 3.4e-4, 0.5e-9)
    half = to_middle(ring)
    end = track(half, track(ring, start, turns).beam).beam
    fast = track(ring_model(ring, radiation="off"), track(half, start).beam, turns).beam
    want, got = captured(end, bucket), captured(fast, bucket)
    # the same particles: what differs is the kick of one place for that of 0.75 m, and then the phase in the bucket
    assert_close(got[0], want[0], rtol=0.015, atol=0.0, what="captured fraction")
    assert_close(got[1:], want[1:], rtol=0.05, atol=0.0, what="sigma_z, sigma_delta")


def test_kicks_there_and_back_add_no_terms_of_their_own() -> None:
    """One turn of a ring of strong sextupoles: as near to the ring as the plain Taylor map, which is not symplectic."""
    ring = dark(load_lattice(LATTICES / "ssmb_400mev_ring.pals.yaml"))
    at = optics(ring).at(0)
    sigma = sigma_from_twiss(
        emit_x=0.5e-9, emit_y=5e-12, beta_x=at["beta_x"], beta_y=at["beta_y"], sigma_delta=3.4e-4, sigma_z=1e-7
    )
    start = Beam.gaussian(ring.reference, sigma, n=500, charge=1e-12, seed=1, start="quiet").coordinates
    start[4] = 0.0
    want = passed(ring, start)
    section = taylor_map(ring, order=3)
    plain = section.coefficients @ np.prod(start[None, :, :] ** section.exponents[:, :, None], axis=1)
    model = passed(dark(ring_model(ring, radiation="off", modulators="thick")), start)
    wrong = [float((c - want)[4].std()) for c in (plain, model)]
    assert wrong[0] < 1.5e-10 and wrong[1] < 2e-10  # measured: 0.10 and 0.14 nm; kicks in one direction: 10 nm


# ---- it is an ordinary lattice


def test_saved_and_read_back_to_the_bit(tmp_path: Any) -> None:
    save_lattice(mls_model(3), tmp_path / "model.pals.yaml")
    assert load_lattice(tmp_path / "model.pals.yaml").elements == mls_model(3).elements


def test_same_bits_for_threads_pieces_and_resume(tmp_path: Any) -> None:
    model = mls_model(3)
    beam = Beam(model.reference, np.random.default_rng(4).standard_normal((6, 1000)) * SIZES[:, None])
    common: dict[str, Any] = {"seed": 5, "radiation": "quantum", "monitors": [MomentMonitor()]}
    want = track(model, beam, 40, threads=1, **common)
    other = track(model, beam, 40, threads=2, tile=512, **common) if os.cpu_count() != 1 else want
    assert other.beam.coordinates.tobytes() == want.beam.coordinates.tobytes()
    first = track(model, beam, 15, **common)
    second = track(model, first.beam, 25, first_turn=15, **common)
    assert second.beam.coordinates.tobytes() == want.beam.coordinates.tobytes()

    def stop(done: int, turns: int) -> None:
        if done >= 7:
            raise KeyboardInterrupt

    place = tmp_path / "checkpoint.h5"
    broken = track(model, beam, 40, progress=stop, checkpoint=place, **common)
    assert broken.status is RunStatus.INTERRUPTED and 0 < broken.turns < 40
    resumed = track(model, beam, 40, checkpoint=place, resume=True, **common)
    assert resumed.beam.coordinates.tobytes() == want.beam.coordinates.tobytes()
    assert resumed.monitors["moments"].sigma.tobytes() == want.monitors["moments"].sigma.tobytes()


def test_long_cavities_and_kept_magnets() -> None:
    """A cavity of finite length is cut in the middle; a kept magnet has a marker at its entrance."""
    cavity = RFCavity(name="rf", length=0.3, voltage=5e5, harmon=10, zero_phase="ABOVE_TRANSITION")
    row = [*small_ring().elements[:11], cavity, *small_ring().elements[11:]]
    ring = Lattice.from_elements(row, small_ring().reference, name="long", periodic=True)
    model = ring_model(ring, order=1, keep=["b#3"])
    assert isinstance(model[model.index("b#3")], Marker)
    assert_close(model.length, ring.length, rtol=1e-14, atol=0.0)
    want, got = equilibrium(ring), equilibrium(model)
    assert_close(got.emittances[[0, 2]], want.emittances[[0, 2]], rtol=1e-4, atol=0.0)
    assert_close(got.tunes, want.tunes, rtol=0.0, atol=1e-8)


# ---- errors


def test_wrong_arguments() -> None:
    ring = small_ring()
    no_light = Lattice.from_elements(ring.elements[1:], ring.reference, name="dark", periodic=True)
    single = Lattice.from_elements(ring.elements, ring.reference, name="line", periodic=False)
    for wrong, error, words in (
        (lambda: ring_model(no_light), LatticeError, "no element with a laser.*keep"),
        (lambda: ring_model(single), LatticeError, "single pass"),
        (lambda: ring_model(ring, keep=["hlaf"]), LatticeError, "no element is named 'hlaf'.*half"),
        (lambda: ring_model(ring, keep="half"), ConfigError, r"keep=\['half'\]"),
        (lambda: ring_model(ring, order=5), ConfigError, "order must be 1, 2, 3 or 4"),
        (lambda: ring_model(ring, order=True), ConfigError, "order must be"),
        (lambda: ring_model(ring, modulators="thn"), ConfigError, "Did you mean 'thin'"),
        (lambda: ring_model(compile_elements(ring.elements, ring.reference)), ConfigError, "needs a Lattice"),
        # type: ignore[arg-type]
    ):
        with pytest.raises(error, match=words):
            wrong()


def test_rings_that_cannot_be_modelled() -> None:
    unstable = small_ring().with_changes({"qf1": {"Kn1": 4.0}})
    with pytest.raises(PhysicsError, match="unstable|no closed orbit|test particle is lost"):
        ring_model(unstable, order=1)
    nothing_back = dark(small_ring())
    with pytest.raises(PhysicsError, match="nothing replaces the energy.*SSMB_EnergyRestorer"):
        ring_model(nothing_back, order=1)
    assert len(ring_model(nothing_back, order=1, radiation="off")) == 3
    feeble = small_ring()
    row = [*feeble.elements, RFCavity(name="rf", voltage=1e3, harmon=10, zero_phase="ABOVE_TRANSITION")]
    with pytest.raises(PhysicsError, match="cavities give at most"):
        ring_model(Lattice.from_elements(row, feeble.reference, periodic=True), order=1)
