"""One turn of the MLS between laser modulation and radiation in U125: linear map, dispersion leak, and the real
rings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam, bunching_factor
from ssmb.beam.sigma import sigma_from_twiss
from ssmb.buckets.losses import bunching_losses
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.dynamics import Knob, MatchStatus, Optics, Target, match, optics, taylor_map
from ssmb.lattice import Lattice, load_lattice
from ssmb.lattice.program import Program, compile_elements
from ssmb.schemes import SingleStage
from ssmb.tracking import track
from tests.support import assert_close, assert_reference, reference_values

LATTICES = Path(__file__).resolve().parents[2] / "lattices"
LASER = 1064e-9
EMITTANCE, SIGMA_DELTA = 33.05e-9, 1.842e-4
POINT_LIKE = 1e-13
HARMONICS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Ring:
    """A ring with the laser on and off, and its optics."""

    lattice: Lattice
    lit: Program
    dark: Program
    optics: Optics

    @property
    def after(self) -> str:
        """The element behind the modulator."""
        return self.lit.names[self.lit.index("U125_OUT") + 1]


def lasers(lattice: Lattice, on: bool) -> Lattice:
    return lattice.with_changes({"U125_IN": {"laser_on": on}, "U125_OUT": {"laser_on": on}})


def ring_of(lattice: Lattice) -> Ring:
    programs = [compile_elements(lasers(lattice, on).elements, lattice.reference) for on in (True, False)]
    return Ring(lattice, *programs, optics(programs[1]))


@cache
def ring(name: str) -> Ring:
    return ring_of(load_lattice(LATTICES / f"{name}.pals.yaml"))


def matched(found: Optics, lattice: Lattice, emittance: float, **options: Any) -> Beam:
    """Slice of a long beam, matched at the beginning of the ring."""
    place = found.at(0)
    sigma = sigma_from_twiss(
        emit_x=emittance,
        emit_y=0.01 * emittance,
        beta_x=place["beta_x"],
        beta_y=place["beta_y"],
        alpha_x=place["alpha_x"],
        alpha_y=place["alpha_y"],
        dispersion=tuple(place[f"dispersion_{axis}"] for axis in ("x", "px", "y", "py")),
        sigma_delta=SIGMA_DELTA,
        sigma_z=1e-6,
    )
    return Beam.coasting(
        lattice.reference, sigma, **{"wavelength": LASER, "n_wavelengths": 1, "charge": 1e-12, "seed": 1} | options
    )


def one_turn(r: Ring, emittance: float, n: int = 2**14, **options: Any) -> tuple[Beam, Beam]:
    """Tracked beams behind the modulator, and in the middle of U125 a turn later."""
    beam = matched(r.optics, r.lattice, emittance, n=n, **options)
    modulated = track(r.lit, beam, 1, end=r.after).beam
    whole = track(r.lit, beam, 1).beam
    return modulated, track(r.dark, whole, 1, first_turn=1, end="U125").beam


def bunching(beam: Beam, *harmonics: int) -> np.ndarray:
    return np.abs(bunching_factor(beam, LASER / np.array(harmonics or (1,))))


def closed_form(r: Ring, emittance: float) -> SingleStage:
    """The linear scheme with the modulation that an electron on axis gets."""
    phase = (np.arange(256) + 0.5) / 256
    c = np.zeros((6, 256))
    c[4] = phase * LASER
    delta = track(r.lit, Beam(r.lattice.reference, c, np.ones(256)), 1, end=r.after).beam.delta
    return SingleStage.one_turn(
        r.lattice.reference,
        LASER,
        r.optics.slip_factor,
        r.lattice.length,
        2.0 * float(np.abs(np.mean(delta * np.exp(-2j * math.pi * phase)))),
        SIGMA_DELTA,
        emittance=emittance,
        h=r.optics.at("U125")["H_x"],
        tune=r.optics.qx,
    )


def test_revolution_frequency() -> None:
    """The published radio frequency leaves out beta (2e-6): h times c/C instead of beta c/C."""
    lattice = load_lattice(LATTICES / "mls.pals.yaml")
    f_rev = lattice.reference.beta * SPEED_OF_LIGHT / lattice.length
    assert_reference("mls_frev", f_rev / lattice.reference.beta)
    assert 1.0 - f_rev / reference_values()["mls_frev"]["value"] > 2e-6


# ---- through the linear map


@cache
def linear_ring(name: str) -> tuple[Lattice, Optics]:
    """A ring that begins in the middle of U125, without laser and cavity."""
    lattice = load_lattice(LATTICES / f"{name}.pals.yaml").with_changes({"CAV": {"voltage": 0.0}})
    lattice = (lasers(lattice, False) if lattice.find("U125_IN") else lattice).rotated("U125")
    return lattice, optics(lattice)


def through_linear_map(
    name: str, n: int, start: str, emittance: float, amplitude: float
) -> tuple[np.ndarray, SingleStage]:
    """Thin modulation, then the one-turn matrix; |b_1| .. |b_5| and the closed form."""
    lattice, found = linear_ring(name)
    beam = matched(found, lattice, emittance, n=n, start=start)
    beam.coordinates[5] += amplitude * np.sin(2.0 * math.pi / LASER * beam.z)
    beam.coordinates[:] = found.m66 @ beam.coordinates
    scheme = SingleStage.one_turn(
        lattice.reference,
        LASER,
        found.slip_factor,
        lattice.length,
        amplitude,
        SIGMA_DELTA,
        emittance=emittance,
        h=found.at(0)["H_x"],
        tune=found.qx,
    )
    return bunching(beam, *HARMONICS), scheme


@pytest.mark.parametrize(("emittance", "n"), [(POINT_LIKE, 2**17), (EMITTANCE, 2**18)])
def test_linear_turn_quiet_start(emittance: float, n: int) -> None:
    got, scheme = through_linear_map("mls_pop", n, "quiet", emittance, 1.48e-3)
    want = np.array([scheme.bunching(n) for n in HARMONICS])
    assert want[0] > 0.5 and want[4] > 0.02
    assert_close(got, want, rtol=0.0, atol=1e-4, what="|b_1| .. |b_5|, quiet start")


@pytest.mark.parametrize("emittance", [POINT_LIKE, EMITTANCE])
def test_linear_turn_of_the_published_optics(emittance: float) -> None:
    """Its slip factor smears so much that b_4 = 2e-4 and b_5 = 2e-6: it takes 2**20 particles to be that even."""
    got, scheme = through_linear_map("mls", 2**20, "quiet", emittance, 4e-4)
    want = np.array([scheme.bunching(n) for n in HARMONICS])
    assert want[0] > 0.38
    assert_close(got, want, rtol=0.0, atol=1e-4, what="|b_1| .. |b_5|, quiet start")


@pytest.mark.parametrize(("name", "amplitude"), [("mls", 4e-4), ("mls_pop", 1.48e-3)])
def test_linear_turn_random_start(name: str, amplitude: float) -> None:
    n = 2**17
    got, scheme = through_linear_map(name, n, "random", EMITTANCE, amplitude)
    want = np.array([scheme.bunching(h) for h in HARMONICS])
    assert_close(got, want, rtol=0.0, atol=5.0 / math.sqrt(n), what="|b_1| .. |b_5|, random start")


def test_dispersion_leak_smear() -> None:
    """Rms path of the betatron motion after a turn: 2 sqrt(eps H)|sin(pi nu)| to 2 %, tracked through the real ring."""
    lattice, found = linear_ring("mls")
    program = compile_elements(lattice.elements, lattice.reference)
    scale = 1e-3  # so small an amplitude that only the linear path counts
    beam = matched(found, lattice, EMITTANCE * scale**2, n=2**14)
    d = found.dispersion[0]
    beam.coordinates[:4] -= d[:, None] * beam.delta
    beam.coordinates[4:] = 0.0
    tracked = track(program, beam, 1).beam.z
    want = 2.0 * math.sqrt(EMITTANCE * found.at(0)["H_x"]) * abs(math.sin(math.pi * found.qx))
    assert_close(np.std(tracked) / scale, want, rtol=2e-2, atol=0.0, what="rms path after one turn [m]")


def test_smear_takes_its_factor_off_the_bunching() -> None:
    with_emittance, scheme = through_linear_map("mls", 2**15, "quiet", EMITTANCE, 4e-4)
    without, _ = through_linear_map("mls", 2**15, "quiet", POINT_LIKE, 4e-4)
    smear = math.sqrt(-2.0 * math.log(with_emittance[0] / without[0])) * LASER / (2.0 * math.pi)
    assert_close(smear, scheme.smear, rtol=2e-2, atol=0.0, what="smear from |b_1| [m]")


# ---- through the real rings


def test_exported_magnets_leave_almost_nothing() -> None:
    r = ring("mls_pop_exported")
    assert abs(r.optics.at("U125")["dispersion2_x"]) > 9.0 and r.optics.slip_factor3 > 2.0
    assert bunching(one_turn(r, EMITTANCE, n=2**16)[1])[0] < 0.03
    assert_close(bunching(one_turn(r, POINT_LIKE)[1])[0], 0.071, rtol=1e-2, atol=0.0, what="|b_1| without emittance")
    assert closed_form(r, POINT_LIKE).bunching(1) > 0.15


def test_retuned_ring_without_emittance_has_most_of_the_closed_form() -> None:
    r = ring("mls_pop")
    got, want = bunching(one_turn(r, POINT_LIKE)[1], 1, 2), closed_form(r, POINT_LIKE)
    assert got[0] >= 0.9 * want.bunching(1)
    assert_close(got, [0.5305, 0.3234], rtol=1e-2, atol=0.0, what="|b_1|, |b_2| without emittance")


def test_ring_with_all_targets_at_zero() -> None:
    """Both chromaticities, the slip factor's higher orders and second-order dispersion at U125 matched away."""
    r = ring("mls_pop_zero")
    place = r.optics.at("U125")
    left = [r.optics.dqx, r.optics.dqy, r.optics.slip_factor2, place["dispersion2_x"], place["dispersion2_px"]]
    assert_close(left, np.zeros(5), rtol=0.0, atol=1e-5, what="dqx, dqy, slip_factor2, D2, D2'")
    got, want = bunching(one_turn(r, POINT_LIKE)[1])[0], closed_form(r, POINT_LIKE).bunching(1)
    assert got >= 0.9 * want
    at_33_nm = bunching(one_turn(r, EMITTANCE, n=2**16)[1])[0]
    assert_close(at_33_nm, 0.251, rtol=1e-2, atol=0.0, what="|b_1| at 33 nm")


