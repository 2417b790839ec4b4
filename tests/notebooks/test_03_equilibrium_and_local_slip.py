"""Notebook 03 runs from top to bottom in its reduced mode; its stored form is executed and in step with its text form."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = ROOT / "notebooks" / "03_equilibrium_and_local_slip.py"
STORED = TEXT.with_suffix(".ipynb")


def number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found, f"'{pattern}' is not printed"
    return float(found[1])


def test_reduced_mode_prints_the_story() -> None:
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
    printed = ended.stdout
    assert number(r"tracked against envelope: ([\d.]+) %", printed) < 2.0
    assert 1.05 < number(r"pole faces radiate: J_x = ([\d.]+)", printed) < 1.06
    assert 33.0 < number(r"smallest length ([\d.]+) nm", printed) < 35.0
    assert 1.0 < number(r"([\d.]+) times the theoretical minimum", printed) < 1.3


def test_stored_notebook_is_executed_and_in_step() -> None:
    stored = STORED.read_text(encoding="utf-8")
    assert not re.search(r"/(home|root|Users|tmp|work)/", stored)
    notebook, text = json.loads(stored), TEXT.read_text(encoding="utf-8")
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    assert all(c["execution_count"] for c in code)
    assert not [o for c in code for o in c["outputs"] if o["output_type"] == "error"]
    assert sum("image/png" in o.get("data", {}) for c in code for o in c["outputs"]) >= 6, "figures are stored"
    assert STORED.stat().st_size < 1_000_000
    assert text.count("\n# %%") == len(notebook["cells"]), "as many cells in both forms"
    # compared without white space: the two forms differ in blank lines between cells only
    bare = {"code": "".join(text.split()), "markdown": "".join(re.sub(r"(?m)^# ?", "", text).split())}
    for cell in notebook["cells"]:
        assert "".join("".join(cell["source"]).split()) in bare[cell["cell_type"]]
