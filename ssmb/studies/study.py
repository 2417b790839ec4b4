"""What a study is: its key in the run file, the class of that file, checks, a run, and a result.

A new study is one file in this folder: a frozen config, a :class:`Result`, and a :class:`Study` with key, config and
result in its class line. The reader of run files, ``ssmb run``, ``resume``, ``bunching``, ``power``, ``plot`` and the
schema find it by its key; the runner (:mod:`ssmb.studies.runner`) gives it folder, provenance, progress, interrupt and
resume.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self, TypeVar

from pydantic import Field

from ssmb.beam import Beam
from ssmb.errors import ConfigError, LatticeError, SeveralErrors, SsmbError, Where
from ssmb.facility.kick_budget import KickBudget
from ssmb.facility.source import SourceLight
from ssmb.lattice import Lattice
from ssmb.quantity import quantities_of, quantity
from ssmb.store.run_file import RunContents
from ssmb.store.tree import Tree
from ssmb.store.yaml_text import Node, place_of
from ssmb.studies.config_types import OutputConfig, Section
from ssmb.studies.records import tree_of, values_of
from ssmb.tracking.track import RunStatus

T = TypeVar("T")
#: key of the run file -> study
STUDIES: dict[str, type[Study]] = {}


class StudyConfig(Section):
    """What every run file has."""

    title: str = ""
    lattice: str = Field(description="lattice file, relative to the run file")
    output: OutputConfig = OutputConfig()


def is_of_lattice(key: str) -> bool:
    """Whether a dotted key names something in the lattice, not in the run file.

    >>> is_of_lattice("lattice.p_laser"), is_of_lattice("lattice.QF*.Kn1"), is_of_lattice("lattice")
    (True, True, False)
    """
    return key.startswith("lattice.")


@dataclass(frozen=True)
class Places:
    """Where the values of a run file stand, for errors that only the lattice or the physics can find."""

    node: Node
    changes: Mapping[str, Any]  #: by dotted key, read as the file would read them

    def of_lattice(self) -> Iterator[tuple[str, Any]]:
        """Changes of the lattice, without the first word of their keys: its constants, and parameters of elements."""
        return ((key.partition(".")[2], value) for key, value in self.changes.items() if is_of_lattice(key))

    def of(self, *path: str | int) -> Where:
        """Place of the value at a path of keys and positions, or of what is nearest to it."""
        name = ".".join(str(step) for step in path)
        return Where(f"<change {name[:80]}>", 1, 1) if name in self.changes else place_of(self.node, path)


@contextmanager
def at_place(places: Places | None, *path: str | int) -> Iterator[None]:
    """Errors in this block that have no place of their own belong to this value of the run file.

    What a lattice says of it is an error of the run file then, too.
    """
    try:
        yield
    except SsmbError as error:
        if error.where is not None or isinstance(error, SeveralErrors):
            raise
        kind = ConfigError if isinstance(error, LatticeError) else type(error)
        if places is None:
            raise kind(error.message) from None
        raise kind(f"{'.'.join(str(step) for step in path)}: {error.message}", places.of(*path)) from None


class Stopped(Exception):
    """A study cannot go on now: it was interrupted, or only what is there is looked at; ``stage`` comes next."""

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage


class On(Protocol):
    """Where a study runs."""

    threads: int

    def stage(self, name: str, kind: type[T], compute: Callable[[], T]) -> T:
        """Do a stage, or read what it found if it is done already.

        Parameters
        ----------
        name : what is told, and by what it is kept.
        kind : class of what it finds: a beam or a dataclass of quantities (see :mod:`ssmb.studies.records`).
        compute : does it.

        Raises
        ------
        Stopped
            It was interrupted, or may not be done now.
        """
        ...

    def tracking(self) -> dict[str, Any]:
        """Options of :func:`ssmb.track` for the turns of the study: threads, progress, checkpoint."""
        ...


@dataclass(frozen=True, eq=False, kw_only=True)
class Result(ABC):
    """What a study found; frozen, and read back from ``run.h5`` without its particles.

    The file keeps the fields that are declared as quantities; ``particles/`` keeps the beams of ``kept``.
    """

    kept: ClassVar[Mapping[str, str]] = {}  #: file in ``particles/`` -> field with its beam, which may be None

    config: Any
    lattice_text: str  #: of the lattice that its figures show
    status: RunStatus = quantity("", "how it ended", default=RunStatus.COMPLETED)
    stage: str = ""  #: where an interrupted run stands
    provenance: dict[str, Any] = field(default_factory=dict)
    folder: str = ""  #: folder of the run, empty for one in memory

    @abstractmethod
    def summary(self) -> dict[str, Any]:
        """Headline numbers in SI units, for ``--json``; None for what does not exist."""

    @abstractmethod
    def text(self) -> str:
        """The same in words and tables."""

    @abstractmethod
    def table(self) -> dict[str, Any]:
        """One row of numbers, by name with unit, for scans and comparisons."""

    def contents(self) -> dict[str, Tree]:
        """What ``run.h5`` keeps: trees ``optics``, ``monitors`` and ``results``, each only if there is one."""
        return {"results": tree_of(self, list(quantities_of(self)))}

    @classmethod
    def load(cls, stored: RunContents, particles: Mapping[str, Beam], **others: Any) -> Self:
        """Return the result that a finished run stored.

        Parameters
        ----------
        stored : what ``run.h5`` holds.
        particles : beams of ``particles/``, by name; empty if none are kept.
        others : the other fields.
        """
        beams = {field: particles.get(name) for name, field in cls.kept.items()}
        names = [name for name in quantities_of(cls) if name not in others]
        return cls(**values_of(cls, stored.results, names), **beams, **others)

    def particles(self) -> dict[str, Beam]:
        """Beams that are kept in ``particles/NAME.h5`` if the run file wants it, by name."""
        found = {name: getattr(self, field) for name, field in self.kept.items()}
        return {name: beam for name, beam in found.items() if beam is not None}

    def beams(self) -> list[tuple[str, Beam]]:
        """Beams that have a living particle, with words for where they are."""
        return []

    def bunching(self) -> dict[str, Any]:
        """Stored bunching factors, for ``ssmb bunching --json``."""
        return {}

    def bunching_text(self) -> str:
        """The same as tables."""
        return ""

    def wavelengths(self) -> list[float]:
        """Wavelengths at which the bunching of its beams is of interest [m]."""
        return []

    def lights(self) -> Sequence[SourceLight]:
        """Its light at each harmonic, for comparisons; empty if it has none."""
        return ()

    def kicks_of_turn(self) -> KickBudget | None:
        """Random kicks of a turn against damping; None if it prints no watts."""
        return None

    def power(self) -> dict[str, Any] | None:
        """Its light as a source, for ``ssmb power --json``; None if it has none."""
        return None

    def power_text(self) -> str:
        """The same in words and tables."""
        return ""


class Study(ABC):
    """One run of one kind; :meth:`check` finds all that can be wrong with its files.

    Parameters
    ----------
    config : of the class ``Config``.
    lattices : what :meth:`lattices` made of the lattice of the file, by name.
    places : where the values of the run file stand, for errors.
    """

    key: ClassVar[str]
    Config: ClassVar[type[StudyConfig]]
    Result: ClassVar[type[Result]]
    #: keys of the run file that lead to its number of threads; none if it does not say one
    threads_key: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, *, key: str, config: type[StudyConfig], result: type[Result]) -> None:
        cls.key, cls.Config, cls.Result = key, config, result
        STUDIES[key] = cls

    def __init__(self, config: Any, lattices: Mapping[str, Lattice], places: Places | None = None) -> None:
        self.config, self.lattice, self.places = config, lattices["lattice"], places

    @classmethod
    def lattices(cls, config: Any, lattice: Lattice, places: Places | None = None) -> dict[str, Lattice]:
        """Lattices that are kept in the folder, so that a run goes on with the same: at least ``lattice``."""
        return {"lattice": lattice}

    @abstractmethod
    def check(self) -> None:
        """Raise an error for whatever is wrong with the files, before anything is tracked."""

    @abstractmethod
    def run(self, on: On) -> Result:
        """Do it; a result of status INTERRUPTED holds what there is."""


def study_of(values: Mapping[str, Any]) -> type[Study]:
    """Return the study that the keys of a run file tell; without any it is the one whose key may be left out.

    Raises
    ------
    ConfigError
        The keys of two studies.
    """
    needed = {key: cls for key, cls in STUDIES.items() if cls.Config.model_fields[key].is_required()}
    told = [key for key in needed if key in values]
    if len(told) > 1:
        raise ConfigError(f"a run file is of one kind, but this one has the keys {' and '.join(told)}")
    return needed[told[0]] if told else next(cls for key, cls in STUDIES.items() if key not in needed)


def study_of_config(config: Any) -> type[Study]:
    """Return the study whose run file is of this class."""
    for cls in STUDIES.values():
        if type(config) is cls.Config:
            return cls
    known = ", ".join(cls.Config.__name__ for cls in STUDIES.values())
    raise ConfigError(f"no study takes a {type(config).__name__}; known: {known}")
