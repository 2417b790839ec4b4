"""The command ``ssmb compare`` and what a person reads in its output."""

from __future__ import annotations

import csv
import json
import math
import re
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ssmb.cli.main import main
from ssmb.facility import Radiator
from ssmb.lithography import compare_roadmap, compare_scanners, compare_sources, euv_sources
from ssmb.lithography.demand import START_YEAR
from ssmb.lithography.sources import single_source
from ssmb.tables import Table
from tests.support import assert_close


def ssmb(*words: str) -> int:
    return main(["compare", *words])


@pytest.fixture
def sources_output(capsys):
    assert ssmb("sources") == 0
    return capsys.readouterr().out


def line_of(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(name + " "))


def test_every_power_shows_its_plane_and_kind(sources_output):
    for s in euv_sources():
        line = line_of(sources_output, s.source_id)
        assert s.plane.words in line
        assert re.search(r"\b(measured|designed|claimed|assumed)\b", line)
        assert re.search(r"\[\d+\]$", line)


def test_reader_sees_the_kilowatt_statement(sources_output):
    head = "\n".join(sources_output.splitlines()[:3])
    assert "1 kW at an undulator is 250-770 W at the intermediate focus" in head
    assert "~620 (250-770)" in line_of(sources_output, "ssmb_default")
    assert re.search(r"\b500\b", line_of(sources_output, "lpp_3800e"))
    assert "~" not in line_of(sources_output, "lpp_3800e")
    assert "assumed" in line_of(sources_output, "ssmb_default")
    assert "measured" in line_of(sources_output, "lpp_3800e")


def test_kinds_and_statuses_are_explained(sources_output):
    for word in ("measured", "designed", "claimed", "assumed", "seen", "memory", "brief", "assumption", "derived"):
        assert re.search(rf"^{word}: ", sources_output, re.MULTILINE), word


def test_every_reference_is_listed(sources_output):
    used = {int(n) for n in re.findall(r"\[(\d+)\]$", sources_output, re.MULTILINE)}
    listed = {int(n) for n in re.findall(r"^\[(\d+)\] \S", sources_output, re.MULTILINE)}
    assert used == listed == set(range(1, len(listed) + 1))


def test_features_are_shown_with_sources(sources_output):
    block = sources_output[sources_output.index("Features of the source families") :]
    for family in ("LPP", "DPP", "synchrotron", "FEL", "HHG", "SSMB"):
        for feature in ("average power", "bandwidth", "collimation", "stability", "debris", "maturity"):
            assert re.search(rf"^{family}\s+{feature}\s+\S", block, re.MULTILINE), (family, feature)


@pytest.mark.parametrize(
    "words",
    [
        ("sources",),
        ("scanners",),
        ("roadmap", "--samples", "100"),
        ("roadmap", "--chip", "a100_80", "--samples", "100"),
    ],
)
def test_json_is_one_object(words, capsys):
    assert ssmb(*words, "--json") == 0
    out = capsys.readouterr().out
    payload = json.loads(out, parse_constant=lambda c: pytest.fail(f"{c} in JSON"))
    assert isinstance(payload, dict)
    assert payload


def test_json_of_a_roadmap_equals_the_python_result(capsys):
    assert ssmb("roadmap", "--source", "lpp_3800e", "--node", "N2", "--chip", "b200", "--samples", "100", "--json") == 0
    got = json.loads(capsys.readouterr().out)["roadmaps"][0]
    want = compare_roadmap(["lpp_3800e"], node_id="N2", chip_id="b200", samples=100).roadmaps[0]
    assert got["chips_per_year"] == want.roadmap.chips_per_year
    assert got["intervals"][0]["low"] == want.intervals[0].low
    assert {s["demand"] for s in got["shortage"]} == {"epoch_stock", "epoch_46", "brief_35"}


