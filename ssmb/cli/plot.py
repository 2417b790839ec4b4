"""``ssmb plot DIR | LATTICE``: figures of a run folder, or the optics of a lattice."""

from __future__ import annotations

import argparse
from pathlib import Path

from ssmb.cli.check import kind_of
from ssmb.cli.figures import FIGURE_FOLDER, FORMATS, write_figure, write_study_figures
from ssmb.cli.output import print_json, warn_if_unfinished
from ssmb.errors import ConfigError

HELP = "figures of a run folder, or the optics of a lattice"


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    verb.add_argument("what", metavar="DIR|LATTICE", help="folder of a run, or a lattice file")
    verb.add_argument(
        "--out",
        metavar="FILE|FOLDER",
        help=f"one page if it ends in {', '.join(FORMATS)}, else a folder (default: DIR/{FIGURE_FOLDER}, or the name "
        f"of "
        "the lattice in the current folder)",
    )


def run(args: argparse.Namespace) -> int:
    """Draw and write."""
    place = Path(args.what)
    written = _of_run(place, args.out) if place.is_dir() else _of_lattice(place, args.out)
    if args.json:
        print_json({"figures": written})
    else:
        print("\n".join(str(path) for path in written))
    return 0


def _is_file_name(out: str | None) -> bool:
    """Whether ``--out`` names a file: it has an ending and no such folder exists."""
    return bool(out) and bool(Path(str(out)).suffix) and not Path(str(out)).is_dir()


def _of_run(place: Path, out: str | None) -> list[Path]:
    from ssmb.studies import load_result

    result = load_result(place)
    warn_if_unfinished(result)
    if out and _is_file_name(out):
        from ssmb.plot import plot

        return [write_figure(plot(result), Path(out))]
    return write_study_figures(result, Path(out) if out else place / FIGURE_FOLDER)


def _of_lattice(place: Path, out: str | None) -> list[Path]:
    from ssmb.io import load_lattice
    from ssmb.plot import plot

    if place.is_file() and kind_of(str(place)) == "run file":
        raise ConfigError(f"'{place}' is a run file: do 'ssmb run {place}' first, then plot its folder")
    name = f"{place.name.removesuffix('.yaml').removesuffix('.pals')}_optics.png"
    file = Path(out) if out and _is_file_name(out) else Path(out or ".") / name
    return [write_figure(plot(load_lattice(place)), file)]
