"""What every study has from its runner: stages that are kept, interrupt and resume, results without particles,
--force.
"""

from __future__ import annotations

import importlib.util
import json
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.cli.main import main
from ssmb.cli.schema import schema_of
from ssmb.errors import ConfigError, LatticeError, SsmbWarning
from ssmb.plot.study import study_figures
from ssmb.studies import STUDIES, load_result, resume, run_file
from ssmb.tracking import RunStatus
from tests.studies.small_ring import RING, RUN, bits, write_files

EUV = Path(__file__).parents[2] / "lattices" / "ssmb_euv.run.yaml"
#: Few particles, and a section that ends soon behind the radiator.
QUICK = {
    "insertion.mod2": "B1A", "insertion.spot": None, "closure.order": 1, "closure.particles": 64, "beam.particles": 256,
    "source.detuning": "exact", "source.in_lattice": False, "source.period": 0.1, "source.periods": 30, "effects": [],
    "source.harmonic": 5, "source.check": True, "ring.train_current": 1.0,
}  # fmt: skip
STAGES = [
    "bunching", "intrabeam scattering", "light", "light with scattering", "own light", "closure",
    "ends of the Coulomb logarithm", "watts", "convergence: particles", "convergence: slices", "convergence: seeds",
    "findings",
]  # fmt: skip
#: A study that is nothing but its own file.
DICE = '''
"""Dice."""

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from ssmb.quantity import quantity
from ssmb.studies.config_types import Count, Section
from ssmb.studies.study import Result, Study, StudyConfig


class DiceConfig(Section):
    throws: Count = Field(description="number of throws")


class DiceRunConfig(StudyConfig):
    dice: DiceConfig


@dataclass(frozen=True)
class Throws:
    mean: float = quantity("1", "mean of the eyes")


@dataclass(frozen=True, eq=False, kw_only=True)
class DiceResult(Result):
    throws: Throws = quantity("", "what was thrown")

    def summary(self):
        return {"title": self.config.title, "status": self.status.name.lower(), "mean": self.throws.mean}

    def text(self):
        return f"mean {self.throws.mean:g}"

    def table(self):
        return {"mean [1]": self.throws.mean}


class DiceStudy(Study, key="dice", config=DiceRunConfig, result=DiceResult):
    """Eyes of a die."""

    def check(self):
        pass

    def run(self, on):
        eyes = np.random.default_rng(1).integers(1, 7, self.config.dice.throws)
        found = on.stage("throws", Throws, lambda: Throws(float(eyes.mean())))
        return DiceResult(config=self.config, lattice_text="", throws=found)
'''


