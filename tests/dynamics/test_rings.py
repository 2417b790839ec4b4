"""Envelope against radiation integrals, another code and tracking; coupled rings; rings without equilibrium."""

from __future__ import annotations

import math
import warnings
from functools import cache

import numpy as np
import pytest

import ssmb
from ssmb.beam import Beam, Reference
from ssmb.dynamics import Equilibrium, EquilibriumStatus, equilibrium, minimum_vertical_emittance, radiation_integrals
from ssmb.elements import Bend, Drift, Element, Quadrupole, RFCavity
from ssmb.elements.energy_restorer import EnergyRestorer
from ssmb.elements.linear_map import LinearMap, one_turn_matrix
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import ConfigError, PhysicsError
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from ssmb.maps.radiation import Radiation
from ssmb.maps.synchrotron_radiation import RadiationConstants
from ssmb.tracking import MomentMonitor, track
from tests.dynamics.rings import double_bend_ring, mls, with_maps_of_at
from tests.dynamics.test_mls import WithoutVelocityTerm
from tests.support import assert_close


@cache
def small_ring(energy: float = 9e9, skew: float = 0.0, focusing: float = 0.02, gradient: float = -0.0755) -> Lattice:
    """Four gradient bends: strong damping in a few maps. A skew quadrupole couples x and y.

    z is focused by a linear map, so that a bunch as long as the ring stays in the bucket; the energy comes back evenly.
    """
    bend = Bend(name="b", length=4.0, angle=math.pi / 2, Kn1=gradient, integrator="matrix")
    row: list[Element] = [bend] * 4
    if skew:
        row.append(Quadrupole(name="skew", length=0.2, Ks1=skew))
    kick = np.eye(6)
    kick[5, 4] = focusing
    loss = radiation_integrals(Lattice.from_elements([bend] * 4, Reference(energy))).energy_loss
    row += [
        LinearMap(name="rf", matrix=tuple(map(tuple, kick.tolist()))),
        EnergyRestorer(name="cell", energy_gain=loss),
    ]
    return Lattice.from_elements(row, Reference(energy), periodic=True)


def test_envelope_equals_radiation_integrals() -> None:
    for ring in (double_bend_ring(), double_bend_ring().with_changes({"Bend::*": {"e1": 0.02, "e2": 0.03}})):
        found, integrals = equilibrium(ring), radiation_integrals(ring)
        assert_close(found.energy_loss, integrals.energy_loss, rtol=1e-6, atol=0.0, what="U0")
        assert_close(found.damping_times, integrals.damping_times, rtol=1e-5, atol=0.0, what="damping times")
        assert_close(found.emittances[0], integrals.emittances[0], rtol=1e-4, atol=0.0, what="emittance")
        assert_close(found.sigma_delta[0], integrals.sigma_delta, rtol=1e-3, atol=0.0, what="energy spread")
        assert_close(found.emittances_sands[[0, 2]], found.emittances[[0, 2]], rtol=1e-4, atol=0.0, what="eigenvectors")


def test_pole_faces_can_be_left_out() -> None:
    ring = double_bend_ring().with_changes({"Bend::*": {"e1": 0.02, "e2": 0.03}})
    with_faces, without = equilibrium(ring), equilibrium(ring, radiation=Radiation("envelope", edges=False))
    assert abs(with_faces.partition_numbers[0] - without.partition_numbers[0]) > 1e-4
    integrals = radiation_integrals(ring, pole_faces=False)
    assert_close(without.damping_times, integrals.damping_times, rtol=1e-5, atol=0.0, what="without pole faces")


def test_against_at() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        at = pytest.importorskip("at", reason="extra `interop`: accelerator-toolbox is not installed")
        from benchmarks.ring import pyat_ring

        theirs = pyat_ring(10)
        theirs.enable_6d()
        theirs.set_rf_frequency()  # AT moves at the speed of light
        _, beam, _ = theirs.ohmi_envelope(refpts=[0])
        loss = theirs.get_energy_loss(at.ELossMethod.TRACKING)
        period = theirs.circumference / 299792458.0
    ring = with_maps_of_at(double_bend_ring())
    ours = equilibrium(ring)
    same = equilibrium(compile_elements(ring.elements, WithoutVelocityTerm(ring.reference.energy), "envelope"))
    assert_close(ours.energy_loss, loss, rtol=1e-4, atol=0.0, what="energy loss")
    assert_close(ours.emittances[[0, 2]], beam.mode_emittances[[0, 2]], rtol=2e-3, atol=0.0, what="mode emittances")
    assert_close(ours.damping_times, period / beam.damping_rates, rtol=2e-3, atol=0.0, what="damping times")
    assert_close(same.emittances[[0, 2]], beam.mode_emittances[[0, 2]], rtol=2e-5, atol=0.0, what="without 1/gamma^2")
    assert_close(same.damping_times, period / beam.damping_rates, rtol=1e-5, atol=0.0, what="without 1/gamma^2")


