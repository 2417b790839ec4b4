"""What the verbs about a ring share: the lattice and the places in it, and results along it as a table."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ssmb.cli.output import answer
from ssmb.errors import LatticeError, nearest
from ssmb.text import named_values, quantity, table

if TYPE_CHECKING:
    from ssmb.dynamics import Equilibrium, Optics
    from ssmb.lattice import Lattice


def add_ring(verb: argparse.ArgumentParser) -> None:
    """Add the lattice file, where the ring begins, and which elements are shown."""
    verb.add_argument("lattice", metavar="LATTICE", help="lattice file (*.pals.yaml, or one of another code)")
    verb.add_argument("--start", metavar="NAME", help="element at which the ring begins")
    verb.add_argument("--at", metavar="PATTERN", help="print only elements of this name; * and ? are allowed")


def ring_of(args: argparse.Namespace) -> tuple[Lattice, list[int]]:
    """Return the ring of :func:`add_ring` and the rows of its table to show.

    Row 0 is the beginning, row i + 1 the exit of element i.
    """
    from ssmb.io import load_lattice

    ring = load_lattice(args.lattice)
    if args.start:
        ring = ring.rotated(args.start)
    if not args.at:
        return ring, list(range(len(ring) + 1))
    found = ring.indices(args.at)
    if not found:
        raise LatticeError(f"--at: no element matches '{args.at}'.{nearest(args.at, [e.name for e in ring])}")
    return ring, [i + 1 for i in found]


def tell_ring(
    args: argparse.Namespace,
    ring: Lattice,
    rows: list[int],
    found: Optics | Equilibrium,
    numbers: Mapping[str, Any],
    lines: Sequence[tuple[str, str]],
    shown: Mapping[str, str],
) -> int:
    """Print a result along a ring.

    Parameters
    ----------
    ring, rows : of :func:`ring_of`.
    numbers : what ``--json`` has besides the table.
    lines : names and words above the printed table.
    shown : its columns, each with the format of its numbers.
    """
    columns = found.table()
    payload = {"status": found.status.name.lower(), **numbers, "provenance": found.provenance}
    payload |= {"closed_orbit": found.closed_orbit[0], "m66": found.m66}
    payload |= {"table": {name: values[rows] for name, values in columns.items()}}
    lattice = f"{ring.name}, {quantity(ring.length, 'm', 8)}, {len(ring)} elements"
    head = named_values([("lattice", lattice), ("status", found.status.value), *lines])
    body = [(str(columns["NAME"][i]), *(format(columns[c][i], how) for c, how in shown.items())) for i in rows]
    return answer(args.json, payload, f"{head}\n\n{table(('NAME', *shown), body)}")
