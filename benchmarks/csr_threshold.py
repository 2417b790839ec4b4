"""Threshold of shielded synchrotron radiation: by the grid, by particles, against the fit of Bane, Cai and Stupakov.

    python benchmarks/csr_threshold.py [--particles 300000] [--shielding 2] [--shares 0.87,1.0,1.15]

Of each share of the charge of the fit: the unrest of the line density (grid), and the rms change of four bunching
factors from turn to turn (particles, without damping, from a quiet start) in ten parts of the run. What decays or stays
is below threshold.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import warnings

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from ssmb.beam import Beam, Reference
from ssmb.collective import (
    BunchImpedance,
    CSRPlates,
    StoredBeam,
    csr_bunch_threshold,
    haissinski_bunch,
    vlasov_bunch,
)
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.elements import Marker
from ssmb.elements.linear_map import LinearMap, one_turn_matrix
from ssmb.errors import SsmbWarning
from ssmb.lattice import Lattice
from ssmb.tracking import BunchingMonitor, track

RADIUS, PERIODS = 1.5279, 12


def particles(beam: StoredBeam, plates: CSRPlates, charge: float, n: int) -> np.ndarray:
    """Rms change of bunching factors at k sigma_z = 3, 5, 7, 9 from turn to turn."""
    start = haissinski_bunch(beam, plates, charge)
    share = np.cumsum(start.density)
    u = qmc.Halton(2, scramble=False).random(n + 1)[1:]
    rows = np.zeros((6, n))
    rows[4] = np.interp(u[:, 0] * share[-1], share - 0.5 * start.density, start.z)
    rows[4] += 2e-3 * beam.sigma_z * np.sin(4.0 * rows[4] / beam.sigma_z)
    rows[5] = beam.sigma_delta * ndtri(u[:, 1])
    # z falls with delta above transition: the tune of this frame is negative
    matrix = one_turn_matrix((0.31, 0.23, -beam.tune), (5.0, 5.0, beam.sigma_z / beam.sigma_delta))
    turn = LinearMap(name="turn", matrix=tuple(map(tuple, matrix.tolist())), length=beam.circumference)
    ring = Lattice.from_elements([Marker(name="m"), turn], Reference(beam.energy), periodic=True)
    window = (-8.0 * beam.sigma_z, 8.0 * beam.sigma_z)
    effect = BunchImpedance(at="m", impedance=plates, window=window, bins=129)
    waves = tuple((2.0 * math.pi * beam.sigma_z / np.array([3.0, 5.0, 7.0, 9.0])).tolist())
    bunch = Beam(Reference(beam.energy), rows, weight=charge / ELEMENTARY_CHARGE / n)
    seen = BunchingMonitor(at=None, wavelengths=waves)
    done = track(ring, bunch, round(PERIODS / beam.tune), effects=[effect], monitors=[seen])
    b = next(iter(done.monitors.values())).bunching
    return np.sqrt((np.abs(np.diff(b, axis=0)) ** 2).sum(axis=1))


def parts(values: np.ndarray) -> str:
    return " ".join(f"{part.mean():8.1e}" for part in np.array_split(values, 10))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--particles", type=int, default=300_000)
    parser.add_argument("--shielding", type=float, default=2.0)
    parser.add_argument("--shares", default="0.87,1.0,1.15")
    asked = parser.parse_args()
    warnings.simplefilter("ignore", SsmbWarning)
    beam = StoredBeam(
        energy=629e6, circumference=48.0, slip_factor=5e-3, sigma_delta=4.4e-4, tune=0.01, damping=1.25e-3 * 0.0628
    )
    gap = 2.0 * (beam.sigma_z * math.sqrt(RADIUS) / asked.shielding) ** (2.0 / 3.0)
    plates = CSRPlates(RADIUS, 2.0 * math.pi * RADIUS, gap)
    charge = csr_bunch_threshold(beam, RADIUS, gap=gap)
    print(f"shielding {asked.shielding:g}, full gap {gap:.4g} m, charge of the fit {charge:.4g} C")
    for share in (float(text) for text in asked.shares.split(",")):
        run = vlasov_bunch(beam, plates, share * charge, periods=PERIODS, points=160, disturbance=1e-4)
        print(f"{share:5.2f} grid      {parts(run.unrest)}  sigma_delta {run.sigma_delta[-1] / beam.sigma_delta:.5f}")
        if asked.particles:
            quiet = dataclasses.replace(beam, damping=0.0)
            print(f"{share:5.2f} particles {parts(particles(quiet, plates, share * charge, asked.particles))}")


if __name__ == "__main__":
    main()
