"""``ssmb scan FILE.scan.yaml``: any study at many points, on this machine or many."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ssmb.cli.arguments import add_settings
from ssmb.cli.output import answer, note
from ssmb.errors import ConfigError

if TYPE_CHECKING:
    from ssmb.studies.scan import ScanResult

HELP = "any study at many points of its run file and lattice; goes on where it was stopped"
_INTERRUPTED = 130


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    verb.add_argument("file", metavar="FILE", help="file of a scan (*.scan.yaml)")
    verb.add_argument("--folder", metavar="DIR", help="folder of the points (default: runs/NAME)")
    verb.add_argument(
        "--on", metavar="WHERE", default="processes", help="here, processes, mpi (under mpirun) or dask; same results"
    )
    verb.add_argument("--workers", type=int, metavar="N", help="points at a time (default: processors, ranks but one)")
    verb.add_argument("--scheduler", default="", metavar="ADDRESS", help="of dask (default: workers on this machine)")
    verb.add_argument("--shard", default="1/1", metavar="I/N", help="the I-th of N parts, for jobs of a batch system")
    verb.add_argument("--again", action="store_true", help="do points again that failed")
    words, example = "values that replace those of the run file in all points", "beam.particles=1000"
    add_settings(verb, words, example, number=False)


def run(args: argparse.Namespace) -> int:
    """Scan and print."""
    from ssmb.studies.scan import SCAN_FILE, folder_of_scan, load_scan, scan

    folder = folder_of_scan(args.file, args.folder)
    try:
        result = scan(
            args.file, folder, dict(args.set), on=args.on, workers=args.workers, scheduler=args.scheduler,
            shard=shard_of(args.shard), again=args.again, progress=True,
        )  # fmt: skip
    except KeyboardInterrupt:
        done = len(load_scan(folder).lines) if (folder / SCAN_FILE).is_file() else 0
        note(f"ssmb: interrupted; {done} points are kept in {folder}. The same command goes on with them")
        return _INTERRUPTED
    return finish(result, args.json)


def finish(result: ScanResult, as_json: bool) -> int:
    """Print a scan and draw it into its folder, if all of it is there."""
    from ssmb.cli.plot import FIGURE_FOLDER, write_figure
    from ssmb.plot import plot

    figures = []
    if len(result.lines) == result.total and result.drawable():
        figures = [write_figure(plot(result), Path(result.folder) / FIGURE_FOLDER / "scan.png")]
    text = f"{result.text()}\nfolder   {result.folder}"
    return answer(as_json, result.summary() | {"figures": figures}, text)


def shard_of(text: str) -> tuple[int, int]:
    """Return part and number of parts of ``I/N``.

    >>> shard_of("2/8")
    (2, 8)
    """
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit()):
        raise ConfigError(f"--shard needs I/N, such as 1/8, got '{text[:80]}'")
    return int(part), int(parts)
