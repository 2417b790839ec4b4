"""The script that designs the quasi-isochronous rings, and whether it wrote their files."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from ssmb.lattice import Lattice

LATTICES = Path(__file__).parents[2] / "lattices"


@cache
def design_script() -> ModuleType:
    """The module."""
    name = "design_of_the_rings"
    spec = importlib.util.spec_from_file_location(name, LATTICES / "design" / "isochronous_ring.py")
    assert spec and spec.loader
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def same_file_again(design: Any, folder: Path) -> Lattice:
    """The ring, written again from the constants of its file; the text must be the same."""
    text = design.file.read_text(encoding="utf-8")
    rows = [line.split(":") for line in text.splitlines() if line.startswith("    ") and line.count(":") == 1]
    constants = {name.strip(): float(value) for name, value in rows if name.strip() in design.start}
    assert list(constants) == list(design.start)
    part = f"{design.name.removesuffix('ring')}geometry.pals.yaml"
    (folder / part).write_text((LATTICES / part).read_text(encoding="utf-8"), encoding="utf-8")
    again = design_script().written(design, constants, folder / "ring.pals.yaml")
    assert (folder / "ring.pals.yaml").read_text(encoding="utf-8") == text
    return again
