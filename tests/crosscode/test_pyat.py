"""Against pyAT (Accelerator Toolbox): the same ring, the same integrator, the same numbers.

Where the models differ: AT takes beta = 1, so its ct lacks the velocity term (beta/beta0 - 1) s; its cavity adds
V/E0 to delta where energy gains V; both are tested here as differences.
"""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from ssmb.beam.coordinates import from_at, to_at
from ssmb.collective import touschek_lifetime
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.dynamics import optics
from ssmb.elements import Bend, Drift, Multipole, Quadrupole, RFCavity, Sextupole
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from tests.crosscode import benchmark_ring
from tests.crosscode.benchmark_ring import ELEMENTS, REFERENCE, particles
from tests.support import assert_close

at = pytest.importorskip("at", reason="extra `interop`: accelerator-toolbox is not installed")


def columns(c: np.ndarray) -> np.ndarray:
    return np.asfortranarray(np.array(list(to_at(c, REFERENCE).values())))


def by_at(elements: list, c: np.ndarray, turns: int = 1) -> np.ndarray:
    """Our coordinates after AT has tracked them through its elements."""
    rows = columns(c)
    at.lattice_track(at.Lattice(elements, energy=REFERENCE.energy, name="line"), rows, turns, in_place=True)
    return from_at(rows)


def velocity_term(delta: np.ndarray, length: float) -> np.ndarray:
    """(beta/beta0 - 1) s, which AT leaves out."""
    momentum = REFERENCE.p0c * (1.0 + delta)
    energy = np.sqrt(momentum**2 + REFERENCE.mass**2)
    # d(beta)/beta0 without cancellation: (P/E)/(P0/E0) - 1 from the difference of squares
    ratio2 = (1.0 + delta) ** 2 * (REFERENCE.energy / energy) ** 2
    d = delta * (2.0 + delta) * REFERENCE.inv_gamma2 * (REFERENCE.energy / energy) ** 2
    return length * d / (1.0 + np.sqrt(ratio2))


def at_ring(exact: bool = False) -> list:
    made = []
    for name, kind, length, p in ELEMENTS:
        if kind == "drift":
            made.append(at.Drift(name, length))
        elif kind == "bend":
            made.append(at.Dipole(name, length, p["angle"], NumIntSteps=10))
        elif kind == "quad":
            made.append(at.Quadrupole(name, length, p["k1"], NumIntSteps=10))
        else:
            made.append(at.Sextupole(name, length, p["k2"] / 2, NumIntSteps=10))
    if exact:
        for e in made:
            e.PassMethod = {at.Drift: "ExactDriftPass", at.Dipole: "ExactSectorBendPass"}.get(
                type(e), "ExactMultipolePass"
            )
    return made


def test_one_turn_of_1000_particles():
    c = particles(1000)
    ours, state = benchmark_ring.ring(expanded=True).propagate(c)
    assert not state.any()
    theirs = by_at(at_ring(), c)
    extra = velocity_term(c[5], benchmark_ring.CIRCUMFERENCE)
    assert np.abs(extra).max() > 1e-8  # the difference of the models is not small ...
    theirs[4] += extra
    assert_close(ours, theirs, rtol=0.0, atol=1e-14, what="all six coordinates, velocity term added")  # ... and is all


def test_hundred_turns():
    c = particles(100)
    ours, state = benchmark_ring.ring(expanded=True).propagate(c, turns=100)
    assert not state.any()
    theirs = by_at(at_ring(), c, turns=100)
    theirs[4] += velocity_term(c[5], 100 * benchmark_ring.CIRCUMFERENCE)
    assert_close(ours, theirs, rtol=0.0, atol=1e-12, what="after 100 turns")


EXACT = {
    "drift": (Drift(name="e", length=1.3), lambda: at.Drift("e", 1.3), "ExactDriftPass"),
    "sector bend": (
        Bend(name="e", length=0.8, angle=0.39),
        lambda: at.Dipole("e", 0.8, 0.39, NumIntSteps=10, FringeBendEntrance=0, FringeBendExit=0),
        "ExactSectorBendPass",
    ),
    "sector bend with fringe": (
        Bend(name="e", length=0.8, angle=0.39, edge="full"),
        lambda: at.Dipole("e", 0.8, 0.39, NumIntSteps=10),
        "ExactSectorBendPass",
    ),
    "quadrupole": (
        Quadrupole(name="e", length=0.3, Kn1=2.0, integrator="yoshida4", slices=10),
        lambda: at.Quadrupole("e", 0.3, 2.0, NumIntSteps=10),
        "ExactMultipolePass",
    ),
    "multipole": (
        Multipole(name="e", length=0.3, Kn1=1.0, Ks1=0.2, Kn2=12.0, Kn3=-600.0, integrator="yoshida4", slices=7),
        lambda: at.Multipole("e", 0.3, [0, 0.2, 0, 0], [0, 1.0, 6.0, -100.0], NumIntSteps=7, MaxOrder=3),
        "ExactMultipolePass",
    ),
}


@pytest.mark.parametrize("name", EXACT)
def test_exact_passes(name):
    ours, theirs, method = EXACT[name]
    c = 5.0 * particles(200, seed=5)
    element = theirs()
    element.PassMethod = method
    got, state = compile_elements([ours], REFERENCE).propagate(c)
    assert not state.any()
    want = by_at([element], c)
    want[4] += velocity_term(c[5], ours.length)
    assert_close(got, want, rtol=0.0, atol=1e-14, what=method)


