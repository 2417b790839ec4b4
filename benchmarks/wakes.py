"""A bunch in a wake: turns of a linear map with a resonator of 1000 bins, against mbtrack2 and Xsuite; one thread.

    python benchmarks/wakes.py

Processor time, all three in one process and in turns (extra ``crosscode_collective``). mbtrack2: ``LongitudinalMap``,
``RFCavity``, ``TransverseMap`` and ``WakePotential``; Xsuite: ``LineSegmentMap`` and ``WakeResonator`` of xwakes.
"""

from __future__ import annotations

import math
import statistics
import time
import warnings
from typing import Any

import numpy as np

from ssmb import Beam, Reference
from ssmb.collective import BunchImpedance, Resonator
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.elements import Marker
from ssmb.elements.linear_map import LinearMap
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from ssmb.tracking import track

ROUNDS, TURNS, N, BINS = 7, 40, 100_000, 1000
LENGTH, SLIP, TUNE, CHARGE = 60.0, 2e-3 * 60.0, 8e-3, 1e-10
REFERENCE = Reference(600e6)
BETA = SLIP / math.sin(2.0 * math.pi * TUNE)
SIZES = np.array([1e-4, 1e-5, 1e-4, 1e-5, 5e-4 * BETA, 5e-4])
WAKE = Resonator(5e3, 1.0, 30e9)
WINDOW = 8.0 * SIZES[4]


def rows() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((6, N)) * SIZES[:, None]


def ssmb_turns() -> Any:
    def rotation(tune: float, beta: float) -> np.ndarray:
        cos, sin = math.cos(2.0 * math.pi * tune), math.sin(2.0 * math.pi * tune)
        return np.array([[cos, beta * sin], [-sin / beta, cos]])

    matrix = np.zeros((6, 6))
    for i, (tune, beta) in enumerate(((0.2, 10.0), (0.3, 10.0), (-TUNE, BETA))):
        matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = rotation(tune, beta)
    turn = LinearMap(name="turn", matrix=tuple(map(tuple, matrix.tolist())), length=LENGTH)
    program = compile_elements(
        Lattice.from_elements([Marker(name="m"), turn], REFERENCE, periodic=True).elements, REFERENCE
    )
    effect = BunchImpedance(at="m", impedance=WAKE, window=(-WINDOW, WINDOW), bins=BINS)
    beam = Beam(REFERENCE, rows(), weight=CHARGE / ELEMENTARY_CHARGE / N)

    def turns(n: int) -> None:
        track(program, beam, n, threads=1, effects=[effect])

    return turns


def mbtrack2_turns() -> Any:
    from mbtrack2 import Bunch, Electron, Optics, Synchrotron
    from mbtrack2.impedance import Resonator as Theirs
    from mbtrack2.tracking import LongitudinalMap, RFCavity, TransverseMap, WakePotential

    optics = Optics(local_beta=10.0 * np.ones(2), local_alpha=np.zeros(2), local_dispersion=np.zeros(4))
    machine = Synchrotron(
        h=20, optics=optics, particle=Electron(), L=LENGTH, E0=REFERENCE.energy,
        ac=SLIP / LENGTH + 1.0 / REFERENCE.gamma**2, tune=np.array([0.2, 0.3]), chro=np.zeros(2), U0=0.0,
        tau=np.ones(3), sigma_delta=SIZES[5], sigma_0=SIZES[4] / SPEED_OF_LIGHT, emit=np.array([1e-9, 1e-9]),
    )  # fmt: skip
    span = np.linspace(0.0, 20.0 * SIZES[4] / SPEED_OF_LIGHT, 20_001)
    wake = Theirs(span, np.linspace(0.0, 1e12, 1001), WAKE.shunt_impedance, WAKE.frequency, WAKE.quality, "long")
    voltage = 4.0 * math.sin(math.pi * TUNE) ** 2 * REFERENCE.energy * LENGTH / (SLIP * 2.0 * math.pi * 20)
    row = [
        LongitudinalMap(machine), RFCavity(machine, 1, voltage, math.pi / 2.0), TransverseMap(machine),
        WakePotential(machine, wake, n_bin=BINS),
    ]  # fmt: skip
    bunch = Bunch(machine, mp_number=N, current=CHARGE / machine.T0)
    for name, values in zip(("x", "xp", "y", "yp", "tau", "delta"), rows(), strict=True):
        bunch[name] = values / (-SPEED_OF_LIGHT if name == "tau" else 1.0)

    def turns(n: int) -> None:
        for _ in range(n):
            for element in row:
                element.track(bunch)

    return turns


def xsuite_turns() -> Any:
    import xtrack as xt
    import xwakes as xw

    wake = xw.WakeResonator(kind="longitudinal", r=WAKE.shunt_impedance, q=WAKE.quality, f_r=WAKE.frequency)
    wake.configure_for_tracking(zeta_range=(-WINDOW, WINDOW), num_slices=BINS)
    optics: dict[str, Any] = {"qx": 0.2, "qy": 0.3, "qs": TUNE, "betx": 10.0, "bety": 10.0, "bets": BETA}
    turn = xt.LineSegmentMap(length=LENGTH, **optics)
    line = xt.Line([wake, turn], element_names=["wake", "turn"])
    line.particle_ref = xt.Particles(mass0=REFERENCE.mass, q0=-1, p0c=REFERENCE.p0c)
    line.build_tracker()
    names = ("x", "px", "y", "py", "zeta", "delta")
    particles = line.build_particles(
        **dict(zip(names, rows(), strict=True)), weight=CHARGE / ELEMENTARY_CHARGE / N, mode="set"
    )
    return lambda n: line.track(particles, num_turns=n)


def main() -> None:
    warnings.simplefilter("ignore")
    codes = {"ssmb": ssmb_turns(), "mbtrack2": mbtrack2_turns(), "Xsuite": xsuite_turns()}
    times: dict[str, list[float]] = {name: [] for name in codes}
    for name, turns in codes.items():
        turns(3 if name != "ssmb" else TURNS)
    for _ in range(ROUNDS):
        for name, turns in codes.items():
            few, many = (5, TURNS) if name == "ssmb" else (0, 10)  # the start of a run is no part of its turns
            began = time.process_time()
            turns(many)
            middle = time.process_time()
            if few:
                turns(few)
            spent = (middle - began) - (time.process_time() - middle if few else 0.0)
            times[name].append(spent / (many - few))
    print(
        f"{'code':>10s} {'particle-turns/s, best':>24s} {'time over ours: median':>24s} {'of minima':>10s} {'goal':>5s}"
    )
    for name, goal in (("ssmb", ""), ("mbtrack2", "2.2"), ("Xsuite", "8")):
        ratio = statistics.median(t / o for t, o in zip(times[name], times["ssmb"], strict=True))
        best = min(times[name])
        print(f"{name:>10s} {N / best:24.3g} {ratio:24.2f} {best / min(times['ssmb']):10.2f} {goal:>5s}")


if __name__ == "__main__":
    main()
