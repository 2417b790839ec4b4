"""Coupling is judged all along the ring, and modes keep their names: solenoid pairs, turned sections, resonances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import expm

from ssmb.beam.reference import Reference
from ssmb.dynamics import closed_orbit, optics, radiation_integrals, transfer_matrix
from ssmb.dynamics.linear import generalised_beta, mode_tune_derivatives, normal_modes
from ssmb.elements import Bend, Drift, Element, Patch, Quadrupole, Sextupole, Solenoid
from ssmb.errors import PhysicsError
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from tests.support import assert_close, fodo_cell

QUARTER = math.pi / 2


def _cell(k: float = 1.2, skew: float = 0.0, chromatic: float = 0.0) -> list[Element]:
    sextupole = [Sextupole(name="s", length=1e-3, Kn2=chromatic)] if chromatic else []
    return [*sextupole, *fodo_cell(k, skew)]


def _ring(elements: list[Element]) -> Lattice:
    return Lattice.from_elements(elements, Reference(1e9), periodic=True)


def _solenoids() -> Lattice:
    pair = [Solenoid(name="s1", length=0.8, Ksol=1.0), Drift(name="mid", length=0.2)]
    return _ring([*(_cell() * 8), *pair, Solenoid(name="s2", length=0.8, Ksol=-1.0)])


def _turned(into: float, out: float, sign: int) -> Lattice:
    """A ring with a straight section between two turns of the frame, its gradients by sign."""
    straight = [
        Drift(name="d1", length=0.3),
        Quadrupole(name="t1", length=0.1, Kn1=0.5 * sign),
        Drift(name="d2", length=0.3),
        Quadrupole(name="t2", length=0.1, Kn1=-0.6 * sign),
        Drift(name="d3", length=0.3),
    ]
    ends = [Patch(name="in", turn_z=into), *straight, Patch(name="out", turn_z=out)]
    return _ring([*(_cell() * 3), *(ends if into else straight), *(_cell() * 5)])


def test_a_closed_solenoid_pair_couples_between_its_solenoids() -> None:
    ring = _solenoids()
    found = optics(ring)
    assert found.coupled
    i = found.index("mid")
    m = transfer_matrix(ring)[:4, :4]
    assert np.abs(m[:2, 2:]).max() < 1e-10, "one turn is uncoupled"
    want = generalised_beta(transfer_matrix(ring, end="mid")[:4, :4] @ normal_modes(m)[1])
    assert_close(found.mode_beta[i], want, rtol=1e-8, atol=1e-8, what="modes in the pair")
    assert_close(want[:, 0, 0], [1.99902939, 0.56004389], rtol=1e-7, atol=0.0, what="beta of modes 1, 2 in x")
    # a second way: the envelope of particles on the torus of mode 1 that start with the same amplitude
    phases = np.linspace(0.0, 2.0 * math.pi, 64, endpoint=False)
    beta, alpha = found.beta[0, 0], found.alpha[0, 0]
    start = np.zeros((6, 64))
    start[0] = 1e-4 * math.sqrt(beta) * np.cos(phases)
    start[1] = -1e-4 / math.sqrt(beta) * (alpha * np.cos(phases) + np.sin(phases))
    program = compile_elements(ring.elements, ring.reference)
    here = program.propagate(start, 0, int(program.first_op[i]))[0]
    got = 2.0 * np.mean(here[[0, 2]] ** 2, axis=1) / 1e-8
    assert_close(got, found.mode_beta[i, 0, [0, 2], [0, 2]], rtol=1e-6, atol=0.0, what="tracked envelope")
    assert_close([found.qx % 1, found.qy % 1], found.mode_tunes, rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("into, out", [(QUARTER, -QUARTER), (-QUARTER, QUARTER), (QUARTER, 3 * QUARTER)])
def test_a_section_turned_by_a_right_angle_is_the_same_ring(into: float, out: float) -> None:
    """Its planes are exchanged: with gradients of the other sign nothing changes but the names of the axes there."""
    plain, found = optics(_turned(0.0, 0.0, 1)), optics(_turned(into, out, -1))
    assert found.coupled
    assert not plain.coupled
    for name in ("qx", "qy", "dqx", "dqy", "alpha_c"):
        assert_close(getattr(found, name), getattr(plain, name), rtol=1e-9, atol=1e-9, what=name)
    i, j = found.index("d2"), plain.index("d2")
    assert_close(found.beta[i], plain.beta[j, ::-1], rtol=1e-9, atol=0.0, what="beta, exchanged")
    assert_close(found.alpha[i], plain.alpha[j, ::-1], rtol=1e-9, atol=1e-9, what="alpha, exchanged")
    assert_close(found.curly_h[i], plain.curly_h[j, ::-1], rtol=1e-8, atol=1e-12, what="H, exchanged")
    half_turns = 2.0 * (found.mu[i] - plain.mu[j])
    assert_close(half_turns, np.round(half_turns), rtol=0.0, atol=1e-8, what="phases of the modes up to half a turn")
    assert_close(found.beta[-1], found.beta[0], rtol=1e-9, atol=0.0)


def test_two_quarter_turns_are_half_a_turn_of_the_tunes() -> None:
    """The whole frame is turned by 180 degrees: x and y come back with the other sign."""
    ring = _turned(QUARTER, QUARTER, -1)
    found = optics(ring)
    want = np.linalg.eigvals(transfer_matrix(ring)[:4, :4]).real
    got = np.cos(2.0 * math.pi * np.repeat(found.mode_tunes, 2))
    assert_close(np.sort(got), np.sort(want), rtol=0.0, atol=1e-9)
    assert_close([found.qx % 1, found.qy % 1], found.mode_tunes, rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("skew, off", [(0.1, 0.0), (0.01, 1e-3), (1e-3, 0.0), (1e-4, 1e-3)])
def test_chromaticities_at_a_coupling_resonance(skew: float, off: float) -> None:
    """Against eigenvalues of matrices about orbits so near that modes hardly turn; plain: 4.67, -42.68."""
    cells = [e for n in range(8) for e in _cell(1.4904764220867337 + off, skew if n == 3 else 0.0, 2500.0)]
    ring = _ring(cells)
    found = optics(ring)
    assert found.coupled
    tunes = []
    for delta in (-1e-7, 1e-7):
        m = transfer_matrix(ring, orbit=closed_orbit(ring, dim=4, delta=delta))[:4, :4]
        phases = np.angle(np.linalg.eigvals(m)) / (2.0 * math.pi)
        tunes.append(np.sort(phases[phases > 0.0]))
    want = (tunes[1] - tunes[0]) / 2e-7
    got = [q for _, q in sorted(((found.qx % 1.0, found.dqx), (found.qy % 1.0, found.dqy)))]
    assert_close(got, want, rtol=1e-4, atol=1e-3, what="dQ/d delta")


def test_radiation_integrals_refuse_a_bend_in_a_turned_section() -> None:
    ring = _ring([*(_cell() * 4), Patch(name="in", turn_z=QUARTER), Bend(name="x", length=0.2, angle=0.01, e1=0.005,
                  e2=0.005), Patch(name="out", turn_z=-QUARTER), *(_cell() * 4)])  # fmt: skip
    with pytest.raises(PhysicsError, match="x and y are coupled"):
        radiation_integrals(ring)


@pytest.mark.parametrize("split", [0.0, 1e-15, 1e-9])
def test_modes_of_equal_tunes_go_on_into_those_that_delta_splits(split: float) -> None:
    """A difference over the split of the tunes told 2.5e14; the eigenvalues at small changes are the second way."""
    coupling = np.array([[0.9, 0.2, 0.4, -0.1], [0.2, 0.5, 0.3, 0.2], [0.4, 0.3, 1.1, 0.1], [-0.1, 0.2, 0.1, 0.7]])
    turn = np.kron(np.eye(2), [[0.0, 1.0], [-1.0, 0.0]])

    def matrix(delta: float) -> np.ndarray:
        return expm(turn @ (np.diag([0.9, 0.9, 0.9 + split, 0.9 + split]) + delta * coupling))

    def tunes(delta: float) -> np.ndarray:
        return np.sort(np.abs(np.angle(np.linalg.eigvals(matrix(delta)))))[::2] / (2.0 * math.pi)

    h = 1e-4
    first, second = (matrix(h) - matrix(-h)) / (2.0 * h), (matrix(h) - 2.0 * matrix(0.0) + matrix(-h)) / h**2
    found = np.sort(mode_tune_derivatives(matrix(0.0), first, second), axis=1)
    change = np.array([tunes(d) - tunes(0.0) for d in (0.001, 0.002)])
    slopes = (4.0 * change[0] - change[1]) / 0.002
    assert_close(found[0], slopes, rtol=0.0, atol=1e-5)
    assert np.abs(found[1]).max() < 10.0
