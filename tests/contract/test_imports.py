"""Who imports whom: no circles and no upward imports, also not behind TYPE_CHECKING or inside a function; size of
modules.
"""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "ssmb"

#: modules of more than 450 lines, each with the reason why it is one story
LONG: dict[str, str] = {
    "benchmarks/same_numbers.py": "a third of it is the table of reasons for which numbers differ",
    "ssmb/quantity.py": "one declaration, and all that follows from it: reading, checking, telling",
}


def _modules() -> dict[str, Path]:
    """Return every module of the package by its dotted name."""
    out = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        out[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return out


MODULES = _modules()


def _imported(source: str) -> set[str]:
    """Return the modules of the package that a source imports at any place of its text."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in MODULES else str(node.module))
    return found & set(MODULES)


@cache
def _graph() -> dict[str, set[str]]:
    """Return what each module of the package imports of it."""
    return {name: _imported(path.read_text()) - {name} for name, path in MODULES.items()}


def _circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of modules that reach each other (Tarjan's strongly connected components of more than one)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            at = stack.index(name)
            group = stack[at:]
            del stack[at:]
            if len(group) > 1:
                groups.append(sorted(group))

    for name in sorted(graph):
        if name not in index:
            visit(name)
    return groups


def test_circles_are_found():
    assert _circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "c"}}) == [["b", "c"]]
    hidden = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ssmb.beam import Beam\n"
    late = "def f():\n    from ssmb.beam import rows\n    import ssmb.units\n"
    assert _imported(hidden) == {"ssmb.beam"} and _imported(late) == {"ssmb.beam.rows", "ssmb.units"}


def test_no_circles():
    assert _circles(_graph()) == []


def _floors() -> dict[str, int]:
    """Return the floor of each room, 0 at the top, as the import contract tells it."""
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (c["layers"] for c in contracts if c["type"] == "layers")
    return {room.strip(): floor for floor, row in enumerate(layers) for room in row.split("|")}


def _room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def test_every_room_has_a_floor():
    assert {_room(m) for m in MODULES} - {"ssmb"} == set(_floors())


def test_nothing_imports_upwards():
    floors = _floors()

    def is_upward(module: str, other: str) -> bool:
        mine, its = _room(module), _room(other)
        if module == "ssmb" or (other == "ssmb" and mine == "ssmb.cli"):  # the public names; the version
            return False
        return mine != its and floors.get(its, -1) <= floors[mine]

    assert [f"{m} -> {o}" for m, others in _graph().items() for o in sorted(others) if is_upward(m, o)] == []


def test_the_graph_is_that_of_the_import_linter():
    grimp = pytest.importorskip("grimp")
    graph = grimp.build_graph("ssmb", cache_dir=None)
    theirs = {m: set(graph.find_modules_directly_imported_by(m)) - {m} for m in graph.modules}
    assert theirs == _graph()


@pytest.mark.parametrize("folder", ["ssmb", "benchmarks", "lattices", "notebooks"])
def test_a_module_is_one_story(folder):
    lines = {
        str(p.relative_to(REPOSITORY)): len(p.read_text().splitlines()) for p in (REPOSITORY / folder).rglob("*.py")
    }
    assert {name: n for name, n in lines.items() if n > 450 and name not in LONG} == {}
