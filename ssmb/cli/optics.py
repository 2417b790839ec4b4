"""``ssmb optics LATTICE``: headline numbers and the table at the elements."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ssmb.cli.arguments import add_ring, ring_of
from ssmb.cli.output import print_json
from ssmb.text import named_values, quantity, table

if TYPE_CHECKING:
    from ssmb.dynamics import Optics

#: What the printed table shows; --csv and --json have all columns.
_SHOWN = ("S", "BETX", "ALFX", "MUX", "BETY", "ALFY", "MUY", "DX", "DPX")
_HEADLINES = (
    "qx", "qy", "qs", "dqx", "dqy", "dqx2", "dqy2", "alpha_c", "alpha_c2", "alpha_c3", "slip_factor", "slip_factor2",
    "slip_factor3", "gamma_t", "coupled",
)  # fmt: skip


HELP = "tunes, Twiss functions, dispersion, slip factors of a ring"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    add_ring(verb)
    verb.add_argument("--delta", type=float, default=0.0, metavar="D", help="relative momentum deviation (default 0)")
    verb.add_argument("--csv", metavar="FILE", help="write the whole table, all columns, as CSV")


def run(args: argparse.Namespace) -> int:
    """Compute and print."""
    from ssmb.dynamics import optics

    ring, rows = ring_of(args)
    found = optics(ring, delta=args.delta)
    columns = found.table()
    if args.csv:
        write_csv(args.csv, columns)
    if args.json:
        print_json(_payload(found) | {"table": {name: values[rows] for name, values in columns.items()}})
        return 0
    print(
        named_values(
            [("lattice", f"{ring.name}, {quantity(ring.length, 'm', 8)}, {len(ring)} elements"), *_lines(found)]
        )
    )
    print()
    body = [(str(columns["NAME"][i]), *(_fixed(columns[c][i]) for c in _SHOWN)) for i in rows]
    print(table(("NAME", *_SHOWN), body))
    return 0


def _fixed(value: float) -> str:
    """Six digits after the point, and no minus before zero."""
    return f"{round(float(value), 6) + 0.0:.6f}"


def _payload(found: Optics) -> dict[str, Any]:
    out: dict[str, Any] = {"status": found.status.name.lower()}
    out |= {name: getattr(found, name) for name in _HEADLINES}
    return out | {"closed_orbit": found.closed_orbit[0], "m66": found.m66, "provenance": found.provenance}


def _lines(found: Optics) -> list[tuple[str, str]]:
    return [
        ("status", found.status.value),
        ("tunes Qx, Qy, Qs", f"{found.qx:.6f}, {found.qy:.6f}, {found.qs:.6g}"),
        ("chromaticities", f"{found.dqx:.4f}, {found.dqy:.4f} (dQ/d delta)"),
        ("momentum compaction", f"{found.alpha_c:.6e}, second order {found.alpha_c2:.4e}"),
        ("slip factor", f"{found.slip_factor:.6e}, {found.slip_factor2:.4e}, {found.slip_factor3:.4e}"),
        ("bend edges", str(found.provenance.get("bend_edges", "-"))),
    ]


def write_csv(path: str, columns: dict[str, Any]) -> None:
    """Write columns as CSV with every digit; an older file is replaced only when the new one is complete."""
    import csv

    from ssmb.store.atomic import atomic_path

    with atomic_path(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
