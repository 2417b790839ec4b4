"""The verb ``ssmb equilibrium``."""

from __future__ import annotations

import json
from pathlib import Path

from ssmb.cli.main import main
from tests.support import assert_close

MLS = str(Path(__file__).parents[2] / "lattices" / "mls.pals.yaml")


def test_json_has_the_numbers_of_the_ring(capsys):
    assert main(["equilibrium", MLS, "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert_close(out["energy_loss"], 226.167, rtol=1e-4, atol=0.0, what="U0")
    assert_close(out["damping_times"][2], 0.181966, rtol=1e-3, atol=0.0, what="tau_z")


def test_table_names_what_it_shows(capsys):
    assert main(["equilibrium", MLS, "--at", "U125"]) == 0
    out = capsys.readouterr().out
    assert "energy loss" in out
    assert "damping times" in out


def test_a_missing_file_is_an_input_error(capsys):
    assert main(["equilibrium", "no_such.pals.yaml"]) != 0
    assert "no_such.pals.yaml" in capsys.readouterr().err
