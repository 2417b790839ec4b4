"""The files of a lattice: the one that is named and those that it includes, as one list of named entries."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ssmb.errors import SsmbError, Where
from ssmb.lattice.expressions import CONSTANTS, FUNCTIONS, MAX_CHARACTERS, evaluate, is_name
from ssmb.lattice.extensions import Extensions, kind_of, shown
from ssmb.lattice.problems import Problems
from ssmb.store.yaml_text import ListNode, MapNode, Node, Scalar, load_yaml, read_text

#: Keys of the PALS mapping.
TOP_KEYS = ("version", "constants", "variables", "facility", "use", "load", "extension_labels")
#: Keys of the PALS mapping that are for readers; nothing here follows from them.
PROSE = ("authors", "notes", "reminders")
#: Keys of the PALS mapping for which there is nothing here, and why.
NOT_READ = {"adjustments": "optimisations of a file are not run; match by ssmb.match, and leave them out"}
#: Entries of the facility list that are not definitions.
DIRECTIVES = ("use", "include", "constants", "variables", "set", "sets")
MAX_INCLUDES = 100
#: Most values of parameters in all elements, those that are inherited counted again.
MAX_VALUES = 100_000
MAX_INCLUDE_DEPTH = 16

#: Deepest chain of values that refer to others.
_MOST_REFERENCES = 50
#: ``NAME>GROUP.KEY`` in an expression: the number that stands there.
_REFERENCE = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)>([A-Za-z_][A-Za-z0-9_.]*)")
_OUTSIDE = "only files in the folder of the lattice file or below it can be included"
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
    #: values of constants that take the place of what the files say
    instead: Mapping[str, float] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    constants: dict[str, float] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    use: Scalar | None = None
    start: Where | None = None
    #: assignments ``NAME>KEY: value`` in the order of the files: what they change, and the value
    sets: list[tuple[Scalar, Node]] = field(default_factory=list)
    #: the data of other programs, which are read past
    extensions: Extensions = field(default_factory=Extensions)
    #: nodes whose value is known to be wrong (by id), so that what inherits them does not report them again
    failed: set[int] = field(default_factory=set)
    #: numbers that others refer to, by name and key, and those that are being looked up
    known: dict[tuple[str, str], float | None] = field(default_factory=dict)
    _asked: list[tuple[str, str]] = field(default_factory=list)
    _values: int = 0
    _use_depth: int = 0
    _root: str | None = None
    _open: list[str] = field(default_factory=list)
    _read: set[str] = field(default_factory=set)

    @classmethod
    def of_file(
        cls, path: str | os.PathLike[str], problems: Problems, instead: Mapping[str, float] | None = None
    ) -> Documents:
        """Read a file and what it includes, with other values of some constants."""
        made = cls(problems, instead or {})
        shown = os.fspath(path)
        made._root = os.path.realpath(os.path.dirname(os.path.abspath(shown)))
        made._file(shown, os.path.realpath(shown))
        return made

    @classmethod
    def of_text(
        cls, text: str, problems: Problems, instead: Mapping[str, float] | None = None, file: str = "<text>"
    ) -> Documents:
        """Read a text, which cannot include files, with other values of some constants."""
        made = cls(problems, instead or {})
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
            self.definitions[name.text] = Definition(name.text, name, self.extensions.without(body))

    def number(self, node: Node, what: str, names: Mapping[str, float] | None = None) -> float | None:
        """Return a number or the value of an expression; else note the problem and return None.

        Parameters
        ----------
        names : values of names that are known here besides the constants.
        """
        if not isinstance(node, Scalar) or node.value is None or isinstance(node.value, bool):
            self.problems.add(f"{what} must be a number or an expression, got {shown(node)}", node.where)
            return None
        if not isinstance(node.value, str):
            return node.value
        where = node.where if node.plain else Where(node.file, node.line, node.column + 1)
        text = self.with_references(node, what)
        if text is None:
            return None
        known = {**self.constants, **names} if names else self.constants
        try:
            return evaluate(text, known, where, on_one_line=node.one_line and text == node.text)
        except SsmbError as err:
            self.problems.note(err.__class__(f"{what}: {err.message}", err.where))
            return None

    def with_references(self, node: Scalar, what: str) -> str | None:
        """The text of a value with the numbers of other elements in place of ``NAME>GROUP.KEY``; None if one fails."""
        if ">" not in node.text or len(node.text) > MAX_CHARACTERS:
            return node.text
        found = {hit.group(): self._referred(hit[1], hit[2], node, what) for hit in _REFERENCE.finditer(node.text)}
        if None in found.values():
            return None
        return _REFERENCE.sub(lambda hit: f"({found[hit.group()]!r})", node.text)

    def _referred(self, name: str, key: str, by: Node, what: str) -> float | None:
        """The number at a key of a definition, or of what it inherits."""
        place, words = (name, key), ""
        if place in self.known:
            return self.known[place]
        node = self.value_at(name, key)
        if name not in self.definitions:
            words = f"nothing is named '{name[:80]}'.{self.problems.nearest(name, self.definitions)}"
        elif node is None:
            words = f"'{name[:80]}' says nothing of {key[:80]}"
        elif place in self._asked or len(self._asked) >= _MOST_REFERENCES:
            words = f"values refer to each other in a circle, or more than {_MOST_REFERENCES} deep"
        if words or node is None:
            self.problems.add(f"{what}: '{name[:80]}>{key[:80]}': {words}", by.where)
            return None
        self._asked.append(place)
        self.known[place] = self.number(node, f"'{name}>{key}'")
        self._asked.pop()
        return self.known[place]

    def value_at(self, name: str, key: str) -> Node | None:
        """What stands at ``GROUP.KEY`` of a definition, or of the one that it inherits."""
        for _ in range(_MOST_REFERENCES):
            found: Node | None = self.definitions[name].body if name in self.definitions else None
            parent = found.entries.get("inherit") if isinstance(found, MapNode) else None
            for word in key.split("."):
                found = found.entries.get(word) if isinstance(found, MapNode) else None
            if found is not None or not isinstance(parent, Scalar):
                return found
            name = parent.text
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
            self.extensions.read(top.entries["extension_labels"], self.problems, (*TOP_KEYS, *DIRECTIVES))
        for key, place in top.keys.items():
            if key == "phase_space_coordinates":
                self._coordinates(top.entries[key])
            elif key in NOT_READ:
                self.problems.add(f"'{key}' of PALS: {NOT_READ[key]}", place.where)
            elif key not in TOP_KEYS and key not in PROSE and not self.extensions.has(key):
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
            words = "'facility' must be a list of definitions '- name: {kind: ...}'"
            none = "" if facility else "; there is none: this file is a part, which others load"
            self.problems.add(words + none, (facility or top).where)
        if "use" in top.entries:
            self._use(top.entries["use"])

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
        elif self.extensions.has(name) or isinstance(body, MapNode) and self.extensions.are_all_of(body):
            return
        elif isinstance(body, MapNode) and kind_of(body) in ("constant", "variable"):
            self._constants(
                MapNode(
                    body.file, body.line, body.column, {name: item.keys[name]}, {name: body.entries.get("value", body)}
                )
            )
        elif isinstance(body, MapNode):
            self.define(item.keys[name], body)
        else:
            self.problems.add(f"'{name[:80]}' must be a mapping with a 'kind', got {shown(body)}", body.where)

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
                number = self.instead.get(name, self.number(value, f"constant '{name}'"))
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
            reason = self._refused_file(real, path)
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
        if os.path.isabs(path) or path[0] in "/\\~" or ":" in parts[0] or "\\" in path and ".." in parts:
            return _OUTSIDE
        return None

    def _refused_file(self, real: str, path: str) -> str | None:
        if not Path(real).is_relative_to(self._root or ""):
            return _OUTSIDE if ".." in path.split("/") else "the link leads out of the folder of the lattice file"
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
