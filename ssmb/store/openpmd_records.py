"""The records of an openPMD-beamphysics species, and how foreign files are read: units, offsets, constant records."""

from __future__ import annotations

import math
import os
import re
from typing import Any, NamedTuple

import h5py
import numpy as np

from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.errors import ResultFileError, ValidityWarning, warn
from ssmb.store.sealed import text_of
from ssmb.units import unit


class Record(NamedTuple):
    """Where one array of particles sits in a species, and in which unit we want it."""

    path: str
    unit: str
    long_name: str


PARTICLE_RECORDS: dict[str, Record] = {
    "x": Record("position/x", "m", "horizontal position"),
    "y": Record("position/y", "m", "vertical position"),
    "z": Record("position/z", "m", "position along the machine"),
    "px": Record("momentum/x", "eV/c", "horizontal momentum"),
    "py": Record("momentum/y", "eV/c", "vertical momentum"),
    "pz": Record("momentum/z", "eV/c", "longitudinal momentum"),
    "t": Record("time", "s", "time of arrival after the reference particle"),
    "weight": Record("weight", "C", "charge that the particle stands for, absolute value"),
    "status": Record("particleStatus", "1", "1: alive, other: lost"),
    "id": Record("id", "1", "number that identifies the particle"),
}
#: No compressed file holds more than this many times its own length.
_MAX_EXPANSION = 2000


def _fail(path: str | os.PathLike[str], what: str) -> ResultFileError:
    return ResultFileError(f"'{os.fspath(path)}' is not a particle file that can be read: {what}")


def _number(value: Any) -> float:
    return float(np.asarray(value).reshape(-1)[0])


def _child(group: Any, name: str, path: str | os.PathLike[str]) -> Any:
    """Step down to `name`, but never into another file; None if there is no such thing."""
    for part in (part for part in name.split("/") if part not in ("", ".")):
        if not isinstance(group, h5py.Group) or part not in group:
            return None
        if isinstance(group.get(part, getlink=True), h5py.ExternalLink):
            raise _fail(path, f"'{part[:60]}' is a link into another file")
        group = group[part]
    return group


def _the_one(group: Any, chosen: str | None, what: str, path: str | os.PathLike[str]) -> str:
    names = [name for name in group if group.get(name, getclass=True) is h5py.Group]
    if chosen is not None and chosen in names:
        return chosen
    equal = [name for name in names if chosen and name.isdigit() and chosen.isdigit() and int(name) == int(chosen)]
    if len(equal) == 1:  # 000100 of a pattern %06T
        return equal[0]
    shown = ", ".join(names[:10]) or "none"
    if chosen is not None:
        raise _fail(path, f"it has no {what} '{chosen[:60]}'; it holds {shown}")
    if len(names) != 1:
        raise _fail(path, f"it must hold one {what}, but holds {len(names)} ({shown}); choose one by {what}=...")
    return names[0]


def species_group(
    file: h5py.File, path: str | os.PathLike[str], iteration: str | None, species: str | None
) -> tuple[Any, float]:
    """Return the group of one species of one iteration, and the time of that iteration [s]."""
    if "openPMD" not in file.attrs:
        raise _fail(path, "its root has no attribute openPMD. Convert it to openPMD-beamphysics first.")
    base, below = text_of(file.attrs.get("basePath", "/data/%T/")), text_of(file.attrs.get("particlesPath", "./"))
    before, wildcard, after = (re.split(r"(%(?:0[0-9]+)?T)", base, maxsplit=1) + ["", ""])[:3]
    place = _child(file, before, path)
    if place is None or not isinstance(place, h5py.Group):
        raise _fail(path, f"it has no group '{before[:60]}' for its basePath")
    time = 0.0
    if wildcard:
        place = _child(place, _the_one(place, iteration, "iteration", path), path)
        if "time" in place.attrs:
            time = _number(place.attrs["time"]) * _number(place.attrs.get("timeUnitSI", 1.0))
    place = _child(place, after + "/" + below, path)
    if not isinstance(place, h5py.Group):
        raise _fail(path, f"it has no group '{below[:60]}' for its particlesPath")
    if "position" not in place:  # older files hold the records of their only species here
        place = _child(place, _the_one(place, species, "species", path), path)
    if not math.isfinite(time):
        raise _fail(path, "the time of the iteration is not finite")
    return place, time


