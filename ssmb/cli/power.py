"""``ssmb power DIR``: the way of the power of a finished run, from the radiator to the focus."""

from __future__ import annotations

import argparse

from ssmb.cli.output import print_json, warn_if_unfinished
from ssmb.errors import ConfigError

HELP = "the way of the power of a run folder, and what limits it"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    verb.add_argument("folder", metavar="DIR", help="folder of a finished run with a source")


def run(args: argparse.Namespace) -> int:
    """Read and print."""
    from ssmb.studies import load_result

    result = load_result(args.folder)
    warn_if_unfinished(result)
    power = result.power()
    if power is None:
        why = (
            f"is interrupted at {result.stage}"
            if result.stage
            else "has no source: give its run file a section 'source'"
        )
        raise ConfigError(f"the run in '{args.folder}' {why}")
    if args.json:
        print_json({"folder": args.folder} | power)
    else:
        print(result.power_text())
    return 0
