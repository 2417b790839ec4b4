"""The section ``source`` of ring runs: light of the tracked beam, intrabeam scattering, energy of a turn, files,
words.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from ssmb.beam import Beam
from ssmb.beamlines import BEAMLINES
from ssmb.cli.main import main
from ssmb.collective import IntrabeamHeating, impact_parameters
from ssmb.collective.intrabeam_heating import unit_vertical
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.dynamics import equilibrium
from ssmb.errors import ConfigError, PhysicsError, SsmbWarning, ValidityWarning
from ssmb.facility.ring_intrabeam import ring_intrabeam
from ssmb.lattice import load_lattice
from ssmb.plot.study import study_figures
from ssmb.ranges import NOTHING
from ssmb.studies import load_config, load_result, resume, run_file
from ssmb.studies.ring import RingResult
from ssmb.studies.source_config import Chain, SourceConfig
from tests.facility.lights import light_of
from tests.studies.small_ring import STEADY, STEADY_RING, bits
from tests.support import assert_close

LATTICES = Path(__file__).parents[2] / "lattices"
SOURCE = (
    "source: {radiator: qd, period: 0.125, periods: 12, harmonics: [1, 2], average_current: 0.1, train_current: 0.4, "
    "beamlines: 2,\n  beamline: [{kind: aperture, distance: 8, half_x: 0.02}, {kind: given, name: window, "
    "transmission: 0.9}]}\n"
)
ON = {"laser.turns": 60, "track.turns": 60, "laser.windows": "[]", "beam.particles": 2000, "monitors": []}


def write(folder: Path) -> Path:
    (folder / "steady.pals.yaml").write_text(STEADY_RING, encoding="utf-8")
    path = folder / "source.run.yaml"
    path.write_text(STEADY + SOURCE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> RingResult:
    folder = tmp_path_factory.mktemp("source")
    with pytest.warns(SsmbWarning):  # noise of few particles; the ring has no vertical damping to speak of
        return run_file(write(folder), folder=folder / "out", changes=ON)


def test_the_light_is_that_of_the_beam_at_the_place(result: RingResult):
    source = result.source
    assert source is not None and result.beam_at_source is not None
    assert (source.at, source.turn) == ("qd", 59)
    wavelength = 1064e-9 * (1.0 + 1e-8)
    light = source.lights[1]
    with pytest.warns(ValidityWarning):
        again = light_of(
            result.beam_at_source, 0.125, 12, laser_wavelength=wavelength, harmonic=2, average_current=0.1,
            train_current=0.4, duty=0.8,
        )  # fmt: skip
    assert_close(light.light.power, again.light.power, rtol=1e-12, atol=0.0, what="peak power [W]")
    duty = next(s for s in light.steps if s.name == "duty of the laser")
    assert (duty.factor, duty.origin) == (0.8, "given")  # 4 of 5 turns, as the laser section says
    assert [(s.name, s.origin) for s in light.steps[-2:]] == [("round aperture", "calculated"), ("window", "given")]
    product = light.steps[0].power * math.prod(s.factor for s in light.steps)
    assert_close(light.power_at_focus, product, rtol=1e-12, atol=0.0, what="product of the factors [W]")


def test_power_is_the_mean_over_turns(tmp_path):
    bucket = {"kind": "bucket", "at": "qd", "harmonics": [1, 2], "every": 3}
    changes = ON | {"monitors": [bucket]}
    with pytest.warns(SsmbWarning):
        of_turn = run_file(write(tmp_path), folder=tmp_path / "turn", changes=changes)
    with pytest.warns(SsmbWarning):
        mean = run_file(write(tmp_path), folder=tmp_path / "mean", changes=changes | {"source.mean_over": 30})
    assert of_turn.source is not None and mean.source is not None
    assert (of_turn.source.mean_over, mean.source.mean_over) == (1, 30)
    record = mean.records["bucket@qd"]
    late = record.turn >= 30
    assert late.sum() == 10
    for column, (one, over) in enumerate(zip(of_turn.source.lights, mean.source.lights, strict=True)):
        factor = np.mean(record.magnitude[late, column] ** 2) / one.light.bunching**2
        step = next(s for s in over.steps if s.name == "mean over turns")
        assert step.origin == "tracked"
        for name in ("power_at_focus", "energy_loss"):
            assert_close(getattr(over, name), factor * getattr(one, name), rtol=1e-6, atol=0.0, what=name)
        assert_close(over.exit.peak_power, factor * one.exit.peak_power, rtol=1e-6, atol=0.0, what="peak power [W]")
        product = over.steps[0].power * math.prod(s.factor for s in over.steps)
        assert_close(over.power_at_focus, product, rtol=1e-12, atol=0.0, what="product of the factors [W]")
    assert bits(load_result(mean.folder).source) == bits(mean.source)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source.mean_over": 10}, "needs a bucket monitor at 'qd'"),
        ({"source.mean_over": 10, "monitors": [{"kind": "bucket", "at": "qd", "harmonics": [1]}]}, "no harmonic 2"),
        ({"source.mean_over": 61, "monitors": [{"kind": "bucket", "at": "qd"}]}, "2 .two records. to 60"),
        ({"source.mean_over": 10, "source.turn": 3}, "not both"),
        ({"source.mean_over": 1}, "mean_over"),
    ],
)
def test_a_mean_that_cannot_be_formed_is_refused(tmp_path, changes, words):
    with pytest.raises(ConfigError, match=words):
        load_config(write(tmp_path), ON | changes)


def test_energy_is_balanced(result: RingResult):
    source = result.source
    assert source is not None
    assert max(abs(v) for v in source.imbalance) < 1e-9
    energy = source.energy
    # both radiators take it, on 4 of 5 turns
    assert_close(energy.light, 0.8 * 2.0 * max(v.energy_loss for v in source.lights), rtol=1e-12, atol=0.0)
    # the radiator is no magnet of this lattice: its incoherent light is not in the loss of the magnets
    loss = source.lights[0].incoherent_loss
    assert_close(energy.incoherent, 2.0 * loss, rtol=1e-12, atol=0.0, what="incoherent light of both radiators [eV]")
    assert energy.missing == pytest.approx(energy.radiation + energy.light + energy.incoherent)  # only the laser gives
    assert energy.laser_on == 0.8


def test_everything_is_stored_and_printed(result: RingResult, capsys, tmp_path):
    back = load_result(result.folder)
    assert bits(back.source) == bits(result.source)
    assert bits(back.beam_at_source) == bits(result.beam_at_source)
    assert back.summary() == result.summary()
    assert main(["power", result.folder, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["lights"][0]["power_at_focus"] == result.source.lights[0].power_at_focus  # type: ignore[union-attr]
    assert main(["power", result.folder]) == 0
    text = capsys.readouterr().out
    for words in ("duty of the laser", "at focus", "intrabeam", "energy a turn", "lost over radiated"):
        assert words in text
    assert main(["bunching", result.folder, "--json"]) == 0
    places = [p["at"] for p in json.loads(capsys.readouterr().out)["particles"]]
    assert places == ["source at qd, turn 59", "end of turn 59"]
    figures = study_figures(back)
    assert {"power", "power_1", "power_2"} <= set(figures)


def test_a_run_without_source_has_no_power(tmp_path, capsys):
    path = write(tmp_path)
    run_file(path, folder=tmp_path / "out", changes={**ON, "source": None, "track.turns": 2})
    assert main(["power", str(tmp_path / "out")]) == 2
    assert "has no source" in capsys.readouterr().err


def test_intrabeam_scattering_of_the_400_mev_ring():
    """One ampere in micro-buckets doubles the energy spread (the parameter study: 7.6e-4 at 400 MeV and 40 bends).

    The study knows the own microbunch only; its neighbours in the arcs, where microbunches overlap, add to that.
    """
    ring = load_lattice(LATTICES / "ssmb_400mev_ring.pals.yaml")
    found = ring_intrabeam(ring, "UND_OUT", current=1.0, wavelength=1064e-9, emit_y=44e-12)
    electrons = 1064e-9 / (ring.reference.beta * SPEED_OF_LIGHT * ELEMENTARY_CHARGE)
    assert_close(found.electrons, electrons, rtol=1e-12, atol=0.0, what="electrons of a microbunch")
    assert_close(found.sigma_delta[0], 3.65e-4, rtol=0.01, atol=0.0, what="without, lattices/README.md")
    assert_close(found.sigma_z[0], 78e-9, rtol=0.01, atol=0.0, what="without, lattices/README.md")
    heating, vertical = IntrabeamHeating(ring, electrons=electrons), 44e-12 * unit_vertical(ring)
    own = equilibrium(ring, lasers=True, heating=lambda sigma: heating(sigma + vertical))
    alone = own.sigma_delta[own.index("UND_OUT")]
    assert_close(alone, 7.6e-4, rtol=0.05, atol=0.0, what="momentum spread at 1 A, own microbunch")
    assert_close(found.sigma_delta[1] / alone, 1.0485, rtol=0.005, atol=0.0, what="what the neighbours add")
    places = (own.sigma[:-1] + vertical)[::10]
    logs = [impact_parameters(ring.reference, sigma, electrons=electrons).logarithm for sigma in places]
    assert_close(found.coulomb_log_range[1], float(np.mean(logs)), rtol=0.0, atol=0.3, what="widest logarithm")
    k = 2.0 * math.pi / 532e-9
    assert_close(
        found.power_factor(532e-9),
        math.exp(-k * k * (found.sigma_z[1] ** 2 - found.sigma_z[0] ** 2)),
        rtol=1e-12,
        atol=0.0,
    )
    assert found.power_factor(1e-10) == NOTHING  # exp(-k^2 d) is below all numbers


def test_a_beam_that_does_not_fit_into_a_bucket_scatters_as_a_coasting_one():
    """The linear force of the laser would hold 14 um in a bucket of 1 um; the cavity of the MLS holds its bunch."""
    ring = load_lattice(LATTICES / "mls_ssmb.pals.yaml")
    found = ring_intrabeam(ring, "MODULATOR", current=0.02, wavelength=1064e-9, emit_y=0.33e-9)
    assert (found.electrons, found.sigma_z) == (0.0, (0.0, 0.0))
    assert "no room" in found.covers
    quiet = equilibrium(ring)
    assert_close(found.sigma_delta[0], quiet.sigma_delta[0], rtol=1e-9, atol=0.0, what="without laser")
    assert found.sigma_delta[1] > found.sigma_delta[0]
    # the beam has the vertical emittance that is given, not that of the lattice
    places = (quiet.sigma[:-1] + 0.33e-9 * unit_vertical(ring))[::5]
    logs = [impact_parameters(ring.reference, sigma, current=0.02).logarithm for sigma in places]
    assert_close(found.coulomb_log_range[1], float(np.mean(logs)), rtol=0.0, atol=0.3, what="widest logarithm")


def test_intrabeam_in_the_beam_is_told_only(tmp_path):
    path = write(tmp_path)
    with pytest.warns(SsmbWarning):
        got = run_file(path, folder=tmp_path / "out", changes={**ON, "track.turns": 3, "source.intrabeam": "in_beam"})
    assert got.source is not None
    assert not any("intrabeam" in s.name for s in got.source.lights[0].steps)


def test_chains_of_run_files_are_those_of_the_lithography():
    assert set(Chain.__args__) == {"none", *BEAMLINES}


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        (
            {"source.radiator": "stopp"},
            ConfigError,
            "source.radiator: no element is named 'stopp'.*Did you mean 'stop'",
        ),
        ({"source.harmonics": "[]"}, ConfigError, "source.harmonics: "),
        ({"source.harmonics": "[2, 2]"}, ConfigError, "source: harmonics holds a number twice"),
        ({"source.period": 10.0}, PhysicsError, "source: "),  # no K is resonant
        ({"source.average_current": 0.0}, ConfigError, "source.average_current: "),
        ({"source.train_current": 0.05}, ConfigError, "source: train_current 0.05 A is below average_current 0.1 A"),
        ({"source.duty": 0.0}, ConfigError, "source.duty: "),
        ({"source.turn": 600}, ConfigError, "source.turn 600 is not tracked"),
        ({"source.chain": "two_grazin"}, ConfigError, "source.chain: "),
        ({"source.beamline.0.half_x": 0.0}, ConfigError, "source.beamline.0.half_x"),
        (
            {"source.beamline": [{"kind": "gas", "formula": "H2", "length": 1, "pressure": 1}]},
            ConfigError,
            "source: .*Gas: wavel",
        ),
        ({"source.perod": 1}, ConfigError, "unknown key 'source.perod'.*Did you mean 'period'"),
        ({"laser.turns": 30}, ConfigError, "give source.duty"),
    ],
)
def test_bad_input_is_placed_and_refused_before_a_folder_is_made(tmp_path, changes, error, words):
    path = write(tmp_path)
    with pytest.raises(error, match=words) as caught:
        run_file(path, folder=tmp_path / "out", changes=ON | changes)
    assert caught.value.where is not None and caught.value.where.line
    assert not (tmp_path / "out").exists()


def test_the_laser_section_says_the_duty():
    ring = LATTICES / "mls_ssmb.run.yaml"
    given = {"radiator": "MODULATOR", "period": 0.125, "periods": 32, "harmonics": [1], "average_current": 0.1}
    assert load_config(ring, {"source": given}).laser_duty() == 1.0
    assert load_config(ring, {"source": given, "laser.duty": {"period": 10, "on": 1}}).laser_duty() == 0.1
    assert load_config(ring, {"source": given | {"duty": 0.3}}).laser_duty() == 0.3
    assert SourceConfig(**given).turn is None


def test_lost_particles_do_not_radiate():
    """Whatever their last coordinates are."""
    reference = load_lattice(LATTICES / "ssmb_400mev_ring.pals.yaml").reference
    rows = np.zeros((6, 64))
    rows[0], rows[2] = np.linspace(-2e-4, 2e-4, 64), np.linspace(-1e-4, 1e-4, 64)[::-1]
    alone = Beam(reference, rows)
    rows = np.concatenate([rows, np.array([[1.0], [3.0], [0.0], [0.0], [0.0], [0.1]])], axis=1)
    state = np.zeros(65, dtype=int)
    state[-1] = 1
    both = Beam(reference, rows, state=state, lost_turn=np.where(state, 1, -1), lost_element=np.where(state, 0, -1))
    given = {"laser_wavelength": 1064e-9, "harmonic": 4, "average_current": 1e-5}
    one, two = (light_of(b, 0.05, 40, **given) for b in (alone, both))
    assert_close(two.light.power, one.light.power, rtol=1e-12, atol=0.0)


def test_a_run_on_the_ring_model_keeps_the_magnets_for_its_source(tmp_path):
    """Begun again from its folder, where both lattices lie, it finds the same; the scattering is that of the
    magnets.
    """
    path = write(tmp_path)
    quiet = re.sub(r" *diffusion: .*\n", "", STEADY_RING)
    (tmp_path / "steady.pals.yaml").write_text(quiet, encoding="utf-8")
    changes = {**ON, "track.turns": 4, "track.radiation": "mean", "track.model": "ring_model", "beam.particles": 500}
    with pytest.warns(SsmbWarning):
        first = run_file(path, folder=tmp_path / "out", changes=changes)
    again = tmp_path / "again"
    again.mkdir()
    for name in ("run.json", "lattice.pals.yaml", "ring.pals.yaml"):
        shutil.copy(tmp_path / "out" / name, again / name)
    with pytest.warns(SsmbWarning):
        second = resume(again)
    assert bits(second.source) == bits(first.source)
    assert first.source is not None and first.source.energy.radiation > 0.0
    with pytest.warns(SsmbWarning):
        magnets = run_file(path, folder=tmp_path / "magnets", changes={**changes, "track.model": "lattice"})
    assert bits(magnets.source.intrabeam) == bits(first.source.intrabeam)  # type: ignore[union-attr]
