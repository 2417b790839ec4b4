"""A scan: any study at many points of its run file and lattice, as one table.

title: bunching against laser power and charge
scan:
  of: mls_pop.run.yaml
  axes:
    lattice.p_laser: {logspace: [1e5, 1e7, 9]}
    beam.charge: [1e-12, 5e-12]
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ssmb.arguments import checked
from ssmb.errors import ConfigError, ResultFileError, SsmbError, SsmbWarning, nearest, warn
from ssmb.store.atomic import atomic_path, checked_path
from ssmb.store.tree import Dataset, write_tree
from ssmb.studies.points import Base, Found, NoOutput, Point, PointLog, check_folder, do_points, found_in
from ssmb.studies.scan_config import ScanConfig, ScanSection, load_scan_config
from ssmb.studies.study import Places, at_place
from ssmb.tables import Table
from ssmb.text import named_values

#: What a folder of a scan has besides its points.
SCAN_FILE, TABLE_FILE, CSV_FILE = "scan.json", "scan.h5", "scan.csv"
_SCHEMA = 1


@dataclass(frozen=True, eq=False)
class ScanResult:
    """The points of a scan with what was found, in order.

    Attributes
    ----------
    config : what was scanned.
    lines : of each point that is done: ``index``, ``at`` (values by key), ``row`` (what was found), ``error``.
    folder : empty for one in memory.
    """

    config: ScanConfig
    lines: tuple[dict[str, Any], ...]
    folder: str = ""

    @property
    def total(self) -> int:
        """Number of points, done or not."""
        return self.config.scan.total

    @property
    def failed(self) -> tuple[dict[str, Any], ...]:
        """Points with an error."""
        return tuple(line for line in self.lines if line.get("error"))

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what was found."""
        return tuple(dict.fromkeys(name for line in self.lines for name in line["row"]))

    def column(self, name: str) -> np.ndarray:
        """(points,) values of an axis or an output; NaN where a point failed.

        Raises
        ------
        ConfigError
            There is none of this name, or it holds texts.
        """
        axes = self.config.scan.axes
        known = {n.partition(" [")[0]: n for n in self.outputs} | {n: n for n in (*axes, *self.outputs)}
        if name not in known:
            raise ConfigError(f"the scan has no column '{name[:80]}'.{nearest(name, known)} It has {', '.join(known)}")
        own = "at" if known[name] in axes else "row"
        cells = [line[own].get(known[name]) for line in self.lines]
        if any(isinstance(cell, str) for cell in cells):
            raise ConfigError(f"column '{name}' holds texts, not numbers")
        return np.array([math.nan if cell is None else float(cell) for cell in cells])

    def drawable(self) -> bool:
        """Whether points differ in an axis and in an output."""
        tables = ([line[part] for line in self.lines] for part in ("at", "row"))
        return all(any(len({row.get(n) for row in rows} - {None}) > 1 for n in rows[0]) for rows in tables if rows)

    def table(self) -> Table:
        """One row for each point: values, what was found, error."""
        axes, outputs = tuple(self.config.scan.axes), self.outputs
        wrong = ("error",) if self.failed else ()
        rows = tuple(
            (
                *(line["at"].get(key) for key in axes),
                *(line["row"].get(name) for name in outputs),
                *(line.get("error") or None for _ in wrong),
            )
            for line in self.lines
        )
        return Table(self.config.title or f"scan of {self.config.scan.of}", (*axes, *outputs, *wrong), rows)

    def dataframe(self) -> Any:
        """The same as a DataFrame of pandas, which is an own package."""
        try:
            import pandas
        except ImportError as error:
            raise ConfigError(f"a DataFrame needs pandas ({error}): pip install pandas") from None
        table = self.table()
        return pandas.DataFrame(list(table.rows), columns=list(table.headers))

    def summary(self) -> dict[str, Any]:
        """Counts and the table, for ``--json``."""
        return {
            "points": self.total,
            "done": len(self.lines),
            "failed": len(self.failed),
            "rows": self.table().records(),
            "folder": self.folder,
        }

    def text(self) -> str:
        """The same in words."""
        table = self.table()
        most = 40
        if len(table.rows) > most:
            note = f"... {len(table.rows) - most} more in {CSV_FILE}"
            table = Table(table.title, table.headers, table.rows[:most], (note,))
        counts = f"{len(self.lines)} of {self.total}" + (f", {len(self.failed)} failed" if self.failed else "")
        told = dict.fromkeys(w for line in self.lines for w in line.get("warnings", ()))
        warned = [("warning", f"{sum(w in line.get('warnings', ()) for line in self.lines)} points: {w}") for w in told]
        return "\n\n".join([str(table), named_values([("points", counts), *warned])])

    def save(self, folder: Path) -> None:
        """Write the table as HDF5 and CSV."""
        table = self.table()
        tree: dict[str, Any] = {}
        for i, header in enumerate(table.headers):
            name, _, unit = header.partition(" [")
            cells = [row[i] for row in table.rows]
            texts = any(isinstance(cell, str) for cell in cells)
            values = (
                ["" if c is None else str(c) for c in cells] if texts else [math.nan if c is None else c for c in cells]
            )
            unit = "1" if texts else unit.removesuffix("]") or "1"
            tree[name.replace("/", " per ")] = Dataset(np.array(values), unit=unit, long_name=header, dims=("point",))
        write_tree(folder / TABLE_FILE, {"table": tree}, kind="scan", schema_version=_SCHEMA)
        with atomic_path(folder / CSV_FILE) as part:
            part.write_text(table.to_csv(), encoding="utf-8")


