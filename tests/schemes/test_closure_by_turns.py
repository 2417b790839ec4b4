"""The budget of a closure against a beam that is followed turn by turn, and against the kicks of two lasers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import linalg

from ssmb.beam import Beam, Reference
from ssmb.elements import ELEMENTS
from ssmb.lattice import Lattice
from ssmb.schemes.closure import ClosureBudget, closure_budget
from ssmb.schemes.rest_of_ring import rest_of_ring
from tests.support import assert_close

WAVELENGTH, CHIRP, HARMONIC = 1064e-9, 2.5e4, 79
K = 2.0 * math.pi / WAVELENGTH
BETA, DISPERSION = 9.0, 0.52
H_MOD = DISPERSION**2 / BETA

#: in which full duty raises the emittance by 10/smear_rate: the best duty is a tenth
BUDGET = ClosureBudget(
    dz_rms=1e-10, dz_counting=1e-10, aberrations=0.0, quantum=0.0, terms=(), beyond=0.0, allowed=1e-11, growth=1e-13,
    damping=5e-4, emittance=40e-12, fraction=0.3, smear_rate=1e11,
)  # fmt: skip


def power_of_duty(budget: ClosureBudget, duty: np.ndarray) -> np.ndarray:
    """Average power over that of a perfect closure, of beams with the laser on in a share of the turns, evenly
    spread.
    """
    rise, seen, turns = np.zeros(len(duty)), np.zeros(len(duty)), round(20.0 / budget.damping)
    last = turns // 2  # ten damping times of the emittance later
    for turn in range(turns):
        on = np.floor((turn + 1) * duty) > np.floor(turn * duty)
        seen += (turn >= last) * on * np.exp(-budget.smear_rate * rise)
        rise = (rise + on * budget.growth) * math.exp(-2.0 * budget.damping)
    return seen / (turns - last)


def test_best_duty_and_what_it_leaves_are_those_of_turns():
    duty = np.geomspace(0.2, 5.0, 61) / 10.0
    power = power_of_duty(BUDGET, duty)
    near = slice(int(np.argmax(power)) - 8, int(np.argmax(power)) + 9)
    fit = np.polynomial.Polynomial.fit(np.log(duty[near]), np.log(power[near]), 4)
    fine = np.linspace(*np.log(duty[near])[[0, -1]], 4001)
    best, most = math.exp(float(fine[np.argmax(fit(fine))])), math.exp(float(fit(fine).max()))
    # the growth of one turn is a hundredth of what smears: so coarse is the mean over turns
    assert_close(BUDGET.best_duty, best, rtol=0.02, atol=0.0, what="duty with the most power")
    assert_close(BUDGET.power_factor, most, rtol=0.02, atol=0.0, what="power left")


def test_growth_and_damping_of_many_turns_are_in_balance():
    emittance = 0.0
    for _ in range(round(10.0 / BUDGET.damping)):
        emittance = (emittance + BUDGET.growth) * math.exp(-2.0 * BUDGET.damping)
    assert_close(BUDGET.equilibrium_emittance, BUDGET.emittance + emittance, rtol=2e-3, atol=0.0, what="[m rad]")


def test_a_closure_that_smears_nothing_keeps_the_laser_on():
    good = replace(BUDGET, growth=1e-15)
    power = power_of_duty(good, np.array([0.5, 0.9, 1.0]))
    assert np.argmax(power) == 2 and good.best_duty == 1.0
    assert_close(good.power_factor, power[2], rtol=1e-3, atol=0.0, what="power left")


def test_the_rest_of_a_ring_keeps_the_ellipses_that_it_is_given():
    """The covariance of many turns, insertion and rest: tilted ellipses, and the dispersion of the spread in y."""
    beta, alpha, emittances, spread = (6.0, 9.0), (0.7, -0.4), (3e-9, 4e-11), 5e-4
    dispersion = np.array([0.3, 0.05])
    rest = rest_of_ring(
        tunes=(0.13, 0.27), beta=beta, alpha=alpha, dispersion_y=(0.3, 0.05), r56=-2.0, damping=(1e-3, 2e-3, 3e-3),
        emittances=emittances, sigma_delta=spread,
    )  # fmt: skip
    turn = np.array(rest.damping_matrix) @ np.array(rest.matrix) @ np.diag([1.0, 1.0, -1.0, -1.0, 1.0, 1.0])
    inner = np.ix_([0, 1, 2, 3, 5], [0, 1, 2, 3, 5])  # z is that of a coasting beam, and no other coordinate sees it
    found = linalg.solve_discrete_lyapunov(turn[inner], np.array(rest.diffusion)[inner])
    want = np.zeros((5, 5))
    for i in (0, 1):
        b, a = beta[i], alpha[i]
        want[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = emittances[i] * np.array([[b, -a], [-a, (1.0 + a * a) / b]])
    seen = np.array([0.0, 0.0, *dispersion, 1.0])
    want += spread**2 * np.outer(seen, seen)
    sizes = np.sqrt(np.diag(want))
    assert_close(found / np.outer(sizes, sizes), want / np.outer(sizes, sizes), rtol=0.0, atol=1e-9, what="covariance")


def test_the_path_of_a_drift_is_explained_to_second_order():
    """Its error is ``-L (px^2 + py^2)/2`` about the mean; the next order is ten powers of ten smaller."""
    length, reference = 7.0, Reference(650e6)
    line = Lattice.from_elements([ELEMENTS["Marker"](name="A"), ELEMENTS["Drift"](name="D", length=length)], reference)
    rows = np.random.default_rng(5).normal(size=(6, 500)) * np.array([1e-4, 3e-5, 5e-5, 1e-5, 0.0, 0.0])[:, None]
    budget = closure_budget(
        line, Beam(reference, rows), chirp=CHIRP, wavelength=WAVELENGTH, harmonic=HARMONIC, h_mod=H_MOD, beta=BETA,
        emittance=40e-12, damping=5e-5, order=2,
    )  # fmt: skip
    want = float(np.std(0.5 * length * (rows[1] ** 2 + rows[3] ** 2)))
    assert_close(budget.dz_rms, want, rtol=1e-6, atol=0.0, what="rms path error [m]")
    assert_close(budget.beyond, 0.0, rtol=0.0, atol=1e-6 * want, what="what the terms leave [m]")


@pytest.mark.parametrize("turned", ["x", "y"])
def test_growth_by_the_spot_is_that_of_the_two_kicks(turned):
    """Path errors are none: what stays is that an electron comes back to another place, here in one plane only."""
    angle = 0.25 * math.pi
    matrix = np.eye(6)
    at, beta = (0, 15.0) if turned == "x" else (2, BETA)
    c, s = math.cos(angle), math.sin(angle)
    matrix[at : at + 2, at : at + 2] = [[c, beta * s], [-s / beta, c]]
    rows = tuple(map(tuple, matrix.tolist()))
    line = Lattice.from_elements(
        [ELEMENTS["Marker"](name="MOD1"), ELEMENTS["SSMB_LinearMap"](name="section", matrix=rows)], Reference(650e6)
    )
    rng, n, spot = np.random.default_rng(4), 2000, 4e-4
    half = rng.normal(size=(6, n)) * np.array([1.2e-4, 1.2e-4 / 15.0, 4e-5, 4e-5 / BETA, 0.0, 0.0])[:, None]
    half[4] = rng.uniform(0.0, WAVELENGTH, n)
    other = half.copy()
    other[4] += 0.5 * WAVELENGTH  # the same electron half a wavelength on gets the opposite kick: no chance is left
    before = np.hstack([half, other])
    after = matrix @ before

    def kick(beam: np.ndarray) -> np.ndarray:
        return CHIRP / K * np.exp(-(beam[0] ** 2 + beam[2] ** 2) / spot**2) * np.sin(K * beam[4])

    left = kick(after) - kick(before)

    def action(y: np.ndarray, py: np.ndarray) -> float:
        return 0.5 * float(np.mean(y * y / BETA + BETA * py * py))

    grown = action(after[2] - DISPERSION * left, after[3]) - action(after[2], after[3])
    budget = closure_budget(
        line, Beam(Reference(650e6), before), chirp=CHIRP, wavelength=WAVELENGTH, harmonic=HARMONIC, h_mod=H_MOD,
        beta=BETA, emittance=40e-12, damping=5e-5, spot=spot, order=2,
    )  # fmt: skip
    assert_close(budget.growth, grown, rtol=1e-6, atol=0.0, what="growth of the emittance a turn [m]")
    assert grown > 1e-13
