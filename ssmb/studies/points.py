"""Many runs of one study that differ in some values: each a point, done anywhere, kept at once, and never done twice.

A point is known by the hash of its run file, with all defaults, and of its lattice. What it found is one line of a file
in the folder; a line that was cut off by a kill is no line. Points that are there are not done again, whoever asks for
them. A point that fails is kept with its error and stops no other.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssmb.errors import ConfigError, ResultFileError, SsmbError, nearest
from ssmb.io import load_lattice
from ssmb.lattice import lattice_text
from ssmb.signals import stopped_by
from ssmb.store.atomic import os_failure
from ssmb.store.lock import locked
from ssmb.store.run_file import RUN_FILE
from ssmb.studies.executors import opened, workers_of
from ssmb.studies.folders import CONFIG_FILE, lattice_of
from ssmb.studies.read_config import config_from_text, placed_config
from ssmb.studies.runner import run
from ssmb.tracking import RunStatus

#: Folder of the lines, and the digits of an id.
POINTS, _DIGITS = "points", 16
#: Points that are handed out for each worker: one at work, one that waits.
_AHEAD = 2


@dataclass(frozen=True)
class Point:
    """One run: where it stands among the others, what it changes, and all that it needs.

    Attributes
    ----------
    index : its number among all points.
    at : values by dotted key.
    config, lattice : texts of the run file with all defaults, and of the lattice.
    outputs : names of what is kept of its result, see :func:`outputs_of`; empty: its table.
    """

    index: int
    at: dict[str, Any]
    config: str
    lattice: str
    outputs: tuple[str, ...] = ()

    @functools.cached_property
    def id(self) -> str:
        """What two points share that are the same run, of which the same is kept."""
        whole = "\0".join([self.config, self.lattice, *self.outputs])
        return hashlib.sha256(whole.encode()).hexdigest()[:_DIGITS]


@dataclass(frozen=True)
class Found:
    """What became of a point: numbers and texts by name, or an error; and warnings."""

    row: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    warnings: tuple[str, ...] = ()


class NoOutput(ConfigError):
    """A result does not have what is asked of all points."""


class Base:
    """The run file from which all points come.

    Parameters
    ----------
    path : run file of any study.
    changes : values that replace those of the file in all points, by dotted key.
    outputs : names of what is kept of each result; by default its table.
    """

    def __init__(
        self, path: str | os.PathLike[str], changes: Mapping[str, Any] | None = None, outputs: Sequence[str] = ()
    ) -> None:
        self.path, self.changes, self.outputs = Path(path), dict(changes or {}), tuple(outputs)
        self._lattices: dict[str, str] = {}

    def point(self, index: int, at: Mapping[str, Any]) -> Point:
        """Return a point.

        Raises
        ------
        SsmbError
            A key that is none, or a value that the run file or the lattice cannot have.
        """
        config, places = placed_config(self.path, self.changes | dict(at))
        key = json.dumps([config.lattice, list(places.of_lattice())])
        text = self._lattices.get(key)
        if text is None:
            text = lattice_text(lattice_of(self.path, config.lattice, places))
            if len(self._lattices) > 64:
                self._lattices.clear()
            self._lattices[key] = text
        silent = config.model_copy(update={"output": config.output.model_copy(update={"figures": False})})
        return Point(index, dict(at), silent.model_dump_json(), text, self.outputs)


class PointLog:
    """The lines of a folder: what was found at each point, by id.

    Parameters
    ----------
    folder : folder of the study.
    name : file that this process writes; others only read it.
    of : what the points of today share, by which lines of a run file of before are told from theirs.
    """

    def __init__(self, folder: Path, name: str = "points", of: str = "") -> None:
        self.path, self.of = folder / POINTS / f"{name}.jsonl", of
        self.lines: dict[str, dict[str, Any]] = {}
        for path in sorted((folder / POINTS).glob("*.jsonl")):
            for line in _lines_of(path):
                if self.lines.get(line["id"], {}).get("of") != of:
                    self.lines[line["id"]] = line

    def keep(self, point: Point, found: Found) -> None:
        """Write a line, on the disk when this returns."""
        line = {"id": point.id, "of": self.of, "index": point.index, "at": point.at, "row": found.row}
        line |= {"error": found.error} if found.error else {}
        line |= {"warnings": list(found.warnings)} if found.warnings else {}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "ab+") as file:
                if file.tell() and not _ends_a_line(file):
                    file.write(b"\n")  # a line that a kill has cut off stays alone
                file.write(json.dumps(line).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise os_failure(error, self.path, "keep what was found in") from error
        self.lines[point.id] = line

    def locked(self) -> Any:
        """Block in which no other process writes the same file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return locked(self.path.with_suffix(".lock"), f"the points '{self.path}'")

    def found(self, point: Point) -> Found | None:
        """What was found at a point before; if a file of before asked for it, it is of today from now on."""
        line = self.lines.get(point.id)
        if line is None:
            return None
        known = found_in(line)
        if line["of"] != self.of:
            self.keep(point, known)
        return known