def test_csv_file(tmp_path, capsys):
    for words, least in ((("sources",), 44), (("scanners",), 14), (("roadmap", "--samples", "100"), 16)):
        path = tmp_path / "out.csv"
        assert ssmb(*words, "--csv", str(path)) == 0
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) >= least
        assert None not in rows[0]
    capsys.readouterr()


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("sources", "--source", "ssmb_defalt"), "Did you mean 'ssmb_default'"),
        (("sources", "--family", "LP"), "Did you mean"),
        (("scanners", "--scanner", "nxe3600"), "Did you mean 'nxe3600d'"),
        (("scanners", "--dose", "-3"), "--dose [mJ/cm^2] must be a number above 0, got -3.0"),
        (("roadmap", "--chip", "h10"), "Did you mean 'h100'"),
        (("roadmap", "--node", "n33"), "Allowed"),
        (("roadmap", "--set", "rewrk=0.1"), "Did you mean 'rework'"),
        (("roadmap", "--set", "rework"), "NAME=VALUE"),
        (("roadmap", "--set", "rework=x"), "NAME=VALUE"),
        (("roadmap", "--set", "line_yield=1.5"), "line_yield must be a number above 0 and of at most 1, got 1.5"),
        (("roadmap", "--chip", "tpu_v5p"), "die-area"),
        (("roadmap", "--samples", "-5"), "at least 100"),
        (("roadmap", "--scanners-built", "0"), "at least 1"),
    ],
)
def test_input_errors_are_exit_code_2_with_a_hint(words, hint, capsys):
    assert ssmb(*words) == 2
    caught = capsys.readouterr()
    assert hint in caught.err
    assert caught.out == ""


def test_unwritable_csv_is_exit_code_4(tmp_path, capsys):
    assert ssmb("sources", "--csv", str(tmp_path / "no" / "such" / "x.csv")) == 4
    assert "cannot write" in capsys.readouterr().err


def test_parameters_can_be_set(capsys):
    assert ssmb("roadmap", "--samples", "100", "--set", "wafer_share=0.2", "beamlines=8", "--json") == 0
    got = json.loads(capsys.readouterr().out)["roadmaps"][0]
    base = compare_roadmap(["ssmb_default"], samples=100).roadmaps[0].roadmap
    assert got["scanners"] == 8.0
    assert base.chips_per_year is not None
    assert_close(got["chips_per_year"], 0.2 * base.chips_per_year, rtol=1e-12, atol=0.0)


def test_roadmap_prints_a_shortage_year_and_the_limits(capsys):
    assert ssmb("roadmap", "--samples", "100", "--source", "ssmb_default", "lpp_3800e") == 0
    out = capsys.readouterr().out
    assert "2027.2" in out
    assert "x 0.62 to the intermediate focus, assumed" in out
    assert "claim of the brief" in out
    assert "assumed power of 1000 W at the undulator/FEL exit" in out
    assert ssmb("roadmap", "--samples", "100", "--scanners-built", "1") == 0
    assert "in the first year already" in capsys.readouterr().out
    assert ssmb("roadmap", "--chip", "tpu_v4", "--samples", "100") == 0
    assert "not limited by EUV power" in capsys.readouterr().out


def test_no_shortage_is_said(capsys):
    assert ssmb("roadmap", "--samples", "100", "--set", "supply_growth=5", "--demand", "epoch_stock") == 0
    assert "none" in capsys.readouterr().out


def test_scanner_output_shows_residuals_and_doubt(capsys):
    assert ssmb("scanners", "--power", "620", "--dose", "30") == 0
    out = capsys.readouterr().out
    assert "calibration" in out
    assert "validation" in out
    assert "250?" in out
    assert "at least" in out
    found = compare_scanners(powers=(620.0,), doses=(300.0,))
    assert_close(found.rates[-1][0][0], 242.95, rtol=0.0, atol=0.01)
    assert found.unknown == ("nxe3100",)  # none of its published rates has a power and a dose
    assert "No model rate of nxe3100" in out
    assert not re.search(r"^nxe3100 ", out, re.MULTILINE)


