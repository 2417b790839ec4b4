"""The one value that says how radiation acts: what it accepts, and that each of its switches changes something."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ssmb
from ssmb import Radiation
from ssmb.elements.lumped_radiation import LumpedRadiation
from ssmb.errors import ConfigError, SsmbError
from ssmb.lattice.program import compile_elements
from ssmb.studies.read_config import config_from_text, load_config
from tests.support import assert_close

LATTICES = Path(__file__).parents[2] / "lattices"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"mode": "quantun"}, "Did you mean 'quantum'"),
        ({"mode": None}, "radiation must be one of off, mean, quantum, diffusion"),
        ({"mode": ["mean"]}, "radiation must be one of"),
        ({"mode": "mean", "edges": 1}, "edges must be true or false"),
        ({"mode": "quantum", "angles": "yes"}, "angles must be true or false"),
        ({"mode": "mean", "angles": True}, "the mode 'mean' has none"),
        ({"angles": True}, "the mode 'off' has none"),
    ],
)
def test_bad_values_say_what_is_allowed(arguments, words) -> None:
    with pytest.raises(ConfigError, match=words):
        Radiation(**arguments)


def test_a_text_is_a_radiation() -> None:
    assert Radiation.of("diffusion") == Radiation("diffusion", edges=True, angles=False)
    given = Radiation("quantum", edges=False)
    assert Radiation.of(given) is given
    ring = ssmb.load_lattice(LATTICES / "mls.pals.yaml")
    by_text, by_value = (compile_elements(ring.elements, ring.reference, r) for r in ("mean", Radiation("mean")))
    np.testing.assert_array_equal(by_text.ops, by_value.ops)
    np.testing.assert_array_equal(by_text.params, by_value.params)


def test_a_compiled_program_has_its_own_radiation() -> None:
    ring = ssmb.load_lattice(LATTICES / "mls.pals.yaml")
    beam = ssmb.Beam(ring.reference, np.zeros((6, 4)))
    program = compile_elements(ring.elements, ring.reference, Radiation("diffusion", edges=False))
    assert ssmb.track(program, beam).turns == 1
    with pytest.raises(ConfigError, match=r"compiled with Radiation\(mode='diffusion', edges=False, angles=False\)"):
        ssmb.track(program, beam, radiation="diffusion")
    for mode in ("off", "mean"):
        with pytest.raises(ConfigError, match="nothing heats the beam"):
            ssmb.equilibrium(ring, radiation=mode)


def test_the_radiation_of_a_run_is_that_of_its_equilibrium() -> None:
    """Modes quantum and diffusion have one equilibrium; edges and angles each change it."""
    ring = ssmb.load_lattice(LATTICES / "mls.pals.yaml")
    plain = ssmb.equilibrium(ring)
    for mode in ("quantum", "diffusion"):
        np.testing.assert_array_equal(ssmb.equilibrium(ring, radiation=mode).sigma, plain.sigma)
    angles = ssmb.equilibrium(ring, radiation=Radiation("quantum", angles=True))
    assert angles.emittances[1] > 1e-15 > 1e-18 > plain.emittances[1]
    faces = ssmb.equilibrium(ring, radiation=Radiation("quantum", edges=False)).partition_numbers[0]
    assert plain.partition_numbers[0] - faces > 0.05


def test_a_ring_model_has_the_angles_that_are_asked_for() -> None:
    """The vertical diffusion of the model's sections, carried once around, is that of the ring with angles."""
    ring = ssmb.load_lattice(LATTICES / "mls.pals.yaml")
    start = ring.elements[0].name
    flat, round_ = (
        ssmb.ring_model(ring, order=1, keep=[start], radiation=Radiation("quantum", angles=a)) for a in (False, True)
    )
    heat = [
        sum(np.array(e.diffusion)[3, 3] for e in model if isinstance(e, LumpedRadiation) and e.diffusion)
        for model in (flat, round_)
    ]
    assert heat[0] == 0.0 < heat[1]
    want = ssmb.equilibrium(ring, radiation=Radiation("quantum", angles=True)).emittances[1]
    got = ssmb.equilibrium(round_).emittances[1]
    assert_close(got, want, rtol=1e-3, atol=0.0)


def test_run_files_take_a_text_or_a_mapping() -> None:
    def config(radiation):
        return load_config(LATTICES / "mls_pop2.run.yaml", {"track.radiation": radiation}).track

    assert config("mean").radiation == Radiation("mean")
    track = config({"mode": "quantum", "edges": False, "angles": True})
    assert track.radiation == Radiation("quantum", edges=False, angles=True)
    assert type(track).model_validate_json(track.model_dump_json()) == track


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("quantun", "track.radiation: .*Did you mean 'quantum'"),
        ("envelope", "mode must be one of off, mean, quantum, diffusion"),
        ("true", "radiation must be one of"),
        ("{mode: quantum, angle: true}", "unknown key 'angle'; allowed: mode, edges, angles.*Did you mean 'angles'"),
        ("{mode: mean, angles: true}", "the mode 'mean' has none"),
        ("[quantum]", "radiation must be one of"),
    ],
)
def test_bad_run_files_are_located(text: str, words: str) -> None:
    source = (LATTICES / "mls_pop2.run.yaml").read_text(encoding="utf-8")
    assert "radiation: quantum" in source
    with pytest.raises(SsmbError, match=words) as caught:
        config_from_text(source.replace("radiation: quantum", f"radiation: {text}"), "a.run.yaml")
    assert str(caught.value).startswith("a.run.yaml:16:")


def test_values_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Radiation("mean").mode = "off"  # pyright: ignore[reportAttributeAccessIssue]
    assert replace(Radiation("quantum", angles=True), mode="diffusion").angles
