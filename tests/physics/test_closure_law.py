"""The closure law with the path errors of a tracked insertion: 400 turns near the axis, a few with the whole beam.

The magnets of ssmb_euv.pals.yaml are tracked between two thin laser kicks; a ring around them mixes the phases of the
electrons and damps. Near the axis: emittances 1/16 and spread 1/4 of the nominal ones, with the nominal modulation. The
nominal beam does not live 400 turns in the strong multipoles: within 50 its tails come to large amplitudes, and the law
says nothing of them.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from ssmb import Beam, load_lattice, track
from ssmb.lattice import Lattice
from ssmb.lattice.program import Program, compile_elements
from ssmb.schemes.closure import aberration_growth, counting_path_error, emittance_growth
from ssmb.schemes.insertion import CouplingInsertion
from tests.support import assert_close

WAVELENGTH, CHIRP, D_Y, BETA_Y, H_MOD = 1064e-9, 2.5e4, 0.5196152422706632, 9.0, 0.03
K = 2.0 * math.pi / WAVELENGTH
BETA_X, ALPHA_X = 16.0 + 4.87**2 / 16.0, 4.87 / 16.0
DAMPING = 4.9e-5


@cache
def magnets() -> Lattice:
    line = load_lattice(Path(__file__).parents[2] / "lattices" / "ssmb_euv.pals.yaml")
    return line.with_changes({"Quadrupole::*": {"slices": 1}})  # quick; the law is about these magnets as well


@cache
def compiled() -> Program:
    return compile_elements(magnets().elements, magnets().reference)


def insertion(share: float) -> CouplingInsertion:
    """With the beam of a share of the nominal amplitudes."""
    return CouplingInsertion(
        magnets(), WAVELENGTH, CHIRP, 1e-9 * share**2, 40e-12 * share**2, 5.5e-4 * share, beta=(BETA_X, BETA_Y),
        alpha=(ALPHA_X, 0.0), dispersion_y=(D_Y, 0.0),
    )  # fmt: skip


def taken_up(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Matrix (4, 5) and offset that bring x, px, y, py behind the insertion back, in the mean over the beam."""
    given = before[[0, 1, 2, 3, 5]]
    size = given.std(axis=1)
    fit, *_ = np.linalg.lstsq(np.vstack([given / size[:, None], np.ones(given.shape[1])]).T, after[:4].T, rcond=None)
    linear = fit[:5].T / size
    back = np.linalg.inv(linear[:, :4])
    return np.column_stack([back, -back @ linear[:, 4]]), back @ fit[5]


def around_the_ring(c: np.ndarray, rng: np.random.Generator, share: float) -> np.ndarray:
    """New betatron and laser phases for every electron; damping and diffusion that keep the beam of that share."""
    n = c.shape[1]
    delta, decay = c[5], math.exp(-DAMPING)
    planes = [
        (c[0], ALPHA_X * c[0] + BETA_X * c[1], 1e-9 * BETA_X),
        (c[2] - D_Y * delta, BETA_Y * c[3], 40e-12 * BETA_Y),
    ]
    turned = []
    for at, slope, variance in planes:
        phase, heat = rng.uniform(0.0, 2.0 * math.pi, n), share * math.sqrt(variance * (1.0 - decay**2))
        turned.append(decay * (np.cos(phase) * at + np.sin(phase) * slope) + heat * rng.normal(size=n))
        turned.append(decay * (np.cos(phase) * slope - np.sin(phase) * at) + heat * rng.normal(size=n))
    delta = decay**4 * delta + share * 5.5e-4 * math.sqrt(1.0 - decay**8) * rng.normal(size=n)
    x, slope_x, y, slope_y = turned
    z = rng.uniform(0.0, WAVELENGTH, n)
    return np.array([x, (slope_x - ALPHA_X * x) / BETA_X, y + D_Y * delta, slope_y / BETA_Y, z, delta])


def vertical_emittance(c: np.ndarray) -> float:
    return math.sqrt(np.linalg.det(np.cov(np.array([c[2] - D_Y * c[5], c[3]]))))


