"""Stages of a beamline in a run file: made of their classes, refused with a place, checked before anything is
tracked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from ssmb.beamlines import (
    Aperture,
    Beamline,
    Gas,
    Given,
    GrazingMirror,
    Homogeniser,
    MultilayerMirror,
    SpectralFilter,
)
from ssmb.beamlines.multilayer import LA_B
from ssmb.beamlines.stages import STAGES as KINDS
from ssmb.errors import ConfigError, SeveralErrors, SsmbError
from ssmb.lattice import load_lattice
from ssmb.quantity import quantities_of
from ssmb.studies import load_config
from ssmb.studies.read_config import config_from_text
from ssmb.studies.source import chain_of, check_source

RUN = Path(__file__).parents[2] / "lattices" / "mls_ssmb.run.yaml"
SOURCE = {"radiator": "MODULATOR", "period": 0.125, "periods": 32, "harmonics": [1], "average_current": 0.1}
STAGES: list[tuple[dict[str, Any], Any]] = [
    ({"kind": "aperture", "distance": 15.0, "half_x": 2e-3, "half_y": 1e-3, "centre": [0.0, 1e-4]},
     Aperture(15.0, 2e-3, 1e-3, (0.0, 1e-4))),
    ({"kind": "grazing", "coating": "Ru", "grazing_angle": 0.07, "number": 3, "distance": 20},
     GrazingMirror("Ru", 0.07, 3, distance=20)),
    ({"kind": "gas", "formula": "H2", "length": 20, "pressure": 3}, Gas("H2", 20, 3)),
    ({"kind": "homogeniser", "etendue": 3e-6, "mirror": {"coating": "C", "grazing_angle": 0.05, "number": 2}},
     Homogeniser(3e-6, GrazingMirror("C", 0.05, 2))),
    ({"kind": "multilayer", "coating": "la_b", "number": 2}, MultilayerMirror(LA_B, number=2)),
    ({"kind": "filter", "formula": "Zr", "thickness": 1e-7}, SpectralFilter("Zr", 1e-7)),
    ({"kind": "given", "name": "window", "transmission": 0.9}, Given("window", 0.9)),
]  # fmt: skip


def _config(stages, **more):
    return load_config(RUN, {"source": SOURCE | {"beamline": stages} | more})


def _sections(stages):
    config = _config(stages)
    wavelength = config.laser.model_copy(update={"wavelength": 1064e-9})  # what the study takes from the lattice
    return config.source, wavelength


def _made(given):
    return _config([given]).source.beamline[0].made()


def test_every_kind_is_its_class():
    assert {given["kind"] for given, _ in STAGES} == set(KINDS)
    for given, want in STAGES:
        assert _made(given) == want
    assert _made({"kind": "gas", "formula": "H2", "length": "20 m", "pressure": "3 Pa"}) == Gas("H2", 20, 3)


def test_a_run_file_holds_a_beamline_and_a_stored_one_is_read_again():
    config = _config([given for given, _ in STAGES])
    line = chain_of(config.source)
    assert [type(s) for s in line.stages] == [type(want) for _, want in STAGES]
    again = config_from_text(config.model_dump_json(indent=2))
    assert again == config


def test_the_schema_knows_the_keys_of_every_kind():
    made = TypeAdapter(type(_config([STAGES[2][0]]))).json_schema()["$defs"]
    for kind, cls in KINDS.items():
        section = next(s for s in made.values() if s.get("properties", {}).get("kind", {}).get("const") == kind)
        assert set(section["properties"]) == {"kind", *quantities_of(cls)}
    assert made["GasSection"]["properties"]["pressure"]["maximum"] == 1e9


def test_wavelengths_without_optical_constants_stop_before_tracking():
    ring = load_lattice(RUN.parent / "mls_ssmb.pals.yaml")
    with pytest.raises(ConfigError, match="'run file', Gas: wavelength must lie between"):
        check_source(*_sections([STAGES[2][0]]), ring)
    check_source(*_sections([STAGES[0][0], STAGES[6][0]]), ring)


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ([{"kind": "grazin", "coating": "Ru"}], "source.beamline.*Did you mean 'grazing'"),
        ([{"coating": "Ru"}], "beamline.0.kind' is missing"),
        ([{"kind": 5}], "kind must be one of given"),
        ([{"kind": "gas", "formula": "H2", "length": 1.0}], "beamline.0.pressure' is missing"),
        ([{"kind": "gas"}], "length' is missing"),
        ([{"kind": "gas", "formula": "H2", "length": 1.0, "presure": 1.0}], "presure'; allowed.*'pressure'"),
        ([{"kind": "gas", "formula": "H2", "length": 1e300, "pressure": 1.0}], "to 1e.06 m, got 1e.300"),
        ([{"kind": "gas", "formula": "H2", "length": 10**400, "pressure": 1.0}], "from 0 to 1e.06 m"),
        ([{"kind": "gas", "formula": "H2", "length": "1", "pressure": 1.0}], "length"),
        ([{"kind": "gas", "formula": "H2", "length": True, "pressure": 1.0}], "length"),
        ([{"kind": "aperture", "distance": 1.0, "half_x": 0.0}], "half_x"),
        ([{"kind": "aperture", "distance": 1.0, "half_x": 1.0, "half_y": 1.0, "centre": [1.0]}], "centre.1'"),
        ([{"kind": "aperture", "distance": 1.0, "half_x": 1.0, "half_y": 1.0, "centre": 3}], "centre: must be a list"),
        ([{"kind": "grazing", "coating": "Ru", "grazing_angle": 2.0}], "below 1.5708 rad"),
        ([{"kind": "given", "name": "w", "transmission": 1.5}], "transmission"),
        ([{"kind": "given", "name": [1], "transmission": 0.5}], "name: must be a text"),
        ([{"kind": "multilayer", "coating": "mo_s"}], "Did you mean 'mo_si'"),
        ([{"kind": "homogeniser", "etendue": 1e-6, "mirror": 3}], "mirror: must be a mapping"),
        ([{"kind": "homogeniser", "etendue": 1e-6, "mirror": {"coating": "C"}}], "mirror.grazing_angle' is missing"),
        ([], "source: beamline holds no stage"),
        ({"kind": "gas"}, "source.beamline"),
        (["gas"], "source.beamline"),
    ],
)  # fmt: skip
def test_bad_stages_are_placed(stages, words):
    with pytest.raises(SsmbError, match=words) as caught:
        _config(stages)
    errors = caught.value.errors if isinstance(caught.value, SeveralErrors) else [caught.value]
    assert all(error.where is not None for error in errors)


def test_one_way_to_the_focus():
    with pytest.raises(ConfigError, match="not both"):
        _config([STAGES[6][0]], chain="two_grazing")


@pytest.mark.parametrize("formula", ["", "R?", 5, [1], None, {"a": 1}])
def test_what_is_no_formula(formula):
    """Only the wavelength of the light tells what constants a text needs: this is found when it is known."""
    with pytest.raises(ConfigError, match="formula|coating must be a text"):
        Beamline("b", (GrazingMirror(formula, 0.1, density=2e3),)).check(13.5e-9)
