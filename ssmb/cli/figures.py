"""Writing figures to files, for the verbs ``plot`` and ``run``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ssmb.errors import ConfigError, nearest

if TYPE_CHECKING:
    from ssmb.plot.canvas import Figure
    from ssmb.studies import Result

FIGURE_FOLDER = "figures"  # as ssmb.studies.folders.FIGURES, which takes long to load
FORMATS = (".png", ".pdf", ".svg")
_DPI = 200


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
