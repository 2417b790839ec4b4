"""Every notebook runs from top to bottom in its reduced mode and tells its story; its stored form is executed and in
step.

To add a notebook, write a function ``tells_NN(printed)`` that checks what it prints.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: the lithography notebook needs other packages and has its test in tests/lithography
NOTEBOOKS = sorted(p for p in (ROOT / "notebooks").glob("*.py") if not p.name.startswith("10_"))
NAMES = [p.stem for p in NOTEBOOKS]
#: figures that are stored, at least
FIGURES = {"01": 8, "02": 7, "03": 6, "04": 10, "05": 14, "06": 9, "07": 6}


def number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found, f"'{pattern}' is not printed"
    return float(found[1])


def tells_01(printed: str) -> None:
    assert 0.37 < number(r"retuned +1064 nm: tracked \|b\| = ([\d.]+)", printed) < 0.40
    assert number(r"exported +1064 nm: tracked \|b\| = ([\d.]+)", printed) < 0.04
    assert number(r"emittance 0.0001 nm, closed form ([\d.]+)", printed) == pytest.approx(0.567, abs=2e-3)
    assert number(r"1064 nm, 5 pC: coherent ([\d.e+]+) W", printed) > 1e4
    assert "REACHED" in printed and "second-order dispersion" in printed


def tells_02(printed: str) -> None:
    assert number(r"A = ([\d.e-]+) from tracking", printed) == pytest.approx(4.2e-4, rel=2e-3)
    assert number(r"tune ([\d.]+) \(smooth", printed) == pytest.approx(0.0801, abs=2e-4)
    assert number(r"K_s = 0.01: largest deviation from the elliptic integral ([\d.e-]+)", printed) < 2e-3
    assert number(r"loss  : area ([\d.]+)", printed) == pytest.approx(0.60, abs=0.01)
    assert "2 row(s), limited by the slip" in printed
    assert number(r"inside the separatrix: tracked ([\d.]+)", printed) == pytest.approx(
        number(r"inside the separatrix: tracked [\d.]+, model ([\d.]+)", printed), abs=0.05
    )
    assert number(r"quantum lifetime (\d+) damping times", printed) == pytest.approx(8238, rel=0.02)


def tells_03(printed: str) -> None:
    assert number(r"tracked against envelope: ([\d.]+) %", printed) < 2.0
    assert 1.05 < number(r"pole faces radiate: J_x = ([\d.]+)", printed) < 1.06
    assert 33.0 < number(r"smallest length ([\d.]+) nm", printed) < 35.0
    assert 1.0 < number(r"([\d.]+) times the theoretical minimum", printed) < 1.3


def tells_04(printed: str) -> None:
    for name in ("adm", "lsf", "pehg", "tlc_energy", "tlc_angular", "micro_bucket"):
        closed, tracked = (number(rf"(?m)^{name} +\d+ +{gap}([\d.]+)", printed) for gap in ("", r"[\d.]+ +"))
        assert tracked == pytest.approx(closed, abs=2e-3), name
    assert 1.0 <= number(r"random couplings: least product ([\d.]+)", printed) < 1.001
    assert number(r"best echo: .* \|b_24\| = ([\d.]+)", printed) == pytest.approx(0.112, abs=1e-4)
    assert number(r"(?m)^tlc_energy +([\d.]+) +0\.00109", printed) == pytest.approx(22.86, rel=1e-3)
    assert number(r"T522 +-?[\d.]+ +[\d.]+ +([\d.]+)", printed) == pytest.approx(0.293, abs=0.01)
    for words in ("laser as one kick", "light along the undulator"):
        closed, tracked = (number(rf"{words} +\|b_6\| .*{what} ([\d.]+)", printed) for what in ("form", "6D"))
        assert tracked == pytest.approx(closed, abs=0.01), words
    assert number(r"T544 +-1\.947 +[\d.]+ +([\d.]+)", printed) == pytest.approx(4.11, rel=0.03)
    assert number(r"error    1 nm: .* emittance \+([\d.]+)", printed) == pytest.approx(0.225, rel=0.01)


def tells_05(printed: str) -> None:
    for n in (1, 3, 5):
        assert number(rf"harmonic {n} on axis +numerical over closed form ([\d.]+)", printed) == pytest.approx(
            1.0, abs=1e-3
        )
    assert number(r"of the coherent part ([\d.]+)", printed) == pytest.approx(2.0, abs=0.02)
    assert number(r"beam of 20 µm: ([\d.]+) W", printed) == pytest.approx(422.2, abs=0.1)
    assert number(r"best over exact: ([\d.]+) thin", printed) == pytest.approx(2.0, abs=1e-3)
    assert number(r"particles and closed form: ([\d.]+)", printed) < 5e-3
    assert number(r"mean loss [\d.]+ eV: ratio ([\d.]+)", printed) == pytest.approx(1.0, abs=1e-9)
    got, want = (number(rf"shots {gap}([\d.e-]+)", printed) for gap in ("", r"[\d.e-]+, formula "))
    assert got == pytest.approx(want, rel=4 * (2 / 200) ** 0.5)
    assert "4 pi rho N = 1.39 is above 1" in printed and "SSMB" in printed


def tells_06(printed: str) -> None:
    assert number(r"\|b_79\| tracked +([\d.]+)", printed) == pytest.approx(0.0996, abs=0.02)  # noise of 8192 particles
    assert number(r"product +([\d.]+)", printed) == pytest.approx(0.0996, rel=0.02)
    assert number(r"peak power in a train of 60 A: ([\d.]+) kW", printed) == pytest.approx(17.0, rel=0.4)
    assert 0.1 < number(r"long modulators: .* turns, ([\d.]+) % of the ideal", printed) < 1.0, "fraction of a percent"
    assert number(r"emittance y: 40 pm -> (\d+) pm", printed) > 300.0, "scattering is counted"
    assert number(r"this run, everything counted +([\d.e+-]+) W", printed) < 1e-3, "and nothing is left"
    assert number(r"NXE:3800E source .* ([\d.]+) wafers/h", printed) > 200.0
    assert number(r"266\.0 nm: .*, +([\d.]+) W at the undulator", printed) > 1000.0


def tells_07(printed: str) -> None:
    tracked, theory, alone = (number(rf"{word} ([\d.]+) mm", printed) for word in ("tracked", "theory", "without wake"))
    assert tracked == pytest.approx(theory, rel=0.03)
    assert theory > 1.2 * alone
    assert number(r"threshold ([\d.]+) A", printed) == pytest.approx(3.17, abs=0.01)
    for current in ("4.75", "8.00", "12.70"):
        theory, tracked = (number(rf"{current} A: .*{word} ([\d.]+)", printed) for word in ("relation", "tracked"))
        assert tracked == pytest.approx(theory, rel=0.06)
    assert number(r"space charge of 1 A: .* (\d+) % of it at", printed) > 60
    alone, felt = (
        number(rf"1.00 A, {case}: ([\d.e+]+) W", printed) for case in ("without", "own light and space charge")
    )
    assert 0.5 * alone < felt < 1.1 * alone
    assert "own light of the radiator" in printed and "NOT COUNTED" in printed


@pytest.mark.parametrize("text", NOTEBOOKS, ids=NAMES)
def test_reduced_mode_prints_the_story(text: Path) -> None:
    paths = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", text.name],
        cwd=text.parent,
        env=os.environ | {"SSMB_NOTEBOOK_REDUCED": "1", "MPLBACKEND": "Agg", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    globals()[f"tells_{text.name[:2]}"](ended.stdout)


@pytest.mark.parametrize("text", NOTEBOOKS, ids=NAMES)
def test_stored_notebook_is_executed_and_in_step(text: Path) -> None:
    stored = text.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert not re.search(r"/(home|root|Users|tmp|work)/", stored), "a stored notebook names no machine"
    assert len(stored.encode()) < 1_000_000
    notebook, written = json.loads(stored), text.read_text(encoding="utf-8")
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    assert len(code) >= 9 and all(c["execution_count"] for c in code)
    outputs = [o for c in code for o in c["outputs"]]
    assert not [o for o in outputs if o["output_type"] == "error"]
    assert sum("image/png" in o.get("data", {}) for o in outputs) >= FIGURES[text.name[:2]], "figures are stored"
    assert written.count("\n# %%") == len(notebook["cells"]), "as many cells in both forms"
    # compared without white space: the two forms differ in blank lines between cells only
    bare = {"code": "".join(written.split()), "markdown": "".join(re.sub(r"(?m)^# ?", "", written).split())}
    for cell in notebook["cells"]:
        assert "".join("".join(cell["source"]).split()) in bare[cell["cell_type"]]
