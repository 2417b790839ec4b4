"""The beam of a ring run as the equilibrium of its ring: by integrals, rates of scattering, tracking."""

from __future__ import annotations

import importlib
import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.cli.main import main
from ssmb.collective.intrabeam import intrabeam_rates
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.dynamics import optics, radiation_integrals
from ssmb.elements import Element
from ssmb.errors import ConfigError, LatticeError, PhysicsError, SsmbError
from ssmb.lattice import Lattice, load_lattice
from ssmb.lattice.cutting import cut
from ssmb.lattice.tree import renamed
from ssmb.studies import load_config, load_result, resume, run, run_file
from ssmb.studies.ring import RingStudy
from ssmb.studies.starting_beam import StartingBeam
from tests.studies.small_ring import bits
from tests.support import assert_close

LATTICES = Path(__file__).parents[2] / "lattices"
NUMBERS = ("emit_x", "emit_y", "sigma_delta", "sigma_z")
USER = """lattice: mls_user.pals.yaml
beam: {matched: equilibrium, particles: 4000, z_distribution: gaussian}
track: {turns: 1}
output: {figures: false}
"""


@cache
def user_ring() -> Lattice:
    return load_lattice(LATTICES / "mls_user.pals.yaml")


def written(folder: Path, text: str = USER) -> Path:
    path = folder / "user.run.yaml"
    path.write_text(text.replace("lattice: ", f"lattice: {LATTICES}/"), encoding="utf-8")
    return path


def beam_of(folder: Path, changes: dict[str, Any]) -> RingStudy:
    config = load_config(written(folder), changes)
    study = RingStudy(config, RingStudy.lattices(config, user_ring()))
    study.check()
    return study


def test_a_bunch_is_that_of_the_radiation_integrals(tmp_path: Path) -> None:
    study = beam_of(tmp_path, {"beam.coupling": 0.01})
    b, integrals, o = study.beam, radiation_integrals(user_ring()), optics(user_ring())
    assert_close(b.emit_x, integrals.emittances[0], rtol=0.01, atol=0.0, what="horizontal emittance [m]")
    assert_close(b.sigma_delta, integrals.sigma_delta, rtol=0.01, atol=0.0, what="momentum spread [1]")
    length = abs(o.slip_factor) * user_ring().length * integrals.sigma_delta / (2.0 * math.pi * o.qs)
    assert_close(b.sigma_z, length, rtol=0.01, atol=0.0, what="bunch length [m]")
    assert_close(b.emit_y, 0.01 * b.emit_x, rtol=1e-12, atol=0.0, what="vertical emittance [m]")
    assert b.origin["emit_x"] == b.origin["sigma_z"] == "equilibrium of the ring, in the buckets of its cavities"
    assert b.origin["emit_y"] == "given, 0.01 of emit_x"
    # the particles are that beam, its size with dispersion and all
    here = o.at(0)
    size = math.sqrt(b.emit_x * here["beta_x"] + (here["dispersion_x"] * b.sigma_delta) ** 2)
    assert_close(study.start.x.std(), size, rtol=0.01, atol=0.0, what="width [m]")
    assert_close(study.start.y.std(), math.sqrt(b.emit_y * here["beta_y"]), rtol=0.01, atol=0.0, what="height [m]")
    assert_close(study.start.z.std(), b.sigma_z, rtol=0.01, atol=0.0, what="length [m]")


def _halved(element: Element, times: int) -> list[Element]:
    """The parts of an element that is cut in two so many times; what cannot be cut stays whole."""
    if times == 0 or element.length == 0.0:
        return [element]
    try:
        parts = cut(element, 0.5 * element.length)
    except LatticeError:
        return [element]
    return [piece for part in parts for piece in _halved(part, times - 1)]


