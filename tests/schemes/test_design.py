"""Designs: optimisers against grids, the comparison against its own closed forms, modulators against the tracked
wiggler.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.cli.main import main
from ssmb.dynamics import transfer_matrix
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning
from ssmb.lattice import Lattice
from ssmb.schemes import SCHEMES, EchoEnabled, Given, SingleStage, compare_schemes
from ssmb.schemes.compare import InMagnets, bunching_in_magnets, terms_of_designs
from ssmb.schemes.eehg import echo_envelope, least_echo, optimise_echo
from ssmb.schemes.modulator import Modulator, measured_gradient, modulation_at
from ssmb.schemes.single_stage import least_single_stage, optimise_single_stage
from ssmb.tracking import track
from tests.support import assert_close

FEL = Reference(1.5e9)
UV = 266e-9


@pytest.mark.parametrize("most_r56", [math.inf, 4e-5])
def test_single_stage_optimum_against_a_grid(most_r56: float) -> None:
    best = optimise_single_stage(FEL, UV, 1.5e-4, 5, most_amplitude=9e-4, most_r56=most_r56)
    amplitudes = np.linspace(1e-4, 9e-4, 41)
    sections = np.linspace(1e-6, min(most_r56, 1.2e-4), 400)
    grid = max(SingleStage(FEL, UV, r, a, 1.5e-4).bunching(5) for a in amplitudes for r in sections.tolist())
    assert_close(best.bunching(5), grid, rtol=1e-4, atol=0.0, what="|b_5|")
    assert best.bunching(5) >= grid and best.r56 <= most_r56 and best.amplitude <= 9e-4


def test_echo_optimum_against_a_grid() -> None:
    best = optimise_echo(Reference(1.2e9), UV, 1.25e-4, 24, a1=3.0, a2=2.0)
    around_1 = best.b1 * np.linspace(0.96, 1.04, 41)
    around_2 = best.b2 * np.linspace(0.94, 1.06, 41)
    made = [
        EchoEnabled.from_dimensionless(best.reference, UV, 1.25e-4, 3.0, 2.0, b1, b2).bunching(24)
        for b1 in around_1.tolist()
        for b2 in around_2.tolist()
    ]
    assert_close(best.bunching(24), max(made), rtol=2e-4, atol=0.0, what="|b_24|")
    assert best.bunching(24) >= max(made) - 1e-12
    z = np.linspace(0.0, 3.0, 30_001)
    from scipy import special

    want = float(np.max(special.jv(1, 3.0 * z) * np.exp(-0.5 * z * z)))
    assert_close(echo_envelope(1, 3.0), want, rtol=1e-7, atol=0.0, what="envelope of the first stage")


def test_least_modulations_reach_the_wanted_bunching_and_less_does_not() -> None:
    stage = least_single_stage(FEL, UV, 1.5e-4, 5, 0.2)
    assert_close(stage.bunching(5), 0.2, rtol=1e-9, atol=0.0, what="single stage")
    less = optimise_single_stage(FEL, UV, 1.5e-4, 5, most_amplitude=0.999 * stage.amplitude)
    assert less.bunching(5) < 0.2
    echo = least_echo(FEL, UV, 1.5e-4, 24, 0.1, a2_over_a1=0.7)
    assert_close(echo.bunching(24), 0.1, rtol=1e-8, atol=0.0, what="echo")
    assert_close(echo.amplitude_2 / echo.amplitude_1, 0.7, rtol=1e-12, atol=0.0, what="ratio of the lasers")
    lower = optimise_echo(FEL, UV, 1.5e-4, 24, a1=0.99 * echo.amplitude_1 / 1.5e-4, a2=0.7 * echo.amplitude_1 / 1.5e-4)
    assert lower.bunching(24) < 0.1


@pytest.mark.parametrize(("harmonic", "bunching"), [(5, 0.15), (20, 0.1), (79, 0.06745)])
def test_every_design_has_the_bunching_that_was_asked_for(harmonic: int, bunching: float) -> None:
    # deep buckets are beyond the smooth model: the comparison says so
    found = compare_schemes(harmonic, bunching)
    assert {r.name for r in found.rows} == set(SCHEMES)
    assert [r.laser_power for r in found.rows if r.possible] == sorted(r.laser_power for r in found.rows if r.possible)
    for row in found.rows:
        if not row.possible:
            assert row.reason and math.isnan(row.laser_power)
            continue
        assert_close(row.bunching, bunching, rtol=1e-8, atol=0.0, what=row.name)
        assert row.scheme is not None and row.laser_power > 0.0 and row.r56


def test_designs_stand_at_the_bounds_of_the_theorems() -> None:
    found = compare_schemes(79, 0.06745)
    for name in ("tlc_energy", "tlc_angular"):
        scheme = found.row(name).scheme
        # over-compression asks for 1.044 times the chirp at the bound
        assert_close(scheme.bound_product(), 1.0441**2, rtol=1e-4, atol=0.0, what=name)  # type: ignore[union-attr]
    given = found.given
    # ADM and PEHG are at the bound too: their power follows H_mod = beta b^2 and eta^2/beta
    energy, adm = found.row("tlc_energy"), found.row("adm")
    ratio = given.h_mod / (given.beta_mod * given.bend**2)
    assert_close(adm.laser_power / energy.laser_power, ratio, rtol=1e-9, atol=0.0, what="ADM over TLC")


def test_comparison_says_why_not() -> None:
    found = compare_schemes(40, 0.3)
    assert not found.row("tlc_energy").possible and "peak of J_40" in found.row("tlc_energy").reason
    assert found.row("lsf").possible
    with pytest.raises(ConfigError, match="below 1"):
        compare_schemes(5, 1.0)
    with pytest.raises(ConfigError, match="Did you mean 'eehg'"):
        compare_schemes(5, 0.1, names=["eegh"])
    with pytest.raises(PhysicsError, match="K"):
        replace(Given(), period_length=5.0)
    deep = replace(Given(), slip_length=1.2e-5)
    with pytest.warns(ValidityWarning, match="chaotic"):
        SCHEMES["micro_bucket"].design(79, 0.3, deep)
    assert "chaotic" in compare_schemes(79, 0.3, deep, names=["micro_bucket"]).row("micro_bucket").reason
    far = compare_schemes(79, 0.3, replace(Given(), slip_length=1e-4), names=["micro_bucket"])
    assert "stability limit" in far.row("micro_bucket").reason


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "schemes", "--harmonic", "20", "--bunching", "0.1", "--thin", "--json"]) == 0
    got = json.loads(capsys.readouterr().out)
    want = compare_schemes(20, 0.1)
    assert [r["name"] for r in got["schemes"]] == [r.name for r in want.rows]
    assert_close(got["schemes"][0]["laser_power"], want.rows[0].laser_power, rtol=1e-12, atol=0.0, what="power")
    line = ["compare", "schemes", "--harmonic", "79", "--bunching", "0.2", "--energy", "400e6", "--emittance", "5e-12"]
    assert main([*line, "--thin"]) == 0
    text = capsys.readouterr().out
    assert "lsf" in text and "peak of J_79" in text and "400 MeV" in text
    assert main(["compare", "schemes", "--harmonic", "5", "--bunching", "1.5"]) == 2
    assert "below 1" in capsys.readouterr().err


def test_a_scheme_that_loses_its_bunching_in_magnets_is_flagged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """|b| in magnets is that of the whole Taylor map; less than 0.9 of what was wanted is said."""
    names = ("tlc_angular", "single_stage", "micro_bucket")
    found = compare_schemes(10, 0.1, names=names)
    magnets = bunching_in_magnets(found, n=2**14)
    assert "a ring" in str(magnets["micro_bucket"])
    for name, terms in terms_of_designs(compare_schemes(10, 0.1, names=names[:1]), n=2**14).items():
        got = magnets[name]
        assert not isinstance(terms, str) and isinstance(got, InMagnets)
        assert_close(got.bunching, terms.whole, rtol=0.0, atol=3e-3, what=name)
        assert got.bunching_range[0] < terms.whole < got.bunching_range[1] and not got.doubt
    few = bunching_in_magnets(compare_schemes(10, 0.03, names=["tlc_angular"]))
    assert "too near the noise" in str(few["tlc_angular"])
    monkeypatch.setattr("ssmb.schemes.compare.bunching_in_magnets", lambda found: magnets)
    line = ["compare", "schemes", "--harmonic", "10", "--bunching", "0.1", "--scheme", *names]
    assert main(line) == 0
    text = capsys.readouterr().out
    assert re.search(r"tlc_angular: LOSES (1[6-9]|2[0-2]) % of its", text)
    assert "single_stage: LOSES" not in text and "micro_bucket: no magnets: harmonics of the micro-bucket" in text
    assert main([*line, "--json"]) == 0
    got = {row["name"]: row for row in json.loads(capsys.readouterr().out)["schemes"]}
    told = magnets["tlc_angular"]
    assert isinstance(told, InMagnets)
    assert got["tlc_angular"]["bunching_in_magnets"] == told.bunching
    assert got["tlc_angular"]["bunching_in_magnets_range"] == list(told.bunching_range)
    assert got["micro_bucket"]["no_magnets"] == magnets["micro_bucket"]
    assert got["single_stage"]["laser_power_range"][0] < got["single_stage"]["laser_power"]
    assert re.search(r"single_stage +\S+ MW \(\S+ MW to \S+ MW\)", text)  # spread and emittance are assumed
    assert main([*line, "--thin", "--sigma-delta", "4e-4", "--emittance", "20e-12"]) == 0
    thin = capsys.readouterr().out
    assert "LOSES" not in thin and not re.search(r"W \(.* to ", thin)


def test_bunching_in_magnets_carries_the_noise_of_its_particles() -> None:
    """16 to 84 % of |b + noise|, the noise complex Gaussian of variance 1/n; what lies in it says so first."""
    n, rng = 2**14, np.random.default_rng(5)
    noise = (rng.normal(size=100_000) + 1j * rng.normal(size=100_000)) / math.sqrt(2.0 * n)
    want = np.percentile(np.abs(0.1 + noise), [15.87, 84.13])
    got = InMagnets.of(0.1, n)
    assert_close(np.subtract(got.bunching_range, 0.1), want - 0.1, rtol=0.08, atol=0.0)
    low = InMagnets.of(0.5 / math.sqrt(n), n)
    assert low.doubt == f"IN THE NOISE of {n} macroparticles" and low.bunching_range[0] == 0.0


def test_command_line_names_the_terms_of_the_magnets(capsys: pytest.CaptureFixture[str]) -> None:
    line = [
        "compare",
        "schemes",
        "--harmonic",
        "5",
        "--bunching",
        "0.15",
        "--scheme",
        "pehg",
        "micro_bucket",
        "--terms",
        "--thin",
    ]
    assert main(line) == 0
    text = capsys.readouterr().out
    assert "T566" in text and "with these" in text and "its turn" in text
    assert main([*line, "--json"]) == 0
    got = json.loads(capsys.readouterr().out)["terms"]
    assert "T566" in [r["name"] for r in got["pehg"]["rows"]] and "its turn" in got["micro_bucket"]["reason"]
    made = compare_schemes(5, 0.15, names=["pehg"]).rows[0].scheme
    assert made is not None
    want = made.realised().bunching(5)
    assert_close(got["pehg"]["linear"], want, rtol=0.0, atol=3e-4, what="|b_5| of the design in magnets")


@pytest.mark.parametrize("vertical", [False, True])
@pytest.mark.parametrize("thick", [False, True])
def test_modulator_makes_the_amplitude_and_the_gradient(thick: bool, vertical: bool) -> None:
    ring = Reference(600e6)
    modulator = Modulator.resonant(ring, 1064e-9, 0.08, 20, vertical=vertical)
    k = 2 * math.pi / 1064e-9
    made = modulator.wiggler("MOD", thick=thick, amplitude=2e-5)
    # what is left is the slip by the modulation itself, h N lambda = 2.5e-3
    assert_close(modulation_at(made, ring), 2e-5, rtol=0.0, atol=2e-8, what="energy modulation")
    closed = modulator.power(2e-5)
    # thick: the wiggling amplitude of 92 um in a waist of 0.44 mm, and the ends
    assert_close(made.laser_power, closed, rtol=0.08 if thick else 0.002, atol=0.0, what="power by the closed form")
    made = modulator.wiggler("MOD", thick=thick, gradient=0.02)
    assert_close(measured_gradient(made, ring), 0.02, rtol=1e-3, atol=0.0, what="gradient")
    closed = modulator.power_for_gradient(0.02)
    assert_close(made.laser_power, closed, rtol=0.15 if thick else 0.003, atol=0.0, what="power by the closed form")
    # its partner, by Panofsky and Wenzel: the angle in the middle is (t/k) cos where the gain is t y sin
    z = 1064e-9 * (np.arange(64) / 64 - 0.5)
    rows = np.zeros((6, 64))
    rows[4] = z
    half = replace(made, length=0.0, periods=10.0, laser_on=False)
    end = track(Lattice.from_elements([made], ring), Beam(ring, rows)).beam.coordinates
    back = np.linalg.inv(transfer_matrix(Lattice.from_elements([half], ring))[2:4, 2:4])
    angle = 2 * np.mean((back @ end[2:4])[1] * np.exp(-1j * k * z))
    assert_close(angle, -0.02 / k, rtol=0.02, atol=0.0, what="angular modulation, -cos at phase 0")
