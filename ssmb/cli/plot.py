"""``ssmb plot DIR | LATTICE``: figures of a run folder, or the optics of a lattice."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ssmb.cli.arguments import result_in
from ssmb.cli.check import kind_of
from ssmb.cli.output import answer
from ssmb.errors import ConfigError, nearest

if TYPE_CHECKING:
    from ssmb.plot.canvas import Figure
    from ssmb.studies import Result

HELP = "figures of a run folder, or the optics of a lattice"
FIGURE_FOLDER = "figures"  # as ssmb.studies.folders.FIGURES, which takes long to load
FORMATS = (".png", ".pdf", ".svg")
_DPI = 200


def add_arguments(verb: argparse.ArgumentParser) -> None:
    """Add what it takes besides --json."""
    verb.add_argument("what", metavar="DIR|LATTICE", help="folder of a run, or a lattice file")
    verb.add_argument(
        "--out",
        metavar="FILE|FOLDER",
        help=f"one page if it ends in {', '.join(FORMATS)}, else a folder (default: DIR/{FIGURE_FOLDER}, or the name "
        "of the lattice in the current folder)",
    )


def run(args: argparse.Namespace) -> int:
    """Draw and write."""
    place, out = Path(args.what), Path(args.out) if args.out else None
    page = out if out and out.suffix and not out.is_dir() else None
    if (place / "scan.json").is_file():
        from ssmb.studies.scan import load_scan

        written = [_drawn(load_scan(place), page or (out or place / FIGURE_FOLDER) / "scan.png")]
    elif place.is_dir():
        result = result_in(args.what)
        written = [_drawn(result, page)] if page else write_study_figures(result, out or place / FIGURE_FOLDER)
    elif place.is_file() and (kind := kind_of(args.what)) != "lattice":
        verb = kind.partition(" ")[0]
        raise ConfigError(f"'{place}' is a {kind}: do 'ssmb {verb} {place}' first, then plot its folder")
    else:
        from ssmb.io import load_lattice

        name = f"{place.name.removesuffix('.yaml').removesuffix('.pals')}_optics.png"
        written = [_drawn(load_lattice(place), page or (out or Path()) / name)]
    return answer(args.json, {"figures": written}, "\n".join(str(path) for path in written))


def _drawn(what: object, path: Path) -> Path:
    from ssmb.plot import plot

    return write_figure(plot(what), path)


def write_figure(figure: Figure, path: Path) -> Path:
    """Write one figure; an older file is replaced only when the new one is complete.

    Raises
    ------
    ConfigError
        The ending is not that of a figure.
    ResultFileError
        The file cannot be written.
    """
    from ssmb.store.atomic import atomic_path, os_failure

    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise ConfigError(f"'{path.name}' must end in {', '.join(FORMATS)}.{nearest(ending, FORMATS)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise os_failure(error, path.parent, "make the folder") from error
    with atomic_path(path) as part:
        figure.savefig(part, format=ending[1:], dpi=_DPI)
    return path


def write_study_figures(result: Result, folder: Path) -> list[Path]:
    """Write each figure of a run as PNG into a folder and return the files."""
    from ssmb.plot.study import study_figures

    return [write_figure(figure, folder / f"{name}.png") for name, figure in study_figures(result).items()]
