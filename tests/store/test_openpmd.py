"""Particle files: exact for us, and right to nanometres for the openPMD-beamphysics package."""

import h5py
import numpy as np
import pytest

from ssmb.constants import ELECTRON_MASS_EV, SPEED_OF_LIGHT
from ssmb.errors import ConfigError, ResultFileError, ValidityWarning
from ssmb.store.openpmd import read_particles, write_particles
from ssmb.store.sealed import DamagedFileError
from ssmb.store.tree import Dataset
from ssmb.units import unit
from tests.store.trees import assert_same, foreign_module
from tests.support import assert_close

ENERGY = 250e6
COUNT = 20_000


def microbunched(wavelength, periods, count=COUNT):
    """Return our coordinates and the openPMD arrays of a beam with strong bunching at one wavelength."""
    rng = np.random.default_rng(17)
    p0 = np.sqrt(ENERGY**2 - ELECTRON_MASS_EV**2)
    own = {name: rng.normal(scale=scale, size=count) for name, scale in
           {"x": 3e-4, "px": 1e-4, "y": 3e-5, "py": 1e-5, "delta": 5e-4}.items()}  # fmt: skip
    own["z"] = wavelength * (rng.integers(-periods, periods + 1, count) + rng.normal(scale=0.15, size=count))
    p = p0 * (1 + own["delta"])
    beta = p / np.hypot(p, ELECTRON_MASS_EV)
    px, py = p0 * own["px"], p0 * own["py"]
    arrays = {
        "x": own["x"], "y": own["y"], "t": -own["z"] / (beta * SPEED_OF_LIGHT),
        "px": px, "py": py, "pz": np.sqrt(p**2 - px**2 - py**2), "weight": rng.uniform(1e-17, 2e-17, count),
        "id": rng.permutation(count), "status": np.ones(count, dtype=np.int64),
    }  # fmt: skip
    return own, arrays


def bunching(z, weight, wavelength):
    return abs(np.sum(weight * np.exp(-2j * np.pi * z / wavelength)) / np.sum(weight))


@pytest.fixture
def beam(tmp_path):
    _, arrays = microbunched(1064e-9, 20, 100)
    path = tmp_path / "beam.h5"
    write_particles(
        path, arrays, reference_energy=ENERGY, reference_time=0.1,
        extra={"turn": 7, "reason": Dataset(np.zeros(100, np.int8), "1", "why lost")},
        software_version="0.1", created="2026-01-01 00:00:00 +0000",
    )  # fmt: skip
    return path, arrays


def test_everything_comes_back_bit_for_bit(beam):
    path, arrays = beam
    back = read_particles(path)
    assert set(back.arrays) == {*arrays, "z"}
    for name in arrays:
        assert back.arrays[name].tobytes() == arrays[name].tobytes(), name
    assert (back.species, back.reference_energy, back.reference_time, back.time_offset) == (
        "electron",
        ENERGY,
        0.1,
        0.0,
    )
    assert_same(back.extra, {"turn": 7, "reason": Dataset(np.zeros(100, np.int8), "1", "why lost")})


def test_every_record_says_its_unit(beam):
    path, _ = beam
    records = []

    def look(name, item):
        if isinstance(item, h5py.Dataset) or "value" in item.attrs:
            records.append(name)
            assert item.attrs["unitSI"] == unit(item.attrs["unitSymbol"].decode()).si, name
            assert tuple(item.attrs["unitDimension"]) == unit(item.attrs["unitSymbol"].decode()).dimension, name
            assert "long_name" in item.attrs, name

    with h5py.File(path) as opened:
        opened.visititems(look)
        assert "timeOffset" not in opened["data/1/particles/electron"]
    assert len(records) == 10 + 1 + 2


