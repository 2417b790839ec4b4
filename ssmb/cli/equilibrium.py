"""``ssmb equilibrium LATTICE``: emittances, damping, energy spread and bunch length along the ring."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ssmb.cli.ring import add_ring, ring_of, tell_ring
from ssmb.text import quantity

if TYPE_CHECKING:
    from ssmb.dynamics import Equilibrium

_VALUES = "emittances", "emittances_sands", "damping_times", "partition_numbers", "tunes", "energy_loss"


HELP = "emittances, damping and bunch length under radiation"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    add_ring(verb)
    verb.add_argument("--no-edges", action="store_true", help="pole faces of bends do not radiate")
    verb.add_argument(
        "--opening-angle", action="store_true", help="photons leave at their angle to the plane of the orbit"
    )
    verb.add_argument("--lasers", action="store_true", help="lasers act, about the nearest micro-bucket")


def run(args: argparse.Namespace) -> int:
    """Compute and print."""
    from ssmb.dynamics import equilibrium
    from ssmb.maps.radiation import ENVELOPE, Radiation

    ring, rows = ring_of(args)
    radiation = Radiation(ENVELOPE, edges=not args.no_edges, angles=args.opening_angle)
    found = equilibrium(ring, radiation=radiation, lasers=args.lasers)
    numbers = {name: getattr(found, name) for name in _VALUES}
    numbers |= {"sigma_delta": found.sigma_delta[rows], "sigma_z": found.sigma_z[rows]}
    shown = {name: ".6f" if name == "S" else ".6e" for name in found.table() if name != "NAME"}
    return tell_ring(args, ring, rows, found, numbers, _lines(found), shown)


def _lines(found: Equilibrium) -> list[tuple[str, str]]:
    jx, jy, jz = found.partition_numbers
    start, shortest, longest = (
        quantity(float(length), "m") for length in (found.sigma_z[0], found.sigma_z.min(), found.sigma_z.max())
    )
    return [
        ("energy loss", f"{quantity(found.energy_loss, 'eV', 6)} per turn"),
        ("emittances x, y, z", ", ".join(quantity(float(e), "m", 5) for e in found.emittances)),
        ("damping times x, y, z", ", ".join(quantity(float(t), "s", 5) for t in found.damping_times)),
        ("partition numbers", f"{jx:.5f}, {jy:.5f}, {jz:.5f}"),
        ("tunes", ", ".join(f"{q:.6f}" for q in found.tunes)),
        ("energy spread", f"{found.sigma_delta[0]:.5e} at the beginning"),
        ("bunch length", f"{start} at the beginning, {shortest} to {longest} along the ring"),
        ("bend edges", str(found.provenance["bend_edges"])),
        ("pole faces", "radiate" if found.provenance["pole_faces"] else "do not radiate"),
        ("opening angle", "of the photons counted" if found.provenance["opening_angle"] else "of the photons left out"),
    ]
