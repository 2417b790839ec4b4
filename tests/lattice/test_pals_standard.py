"""What the standard writes: the example files of pals-project/pals (CC BY 4.0), shortened, are read or refused with a
place; hints never change a unit.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from ssmb.beam.reference import Reference
from ssmb.dynamics import transfer_matrix
from ssmb.elements import Drift, Kicker
from ssmb.elements.base import ELEMENTS
from ssmb.errors import LatticeError, SsmbError
from ssmb.lattice import Lattice, load_lattice, save_lattice
from ssmb.lattice.element_reader import close_key
from ssmb.lattice.program import compile_elements
from tests.support import assert_close

ELECTRON = Reference(1e9)
RIGID = -299792458.0 / ELECTRON.p0c  # q c/(p0 c) of an electron [1/(T m)]


def line(body: str, *, top: str = "", rows: str = "", species: str = "electron") -> str:
    """A file in the form of the examples: one line with its elements inside, and a lattice of it."""
    inside = "\n".join(f"          - {row}" for row in body.strip().split("\n"))
    begin = f"begin: {{kind: BeginningEle, ReferenceP: {{species_ref: {species}, E_tot_ref: 1.0e9}}}}"
    return (
        f"PALS:\n{top}  facility:\n{rows}    - test_line:\n        kind: BeamLine\n        line:\n          - {begin}\n"
        f"{inside}\n    - lat:\n        kind: Lattice\n        branches:\n          - test_line\n    - use: lat\n"
    )


def test_the_case_of_keys_that_were_refused() -> None:
    ring = load_lattice(
        line(
            "b1: {kind: Bend, BendP: {angle_ref: 0.2, radius_ref: 5.0}}\n"
            "b2: {kind: Bend, BendP: {g_ref: 0.25, L_chord: 1.9}}\n"
            "q1: {kind: Quadrupole, length: 0.5, MagneticMultipoleP: {Bn1: 3.0}, "
            "ApertureP: {x_min: -0.01, x_max: 0.01, y_center: 0.001, y_width: 0.02}}\n"
            "k1: {kind: Kicker, length: 0.1, MagneticMultipoleP: {Kn0L: 1.0e-4, Ks0L: 2.0e-4}}\n"
            "c1: {kind: RFCavity, length: 0.5, RFP: {gradient: 1.0e6, L_active: 0.3, frequency: 5.0e8}}",
            top="  notes: [small]\n  extension_labels: {prefixes: {MYCODE_: mine}}\n",
        ).replace("E_tot_ref: 1.0e9}", "E_tot_ref: 1.0e9}, TwissP: {beta_a: 1.0, beta_b: 2.0}")
    )
    b1, b2, q1, k1, c1 = ring
    angle = 2.0 * math.asin(0.5 * 0.25 * 1.9)
    assert_close([b1.length, b1.angle], [1.0, 0.2], rtol=1e-15, atol=0.0, what="radius and angle")
    assert_close([b2.length, b2.angle], [angle / 0.25, angle], rtol=1e-15, atol=0.0, what="curvature and chord")
    assert_close(q1.Kn1, 3.0 * RIGID, rtol=1e-12, atol=0.0, what="Bn1: q/P0 B, with the charge of the electron")
    assert (q1.x_limits, q1.aperture_shape) == ((-0.01, 0.01), "ELLIPTICAL")
    assert_close(q1.y_limits, (-0.009, 0.011), rtol=1e-15, atol=0.0)
    assert_close((k1.hkick, k1.vkick), (-1e-4, 2e-4), rtol=1e-15, atol=0.0, what="a positive field bends towards -x")
    assert_close(c1.voltage, 3e5, rtol=1e-15, atol=0.0)
    # the kicks are those of a multipole with the same keys
    same = load_lattice(line("m: {kind: Multipole, length: 0.1, MagneticMultipoleP: {Kn0L: 1.0e-4, Ks0L: 2.0e-4}}"))
    start = [[1e-3], [0.0], [-2e-3], [0.0], [0.0], [1e-3]]
    ends = [compile_elements([e], ELECTRON).propagate(start)[0] for e in (k1, same.elements[0])]
    assert_close(ends[0][:4], ends[1][:4], rtol=0.0, atol=1e-10)


@pytest.mark.parametrize("species, sign", [("electron", -1), ("positron", 1), ("proton", 1)])
@pytest.mark.parametrize("n", range(6))
def test_every_form_of_a_multipole_is_one_strength(n: int, species: str, sign: int) -> None:
    rigid = sign * 299792458.0 / Reference(1e9, species=species).p0c
    forms = {
        f"Kn{n}: 2.0, Ks{n}: 0.5": 1.0,
        f"Kn{n}L: 1.0, Ks{n}L: 0.25": 1.0,
        f"Bn{n}: {2.0 / rigid!r}, Bs{n}: {0.5 / rigid!r}": 1.0,
        f"Bn{n}L: {1.0 / rigid!r}, Bs{n}L: {0.25 / rigid!r}": 1.0,
        f"Kn{n}: 2.0, Ks{n}: 0.5, tilt{n}: 0.3": None,
    }
    for form, plain in forms.items():
        text = line(f"m: {{kind: Multipole, length: 0.5, MagneticMultipoleP: {{{form}}}}}", species=species)
        (made,) = load_lattice(text)
        want = complex(2.0, 0.5)
        if plain is None:  # B_y + i B_x at a point of the turned frame, turned back (standard, eq. bbmult)
            z = complex(0.3, -0.2)
            turned = z * complex(math.cos(0.3), -math.sin(0.3))
            want = want * turned**n * complex(math.cos(0.3), -math.sin(0.3)) / z**n
        got = complex(getattr(made, f"Kn{n}"), getattr(made, f"Ks{n}"))
        assert_close([got.real, got.imag], [want.real, want.imag], rtol=1e-12, atol=1e-12, what=form)


def test_a_tilt_is_that_of_madx_and_of_a_roll() -> None:
    """tilt of +45 degrees of a quadrupole is K1S = -K1; and z_rot by the same angle is the same magnet."""
    (made,) = load_lattice(line("q: {kind: Quadrupole, length: 0.3, MagneticMultipoleP: {Kn1: 0.7, tilt1: pi/4}}"))
    assert_close((made.Kn1, made.Ks1), (0.0, -0.7), rtol=0.0, atol=1e-15)


@pytest.mark.parametrize("form", ["Kn0: 0.1", "Kn0L: 0.2", f"Bn0: {0.1 / RIGID!r}", ""])
def test_kn0_of_a_bend_is_its_whole_field(form: str) -> None:
    """A file that is written out says Kn0 beside g_ref: nothing moves. Without field a particle flies straight on."""

    def behind(strength: str) -> np.ndarray:
        keys = f", MagneticMultipoleP: {{{strength}}}" if strength else ""
        row = f"bnd: {{kind: Bend, length: 2.0, BendP: {{g_ref: 0.1}}{keys}}}"
        return compile_elements(load_lattice(line(row)).elements, ELECTRON).propagate(np.zeros((6, 1)))[0][:4, 0]

    assert_close(behind(form), np.zeros(4), rtol=0.0, atol=1e-15, what="on the reference orbit")
    straight = [10.0 * (1.0 / math.cos(0.2) - 1.0), math.sin(0.2), 0.0, 0.0]  # in the frame that has turned by 0.2
    assert_close(behind("Kn0: 0.0"), straight, rtol=0.0, atol=1e-8, what="without field")


PAIRS = [
    ("g_ref: 0.1, angle_ref: 0.2", "", 2.0),
    ("radius_ref: 10, angle_ref: 0.2", "", 2.0),
    ("rho_ref: -10, angle_ref: -0.2", "", 2.0),
    ("g_ref: 0.1", "length: 2.0,", 2.0),
    ("radius_ref: 10", "length: 2.0,", 2.0),
    (f"bend_field_ref: {0.1 / RIGID!r}, angle_ref: 0.2", "", 2.0),
    (f"angle_ref: 0.2, L_chord: {20 * math.sin(0.1)!r}", "", 2.0),
    (f"g_ref: 0.1, L_chord: {20 * math.sin(0.1)!r}", "", 2.0),
    ("L_chord: 2.0", "", 2.0),
    ("e1: 0.01", "length: 2.0,", 2.0),
]


@pytest.mark.parametrize("keys, length, want", PAIRS)
def test_a_bend_is_any_two_of_curvature_length_and_angle(keys: str, length: str, want: float) -> None:
    (made,) = load_lattice(line(f"b: {{kind: Bend, {length} BendP: {{{keys}}}}}"))
    angle = 0.0 if "ref" not in keys and "angle" not in keys else math.copysign(0.2, -1 if "-10" in keys else 1)
    assert_close((made.length, made.angle), (want, angle), rtol=1e-12, atol=1e-15)


BRANCH = """PALS:
  facility:
    - b: {kind: BeginningEle, ReferenceP: {E_tot_ref: 1e9}}
    - q: {kind: Quadrupole, length: 1}
    - s: {kind: Sextupole, length: 2}
    - alt: {kind: BeamLine, line: [b, q]}
    - ring: {kind: BeamLine, line: [b, s], periodic: true}
    - use: m
    - m: {kind: Lattice, branches: ["""
READ = {
    "branch by name": (BRANCH + "alt: {periodic: false}]}", 1.0, False),
    "branch inherit": (BRANCH + "alt: {inherit: ring}]}", 2.0, True),
    "branch with its line inside": (BRANCH + "x: {kind: BeamLine, line: [b, q, q]}]}", 2.0, None),
    "extensions": (
        line("q1: {kind: Quadrupole, length: 1, SciBmad_connect: {BogusP: any}, tuning_local: {A: 1}, Bmad: {a: b}}",
             top="  authors: [a]\n  reminders: [a]\n  phase_space_coordinates: standard\n  extension_labels:\n"
                 "    names: {Rotator: a kind, Bmad: data}\n    prefixes: {SciBmad_: x}\n    suffixes: {_local: y}\n",
             rows="    - r23: {kind: Rotator}\n    - synch: {extension: X, P: s}\n    - set_up: {Bmad: {n: 1}}\n"),
        1.0, None,
    ),
    "constants and variables": (
        line("d1: {kind: Drift, length: expr(a_const + b_const)}",
             rows="    - constants: {a_const: 0.3 * r_electron, b_const: 0.45}\n    - variables: [b: 2, c_var: 3*b^2]\n"
                  "    - d_var: {kind: variable, value: c_var}\n"), 0.45 + 0.3 * 2.8179403205e-15, None,
    ),
    "forks": (
        line("d1: {kind: Drift, length: 1.0}\nf1: {kind: Fork, ForkP: {to_line: dump, new_branch: null}}",
             rows="    - m1: {kind: Marker}\n    - dump: {kind: BeamLine, line: [m1]}\n"), 1.0, None,
    ),
    "prose of elements": (
        line("d1: {kind: Drift, length: 1.0, MetaP: {ID: 7, made: [{by: us}]}}").replace(
            "kind: BeginningEle,", "kind: BeginningEle, FloorP: {x: 1.5}, MetaP: {alias: b},"), 1.0, None,
    ),
    "multipass": (
        line("linac\nlinac", rows="    - q: {kind: Quadrupole, length: 0.5}\n"
             "    - linac: {kind: BeamLine, multipass: true, zero_point: q, line: [q, q]}\n"), 2.0, None,
    ),
    "sets": (
        line("D1: {kind: Drift, length: 1.0}\nDa: {kind: Drift, length: 0.5}\nDb: {kind: Drift, length: 0.25}",
             rows="    - sets: [D1>length: 2 * 1.5]\n    - set: {parameter: D.>length, value: PARAMETER + 1}\n"),
        4.0 + 1.5 + 1.25, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_examples_that_have_a_meaning_here(name: str) -> None:
    text, length, periodic = READ[name]
    ring = load_lattice(text)
    assert_close(ring.length, length, rtol=1e-12, atol=0.0)
    assert ring.periodic is periodic


def test_values_that_refer_to_others() -> None:
    """Numbers of the comments of the examples, by hand."""
    text = line(
        "B1a: {kind: Bend, length: 1.0, BendP: {e1: 0.1, g_ref: 0.02}}\n"
        "B1b: {kind: Bend, length: 1.0, BendP: {e1: 0.3, g_ref: 0.02, edge2_int: 0.02 * s1>MagneticMultipoleP.Kn2L}}\n"
        "q1: {inherit: q0, length: B1b>length / 2}\nd1: {kind: Drift, length: 2*q1>length + q1>MagneticMultipoleP.Kn1}",
        rows="    - s1: {kind: Sextupole, length: 0.3, MagneticMultipoleP: {Kn2L: 0.1}}\n"
        "    - q0: {kind: Quadrupole, length: 1, MagneticMultipoleP: {Kn1: 2^2}}\n"
        "    - set: {parameter: B1.*>BendP.e1, value: 2*PARAMETER + atan(SELF.BendP.g_ref)}\n"
        "    - set: {parameter: B1b>length, value: SELF>length + 1}\n",
    )
    b1a, b1b, q1, d1 = load_lattice(text)
    turn = math.atan(0.02)
    assert_close((b1a.e1, b1b.e1), (0.2 + turn, 0.6 + turn), rtol=1e-15, atol=0.0)
    assert_close((b1b.length, b1b.edge2_int, q1.length, d1.length), (2.0, 2e-3, 1.0, 6.0), rtol=1e-15, atol=0.0)


def controller(name: str, variables: str, parameter: str, expression: str, more: str = "") -> str:
    """A row of the facility with a controller of one parameter."""
    control = f"controls: [{{parameter: {parameter}, expression: {expression}}}]"
    return f"{name}: {{kind: Controller, {more}variables: {{{variables}}}, {control}}}"


def test_controllers_give_what_they_drive() -> None:
    """Absolute ones replace the value of the file, several add up, and a chain is followed in any order."""
    strength = "MagneticMultipoleP.Kn1L"
    values = {"Qa1": 0.11, "Qa2": 0.22, "Qb1": 0.33}
    lenses = "\n".join(f"{name}: {{kind: Quadrupole, MagneticMultipoleP: {{Kn1L: {k}}}}}" for name, k in values.items())

    def strengths(*rows: str) -> list[float]:
        made = load_lattice(line(lenses, rows="".join(f"    - {row}\n" for row in rows)))
        assert [(e.name, e.length) for e in made] == [(name, 0.0) for name in values]
        focusing = [-transfer_matrix(Lattice.from_elements([e], ELECTRON))[1, 0] for e in made]
        found = [e.Kn1 for e in made]
        assert_close(focusing, found, rtol=1e-9, atol=0.0, what="focusing of the lenses")
        return found

    assert strengths(controller("ps1", "cur: 0.4", f"Qa.*>{strength}", "2*cur")) == [0.8, 0.8, 0.33]
    low = controller("low", "cur: 0.1", f"Qb1>{strength}", "10*cur")
    high = controller("high", "knob: 3", "low>cur", "knob/4")
    assert strengths(low, high) == strengths(high, low) == [0.11, 0.22, 7.5]
    other = controller("also", "cur: 2", f"Qb1>{strength}", "4^cur", "control_type: ABSOLUTE, ")
    assert_close(strengths(low, other), [0.11, 0.22, 17.0], rtol=1e-15, atol=0.0)
    knob = controller("knob", "c: 0.4", f"Qa1>{strength}", "5.62*c", "control_type: RELATIVE, ")
    assert strengths(knob) == [0.11, 0.22, 0.33]  # a knob adds what it is moved by, and it has not been moved


def test_a_thin_lens_is_its_integrated_strength_and_comes_back(tmp_path: Path) -> None:
    """The standard: Kn1L = length Kn1, so that Kn1 of an element without length is no lens."""
    ring = load_lattice(
        line("q: {kind: Quadrupole, MagneticMultipoleP: {Kn1L: 0.3, Bs2L: 0.1}}\nd: {kind: Drift, length: 1}")
    )
    assert_close((ring["q"].Kn1, ring["q"].Ks2), (0.3, 0.1 * RIGID), rtol=1e-12, atol=0.0)
    save_lattice(ring, tmp_path / "a.pals.yaml")
    assert "Kn1L: 0.3" in (tmp_path / "a.pals.yaml").read_text()
    assert load_lattice(tmp_path / "a.pals.yaml").elements == ring.elements


def test_files_that_load_others(tmp_path: Path) -> None:
    """Paths begin at the file that names them, and stay in the folder of the first one or below it."""
    layout = line("Q1a: {kind: Quadrupole, length: 0.5}\nQ1b: {kind: Quadrupole, length: 0.5}", top="  notes: [a]\n")
    (tmp_path / "layout.pals.yaml").write_text(layout)
    (tmp_path / "nominal.pals.yaml").write_text(
        "PALS:\n  facility:\n    - set: {parameter: Q1.>MagneticMultipoleP.Kn1, value: 0.34}\n"
    )
    (tmp_path / "joiner.pals.yaml").write_text(
        "PALS:\n  load: [layout.pals.yaml, nominal.pals.yaml, layout.pals.yaml, SELF]\n  facility:\n"
        "    - set: {parameter: Q1b>MagneticMultipoleP.Kn1, value: -0.36}\n"
    )
    assert [e.Kn1 for e in load_lattice(tmp_path / "joiner.pals.yaml")] == [0.34, -0.36]
    (tmp_path / "parts.subpals.yaml").write_text("- x: {kind: Drift, length: 3}\n- y: {kind: Marker}\n")
    (tmp_path / "with.pals.yaml").write_text(line("x", rows="    - include: parts.subpals.yaml\n"))
    assert load_lattice(tmp_path / "with.pals.yaml").length == 3.0
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "inner.pals.yaml").write_text(line("x", rows="    - include: ../parts.subpals.yaml\n"))
    (tmp_path / "outer.pals.yaml").write_text("PALS:\n  load: [sub/inner.pals.yaml]\n")
    assert load_lattice(tmp_path / "outer.pals.yaml").length == 3.0
    with pytest.raises(SsmbError, match="'../parts.subpals.yaml': only files in the folder of the lattice file"):
        load_lattice(tmp_path / "sub" / "inner.pals.yaml")


REFUSED = {
    "b: {kind: Bend, length: 1, BendP: {g_ref: 0.1, angle_ref: 0.1}}": "give either BendP.angle_ref or BendP.g_ref",
    "b: {kind: Bend, BendP: {g_ref: 0.1, radius_ref: 10, angle_ref: 1}}": "give either BendP.g_ref or BendP.radius_ref",
    "b: {kind: Bend, length: 1, BendP: {L_chord: 1}}": "give either length or BendP.L_chord",
    "b: {kind: Bend, BendP: {g_ref: 0.1, angle_ref: -0.1}}": "make no length",
    "b: {kind: Bend, BendP: {g_ref: 0.1, L_chord: 30}}": "longer than the diameter",
    "b: {kind: Bend, BendP: {radius_ref: 0, angle_ref: 1}}": "radius 0",
    "b: {kind: Bend, length: 1, MagneticMultipoleP: {Kn0: 1, tilt0: 1}}": "tilt0 of a Bend: roll it by",
    "q: {kind: Quadrupole, length: 1, MagneticMultipoleP: {Kn1: 1, Bs1: 1}}": "give either .*Kn1 or .*Bs1",
    "q: {kind: Quadrupole, length: 1, MagneticMultipoleP: {tilt1: 1}}": "tilt1 without a strength of order 1",
    "q: {kind: Quadrupole, length: 1, ApertureP: {x_min: -1}}": "give x_min and x_max",
    "q: {kind: Quadrupole, length: 1, ApertureP: {x_min: -1, x_max: 1}}": "needs limits in x and y",
    "k: {kind: Kicker, SSMB_KickerP: {hkick: 1e-3}, MagneticMultipoleP: {Kn0L: 1}}": "give either SSMB_KickerP.hkick",
    "c: {kind: RFCavity, RFP: {gradient: 1, frequency: 1}}": "RFP.gradient needs a length",
    "c: {kind: RFCavity, length: 1, RFP: {gradient: 1, voltage: 2, frequency: 1}}": "is 1 V, but RFP.voltage says 2 V",
    "c: {kind: RFCavity, length: 0.4, RFP: {gradient: 1.0e8}}": "needs RFP.frequency or RFP.harmon",
    "s: {kind: Sextupole, length: 0.5, ElectricMultipoleP: {En2: 5.0}}": "ElectricMultipoleP of PALS: electric fields",
    "b: {kind: Bend, length: 1, ReferenceP: {E_tot_ref: 5.0}}": "ReferenceP of PALS: the reference particle is that of",
    "q: {kind: Quadrupole, MagneticMultipoleP: {Kn1: 0.3}}": "Kn1 of an element without length is no",
    "m: {kind: Multipole, MagneticMultipoleP: {Bs2: 0.3}}": "Bs2 of an element without length .*Bs2L",
    "k: {kind: Kicker, MagneticMultipoleP: {Kn0: 9.9}}": "Kn0 of an element without length is no field",
    "f: {kind: Fork, ForkP: {new_branch: x}}": "Fork 'f' needs ForkP: {to_line: NAME}",
    "f: {kind: Controller, variables: {cur: 1}}": "Controller 'f' needs 'controls: ",
    "d: {kind: Drift, length: 1, direction: -1}": "direction of PALS: elements that are turned round are not read",
    "l: {kind: BeamLine, multipass: 2, line: [begin]}": "multipass must be true or false",
    "d: {kind: Drift, length: begin>ReferenceP.pc_ref}": "'begin>ReferenceP.pc_ref': 'begin' says nothing of",
    "d: {kind: Drift, length: 2 * d>length}": "refer to each other in a circle",
    "d: {kind: Drift, length: random_gauss()}": "unknown name 'random_gauss'",
    "d: {kind: Drift, length: pi>length}": "'pi>length': nothing is named 'pi'",
    "d: {kind: Drift, length: 2 > 1}": "'>' is not allowed in an expression",
}


@pytest.mark.parametrize("row", REFUSED)
def test_examples_without_a_meaning_are_refused_at_their_place(row: str) -> None:
    with pytest.raises(SsmbError, match=REFUSED[row]) as caught:
        load_lattice(line(row))
    first = str(caught.value).split("\n")[0]
    assert first.startswith("<text>:7:"), first


@pytest.mark.parametrize(
    "row",
    ["set: {parameter: Q, value: 1}", "set: {parameter: 'X.*>length', value: 1}", "sets: 3",
     "set: {parameter: '(>length', value: 1}", "sets: [D1>longth: 1]"],
)  # fmt: skip
def test_assignments_to_nothing_are_refused(row: str) -> None:
    with pytest.raises(SsmbError, match="<text>:3:"):
        load_lattice(line("D1: {kind: Drift, length: 1}", rows=f"    - {row}\n"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("kind: Controller, controls: 3", "needs 'controls: "),
        ("kind: Controller, controls: [D1>length]", "a control is {parameter: NAME>KEY, expression: NUMBER}"),
        ("kind: Controller, variables: 3, controls: [{parameter: D1>length, expression: 1}]", "variables must be"),
        ("kind: Controller, control_type: ADD, controls: [{parameter: D1>length, expression: 1}]", "RELATIVE"),
        ("kind: Controller, knob: 1, controls: [{parameter: D1>length, expression: 1}]", "unknown key 'knob'"),
        ("kind: Controller, controls: [{parameter: D2>length, expression: 1}]", "nothing is named 'D2'"),
        ("kind: Controller, controls: [{parameter: D1>length, expression: cur}]", "unknown name 'cur'"),
        ("kind: Controller, controls: [{parameter: c>cur, expression: 1}]", "Controller 'c' has no variable 'cur'"),
        ("kind: Controller, variables: {v: 1}, controls: [{parameter: D1>length, expression: v}, "
         "{parameter: c>v, expression: v}]", "drive each other in a circle"),
    ],
)  # fmt: skip
def test_controllers_that_make_no_sense(body: str, words: str) -> None:
    with pytest.raises(SsmbError) as caught:
        load_lattice(line("D1: {kind: Drift, length: 1}", rows=f"    - c: {{{body}}}\n"))
    assert words in str(caught.value) and str(caught.value).startswith("<text>:3:")


def test_other_parts_of_files_without_a_meaning() -> None:
    for text, words in (
        (line("d: {kind: Drift, length: 1}", top="  adjustments: [optimize: []]\n"), "'adjustments' of PALS: "),
        (line("d: {kind: Drift, length: 1}", top="  extension_labels: {from_a: A}\n"), "unknown key 'from_a'"),
        (line("d: {kind: Drift, length: 1}\nc", rows="    - c: {kind: Controller, controls: [{parameter: d>length, "
              "expression: 1}]}\n"), "'c' is a Controller, which stands in no line"),
        (line("l\nl", rows="    - c: {kind: RFCavity, RFP: {voltage: 1e6, frequency: 5e8}}\n"
              "    - l: {kind: BeamLine, multipass: true, line: [c]}\n"), "multipass with RFCavity 'c': its phase"),
        ("PALS:\n  notes: [shared]\n", "this file is a part, which others load"),
    ):  # fmt: skip
        with pytest.raises(SsmbError) as caught:
            load_lattice(text)
        assert words in str(caught.value)


@pytest.mark.parametrize("kind", ELEMENTS)
def test_a_hint_never_changes_a_unit(kind: str) -> None:
    """Every strength in every spelling: what is meant, if anything, has the same quantity, order and integration."""
    for n in range(10):
        for word in (
            f"B{n}",
            f"b{n}l",
            f"En{n}",
            f"Es{n}L",
            f"K{n}",
            f"K{n}L",
            f"K{n}S",
            f"k{n}sl",
            f"Bn{n}",
            f"Kn{n}L",
        ):
            hint = close_key(word, ELEMENTS[kind])
            if not hint:
                continue
            meant = hint.split(".")[-1].rstrip("'?")
            digit = next(c for c in meant if c.isdigit())
            assert (meant[0].lower(), digit, meant[-1] in "lL") == (word[0].lower(), str(n), word[-1] in "lL"), (
                word,
                hint,
            )
    for word in ("gradient", "volt", "radius", "rho", "h1", "e1", "hgap", "freq"):
        hint = close_key(word, ELEMENTS[kind])
        assert not any(
            bad in hint for bad in {"gradient": ("voltage",), "h1": ("e1",), "radius": ("g_ref",)}.get(word, ())
        )


@pytest.mark.parametrize("name", ["x.madx", "x.seq", "x.json", "x.lte", "ring", "x.yaml.gz"])
def test_only_pals_is_written(tmp_path: Path, name: str) -> None:
    ring = Lattice.from_elements([Drift(name="d", length=1.0), Kicker(name="k", hkick=1e-3)], ELECTRON)
    with pytest.raises(LatticeError, match="written as PALS only, to a name that ends in .yaml or .yml"):
        save_lattice(ring, tmp_path / name)
    assert not list(tmp_path.iterdir())
    save_lattice(ring, tmp_path / "ring.pals.yaml")
    assert load_lattice(tmp_path / "ring.pals.yaml").elements == ring.elements


@pytest.mark.parametrize(
    "labels, hidden",
    [
        ("names: {BendP: x}", "BendP"),
        ("prefixes: {B: x}", "Bend"),
        ("suffixes: [P]", "ApertureP"),
        ("names: {kind: x}", "kind"),
    ],
)
def test_labels_that_would_hide_what_is_read_are_refused(labels: str, hidden: str) -> None:
    with pytest.raises(SsmbError, match=f"<text>:2:.* would hide '{hidden}"):
        load_lattice(line("d: {kind: Drift, length: 1}", top=f"  extension_labels: {{{labels}}}\n"))
    own = line("k: {kind: Kicker, SSMB_KickerP: {hkick: 1e-3}}", top="  extension_labels: {prefixes: {SSMB_: ours}}\n")
    assert load_lattice(own)["k"].hkick == 1e-3
