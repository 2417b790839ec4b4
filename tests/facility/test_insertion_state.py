"""Intrabeam scattering inside an insertion, and the laser that it needs, against what can be written down."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.collective.intrabeam import intrabeam_diffusion
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.dynamics import transfer_matrix
from ssmb.elements.drift import Drift
from ssmb.elements.linear_map import LinearMap
from ssmb.elements.marker import Marker
from ssmb.elements.thin_chicane import ThinChicane
from ssmb.elements.wiggler import Wiggler
from ssmb.errors import ConfigError
from ssmb.facility.insertion_state import insertion_intrabeam, laser_need
from ssmb.lattice import Lattice, load_lattice
from ssmb.schemes.insertion import CouplingInsertion
from ssmb.tracking import track
from tests.support import assert_close

REF = Reference(650e6)
ALPHA = (4.9e-5, 4.9e-5, 1.96e-4)
R56 = 3e-3
MODULATOR = Wiggler(name="HALF", periods=6.0, period_length=0.65, K=9.0)


def insertion(length: float = 0.4, d: float = 0.5) -> CouplingInsertion:
    """A short straight with vertical dispersion, and a path of r56 behind it."""
    row = [
        Marker(name="MOD1"), Drift(name="d1", length=0.5 * length), Marker(name="RAD"), Drift(name="d2",
        length=0.5 * length),
        ThinChicane(name="c", r56=R56), Marker(name="MOD2"),
    ]  # fmt: skip
    return CouplingInsertion(
        Lattice.from_elements(row, REF), 1064e-9, 2.5e4, 1e-9, 40e-12, 5.5e-4, beta=(15.0, 9.0), alpha=(0.0, 0.0),
        dispersion_y=(d, 0.0), spot=2.4e-3,
    )  # fmt: skip


def test_a_short_straight_is_the_local_rate_times_its_time():
    made = insertion()
    rate = intrabeam_diffusion(REF, made.sigma, current=10.0)
    added = rate * 0.4 / (REF.beta * SPEED_OF_LIGHT)
    found = insertion_intrabeam(made, current=10.0, turn_time=1e-6, damping=(1.0, 1.0, 1.0))  # damping so strong that
    # the beam stays as it is: growth and balance are those of the first turn
    h_y = 0.5**2 / 9.0
    growth_y = 0.5 * (h_y * added[5, 5] + 9.0 * added[3, 3])
    assert_close(
        found.beam.emit_y[1] - 40e-12, 0.5 * growth_y, rtol=0.01, atol=0.0, what="growth over twice the damping"
    )
    assert_close(found.beam.emit_x[1] - 1e-9, 0.25 * 15.0 * added[1, 1], rtol=0.01, atol=0.0, what="no dispersion in x")
    assert_close(found.path_error, R56 * math.sqrt(added[5, 5]), rtol=0.01, atol=0.0, what="r56 times the kick [m]")
    assert_close(found.growth_times[2], 5.5e-4**2 * 1e-6 / added[5, 5], rtol=0.01, atol=0.0, what="growth time [s]")


def test_balance_is_growth_over_damping():
    """The beam that comes out, put in again with the given one taken away, grows by what the damping takes."""
    made = insertion(length=20.0)
    found = insertion_intrabeam(made, current=10.0, turn_time=1e-6, damping=ALPHA)
    again = insertion_intrabeam(found.beam_of(made), current=10.0, turn_time=1e-6, damping=(1e3, 1e3, 1e3))
    grown = [(again.beam.emit_x, found.beam.emit_x), (again.beam.emit_y, found.beam.emit_y)]
    for alpha, (pair, balance) in zip(ALPHA, grown, strict=False):
        growth = (pair[1] - pair[0]) * 2e3
        assert_close(balance[1] - balance[0], growth / (2.0 * alpha), rtol=1e-3, atol=0.0, what="G/(2 alpha)")
    assert found.beam.emit_y[1] > 2.0 * found.beam.emit_y[0]


def test_scattering_rises_with_the_dispersion_and_the_current():
    small, large = (
        insertion_intrabeam(insertion(d=d), current=10.0, turn_time=1e-6, damping=ALPHA) for d in (0.1, 0.5)
    )
    assert small.beam.emit_y[1] - 40e-12 < 0.2 * (large.beam.emit_y[1] - 40e-12)
    weak = insertion_intrabeam(insertion(), current=1e-3, turn_time=1e-6, damping=ALPHA)
    twice = insertion_intrabeam(insertion(), current=2e-3, turn_time=1e-6, damping=ALPHA)
    ratio = (twice.beam.emit_y[1] - 40e-12) / (weak.beam.emit_y[1] - 40e-12)
    assert_close(ratio, 2.0, rtol=0.01, atol=0.0, what="twice the current, twice the growth")


def test_microbunches_shorter_than_the_beam_is_wide_cut_the_logarithm():
    """Far from the structure of the light an electron sees the width of the beam, else gamma lambda/(2 pi)."""
    made = insertion()
    long, short = (
        insertion_intrabeam(
            replace(made, wavelength=w), current=0.1, turn_time=1e-6, damping=(1e-4, 1e-5, 1e-4), coulomb_log=30.0
        ).beam.coulomb_log_range
        for w in (1e-5, 266e-9)
    )
    width = math.sqrt(made.sigma[0, 0])
    want = math.log(REF.gamma * 266e-9 / (2.0 * math.pi) / width)
    assert want < -0.5
    assert_close(short[0] - long[0], want, rtol=0.01, atol=0.0, what="change of the logarithm")
    assert short[1] == long[1]


def test_the_laser_of_a_modulator():
    made = insertion()
    row = [made.lattice.elements[0], MODULATOR, *made.lattice.elements[1:]]
    lit = replace(made, lattice=Lattice.from_elements(row, REF))
    found = laser_need(lit, filling=0.1, average_power=1e6)
    assert found.periods == 12.0
    assert_close(found.slip, 2.5e4 * 2 * 12 * 1064e-9, rtol=1e-12, atol=0.0, what="h 2 N lambda")
    assert_close(found.duty, 1e6 / (found.peak_power * 0.12), rtol=1e-12, atol=0.0, what="share of the turns")
    double = laser_need(replace(lit, chirp=5e4), filling=0.1)
    assert_close(double.peak_power / found.peak_power, 4.0, rtol=1e-9, atol=0.0, what="power goes as the chirp squared")
    assert double.duty == 1.0
    assert laser_need(made, filling=0.1).peak_power == 0.0  # no undulator


def test_bad_input():
    with pytest.raises(ConfigError, match="damping"):
        insertion_intrabeam(insertion(), current=1.0, turn_time=1e-6, damping=(0.0, 1e-5, 1e-5))
    with pytest.raises(ConfigError, match="current"):
        insertion_intrabeam(insertion(), current=0.0, turn_time=1e-6, damping=ALPHA)
    with pytest.raises(ConfigError, match="emit_x must be a number above 0"):
        replace(insertion(), emit_x=0.0)
    assert np.isfinite(insertion().sigma).all()


def test_path_error_by_collisions_as_random_kicks_in_the_tracked_insertion():
    """Electrons on the axis, kicked at random behind every piece of the EUV insertion, as a second way to its path
    error.
    """
    line = load_lattice(Path(__file__).parents[2] / "lattices" / "ssmb_euv.pals.yaml")
    made = CouplingInsertion(
        line, 1064e-9, 2.5e4, 1e-9, 40e-12, 5.5e-4, beta=(17.48, 9.0), alpha=(0.304, 0.0), dispersion_y=(0.5196, 0.0)
    )
    found = insertion_intrabeam(made, current=1.0, turn_time=6.67e-7, damping=(10.0, 10.0, 10.0))  # the beam stays
    row = line.elements[line.index("MOD1") : line.index("MOD2")]
    kicked, s = [], made.sigma
    for i, element in enumerate(row):
        matrix = transfer_matrix(Lattice.from_elements([element], line.reference))
        s = matrix @ s @ matrix.T
        rate = intrabeam_diffusion(line.reference, s, current=1.0)
        added = rate * element.length / (line.reference.beta * SPEED_OF_LIGHT)
        # of the momenta only delta is heated, the hot angles lose what it gains: a kick cannot do that
        added = added[5, 5] * np.diag([0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
        unit = tuple(tuple(r) for r in np.eye(6).tolist())
        kicks = LinearMap(name=f"KICK_{i}", matrix=unit, diffusion=tuple(tuple(r) for r in added.tolist()))
        kicked += [element, kicks] if element.length else [element]
    still = Beam(line.reference, np.zeros((6, 4096)))
    got = track(Lattice.from_elements(kicked, line.reference), still, seed=2).beam
    # rates at the ends of whole magnets here, and 4096 electrons: one per cent
    assert_close(float(got.z.std()), found.path_error, rtol=0.05, atol=0.0, what="rms of z at MOD2 [m]")
