"""Particles as openPMD-beamphysics files: ours to the bit, and those of others."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from ssmb.arguments import checked
from ssmb.beam import Beam, Reference
from ssmb.beam.beam import LARGEST_ID
from ssmb.beam.coordinates import from_openpmd, to_openpmd
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.errors import ConfigError, ResultFileError, ValidityWarning, warn
from ssmb.store.openpmd import ParticleFile, read_particles, warn_of_rounding, write_particles
from ssmb.store.tree import Dataset
from ssmb.studies.records import AXES, rows_of, sealed
from ssmb.version import __version__

STATES = ("state", "lost_turn", "lost_element")
_SIGN = np.int64(2**63 - 1)


@checked
def save_beam(beam: Beam, path: str | os.PathLike[str]) -> None:
    """Write particles in openPMD-beamphysics form, each number once.

    Momenta, times and charges of openPMD round ours. So the file keeps, as small whole numbers, how many doubles lie
    between what is found from the openPMD part (by IEEE arithmetic, the same on each processor) and what there was.
    Lost particles are no part of openPMD and are kept beside it, if there are any.
    """
    alive = beam.alive
    kept = beam if alive.all() else beam.select(alive)
    columns = to_openpmd(kept)
    columns |= {"weight": kept.weight * ELEMENTARY_CHARGE}
    frame = {"p0c": beam.reference.p0c, "beta": beam.reference.beta, "inv_gamma2": beam.reference.inv_gamma2}
    own = dict(zip(AXES, kept.coordinates, strict=True)) | {"weight": kept.weight}
    extra: dict[str, Any] = {"frame": frame, "rounding": {}}
    for name, near in _near(columns, frame).items():
        apart = _ordered(own[name]) - _ordered(near)
        extra["rounding"][name] = Dataset(_narrow(apart), "1", f"doubles from what openPMD gives to {name}")
    if len(kept) < len(beam):
        places = Dataset(np.flatnonzero(~alive), "1", "places in the beam")
        extra["lost"] = {"place": places, **rows_of(beam.select(~alive))}
    write_particles(
        path,
        {**columns, "id": kept.ids, "status": np.ones(len(kept), dtype=int)},
        species=beam.reference.species,
        reference_energy=beam.reference.energy,
        extra=extra,
        software_version=__version__,
        created=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S %z"),
    )


def _near(columns: Mapping[str, np.ndarray], frame: Mapping[str, float]) -> dict[str, np.ndarray]:
    """What the openPMD columns say about our numbers, to rounding."""
    p0, beta, inv_gamma2 = frame["p0c"], frame["beta"], frame["inv_gamma2"]
    px, py = columns["px"] / p0, columns["py"] / p0
    above = (columns["pz"] - p0) / p0
    square = above * (2.0 + above) + (px * px + py * py)
    delta = square / (1.0 + np.sqrt(1.0 + square))
    momentum = 1.0 + delta
    speed = beta * momentum / np.sqrt(inv_gamma2 + (beta * momentum) ** 2)
    z = -SPEED_OF_LIGHT * speed * columns["t"]
    return {"px": px, "py": py, "delta": delta, "z": z, "weight": columns["weight"] / ELEMENTARY_CHARGE}


def _ordered(values: np.ndarray) -> np.ndarray:
    """Whole numbers in the order of doubles, neighbours one apart; the same function leads back."""
    whole = np.ascontiguousarray(values).view(np.int64)
    return np.where(whole < 0, whole ^ _SIGN, whole)


def _narrow(values: np.ndarray) -> np.ndarray:
    """The same whole numbers in the narrowest type that holds them all."""
    most = int(np.abs(values).max(initial=0))
    return values.astype(next(t for t in (np.int8, np.int16, np.int32, np.int64) if most <= np.iinfo(t).max))


def _own_beam(file: ParticleFile) -> Beam:
    """The beam that :func:`save_beam` wrote, to the bit."""
    extra: Any = file.extra
    a = file.arrays
    own: dict[str, Any] = {}
    for name, near in _near(a, extra["frame"]).items():
        own[name] = _ordered(_ordered(near) + extra["rounding"][name].values.astype(np.int64)).view(np.float64)
    lost: Any = extra.get("lost")
    places = lost["place"].values if lost else np.zeros(0, dtype=np.int64)
    n = len(a["x"]) + len(places)
    alive = np.ones(n, dtype=bool)
    alive[places] = False
    own |= {"x": a["x"], "y": a["y"], "ids": a["id"], "state": 0, "lost_turn": -1, "lost_element": -1}
    whole: dict[str, np.ndarray] = {}
    for name, values in own.items():
        whole[name] = np.zeros(n, dtype=np.float64 if name in (*AXES, "weight") else np.int64)
        whole[name][alive] = values
        if lost:
            whole[name][places] = lost[name].values
    states = {name: whole[name] for name in STATES}
    ref = Reference(cast(float, file.reference_energy), file.species)  # particles of ours have one
    return Beam(ref, np.stack([whole[axis] for axis in AXES]), whole["weight"], ids=whole["ids"], **states)


@checked
def load_beam(
    path: str | os.PathLike[str],
    reference: Reference | None = None,
    *,
    iteration: str | int | None = None,
    species: str | None = None,
) -> Beam:
    """Read particles of ours (to the bit) or of any openPMD-beamphysics file.

    Parameters
    ----------
    reference : reference particle for a foreign file; by default one with the mean energy of the particles.
    iteration, species : which to take from a file that holds several.

    Warns
    -----
    ValidityWarning
        Of a foreign file: late times, or numbers of few digits, do not place microbunches; weights have no unit; ids
        of particles cannot be kept.

    Raises
    ------
    ResultFileError
        The file cannot be read, or holds several beams and none was chosen.
    ConfigError
        A file of ours has another reference.
    """
    file = read_particles(path, iteration=None if iteration is None else str(iteration), species=species)
    if file.reference_energy is not None and "rounding" in file.extra:
        with sealed(path, "a file of particles"):
            beam = _own_beam(file)
        if reference is not None and reference != beam.reference:
            raise ConfigError(f"'{os.fspath(path)}' is normalised to {beam.reference}, not {reference}: leave it out")
        return beam
    alive = np.asarray(file.arrays["status"]) == 1
    if not alive.any():
        raise ResultFileError(f"'{os.fspath(path)}' holds no particle with status 1 (alive)")
    a = {name: np.asarray(values)[alive] for name, values in file.arrays.items()}
    if reference is None:
        momentum = np.sqrt(a["px"] ** 2 + a["py"] ** 2 + a["pz"] ** 2)
        mass = Reference(1e12, file.species).mass
        reference = Reference(float(np.sqrt(np.mean(momentum) ** 2 + mass**2)), file.species)
    elif reference.species != file.species:
        raise ConfigError(f"'{os.fspath(path)}' holds {file.species}s, and the reference is a {reference.species}")
    columns = {k: a[k] for k in ("x", "px", "y", "py", "z", "t", "pz")}
    columns["t"] = _times(path, file, a["t"], alive)
    ids = _ids(path, a["id"])
    return Beam(reference, from_openpmd(columns, reference), a["weight"] / ELEMENTARY_CHARGE, ids=ids)


def _times(path: str | os.PathLike[str], file: ParticleFile, time: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """Times about their mean [s]."""
    here = f"'{os.fspath(path)}' was written with absolute times; write them relative to the reference particle"
    warn_of_rounding(time, here, file.digits.get("t", 53))
    if few := sorted(set(file.digits) - {"t", "weight"}):
        warn(
            f"'{os.fspath(path)}' holds {', '.join(few)} in single precision: 7 digits, where microbunches take 10",
            ValidityWarning,
        )
    if isinstance(file.time_offset, np.ndarray):
        time = time + file.time_offset[alive]
        warn_of_rounding(time, here)
    return time - np.mean(time)


def _ids(path: str | os.PathLike[str], ids: np.ndarray) -> np.ndarray | None:
    """Numbers of the particles, if they can be ours."""
    if np.unique(ids).size == ids.size and ids.min() >= 0 and ids.max() <= LARGEST_ID:
        return ids
    warn(
        f"'{os.fspath(path)}': ids of particles repeat, or lie outside 0 to {LARGEST_ID}: they are numbered anew",
        ValidityWarning,
    )
    return None
