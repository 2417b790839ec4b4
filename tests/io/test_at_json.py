"""Files of AT: a real ring against the optics of pyAT, and element by element against pyAT's own tracking."""

from __future__ import annotations

import copy
import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssmb.beam.coordinates import from_at, to_at
from ssmb.cli.main import main
from ssmb.constants import SPEED_OF_LIGHT
from ssmb.dynamics import equilibrium, optics
from ssmb.elements import Bend, Marker, RFCavity
from ssmb.errors import LatticeError, SsmbWarning
from ssmb.io import load_lattice, read_lattice
from ssmb.lattice import Lattice
from ssmb.lattice.program import compile_elements
from ssmb.maps.radiation import ENVELOPE, Radiation
from tests.support import assert_close

HMBA = Path(__file__).parent / "data" / "hmba.json"


def test_esrf_ring_has_the_optics_of_pyat() -> None:
    """pyAT 0.9.0, get_optics in 4D, PassMethods and steps of the file; whole ring = 32 cells."""
    read = read_lattice(HMBA)
    ring = read.lattice
    assert len(ring) == 32 * 121 and ring.periodic
    assert_close(ring.length, 843.9772144741422, rtol=0.0, atol=1e-8, what="circumference")
    found = optics(ring)
    assert_close([found.qx, found.qy], [76.20999830358416, 27.340013166682446], rtol=0.0, atol=1e-9, what="tunes")
    assert_close(found.alpha_c, 8.506669244357745e-05, rtol=1e-7, atol=0.0, what="alpha_c")
    assert_close([found.dqx, found.dqy], [5.734098958617058, 3.9176120125716807], rtol=1e-5, atol=0.0)
    assert_close(found.beta[37, 0], 2.787935801488769, rtol=1e-6, atol=0.0, what="beta_x at the entrance of QD5B")
    # one cell with its share of the 6 MV; pyAT's natural emittance by radiation integrals (its envelope, with the 10
    # steps of the file, is 0.4 % above them, with 60 steps 0.15 %)
    cavity = RFCavity(name="added", voltage=187.5e3, harmon=31.0, zero_phase="ABOVE_TRANSITION")
    cell = Lattice.from_elements([*ring[:121], cavity], ring.reference, periodic=True)
    emittance = equilibrium(cell, radiation=Radiation(ENVELOPE, edges=False)).emittances[0]
    assert_close(emittance, 1.3148797078358704e-10, rtol=1e-3, atol=0.0, what="emittance")
    told = {(c.element, c.attribute): c for c in read.report.changes}
    assert told["RFC", "PassMethod"].outcome == "changed" and told["RFC", "Voltage"].outcome == "dropped"
    assert told["DQ1B", "FringeQuadExit"].outcome == "dropped" and told["QF1A", "FringeQuadExit"].outcome == "kept"


at = pytest.importorskip("at", reason="extra `interop`: accelerator-toolbox is not installed")


def at_elements() -> dict[str, Any]:
    """Elements of AT with all that has a counterpart."""
    elements = {
        "drift": at.Drift("D", 0.7),
        "quadrupole": at.Quadrupole("Q", 0.3, 2.3, NumIntSteps=7),
        "fringe": at.Quadrupole("QF", 0.3, 2.3, NumIntSteps=7, FringeQuadEntrance=1, FringeQuadExit=1),
        "skew": at.Quadrupole("QS", 0.3, PolynomB=[0.0, 1.1], PolynomA=[0.0, -0.4, 3.0], MaxOrder=2),
        "sextupole": at.Sextupole("S", 0.15, 30.0, NumIntSteps=4),
        "octupole": at.Octupole("O", 0.15, [0.0] * 4, [0.0, 0.0, 0.0, 500.0], NumIntSteps=4),
        "thin": at.ThinMultipole("T", [0.0, 1e-2, 0.3], [1e-4, 0.2, 1.5]),
        "bend": at.Dipole("B", 1.0, 0.2, -0.3, EntranceAngle=0.07, ExitAngle=0.11, PolynomB=[0.0, -0.3, 0.7],
                          NumIntSteps=20),
        "error of a bend": at.Dipole("K", 1.0, 0.2, PolynomB=[1e-3, 0.0], NumIntSteps=20),
        "reverse bend": at.Dipole("R", 0.6, -0.05, NumIntSteps=5),
        "corrector": at.Corrector("C", 0.0, [3e-4, -2e-4]),
        "shifted": at.Quadrupole("X", 0.3, 2.3, NumIntSteps=7),
        "rolled": at.Quadrupole("Z", 0.3, 2.3, NumIntSteps=7),
        "rolled bend": at.Dipole("ZB", 0.5, 0.1, NumIntSteps=5),
    }  # fmt: skip
    at.shift_elem(elements["shifted"], 3e-4, -2e-4)
    at.tilt_elem(elements["rolled"], 0.2)
    elements["rolled bend"].R1 = np.eye(6)
    elements["rolled bend"].R1[:4, :4] = np.kron([[np.cos(0.3), np.sin(0.3)], [-np.sin(0.3), np.cos(0.3)]], np.eye(2))
    elements["rolled bend"].R2 = elements["rolled bend"].R1.T
    return elements


