"""Collective effects in a run file: what a line says, what the run fills in, what is told of it, wrong lines."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ssmb.beam.kick_statistics import KickStatistics, kick_statistics
from ssmb.cli.main import main
from ssmb.collective import EFFECTS, Intrabeam, TransverseImpedance
from ssmb.errors import ConfigError, SsmbError, ValidityWarning
from ssmb.facility.kick_budget import PHYSICS, KickBudget, KickLine, allowed_kick, missing_physics
from ssmb.studies import load_result, run_file, source
from ssmb.tracking.stations import Kick
from tests.studies.small_ring import write_files
from tests.support import assert_close

SHORT = """title: effects
lattice: ring.pals.yaml
beam: {particles: 700, charge: 1e-9, emit_x: 1e-8, emit_y: 1e-9, sigma_delta: 1e-4, sigma_z: 1e-4, start: random}
laser: {elements: [U], turns: 20}
track: {turns: 20}
effects:
- EFFECT
output: {figures: false}
"""
MODE = "{kind: resonator, shunt_impedance: 1 kohm, quality: 2, frequency: 1 THz}"
WALL = "{kind: resistive_wall, length: 10 m, radius: 1 cm, conductivity: 5.8e7}"
WAKE = f"{{kind: bunch_impedance, at: stop, window: [-1 cm, 1 cm], impedance: {MODE}"
INTRABEAM = "{kind: intrabeam, at: stop, electrons: 1e10, coulomb_log: 10}"


def of(folder: Path, effect: str = INTRABEAM) -> Path:
    return write_files(folder, SHORT.replace("EFFECT", effect))


def test_a_line_acts_and_is_measured(tmp_path: Path) -> None:
    quiet = run_file(of(tmp_path, "{kind: intrabeam, at: stop, electrons: 1e4, coulomb_log: 10}"), tmp_path / "a")
    loud = run_file(of(tmp_path), tmp_path / "b")
    assert loud.beam.delta[loud.beam.alive].std() > quiet.beam.delta[quiet.beam.alive].std()
    (kick,) = load_result(tmp_path / "b").kicks
    assert (kick.effect, kick.element, kick.turn) == ("intrabeam", "stop", 19)
    assert kick.random > 100.0 * quiet.kicks[0].random > 0.0
    assert_close(kick.random, kick.rms, rtol=0.05, atol=0.0, what="scattering is random")
    told = loud.text()
    volts = float(re.search(r"intrabeam at 'stop', turn 19: mean \S+ \S+, rms ([\d.]+) keV", told)[1])
    assert_close(1e3 * volts, kick.rms * 250e6, rtol=6e-3, atol=0.0, what="rms [eV]")
    assert loud.summary()["kicks"][0]["rms"] == kick.rms


def test_an_impedance_in_a_line(tmp_path: Path) -> None:
    """Current and wavelength of a train are those of the run, where the line leaves them out."""
    wave = "{kind: train_impedance, at: U, impedance: {kind: resistance, resistance: 1 kohm}, current: 5 A}"
    found = run_file(of(tmp_path, wave), tmp_path / "a")
    (kick,) = found.kicks
    assert kick.rms > 0.0
    with pytest.raises(SsmbError, match=r"small.run.yaml.*current is missing"):
        run_file(of(tmp_path, wave.replace(", current: 5 A", "")), tmp_path / "b")
    with pytest.raises(SsmbError, match=r"small.run.yaml.*resistanze"):
        run_file(of(tmp_path, wave.replace("kind: resistance", "kind: resistanze")), tmp_path / "b")


def test_what_deflects_is_told_by_its_angle(tmp_path: Path) -> None:
    """A kind that leaves the energy alone has a line of its own in the text, and counts as no cause of energy kicks."""
    wake = "{kind: transverse_impedance, at: stop, axis: x, window: [-WIDE, WIDE], impedance: IMPEDANCE}"
    wall = "{kind: transverse_resistive_wall, length: 10 m, radius: 1 cm, conductivity: 5.8e7}"
    found = run_file(of(tmp_path, wake.replace("IMPEDANCE", wall).replace("WIDE", "4 um")), tmp_path / "a")
    (kick,) = load_result(tmp_path / "a").kicks
    assert (kick.rms, kick.mean, kick.random) == (0.0, 0.0, 0.0)
    assert kick.deflection > 0.0
    told = re.search(r"transverse_impedance at 'stop', turn 19: rms deflection ([\d.]+) (\S)rad", found.text())
    assert told, found.text()
    scale = {"m": 1e-3, "µ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18}[told[2]]
    assert_close(scale * float(told[1]), kick.deflection, rtol=6e-3, atol=0.0)
    assert TransverseImpedance.physics not in PHYSICS


def test_places_by_spacing_and_names(tmp_path: Path) -> None:
    spaced = run_file(of(tmp_path, INTRABEAM.replace("at: stop", "at: 0.5 m")), tmp_path / "a")
    assert len(spaced.kicks) > 2
    named = run_file(of(tmp_path, INTRABEAM.replace("at: stop", "at: [U, stop]")), tmp_path / "b")
    assert [kick.element for kick in named.kicks] == ["U", "stop"]


@pytest.mark.parametrize(
    ("effect", "want"),
    [
        ("{kind: intrabeem, at: stop}", "intrabeam"),
        ("{kind: intrabeam, at: stopp, electrons: 1e9}", "no element 'stopp' in the lattice. Did you mean 'stop'"),
        ("{kind: intrabeam, electrons: 1e9}", "at"),
        ("{kind: intrabeam, at: stop, electron: 1e9}", "electron"),
        ("{kind: intrabeam, at: -5.0, electrons: 1e9}", "spacing"),
        ("{kind: intrabeam, at: stop, electrons: 1e9}\n- {kind: intrabeam, at: U, electrons: 1e9}", "a second effect"),
        ("{kind: intrabeam, at: stop, electrons: 1e9, current: 1}", "not both"),
        ("{kind: intrabeam, at: [], electrons: 1e9}", "at is empty"),
        ("{kind: bunch_impedance, at: stop, impedance: {kind: resonator, shunt: 1}}", "allowed: frequency, kind"),
        ("{kind: bunch_impedance, at: stop, impedance: {kind: resonator, resonator: 1}}", "allowed: frequency, kind"),
        (f"{WAKE}, buckets: [0, 9], spacing: 1 m, turns: 2}}", "small.run.yaml:7.*reach over"),
        (f"{WAKE.replace(MODE, WALL)}, turns: 100000000}}", "small.run.yaml:7.*fewer turns"),
        (f"{WAKE}, buckets: [1, 1], spacing: 1 m}}", "BunchImpedance: give buckets"),
        ("5", "effects"),
        ("{kind: transverse_impedance, at: U, axis: z, window: [-1, 1], impedance: {kind: sum}}", "axis"),
        ("{kind: own_light, at: stop, current: 1, sigma_x: 1 mm, sigma_y: 1 mm}", "no undulator at 'stop'"),
        ("{kind: optical_cavity, at: stop, current: 1, loss: 4e-4}", "'stop' has no wave"),
    ],
)
def test_wrong_lines(tmp_path: Path, effect: str, want: str) -> None:
    with pytest.raises(SsmbError, match=want) as caught:
        run_file(of(tmp_path, effect), tmp_path / "x")
    assert "small.run.yaml" in str(caught.value)
    assert not (tmp_path / "x").exists()


def test_a_window_without_charge_is_told_once(tmp_path: Path) -> None:
    """Of every kind with a window: it acts on nobody, and a user must hear that, but not on every turn."""
    across = "{kind: transverse_impedance, at: stop, axis: x, impedance: {kind: transverse_resonator, "
    across += "shunt_impedance: 1e6, quality: 2, frequency: 1 GHz}, window: [1, 2]}"
    ahead = (WAKE.replace("[-1 cm, 1 cm]", "[1, 2]") + "}", across)
    ahead += ("{kind: transverse_space_charge, at: stop, window: [1, 2]}",)
    with pytest.warns(ValidityWarning, match="outside of the window") as told:
        run_file(of(tmp_path, "\n- ".join(ahead)), tmp_path / "a")
    found = [str(w.message).partition(":")[0] for w in told if "outside of the window" in str(w.message)]
    assert found == ["bunch_impedance", "transverse_impedance", "transverse_space_charge"]


def test_a_run_without_source_has_no_budget(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_file(of(tmp_path), tmp_path / "a")
    assert main(["budget", str(tmp_path / "a")]) == 2
    assert "no budget of kicks: it has no source" in capsys.readouterr().err


def test_physics_of_effects_is_known() -> None:
    """Every effect says which physics it is, so that a budget does not call it missing."""
    for kind, cls in EFFECTS.items():
        assert all(effect.physics for effect, _ in cls.examples()), kind
    assert missing_physics(PHYSICS) == ()
    assert missing_physics(["space charge"]) == tuple(name for name in PHYSICS if name != "space charge")


def test_random_part_of_a_kick() -> None:
    """Focusing in all six coordinates is no noise; a wave of many periods over the beam is, all of it."""
    random = np.random.default_rng(3)
    rows = random.normal(size=(6, 20_000)) * np.array([1e-4, 1e-5, 1e-4, 1e-5, 1e-6, 1e-3])[:, None]
    weight = random.uniform(0.5, 1.5, 20_000)
    linear = np.array([3.0, 20.0, -2.0, 5.0, 400.0, 0.1]) @ rows + 2e-3
    found = kick_statistics(rows, linear, weight)
    assert found.rms > 1e-4
    assert found.random < 1e-12
    wave = 1e-4 * np.cos(2.0 * np.pi * rows[4] / 13.5e-9)
    both = kick_statistics(rows, linear + wave, weight)
    assert_close(both.random, 1e-4 / np.sqrt(2.0), rtol=0.02, atol=0.0)
    # the wave is a function of z, too fine for slices here; over a short bunch it is not
    assert both.scatter > 0.9 * both.random
    short = rows.copy()
    short[4] *= 5e-3  # 5 nm
    held = kick_statistics(short, 1e-4 * np.cos(2.0 * np.pi * short[4] / 13.5e-9) + linear, weight)
    assert held.scatter < 0.05 * held.random  # the outer slices are wide
    noise = 1e-5 * random.normal(size=20_000)
    assert_close(kick_statistics(short, noise + linear, weight).scatter, 1e-5, rtol=0.03, atol=0.0)
    assert_close(both.mean, float(weight @ (linear + wave) / weight.sum()), rtol=1e-12, atol=0.0)


def test_scattering_that_was_tracked_is_counted_once() -> None:
    """The line of the equilibrium stands for scattering only where no effect has tracked it."""
    found: Any = SimpleNamespace(sigma_delta=(3e-4, 5e-4))
    ring: Any = SimpleNamespace(damping=(1e-5, 1e-5, 4e-5))
    quiet = KickStatistics()
    alone = source._kicks(found, ring, [(0.0, quiet)], [], [])
    names = [line.name for line in alone.lines]
    assert names == ["photons of the ring", "intrabeam scattering", "own light of the radiator"]
    assert_close(alone.total, alone.allowed, rtol=1e-12, atol=0.0, what="photons and scattering are what is damped")
    effect = Intrabeam(at="m", electrons=1e9)
    tracked = source._kicks(found, ring, [(0.0, quiet)], [effect], [Kick(scatter=1e-6, effect="intrabeam")])
    assert [line.name for line in tracked.lines].count("intrabeam: intrabeam scattering") == 1
    assert "intrabeam scattering" not in [line.name for line in tracked.lines]


def test_doubt_of_a_budget() -> None:
    allowed = allowed_kick(5e-5, 40e-12, 0.03)
    assert_close(allowed, 5.164e-7, rtol=1e-3, atol=0.0)
    felt = KickBudget("y", allowed, (KickLine("photons", 3.0 * allowed, "calculated", True),), ())
    assert felt.doubt == ""
    light = KickLine("own light of the radiator", 4.6 * allowed, "tracked", False)
    unfelt = KickBudget("y", allowed, (*felt.lines, light), ("space charge",))
    assert unfelt.doubt.startswith("NOT A STEADY STATE: 'own light of the radiator' kicks 4.6 times")
    assert "NOT COUNTED: space charge" in unfelt.table()
    assert_close(unfelt.balance, 9.0 + 4.6**2, rtol=1e-12, atol=0.0)
    assert "it would hold 30.2 times the emittance" in unfelt.table()
    assert "would hold" not in KickBudget("y", allowed, (KickLine("photons", allowed, "calculated", True),), ()).table()
    with pytest.raises(ConfigError):
        KickBudget("q", allowed, (), ())
    wrong: Any = "somewhere"
    with pytest.raises(ConfigError):
        KickLine("a", 1.0, wrong, True)
