"""The verb ``ssmb compare generations``."""

from __future__ import annotations

import json

import pytest

from ssmb.cli.main import main
from ssmb.light import compare_generations
from tests.support import assert_close

NAMES = ["bend", "wiggler", "undulator", "FEL 1D", "FEL", "SSMB"]


def test_json_has_the_rows_and_the_origin_of_their_inputs(capsys, tmp_path):
    figure = tmp_path / "sources.png"
    argv = [
        "compare",
        "generations",
        "--set",
        "ssmb_current=2",
        "ssmb_peak_current=2",
        "--figure",
        str(figure),
        "--json",
    ]
    assert main(argv) == 0
    out = json.loads(capsys.readouterr().out)
    rows = {s["name"]: s for s in out["sources"]}
    assert list(rows) == NAMES
    table = compare_generations()
    assert_close(rows["SSMB"]["average_power"], 4.0 * table["SSMB"].average_power, rtol=1e-12, atol=0.0)
    assert rows["FEL"]["hangs_on"] == "linac_current from 10 nA to 10 mA" and "hangs_on" not in rows["bend"]
    assert rows["FEL"]["intervals"]["average_power"] == list(table["FEL"].interval("average_power"))
    assert "peak_power" not in rows["FEL"]["intervals"] and "peak_power" in rows["SSMB"]["intervals"]
    assert_close(rows["FEL"]["peak_brightness"], table["FEL"].peak_brightness, rtol=1e-12, atol=0.0)
    assert rows["SSMB"]["inputs"]["ssmb_current"] == {"value": 2.0, "unit": "A", "origin": "given"}
    origins = [i["origin"] for s in out["sources"] for i in s["inputs"].values()]
    assert all(o == "given" or o.startswith("assumption: ") for o in origins)
    assert set(rows["FEL"]["inputs"]) & set(rows["bend"]["inputs"]) == set()
    assert figure.stat().st_size > 10_000


def test_table_shows_sources_and_inputs(capsys):
    assert main(["compare", "generations"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n{name} " in out for name in NAMES)
    assert "ring_emittance_x" in out
    assert "assumption" in out
    assert "SSMB: 400 W (40 W to 1 kW) on average for ssmb_bunching from 0.03 to 0.156" in out
    assert "FEL: 3 W (30 mW to 30 kW) on average for linac_current from 10 nA to 10 mA" in out


def test_a_machine_that_cannot_says_why(capsys):
    """400 MeV and 10 mm are too long for 6.7 nm; with 600 MeV the row is there, counted in 0.6 %."""
    assert main(["compare", "generations", "--wavelength", "6.7e-9"]) == 0
    assert "SSMB cannot: no K makes 6.7e-09 m resonant" in capsys.readouterr().out
    assert main(["compare", "generations", "--wavelength", "6.7e-9", "--set", "ssmb_energy=600e6", "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert out["missing"] == []
    assert out["sources"][-1]["band"] == 0.006
    assert main(["compare", "generations", "--wavelength", "6.7e-9", "--band", "0.01", "--json"]) == 0
    assert [s["band"] for s in json.loads(capsys.readouterr().out)["sources"]][0] == 0.01


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--set", "ssmb_curent=2"], "Did you mean 'ssmb_current'"),
        (["--set", "ssmb_current"], "NAME=VALUE"),
        (["--set", "ssmb_current=0"], "current"),
        (["--set", "ssmb_bunching=1.5"], "bunching"),
        (["--set", "ssmb_periods=2.5"], "ssmb_periods"),
        (["--set", "wiggler_k=1"], "wiggler"),
        (["--set", "ring_energy=nan"], "ring_energy"),
        (["--wavelength", "0"], "wavelength"),
        (["--band", "2"], "band"),
        (["--figure", "sources.gif"], ".png"),
    ],
)
def test_bad_input(argv, words, capsys):
    assert main(["compare", "generations", *argv]) == 2
    assert words in capsys.readouterr().err
