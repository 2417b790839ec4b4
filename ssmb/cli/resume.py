"""``ssmb resume DIR``: go on with an interrupted run."""

from __future__ import annotations

import argparse

from ssmb.cli.run import add_common, finish


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add the verb."""
    verb = subparsers.add_parser("resume", help="go on with an interrupted run from its checkpoint")
    verb.add_argument("folder", metavar="DIR", help="folder of the run")
    add_common(verb)
    verb.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Go on and print."""
    from ssmb.studies import resume

    return finish(resume(args.folder, threads=args.threads, progress=True, command="ssmb resume"), args)
