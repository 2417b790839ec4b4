"""``ssmb power DIR``: the way of the power of a finished run, from the radiator to the focus."""

from __future__ import annotations

import argparse

from ssmb.cli.arguments import result_in
from ssmb.cli.output import answer
from ssmb.errors import ConfigError

HELP = "the way of the power of a run folder, and what limits it"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    verb.add_argument("folder", metavar="DIR", help="folder of a finished run with a source")


def run(args: argparse.Namespace) -> int:
    """Read and print."""
    result = result_in(args.folder)
    power = result.power()
    if power is None:
        no_source = "has no source: give its run file a section 'source'"
        why = f"is interrupted at {result.stage}" if result.stage else no_source
        raise ConfigError(f"the run in '{args.folder}' {why}")
    return answer(args.json, {"folder": args.folder} | power, result.power_text())
