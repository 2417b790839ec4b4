"""The files of a lattice: the one that is named and those that it includes, as one list of named entries."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from ssmb.elements.base import ELEMENTS
from ssmb.errors import SsmbError, Where
from ssmb.lattice.expressions import CONSTANTS, FUNCTIONS, evaluate, is_name
from ssmb.lattice.problems import Problems
from ssmb.store.yaml_text import ListNode, MapNode, Node, Scalar, load_yaml, read_text

#: Keys of the PALS mapping.
TOP_KEYS = ("version", "constants", "variables", "facility", "use", "load", "extension_labels")
#: Keys of the PALS mapping that are for readers; nothing here follows from them.
PROSE = ("authors", "notes", "reminders")
#: Entries of the facility list that are not definitions.
DIRECTIVES = ("use", "include", "constants", "variables", "set", "sets")
MAX_INCLUDES = 100
#: Most values of parameters in all elements, those that are inherited counted again.
MAX_VALUES = 100_000
MAX_INCLUDE_DEPTH = 16

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,199}(#[1-9][0-9]{0,6})?")
NAME_RULE = "a name begins with a letter or _ and goes on with letters, digits, _ . or - (and #2 for a second copy)"


@dataclass(frozen=True)
class Source:
    """One file as it was read."""

    file: str
    text: str


@dataclass(eq=False)
class Definition:
    """A named entry of the facility, or one written inside a line."""

    name: str
    key: Scalar
    body: MapNode


@dataclass
class Documents:
    """Everything that stands in the files, before it is given a meaning."""

    problems: Problems
    sources: list[Source] = field(default_factory=list)
    constants: dict[str, float] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    use: Scalar | None = None
    start: Where | None = None
    #: assignments ``NAME>KEY: value`` in the order of the files: what they change, and the value
    sets: list[tuple[Scalar, Node]] = field(default_factory=list)
    #: names, prefixes and suffixes of the data of other programs, which are read past
    extensions: dict[str, list[str]] = field(default_factory=lambda: {"names": [], "prefixes": [], "suffixes": []})
    #: nodes whose value is known to be wrong (by id), so that what inherits them does not report them again
    failed: set[int] = field(default_factory=set)
    _values: int = 0
    _use_depth: int = 0
    _root: str | None = None
    _open: list[str] = field(default_factory=list)
    _read: set[str] = field(default_factory=set)

    @classmethod
    def of_file(cls, path: str | os.PathLike[str], problems: Problems) -> Documents:
        """Read a file and what it includes."""
        made = cls(problems)
        shown = os.fspath(path)
        made._root = os.path.realpath(os.path.dirname(os.path.abspath(shown)))
        made._file(shown, os.path.realpath(shown))
        return made

    @classmethod
    def of_text(cls, text: str, problems: Problems, file: str = "<text>") -> Documents:
        """Read a text, which cannot include files."""
        made = cls(problems)
        made._text(text, file)
        return made

    def define(self, name: Scalar, body: MapNode) -> None:
        """Add a definition, or note why it cannot be added."""
        if not is_element_name(name.text):
            self.problems.add(f"{name.text[:80]!r} cannot be a name: {NAME_RULE}", name.where)
        elif name.text in self.definitions:
            first = self.definitions[name.text].key.where
            self.problems.add(f"'{name.text}' is defined twice, first at {first}", name.where)
        else:
            self.definitions[name.text] = Definition(name.text, name, self.without_extensions(body))

    def is_extension(self, word: str) -> bool:
        """Whether a key is a registered label of another program."""
        labels = self.extensions
        return (
            word in labels["names"]
            or word.startswith(tuple(labels["prefixes"]))
            or word.endswith(tuple(labels["suffixes"]))
        )

    def without_extensions(self, body: MapNode) -> MapNode:
        """Return a mapping without the keys of other programs."""
        if not any(self.is_extension(key) for key in body.entries):
            return body
        kept = {key: value for key, value in body.entries.items() if not self.is_extension(key)}
        return replace(body, entries=kept, keys={key: body.keys[key] for key in kept})

    def number(self, node: Node, what: str) -> float | None:
        """Return a number or the value of an expression; else note the problem and return None."""
        if not isinstance(node, Scalar) or node.value is None or isinstance(node.value, bool):
            self.problems.add(f"{what} must be a number or an expression, got {shown(node)}", node.where)
            return None
        if not isinstance(node.value, str):
            return node.value
        where = node.where if node.plain else Where(node.file, node.line, node.column + 1)
        try:
            return evaluate(node.text, self.constants, where, on_one_line=node.one_line)
        except SsmbError as err:
            self.problems.note(err.__class__(f"{what}: {err.message}", err.where))
            return None

    def may_read(self, node: Node) -> bool:
        """Return whether a value is worth reading: it has not failed before, and not too much is inherited."""
        self._values += node.size
        if self._values - node.size <= MAX_VALUES < self._values:
            self.problems.add(f"elements have more than {MAX_VALUES} values, the inherited ones included", node.where)
        return self._values <= MAX_VALUES and id(node) not in self.failed

    def _file(self, path: str, real: str) -> None:
        self._open.append(real)
        self._read.add(real)
        try:
            self._text(read_text(path), path)
        finally:
            self._open.pop()

    def _text(self, text: str, file: str) -> None:
        self.sources.append(Source(file, text))
        tree = load_yaml(text, file)
        if self.start is None:
            self.start = tree.where
        if isinstance(tree, ListNode) and len(self._open) > 1:  # a list of definitions, to be included
            for item in tree.items:
                self._entry(item)
            return
        top = tree.entries.get("PALS") if isinstance(tree, MapNode) else None
        if not isinstance(tree, MapNode) or top is None:
            self.problems.add("a lattice file begins with 'PALS:' and holds 'facility:' below it", tree.where)
            return
        for key, place in tree.keys.items():
            if key != "PALS":
                self.problems.add(f"unknown key '{key[:80]}' beside 'PALS'; put everything below 'PALS:'", place.where)
        if not isinstance(top, MapNode):
            self.problems.add(f"'PALS' must be a mapping with the keys {', '.join(TOP_KEYS)}", top.where)
            return
        self._top(top)

    def _top(self, top: MapNode) -> None:
        if "extension_labels" in top.entries:
            self._labels(top.entries["extension_labels"])
        for key, place in top.keys.items():
            if key == "phase_space_coordinates":
                self._coordinates(top.entries[key])
            elif key not in TOP_KEYS and key not in PROSE and not self.is_extension(key):
                hint = self.problems.nearest(key, TOP_KEYS)
                self.problems.add(
                    f"unknown key '{key[:80]}' in 'PALS'; allowed: {', '.join(TOP_KEYS)}.{hint}", place.where
                )
        outermost = len(self._open) <= 1
        if "version" in top.entries and not isinstance(top.entries["version"], Scalar):
            self.problems.add("'version' must be a number or a text", top.entries["version"].where)
        load = top.entries.get("load")
        if load is None:
            self._own(top, outermost)
            return
        files = load.items if isinstance(load, ListNode) else []
        if not files or not all(isinstance(file, Scalar) and file.text for file in files):
            self.problems.add(f"'load' must be a list of files and SELF, got {shown(load)}", load.where)
        selves = [file for file in files if isinstance(file, Scalar) and file.text == "SELF"]
        for file in files:
            if file in selves:
                self._own(top, False)
            else:
                self._include(file, "load")
        if not selves:
            self._own(top, False)

    def _own(self, top: MapNode, must: bool) -> None:
        """What stands in a file itself, besides what it loads."""
        for key in ("constants", "variables"):
            if key in top.entries:
                self._constants(top.entries[key])
        facility = top.entries.get("facility")
        if isinstance(facility, ListNode):
            for item in facility.items:
                self._entry(item)
        elif facility is not None or must:
            self.problems.add("'facility' must be a list of definitions '- name: {kind: ...}'", (facility or top).where)
        if "use" in top.entries:
            self._use(top.entries["use"])

    def _labels(self, node: Node) -> None:
        if not isinstance(node, MapNode) or not set(node.entries) <= set(self.extensions):
            words = "'extension_labels' must be a mapping with the keys names, prefixes, suffixes"
            self.problems.add(f"{words}, got {shown(node)}", node.where)
            return
        for key, labels in node.entries.items():
            items = labels.items if isinstance(labels, ListNode) else []
            words = (
                list(labels.entries)
                if isinstance(labels, MapNode)
                else [i.text for i in items if isinstance(i, Scalar)]
            )
            if not words or "" in words:
                self.problems.add(
                    f"'extension_labels': {key} must be 'label: words', got {shown(labels)}", labels.where
                )
            else:
                self._register(key, words, labels)

    def _register(self, key: str, words: list[str], node: Node) -> None:
        """Add labels of other programs; those of this one (SSMB_) are read."""
        mine = {info.key.split(".")[0] for cls in ELEMENTS.values() for info in cls.parameters.values()}
        mine |= {"kind", "inherit", "repeat", "line", "branches", "periodic", *TOP_KEYS, *DIRECTIVES, *ELEMENTS}
        for word in words:
            hidden = sorted(w for w in mine if word == w or key == "prefixes" and w.startswith(word)
                            or key == "suffixes" and w.endswith(word))  # fmt: skip
            if word.startswith("SSMB_"):
                continue
            if hidden:
                self.problems.add(f"'extension_labels': {key}: '{word[:80]}' would hide '{hidden[0]}'", node.where)
            else:
                self.extensions[key].append(word)

    def _coordinates(self, node: Node) -> None:
        if not (isinstance(node, Scalar) and node.text == "standard"):
            words = "phase_space_coordinates must be standard (x, px, y, py, z, pz of PALS)"
            self.problems.add(f"{words}, got {shown(node)}", node.where)

    def _entry(self, item: Node) -> None:
        if not isinstance(item, MapNode) or len(item.entries) != 1:
            self.problems.add(
                "an entry of 'facility' has the form '- name: {kind: ...}' with one name"
                + (f", got {', '.join(item.entries)[:80]}" if isinstance(item, MapNode) else f", got {shown(item)}"),
                item.where,
            )
            return
        ((name, body),) = item.entries.items()
        if name == "use":
            self._use(body)
        elif name == "include":
            self._include(body)
        elif name in ("constants", "variables"):
            self._constants(body)
        elif name in ("set", "sets"):
            self._sets(name, body)
        elif self.is_extension(name) or isinstance(body, MapNode) and self._is_of_others(body):
            return
        elif isinstance(body, MapNode) and self._kind(body) in ("constant", "variable"):
            self._constants(
                MapNode(
                    body.file, body.line, body.column, {name: item.keys[name]}, {name: body.entries.get("value", body)}
                )
            )
        elif isinstance(body, MapNode):
            self.define(item.keys[name], body)
        else:
            self.problems.add(f"'{name[:80]}' must be a mapping with a 'kind', got {shown(body)}", body.where)

    @staticmethod
    def _kind(body: MapNode) -> str:
        kind = body.entries.get("kind")
        return kind.text if isinstance(kind, Scalar) else ""

    def _is_of_others(self, body: MapNode) -> bool:
        """Whether a definition is data of another program: it says so, or its kind or all its keys are labels."""
        keys = set(body.entries)
        return (
            "extension" in keys
            or self.is_extension(self._kind(body))
            or bool(keys)
            and all(map(self.is_extension, keys))
        )

    def _sets(self, word: str, node: Node) -> None:
        """Remember ``set: {parameter: NAME>KEY, value: V}``, or each pair of ``sets: [NAME>KEY: V]``."""
        if word == "set" and isinstance(node, MapNode) and set(node.entries) == {"parameter", "value"}:
            what = node.entries["parameter"]
            if isinstance(what, Scalar) and what.text:
                self.sets.append((what, node.entries["value"]))
                return
        rows = node.items if word == "sets" and isinstance(node, ListNode) else []
        if not rows or not all(isinstance(row, MapNode) for row in rows):
            form = "{parameter: NAME>KEY, value: NUMBER}" if word == "set" else "a list of 'NAME>KEY: NUMBER'"
            self.problems.add(f"'{word}' must be {form}, got {shown(node)}", node.where)
            return
        for row in rows:
            if isinstance(row, MapNode):
                self.sets += [(row.keys[key], value) for key, value in row.entries.items()]

    def _use(self, node: Node) -> None:
        """Remember what to build; the ``use`` of a file wins over those of the files that it includes."""
        depth = len(self._open)
        if not isinstance(node, Scalar) or not node.text:
            self.problems.add(f"'use' must be the name of a BeamLine or Lattice, got {shown(node)}", node.where)
        elif self.use is not None and self.use.file == node.file:
            self.problems.add(f"'use' stands twice, first in line {self.use.line}", node.where)
        elif self.use is None or depth <= self._use_depth:
            self.use, self._use_depth = node, depth

    def _constants(self, node: Node) -> None:
        if isinstance(node, ListNode) and node.items and all(isinstance(item, MapNode) for item in node.items):
            for item in node.items:
                self._constants(item)
            return
        if not isinstance(node, MapNode):
            self.problems.add("'constants' must be a mapping 'name: number or expression'", node.where)
            return
        for name, value in node.entries.items():
            place = node.keys[name].where
            if not is_name(name):
                self.problems.add(f"{name[:80]!r} cannot name a constant; use letters, digits and _", place)
            elif name in CONSTANTS or name in FUNCTIONS:
                self.problems.add(f"'{name}' is already known and cannot be changed; take another name", place)
            elif name in self.constants:
                self.problems.add(f"constant '{name}' is defined twice", place)
            else:
                number = self.number(value, f"constant '{name}'")
                # a wrong constant stays known, so that its uses are not reported too
                self.constants[name] = 1.0 if number is None else float(number)

    def _include(self, node: Node, word: str = "include") -> None:
        path = node.text if isinstance(node, Scalar) else ""
        reason = self._refused_include(path) if path else f"must be the name of a file, got {shown(node)}"
        if reason is None:
            beside = os.path.join(os.path.dirname(node.file), path)
            real = os.path.realpath(beside)
            if word == "load" and real in self._read and real not in self._open:
                return  # two files load it: it counts once
            reason = self._refused_file(real)
            if reason is None:
                try:
                    self._file(beside, real)
                except SsmbError as err:
                    # what has no line of its own is told at the include
                    self.problems.note(err if err.where and err.where.line else err.__class__(str(err), node.where))
                return
        self.problems.add(f"{word} {shown(node)}: {reason}", node.where)

    def _refused_include(self, path: str) -> str | None:
        if self._root is None:
            return "a lattice given as text cannot include files; load it from a file"
        parts = re.split(r"[/\\]", path)
        if "\0" in path or len(path) > 500:
            return "this is not a file name"
        if os.path.isabs(path) or path[0] in "/\\~" or ":" in parts[0] or ".." in parts:
            return "only files in the folder of the lattice file or below it can be included"
        return None

    def _refused_file(self, real: str) -> str | None:
        if not Path(real).is_relative_to(self._root or ""):
            return "the link leads out of the folder of the lattice file"
        if real in self._open:
            return "this file is being read already: the includes run in a circle"
        if real in self._read:
            return "this file is included already"
        if len(self._open) > MAX_INCLUDE_DEPTH or len(self._read) > MAX_INCLUDES:
            return f"more than {MAX_INCLUDES} files, or nested more than {MAX_INCLUDE_DEPTH} deep"
        return None


def is_element_name(text: str) -> bool:
    """Return whether an element (or one copy of it), a line or a lattice may have this name."""
    return _NAME.fullmatch(text) is not None and text not in DIRECTIVES


def shown(node: Node) -> str:
    """Return a short text for messages: what stands in the file, or what kind of thing it is."""
    if isinstance(node, Scalar):
        return repr(node.text if len(node.text) <= 80 else node.text[:77] + "...")
    return "a mapping" if isinstance(node, MapNode) else "a list"
