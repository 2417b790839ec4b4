"""``ssmb power DIR``: the way of the power of a finished run, from the radiator to the focus."""

from __future__ import annotations

import argparse

from ssmb.cli.output import print_json
from ssmb.errors import ConfigError


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the verb."""
    verb = subparsers.add_parser("power", help="the way of the power of a run folder, and what limits it")
    verb.add_argument("folder", metavar="DIR", help="folder of a finished run with a source")
    verb.add_argument("--json", action="store_true", help="one JSON object on stdout")
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read and print."""
    from ssmb.cli.insertion_text import power_text
    from ssmb.cli.source_text import ring_source_text
    from ssmb.studies import InsertionResult, load_result

    result = load_result(args.folder)
    source = result.summary()["source"]
    if source is None:
        raise ConfigError(f"the run in '{args.folder}' has no source: give its run file a section 'source'")
    if args.json:
        print_json({"folder": args.folder} | source)
        return 0
    print(power_text(source) if isinstance(result, InsertionResult) else ring_source_text(source))
    return 0
