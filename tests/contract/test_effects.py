"""Contract of every collective effect: no charge, energy balance, ranks, threads, lost particles, noise,
checkpoints.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.collective import EFFECTS, Effect
from ssmb.elements import Drift, Marker
from ssmb.errors import ConfigError, ResultFileError
from ssmb.kernels.threads import most_threads, thread_count
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from ssmb.tracking import BunchingMonitor, MomentMonitor, SnapshotMonitor, track
from ssmb.tracking.stations import Place, places
from tests.studies.small_ring import bits
from tests.support import assert_close

REFERENCE = Reference(600e6)
#: A line of 6 m with the names that the examples use.
LINE = Lattice.from_elements(
    [
        Drift(name="a", length=1.0),
        Marker(name="m"),
        *(Drift(name=f"d{i}", length=0.5) for i in range(6)),
        Marker(name="n"),
        Drift(name="b", length=2.0),
    ],
    REFERENCE,
)
PROGRAM = compile_elements(LINE.elements, REFERENCE)
HERE = Place(1, "m", 1.0, 0.5, PROGRAM.length)
CASES = [(name, i) for name, cls in sorted(EFFECTS.items()) for i in range(len(cls.examples()))]
each = pytest.mark.parametrize(("name", "i"), CASES, ids=[f"{name}-{i}" for name, i in CASES])


@cache
def example(name: str, i: int) -> tuple[Any, float]:
    return EFFECTS[name].examples()[i]


def beam_for(sigma_z: float, n: int = 1000, charge: float = 1e-9) -> Beam:
    """Gaussian particles of unequal weight, some of them lost; no multiple of a group."""
    random = np.random.default_rng(7)
    rows = random.normal(size=(6, n)) * np.array([1e-4, 1e-5, 1e-4, 1e-5, sigma_z, 1e-4])[:, None]
    rows[4] = np.clip(rows[4], -4.0 * sigma_z, 4.0 * sigma_z)
    weight = random.uniform(0.5, 1.5, n) * charge / 1.602176634e-19 / n
    lost = np.arange(n) % 50 == 3
    return Beam(
        REFERENCE,
        rows,
        weight,
        state=np.where(lost, 1, 0),
        lost_turn=np.where(lost, 0, -1),
        lost_element=np.where(lost, 2, -1),
    )


def alive_part(beam: Beam) -> Beam:
    return beam.select(beam.alive)


def kicked(effect: Any, beam: Beam, turn: int = 5, state: dict[str, np.ndarray] | None = None) -> Beam:
    after = beam.copy()
    state = effect.state(PROGRAM) if state is None else state
    effect.kick(after, effect.total(effect.sums(after, state)), state, turn, HERE)
    return after


@each
def test_it_says_what_it_is(name: str, i: int) -> None:
    effect, _ = example(name, i)
    assert isinstance(effect, Effect)
    assert effect.kind == effect.name == name
    assert len((type(effect).__doc__ or "").split()) > 30
    with pytest.raises(dataclasses.FrozenInstanceError):
        effect.at = "n"
    assert places(PROGRAM, effect.at)


@each
def test_no_charge_changes_not_a_bit(name: str, i: int) -> None:
    effect, sigma_z = example(name, i)
    beam = beam_for(sigma_z, charge=0.0)
    assert bits(kicked(effect, beam)) == bits(beam)
    assert bits(kicked(effect, beam_for(sigma_z))) != bits(beam_for(sigma_z))


def energies(beam: Beam) -> np.ndarray:
    """Energies over p0 c in long precision."""
    p = 1.0 + beam.delta.astype(np.longdouble)
    return np.sqrt(p * p + np.longdouble(REFERENCE.mass / REFERENCE.p0c) ** 2)


@each
def test_energy_given_is_energy_taken(name: str, i: int) -> None:
    """What the particles lose, from their momenta before and after, is what the closed form takes."""
    effect, sigma_z = example(name, i)
    beam = alive_part(beam_for(sigma_z, charge=1e-7))
    after = kicked(effect, beam)
    gained = (energies(after) - energies(beam)) * REFERENCE.p0c
    mean = float(np.sum(gained * beam.weight) / beam.weight.sum())
    want = effect.mean_loss(effect.total(effect.sums(beam, effect.state(PROGRAM))), REFERENCE, HERE)
    size = float(np.abs(gained).max())
    deflects = bits([after.px, after.py]) != bits([beam.px, beam.py])
    assert size > 100.0 or (size == 0.0 and deflects)
    assert_close(-mean, want, rtol=0.0, atol=1e-9 * size + 2e-6, what="mean loss [eV]")


@each
def test_ranks_are_one_beam(name: str, i: int) -> None:
    """Two ranks with whole groups, their sums put one behind the other, each kick their part to the same bits."""
    effect, sigma_z = example(name, i)
    beam = beam_for(sigma_z, 2 * effect.group + 300)
    whole = kicked(effect, beam)
    cut = np.arange(len(beam)) < effect.group
    ranks = [beam.select(cut), beam.select(~cut)]
    states = [effect.state(PROGRAM) for _ in ranks]
    total = effect.total(np.concatenate([effect.sums(b, s) for b, s in zip(ranks, states, strict=True)]))
    for rank, state in zip(ranks, states, strict=True):
        effect.kick(rank, total, state, 5, HERE)
    joined = np.concatenate([rank.coordinates for rank in ranks], axis=1)
    assert joined.tobytes() == whole.coordinates.tobytes()


@each
def test_same_bits_for_threads(name: str, i: int, eager_threads: None) -> None:
    effect, sigma_z = example(name, i)
    beam = beam_for(sigma_z, 5000)
    got = []
    for threads in range(1, most_threads() + 1):
        with thread_count(threads):
            got.append(bits(kicked(effect, beam)))
    assert len(set(got)) == 1


@each
def test_lost_particles_neither_act_nor_feel(name: str, i: int) -> None:
    effect, sigma_z = example(name, i)
    beam = beam_for(sigma_z)
    moved = beam.copy()
    moved.coordinates[:, ~moved.alive] *= 0.3
    a, b = kicked(effect, beam), kicked(effect, moved)
    assert a.coordinates[:, a.alive].tobytes() == b.coordinates[:, b.alive].tobytes()
    assert a.coordinates[:, ~a.alive].tobytes() == beam.coordinates[:, ~a.alive].tobytes()
    for row in ("x", "y"):
        assert getattr(a, row).tobytes() == getattr(beam, row).tobytes()


@each
def test_a_gaussian_beam_grows_by_the_diffusion(name: str, i: int) -> None:
    """What kicks of several turns do to the covariance is what the envelope is told; without a diffusion they are the
    same on every turn.

    What is random is taken from the differences of turns, in which the beam itself does not scatter.
    """
    effect, sigma_z = example(name, i)
    n, turns = 10_000, 20
    random = np.random.default_rng(3)
    rows = random.normal(size=(6, n)) * np.array([1e-4, 1e-5, 1e-4, 1e-5, sigma_z, 1e-4])[:, None]
    beam = Beam(REFERENCE, rows, np.full(n, 1e-9 / 1.602176634e-19 / n))
    made = [kicked(effect, beam, turn).coordinates - rows for turn in range(turns)]
    mean = sum(made) / turns
    told = effect.diffusion(np.cov(rows), REFERENCE, HERE)
    if told is None:
        for one in made:
            assert_close(one, mean, rtol=1e-13, atol=1e-18, what="kick of any turn")
        return
    noise = [one - mean for one in made]
    random_part = sum(np.cov(one) for one in noise) / (turns - 1)
    crossed = np.cov(rows, mean)[:6, 6:]
    got = random_part + crossed + crossed.T + np.cov(mean) - random_part / turns
    kick, size = np.sqrt(np.diag(random_part)), np.sqrt(np.diag(np.cov(rows)))
    once = np.outer(size, kick) + np.outer(kick, size)
    statistics = once / np.sqrt(n * turns) + 2.0 * np.outer(kick, kick) / np.sqrt(n * turns)
    assert_close(
        got / np.where(statistics > 0.0, statistics, 1.0),
        told / np.where(statistics > 0.0, statistics, 1.0),
        rtol=0.0,
        atol=5.0,
        what="growth of the covariance over its noise",
    )
    assert np.abs(told / np.where(statistics > 0.0, statistics, 1.0)).max() > 10.0  # it is seen


@each
def test_in_tracking_it_acts_at_its_places(name: str, i: int) -> None:
    """A turn with the effect is a turn up to it, the kick, and the way on; snapshots and probes there see the kick."""
    effect, sigma_z = example(name, i)
    effect = dataclasses.replace(effect, at=("m",))
    beam = beam_for(sigma_z)
    seen = [SnapshotMonitor("m"), MomentMonitor("m"), BunchingMonitor("m", [1e-6])]
    done = track(LINE, beam, 1, effects=[effect], monitors=seen, first_turn=5)
    there = track(LINE, beam, 1, end="m", first_turn=5).beam
    state = effect.state(PROGRAM)
    effect.kick(there, effect.total(effect.sums(there, state)), state, 5, Place(1, "m", 1.0, length=PROGRAM.length))
    assert bits(done.monitors["snapshots@m"].beams[0]) == bits(there)
    assert bits(track(LINE, there, 1, start="m", first_turn=5).beam) == bits(done.beam)
    record = track(LINE, there, 1, start="m", monitors=seen[1:], first_turn=5).monitors
    for m in seen[1:]:
        assert bits(record[m.name]) == bits(done.monitors[m.name])
    assert done.provenance["effects"] == [name]


@each
def test_same_bits_however_it_is_tracked(name: str, i: int, tmp_path: Path) -> None:
    effect, sigma_z = example(name, i)
    beam = beam_for(sigma_z)
    whole = track(LINE, beam, 6, effects=[effect])
    assert bits(track(LINE, beam, 6, effects=[effect], tile=512, threads=1).beam) == bits(whole.beam)
    if not effect.state(PROGRAM):  # what it remembers only a checkpoint knows
        first = track(LINE, beam, 2, effects=[effect])
        assert bits(track(LINE, first.beam, 4, first_turn=2, effects=[effect]).beam) == bits(whole.beam)

    def stop(done: int, turns: int) -> None:
        if done >= 3:
            raise KeyboardInterrupt

    given: dict[str, Any] = {"effects": [effect], "checkpoint": tmp_path / "c.h5", "resume": True}
    assert track(LINE, beam, 6, progress=stop, **given).turns < 6
    other = dataclasses.replace(effect, at=("n",))
    with pytest.raises(ResultFileError, match="belongs to another run"):
        track(LINE, beam, 6, **(given | {"effects": [other]}))
    assert bits(track(LINE, beam, 6, **given).beam) == bits(whole.beam)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Echo(Effect):
    """Kicks by the mean z of the turn before, which it has to remember."""

    def state(self, program: Any) -> dict[str, np.ndarray]:
        return {"mean": np.array([1e-3]), "turns": np.zeros(1)}

    def sums(self, beam: Beam, state: dict[str, np.ndarray]) -> np.ndarray:
        return np.array([[beam.z[beam.alive].mean()]])

    def kick(self, beam: Beam, total: np.ndarray, state: dict[str, np.ndarray], turn: int, here: Place) -> None:
        beam.delta[beam.alive] += 1e-2 * state["mean"][0]
        state["mean"][0] = total[0]
        state["turns"][0] += 1.0


def test_what_an_effect_remembers_is_in_the_checkpoint(tmp_path: Path) -> None:
    beam, effect = beam_for(1e-3), Echo(at="m", name="echo")
    line = LINE.with_changes({"b": {"length": 40.0}})
    whole = track(line, beam, 9, effects=[effect])

    def stop(done: int, turns: int) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    given: dict[str, Any] = {"effects": [effect], "checkpoint": tmp_path / "c.h5", "resume": True}
    assert track(line, beam, 9, progress=stop, **given).turns < 9
    assert bits(track(line, beam, 9, **given).beam) == bits(whole.beam)
    forgetful = track(line, track(line, beam, 4, effects=[effect]).beam, 5, first_turn=4, effects=[effect])
    assert bits(forgetful.beam) != bits(whole.beam)


def test_places_by_spacing() -> None:
    """Entrances next to 0.7, 1.4 ... m; their shares are the whole turn."""
    made = places(PROGRAM, 0.7)
    assert [p.s for p in made] == sorted({p.s for p in made})
    assert_close(sum(p.share for p in made), 1.0, rtol=1e-15, atol=0.0)
    assert [p.s for p in places(PROGRAM, 1.5)] == [1.5, 3.0, 4.0]
    assert [round(p.share, 12) for p in places(PROGRAM, 1.5)] == [0.25, 0.25, 0.5]
    assert [p.share for p in places(PROGRAM, ("m", "n"))] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("effects", "want"),
    [
        (5, "effects must be a list of collective effects"),
        ([5], "objects of ssmb.collective.Effect"),
        ([Echo(at="mm")], "no element 'mm' in the lattice. Did you mean 'm'"),
        ([Echo(at=0.0)], "a spacing of places must lie between 0 and the length of the turn"),
        ([Echo(at="m", name="e"), Echo(at="n", name="e")], "two effects are named 'e'"),
    ],
)
def test_arguments(effects: Any, want: str) -> None:
    with pytest.raises(Exception, match=want) as caught:
        track(LINE, beam_for(1e-3), 1, effects=effects)
    assert type(caught.value).__module__ == "ssmb.errors"


@pytest.mark.parametrize("at", [float("nan"), True, 1j, None, {"m": 1}, [1, 2]])
def test_places_that_are_none(at: Any) -> None:
    with pytest.raises(ConfigError, match=r"Echo\.at(\[0\])? must be"):
        Echo(at=at)
    assert Echo(at="5 cm").at == 0.05
    assert Echo(at="m").at == ("m",)


def test_outside_of_the_tracked_section() -> None:
    with pytest.raises(ConfigError, match="'m', where something is to be done, lies outside the tracked section"):
        track(LINE, beam_for(1e-3), 1, start="n", effects=[Echo(at="m", name="e")])
