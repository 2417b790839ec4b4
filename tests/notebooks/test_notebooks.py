"""Notebook 01 runs from top to bottom in its reduced mode; its stored form is executed and in step with its text form."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = ROOT / "notebooks" / "01_mls_proof_of_principle.py"
STORED = TEXT.with_suffix(".ipynb")


@pytest.fixture(scope="module")
def printed() -> str:
    """What the notebook prints in its reduced mode."""
    pytest.importorskip("daceypy", reason="the notebook computes Taylor maps")
    paths = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", TEXT.name],
        cwd=TEXT.parent,
        env=os.environ | {"SSMB_NOTEBOOK_REDUCED": "1", "MPLBACKEND": "Agg", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout


def number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found, f"'{pattern}' is not printed"
    return float(found[1])


def test_reduced_mode_prints_the_story(printed: str) -> None:
    assert 0.37 < number(r"retuned +1064 nm: tracked \|b\| = ([\d.]+)", printed) < 0.40
    assert number(r"exported +1064 nm: tracked \|b\| = ([\d.]+)", printed) < 0.04
    assert number(r"emittance 0.0001 nm, closed form ([\d.]+)", printed) == pytest.approx(0.567, abs=2e-3)
    assert number(r"1064 nm, 5 pC: coherent ([\d.e+]+) W", printed) > 1e4
    assert "REACHED" in printed and "second-order dispersion" in printed


def test_stored_notebook_is_executed_and_in_step() -> None:
    notebook = json.loads(STORED.read_text(encoding="utf-8"))
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    assert len(code) > 10
    assert all(c["execution_count"] for c in code)
    assert not [o for c in code for o in c["outputs"] if o["output_type"] == "error"]
    assert sum("image/png" in o.get("data", {}) for c in code for o in c["outputs"]) >= 8, "figures are stored"
    assert STORED.stat().st_size < 1_000_000
    # compared without white space: the two forms differ in blank lines between cells only
    text = "".join(TEXT.read_text(encoding="utf-8").split())
    for cell in code:
        assert "".join("".join(cell["source"]).split()) in text
    words = "".join(re.sub(r"(?m)^# ?", "", TEXT.read_text(encoding="utf-8")).split())
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            assert "".join("".join(cell["source"]).split()) in words
    cells = TEXT.read_text(encoding="utf-8").count("\n# %%")
    assert cells == len(notebook["cells"]), "as many cells in both forms"


def test_stored_notebook_names_no_machine() -> None:
    stored = STORED.read_text(encoding="utf-8")
    assert not re.search(r"/(home|root|Users|tmp|work)/", stored)
