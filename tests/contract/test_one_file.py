"""A kind of monitor is named by its own file alone; a kind of study by its file and by that of its figure.

So that one more costs one file: everybody else finds them in their registry and asks for what they have.
"""

from __future__ import annotations

import ast
import inspect
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ssmb
from ssmb.studies import STUDIES
from ssmb.tracking.monitors import MONITORS

PACKAGE = Path(ssmb.__file__).parent
#: The files that give the public names of the package.
PUBLIC = ("__init__.py", "tracking/__init__.py", "tracking/monitors/__init__.py")
#: Rooms that read run files, records and results; elsewhere the same words are elements, moments of a beam, parts.
READERS = ("tracking", "studies", "plot", "cli")
#: A kind whose name is also that of a quantity of many results: looked for only where kinds are compared.
ALSO_A_QUANTITY = {"bunching"}


def classes_of_study(key: str) -> set[str]:
    """Names of a study, of its run file and of its result."""
    study: Any = STUDIES[key]
    return {study.__name__, study.Config.__name__, typing.get_type_hints(study.run)["return"].__name__}


def home(cls: type[Any]) -> str:
    """The file of a class, from the root of the package."""
    return str(Path(inspect.getfile(cls)).relative_to(PACKAGE))


MONITOR_NAMES = {kind: {cls.__name__, cls.record_class.__name__} for kind, cls in MONITORS.items()}
STUDY_NAMES = {key: classes_of_study(key) for key in STUDIES}
HOMES = {kind: {home(cls)} for kind, cls in MONITORS.items()}
HOMES |= {key: {home(cls), home(cls).replace("studies/", "plot/")} for key, cls in STUDIES.items()}
NAMES = MONITOR_NAMES | STUDY_NAMES


def named(tree: ast.Module, kind: str, reader: bool = True) -> Iterator[str]:
    """Where a module names a kind: by its classes, or by its key as a text."""
    compared = [
        node for node in ast.walk(tree) if isinstance(node, ast.Compare)
        or (isinstance(node, ast.Subscript) and ast.unparse(node.value) in ("Literal", "MONITORS", "STUDIES"))
    ]  # fmt: skip
    told = [node for of in compared for node in ast.walk(of)] if kind in ALSO_A_QUANTITY else list(ast.walk(tree))
    for node in ast.walk(tree):
        words = {getattr(node, "id", None), getattr(node, "attr", None)}
        words |= {node.name.rpartition(".")[2]} if isinstance(node, ast.alias) else set()
        words |= {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()
        yield from (f"{name} in line {getattr(node, 'lineno', 0)}" for name in NAMES[kind] & words)
    for node in told if reader else ():
        if isinstance(node, ast.Constant) and node.value == kind:
            yield f"'{kind}' in line {node.lineno}"


@pytest.mark.parametrize("kind", NAMES)
def test_a_kind_is_named_by_its_own_file_alone(kind: str) -> None:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        if name not in HOMES[kind] and name not in PUBLIC:
            seen = list(named(ast.parse(path.read_text(encoding="utf-8")), kind, name.startswith(READERS)))
            found |= {name: seen} if seen else {}
    assert found == {}


@pytest.mark.parametrize("kind", NAMES)
def test_its_own_file_is_found_by_the_search(kind: str) -> None:
    cls: Any = MONITORS.get(kind) or STUDIES[kind]
    assert list(named(ast.parse(Path(inspect.getfile(cls)).read_text(encoding="utf-8")), kind))


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("bunching", "from ssmb.tracking import BunchingRecord"),
        ("bunching", "seen = isinstance(r, monitors.BunchingRecord)"),
        ("bunching", "found = m.kind == 'bunching'"),
        ("bunching", "kind: Literal['bunching']"),
        ("bucket", "KINDS = {'bucket': 1}"),
        ("track", "wanted = getattr(config, 'track')"),
        ("insertion", "from ssmb.studies.insertion import InsertionResult as R"),
    ],
)
def test_the_search_finds_what_it_looks_for(kind: str, source: str) -> None:
    assert list(named(ast.parse(source), kind))


def test_a_word_that_is_also_a_quantity_is_no_kind() -> None:
    assert not list(named(ast.parse("told = light['bunching']"), "bunching"))
