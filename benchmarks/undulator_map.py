"""Angular map of an undulator: 101 x 101 directions, 200 photon energies, 100 periods, on one core.

    python benchmarks/undulator_map.py [share]

With SRW (srwpy) or xrt installed also theirs, in the same run, for fewer directions (the cost of one direction does not
depend on their number); `share` of the points of each axis of angles for them, 0.2 if not given. Times are those of the
processor.
"""

from __future__ import annotations

import os
import sys
import time

os.environ["NUMBA_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

ANGLES, ENERGIES, ROUNDS = 101, 200, 3
DISTANCE = 30.0


def seconds(call) -> float:
    call()
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        call()
        spent.append(time.process_time() - began)
    return min(spent)


def main() -> None:
    from ssmb.beam.reference import Reference
    from ssmb.light import Undulator, photon_energy, undulator_field

    part = float(sys.argv[1]) if len(sys.argv) > 1 else 0.2
    und = Undulator(Reference(energy=400e6), period=0.01, n_periods=100, k=1.144)

    def grid(n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
        return np.linspace(-5e-4, 5e-4, n), photon_energy(und.wavelength()) * np.linspace(0.9, 1.1, m)

    theta, energy = grid(ANGLES, ENERGIES)
    tx, ty = np.meshgrid(theta, theta, indexing="ij")
    whole = seconds(lambda: undulator_field(und, tx, ty, energy))
    ours = whole / (tx.size * energy.size)
    print(f"ssmb, far field with end poles   {1e6 * ours:8.3f} us per point, {whole:.2f} s for the map")
    theta, energy = grid(max(3, round(part * ANGLES)), ENERGIES)
    tx, ty = np.meshgrid(theta, theta, indexing="ij")
    near = seconds(lambda: undulator_field(und, tx, ty, energy, distance=DISTANCE)) / (tx.size * energy.size)
    print(f"ssmb, near field, every period   {1e6 * near:8.3f} us per point")
    for name, other in (("SRW, near field", srw), ("xrt, far field", xrt)):
        try:
            spent = other(und, theta, energy) / (tx.size * energy.size)
        except ImportError:
            print(f"{name:32s} is not installed: pip install 'ssmb[crosscode_light]' for this ratio")
            continue
        print(
            f"{name:32s} {1e6 * spent:8.3f} us per point: {spent / ours:.1f} far, {spent / near:.1f} near fields of "
            f"ssmb"
        )


def srw(und, theta: np.ndarray, energy: np.ndarray) -> float:
    from srwpy import srwlib

    harmonic = srwlib.SRWLMagFldH(1, "v", und.field, 0.0, 1, 1.0)
    device = srwlib.SRWLMagFldU([harmonic], und.period, und.n_periods)
    zero = srwlib.array("d", [0.0])
    container = srwlib.SRWLMagFldC([device], zero, zero, zero)

    def call() -> None:
        electron, wave = srwlib.SRWLPartBeam(), srwlib.SRWLWfr()
        electron.Iavg, electron.partStatMom1.gamma = 0.5, und.reference.gamma
        electron.partStatMom1.z = -0.5 * und.length - 4.0 * und.period
        wave.allocate(energy.size, theta.size, theta.size)
        mesh, edge = wave.mesh, float(theta[-1]) * DISTANCE
        mesh.zStart, mesh.eStart, mesh.eFin = DISTANCE, float(energy[0]), float(energy[-1])
        mesh.xStart, mesh.xFin, mesh.yStart, mesh.yFin = -edge, edge, -edge, edge
        wave.partBeam = electron
        srwlib.srwl.CalcElecFieldSR(wave, 0, container, [1, 0.01, 0.0, 0.0, 20_000, 1, 0])

    return seconds(call)


def xrt(und, theta: np.ndarray, energy: np.ndarray) -> float:
    from xrt.backends.raycing import sources

    device = sources.Undulator(
        eE=und.reference.energy * 1e-9, eI=0.5, eEspread=0.0, eEpsilonX=0.0, eEpsilonZ=0.0, betaX=1.0, betaZ=1.0,
        period=und.period * 1e3, n=und.n_periods, K=und.k, eMin=float(energy[0]), eMax=float(energy[-1]), distE="eV",
        xPrimeMax=0.5, zPrimeMax=0.5, targetOpenCL=None,
    )  # fmt: skip
    points = [a.ravel() for a in np.meshgrid(energy, theta, theta, indexing="ij")]
    return seconds(lambda: device.build_I_map(*points))


if __name__ == "__main__":
    main()
