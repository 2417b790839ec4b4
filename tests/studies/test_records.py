"""What is stored says what it is: unit, words and axes of every field and of every dataset, and all of it comes
back.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray

from ssmb.beam import Beam, Reference
from ssmb.beam.moments import Moments
from ssmb.buckets import MicroBucket
from ssmb.dynamics import Equilibrium, Optics
from ssmb.errors import ConfigError, ResultFileError
from ssmb.light.exit_light import ExitLight
from ssmb.maps.undulator import Undulator
from ssmb.quantity import POSITIONS, quantities_of, quantity, units_of
from ssmb.store.tree import Dataset, read_tree, write_tree
from ssmb.studies import run_file
from ssmb.studies.insertion_findings import InsertionFindings
from ssmb.studies.light import Light
from ssmb.studies.records import record_of, tree_of
from ssmb.studies.source import RingSource
from ssmb.tracking.monitors import MONITORS
from tests.studies.small_ring import bits, write_files

RECORDS = {kind: cls.record_class for kind, cls in MONITORS.items()}
ROOTS = (*RECORDS.values(), Light, RingSource, InsertionFindings, Optics, Equilibrium)


def parts(hint: Any) -> list[Any]:
    """Plain types that an annotation is made of."""
    inside = [p for of in typing.get_args(hint) if of is not Ellipsis for p in parts(of)]
    return inside if inside and typing.get_origin(hint) in (tuple, types.UnionType, typing.Union) else [hint]


def stored_classes() -> list[type]:
    """The roots, and every dataclass that is in one of them."""
    found: list[type] = []
    waiting = list(ROOTS)
    while waiting:
        cls = waiting.pop()
        if cls not in found:
            found.append(cls)
            hints = typing.get_type_hints(cls).values()
            waiting += [p for hint in hints for p in parts(hint) if dataclasses.is_dataclass(p)]
    return sorted(found, key=lambda cls: cls.__name__)


WORDS = (str, bool, type(None), Beam)


def is_number(hint: Any) -> bool:
    """Whether a field holds numbers: no text, flag, mapping, particles or other dataclass."""
    kinds = parts(hint)
    if typing.get_origin(hint) is dict or all(k in WORDS or dataclasses.is_dataclass(k) for k in kinds):
        return False
    return not any(isinstance(k, type) and issubclass(k, enum.Enum) for k in kinds)


def test_the_walk_finds_them_all():
    names = {cls.__name__ for cls in stored_classes()}
    assert {"MomentRecord", "MicroBucket", "TrackedLight", "Undulator", "Reference", "ExitLight", "PowerStep"} <= names
    assert {"ClosureBudget", "PathTerm", "IntrabeamEstimate", "EnergyOfTurn", "LaserNeed", "ChargeSignal"} <= names
    assert len(names) >= 25


def is_row(hint: Any) -> bool:
    """Whether a type is that of a tuple, which may be left out."""
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    return any(typing.get_origin(kind) is tuple for kind in kinds)


@pytest.mark.parametrize("cls", stored_classes(), ids=lambda cls: cls.__name__)
def test_every_number_of_a_stored_class_has_unit_words_and_axes(cls: type):
    known = quantities_of(cls)
    for name, hint in typing.get_type_hints(cls).items():
        if not is_number(hint):
            continue
        assert name in known, f"{cls.__name__}.{name} declares no quantity"
        assert known[name].unit and known[name].doc, f"{cls.__name__}.{name}"
        is_array = is_row(hint) or "ndarray" in str(hint)
        assert bool(known[name].dims) == is_array, f"{cls.__name__}.{name}: axes {known[name].dims}"


#: Units as physics has them, written by hand; kg, m, s, A in the order m, kg, s, A. What is not named here is no number
#: or was looked at: a pure number.
UNITS = {
    "FeltEffect": {"mean": "eV", "changed": "eV", "taken": "eV", "growth": "m*rad", "half_growth": "m*rad"},
    "BucketRecord": {"turn": "turn", "mean": "m, 1", "captured_mean": "m, 1", "sigma": "m^2, m; m, 1",
                     "captured_sigma": "m^2, m; m, 1"},
    "BunchingRecord": {"wavelengths": "m", "turn": "turn"},
    "ChargeSignal": {"wavelength": "m", "charge": "C", "coherent_energy": "J", "incoherent_energy": "J"},
    "ClosureBudget": {"dz_rms": "m", "dz_counting": "m", "aberrations": "m*rad", "quantum": "m", "beyond": "m",
                      "allowed": "m", "growth": "m*rad", "emittance": "m*rad", "smear_rate": "1/m/rad"},
    "EnergyOfTurn": {"radiation": "eV", "light": "eV", "incoherent": "eV", "restored": "eV", "voltage": "V",
                     "laser_peak": "eV", "laser_power": "W"},
    "Equilibrium": {"s": "m", "emittances": "m", "emittances_sands": "m", "damping_times": "s", "sigma_z": "m",
                    "energy_loss": "eV"},
    "ExitLight": {"wavelength": "m", "peak_power": "W", "average_power": "W", "divergence_x": "rad",
                  "divergence_y": "rad", "average_power_range": "W"},
    "InsertionFindings": {"line_power": "W", "path_error": "m", "thick": "m", "uncompensated": "m", "z_before": "m",
                          "z_modulated": "m", "z_radiator": "m"},
    "InsertionIntrabeam": {"growth_times": "s", "path_error": "m", "path_error_range": "m"},
    "IntrabeamEstimate": {"current": "A", "emit_x": "m", "emit_y": "m", "sigma_z": "m", "emit_x_range": "m",
                          "emit_y_range": "m", "sigma_z_range": "m", "reach": "m"},
    "LaserNeed": {"peak_power": "W", "average_power": "W"},
    "Light": {"wavelength": "m", "coherent_power": "W", "incoherent_power": "W"},
    "MicroBucket": {"wavelength": "m", "circumference": "m", "phase": "2pi"},
    "MomentRecord": {"turn": "turn", "charge": "C"},
    "Optics": {"s": "m", "orbit_length": "m", "beta": "m", "mu": "2pi", "dispersion": "m, 1, m, 1",
               "dispersion2": "m, 1, m, 1", "partial_r56": "m", "curly_h": "m"},
    "PathTerm": {"rms": "m"},
    "PowerStep": {"power": "W", "power_range": "W"},
    "Reference": {"energy": "eV"},
    "RingSource": {"turn": "turn"},
    "SnapshotRecord": {"turn": "turn"},
    "SourceLight": {"power_at_focus": "W", "resonant_power": "W", "incoherent_power": "W", "incoherent_loss": "eV",
                    "average_current": "A", "energy_loss": "eV"},
    "TrackedLight": {"wavelength": "m", "current": "A", "theta_x": "rad", "theta_y": "rad", "solid": "sr",
                     "intensity": "W/sr", "noise_power": "W"},
    "Undulator": {"period": "m"},
}  # fmt: skip
#: Fields whose entries are the phase space coordinates, or products and quotients of them.
ENTRIES = {("MomentRecord", "mean"), ("MomentRecord", "sigma"), ("Optics", "m66"), ("Optics", "closed_orbit"),
("Optics", "steps"),
           ("Optics", "mode_beta"), ("Equilibrium", "sigma"), ("Equilibrium", "closed_orbit"), ("Equilibrium",
           "m66")}  # fmt: skip


@pytest.mark.parametrize("cls", stored_classes(), ids=lambda cls: cls.__name__)
def test_the_units_are_those_of_physics(cls: type):
    hints = typing.get_type_hints(cls)
    got = {name: of.unit for name, of in quantities_of(cls).items() if is_number(hints[name])}
    want = UNITS.get(cls.__name__, {})
    assert set(want) <= set(got)
    assert got == {n: u if (cls.__name__, n) in ENTRIES else want.get(n, "1") for n, u in got.items()}


@pytest.mark.parametrize(
    ("symbol", "dimension"),
    [
        ("W", (2, 1, -3, 0)),
        ("W/sr", (2, 1, -3, 0)),
        ("J", (2, 1, -2, 0)),
        ("eV", (2, 1, -2, 0)),
        ("V", (2, 1, -3, -1)),
        ("C", (0, 0, 1, 1)),
        ("1/m/rad", (-1, 0, 0, 0)),
    ],
)
def test_dimensions_of_these_units(symbol: str, dimension: tuple[int, ...]):
    [[found]] = units_of(symbol)
    assert found.dimension == (*dimension, 0, 0, 0)


class Example:
    """Makes members of any stored class, with other numbers in each field and other lengths of each axis."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(3)
        self.lengths: dict[str, int] = {}

    def array(self, dims: tuple[str, ...], number: Any = float) -> np.ndarray:
        shape = tuple(len(POSITIONS.get(d, ())) or self.lengths.setdefault(d, 2 + len(self.lengths)) for d in dims)
        made = self.rng.random(shape)
        return made.astype(number)

    def of(self, cls: type) -> Any:
        if cls is Beam:
            n = self.rng.integers(2, 5)
            return Beam(Reference(3e8), 1e-3 * self.rng.random((6, n)), weight=self.rng.random(n), ids=np.arange(n) + 7)
        if cls is Reference:
            return Reference(float(2e8 + 1e8 * self.rng.random()), "positron")
        if cls is Undulator:
            return Undulator(self.of(Reference), 0.1, 30, float(self.rng.random()), True)
        if cls is MicroBucket:
            return MicroBucket(1e-6, -2e-6, 48.0, 3e-4, 1e-3, 2.0, 1e-5, 0.25)
        if cls is ExitLight:
            return ExitLight(1e-8, 5.0, 2.0, 1e-4, 2e-4, 3e-4, 2, "trains", 0.006)
        hints, known = typing.get_type_hints(cls), quantities_of(cls)
        return cls(**{name: self.value(hint, known.get(name)) for name, hint in hints.items() if name != "provenance"})

    def value(self, hint: Any, of: Any) -> Any:
        kinds = [p for p in parts(hint) if p is not type(None)]
        kind, is_tuple = kinds[0], is_row(hint)
        if kind is Beam or dataclasses.is_dataclass(kind):
            return (self.of(kind), self.of(kind)) if is_tuple else self.of(kind)
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return list(kind)[-1]
        if kind is str:
            return ("QF", "Ω 2") if is_tuple else next(iter(of.choices), "a word")
        if kind in (bool, int, float, complex):
            return tuple(self.array(of.dims, kind).tolist()) if is_tuple else kind(self.rng.random() + 3.0)
        return self.array(of.dims)


