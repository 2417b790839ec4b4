"""``ssmb merge DIR ... --into DIR``: one table of the points of several shards of a scan."""

from __future__ import annotations

import argparse

from ssmb.cli.scan import finish

HELP = "one table of the shards of a scan"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    verb.add_argument("folders", nargs="+", metavar="DIR", help="folders of shards of one scan, or the one they share")
    verb.add_argument("--into", metavar="DIR", help="folder of the table (default: the first)")


def run(args: argparse.Namespace) -> int:
    """Merge and print."""
    from ssmb.studies.scan import merge_scans

    return finish(merge_scans(args.folders, args.into or args.folders[0]), args.json)
