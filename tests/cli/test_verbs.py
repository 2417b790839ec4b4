"""Every verb, through main([...]): what it prints, its JSON, and its exit codes."""

from __future__ import annotations

import csv
import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from ssmb.cli.main import main
from ssmb.dynamics import optics
from ssmb.errors import ConfigError, LatticeError, SeveralErrors, ValidityWarning, Where
from ssmb.lattice import load_lattice
from ssmb.studies import load_result
from ssmb.tracking import RunStatus
from tests.support import assert_close

LATTICES = Path(__file__).parents[2] / "lattices"
MLS = str(LATTICES / "mls.pals.yaml")
RUN_FILE = str(LATTICES / "mls_pop.run.yaml")
SMALL = ["--set", "beam.particles=1024", "light.charges=[1e-12, 1e-11]"]

UNSTABLE = """
PALS:
  facility:
    - begin: {kind: BeginningEle, ReferenceP: {species_ref: electron, E_tot_ref: 250e6}}
    - d: {kind: Drift, length: 1}
    - line: {kind: BeamLine, line: [begin, d]}
    - use: line
"""


def refuse(text):
    raise AssertionError(f"{text} is not JSON")


def as_json(text):
    """Exactly one JSON object, without NaN."""
    assert text.count("\n") == 1
    return json.loads(text, parse_constant=refuse)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "pop"
    assert main(["run", RUN_FILE, "--folder", str(folder), "--json", *SMALL]) == 0
    return folder


# ---- run and resume


def test_run_json(tmp_path, capsys):
    folder = tmp_path / "run"
    code = main(["run", RUN_FILE, "--folder", str(folder), "--json", "--no-figures", "--threads", "1", *SMALL])
    out, err = capsys.readouterr()
    found = as_json(out)
    assert code == 0
    assert found["status"] == "completed"
    assert found["folder"] == str(folder)
    assert found["particles"] == 1024
    assert found["figures"] == []
    assert [light["harmonic"] for light in found["light"]] == [1, 2]
    assert {"bunching", "closed_form_bunching", "coherent_power", "incoherent_power", "crossover_charge"} <= set(
        found["light"][0]
    )
    assert "tracking" in err
    assert (folder / "run.h5").is_file()
    stored = load_result(folder)
    assert_close(found["light"][0]["bunching"], abs(stored.light[0].bunching), rtol=1e-15, atol=0.0)
    assert_close(found["slip_factor"], stored.optics.slip_factor, rtol=1e-15, atol=0.0)


def test_run_table(run_folder, tmp_path, capsys, monkeypatch):
    result = load_result(run_folder)
    monkeypatch.setattr("ssmb.studies.run_file", lambda *args, **options: result)
    assert main(["run", RUN_FILE]) == 0
    out = capsys.readouterr().out
    for words in ("Qx", "slip factor", "|b|", "closed form", "coherent", "crossover charge", "1064 nm", "532 nm"):
        assert words in out
    assert str(run_folder) in out
    assert {p.name for p in (run_folder / "figures").iterdir()} == {
        "optics.png", "phase_space.png", "bunching.png", "signal.png",
    }  # fmt: skip


def test_settings_reach_the_run(monkeypatch, run_folder, capsys):
    asked = {}

    def run_file(path, **options):
        asked.update(options, path=path)
        return load_result(run_folder)

    monkeypatch.setattr("ssmb.studies.run_file", run_file)
    assert main(["run", "x.run.yaml", "--no-figures", "--set", "a.b=1e-3", "c=[1, 2]", "--set", "d=x=y"]) == 0
    assert asked["changes"] == {"a.b": "1e-3", "c": "[1, 2]", "d": "x=y"}
    assert asked["path"] == "x.run.yaml"
    assert asked["folder"] is None


@pytest.mark.parametrize("setting", ["beam.particles", "=3", "beam.particles=", "x.run.yaml"])
def test_wrong_setting(setting, capsys):
    assert main(["run", RUN_FILE, "--set", setting]) == 2
    assert "--set needs NAME=VALUE, such as beam.particles=1000" in capsys.readouterr().err


def test_unknown_setting(tmp_path, capsys):
    assert main(["run", RUN_FILE, "--folder", str(tmp_path / "r"), "--set", "beam.particle=3"]) == 2
    assert "Did you mean 'particles'?" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("verb", ["run", "resume"])