@pytest.mark.parametrize("cls", [*ROOTS, Moments], ids=lambda cls: cls.__name__)
def test_every_stored_class_comes_back_to_the_bit(cls: type, tmp_path: Path):
    made = Example().of(cls)
    write_tree(tmp_path / "a.h5", {"it": tree_of(made)}, kind="t", schema_version=1, compress=True)
    tree: Any = read_tree(tmp_path / "a.h5", expected_kind="t", newest_schema=1)
    again = record_of(cls, tree["it"])
    assert type(again) is cls
    assert bits(again) == bits(made)


def test_what_may_be_none_is_left_out_and_comes_back(tmp_path: Path):
    made = dataclasses.replace(Example().of(RECORDS["moments"]), at=None)
    assert "at" not in tree_of(made)
    assert record_of(RECORDS["moments"], tree_of(made)).at is None


def test_a_number_without_a_quantity_is_refused():
    @dataclasses.dataclass(frozen=True)
    class Secret:
        power: float

    with pytest.raises(ConfigError, match=r"Secret\.power declares no quantity"):
        tree_of(Secret(1.0))


def test_a_tree_of_something_else_is_refused():
    tree = tree_of(Example().of(Light))
    record_of(Light, tree)
    damaged: list[Any] = [
        {k: v for k, v in tree.items() if k != "wavelength"},
        tree | {"more": 1},
        tree | {"signal": 3},
        tree | {"signal": {}},
        {},
        5,
    ]
    for wrong in damaged:
        with pytest.raises(ResultFileError):
            record_of(Light, wrong)
    beams = tree_of(Example().of(RECORDS["snapshots"]))
    del beams["beams"]["0"]["x"]  # type: ignore[index,union-attr]
    with pytest.raises(ResultFileError):
        record_of(RECORDS["snapshots"], beams)


