"""Several bunches and several turns in a wake: the sum over all that has passed, Robinson, coupled bunches."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

from ssmb.beam import Beam, Reference
from ssmb.collective import (
    BunchImpedance,
    Impedance,
    Inductance,
    ResistiveWall,
    Resonator,
    StoredBeam,
    TransverseResonator,
    robinson_motion,
)
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.elements import Drift, Marker, RFCavity
from ssmb.elements.linear_map import LinearMap
from ssmb.errors import ConfigError, ValidityWarning
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from ssmb.tracking import SnapshotMonitor, track
from ssmb.tracking.stations import Place
from tests.support import assert_close

REFERENCE = Reference(600e6)
LINE = Lattice.from_elements([Marker(name="m"), Drift(name="d", length=6.0)], REFERENCE)
PROGRAM = compile_elements(LINE.elements, REFERENCE)
HERE = Place(0, "m", 0.0, length=6.0)
MODE, WALL = Resonator(3e4, 200.0, 3e9), ResistiveWall(2e3, 0.03, 1e3)


def gains(effect: BunchImpedance, beam: Beam, state: dict[str, np.ndarray], turn: int) -> np.ndarray:
    """Energy gains [eV] on a turn, which the state goes on."""
    after = beam.copy()
    effect.kick(after, effect.total(effect.sums(after, state)), state, turn, HERE)
    return (after.delta - beam.delta) * REFERENCE.p0c * REFERENCE.beta


def train(random: np.random.Generator, places: list[float], n: int = 400) -> Beam:
    """Bunches of 1.5 mm without noise, of unequal charge, each a bit off its bucket."""
    rows = np.zeros((6, n * len(places)))
    rows[4] = np.concatenate([p + random.normal(0.0, 5e-4) + 1.5e-3 * ndtri((np.arange(n) + 0.5) / n) for p in places])
    weight = np.repeat(random.uniform(0.5, 2.0, len(places)), n) * 1e-9 / ELEMENTARY_CHARGE / n
    order = random.permutation(n * len(places))
    return Beam(REFERENCE, rows[:, order], weight=weight[order])


@pytest.mark.parametrize("impedance", [Resonator(1e3, 1.5, 8e9), TransverseResonator(1e5, 4.0, 2e9)], ids=["z", "x"])
def test_the_wake_of_a_resonator_is_an_exponential(impedance: Impedance) -> None:
    s = np.linspace(0.0, 0.5, 301)[1:]
    got = sum(np.real(size * np.exp(rate * s)) for size, rate in impedance.exponentials())
    assert_close(got, impedance.wake(s), rtol=0.0, atol=1e-12 * np.abs(impedance.wake(s)).max())
    assert Resonator(1e3, 0.5, 8e9).exponentials() == ()


@pytest.mark.parametrize("impedance", [MODE, WALL, MODE + 0.7 * WALL + Resonator(500.0, 0.5, 4e9)])
@pytest.mark.parametrize("buckets", [(0,), (5, 3, 0, -2)])
def test_against_the_sum_over_all_that_has_passed(impedance: Any, buckets: tuple[int, ...]) -> None:
    """On each of three turns other bunches come; all particles of all of them act on all, each by its distance."""
    random = np.random.default_rng(5)
    effect = BunchImpedance(
        at="m", impedance=impedance, window=(-9e-3, 9e-3), bins=361, turns=2, buckets=buckets[::-1], spacing=0.4
    )
    state, passed = effect.before(6.0).nothing(), []
    for turn in range(3):
        beam = train(random, [0.4 * b for b in buckets], 600 // len(buckets))
        passed.append(beam)
        want = np.zeros(len(beam))
        for age, source in enumerate(reversed(passed)):
            s = source.z[None, :] - beam.z[:, None] + 6.0 * age
            wake = np.where(s > 0.0, impedance.wake(np.maximum(s, 0.0)), 0.0)
            wake[s == 0.0] = 0.5 * impedance.wake(np.zeros(1))
            want -= wake @ (source.weight * ELEMENTARY_CHARGE)
        got = gains(effect, beam, state, turn)
        assert_close(got, want, rtol=0.0, atol=5e-3 * np.abs(want).max(), what=f"dE [eV] on turn {turn}")


def test_what_has_passed_alone() -> None:
    """The gain by what has passed, without the own wake and its bins: to 1e-5 that of point charges."""
    effect = BunchImpedance(at="m", impedance=MODE + WALL, window=(-9e-3, 9e-3), turns=60, buckets=(1, 0), spacing=0.4)
    state, lone = effect.before(6.0).nothing(), np.array([[0.4 + 2e-3, 1e-9], [1e-3, 3e-9], [0.4 - 1e-3, 2e-9]])
    charge = lone[:, 1] / ELEMENTARY_CHARGE
    places = np.zeros((6, 3))
    places[4] = lone[:, 0]
    with pytest.warns(ValidityWarning, match="too coarse"):
        gains(effect, Beam(REFERENCE, places, weight=charge), state, 0)
    test = np.zeros((6, 41))
    test[4] = np.linspace(-8e-3, 8e-3, 41)
    for turn in range(1, 60):
        beam = Beam(REFERENCE, test, weight=np.zeros(41))
        got = gains(effect, beam, state, turn)
        s = lone[:, 0] - test[4][:, None] + 6.0 * turn
        assert_close(got, -(MODE + WALL).wake(s) @ lone[:, 1], rtol=0.0, atol=2e-4 * np.abs(got).max())


def test_windows_that_touch_are_one_window() -> None:
    beam = train(np.random.default_rng(1), [0.012, 0.0, -0.012], 1000)
    cut = BunchImpedance(at="m", impedance=MODE, window=(-6e-3, 6e-3), bins=201, buckets=(-1, 0, 1), spacing=0.012)
    whole = BunchImpedance(at="m", impedance=MODE, window=(-18e-3, 18e-3), bins=601)
    want = gains(whole, beam, {}, 0)
    assert_close(gains(cut, beam, {}, 0), want, rtol=0.0, atol=2e-3 * np.abs(want).max(), what="dE [eV]")


def test_ranks_remember_the_same() -> None:
    """Two ranks with whole groups go on with the same state, and the same bits as one beam, on each of four turns."""
    effect = BunchImpedance(
        at="m", impedance=MODE + WALL, window=(-9e-3, 9e-3), turns=30, buckets=(2, 0), spacing=0.4, bins=180
    )
    beam = train(np.random.default_rng(2), [0.8, 0.0], effect.group)
    first = np.arange(len(beam)) < effect.group
    ranks = [beam.select(first), beam.select(~first)]
    state, states = effect.state(PROGRAM), [effect.state(PROGRAM) for _ in ranks]
    for turn in range(4):
        effect.kick(beam, effect.total(effect.sums(beam, state)), state, turn, HERE)
        total = effect.total(np.concatenate([effect.sums(b, s) for b, s in zip(ranks, states, strict=True)]))
        for rank, own in zip(ranks, states, strict=True):
            effect.kick(rank, total, own, turn, HERE)
    joined = np.concatenate([rank.coordinates for rank in ranks], axis=1)
    assert joined.tobytes() == beam.coordinates.tobytes()
    for key, values in state.items():
        assert values.any()
        assert all(own[key].tobytes() == values.tobytes() for own in states)


# ---- coherent motion

#: A ring whose cavity has the frequency of four bunches.
STORED = StoredBeam(energy=600e6, circumference=60.0, slip_factor=2e-3, sigma_delta=5e-4, tune=8e-3)
BUNCHES, TURN = 4, 60.0 / SPEED_OF_LIGHT


def around() -> Lattice:
    """Marker ``m``, a cavity in which all buckets are alike, and the slip of a turn."""
    k = 2.0 * math.pi * BUNCHES / STORED.circumference
    voltage = 4.0 * math.sin(math.pi * STORED.tune) ** 2 * STORED.energy / (STORED.slip * k)
    slip = np.eye(6)
    slip[4, 5] = -STORED.slip
    cavity = RFCavity(name="rf", voltage=voltage, harmon=BUNCHES, zero_phase="ABOVE_TRANSITION")
    turn = LinearMap(name="turn", matrix=tuple(map(tuple, slip.tolist())), length=STORED.circumference)
    return Lattice.from_elements([Marker(name="m"), cavity, turn], Reference(STORED.energy), periodic=True)


def motion(effect: BunchImpedance, charge: float, start: np.ndarray, turns: int) -> np.ndarray:
    """(turns, bunches) normalised z + i p of rigid bunches of 2 mm, before the cavity, without their static part.

    The static part is the mean of starts of opposite sign.
    """
    n, angle, seen = 200, 2.0 * math.pi * STORED.tune, []
    beta, alpha = STORED.slip / math.sin(angle), math.tan(math.pi * STORED.tune)
    centre = np.array(effect.buckets) * effect.spacing
    shape = 2e-3 * np.sqrt(2.0 * -np.log1p(-(np.arange(n) + 0.5) / n)) * np.exp(2.4j * np.arange(n))  # turns as it is
    shape -= shape.mean()
    for sign in (1.0, -1.0):
        rows = np.zeros((6, n * start.size))
        rows[4] = (centre[:, None] + sign * start.real[:, None] + np.real(shape)).reshape(-1)
        turned = sign * start[:, None] + shape
        rows[5] = ((turned.imag - alpha * turned.real) / beta).reshape(-1)
        beam = Beam(Reference(STORED.energy), rows, weight=np.full(rows.shape[1], charge / ELEMENTARY_CHARGE / n))
        shots = SnapshotMonitor("m")
        record = track(around(), beam, turns, effects=[effect], monitors=[shots]).monitors[shots.name]
        seen.append(
            [(b.z + 1j * (beta * b.delta + alpha * b.z)).reshape(start.size, n).mean(axis=1) for b in record.beams]
        )
    return 0.5 * (np.array(seen[0]) - np.array(seen[1]))


def rate(u: np.ndarray, skip: int) -> complex:
    """Growth, and i times the phase advance, per turn."""
    n = np.arange(u.size)[skip:]
    return complex(np.polyfit(n, np.log(np.abs(u[skip:])), 1)[0], np.polyfit(n, np.unwrap(np.angle(u[skip:])), 1)[0])


@pytest.mark.parametrize("detuning", [30e3, -25e3])
def test_robinson_of_a_tracked_bunch(detuning: float) -> None:
    """A passive cavity, above and below the harmonic: growth and tune of the exact motion of a point bunch."""
    cavity, current = Resonator(2e6, 2e4, 100.0 / TURN + detuning), 0.02
    effect = BunchImpedance(at="m", impedance=cavity, window=(-0.014, 0.014), bins=113, turns=1)
    u = motion(effect, current * TURN, np.array([1e-4 + 0j]), 1100)[:, 0]
    got, want = rate(u, 350), robinson_motion(STORED, cavity, current)
    assert abs(want.growth) > 1e-4
    assert_close(got.real, want.growth, rtol=0.02, atol=0.0, what="growth")
    assert_close(got.imag / (2.0 * math.pi), want.tune, rtol=2e-4, atol=0.0, what="tune")
    assert abs(want.tune - STORED.tune) > 2e-3 * STORED.tune


def test_coupled_bunches() -> None:
    """Four bunches and a mode at a line between the harmonics of the bunches: the growth of each of the four modes.

    Mode mu has z_j exp(2 pi i (mu + nu) j/M) alike for bunches j that come one after the other, and the lines
    (p M + mu) w0 + W: ``(I eta/(2 E W)) sum_p w_p Re Z(w_p)`` (Chao, section 4.1, for I of all bunches).
    """
    current, w0 = 0.1, 2.0 * math.pi / TURN
    w_s = w0 * STORED.tune
    cavity = Resonator(2e5, 6.4e3, 101.0 / TURN)
    effect = BunchImpedance(
        at="m", impedance=cavity, window=(-0.014, 0.014), bins=113, turns=1, spacing=60.0 / BUNCHES,
        buckets=range(BUNCHES),
    )  # fmt: skip
    mu, j = np.arange(BUNCHES), np.array(effect.buckets)
    modes = np.exp(-2j * math.pi * np.outer(mu + STORED.tune, j) / BUNCHES)  # (mode, bunch)
    u = motion(effect, current * TURN / BUNCHES, 1e-4 * modes.sum(axis=0), 1100) @ np.conj(modes.T)
    got = np.array([rate(u[:, m], 350).real for m in mu])
    p = np.arange(-200, 200)
    w = (p[:, None] * BUNCHES + mu) * w0 + w_s
    want = current * STORED.slip_factor / (2.0 * STORED.energy * w_s) * (w * np.real(cavity(w / SPEED_OF_LIGHT))).sum(0)
    assert_close(got, want, rtol=0.03, atol=2e-6, what="growth by mode")
    assert want[1] > 1e-4
    assert want[3] < -1e-4
    assert np.abs(want[[0, 2]]).max() < 2e-6


# ---- arguments


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ({"impedance": Inductance(1e-9), "turns": 3}, "the wake of 'inductance' is not known in closed form"),
        ({"impedance": MODE + Inductance(1e-9), "turns": 1}, "the wake of 'inductance' is not known in closed form"),
        ({"impedance": lambda k: 0j * k, "buckets": (0, 1), "spacing": 1.0}, "the wake of a function is not known"),
        ({"buckets": (0, 1)}, "spacing is 0 m; windows of 0.018 m about the buckets must not overlap"),
        ({"buckets": (3,)}, "spacing is 0 m"),
        ({"buckets": (1, 1), "spacing": 1.0}, "give buckets, each once"),
        ({"buckets": (), "spacing": 1.0}, "give buckets, each once"),
        ({"buckets": (0.5,), "spacing": 1.0}, r"buckets\[0\] must be a whole number"),
        ({"turns": -1}, "turns must"),
        ({"turns": 1, "at": 0.5}, "with turns before, at must be one element"),
        ({"turns": 1, "at": ("m", "n")}, "with turns before, at must be one element"),
    ],
)
def test_arguments(given: dict[str, Any], want: str) -> None:
    with pytest.raises(ConfigError, match=want):
        BunchImpedance(**({"at": "m", "impedance": MODE, "window": (-9e-3, 9e-3)} | given))


def test_what_does_not_fit_the_ring() -> None:
    """A train longer than the turn, a table that is too large, a memory that ends too early."""
    more: dict[str, Any] = {"at": "m", "window": (-9e-3, 9e-3), "impedance": WALL}
    beam = train(np.random.default_rng(1), [0.0])
    for given, want in (
        ({"turns": 2, "buckets": (0, 15), "spacing": 0.4}, "reach over 6.018 m, more than the turn of 6 m"),
        (
            {"turns": 100_000, "buckets": tuple(range(14)), "spacing": 0.4},
            "14 bunches and 100000 turns take a table of",
        ),
    ):
        with pytest.raises(ConfigError, match=want):
            track(LINE, beam, 1, effects=[BunchImpedance(**(more | given))])
    everywhere: dict[str, Any] = more | {"at": "*", "turns": 3}
    with pytest.raises(ConfigError, match="with turns before, at must be one element"):
        track(LINE, beam, 1, effects=[BunchImpedance(**everywhere)])
    with pytest.warns(ValidityWarning, match="after 3 turns the wake is still 0.2 of that of the passage before"):
        track(LINE, beam, 1, effects=[BunchImpedance(**more, turns=3)])