def test_interrupted(verb, run_folder, monkeypatch, capsys):
    from dataclasses import replace

    stopped = replace(load_result(run_folder), status=RunStatus.INTERRUPTED, light=(), turns=2)
    monkeypatch.setattr(f"ssmb.studies.{'run_file' if verb == 'run' else 'resume'}", lambda *a, **k: stopped)
    assert main([verb, "anything", "--json"]) == 130
    out, err = capsys.readouterr()
    assert as_json(out)["status"] == "interrupted"
    assert f"ssmb resume {run_folder}" in err


def test_resume_of_a_finished_run_finds_the_same(run_folder, capsys):
    before = load_result(run_folder)
    assert main(["resume", str(run_folder), "--json", "--no-figures"]) == 0
    found = as_json(capsys.readouterr().out)
    assert found["light"][0]["bunching"] == abs(before.light[0].bunching)


def test_resume_of_nothing(tmp_path, capsys):
    assert main(["resume", str(tmp_path)]) == 4
    assert "is not the folder of a run" in capsys.readouterr().err


# ---- check


@pytest.mark.parametrize("file", [MLS, RUN_FILE])
def test_check_of_sound_files(file, capsys):
    assert main(["check", file]) == 0
    assert "is sound" in capsys.readouterr().out
    assert main(["check", file, "--json"]) == 0
    found = as_json(capsys.readouterr().out)
    assert found["ok"] is True
    assert found["errors"] == []


def test_check_lists_all_errors(tmp_path, capsys):
    file = tmp_path / "bad.pals.yaml"
    file.write_text(UNSTABLE.replace("length: 1", "lenght: 1, K1: 3").replace("E_tot_ref: 250e6", "E_tot_ref: 1"))
    assert main(["check", str(file), "--json"]) == 2
    out, err = capsys.readouterr()
    found = as_json(out)
    lines = err.splitlines()
    assert len(lines) == len(found["errors"]) >= 2
    assert all(line.startswith(f"ssmb: error: {file}:") for line in lines)
    wrong = next(e for e in found["errors"] if "lenght" in e["message"])
    assert (wrong["file"], wrong["line"], wrong["column"]) == (str(file), 5, 24)
    assert wrong["kind"] == "LatticeError"


def test_check_of_a_run_file_looks_at_its_lattice_too(tmp_path, capsys):
    (tmp_path / "l.pals.yaml").write_text(UNSTABLE.replace("length: 1", "length: -1"))
    text = Path(RUN_FILE).read_text(encoding="utf-8").replace("mls_pop.pals.yaml", "l.pals.yaml")
    (tmp_path / "r.yaml").write_text(text.replace("turns: 4", "turns: none"), encoding="utf-8")
    assert main(["check", str(tmp_path / "r.yaml"), "--json"]) == 2
    found = as_json(capsys.readouterr().out)
    assert found["kind"] == "run file"
    assert {Path(e["file"]).name for e in found["errors"]} == {"r.yaml", "l.pals.yaml"}


# ---- optics


def test_optics_json(capsys, tmp_path):
    assert main(["optics", MLS, "--json", "--csv", str(tmp_path / "t.csv")]) == 0
    found = as_json(capsys.readouterr().out)
    want = optics(load_lattice(MLS))
    for name in ("qx", "qy", "qs", "dqx", "alpha_c", "slip_factor", "slip_factor2"):
        assert_close(found[name], getattr(want, name), rtol=1e-15, atol=0.0, what=name)
    assert_close(found["table"]["BETX"], want.beta[:, 0], rtol=1e-15, atol=0.0)
    assert np.shape(found["m66"]) == (6, 6)
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["NAME"] for r in rows] == found["table"]["NAME"]
    assert [float(r["DX"]) for r in rows] == found["table"]["DX"]


def test_optics_table_from_another_start(capsys):
    assert main(["optics", MLS, "--start", "K1", "--at", "K*"]) == 0
    out = capsys.readouterr().out
    assert "3.178127, 2.220016" in out
    rows = out.partition("NAME")[2].splitlines()
    assert rows[0].split()[:3] == ["S", "BETX", "ALFX"]
    assert rows[1].split()[:2] == ["K1", "0.000000"]
    assert rows[2].split()[:2] == ["K3", "24.000000"]


def test_unstable_ring_is_a_physics_stop(tmp_path, capsys):
    file = tmp_path / "drift.pals.yaml"
    file.write_text(UNSTABLE)
    assert main(["optics", str(file), "--json"]) == 3
    out, err = capsys.readouterr()
    assert as_json(out)["error"]["exit_code"] == 3
    assert err.startswith("ssmb: error: ")


