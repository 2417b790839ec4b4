"""Particle files of others: several iterations, weights without a unit, ids, late times, float32; and masks."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import ssmb
from ssmb.beam import Beam, Reference, bunching_factor, fold
from ssmb.beam.coordinates import CONVENTIONS
from ssmb.cli.main import main
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.errors import ConfigError, ResultFileError, ValidityWarning
from ssmb.store.openpmd import write_particles
from tests.support import assert_close

COUNT = 50
WAVELENGTH = 1e-3


@pytest.fixture(scope="module")
def beam() -> Beam:
    random = np.random.default_rng(0)
    return Beam(Reference(250e6), random.normal(size=(6, COUNT)) * 1e-4, weight=1e3, ids=random.permutation(COUNT) + 7)


@pytest.fixture
def foreign(beam: Beam, tmp_path: Path) -> Path:
    """The beam as a file that is not ours: of two iterations, "0" with the beam, "20" with half of its charge."""
    path = tmp_path / "two.h5"
    ssmb.save(beam, tmp_path / "own.h5")
    with h5py.File(tmp_path / "own.h5") as own, h5py.File(path, "w") as file:
        for name, value in own.attrs.items():
            if name not in ("format", "kind", "schema_version", "software_version", "created"):
                file.attrs[name] = value
        for name in ("0", "20"):
            own.copy("data/1", file.require_group("data"), name)
            weight = file[f"data/{name}/particles/electron/weight"]
            weight.attrs["value"] *= {"0": 1.0, "20": 0.5}[name]
            file[f"data/{name}/particles/electron"].attrs["totalCharge"] *= {"0": 1.0, "20": 0.5}[name]
    return path


def changed(path: Path, change: Callable[[Any], None]) -> Path:
    """The file with the species of iteration 0 changed."""
    with h5py.File(path, "a") as file:
        change(file["data/0/particles/electron"])
    return path


def replaced(name: str, values: np.ndarray) -> Callable[[Any], None]:
    def change(group: Any) -> None:
        attributes = dict(group[name].attrs)
        del group[name]
        group[name] = values
        for key in ("unitSI", "unitDimension"):
            group[name].attrs[key] = attributes[key]

    return change


def test_one_of_several_iterations(foreign: Path, beam: Beam, capsys: pytest.CaptureFixture[str]) -> None:
    """By name in Python and on the command line, with the reference particle that is meant."""
    with pytest.raises(ResultFileError, match=r"holds 2 \(0, 20\); choose one by iteration="):
        ssmb.load(foreign)
    with pytest.raises(ResultFileError, match="it has no iteration '3'; it holds 0, 20"):
        ssmb.load(foreign, iteration=3)
    for iteration, share in (("0", 1.0), (20, 0.5)):
        found = ssmb.load(foreign, iteration=iteration, reference=beam.reference)
        assert isinstance(found, Beam)
        assert_close(found.charge, share * beam.charge, rtol=1e-12, atol=0.0)
        assert_close(found.delta, beam.delta, rtol=0.0, atol=1e-14)
        assert found.reference == beam.reference
        assert found.ids.tolist() == beam.ids.tolist()
    other = Reference(251e6)
    moved = ssmb.load(foreign, iteration="0", species="electron", reference=other)
    assert isinstance(moved, Beam)
    assert_close(moved.delta, (1.0 + beam.delta) * beam.reference.p0c / other.p0c - 1.0, rtol=0.0, atol=1e-14)
    argv = ["bunching", str(foreign), "--wavelength", str(WAVELENGTH), "--json"]
    assert main(argv) == 4
    assert "choose one by iteration=" in capsys.readouterr().err
    assert main([*argv, "--iteration", "20", "--energy", "250 MeV", "--species", "electron"]) == 0
    told = json.loads(capsys.readouterr().out)["particles"][0]
    want = bunching_factor(beam.z - beam.z.mean(), WAVELENGTH)
    assert_close(abs(complex(*told["bunching"][0].values())), abs(want), rtol=1e-6, atol=0.0)
    assert main([*argv, "--iteration", "0", "--species", "positron"]) == 4
    assert main([*argv[:2], "--iteration", "0"]) == 2  # no wavelength
    capsys.readouterr()


def test_iterations_of_fixed_width(foreign: Path, beam: Beam) -> None:
    """openPMD allows /data/%06T/, with the numbers filled up by zeros."""
    with h5py.File(foreign, "a") as file:
        file.attrs["basePath"] = "/data/%06T/"
        for name in ("0", "20"):
            file.move(f"data/{name}", f"data/{int(name):06d}")
    for iteration in (20, "20", "000020"):
        found = ssmb.load(foreign, iteration=iteration)
        assert isinstance(found, Beam)
        assert_close(found.charge, 0.5 * beam.charge, rtol=1e-12, atol=0.0)
    with pytest.raises(ResultFileError, match="it has no iteration '2'; it holds 000000, 000020"):
        ssmb.load(foreign, iteration=2)


def test_choices_where_there_is_none(foreign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="is no file of particles: leave reference, iteration out"):
        ssmb.load(tmp_path, iteration=1, reference=Reference(1e8))
    with pytest.raises(ConfigError, match="holds electrons, and the reference is a proton"):
        ssmb.load(foreign, iteration="0", reference=Reference(2e9, "proton"))
    with pytest.raises(ConfigError, match="is normalised to .*250000000.* leave it out"):
        ssmb.load(tmp_path / "own.h5", reference=Reference(1e8))
    assert main(["bunching", str(tmp_path), "--iteration", "0"]) == 2
    assert "--iteration: " in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["charge", "number", "neither", "unknown", "unknown number"])
def test_weights_without_a_unit(kind: str, foreign: Path, beam: Beam) -> None:
    """Bmad writes coulomb without a dimension, others numbers of particles; the total charge of the file decides."""

    def change(group: Any) -> None:
        group["weight"].attrs["unitDimension"] = np.zeros(7)
        group["weight"].attrs["value"] *= {"neither": 3.0}.get(kind, 1.0)
        group["weight"].attrs["value"] /= ELEMENTARY_CHARGE if "number" in kind else 1.0
        if "unknown" in kind:
            del group.attrs["totalCharge"]

    path = changed(foreign, change)
    if kind == "neither":
        with pytest.raises(
            ResultFileError, match=r"its weights have no unit, and their sum .* is not its total charge"
        ):
            ssmb.load(path, iteration="0")
        return
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = ssmb.load(path, iteration="0")
    assert isinstance(found, Beam)
    assert_close(found.charge, beam.charge, rtol=1e-12, atol=0.0)
    words = {"unknown": "taken as C", "unknown number": "taken as numbers of particles"}
    assert [str(w.message).endswith(words[kind]) for w in told] == [True] * ("unknown" in kind)


@pytest.mark.parametrize("ids", [np.zeros(COUNT, dtype=int), np.arange(COUNT) - 1, np.arange(COUNT) + 2**40])
def test_ids_that_cannot_be_kept(ids: np.ndarray, foreign: Path) -> None:
    path = changed(foreign, replaced("id", ids))
    with pytest.warns(ValidityWarning, match="they are numbered anew"):
        found = ssmb.load(path, iteration="0")
    assert isinstance(found, Beam)
    assert found.ids.tolist() == list(range(COUNT))


@pytest.mark.parametrize("how", ["time", "offset of each", "offset of all"])
def test_late_times(how: str, foreign: Path, beam: Beam) -> None:
    """Absolute times of 1 ms round c t to 3e-11 m; an offset of each particle counts, one of all does not."""
    with h5py.File(foreign) as file:
        time = file["data/0/particles/electron/time"][()]
    late = np.full(COUNT, 1e-3) + np.arange(COUNT) * 1e-12

    def change(group: Any) -> None:
        if how == "time":
            replaced("time", time + late)(group)
        elif how == "offset of each":
            group["timeOffset"] = late
        else:
            group.create_group("timeOffset").attrs.update({"value": 1e-3, "shape": [COUNT]})

    path = changed(foreign, change)
    if how == "offset of all":
        found = ssmb.load(path, iteration="0", reference=beam.reference)
    else:
        with pytest.warns(ValidityWarning, match=r"times of up to 0.001 s round c t to 3.3e-11 m.*absolute times"):
            found = ssmb.load(path, iteration="0", reference=beam.reference)
    assert isinstance(found, Beam)
    shift = 0.0 if how == "offset of all" else late
    want = time + shift
    beta = (1.0 + beam.delta) * beam.reference.p0c
    beta = beta / np.hypot(beta, beam.reference.mass)
    assert_close(found.z, -299792458.0 * beta * (want - want.mean()), rtol=0.0, atol=1e-10)


def test_single_precision_in_a_file(foreign: Path) -> None:
    with h5py.File(foreign) as file:
        x, time = (file[f"data/0/particles/electron/{name}"][()] for name in ("position/x", "time"))
    path = changed(foreign, replaced("position/x", x.astype(np.float32)))
    with pytest.warns(ValidityWarning, match="holds x in single precision"):
        ssmb.load(path, iteration="0")
    path = changed(path, replaced("position/x", x))
    path = changed(path, replaced("time", time.astype(np.float32)))
    with pytest.warns(ValidityWarning, match=r"round c t to .* m"):
        ssmb.load(path, iteration="0")


# ---- arrays in Python


def _takers() -> dict[str, Callable[[Any], Any]]:
    """What takes arrays of particles."""
    ref = Reference(250e6)
    six = lambda row: np.ma.stack([row] * 6) if np.ma.isMA(row) else np.stack([row] * 6)  # noqa: E731
    takers: dict[str, Callable[[Any], Any]] = {
        "Beam": lambda row: Beam(ref, six(row)),
        "weight": lambda row: Beam(ref, np.zeros((6, 4)), weight=row),
        "ids": lambda row: Beam(ref, np.zeros((6, 4)), ids=row if row.dtype.kind != "f" else row[:2]),
        "bunching_factor": lambda row: bunching_factor(row, 1e-6),
        "weights": lambda row: bunching_factor(np.zeros(4), 1e-6, row),
        "fold": lambda row: fold(row, 1e-6),
        "gaussian": lambda row: Beam.gaussian(
            ref, np.eye(6) * 1e-9, n=4, charge=0.0, centroid=np.ma.append(row, row[:2])
        ),
    }
    for name, (to, back) in CONVENTIONS.items():
        takers[f"to {name}"] = lambda row, to=to: to(six(row), ref)
        columns = to(np.full((6, 4), 1e-4), ref)
        first = next(iter(columns))
        takers[f"from {name}"] = lambda row, back=back, c=columns, f=first: back(c | {f: row}, ref)
    return takers


@pytest.mark.parametrize("name", _takers())
def test_masked_entries_and_single_precision_are_not_taken_without_a_word(name: str) -> None:
    take = _takers()[name]
    masked = np.ma.array([1e-4, 2e-4, 3e-4, 4e-4], mask=[0, 0, 1, 0])
    if name == "ids":
        masked = np.ma.array([1, 2, 3, 4], mask=[0, 0, 1, 0])
    with pytest.raises(ConfigError, match="entries are masked; leave them out"):
        take(masked)
    single = np.full(4, 1e-4, dtype=np.float32)
    if name in ("weight", "weights"):
        take(single)  # no coordinates: 7 digits are enough, and nothing is said
    elif name not in ("ids", "gaussian"):
        with pytest.warns(ValidityWarning, match="given as float32: 6 digits"):
            take(single)
    if name not in ("ids", "gaussian"):
        take(np.ma.array([1e-4] * 4))  # nothing is hidden


def test_masked_arrays_are_not_written(tmp_path: Path) -> None:
    arrays = {name: np.zeros(3) for name in ("x", "y", "t", "px", "py", "weight")} | {"pz": np.full(3, 1e8)}
    with pytest.raises(ConfigError, match="x: 1 of 3 entries are masked"):
        write_particles(tmp_path / "a.h5", arrays | {"x": np.ma.array(np.zeros(3), mask=[1, 0, 0])})
