"""Particle files in openPMD-beamphysics form, exact for us and readable for everybody.

The openPMD part holds positions [m], momenta [eV/c] and times [s] relative to the reference particle. Time is never
split into a large offset and a small rest by a ``timeOffset`` record: readers add it back before they compute, and
the sum forgets nanometres (0.1 s of offset rounds ``c t`` to 4 nm). The absolute time of the reference particle is an
attribute of the iteration, which readers leave alone. Each number stands in the file once: what a reader of ours needs
besides (the reference particle, the last bits of coordinates) is kept under ``/ssmb``.

References
----------
openPMD standard 2.0 with the extensions BeamPhysics and SpeciesType, doi:10.5281/zenodo.1167843.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import h5py
import numpy as np

from ssmb.arguments import unmasked
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.errors import ConfigError, ValidityWarning, nearest, warn
from ssmb.store.openpmd_records import PARTICLE_RECORDS, read_species, species_group
from ssmb.store.sealed import Header, check_seal, has_seal, new_hdf5, opened_hdf5, sealed_hdf5, text_of
from ssmb.store.tree import Dataset, Tree, deflation, label, read_group, write_group
from ssmb.units import unit

#: Layout of our part; layout 1 had our coordinates in it, too.
PARTICLES_SCHEMA = 2
#: Largest rounding of c t [m] that is stored without a warning.
MAX_ROUNDING = 1e-11
_REQUIRED = ("x", "y", "t", "px", "py", "pz", "weight")
_OPTIONAL = ("z", "id", "status")


@dataclass(frozen=True, eq=False)
class ParticleFile:
    """What a particle file holds.

    Parameters
    ----------
    species : e.g. ``"electron"``.
    arrays : ``x, y, z`` [m], ``t`` [s] without `time_offset`, ``px, py, pz`` [eV/c], ``weight`` [C],
        ``id``, ``status`` (1: alive), each of shape (n,).
    time_offset : what a foreign file says is to be added to ``t`` [s], a number or shape (n,); 0 in ours.
    reference_energy : total energy of the reference particle [eV]; None in foreign files.
    reference_time : absolute time of the reference particle [s].
    extra : what else was stored with them.
    digits : binary digits of each array of numbers as it was stored.
    """

    species: str
    arrays: dict[str, np.ndarray]
    time_offset: float | np.ndarray = 0.0
    reference_energy: float | None = None
    reference_time: float = 0.0
    extra: Tree = field(default_factory=dict)
    digits: dict[str, int] = field(default_factory=dict)


def write_particles(
    path: str | os.PathLike[str],
    arrays: Mapping[str, Any],
    *,
    species: str = "electron",
    reference_energy: float | None = None,
    reference_time: float = 0.0,
    extra: Mapping[str, Any] | None = None,
    software_version: str = "",
    created: str = "",
) -> None:
    """Write particles in openPMD-beamphysics form, atomically and sealed.

    Parameters
    ----------
    path : file to create or replace; its folder must exist.
    arrays : ``x, y`` [m], ``t`` [s] relative to the reference particle (late: positive), ``px, py, pz`` [eV/c],
        ``weight`` [C, positive]; optional ``z`` [m] (0), ``id`` (1 ... n), ``status`` (1: alive); shape (n,) each.
    species : name of the species in openPMD (``"electron"``, ``"positron"``, ``"proton"`` ...).
    reference_energy : total energy of the reference particle [eV].
    reference_time : absolute time of the reference particle [s].
    extra : tree of what else is to be kept (turn, reasons of losses ...); see :mod:`ssmb.store.tree`.
    software_version, created : see :class:`~ssmb.store.sealed.Header`.

    Warns
    -----
    ValidityWarning
        If ``t`` is so large that its rounding smears microbunches.

    Raises
    ------
    ConfigError
        If an array is missing, unknown, of another length, or not finite.
    ResultFileError
        If the file cannot be written; an older one is untouched then.
    """
    columns = _checked(arrays, _REQUIRED, _OPTIONAL)
    if not species or not species.isascii() or not species.replace("-", "").replace("+", "").isalnum():
        raise ConfigError(f"species '{species}' is not a name such as 'electron' or 'proton'")
    if not math.isfinite(reference_time) or not (reference_energy is None or math.isfinite(reference_energy)):
        raise ConfigError(f"reference time {reference_time!r} s and energy {reference_energy!r} eV must be finite")
    warn_of_rounding(columns["t"], "give t relative to the reference particle, and its time as reference_time")
    tree: dict[str, Any] = {"extra": dict(extra or {})}
    if reference_energy is not None:
        tree["reference_energy"] = Dataset(float(reference_energy), "eV", "total energy of the reference particle")
    with new_hdf5(path, Header("particles", PARTICLES_SCHEMA, software_version, created)) as file:
        _write_openpmd(file, columns, species, float(reference_time), software_version, created)
        write_group(file.create_group("ssmb", track_order=True), tree, compress=True)


def read_particles(
    path: str | os.PathLike[str], *, iteration: str | None = None, species: str | None = None
) -> ParticleFile:
    """Read particles, from a file of ours or any openPMD-beamphysics file.

    Parameters
    ----------
    path : file to read.
    iteration, species : which to take from a file that holds several.

    Raises
    ------
    ResultFileError
        If the file is missing, damaged, not openPMD-beamphysics, or holds several beams and none was chosen.
    """
    if not has_seal(path):
        with opened_hdf5(path) as file:
            if text_of(file.attrs.get("format", "")) == "ssmb":  # ours, but its seal is gone
                check_seal(path)
            return _read_openpmd(file, path, iteration, species)
    with sealed_hdf5(path, kind="particles", newest_schema=PARTICLES_SCHEMA, oldest_schema=PARTICLES_SCHEMA) as file:
        particles, tree = _read_openpmd(file, path, iteration, species), read_group(file["ssmb"], path)
        energy, extra = tree.get("reference_energy"), tree.get("extra")
        return replace(
            particles,
            reference_energy=float(energy.values) if isinstance(energy, Dataset) else None,
            extra=extra if isinstance(extra, dict) else {},
        )


def _read_openpmd(
    file: h5py.File, path: str | os.PathLike[str], iteration: str | None, species: str | None
) -> ParticleFile:
    group, time = species_group(file, path, iteration, species)
    name, columns, offset, digits = read_species(group, path)
    return ParticleFile(name, columns, offset, reference_time=time, digits=digits)


def _checked(arrays: Mapping[str, Any], required: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return the arrays as contiguous float64 (int64 for id and status) of one length, or say what is wrong."""
    allowed = required + optional
    for name in arrays:
        if name not in allowed:
            raise ConfigError(f"unknown array '{name}'; allowed are {', '.join(allowed)}.{nearest(str(name), allowed)}")
    if missing := [name for name in required if name not in arrays]:
        raise ConfigError(f"particles need the arrays {', '.join(required)}; missing: {', '.join(missing)}")
    checked: dict[str, np.ndarray] = {}
    for name, given in arrays.items():
        wanted = np.int64 if name in ("id", "status") else np.float64
        values = unmasked(name, given)
        if values.ndim != 1 or not np.can_cast(values.dtype, wanted, "same_kind") or values.dtype.kind == "b":
            raise ConfigError(
                f"'{name}' must be a row of {wanted.__name__}, not shape {values.shape} of {values.dtype}"
            )
        checked[name] = np.ascontiguousarray(values, dtype=wanted)
        if wanted is np.float64 and (bad := int(np.count_nonzero(~np.isfinite(checked[name])))):
            raise ConfigError(f"'{name}' is not finite for {bad} of {values.size} particles; leave them out")
    lengths = {name: len(values) for name, values in checked.items()}
    if len(set(lengths.values())) > 1:
        raise ConfigError(f"all arrays of particles must have one length, not {lengths}")
    return checked