@pytest.mark.parametrize(("wavelength", "periods"), [(1064e-9, 2), (1064e-9, 500), (13.5e-9, 2), (13.5e-9, 4000)])
def test_bunching_through_particle_group(tmp_path, wavelength, periods):
    """|b| of ParticleGroup and of our own z agree to 1e-6, with the reference particle 0.1 s on its way."""
    beamphysics = foreign_module("beamphysics.particles")
    own, arrays = microbunched(wavelength, periods)
    write_particles(tmp_path / "a.h5", arrays, reference_energy=ENERGY, reference_time=0.1)
    group = beamphysics.ParticleGroup(str(tmp_path / "a.h5"))
    want = bunching(own["z"], arrays["weight"], wavelength)
    assert want > 0.3
    assert_close(abs(group.bunching(wavelength)), want, rtol=1e-6, atol=0.0, what="ParticleGroup.bunching")
    z = -group.beta * SPEED_OF_LIGHT * group.t
    assert_close(bunching(z, group.weight, wavelength), want, rtol=1e-9, atol=0.0, what="-beta c t")


def test_particle_group_sees_the_same_particles(beam):
    beamphysics = foreign_module("beamphysics.particles")
    path, arrays = beam
    group = beamphysics.ParticleGroup(str(path))
    for name, values in arrays.items():
        assert_close(group[name], values, rtol=3e-16, atol=0.0, what=name)
    assert (group.species, group.n_particle, group.n_alive) == ("electron", 100, 100)
    assert np.all(group.z == 0.0)
    assert_close(group.charge, float(np.sum(arrays["weight"])), rtol=1e-14, atol=0.0)


@pytest.mark.parametrize(("layout", "advice"), [(1, "Run again what made it"), (3, "Upgrade ssmb")])
def test_other_layouts_are_refused(tmp_path, monkeypatch, layout, advice):
    _, arrays = microbunched(1064e-9, 20, 100)
    with monkeypatch.context() as patch:
        patch.setattr("ssmb.store.openpmd.PARTICLES_SCHEMA", layout)
        write_particles(tmp_path / "a.h5", arrays)
    with pytest.raises(ResultFileError, match=f"has layout {layout} of 'particles'.*reads 2 to 2. {advice}"):
        read_particles(tmp_path / "a.h5")


def test_an_empty_beam(tmp_path):
    nothing = {name: [] for name in ("x", "y", "t", "px", "py", "pz", "weight")}
    write_particles(tmp_path / "a.h5", nothing)
    assert {len(values) for values in read_particles(tmp_path / "a.h5").arrays.values()} == {0}


@pytest.fixture
def foreign(tmp_path):
    beamphysics = foreign_module("beamphysics.particles")
    _, arrays = microbunched(13.5e-9, 100, 50)
    arrays["weight"] = np.full(50, 2e-17)  # that package writes constants as attributes
    full = {**arrays, "z": np.zeros(50), "species": "positron"}
    path = tmp_path / "foreign.h5"
    beamphysics.ParticleGroup(data=full).write(str(path), t_offset=0.1)
    return path, arrays


def place(opened):
    """Return where the species is in an open file."""
    found = []
    opened.visit(lambda name: found.append(name) if name.endswith("positron") else None)
    return found[0]


def test_files_of_the_openpmd_package(foreign):
    """The offset of time is kept apart, so that it cannot smear what it is added to."""
    path, arrays = foreign
    back = read_particles(path)
    assert (back.species, back.reference_energy) == ("positron", None)
    assert_close(back.time_offset, 0.1, rtol=0.0, atol=0.0)
    for name, values in arrays.items():
        assert_close(back.arrays[name], values, rtol=0.0, atol=0.0, what=name)