def read_species(
    group: Any, path: str | os.PathLike[str]
) -> tuple[str, dict[str, np.ndarray], float | np.ndarray, dict[str, int]]:
    """Return species, arrays in our units, the time offset [s] (a number where the file has a constant), and the binary
    digits of the arrays that have less than 53.
    """
    found = {name: _component(group, record, path) for name, record in PARTICLE_RECORDS.items()}
    lengths = {len(values) for values in found.values() if isinstance(values, np.ndarray)}
    if "numParticles" in group.attrs:
        lengths.add(int(_number(group.attrs["numParticles"])))
    if isinstance(found["weight"], np.ndarray) and len(found["weight"]) == 1 and len(lengths) == 2:
        lengths -= {1}  # one weight for all
    if len(lengths) != 1:
        raise _fail(path, f"its records have different lengths: {sorted(lengths)[:10]}")
    count = lengths.pop()
    if not 0 <= count <= max(os.path.getsize(path), 1_000_000):  # a particle takes a byte at the least
        raise _fail(path, f"it says that it holds {count} particles, more than fit into it")
    digits = {
        name: np.finfo(values.dtype).nmant + 1
        for name, values in found.items()
        if isinstance(values, np.ndarray) and values.dtype in (np.float16, np.float32)
    }
    _fill_in(found, group, count, path)
    columns: dict[str, np.ndarray] = {}
    for name, values in found.items():
        if values is None:
            raise _fail(path, f"the record '{PARTICLE_RECORDS[name].path}' is missing")
        whole = name in ("id", "status")
        if not np.all(np.isfinite(values)) or (whole and np.any(np.abs(values) > 2**62)):
            raise _fail(path, f"'{PARTICLE_RECORDS[name].path}' holds numbers that are not finite, or beyond 64 bits")
        columns[name] = np.array(np.broadcast_to(values, (count,)), dtype=np.int64 if whole else np.float64)
    offset = _component(group, Record("timeOffset", "s", ""), path)
    if isinstance(offset, np.ndarray) and offset.shape != (count,):
        raise _fail(path, f"timeOffset has {len(offset)} entries for {count} particles")
    species = text_of(group.attrs.get("speciesType", "")) or "electron"
    return species, columns, 0.0 if offset is None else offset, digits


def _fill_in(found: dict[str, Any], group: Any, count: int, path: str | os.PathLike[str]) -> None:
    """Supply what the standard lets a writer leave out, and add the offsets of positions and momenta."""
    if found["weight"] is None and "totalCharge" in group.attrs:
        charge = _number(group.attrs["totalCharge"]) * _number(group.attrs.get("chargeUnitSI", 1.0))
        found["weight"] = charge / max(count, 1)
    found["status"] = 1 if found["status"] is None else found["status"]
    found["id"] = np.arange(1, count + 1) if found["id"] is None else found["id"]
    found["z"] = 0.0 if found["z"] is None else found["z"]
    for name in ("x", "y", "z", "px", "py", "pz"):
        record = PARTICLE_RECORDS[name]
        offset = _component(group, record._replace(path=record.path.replace("/", "Offset/")), path)
        if offset is not None and found[name] is not None:
            found[name] = found[name] + offset


def _unit_of_weight(group: Any, values: Any, factor: float, path: str | os.PathLike[str]) -> float:
    """What weights without a dimension are in, in C: Bmad writes coulomb, others numbers of particles.

    The total charge of the file decides; without it they are coulomb, with a warning, or, if that would be more than
    1 C, which no beam has, numbers of particles.
    """
    count = _number(group.attrs.get("numParticles", 1.0)) if np.ndim(values) == 0 else 1.0
    total = abs(float(np.sum(values, dtype=np.float64))) * factor * count
    charge = abs(_number(group.attrs.get("totalCharge", 0.0)) * _number(group.attrs.get("chargeUnitSI", 1.0)))
    for unit_of_one in (1.0, ELEMENTARY_CHARGE):
        if charge > 0.0 and math.isclose(total * unit_of_one, charge, rel_tol=1e-3):
            return unit_of_one
    if charge > 0.0:
        raise _fail(path, f"its weights have no unit, and their sum {total:.6g} is not its total charge {charge:.6g} C")
    if total > 1.0:
        warn(f"'{os.fspath(path)}': weights without a unit are taken as numbers of particles", ValidityWarning)
        return ELEMENTARY_CHARGE
    warn(f"'{os.fspath(path)}': weights without a unit are taken as C", ValidityWarning)
    return 1.0


def _component(group: Any, record: Record, path: str | os.PathLike[str]) -> Any:
    """Return one record as an array, as a number where it is constant, or None where it is missing."""
    item = _child(group, record.path, path)
    if item is None:
        return None
    if isinstance(item, h5py.Dataset):
        if item.external or item.is_virtual or item.dtype.kind not in "iuf" or item.ndim != 1:
            raise _fail(path, f"'{record.path}' is not a row of numbers")
        if item.nbytes > _MAX_EXPANSION * os.path.getsize(path):
            raise _fail(path, f"'{record.path}' says that it holds more than fits into the file")
        values: Any = item[()]
    elif "value" in item.attrs:
        values = np.asarray(item.attrs["value"]).reshape(-1)[0]
    else:
        raise _fail(path, f"'{record.path}' is neither an array nor a constant")
    wanted, factor = unit(record.unit), 1.0
    if "unitSI" in item.attrs:
        factor = _number(item.attrs["unitSI"]) / wanted.si
    dimension = item.attrs.get("unitDimension")
    given = wanted.dimension if dimension is None else tuple(float(n) for n in np.asarray(dimension).reshape(-1))
    if given != wanted.dimension and not (record.path == "weight" and not any(given)):
        raise _fail(path, f"'{record.path}' is not given in units like {record.unit}")
    if not any(given) and record.path == "weight":
        factor *= _unit_of_weight(group, values, factor, path)
    if not (math.isfinite(factor) and factor > 0.0):
        raise _fail(path, f"unitSI of '{record.path}' is not a number above zero")
    return values if factor == 1.0 else values * factor
