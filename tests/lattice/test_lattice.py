"""The lattice as Python users see it: names, positions, changed copies."""

from __future__ import annotations

import dataclasses

import pytest

from ssmb.beam.reference import Reference
from ssmb.elements import Drift, Marker, Quadrupole
from ssmb.errors import LatticeError
from ssmb.lattice import Lattice
from tests.support import assert_close

REF = Reference(energy=250e6)
D, QF, QD = Drift(name="d", length=0.5), Quadrupole(name="qf", length=0.2, Kn1=1.0), Quadrupole(name="qd", length=0.3)


def cell() -> Lattice:
    return Lattice.from_elements([QF, D, QD, D, QF], REF, name="cell")


def names(lattice: Lattice) -> list[str]:
    return [e.name for e in lattice]


def test_names_positions_and_lengths() -> None:
    ring = cell()
    assert names(ring) == ["qf#1", "d#1", "qd", "d#2", "qf#2"]
    assert_close(ring.s, [0.0, 0.2, 0.7, 1.0, 1.5], rtol=1e-15, atol=0.0, what="s")
    assert_close(ring.length, 1.7, rtol=1e-15, atol=0.0, what="length")
    with pytest.raises(ValueError, match="read-only"):
        ring.s[0] = 1.0
    assert len(ring) == 5
    assert "qd" in ring
    assert "qf" not in ring
    nameless = Lattice.from_elements([Drift(length=1), Drift(length=2), Marker()], REF)
    assert names(nameless) == ["drift#1", "drift#2", "marker"]


def test_elements_by_name_position_and_pattern() -> None:
    ring = cell()
    assert ring["qd"] is ring[2]
    assert ring[-1] is ring["qf#2"]
    assert ring[1:3] == ring.elements[1:3]
    assert ring.index("d#2") == 3
    assert ring.index(-1) == 4
    assert [e.name for e in ring.find("q*")] == ["qf#1", "qd", "qf#2"]
    assert [e.name for e in ring.find("qf")] == ["qf#1", "qf#2"]
    assert ring.indices("*#2") == (3, 4)
    assert ring.indices("Drift::*") == (1, 3)
    assert ring.find("x*") == ()
    for key, words in [
        ("qf", "'qf' is placed 2 times, from qf#1 to qf#2"),
        ("qd1", "no element is named 'qd1'. Did you mean 'qd'"),
        (5, "there is no element 5: the lattice has 5"),
    ]:
        with pytest.raises(LatticeError, match=words):
            ring[key]


def test_equality_is_that_of_the_elements_and_the_reference() -> None:
    assert cell() == cell()
    assert hash(cell()) == hash(cell())
    assert cell() != dataclasses.replace(cell(), reference=Reference(energy=1e9))
    assert cell() != cell().with_changes({"qd": {"Kn1": 1e-300}})


def test_changes_of_one_copy_all_copies_and_patterns() -> None:
    ring = cell()
    assert [q.Kn1 for q in ring.with_changes({"qf": {"Kn1": 3.1}}).find("q*")] == [3.1, 0.0, 3.1]
    assert [q.Kn1 for q in ring.with_changes({"qf#2": {"MagneticMultipoleP.Kn1": 3.1}}).find("q*")] == [1.0, 0.0, 3.1]
    changed = ring.with_changes({"q*": {"x_offset": 1e-4}, "qd": {"length": 0.4}})
    assert [q.x_offset for q in changed] == [1e-4, 0.0, 1e-4, 0.0, 1e-4]
    assert changed.length > ring.length
    assert ring == cell()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"qd1": {"Kn1": 1}}, "no element matches 'qd1'. Did you mean 'qd'"),
        ({"qf": {"K1": 1}}, "Quadrupole 'qf#1': no parameter is named 'K1'. Did you mean 'MagneticMultipoleP.Kn1'?"),
        ({"d": {"Kn1": 1}}, "Drift 'd#1': no parameter is named 'Kn1'"),
        ({"d": {"length": -1}}, "length must be a number of at least 0 m"),
        ({"d": {"length": "1"}}, "must be a number"),
    ],
)
def test_changes_that_do_not_fit(changes: dict, words: str) -> None:
    with pytest.raises(LatticeError) as caught:
        cell().with_changes(changes)
    assert words in str(caught.value)