def test_foreign_units_offsets_and_iterations(foreign):
    path, arrays = foreign
    with h5py.File(path, "r+") as opened:
        group = opened[place(opened)]
        group["position/x"].attrs["unitSI"] = 1e-3
        offset = group.create_group("positionOffset/y")
        offset.attrs["value"], offset.attrs["shape"] = 2.0, [50]
        group["momentum/x"].attrs["unitSI"] = 1.0  # kg m/s
        for step in ("1", "77"):
            opened.copy(group.parent, f"data/{step}/particles")
        opened.attrs["basePath"], opened.attrs["particlesPath"] = b"/data/%T/", b"particles/"
    with pytest.raises(ResultFileError, match=r"must hold one iteration, but holds 2 \(.*choose one by iteration="):
        read_particles(path)
    with pytest.raises(ResultFileError, match="no iteration '5'"):
        read_particles(path, iteration="5")
    back = read_particles(path, iteration="77", species="positron").arrays
    assert_close(back["x"], 1e-3 * arrays["x"], rtol=1e-15, atol=0.0)
    assert_close(back["y"], 2.0 + arrays["y"], rtol=0.0, atol=1e-15)
    assert_close(back["px"], arrays["px"] / 5.344285992678308e-28, rtol=1e-15, atol=0.0)


def test_damaged_foreign_files_give_results_or_our_error(foreign):
    path, _ = foreign
    good, rng, refused = path.read_bytes(), np.random.default_rng(2), 0
    for n in range(300):
        bad = bytearray(good)
        for place in rng.integers(0, len(good), 4):
            bad[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad if n % 3 else bad[: int(rng.integers(len(good)))])
        try:
            read_particles(path)
        except ResultFileError:
            refused += 1
    assert 100 < refused <= 300


def test_damaged_files_of_ours_are_refused(beam):
    path, _ = beam
    good, rng = path.read_bytes(), np.random.default_rng(3)
    for place in [*range(12), *rng.integers(0, len(good), 300)]:
        bad = bytearray(good)
        bad[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad)
        with pytest.raises(DamagedFileError):
            read_particles(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f, g: f.attrs.pop("openPMD"), "no attribute openPMD"),
        (lambda f, g: g.pop("momentum"), "'momentum/x' is missing"),
        (lambda f, g: g["time"].attrs.modify("unitDimension", np.zeros(7)), "not given in units like s"),
        (lambda f, g: g["time"].attrs.modify("unitSI", -1.0), "unitSI of 'time'"),
        (lambda f, g: g.attrs.modify("numParticles", 49), "different lengths"),
        (lambda f, g: g["time"].write_direct(np.full(50, np.nan)), "not finite"),
        (lambda f, g: (g.pop("time"), g.create_dataset("time", (2**50,), "f8", chunks=(64,))), "more than fits"),
        (lambda f, g: (g.pop("time"), g.__setitem__("time", h5py.ExternalLink("/etc/passwd", "/"))), "another file"),
    ],
)
def test_foreign_files_that_cannot_be_read_are_explained(foreign, change, words):
    path, _ = foreign
    with h5py.File(path, "r+") as opened:
        change(opened, opened[place(opened)])
    with pytest.raises(ResultFileError, match=words):
        read_particles(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pz": None}, "missing: pz"),
        ({"wieght": [1.0]}, "unknown array 'wieght'.*Did you mean 'weight'"),
        ({"x": [0.0]}, "one length"),
        ({"x": [0.0, np.nan]}, "'x' is not finite for 1 of 2"),
        ({"x": [[0.0, 1.0]]}, "must be a row of float64"),
        ({"x": [0j, 1j]}, "must be a row of float64"),
        ({"id": [0.5, 1.0]}, "must be a row of int64"),
    ],
)
def test_wrong_arrays_are_refused(tmp_path, change, words):
    arrays = {name: [0.0, 1.0] for name in ("x", "y", "t", "px", "py", "pz", "weight")} | {"t": [0.0, 0.0]} | change
    arrays = {name: values for name, values in arrays.items() if values is not None}
    with pytest.raises(ConfigError, match=words):
        write_particles(tmp_path / "a.h5", arrays)
    assert list(tmp_path.iterdir()) == []


def test_absolute_times_are_warned_of(tmp_path):
    _, arrays = microbunched(13.5e-9, 10, 10)
    arrays["t"] = arrays["t"] + 0.1
    with pytest.warns(ValidityWarning, match="give t relative to the reference particle"):
        write_particles(tmp_path / "a.h5", arrays)