@pytest.fixture
def kill(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a stage of a run end as if SIGTERM came while it was computed."""
    runner = importlib.import_module("ssmb.studies.runner")
    real = runner._Here.stage

    def at(name: str) -> None:
        def stage(self: Any, asked: str, kind: Any, compute: Any) -> Any:
            def killed() -> Any:
                compute()
                signal.raise_signal(signal.SIGTERM)

            return real(self, asked, kind, killed if asked == name else compute)

        monkeypatch.setattr(runner._Here, "stage", stage)

    yield at
    monkeypatch.undo()


def quick(folder: Path, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SsmbWarning)  # few particles
        return run_file(EUV, folder=folder, changes=QUICK, **options)


def test_an_insertion_that_is_interrupted_at_each_stage_ends_with_the_same_bits(tmp_path, kill, monkeypatch, capsys):
    """One run, stopped in each of its stages in turn, so that each is computed, kept and read again."""
    whole = quick(tmp_path / "whole", progress=True)
    told = [line.removeprefix("ssmb: ") for line in capsys.readouterr().err.splitlines() if line.startswith("ssmb: ")]
    assert told == STAGES
    assert sorted(p.name for p in (tmp_path / "whole").iterdir()) == [
        "lattice.pals.yaml",
        "particles",
        "run.h5",
        "run.json",
    ]
    place = tmp_path / "part"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SsmbWarning)
        for i, name in enumerate(STAGES):
            kill(name)
            stopped = resume(place) if i else quick(place)
            monkeypatch.undo()
            assert (stopped.status, stopped.stage, stopped.findings) == (RunStatus.INTERRUPTED, name, None)
            assert len(list((place / "stages").glob("*"))) == i
            seen = load_result(place)
            assert (seen.stage, seen.status) == (name, RunStatus.INTERRUPTED)
            assert bits(seen.beam) == bits(whole.beam) if i else seen.beam is None
        again = resume(place)
    assert bits(again.findings) == bits(whole.findings)
    assert bits(again.beam) == bits(whole.beam)


def test_what_an_interrupted_insertion_has_is_shown(tmp_path, kill, capsys):
    kill("closure")
    quick(tmp_path / "part")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SsmbWarning)
        assert main(["bunching", str(tmp_path / "part"), "--json"]) == 0
        out, err = capsys.readouterr()
        assert json.loads(out)["harmonics"] == list(range(1, 11))
        assert "NOT FINISHED, interrupted at closure" in err
        assert main(["plot", str(tmp_path / "part")]) == 0
        assert main(["power", str(tmp_path / "part")]) == 2
    assert "is interrupted at closure" in capsys.readouterr().err


def test_a_ring_without_particles_is_read_printed_and_drawn(tmp_path, capsys):
    path = write_files(tmp_path)
    changes = {"track.turns": 6, "laser.turns": 3, "beam.particles": 300, "output.particles": False}
    found = run_file(path, folder=tmp_path / "out", changes=changes)
    assert not (tmp_path / "out" / "particles").exists()
    back = load_result(tmp_path / "out")
    assert (back.beam, back.beams()) == (None, [])
    assert back.summary() == found.summary()
    assert bits([back.records, back.light, back.losses]) == bits([found.records, found.light, found.losses])
    for name in ("beta", "closed_orbit", "slip_factor", "mode_beta"):
        assert np.array_equal(getattr(back.optics, name), getattr(found.optics, name))
    assert back.text().splitlines()[:8] == found.text().splitlines()[:8]
    assert {"optics", "bunching", "signal"} <= set(study_figures(back))
    for verb in (["bunching"], ["plot"], ["resume"]):
        assert main([verb[0], str(tmp_path / "out")]) == 0
    capsys.readouterr()
    assert main(["bunching", str(tmp_path / "out"), "--wavelength", "1064e-9"]) == 2
    assert "keeps no particles (output.particles is false" in capsys.readouterr().err


def test_a_finished_run_is_replaced_only_if_asked(tmp_path):
    path = write_files(tmp_path)
    changes: dict[str, Any] = {"track.turns": 3, "laser.turns": 3, "beam.particles": 100}
    first = run_file(path, folder=tmp_path / "out", changes=changes, command="ssmb run small.run.yaml", threads=1)
    assert (first.provenance["command"], first.provenance["threads"]) == ("ssmb run small.run.yaml", 1)
    assert load_result(tmp_path / "out").provenance["seed"] == 1
    with pytest.raises(ConfigError, match="holds a run already.*--force"):
        run_file(path, folder=tmp_path / "out", changes=changes)
    with pytest.raises(ConfigError, match="track.turns"):
        run_file(path, folder=tmp_path / "out", changes=changes | {"track.turns": -1}, force=True)
    assert bits(load_result(tmp_path / "out")) == bits(first)
    second = run_file(path, folder=tmp_path / "out", changes=changes | {"beam.seed": 2}, force=True)
    assert bits(load_result(tmp_path / "out")) == bits(second) != bits(first)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"laser.wavelength": "1000e-9"},
            "laser.wavelength: 1e-06 is not the laser wavelength .* of 'U' .*, 1.064e-06",
        ),
        (
            {"light.in_lattice": "true"},
            "light.period.*: 0.125 is not|light.periods: 32 is not the number of periods .* U, 4",
        ),
        ({"light.in_lattice": "true", "light.period": "0.05"}, "light.period: 0.05 is not the period .* U, 0.125"),
    ],
)
def test_what_is_said_twice_must_agree(tmp_path, changes, words):
    with pytest.raises(ConfigError, match=words) as caught:
        run_file(write_files(tmp_path), folder=tmp_path / "out", changes=changes)
    assert caught.value.where is not None and caught.value.where.line
    assert not (tmp_path / "out").exists()


def test_what_the_lattice_says_need_not_be_said(tmp_path):
    """The same bits without the wavelength of the laser."""
    path = write_files(tmp_path)
    changes = {"track.turns": 4, "laser.turns": 3, "beam.particles": 200}
    said = run_file(path, folder=tmp_path / "said", changes=changes)
    path.write_text(RUN.replace("wavelength: 1064e-9, ", ""))
    left_out = run_file(path, folder=tmp_path / "left_out", changes=changes)
    assert left_out.config.laser.wavelength == said.config.laser.wavelength == 1064e-9
    assert bits([left_out.beam, left_out.records, left_out.light]) == bits([said.beam, said.records, said.light])


def test_a_cavity_whose_frequency_is_no_harmonic_is_refused_where_it_stands(tmp_path):
    cavity = "  - cav: {kind: RFCavity, RFP: {voltage: 1e3, frequency: %s, zero_phase: ABOVE_TRANSITION}}\n  - ring:"
    ring = RING.replace("line: [begin, U,", "line: [begin, cav, U,")
    path = write_files(tmp_path, ring=ring.replace("  - ring:", cavity % "100e6"))
    with pytest.raises(LatticeError, match=r"frequency .*, not a whole number of times: give RFP.harmon: 1") as caught:
        run_file(path, folder=tmp_path / "out")
    assert caught.value.where is not None and caught.value.where.file.endswith("ring.pals.yaml")


@pytest.fixture
def dice(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "dice.py").write_text(DICE)
    (tmp_path / "line.pals.yaml").write_text(RING)
    spec = importlib.util.spec_from_file_location("dice_study", tmp_path / "dice.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["dice_study"] = module
    spec.loader.exec_module(module)
    path = tmp_path / "a.run.yaml"
    path.write_text("title: throws\nlattice: line.pals.yaml\ndice: {throws: 600}\n")
    yield path
    del STUDIES["dice"], sys.modules["dice_study"]


def test_a_new_study_is_one_file(dice: Path, tmp_path: Path, capsys) -> None:
    assert "DiceRunConfig" in schema_of("run")["$defs"]
    assert main(["check", str(dice)]) == 0
    assert main(["run", str(dice), "--folder", str(tmp_path / "out")]) == 0
    assert "mean 3." in capsys.readouterr().out
    result = load_result(tmp_path / "out")
    assert abs(result.summary()["mean"] - 3.5) < 5 * 1.71 / 600**0.5
    assert main(["plot", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "figures" / "table.png").is_file()
    assert main(["bunching", str(tmp_path / "out")]) == 0
    assert main(["power", str(tmp_path / "out")]) == 2
    capsys.readouterr()
    assert main(["run", str(dice), "--folder", str(tmp_path / "b"), "--set", "dice.thrws=3"]) == 2
    assert "Did you mean 'throws'?" in capsys.readouterr().err
