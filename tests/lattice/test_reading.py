"""The dialect: what each construct of a lattice file means."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import ssmb.lattice
from ssmb.elements import ELEMENTS
from ssmb.errors import LatticeError, SeveralErrors
from ssmb.lattice import Lattice, check_file, load_lattice

BEGIN = "- begin: {kind: BeginningEle, ReferenceP: {species_ref: electron, E_tot_ref: 250e6}}"


def lattice(entries: str, line: str, *, top: str = "") -> Lattice:
    """A lattice of facility entries and the content of its line."""
    return load_lattice(
        f"PALS:\n{top}\n  facility:\n  {BEGIN}\n{entries}\n  - ring: {{kind: BeamLine, line: [{line}]}}\n  - use: "
        f"ring\n"
    )


def names(ring: Lattice) -> str:
    return " ".join(e.name for e in ring)


LETTERS = "\n".join(f"  - {c}: {{kind: Drift, length: {i}}}" for i, c in enumerate("abcd", start=1))


def test_small_ring() -> None:
    ring = lattice(
        "  - d: {kind: Drift, length: 0.5}\n  - q: {kind: Quadrupole, length: 0.2, MagneticMultipoleP: {Kn1: 3.1, "
        "Ks1: -1e-3}}",
        "begin, q, d",
    )
    assert ring.name == "ring"
    assert ring.reference.energy == 250e6
    assert ring.reference.species == "electron"
    quadrupole = ring["q"]
    assert isinstance(quadrupole, ELEMENTS["Quadrupole"])
    assert (quadrupole.length, quadrupole.Kn1, quadrupole.Ks1) == (0.2, 3.1, -1e-3)
    assert ring.s.tolist() == [0.0, 0.2]
    assert ring.length == 0.7
    assert ring.periodic is None
    assert str(ring.where("q")) == "<text>:6:5"


def test_repeat_and_reversed_order() -> None:
    cell = "\n  - cell: {kind: BeamLine, line: [a, b, c]}"
    assert names(lattice(LETTERS + cell, "begin, cell: {repeat: 2}")) == "a#1 b#1 c#1 a#2 b#2 c#2"
    assert names(lattice(LETTERS + cell, "cell: {repeat: -1}, d")) == "c b a d"
    assert names(lattice(LETTERS + cell, "cell: {repeat: -2}, d: {repeat: 3}")) == "c#1 b#1 a#1 c#2 b#2 a#2 d#1 d#2 d#3"
    assert names(lattice(LETTERS + cell, "d, cell: {repeat: 0}")) == "d"
    assert names(lattice(LETTERS + cell, "cell: {repeat: n - 1}", top="  constants: {n: 2}")) == "a b c"


def test_reversal_reaches_into_inner_lines() -> None:
    lines = "\n  - i: {kind: BeamLine, line: [a, b]}\n  - o: {kind: BeamLine, line: [i, c, i: {repeat: -1}, d]}"
    assert names(lattice(LETTERS + lines, "o")) == "a#1 b#1 c b#2 a#2 d"
    assert names(lattice(LETTERS + lines, "o: {repeat: -1}")) == "d a#1 b#1 c b#2 a#2"


def test_lines_may_be_defined_later_and_in_place() -> None:
    ring = lattice(
        LETTERS,
        "a, m: {kind: Marker}, b2: {inherit: b, length: 7}, sub: {kind: BeamLine, line: [c, d], repeat: 2}, n: {kind: "
        "Marker, repeat: 2}",
    )
    assert names(ring) == "a m b2 c#1 d#1 c#2 d#2 n#1 n#2"
    assert ring["b2"].length == 7.0


def test_inherit_replaces_single_keys_and_goes_over_several_steps() -> None:
    ring = lattice(
        "  - q1: {kind: Quadrupole, length: 0.2, MagneticMultipoleP: {Kn1: 3, Kn2: 4}}\n"
        "  - q3: {inherit: q2, kind: Quadrupole, MagneticMultipoleP: {Kn2: 6}}\n"
        "  - q2: {inherit: q1, MagneticMultipoleP: {Kn1: 5}}",
        "q1, q2, q3",
    )
    assert [(q.length, q.Kn1, q.Kn2) for q in ring] == [(0.2, 3, 4), (0.2, 5, 4), (0.2, 5, 6)]


def test_constants_and_expressions() -> None:
    ring = lattice(
        "  - constants: {twice: 2*l}\n  - d: {kind: Drift, length: 'twice + 1/4', ApertureP: {x_limits: [-l/100, "
        "l/100]}}",
        "d",
        top="  constants:\n    l: 0.5\n    k: sqrt(l)",
    )
    assert ring["d"].length == 1.25
    assert ring["d"].x_limits == (-0.005, 0.005)


def test_alternative_keys_go_through_the_element_class() -> None:
    ring = lattice(
        "  - b: {kind: Bend, length: 1.2, BendP: {g_ref: 'pi/8/1.2'}}\n"
        "  - m: {kind: Multipole, length: 0.5, MagneticMultipoleP: {Kn2L: 3}}",
        "b, m",
    )
    plain = lattice(
        f"  - b: {{kind: Bend, length: 1.2, BendP: {{angle_ref: {math.pi / 8 / 1.2 * 1.2!r}}}}}\n"
        "  - m: {kind: Multipole, length: 0.5, MagneticMultipoleP: {Kn2: 6}}",
        "b, m",
    )
    assert ring == plain


@pytest.mark.parametrize("energy", ["E_tot_ref: 629e6", "pc_ref: 628999792.43", "E_tot_ref: 0.629 * 10**9"])
def test_reference(energy: str) -> None:
    ring = load_lattice(
        f"PALS:\n  facility:\n  - b: {{kind: BeginningEle, ReferenceP: {{species_ref: positron, {energy}}}}}\n"
        "  - l: {kind: BeamLine, line: [m: {kind: Marker}]}\n  use: l"
    )
    assert abs(ring.reference.energy - 629e6) < 1.0
    assert ring.reference.species == "positron"


def test_the_first_beginning_element_decides_and_others_are_dropped() -> None:
    other = "  - slow: {kind: BeginningEle, ReferenceP: {E_tot_ref: 1e6}}\n  - i: {kind: BeamLine, line: [slow, a]}\n"
    assert lattice(other + LETTERS, "begin, i, b").reference.energy == 250e6
    assert lattice(other + LETTERS, "i, b").reference.energy == 1e6
    with pytest.raises(LatticeError, match="several BeginningEle"):
        lattice(other + LETTERS, "a, b")


def test_lattice_kind_names_a_branch_or_holds_a_line() -> None:
    for body in ("branches: [ring]", "line: [ring]", "branches: [ring: {repeat: 1}]"):
        text = f"PALS:\n  facility:\n  {BEGIN}\n  - ring: {{kind: BeamLine, line: [m: {{kind: Marker}}]}}\n"
        machine = load_lattice(f"{text}  - machine: {{kind: Lattice, periodic: true, {body}}}\n  - use: machine\n")
        assert machine.name == "machine"
        assert machine.periodic is True
        assert len(machine) == 1


def test_stated_length_must_hold() -> None:
    cell = "\n  - cell: {kind: BeamLine, length: 6, line: [a, b, c]}"
    assert lattice(LETTERS + cell, "cell").length == 6.0
    words = "<text>:9:36: BeamLine 'cell': length says 7 m, its elements add up to 6.0 m"
    with pytest.raises(LatticeError, match=words):
        lattice(LETTERS + cell.replace("6", "7"), "cell")


def test_include(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "magnets.yaml").write_text(
        f"PALS:\n  constants: {{l: 0.5}}\n  facility:\n  {BEGIN}\n  - include: deep.yaml\n  - use: inner\n"
    )
    (tmp_path / "parts" / "deep.yaml").write_text(
        "PALS:\n  facility:\n  - d: {kind: Drift, length: l}\n  - inner: {kind: BeamLine, line: [d]}\n"
    )
    main = tmp_path / "main.pals.yaml"
    main.write_text("PALS:\n  facility:\n  - include: parts/magnets.yaml\n  - ring: {kind: BeamLine, line: [d, d]}\n")
    assert load_lattice(main).name == "inner"  # the use of an included file counts where the outer one has none
    main.write_text(main.read_text() + "  use: ring\n")
    ring = load_lattice(main)
    assert ring.name == "ring"
    assert ring.length == 1.0
    assert [Path(s.file).name for s in ring.sources] == ["main.pals.yaml", "magnets.yaml", "deep.yaml"]
    assert str(ring.where("d#1")) == f"{tmp_path}/parts/deep.yaml:3:5"


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    rows = [line[4:] for line in (ssmb.lattice.__doc__ or "").splitlines() if line.startswith("    ")]
    (tmp_path / "ring.pals.yaml").write_text("\n".join(rows))
    (tmp_path / "magnets.pals.yaml").write_text("PALS:\n  facility: []\n")
    ring = load_lattice(tmp_path / "ring.pals.yaml")
    assert len(ring) == 21
    assert [e.name for e in ring][-5:] == ["d#9", "qd#5", "d#10", "qf#5", "m"]


def test_all_errors_at_once_in_file_order(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pals.yaml"
    bad.write_text(
        f"PALS:\n  facility:\n  {BEGIN}\n  - d: {{kind: Drift, length: l}}\n  - q: {{kind: Quadrupole, K1: 3}}\n"
        "  - ring: {kind: BeamLine, line: [d, q, x]}\n  - use: rign\n"
    )
    found = check_file(bad)
    places = [(e.where.line, e.where.column) for e in found if e.where]
    assert places == [(4, 30), (5, 27), (6, 41), (7, 10)]
    with pytest.raises(SeveralErrors) as caught:
        load_lattice(bad)
    assert [str(e) for e in caught.value.errors] == [str(e) for e in found]
    assert check_file(tmp_path / "none.yaml")[0].message == "there is no such file"


def test_what_is_inherited_is_reported_once() -> None:
    with pytest.raises(LatticeError) as caught:  # and not SeveralErrors
        lattice("  - a: {kind: Drift, length: -1}\n  - b: {inherit: a}\n  - c: {inherit: b}", "a, b, c")
    assert str(caught.value) == "<text>:5:30: Drift 'a': length must be a number of at least 0 m, got -1"


def test_numbers_may_have_units() -> None:
    text = """PALS:
  facility:
  - begin: {kind: BeginningEle, ReferenceP: {species_ref: electron, E_tot_ref: 250e6}}
  - d: {kind: Drift, length: 20 cm, ApertureP: {x_limits: [-2 mm, 2.5 mm]}}
  - c: {kind: RFCavity, length: 0.5 m, RFP: {voltage: 0.5 MV, frequency: 500 MHz}}
  - w:
      kind: Wiggler
      SSMB_WigglerP: {periods: 32, period_length: 125 mm, B_peak: 800 mT}
      SSMB_laser: {wavelength: 1064 nm, power: 5 MW, rayleigh_length: 1}
  - ring: {kind: BeamLine, line: [begin, d, c, w]}
  - use: ring
"""
    d, c, w = load_lattice(text)
    assert (d.length, d.x_limits) == (0.2, (-2e-3, 2.5e-3))
    assert (c.length, c.voltage, c.frequency) == (0.5, 0.5e6, 500e6)
    assert (w.period_length, w.B_peak, w.laser_wavelength, w.laser_power) == (0.125, 0.8, 1064e-9, 5e6)


@pytest.mark.parametrize("written, volts", [("5e5*1", 5e5), ("2.5E+5 * 2", 5e5), ("1e6/2", 5e5), ("-5e5 + 1e6", 5e5)])
def test_an_exponent_is_no_unit(written: str, volts: float) -> None:
    cavity = f"  - cav: {{kind: RFCavity, RFP: {{voltage: {written}, frequency: 5e8}}}}"
    assert lattice(cavity, "cav")[0].voltage == volts
