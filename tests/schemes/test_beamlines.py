"""Beamlines of real magnets: matched, tracked in 6D, against the closed form of what they realise."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.elements import Bend
from ssmb.errors import PhysicsError
from ssmb.schemes import SCHEMES, Scheme
from ssmb.schemes.beamlines import Parts, achromat, matched_chicane, matched_coupling, matched_dogleg, section_matrix
from ssmb.schemes.modulator import Modulator
from ssmb.schemes.terms import path_terms
from tests.support import assert_close

#: scheme, example, harmonic, terms that matter (largest first), and what they change in |b| by tracking
CASES = [
    ("adm", 0, 20, ("T566", "T546", "T544"), 1e-5),
    ("adm", 1, 20, ("T566", "T546", "T544"), 1e-5),
    ("adm", 2, 5, ("T566", "T546"), 0.0),
    ("adm_reversible", 0, 20, ("T566", "T546", "T544"), 1e-5),
    ("eehg", 1, 2, ("T566",), 0.0),
    ("eehg", 2, 2, ("T566",), 0.0),
    ("lsf", 0, 20, ("T566",), 0.0),
    ("lsf", 1, 20, ("T566",), 0.0),
    ("lsf_two", 0, 20, (), 0.0),
    ("pehg", 0, 20, ("T566", "T536", "T544"), 1.3e-4),
    ("pehg", 1, 5, ("T566", "T536"), 3e-5),
    ("single_stage", 1, 5, ("T566",), 0.0),
    ("tlc_angular", 0, 5, ("T544", "T566", "T534", "T546"), -0.149),
    ("tlc_angular", 1, 1, ("T566", "T544", "T546", "T534"), -0.179),
    ("tlc_angular", 2, 1, ("T544", "T566", "T534", "T546"), -0.140),
    ("tlc_angular", 4, 20, ("T566", "T544", "T534", "T516"), -0.0245),
    ("tlc_energy", 0, 20, ("T544", "T566", "T546"), -0.0399),
    ("tlc_energy", 1, 20, ("T544", "T566", "T546"), -1.45e-3),
    ("tlc_energy", 2, 20, ("T544", "T546", "T566"), -0.2342),
    ("tlc_energy", 3, 5, ("T544", "T546", "U5446"), -0.2019),
    ("tlc_energy", 4, 79, ("T566", "T544", "T546"), -8.1e-5),
]
NODES = {
    "eehg": {"z": 64, "delta": 140, "y": 3, "px": 1, "py": 1},
    "tlc_angular": {"z": 64, "delta": 9, "x": 2, "px": 1, "y": 11, "py": 7},
}
#: the highest harmonics need more of z
FINE = {"z": 200, "delta": 12, "y": 7, "py": 7}
PLENTY = {"z": 64, "delta": 12, "x": 3, "px": 1, "y": 7, "py": 7}


@cache
def example(name: str, i: int) -> Scheme:
    return SCHEMES[name].examples()[i]


def beam_of(name: str, parts: Parts, harmonic: int) -> Beam:
    return parts.quadrature(5, FINE if harmonic > 24 else NODES.get(name, PLENTY))


def test_every_scheme_has_a_beamline() -> None:
    """Every example is tracked here, or in the next tests, or a ring; the turn of the MLS is in tests/physics."""
    others = {
        ("eehg", 0),
        ("eehg", 3),
        ("single_stage", 2),
        ("tlc_angular", 3),
        ("adm_reversible", 1),
        ("adm_reversible", 2),
    }
    tracked = others | {(name, i) for name, i, *_ in CASES}
    everything = {(name, i) for name, cls in SCHEMES.items() for i in range(len(cls.examples()))}
    rings = {("single_stage", 0)} | {e for e in everything if e[0] == "micro_bucket"}
    assert tracked | rings == everything
    with pytest.raises(PhysicsError, match="track the ring"):
        example("single_stage", 0).beamline()
    # the reversible form is ADM up to the radiator
    for i in (1, 2):
        assert example("adm_reversible", i).beamline().elements == example("adm", i).beamline().elements
    assert example("tlc_angular", 3).beamline().elements[-1].name == "RAD"


@pytest.mark.parametrize("name", ["eehg", "single_stage"])
def test_a_flat_beam_enters_with_the_same_beta_in_both_planes(name: str) -> None:
    scheme = replace(SCHEMES[name].examples()[1], waist=None, sigma_x=2e-4, sigma_y=5e-5)
    sigma = scheme.parts().sigma
    assert_close(np.sqrt(np.diag(sigma)[[0, 2]]), [2e-4, 5e-5], rtol=1e-12, atol=0.0, what="sizes [m]")
    assert_close(sigma[0, 0] / sigma[1, 1], sigma[2, 2] / sigma[3, 3], rtol=1e-12, atol=0.0, what="beta^2 [m^2]")


@pytest.mark.parametrize(("name", "i", "n", "terms", "change"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_magnets_are_the_closed_form_and_named_terms(
    name: str, i: int, n: int, terms: tuple[str, ...], change: float
) -> None:
    """The linear map of the magnets has the closed form; terms of the table make of it what is tracked."""
    scheme = example(name, i)
    beam = beam_of(name, scheme.parts(), n)
    closed = scheme.realised().exact_bunching(n)
    tracked = scheme.beamline_bunching((n,), beam=beam)[0]
    found = path_terms(scheme, n, beam=beam)
    assert closed > 0.03
    assert_close(found.linear, closed, rtol=0.0, atol=2.5e-4, what="linear map against closed form")
    assert_close(tracked, found.named, rtol=0.0, atol=1.5e-3, what="tracked against linear map and named terms")
    sharp = 1e-3 if abs(change) > 0.1 else 5e-5  # few nodes have to do where the terms are large
    assert_close(tracked - closed, change, rtol=0.01, atol=sharp, what="change")
    assert tuple(r.name for r in found.rows[: len(terms)]) == terms
    assert any(isinstance(e, Bend) for e in scheme.beamline())


def test_echo_at_its_harmonic() -> None:
    """The sharpest example by a quiet start: a quadrature of it takes 5e6 nodes."""
    scheme = example("eehg", 0)
    got = scheme.beamline_bunching((24,), n=2**17)
    assert_close(got, [scheme.realised().bunching(24)], rtol=0.0, atol=1e-3, what="|b_24|")


def test_echo_of_a_beam_that_fills_the_lasers() -> None:
    scheme = example("eehg", 3)
    beam = scheme.parts().quadrature(5, {"z": 64, "delta": 140, "x": 5, "y": 5, "px": 1, "py": 1})
    want, wide = scheme.realised().bunching(2), replace(scheme, waist=None).bunching(2)  # type: ignore[call-arg]
    assert_close(scheme.beamline_bunching((2,), beam=beam), [want], rtol=0.0, atol=5e-4, what="|b_2|")
    assert wide > want + 0.04


def test_table_names_the_terms_that_matter() -> None:
    # a beam of 150 um in a chicane: the horizontal path T522 takes what is missing
    scheme = example("single_stage", 2)
    found = path_terms(scheme, 7, n=2**15)
    assert [r.name for r in found.rows[:3]] == ["T522", "T544", "T566"]
    tracked = scheme.beamline_bunching((7,), n=2**15)[0]
    assert_close(tracked, found.whole, rtol=0.0, atol=1e-5, what="tracked against the Taylor map")
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
    m = section_matrix(achromat("A", 0.02, ring), ring)
    assert_close(m[4, :4], np.zeros(4), rtol=0.0, atol=1e-14, what="no path by x, x', y, y'")
    # -angle^2 L/3 of the bends and l/gamma^2 of all
    assert_close(m[4, 5], -(0.02**2) * 0.2 / 3 + 1.8 * ring.inv_gamma2, rtol=2e-3, atol=0.0, what="r56 of an achromat")
    half = Modulator.suited(ring, 1064e-9, vertical=True).wiggler("HALF")
    for path, r56 in (((1e-4, -2e-3), 8e-5), ((-3e-4, 1e-3), 0.0)):
        m = section_matrix((half, *matched_coupling(path, r56, half, ring)), ring)
        assert_close(m[4], [0.0, 0.0, *path, 1.0, r56], rtol=1e-8, atol=1e-14, what="coupling and r56")
    with pytest.raises(PhysicsError, match="smaller dispersion or coupling"):
        matched_coupling((2.0, 0.0), 1e-4, half, ring)
    scheme = example("single_stage", 1)
    with pytest.raises(PhysicsError, match="fewer periods"):
        replace(scheme, r56=1e-6).beamline(Modulator.suited(scheme.reference, scheme.wavelength, periods=40))  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("name", "i"),
    [("adm", 0), ("adm", 1), ("adm", 2), ("pehg", 0), ("lsf", 0), ("lsf", 1), ("lsf_two", 0), ("single_stage", 1),
    ("tlc_energy", 1)],
)  # fmt: skip
def test_long_modulator_is_a_second_harmonic(name: str, i: int) -> None:
    """Light along the undulator: up to 0.07 in |b| by the slip of what an electron has gained so far, named to (h 2 N
    lambda)^2.

    What is left is of second order; measured at the 20th harmonic 0.021 (h 2 N lambda)^2.
    """
    scheme = example(name, i)
    und = Modulator.suited(scheme.reference, scheme.wavelength)
    strength = 2 * math.pi / scheme.wavelength * scheme.amplitude * 2.0 * und.slip  # type: ignore[attr-defined]
    nodes = PLENTY | {"x": 1} if name != "adm" else PLENTY
    beam = scheme.parts().quadrature(5, nodes)
    orders = (1, 5, 20) if name != "single_stage" else (1, 2, 5)
    thick, thin = (scheme.beamline_bunching(orders, thick=t, beam=beam) for t in (True, False))
    closed, kick = (np.array([scheme.realised(thick=t).bunching(n) for n in orders]) for t in (True, False))
    assert_close(thick - thin, closed - kick, rtol=0.0, atol=0.025 * strength**2, what="second harmonic")
    assert np.abs(thick - thin).max() > 2.0 * np.abs(thick - thin - closed + kick).max()


def test_long_modulator_of_a_beam_as_wide_as_the_light() -> None:
    """The electrons see the mean profile of the light over the undulator, wider than its waist by 1.41."""
    scheme = example("single_stage", 2)
    thick = scheme.beamline_bunching((1, 2), thick=True, n=2**16)
    closed, waist = ([scheme.realised(thick=t).bunching(n) for n in (1, 2)] for t in (True, False))
    assert_close(thick, closed, rtol=0.0, atol=0.005, what="mean profile")
    assert thick[0] > waist[0] + 0.05


def test_long_modulators_that_have_no_closed_form() -> None:
    """What light along the undulator changes in an angular modulation and in an echo, as docs/schemes.md states it."""
    for name, i, orders, stated in (
        ("tlc_angular", 4, (1, 20), (-4.9e-3, -1.57e-2)),
        ("eehg", 1, (2,), (3.8e-3,)),
    ):
        scheme = example(name, i)
        beam = beam_of(name, scheme.parts(), orders[-1])
        thin, thick = (scheme.beamline_bunching(orders, thick=t, beam=beam) for t in (False, True))
        assert_close(thick - thin, stated, rtol=0.1, atol=2e-4, what=f"{name}: long minus one kick at {orders}")
