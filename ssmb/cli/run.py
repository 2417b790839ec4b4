"""``ssmb run FILE.run.yaml``: do what a run file says."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ssmb.cli.arguments import add_settings
from ssmb.cli.output import answer, note
from ssmb.cli.plot import FIGURE_FOLDER, write_study_figures
from ssmb.text import named_values

if TYPE_CHECKING:
    from ssmb.studies import Result

_INTERRUPTED = 130


HELP = "do what a run file says; results go into a folder"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    verb.add_argument("file", metavar="FILE", help="run file (*.run.yaml)")
    verb.add_argument("--folder", metavar="DIR", help="folder of the run (default: as in the file, else runs/NAME)")
    verb.add_argument("--force", action="store_true", help="replace the run that the folder holds")
    words, example = "values that replace those of the file", "beam.particles=1000 (FILE stands before --set)"
    add_settings(verb, words, example, number=False)
    add_common(verb)


def add_common(verb: argparse.ArgumentParser) -> None:
    """Add what ``run`` and ``resume`` share."""
    verb.add_argument("--threads", type=int, metavar="N", help="number of threads; the result does not depend on it")
    verb.add_argument("--no-figures", action="store_true", help="write no figures, whatever the run file says")


def run(args: argparse.Namespace) -> int:
    """Run and print."""
    from ssmb.studies import run_file

    settings = ["--set", *(f"{key}={value}" for key, value in args.set)] if args.set else []
    result = run_file(
        args.file,
        folder=args.folder,
        changes=dict(args.set),
        threads=args.threads,
        progress=True,
        force=args.force,
        command=shlex.join(["ssmb", "run", Path(args.file).name, *settings]),
    )
    return finish(result, args)


def finish(result: Result, args: argparse.Namespace) -> int:
    """Print the result and draw its figures (before that for JSON, which names them); return the exit code."""
    folder = result.folder
    status = result.status.name.lower()
    asked = status == "completed" and folder and result.config.output.figures and not args.no_figures
    figures = write_study_figures(result, Path(folder) / FIGURE_FOLDER) if asked and args.json else []
    text = "\n\n".join([result.text(), *([named_values([("folder", folder)])] if folder else [])])
    code = answer(args.json, result.summary() | {"folder": folder, "figures": figures}, text)
    if asked and not args.json:  # whoever reads need not wait for them
        sys.stdout.flush()
        write_study_figures(result, Path(folder) / FIGURE_FOLDER)
    if status == "interrupted":
        note(f"ssmb: interrupted at {result.stage}; what is done is kept. Go on with: ssmb resume {folder}")
        return _INTERRUPTED
    return code