@pytest.mark.parametrize(("option", "name"), [("--start", "K11"), ("--at", "K11")])
def test_optics_of_an_unknown_element(option, name, capsys):
    assert main(["optics", MLS, option, name]) == 2
    assert "Did you mean 'K1'?" in capsys.readouterr().err


# ---- bunching and plot


def test_bunching_table(run_folder, capsys):
    assert main(["bunching", str(run_folder)]) == 0
    out = capsys.readouterr().out
    assert "U125, turn 1" in out
    assert "|b| 532 nm" in out


def test_bunching_json(run_folder, capsys):
    assert main(["bunching", str(run_folder), "--json", "--wavelength", "1064e-9", "5.32e-7"]) == 0
    found = as_json(capsys.readouterr().out)
    first = found["particles"][0]
    result = load_result(run_folder)
    b = complex(first["bunching"][0]["real"], first["bunching"][0]["imag"])
    assert_close(b, result.light[0].bunching, rtol=1e-12, atol=1e-15)
    # the monitor sums the same particles in another order
    record = found["records"]["bunching@U125"]
    assert_close(record["magnitude"][1][0], abs(b), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("wavelength", ["0", "-1", "nan", "inf"])
def test_bunching_at_an_impossible_wavelength(run_folder, wavelength, capsys):
    assert main(["bunching", str(run_folder), "--wavelength", wavelength]) == 2
    assert "wavelength" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["bunching", "plot"])
def test_folder_without_a_run(verb, tmp_path, capsys):
    assert main([verb, str(tmp_path), "--json"]) == 4
    out, err = capsys.readouterr()
    assert "holds no run" in as_json(out)["error"]["message"]
    assert "Traceback" not in err


def test_plot_of_a_run(run_folder, tmp_path, capsys):
    assert main(["plot", str(run_folder), "--out", str(tmp_path / "new" / "figures"), "--json"]) == 0
    written = [Path(p) for p in as_json(capsys.readouterr().out)["figures"]]
    assert [p.name for p in written] == ["optics.png", "phase_space.png", "bunching.png", "signal.png"]
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in written)


def test_plot_of_a_run_on_one_page(run_folder, tmp_path, capsys):
    page = tmp_path / "page.pdf"
    assert main(["plot", str(run_folder), "--out", str(page)]) == 0
    assert page.read_bytes().startswith(b"%PDF")
    assert list(tmp_path.iterdir()) == [page]


def test_plot_of_a_lattice(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["plot", MLS]) == 0
    assert capsys.readouterr().out == "mls_optics.png\n"
    assert (tmp_path / "mls_optics.png").read_bytes().startswith(b"\x89PNG")


def test_plot_of_other_things(tmp_path, capsys):
    assert main(["plot", RUN_FILE]) == 2
    assert "ssmb run" in capsys.readouterr().err
    assert main(["plot", MLS, "--out", str(tmp_path / "a.jpeg")]) == 2
    assert "'.png'" in capsys.readouterr().err
    (tmp_path / "file").write_text("x")
    assert main(["plot", MLS, "--out", str(tmp_path / "file" / "a.png")]) == 4
    assert "cannot make the folder" in capsys.readouterr().err
    assert {p.name for p in tmp_path.iterdir()} == {"file"}


# ---- warmup, doctor, schema, compare