def test_another_start_keeps_names_and_length() -> None:
    turned = cell().rotated("d#2")
    assert names(turned) == ["d#2", "qf#2", "qf#1", "d#1", "qd"]
    assert turned.length == cell().length
    assert turned.rotated("qf#1") == cell()
    assert names(cell().reversed_order()) == ["qf#2", "d#2", "qd", "d#1", "qf#1"]


def test_markers_cut_drifts_and_stand_at_ends() -> None:
    ring = cell().with_markers({"m": 0.3, "start": 0.0, "mid": 0.7, "end": 1.7, "m2": 0.4})
    assert names(ring) == ["start", "qf#1", "d_1_1", "m", "d_1_2_1", "m2", "d_1_2_2", "mid", "qd", "d#2", "qf#2", "end"]
    assert_close(ring.length, 1.7, rtol=1e-15, atol=0.0, what="length")
    for name, s in [("m", 0.3), ("m2", 0.4), ("mid", 0.7), ("qf#2", 1.5)]:
        assert_close(ring.s[ring.index(name)], s, rtol=1e-15, atol=0.0, what=name)


def test_apertures_stay_where_they_were_when_a_drift_is_cut() -> None:
    for at, limits in [
        ("ENTRANCE_END", [(("ENTRANCE_END"), (-1.0, 1.0)), ("ENTRANCE_END", ())]),
        ("EXIT_END", [("ENTRANCE_END", ()), ("EXIT_END", (-1.0, 1.0))]),
        ("BOTH_ENDS", [("ENTRANCE_END", (-1.0, 1.0)), ("EXIT_END", (-1.0, 1.0))]),
    ]:
        pipe = Drift(name="d", length=1.0, x_limits=(-1, 1), aperture_at=at)
        parts = Lattice.from_elements([pipe], REF).with_markers({"m": 0.5}).find("d_*")
        assert [(p.aperture_at, p.x_limits) for p in parts] == limits


def test_a_shifted_magnet_is_not_cut() -> None:
    with pytest.raises(LatticeError, match="Quadrupole 'qf#1' cannot be cut 0.1 m behind its entrance"):
        cell().with_changes({"qf": {"x_offset": 1e-3}}).with_markers({"m": 0.1})


@pytest.mark.parametrize(
    ("positions", "words"),
    [
        ({"m": 2.0}, "s must lie between 0 and 1.7"),
        ({"m": -0.1}, "s must lie between 0"),
        ({"m": float("nan")}, "s must lie between 0"),
        ({"qf": 0.0}, "the lattice has an element of this name"),
        ({"m m": 0.0}, "an element cannot be named 'm m'"),
    ],
)
def test_markers_that_cannot_be_placed(positions: dict, words: str) -> None:
    with pytest.raises(LatticeError) as caught:
        cell().with_markers(positions)
    assert words in str(caught.value)


def test_names_are_checked() -> None:
    with pytest.raises(LatticeError, match="two elements are named 'd'"):
        Lattice("l", REF, (D, D))
    with pytest.raises(LatticeError, match="both named 'd'"):
        Lattice.from_elements([D, D], REF, name="d")
    for wrong in ("a b", "1a", "", "use", "a#1"):
        with pytest.raises(LatticeError, match="cannot be named"):
            Lattice(wrong, REF, (D,))
    for wrong in ("a b", "1a", "", "include", "a#0", "a#1#2"):
        with pytest.raises(LatticeError, match="cannot be named"):
            Lattice("l", REF, (Drift(name=wrong),))