def test_a_ring_of_four_scanners_is_not_set_against_one_plasma():
    """Equal watts on each scanner, ring or plasma: the same year; the sources that feed the scanners are told."""
    ring = single_source(500.0, name="ring")
    ring = replace(ring, source_id="ring", family="SSMB", scope="beamline", served=4.0, bandwidth=None)
    plasma = replace(ring, source_id="plasma", family="LPP", scope="scanner", served=1.0)
    for built in (1, 4, 40):
        found = compare_roadmap([ring, plasma], scanners_built=built, samples=100)
        years = [[y.year for y in line] for line in found.shortages]
        assert years[0] == years[1]
        assert [found.sources_of(r) for r in found.roadmaps] == [built / 4.0, built]
        rows = [row for row in found.tables()[-1].records() if row["demand"] == "epoch_stock"]
        assert [row["sources"] for row in rows] == [built / 4.0, built]
    chips = [r.roadmap.chips_per_year for r in found.roadmaps]
    want = START_YEAR + math.log(40 * chips[0] / 4e6) / math.log(2.3)
    assert_close(found.shortages[0][0].year, want, rtol=0.0, atol=0.02, what="year by hand")


def test_the_light_of_a_run_stands_beside_the_assumed_kilowatt(tmp_path, capsys, monkeypatch):
    """Sources of a run: power of one beamline at the focus, tracked |b|, what is assumed on the way, what drowns it."""
    light = Radiator.examples()[0][0].state(Radiator.examples()[0][1])
    run = SimpleNamespace(lights=lambda: (light, replace(light, incoherent_power=1e9)), stage="")
    monkeypatch.setattr("ssmb.studies.load_result", lambda folder: run)
    assert ssmb("sources", "--source", "ssmb_default", "--run", str(tmp_path / "my_run"), "--json") == 0
    rows = json.loads(capsys.readouterr().out)["sources"]
    assert [r["source_id"] for r in rows] == ["ssmb_default", "my_run/79", "my_run/79"]
    assert [r["figure_kind"] for r in rows] == ["assumed", "simulated", "simulated"]
    assert rows[1]["power_at_focus"] == rows[1]["power"] == light.power_at_focus
    assert f"|b_79| = {light.light.bunching:.3g}" in rows[1]["source"]
    assert "factors assumed: 4 grazing mirrors" in rows[1]["source"]
    assert "BELOW the incoherent light" not in rows[1]["source"]
    assert "BELOW the incoherent light" in rows[2]["source"]
    assert ssmb("roadmap", "--run", str(tmp_path / "my_run"), "--samples", "100", "--json") == 0
    rows = json.loads(capsys.readouterr().out)["roadmaps"]
    assert [r["source_id"] for r in rows] == ["ssmb_default", "my_run/79", "my_run/79"]
    assert rows[1]["power_at_if"] == light.power_at_focus
    dark = SimpleNamespace(lights=tuple, stage="")
    monkeypatch.setattr("ssmb.studies.load_result", lambda folder: dark)
    assert ssmb("sources", "--run", str(tmp_path)) == 2
    assert "has no light" in capsys.readouterr().err


def test_comparison_by_family_and_name():
    assert {s.family for s in compare_sources("ssmb").sources} == {"SSMB"}
    assert [s.source_id for s in compare_sources(names=["lpp_3800e"]).sources] == ["lpp_3800e"]


def test_table_layout():
    table = Table("t", ("name", "x_W"), (("a", 1.0), ("bb", None), ("c", 123456.0)))
    lines = str(table).splitlines()
    assert lines[1].endswith("x_W")
    assert lines[3].endswith("  1")
    assert lines[4].endswith("-")
    assert lines[5].endswith("123 500")
    assert table.to_csv() == "name,x_W\na,1.0\nbb,\nc,123456.0\n"
    assert table.records()[1] == {"name": "bb", "x_W": None}
    assert str(Table("empty", ("a",), ())).splitlines()[0] == "empty"