@pytest.mark.parametrize("name", list(at_elements()))
def test_element_tracks_as_in_pyat(name: str, tmp_path: Path) -> None:
    element = at_elements()[name]
    at.save_lattice(at.Lattice([element], energy=1e9, periodicity=1, name="one"), str(tmp_path / "one.json"))
    ring = read_lattice(tmp_path / "one.json").lattice
    rng = np.random.default_rng(5)
    start = rng.normal(size=(6, 20)) * np.array([[1e-3], [3e-4], [1e-3], [3e-4], [1e-3], [5e-3]])
    rows = np.asfortranarray(np.array(list(to_at(start, ring.reference).values())))
    at.lattice_track(at.Lattice([copy.deepcopy(element)], energy=1e9), rows, 1, in_place=True)
    want = from_at(rows)
    got, _ = compile_elements(ring.elements, ring.reference).propagate(start)
    for i, what in enumerate(("x", "px", "y", "py")):
        assert_close(got[i], want[i], rtol=0.0, atol=2e-12, what=f"{what} behind a {name}")
    # AT takes beta = 1: 1/gamma^2 delta L of the path is not in it
    slack = ring.length * ring.reference.inv_gamma2 * np.abs(start[5]).max() * 1.1
    assert_close(got[4], want[4], rtol=0.0, atol=2e-12 + slack, what=f"z behind a {name}")


def test_field_integral_is_that_of_at(tmp_path: Path) -> None:
    """Vertical focusing of the pole faces, on momentum; off momentum AT lets the correction of the gap fall with it."""
    gap = at.Dipole("B", 1.0, 0.2, EntranceAngle=0.1, ExitAngle=0.1, FringeInt1=0.4, FringeInt2=0.5, FullGap=0.05)
    at.save_lattice(at.Lattice([gap], energy=1e9, periodicity=1, name="one"), str(tmp_path / "one.json"))
    lattice = read_lattice(tmp_path / "one.json").lattice
    start = np.zeros((6, 1))
    start[2] = 1e-3
    rows = np.asfortranarray(np.array(list(to_at(start, lattice.reference).values())))
    at.lattice_track(at.Lattice([gap], energy=1e9), rows, 1, in_place=True)
    got, _ = compile_elements(lattice.elements, lattice.reference).propagate(start)
    assert_close(got[3], from_at(rows)[3], rtol=1e-9, atol=0.0, what="py behind the bend")


def at_file(tmp_path: Path, *elements: dict[str, object], **properties: object) -> Path:
    """A file of AT."""
    path = tmp_path / "ring.json"
    path.write_text(json.dumps({"atjson": 1, "elements": elements, "properties": {"energy": 1e9, **properties}}))
    return path


def cavity(frequency: float) -> dict[str, object]:
    """A cavity of AT of harmonic 4."""
    return {"Class": "RFCavity", "FamName": "RF", "PassMethod": "RFCavityPass", "Length": 0.0, "Voltage": 2e5,
            "Frequency": frequency, "HarmNumber": 4, "TimeLag": 0.01, "Energy": 1e9}  # fmt: skip


DRIFT = {"Class": "Drift", "FamName": "D", "PassMethod": "DriftPass", "Length": 3.0}


def test_cavity_gains_what_it_gains_in_at(tmp_path: Path) -> None:
    """AT: dE = V sin(k (TimeLag - ct)); the harmonic is that of the whole ring of two cells."""
    frequency = 8 * SPEED_OF_LIGHT / 6.0
    path = at_file(tmp_path, DRIFT, cavity(frequency), periodicity=2)
    ring = read_lattice(path).lattice
    gap = ring["RF#1"]
    assert isinstance(gap, RFCavity) and gap.harmon == 8.0
    z = np.linspace(-0.05, 0.05, 7)
    start = np.zeros((6, 7))
    start[4] = z
    got, _ = compile_elements([gap.in_lattice(ring.length, ring.reference)], ring.reference).propagate(start)
    k = 2.0 * math.pi * frequency / SPEED_OF_LIGHT
    want = 2e5 * np.sin(k * (0.01 + z)) / 1e9  # AT's ct is -z at beta = 1
    assert_close(got[5], want, rtol=1e-5, atol=1e-11, what="delta behind the cavity")


def test_frequency_off_the_harmonic_is_told(tmp_path: Path) -> None:
    read = read_lattice(at_file(tmp_path, DRIFT, cavity(1.001 * 4 * SPEED_OF_LIGHT / 3.0)))
    (told,) = [c for c in read.report.of("changed") if c.attribute == "Frequency"]
    assert "not the harmonic of the ring" in told.words


