"""Collective effects between the modulators of an insertion: what is left behind the second, against closed forms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb import load_lattice
from ssmb.beam import Beam, Reference, bunching_factor
from ssmb.collective import Effect, TrainImpedance
from ssmb.collective.impedances import Resistance
from ssmb.collective.impedances.space_charge import SpaceCharge
from ssmb.errors import ConfigError, ValidityWarning
from ssmb.facility import Filling, Insertion
from ssmb.facility.insertion_effects import at_radiator, felt_effects
from ssmb.facility.kick_budget import light_kick
from ssmb.facility.radiator import Radiator
from ssmb.facility.source import RadiatingBeam
from ssmb.maps.undulator import Undulator
from ssmb.schemes.insertion import CouplingInsertion
from ssmb.studies import load_result, run_file
from ssmb.tracking.stations import Place
from tests.support import assert_close

LATTICES = Path(__file__).parents[2] / "lattices"
FILE = LATTICES / "ssmb_euv.run.yaml"
WAVELENGTH, ENERGY, H_MOD = 1064e-9, 650e6, 0.5**2 / 9.0
K = 2.0 * math.pi / WAVELENGTH


@dataclass(frozen=True, kw_only=True)
class Given(Effect):
    """Changes delta by what a test says."""

    change: Any = None

    def sums(self, beam: Beam, state: Any) -> np.ndarray:
        return np.zeros((self.blocks(beam), 1))

    def kick(self, beam: Beam, total: Any, state: Any, turn: int, here: Any) -> None:
        beam.coordinates[5] += self.change(beam)


@cache
def thin() -> CouplingInsertion:
    return Insertion.examples()[0][0].line


@cache
def modulated(n: int = 40_000) -> Beam:
    return thin().beam(n)


def random(beam: Beam) -> np.ndarray:
    return 1e-6 * np.random.default_rng(5).standard_normal(len(beam))


def left(at: str, change: Any) -> Any:
    return felt_effects(thin(), (Given(at=at, name="given", change=change),), modulated())[0]


def test_random_kicks_at_the_modulators_are_emittance() -> None:
    """H delta^2/2, as of photons: the path from one modulator to the other does not depend on delta."""
    for at in ("MOD1", "MOD2"):
        found = left(at, random)
        assert_close(found.growth, 0.5 * H_MOD * 1e-12, rtol=0.03, atol=0.0, what=f"growth at {at} [m]")
        assert_close(found.kick, 1e-6, rtol=0.015, atol=0.0, what=f"kick at {at} [1]")
        assert_close(found.changed, 1e-6 * ENERGY, rtol=0.015, atol=0.0, what="rms change [eV]")
        assert found.taken < 0.03 * 1e-6 * ENERGY
        assert_close(found.half_growth, found.growth, rtol=0.05, atol=0.0, what="with half of the particles [m]")


def test_random_kicks_at_the_radiator_come_to_the_wrong_phase() -> None:
    """r56 delta of path takes h r56 delta cos(kz) from what the second modulator gives back: factor 1 + xi^2/2."""
    xi = thin().chirp * thin().section.r56
    found = left("RAD", random)
    assert_close(found.growth, 0.5 * H_MOD * 1e-12 * (1.0 + 0.5 * xi * xi), rtol=0.03, atol=0.0, what="growth [m]")


@pytest.mark.parametrize("phase", [0.0, 1.1])
def test_the_second_modulator_takes_what_is_a_wave_of_its_laser(phase: float) -> None:
    def wave(beam: Beam) -> np.ndarray:
        spot = np.exp(-(beam.x**2 + beam.y**2) / thin().spot ** 2)
        return 1e-5 * spot * np.sin(K * beam.z + phase)

    found = left("MOD2", wave)
    assert_close(found.taken, 1e-5 * ENERGY, rtol=2e-3, atol=0.0, what="amplitude [eV]")
    assert found.growth < 1e-8 * 0.5 * H_MOD * 1e-10
    assert_close(found.changed, 1e-5 * ENERGY / math.sqrt(2.0), rtol=0.01, atol=0.0, what="rms [eV]")


def test_light_of_the_radiator_comes_back_to_the_second_modulator() -> None:
    """V cos(n k z_R) at the radiator is (1 - xi cos kz) of it behind MOD2: nothing at full compression."""
    current, z = 3.0, 400.0 - 300.0j
    light = TrainImpedance(
        at="RAD", impedance=lambda k: z + 0.0 * k, wavelength=WAVELENGTH, current=current, harmonics=[5]
    )
    beam, seen = modulated(), thin().at_radiator(modulated())
    b = complex(bunching_factor(seen, WAVELENGTH / 5))
    kick = -2.0 * current * np.real(z * b * np.exp(5j * K * seen.z))
    xi = thin().chirp * thin().section.r56
    wave = kick * (1.0 - xi * np.cos(K * beam.z))
    found = felt_effects(thin(), (light,), beam)[0]
    assert_close(found.changed, float(np.std(wave)), rtol=3e-3, atol=0.0, what="rms behind the second modulator [eV]")
    # the second modulator takes what is a wave of its laser
    columns = np.stack([np.sin(K * beam.z), np.cos(K * beam.z), np.ones(len(beam))], axis=1)
    rest = wave - columns @ np.linalg.lstsq(columns, wave, rcond=None)[0]
    assert_close(
        found.growth, 0.5 * H_MOD * float(np.mean(rest**2)) / ENERGY**2, rtol=0.01, atol=0.0, what="growth [m]"
    )
    assert_close(found.mean, -2.0 * current * z.real * abs(b) ** 2, rtol=1e-6, atol=0.0, what="mean loss [eV]")


def test_no_current_is_no_effect() -> None:
    light = TrainImpedance(at="RAD", impedance=Resistance(1e3), wavelength=WAVELENGTH, current=0.0)
    found = felt_effects(thin(), (light,), modulated(2000))[0]
    assert (found.mean, found.changed, found.growth, found.kick) == (0.0, 0.0, 0.0, 0.0)
    bare = thin().at_radiator(modulated(2000))
    assert np.array_equal(at_radiator(thin(), modulated(2000), (light,)).coordinates, bare.coordinates)


def test_effects_before_the_radiator_change_what_radiates() -> None:
    """A wave with the phase of the laser, as of space charge, adds to its chirp."""
    more = Given(at="MOD1", name="more", change=lambda beam: 1e-4 * np.sin(K * beam.z))
    seen = at_radiator(thin(), modulated(), (more,))
    bare = thin().at_radiator(modulated())
    lever = thin().section.r56 * 1e-4 * np.sin(K * modulated().z)
    assert_close(seen.z - bare.z, lever, rtol=1e-3, atol=1e-12, what="path of the kick [m]")


# of the lattice


@cache
def euv() -> tuple[CouplingInsertion, Beam]:
    lattice = load_lattice(LATTICES / "ssmb_euv.pals.yaml").with_light(False)
    line = CouplingInsertion(
        lattice, WAVELENGTH, 2.5e4, 1e-9, 40e-12, 5.5e-4, (17.48230625, 9.0), (0.5196152422706632, 0.0),
        (0.304375, 0.0), 2.4e-3,
    )  # fmt: skip
    return line, line.beam(2**16)


def test_own_light_of_the_insertion_is_that_of_the_study() -> None:
    """60 A: mean 290 eV, rms 1464 eV, five times the mean, of which damping takes a 33rd."""
    line, beam = euv()
    seen = line.at_radiator(beam)
    undulator = Undulator.resonant(beam.reference, WAVELENGTH / 79, 0.0227, 110)
    light = Radiator(undulator).state(RadiatingBeam(seen, WAVELENGTH, 79, Filling(1.0, 60.0, 3.33)))
    _, kick = light_kick(light, seen)
    assert_close(light.energy_loss, 290.0, rtol=0.05, atol=0.0, what="mean loss [eV]")
    assert_close(kick.random * ENERGY / light.energy_loss, 5.04, rtol=0.02, atol=0.0, what="rms over mean")
    assert_close(kick.random * ENERGY, 1464.0, rtol=0.05, atol=0.0, what="rms [eV]")
    xi = line.chirp * line.section.r56
    growth = 0.5 * line.h_mod * (1.0 + 0.5 * xi * xi) * kick.random**2
    assert_close(growth / (60e3 / ENERGY * 40e-12), 33.0, rtol=0.1, atol=0.0, what="growth over damping")


def test_space_charge_of_the_study() -> None:
    """|b_1| = 0.3 over 15 m at 60 A, a round beam of 193 um: 40.7 keV, 75.4 ohm/m."""
    n = 20_000
    z = np.sqrt(-2.0 * np.log(0.3)) / K * np.random.default_rng(1).standard_normal(n)
    beam = Beam(Reference(ENERGY), np.vstack([np.zeros((4, n)), z, np.zeros(n)]))
    b = abs(complex(bunching_factor(beam, WAVELENGTH)))
    made = TrainImpedance(
        at="RAD", impedance=SpaceCharge(15.0, ENERGY, 193e-6, 193e-6), wavelength=WAVELENGTH, current=60.0
    )
    kicked = Beam(beam.reference, beam.coordinates.copy())
    made.kick(kicked, made.total(made.sums(kicked, {})), {}, 0, Place(0, "RAD", 0.0))
    top = float(np.abs(kicked.delta).max()) * ENERGY * 0.3 / b
    assert_close(top, 40.7e3, rtol=0.005, atol=0.0, what="amplitude [eV]")


def test_run_of_an_insertion_with_its_effects(tmp_path: Path) -> None:
    """The shipped effects with few particles: in the budget, in words, in the file; nothing of it is missing."""
    small = {"beam.particles": 4096, "closure.particles": 512, "closure.order": 1, "source.detuning": "exact",
             "effects.2.at": 4.0, "effects.2.harmonics": [1, 2]}  # fmt: skip
    with pytest.warns(ValidityWarning) as told:
        found = run_file(FILE, folder=tmp_path / "out", changes=small)
    assert any("the light of each electron depends on its angle or energy" in str(w.message) for w in told)
    f = found.findings
    names = ["own_light", "light_of_the_modulators", "space_charge"]
    assert [e.name for e in f.felt.given] == [e.name for e in f.felt.scattered] == names
    own, modulators, charge = f.felt.given
    assert own.mean < -200.0 and modulators.changed < 0.1 * own.changed and abs(charge.mean) < 1e-3 * charge.changed
    assert 20e3 < charge.changed < 60e3
    lines = {line.name: line.random for line in f.kicks.lines}
    for one in f.felt.scattered:
        assert lines[f"{one.name}: {one.physics}"] == one.kick
    assert "own light of the radiator" not in lines
    assert not {"space charge", "light of the modulators", "own light of the radiator"} & set(f.kicks.missing)
    more = 0.5 * 0.03 * sum(e.kick**2 for e in f.felt.scattered)
    assert f.closure.growth > more > 0.0
    assert "effects between the modulators, each alone, on the beam without scattering" in found.text()
    again = load_result(tmp_path / "out")
    assert again.findings.felt == f.felt


@pytest.mark.parametrize(
    ("effect", "match"),
    [
        ({"kind": "own_light", "at": "B9X", "sigma_x": 1e-4, "sigma_y": 1e-4}, "B9X"),
        (
            {"kind": "optical_cavity", "at": "MOD1", "loss": 4e-4, "voltage": [1e6], "stored_power": 1e9},
            "keeps",
        ),
        ({"kind": "intrabeam", "at": 1.0}, "collisions"),
    ],
)
def test_what_an_insertion_has_no_place_for(tmp_path: Path, effect: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        run_file(FILE, folder=tmp_path / "out", changes={"effects": [effect]})


def test_an_effect_outside_of_the_modulators(tmp_path: Path) -> None:
    effect = {"kind": "own_light", "at": "MOD2", "sigma_x": 1e-4, "sigma_y": 1e-4, "line": 1}
    with pytest.raises(ConfigError, match="'MOD2' is not between mod1 'MOD1' and mod2 'B1A'"):
        run_file(FILE, folder=tmp_path / "out", changes={"effects": [effect], "insertion.mod2": "B1A"})


def test_noise_of_the_macroparticles_is_told_by_half_of_them() -> None:
    """A beam that is not bunched drives a wave by |b|^2 of about 1/N: half of the particles, twice the growth."""
    light = TrainImpedance(
        at="RAD", impedance=lambda k: 400.0 + 0.0 * k, wavelength=WAVELENGTH, current=3.0, harmonics=range(41, 141)
    )
    rng = np.random.default_rng(5)
    beam = modulated().select(np.arange(40_000))
    beam.coordinates[4] = WAVELENGTH * rng.random(len(beam))
    found = felt_effects(thin(), (light,), beam)[0]
    assert 1.5 < found.half_growth / found.growth < 2.6
