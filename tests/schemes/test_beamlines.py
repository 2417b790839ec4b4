"""Beamlines of real magnets: matched, tracked in 6D, against the closed form of what they realise."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ssmb.beam import Reference
from ssmb.elements import Bend
from ssmb.errors import PhysicsError
from ssmb.schemes import SCHEMES, Scheme
from ssmb.schemes.beamlines import matched_chicane, matched_dogleg, section_matrix
from ssmb.schemes.modulator import ModulatorUndulator
from ssmb.schemes.terms import path_terms
from tests.support import assert_close

#: scheme, example, harmonics, and what nonlinear terms and the noise of 2^17 particles may change in |b|
CASES = [
    ("single_stage", 1, (1, 2, 3, 5, 7), 1e-4),
    ("lsf", 0, (1, 5, 20, 24), 1e-4),
    ("lsf", 1, (1, 5, 20), 1e-4),
    ("lsf_two", 0, (1, 5, 20), 1e-4),
    ("adm", 0, (1, 2, 3, 5), 1e-3),
    ("eehg", 1, (2, 7), 1e-3),
    ("eehg", 0, (24,), 1e-3),
]


def example(name: str, i: int) -> Scheme:
    return SCHEMES[name].examples()[i]


@pytest.mark.parametrize(("name", "i", "harmonics", "allowed"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_tracked_magnets_are_the_closed_form(name: str, i: int, harmonics: tuple[int, ...], allowed: float) -> None:
    scheme = example(name, i)
    want = [scheme.realised().bunching(n) for n in harmonics]
    got = scheme.beamline_bunching(harmonics, n=2**17)
    assert min(want) > 0.005
    assert_close(got, want, rtol=0.0, atol=allowed, what=f"|b| at {harmonics}")
    assert any(isinstance(e, Bend) for e in scheme.beamline())


def test_table_names_the_terms_that_matter() -> None:
    # a beam of 150 um in a chicane: the horizontal path T522 takes what is missing
    scheme = example("single_stage", 2)
    found = path_terms(scheme, 7, n=2**15)
    assert [r.name for r in found.rows[:3]] == ["T522", "T544", "T566"]
    tracked = scheme.beamline_bunching((7,), n=2**15)[0]
    assert_close(tracked, found.whole, rtol=0.0, atol=2e-3, what="tracked against the Taylor map")
    assert_close(found.linear + found.rows[0].change, found.whole, rtol=0.0, atol=3e-4, what="T522 alone explains it")
    assert "T566" in found.table()
    # T566 = -1.5 r56 of a chicane
    row = next(r for r in found.rows if r.name == "T566")
    assert_close(row.coefficient, -1.5 * 6e-5, rtol=0.02, atol=0.0, what="T566")


def test_matched_sections_have_what_was_asked_for() -> None:
    ring = Reference(600e6)
    m = section_matrix(matched_chicane("C", 2e-4, (), (), ring), ring)
    assert_close(m[4, 5], 2e-4, rtol=1e-9, atol=0.0, what="r56 of a chicane")
    for path in (0.01, -0.01):
        m = section_matrix(matched_dogleg("L", path, 5e-5, (), (), ring), ring)
        assert_close((m[4, 3], m[4, 5]), (path, 5e-5), rtol=1e-8, atol=0.0, what="dogleg")
    with pytest.raises(PhysicsError, match="no dogleg"):
        matched_dogleg("L", 1e-3, 5e-4, (), (), ring)
    scheme = example("single_stage", 1)
    with pytest.raises(PhysicsError, match="fewer periods"):
        replace(scheme, r56=1e-6).beamline(ModulatorUndulator.suited(scheme.reference, scheme.wavelength, periods=40))  # type: ignore[type-var]


def test_a_scheme_without_magnets_says_so() -> None:
    with pytest.raises(PhysicsError, match="track the ring"):
        example("single_stage", 0).beamline()


def test_thick_modulator_departs_by_its_slip() -> None:
    """Light along the undulator instead of one kick: N lambda h = 0.1 changes b_20 of strong focusing by a per cent."""
    scheme = example("lsf", 0)
    h = 2 * math.pi / scheme.wavelength * scheme.amplitude  # type: ignore[attr-defined]
    slip = 10 * scheme.wavelength * h
    thin, thick = (scheme.beamline_bunching((20,), thick=t, n=2**14)[0] for t in (False, True))
    assert 0.0 < abs(thick / thin - 1.0) < slip**2 * 2