def test_a_frequency_near_its_harmonic_has_a_line_in_the_report_and_no_warning(tmp_path: Path) -> None:
    """beta = 1 of AT against the velocity of these electrons, 1.3e-7 at 1 GeV; rounding is not told."""
    harmonic = 4 * SPEED_OF_LIGHT / 3.0
    path = at_file(tmp_path, DRIFT, cavity(harmonic))
    read = read_lattice(path)
    load_lattice(path)  # without a warning
    (told,) = [c for c in read.report.told if c.attribute == "Frequency"]
    beta = read.lattice.reference.beta
    assert told.outcome == "kept"
    assert told.words.startswith(f"{1.0 / beta - 1.0:.1e} off the harmonic of the ring, ")
    assert told.words in read.report.text()
    assert {"element": told.element, "attribute": "Frequency", "outcome": "kept", "words": told.words} in (
        read.report.as_dict()["changes"]
    )
    exact = read_lattice(at_file(tmp_path, DRIFT, cavity(harmonic * beta)))
    assert not [c for c in exact.report.told if c.attribute == "Frequency"]


def test_apertures(tmp_path: Path) -> None:
    box = {**DRIFT, "FamName": "BOX", "RApertures": [-0.02, 0.03, -0.01, 0.015]}
    oval = {**DRIFT, "FamName": "OVAL", "EApertures": [0.02, 0.01]}
    slit = {"Class": "Aperture", "FamName": "SLIT", "PassMethod": "AperturePass", "Limits": [-1e-3, 1e-3, -2e-3, 2e-3]}
    first, second, third = read_lattice(at_file(tmp_path, box, oval, slit)).lattice
    assert first.x_limits == (-0.02, 0.03) and first.y_limits == (-0.01, 0.015) and first.aperture_at == "BOTH_ENDS"
    assert second.x_limits == (-0.02, 0.02) and second.aperture_shape == "ELLIPTICAL"
    assert isinstance(third, Marker) and third.y_limits == (-2e-3, 2e-3)


def test_shift_of_a_bend_is_told(tmp_path: Path) -> None:
    bend = {"Class": "Bend", "FamName": "B", "PassMethod": "BndMPoleSymplectic4Pass", "Length": 1.0,
            "BendingAngle": 0.1, "T1": [-1e-3, 0, 0, 0, 0, 0], "T2": [1e-3, 0, 0, 0, 0, 0]}  # fmt: skip
    read = read_lattice(at_file(tmp_path, bend))
    assert isinstance(read.lattice[0], Bend) and read.lattice[0].x_offset == 1e-3
    assert [c.attribute for c in read.report.of("changed")] == ["T1"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"Length": "long"}, "Length must be a finite number"),
        ({"T1": [0.0, 1e-3, 0, 0, 0, 0], "T2": [0] * 6}, "more than a shift"),
        ({"T1": [1e-3, 0, 0, 0, 0, 0]}, "more than a shift"),
        ({"R1": [[1, 2], [3]]}, "6x6 matrix"),
        ({"R1": [[2 if i == j else 0 for i in range(6)] for j in range(6)]}, "more than a roll"),
        ({"RApertures": [1.0]}, "four numbers"),
        ({"Length": -1.0}, "length"),
    ],
)
def test_element_that_makes_no_sense_is_named(wrong: dict[str, object], words: str, tmp_path: Path) -> None:
    with pytest.raises(LatticeError, match=words) as caught:
        read_lattice(at_file(tmp_path, {**DRIFT, **wrong}))
    assert "'D'" in str(caught.value) and "ring.json" in str(caught.value)


@pytest.mark.parametrize(
    "properties", [{"energy": 1.0}, {"energy": True}, {"periodicity": 1.5}, {"periodicity": 1e9}, {"periodicity": 0}]
)
def test_properties_that_make_no_sense(properties: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(LatticeError, match=r"ring\.json"):
        read_lattice(at_file(tmp_path, DRIFT, **properties))


def test_element_that_is_no_mapping_is_not_lost(tmp_path: Path) -> None:
    with pytest.raises(LatticeError, match="element 2 must be a mapping"):
        read_lattice(at_file(tmp_path, DRIFT, ["Drift", 1.0]))  # type: ignore[arg-type]


def test_unknown_class_is_dropped_and_told(tmp_path: Path) -> None:
    path = at_file(tmp_path, {"Class": "M66", "FamName": "MAP", "PassMethod": "Matrix66Pass", "Length": 0.0}, DRIFT)
    assert isinstance(read_lattice(path).lattice[0], Marker)
    with pytest.warns(SsmbWarning, match="1 dropped"):
        load_lattice(path)
    with pytest.raises(LatticeError, match="M66"):
        load_lattice(path, strict=True)


def test_command_line_reads_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["check", str(HMBA), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["kind"] == "lattice" and said["ok"] and said["report"]["format"] == "AT"
    assert main(["check", str(HMBA)]) == 0
    assert "switches a RFCavity off" in capsys.readouterr().out
    wrong = at_file(tmp_path, {**DRIFT, "Length": "x"})
    assert main(["check", str(wrong)]) == 2
    assert "must be a finite number" in capsys.readouterr().err
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert main(["optics", str(HMBA), "--json"]) == 0
    said = capsys.readouterr()
    assert "2 attributes changed" in said.err
    assert abs(json.loads(said.out)["qx"] - 76.20999830358416) < 1e-9
