"""A kind of monitor is named by its own file alone; a kind of study by its file and by that of its figure.

So that one more costs one file: everybody else finds them in their registry and asks for what they have.
"""

from __future__ import annotations

import ast
import inspect
import typing
from collections.abc import Iterator
from functools import cache
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


def compared(tree: ast.Module) -> Iterator[str]:
    """Texts of a module that kinds are compared with, or that ask a registry for one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) or (
            isinstance(node, ast.Subscript) and ast.unparse(node.value) in ("Literal", "MONITORS", "STUDIES")
        ):
            yield from (n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str))


class Words:
    """What a module says: names of all sorts, texts, and the texts that kinds are compared with; line of each."""

    def __init__(self, source: str) -> None:
        tree = ast.parse(source)
        self.names: dict[str, int] = {}
        self.texts: dict[str, int] = {}
        self.compared = set(compared(tree))
        for node in ast.walk(tree):
            line = getattr(node, "lineno", 0)
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.texts[node.value] = line
            elif isinstance(node, ast.alias):
                self.names[node.name.rpartition(".")[2]] = line
            for word in (getattr(node, "id", None), getattr(node, "attr", None)):
                if word is not None:
                    self.names[word] = line

    def of(self, kind: str, reader: bool = True) -> Iterator[str]:
        """Where the module names a kind: by its classes, or by its key as a text."""
        for name in sorted(NAMES[kind]):
            if name in self.names or name in self.texts:
                yield f"{name} in line {self.names.get(name) or self.texts[name]}"
        told = self.compared if kind in ALSO_A_QUANTITY else self.texts
        if reader and kind in told:
            yield f"'{kind}' in line {self.texts[kind]}"


@cache
def package() -> dict[str, Words]:
    """Words of each file of the package, by its path from the root."""
    files = sorted(PACKAGE.rglob("*.py"))
    return {str(f.relative_to(PACKAGE)): Words(f.read_text(encoding="utf-8")) for f in files}


@pytest.mark.parametrize("kind", NAMES)
def test_a_kind_is_named_by_its_own_file_alone(kind: str) -> None:
    others = {name: words for name, words in package().items() if name not in HOMES[kind] and name not in PUBLIC}
    found = {name: list(words.of(kind, name.startswith(READERS))) for name, words in others.items()}
    assert {name: seen for name, seen in found.items() if seen} == {}


@pytest.mark.parametrize("kind", NAMES)
def test_its_own_file_is_found_by_the_search(kind: str) -> None:
    cls: Any = MONITORS.get(kind) or STUDIES[kind]
    assert list(package()[home(cls)].of(kind))


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
    assert list(Words(source).of(kind))


def test_a_word_that_is_also_a_quantity_is_no_kind() -> None:
    assert not list(Words("told = light['bunching']").of("bunching"))