def test_retuned_ring_at_33_nm() -> None:
    r = ring("mls_pop")
    got = bunching(one_turn(r, EMITTANCE, n=2**16)[1], 1, 2)
    assert_close(got, [0.3836, 0.2006], rtol=1e-2, atol=0.0, what="|b_1|, |b_2| at 33 nm")
    assert got[0] < closed_form(r, EMITTANCE).bunching(1)


def test_converged_in_slices() -> None:
    """Four times the slices of every integrator change |b| by less than 1e-4 for the same particles."""
    lattice = load_lattice(LATTICES / "mls_pop.pals.yaml")
    fine = lattice.with_changes(
        {
            "Sextupole::*": {"slices": 8},
            "Octupole::*": {"slices": 8},
            "Quadrupole::*": {"slices": 4},
            "Bend::*": {"slices": 4},
            "Wiggler::*": {"slices": 40, "laser_slices": 32},
        }
    )
    got = bunching(one_turn(ring_of(fine), EMITTANCE)[1], 1, 2)
    want = bunching(one_turn(ring("mls_pop"), EMITTANCE)[1], 1, 2)
    assert_close(got, want, rtol=0.0, atol=1e-4, what="|b_1|, |b_2|")


def test_converged_in_particles_and_seeds() -> None:
    found = np.array([bunching(one_turn(ring("mls_pop"), EMITTANCE, n=2**15, seed=s)[1], 1, 2) for s in (1, 2, 3)])
    more = bunching(one_turn(ring("mls_pop"), EMITTANCE, n=2**17, seed=4)[1], 1, 2)
    assert_close(found, np.tile(more, (3, 1)), rtol=1e-2, atol=0.0, what="|b_1|, |b_2|")


