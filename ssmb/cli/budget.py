"""``ssmb budget DIR``: the random kicks of a turn of a finished run, against what damping takes."""

from __future__ import annotations

import argparse

from ssmb.cli.arguments import result_in
from ssmb.cli.output import answer
from ssmb.errors import ConfigError

HELP = "the random kicks of a turn of a run folder, against damping"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    verb.add_argument("folder", metavar="DIR", help="folder of a finished run with a source")


def run(args: argparse.Namespace) -> int:
    """Read and print."""
    from ssmb.studies.records import numbers_of

    result = result_in(args.folder)
    kicks = result.kicks_of_turn()
    if kicks is None:
        raise ConfigError(
            f"the run in '{args.folder}' has no budget of kicks: "
            + (f"it is interrupted at {result.stage}" if result.stage else "it has no source, or no equilibrium")
        )
    return answer(args.json, {"folder": args.folder, **numbers_of(kicks)}, kicks.table())