def test_mls_against_at_maps_differ_only_by_known_terms() -> None:
    """At fixed maps the pole faces move J_x by what their integrals say."""
    ring = with_maps_of_at(mls())
    shift = (
        equilibrium(ring).partition_numbers[0]
        - equilibrium(ring, radiation=Radiation("envelope", edges=False)).partition_numbers[0]
    )
    faces = [radiation_integrals(ring, pole_faces=p).partition_numbers[0] for p in (True, False)]
    assert_close(shift, faces[0] - faces[1], rtol=2e-3, atol=0.0, what="pole faces in J_x")


def test_coupling_shares_the_emittance() -> None:
    plane, coupled = equilibrium(small_ring()), equilibrium(small_ring(skew=0.02))
    assert plane.emittances[1] < 1e-12 * plane.emittances[0]
    assert coupled.emittances[1] > 0.5 * coupled.emittances[0]
    assert_close(
        coupled.emittances_sands, coupled.emittances, rtol=0.05, atol=0.0, what="eigenvectors: first order in damping"
    )
    assert_close(
        coupled.partition_numbers.sum(), 4.0, rtol=1e-4, atol=0.0, what="sum of J at a damping of 1 % per turn"
    )
    whole = coupled.sigma[-1]
    assert_close(whole, coupled.sigma[0], rtol=0.0, atol=1e-9 * np.abs(whole).max(), what="sigma closes on itself")


def _tracked(ring: Lattice, mode: str, found: Equilibrium, particles: int, turns: int, keep: int) -> list[np.ndarray]:
    """Mean second moments of the last ``keep`` turns from three starting emittances: none, right, four times as
    large.
    """
    sigmas = []
    for seed, scale in enumerate((0.0, 1.0, 2.0)):
        beam = Beam.matched(found, n=particles, charge=1e-12, seed=seed, centroid=found.closed_orbit[0])
        beam.coordinates[:] = found.closed_orbit[0][:, None] + scale * (
            beam.coordinates - found.closed_orbit[0][:, None]
        )
        monitor = MomentMonitor(name="end")
        run = track(ring, beam, turns, monitors=[monitor], seed=seed, threads=1, radiation=mode)
        assert run.beam.alive.all()
        record = run.monitors["end"]
        sigmas.append(np.mean(np.asarray(record.sigma)[-keep:], axis=0))
    return sigmas


@pytest.mark.parametrize(("mode", "particles"), [("diffusion", 2600), ("quantum", 200)])
def test_tracking_settles_to_the_envelope(mode: str, particles: int) -> None:
    """A strongly coupled ring, from three starting emittances, for 10 damping times."""
    ring = small_ring(skew=0.02)
    found = equilibrium(ring)
    slowest = found.damping_times.max() * 299792458.0 / ring.length
    keep = int(4 * slowest)
    tracked = _tracked(ring, mode, found, particles, int(6 * slowest) + keep, keep)
    # moments are independent after about half a damping time: that many variances are averaged
    error = 3.0 * math.sqrt(2.0 / (particles * 4 * 2))
    want = found.sigma[-1]
    for sigma in tracked:
        assert_close(np.diag(sigma), np.diag(want), rtol=max(0.03, error), atol=0.0, what="variances")
    mean = np.mean(tracked, axis=0)
    assert_close(
        np.diag(mean), np.diag(want), rtol=max(0.03, error / math.sqrt(3.0)), atol=0.0, what="mean of the three"
    )
    # emittances of the modes of the envelope
    form = np.kron(np.eye(3), np.array([[0.0, 1.0], [-1.0, 0.0]]))
    got = np.sort(np.abs(np.linalg.eigvals(mean @ form).imag))[::2]
    true = np.sort(np.abs(np.linalg.eigvals(want @ form).imag))[::2]
    assert_close(got, true, rtol=max(0.03, error), atol=0.0, what="three emittances")


def _mean_beta(beta: float, alpha: float, length: float) -> float:
    """Mean beta function over a length without focusing."""
    return beta - alpha * length + (1.0 + alpha**2) / beta * length**2 / 3.0


