"""The mistakes that the tests must find still have their place in the package: code that moves takes them along."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_each_mistake_can_be_made_in_one_place():
    mutants = runpy.run_path(str(ROOT / "benchmarks" / "mutants.py"))["MUTANTS"]
    texts = [file.read_text(encoding="utf-8") for file in sorted((ROOT / "ssmb").rglob("*.py"))]
    places = {m.name: sum(len(re.findall(m.find, text)) for text in texts) for m in mutants}
    assert len(places) == len(mutants) > 20
    assert {name: n for name, n in places.items() if n != 1} == {}
    named = {test for m in mutants for test in m.tests if test.startswith("tests/")}
    assert not [test for test in named if not (ROOT / test).exists()]