def test_warmup(capsys, monkeypatch):
    from ssmb.cli import warmup

    jobs = dict(warmup.compilations())
    assert len(jobs) == len(warmup.compilations())
    assert {"drift_exact", "turn loop", "bunching sums", "fringe_hard_edge"} <= set(jobs)
    assert "fringe_hard_edge_inverse" not in jobs
    some = [("drift_exact", jobs["drift_exact"]), ("bunching sums", jobs["bunching sums"])]
    monkeypatch.setattr(warmup, "compilations", lambda: some)
    assert main(["warmup", "--processes", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    found = as_json(out)
    assert found["kernels"] == 2
    assert Path(found["cache_folder"]).is_dir()
    assert "compiling" in err
    assert main(["warmup", "--processes", "1"]) == 0
    assert "2 compiled" in capsys.readouterr().out
    assert main(["warmup", "--processes", "0"]) == 2
    assert "--processes must be a whole number from 1" in capsys.readouterr().err


def test_doctor(capsys):
    assert main(["doctor", "--json"]) == 0
    found = as_json(capsys.readouterr().out)
    assert found["versions"]["numpy"] == np.__version__
    assert found["speed"]["elements_per_second"] > 0.0
    assert found["cache"]["bytes"] > 0
    assert {e["name"] for e in found["extras"]} >= {"litho", "nufft", "interop"}


def test_doctor_says_how_to_install_what_is_missing(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["doctor", "--no-speed"]) == 0
    assert 'pip install "ssmb[nufft]"' in capsys.readouterr().out


@pytest.mark.parametrize("of", ["lattice", "run"])
def test_schema(of, capsys):
    assert main(["schema", of, "--json"]) == 0
    found = as_json(capsys.readouterr().out)
    assert found["$schema"].startswith("https://json-schema.org/")
    assert main(["schema", of]) == 0
    assert json.loads(capsys.readouterr().out) == found


def test_compare_is_a_verb(capsys):
    assert main(["compare", "sources", "--json"]) == 0
    assert as_json(capsys.readouterr().out)["sources"]


# ---- errors


def failing(error):
    def run(args):
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConfigError("a"), 2, ["a"]),
        (SeveralErrors([LatticeError("a", Where("f", 1, 2)), ConfigError("b")]), 2, ["f:1:2: a", "b"]),
        (PermissionError(13, "Permission denied", "/x/y"), 4, ["Permission denied '/x/y'"]),
        (OSError(28, "No space left on device"), 4, ["No space left on device"]),
        (MemoryError(), 2, ["there is not enough memory: take fewer particles or turns"]),
    ],
)
def test_errors_become_messages(error, code, words, monkeypatch, capsys):
    monkeypatch.setattr("ssmb.cli.schema.run", failing(error))
    assert main(["schema", "run", "--json"]) == code
    out, err = capsys.readouterr()
    assert err.splitlines() == [f"ssmb: error: {line}" for line in words]
    assert len(as_json(out)["error"]["errors"]) == len(words)
    assert main(["schema", "run"]) == code
    assert capsys.readouterr().out == ""


def test_ctrl_c(monkeypatch, capsys):
    monkeypatch.setattr("ssmb.cli.schema.run", failing(KeyboardInterrupt()))
    assert main(["schema", "run"]) == 130
    assert capsys.readouterr().err == "ssmb: interrupted\n"


def test_warnings_are_one_line(monkeypatch, capsys):
    def run(args):
        warnings.warn("too few\nparticles", ValidityWarning, stacklevel=1)
        return 0

    monkeypatch.setattr("ssmb.cli.schema.run", run)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main(["schema", "run"]) == 0
    assert capsys.readouterr().err == "ssmb: warning: too few particles\n"


@pytest.mark.parametrize(
    "argv", [[], ["frobnicate"], ["optics"], ["schema", "beam"], ["optics", MLS, "--no-such"], ["run"]]
)
def test_wrong_command_lines(argv, capsys):
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ssmb: error: ")
    assert "--help" in err
    assert main([*argv, "--json"]) == 2
    assert as_json(capsys.readouterr().out)["error"]["exit_code"] == 2


@pytest.mark.parametrize("verb", ["run", "resume", "check", "optics", "bunching", "plot"])
def test_missing_files(verb, tmp_path, capsys):
    code = main([verb, str(tmp_path / "missing"), "--json"])
    out, err = capsys.readouterr()
    assert code in (2, 4)
    assert "Traceback" not in err
    assert "missing" in err
    found = as_json(out)
    assert found.get("error") or found["errors"]


def test_help_of_every_verb(capsys):
    for verb in ("run", "resume", "check", "optics", "bunching", "plot", "compare", "warmup", "doctor", "schema"):
        assert main([verb, "--help"]) == 0
        assert f"usage: ssmb {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compare", "generations", "--wavelength", "1064"], "did you mean 1064e-9 or '1064 nm'?"),
        (["bunching", "nowhere", "--wavelength", "532"], "did you mean 532e-9 or '532 nm'?"),
        (["compare", "schemes", "--harmonic", "5", "--bunching", "0.1", "--energy", "600"], "600e6 or '600 MeV'"),
        (["compare", "generations", "--wavelength", "5 MW"], "'5 MW' is not a quantity in m"),
        (["compare", "generations", "--wavelength", "nan"], "--wavelength must be a finite number [m], got nan"),
    ],
)
def test_a_number_that_cannot_be_meant_is_asked_about(arguments, words, capsys):
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


def test_a_number_with_a_unit_is_that_number(capsys):
    printed = []
    for wavelength in ("13.5e-9", "13.5 nm"):
        assert main(["compare", "generations", "--wavelength", wavelength, "--json"]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