def test_opening_angle_sets_the_floor_of_the_vertical_emittance() -> None:
    """13/55 C_q <beta_y>/(J_y rho), with beta_y in the bends (they do not focus vertically here)."""
    ring = double_bend_ring()
    found, flat, linear = (
        equilibrium(ring, radiation=Radiation("quantum", angles=True)),
        equilibrium(ring),
        ssmb.optics(ring),
    )
    bends = [i for i, e in enumerate(ring) if isinstance(e, Bend)]
    beta = np.mean([_mean_beta(linear.beta[i, 1], linear.alpha[i, 1], 0.8) for i in bends])
    floor = minimum_vertical_emittance(float(beta), 0.8 / (math.pi / 8), found.partition_numbers[1])
    assert flat.emittances[1] < 1e-6 * floor
    assert_close(found.emittances[1], floor, rtol=1e-3, atol=0.0, what="vertical emittance")
    assert_close(found.emittances_sands[1], floor, rtol=1e-3, atol=0.0, what="from eigenvectors")
    assert_close(found.emittances[[0, 2]], flat.emittances[[0, 2]], rtol=1e-4, atol=0.0, what="x and z do not feel it")
    assert found.provenance["opening_angle"] and not flat.provenance["opening_angle"]


def test_dispersion_of_a_wiggler_itself_feeds_the_horizontal_emittance() -> None:
    """Photons leave along the wiggling velocity: d eps_x = <beta_x> theta^2/5 of the diffusion."""
    wiggler = Wiggler(name="w", length=2.0, periods=20.0, B_peak=1.6)
    elements = list(double_bend_ring())
    elements[0] = wiggler  # in place of a drift of 2 m
    ring = Lattice.from_elements(elements, double_bend_ring().reference, periodic=True)
    with_angle, without, linear = (
        equilibrium(ring, radiation=Radiation("quantum", angles=True)),
        equilibrium(ring),
        ssmb.optics(ring),
    )
    field = wiggler.local_field(ring.reference)
    assert field is not None
    beta = _mean_beta(linear.beta[0, 0], linear.alpha[0, 0], 2.0)
    diffusion = RadiationConstants.of(ring.reference).spread * field.cube * field.strength() ** 3 * field.length
    rate = ring.length / 299792458.0 / with_angle.damping_times[0]
    want = 0.5 * beta * diffusion * wiggler.wiggling_angle(ring.reference) ** 2 / 5.0 / (2.0 * rate)
    got = with_angle.emittances[0] - without.emittances[0]
    assert got > 1e-5 * without.emittances[0]
    assert_close(got, want, rtol=5e-3, atol=0.0, what="growth of eps_x")


def test_photons_take_the_energy_that_the_turn_loses() -> None:
    """Mean energy of a beam after one turn without cavities, and after 40 with the loss given back evenly."""
    ring = double_bend_ring()
    loss = radiation_integrals(ring).energy_loss
    bare = Lattice.from_elements([e for e in ring if not isinstance(e, RFCavity)], ring.reference)
    n, energy = 60_000, ring.reference.energy
    lost = -track(bare, Beam(ring.reference, np.zeros((6, n))), 1, radiation="quantum", seed=4).beam.delta * energy
    assert_close(lost.mean(), loss, rtol=2e-4, atol=3.0 * float(lost.std()) / math.sqrt(n), what="U0")
    n, turns = 4000, 40
    cell = EnergyRestorer(name="cell", energy_gain=loss)
    fed = Lattice.from_elements([*bare.elements, cell], ring.reference)
    delta = track(fed, Beam(ring.reference, np.zeros((6, n))), turns, radiation="quantum", seed=4).beam.delta
    error = 3.0 * float(delta.std()) / math.sqrt(n)
    assert error < 2e-3 * turns * loss / energy
    assert_close(delta.mean(), 0.0, rtol=0.0, atol=error + 2e-4 * turns * loss / energy, what="kept energy")


def test_mean_loss_damps_as_the_envelope_says() -> None:
    ring = small_ring(skew=0.02)
    found = equilibrium(ring)
    program = compile_elements(ring.elements, ring.reference, radiation="mean")
    orbit = found.closed_orbit[0]
    turns = 200
    start = orbit[:, None] + 1e-6 * np.eye(6)
    out, _ = program.propagate(np.concatenate((orbit[:, None], start), axis=1), turns=turns)
    moved = np.linalg.matrix_power(found.m66, turns) * 1e-6
    assert_close(out[:, 1:] - out[:, :1], moved, rtol=0.0, atol=2e-2 * np.abs(moved).max(), what="damped motion")


