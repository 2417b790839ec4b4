"""The notebook runs from top to bottom, and its stored form is executed, free of errors and in step with its text
form.
"""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

pytest.importorskip("periodictable", reason="the notebook computes mirrors")

FOLDER = Path(__file__).parents[2] / "notebooks"
TEXT = FOLDER / "10_euv_sources_and_chips.py"
STORED = TEXT.with_suffix(".ipynb")


def test_notebook_runs(capsys, monkeypatch):
    from ssmb.plot import canvas

    drawn, new_figure = [], canvas.new_figure
    monkeypatch.setattr(canvas, "new_figure", lambda *size: drawn.append(size) or new_figure(*size))
    runpy.run_path(str(TEXT))
    out = capsys.readouterr().out
    assert len(drawn) == 5
    assert "250-770 W" in out
    assert "not limited by EUV power" in out
    assert "simulated" in out


def test_stored_notebook_is_executed_and_in_step():
    notebook = json.loads(STORED.read_text(encoding="utf-8"))
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    assert code
    assert all(c["execution_count"] for c in code)
    assert not [o for c in code for o in c["outputs"] if o["output_type"] == "error"]
    assert sum("image/png" in o.get("data", {}) for c in code for o in c["outputs"]) == 5
    assert STORED.stat().st_size < 400_000
    # Compared without white space: the two forms differ in blank lines between cells only.
    text = "".join(TEXT.read_text(encoding="utf-8").split())
    for cell in code:
        assert "".join("".join(cell["source"]).split()) in text
