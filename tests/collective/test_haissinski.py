"""Bunches and micro-bunches in their own wake: closed forms, reference values, and tracked beams."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import erf, lambertw, ndtri

from ssmb.beam import Beam, Reference
from ssmb.buckets import MicroBucket
from ssmb.collective import (
    BunchImpedance,
    ImpedanceTable,
    Inductance,
    ResistiveWall,
    Resonator,
    StoredBeam,
    TrainImpedance,
    haissinski_bunch,
    haissinski_train,
)
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.elements.linear_map import LinearMap
from ssmb.elements.thin_laser import ThinLaser
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning
from ssmb.lattice import Lattice
from ssmb.tracking import SnapshotMonitor, track
from tests.collective.stored import radical_inverse, reference_inputs, ring, stored
from tests.support import assert_close, assert_reference, reference_values

BUNCHES = sorted(name for name in reference_values() if name.startswith("haissinski_"))
BUNCH = stored(reference_inputs("haissinski_bbr_0_p"))


def impedance_of(inputs: dict[str, Any]) -> Any:
    if inputs["wake"] == "inductive":
        return Inductance(inputs["inductance"])
    if inputs["wake"] == "resistive":
        return lambda k: np.full(k.shape, inputs["resistance"])
    return Resonator(inputs["R_s"], inputs["Q"], inputs["f_r"])


# ---- bunch


@pytest.mark.parametrize("identifier", BUNCHES)
def test_bunches(identifier: str) -> None:
    inputs = reference_inputs(identifier)
    got = haissinski_bunch(stored(inputs), impedance_of(inputs), inputs["charge"])
    found = [got.centroid, got.rms, got.peak_density]
    assert_reference(identifier, found)
    want = np.array(reference_values()[identifier]["value"])
    scale = [1e-4 * want[1], 0.0, 0.0]
    assert_close(found, want, rtol=1e-4, atol=scale, what="as a solver must")
    width = got.z[1] - got.z[0]
    assert_close(got.density.sum() * width, 1.0, rtol=1e-12, atol=0.0)
    loss = -float(got.gain @ got.density) * width
    spectrum = np.abs(np.fft.fft(got.density, 4096)) * width
    k = 2.0 * np.pi * np.fft.fftfreq(4096, width)
    real = np.real(impedance_of(inputs)(np.abs(k)))
    parseval = SPEED_OF_LIGHT * inputs["charge"] / (4096 * width) * float(np.sum(spectrum**2 * real))
    assert_close(loss, parseval, rtol=1e-4, atol=1e-9, what="mean loss [eV]")


def test_an_inductance_by_lamberts_function() -> None:
    """lambda exp(a lambda) = exp(-z^2/2 sigma^2)/norm, at three places and in the tune at the peak."""
    inputs = reference_inputs("haissinski_inductive_2_p")
    beam = stored(inputs)
    got = haissinski_bunch(beam, Inductance(5e-9), inputs["charge"])
    a = inputs["charge"] * SPEED_OF_LIGHT**2 * 5e-9 / (beam.slip * beam.sigma_delta**2 * beam.energy)
    peak = got.density_at(0.0)
    z = np.array([0.5, 1.0, 2.5]) * beam.sigma_z
    want = np.real(lambertw(a * peak * np.exp(a * peak) * np.exp(-0.5 * (z / beam.sigma_z) ** 2))) / a
    assert_close(got.density_at(z), want, rtol=1e-6, atol=0.0, what="density [1/m]")
    assert_close(got.tune, beam.tune / math.sqrt(1.0 + a * peak), rtol=1e-5, atol=0.0, what="tune")


def test_a_resistance_in_closed_form() -> None:
    """The integral of the density over z is a Moebius transform of the error function (Chao, section 6.1)."""
    inputs = reference_inputs("haissinski_resistive_2_p")
    beam = stored(inputs)
    got = haissinski_bunch(beam, impedance_of(inputs), inputs["charge"])
    a = inputs["charge"] * SPEED_OF_LIGHT * 500.0 / (beam.slip * beam.sigma_delta**2 * beam.energy)
    z = np.array([-2.0, -0.5, 0.3, 1.2, 2.5]) * beam.sigma_z
    half = 0.5 * (1.0 + erf(z / (math.sqrt(2.0) * beam.sigma_z)))
    bell = np.exp(-0.5 * (z / beam.sigma_z) ** 2) / (math.sqrt(2.0 * math.pi) * beam.sigma_z)
    s = 1.0 - math.exp(-a)  # exp(-a F) = 1 - s Phi for the integrals F of the density and Phi of the Gaussian
    assert_close(got.density_at(z), s * bell / (a * (1.0 - s * half)), rtol=1e-6, atol=0.0)


def test_below_transition_the_loss_moves_it_to_the_tail() -> None:
    beam = StoredBeam(energy=600e6, circumference=60.0, slip_factor=-2e-3, sigma_delta=5e-4, tune=5e-3)
    above = haissinski_bunch(BUNCH, impedance_of({"wake": "resistive", "resistance": 500.0}), 1.8e-10)
    below = haissinski_bunch(beam, impedance_of({"wake": "resistive", "resistance": 500.0}), 1.8e-10)
    assert_close(below.centroid, -above.centroid, rtol=1e-9, atol=0.0)
    assert haissinski_bunch(beam, Inductance(5e-9), 1e-11).rms < beam.sigma_z


def test_no_charge_is_the_bunch_of_the_ring() -> None:
    got = haissinski_bunch(BUNCH, Inductance(5e-9), 0.0)
    assert_close([got.centroid, got.rms, got.tune], [0.0, BUNCH.sigma_z, 5e-3], rtol=1e-9, atol=1e-12)


def test_a_long_wake_is_warned_of_and_a_short_one_not() -> None:
    with pytest.warns(ValidityWarning, match="the wake has not died out"):
        haissinski_bunch(BUNCH, Resonator(1e5, 1e5, 500e6), 1e-12)
    haissinski_bunch(BUNCH, ResistiveWall(60.0, 0.01, 5.8e7), 1e-10)


def test_an_attractive_well_collapses() -> None:
    """For -a lambda the equation lambda exp(-a lambda) = c has no solution beyond 1/e: a peak of 1/a is the last."""
    beam = StoredBeam(energy=600e6, circumference=60.0, slip_factor=-2e-3, sigma_delta=5e-4, tune=5e-3)
    a_per_charge = SPEED_OF_LIGHT**2 * 5e-9 / (abs(beam.slip) * beam.sigma_delta**2 * beam.energy)
    with pytest.raises(PhysicsError, match=r"ends at (0\.\d+) of it") as caught:
        haissinski_bunch(beam, Inductance(5e-9), 2e-9)
    share = float(str(caught.value).split("ends at ")[1].split()[0])
    # at the end the density is -W(-exp(-1 - z^2/2))/a, whose integral fixes a
    x = np.linspace(-9.0, 9.0, 200_001)
    w = -np.real(lambertw(np.maximum(-np.exp(-1.0 - 0.5 * x * x), -0.3678794)))
    limit = float(np.trapezoid(w, x)) * beam.sigma_z / a_per_charge
    assert_close(share * 2e-9, limit, rtol=0.02, atol=0.0, what="charge at the end of the solutions [C]")


@pytest.mark.parametrize("identifier", ["haissinski_inductive_2_p", "haissinski_resistive_1_p", "haissinski_bbr_2_p"])
def test_tracked_bunches(identifier: str) -> None:
    """From a Gaussian, over five damping times: centroid, rms and shape, within 2 % and 3 standard errors."""
    inputs = reference_inputs(identifier)
    beam, n, charge = stored(inputs, damping=4e-3), 16_000, inputs["charge"]
    rows, random = np.zeros((6, n)), np.random.default_rng(1)
    rows[4], rows[5] = random.normal(size=n) * beam.sigma_z, random.normal(size=n) * beam.sigma_delta
    start = Beam(Reference(beam.energy), rows, weight=charge / ELEMENTARY_CHARGE / n)
    window = (-8.0 * beam.sigma_z, 8.0 * beam.sigma_z)
    effect = BunchImpedance(at="m", impedance=impedance_of(inputs), window=window, bins=193)
    seen = SnapshotMonitor(None, turns=tuple(range(600, 1300, 50)))
    done = track(ring(beam), start, 1300, effects=[effect], monitors=[seen])
    z = np.array([b.z for b in done.monitors["snapshots"].beams])
    want = haissinski_bunch(beam, impedance_of(inputs), charge)
    error = want.rms / math.sqrt(n)  # of one turn; the mean of many is better
    off = abs(z.mean() - want.centroid)
    scale = abs(want.centroid) if inputs["wake"] != "inductive" else want.rms  # an inductance moves no centroid
    assert off < 3.0 * error and off < 0.02 * scale, (off, error)
    off = abs(float(z.std(axis=1).mean()) - want.rms)
    assert off < 3.0 * error / math.sqrt(2.0) and off < 0.02 * want.rms, (off, error)
    edges = np.linspace(-2.5, 3.5, 25) * beam.sigma_z
    got = np.histogram(z, edges)[0] / z.size / np.diff(edges)
    fine = np.linspace(edges[:-1], edges[1:], 21)
    mean = np.trapezoid(want.density_at(fine), fine, axis=0) / np.diff(edges)
    assert_close(got, mean, rtol=0.0, atol=0.02 * want.peak_density, what="line density [1/m]")


# ---- micro-bucket


def micro(identifier: str) -> tuple[MicroBucket, Any, dict[str, Any]]:
    inputs = reference_inputs(identifier)
    bucket = MicroBucket(inputs["wavelength"], inputs["eta"], inputs["C"], inputs["laser_amplitude"])
    z = [complex(*each) for each in inputs["Z_per_turn"]]
    n = tuple(range(1, len(z) + 1))
    table = ImpedanceTable.of([bucket.wavenumber * each for each in n], z, acts="both")
    named = {"energy": inputs["E"], "sigma_delta": inputs["sigma_delta"], "current": inputs["current"], "harmonics": n}
    return bucket, table, named


@pytest.mark.parametrize("kind", ["reactive", "csr"])
def test_micro_bunches(kind: str) -> None:
    bucket, table, named = micro(f"micro_length_p_{kind}")
    got = haissinski_train(bucket, table, **named)
    b = got.bunching[[0, 1, 3]]
    assert_reference(f"micro_bunching_p_{kind}", np.stack([b.real, b.imag], axis=1).ravel())
    assert_reference(f"micro_length_p_{kind}", [got.centroid, got.rms])
    assert_reference(f"micro_tune_p_{kind}", [bucket.tune, got.tune])
    assert_close([got.bunching_at(n) for n in (1, 4)], got.bunching[[0, 3]], rtol=0.0, atol=1e-12)
    real = np.array([z.real for z in table(np.array(table.k))])
    assert_close(got.mean_loss, 2.0 * float(np.sum(np.abs(got.bunching) ** 2 * real)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["reactive", "csr"])
def test_tracked_micro_bunches(kind: str) -> None:
    """The train as it was found stays so for 600 turns; light particles near the fixed point tell the tune."""
    bucket, table, named = micro(f"micro_length_p_{kind}")
    want = haissinski_train(bucket, table, **named)
    reference, n = Reference(named["energy"]), 16_384
    share = np.cumsum(want.density)
    u = (radical_inverse(n, 2), radical_inverse(n, 3))
    rows = np.zeros((6, n + 2))
    rows[4, :n] = np.interp(u[0] * share[-1], share - 0.5 * want.density, want.z)
    rows[5, :n] = named["sigma_delta"] * ndtri(u[1])
    rows[4, n:] = want.fixed_point + np.array([-1.0, 1.0]) * 0.02 * want.rms
    weight = np.full(n + 2, 1e6)
    weight[n:] = 1e-6
    drift = np.eye(6)
    drift[4, 5] = -0.5 * bucket.slip_factor * bucket.circumference
    half = [
        LinearMap(name=name, matrix=tuple(map(tuple, drift.tolist())), length=0.5 * bucket.circumference)
        for name in ("before", "behind")
    ]
    laser = ThinLaser(name="m", laser_wavelength=bucket.wavelength, amplitude=bucket.amplitude)
    line = Lattice.from_elements([half[0], laser, half[1]], reference, periodic=True)
    # a bucket of z counts beta of the laser's wavelength: equal at 600 MeV to 4e-7
    effect = TrainImpedance(
        at="m", impedance=table, wavelength=bucket.wavelength, current=named["current"], harmonics=named["harmonics"]
    )
    seen = SnapshotMonitor(None, every=1)
    beams = (
        track(line, Beam(reference, rows, weight=weight), 600, effects=[effect], monitors=[seen])
        .monitors["snapshots"]
        .beams
    )
    late = np.array([b.z[:n] for b in beams[400:]])
    b = np.exp(-1j * bucket.wavenumber * late).mean()
    assert_close(b, want.bunching[0], rtol=0.0, atol=0.004, what="b_1")
    probe = np.array([b.z[n + 1] - b.z[n] for b in beams])
    tunes = np.linspace(0.9, 1.1, 401) * want.tune
    line_up = np.abs(np.exp(-2j * np.pi * np.outer(tunes, np.arange(600))) @ (probe * np.hanning(600)))
    got = tunes[np.argmax(line_up)]
    shift = want.tune - bucket.tune
    assert_close(got - bucket.tune, shift, rtol=0.02, atol=0.0, what="tune shift")


def test_a_train_without_current_is_that_of_the_bucket() -> None:
    bucket, table, named = micro("micro_length_p_csr")
    got = haissinski_train(bucket, table, **(named | {"current": 0.0}))
    assert_close(got.bunching[2], bucket.bunching(3, named["sigma_delta"]), rtol=1e-9, atol=0.0)
    assert_close(got.tune, bucket.tune, rtol=1e-9, atol=0.0)
    # below transition the bucket sits half a wavelength away, and all signs of the field turn
    other = MicroBucket(bucket.wavelength, -bucket.slip_factor, bucket.circumference, bucket.amplitude)
    back = haissinski_train(other, table, **named)
    conjugate = haissinski_train(bucket, lambda k: -table(k), **named)
    assert_close(back.bunching, conjugate.bunching * (-1.0) ** np.arange(1, 7), rtol=0.0, atol=1e-9)


def test_micro_buckets_that_are_none() -> None:
    bucket, table, named = micro("micro_length_p_csr")
    with pytest.raises(PhysicsError, match="no phase, loss or higher slip"):
        haissinski_train(MicroBucket(1e-6, 1e-6, 100.0, 4e-4, energy_loss=1e-5), table, **named)
    with pytest.raises(ConfigError, match="each once"):
        haissinski_train(bucket, table, **(named | {"harmonics": (1, 1)}))
    with pytest.warns(ValidityWarning, match="smooth focusing, but the tune is 0.08"):
        haissinski_train(MicroBucket(1064e-9, 1e-6, 100.0, 4.2e-4), table, **named)
    with pytest.raises(PhysicsError, match="a bunch needs its synchrotron tune"):
        haissinski_bunch(StoredBeam(energy=6e8, circumference=60.0, slip_factor=1e-3, sigma_delta=5e-4), table, 1e-10)
    with pytest.raises(ConfigError, match="slip_factor must not be 0"):
        StoredBeam(energy=6e8, circumference=60.0, slip_factor=0.0, sigma_delta=5e-4)