def test_restorer_gives_back_what_is_lost() -> None:
    bend = Bend(name="b", length=4.0, angle=math.pi / 2, Kn1=-0.09)
    loss = radiation_integrals(Lattice.from_elements([bend] * 4, Reference(1e9))).energy_loss
    ring = Lattice.from_elements([*[bend] * 4, EnergyRestorer(name="cell", energy_gain=loss)], Reference(1e9))
    beam = Beam(ring.reference, np.zeros((6, 1)))
    kept = track(ring, beam, 100, radiation="mean").beam
    alone = track(Lattice.from_elements([bend] * 4, Reference(1e9)), beam, 100, radiation="mean").beam
    assert_close(-alone.delta[0], 100 * loss / 1e9, rtol=0.2, atol=0.0, what="loss without restorer")
    assert abs(kept.delta[0]) < 0.03 * abs(alone.delta[0])
    off = track(ring, beam, 100).beam
    assert np.array_equal(off.coordinates, beam.coordinates), "without radiation the restorer rests"


def test_linear_map_with_damping_and_diffusion() -> None:
    """A fast ring model settles to what its damping and diffusion say."""
    damping, eps, beta = 1e-3, 3e-8, (5.0, 3.0, 2.0)
    added = np.zeros((6, 6))
    for k, b in enumerate(beta):
        added[2 * k + 1, 2 * k + 1] = 4.0 * damping * eps / b
    ring = Lattice.from_elements(
        [
            LinearMap(
                name="turn",
                length=50.0,
                matrix=tuple(map(tuple, one_turn_matrix((0.178, 0.22, 0.01), beta).tolist())),
                damping=(damping,) * 3,
                diffusion=tuple(map(tuple, added.tolist())),
            )
        ],
        Reference(250e6),
    )
    found = equilibrium(ring)
    assert found.status is EquilibriumStatus.LINEAR
    assert_close(found.emittances, eps, rtol=3e-3, atol=0.0, what="emittances")
    assert_close(found.damping_times * 299792458.0 / 50.0, 1.0 / damping, rtol=1e-4, atol=0.0, what="damping times")


def test_verb_beam_and_bunching() -> None:
    found = ssmb.equilibrium(mls())
    assert isinstance(found, Equilibrium)
    beam = Beam.matched(found, n=20_000, charge=1e-12, seed=1)
    assert_close(beam.z.std(), found.sigma_z[0], rtol=0.02, atol=0.0, what="matched bunch length")
    b = found.bunching(1e-4)
    assert_close(b[0], math.exp(-0.5 * (2e4 * math.pi * found.sigma_z[0]) ** 2), rtol=1e-12, atol=0.0)
    table = found.table()
    assert len(table["SIGZ"]) == len(mls()) + 1 and table["NAME"][0] == "$START"
    with pytest.raises(ssmb.SsmbError, match="Did you mean 'K1'"):
        found.index("K11")


def test_rings_without_equilibrium() -> None:
    row: list[Element] = [Bend(name="b", length=4.0, angle=math.pi / 2, Kn1=-0.09)] * 4
    weak = RFCavity(name="rf", voltage=1e4, harmon=2, zero_phase="ABOVE_TRANSITION")
    with pytest.raises(PhysicsError, match="loses .* eV.*Raise RFP.voltage"):
        equilibrium(Lattice.from_elements([*row, weak], Reference(1e9)))
    with pytest.raises(PhysicsError, match="no equilibrium"):
        equilibrium(Lattice.from_elements(row, Reference(1e9)))
    with pytest.raises(ConfigError, match="needs a Lattice"):
        equilibrium(3)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="compiled with radiation='off'"):
        equilibrium(compile_elements(row[:1], Reference(1e9)))
    with pytest.raises(PhysicsError, match="coupled"):
        radiation_integrals(small_ring(skew=0.02))
    with pytest.raises(PhysicsError, match="radiates"):
        radiation_integrals(Lattice.from_elements([Drift(name="d", length=1.0)], Reference(1e9)))


def test_an_undamped_mode_is_named() -> None:
    """Alternating gradients in the bends take the damping of x, as in the first strong-focusing rings."""
    row: list[Element] = []
    for _ in range(12):
        row.append(Bend(name="bf", length=1.0, angle=math.pi / 12, Kn1=0.8))
        row.append(Bend(name="bd", length=1.0, angle=math.pi / 12, Kn1=-0.8))
    row.append(RFCavity(name="rf", voltage=5e6, harmon=10, zero_phase="ABOVE_TRANSITION"))
    ring = Lattice.from_elements(row, Reference(1e9))
    assert radiation_integrals(ring).partition_numbers[0] < 0.0
    with pytest.raises(PhysicsError, match="mode x is not damped.*gradients"):
        equilibrium(ring)