def test_a_quantity_with_other_axes_than_its_array_is_refused():
    @dataclasses.dataclass(frozen=True)
    class Flat:
        beta: np.ndarray = quantity("m", "beta", dims=("place", "plane"))

    with pytest.raises(ConfigError, match="1 axes cannot be named place, plane"):
        tree_of(Flat(np.zeros(3)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("records")
    changes = {
        "track.turns": 300,
        "laser.turns": 3,
        "beam.particles": 300,
        "light.harmonics": "[1, 2]",
        "monitors.1.every": 1,
    }
    run_file(write_files(made), folder=made / "out", changes=changes)
    return made / "out"


def datasets(path: Path) -> dict[str, h5py.Dataset]:
    """Every dataset of a file, by its path."""
    found: dict[str, h5py.Dataset] = {}

    def look(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item

    h5py.File(path).visititems(look)
    return found


def test_every_dataset_of_a_run_says_what_it_is(folder: Path):
    found = datasets(folder / "run.h5")
    assert len(found) > 120
    for name, item in found.items():
        attributes = dict(item.attrs)
        symbols = attributes["units"].decode()
        units = units_of(symbols)
        entries = (len(units), len(units[0]))
        assert attributes["unitSymbol"].decode() == symbols, name
        assert len(attributes["long_name"].decode()) > 0, name
        want_si = np.array([[u.si for u in row] for row in units])
        want_dimension = np.array([[u.dimension for u in row] for row in units])
        got_si, got_dimension = np.asarray(attributes["unitSI"]), np.asarray(attributes["unitDimension"])
        if entries == (1, 1):
            assert got_si == want_si[0, 0] and np.array_equal(got_dimension, want_dimension[0, 0]), name
        elif entries[0] == 1:
            width = item.shape[-1]
            assert np.array_equal(got_si, want_si[0, :width]), name
            assert np.array_equal(got_dimension, want_dimension[0, :width]), name
        else:
            rows, width = item.shape[-2:]
            assert np.array_equal(got_si, want_si[:rows, :width]), name
            assert np.array_equal(got_dimension, want_dimension[:rows, :width]), name
        for axis in range(item.ndim):
            if not item.is_scale:
                [scale] = item.dims[axis].values()
                assert scale.shape == (item.shape[axis],), name
        assert item.dtype.kind in "biufcS", name
        if item.nbytes >= 2**16:
            assert item.compression == "gzip" and item.id.get_storage_size() < item.nbytes, name


def test_texts_of_a_run_hold_no_numbers(folder: Path):
    """Numbers are numbers: the only texts with digits are files, names, and who and when."""
    for name, item in datasets(folder / "run.h5").items():
        if item.dtype.kind == "S" and item.shape == () and not name.startswith(("config", "lattice", "provenance")):
            with pytest.raises(ValueError, match="could not convert"):
                float(item[()])


def test_xarray_opens_each_group_by_name(folder: Path):
    path = folder / "run.h5"
    with h5py.File(path) as file:
        groups = ["optics", "results", *(f"monitors/{name}" for name in file["monitors"] if name != "snapshots")]
        groups += ["results/light/1", "results/light/1/signal", "monitors/snapshots", "monitors/snapshots/beams/1"]
    for group in groups:
        with xarray.open_dataset(path, group=group, engine="h5netcdf") as opened:
            assert not [d for d in opened.sizes if "phony" in str(d)], group
            for variable in opened.variables.values():
                assert "units" in variable.attrs and "long_name" in variable.attrs


def test_xarray_finds_the_numbers_at_their_coordinates(folder: Path):
    path = folder / "run.h5"
    stored: Any = read_tree(path, expected_kind="run", newest_schema=1)
    moments = stored["monitors"]["moments@stop"]
    with xarray.open_dataset(path, group="monitors/moments@stop", engine="h5netcdf") as opened:
        assert opened["sigma"].dims == ("turn", "coordinate", "other_coordinate")
        got = opened["sigma"].sel(turn=17, coordinate="x", other_coordinate="px").item()
        assert got == moments["sigma"].values[17, 0, 1]
        assert opened["mean"].sel(coordinate="delta").shape == (300,)
        assert opened["charge"].attrs["units"] == "C"
    with xarray.open_dataset(path, group="monitors/bunching@U", engine="h5netcdf") as opened:
        want = stored["monitors"]["bunching@U"]["bunching"].values[1, 1]
        assert opened["bunching"].sel(turn=1, wavelengths=532e-9, method="nearest").item() == want
    with xarray.open_dataset(path, group="optics", engine="h5netcdf") as opened:
        assert opened["beta"].sel(plane="y").attrs["units"] == "m"
        assert opened["names"].values[0] == "U"


@pytest.mark.parametrize("what", ["unallocated", "huge chunk", "foreign filter", "few bytes"])
def test_a_dataset_that_declares_more_than_it_holds_is_refused(tmp_path: Path, what: str):
    from ssmb.store.sealed import Header, new_hdf5

    with new_hdf5(tmp_path / "a.h5", Header("t", 1)) as file:
        if what == "unallocated":
            item = file.create_dataset("a", (10**9,), "f8", chunks=(1024,), compression="gzip")
        elif what == "huge chunk":
            item = file.create_dataset("a", data=np.zeros(2**23), chunks=(2**23,), compression="gzip")
        elif what == "foreign filter":
            item = file.create_dataset("a", data=np.zeros(9), chunks=(9,), compression="lzf")
        else:  # one chunk of many is there
            item = file.create_dataset("a", (10**6,), "f8", chunks=(1024,), compression="gzip")
            item[:1024] = 1.0
        item.attrs["stored_as"] = np.bytes_("array")
        for name in ("units", "long_name"):
            item.attrs[name] = np.bytes_("1")
    with pytest.raises(ResultFileError, match="does not hold its own numbers"):
        read_tree(tmp_path / "a.h5", expected_kind="t", newest_schema=1)


def test_compressed_numbers_come_back_to_the_bit(tmp_path: Path):
    rng = np.random.default_rng(5)
    tree = {
        "long": Dataset(rng.random((30_000, 6, 6)), "1", "long", ("turn", "coordinate", "other_coordinate")),
        "wide": Dataset(rng.random((2, 300_000)), "m", "wide", ("plane", "particle")),
        "same": Dataset(np.full(200_000, -0.0), "1", "all the same"),
        "whole": Dataset(np.arange(100_000), "1", "whole numbers"),
        "complex": Dataset(rng.random(20_000) * 1j, "1", "complex"),
    }
    write_tree(tmp_path / "a.h5", tree, kind="t", schema_version=1, compress=True)
    again: Any = read_tree(tmp_path / "a.h5", expected_kind="t", newest_schema=1)
    for name, want in tree.items():
        assert again[name].values.tobytes() == want.values.tobytes()
        assert again[name].dims == want.dims


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"a": Dataset(np.zeros(3), "m", "a", ("x",)), "b": Dataset(np.zeros(2), "m", "b", ("x",))}, "has 2 entries"),
        ({"a": Dataset(np.zeros(3), "m", "a", ("x",)), "x": 5}, "name of an axis and of something else"),
        ({"a": Dataset(np.zeros(3), "m", "a", ("plane",))}, "has the positions x, y, not 3"),
        ({"a": Dataset(np.zeros((3, 2)), "m, 1, m; 1, m, 1", "a")}, "do not cover"),
    ],
)
def test_axes_and_units_that_do_not_fit_are_refused(tmp_path: Path, tree: dict[str, Any], words: str):
    with pytest.raises(ConfigError, match=words):
        write_tree(tmp_path / "a.h5", tree, kind="t", schema_version=1)
    assert list(tmp_path.iterdir()) == []