def test_linear_edges_on_momentum():
    """Edges with FINT at delta = 0; off momentum the codes differ (ours, as MAD-X, kicks px independently of delta)."""
    c = particles(200, seed=6)
    c[5] = 0.0
    ours = Bend(name="e", length=0.8, angle=0.39, e1=0.1, e2=0.2, edge1_int=0.01, edge2_int=0.01,
                integrator="yoshida4", slices=10)  # fmt: skip
    theirs = at.Dipole("e", 0.8, 0.39, EntranceAngle=0.1, ExitAngle=0.2, FringeInt1=0.5, FringeInt2=0.5, FullGap=0.04,
                       NumIntSteps=10, FringeBendEntrance=1, FringeBendExit=1)  # fmt: skip
    got, _ = compile_elements([ours], REFERENCE).propagate(c)
    want = by_at([theirs], c)
    assert_close(got, want, rtol=0.0, atol=1e-12, what="on-momentum edges")


def test_cavity_gains_the_same_energy():
    """Energy gains: ours from delta by the exact relation, AT's delta times E0; the times are the same."""
    c = particles(300, seed=7)
    made = RFCavity(name="rf", voltage=5e5, frequency=5e8, zero_phase="ABOVE_TRANSITION")
    got, _ = compile_elements([made], REFERENCE).propagate(c)

    def energy(delta):
        return np.sqrt((REFERENCE.p0c * (1.0 + delta)) ** 2 + REFERENCE.mass**2)

    ours_gain = energy(got[5]) - energy(c[5])
    beta = REFERENCE.p0c * (1.0 + c[5]) / energy(c[5])
    # AT's ct is a path: for the same time it must be given z/beta
    shifted = c.copy()
    shifted[4] = c[4] / beta
    theirs = by_at([at.RFCavity("rf", 0.0, 5e5, 5e8, 1, REFERENCE.energy)], shifted)
    theirs_gain = (theirs[5] - c[5]) * REFERENCE.energy
    assert_close(ours_gain, theirs_gain, rtol=0.0, atol=1e-6, what="energy gain [eV]")
    assert np.abs(theirs_gain).max() > 1e3


def test_sextupole_strength_is_twice_theirs():
    c = particles(50)
    got, _ = compile_elements([Sextupole(name="s", length=0.2, Kn2=80.0, integrator="yoshida4", slices=10,
                                         drift="expanded")], REFERENCE).propagate(c)  # fmt: skip
    want = by_at([at.Sextupole("s", 0.2, 40.0, NumIntSteps=10)], c)
    want[4] += velocity_term(c[5], 0.2)
    assert_close(got, want, rtol=0.0, atol=1e-15, what="sextupole")


def test_touschek_rates_along_the_ring() -> None:
    """The same emittances on the optics of each code, an acceptance that varies along them."""
    touschek = importlib.import_module("at.acceptance.touschek")
    theirs = at.Lattice(at_ring(), energy=REFERENCE.energy, name="ring", periodicity=1)
    ours = Lattice.from_elements(
        [
            {"drift": Drift, "bend": Bend, "quad": Quadrupole, "sext": Sextupole}[kind](
                name=name, length=length, **{{"angle": "angle", "k1": "Kn1", "k2": "Kn2"}[k]: v for k, v in p.items()}
            )
            for name, kind, length, p in ELEMENTS
        ],
        REFERENCE,
        periodic=True,
    )
    emit, spread, length, electrons = (3e-9, 3e-11), 7e-4, 5e-3, 5e9
    table = optics(ours, compare_edges=False).table()
    n = len(ours)
    eta = np.stack([table["DX"][:n], table["DPX"][:n], *np.zeros((3, n)), np.ones(n)], axis=1)
    sigma = spread**2 * eta[:, :, None] * eta[:, None, :]
    for i, plane in enumerate("XY"):
        beta, alpha = table[f"BET{plane}"][:n], table[f"ALF{plane}"][:n]
        ellipse = np.array([[beta, -alpha], [-alpha, (1.0 + alpha**2) / beta]])
        sigma[:, 2 * i : 2 * i + 2, 2 * i : 2 * i + 2] += emit[i] * np.moveaxis(ellipse, 2, 0)
    sigma[:, 4, 4] = length**2
    s = np.array([e.length for e in ours.elements]).cumsum() - [e.length for e in ours.elements]
    limits = np.stack([-0.02 - 0.005 * np.cos(s), 0.025 + 0.005 * np.sin(s)], axis=1)
    rows = np.concatenate([s[:, None], limits], axis=1)
    keep = np.concatenate(([True], np.diff(s) > 0.0))
    got = touschek_lifetime(ours, sigma, rows[keep], electrons=electrons)
    current = electrons * ELEMENTARY_CHARGE * REFERENCE.beta * SPEED_OF_LIGHT / ours.length
    rates, *_ = touschek.get_scattering_rate(
        theirs, emit[1], current, emitx=emit[0], sigs=length, sigp=spread, momap=limits[:n],
        refpts=np.arange(n), interpolate=False,
    )  # fmt: skip
    assert_close(got.rate, rates / electrons, rtol=2e-3, atol=0.0, what="local rate")
