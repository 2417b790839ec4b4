"""Local slip: photons are emitted in the bends, and what they do to z depends on where in the ring one looks.

A kick in delta at the place i moves z at the place s by the slip from i to s. The bunch length therefore changes along
the ring, and has a floor that no longitudinal focusing removes.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.dynamics import (
    Equilibrium,
    bunch_length_with_slip,
    equilibrium,
    minimum_longitudinal_emittance,
    minimum_partial_slip,
    optics,
    radiation_integrals,
)
from ssmb.dynamics.damped_turn import damped_turn
from ssmb.elements import Bend, Drift, Element, Quadrupole
from ssmb.elements.energy_restorer import EnergyRestorer
from ssmb.elements.linear_map import LinearMap
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from ssmb.tracking import MomentMonitor, track
from tests.dynamics.rings import mls
from tests.support import assert_close

PLACES = ("K1", "U125", "K3", "L4", "B#1", "B#2", "B#4", "B#5", "B#7", "S3P2#2", "OP1#1")


def dispersed(dispersion: float) -> np.ndarray:
    """Symplectic matrix from coordinates without dispersion to those at a place with D_x, D_x' = 0."""
    matrix = np.eye(6)
    matrix[0, 5] = matrix[4, 1] = dispersion
    return matrix


def focusing(name: str, kick: float, dispersion: float = 0.0, **more) -> LinearMap:
    """d delta = kick*z for z without its betatron part, so that the kick excites no betatron oscillation."""
    matrix, away = np.eye(6), dispersed(dispersion)
    matrix[5, 4] = kick
    matrix = away @ matrix @ np.linalg.inv(away)
    return LinearMap(name=name, matrix=tuple(map(tuple, matrix.tolist())), **more)


@cache
def mls_with_cooler(damping: float = 0.02, voltage: float = 8e7) -> tuple[Lattice, Equilibrium]:
    """The MLS, whose own damping takes a million turns, with a cooler that takes 50; photons and slip are its own.

    The higher voltage keeps the synchrotron oscillation faster than the damping.
    """
    ring = mls().with_changes({"CAV": {"voltage": voltage}})
    i = ring.index("K3")
    cooler = focusing("cooler", 0.0, damping=(damping,) * 3)
    made = Lattice(ring.name, ring.reference, (*ring.elements[:i], cooler, *ring.elements[i:]), periodic=True)
    return made, equilibrium(made)


def sigma_z_tracked(ring: Lattice, beam: Beam, turns: int, keep: int, mode: str) -> np.ndarray:
    """Rms z about the mean at PLACES, from second moments of the last ``keep`` turns."""
    monitors = [MomentMonitor(at=name) for name in PLACES]
    run = track(ring, beam, turns, monitors=monitors, radiation=mode, seed=5, threads=1)
    assert run.beam.alive.all()
    records = [np.asarray(run.monitors[f"moments@{name}"].sigma)[-keep:] for name in PLACES]
    return np.array([math.sqrt(sigma[:, 4, 4].mean()) for sigma in records])


def test_the_bunch_length_along_the_mls_stays_that_of_the_envelope() -> None:
    """The MLS as it is: a beam that is matched at the start has the envelope's length all the way round."""
    found = equilibrium(mls())
    beam = Beam.matched(found, n=4096, charge=1e-12, start="quiet", centroid=found.closed_orbit[0])
    want = np.array([found.sigma_z[found.index(name)] for name in PLACES])
    assert want.max() > 4.0 * want.min(), "local slip is no small thing here"
    for turns in (1, 40):
        got = sigma_z_tracked(mls(), beam, turns, 1, "quantum")
        assert_close(got, want, rtol=0.02, atol=0.0, what=f"sigma_z in turn {turns}")


def test_tracking_settles_to_the_bunch_length_of_the_envelope() -> None:
    """Starting far off, with twice the sizes, for 14 damping times."""
    ring, found = mls_with_cooler()
    orbit = found.closed_orbit[0][:, None]
    beam = Beam.matched(found, n=1024, charge=1e-12, seed=3)
    beam.coordinates[:] = orbit + 2.0 * beam.coordinates
    want = np.array([found.sigma_z[found.index(name)] for name in PLACES])
    assert want.max() > 2.0 * want.min()
    got = sigma_z_tracked(ring, beam, 700, 500, "diffusion")
    # 1024 particles, 10 independent samples of each: 0.7 % rms
    assert_close(got, want, rtol=0.02, atol=0.0, what="sigma_z along the MLS")


def test_photons_of_one_turn_spread_z_by_the_slip_behind_them() -> None:
    """A beam without any size: what z has become at a place is the noise that the envelope adds up to it."""
    ring = mls()
    turn = damped_turn(compile_elements(ring.elements, ring.reference, "envelope"))
    want = turn.along @ turn.noise @ np.swapaxes(turn.along, 1, 2)
    beam = Beam(ring.reference, np.repeat(turn.orbit[0][:, None], 40_000, axis=1))
    monitors = [MomentMonitor(at=name) for name in PLACES]
    run = track(ring, beam, 1, monitors=monitors, radiation="quantum", seed=2, threads=1)
    program = run.program
    for name in PLACES:
        i = program.index(name)
        if want[i, 4, 4] < 1e-30:
            continue
        got = np.asarray(run.monitors[f"moments@{name}"].sigma)[-1]
        for row, what in ((4, "z"), (5, "delta")):
            assert_close(got[row, row], want[i, row, row], rtol=0.04, atol=0.0, what=f"variance of {what} at {name}")


