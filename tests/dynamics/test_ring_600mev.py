"""The magnet-level 600 MeV ring for coherent VUV light: what it was designed for, what it settles to, and its
micro-bucket.

It has a slip of 6 um in 120 m, so that what is small elsewhere decides: second-order chromaticities, intrabeam
scattering.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np
from scipy import special

from ssmb.beam import Beam
from ssmb.buckets import MicroBucket
from ssmb.collective import IntrabeamHeating
from ssmb.dynamics import (
    Equilibrium,
    EquilibriumStatus,
    Optics,
    RadiationIntegrals,
    equilibrium,
    isomagnetic_energy_loss,
    minimum_longitudinal_emittance,
    minimum_partial_slip,
    optics,
    radiation_integrals,
    wiggler_energy_loss,
)
from ssmb.elements.linear_map import LinearMap
from ssmb.elements.wiggler import Wiggler
from ssmb.lattice import Lattice, load_lattice
from ssmb.ring_models import ring_model
from ssmb.studies import load_config
from ssmb.studies.ring import RingStudy
from ssmb.tracking import BucketMonitor, BucketRecord, track
from tests.dynamics.design import LATTICES, design_script, same_file_again
from tests.support import assert_close

ANGLE, RHO, WAVELENGTH = 2.0 * math.pi / 40, 1.54, 1064e-9


@cache
def ring() -> Lattice:
    return load_lattice(LATTICES / "ssmb_600mev_ring.pals.yaml")


@cache
def without_scattering() -> Lattice:
    return ring().with_changes({"SCATTER": {"diffusion": ()}})


@cache
def found() -> Equilibrium:
    return equilibrium(ring(), lasers=True)


@cache
def integrals() -> RadiationIntegrals:
    return radiation_integrals(ring())


@cache
def its_optics() -> Optics:
    return optics(ring())


def test_targets_of_the_design() -> None:
    o = its_optics()
    bent = math.fsum(getattr(e, "angle", 0.0) for e in ring())
    assert_close(bent, 2.0 * math.pi, rtol=1e-10, atol=0.0, what="angle of all bends")
    assert_close(ring().length, 120.0, rtol=1e-12, atol=0.0, what="circumference")
    assert len(ring().find("B")) == 40
    assert_close(o.slip_factor, 5e-8, rtol=5e-3, atol=0.0, what="slip factor")
    assert_close(o.slip_factor2, 0.0, rtol=0.0, atol=1e-7, what="second order")
    assert_close(o.slip_factor3, 0.0, rtol=0.0, atol=1e-3, what="third order")
    assert_close((o.dqx, o.dqy), 0.0, rtol=0.0, atol=0.01, what="chromaticities")
    # 2 pi J Q'' against 6 um, at the action of 4 sigma of 0.62 nm
    assert_close((o.dqx2, o.dqy2), 0.0, rtol=0.0, atol=1.0, what="second-order chromaticities")
    for place, beta in (("UND", (3.0, 1.3)), ("RAD", (2.5, 2.5))):
        at = o.at(place)
        assert_close((at["beta_x"], at["beta_y"]), beta, rtol=0.02, atol=0.0, what=f"beta functions at {place}")
        assert at["H_x"] < 2e-8, "betatron motion must not smear more than 4 nm: eps_x H_x < 1.2e-17 m^2"
    # the slip keeps its sign over three times the momentum spread, and its size over one and a half
    for delta, reach in ((-1e-3, 0.1), (1e-3, 0.1), (-2e-3, 0.6), (2e-3, 0.6)):
        assert_close(optics(ring(), delta=delta).slip_factor, 5e-8, rtol=reach, atol=0.0, what=f"slip at {delta}")


def test_loss_and_running_slip() -> None:
    i, ref = integrals(), ring().reference
    modulator: Wiggler = ring()["UND_IN"]  # type: ignore[assignment]
    field = modulator.K * 2.0 * math.pi / modulator.period * ref.mass / 299792458.0
    loss = isomagnetic_energy_loss(ref, RHO) + wiggler_energy_loss(ref, field, 1.5)
    assert_close(i.energy_loss, loss, rtol=5e-3, atol=0.0, what="bends and modulator; the rest are the weak bends")
    assert_close(ring()["CELL"].energy_gain, i.energy_loss, rtol=1e-9, atol=0.0, what="energy gain")  # type: ignore[attr-defined]
    # bends at the minimum of 18.8 um, electrons that radiate in the modulator have up to 32 um
    assert 1.0 < i.slip_rms / minimum_partial_slip(RHO, ANGLE) < 1.12
    assert_close(i.sigma_delta * i.slip_rms, 8.6e-9, rtol=0.02, atol=0.0, what="floor; the study has 9 nm")


def test_equilibrium_in_the_bucket() -> None:
    e = equilibrium(without_scattering(), lasers=True)
    assert e.status is EquilibriumStatus.MICROBUNCHED
    assert_close(e.emittances[0], integrals().emittances[0], rtol=0.02, atol=0.0, what="horizontal emittance")
    assert_close(e.emittances_sands, e.emittances, rtol=1e-3, atol=0.0, what="eigenvectors")
    assert_close(e.damping_times, integrals().damping_times, rtol=2e-3, atol=0.0, what="damping times")
    assert_close(e.energy_loss, integrals().energy_loss, rtol=1e-3, atol=0.0, what="loss")
    assert e.emittances[2] > minimum_longitudinal_emittance(ring().reference, ANGLE)
    assert_close(e.emittances[2], 13.2e-12, rtol=0.01, atol=0.0, what="longitudinal emittance")
    assert_close(e.sigma_z[e.index("RAD")], 28.6e-9, rtol=0.01, atol=0.0, what="length in the radiator")


def test_scattering_of_the_file_is_that_of_one_ampere() -> None:
    """In one place and by three numbers, against the rates along the ring: emittances and length within 1 %."""
    heating = IntrabeamHeating(ring(), current=1.0, wavelength=WAVELENGTH * ring().reference.beta)
    along, lumped = equilibrium(without_scattering(), lasers=True, heating=heating), found()
    assert_close(lumped.emittances, along.emittances, rtol=0.01, atol=0.0, what="emittances")
    assert_close(lumped.sigma_delta, along.sigma_delta, rtol=0.01, atol=0.0, what="momentum spread")
    rad = along.index("RAD")
    assert_close(lumped.sigma_z[rad], along.sigma_z[rad], rtol=0.01, atol=0.0, what="length in the radiator")
    assert_close(along.emittances[1], along.emittances[0], rtol=1e-3, atol=0.0, what="a round beam")


def test_the_run_starts_with_the_equilibrium() -> None:
    """Its laser is detuned to the circumference, which takes the buckets from 5e-4 of momentum to 2e-4."""
    config = load_config(LATTICES / "ssmb_vuv.run.yaml")
    study = RingStudy(config, RingStudy.lattices(config, ring()))
    study.check()
    b, e = study.beam, found()
    got = (b.emit_x, b.emit_y, b.sigma_delta, b.sigma_z)
    assert_close(got, (*e.emittances[:2], e.sigma_delta[0], e.sigma_z[0]), rtol=0.02, atol=0.0, what="beam of the run")
    assert e.closed_orbit[0, 5] > 5e-4 > 2e-4 > abs(b.orbit[5])
    # the slip of a turn: the momentum that follows the buckets is detuning over slip factor, away from where it was
    moved = config.laser.detuning / its_optics().slip_factor
    assert_close(b.orbit[5] - e.closed_orbit[0, 5], moved, rtol=0.15, atol=0.0, what="momentum of the buckets")
    electrons = WAVELENGTH / 299792458.0
    assert_close(b.charge, electrons, rtol=1e-9, atol=0.0, what="charge of a microbunch at 1 A")


@cache
def fast_ring() -> tuple[Lattice, Equilibrium, MicroBucket]:
    """The ring as matrices and slip, its equilibrium and its bucket."""
    model = ring_model(ring(), order=1, keep=["UND", "RAD"])
    kicks = [complex(*op.params[:2]) for e in model if isinstance(e, Wiggler) for op in e.ops(model.reference)]
    bucket = MicroBucket(WAVELENGTH * model.reference.beta, its_optics().slip_factor, 120.0, abs(sum(kicks)))
    return model, equilibrium(model, lasers=True), bucket


def tracked(particles: int, seed: int) -> BucketRecord:
    """Six oscillations in the bucket with radiation and scattering, seen at RAD."""
    model, e, bucket = fast_ring()
    beam = Beam.matched(e, n=particles, charge=1e-12, start="quiet", seed=seed, centroid=e.closed_orbit[0])
    monitors = [BucketMonitor("RAD", bucket, (1, 2, 3, 4))]
    run = track(model, beam, 270, monitors=monitors, radiation="diffusion", seed=seed, threads=1)
    return run.monitors["bucket@RAD"]


def test_power_does_not_depend_on_particles_and_seeds() -> None:
    """|b_4|^2 over turns, the power at 266 nm: twice the particles, and another seed."""
    power = [float((tracked(n, seed).magnitude[90:, 3] ** 2).mean()) for n, seed in ((4000, 3), (8000, 3), (8000, 4))]
    assert_close(power[1:], power[0], rtol=0.02, atol=0.0, what="doubled, another seed")


def test_harmonics_of_the_bucket() -> None:
    """Tracked with radiation and scattering, matrices and the slip to third order: against the map of (z, delta) and a
    closed form.

    The map starts with the same Gaussian and has neither radiation nor betatron motion, but both halves of the
    modulator. The Boltzmann distribution of the cosine bucket, I_n/I_0, is what the bucket would fill without local
    slip.
    """
    model, e, bucket = fast_ring()
    seen = tracked(4000, 3)
    b = np.abs(seen.bunching[90:].mean(axis=0))  # four oscillations
    place, n = e.index("RAD"), np.arange(1, 5)
    want = np.abs(bucket_map(model, bucket.wavelength, e, n)[90:].mean(axis=0))
    kappa = (bucket.half_height / (2.0 * e.sigma_delta[place])) ** 2
    boltzmann = special.ive(n, kappa) / special.ive(0, kappa)
    assert seen.captured.min() > 0.999
    assert_close(b, want, rtol=0.0, atol=0.015, what="map of z and delta")
    assert_close(b, boltzmann, rtol=0.0, atol=0.05, what="Boltzmann")


def bucket_map(model: Lattice, wavelength: float, beam: Equilibrium, harmonics: np.ndarray) -> np.ndarray:
    """(270, n) bunching factors at RAD of a Gaussian beam that starts there."""
    k, place = 2.0 * math.pi / wavelength, beam.index("RAD")
    row = model.rotated("RAD").elements
    z, delta = np.random.default_rng(5).standard_normal((2, 20_000)) * [
        [beam.sigma_z[place]],
        [beam.sigma_delta[place]],
    ]
    z, delta = z + beam.closed_orbit[place, 4], delta + beam.closed_orbit[place, 5]
    seen = []
    for _ in range(270):
        seen.append(np.exp(-1j * k * np.multiply.outer(harmonics, z)).mean(axis=1))
        for element in row:
            if isinstance(element, Wiggler):
                (op,) = element.ops(model.reference)
                sine, cosine = op.params[:2]
                delta = delta + sine * np.sin(k * z) + cosine * np.cos(k * z)
            elif isinstance(element, LinearMap):
                z = z + element.matrix[4][5] * delta
    return np.array(seen)


def test_small_kicks_off_momentum() -> None:
    """Eight cells, whose dispersion is small and whose sextupoles are strong, as a model of third order."""
    arc = Lattice("arc", ring().reference, ring()[ring().index("MID#1") : ring().index("MID#9")], periodic=True)
    model = ring_model(arc, order=3, keep=["MID#1"], radiation="off")
    for delta in (-2e-3, 2e-3):
        want, got = optics(arc, delta=delta), optics(model, delta=delta)
        assert_close((got.qx % 1.0, got.qy % 1.0), (want.qx % 1.0, want.qy % 1.0), rtol=0.0, atol=3e-4, what="tunes")


def test_dynamic_aperture() -> None:
    """64 turns: 8 rms sizes in x, 6 in y at any momentum within 0.2 %."""
    beta = its_optics().beta[0]
    sigma = np.sqrt(6.25e-10 * beta)
    rows = [(8.0 * s * sigma[0], 0.0, 1e-6, 0.0, 0.0, d) for s in (-1, 1) for d in (-2e-3, 0.0, 2e-3)]
    rows += [(1e-6, 0.0, 6.0 * sigma[1], 0.0, 0.0, d) for d in (-2e-3, 0.0, 2e-3)]
    dark = ring().with_changes({"UND_*": {"laser_on": False}})
    assert track(dark, Beam(ring().reference, np.array(rows).T), 64, threads=1).beam.alive.all()


def test_the_file_is_what_the_design_script_writes(tmp_path: Path) -> None:
    script = design_script()
    again = same_file_again(script.RING_600, tmp_path)
    cell = optics(script.cell_of(again))
    assert_close((cell.qx, cell.qy), script.RING_600.cell_tunes, rtol=0.0, atol=2e-4, what="tunes of a cell")
