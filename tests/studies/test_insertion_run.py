"""Runs of insertions: the EUV insertion with few particles, its files, words and figures; what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from ssmb.beam import bunching_factor
from ssmb.cli.main import main
from ssmb.errors import ConfigError, PhysicsError, SsmbError, ValidityWarning
from ssmb.plot.study import plot_study, study_figures
from ssmb.schemes.closure import emittance_growth, thick_modulator_path
from ssmb.studies import load, load_config, load_result, resume, run_file
from ssmb.studies.insertion import InsertionResult, InsertionRunConfig
from tests.plot.reading import bars, curve
from tests.studies.small_ring import bits
from tests.support import assert_close

FILE = Path(__file__).parents[2] / "lattices" / "ssmb_euv.run.yaml"
#: The effects of the file belong to test_insertion_effects.py.
SMALL = {"beam.particles": 8192, "closure.particles": 1024, "closure.order": 2, "source.detuning": "exact",
         "effects": []}  # fmt: skip
#: A section that ends soon behind the radiator: it does not close, but it is quickly done.
SHORT = {"insertion.mod2": "B1A", "closure.order": 1, "beam.particles": 2048, "closure.particles": 256,
         "source.detuning": "exact", "insertion.spot": None}  # fmt: skip


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> InsertionResult:
    folder = tmp_path_factory.mktemp("insertion")
    with pytest.warns(ValidityWarning):  # few particles
        found = run_file(FILE, folder=folder / "out", changes=SMALL)
    assert isinstance(found, InsertionResult)
    return found


def test_bunching_is_that_of_the_particles(result: InsertionResult):
    f = result.findings
    assert f.harmonics.tolist() == list(range(1, 85))
    want = bunching_factor(result.beam, 1064e-9 / 79)
    assert_close(f.bunching[78], want, rtol=1e-12, atol=0.0, what="b_79")
    assert_close(abs(f.bunching[:10]), f.closed_form[:10], rtol=0.06, atol=0.0, what="low harmonics, closed form")
    assert_close(f.explained.tracked, abs(want), rtol=1e-12, atol=0.0)
    assert_close(f.closed_form[78], 0.1058, rtol=0.01, atol=0.0, what="J_79(79 xi) exp(-(n k)^2 eps_y H/2)")


def test_no_limit_is_left_out_or_counted_twice(result: InsertionResult):
    f = result.findings
    light = f.light
    steps = {s.name: s for s in light.steps}
    product = light.steps[0].power * math.prod(s.factor for s in light.steps)
    assert_close(light.power_at_focus, product, rtol=1e-12, atol=0.0, what="power at the focus [W]")
    for name in ("duty of the laser", "intrabeam scattering", "closure: fewer turns with laser", "filling of the ring"):
        assert name in steps
    duty = steps["duty of the laser"].factor * steps["closure: fewer turns with laser"].factor
    assert_close(duty, f.duty, rtol=1e-12, atol=0.0, what="share of the turns with laser, both limits together")
    assert f.duty <= min(f.laser.duty, f.closure.best_duty) * (1.0 + 1e-12)
    rise = f.closure.smear_rate * f.duty * f.closure.growth / (2.0 * f.closure.damping)
    assert_close(steps["closure: emittance that is left"].factor, math.exp(-rise), rtol=1e-12, atol=0.0)
    # average power is that of the turns with laser, with the emittance of the balance
    average = light.light.power / 60.0 * f.power_kept * f.duty * math.exp(-rise)
    assert_close(light.exit.average_power, average, rtol=1e-9, atol=0.0, what="average power [W]")
    assert_close(f.energy.light, light.exit.average_power, rtol=1e-12, atol=0.0, what="eV a turn at 1 A")
    assert abs(f.imbalance) < 1e-9


def test_the_closure_counts_collisions_and_slip(result: InsertionResult):
    f, want = result.findings, result.config.insertion
    h_mod = 0.03
    errors = (f.closure.dz_counting, f.closure.quantum, f.intrabeam.path_error, f.thick)
    all_of_them = sum(emittance_growth(h_mod, want.chirp, want.wavelength, e) for e in errors) + f.closure.aberrations
    assert_close(f.closure.growth, all_of_them, rtol=0.01, atol=0.0, what="growth of the emittance a turn [m]")
    path = thick_modulator_path(12, want.wavelength)
    assert_close(f.thick, path * math.sqrt(f.intrabeam.beam.emit_y[1] / h_mod), rtol=1e-9, atol=0.0, what="slip [m]")
    k = 2.0 * math.pi * 79 / want.wavelength
    assert_close(f.closure.smear_rate, k * k * 7.2e-8, rtol=0.01, atol=0.0, what="(n k)^2 H_rad, of the study [1/m]")
    assert f.path_error < 0.5e-9 < f.closure.dz_rms  # of the beam without, and with scattering


def test_everything_is_stored_and_printed(result: InsertionResult, capsys):
    for back in (load_result(result.folder), load(result.folder), resume(result.folder)):
        assert isinstance(back, InsertionResult)
        assert back.summary() == result.summary()
        assert bits(back.findings) == bits(result.findings)
        assert bits(back.beam) == bits(result.beam)
    assert main(["power", result.folder, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["lights"][0]["power_at_focus"] == result.findings.light.power_at_focus
    assert main(["power", result.folder]) == 0
    text = capsys.readouterr().out
    for words in (
        "T_533",
        "duty of the laser",
        "collisions of one pass",
        "allowed",
        "given",
        "beyond the map",
        "60 keV",
    ):
        assert words in text
    whole = result.text()
    assert text.strip() in whole
    assert main(["bunching", result.folder]) == 0
    assert "closed form" in capsys.readouterr().out
    assert main(["bunching", result.folder, "--wavelength", "1064e-9", "--json"]) == 0
    b1 = json.loads(capsys.readouterr().out)["particles"][0]["bunching"][0]
    assert_close(complex(b1["real"], b1["imag"]), result.findings.bunching[0], rtol=1e-12, atol=0.0)


def test_figures(result: InsertionResult, tmp_path):
    figures = study_figures(result)
    assert set(figures) == {"bunching", "phase_space", "spectrum", "closure", "power"}
    for name, figure in figures.items():
        figure.savefig(tmp_path / f"{name}.png")
    phase_space = figures["phase_space"].axes
    assert [a.get_xlabel() for a in phase_space[:3]] == ["z [nm]"] * 3
    assert_close(phase_space[2].get_xlim(), (-6.734, 6.734), rtol=1e-3, atol=0.0, what="one wavelength of the light")
    assert len(plot_study(result).axes) >= 7
    f = result.findings
    closed, tracked = figures["bunching"].axes[0].lines[:2]
    assert_close(closed.get_xdata(), f.harmonics, rtol=0.0, atol=0.0, what="harmonics")
    assert_close(closed.get_ydata(), f.closed_form, rtol=1e-12, atol=0.0, what="closed form of |b_n|")
    assert_close(tracked.get_ydata(), np.abs(f.bunching), rtol=1e-12, atol=0.0, what="tracked |b_n|")
    spectrum = figures["spectrum"].axes[0]
    at, power = curve(next(line for line in spectrum.lines if line.get_label() == "lines at laser harmonics"))
    lit = f.line_power > 0.0
    assert_close(at, 1064e-9 / f.line_harmonics[lit], rtol=1e-12, atol=0.0, what="wavelengths of the lines [m]")
    assert_close(power, f.line_power[lit], rtol=1e-12, atol=0.0, what="power of the lines [W]")
    closure = figures["closure"].axes[0]
    told = dict(zip([t.get_text() for t in closure.get_yticklabels()], bars(closure)[:, 1], strict=True))
    want = {
        "magnets, beam without scattering": f.path_error,
        "magnets, beam with scattering": f.closure.dz_rms,
        "photons": f.closure.quantum,
        "collisions of one pass": f.intrabeam.path_error,
        "slip in the modulators, compensated": f.thick,
    } | {f"term {term.name}": term.rms for term in f.closure.terms}
    assert len(told) > 5
    for name, rms in told.items():
        assert_close(rms, want[name], rtol=1e-9, atol=0.0, what=f"bar '{name}' [m]")


def test_an_unfinished_run_begins_again(tmp_path):
    with pytest.warns(ValidityWarning):
        first = run_file(FILE, folder=tmp_path / "out", changes=SMALL | SHORT)
    place = tmp_path / "again"
    place.mkdir()
    for name in ("run.json", "lattice.pals.yaml"):
        (place / name).write_text((tmp_path / "out" / name).read_text())
    with pytest.warns(ValidityWarning):
        again = resume(place)
    assert bits(again.findings) == bits(first.findings)


def test_an_insertion_that_does_not_close(tmp_path):
    """Variant 1 of the study: linearly perfect, T_533 spoils bunching and closure; its watts say so."""
    changes = {**SMALL, "lattice": "ssmb_euv_v1.pals.yaml", "source.in_lattice": False, "source.period": 0.0227,
               "source.periods": 110, "insertion.beta": "[7.0, 9.0]", "insertion.alpha": "[0, 0]",
               "insertion.spot": None, "ring.train_current": 1.0}  # fmt: skip
    with pytest.warns(ValidityWarning) as told:
        found = run_file(FILE, folder=tmp_path / "out", changes=changes)
    assert any("does not undo what the first does" in str(w.message) for w in told)
    f = found.findings
    assert_close(f.path_error, 255e-9, rtol=0.03, atol=0.0, what="closure of the study [m]")
    assert f.explained.factor("T_533") < 0.3
    assert f.closure.best_duty < 1e-5
    assert f.laser.peak_power == 0.0  # a plane wave has no power that could be told


def test_check_tells_what_doubling_changes(tmp_path, capsys):
    small = {**SMALL, **SHORT, "source.harmonic": 5,
             "source.in_lattice": False, "source.period": 0.1, "source.periods": 30, "source.check": True,
             "ring.train_current": 1.0}  # fmt: skip
    with pytest.warns(ValidityWarning) as told:
        found = run_file(FILE, folder=tmp_path / "out", changes=small)
    assert any("is it that harmonic" in str(w.message) for w in told)
    changes = found.findings.convergence
    assert [c.doubled for c in changes] == ["particles", "slices", "seeds"]
    assert max(abs(c.bunching) for c in changes) < 0.02
    assert max(abs(c.peak) for c in changes) < 0.04


def test_stages_of_a_beamline_and_equal_radiators_are_counted(tmp_path):
    changes = {**SMALL, **SHORT, "source.beamlines": 3,
               "source.beamline": [{"kind": "given", "name": "window", "transmission": 0.25}]}  # fmt: skip
    with pytest.warns(ValidityWarning):
        f = run_file(FILE, folder=tmp_path / "out", changes=changes).findings
    last = f.light.steps[-1]
    assert (last.name, last.factor, last.origin) == ("window", 0.25, "given")
    assert_close(f.light.power_at_focus, 0.25 * f.light.exit.in_band_power, rtol=1e-12, atol=0.0, what="focus [W]")
    assert_close(f.energy.light, 3.0 * f.light.exit.average_power, rtol=1e-12, atol=0.0, what="eV a turn at 1 A")
    # what is a balance with damping is not called tracked
    origins = {s.name: s.origin for s in f.light.steps}
    for name in ("intrabeam scattering", "closure: fewer turns with laser", "closure: emittance that is left"):
        assert origins[name] == "calculated"


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        (
            {
                "source.beamline": [{"kind": "grazing", "coating": "Ru", "grazing_angle": 0.05}],
                "source.harmonic": 1,
                "source.in_lattice": False,
                "source.period": 0.5,
                "source.periods": 110,
            },
            ConfigError,
            "source: .*GrazingMirror",
        ),
        ({"insertion.spot": 1e-9}, ConfigError, "insertion: spot 1e-09 m is below the wavelength"),
        ({"insertion.dispersion_y": "[0, 0]"}, ConfigError, "insertion: dispersion_y is zero"),
        ({"insertion.chirp": 1e8}, ConfigError, "insertion: chirp .*delta must be above -1"),
        (
            {"beam.emit_x": 1e-3},
            PhysicsError,
            "insertion: nothing is left of .b_79.: its factor 'horizontal dispersion'",
        ),
        ({"beam.emit_x": 1e-300}, ConfigError, "insertion: beta_waist .* check its unit"),
        (
            {"ring.circumference": 1.0},
            ConfigError,
            "ring.circumference: 1 m is less than the 62.6.* m from mod1 to mod2",
        ),
        ({"ring.energy_loss": 1e9}, ConfigError, "ring.energy_loss: .*of itself in a turn, above 0.1"),
        (
            {"ring.energy_loss": None, "ring.damping_time": 1e-9},
            ConfigError,
            "ring.damping_time: .*of itself in a turn, above 0.1",
        ),
        ({"insertion.rad": "RADD"}, ConfigError, "insertion.rad: no element is named 'RADD'.*Did you mean 'RAD'"),
        ({"insertion.mod2": "MOD1"}, ConfigError, "insertion.mod2: .*must follow each other"),
        ({"insertion.chirp": 2.5e3}, PhysicsError, "insertion: the closed form of .b_79. is .*r56 h = 0.106"),
        ({"insertion.chirp": -1.0}, ConfigError, "insertion.chirp: "),
        ({"insertion.wavelenth": 1e-6}, ConfigError, "unknown key 'insertion.wavelenth'.*Did you mean 'wavelength'"),
        ({"source.harmonic": 0}, ConfigError, "source.harmonic: "),
        ({"source.harmonics": "[0]"}, ConfigError, "source.harmonics.0: "),
        ({"source.in_lattice": False, "source.period": 10.0, "source.periods": 5}, PhysicsError, "source: "),
        (
            {"source.in_lattice": False, "source.period": 0.0227, "source.periods": 1_000_000},
            ConfigError,
            "source: a radiator of 1000000 periods .* longer than the ring",
        ),
        ({"source.in_lattice": False}, ConfigError, "source: 'RAD' has no undulator .*: give its period and periods"),
        ({"source.period": 0.0228}, ConfigError, "source.period: 0.0228 is not the period .* RAD_OUT, RAD_IN, 0.0227"),
        ({"source.periods": 111}, ConfigError, "source.periods: 111 is not the number of periods .*, 110"),
        ({"source.helical": True}, ConfigError, "source.helical: the undulator .* is planar"),
        ({"insertion.wavelength": None}, ConfigError, "insertion: no laser at 'MOD1' in the lattice"),
        ({"ring.average_current": 0}, ConfigError, "ring.average_current: "),
        ({"ring.train_current": 0.5}, ConfigError, "ring: train_current 0.5 A is below average_current 1 A"),
        ({"ring.damping_time": 1e-2}, ConfigError, "ring: give either damping_time or energy_loss"),
        ({"beam.emit_x": 0}, ConfigError, "beam.emit_x: "),
        (
            {"beam.particles": 6_000_000, "source.check": True},
            ConfigError,
            "beam.particles: an insertion of 12000000 particles, 65536 for closure, needs about 4.1 GB and",
        ),
        ({"track": {"turns": 1}}, ConfigError, "unknown key 'track'; allowed: beam, closure, effects, insertion"),
        ({"lattice": "mls.pals.yaml"}, ConfigError, "insertion.mod1: no element is named 'MOD1'"),
    ],
)
def test_bad_input_is_placed_and_leaves_no_folder(tmp_path, changes, error, words):
    small = {"beam.particles": 256, "source.detuning": "exact"}
    with pytest.raises(SsmbError, match=words) as caught:
        run_file(FILE, folder=tmp_path / "out", changes=small | changes)
    assert isinstance(caught.value, error)
    assert caught.value.where is not None and caught.value.where.line
    assert not (tmp_path / "out").exists()


def test_a_ring_run_of_a_single_pass_says_what_to_do(tmp_path):
    (tmp_path / "a.run.yaml").write_text(
        f"lattice: {FILE.parent}/ssmb_euv.pals.yaml\n"
        "beam: {emit_x: 1e-9, emit_y: 1e-11, sigma_delta: 5e-4, sigma_z: 1e-3, z_distribution: gaussian}\n"
    )
    with pytest.raises(ConfigError, match=r"a.run.yaml:1:10: .*single pass, not a ring.*another key \(insertion\)"):
        run_file(tmp_path / "a.run.yaml", folder=tmp_path / "out")


def test_ring_is_given_by_its_damping_time_or_its_loss():
    config = load_config(FILE)
    assert isinstance(config, InsertionRunConfig)
    assert config.ring.energy_loss == 60e3
    other = load_config(FILE, {"ring.energy_loss": None, "ring.damping_time": 15.4e-3})
    assert other.ring.damping_time == 15.4e-3  # type: ignore[union-attr]
    assert np.isclose(config.insertion.beta[0], 16.0 + 4.87**2 / 16.0)