def found_in(line: Mapping[str, Any]) -> Found:
    """What a line tells."""
    return Found(dict(line["row"]), line.get("error", ""), tuple(line.get("warnings", ())))


def _ends_a_line(file: Any) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _lines_of(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise os_failure(error, path, "read") from error
    for piece in text.split(b"\n"):
        try:
            line = json.loads(piece)
        except ValueError:  # cut off by a kill, or empty
            continue
        if isinstance(line, dict) and {"id", "of", "index", "at", "row"} <= line.keys():
            yield line


def do_points(
    points: Iterable[Point],
    log: PointLog,
    *,
    on: str | Executor = "here",
    workers: int | None = None,
    scheduler: str = "",
    total: int | None = None,
    progress: str = "",
    again: bool = False,
) -> Iterator[tuple[Point, Found]]:
    """Do points, in any order; those of the log are read from it.

    Parameters
    ----------
    points : made when they are needed.
    log : what was found before, and where what is found is kept.
    on : "here", "processes", "mpi", "dask", or an executor.
    workers : points that are done at a time; by default as many as there are processors, or ranks but one.
    scheduler : address of a dask scheduler; by default workers on this machine.
    total : number of points, for the progress bar.
    progress : what is done, in front of a bar with the time left; empty: no bar.
    again : do the points again that failed.

    Yields
    ------
    Each point with what was found, as soon as it is known.

    Raises
    ------
    NoOutput
        A result does not have one of the outputs.
    KeyboardInterrupt
        It was stopped; what is in the log stays.
    """
    number = workers_of(on, workers)
    bar = _bar(progress, total)
    waiting = iter(points)
    alone: list[Point] = []  # they were at work when a worker died: one at a time shows which it was
    with bar, stopped_by():
        while True:
            flying: dict[Future[Found], Point] = {}
            try:
                with opened(on, number, scheduler) as executor:
                    for careful in (True, False):
                        source = iter(list(alone)) if careful else waiting
                        ahead = 1 if careful or on == "here" else _AHEAD * number
                        for point, found in _drained(executor, source, flying, ahead, log, on, again):
                            if careful:
                                alone.remove(point)
                            bar.update(1)
                            yield point, found
                return
            except BrokenExecutor:
                flew = list(flying.values())
                if alone and flew and flew[0] is alone[0]:
                    found = Found(error="the process that did it died twice (killed, or out of memory)")
                    alone.pop(0)
                    log.keep(flew[0], found)
                    bar.update(1)
                    yield flew[0], found
                else:
                    alone += flew


def _drained(
    executor: Executor,
    source: Iterator[Point],
    flying: dict[Future[Found], Point],
    ahead: int,
    log: PointLog,
    on: str | Executor,
    again: bool,
) -> Iterator[tuple[Point, Found]]:
    """Hand points out and take in what they found until none is left."""
    threads = None if on == "here" else 1
    more = True
    while more or flying:
        while more and len(flying) < ahead:
            point = next(source, None)
            if point is None:
                more = False
                break
            known = log.found(point)
            if known is not None and not (again and known.error):
                yield point, known
                continue
            try:
                future = executor.submit(do_point, point.config, point.lattice, point.outputs, threads)
            except BrokenExecutor:
                flying[Future()] = point  # it is to be done yet
                raise
            flying[future] = point
        for future in wait(flying, return_when=FIRST_COMPLETED).done:
            found = _result_of(future)
            point = flying.pop(future)
            log.keep(point, found)
            yield point, found


def _result_of(future: Future[Found]) -> Found:
    """What a task returned; an executor of others may have lost it."""
    try:
        return future.result()
    except (KeyboardInterrupt, BrokenExecutor, NoOutput):
        raise
    except Exception as error:
        return Found(error=f"its worker was lost ({type(error).__name__}: {error})")


def do_point(config: str, lattice: str, outputs: tuple[str, ...], threads: int | None) -> Found:
    """Do one run in memory, in whichever process; return what is kept of it."""
    told: list[str] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = run(config_from_text(config, "<point>"), load_lattice(lattice), threads=threads)
        told = list(dict.fromkeys(str(one.message) for one in caught))
        if result.status is not RunStatus.COMPLETED:
            raise KeyboardInterrupt
        return Found(outputs_of(result, outputs), warnings=tuple(told))
    except NoOutput:
        raise
    except SsmbError as error:
        return Found(error=str(error), warnings=tuple(told))
    except MemoryError:
        return Found(error="there was not enough memory")
    except Exception as error:  # a fault of ours, or of a library: the other points go on
        return Found(error=f"{type(error).__name__}: {error}")


def outputs_of(result: Any, names: Sequence[str] = ()) -> dict[str, Any]:
    """Return numbers and texts of a result by name.

    Parameters
    ----------
    names : columns of its table, with or without unit, or numbers of its summary by dotted key (``light.0.bunching``);
        by default all of its table.

    Raises
    ------
    NoOutput
        A name that the result does not have.
    """
    table = {name: _plain(value) for name, value in result.table().items()}
    if not names:
        return table
    summary = dict(_flat(result.summary()))
    short = {name.partition(" [")[0]: name for name in table}
    row: dict[str, Any] = {}
    for name in names:
        known = short.get(name, name)
        if known not in table and known not in summary:
            some = list(dict.fromkeys([*short, *summary]))
            raise NoOutput(f"the result has no '{name[:80]}'.{nearest(name, some)} It has {', '.join(some)[:400]}")
        row[known] = table[known] if known in table else summary[known]
    return row


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        items: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, (list, tuple)):
        items = enumerate(value)
    else:
        yield key, _plain(value)
        return
    for name, inner in items:
        yield from _flat(inner, f"{key}.{name}" if key else str(name))


def _plain(value: Any) -> Any:
    """A value as JSON has it, with the same bits."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, complex):
        return abs(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return None if isinstance(value, float) and math.isnan(value) else value
    return str(value)


def _bar(progress: str, total: int | None) -> Any:
    """A bar on stderr with the time left; without words one that is not drawn."""
    from tqdm import tqdm

    return tqdm(total=total, unit="point", desc=progress, file=sys.stderr, disable=not progress)


def check_folder(folder: Path) -> None:
    """Raise ResultFileError if a folder is something else than that of points."""
    if folder.exists() and not folder.is_dir():
        raise ResultFileError(f"'{folder}' is a file, not a folder: choose another with --folder")
    if (folder / CONFIG_FILE).exists() or (folder / RUN_FILE).exists():
        raise ConfigError(f"folder '{folder}' holds a run: choose another with --folder")