# ---- the floor

ANGLE, RHO = math.pi / 10, 1.0
#: Angle of QF that makes the cell nearly isochronous.
SMALL = -0.00213


@cache
def cell(kick: float = 0.0, energy: float = 4e8) -> Lattice:
    """One bend with the dispersion of the theoretical minimum, closed to a ring by itself; d delta = kick*z in its
    middle.

    QF bends back and takes from the slip what the bend gives.
    """
    half = [
        Drift(name="d1", length=0.15), Quadrupole(name="q1", length=0.15, Kn1=-6.10538), Drift(name="d2", length=0.25),
        Bend(name="qf", length=0.2, angle=SMALL, Kn1=10.8384), Drift(name="d3", length=0.4),
        Quadrupole(name="q2", length=0.15, Kn1=-4.61295), Drift(name="d4", length=0.7 - ANGLE / 2),
    ]  # fmt: skip
    bend = Bend(name="b", length=RHO * ANGLE, angle=ANGLE, e1=ANGLE / 2, e2=ANGLE / 2)
    row: list[Element] = [*half[::-1], bend, *half]
    reference = Reference(energy)
    if kick:
        bare = cell(energy=energy)
        dispersion = optics(bare).at(0)["dispersion_x"]
        cavity = EnergyRestorer(name="cell", energy_gain=radiation_integrals(bare).energy_loss)
        row = [focusing("rf", kick, dispersion), *row, cavity]
    return Lattice.from_elements(row, reference, periodic=True)


def running_slip() -> tuple[np.ndarray, np.ndarray, float]:
    """r56 from the middle of the cell to places in its bend, their weights, and r56 of a turn; the integral by hand.

    In a bend D = D0 cos(s/rho) + rho D0' sin(s/rho) + rho (1 - cos(s/rho)) and d r56/ds = -D/rho + 1/gamma^2.
    """
    found = optics(cell())
    at = found.at("b")
    s, w = np.polynomial.legendre.leggauss(16)
    a = 0.5 * ANGLE * (1.0 + s)
    d = at["dispersion_x"]
    slope = at["dispersion_px"] + d * math.tan(ANGLE / 2) / RHO  # behind the pole face
    integral = d * np.sin(a) + RHO * slope * (1.0 - np.cos(a)) + RHO * (a - np.sin(a))
    return at["partial_r56"] - integral + RHO * a * cell().reference.inv_gamma2, 0.5 * w, float(found.partial_r56[-1])


def test_running_slip_is_the_smallest_that_a_bend_allows() -> None:
    f, w, turn = running_slip()
    rms = math.sqrt(w @ (f - w @ f) ** 2)
    assert abs(turn) < 0.1 * rms
    assert_close(radiation_integrals(cell()).slip_rms, rms, rtol=2e-3, atol=0.0, what="rms F")
    assert_close(rms, minimum_partial_slip(RHO, ANGLE), rtol=0.01, atol=0.0, what="of the theoretical minimum")


@pytest.mark.parametrize("beta", [3e-3, 3e-4, 1e-4, 3e-5])
def test_bunch_length_has_a_floor(beta: float) -> None:
    """sigma_z = sigma_delta sqrt(beta_z^2 + var F) from weak focusing to so strong a one that only the slip is left."""
    f, w, turn = running_slip()
    kick = -math.copysign(abs(turn) / (beta**2 + 0.25 * turn**2), turn)
    found, classical = equilibrium(cell(kick)), radiation_integrals(cell()).sigma_delta
    tune = math.acos(1.0 + 0.5 * kick * turn) / (2.0 * math.pi)
    assert_close(found.tunes[2], tune, rtol=1e-3, atol=0.0, what="synchrotron tune")
    # generalised Courant-Snyder functions from the kick on: beta - 2 alpha f + gamma f^2
    alpha = -0.5 * kick * beta
    mean = w @ (beta - 2.0 * alpha * f + (1.0 + alpha**2) / beta * f**2)
    exact = classical * math.sqrt(beta * mean)
    rms = math.sqrt(w @ (f - w @ f) ** 2)
    back = np.linalg.inv(dispersed(optics(cell()).at(0)["dispersion_x"]))
    got = math.sqrt((back @ found.sigma[0] @ back.T)[4, 4])
    assert_close(got, exact, rtol=5e-3, atol=0.0, what="integral over the bend")
    short = bunch_length_with_slip(classical, beta, rms)
    assert_close(got, short, rtol=5e-3, atol=0.0, what="sigma_delta sqrt(beta_z^2 + var F)")
    if beta < 0.5 * rms:
        assert_close(got, classical * rms, rtol=0.06, atol=0.0, what="floor")


def test_best_focusing_gives_the_minimum_emittance() -> None:
    """60 sqrt 7: of all focusing strengths beta_z = rms F has the smallest emittance, that of the closed form."""
    f, w, turn = running_slip()
    beta = math.sqrt(w @ (f - w @ f) ** 2)

    def emittance(scale: float) -> float:
        b = scale * beta
        return float(equilibrium(cell(-turn / (b**2 + 0.25 * turn**2))).emittances[2])

    least = emittance(1.0)
    j_z = radiation_integrals(cell()).partition_numbers[2]
    want = minimum_longitudinal_emittance(cell().reference, ANGLE, j_z)
    assert_close(least, want, rtol=0.01, atol=0.0, what="theoretical minimum")
    assert emittance(0.6) > 1.1 * least and emittance(1.7) > 1.1 * least
