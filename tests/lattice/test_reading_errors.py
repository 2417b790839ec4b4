"""Every class of mistake in a lattice file: where the error points and what it says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ssmb.errors import LatticeError, SeveralErrors
from ssmb.lattice import check_file, load_lattice

HEAD = """PALS:
  facility:
  - begin: {kind: BeginningEle, ReferenceP: {species_ref: electron, E_tot_ref: 250e6}}
  - d: {kind: Drift, length: 1}
  - ring: {kind: BeamLine, line: [begin, d]}
  - use: ring
"""

#: what is added after line 6, with § before the place of the error; words of the message
ADDED = [
    ("- q: {kind: Quadrupole, §K1: 3}", "Quadrupole 'q': unknown key 'K1'. Did you mean 'MagneticMultipoleP.Kn1'?"),
    ("- q: {kind: Quadrupole, §lenght: 3}", "unknown key 'lenght'. Did you mean 'length'?"),
    ("- q: {kind: Quadrupole, §Kn1: 3}", "Did you mean 'MagneticMultipoleP.Kn1'?"),
    ("- q: {kind: Quadrupole, §zzzzz: 3}", "unknown key 'zzzzz'. Allowed: length,"),
    ("- q: {kind: Quadrupole, §MagneticMultipolP: {Kn1: 3}}", "Did you mean 'MagneticMultipoleP'?"),
    ("- q: {kind: Quadrupole, MagneticMultipoleP: §3}", "is a group"),
    ("- q: {kind: §Quadrupol, length: 1}", "'q': unknown kind 'Quadrupol'. Did you mean 'Quadrupole'?"),
    ("- q: {kind: §7}", "unknown kind '7'"),
    ("- q: {kind: §[Drift]}", "kind must be a word, got a list"),
    ("- §q: {length: 1}", "'q' needs a 'kind' or an 'inherit'"),
    ("- q: {kind: Drift, length: §-1}", "Drift 'q': length must be a number of at least 0 m, got -1"),
    ("- q: {kind: Drift, length: §.inf}", "length must be a number of at least 0 m, got inf"),
    ("- q: {kind: Drift, length: §.nan}", "length must be a number of at least 0 m, got nan"),
    ("- q: {kind: Drift, length: §true}", "must be a number or an expression, got 'true'"),
    ("- q: {kind: Drift, length:§ }", "must be a number or an expression, got ''"),
    ("- q: {kind: Drift, length: §[1]}", "must be a number or an expression, got a list"),
    ("- q: {kind: Drift, length: §{a: 1}}", "must be a number or an expression, got a mapping"),
    ("- q: {kind: Drift, length: §1 s}", "length: '1 s' is not a quantity in m"),
    ("- q: {kind: Drift, length: §'1 furlong'}", "unknown unit 'furlong'"),
    ("- q: {kind: Drift, length: §-1 mm}", "length must be a number of at least 0 m, got -0.001"),
    ("- q: {kind: Quadrupole, BodyShiftP: {z_rot: §1 m}}", "'1 m' is not a quantity in rad"),
    ("- q: {kind: Drift, ApertureP: {x_limits: [-1 mm, §1 T]}}", "'1 T' is not a quantity in m"),
    ("- q: {kind: Wiggler, SSMB_laser: {wavelength: §1064}}", "did you mean 1064e-9 or '1064 nm'?"),
    ("- q: {kind: Drift, length: §1/0}", "division by zero"),
    ("- q: {kind: Drift, ApertureP: {x_limits: §3}}", "must be a list of numbers, got '3'"),
    ("- q: {kind: Drift, ApertureP: {x_limits: [1, §a]}}", "unknown name 'a'"),
    ("- q: {kind: Drift, ApertureP: {x_limits: §[2, 1]}}", "two rising numbers"),
    ("- q: {kind: Drift, ApertureP: {shape: §RECTANGLE}}", "Did you mean 'RECTANGULAR'?"),
    ("- q: {kind: Drift, ApertureP: {shape: §3}}", "must be one of RECTANGULAR, ELLIPTICAL, got '3'"),
    ("- q: {kind: Bend, length: 1, BendP: {angle_ref: §0.1, g_ref: 0.1}}", "not both"),
    ("- q: {kind: Bend, BendP: {g_ref: §[1]}}", "BendP.g_ref must be a number or an expression, got a list"),
    ("- §d: {kind: Drift, length: 1}", "'d' is defined twice, first at <text>:4:5"),
    ("- q: {inherit: §dd}", "'q': inherit: nothing is named 'dd'. Did you mean 'd'?"),
    ("- q: {inherit: §q}", "inherits from itself: q > q"),
    ("- q: {inherit: d, kind: §Quadrupole}", "'q' is a Quadrupole but inherits from 'd', a Drift"),
    ("- q: {inherit: §ring}", "only elements can be inherited"),
    ("- q: {§<<: {kind: Drift}, kind: Drift}", "merge keys (<<) are not used; write inherit: NAME"),
    ("- §q", "has the form '- name: {kind: ...}'"),
    ("- q: §3", "'q' must be a mapping"),
    ("- §{q: {kind: Drift}, r: {kind: Drift}}", "with one name, got q, r"),
    ("- §q q: {kind: Drift}", "'q q' cannot be a name"),
    ("- §1q: {kind: Drift}", "'1q' cannot be a name"),
    ("- l: {kind: BeamLine, line: [d, §e]}", "BeamLine 'l': nothing is named 'e'"),
    ("- l: {kind: BeamLine, line: §d}", "the line must be a list of names"),
    ("- §l: {kind: BeamLine}", "BeamLine 'l' needs 'line: [...]'"),
    ("- l: {kind: BeamLine, line: [§l]}", "line 'l' contains itself: l > l"),
    ("- l: {kind: BeamLine, line: [§[d]]}", "an item of a line is a name"),
    ("- l: {kind: BeamLine, line: [d: §3]}", "'d' must be followed by a mapping"),
    ("- l: {kind: BeamLine, line: [d: {repeat: §1.5}]}", "repeat must be a whole number"),
    ("- l: {kind: BeamLine, line: [d: {repeat: §.nan}]}", "repeat must be a whole number"),
    ("- l: {kind: BeamLine, line: [d: {repeat: §-.inf}]}", "repeat must be a whole number"),
    ("- l: {kind: BeamLine, line: [d: {repeat: §.inf}]}", "repeat must be a whole number"),
    ("- l: {kind: BeamLine, line: [d: {repeat: §x}]}", "unknown name 'x'"),
    ("- l: {kind: BeamLine, line: [d: {repeat: §1e9}]}", "repeat must be a whole number up to 100000"),
    ("- l: {kind: BeamLine, line: [d: {§direction: -1}]}", "unknown key 'direction'"),
    ("- l: {kind: BeamLine, §lines: [d], line: [d]}", "Did you mean 'line'?"),
    ("- l: {kind: BeamLine, line: [d], periodic: §1}", "periodic must be true or false"),
    ("- l: {kind: Lattice, branches: §[ring, ring]}", "has 2 branches; one is supported"),
    ("- §l: {kind: Lattice}", "needs either 'branches: [NAME]' or 'line: [...]'"),
    ("- §b: {kind: BeginningEle}", "needs ReferenceP"),
    ("- b: {kind: BeginningEle, ReferenceP: {E_tot_ref: §1}}", "above the rest energy"),
    ("- b: {kind: BeginningEle, ReferenceP: §{E_tot_ref: 1e9, pc_ref: 1e9}}", "either E_tot_ref or pc_ref"),
    ("- b: {kind: BeginningEle, ReferenceP: {species_ref: §muon, pc_ref: 1e9}}", "electron, positron, proton"),
    ("- b: {kind: BeginningEle, ReferenceP: {§energy: 1e9, pc_ref: 1e9}}", "unknown key 'energy'"),
    ("- use: §ring", "'use' stands twice, first in line 6"),
    ("- use: §[ring]", "'use' must be the name"),
    ("- include: §other.yaml", "a lattice given as text cannot include files"),
    ("- constants: {§pi: 3}", "'pi' is already known"),
    ("- constants: {a: 1}\n  - constants: {§a: 1}", "constant 'a' is defined twice"),
    ("- constants: {a: §b, b: 1}", "constant 'a': 'b': unknown name 'b'"),
    ("- constants: {§a-b: 1}", "cannot name a constant"),
    ("- constants: §3", "'constants' must be a mapping"),
]


def single_error(text: str) -> LatticeError:
    with pytest.raises(LatticeError) as caught:
        load_lattice(text)
    return caught.value


@pytest.mark.parametrize(("added", "words"), ADDED)
def test_one_wrong_entry(added: str, words: str) -> None:
    text = f"{HEAD}  {added}\n"
    before = text[: text.index("§")]
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    message = str(single_error(text.replace("§", "")))
    assert message.startswith(f"<text>:{line}:{column}: "), message
    assert words in message, message


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\nb: 2\n", "1:1", "a lattice file begins with 'PALS:'"),
        ("- PALS: 1\n", "1:1", "a lattice file begins with 'PALS:'"),
        ("PALS: 3\n", "1:7", "'PALS' must be a mapping"),
        ("PALS: {version: 1}\n", "1:7", "'facility' must be a list"),
        (HEAD.replace("  - use: ring\n", ""), "1:1", "'use: NAME' is missing: which line is to be built? (ring)"),
        (HEAD.replace("use: ring", "use: rin"), "6:10", "no BeamLine or Lattice is named 'rin'. Did you mean 'ring'?"),
        (HEAD.replace("use: ring", "use: d"), "6:10", "no BeamLine or Lattice is named 'd'"),
        (HEAD.replace("begin, d", "begin"), "6:10", "line 'ring' holds no elements"),
        (HEAD + "  facilities: []\n", "7:3", "Did you mean 'facility'?"),
        (HEAD + "other: 1\n", "7:1", "unknown key 'other' beside 'PALS'"),
        (HEAD + "  version: [1]\n", "7:12", "'version' must be a number or a text"),
    ],
)
def test_wrong_frame(text: str, place: str, words: str) -> None:
    message = str(single_error(text))
    assert message.startswith(f"<text>:{place}: "), message
    assert words in message, message


def test_missing_reference_is_told_with_an_example() -> None:
    message = str(single_error(HEAD.replace(HEAD.splitlines()[2] + "\n", "").replace("begin, ", "")))
    assert message.startswith("<text>:1:1: there is no BeginningEle")
    assert "E_tot_ref: 250e6" in message


def test_inherit_and_line_circles_over_several_steps() -> None:
    message = str(single_error(HEAD + "  - p: {inherit: q}\n  - q: {inherit: r}\n  - r: {inherit: p}\n"))
    assert "inherits from itself: p > q > r > p" in message
    lines = "\n".join(f"  - {a}: {{kind: BeamLine, line: [{b}]}}" for a, b in ("xy", "yz", "zx"))
    assert "line 'x' contains itself: x > y > z > x" in str(single_error(HEAD + lines + "\n"))


def test_too_many_elements() -> None:
    bomb = "\n".join(f"  - l{i + 1}: {{kind: BeamLine, line: [l{i}: {{repeat: 1000}}]}}" for i in range(1, 60))
    text = HEAD + "  - l1: {kind: BeamLine, line: [d]}\n" + bomb + "\n"
    with pytest.raises((LatticeError, SeveralErrors), match="more than 100000 elements"):
        load_lattice(text)
    deep = "\n".join(f"  - l{i + 1}: {{kind: BeamLine, line: [l{i}]}}" for i in range(1, 200))
    deep = "\n".join(reversed(deep.splitlines()))  # so that the deepest line is expanded first
    with pytest.raises((LatticeError, SeveralErrors), match="nested more than 64 deep"):
        load_lattice(HEAD + deep + "\n  - l1: {kind: BeamLine, line: [d]}\n")


def test_copies_with_numbers_must_not_clash() -> None:
    text = HEAD.replace("begin, d]", "begin, d, d, 'd#2']") + "  - d#2: {kind: Drift, length: 3}\n"
    assert "'d#2' is both a name and a copy of 'd'" in str(single_error(text))
    text = HEAD.replace("begin, d]", "begin, 'd#2', 'd#2']") + "  - d#2: {kind: Drift, length: 3}\n"
    assert "'d#2' is placed 2 times" in str(single_error(text))


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../other.yaml", "only files in the folder of the lattice file"),
        ("a/../../other.yaml", "only files in the folder"),
        ("/etc/passwd", "only files in the folder"),
        ("~/x.yaml", "only files in the folder"),
        ("C:/x.yaml", "only files in the folder"),
        ("'..\\x.yaml'", "only files in the folder"),
        ("link.yaml", "the link leads out of the folder"),
        ("linked/passwd", "the link leads out of the folder"),
        ("main.pals.yaml", "in a circle"),
        ("ring.yaml", "in a circle"),
        ("none.yaml", "there is no such file"),
        ("sub", "not a regular file"),
        ("[a]", "must be the name of a file"),
    ],
)
def test_includes_stay_in_the_folder(tmp_path: Path, path: str, words: str) -> None:
    folder = tmp_path / "lattices"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "other.yaml").write_text(HEAD)
    os.symlink(tmp_path / "other.yaml", folder / "link.yaml")
    os.symlink("/etc", folder / "linked")
    (folder / "ring.yaml").write_text("PALS:\n  facility:\n  - include: main.pals.yaml\n")
    main = folder / "main.pals.yaml"
    main.write_text(f"{HEAD}  - include: {path}\n")
    found = check_file(main)
    assert len(found) == 1
    assert words in str(found[0])
    where = found[0].where
    assert where is not None
    assert where.line == (3 if path == "ring.yaml" else 7)


def test_errors_of_included_files_name_those_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("PALS:\n  facility:\n  - q: {kind: Drift, length: x}\n")
    (tmp_path / "b.yaml").write_text("PALS: [\n")
    main = tmp_path / "main.pals.yaml"
    main.write_text(HEAD + "  - include: a.yaml\n  - include: b.yaml\n")
    assert [str(e.where) for e in check_file(main)] == [f"{tmp_path}/b.yaml:2:1", f"{tmp_path}/a.yaml:3:30"]


def test_a_file_of_mistakes_is_cut_off() -> None:
    text = HEAD + "".join(f"  - q{i}: {{kind: Drift, x{i}: 1}}\n" for i in range(150))
    with pytest.raises(SeveralErrors) as caught:
        load_lattice(text)
    assert len(caught.value.errors) == 101
    assert "50 more errors" in str(caught.value.errors[-1])