# ---- where the bunching is lost


def decomposed(name: str, emittance: float) -> tuple[Any, float]:
    r = ring(name)
    modulated, final = one_turn(r, emittance, n=2**14)
    turn = taylor_map(lasers(r.lattice, False).rotated(r.after), end="U125", order=3)
    return bunching_losses(turn, modulated, LASER), float(bunching(final)[0])


@pytest.mark.parametrize("name", ["mls_pop", "mls_pop_exported"])
def test_third_order_map_gives_the_tracked_bunching(name: str) -> None:
    lost, tracked = decomposed(name, EMITTANCE)
    assert_close(abs(lost.whole), tracked, rtol=0.0, atol=1e-3, what="|b_1| of the map")


def test_named_losses_of_the_exported_ring() -> None:
    lost, _ = decomposed("mls_pop_exported", EMITTANCE)
    by_name = {name: (abs(a), s) for name, a, s in zip(lost.terms, lost.alone, lost.rms, strict=True)}
    for culprit in ("second-order dispersion", "third-order slip"):
        assert by_name[culprit][0] < 0.3 * abs(lost.linear), culprit
    others = [v[0] for k, v in by_name.items() if k not in ("second-order dispersion", "third-order slip")]
    assert min(others) > 0.9 * abs(lost.linear)
    assert_close(by_name["dispersion"][1], 61.8e-9, rtol=2e-2, atol=0.0, what="smear of the dispersion [m]")


