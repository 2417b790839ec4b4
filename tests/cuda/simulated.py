"""What runs on a CUDA device, in the simulator of numba against the processor; `test_cuda.py` starts it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.beam import Beam, LossReason, Reference
from ssmb.elements import Drift
from ssmb.elements.wiggler import Wiggler
from ssmb.kernels import cuda, cuda_lobes, engine, lobes
from ssmb.kernels.device import simulated
from ssmb.kernels.loops import KERNELS, Kernel
from ssmb.lattice import Lattice, load_lattice
from ssmb.lattice.program import element_ops
from ssmb.maps import Op
from ssmb.maps.radiation import Radiation
from ssmb.tracking import BunchingMonitor, LaserProgram, MomentMonitor, RunStatus, SnapshotMonitor, track
from ssmb.tracking.laser_program import Ramp
from tests.contract.cases import CASES, REFERENCE, inverse_op, packed, points_for, program_of, scale
from tests.studies.small_ring import RING, STEADY_RING
from tests.support import assert_close

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # Python overflows and makes NaN aloud
EPS = float(np.finfo(float).eps)
TURNS = 3


def test_it_is_the_simulator() -> None:
    assert simulated()


# ---- maps


def ops_of_all_kernels() -> dict[Kernel, Op]:
    """An op of each kernel, the inverse ones and those of radiation among them."""
    modes = [
        Radiation(m, angles=a) for m in ("mean", "quantum", "diffusion") for a in (False, True) if m != "mean" or not a
    ]

    def ops() -> Iterator[Op]:
        for case in CASES:
            for op in case.ops():
                yield op
                if (back := inverse_op(op)) is not None:
                    yield back
        for shape in ("RECTANGULAR", "ELLIPTICAL"):
            limited = Drift(name="d", length=1.0, x_limits=(-1e-3, 1e-3), y_limits=(-1e-3, 1e-3), aperture_shape=shape)
            yield from element_ops(limited, REFERENCE)
        steep = Wiggler(name="w", periods=20.0, period_length=0.01, K=0.5)  # its field grows fast off axis
        for element in (steep, *(case.element for case in CASES)):
            for mode in modes:
                yield from element_ops(element.in_lattice(240.0, REFERENCE), REFERENCE, mode)

    found: dict[Kernel, Op] = {}
    for op in ops():
        found.setdefault(op.kernel, op)
        if len(found) == len(KERNELS):
            break
    return found


def both(op: Op, points: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Coordinates and states after the op, on the processor and on the device."""
    program, n, out = program_of([op]), points.shape[1], []
    for advance in (engine.advance, cuda.advance):
        c, state, lost = points.copy(), np.zeros(n, dtype=np.int32), np.zeros((2, n), dtype=np.int64)
        advance(
            c, np.ones(n), np.arange(n), state, lost[0], lost[1],
            program.ops, 0, 1, program.params, program.kernel_table(), REFERENCE.inv_gamma2, REFERENCE.beta**2,
            7, 3, 1, 256, *engine.no_sums(),
        )  # fmt: skip
        out.append((c, state))
    return out


def test_all_maps() -> None:
    """One step each; fused multiply-adds are the only difference."""
    ops = ops_of_all_kernels()
    assert [k.name for k in KERNELS if k not in ops] == []
    for kernel, op in ops.items():
        points = points_for(kernel.name, n=6)
        (want, lost), (got, gone) = both(op._replace(repeat=1), points)
        assert gone.tolist() == lost.tolist(), kernel.name
        size = scale(points, want)
        size[4] = max(size[4, 0], 1e-3 * max(abs(p) for p in packed(op)))
        assert_close((got - want) / size, 0.0, rtol=0.0, atol=4.0 * EPS, what=f"{kernel.name} [scale]")


# ---- a ring


@pytest.fixture(scope="module")
def ring() -> Lattice:
    every_line = "line: [begin, U, qf, d, qd, stop, d, chicane, noise]"
    return load_lattice(RING.replace(every_line, "line: [begin, U, qf, stop, d, noise]"))


@pytest.fixture(scope="module")
def beam(ring: Lattice) -> Beam:
    """Two groups of a sum, not full; some particles are lost in the aperture."""
    rows = np.random.default_rng(1).normal(size=(6, 258)) * np.array([2e-4, 1e-4, 1e-4, 1e-4, 1e-6, 1e-4])[:, None]
    return Beam(ring.reference, rows, weight=np.random.default_rng(2).uniform(1.0, 2.0, 258))


MONITORS = [MomentMonitor("stop", every=2), BunchingMonitor("qf", [1064e-9]), SnapshotMonitor(every=2)]
LIGHT = {"U": LaserProgram(ramp=Ramp((0, 2), (0.5, 1.0)))}


def ran(ring: Lattice, beam: Beam, **options: Any) -> Any:
    return track(ring, beam, TURNS, monitors=MONITORS, drives=LIGHT, seed=3, **options)