def warn_of_rounding(time: np.ndarray, advice: str, digits: int = 53) -> None:
    """Warn where times [s] of so many binary digits are too late to place microbunches."""
    largest = float(np.max(np.abs(time), initial=0.0))
    rounding = largest * SPEED_OF_LIGHT * 2.0**-digits
    if rounding > MAX_ROUNDING:
        warn(
            f"times of up to {largest:.3g} s round c t to {rounding:.2g} m, which smears microbunches: {advice}",
            ValidityWarning,
        )


def _write_openpmd(
    file: h5py.File, columns: dict[str, np.ndarray], species: str, time: float, version: str, created: str
) -> None:
    root = {
        "openPMD": "2.0.0",
        "openPMDextension": "BeamPhysics;SpeciesType",
        "basePath": "/data/%T/",
        "particlesPath": "particles/",
        "iterationEncoding": "groupBased",
        "iterationFormat": "/data/%T/",
        "software": "ssmb",
        "softwareVersion": version or "unknown",
        "date": created or "unknown",
    }
    for name, text in root.items():
        file.attrs[name] = np.bytes_(text.encode("ascii", "backslashreplace"))  # the standard asks for fixed ASCII
    step = file.create_group("data/1")
    step.attrs["time"], step.attrs["dt"], step.attrs["timeUnitSI"] = time, 0.0, 1.0
    group = step.create_group(f"particles/{species}", track_order=True)
    count = len(columns["x"])
    status = columns.setdefault("status", np.ones(count, dtype=np.int64))
    columns.setdefault("id", np.arange(1, count + 1, dtype=np.int64))
    group.attrs["speciesType"] = np.bytes_(species.encode())
    group.attrs["numParticles"] = count
    group.attrs["totalCharge"] = math.fsum(columns["weight"])
    group.attrs["chargeLive"] = math.fsum(columns["weight"][status == 1])
    group.attrs["chargeUnitSI"] = 1.0
    for name, record in PARTICLE_RECORDS.items():
        values = columns.get(name, np.zeros(count))  # all particles sit at the same place along the machine
        if count and (values == values[0]).all() and not np.signbit(values).any():
            item = group.create_group(record.path)  # a constant record: charge and status mostly are
            item.attrs["value"], item.attrs["shape"] = values[0], np.array([count], dtype=np.uint64)
        else:
            item = group.create_dataset(record.path, data=values, track_times=False, **deflation(values, name == "id"))
        label(item, unit(record.unit), record.long_name)