def test_named_losses_of_the_retuned_ring() -> None:
    lost, _ = decomposed("mls_pop", EMITTANCE)
    alone = dict(zip(lost.terms, np.abs(lost.alone), strict=True))
    assert min(alone, key=alone.__getitem__) == "horizontal path length"
    assert min(v for k, v in alone.items() if k != "horizontal path length") > 0.94 * abs(lost.linear)
    # the path of betatron oscillations: chromaticity, and the beta function that changes with momentum
    r, step = ring("mls_pop"), 5e-4
    high, low = (optics(r.dark, delta=d).at("U125") for d in (step, -step))
    d_beta = (high["beta_x"] - low["beta_x"]) / (2.0 * step * r.optics.at("U125")["beta_x"])
    d_alpha = (high["alpha_x"] - low["alpha_x"]) / (2.0 * step)
    oscillating = math.hypot(d_beta, d_alpha) * math.sin(2.0 * math.pi * r.optics.qx)
    want = EMITTANCE * math.hypot(oscillating, 2.0 * math.pi * r.optics.dqx)
    got = dict(zip(lost.terms, lost.rms, strict=True))["horizontal path length"]
    assert_close(got, want, rtol=2e-2, atol=0.0, what="rms path of betatron oscillations [m]")


# ---- the retuning itself


def test_matching_the_exported_ring() -> None:
    """The package's own matching brings the chromatic numbers of the exported ring to zero, and the bunching back."""
    exported = load_lattice(LATTICES / "mls_pop_exported.pals.yaml")
    knobs = [
        Knob("Q1*.Kn1", 0.999, 1.001, mode="scale"),
        *(Knob(f"{s}.Kn2", -500.0, 500.0) for s in ("S1P1", "S1P2", "S2P1", "S2P2K", "S2P2L", "S3P1", "S3P2")),
        *(Knob(f"{o}.Kn3", -20e3, 20e3) for o in ("OP1", "OP2")),
    ]
    targets = [
        Target("slip_factor", 4.4e-6, tolerance=1e-9),
        Target("slip_factor2", 0.0, tolerance=1e-5),
        Target("slip_factor3", 0.0, tolerance=1e-2),
        Target("dqx", 0.0, tolerance=1e-2),
        Target("dqy", 0.0, tolerance=1e-2),
        Target("dispersion2_x", 0.0, at="U125", tolerance=1e-2),
        Target("dispersion2_px", 0.0, at="U125", tolerance=1e-2),
    ]
    found = match(lasers(exported, False), knobs, targets)
    assert found.status is MatchStatus.REACHED
    r = ring_of(lasers(found.lattice, True))
    b = float(bunching(one_turn(r, POINT_LIKE)[1])[0])
    assert b >= 0.9 * closed_form(r, POINT_LIKE).bunching(1)
    # the path of betatron oscillations is not among these targets, and takes half of it at 33 nm
    assert_close(bunching(one_turn(r, EMITTANCE)[1])[0], 0.25, rtol=5e-2, atol=0.0, what="|b_1| at 33 nm")


def test_shipped_ring_has_the_matched_numbers() -> None:
    found = ring("mls_pop").optics
    place = found.at("U125")
    assert_close(found.slip_factor, 4.4e-6, rtol=0.0, atol=1e-9, what="slip factor")
    assert_close([found.slip_factor2, found.slip_factor3], [0.0, 0.0], rtol=0.0, atol=1e-3, what="its higher orders")
    assert abs(found.slip_factor2) < 1e-5
    assert_close([found.dqx, found.dqy], [-0.54, 0.0], rtol=0.0, atol=2e-2, what="chromaticities")
    assert_close(place["dispersion2_x"], -0.953, rtol=0.0, atol=5e-3, what="second-order dispersion [m]")
    assert_close(place["dispersion2_px"], 0.0, rtol=0.0, atol=1e-3, what="its slope")