def test_ring(ring: Lattice, beam: Beam) -> None:
    """Laser program, aperture, random kicks, and all monitors."""
    want, got = ran(ring, beam), ran(ring, beam, on="cuda")
    assert got.provenance["on"] == "cuda"
    lost = ~want.beam.alive
    assert 3 < lost.sum() < 200
    assert len(set(want.beam.lost_turn[lost])) > 1
    for name in ("state", "lost_turn", "lost_element"):
        assert getattr(got.beam, name).tolist() == getattr(want.beam, name).tolist(), name
    size = scale(want.beam.coordinates)
    assert_close((got.beam.coordinates - want.beam.coordinates) / size, 0.0, rtol=0.0, atol=1e-13, what="coordinates")
    moments, there = want.monitors["moments@stop"], got.monitors["moments@stop"]
    assert (there.turn.tolist(), there.particles.tolist()) == (moments.turn.tolist(), moments.particles.tolist())
    deviation = np.sqrt(np.einsum("tii->ti", moments.sigma))
    units = deviation[:, :, None] * deviation[:, None, :]
    assert_close((there.sigma - moments.sigma) / units, 0.0, rtol=0.0, atol=1e-11, what="sigma")
    waves = want.monitors["bunching@qf"].bunching
    assert_close(got.monitors["bunching@qf"].bunching, waves, rtol=0.0, atol=1e-9, what="bunching")
    kept = got.monitors["snapshots"]
    assert kept.turn.tolist() == want.monitors["snapshots"].turn.tolist() != []


def test_stopped_and_resumed_run_has_the_same_bits(ring: Lattice, beam: Beam, tmp_path: Path) -> None:
    def stop_after_two(done: int, turns: int) -> None:
        if done >= 2:
            raise KeyboardInterrupt

    small, path = beam.select(np.arange(20)), tmp_path / "c.h5"
    want = ran(ring, small, on="cuda")
    part = ran(ring, small, on="cuda", checkpoint=path, progress=stop_after_two)
    assert part.status is RunStatus.INTERRUPTED
    got = ran(ring, small, on="cuda", checkpoint=path, resume=True)
    assert got.beam.coordinates.tobytes() == want.beam.coordinates.tobytes()
    assert got.beam.lost_turn.tolist() == want.beam.lost_turn.tolist()
    for name in ("moments@stop", "bunching@qf"):
        a, b = got.monitors[name], want.monitors[name]
        key = "sigma" if name.startswith("moments") else "bunching"
        assert getattr(a, key).tobytes() == getattr(b, key).tobytes()


def test_photons_are_the_same() -> None:
    """The same particles emit the same photons: a difference would be 1e-5, not rounding."""
    ring = load_lattice(STEADY_RING)
    rows = np.random.default_rng(1).normal(size=(6, 12)) * np.array([1e-5, 1e-5, 1e-5, 1e-5, 1e-6, 1e-4])[:, None]
    beam = Beam(ring.reference, rows)
    runs = [track(ring, beam, 2, radiation=Radiation("quantum", angles=True), seed=5, on=on) for on in ("cpu", "cuda")]
    want, got = (run.beam.coordinates for run in runs)
    still = track(ring, beam, 2, radiation="mean", seed=5).beam.coordinates
    assert np.abs(want[5] - still[5]).max() > 1e-6
    assert_close((got - want) / scale(want), 0.0, rtol=0.0, atol=1e-13, what="coordinates")


def test_losses_are_found_where_they_happen() -> None:
    """A particle that goes bad in the middle of a turn is lost there, with the coordinates that it had before."""
    ref = Reference(250e6)
    line = Lattice.from_elements([Drift(name=f"d{i}", length=2.0) for i in range(4)], ref)
    rows = np.zeros((6, 5))
    rows[0] = [0.0, 9.0, 0.0, 9.9, 1e-3]
    rows[1] = [1e-3, 0.3, 1.2, 0.5, 0.0]
    want, got = (track(line, Beam(ref, rows), 3, on=on).beam for on in ("cpu", "cuda"))
    assert set(want.state.tolist()) == {0, LossReason.OUT_OF_RANGE.value, LossReason.NO_FORWARD_MOMENTUM.value}
    assert len(set(want.lost_element[want.state != 0].tolist())) > 1
    for name in ("state", "lost_turn", "lost_element"):
        assert getattr(got, name).tolist() == getattr(want, name).tolist(), name
    assert_close(got.coordinates, want.coordinates, rtol=4.0 * EPS, atol=0.0, what="coordinates")


# ---- light


def test_sums_over_the_far_field() -> None:
    """More than one tile of particles, and of angles."""
    draw = np.random.default_rng(4)
    rows = draw.normal(size=(6, 258)) * np.array([1e-6, 1e-4, 1e-6, 1e-4, 3.0, 1e-3])[:, None]
    weight, theta = draw.uniform(1.0, 2.0, 258), draw.uniform(-1e-3, 1e-3, (2, 258))
    numbers = 1.0 / 13.5e-9, 2e6, 300.0, 0.1
    sums = np.zeros((2, 1, 3))
    for out, room in zip(sums, (lobes, cuda_lobes), strict=True):
        room.lobe_sums(rows, weight, theta[0, :1].copy(), theta[1, :1].copy(), *numbers, out)
    assert np.abs(sums[0]).max() > 1.0
    assert_close(sums[1] / weight.sum(), sums[0] / weight.sum(), rtol=0.0, atol=1e-13, what="sums over particles")
    solid, phase, work = draw.uniform(1.0, 2.0, 258), draw.uniform(0.0, 6.0, 258), np.zeros((2, 1))
    for out, room in zip(work, (lobes, cuda_lobes), strict=True):
        room.lobe_exchange(rows[:, :1].copy(), *theta, solid, np.cos(phase), np.sin(phase), *numbers, out)
    assert np.abs(work[0]).max() > 1.0
    assert_close(work[1] / solid.sum(), work[0] / solid.sum(), rtol=0.0, atol=1e-13, what="sums over angles")