def check_scan(
    path: str | os.PathLike[str], changes: Mapping[str, Any] | None = None
) -> tuple[ScanConfig, Base, Places]:
    """Return the file of a scan and what its points come from; raise the errors that either has."""
    config, places = load_scan_config(path)
    with at_place(places, "scan", "of"):
        base = Base(Path(path).parent / config.scan.of, changes, config.scan.outputs)
    _check_axes(config.scan, base, places)
    return config, base, places


@checked
def scan(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str] | None = None,
    changes: Mapping[str, Any] | None = None,
    *,
    on: str | Executor = "here",
    workers: int | None = None,
    scheduler: str = "",
    shard: tuple[int, int] = (1, 1),
    again: bool = False,
    progress: bool = False,
) -> ScanResult:
    """Do what the file of a scan says; points that the folder holds already are not done again.

    Parameters
    ----------
    path : file of a scan.
    folder : folder of the points; by default ``runs/<name of the file>``.
    changes : values that replace those of the run file in all points, by dotted key.
    on : where: "here", "processes", "mpi" (under mpirun), "dask", or any executor; results do not depend on it.
    workers, scheduler : how many at a time; address of a dask scheduler.
    shard : (i, n): only points i, i + n, ... of 1 to the last, for jobs of a batch system.
    again : do points again that failed.
    progress : a bar on stderr.

    Raises
    ------
    SsmbError
        The files are wrong, or the folder cannot be written.
    KeyboardInterrupt
        It was stopped. The folder holds what was done; the same call goes on.
    """
    part, parts = shard
    if not 1 <= part <= parts:
        raise ConfigError(f"shard must be i/n with i from 1 to n, got {part}/{parts}")
    config, base, places = check_scan(path, changes)
    place = folder_of_scan(path, folder)
    check_folder(place)
    of = _of(base, config.scan)
    log = PointLog(place, "points" if parts == 1 else f"points-{part}-of-{parts}", of)
    told = {"schema": _SCHEMA, "of": of, "config": config.model_dump(mode="json")}
    with log.locked():
        with atomic_path(place / SCAN_FILE) as file:
            file.write_text(json.dumps(told, indent=2), encoding="utf-8")
        mine = ((i, at) for i, at in enumerate(config.scan.values()) if i % parts == part - 1)
        number = len(range(part - 1, config.scan.total, parts))
        broken: list[tuple[Point, Found]] = []
        options: dict[str, Any] = {"on": on, "workers": workers, "scheduler": scheduler, "again": again}
        points = _made(base, mine, log, broken)
        todo = do_points(points, log, total=number, progress="scan" if progress else "", **options)
        try:
            found = [*todo, *broken]
        except NoOutput as error:
            raise ConfigError(f"scan.outputs: {error.message}", places.of("scan", "outputs")) from None
        lines = tuple(_line(point, one) for point, one in sorted(found, key=lambda pair: pair[0].index))
        result = ScanResult(config, lines, str(place))
        if parts == 1:
            result.save(place)
    return result


