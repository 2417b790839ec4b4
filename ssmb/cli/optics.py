"""``ssmb optics LATTICE``: headline numbers and the table at the elements."""

from __future__ import annotations

import argparse
import csv
import io
from typing import Any

from ssmb.cli.output import write_csv
from ssmb.cli.ring import add_ring, ring_of, tell_ring
from ssmb.text import quantity

#: What the printed table shows, with no minus before zero; --csv and --json have all columns.
_SHOWN: dict[str, str] = dict.fromkeys(("S", "BETX", "ALFX", "MUX", "BETY", "ALFY", "MUY", "DX", "DPX"), "z.6f")
_HEADLINES = (
    "qx", "qy", "qs", "dqx", "dqy", "dqx2", "dqy2", "orbit_length", "alpha_c", "alpha_c2", "alpha_c3", "slip_factor",
    "slip_factor2", "slip_factor3", "gamma_t", "coupled",
)  # fmt: skip


HELP = "tunes, Twiss functions, dispersion, slip factors of a ring"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    add_ring(verb)
    verb.add_argument("--delta", type=float, default=0.0, metavar="D", help="relative momentum deviation (default 0)")
    verb.add_argument("--csv", metavar="FILE", help="write the whole table, all columns, as CSV (-: to stdout)")


def run(args: argparse.Namespace) -> int:
    """Compute and print."""
    from ssmb.dynamics import optics

    ring, rows = ring_of(args)
    found = optics(ring, delta=args.delta)
    if args.csv and write_csv(args, _csv(found.table())):
        return 0
    lines = [
        ("tunes Qx, Qy, Qs", f"{found.qx:.6f}, {found.qy:.6f}, {found.qs:.6g}"),
        ("chromaticities", f"{found.dqx:.4f}, {found.dqy:.4f} (dQ/d delta)"),
        ("closed orbit", f"{quantity(found.orbit_length, 'm', 10)} long, to which the two below are relative"),
        ("momentum compaction", f"{found.alpha_c:.6e}, second order {found.alpha_c2:.4e}"),
        ("slip factor", f"{found.slip_factor:.6e}, {found.slip_factor2:.4e}, {found.slip_factor3:.4e}"),
        ("bend edges", found.edges_text()),
    ]
    return tell_ring(args, ring, rows, found, {name: getattr(found, name) for name in _HEADLINES}, lines, _SHOWN)


def _csv(columns: dict[str, Any]) -> str:
    """Columns as CSV with every digit."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
    return out.getvalue()