def test_scattering_is_in_balance_with_damping(tmp_path: Path) -> None:
    """The rates of Bjorken and Mtingwa along the ring, finely cut, the balance of each emittance by itself."""
    charge, coupling = 2e-8, 0.02
    changes = {"beam.effects": ["intrabeam"], "beam.charge": charge, "beam.coulomb_log": 10.0}
    got, quiet = (beam_of(tmp_path, c | {"beam.coupling": coupling}).beam for c in (changes, {}))
    damping = radiation_integrals(user_ring()).damping_times
    pieces = [piece for e in user_ring().elements for piece in _halved(e, 1)]
    ring = Lattice.from_elements([renamed(e, f"e{i}") for i, e in enumerate(pieces)], user_ring().reference,
    periodic=True)  # fmt: skip
    columns = optics(ring).table()
    emit, spread = quiet.emit_x, quiet.sigma_delta
    lengths = np.array([e.length for e in ring.elements])
    around = np.concatenate(([0.0], lengths)) + np.concatenate((lengths, [0.0]))
    for _ in range(25):
        rates = np.zeros(2)
        for i in np.flatnonzero(around > 0.0):  # trapezoids: a place stands for half of the elements at both sides
            here = {name: float(column[i]) for name, column in columns.items() if name != "NAME"}
            r = intrabeam_rates(
                ring.reference, electrons=charge / ELEMENTARY_CHARGE, emit=(emit, coupling * emit),
                sigma_z=quiet.sigma_z * spread / quiet.sigma_delta, sigma_delta=spread,
                beta=(here["BETX"], here["BETY"]), alpha=(here["ALFX"], here["ALFY"]),
                dispersion=(here["DX"], here["DY"]), dispersion_slope=(here["DPX"], here["DPY"]), coulomb_log=10.0,
            )  # fmt: skip
            rates += np.array([r.x, r.delta]) * 0.5 * around[i] / ring.length
        emit = 0.5 * (emit + quiet.emit_x / (1.0 - damping[0] * rates[0]))
        spread = 0.5 * (spread + quiet.sigma_delta / math.sqrt(1.0 - damping[2] * rates[1]))
    assert got.emit_x > 1.05 * quiet.emit_x
    assert_close(got.emit_x / quiet.emit_x, emit / quiet.emit_x, rtol=0.01, atol=0.0, what="growth of emit_x")
    assert_close(got.sigma_delta, spread, rtol=0.01, atol=0.0, what="momentum spread [1]")
    assert_close(got.emit_y, coupling * got.emit_x, rtol=1e-4, atol=0.0, what="vertical emittance [m]")
    assert "with intrabeam scattering (without: " in got.origin["emit_x"]


def test_a_beam_in_micro_buckets_stays_as_it_starts() -> None:
    """Two synchrotron oscillations of the detuned laser: neither its centre nor its size moves."""
    changes = {"beam.particles": 8000, "track.turns": 130, "laser.turns": 130, "track.order": 1, "source": None}
    changes["monitors"] = [{"kind": "moments", "at": "UND"}]
    config = load_config(LATTICES / "ssmb_vuv.run.yaml", changes)
    result = run(config, load_lattice(LATTICES / "ssmb_600mev_ring.pals.yaml"), threads=1)
    seen, b = result.records["moments@UND"], result.start
    sigma = np.sqrt(seen.sigma[:, 4, 4])
    assert_close(sigma, b.sigma_z, rtol=0.06, atol=0.0, what="length by turn [m]")
    assert_close(np.sqrt(seen.sigma[:, 5, 5]), b.sigma_delta, rtol=0.06, atol=0.0, what="spread by turn [1]")
    moving = -120.0 * config.laser.detuning * seen.turn  # of the buckets
    assert_close((seen.mean[:, 4] - moving) / b.sigma_z, 0.0, rtol=0.0, atol=0.25, what="centre [sigma_z]")


def test_a_slice_has_the_spread_at_one_place(tmp_path: Path) -> None:
    """A ring that begins before its cavity has z and delta correlated; a coasting slice has what is left at one z."""
    lattice = load_lattice(LATTICES / "mls_pop.pals.yaml").rotated(40)
    config = load_config(LATTICES / "mls_pop.run.yaml", {"beam": {"matched": "equilibrium", "coupling": 0.01}})
    config = config.model_copy(update={"monitors": (), "light": None})
    study = RingStudy(config, RingStudy.lattices(config, lattice))
    study.check()
    long = RingStudy(config.model_copy(update={"beam": config.beam.model_copy(update={"z_distribution": "gaussian"})}),
                     RingStudy.lattices(config, lattice))  # fmt: skip
    long.check()
    at_zero = np.abs(long.start.z) < 0.1 * long.beam.sigma_z
    assert long.beam.sigma_delta > study.beam.sigma_delta
    assert_close(long.start.delta[at_zero].std(), study.beam.sigma_delta, rtol=0.02, atol=0.0, what="slice spread [1]")


