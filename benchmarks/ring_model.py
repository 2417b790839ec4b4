"""The fast ring model against the magnet-level ring: same beam, same turns, same run, one core.

    python benchmarks/ring_model.py [RING] [PARTICLES] [TURNS] [RADIATION] [ORDER]

RING is ``mls_ssmb`` or ``ssmb_400mev_ring``. Prints what is captured after the last turn, its length and momentum
spread, and the ratio of processor times; goals: 3 %, and a ratio of 50.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

LATTICES = Path(__file__).resolve().parents[1] / "lattices"
PIECES = 10
#: rms emittances in x and y [m] and momentum spread of the beam at the start, by ring
BEAMS = {"mls_ssmb": (33e-9, 0.33e-9, 1.84e-4), "ssmb_400mev_ring": (0.5e-9, 5e-12, 3.4e-4)}


def dark(lattice: Any) -> Any:
    """The ring without light."""
    lit = {e.name: {"laser_on": False} for e in lattice if getattr(e, "laser_wavelength", 0.0)}
    return lattice.with_changes(lit)


def to_the_middle(lattice: Any) -> Any:
    """From the beginning of the ring, its first modulator, to the middle of that, where the model begins."""
    from ssmb.lattice import Lattice

    first = next(e for e in lattice if getattr(e, "laser_wavelength", 0.0))
    half = {"length": 0.5 * first.length, "periods": 0.0, "period_length": first.period}
    return Lattice.from_elements([replace(first, laser_on=False, **half)], lattice.reference)


def bucket_of(lattice: Any) -> Any:
    """The micro-bucket of the lasers together."""
    import ssmb

    kicks = [replace(e, laser_model="KICK").ops(lattice.reference) for e in lattice if hasattr(e, "laser_model")]
    amplitude = abs(sum(complex(*op.params[:2]) for ops in kicks for op in ops))
    wavelength = next(e.laser_wavelength for e in lattice if getattr(e, "laser_wavelength", 0.0))
    slip = ssmb.optics(dark(lattice)).slip_factor
    return ssmb.MicroBucket(wavelength * lattice.reference.beta, slip, lattice.length, amplitude)


def beam_of(lattice: Any, name: str, bucket: Any, particles: int) -> Any:
    """A beam that fills the middle of the micro-buckets, half of the length and height of which it has as rms sizes."""
    import ssmb
    from ssmb.beam import sigma_from_twiss

    emit_x, emit_y, spread = BEAMS[name]
    at = ssmb.optics(dark(lattice)).at(0)
    sigma = sigma_from_twiss(
        emit_x=emit_x, emit_y=emit_y, beta_x=at["beta_x"], beta_y=at["beta_y"], alpha_x=at["alpha_x"],
        alpha_y=at["alpha_y"], dispersion=tuple(at[f"dispersion_{a}"] for a in ("x", "px", "y", "py")),
        sigma_delta=spread, sigma_z=bucket.sigma_z(spread),
    )  # fmt: skip
    return ssmb.Beam.gaussian(lattice.reference, sigma, n=particles, charge=1e-12, seed=1, start="quiet")


def numbers(beam: Any, bucket: Any) -> tuple[float, float, float]:
    """Captured fraction, and rms length [m] and momentum spread of those inside."""
    from ssmb.beam import fold

    z, _ = fold(beam.z, bucket.wavelength)
    inside = (bucket.hamiltonian(z, beam.delta) < bucket.separatrix_level) & beam.alive
    return float(inside.mean()), float(z[inside].std()), float(beam.delta[inside].std())


def main(
    name: str = "mls_ssmb", particles: str = "2000", turns: str = "10000", radiation: str = "quantum", order: str = "3"
) -> None:
    import ssmb

    lattice = ssmb.load_lattice(LATTICES / f"{name}.pals.yaml")
    began = time.process_time()
    model = ssmb.ring_model(lattice, order=int(order), radiation=radiation)
    print(
        f"{name}: {len(lattice)} elements; model of order {order}: {len(model)}, made in "
        f"{time.process_time() - began:.1f} s"
    )
    middle, bucket = to_the_middle(lattice), bucket_of(lattice)
    start = beam_of(lattice, name, bucket, int(particles))
    beams = {"ring": start, "model": ssmb.track(middle, start).beam}
    print(f"half height {bucket.half_height:.3e}, tune {bucket.tune:.4f}; radiation {radiation}; {particles} particles")
    print(
        f"{'turn':>8s} {'':6s} {'captured':>9s} {'sigma_z/nm':>11s} {'sigma_delta':>12s} {'ns/particle/turn':>17s} "
        f"{'ratio':>6s}"
    )
    piece = int(turns) // PIECES
    for i in range(PIECES):
        spent = {}
        for what, where in (("model", model), ("ring", lattice)):
            if i == 0:  # compile and warm up
                ssmb.track(where, beams[what].select(np.arange(16)), 1, radiation=radiation, threads=1)
            began = time.process_time()
            run = ssmb.track(where, beams[what], piece, first_turn=i * piece, seed=1, threads=1, radiation=radiation)
            spent[what], beams[what] = time.process_time() - began, run.beam
        here = {"model": beams["model"], "ring": ssmb.track(middle, beams["ring"]).beam}
        for what, beam in here.items():
            captured, sigma_z, sigma_delta = numbers(beam, bucket)
            ratio = f"{spent['ring'] / spent['model']:6.1f}" if what == "model" else ""
            cost = 1e9 * spent[what] / piece / len(beam)
            print(
                f"{(i + 1) * piece:8d} {what:6s} {captured:9.4f} {1e9 * sigma_z:11.2f} {sigma_delta:12.4e} "
                f"{cost:17.1f} {ratio}",
                flush=True,
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
