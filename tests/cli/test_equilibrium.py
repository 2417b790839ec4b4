"""The verb ``ssmb equilibrium``."""

from __future__ import annotations

import json
from pathlib import Path

from ssmb.cli.main import main
from ssmb.dynamics import equilibrium
from ssmb.lattice import load_lattice
from ssmb.maps.radiation import Radiation
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


def test_opening_angle_sets_the_floor_of_the_vertical_emittance(capsys):
    """A flat ring: nothing without the angle of the photons, (13/55) C_q <beta_y>/(J_y rho) or so with it."""
    found = []
    for option in ([], ["--opening-angle"]):
        assert main(["equilibrium", MLS, "--json", *option]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0]["emittances"][1] < 1e-18
    assert found[1]["provenance"]["opening_angle"] is True
    ring = load_lattice(MLS)
    want = equilibrium(ring, radiation=Radiation("envelope", angles=True)).emittances[1]
    assert_close(found[1]["emittances"][1], want, rtol=1e-12, atol=0.0, what="vertical emittance [m]")
    assert 0.1e-12 < want < 1e-12


def test_unknown_element(capsys):
    assert main(["equilibrium", MLS, "--at", "U12"]) == 2
    assert "Did you mean 'U125'?" in capsys.readouterr().err