def growth_and_law(share: float, turns: int, n: int, seed: int = 3) -> tuple[float, float]:
    """Growth of the vertical emittance by tracking, and the sum over the turns of the law with damping [m rad]."""
    rng, amplitude = np.random.default_rng(seed), CHIRP / K
    beam = Beam.coasting(
        magnets().reference, insertion(share).sigma, wavelength=WAVELENGTH, n=n, charge=1e-12, seed=seed
    )
    c, mean, fitted = beam.coordinates.copy(), None, None
    start, law = vertical_emittance(c), 0.0
    for _ in range(turns):
        c[5] -= amplitude * np.sin(K * c[4])
        before = Beam(magnets().reference, c)
        after = track(compiled(), before, start="MOD1", end="MOD2").beam
        assert after.alive.all()
        dz = after.z - before.z
        if fitted is None:  # the ring and the second laser are set up once
            mean, fitted = dz.mean(), taken_up(c, after.coordinates)
        law += aberration_growth(before, after, BETA_Y) + emittance_growth(H_MOD, CHIRP, WAVELENGTH, dz, before.z)
        law *= math.exp(-2.0 * DAMPING)
        matrix, offset = fitted
        returned = matrix @ after.coordinates[[0, 1, 2, 3, 5]] - offset[:, None]
        z = after.z - mean
        c = around_the_ring(np.vstack([returned, z, after.delta + amplitude * np.sin(K * z)]), rng, share)
    return vertical_emittance(c) - start, law


def test_400_turns_near_the_axis():
    growth, law = growth_and_law(0.25, 400, 3 * 2**10)
    assert growth > 5e-12  # of 2.5 pm
    assert_close(growth, law, rtol=0.05, atol=0.0, what="closure and aberrations, 400 turns")


def test_whole_beam_for_six_turns():
    growth, law = growth_and_law(1.0, 6, 2**16)
    assert_close(growth, law, rtol=0.05, atol=0.0, what="closure and aberrations, 6 turns")


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_path_errors_know_the_phase(share):
    """The growth is less than that of random path errors of the same rms: those of the largest modulation do not
    count.
    """
    beam = insertion(share).beam(2**14)
    out = track(magnets(), beam, start="MOD1", end="MOD2").beam
    dz = out.z - beam.z
    counting = counting_path_error(WAVELENGTH, dz, beam.z)
    assert 0.4 * dz.std() < counting < 0.95 * dz.std()
    kicks = CHIRP / K * (np.sin(K * (beam.z + dz - dz.mean())) - np.sin(K * beam.z))
    brute = 0.5 * H_MOD * float(np.mean(kicks**2))
    assert_close(emittance_growth(H_MOD, CHIRP, WAVELENGTH, dz, beam.z), brute, rtol=1e-6, atol=0.0, what="the kicks")
    rng = np.random.default_rng(1)
    mixed = [emittance_growth(H_MOD, CHIRP, WAVELENGTH, rng.permutation(dz), beam.z) for _ in range(16)]
    free = emittance_growth(H_MOD, CHIRP, WAVELENGTH, dz)
    assert_close(float(np.mean(mixed)), free, rtol=0.03, atol=0.0, what="path errors that do not know it")


def test_laser_spot_counts_as_path_error():
    """An electron that comes back to another place sees another amplitude: a kick in phase with the modulation."""
    beam = insertion(1.0).beam(2**13)
    out = track(magnets(), beam, start="MOD1", end="MOD2").beam
    dz, spot = out.z - beam.z, 5e-4
    seen = [np.exp(-(b.x**2 + b.y**2) / spot**2) for b in (beam, out)]
    kicks = CHIRP / K * (seen[1] * np.sin(K * (beam.z + dz - dz.mean())) - seen[0] * np.sin(K * beam.z))
    got = emittance_growth(H_MOD, CHIRP, WAVELENGTH, dz, beam.z, (seen[0], seen[1]))
    assert_close(got, 0.5 * H_MOD * float(np.mean(kicks**2)), rtol=1e-6, atol=0.0, what="the kicks")
    assert got > 2.0 * emittance_growth(H_MOD, CHIRP, WAVELENGTH, dz, beam.z)
