"""The engine gives the same bits whatever the threads, tiles, neighbours and probes; a lost particle disturbs
nobody.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from ssmb.elements import ELEMENTS, Bend, Drift, Kicker, Marker, Quadrupole, Sextupole
from ssmb.elements.linear_map import LinearMap
from ssmb.kernels.block_sums import sum_table
from ssmb.kernels.engine import (
    APERTURE,
    NO_FORWARD_MOMENTUM,
    OUT_OF_RANGE,
    SUM,
    advance,
)
from ssmb.kernels.jit import FLAGS, numba
from ssmb.kernels.loops import BLOCK, ROWS, STRIDE, WEIGHT
from ssmb.kernels.sums import split
from ssmb.kernels.threads import most_threads, thread_count
from ssmb.lattice.program import Program, compile_elements
from ssmb.tracking.monitors.bunching import bunching_sums
from ssmb.tracking.monitors.moments import moment_sums
from tests.contract.cases import CASES, LABELS, REFERENCE
from tests.support import assert_close


@dataclasses.dataclass
class Outcome:
    """Everything that the engine writes."""

    coordinates: np.ndarray
    state: np.ndarray
    lost_turn: np.ndarray
    lost_element: np.ndarray
    sums: np.ndarray

    @property
    def moments(self) -> np.ndarray:
        """(turns, groups, 29)"""
        return self.sums[:, :, :29]

    @property
    def bunching(self) -> np.ndarray:
        """(turns, groups, 3)"""
        return self.sums[:, :, 29:]

    def digest(self) -> str:
        parts = (getattr(self, f.name).tobytes() for f in dataclasses.fields(self))
        return hashlib.sha256(b"".join(parts)).hexdigest()


def track(program: Program, points: np.ndarray, *, turns: int = 1, tile: int = 256, seed: int = 9) -> Outcome:
    n = points.shape[1]
    blocks = -(-n // BLOCK)
    out = Outcome(
        np.array(points, order="C"), np.zeros(n, dtype=np.int32), np.zeros(n, dtype=np.int64), np.zeros(n,
        dtype=np.int64),
        np.zeros((turns, blocks, 29 + 3)),
    )  # fmt: skip
    advance(
        out.coordinates, np.ones(n), np.arange(n), out.state, out.lost_turn, out.lost_element,
        program.ops, 0, len(program.ops), program.params, program.kernel_table(), REFERENCE.inv_gamma2,
        REFERENCE.beta**2,
        seed, 0, turns, tile, sum_table((moment_sums.index, bunching_sums.index)), out.sums,
        np.zeros(0, dtype=np.int64), np.zeros((1, 0)),
    )  # fmt: skip
    return out


def everything() -> Program:
    """One example of each kind of element, all kernels of a real ring among them, and an aperture."""
    made = [dataclasses.replace(cls.examples()[0], name=f"e{i}") for i, cls in enumerate(ELEMENTS.values())]
    made = [e for e in made if e.kind not in ("Patch", "Taylor")]
    return compile_elements([*made, Marker(name="jaws", x_limits=(-2e-3, 2e-3))], REFERENCE)


def beam(n: int, scale: float = 1.0) -> np.ndarray:
    random = np.random.default_rng(17)
    return scale * random.normal(size=(6, n)) * np.array([4e-4, 1e-4, 4e-4, 1e-4, 1e-6, 1e-3])[:, None]


def probed(program: Program) -> Program:
    """The program with a probe of moments in the middle and one of bunching at the end."""
    middle, end = len(program.ops) // 2, len(program.ops)
    moments, bunching = len(program.params), len(program.params) + 2
    packed = np.concatenate([program.params, [0.0, 29.0], [29.0, 3.0, *split(1064e-9)]])
    rows = [(middle, (moment_sums.index, moments, 1, 0, SUM)), (end, (bunching_sums.index, bunching, 1, 0, SUM))]
    return dataclasses.replace(program, params=packed).with_rows(rows)


# ---- threads, tiles, probes


def _digest_of_a_run() -> str:
    return track(probed(everything()), beam(3000), turns=3).digest()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_same_bits_for_any_number_of_threads(threads):
    """Tracked in this process, and in a fresh one that may use three threads."""
    if threads <= most_threads():
        with thread_count(threads):
            got = _digest_of_a_run()
    else:
        code = "from tests.parallel.test_engine_bits import _digest_of_a_run as f; print(f())"
        environment = os.environ | {"NUMBA_NUM_THREADS": str(threads), "PYTHONPATH": os.pathsep.join(sys.path)}
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120, check=True
        )
        got = run.stdout.strip()
    assert got == _digest_of_a_run()


def test_same_bits_for_tile_sizes():
    program, points = probed(everything()), beam(2000)
    small, large = track(program, points, turns=3, tile=256), track(program, points, turns=3, tile=512)
    assert small.state.any()
    assert (small.state == 0).any()
    assert small.digest() == large.digest()


def test_same_bits_with_and_without_probes():
    program, points = everything(), beam(1000)
    bare, watched = track(program, points, turns=4), track(probed(program), points, turns=4)
    for name in ("coordinates", "state", "lost_turn", "lost_element"):
        assert getattr(bare, name).tobytes() == getattr(watched, name).tobytes(), name
    assert watched.moments.any()
    assert watched.bunching.any()
    assert not bare.moments.any()


def test_probes_are_right():
    program = compile_elements([Drift(name="d", length=0.0), Marker(name="m")], REFERENCE)
    points = beam(700)
    seen = track(probed(program), points)
    first = seen.moments[0, 0]
    block = points[:, :BLOCK]
    assert first[0] == first[1] == BLOCK
    assert_close(first[2:8], block.mean(axis=1), rtol=1e-12, atol=1e-20, what="means")
    covariance = np.cov(block, bias=True)[np.triu_indices(6)]
    assert_close(first[8:] / first[1], covariance, rtol=1e-10, atol=1e-22, what="second moments")
    total = seen.bunching[0].sum(axis=0)
    phase = np.exp(-2j * np.pi * points[4] / 1064e-9).sum()
    assert total[0] == 700
    assert_close(complex(total[1], total[2]), phase, rtol=0.0, atol=1e-9, what="bunching sums")


COUNTS = (*range(1, 41), 255, 256, 257, 258)


@pytest.mark.parametrize("case", CASES, ids=LABELS)
def test_neighbours_do_not_matter(case):
    """The first n of 1000 particles come out the same as n particles alone, for every element."""
    element = dataclasses.replace(case.element, name="e", x_limits=(), y_limits=())
    program, points = compile_elements([element], REFERENCE), case.points(1000)
    whole = track(program, points).coordinates
    for n in COUNTS:
        alone = track(program, points[:, :n]).coordinates
        assert alone.tobytes() == np.ascontiguousarray(whole[:, :n]).tobytes(), f"{n} particles"


# ---- losses


def lossy_ring() -> Program:
    return compile_elements(
        [
            Quadrupole(name="q", length=0.3, Kn1=1.0),
            Drift(name="d", length=2.0),
            Marker(name="jaws", x_limits=(-1e-2, 1e-2), y_limits=(-5e-3, 5e-3)),
            Bend(name="b", length=0.5, angle=0.1),
            Sextupole(name="s", length=0.2, Kn2=10.0),
        ],
        REFERENCE,
    )


def test_aperture_keeps_coordinates_turn_and_element():
    points = np.zeros((6, 4))
    points[0] = 0.0, 9e-3, 1e-4, 0.0
    points[1] = 0.0, 5e-3, 0.0, 0.0
    points[3] = 0.0, 0.0, 0.0, 4e-3
    program = lossy_ring()
    out = track(program, points, turns=3)
    assert out.state.tolist() == [0, APERTURE, 0, APERTURE]
    assert [program.names[out.lost_element[i]] for i in (1, 3)] == ["jaws", "jaws"]
    assert out.lost_turn[[1, 3]].tolist() == [0, 0]
    here, _ = program.propagate(points, 0, int(program.first_op[2]))
    assert out.coordinates[:, [1, 3]].tobytes() == np.ascontiguousarray(here[:, [1, 3]]).tobytes()


def test_ellipse_is_smaller_than_its_box():
    points = np.zeros((6, 2))
    points[0], points[2] = 0.8e-2, (0.8 * 5e-3, 0.1 * 5e-3)
    box = Marker(name="m", x_limits=(-1e-2, 1e-2), y_limits=(-5e-3, 5e-3))
    ellipse = dataclasses.replace(box, aperture_shape="ELLIPTICAL")
    assert track(compile_elements([box], REFERENCE), points).state.tolist() == [0, 0]
    assert track(compile_elements([ellipse], REFERENCE), points).state.tolist() == [APERTURE, 0]


@pytest.mark.parametrize(
    ("change", "reason", "where"),
    [
        ({1: 1.5}, NO_FORWARD_MOMENTUM, "q"),
        ({0: 9.0, 1: 0.9}, OUT_OF_RANGE, "d"),
        ({1: 0.9999999, 3: 0.0, 5: 0.0}, OUT_OF_RANGE, "d"),
    ],
    ids=["no forward momentum", "too far", "almost sideways"],
)
def test_impossible_particles_are_lost_with_a_reason(change, reason, where):
    points = beam(300, 0.3)
    reference = track(lossy_ring(), points, turns=2)
    assert not reference.state.any()
    for row, value in change.items():
        points[row, 100] = value
    program = lossy_ring() if where != "d" else compile_elements([Drift(name="d", length=2.0)], REFERENCE)
    out = track(program, points, turns=2)
    assert out.state[100] == reason
    assert program.names[out.lost_element[100]] == where
    assert out.lost_turn[100] == 0
    assert np.isfinite(out.coordinates).all()
    assert out.coordinates[:, 100].tolist() == points[:, 100].tolist()  # its last good coordinates
    assert np.delete(out.state, 100).any() == 0
    if where != "d":
        survivors = [np.delete(o.coordinates, 100, axis=1).tobytes() for o in (out, reference)]
        assert survivors[0] == survivors[1]


def test_loss_in_a_later_turn():
    """An unstable ring throws particles out one after the other; each keeps its own turn."""
    program = compile_elements([Quadrupole(name="q", length=0.5, Kn1=-6.0), Drift(name="d", length=3.0)], REFERENCE)
    points = beam(500)
    out = track(program, points, turns=12)
    assert (out.state > 0).all()
    assert len(set(out.lost_turn.tolist())) > 2
    assert np.isfinite(out.coordinates).all()
    few = track(program, points, turns=int(out.lost_turn.min()) + 1)
    assert ((few.state > 0) == (out.lost_turn == out.lost_turn.min())).all()


def test_lost_particles_have_no_weight_in_probes():
    program, points = lossy_ring(), beam(300, 0.3)
    points[0, 7] = 0.5  # hits the jaws
    seen = track(probed(program), points, turns=2)
    assert seen.state[7] == APERTURE
    alone = track(probed(program), np.delete(points, 7, axis=1), turns=2)
    got, want = seen.bunching.sum(axis=1), alone.bunching.sum(axis=1)
    assert got[1, 0] == want[1, 0] == 299
    assert_close(got[1], want[1], rtol=0.0, atol=1e-10, what="bunching sums of the survivors")


@pytest.mark.parametrize("tile", [256, 512])
def test_sums_meet_each_particle_in_its_place(tile: int) -> None:
    """Whoever was lost before: to the bit the sum over a whole tile in which the lost have no weight."""
    program, points = lossy_ring(), beam(700, 4.0)
    rows = [(len(program.ops), (moment_sums.index, len(program.params), 1, 0, SUM))]
    packed = np.concatenate([program.params, [0.0, 29.0]])
    seen = track(dataclasses.replace(program, params=packed).with_rows(rows), points, turns=3, tile=tile)
    for turns in (1, 2, 3):
        end = track(program, points, turns=turns)
        assert 20 < np.count_nonzero(end.state) < 600
        living = np.where(end.state == 0, end.coordinates, 0.0)
        for block in range(3):
            here = slice(block * BLOCK, min((block + 1) * BLOCK, 700))
            buf, want = np.zeros((ROWS, STRIDE)), np.zeros(29)
            n = here.stop - here.start
            buf[:6, :n], buf[WEIGHT, :n] = living[:, here], end.state[here] == 0
            numba.njit(**FLAGS)(moment_sums.tiled)(buf, 0, n, np.zeros(1), want)
            assert seen.moments[turns - 1, block].tobytes() == want.tobytes()


def test_nothing_of_the_lost_is_left_in_a_sum() -> None:
    """What stands where lost particles were is tracked on in no turn: in a line that throws all out, 80 turns long."""
    program = compile_elements(
        [Quadrupole(name="q", length=0.5, Kn1=-6.0), Kicker(name="k", hkick=0.3), Drift(name="d", length=3.0)],
        REFERENCE,
    )
    seen = track(probed(program), beam(300), turns=80)
    assert seen.state.all()
    assert np.isfinite(seen.sums).all()
    assert not seen.sums[-1].any()


def test_a_particle_far_out_for_a_moment_does_not_depend_on_its_neighbours():
    """Beyond 10 m in the middle of a turn and back at its end: kept, also where another one of the tile is lost
    there.
    """
    far = np.diag([4.0, 0.25, 1.0, 1.0, 1.0, 1.0])
    out, back = (LinearMap(name=n, matrix=tuple(map(tuple, m))) for n, m in (("o", far), ("b", np.linalg.inv(far))))
    program = compile_elements([out, Marker(name="m"), back, Drift(name="d", length=0.1)], REFERENCE)
    points = np.zeros((6, 3))
    points[0, 0] = 3.0
    alone = track(program, points[:, :1])
    assert alone.state.tolist() == [0]
    points[1, 1] = 2.0  # has no forward momentum in the drift
    both = track(program, points)
    assert both.state.tolist() == [0, NO_FORWARD_MOMENTUM, 0]
    assert both.coordinates[:, 0].tobytes() == alone.coordinates[:, 0].tobytes()