def test_what_is_stored_is_what_was_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = {"beam.emit_y": 1e-9, "beam.effects": ["intrabeam"], "beam.charge": 1e-9}
    path = written(tmp_path)
    done = run_file(path, folder=tmp_path / "out", changes=changes)
    for again in (load_result(tmp_path / "out"), resume(tmp_path / "out")):
        assert bits(again.start) == bits(done.start)
        assert again.config.beam.matched == "equilibrium" and again.config.beam.emit_x is None
    options = [f"--set={key}={json.dumps(value)}" for key, value in changes.items()]
    assert main(["run", str(path), "--folder", str(tmp_path / "again"), "--json", *options]) == 0
    told = json.loads(capsys.readouterr().out)["beam"]
    assert [told[name] for name in NUMBERS] == [getattr(done.start, name) for name in NUMBERS]
    assert told["origin"]["emit_y"] == "given" and "intrabeam" in told["origin"]["emit_x"]
    assert "equilibrium of the ring, in the buckets of its cavities, with intrabeam" in done.text()
    # saying the same beside it is allowed
    same = {"beam.emit_x": done.start.emit_x, "beam.sigma_z": done.start.sigma_z}
    assert_close(beam_of(tmp_path, changes | same).beam.emit_x, done.start.emit_x, rtol=1e-12, atol=0.0)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"beam.emit_x": 1e-7}, ConfigError, "beam.emit_x: 1e-07 is not the emit_x of the equilibrium .* leave it out"),
        ({"beam.sigma_delta": 4e-4}, ConfigError, "beam.sigma_delta: .* is not the sigma_delta of the equilibrium"),
        ({"beam.effects": ["intrabeam"]}, PhysicsError, "beam.effects: .*flat beam scatters without limit: .*emit_y"),
        ({"beam.effects": ["wakes"]}, ConfigError, "beam.effects.0: "),
        ({"beam.emit_y": 1e-9, "beam.coupling": 0.1}, ConfigError, "beam: give emit_y or coupling, not both"),
        ({"beam.charge": 1e-9, "beam.current": 0.1}, ConfigError, "beam: give charge or current, not both"),
        ({"beam.current": 0.1}, ConfigError, "beam.current is that of a train of microbunches"),
        ({"beam.matched": None}, ConfigError, "beam: emit_x is missing: give it, or matched: equilibrium"),
        ({"beam.matched": "equilibrum"}, ConfigError, "beam.matched: "),
        ({"beam": {"emit_x": 1e-9, "emit_y": 1e-9, "sigma_delta": 1e-3, "sigma_z": 1e-3, "effects": ["intrabeam"],
                   "z_distribution": "gaussian"}}, ConfigError, "beam: effects belongs to matched: equilibrium"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(tmp_path: Path, changes: dict[str, Any], error: type[SsmbError], words: str) -> None:
    with pytest.raises(error, match=words) as told:
        run_file(written(tmp_path), folder=tmp_path / "out", changes=changes)
    assert told.value.where is not None


def test_rings_without_equilibrium_say_so(tmp_path: Path) -> None:
    with pytest.raises(PhysicsError, match="beam.matched: no equilibrium: ") as told:
        run_file(written(tmp_path, USER.replace("mls_user", "ssmb_400mev_ring")), folder=tmp_path / "out")
    assert told.value.where is not None and told.value.where.line == 2
    with pytest.raises(ConfigError, match="is a single pass, not a ring"):
        run_file(written(tmp_path, USER.replace("mls_user", "ssmb_euv")), folder=tmp_path / "out")
    path = LATTICES / "mls_pop2.run.yaml"
    long = {"beam": {"matched": "equilibrium", "z_distribution": "gaussian"}, "light": None}
    with pytest.raises(PhysicsError, match="micro-buckets do not hold it"):
        run_file(path, folder=tmp_path / "out", changes=long)


def test_scattering_without_balance_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("ssmb.dynamics.equilibrium"), "_MOST_STEPS", 2)
    changes = {"beam.effects": ["intrabeam"], "beam.emit_y": 1e-9, "beam.charge": 1e-6}
    with pytest.raises(PhysicsError, match="beam.effects: no equilibrium with heating: .*lower the current") as told:
        run_file(written(tmp_path), folder=tmp_path / "out", changes=changes)
    assert told.value.where is not None


def test_scattering_is_counted_once(tmp_path: Path) -> None:
    path, effects = LATTICES / "ssmb_vuv.run.yaml", {"beam.effects": ["intrabeam"]}
    with pytest.raises(ConfigError, match="would count the scattering of beam.effects twice"):
        load_config(path, effects | {"source.intrabeam": "add"})
    with pytest.raises(ConfigError, match="source.coulomb_log 12 is not that of the beam, 11"):
        load_config(path, effects | {"source.coulomb_log": 12.0})
    with pytest.raises(ConfigError, match="beam.current 2 A is not that of the source inside a train, 1 A"):
        load_config(path, {"beam.current": 2.0})


def test_a_beam_of_given_numbers_says_so(tmp_path: Path) -> None:
    given = {"emit_x": 1e-7, "emit_y": 1e-9, "sigma_delta": 4e-4, "sigma_z": 5e-3, "z_distribution": "gaussian"}
    beam: StartingBeam = beam_of(tmp_path, {"beam": given}).beam
    assert set(beam.origin.values()) == {"given", "default"}
    assert beam.lines()[0] == ("beam", "emit_x 100 nm, emit_y 1 nm, sigma_delta 0.0004, sigma_z 5 mm: given")
