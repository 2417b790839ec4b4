"""Harmonics of the micro-bucket in rings, tracked over synchrotron periods against the closed form."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import special

from ssmb.beam import Beam
from ssmb.dynamics import optics
from ssmb.errors import PhysicsError
from ssmb.lattice import load_lattice
from ssmb.schemes import MicroBucketHarmonics
from ssmb.tracking import BunchingMonitor, track
from tests.support import assert_close

LATTICES = Path(__file__).parents[2] / "lattices"
LASER = 1064e-9


@pytest.mark.parametrize("i", range(len(MicroBucketHarmonics.examples())))
@pytest.mark.parametrize("share", [0.25, 1.0])
def test_ring_of_its_numbers(i: int, share: float) -> None:
    """A quarter of a period, where a mismatched bucket is farthest from its start, and a whole one."""
    scheme = MicroBucketHarmonics.examples()[i]
    turns, orders = round(share / scheme.bucket().tune), (1, 2, 5, 7)
    got = scheme.beamline_bunching(orders, beam=scheme.quadrature(7, {"z": 256, "delta": 121}), turns=turns)
    for n, b in zip(orders, got, strict=True):
        departure = scheme.departure(n) if share == 0.25 else 0.15 * scheme.departure(n)
        assert_close(b, scheme.bunching(n), rtol=0.0, atol=departure + 1e-5, what=f"b_{n} after {turns} turns")
    kinds = [e.kind for e in scheme.beamline()]
    assert kinds == ["Wiggler", "SSMB_LinearMap", "SSMB_LumpedRadiation"]


def test_length_of_a_bucket_is_that_of_boltzmann() -> None:
    """<phi^2> of exp(kappa cos phi) by its Fourier series, pi^2/3 + 4 sum (-1)^n/n^2 I_n/I_0, and its quiet start."""
    scheme = MicroBucketHarmonics.examples()[0]
    n = np.arange(1, 200)
    series = 4.0 * float(np.sum((-1.0) ** n / n**2 * special.ive(n, scheme.kappa) / special.ive(0, scheme.kappa)))
    want = (math.pi**2 / 3.0 + series) / (2.0 * math.pi / scheme.wavelength) ** 2
    assert_close(scheme.sigma()[4, 4], want, rtol=1e-5, atol=0.0, what="sigma_z^2 [m^2]")
    z = scheme.beam(2**14).z - scheme.bucket().centre
    assert_close(float(np.mean(z**2)), want, rtol=1e-3, atol=0.0, what="of the quiet start")


def test_a_bucket_turns_over_once_unless_told_otherwise() -> None:
    """Electrons in the middle of the bucket with some energy are farthest from it after a quarter of a period."""
    scheme = MicroBucketHarmonics.examples()[0]
    quarter = 0.25 / scheme.bucket().tune
    depth = 0.5 / (quarter * 2.0 * math.pi / LASER * abs(scheme.slip_factor) * scheme.circumference)
    rows = np.zeros((6, 2))
    rows[4], rows[5] = scheme.bucket().centre, (-depth, depth)
    beam = Beam(scheme.reference, rows)
    least = scheme.beamline_bunching((1,), beam=beam)[0]
    for share in (0.5, 0.8, 1.25, 2.0):
        assert scheme.beamline_bunching((1,), beam=beam, turns=round(share * quarter))[0] > least + 1e-4


def test_ring_of_magnets() -> None:
    """The 400 MeV ring, 635 elements, laser of 10 kW: one synchrotron period of its micro-bucket.

    Seen in the middle of the modulator, where the beam is longer by what it is shorter on the other side.
    """
    ring = load_lattice(LATTICES / "ssmb_400mev_ring.pals.yaml")
    slip = optics(ring.with_changes({"UND_*": {"laser_on": False}})).slip_factor
    ring = ring.with_changes({"UND_*": {"laser_power": 1e4}})
    rows = np.zeros((6, 16))
    rows[4] = LASER * np.arange(16) / 16
    kicked = track(ring, Beam(ring.reference, rows), 1).beam.delta
    amplitude = float(2.0 * np.abs(np.mean(kicked * np.exp(-2j * math.pi * np.arange(16) / 16))))
    # kappa = 9: the bucket is six times as high as the spread
    spread = math.sqrt(amplitude * LASER / (2.0 * math.pi * slip * ring.length * 9.0))
    scheme = MicroBucketHarmonics(ring.reference, LASER, slip, ring.length, amplitude, spread)
    assert_close(scheme.bucket().k_std, 0.0243, rtol=0.01, atol=0.0, what="K_s")
    beam = scheme.quadrature(7, {"z": 20, "delta": 33})
    heavy = beam.weight > 1e-7 * beam.weight.max()
    beam = Beam(beam.reference, beam.coordinates[:, heavy], beam.weight[heavy])
    orders, turns = (1, 2, 5), round(1.0 / scheme.bucket().tune)
    monitor = BunchingMonitor(None, [LASER / n for n in orders])
    found = np.abs(track(ring, beam, turns, monitors=[monitor]).monitors["bunching"].bunching)
    closed, departure = (np.array([f(n) for n in orders]) for f in (scheme.bunching, scheme.departure))
    assert_close(found.mean(axis=0), closed - departure, rtol=0.0, atol=3e-4, what="mean over a period")
    assert np.abs(found - closed).max() < 2.5 * departure.max()


def test_thick_modulator_needs_a_ring_of_magnets() -> None:
    with pytest.raises(PhysicsError, match="ssmb_400mev_ring"):
        MicroBucketHarmonics.examples()[0].beamline(thick=True)
