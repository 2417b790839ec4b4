"""``ssmb equilibrium LATTICE``: emittances, damping, energy spread and bunch length along the ring."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ssmb.cli.arguments import add_ring, ring_of
from ssmb.cli.output import print_json
from ssmb.text import named_values, quantity, table

if TYPE_CHECKING:
    from ssmb.dynamics import Equilibrium

_VALUES = (
    "emittances", "emittances_sands", "damping_times", "partition_numbers", "tunes", "energy_loss",
)  # fmt: skip


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
    columns = found.table()
    if args.json:
        payload: dict[str, Any] = {"status": found.status.name.lower()}
        payload |= {name: getattr(found, name) for name in _VALUES}
        payload |= {"sigma_delta": found.sigma_delta[rows], "sigma_z": found.sigma_z[rows]}
        payload |= {"closed_orbit": found.closed_orbit[0], "m66": found.m66, "provenance": found.provenance}
        print_json(payload | {"table": {name: values[rows] for name, values in columns.items()}})
        return 0
    print(
        named_values(
            [("lattice", f"{ring.name}, {quantity(ring.length, 'm', 8)}, {len(ring)} elements"), *_lines(found)]
        )
    )
    print()
    shown = [name for name in columns if name != "NAME"]
    body = [
        (str(columns["NAME"][i]), f"{columns['S'][i]:.6f}", *(f"{columns[c][i]:.6e}" for c in shown[1:])) for i in rows
    ]
    print(table(("NAME", *shown), body))
    return 0


def _lines(found: Equilibrium) -> list[tuple[str, str]]:
    x, y, z = found.emittances
    jx, jy, jz = found.partition_numbers
    shortest, longest = quantity(float(found.sigma_z.min()), "m"), quantity(float(found.sigma_z.max()), "m")
    return [
        ("status", found.status.value),
        ("energy loss", f"{quantity(found.energy_loss, 'eV', 6)} per turn"),
        ("emittances x, y, z", ", ".join(quantity(float(e), "m", 5) for e in (x, y, z))),
        ("damping times x, y, z", ", ".join(quantity(float(t), "s", 5) for t in found.damping_times)),
        ("partition numbers", f"{jx:.5f}, {jy:.5f}, {jz:.5f}"),
        ("tunes", ", ".join(f"{q:.6f}" for q in found.tunes)),
        ("energy spread", f"{found.sigma_delta[0]:.5e} at the beginning"),
        (
            "bunch length",
            f"{quantity(float(found.sigma_z[0]), 'm')} at the beginning, {shortest} to {longest} along the ring",
        ),
        ("pole faces", "radiate" if found.provenance["pole_faces"] else "do not radiate"),
        ("opening angle", "of the photons counted" if found.provenance["opening_angle"] else "of the photons left out"),
    ]