def folder_of_scan(path: str | os.PathLike[str], folder: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of a scan; by default ``runs/<name of its file>``."""
    stem = Path(path).name.removesuffix(".yaml").removesuffix(".scan")
    return checked_path(folder) if folder is not None else Path("runs") / stem


def _of(base: Base, section: ScanSection) -> str:
    """What all points share besides their values: the id of the first, or if that is none, of the run file."""
    try:
        return base.point(0, next(section.values())).id
    except SsmbError:
        return base.point(0, {}).id


def _made(
    base: Base, values: Iterator[tuple[int, dict[str, Any]]], log: PointLog, broken: list[tuple[Point, Found]]
) -> Iterator[Point]:
    """Points, one after the other; what cannot be one is put aside with its error."""
    for index, at in values:
        try:
            yield base.point(index, at)
        except SsmbError as error:
            point, found = Point(index, at, json.dumps(at), ""), Found(error=str(error))
            if log.found(point) is None:
                log.keep(point, found)
            broken.append((point, found))


def _check_axes(section: ScanSection, base: Base, places: Places) -> None:
    """Raise an error at the axis of which the run file or the lattice has no key, before anything is done."""
    base.point(0, {})
    for key, axis in section.axes.items():
        first = axis.at(0.5) if axis.sampled else axis.listed()[0]
        with at_place(places, "scan", "axes", key):
            try:
                base.point(0, {key: first})
            except SsmbError as error:
                raise ConfigError("; ".join(one.message for one in error.singles())) from None


def _line(point: Point, found: Found) -> dict[str, Any]:
    line: dict[str, Any] = {"index": point.index, "at": point.at, "row": found.row}
    line |= {"error": found.error} if found.error else {}
    return line | ({"warnings": list(found.warnings)} if found.warnings else {})


@checked
def load_scan(folder: str | os.PathLike[str]) -> ScanResult:
    """Read the folder of a scan, also of one that is not finished, or that several shards have filled."""
    return merge_scans([folder])


@checked
def merge_scans(folders: Sequence[str | os.PathLike[str]], into: str | os.PathLike[str] | None = None) -> ScanResult:
    """Put the points of one scan together that were done in several folders, or by several shards in one.

    Parameters
    ----------
    folders : of shards of the same file.
    into : folder of the table; None: none is written.

    Raises
    ------
    ConfigError
        They are of different scans.
    """
    if not folders:
        raise ConfigError("merge needs at least one folder")
    read = [_stored(checked_path(folder)) for folder in folders]
    for folder, stored in zip(folders, read, strict=True):
        if stored != read[0]:
            raise ConfigError(f"'{folder}' holds another scan than '{folders[0]}': points of one scan can be merged")
    config, of = read[0]
    keys = {json.dumps(at): i for i, at in enumerate(config.scan.values())}
    lines: dict[int, dict[str, Any]] = {}
    for folder in folders:
        for line in PointLog(Path(folder), of=of).lines.values():
            index = keys.get(json.dumps(line["at"]))
            if index is not None and line["of"] == of:
                lines.setdefault(index, _line(Point(index, line["at"], "", ""), found_in(line)))
    result = ScanResult(config, tuple(lines[i] for i in sorted(lines)), str(into or folders[0]))
    if len(lines) < result.total:
        warn(f"{result.total - len(lines)} of {result.total} points are not done yet", SsmbWarning)
    if into is not None:
        place = checked_path(into)
        check_folder(place)
        place.mkdir(parents=True, exist_ok=True)
        result.save(place)
    return result


def _stored(place: Path) -> tuple[ScanConfig, str]:
    """What was scanned, and what its points share."""
    path = place / SCAN_FILE
    if not path.is_file():
        raise ResultFileError(f"'{place}' has no {SCAN_FILE}: it holds no scan")
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return ScanConfig.model_validate(stored["config"]), str(stored["of"])
    except (ValueError, KeyError, TypeError) as error:
        raise ResultFileError(f"'{path}' is damaged: {str(error).splitlines()[0]}") from error
