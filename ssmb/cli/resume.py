"""``ssmb resume DIR``: go on with an interrupted run."""

from __future__ import annotations

import argparse

from ssmb.cli.run import add_common, finish

HELP = "go on with an interrupted run from its checkpoint"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    verb.add_argument("folder", metavar="DIR", help="folder of the run")
    add_common(verb)


def run(args: argparse.Namespace) -> int:
    """Go on and print."""
    from ssmb.studies import resume

    return finish(resume(args.folder, threads=args.threads, progress=True, command="ssmb resume"), args)
