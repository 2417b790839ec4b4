"""The monitors of a run, for any study with turns: in its run file, made, and what their records tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import numpy as np

from ssmb.errors import ConfigError, ResultFileError
from ssmb.quantity import quantities_of
from ssmb.store.tree import Tree
from ssmb.studies.config_types import OneOf, SectionOf
from ssmb.studies.records import record_of, tree_of
from ssmb.studies.study import Places, at_place
from ssmb.tracking.monitors import MONITORS, Monitor, Record
from ssmb.tracking.monitors.base import RunAround

#: Section of a run file: one monitor, told by its kind.
MonitorSection = Annotated[SectionOf, OneOf(MONITORS)]


def monitors_of(
    sections: Sequence[Any], run: RunAround, check_place: Callable[[str | None], None], places: Places | None
) -> list[Monitor]:
    """Return the monitors of a run file.

    Parameters
    ----------
    run : what the run has for them.
    check_place : raises ConfigError where an element is not in the lattice.
    places : where the run file says what.
    """
    made: list[Monitor] = []
    for i, m in enumerate(sections):
        with at_place(places, "monitors", i):
            check_place(m.at)
            made.append(m.made(**m.of.from_run(run)))
            if any(made[-1].name == other.name for other in made[:-1]):
                raise ConfigError(f"a second monitor of {m.kind} at the same place; put what they record into one")
    return made


def told(records: Mapping[str, Record]) -> dict[str, list[dict[str, Any]]]:
    """Return what the records tell in ``--json``, under the keys that their kinds say."""
    keys = dict.fromkeys(cls.record_class.told_as for cls in MONITORS.values())
    return {key: [r.summary() for r in records.values() if r.told_as == key] for key in keys if key}


def with_wavelengths(records: Mapping[str, Record]) -> dict[str, Any]:
    """Return the records that have bunching factors by wavelength, by name."""
    return {name: r for name, r in records.items() if "wavelengths" in quantities_of(r)}


def bunching_of(records: Mapping[str, Record]) -> dict[str, dict[str, Any]]:
    """Return the bunching factors by wavelength and turn, for ``ssmb bunching --json``."""
    names = ("at", "wavelengths", "turn", "bunching")
    found = with_wavelengths(records).items()
    return {name: {key: getattr(r, key) for key in names} | {"magnitude": np.abs(r.bunching)} for name, r in found}


def trees_of(records: Mapping[str, Record]) -> Tree:
    """Return the records for a file, by name, with their kinds."""
    return {name: {"kind": record.kind, **tree_of(record)} for name, record in records.items()}


def records_of(trees: Mapping[str, Any]) -> dict[str, Record]:
    """Return the records that :func:`trees_of` stored.

    Raises
    ------
    ResultFileError
        A kind is unknown, or a record is not of its kind.
    """
    found = {}
    for name, tree in trees.items():
        values = dict(tree)
        kind = values.pop("kind", "")
        if kind not in MONITORS:
            raise ResultFileError(f"'{name}' is the record of a monitor of '{kind}'; known: {', '.join(MONITORS)}")
        found[name] = record_of(MONITORS[kind].record_class, values)
    return found
