"""Notebook 02 runs from top to bottom in its reduced mode; its stored form is executed and in step with its text form."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = ROOT / "notebooks" / "02_micro_buckets.py"
STORED = TEXT.with_suffix(".ipynb")


@pytest.fixture(scope="module")
def printed() -> str:
    """What the notebook prints in its reduced mode."""
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
    assert number(r"A = ([\d.e-]+) from tracking", printed) == pytest.approx(4.2e-4, rel=2e-3)
    assert number(r"tune ([\d.]+) \(smooth", printed) == pytest.approx(0.0801, abs=2e-4)
    assert number(r"K_s = 0.01: largest deviation from the elliptic integral ([\d.e-]+)", printed) < 2e-3
    assert number(r"loss  : area ([\d.]+)", printed) == pytest.approx(0.60, abs=0.01)
    assert "2 row(s), limited by the slip" in printed
    assert number(r"inside the separatrix: tracked ([\d.]+)", printed) == pytest.approx(
        number(r"inside the separatrix: tracked [\d.]+, model ([\d.]+)", printed), abs=0.05
    )
    assert number(r"quantum lifetime (\d+) damping times", printed) == pytest.approx(8238, rel=0.02)


def test_stored_notebook_is_executed_and_in_step() -> None:
    notebook = json.loads(STORED.read_text(encoding="utf-8"))
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    assert len(code) >= 9
    assert all(c["execution_count"] for c in code)
    assert not [o for c in code for o in c["outputs"] if o["output_type"] == "error"]
    assert sum("image/png" in o.get("data", {}) for c in code for o in c["outputs"]) >= 7, "figures are stored"
    assert STORED.stat().st_size < 1_000_000
    # compared without white space: the two forms differ in blank lines between cells only
    written = TEXT.read_text(encoding="utf-8")
    text, words = "".join(written.split()), "".join(re.sub(r"(?m)^# ?", "", written).split())
    for cell in notebook["cells"]:
        assert "".join("".join(cell["source"]).split()) in (text if cell["cell_type"] == "code" else words)
    assert written.count("\n# %%") == len(notebook["cells"]), "as many cells in both forms"
    assert not re.search(r"/(home|root|Users|tmp|work)/", STORED.read_text(encoding="utf-8"))
